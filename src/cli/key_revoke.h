// pawl key revoke, as `pawl key` lists it.
// Thread safety: one thread.
#pragma once

#include "cli/command.h"

namespace pawl::cli {

void AddKeyRevoke(CLI::App& parent, Globals& globals);

}  // namespace pawl::cli
