// A log's tree that grows, and the proofs that merkle/tree.h checks.
//
//   Frontier log;
//   log.Append(merkle::LeafHash(entry));
//   Digest root = log.Root();
//   Result<std::vector<Digest>> proof = InclusionProof(index, log.size(), read_hash);
//
// Source: RFC 6962 section 2.1. Tree sizes are at most merkle::kTreeSizeMax. Thread safety: pure functions; a Frontier
// belongs to one thread.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "merkle/tree.h"
#include "result/result.h"

namespace pawl::tlog {

using merkle::Digest;
using merkle::kTreeSizeMax;

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

}  // namespace pawl::tlog
