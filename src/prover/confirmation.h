// Asking the checker: of single leaves during the search, and of a finished certificate's bytes.
//
// Thread safety: LeafRows is read-only after it was made; Confirm functions are pure.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "checker/certificate.h"
#include "checker/checker.h"
#include "checker/claim.h"
#include "checker/leaf.h"
#include "prover/search.h"
#include "prover/split_tree.h"
#include "result/result.h"

namespace pawl::prover {

// The rows that `argument` refutes, one per conjunction, as the checker forms them.
Result<std::vector<checker::RefutationRow>> RowsOf(const checker::Claim& claim, std::size_t case_index,
                                                   const checker::Argument& argument);

// The neurons that slopes of finished boxes belong to: all. Empty where the checker sees other neurons than the prover,
// and boxes cannot be finished.
std::vector<checker::ListedNeuron> ListedOf(const checker::Claim& claim, const FlatNetwork& network);

// A proof of all conjunctions of a case over one box, by Recipe::kBackward.
struct BoxProof {
  checker::RootBox box;
  checker::GroupProof proof;
  std::span<const checker::RefutationRow> rows;  // of its arguments, which refute the same rows
};
// The smallest margin of each proof's leaves: one above 0 is accepted as it stands. `batches` is raised by how many
// batches of the engine that took. Where `give_up` is given and says so, all margins are below 0.
std::vector<double> BoxProofMargins(const checker::Claim& claim, checker::LeafEngine& engine,
                                    std::span<const BoxProof> proofs, std::uint64_t& batches,
                                    const std::function<bool()>& give_up = {});

// Writes the certificate of a closed tree, reads its bytes again and has the checker check them.
struct Confirmation {
  checker::Verdict verdict;
  std::vector<std::uint8_t> bytes;
};
Confirmation Confirm(const ProofRequest& request, std::vector<checker::CaseProof> cases);
// What a tree has of each case, with open leaves where nodes are undecided.
std::vector<checker::CaseProof> CasesOf(const ProofRequest& request, const SplitTree& tree);
Confirmation ConfirmTree(const ProofRequest& request, const SplitTree& tree);

// The leaves that the checker does not accept, reopened and ready to be split: of the whole tree, or below some of its
// nodes, given as their boxes. Undecided nodes are passed over.
std::vector<OpenBox> ReopenRefusedLeaves(const checker::Claim& claim, const Query& query, SplitTree& tree);
std::vector<OpenBox> ReopenRefusedLeaves(const checker::Claim& claim, const Query& query, SplitTree& tree,
                                         std::vector<OpenBox> below);

// Whether the checker accepts every leaf below a box: a tree from elsewhere, which the first refused leaf ends, or
// `give_up`, which is asked again and again. The tree is of no use afterwards unless the answer is kYes.
enum class AllAccepted { kYes, kNo, kGivenUp };
AllAccepted AcceptsLeaves(const checker::Claim& claim, const Query& query, SplitTree& tree, OpenBox below,
                          const std::function<bool()>& give_up);

}  // namespace pawl::prover
