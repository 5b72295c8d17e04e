// How to get what this machine lacks for the sandbox, one sentence each. Thread safety: pure.
#pragma once

#include <string>
#include <vector>

#include "sandbox/machine.h"

namespace pawl::cli {

std::vector<std::string> SandboxAdvice(const sandbox::Capabilities& found);

}  // namespace pawl::cli
