// Why this is not left to bubblewrap: its tmpfs has no limit on the number of files, it finds what it binds by path
// (so root's own files would have to be reachable for the unprivileged user it runs as), and nobody could get hold of
// /out before the program runs.
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "control.h"
#include "plan.h"
#include "sandbox/helper_plan.h"
#include "stages.h"

namespace pawl::sandbox::helper {
namespace {

// linux/mount.h cannot be included beside sys/mount.h in the C library of Debian 12; values of the kernel's ABI.
constexpr unsigned kOpenTreeClone = 1;
constexpr unsigned kOpenTreeCloexec = O_CLOEXEC;
constexpr unsigned kMoveMountFromEmptyPath = 4;
constexpr std::uint64_t kMountReadOnly = 0x1;
constexpr std::uint64_t kMountNoSetuid = 0x2;
constexpr std::uint64_t kMountNoDevices = 0x4;
constexpr std::uint64_t kMountIdmap = 0x100000;
struct MountAttributes {
  std::uint64_t set, clear, propagation, user_namespace;
};

struct Identity {
  bool root = false;
  unsigned uid = 0;
  unsigned gid = 0;
};

constexpr unsigned kMountsMax = 64;
struct Mount {
  int tree = -1;
  bool directory = false;
  const char* name = nullptr;
};

void WriteFile(const char* path, const char* text, const char* step) {
  const int file = open(path, O_WRONLY | O_CLOEXEC);
  if (file < 0 || write(file, text, strlen(text)) != static_cast<ssize_t>(strlen(text))) Fail(step);
  close(file);
}

// Joins before anything is allocated, so that everything is charged to the job. "0" means the writing process.
void JoinControlGroups(Plan& plan) {
  for (std::uint64_t n = plan.Number(); n > 0; --n) WriteFile(plan.Text(), "0", "join a control group");
}

void WriteIdMaps(const char* process, const char* uid_map, const char* gid_map) {
  char path[64];
  snprintf(path, sizeof path, "/proc/%s/uid_map", process);
  WriteFile(path, uid_map, "map user ids");
  snprintf(path, sizeof path, "/proc/%s/gid_map", process);
  WriteFile(path, gid_map, "map group ids");
}

// A mount namespace of our own. Without root this takes a user namespace that maps the caller to itself.
void LeaveMountNamespace(const Identity& identity) {
  if (unshare(identity.root ? CLONE_NEWNS : CLONE_NEWNS | CLONE_NEWUSER) != 0) {
    Fail(identity.root ? "create a mount namespace" : "create a user namespace");
  }
  if (!identity.root) {
    char uid_map[32], gid_map[32];
    snprintf(uid_map, sizeof uid_map, "%u %u 1", identity.uid, identity.uid);
    snprintf(gid_map, sizeof gid_map, "%u %u 1", identity.gid, identity.gid);
    WriteFile("/proc/self/setgroups", "deny", "forbid setgroups");
    WriteIdMaps("self", uid_map, gid_map);
  }
  // Nothing mounted here may appear outside.
  if (mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0) Fail("make the mounts private");
}

// A user namespace in which root's files belong to the user that the job runs as, for idmapped mounts (kernel 5.12).
// A namespace needs a process to be born in; it lives on through the returned descriptor.
int NamespaceForRootsFiles(const Identity& identity) {
  int ready[2];
  if (pipe2(ready, O_CLOEXEC) != 0) Fail("map root's files: pipe");
  const pid_t child = fork();
  if (child < 0) Fail("map root's files: fork");
  if (child == 0) {
    // It must not outlive us: it holds the streams and the control socket.
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    const unsigned char failure = unshare(CLONE_NEWUSER) == 0 ? 0 : static_cast<unsigned char>(errno);
    if (write(ready[1], &failure, 1) == 1 && failure == 0) pause();
    _exit(0);
  }
  unsigned char failure = 0;
  if (read(ready[0], &failure, 1) != 1) Fail("map root's files: wait for a user namespace");
  if (failure != 0) Fail("map root's files: create a user namespace", failure);
  char process[16], uid_map[64], gid_map[64], path[64];
  snprintf(process, sizeof process, "%d", child);
  // Ids from 1 to just below the job's own stay what they are.
  snprintf(uid_map, sizeof uid_map, "0 %u 1\n1 1 %u\n", identity.uid, identity.uid - 1);
  snprintf(gid_map, sizeof gid_map, "0 %u 1\n1 1 %u\n", identity.gid, identity.gid - 1);
  WriteIdMaps(process, uid_map, gid_map);
  snprintf(path, sizeof path, "/proc/%d/ns/user", child);
  const int user_namespace = open(path, O_RDONLY | O_CLOEXEC);
  if (user_namespace < 0) Fail("map root's files: open the user namespace");
  kill(child, SIGKILL);
  waitpid(child, nullptr, 0);
  close(ready[0]);
  close(ready[1]);
  return user_namespace;
}

// Opens what the parent looked at (same device, same inode) and clones it as a detached read-only mount.
int CloneTree(const char* path, dev_t device, ino_t inode, bool directory, int user_namespace) {
  char step[sizeof Report{}.step];
  snprintf(step, sizeof step, "open the input %s", path);
  const int found = open(path, O_PATH | O_NOFOLLOW | O_CLOEXEC | (directory ? O_DIRECTORY : 0));
  struct stat status;
  if (found < 0 || fstat(found, &status) != 0) Fail(step);
  if (status.st_dev != device || status.st_ino != inode) Fail(step, ESTALE);
  const int tree =
      static_cast<int>(syscall(SYS_open_tree, found, "", kOpenTreeClone | kOpenTreeCloexec | AT_EMPTY_PATH));
  snprintf(step, sizeof step, "make a view of %s", path);
  if (tree < 0) Fail(step);
  close(found);
  MountAttributes attributes{kMountReadOnly | kMountNoSetuid | kMountNoDevices, 0, 0, 0};
  snprintf(step, sizeof step, "make read-only %s", path);
  if (syscall(SYS_mount_setattr, tree, "", AT_EMPTY_PATH, &attributes, sizeof attributes) != 0) Fail(step);
  if (user_namespace >= 0) {
    // File systems that cannot do this are shown as they are: then others need permission to read, as for a user.
    attributes = {kMountIdmap, 0, 0, static_cast<std::uint64_t>(user_namespace)};
    syscall(SYS_mount_setattr, tree, "", AT_EMPTY_PATH, &attributes, sizeof attributes);
  }
  return tree;
}

void MountTmpfs(const char* name, std::uint64_t bytes, std::uint64_t inodes, const char* mode,
                const Identity& identity) {
  char path[64], options[160];
  snprintf(path, sizeof path, "%s/%s", kStage, name);
  snprintf(options, sizeof options, "size=%llu,nr_inodes=%llu,mode=%s,uid=%u,gid=%u",
           static_cast<unsigned long long>(bytes), static_cast<unsigned long long>(inodes), mode, identity.uid,
           identity.gid);
  if (mkdir(path, 0755) != 0 || mount("tmpfs", path, "tmpfs", MS_NOSUID | MS_NODEV, options) != 0) {
    Fail("mount a private file system");
  }
}

void PlaceTree(const Mount& what) {
  char path[64];
  snprintf(path, sizeof path, "%s/%s", kStage, what.name);
  if (what.directory ? mkdir(path, 0755) != 0 : mknod(path, S_IFREG | 0644, 0) != 0) Fail("make a place for an input");
  if (syscall(SYS_move_mount, what.tree, "", AT_FDCWD, path, kMoveMountFromEmptyPath) != 0) Fail("place an input");
  close(what.tree);
}

void SendOutDirectory() {
  char path[64];
  snprintf(path, sizeof path, "%s/out", kStage);
  const int out = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  if (out < 0) Fail("open /out");
  Report report{};
  report.kind = ReportKind::kOutDirectory;
  if (!Send(report, out)) _exit(125);
  close(out);
}

void GiveUpRoot(const Identity& identity) {
  if (!identity.root) return;
  if (setgroups(0, nullptr) != 0 || setresgid(identity.gid, identity.gid, identity.gid) != 0 ||
      setresuid(identity.uid, identity.uid, identity.uid) != 0) {
    Fail("give up root");
  }
  if (setuid(0) == 0) Fail("give up root", EPERM);
}

}  // namespace

void Prepare() {
  // Whatever the caller left open by accident ends here; kControl, kBubblewrapArguments, kEnterPlan must go on.
  if (syscall(SYS_close_range, static_cast<unsigned>(kFirstFreeDescriptor), ~0U, 0U) != 0) Fail("close descriptors");
  if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0) Fail("die with the parent");
  umask(022);
  Plan plan(kPreparePlan, kPrepareMagic);
  Identity identity;
  identity.root = plan.Number() != 0;
  identity.uid = static_cast<unsigned>(plan.Number());
  identity.gid = static_cast<unsigned>(plan.Number());
  const bool map_roots_files = plan.Number() != 0;
  JoinControlGroups(plan);
  LeaveMountNamespace(identity);

