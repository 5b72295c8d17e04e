// What the machine lacks, what a run leaves behind, and what is the same every time.
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <cstdlib>
#include <fstream>
#include <sstream>
#include <thread>

#include "fixture.h"

namespace pawl::sandbox::testing {
namespace {

using std::filesystem::path;
using weakening::Weakening;

class MachineTest : public ::testing::Test {
 protected:
  TemporaryDirectory directory_;
};

TEST_F(MachineTest, ThisMachineCanRunJobs) {
  const Capabilities found = Probe();
  for (const std::string& sentence : found.sentences) std::printf("%s\n", sentence.c_str());
  EXPECT_TRUE(found.usable());
}

TEST_F(MachineTest, MissingBubblewrapIsASetupError) {
  Machine machine = ThisMachine();
  machine.bubblewrap = "/nonexistent/bwrap";
  const Result<Outcome> outcome = RunOn(machine, ProbeJob({"describe"}), EveryWeakening(), directory_.path() / "out");
  ASSERT_FALSE(outcome.ok());
  EXPECT_EQ(outcome.error().code, ErrorCode::kSystem);
  EXPECT_EQ(outcome.error().rule, "sandbox.bubblewrap-missing");
  EXPECT_NE(outcome.error().message.find("/nonexistent/bwrap"), std::string::npos);
  EXPECT_FALSE(outcome.error().advice.empty());
}

TEST_F(MachineTest, BubblewrapThatFailsIsASetupError) {
  Machine machine = ThisMachine();
  for (const char* impostor : {"/bin/false", "/bin/true"}) {
    machine.bubblewrap = impostor;
    const Result<Outcome> outcome = RunOn(machine, ProbeJob({"describe"}), EveryWeakening(), directory_.path() / "out");
    ASSERT_FALSE(outcome.ok());
    EXPECT_EQ(outcome.error().rule, "sandbox.setup.bubblewrap");
  }
}

TEST_F(MachineTest, MissingHelperIsASetupError) {
  Machine machine = ThisMachine();
  machine.helper = directory_.path() / "none";
  const Result<Outcome> outcome = RunOn(machine, ProbeJob({"describe"}), EveryWeakening(), directory_.path() / "out");
  ASSERT_FALSE(outcome.ok());
  EXPECT_EQ(outcome.error().rule, "sandbox.helper-missing");
  EXPECT_EQ(outcome.error().code, ErrorCode::kSystem);
}

TEST_F(MachineTest, MissingWorkingDirectoryIsASetupError) {
  Job job = ProbeJob({"describe"});
  job.working_directory = "/in/probe/below-a-file";
  const Result<Outcome> outcome = RunOn(TestedMachine(), job, EveryWeakening(), directory_.path() / "out");
  ASSERT_FALSE(outcome.ok());
  EXPECT_EQ(outcome.error().rule, "sandbox.setup.step");
}

// Without user namespaces: check_test.py.

TEST_F(MachineTest, WeakerGuaranteesAreNamed) {
  const Capabilities& found = TestedMachine().capabilities;
  weakening::Weakenings expected = {Weakening::kMemoryPerProcess, Weakening::kForksUncounted,
                                    Weakening::kCpuPerProcess};
  if (found.landlock_abi == 0) expected.insert(Weakening::kNoLandlock);
  EXPECT_EQ(RunInside(directory_, ProbeJob({"describe"}), MachineWith(Layers::kNoControlGroups)).weaker_guarantees,
            expected);
  if (found.memory_limited && found.processes_limited && found.cpu_limited && found.landlock_abi > 0) {
    EXPECT_TRUE(RunInside(directory_, ProbeJob({"describe"})).weaker_guarantees.empty());
  }
  const Outcome without = RunInside(directory_, ProbeJob({"describe"}), MachineWith(Layers::kNoLandlock));
  EXPECT_TRUE(without.weaker_guarantees.contains(Weakening::kNoLandlock));
}

// Each is refused alone, whatever else is accepted, before anything is started; and nothing but what is missing is
// named.
TEST_F(MachineTest, AWeakeningThatIsNotAcceptedIsTheMachinesFailure) {
  Machine machine = MachineWith(Layers::kNoControlGroups);
  machine.capabilities.landlock_abi = 0;
  for (const Weakening refused : EveryWeakening()) {
    weakening::Weakenings accepted = EveryWeakening();
    accepted.erase(refused);
    const path output = directory_.path() / "out";
    const Result<Outcome> outcome = RunOn(machine, ProbeJob({"leave", "file", "/out"}), accepted, output);
    ASSERT_FALSE(outcome.ok());
    EXPECT_EQ(outcome.error().code, ErrorCode::kSystem);
    EXPECT_EQ(outcome.error().rule, "sandbox.weaker");
    EXPECT_FALSE(std::filesystem::exists(output));
    EXPECT_NE(outcome.error().message.find(Describe(refused)), std::string::npos) << outcome.error().message;
    for (const Weakening other : accepted) {
      EXPECT_EQ(outcome.error().message.find(Describe(other)), std::string::npos) << outcome.error().message;
    }
    EXPECT_NE(outcome.error().advice.find("pawl sandbox check"), std::string::npos);
    EXPECT_NE(outcome.error().advice.find("[sandbox] accept = [" + QuotedNames(EveryWeakening()) + "]"),
              std::string::npos);
  }
  EXPECT_EQ(RunOn(machine, ProbeJob({"describe"}), {}, directory_.path() / "out").error().rule, "sandbox.weaker");
  // What is accepted and not missing is not made use of.
  const Machine& whole = TestedMachine();
  EXPECT_EQ(RunInside(directory_, ProbeJob({"describe"}), whole).weaker_guarantees,
            WeakerGuarantees(whole.capabilities));
}

// Every other layer lets a program open a device of /dev; that it is not asked anything is Landlock's own doing, so
// this fails where Landlock is said to be there and is not in force. Without it the kernel says what /dev/null is: no
// terminal.
TEST_F(MachineTest, LandlockIsInForce) {
  constexpr int kAbiWithDeviceCalls = 5;
  if (TestedMachine().capabilities.landlock_abi < kAbiWithDeviceCalls) GTEST_SKIP() << "needs Landlock's fifth ABI";
  Job job = ProbeJob({});
  job.argv = {"/usr/bin/python3", "-c",
              "import errno, fcntl, termios\n"
              "try: fcntl.ioctl(open('/dev/null'), termios.TCGETS, bytes(60))\n"
              "except OSError as error: print(errno.errorcode[error.errno])"};
  const Outcome with = RunInside(directory_, job, MachineWith(Layers::kAll));
  EXPECT_EQ(with.standard_output, "EACCES\n") << with.explanation << with.standard_error;
  for (const Layers layers : {Layers::kNoLandlock, Layers::kLandlockAbi2}) {
    const Outcome without = RunInside(directory_, job, MachineWith(layers));
    EXPECT_EQ(without.standard_output, "ENOTTY\n") << without.explanation << without.standard_error;
  }
}

TEST_F(MachineTest, AWeakeningHasItsNameAndASentence) {
  EXPECT_EQ(EveryWeakening().size(), std::size(weakening::kNames));
  EXPECT_EQ(Describe(Weakening::kNoLandlock).find("no-landlock: "), 0u);
  EXPECT_EQ(Describe(Weakening::kMemoryPerProcess).find("memory-per-process: "), 0u);
  EXPECT_EQ(AcceptedWords({}), "");
  EXPECT_EQ(AcceptedWords({Weakening::kNoLandlock, Weakening::kCpuPerProcess}),
            " (sandbox weaker, as accepted: cpu-per-process, no-landlock)");
}

TEST_F(MachineTest, SetuidProgramsGainNothing) {
  if (geteuid() != 0) GTEST_SKIP() << "needs root to make one";
  const std::filesystem::path program = directory_.path() / "setuid";
  std::filesystem::copy_file(ProbeOutside(), program);
  ASSERT_EQ(chmod(program.c_str(), 04755), 0);
  const pid_t child = fork();
  if (child == 0) {
    if (setgid(1234) != 0 || setuid(1234) != 0) _exit(126);
    execl(program.c_str(), "setuid", "euid", nullptr);
    _exit(126);
  }
  int status = 0;
  waitpid(child, &status, 0);
  EXPECT_EQ(status, 0) << "the probe shows nothing";
  Job job = ProbeJob({"euid"});
  job.argv[0] = "/in/setuid";
  job.inputs = {{program, "/in/setuid"}};
  for (const Layers layers : {Layers::kAll, Layers::kNoLandlock}) {
    const Outcome outcome = RunInside(directory_, job, MachineWith(layers));
    EXPECT_EQ(outcome.status, 1);
    EXPECT_EQ(outcome.standard_output, "euid 1000\n");
  }
  job.argv = {"/usr/bin/su", "-c", "id"};
  EXPECT_FALSE(Succeeded(RunInside(directory_, job)));
}

TEST_F(MachineTest, SameEnvironmentEveryTime) {
  const Outcome first = RunInside(directory_, ProbeJob({"describe"}));
  ASSERT_TRUE(Succeeded(first)) << first.explanation;
  EXPECT_NE(first.standard_output.find("PYTHONHASHSEED=0\nTZ=UTC\n"), std::string::npos) << first.standard_output;
  EXPECT_NE(first.standard_output.find("2 1 1000 1000\npawl /tmp\n"), std::string::npos) << first.standard_output;
  setenv("PAWL_TEST_NOISE", "noise", 1);
  for (int i = 0; i < 5; ++i) {
    EXPECT_EQ(RunInside(directory_, ProbeJob({"describe"})).standard_output, first.standard_output);
  }
  Job job = ProbeJob({"describe"});
  job.extra_environment = {{"SEED", "7"}};
  EXPECT_NE(RunInside(directory_, job).standard_output.find("SEED=7\n"), std::string::npos);
}

// A digest of names and bytes of what a job left in /out.
std::string OutputDigest(const path& output, const Outcome& outcome) {
  std::string all;
  for (const OutputFile& file : outcome.files) {
    std::ifstream stream(output / file.path, std::ios::binary);
    std::stringstream bytes;
    bytes << stream.rdbuf();
    all += file.path + '\0' + std::to_string(bytes.str().size()) + '\0' + bytes.str();
  }
  return all;
}

// What a program writes that looks at everything it can see but the clock and chance, and its control: outside, no two
// runs of it agree.
TEST_F(MachineTest, SameOutputEveryTime) {
  const std::string program =
      "import os, sys\n"
      "os.makedirs(sys.argv[1] + '/b')\n"
      "def write(name, value): open(sys.argv[1] + '/' + name, 'w').write(repr(value))\n"
      "write('hash', (hash('x'), list({'a', 'b', 'c', 'd', 'e'})))\n"
      "write('b/place', (id(object()), os.getpid(), os.getppid(), os.getuid(), os.getcwd(), os.uname()[:2]))\n"
      "write('environment', dict(os.environ))\n"
      "write('files', sorted(os.listdir('/')) + sorted(os.listdir('/proc/self/fd')))\n"
      "write('limits', [__import__('resource').getrlimit(which) for which in range(16)])\n";
  std::string digests[3], outside[2];
  for (size_t i = 0; i < std::size(digests); ++i) {
    Job job = ProbeJob({});
    job.argv = {"/usr/bin/python3", "-c", program, "/out/made"};
    const path output = directory_.path() / ("same-" + std::to_string(i));
    const Result<Outcome> outcome = RunOn(TestedMachine(), job, EveryWeakening(), output);
    ASSERT_TRUE(outcome.ok()) << outcome.error().message;
    ASSERT_TRUE(Succeeded(*outcome)) << outcome->standard_error;
    ASSERT_EQ(outcome->files.size(), 5u);
    digests[i] = OutputDigest(output, *outcome);
  }
  EXPECT_EQ(digests[0], digests[1]);
  EXPECT_EQ(digests[0], digests[2]);
  for (size_t i = 0; i < std::size(outside); ++i) {
    const path made = directory_.path() / ("outside-" + std::to_string(i));
    ASSERT_EQ(RunOutside({"/usr/bin/python3", "-c", program, made.string()}, "/usr/bin/python3"), 0);
    std::stringstream bytes;
    bytes << std::ifstream(made / "b/place").rdbuf();
    outside[i] = bytes.str();
  }
  EXPECT_NE(outside[0], outside[1]) << "the program shows nothing";
}

// In a mount namespace of its own, the outputs go to a disk with less room than they need.
TEST_F(MachineTest, AFullDiskIsTheMachinesFailure) {
  if (geteuid() != 0) GTEST_SKIP() << "needs root to make a small disk";
  const path small = directory_.path() / "small";
  std::filesystem::create_directory(small);
  const pid_t child = fork();
  if (child == 0) {
    if (unshare(CLONE_NEWNS) != 0 || mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0 ||
        mount("tmpfs", small.c_str(), "tmpfs", 0, "size=1m") != 0) {
      _exit(9);
    }
    int wrong = 0;
    for (const char* mebibytes : {"3", "0"}) {  // the second, with room again, shows that nothing stays of the first
      const Result<Outcome> outcome =
          RunOn(TestedMachine(), ProbeJob({"fill", "/out/x", mebibytes}), EveryWeakening(), small / "out");
      const End expected = *mebibytes == '3' ? End::kSetupError : End::kExited;
      const size_t files = *mebibytes == '3' ? 0 : 1;
      if (!outcome.ok() || outcome->end != expected || outcome->files.size() != files) wrong |= 1;
      if (outcome.ok() && *mebibytes == '3' && outcome->explanation.find("No space left") == std::string::npos)
        wrong |= 2;
      if (*mebibytes == '3' && !std::filesystem::is_empty(small / "out")) wrong |= 4;
    }
    _exit(wrong);
  }
  int status = 0;
  waitpid(child, &status, 0);
  EXPECT_EQ(status, 0);
}

// Names of files that hold `text`, in every place of the host that anybody may write to.
std::vector<std::string> FilesWith(const std::string& text, const path& also) {
  std::vector<std::string> found;
  for (const path& place :
       {path("/tmp"), path("/dev/shm"), path("/var/tmp"), path("/in"), path("/out"), path("/run"), also}) {
    std::error_code failed;
    for (std::filesystem::directory_iterator entry(place, failed), end; !failed && entry != end;
         entry.increment(failed)) {
      if (entry->path().filename().string().find(text) != std::string::npos) found.push_back(entry->path());
    }
  }
  return found;
}

TEST_F(MachineTest, NoFileIsLeftBehind) {
  const std::string token = "pawl-file-" + std::to_string(getpid());
  const auto write_everywhere = [&](const char* end) {
    return "for d in /tmp /dev/shm /var/tmp /run /out .; do echo x > $d/" + token + "; done 2> /dev/null; " + end;
  };
  ASSERT_EQ(RunOutside({"/bin/sh", "-c", write_everywhere("exit 0")}, "/bin/sh"), 0);
  const std::vector<std::string> outside = FilesWith(token, std::filesystem::current_path());
  EXPECT_GE(outside.size(), 2u) << "the script shows nothing";
  for (const std::string& file : outside) std::filesystem::remove(file);
  for (const char* end : {"exit 0", "exit 3", "kill -9 $$", "sleep 30", "ln -s /etc/passwd /out/z"}) {
    Job job = ProbeJob({});
    job.argv = {"/bin/sh", "-c", write_everywhere(end)};
    job.limits.wall_ms = end[0] == 's' ? 400 : 20'000;
    const path output = directory_.path() / ("file-" + std::to_string(end[0]) + std::to_string(end[5]));
    const Result<Outcome> outcome = RunOn(TestedMachine(), job, EveryWeakening(), output);
    ASSERT_TRUE(outcome.ok()) << outcome.error().message;
    EXPECT_EQ(FilesWith(token, std::filesystem::current_path()), std::vector<std::string>()) << end;
    // Its outputs are where they belong, and nothing else is; unless it ended otherwise, there are none.
    std::vector<std::string> kept;
    for (const auto& entry : std::filesystem::directory_iterator(output)) kept.push_back(entry.path().filename());
    EXPECT_EQ(kept, outcome->end == End::kExited ? std::vector<std::string>{token} : std::vector<std::string>()) << end;
  }
}

TEST_F(MachineTest, NothingIsLeftBehindBy64QueuedJobs) {
  RunInside(directory_, ProbeJob({"describe"}));
  const std::vector<std::string> before = Traces();
  // Of this process alone: the same cases run at the same time as another user, whose daemons are still alive.
  const std::string token = "pawl-queued-" + std::to_string(getpid());
  const std::vector<std::string> probes[] = {
      {"daemon", token, "close"}, {"fork", "100"}, {"flood", "2", "1"}, {"leave", "symlink", "/out"}};
  std::atomic<int> next = 0;
  std::vector<std::string> ends(64);
  const auto work = [&] {
    for (int i = next++; i < 64; i = next++) {
      Result<Outcome> outcome = RunOn(TestedMachine(), ProbeJob(probes[i % 4]), EveryWeakening(),
                                      directory_.path() / ("queued-" + std::to_string(i)));
      ends[static_cast<size_t>(i)] = outcome.ok() ? std::string(sandbox::Name(outcome->end)) : outcome.error().message;
    }
  };
  std::thread other(work);
  work();
  other.join();
  // None is lost: each ended as its kind does.
  for (size_t i = 0; i < ends.size(); ++i) EXPECT_EQ(ends[i], ends[i % 4]) << i;
  EXPECT_EQ(ends[0], "exited");
  EXPECT_EQ(ends[2], "output-flood");
  EXPECT_EQ(ends[3], "bad-output");
  EXPECT_EQ(Traces(), before);
  EXPECT_TRUE(ProcessesWith(token).empty());
}

TEST_F(MachineTest, JobsRunSideBySide) {
  const std::vector<std::string> before = Traces();
  std::vector<std::thread> threads;
  std::vector<std::string> printed(8);
  for (std::size_t i = 0; i < printed.size(); ++i) {
    threads.emplace_back([&, i] {
      Job job = ProbeJob({});
      job.argv = {"/bin/sh", "-c", "echo $0 > /out/x; cat /out/x", std::to_string(i)};
      Result<Outcome> outcome =
          RunOn(TestedMachine(), job, EveryWeakening(), directory_.path() / ("side-" + std::to_string(i)));
      printed[i] = outcome.ok() ? outcome->standard_output : outcome.error().message;
    });
  }
  for (std::thread& thread : threads) thread.join();
  for (std::size_t i = 0; i < printed.size(); ++i) EXPECT_EQ(printed[i], std::to_string(i) + "\n");
  EXPECT_EQ(Traces(), before);
}

TEST_F(MachineTest, StopsOnRequest) {
  std::stop_source stop;
  std::thread later([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(200));
    stop.request_stop();
  });
  const auto began = std::chrono::steady_clock::now();
  const Result<Outcome> outcome = RunOn(TestedMachine(), ProbeJob({"ignore-term", "15"}), EveryWeakening(),
                                        directory_.path() / "out", stop.get_token());
  later.join();
  ASSERT_FALSE(outcome.ok());
  EXPECT_EQ(outcome.error().rule, "sandbox.stopped");
  EXPECT_LT(std::chrono::steady_clock::now() - began, std::chrono::seconds(10));
}

TEST_F(MachineTest, TheJobDiesWithPawl) {
  const std::string token = "pawl-orphan-" + std::to_string(getpid());
  const pid_t child = fork();
  if (child == 0) {
    Job job = ProbeJob({});
    job.argv = {"/bin/sh", "-c", "sleep 30 # $0", token};
    [[maybe_unused]] const Result<Outcome> ignored =
        RunOn(TestedMachine(), job, EveryWeakening(), directory_.path() / "out");
    _exit(0);
  }
  for (int i = 0; i < 100 && ProcessesWith(token).empty(); ++i)
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
  ASSERT_FALSE(ProcessesWith(token).empty());
  kill(child, SIGKILL);
  waitpid(child, nullptr, 0);
  for (int i = 0; i < 100 && !ProcessesWith(token).empty(); ++i)
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
  EXPECT_TRUE(ProcessesWith(token).empty());
  // Its control groups go with the next job that finds them empty.
  const auto remains = [&] {
    for (const auto& parent : {ThisMachine().cgroups.memory, ThisMachine().cgroups.pids}) {
      if (parent.empty()) continue;
      for (const auto& entry : std::filesystem::directory_iterator(parent)) {
        if (entry.path().filename().string().find("-" + std::to_string(child) + "-") != std::string::npos) return true;
      }
    }
    return false;
  };
  for (int i = 0; i < 50 && (i == 0 || remains()); ++i) {
    EXPECT_TRUE(Succeeded(RunInside(directory_, ProbeJob({"describe"}))));
  }
  EXPECT_FALSE(remains());
}

}  // namespace
}  // namespace pawl::sandbox::testing
