// One trial: map every metric to [0, 1], test each condition, put the report together. The verdict is made from the
// finished conditions alone (VerdictOf), by the same function that checks a report that was read back.
#include "trial/assess.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <set>
#include <span>

#include "trial/confidence_sequence.h"
#include "trial/e_process.h"

namespace pawl::trial {

namespace {

constexpr std::size_t kReasonBytesMax = 1000;
// As in Wealth::EverReached.
constexpr double kRoundingMargin = 1e-9;
// Below this number of episodes a trial looks once, at its end.
constexpr std::uint64_t kLooksFrom = 400;

// An affine map between [0, 1], in which tests are done, and the metric's own units, in which people think.
struct Scale {
  double zero = 0;  // what 0 stands for
  double one = 1;   // what 1 stands for; below `zero` where the good end of the metric is its lower one

  double FromUnit(double u) const { return zero + u * (one - zero); }
  double ToUnit(double v) const { return (v - zero) / (one - zero); }
};

// Ascending in what a metric measures: 1 is its good end.
Scale GoodnessScale(const MetricRange& metric) {
  return metric.direction == Direction::kHigherIsBetter ? Scale{metric.lowest, metric.highest}
                                                        : Scale{metric.highest, metric.lowest};
}

Scale Reversed(const Scale& scale) { return {scale.one, scale.zero}; }

// Gains: 0 is the largest possible loss, 1/2 none, 1 the largest possible gain.
Scale GainScale(const MetricRange& metric) {
  const double range = metric.highest - metric.lowest;
  return {-range, range};
}

// Values in range map into [0, 1] up to rounding, which is all that the clamp takes away.
double Unit(const Scale& scale, double value) { return std::clamp(scale.ToUnit(value), 0.0, 1.0); }

std::vector<double> MappedColumn(const EpisodeTable& table, std::size_t metric, const Scale& scale) {
  const std::span<const double> column = table.column(metric);
  std::vector<double> mapped(column.size());
  std::transform(column.begin(), column.end(), mapped.begin(), [&](double v) { return Unit(scale, v); });
  return mapped;
}

// (D/(hi-lo) + 1)/2 for every episode, D being positive where `table` is better than `other`.
std::vector<double> MappedGains(const EpisodeTable& table, const EpisodeTable& other, std::size_t metric) {
  const Scale goodness = GoodnessScale(table.metrics()[metric]);
  const std::span<const double> mine = table.column(metric);
  const std::span<const double> theirs = other.column(metric);
  std::vector<double> mapped(mine.size());
  for (std::size_t i = 0; i < mine.size(); ++i) {
    mapped[i] = (Unit(goodness, mine[i]) - Unit(goodness, theirs[i]) + 1) / 2;
  }
  return mapped;
}

double Mean(std::span<const double> values) {
  return std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
}

// What is tested: values in [0, 1], the limit in the same unit, and how to print both.
struct Question {
  ConditionKind kind;
  std::string name;
  std::string metric;
  std::vector<double> values;
  Scale scale;        // of `values`
  double limit;       // in the metric's units
  double unit_limit;  // in [0, 1]
  Side bad_side;
  double alpha;
  std::size_t planned = 0;  // observations if the trial runs to its end
};

// Fills in everything but the e-value. Bounds are one-sided, each at the whole alpha.
ConditionReport Describe(const Question& question) {
  ConditionReport report;
  report.kind = question.kind;
  report.name = question.name;
  report.metric = question.metric;
  report.limit = question.limit;
  report.bad_side = question.bad_side;
  report.alpha = question.alpha;
  report.observations = question.values.size();
  report.estimate = question.scale.FromUnit(Mean(question.values));
  const double low = question.scale.FromUnit(BettingLowerBound(question.values, question.alpha, question.planned));
  const double high = question.scale.FromUnit(BettingUpperBound(question.values, question.alpha, question.planned));
  report.lower = std::min(low, high);
  report.upper = std::max(low, high);
  return report;
}

ConditionReport ByEProcess(const Question& question, Alternative alternative, Bet bet) {
  ConditionReport report = Describe(question);
  EProcess process(alternative, question.unit_limit, bet);
  for (const double x : question.values) process.Observe(x);
  report.log_e_value = process.log_e_value();
  report.log_e_value_peak = process.log_e_value_peak();
  report.status = StatusOf(report);
  return report;
}

// "The mean of the mapped values is at most the limit."
ConditionReport ByUpperBound(const Question& question) {
  ConditionReport report = Describe(question);
  const Wealth wealth = BettingBelow(question.values, question.unit_limit, question.alpha, question.planned);
  report.log_e_value = wealth.log();
  report.log_e_value_peak = wealth.log_peak();
  report.status = StatusOf(report);
  return report;
}

std::vector<double> Changes(const DecisionPairs& pairs) {
  std::vector<double> changed(pairs.candidate.size());
  for (std::size_t i = 0; i < changed.size(); ++i) changed[i] = pairs.candidate[i] == pairs.baseline[i] ? 0 : 1;
  return changed;
}

ConditionReport AssessDrift(std::string name, const DriftCondition& drift, const DecisionPairs& pairs, double alpha) {
  return ByUpperBound({ConditionKind::kDrift, std::move(name), "decisions", Changes(pairs), Scale{}, drift.limit,
                       drift.limit, Side::kAbove, alpha, 0});
}

// Terms of the linear statistic lie in [-2, 2].
constexpr Scale kEnergyScale = {-2, 2};

ConditionReport AssessEnergy(const TrialRules& rules, const TrialData& data, double alpha) {
  std::vector<double> terms = EnergyTerms(data.candidate, data.baseline);
  for (double& term : terms) term = Unit(kEnergyScale, term);
  const double limit = rules.drift->energy_limit;
  return ByUpperBound({ConditionKind::kDrift, "drift-energy", "outcomes", std::move(terms), kEnergyScale, limit,
                       kEnergyScale.ToUnit(limit), Side::kAbove, alpha, rules.episodes / 2});
}

// Index of a metric that CheckTrialRules has found.
std::size_t MetricIndex(const TrialRules& rules, std::string_view name) {
  const auto found =
      std::find_if(rules.metrics.begin(), rules.metrics.end(), [&](const auto& m) { return m.name == name; });
  return static_cast<std::size_t>(found - rules.metrics.begin());
}

// A condition without its findings: what CheckReportAnswers compares, and the order in which AssessTrial reports.
struct Planned {
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

Side WorseSide(const TrialRules& rules, std::string_view metric) {
  const bool lower_is_better = rules.metrics[MetricIndex(rules, metric)].direction == Direction::kLowerIsBetter;
  return lower_is_better ? Side::kAbove : Side::kBelow;
}

std::size_t GroupIndex(const TrialRules& rules, std::string_view group) {
  return static_cast<std::size_t>(std::find(rules.groups.begin(), rules.groups.end(), group) - rules.groups.begin());
}

std::vector<double> OnlyGroup(std::span<const double> values, std::span<const std::uint8_t> groups, std::size_t group) {
  std::vector<double> only;
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (groups[i] == group) only.push_back(values[i]);
  }
  return only;
}

Side Opposite(Side side) { return side == Side::kAbove ? Side::kBelow : Side::kAbove; }

std::vector<Planned> PlannedConditions(const TrialRules& rules, TrialKind kind) {
  std::vector<Planned> planned;
  for (const HarmCondition& harm : rules.harms) {
    planned.push_back({ConditionKind::kHarm, harm.name, harm.metric, harm.limit, WorseSide(rules, harm.metric),
                       harm.lifetime_error, rules.episodes,
                       harm.group.empty() ? Planned::Of::kEpisodes : Planned::Of::kGroup, harm.group});
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
                       rules.drift->lifetime_error, rules.drift->probes, Planned::Of::kProbes});
    if (rules.drift->has_fixed_probes) {
      planned.push_back({ConditionKind::kDrift, "drift-fixed", "decisions", rules.drift->limit, Side::kAbove,
                         rules.drift->lifetime_error, 0, Planned::Of::kProbes});
    }
    if (rules.drift->energy_limit > 0) {
      planned.push_back({ConditionKind::kDrift, "drift-energy", "outcomes", rules.drift->energy_limit, Side::kAbove,
                         rules.drift->lifetime_error, rules.episodes / 2, Planned::Of::kPairsOfEpisodes});
    }
  }
  return planned;
}

