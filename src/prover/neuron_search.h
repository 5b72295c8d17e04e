// Proofs for networks with many inputs: hidden bounds from the root, shared by all leaves, and branch and bound over
// the phases of ReLUs, each conjunction in a tree of its own.
//
//   NeuronSearch search(query, claim, confirmer, options);
//   SearchOutcome outcome = search.Run(/*case_index=*/0, proof);       // proof: where outcome.end is kClosed
//
// A node is split on the neuron whose children have the best bounds, of a few that lose most in the relaxation
// (filtered smart branching; De Palma et al., "Improved Branch and Bound for Neural Network Verification via Lagrangian
// Decomposition", 2021). Children start from their parent's slopes and multipliers. Each leaf is put to the checker's
// own routine before it is closed.
//
// Thread safety: Run starts and joins its own threads; a NeuronSearch is used by one thread.
#pragma once

#include <cstddef>
#include <vector>

#include "checker/certificate.h"
#include "checker/claim.h"
#include "prover/counterexample.h"
#include "prover/query.h"
#include "prover/search.h"

namespace pawl::prover {

// With this many inputs and more, boxes are not split but phases of ReLUs.
inline constexpr std::size_t kManyInputs = 25;

class NeuronSearch {
 public:
  // All references must outlive it.
  NeuronSearch(const Query& query, const checker::Claim& claim, const Confirmer& confirmer,
               const SearchOptions& options)
      : query_(query), claim_(claim), confirmer_(confirmer), options_(options) {}

  // Whether a query is one for this search: ReLUs, rows over outputs alone.
  static bool Suits(const Query& query);

  // `proof` is what an earlier search left of the case, or empty; then it is the proof, with open parts where the
  // search was interrupted, or empty where nothing is worth keeping.
  // `parent` is what proved the case for the network that this one was changed from, or null; see parent.h.
  SearchOutcome Run(std::size_t case_index, checker::CaseProof& proof, const checker::CaseProof* parent = nullptr);

 private:
  const Query& query_;
  const checker::Claim& claim_;
  const Confirmer& confirmer_;
  const SearchOptions& options_;
};

}  // namespace pawl::prover
