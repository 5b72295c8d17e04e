// Verification follows RFC 9162 section 2.1, which states it as loops over the bits of index and size.
#include "merkle/tree.h"

#include <bit>
#include <string>
#include <utility>

namespace pawl::merkle {
namespace {

Error Inconsistent(std::string message) { return Refused("merkle.consistency", std::move(message)); }

// Climbs from a node to the root, `last` being the last node of its level: takes each sibling of the proof in turn, on
// the left or on the right of what was built so far. False where the proof does not end at the root.
template <typename Left, typename Right>
bool Climb(uint64_t node, uint64_t last, std::span<const Digest> proof, const Left& left, const Right& right) {
  for (const Digest& sibling : proof) {
    if (last == 0) return false;
    const bool on_left = (node & 1) != 0 || node == last;
    on_left ? left(sibling) : right(sibling);
    // A node without a right sibling stands unchanged on the levels above.
    const int levels = 1 + (on_left && node != 0 ? std::countr_zero(node) : 0);
    node >>= levels;
    last >>= levels;
  }
  return last == 0;
}

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

Result<void> VerifyInclusion(const Digest& leaf, uint64_t index, uint64_t size, std::span<const Digest> proof,
                             const Digest& root) {
  if (index >= size || size > kTreeSizeMax) return Refused("merkle.inclusion", "the index lies outside the tree");
  Digest hash = leaf;
  const auto left = [&](const Digest& sibling) { hash = NodeHash(sibling, hash); };
  const auto right = [&](const Digest& sibling) { hash = NodeHash(hash, sibling); };
  if (!Climb(index, size - 1, proof, left, right)) {
    return Refused("merkle.inclusion", "the proof is too long or too short");
  }
  if (hash != root) return Refused("merkle.inclusion", "the entry is not in the tree at this index");
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
  const auto left = [&](const Digest& sibling) {
    old_hash = NodeHash(sibling, old_hash);
    new_hash = NodeHash(sibling, new_hash);
  };
  const auto right = [&](const Digest& sibling) { new_hash = NodeHash(new_hash, sibling); };
  if (!Climb(node, last, proof.subspan(std::has_single_bit(old_size) ? 0 : 1), left, right)) {
    return Inconsistent("the proof is too long or too short");
  }
  if (old_hash != old_root || new_hash != new_root)
    return Inconsistent("the old tree is not the beginning of the new one");
  return {};
}

}  // namespace pawl::merkle
