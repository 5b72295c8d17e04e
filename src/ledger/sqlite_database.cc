#include <fcntl.h>
#include <sqlite3.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <map>
#include <utility>

#include "ledger/database.h"
#include "ledger/ledger_copy.h"
#include "tlog/tile.h"

namespace pawl::ledger {
namespace {

using crypto::Digest;

constexpr int kBusyTimeout_ms = 10'000;
// Of any value that SQLite may read from the file: an entry with room to spare.
constexpr int kValueBytesMax = kNoteBytesMax;

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
    advice = "check the permissions of the home folder, and that its disk is not mounted read-only";
  } else if (primary == SQLITE_CORRUPT || primary == SQLITE_NOTADB || primary == SQLITE_TOOBIG) {
    rule = "ledger.damaged";
    advice = "restore the ledger from a back-up";
  } else if (primary == SQLITE_BUSY) {
    rule = "ledger.busy";
    advice = "another process holds the ledger; try again";
  }
  return SystemFailure(rule, what + ": " + (database ? sqlite3_errmsg(database) : sqlite3_errstr(code)), advice);
}

// A connection's statements, each prepared once: preparing takes longer than running them, and whoever follows many
// logs asks each for its size ten times a second. Keyed by the text's own address, so that each text stands in one
// place.
class Statements {
 public:
  Statements() = default;
  ~Statements() { Finalize(); }
  Statements(const Statements&) = delete;
  Statements& operator=(const Statements&) = delete;

  sqlite3_stmt*& Of(const char* sql) { return prepared_[sql]; }
  void Swap(Statements& other) { prepared_.swap(other.prepared_); }
  // Before the connection closes.
  void Finalize() {
    for (const auto& [sql, statement] : prepared_) sqlite3_finalize(statement);
    prepared_.clear();
  }

 private:
  std::map<const char*, sqlite3_stmt*> prepared_;
};

// A use of a prepared statement; one at a time of each. Binding and stepping report through code().
class Query {
 public:
  Query(sqlite3* database, Statements& statements, const char* sql)
      : database_(database), statement_(statements.Of(sql)) {
    if (statement_ == nullptr) {
      code_ = sqlite3_prepare_v3(database, sql, -1, SQLITE_PREPARE_PERSISTENT, &statement_, nullptr);
    }
  }
  ~Query() {
    if (statement_ == nullptr) return;
    sqlite3_reset(statement_);  // ends its read, too
    sqlite3_clear_bindings(statement_);
  }
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
    if (statement_ == nullptr) return;  // code_ says why
    sqlite3_reset(statement_);
    code_ = SQLITE_OK;
  }

 private:
  sqlite3* database_;
  sqlite3_stmt*& statement_;  // in its place among the connection's
  int code_ = SQLITE_OK;
};

constexpr char kSchema[] =
    "CREATE TABLE IF NOT EXISTS events (seq INTEGER PRIMARY KEY, digest BLOB NOT NULL UNIQUE, entry BLOB NOT NULL);"
    "CREATE TABLE IF NOT EXISTS nodes (level INTEGER NOT NULL, position INTEGER NOT NULL, hash BLOB NOT NULL,"
    " PRIMARY KEY (level, position)) WITHOUT ROWID;"
    "CREATE TABLE IF NOT EXISTS checkpoints (size INTEGER PRIMARY KEY, note BLOB NOT NULL);";

// The file is not trusted: whatever it brings along is not run, and no value is read that cannot be one of ours.
void Harden(sqlite3* database) {
  sqlite3_limit(database, SQLITE_LIMIT_LENGTH, kValueBytesMax);
  sqlite3_db_config(database, SQLITE_DBCONFIG_DEFENSIVE, 1, nullptr);
  sqlite3_db_config(database, SQLITE_DBCONFIG_ENABLE_TRIGGER, 0, nullptr);
  sqlite3_db_config(database, SQLITE_DBCONFIG_ENABLE_VIEW, 0, nullptr);
  sqlite3_db_config(database, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, nullptr);
}

