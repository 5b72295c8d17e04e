// What a log says, folded from its events one after another: every proposal with all that happened to it, what is live,
// which halts are open. The gate, every reviewer and every auditor fold the same events and get the same history.
//
//   History history(charters);
//   for (uint64_t index = 0; index < log.size(); ++index) {
//     Result<void> applied = history.Apply(index, entry);
//     if (!applied.ok()) …          // this log is not to be trusted from here on
//   }
//
// Every event's signature is verified against the charter in force at that point; an event that does not verify, or
// that cannot follow what came before, refuses the whole history from there on.
//
// Copies are cheap and independent. Pointers to a proposal hold until an event about it is applied.
//
// Thread safety: one thread; const calls may run at the same time.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "audit/records.h"
#include "charter/charter.h"
#include "encoding/dsse.h"
#include "result/result.h"
#include "warrant/approval.h"

namespace pawl::audit {

// How much better release `epoch` was than what was live before it, in the capability metric, positive where better.
struct LastStep {
  int64_t epoch = 0;
  double gain = 0;
};
// From a vote's evidence; nothing where the vote has none. Malformed evidence is an error.
Result<std::optional<LastStep>> ReadLastStep(const encoding::Json& evidence);

struct LoggedVote {
  Vote vote;  // without its evidence: reports are most of a log, and few are looked at again
  Digest digest;
  encoding::Envelope envelope;
  uint64_t index = 0;
  std::optional<LastStep> last_step = std::nullopt;

  encoding::Json Evidence() const;  // read again from the envelope
};

struct LoggedComplaint {
  Complaint complaint;  // without the vote that it carries, which is in the entry
  Digest digest;
  uint64_t index = 0;
};

struct ProposalHistory {
  Proposal proposal;
  uint64_t index = 0;  // of the proposal event
  std::vector<Finding> findings;
  std::vector<uint64_t> finding_indices;  // of their events, in the same order
  std::optional<Candidate> candidate;
  encoding::Envelope candidate_envelope;
  Digest candidate_digest;
  uint64_t candidate_index = 0;
  std::vector<LoggedVote> votes;             // in log order
  std::optional<Closing> closing;            // the first one that an auditor wrote
  encoding::Envelope closing_envelope;       // with every auditor's signature so far
  std::optional<Decision> decision;          // as drafted
  encoding::Envelope decision_envelope;      // with every approval so far, sorted by principal
  std::vector<warrant::Approver> approvers;  // in that order
  std::optional<uint64_t> approved_index;    // of the event that carries all approvals at once
  std::vector<Refusal> refusals;
  bool vetoed = false;                      // when the last warrant was logged; an amendment that was is never released
  std::vector<LoggedComplaint> complaints;  // in log order; of one complainant, accused and rule at most one
  std::optional<Digest> warrant;
  std::optional<ReleaseRecord> release;
  std::optional<OutcomeRecord> outcome;

  // The latest finding of a step, or null.
  const Finding* FindingOf(Step step) const;
  // Where the log has it; nothing where there is none.
  std::optional<uint64_t> IndexOf(Step step) const;
};

// Proposals in log order, shared between the copies of a history: a copy costs a list of pointers, whatever the log's
// length, and what one copy changes is not changed in another.
class ProposalList {
 public:
  using Shared = std::shared_ptr<ProposalHistory>;
  class Iterator {
   public:
    explicit Iterator(const Shared* at) : at_(at) {}
    const ProposalHistory& operator*() const { return **at_; }
    Iterator& operator++() { return ++at_, *this; }
    bool operator==(const Iterator&) const = default;

   private:
    const Shared* at_;
  };
  Iterator begin() const { return Iterator(shared_.data()); }
  Iterator end() const { return Iterator(shared_.data() + shared_.size()); }
  size_t size() const { return shared_.size(); }
  bool empty() const { return shared_.empty(); }
  const ProposalHistory& operator[](size_t index) const { return *shared_[index]; }
  const ProposalHistory& back() const { return *shared_.back(); }

  void Add(Shared proposal) { shared_.push_back(std::move(proposal)); }
  // To be changed: this list's own from here on.
  ProposalHistory& Own(size_t index) {
    if (shared_[index].use_count() > 1) shared_[index] = std::make_shared<ProposalHistory>(*shared_[index]);
    return *shared_[index];
  }

 private:
  std::vector<Shared> shared_;
};

struct LoggedHalt {
  Digest digest;
  Decision decision;
  std::string principal;
  uint64_t index = 0;
  int64_t since = 0;  // a resume that is dated before it lifts nothing: the halt's own time, but for one dated ahead
  bool lifted = false;
  encoding::Envelope envelope;
};

class History {
 public:
  // Gives the charter with a digest; asked for the genesis charter and at every amendment.
  using CharterReader = std::function<Result<charter::Charter>(const Digest&)>;
  explicit History(CharterReader read_charter) : read_charter_(std::move(read_charter)) {}
  const CharterReader& charter_reader() const { return read_charter_; }

