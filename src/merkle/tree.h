// Merkle trees as RFC 6962 section 2.1 defines them, with SHA-256.
//
//   Frontier log;
//   log.Append(LeafHash(entry));
//   Digest root = log.Root();
//   Result<std::vector<Digest>> proof = InclusionProof(index, log.size(), read_hash);
//   Result<void> ok = VerifyInclusion(LeafHash(entry), index, log.size(), *proof, root);
//
// Tree sizes are at most kTreeSizeMax, so that no index computation overflows. Thread safety: pure functions; a
// Frontier belongs to one thread.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string_view>
#include <vector>

#include "crypto/digest.h"
#include "result/result.h"

namespace pawl::merkle {

using crypto::Digest;

inline constexpr uint64_t kTreeSizeMax = uint64_t{1} << 62;

Digest EmptyRoot();                                        // SHA-256 of nothing
Digest LeafHash(std::string_view entry);                   // SHA-256(00 ‖ entry)
Digest NodeHash(const Digest& left, const Digest& right);  // SHA-256(01 ‖ left ‖ right)

// The root of a whole list of leaf hashes.
Digest RootOf(std::span<const Digest> leaves);

// What has to be kept to append to a log: the roots of the complete subtrees that a tree of `size` leaves falls into,
// largest first (as many as `size` has bits set).
class Frontier {
 public:
  Frontier() = default;
  // Resumes from stored nodes; fails with "merkle.frontier" if their number does not fit the size. Whether
  // they are the right ones shows in Root(): compare it with the signed checkpoint.
  static Result<Frontier> From(uint64_t size, std::vector<Digest> nodes);

  // Called for every complete subtree that the append completes, the leaf included: level 0 upward. May be empty.
  using NodeVisitor = std::function<void(unsigned level, uint64_t index, const Digest& hash)>;
  // Requires size() < kTreeSizeMax.
  void Append(const Digest& leaf, const NodeVisitor& visit = {});

  uint64_t size() const { return size_; }
  const std::vector<Digest>& nodes() const { return nodes_; }
  Digest Root() const;

 private:
  uint64_t size_ = 0;
  std::vector<Digest> nodes_;
};

// Reads the root of the complete subtree of 2^level leaves that begins at leaf index * 2^level. Only asked for subtrees
// that lie within the tree. Whatever it fails with is passed on.
using HashReader = std::function<Result<Digest>(unsigned level, uint64_t index)>;

// The root of the first `size` leaves.
Result<Digest> RootAt(uint64_t size, const HashReader& read);
// Siblings from the leaf upward. Fails with "merkle.range" unless index < size <= kTreeSizeMax.
Result<std::vector<Digest>> InclusionProof(uint64_t index, uint64_t size, const HashReader& read);
// Fails with "merkle.range" unless old_size <= new_size <= kTreeSizeMax. Empty if the sizes are equal or the old tree
// is empty.
Result<std::vector<Digest>> ConsistencyProof(uint64_t old_size, uint64_t new_size, const HashReader& read);

// The root that an inclusion proof leads to. Refuses ("merkle.inclusion") a proof of the wrong length.
Result<Digest> RootFromInclusion(const Digest& leaf, uint64_t index, uint64_t size, std::span<const Digest> proof);
// Succeeds only if the leaf stands at `index` in the tree with this size and root. Refused with "merkle.inclusion".
Result<void> VerifyInclusion(const Digest& leaf, uint64_t index, uint64_t size, std::span<const Digest> proof,
                             const Digest& root);
// Succeeds only if the old tree is a prefix of the new one. Refused with "merkle.consistency". For an old size of 0 the
// old root must be EmptyRoot() and the proof empty.
Result<void> VerifyConsistency(uint64_t old_size, const Digest& old_root, uint64_t new_size, const Digest& new_root,
                               std::span<const Digest> proof);

}  // namespace pawl::merkle
