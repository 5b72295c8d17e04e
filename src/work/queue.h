// The queue of proof parts in PostgreSQL: whoever asks puts them there, workers take them by lease.
//
//   Result<Queue> queue = Queue::Open(url, QueueSide::kAsker);                  // makes the tables where it may
//   Result<void> begun = queue->Begin(job);
//   Result<std::vector<AnsweredPart>> answers = queue->Answers(job.id, 16);
//
//   Result<Queue> queue = Queue::Open(url, QueueSide::kWorker);
//   Result<std::optional<TakenPart>> taken = queue->Take(key_text, 15'000, {});
//   Result<bool> held = queue->Extend(*taken, 15'000);                          // false: somebody else has it now
//   Result<bool> there = queue->Answer(*taken, answer);
//
// A part is taken with SELECT … FOR UPDATE SKIP LOCKED, the largest first, and is the taker's until its lease runs out
// by the server's clock; then anybody takes it again. Jobs whose asker has not been heard of for a minute are not
// handed out. The tables are no log and nobody's memory: rows change, and a job's go with it. Nothing in them is
// believed: whoever asks checks each answer, and what a lying database can do is to waste time (docs/postgresql.md).
//
// Thread safety: belongs to one thread at a time.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "ledger/postgresql_connection.h"
#include "result/result.h"

namespace pawl::work {

inline constexpr std::size_t kFileBytesMax = std::size_t{64} << 20;   // of a network or a property
inline constexpr std::size_t kAnswerBytesMax = std::size_t{6} << 20;  // see part_answer.h
inline constexpr std::size_t kQuestionBytesMax = std::size_t{64} << 10;
inline constexpr int kAskerSilence_ms = 60'000;

struct Job {
  std::string id;                     // 16 random bytes
  std::string claim;                  // see ClaimOf in part_answer.h
  std::string network;                // ONNX
  std::string property;               // VNN-LIB
  std::vector<std::string> enrolled;  // verifier keys of the workers that may take its parts, as text
};

struct NewPart {
  int64_t part = 0;
  int64_t depth = 0;     // the smaller, the larger the part
  std::string question;  // see part_answer.h
};

struct TakenPart {
  std::string job;
  int64_t part = 0, attempt = 0;
  std::string question;
};

struct AnsweredPart {
  int64_t part = 0;
  std::string answer;  // as the worker has signed it
  std::string signature;
};

enum class QueueSide { kAsker, kWorker };

class Queue {
 public:
  // Errors are those of PostgresqlConnection; "ledger.schema" where there are no tables and this user may not make
  // them.
  static Result<Queue> Open(const std::string& url, QueueSide side);

  // ---- whoever asks
  Result<void> Begin(const Job& job);
  Result<void> Add(const std::string& job, const std::vector<NewPart>& parts);
  // Also says that the asker is there. kNotFound "work.job-gone" where the job is not there any more.
  Result<void> KeepAlive(const std::string& job);
  // At most so many, whole, each part once; an answer that is larger than it may be comes as an empty one.
  Result<std::vector<AnsweredPart>> Answers(const std::string& job, size_t count_max);
  Result<void> Remove(const std::string& job, int64_t part);
  // Waits until somebody has put something into the queue, or the time is over; nothing that a notice says is believed.
  void AwaitChange(int timeout_ms);
  // Without its answer, for whoever takes it next.
  Result<void> PutBack(const std::string& job, int64_t part);
  // Parts that somebody has held for longer than this without an answer, however often the lease was extended.
  Result<void> TakeFromHolders(const std::string& job, int64_t held_ms_max);
  Result<void> End(const std::string& job);
  // For good: until somebody deletes the row.
  Result<void> ShutOut(const std::string& key, const std::string& why);

  // ---- both
  // Why a worker was shut out, or nothing.
  Result<std::optional<std::string>> WhyShutOut(const std::string& key);

  // ---- workers
  // Of jobs that enrol this key and are not listed. Nothing where there is none to take.
  Result<std::optional<TakenPart>> Take(const std::string& key, int64_t lease_ms,
                                        const std::vector<std::string>& jobs_refused);
  // Whether somebody asks, and enrols this key.
  enum class Asked { kByNobody, kOfOthers, kOfThisKey };
  Result<Asked> WhoIsAsked(const std::string& key);
  // Without its enrolled keys. "work.job-gone".
  Result<Job> Read(const std::string& job);
  Result<bool> Extend(const TakenPart& taken, int64_t lease_ms);
  Result<bool> Answer(const TakenPart& taken, const std::string& answer, const std::string& signature);
  Result<void> GiveBack(const TakenPart& taken);

 private:
  Queue(ledger::PostgresqlConnection connection, std::string url)
      : connection_(std::move(connection)), url_(std::move(url)) {}
  // A lost connection costs one more try: everything here may be done twice.
  Result<ledger::Rows> Ask(const char* sql, const std::vector<ledger::Parameter>& parameters, size_t rows_max);
  Result<std::string> ReadBytes(const char* sql, const std::vector<ledger::Parameter>& which, size_t bytes_max);

  void Announce();

  ledger::PostgresqlConnection connection_;
  std::string url_;
};

}  // namespace pawl::work
