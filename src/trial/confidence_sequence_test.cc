#include "trial/confidence_sequence.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <random>
#include <vector>

namespace pawl::trial {
namespace {

std::vector<double> Uniforms(std::size_t count, unsigned seed) {
  std::mt19937_64 random(seed);
  std::uniform_real_distribution<double> uniform(0, 1);
  std::vector<double> values(count);
  for (double& value : values) value = uniform(random);
  return values;
}

// The formula as the header states it.
double PlainLowerBound(const std::vector<double>& xs, double alpha) {
  const double l = std::log(1 / alpha);
  double best = 0;
  double sum = 0.5;
  double squares = 0.25;
  double top = 0;
  double bottom = 0;
  for (std::size_t i = 1; i <= xs.size(); ++i) {
    const double n = static_cast<double>(i);
    const double mean = sum / n;
    const double variance = squares / n;
    const double lambda = std::min(0.5, std::sqrt(2 * l / (n * std::log(1 + n) * variance)));
    top += lambda * xs[i - 1] - std::pow(xs[i - 1] - mean, 2) * (-std::log(1 - lambda) - lambda);
    bottom += lambda;
    best = std::max(best, (top - l) / bottom);
    sum += xs[i - 1];
    squares += std::pow(xs[i - 1] - sum / (n + 1), 2);
  }
  return best;
}

TEST(EmpiricalBernstein, FollowsItsFormula) {
  const std::vector<double> values = Uniforms(500, 1);
  for (const double alpha : {0.1, 1e-3, 1e-6}) {
    EmpiricalBernstein sequence(alpha);
    for (const double x : values) sequence.Observe(x);
    EXPECT_NEAR(sequence.lower(), PlainLowerBound(values, alpha), 1e-8);
    EXPECT_GT(sequence.lower(), 0);
  }
}

TEST(EmpiricalBernstein, TheTwoSidedBandSpendsHalfOnEachSide) {
  const std::vector<double> values = Uniforms(500, 2);
  const Interval band = EmpiricalBernsteinInterval(values, 0.02);
  EXPECT_NEAR(band.lower, PlainLowerBound(values, 0.01), 1e-8);
  EXPECT_LT(band.lower, 0.5);
  EXPECT_GT(band.upper, 0.5);
  EXPECT_LT(band.upper - band.lower, 0.2);
}

TEST(Bounds, OfNothingSayNothing) {
  EXPECT_EQ(BettingUpperBound({}, 0.01), 1);
  EXPECT_EQ(BettingLowerBound({}, 0.01), 0);
  const Interval band = EmpiricalBernsteinInterval({}, 0.01);
  EXPECT_EQ(band.lower, 0);
  EXPECT_EQ(band.upper, 1);
}

TEST(BettingUpperBound, IsWhereTheWealthReachesItsTarget) {
  const std::vector<double> values = Uniforms(800, 3);
  const double alpha = 1e-3;
  const double upper = BettingUpperBound(values, alpha);
  EXPECT_TRUE(BettingBelow(values, upper + 1e-9, alpha).EverReached(alpha));
  EXPECT_FALSE(BettingBelow(values, upper - 1e-9, alpha).EverReached(alpha));
}

// Rounding goes outwards: each bound stands a little beyond where the exact one is.
TEST(Bounds, AreRoundedOutwards) {
  for (unsigned seed = 1; seed <= 200; ++seed) {
    std::vector<double> values = Uniforms(100, seed);
    for (double& value : values) value *= 0.5;
    const double alpha = 0.01;
    ASSERT_TRUE(BettingBelow(values, BettingUpperBound(values, alpha), alpha).EverReached(alpha)) << seed;
    std::vector<double> mirrored = values;
    for (double& value : mirrored) value = 1 - value;
    ASSERT_TRUE(BettingBelow(values, 1 - BettingLowerBound(mirrored, alpha), alpha).EverReached(alpha)) << seed;
    EmpiricalBernstein sequence(alpha);
    for (const double x : values) sequence.Observe(x);
    const double exact = PlainLowerBound(values, alpha);
    ASSERT_LT(sequence.lower(), std::max(exact - 1e-10, 1e-300)) << seed;
  }
}

// Bisection is sound only if a larger m is always easier to reject, at every length.
TEST(BettingUpperBound, TheWealthGrowsWithTheMeanThatIsTested) {
  std::mt19937_64 random(4);
  for (int run = 0; run < 50; ++run) {
    std::vector<double> values = Uniforms(60, 100 + static_cast<unsigned>(run));
    if (run % 2 == 0) {
      for (double& value : values) value = value < 0.1 ? 1 : 0;
    }
    double before = -1e9;
    for (double m = 0.001; m < 1; m += 0.001) {
      const double log_wealth = BettingBelow(values, m, 0.01).log();
      ASSERT_GE(log_wealth, before - 1e-12) << "run " << run << " at " << m;
      before = log_wealth;
    }
  }
}

// With no violation seen, no bound that holds can lie below the exact (Clopper-Pearson) one, and a useful one lies far
// below Hoeffding's.
TEST(BettingUpperBound, LiesBetweenClopperPearsonAndHoeffding) {
  for (const std::size_t n : {100U, 1000U, 5000U}) {
    const std::vector<double> clean(n, 0);
    for (const double alpha : {1e-2, 1e-3, 1e-6}) {
      const double exact = 1 - std::pow(alpha, 1 / static_cast<double>(n));
      const double hoeffding = std::sqrt(std::log(1 / alpha) / (2 * static_cast<double>(n)));
      const double upper = BettingUpperBound(clean, alpha);
      EXPECT_GE(upper, exact);
      EXPECT_LT(upper, 2 * exact + 1e-12);
      EXPECT_LT(upper, hoeffding);
    }
  }
}

TEST(BettingUpperBound, IsTighterThanEmpiricalBernsteinWhereVerdictsUseIt) {
  std::mt19937_64 random(5);
  std::bernoulli_distribution changed(0.03);
  std::normal_distribution<double> gain(0.505, 0.05);
  std::vector<double> drift(2000);
  std::vector<double> steps(4000);
  for (double& x : drift) x = changed(random) ? 1 : 0;
  for (double& x : steps) x = std::min(1.0, std::max(0.0, gain(random)));
  for (const double alpha : {1e-2, 1e-4, 1e-6}) {
    for (const std::vector<double>* values : {&drift, &steps}) {
      EmpiricalBernstein mirrored(alpha);
      for (const double x : *values) mirrored.Observe(1 - x);
      EXPECT_LT(BettingUpperBound(*values, alpha), 1 - mirrored.lower());
    }
  }
}

TEST(BettingBounds, MirrorEachOtherAndWidenAsTheErrorShrinks) {
  std::vector<double> values = Uniforms(300, 6);
  std::vector<double> mirrored;
  for (const double x : values) mirrored.push_back(1 - x);
  double last_upper = 0;
  for (const double alpha : {0.2, 0.05, 1e-2, 1e-4, 1e-8}) {
    const double upper = BettingUpperBound(values, alpha);
    EXPECT_GT(upper, last_upper);
    EXPECT_NEAR(BettingLowerBound(mirrored, alpha), 1 - upper, 1e-12);
    EXPECT_LT(BettingLowerBound(values, alpha), upper);
    last_upper = upper;
  }
}

TEST(BettingBounds, StayInRangeForConstantValues) {
  for (const double constant : {0.0, 0.5, 1.0}) {
    const std::vector<double> values(50, constant);
    EXPECT_LE(BettingUpperBound(values, 1e-3), 1);
    EXPECT_GE(BettingUpperBound(values, 1e-3), constant);
    EXPECT_GE(BettingLowerBound(values, 1e-3), 0);
    EXPECT_LE(BettingLowerBound(values, 1e-3), constant);
  }
}

}  // namespace
}  // namespace pawl::trial
