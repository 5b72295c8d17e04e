#include "sandbox/seccomp.h"

#include <fcntl.h>
#include <linux/fs.h>
#include <linux/sched.h>
#include <seccomp.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <memory>

#include "sandbox/descriptor.h"
#include "sandbox/system_error.h"

namespace pawl::sandbox {
namespace {

using Filter = std::remove_pointer_t<scmp_filter_ctx>;

// What compilers, interpreters, shells and numerical libraries use. Calls that an architecture does not have are
// skipped by libseccomp.
constexpr const char* kAllowed[] = {
    // files
    "access", "faccessat", "faccessat2", "chdir", "fchdir", "chmod", "fchmod", "fchmodat", "chown", "fchown",
    "fchownat", "lchown", "close", "close_range", "copy_file_range", "creat", "dup", "dup2", "dup3", "fadvise64",
    "fallocate", "fdatasync", "fsync", "ftruncate", "truncate", "fgetxattr", "getxattr", "lgetxattr", "flistxattr",
    "listxattr", "llistxattr", "fstat", "fstatfs", "newfstatat", "stat", "lstat", "statfs", "statx", "getcwd",
    "getdents", "getdents64", "link", "linkat", "lseek", "mkdir", "mkdirat", "open", "openat", "openat2", "pipe",
    "pipe2", "pread64", "preadv", "preadv2", "pwrite64", "pwritev", "pwritev2", "read", "readahead", "readv",
    "readlink", "readlinkat", "rename", "renameat", "renameat2", "rmdir", "sendfile", "splice", "tee", "vmsplice",
    "symlink", "symlinkat", "sync_file_range", "umask", "unlink", "unlinkat", "utime", "utimensat", "utimes",
    "futimesat", "write", "writev",
    // waiting
    "epoll_create", "epoll_create1", "epoll_ctl", "epoll_pwait", "epoll_pwait2", "epoll_wait", "eventfd", "eventfd2",
    "poll", "ppoll", "pselect6", "select", "signalfd", "signalfd4", "timerfd_create", "timerfd_gettime",
    "timerfd_settime",
    // memory
    "brk", "get_mempolicy", "madvise", "membarrier", "mincore", "mlock", "mlock2", "mlockall", "mprotect", "mremap",
    "msync", "munlock", "munlockall", "munmap", "pkey_alloc", "pkey_free", "pkey_mprotect",
    // processes and threads
    "arch_prctl", "execve", "execveat", "exit", "exit_group", "fork", "vfork", "futex", "futex_waitv",
    "get_robust_list", "set_robust_list", "get_thread_area", "set_thread_area", "set_tid_address", "getcpu", "getegid",
    "geteuid", "getgid", "getgroups", "getpgid", "getpgrp", "getpid", "getppid", "getpriority", "setpriority",
    "getresgid", "getresuid", "getrlimit", "getrusage", "getsid", "gettid", "getuid", "kill", "tgkill", "tkill",
    "pidfd_open", "pidfd_send_signal", "restart_syscall", "rseq", "rt_sigaction", "rt_sigpending", "rt_sigprocmask",
    "rt_sigqueueinfo", "rt_sigreturn", "rt_sigsuspend", "rt_sigtimedwait", "rt_tgsigqueueinfo", "sched_getaffinity",
    "sched_getattr", "sched_getparam", "sched_getscheduler", "sched_get_priority_max", "sched_get_priority_min",
    "sched_rr_get_interval", "sched_setaffinity", "sched_yield", "setpgid", "setsid", "sigaltstack", "wait4", "waitid",
    "capget", "sysinfo", "times", "uname", "getrandom",
    // time
    "alarm", "clock_getres", "clock_gettime", "clock_nanosleep", "getitimer", "setitimer", "gettimeofday", "nanosleep",
    "pause", "time", "timer_create", "timer_delete", "timer_getoverrun", "timer_gettime", "timer_settime",
    // sockets, once they exist; see AddConditions for which may
    "accept", "accept4", "bind", "connect", "getpeername", "getsockname", "getsockopt", "listen", "recvfrom",
    "recvmmsg", "recvmsg", "sendmmsg", "sendmsg", "sendto", "setsockopt", "shutdown"};

// Calls of administration, tracing and configuration that programs do try. Locks by flock reach the host's own files
// even through a read-only view, and would let two jobs signal each other.
constexpr const char* kForbidden[] = {
    // in the order of the alphabet
    "acct",
    "add_key",
    "adjtimex",
    "bpf",
    "capset",
    "chroot",
    "clock_adjtime",
    "clock_settime",
    "delete_module",
    "fanotify_init",
    "finit_module",
    "flock",
    "fsconfig",
    "fsmount",
    "fsopen",
    "fspick",
    "init_module",
    "inotify_add_watch",
    "inotify_init",
    "inotify_init1",
    "io_uring_enter",
    "io_uring_register",
    "io_uring_setup",
    "ioperm",
    "iopl",
    "kcmp",
    "kexec_file_load",
    "kexec_load",
    "keyctl",
    "lookup_dcookie",
    "mbind",
    "migrate_pages",
    "modify_ldt",
    "mount",
    "mount_setattr",
    "move_mount",
    "move_pages",
    "mq_getsetattr",
    "mq_notify",
    "mq_open",
    "mq_timedreceive",
    "mq_timedsend",
    "mq_unlink",
    "msgctl",
    "msgget",
    "msgrcv",
    "msgsnd",
    "name_to_handle_at",
    "nfsservctl",
    "open_by_handle_at",
    "open_tree",
    "perf_event_open",
    "pidfd_getfd",
    "pivot_root",
    "process_vm_readv",
    "process_vm_writev",
    "ptrace",
    "quotactl",
    "reboot",
    "request_key",
    "sched_setattr",
    "sched_setparam",
    "sched_setscheduler",
    "semctl",
    "semget",
    "semop",
    "semtimedop",
    "set_mempolicy",
    "setdomainname",
    "setfsgid",
    "setfsuid",
    "setgid",
    "setgroups",
    "sethostname",
    "setns",
    "setregid",
    "setresgid",
    "setresuid",
    "setreuid",
    "setrlimit",
    "settimeofday",
    "setuid",
    "shmat",
    "shmctl",
    "shmdt",
    "shmget",
    "stime",
    "swapoff",
    "swapon",
    "sync",
    "syncfs",
    "syslog",
    "umount",
    "umount2",
    "unshare",
    "uselib",
    "userfaultfd",
    "vhangup"};

// A filter under construction; remembers the first failure.
class Builder {
 public:
  explicit Builder(scmp_filter_ctx context) : context_(context) {}

