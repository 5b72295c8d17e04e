// The arguments of bubblewrap: which namespaces, and what the root directory holds (bwrap(1), version 0.8).
#pragma once

#include <string>
#include <vector>

#include "sandbox/job.h"

namespace pawl::sandbox {

// `views` are the inputs and the helper. The result goes through `--args`, NUL-terminated each, because a command line
// can be read from inside and by other users outside. What to execute is not part of it.
std::vector<std::string> BubblewrapArguments(const std::vector<View>& views);

}  // namespace pawl::sandbox
