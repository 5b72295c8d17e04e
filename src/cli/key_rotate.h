// pawl key rotate, as `pawl key` lists it.
// Thread safety: one thread.
#pragma once

#include "cli/command.h"

namespace pawl::cli {

void AddKeyRotate(CLI::App& parent, Globals& globals);

}  // namespace pawl::cli
