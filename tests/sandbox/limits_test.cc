// What a program may use: time, processes, memory, space.
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>

#include "fixture.h"

namespace pawl::sandbox::testing {
namespace {

class LimitsTest : public ::testing::Test {
 protected:
  Outcome Inside(const Job& job, Layers layers = Layers::kAll) {
    return RunInside(directory_, job, MachineWith(layers));
  }
  std::string Path(const std::string& name) const { return (directory_.path() / name).string(); }
  bool LimitsMemory() const { return ThisMachine().capabilities.memory_limited; }
  bool LimitsProcesses() const { return ThisMachine().capabilities.processes_limited; }
  bool LimitsCpu() const { return ThisMachine().capabilities.cpu_limited; }

  TemporaryDirectory directory_;
};

TEST_F(LimitsTest, WallTimeEndsASleeper) {
  Job job = ProbeJob({"ignore-term", "30"});
  job.limits.wall_ms = 300;
  const Outcome outcome = Inside(job);
  EXPECT_EQ(outcome.end, End::kWallLimit);
  EXPECT_GE(outcome.used.wall_ms, 300);
  EXPECT_LT(outcome.used.wall_ms, 5000);
  EXPECT_EQ(RunOutside({"ignore-term", "1"}), 0);
}

TEST_F(LimitsTest, WallTimeEndsAProgramThatStoppedItself) {
  Job job = ProbeJob({"stop-self"});
  job.limits.wall_ms = 300;
  EXPECT_EQ(Inside(job).end, End::kWallLimit);
  const pid_t stopped = fork();
  if (stopped == 0) {
    execl(ProbeOutside().c_str(), "probe", "stop-self", nullptr);
    _exit(126);
  }
  const Child outside(stopped);
  int status = 0;
  ASSERT_EQ(waitpid(stopped, &status, WUNTRACED), stopped);
  EXPECT_TRUE(WIFSTOPPED(status)) << "the probe shows nothing";
}

TEST_F(LimitsTest, ForkBombIsReported) {
  if (!LimitsProcesses()) GTEST_SKIP() << "no control group for processes here";
  EXPECT_EQ(RunOutside({"fork", "100"}), 0);
  EXPECT_EQ(Inside(ProbeJob({"fork", "100"})).end, End::kProcessLimit);
  const Outcome within = Inside(ProbeJob({"fork", "31"}));
  EXPECT_TRUE(Succeeded(within)) << within.explanation;
}

TEST_F(LimitsTest, ForkBombIsHeldWithoutControlGroups) {
  const Outcome outcome = Inside(ProbeJob({"fork", "100"}), Layers::kNoControlGroups);
  EXPECT_EQ(outcome.end, End::kExited);
  EXPECT_EQ(outcome.status, 1) << outcome.explanation;
  EXPECT_TRUE(Succeeded(Inside(ProbeJob({"fork", "31"}), Layers::kNoControlGroups)));
}

TEST_F(LimitsTest, ZombiesCountAsProcesses) {
  EXPECT_EQ(RunOutside({"zombies", "100"}), 0);
  const Outcome outcome = Inside(ProbeJob({"zombies", "100"}));
  EXPECT_FALSE(Succeeded(outcome));
  if (LimitsProcesses()) {
    EXPECT_EQ(outcome.end, End::kProcessLimit);
  }
}

TEST_F(LimitsTest, DaemonsDieWithTheProgram) {
  for (const char* streams : {"keep", "close"}) {
    for (const Layers layers : {Layers::kAll, Layers::kNoControlGroups}) {
      const std::string token = "pawl-daemon-" + std::to_string(getpid()) + "-" + streams;
      const Outcome outcome = Inside(ProbeJob({"daemon", token, streams}), layers);
      EXPECT_TRUE(Succeeded(outcome)) << outcome.explanation;
      EXPECT_LT(outcome.used.wall_ms, 10'000);
      EXPECT_TRUE(ProcessesWith(token).empty());
    }
  }
  const std::string token = "pawl-outside-daemon-" + std::to_string(getpid());
  ASSERT_EQ(RunOutside({"daemon", token, "close"}), 0);
  // It may be between its two forks.
  std::vector<pid_t> survivors;
  for (int i = 0; i < 100 && survivors.empty(); ++i) {
    usleep(20'000);
    survivors = ProcessesWith(token);
  }
  EXPECT_FALSE(survivors.empty()) << "the probe shows nothing";
  for (const pid_t survivor : survivors) kill(survivor, SIGKILL);
}

TEST_F(LimitsTest, CpuTimeOfOneProcess) {
  EXPECT_EQ(RunOutside({"burn", "0", "1.2"}), 0) << "the probe shows nothing";
  for (const Layers layers : {Layers::kAll, Layers::kNoControlGroups}) {
    Job job = ProbeJob({"burn", "0", "5"});
    job.limits.cpu_ms = 1000;
    EXPECT_EQ(Inside(job, layers).end, End::kCpuLimit) << Name(layers);
  }
}

TEST_F(LimitsTest, CpuTimeIsSummedOverChildren) {
  if (!LimitsCpu()) GTEST_SKIP() << "no control group for CPU time here";
  EXPECT_EQ(RunOutside({"burn", "4", "0.2"}), 0);
  Job job = ProbeJob({"burn", "4", "0.4"});
  job.limits.cpu_ms = 700;
  EXPECT_EQ(Inside(job).end, End::kCpuLimit);
}

// Outside they would end whatever else runs on this machine, so nothing shows there that they can.
TEST_F(LimitsTest, KillingProcessOneIsNoSuccess) {
  for (const Layers layers : {Layers::kAll, Layers::kNoLandlock}) {
    const Outcome outcome = Inside(ProbeJob({"kill-init"}), layers);
    EXPECT_EQ(outcome.end, End::kExited);
    EXPECT_EQ(outcome.status, 7);
    EXPECT_FALSE(Succeeded(Inside(ProbeJob({"kill-all"}), layers)));
  }
}

TEST_F(LimitsTest, MemoryOfOneProcess) {
  EXPECT_EQ(RunOutside({"touch", "400"}), 0);
  const Outcome outcome = Inside(ProbeJob({"touch", "400"}));
  EXPECT_FALSE(Succeeded(outcome));
  if (LimitsMemory()) {
    EXPECT_EQ(outcome.end, End::kMemoryLimit);
  }
  EXPECT_FALSE(Succeeded(Inside(ProbeJob({"touch", "400"}), Layers::kNoControlGroups)));
  EXPECT_TRUE(Succeeded(Inside(ProbeJob({"touch", "100"}))));
}

TEST_F(LimitsTest, MemoryIsSummed) {
  if (!LimitsMemory()) GTEST_SKIP() << "no control group for memory here";
  EXPECT_EQ(RunOutside({"touch-children", "4", "100"}), 0) << "the probe shows nothing";
  EXPECT_EQ(Inside(ProbeJob({"touch-children", "4", "100"})).end, End::kMemoryLimit);
  EXPECT_EQ(RunOutside({"memory-files", "400"}), 0);
  // Memory files and files in /tmp count as memory.
  for (const std::vector<std::string>& probe :
       std::vector<std::vector<std::string>>{{"memory-files", "400"}, {"fill", "/tmp/x", "400"}}) {
    Job job = ProbeJob(probe);
    job.limits.tmp_mib = 1000;
    EXPECT_EQ(Inside(job).end, End::kMemoryLimit) << probe[0];
  }
}

TEST_F(LimitsTest, SocketBuffersAreHeld) {
  EXPECT_EQ(RunOutside({"socket-buffers", "400"}), 0) << "the probe shows nothing";
  EXPECT_FALSE(Succeeded(Inside(ProbeJob({"socket-buffers", "400"}))));
}

TEST_F(LimitsTest, PipeBuffersCountAsMemory) {
  if (!LimitsMemory()) GTEST_SKIP() << "no control group for memory here";
  EXPECT_EQ(RunOutside({"pipe-buffers", "24"}), 0) << "the probe shows nothing";
  Job job = ProbeJob({"pipe-buffers", "24"});
  job.limits.memory_mib = 20;
  EXPECT_EQ(Inside(job).end, End::kMemoryLimit);
  job.argv.back() = "8";
  const Outcome within = Inside(job);
  EXPECT_TRUE(Succeeded(within)) << within.explanation << within.standard_output;
}

TEST_F(LimitsTest, TemporarySpaceEnds) {
  EXPECT_EQ(RunOutside({"fill", Path("big"), "9"}), 0);
  EXPECT_EQ(Inside(ProbeJob({"fill", "/tmp/x", "12"})).status, 1);
  const std::string shared = "/dev/shm/pawl-test-" + std::to_string(getpid());
  EXPECT_EQ(RunOutside({"fill", shared, "12"}), 0) << "the probe shows nothing";
  std::filesystem::remove(shared);
  EXPECT_EQ(Inside(ProbeJob({"fill", "/dev/shm/x", "12"})).status, 1);
  EXPECT_EQ(Inside(ProbeJob({"many-files", "/tmp", "20000"})).status, 1);
  EXPECT_EQ(Inside(ProbeJob({"many-files", "/dev/shm", "20000"})).status, 1);
  for (const char* place : {"/in", "/", "/dev", "/usr", "/etc", "/proc"}) {
    EXPECT_EQ(Inside(ProbeJob({"many-files", place, "1"}), Layers::kNoLandlock).status, 1) << place;
  }
}

TEST_F(LimitsTest, OutputSpaceEnds) {
  // In memory, since a disk takes a minute for it.
  std::string outside = "/dev/shm/pawl-test-XXXXXX";
  ASSERT_NE(mkdtemp(outside.data()), nullptr);
  EXPECT_EQ(RunOutside({"many-files", outside, "60000"}), 0) << "the probe shows nothing";
  EXPECT_EQ(RunOutside({"deep", outside, "10000"}), 0) << "the probe shows nothing";
  EXPECT_EQ(RunOutside({"rm", "-rf", outside}, "/bin/rm"), 0);  // deeper than there are descriptors
  EXPECT_EQ(Inside(ProbeJob({"fill", "/out/x", "9"})).end, End::kOutputFlood);
  EXPECT_EQ(Inside(ProbeJob({"fill", "/out/x", "5"})).end, End::kOutputFlood);
  EXPECT_EQ(Inside(ProbeJob({"many-files", "/out", "1001"})).end, End::kOutputFlood);
  EXPECT_EQ(Inside(ProbeJob({"many-files", "/out", "60000"})).end, End::kOutputFlood);
  EXPECT_EQ(Inside(ProbeJob({"deep", "/out", "10000"})).end, End::kOutputFlood);
  EXPECT_EQ(Inside(ProbeJob({"deep", "/out", "40"})).end, End::kOutputFlood);
  const Outcome within = Inside(ProbeJob({"many-files", "/out", "1000"}));
  EXPECT_TRUE(Succeeded(within)) << within.explanation;
  EXPECT_EQ(within.files.size(), 1000u);
  const Outcome exact = Inside(ProbeJob({"fill", "/out/x", "4"}));
  EXPECT_TRUE(Succeeded(exact)) << exact.explanation;
}

TEST_F(LimitsTest, SparseFiles) {
  EXPECT_EQ(RunOutside({"sparse", Path("sparse")}), 0);
  EXPECT_EQ(Inside(ProbeJob({"sparse", "/out/x"})).status, 1);
  EXPECT_EQ(Inside(ProbeJob({"sparse", "/tmp/x"})).status, 1);
}

TEST_F(LimitsTest, StreamsAreCut) {
  EXPECT_EQ(RunOutside({"flood", "100", "1"}), 0) << "the probe shows nothing";
  for (const char* stream : {"1", "2"}) {
    const Outcome outcome = Inside(ProbeJob({"flood", "100", stream}));
    EXPECT_EQ(outcome.end, End::kOutputFlood);
    const std::string& text = *stream == '1' ? outcome.standard_output : outcome.standard_error;
    EXPECT_EQ(text.size(), 1u << 20);
  }
  Job job = ProbeJob({"flood", "1", "1"});
  const Outcome exact = Inside(job);
  EXPECT_TRUE(Succeeded(exact)) << exact.explanation;
  EXPECT_EQ(exact.standard_output.size(), 1u << 20);
}

// Outside, the same lines leave a file where the kernel writes core files into the directory of the program.
TEST_F(LimitsTest, NoCoreFile) {
  const std::string script = "ulimit -c unlimited; (kill -ABRT $(exec sh -c 'echo $PPID')); ls -A; exit 0";
  std::ifstream pattern_file("/proc/sys/kernel/core_pattern");
  std::string pattern;
  std::getline(pattern_file, pattern);
  if (!pattern.starts_with('|') && !pattern.starts_with('/')) {
    ASSERT_EQ(RunOutside({"/bin/sh", "-c", "cd " + directory_.path().string() + " && " + script}, "/bin/sh"), 0);
    EXPECT_FALSE(std::filesystem::is_empty(directory_.path())) << "the script shows nothing";
  } else {
    std::printf("core files go elsewhere on this machine (%s): not shown outside\n", pattern.c_str());
  }
  Job job = ProbeJob({});
  job.argv = {"/bin/sh", "-c", "cd /out; " + script};
  const Outcome outcome = Inside(job);
  EXPECT_EQ(outcome.end, End::kExited) << outcome.explanation;
  EXPECT_TRUE(outcome.files.empty()) << outcome.files.front().path;
  EXPECT_EQ(outcome.standard_output, "");
  EXPECT_NE(outcome.standard_error.find("Aborted"), std::string::npos) << outcome.standard_error;
  // By whichever way it may try to raise it, the limit is none.
  job.argv = {"/bin/sh", "-c", "ulimit -Hc; kill -ABRT $$"};
  const Outcome aborted = Inside(job);
  EXPECT_EQ(aborted.standard_output, "0\n");
  EXPECT_EQ(aborted.end, End::kSignalled);
  EXPECT_EQ(aborted.status, SIGABRT);
}

}  // namespace
}  // namespace pawl::sandbox::testing
