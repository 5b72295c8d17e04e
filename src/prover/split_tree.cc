#include "prover/split_tree.h"

#include <cassert>
#include <utility>

#include "prover/checkpoint.h"

namespace pawl::prover {

SplitTree::SplitTree(std::size_t cases, std::vector<checker::RootLayer> listed)
    : chunks_(std::make_unique<std::atomic<Chunk*>[]>(kChunksMax)),
      next_((cases + 1) / 2 * 2),
      listed_(std::move(listed)) {
  const std::lock_guard lock(mutex_);
  for (std::size_t i = 0; i <= cases / kChunk; ++i) {
    owned_.push_back(std::make_unique<Chunk>());
    chunks_[i].store(owned_.back().get());
  }
}

// Two neighbouring slots. Chunks hold an even number of slots, so a pair never straddles two.
NodeId SplitTree::Allocate() {
  const std::uint64_t id = next_.fetch_add(2);
  const std::size_t chunk = id / kChunk;
  if (chunk >= kChunksMax) return 0;
  if (chunks_[chunk].load(std::memory_order_acquire) == nullptr) {
    const std::lock_guard lock(mutex_);
    if (chunks_[chunk].load(std::memory_order_relaxed) == nullptr) {
      owned_.push_back(std::make_unique<Chunk>());
      chunks_[chunk].store(owned_.back().get(), std::memory_order_release);
    }
  }
  return static_cast<NodeId>(id);
}

NodeId SplitTree::Split(NodeId node, std::uint32_t input) {
  const NodeId low = Allocate();
  if (low != 0) at(node) = {low, input};
  return low;
}

void SplitTree::Close(NodeId node, std::uint32_t argument) { at(node) = {kLeaf, argument}; }

void SplitTree::Finish(NodeId node, checker::GroupProof part) {
  std::uint64_t bytes = sizeof part + part.nodes.size() * sizeof(checker::Node) + part.weights.size();
  for (const checker::Argument& argument : part.arguments) {
    bytes += sizeof argument + argument.refutations.size() * (sizeof(checker::Refutation) + sizeof(checker::Term));
    for (const checker::SlopeTable& table : argument.slopes) bytes += sizeof table + table.size();
  }
  part_bytes_.fetch_add(bytes, std::memory_order_relaxed);
  const std::lock_guard lock(mutex_);
  at(node) = {kFinished, static_cast<std::uint32_t>(parts_.size())};
  parts_.push_back(std::move(part));
}

void SplitTree::Reopen(NodeId node) { at(node) = {0, 0}; }

std::uint32_t SplitTree::ArgumentNumber(const checker::Argument& argument) {
  std::vector<std::uint32_t> key = {static_cast<std::uint32_t>(argument.recipe)};
  for (const checker::Refutation& refutation : argument.refutations) {
    key.push_back(static_cast<std::uint32_t>(refutation.size()));
    for (const checker::Term& term : refutation) {
      key.push_back(term.row);
      key.push_back(term.multiplier);
    }
  }
  const std::lock_guard lock(mutex_);
  const auto [where, is_new] = numbers_.emplace(std::move(key), static_cast<std::uint32_t>(arguments_.size()));
  if (is_new) arguments_.push_back(argument);
  return where->second;
}

std::optional<SplitTree::SplitOf> SplitTree::split(NodeId node) const {
  const Slot slot = at(node);
  if (slot.first == 0 || slot.first == kLeaf || slot.first == kFinished) return std::nullopt;
  return SplitOf{slot.first, slot.second};
}

std::uint32_t SplitTree::leaf_argument(NodeId node) const {
  assert(at(node).first == kLeaf);
  return at(node).second;
}

std::uint64_t SplitTree::memory_bytes() const {
  return (next_.load(std::memory_order_relaxed) / kChunk + 1) * sizeof(Chunk) +
         part_bytes_.load(std::memory_order_relaxed);
}

namespace {

void Append(const checker::GroupProof& part, checker::GroupProof& proof) {
  const auto first_argument = static_cast<std::uint32_t>(proof.arguments.size());
  for (checker::Node node : part.nodes) {
    if (checker::IsLeaf(node.kind)) node.index += first_argument;
    proof.nodes.push_back(node);
  }
  proof.arguments.insert(proof.arguments.end(), part.arguments.begin(), part.arguments.end());
  proof.weights.insert(proof.weights.end(), part.weights.begin(), part.weights.end());
}

}  // namespace

checker::CaseProof SplitTree::ToCaseProof(std::size_t case_index, std::uint32_t conjunctions) const {
  checker::CaseProof case_proof;
  case_proof.conjunctions = conjunctions;
  checker::GroupProof& proof = case_proof.groups.emplace_back();
  for (std::uint32_t i = 0; i < conjunctions; ++i) proof.members.push_back(i);
  proof.arguments = arguments_;
  std::optional<std::uint32_t> open_argument;
  std::vector<NodeId> open = {static_cast<NodeId>(case_index)};
  while (!open.empty()) {
    const NodeId node = open.back();
    open.pop_back();
    const Slot slot = at(node);
    if (slot.first == 0) {
      if (!open_argument) {
        open_argument = static_cast<std::uint32_t>(proof.arguments.size());
        proof.arguments.push_back(OpenArgument(conjunctions));
      }
      proof.nodes.push_back(checker::Node::Leaf(*open_argument));
      continue;
    }
    if (slot.first == kLeaf) {
      proof.nodes.push_back(checker::Node::Leaf(slot.second));
      continue;
    }
    if (slot.first == kFinished) {
      case_proof.root = listed_;
      Append(parts_[slot.second], proof);
      continue;
    }
    proof.nodes.push_back(checker::Node::MidpointSplit(slot.second));
    open.push_back(slot.first + 1);
    open.push_back(slot.first);
  }
  return case_proof;
}

}  // namespace pawl::prover