  const int user_namespace = map_roots_files ? NamespaceForRootsFiles(identity) : -1;
  Mount mounts[kMountsMax];
  const std::uint64_t count = plan.Number();
  if (count > kMountsMax) Fail("prepare inputs: too many", E2BIG);
  for (std::uint64_t i = 0; i < count; ++i) {
    const char* host_path = plan.Text();
    const dev_t device = plan.Number();
    const ino_t inode = plan.Number();
    mounts[i].directory = plan.Number() != 0;
    mounts[i].name = plan.Text();
    mounts[i].tree = CloneTree(host_path, device, inode, mounts[i].directory, user_namespace);
  }
  if (user_namespace >= 0) close(user_namespace);

  // From here /tmp is covered; everything below the old /tmp that is needed has been opened.
  if (mount("tmpfs", kStage, "tmpfs", MS_NOSUID | MS_NODEV, "size=64k,nr_inodes=128,mode=0755") != 0) {
    Fail("cover /tmp");
  }
  const std::uint64_t out_bytes = plan.Number();
  const std::uint64_t out_inodes = plan.Number();
  const std::uint64_t tmp_bytes = plan.Number();
  const std::uint64_t shared_memory_bytes = plan.Number();
  const std::uint64_t other_inodes = plan.Number();
  MountTmpfs("out", out_bytes, out_inodes, "0755", identity);
  MountTmpfs("tmp", tmp_bytes, other_inodes, "01777", identity);
  MountTmpfs("shm", shared_memory_bytes, other_inodes, "01777", identity);
  for (std::uint64_t i = 0; i < count; ++i) PlaceTree(mounts[i]);
  SendOutDirectory();

  char* bubblewrap = plan.Text();
  GiveUpRoot(identity);
  if (chdir("/") != 0) Fail("change to /");
  char arguments_descriptor[8];
  snprintf(arguments_descriptor, sizeof arguments_descriptor, "%d", kBubblewrapArguments);
  char name[] = "bwrap", arguments[] = "--args", end[] = "--", helper[sizeof kHelperInside], stage[] = "enter";
  memcpy(helper, kHelperInside, sizeof helper);
  char* argv[] = {name, arguments, arguments_descriptor, end, helper, stage, nullptr};
  char* environment[] = {nullptr};
  execve(bubblewrap, argv, environment);
  Fail("start bubblewrap");
}

}  // namespace pawl::sandbox::helper
