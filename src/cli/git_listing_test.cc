#include "cli/git_listing.h"

#include <gtest/gtest.h>

#include <random>

namespace pawl::cli {
namespace {

const std::string kObject(40, 'a');

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

// What `git hash-object` says of "x\ny" and of nothing.
constexpr char kText[] = "1b322989b6eea65102d4f5921ccb7df5dc613fe7",
               kNothing[] = "e69de29bb2d1d6434b8b29ae775ad8c2e48c5391";

TEST(GitBlobs, GiveEachFileItsBytes) {
  const std::vector<GitFile> files = {{"a", kText, 3, false}, {"b", kNothing, 0, false}};
  const auto read = [&](const std::string& batch) {
    std::string all;
    const Result<void> done = ReadGitBlobs(batch, files, [&](const GitFile& file, std::string_view bytes) {
      all += file.path + "=" + std::string(bytes) + ";";
      return Result<void>();
    });
    return done.ok() ? all : done.error().rule;
  };
  const std::string text = kText, nothing = kNothing;
  const std::string good = text + " blob 3\nx\ny\n" + nothing + " blob 0\n\n";
  EXPECT_EQ(read(good), "a=x\ny;b=;");
  for (const std::string& batch :
       {good.substr(0, good.size() - 1), good + "x", nothing + " blob 3\nx\ny\n" + nothing + " blob 0\n\n",
        text + " blob 4\nx\ny\n" + nothing + " blob 0\n\n", text + " missing\n", text + " tree 3\nx\ny\n",
        text + " blob 3\nxy", text + " blob 3\nabcd\n", std::string()}) {
    EXPECT_EQ(read(batch), "git.blobs") << batch;
  }
  // Other bytes under the name of these.
  EXPECT_EQ(read(text + " blob 3\nx\nz\n" + nothing + " blob 0\n\n"), "git.object");
}

// A commit that git has made, in both of its formats: the names of the same files, of their tree and of the commit.
struct MadeCommit {
  std::string commit, tree, nothing, one, two;
};
const MadeCommit kMadeCommits[] = {
    {"777f0ddf3ebb063043b2cc6784470ffb2a11e66b", "4ffadd9d5192f2a5deb6e4391be16c29b057576d",
     "e69de29bb2d1d6434b8b29ae775ad8c2e48c5391", "43dd47ea691c90a5fa7827892c70241913351963",
     "f719efd430d52bcfc8566a43b2eb655688d38871"},
    {"86906d12f9c8c553c740544baa7a54cf6feaf7cd92a37eb05efbb6e57fe6847e",
     "284876a01b53678f59de5a255a05b9840583f660817fda22277f2f9be02193d4",
     "473a0f4c3be8a93681a267e3b1e9a7dcda1185436fe141f7749120a303721813",
     "437613f2000d14882113a8ceeb5e68572589edac29230c9fecd09d682612c4a3",
     "aa9e7dc1898c67af935ac94df08a73941e58390bd7d7a18abfe4f8b904dcfceb"}};

TEST(GitCommit, NamesExactlyTheFilesThatItIsAbout) {
  for (const MadeCommit& made : kMadeCommits) {
    const std::vector<GitFile> files = {
        {"a.txt", made.nothing, 0, false}, {"a/b/c", made.one, 3, false}, {"a0", made.two, 4, true}};
    const std::string author = "author a <a@b> 1700000000 +0000\ncommitter a <a@b> 1700000000 +0000\n\nm\n";
    const std::string commit = "tree " + made.tree + "\n" + author;
    const auto rule = [](const std::string& name, const std::string& object, const std::vector<GitFile>& listed) {
      const Result<void> checked = CheckGitCommit(name, object, listed);
      return checked.ok() ? std::string() : checked.error().rule;
    };
    EXPECT_EQ(rule(made.commit, commit, files), "");
    EXPECT_EQ(rule(made.tree, commit, files), "git.object");
    EXPECT_EQ(rule(made.commit, commit + "\n", files), "git.object");
    EXPECT_EQ(rule(made.commit, "tree " + made.nothing + "\n" + author, files), "git.object");
    EXPECT_EQ(rule(made.commit, "", files), "git.object");
    for (const char* name : {"", "HEAD", "777f0ddf3ebb063043b2cc6784470ffb2a11e66B"}) {
      EXPECT_EQ(rule(name, commit, files), "git.listing") << name;
    }
    for (size_t i = 0; i < files.size(); ++i) {
      std::vector<GitFile> others = files;
      others[i].is_executable = !others[i].is_executable;
      EXPECT_EQ(rule(made.commit, commit, others), "git.object");
      others = files;
      others[i].path.back() = 'z';
      EXPECT_EQ(rule(made.commit, commit, others), "git.object");
      others = files;
      others[i].object = i == 0 ? made.one : made.nothing;
      EXPECT_EQ(rule(made.commit, commit, others), "git.object");
      others[i].object = std::string(10, 'a');
      EXPECT_EQ(rule(made.commit, commit, others), "git.listing");
      others.erase(others.begin() + static_cast<std::ptrdiff_t>(i));
      EXPECT_EQ(rule(made.commit, commit, others), "git.object");
    }
  }
}

// A repository may have a branch whose name reads as an object's.
TEST(GitRevision, AnObjectsNameIsNoOtherObject) {
  const std::string name = kMadeCommits[0].commit;
  const auto rule = [&](const std::string& revision, const std::string& taken) {
    const Result<void> checked = CheckNamedObject(revision, taken);
    return checked.ok() ? std::string() : checked.error().rule;
  };
  for (const std::string& asked :
       {name, name.substr(0, 4), name.substr(0, 7) + "~1", std::string("777F0DDF^{commit}")}) {
    EXPECT_EQ(rule(asked, name), "") << asked;
    EXPECT_EQ(rule(asked, kMadeCommits[0].tree), "git.other-object") << asked;
    EXPECT_EQ(rule(asked, kMadeCommits[1].commit), "git.other-object") << asked;
    EXPECT_EQ(rule(asked, ""), "git.other-object") << asked;
  }
  for (const char* asked : {"main", "HEAD~1", "abc", "refs/heads/777f0ddf", "@{1}", "777f0ddfx", ""}) {
    EXPECT_EQ(ObjectNameIn(asked), "") << asked;
    EXPECT_EQ(rule(asked, name), "") << asked;
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
