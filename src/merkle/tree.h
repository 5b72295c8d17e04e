// Merkle trees as RFC 6962 section 2.1 defines them, with SHA-256.
//
//   Result<void> ok = VerifyInclusion(LeafHash(entry), index, size, proof, root);
//
// Checking alone: tlog/growing_tree.h appends to trees and makes proofs. Tree sizes are at most kTreeSizeMax, so that
// no index computation overflows. Thread safety: pure functions.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "crypto/digest.h"
#include "result/result.h"

namespace pawl::merkle {

using crypto::Digest;

inline constexpr uint64_t kTreeSizeMax = uint64_t{1} << 62;

Digest EmptyRoot();                                        // SHA-256 of nothing
Digest LeafHash(std::string_view entry);                   // SHA-256(00 ‖ entry)
Digest NodeHash(const Digest& left, const Digest& right);  // SHA-256(01 ‖ left ‖ right)

// Succeeds only if the leaf stands at `index` in the tree with this size and root. Refused with "merkle.inclusion".
Result<void> VerifyInclusion(const Digest& leaf, uint64_t index, uint64_t size, std::span<const Digest> proof,
                             const Digest& root);
// Succeeds only if the old tree is a prefix of the new one. Refused with "merkle.consistency". For an old size of 0 the
// old root must be EmptyRoot() and the proof empty.
Result<void> VerifyConsistency(uint64_t old_size, const Digest& old_root, uint64_t new_size, const Digest& new_root,
                               std::span<const Digest> proof);

}  // namespace pawl::merkle
