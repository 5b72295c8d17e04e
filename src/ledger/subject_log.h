// One subject's log, store and folded history together: what the gate, every reviewer and every command start from.
//
//   Result<SubjectLog> log = SubjectLog::Open(home, "collision-avoidance", LedgerAccess::kReadWrite);
//   const audit::ProposalHistory* proposal = log->history().Find("p3");
//   Result<void> done = log->Append({envelope});      // kPending "ledger.conflict": Refresh() and decide again
//
// Opening reads every event, verifies every signature and recomputes the root from the entries themselves: a database
// that was edited is refused here ("ledger.root", or the history's rules). Whoever holds the gate's key may begin from
// a snapshot that it has signed (snapshot.h), and then does the same with the events since.
//
// Thread safety: belongs to one thread.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "audit/history.h"
#include "encoding/dsse.h"
#include "ledger/home.h"
#include "ledger/ledger.h"
#include "result/result.h"
#include "storage/tree_store.h"
#include "subject/store.h"
#include "warrant/verify.h"

namespace pawl::ledger {

// How often a writer folds what others appended meanwhile and tries again.
inline constexpr int kConflictsMax = 100;
// How many entries are in memory at a time while a log is read from end to end.
inline constexpr uint64_t kEntriesPerRead = 1'024;

enum class FoldFrom {
  kFirstEvent,  // every event is read and verified: auditors, every reviewer, `pawl log verify`
  kSnapshot,    // from the gate's own snapshot, if there is one and the gate's key is here; on any doubt as above
};

class SubjectLog {
 public:
  static Result<SubjectLog> Open(const Home& home, std::string_view subject, LedgerAccess access,
                                 FoldFrom from = FoldFrom::kFirstEvent);

  // Keeps what is folded for the next start, signed with the gate's log key.
  Result<void> SaveSnapshot(const signing::Ed25519PrivateKey& log_key) const;
  // Events that opening had to fold.
  uint64_t folded() const { return folded_; }

  // Folds what others have appended since.
  Result<void> Refresh();
  // Appends at the end that this object has seen, then folds. All envelopes or none; nothing that would not fold. After
  // an error the history is as it was, and pointers into it stay valid.
  Result<void> Append(const std::vector<encoding::Envelope>& envelopes);

  const std::string& subject() const { return subject_; }
  const Home& home() const { return home_; }
  const audit::History& history() const { return *history_; }
  storage::TreeStore& store() { return *store_; }
  const subject::Store& store() const { return *store_; }
  Ledger& ledger() { return *ledger_; }
  // The charter in force with its files. Requires a genesis.
  const warrant::CharterFiles& charter() const { return *charter_; }
  // Root over all entries folded so far, computed from the entries.
  crypto::Digest root() const { return frontier_.Root(); }
  // The same with how many they are: all that a signature over this log may be about.
  LogHead head() const { return {.size = history_->size(), .root = root()}; }

 private:
  SubjectLog(Home home, std::string subject) : home_(std::move(home)), subject_(std::move(subject)) {}
  Result<void> Fold(const std::vector<std::string>& entries);
  Result<void> FetchAndFold(SharedStore& shared, const std::vector<std::string>& entries);
  Result<void> LoadCharter();
  Result<void> TakeOverTrial(const std::vector<std::string>& entries);
  void TakeUpSnapshot();
  // The index that the ledger gave them. After an error the trial is no longer in step.
  Result<uint64_t> TryAndAppend(const std::vector<std::string>& entries);

  Home home_;
  std::string subject_;
  std::unique_ptr<storage::TreeStore> store_;  // behind pointers: the history's charter reader refers to it
  std::unique_ptr<Ledger> ledger_;
  std::unique_ptr<audit::History> history_;
  std::unique_ptr<audit::History> trial_;  // equal to history_ between calls, or null
  std::unique_ptr<warrant::CharterFiles> charter_;
  tlog::Frontier frontier_;
  uint64_t folded_ = 0;
};

}  // namespace pawl::ledger
