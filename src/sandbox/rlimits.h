// Resource limits (setrlimit(2)): what holds for each process, beside what control groups hold for the job.
#pragma once

#include <cstdint>
#include <utility>
#include <vector>

#include "sandbox/sandbox.h"

namespace pawl::sandbox {

// (resource, value) pairs; the helper sets soft and hard limit to the value, or to a lower hard limit that it finds.
std::vector<std::pair<int, std::uint64_t>> ResourceLimits(const Limits& limits, const Capabilities& capabilities);

}  // namespace pawl::sandbox
