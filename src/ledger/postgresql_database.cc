#include "ledger/postgresql_database.h"

#include <algorithm>
#include <iterator>
#include <set>
#include <utility>

#include "ledger/growth_watch.h"
#include "merkle/checkpoint.h"
#include "tlog/growing_tree.h"
#include "tlog/tile.h"

namespace pawl::ledger {
namespace {

constexpr uint64_t kEventsPerCopy = 1'024;
constexpr size_t kPieceBytes = 512 << 10;

// One statement each; docs/postgresql.md shows the same.
constexpr const char* kTables[] = {
    "CREATE TABLE IF NOT EXISTS pawl_version (version bigint PRIMARY KEY)",
    "CREATE TABLE IF NOT EXISTS pawl_events (log text NOT NULL, seq bigint NOT NULL CHECK (seq >= 0),"
    " digest bytea NOT NULL, entry bytea NOT NULL, PRIMARY KEY (log, seq),"
    " CONSTRAINT pawl_events_digest UNIQUE (log, digest))",
    "CREATE TABLE IF NOT EXISTS pawl_nodes (log text NOT NULL, level bigint NOT NULL, position bigint NOT NULL,"
    " hash bytea NOT NULL, PRIMARY KEY (log, level, position))",
    "CREATE TABLE IF NOT EXISTS pawl_checkpoints (log text NOT NULL, size bigint NOT NULL, revision bigint NOT NULL,"
    " note bytea NOT NULL, PRIMARY KEY (log, size, revision))",
    "CREATE TABLE IF NOT EXISTS pawl_blobs (log text NOT NULL, digest bytea NOT NULL, piece bigint NOT NULL,"
    " last boolean NOT NULL, bytes bytea NOT NULL, PRIMARY KEY (log, digest, piece))",
    "INSERT INTO pawl_version VALUES (1) ON CONFLICT DO NOTHING",
};

class PostgresqlDatabase final : public Database, public SharedStore {
 public:
  PostgresqlDatabase(PostgresqlConnection connection, std::string url, std::string log, LedgerAccess access,
                     PostgresqlTimeouts timeouts)
      : connection_(std::move(connection)),
        url_(std::move(url)),
        log_(std::move(log)),
        access_(access),
        timeouts_(timeouts) {}

  // ---- transactions

  // What begins it goes out with the first question.
  Result<void> Begin() override {
    Result<void> queued = QueueBegin();
    if (!queued.ok() && queued.error().rule == "ledger.unreachable") {
      queued = Reopen();
      if (queued.ok()) queued = QueueBegin();
    }
    writing_ = queued.ok() ? Writing::kQueued : Writing::kNot;
    return queued;
  }

  Result<void> Commit() override {
    // Where it does not go out, whoever waits looks a little later.
    if (std::exchange(has_appended_, false)) static_cast<void>(connection_.NotifyAfterCommit(kGrowthChannel, log_));
    Result<void> committed = connection_.Commit();
    // After an error of COMMIT the server has taken everything back itself; after one before it, not yet.
    writing_ = connection_.in_transaction() ? Writing::kBegun : Writing::kNot;
    return committed;
  }

  void Rollback() override {
    has_appended_ = false;
    connection_.DropQueue();
    if (std::exchange(writing_, Writing::kNot) != Writing::kBegun || !connection_.usable()) return;
    // Where this fails, the connection is lost, and the transaction with it.
    if (Result<Rows> done = connection_.Ask("ROLLBACK", {}, 0); !done.ok()) return;
  }

  // A row that was committed while no standby was there is visible after the primary has started again. A transaction
  // that has written something waits at COMMIT until the standby has everything before it.
  Result<void> RequireDurableReads() override {
    return connection_.Queue("SELECT 1::int8 FROM pg_logical_emit_message(true, 'pawl', ''::text)", {});
  }

  // ---- events

  Result<uint64_t> CountEvents() override {
    return Number(Ask("SELECT coalesce(max(seq) + 1, 0) FROM pawl_events WHERE log = $1", {Text(log_)}, 1));
  }

  Result<std::optional<uint64_t>> FindEvent(const crypto::Digest& digest) override {
    Result<Rows> rows =
        Ask("SELECT seq FROM pawl_events WHERE log = $1 AND digest = $2", {Text(log_), Bytes(digest.Raw())}, 1);
    if (!rows.ok()) return rows.error();
    if (rows->empty()) return std::optional<uint64_t>();
    Result<uint64_t> seq = Number(std::move(rows));
    if (!seq.ok()) return seq.error();
    return std::optional(*seq);
  }

