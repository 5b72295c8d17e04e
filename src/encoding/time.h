// Points in time and durations in text.
//
//   TimeText(0) == "1970-01-01T00:00:00Z"        ParseTime("2026-02-30T00:00:00Z")   // error: no such day
//   ParseDuration("24h") == 86400                DurationText(604800) == "7d"
//
// Times are POSIX seconds (UTC, no leap seconds). The text is the RFC 3339 form with upper-case T and Z, whole seconds,
// and years 0001 to 9999. Thread safety: pure functions.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "result/result.h"

namespace pawl::encoding {

inline constexpr int64_t kTimeMin_s = -62135596800;  // 0001-01-01T00:00:00Z
inline constexpr int64_t kTimeMax_s = 253402300799;  // 9999-12-31T23:59:59Z

// Requires kTimeMin_s <= time_s <= kTimeMax_s.
std::string TimeText(int64_t time_s);
// Accepts exactly what TimeText prints; fails with "time.malformed".
Result<int64_t> ParseTime(std::string_view text);

// A whole number without sign or leading zero, followed by one of s, m, h, d ("90s", "15m", "24h", "7d"), at most
// ten thousand years; zero is "0s". Returns seconds; fails with "duration.malformed". Different texts may mean the same
// duration.
Result<int64_t> ParseDuration(std::string_view text);
// The text with the largest unit that divides evenly. Requires duration_s >= 0.
std::string DurationText(int64_t duration_s);

}  // namespace pawl::encoding