// As one condition: every tree's bound has to hold, so the least evidence counts, and one that is broken breaks it.
ConditionReport AssessGrowth(Question question, const TrialData& data, std::size_t metric) {
  std::optional<ConditionReport> together;
  for (const EpisodeTable& before : data.window) {
    question.values = MappedGains(data.candidate, before, metric);
    const ConditionReport one = ByUpperBound(question);
    if (!together) together = one;
    together->estimate = std::max(together->estimate, one.estimate);
    together->lower = std::max(together->lower, one.lower);
    together->upper = std::max(together->upper, one.upper);
    together->log_e_value = std::min(together->log_e_value, one.log_e_value);
    together->log_e_value_peak = std::min(together->log_e_value_peak, one.log_e_value_peak);
  }
  together->status = StatusOf(*together);
  return *together;
}

ConditionReport AssessCondition(const Planned& planned, const TrialRules& rules, const TrialData& data, double alpha) {
  if (planned.of == Planned::Of::kPairsOfEpisodes) return AssessEnergy(rules, data, alpha);
  if (planned.kind == ConditionKind::kDrift) {
    return AssessDrift(planned.name, *rules.drift,
                       planned.name == "drift-fixed" ? data.fixed_decisions : data.fresh_decisions, alpha);
  }
  const std::size_t index = MetricIndex(rules, planned.metric);
  const MetricRange& metric = rules.metrics[index];
  const Scale goodness = GoodnessScale(metric);
  const Scale gain = GainScale(metric);
  Question question{planned.kind,     planned.name, planned.metric, {}, gain, planned.limit, 0,
                    planned.bad_side, alpha,        rules.episodes};
  switch (planned.kind) {
    case ConditionKind::kHarm:
      question.scale = Reversed(goodness);
      question.values = MappedColumn(data.candidate, index, question.scale);
      if (planned.of == Planned::Of::kGroup) {
        question.values = OnlyGroup(question.values, data.candidate.groups(), GroupIndex(rules, planned.group));
        // The groups of episodes follow from the seeds alone, so that a plan may be made from them.
        question.planned = question.values.size() * rules.episodes / data.candidate.episodes();
      }
      question.unit_limit = question.scale.ToUnit(planned.limit);
      return ByEProcess(question, Alternative::kMeanBelow, Bet::kMixed);
    case ConditionKind::kImprovement:
      question.values = MappedGains(data.candidate, data.parent, index);
      question.unit_limit = 0.5;
      return ByEProcess(question, Alternative::kMeanAbove, Bet::kVarianceAdaptive);
    case ConditionKind::kStep:
      question.values = MappedGains(data.candidate, data.parent, index);
      question.unit_limit = gain.ToUnit(planned.limit);
      return ByUpperBound(question);
    case ConditionKind::kGrowth:
      question.unit_limit = gain.ToUnit(planned.limit);
      return AssessGrowth(std::move(question), data, index);
    case ConditionKind::kCeiling:
      question.scale = goodness;
      question.values = MappedColumn(data.candidate, index, goodness);
      question.unit_limit = goodness.ToUnit(planned.limit);
      return ByUpperBound(question);
    case ConditionKind::kDrift:
      break;  // above
  }
  return {};
}