  Result<AppendPoint> FindAppendPoint(const crypto::Digest& digest, std::span<const NodeAddress> addresses) override {
    const auto [levels, positions] = ArraysOf(addresses);
    Result<Rows> rows =
        Ask("SELECT coalesce((SELECT max(seq) + 1 FROM pawl_events WHERE log = $1), 0),"
            " coalesce((SELECT seq + 1 FROM pawl_events WHERE log = $1 AND digest = $2), 0),"
            " coalesce((SELECT string_agg(node.hash, ''::bytea ORDER BY ordinality)"
            " FROM unnest($3::bigint[], $4::bigint[]) WITH ORDINALITY AS wanted(level, position, ordinality)"
            " JOIN pawl_nodes AS node ON node.log = $1 AND node.level = wanted.level"
            " AND node.position = wanted.position AND length(node.hash) = 32), ''::bytea)",
            {Text(log_), Bytes(digest.Raw()), levels, positions}, 1);
    if (!rows.ok()) return rows.error();
    if (rows->size() != 1 || rows->front().size() != 3) return Damaged("the ledger's database does not answer");
    const Result<uint64_t> size = NumberOf(rows->front()[0]), after = NumberOf(rows->front()[1]);
    if (!size.ok()) return size.error();
    if (!after.ok()) return after.error();
    AppendPoint point{.size = *size, .found = *after == 0 ? std::nullopt : std::optional(*after - 1), .nodes = {}};
    const std::string_view raw = rows->front()[2];
    // Where one is missing or no hash, whoever needs them asks for them alone and learns which.
    constexpr size_t kHashBytes = 32;
    if (raw.size() != addresses.size() * kHashBytes) return point;
    point.nodes.emplace();
    for (size_t i = 0; i < addresses.size(); ++i) {
      point.nodes->push_back(*crypto::Digest::FromRaw(raw.substr(i * kHashBytes, kHashBytes)));
    }
    return point;
  }

  Result<std::vector<StoredEvent>> ReadEvents(uint64_t first, uint64_t count) override {
    // One byte more than an entry has at most, so that a larger one shows.
    Result<Rows> rows =
        Ask("SELECT seq, substring(entry FROM 1 FOR 65536) FROM pawl_events WHERE log = $1 AND seq >= $2"
            " ORDER BY seq LIMIT $3",
            {Text(log_), Integer(static_cast<int64_t>(first)), Integer(static_cast<int64_t>(count))}, count);
    if (!rows.ok()) return rows.error();
    std::vector<StoredEvent> events;
    events.reserve(rows->size());
    for (Row& row : *rows) {
      if (row.size() != 2) return Damaged("the ledger's database gives other columns than it was asked for");
      Result<uint64_t> seq = NumberOf(row[0]);
      if (!seq.ok()) return seq.error();
      if (row[1].size() > tlog::kEntryBytesMax) return Damaged("event " + std::to_string(*seq) + " is too large");
      events.push_back({*seq, std::move(row[1])});
    }
    return events;
  }

  Result<void> InsertEvents(uint64_t first, std::span<const std::string> entries) override {
    return InsertEventsAndNodes(first, entries, {});
  }

  // ---- nodes

  Result<std::vector<crypto::Digest>> ReadNodes(std::span<const NodeAddress> addresses) override {
    const auto [levels, positions] = ArraysOf(addresses);
    Result<Rows> rows =
        Ask("SELECT coalesce((SELECT substring(hash FROM 1 FOR 33) FROM pawl_nodes AS node WHERE node.log = $1"
            " AND node.level = wanted.level AND node.position = wanted.position), ''::bytea)"
            " FROM unnest($2::bigint[], $3::bigint[]) WITH ORDINALITY AS wanted(level, position, ordinality)"
            " ORDER BY ordinality",
            {Text(log_), levels, positions}, addresses.size());
    if (!rows.ok()) return rows.error();
    std::vector<crypto::Digest> hashes;
    for (const Row& row : *rows) {
      Result<crypto::Digest> hash = crypto::Digest::FromRaw(row.empty() ? "" : row[0]);
      if (!hash.ok()) break;
      hashes.push_back(*hash);
    }
    if (hashes.size() == addresses.size()) return hashes;
    const NodeAddress& at = addresses[hashes.size()];
    return Damaged("node " + std::to_string(at.level) + "/" + std::to_string(at.position) + " is missing");
  }

  Result<void> InsertNodes(std::span<const StoredNode> nodes) override { return InsertEventsAndNodes(0, {}, nodes); }

