#include "cli/completion.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include "cli/command.h"

namespace pawl::cli {
namespace {

using testing::HasSubstr;

class Completion : public testing::Test {
 protected:
  Completion() {
    app_.add_option("--home", globals_.home, "Pawl's home; it's here");
    AddCharter(app_, globals_);
    AddProve(app_, globals_);
    AddSandbox(app_, globals_);
    AddCompletion(app_, globals_);
    std::string pattern = (std::filesystem::temp_directory_path() / "pawl-completion-XXXXXX").string();
    EXPECT_NE(mkdtemp(pattern.data()), nullptr);
    folder_ = pattern;
    std::ofstream(folder_ + "/pawl.bash") << CompletionScript(app_, Shell::kBash);
  }
  ~Completion() override { std::filesystem::remove_all(folder_); }

  // What bash would offer for a command line whose last word is being typed.
  std::string Offered(const std::string& words) {
    std::ofstream(folder_ + "/ask") << "source " << folder_ << "/pawl.bash\nCOMP_WORDS=(" << words
                                    << ")\nCOMP_CWORD=$((${#COMP_WORDS[@]} - 1))\n_pawl\necho \" ${COMPREPLY[*]} \"\n";
    EXPECT_EQ(std::system(("bash '" + folder_ + "/ask' > '" + folder_ + "/answer'").c_str()), 0);
    std::ifstream file(folder_ + "/answer");
    std::ostringstream text;
    text << file.rdbuf();
    return text.str();
  }

  Globals globals_;
  CLI::App app_{"", "pawl"};
  std::string folder_;
};

TEST_F(Completion, BashScriptParses) { EXPECT_EQ(std::system(("bash -n '" + folder_ + "/pawl.bash'").c_str()), 0); }

TEST_F(Completion, ZshAndFishScriptsParse) {
  std::ofstream(folder_ + "/pawl.zsh") << CompletionScript(app_, Shell::kZsh);
  std::ofstream(folder_ + "/pawl.fish") << CompletionScript(app_, Shell::kFish);
  EXPECT_EQ(std::system(("zsh -n '" + folder_ + "/pawl.zsh'").c_str()), 0);
  EXPECT_EQ(std::system(("fish -n '" + folder_ + "/pawl.fish'").c_str()), 0);
}

TEST_F(Completion, BashOffersCommandsAndOptions) {
  EXPECT_THAT(Offered("pawl ''"), HasSubstr(" charter "));
  EXPECT_THAT(Offered("pawl charter ''"), HasSubstr(" check "));
  EXPECT_THAT(Offered("pawl --home /x charter ch"), HasSubstr(" check "));
  EXPECT_THAT(Offered("pawl prove --cert"), HasSubstr(" --certificate "));
  EXPECT_THAT(Offered("pawl prove --ho"), HasSubstr(" --home "));
  EXPECT_EQ(Offered("pawl sandbox run -- cha").find("charter"), std::string::npos);
  // What an option takes is no command, whatever it is called.
  EXPECT_THAT(Offered("pawl --home prove char"), HasSubstr(" charter "));
  EXPECT_THAT(Offered("pawl --home = prove char"), HasSubstr(" charter "));
  EXPECT_THAT(Offered("pawl charter new --name check --sub"), HasSubstr(" --subject "));
  EXPECT_THAT(Offered("pawl prove --arithmetic f"), HasSubstr(" float32 float64 "));
  EXPECT_THAT(Offered("pawl completion ''"), HasSubstr(" zsh "));
}

TEST_F(Completion, EveryScriptNamesEveryCommandAndOption) {
  const std::vector<CommandWords> commands = WalkCommands(app_);
  EXPECT_GE(commands.size(), 11u);
  for (const Shell shell : {Shell::kBash, Shell::kZsh, Shell::kFish}) {
    const std::string script = CompletionScript(app_, shell);
    for (const CommandWords& command : commands) {
      EXPECT_THAT(script, HasSubstr(command.path));
      for (const auto& [name, what] : command.options) EXPECT_THAT(script, HasSubstr(name.substr(2)));
    }
  }
}

}  // namespace
}  // namespace pawl::cli
