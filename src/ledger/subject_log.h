// One subject's log, store and folded history together: what the gate, every reviewer and every command start from.
//
//   Result<SubjectLog> log = SubjectLog::Open(home, "collision-avoidance", LedgerAccess::kReadWrite);
//   const audit::ProposalHistory* proposal = log->history().Find("p3");
//   Result<void> done = log->Append({envelope});      // kPending "ledger.conflict": Refresh() and decide again
//
// Opening reads every event, verifies every signature and recomputes the root from the entries themselves: a database
// that was edited is refused here ("ledger.root", or the history's rules). Commands may begin from a snapshot that
// this home has signed (snapshot.h), and then do the same with the events since.
//
// Thread safety: belongs to one thread.
#pragma once

#include <cassert>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "audit/history.h"
#include "charter/program_rules.h"
#include "encoding/dsse.h"
#include "ledger/home.h"
#include "ledger/ledger.h"
#include "result/result.h"
#include "storage/tree_store.h"
#include "subject/store.h"
#include "warrant/verify.h"

namespace pawl::ledger {

struct Snapshot;

// How often a writer folds what others appended meanwhile and tries again.
inline constexpr int kConflictsMax = 100;
// How many entries are in memory at a time while a log is read from end to end.
inline constexpr uint64_t kEntriesPerRead = 1'024;

enum class FoldFrom {
  kFirstEvent,  // every event is read and verified: auditors, every reviewer, `pawl log verify`
  kSnapshot,    // from the gate's snapshot, if the gate's key is here, or else one of this home's own, which a start
                // keeps that had much to fold; where there is none, or on any doubt, as above
};

class SubjectLog {
 public:
  static Result<SubjectLog> Open(const Home& home, std::string_view subject, LedgerAccess access,
                                 FoldFrom from = FoldFrom::kFirstEvent);

  // Keeps what is folded for the next start, signed with the gate's log key.
  Result<void> SaveSnapshot(const signing::Ed25519PrivateKey& log_key) const;
  // Events that opening had to fold.
  uint64_t folded() const { return folded_; }

  // Folds what others have appended since. What is held back is appended first.
  Result<void> Refresh();
  // Appends at the end that this object has seen, then folds. All envelopes or none; nothing that would not fold. After
  // an error the history is as it was, and pointers into it stay valid.
  Result<void> Append(const std::vector<encoding::Envelope>& envelopes);
  // As Append, but the ledger gets them with the next Settle or Append, all that are held back at once or none: fewer
  // flushes. Until then this history alone has them, a crash forgets them, and no root is known. After an error nothing
  // is held back any more.
  Result<void> Hold(const std::vector<encoding::Envelope>& envelopes);
  // After an error (kPending "ledger.conflict": Refresh() and decide again) the history is as it was before Hold.
  Result<void> Settle();
  // Settle, and a checkpoint of the whole log, stored together (Ledger::AppendAndSign).
  Result<std::string> SettleAndSign(const LogKeys& keys, int64_t time_s);

  const std::string& subject() const { return subject_; }
  const Home& home() const { return home_; }
  const audit::History& history() const { return held_.empty() ? *history_ : *trial_; }
  storage::TreeStore& store() { return *store_; }
  const subject::Store& store() const { return *store_; }
  Ledger& ledger() { return *ledger_; }
  // The charter in force with its files. Requires a genesis.
  const warrant::CharterFiles& charter() const { return *charter_; }
  // What it says about programs (charter/program_rules.h), read once.
  Result<charter::ProgramRules> programs() const;
  // Root over all entries folded so far, computed from the entries. Requires that nothing is held back.
  crypto::Digest root() const {
    assert(held_.empty());
    return frontier_.Root();
  }
  // The same with how many they are: all that a signature over this log may be about.
  LogHead head() const { return {.size = history_->size(), .root = root()}; }

 private:
  SubjectLog(Home home, std::string subject) : home_(std::move(home)), subject_(std::move(subject)) {}
  Result<void> Fold(const std::vector<std::string>& entries);
  Result<void> FetchAndFold(SharedStore& shared, const std::vector<std::string>& entries);
  Result<void> LoadCharter();
  Result<void> TakeOver(const std::vector<std::string>& entries, const Result<uint64_t>& index);
  Result<void> TakeOverTrial(const std::vector<std::string>& entries);
  void TakeUpSnapshot();
  bool TakeUp(Result<Snapshot> snapshot);
  void KeepOwnSnapshot() const;
  Result<void> PublishBlobs(const std::vector<std::string>& entries);  // to where other nodes have them

  Home home_;
  std::string subject_;
  std::unique_ptr<storage::TreeStore> store_;  // behind pointers: the history's charter reader refers to it
  std::unique_ptr<Ledger> ledger_;
  std::unique_ptr<audit::History> history_;
  std::unique_ptr<audit::History> trial_;  // history_ and what is held back, or null
  std::vector<std::string> held_;
  std::unique_ptr<warrant::CharterFiles> charter_;
  mutable std::optional<charter::ProgramRules> programs_;  // once they were asked for
  tlog::Frontier frontier_;
  uint64_t folded_ = 0;
  uint64_t agreed_ = 0;  // the size at which the database's tree was last found to be that of its entries
};

}  // namespace pawl::ledger
