// The gate's work on everything that is open: once, or for as long as it runs.
//
//   globals.exit = AdvanceAll(globals, Advancing::kUntilStopped, "127.0.0.1:9464");
//
// Decides nothing of its own: each open proposal is taken as far as `pawl advance` takes it, and no loader switches.
// Between looks a gate that lives long lets go of its lock, so that people can propose and approve meanwhile.
// Thread safety: one thread.
#pragma once

#include "cli/command.h"

namespace pawl::cli {

enum class Advancing { kOnce, kUntilStopped };

// Of the named subject, or of all that the home has. What cannot be done for one subject is said, and keeps no other
// waiting; the exit status is then the worst.
// `health_at` is an address for kUntilStopped, or empty.
ExitCode AdvanceAll(const Globals& globals, Advancing advancing, const std::string& health_at);

}  // namespace pawl::cli
