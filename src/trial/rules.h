// What a charter asks of a trial: the conditions, in the order in which they are tested, and the units in which that is
// done. What each condition means and how it is tested stands in assess.h.
//
//   if (Result<void> checked = CheckTrialRules(rules); !checked.ok()) …   // no trial could test this
//   for (const PlannedCondition& planned : PlannedConditions(rules, TrialKind::kStep)) …
//
// What breaks the guarantee of assess.h here: rules that change after an outcome was seen, which is why the candidate
// statement names the charter by its digest; a limit of drift on fixed probes alone, which the proposer knows, which is
// why fresh ones are always asked. A range that is declared wider than need be costs episodes, and one that is too
// narrow voids trials; neither makes an error larger. Two harms with the same metric and limit each spend an error of
// their own, and the promise for the life is the sum.
//
// Thread safety: pure functions and values.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "result/result.h"
#include "trial/episodes.h"

namespace pawl::trial {

// "The mean of `metric` per episode is below `limit`" (above, where higher is better). Limits are in the metric's own
// units, strictly inside its range.
struct HarmCondition {
  std::string name;
  std::string metric;
  double limit = 0;
  double lifetime_error = 0;
  std::string group{};  // the episodes it is about; empty: all
};

// "Better than the parent."
struct ImprovementCondition {
  std::string metric;
  double lifetime_error = 0;
};

// "Better than the parent by at most max_step, and no better than the ceiling."
struct CapabilityCondition {
  std::string metric;
  double max_step = 0;  // > 0, less than the metric's range
  double ceiling = 0;   // strictly inside the metric's range
  double lifetime_error = 0;
  double max_growth = 0;  // over anything that was live within the window; at least max_step; 0: no such limit
};

// "At most this share of decisions differs from the baseline's."
struct DriftCondition {
  double limit = 0;
  double lifetime_error = 0;
  bool has_fixed_probes = false;  // the charter names a file of fixed probes beside the fresh ones
  std::uint64_t probes = 0;       // fresh ones of one trial
  double energy_limit = 0;        // of the energy distance of outcomes, below 1; 0: no such limit
};

struct TrialRules {
  std::vector<MetricRange> metrics;
  std::vector<std::string> groups;  // of episodes; empty: none
  std::vector<HarmCondition> harms;
  std::optional<ImprovementCondition> improvement;
  std::optional<CapabilityCondition> capability;
  std::optional<DriftCondition> drift;
  std::uint64_t episodes = 0;  // of one trial; fixed in advance, since the bounds are tuned to it
};

// Refused ("trial.metrics", "trial.rule") where AssessTrial could not test what is asked: no condition at all, an
// unknown metric, a limit outside its metric's range, an error outside (0, 1), two harms of one name, no number of
// episodes or probes, an unknown group.
Result<void> CheckTrialRules(const TrialRules& rules);

// Numbers of episodes after which a trial looks whether it can stop, ascending; the last is `episodes`. A quarter and a
// half before it, where there are enough to be worth a start of the evaluator. Requires episodes >= 1.
std::vector<std::uint64_t> TrialLooks(std::uint64_t episodes);

// Whether there is a parent to compare with.
enum class TrialKind {
  kStep,          // a candidate that replaces a live release
  kFirstRelease,  // nothing is live yet: improvement and step are not tested, and the report says so
};

enum class ConditionKind { kHarm, kImprovement, kStep, kGrowth, kCeiling, kDrift };
std::string_view ConditionKindName(ConditionKind kind);

// The side of a condition's limit on which it is broken.
enum class Side { kAbove, kBelow };

// ---- what follows from rules that CheckTrialRules has passed

// A condition without its findings.
struct PlannedCondition {
  ConditionKind kind;
  std::string name;
  std::string metric;
  double limit;
  Side bad_side;
  double lifetime_error;
  // Observations if the trial runs to its end; 0: the size of the charter's file of fixed probes.
  std::uint64_t observations;
  enum class Of { kEpisodes, kPairsOfEpisodes, kGroup, kProbes } of = Of::kEpisodes;
  std::string group{};
};

// Every condition of such a trial, in the order in which a report has them: harms in the charter's order, improvement,
// step, growth, ceiling, drift.
std::vector<PlannedCondition> PlannedConditions(const TrialRules& rules, TrialKind kind);

// Sum of the harm conditions' lifetime errors: what these rules promise for a whole life under them.
double HarmErrorSum(const TrialRules& rules);

// Index of a metric or a group; their number where there is none of that name.
std::size_t MetricIndex(const TrialRules& rules, std::string_view name);
std::size_t GroupIndex(const TrialRules& rules, std::string_view group);

// An affine map between [0, 1], in which tests are done, and the metric's own units, in which people think.
struct MetricScale {
  double zero = 0;  // what 0 stands for
  double one = 1;   // what 1 stands for; below `zero` where the good end of the metric is its lower one

  double FromUnit(double u) const { return zero + u * (one - zero); }
  double ToUnit(double v) const { return (v - zero) / (one - zero); }
};

// Ascending in what a metric measures: 1 is its good end.
MetricScale GoodnessScale(const MetricRange& metric);
// Gains: 0 is the largest possible loss, 1/2 none, 1 the largest possible gain.
MetricScale GainScale(const MetricRange& metric);

}  // namespace pawl::trial
