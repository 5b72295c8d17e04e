// The ledger: the append-only Merkle log of one subject's events, in SQLite or in PostgreSQL. spec/ledger.md is
// normative.
//
//   Result<Ledger> ledger = Ledger::Open(home + "/ledger/collision-avoidance.sqlite", LedgerAccess::kReadWrite);
//   Result<uint64_t> index = ledger->Append(ledger->size(), {SerializeEnvelope(envelope)});
//   if (!index.ok() && index.error().rule == "ledger.conflict") …     // somebody was faster: re-read and decide again
//   Result<std::string> checkpoint = ledger->SignCheckpoint(keys, now, subject_log.head());
//
// An append is acknowledged only after the database has flushed it (SQLite: WAL, synchronous=FULL; PostgreSQL:
// synchronous_commit, and the standby where there is a synchronous one). Any number of processes may use one log; each
// append names the size that its writer has read, so that nobody decides on what is no longer the end.
//
// The store is not trusted: entries are signed and whoever reads folds them with audit::History and compares roots.
//
// Thread safety: a Ledger belongs to one thread at a time; open one per thread.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "crypto/digest.h"
#include "merkle/checkpoint.h"
#include "merkle/tree.h"
#include "result/result.h"
#include "signing/private_key.h"
#include "tlog/growing_tree.h"
#include "tlog/tile.h"

namespace pawl::ledger {

enum class LedgerAccess { kReadOnly, kReadWrite };

// Who stamps a checkpoint: the log's key signs, the clock's key cosigns with the time.
struct LogKeys {
  std::string origin;  // the log key's name
  signing::Ed25519PrivateKey log;
  std::string clock_name;
  signing::Ed25519PrivateKey clock;
};

// How many entries a log has, and the root over them.
struct LogHead {
  uint64_t size = 0;
  crypto::Digest root;
};

inline constexpr int kSchemaVersion = 1;

class Database;
class SharedStore;
struct LedgerPlace;

class Ledger {
 public:
  // Makes the file where it is missing and access allows. Refused "ledger.schema" for a newer schema; kNotFound
  // "ledger.missing" for a reader; "ledger.input-output", "ledger.full", "ledger.read-only", "ledger.busy" and
  // "ledger.damaged" (all kSystem) for what the machine refuses. The same hold for every call below.
  // A reader whom SQLite does not let open the file in place (a full disk, one that can only be read, a user who may
  // only read) reads a copy of that moment in memory instead.
  static Result<Ledger> Open(const std::string& path, LedgerAccess access);
  // Where home.PlaceOfLedger(subject) says, which may be a PostgreSQL database. Also kSystem "ledger.unreachable", and
  // "ledger.unclear" where the answer to a commit was lost and could not be learned: the same append again finds out.
  static Result<Ledger> Open(const LedgerPlace& place, LedgerAccess access);
  // Over a database that is open already: tests choose its timeouts.
  static Ledger Over(std::unique_ptr<Database> database);
  Ledger(Ledger&&) noexcept;
  Ledger& operator=(Ledger&&) noexcept;
  ~Ledger();

  // Entries so far, as other processes have left it.
  Result<uint64_t> Size() const;
  // For readers who live long: reads the file anew, where this is a copy and others have written since.
  Result<void> RenewCopy();

  // Appends all entries or none, if the log still has `expected_size` entries, and returns the index of the first.
  // kPending "ledger.conflict" where it does not. Entries that are in the log already (a retry after a lost answer) are
  // not appended again: if all are, in a row, the first one's index is returned; if only some, "ledger.conflict" where
  // the size differs, else "ledger.duplicate". At most 65,535 bytes an entry ("ledger.entry-too-large").
  Result<uint64_t> Append(uint64_t expected_size, const std::vector<std::string>& entries);

  // Up to `count` entries from `first`, in order.
  Result<std::vector<std::string>> Entries(uint64_t first, uint64_t count) const;

  // Roots of complete subtrees, for proofs. Valid while the ledger lives.
  tlog::HashReader Hashes() const;
  Result<crypto::Digest> Root(uint64_t size) const;
  // The bytes that C2SP tlog-tiles has at an address. Requires that the tile lies within the tree.
  Result<std::string> ReadTile(const tlog::TileAddress& address) const;

  // Present size and root as the database states them, which is nobody's proof.
  Result<LogHead> StatedHead() const;
  // Signs `verified`, which the caller has computed from the entries themselves (SubjectLog::head), cosigns it with the
  // time, stores and returns the note. Nothing is signed where the database states another head: kPending
  // "ledger.conflict" where it has more entries (fold them, decide again), "ledger.root" where it has fewer or others.
  Result<std::string> SignCheckpoint(const LogKeys& keys, int64_t time_s, const LogHead& verified);
  // Append, and then SignCheckpoint over what that makes of the log: in one transaction, so with one flush. `verified`
  // is the head with the entries; refused "ledger.root", and nothing appended, where the database's tree becomes
  // another.
  Result<std::string> AppendAndSign(uint64_t expected_size, const std::vector<std::string>& entries,
                                    const LogKeys& keys, int64_t time_s, const LogHead& verified);
  // The same checkpoint with more signatures, in the place of the one that is stored for its size. Refused
  // "ledger.checkpoint" where another text, or nothing, is stored for that size.
  Result<void> KeepCosigned(const merkle::SignedNote& note);
  // The stored checkpoint of the largest size, or nothing.
  Result<std::optional<std::string>> LatestCheckpoint() const;

  // The blobs that go with the log, where its database has them for all nodes; null where each home is alone.
  SharedStore* shared_store() const;

  // A copy of the whole database as it is at one moment, in a new file without a write-ahead log
  // ("ledger.copy-exists"). Others may append meanwhile.
  Result<void> CopyTo(const std::string& path) const;

  // Writes `checkpoint`, `tile/…` and `tile/entries/…` below a directory that is empty or holds an older export of the
  // same log ("ledger.export-other" where it holds another's). Refused "ledger.no-checkpoint" without a checkpoint of
  // the present size; kSystem "ledger.export" for what cannot be written. The checkpoint is replaced last, so that
  // whoever reads meanwhile sees the older log or this one.
  Result<void> Export(const std::string& directory) const;

 private:
  explicit Ledger(std::unique_ptr<Database> database);
  Result<void> RequireOlderExport(const std::string& path, const merkle::Checkpoint& checkpoint) const;

  std::unique_ptr<Database> database_;
};

}  // namespace pawl::ledger
