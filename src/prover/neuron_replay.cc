#include "prover/neuron_replay.h"

#include <cstdint>
#include <iterator>
#include <optional>
#include <utility>

#include "prover/parent.h"

namespace pawl::prover {
namespace {

using Place = DualBounds::Place;
using Side = DualBounds::Side;

class TreeReplay {
 public:
  TreeReplay(const NeuronProblem& p, const checker::CaseProof& parent, NeuronBoard& board)
      : p_(p), parent_(parent), board_(board) {
    std::size_t listed = 0;
    for (std::uint32_t k = 0; k < p.top; ++k) {
      for (std::uint32_t i = 0; i < p.lower[k].size(); ++i) {
        const bool was = parent.root[k].lists(i);
        if (p.lower[k][i] < 0 && p.upper[k][i] > 0) {
          slopes_.push_back({was ? std::optional(listed) : std::nullopt,
                             p.upper[k][i] > -p.lower[k][i] ? std::uint8_t{0xFF} : std::uint8_t{0}});
        }
        listed += was ? 1 : 0;
        places_.push_back({k, i});
      }
    }
  }

  std::vector<OpenNode> Run() {
    std::vector<OpenNode> nodes;
    board_.trees.assign(p_.chosen.size(), NeuronTree());
    for (std::size_t c = 0; c < p_.chosen.size(); ++c) nodes.push_back({c, 0, 0, {}, {}, {}});
    std::vector<OpenNode> leaves;
    for (const checker::GroupProof& group : parent_.groups) {
      if (group.members.size() != 1 || group.members[0] >= nodes.size()) continue;
      std::vector<OpenNode> some = Replay(group);
      nodes[group.members[0]].conjunction = nodes.size();  // its tree has taken the place of the root
      std::move(some.begin(), some.end(), std::back_inserter(leaves));
    }
    std::erase_if(nodes, [&](const OpenNode& node) { return node.conjunction == nodes.size(); });
    std::move(nodes.begin(), nodes.end(), std::back_inserter(leaves));
    return leaves;
  }

 private:
  struct Slope {
    std::optional<std::size_t> at;
    std::uint8_t otherwise = 0;
  };

  NeuronSign SignOf(std::uint32_t neuron) const {
    if (neuron >= places_.size()) return NeuronSign::kForeign;
    const Place place = places_[neuron];
    if (p_.lower[place.layer][place.neuron] >= 0) return NeuronSign::kPositive;
    return p_.upper[place.layer][place.neuron] <= 0 ? NeuronSign::kNegative : NeuronSign::kOpen;
  }

  std::vector<OpenNode> Replay(const checker::GroupProof& group) {
    const std::size_t conjunction = group.members[0];
    NeuronTree& tree = board_.trees[conjunction];
    const NeuronReplay replay{[&](std::uint32_t neuron) { return SignOf(neuron); },
                              [&](std::uint32_t node, std::uint32_t neuron) { return tree.Split(node, neuron); }};
    std::vector<OpenNode> nodes;
    for (const ReplayedLeaf& leaf : ReplayNeurons(group, replay)) {
      OpenNode& node = nodes.emplace_back();
      node.conjunction = conjunction;
      node.node = leaf.node;
      for (std::size_t i = 0; i < leaf.phases.size(); ++i) {
        node.phases.push_back({places_[leaf.phases[i].neuron], leaf.phases[i].positive ? Side::kHigh : Side::kLow,
                               static_cast<float>(checker::SplitWeight(leaf.weights[0][i]))});
      }
      const checker::SlopeTable* table =
          leaf.argument == nullptr || leaf.argument->slopes.empty() ? nullptr : &leaf.argument->slopes[0];
      for (const Slope& slope : slopes_)
        node.slopes.push_back(table && slope.at && *slope.at < table->size() ? (*table)[*slope.at] : slope.otherwise);
    }
    return nodes;
  }

  const NeuronProblem& p_;
  const checker::CaseProof& parent_;
  NeuronBoard& board_;
  std::vector<Slope> slopes_;  // of the open neurons
  std::vector<Place> places_;  // by the certificate's numbers
};

}  // namespace

std::vector<OpenNode> ReplayTrees(const NeuronProblem& problem, const checker::CaseProof& parent, NeuronBoard& board) {
  return TreeReplay(problem, parent, board).Run();
}

}  // namespace pawl::prover
