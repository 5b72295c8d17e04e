#include "storage/archive.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <cstdlib>
#include <filesystem>

#include "subject/testing.h"

namespace pawl::storage {
namespace {

namespace fs = std::filesystem;
using subject::RuleOf;
using subject::TemporaryDirectory;

constexpr size_t kBlock = 512;

// Where flushing costs nothing.
std::string InMemory() { return fs::is_directory("/dev/shm") ? "/dev/shm" : "/tmp"; }

class ArchiveTest : public ::testing::Test {
 protected:
  // An archive of two files, the second with a name of more than 100 bytes.
  std::string Made() {
    directory_.Write("source", std::string(700, 'x'));
    ArchiveWriter archive = *ArchiveWriter::Create(directory_ / "made");
    EXPECT_TRUE(archive.AddFile("one/file", directory_ / "source").ok());
    EXPECT_TRUE(archive.AddBytes(long_name_, "").ok());
    EXPECT_TRUE(archive.Finish({{"what", "a test"}}).ok());
    return subject::ReadWholeFile(directory_ / "made");
  }
  std::string Extract(const std::string& bytes) {
    fs::remove_all(directory_ / "out");
    fs::create_directory(directory_ / "out");
    directory_.Write("archive", bytes);
    return RuleOf(ExtractArchive(directory_ / "archive", directory_ / "out", [](std::string_view) { return true; }));
  }

  TemporaryDirectory directory_{InMemory()};
  const std::string long_name_ = std::string(60, 'a') + "/" + std::string(60, 'b') + "/c";
};

TEST_F(ArchiveTest, ComesBackWhole) {
  EXPECT_EQ(Extract(Made()), "ok");
  EXPECT_EQ(subject::ReadWholeFile(directory_ / "out/one/file"), std::string(700, 'x'));
  EXPECT_EQ(subject::ReadWholeFile(directory_ / ("out/" + long_name_)), "");
  struct stat status;
  ASSERT_EQ(stat((directory_ / "out/one/file").c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0600u);
}

TEST_F(ArchiveTest, IsOneThatTarReads) {
  Made();
  fs::create_directory(directory_ / "by-tar");
  ASSERT_EQ(std::system(("tar xf " + (directory_ / "made") + " -C " + (directory_ / "by-tar")).c_str()), 0);
  EXPECT_EQ(subject::ReadWholeFile(directory_ / "by-tar/one/file"), std::string(700, 'x'));
  EXPECT_TRUE(fs::exists(directory_ / ("by-tar/" + long_name_)));
}

TEST_F(ArchiveTest, EveryByteMatters) {
  const std::string bytes = Made();
  for (size_t at = 0; at < bytes.size(); at += 37) {
    std::string altered = bytes;
    altered[at] ^= 4;
    EXPECT_NE(Extract(altered), "ok") << at;
  }
}

TEST_F(ArchiveTest, IsRefusedWhereItWasCut) {
  const std::string bytes = Made();
  for (size_t size = 0; size < bytes.size(); size += 256) {
    EXPECT_EQ(Extract(bytes.substr(0, size)), "archive.truncated") << size;
  }
  EXPECT_EQ(Extract(bytes + std::string(kBlock, '\0')), "archive.malformed");
  // The second member taken out: every header is fine, and the index is about more.
  std::string without = bytes;
  without.erase(3 * kBlock, kBlock);
  EXPECT_EQ(Extract(without), "archive.contents");
}

// Names that a hostile archive might bring.
TEST_F(ArchiveTest, NamesStayBelowTheFolder) {
  for (const char* name : {"../x", "/x", "a/../../x", "a//x", "./x", "a/", "with space", "new\nline"}) {
    fs::remove(directory_ / "hostile");
    ArchiveWriter archive = *ArchiveWriter::Create(directory_ / "hostile");
    ASSERT_TRUE(archive.AddBytes(name, "x").ok());
    ASSERT_TRUE(archive.Finish({}).ok());
    EXPECT_EQ(Extract(subject::ReadWholeFile(directory_ / "hostile")), "archive.name") << name;
  }
}

TEST_F(ArchiveTest, ASecondMemberOfOneNameIsRefused) {
  ArchiveWriter archive = *ArchiveWriter::Create(directory_ / "twice");
  ASSERT_TRUE(archive.AddBytes("x", "1").ok());
  ASSERT_TRUE(archive.AddBytes("x", "2").ok());
  ASSERT_TRUE(archive.Finish({}).ok());
  EXPECT_EQ(Extract(subject::ReadWholeFile(directory_ / "twice")), "store.input-output");
}

TEST_F(ArchiveTest, NamesThatDoNotBelongAreRefused) {
  Made();
  fs::create_directory(directory_ / "out");
  EXPECT_EQ(RuleOf(ExtractArchive(directory_ / "made", directory_ / "out",
                                  [](std::string_view name) { return name != "one/file"; })),
            "archive.name");
}

TEST_F(ArchiveTest, NeverOverwritesAndLeavesNothingHalf) {
  Made();
  EXPECT_EQ(RuleOf(ArchiveWriter::Create(directory_ / "made")), "archive.exists");
  { ArchiveWriter unfinished = *ArchiveWriter::Create(directory_ / "unfinished"); }
  EXPECT_FALSE(fs::exists(directory_ / "unfinished"));
  fs::create_symlink(directory_ / "source", directory_ / "link");
  ArchiveWriter archive = *ArchiveWriter::Create(directory_ / "third");
  EXPECT_FALSE(archive.AddFile("link", directory_ / "link").ok());
  EXPECT_EQ(RuleOf(archive.AddFile("folder", directory_.path())), "archive.file");
  EXPECT_EQ(RuleOf(archive.AddBytes(std::string(300, 'n'), "")), "archive.name");
}

}  // namespace
}  // namespace pawl::storage
