// What Pawl notes about its own running: a rotating file for --log-file, standard error for --verbose, for people or
// for programs (--log-format).
//
//   Result<void> opened = OpenLog({.path = "/var/log/pawl.log", .command = "oversee"});
//   LogLine(LogLevel::kInfo, "voted: for", {{"subject", "engine"}, {"proposal", "p3"}, {"trace_id", trace}});
//
// As text a line is "<UTC time> <level> [<process>] <command>: <text> <name>=<value>…", as JSON one object on one line,
// in ASCII:
//
//   {"time":"2026-11-26T20:41:53.123Z","level":"info","process":812,"command":"oversee","message":"voted: for",…}
//
// Control characters of others are made visible in both, and no text is longer than kLogTextBytesMax. The file and two
// older ones of kLogBytesMax bytes each are all there ever is. Notes name commands, paths, rules and outcomes, never
// arguments, keys or the contents of files. Before OpenLog, and where it has nowhere to write, lines are dropped.
//
// This is for whoever runs Pawl. What happened to proposals stands in the ledger.
//
// Thread safety: OpenLog belongs to one thread, before there are others. Processes that share a file interleave whole
// lines, and only one of them should rotate it.
#pragma once

#include <cstddef>
#include <initializer_list>
#include <string>
#include <string_view>

#include "result/result.h"

namespace pawl::cli {

inline constexpr size_t kLogBytesMax = size_t{4} << 20;
inline constexpr size_t kOlderLogs = 2;
inline constexpr size_t kLogTextBytesMax = 8'192;

enum class LogLevel { kDebug, kInfo, kError };
enum class LogVerbosity {
  kNormal,
  kVerbose,  // debug lines as well, and all of it on standard error
};
enum class LogFormat {
  kText,
  kJson,  // and on standard error where there is no file
};

struct LogOptions {
  std::string path = {};  // empty: no file
  LogVerbosity verbosity = LogVerbosity::kNormal;
  LogFormat format = LogFormat::kText;
  std::string command = {};  // "witness run": what every line says first
};

// One more member of a line. Names are those of docs/operations.md: subject, proposal, trace_id, reviewer, rule,
// status, method, target, caller_trace_id, caller_span_id. One without a value is left out.
struct LogField {
  std::string_view name;
  std::string_view value;
};

// kSystem "log.open" for a file that cannot be written; Refused "log.not-a-log" for one that is not a log, or a log in
// the other format.
Result<void> OpenLog(const LogOptions& options);
void LogLine(LogLevel level, std::string_view text, std::initializer_list<LogField> fields = {});
// Whether standard error has these lines as JSON, and nothing else should stand there.
bool LogsJsonOnStandardError();

}  // namespace pawl::cli
