#include "prover/checkpoint.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "prover/box_finish.h"

namespace pawl::prover {
namespace {

constexpr char kMagic[] = {'P', 'A', 'W', 'L', 'O', 'P', 'E', 'N'};

Error WrongShape(const char* what) {
  return Refused("prover.checkpoint-shape", std::string("the checkpoint does not fit this search: ") + what,
                 "begin without it");
}

// Reads the nodes of one group again, in their order.
class Restorer {
 public:
  Restorer(const Query& query, const checker::GroupProof& group, SplitTree& tree)
      : query_(query), group_(group), tree_(tree) {}

  Result<std::vector<OpenBox>> Run(OpenBox root) {
    std::vector<OpenBox> waiting = {std::move(root)}, open;
    while (!waiting.empty()) {
      OpenBox box = std::move(waiting.back());
      waiting.pop_back();
      const checker::Node* node = Next();
      if (node == nullptr) return WrongShape("its tree is not whole");
      if (node->kind == checker::NodeKind::kMidpointSplit) {
        if (!Split(box, node->index, waiting)) return WrongShape("a split that its box does not have");
      } else if (node->kind == checker::NodeKind::kLeaf && IsOpen(group_.arguments[node->index])) {
        open.push_back(std::move(box));
      } else if (node->kind == checker::NodeKind::kLeaf && group_.arguments[node->index].slopes.empty()) {
        // There are no root bounds to refute it by.
        if (group_.arguments[node->index].recipe == checker::Recipe::kRoot) return WrongShape("a leaf by root bounds");
        tree_.Close(box.node, tree_.ArgumentNumber(group_.arguments[node->index]));
      } else if (!Finished(box)) {
        return WrongShape("a part that is not finished by phases");
      }
    }
    return open;
  }

 private:
  const checker::Node* Next() {
    if (at_ == group_.nodes.size()) return nullptr;
    const checker::Node& node = group_.nodes[at_++];
    return checker::IsLeaf(node.kind) && node.index >= group_.arguments.size() ? nullptr : &node;
  }

  bool Split(const OpenBox& box, std::uint32_t input, std::vector<OpenBox>& waiting) {
    if (input >= query_.network.inputs || box.depth >= checker::CertificateLimits().depth_max) return false;
    const double middle = checker::SplitMidpoint(box.lower()[input], box.upper()[input]);
    if (!(box.lower()[input] < middle && middle < box.upper()[input])) return false;
    const NodeId low = tree_.Split(box.node, input);
    if (low == 0) return false;
    waiting.push_back(box.Child(1, low, input));
    waiting.push_back(box.Child(0, low, input));
    return true;
  }

  // From the node read last: a tree of splits of neurons, whole.
  bool Finished(const OpenBox& box) {
    checker::GroupProof part;
    part.members = group_.members;
    std::vector<std::size_t> phases = {0};  // of the nodes to come
    for (--at_; !phases.empty();) {
      const std::size_t depth = phases.back();
      phases.pop_back();
      const checker::Node* node = Next();
      if (node == nullptr) return false;
      part.nodes.push_back(*node);
      if (node->kind == checker::NodeKind::kNeuronSplit) {
        phases.insert(phases.end(), {depth + 1, depth + 1});
        continue;
      }
      if (!checker::IsLeaf(node->kind)) return false;
      const checker::Argument& argument = group_.arguments[node->index];
      if (argument.recipe != checker::Recipe::kBackward) return false;
      part.nodes.back().index = static_cast<std::uint32_t>(part.arguments.size());
      part.arguments.push_back(argument);
      if (node->kind == checker::NodeKind::kLeaf) continue;
      const std::size_t count = depth * group_.members.size();
      if (count > group_.weights.size() - next_weight_) return false;
      const auto first = group_.weights.begin() + static_cast<std::ptrdiff_t>(next_weight_);
      part.weights.insert(part.weights.end(), first, first + static_cast<std::ptrdiff_t>(count));
      next_weight_ += count;
    }
    tree_.Finish(box.node, std::move(part));
    return true;
  }

