// Trees of splits for the bounds of hidden neurons: where no slopes find what a bound could be, the signs of neurons in
// the layers before are split, and the worst leaf counts. A few leaves each are worth a great deal: every layer begins
// with the better bounds of the ones before, and what a root section bounds well needs no search.
//
//   std::vector<BoundTarget> targets = ...;                        // each with its bound and slopes
//   GrowBoundTrees(bounds, {layer, first_neurons, /*leaves_max=*/16, steps, out_of_time}, targets);
//
// Method: each leaf is bounded with slopes and split multipliers of its own, beginning with its parent's (Wang et al.,
// "Beta-CROWN", NeurIPS 2021); the worst leaf is split next, at the neuron that loses most where its bound is reached.
//
// Internal to src/prover. Thread safety: uses `bounds`; two calls with different ones may run at once.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "checker/certificate.h"
#include "prover/dual_bounds.h"

namespace pawl::prover {

// One bound of one neuron: the lower one (sign 1) or minus the upper one (sign −1).
struct BoundTarget {
  std::size_t neuron = 0;
  float sign = 1;
  float bound = 0;
  std::vector<std::uint8_t> slopes = {};  // of the neurons open in the layers before; empty: the default ones
  // The tree in pre-order as in checker::RootLayer; empty: one leaf with `slopes`. `leaf_slopes` has those of all
  // leaves, one after the other.
  std::vector<std::uint32_t> splits = {};
  std::vector<std::uint8_t> leaf_slopes = {}, weights = {};
};

struct BoundTreeOptions {
  std::size_t layer = 0;                            // whose operands are bounded; bounds knows the layers before
  std::span<const std::size_t> first_neurons = {};  // of each layer before, in the certificate's numbering
  std::size_t leaves_max = 1;                       // of each tree
  int steps = 8;                                    // of ascent for each leaf
  std::function<bool()> out_of_time = [] { return false; };  // trees stay as they are then
};

// Grows trees for targets with slopes, of neurons whose sign is still open; targets 2i and 2i + 1 are of one neuron.
// At most columns_max / 2 targets for bounds made with columns_max.
void GrowBoundTrees(DualBounds& bounds, const BoundTreeOptions& options, std::span<BoundTarget> targets);

}  // namespace pawl::prover
