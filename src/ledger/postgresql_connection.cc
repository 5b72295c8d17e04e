#include "ledger/postgresql_connection.h"

#include <endian.h>
#include <poll.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <optional>
#include <utility>

#include "ledger/database.h"

namespace pawl::ledger {
namespace {

// pg_type.dat of PostgreSQL's sources; these never change.
constexpr Oid kBytea = 17, kInt8 = 20, kText = 25, kInt8Array = 1016, kByteaArray = 1001;
constexpr size_t kMessageBytesMax = 300, kHostMessagesMax = 8;

int64_t Now_ms() {
  const auto now = std::chrono::steady_clock::now().time_since_epoch();
  return std::chrono::duration_cast<std::chrono::milliseconds>(now).count();
}

void PutInt32(std::string& out, uint32_t value) {
  const uint32_t big = htobe32(value);
  out.append(reinterpret_cast<const char*>(&big), sizeof big);
}

std::string Int64(int64_t value) {
  const uint64_t big = htobe64(static_cast<uint64_t>(value));
  return {reinterpret_cast<const char*>(&big), sizeof big};
}

// array_send of PostgreSQL: dimensions, whether there are nulls, the items' type; then, of the only dimension, its
// length and where it begins; then the items.
class ArrayBytes {
 public:
  ArrayBytes(Oid item, size_t count) {
    PutInt32(bytes_, count == 0 ? 0 : 1);
    PutInt32(bytes_, 0);
    PutInt32(bytes_, item);
    if (count == 0) return;
    PutInt32(bytes_, static_cast<uint32_t>(count));
    PutInt32(bytes_, 1);
  }
  void Put(std::string_view item) {
    PutInt32(bytes_, static_cast<uint32_t>(item.size()));
    bytes_ += item;
  }
  std::string Take() { return std::move(bytes_); }

