// Lines of activations against the functions, in extended precision, at random points and where they are tightest.
#include "checker/curve.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <random>

#include "random_cases.h"

namespace pawl::checker {
namespace curve_test {

using Form = model::Activation::Form;

Step MakeCurve(Form form, double slope, double lower, double upper) {
  Step step;
  step.kind = StepKind::kCurve;
  step.activation = {form, slope, lower, upper};
  return step;
}

long double Exact(const model::Activation& a, double x) {
  const long double wide = static_cast<long double>(x);
  switch (a.form) {
    case Form::kRelu:
      return std::max(wide, 0.0L);
    case Form::kLeakyRelu:
      return x >= 0 ? wide : static_cast<long double>(a.slope) * wide;
    case Form::kClip:
      return static_cast<long double>(std::min(std::max(x, a.lower), a.upper));
    case Form::kSigmoid:
      return 1 / (1 + std::exp(-wide));
    case Form::kTanh:
      return std::tanh(wide);
  }
  return 0;
}

TEST(Curves, SigmoidIsEnclosed) {
  std::mt19937_64 random(1);
  std::normal_distribution<double> normal(0, 1);
  for (int i = 0; i < 100'000; ++i) {
    const double x = normal(random) * std::ldexp(1.0, static_cast<int>(random() % 40) - 28);
    // Long double errs by some 2^-64.
    const long double error =
        static_cast<long double>(CentredSigmoid(x)) - (1 / (1 + std::exp(-static_cast<long double>(x))) - 0.5L);
    ASSERT_LE(std::abs(error), static_cast<long double>(kCurveError) / 4) << x;
  }
  EXPECT_EQ(CentredSigmoid(0), 0);
  EXPECT_EQ(CentredSigmoid(1e300), 0.5);
  EXPECT_EQ(CentredSigmoid(-1e300), -0.5);
}

TEST(Curves, LinesLieOnTheirSides) {
  std::mt19937_64 random(2);
  std::normal_distribution<double> normal(0, 1);
  double gap = 0;
  for (std::size_t i = 0; i < RandomCases(20'000); ++i) {
    const double limits[2] = {normal(random), normal(random)};
    const bool open = random() % 5 == 0;
    const Step steps[] = {
        MakeCurve(Form::kLeakyRelu, static_cast<double>(random() % 11) / 10, 0, 0),
        MakeCurve(Form::kClip, 0, open ? -std::numeric_limits<double>::infinity() : std::min(limits[0], limits[1]),
                  std::max(limits[0], limits[1])),
        MakeCurve(Form::kSigmoid, 0, 0, 0), MakeCurve(Form::kTanh, 0, 0, 0)};
    const double centre = normal(random) * std::ldexp(1.0, static_cast<int>(random() % 10) - 4);
    const double radius =
        random() % 20 == 0 ? 0 : std::abs(normal(random)) * std::ldexp(1.0, static_cast<int>(random() % 34) - 26);
    const double lower = centre - radius, upper = centre + radius;
    for (const Step& step : steps) {
      const CurveBounds bounds = BoundCurve(step, {}, lower, upper);
      ASSERT_TRUE(bounds.slope >= 0 && bounds.slope <= 1 && bounds.keep >= 0 && bounds.keep <= 1);
      for (int k = 0; k < 24; ++k) {
        double x = std::lerp(lower, upper, std::uniform_real_distribution<double>(0, 1)(random));
        if (k < 5) x = (std::array{lower, upper, 0.0, limits[0], limits[1]})[static_cast<std::size_t>(k)];
        x = std::clamp(x, lower, upper);
        const long double f = Exact(step.activation, x), at = static_cast<long double>(x);
        // A slope may differ by a unit or two, as its product with a coefficient does.
        for (const double unit : {-2 * kUnit, 0.0, 2 * kUnit}) {
          const long double above =
              static_cast<long double>(bounds.slope * (1 + unit)) * at + static_cast<long double>(bounds.offset);
          const long double below =
              static_cast<long double>(bounds.keep * (1 + unit)) * at + static_cast<long double>(bounds.keep_offset);
          ASSERT_LE(below, f) << static_cast<int>(step.activation.form) << " [" << lower << ", " << upper << "] at "
                              << x;
          ASSERT_LE(f, above) << static_cast<int>(step.activation.form) << " [" << lower << ", " << upper << "] at "
                              << x;
        }
        ASSERT_TRUE(static_cast<long double>(bounds.lower) <= f && f <= static_cast<long double>(bounds.upper));
        if (radius < 1e-3) gap = std::max(gap, bounds.slope * x + bounds.offset - bounds.keep * x - bounds.keep_offset);
      }
    }
  }
  EXPECT_LT(gap, 2e-3);  // tight where intervals are small
}

TEST(Curves, AnySlopeOfAnOpenLeakyReluIsBelowIt) {
  const Step step = MakeCurve(Form::kLeakyRelu, 0.1, 0, 0);
  const CurveBounds bounds = BoundCurve(step, {}, -2, 3);
  for (const double slope : {0.1, 0.3, 0.99, 1.0}) {
    for (const double x : {-2.0, -1e-9, 0.0, 1e-9, 3.0})
      EXPECT_LE(slope * x + bounds.keep_offset, x >= 0 ? x : 0.1 * x);
  }
}

TEST(Curves, DeployedErrorsAreCharged) {
  Step step = MakeCurve(Form::kSigmoid, 0, 0, 0);
  step.curve_error = 0x1p-20;
  const CurveBounds bounds = BoundCurve(step, FormatOf(Arithmetic::kFloat32), -1, 1);
  const double least = 1 / (1 + std::exp(1.0));
  EXPECT_LE(bounds.lower, least - 0x1p-20 * (1 + least));
  EXPECT_LE(bounds.keep * -1 + bounds.keep_offset, least - 0x1p-20 * (1 + least));
}

TEST(Curves, WhatIsNotFiniteStaysSo) {
  const double infinity = std::numeric_limits<double>::infinity(), nan = std::numeric_limits<double>::quiet_NaN();
  const CurveBounds wide = BoundCurve(MakeCurve(Form::kLeakyRelu, 0.5, 0, 0), {}, -infinity, infinity);
  EXPECT_FALSE(std::isfinite(wide.upper - wide.lower));
  const CurveBounds none = BoundCurve(MakeCurve(Form::kTanh, 0, 0, 0), {}, nan, nan);
  EXPECT_FALSE(std::isfinite(none.upper - none.lower));
}

}  // namespace curve_test
}  // namespace pawl::checker