Result<void> Execute(sqlite3* database, const char* sql, const std::string& what) {
  const int code = sqlite3_exec(database, sql, nullptr, nullptr, nullptr);
  if (code != SQLITE_OK) return DatabaseError(database, code, what);
  return {};
}

class SqliteDatabase final : public Database {
 public:
  ~SqliteDatabase() override {
    statements_.Finalize();
    sqlite3_close(handle_);
  }
  Result<void> Open(const std::string& path, int flags) {
    const int code = sqlite3_open_v2(path.c_str(), &handle_, flags | SQLITE_OPEN_NOMUTEX, nullptr);
    if (code != SQLITE_OK) return DatabaseError(handle_, code, "cannot open '" + path + "'");
    return {};
  }
  // Opens the file and reads its first page, which is where SQLite needs whatever it cannot have; the schema's version.
  Result<int> Connect(const std::string& path, int flags) {
    if (Result<void> opened = Open(path, flags); !opened.ok()) return opened.error();
    sqlite3_busy_timeout(handle_, kBusyTimeout_ms);
    Harden(handle_);
    Query query(handle_, statements_, "PRAGMA user_version");
    if (!query.Step()) return query.error("cannot read '" + path + "'");
    const auto version = static_cast<int>(query.Integer(0));
    if (version <= kSchemaVersion) return version;
    return Refused("ledger.schema",
                   "'" + path + "' was written by a newer Pawl (schema " + std::to_string(version) + ")",
                   "install that version; an older one never writes to it");
  }
  // What is copied becomes one file, and has no name any more: it goes with the connection.
  Result<void> OpenCopy(const std::string& path) {
    original_ = path;
    copied_ = LookAtLedger(path);
    Result<std::string> folder = CopyLedger(path);
    if (!folder.ok()) return folder.error();
    const Result<int> version = Connect(*folder + "/" + kCopiedLedger, SQLITE_OPEN_READWRITE);
    Result<void> set;
    if (version.ok()) set = Execute(handle_, "PRAGMA journal_mode=DELETE; PRAGMA query_only=ON;", "cannot set up");
    std::error_code ignored;
    std::filesystem::remove_all(*folder, ignored);
    if (!version.ok()) return version.error();
    if (*version == 0) return Damaged("'" + path + "' is no ledger");
    return set;
  }
  Result<void> Renew() override {
    if (original_.empty() || LookAtLedger(original_) == copied_) return {};
    SqliteDatabase renewed;
    if (Result<void> opened = renewed.OpenCopy(original_); !opened.ok()) return opened;
    std::swap(handle_, renewed.handle_);
    statements_.Swap(renewed.statements_);
    copied_ = renewed.copied_;
    return {};
  }
  sqlite3* handle() const { return handle_; }

  Result<void> Begin() override {
    Result<void> begun = Run("BEGIN IMMEDIATE", "cannot lock the ledger");
    writing_ = begun.ok();
    return begun;
  }
  Result<void> Commit() override {
    Result<void> committed = Run("COMMIT", "cannot commit to the ledger");
    if (committed.ok()) writing_ = false;
    return committed;
  }
  void Rollback() override {
    if (std::exchange(writing_, false)) sqlite3_exec(handle_, "ROLLBACK", nullptr, nullptr, nullptr);
  }
  Result<void> RequireDurableReads() override { return {}; }  // nothing is seen before it was flushed

  Result<uint64_t> CountEvents() override {
    Query query(handle_, statements_, "SELECT COALESCE(MAX(seq) + 1, 0) FROM events");
    if (!query.Step()) return query.error("cannot read the ledger's size");
    return static_cast<uint64_t>(query.Integer(0));
  }

  Result<std::optional<uint64_t>> FindEvent(const Digest& digest) override {
    Query query(handle_, statements_, "SELECT seq FROM events WHERE digest = ?");
    query.Bind(1, digest.Raw());
    if (query.Step()) return std::optional(static_cast<uint64_t>(query.Integer(0)));
    if (query.failed()) return query.error("cannot look an entry up");
    return std::optional<uint64_t>();
  }

