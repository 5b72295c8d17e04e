// The tree of splits that a search grows, and its conversion to a certificate.
//
// A node is 8 bytes and never moves, so threads grow different parts of the tree without locking: a node is written by
// the one thread that holds its box. Arguments (how a leaf is proven) are shared by all leaves and numbered once.
//
// A box may also be closed by a part of a proof that was made elsewhere; see box_finish.h.
//
// Thread safety: as said per function.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <vector>

#include "checker/certificate.h"

namespace pawl::prover {

using NodeId = std::uint32_t;

class SplitTree {
 public:
  // One root per case: node `case_index`. `listed` is the root section that the slopes of finished boxes refer to.
  explicit SplitTree(std::size_t cases, std::vector<checker::RootLayer> listed = {});

  // Turns an undecided node into a split of `input` at the midpoint and returns its low child; the high child is the
  // next id. 0 when kNodesMax is reached. Any thread; no other thread may use the node meanwhile.
  NodeId Split(NodeId node, std::uint32_t input);
  // Turns an undecided node into a leaf, or a split one whose children are not needed. Thread safety as Split.
  void Close(NodeId node, std::uint32_t argument);
  // Puts nodes, arguments and weights of `part` in the place of an undecided node. Any thread, locked.
  void Finish(NodeId node, checker::GroupProof part);
  // Makes a leaf undecided again. No other thread may be active.
  void Reopen(NodeId node);

  // The number of an argument, giving it one if it is new. Any thread, locked.
  std::uint32_t ArgumentNumber(const checker::Argument& argument);

  // What a node is. No other thread may be active.
  struct SplitOf {
    NodeId low = 0;
    std::uint32_t input = 0;
  };
  std::optional<SplitOf> split(NodeId node) const;
  bool is_leaf(NodeId node) const { return at(node).first == kLeaf; }
  bool is_finished(NodeId node) const { return at(node).first == kFinished; }
  const checker::GroupProof& finished(NodeId node) const { return parts_[at(node).second]; }  // requires is_finished
  std::uint32_t leaf_argument(NodeId node) const;                                             // requires a leaf
  checker::Argument argument(std::uint32_t number) const { return arguments_[number]; }

  // Numbers of nodes so far are below this.
  NodeId node_count() const { return static_cast<NodeId>(next_.load()); }
  // Bytes that the nodes take.
  std::uint64_t memory_bytes() const;

  // The tree below a root in pre-order; undecided nodes become leaves that are marked as open, see checkpoint.h.
  // Requires that no other thread is active.
  checker::CaseProof ToCaseProof(std::size_t case_index, std::uint32_t conjunctions) const;

 private:
  // Undecided: 0, 0. Split: low child, input. Leaf: kLeaf, argument. Finished: kFinished, number of its part.
  struct Slot {
    std::uint32_t first = 0;
    std::uint32_t second = 0;
  };
  static constexpr std::uint32_t kLeaf = 0xffffffff, kFinished = 0xfffffffe;
  static constexpr std::size_t kChunk = std::size_t{1} << 16;
  static constexpr std::size_t kChunksMax = std::size_t{1} << 13;
  using Chunk = std::array<Slot, kChunk>;

  Slot& at(NodeId node) const { return (*chunks_[node / kChunk].load(std::memory_order_acquire))[node % kChunk]; }
  NodeId Allocate();

  std::unique_ptr<std::atomic<Chunk*>[]> chunks_;
  std::vector<std::unique_ptr<Chunk>> owned_;  // guarded by mutex_
  std::atomic<std::uint64_t> next_;
  std::atomic<std::uint64_t> part_bytes_ = 0;
  const std::vector<checker::RootLayer> listed_;
  std::mutex mutex_;
  std::map<std::vector<std::uint32_t>, std::uint32_t> numbers_;  // guarded by mutex_
  std::vector<checker::Argument> arguments_;                     // guarded by mutex_
  std::vector<checker::GroupProof> parts_;                       // guarded by mutex_
};

}  // namespace pawl::prover
