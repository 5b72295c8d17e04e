// Collection from a directory that the test made, so also for what no program could leave behind.
#include "sandbox/output.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "sandbox/descriptor.h"

namespace pawl::sandbox {
namespace {

using std::filesystem::path;

class OutputTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string name = "/tmp/pawl-output-test-XXXXXX";
    base_ = mkdtemp(name.data());
    std::filesystem::create_directories(base_ / "out");
    std::filesystem::create_directories(base_ / "to");
  }
  void TearDown() override {
    std::error_code ignored;
    std::filesystem::remove_all(base_, ignored);
  }

  Result<std::vector<OutputFile>> Collect() {
    const Descriptor out(open((base_ / "out").c_str(), O_RDONLY | O_DIRECTORY));
    const Descriptor to(open((base_ / "to").c_str(), O_RDONLY | O_DIRECTORY));
    return CollectOutput(out.get(), to.get(), limits_);
  }
  std::string RuleOf() {
    const Result<std::vector<OutputFile>> collected = Collect();
    EXPECT_TRUE(std::filesystem::is_empty(base_ / "to") || collected.ok());
    return collected.ok() ? "" : collected.error().rule;
  }
  void Write(const std::string& name, const std::string& text) { std::ofstream(base_ / "out" / name) << text; }

  path base_;
  Limits limits_;
};

TEST_F(OutputTest, EmptyIsFine) {
  const auto collected = Collect();
  ASSERT_TRUE(collected.ok());
  EXPECT_TRUE(collected->empty());
}

