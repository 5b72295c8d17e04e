// Whether the limits of a charter can be shown at all, by running the very tests on the best data there can be.
#include <functional>
#include <vector>

#include "cli/charter_check.h"
#include "oversight/charter_trial.h"
#include "trial/budget.h"
#include "trial/confidence_sequence.h"
#include "trial/plan.h"

namespace pawl::cli {
namespace {

constexpr uint64_t kLooks[] = {1, 10, 100};  // after so many proposals

// How a condition fares for a candidate that is as good as it can be.
struct Best {
  std::string what;
  uint64_t planned = 0;  // episodes or probes of one trial
  const char* unit = "episodes";
  double lifetime_error = 0;
  // Observations needed at an error; planned + 1 where they do not suffice.
  std::function<uint64_t(double alpha)> needed;
};

std::string Needed(uint64_t needed, const Best& best) {
  return needed > best.planned ? "more than " + std::to_string(best.planned) : std::to_string(needed);
}

Result<void> Judge(const Best& best, trial::EvaluatorShare share, Feasibility& to) {
  std::string line = best.what + ": needs";
  uint64_t failed_at = 0;
  for (const uint64_t k : kLooks) {
    Result<double> alpha = trial::TrialAlpha(best.lifetime_error, k, share);
    if (!alpha.ok()) return alpha.error();
    const uint64_t needed = best.needed(*alpha);
    line += (k == 1 ? " " : ", ") + Needed(needed, best) + (k == 1 ? std::string(" ") + best.unit : "") +
            (k == 1 ? " in the first trial" : " in trial " + std::to_string(k));
    if (needed > best.planned && failed_at == 0) failed_at = k;
  }
  to.lines.push_back(line + "; the charter has " + std::to_string(best.planned));
  if (failed_at == 0) return {};
  to.warnings.push_back(best.what + " can never be shown " +
                        (failed_at == 1 ? std::string("at all") : "after " + std::to_string(failed_at) + " proposals") +
                        " with " + std::to_string(best.planned) + " " + best.unit + ": raise them, or the limit");
  return {};
}

// One value again and again until "mean < m" is shown. The betting is tuned to the planned number, which therefore
// stays fixed.
uint64_t ConstantBelow(double value, double m, double alpha, uint64_t planned) {
  if (!(m > 0 && m < 1)) return 0;
  const std::vector<double> values(planned, value);
  if (!trial::BettingBelow(values, m, alpha).EverReached(alpha)) return planned + 1;
  uint64_t low = 0, high = planned;  // the least planned number that would do
  while (low + 1 < high) {
    const uint64_t middle = low + (high - low) / 2;
    const std::vector<double> fewer(middle, value);
    (trial::BettingBelow(fewer, m, alpha).EverReached(alpha) ? high : low) = middle;
  }
  return high;
}

// The same value until "mean > 1/2" is shown.
uint64_t ConstantAbove(double value, double alpha, uint64_t planned) {
  trial::EProcess process(trial::Alternative::kMeanAbove, 0.5, trial::Bet::kVarianceAdaptive);
  for (uint64_t i = 1; i <= planned; ++i) {
    process.Observe(value);
    if (process.RejectedAt(alpha)) return i;
  }
  return planned + 1;
}

}  // namespace

Result<Feasibility> CheckFeasibility(const charter::Charter& charter) {
  if (Result<trial::TrialRules> rules = oversight::MakeTrialRules(charter); !rules.ok()) return rules.error();
  const trial::EvaluatorShare share = oversight::EvaluatorShareOf(charter);
  const uint64_t episodes = static_cast<uint64_t>(charter.evaluation.episodes);
  const uint64_t probes = static_cast<uint64_t>(charter.evaluation.probes);
  Feasibility result;
  for (const charter::HarmBound& harm : charter.bounds.harm) {
    const charter::Metric& metric = *charter.evaluation.Find(harm.metric);
    const double range = metric.max - metric.min;
    const bool lower = metric.direction == charter::Direction::kLowerIsBetter;
    const double limit = (lower ? harm.limit - metric.min : metric.max - harm.limit) / range;
    const Best best{"harm '" + harm.name + "' with no harm seen", episodes, "episodes", harm.lifetime_error,
                    [&](double alpha) { return trial::EpisodesWithoutViolation(limit, alpha); }};
    if (Result<void> judged = Judge(best, share, result); !judged.ok()) return judged.error();
  }
  const charter::CapabilityBound& capability = charter.bounds.capability;
  const charter::Metric& metric = *charter.evaluation.Find(capability.metric);
  const double step = capability.max_step / (metric.max - metric.min);
  const Best step_best{"max_step with no gain at all", episodes, "episodes", capability.lifetime_error,
                       [&](double alpha) { return ConstantBelow(0.5, (1 + step) / 2, alpha, episodes); }};
  if (Result<void> judged = Judge(step_best, share, result); !judged.ok()) return judged.error();
  const double half = step / 2;
  const Best improvement{"an improvement of half of max_step that never varies", episodes, "episodes",
                         charter.bounds.improvement.lifetime_error,
                         [&](double alpha) { return ConstantAbove((1 + half) / 2, alpha, episodes); }};
  if (capability.metric == charter.bounds.improvement.metric) {
    if (Result<void> judged = Judge(improvement, share, result); !judged.ok()) return judged.error();
  }
  const Best drift{"drift with no decision changed", probes, "probes", charter.bounds.drift.lifetime_error,
                   [&](double alpha) { return ConstantBelow(0, charter.bounds.drift.limit, alpha, probes); }};
  if (Result<void> judged = Judge(drift, share, result); !judged.ok()) return judged.error();
  return result;
}

}  // namespace pawl::cli
