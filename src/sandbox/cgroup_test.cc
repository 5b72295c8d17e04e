// Control groups of version 2 on a made-up tree: where a job's group goes, what is written into it and read from it.
// What the kernel then does is tested on machines that have them (tests/sandbox).
#include "sandbox/cgroup.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <sstream>

namespace pawl::sandbox {
namespace {

using std::filesystem::path;

class CgroupTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string name = "/tmp/pawl-cgroup-test-XXXXXX";
    root_ = mkdtemp(name.data());
  }
  void TearDown() override {
    std::error_code ignored;
    std::filesystem::remove_all(root_, ignored);
  }

  void Write(const std::string& name, const std::string& text) {
    std::filesystem::create_directories((root_ / name).parent_path());
    std::ofstream(root_ / name) << text;
  }
  std::string Read(const path& file) {
    std::stringstream text;
    text << std::ifstream(file).rdbuf();
    return text.str();
  }
  // A group, with what it gives on to those below it.
  void Group(const std::string& name, const std::string& given) {
    Write(name + "/cgroup.procs", "");
    Write(name + "/cgroup.subtree_control", given);
  }
  // What a process in `own` finds, where version 2 is mounted at `mount` below the root.
  CgroupParents Find(const std::string& own, const std::string& mount = "fs") {
    const std::vector<std::string> before = Names();
    const CgroupParents found =
        FindCgroupParents("0::" + own + "\n",
                          "30 24 0:26 / " + (root_ / mount).string() + " rw,nosuid - cgroup2 cgroup2 rw,nsdelegate\n");
    EXPECT_EQ(Names(), before) << "looking leaves something behind";
    EXPECT_TRUE(found.memory.empty() && found.pids.empty() && found.cpuacct.empty());
    return found;
  }
  std::vector<std::string> Names() {
    std::vector<std::string> names;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(root_)) names.push_back(entry.path());
    std::sort(names.begin(), names.end());
    return names;
  }

  path root_;
};

TEST_F(CgroupTest, TheNearestGroupThatGivesBothOnIsThePlace) {
  Group("fs", "cpu memory pids\n");
  Group("fs/user", "memory pids cpu\n");
  Group("fs/user/scope", "");
  const CgroupParents found = Find("/user/scope");
  EXPECT_EQ(found.unified, root_ / "fs/user");
  EXPECT_TRUE(found.unified_has_memory && found.unified_has_pids);
  Group("fs/user/scope", "pids memory\n");
  EXPECT_EQ(Find("/user/scope").unified, root_ / "fs/user/scope");
}

TEST_F(CgroupTest, OneOfTheTwoIsNotEnough) {
  for (const char* given : {"", "memory\n", "pids\n", "cpu io\n", "memory.stat pids\n"}) {
    Group("fs", given);
    Group("fs/user", given);
    const CgroupParents found = Find("/user");
    EXPECT_EQ(found.unified, root_ / "fs/user") << given;  // for cgroup.kill
    EXPECT_FALSE(found.unified_has_memory || found.unified_has_pids) << given;
  }
}

TEST_F(CgroupTest, AGroupThatCannotBeChangedIsPassedOver) {
  Group("fs", "memory pids\n");
  Write("fs/user/cgroup.subtree_control", "memory pids\n");  // and nothing to join
  Group("fs/user/scope", "");
  EXPECT_EQ(Find("/user/scope").unified, root_ / "fs");
}

TEST_F(CgroupTest, NothingAboveTheMountIsLookedAt) {
  Group("above", "memory pids\n");
  Group("above/fs", "");
  const CgroupParents found = Find("/", "above/fs");
  EXPECT_TRUE(std::filesystem::equivalent(found.unified, root_ / "above/fs"));
  EXPECT_FALSE(found.unified_has_memory);
}

TEST_F(CgroupTest, AContainerThatShowsItsOwnPartAloneHasItAsRoot) {
  Group("fs", "memory pids\n");
  EXPECT_EQ(Find("/system.slice/container-of-the-host").unified, root_ / "fs");
}

