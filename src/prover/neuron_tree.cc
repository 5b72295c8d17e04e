#include "prover/neuron_tree.h"

#include <algorithm>

#include "prover/checkpoint.h"

namespace pawl::prover {

checker::GroupProof NeuronTree::ToGroup(std::uint32_t row) const {
  checker::GroupProof group;
  std::vector<Id> open = {0};
  while (!open.empty()) {
    const Node& node = nodes_[open.back()];
    open.pop_back();
    if (node.leaf == 0 && node.low == 0) {
      group.nodes.push_back(checker::Node::Leaf(static_cast<std::uint32_t>(group.arguments.size())));
      group.arguments.push_back(OpenArgument(1));
      continue;
    }
    if (node.leaf == 0) {
      group.nodes.push_back(checker::Node::NeuronSplit(node.neuron));
      open.push_back(node.low + 1);
      open.push_back(node.low);
      continue;
    }
    const Leaf& leaf = leaves_[node.leaf - 1];
    const auto argument = static_cast<std::uint32_t>(group.arguments.size());
    group.arguments.push_back({checker::Recipe::kRoot, {{{row, checker::kUnitMultiplier}}}, {}});
    if (!leaf.slopes.empty()) group.arguments.back().slopes.push_back(leaf.slopes);
    const bool weighted = std::any_of(leaf.weights.begin(), leaf.weights.end(), [](std::uint8_t w) { return w != 0; });
    group.nodes.push_back(weighted ? checker::Node::WeightedLeaf(argument) : checker::Node::Leaf(argument));
    if (weighted) group.weights.insert(group.weights.end(), leaf.weights.begin(), leaf.weights.end());
  }
  return group;
}

}  // namespace pawl::prover