TEST_F(OutputTest, FilesAreSortedAndCopied) {
  std::filesystem::create_directories(base_ / "out/z/y");
  Write("z/y/x", std::string(200'000, 'x'));
  Write("b", "");
  Write("a", "1");
  const auto collected = Collect();
  ASSERT_TRUE(collected.ok()) << collected.error().message;
  ASSERT_EQ(collected->size(), 3u);
  EXPECT_EQ((*collected)[0].path, "a");
  EXPECT_EQ((*collected)[1].path, "b");
  EXPECT_EQ((*collected)[2].path, "z/y/x");
  EXPECT_EQ(std::filesystem::file_size(base_ / "to/z/y/x"), 200'000u);
}

TEST_F(OutputTest, SymbolicLinksAreRefusedWhereverTheyPoint) {
  for (const char* target : {"/etc/passwd", "/etc", "a", "nowhere", "."}) {
    Write("a", "1");
    std::filesystem::create_symlink(target, base_ / "out/link");
    EXPECT_EQ(RuleOf(), "sandbox.output.kind") << target;
    std::filesystem::remove(base_ / "out/link");
  }
}

TEST_F(OutputTest, SecondNamesAreRefused) {
  Write("a", "1");
  std::filesystem::create_hard_link(base_ / "out/a", base_ / "elsewhere");
  EXPECT_EQ(RuleOf(), "sandbox.output.kind");
}

TEST_F(OutputTest, FifosDoNotBlock) {
  ASSERT_EQ(mkfifo((base_ / "out/f").c_str(), 0644), 0);
  EXPECT_EQ(RuleOf(), "sandbox.output.kind");
}

TEST_F(OutputTest, DevicesAreRefused) {
  if (geteuid() != 0) GTEST_SKIP() << "needs root to make one";
  ASSERT_EQ(mknod((base_ / "out/null").c_str(), S_IFCHR | 0666, 0x103), 0);
  EXPECT_EQ(RuleOf(), "sandbox.output.kind");
}

TEST_F(OutputTest, NamesAreText) {
  for (const char* name : {"a\nb", "a\tb", "a\x1b", "\xff", "a\\b", "\xe2\x80\xae"}) {
    Write(name, "");
    EXPECT_EQ(RuleOf(), "sandbox.output.name");
    std::filesystem::remove(base_ / "out" / name);
  }
}

TEST_F(OutputTest, UnreadableEntriesAreRefusedForRootToo) {
  Write("a", "1");
  chmod((base_ / "out/a").c_str(), 0);
  EXPECT_EQ(RuleOf(), "sandbox.output.mode");
  chmod((base_ / "out/a").c_str(), 0644);
  std::filesystem::create_directory(base_ / "out/d");
  chmod((base_ / "out/d").c_str(), 0300);
  EXPECT_EQ(RuleOf(), "sandbox.output.mode");
  chmod((base_ / "out/d").c_str(), 0700);
}

TEST_F(OutputTest, SizeCountsHolesAndTheSum) {
  limits_.output_bytes = 1000;
  Write("a", std::string(600, 'a'));
  Write("b", std::string(400, 'b'));
  EXPECT_EQ(RuleOf(), "");
  std::filesystem::remove_all(base_ / "to");
  std::filesystem::create_directory(base_ / "to");
  Write("b", std::string(401, 'b'));
  EXPECT_EQ(RuleOf(), "sandbox.output.size");
  Write("b", "");
  std::filesystem::resize_file(base_ / "out/b", std::uintmax_t{1} << 40);
  EXPECT_EQ(RuleOf(), "sandbox.output.size");
}

TEST_F(OutputTest, CountIncludesDirectories) {
  limits_.output_files = 3;
  for (const char* name : {"a", "b", "c", "d"}) std::filesystem::create_directory(base_ / "out" / name);
  EXPECT_EQ(RuleOf(), "sandbox.output.count");
}

TEST_F(OutputTest, DepthIsLimited) {
  path deep = base_ / "out";
  for (int i = 0; i < kOutputDepthMax + 1; ++i) deep /= "d";
  std::filesystem::create_directories(deep);
  EXPECT_EQ(RuleOf(), "sandbox.output.depth");
}

// Directories inside one another as a program makes them: one at a time, so that no path is ever too long for it.
void MakeNested(const path& out, const std::string& name, int count) {
  Descriptor at(open(out.c_str(), O_RDONLY | O_DIRECTORY));
  for (int i = 0; i < count; ++i) {
    ASSERT_EQ(mkdirat(at.get(), name.c_str(), 0755), 0);
    at = Descriptor(openat(at.get(), name.c_str(), O_RDONLY | O_DIRECTORY));
    ASSERT_TRUE(at.valid());
  }
}

// Twenty names of 250 letters are longer than PATH_MAX: the program's doing, never the machine's failure.
TEST_F(OutputTest, LongPathsAreTheProgramsFault) {
  for (const int count : {5, 20, 40}) {
    for (const std::string& name : {std::string(250, 'a'), "\xe2\x82\xac" + std::string(247, 'b')}) {
      MakeNested(base_ / "out", name, count);
      const auto collected = Collect();
      ASSERT_FALSE(collected.ok());
      EXPECT_EQ(collected.error().code, ErrorCode::kRefused) << collected.error().message;
      EXPECT_EQ(collected.error().rule, "sandbox.output.name");
      EXPECT_LT(collected.error().message.size(), 400u);
      EXPECT_TRUE(std::filesystem::is_empty(base_ / "to"));
      std::filesystem::remove_all(base_ / "out");
      std::filesystem::create_directory(base_ / "out");
    }
  }
}

TEST_F(OutputTest, TheLongestPathIsCollected) {
  const std::string name(255, 'b');
  MakeNested(base_ / "out", name, 3);
  const std::string longest = name + "/" + name + "/" + name + "/" + std::string(256 - 1, 'c');
  ASSERT_EQ(longest.size(), kOutputPathBytesMax - 1);
  Write(longest, "1");
  const auto collected = Collect();
  ASSERT_TRUE(collected.ok()) << collected.error().message;
  ASSERT_EQ(collected->size(), 1u);
  EXPECT_EQ((*collected)[0].path, longest);
  EXPECT_EQ(std::filesystem::file_size(base_ / "to" / longest), 1u);
}

TEST_F(OutputTest, MessagesCutNamesBetweenCharacters) {
  std::string name;
  for (int i = 0; i < 80; ++i) name += "\xe2\x82\xac";
  ASSERT_EQ(mkfifo((base_ / "out" / name).c_str(), 0644), 0);
  const auto collected = Collect();
  ASSERT_FALSE(collected.ok());
  EXPECT_NE(collected.error().message.find("…"), std::string::npos) << collected.error().message;
  EXPECT_EQ(collected.error().message.find("\\x"), std::string::npos) << collected.error().message;
  EXPECT_LT(collected.error().message.size(), 250u);
}

// An ordinary user, who collects what is its own, could not read it; root could.
TEST_F(OutputTest, OutItselfMayBeMadeUnreadable) {
  Write("a", "1");
  for (const mode_t mode : {0, 0300, 0600, 0077}) {
    const Descriptor out(open((base_ / "out").c_str(), O_RDONLY | O_DIRECTORY));
    const Descriptor to(open((base_ / "to").c_str(), O_RDONLY | O_DIRECTORY));
    chmod((base_ / "out").c_str(), mode);
    const auto collected = CollectOutput(out.get(), to.get(), limits_);
    chmod((base_ / "out").c_str(), 0755);
    ASSERT_FALSE(collected.ok());
    EXPECT_EQ(collected.error().rule, "sandbox.output.mode");
  }
}

// Names that the destination takes for one (as where case is folded) are the program's choice.
TEST_F(OutputTest, ANameThatIsTakenInTheDestinationIsTheProgramsFault) {
  for (const bool directory : {false, true}) {
    directory ? static_cast<void>(std::filesystem::create_directory(base_ / "out/a")) : Write("a", "1");
    std::ofstream(base_ / "to/a") << "2";
    const auto collected = Collect();
    ASSERT_FALSE(collected.ok());
    EXPECT_EQ(collected.error().rule, "sandbox.output.name");
    std::filesystem::remove(base_ / "out/a");
  }
}

TEST_F(OutputTest, ADestinationThatFailsIsTheMachinesFault) {
  Write("a", "1");
  const Descriptor out(open((base_ / "out").c_str(), O_RDONLY | O_DIRECTORY));
  const Descriptor gone(open((base_ / "to").c_str(), O_RDONLY | O_DIRECTORY));
  std::filesystem::remove(base_ / "to");
  const auto collected = CollectOutput(out.get(), gone.get(), limits_);
  ASSERT_FALSE(collected.ok());
  EXPECT_EQ(collected.error().code, ErrorCode::kSystem);
  EXPECT_EQ(collected.error().rule, "sandbox.output.write");
}

}  // namespace
}  // namespace pawl::sandbox
