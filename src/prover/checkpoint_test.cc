#include "prover/checkpoint.h"

#include <gtest/gtest.h>

#include <random>
#include <stop_token>

#include "checker/checker.h"
#include "prover/network_for_test.h"

namespace pawl::prover {
namespace checkpoint_test {

using Problem = TightProblem;

ProofResult Interrupted(const ProofRequest& whole, std::uint64_t timeout_ms) {
  ProofRequest request = whole;
  request.timeout_ms = timeout_ms;
  request.keep_checkpoint = true;
  return Prove(request);
}

std::uint64_t OpenLeaves(const Checkpoint& checkpoint, std::uint64_t& leaves) {
  std::uint64_t open = 0;
  for (const checker::CaseProof& proof : checkpoint.cases) {
    for (const checker::GroupProof& group : proof.groups) {
      for (const checker::Node& node : group.nodes) {
        if (!checker::IsLeaf(node.kind)) continue;
        ++leaves;
        open += IsOpen(group.arguments[node.index]) ? 1 : 0;
      }
    }
  }
  return open;
}

// Interrupts the search until it has something to keep, and goes on from there.
void GoOn(const Problem& problem) {
  const ProofRequest request = problem.Request();
  std::uint64_t leaves = 0, open = 0;
  Checkpoint checkpoint;
  // Limits that came too early and too late; on a busy machine the next try may take longer or shorter.
  std::uint64_t early_ms = 10, late_ms = 0;
  for (int attempt = 0; attempt < 50 && leaves == open; ++attempt) {
    const std::uint64_t timeout_ms = late_ms <= early_ms ? early_ms * 3 / 2 : (early_ms + late_ms) / 2;
    const ProofResult result = Interrupted(request, timeout_ms);
    if (result.status == ProofStatus::kProven) {
      late_ms = timeout_ms;
      early_ms -= early_ms / 4;
      continue;
    }
    early_ms = timeout_ms;
    if (result.checkpoint.empty()) continue;
    Result<Checkpoint> read = ReadCheckpoint(result.checkpoint, request);
    ASSERT_TRUE(read.ok()) << read.error().message;
    leaves = 0;
    open = OpenLeaves(*read, leaves);
    EXPECT_GT(open, 0u);
    checkpoint = std::move(*read);
  }
  ASSERT_GT(leaves, open) << "never interrupted in the middle";
  ProofRequest later = request;
  later.resume = &checkpoint;
  const ProofResult result = Prove(later);
  ASSERT_EQ(result.status, ProofStatus::kProven) << result.detail;
  EXPECT_GE(result.statistics.leaves, leaves);
  const Result<checker::Certificate> certificate = checker::ReadCertificate(result.certificate);
  ASSERT_TRUE(certificate.ok());
  EXPECT_TRUE(checker::Check(problem.network, problem.property, *certificate,
                             {checker::Arithmetic::kReal, request.network_digest, request.property_digest})
                  .proven);
}

TEST(CheckpointTest, ASearchOverBoxesGoesOn) { GoOn(Problem(6, {40, 40, 40}, 0.02)); }

TEST(CheckpointTest, ASearchOverPhasesGoesOn) { GoOn(Problem(30, {50, 50}, 1.2)); }

std::vector<std::uint8_t> Small(const ProofRequest& request) { return WriteCheckpoint(request, {{}}); }

TEST(CheckpointTest, WhatIsAboutSomethingElseIsRefused) {
  const Problem problem(3, {5}, 0.5);
  const ProofRequest request = problem.Request();
  const std::vector<std::uint8_t> bytes = Small(request);
  ASSERT_TRUE(ReadCheckpoint(bytes, request).ok());
  ProofRequest other = request;
  other.network_digest.fill(3);
  EXPECT_EQ(ReadCheckpoint(bytes, other).error().rule, "prover.checkpoint-network");
  other = request;
  other.property_digest.fill(3);
  EXPECT_EQ(ReadCheckpoint(bytes, other).error().rule, "prover.checkpoint-property");
  other = request;
  other.arithmetic = checker::Arithmetic::kFloat32;
  EXPECT_EQ(ReadCheckpoint(bytes, other).error().rule, "prover.checkpoint-arithmetic");
  EXPECT_EQ(ReadCheckpoint(WriteCheckpoint(request, {}), request).error().rule, "prover.checkpoint-shape");
}

TEST(CheckpointTest, DamagedBytesAreRefused) {
  const Problem problem(3, {5}, 0.5);
  const ProofRequest request = problem.Request();
  const std::vector<std::uint8_t> bytes = Small(request);
  for (std::size_t size = 0; size < bytes.size(); ++size)
    EXPECT_EQ(ReadCheckpoint(std::span(bytes).first(size), request).error().rule, "prover.checkpoint") << size;
  std::vector<std::uint8_t> longer = bytes;
  longer.push_back(0);
  EXPECT_EQ(ReadCheckpoint(longer, request).error().rule, "prover.checkpoint");
  longer = bytes;
  longer[0] ^= 1;
  EXPECT_EQ(ReadCheckpoint(longer, request).error().rule, "prover.checkpoint");
}

// Trees that a certificate may have and this search does not, and leaves that prove nothing.
TEST(CheckpointTest, OtherTreesAreRefusedAndFalseLeavesAreProvenAnew) {
  const Problem problem(3, {5}, 0.5);
  ProofRequest request = problem.Request();
  const auto tree = [](std::vector<checker::Node> nodes) {
    checker::CaseProof proof;
    proof.conjunctions = 1;
    checker::GroupProof& group = proof.groups.emplace_back();
    group.members = {0};
    group.arguments = {{checker::Recipe::kBackward, {{{0, checker::kUnitMultiplier}}}, {}}};
    group.nodes = std::move(nodes);
    return proof;
  };
  using checker::Node;
  const Node leaf = Node::Leaf(0);
  for (const std::vector<Node>& nodes : {std::vector<Node>{Node::MidpointSplit(3), leaf, leaf},
                                         {Node::ValueSplit(0, 0.01), leaf, leaf},
                                         {Node::MidpointSplit(0), leaf},
                                         {Node::NeuronSplit(0), Node::MidpointSplit(1), leaf, leaf, leaf}}) {
    const Checkpoint checkpoint{{tree(nodes)}};
    request.resume = &checkpoint;
    EXPECT_EQ(Prove(request).status, ProofStatus::kUnknown);
  }
  // The whole box as one leaf: as wrong as can be, where the property does not hold.
  const Problem violated(3, {5}, -0.001);
  const Checkpoint checkpoint{{tree({leaf})}};
  request = violated.Request();
  request.resume = &checkpoint;
  EXPECT_EQ(Prove(request).status, ProofStatus::kViolated);
  request = Problem(3, {5}, 0.5).Request();
  const Problem holds(6, {30, 30}, 0.05);
  request = holds.Request();
  request.resume = &checkpoint;
  EXPECT_EQ(Prove(request).status, ProofStatus::kProven);
}

}  // namespace checkpoint_test
}  // namespace pawl::prover
