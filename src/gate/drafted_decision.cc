#include "gate/drafted_decision.h"

#include <algorithm>

#include "encoding/time.h"
#include "warrant/approval.h"
#include "warrant/verify.h"

namespace pawl::gate {
namespace {

using audit::ProposalHistory;

Result<void> CheckDraft(const ledger::SubjectLog& log, const ProposalHistory& proposal) {
  const warrant::Decision& decision = *proposal.decision;
  const warrant::Candidate& candidate = *proposal.candidate;
  const bool same = decision.candidate == proposal.candidate_digest && proposal.closing &&
                    decision.closing == warrant::StatementDigest(proposal.closing_envelope.payload) &&
                    decision.votes == proposal.closing->votes && decision.target == candidate.tree &&
                    decision.epoch == candidate.epoch && decision.previous == candidate.parent_warrant &&
                    decision.action == candidate.action && decision.resource == candidate.resource &&
                    decision.charter == candidate.charter && decision.charter_epoch == candidate.charter_epoch &&
                    decision.about.subject == log.subject() && decision.about.digest == candidate.tree;
  if (same) return {};
  return Refused("approve.mismatch", "the decision statement is not about what the ledger shows",
                 "do not sign; tell the other approvers");
}

// An approval is appended with those that the log has over the same text, so that the last one is the leaf that carries
// all of them, which a warrant proves.
encoding::Envelope WithEarlierApprovals(const ProposalHistory& proposal, encoding::Envelope envelope) {
  if (!proposal.decision || envelope.payload != proposal.decision_envelope.payload) return envelope;
  for (const encoding::Signature& earlier : proposal.decision_envelope.signatures) {
    if (std::ranges::find(envelope.signatures, earlier) == envelope.signatures.end()) {
      envelope.signatures.push_back(earlier);
    }
  }
  std::ranges::stable_sort(envelope.signatures, {}, &encoding::Signature::keyid);
  return envelope;
}

std::string EndOf(const ProposalHistory& proposal) {
  const std::string end =
      proposal.outcome ? std::string(audit::ProposalOutcomeName(proposal.outcome->outcome)) : std::string("live");
  return "'" + proposal.proposal.proposal + "' is " + end + " already";
}

}  // namespace

Result<const ProposalHistory*> FindDrafted(const ledger::SubjectLog& log, const std::string& name, int64_t now_s,
                                           Expiry expiry) {
  const ProposalHistory* proposal = log.history().Find(name);
  if (proposal == nullptr) {
    return Error{ErrorCode::kNotFound, "approve.no-proposal", "there is no proposal '" + name + "'", "pawl status"};
  }
  if (proposal->outcome) return Refused("approve.decided", EndOf(*proposal));
  if (!proposal->decision) {
    return Error{ErrorCode::kPending, "approve.too-early", "'" + name + "' has not come to people yet",
                 "pawl advance " + name};
  }
  if (Result<void> checked = CheckDraft(log, *proposal); !checked.ok()) return checked.error();
  // What was drafted long ago is drafted anew before anybody signs it.
  if (expiry == Expiry::kMatters && std::max(log.history().time(), now_s) > proposal->decision->expires) {
    return Error{ErrorCode::kPending, "approve.expired",
                 "the draft of '" + name + "' expired on " + encoding::TimeText(proposal->decision->expires),
                 "pawl advance " + name + " drafts it anew"};
  }
  return proposal;
}

Result<std::vector<charter::Charter>> ChartersOf(const ledger::SubjectLog& log, const warrant::Candidate& candidate) {
  std::vector<charter::Charter> charters = {log.charter().charter};
  if (candidate.action != warrant::Action::kAmendment) return charters;
  Result<warrant::CharterFiles> files = warrant::ReadCharterFiles(log.store(), candidate.tree);
  if (!files.ok()) return files.error();
  charters.push_back(std::move(files->charter));
  return charters;
}

Result<void> VerifyUnder(const std::vector<charter::Charter>& charters, const encoding::Envelope& envelope,
                         int64_t now_s) {
  for (const charter::Charter& charter : charters) {
    Result<std::vector<warrant::Approver>> valid =
        warrant::VerifyApprovals(warrant::ListedApprovals(envelope, charter), charter, now_s);
    if (!valid.ok()) return valid.error();
  }
  return {};
}

Result<void> AppendSigned(ledger::SubjectLog& log, const encoding::Envelope& envelope, const std::string& proposal) {
  for (int attempt = 0; attempt < ledger::kConflictsMax; ++attempt) {
    const ProposalHistory* found = proposal.empty() ? nullptr : log.history().Find(proposal);
    if (found != nullptr && (found->outcome || found->release)) {
      return Refused("approve.decided", EndOf(*found));
    }
    Result<void> appended = log.Append({found == nullptr ? envelope : WithEarlierApprovals(*found, envelope)});
    if (appended.ok() || appended.error().rule != "ledger.conflict") return appended;
    if (Result<void> refreshed = log.Refresh(); !refreshed.ok()) return refreshed;
  }
  return Error{ErrorCode::kPending, "ledger.busy", "others keep appending to the log", "try again"};
}

}  // namespace pawl::gate
