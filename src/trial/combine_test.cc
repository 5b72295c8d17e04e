#include "trial/combine.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <vector>

namespace pawl::trial {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();
using Values = std::vector<std::optional<double>>;

TEST(CombineLogEValues, DropsTheLargest) {
  EXPECT_EQ(*CombineLogEValues(Values{1, 5, 2}, 0), 8);
  EXPECT_EQ(*CombineLogEValues(Values{1, 5, 2}, 1), 3);
  EXPECT_EQ(*CombineLogEValues(Values{1, 5, 2}, 2), 1);
}

TEST(CombineLogEValues, ALiarAloneDecidesNothing) {
  EXPECT_EQ(*CombineLogEValues(Values{-3, kInfinity, -2}, 1), -5);
  EXPECT_EQ(*CombineLogEValues(Values{-3, kInfinity, -2}, 0), kInfinity);
}

TEST(CombineLogEValues, WhoeverIsMissingCountsAsNothingShown) {
  EXPECT_EQ(*CombineLogEValues(Values{50, std::nullopt, 60}, 1), -kInfinity);
  EXPECT_EQ(*CombineLogEValues(Values{kInfinity, std::nullopt}, 0), -kInfinity);
}

TEST(CombineLogEValues, RefusesWhatCannotBeCombined) {
  EXPECT_EQ(CombineLogEValues(Values{1, 2}, 2).error().rule, "combine.faults");
  EXPECT_EQ(CombineLogEValues({}, 0).error().rule, "combine.faults");
  EXPECT_EQ(CombineLogEValues(Values{std::nan(""), 2}, 0).error().rule, "combine.value");
}

}  // namespace
}  // namespace pawl::trial
