// Whether the log and the clock allow a step now: halts, the interval between releases, releases per window.
//
//   PaceReport pace = CheckPace(history, Action::kRelease, now);
//   if (!pace.allowed) …          // pace.reason says why, pace.allowed_from when it will be
//
// The loader enforces the same from its own state and the times of the log (spec/warrant.md, `pace.*`).
// Thread safety: pure function.
#pragma once

#include <cstdint>
#include <string>

#include "audit/history.h"

namespace pawl::oversight {

struct PaceReport {
  bool allowed = false;
  std::string rule{};    // "halt.in-force", "acceleration.alarm", "pace.interval", "pace.window"; empty where allowed
  std::string reason{};  // a sentence; empty where allowed
  int64_t allowed_from = 0;  // POSIX seconds; 0 where people have to act first
};

// Halts stop every action. An open alarm stops releases and amendments: while a subject grows too fast, going back to
// what was live before is what should stay possible.
PaceReport CheckStops(const audit::History& history, warrant::Action action);

// The same, and interval and window, which hold releases back.
PaceReport CheckPace(const audit::History& history, warrant::Action action, int64_t now_s);

}  // namespace pawl::oversight
