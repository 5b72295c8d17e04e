// How a worker is, for HealthServer: whether the queue answers, and what it has worked on.
//
//   WorkHealth health;
//   if (Result<void> begun = health.Listen("127.0.0.1:9464"); !begun.ok()) …
//   options.looked = [&] { health.TellLooked(std::time(nullptr)); };
//   options.troubled = [&](const Error& error) { health.TellTroubled(error.rule); };
//
// Thread safety: one thread tells; the server has its own.
#pragma once

#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <utility>

#include "cli/health_server.h"
#include "result/result.h"
#include "work/worker.h"

namespace pawl::cli {

class WorkHealth {
 public:
  WorkHealth() = default;
  WorkHealth(const WorkHealth&) = delete;
  WorkHealth& operator=(const WorkHealth&) = delete;

  Result<void> Listen(const std::string& where);
  std::string address() const { return server_.address(); }

  // The queue has answered; until it first has, nothing is wrong, and it was looked at in 1970.
  void TellLooked(int64_t now_s);
  void TellTroubled(const std::string& rule);
  void TellWorked(const work::WorkedPart& part);

 private:
  std::string Wrong() const;
  std::string Metrics() const;

  struct Tally {
    uint64_t parts = 0;
    double seconds = 0;
  };
  mutable std::mutex mutex_;
  int64_t looked_s_ = 0;
  std::string rule_;                                              // empty: well
  std::map<std::pair<std::string, std::string>, Tally> tallies_;  // by kind and outcome
  uint64_t leaves_ = 0, episodes_ = 0;
  HealthServer server_;  // ends first
};

}  // namespace pawl::cli
