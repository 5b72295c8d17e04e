#include "sandbox/rlimits.h"

#include <sys/resource.h>

#include <algorithm>

namespace pawl::sandbox {

std::vector<ResourceLimit> ResourceLimits(const Limits& limits, const Capabilities& capabilities) {
  constexpr std::uint64_t kMebibyte = 1 << 20;
  const auto bytes = [](std::int64_t mebibytes) { return static_cast<std::uint64_t>(mebibytes) * kMebibyte; };
  const auto cpu_seconds = static_cast<std::uint64_t>((limits.cpu_ms + 999) / 1000);
  // Larger than any file system that can be written, which therefore says that it is full before a signal comes; stops
  // holes of a terabyte and memory files.
  const std::uint64_t file_bytes =
      std::max(static_cast<std::uint64_t>(limits.output_bytes), bytes(limits.tmp_mib)) + 2 * kMebibyte;
  // Counted in the job's own user namespace since Linux 5.14. Process 1 counts too. Where a control group counts as
  // well, it is the one to strike, because it says so.
  const auto processes = static_cast<std::uint64_t>(limits.processes + (capabilities.processes_limited ? 16 : 1));
  std::vector<ResourceLimit> resource_limits = {
      // SIGXCPU at the limit tells what happened; SIGKILL a second later ends those that ignore it.
      {RLIMIT_CPU, cpu_seconds, cpu_seconds + 1},
      {RLIMIT_CORE, 0, 0},
      {RLIMIT_FSIZE, file_bytes, file_bytes},
      {RLIMIT_MEMLOCK, 0, 0},
      {RLIMIT_MSGQUEUE, 0, 0},
      {RLIMIT_NICE, 0, 0},
      {RLIMIT_NOFILE, 1024, 1024},
      {RLIMIT_NPROC, processes, processes},
      {RLIMIT_RTPRIO, 0, 0},
      {RLIMIT_SIGPENDING, 1024, 1024},
      {RLIMIT_STACK, 8 * kMebibyte, 8 * kMebibyte},
  };
  if (!capabilities.memory_limited) {
    resource_limits.push_back({RLIMIT_AS, bytes(limits.memory_mib), bytes(limits.memory_mib)});
  }
  return resource_limits;
}

}  // namespace pawl::sandbox
