#include "audit/history.h"

#include <algorithm>
#include <utility>

#include "encoding/dsse.h"
#include "warrant/verify.h"

namespace pawl::audit {
namespace {

using namespace warrant;  // NOLINT: what a warrant consists of stands in the log first

Error Impossible(std::string message) {
  return Refused("history.impossible", std::move(message), "this log was tampered with, or written by another version");
}

std::string SignerOf(const encoding::Envelope& envelope) {
  return envelope.signatures.empty() ? "nobody" : "'" + envelope.signatures.front().keyid + "'";
}

// Whether the same person has signed with the same key before, with another signature: security keys and ECDSA never
// sign the same way twice.
bool SignsAgain(const encoding::Envelope& envelope, const encoding::Signature& signature) {
  const Result<crypto::Sshsig> parsed = crypto::Sshsig::ParseRaw(signature.sig);
  return std::any_of(envelope.signatures.begin(), envelope.signatures.end(), [&](const encoding::Signature& other) {
    const Result<crypto::Sshsig> before = crypto::Sshsig::ParseRaw(other.sig);
    return other.keyid == signature.keyid && before.ok() && parsed.ok() &&
           before->key.UnderlyingKey() == parsed->key.UnderlyingKey();
  });
}

}  // namespace

Result<std::optional<LastStep>> ReadLastStep(const encoding::Json& evidence) {
  if (!evidence.contains("last_step") || evidence["last_step"].is_null()) return std::optional<LastStep>();
  const encoding::Json& json = evidence["last_step"];
  if (!json.is_object()) return Malformed("history.last-step", "is a vote whose last_step is no object");
  encoding::JsonObject object(json, "evidence.last_step");
  const LastStep step{object.Integer("epoch", 1), object.Number("gain")};
  if (Result<void> done = object.Finish(); !done.ok()) return done.error();
  return std::optional(step);
}

encoding::Json LoggedVote::Evidence() const {
  Result<Vote> read = ReadVote(envelope.payload);
  return read.ok() ? std::move(read->evidence) : encoding::Json::object();
}

const Finding* ProposalHistory::FindingOf(Step step) const {
  for (auto finding = findings.rbegin(); finding != findings.rend(); ++finding) {
    if (finding->step == step) return &*finding;
  }
  return nullptr;
}

std::optional<uint64_t> ProposalHistory::IndexOf(Step step) const {
  const Finding* finding = FindingOf(step);
  if (finding == nullptr) return std::nullopt;
  return finding_indices[static_cast<size_t>(finding - findings.data())];
}

const ProposalHistory* History::Find(std::string_view proposal) const {
  const auto found = by_name_.find(proposal);
  return found == by_name_.end() ? nullptr : &proposals_[found->second];
}

std::string History::NextProposalName() const { return std::string("p").append(std::to_string(proposals_.size() + 1)); }

std::optional<Digest> History::live_tree() const {
  return releases_.empty() ? std::nullopt : std::optional(releases_.back().tree);
}

std::vector<LiveTree> History::live_trees() const {
  std::vector<LiveTree> trees;
  for (const ReleaseRecord& release : releases_) {
    trees.push_back({release.tree, Find(release.proposal)->candidate->action});
  }
  return trees;
}

std::vector<Digest> History::OpenHalts() const {
  std::vector<Digest> open;
  for (const LoggedHalt& halt : halts_) {
    if (!halt.lifted) open.push_back(halt.digest);
  }
  std::sort(open.begin(), open.end());
  return open;
}

Result<void> History::Apply(uint64_t index, std::string_view entry) {
  if (refused_) return Impossible("an earlier event of this log was refused");
  if (index != size_)
    return Impossible("event " + std::to_string(index) + " where " + std::to_string(size_) + " follows");
  Result<encoding::Envelope> envelope = encoding::ParseEnvelope(entry);
  Result<void> applied = envelope.ok() ? ApplyEnvelope(index, *envelope) : Result<void>(envelope.error());
  if (!applied.ok()) {
    refused_ = true;
    Error error = applied.error();
    error.message = "event " + std::to_string(index) + ": " + error.message;
    return error;
  }
  ++size_;
  return {};
}

Result<void> History::ApplyEnvelope(uint64_t index, const encoding::Envelope& envelope) {
  if (envelope.payload_type != kPayloadType) return Malformed("history.payload-type", "is no in-toto statement");
  Result<StatementKind> kind = KindToRead(envelope.payload);
  if (!kind.ok()) return kind.error();
  if (index == 0 && *kind != StatementKind::kDecision) return Impossible("a log begins with its genesis decision");
  switch (*kind) {
    case StatementKind::kProposal:
      return ApplyProposal(index, envelope);
    case StatementKind::kFinding:
      return ApplyFinding(index, envelope);
    case StatementKind::kCandidate:
      return ApplyCandidate(index, envelope);
    case StatementKind::kVote:
      return ApplyVote(index, envelope);
    case StatementKind::kClosing:
      return ApplyClosing(envelope);
    case StatementKind::kDecision:
      return ApplyDecision(index, envelope);
    case StatementKind::kRefusal:
      return ApplyRefusal(envelope);
    case StatementKind::kWarrant:
      return ApplyWarrant(envelope);
    case StatementKind::kRelease:
      return ApplyRelease(envelope);
    case StatementKind::kOutcome:
      return ApplyOutcome(envelope);
    case StatementKind::kComplaint:
      return ApplyComplaint(index, envelope);
  }
  return Impossible("unknown kind of statement");
}

Result<void> History::FromGate(const encoding::Envelope& envelope) const {
  if (envelope.signatures.size() == 1 && IsSignedBy(envelope, charter_->gate.log)) return {};
  return Refused("history.signature", "is signed by " + SignerOf(envelope) + ", not by the charter's gate key");
}

Result<ProposalHistory*> History::Open(const std::string& proposal) {
  const auto found = by_name_.find(proposal);
  if (found == by_name_.end()) return Impossible("speaks of proposal '" + proposal + "', which nobody made");
  ProposalHistory& history = proposals_.Own(found->second);
  if (history.outcome) return Impossible("speaks of proposal '" + proposal + "' after its outcome");
  return &history;
}

Result<ProposalHistory*> History::OpenByCandidate(const Digest& candidate) {
  const auto found = by_candidate_.find(candidate);
  if (found == by_candidate_.end()) return Impossible("speaks of a candidate statement that nobody logged");
  return &proposals_.Own(found->second);
}

Result<void> History::ApplyProposal(uint64_t index, const encoding::Envelope& envelope) {
  if (Result<void> signer = FromGate(envelope); !signer.ok()) return signer;
  Result<Proposal> proposal = ReadProposal(envelope.payload);
  if (!proposal.ok()) return proposal.error();
  if (proposal->proposal != NextProposalName())
    return Impossible("proposal '" + proposal->proposal + "' is out of order");
  by_name_.emplace(proposal->proposal, proposals_.size());
  Saw(proposal->time);
  auto history = std::make_shared<ProposalHistory>();
  history->proposal = std::move(*proposal);
  history->index = index;
  proposals_.Add(std::move(history));
  return {};
}

Result<void> History::ApplyFinding(uint64_t index, const encoding::Envelope& envelope) {
  if (Result<void> signer = FromGate(envelope); !signer.ok()) return signer;
  Result<Finding> finding = ReadFinding(envelope.payload);
  if (!finding.ok()) return finding.error();
  Result<ProposalHistory*> proposal = Open(finding->proposal);
  if (!proposal.ok()) return proposal.error();
  // By this rule itself, every step before that of the last finding has passed: nothing further back is looked at.
  const Finding* last = (*proposal)->findings.empty() ? nullptr : &(*proposal)->findings.back();
  const int reached = last == nullptr ? 0 : static_cast<int>(last->step) + (last->outcome == FindingOutcome::kPass);
  const bool ended =
      last != nullptr && reached == static_cast<int>(last->step) && last->outcome != FindingOutcome::kPending;
  const int step = static_cast<int>(finding->step);
  if (step < reached || (step == reached && ended)) {
    return Impossible("a second finding of step " + std::string(StepName(finding->step)) + " for " + finding->proposal);
  }
  if (step > reached) {
    return Impossible("step " + std::string(StepName(finding->step)) + " of " + finding->proposal + " before step " +
                      std::string(StepName(static_cast<Step>(reached))) + " has passed");
  }
  Saw(finding->time);
  (*proposal)->findings.push_back(std::move(*finding));
  (*proposal)->finding_indices.push_back(index);
  return {};
}

Result<void> History::ApplyCandidate(uint64_t index, const encoding::Envelope& envelope) {
  if (Result<void> signer = FromGate(envelope); !signer.ok()) return signer;
  Result<Candidate> candidate = ReadCandidate(envelope.payload);
  if (!candidate.ok()) return candidate.error();
  Result<ProposalHistory*> found = Open(candidate->proposal);
  if (!found.ok()) return found.error();
  ProposalHistory& proposal = **found;
  if (proposal.candidate) return Impossible("a second candidate statement for " + candidate->proposal);
  const bool counts = candidate->action == Action::kRelease;
  if (candidate->tree != proposal.proposal.tree || candidate->action != proposal.proposal.action ||
      candidate->charter != charter_->digest || candidate->charter_epoch != charter_epoch_ ||
      candidate->epoch != epoch_ + 1 || candidate->parent_warrant != last_warrant_ ||
      candidate->parent_tree != live_tree() || candidate->budget_index != budget_index_ + (counts ? 1 : 0)) {
    return Impossible("the candidate statement of " + candidate->proposal + " does not follow from the log");
  }
  if (counts) ++budget_index_;
  proposal.candidate_digest = StatementDigest(envelope.payload);
  proposal.candidate_envelope = envelope;
  proposal.candidate_index = index;
  by_candidate_.emplace(proposal.candidate_digest, by_name_.find(candidate->proposal)->second);
  Saw(candidate->time);
  proposal.candidate = std::move(*candidate);
  return {};
}

Result<void> History::ApplyVote(uint64_t index, const encoding::Envelope& envelope) {
  Result<Vote> vote = ReadVote(envelope.payload);
  if (!vote.ok()) return vote.error();
  const charter::Reviewer* reviewer = charter_->FindReviewer(vote->reviewer);
  if (reviewer == nullptr || envelope.signatures.size() != 1 || !IsSignedBy(envelope, reviewer->key) ||
      vote->role != charter::RoleName(reviewer->role) || vote->about.subject != charter_->subject.name) {
    return Refused("history.signature", "is no vote of reviewer '" + vote->reviewer + "', signed by it, in its role");
  }
  Result<ProposalHistory*> proposal = OpenByCandidate(vote->candidate);
  if (!proposal.ok()) return proposal.error();
  // Everybody folds these measurements (oversight/acceleration.h); one that cannot be read would stop everybody.
  Result<std::optional<LastStep>> last_step = ReadLastStep(vote->evidence);
  if (!last_step.ok()) return last_step.error();
  vote->evidence = encoding::Json::object();
  for (const LoggedVote& earlier : (*proposal)->votes) {
    if (earlier.vote.reviewer == vote->reviewer)
      return Impossible("'" + vote->reviewer + "' votes twice on one candidate");
  }
  (*proposal)->votes.push_back({std::move(*vote), StatementDigest(envelope.payload), envelope, index, *last_step});
  return {};
}

Result<void> History::ApplyClosing(const encoding::Envelope& envelope) {
  Result<Closing> closing = ReadClosing(envelope.payload);
  if (!closing.ok()) return closing.error();
  Result<ProposalHistory*> found = OpenByCandidate(closing->candidate);
  if (!found.ok()) return found.error();
  ProposalHistory& proposal = **found;
  if (proposal.outcome) return Impossible("a closing statement after the outcome of " + proposal.proposal.proposal);
  if (!VerifyAuditors(envelope, *charter_).ok()) {
    return Refused("history.signature", "is a closing statement with a signature that is no auditor's");
  }
  if (envelope.signatures.empty()) return Refused("history.signature", "is a closing statement that nobody signed");
  if (proposal.closing && proposal.closing_envelope.payload != envelope.payload) {
    return Impossible("two different closing statements for " + proposal.proposal.proposal);
  }
  std::vector<encoding::Signature> signatures = proposal.closing_envelope.signatures;
  for (const encoding::Signature& signature : envelope.signatures) {
    if (std::find(signatures.begin(), signatures.end(), signature) == signatures.end()) signatures.push_back(signature);
  }
  std::sort(signatures.begin(), signatures.end(), [](const auto& a, const auto& b) { return a.keyid < b.keyid; });
  proposal.closing = std::move(*closing);
  proposal.closing_envelope = envelope;
  proposal.closing_envelope.signatures = std::move(signatures);
  return {};
}

Result<void> History::ApplyDecision(uint64_t index, const encoding::Envelope& envelope) {
  Result<Decision> decision = ReadDecision(envelope.payload);
  if (!decision.ok()) return decision.error();
  if ((index == 0) != (decision->action == Action::kGenesis))
    return Impossible("genesis is the first event and no other");
  switch (decision->action) {
    case Action::kGenesis:
      return ApplyGenesis(*decision, envelope);
    case Action::kHalt:
    case Action::kResume:
      return ApplyHaltOrResume(index, *decision, envelope);
    case Action::kRelease:
    case Action::kRollback:
    case Action::kAmendment:
      break;
  }
  if (!decision->candidate) return Impossible("a decision without a candidate statement");
  Result<ProposalHistory*> found = OpenByCandidate(*decision->candidate);
  if (!found.ok()) return found.error();
  ProposalHistory& proposal = **found;
  if (proposal.release || proposal.outcome) {
    return Impossible("a decision on " + proposal.proposal.proposal + " after its end");
  }
  const bool is_draft = envelope.signatures.size() == 1 && IsSignedBy(envelope, charter_->gate.log);
  if (!is_draft) return ApplyApproval(index, proposal, envelope);
  // A draft that has expired before enough people signed it may be drafted anew; approvals of the old one are void.
  proposal.decision_envelope = {.payload_type = envelope.payload_type, .payload = envelope.payload, .signatures = {}};
  proposal.approvers.clear();
  proposal.approved_index.reset();
  by_decision_[StatementDigest(envelope.payload)] = by_candidate_.find(*decision->candidate)->second;
  Saw(decision->issued);
  proposal.decision = std::move(*decision);
  return {};
}

Result<void> History::ApplyGenesis(const Decision& decision, const encoding::Envelope& envelope) {
  Result<charter::Charter> charter = read_charter_(decision.charter);
  if (!charter.ok()) return charter.error();
  if (Result<State> state = InitialState(*charter, envelope); !state.ok()) return state.error();
  charter_ = std::make_shared<const charter::Charter>(std::move(*charter));
  genesis_ = decision;
  genesis_envelope_ = envelope;
  Saw(decision.issued);
  return {};
}

Result<void> History::ApplyHaltOrResume(uint64_t index, const Decision& decision, const encoding::Envelope& envelope) {
  if (decision.about.subject != charter_->subject.name || decision.resource != charter_->subject.resource_uri) {
    return Impossible("a halt or resume for another subject");
  }
  // A halt counts however late it comes. A resume that was signed and not used is not kept for later.
  if (decision.action == Action::kResume && decision.expires < time_) return Impossible("a resume that has expired");
  Result<std::vector<Approver>> approvers = VerifyApprovals(envelope, *charter_, decision.issued);
  if (!approvers.ok()) return approvers.error();
  const int64_t needed = decision.action == Action::kHalt ? 1 : charter_->resume_threshold;
  if (static_cast<int64_t>(approvers->size()) < needed) {
    return Refused("history.signature", "is a halt or resume that too few people have signed");
  }
  if (decision.action == Action::kHalt) {
    const Digest digest = StatementDigest(envelope.payload);
    const auto same = [&](const LoggedHalt& halt) { return halt.digest == digest; };
    // The same halt by two ways, or from two people, is one halt; and one that was lifted stays lifted.
    if (std::any_of(halts_.begin(), halts_.end(), same)) return {};
    halts_.push_back({.digest = digest,
                      .decision = decision,
                      .principal = approvers->front().principal,
                      .index = index,
                      .since = std::min(decision.issued, time_),
                      .envelope = envelope});
  }
  // What a halt names, signed by one person, is not lifted.
  const std::vector<Digest> lifts = decision.action == Action::kResume ? decision.lifts : std::vector<Digest>();
  for (const Digest& digest : lifts) lifted_[digest] = std::max(lifted_[digest], decision.issued);
  for (LoggedHalt& halt : halts_) {
    const auto found = lifted_.find(halt.digest);
    halt.lifted = found != lifted_.end() && found->second >= halt.since;
  }
  return {};
}

Result<void> History::ApplyApproval(uint64_t index, ProposalHistory& proposal, const encoding::Envelope& envelope) {
  if (!proposal.decision || proposal.decision_envelope.payload != envelope.payload) {
    return Impossible("an approval of something that was not drafted");
  }
  if (envelope.signatures.empty()) return Refused("history.signature", "is a decision that nobody signed");
  encoding::Envelope merged = proposal.decision_envelope;
  for (const encoding::Signature& signature : envelope.signatures) {
    if (std::find(merged.signatures.begin(), merged.signatures.end(), signature) != merged.signatures.end()) continue;
    if (!crypto::Sshsig::ParseRaw(signature.sig).ok()) {
      return Refused("history.signature", "is an approval whose signature is no SSHSIG");
    }
    if (SignsAgain(merged, signature)) {
      return Refused("approval.twice", "'" + signature.keyid + "' has signed this decision with that key already");
    }
    merged.signatures.push_back(signature);
  }
  std::sort(merged.signatures.begin(), merged.signatures.end(),
            [](const auto& a, const auto& b) { return a.keyid < b.keyid; });
  // An amendment is signed under two charters; the check of its warrant looks at both, the fold only collects.
  if (proposal.candidate->action != Action::kAmendment) {
    Result<std::vector<Approver>> approvers = VerifyApprovals(merged, *charter_, proposal.decision->issued);
    if (!approvers.ok()) return approvers.error();
    proposal.approvers = std::move(*approvers);
  }
  // The leaf that a warrant proves is the one that carries every approval so far; a further signature outdates it.
  if (envelope.signatures == merged.signatures) {
    proposal.approved_index = index;
  } else if (merged.signatures != proposal.decision_envelope.signatures) {
    proposal.approved_index.reset();
  }
  proposal.decision_envelope = std::move(merged);
  return {};
}

Result<void> History::ApplyRefusal(const encoding::Envelope& envelope) {
  Result<Refusal> refusal = ReadRefusal(envelope.payload);
  if (!refusal.ok()) return refusal.error();
  Result<std::vector<Approver>> approvers = VerifyApprovals(envelope, *charter_, refusal->time);
  if (!approvers.ok()) return approvers.error();
  if (approvers->size() != 1 || approvers->front().principal != refusal->principal) {
    return Refused("history.signature", "is a refusal that '" + refusal->principal + "' did not sign alone");
  }
  const auto found = by_decision_.find(refusal->decision);
  if (found == by_decision_.end()) return Impossible("a refusal of something that was not drafted");
  proposals_.Own(found->second).refusals.push_back(std::move(*refusal));
  return {};
}

Result<void> History::ApplyWarrant(const encoding::Envelope& envelope) {
  if (Result<void> signer = FromGate(envelope); !signer.ok()) return signer;
  Result<WarrantRecord> record = ReadWarrantRecord(envelope.payload);
  if (!record.ok()) return record.error();
  Result<ProposalHistory*> proposal = Open(record->proposal);
  if (!proposal.ok()) return proposal.error();
  if (!(*proposal)->candidate || record->epoch != (*proposal)->candidate->epoch) {
    return Impossible("a warrant for another epoch than its candidate statement's");
  }
  (*proposal)->warrant = record->warrant;
  (*proposal)->vetoed = !(*proposal)->refusals.empty();
  return {};
}

// The loader has checked more; this much the fold can see for itself, so that no event by the gate alone moves the live
// release or the charter in anybody's history.
Result<void> History::EnoughApproved(const ProposalHistory& proposal, const charter::Charter& charter) const {
  if (!proposal.decision) return Impossible("a release of what nobody decided");
  Result<std::vector<Approver>> approvers =
      VerifyApprovals(ListedApprovals(proposal.decision_envelope, charter), charter, proposal.decision->issued);
  if (!approvers.ok()) return approvers.error();
  const Candidate& candidate = *proposal.candidate;
  // Only a rollback asks for all that was ever live.
  const RollbackTarget target =
      candidate.action == Action::kRollback ? TargetOf(live_trees(), candidate.tree) : RollbackTarget::kOlder;
  if (static_cast<int64_t>(approvers->size()) >= ApprovalsNeeded(charter, candidate.action, target)) return {};
  return Refused("history.signature", "is a release that too few people have approved");
}

Result<void> History::ApplyRelease(const encoding::Envelope& envelope) {
  if (Result<void> signer = FromGate(envelope); !signer.ok()) return signer;
  Result<ReleaseRecord> record = ReadReleaseRecord(envelope.payload);
  if (!record.ok()) return record.error();
  Result<ProposalHistory*> proposal = Open(record->proposal);
  if (!proposal.ok()) return proposal.error();
  const std::optional<Candidate>& candidate = (*proposal)->candidate;
  if (!candidate || (*proposal)->release || (*proposal)->warrant != record->warrant || record->epoch != epoch_ + 1 ||
      candidate->epoch != record->epoch || candidate->tree != record->tree ||
      candidate->parent_warrant != last_warrant_) {
    return Impossible("a release that does not follow from the log");
  }
  if (Result<void> enough = EnoughApproved(**proposal, *charter_); !enough.ok()) return enough;
  if (candidate->action == Action::kAmendment) {
    if ((*proposal)->vetoed) return Impossible("a release of an amendment that was vetoed before its last warrant");
    Result<charter::Charter> charter = read_charter_(candidate->tree);
    if (!charter.ok()) return charter.error();
    if (Result<void> enough = EnoughApproved(**proposal, *charter); !enough.ok()) return enough;
    charter_ = std::make_shared<const charter::Charter>(std::move(*charter));
    ++charter_epoch_;
  } else {
    releases_.push_back(*record);
  }
  epoch_ = record->epoch;
  last_warrant_ = record->warrant;
  Saw(record->time);
  (*proposal)->release = std::move(*record);
  return {};
}

Result<void> History::ApplyOutcome(const encoding::Envelope& envelope) {
  if (Result<void> signer = FromGate(envelope); !signer.ok()) return signer;
  Result<OutcomeRecord> record = ReadOutcomeRecord(envelope.payload);
  if (!record.ok()) return record.error();
  Result<ProposalHistory*> proposal = Open(record->proposal);
  if (!proposal.ok()) return proposal.error();
  if ((record->outcome == ProposalOutcome::kAccepted) != (*proposal)->release.has_value()) {
    return Impossible("an outcome that does not fit the release of " + record->proposal);
  }
  Saw(record->time);
  (*proposal)->outcome = std::move(*record);
  return {};
}

// It changes nothing but what people are shown.
Result<void> History::ApplyComplaint(uint64_t index, const encoding::Envelope& envelope) {
  Result<Complaint> complaint = ReadComplaint(envelope.payload);
  if (!complaint.ok()) return complaint.error();
  const charter::Reviewer* reviewer = charter_->FindReviewer(complaint->complainant);
  const crypto::NoteKey& log = charter_->gate.log;
  const bool is_gate = reviewer == nullptr && complaint->complainant == log.name;
  if ((reviewer == nullptr && !is_gate) || envelope.signatures.size() != 1 ||
      !IsSignedBy(envelope, is_gate ? log : reviewer->key) || complaint->about.subject != charter_->subject.name) {
    return Refused("history.signature", "is no complaint of '" + complaint->complainant + "', signed by it");
  }
  Result<ProposalHistory*> found = OpenByCandidate(complaint->candidate);
  if (!found.ok()) return found.error();
  std::vector<LoggedComplaint>& logged = (*found)->complaints;
  for (const auto& [earlier, digest, at] : logged) {
    if (earlier.complainant == complaint->complainant && earlier.accused == complaint->accused &&
        earlier.rule == complaint->rule) {
      return Impossible("'" + complaint->complainant + "' says the same of '" + complaint->accused + "' twice");
    }
  }
  Result<bool> shown = Shows(*complaint, **found);
  if (!shown.ok()) return shown.error();
  if (!*shown) {
    return Refused("history.complaint", "is a complaint whose evidence does not show " +
                                            std::string(ComplaintRuleName(complaint->rule)) + " of '" +
                                            complaint->accused + "'");
  }
  complaint->vote.reset();
  logged.push_back({std::move(*complaint), StatementDigest(envelope.payload), index});
  return {};
}

// Whether the evidence is what the rule asks for, so that nobody is said to be proven to have done what was not.
Result<bool> History::Shows(const Complaint& complaint, const ProposalHistory& proposal) const {
  const Candidate& candidate = *proposal.candidate;
  const auto logged = std::ranges::find(proposal.votes, complaint.entry, &LoggedVote::digest);
  const bool has_voted = logged != proposal.votes.end() && logged->vote.reviewer == complaint.accused;
  const encoding::Envelope& closing = proposal.closing_envelope;
  const bool closes = proposal.closing && complaint.entry == StatementDigest(closing.payload);
  const ComplaintRule rule = complaint.rule;
  if (complaint.about.digest != candidate.tree) return false;
  if (!complaint.vote) {
    if (rule == ComplaintRule::kClosing)
      return closes && std::ranges::count(closing.signatures, complaint.accused, &encoding::Signature::keyid) > 0;
    if (rule == ComplaintRule::kOtherBytes) return has_voted && logged->vote.about.digest != candidate.tree;
    return has_voted && !IsProven(rule) && rule != ComplaintRule::kHeldBack;
  }
  Result<Vote> vote = ReadVote(complaint.vote->payload);
  if (!vote.ok()) return vote.error();
  if (vote->candidate != complaint.candidate || complaint.vote->signatures.size() != 1) return false;
  const Digest digest = StatementDigest(complaint.vote->payload);
  Result<charter::Charter> charter = read_charter_(candidate.charter);
  if (!charter.ok()) return charter.error();
  const charter::Reviewer* author = charter->FindReviewer(vote->reviewer);
  const bool heard = author != nullptr && IsSignedBy(*complaint.vote, author->key);
  const bool left_out = closes && !std::ranges::binary_search(proposal.closing->votes, digest);
  if (rule == ComplaintRule::kHeldBack) return heard && left_out && complaint.accused == charter_->gate.log.name;
  if (vote->reviewer != complaint.accused) return false;
  // Of one key: an amendment may have given the reviewer another one while the candidate was open.
  if (rule == ComplaintRule::kEquivocation)
    return heard && has_voted && logged->digest != digest && IsSignedBy(logged->envelope, author->key);
  if (complaint.entry || complaint.vote->signatures[0].keyid != complaint.accused) return false;
  if (rule == ComplaintRule::kOtherBytes) return heard && vote->about.digest != candidate.tree;
  return rule == ComplaintRule::kAfterRemoval ? IsOfRemoved(*complaint.vote, candidate, *charter) : false;
}

// Whether it is signed with a key that its reviewer had before the candidate's charter, in which nobody has it.
Result<bool> History::IsOfRemoved(const encoding::Envelope& vote, const Candidate& candidate,
                                  const charter::Charter& since) const {
  std::vector<Digest> before{genesis_.charter};
  for (const ProposalHistory& one : proposals_) {
    const bool amends = one.release && one.candidate->action == Action::kAmendment;
    if (amends && one.candidate->charter_epoch + 1 < candidate.charter_epoch) before.push_back(one.candidate->tree);
  }
  for (const Digest& digest : before) {
    Result<charter::Charter> charter = read_charter_(digest);
    if (!charter.ok()) return charter.error();
    const charter::Reviewer* had = charter->FindReviewer(vote.signatures[0].keyid);
    if (had == nullptr || !IsSignedBy(vote, had->key)) continue;
    return std::ranges::none_of(since.reviewers, [&](const auto& now) { return now.key.key == had->key.key; });
  }
  return false;
}

}  // namespace pawl::audit