GainOverBaseline AssessGain(const TrialRules& rules, const TrialData& data, double alpha) {
  const std::size_t index = MetricIndex(rules, rules.capability->metric);
  const Scale scale = GainScale(rules.metrics[index]);
  const std::vector<double> gains = MappedGains(data.candidate, data.baseline, index);
  return {scale.FromUnit(Mean(gains)), scale.FromUnit(BettingLowerBound(gains, alpha, rules.episodes)),
          scale.FromUnit(BettingUpperBound(gains, alpha, rules.episodes))};
}

Fingerprint MakeFingerprint(const TrialData& data) {
  std::vector<std::string> candidate = data.fresh_decisions.candidate;
  std::vector<std::string> baseline = data.fresh_decisions.baseline;
  candidate.insert(candidate.end(), data.fixed_decisions.candidate.begin(), data.fixed_decisions.candidate.end());
  baseline.insert(baseline.end(), data.fixed_decisions.baseline.begin(), data.fixed_decisions.baseline.end());
  return FingerprintOf({candidate, baseline, data.parent_decisions, &data.candidate, &data.baseline});
}

bool SameMetrics(const std::vector<MetricRange>& a, const std::vector<MetricRange>& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](const MetricRange& x, const MetricRange& y) {
    return x.name == y.name && x.lowest == y.lowest && x.highest == y.highest && x.direction == y.direction;
  });
}

