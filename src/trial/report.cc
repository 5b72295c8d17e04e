// The verdict is made from the finished conditions alone, by the same function for a report that was just made and for
// one that was read back.
#include "trial/report.h"

#include <algorithm>
#include <cmath>

namespace pawl::trial {

namespace {

constexpr std::size_t kReasonBytesMax = 1000;
// As in Wealth::EverReached.
constexpr double kReportMargin = 1e-9;

// Whether the numbers of observations are those of one look; 0 where no condition says how many episodes there were.
std::optional<std::uint64_t> EpisodesSeen(const TrialReport& report, const std::vector<PlannedCondition>& planned,
                                          std::uint64_t episodes) {
  std::uint64_t seen = 0;
  for (std::size_t i = 0; i < planned.size(); ++i) {
    if (planned[i].of != PlannedCondition::Of::kEpisodes) continue;
    if (seen != 0 && report.conditions[i].observations != seen) return std::nullopt;
    seen = report.conditions[i].observations;
  }
  const std::vector<std::uint64_t> looks = TrialLooks(episodes);
  if (seen != 0 && std::find(looks.begin(), looks.end(), seen) == looks.end()) return std::nullopt;
  for (std::size_t i = 0; i < planned.size(); ++i) {
    const std::uint64_t found = report.conditions[i].observations;
    switch (planned[i].of) {
      case PlannedCondition::Of::kEpisodes:
        break;
      case PlannedCondition::Of::kPairsOfEpisodes:
        if (seen != 0 && found != seen / 2) return std::nullopt;
        break;
      case PlannedCondition::Of::kGroup:
        if (found > (seen == 0 ? episodes : seen)) return std::nullopt;
        break;
      case PlannedCondition::Of::kProbes:
        if (planned[i].observations != 0 && found != planned[i].observations) return std::nullopt;
        break;
    }
  }
  return seen;
}

// Where the mean of what a condition is about can lie, and with it estimate and bounds.
MetricScale ValuesOf(const PlannedCondition& planned, const TrialRules& rules) {
  if (planned.of == PlannedCondition::Of::kPairsOfEpisodes) return {-2, 2};
  if (planned.kind == ConditionKind::kDrift) return {0, 1};
  const MetricRange& metric = rules.metrics[MetricIndex(rules, planned.metric)];
  const bool gains = planned.kind == ConditionKind::kImprovement || planned.kind == ConditionKind::kStep ||
                     planned.kind == ConditionKind::kGrowth;
  return gains ? GainScale(metric) : MetricScale{metric.lowest, metric.highest};
}

// Up to the rounding of MetricScale. False for what is not finite.
bool LieWithin(const MetricScale& values, std::initializer_list<double> numbers) {
  const double margin =
      1e-9 * (values.one - values.zero) + 1e-15 * std::max(std::abs(values.zero), std::abs(values.one));
  return std::all_of(numbers.begin(), numbers.end(),
                     [&](double number) { return number >= values.zero - margin && number <= values.one + margin; });
}

bool EveryFigureInRange(const TrialReport& report, const std::vector<PlannedCondition>& planned,
                        const TrialRules& rules) {
  for (std::size_t i = 0; i < planned.size(); ++i) {
    const ConditionReport& found = report.conditions[i];
    if (!LieWithin(ValuesOf(planned[i], rules), {found.estimate, found.lower, found.upper})) return false;
  }
  if (!report.gain_over_baseline) return true;
  if (!rules.capability) return false;
  const GainOverBaseline& gain = *report.gain_over_baseline;
  return LieWithin(GainScale(rules.metrics[MetricIndex(rules, rules.capability->metric)]),
                   {gain.estimate, gain.lower, gain.upper});
}

// One that compares the decisions on all probes, fresh and fixed, and nothing else.
bool FingerprintFits(const TrialReport& report) {
  std::uint64_t probes = 0;
  for (const ConditionReport& condition : report.conditions) {
    if (condition.metric == "decisions" && condition.kind == ConditionKind::kDrift) probes += condition.observations;
  }
  return !report.fingerprint || (probes > 0 && report.fingerprint->probes == probes);
}

}  // namespace

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

bool IsEnough(double log_e_value, double alpha) { return log_e_value >= -std::log(alpha) + kReportMargin; }

bool MeanIsGood(const ConditionReport& condition) {
  return condition.bad_side == Side::kAbove ? condition.estimate <= condition.limit
                                            : condition.estimate >= condition.limit;
}

ConditionStatus StatusOf(const ConditionReport& condition) {
  const bool beyond =
      condition.bad_side == Side::kAbove ? condition.lower > condition.limit : condition.upper < condition.limit;
  if (beyond && condition.kind != ConditionKind::kImprovement) return ConditionStatus::kExceeded;
  const bool decided = IsEnough(condition.log_e_value_peak, condition.alpha) && MeanIsGood(condition);
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
  const std::vector<PlannedCondition> planned = PlannedConditions(rules, terms.kind);
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
  if (!seen || !FingerprintFits(report)) {
    return Refused("trial-report.conditions", "the report does not answer the charter's conditions at their errors");
  }
  if (!EveryFigureInRange(report, planned, rules)) {
    return Refused("trial-report.range", "an estimate or a bound lies where no mean of the metric can");
  }
  if (*seen < rules.episodes && *seen != 0 && report.verdict == TrialVerdict::kNotShown) {
    return Refused("trial-report.stopped", "the trial stopped early although a question was open");
  }
  return {};
}

}  // namespace pawl::trial
