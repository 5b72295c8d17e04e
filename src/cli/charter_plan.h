// pawl charter plan, as `pawl charter` lists it.
// Thread safety: one thread.
#pragma once

#include "cli/command.h"

namespace pawl::cli {

void AddCharterPlan(CLI::App& parent, Globals& globals);

}  // namespace pawl::cli
