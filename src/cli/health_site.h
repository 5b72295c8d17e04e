// /healthz and /metrics of commands that run for long and have no server of their own, on a thread beside the work.
//
//   HealthSite health;
//   if (Result<void> begun = health.Listen("127.0.0.1:9464"); !begun.ok()) …
//   health.Tell("engine", {.events = 120, .open = 1, .looked_s = now});
//   health.TellBroken("engine", "ledger.root");
//
// What it says is numbers, rules and names of subjects; anybody who reaches the address may read it. It says what was
// told last, and when that was: a look that hangs shows in pawl_looked_time_seconds.
//
// Thread safety: one thread tells; the server has its own.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

#include "cli/command.h"
#include "result/result.h"
#include "server/http_message.h"
#include "server/http_server.h"

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

  // Begins to answer at ADDRESS:PORT, until the object ends. As HttpServer::Listen says.
  Result<void> Listen(const std::string& where);
  // "" before Listen.
  std::string address() const { return server_ ? server_->address() : std::string(); }

  // From now on it is looked after: without a look that succeeds it is not readable, and was looked at in 1970.
  void Begin(const std::string& subject);
  void Tell(const std::string& subject, const LookedAt& looked);
  // What it was told of the subject before still stands, and is not well.
  void TellBroken(const std::string& subject, const std::string& rule);
  // Votes and closing statements that were signed, or proposals that moved.
  void CountActs(const std::string& subject, uint64_t acts);

  server::HttpResponse Answer(const server::HttpRequest& request) const;

 private:
  struct Subject {
    LookedAt looked;
    std::string rule;  // empty: well
    uint64_t acts = 0;
  };
  mutable std::mutex mutex_;
  std::map<std::string, Subject> subjects_;
  std::optional<server::HttpServer> server_;
  std::jthread thread_;  // ends first
};

inline constexpr char kHealthHelp[] = "ADDRESS:PORT that answers /healthz and /metrics (Prometheus)";

// Where an address was given: listens there, and notes which it is in the log.
Result<void> ListenForHealth(const Globals& globals, HealthSite& health, const std::string& where);

}  // namespace pawl::cli
