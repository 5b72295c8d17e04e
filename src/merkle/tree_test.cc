#include "merkle/tree.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include <map>
#include <utility>

#include "encoding/hex.h"
#include "tlog/growing_tree.h"

namespace pawl::merkle {
namespace {

using namespace tlog;  // NOLINT: what the proofs come from

// The definitions of RFC 6962 section 2.1, word for word and slow.
uint64_t SplitOf(uint64_t n) {
  uint64_t k = 1;
  while (k * 2 < n) k *= 2;
  return k;
}
Digest TreeHash(std::span<const Digest> leaves) {
  if (leaves.empty()) return EmptyRoot();
  if (leaves.size() == 1) return leaves[0];
  const uint64_t k = SplitOf(leaves.size());
  return NodeHash(TreeHash(leaves.first(k)), TreeHash(leaves.subspan(k)));
}
std::vector<Digest> Path(uint64_t m, std::span<const Digest> leaves) {
  if (leaves.size() == 1) return {};
  const uint64_t k = SplitOf(leaves.size());
  std::vector<Digest> path = m < k ? Path(m, leaves.first(k)) : Path(m - k, leaves.subspan(k));
  path.push_back(TreeHash(m < k ? leaves.subspan(k) : leaves.first(k)));
  return path;
}
std::vector<Digest> SubProof(uint64_t m, std::span<const Digest> leaves, bool whole) {
  if (m == leaves.size()) return whole ? std::vector<Digest>{} : std::vector<Digest>{TreeHash(leaves)};
  const uint64_t k = SplitOf(leaves.size());
  std::vector<Digest> proof = m <= k ? SubProof(m, leaves.first(k), whole) : SubProof(m - k, leaves.subspan(k), false);
  proof.push_back(TreeHash(m <= k ? leaves.subspan(k) : leaves.first(k)));
  return proof;
}

// A log that keeps every complete subtree.
struct Log {
  Frontier frontier;
  std::vector<Digest> leaves;
  std::map<std::pair<unsigned, uint64_t>, Digest> nodes;

