// What sandbox::RunOn and pawl-sandbox-helper say to each other. Included by both; C++ language and <cstdint> alone.
//
// The helper is started twice for a job. As `prepare` it runs outside the sandbox: it builds the private file systems
// and becomes bubblewrap. As `enter` bubblewrap starts it inside, as process 1 of the new process namespace: it starts
// the program behind the last layers and reports its end. Each form reads one plan, a sequence of fields in a fixed
// order; a field is a 32-bit length followed by that many bytes, and a number is a field of 8 bytes (native order:
// both ends are one machine).
#pragma once

#include <cstdint>

namespace pawl::sandbox {

// Descriptors with which `prepare` starts, beside 0, 1 and 2. kControl, kBubblewrapArguments and kEnterPlan live on
// through bubblewrap; the program gets none of them.
enum HelperDescriptor : int {
  kControl = 3,
  kPreparePlan = 4,
  kBubblewrapArguments = 5,
  kEnterPlan = 6,
  kFirstFreeDescriptor = 7,
};

// Fields of a prepare plan:
//   magic; 1 if started as root; uid; gid (what to become, or what the caller already is); 1 to map root's files;
//   number of control groups, each: path of its cgroup.procs;
//   number of mounts, each: host path, device, inode, 1 for a directory, name below kStage;
//   bytes of /out, inodes of /out, bytes of /tmp, bytes of /dev/shm, inodes of each of these two;
//   path of bubblewrap.
inline constexpr char kPrepareMagic[] = "pawl-prepare-1";
// Fields of an enter plan:
//   magic; working directory; number of arguments, each; number of environment entries, each;
//   number of resource limits, each: resource, soft, hard; Landlock ABI to use (0: none); seccomp program.
inline constexpr char kEnterMagic[] = "pawl-enter-1";
inline constexpr std::uint32_t kPlanBytesMax = 1 << 20;

// In the mount namespace of `prepare` and bubblewrap, a small file system covers /tmp; everything that bubblewrap is
// to show lies there under a name without secrets. bubblewrap uses /tmp in the same way.
inline constexpr char kStage[] = "/tmp";
// Where the helper lies inside the sandbox.
inline constexpr char kHelperInside[] = "/.pawl-sandbox-helper";

enum class ReportKind : std::uint32_t {
  kFailed = 1,        // a set-up step failed: step, error_number
  kOutDirectory = 2,  // carries the descriptor of /out
  kReady = 3,         // from process 1, which then waits for one byte before it starts the program
  kNotExecuted = 4,   // execve of the program failed: error_number
  kEnded = 5,         // the program ended: wait_status and what it and its waited-for children used
};

// One message on the control socket (SOCK_SEQPACKET).
struct Report {
  ReportKind kind;
  std::int32_t wait_status;
  std::int32_t error_number;
  std::int32_t unused;
  std::int64_t cpu_us;
  std::int64_t resident_kib_max;
  char step[96];  // NUL-terminated
};

}  // namespace pawl::sandbox
