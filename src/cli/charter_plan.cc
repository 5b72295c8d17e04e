// pawl charter plan: before anything runs, how many episodes each limit needs for a candidate of given quality, how
// likely a trial of the charter's length is to show it, and how many proposals the budget carries.
#include "cli/charter_plan.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <map>

#include "authoring/charter_outlook.h"

namespace pawl::cli {
namespace {

std::string NumberOf(const authoring::Outlook& outlook) {
  return (outlook.episodes ? std::to_string(*outlook.episodes) : std::string("too many")) + " (" +
         std::to_string(std::lround(100 * outlook.chance)) + " %)";
}

void PrintPlan(const charter::Charter& charter, const authoring::TrialSize& size, const authoring::Plan& plan) {
  const std::string fixed = size.fixed_probes == 0 ? "" : ", " + std::to_string(size.fixed_probes) + " fixed ones";
  std::printf(
      "episodes that show it four times in five (and the chance with the charter's %llu episodes, %lld probes%s)\n",
      static_cast<unsigned long long>(size.episodes), static_cast<long long>(charter.evaluation.probes), fixed.c_str());
  size_t widest = 0;
  for (const authoring::PlanLine& line : plan.lines) widest = std::max(widest, Shown(line.what).size());
  const auto width = static_cast<int>(widest);
  std::printf("  %-*s %-18s %-18s %-18s %s\n", width, "", "trial 1", "trial 10", "trial 100", "flawless, up to trial");
  for (const authoring::PlanLine& line : plan.lines) {
    std::printf("  %-*s", width, Shown(line.what).c_str());
    for (const authoring::Outlook& outlook : line.outlooks) std::printf(" %-18s", NumberOf(outlook).c_str());
    const std::string carried = !line.carried                                  ? "-"
                                : *line.carried >= authoring::kPlannedIndexMax ? "over a million"
                                                                               : std::to_string(*line.carried);
    std::printf(" %s\n", carried.c_str());
  }
  std::puts("  for step, growth, ceiling, fresh probes and energy by doubling from 250: up to twice what would do");
  const charter::QuorumRule* rule = charter.FindQuorum(charter::Role::kEvaluator);
  if (rule != nullptr && rule->faults_max) {
    const auto counted = static_cast<uint64_t>(rule->at_least) - *rule->faults_max;
    if (counted == 1) {
      std::puts(
          "  each evaluator by itself; of their evidence that of the last one alone counts, so each needs all of "
          "these");
    } else {
      std::printf(
          "  each evaluator by itself; the evidence of %llu is added, so each needs about one in %llu of these\n",
          static_cast<unsigned long long>(counted), static_cast<unsigned long long>(counted));
    }
  }
  if (plan.passes) {
    std::printf("\nthe evaluators' votes let such a candidate pass as the first with probability %s or more\n",
                authoring::PlainNumber(*plan.passes).c_str());
  }
  std::puts("\nwhat each limit needs at the least");
  for (const std::string& limit : plan.limits) std::printf("  %s\n", Shown(limit).c_str());
  for (const std::string& warning : plan.warnings) std::printf("warning: %s\n", Shown(warning).c_str());
}

encoding::Json PlanJson(const authoring::Plan& plan) {
  encoding::Json lines = encoding::Json::array();
  for (const authoring::PlanLine& line : plan.lines) {
    encoding::Json trials = encoding::Json::array();
    for (const authoring::Outlook& outlook : line.outlooks) {
      trials.push_back({{"index", outlook.index},
                        {"episodes", outlook.episodes ? encoding::Json(*outlook.episodes) : encoding::Json(nullptr)},
                        {"chance", outlook.chance}});
    }
    lines.push_back({{"condition", line.what},
                     {"trials", trials},
                     {"carried", line.carried ? encoding::Json(*line.carried) : encoding::Json(nullptr)}});
  }
  return {{"conditions", lines},
          {"limits", plan.limits},
          {"passes", plan.passes ? encoding::Json(*plan.passes) : encoding::Json(nullptr)},
          {"warnings", plan.warnings}};
}

}  // namespace

// Options with a unit of their own, and what they are written as.
struct Words {
  authoring::PlanOptions options;
  std::vector<std::string> groups;  // "night=0.1"
};

Result<authoring::PlanOptions> Read(const Words& words) {
  authoring::PlanOptions options = words.options;
  Result<authoring::GroupShares> shares = authoring::ParseGroupShares(words.groups);
  if (!shares.ok()) return shares.error();
  options.group_shares = std::move(*shares);
  return options;
}

ExitCode ShowPlan(const Globals& globals, const std::string& directory, const Words& words) {
  Result<authoring::PlanOptions> options = Read(words);
  if (!options.ok()) return Fail(globals, options.error());
  Result<charter::CharterFiles> files = charter::ReadCharterFiles(directory);
  if (!files.ok()) return Fail(globals, files.error());
  Result<authoring::TrialSize> size = authoring::SizeOfTrial(*files);
  if (!size.ok()) return Fail(globals, size.error());
  Result<authoring::Plan> plan = authoring::MakePlan(files->charter, *size, *options);
  if (!plan.ok()) return Fail(globals, plan.error());
  if (globals.json) {
    PrintJson(PlanJson(*plan));
  } else {
    PrintPlan(files->charter, *size, *plan);
  }
  return ExitCode::kYes;
}

void AddCharterPlan(CLI::App& parent, Globals& globals) {
  auto directory = std::make_shared<std::string>();
  auto words = std::make_shared<Words>();
  authoring::PlanOptions* options = &words->options;
  CLI::App* plan = parent.add_subcommand("plan", "how many episodes the limits need, and how long the budget lasts");
  plan->add_option("DIRECTORY", *directory, "the charter's directory")->required();
  plan->add_option("--gain", options->gain,
                   "of the candidate over its parent, in the unit of the metric of improvement (default: half a step)");
  plan->add_option("--capability-gain", options->capability_gain,
                   "the same in the capability metric, where it is another (default: half a step)");
  plan->add_option("--deviation", options->deviation,
                   "standard deviation of paired differences, in that unit (default: a tenth of the metric's range)");
  plan->add_option("--level", options->level,
                   "mean of the capability metric (default: two steps on the good side of the ceiling)");
  plan->add_option("--harm", options->harm_share, "the candidate's harm, as a share of each limit, 0 to 1")
      ->capture_default_str();
  plan->add_option("--drift", options->drift_share, "share of changed decisions, as a share of its limit, 0 to 1")
      ->capture_default_str();
  plan->add_option("--group", words->groups,
                   "GROUP=SHARE: share of the episodes that are of a group (default: equal shares)");
  plan->footer(
      "Answers come from running the very tests on simulated data, so they take some seconds.\n\n"
      "examples:\n  pawl charter plan charter --gain 0.01 --deviation 0.05 --harm 0.3\n"
      "  pawl charter plan charter --group night=0.1");
  plan->callback([=, &globals] { globals.exit = ShowPlan(globals, *directory, *words); });
}

}  // namespace pawl::cli
