// One connection to a PostgreSQL server that is not trusted: every question has parameters instead of text put
// together, a time by which it is answered, and limits on what is taken in.
//
//   Result<PostgresqlConnection> connection = PostgresqlConnection::Open(url, LedgerAccess::kReadWrite, {});
//   Result<Rows> rows = connection->Ask("SELECT seq FROM pawl_events WHERE log = $1", {Text(log)}, 100);
//
// Values go and come in PostgreSQL's binary form. libpq itself takes in one message of the server's whole, whatever its
// size, before it shows it: a hostile server can make a process use that much memory (docs/postgresql.md).
//
// Thread safety: belongs to one thread at a time.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "ledger/ledger.h"
#include "ledger/libpq.h"
#include "result/result.h"

namespace pawl::ledger {

struct PostgresqlTimeouts {
  int connect_s = 10;
  int answer_ms = 60'000;     // measured here, whatever the server does
  int statement_ms = 30'000;  // statement_timeout; it does not end a COMMIT that waits for a standby
  int lock_ms = 10'000;       // lock_timeout
};

// A parameter in binary form.
struct Parameter {
  Oid type = 0;
  std::string bytes;
};
Parameter Text(std::string_view text);
Parameter Bytes(std::string_view bytes);
Parameter Integer(int64_t value);
Parameter IntegerArray(std::span<const int64_t> values);
Parameter BytesArray(std::span<const std::string> values);

// Fields as they came; never null.
using Row = std::vector<std::string>;
using Rows = std::vector<Row>;

// "ledger.damaged" where a field is no 8-byte integer of 0 or more.
Result<uint64_t> NumberOf(std::string_view field);

inline constexpr size_t kNoticesMax = 1'024;  // that are told apart at a time

class PostgresqlConnection {
 public:
  // At the first of the URL's hosts that lets us in and is the primary, whatever the others say. kSystem
  // "ledger.unreachable" with what each has said, "ledger.libpq"; Refused "ledger.not-durable", for writers, where the
  // server would acknowledge what is not on disk. The URL's own settings go before Pawl's (connect_timeout, keepalives,
  // target_session_attrs).
  static Result<PostgresqlConnection> Open(const std::string& url, LedgerAccess access, PostgresqlTimeouts timeouts);

  // At most rows_max rows, of fields of at most kNoteBytesMax + 1 bytes each: more is "ledger.damaged". Errors have the
  // ledger's rules; after one that left the connection unusable, usable() is false.
  Result<Rows> Ask(const char* sql, const std::vector<Parameter>& parameters, size_t rows_max);

  // A question whose answer nothing waits for: it goes out with the next Ask or Commit, in one round trip with it.
  // Where it fails, what comes after it is not done, and that Ask or Commit gives its error. At most one row, which is
  // dropped.
  Result<void> Queue(const char* sql, const std::vector<Parameter>& parameters);
  void DropQueue() { queued_.clear(); }

  // LISTEN and NOTIFY. A notice says nothing that is believed: it wakes whoever waits, who then looks. Channels are
  // names of this program's own. AwaitNotice returns at the first notice on any of the channels, after the time, or
  // when the connection is lost; notices that came during an Ask count. It gives the payloads of those that have come,
  // in any order; kNoticesMax of them stand for more, and nothing for none.
  Result<void> Listen(std::string_view channel);
  // Also returns when `also`, a descriptor or -1, can be read.
  std::vector<std::string> AwaitNotice(int timeout_ms, int also = -1);
  // Not durably, so that its lock is held for a moment alone.
  Result<void> Notify(std::string_view channel, std::string_view payload);

  // COMMIT, of what is queued as well. "ledger.unclear" where it is not known what became of it, or whether a standby
  // has it.
  Result<void> Commit();
  // Notify, in one round trip with the next Commit, and only where that is done.
  Result<void> NotifyAfterCommit(std::string_view channel, std::string_view payload);

  // Whether a transaction has begun on the server and not ended.
  bool in_transaction() const;
  bool usable() const { return connection_ != nullptr && pq_->status(connection_.get()) == CONNECTION_OK; }

 private:
  PostgresqlConnection(const Libpq* pq, PGconn* connection, PostgresqlTimeouts timeouts);
  Result<void> SetUp(LedgerAccess access);
  // A question as it goes out; without a name its text does.
  struct Question {
    std::string name;
    const char* sql = nullptr;
    std::vector<Parameter> parameters;
  };
  Result<std::string> Prepare(const char* sql, const std::vector<Oid>& types);
  Result<Question> Prepared(const char* sql, const std::vector<Parameter>& parameters);
  bool Send(const Question& question);
  Result<std::vector<Result<Rows>>> Exchange(const std::vector<Question>& questions, size_t asked, size_t rows_max,
                                             std::string* tag);
  enum class Alone { kYes, kInPipeline };
  Result<Rows> Take(size_t rows_max, std::string* tag, Alone alone);
  Result<void> AwaitAnswer(int64_t deadline_ms);
  std::vector<std::string> TakeNotices();
  Error Lost(const std::string& what);

  const Libpq* pq_;
  std::unique_ptr<PGconn, decltype(Libpq::finish)> connection_;
  PostgresqlTimeouts timeouts_;
  std::vector<Question> queued_, after_commit_;
  std::map<std::string, std::string, std::less<>> prepared_;  // statements by text, with their names
  std::unique_ptr<std::string> warning_;  // the last one; behind a pointer, since libpq keeps its address
};

// Held until it is destroyed, or its connection ends.
class PostgresqlLock {
 public:
  // One holder for each name and log of a database. Nothing where another session holds it; does not wait.
  static Result<std::shared_ptr<PostgresqlLock>> Take(const std::string& url, std::string_view name,
                                                      std::string_view log);

  // Lets go of it and keeps the session, which costs the server more than all that is asked in it. Where that fails the
  // session ends, and the lock with it.
  void Release();
  // After Release, in the same session: whether it was free. An error where the session is gone: Take another.
  Result<bool> TakeAgain();
  const std::string& url() const { return url_; }

 private:
  PostgresqlLock(PostgresqlConnection connection, std::string url, std::string_view name, std::string_view log)
      : connection_(std::move(connection)), url_(std::move(url)), name_(name), log_(log) {}
  std::optional<PostgresqlConnection> connection_;
  std::string url_, name_, log_;
};

}  // namespace pawl::ledger
