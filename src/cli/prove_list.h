// A list of instances for `pawl prove`, as in the neural network verification competition.
//
//   globals.exit = ProveList(globals, options);  // options.network: the list, or a folder with instances.csv
//
// Thread safety: as SearchProof.
#pragma once

#include "cli/command.h"
#include "cli/prove_question.h"

namespace pawl::cli {

// One line an instance, then how many came out how. The worst exit status.
ExitCode ProveList(const Globals& globals, const ProveOptions& options);

}  // namespace pawl::cli
