// What the statistics promise, by simulation: calibration (errors are at most what is stated), power (they are not kept
// by accepting nothing) and two incidents of the field: slow drift, and luck among a thousand candidates.
//
//   trial_simulation_test [--budget SECONDS] [--seed N]
//
// Each suite runs a minimum of cases, which alone takes seconds, and goes on to its share of the budget. A measured
// error is held against the binomial distribution: for a seed that was not chosen, a correct implementation fails less
// than once in 10^6 runs (the thousand null candidates: once in a hundred).
#include <gtest/gtest.h>

#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <random>
#include <string>
#include <vector>

#include "trial/assess.h"
#include "trial/confidence_sequence.h"
#include "trial/plan.h"

namespace pawl::trial {
namespace {

double budget_seconds = 0;
std::uint64_t first_seed = 20'260'101;
constexpr int kRepeats = 31;  // calls of Repeat in this file

using Random = std::mt19937_64;
using Draw = std::function<double(Random&)>;

// Runs `one` at least `minimum` times and until its share of the budget is used; returns how often.
int Repeat(int minimum, const std::function<void(Random&)>& one) {
  const auto start = std::chrono::steady_clock::now();
  const auto in_budget = [&] {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count() < budget_seconds / kRepeats;
  };
  Random random(first_seed);
  int count = 0;
  while (count < minimum || in_budget()) {
    one(random);
    ++count;
  }
  return count;
}

// P(Binomial(n, p) >= count).
double BinomialTail(int n, double p, int count) {
  double tail = 0;
  for (int i = count; i <= n; ++i) {
    const double log_term = std::lgamma(n + 1.0) - std::lgamma(i + 1.0) - std::lgamma(n - i + 1.0) + i * std::log(p) +
                            (n - i) * std::log1p(-p);
    tail += std::exp(log_term);
  }
  return tail;
}

void ExpectAtMost(double nominal, int events, int cases, const std::string& what) {
  std::printf("  %-44s nominal %-7g measured %-8g in %d cases\n", what.c_str(), nominal,
              static_cast<double>(events) / cases, cases);
  EXPECT_GT(BinomialTail(cases, nominal, events), 1e-6) << what;
}

double Uniform(Random& random) { return std::uniform_real_distribution<double>(0, 1)(random); }

struct Distribution {
  const char* name;
  double mean;
  Draw draw;
};

std::vector<Distribution> Distributions() {
  return {
      {"rare events, 0/1 at 2 %", 0.02, [](Random& r) { return Uniform(r) < 0.02 ? 1.0 : 0.0; }},
      {"uniform", 0.5, [](Random& r) { return Uniform(r); }},
      {"skewed, fifth power of a uniform", 1.0 / 6, [](Random& r) { return std::pow(Uniform(r), 5); }},
      {"narrow, 0.45 or 0.55", 0.5, [](Random& r) { return Uniform(r) < 0.5 ? 0.45 : 0.55; }},
  };
}

// Ville's inequality: the chance ever to reject a true null hypothesis, looking after every observation.
TEST(Calibration, AnEProcessRejectsATrueNullNoMoreOftenThanStated) {
  constexpr double kAlpha = 0.5;
  for (const Distribution& distribution : Distributions()) {
    for (const Alternative alternative : {Alternative::kMeanAbove, Alternative::kMeanBelow}) {
      for (const Bet bet : {Bet::kVarianceAdaptive, Bet::kMixed}) {
        int rejected = 0;
        const int cases = Repeat(2000, [&](Random& random) {
          EProcess process(alternative, distribution.mean, bet);
          for (int i = 0; i < 400; ++i) process.Observe(distribution.draw(random));
          rejected += process.RejectedAt(kAlpha) ? 1 : 0;
        });
        ExpectAtMost(kAlpha, rejected, cases, distribution.name);
        EXPECT_GT(rejected, cases / 50) << "a test that never rejects shows nothing about its error";
      }
    }
  }
}

TEST(Calibration, BoundsCoverAsOftenAsStated) {
  for (const Distribution& distribution : Distributions()) {
    for (const double alpha : {0.2, 0.05, 0.01}) {
      int missed_betting = 0;
      int missed_bernstein = 0;
      const int cases = Repeat(1000, [&](Random& random) {
        std::vector<double> values(250);
        for (double& value : values) value = distribution.draw(random);
        missed_betting += BettingUpperBound(values, alpha / 2) < distribution.mean ||
                                  BettingLowerBound(values, alpha / 2) > distribution.mean
                              ? 1
                              : 0;
        const Interval band = EmpiricalBernsteinInterval(values, alpha);
        missed_bernstein += band.upper < distribution.mean || band.lower > distribution.mean ? 1 : 0;
      });
      ExpectAtMost(alpha, missed_betting, cases, std::string("betting, ") + distribution.name);
      ExpectAtMost(alpha, missed_bernstein, cases, std::string("empirical Bernstein, ") + distribution.name);
    }
  }
}

// The lifetime budget: the chance that a subject's whole life of null proposals has any that is accepted.
TEST(Calibration, ALifeOfNullProposalsIsWithinItsLifetimeError) {
  constexpr double kLifetimeError = 0.5;
  constexpr std::uint64_t kProposals = 50;  // 98.8 % of the budget
  int lives_with_an_accept = 0;
  const int cases = Repeat(2000, [&](Random& random) {
    bool accepted = false;
    for (std::uint64_t k = 1; k <= kProposals && !accepted; ++k) {
      EProcess improvement(Alternative::kMeanAbove, 0.5);
      for (int i = 0; i < 200; ++i) improvement.Observe(Uniform(random) < 0.5 ? 0.45 : 0.55);
      accepted = improvement.RejectedAt(*TrialAlpha(kLifetimeError, k, {}));
    }
    lives_with_an_accept += accepted ? 1 : 0;
  });
  ExpectAtMost(kLifetimeError, lives_with_an_accept, cases, "lives with an accepted null proposal");
  EXPECT_GT(lives_with_an_accept, cases / 20);
}

void PlanFor(TrialRules& rules, std::uint64_t episodes) {
  rules.episodes = episodes;
  rules.drift->probes = episodes;
}

TrialRules Rules() {
  TrialRules rules;
  rules.metrics = {{"near_miss", 0, 1, Direction::kLowerIsBetter}, {"score"}};
  rules.harms = {{"collisions", "near_miss", 0.01, 1e-3}};
  rules.improvement = {"score", 1e-2};
  rules.capability = {.metric = "score", .max_step = 0.02, .ceiling = 0.95, .lifetime_error = 1e-2};
  rules.drift = {.limit = 0.1, .lifetime_error = 1e-2};
  PlanFor(rules, 3000);
  return rules;
}

// One trial of a candidate whose score is truly `gain` above its parent's, with paired deviation of about 0.06.
TrialVerdict RunTrial(const TrialRules& rules, std::uint64_t k, double gain, std::size_t episodes, Random& random) {
  std::vector<double> values(2 * episodes, 0.0);
  std::vector<double> parent(2 * episodes, 0.0);
  TrialData data;
  for (std::size_t i = 0; i < episodes; ++i) {
    const double luck = 0.4 * Uniform(random);
    parent[episodes + i] = 0.4 + luck;
    values[episodes + i] = 0.4 + luck + gain + 0.2 * (Uniform(random) - 0.5);
    data.fresh_decisions.baseline.emplace_back("a");
    data.fresh_decisions.candidate.emplace_back(Uniform(random) < 0.02 ? "b" : "a");
  }
  data.candidate = EpisodeTable(rules.metrics, episodes, values);
  data.parent = EpisodeTable(rules.metrics, episodes, parent);
  data.baseline = data.parent;
  const TrialVerdict verdict = AssessTrial(rules, {.budget_index = k}, data)->verdict;
  EXPECT_NE(verdict, TrialVerdict::kVoid);
  return verdict;
}

// T22: a proposer that tries a thousand candidates without any gain, until one is lucky.
TEST(Incidents, AThousandNullCandidatesAreNotAccepted) {
  TrialRules rules = Rules();
  PlanFor(rules, 1200);
  Random random(first_seed);
  int accepted = 0;
  constexpr int kCandidates = 1000;
  for (int k = 1; k <= kCandidates; ++k) {
    accepted += RunTrial(rules, static_cast<std::uint64_t>(k), 0, 1200, random) == TrialVerdict::kPass ? 1 : 0;
  }
  std::printf("  %d of %d null candidates accepted; budget for the life: 0.01\n", accepted, kCandidates);
  EXPECT_EQ(accepted, 0);
}

// Its twin, without which a gate that accepts nothing would pass: a true gain of half a step.
TEST(Power, HalfAStepIsAcceptedNineTimesInTen) {
  const TrialRules rules = Rules();
  int accepted = 0;
  const int cases = Repeat(
      200, [&](Random& random) { accepted += RunTrial(rules, 1, 0.01, 3000, random) == TrialVerdict::kPass ? 1 : 0; });
  std::printf("  %d of %d candidates with a true gain of half a step accepted\n", accepted, cases);
  EXPECT_GE(accepted, cases * 9 / 10);
}

TEST(Power, TooLargeAStepIsCalledByItsName) {
  const TrialRules rules = Rules();
  int named = 0;
  int accepted = 0;
  const int cases = Repeat(100, [&](Random& random) {
    const TrialVerdict verdict = RunTrial(rules, 1, 0.04, 3000, random);
    named += verdict == TrialVerdict::kStepTooLarge ? 1 : 0;
    accepted += verdict == TrialVerdict::kPass ? 1 : 0;
  });
  EXPECT_EQ(accepted, 0);
  EXPECT_GE(named, cases * 9 / 10);
}

// T21: fifty steps, each of which changes one decision in a hundred. Compared with its parent every one of them passes;
// compared with the baseline they stop before a tenth has changed.
TEST(Incidents, FiftySmallDriftsTripTheLimitAgainstTheBaseline) {
  const DriftCondition drift{.limit = 0.1, .lifetime_error = 1e-2};
  TrialRules rules = Rules();
  rules.improvement.reset();
  rules.capability.reset();
  rules.drift = drift;
  constexpr std::size_t kProbes = 2000;
  PlanFor(rules, kProbes);
  constexpr double kShareOfAStep = 0.01;
  Random random(first_seed);
  // What the release after `steps` steps decides at a probe that lies at `place` in [0, 1].
  const auto decide = [&](double place, int steps) { return place < kShareOfAStep * steps ? "new" : "old"; };
  int live = 0;
  int first_refused = 0;
  int passed_against_parent = 0;
  for (int proposal = 1; proposal <= 50; ++proposal) {
    TrialData data;
    DecisionPairs against_parent;
    for (std::size_t i = 0; i < kProbes; ++i) {
      const double place = Uniform(random);
      data.fresh_decisions.baseline.emplace_back(decide(place, 0));
      data.fresh_decisions.candidate.emplace_back(decide(place, live + 1));
      against_parent.baseline.emplace_back(decide(place, proposal - 1));
      against_parent.candidate.emplace_back(decide(place, proposal));
    }
    data.candidate = EpisodeTable(rules.metrics, kProbes, std::vector<double>(2 * kProbes, 0.0));
    data.parent = data.candidate;
    data.baseline = data.candidate;
    const TrialTerms terms{.budget_index = static_cast<std::uint64_t>(proposal)};
    if (AssessTrial(rules, terms, data)->verdict == TrialVerdict::kPass) {
      ++live;
    } else if (first_refused == 0) {
      first_refused = proposal;
    }
    data.fresh_decisions = against_parent;
    passed_against_parent += AssessTrial(rules, terms, data)->verdict == TrialVerdict::kPass ? 1 : 0;
  }
  std::printf("  refused first at step %d; %d releases went live; against the parent alone %d of 50 would have\n",
              first_refused, live, passed_against_parent);
  EXPECT_EQ(passed_against_parent, 50);  // the attack works on a gate that looks at the parent alone
  EXPECT_GE(live, 3);                    // honest small changes pass
  EXPECT_LE(live * kShareOfAStep, drift.limit);
  EXPECT_GT(first_refused, 0);
}

}  // namespace
}  // namespace pawl::trial

int main(int argc, char** argv) {
  testing::InitGoogleTest(&argc, argv);
  for (int i = 1; i + 1 < argc; i += 2) {
    const std::string flag = argv[i];
    if (flag == "--budget") {
      pawl::trial::budget_seconds = std::strtod(argv[i + 1], nullptr);
    } else if (flag == "--seed") {
      pawl::trial::first_seed = std::strtoull(argv[i + 1], nullptr, 10);
    } else {
      std::fprintf(stderr, "usage: trial_simulation_test [--budget SECONDS] [--seed N]\n");
      return 2;
    }
  }
  if (argc % 2 == 0) {
    std::fprintf(stderr, "usage: trial_simulation_test [--budget SECONDS] [--seed N]\n");
    return 2;
  }
  return RUN_ALL_TESTS();
}
