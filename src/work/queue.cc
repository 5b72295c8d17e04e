#include "work/queue.h"

#include <chrono>
#include <iterator>
#include <thread>
#include <utility>

namespace pawl::work {
namespace {

using ledger::Bytes;
using ledger::Integer;
using ledger::Rows;

constexpr size_t kPieceBytes = 512 << 10;
constexpr char kChangeChannel[] = "pawl_work";

// One statement each; docs/postgresql.md shows the same.
constexpr const char* kTables[] = {
    "CREATE TABLE IF NOT EXISTS pawl_work_jobs (job bytea PRIMARY KEY, claim bytea NOT NULL, network bytea NOT NULL,"
    " property bytea NOT NULL, enrolled bytea[] NOT NULL, alive_until timestamptz NOT NULL)",
    "CREATE TABLE IF NOT EXISTS pawl_work_parts (job bytea NOT NULL REFERENCES pawl_work_jobs ON DELETE CASCADE,"
    " part bigint NOT NULL, depth bigint NOT NULL, question bytea NOT NULL, attempt bigint NOT NULL DEFAULT 0,"
    " taken_at timestamptz NOT NULL DEFAULT '-infinity', lease_until timestamptz NOT NULL DEFAULT '-infinity', answer "
    "bytea NOT NULL DEFAULT '',"
    " signature bytea NOT NULL DEFAULT '', PRIMARY KEY (job, part))",
    "CREATE TABLE IF NOT EXISTS pawl_work_shut_out (worker bytea PRIMARY KEY, why bytea NOT NULL)",
};

Error NoAnswer() {
  return Error{ErrorCode::kSystem, "work.damaged", "the queue's database gives what cannot be the queue's",
               "see who else writes to its tables"};
}

Result<void> Done(const Result<Rows>& rows) {
  if (!rows.ok()) return rows.error();
  return {};
}

Result<ledger::PostgresqlConnection> Connect(const std::string& url) {
  Result<ledger::PostgresqlConnection> connection =
      ledger::PostgresqlConnection::Open(url, ledger::LedgerAccess::kReadWrite, {});
  if (!connection.ok()) return connection;
  // What a power cut takes back is asked again.
  const Result<Rows> set = connection->Ask("SELECT set_config('synchronous_commit', 'off', false)", {}, 1);
  if (!set.ok()) return set.error();
  if (Result<void> listening = connection->Listen(kChangeChannel); !listening.ok()) return listening.error();
  return connection;
}

}  // namespace

Result<Queue> Queue::Open(const std::string& url, QueueSide side) {
  Result<ledger::PostgresqlConnection> connection = Connect(url);
  if (!connection.ok()) return connection.error();
  Queue queue(std::move(*connection), url);
  const Result<Rows> there =
      queue.Ask("SELECT count(*) FROM pg_class WHERE oid = to_regclass('pawl_work_shut_out')", {}, 1);
  if (!there.ok()) return there.error();
  if (there->size() != 1 || there->front().size() != 1) return NoAnswer();
  const Result<uint64_t> count = ledger::NumberOf(there->front()[0]);
  if (!count.ok()) return count.error();
  if (*count != 0) return queue;
  const auto missing = [&] {
    return SystemFailure("ledger.schema", "the database has no queue of work",
                         "let its owner run the SQL for workers in docs/postgresql.md");
  };
  if (side == QueueSide::kWorker) return missing();
  std::vector<const char*> statements = {
      "BEGIN", "SELECT 1::int8 FROM pg_advisory_xact_lock(hashtextextended('pawl tables', 0))"};
  statements.insert(statements.end(), std::begin(kTables), std::end(kTables));
  statements.push_back("COMMIT");
  for (const char* statement : statements) {
    const Result<Rows> done = queue.connection_.Ask(statement, {}, 1);
    if (!done.ok()) return done.error().rule == "ledger.read-only" ? missing() : done.error();
  }
  return queue;
}

Result<Rows> Queue::Ask(const char* sql, const std::vector<ledger::Parameter>& parameters, size_t rows_max) {
  if (connection_.usable()) {
    Result<Rows> rows = connection_.Ask(sql, parameters, rows_max);
    if (rows.ok() || rows.error().rule != "ledger.unreachable") return rows;
  }
  Result<ledger::PostgresqlConnection> again = Connect(url_);
  if (!again.ok()) return again.error();
  connection_ = std::move(*again);
  return connection_.Ask(sql, parameters, rows_max);
}

// Where it does not go out, whoever waits looks a little later.
void Queue::Announce() { static_cast<void>(connection_.Notify(kChangeChannel, "")); }

void Queue::AwaitChange(int timeout_ms) {
  if (connection_.usable())
    connection_.AwaitNotice(timeout_ms);
  else
    std::this_thread::sleep_for(std::chrono::milliseconds(timeout_ms));
}

// The statement's first parameter is where the piece begins, from 1.
Result<std::string> Queue::ReadBytes(const char* sql, const std::vector<ledger::Parameter>& which, size_t bytes_max) {
  std::string bytes;
  for (;;) {
    std::vector<ledger::Parameter> parameters = {Integer(static_cast<int64_t>(bytes.size()) + 1)};
    parameters.insert(parameters.end(), which.begin(), which.end());
    const Result<Rows> rows = Ask(sql, parameters, 1);
    if (!rows.ok()) return rows.error();
    if (rows->empty()) return Error{ErrorCode::kNotFound, "work.job-gone", "the job is not there any more", {}};
    if (rows->front().size() != 1 || rows->front()[0].size() > kPieceBytes) return NoAnswer();
    const std::string& piece = rows->front()[0];
    if (piece.size() > bytes_max - bytes.size())
      return LimitReached("work.too-large", "a file of the queue is too large");
    bytes += piece;
    if (piece.size() < kPieceBytes) return bytes;
  }
}

// ---- Whoever asks

Result<void> Queue::Begin(const Job& job) {
  if (job.network.size() > kFileBytesMax || job.property.size() > kFileBytesMax) {
    return LimitReached("work.too-large", "networks and properties of more than 64 MiB are not shared out",
                        "prove it on one machine");
  }
  // Jobs of askers that have died are no use to anybody.
  if (Result<void> swept =
          Done(Ask("DELETE FROM pawl_work_jobs WHERE alive_until < clock_timestamp() - interval '1 h'", {}, 0));
      !swept.ok()) {
    return swept;
  }
  return Done(
      Ask("INSERT INTO pawl_work_jobs (job, claim, network, property, enrolled, alive_until)"
          " VALUES ($1, $2, $3, $4, $5, clock_timestamp() + $6 * interval '1 ms') ON CONFLICT DO NOTHING",
          {Bytes(job.id), Bytes(job.claim), Bytes(job.network), Bytes(job.property), ledger::BytesArray(job.enrolled),
           Integer(kAskerSilence_ms)},
          0));
}

Result<void> Queue::Add(const std::string& job, const std::vector<NewPart>& parts) {
  std::vector<int64_t> numbers, depths;
  std::vector<std::string> questions;
  for (const NewPart& part : parts) {
    numbers.push_back(part.part);
    depths.push_back(part.depth);
    questions.push_back(part.question);
  }
  Result<void> added = Done(
      Ask("INSERT INTO pawl_work_parts (job, part, depth, question) SELECT $1, part, depth, question"
          " FROM unnest($2::bigint[], $3::bigint[], $4::bytea[]) AS new(part, depth, question) ON CONFLICT DO NOTHING",
          {Bytes(job), ledger::IntegerArray(numbers), ledger::IntegerArray(depths), ledger::BytesArray(questions)}, 0));
  if (added.ok()) Announce();
  return added;
}

Result<void> Queue::KeepAlive(const std::string& job) {
  const Result<Rows> rows =
      Ask("UPDATE pawl_work_jobs SET alive_until = clock_timestamp() + $2 * interval '1 ms'"
          " WHERE job = $1 RETURNING 1::int8",
          {Bytes(job), Integer(kAskerSilence_ms)}, 1);
  if (!rows.ok()) return rows.error();
  if (!rows->empty()) return {};
  return Error{ErrorCode::kNotFound, "work.job-gone", "the job is not in the queue any more",
               "somebody has deleted it, or the database was restored: ask again"};
}

Result<std::vector<AnsweredPart>> Queue::Answers(const std::string& job, size_t count_max) {
  const Result<Rows> rows =
      Ask("SELECT part, substring(signature FROM 1 FOR 65), octet_length(answer)::int8 FROM pawl_work_parts"
          " WHERE job = $1 AND answer <> '' ORDER BY part LIMIT $2",
          {Bytes(job), Integer(static_cast<int64_t>(count_max))}, count_max);
  if (!rows.ok()) return rows.error();
  std::vector<AnsweredPart> answers;
  for (const ledger::Row& row : *rows) {
    if (row.size() != 3) return NoAnswer();
    const Result<uint64_t> part = ledger::NumberOf(row[0]);
    const Result<uint64_t> size = ledger::NumberOf(row[2]);
    if (!part.ok() || !size.ok()) return NoAnswer();
    // Each once: whoever asks takes an answer only where the part is open.
    if (!answers.empty() && static_cast<int64_t>(*part) <= answers.back().part) return NoAnswer();
    AnsweredPart& answer = answers.emplace_back();
    answer.part = static_cast<int64_t>(*part);
    answer.signature = row[1];
    if (*size > kAnswerBytesMax) continue;
    Result<std::string> bytes =
        ReadBytes("SELECT substring(answer FROM $1::int4 FOR 524288) FROM pawl_work_parts WHERE job = $2 AND part = $3",
                  {Bytes(job), Integer(answer.part)}, kAnswerBytesMax);
    if (!bytes.ok()) return bytes.error();
    answer.answer = std::move(*bytes);
  }
  return answers;
}

Result<void> Queue::Remove(const std::string& job, int64_t part) {
  return Done(Ask("DELETE FROM pawl_work_parts WHERE job = $1 AND part = $2", {Bytes(job), Integer(part)}, 0));
}

Result<void> Queue::PutBack(const std::string& job, int64_t part) {
  Result<void> put =
      Done(Ask("UPDATE pawl_work_parts SET answer = '', signature = '', lease_until = '-infinity',"
               " attempt = attempt + 1 WHERE job = $1 AND part = $2",
               {Bytes(job), Integer(part)}, 0));
  if (put.ok()) Announce();
  return put;
}

Result<void> Queue::TakeFromHolders(const std::string& job, int64_t held_ms_max) {
  return Done(
      Ask("UPDATE pawl_work_parts SET lease_until = '-infinity', attempt = attempt + 1 WHERE job = $1"
          " AND answer = '' AND lease_until > clock_timestamp()"
          " AND taken_at < clock_timestamp() - $2 * interval '1 ms'",
          {Bytes(job), Integer(held_ms_max)}, 0));
}

Result<void> Queue::End(const std::string& job) {
  return Done(Ask("DELETE FROM pawl_work_jobs WHERE job = $1", {Bytes(job)}, 0));
}

Result<void> Queue::ShutOut(const std::string& key, const std::string& why) {
  return Done(Ask("INSERT INTO pawl_work_shut_out (worker, why) VALUES ($1, $2) ON CONFLICT DO NOTHING",
                  {Bytes(key), Bytes(why)}, 0));
}

Result<std::optional<std::string>> Queue::WhyShutOut(const std::string& key) {
  const Result<Rows> rows =
      Ask("SELECT substring(why FROM 1 FOR 500) FROM pawl_work_shut_out WHERE worker = $1", {Bytes(key)}, 1);
  if (!rows.ok()) return rows.error();
  if (rows->empty()) return std::optional<std::string>();
  if (rows->front().size() != 1) return NoAnswer();
  return std::optional(rows->front()[0]);
}

// ---- Workers

Result<std::optional<TakenPart>> Queue::Take(const std::string& key, int64_t lease_ms,
                                             const std::vector<std::string>& jobs_refused) {
  const Result<Rows> rows =
      Ask("WITH next AS (SELECT p.job, p.part FROM pawl_work_parts AS p JOIN pawl_work_jobs AS j ON j.job = p.job"
          "  WHERE p.answer = '' AND p.lease_until < clock_timestamp() AND j.alive_until > clock_timestamp()"
          "  AND $1 = ANY (j.enrolled) AND p.job <> ALL ($3)"
          "  AND NOT EXISTS (SELECT FROM pawl_work_shut_out AS s WHERE s.worker = $1)"
          "  ORDER BY p.depth, p.part LIMIT 1 FOR UPDATE OF p SKIP LOCKED)"
          " UPDATE pawl_work_parts AS p SET attempt = p.attempt + 1, taken_at = clock_timestamp(),"
          " lease_until = clock_timestamp() + $2 * interval '1 ms' FROM next"
          " WHERE p.job = next.job AND p.part = next.part"
          " RETURNING substring(p.job FROM 1 FOR 17), p.part, p.attempt, substring(p.question FROM 1 FOR 65537)",
          {Bytes(key), Integer(lease_ms), ledger::BytesArray(jobs_refused)}, 1);
  if (!rows.ok()) return rows.error();
  if (rows->empty()) return std::optional<TakenPart>();
  const ledger::Row& row = rows->front();
  if (row.size() != 4 || row[3].size() > kQuestionBytesMax) return NoAnswer();
  const Result<uint64_t> part = ledger::NumberOf(row[1]);
  const Result<uint64_t> attempt = ledger::NumberOf(row[2]);
  if (!part.ok() || !attempt.ok()) return NoAnswer();
  return std::optional(TakenPart{row[0], static_cast<int64_t>(*part), static_cast<int64_t>(*attempt), row[3]});
}

Result<Queue::Asked> Queue::WhoIsAsked(const std::string& key) {
  const Result<Rows> rows =
      Ask("SELECT count(*), count(*) FILTER (WHERE $1 = ANY (enrolled)) FROM pawl_work_jobs"
          " WHERE alive_until > clock_timestamp()",
          {Bytes(key)}, 1);
  if (!rows.ok()) return rows.error();
  if (rows->size() != 1 || rows->front().size() != 2) return NoAnswer();
  const Result<uint64_t> all = ledger::NumberOf(rows->front()[0]), mine = ledger::NumberOf(rows->front()[1]);
  if (!all.ok() || !mine.ok()) return NoAnswer();
  return *mine > 0 ? Asked::kOfThisKey : *all > 0 ? Asked::kOfOthers : Asked::kByNobody;
}

Result<Job> Queue::Read(const std::string& job) {
  Job read{.id = job, .claim = {}, .network = {}, .property = {}, .enrolled = {}};
  const std::pair<const char*, std::string*> columns[] = {
      {"SELECT substring(claim FROM $1::int4 FOR 524288) FROM pawl_work_jobs WHERE job = $2", &read.claim},
      {"SELECT substring(network FROM $1::int4 FOR 524288) FROM pawl_work_jobs WHERE job = $2", &read.network},
      {"SELECT substring(property FROM $1::int4 FOR 524288) FROM pawl_work_jobs WHERE job = $2", &read.property},
  };
  for (const auto& [sql, bytes] : columns) {
    Result<std::string> column = ReadBytes(sql, {Bytes(job)}, kFileBytesMax);
    if (!column.ok()) return column.error();
    *bytes = std::move(*column);
  }
  return read;
}

Result<bool> Queue::Extend(const TakenPart& taken, int64_t lease_ms) {
  const Result<Rows> rows =
      Ask("UPDATE pawl_work_parts SET lease_until = clock_timestamp() + $4 * interval '1 ms'"
          " WHERE job = $1 AND part = $2 AND attempt = $3 AND answer = '' RETURNING 1::int8",
          {Bytes(taken.job), Integer(taken.part), Integer(taken.attempt), Integer(lease_ms)}, 1);
  if (!rows.ok()) return rows.error();
  return !rows->empty();
}

Result<bool> Queue::Answer(const TakenPart& taken, const std::string& answer, const std::string& signature) {
  const Result<Rows> rows =
      Ask("UPDATE pawl_work_parts SET answer = $4, signature = $5"
          " WHERE job = $1 AND part = $2 AND attempt = $3 AND answer IN ('', $4) RETURNING 1::int8",
          {Bytes(taken.job), Integer(taken.part), Integer(taken.attempt), Bytes(answer), Bytes(signature)}, 1);
  if (!rows.ok()) return rows.error();
  Announce();
  return !rows->empty();
}

Result<void> Queue::GiveBack(const TakenPart& taken) {
  return Done(Ask("UPDATE pawl_work_parts SET lease_until = '-infinity' WHERE job = $1 AND part = $2 AND attempt = $3",
                  {Bytes(taken.job), Integer(taken.part), Integer(taken.attempt)}, 0));
}

}  // namespace pawl::work
