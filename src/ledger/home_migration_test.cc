#include "ledger/home_migration.h"

#include <gtest/gtest.h>

#include <filesystem>

#include "ledger/home.h"
#include "ledger/keys.h"
#include "ledger/ledger.h"
#include "storage/archive.h"
#include "subject/testing.h"

namespace pawl::ledger {
namespace home_migration_test {

namespace fs = std::filesystem;
using subject::ReadWholeFile;
using subject::RuleOf;
using subject::TemporaryDirectory;

constexpr char kSeen[] = R"({"root":"00","size":4})";

// A home as version 1 wrote it: `seen-<subject>.json` beside the auditor's key, and no reviewers/.
class MigrationTest : public ::testing::Test {
 protected:
  MigrationTest() {
    const Home home = *Home::Open(root_, HomeAccess::kCreate);
    EXPECT_TRUE(MakeKey(home, "auditor-a", crypto::NoteKeyType::kEd25519).ok());
    key_ = ReadWholeFile(root_ + "/keys/auditor-a/key.pem");
    Ledger ledger = *Ledger::Open(home.LedgerPath("controller"), LedgerAccess::kReadWrite);
    EXPECT_TRUE(ledger.Append(0, {"an entry"}).ok());
    directory_.Write("home/loader/controller/state.json", "the loader's");
    fs::remove_all(root_ + "/reviewers");
    directory_.Write("home/keys/auditor-a/seen-controller.json", kSeen);
    directory_.Write("home/schema.json", R"({"version":1})");
  }
  std::vector<fs::path> Backups() const {
    std::vector<fs::path> found;
    for (const fs::directory_entry& entry : fs::directory_iterator(root_ + "/backups")) found.push_back(entry.path());
    return found;
  }

  TemporaryDirectory directory_;
  const std::string root_ = directory_ / "home";
  std::string key_;
};

TEST_F(MigrationTest, VersionOneBecomesVersionTwoAfterABackup) {
  ASSERT_EQ(RuleOf(Home::Open(root_, HomeAccess::kExisting)), "ok");
  EXPECT_EQ(*ReadHomeVersion(root_), 2);
  EXPECT_EQ(ReadWholeFile(root_ + "/reviewers/auditor-a/seen-controller.json"), kSeen);
  EXPECT_FALSE(fs::exists(root_ + "/keys/auditor-a/seen-controller.json"));
  EXPECT_EQ(ReadWholeFile(root_ + "/keys/auditor-a/key.pem"), key_);
  ASSERT_EQ(Backups().size(), 1u);
  fs::create_directory(directory_ / "out");
  std::set<std::string> names;
  ASSERT_EQ(RuleOf(storage::ExtractArchive(Backups().front(), directory_ / "out",
                                           [&](std::string_view name) { return names.emplace(name).second; })),
            "ok");
  EXPECT_EQ(names, (std::set<std::string>{"keys/auditor-a/seen-controller.json", "ledger/controller.sqlite",
                                          "loader/controller/state.json", "schema.json"}));
  EXPECT_EQ(ReadWholeFile(directory_ / "out/schema.json"), R"({"version":1})");
  const Ledger copy = *Ledger::Open(directory_ / "out/ledger/controller.sqlite", LedgerAccess::kReadOnly);
  EXPECT_EQ(*copy.Size(), 1u);
}

TEST_F(MigrationTest, HappensOnce) {
  ASSERT_EQ(RuleOf(Home::Open(root_, HomeAccess::kExisting)), "ok");
  ASSERT_EQ(RuleOf(Home::Open(root_, HomeAccess::kExisting)), "ok");
  EXPECT_EQ(Backups().size(), 1u);
}

TEST_F(MigrationTest, WhatWasCutShortIsFinished) {
  directory_.Write("home/keys/auditor-b/seen-controller.json", "of the other");
  fs::create_directories(root_ + "/reviewers/auditor-a");
  fs::rename(root_ + "/keys/auditor-a/seen-controller.json", root_ + "/reviewers/auditor-a/seen-controller.json");
  ASSERT_EQ(RuleOf(Home::Open(root_, HomeAccess::kExisting)), "ok");
  EXPECT_EQ(ReadWholeFile(root_ + "/reviewers/auditor-a/seen-controller.json"), kSeen);
  EXPECT_EQ(ReadWholeFile(root_ + "/reviewers/auditor-b/seen-controller.json"), "of the other");
}

TEST_F(MigrationTest, WhereItFailsTheOldHomeIsAsItWas) {
  directory_.Write("home/backups", "a file where a folder has to be");
  EXPECT_EQ(RuleOf(Home::Open(root_, HomeAccess::kExisting)), "home.migrate");
  EXPECT_EQ(*ReadHomeVersion(root_), 1);
  EXPECT_EQ(ReadWholeFile(root_ + "/keys/auditor-a/seen-controller.json"), kSeen);
}

TEST_F(MigrationTest, ANewerHomeIsLeftAlone) {
  directory_.Write("home/schema.json", R"({"version":3})");
  EXPECT_EQ(RuleOf(Home::Open(root_, HomeAccess::kExisting)), "home.schema");
  EXPECT_FALSE(fs::exists(root_ + "/backups"));
  EXPECT_TRUE(fs::exists(root_ + "/keys/auditor-a/seen-controller.json"));
}

}  // namespace home_migration_test
}  // namespace pawl::ledger
