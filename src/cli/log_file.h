// What Pawl notes about its own running: a rotating file for --log-file, and more on standard error for --verbose.
//
//   Result<void> opened = OpenLog("/var/log/pawl.log", LogVerbosity::kNormal);
//   LogLine(LogLevel::kInfo, "release p3: begins");
//
// A line is "<UTC time> <level> [<process>] <text>"; control characters of others are made visible. The file and two
// older ones of kLogBytesMax bytes each are all there ever is. Notes name commands, paths, rules and outcomes, never
// arguments, keys or the contents of files. Before OpenLog, and without a file, lines are dropped.
//
// This is for whoever runs Pawl. What happened to proposals stands in the ledger.
//
// Thread safety: one thread; processes that share a file interleave whole lines, and only one of them should rotate it.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "result/result.h"

namespace pawl::cli {

inline constexpr size_t kLogBytesMax = size_t{4} << 20;
inline constexpr size_t kOlderLogs = 2;

enum class LogLevel { kDebug, kInfo, kError };
enum class LogVerbosity {
  kNormal,
  kVerbose,  // debug lines as well, and all of it on standard error
};

// kSystem "log.open" for a file that cannot be written. `path` may be empty: no file.
Result<void> OpenLog(const std::string& path, LogVerbosity verbosity);
void LogLine(LogLevel level, std::string_view text);

}  // namespace pawl::cli