bool EveryValueInRange(const EpisodeTable& table) {
  for (std::size_t metric = 0; metric < table.metrics().size(); ++metric) {
    const MetricRange& range = table.metrics()[metric];
    for (const double v : table.column(metric)) {
      if (!(v >= range.lowest && v <= range.highest)) return false;
    }
  }
  return true;
}

// Every table has the group of each episode, the same in all, and each group that a condition is about occurs.
Result<void> CheckGroups(const TrialRules& rules, const std::vector<const EpisodeTable*>& tables) {
  const std::span<const std::uint8_t> groups = tables.front()->groups();
  if (groups.size() != (rules.groups.empty() ? 0 : tables.front()->episodes())) {
    return Malformed("trial.groups", "an episode has no group, or one that the charter does not declare");
  }
  for (const EpisodeTable* table : tables) {
    if (!std::equal(groups.begin(), groups.end(), table->groups().begin(), table->groups().end())) {
      return Malformed("trial.groups", "two trees put the same seed into different groups",
                       "the evaluator has to derive an episode's group from its seed alone");
    }
  }
  for (const HarmCondition& harm : rules.harms) {
    if (!harm.group.empty() && std::count(groups.begin(), groups.end(), GroupIndex(rules, harm.group)) == 0) {
      return Malformed("trial.groups", "no episode is of group '" + harm.group + "'");
    }
  }
  return {};
}

// What must hold before any number is looked at; an error voids the trial.
Result<void> CheckData(const TrialRules& rules, TrialKind kind, const TrialData& data) {
  std::vector<const EpisodeTable*> tables = {&data.candidate, &data.baseline};
  if (kind == TrialKind::kStep) tables.push_back(&data.parent);
  if (kind == TrialKind::kStep && rules.capability && rules.capability->max_growth > 0) {
    if (data.window.empty()) return Malformed("trial.tables", "what was live within the window has not been run");
    for (const EpisodeTable& table : data.window) tables.push_back(&table);
  }
  const std::vector<std::uint64_t> looks = TrialLooks(rules.episodes);
  const std::size_t episodes = data.candidate.episodes();
  for (const EpisodeTable* table : tables) {
    if (!SameMetrics(table->metrics(), rules.metrics)) {
      return Malformed("trial.tables", "a table does not have the charter's metrics");
    }
    if (table->episodes() != episodes || std::find(looks.begin(), looks.end(), episodes) == looks.end()) {
      return Malformed("trial.tables", "a table has not the charter's number of episodes, nor that of an early look");
    }
    if (!EveryValueInRange(*table)) return Malformed("trial.range", "a value is not finite or out of its range");
  }
  if (Result<void> groups = CheckGroups(rules, tables); !groups.ok()) return groups;
  const auto paired = [](const DecisionPairs& pairs) {
    return !pairs.candidate.empty() && pairs.candidate.size() == pairs.baseline.size();
  };
  const bool drift_complete =
      !rules.drift || (paired(data.fresh_decisions) && data.fresh_decisions.candidate.size() == rules.drift->probes &&
                       (!rules.drift->has_fixed_probes || paired(data.fixed_decisions)));
  const std::size_t probes = data.fresh_decisions.candidate.size() + data.fixed_decisions.candidate.size();
  const bool parent_complete = data.parent_decisions.empty() || data.parent_decisions.size() == probes;
  if (!drift_complete || !parent_complete) {
    return Malformed("trial.decisions", "decisions are missing, or not one for each probe");
  }
  return {};
}

Error RuleError(std::string message) {
  return {ErrorCode::kUsage, "trial.rule", std::move(message), "mend the charter's bounds"};
}

double HarmErrorSum(const TrialRules& rules) {
  double sum = 0;
  for (const HarmCondition& harm : rules.harms) sum += harm.lifetime_error;
  return sum;
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

}  // namespace

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

