// pawl work; see command.h for the other subcommands.
#pragma once

#include "cli/command.h"

namespace pawl::cli {

void AddWork(CLI::App& app, Globals& globals);

}  // namespace pawl::cli
