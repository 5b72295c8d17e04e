// `pawl charter …` as it is typed: people sign a charter one after the other, and what comes out begins a ledger.
#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <fstream>

#include "charter/testing.h"
#include "cli/charter_new.h"
#include "cli/command.h"
#include "warrant/state.h"

namespace pawl::cli {
namespace {

namespace fs = std::filesystem;

class CharterCommand : public testing::Test {
 protected:
  CharterCommand() {
    std::string pattern = (fs::temp_directory_path() / "pawl-charter-XXXXXX").string();
    EXPECT_NE(mkdtemp(pattern.data()), nullptr);
    root_ = pattern;
    fs::create_directory(root_ + "/tree");
    std::ofstream(root_ + "/tree/prompt.txt") << "be kind\n";
    std::ofstream signers(root_ + "/signers");
    for (const char* name : {"ann", "bob", "cy", "dan"}) {
      EXPECT_EQ(std::system(("ssh-keygen -q -t ed25519 -N '' -C '' -f " + Key(name)).c_str()), 0);
      if (name[0] == 'd') continue;  // not enrolled
      std::ifstream key(Key(name) + ".pub");
      std::string line;
      std::getline(key, line);
      signers << name << " namespaces=\"approve@pawl\" " << line.substr(0, line.find_last_not_of(' ') + 1) << "\n";
    }
    signers.close();
    NewCharterOptions options;
    options.directory = Charter();
    options.tree = root_ + "/tree";
    options.signers = root_ + "/signers";
    options.log_key = charter::TestNoteKey("log", '1');
    options.clock_key = charter::TestNoteKey("clock", '2', crypto::NoteKeyType::kEd25519Cosignature);
    options.reviewers = {"ev-a:lab-a:evaluator:" + charter::TestNoteKey("ev-a", '3'),
                         "au-b:lab-b:auditor:" + charter::TestNoteKey("au-b", '4')};
    Result<NewCharter> made = WriteNewCharter(options);
    EXPECT_TRUE(made.ok()) << made.error().message;
  }
  ~CharterCommand() override { fs::remove_all(root_); }

  std::string Key(const std::string& name) const { return root_ + "/" + name; }
  std::string Charter() const { return root_ + "/charter"; }

  ExitCode Run(const std::string& arguments) {
    Globals globals;
    globals.quiet = true;
    CLI::App app("", "pawl");
    AddCharter(app, globals);
    app.parse("charter " + arguments, false);
    return globals.exit;
  }
  ExitCode Sign(const std::string& name) { return Run("sign " + Charter() + "/ --key " + Key(name)); }

  Result<warrant::State> Genesis() {
    Result<charter::Charter> charter = charter::ReadCharterFromDirectory(Charter());
    if (!charter.ok()) return charter.error();
    Result<std::string> bytes = ReadWholeFile(Charter() + ".genesis.json", 1 << 20);
    if (!bytes.ok()) return bytes.error();
    Result<encoding::Envelope> envelope = encoding::ParseEnvelope(*bytes);
    if (!envelope.ok()) return envelope.error();
    return warrant::InitialState(*charter, *envelope);
  }

  std::string root_;
};

TEST_F(CharterCommand, IsSignedByEnoughPeople) {
  EXPECT_EQ(Run("check " + Charter()), ExitCode::kYes);
  EXPECT_EQ(Run("plan " + Charter()), ExitCode::kYes);
  ASSERT_EQ(Sign("cy"), ExitCode::kYes);
  ASSERT_EQ(Sign("ann"), ExitCode::kYes);
  ASSERT_EQ(Sign("ann"), ExitCode::kYes);  // twice is once
  Result<warrant::State> two = Genesis();
  ASSERT_FALSE(two.ok());
  EXPECT_EQ(two.error().rule, "genesis.threshold");
  ASSERT_EQ(Sign("bob"), ExitCode::kYes);
  Result<warrant::State> three = Genesis();
  EXPECT_TRUE(three.ok()) << three.error().message;
}

TEST_F(CharterCommand, IsNotSignedByStrangers) {
  EXPECT_EQ(Sign("dan"), ExitCode::kNo);
  EXPECT_FALSE(fs::exists(Charter() + ".genesis.json"));
}

TEST_F(CharterCommand, IsNotSignedAfterAChange) {
  ASSERT_EQ(Sign("ann"), ExitCode::kYes);
  std::ofstream(Charter() + "/evaluate.py", std::ios::app) << "# one more line\n";
  EXPECT_EQ(Sign("bob"), ExitCode::kNo);
}

TEST_F(CharterCommand, WithAnUnknownKeyIsMalformed) {
  std::ofstream(Charter() + "/charter.toml", std::ios::app) << "nonsense = 1\n";
  EXPECT_EQ(Run("check " + Charter()), ExitCode::kMalformed);
  EXPECT_EQ(Sign("ann"), ExitCode::kMalformed);
}

}  // namespace
}  // namespace pawl::cli
