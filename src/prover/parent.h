// Re-proof: the certificate of the network that a changed one came from, as the start of the search for its own.
//
//   Result<Parent> parent = ReadParent(bytes, request);       // of the same property
//   if (parent.ok()) request.parent = &*parent;               // else say why, and search from nothing
//   ProofResult result = Prove(request);
//
// A small change of weights leaves most of a proof as it is. The parent's leaves are bounded on the new network; those
// that hold are kept, slopes and split multipliers included, and the search goes on only in those that fail. Two
// sibling boxes are tried as one first, a box that was finished by phases as a plain one, and splits of neurons whose
// sign is no longer open are dropped, so that certificates do not grow from one generation to the next. (The idea of
// reuse is that of Ugare et al., "Incremental Verification of Neural Networks", PLDI 2023, here with certificates.)
//
// Nothing of the parent is believed: every leaf of the new certificate is checked on the new network. A network of
// another architecture keeps the splits of inputs, and of neurons only those in layers that both networks have; slopes
// and multipliers begin anew.
//
// Thread safety: values; functions are pure.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "checker/certificate.h"
#include "prover/prover.h"
#include "prover/query.h"
#include "prover/search.h"
#include "prover/split_tree.h"
#include "result/result.h"

namespace pawl::prover {

struct Parent {
  std::vector<checker::CaseProof> cases;  // as many as the property has
};

// Reads a parent's certificate; its network and arithmetic may be others.
// Failure: kMalformed "prover.parent" for bytes that are no certificate; kRefused "prover.parent-property" for one of
// another property, which includes another input set, or of other cases; kLimit as checker::ReadCertificate.
Result<Parent> ReadParent(std::span<const std::uint8_t> bytes, const ProofRequest& request);

// Grows `tree` as the case's proof splits its box, and gives the boxes to be bounded: for sibling leaves the box of
// both, with the split that lies between them. Splits by value, which this search does not make, end a branch.
std::vector<OpenBox> ReplayBoxes(const Query& query, std::size_t case_index, const checker::CaseProof& proof,
                                 SplitTree& tree);
// Inner boxes of a replayed tree, few of them on each path, to be tried as one leaf each before its leaves are bounded:
// a change that makes a property easier is proven by far fewer leaves than its parent's.
std::vector<OpenBox> ShortcutTrials(const Query& query, const SplitTree& tree);
// Strikes out boxes that lie in a node that was closed since.
void DropCovered(const Query& query, const SplitTree& tree, std::vector<OpenBox>& boxes);
// Splits of two proven boxes that may no longer be needed, as boxes to be tried. `may_be_tried` has an entry for each
// node of the tree as ReplayBoxes left it: false for boxes that were bounded since. Those given are struck out.
std::vector<OpenBox> MergeTrials(const Query& query, const SplitTree& tree, std::vector<bool>& may_be_tried);
std::uint64_t CountLeaves(const Parent& parent);
// Whether a proof has boxes that were finished by phases.
bool HasFinishedBoxes(const checker::CaseProof& proof);

// What a network says about a neuron that its parent's proof splits.
enum class NeuronSign {
  kOpen,
  kPositive,  // never below 0
  kNegative,  // never above 0
  kForeign,   // the network has no such neuron
};

// What is left of a parent's leaf behind splits of neurons.
struct ReplayedLeaf {
  struct Phase {
    std::uint32_t neuron = 0;
    bool positive = false;
  };
  std::uint32_t node = 0;                          // of the new tree
  std::vector<Phase> phases;                       // from the root down
  std::vector<std::vector<std::uint8_t>> weights;  // for each member of the group: one a phase
  const checker::Argument* argument = nullptr;     // the parent's, or null: it has none that fits
};
// Goes through a group of neuron splits. Where a neuron is still open, `split` is to split a node of the new tree (0 is
// the root) and to return the low child, the high child being the next; of other splits the side that is left remains,
// and a foreign neuron ends a branch.
struct NeuronReplay {
  std::function<NeuronSign(std::uint32_t neuron)> sign;
  std::function<std::uint32_t(std::uint32_t node, std::uint32_t neuron)> split;
};
std::vector<ReplayedLeaf> ReplayNeurons(const checker::GroupProof& group, const NeuronReplay& replay);

}  // namespace pawl::prover
