// Every proof below is a walk over the complete subtrees that a range of leaves falls into. Verification follows RFC
// 9162 section 2.1, which states it as loops over the bits of index and size.
#include "merkle/tree.h"

#include <bit>
#include <cassert>
#include <optional>
#include <string>
#include <utility>

namespace pawl::merkle {
namespace {

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

Error Inconsistent(std::string message) { return Refused("merkle.consistency", std::move(message)); }

}  // namespace

Digest EmptyRoot() { return crypto::Sha256(std::string_view()); }

Digest LeafHash(std::string_view entry) {
  std::string bytes(1, '\0');
  return crypto::Sha256(bytes.append(entry));
}

Digest NodeHash(const Digest& left, const Digest& right) {
  std::string bytes(1, '\x01');
  bytes.append(left.bytes.begin(), left.bytes.end()).append(right.bytes.begin(), right.bytes.end());
  return crypto::Sha256(bytes);
}

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

Result<Digest> RootFromInclusion(const Digest& leaf, uint64_t index, uint64_t size, std::span<const Digest> proof) {
  if (index >= size || size > kTreeSizeMax) return Refused("merkle.inclusion", "the index lies outside the tree");
  uint64_t node = index, last = size - 1;  // on the current level
  Digest hash = leaf;
  for (const Digest& sibling : proof) {
    if (last == 0) return Refused("merkle.inclusion", "the proof is too long");
    if ((node & 1) != 0 || node == last) {
      hash = NodeHash(sibling, hash);
      // A node without a right sibling stands unchanged on the levels above.
      while ((node & 1) == 0 && node != 0) {
        node >>= 1;
        last >>= 1;
      }
    } else {
      hash = NodeHash(hash, sibling);
    }
    node >>= 1;
    last >>= 1;
  }
  if (last != 0) return Refused("merkle.inclusion", "the proof is too short");
  return hash;
}

Result<void> VerifyInclusion(const Digest& leaf, uint64_t index, uint64_t size, std::span<const Digest> proof,
                             const Digest& root) {
  const Result<Digest> computed = RootFromInclusion(leaf, index, size, proof);
  if (!computed.ok()) return computed.error();
  if (*computed != root) return Refused("merkle.inclusion", "the entry is not in the tree at this index");
  return {};
}

Result<void> VerifyConsistency(uint64_t old_size, const Digest& old_root, uint64_t new_size, const Digest& new_root,
                               std::span<const Digest> proof) {
  if (old_size > new_size || new_size > kTreeSizeMax) return Inconsistent("the new tree is smaller than the old one");
  if (old_size == 0 || old_size == new_size) {
    if (!proof.empty()) return Inconsistent("a proof where none is needed");
    const Digest& expected = old_size == new_size ? new_root : EmptyRoot();
    return old_root == expected ? Result<void>() : Inconsistent("two roots of the same size differ");
  }
  // The deepest subtree at the end of the old tree; it is in the proof unless it is the whole old tree.
  uint64_t node = old_size - 1, last = new_size - 1;
  const int shift = std::countr_one(node);
  node >>= shift;
  last >>= shift;
  if (std::has_single_bit(old_size) ? proof.empty() : proof.size() < 2) return Inconsistent("the proof is too short");
  Digest old_hash = std::has_single_bit(old_size) ? old_root : proof.front();
  Digest new_hash = old_hash;
  for (const Digest& sibling : proof.subspan(std::has_single_bit(old_size) ? 0 : 1)) {
    if (last == 0) return Inconsistent("the proof is too long");
    if ((node & 1) != 0 || node == last) {
      old_hash = NodeHash(sibling, old_hash);
      new_hash = NodeHash(sibling, new_hash);
      while ((node & 1) == 0 && node != 0) {
        node >>= 1;
        last >>= 1;
      }
    } else {
      new_hash = NodeHash(new_hash, sibling);
    }
    node >>= 1;
    last >>= 1;
  }
  if (last != 0) return Inconsistent("the proof is too short");
  if (old_hash != old_root || new_hash != new_root)
    return Inconsistent("the old tree is not the beginning of the new one");
  return {};
}

}  // namespace pawl::merkle
