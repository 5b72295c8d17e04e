#include "storage/temporary_folder.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <chrono>
#include <cstdlib>
#include <filesystem>

#include "subject/testing.h"

namespace pawl::storage {
namespace {

namespace fs = std::filesystem;
using Folders = std::vector<std::string>;

class TemporaryFolderTest : public ::testing::Test {
 protected:
  TemporaryFolderTest() { setenv("TMPDIR", directory_.path().c_str(), 1); }
  ~TemporaryFolderTest() override { unsetenv("TMPDIR"); }
  // A folder as a killed owner leaves it, two minutes later.
  std::string Leave(const std::string& name) const {
    fs::create_directories(directory_ / name + "/out");
    fs::last_write_time(directory_ / name, fs::file_time_type::clock::now() - std::chrono::minutes(2));
    return directory_ / name;
  }

  subject::TemporaryDirectory directory_;
};

TEST_F(TemporaryFolderTest, GoesWithItsOwner) {
  std::string path;
  {
    const Result<HeldFolder> held = HeldFolder::MakeTemporary("pawl-trial");
    ASSERT_TRUE(held.ok()) << held.error().message;
    path = held->path();
    EXPECT_TRUE(path.starts_with(directory_ / "pawl-trial-unfinished-")) << path;
    struct stat facts {};
    ASSERT_EQ(stat(path.c_str(), &facts), 0);
    EXPECT_EQ(facts.st_mode & 0777, 0700u);
  }
  EXPECT_FALSE(fs::exists(path));
}

TEST_F(TemporaryFolderTest, TheNextRemovesWhatAKilledOneLeft) {
  const std::string left = Leave("pawl-trial-unfinished-abc123"), other = Leave("pawl-run-unfinished-abc123");
  const Result<HeldFolder> held = HeldFolder::MakeTemporary("pawl-run");
  ASSERT_TRUE(held.ok());
  fs::last_write_time(held->path(), fs::file_time_type::clock::now() - std::chrono::minutes(2));
  EXPECT_FALSE(fs::exists(other));
  EXPECT_EQ(FindLeftTemporaryFolders(), Folders{left});
  ASSERT_TRUE(HeldFolder::MakeTemporary("pawl-run").ok());
  EXPECT_TRUE(fs::exists(held->path())) << "somebody holds it";
  EXPECT_TRUE(fs::exists(left)) << "of another name";
}

TEST_F(TemporaryFolderTest, NothingElseIsRemoved) {
  for (const char* name : {"home.restoring-backup", "home.restoring-unfinished-backup-2", "home.restoring-unfinished-",
                           "home.restoring-2-unfinished-abc123"}) {
    Leave(name);
  }
  fs::create_directory(directory_ / "home.restoring-unfinished-young1");
  fs::create_directory_symlink(Leave("elsewhere"), directory_ / "home.restoring-unfinished-linked");
  EXPECT_EQ(RemoveLeftFolders(directory_ / "home.restoring"), Folders());
  EXPECT_EQ(RemoveLeftFolders(directory_ / "home.restoring-2"),
            Folders{directory_ / "home.restoring-2-unfinished-abc123"});
  EXPECT_TRUE(fs::exists(directory_ / "elsewhere/out"));
}

// What a program in a sandbox has left: folders that nobody may enter, and links out of it.
TEST_F(TemporaryFolderTest, WhatCannotBeEnteredIsRemovedAndNoLinkFollowed) {
  const std::string kept = Leave("kept");
  fs::permissions(kept, fs::perms::owner_read | fs::perms::owner_exec);
  const std::string left = directory_ / "pawl-run-unfinished-abc123";
  fs::create_directories(left + "/out/closed/inner");
  fs::create_directory_symlink(kept, left + "/out/link");
  fs::permissions(left + "/out/closed", fs::perms::none);
  Leave("pawl-run-unfinished-abc123");
  EXPECT_EQ(RemoveLeftFolders(directory_ / "pawl-run"), Folders{left});
  EXPECT_FALSE(fs::exists(left));
  EXPECT_EQ(fs::status(kept).permissions(), fs::perms::owner_read | fs::perms::owner_exec);
  EXPECT_TRUE(fs::exists(kept + "/out"));
}

}  // namespace
}  // namespace pawl::storage
