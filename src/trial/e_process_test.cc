#include "trial/e_process.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include <cmath>
#include <random>
#include <vector>

#include "trial/report.h"

namespace pawl::trial {
namespace {

int ObservationsToReject(double x, double alpha, double null_mean, Bet bet) {
  EProcess process(Alternative::kMeanBelow, null_mean, bet);
  int count = 0;
  while (!process.RejectedAt(alpha)) {
    process.Observe(x);
    ++count;
  }
  return count;
}

// The published figures for certifying "rate < 1 %" with no violation seen.
TEST(EProcess, CertifiesOnePercentAfterTheKnownNumberOfCleanEpisodes) {
  EXPECT_EQ(ObservationsToReject(0, 1e-2, 0.01, Bet::kVarianceAdaptive), 577);
  EXPECT_EQ(ObservationsToReject(0, 1e-6, 0.01, Bet::kVarianceAdaptive), 1595);
}

TEST(EProcess, TheMixedBetPaysAtMostAFactorOfTwoInWealth) {
  const int mixed = ObservationsToReject(0, 1e-2, 0.01, Bet::kMixed);
  EXPECT_EQ(mixed, 603);
  EXPECT_LE(mixed, ObservationsToReject(0, 1e-2 / 2, 0.01, Bet::kVarianceAdaptive));
}

// No valid test can beat the chance that a true rate of exactly 1 % shows no violation.
TEST(EProcess, IsNeverQuickerThanTheExactBinomialTest) {
  for (const double alpha : {1e-2, 1e-3, 1e-6}) {
    const double floor = std::log(alpha) / std::log(0.99);
    EXPECT_GE(ObservationsToReject(0, alpha, 0.01, Bet::kVarianceAdaptive), floor);
    EXPECT_GE(ObservationsToReject(0, alpha, 0.01, Bet::kMixed), floor);
  }
}

TEST(EProcess, StartsAtOneAndRejectsNothing) {
  const EProcess process(Alternative::kMeanAbove, 0.5);
  EXPECT_EQ(process.log_e_value(), 0);
  EXPECT_EQ(process.observations(), 0U);
  EXPECT_FALSE(process.RejectedAt(0.999));
}

// E[W_n] by summing over every sequence of 0/1 values: 1 where the mean is the null's, at most 1 where it is below. A
// bet that used the observation it is placed on would fail here.
double ExpectedWealth(Alternative alternative, double null_mean, Bet bet, double rate, int length) {
  double expectation = 0;
  for (int sequence = 0; sequence < (1 << length); ++sequence) {
    EProcess process(alternative, null_mean, bet);
    double probability = 1;
    for (int i = 0; i < length; ++i) {
      const bool one = ((sequence >> i) & 1) != 0;
      process.Observe(one ? 1 : 0);
      probability *= one ? rate : 1 - rate;
    }
    expectation += probability * std::exp(process.log_e_value());
  }
  return expectation;
}

TEST(EProcess, WealthIsAMartingaleUnderTheNullExactly) {
  for (const Bet bet : {Bet::kVarianceAdaptive, Bet::kMixed}) {
    for (const double m : {0.01, 0.2, 0.5, 0.9}) {
      for (const Alternative alternative : {Alternative::kMeanAbove, Alternative::kMeanBelow}) {
        EXPECT_NEAR(ExpectedWealth(alternative, m, bet, m, 12), 1, 1e-12) << m;
      }
      EXPECT_LE(ExpectedWealth(Alternative::kMeanAbove, m, bet, m * 0.8, 12), 1 + 1e-12);
      EXPECT_LE(ExpectedWealth(Alternative::kMeanBelow, m, bet, m + 0.2 * (1 - m), 12), 1 + 1e-12);
    }
  }
}

// The method as its header states it, with everything summed anew at every step.
double PlainLogWealth(const std::vector<double>& xs, double m) {
  double log_wealth = 0;
  std::vector<double> means;
  for (std::size_t t = 0; t < xs.size(); ++t) {
    double sum = 0.5;
    double squares = 0.25;
    for (std::size_t i = 0; i < t; ++i) {
      sum += xs[i];
      squares += std::pow(xs[i] - means[i], 2);
    }
    const double mean = sum / static_cast<double>(t + 1);
    const double variance = squares / static_cast<double>(t + 1);
    const double bet = std::min(std::max(0.0, (mean - m) / (variance + std::pow(mean - m, 2))), 0.9 / m);
    log_wealth += std::log(1 + bet * (xs[t] - m));
    means.push_back((sum + xs[t]) / static_cast<double>(t + 2));
  }
  return log_wealth;
}

RC_GTEST_PROP(EProcess, FollowsItsFormula, ()) {
  const auto integers = *rc::gen::container<std::vector<int>>(rc::gen::inRange(0, 1001));
  const double m = *rc::gen::inRange(1, 1000) / 1000.0;
  std::vector<double> xs;
  for (const int i : integers) xs.push_back(i / 1000.0);
  EProcess process(Alternative::kMeanAbove, m);
  for (const double x : xs) process.Observe(x);
  RC_ASSERT(std::abs(process.log_e_value() - PlainLogWealth(xs, m)) < 1e-9);
}

RC_GTEST_PROP(EProcess, BelowIsAboveSeenInAMirror, ()) {
  const auto integers = *rc::gen::container<std::vector<int>>(rc::gen::inRange(0, 257));
  const double m = *rc::gen::inRange(1, 256) / 256.0;  // exact in binary, as are 1 - x and 1 - m
  for (const Bet bet : {Bet::kVarianceAdaptive, Bet::kMixed}) {
    EProcess below(Alternative::kMeanBelow, m, bet);
    EProcess above(Alternative::kMeanAbove, 1 - m, bet);
    for (const int i : integers) {
      below.Observe(i / 256.0);
      above.Observe(1 - i / 256.0);
    }
    RC_ASSERT(below.log_e_value() == above.log_e_value());
    RC_ASSERT(below.log_e_value_peak() >= std::max(0.0, below.log_e_value()));
  }
}

TEST(Wealth, FoldsWithoutLosingPrecisionOrThePeak) {
  std::mt19937_64 random(3);
  std::uniform_real_distribution<double> factor(0.1, 1.9);
  Wealth wealth;
  long double sum = 0;
  long double peak = 0;
  const auto multiply = [&](double f) {
    wealth.Multiply(f);
    sum += std::log(static_cast<long double>(f));
    peak = std::max(peak, sum);
  };
  for (int i = 0; i < 2000; ++i) multiply(1.7);
  for (int i = 0; i < 1'000'000; ++i) multiply(factor(random));
  EXPECT_GT(static_cast<double>(peak), 1000);
  EXPECT_LT(static_cast<double>(sum), -100'000);  // far outside what a double could hold as a product
  EXPECT_NEAR(wealth.log(), static_cast<double>(sum), 1e-6 * 1e3);
  EXPECT_NEAR(wealth.log_peak(), static_cast<double>(peak), 1e-9);
  EXPECT_TRUE(wealth.EverReached(1e-300));
}

// What has reached 1/alpha but for rounding has not reached it. 2^10 and its logarithm are the same on either side.
TEST(Wealth, IsRoundedAgainstWhoeverNeedsIt) {
  Wealth wealth;
  for (int i = 0; i < 10; ++i) wealth.Multiply(2);
  EXPECT_FALSE(wealth.EverReached(1.0 / 1024));
  EXPECT_FALSE(IsEnough(wealth.log_peak(), 1.0 / 1024));
  wealth.Multiply(1 + 1e-8);
  EXPECT_TRUE(wealth.EverReached(1.0 / 1024));
  EXPECT_TRUE(IsEnough(wealth.log_peak(), 1.0 / 1024));
}

TEST(EProcess, ARejectionStaysWhenTheWealthIsLostAgain) {
  EProcess process(Alternative::kMeanBelow, 0.01);
  for (int i = 0; i < 600; ++i) process.Observe(0);
  ASSERT_TRUE(process.RejectedAt(1e-2));
  for (int i = 0; i < 50; ++i) process.Observe(1);
  EXPECT_LT(process.log_e_value(), 0);
  EXPECT_TRUE(process.RejectedAt(1e-2));
}

TEST(EProcess, TheMixedBetShowsRatesNearTheLimitThatTheAdaptiveBetMisses) {
  std::mt19937_64 random(11);
  std::bernoulli_distribution violation(0.05);
  int adaptive_shown = 0;
  int mixed_shown = 0;
  constexpr int kTrials = 200;
  for (int trial = 0; trial < kTrials; ++trial) {
    EProcess adaptive(Alternative::kMeanBelow, 0.1);
    EProcess mixed(Alternative::kMeanBelow, 0.1, Bet::kMixed);
    for (int i = 0; i < 1000; ++i) {
      const double x = violation(random) ? 1 : 0;
      adaptive.Observe(x);
      mixed.Observe(x);
    }
    adaptive_shown += adaptive.RejectedAt(6e-4) ? 1 : 0;
    mixed_shown += mixed.RejectedAt(6e-4) ? 1 : 0;
  }
  EXPECT_GT(mixed_shown, kTrials * 8 / 10);
  EXPECT_LT(adaptive_shown, kTrials / 2);
}

}  // namespace
}  // namespace pawl::trial
