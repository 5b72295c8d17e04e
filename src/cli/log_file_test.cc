#include "cli/log_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>

#include "encoding/json.h"
#include "subject/testing.h"

namespace pawl::cli {
namespace {

namespace fs = std::filesystem;
using subject::ReadWholeFile;
using subject::RuleOf;
using subject::TemporaryDirectory;

TEST(LogFile, HasLinesWithTimeLevelAndProcess) {
  const TemporaryDirectory directory;
  ASSERT_EQ(RuleOf(OpenLog({.path = directory / "log"})), "ok");
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

TEST(LogFile, HasOneObjectALineAsJson) {
  const TemporaryDirectory directory;
  ASSERT_EQ(RuleOf(OpenLog({.path = directory / "log", .format = LogFormat::kJson, .command = "oversee"})), "ok");
  EXPECT_FALSE(LogsJsonOnStandardError()) << "there is a file";
  const std::string hostile = "\"},{\"level\":\"info\",\n\r\x1b[2J\xff\u202e" + std::string(1, '\0') + "end";
  LogLine(LogLevel::kInfo, hostile,
          {{"subject", hostile}, {"trace_id", "9f86d081884c7d659a2feaa0c55ad015"}, {"rule", ""}});
  LogLine(LogLevel::kDebug, "not at this level");
  LogLine(LogLevel::kError, std::string(kLogTextBytesMax - 1, 'x') + "\u00e9 and much more");
  const std::string text = ReadWholeFile(directory / "log");
  std::vector<encoding::Json> lines;
  for (size_t begin = 0; begin < text.size();) {
    const size_t end = text.find('\n', begin);
    ASSERT_NE(end, text.npos) << "a line that does not end";
    lines.push_back(encoding::Json::parse(text.substr(begin, end - begin), nullptr, /*allow_exceptions=*/false));
    begin = end + 1;
  }
  ASSERT_EQ(lines.size(), 2u) << text;
  for (const char c : text) EXPECT_TRUE(c == '\n' || (c >= 0x20 && c < 0x7f)) << static_cast<int>(c);
  std::vector<std::string> names;
  for (const auto& [name, value] : lines[0].items()) names.push_back(name);
  EXPECT_THAT(names,
              testing::UnorderedElementsAre("time", "level", "process", "command", "message", "subject", "trace_id"));
  EXPECT_THAT(lines[0]["time"].get<std::string>(),
              testing::MatchesRegex("[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:]{8}\\.[0-9]{3}Z"));
  EXPECT_EQ(lines[0]["level"], "info");
  EXPECT_EQ(lines[0]["process"], getpid());
  EXPECT_EQ(lines[0]["command"], "oversee");
  EXPECT_EQ(lines[0]["message"], lines[0]["subject"]);
  EXPECT_THAT(lines[0]["message"].get<std::string>(), testing::StartsWith("\"},{\"level\":\"info\",\n\r\x1b[2J"));
  EXPECT_EQ(lines[1]["message"].get<std::string>(), std::string(kLogTextBytesMax - 1, 'x'))
      << "cut where a character ends";
}

TEST(LogFile, OneFileHasOneFormat) {
  const TemporaryDirectory directory;
  for (const LogFormat first : {LogFormat::kText, LogFormat::kJson}) {
    const std::string path = directory / (first == LogFormat::kText ? "text" : "json");
    const LogFormat other = first == LogFormat::kText ? LogFormat::kJson : LogFormat::kText;
    ASSERT_EQ(RuleOf(OpenLog({.path = path, .format = first})), "ok");
    LogLine(LogLevel::kInfo, "once");
    EXPECT_EQ(RuleOf(OpenLog({.path = path, .format = first})), "ok") << "it goes on";
    EXPECT_EQ(RuleOf(OpenLog({.path = path, .format = other})), "log.not-a-log");
  }
}

TEST(LogFile, NeverGrowsBeyondItsLimit) {
  const TemporaryDirectory directory;
  ASSERT_EQ(RuleOf(OpenLog({.path = directory / "log"})), "ok");
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
  EXPECT_EQ(RuleOf(OpenLog({.path = directory / "no/such/folder/log"})), "log.open");
  fs::create_symlink(directory / "elsewhere", directory / "link");
  EXPECT_EQ(RuleOf(OpenLog({.path = directory / "link"})), "log.open");
}

TEST(LogFile, AddsNothingToAFileOfAnotherSort) {
  const TemporaryDirectory directory;
  for (const char* bytes : {"{\"epoch\":1}", "2", "20261", "\n2026-11-25"}) {
    directory.Write("state.json", bytes);
    EXPECT_EQ(RuleOf(OpenLog({.path = directory / "state.json"})), "log.not-a-log") << bytes;
    EXPECT_EQ(ReadWholeFile(directory / "state.json"), bytes);
  }
  ASSERT_EQ(RuleOf(OpenLog({.path = directory / "log"})), "ok");
  LogLine(LogLevel::kInfo, "once");
  EXPECT_EQ(RuleOf(OpenLog({.path = directory / "log"})), "ok") << "it is begun once and goes on";
}

}  // namespace
}  // namespace pawl::cli
