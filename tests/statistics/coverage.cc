// Simulated coverage: how often a bound misses the mean, or a test rejects what is true, beside what is stated.
#include <cmath>
#include <cstdint>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "table.h"
#include "trial/budget.h"
#include "trial/confidence_sequence.h"
#include "trial/e_process.h"
#include "trial/evidence.h"
#include "trial/fingerprint.h"
#include "warrant/evidence.h"

namespace pawl::statistics {
namespace {

using Random = std::mt19937_64;

double Uniform(Random& random) { return std::uniform_real_distribution<double>(0, 1)(random); }

struct Distribution {
  const char* name;
  double mean;
  double (*draw)(Random&);
};

constexpr Distribution kDistributions[] = {
    {"0/1 at 2 %", 0.02, [](Random& r) { return Uniform(r) < 0.02 ? 1.0 : 0.0; }},
    {"0/1 at 1/2", 0.5, [](Random& r) { return Uniform(r) < 0.5 ? 1.0 : 0.0; }},
    {"uniform", 0.5, [](Random& r) { return Uniform(r); }},
    {"fifth power of a uniform", 1.0 / 6, [](Random& r) { return std::pow(Uniform(r), 5); }},
    {"0.45 or 0.55", 0.5, [](Random& r) { return Uniform(r) < 0.5 ? 0.45 : 0.55; }},
};

constexpr double kErrors[] = {0.1, 0.05, 0.01};
constexpr double kSmallError = 1e-4;  // nearer to what trials use; tests alone, which are cheap
constexpr std::size_t kLength = 200;

struct Missed {
  std::uint64_t above = 0, below = 0, upper = 0, lower = 0, band = 0;
};

Missed Simulate(const Distribution& distribution, double alpha, std::uint64_t runs, Random& random) {
  Missed missed;
  std::vector<double> values(kLength);
  for (std::uint64_t run = 0; run < runs; ++run) {
    trial::EProcess above(trial::Alternative::kMeanAbove, distribution.mean, trial::Bet::kVarianceAdaptive);
    trial::EProcess below(trial::Alternative::kMeanBelow, distribution.mean, trial::Bet::kMixed);
    for (double& x : values) {
      x = distribution.draw(random);
      above.Observe(x);
      below.Observe(x);
    }
    missed.above += above.RejectedAt(alpha) ? 1 : 0;
    missed.below += below.RejectedAt(alpha) ? 1 : 0;
    missed.upper += trial::BettingUpperBound(values, alpha) < distribution.mean ? 1 : 0;
    missed.lower += trial::BettingLowerBound(values, alpha) > distribution.mean ? 1 : 0;
    const trial::Interval band = trial::EmpiricalBernsteinInterval(values, alpha);
    missed.band += band.lower > distribution.mean || band.upper < distribution.mean ? 1 : 0;
  }
  return missed;
}

// What evaluators of one candidate show together by warrant/evidence.h. Honest ones run a trial each on seeds of their
// own; liars claim everything.
bool ShownTogether(double mean, std::size_t honest, std::size_t liars, std::uint64_t faults_max, double alpha,
                   Random& random) {
  std::vector<std::int64_t> shares(liars, warrant::kWholeShare);
  for (std::size_t evaluator = 0; evaluator < honest; ++evaluator) {
    trial::EProcess process(trial::Alternative::kMeanAbove, 0.5);
    for (std::size_t i = 0; i < kLength; ++i) process.Observe(Uniform(random) < mean ? 0.7 : 0.3);
    trial::ConditionReport condition;
    condition.alpha = alpha;
    condition.log_e_value = process.log_e_value();
    condition.log_e_value_peak = process.log_e_value_peak();
    shares.push_back(trial::EvidenceShare(condition));
  }
  return warrant::ShareTogether(std::move(shares), faults_max) >= warrant::kWholeShare;
}

void CheckCombination(Table& table, const Effort& effort) {
  Random random(effort.seed);
  const auto shown = [&](double mean, std::size_t honest, std::size_t liars, std::uint64_t faults_max, double alpha) {
    std::uint64_t count = 0;
    for (std::uint64_t run = 0; run < effort.coverage_runs; ++run) {
      count += ShownTogether(mean, honest, liars, faults_max, alpha, random) ? 1 : 0;
    }
    return count;
  };
  const std::uint64_t runs = effort.coverage_runs;
  for (const double alpha : {0.5, 0.1, 0.01}) {
    table.AtMost("null candidate, three honest evaluators, the largest left out", alpha, shown(0.5, 3, 0, 1, alpha),
                 runs);
    table.AtMost("null candidate, one of three lies, the largest left out", alpha, shown(0.5, 2, 1, 1, alpha), runs);
    table.AtMost("null candidate, two of five lie, the two largest left out", alpha, shown(0.5, 3, 2, 2, alpha), runs);
  }
  // What would break the promise does: three times the error and more, so the rows above can fail.
  table.AtLeast("error 0.01, the same liar in a plain product, which no charter may ask for", 0.03,
                shown(0.5, 2, 1, 0, 0.01), runs);
  // A true gain: three evaluators show together what two of three have to show each at two thirds of the error.
  std::uint64_t passes = 0;
  for (std::uint64_t run = 0; run < runs; ++run) {
    std::size_t passed = 0;
    for (int evaluator = 0; evaluator < 3; ++evaluator) {
      passed += ShownTogether(0.65, 1, 0, 0, *trial::TrialAlpha(0.001, 1, {2, 3}), random) ? 1 : 0;
    }
    passes += passed >= 2 ? 1 : 0;
  }
  const double together = static_cast<double>(shown(0.65, 3, 0, 1, *trial::TrialAlpha(0.001, 1, {})));
  table.Within("a true gain shown together, over 2 of 3 passes", together / static_cast<double>(passes), 1.02, 100);
}

void CheckPermutation(Table& table, const Effort& effort) {
  Random random(effort.seed);
  for (const double level : kErrors) {
    std::uint64_t small = 0;
    for (std::uint64_t run = 0; run < effort.coverage_runs; ++run) {
      std::vector<double> x(24), y(24);
      for (std::size_t i = 0; i < x.size(); ++i) {
        const double luck = Uniform(random);
        x[i] = luck + 0.3 * Uniform(random);
        y[i] = luck + 0.3 * Uniform(random);
      }
      small += trial::PermutePairs(x, y, 1, 199, random()).p_value <= level ? 1 : 0;
    }
    table.AtMost("permutation test of exchangeable pairs, p at most the level", level, small, effort.coverage_runs);
  }
}

}  // namespace

void CheckCoverage(Table& table, const Effort& effort) {
  table.Heading("coverage: 200 observations, looked at after each; share of runs that are wrong");
  Random random(effort.seed);
  for (const Distribution& distribution : kDistributions) {
    for (const double alpha : kErrors) {
      const Missed missed = Simulate(distribution, alpha, effort.coverage_runs, random);
      const std::string name = std::string(", ") + distribution.name;
      table.AtMost("e-process above" + name, alpha, missed.above, effort.coverage_runs);
      table.AtMost("e-process below, mixed" + name, alpha, missed.below, effort.coverage_runs);
      table.AtMost("betting upper bound" + name, alpha, missed.upper, effort.coverage_runs);
      table.AtMost("betting lower bound" + name, alpha, missed.lower, effort.coverage_runs);
      table.AtMost("empirical-Bernstein band, both sides" + name, alpha, missed.band, effort.coverage_runs);
    }
  }
  std::uint64_t above = 0, below = 0;
  const std::uint64_t runs = 10 * effort.coverage_runs;
  for (std::uint64_t run = 0; run < runs; ++run) {
    trial::EProcess up(trial::Alternative::kMeanAbove, 0.5);
    trial::EProcess down(trial::Alternative::kMeanBelow, 0.5, trial::Bet::kMixed);
    for (std::size_t i = 0; i < kLength; ++i) {
      const double x = Uniform(random) < 0.5 ? 1 : 0;
      up.Observe(x);
      down.Observe(x);
    }
    above += up.RejectedAt(kSmallError) ? 1 : 0;
    below += down.RejectedAt(kSmallError) ? 1 : 0;
  }
  table.AtMost("e-process above, 0/1 at 1/2", kSmallError, above, runs);
  table.AtMost("e-process below, mixed, 0/1 at 1/2", kSmallError, below, runs);
  table.Heading("evaluators together, and the permutation test");
  CheckCombination(table, effort);
  CheckPermutation(table, effort);
}

}  // namespace pawl::statistics
