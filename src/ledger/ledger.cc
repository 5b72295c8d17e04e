#include "ledger/ledger.h"

#include <fcntl.h>
#include <sqlite3.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <utility>

#include "merkle/checkpoint.h"
#include "merkle/cosignature.h"
#include "signing/sign.h"
#include "storage/replace_file.h"
#include "subject/file_descriptor.h"
#include "tlog/tile.h"

namespace pawl::ledger {
namespace {

using crypto::Digest;

constexpr int kBusyTimeout_ms = 10'000;
// Of any value that SQLite may read from the file: an entry with room to spare.
constexpr int kValueBytesMax = 1 << 20;

// SQLite reports a shared-memory file for which there is no room as an input-output error.
bool HasNoRoom(sqlite3* database) {
  const char* file = database != nullptr ? sqlite3_db_filename(database, "main") : nullptr;
  if (file == nullptr || *file == '\0') return false;
  constexpr uintmax_t kSharedMemoryBytes = 64 << 10;
  std::error_code failure;
  const std::filesystem::space_info space = std::filesystem::space(file, failure);
  return !failure && space.available < kSharedMemoryBytes;
}

Error DatabaseError(sqlite3* database, int code, const std::string& what) {
  std::string rule = "ledger.input-output";
  std::string advice = "look at the disk, then try again; nothing was acknowledged";
  const int primary = code & 0xff;
  if (primary == SQLITE_CONSTRAINT) {
    return Refused("ledger.duplicate", "an entry is in the log already, but not in this company");
  }
  if (primary == SQLITE_FULL || (primary == SQLITE_IOERR && HasNoRoom(database))) {
    rule = "ledger.full";
    advice = "make room on the disk, then try again; nothing was acknowledged";
  } else if (primary == SQLITE_READONLY || primary == SQLITE_PERM || primary == SQLITE_CANTOPEN) {
    rule = "ledger.read-only";
    advice = "check the permissions of the home folder";
  } else if (primary == SQLITE_CORRUPT || primary == SQLITE_NOTADB || primary == SQLITE_TOOBIG) {
    rule = "ledger.damaged";
    advice = "restore the ledger from a back-up";
  } else if (primary == SQLITE_BUSY) {
    rule = "ledger.busy";
    advice = "another process holds the ledger; try again";
  }
  return SystemFailure(rule, what + ": " + (database ? sqlite3_errmsg(database) : sqlite3_errstr(code)), advice);
}

// One prepared statement. Binding and stepping report through code().
class Query {
 public:
  Query(sqlite3* database, const char* sql) : database_(database) {
    code_ = sqlite3_prepare_v2(database, sql, -1, &statement_, nullptr);
  }
  ~Query() { sqlite3_finalize(statement_); }
  Query(const Query&) = delete;
  Query& operator=(const Query&) = delete;

  Query& Bind(int position, int64_t value) {
    if (code_ == SQLITE_OK) code_ = sqlite3_bind_int64(statement_, position, value);
    return *this;
  }
  Query& Bind(int position, std::string_view bytes) {
    if (code_ == SQLITE_OK) {
      code_ = sqlite3_bind_blob64(statement_, position, bytes.data(), bytes.size(), SQLITE_TRANSIENT);
    }
    return *this;
  }
  Query& BindText(int position, std::string_view text) {
    if (code_ == SQLITE_OK) {
      code_ = sqlite3_bind_text64(statement_, position, text.data(), text.size(), SQLITE_TRANSIENT, SQLITE_UTF8);
    }
    return *this;
  }
  // True while there is a row.
  bool Step() {
    if (code_ != SQLITE_OK && code_ != SQLITE_ROW) return false;
    code_ = sqlite3_step(statement_);
    return code_ == SQLITE_ROW;
  }
  bool failed() const { return code_ != SQLITE_OK && code_ != SQLITE_ROW && code_ != SQLITE_DONE; }
  Error error(const std::string& what) const { return DatabaseError(database_, code_, what); }
  int64_t Integer(int column) const { return sqlite3_column_int64(statement_, column); }
  size_t Bytes(int column) const { return static_cast<size_t>(sqlite3_column_bytes(statement_, column)); }
  std::string Blob(int column) const {
    const void* bytes = sqlite3_column_blob(statement_, column);
    const int size = sqlite3_column_bytes(statement_, column);
    return size == 0 ? std::string() : std::string(static_cast<const char*>(bytes), static_cast<size_t>(size));
  }
  void Reset() {
    sqlite3_reset(statement_);
    code_ = SQLITE_OK;
  }

