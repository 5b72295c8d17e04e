#include "prover/bound_trees.h"

#include <algorithm>
#include <limits>
#include <optional>
#include <utility>

namespace pawl::prover {
namespace {

using Place = DualBounds::Place;
using Side = DualBounds::Side;

constexpr float kSlopeRate = 0.25f, kWeightRate = 0.2f, kRateDecay = 0.93f;

struct Phase {
  Place place;
  Side side = Side::kLow;
  float weight = 0;
};

struct TreeNode {
  float bound = -std::numeric_limits<float>::infinity();
  std::vector<std::uint8_t> slopes;  // that gave the bound
  std::vector<Phase> phases;         // from the root down, with the multipliers that gave it
  std::optional<Place> worst;        // what to split next; none: nothing is lost at any one neuron
  std::size_t low = 0, high = 0;     // children; 0: a leaf
};
using Tree = std::vector<TreeNode>;  // the root is the first

class Grower {
 public:
  Grower(DualBounds& bounds, const BoundTreeOptions& options, std::span<BoundTarget> targets)
      : bounds_(bounds), options_(options), targets_(targets), open_(bounds.OpenNeurons(options.layer)) {}

  void Run() {
    std::vector<Column> columns;
    for (std::size_t t = 0; t < targets_.size(); ++t) {
      trees_.push_back({TreeNode{targets_[t].bound, targets_[t].slopes, {}, {}, 0, 0}});
      if (!targets_[t].slopes.empty() && IsOpen(t)) columns.push_back({t, 0});
    }
    Bound(columns);
    for (std::size_t leaves = 1; leaves < options_.leaves_max && !options_.out_of_time(); ++leaves) {
      columns.clear();
      for (std::size_t t = 0; t < targets_.size(); ++t)
        if (!targets_[t].slopes.empty() && IsOpen(t)) Split(t, columns);
      if (columns.empty()) break;
      Bound(columns);
    }
    for (std::size_t t = 0; t < targets_.size(); ++t)
      if (trees_[t].size() > 1) Write(trees_[t], 0, targets_[t]);
  }

 private:
  struct Column {
    std::size_t target, node;
  };

  std::size_t WorstLeaf(const Tree& tree) const {
    std::size_t worst = 0;
    float bound = std::numeric_limits<float>::infinity();
    for (std::size_t n = 0; n < tree.size(); ++n)
      if (tree[n].low == 0 && tree[n].bound < bound) bound = tree[n].bound, worst = n;
    return worst;
  }

  // Neither bound of the neuron is on its side of 0.
  bool IsOpen(std::size_t target) const {
    const auto closed = [&](std::size_t t) { return trees_[t][WorstLeaf(trees_[t])].bound >= 0; };
    const std::size_t other = target ^ 1;
    return !closed(target) && !(other < trees_.size() && closed(other));
  }

  void Split(std::size_t target, std::vector<Column>& columns) {
    Tree& tree = trees_[target];
    const std::size_t at = WorstLeaf(tree);
    if (!tree[at].worst) return;
    for (const Side side : {Side::kLow, Side::kHigh}) {
      TreeNode child{tree[at].bound, tree[at].slopes, tree[at].phases, {}, 0, 0};
      child.phases.push_back({*tree[at].worst, side, 0});
      (side == Side::kLow ? tree[at].low : tree[at].high) = tree.size();
      columns.push_back({target, tree.size()});
      tree.push_back(std::move(child));
    }
    // What is kept for the path alone.
    tree[at].slopes = {};
  }

  void Bound(const std::vector<Column>& columns) {
    bounds_.Start(options_.layer, columns.size());
    for (std::size_t c = 0; c < columns.size(); ++c) {
      const TreeNode& node = trees_[columns[c].target][columns[c].node];
      bounds_.SetNeuron(c, targets_[columns[c].target].neuron, targets_[columns[c].target].sign);
      bounds_.LoadSlopes(c, node.slopes.data());
      for (const Phase& phase : node.phases) bounds_.SetPhase(c, phase.place, phase.side, phase.weight);
    }
    float slope_rate = kSlopeRate, weight_rate = kWeightRate;
    for (int s = 0; s <= options_.steps; ++s, slope_rate *= kRateDecay, weight_rate *= kRateDecay) {
      bounds_.Evaluate();
      for (std::size_t c = 0; c < columns.size(); ++c) Keep(c, trees_[columns[c].target][columns[c].node]);
      bounds_.Ascend(slope_rate, weight_rate);
    }
    for (std::size_t c = 0; c < columns.size(); ++c) {
      TreeNode& node = trees_[columns[c].target][columns[c].node];
      float most = 0;
      for (const Place& place : open_) {
        const float loss = bounds_.LossAt(c, place).here;
        if (loss > most) most = loss, node.worst = place;
      }
    }
  }

  // Takes a column's bound, with what gave it, where it is better than the one so far.
  void Keep(std::size_t column, TreeNode& node) {
    // A child's is at least its parent's, whose slopes and multipliers it begins with.
    if (bounds_.bound(column) < node.bound) return;
    node.bound = bounds_.bound(column);
    bounds_.StoreSlopes(column, node.slopes.data());
    for (Phase& phase : node.phases) phase.weight = RoundedWeight(bounds_.Multiplier(column, phase.place));
  }

  void Write(const Tree& tree, std::size_t at, BoundTarget& to) const {
    std::vector<std::size_t> waiting = {at};
    to.bound = std::numeric_limits<float>::infinity();
    while (!waiting.empty()) {
      const TreeNode& node = tree[waiting.back()];
      waiting.pop_back();
      if (node.low != 0) {
        const Place& place = tree[node.low].phases.back().place;
        to.splits.push_back(static_cast<std::uint32_t>(options_.first_neurons[place.layer] + place.neuron + 1));
        waiting.push_back(node.high);
        waiting.push_back(node.low);
        continue;
      }
      to.splits.push_back(0);
      to.leaf_slopes.insert(to.leaf_slopes.end(), node.slopes.begin(), node.slopes.end());
      for (const Phase& phase : node.phases) to.weights.push_back(WeightByte(phase.weight));
      to.bound = std::min(to.bound, node.bound);
    }
  }

  DualBounds& bounds_;
  const BoundTreeOptions& options_;
  std::span<BoundTarget> targets_;
  std::vector<Place> open_;
  std::vector<Tree> trees_;
};

}  // namespace

void GrowBoundTrees(DualBounds& bounds, const BoundTreeOptions& options, std::span<BoundTarget> targets) {
  Grower(bounds, options, targets).Run();
}

}  // namespace pawl::prover
