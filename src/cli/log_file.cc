#include "cli/log_file.h"

#include <fcntl.h>
#include <spdlog/sinks/rotating_file_sink.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include <memory>
#include <vector>

#include "cli/command.h"

namespace pawl::cli {
namespace {

// Kept by the process, like the standard streams.
std::shared_ptr<spdlog::logger>& TheLog() {
  static std::shared_ptr<spdlog::logger> log;
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

}  // namespace

Result<void> OpenLog(const std::string& path, LogVerbosity verbosity) {
  std::vector<spdlog::sink_ptr> sinks;
  try {
    if (!path.empty()) {
      // Made first, so that it is this user's alone.
      const int fd = open(path.c_str(), O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0600);
      if (fd < 0) {
        return SystemFailure("log.open", "cannot write the log '" + path + "'", "--log-file names another file");
      }
      // Nothing of ours is ever put at the end of another file, or another file moved away to begin a new one.
      std::string begun(5, '\0');
      const bool other = pread(fd, begun.data(), begun.size(), 0) > 0 &&
                         (begun[4] != '-' || begun.find_first_not_of("0123456789") != 4);
      close(fd);
      if (other) return Refused("log.not-a-log", "'" + path + "' is no log of Pawl's", "--log-file names another file");
      sinks.push_back(std::make_shared<spdlog::sinks::rotating_file_sink_st>(path, kLogBytesMax, kOlderLogs));
    }
    if (verbosity == LogVerbosity::kVerbose) sinks.push_back(std::make_shared<spdlog::sinks::stderr_sink_st>());
    if (sinks.empty()) return {};
    auto log = std::make_shared<spdlog::logger>("pawl", sinks.begin(), sinks.end());
    log->set_pattern("%Y-%m-%dT%H:%M:%SZ %l [%P] %v", spdlog::pattern_time_type::utc);
    log->set_level(verbosity == LogVerbosity::kVerbose ? spdlog::level::debug : spdlog::level::info);
    log->flush_on(spdlog::level::debug);
    // A full disk must not end what Pawl does: the note is lost, and nothing else.
    log->set_error_handler([](const std::string&) {});
    TheLog() = std::move(log);
  } catch (const spdlog::spdlog_ex& failure) {
    return SystemFailure("log.open", "cannot open the log '" + path + "': " + failure.what(),
                         "--log-file names another file");
  }
  return {};
}

void LogLine(LogLevel level, std::string_view text) {
  if (TheLog()) TheLog()->log(LevelOf(level), "{}", Shown(text));
}

}  // namespace pawl::cli
