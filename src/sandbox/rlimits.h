// Resource limits (setrlimit(2)): what holds for each process, beside what control groups hold for the job.
#pragma once

#include <cstdint>
#include <vector>

#include "sandbox/sandbox.h"

namespace pawl::sandbox {

struct ResourceLimit {
  int resource = 0;  // RLIMIT_…
  std::uint64_t soft = 0;
  std::uint64_t hard = 0;
};

// The helper sets these, or a lower hard limit that it finds.
std::vector<ResourceLimit> ResourceLimits(const Limits& limits, const Capabilities& capabilities);

}  // namespace pawl::sandbox
