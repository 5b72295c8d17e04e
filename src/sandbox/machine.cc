#include "sandbox/machine.h"

#include <fcntl.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <spawn.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <sys/wait.h>

#include <array>
#include <cstdlib>
#include <string>

#include "sandbox/cgroup.h"
#include "sandbox/descriptor.h"
#include "sandbox/sandbox.h"

namespace pawl::sandbox {
namespace {

std::filesystem::path FindHelper() {
  std::error_code failed;
  const std::filesystem::path self = std::filesystem::read_symlink("/proc/self/exe", failed);
  if (failed) return {};
  const std::filesystem::path directory = self.parent_path();
  for (const std::filesystem::path& place :
       {directory / "pawl-sandbox-helper", directory.parent_path() / "libexec/pawl/pawl-sandbox-helper"}) {
    if (access(place.c_str(), X_OK) == 0) return place;
  }
  return {};
}

// The first line that `bwrap --version` prints.
std::string BubblewrapVersion(const std::filesystem::path& bubblewrap) {
  std::array<int, 2> ends{};
  if (pipe2(ends.data(), O_CLOEXEC) != 0) return "";
  const Descriptor reader(ends[0]);
  Descriptor writer(ends[1]);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, writer.get(), 1);
  char name[] = "bwrap", option[] = "--version";
  char* arguments[] = {name, option, nullptr};
  char* environment[] = {nullptr};
  pid_t process = 0;
  const int failed = posix_spawn(&process, bubblewrap.c_str(), &actions, nullptr, arguments, environment);
  posix_spawn_file_actions_destroy(&actions);
  writer.Close();
  if (failed != 0) return "";
  std::array<char, 128> text{};
  ssize_t size = 0;
  for (ssize_t got; size < static_cast<ssize_t>(text.size()) &&
                    (got = read(reader.get(), text.data() + size, text.size() - static_cast<std::size_t>(size))) > 0;) {
    size += got;
  }
  int status = 0;
  waitpid(process, &status, 0);
  const std::string printed(text.data(), static_cast<std::size_t>(size));
  return status == 0 ? printed.substr(0, printed.find('\n')) : "";
}

// In a child, since it cannot be undone. Root asks as the user that jobs run as.
UserNamespaces TryUserNamespaces(bool as_root) {
  const pid_t child = fork();
  if (child < 0) return UserNamespaces::kForbidden;
  if (child == 0) {
    const bool ready = !as_root || (syscall(SYS_setresgid, 65534, 65534, 65534) == 0 &&
                                    syscall(SYS_setresuid, 65534, 65534, 65534) == 0);
    const UserNamespaces found = !ready                               ? UserNamespaces::kUserOutOfReach
                                 : unshare(CLONE_NEWUSER) == 0        ? UserNamespaces::kWork
                                 : errno == ENOSPC || errno == EUSERS ? UserNamespaces::kUsedUp
                                                                      : UserNamespaces::kForbidden;
    _exit(static_cast<int>(found));
  }
  int status = 0;
  if (waitpid(child, &status, 0) != child || !WIFEXITED(status)) return UserNamespaces::kForbidden;
  return static_cast<UserNamespaces>(WEXITSTATUS(status));
}

int LandlockAbi() {
  constexpr unsigned kAskVersion = 1;
  const long version = syscall(SYS_landlock_create_ruleset, nullptr, 0, kAskVersion);
  return version < 0 ? 0 : static_cast<int>(version);
}

bool SeccompWorks() {
  const unsigned action = SECCOMP_RET_KILL_PROCESS;
  return syscall(SYS_seccomp, SECCOMP_GET_ACTION_AVAIL, 0, &action) == 0;
}

bool KernelAtLeast(int major, int minor) {
  utsname name{};
  int found_major = 0, found_minor = 0;
  return uname(&name) == 0 && std::sscanf(name.release, "%d.%d", &found_major, &found_minor) == 2 &&
         (found_major > major || (found_major == major && found_minor >= minor));
}

const char* UserNamespaceSentence(UserNamespaces found) {
  switch (found) {
    case UserNamespaces::kWork:
      return "User namespaces can be created.";
    case UserNamespaces::kUsedUp:
      return "User namespaces cannot be created: no job can be run. user.max_user_namespaces leaves none.";
    case UserNamespaces::kForbidden:
      return "User namespaces cannot be created: no job can be run. A sysctl, a security module or a container's "
             "filter "
             "forbids it.";
    case UserNamespaces::kUserOutOfReach:
      return "Root cannot become user 65534, as which its jobs run: no job can be run. Either /proc/self/uid_map or "
             "gid_map has no such id, or root has been left without the right to change its own.";
  }
  return "";
}

std::string CgroupSentence(const Capabilities& found) {
  switch (found.cgroup) {
    case CgroupKind::kVersion1:
      return "Control groups of version 1 can be created.";
    case CgroupKind::kVersion2:
      return "A delegated subtree of control groups of version 2 can be used.";
    case CgroupKind::kNone:
      return "No control groups can be created: memory is limited for each process alone, and CPU time is not summed. "
             "Run as root, or in a delegated scope: systemd-run --user --scope -p Delegate=yes";
  }
  return "";
}

std::vector<std::string> Sentences(const Machine& machine) {
  const Capabilities& found = machine.capabilities;
  const auto say = [](bool yes, const char* good, const char* bad) { return std::string(yes ? good : bad); };
  return {
      found.bubblewrap_version.empty()
          ? "bubblewrap is missing at " + machine.bubblewrap.string() + ": install the package bubblewrap."
          : "bubblewrap is there: " + found.bubblewrap_version + ".",
      say(found.helper, "pawl-sandbox-helper is there.", "pawl-sandbox-helper is missing: no job can be run."),
      UserNamespaceSentence(found.user_namespaces),
      say(found.seccomp, "System calls can be filtered.", "System calls cannot be filtered: no job can be run."),
      found.landlock_abi > 0 ? "Landlock is available with ABI " + std::to_string(found.landlock_abi) + "."
                             : "Landlock is not available: mounts and namespaces alone protect files.",
      CgroupSentence(found),
      say(found.memory_limited, "Memory is limited for the job as a whole.",
          "Memory is limited for each process alone, not for the job."),
      say(found.processes_limited, "The number of processes is limited, and reaching it is reported.",
          "The number of processes is limited, but reaching it is not reported."),
      say(found.cpu_limited, "CPU time is limited for the job as a whole.",
          "CPU time is limited for each process alone, not for the job."),
      found.runs_as_root ? "Started as root: jobs run as user 65534." : "Started as an ordinary user.",
  };
}

// Why /usr/bin/true does not run in the sandbox; empty where it does.
std::string FailureOfTestJob(const Machine& machine) {
  std::error_code failed;
  std::string folder = std::filesystem::temp_directory_path(failed) / "pawl-check-XXXXXX";
  if (failed || mkdtemp(folder.data()) == nullptr) return "no folder can be made where TMPDIR says, or in /tmp";
  Job job;
  job.argv = {"/usr/bin/true"};
  const Result<Outcome> outcome = RunOn(machine, job, EveryWeakening(), folder + "/out");
  std::filesystem::remove_all(folder, failed);
  if (!outcome.ok()) return outcome.error().message;
  return Succeeded(*outcome) ? "" : "/usr/bin/true: " + outcome->explanation;
}

}  // namespace