  Result<void> InsertEventsAndNodes(uint64_t first, std::span<const std::string> entries,
                                    std::span<const StoredNode> nodes) override {
    has_appended_ = has_appended_ || !entries.empty();
    std::vector<std::string> digests, hashes;
    std::vector<int64_t> levels, positions;
    for (const std::string& entry : entries) digests.push_back(crypto::Sha256(entry).Raw());
    for (const StoredNode& node : nodes) {
      levels.push_back(node.at.level);
      positions.push_back(static_cast<int64_t>(node.at.position));
      hashes.push_back(node.hash.Raw());
    }
    return connection_.Queue(
        "WITH appended AS (INSERT INTO pawl_events (log, seq, digest, entry)"
        " SELECT $1, $2 + ordinality - 1, digest, entry"
        " FROM unnest($3::bytea[], $4::bytea[]) WITH ORDINALITY AS new(digest, entry, ordinality))"
        " INSERT INTO pawl_nodes (log, level, position, hash) SELECT $1, level, position, hash"
        " FROM unnest($5::bigint[], $6::bigint[], $7::bytea[]) AS new(level, position, hash)",
        {Text(log_), Integer(static_cast<int64_t>(first)), BytesArray(digests), BytesArray(entries),
         IntegerArray(levels), IntegerArray(positions), BytesArray(hashes)});
  }

  // ---- checkpoints

  Result<std::optional<std::string>> ReadCheckpoint(uint64_t size) override {
    return Note(
        Ask("SELECT substring(note FROM 1 FOR 1048577) FROM pawl_checkpoints WHERE log = $1 AND size = $2"
            " ORDER BY revision DESC LIMIT 1",
            {Text(log_), Integer(static_cast<int64_t>(size))}, 1));
  }

  Result<std::optional<std::string>> ReadLatestCheckpoint() override {
    return Note(
        Ask("SELECT substring(note FROM 1 FOR 1048577) FROM pawl_checkpoints WHERE log = $1"
            " ORDER BY size DESC, revision DESC LIMIT 1",
            {Text(log_)}, 1));
  }

  Result<void> StoreCheckpoint(uint64_t size, const std::string& note) override {
    return connection_.Queue(
        "INSERT INTO pawl_checkpoints (log, size, revision, note)"
        " SELECT $1, $2, coalesce(max(revision) + 1, 0), $3 FROM pawl_checkpoints"
        " WHERE log = $1 AND size = $2",
        {Text(log_), Integer(static_cast<int64_t>(size)), Bytes(note)});
  }

  // ---- blobs

  SharedStore* shared_store() override { return this; }

  Result<std::set<crypto::Digest>> Find(const std::set<crypto::Digest>& digests) override {
    std::vector<std::string> raw;
    for (const crypto::Digest& digest : digests) raw.push_back(digest.Raw());
    Result<Rows> rows = Ask("SELECT digest FROM pawl_blobs WHERE log = $1 AND last AND digest = ANY ($2)",
                            {Text(log_), BytesArray(raw)}, digests.size());
    if (!rows.ok()) return rows.error();
    std::set<crypto::Digest> found;
    for (const Row& row : *rows) {
      Result<crypto::Digest> digest = crypto::Digest::FromRaw(row.empty() ? "" : row[0]);
      if (!digest.ok() || !digests.contains(*digest)) return Damaged("the ledger's database names other blobs");
      found.insert(*digest);
    }
    return found;
  }

  // Each piece is a transaction that waits for no disk: the append that follows waits for all that came before it. The
  // last piece says that the blob is whole.
  Result<void> Put(const crypto::Digest& digest, std::string_view bytes) override {
    for (size_t piece = 0, begin = 0; piece == 0 || begin < bytes.size(); ++piece, begin += kPieceBytes) {
      const bool last = bytes.size() - begin <= kPieceBytes;
      const Result<Rows> put =
          Ask("INSERT INTO pawl_blobs (log, digest, piece, last, bytes) SELECT $1, $2, $3, $4 = 1, $5"
              " FROM set_config('synchronous_commit', 'off', true) ON CONFLICT DO NOTHING",
              {Text(log_), Bytes(digest.Raw()), Integer(static_cast<int64_t>(piece)), Integer(last ? 1 : 0),
               Bytes(bytes.substr(begin, kPieceBytes))},
              0);
      if (!put.ok()) return put.error();
    }
    return {};
  }