 private:
  std::string bytes_;
};

// What a server says is shown on terminals: one line, printable, not long.
std::string Shown(const char* text) {
  std::string line = text == nullptr ? "" : text;
  line = line.substr(0, std::min(line.find('\n'), kMessageBytesMax));
  for (char& letter : line) {
    if (static_cast<unsigned char>(letter) < 0x20 || letter == 0x7f) letter = ' ';
  }
  return line;
}

// What libpq says of the hosts that it has tried, a line each; a line that begins with a tab explains the one before.
std::string ShownOfHosts(std::string_view text) {
  std::string shown;
  for (size_t lines = 0; !text.empty() && lines < kHostMessagesMax; ++lines) {
    const std::string line(text.substr(0, text.find('\n')));
    text.remove_prefix(std::min(line.size() + 1, text.size()));
    if (!line.empty() && line.front() != '\t') shown += (shown.empty() ? "" : "; ") + Shown(line.c_str());
  }
  return shown;
}

// libpq's options for hosts: lists with commas, an entry for each host, or one port for all of them.
constexpr std::array<const char*, 3> kHostOptions = {"host", "hostaddr", "port"};
using HostLists = std::array<std::string, kHostOptions.size()>;

std::vector<std::string> EntriesOf(std::string_view list) {
  std::vector<std::string> entries;
  for (size_t begin = 0; !list.empty() && begin <= list.size();) {
    const size_t end = std::min(list.find(',', begin), list.size());
    entries.emplace_back(list.substr(begin, end - begin));
    begin = end + 1;
  }
  return entries;
}

// The hosts after the one at which libpq gave up, empty lists where it was the last. libpq goes on by itself where a
// host is not there, is just starting or is a standby, but not where one refuses: a standby that has not heard of the
// database or the role yet, one whose pg_hba.conf is of before, one that has no session left.
HostLists HostsAfter(const Libpq& pq, PGconn* connection) {
  const std::unique_ptr<PQconninfoOption, decltype(Libpq::conninfoFree)> options(pq.conninfo(connection),
                                                                                 pq.conninfoFree);
  std::array<std::vector<std::string>, kHostOptions.size()> entries;
  for (const PQconninfoOption* option = options.get(); option != nullptr && option->keyword != nullptr; ++option) {
    const auto* const known = std::find(kHostOptions.begin(), kHostOptions.end(), std::string_view(option->keyword));
    if (known != kHostOptions.end() && option->val != nullptr)
      entries[known - kHostOptions.begin()] = EntriesOf(option->val);
  }
  const auto& [names, addresses, ports] = entries;
  const size_t count = std::max(names.size(), addresses.size());
  const auto is_here = [&](size_t index) {
    const bool named = index < names.size() && !names[index].empty();
    const std::vector<std::string>& host = named ? names : addresses;
    return index < host.size() && host[index] == pq.host(connection) &&
           (ports.size() <= 1 || (index < ports.size() && ports[index] == pq.port(connection)));
  };
  size_t at = 0;
  while (at < count && !is_here(at)) ++at;
  if (at == count) at = 0;  // at libpq's own folder for sockets, say
  HostLists left;
  for (size_t i = 0; i < entries.size(); ++i) {
    if (entries[i].size() <= 1) continue;  // for all hosts, or no list
    for (size_t j = at + 1; j < entries[i].size(); ++j) left[i] += (j == at + 1 ? "" : ",") + entries[i][j];
    if (left[i].empty()) return {};  // no more; or nothing that libpq would take instead of the whole list
  }
  return left;
}

constexpr char kReachAdvice[] =
    "see that it runs and lets this user in (PGPASSFILE, PGPASSWORD, sslmode: docs/postgresql.md), then try again; "
    "nothing was acknowledged";

Error Unreachable(const std::string& what) {
  return SystemFailure("ledger.unreachable", "the ledger's database is not reached: " + what, kReachAdvice);
}

// SQLSTATEs: appendix A of PostgreSQL's manual.
Error ErrorOf(const Libpq& pq, const PGresult* result) {
  const char* field = pq.resultErrorField(result, PG_DIAG_SQLSTATE);
  const std::string state = field == nullptr ? "" : field;
  const char* primary = pq.resultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
  const std::string what = Shown(primary != nullptr ? primary : pq.resultErrorMessage(result));
  const auto is_in = [&](std::string_view kind) { return state.starts_with(kind); };
  if (state == "23505") {
    const char* constraint = pq.resultErrorField(result, PG_DIAG_CONSTRAINT_NAME);
    if (constraint != nullptr && std::string_view(constraint) == "pawl_events_digest") {
      return Refused("ledger.duplicate", "an entry is in the log already, but not in this company");
    }
    return Error{ErrorCode::kPending, "ledger.conflict", "somebody else has appended",
                 "read what is new, decide again"};
  }
  if (is_in("08") || is_in("57P") || state.empty()) return Unreachable(what);
  if (state == "55P03" || state == "57014" || is_in("40")) {
    return SystemFailure("ledger.busy", "the ledger's database: " + what, "another session holds it; try again");
  }
  if (state == "53100") {
    return SystemFailure("ledger.full", "the ledger's database: " + what,
                         "make room on its disk, then try again; nothing was acknowledged");
  }
  if (state == "25006" || state == "42501") {
    return SystemFailure("ledger.read-only", "the ledger's database: " + what,
                         "give this user the rights that docs/postgresql.md lists");
  }
  if (is_in("42") || is_in("3F")) {
    return SystemFailure("ledger.schema", "the ledger's tables are not there or not as Pawl makes them: " + what,
                         "docs/postgresql.md shows them");
  }
  if (is_in("22") || is_in("XX")) return Damaged("the ledger's database: " + what);
  return SystemFailure("ledger.input-output", "the ledger's database: " + what + " (SQLSTATE " + Shown(field) + ")",
                       "look at the server's log, then try again; nothing was acknowledged");
}

Result<Row> RowOf(const Libpq& pq, const PGresult* result) {
  Row row;
  for (int column = 0; column < pq.nfields(result); ++column) {
    const int length = pq.getlength(result, 0, column);
    if (pq.getisnull(result, 0, column) != 0 || length < 0 || static_cast<size_t>(length) > kNoteBytesMax + 1) {
      return Damaged("the ledger's database gives a value that cannot be one of the ledger's");
    }
    row.emplace_back(pq.getvalue(result, 0, column), static_cast<size_t>(length));
  }
  return row;
}

// libpq calls it for what is no error; a WARNING at COMMIT says that a standby was not waited for. It is loaded then.
void KeepWarning(void* kept, const PGresult* notice) {
  const auto field = (*LoadLibpq())->resultErrorField;
  const char* severity = field(notice, PG_DIAG_SEVERITY_NONLOCALIZED);
  if (severity == nullptr || std::string_view(severity) != "WARNING") return;
  *static_cast<std::string*>(kept) = Shown(field(notice, PG_DIAG_MESSAGE_PRIMARY));
}

PGconn* Connect(const Libpq& pq, const std::string& url, LedgerAccess access, PostgresqlTimeouts timeouts,
                const HostLists& hosts) {
  const std::string connect_s = std::to_string(timeouts.connect_s), answer_ms = std::to_string(timeouts.answer_ms);
  std::vector<const char*> names, values;
  const auto set = [&](const char* name, const char* value) {
    names.push_back(name);
    values.push_back(value);
  };
  // Before the URL: it may say otherwise.
  set("connect_timeout", connect_s.c_str());
  set("keepalives_idle", "30");
  set("keepalives_interval", "10");
  set("keepalives_count", "3");
  set("tcp_user_timeout", answer_ms.c_str());
  set("target_session_attrs", access == LedgerAccess::kReadWrite ? "read-write" : "primary");
  set("fallback_application_name", "pawl");
  set("dbname", url.c_str());
  // After it: what Pawl relies on. libpq passes over what is empty.
  set("client_encoding", "UTF8");
  for (size_t i = 0; i < hosts.size(); ++i) set(kHostOptions[i], hosts[i].c_str());
  set(nullptr, nullptr);
  return pq.connectdbParams(names.data(), values.data(), /*expand_dbname=*/1);
}

using PgResult = std::unique_ptr<PGresult, decltype(Libpq::clear)>;

}  // namespace

Parameter Text(std::string_view text) { return {kText, std::string(text)}; }
Parameter Bytes(std::string_view bytes) { return {kBytea, std::string(bytes)}; }
Parameter Integer(int64_t value) { return {kInt8, Int64(value)}; }

Parameter IntegerArray(std::span<const int64_t> values) {
  ArrayBytes array(kInt8, values.size());
  for (const int64_t value : values) array.Put(Int64(value));
  return {kInt8Array, array.Take()};
}

Parameter BytesArray(std::span<const std::string> values) {
  ArrayBytes array(kBytea, values.size());
  for (const std::string& value : values) array.Put(value);
  return {kByteaArray, array.Take()};
}

Result<uint64_t> NumberOf(std::string_view field) {
  uint64_t big = 0;
  if (field.size() == sizeof big) {
    std::memcpy(&big, field.data(), sizeof big);
    const uint64_t value = be64toh(big);
    if (value <= static_cast<uint64_t>(INT64_MAX)) return value;
  }
  return Damaged("the ledger's database gives a number that cannot be one of the ledger's");
}

PostgresqlConnection::PostgresqlConnection(const Libpq* pq, PGconn* connection, PostgresqlTimeouts timeouts)
    : pq_(pq), connection_(connection, pq->finish), timeouts_(timeouts), warning_(std::make_unique<std::string>()) {}

Result<PostgresqlConnection> PostgresqlConnection::Open(const std::string& url, LedgerAccess access,
                                                        PostgresqlTimeouts timeouts) {
  const Result<const Libpq*> loaded = LoadLibpq();
  if (!loaded.ok()) return loaded.error();
  const Libpq& pq = **loaded;
  std::string said;
  for (HostLists hosts;;) {
    PostgresqlConnection opened(&pq, Connect(pq, url, access, timeouts, hosts), timeouts);
    if (!opened.connection_) return Unreachable("no memory");
    if (!opened.usable()) {
      said += (said.empty() ? "" : "; ") + ShownOfHosts(pq.errorMessage(opened.connection_.get()));
      hosts = HostsAfter(pq, opened.connection_.get());
      if (hosts == HostLists()) return Unreachable(said);
      continue;
    }
    if (Result<void> set = opened.SetUp(access); !set.ok()) return set.error();
    return opened;
  }
}

Result<void> PostgresqlConnection::SetUp(LedgerAccess access) {
  pq_->setNoticeReceiver(connection_.get(), &KeepWarning, warning_.get());
  if (pq_->setnonblocking(connection_.get(), 1) != 0) return Unreachable("it cannot be waited for");
  const bool writes = access == LedgerAccess::kReadWrite;
  const Result<Rows> rows =
      Ask("SELECT current_setting('fsync'), current_setting('full_page_writes'), current_setting('synchronous_commit'),"
          " set_config('statement_timeout', $1, false), set_config('lock_timeout', $2, false),"
          " set_config('idle_in_transaction_session_timeout', $3, false),"
          " set_config('default_transaction_read_only', $4, false)",
          {Text(std::to_string(timeouts_.statement_ms)), Text(std::to_string(timeouts_.lock_ms)),
           Text(std::to_string(timeouts_.answer_ms)), Text(writes ? "off" : "on")},
          1);
  if (!rows.ok()) return rows.error();
  if (rows->size() != 1 || rows->front().size() != 7) return Damaged("this is no PostgreSQL server");
  const Row& row = rows->front();
  const bool durable = row[0] == "on" && row[1] == "on" && (row[2] == "on" || row[2] == "remote_apply");
  if (!writes || durable) return {};
  return Refused("ledger.not-durable",
                 "the database would acknowledge what a power cut can take back (fsync " + Shown(row[0].c_str()) +
                     ", full_page_writes " + Shown(row[1].c_str()) + ", synchronous_commit " + Shown(row[2].c_str()) +
                     ")",
                 "set all three to on, for the server, the database and this role");
}

Error PostgresqlConnection::Lost(const std::string& what) {
  connection_.reset();  // nothing that still comes would be an answer to the next question
  return Unreachable(what);
}

Result<void> PostgresqlConnection::AwaitAnswer(int64_t deadline_ms) {
  PGconn* connection = connection_.get();
  for (;;) {
    const int unsent = pq_->flush(connection);
    if (unsent < 0) return Lost(Shown(pq_->errorMessage(connection)));
    if (unsent == 0 && pq_->isBusy(connection) == 0) return {};
    const int64_t left_ms = deadline_ms - Now_ms();
    if (left_ms <= 0) return Lost("it has not answered in " + std::to_string(timeouts_.answer_ms / 1'000) + " s");
    pollfd waited{pq_->socket(connection), static_cast<short>(POLLIN | (unsent > 0 ? POLLOUT : 0)), 0};
    if (poll(&waited, 1, static_cast<int>(left_ms)) < 0 && errno != EINTR) return Lost("it cannot be waited for");
    if ((waited.revents & ~POLLOUT) != 0 && pq_->consumeInput(connection) == 0) {
      return Lost(Shown(pq_->errorMessage(connection)));
    }
  }
}

// The rows of the question that was sent, up to its end, so that the connection is free for the next.
Result<Rows> PostgresqlConnection::Take(size_t rows_max, std::string* tag, Alone alone) {
  const int64_t deadline_ms = Now_ms() + timeouts_.answer_ms;
  Rows rows;
  std::optional<Error> failure;
  for (;;) {
    if (Result<void> answered = AwaitAnswer(deadline_ms); !answered.ok()) return failure ? *failure : answered.error();
    const PgResult result(pq_->getResult(connection_.get()), pq_->clear);
    if (!result) break;
    const ExecStatusType status = pq_->resultStatus(result.get());
    if (status == PGRES_SINGLE_TUPLE) {
      Result<Row> row = RowOf(*pq_, result.get());
      const bool too_many = rows.size() == rows_max;
      if (!row.ok() || too_many) {
        connection_.reset();  // rather than read on through what may have no end
        return row.ok() ? Damaged("the ledger's database gives more rows than it was asked for") : row.error();
      }
      rows.push_back(std::move(*row));
    } else if (status == PGRES_COMMAND_OK) {
      if (tag != nullptr) *tag = pq_->cmdStatus(result.get());
    } else if (status != PGRES_TUPLES_OK) {
      if (!failure) failure = ErrorOf(*pq_, result.get());
      const bool is_skipped = status == PGRES_PIPELINE_ABORTED && alone == Alone::kInPipeline;
      if (status != PGRES_FATAL_ERROR && status != PGRES_NONFATAL_ERROR && !is_skipped) {
        connection_.reset();  // a server that wants to copy, or speaks of pipelines by itself
        return *failure;
      }
    }
  }
  if (failure) return *failure;
  return rows;
}

// Parsed and planned once for each connection: both cost the server more than running it. Texts are this program's own,
// so that there are few.
Result<std::string> PostgresqlConnection::Prepare(const char* sql, const std::vector<Oid>& types) {
  const auto known = prepared_.find(std::string_view(sql));
  if (known != prepared_.end()) return known->second;
  std::string name = "pawl_" + std::to_string(prepared_.size());
  if (pq_->sendPrepare(connection_.get(), name.c_str(), sql, static_cast<int>(types.size()), types.data()) == 0) {
    return Lost(Shown(pq_->errorMessage(connection_.get())));
  }
  const Result<Rows> prepared = Take(0, nullptr, Alone::kYes);
  if (!prepared.ok()) return prepared.error();
  prepared_.emplace(sql, name);
  return name;
}

Result<PostgresqlConnection::Question> PostgresqlConnection::Prepared(const char* sql,
                                                                      const std::vector<Parameter>& parameters) {
  if (!usable()) return Lost("the connection was lost");
  std::vector<Oid> types;
  for (const Parameter& parameter : parameters) types.push_back(parameter.type);
  const Result<std::string> name = Prepare(sql, types);
  if (!name.ok()) return name.error();
  return Question{.name = *name, .sql = sql, .parameters = parameters};
}

bool PostgresqlConnection::Send(const Question& question) {
  std::vector<const char*> values;
  std::vector<int> lengths, formats;
  for (const Parameter& parameter : question.parameters) {
    values.push_back(parameter.bytes.data());
    lengths.push_back(static_cast<int>(parameter.bytes.size()));
    formats.push_back(1);
  }
  const auto count = static_cast<int>(question.parameters.size());
  PGconn* connection = connection_.get();
  if (!question.name.empty()) {
    return pq_->sendQueryPrepared(connection, question.name.c_str(), count, values.data(), lengths.data(),
                                  formats.data(), 1) != 0;
  }
  return pq_->sendQueryParams(connection, question.sql, 0, nullptr, nullptr, nullptr, nullptr, 1) != 0;
}

// The answers to all of them, which go out together. The one at `asked` may have rows_max rows, the others one, and its
// command is told. The server does none after one that failed. An error: the connection is lost.
Result<std::vector<Result<Rows>>> PostgresqlConnection::Exchange(const std::vector<Question>& questions, size_t asked,
                                                                 size_t rows_max, std::string* tag) {
  if (!usable()) return Lost("the connection was lost");
  PGconn* connection = connection_.get();
  const bool alone = questions.size() == 1;
  bool sent = alone || pq_->enterPipelineMode(connection) != 0;
  for (const Question& question : questions) sent = sent && Send(question);
  if (!sent || (!alone && pq_->pipelineSync(connection) == 0)) return Lost(Shown(pq_->errorMessage(connection)));
  std::vector<Result<Rows>> answers;
  bool all_good = true;
  for (size_t i = 0; i < questions.size(); ++i) {
    // What the server has passed over has no rows to be told apart.
    if (pq_->setSingleRowMode(connection) == 0 && all_good) return Lost(Shown(pq_->errorMessage(connection)));
    answers.push_back(
        Take(i == asked ? rows_max : 1, i == asked ? tag : nullptr, alone ? Alone::kYes : Alone::kInPipeline));
    all_good = all_good && answers.back().ok();
    if (!usable()) return answers.back().ok() ? Lost("the connection was lost") : answers.back().error();
  }
  if (alone) return answers;
  if (Result<void> answered = AwaitAnswer(Now_ms() + timeouts_.answer_ms); !answered.ok()) return answered.error();
  const PgResult end(pq_->getResult(connection), pq_->clear);
  if (!end || pq_->resultStatus(end.get()) != PGRES_PIPELINE_SYNC || pq_->exitPipelineMode(connection) == 0) {
    return Lost("it answers what it was not asked");
  }
  return answers;
}

Result<void> PostgresqlConnection::Queue(const char* sql, const std::vector<Parameter>& parameters) {
  Result<Question> question = Prepared(sql, parameters);
  if (!question.ok()) return question.error();
  queued_.push_back(*std::move(question));
  return {};
}

Result<Rows> PostgresqlConnection::Ask(const char* sql, const std::vector<Parameter>& parameters, size_t rows_max) {
  Result<Question> question = Prepared(sql, parameters);
  if (!question.ok()) return question.error();
  std::vector<Question> questions = std::exchange(queued_, {});
  questions.push_back(*std::move(question));
  Result<std::vector<Result<Rows>>> answers = Exchange(questions, questions.size() - 1, rows_max, nullptr);
  if (!answers.ok()) return answers.error();
  for (const Result<Rows>& answer : *answers) {
    if (!answer.ok()) return answer.error();
  }
  return std::move(answers->back());
}

Result<void> PostgresqlConnection::Listen(std::string_view channel) {
  const Result<Rows> rows = Ask(("LISTEN \"" + std::string(channel) + "\"").c_str(), {}, 0);
  if (!rows.ok()) return rows.error();
  return {};
}

constexpr char kNotify[] = "SELECT pg_notify($1, $2) FROM set_config('synchronous_commit', 'off', true)";

Result<void> PostgresqlConnection::Notify(std::string_view channel, std::string_view payload) {
  const Result<Rows> rows = Ask(kNotify, {Text(channel), Text(payload)}, 1);
  if (!rows.ok()) return rows.error();
  return {};
}

Result<void> PostgresqlConnection::NotifyAfterCommit(std::string_view channel, std::string_view payload) {
  Result<Question> question = Prepared(kNotify, {Text(channel), Text(payload)});
  if (!question.ok()) return question.error();
  after_commit_.push_back(*std::move(question));
  return {};
}

bool PostgresqlConnection::in_transaction() const {
  return usable() && pq_->transactionStatus(connection_.get()) != PQTRANS_IDLE;
}

// Whether there were any; all are dropped.
std::vector<std::string> PostgresqlConnection::TakeNotices() {
  std::vector<std::string> payloads;
  while (PGnotify* const notice = pq_->notifies(connection_.get())) {
    if (payloads.size() < kNoticesMax) payloads.emplace_back(notice->extra == nullptr ? "" : notice->extra);
    pq_->freemem(notice);
  }
  return payloads;
}

std::vector<std::string> PostgresqlConnection::AwaitNotice(int timeout_ms, int also) {
  const int64_t deadline_ms = Now_ms() + timeout_ms;
  while (usable()) {
    if (std::vector<std::string> payloads = TakeNotices(); !payloads.empty()) return payloads;
    const int64_t left_ms = deadline_ms - Now_ms();
    if (left_ms <= 0) break;
    pollfd waited[] = {{pq_->socket(connection_.get()), POLLIN, 0}, {also, POLLIN, 0}};  // poll ignores -1
    if (poll(waited, 2, static_cast<int>(left_ms)) < 0) break;  // a signal: whoever waits looks
    if (waited[0].revents != 0 && pq_->consumeInput(connection_.get()) == 0) connection_.reset();
    if (waited[1].revents != 0) return usable() ? TakeNotices() : std::vector<std::string>();
  }
  return {};
}

Result<void> PostgresqlConnection::Commit() {
  const auto unclear = [](const std::string& what) {
    return SystemFailure("ledger.unclear", "it is not known whether the ledger's database has kept this: " + what,
                         "see that it and its standby run, then type the command again: what was kept is found");
  };
  std::vector<Question> questions = std::exchange(queued_, {});
  const size_t commit = questions.size();
  questions.push_back({.name = "", .sql = "COMMIT", .parameters = {}});
  const std::vector<Question> after = std::exchange(after_commit_, {});
  questions.insert(questions.end(), after.begin(), after.end());
  if (!usable()) return Lost("the connection was lost");
  warning_->clear();
  std::string tag;
  const Result<std::vector<Result<Rows>>> answers = Exchange(questions, commit, 0, &tag);
  if (!answers.ok()) return unclear(answers.error().message);
  for (size_t i = 0; i < commit; ++i) {
    if (!(*answers)[i].ok()) return (*answers)[i].error();  // so that nothing was committed
  }
  const Result<Rows>& done = (*answers)[commit];
  if (!done.ok()) {
    if (done.error().rule != "ledger.unreachable") return done.error();
    return unclear(done.error().message);
  }
  if (!warning_->empty()) return unclear(*warning_);
  if (tag == "COMMIT") return {};
  return SystemFailure("ledger.input-output", "the ledger's database has taken the transaction back", "try again");
}

Result<std::shared_ptr<PostgresqlLock>> PostgresqlLock::Take(const std::string& url, std::string_view name,
                                                             std::string_view log) {
  Result<PostgresqlConnection> connection = PostgresqlConnection::Open(url, LedgerAccess::kReadWrite, {});
  if (!connection.ok()) return connection.error();
  std::shared_ptr<PostgresqlLock> lock(new PostgresqlLock(std::move(*connection), url, name, log));
  const Result<bool> taken = lock->TakeAgain();
  if (!taken.ok()) return taken.error();
  if (!*taken) lock.reset();
  return lock;
}

Result<bool> PostgresqlLock::TakeAgain() {
  if (!connection_) return Unreachable("the connection was lost");
  const Result<Rows> rows = connection_->Ask(
      "SELECT CASE WHEN pg_try_advisory_lock(hashtextextended(concat_ws('/', $1, current_schema(), $2), 0))"
      " THEN 1::int8 ELSE 0::int8 END",
      {Text(name_), Text(log_)}, 1);
  if (!rows.ok()) return rows.error();
  if (rows->size() != 1 || rows->front().size() != 1) return Damaged("the ledger's database locks nothing");
  const Result<uint64_t> taken = NumberOf(rows->front().front());
  if (!taken.ok()) return taken.error();
  return *taken != 0;
}

void PostgresqlLock::Release() {
  if (!connection_) return;
  const Result<Rows> released = connection_->Ask(
      "SELECT CASE WHEN pg_advisory_unlock(hashtextextended(concat_ws('/', $1, current_schema(), $2), 0))"
      " THEN 1::int8 ELSE 0::int8 END",
      {Text(name_), Text(log_)}, 1);
  if (!released.ok()) connection_.reset();
}

}  // namespace pawl::ledger
