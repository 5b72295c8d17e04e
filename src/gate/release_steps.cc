// Steps 9 and 10: everything in one file, and the loader's own check of it, after which one rename makes it live.
#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <ctime>
#include <filesystem>
#include <fstream>

#include "gate/steps.h"
#include "merkle/checkpoint.h"
#include "merkle/tlog_proof.h"
#include "oversight/pace.h"
#include "storage/replace_file.h"
#include "warrant/state.h"
#include "warrant/verify.h"
#include "warrant/warrant.h"

namespace pawl::gate {
namespace {

using audit::FindingOutcome;
using audit::ProposalHistory;
using warrant::Action;

// Size of the checkpoint in the warrant that came before, 0 for the first.
Result<uint64_t> PreviousSize(Gate& gate) {
  const std::optional<crypto::Digest>& last = gate.log().history().last_warrant();
  if (!last) return uint64_t{0};
  Result<std::string> bytes = gate.log().store().ReadBlob(*last, warrant::kWarrantBytesMax);
  if (!bytes.ok()) return bytes.error();
  Result<warrant::Warrant> previous = warrant::ReadWarrant(*bytes);
  if (!previous.ok()) return previous.error();
  Result<merkle::TlogProof> proof = merkle::TlogProof::Parse(previous->proof);
  if (!proof.ok()) return proof.error();
  Result<merkle::SignedCheckpoint> checkpoint = merkle::OpenCheckpoint(proof->checkpoint, gate.charter().gate.log);
  if (!checkpoint.ok()) return checkpoint.error();
  return checkpoint->checkpoint.size;
}

// Too few witnesses is nobody's fault here: it is tried again, and spends nothing.
StepReport WaitingForWitnesses(const ProposalHistory& proposal, const Error& error, const char* command) {
  return Waiting(error.rule, error.message,
                 {std::string(command) + " " + proposal.proposal.proposal + " (first: " + error.advice + ")"});
}

// A warrant over a fresh checkpoint. Requires the approved decision on the ledger.
Result<std::string> BuildWarrant(Gate& gate, const ProposalHistory& proposal) {
  ledger::Ledger& ledger = gate.log().ledger();
  Result<uint64_t> previous = PreviousSize(gate);
  if (!previous.ok()) return previous.error();
  Result<std::string> note = SignCheckpoint(gate, *previous);
  if (!note.ok()) return note.error();
  Result<merkle::SignedCheckpoint> checkpoint = merkle::OpenCheckpoint(*note, gate.charter().gate.log);
  if (!checkpoint.ok()) return checkpoint.error();
  const uint64_t size = checkpoint->checkpoint.size;
  const tlog::HashReader hashes = ledger.Hashes();
  Result<std::vector<crypto::Digest>> inclusion = tlog::InclusionProof(*proposal.approved_index, size, hashes);
  if (!inclusion.ok()) return inclusion.error();
  Result<std::vector<crypto::Digest>> closing =
      tlog::ConsistencyProof(static_cast<uint64_t>(proposal.closing->size), size, hashes);
  if (!closing.ok()) return closing.error();
  const uint64_t commit = proposal.candidate_index + 1;
  Result<std::vector<crypto::Digest>> committed = tlog::InclusionProof(proposal.candidate_index, commit, hashes);
  if (!committed.ok()) return committed.error();
  Result<std::vector<crypto::Digest>> after = tlog::ConsistencyProof(commit, size, hashes);
  if (!after.ok()) return after.error();
  Result<std::vector<crypto::Digest>> since = tlog::ConsistencyProof(*previous, size, hashes);
  if (!since.ok()) return since.error();

  warrant::Warrant warrant;
  warrant.candidate = proposal.candidate_envelope;
  std::vector<const audit::LoggedVote*> votes;
  for (const audit::LoggedVote& vote : proposal.votes) {
    // Votes after closing are on the ledger, but not among what people decided on.
    const auto& closed = proposal.closing->votes;
    if (std::binary_search(closed.begin(), closed.end(), vote.digest)) votes.push_back(&vote);
  }
  std::sort(votes.begin(), votes.end(), [](const auto* a, const auto* b) { return a->digest < b->digest; });
  for (const audit::LoggedVote* vote : votes) warrant.votes.push_back(vote->envelope);
  warrant.closing = proposal.closing_envelope;
  warrant.decision = proposal.decision_envelope;
  warrant.proof =
      merkle::TlogProof{.index = *proposal.approved_index, .hashes = *inclusion, .checkpoint = *note}.Serialize();
  warrant.closing_consistency = *closing;
  warrant.commit_inclusion = *committed;
  warrant.commit_consistency = *after;
  warrant.previous_size = *previous;
  warrant.previous_consistency = *since;
  return warrant::WriteWarrant(warrant);
}

encoding::Envelope WarrantEvent(Gate& gate, const ProposalHistory& proposal, const crypto::Digest& digest) {
  return gate.Signed(audit::WriteWarrantRecord({.about = gate.About(proposal.proposal.tree),
                                                .proposal = proposal.proposal.proposal,
                                                .epoch = proposal.candidate->epoch,
                                                .warrant = digest}));
}

// The proposal with the one leaf that carries every approval: what a warrant's proof is about. The ledger has it with
// the checkpoint that follows.
Result<ProposalHistory> WithApprovedLeaf(Gate& gate, const std::string& name) {
  const ProposalHistory* proposal = gate.log().history().Find(name);
  if (!proposal->approved_index) {
    const encoding::Envelope decision = proposal->decision_envelope;
    if (Result<void> held = gate.log().Hold({decision}); !held.ok()) return held.error();
    proposal = gate.log().history().Find(name);
  }
  if (proposal->approved_index) return *proposal;
  return Error{ErrorCode::kInternal, "warrant.no-leaf", "the approved decision is not on the ledger", ""};
}

// The same decision over a fresh checkpoint, logged before anybody can switch to it. A further approval since the last
// warrant is in it as well.
Result<std::string> RenewWarrant(Gate& gate, const std::string& name) {
  Result<ProposalHistory> complete = WithApprovedLeaf(gate, name);
  if (!complete.ok()) return complete.error();
  const ProposalHistory& proposal = *complete;
  Result<std::string> bytes = BuildWarrant(gate, proposal);
  if (!bytes.ok()) return bytes.error();
  Result<crypto::Digest> digest = gate.log().store().PutBlob(*bytes);
  if (!digest.ok()) return digest.error();
  if (Result<void> logged = gate.log().Append({WarrantEvent(gate, proposal, *digest)}); !logged.ok()) {
    return logged.error();
  }
  return bytes;
}

// What waits for the clock or for people is not the candidate's fault.
bool MayPassLater(const std::string& rule) {
  constexpr std::array<std::string_view, 9> kRules = {
      "time.stale",  "time.backwards",    "halt.in-force", "halt.unreadable",   "pace.interval",
      "pace.window", "amendment.waiting", "state.missing", "closing.open-halt",
  };
  return std::find(kRules.begin(), kRules.end(), rule) != kRules.end();
}

// A copy of what the store has, for other loaders.
Result<void> KeepWarrantFile(Gate& gate, int64_t epoch, const std::string& bytes) {
  return storage::ReplaceFile(gate.log().home().WarrantPath(gate.log().subject(), epoch), bytes);
}

// The loader may have switched or not: what could be live is never rejected, so this is not counted as a failure.
StepReport Unclear(const ProposalHistory& proposal, const Error& error) {
  return Waiting("release.unclear", "the switch could not be flushed: " + error.message,
                 {"pawl release " + proposal.proposal.proposal + " (first: " + error.advice + ")"});
}

StepReport Released(Gate& gate, const ProposalHistory& proposal, const crypto::Digest& digest, int64_t time,
                    const std::vector<std::string>& warnings) {
  std::string words = "epoch " + std::to_string(proposal.candidate->epoch) + " is live";
  if (proposal.proposal.action == Action::kAmendment) words = "the new charter is in force";
  for (const std::string& warning : warnings) words += "; " + warning;
  StepReport report = Passed(words);
  report.evidence = {{"warrant", digest}};
  report.events_after.push_back(gate.Signed(audit::WriteReleaseRecord({.about = gate.About(proposal.proposal.tree),
                                                                       .proposal = proposal.proposal.proposal,
                                                                       .epoch = proposal.candidate->epoch,
                                                                       .warrant = digest,
                                                                       .tree = proposal.proposal.tree,
                                                                       .time = time})));
  return report;
}

// What stops a release as ledger and loader are now: vetoes, halts and alarms on the ledger, halts in the loader's
// folder. `halts` gets the loader's. kPending "ledger.conflict" where others have gone on with the proposal: then what
// was decided is not about what the ledger has.
Result<std::optional<StepReport>> Stopped(Gate& gate, const std::string& name, const crypto::Digest& warrant,
                                          const warrant::State& state, warrant::LocalHalts& halts) {
  if (Result<void> refreshed = gate.log().Refresh(); !refreshed.ok()) return refreshed.error();
  const ProposalHistory& proposal = *gate.log().history().Find(name);
  if (proposal.outcome || proposal.warrant != warrant) {
    return Error{ErrorCode::kPending, "ledger.conflict", "another gate has gone on with '" + name + "'", "try again"};
  }
  if (IsVetoed(proposal)) return std::optional(SaidNo(proposal));
  const oversight::PaceReport pace = oversight::CheckStops(gate.log().history(), proposal.proposal.action);
  if (!pace.allowed) {
    return std::optional(Waiting(pace.rule, pace.reason, {"pawl resume (people lift the halt)"}));
  }
  Result<warrant::LocalHalts> local = warrant::ReadLocalHalts(gate.state_path(), gate.charter(), state);
  if (!local.ok()) return std::optional(Waiting(local.error().rule, local.error().message, {local.error().advice}));
  halts = std::move(*local);
  if (halts.in_force.empty()) return std::optional<StepReport>();
  return std::optional(
      Waiting("halt.in-force", "halted by " + halts.reasons.front(), {"pawl resume (people lift the halt)"}));
}

}  // namespace

Result<StepReport> Warrant(Gate& gate, const ProposalHistory& proposal) {
  if (IsVetoed(proposal)) return SaidNo(proposal);
  Result<ProposalHistory> complete = WithApprovedLeaf(gate, proposal.proposal.proposal);
  if (!complete.ok()) return complete.error();
  Result<std::string> bytes = BuildWarrant(gate, *complete);
  if (!bytes.ok() && bytes.error().rule == "witness.not-met") {
    return WaitingForWitnesses(proposal, bytes.error(), "pawl advance");
  }
  if (!bytes.ok()) return bytes.error();
  Result<crypto::Digest> digest = gate.log().store().PutBlob(*bytes);
  if (!digest.ok()) return digest.error();
  StepReport report = Passed("warrant " + digest->Text());
  report.evidence = {{"warrant", *digest}};
  report.events_before.push_back(WarrantEvent(gate, proposal, *digest));
  return report;
}

Result<StepReport> Release(Gate& gate, const ProposalHistory& proposal) {
  const std::string& state_path = gate.state_path();
  Result<warrant::State> state = warrant::ReadStateFile(state_path);
  // It may name this warrant already, which nobody can read: no number of failures ends the proposal.
  if (!state.ok()) return Waiting(state.error().rule, state.error().message, {state.error().advice});
  // The switch was made and the machine stopped before it was logged: log it now. It may have stopped before the switch
  // was flushed, too; the ledger must not know of a release that a power cut can still undo.
  if (state->warrant && state->warrant == proposal.warrant) {
    if (Result<void> flushed = warrant::WriteStateFile(state_path, *state); !flushed.ok()) {
      return Unclear(proposal, flushed.error());
    }
    return Released(gate, proposal, *proposal.warrant, state->time, {});
  }
  const std::string& name = proposal.proposal.proposal;
  // What a loader says that is behind, it says about itself: where several homes have gates, the others' loaders are.
  if (state->warrant != gate.log().history().last_warrant()) {
    return Waiting("state.behind", "the loader here has not followed the log to its last release",
                   {"pawl release " + name +
                    " (first let it follow: pawl-check warrant --commit, each warrant in turn; "
                    "or in the home whose loader has)"});
  }
  warrant::LocalHalts halts;
  Result<std::optional<StepReport>> stopped = Stopped(gate, name, *proposal.warrant, *state, halts);
  if (!stopped.ok()) return stopped.error();
  if (stopped->has_value()) return **stopped;

  if (proposal.proposal.action != Action::kAmendment) {
    Result<std::string> view = gate.log().store().Materialise(proposal.proposal.tree);
    if (!view.ok() && view.error().code != ErrorCode::kRefused) return view.error();
  }
  Result<std::string> bytes = gate.log().store().ReadBlob(*proposal.warrant, warrant::kWarrantBytesMax);
  if (!bytes.ok()) return bytes.error();
  warrant::WarrantQuestion question{.warrant = *bytes,
                                    .charter = &gate.log().charter(),
                                    .store = &gate.log().store(),
                                    .state = &*state,
                                    .halts = halts,
                                    .now_s = std::time(nullptr),
                                    .purpose = warrant::Purpose::kSwitch,
                                    .threads = gate.options().threads};
  warrant::WarrantVerdict verdict = warrant::VerifyWarrant(question);
  if (!verdict.accepted && verdict.reason.rule == "time.stale") {
    bytes = RenewWarrant(gate, proposal.proposal.proposal);
    if (!bytes.ok() && bytes.error().rule == "witness.not-met") {
      return WaitingForWitnesses(proposal, bytes.error(), "pawl release");
    }
    if (!bytes.ok()) return bytes.error();
    question.warrant = *bytes;
    question.now_s = std::time(nullptr);
    verdict = warrant::VerifyWarrant(question);
  }
  if (!verdict.accepted) {
    if (MayPassLater(verdict.reason.rule)) {
      return Waiting(verdict.reason.rule, verdict.reason.message, {"pawl release " + proposal.proposal.proposal});
    }
    return Failed(FindingOutcome::kRejected, verdict.reason.rule, "the loader refuses: " + verdict.reason.message);
  }
  if (Result<void> kept = KeepWarrantFile(gate, verdict.epoch, *bytes); !kept.ok()) return kept.error();
  // The check may have taken minutes. A halt that came meanwhile is seen here; one that comes later waits for the lock
  // on the state, so that nobody who was told "halted" sees a release become final after that. A veto that comes later
  // is too late: the fold takes the release of a warrant that was logged before it.
  stopped = Stopped(gate, name, verdict.warrant, *state, halts);
  if (!stopped.ok()) return stopped.error();
  if (stopped->has_value()) return **stopped;
  // This rename is the release.
  if (Result<void> switched = warrant::WriteStateFile(state_path, verdict.next); !switched.ok()) {
    Result<warrant::State> now = warrant::ReadStateFile(state_path);
    if (now.ok() && now->warrant == state->warrant) return switched.error();
    return Unclear(proposal, switched.error());
  }
  return Released(gate, proposal, verdict.warrant, verdict.time, verdict.warnings);
}

}  // namespace pawl::gate
