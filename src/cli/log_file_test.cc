#include "cli/log_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>

#include "subject/testing.h"

namespace pawl::cli {
namespace {

namespace fs = std::filesystem;
using subject::ReadWholeFile;
using subject::RuleOf;
using subject::TemporaryDirectory;

TEST(LogFile, HasLinesWithTimeLevelAndProcess) {
  const TemporaryDirectory directory;
  ASSERT_EQ(RuleOf(OpenLog(directory / "log", LogVerbosity::kNormal)), "ok");
  LogLine(LogLevel::kInfo, "status: begins");
  LogLine(LogLevel::kDebug, "not at this level");
  LogLine(LogLevel::kError, std::string("of others: \x1b[2J\nforged line"));
  const std::string text = ReadWholeFile(directory / "log");
  EXPECT_THAT(text,
              testing::MatchesRegex("[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:]{8}Z info \\[[0-9]+\\] status: begins\n"
                                    "[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:]{8}Z error \\[[0-9]+\\] of others: [^\n]*\n"));
  EXPECT_EQ(text.find('\x1b'), std::string::npos);
  struct stat status;
  ASSERT_EQ(stat((directory / "log").c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0600u);
}

TEST(LogFile, NeverGrowsBeyondItsLimit) {
  const TemporaryDirectory directory;
  ASSERT_EQ(RuleOf(OpenLog(directory / "log", LogVerbosity::kNormal)), "ok");
  const std::string line(4'000, 'x');
  for (int i = 0; i < 5'000; ++i) LogLine(LogLevel::kInfo, line);
  size_t files = 0, bytes = 0;
  for (const fs::directory_entry& entry : fs::directory_iterator(directory.path())) {
    ++files;
    bytes += entry.file_size();
  }
  EXPECT_EQ(files, 1 + kOlderLogs);
  EXPECT_LE(bytes, (1 + kOlderLogs) * kLogBytesMax);
}

TEST(LogFile, AFileThatCannotBeWrittenIsAnError) {
  const TemporaryDirectory directory;
  EXPECT_EQ(RuleOf(OpenLog(directory / "no/such/folder/log", LogVerbosity::kNormal)), "log.open");
  fs::create_symlink(directory / "elsewhere", directory / "link");
  EXPECT_EQ(RuleOf(OpenLog(directory / "link", LogVerbosity::kNormal)), "log.open");
}

TEST(LogFile, AddsNothingToAFileOfAnotherSort) {
  const TemporaryDirectory directory;
  for (const char* bytes : {"{\"epoch\":1}", "2", "20261", "\n2026-11-25"}) {
    directory.Write("state.json", bytes);
    EXPECT_EQ(RuleOf(OpenLog(directory / "state.json", LogVerbosity::kNormal)), "log.not-a-log") << bytes;
    EXPECT_EQ(ReadWholeFile(directory / "state.json"), bytes);
  }
  ASSERT_EQ(RuleOf(OpenLog(directory / "log", LogVerbosity::kNormal)), "ok");
  LogLine(LogLevel::kInfo, "once");
  EXPECT_EQ(RuleOf(OpenLog(directory / "log", LogVerbosity::kNormal)), "ok") << "it is begun once and goes on";
}

}  // namespace
}  // namespace pawl::cli
