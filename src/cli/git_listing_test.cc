#include "cli/git_listing.h"

#include <gtest/gtest.h>

#include <random>

namespace pawl::cli {
namespace {

const std::string kObject(40, 'a'), kOther(40, 'b');

std::string Entry(const std::string& path, const std::string& size = "2", const std::string& mode = "100644",
                  const std::string& type = "blob", const std::string& object = kObject) {
  return mode + " " + type + " " + object + "       " + size + "\t" + path + std::string(1, '\0');
}

std::string RuleOf(const std::string& listing, const subject::TreeLimits& limits = {}) {
  const Result<std::vector<GitFile>> files = ParseGitListing(listing, limits);
  return files.ok() ? "" : files.error().rule;
}

TEST(GitListing, ReadsFilesSortedByPath) {
  const Result<std::vector<GitFile>> files =
      ParseGitListing(Entry("d/b \"x", "12") + Entry("a", "0", "100755", "blob", std::string(64, 'c')), {});
  ASSERT_TRUE(files.ok());
  ASSERT_EQ(files->size(), 2u);
  EXPECT_EQ((*files)[0].path, "a");
  EXPECT_TRUE((*files)[0].is_executable);
  EXPECT_EQ((*files)[1].path, "d/b \"x");
  EXPECT_EQ((*files)[1].size_bytes, 12u);
  EXPECT_TRUE(ParseGitListing("", {}).ok());
}

TEST(GitListing, RefusesWhatIsNoPlainFile) {
  EXPECT_EQ(RuleOf(Entry("lib", "-", "160000", "commit")), "git.submodule");
  EXPECT_EQ(RuleOf(Entry("link", "9", "120000")), "git.symlink");
  EXPECT_EQ(RuleOf(Entry("x", "9", "040000", "tree")), "git.mode");
  EXPECT_EQ(RuleOf(Entry("x", "9", "104755")), "git.mode");
}

TEST(GitListing, RefusesPathsThatNoTreeMayHave) {
  EXPECT_EQ(RuleOf(Entry("../x")), "path.dots");
  EXPECT_EQ(RuleOf(Entry("/etc/passwd")), "path.empty-component");
  EXPECT_EQ(RuleOf(Entry("a/.git/hooks/x")), "path.version-control");
  EXPECT_EQ(RuleOf(Entry("a\nb")), "path.character");
  EXPECT_EQ(RuleOf(Entry("a") + Entry("A")), "path.twins");
  EXPECT_EQ(RuleOf(Entry("a") + Entry("a")), "path.twice");
  EXPECT_EQ(RuleOf(Entry("a") + Entry("a/b")), "path.file-and-directory");
}

TEST(GitListing, RefusesMoreThanTheLimits) {
  subject::TreeLimits limits;
  limits.files_max = 2;
  EXPECT_EQ(RuleOf(Entry("a") + Entry("b"), limits), "");
  EXPECT_EQ(RuleOf(Entry("a") + Entry("b") + Entry("c"), limits), "git.limit");
  limits.bytes_max = 10;
  EXPECT_EQ(RuleOf(Entry("a", "6") + Entry("b", "4"), limits), "");
  EXPECT_EQ(RuleOf(Entry("a", "6") + Entry("b", "5"), limits), "git.limit");
  limits.file_bytes_max = 3;
  EXPECT_EQ(RuleOf(Entry("a", "4"), limits), "git.limit");
  EXPECT_EQ(RuleOf(Entry("a", "18446744073709551615"), {}), "git.limit");
}

TEST(GitListing, RefusesWhatGitDoesNotWrite) {
  for (const std::string& listing :
       {std::string("x"), Entry("a").substr(0, 60), Entry("a", "-"), Entry("a", "1e3"),
        Entry("a", "2", "100644", "blob", "abc"), Entry("a", "2", "100644", "blob", std::string(40, 'G')),
        Entry("a") + "trailing", std::string(1, '\0')}) {
    EXPECT_EQ(RuleOf(listing), "git.listing") << listing;
  }
  std::mt19937_64 random(3);
  for (int round = 0; round < 5'000; ++round) {
    std::string listing = Entry("a/b") + Entry("c", "7");
    for (uint64_t count = random() % 4 + 1; count > 0; --count)
      listing[random() % listing.size()] = static_cast<char>(random());
    (void)ParseGitListing(listing, {});
  }
}

TEST(GitBlobs, GiveEachFileItsBytes) {
  const std::vector<GitFile> files = {{"a", kObject, 3, false}, {"b", kOther, 0, false}};
  const auto read = [&](const std::string& batch) {
    std::string all;
    const Result<void> done = ReadGitBlobs(batch, files, [&](const GitFile& file, std::string_view bytes) {
      all += file.path + "=" + std::string(bytes) + ";";
      return Result<void>();
    });
    return done.ok() ? all : done.error().rule;
  };
  const std::string good = kObject + " blob 3\nx\ny\n" + kOther + " blob 0\n\n";
  EXPECT_EQ(read(good), "a=x\ny;b=;");
  for (const std::string& batch :
       {good.substr(0, good.size() - 1), good + "x", kOther + " blob 3\nx\ny\n" + kOther + " blob 0\n\n",
        kObject + " blob 4\nx\ny\n" + kOther + " blob 0\n\n", kObject + " missing\n", kObject + " tree 3\nx\ny\n",
        kObject + " blob 3\nxy", kObject + " blob 3\nabcd\n", std::string()}) {
    EXPECT_EQ(read(batch), "git.blobs") << batch;
  }
}

TEST(GitRevision, IsOneWordThatIsNoOption) {
  for (const char* plain : {"HEAD", "main~3", "v1.0^{commit}", "origin/main@{1}", "0123abc"})
    EXPECT_TRUE(IsPlainRevision(plain));
  for (const char* other : {"", "-x", "--upload-pack=x", "a b", "a\nb", "$(x)", "a;b", "main:file", "é"})
    EXPECT_FALSE(IsPlainRevision(other)) << other;
  EXPECT_FALSE(IsPlainRevision(std::string(201, 'a')));
}

}  // namespace
}  // namespace pawl::cli
