// Evaluation of a network in real arithmetic, to confirm counterexamples of the claim `real`.
//
//   Result<std::vector<RealRange>> y = EncloseReal(network, x);
//   if (y.ok() && FindRealViolation(property, x, *y)) ...     // whatever the outputs are within their ranges
//
// Decimals hold sums and products of floating-point numbers without rounding, so a network of Dense, Convolution
// without divisors, Sum, Select, Maximum, Relu, LeakyRelu and Clip is evaluated exactly: lower = upper. Quotients and
// square roots are enclosed between neighbouring doubles, Sigmoid and Tanh by a series in interval arithmetic with the
// bound of Lagrange's remainder; from there on, ranges are computed with exact interval arithmetic.
//
// Thread safety: pure functions. Requires rounding to nearest.
#pragma once

#include <optional>
#include <span>
#include <vector>

#include "model/decimal.h"
#include "model/network.h"
#include "model/property.h"
#include "result/result.h"

namespace pawl::evaluation {

struct RealRange {
  model::Decimal lower, upper;  // lower ≤ upper
};

// `input`: finite. Refused: a wrong number of elements (evaluate.size), a value that is divided and lies beyond double
// precision (evaluate.range).
Result<std::vector<RealRange>> EncloseReal(const model::Network& network, std::span<const double> input);

// A case and a conjunction of it that hold for (input, y), decided exactly and strict rows strict, whatever the outputs
// y are within their ranges.
std::optional<model::Violation> FindRealViolation(const model::Property& property, std::span<const double> input,
                                                  std::span<const RealRange> outputs);

}  // namespace pawl::evaluation
