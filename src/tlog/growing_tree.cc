// Every proof below is a walk over the complete subtrees that a range of leaves falls into.
#include "tlog/growing_tree.h"

#include <bit>
#include <cassert>
#include <optional>
#include <utility>

namespace pawl::tlog {
namespace {

using merkle::EmptyRoot;
using merkle::NodeHash;

// A complete subtree: 2^level leaves from index * 2^level.
struct Node {
  unsigned level;
  uint64_t index;
};

// The complete subtrees that leaves [begin, end) fall into, left to right, where `begin` is a multiple of the largest
// power of two below the range's size, as it is for every range that RFC 6962 splits a tree into.
std::vector<Node> NodesOf(uint64_t begin, uint64_t end) {
  std::vector<Node> nodes;
  while (begin < end) {
    const auto level = static_cast<unsigned>(std::bit_width(end - begin) - 1);
    nodes.push_back({level, begin >> level});
    begin += uint64_t{1} << level;
  }
  return nodes;
}

// The hash of leaves [begin, end), which is not empty.
Result<Digest> RangeHash(uint64_t begin, uint64_t end, const HashReader& read) {
  const std::vector<Node> nodes = NodesOf(begin, end);
  std::optional<Digest> hash;
  for (auto node = nodes.rbegin(); node != nodes.rend(); ++node) {
    const Result<Digest> left = read(node->level, node->index);
    if (!left.ok()) return left;
    hash = hash ? NodeHash(*left, *hash) : *left;
  }
  return *hash;
}

// How many leaves of a range of `size` > 1 leaves go to the left: the largest power of two below it.
uint64_t LeftSize(uint64_t size) { return std::bit_floor(size - 1); }

Error RangeError() { return {ErrorCode::kUsage, "merkle.range", "an index or size outside the tree", ""}; }

}  // namespace

Digest RootOf(std::span<const Digest> leaves) {
  Frontier frontier;
  for (const Digest& leaf : leaves) frontier.Append(leaf);
  return frontier.Root();
}

Result<Frontier> Frontier::From(uint64_t size, std::vector<Digest> nodes) {
  if (size > kTreeSizeMax || nodes.size() != static_cast<size_t>(std::popcount(size))) {
    return Malformed("merkle.frontier", "the stored nodes do not fit the size of the tree");
  }
  Frontier frontier;
  frontier.size_ = size;
  frontier.nodes_ = std::move(nodes);
  return frontier;
}

void Frontier::Append(const Digest& leaf, const NodeVisitor& visit) {
  assert(size_ < kTreeSizeMax);
  Digest hash = leaf;
  if (visit) visit(0, size_, hash);
  // As in counting: each trailing one of the old size is a subtree that is now complete.
  unsigned level = 0;
  for (uint64_t rest = size_; (rest & 1) != 0; rest >>= 1) {
    hash = NodeHash(nodes_.back(), hash);
    nodes_.pop_back();
    if (++level; visit) visit(level, size_ >> level, hash);
  }
  nodes_.push_back(hash);
  ++size_;
}

Digest Frontier::Root() const {
  if (nodes_.empty()) return EmptyRoot();
  Digest hash = nodes_.back();
  for (size_t i = nodes_.size() - 1; i-- > 0;) hash = NodeHash(nodes_[i], hash);
  return hash;
}

Result<Digest> RootAt(uint64_t size, const HashReader& read) {
  if (size > kTreeSizeMax) return RangeError();
  return size == 0 ? EmptyRoot() : RangeHash(0, size, read);
}

Result<std::vector<Digest>> InclusionProof(uint64_t index, uint64_t size, const HashReader& read) {
  if (index >= size || size > kTreeSizeMax) return RangeError();
  std::vector<Digest> from_root;
  for (uint64_t begin = 0, end = size; end - begin > 1;) {
    const uint64_t middle = begin + LeftSize(end - begin);
    const bool left = index < middle;
    const Result<Digest> sibling = left ? RangeHash(middle, end, read) : RangeHash(begin, middle, read);
    if (!sibling.ok()) return sibling.error();
    from_root.push_back(*sibling);
    (left ? end : begin) = middle;
  }
  return std::vector<Digest>(from_root.rbegin(), from_root.rend());
}

Result<std::vector<Digest>> ConsistencyProof(uint64_t old_size, uint64_t new_size, const HashReader& read) {
  if (old_size > new_size || new_size > kTreeSizeMax) return RangeError();
  if (old_size == 0 || old_size == new_size) return std::vector<Digest>();
  // RFC 6962 section 2.1.2, SUBPROOF: go down towards the end of the old tree until it is a subtree of its own.
  std::vector<Digest> from_root;
  uint64_t begin = 0, end = new_size;
  while (end != old_size) {
    const uint64_t middle = begin + LeftSize(end - begin);
    const bool left = old_size <= middle;
    const Result<Digest> sibling = left ? RangeHash(middle, end, read) : RangeHash(begin, middle, read);
    if (!sibling.ok()) return sibling.error();
    from_root.push_back(*sibling);
    (left ? end : begin) = middle;
  }
  // That subtree's own hash is left out where the verifier knows it: if it is the whole old tree.
  if (begin != 0) {
    const Result<Digest> last = RangeHash(begin, end, read);
    if (!last.ok()) return last.error();
    from_root.push_back(*last);
  }
  return std::vector<Digest>(from_root.rbegin(), from_root.rend());
}

}  // namespace pawl::tlog
