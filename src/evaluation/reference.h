// Evaluation of a network in its own arithmetic and in one stated order, to confirm counterexamples.
//
//   Result<std::vector<double>> y = EvaluateReference(network, x);
//
// The reference order ("pawl-reference-1"): vector nodes one after the other, each operation in the network's element
// type, to nearest, ties to even, subnormals kept, no fused multiply-add.
// - Dense: t = w_0·x_0, then t = t + w_k·x_k for k = 1, 2, ..., zeros included; then t = alpha·t unless alpha is 1, and
//   + b (beta·b, rounded, unless beta is 1).
// - Convolution: the same over channels, and over the kernel's positions within a channel; products with padding are
//   left out. Averages divide the sum.
// - BatchNormalization: ((x − mean) / sqrt(variance + epsilon))·scale + bias.
// - Relu(x) is x where x > 0, NaN where x is NaN, else +0; Clip and maxima hand a NaN on likewise.
// - Sigmoid and Tanh: 1 / (1 + exp(−x)) and tanh(x) by the C library in double precision, then rounded.
//
// Thread safety: pure function. Requires the default floating-point environment.
#pragma once

#include <span>
#include <string_view>
#include <vector>

#include "model/network.h"
#include "result/result.h"

namespace pawl::evaluation {

inline constexpr std::string_view kReferenceOrder = "pawl-reference-1";

// `input`: the flattened input, as values of the network's element type held in double. Returns the flattened output in
// the same way; it may hold infinities or NaN where the evaluation overflows. Refused: a wrong number of elements
// (evaluate.size), an element that is not finite or not a value of the element type (evaluate.input).
Result<std::vector<double>> EvaluateReference(const model::Network& network, std::span<const double> input);

}  // namespace pawl::evaluation
