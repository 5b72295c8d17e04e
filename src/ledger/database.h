// What a ledger asks of the database behind it: rows to be kept and read back. All that makes rows a log (which size a
// writer has seen, duplicates, the tree, checkpoints) is decided in ledger.cc, once for all databases.
//
//   Result<std::unique_ptr<Database>> database = OpenSqlite(path, LedgerAccess::kReadWrite);
//   Result<void> begun = (*database)->Begin();  …  (*database)->Commit();
//
// Nothing that a database says is trusted: an implementation limits what it reads before it allocates, the ledger
// checks the order, and whoever folds compares roots and signatures.
//
// Thread safety: a Database belongs to one thread at a time.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "crypto/digest.h"
#include "ledger/ledger.h"
#include "ledger/shared_store.h"
#include "result/result.h"

namespace pawl::ledger {

// Of a checkpoint's note with its cosignatures, and of any other value that is no entry.
inline constexpr size_t kNoteBytesMax = 1 << 20;

// The subtree of 2^level leaves that begins at leaf position * 2^level.
struct NodeAddress {
  unsigned level = 0;
  uint64_t position = 0;
};

struct StoredEvent {
  uint64_t seq = 0;
  std::string entry;
};

struct StoredNode {
  NodeAddress at;
  crypto::Digest hash;
};

// Where the next entry goes, and where one is already; the nodes that were asked for, where all are there and came
// along.
struct AppendPoint {
  uint64_t size = 0;
  std::optional<uint64_t> found;
  std::optional<std::vector<crypto::Digest>> nodes;
};

class Database {
 public:
  Database() = default;
  virtual ~Database() = default;
  Database(const Database&) = delete;
  Database& operator=(const Database&) = delete;

  // Begins to write: from the first question after it until Commit or Rollback no other writer of this log comes
  // between
  // ("ledger.busy" where one holds it for long, here or there). Writes need it; reads do not.
  virtual Result<void> Begin() = 0;
  // What was written may be sent with it alone, so that its errors may be those of the writes.
  // Acknowledges after everything written since Begin is as durable as this database makes it. After an error that
  // OutcomeIsUnknown() of, it may have been written all the same.
  virtual Result<void> Commit() = 0;
  // Also where nothing has begun.
  virtual void Rollback() = 0;
  // Within Begin: lets Commit wait until all that has been read is as durable as an acknowledged write.
  virtual Result<void> RequireDurableReads() = 0;

  // One more than the largest number.
  virtual Result<uint64_t> CountEvents() = 0;
  virtual Result<std::optional<uint64_t>> FindEvent(const crypto::Digest& digest) = 0;
  // The two at once, with ReadNodes, for databases of which each question takes long.
  virtual Result<AppendPoint> FindAppendPoint(const crypto::Digest& digest, std::span<const NodeAddress> addresses);
  // Up to `count` events numbered `first` or more, in order. None is larger than tlog::kEntryBytesMax
  // ("ledger.damaged").
  virtual Result<std::vector<StoredEvent>> ReadEvents(uint64_t first, uint64_t count) = 0;
  // Numbered from `first`, all or none. "ledger.duplicate" where one of these entries, "ledger.conflict" where one of
  // these numbers is there already.
  virtual Result<void> InsertEvents(uint64_t first, std::span<const std::string> entries) = 0;

  // Their hashes, in the order asked for. "ledger.damaged" where one is missing or no hash.
  virtual Result<std::vector<crypto::Digest>> ReadNodes(std::span<const NodeAddress> addresses) = 0;
  virtual Result<void> InsertNodes(std::span<const StoredNode> nodes) = 0;
  // The two at once.
  virtual Result<void> InsertEventsAndNodes(uint64_t first, std::span<const std::string> entries,
                                            std::span<const StoredNode> nodes);

  // The note that was stored last for a size; that of the largest size.
  virtual Result<std::optional<std::string>> ReadCheckpoint(uint64_t size) = 0;
  virtual Result<std::optional<std::string>> ReadLatestCheckpoint() = 0;
  virtual Result<void> StoreCheckpoint(uint64_t size, const std::string& note) = 0;

  // Null where there is none.
  virtual SharedStore* shared_store() { return nullptr; }

  // Where this is a copy of a file that cannot be opened in its place: made anew, if others have written since.
  virtual Result<void> Renew() { return {}; }

  // A SQLite ledger with the same log as it is at one moment, in a new file without a write-ahead log.
  virtual Result<void> CopyTo(const std::string& path) = 0;
};

// Whether an error of Commit leaves open what became of the transaction; only reading again can tell.
bool OutcomeIsUnknown(const Error& error);

// "ledger.damaged".
Error Damaged(const std::string& what);

// See Ledger::Open.
Result<std::unique_ptr<Database>> OpenSqlite(const std::string& path, LedgerAccess access);

}  // namespace pawl::ledger
