// pawl charter plan, as `pawl charter` lists it.
// Thread safety: one thread.
#pragma once

#include <optional>
#include <string>

#include "cli/command.h"

namespace pawl::cli {

// The candidate that is planned for.
struct PlanOptions {
  std::optional<double> gain;  // in the metric's unit; none: half of max_step
  double deviation = 0.1;      // of paired differences, in the metric's unit
  double harm_share = 0.3;     // of each limit
  double drift_share = 0.5;    // of the drift limit
};

void AddCharterPlan(CLI::App& parent, Globals& globals);

}  // namespace pawl::cli
