#include "prover/parent.h"

#include <algorithm>
#include <bit>
#include <string>
#include <utility>

#include "prover/box_finish.h"

namespace pawl::prover {
namespace {

using checker::Node;
using checker::NodeKind;

// Boxes below a node from which on it is tried as one.
constexpr std::uint32_t kShortcutLeavesMin = 4;

Error OtherProperty(const char* what) {
  return Refused("prover.parent-property",
                 std::string("the parent's certificate is of another property or another input set: ") + what,
                 "give a certificate of this property");
}

// Reads the nodes of one group in order, and keeps account of where its split multipliers stand.
class NodeReader {
 public:
  explicit NodeReader(const checker::GroupProof& group) : group_(group) {}

  // ReadCertificate gives whole trees, but a Parent may be made otherwise: null where nodes are missing.
  const Node* Next() { return at_ < group_.nodes.size() ? &group_.nodes[at_++] : nullptr; }
  const Node* Peek(std::size_t ahead) const {
    return at_ + ahead < group_.nodes.size() ? &group_.nodes[at_ + ahead] : nullptr;
  }

  // Of a weighted leaf behind `phases` splits of neurons; empty where they are missing.
  std::span<const std::uint8_t> Weights(std::size_t phases) {
    const std::size_t count = phases * group_.members.size();
    if (count > group_.weights.size() - weight_) return {};
    weight_ += count;
    return {group_.weights.data() + weight_ - count, count};
  }

  // Reads on to the end of the tree that begins with `first`.
  void Skip(const Node* first, std::size_t phases) {
    std::vector<std::size_t> waiting = {phases};
    for (const Node* node = first; node != nullptr; node = Next()) {
      const std::size_t here = waiting.back();
      waiting.pop_back();
      if (node->kind == NodeKind::kWeightedLeaf) Weights(here);
      const std::size_t below = here + (node->kind == NodeKind::kNeuronSplit ? 1 : 0);
      if (!checker::IsLeaf(node->kind)) waiting.insert(waiting.end(), {below, below});
      if (waiting.empty()) return;
    }
  }

 private:
  const checker::GroupProof& group_;
  std::size_t at_ = 0, weight_ = 0;
};

class BoxReplay {
 public:
  BoxReplay(const Query& query, const checker::CaseProof& proof, SplitTree& tree)
      : query_(query),
        group_(proof.groups[0]),
        tree_(tree),
        reader_(group_),
        phases_fit_(query.is_chain() && proof.groups.size() == 1 && proof.root == ListAllNeurons(query.network)) {}

  std::vector<OpenBox> Run(OpenBox root) {
    std::vector<OpenBox> waiting, boxes;
    waiting.push_back(std::move(root));
    while (!waiting.empty()) {
      OpenBox box = std::move(waiting.back());
      waiting.pop_back();
      const Node* node = reader_.Next();
      if (node != nullptr && node->kind == NodeKind::kMidpointSplit && IsInside(box, node->index)) {
        if (!IsPlainLeaf(reader_.Peek(0)) || !IsPlainLeaf(reader_.Peek(1))) {
          const NodeId low = tree_.Split(box.node, node->index);
          if (low != 0) {
            waiting.push_back(box.Child(1, low, node->index));
            waiting.push_back(box.Child(0, low, node->index));
            continue;
          }
        }
        box.planned_split = node->index;
        reader_.Skip(node, 0);
      } else if (node != nullptr && node->kind == NodeKind::kNeuronSplit) {
        if (phases_fit_) box.part = Part(node);
        if (!phases_fit_) reader_.Skip(node, 0);
      } else {
        reader_.Skip(node, 0);
      }
      box.replayed = true;
      boxes.push_back(std::move(box));
    }
    return boxes;
  }

 private:
  static bool IsPlainLeaf(const Node* node) { return node != nullptr && node->kind == NodeKind::kLeaf; }

  bool IsInside(const OpenBox& box, std::uint32_t input) const {
    if (input >= box.lower().size()) return false;
    const double middle = checker::SplitMidpoint(box.lower()[input], box.upper()[input]);
    return box.lower()[input] < middle && middle < box.upper()[input];
  }

