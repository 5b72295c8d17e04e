// Whole lives of proposals against the gate's own judgement: honest ones, null ones, and proposers that cheat.
#include <algorithm>
#include <array>
#include <cmath>
#include <random>
#include <string>
#include <vector>

#include "table.h"
#include "trial/assess.h"
#include "trial/budget.h"
#include "trial/e_process.h"

namespace pawl::statistics {
namespace {

using Random = std::mt19937_64;
using namespace trial;

double UniformInLife(Random& random) { return std::uniform_real_distribution<double>(0, 1)(random); }

constexpr std::uint64_t kProposals = 50;  // 98.8 % of the budget

constexpr double kLifetimeError = 0.5;

double BudgetOf(std::uint64_t k) { return *TrialAlpha(kLifetimeError, k, {}); }

// One life of null proposals; `deviation` chooses how each candidate's gains vary, and is told the evidence that the
// last one gathered; `budget` is the error of the k-th trial. True where any was accepted.
template <typename Deviation, typename Budget>
bool LifeHasAnAccept(Random& random, const Deviation& deviation, const Budget& budget) {
  double last_evidence = 0;
  for (std::uint64_t k = 1; k <= kProposals; ++k) {
    const double spread = deviation(last_evidence);
    EProcess improvement(Alternative::kMeanAbove, 0.5);
    for (int i = 0; i < 400; ++i) improvement.Observe(0.5 + (UniformInLife(random) < 0.5 ? -spread : spread));
    if (improvement.RejectedAt(budget(k))) return true;
    last_evidence = improvement.log_e_value();
  }
  return false;
}

void CheckCalibration(Table& table, const Effort& effort) {
  Random random(effort.seed);
  std::uint64_t plain = 0, seeing = 0;
  // Gains of all or nothing use up the most of an error, so that they show what a wrong budget costs.
  const auto all_or_nothing = [](double) { return 0.5; };
  for (std::uint64_t life = 0; life < effort.lives; ++life) {
    plain += LifeHasAnAccept(random, all_or_nothing, BudgetOf) ? 1 : 0;
    // Sees every report and code, not the seeds: keeps what nearly worked, and tries wilder candidates when it did not.
    std::array<double, 4> spreads = {0.01, 0.05, 0.2, 0.5};
    std::size_t choice = 0;
    seeing += LifeHasAnAccept(
                  random,
                  [&](double evidence) {
                    if (evidence < 0.5) choice = (choice + 1) % spreads.size();
                    return spreads[choice];
                  },
                  BudgetOf)
                  ? 1
                  : 0;
  }
  table.AtMost("lives of 50 null proposals with an accept, lifetime error 0.5", 0.5, plain, effort.lives);
  table.AtMost("the same with a proposer that sees everything but the seeds", 0.5, seeing, effort.lives);
  // Budgets that are none, so that the rows above can fail.
  struct Wrong {
    const char* name;
    double (*budget)(std::uint64_t);
  };
  for (const Wrong& wrong :
       {Wrong{"the whole error at every trial", [](std::uint64_t) { return kLifetimeError; }},
        Wrong{"a share of 1/sqrt k",
              [](std::uint64_t k) { return kLifetimeError / std::sqrt(static_cast<double>(k)); }},
        Wrong{"a share of 1/k", [](std::uint64_t k) { return kLifetimeError / static_cast<double>(k); }}}) {
    std::uint64_t accepts = 0;
    const std::uint64_t lives = effort.lives / 4;
    for (std::uint64_t life = 0; life < lives; ++life) {
      accepts += LifeHasAnAccept(random, all_or_nothing, wrong.budget) ? 1 : 0;
    }
    table.AtLeast(std::string("a wrong budget breaks it: ") + wrong.name, kLifetimeError, accepts, lives);
  }
}

TrialRules Rules(std::uint64_t episodes) {
  TrialRules rules;
  rules.metrics = {{"near_miss", 0, 1, Direction::kLowerIsBetter}, {"score"}};
  rules.groups = {"common", "rare"};
  rules.harms = {{"collisions", "near_miss", 0.01, 1e-3}, {"rare collisions", "near_miss", 0.2, 1e-3, "rare"}};
  rules.improvement = {"score", 1e-2};
  rules.capability = {.metric = "score", .max_step = 0.02, .ceiling = 0.95, .lifetime_error = 1e-2};
  rules.drift = {.limit = 0.1, .lifetime_error = 1e-2, .probes = episodes};
  rules.episodes = episodes;
  return rules;
}

struct Truth {
  double gain = 0;        // over the parent; the paired deviation is about 0.06
  double rare_harm = 0;   // chance of a near miss in the twentieth of episodes that are rare
  double changed = 0.02;  // share of decisions that differ from the baseline's
};

EpisodeTable Prefix(const EpisodeTable& table, std::size_t episodes) {
  std::vector<double> values;
  for (std::size_t metric = 0; metric < table.metrics().size(); ++metric) {
    const auto column = table.column(metric).first(episodes);
    values.insert(values.end(), column.begin(), column.end());
  }
  return EpisodeTable(table.metrics(), episodes, values,
                      std::vector<std::uint8_t>(table.groups().begin(), table.groups().begin() + episodes));
}

struct Ended {
  TrialVerdict verdict = TrialVerdict::kVoid;
  std::uint64_t episodes = 0;
};

// Everything that the runs of a trial would give, drawn at once.
struct Drawn {
  EpisodeTable candidate;
  EpisodeTable parent;  // and baseline
  DecisionPairs decisions;
};

Drawn Draw(const TrialRules& rules, const Truth& truth, Random& random) {
  const std::size_t n = rules.episodes;
  std::vector<double> values(2 * n, 0.0), parent(2 * n, 0.0);
  std::vector<std::uint8_t> groups(n);
  Drawn drawn;
  for (std::size_t i = 0; i < n; ++i) {
    const double luck = 0.4 * UniformInLife(random);
    groups[i] = i % 20 == 0 ? 1 : 0;
    if (groups[i] == 1) values[i] = UniformInLife(random) < truth.rare_harm ? 1 : 0;
    parent[n + i] = 0.4 + luck;
    values[n + i] = 0.4 + luck + truth.gain + 0.2 * (UniformInLife(random) - 0.5);
  }
  for (std::size_t i = 0; i < (rules.drift ? rules.drift->probes : 0); ++i) {
    drawn.decisions.baseline.emplace_back("a");
    drawn.decisions.candidate.emplace_back(UniformInLife(random) < truth.changed ? "b" : "a");
  }
  drawn.candidate = EpisodeTable(rules.metrics, n, values, groups);
  drawn.parent = EpisodeTable(rules.metrics, n, parent, groups);
  return drawn;
}

// A trial as reviewers run it: look after look, until every question is answered.
Ended Judge(const TrialRules& rules, std::uint64_t k, const Drawn& drawn) {
  TrialData data;
  data.fresh_decisions = drawn.decisions;
  Ended ended;
  for (const std::uint64_t look : TrialLooks(rules.episodes)) {
    data.candidate = Prefix(drawn.candidate, look);
    data.parent = Prefix(drawn.parent, look);
    data.baseline = data.parent;
    ended = {AssessTrial(rules, {.budget_index = k}, data)->verdict, look};
    if (ended.verdict != TrialVerdict::kNotShown) break;
  }
  return ended;
}

Ended RunTrial(const TrialRules& rules, std::uint64_t k, const Truth& truth, Random& random) {
  return Judge(rules, k, Draw(rules, truth, random));
}

// Whether the gain over the parent is shown to be real: the one test that every trial that passes has passed.
bool ShowsImprovement(const TrialRules& rules, std::uint64_t k, const Drawn& drawn) {
  const std::size_t score = drawn.candidate.IndexOf(rules.improvement->metric);
  const auto after = drawn.candidate.column(score), before = drawn.parent.column(score);
  EProcess improvement(Alternative::kMeanAbove, 0.5);
  for (std::size_t i = 0; i < after.size(); ++i) improvement.Observe((after[i] - before[i] + 1) / 2);
  return improvement.RejectedAt(*TrialAlpha(rules.improvement->lifetime_error, k, {}));
}

// The same through the gate's own judgement: short lives of short trials, of which improvement alone is in doubt.
void CheckCalibrationOfTrials(Table& table, const Effort& effort) {
  Random random(effort.seed);
  TrialRules rules;
  rules.metrics = {{"near_miss", 0, 1, Direction::kLowerIsBetter}, {"score"}};
  rules.harms = {{"collisions", "near_miss", 0.5, kLifetimeError}};
  rules.improvement = {"score", kLifetimeError};
  rules.episodes = 100;
  const std::size_t n = rules.episodes;
  const std::uint64_t lives = effort.lives / 4;
  std::uint64_t accepts = 0;
  for (std::uint64_t life = 0; life < lives; ++life) {
    bool accepted = false;
    for (std::uint64_t k = 1; k <= 8 && !accepted; ++k) {
      std::vector<double> mine(2 * n, 0.0), others(2 * n, 0.0);
      for (std::size_t i = n; i < 2 * n; ++i) (UniformInLife(random) < 0.5 ? mine : others)[i] = 1;
      TrialData data;
      data.candidate = EpisodeTable(rules.metrics, n, mine);
      data.parent = EpisodeTable(rules.metrics, n, others);
      data.baseline = data.parent;
      accepted = AssessTrial(rules, {.budget_index = k}, data)->verdict == TrialVerdict::kPass;
    }
    accepts += accepted ? 1 : 0;
  }
  table.AtMost("lives of 8 null proposals that are judged as a gate does", kLifetimeError, accepts, lives);
  table.AtLeast("of these, with an accept at all, so it can fail", 0.1, accepts, lives);
}

// At every index candidates without gain; at some of them an honest one as well, so that "none accepted" is not the
// answer of a gate that accepts nothing by then. No trial passes without showing improvement, so that test alone says
// of most that they are not accepted; the whole judgement follows where it says nothing, and at every so-many-th index,
// where both have to agree.
void CheckNullCandidates(Table& table, const Effort& effort) {
  Random random(effort.seed);
  const TrialRules rules = Rules(4000);
  std::uint64_t accepted = 0, judged = 0, contradictions = 0;
  for (std::uint64_t k = 1; k <= 1000; ++k) {
    const Drawn drawn = Draw(rules, {}, random);
    const bool improves = ShowsImprovement(rules, k, drawn);
    if (!improves && (k - 1) % effort.null_stride != 0) continue;
    const bool passes = Judge(rules, k, drawn).verdict == TrialVerdict::kPass;
    accepted += passes ? 1 : 0;
    contradictions += passes && !improves ? 1 : 0;
    ++judged;
  }
  // A life's error is 0.01, so one accept among the thousand is as unlikely as that.
  table.Within("of 1,000 candidates without gain, the 1st to the 1,000th, accepted", static_cast<double>(accepted), 0,
               0);
  table.Note("by the test of improvement, and by the whole judgement of " + std::to_string(judged));
  std::uint64_t honest = 0;
  for (const std::uint64_t k : {1, 10, 100, 1000}) {
    const Drawn drawn = Draw(rules, {.gain = 0.01}, random);
    const bool passes = Judge(rules, k, drawn).verdict == TrialVerdict::kPass;
    honest += passes ? 1 : 0;
    contradictions += passes != ShowsImprovement(rules, k, drawn) ? 1 : 0;
  }
  table.Within("of four honest ones as the 1st, 10th, 100th and 1,000th, accepted", static_cast<double>(honest), 4, 4);
  table.Within("trials whose judgement and test of improvement contradict each other",
               static_cast<double>(contradictions), 0, 0);
}

void CheckPower(Table& table, const Effort& effort) {
  Random random(effort.seed);
  const TrialRules rules = Rules(4000);
  std::uint64_t half_step = 0, seen = 0;
  for (std::uint64_t i = 0; i < effort.power_trials; ++i) {
    const Ended ended = RunTrial(rules, 1, {.gain = 0.01}, random);
    half_step += ended.verdict == TrialVerdict::kPass ? 1 : 0;
    seen += ended.episodes;
  }
  table.Within("share accepted of candidates with a true gain of half a step",
               static_cast<double>(half_step) / static_cast<double>(effort.power_trials), 0.9, 1);
  table.Note("their trials stopped after " + std::to_string(seen / effort.power_trials) +
             " of 4000 episodes on average");
  const std::uint64_t fewer = effort.power_trials / 2;
  std::uint64_t rare = 0, rare_overall = 0, large = 0;
  for (std::uint64_t i = 0; i < fewer; ++i) {
    // One rare episode in ten ends badly, 0.5 % of all, hidden behind a real gain.
    const Truth harms_few{.gain = 0.01, .rare_harm = 0.1};
    TrialRules blind = rules;
    blind.harms.pop_back();
    blind.harms[0].limit = 0.02;
    rare_overall += RunTrial(blind, 1, harms_few, random).verdict == TrialVerdict::kPass ? 1 : 0;
    TrialRules watching = rules;
    watching.harms[0].limit = 0.02;
    watching.harms[1].limit = 0.05;
    rare += RunTrial(watching, 1, harms_few, random).verdict == TrialVerdict::kPass ? 1 : 0;
    large += RunTrial(rules, 1, {.gain = 0.04}, random).verdict == TrialVerdict::kStepTooLarge ? 1 : 0;
  }
  table.AtMost("degrades on rare scenarios alone, limit by group: accepted", 1e-3, rare, fewer);
  table.AtLeast("the same against a limit over all episodes alone: accepted", 0.5, rare_overall, fewer);
  table.AtLeast("two steps at once are called too large a step", 0.9, large, fewer);
}

// Fifty steps, each of which changes one decision in a hundred: compared with the parent each is harmless. In lives
// that differ by their seeds alone.
void CheckSlowDrift(Table& table, const Effort& effort) {
  TrialRules rules;  // short trials: drift alone is in doubt
  rules.metrics = {{"near_miss", 0, 1, Direction::kLowerIsBetter}, {"score"}};
  rules.groups = {"common", "rare"};
  rules.harms = {{"collisions", "near_miss", 0.5, 1e-3}};
  rules.drift = {.limit = 0.1, .lifetime_error = 1e-2, .probes = 2000};
  rules.episodes = 100;
  std::uint64_t beyond = 0, returned = 0;
  int fewest = 50, most = 0;
  for (std::uint64_t life = 0; life < effort.drifting_lives; ++life) {
    Random random(effort.seed + 1'000 * life);
    double live = 0;
    int releases = 0;
    for (std::uint64_t k = 1; k <= 50; ++k) {
      if (RunTrial(rules, k, {.changed = live + 0.01}, random).verdict != TrialVerdict::kPass) continue;
      live += 0.01;
      ++releases;
    }
    fewest = std::min(fewest, releases);
    most = std::max(most, releases);
    beyond += live > 0.1 + 1e-9 ? 1 : 0;
    returned += RunTrial(rules, 51, {.changed = 0.01}, random).verdict == TrialVerdict::kPass ? 1 : 0;
  }
  table.AtMost("fifty steps that each change 1 % of decisions: lives beyond 10 %", 1e-2, beyond, effort.drifting_lives);
  table.Within("released in the life that got least far", fewest, 3, 10);
  table.Within("released in the life that got furthest", most, 3, 10);
  table.AtLeast("the 51st, which goes back to 1 %, accepted", 0.99, returned, effort.drifting_lives);
}

}  // namespace

void CheckLives(Table& table, const Effort& effort) {
  table.Heading("lifetime budget");
  CheckCalibration(table, effort);
  CheckCalibrationOfTrials(table, effort);
  CheckNullCandidates(table, effort);
  table.Heading("power, and candidates that harm");
  CheckPower(table, effort);
  table.Heading("slow drift");
  CheckSlowDrift(table, effort);
}

}  // namespace pawl::statistics
