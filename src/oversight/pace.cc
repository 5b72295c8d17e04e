#include "oversight/pace.h"

#include <algorithm>

#include "encoding/time.h"
#include "oversight/acceleration.h"

namespace pawl::oversight {

PaceReport CheckStops(const audit::History& history, warrant::Action action) {
  for (const audit::LoggedHalt& halt : history.halts()) {
    if (!halt.lifted) {
      return {.allowed = false,
              .rule = "halt.in-force",
              .reason = "halted by " + halt.principal + ": " + halt.decision.reason,
              .allowed_from = 0};
    }
  }
  if (action == warrant::Action::kRollback) return {.allowed = true};
  Result<std::vector<AccelerationAlarm>> alarms = OpenAlarms(history);
  if (!alarms.ok()) return {.allowed = false, .rule = alarms.error().rule, .reason = alarms.error().message};
  if (!alarms->empty()) return {.allowed = false, .rule = "acceleration.alarm", .reason = alarms->front().reason};
  return {.allowed = true};
}

PaceReport CheckPace(const audit::History& history, warrant::Action action, int64_t now_s) {
  if (PaceReport stops = CheckStops(history, action); !stops.allowed) return stops;
  if (action != warrant::Action::kRelease || history.releases().empty()) return {.allowed = true};
  const charter::Pace& pace = history.charter().pace;
  const int64_t next = history.releases().back().time + pace.min_interval_s;
  if (now_s < next) {
    return {.allowed = false,
            .rule = "pace.interval",
            .reason = "the charter allows the next release from " + encoding::TimeText(next) + " on",
            .allowed_from = next};
  }
  // The window is full while the max_releases-th release from the end lies within it.
  const auto& releases = history.releases();
  const auto full = static_cast<size_t>(pace.max_releases);
  if (releases.size() >= full) {
    const int64_t free_at = releases[releases.size() - full].time + pace.window_s;
    if (now_s < free_at) {
      return {.allowed = false,
              .rule = "pace.window",
              .reason = std::to_string(pace.max_releases) +
                        " releases in the charter's window already; the next from " + encoding::TimeText(free_at) +
                        " on",
              .allowed_from = free_at};
    }
  }
  return {.allowed = true};
}

}  // namespace pawl::oversight
