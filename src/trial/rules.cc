#include "trial/rules.h"

#include <algorithm>
#include <set>

namespace pawl::trial {

namespace {

// Below this number of episodes a trial looks once, at its end.
constexpr std::uint64_t kLooksFrom = 400;

Error RuleError(std::string message) {
  return {ErrorCode::kUsage, "trial.rule", std::move(message), "mend the charter's bounds"};
}

// The metric of that name, checked to have `limit` strictly inside its range.
Result<const MetricRange*> LimitedMetric(const TrialRules& rules, const std::string& what, const std::string& name,
                                         double limit) {
  const std::size_t index = MetricIndex(rules, name);
  if (index == rules.metrics.size()) return RuleError(what + ": no metric \"" + name + "\" is declared");
  const MetricRange& metric = rules.metrics[index];
  const double unit = GoodnessScale(metric).ToUnit(limit);
  if (!(unit > 0 && unit < 1)) return RuleError(what + ": the limit must lie strictly inside the metric's range");
  return &metric;
}

bool IsError(double lifetime_error) { return lifetime_error > 0 && lifetime_error < 1; }

Side WorseSide(const TrialRules& rules, std::string_view metric) {
  const bool lower_is_better = rules.metrics[MetricIndex(rules, metric)].direction == Direction::kLowerIsBetter;
  return lower_is_better ? Side::kAbove : Side::kBelow;
}

Side Opposite(Side side) { return side == Side::kAbove ? Side::kBelow : Side::kAbove; }

}  // namespace

MetricScale GoodnessScale(const MetricRange& metric) {
  return metric.direction == Direction::kHigherIsBetter ? MetricScale{metric.lowest, metric.highest}
                                                        : MetricScale{metric.highest, metric.lowest};
}

MetricScale GainScale(const MetricRange& metric) {
  const double range = metric.highest - metric.lowest;
  return {-range, range};
}

std::size_t MetricIndex(const TrialRules& rules, std::string_view name) {
  const auto found =
      std::find_if(rules.metrics.begin(), rules.metrics.end(), [&](const auto& m) { return m.name == name; });
  return static_cast<std::size_t>(found - rules.metrics.begin());
}

std::size_t GroupIndex(const TrialRules& rules, std::string_view group) {
  return static_cast<std::size_t>(std::find(rules.groups.begin(), rules.groups.end(), group) - rules.groups.begin());
}

double HarmErrorSum(const TrialRules& rules) {
  double sum = 0;
  for (const HarmCondition& harm : rules.harms) sum += harm.lifetime_error;
  return sum;
}

std::vector<PlannedCondition> PlannedConditions(const TrialRules& rules, TrialKind kind) {
  std::vector<PlannedCondition> planned;
  for (const HarmCondition& harm : rules.harms) {
    planned.push_back({ConditionKind::kHarm, harm.name, harm.metric, harm.limit, WorseSide(rules, harm.metric),
                       harm.lifetime_error, rules.episodes,
                       harm.group.empty() ? PlannedCondition::Of::kEpisodes : PlannedCondition::Of::kGroup,
                       harm.group});
  }
  const bool has_parent = kind == TrialKind::kStep;
  if (rules.improvement && has_parent) {
    planned.push_back({ConditionKind::kImprovement, "improvement", rules.improvement->metric, 0, Side::kBelow,
                       rules.improvement->lifetime_error, rules.episodes});
  }
  if (rules.capability) {
    const CapabilityCondition& capability = *rules.capability;
    if (has_parent) {
      planned.push_back({ConditionKind::kStep, "step", capability.metric, capability.max_step, Side::kAbove,
                         capability.lifetime_error, rules.episodes});
    }
    if (has_parent && capability.max_growth > 0) {
      planned.push_back({ConditionKind::kGrowth, "growth", capability.metric, capability.max_growth, Side::kAbove,
                         capability.lifetime_error, rules.episodes});
    }
    planned.push_back({ConditionKind::kCeiling, "ceiling", capability.metric, capability.ceiling,
                       Opposite(WorseSide(rules, capability.metric)), capability.lifetime_error, rules.episodes});
  }
  if (rules.drift) {
    planned.push_back({ConditionKind::kDrift, "drift-fresh", "decisions", rules.drift->limit, Side::kAbove,
                       rules.drift->lifetime_error, rules.drift->probes, PlannedCondition::Of::kProbes});
    if (rules.drift->has_fixed_probes) {
      planned.push_back({ConditionKind::kDrift, "drift-fixed", "decisions", rules.drift->limit, Side::kAbove,
                         rules.drift->lifetime_error, 0, PlannedCondition::Of::kProbes});
    }
    if (rules.drift->energy_limit > 0) {
      planned.push_back({ConditionKind::kDrift, "drift-energy", "outcomes", rules.drift->energy_limit, Side::kAbove,
                         rules.drift->lifetime_error, rules.episodes / 2, PlannedCondition::Of::kPairsOfEpisodes});
    }
  }
  return planned;
}

Result<void> CheckTrialRules(const TrialRules& rules) {
  if (Result<void> metrics = CheckMetrics(rules.metrics); !metrics.ok()) return metrics;
  if (rules.harms.empty()) return RuleError("a trial without any harm condition protects nothing");
  const auto is_count = [](std::uint64_t count) { return count >= 1 && count <= kEpisodesMax; };
  if (!is_count(rules.episodes) || (rules.drift && !is_count(rules.drift->probes))) {
    return RuleError("a trial needs between 1 and 1,000,000 episodes and, for drift, probes");
  }
  const std::set<std::string> groups(rules.groups.begin(), rules.groups.end());
  if (rules.groups.size() > kGroupsMax || groups.size() != rules.groups.size()) {
    return RuleError("groups need distinct names, and are at most 64");
  }
  std::set<std::string> names;
  for (const HarmCondition& harm : rules.harms) {
    if (harm.name.empty() || harm.name.size() > 64 || !names.insert(harm.name).second) {
      return RuleError("harm conditions need distinct names of 1 to 64 characters");
    }
    Result<const MetricRange*> metric = LimitedMetric(rules, "harm " + harm.name, harm.metric, harm.limit);
    if (!metric.ok()) return metric.error();
    if (!IsError(harm.lifetime_error)) return RuleError("harm " + harm.name + ": lifetime error outside (0, 1)");
    if (!harm.group.empty() && !groups.contains(harm.group)) {
      return RuleError("harm " + harm.name + ": no group \"" + harm.group + "\" is declared");
    }
  }
  if (rules.improvement) {
    if (MetricIndex(rules, rules.improvement->metric) == rules.metrics.size()) {
      return RuleError("improvement: no metric \"" + rules.improvement->metric + "\" is declared");
    }
    if (!IsError(rules.improvement->lifetime_error)) return RuleError("improvement: lifetime error outside (0, 1)");
  }
  if (rules.capability) {
    Result<const MetricRange*> metric =
        LimitedMetric(rules, "ceiling", rules.capability->metric, rules.capability->ceiling);
    if (!metric.ok()) return metric.error();
    const double unit_step = GainScale(**metric).ToUnit(rules.capability->max_step);
    if (!(unit_step > 0.5 && unit_step < 1)) return RuleError("max_step must lie between 0 and the metric's range");
    if (!IsError(rules.capability->lifetime_error)) return RuleError("capability: lifetime error outside (0, 1)");
    const double growth = rules.capability->max_growth;
    if (growth != 0 && !(growth >= rules.capability->max_step && GainScale(**metric).ToUnit(growth) < 1)) {
      return RuleError("max_growth must lie between max_step and the metric's range");
    }
  }
  if (rules.drift) {
    if (!(rules.drift->limit > 0 && rules.drift->limit < 1)) return RuleError("drift: the limit must be a share");
    if (!IsError(rules.drift->lifetime_error)) return RuleError("drift: lifetime error outside (0, 1)");
    if (!(rules.drift->energy_limit >= 0 && rules.drift->energy_limit < 1)) {
      return RuleError("drift: the energy distance of outcomes lies below 1");
    }
    if (rules.drift->energy_limit > 0 && rules.episodes < 2) {
      return RuleError("drift: the energy distance needs two episodes");
    }
  }
  return {};
}

std::vector<std::uint64_t> TrialLooks(std::uint64_t episodes) {
  if (episodes < kLooksFrom) return {episodes};
  return {episodes / 4, episodes / 2, episodes};
}

std::string_view ConditionKindName(ConditionKind kind) {
  switch (kind) {
    case ConditionKind::kHarm:
      return "harm";
    case ConditionKind::kImprovement:
      return "improvement";
    case ConditionKind::kStep:
      return "step";
    case ConditionKind::kGrowth:
      return "growth";
    case ConditionKind::kCeiling:
      return "ceiling";
    case ConditionKind::kDrift:
      return "drift";
  }
  return {};
}

}  // namespace pawl::trial
