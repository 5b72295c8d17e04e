#include "sandbox/rlimits.h"

#include <sys/resource.h>

#include <algorithm>

namespace pawl::sandbox {

std::vector<std::pair<int, std::uint64_t>> ResourceLimits(const Limits& limits, const Capabilities& capabilities) {
  constexpr std::uint64_t kMebibyte = 1 << 20;
  const auto bytes = [](std::int64_t mebibytes) { return static_cast<std::uint64_t>(mebibytes) * kMebibyte; };
  std::vector<std::pair<int, std::uint64_t>> pairs = {
      {RLIMIT_CORE, 0},
      // Soft equals hard, so the kernel sends SIGKILL at once and no handler of SIGXCPU gains time.
      {RLIMIT_CPU, static_cast<std::uint64_t>((limits.cpu_ms + 999) / 1000)},
      {RLIMIT_FSIZE, std::max(static_cast<std::uint64_t>(limits.output_bytes), bytes(limits.tmp_mib))},
      {RLIMIT_NOFILE, 1024},
      {RLIMIT_MEMLOCK, 0},
      {RLIMIT_MSGQUEUE, 0},
      {RLIMIT_SIGPENDING, 1024},
      {RLIMIT_STACK, 8 * kMebibyte},
      {RLIMIT_RTPRIO, 0},
      {RLIMIT_NICE, 0},
      // Counted in the job's own user namespace since Linux 5.14. Process 1 counts too. Where a control group counts
      // as well, it is the one to strike, because it says so.
      {RLIMIT_NPROC, static_cast<std::uint64_t>(limits.processes + (capabilities.processes_limited ? 16 : 1))},
  };
  if (!capabilities.memory_limited) pairs.emplace_back(RLIMIT_AS, bytes(limits.memory_mib));
  return pairs;
}

}  // namespace pawl::sandbox
