#include "trial/budget.h"

#include <gtest/gtest.h>

#include <numbers>

namespace pawl::trial {
namespace {

TEST(TrialAlpha, SpendsSixOverPiSquaredFirst) {
  const double share = 6 / (std::numbers::pi * std::numbers::pi);
  EXPECT_NEAR(*TrialAlpha(1e-3, 1, {}), 1e-3 * share, 1e-12);
  EXPECT_NEAR(*TrialAlpha(1e-3, 10, {}), 1e-5 * share, 1e-14);
}

TEST(TrialAlpha, NeverSpendsMoreThanTheLifetimeError) {
  double spent = 0;
  for (std::uint64_t k = 1; k <= 200'000; ++k) spent += *TrialAlpha(0.01, k, {});
  EXPECT_LT(spent, 0.01);
  EXPECT_GT(spent, 0.01 * (1 - 1e-5));
  EXPECT_LE(RemainingError(0.01, 200'000), 0.01 - spent + 1e-12);
}

TEST(TrialAlpha, IsRoundedDown) {
  const long double share = 6 / (std::numbers::pi_v<long double> * std::numbers::pi_v<long double>);
  for (std::uint64_t k = 1; k <= 1000; ++k) {
    const long double exact = share * 0.01L / static_cast<long double>(k * k);
    ASSERT_LT(static_cast<long double>(*TrialAlpha(0.01, k, {})), exact) << k;
    ASSERT_GT(static_cast<long double>(*TrialAlpha(0.01, k, {})), exact * (1 - 1e-11L)) << k;
  }
}

TEST(TrialAlpha, GivesEachOfNEvaluatorsItsShare) {
  const double whole = *TrialAlpha(1e-3, 4, {});
  EXPECT_NEAR(*TrialAlpha(1e-3, 4, {2, 3}), whole * 2 / 3, 1e-15);
  EXPECT_NEAR(*TrialAlpha(1e-3, 4, {3, 3}), whole, 1e-15);
}

TEST(TrialAlpha, RefusesWhatIsNoBudget) {
  for (const double error : {0.0, 1.0, -0.1, 2.0, std::numeric_limits<double>::quiet_NaN()}) {
    EXPECT_EQ(TrialAlpha(error, 1, {}).error().rule, "budget.lifetime-error") << error;
  }
  EXPECT_EQ(TrialAlpha(0.1, 0, {}).error().rule, "budget.index");
  EXPECT_EQ(TrialAlpha(0.1, 1'000'000'001, {}).error().rule, "budget.index");
  for (const EvaluatorShare share : {EvaluatorShare{0, 1}, EvaluatorShare{2, 1}, EvaluatorShare{1, 1001}}) {
    EXPECT_EQ(TrialAlpha(0.1, 1, share).error().rule, "budget.share");
  }
}

TEST(RemainingError, FallsFromAllToNothing) {
  EXPECT_EQ(RemainingError(0.01, 0), 0.01);
  EXPECT_NEAR(RemainingError(0.01, 1), 0.01 * (1 - 6 / (std::numbers::pi * std::numbers::pi)), 1e-15);
  double before = 0.01;
  for (const std::uint64_t n : {1ULL, 2ULL, 100ULL, 999'999ULL, 1'000'000ULL, 1'000'001ULL, 1'000'000'000ULL}) {
    const double left = RemainingError(0.01, n);
    EXPECT_LT(left, before) << n;
    EXPECT_GE(left, 0);
    before = left;
  }
}

}  // namespace
}  // namespace pawl::trial
