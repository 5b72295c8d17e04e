// A parent's trees of neuron splits as the beginning of a search over phases; see parent.h and neuron_search.h.
//
// Internal to src/prover. Thread safety: pure but for the board, which no other thread may use meanwhile.
#pragma once

#include <vector>

#include "checker/certificate.h"
#include "prover/neuron_worker.h"

namespace pawl::prover {

// Grows the board's trees as the parent's are, and gives their leaves, with the parent's multipliers, and its slopes
// for those open neurons that it lists; the root of each conjunction for which the parent has no tree of its own.
// Requires a root section of the parent that has the problem's layers.
std::vector<OpenNode> ReplayTrees(const NeuronProblem& problem, const checker::CaseProof& parent, NeuronBoard& board);

}  // namespace pawl::prover
