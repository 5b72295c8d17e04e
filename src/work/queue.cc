#include "work/queue.h"

#include <sys/random.h>

#include <chrono>
#include <iterator>
#include <thread>
#include <utility>

#include "work/part_answer.h"

namespace pawl::work {
namespace {

using ledger::Bytes;
using ledger::Integer;
using ledger::Rows;

constexpr size_t kPieceBytes = 512 << 10;
constexpr char kChangeChannel[] = "pawl_work";

// One statement each; docs/postgresql.md shows the same.
constexpr const char* kTables[] = {
    "CREATE TABLE IF NOT EXISTS pawl_work_jobs (job bytea PRIMARY KEY, kind bytea NOT NULL, claim bytea NOT NULL,"
    " enrolled bytea[] NOT NULL, alive_until timestamptz NOT NULL)",
    "CREATE TABLE IF NOT EXISTS pawl_work_files (job bytea NOT NULL REFERENCES pawl_work_jobs ON DELETE CASCADE,"
    " digest bytea NOT NULL, bytes bytea NOT NULL, PRIMARY KEY (job, digest))",
    "CREATE TABLE IF NOT EXISTS pawl_work_parts (job bytea NOT NULL REFERENCES pawl_work_jobs ON DELETE CASCADE,"
    " part bigint NOT NULL, depth bigint NOT NULL, question bytea NOT NULL, attempt bigint NOT NULL DEFAULT 0,"
    " holder bytea NOT NULL DEFAULT '', taken_at timestamptz NOT NULL DEFAULT '-infinity',"
    " lease_until timestamptz NOT NULL DEFAULT '-infinity', answer bytea NOT NULL DEFAULT '',"
    " signature bytea NOT NULL DEFAULT '', PRIMARY KEY (job, part))",
    "CREATE TABLE IF NOT EXISTS pawl_work_shut_out (worker bytea PRIMARY KEY, why bytea NOT NULL,"
    " at timestamptz NOT NULL DEFAULT clock_timestamp(), claim bytea NOT NULL, question bytea NOT NULL,"
    " answer bytea NOT NULL, signature bytea NOT NULL)",
};

Error NoAnswer() {
  return Error{ErrorCode::kSystem, "work.damaged", "the queue's database gives what cannot be the queue's",
               "see who else writes to its tables"};
}

Error NotShutOut() {
  return Error{ErrorCode::kNotFound, "work.not-shut-out", "this worker is not shut out", "pawl work list names those"};
}

Result<void> Done(const Result<Rows>& rows) {
  if (!rows.ok()) return rows.error();
  return {};
}

Result<std::optional<TakenPart>> Taken(const Result<Rows>& rows) {
  if (!rows.ok()) return rows.error();
  if (rows->empty()) return std::optional<TakenPart>();
  const ledger::Row& row = rows->front();
  if (row.size() != 4 || row[3].size() > kQuestionBytesMax) return NoAnswer();
  const Result<uint64_t> part = ledger::NumberOf(row[1]), attempt = ledger::NumberOf(row[2]);
  if (!part.ok() || !attempt.ok()) return NoAnswer();
  return std::optional(TakenPart{row[0], static_cast<int64_t>(*part), static_cast<int64_t>(*attempt), row[3]});
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
  const Result<Rows> there = queue.Ask(
      "SELECT count(*) FILTER (WHERE oid = to_regclass('pawl_work_shut_out')),"
      " count(*) FILTER (WHERE oid = to_regclass('pawl_work_files')) FROM pg_class",
      {}, 1);
  if (!there.ok()) return there.error();
  if (there->size() != 1 || there->front().size() != 2) return NoAnswer();
  const Result<uint64_t> tables = ledger::NumberOf(there->front()[0]), files = ledger::NumberOf(there->front()[1]);
  if (!tables.ok() || !files.ok()) return NoAnswer();
  if (*tables != 0 && *files == 0) {
    return SystemFailure(
        "ledger.schema", "the queue of work in the database is an older Pawl's",
        "let its owner run DROP TABLE pawl_work_parts, pawl_work_jobs, pawl_work_shut_out, and the SQL "
        "for workers in docs/postgresql.md");
  }
  if (*tables != 0) return queue;
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
  for (const std::string& file : job.files) {
    if (file.size() > kFileBytesMax) {
      return LimitReached("work.too-large", "files of more than 64 MiB are not shared out",
                          "do the work on one machine");
    }
  }
  // Jobs of askers that have died are no use to anybody.
  if (Result<void> swept =
          Done(Ask("DELETE FROM pawl_work_jobs WHERE alive_until < clock_timestamp() - interval '1 h'", {}, 0));
      !swept.ok()) {
    return swept;
  }
  Result<void> begun = Done(Ask(
      "INSERT INTO pawl_work_jobs (job, kind, claim, enrolled, alive_until)"
      " VALUES ($1, $2, $3, $4, clock_timestamp() + $5 * interval '1 ms') ON CONFLICT DO NOTHING",
      {Bytes(job.id), Bytes(job.kind), Bytes(job.claim), ledger::BytesArray(job.enrolled), Integer(kAskerSilence_ms)},
      0));
  for (const std::string& file : job.files) {
    if (!begun.ok()) return begun;
    begun = Done(Ask("INSERT INTO pawl_work_files (job, digest, bytes) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING",
                     {Bytes(job.id), Bytes(crypto::Sha256(file).Text()), Bytes(file)}, 0));
  }
  return begun;
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

Result<std::optional<OwnPart>> Queue::TakeOwn(const std::string& job, int64_t held_ms_max) {
  // Whoever holds one keeps it: its answer is compared with what is found here.
  const Result<Rows> rows =
      Ask("WITH next AS (SELECT job, part, CASE WHEN lease_until < clock_timestamp() THEN 0::int8 ELSE 1::int8 END AS "
          "held FROM pawl_work_parts"
          "  WHERE job = $1 AND answer = ''"
          "  AND (lease_until < clock_timestamp() OR taken_at < clock_timestamp() - $2 * interval '1 ms')"
          "  ORDER BY lease_until < clock_timestamp() DESC, part DESC LIMIT 1 FOR UPDATE SKIP LOCKED)"
          " UPDATE pawl_work_parts AS p SET attempt = p.attempt + 1 - next.held,"
          " holder = CASE next.held WHEN 1 THEN p.holder ELSE '' END, taken_at = clock_timestamp(),"
          " lease_until = clock_timestamp() + interval '1 h' FROM next"
          " WHERE p.job = next.job AND p.part = next.part RETURNING p.part, next.held",
          {Bytes(job), Integer(held_ms_max)}, 1);
  if (!rows.ok()) return rows.error();
  if (rows->empty()) return std::optional<OwnPart>();
  if (rows->front().size() != 2) return NoAnswer();
  const Result<uint64_t> part = ledger::NumberOf(rows->front()[0]), held = ledger::NumberOf(rows->front()[1]);
  if (!part.ok() || !held.ok()) return NoAnswer();
  return std::optional(OwnPart{static_cast<int64_t>(*part), *held != 0});
}

Result<void> Queue::PutBack(const std::string& job, int64_t part) {
  Result<void> put =
      Done(Ask("UPDATE pawl_work_parts SET answer = '', signature = '', holder = '', lease_until = '-infinity',"
               " attempt = attempt + 1 WHERE job = $1 AND part = $2",
               {Bytes(job), Integer(part)}, 0));
  if (put.ok()) Announce();
  return put;
}

Result<std::vector<std::string>> Queue::TakeFromHolders(const std::string& job, int64_t held_ms_max) {
  // Holders are given by what they were before.
  const Result<Rows> rows =
      Ask("WITH held AS (SELECT job, part, holder FROM pawl_work_parts WHERE job = $1 AND answer = ''"
          "  AND lease_until > clock_timestamp() AND taken_at < clock_timestamp() - $2 * interval '1 ms'"
          "  LIMIT 1000 FOR UPDATE)"
          " UPDATE pawl_work_parts AS p SET lease_until = '-infinity', holder = '', attempt = p.attempt + 1 FROM held"
          " WHERE p.job = held.job AND p.part = held.part RETURNING substring(held.holder FROM 1 FOR 500)",
          {Bytes(job), Integer(held_ms_max)}, kListedMax);
  if (!rows.ok()) return rows.error();
  std::vector<std::string> holders;
  for (const ledger::Row& row : *rows) {
    if (row.size() != 1) return NoAnswer();
    holders.push_back(row[0]);
  }
  return holders;
}

Result<void> Queue::End(const std::string& job) {
  return Done(Ask("DELETE FROM pawl_work_jobs WHERE job = $1", {Bytes(job)}, 0));
}

Result<void> Queue::ShutOut(const std::string& key, const std::string& why, const Evidence& evidence) {
  return Done(
      Ask("INSERT INTO pawl_work_shut_out (worker, why, claim, question, answer, signature)"
          " VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT DO NOTHING",
          {Bytes(key), Bytes(why), Bytes(evidence.claim), Bytes(evidence.question), Bytes(evidence.answer),
           Bytes(evidence.signature)},
          0));
}

Result<void> Queue::AskNoMore(const std::string& job, const std::string& key) {
  return Done(Ask("UPDATE pawl_work_jobs SET enrolled = array_remove(enrolled, $2) WHERE job = $1",
                  {Bytes(job), Bytes(key)}, 0));
}

// ---- People

Result<Listing> Queue::List() {
  Listing listing;
  Result<Rows> rows =
      Ask("SELECT substring(j.job FROM 1 FOR 17), substring(j.kind FROM 1 FOR 200),"
          " count(p.part) FILTER (WHERE p.answer = '' AND p.lease_until <= clock_timestamp()),"
          " count(p.part) FILTER (WHERE p.answer = '' AND p.lease_until > clock_timestamp()),"
          " count(p.part) FILTER (WHERE p.answer <> '')"
          " FROM pawl_work_jobs AS j LEFT JOIN pawl_work_parts AS p ON p.job = j.job"
          " WHERE j.alive_until > clock_timestamp() GROUP BY j.job ORDER BY j.job LIMIT 1000",
          {}, kListedMax);
  if (!rows.ok()) return rows.error();
  for (const ledger::Row& row : *rows) {
    if (row.size() != 5) return NoAnswer();
    const Result<uint64_t> waiting = ledger::NumberOf(row[2]), held = ledger::NumberOf(row[3]),
                           answered = ledger::NumberOf(row[4]);
    if (!waiting.ok() || !held.ok() || !answered.ok()) return NoAnswer();
    listing.jobs.push_back({row[0], row[1], *waiting, *held, *answered});
  }
  rows =
      Ask("SELECT substring(p.job FROM 1 FOR 17), p.part, substring(p.holder FROM 1 FOR 500),"
          " greatest(0, extract(epoch FROM clock_timestamp() - p.taken_at) * 1000)::int8,"
          " greatest(0, extract(epoch FROM p.lease_until - clock_timestamp()) * 1000)::int8"
          " FROM pawl_work_parts AS p JOIN pawl_work_jobs AS j ON j.job = p.job WHERE p.answer = ''"
          " AND isfinite(p.taken_at) AND isfinite(p.lease_until) AND p.lease_until > clock_timestamp()"
          " AND j.alive_until > clock_timestamp() ORDER BY p.taken_at, p.job, p.part LIMIT 1000",
          {}, kListedMax);
  if (!rows.ok()) return rows.error();
  for (const ledger::Row& row : *rows) {
    if (row.size() != 5) return NoAnswer();
    const Result<uint64_t> part = ledger::NumberOf(row[1]), held_ms = ledger::NumberOf(row[3]),
                           lease_ms = ledger::NumberOf(row[4]);
    if (!part.ok() || !held_ms.ok() || !lease_ms.ok()) return NoAnswer();
    listing.held.push_back({row[0], static_cast<int64_t>(*part), row[2], *held_ms, *lease_ms});
  }
  rows =
      Ask("SELECT substring(worker FROM 1 FOR 500), substring(why FROM 1 FOR 500),"
          " greatest(0, extract(epoch FROM at))::int8 FROM pawl_work_shut_out WHERE isfinite(at)"
          " ORDER BY at, worker LIMIT 1000",
          {}, kListedMax);
  if (!rows.ok()) return rows.error();
  for (const ledger::Row& row : *rows) {
    if (row.size() != 3) return NoAnswer();
    const Result<uint64_t> at_s = ledger::NumberOf(row[2]);
    if (!at_s.ok()) return NoAnswer();
    listing.shut_out.push_back({row[0], row[1], *at_s});
  }
  return listing;
}

Result<Evidence> Queue::EvidenceAgainst(const std::string& key) {
  Evidence evidence;
  const std::pair<const char*, std::string*> columns[] = {
      {"SELECT substring(claim FROM $1::int4 FOR 524288) FROM pawl_work_shut_out WHERE worker = $2", &evidence.claim},
      {"SELECT substring(question FROM $1::int4 FOR 524288) FROM pawl_work_shut_out WHERE worker = $2",
       &evidence.question},
      {"SELECT substring(answer FROM $1::int4 FOR 524288) FROM pawl_work_shut_out WHERE worker = $2", &evidence.answer},
      {"SELECT substring(signature FROM $1::int4 FOR 524288) FROM pawl_work_shut_out WHERE worker = $2",
       &evidence.signature},
  };
  for (const auto& [sql, bytes] : columns) {
    Result<std::string> column = ReadBytes(sql, {Bytes(key)}, kFileBytesMax);
    if (!column.ok() && column.error().rule == "work.job-gone") return NotShutOut();
    if (!column.ok()) return column.error();
    *bytes = std::move(*column);
  }
  return evidence;
}

Result<void> Queue::Readmit(const std::string& key) {
  const Result<Rows> rows = Ask("DELETE FROM pawl_work_shut_out WHERE worker = $1 RETURNING 1::int8", {Bytes(key)}, 1);
  if (!rows.ok()) return rows.error();
  if (rows->empty()) return NotShutOut();
  return {};
}

// ---- Both

Result<std::optional<std::string>> Queue::WhyShutOut(const std::string& key) {
  const Result<Rows> rows =
      Ask("SELECT substring(why FROM 1 FOR 500) FROM pawl_work_shut_out WHERE worker = $1", {Bytes(key)}, 1);
  if (!rows.ok()) return rows.error();
  if (rows->empty()) return std::optional<std::string>();
  if (rows->front().size() != 1) return NoAnswer();
  return std::optional(rows->front()[0]);
}

// ---- Workers

Result<std::optional<TakenPart>> Queue::Take(const std::string& key, const std::vector<std::string>& kinds,
                                             int64_t lease_ms, const std::vector<std::string>& jobs_refused) {
  const Result<Rows> rows =
      Ask("WITH next AS (SELECT p.job, p.part FROM pawl_work_parts AS p JOIN pawl_work_jobs AS j ON j.job = p.job"
          "  WHERE p.answer = '' AND p.lease_until < clock_timestamp() AND j.alive_until > clock_timestamp()"
          "  AND $1 = ANY (j.enrolled) AND j.kind = ANY ($4) AND p.job <> ALL ($3)"
          "  AND NOT EXISTS (SELECT FROM pawl_work_shut_out AS s WHERE s.worker = $1)"
          "  ORDER BY p.depth, p.part LIMIT 1 FOR UPDATE OF p SKIP LOCKED)"
          " UPDATE pawl_work_parts AS p SET attempt = p.attempt + 1, holder = $1, taken_at = clock_timestamp(),"
          " lease_until = clock_timestamp() + $2 * interval '1 ms' FROM next"
          " WHERE p.job = next.job AND p.part = next.part"
          " RETURNING substring(p.job FROM 1 FOR 17), p.part, p.attempt, substring(p.question FROM 1 FOR 262145)",
          {Bytes(key), Integer(lease_ms), ledger::BytesArray(jobs_refused), ledger::BytesArray(kinds)}, 1);
  return Taken(rows);
}

Result<WhoIsAsked> Queue::Whom(const std::string& key, const std::vector<std::string>& kinds) {
  const Result<Rows> rows =
      Ask("SELECT count(*), count(*) FILTER (WHERE $1 = ANY (enrolled)),"
          " count(*) FILTER (WHERE $1 = ANY (enrolled) AND kind = ANY ($2)),"
          " coalesce((array_agg(substring(kind FROM 1 FOR 200))"
          "  FILTER (WHERE $1 = ANY (enrolled) AND kind <> ALL ($2)))[1], '')"
          " FROM pawl_work_jobs WHERE alive_until > clock_timestamp()",
          {Bytes(key), ledger::BytesArray(kinds)}, 1);
  if (!rows.ok()) return rows.error();
  if (rows->size() != 1 || rows->front().size() != 4) return NoAnswer();
  const Result<uint64_t> all = ledger::NumberOf(rows->front()[0]), mine = ledger::NumberOf(rows->front()[1]),
                         right = ledger::NumberOf(rows->front()[2]);
  if (!all.ok() || !mine.ok() || !right.ok()) return NoAnswer();
  using Whom = WhoIsAsked::Whom;
  if (*right > 0) return WhoIsAsked{Whom::kThisKey, {}};
  if (*mine > 0) return WhoIsAsked{Whom::kThisKeyOtherKinds, rows->front()[3]};
  return WhoIsAsked{*all > 0 ? Whom::kOthers : Whom::kNobody, {}};
}

Result<Job> Queue::Read(const std::string& job) {
  Job read{.id = job, .kind = {}, .claim = {}, .files = {}, .enrolled = {}};
  const std::pair<const char*, std::string*> columns[] = {
      {"SELECT substring(kind FROM $1::int4 FOR 524288) FROM pawl_work_jobs WHERE job = $2", &read.kind},
      {"SELECT substring(claim FROM $1::int4 FOR 524288) FROM pawl_work_jobs WHERE job = $2", &read.claim},
  };
  for (const auto& [sql, bytes] : columns) {
    Result<std::string> column = ReadBytes(sql, {Bytes(job)}, kFileBytesMax);
    if (!column.ok()) return column.error();
    *bytes = std::move(*column);
  }
  return read;
}

Result<std::string> Queue::ReadFile(const std::string& job, const crypto::Digest& digest, size_t bytes_max) {
  Result<std::string> bytes =
      ReadBytes("SELECT substring(bytes FROM $1::int4 FOR 524288) FROM pawl_work_files WHERE job = $2 AND digest = $3",
                {Bytes(job), Bytes(digest.Text())}, bytes_max);
  if (!bytes.ok() || crypto::Sha256(*bytes) == digest) return bytes;
  return Refused("work.other-files", "the job's files are not those that it names", "ask whoever asked");
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
  return Done(
      Ask("UPDATE pawl_work_parts SET lease_until = '-infinity', holder = '' WHERE job = $1 AND part = $2"
          " AND attempt = $3",
          {Bytes(taken.job), Integer(taken.part), Integer(taken.attempt)}, 0));
}

// ---- Whoever asks, before it begins

Result<Queue> OpenToAsk(const std::string& url, std::map<std::string, crypto::NoteKey>& enrolled,
                        std::map<std::string, std::string>& shut_out) {
  Result<Queue> queue = Queue::Open(url, QueueSide::kAsker);
  if (!queue.ok()) return queue;
  for (auto each = enrolled.begin(); each != enrolled.end();) {
    const Result<std::optional<std::string>> why = queue->WhyShutOut(each->second.Text());
    if (!why.ok()) return why.error();
    if (why->has_value()) shut_out.emplace(each->first, **why);
    each = why->has_value() ? enrolled.erase(each) : std::next(each);
  }
  return queue;
}

Result<std::string> NewJobId() {
  std::string id(16, '\0');
  if (getrandom(id.data(), id.size(), 0) == static_cast<ssize_t>(id.size())) return id;
  return SystemFailure("work.random", "the system gives no random bytes");
}

}  // namespace pawl::work
