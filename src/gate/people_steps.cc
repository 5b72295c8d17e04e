// Steps 7 and 8: the reviewers' quorum with the auditors' closing statement, and the people's signatures.
#include <algorithm>
#include <set>

#include "encoding/time.h"
#include "gate/approval_reasons.h"
#include "gate/steps.h"
#include "oversight/complaint.h"
#include "oversight/key_terms.h"
#include "oversight/quorum.h"
#include "warrant/approval.h"
#include "warrant/state.h"

namespace pawl::gate {
namespace {

using audit::FindingOutcome;
using audit::ProposalHistory;
using warrant::Action;

constexpr size_t kAccusedBytesMax = 1'000;  // of a summary's 4,096, in which votes have to be read as well

std::vector<std::string> ReviewCommands(const std::vector<std::string>& reviewers) {
  std::vector<std::string> commands;
  for (const std::string& name : reviewers) commands.push_back("pawl review --as " + name);
  return commands;
}

// The first reason of a vote against, for the person who wants to know why.
std::string WhyAgainst(const ProposalHistory& proposal) {
  for (const audit::LoggedVote& logged : proposal.votes) {
    if (logged.vote.verdict == warrant::VoteVerdict::kAgainst && !logged.vote.reasons.empty()) {
      return "'" + logged.vote.reviewer + "' against: " + logged.vote.reasons.front();
    }
  }
  return "not enough votes can be had any more";
}

// "; not yet: prover-a, prover-b": who keeps everybody waiting stands on the ledger by name.
std::string NotYet(const std::vector<std::string>& reviewers) {
  std::string words;
  for (const std::string& name : reviewers) words += (words.empty() ? "; not yet: " : ", ") + name;
  return words;
}

// Of auditors that have not closed: whom they accuse.
std::string Accused(const ProposalHistory& proposal, const std::vector<std::string>& auditors) {
  std::string words;
  for (const audit::LoggedComplaint& one : proposal.complaints) {
    if (std::ranges::find(auditors, one.complaint.complainant) == auditors.end()) continue;
    if (words.size() > kAccusedBytesMax) return words + "; …";
    words += "; " + oversight::Heading(one);
  }
  return words;
}

encoding::Envelope DraftDecision(Gate& gate, const ProposalHistory& proposal) {
  const warrant::Candidate& candidate = *proposal.candidate;
  warrant::Decision decision;
  decision.about = gate.About(candidate.tree);
  decision.action = candidate.action;
  decision.resource = candidate.resource;
  decision.epoch = candidate.epoch;
  decision.charter = candidate.charter;
  decision.charter_epoch = candidate.charter_epoch;
  decision.target = candidate.tree;
  decision.previous = candidate.parent_warrant;
  decision.candidate = proposal.candidate_digest;
  decision.closing = warrant::StatementDigest(proposal.closing_envelope.payload);
  decision.votes = proposal.closing->votes;
  for (const audit::Finding& finding : proposal.findings) {
    if (finding.outcome == FindingOutcome::kPass)
      decision.results[std::string(StepName(finding.step))] = finding.summary;
  }
  decision.reason = proposal.proposal.note;
  decision.issued = gate.Now();
  decision.expires = decision.issued + gate.charter().approval.expiry_s;
  return gate.Signed(warrant::WriteDecision(decision));
}

// How many people have signed, and how many have to, by every charter that has a say.
struct Signatures {
  int64_t have = 0;
  int64_t need = 0;
  int64_t people = 0;  // whom the charter that is counted by lists
  bool enough = false;
};

Result<Signatures> CountSignatures(Gate& gate, const ProposalHistory& proposal) {
  const Action action = proposal.proposal.action;
  const auto count = [&](const charter::Charter& charter) -> Result<Signatures> {
    Result<std::vector<warrant::Approver>> approvers =
        warrant::VerifyApprovals(warrant::ListedApprovals(proposal.decision_envelope, charter), charter, gate.Now());
    if (!approvers.ok()) return approvers.error();
    Signatures signatures;
    signatures.have = static_cast<int64_t>(approvers->size());
    signatures.need = warrant::ApprovalsNeeded(
        charter, action, warrant::TargetOf(gate.log().history().live_trees(), proposal.proposal.tree));
    signatures.people = static_cast<int64_t>(charter.ApproverCount());
    signatures.enough = signatures.have >= signatures.need;
    return signatures;
  };
  Result<Signatures> old_charter = count(gate.charter());
  if (!old_charter.ok() || action != Action::kAmendment || !old_charter->enough) return old_charter;
  Result<warrant::CharterFiles> files = warrant::ReadCharterFiles(gate.log().store(), proposal.proposal.tree);
  if (!files.ok()) return files.error();
  return count(files->charter);
}

// When an amendment's waiting period ends, by the loader's rule (spec/warrant.md, `amendment.waiting`); 0 for the rest.
int64_t WaitsUntil(Gate& gate, const ProposalHistory& proposal) {
  if (proposal.proposal.action != Action::kAmendment) return 0;
  return std::max(proposal.candidate->time, proposal.closing->time) + gate.charter().amendment.waiting_period_s;
}

// So that nobody's words end before they do, and go on as another's.
std::string WithoutQuotes(const std::string& words) {
  std::string without;
  for (const char c : words) without += c == '\'' ? "’" : std::string(1, c);
  return without;
}

}  // namespace

Result<StepReport> Quorum(Gate& gate, const ProposalHistory& proposal) {
  if (proposal.candidate->parent_warrant != gate.log().history().last_warrant()) {
    return Failed(FindingOutcome::kRejected, "quorum.overtaken",
                  "something else has become live while votes were missing");
  }
  const int64_t now = std::max(gate.log().history().time(), gate.Now());
  const Result<std::optional<ProposalHistory>> without = oversight::WithoutExpired(gate.log().charter(), proposal, now);
  if (!without.ok()) return without.error();
  const ProposalHistory& counted = *without ? **without : proposal;
  const oversight::QuorumReport quorum = oversight::TallyQuorum(gate.charter(), counted);
  if (quorum.lost && !quorum.not_shown.empty()) {
    return Failed(FindingOutcome::kRejected, "quorum.not-shown", quorum.summary + "; " + quorum.not_shown);
  }
  if (quorum.lost)
    return Failed(FindingOutcome::kRejected, "quorum.not-met", quorum.summary + "; " + WhyAgainst(proposal));
  if (!quorum.met) {
    return Waiting("quorum.waiting", "votes: " + quorum.summary + NotYet(quorum.missing),
                   ReviewCommands(quorum.missing));
  }
  const oversight::ClosingTally closing = oversight::TallyClosing(gate.charter(), counted);
  const std::string closed = std::to_string(closing.principals.size()) + "/" + std::to_string(closing.at_least);
  // An amendment under a charter without a rule for integrity reviewers asks no role for a vote.
  const std::string votes = quorum.summary.empty() ? "" : quorum.summary + ", ";
  if (!closing.met) {
    std::vector<std::string> who = quorum.missing;
    who.insert(who.end(), closing.missing.begin(), closing.missing.end());
    return Waiting("quorum.closing",
                   "votes: " + votes + closed + " auditors have closed" + NotYet(closing.missing) +
                       Accused(proposal, closing.missing),
                   ReviewCommands(who));
  }
  return Passed(votes + "auditor " + closed);
}

bool IsVetoed(const ProposalHistory& proposal) {
  return proposal.proposal.action == Action::kAmendment && !proposal.refusals.empty();
}

StepReport SaidNo(const ProposalHistory& proposal) {
  const audit::Refusal& first = proposal.refusals.front();
  return Failed(FindingOutcome::kRejected, "approval.refused", "'" + first.principal + "' says no: " + first.reason);
}

Result<StepReport> Approval(Gate& gate, const ProposalHistory& proposal) {
  const std::string& name = proposal.proposal.proposal;
  const int64_t now = gate.Now();
  const std::vector<std::string> ask = {"pawl approve " + name, "pawl reject " + name};
  if (!proposal.decision || now > proposal.decision->expires) {
    StepReport report = Waiting("approval.waiting", "drafted for people to approve", ask);
    report.events_before.push_back(DraftDecision(gate, proposal));
    return report;
  }
  Result<Signatures> signatures = CountSignatures(gate, proposal);
  if (!signatures.ok()) return signatures.error();
  std::set<std::string> refusers;
  for (const audit::Refusal& refusal : proposal.refusals) refusers.insert(refusal.principal);
  const auto refusals = static_cast<int64_t>(refusers.size());
  // A charter's people may stop an amendment alone; a release is stopped when too few are left to approve it.
  const bool too_few_left = refusals > 0 && !signatures->enough && signatures->people - refusals < signatures->need;
  if (IsVetoed(proposal) || too_few_left) return SaidNo(proposal);
  const std::string count = std::to_string(signatures->have) + "/" + std::to_string(signatures->need) + " approvals";
  if (!signatures->enough) return Waiting("approval.waiting", count, ask);
  if (const int64_t from = WaitsUntil(gate, proposal); now < from) {
    return Waiting("amendment.waiting", count + "; any approver can veto until " + encoding::TimeText(from),
                   {"pawl reject " + name, "pawl advance " + name + " (from then on)"});
  }
  std::string who;
  for (const encoding::Signature& signature : proposal.decision_envelope.signatures) {
    who += (who.empty() ? "" : ", ") + signature.keyid;
    const std::optional<std::string> reason =
        KeptReason(gate.log().home(), gate.log().subject(),
                   warrant::StatementDigest(proposal.decision_envelope.payload), signature.keyid);
    if (reason) {
      who += ", in words that nobody signed: '" + WithoutQuotes(*reason) + "'";
    } else if (!SpokeAgainst(proposal, signature.keyid).empty()) {
      who += ", of whom this home keeps no reason";  // signed in another one, or before somebody spoke against
    }
  }
  return Passed(PlainText(count + ": " + who));
}

}  // namespace pawl::gate