  Result<std::vector<StoredEvent>> ReadEvents(uint64_t first, uint64_t count) override {
    Query query(handle_, statements_, "SELECT seq, entry FROM events WHERE seq >= ? ORDER BY seq LIMIT ?");
    query.Bind(1, static_cast<int64_t>(first)).Bind(2, static_cast<int64_t>(count));
    std::vector<StoredEvent> events;
    while (query.Step()) {
      const auto seq = static_cast<uint64_t>(query.Integer(0));
      if (query.Bytes(1) > tlog::kEntryBytesMax) return Damaged("event " + std::to_string(seq) + " is too large");
      events.push_back({seq, query.Blob(1)});
    }
    if (query.failed()) return query.error("cannot read the ledger");
    return events;
  }

  Result<void> InsertEvents(uint64_t first, std::span<const std::string> entries) override {
    Query query(handle_, statements_, "INSERT INTO events (seq, digest, entry) VALUES (?, ?, ?)");
    for (const std::string& entry : entries) {
      query.Reset();
      query.Bind(1, static_cast<int64_t>(first++)).Bind(2, crypto::Sha256(entry).Raw()).Bind(3, entry);
      query.Step();
      if (query.failed()) return query.error("cannot append");
    }
    return {};
  }

  Result<std::vector<Digest>> ReadNodes(std::span<const NodeAddress> addresses) override {
    Query query(handle_, statements_, "SELECT hash FROM nodes WHERE level = ? AND position = ?");
    std::vector<Digest> hashes;
    for (const NodeAddress& at : addresses) {
      query.Reset();
      query.Bind(1, static_cast<int64_t>(at.level)).Bind(2, static_cast<int64_t>(at.position));
      if (!query.Step()) {
        if (query.failed()) return query.error("cannot read a node of the ledger");
        return Damaged("node " + std::to_string(at.level) + "/" + std::to_string(at.position) + " is missing");
      }
      Result<Digest> hash = Digest::FromRaw(query.Blob(0));
      if (!hash.ok()) return hash.error();
      hashes.push_back(*hash);
    }
    return hashes;
  }

  Result<void> InsertNodes(std::span<const StoredNode> nodes) override {
    Query query(handle_, statements_, "INSERT INTO nodes (level, position, hash) VALUES (?, ?, ?)");
    for (const StoredNode& node : nodes) {
      query.Reset();
      query.Bind(1, static_cast<int64_t>(node.at.level)).Bind(2, static_cast<int64_t>(node.at.position));
      query.Bind(3, node.hash.Raw());
      query.Step();
      if (query.failed()) return query.error("cannot append a node");
    }
    return {};
  }

  Result<std::optional<std::string>> ReadCheckpoint(uint64_t size) override {
    Query query(handle_, statements_, "SELECT note FROM checkpoints WHERE size = ?");
    query.Bind(1, static_cast<int64_t>(size));
    return NoteOf(query);
  }
  Result<std::optional<std::string>> ReadLatestCheckpoint() override {
    Query query(handle_, statements_, "SELECT note FROM checkpoints ORDER BY size DESC LIMIT 1");
    return NoteOf(query);
  }
  Result<void> StoreCheckpoint(uint64_t size, const std::string& note) override {
    Query query(handle_, statements_, "INSERT OR REPLACE INTO checkpoints (size, note) VALUES (?, ?)");
    query.Bind(1, static_cast<int64_t>(size)).Bind(2, note);
    query.Step();
    if (query.failed()) return query.error("cannot store a checkpoint");
    return {};
  }

  // The online back-up rather than VACUUM INTO: that one refuses to run where query_only is set.
  Result<void> CopyTo(const std::string& path) override {
    SqliteDatabase copy;
    if (Result<void> made = copy.Open(path, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE); !made.ok()) return made;
    const std::string what = "cannot copy the ledger to '" + path + "'";
    sqlite3_backup* backup = sqlite3_backup_init(copy.handle_, "main", handle_, "main");
    if (backup == nullptr) return DatabaseError(copy.handle_, sqlite3_errcode(copy.handle_), what);
    const int code = sqlite3_backup_step(backup, -1);
    sqlite3_backup_finish(backup);
    if (code != SQLITE_DONE) return DatabaseError(copy.handle_, code, what);
    // A copy is one file: without a write-ahead log beside it.
    return Execute(copy.handle_, "PRAGMA journal_mode=DELETE;", what);
  }

