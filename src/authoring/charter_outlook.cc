#include "authoring/charter_outlook.h"

#include <algorithm>
#include <cmath>
#include <functional>

#include "authoring/charter_check.h"
#include "oversight/charter_trial.h"
#include "trial/budget.h"
#include "trial/plan.h"

namespace pawl::authoring {
namespace {

constexpr uint64_t kIndices[] = {1, 10, 100};  // budget indices that are looked at
constexpr double kPower = 0.8;
constexpr uint64_t kEpisodesSearched = 200'000;

double WidthOf(const charter::Metric& metric) { return metric.max - metric.min; }

// The candidate in shares of a metric's range.
struct Quality {
  double gain = 0;
  double deviation = 0;
};

struct Candidate {
  Quality improvement;
  Quality capability;
  double level = 0;  // of the capability metric, 1 being its good end
};

Candidate CandidateOf(const charter::Charter& charter, const PlanOptions& options) {
  const charter::CapabilityBound& capability = charter.bounds.capability;
  const charter::Metric& capable = *charter.evaluation.Find(capability.metric);
  const double improved_width = WidthOf(*charter.evaluation.Find(charter.bounds.improvement.metric));
  const double capable_width = WidthOf(capable);
  const bool same = capability.metric == charter.bounds.improvement.metric;
  const double half_step = capability.max_step / 2 / capable_width;
  Candidate candidate;
  candidate.improvement.gain = options.gain ? *options.gain / improved_width : half_step;
  candidate.improvement.deviation =
      options.deviation ? *options.deviation / improved_width : std::min(0.1, 1 - candidate.improvement.gain);
  candidate.capability = {same && options.gain ? candidate.improvement.gain : half_step,
                          candidate.improvement.deviation};
  if (options.capability_gain) candidate.capability.gain = *options.capability_gain / capable_width;
  const auto goodness = [&](double value) {
    const double share = (value - capable.min) / capable_width;
    return capable.direction == charter::Direction::kLowerIsBetter ? 1 - share : share;
  };
  candidate.level =
      options.level ? goodness(*options.level) : goodness(capability.ceiling) - 2 * capability.max_step / capable_width;
  candidate.level = std::clamp(candidate.level, 0.0, 1.0);
  return candidate;
}

Error OutOfRange(std::string message, std::string advice) {
  return Error{ErrorCode::kUsage, "plan.question", std::move(message), std::move(advice)};
}

std::string RangeOf(const charter::Metric& metric) {
  return "'" + metric.name + "' lies between " + PlainNumber(metric.min) + " and " + PlainNumber(metric.max);
}

// Whether there can be such a candidate. Comparisons are such that what is no number fails them.
Result<void> RequirePossible(const charter::Charter& charter, const PlanOptions& options) {
  const charter::Metric& improved = *charter.evaluation.Find(charter.bounds.improvement.metric);
  const charter::Metric& capable = *charter.evaluation.Find(charter.bounds.capability.metric);
  if (options.gain && !(*options.gain > 0 && *options.gain <= WidthOf(improved))) {
    return OutOfRange("a gain of " + PlainNumber(*options.gain) + " cannot be: " + RangeOf(improved),
                      "give --gain above 0, in the unit of that metric");
  }
  if (options.capability_gain && !(*options.capability_gain >= 0 && *options.capability_gain <= WidthOf(capable))) {
    return OutOfRange("a gain of " + PlainNumber(*options.capability_gain) + " cannot be: " + RangeOf(capable),
                      "give --capability-gain of 0 or more, in the unit of that metric");
  }
  const double gain = CandidateOf(charter, options).improvement.gain * WidthOf(improved);
  if (options.deviation && !(*options.deviation >= 0 && gain + *options.deviation <= WidthOf(improved))) {
    return OutOfRange("differences of " + PlainNumber(gain) + " +- " + PlainNumber(*options.deviation) +
                          " cannot be: " + RangeOf(improved),
                      "give a smaller --deviation, of 0 or more, in the unit of that metric");
  }
  if (options.level && !(*options.level >= capable.min && *options.level <= capable.max)) {
    return OutOfRange("a mean of " + PlainNumber(*options.level) + " cannot be: " + RangeOf(capable),
                      "give --level in the unit of that metric");
  }
  for (const double share : {options.harm_share, options.drift_share}) {
    if (!(share >= 0 && share <= 1)) {
      return OutOfRange("a share of " + PlainNumber(share) + " of a limit", "give --harm and --drift from 0 to 1");
    }
  }
  return CheckGroupShares(charter, options.group_shares);
}

Result<Outlook> HarmOutlook(const charter::Charter& charter, const charter::HarmBound& harm, const PlanOptions& options,
                            uint64_t index, double alpha) {
  const charter::Metric& metric = *charter.evaluation.Find(harm.metric);
  const bool lower = metric.direction == charter::Direction::kLowerIsBetter;
  const double limit = (lower ? harm.limit - metric.min : metric.max - harm.limit) / WidthOf(metric);
  const double share = harm.group ? ShareOfGroup(charter, options.group_shares, *harm.group) : 1;
  const auto of_group = [&](uint64_t episodes) {
    return std::max<uint64_t>(1, static_cast<uint64_t>(share * static_cast<double>(episodes)));
  };
  trial::RateQuestion question{.rate = limit * options.harm_share,
                               .limit = limit,
                               .alpha = alpha,
                               .episodes = of_group(static_cast<uint64_t>(charter.evaluation.episodes)),
                               .simulations = 200};
  Result<double> chance = trial::ChanceToShowBelow(question);
  if (!chance.ok()) return chance.error();
  question.episodes = of_group(kEpisodesSearched);
  const Result<uint64_t> needed = trial::EpisodesToShowBelow(question, kPower);
  if (!needed.ok() && needed.error().code != ErrorCode::kLimit) return needed.error();
  Outlook outlook{index, std::nullopt, *chance};
  if (needed.ok()) outlook.episodes = static_cast<uint64_t>(std::ceil(static_cast<double>(*needed) / share));
  return outlook;
}

// The share of trials that show the gain, by how long they would have to be.
Result<Outlook> GainOutlook(const charter::Charter& charter, const Quality& quality, uint64_t index, double alpha) {
  trial::StepQuestion question{
      .step = quality.gain, .deviation = quality.deviation, .alpha = alpha, .power = kPower, .simulations = 100};
  const Result<uint64_t> needed = trial::EpisodesToShowStep(question);
  if (!needed.ok() && needed.error().code != ErrorCode::kLimit) return needed.error();
  Result<double> chance = trial::ChanceToShowStep(question, static_cast<uint64_t>(charter.evaluation.episodes));
  if (!chance.ok()) return chance.error();
  return Outlook{index, needed.ok() ? std::optional(*needed) : std::nullopt, *chance};
}

// `each` is what one observation takes: episodes or probes.
Result<Outlook> BoundOutlook(trial::BoundQuestion question, uint64_t index, uint64_t each = 1) {
  question.simulations = 100;
  Result<double> chance = trial::ChanceToBoundBelow(question);
  if (!chance.ok()) return chance.error();
  // The bets are tuned to the planned number, so the number is searched by doubling it.
  std::optional<uint64_t> needed;
  question.simulations = 50;
  for (question.episodes = 250; question.episodes <= 64'000 && !needed; question.episodes *= 2) {
    Result<double> share = trial::ChanceToBoundBelow(question);
    if (!share.ok()) return share.error();
    if (*share >= kPower) needed = question.episodes * each;
  }
  return Outlook{index, needed, *chance};
}

// Two values around a mean, as far apart as fits into [0, 1] beside it.
trial::BoundQuestion Around(double mean, double deviation, double limit, double alpha, uint64_t episodes) {
  const double apart = std::min({deviation, mean, 1 - mean});
  return {.low = mean - apart,
          .high = mean + apart,
          .chance_of_high = 0.5,
          .limit = limit,
          .alpha = alpha,
          .episodes = episodes};
}

struct Condition {
  std::string what;
  std::string best;  // name of its best case
  double lifetime_error = 0;
  std::function<Result<Outlook>(uint64_t index, double alpha)> outlook;
};

void AddCapability(const charter::Charter& charter, const Candidate& candidate, std::vector<Condition>& conditions) {
  const auto episodes = static_cast<uint64_t>(charter.evaluation.episodes);
  const charter::CapabilityBound& capability = charter.bounds.capability;
  const charter::Metric& metric = *charter.evaluation.Find(capability.metric);
  const double width = WidthOf(metric);
  // Gains are mapped from [-1, 1] to [0, 1] like paired differences.
  const double mean = std::clamp((candidate.capability.gain + 1) / 2, 0.0, 1.0);
  const double deviation = candidate.capability.deviation;
  const auto gain_at_most = [&](const std::string& words, const char* name, double most) {
    conditions.push_back(
        {words + " at most " + PlainNumber(most) + ", a gain of " + PlainNumber(candidate.capability.gain * width),
         name, capability.lifetime_error, [=](uint64_t index, double alpha) {
           const double limit = (1 + most / width) / 2;
           return BoundOutlook(Around(mean, deviation / 2, limit, alpha, episodes), index);
         }});
  };
  gain_at_most("step", "max_step", capability.max_step);
  if (capability.max_growth > 0) gain_at_most("growth", "max_growth", capability.max_growth);
  const bool lower = metric.direction == charter::Direction::kLowerIsBetter;
  const double ceiling = (lower ? metric.max - capability.ceiling : capability.ceiling - metric.min) / width;
  const double level = candidate.level;
  conditions.push_back(
      {"ceiling, a mean of " + PlainNumber(lower ? metric.max - level * width : metric.min + level * width), "ceiling",
       capability.lifetime_error, [=](uint64_t index, double alpha) {
         return BoundOutlook(Around(level, deviation, ceiling, alpha, episodes), index);
       }});
}

std::vector<Condition> Conditions(const charter::Charter& charter, const TrialSize& size, const PlanOptions& options) {
  const uint64_t episodes = size.episodes;
  const Candidate candidate = CandidateOf(charter, options);
  const double width = WidthOf(*charter.evaluation.Find(charter.bounds.improvement.metric));
  std::vector<Condition> conditions;
  for (const charter::HarmBound& harm : charter.bounds.harm) {
    conditions.push_back({"harm '" + harm.name + "' at " + PlainNumber(100 * options.harm_share) + " % of its limit",
                          "harm '" + harm.name + "'", harm.lifetime_error,
                          [&charter, &harm, &options](uint64_t index, double alpha) {
                            return HarmOutlook(charter, harm, options, index, alpha);
                          }});
  }
  conditions.push_back({"improvement, a gain of " + PlainNumber(candidate.improvement.gain * width), "improvement",
                        charter.bounds.improvement.lifetime_error, [&charter, candidate](uint64_t index, double alpha) {
                          return GainOutlook(charter, candidate.improvement, index, alpha);
                        }});
  AddCapability(charter, candidate, conditions);
  const charter::DriftBound& drift = charter.bounds.drift;
  const auto probes = static_cast<uint64_t>(charter.evaluation.probes);
  const double drift_share = options.drift_share;
  conditions.push_back(
      {"drift of " + PlainNumber(100 * drift_share) + " % of its limit, in probes", "drift", drift.lifetime_error,
       [=](uint64_t index, double alpha) {
         return BoundOutlook(
             {.chance_of_high = drift_share * drift.limit, .limit = drift.limit, .alpha = alpha, .episodes = probes},
             index);
       }});
  if (charter.evaluation.probes_file) {
    const uint64_t fixed = size.fixed_probes;
    conditions.push_back(
        {"drift of " + PlainNumber(100 * drift_share) + " % of its limit, in fixed probes", "drift-fixed",
         drift.lifetime_error, [=](uint64_t index, double alpha) -> Result<Outlook> {
           const uint64_t needed = trial::FixedProbesNeeded(drift_share * drift.limit, drift.limit, alpha);
           const bool too_many = needed > trial::kPlanEpisodesMax;
           return Outlook{index, too_many ? std::nullopt : std::optional(needed), needed <= fixed ? 1.0 : 0.0};
         }});
  }
  if (drift.energy_limit > 0 && episodes >= 2) {
    // Terms lie in [-2, 2]; one takes two episodes.
    const double deviation = candidate.improvement.deviation;
    conditions.push_back({"energy distance at " + PlainNumber(100 * drift_share) + " % of its limit", "energy_limit",
                          drift.lifetime_error, [=](uint64_t index, double alpha) {
                            const double mean = (drift_share * drift.energy_limit + 2) / 4;
                            const double limit = (drift.energy_limit + 2) / 4;
                            return BoundOutlook(Around(mean, deviation / 2, limit, alpha, episodes / 2), index, 2);
                          }});
  }
  return conditions;
}

// The chance that the evaluators' votes let a candidate pass that each of them passes with this one. Each has seeds of
// its own, and whoever does not show everything votes against.
double ChanceOfVotes(const charter::QuorumRule& rule, const trial::EvaluatorShare& share, double each) {
  const int64_t n = share.evaluators;
  const int64_t needed = std::max(rule.at_least, n - rule.against_max);
  double chance = 0, ways = 1;
  for (int64_t passes = n; passes >= needed; --passes) {
    chance += ways * std::pow(each, passes) * std::pow(1 - each, n - passes);
    ways = ways * static_cast<double>(passes) / static_cast<double>(n - passes + 1);
  }
  return chance;
}

// What may go wrong with a candidate like this, given the chance that one evaluator shows everything.
void WarnAboutChance(const charter::Charter& charter, double all_shown, Plan& plan) {
  const charter::QuorumRule* rule = charter.FindQuorum(charter::Role::kEvaluator);
  double passed = all_shown;
  std::string whose = rule != nullptr && rule->faults_max ? ", for one evaluator by itself" : "";
  if (rule != nullptr && !rule->faults_max) {
    const trial::EvaluatorShare share = oversight::EvaluatorShareOf(charter);
    passed = ChanceOfVotes(*rule, share, all_shown);
    plan.passes = passed;
    const int64_t needed = std::max<int64_t>(rule->at_least, share.evaluators - rule->against_max);
    if (share.evaluators > 1) {
      whose = ", where " + std::to_string(needed) + " of " + std::to_string(share.evaluators) +
              " evaluators have to show every limit";
    }
  }
  if (passed >= kPower) return;
  plan.warnings.push_back("the first trial of such a candidate may miss a limit with probability up to " +
                          PlainNumber(std::min(1.0, 1 - passed)) + whose + ": more episodes, or wider limits");
}

// The last release is measured by two means over the charter's episodes, whose noise the alarm takes for growth.
void WarnAboutAlarm(const charter::Charter& charter, const Candidate& candidate, Plan& plan) {
  const charter::CapabilityBound& capability = charter.bounds.capability;
  const double expected = charter.bounds.acceleration.expected_step;
  const double deviation = candidate.capability.deviation * WidthOf(*charter.evaluation.Find(capability.metric)) /
                           std::sqrt(static_cast<double>(charter.evaluation.episodes));
  const double measured = MeanOfLimited(expected, deviation, capability.max_step);
  if (measured <= 1.01 * expected) return;
  plan.warnings.push_back("a release is measured with a deviation of " + PlainNumber(deviation) +
                          ", so that growth at expected_step (" + PlainNumber(expected) + ") measures as " +
                          PlainNumber(measured) +
                          " on average and raises the alarm: set expected_step to that, or take more episodes");
}

}  // namespace

double MeanOfLimited(double mean, double deviation, double max) {
  if (!(deviation > 0)) return std::clamp(mean, 0.0, max);
  const auto density = [](double z) { return std::exp(-z * z / 2) / std::sqrt(2 * M_PI); };
  const auto below = [](double z) { return std::erfc(-z / std::sqrt(2.0)) / 2; };
  const double low = -mean / deviation;
  const double high = (max - mean) / deviation;
  return max * (1 - below(high)) + mean * (below(high) - below(low)) - deviation * (density(high) - density(low));
}

Result<Plan> MakePlan(const charter::Charter& charter, const TrialSize& size, const PlanOptions& options) {
  if (charter.evaluation.command.empty()) {
    return Error{ErrorCode::kUsage, "plan.no-trial", "this charter asks for no trial, so there is none to plan",
                 "pawl charter check says what it asks for instead"};
  }
  if (Result<void> fits = RequirePossible(charter, options); !fits.ok()) return fits.error();
  Result<Feasibility> feasibility = CheckFeasibility(charter, size, options.group_shares);
  if (!feasibility.ok()) return feasibility.error();
  Result<std::vector<BestCase>> best = BestCases(charter, size, options.group_shares);
  if (!best.ok()) return best.error();
  const trial::EvaluatorShare share = oversight::EvaluatorShareOf(charter);
  Plan plan{{}, std::move(feasibility->lines), std::move(feasibility->warnings)};
  double missed = 0;  // chance that one evaluator's first trial misses any, at most
  for (const Condition& condition : Conditions(charter, size, options)) {
    PlanLine line{condition.what, {}};
    for (const uint64_t index : kIndices) {
      Result<double> alpha = trial::TrialAlpha(condition.lifetime_error, index, share);
      if (!alpha.ok()) return alpha.error();
      Result<Outlook> outlook = condition.outlook(index, *alpha);
      if (!outlook.ok()) return outlook.error();
      line.outlooks.push_back(*outlook);
    }
    missed += 1 - line.outlooks.front().chance;
    const auto flawless =
        std::find_if(best->begin(), best->end(), [&](const BestCase& one) { return one.name == condition.best; });
    if (flawless != best->end()) {
      Result<uint64_t> carried = LastIndexShown(*flawless, charter, kPlannedIndexMax);
      if (!carried.ok()) return carried.error();
      line.carried = *carried;
    }
    plan.lines.push_back(std::move(line));
  }
  WarnAboutChance(charter, std::max(0.0, 1 - missed), plan);
  WarnAboutAlarm(charter, CandidateOf(charter, options), plan);
  return plan;
}

}  // namespace pawl::authoring
