#include "trial/evidence.h"

#include <gtest/gtest.h>

#include <cmath>

namespace pawl::trial {
namespace {

ConditionReport Condition(double log_e_value, double peak) {
  ConditionReport condition;
  condition.name = "near_miss";
  condition.alpha = 1e-3;
  condition.log_e_value = log_e_value;
  condition.log_e_value_peak = peak;
  return condition;
}

const double kNeeded = std::log(1e3);

TEST(EvidenceShare, IsWholeOnceTheEValueReachedWhatIsNeeded) {
  EXPECT_EQ(EvidenceShare(Condition(kNeeded + 1, kNeeded + 1)), 1'000'000);
  EXPECT_EQ(EvidenceShare(Condition(-3, kNeeded + 1)), 1'000'000);  // it would have been stopped there
}

TEST(EvidenceShare, IsOtherwiseThatOfTheEndAndNeverOfThePeak) {
  EXPECT_EQ(EvidenceShare(Condition(kNeeded / 2, 0.9 * kNeeded)), 499'999);
  EXPECT_EQ(EvidenceShare(Condition(0, 0.9 * kNeeded)), -1);
  EXPECT_EQ(EvidenceShare(Condition(-2 * kNeeded, 0)), -2'000'001);
}

TEST(EvidenceShare, IsRoundedDownSoThatNothingIsShownByRounding) {
  EXPECT_EQ(EvidenceShare(Condition(kNeeded, kNeeded)), 999'999);
  EXPECT_LT(EvidenceShare(Condition(-1e300, 0)), -1'000'000'000'000);
}

TEST(EvidenceShares, NameEveryConditionOnce) {
  TrialReport report;
  report.conditions = {Condition(0, 0), Condition(kNeeded + 1, kNeeded + 1), Condition(0, 0)};
  report.conditions[0].name = "step";  // a harm that somebody called so
  report.conditions[2].kind = ConditionKind::kStep;
  report.conditions[2].name = "step";
  const encoding::Json shares = EvidenceSharesJson(report);
  EXPECT_EQ(encoding::CanonicalJson(shares), R"({"harm near_miss":1000000,"harm step":-1,"step":-1})");
}

TEST(AnythingBroken, IsWhatNobodyElseMakesGood) {
  TrialReport report;
  EXPECT_TRUE(AnythingBroken(report)) << "void";
  report.verdict = TrialVerdict::kNotShown;
  EXPECT_TRUE(AnythingBroken(report)) << "no condition";
  report.conditions = {Condition(0, 0), Condition(0, 0)};
  EXPECT_FALSE(AnythingBroken(report));
  report.conditions[1].status = ConditionStatus::kExceeded;
  EXPECT_TRUE(AnythingBroken(report)) << "although the verdict is that the other is not shown";
}

}  // namespace
}  // namespace pawl::trial