 private:
  sqlite3* database_;
  sqlite3_stmt* statement_ = nullptr;
  int code_ = SQLITE_OK;
};

constexpr char kSchema[] =
    "CREATE TABLE IF NOT EXISTS events (seq INTEGER PRIMARY KEY, digest BLOB NOT NULL UNIQUE, entry BLOB NOT NULL);"
    "CREATE TABLE IF NOT EXISTS nodes (level INTEGER NOT NULL, position INTEGER NOT NULL, hash BLOB NOT NULL,"
    " PRIMARY KEY (level, position)) WITHOUT ROWID;"
    "CREATE TABLE IF NOT EXISTS checkpoints (size INTEGER PRIMARY KEY, note BLOB NOT NULL);";

// Whole or not at all: readers of an export see no half file.
Result<void> WriteWhole(const std::filesystem::path& path, std::string_view bytes) {
  Result<void> written = storage::ReplaceFile(path.string(), bytes);
  if (written.ok()) return {};
  return SystemFailure("ledger.export", written.error().message, written.error().advice);
}

Result<merkle::Checkpoint> ReadCheckpoint(std::string_view bytes) {
  Result<merkle::SignedNote> note = merkle::SignedNote::Parse(bytes);
  if (!note.ok()) return note.error();
  return merkle::Checkpoint::Parse(note->text);
}

// The file is not trusted: whatever it brings along is not run, and no value is read that cannot be one of ours.
void Harden(sqlite3* database) {
  sqlite3_limit(database, SQLITE_LIMIT_LENGTH, kValueBytesMax);
  sqlite3_db_config(database, SQLITE_DBCONFIG_DEFENSIVE, 1, nullptr);
  sqlite3_db_config(database, SQLITE_DBCONFIG_ENABLE_TRIGGER, 0, nullptr);
  sqlite3_db_config(database, SQLITE_DBCONFIG_ENABLE_VIEW, 0, nullptr);
  sqlite3_db_config(database, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, nullptr);
}

}  // namespace

struct Ledger::Database {
  sqlite3* handle = nullptr;
  ~Database() { sqlite3_close(handle); }

  Result<void> Execute(const char* sql, const std::string& what) const {
    const int code = sqlite3_exec(handle, sql, nullptr, nullptr, nullptr);
    if (code != SQLITE_OK) return DatabaseError(handle, code, what);
    return {};
  }
};

namespace {

// Rolls back unless committed.
class Transaction {
 public:
  explicit Transaction(sqlite3* database) : database_(database) {
    code_ = sqlite3_exec(database_, "BEGIN IMMEDIATE", nullptr, nullptr, nullptr);
  }
  ~Transaction() {
    if (open_) sqlite3_exec(database_, "ROLLBACK", nullptr, nullptr, nullptr);
  }
  Transaction(const Transaction&) = delete;
  Transaction& operator=(const Transaction&) = delete;
  Result<void> Begin() {
    if (code_ != SQLITE_OK) return DatabaseError(database_, code_, "cannot lock the ledger");
    open_ = true;
    return {};
  }
  Result<void> Commit() {
    code_ = sqlite3_exec(database_, "COMMIT", nullptr, nullptr, nullptr);
    if (code_ != SQLITE_OK) return DatabaseError(database_, code_, "cannot commit to the ledger");
    open_ = false;
    return {};
  }

