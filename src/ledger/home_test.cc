#include "ledger/home.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>

#include "subject/testing.h"

namespace pawl::ledger {
namespace home_test {

namespace fs = std::filesystem;
using subject::TemporaryDirectory;

template <typename T>
std::string RuleOf(const Result<T>& result) {
  return result.ok() ? "ok" : result.error().rule;
}

mode_t ModeOf(const std::string& path) {
  struct stat facts {};
  EXPECT_EQ(stat(path.c_str(), &facts), 0) << path;
  return facts.st_mode & 0777;
}

TEST(Home, IsMadeOnceAndForThisUserAlone) {
  const TemporaryDirectory directory;
  const std::string root = directory / "a/home";
  EXPECT_EQ(RuleOf(Home::Open(root, HomeAccess::kExisting)), "home.missing");
  EXPECT_FALSE(fs::exists(root));
  const mode_t mask = umask(0);
  const Result<Home> home = Home::Open(root, HomeAccess::kCreate);
  umask(mask);
  ASSERT_TRUE(home.ok()) << home.error().message;
  EXPECT_EQ(home->root(), root);
  EXPECT_EQ(ModeOf(root), 0700u);
  EXPECT_EQ(ModeOf(root + "/keys"), 0700u);
  EXPECT_EQ(subject::ReadWholeFile(root + "/schema.json"), R"({"version":2})");
  EXPECT_EQ(ModeOf(root + "/schema.json"), 0644u);
  for (const std::string& part : {home->StorePath(), root + "/ledger", root + "/loader"}) {
    EXPECT_TRUE(fs::is_directory(part)) << part;
    EXPECT_EQ(ModeOf(part), 0755u) << part;
  }
  directory.Write("a/home/keys/kept", "x");
  EXPECT_EQ(RuleOf(Home::Open(root, HomeAccess::kCreate)), "ok");
  EXPECT_EQ(RuleOf(Home::Open(root, HomeAccess::kExisting)), "ok");
  EXPECT_TRUE(fs::exists(root + "/keys/kept"));
}

TEST(Home, ANewerOrUnreadableSchemaIsRefused) {
  const TemporaryDirectory directory;
  ASSERT_TRUE(Home::Open(directory / "home", HomeAccess::kCreate).ok());
  for (const char* text :
       {R"({"version":3})", R"({"version":0})", R"({"version":"1"})", R"({"version":2,"more":2})", "{}", "[]", ""}) {
    directory.Write("home/schema.json", text);
    for (const HomeAccess access : {HomeAccess::kExisting, HomeAccess::kCreate}) {
      const Result<Home> home = Home::Open(directory / "home", access);
      EXPECT_FALSE(home.ok()) << text;
    }
    EXPECT_EQ(subject::ReadWholeFile(directory / "home/schema.json"), text);
  }
  directory.Write("home/schema.json", R"({"version":3})");
  EXPECT_EQ(RuleOf(Home::Open(directory / "home", HomeAccess::kExisting)), "home.schema");
}

TEST(Home, IsFoundThroughTheEnvironment) {
  const TemporaryDirectory directory;
  setenv("PAWL_HOME", (directory / "one").c_str(), 1);
  setenv("XDG_STATE_HOME", (directory / "two").c_str(), 1);
  setenv("HOME", (directory / "three").c_str(), 1);
  EXPECT_EQ(Home::Open(directory / "zero", HomeAccess::kCreate)->root(), directory / "zero");
  EXPECT_EQ(Home::Open("", HomeAccess::kCreate)->root(), directory / "one");
  unsetenv("PAWL_HOME");
  EXPECT_EQ(Home::Open("", HomeAccess::kCreate)->root(), directory / "two/pawl");
  setenv("XDG_STATE_HOME", "", 1);  // set but empty counts as unset
  EXPECT_EQ(Home::Open("", HomeAccess::kCreate)->root(), directory / "three/.local/state/pawl");
}

TEST(Home, CannotBeMadeWhereAFileStands) {
  const TemporaryDirectory directory;
  directory.Write("file", "x");
  EXPECT_EQ(RuleOf(Home::Open(directory / "file/home", HomeAccess::kCreate)), "home.create");
}

TEST(Home, MustNotShareAPlaceWithTheSubject) {
  const TemporaryDirectory directory;
  const Home home = *Home::Open(directory / "work/home", HomeAccess::kCreate);
  for (const char* inside : {"work", "work/home", "work/home/store", "work/home/not-yet", "work/../work", ""}) {
    EXPECT_EQ(RuleOf(home.RequireOutside(directory / inside)), "home.inside-subject") << inside;
  }
  for (const char* outside : {"work/subject", "work/home-of-another", "subject", "work/home/../subject"}) {
    EXPECT_EQ(RuleOf(home.RequireOutside(directory / outside)), "ok") << outside;
  }
  ASSERT_EQ(symlink((directory / "work").c_str(), (directory / "link").c_str()), 0);
  EXPECT_EQ(RuleOf(home.RequireOutside(directory / "link")), "home.inside-subject");
  EXPECT_EQ(RuleOf(home.RequireOutside(directory / "link/home/keys")), "home.inside-subject");
  EXPECT_EQ(RuleOf(home.RequireOutside(directory / "link/subject")), "ok");
}

TEST(Home, ListsItsSubjects) {
  const TemporaryDirectory directory;
  const Home home = *Home::Open(directory / "home", HomeAccess::kCreate);
  EXPECT_TRUE(home.Subjects().empty());
  for (const char* name : {"b.sqlite", "a.sqlite", "a.sqlite-wal", "a.sqlite-shm", "notes"}) {
    directory.Write(std::string("home/ledger/") + name, "");
  }
  EXPECT_EQ(home.Subjects(), (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(home.LedgerPath("a"), directory / "home/ledger/a.sqlite");
  EXPECT_EQ(home.StatePath("a"), directory / "home/loader/a/state.json");
  EXPECT_EQ(home.WarrantPath("a", 7), directory / "home/loader/a/warrants/7.json");
}

}  // namespace home_test
}  // namespace pawl::ledger
