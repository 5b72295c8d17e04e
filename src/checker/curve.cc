#include "checker/curve.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

namespace pawl::checker {
namespace {

using Form = model::Activation::Form;

struct Line {
  double slope = 0, offset = 0;
};

// The derivative of σ, from h(x) = σ(x) − 1/2; within 2·kCurveError.
double Derivative(double centred) { return std::max(0.0, 0.25 - centred * centred); }

// A line above h over [lower, upper]. h is convex where x ≤ 0 and concave where x ≥ 0, so h(x) − slope·x is largest at
// an end, or where the slope is h's own on the concave side.
Line AboveCentred(double lower, double upper) {
  constexpr double kWidest = 1024, kNarrowest = 0x1p-20;
  constexpr int kBisections = 12;
  const double width = upper - lower, at_lower = CentredSigmoid(lower), at_upper = CentredSigmoid(upper);
  if (!(width <= kWidest)) return {0, at_upper + kCurveError};
  const double chord = width > kNarrowest ? std::clamp((at_upper - at_lower) / width, 0.0, 0.25) : Derivative(at_upper);
  double touch = upper, slope = chord;
  if (upper > 0) {
    // The first point whose tangent is above h at the lower end, too; in the middle where all is concave.
    double low = std::max(lower, 0.0);
    if (lower >= 0) touch = low * 0.5 + upper * 0.5;
    for (int i = 0; lower < 0 && i < kBisections; ++i) {
      const double middle = low * 0.5 + touch * 0.5, value = CentredSigmoid(middle);
      (value + Derivative(value) * (lower - middle) >= at_lower ? touch : low) = middle;
    }
    slope = Derivative(CentredSigmoid(touch));
    if (touch == upper) slope = std::min(slope, chord);
  }
  double offset = std::max(at_lower - slope * lower, at_upper - slope * upper);
  // Above the tangent at `touch` there is no point of the concave side. Where the slope is smaller than the tangent's,
  // `touch` is the upper end, where h(x) − slope·x is then largest.
  if (upper > 0) offset = std::max(offset, CentredSigmoid(touch) - slope * touch);
  // Of h, of the slope as a derivative, and of the sums above.
  return {slope, offset + kCurveError * (2 + 2 * width) + slope * (std::abs(lower) + std::abs(upper)) * (8 * kUnit)};
}

// A·h(B·x) + C is Sigmoid with (1, 1, 1/2) and Tanh with (2, 2, 0): all factors are exact.
CurveBounds BoundSigmoid(double factor, double shift, double lower, double upper) {
  const Line above = AboveCentred(factor * lower, factor * upper);
  const Line mirrored = AboveCentred(-factor * upper, -factor * lower);  // h is odd
  const double error = 2 * factor * kCurveError;
  return {factor * factor * above.slope,
          factor * above.offset + shift,
          factor * factor * mirrored.slope,
          shift - factor * mirrored.offset,
          factor * CentredSigmoid(factor * lower) + shift - error,
          factor * CentredSigmoid(factor * upper) + shift + error};
}

// A function that is linear between its bends: x between them, below the first leak·x or constant, above the last
// constant.
struct BentLine {
  double first_bend, last_bend, leak;
  double operator()(double x) const {
    return x < first_bend ? (leak > 0 ? leak * x : first_bend) : std::min(x, last_bend);
  }
};

CurveBounds BoundBent(const BentLine& f, double lower, double upper) {
  const double first = std::clamp(f.first_bend, lower, upper), last = std::clamp(f.last_bend, lower, upper);
  // From the lower end to the last bend nothing rises above the chord, and from the first bend to the upper end nothing
  // falls below it.
  double slope = last > lower ? (f(last) - f(lower)) / (last - lower) : 0;
  double keep = upper > first ? (f(upper) - f(first)) / (upper - first) : f.leak;
  if (first == upper) slope = f.leak;
  // With one bend, the line through it that leaves the smaller area.
  if (lower < first && last == upper && upper - first <= first - lower) keep = f.leak;
  if (last < upper && first == lower && last - lower <= upper - last) slope = 0;
  slope = std::clamp(slope, 0.0, 1.0);
  keep = std::clamp(keep, 0.0, 1.0);
  double offset = f(lower) - slope * lower, keep_offset = f(lower) - keep * lower;
  for (const double x : {first, last, upper}) {
    offset = std::max(offset, f(x) - slope * x);
    keep_offset = std::min(keep_offset, f(x) - keep * x);
  }
  return {slope, offset, keep, keep_offset, f(lower), f(upper)};
}

}  // namespace

double CentredSigmoid(double x) {
  // e^-t for t ≤ 1 by its series, whose remainder is below 1/25!; each step of the sum below errs by less than 3 units
  // and halves, or more, what the one before erred by, but the last: 8 units in all, of at least 1/e. Squaring six
  // times makes it 64 times that and 63 units, relatively, below 2^-41; σ changes by at most a quarter of it.
  const double t = std::min(std::abs(x), 64.0) / 64;
  double power = 1;
  for (int k = 24; k > 0; --k) power = 1 - t * power / k;
  for (int i = 0; i < 6; ++i) power *= power;
  const double value = 0.5 - power / (1 + power);
  return x < 0 ? -value : value;
}

CurveBounds BoundCurve(const Step& step, const Format& format, double lower, double upper) {
  const model::Activation& activation = step.activation;
  if (lower > upper) std::swap(lower, upper);  // phases contradict the bounds: there is no evaluation
  const double size = std::max(std::abs(lower), std::abs(upper));
  CurveBounds bounds;
  double error = 0;  // of a deployed value, and of our own products with values of its size
  switch (activation.form) {
    case Form::kRelu:
      break;
    case Form::kLeakyRelu:
      bounds = BoundBent({0, std::numeric_limits<double>::infinity(), activation.slope}, lower, upper);
      error = step.gamma * activation.slope * size + step.underflow * (activation.slope + size + step.underflow_count);
      break;
    case Form::kClip:
      bounds = BoundBent({activation.lower, activation.upper, 0}, lower, upper);
      error = 2 * format.normal_min;
      break;
    case Form::kSigmoid:
      bounds = BoundSigmoid(1, 0.5, lower, upper);
      error = 2 * step.curve_error + 4 * format.normal_min;
      break;
    case Form::kTanh:
      bounds = BoundSigmoid(2, 0, lower, upper);
      error = 2 * step.curve_error + 4 * format.normal_min;
      break;
  }
  // NaN and infinity stay.
  error = (error + (size + std::abs(bounds.offset) + std::abs(bounds.keep_offset)) * (16 * kUnit)) * kWiden + kTiny;
  bounds.offset += error;
  bounds.keep_offset -= error;
  bounds.lower -= error;
  bounds.upper += error;
  return bounds;
}

CurveBounds BoundReluDifference(const Interval& difference, const Interval& network, const Interval& baseline) {
  const auto [lower, upper] = difference;
  const double middle = lower / 2 + upper / 2;
  // The chord of max(d, 0), which that of min(d, 0) is parallel to.
  const double share = lower >= 0 ? 1 : upper <= 0 ? 0 : std::min(upper / (upper - lower), 1.0);
  // Above: the chord; d + max(-x', 0), since max(x', 0) - x is that; max(x', 0). NaN counts, here and below.
  Line above{share, std::max(-share * lower, (1 - share) * upper)};
  for (const Line line : {Line{1, std::max(-network.lower, 0.0)}, Line{0, std::max(network.upper, 0.0)}})
    if (line.slope * middle + line.offset < above.slope * middle + above.offset) above = line;
  // Below: the chord; d - max(-x, 0), since x' - max(x, 0) is that; -max(x, 0).
  Line below{1 - share, std::min(-(1 - share) * upper, share * lower)};
  for (const Line line : {Line{1, -std::max(-baseline.lower, 0.0)}, Line{0, -std::max(baseline.upper, 0.0)}})
    if (line.slope * middle + line.offset > below.slope * middle + below.offset) below = line;
  const double size = std::max(std::abs(lower), std::abs(upper)) + std::abs(above.offset) + std::abs(below.offset);
  const double error = size * (16 * kUnit) + kTiny;
  return {above.slope,          above.offset + error, below.slope,
          below.offset - error, std::min(lower, 0.0), std::max(upper, 0.0)};
}

}  // namespace pawl::checker