  Result<std::string> Get(const crypto::Digest& digest, uint64_t bytes_max) override {
    const auto damaged = [&] {
      return Refused("shared.damaged", "the database's blob " + digest.Text() + " has other bytes",
                     "let whoever has it put it right in the database");
    };
    std::string bytes;
    for (int64_t piece = 0;; ++piece) {
      Result<Rows> rows =
          Ask("SELECT substring(bytes FROM 1 FOR 524289), CASE WHEN last THEN 1::int8 ELSE 0::int8 END"
              " FROM pawl_blobs WHERE log = $1 AND digest = $2 AND piece = $3",
              {Text(log_), Bytes(digest.Raw()), Integer(piece)}, 1);
      if (!rows.ok()) return rows.error();
      if (rows->size() != 1 || rows->front().size() != 2) return damaged();
      Result<uint64_t> last = NumberOf(rows->front()[1]);
      if (!last.ok()) return last.error();
      const std::string& part = rows->front()[0];
      if (part.size() > kPieceBytes || (*last == 0 && part.size() < kPieceBytes)) return damaged();
      if (part.size() > bytes_max - bytes.size()) {
        return LimitReached("shared.too-large", "the database's blob " + digest.Text() + " is too large",
                            "nothing of Pawl's is; see who wrote it");
      }
      bytes += part;
      if (*last != 0) break;
    }
    if (crypto::Sha256(bytes) != digest) return damaged();
    return bytes;
  }

  // The rows below a checkpoint's size do not change, so that what others append meanwhile does not matter.
  Result<void> CopyTo(const std::string& path) override {
    Result<std::optional<std::string>> note = ReadLatestCheckpoint();
    if (!note.ok()) return note.error();
    Result<uint64_t> size = CountEvents();
    if (!size.ok()) return size.error();
    Result<std::unique_ptr<Database>> opened = OpenSqlite(path, LedgerAccess::kReadWrite);
    if (!opened.ok()) return opened.error();
    Database& copy = **opened;
    if (Result<void> begun = copy.Begin(); !begun.ok()) return begun;
    tlog::Frontier frontier;
    while (frontier.size() < *size) {
      if (Result<void> copied = CopyEvents(copy, frontier, *size); !copied.ok()) return copied;
    }
    if (note->has_value()) {
      const Result<merkle::SignedNote> parsed = merkle::SignedNote::Parse(**note);
      if (!parsed.ok()) return parsed.error();
      const Result<merkle::Checkpoint> checkpoint = merkle::Checkpoint::Parse(parsed->text);
      if (!checkpoint.ok()) return checkpoint.error();
      if (Result<void> kept = copy.StoreCheckpoint(checkpoint->size, **note); !kept.ok()) return kept;
    }
    return copy.Commit();  // closing it, SQLite brings in the write-ahead log
  }

 private:
  Result<void> CopyEvents(Database& copy, tlog::Frontier& frontier, uint64_t size) {
    const uint64_t first = frontier.size();
    Result<std::vector<StoredEvent>> events = ReadEvents(first, std::min(kEventsPerCopy, size - first));
    if (!events.ok()) return events.error();
    std::vector<std::string> entries;
    std::vector<StoredNode> nodes;
    for (StoredEvent& event : *events) {
      if (event.seq != frontier.size()) break;
      frontier.Append(merkle::LeafHash(event.entry), [&](unsigned level, uint64_t position, const auto& hash) {
        nodes.push_back({{level, position}, hash});
      });
      entries.push_back(std::move(event.entry));
    }
    if (entries.empty()) return Damaged("event " + std::to_string(first) + " is missing");
    if (Result<void> inserted = copy.InsertEvents(first, entries); !inserted.ok()) return inserted;
    return copy.InsertNodes(nodes);
  }

  // Before a transaction has begun a lost connection costs one more try.
  Result<Rows> Ask(const char* sql, const std::vector<Parameter>& parameters, size_t rows_max) {
    const bool has_begun = writing_ == Writing::kBegun;
    if (writing_ == Writing::kQueued) writing_ = Writing::kBegun;
    const bool begins = !has_begun && writing_ == Writing::kBegun;
    if (connection_.usable() || has_begun) {
      Result<Rows> rows = connection_.Ask(sql, parameters, rows_max);
      if (rows.ok() || has_begun || rows.error().rule != "ledger.unreachable") return rows;
    }
    if (Result<void> again = Reopen(); !again.ok()) return again.error();
    if (begins) {
      if (Result<void> queued = QueueBegin(); !queued.ok()) return queued.error();
    }
    return connection_.Ask(sql, parameters, rows_max);
  }

  Result<void> Reopen() {
    Result<PostgresqlConnection> again = PostgresqlConnection::Open(url_, access_, timeouts_);
    if (!again.ok()) return again.error();
    connection_ = std::move(*again);
    return {};
  }