  explicit Log(uint64_t size, uint64_t salt = 0) {
    for (uint64_t i = 0; i < size; ++i) Append(LeafHash(std::to_string(salt) + ":" + std::to_string(i)));
  }
  void Append(const Digest& leaf) {
    leaves.push_back(leaf);
    frontier.Append(leaf, [&](unsigned level, uint64_t index, const Digest& hash) {
      const bool fresh = nodes.emplace(std::pair(level, index), hash).second;
      RC_ASSERT(fresh);
    });
  }
  std::span<const Digest> First(uint64_t size) const { return std::span(leaves).first(size); }
  HashReader Reader() const {
    return [this](unsigned level, uint64_t index) -> Result<Digest> {
      const auto node = nodes.find({level, index});
      if (node == nodes.end()) return Malformed("test.missing", "asked for a subtree outside the tree");
      return node->second;
    };
  }
};

Digest Flipped(Digest digest, unsigned bit) {
  digest.bytes[bit / 8] = static_cast<uint8_t>(digest.bytes[bit / 8] ^ 1u << bit % 8);
  return digest;
}

TEST(Tree, KnownRoots) {
  // The inputs and roots that the test suites of Certificate Transparency share.
  const char* inputs[] = {
      "", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f"};
  const char* roots[] = {"6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
                         "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
                         "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
                         "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
                         "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
                         "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
                         "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
                         "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328"};
  EXPECT_EQ(EmptyRoot().Hex(), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  EXPECT_EQ(Frontier().Root(), EmptyRoot());
  Frontier frontier;
  for (size_t i = 0; i < std::size(inputs); ++i) {
    frontier.Append(LeafHash(*encoding::DecodeHex(inputs[i])));
    EXPECT_EQ(frontier.Root().Hex(), roots[i]) << i + 1;
  }
}

TEST(Tree, AgreesWithTheDefinitionsAtEverySmallSize) {
  const Log log(70);
  for (uint64_t size = 1; size <= 70; ++size) {
    ASSERT_EQ(*RootAt(size, log.Reader()), TreeHash(log.First(size)));
    ASSERT_EQ(RootOf(log.First(size)), TreeHash(log.First(size)));
    for (uint64_t index = 0; index < size; ++index) {
      ASSERT_EQ(*InclusionProof(index, size, log.Reader()), Path(index, log.First(size))) << index << " of " << size;
    }
    for (uint64_t old_size = 1; old_size <= size; ++old_size) {
      ASSERT_EQ(*ConsistencyProof(old_size, size, log.Reader()), SubProof(old_size, log.First(size), true))
          << old_size << " to " << size;
    }
  }
}

RC_GTEST_PROP(Tree, EveryInclusionProofVerifiesAndNoOtherDoes, ()) {
  const uint64_t size = *rc::gen::inRange<uint64_t>(1, 600);
  const uint64_t index = *rc::gen::inRange<uint64_t>(0, size);
  const Log log(size);
  const Digest root = log.frontier.Root(), leaf = log.leaves[index];
  const std::vector<Digest> proof = *InclusionProof(index, size, log.Reader());
  RC_ASSERT(VerifyInclusion(leaf, index, size, proof, root).ok());

  const auto bit = *rc::gen::inRange<unsigned>(0, 256);
  RC_ASSERT(!VerifyInclusion(Flipped(leaf, bit), index, size, proof, root).ok());
  RC_ASSERT(!VerifyInclusion(leaf, index, size, proof, Flipped(root, bit)).ok());
  for (size_t i = 0; i < proof.size(); ++i) {
    std::vector<Digest> other = proof;
    other[i] = Flipped(other[i], bit);
    RC_ASSERT(!VerifyInclusion(leaf, index, size, other, root).ok());
    other = proof;
    other.erase(other.begin() + static_cast<std::ptrdiff_t>(i));
    RC_ASSERT(!VerifyInclusion(leaf, index, size, other, root).ok());
    other = proof;
    other.insert(other.begin() + static_cast<std::ptrdiff_t>(i), proof[i]);
    RC_ASSERT(!VerifyInclusion(leaf, index, size, other, root).ok());
  }
  std::vector<Digest> longer = proof;
  longer.push_back(root);
  RC_ASSERT(!VerifyInclusion(leaf, index, size, longer, root).ok());
  for (uint64_t other = 0; other < size; ++other) {
    if (other != index) RC_ASSERT(!VerifyInclusion(leaf, other, size, proof, root).ok());
  }
  RC_ASSERT(!VerifyInclusion(leaf, size, size, proof, root).ok());
}

RC_GTEST_PROP(Tree, EveryConsistencyProofVerifiesAndNoOtherDoes, ()) {
  const uint64_t new_size = *rc::gen::inRange<uint64_t>(2, 600);
  const uint64_t old_size = *rc::gen::inRange<uint64_t>(1, new_size);
  const Log log(new_size);
  const Digest old_root = *RootAt(old_size, log.Reader()), new_root = log.frontier.Root();
  const std::vector<Digest> proof = *ConsistencyProof(old_size, new_size, log.Reader());
  RC_ASSERT(VerifyConsistency(old_size, old_root, new_size, new_root, proof).ok());

  const auto bit = *rc::gen::inRange<unsigned>(0, 256);
  RC_ASSERT(!VerifyConsistency(old_size, Flipped(old_root, bit), new_size, new_root, proof).ok());
  RC_ASSERT(!VerifyConsistency(old_size, old_root, new_size, Flipped(new_root, bit), proof).ok());
  for (size_t i = 0; i < proof.size(); ++i) {
    std::vector<Digest> other = proof;
    other[i] = Flipped(other[i], bit);
    RC_ASSERT(!VerifyConsistency(old_size, old_root, new_size, new_root, other).ok());
    other = proof;
    other.erase(other.begin() + static_cast<std::ptrdiff_t>(i));
    RC_ASSERT(!VerifyConsistency(old_size, old_root, new_size, new_root, other).ok());
    other = proof;
    other.insert(other.begin() + static_cast<std::ptrdiff_t>(i), proof[i]);
    RC_ASSERT(!VerifyConsistency(old_size, old_root, new_size, new_root, other).ok());
  }
  std::vector<Digest> longer = proof;
  longer.push_back(new_root);
  RC_ASSERT(!VerifyConsistency(old_size, old_root, new_size, new_root, longer).ok());
  RC_ASSERT(!VerifyConsistency(new_size, new_root, old_size, old_root, proof).ok());
  for (uint64_t other = 0; other < new_size; ++other) {
    if (other != old_size) RC_ASSERT(!VerifyConsistency(other, old_root, new_size, new_root, proof).ok());
  }
}

RC_GTEST_PROP(Tree, ARewrittenLogIsNotConsistent, ()) {
  const uint64_t new_size = *rc::gen::inRange<uint64_t>(2, 300);
  const uint64_t old_size = *rc::gen::inRange<uint64_t>(1, new_size);
  const uint64_t changed = *rc::gen::inRange<uint64_t>(0, old_size);
  const Log honest(old_size);
  Log rewritten(0);
  for (uint64_t i = 0; i < new_size; ++i) {
    rewritten.Append(i == changed ? LeafHash("rewritten") : LeafHash("0:" + std::to_string(i)));
  }
  const std::vector<Digest> proof = *ConsistencyProof(old_size, new_size, rewritten.Reader());
  RC_ASSERT(!VerifyConsistency(old_size, honest.frontier.Root(), new_size, rewritten.frontier.Root(), proof).ok());
}

TEST(Tree, TrivialConsistency) {
  const Log log(5);
  const Digest root = log.frontier.Root();
  const std::vector<Digest> some = {root};
  EXPECT_TRUE(VerifyConsistency(5, root, 5, root, {}).ok());
  EXPECT_FALSE(VerifyConsistency(5, root, 5, root, some).ok());
  EXPECT_FALSE(VerifyConsistency(5, root, 5, EmptyRoot(), {}).ok());
  EXPECT_TRUE(VerifyConsistency(0, EmptyRoot(), 5, root, {}).ok());
  EXPECT_FALSE(VerifyConsistency(0, root, 5, root, {}).ok());
  EXPECT_FALSE(VerifyConsistency(0, EmptyRoot(), 5, root, some).ok());
  EXPECT_TRUE(VerifyConsistency(0, EmptyRoot(), 0, EmptyRoot(), {}).ok());
  EXPECT_FALSE(VerifyConsistency(4, root, 5, root, {}).ok());
  EXPECT_FALSE(VerifyConsistency(3, root, 5, root, {}).ok());
  EXPECT_TRUE(ConsistencyProof(0, 5, log.Reader())->empty());
}

TEST(Tree, SizesAreLimited) {
  const HashReader any = [](unsigned, uint64_t) -> Result<Digest> { return EmptyRoot(); };
  const std::vector<Digest> none;
  for (const uint64_t size : {kTreeSizeMax + 1, uint64_t{1} << 63, UINT64_MAX}) {
    EXPECT_EQ(RootAt(size, any).error().rule, "merkle.range");
    EXPECT_EQ(InclusionProof(0, size, any).error().rule, "merkle.range");
    EXPECT_EQ(ConsistencyProof(1, size, any).error().rule, "merkle.range");
    EXPECT_EQ(VerifyInclusion(EmptyRoot(), 0, size, none, EmptyRoot()).error().rule, "merkle.inclusion");
    EXPECT_EQ(VerifyConsistency(1, EmptyRoot(), size, EmptyRoot(), none).error().rule, "merkle.consistency");
    EXPECT_EQ(Frontier::From(size, {}).error().rule, "merkle.frontier");
  }
  EXPECT_EQ(InclusionProof(5, 5, any).error().rule, "merkle.range");
  EXPECT_EQ(ConsistencyProof(6, 5, any).error().rule, "merkle.range");
  EXPECT_TRUE(RootAt(kTreeSizeMax, any).ok());
  EXPECT_EQ(InclusionProof(kTreeSizeMax - 1, kTreeSizeMax, any)->size(), 62u);
  EXPECT_EQ(InclusionProof(0, kTreeSizeMax - 1, any)->size(), 62u);
  EXPECT_TRUE(ConsistencyProof(kTreeSizeMax - 1, kTreeSizeMax, any).ok());
}

TEST(Tree, AReadersFailureIsPassedOn) {
  const HashReader broken = [](unsigned, uint64_t) -> Result<Digest> { return SystemFailure("test.disk", "gone"); };
  EXPECT_EQ(RootAt(3, broken).error().rule, "test.disk");
  EXPECT_EQ(InclusionProof(1, 3, broken).error().rule, "test.disk");
  EXPECT_EQ(ConsistencyProof(1, 3, broken).error().rule, "test.disk");
  EXPECT_EQ(ConsistencyProof(3, 4, broken).error().rule, "test.disk");
}

RC_GTEST_PROP(Frontier, ResumesAnywhere, ()) {
  const uint64_t size = *rc::gen::inRange<uint64_t>(0, 300);
  const Log log(size);
  Result<Frontier> resumed = Frontier::From(size, log.frontier.nodes());
  RC_ASSERT(resumed.ok() && resumed->Root() == log.frontier.Root());
  Frontier going_on = log.frontier;
  resumed->Append(EmptyRoot());
  going_on.Append(EmptyRoot());
  RC_ASSERT(resumed->Root() == going_on.Root());
  std::vector<Digest> more = log.frontier.nodes();
  more.push_back(EmptyRoot());
  RC_ASSERT(!Frontier::From(size, more).ok());
}

}  // namespace
}  // namespace pawl::merkle