  const Query& query_;
  const checker::GroupProof& group_;
  SplitTree& tree_;
  std::size_t at_ = 0, next_weight_ = 0;
};

}  // namespace

checker::Argument OpenArgument(std::size_t conjunctions) {
  checker::Argument argument;
  argument.recipe = checker::Recipe::kForward;
  argument.refutations.assign(conjunctions, {{0, checker::kUnitMultiplier}});
  return argument;
}

bool IsOpen(const checker::Argument& argument) { return argument.recipe == checker::Recipe::kForward; }

bool IsComplete(const checker::CaseProof& proof) {
  return !proof.groups.empty() &&
         std::all_of(proof.groups.begin(), proof.groups.end(), [](const checker::GroupProof& group) {
           return std::none_of(group.arguments.begin(), group.arguments.end(), IsOpen);
         });
}

std::vector<std::uint8_t> WriteCheckpoint(const ProofRequest& request, std::vector<checker::CaseProof> cases) {
  for (std::size_t i = 0; i < cases.size(); ++i) {
    if (!cases[i].groups.empty()) continue;
    cases[i].conjunctions = static_cast<std::uint32_t>(request.property->cases[i].unsafe.size());
    checker::GroupProof& group = cases[i].groups.emplace_back();
    for (std::uint32_t c = 0; c < cases[i].conjunctions; ++c) group.members.push_back(c);
    group.arguments = {OpenArgument(cases[i].conjunctions)};
    group.nodes = {checker::Node::Leaf(0)};
  }
  checker::Certificate certificate;
  certificate.arithmetic = request.arithmetic;
  certificate.network = request.network_digest;
  certificate.radii = request.radii;
  certificate.property = request.property_digest;
  certificate.cases = std::move(cases);
  std::string text(kMagic, sizeof kMagic);
  text += checker::WriteCertificate(certificate);
  return {text.begin(), text.end()};
}

Result<Checkpoint> ReadCheckpoint(std::span<const std::uint8_t> bytes, const ProofRequest& request) {
  if (bytes.size() < sizeof kMagic || std::memcmp(bytes.data(), kMagic, sizeof kMagic) != 0)
    return Malformed("prover.checkpoint", "not a checkpoint of a search: the first bytes differ",
                     "give a file that an interrupted search left");
  Result<checker::Certificate> read = checker::ReadCertificate(bytes.subspan(sizeof kMagic));
  if (!read.ok()) {
    if (read.error().code == ErrorCode::kLimit) return read.error();
    return Malformed("prover.checkpoint", "the checkpoint is damaged: " + read.error().message, "begin without it");
  }
  if (read->network != request.network_digest)
    return Refused("prover.checkpoint-network", "the checkpoint is of the search for another network",
                   "give the network that it was made for");
  if (read->property != request.property_digest)
    return Refused("prover.checkpoint-property", "the checkpoint is of the search for another property",
                   "give the property that it was made for");
  if (read->radii != request.radii)
    return Refused("prover.checkpoint-radius", "the checkpoint is of a search with another weight radius",
                   "give the radius that it was made for");
  if (read->arithmetic != request.arithmetic)
    return Refused("prover.checkpoint-arithmetic", "the checkpoint is of a search under another arithmetic",
                   "give the arithmetic that it was made for");
  if (read->cases.size() != request.property->cases.size()) return WrongShape("another number of cases");
  for (std::size_t i = 0; i < read->cases.size(); ++i)
    if (read->cases[i].conjunctions != request.property->cases[i].unsafe.size())
      return WrongShape("another number of conjunctions");
  return Checkpoint{std::move(read->cases)};
}

Result<std::vector<OpenBox>> RestoreBox(const Query& query, OpenBox box, const checker::CaseProof& proof,
                                        SplitTree& tree) {
  const checker::GroupProof& group = proof.groups[0];
  if (proof.groups.size() != 1 || group.members.size() != query.cases[box.case_index].conjunctions())
    return WrongShape("another kind of search");
  if (!proof.root.empty() && proof.root != ListAllNeurons(query.network)) return WrongShape("another root section");
  return Restorer(query, group, tree).Run(std::move(box));
}

Result<std::vector<OpenBox>> RestoreBoxes(const Query& query, std::size_t case_index, const checker::CaseProof& proof,
                                          SplitTree& tree) {
  return RestoreBox(query, std::move(RootBoxes(query)[case_index]), proof, tree);
}

}  // namespace pawl::prover
