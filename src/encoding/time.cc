#include "encoding/time.h"

#include <cassert>
#include <chrono>
#include <cstdio>

#include "encoding/number.h"

namespace pawl::encoding {
namespace {

using std::chrono::days;
using std::chrono::sys_days;

struct Unit {
  char letter;
  int64_t seconds;
};
constexpr Unit kUnits[] = {{'d', 86'400}, {'h', 3'600}, {'m', 60}, {'s', 1}};
constexpr int64_t kDurationMax_s = int64_t{10'000} * 366 * 86'400;

}  // namespace

std::string TimeText(int64_t time_s) {
  assert(time_s >= kTimeMin_s && time_s <= kTimeMax_s);
  const std::chrono::sys_seconds time{std::chrono::seconds{time_s}};
  const sys_days day = std::chrono::floor<days>(time);
  const std::chrono::year_month_day date{day};
  const std::chrono::hh_mm_ss clock{time - day};
  char text[80];
  std::snprintf(text, sizeof text, "%04d-%02u-%02uT%02d:%02d:%02dZ", static_cast<int>(date.year()),
                static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
                static_cast<int>(clock.hours().count()), static_cast<int>(clock.minutes().count()),
                static_cast<int>(clock.seconds().count()));
  return text;
}

Result<int64_t> ParseTime(std::string_view text) {
  const Error malformed = Malformed("time.malformed", "not a time of the form 2026-01-31T23:59:59Z");
  if (text.size() != 20) return malformed;
  // Digits at fixed places; whatever else is wrong shows when the time is written again.
  const auto field = [&](size_t begin, size_t length) {
    int value = 0;
    for (const char c : text.substr(begin, length)) value = value * 10 + (c >= '0' && c <= '9' ? c - '0' : 0);
    return value;
  };
  const std::chrono::year_month_day date{std::chrono::year{field(0, 4)},
                                         std::chrono::month{static_cast<unsigned>(field(5, 2))},
                                         std::chrono::day{static_cast<unsigned>(field(8, 2))}};
  if (!date.ok()) return malformed;
  const int64_t time_s = int64_t{sys_days{date}.time_since_epoch().count()} * 86'400 + field(11, 2) * 3'600 +
                         field(14, 2) * 60 + field(17, 2);
  if (time_s < kTimeMin_s || time_s > kTimeMax_s || TimeText(time_s) != text) return malformed;
  return time_s;
}

Result<int64_t> ParseDuration(std::string_view text) {
  for (const auto& [letter, seconds] : kUnits) {
    if (text.empty() || text.back() != letter) continue;
    const Result<uint64_t> count = ParseUnsigned(text.substr(0, text.size() - 1), kDurationMax_s / seconds);
    if (count.ok()) return static_cast<int64_t>(*count) * seconds;
  }
  return Malformed("duration.malformed", "not a duration such as 90s, 15m, 24h or 7d");
}

std::string DurationText(int64_t duration_s) {
  assert(duration_s >= 0);
  for (const auto& [letter, seconds] : kUnits) {
    if (duration_s > 0 && duration_s % seconds == 0) return std::to_string(duration_s / seconds) + letter;
  }
  return "0s";
}

}  // namespace pawl::encoding
