// pawl charter plan: before anything runs, how many episodes each limit needs for a candidate of given quality, how
// likely a trial of the charter's length is to show it, and how many proposals the budget carries.
#include "cli/charter_plan.h"

#include <algorithm>
#include <cmath>
#include <cstdio>

#include "cli/best_case.h"
#include "cli/charter_check.h"
#include "oversight/charter_trial.h"
#include "trial/budget.h"
#include "trial/plan.h"

namespace pawl::cli {
namespace {

constexpr uint64_t kIndices[] = {1, 10, 100};  // budget indices that are looked at
constexpr double kPower = 0.8;
constexpr uint64_t kPlannedIndexMax = 1'000'000;
constexpr uint64_t kEpisodesSearched = 200'000;

// The candidate that is planned for, in units of [0, 1].
struct Quality {
  double gain = 0;
  double deviation = 0;
};

// One condition at one budget index.
struct Outlook {
  uint64_t index = 0;
  std::optional<uint64_t> episodes;  // with a chance of kPower; none: more than were searched
  double chance = 0;                 // with the charter's number
};

struct PlanLine {
  std::string what;
  std::vector<Outlook> outlooks;
  uint64_t carried = 0;  // proposals up to which a flawless candidate still shows it
};

struct Plan {
  std::vector<PlanLine> lines;
  std::vector<std::string> limits;
  std::vector<std::string> warnings;
};

double WidthOf(const charter::Metric& metric) { return metric.max - metric.min; }

Result<Outlook> HarmOutlook(const charter::Charter& charter, const charter::HarmBound& harm, double harm_share,
                            uint64_t index, double alpha) {
  const charter::Metric& metric = *charter.evaluation.Find(harm.metric);
  const bool lower = metric.direction == charter::Direction::kLowerIsBetter;
  const double limit = (lower ? harm.limit - metric.min : metric.max - harm.limit) / WidthOf(metric);
  const uint64_t episodes = static_cast<uint64_t>(charter.evaluation.episodes);
  const uint64_t planned = harm.group ? std::max<uint64_t>(1, episodes / charter.evaluation.groups.size()) : episodes;
  trial::RateQuestion question{
      .rate = limit * harm_share, .limit = limit, .alpha = alpha, .episodes = planned, .simulations = 200};
  Result<double> chance = trial::ChanceToShowBelow(question);
  if (!chance.ok()) return chance.error();
  question.episodes = kEpisodesSearched;
  const Result<uint64_t> needed = trial::EpisodesToShowBelow(question, kPower);
  if (!needed.ok() && needed.error().code != ErrorCode::kLimit) return needed.error();
  return Outlook{index, needed.ok() ? std::optional(*needed) : std::nullopt, *chance};
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

Result<Outlook> BoundOutlook(trial::BoundQuestion question, uint64_t index) {
  Result<double> chance = trial::ChanceToBoundBelow(question);
  if (!chance.ok()) return chance.error();
  // The bets are tuned to the planned number, so the number is searched by doubling it.
  std::optional<uint64_t> needed;
  question.simulations = 50;
  for (question.episodes = 250; question.episodes <= 64'000 && !needed; question.episodes *= 2) {
    Result<double> share = trial::ChanceToBoundBelow(question);
    if (!share.ok()) return share.error();
    if (*share >= kPower) needed = question.episodes;
  }
  return Outlook{index, needed, *chance};
}

struct Condition {
  std::string what;
  std::string best;  // name of its best case
  double lifetime_error = 0;
  std::function<Result<Outlook>(uint64_t index, double alpha)> outlook;
};

std::vector<Condition> Conditions(const charter::Charter& charter, const PlanOptions& options, const Quality& quality) {
  const uint64_t episodes = static_cast<uint64_t>(charter.evaluation.episodes);
  const charter::CapabilityBound& capability = charter.bounds.capability;
  const double range = WidthOf(*charter.evaluation.Find(capability.metric));
  std::vector<Condition> conditions;
  for (const charter::HarmBound& harm : charter.bounds.harm) {
    conditions.push_back({"harm '" + harm.name + "' at " + PlainNumber(100 * options.harm_share) + " % of its limit",
                          "harm '" + harm.name + "'", harm.lifetime_error,
                          [&charter, &harm, &options](uint64_t index, double alpha) {
                            return HarmOutlook(charter, harm, options.harm_share, index, alpha);
                          }});
  }
  conditions.push_back({"improvement, a gain of " + PlainNumber(quality.gain * range), "improvement",
                        charter.bounds.improvement.lifetime_error,
                        [&](uint64_t index, double alpha) { return GainOutlook(charter, quality, index, alpha); }});
  // Gains as two points around the mean, mapped from [-1, 1] to [0, 1] like paired differences.
  const double low = std::max(0.0, (quality.gain - quality.deviation + 1) / 2);
  const double high = std::min(1.0, (quality.gain + quality.deviation + 1) / 2);
  conditions.push_back({"step at most " + PlainNumber(capability.max_step), "max_step", capability.lifetime_error,
                        [=](uint64_t index, double alpha) {
                          return BoundOutlook({.low = low,
                                               .high = high,
                                               .chance_of_high = 0.5,
                                               .limit = (1 + capability.max_step / range) / 2,
                                               .alpha = alpha,
                                               .episodes = episodes,
                                               .simulations = 100},
                                              index);
                        }});
  const charter::DriftBound& drift = charter.bounds.drift;
  const uint64_t probes = static_cast<uint64_t>(charter.evaluation.probes);
  conditions.push_back({"drift of " + PlainNumber(100 * options.drift_share) + " % of its limit, in probes", "drift",
                        drift.lifetime_error, [=](uint64_t index, double alpha) {
                          return BoundOutlook({.chance_of_high = options.drift_share * drift.limit,
                                               .limit = drift.limit,
                                               .alpha = alpha,
                                               .episodes = probes,
                                               .simulations = 100},
                                              index);
                        }});
  return conditions;
}

Result<Plan> MakePlan(const charter::Charter& charter, const PlanOptions& options) {
  Result<Feasibility> feasibility = CheckFeasibility(charter);
  if (!feasibility.ok()) return feasibility.error();
  Result<std::vector<BestCase>> best = BestCases(charter, static_cast<uint64_t>(charter.evaluation.episodes));
  if (!best.ok()) return best.error();
  const double range = WidthOf(*charter.evaluation.Find(charter.bounds.improvement.metric));
  const double gain = options.gain.value_or(charter.bounds.capability.max_step / 2);
  const Quality quality{gain / range, options.deviation / range};
  const trial::EvaluatorShare share = oversight::EvaluatorShareOf(charter);
  Plan plan{{}, std::move(feasibility->lines), std::move(feasibility->warnings)};
  double missed = 0;  // chance that the first trial misses any, at most
  for (const Condition& condition : Conditions(charter, options, quality)) {
    PlanLine line{condition.what, {}, 0};
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
  if (missed > 1 - kPower) {
    plan.warnings.push_back("the first trial of such a candidate may miss a limit with probability up to " +
                            PlainNumber(std::min(1.0, missed)) + ": more episodes, or wider limits");
  }
  return plan;
}

std::string NumberOf(const Outlook& outlook) {
  return (outlook.episodes ? std::to_string(*outlook.episodes) : std::string("too many")) + " (" +
         std::to_string(std::lround(100 * outlook.chance)) + " %)";
}

void PrintPlan(const charter::Charter& charter, const Plan& plan) {
  std::printf(
      "episodes that show it four times in five (and the chance with the charter's %lld episodes, %lld probes)\n",
      static_cast<long long>(charter.evaluation.episodes), static_cast<long long>(charter.evaluation.probes));
  std::printf("  %-44s %-18s %-18s %-18s %s\n", "", "trial 1", "trial 10", "trial 100", "flawless, up to trial");
  for (const PlanLine& line : plan.lines) {
    std::printf("  %-44s", Shown(line.what).c_str());
    for (const Outlook& outlook : line.outlooks) std::printf(" %-18s", NumberOf(outlook).c_str());
    std::printf(" %s\n", line.carried >= kPlannedIndexMax ? "over a million" : std::to_string(line.carried).c_str());
  }
  const charter::QuorumRule* rule = charter.FindQuorum(charter::Role::kEvaluator);
  if (rule != nullptr && rule->faults_max) {
    const auto counted = static_cast<uint64_t>(rule->at_least) - *rule->faults_max;
    std::printf("  each evaluator by itself; the evidence of %llu is added, so each needs about one in %llu of these\n",
                static_cast<unsigned long long>(counted), static_cast<unsigned long long>(counted));
  }
  std::puts("\nwhat each limit needs at the least");
  for (const std::string& limit : plan.limits) std::printf("  %s\n", Shown(limit).c_str());
  for (const std::string& warning : plan.warnings) std::printf("warning: %s\n", Shown(warning).c_str());
}

encoding::Json PlanJson(const Plan& plan) {
  encoding::Json lines = encoding::Json::array();
  for (const PlanLine& line : plan.lines) {
    encoding::Json trials = encoding::Json::array();
    for (const Outlook& outlook : line.outlooks) {
      trials.push_back({{"index", outlook.index},
                        {"episodes", outlook.episodes ? encoding::Json(*outlook.episodes) : encoding::Json(nullptr)},
                        {"chance", outlook.chance}});
    }
    lines.push_back({{"condition", line.what}, {"trials", trials}, {"carried", line.carried}});
  }
  return {{"conditions", lines}, {"limits", plan.limits}, {"warnings", plan.warnings}};
}

}  // namespace

ExitCode ShowPlan(const Globals& globals, const std::string& directory, const PlanOptions& options) {
  Result<charter::Charter> charter = charter::ReadCharterFromDirectory(directory);
  if (!charter.ok()) return Fail(globals, charter.error());
  Result<Plan> plan = MakePlan(*charter, options);
  if (!plan.ok()) return Fail(globals, plan.error());
  if (globals.json) {
    PrintJson(PlanJson(*plan));
  } else {
    PrintPlan(*charter, *plan);
  }
  return ExitCode::kYes;
}

void AddCharterPlan(CLI::App& parent, Globals& globals) {
  auto directory = std::make_shared<std::string>();
  auto options = std::make_shared<PlanOptions>();
  CLI::App* plan = parent.add_subcommand("plan", "how many episodes the limits need, and how long the budget lasts");
  plan->add_option("DIRECTORY", *directory, "the charter's directory")->required();
  plan->add_option("--gain", options->gain,
                   "of the candidate over its parent, in the metric's unit (default: half a step)")
      ->check(CLI::PositiveNumber);
  plan->add_option("--deviation", options->deviation, "standard deviation of paired differences, in the metric's unit")
      ->capture_default_str()
      ->check(CLI::NonNegativeNumber);
  plan->add_option("--harm", options->harm_share, "the candidate's harm, as a share of each limit")
      ->capture_default_str()
      ->check(CLI::Range(0.0, 1.0));
  plan->add_option("--drift", options->drift_share, "share of changed decisions, as a share of its limit")
      ->capture_default_str()
      ->check(CLI::Range(0.0, 1.0));
  plan->footer(
      "Answers come from running the very tests on simulated data, so they take some seconds.\n\n"
      "example:\n  pawl charter plan charter --gain 0.01 --deviation 0.05 --harm 0.3");
  plan->callback([=, &globals] { globals.exit = ShowPlan(globals, *directory, *options); });
}

}  // namespace pawl::cli
