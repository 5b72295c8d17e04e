// The tree of neuron splits that refutes one conjunction. Thread safety: none of its own.
#pragma once

#include <cstdint>
#include <utility>
#include <vector>

#include "checker/certificate.h"

namespace pawl::prover {

class NeuronTree {
 public:
  using Id = std::uint32_t;
  struct Leaf {
    checker::SlopeTable slopes;         // of all listed neurons; empty where none is listed
    std::vector<std::uint8_t> weights;  // one a phase, from the root down
  };

  // Splits an undecided node (0 is the root); returns the low child, the high child is the next.
  Id Split(Id node, std::size_t neuron) {
    const Id low = static_cast<Id>(nodes_.size());
    nodes_[node] = {static_cast<std::uint32_t>(neuron), low, 0};
    nodes_.resize(nodes_.size() + 2);
    return low;
  }
  void Close(Id node, Leaf leaf) {
    nodes_[node].leaf = static_cast<std::uint32_t>(leaves_.size()) + 1;
    leaves_.push_back(std::move(leaf));
  }

  // Each leaf refutes `row`, numbered within the conjunction; undecided nodes are marked as open, see checkpoint.h.
  checker::GroupProof ToGroup(std::uint32_t row) const;

 private:
  struct Node {
    std::uint32_t neuron = 0;
    Id low = 0;              // of a split
    std::uint32_t leaf = 0;  // number of a leaf, plus 1
  };
  std::vector<Node> nodes_ = {Node()};
  std::vector<Leaf> leaves_;
};

}  // namespace pawl::prover
