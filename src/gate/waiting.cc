#include "gate/waiting.h"

#include <algorithm>
#include <set>

#include "encoding/time.h"
#include "gate/decide.h"
#include "ledger/loader_memory.h"
#include "oversight/acceleration.h"
#include "oversight/complaint.h"
#include "oversight/key_terms.h"
#include "oversight/quorum.h"
#include "warrant/approval.h"

namespace pawl::gate {
namespace {

using audit::ProposalHistory;
using warrant::Action;

std::string Joined(const std::vector<std::string>& words, const std::string& last) {
  std::string text;
  for (size_t i = 0; i < words.size(); ++i) {
    if (i > 0) text += i + 1 == words.size() ? " " + last + " " : ", ";
    text += words[i];
  }
  return text;
}

Wait WaitFor(Party party, const std::string& what, std::vector<std::string> who, std::vector<std::string> commands) {
  const std::string command = commands.front();
  return {what + "; " + command, party, std::move(who), std::move(commands)};
}

// ---- reviewers

// "prover-a (lab-a)", so that one knows whom to call.
std::vector<std::string> WithPrincipals(const charter::Charter& charter, const std::vector<std::string>& reviewers) {
  std::vector<std::string> named;
  for (const std::string& name : reviewers) {
    const charter::Reviewer* reviewer = charter.FindReviewer(name);
    named.push_back(reviewer == nullptr ? name : name + " (" + reviewer->principal + ")");
  }
  return named;
}

// "; auditor-a accuses …": why those whose closing is missing do not close.
std::string WhyNot(const ProposalHistory& proposal, const std::vector<std::string>& auditors) {
  for (const audit::LoggedComplaint& one : proposal.complaints) {
    if (std::ranges::find(auditors, one.complaint.complainant) != auditors.end()) return "; " + oversight::Heading(one);
  }
  return "";
}

Wait ForReviewers(const charter::Charter& charter, const std::string& proposal, const std::string& what,
                  const std::vector<std::string>& reviewers, const std::string& why = {}) {
  std::vector<std::string> commands;
  for (const std::string& name : reviewers) commands.push_back("pawl review --as " + name);
  if (commands.empty()) return WaitFor(Party::kMachine, proposal + " can go on", {}, {"pawl advance " + proposal});
  return WaitFor(Party::kReviewers,
                 proposal + " waits for " + what + " of " + Joined(WithPrincipals(charter, reviewers), "and") + why,
                 reviewers, std::move(commands));
}

// ---- the machine and the clock

Wait ForTheGate(const ProposalHistory& proposal) {
  const std::string& name = proposal.proposal.proposal;
  const Position position = PositionOf(proposal);
  if (proposal.findings.empty())
    return WaitFor(Party::kMachine, name + " was only begun", {}, {"pawl advance " + name});
  if (position.rule.empty()) {
    return WaitFor(Party::kMachine, name + " was interrupted after " + std::string(audit::StepName(position.step)), {},
                   {"pawl advance " + name});
  }
  return WaitFor(Party::kMachine,
                 name + " waits at " + std::string(audit::StepName(position.step)) + ": " + position.reason, {},
                 {"pawl advance " + name});
}

// ---- people

std::set<std::string> Principals(const charter::Charter& charter) {
  std::set<std::string> principals;
  for (const crypto::AllowedSigner& signer : charter.approval.signers) principals.insert(signer.principal);
  return principals;
}

int64_t ApprovalsNeeded(const ledger::SubjectLog& log, const charter::Charter& charter,
                        const ProposalHistory& proposal) {
  const auto& releases = log.history().releases();
  const ProposalHistory* last = releases.empty() ? nullptr : log.history().Find(releases.back().proposal);
  const bool to_predecessor = last != nullptr && last->proposal.action == Action::kRelease && releases.size() >= 2 &&
                              releases[releases.size() - 2].tree == proposal.proposal.tree;
  return warrant::ApprovalsNeeded(
      charter, proposal.proposal.action,
      to_predecessor ? warrant::RollbackTarget::kPredecessor : warrant::RollbackTarget::kOlder);
}

struct Missing {
  int64_t count = 0;
  std::vector<std::string> who;  // could still sign
};

// Whom this charter still asks.
Missing MissingPeople(const ledger::SubjectLog& log, const charter::Charter& charter, const ProposalHistory& proposal) {
  std::set<std::string> left = Principals(charter);
  int64_t have = 0;
  for (const encoding::Signature& signature : proposal.decision_envelope.signatures) {
    have += static_cast<int64_t>(left.erase(signature.keyid));
  }
  for (const audit::Refusal& refusal : proposal.refusals) left.erase(refusal.principal);
  return {std::max<int64_t>(0, ApprovalsNeeded(log, charter, proposal) - have), {left.begin(), left.end()}};
}

Wait ForPeople(const ledger::SubjectLog& log, const ProposalHistory& proposal, int64_t now_s) {
  const std::string& name = proposal.proposal.proposal;
  if (now_s > proposal.decision->expires) {
    return WaitFor(Party::kMachine, name + " was drafted for people too long ago, and is drafted anew", {},
                   {"pawl advance " + name});
  }
  const charter::Charter& charter = log.charter().charter;
  Missing missing = MissingPeople(log, charter, proposal);
  std::string under;
  if (proposal.proposal.action == Action::kAmendment && missing.count == 0) {
    Result<charter::Charter> next = charter::ReadCharterFromStore(log.store(), proposal.proposal.tree);
    if (next.ok()) missing = MissingPeople(log, *next, proposal);
    under = " of the new charter";
  }
  if (missing.count > 0) {
    const std::string people = missing.count == 1 ? "1 more person" : std::to_string(missing.count) + " more people";
    return WaitFor(Party::kPeople, name + " waits for " + people + under + " to approve: " + Joined(missing.who, "or"),
                   missing.who, {"pawl approve " + name, "pawl reject " + name});
  }
  const int64_t from =
      proposal.proposal.action == Action::kAmendment
          ? std::max(proposal.candidate->time, proposal.closing->time) + charter.amendment.waiting_period_s
          : 0;
  if (now_s < from) {
    const std::set<std::string> people = Principals(charter);
    return WaitFor(Party::kPeople,
                   name + " waits until " + encoding::TimeText(from) + ", in which time any of " +
                       Joined({people.begin(), people.end()}, "and") + " can veto it (pawl reject " + name + ")",
                   {people.begin(), people.end()}, {"pawl advance " + name + " (from then on)", "pawl reject " + name});
  }
  const audit::Finding* tried = proposal.FindingOf(audit::Step::kWarrant);  // waits for witnesses
  if (tried != nullptr && tried->outcome == audit::FindingOutcome::kPending) return ForTheGate(proposal);
  return WaitFor(Party::kMachine, name + " has every approval", {}, {"pawl advance " + name});
}

// ---- the loader

Wait ForRelease(const ProposalHistory& proposal) {
  const std::string& name = proposal.proposal.proposal;
  const audit::Finding* tried = proposal.FindingOf(audit::Step::kRelease);
  const bool refused_for_now = tried != nullptr && tried->outcome == audit::FindingOutcome::kPending;
  return WaitFor(Party::kMachine,
                 refused_for_now ? name + " has its warrant, and the loader says: " + tried->summary
                                 : name + " has its warrant and waits for whoever runs the loader",
                 {}, {"pawl release " + name});
}

Wait ForResume(const ledger::SubjectLog& log, const LoaderStop& loader) {
  std::vector<std::string> reasons = loader.halts;
  for (const audit::LoggedHalt& halt : log.history().halts()) {
    const std::string reason = halt.principal + ": " + halt.decision.reason;
    if (!halt.lifted && std::find(reasons.begin(), reasons.end(), reason) == reasons.end()) reasons.push_back(reason);
  }
  const std::set<std::string> people = Principals(log.charter().charter);
  return WaitFor(Party::kPeople,
                 "halted by " + reasons.front() + (reasons.size() > 1 ? " (and others)" : "") + "; waits for " +
                     std::to_string(log.charter().charter.resume_threshold) + " of " +
                     Joined({people.begin(), people.end()}, "and") + " to lift it",
                 {people.begin(), people.end()}, {"pawl resume -m WHY"});
}

}  // namespace

std::string_view PartyName(Party party) {
  switch (party) {
    case Party::kPeople:
      return "people";
    case Party::kReviewers:
      return "reviewers";
    case Party::kMachine:
      return "machine";
  }
  return "machine";
}

LoaderStop FindLoaderStop(const std::string& state_path, const Result<warrant::State>& state, ledger::SubjectLog& log) {
  LoaderStop stop;
  if (!state.ok()) {
    stop.broken = state.error().message;
    return stop;
  }
  if (Result<void> newest = ledger::RequireNotOlder(log, *state); !newest.ok()) {
    stop.older = newest.error().message + "; " + newest.error().advice;
  }
  // By the loader's own charter, which may be older than the ledger's.
  Result<charter::Charter> charter = charter::ReadCharterFromStore(log.store(), state->charter);
  if (!charter.ok()) {
    stop.broken = charter.error().message;
    return stop;
  }
  Result<warrant::LocalHalts> local = warrant::ReadLocalHalts(state_path, *charter, *state);
  if (local.ok()) {
    stop.halts = std::move(local->reasons);
  } else {
    stop.broken = local.error().message;
  }
  return stop;
}

Wait WaitOfProposal(const ledger::SubjectLog& log, const ProposalHistory& proposal, int64_t now_s) {
  const charter::Charter& charter = log.charter().charter;
  const std::string& name = proposal.proposal.proposal;
  if (proposal.warrant) return ForRelease(proposal);
  if (proposal.proposal.parent_warrant != log.history().last_warrant()) {
    return WaitFor(Party::kMachine,
                   name + " was overtaken by what came into force since, and ends; it can be proposed again", {},
                   {"pawl advance " + name});
  }
  // What the machine kept from its answer is tried again, whatever step that was.
  if (!proposal.findings.empty() && IsMachineFailure(proposal.findings.back())) return ForTheGate(proposal);
  if (!proposal.candidate) return ForTheGate(proposal);
  const Result<std::optional<ProposalHistory>> without =
      oversight::WithoutExpired(log.charter(), proposal, std::max(log.history().time(), now_s));
  // What has been drafted for people goes on.
  const bool is_settled = proposal.decision.has_value();
  const ProposalHistory& counted = without.ok() && *without && !is_settled ? **without : proposal;
  const oversight::QuorumReport quorum = oversight::TallyQuorum(charter, counted);
  if (!proposal.closing && !quorum.missing.empty()) {
    return ForReviewers(charter, name, quorum.missing.size() == 1 ? "the vote" : "the votes", quorum.missing);
  }
  const oversight::ClosingTally closing = oversight::TallyClosing(charter, counted);
  if (!closing.met) {
    return ForReviewers(charter, name, "the closing", closing.missing, WhyNot(proposal, closing.missing));
  }
  if (!proposal.decision)
    return WaitFor(Party::kMachine, name + " can be drafted for people", {}, {"pawl advance " + name});
  return ForPeople(log, proposal, now_s);
}

Wait WaitOf(const ledger::SubjectLog& log, const LoaderStop& loader, int64_t now_s) {
  const audit::History& history = log.history();
  if (loader.older) return WaitFor(Party::kMachine, *loader.older, {}, {"pawl doctor"});
  if (!history.OpenHalts().empty() || !loader.halts.empty()) return ForResume(log, loader);
  const auto& proposals = history.proposals();
  // An alarm does not stop the way back.
  const bool goes_back =
      !proposals.empty() && !proposals.back().outcome && proposals.back().proposal.action == warrant::Action::kRollback;
  if (Result<std::vector<oversight::AccelerationAlarm>> alarms = oversight::OpenAlarms(history);
      alarms.ok() && !alarms->empty() && !goes_back) {
    const std::set<std::string> people = Principals(log.charter().charter);
    return WaitFor(Party::kPeople,
                   alarms->front().reason + "; waits for " + std::to_string(log.charter().charter.resume_threshold) +
                       " of " + Joined({people.begin(), people.end()}, "and"),
                   {people.begin(), people.end()}, {"pawl resume -m WHY"});
  }
  if (loader.broken)
    return WaitFor(Party::kMachine, "the loader starts nothing: " + *loader.broken, {}, {"pawl doctor"});
  for (size_t i = proposals.size(); i-- > 0;) {
    const ProposalHistory& proposal = proposals[i];
    if (!proposal.outcome) return WaitOfProposal(log, proposal, now_s);
  }
  if (!history.live_tree())
    return WaitFor(Party::kMachine, "waits for the first release, the baseline", {}, {"pawl propose DIRECTORY"});
  if (log.charter().charter.improver.command.empty()) {
    return WaitFor(Party::kMachine, "nothing is pending", {}, {"pawl propose DIRECTORY begins the next step"});
  }
  return WaitFor(Party::kMachine, "nothing is pending", {}, {"pawl cycle begins the next step"});
}

}  // namespace pawl::gate
