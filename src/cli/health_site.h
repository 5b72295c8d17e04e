// How the subjects that a command looks after are, for HealthServer.
//
//   HealthSite health;
//   if (Result<void> begun = health.Listen("127.0.0.1:9464"); !begun.ok()) …
//   health.Tell("engine", {.events = 120, .open = 1, .looked_s = now});
//   health.TellBroken("engine", "ledger.root");
//
// It says what was told last, and when that was: a look that hangs shows in pawl_looked_time_seconds.
//
// Thread safety: one thread tells; the server has its own.
#pragma once

#include <cstdint>
#include <map>
#include <mutex>
#include <string>

#include "cli/health_server.h"
#include "result/result.h"

namespace pawl::cli {

// How one subject stood at the last look that succeeded.
struct LookedAt {
  uint64_t events = 0;   // entries of its ledger
  uint64_t open = 0;     // proposals without an outcome
  int64_t looked_s = 0;  // POSIX seconds
};

class HealthSite {
 public:
  HealthSite() = default;
  HealthSite(const HealthSite&) = delete;
  HealthSite& operator=(const HealthSite&) = delete;

  Result<void> Listen(const std::string& where);
  std::string address() const { return server_.address(); }

  // From now on it is looked after: without a look that succeeds it is not readable, and was looked at in 1970.
  void Begin(const std::string& subject);
  void Tell(const std::string& subject, const LookedAt& looked);
  // What it was told of the subject before still stands, and is not well.
  void TellBroken(const std::string& subject, const std::string& rule);
  // Votes and closing statements that were signed, or proposals that moved.
  void CountActs(const std::string& subject, uint64_t acts);

 private:
  std::string Wrong() const;
  std::string Metrics() const;

  struct Subject {
    LookedAt looked;
    std::string rule;  // empty: well
    uint64_t acts = 0;
  };
  mutable std::mutex mutex_;
  std::map<std::string, Subject> subjects_;
  HealthServer server_;  // ends first
};

}  // namespace pawl::cli