  template <typename... Condition>
  void Add(std::uint32_t action, const char* name, Condition... condition) {
    const int number = seccomp_syscall_resolve_name(name);
    if (number == __NR_SCMP_ERROR) return;  // not known to this libseccomp, so it gets the default
    const scmp_arg_cmp conditions[] = {condition..., scmp_arg_cmp{}};
    const int added = seccomp_rule_add_array(context_, action, number, sizeof...(condition), conditions);
    if (added != 0 && failure_.empty()) failure_ = std::string("rule for ") + name + ": " + ErrorText(-added);
  }
  template <typename... Condition>
  void Allow(const char* name, Condition... condition) {
    Add(SCMP_ACT_ALLOW, name, condition...);
  }

  const std::string& failure() const { return failure_; }

 private:
  scmp_filter_ctx context_;
  std::string failure_;
};

// All comparisons are of the whole 64-bit register: a value with stray high bits, which the kernel would cut off, is
// another value here and therefore not allowed.
scmp_arg_cmp Equals(unsigned argument, std::uint64_t value) { return {argument, SCMP_CMP_EQ, value, 0}; }
scmp_arg_cmp HasBits(unsigned argument, std::uint64_t mask, std::uint64_t bits) {
  return {argument, SCMP_CMP_MASKED_EQ, mask, bits};
}
scmp_arg_cmp HasNone(unsigned argument, std::uint64_t mask) { return HasBits(argument, mask, 0); }

void AddProcessConditions(Builder& filter) {
  // No new namespaces. clone3 passes its flags in memory, where a filter cannot look, so it is not listed anywhere:
  // after ENOSYS programs fall back to clone.
  constexpr std::uint64_t kNamespaces =
      CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNET;
  filter.Allow("clone", HasNone(0, kNamespaces));
  // Limits may be read.
  filter.Allow("prlimit64", Equals(2, 0));
  filter.Allow("personality", Equals(0, 0xffffffff));
  for (const int option : {PR_SET_NAME, PR_GET_NAME, PR_SET_PDEATHSIG, PR_GET_PDEATHSIG, PR_GET_DUMPABLE,
                           PR_SET_DUMPABLE, PR_GET_NO_NEW_PRIVS, PR_SET_NO_NEW_PRIVS, PR_CAPBSET_READ, PR_GET_SECCOMP,
                           PR_GET_KEEPCAPS, PR_GET_TIMERSLACK, PR_GET_THP_DISABLE, PR_GET_CHILD_SUBREAPER,
                           PR_SET_CHILD_SUBREAPER, 0x53564d41 /* PR_SET_VMA: names for mappings */}) {
    filter.Allow("prctl", Equals(0, static_cast<std::uint64_t>(option)));
  }
}

void AddMemoryConditions(Builder& filter) {
  // Huge pages come from a pool of their own that the job's memory limit does not count.
  filter.Allow("mmap", HasNone(3, MAP_HUGETLB));
  filter.Allow("memfd_create", HasNone(1, MFD_HUGETLB));
}

void AddFileConditions(Builder& filter) {
  // No rule for the others: libseccomp lets one without conditions win over all that have some.
  for (const unsigned long request : {TCGETS, FIOCLEX, FIONCLEX, FIONREAD, FIONBIO}) {
    filter.Allow("ioctl", Equals(1, request));
  }
  // Not the asking form of locks (it would show those of other jobs on shared files), no leases, no notification.
  // F_SETLK and F_SETLKW need a writable descriptor to exclude anybody.
  for (const int command : {F_DUPFD, F_DUPFD_CLOEXEC, F_GETFD, F_SETFD, F_GETFL, F_SETFL, F_SETLK, F_SETLKW,
                            F_OFD_SETLK, F_OFD_SETLKW, F_GETPIPE_SZ, F_ADD_SEALS, F_GET_SEALS}) {
    filter.Allow("fcntl", Equals(1, static_cast<std::uint64_t>(command)));
  }
  // FIFOs only (mkfifo); collection refuses them in /out.
  filter.Allow("mknod", HasBits(1, S_IFMT, S_IFIFO));
  filter.Allow("mknodat", HasBits(2, S_IFMT, S_IFIFO));
  for (const char* name : {"setxattr", "fsetxattr", "lsetxattr", "removexattr", "fremovexattr", "lremovexattr"}) {
    filter.Add(SCMP_ACT_ERRNO(EOPNOTSUPP), name);
  }
}

void AddSocketConditions(Builder& filter) {
  filter.Allow("socket", Equals(0, AF_UNIX));
  filter.Allow("socketpair", Equals(0, AF_UNIX));
  filter.Add(SCMP_ACT_ERRNO(EAFNOSUPPORT), "socket", scmp_arg_cmp{0, SCMP_CMP_NE, AF_UNIX, 0});
}

void AddConditions(Builder& filter) {
  AddProcessConditions(filter);
  AddMemoryConditions(filter);
  AddFileConditions(filter);
  AddSocketConditions(filter);
}

Result<std::string> Export(scmp_filter_ctx context) {
  const Descriptor memory(memfd_create("pawl-filter", MFD_CLOEXEC));
  if (!memory.valid()) return SystemCallFailed("sandbox.setup.filter", "cannot create a memory file");
  if (const int failed = seccomp_export_bpf(context, memory.get()); failed != 0) {
    return SystemCallFailed("sandbox.setup.filter", "cannot export the system-call filter", "", -failed);
  }
  const off_t size = lseek(memory.get(), 0, SEEK_END);
  std::string program(static_cast<std::size_t>(size < 0 ? 0 : size), '\0');
  if (size <= 0 || pread(memory.get(), program.data(), program.size(), 0) != size) {
    return SystemCallFailed("sandbox.setup.filter", "cannot read the system-call filter back");
  }
  return program;
}

Result<std::string> MakeFilter() {
  const std::unique_ptr<Filter, void (*)(scmp_filter_ctx)> owner(seccomp_init(SCMP_ACT_ERRNO(ENOSYS)), seccomp_release);
  if (owner == nullptr) return SystemFailure("sandbox.setup.filter", "libseccomp cannot start a filter");
  if (seccomp_attr_set(owner.get(), SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS) != 0 ||
      seccomp_attr_set(owner.get(), SCMP_FLTATR_CTL_OPTIMIZE, 2) != 0) {
    return SystemFailure("sandbox.setup.filter", "libseccomp refuses an attribute");
  }
  Builder filter(owner.get());
  for (const char* name : kAllowed) filter.Allow(name);
  for (const char* name : kForbidden) filter.Add(SCMP_ACT_ERRNO(EPERM), name);
  AddConditions(filter);
  if (!filter.failure().empty()) return SystemFailure("sandbox.setup.filter", "libseccomp: " + filter.failure());
  return Export(owner.get());
}

}  // namespace

Result<std::string> SystemCallFilter() {
  static const Result<std::string> filter = MakeFilter();
  return filter;
}

}  // namespace pawl::sandbox
