// What BatchBounds keeps between its kernels. Internal to src/prover.
//
// A "panel" is [neurons][columns][kLanes] floats: the columns are the numbers kept of each neuron (constant term and
// one coefficient per input in the forward direction, one coefficient per row in backward substitution).
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "prover/batch_bounds.h"
#include "prover/flat_network.h"
#include "prover/instruction_set.h"

namespace pawl::prover {

// Floats, aligned for every vector length, zero at first.
class Panel {
 public:
  explicit Panel(std::size_t neurons = 0, std::size_t columns = 0)
      : stride_(columns * kLanes), size_(neurons * stride_), data_(MakeAlignedFloats(size_ + kLanes)) {}
  float* at(std::size_t neuron, std::size_t column = 0) { return data_.get() + neuron * stride_ + column * kLanes; }
  const float* at(std::size_t neuron, std::size_t column = 0) const {
    return data_.get() + neuron * stride_ + column * kLanes;
  }
  std::size_t stride() const { return stride_; }  // floats between neurons

 private:
  std::size_t stride_;
  std::size_t size_;
  AlignedFloats data_;
};

// Rows that backward substitution carries at once.
inline constexpr std::size_t kBackColumns = 24;

// Neurons that are not zero in every lane.
using NeuronList = std::vector<std::uint32_t>;

// Of one layer; each panel has one column.
struct LayerState {
  Panel lower, upper;          // of the operand of the activation
  Panel below, above, offset;  // relaxation: below·z <= activation(z) <= above·z + offset
  Panel radius;                // what the operand errs by
  Panel value;                 // of the point evaluation: the activation's result
  NeuronList active;           // not zero after the activation in some lane
  NeuronList open;             // sign of the operand not fixed in some lane
  NeuronList positive;         // of the point evaluation: result above zero in some lane
};

struct BatchBounds::Workspace {
  Workspace(const FlatNetwork& the_network, std::size_t rows_max, BoundsUse use);

  const FlatNetwork& network;
  std::size_t widest;   // neurons of the widest layer, or inputs where these are more
  std::size_t columns;  // inputs + 1

  Panel centre, box_radius;         // [inputs]
  Panel mean, half;                 // [widest][columns] after an activation
  Panel mean_next, half_next;       // [widest][columns] before it
  Panel magnitude, magnitude_next;  // [widest] bound of |value|, and the sum of error_weight·bound
  NeuronList active, half_active;   // neurons of mean / half that are not zero
  std::vector<LayerState> layers;

  // Backward substitution: up to `back_columns` rows at once.
  std::size_t back_columns;
  Panel back, back_next;  // [widest][back_columns]
  Panel constant;         // [1][back_columns]
  Panel row_bounds;       // [rows]
  Panel row_input;        // [inputs][rows]: coefficients of each row's bound over the inputs
  Panel smear;            // [inputs]
  Panel ambiguity;        // [1]: not 0 where a slope was nearly the other one
  Panel gradient_middle, gradient_radius, gradient_next;  // [widest]
  Panel point;                                            // [inputs]
  NeuronList all_inputs;
};

}  // namespace pawl::prover
