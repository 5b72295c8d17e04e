// Proofs for networks that are no chain of dense layers and ReLUs: residual sums, maxima, LeakyRelu, Clip, Sigmoid and
// Tanh, and convolutions too large to be unrolled. Bounds are the checker's own, so a leaf that closes is confirmed.
//
//   GraphSearch search(claim, query, confirmer, options);
//   if (auto found = search.Attack()) ...
//   SearchOutcome outcome = search.SplitBoxes(tree, boxes);             // few inputs: branch and bound over boxes
//   SearchOutcome outcome = search.SplitNeurons(case, proof);      // many: over phases of (Leaky)ReLUs, see
//                                                                  // neuron_search.h
//
// Thread safety: starts and joins its own threads; used by one thread.
#pragma once

#include <cstddef>
#include <optional>

#include "checker/certificate.h"
#include "checker/claim.h"
#include "prover/counterexample.h"
#include "prover/graph_attack.h"
#include "prover/query.h"
#include "prover/search.h"
#include "prover/split_tree.h"

namespace pawl::prover {

class GraphSearch {
 public:
  // All references must outlive it.
  GraphSearch(const checker::Claim& claim, const Query& query, const Confirmer& confirmer,
              const SearchOptions& options);

  // Some descents by gradient for each conjunction.
  std::optional<Counterexample> Attack();
  SearchOutcome SplitBoxes(SplitTree& tree, std::vector<OpenBox> boxes);
  SearchOutcome SplitNeurons(std::size_t case_index, checker::CaseProof& proof);

 private:
  const checker::Claim& claim_;
  const Query& query_;
  const Confirmer& confirmer_;
  const SearchOptions& options_;
  RowsOfCases rows_;
};

}  // namespace pawl::prover
