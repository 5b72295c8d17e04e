// pawl budget: what is left of each lifetime error, and what a trial of n episodes can still show.
#include "trial/budget.h"

#include <cstdio>

#include "authoring/best_case.h"
#include "authoring/charter_words.h"
#include "cli/command.h"
#include "oversight/charter_trial.h"
#include "report/life.h"

namespace pawl::cli {
namespace {

constexpr uint64_t kIndexMax = 1'000'000;

struct Line {
  authoring::BestCase best;
  double left = 0;        // of the lifetime error
  double next_alpha = 0;  // that the next trial may spend, each evaluator
  uint64_t needed = 0;    // observations of the next trial, for a flawless candidate
  uint64_t last_index = 0;
};

Result<std::vector<Line>> Lines(const charter::Charter& charter, uint64_t spent, const authoring::TrialSize& size,
                                const authoring::GroupShares& shares) {
  Result<std::vector<authoring::BestCase>> cases = authoring::BestCases(charter, size, shares);
  if (!cases.ok()) return cases.error();
  std::vector<Line> lines;
  for (authoring::BestCase& best : *cases) {
    Result<double> alpha = trial::TrialAlpha(best.lifetime_error, spent + 1, oversight::EvaluatorShareOf(charter));
    if (!alpha.ok()) return alpha.error();
    Result<uint64_t> last = authoring::LastIndexShown(best, charter, kIndexMax);
    if (!last.ok()) return last.error();
    const double left = trial::RemainingError(best.lifetime_error, spent);
    const uint64_t needed = best.Needed(charter, *alpha);
    lines.push_back({std::move(best), left, *alpha, needed, *last});
  }
  return lines;
}

// The shares of the groups, and who says so.
struct Shares {
  authoring::GroupShares of;
  std::string source = "equal";  // or "given"; "p7": as that proposal's trial had them
};

// What people give counts; else what the last trial saw of the groups that have a limit, which its report tells.
Result<Shares> FindShares(const ledger::SubjectLog& log, const std::vector<std::string>& words) {
  const charter::Charter& charter = log.charter().charter;
  Result<authoring::GroupShares> given = authoring::ParseGroupShares(words);
  if (!given.ok()) return given.error();
  if (Result<void> fits = authoring::CheckGroupShares(charter, *given); !fits.ok()) return fits.error();
  if (!given->empty()) return Shares{std::move(*given), "given"};
  if (charter.evaluation.groups.empty()) return Shares();
  Result<std::optional<report::LifeEntry>> last = report::LatestMeasured(log.history(), log.store().Reader());
  if (!last.ok()) return last.error();
  if (!*last) return Shares();
  std::map<std::string, uint64_t> seen;
  uint64_t all = 0;
  for (const report::Measured& measured : (*last)->conditions) {
    if (measured.kind == trial::ConditionKind::kCeiling) all = measured.observations;
    if (!measured.of.group.empty()) seen[measured.of.group] = measured.observations;
  }
  authoring::GroupShares shares = authoring::SharesSeen(charter, seen, all);
  if (shares.empty()) return Shares();
  return Shares{std::move(shares), (*last)->proposal};
}

std::string SourceWords(const Shares& shares) {
  if (shares.source == "given") return "as given";
  if (shares.source == "equal") return "taken to be equal; --group says what they are";
  return "as in the trial of " + shares.source + ", others taken to be equal; --group says what they are";
}

// "night 0.1, day 0.9": what was given, or is taken where nothing was.
std::string WordsOf(const charter::Charter& charter, const authoring::GroupShares& shares) {
  std::string words;
  for (const std::string& group : charter.evaluation.groups) {
    words += (words.empty() ? "" : ", ") + Shown(group) + " " +
             authoring::PlainNumber(authoring::ShareOfGroup(charter, shares, group));
  }
  return words;
}

void PrintBudget(const std::vector<Line>& lines, uint64_t spent, uint64_t episodes) {
  std::printf(
      "%llu trials are spent, whatever their outcome; the next is k = %llu.\n"
      "A flawless candidate, a trial having %llu episodes; bets are tuned to a trial's number, so that \"needs\" is "
      "what\n"
      "the shortest trial would have that shows it, and not where a longer one stops:\n\n",
      static_cast<unsigned long long>(spent), static_cast<unsigned long long>(spent + 1),
      static_cast<unsigned long long>(episodes));
  std::printf("%-28s %-10s %-10s %-12s %-26s %s\n", "condition", "lifetime", "left", "next trial", "needs at least",
              "shown up to trial");
  for (const Line& line : lines) {
    const std::string needs = (line.needed > line.best.planned ? "more than " + std::to_string(line.best.planned)
                                                               : std::to_string(line.needed)) +
                              " " + line.best.unit;
    const std::string upto = line.last_index == 0           ? "never"
                             : line.last_index == kIndexMax ? "more than a million"
                                                            : std::to_string(line.last_index);
    std::printf("%-28s %-10.3g %-10.3g %-12.3g %-26s %s\n", Shown(line.best.name).c_str(), line.best.lifetime_error,
                line.left, line.next_alpha, needs.c_str(), upto.c_str());
  }
}

ExitCode Budget(const Globals& globals, uint64_t asked, const std::vector<std::string>& groups) {
  Result<Place> place = FindPlace(globals);
  if (!place.ok()) return Fail(globals, place.error());
  Result<ledger::SubjectLog> log = OpenLog(*place, ledger::LedgerAccess::kReadOnly);
  if (!log.ok()) return Fail(globals, log.error());
  const charter::Charter& charter = log->charter().charter;
  const uint64_t spent = static_cast<uint64_t>(log->history().budget_index());
  Result<Shares> shares = FindShares(*log, groups);
  if (!shares.ok()) return Fail(globals, shares.error());
  Result<authoring::TrialSize> size = authoring::SizeOfTrial(log->charter());
  if (!size.ok()) return Fail(globals, size.error());
  if (charter.evaluation.command.empty() && asked != 0) {
    return Fail(globals,
                Error{ErrorCode::kUsage, "plan.no-trial", "this charter asks for no trial", "leave out --episodes"});
  }
  if (asked != 0) size->episodes = asked;
  Result<std::vector<Line>> lines = Lines(charter, spent, *size, shares->of);
  if (!lines.ok()) return Fail(globals, lines.error());
  bool all_shown = true;
  for (const Line& line : *lines) all_shown = all_shown && line.needed <= line.best.planned;
  if (globals.json) {
    encoding::Json conditions = encoding::Json::array();
    for (const Line& line : *lines) {
      conditions.push_back({{"condition", line.best.name},
                            {"lifetime_error", line.best.lifetime_error},
                            {"left", line.left},
                            {"next_error", line.next_alpha},
                            {"needed", line.needed},
                            {"planned", line.best.planned},
                            {"unit", line.best.unit},
                            {"shown", line.needed <= line.best.planned},
                            {"last_index", line.last_index}});
    }
    encoding::Json of_groups = encoding::Json::object();
    for (const std::string& group : charter.evaluation.groups)
      of_groups[group] = authoring::ShareOfGroup(charter, shares->of, group);
    PrintJson({{"spent", spent},
               {"next_index", spent + 1},
               {"episodes", size->episodes},
               {"groups", of_groups},
               {"groups_from", shares->source},
               {"conditions", conditions}});
  } else if (charter.evaluation.command.empty()) {
    std::printf("this charter asks for no trial, so none spends anything; %llu releases were proposed (k)\n",
                static_cast<unsigned long long>(spent));
  } else {
    PrintBudget(*lines, spent, size->episodes);
    if (!charter.evaluation.groups.empty()) {
      std::printf("\nshares of the groups: %s; %s\n", WordsOf(charter, shares->of).c_str(),
                  SourceWords(*shares).c_str());
    }
    if (!all_shown) std::puts("\nno candidate can pass the next trial; people would have to amend the charter");
  }
  return all_shown ? ExitCode::kYes : ExitCode::kNo;
}

}  // namespace

void AddBudget(CLI::App& app, Globals& globals) {
  auto episodes = std::make_shared<uint64_t>(0);
  auto groups = std::make_shared<std::vector<std::string>>();
  CLI::App* command =
      app.add_subcommand("budget", "what is left of the lifetime errors, and what a trial can still show");
  command->add_option("--episodes", *episodes, "of a trial (default: the charter's)")->check(CLI::Range(1, 1'000'000));
  command->add_option("--group", *groups,
                      "GROUP=SHARE: share of the episodes that are of a group (default: as in the last trial)");
  command->footer(
      "Exit status 1: not even a flawless candidate can pass the next trial.\n\n"
      "examples:\n  pawl budget --episodes 4000\n  pawl budget --group night=0.1");
  command->callback([=, &globals] { globals.exit = Budget(globals, *episodes, *groups); });
}

}  // namespace pawl::cli
