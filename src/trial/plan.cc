// Answers by running the very tests on data of a known kind.
#include "trial/plan.h"

#include <algorithm>
#include <cassert>
#include <cmath>
#include <numeric>
#include <vector>

#include "trial/assess.h"
#include "trial/budget.h"
#include "trial/confidence_sequence.h"
#include "trial/generator.h"

namespace pawl::trial {

namespace {

// Episodes until one simulated trial shows the step, most + 1 where it does not.
std::uint64_t EpisodesOnce(const StepQuestion& question, std::uint64_t most, Generator& generator) {
  EProcess process(Alternative::kMeanAbove, 0.5);
  const double up = (question.step + question.deviation + 1) / 2;
  const double down = (question.step - question.deviation + 1) / 2;
  constexpr std::uint64_t kLookEvery = 16;  // a look costs a logarithm; the running maximum misses nothing
  for (std::uint64_t episode = 1; episode <= most; ++episode) {
    process.Observe(generator.Coin() ? down : up);
    if ((episode % kLookEvery == 0 || episode == most) && process.RejectedAt(question.alpha)) return episode;
  }
  return most + 1;
}

Error QuestionError(const char* message) { return {ErrorCode::kUsage, "plan.question", message, {}}; }

bool Fits(const StepQuestion& question) {
  return question.step > 0 && question.step < 1 && question.deviation >= 0 && question.step + question.deviation <= 1 &&
         question.deviation - question.step <= 1 && question.alpha > 0 && question.alpha < 1 &&
         question.simulations >= 1 && question.simulations <= 1'000'000 && question.power > 0 && question.power < 1;
}

Result<std::vector<std::uint64_t>> StoppingTimes(const StepQuestion& question) {
  if (!Fits(question))
    return QuestionError("step, deviation, alpha, power or the number of simulations is out of range");
  Generator generator(question.seed);
  std::vector<std::uint64_t> times(question.simulations);
  // Once more trials have run out of episodes than the power allows, the answer is known.
  const double failures_max = (1 - question.power) * static_cast<double>(question.simulations);
  double failures = 0;
  for (std::uint64_t& time : times) {
    time = EpisodesOnce(question, kPlanEpisodesMax, generator);
    failures += time > kPlanEpisodesMax ? 1 : 0;
    if (failures > failures_max) {
      return LimitReached("plan.too-many-episodes", "a million episodes do not show such a step with the wanted chance",
                          "allow larger steps, or a larger error, or find a metric that varies less between runs");
    }
  }
  std::sort(times.begin(), times.end());
  return times;
}

}  // namespace

std::uint64_t EpisodesWithoutViolation(double limit, double alpha, Bet bet) {
  EProcess process(Alternative::kMeanBelow, limit, bet);
  std::uint64_t episodes = 0;
  while (episodes < kPlanEpisodesMax && !process.RejectedAt(alpha)) {
    process.Observe(0);
    ++episodes;
  }
  return episodes;
}

Result<std::uint64_t> EpisodesToShowStep(const StepQuestion& question) {
  const Result<std::vector<std::uint64_t>> times = StoppingTimes(question);
  if (!times.ok()) return times.error();
  const double rank = std::ceil(question.power * static_cast<double>(times->size())) - 1;
  return (*times)[static_cast<std::size_t>(std::max(0.0, rank))];
}

Result<double> MeanEpisodesToShowStep(const StepQuestion& question) {
  const Result<std::vector<std::uint64_t>> times = StoppingTimes(question);
  if (!times.ok()) return times.error();
  return std::accumulate(times->begin(), times->end(), 0.0) / static_cast<double>(times->size());
}

Result<double> ChanceToShowStep(const StepQuestion& question, std::uint64_t episodes) {
  if (!Fits(question) || episodes < 1 || episodes > kPlanEpisodesMax) {
    return QuestionError("step, deviation, alpha, episodes or the number of simulations is out of range");
  }
  Generator generator(question.seed);
  std::uint64_t shown = 0;
  for (std::uint64_t simulation = 0; simulation < question.simulations; ++simulation) {
    shown += EpisodesOnce(question, episodes, generator) <= episodes ? 1 : 0;
  }
  return static_cast<double>(shown) / static_cast<double>(question.simulations);
}

Result<double> ChanceToShowBelow(const RateQuestion& question) {
  const bool fits = question.rate >= 0 && question.rate < 1 && question.limit > 0 && question.limit < 1 &&
                    question.alpha > 0 && question.alpha < 1 && question.episodes >= 1 &&
                    question.episodes <= kPlanEpisodesMax && question.simulations >= 1 &&
                    question.simulations <= 1'000'000;
  if (!fits) return QuestionError("rate, limit, alpha, episodes or the number of simulations is out of range");
  Generator generator(question.seed);
  std::uint64_t shown = 0;
  for (std::uint64_t simulation = 0; simulation < question.simulations; ++simulation) {
    EProcess process(Alternative::kMeanBelow, question.limit, question.bet);
    for (std::uint64_t i = 0; i < question.episodes; ++i) process.Observe(generator.Uniform() < question.rate ? 1 : 0);
    if (process.RejectedAt(question.alpha)) ++shown;
  }
  return static_cast<double>(shown) / static_cast<double>(question.simulations);
}

Result<std::uint64_t> EpisodesToShowBelow(const RateQuestion& question, double power) {
  const bool fits = question.rate >= 0 && question.rate < 1 && question.limit > 0 && question.limit < 1 &&
                    question.alpha > 0 && question.alpha < 1 && question.episodes >= 1 &&
                    question.episodes <= kPlanEpisodesMax && question.simulations >= 1 &&
                    question.simulations <= 1'000'000 && power > 0 && power < 1;
  if (!fits) return QuestionError("rate, limit, alpha, episodes, power or the number of simulations is out of range");
  Generator generator(question.seed);
  std::vector<std::uint64_t> times(question.simulations);
  for (std::uint64_t& time : times) {
    EProcess process(Alternative::kMeanBelow, question.limit, question.bet);
    while (time <= question.episodes && !process.RejectedAt(question.alpha)) {
      process.Observe(generator.Uniform() < question.rate ? 1 : 0);
      ++time;
    }
  }
  std::sort(times.begin(), times.end());
  const double rank = std::ceil(power * static_cast<double>(times.size())) - 1;
  const std::uint64_t needed = times[static_cast<std::size_t>(std::max(0.0, rank))];
  if (needed > question.episodes) {
    return LimitReached("plan.too-many-episodes",
                        std::to_string(question.episodes) + " episodes do not show it with the wanted chance",
                        "raise the limit, or the error, or improve the candidate");
  }
  return needed;
}

std::uint64_t FixedProbesNeeded(double share, double limit, double alpha) {
  const auto enough = [&](std::uint64_t probes) {
    return share < limit && IsEnough(FixedProbesEvidence(share, limit, probes), alpha);
  };
  std::uint64_t too_few = 0;
  std::uint64_t needed = kPlanEpisodesMax + 1;
  while (needed - too_few > 1) {
    const std::uint64_t middle = too_few + (needed - too_few) / 2;
    (enough(middle) ? needed : too_few) = middle;
  }
  return needed;
}

Result<double> ChanceToBoundBelow(const BoundQuestion& question) {
  const bool fits = question.low >= 0 && question.low <= question.high && question.high <= 1 &&
                    question.chance_of_high >= 0 && question.chance_of_high <= 1 && question.limit > 0 &&
                    question.limit < 1 && question.alpha > 0 && question.alpha < 1 && question.episodes >= 1 &&
                    question.episodes <= kPlanEpisodesMax && question.simulations >= 1 &&
                    question.simulations <= 1'000'000;
  if (!fits) return QuestionError("values, limit, alpha, episodes or the number of simulations is out of range");
  Generator generator(question.seed);
  std::vector<double> values(question.episodes);
  std::uint64_t shown = 0;
  for (std::uint64_t simulation = 0; simulation < question.simulations; ++simulation) {
    for (double& x : values) x = generator.Uniform() < question.chance_of_high ? question.high : question.low;
    shown += BettingBelow(values, question.limit, question.alpha).EverReached(question.alpha) ? 1 : 0;
  }
  return static_cast<double>(shown) / static_cast<double>(question.simulations);
}

std::uint64_t ProposalsCarried(double limit, double lifetime_error, std::uint64_t episodes) {
  EProcess process(Alternative::kMeanBelow, limit, Bet::kMixed);
  for (std::uint64_t i = 0; i < std::min(episodes, kPlanEpisodesMax); ++i) process.Observe(0);
  const auto carried = [&](std::uint64_t k) {
    const Result<double> alpha = TrialAlpha(lifetime_error, k, {});
    return alpha.ok() && process.RejectedAt(*alpha);
  };
  std::uint64_t yes = 0;
  std::uint64_t no = 1'000'000'001;  // TrialAlpha refuses it
  while (no - yes > 1) {
    const std::uint64_t middle = yes + (no - yes) / 2;
    (carried(middle) ? yes : no) = middle;
  }
  return yes;
}

}  // namespace pawl::trial