Machine FindMachine() {
  Machine machine;
  machine.helper = FindHelper();
  machine.cgroups = FindCgroupParents();
  const CgroupParents& groups = machine.cgroups;
  Capabilities& found = machine.capabilities;
  found.runs_as_root = geteuid() == 0;
  found.user_namespaces = TryUserNamespaces(found.runs_as_root);
  found.bubblewrap_version = BubblewrapVersion(machine.bubblewrap);
  found.helper = !machine.helper.empty();
  found.landlock_abi = LandlockAbi();
  found.seccomp = SeccompWorks();
  found.memory_limited = !groups.memory.empty() || groups.unified_has_memory;
  found.processes_limited = !groups.pids.empty() || groups.unified_has_pids;
  found.cpu_limited = !groups.cpuacct.empty() || !groups.unified.empty();
  found.kills_by_cgroup = !groups.unified.empty() && KernelAtLeast(5, 14);
  found.cgroup = !groups.memory.empty() || !groups.pids.empty() ? CgroupKind::kVersion1
                 : groups.unified_has_memory                    ? CgroupKind::kVersion2
                                                                : CgroupKind::kNone;
  found.idmapped_mounts = found.runs_as_root && KernelAtLeast(5, 12);
  found.sentences = Sentences(machine);
  return machine;
}

const Machine& ThisMachine() {
  static const Machine machine = FindMachine();
  return machine;
}

Capabilities Probe() {
  Machine machine = FindMachine();
  Capabilities& found = machine.capabilities;
  if (!found.usable()) return found;
  found.test_job_failure = FailureOfTestJob(machine);
  found.sentences.push_back(found.test_job_failure.empty() ? "A test job ran in the sandbox."
                                                           : "A test job did not run: " + found.test_job_failure);
  return found;
}

}  // namespace pawl::sandbox
