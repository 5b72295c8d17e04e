// What happens to a subject, as server-sent events, for any number of followers.
//
//   EventFeed feed(log, now_s);
//   std::function<std::optional<std::string>()> more = feed.Follow(request.Field("last-event-id"));
//   HttpResponse{.status = 200, .content_type = kEventStream, .more = more};
//
// Events, each with JSON in one line as its data; openapi.json describes them:
//   subject   how the subject stands, halts of the loader included: at the beginning and whenever it changes
//   proposal  how a proposal stands, once for each that new entries are about
//   entry     an entry of the ledger, in log order; none is left out
//   reset     what follows is not what was asked for: load everything anew
//   failure   the ledger cannot be read at the moment
// An event's id is the number of entries that the follower then has. Who comes back with it as Last-Event-ID goes on
// there; who is more than kResumeMax behind, or names what was never sent, gets a reset.
//
// The ledger is asked at most every kRenewEvery, however many follow. Thread safety: the log's thread; a feed outlives
// what Follow gives, and the log outlives the feed.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>

#include "ledger/subject_log.h"
#include "result/result.h"

namespace pawl::site {

inline constexpr char kEventStream[] = "text/event-stream; charset=utf-8";
inline constexpr uint64_t kResumeMax = 1'000;
inline constexpr uint64_t kEntriesPerBatch = 50;
inline constexpr std::chrono::milliseconds kRenewEvery{250};

class EventFeed {
 public:
  EventFeed(ledger::SubjectLog& log, std::function<int64_t()> now_s);

  // Gives what is new since it was last called, at most one batch; never an end.
  std::function<std::optional<std::string>()> Follow(const std::optional<std::string>& last_event_id);

 private:
  struct Follower;
  void Renew();
  std::string More(Follower& follower);
  // Proposals as they stand and `count` entries from `first` on.
  Result<std::string> Batch(uint64_t first, uint64_t count);

  ledger::SubjectLog& log_;
  std::function<int64_t()> now_s_;
  std::optional<std::chrono::steady_clock::time_point> renewed_;
  uint64_t size_ = 0;
  std::map<uint64_t, std::string> batches_;       // by their first entry, at this size
  std::string subject_, failure_;                 // data of the latest such event; none is empty
  uint64_t subject_turn_ = 0, failure_turn_ = 0;  // how often they have changed
};

}  // namespace pawl::site