  // The lock lets writers wait for each other instead of for errors: also for one whose answer was lost.
  Result<void> QueueBegin() {
    connection_.DropQueue();
    if (Result<void> queued = connection_.Queue("BEGIN ISOLATION LEVEL READ COMMITTED", {}); !queued.ok()) {
      return queued;
    }
    return connection_.Queue(
        "SELECT 1::int8 FROM pg_advisory_xact_lock("
        "hashtextextended(concat_ws('/', 'pawl append', current_schema(), $1), 0))",
        {Text(log_)});
  }

  static std::pair<Parameter, Parameter> ArraysOf(std::span<const NodeAddress> addresses) {
    std::vector<int64_t> levels, positions;
    for (const NodeAddress& at : addresses) {
      levels.push_back(at.level);
      positions.push_back(static_cast<int64_t>(at.position));
    }
    return {IntegerArray(levels), IntegerArray(positions)};
  }
  // The only field of the only row.
  static Result<uint64_t> Number(Result<Rows> rows) {
    if (!rows.ok()) return rows.error();
    if (rows->size() != 1 || rows->front().size() != 1) return Damaged("the ledger's database does not answer");
    return NumberOf(rows->front().front());
  }
  static Result<std::optional<std::string>> Note(Result<Rows> rows) {
    if (!rows.ok()) return rows.error();
    if (rows->empty()) return std::optional<std::string>();
    if (rows->front().size() != 1 || rows->front().front().size() > kNoteBytesMax) {
      return Damaged("a checkpoint in the ledger's database is too large");
    }
    return std::optional(std::move(rows->front().front()));
  }

  PostgresqlConnection connection_;
  std::string url_, log_;
  LedgerAccess access_;
  PostgresqlTimeouts timeouts_;
  enum class Writing { kNot, kQueued, kBegun };
  Writing writing_ = Writing::kNot;
  bool has_appended_ = false;
};

// 0 where there are no tables.
Result<uint64_t> ReadVersion(PostgresqlConnection& connection) {
  const Result<Rows> there =
      connection.Ask("SELECT count(*) FROM pg_class WHERE oid = to_regclass('pawl_version')", {}, 1);
  if (!there.ok()) return there.error();
  if (there->size() != 1 || there->front().size() != 1) return Damaged("the ledger's database does not answer");
  const Result<uint64_t> tables = NumberOf(there->front().front());
  if (!tables.ok() || *tables == 0) return tables;
  const Result<Rows> rows = connection.Ask("SELECT coalesce(max(version), 0) FROM pawl_version", {}, 1);
  if (!rows.ok()) return rows.error();
  if (rows->size() != 1 || rows->front().size() != 1) return Damaged("the ledger's database does not answer");
  return NumberOf(rows->front().front());
}

// Two may come to make them at the same moment.
Result<void> MakeTables(PostgresqlConnection& connection) {
  std::vector<const char*> statements = {
      "BEGIN", "SELECT 1::int8 FROM pg_advisory_xact_lock(hashtextextended('pawl tables', 0))"};
  statements.insert(statements.end(), std::begin(kTables), std::end(kTables));
  for (const char* statement : statements) {
    const Result<Rows> done = connection.Ask(statement, {}, 1);
    if (done.ok()) continue;
    if (done.error().rule != "ledger.read-only") return done.error();
    return SystemFailure("ledger.schema", "the database has no tables of Pawl's, and this user may not make them",
                         "let its owner run the SQL in docs/postgresql.md");
  }
  return connection.Commit();
}

}  // namespace

Result<std::unique_ptr<Database>> OpenPostgresql(const std::string& url, const std::string& log, LedgerAccess access,
                                                 PostgresqlTimeouts timeouts) {
  Result<PostgresqlConnection> connection = PostgresqlConnection::Open(url, access, timeouts);
  if (!connection.ok()) return connection.error();
  Result<uint64_t> version = ReadVersion(*connection);
  if (!version.ok()) return version.error();
  if (*version > kSchemaVersion) {
    return Refused("ledger.schema",
                   "the database was written by a newer Pawl (schema " + std::to_string(*version) + ")",
                   "install that version; an older one never writes to it");
  }
  if (*version == 0 && access == LedgerAccess::kReadOnly) {
    return Error{ErrorCode::kNotFound, "ledger.missing", "the database has no ledgers", "pawl init"};
  }
  if (*version == 0) {
    if (Result<void> made = MakeTables(*connection); !made.ok()) return made.error();
  }
  return std::unique_ptr<Database>(
      std::make_unique<PostgresqlDatabase>(std::move(*connection), url, log, access, timeouts));
}

}  // namespace pawl::ledger
