#include "fixture.h"

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <sstream>

namespace pawl::sandbox::testing {

TemporaryDirectory::TemporaryDirectory() {
  std::string name = "/tmp/pawl-sandbox-test-XXXXXX";
  path_ = mkdtemp(name.data());
  chmod(path_.c_str(), 0755);
}

TemporaryDirectory::~TemporaryDirectory() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

Child::~Child() {
  kill(process_, SIGKILL);
  waitpid(process_, nullptr, 0);
}

const Machine& TestedMachine() {
  static const Machine machine = [] {
    Machine found = ThisMachine();
    const char* abi_max = std::getenv("PAWL_TEST_LANDLOCK_ABI_MAX");
    if (abi_max != nullptr)
      found.capabilities.landlock_abi = std::min(found.capabilities.landlock_abi, std::atoi(abi_max));
    return found;
  }();
  return machine;
}

Machine MachineWith(Layers layers) {
  Machine machine = TestedMachine();
  Capabilities& capabilities = machine.capabilities;
  switch (layers) {
    case Layers::kAll:
      break;
    case Layers::kLandlockAbi2:
      capabilities.landlock_abi = std::min(capabilities.landlock_abi, 2);
      break;
    case Layers::kNoLandlock:
      capabilities.landlock_abi = 0;
      break;
    case Layers::kNoControlGroups:
      machine.cgroups = {};
      capabilities.cgroup = CgroupKind::kNone;
      capabilities.memory_limited = capabilities.processes_limited = capabilities.cpu_limited = false;
      break;
  }
  return machine;
}

std::string Name(Layers layers) {
  switch (layers) {
    case Layers::kAll:
      return "AllLayers";
    case Layers::kLandlockAbi2:
      return "LandlockAbi2";
    case Layers::kNoLandlock:
      return "NoLandlock";
    case Layers::kNoControlGroups:
      return "NoControlGroups";
  }
  return "";
}

std::filesystem::path ProbeOutside() {
  return std::filesystem::read_symlink("/proc/self/exe").parent_path() / "pawl-sandbox-probe";
}

Job ProbeJob(std::vector<std::string> arguments) {
  Job job;
  job.argv = {kProbeInside};
  job.argv.insert(job.argv.end(), arguments.begin(), arguments.end());
  job.inputs = {{ProbeOutside(), kProbeInside}};
  job.limits.wall_ms = 20'000;
  job.limits.memory_mib = 256;
  job.limits.processes = 32;
  job.limits.output_bytes = 4 << 20;
  job.limits.output_files = 1000;
  job.limits.tmp_mib = 8;
  return job;
}

int RunOutside(std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), ProbeOutside());
  return RunOutside(arguments, arguments.front());
}

int RunOutside(std::vector<std::string> words, const std::string& program) {
  std::vector<char*> argv;
  for (std::string& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);
  fflush(stdout);
  const pid_t child = fork();
  if (child == 0) {
    alarm(60);
    if (freopen("/dev/null", "w", stdout) != nullptr) execv(program.c_str(), argv.data());
    _exit(126);
  }
  int status = 0;
  waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

Outcome RunInside(const TemporaryDirectory& directory, const Job& job, const Machine& machine) {
  static int count = 0;
  const std::filesystem::path output = directory.path() / ("out-" + std::to_string(count++));
  Result<Outcome> outcome = RunOn(machine, job, EveryWeakening(), output);
  if (!outcome.ok()) {
    ADD_FAILURE() << outcome.error().rule << ": " << outcome.error().message;
    return Outcome{};
  }
  return std::move(*outcome);
}

std::vector<pid_t> ProcessesWith(const std::string& text) {
  std::vector<pid_t> found;
  for (const auto& entry : std::filesystem::directory_iterator("/proc")) {
    const std::string name = entry.path().filename();
    if (name.find_first_not_of("0123456789") != std::string::npos || name == std::to_string(getpid())) continue;
    std::stringstream command;
    command << std::ifstream(entry.path() / "cmdline").rdbuf();
    if (command.str().find(text) != std::string::npos) found.push_back(std::stoi(name));
  }
  return found;
}

std::vector<std::string> Traces() {
  std::vector<std::string> traces;
  std::ifstream mounts("/proc/self/mountinfo");
  for (std::string line; std::getline(mounts, line);) traces.push_back(line);
  int descriptors = 0;
  for ([[maybe_unused]] const auto& entry : std::filesystem::directory_iterator("/proc/self/fd")) ++descriptors;
  traces.push_back(std::to_string(descriptors) + " descriptors");
  const CgroupParents& groups = ThisMachine().cgroups;
  const std::string own = "-" + std::to_string(getpid()) + "-";
  for (const auto& parent : {groups.memory, groups.pids, groups.cpuacct, groups.unified}) {
    if (parent.empty()) continue;
    for (const auto& entry : std::filesystem::directory_iterator(parent)) {
      const std::string name = entry.path().filename();
      if (name.starts_with("pawl-") && name.find(own) != std::string::npos) traces.push_back(entry.path());
    }
  }
  // A zombie of ours would be a process that nobody waited for.
  siginfo_t info{};
  if (waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) == 0 && info.si_pid != 0) {
    traces.push_back("zombie " + std::to_string(info.si_pid));
  }
  std::sort(traces.begin(), traces.end());
  return traces;
}

}  // namespace pawl::sandbox::testing
