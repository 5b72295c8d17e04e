// What a charter's limits will ask of a candidate of given quality, before anything runs: how many episodes each limit
// needs, how likely a trial of the charter's length is to show it, and how many proposals the budget carries.
//
//   Result<Plan> plan = MakePlan(charter, *SizeOfTrial(files), {.gain = 0.01, .harm_share = 0.3});
//   for (const PlanLine& line : plan->lines) …
//
// Answers come from running the very tests on simulated data (trial/plan.h): 0/1 values for harm and decisions, two
// points around the mean for everything else. They are about one evaluator by itself, but for `passes` and its warning.
//
// Thread safety: pure function. Time: some seconds.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "authoring/best_case.h"
#include "charter/charter.h"
#include "result/result.h"

namespace pawl::authoring {

// The candidate that is planned for. Gains and deviations are in the unit of the metric that they are about; where
// improvement and capability are about one metric, one of each is enough.
struct PlanOptions {
  std::optional<double> gain{};  // in the metric of improvement; none: half of max_step, as a share of the range
  std::optional<double> capability_gain{};  // none: `gain` where the metric is the same, else half of max_step
  std::optional<double> deviation{};        // of paired differences and outcomes, metric of improvement; none: a tenth
                                            // of each metric's range
  std::optional<double> level{};  // mean of the capability metric; none: two steps on the good side of the ceiling
  double harm_share = 0.3;        // of each limit
  double drift_share = 0.5;       // of the drift limit, and of energy_limit
  GroupShares group_shares{};     // of the episodes; groups left out: an equal share of what is left
};

// One condition at one budget index.
struct Outlook {
  uint64_t index = 0;
  // With a chance of four in five; none: more than were searched. Of bounds (step, growth, ceiling, drift, energy) by
  // doubling, since bets are tuned to the number: up to twice what would do.
  std::optional<uint64_t> episodes;
  double chance = 0;  // with the charter's number
};

struct PlanLine {
  std::string what;
  std::vector<Outlook> outlooks;
  std::optional<uint64_t> carried{};  // proposals up to which a flawless candidate still shows it; none: not known
};

struct Plan {
  std::vector<PlanLine> lines;
  std::vector<std::string> limits;
  std::vector<std::string> warnings;
  // At least the chance that the evaluators' votes let such a candidate pass as the first; none where their evidence is
  // put together.
  std::optional<double> passes{};
};

inline constexpr uint64_t kPlannedIndexMax = 1'000'000;

// Errors: those of BestCases; kUsage for a quality out of range ("plan.question"), and for a charter that has no
// evaluation ("plan.no-trial").
Result<Plan> MakePlan(const charter::Charter& charter, const TrialSize& size, const PlanOptions& options);

// The mean of measurements of a true mean with normal noise of a deviation, where they are limited to [0, max].
double MeanOfLimited(double mean, double deviation, double max);

}  // namespace pawl::authoring
