// One trial: map every metric to [0, 1], test each condition, put the report together.
#include "trial/assess.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <span>

#include "trial/confidence_sequence.h"
#include "trial/e_process.h"

namespace pawl::trial {

namespace {

MetricScale Reversed(const MetricScale& scale) { return {scale.one, scale.zero}; }

// Values in range map into [0, 1] up to rounding, which is all that the clamp takes away.
double Unit(const MetricScale& scale, double value) { return std::clamp(scale.ToUnit(value), 0.0, 1.0); }

std::vector<double> MappedColumn(const EpisodeTable& table, std::size_t metric, const MetricScale& scale) {
  const std::span<const double> column = table.column(metric);
  std::vector<double> mapped(column.size());
  std::transform(column.begin(), column.end(), mapped.begin(), [&](double v) { return Unit(scale, v); });
  return mapped;
}

// (D/(hi-lo) + 1)/2 for every episode, D being positive where `table` is better than `other`.
std::vector<double> MappedGains(const EpisodeTable& table, const EpisodeTable& other, std::size_t metric) {
  const MetricScale goodness = GoodnessScale(table.metrics()[metric]);
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
  MetricScale scale;  // of `values`
  double limit;       // in the metric's units
  double unit_limit;  // in [0, 1]
  Side bad_side;
  double alpha;
  std::size_t planned = 0;  // observations if the trial runs to its end
};

// Fills in everything but the e-value. Bounds are one-sided, each at the whole alpha. Which end is the lower one
// follows from the scale and not from the values: where the mean changed during the trial the bounds may cross, and
// each still says what it says.
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
  const bool ascending = question.scale.one > question.scale.zero;
  report.lower = ascending ? low : high;
  report.upper = ascending ? high : low;
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

ConditionReport AssessFreshDrift(const TrialRules& rules, const TrialData& data, double alpha) {
  const double limit = rules.drift->limit;
  return ByUpperBound({ConditionKind::kDrift, "drift-fresh", "decisions", Changes(data.fresh_decisions), MetricScale{},
                       limit, limit, Side::kAbove, alpha, 0});
}

// Everybody knows the fixed probes and their order: nothing is random, and no sequential test applies. The share is
// exact; what is asked beside it is a margin that shrinks with their number, whatever their order.
ConditionReport AssessFixedDrift(const TrialRules& rules, const TrialData& data, double alpha) {
  const std::vector<double> changes = Changes(data.fixed_decisions);
  ConditionReport report;
  report.kind = ConditionKind::kDrift;
  report.name = "drift-fixed";
  report.metric = "decisions";
  report.limit = rules.drift->limit;
  report.alpha = alpha;
  report.observations = changes.size();
  report.estimate = Mean(changes);
  report.lower = report.estimate;
  // Invariant: the margin holds at `upper` (at 1 for any number of probes) and not at `open`.
  double open = report.estimate;
  report.upper = 1;
  constexpr int kBisections = 50;
  for (int i = 0; i < kBisections; ++i) {
    const double middle = (open + report.upper) / 2;
    const bool holds = middle < 1 && IsEnough(FixedProbesEvidence(report.estimate, middle, changes.size()), alpha);
    (holds ? report.upper : open) = middle;
  }
  report.log_e_value = FixedProbesEvidence(report.estimate, report.limit, changes.size());
  report.log_e_value_peak = report.log_e_value;
  report.status = StatusOf(report);
  return report;
}

// Terms of the linear statistic lie in [-2, 2].
constexpr MetricScale kEnergyScale = {-2, 2};

ConditionReport AssessEnergy(const TrialRules& rules, const TrialData& data, double alpha) {
  std::vector<double> terms = EnergyTerms(data.candidate, data.baseline);
  for (double& term : terms) term = Unit(kEnergyScale, term);
  const double limit = rules.drift->energy_limit;
  return ByUpperBound({ConditionKind::kDrift, "drift-energy", "outcomes", std::move(terms), kEnergyScale, limit,
                       kEnergyScale.ToUnit(limit), Side::kAbove, alpha, rules.episodes / 2});
}

std::vector<double> OnlyGroup(std::span<const double> values, std::span<const std::uint8_t> groups, std::size_t group) {
  std::vector<double> only;
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (groups[i] == group) only.push_back(values[i]);
  }
  return only;
}

// Episodes of a group in a whole trial, reckoned from those up to the first look: the same at every look, so that the
// bets do not depend on when one looks. Groups follow from the seeds alone, so that a plan may be made from them.
std::size_t PlannedOfGroup(const TrialRules& rules, std::span<const std::uint8_t> groups, std::size_t group) {
  const std::uint64_t first = TrialLooks(rules.episodes).front();
  const auto seen = std::count(groups.begin(), groups.begin() + static_cast<std::ptrdiff_t>(first), group);
  return std::max<std::size_t>(1, static_cast<std::size_t>(seen) * rules.episodes / first);
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

ConditionReport AssessCondition(const PlannedCondition& planned, const TrialRules& rules, const TrialData& data,
                                double alpha) {
  if (planned.of == PlannedCondition::Of::kPairsOfEpisodes) return AssessEnergy(rules, data, alpha);
  if (planned.kind == ConditionKind::kDrift) {
    return planned.name == "drift-fixed" ? AssessFixedDrift(rules, data, alpha) : AssessFreshDrift(rules, data, alpha);
  }
  const std::size_t index = MetricIndex(rules, planned.metric);
  const MetricRange& metric = rules.metrics[index];
  const MetricScale goodness = GoodnessScale(metric);
  const MetricScale gain = GainScale(metric);
  Question question{planned.kind,     planned.name, planned.metric, {}, gain, planned.limit, 0,
                    planned.bad_side, alpha,        rules.episodes};
  switch (planned.kind) {
    case ConditionKind::kHarm:
      question.scale = Reversed(goodness);
      question.values = MappedColumn(data.candidate, index, question.scale);
      if (planned.of == PlannedCondition::Of::kGroup) {
        const std::size_t group = GroupIndex(rules, planned.group);
        question.values = OnlyGroup(question.values, data.candidate.groups(), group);
        question.planned = PlannedOfGroup(rules, data.candidate.groups(), group);
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
  const MetricScale scale = GainScale(rules.metrics[index]);
  const std::vector<double> gains = MappedGains(data.candidate, data.baseline, index);
  return {scale.FromUnit(Mean(gains)), scale.FromUnit(BettingLowerBound(gains, alpha, rules.episodes)),
          scale.FromUnit(BettingUpperBound(gains, alpha, rules.episodes))};
}

Fingerprint MakeFingerprint(const TrialData& data) {
  std::vector<std::string> candidate = data.fresh_decisions.candidate;
  std::vector<std::string> baseline = data.fresh_decisions.baseline;
  candidate.insert(candidate.end(), data.fixed_decisions.candidate.begin(), data.fixed_decisions.candidate.end());
  baseline.insert(baseline.end(), data.fixed_decisions.baseline.begin(), data.fixed_decisions.baseline.end());
  FingerprintQuestion question{.candidate = candidate,
                               .baseline = baseline,
                               .parent = data.parent_decisions,
                               .candidate_table = &data.candidate,
                               .baseline_table = &data.baseline,
                               .permutation_seed = data.permutation_seed};
  if (!data.probe_inputs.empty()) question.inputs = data.probe_inputs.front();
  if (data.parent.episodes() > 0) question.parent_table = &data.parent;
  return FingerprintOf(question);
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
  for (const EpisodeTable* table : tables) {
    if (!std::equal(table->inputs().begin(), table->inputs().end(), data.candidate.inputs().begin(),
                    data.candidate.inputs().end())) {
      return Malformed("trial.inputs", "an episode was one thing for one tree and another for another",
                       "the evaluator has to derive an episode, and what it says of it, from its seed alone");
    }
  }
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
  for (const std::vector<std::string>& inputs : data.probe_inputs) {
    if ((!inputs.empty() && inputs.size() != probes) || inputs != data.probe_inputs.front()) {
      return Malformed("trial.inputs", "a probe asked two trees different things",
                       "the evaluator has to derive a probe, and what it says of it, from its seed alone");
    }
  }
  return {};
}

}  // namespace

double FixedProbesEvidence(double share, double limit, std::size_t probes) {
  if (share >= limit) return 0;
  const double changed = share > 0 ? share * std::log(share / limit) : 0;
  return static_cast<double>(probes) * (changed + (1 - share) * std::log((1 - share) / (1 - limit)));
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
  for (const PlannedCondition& planned : PlannedConditions(rules, terms.kind)) {
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

}  // namespace pawl::trial