 private:
  sqlite3* database_;
  int code_ = SQLITE_OK;
  bool open_ = false;
};

Result<uint64_t> CountEvents(sqlite3* database) {
  Query query(database, "SELECT COALESCE(MAX(seq) + 1, 0) FROM events");
  if (!query.Step()) return query.error("cannot read the ledger's size");
  return static_cast<uint64_t>(query.Integer(0));
}

Result<Digest> ReadNode(sqlite3* database, unsigned level, uint64_t index) {
  Query query(database, "SELECT hash FROM nodes WHERE level = ? AND position = ?");
  query.Bind(1, static_cast<int64_t>(level)).Bind(2, static_cast<int64_t>(index));
  if (!query.Step()) {
    if (query.failed()) return query.error("cannot read a node of the ledger");
    return SystemFailure("ledger.damaged",
                         "node " + std::to_string(level) + "/" + std::to_string(index) + " is missing",
                         "restore the ledger from a back-up");
  }
  return Digest::FromRaw(query.Blob(0));
}

Result<tlog::Frontier> ReadFrontier(sqlite3* database, uint64_t size) {
  std::vector<Digest> nodes;
  uint64_t begin = 0;
  for (int level = 62; level >= 0; --level) {
    if ((size >> level & 1) == 0) continue;
    Result<Digest> node = ReadNode(database, static_cast<unsigned>(level), begin >> level);
    if (!node.ok()) return node.error();
    nodes.push_back(*node);
    begin += uint64_t{1} << level;
  }
  return tlog::Frontier::From(size, std::move(nodes));
}

// Index of an entry that is in the log already.
Result<std::optional<uint64_t>> FindEntry(sqlite3* database, std::string_view entry) {
  Query query(database, "SELECT seq FROM events WHERE digest = ?");
  query.Bind(1, crypto::Sha256(entry).Raw());
  if (query.Step()) return std::optional(static_cast<uint64_t>(query.Integer(0)));
  if (query.failed()) return query.error("cannot look an entry up");
  return std::optional<uint64_t>();
}

}  // namespace

Ledger::Ledger(std::unique_ptr<Database> database) : database_(std::move(database)) {}
Ledger::Ledger(Ledger&&) noexcept = default;
Ledger& Ledger::operator=(Ledger&&) noexcept = default;
Ledger::~Ledger() = default;

Result<Ledger> Ledger::Open(const std::string& path, LedgerAccess access) {
  if (access == LedgerAccess::kReadOnly && ::access(path.c_str(), F_OK) != 0) {
    return Error{ErrorCode::kNotFound, "ledger.missing", "there is no ledger at '" + path + "'", "pawl init"};
  }
  auto database = std::make_unique<Database>();
  // A reader opens for writing where it may: after a crash the next one to come has to bring in what the log files
  // hold, which SQLite does not do for SQLITE_OPEN_READONLY. query_only keeps it from changing anything else.
  const int flags = SQLITE_OPEN_READWRITE | (access == LedgerAccess::kReadOnly ? 0 : SQLITE_OPEN_CREATE);
  const int code = sqlite3_open_v2(path.c_str(), &database->handle, flags | SQLITE_OPEN_NOMUTEX, nullptr);
  if (code != SQLITE_OK) return DatabaseError(database->handle, code, "cannot open '" + path + "'");
  sqlite3_busy_timeout(database->handle, kBusyTimeout_ms);
  Harden(database->handle);
  int version = 0;
  {
    Query query(database->handle, "PRAGMA user_version");
    if (!query.Step()) return query.error("cannot read '" + path + "'");
    version = static_cast<int>(query.Integer(0));
  }
  if (version > kSchemaVersion) {
    return Refused("ledger.schema",
                   "'" + path + "' was written by a newer Pawl (schema " + std::to_string(version) + ")",
                   "install that version; an older one never writes to it");
  }
  if (access == LedgerAccess::kReadOnly && version == 0) {
    return SystemFailure("ledger.damaged", "'" + path + "' is no ledger", "restore the ledger from a back-up");
  }
  if (access == LedgerAccess::kReadOnly) {
    if (Result<void> set = database->Execute("PRAGMA query_only=ON;", "cannot set up"); !set.ok()) return set.error();
  }
  if (access == LedgerAccess::kReadWrite) {
    // Where two make a ledger at the same moment, SQLite refuses the second to change its journal, and waits for
    // nothing.
    constexpr int kPause_ms = 5;
    Result<void> set;
    for (int waited_ms = 0; waited_ms < kBusyTimeout_ms; waited_ms += kPause_ms) {
      set = database->Execute("PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;", "cannot set up");
      if (set.ok() || set.error().rule != "ledger.busy") break;
      usleep(kPause_ms * 1'000);
    }
    if (!set.ok()) return set.error();
    if (version == 0) {
      if (Result<void> made = database->Execute(kSchema, "cannot make the ledger"); !made.ok()) return made.error();
      const std::string stamp = "PRAGMA user_version = " + std::to_string(kSchemaVersion);
      if (Result<void> done = database->Execute(stamp.c_str(), "cannot stamp the ledger"); !done.ok())
        return done.error();
    }
  }
  return Ledger(std::move(database));
}

Result<uint64_t> Ledger::Size() const { return CountEvents(database_->handle); }

Result<uint64_t> Ledger::Append(uint64_t expected_size, const std::vector<std::string>& entries) {
  sqlite3* handle = database_->handle;
  for (const std::string& entry : entries) {
    if (entry.size() > tlog::kEntryBytesMax) {
      return LimitReached("ledger.entry-too-large", "an entry has at most 65,535 bytes",
                          "put what is large into the store and log its digest");
    }
  }
  Transaction transaction(handle);
  if (Result<void> begun = transaction.Begin(); !begun.ok()) return begun.error();
  Result<uint64_t> size = CountEvents(handle);
  if (!size.ok()) return size.error();
  if (!entries.empty()) {
    Result<std::optional<uint64_t>> first = FindEntry(handle, entries.front());
    if (!first.ok()) return first.error();
    if (first->has_value()) {
      Result<std::vector<std::string>> there = Entries(**first, entries.size());
      if (!there.ok()) return there.error();
      if (*there == entries) return **first;
      return Refused("ledger.duplicate", "an entry is in the log already, but not in this company");
    }
  }
  if (*size != expected_size) {
    return Error{ErrorCode::kPending, "ledger.conflict",
                 "the log has " + std::to_string(*size) + " entries, not " + std::to_string(expected_size),
                 "read what is new and decide again"};
  }
  Result<tlog::Frontier> frontier = ReadFrontier(handle, *size);
  if (!frontier.ok()) return frontier.error();
  Query insert_event(handle, "INSERT INTO events (seq, digest, entry) VALUES (?, ?, ?)");
  Query insert_node(handle, "INSERT INTO nodes (level, position, hash) VALUES (?, ?, ?)");
  std::optional<Error> failure;
  for (const std::string& entry : entries) {
    insert_event.Reset();
    insert_event.Bind(1, static_cast<int64_t>(frontier->size())).Bind(2, crypto::Sha256(entry).Raw()).Bind(3, entry);
    insert_event.Step();
    if (insert_event.failed()) return insert_event.error("cannot append");
    frontier->Append(merkle::LeafHash(entry), [&](unsigned level, uint64_t index, const Digest& hash) {
      insert_node.Reset();
      insert_node.Bind(1, static_cast<int64_t>(level)).Bind(2, static_cast<int64_t>(index)).Bind(3, hash.Raw());
      insert_node.Step();
      if (insert_node.failed() && !failure) failure = insert_node.error("cannot append a node");
    });
    if (failure) return *failure;
  }
  if (Result<void> committed = transaction.Commit(); !committed.ok()) return committed.error();
  return *size;
}

Result<std::vector<std::string>> Ledger::Entries(uint64_t first, uint64_t count) const {
  Query query(database_->handle, "SELECT seq, entry FROM events WHERE seq >= ? ORDER BY seq LIMIT ?");
  query.Bind(1, static_cast<int64_t>(first)).Bind(2, static_cast<int64_t>(count));
  std::vector<std::string> entries;
  while (query.Step()) {
    if (static_cast<uint64_t>(query.Integer(0)) != first + entries.size()) {
      return SystemFailure("ledger.damaged", "event " + std::to_string(first + entries.size()) + " is missing",
                           "restore the ledger from a back-up");
    }
    if (query.Bytes(1) > tlog::kEntryBytesMax) {
      return SystemFailure("ledger.damaged", "event " + std::to_string(first + entries.size()) + " is too large",
                           "restore the ledger from a back-up");
    }
    entries.push_back(query.Blob(1));
  }
  if (query.failed()) return query.error("cannot read the ledger");
  return entries;
}

tlog::HashReader Ledger::Hashes() const {
  return [handle = database_->handle](unsigned level, uint64_t index) { return ReadNode(handle, level, index); };
}

Result<Digest> Ledger::Root(uint64_t size) const { return tlog::RootAt(size, Hashes()); }

Result<std::string> Ledger::SignCheckpoint(const LogKeys& keys, int64_t time_s) {
  Transaction transaction(database_->handle);
  if (Result<void> begun = transaction.Begin(); !begun.ok()) return begun.error();
  Result<uint64_t> size = Size();
  if (!size.ok()) return size.error();
  Result<Digest> root = Root(*size);
  if (!root.ok()) return root.error();
  merkle::SignedNote note = signing::SignCheckpoint({.origin = keys.origin, .size = *size, .root = *root}, keys.log);
  note.signatures.push_back(signing::Cosign(note.text, keys.clock_name, keys.clock, time_s));
  const std::string bytes = note.Serialize();
  {
    Query query(database_->handle, "INSERT OR REPLACE INTO checkpoints (size, note) VALUES (?, ?)");
    query.Bind(1, static_cast<int64_t>(*size)).Bind(2, bytes);
    query.Step();
    if (query.failed()) return query.error("cannot store a checkpoint");
  }
  if (Result<void> committed = transaction.Commit(); !committed.ok()) return committed.error();
  return bytes;
}

Result<void> Ledger::KeepCosigned(const merkle::SignedNote& note) {
  const Result<merkle::Checkpoint> checkpoint = merkle::Checkpoint::Parse(note.text);
  if (!checkpoint.ok()) return checkpoint.error();
  Transaction transaction(database_->handle);
  if (Result<void> begun = transaction.Begin(); !begun.ok()) return begun;
  {
    Query query(database_->handle, "SELECT note FROM checkpoints WHERE size = ?");
    query.Bind(1, static_cast<int64_t>(checkpoint->size));
    const bool found = query.Step();
    if (query.failed()) return query.error("cannot read the checkpoints");
    const Result<merkle::SignedNote> stored = merkle::SignedNote::Parse(found ? query.Blob(0) : std::string());
    if (!stored.ok() || stored->text != note.text) {
      return Refused("ledger.checkpoint", "another checkpoint is stored for this size", "sign one first");
    }
  }
  {
    Query query(database_->handle, "UPDATE checkpoints SET note = ? WHERE size = ?");
    query.Bind(1, note.Serialize()).Bind(2, static_cast<int64_t>(checkpoint->size));
    query.Step();
    if (query.failed()) return query.error("cannot store a checkpoint");
  }
  return transaction.Commit();
}

Result<std::string> Ledger::ReadTile(const tlog::TileAddress& address) const {
  const tlog::Tile& tile = address.tile;
  const uint64_t first = tile.index * tlog::kTileWidth;
  switch (address.content) {
    case tlog::TileContent::kEntries: {
      Result<std::vector<std::string>> entries = Entries(first, tile.width);
      if (!entries.ok()) return entries.error();
      return tlog::SerializeEntries(*entries);
    }
    case tlog::TileContent::kHashes: {
      std::string hashes;
      for (unsigned i = 0; i < tile.width; ++i) {
        Result<Digest> hash = ReadNode(database_->handle, tile.level * 8, first + i);
        if (!hash.ok()) return hash.error();
        hashes += hash->Raw();
      }
      return hashes;
    }
  }
  return std::string();
}

Result<std::optional<std::string>> Ledger::LatestCheckpoint() const {
  Query query(database_->handle, "SELECT note FROM checkpoints ORDER BY size DESC LIMIT 1");
  if (query.Step()) return std::optional(query.Blob(0));
  if (query.failed()) return query.error("cannot read the checkpoints");
  return std::optional<std::string>();
}

Result<void> Ledger::CopyTo(const std::string& path) const {
  std::error_code failure;
  if (std::filesystem::exists(std::filesystem::symlink_status(path, failure))) {
    return Refused("ledger.copy-exists", "'" + path + "' exists, and nothing is overwritten", "name another file");
  }
  // The online back-up rather than VACUUM INTO: that one refuses to run where query_only is set.
  Database copy;
  const std::string what = "cannot copy the ledger to '" + path + "'";
  int code = sqlite3_open_v2(path.c_str(), &copy.handle, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, nullptr);
  if (code != SQLITE_OK) return DatabaseError(copy.handle, code, what);
  sqlite3_backup* backup = sqlite3_backup_init(copy.handle, "main", database_->handle, "main");
  if (backup == nullptr) return DatabaseError(copy.handle, sqlite3_errcode(copy.handle), what);
  code = sqlite3_backup_step(backup, -1);
  sqlite3_backup_finish(backup);
  if (code != SQLITE_DONE) return DatabaseError(copy.handle, code, what);
  // A copy is one file: without a write-ahead log beside it.
  return copy.Execute("PRAGMA journal_mode=DELETE;", what);
}

Result<void> Ledger::RequireOlderExport(const std::string& path, const merkle::Checkpoint& checkpoint) const {
  Result<std::string> bytes = subject::ReadRegularFile(path, kValueBytesMax, "ledger", subject::Links::kRefuse);
  if (!bytes.ok() && bytes.error().code == ErrorCode::kNotFound) return {};
  if (!bytes.ok() && bytes.error().code == ErrorCode::kSystem) {
    return SystemFailure("ledger.export", bytes.error().message, "export into an empty directory");
  }
  Result<merkle::Checkpoint> older = bytes.ok() ? ReadCheckpoint(*bytes) : bytes.error();
  if (older.ok() && older->origin == checkpoint.origin && older->size <= checkpoint.size) {
    Result<Digest> root = Root(older->size);
    if (!root.ok()) return root.error();
    if (*root == older->root) return {};
  }
  return Refused("ledger.export-other", "'" + path + "' is not the checkpoint of an older export of this log",
                 "export into an empty directory");
}

Result<void> Ledger::Export(const std::string& directory) const {
  Result<std::optional<std::string>> note = LatestCheckpoint();
  if (!note.ok()) return note.error();
  Result<uint64_t> size = Size();
  if (!size.ok()) return size.error();
  if (!note->has_value()) return Refused("ledger.no-checkpoint", "the log has no checkpoint yet", "sign one first");
  Result<merkle::Checkpoint> checkpoint = ReadCheckpoint(**note);
  if (!checkpoint.ok()) return checkpoint.error();
  if (checkpoint->size != *size) {
    return Refused("ledger.no-checkpoint", "the log has grown since its last checkpoint", "sign one first");
  }
  const std::filesystem::path root(directory);
  if (Result<void> ours = RequireOlderExport(root / "checkpoint", *checkpoint); !ours.ok()) return ours;
  for (const tlog::Tile& tile : tlog::TilesOf(*size)) {
    for (const tlog::TileContent content : {tlog::TileContent::kHashes, tlog::TileContent::kEntries}) {
      const bool entries = content == tlog::TileContent::kEntries;
      if (entries && tile.level != 0) continue;
      Result<std::string> bytes = ReadTile({.content = content, .tile = tile});
      if (!bytes.ok()) return bytes.error();
      const std::string path = entries ? tile.EntriesPath() : tile.Path();
      if (Result<void> written = WriteWhole(root / path, *bytes); !written.ok()) return written;
    }
  }
  return WriteWhole(root / "checkpoint", **note);
}

}  // namespace pawl::ledger
