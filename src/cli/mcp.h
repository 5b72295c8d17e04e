// pawl mcp: the program's answers as tools of the Model Context Protocol.
//
// Thread safety: as command.h.
#pragma once

#include <CLI/CLI.hpp>

#include "cli/command.h"

namespace pawl::cli {

void AddMcp(CLI::App& app, Globals& globals);

}  // namespace pawl::cli
