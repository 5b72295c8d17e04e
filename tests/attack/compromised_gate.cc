// A gate that lies, for tests alone: linked with every object of `pawl`, and nothing of `pawl` is changed. The linker
// sends the calls below to the functions here (ld --wrap), each of which asks the honest one first and then says what
// the lie wants. Which lies are told stands in $PAWL_LIES, separated by commas; each one that is told, against what the
// honest function said, is written to the file $PAWL_LIES_TOLD, so that a test can demand that there was something to
// lie about.
//
//   surface pace trial bounds   the step has passed, whatever it found
//   quorum approval             the same, once auditors have closed; once there is a decision to sign
//   release                     the same, where the loader refuses
//   proof                       the prover found a proof, and the checker accepts it
//   reviews                     a reviewer votes for, whatever it found (reviewers who collude)
//   forge                       votes, closing statement and approvals are made up, with the gate's own key; the gate's
//                               fold believes every signature; its loader accepts, and writes its state
//   drop-votes drop-halts       votes against, halts: acknowledged, and not logged
//   hold-votes                  votes against are logged only after the closing statement
//   time                        the clock is $PAWL_LIES_SECONDS ahead
#include <algorithm>
#include <cstdlib>
#include <ctime>
#include <fstream>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "gate/steps.h"
#include "ledger/ledger.h"
#include "oversight/review.h"
#include "prover/prover.h"
#include "signing/sign.h"
#include "signing/signer_for_tests.h"
#include "warrant/approval.h"
#include "warrant/property_check.h"
#include "warrant/verify.h"

// The CMake file reads these lines; a name that no longer exists does not link.
#define GATE_SURFACE "_ZN4pawl4gate7SurfaceERNS0_4GateERKNS_5audit15ProposalHistoryE"
#define GATE_PACE "_ZN4pawl4gate4PaceERNS0_4GateERKNS_5audit15ProposalHistoryE"
#define GATE_TRIAL "_ZN4pawl4gate5TrialERNS0_4GateERKNS_5audit15ProposalHistoryE"
#define GATE_BOUNDS "_ZN4pawl4gate6BoundsERNS0_4GateERKNS_5audit15ProposalHistoryE"
#define GATE_QUORUM "_ZN4pawl4gate6QuorumERNS0_4GateERKNS_5audit15ProposalHistoryE"
#define GATE_RELEASE "_ZN4pawl4gate7ReleaseERNS0_4GateERKNS_5audit15ProposalHistoryE"
#define GATE_APPROVAL "_ZN4pawl4gate8ApprovalERNS0_4GateERKNS_5audit15ProposalHistoryE"
#define REVIEW_AS_PROVER \
  "_ZN4pawl9oversight14ReviewAsProverERNS_6ledger10SubjectLogERKNS0_8ReviewerERKNS_5audit15ProposalHistoryE"
#define REVIEW_AS_EVALUATOR \
  "_ZN4pawl9oversight17ReviewAsEvaluatorERNS_6ledger10SubjectLogERKNS0_8ReviewerERKNS_5audit15ProposalHistoryE"
#define REVIEW_AS_INTEGRITY \
  "_ZN4pawl9oversight17ReviewAsIntegrityERNS_6ledger10SubjectLogERKNS0_8ReviewerERKNS_5audit15ProposalHistoryE"
#define PROVE "_ZN4pawl6prover5ProveERKNS0_12ProofRequestE"
#define CHECK_CERTIFICATE "_ZN4pawl7warrant24CheckPropertyCertificateERKNS0_13PropertyBytesE"
#define IS_SIGNED_BY "_ZN4pawl7warrant10IsSignedByERKNS_8encoding8EnvelopeERKNS_6crypto7NoteKeyE"
#define VERIFY_AUDITORS "_ZN4pawl7warrant14VerifyAuditorsB5cxx11ERKNS_8encoding8EnvelopeERKNS_7charter7CharterE"
#define VERIFY_APPROVALS "_ZN4pawl7warrant15VerifyApprovalsERKNS_8encoding8EnvelopeERKNS_7charter7CharterEl"
#define VERIFY_WARRANT "_ZN4pawl7warrant13VerifyWarrantERKNS0_15WarrantQuestionE"
#define LEDGER_APPEND \
  "_ZN4pawl6ledger6Ledger6AppendEmRKSt6vectorINSt7__cxx1112basic_stringIcSt11char_traitsIcESaIcEEESaIS8_EE"
