// Who works for this machine: the file of workers' keys, and the options of whoever runs a gate with workers.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "cli/command.h"
#include "crypto/note_key.h"
#include "result/result.h"
#include "work/worker_share.h"

namespace pawl::cli {

// A verifier key a line; blanks, empty lines and comments after # are passed over. kMalformed "work.worker-keys".
Result<std::vector<crypto::NoteKey>> ReadWorkerKeys(const std::string& path);

// --workers and --worker-keys, kept in `globals`, for a command that opens a gate.
void AddGateWorkers(CLI::App& command, Globals& globals);
// Nothing where there are none.
Result<std::optional<work::WorkerShare>> GateWorkers(const Globals& globals);

}  // namespace pawl::cli
