// The prover's own picture of a network: affine layers with an optional ReLU, in single precision, in the two layouts
// that the kernels read. Its rounding differs from the file's numbers, which is harmless here: bounds made from it only
// steer the search.
#pragma once

#include <cstddef>
#include <vector>

#include "checker/claim.h"
#include "result/result.h"

namespace pawl::prover {

// y = weight·x + bias, then max(y, 0) where `relu`.
struct FlatLayer {
  std::size_t inputs = 0;
  std::size_t outputs = 0;
  bool relu = false;
  std::vector<float> weight;                // [outputs][inputs]
  std::vector<float> weight_magnitude;      // |weight|
  std::vector<float> transposed;            // [inputs][outputs]
  std::vector<float> transposed_magnitude;  // |transposed|
  std::vector<float> bias;                  // [outputs]
  // Every deployed evaluation, of every network of the claim, stays within Σ error_weight·|x| + error_bias of the exact
  // value. Empty where nothing differs from it.
  std::vector<float> error_weight;  // [outputs][inputs]
  std::vector<float> error_bias;    // [outputs]

  bool has_error() const { return !error_weight.empty(); }
};

struct FlatNetwork {
  std::size_t inputs = 0;
  std::vector<FlatLayer> layers;  // at least one

  std::size_t outputs() const { return layers.back().outputs; }
};

// Fills in the derived members of `layer` (magnitudes and transposes) from weight and its shape.
void CompleteLayer(FlatLayer& layer);

// Composes the affine steps between ReLUs; convolutions are unrolled. Refused: what is not a chain of affine steps and
// ReLUs, and layers whose matrices would be too large (rule "prover.unsupported").
Result<FlatNetwork> Flatten(const checker::Claim& claim);

}  // namespace pawl::prover
