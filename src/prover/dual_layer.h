// What DualBounds keeps of one layer with a ReLU. Internal to src/prover.
#pragma once

#include <cstdint>
#include <limits>
#include <vector>

#include "prover/dual_bounds.h"

namespace pawl::prover {

inline constexpr std::uint32_t kNotOpen = std::numeric_limits<std::uint32_t>::max();
// Split multipliers below the least are taken as 0, those above the largest as the largest; see SplitWeight.
inline constexpr float kWeightMin = 0x1p-18f, kWeightMax = 2048.0f;

struct DualLayer {
  std::vector<float> lower, upper;                     // of the operands, all neurons
  std::vector<std::uint32_t> alive, open;              // neurons not always 0; neurons whose sign is open
  std::vector<std::uint32_t> alive_index, open_index;  // of a neuron, or kNotOpen
  bool has_error = false;
  std::vector<float> bias, error;                     // of the alive ones
  std::vector<float> chord, offset;                   // of the open ones: x+ <= chord·x + offset
  std::vector<float> forward;                         // [alive][alive of the layer before]
  std::vector<float> backward;                        // the same transposed
  Matrix coefficient;                                 // [alive]: of the row over the results
  Matrix operand, result;                             // [alive]: of the relaxed network at the minimising point
  Matrix slope, slope_first, slope_second;            // [open]
  Matrix phase, weight, weight_first, weight_second;  // [open]; phase 1, -1 or 0
  std::vector<std::uint8_t> has_phase;                // [open]: in some column
};

}  // namespace pawl::prover
