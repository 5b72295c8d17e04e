#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <string.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "control.h"
#include "landlock.h"
#include "plan.h"
#include "sandbox/helper_plan.h"
#include "stages.h"

namespace pawl::sandbox::helper {
namespace {

constexpr unsigned kStringsMax = 4096;
constexpr unsigned kResourceLimitsMax = 16;

struct ResourceLimit {
  unsigned resource = 0;
  rlim_t soft = 0;
  rlim_t hard = 0;
};

struct Program {
  char* working_directory = nullptr;
  char* arguments[kStringsMax + 1] = {};
  char* environment[kStringsMax + 1] = {};
  ResourceLimit resource_limits[kResourceLimitsMax];
  unsigned resource_limit_count = 0;
  int landlock_abi = 0;
  Field filter;
};

void ReadStrings(Plan& plan, char** strings) {
  const std::uint64_t count = plan.Number();
  if (count > kStringsMax) Fail("read the plan: too many strings", E2BIG);
  for (std::uint64_t i = 0; i < count; ++i) strings[i] = plan.Text();
}

void ReadProgram(Plan& plan, Program& program) {
  program.working_directory = plan.Text();
  ReadStrings(plan, program.arguments);
  ReadStrings(plan, program.environment);
  const std::uint64_t count = plan.Number();
  if (count > kResourceLimitsMax) Fail("read the plan: too many resource limits", E2BIG);
  for (; program.resource_limit_count < count; ++program.resource_limit_count) {
    ResourceLimit& limit = program.resource_limits[program.resource_limit_count];
    limit.resource = static_cast<unsigned>(plan.Number());
    limit.soft = plan.Number();
    limit.hard = plan.Number();
  }
  program.landlock_abi = static_cast<int>(plan.Number());
  program.filter = plan.Next();
}

// The same addresses in every run of the same program.
void FixAddresses() {
  if (personality(ADDR_NO_RANDOMIZE) < 0) Fail("fix addresses");
}

void LimitResources(const Program& program) {
  for (unsigned i = 0; i < program.resource_limit_count; ++i) {
    const ResourceLimit& limit = program.resource_limits[i];
    rlimit both{};
    if (syscall(SYS_prlimit64, 0, limit.resource, nullptr, &both) != 0) Fail("read a resource limit");
    // Without privileges a hard limit can only be lowered.
    if (both.rlim_max > limit.hard) both.rlim_max = limit.hard;
    both.rlim_cur = both.rlim_max < limit.soft ? both.rlim_max : limit.soft;
    if (syscall(SYS_prlimit64, 0, limit.resource, &both, nullptr) != 0) Fail("set a resource limit");
  }
}

// The plan's bytes are not aligned; the kernel copies them from here.
void FilterSystemCalls(const Field& filter) {
  static sock_filter instructions[BPF_MAXINSNS];
  const std::size_t count = filter.size / sizeof(sock_filter);
  if (count == 0 || count > BPF_MAXINSNS) Fail("filter system calls: size", EINVAL);
  memcpy(instructions, filter.data, count * sizeof(sock_filter));
  sock_fprog program{static_cast<unsigned short>(count), instructions};
  if (syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program) != 0) Fail("filter system calls");
}

// Each step narrows what the next may do, so their order is fixed.
[[noreturn]] void Become(Program& program) {
  signal(SIGPIPE, SIG_DFL);
  umask(022);
  if (chdir(program.working_directory) != 0) Fail("change to the working directory");
  // Not closed: Fail needs the control socket up to the last step. execve closes it, and all else there may be.
  constexpr unsigned kCloseRangeCloexec = 4;
  if (syscall(SYS_close_range, 3U, ~0U, kCloseRangeCloexec) != 0) Fail("close descriptors");
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) Fail("forbid new privileges");
  LimitResources(program);
  FixAddresses();
  RestrictFiles(program.landlock_abi);
  FilterSystemCalls(program.filter);
  execve(program.arguments[0], program.arguments, program.environment);
  Report report{};
  report.kind = ReportKind::kNotExecuted;
  report.error_number = errno;
  Send(report);
  _exit(127);
}

// Reaps whatever ends up here until the program itself has ended.
int AwaitProgram(pid_t program) {
  for (;;) {
    int status = 0;
    const pid_t ended = waitpid(-1, &status, 0);
    if (ended == program) return status;
    if (ended < 0 && errno != EINTR) Fail("wait for the program");
  }
}

std::int64_t Microseconds(const timeval& time) { return time.tv_sec * std::int64_t{1'000'000} + time.tv_usec; }

}  // namespace

void Enter() {
  static Program program;
  Plan plan(kEnterPlan, kEnterMagic);
  ReadProgram(plan, program);
  if (program.arguments[0] == nullptr) Fail("read the plan: no program", EINVAL);
  // The program has our uid here: without this it could read our memory and descriptors through /proc/1.
  if (prctl(PR_SET_DUMPABLE, 0) != 0) Fail("become undumpable");
  if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0) Fail("die with bubblewrap");
  if (getpid() != 1) Fail("be process 1", EINVAL);
  Report report{};
  report.kind = ReportKind::kReady;
  // The parent learns from the kernel who sent this, and takes hold of this process before the program exists.
  if (!Send(report) || !AwaitStart()) _exit(125);

  const pid_t child = fork();
  if (child < 0) Fail("fork");
  if (child == 0) Become(program);
  const int status = AwaitProgram(child);
  rusage used{};
  getrusage(RUSAGE_CHILDREN, &used);
  report = {};
  report.kind = ReportKind::kEnded;
  report.wait_status = status;
  report.cpu_us = Microseconds(used.ru_utime) + Microseconds(used.ru_stime);
  report.resident_kib_max = used.ru_maxrss;
  Send(report);
  _exit(0);
}

}  // namespace pawl::sandbox::helper
