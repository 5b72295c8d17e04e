#include "trial/e_detector.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <random>

namespace pawl::trial {
namespace {

// Releases until the alarm when every release gains `step`; 0 where none of `releases_max` raises it.
int ReleasesToAlarm(const AccelerationRule& rule, double step, int releases_max) {
  AccelerationDetector detector = *AccelerationDetector::Make(rule);
  for (int release = 1; release <= releases_max; ++release) {
    if (*detector.Observe(step)) return release;
  }
  return 0;
}

TEST(AccelerationDetector, CatchesADoublingWithinThirteenReleases) {
  for (const double share : {0.25, 1.0 / 3, 0.5}) {
    const AccelerationRule rule{.expected_step = 0.02 * share, .max_step = 0.02, .alpha = 1e-3};
    const int releases = ReleasesToAlarm(rule, 2 * rule.expected_step, 100);
    EXPECT_GE(releases, 11);
    EXPECT_LE(releases, 13);
  }
}

TEST(AccelerationDetector, StaysSilentAtTheExpectedRateAndBelow) {
  const AccelerationRule rule{.expected_step = 0.005, .max_step = 0.02, .alpha = 1e-3};
  EXPECT_EQ(ReleasesToAlarm(rule, 0.005, 900), 0);
  EXPECT_EQ(ReleasesToAlarm(rule, 0.002, 900), 0);
  EXPECT_EQ(ReleasesToAlarm(rule, -0.01, 900), 0);
}

// The worst case for the run length that the range allows: all or nothing, with the expected mean.
TEST(AccelerationDetector, FalseAlarmsAreAtLeastOneOverAlphaApartOnAverage) {
  std::mt19937_64 random(1);
  std::bernoulli_distribution all(0.5);
  constexpr int kRuns = 2000;
  constexpr int kReleasesMax = 400;  // cutting runs off only lowers the average
  double total = 0;
  int alarms = 0;
  for (int run = 0; run < kRuns; ++run) {
    AccelerationDetector detector =
        *AccelerationDetector::Make({.expected_step = 0.01, .max_step = 0.02, .alpha = 0.02});
    int release = 0;
    while (release < kReleasesMax && !detector.alarmed()) {
      ASSERT_TRUE(detector.Observe(all(random) ? 0.02 : 0).ok());
      ++release;
    }
    total += release;
    alarms += detector.alarmed() ? 1 : 0;
  }
  EXPECT_GE(total / kRuns, 50);
  EXPECT_GT(alarms, kRuns / 2);  // the test can see alarms at all
}

TEST(AccelerationDetector, GoesOnByAnotherRule) {
  const AccelerationRule first{.expected_step = 0.005, .max_step = 0.02, .alpha = 1e-3};
  AccelerationDetector detector = *AccelerationDetector::Make(first);
  for (int i = 0; i < 5; ++i) ASSERT_FALSE(*detector.Observe(0.005));
  const double before = detector.log_value();
  EXPECT_FALSE(detector.Continue({.expected_step = 0.02, .max_step = 0.02, .alpha = 1e-3}).ok());
  ASSERT_TRUE(detector.Continue({.expected_step = 0.001, .max_step = 0.02, .alpha = 1e-3}).ok());
  EXPECT_EQ(detector.log_value(), before);
  EXPECT_EQ(detector.releases(), 5U);
  int more = 0;
  while (more < 200 && !*detector.Observe(0.005)) ++more;
  EXPECT_LT(more, 200) << "what the first rule expected is growth under the second";
}

TEST(AccelerationDetector, FollowsItsRecursion) {
  AccelerationDetector detector = *AccelerationDetector::Make({.expected_step = 1, .max_step = 4, .alpha = 1e-3});
  EXPECT_EQ(detector.log_value(), -std::numeric_limits<double>::infinity());
  ASSERT_TRUE(detector.Observe(2).ok());
  // First bet: mean 1/2, variance 1/4, m = 1/4: (1/4) / (1/4 + 1/16) = 0.8.
  const double first = 1 + 0.8 * (0.5 - 0.25);
  EXPECT_NEAR(detector.log_value(), std::log(first), 1e-12);
  ASSERT_TRUE(detector.Observe(2).ok());
  const double second = (1 + 0.25 / (0.125 + 0.0625) * 0.25) * (first + 1);
  EXPECT_NEAR(detector.log_value(), std::log(second), 1e-12);
  EXPECT_EQ(detector.releases(), 2U);
}

TEST(AccelerationDetector, CountsStepsOutsideTheRangeAtItsEnds) {
  AccelerationDetector beyond = *AccelerationDetector::Make({.expected_step = 1, .max_step = 4, .alpha = 1e-3});
  AccelerationDetector at = *AccelerationDetector::Make({.expected_step = 1, .max_step = 4, .alpha = 1e-3});
  for (const double step : {9.0, -3.0, 5.0}) {
    ASSERT_TRUE(beyond.Observe(step).ok());
    ASSERT_TRUE(at.Observe(step > 0 ? 4 : 0).ok());
  }
  EXPECT_EQ(beyond.log_value(), at.log_value());
}

TEST(AccelerationDetector, KeepsItsAlarmAndRefusesNonsense) {
  AccelerationDetector detector = *AccelerationDetector::Make({.expected_step = 1, .max_step = 2, .alpha = 0.1});
  while (!*detector.Observe(2)) {
  }
  EXPECT_TRUE(*detector.Observe(0));
  const double before = detector.log_value();
  EXPECT_EQ(detector.Observe(std::nan("")).error().rule, "acceleration.step");
  EXPECT_EQ(detector.Observe(std::numeric_limits<double>::infinity()).error().rule, "acceleration.step");
  EXPECT_EQ(detector.log_value(), before);
  for (int i = 0; i < 5000; ++i) ASSERT_TRUE(*detector.Observe(2));
}

TEST(AccelerationDetector, RefusesRulesThatSayNothing) {
  for (const AccelerationRule& rule :
       {AccelerationRule{0, 1, 0.1}, AccelerationRule{1, 1, 0.1}, AccelerationRule{2, 1, 0.1},
        AccelerationRule{1, std::numeric_limits<double>::infinity(), 0.1}, AccelerationRule{1, 2, 0},
        AccelerationRule{1, 2, 1}, AccelerationRule{std::nan(""), 2, 0.1}}) {
    EXPECT_EQ(AccelerationDetector::Make(rule).error().rule, "acceleration.rule");
  }
}

}  // namespace
}  // namespace pawl::trial
