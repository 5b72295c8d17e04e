#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>
#include <sstream>

#include "probe.h"

namespace probes {
namespace {

pid_t Process(const Arguments& arguments) { return std::stoi(arguments.at(0)); }

int Signal(const Arguments& arguments) { return Judge(kill(Process(arguments), 0) == 0); }

int Attach(const Arguments& arguments) {
  const bool attached = ptrace(PTRACE_ATTACH, Process(arguments), nullptr, nullptr) == 0;
  if (attached) {
    waitpid(Process(arguments), nullptr, __WALL);
    ptrace(PTRACE_DETACH, Process(arguments), nullptr, nullptr);
  }
  return Judge(attached);
}

int TraceMe(const Arguments&) {
  const pid_t child = fork();
  if (child == 0) _exit(ptrace(PTRACE_TRACEME, 0, nullptr, nullptr) == 0 ? 0 : 1);
  int status = 0;
  waitpid(child, &status, 0);
  errno = EPERM;
  return Judge(status == 0);
}

int ReadProc(const Arguments& arguments) {
  const std::string path = "/proc/" + arguments.at(0) + "/" + arguments.at(1);
  return Judge(open(path.c_str(), O_RDONLY) >= 0);
}

int ReadMemory(const Arguments& arguments) {
  char bytes[8];
  const iovec local{bytes, sizeof bytes};
  const iovec remote{reinterpret_cast<void*>(std::stoul(arguments.at(1))), sizeof bytes};
  return Judge(process_vm_readv(Process(arguments), &local, 1, &remote, 1, 0) == sizeof bytes);
}

int StealDescriptor(const Arguments& arguments) {
  const long process = syscall(SYS_pidfd_open, Process(arguments), 0);
  return Judge(process >= 0 && syscall(SYS_pidfd_getfd, process, 0, 0) >= 0);
}

// Is there another process with this text in its command line or environment?
int SeeText(const Arguments& arguments) {
  DIR* processes = opendir("/proc");
  while (const dirent* entry = processes == nullptr ? nullptr : readdir(processes)) {
    const std::string name = entry->d_name;
    if (name.find_first_not_of("0123456789") != std::string::npos || name == std::to_string(getpid())) continue;
    for (const char* file : {"/cmdline", "/environ"}) {
      std::stringstream text;
      text << std::ifstream("/proc/" + name + file).rdbuf();
      // Process 1 of the sandbox and its parents do not have it; a probe's own shell would, so there is none.
      if (text.str().find(arguments.at(0)) != std::string::npos) return kSucceeded;
    }
  }
  std::puts("not seen");
  return kPrevented;
}

int Fork(const Arguments& arguments) {
  std::vector<pid_t> children;
  bool all = true;
  for (int i = std::stoi(arguments.at(0)); i > 0 && all; --i) {
    const pid_t child = fork();
    if (child == 0) {
      pause();
      _exit(0);
    }
    all = child > 0;
    if (all) children.push_back(child);
  }
  const int error_number = errno;
  for (const pid_t child : children) kill(child, SIGKILL);
  while (wait(nullptr) > 0) {
  }
  errno = error_number;
  return Judge(all);
}

int Zombies(const Arguments& arguments) {
  for (int i = std::stoi(arguments.at(0)); i > 0; --i) {
    const pid_t child = fork();
    if (child < 0) return Judge(false);
    if (child == 0) _exit(0);
  }
  return kSucceeded;
}

// argument 0: a text to be recognised by; 1: "keep" or "close" the standard streams.
int Daemon(const Arguments& arguments) {
  if (fork() != 0) return kSucceeded;
  setsid();
  if (fork() != 0) _exit(0);
  if (arguments.at(1) == "close") {
    close(0);
    close(1);
    close(2);
  }
  signal(SIGTERM, SIG_IGN);
  signal(SIGHUP, SIG_IGN);
  for (int second = 0; second < 20; ++second) sleep(1);
  _exit(0);
}

int IgnoreTermination(const Arguments& arguments) {
  for (int signal_number = 1; signal_number < 32; ++signal_number) signal(signal_number, SIG_IGN);
  sleep(static_cast<unsigned>(std::stoi(arguments.at(0))));
  return kSucceeded;
}

int StopSelf(const Arguments&) {
  raise(SIGSTOP);
  return kSucceeded;
}

void BurnUntil(double seconds) {
  rusage used{};
  do {
    for (int i = 0; i < 1'000'000; ++i) asm volatile("");
    getrusage(RUSAGE_SELF, &used);
  } while (static_cast<double>(used.ru_utime.tv_sec) + static_cast<double>(used.ru_utime.tv_usec) / 1e6 < seconds);
}

// argument 0: children; 1: seconds of CPU time for each.
int Burn(const Arguments& arguments) {
  const int children = std::stoi(arguments.at(0));
  signal(SIGXCPU, SIG_IGN);
  for (int i = 0; i < children; ++i) {
    if (fork() == 0) {
      BurnUntil(std::stod(arguments.at(1)));
      _exit(0);
    }
  }
  if (children == 0) BurnUntil(std::stod(arguments.at(1)));
  while (wait(nullptr) > 0) {
  }
  return kSucceeded;
}

int KillInit(const Arguments&) {
  kill(1, SIGKILL);
  kill(1, SIGTERM);
  return 7;
}

int KillAll(const Arguments&) {
  kill(-1, SIGKILL);
  return 7;
}

}  // namespace

std::vector<Probe> ProcessProbes() {
  return {{"signal", Signal},
          {"attach", Attach},
          {"traceme", TraceMe},
          {"proc", ReadProc},
          {"vm-read", ReadMemory},
          {"steal-descriptor", StealDescriptor},
          {"see", SeeText},
          {"fork", Fork},
          {"zombies", Zombies},
          {"daemon", Daemon},
          {"ignore-term", IgnoreTermination},
          {"stop-self", StopSelf},
          {"burn", Burn},
          {"kill-init", KillInit},
          {"kill-all", KillAll}};
}

}  // namespace probes
