// The root section of a certificate: bounds of all hidden neurons over a whole case, by backward substitution with
// optimised slopes, or by trees of splits (bound_trees.h). Shared by all leaves.
//
//   RootSection root = MakeRootSection(network, box_lower, box_upper, options);
//   proof.root = root.layers;
//
// Thread safety: starts and joins its own threads.
#pragma once

#include <chrono>
#include <cstddef>
#include <optional>
#include <vector>

#include "checker/certificate.h"
#include "prover/flat_network.h"

namespace pawl::prover {

struct RootOptions {
  // Steps of gradient ascent for each bound; 0: the default slopes, and no tables.
  int steps = 0;
  // Of the tree of each bound that slopes leave open; 1: no trees. More than 1 needs steps.
  std::size_t leaves_max = 1;
  unsigned threads = 1;
  std::optional<std::chrono::steady_clock::time_point> deadline = {};
};

struct RootSection {
  std::vector<checker::RootLayer> layers;  // one a ReLU
  bool complete = false;                   // false: the deadline passed
};

RootSection MakeRootSection(const FlatNetwork& network, const std::vector<float>& lower,
                            const std::vector<float>& upper, const RootOptions& options);

// The section with all neurons listed that the given bounds of hidden operands leave open, besides those whose own
// bounds come from tables; new ones get the slopes that they had without being listed, so that no bound changes.
// Requires layers of the bounds' sizes.
std::vector<checker::RootLayer> ListAsWell(const std::vector<checker::RootLayer>& section,
                                           const std::vector<std::vector<float>>& lower,
                                           const std::vector<std::vector<float>>& upper);

}  // namespace pawl::prover
