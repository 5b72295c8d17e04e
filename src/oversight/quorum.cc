#include "oversight/quorum.h"

#include <algorithm>
#include <set>

#include "warrant/evidence.h"

namespace pawl::oversight {
namespace {

// Whether the charter's `at_least` of this role is asked for. Votes against count in every role and action.
bool IsNeeded(charter::Role role, warrant::Action action) {
  switch (role) {
    case charter::Role::kProver:
      return action != warrant::Action::kAmendment;
    case charter::Role::kEvaluator:
    case charter::Role::kCritic:
    case charter::Role::kPeer:
      return action == warrant::Action::kRelease;
    case charter::Role::kIntegrity:
      return true;
    case charter::Role::kAuditor:
      return false;
  }
  return false;
}

Result<void> ShownTogether(const std::vector<const audit::LoggedVote*>& logged, int64_t faults_max) {
  std::vector<warrant::Vote> votes;
  for (const audit::LoggedVote* vote : logged) {
    votes.push_back(vote->vote);
    votes.back().evidence = vote->Evidence();
  }
  std::vector<const warrant::Vote*> pointers;
  for (const warrant::Vote& vote : votes) pointers.push_back(&vote);
  return warrant::CheckShownTogether(pointers, static_cast<uint64_t>(faults_max));
}

}  // namespace

QuorumReport TallyQuorum(const charter::Charter& charter, const audit::ProposalHistory& proposal) {
  QuorumReport report;
  report.met = true;
  for (const charter::QuorumRule& rule : charter.quorum) {
    const bool needed = IsNeeded(rule.role, proposal.proposal.action);
    RoleTally tally{.role = rule.role,
                    .at_least = rule.at_least,
                    .against_max = rule.against_max,
                    .in_favour = {},
                    .against = {},
                    .missing = {}};
    std::set<std::string> in_favour, against, could_vote;
    std::vector<const audit::LoggedVote*> votes;  // in favour
    for (const charter::Reviewer& reviewer : charter.reviewers) {
      if (reviewer.role != rule.role) continue;
      const auto vote =
          std::find_if(proposal.votes.begin(), proposal.votes.end(),
                       [&](const audit::LoggedVote& logged) { return logged.vote.reviewer == reviewer.name; });
      if (vote == proposal.votes.end()) {
        if (needed) tally.missing.push_back(reviewer.name);
        could_vote.insert(reviewer.principal);
        continue;
      }
      switch (vote->vote.verdict) {
        case warrant::VoteVerdict::kFor:
          in_favour.insert(reviewer.principal);
          votes.push_back(&*vote);
          break;
        case warrant::VoteVerdict::kAgainst:
          against.insert(reviewer.principal);
          break;
        case warrant::VoteVerdict::kAbstain:
          break;
      }
    }
    for (const std::string& principal : against) {
      in_favour.erase(principal);
      could_vote.erase(principal);
    }
    std::set<std::string> reachable = in_favour;
    reachable.insert(could_vote.begin(), could_vote.end());
    tally.in_favour.assign(in_favour.begin(), in_favour.end());
    tally.against.assign(against.begin(), against.end());
    if (static_cast<int64_t>(against.size()) > rule.against_max ||
        (needed && static_cast<int64_t>(reachable.size()) < rule.at_least)) {
      report.lost = true;
    }
    if (!needed && against.empty()) continue;
    const bool enough = static_cast<int64_t>(in_favour.size()) >= rule.at_least;
    if (needed && !enough) report.met = false;
    if (needed && enough && rule.faults_max) {
      // All have spoken, so nothing can be added any more.
      const Result<void> shown = ShownTogether(votes, *rule.faults_max);
      if (!shown.ok()) {
        report.lost = true;
        report.not_shown = shown.error().message;
      }
    }
    report.missing.insert(report.missing.end(), tally.missing.begin(), tally.missing.end());
    if (!report.summary.empty()) report.summary += ", ";
    report.summary += std::string(charter::RoleName(rule.role)) + " " + std::to_string(in_favour.size()) + "/" +
                      std::to_string(rule.at_least);
    if (!against.empty()) report.summary += " (" + std::to_string(against.size()) + " against)";
    report.roles.push_back(std::move(tally));
  }
  if (report.lost) report.met = false;
  return report;
}

std::string Disagreement::Text() const {
  const auto joined = [](const std::vector<std::string>& names) {
    std::string text;
    for (const std::string& name : names) text += (text.empty() ? "" : ", ") + name;
    return text;
  };
  return "reviewers disagree: against " + joined(against) + "; for " + joined(in_favour);
}

std::optional<Disagreement> FindDisagreement(const audit::ProposalHistory& proposal) {
  Disagreement found;
  for (const audit::LoggedVote& logged : proposal.votes) {
    switch (logged.vote.verdict) {
      case warrant::VoteVerdict::kFor:
        found.in_favour.push_back(logged.vote.reviewer);
        break;
      case warrant::VoteVerdict::kAgainst:
        found.against.push_back(logged.vote.reviewer);
        break;
      case warrant::VoteVerdict::kAbstain:
        break;
    }
  }
  if (found.in_favour.empty() || found.against.empty()) return std::nullopt;
  return found;
}

ClosingTally TallyClosing(const charter::Charter& charter, const audit::ProposalHistory& proposal) {
  ClosingTally tally;
  if (const charter::QuorumRule* rule = charter.FindQuorum(charter::Role::kAuditor)) tally.at_least = rule->at_least;
  std::set<std::string> principals;
  for (const charter::Reviewer& reviewer : charter.reviewers) {
    if (reviewer.role != charter::Role::kAuditor) continue;
    const auto& signatures = proposal.closing_envelope.signatures;
    const bool signed_it = std::any_of(signatures.begin(), signatures.end(), [&](const encoding::Signature& signature) {
      return signature.keyid == reviewer.name;
    });
    if (signed_it) {
      principals.insert(reviewer.principal);
    } else {
      tally.missing.push_back(reviewer.name);
    }
  }
  tally.principals.assign(principals.begin(), principals.end());
  tally.met = proposal.closing && static_cast<int64_t>(principals.size()) >= tally.at_least;
  return tally;
}

}  // namespace pawl::oversight