std::string_view TrialVerdictName(TrialVerdict verdict) {
  switch (verdict) {
    case TrialVerdict::kPass:
      return "pass";
    case TrialVerdict::kNotShown:
      return "not-shown";
    case TrialVerdict::kHarm:
      return "harm";
    case TrialVerdict::kStepTooLarge:
      return "step-too-large";
    case TrialVerdict::kGrowthTooLarge:
      return "growth-too-large";
    case TrialVerdict::kAboveCeiling:
      return "above-ceiling";
    case TrialVerdict::kDrifted:
      return "drifted";
    case TrialVerdict::kVoid:
      return "void";
  }
  return {};
}

bool IsOutsideCharter(TrialVerdict verdict) {
  return verdict == TrialVerdict::kStepTooLarge || verdict == TrialVerdict::kGrowthTooLarge ||
         verdict == TrialVerdict::kAboveCeiling;
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

std::string_view ConditionStatusName(ConditionStatus status) {
  switch (status) {
    case ConditionStatus::kShown:
      return "shown";
    case ConditionStatus::kNotShown:
      return "not-shown";
    case ConditionStatus::kExceeded:
      return "exceeded";
  }
  return {};
}

ConditionStatus StatusOf(const ConditionReport& condition) {
  const bool beyond =
      condition.bad_side == Side::kAbove ? condition.lower > condition.limit : condition.upper < condition.limit;
  if (beyond && condition.kind != ConditionKind::kImprovement) return ConditionStatus::kExceeded;
  const bool decided = condition.log_e_value_peak >= -std::log(condition.alpha) + kRoundingMargin;
  return decided ? ConditionStatus::kShown : ConditionStatus::kNotShown;
}

TrialVerdict VerdictOf(const std::vector<ConditionReport>& conditions) {
  const auto any = [&](auto kinds, ConditionStatus status) {
    return std::any_of(conditions.begin(), conditions.end(), [&](const ConditionReport& condition) {
      return condition.status == status && std::find(kinds.begin(), kinds.end(), condition.kind) != kinds.end();
    });
  };
  using Kinds = std::vector<ConditionKind>;
  const Kinds safety = {ConditionKind::kHarm, ConditionKind::kDrift};
  const Kinds capability = {ConditionKind::kImprovement, ConditionKind::kStep, ConditionKind::kGrowth,
                            ConditionKind::kCeiling};
  if (any(Kinds{ConditionKind::kHarm}, ConditionStatus::kExceeded)) return TrialVerdict::kHarm;
  if (any(Kinds{ConditionKind::kDrift}, ConditionStatus::kExceeded)) return TrialVerdict::kDrifted;
  if (any(safety, ConditionStatus::kNotShown)) return TrialVerdict::kNotShown;
  if (any(Kinds{ConditionKind::kCeiling}, ConditionStatus::kExceeded)) return TrialVerdict::kAboveCeiling;
  if (any(Kinds{ConditionKind::kStep}, ConditionStatus::kExceeded)) return TrialVerdict::kStepTooLarge;
  if (any(Kinds{ConditionKind::kGrowth}, ConditionStatus::kExceeded)) return TrialVerdict::kGrowthTooLarge;
  if (any(capability, ConditionStatus::kNotShown)) return TrialVerdict::kNotShown;
  const bool every_one_shown =
      !conditions.empty() && std::all_of(conditions.begin(), conditions.end(), [](const ConditionReport& condition) {
        return condition.status == ConditionStatus::kShown;
      });
  return every_one_shown ? TrialVerdict::kPass : TrialVerdict::kNotShown;
}

TrialReport VoidTrial(const TrialRules& rules, const TrialTerms& terms, const Error& reason) {
  TrialReport report;
  report.verdict = TrialVerdict::kVoid;
  report.terms = terms;
  report.harm_error_sum = HarmErrorSum(rules);
  report.void_rule = reason.rule;
  report.void_reason = reason.message.substr(0, kReasonBytesMax);
  return report;
}

Result<TrialReport> AssessTrial(const TrialRules& rules, const TrialTerms& terms, const TrialData& data) {
  if (Result<void> checked = CheckTrialRules(rules); !checked.ok()) return checked.error();
  if (Result<double> alpha = TrialAlpha(0.5, terms.budget_index, terms.share); !alpha.ok()) return alpha.error();
  if (Result<void> checked = CheckData(rules, terms.kind, data); !checked.ok()) {
    return VoidTrial(rules, terms, checked.error());
  }
  TrialReport report;
  report.terms = terms;
  report.harm_error_sum = HarmErrorSum(rules);
  for (const Planned& planned : PlannedConditions(rules, terms.kind)) {
    const Result<double> alpha = TrialAlpha(planned.lifetime_error, terms.budget_index, terms.share);
    if (!alpha.ok()) return alpha.error();
    report.conditions.push_back(AssessCondition(planned, rules, data, *alpha));
    if (planned.kind == ConditionKind::kCeiling) report.gain_over_baseline = AssessGain(rules, data, *alpha);
  }
  report.verdict = VerdictOf(report.conditions);
  // A trial that goes on is described when it ends.
  const bool ends = report.verdict != TrialVerdict::kNotShown || data.candidate.episodes() == rules.episodes;
  if (rules.drift && ends) report.fingerprint = MakeFingerprint(data);
  return report;
}

namespace {

// Whether the numbers of observations are those of one look; 0 where no condition says how many episodes there were.
std::optional<std::uint64_t> EpisodesSeen(const TrialReport& report, const std::vector<Planned>& planned,
                                          std::uint64_t episodes) {
  std::uint64_t seen = 0;
  for (std::size_t i = 0; i < planned.size(); ++i) {
    if (planned[i].of != Planned::Of::kEpisodes) continue;
    if (seen != 0 && report.conditions[i].observations != seen) return std::nullopt;
    seen = report.conditions[i].observations;
  }
  const std::vector<std::uint64_t> looks = TrialLooks(episodes);
  if (seen != 0 && std::find(looks.begin(), looks.end(), seen) == looks.end()) return std::nullopt;
  for (std::size_t i = 0; i < planned.size(); ++i) {
    const std::uint64_t found = report.conditions[i].observations;
    switch (planned[i].of) {
      case Planned::Of::kEpisodes:
        break;
      case Planned::Of::kPairsOfEpisodes:
        if (seen != 0 && found != seen / 2) return std::nullopt;
        break;
      case Planned::Of::kGroup:
        if (found > (seen == 0 ? episodes : seen)) return std::nullopt;
        break;
      case Planned::Of::kProbes:
        if (planned[i].observations != 0 && found != planned[i].observations) return std::nullopt;
        break;
    }
  }
  return seen;
}

}  // namespace

Result<void> CheckReportAnswers(const TrialReport& report, const TrialRules& rules, const TrialTerms& terms) {
  if (Result<void> checked = CheckTrialRules(rules); !checked.ok()) return checked;
  if (report.terms.kind != terms.kind || report.terms.budget_index != terms.budget_index ||
      report.terms.share != terms.share) {
    return Refused("trial-report.terms", "the report is about another trial: kind, budget index or quorum differ");
  }
  if (report.harm_error_sum != HarmErrorSum(rules)) {
    return Refused("trial-report.conditions", "the report promises another lifetime error than the charter");
  }
  if (report.verdict == TrialVerdict::kVoid) return {};
  const std::vector<Planned> planned = PlannedConditions(rules, terms.kind);
  bool same = planned.size() == report.conditions.size();
  for (std::size_t i = 0; same && i < planned.size(); ++i) {
    const ConditionReport& found = report.conditions[i];
    const Result<double> alpha = TrialAlpha(planned[i].lifetime_error, terms.budget_index, terms.share);
    if (!alpha.ok()) return alpha.error();
    same = found.kind == planned[i].kind && found.name == planned[i].name && found.metric == planned[i].metric &&
           found.limit == planned[i].limit && found.bad_side == planned[i].bad_side && found.alpha == *alpha;
  }
  const std::optional<std::uint64_t> seen =
      same ? EpisodesSeen(report, planned, rules.episodes) : std::optional<std::uint64_t>();
  if (!seen) {
    return Refused("trial-report.conditions", "the report does not answer the charter's conditions at their errors");
  }
  if (*seen < rules.episodes && *seen != 0 && report.verdict == TrialVerdict::kNotShown) {
    return Refused("trial-report.stopped", "the trial stopped early although a question was open");
  }
  return {};
}

}  // namespace pawl::trial