TEST_F(CgroupTest, VersionOneAndAnEmptyVersionTwoBesideIt) {
  Group("memory/job", "");
  Group("unified", "");
  const std::string at = root_.string();
  const CgroupParents found = FindCgroupParents("4:memory:/job\n3:pids:/\n0::/\n",
                                                "31 24 0:27 / " + at + "/memory rw - cgroup cgroup rw,memory\n" +
                                                    "32 24 0:28 / " + at + "/none rw - cgroup cgroup rw,pids\n" +
                                                    "30 24 0:26 / " + at + "/unified rw - cgroup2 cgroup2 rw\n");
  EXPECT_EQ(found.memory, root_ / "memory/job");
  EXPECT_TRUE(found.pids.empty());
  EXPECT_TRUE(std::filesystem::equivalent(found.unified, root_ / "unified"));
  EXPECT_FALSE(found.unified_has_memory || found.unified_has_pids);
}

TEST_F(CgroupTest, LinesThatAreNoneAreNoGroups) {
  for (const char* mounts : {"", "\n\n", "30 24 0:26 /", "30 24 0:26 / /fs rw - cgroup2", "a b c d e - cgroup2 x y"}) {
    const CgroupParents found = FindCgroupParents("0::/\nnonsense\n:\n", mounts);
    EXPECT_TRUE(found.unified.empty() && found.memory.empty()) << mounts;
  }
}

TEST_F(CgroupTest, MemoryIsLimitedWithoutSwapAndAllIsKilledAtOnce) {
  Write("group/memory.max", "");
  Write("group/memory.swap.max", "");
  Write("group/memory.oom.group", "");
  EXPECT_TRUE(LimitMemoryVersion2(root_ / "group", "268435456").ok());
  EXPECT_EQ(Read(root_ / "group/memory.max"), "268435456");
  EXPECT_EQ(Read(root_ / "group/memory.swap.max"), "0");
  EXPECT_EQ(Read(root_ / "group/memory.oom.group"), "1");
  std::filesystem::remove(root_ / "group/memory.swap.max");  // a kernel that accounts for no swap
  EXPECT_TRUE(LimitMemoryVersion2(root_ / "group", "1").ok());
  for (const char* needed : {"memory.oom.group", "memory.max"}) {
    std::filesystem::remove(root_ / "group" / needed);
    const Result<void> limited = LimitMemoryVersion2(root_ / "group", "1");
    ASSERT_FALSE(limited.ok()) << needed;
    EXPECT_EQ(limited.error().rule, "sandbox.setup.cgroup");
    EXPECT_NE(limited.error().message.find(needed), std::string::npos) << limited.error().message;
  }
}

TEST_F(CgroupTest, CountersAreThoseOfTheJobsGroup) {
  Group("fs", "");
  CgroupParents parents;
  parents.unified = root_ / "fs";
  const Result<ControlGroups> groups = ControlGroups::Create(parents, Limits{});
  ASSERT_TRUE(groups.ok()) << groups.error().message;
  ASSERT_EQ(groups->JoinFiles().size(), 1u);
  const path group = path(groups->JoinFiles()[0]).parent_path();
  EXPECT_EQ(group.parent_path(), root_ / "fs");
  EXPECT_FALSE(groups->Kill());
  EXPECT_EQ(groups->Read().cpu_ms, 0);
  const std::string name = std::filesystem::relative(group, root_).string();
  Write(name + "/cpu.stat", "usage_usec 1234567\nuser_usec 1\n");
  Write(name + "/memory.peak", "4096\n");
  Write(name + "/memory.events", "low 0\nhigh 0\nmax 7\noom 3\noom_kill 2\n");
  Write(name + "/pids.peak", "5\n");
  Write(name + "/pids.events", "max 9\n");
  Write(name + "/cgroup.kill", "");
  const CgroupCounters counters = groups->Read();
  EXPECT_EQ(counters.cpu_ms, 1234);
  EXPECT_EQ(counters.memory_peak_bytes, 4096);
  EXPECT_EQ(counters.killed_for_memory, 2);
  EXPECT_EQ(counters.processes_peak, 5);
  EXPECT_EQ(counters.forks_refused, 9);
  EXPECT_TRUE(groups->Kill());
  EXPECT_EQ(Read(group / "cgroup.kill"), "1");
}

TEST_F(CgroupTest, AGroupThatCannotBeLimitedIsNoGroup) {
  Group("fs", "memory pids\n");  // on which the kernel would put the files that limit into a new group
  CgroupParents parents;
  parents.unified = root_ / "fs";
  parents.unified_has_memory = parents.unified_has_pids = true;
  const Result<ControlGroups> groups = ControlGroups::Create(parents, Limits{});
  ASSERT_FALSE(groups.ok());
  EXPECT_EQ(groups.error().rule, "sandbox.setup.cgroup");
}

}  // namespace
}  // namespace pawl::sandbox