  // The splits of neurons that begin with `first`, whole; null where they are something else as well.
  std::shared_ptr<const checker::GroupProof> Part(const Node* first) {
    auto part = std::make_shared<checker::GroupProof>();
    part->members = group_.members;
    bool fits = true;
    std::vector<std::size_t> waiting = {0};
    for (const Node* node = first; node != nullptr; node = reader_.Next()) {
      const std::size_t phases = waiting.back();
      waiting.pop_back();
      part->nodes.push_back(*node);
      if (checker::IsLeaf(node->kind)) {
        part->nodes.back().index = static_cast<std::uint32_t>(part->arguments.size());
        part->arguments.push_back(group_.arguments[node->index]);
        if (node->kind == NodeKind::kWeightedLeaf) {
          const std::span<const std::uint8_t> weights = reader_.Weights(phases);
          part->weights.insert(part->weights.end(), weights.begin(), weights.end());
        }
      } else {
        fits = fits && node->kind == NodeKind::kNeuronSplit;
        const std::size_t below = phases + (node->kind == NodeKind::kNeuronSplit ? 1 : 0);
        waiting.insert(waiting.end(), {below, below});
      }
      if (waiting.empty()) return fits ? part : nullptr;
    }
    return nullptr;
  }

  const Query& query_;
  const checker::GroupProof& group_;
  SplitTree& tree_;
  NodeReader reader_;
  const bool phases_fit_;
};

}  // namespace

Result<Parent> ReadParent(std::span<const std::uint8_t> bytes, const ProofRequest& request) {
  Result<checker::Certificate> read = checker::ReadCertificate(bytes);
  if (!read.ok()) {
    if (read.error().code == ErrorCode::kLimit) return read.error();
    return Malformed("prover.parent", "the parent's certificate is damaged, or is none: " + read.error().message,
                     "give the certificate as it was written");
  }
  if (read->property != request.property_digest) return OtherProperty("its digest differs");
  if (read->cases.size() != request.property->cases.size()) return OtherProperty("another number of cases");
  for (std::size_t i = 0; i < read->cases.size(); ++i)
    if (read->cases[i].conjunctions != request.property->cases[i].unsafe.size())
      return OtherProperty("another number of conjunctions");
  return Parent{std::move(read->cases)};
}

std::vector<OpenBox> ReplayBoxes(const Query& query, std::size_t case_index, const checker::CaseProof& proof,
                                 SplitTree& tree) {
  OpenBox root = std::move(RootBoxes(query)[case_index]);
  return BoxReplay(query, proof, tree).Run(std::move(root));
}

std::vector<OpenBox> ShortcutTrials(const Query& query, const SplitTree& tree) {
  std::vector<std::uint32_t> boxes_below(tree.node_count(), 1);
  for (NodeId node = tree.node_count(); node-- > 0;) {  // children come after their parents
    if (const auto split = tree.split(node)) boxes_below[node] = boxes_below[split->low] + boxes_below[split->low + 1];
  }
  // On each path one box for every power of eight.
  const auto power = [&](NodeId node) { return (std::bit_width(boxes_below[node]) - 1) / 3; };
  std::vector<OpenBox> waiting = RootBoxes(query), trials;
  for (const OpenBox& root : waiting) {
    if (boxes_below[root.node] >= kShortcutLeavesMin) trials.push_back(root);
  }
  while (!waiting.empty()) {
    const OpenBox box = std::move(waiting.back());
    waiting.pop_back();
    const std::optional<SplitTree::SplitOf> split = tree.split(box.node);
    if (!split.has_value()) continue;
    for (const std::size_t side : {1u, 0u}) {
      OpenBox child = box.Child(side, split->low, split->input);
      if (boxes_below[child.node] < kShortcutLeavesMin) continue;
      if (power(child.node) < power(box.node)) trials.push_back(child);
      waiting.push_back(std::move(child));
    }
  }
  for (OpenBox& trial : trials) trial.merges = true;
  return trials;
}

void DropCovered(const Query& query, const SplitTree& tree, std::vector<OpenBox>& boxes) {
  std::vector<bool> reached(tree.node_count(), false);
  std::fill_n(reached.begin(), query.cases.size(), true);
  for (NodeId node = 0; node < tree.node_count(); ++node) {  // children come after their parents
    const auto split = reached[node] ? tree.split(node) : std::nullopt;
    if (split.has_value()) reached[split->low] = reached[split->low + 1] = true;
  }
  std::erase_if(boxes, [&](const OpenBox& box) { return !reached[box.node] || tree.is_leaf(box.node); });
}

std::vector<OpenBox> MergeTrials(const Query& query, const SplitTree& tree, std::vector<bool>& may_be_tried) {
  std::vector<OpenBox> waiting = RootBoxes(query), trials;
  while (!waiting.empty()) {
    OpenBox box = std::move(waiting.back());
    waiting.pop_back();
    // What lies below a node that was bounded in this search was found in it, and is as it has to be.
    if (box.node >= may_be_tried.size() || !may_be_tried[box.node]) continue;
    const std::optional<SplitTree::SplitOf> split = tree.split(box.node);
    if (!split.has_value()) continue;
    if (tree.is_leaf(split->low) && tree.is_leaf(split->low + 1)) {
      may_be_tried[box.node] = false;
      box.merges = true;
      trials.push_back(std::move(box));
      continue;
    }
    waiting.push_back(box.Child(1, split->low, split->input));
    waiting.push_back(box.Child(0, split->low, split->input));
  }
  return trials;
}

std::uint64_t CountLeaves(const Parent& parent) {
  std::uint64_t leaves = 0;
  for (const checker::CaseProof& proof : parent.cases)
    for (const checker::GroupProof& group : proof.groups) leaves += (group.nodes.size() + 1) / 2;
  return leaves;
}

bool HasFinishedBoxes(const checker::CaseProof& proof) {
  return std::any_of(proof.groups.begin(), proof.groups.end(), [](const checker::GroupProof& group) {
    return std::any_of(group.nodes.begin(), group.nodes.end(),
                       [](const Node& node) { return node.kind == NodeKind::kNeuronSplit; });
  });
}

namespace {

// A part of the parent's tree. Phases of splits that are dropped keep their place in the account of weights, and no
// more.
struct Waiting {
  std::uint32_t node = 0;
  bool dropped = false;
  std::vector<std::optional<ReplayedLeaf::Phase>> phases;
};

ReplayedLeaf LeafOf(const Waiting& at, std::size_t members, std::span<const std::uint8_t> weights,
                    const checker::Argument* argument) {
  ReplayedLeaf leaf;
  leaf.node = at.node;
  leaf.argument = argument;
  leaf.weights.resize(members);
  for (std::size_t i = 0; i < at.phases.size(); ++i) {
    if (!at.phases[i]) continue;
    leaf.phases.push_back(*at.phases[i]);
    for (std::size_t m = 0; m < members; ++m)
      leaf.weights[m].push_back(weights.empty() ? std::uint8_t{0} : weights[m * at.phases.size() + i]);
  }
  return leaf;
}

}  // namespace

std::vector<ReplayedLeaf> ReplayNeurons(const checker::GroupProof& group, const NeuronReplay& replay) {
  NodeReader reader(group);
  std::vector<ReplayedLeaf> leaves;
  std::vector<Waiting> waiting(1);
  while (!waiting.empty()) {
    Waiting at = std::move(waiting.back());
    waiting.pop_back();
    const Node* node = reader.Next();
    if (node == nullptr || checker::IsLeaf(node->kind)) {
      const std::span<const std::uint8_t> weights = node != nullptr && node->kind == NodeKind::kWeightedLeaf
                                                        ? reader.Weights(at.phases.size())
                                                        : std::span<const std::uint8_t>();
      const checker::Argument* argument = node == nullptr ? nullptr : &group.arguments[node->index];
      if (!at.dropped) leaves.push_back(LeafOf(at, group.members.size(), weights, argument));
      continue;
    }
    const NeuronSign side = node->kind == NodeKind::kNeuronSplit ? replay.sign(node->index) : NeuronSign::kForeign;
    const bool again = std::any_of(at.phases.begin(), at.phases.end(),
                                   [&](const auto& phase) { return phase && phase->neuron == node->index; });
    if (side == NeuronSign::kForeign || again) {
      reader.Skip(node, at.phases.size());
      if (!at.dropped) leaves.push_back(LeafOf(at, group.members.size(), {}, nullptr));
      continue;
    }
    Waiting high = at, low = std::move(at);
    if (side == NeuronSign::kOpen && !low.dropped) {
      low.node = replay.split(low.node, node->index);
      high.node = low.node + 1;
      low.phases.push_back(ReplayedLeaf::Phase{node->index, false});
      high.phases.push_back(ReplayedLeaf::Phase{node->index, true});
    } else {
      if (side == NeuronSign::kPositive) low.dropped = true;
      if (side == NeuronSign::kNegative) high.dropped = true;
      low.phases.emplace_back();
      high.phases.emplace_back();
    }
    waiting.push_back(std::move(high));
    waiting.push_back(std::move(low));
  }
  return leaves;
}

}  // namespace pawl::prover