#define HONEST(symbol) asm("__real_" symbol)
#define LYING(symbol) asm("__wrap_" symbol)

namespace pawl {
namespace {

bool Tells(std::string_view lie) {
  const char* lies = std::getenv("PAWL_LIES");
  return lies != nullptr && ("," + std::string(lies) + ",").find("," + std::string(lie) + ",") != std::string::npos;
}

void Told(std::string_view lie, std::string_view truth) {
  if (const char* path = std::getenv("PAWL_LIES_TOLD")) {
    std::ofstream(path, std::ios::app) << lie << ": " << truth << "\n";
  }
}

// Votes and closing statement as reviewers would sign them, signed by the gate.
std::vector<encoding::Envelope> ForgedVotesAndClosing(gate::Gate& gate, const audit::ProposalHistory& proposal) {
  std::vector<encoding::Envelope> events;
  // What an honest gate says of the steps that it has passed goes with what comes next.
  if (!gate.log().Settle().ok()) std::abort();
  warrant::Closing closing;
  closing.about = gate.About(proposal.proposal.tree);
  closing.candidate = proposal.candidate_digest;
  closing.root = gate.log().root();
  closing.time = gate.Now();
  std::vector<encoding::Signature> auditors;
  for (const charter::Reviewer& reviewer : gate.charter().reviewers) {
    if (reviewer.role == charter::Role::kAuditor) continue;
    warrant::Vote vote;
    vote.about = closing.about;
    vote.candidate = proposal.candidate_digest;
    vote.reviewer = reviewer.name;
    vote.role = charter::RoleName(reviewer.role);
    vote.verdict = warrant::VoteVerdict::kFor;
    vote.host = vote.user = "forged";
    vote.time = gate.Now();
    const std::string payload = warrant::WriteVote(vote);
    closing.votes.push_back(warrant::StatementDigest(payload));
    events.push_back(
        {std::string(warrant::kPayloadType), payload, {signing::SignPayload(payload, reviewer.name, gate.keys().log)}});
  }
  std::sort(closing.votes.begin(), closing.votes.end());
  closing.size = static_cast<int64_t>(gate.log().history().size() + events.size());
  const std::string payload = warrant::WriteClosing(closing);
  for (const charter::Reviewer& reviewer : gate.charter().reviewers) {
    if (reviewer.role != charter::Role::kAuditor) continue;
    auditors.push_back(signing::SignPayload(payload, reviewer.name, gate.keys().log));
  }
  events.push_back({std::string(warrant::kPayloadType), payload, auditors});
  return events;
}

// The people's names and public keys over signatures of the gate's own.
encoding::Envelope ForgedApprovals(gate::Gate& gate, const audit::ProposalHistory& proposal) {
  encoding::Envelope forged{std::string(warrant::kPayloadType), proposal.decision_envelope.payload, {}};
  const std::string message = encoding::PreAuthenticationEncoding(forged.payload_type, forged.payload);
  for (const crypto::AllowedSigner& signer : gate.charter().approval.signers) {
    crypto::Sshsig sshsig = signing::SignerForTests(signer.key.type).Sign(message, warrant::kApprovalNamespace);
    sshsig.key = signer.key;
    forged.signatures.push_back({signer.principal, sshsig.Raw()});
  }
  return forged;
}

Result<gate::StepReport> SaysYes(std::string_view lie, Result<gate::StepReport> honest) {
  if (!Tells(lie) || !honest.ok() || honest->outcome == audit::FindingOutcome::kPass) return honest;
  Told(lie, honest->rule);
  return gate::Passed("all is well");
}

Result<oversight::Opinion> VotesFor(Result<oversight::Opinion> honest) {
  if (!Tells("reviews") || !honest.ok() || honest->verdict == warrant::VoteVerdict::kFor) return honest;
  Told("reviews", honest->reasons.front());
  honest->verdict = warrant::VoteVerdict::kFor;
  honest->reasons.clear();
  return honest;
}

bool IsVoteAgainst(const std::string& entry) {
  const Result<encoding::Envelope> envelope = encoding::ParseEnvelope(entry);
  const Result<warrant::Vote> vote = warrant::ReadVote(envelope->payload);
  return vote.ok() && vote->verdict == warrant::VoteVerdict::kAgainst;
}

bool IsHalt(const std::string& entry) {
  const Result<encoding::Envelope> envelope = encoding::ParseEnvelope(entry);
  const Result<warrant::Decision> decision = warrant::ReadDecision(envelope->payload);
  return decision.ok() && decision->action == warrant::Action::kHalt;
}

bool IsClosing(const std::string& entry) {
  const Result<encoding::Envelope> envelope = encoding::ParseEnvelope(entry);
  return warrant::ReadClosing(envelope->payload).ok();
}

std::string HeldPath() { return std::string(std::getenv("PAWL_LIES_TOLD")) + ".held"; }

}  // namespace

// ---- the steps of the path

using Report = Result<gate::StepReport>;
using Proposal = audit::ProposalHistory;

Report HonestSurface(gate::Gate&, const Proposal&) HONEST(GATE_SURFACE);
Report LyingSurface(gate::Gate& gate, const Proposal& proposal) LYING(GATE_SURFACE);
Report LyingSurface(gate::Gate& gate, const Proposal& proposal) {
  return SaysYes("surface", HonestSurface(gate, proposal));
}

Report HonestPace(gate::Gate&, const Proposal&) HONEST(GATE_PACE);
Report LyingPace(gate::Gate& gate, const Proposal& proposal) LYING(GATE_PACE);
Report LyingPace(gate::Gate& gate, const Proposal& proposal) { return SaysYes("pace", HonestPace(gate, proposal)); }

Report HonestTrial(gate::Gate&, const Proposal&) HONEST(GATE_TRIAL);
Report LyingTrial(gate::Gate& gate, const Proposal& proposal) LYING(GATE_TRIAL);
Report LyingTrial(gate::Gate& gate, const Proposal& proposal) { return SaysYes("trial", HonestTrial(gate, proposal)); }

Report HonestBounds(gate::Gate&, const Proposal&) HONEST(GATE_BOUNDS);
Report LyingBounds(gate::Gate& gate, const Proposal& proposal) LYING(GATE_BOUNDS);
Report LyingBounds(gate::Gate& gate, const Proposal& proposal) {
  return SaysYes("bounds", HonestBounds(gate, proposal));
}

Report HonestQuorum(gate::Gate&, const Proposal&) HONEST(GATE_QUORUM);
Report LyingQuorum(gate::Gate& gate, const Proposal& proposal) LYING(GATE_QUORUM);
Report LyingQuorum(gate::Gate& gate, const Proposal& proposal) {
  Report honest = HonestQuorum(gate, proposal);
  if (!Tells("forge")) return proposal.closing ? SaysYes("quorum", std::move(honest)) : honest;
  if (!honest.ok() || honest->outcome == audit::FindingOutcome::kPass) return honest;
  Told("forge", honest->rule);
  gate::StepReport report = gate::Passed("everybody is for it");
  report.events_before = ForgedVotesAndClosing(gate, proposal);
  return report;
}

Report HonestApproval(gate::Gate&, const Proposal&) HONEST(GATE_APPROVAL);
Report LyingApproval(gate::Gate& gate, const Proposal& proposal) LYING(GATE_APPROVAL);
Report LyingApproval(gate::Gate& gate, const Proposal& proposal) {
  Report honest = HonestApproval(gate, proposal);
  // Without a draft the honest step makes one, and the next call has what people sign.
  if (!proposal.decision) return honest;
  if (!Tells("forge")) return SaysYes("approval", std::move(honest));
  if (!honest.ok() || honest->outcome == audit::FindingOutcome::kPass) return honest;
  Told("forge", honest->rule);
  gate::StepReport report = gate::Passed("everybody has signed");
  report.events_before = {ForgedApprovals(gate, proposal)};
  return report;
}

Report HonestRelease(gate::Gate&, const Proposal&) HONEST(GATE_RELEASE);
Report LyingRelease(gate::Gate& gate, const Proposal& proposal) LYING(GATE_RELEASE);
Report LyingRelease(gate::Gate& gate, const Proposal& proposal) {
  return SaysYes("release", HonestRelease(gate, proposal));
}

// ---- what the steps and the reviewers ask

prover::ProofResult HonestProve(const prover::ProofRequest&) HONEST(PROVE);
prover::ProofResult LyingProve(const prover::ProofRequest& request) LYING(PROVE);
prover::ProofResult LyingProve(const prover::ProofRequest& request) {
  prover::ProofResult result = HonestProve(request);
  if (!Tells("proof") || result.status == prover::ProofStatus::kProven) return result;
  Told("proof", "no proof was found");
  const std::string_view certificate = "trust me";
  result.status = prover::ProofStatus::kProven;
  result.certificate.assign(certificate.begin(), certificate.end());
  return result;
}

checker::Verdict HonestCheck(const warrant::PropertyBytes&) HONEST(CHECK_CERTIFICATE);
checker::Verdict LyingCheck(const warrant::PropertyBytes& bytes) LYING(CHECK_CERTIFICATE);
checker::Verdict LyingCheck(const warrant::PropertyBytes& bytes) {
  checker::Verdict verdict = HonestCheck(bytes);
  if (!Tells("proof") || verdict.proven) return verdict;
  Told("proof", verdict.reason.rule);
  verdict.proven = true;
  return verdict;
}

using Opinion = Result<oversight::Opinion>;
Opinion HonestProver(ledger::SubjectLog&, const oversight::Reviewer&, const Proposal&) HONEST(REVIEW_AS_PROVER);
Opinion LyingProver(ledger::SubjectLog& log, const oversight::Reviewer& reviewer, const Proposal& proposal)
    LYING(REVIEW_AS_PROVER);
Opinion LyingProver(ledger::SubjectLog& log, const oversight::Reviewer& reviewer, const Proposal& proposal) {
  return VotesFor(HonestProver(log, reviewer, proposal));
}

Opinion HonestIntegrity(ledger::SubjectLog&, const oversight::Reviewer&, const Proposal&) HONEST(REVIEW_AS_INTEGRITY);
Opinion LyingIntegrity(ledger::SubjectLog& log, const oversight::Reviewer& reviewer, const Proposal& proposal)
    LYING(REVIEW_AS_INTEGRITY);
Opinion LyingIntegrity(ledger::SubjectLog& log, const oversight::Reviewer& reviewer, const Proposal& proposal) {
  return VotesFor(HonestIntegrity(log, reviewer, proposal));
}

Opinion HonestEvaluator(ledger::SubjectLog&, const oversight::Reviewer&, const Proposal&) HONEST(REVIEW_AS_EVALUATOR);
Opinion LyingEvaluator(ledger::SubjectLog& log, const oversight::Reviewer& reviewer, const Proposal& proposal)
    LYING(REVIEW_AS_EVALUATOR);
Opinion LyingEvaluator(ledger::SubjectLog& log, const oversight::Reviewer& reviewer, const Proposal& proposal) {
  return VotesFor(HonestEvaluator(log, reviewer, proposal));
}

// ---- signatures, as the gate's own fold and loader see them

bool HonestSignature(const encoding::Envelope&, const crypto::NoteKey&) HONEST(IS_SIGNED_BY);
bool LyingSignature(const encoding::Envelope& envelope, const crypto::NoteKey& key) LYING(IS_SIGNED_BY);
bool LyingSignature(const encoding::Envelope& envelope, const crypto::NoteKey& key) {
  if (HonestSignature(envelope, key)) return true;
  // A draft is told from approvals by the gate's own signature, so that one question is answered honestly.
  if (!Tells("forge") || envelope.signatures.size() != 1 || envelope.signatures[0].keyid != key.name) return false;
  Told("forge", "not signed by " + key.name);
  return true;
}

using Auditors = Result<std::set<std::string>>;
Auditors HonestAuditors(const encoding::Envelope&, const charter::Charter&) HONEST(VERIFY_AUDITORS);
Auditors LyingAuditors(const encoding::Envelope& envelope, const charter::Charter& charter) LYING(VERIFY_AUDITORS);
Auditors LyingAuditors(const encoding::Envelope& envelope, const charter::Charter& charter) {
  Auditors honest = HonestAuditors(envelope, charter);
  if (!Tells("forge") || honest.ok()) return honest;
  Told("forge", honest.error().rule);
  return std::set<std::string>{};
}

using Approvers = Result<std::vector<warrant::Approver>>;
Approvers HonestApprovers(const encoding::Envelope&, const charter::Charter&, int64_t) HONEST(VERIFY_APPROVALS);
Approvers LyingApprovers(const encoding::Envelope& envelope, const charter::Charter& charter, int64_t time_s)
    LYING(VERIFY_APPROVALS);
Approvers LyingApprovers(const encoding::Envelope& envelope, const charter::Charter& charter, int64_t time_s) {
  Approvers honest = HonestApprovers(envelope, charter, time_s);
  if (!Tells("forge") || honest.ok()) return honest;
  Told("forge", honest.error().rule);
  std::vector<warrant::Approver> approvers;
  for (const encoding::Signature& signature : envelope.signatures) {
    approvers.push_back({.principal = signature.keyid, .key_fingerprint = {}, .facts = {}, .presence_proven = true});
  }
  return approvers;
}

warrant::WarrantVerdict HonestVerdict(const warrant::WarrantQuestion&) HONEST(VERIFY_WARRANT);
warrant::WarrantVerdict LyingVerdict(const warrant::WarrantQuestion& question) LYING(VERIFY_WARRANT);
warrant::WarrantVerdict LyingVerdict(const warrant::WarrantQuestion& question) {
  warrant::WarrantVerdict verdict = HonestVerdict(question);
  if (!Tells("forge") || verdict.accepted || question.state == nullptr) return verdict;
  Told("forge", verdict.reason.rule);
  const warrant::Candidate candidate =
      *warrant::ReadCandidate(warrant::ReadWarrant(question.warrant)->candidate.payload);
  verdict.accepted = true;
  verdict.epoch = candidate.epoch;
  verdict.warrant = crypto::Sha256(question.warrant);
  verdict.next = *question.state;
  verdict.next.epoch = candidate.epoch;
  verdict.next.warrant = verdict.warrant;
  verdict.next.tree = candidate.tree;
  verdict.next.releases.push_back({.epoch = candidate.epoch,
                                   .tree = candidate.tree,
                                   .time = question.now_s,
                                   .switched = question.now_s,
                                   .warrant = verdict.warrant,
                                   .action = candidate.action});
  return verdict;
}

// ---- the log and the clock

using Index = Result<uint64_t>;
Index HonestAppend(ledger::Ledger*, uint64_t, const std::vector<std::string>&) HONEST(LEDGER_APPEND);
Index LyingAppend(ledger::Ledger* ledger, uint64_t size, const std::vector<std::string>& entries) LYING(LEDGER_APPEND);
Index LyingAppend(ledger::Ledger* ledger, uint64_t size, const std::vector<std::string>& entries) {
  if (Tells("drop-votes") && entries.size() == 1 && IsVoteAgainst(entries[0])) {
    Told("drop-votes", "a vote against");
    return size;
  }
  if (Tells("drop-halts") && entries.size() == 1 && IsHalt(entries[0])) {
    Told("drop-halts", "a halt");
    return size;
  }
  if (Tells("hold-votes") && entries.size() == 1 && IsVoteAgainst(entries[0])) {
    Told("hold-votes", "a vote against");
    std::ofstream(HeldPath(), std::ios::app) << entries[0] << "\n";
    return size;
  }
  if (Tells("hold-votes") && entries.size() == 1 && IsClosing(entries[0])) {
    std::vector<std::string> all = entries;
    std::ifstream held(HeldPath());
    for (std::string line; std::getline(held, line);) all.push_back(line);
    if (all.size() > 1) Told("hold-votes", "logged after the closing statement");
    return HonestAppend(ledger, size, all);
  }
  return HonestAppend(ledger, size, entries);
}

}  // namespace pawl

extern "C" time_t __real_time(time_t*);
extern "C" time_t __wrap_time(time_t* out);
extern "C" time_t __wrap_time(time_t* out) {
  time_t now = __real_time(nullptr);
  if (pawl::Tells("time")) {
    now += std::atoll(std::getenv("PAWL_LIES_SECONDS"));
    pawl::Told("time", std::getenv("PAWL_LIES_SECONDS"));
  }
  if (out != nullptr) *out = now;
  return now;
}
