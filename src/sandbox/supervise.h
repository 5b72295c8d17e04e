// Watches a job from the start of the helper to the death of everything.
#pragma once

#include <cstdint>
#include <optional>
#include <stop_token>
#include <string>

#include "sandbox/cgroup.h"
#include "sandbox/helper_process.h"
#include "sandbox/sandbox.h"

namespace pawl::sandbox {

// Why the watch ended.
enum class StopReason {
  kEnded,  // everything ended by itself
  kWall,   // killed: limits
  kCpu,
  kMemory,
  kProcesses,
  kFlood,
  kRequested,     // killed: the caller asked
  kSetupTimeout,  // killed: the program could not be started in time
  kUndead,        // killed, but not dead after half a minute
};

struct Supervision {
  StopReason reason = StopReason::kEnded;
  bool started = false;           // process 1 was told to start the program
  std::optional<Report> failure;  // a set-up step that failed
  std::optional<Report> not_executed;
  std::optional<Report> ended;
  Descriptor out;  // the directory /out
  std::string standard_output, standard_error;
  std::int64_t wall_ms = 0;
};

// Returns when every process of the job is dead (or reason is kUndead). While it waits it sleeps; counters of control
// groups are read every 50 ms, so a limit on CPU time, memory or processes is noticed at most that much late.
Supervision Supervise(HelperProcess& helper, const ControlGroups& groups, const Limits& limits,
                      const std::stop_token& stop);

}  // namespace pawl::sandbox
