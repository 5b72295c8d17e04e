#include "cli/log_file.h"

#include <fcntl.h>
#include <spdlog/sinks/rotating_file_sink.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include <memory>
#include <vector>

#include "cli/command.h"
#include "encoding/json.h"

namespace pawl::cli {
namespace {

constexpr std::string_view kJsonBegin = R"({"time":")";
constexpr size_t kBegunBytes = kJsonBegin.size();

// Kept by the process, like the standard streams.
struct Log {
  std::shared_ptr<spdlog::logger> logger;
  LogFormat format = LogFormat::kText;
  std::string command;
  bool json_on_standard_error = false;
};
Log& TheLog() {
  static Log log;
  return log;
}

spdlog::level::level_enum LevelOf(LogLevel level) {
  switch (level) {
    case LogLevel::kDebug:
      return spdlog::level::debug;
    case LogLevel::kInfo:
      return spdlog::level::info;
    case LogLevel::kError:
      return spdlog::level::err;
  }
  return spdlog::level::err;
}

// Of others, perhaps: no longer than a reader takes, and cut where a character ends.
std::string_view Bounded(std::string_view text) {
  if (text.size() <= kLogTextBytesMax) return text;
  size_t end = kLogTextBytesMax;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xc0) == 0x80) --end;
  return text.substr(0, end);
}

std::string AsText(const std::string& command, std::string_view text, std::initializer_list<LogField> fields) {
  std::string line = (command.empty() ? "" : command + ": ") + Shown(Bounded(text));
  for (const LogField& field : fields) {
    if (!field.value.empty()) line += " " + std::string(field.name) + "=" + Shown(Bounded(field.value));
  }
  return line;
}

// The members after those that the pattern writes, without braces. ASCII alone: what another has written cannot end a
// line, begin a member or turn the text around.
std::string AsMembers(const std::string& command, std::string_view text, std::initializer_list<LogField> fields) {
  const auto quoted = [](std::string_view value) {
    return encoding::Json(Bounded(value))
        .dump(-1, ' ', /*ensure_ascii=*/true, encoding::Json::error_handler_t::replace);
  };
  std::string members = "\"command\":" + quoted(command) + ",\"message\":" + quoted(text);
  for (const LogField& field : fields) {
    if (!field.value.empty()) members += "," + quoted(field.name) + ":" + quoted(field.value);
  }
  return members;
}

// How a file of each format begins. Nothing of ours is ever put at the end of another file, or another file moved away
// to begin a new one.
bool IsOther(const std::string& begun, LogFormat format) {
  if (format == LogFormat::kJson) return begun != kJsonBegin;
  return begun[4] != '-' || begun.find_first_not_of("0123456789") != 4;
}

}  // namespace

Result<void> OpenLog(const LogOptions& options) {
  const std::string& path = options.path;
  const bool is_json = options.format == LogFormat::kJson;
  const bool on_standard_error = options.verbosity == LogVerbosity::kVerbose || (is_json && path.empty());
  std::vector<spdlog::sink_ptr> sinks;
  try {
    if (!path.empty()) {
      // Made first, so that it is this user's alone.
      const int fd = open(path.c_str(), O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0600);
      if (fd < 0) {
        return SystemFailure("log.open", "cannot write the log '" + path + "'", "--log-file names another file");
      }
      std::string begun(kBegunBytes, '\0');
      const ssize_t read = pread(fd, begun.data(), begun.size(), 0);
      close(fd);
      if (read > 0 && IsOther(begun, options.format)) {
        return Refused("log.not-a-log", "'" + path + "' is no log of Pawl's in this format",
                       "--log-file names another file");
      }
      sinks.push_back(std::make_shared<spdlog::sinks::rotating_file_sink_mt>(path, kLogBytesMax, kOlderLogs));
    }
    if (on_standard_error) sinks.push_back(std::make_shared<spdlog::sinks::stderr_sink_mt>());
    if (sinks.empty()) return {};
    auto log = std::make_shared<spdlog::logger>("pawl", sinks.begin(), sinks.end());
    log->set_pattern(is_json ? std::string(kJsonBegin) + R"(%Y-%m-%dT%H:%M:%S.%eZ","level":"%l","process":%P,%v})"
                             : "%Y-%m-%dT%H:%M:%SZ %l [%P] %v",
                     spdlog::pattern_time_type::utc);
    log->set_level(options.verbosity == LogVerbosity::kVerbose ? spdlog::level::debug : spdlog::level::info);
    log->flush_on(spdlog::level::debug);
    // A full disk must not end what Pawl does: the note is lost, and nothing else.
    log->set_error_handler([](const std::string&) {});
    TheLog() = {std::move(log), options.format, options.command, is_json && on_standard_error};
  } catch (const spdlog::spdlog_ex& failure) {
    return SystemFailure("log.open", "cannot open the log '" + path + "': " + failure.what(),
                         "--log-file names another file");
  }
  return {};
}

void LogLine(LogLevel level, std::string_view text, std::initializer_list<LogField> fields) {
  const Log& log = TheLog();
  if (!log.logger || !log.logger->should_log(LevelOf(level))) return;
  log.logger->log(
      LevelOf(level), "{}",
      log.format == LogFormat::kJson ? AsMembers(log.command, text, fields) : AsText(log.command, text, fields));
}

bool LogsJsonOnStandardError() { return TheLog().json_on_standard_error; }

}  // namespace pawl::cli
