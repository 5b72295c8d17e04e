#include "checker/box_walk.h"

#include <string>

namespace pawl::checker {

BoxWalk::BoxWalk(const RootBox& root, std::size_t neurons, const GroupProof& proof, std::uint32_t depth_max)
    : proof_(proof), depth_max_(depth_max), lower_(root.lower), upper_(root.upper), is_split_(neurons) {}

bool BoxWalk::Fail(const char* rule, const char* what) {
  error_ = Refused(rule, std::string(what) + " (node " + std::to_string(next_) + " of its case)");
  return false;
}

// From a finished leaf: up to the nearest split whose high child is still to come, and into that.
bool BoxWalk::Next() {
  if (error_ || finished_) return false;
  while (started_) {
    if (path_.empty()) {
      finished_ = next_ == proof_.nodes.size() && next_weight_ == proof_.weights.size();
      return finished_ ? false : Fail("checker.tree", "nodes or split multipliers follow a complete tree");
    }
    Cut& cut = path_.back();
    if (!cut.in_high_child) {
      EnterHighChild(cut);
      break;
    }
    Leave(cut);
    path_.pop_back();
  }
  started_ = true;
  for (;; ++next_) {
    if (next_ >= proof_.nodes.size()) return Fail("checker.tree", "a tree ends before all its leaves");
    const Node& node = proof_.nodes[next_];
    switch (node.kind) {
      case NodeKind::kLeaf:
      case NodeKind::kWeightedLeaf:
        return Leaf(node);
      case NodeKind::kMidpointSplit:
      case NodeKind::kValueSplit:
      case NodeKind::kNeuronSplit:
        if (!Descend(node)) return false;
        continue;
    }
    return Fail("checker.tree", "an unknown kind of node");
  }
}

bool BoxWalk::Leaf(const Node& leaf) {
  if (leaf.index >= proof_.arguments.size()) return Fail("checker.tree", "a leaf has no argument");
  const std::size_t count = leaf.kind == NodeKind::kWeightedLeaf ? phases_.size() * proof_.members.size() : 0;
  if (count > proof_.weights.size() - next_weight_)
    return Fail("checker.tree", "a leaf's split multipliers are missing");
  weights_ = {proof_.weights.data() + next_weight_, count};
  next_weight_ += count;
  argument_ = leaf.index;
  ++next_;
  return true;
}

// Cuts the box, or adds a phase, and goes into the low child.
bool BoxWalk::Descend(const Node& split) {
  if (path_.size() >= depth_max_) {
    error_ = LimitReached("checker.limit-depth", "a tree is deeper than the limit of " + std::to_string(depth_max_));
    return false;
  }
  if (split.kind == NodeKind::kNeuronSplit) return DescendNeuron(split.index);
  if (split.index >= lower_.size()) return Fail("checker.split", "a split of an input that the network does not have");
  const double lower = lower_[split.index], upper = upper_[split.index];
  const double midpoint = SplitMidpoint(lower, upper);
  const bool by_value = split.kind == NodeKind::kValueSplit;
  const double value = by_value ? split.value : midpoint;
  // Written so that NaN fails.
  if (!(lower < value && value < upper)) return Fail("checker.split", "a split that is not strictly inside its box");
  if (by_value && value == midpoint) return Fail("checker.split", "a split by value at the midpoint is not canonical");
  path_.push_back({split.index, false, false, value, lower, upper});
  upper_[split.index] = value;
  return true;
}

bool BoxWalk::DescendNeuron(std::uint32_t neuron) {
  if (neuron >= is_split_.size()) return Fail("checker.split", "a split of a neuron that the network does not have");
  if (is_split_[neuron]) return Fail("checker.split", "a second split of one neuron on a path");
  is_split_[neuron] = true;
  phases_.push_back({neuron, false});
  path_.push_back({neuron, true, false, 0, 0, 0});
  return true;
}

void BoxWalk::EnterHighChild(Cut& cut) {
  cut.in_high_child = true;
  if (cut.of_neuron) {
    phases_.back().positive = true;  // deeper ones were left
    return;
  }
  lower_[cut.input] = cut.value;
  upper_[cut.input] = cut.parent_upper;
}

void BoxWalk::Leave(const Cut& cut) {
  if (cut.of_neuron) {
    is_split_[cut.input] = false;
    phases_.pop_back();
    return;
  }
  lower_[cut.input] = cut.parent_lower;
  upper_[cut.input] = cut.parent_upper;
}

}  // namespace pawl::checker
