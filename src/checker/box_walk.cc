#include "checker/box_walk.h"

#include <string>

namespace pawl::checker {

BoxWalk::BoxWalk(const RootBox& root, const CaseProof& proof, std::uint32_t depth_max)
    : proof_(proof), depth_max_(depth_max), lower_(root.lower), upper_(root.upper) {}

bool BoxWalk::Fail(const char* rule, const char* what) {
  error_ = Refused(rule, std::string(what) + " (node " + std::to_string(next_) + " of its case)");
  return false;
}

// From a finished leaf: up to the nearest split whose high child is still to come, and into that.
bool BoxWalk::Next() {
  if (error_ || finished_) return false;
  while (started_) {
    if (path_.empty()) {
      finished_ = next_ == proof_.nodes.size();
      return finished_ ? false : Fail("checker.tree", "nodes follow a complete tree");
    }
    Cut& cut = path_.back();
    if (!cut.in_high_child) {
      cut.in_high_child = true;
      lower_[cut.input] = cut.value;
      upper_[cut.input] = cut.parent_upper;
      break;
    }
    lower_[cut.input] = cut.parent_lower;
    upper_[cut.input] = cut.parent_upper;
    path_.pop_back();
  }
  started_ = true;
  for (;; ++next_) {
    if (next_ >= proof_.nodes.size()) return Fail("checker.tree", "a tree ends before all its leaves");
    const Node& node = proof_.nodes[next_];
    switch (node.kind) {
      case NodeKind::kLeaf:
        if (node.index >= proof_.arguments.size()) return Fail("checker.tree", "a leaf has no argument");
        argument_ = node.index;
        ++next_;
        return true;
      case NodeKind::kMidpointSplit:
      case NodeKind::kValueSplit:
        if (!Descend(node)) return false;
        continue;
    }
    return Fail("checker.tree", "an unknown kind of node");
  }
}

// Cuts the box and goes into the low child.
bool BoxWalk::Descend(const Node& split) {
  if (path_.size() >= depth_max_) {
    error_ = LimitReached("checker.limit-depth", "a tree is deeper than the limit of " + std::to_string(depth_max_));
    return false;
  }
  if (split.index >= lower_.size()) return Fail("checker.split", "a split of an input that the network does not have");
  const double lower = lower_[split.index], upper = upper_[split.index];
  const double midpoint = SplitMidpoint(lower, upper);
  const bool by_value = split.kind == NodeKind::kValueSplit;
  const double value = by_value ? split.value : midpoint;
  // Written so that NaN fails.
  if (!(lower < value && value < upper)) return Fail("checker.split", "a split that is not strictly inside its box");
  if (by_value && value == midpoint) return Fail("checker.split", "a split by value at the midpoint is not canonical");
  path_.push_back({split.index, value, lower, upper, false});
  upper_[split.index] = value;
  return true;
}

}  // namespace pawl::checker
