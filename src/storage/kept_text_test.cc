#include "storage/kept_text.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "subject/testing.h"

namespace pawl::storage {
namespace {

constexpr size_t kPlace = 4'096;

class KeptTextTest : public ::testing::Test {
 protected:
  std::string Kept() const {
    const Result<std::string> text = ReadKeptText(path_, "test");
    return text.ok() ? *text : text.error().rule;
  }
  void Keep(const std::string& text) { ASSERT_TRUE(WriteKeptText(path_, text).ok()); }
  // Writes over some bytes of the file, as a power cut in the middle of a write leaves them.
  void Spoil(size_t at, const std::string& bytes) {
    std::fstream file(path_, std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(static_cast<std::streamoff>(at));
    file << bytes;
  }
  ino_t Inode() const {
    struct stat facts {};
    return stat(path_.c_str(), &facts) == 0 ? facts.st_ino : 0;
  }

  subject::TemporaryDirectory directory_;
  std::string path_ = directory_ / "kept";
};

TEST_F(KeptTextTest, TheLastTextCounts) {
  EXPECT_EQ(Kept(), "test.missing");
  Keep("one");
  EXPECT_EQ(Kept(), "one");
  const ino_t inode = Inode();
  const std::vector<std::string> texts = {"two", "", "a longer text with spaces", "4",
                                          std::string(kKeptTextBytesMax, 'x')};
  for (const std::string& text : texts) {
    Keep(text);
    EXPECT_EQ(Kept(), text);
  }
  EXPECT_EQ(Inode(), inode) << "no file was made";
  EXPECT_EQ(std::filesystem::file_size(path_), 2 * kPlace);
}

TEST_F(KeptTextTest, AWriteThatWasCutOffHasChangedNothing) {
  Keep("one");
  Keep("two");  // in the second place
  for (const size_t at : {kPlace, kPlace + 5, kPlace + 65, kPlace + 67, 2 * kPlace - 1}) {
    std::filesystem::copy_file(path_, path_ + ".whole", std::filesystem::copy_options::overwrite_existing);
    Spoil(at, "9");
    EXPECT_EQ(Kept(), "one") << at;
    Keep("three");  // over what cannot be read, and not over what can
    EXPECT_EQ(Kept(), "three") << at;
    Spoil(kPlace, "spoilt");
    EXPECT_EQ(Kept(), "one") << at;
    std::filesystem::rename(path_ + ".whole", path_);
  }
}

TEST_F(KeptTextTest, WhatCannotBeReadIsNotForgotten) {
  Keep("one");
  Keep("two");
  Spoil(0, "spoilt");
  Spoil(kPlace, "spoilt");
  EXPECT_EQ(Kept(), "test.damaged");
  EXPECT_FALSE(WriteKeptText(path_, "three").ok());
  std::filesystem::remove(path_);
  std::filesystem::create_symlink("/dev/null", path_);
  EXPECT_EQ(Kept(), "test.input-output");
  EXPECT_FALSE(WriteKeptText(path_, "three").ok());
}

TEST_F(KeptTextTest, AFileThatWasWrittenWholeIsTakenUp) {
  directory_.Write("kept", "from before");
  EXPECT_EQ(Kept(), "from before");
  Keep("now");
  EXPECT_EQ(Kept(), "now");
  Keep("then");
  EXPECT_EQ(Kept(), "then");
}

}  // namespace
}  // namespace pawl::storage
