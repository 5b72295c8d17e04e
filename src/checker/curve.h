// Linear bounds of activations other than ReLU: LeakyRelu, Clip, Sigmoid and Tanh.
//
//   CurveBounds bounds = BoundCurve(step, claim.format, lower, upper);
//   // for x in [lower, upper]: keep·x + keep_offset ≤ deployed f(x) ≤ slope·x + offset
//
// Both slopes are in [0, 1]; the offsets include what a deployed value may err by, our own rounding, and room for
// slopes that differ by a unit (which is what rounding their product with a coefficient amounts to). Any slope gives a
// sound line once its offset is the extreme of f(x) − slope·x over the interval; slopes are chosen for tightness:
// tangents and chords, as in Zhang et al., "Efficient Neural Network Robustness Certification with General Activation
// Functions", NeurIPS 2018.
//
// Sigmoid and Tanh are enclosed by a series of our own: no standard says how exact a library's functions are.
//
// Thread safety: pure functions.
#pragma once

#include "checker/claim.h"

namespace pawl::checker {

struct Interval {
  double lower = 0, upper = 0;
};

struct CurveBounds {
  double slope = 0, offset = 0;      // above
  double keep = 0, keep_offset = 0;  // below
  double lower = 0, upper = 0;       // of the deployed f(x)
};

// Requires step.kind kCurve and lower ≤ upper. NaN or infinite bounds give bounds that are not finite.
CurveBounds BoundCurve(const Step& step, const Format& format, double lower, double upper);

// Of max(x', 0) − max(x, 0) as a function of d = x' − x, where x' is the network's and x the baseline's: between
// min(d, 0) and max(d, 0), and nearer where the bounds of x' and x say so (cf. Paulsen et al., "ReluDiff: Differential
// Verification of Deep Neural Networks", ICSE 2020). Exact in every arithmetic.
CurveBounds BoundReluDifference(const Interval& difference, const Interval& network, const Interval& baseline);

// σ(x) − 1/2 = 1 / (1 + e^−x) − 1/2 within kCurveError, for every finite x.
inline constexpr double kCurveError = 0x1p-41;
double CentredSigmoid(double x);

}  // namespace pawl::checker
