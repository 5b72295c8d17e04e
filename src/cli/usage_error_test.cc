#include "cli/usage_error.h"

#include <gtest/gtest.h>

#include "cli/command.h"

namespace pawl::cli {
namespace {

// What `pawl` says to a command line that it does not understand: message, advice.
std::pair<std::string, std::string> SaidTo(const std::string& words) {
  Globals globals;
  CLI::App app("", "pawl");
  app.add_flag("--json", globals.json, "");
  app.fallthrough();
  app.require_subcommand(0, 1);
  AddCommands(app, globals);
  try {
    app.parse(words);
  } catch (const CLI::ParseError& error) {
    const Error usage = UsageErrorOf(app, error);
    EXPECT_EQ(usage.code, ErrorCode::kUsage);
    return {usage.message, usage.advice};
  }
  ADD_FAILURE() << words << " was understood";
  return {};
}

using Said = std::pair<std::string, std::string>;

TEST(UsageError, ACommandThatIsMisspelt) {
  EXPECT_EQ(SaidTo("statsu"), Said("'pawl' has no command 'statsu'", "did you mean status?"));
  EXPECT_EQ(SaidTo("log lsit"), Said("'pawl log' has no command 'lsit'", "did you mean list?"));
  EXPECT_EQ(SaidTo("char"), Said("'pawl' has no command 'char'", "did you mean charter?"));
  EXPECT_EQ(SaidTo("xyzzy"), Said("'pawl' has no command 'xyzzy'", "pawl --help lists what it has"));
}

TEST(UsageError, AnOptionThatIsMisspelt) {
  EXPECT_EQ(SaidTo("--jsno status"), Said("'pawl status' has no option '--jsno'", "did you mean --json?"));
  EXPECT_EQ(SaidTo("store gc --remvoe"), Said("'pawl store gc' has no option '--remvoe'", "did you mean --remove?"));
  EXPECT_EQ(SaidTo("store gc --oldr-than=3d"),
            Said("'pawl store gc' has no option '--oldr-than'", "did you mean --older-than?"));
  EXPECT_NE(SaidTo("log show -1").first.find("'-1' is no event's number"), std::string::npos);
}

TEST(UsageError, AGroupAloneNamesItsCommands) {
  EXPECT_EQ(SaidTo("log").first,
            "'pawl log' needs one of its commands: list, show, verify, checkpoint, policy, export");
  for (const char* group : {"charter", "key", "store", "sandbox", "export"}) {
    EXPECT_EQ(SaidTo(group).first.find("'pawl " + std::string(group) + "' needs one of its commands: "), 0u) << group;
  }
}

TEST(UsageError, OneWordTooMany) {
  EXPECT_EQ(SaidTo("doctor x"), Said("'x' is one word too many for 'pawl doctor'", "pawl doctor --help"));
}

TEST(MeantBy, SlipsOfTheFinger) {
  const std::vector<std::string> known = {"list", "show", "export", "verify"};
  using Words = std::vector<std::string>;
  EXPECT_EQ(MeantBy("lst", known), Words{"list"});
  EXPECT_EQ(MeantBy("exprot", known), Words{"export"});
  EXPECT_EQ(MeantBy("ver", known), Words{"verify"});
  EXPECT_EQ(MeantBy("x", known), Words{});
  EXPECT_EQ(MeantBy("", known), Words{});
  EXPECT_EQ(MeantBy(std::string(100'000, 'l'), known), Words{});
}

}  // namespace
}  // namespace pawl::cli
