// pawl work list, evidence and readmit; see command.h for the other subcommands.
#pragma once

#include <memory>
#include <string>

#include "cli/command.h"

namespace pawl::cli {

// `url` is what --log of `work` gives.
void AddWorkForPeople(CLI::App& work, const std::shared_ptr<std::string>& url, Globals& globals);

}  // namespace pawl::cli