 private:
  static Result<std::optional<std::string>> NoteOf(Query& query) {
    if (query.Step()) return std::optional(query.Blob(0));
    if (query.failed()) return query.error("cannot read the checkpoints");
    return std::optional<std::string>();
  }

  // Runs one that gives no rows.
  Result<void> Run(const char* sql, const std::string& what) {
    Query query(handle_, statements_, sql);
    query.Step();
    return query.failed() ? Result<void>(query.error(what)) : Result<void>();
  }

  sqlite3* handle_ = nullptr;
  Statements statements_;
  bool writing_ = false;
  std::string original_;  // of a copy: which file it was made of, and when; empty for a file in its place
  LedgerFiles copied_;
};

Result<std::unique_ptr<Database>> OpenForReading(const std::string& path) {
  if (::access(path.c_str(), F_OK) != 0) {
    if (errno != ENOENT && errno != ENOTDIR) {
      return SystemFailure("ledger.read-only", "cannot look at '" + path + "': " + std::strerror(errno),
                           "let this user read the ledger: docs/install.md, Who runs what");
    }
    return Error{ErrorCode::kNotFound, "ledger.missing", "there is no ledger at '" + path + "'", "pawl init"};
  }
  auto database = std::make_unique<SqliteDatabase>();
  // A reader opens for writing where it may: after a crash the next one to come has to bring in what the log files
  // hold, which SQLite does not do for SQLITE_OPEN_READONLY. query_only keeps it from changing anything else.
  const Result<int> version = database->Connect(path, SQLITE_OPEN_READWRITE);
  if (!version.ok()) {
    const std::string& rule = version.error().rule;
    const bool cannot_write = rule == "ledger.full" || rule == "ledger.read-only" || rule == "ledger.input-output";
    if (!cannot_write) return version.error();
    database = std::make_unique<SqliteDatabase>();
    if (Result<void> copied = database->OpenCopy(path); !copied.ok()) return copied.error();
    return std::unique_ptr<Database>(std::move(database));
  }
  if (*version == 0) return Damaged("'" + path + "' is no ledger");
  Result<void> set = Execute(database->handle(), "PRAGMA query_only=ON;", "cannot set up");
  if (!set.ok()) return set.error();
  return std::unique_ptr<Database>(std::move(database));
}

}  // namespace

Result<std::unique_ptr<Database>> OpenSqlite(const std::string& path, LedgerAccess access) {
  if (access == LedgerAccess::kReadOnly) return OpenForReading(path);
  auto database = std::make_unique<SqliteDatabase>();
  const Result<int> version = database->Connect(path, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE);
  if (!version.ok()) return version.error();
  sqlite3* handle = database->handle();
  // Where two make a ledger at the same moment, SQLite refuses the second to change its journal, and waits for
  // nothing.
  constexpr int kPause_ms = 5;
  Result<void> set;
  for (int waited_ms = 0; waited_ms < kBusyTimeout_ms; waited_ms += kPause_ms) {
    set = Execute(handle, "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;", "cannot set up");
    if (set.ok() || set.error().rule != "ledger.busy") break;
    usleep(kPause_ms * 1'000);
  }
  if (!set.ok()) return set.error();
  if (*version == 0) {
    if (Result<void> made = Execute(handle, kSchema, "cannot make the ledger"); !made.ok()) return made.error();
    const std::string stamp = "PRAGMA user_version = " + std::to_string(kSchemaVersion);
    if (Result<void> done = Execute(handle, stamp.c_str(), "cannot stamp the ledger"); !done.ok()) return done.error();
  }
  return std::unique_ptr<Database>(std::move(database));
}

}  // namespace pawl::ledger
