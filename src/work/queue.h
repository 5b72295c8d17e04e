// The queue of work in PostgreSQL, of parts of proofs and batches of trials: whoever asks puts them there, workers take
// them by lease.
//
//   Result<Queue> queue = Queue::Open(url, QueueSide::kAsker);                  // makes the tables where it may
//   Result<void> begun = queue->Begin(job);
//   Result<std::vector<AnsweredPart>> answers = queue->Answers(job.id, 16);
//
//   Result<Queue> queue = Queue::Open(url, QueueSide::kWorker);
//   Result<std::optional<TakenPart>> taken = queue->Take(key_text, {kProofKind}, 15'000, {});
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
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "crypto/digest.h"
#include "crypto/note_key.h"
#include "ledger/postgresql_connection.h"
#include "result/result.h"

namespace pawl::work {

inline constexpr std::size_t kFileBytesMax = std::size_t{64} << 20;  // one file of a job
inline constexpr int kAskerSilence_ms = 60'000;

// What a job is, for workers to choose by.
inline constexpr char kProofKind[] = "proof";

struct Job {
  std::string id;  // 16 random bytes
  std::string kind;
  std::string claim;                  // see part_answer.h
  std::vector<std::string> files;     // that the claim names by their digests
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

// That whoever asks does itself.
struct OwnPart {
  int64_t part = 0;
  bool held = false;  // by somebody else as well
};

struct AnsweredPart {
  int64_t part = 0;
  std::string answer;  // as the worker has signed it
  std::string signature;
};

// What a worker was shut out for, for a person to look at.
struct Evidence {
  std::string claim, question, answer, signature;
};

// ---- For people, as the database says.
struct ListedJob {
  std::string job, kind;
  uint64_t waiting = 0, held = 0, answered = 0;  // parts
};
struct ListedPart {
  std::string job;
  int64_t part = 0;
  std::string holder;                  // a verifier key
  uint64_t held_ms = 0, lease_ms = 0;  // for how long, and until it is another's
};
struct ListedWorker {
  std::string key, why;
  uint64_t at_s = 0;  // POSIX
};
struct Listing {
  std::vector<ListedJob> jobs;
  std::vector<ListedPart> held;
  std::vector<ListedWorker> shut_out;
};
inline constexpr std::size_t kListedMax = 1'000;  // of each

// Where somebody asks, and whom.
struct WhoIsAsked {
  enum class Whom { kNobody, kOthers, kThisKey, kThisKeyOtherKinds } whom = Whom::kNobody;
  std::string kind;  // kThisKeyOtherKinds: one of them
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
  // One for whoever asks to do itself, which nobody then takes for an hour: one that waits, the last first, else one
  // that somebody has held for longer than this, and may still answer. Nothing where there is none.
  Result<std::optional<OwnPart>> TakeOwn(const std::string& job, int64_t held_ms_max);
  // Without its answer, for whoever takes it next.
  Result<void> PutBack(const std::string& job, int64_t part);
  // Parts that somebody has held for longer than this without an answer, however often the lease was extended. Gives
  // the holders' keys by the database's word, which whoever may write to it can change.
  Result<std::vector<std::string>> TakeFromHolders(const std::string& job, int64_t held_ms_max);
  Result<void> End(const std::string& job);
  // Of every job, until a person lets it in again.
  Result<void> ShutOut(const std::string& key, const std::string& why, const Evidence& evidence);
  // Of this job alone.
  Result<void> AskNoMore(const std::string& job, const std::string& key);

  // ---- people
  Result<Listing> List();
  // kNotFound "work.not-shut-out".
  Result<Evidence> EvidenceAgainst(const std::string& key);
  Result<void> Readmit(const std::string& key);

  // ---- both
  // Why a worker was shut out, or nothing.
  Result<std::optional<std::string>> WhyShutOut(const std::string& key);

  // ---- workers
  // Of jobs of these kinds that enrol this key and are not listed. Nothing where there is none to take.
  Result<std::optional<TakenPart>> Take(const std::string& key, const std::vector<std::string>& kinds, int64_t lease_ms,
                                        const std::vector<std::string>& jobs_refused);
  Result<WhoIsAsked> Whom(const std::string& key, const std::vector<std::string>& kinds);
  // Without its files and enrolled keys. "work.job-gone".
  Result<Job> Read(const std::string& job);
  // "work.job-gone"; "work.too-large"; kRefused "work.other-files" where its bytes do not have the digest.
  Result<std::string> ReadFile(const std::string& job, const crypto::Digest& digest, std::size_t bytes_max);
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

// The queue, for whoever asks these workers, by name. Those whom it shuts out are taken from `enrolled` and put into
// `shut_out` with why, in the words of whoever may write to the queue.
Result<Queue> OpenToAsk(const std::string& url, std::map<std::string, crypto::NoteKey>& enrolled,
                        std::map<std::string, std::string>& shut_out);
// kSystem "work.random".
Result<std::string> NewJobId();

}  // namespace pawl::work
