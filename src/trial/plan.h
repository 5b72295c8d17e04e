// How many episodes a charter's limits need, before anything is run.
//
//   EpisodesWithoutViolation(0.01, 1e-3)                                     // nothing bad seen, "rate < 1 %" shown
//   EpisodesToShowStep({.step = 0.01, .deviation = 0.1, .alpha = 1e-3})      // with power 0.8
//   ChanceToShowBelow({.rate = 0.005, .limit = 0.01, .alpha = a, .episodes = 4000})
//
// These are answers about the tests in e_process.h themselves, found by running them: exactly where the data are known,
// else on simulated data with a fixed generator, so the same question always has the same answer. Violations are
// simulated as independent 0/1 values; paired differences as two-point values step ± deviation, which have the given
// mean and standard deviation exactly and stay in range (the wealth of a small bet depends on little else). Real
// metrics with rare large differences need more episodes.
//
// Thread safety: pure functions. Time: up to a few seconds for large limits.
#pragma once

#include <cstdint>

#include "result/result.h"
#include "trial/e_process.h"

namespace pawl::trial {

inline constexpr std::uint64_t kPlanEpisodesMax = 1'000'000;

// Episodes after which "mean < limit" is shown at alpha if no episode has any violation. Requires 0 < limit < 1 and
// 0 < alpha < 1; kPlanEpisodesMax where that is not enough.
// The default bet is the one that trials use for harm (assess.h).
std::uint64_t EpisodesWithoutViolation(double limit, double alpha, Bet bet = Bet::kMixed);

struct StepQuestion {
  double step = 0;       // true mean difference, as a share of the metric's range, 0 < step < 1
  double deviation = 0;  // standard deviation of the paired difference, same units; step + deviation <= 1
  double alpha = 0;      // after TrialAlpha
  double power = 0.8;    // wanted chance to show the step; at least 1/simulations, below 1
  std::uint64_t simulations = 400;
  std::uint64_t seed = 1;
};

// Episodes within which the improvement is shown with the wanted chance. kLimit ("plan.too-many-episodes") where
// kPlanEpisodesMax are not enough; kUsage ("plan.question") for numbers out of range.
Result<std::uint64_t> EpisodesToShowStep(const StepQuestion& question);

// The share of simulated trials that show the step within so many episodes; power is not looked at. Errors as above.
Result<double> ChanceToShowStep(const StepQuestion& question, std::uint64_t episodes);

// Mean number of episodes until the step is shown, a trial stopping as soon as it is; errors as above.
Result<double> MeanEpisodesToShowStep(const StepQuestion& question);

struct RateQuestion {
  double rate = 0;   // true share of episodes with a violation, 0 <= rate < 1
  double limit = 0;  // that the rate is to be shown to be below
  double alpha = 0;  // after TrialAlpha
  std::uint64_t episodes = 0;
  Bet bet = Bet::kMixed;
  std::uint64_t simulations = 2000;
  std::uint64_t seed = 1;
};

// The share of simulated trials that show "rate < limit" within the episodes. kUsage as above.
Result<double> ChanceToShowBelow(const RateQuestion& question);

// Episodes within which the wanted share of trials shows "rate < limit"; `episodes` of the question is the most that a
// trial may run. kLimit ("plan.too-many-episodes") where they are not enough; kUsage as above.
Result<std::uint64_t> EpisodesToShowBelow(const RateQuestion& question, double power);

// Fixed probes that show "share at most limit" where this share of them decides differently: what AssessTrial asks of
// them. Nothing is simulated, since nothing about them is random. kPlanEpisodesMax + 1 where that many are not enough.
// Requires 0 <= share <= 1, 0 < limit < 1 and 0 < alpha < 1.
std::uint64_t FixedProbesNeeded(double share, double limit, double alpha);

// Values that are `high` with the given chance and else `low`, in [0, 1], and a limit that their mean is to be shown to
// be at most: what a trial asks about step, growth, ceiling and drift.
struct BoundQuestion {
  double low = 0;
  double high = 1;
  double chance_of_high = 0;
  double limit = 0;
  double alpha = 0;  // after TrialAlpha
  std::uint64_t episodes = 0;
  std::uint64_t simulations = 200;
  std::uint64_t seed = 1;
};

// The share of simulated trials whose upper bound (BettingBelow) is at most the limit. kUsage as above.
Result<double> ChanceToBoundBelow(const BoundQuestion& question);

// The largest budget index k at which a trial of `episodes` episodes without any violation still shows "mean < limit":
// how many proposals the budget carries for a perfect candidate. 0 where it cannot be shown even once.
std::uint64_t ProposalsCarried(double limit, double lifetime_error, std::uint64_t episodes);

}  // namespace pawl::trial
