#include "cli/manual.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "cli/command.h"
#include "cli/completion.h"

namespace pawl::cli {
namespace {

using testing::HasSubstr;

// A page's text as man shows it, without fonts and filling.
std::string Read(const std::string& roff) {
  std::string text;
  for (size_t at = 0; at < roff.size(); ++at) {
    if (roff.compare(at, 2, "\\-") == 0) {
      text += '-', ++at;
    } else if (roff.compare(at, 2, "\\e") == 0) {
      text += '\\', ++at;
    } else if (roff.compare(at, 2, "\\&") == 0) {
      ++at;
    } else if (roff.compare(at, 4, "\\(dq") == 0) {
      text += '"', at += 3;
    } else {
      text += roff[at];
    }
  }
  return text;
}

class Manual : public testing::Test {
 protected:
  Manual() { AddCommands(app_, globals_); }
  Globals globals_;
  CLI::App app_{"about", "pawl"};
};

const CLI::App* Find(const CLI::App& app, const std::string& path) {
  const CLI::App* at = &app;
  for (size_t begin = 1; begin <= path.size();) {
    const size_t end = std::min(path.find('/', begin), path.size());
    at = at->get_subcommand(path.substr(begin, end - begin));
    begin = end + 1;
  }
  return at;
}

// Every command has a page, and whatever its help says the page says: options, what they are, and notes.
TEST_F(Manual, SaysWhatTheHelpSays) {
  const std::vector<CommandWords> commands = WalkCommands(app_);
  const std::vector<ManualPage> pages = ManualPages(app_);
  ASSERT_EQ(pages.size(), commands.size());
  ASSERT_GE(pages.size(), 30u);
  const std::string whole = WholeHelp(app_);
  for (size_t i = 0; i < pages.size(); ++i) {
    const CLI::App* command = Find(app_, commands[i].path);
    const std::string page = Read(pages[i].roff);
    std::string name = "pawl" + commands[i].path;
    std::replace(name.begin(), name.end(), '/', '-');
    EXPECT_EQ(pages[i].file, name + ".1");
    EXPECT_THAT(page, HasSubstr(command->get_description()));
    EXPECT_THAT(page, HasSubstr(command->get_footer()));
    EXPECT_THAT(whole, HasSubstr(command->get_footer()));
    for (const CLI::Option* option : command->get_options([](const CLI::Option*) { return true; })) {
      EXPECT_THAT(page, HasSubstr(option->get_description())) << name;
      for (const std::string& word : option->get_lnames()) EXPECT_THAT(page, HasSubstr("--" + word)) << name;
    }
    for (const auto& [child, what] : commands[i].names) EXPECT_THAT(page, HasSubstr(what)) << name;
  }
}

// No line of text begins like a request of roff, and no request is one that man(7) does not have.
TEST_F(Manual, IsPlainRoff) {
  const std::set<std::string> known = {".TH", ".SH", ".TP", ".B", ".BR", ".nf", ".fi"};
  for (const ManualPage& page : ManualPages(app_)) {
    std::istringstream lines(page.roff);
    for (std::string line; std::getline(lines, line);) {
      if (line.empty() || (line[0] != '.' && line[0] != '\'')) continue;
      EXPECT_TRUE(known.contains(line.substr(0, line.find(' ')))) << page.file << ": " << line;
    }
  }
}

// The arguments of .BR stand without blanks between them: it takes words of one name, "pawl (1),", and no sentence.
TEST_F(Manual, RunsNoWordsTogether) {
  for (const ManualPage& page : ManualPages(app_)) {
    std::istringstream lines(page.roff);
    for (std::string line; std::getline(lines, line);) {
      if (line.rfind(".BR ", 0) == 0) {
        EXPECT_EQ(std::count(line.begin(), line.end(), ' '), 2) << page.file << ": " << line;
      }
    }
    EXPECT_EQ(page.roff.find("\nDefault:"), std::string::npos) << page.file;
  }
}

// Whoever reads the help learns what to type, and in a script.
TEST_F(Manual, EveryCommandHasAnExample) {
  for (const CommandWords& command : WalkCommands(app_)) {
    if (!command.names.empty()) continue;
    EXPECT_THAT(Find(app_, command.path)->get_footer(), HasSubstr("  pawl")) << command.path;
  }
}

}  // namespace
}  // namespace pawl::cli
