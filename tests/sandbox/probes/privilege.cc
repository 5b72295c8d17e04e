#include <fcntl.h>
#include <linux/bpf.h>
#include <linux/perf_event.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/swap.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "probe.h"

namespace probes {
namespace {

// Outside this protects the host's mounts; inside it is refused, and the attempt goes on without.
void TryPrivateMounts() {
  if (unshare(CLONE_NEWNS) == 0) mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr);
}

int Mount(const Arguments&) {
  TryPrivateMounts();
  return Judge(mount("tmpfs", "/tmp", "tmpfs", 0, nullptr) == 0);
}

int RemountWritable(const Arguments&) {
  TryPrivateMounts();
  return Judge(mount(nullptr, "/usr", nullptr, MS_REMOUNT | MS_BIND, nullptr) == 0 ||
               (errno == EINVAL && mount("/usr", "/usr", nullptr, MS_BIND, nullptr) == 0));
}

int Unmount(const Arguments&) {
  TryPrivateMounts();
  return Judge(umount2("/proc", MNT_DETACH) == 0);
}

int OpenTree(const Arguments&) { return Judge(syscall(SYS_open_tree, AT_FDCWD, "/usr", 1) >= 0); }

int OpenFileSystem(const Arguments&) { return Judge(syscall(SYS_fsopen, "tmpfs", 0) >= 0); }

int UserNamespace(const Arguments&) { return Judge(unshare(CLONE_NEWUSER) == 0); }

int UserNamespaceByClone(const Arguments& arguments) {
  long child = -1;
  if (arguments.at(0) == "clone3") {
    clone_args how{};
    how.flags = CLONE_NEWUSER;
    how.exit_signal = SIGCHLD;
    child = syscall(SYS_clone3, &how, sizeof how);
  } else {
    child = syscall(SYS_clone, CLONE_NEWUSER | SIGCHLD, nullptr, nullptr, nullptr, nullptr);
  }
  if (child == 0) _exit(0);
  const int error_number = errno;
  while (wait(nullptr) > 0) {
  }
  errno = error_number == ENOSYS ? EPERM : error_number;
  return Judge(child > 0);
}

int ChangeRoot(const Arguments&) { return Judge(chroot("/tmp") == 0); }

int Keys(const Arguments&) { return Judge(syscall(SYS_add_key, "user", "pawl-probe", "x", 1, -2 /* process */) >= 0); }

int IoUring(const Arguments&) {
  char parameters[120] = {};
  return Judge(syscall(SYS_io_uring_setup, 1, parameters) >= 0);
}

int Bpf(const Arguments&) {
  bpf_attr attributes{};
  attributes.map_type = BPF_MAP_TYPE_ARRAY;
  attributes.key_size = attributes.value_size = 4;
  attributes.max_entries = 1;
  return Judge(syscall(SYS_bpf, BPF_MAP_CREATE, &attributes, sizeof attributes) >= 0);
}

int PerformanceEvent(const Arguments&) {
  perf_event_attr attributes{};
  attributes.type = PERF_TYPE_SOFTWARE;
  attributes.size = sizeof attributes;
  attributes.config = PERF_COUNT_SW_TASK_CLOCK;
  return Judge(syscall(SYS_perf_event_open, &attributes, 0, -1, -1, 0) >= 0);
}

int UserFault(const Arguments&) { return Judge(syscall(SYS_userfaultfd, O_CLOEXEC) >= 0); }

// Never with arguments that could do anything: the question is whether the permission check is passed.
int Administer(const Arguments& arguments) {
  const std::string& what = arguments.at(0);
  if (what == "module") return Judge(Passed(syscall(SYS_init_module, "x", 1, ""), {ENOEXEC}));
  if (what == "kexec") return Judge(Passed(syscall(SYS_kexec_load, 0, 17, nullptr, ~0UL), {EINVAL}));
  if (what == "reboot") return Judge(Passed(syscall(SYS_reboot, 1, 2, 3, nullptr), {EINVAL}));
  if (what == "swapon") return Judge(Passed(swapon("/nonexistent", 0), {ENOENT}));
  if (what == "hostname") return Judge(Passed(syscall(SYS_sethostname, "x", 100'000), {EINVAL}));
  if (what == "clock") {
    const timespec impossible{-1, -1};
    return Judge(Passed(syscall(SYS_clock_settime, CLOCK_REALTIME, &impossible), {EINVAL}));
  }
  return kUsage;
}

int FileHandle(const Arguments&) {
  alignas(file_handle) char bytes[sizeof(file_handle) + 128] = {};
  auto* const handle = reinterpret_cast<file_handle*>(bytes);
  handle->handle_bytes = 128;
  int mount_id = 0;
  const int directory = open("/usr", O_RDONLY | O_DIRECTORY);
  return Judge(name_to_handle_at(AT_FDCWD, "/usr", handle, &mount_id, 0) == 0 &&
               open_by_handle_at(directory, handle, O_RDONLY) >= 0);
}

// FIONREAD with bits above the 32 that the kernel looks at: a filter that compares only those would let the same trick
// through for TIOCSTI.
int IoctlWithHighBits(const Arguments&) {
  int ends[2];
  int available = 0;
  if (pipe(ends) != 0) return kUsage;
  const unsigned long request = (1UL << 32) | FIONREAD;
  return Judge(syscall(SYS_ioctl, ends[0], request, &available) == 0);
}

int PushInput(const Arguments&) {
  const int terminal = open("/dev/ptmx", O_RDWR | O_NOCTTY);
  const char byte = 'x';
  return Judge(terminal >= 0 && ioctl(terminal, TIOCSTI, &byte) == 0);
}

int SegmentDescriptors(const Arguments&) {
  char buffer[16];
  return Judge(syscall(SYS_modify_ldt, 0, buffer, sizeof buffer) >= 0);
}

int OldSystemCall(const Arguments&) {
#if defined(__x86_64__)
  long result = 20;  // getpid of the 32-bit table
  asm volatile("int $0x80" : "+a"(result) : : "memory", "r8", "r9", "r10", "r11");
  errno = ENOSYS;
  return Judge(result == getpid());
#else
  return kNotThere;
#endif
}

int X32SystemCall(const Arguments&) {
#if defined(__x86_64__)
  return Judge(syscall(0x40000000L | SYS_getpid) == getpid());
#else
  return kNotThere;
#endif
}

int Personality(const Arguments&) { return Judge(personality(READ_IMPLIES_EXEC) != -1); }

int RaiseLimits(const Arguments&) {
  const unsigned long long limits[2] = {64, 64};
  return Judge(syscall(SYS_prlimit64, 0, 7 /* RLIMIT_NOFILE */, limits, nullptr) == 0);
}

int EffectiveUser(const Arguments&) {
  std::printf("euid %d\n", geteuid());
  return geteuid() == 0 ? kSucceeded : kPrevented;
}

}  // namespace

std::vector<Probe> PrivilegeProbes() {
  return {{"mount", Mount},
          {"remount", RemountWritable},
          {"umount", Unmount},
          {"open-tree", OpenTree},
          {"fsopen", OpenFileSystem},
          {"unshare-user", UserNamespace},
          {"clone-user", UserNamespaceByClone},
          {"chroot", ChangeRoot},
          {"keys", Keys},
          {"io-uring", IoUring},
          {"bpf", Bpf},
          {"perf", PerformanceEvent},
          {"userfault", UserFault},
          {"administer", Administer},
          {"file-handle", FileHandle},
          {"ioctl-high", IoctlWithHighBits},
          {"push-input", PushInput},
          {"ldt", SegmentDescriptors},
          {"int80", OldSystemCall},
          {"x32", X32SystemCall},
          {"personality", Personality},
          {"raise-limits", RaiseLimits},
          {"euid", EffectiveUser}};
}

}  // namespace probes
