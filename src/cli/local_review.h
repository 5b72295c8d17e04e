// The reviewers whose keys are on this machine, each started as a process of its own.
//
// On one machine this is what makes a cycle run through by itself; it is also why `pawl status` warns: whoever can read
// a reviewer's key can vote for it. Reviewers elsewhere run `pawl review` themselves.
//
// Thread safety: starts processes; one thread.
#pragma once

#include "cli/command.h"

namespace pawl::cli {

// Runs `pawl review --as NAME` for every reviewer of the charter whose key this user can read: first all that vote, at
// the same time, then the auditors. A reviewer that fails is reported and left out; its vote is then missing.
Result<void> RunLocalReviewers(const Globals& globals, const Place& place);

// Whether they are started when a proposal has come to them.
enum class Reviewing { kElsewhere, kHere };

// Runs `begin` on an open gate, takes the proposal that it names as far as it goes, and shows where it stands.
ExitCode ProposeAndDecide(const Globals& globals, Reviewing reviewing,
                          const std::function<Result<std::string>(gate::Gate&)>& begin);

}  // namespace pawl::cli
