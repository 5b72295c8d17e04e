// The gate's work on everything that is open: once, or for as long as it runs.
//
//   globals.exit = AdvanceAll(globals, {.until_stopped = true, .takes_requests = true, .health_at = "127.0.0.1:9464"});
//
// Decides nothing of its own: each open proposal is taken as far as `pawl advance` takes it, and no loader switches.
// Between looks a gate that lives long lets go of its lock, so that people can propose and approve meanwhile.
// Thread safety: one thread.
#pragma once

#include "cli/command.h"

namespace pawl::cli {

struct Advancing {
  bool until_stopped = false;   // or once
  bool takes_requests = false;  // from standard input, request_lines.h: once, until it ends, and then everything open
  std::string health_at;        // an address, or empty; until stopped
};

// Of the named subject, or of all that the home has. What cannot be done for one subject is said, and keeps no other
// waiting; the exit status is then the worst.
// Each request has one answer, in a line of its own: what has none when the program ends may be there or not. A
// proposal that is given again is another one, an approval the same.
ExitCode AdvanceAll(const Globals& globals, const Advancing& advancing);

}  // namespace pawl::cli