  // `entry` is the log's entry at `index`; indices must be consecutive from 0. After an error the history stays as it
  // was, and refuses everything else.
  Result<void> Apply(uint64_t index, std::string_view entry);

  uint64_t size() const { return size_; }
  bool has_genesis() const { return charter_ != nullptr; }
  // Require has_genesis().
  const charter::Charter& charter() const { return *charter_; }
  int64_t charter_epoch() const { return charter_epoch_; }
  const Decision& genesis() const { return genesis_; }
  const encoding::Envelope& genesis_envelope() const { return genesis_envelope_; }

  const ProposalList& proposals() const { return proposals_; }
  const ProposalHistory* Find(std::string_view proposal) const;
  std::string NextProposalName() const;

  // Releases and rollbacks in log order.
  const std::vector<ReleaseRecord>& releases() const { return releases_; }
  // The last release, rollback or amendment: what the next one names as its parent warrant.
  const std::optional<Digest>& last_warrant() const { return last_warrant_; }
  int64_t epoch() const { return epoch_; }
  std::optional<Digest> live_tree() const;
  // The same by what went live and how, for warrant::TargetOf.
  std::vector<warrant::LiveTree> live_trees() const;
  // Candidate statements of action release so far: the last budget index.
  int64_t budget_index() const { return budget_index_; }

  const std::vector<LoggedHalt>& halts() const { return halts_; }
  // Everything that a resume has named, with the last time that one states: halts, and votes that raised an alarm.
  const std::map<Digest, int64_t>& lifted() const { return lifted_; }
  std::vector<Digest> OpenHalts() const;  // sorted
  // The latest time that the gate states, POSIX seconds; 0 before genesis. Nobody else's word moves it: one reviewer,
  // auditor or approver with a wrong clock must not set everybody's.
  int64_t time() const { return time_; }

 private:
  friend class FoldSnapshot;  // ledger/snapshot.h: saves a fold and takes it up again; no part of pawl-check
  Result<void> ApplyEnvelope(uint64_t index, const encoding::Envelope& envelope);
  Result<void> ApplyProposal(uint64_t index, const encoding::Envelope& envelope);
  Result<void> ApplyFinding(uint64_t index, const encoding::Envelope& envelope);
  Result<void> ApplyCandidate(uint64_t index, const encoding::Envelope& envelope);
  Result<void> ApplyVote(uint64_t index, const encoding::Envelope& envelope);
  Result<void> ApplyClosing(const encoding::Envelope& envelope);
  Result<void> ApplyDecision(uint64_t index, const encoding::Envelope& envelope);
  Result<void> ApplyGenesis(const Decision& decision, const encoding::Envelope& envelope);
  Result<void> ApplyHaltOrResume(uint64_t index, const Decision& decision, const encoding::Envelope& envelope);
  Result<void> ApplyApproval(uint64_t index, ProposalHistory& proposal, const encoding::Envelope& envelope);
  Result<void> ApplyRefusal(const encoding::Envelope& envelope);
  Result<void> ApplyWarrant(const encoding::Envelope& envelope);
  Result<void> ApplyRelease(const encoding::Envelope& envelope);
  Result<void> ApplyOutcome(const encoding::Envelope& envelope);
  Result<void> ApplyComplaint(uint64_t index, const encoding::Envelope& envelope);
  Result<bool> Shows(const Complaint& complaint, const ProposalHistory& proposal) const;
  Result<bool> IsOfRemoved(const encoding::Envelope& vote, const Candidate& candidate,
                           const charter::Charter& since) const;
  Result<void> EnoughApproved(const ProposalHistory& proposal, const charter::Charter& charter) const;
  Result<void> FromGate(const encoding::Envelope& envelope) const;
  Result<ProposalHistory*> Open(const std::string& proposal);
  Result<ProposalHistory*> OpenByCandidate(const Digest& candidate);
  void Saw(int64_t time) { time_ = std::max(time_, time); }

  CharterReader read_charter_;
  std::shared_ptr<const charter::Charter> charter_;
  int64_t charter_epoch_ = 0;
  Decision genesis_;
  encoding::Envelope genesis_envelope_;
  ProposalList proposals_;
  std::map<std::string, size_t, std::less<>> by_name_;
  std::map<Digest, size_t> by_candidate_;
  std::map<Digest, size_t> by_decision_;
  std::vector<ReleaseRecord> releases_;
  std::optional<Digest> last_warrant_;
  int64_t epoch_ = 0;
  int64_t budget_index_ = 0;
  std::vector<LoggedHalt> halts_;
  std::map<Digest, int64_t> lifted_;
  int64_t time_ = 0;
  uint64_t size_ = 0;
  bool refused_ = false;
};

}  // namespace pawl::audit
