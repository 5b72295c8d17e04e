// Evaluation of a network in its own arithmetic and in one stated order, to confirm counterexamples.
//
//   Result<std::vector<double>> y = EvaluateReference(network, x);
//
// The reference order ("pawl-reference-1"): nodes one after the other, each in the network's element type, to nearest,
// ties to even, subnormals kept, no fused multiply-add. A product row is t = w_0·x_0, then t = t + w_k·x_k for
// k = 1, 2, ..., zeros included. Gemm then does t = alpha·t unless alpha is 1, and adds C (or beta·C, rounded, unless
// beta is 1). Relu(x) is x where x > 0, NaN where x is NaN, else +0.
//
// Thread safety: pure function. Requires the default floating-point environment.
#pragma once

#include <span>
#include <string_view>
#include <vector>

#include "model/network.h"
#include "model/vector_program.h"

namespace pawl::model {

inline constexpr std::string_view kReferenceOrder = "pawl-reference-1";

// `input`: the flattened input, as values of the network's element type held in double. Returns the flattened output in
// the same way; it may hold infinities or NaN where the evaluation overflows. Refused: a wrong number of elements
// (evaluate.size), an element that is not finite or not a value of the element type (evaluate.input).
Result<std::vector<double>> EvaluateReference(const Network& network, std::span<const double> input);
// The same of a network's program, for many evaluations of one network.
Result<std::vector<double>> EvaluateReference(const VectorProgram& program, std::span<const double> input);

}  // namespace pawl::model
