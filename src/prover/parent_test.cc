#include "prover/parent.h"

#include <gtest/gtest.h>

#include <functional>
#include <random>
#include <string>

#include "checker/checker.h"
#include "prover/network_for_test.h"
#include "prover/root_section.h"

namespace pawl::prover {
namespace parent_test {

using checker::Node;

// Relative noise on every weight.
PlainNetwork Changed(PlainNetwork network, double noise, std::uint64_t seed) {
  std::mt19937_64 random(seed);
  std::normal_distribution<float> normal;
  for (PlainNetwork::Layer& layer : network.layers)
    for (std::vector<float>* values : {&layer.weight, &layer.bias})
      for (float& value : *values) value *= 1 + static_cast<float>(noise) * normal(random);
  return network;
}

bool Accepted(const ProofRequest& request, const ProofResult& result) {
  const Result<checker::Certificate> certificate = checker::ReadCertificate(result.certificate);
  return certificate.ok() && checker::Check(*request.network, *request.property, *certificate,
                                            {request.arithmetic, request.network_digest, request.property_digest})
                                 .proven;
}

ProofResult ProveFrom(ProofRequest request, const std::vector<std::uint8_t>& certificate) {
  const Result<Parent> parent = ReadParent(certificate, request);
  EXPECT_TRUE(parent.ok());
  request.parent = &*parent;
  return Prove(request);
}

// A small change keeps most of the proof, takes less work, and the checker accepts what comes of it.
void KeepsMost(const TightProblem& problem, const std::vector<std::uint8_t>& certificate) {
  const model::Network changed = ReadBack(Changed(problem.plain, 1e-4, 5));
  ProofRequest request = problem.RequestFor(changed);
  request.network_digest.fill(9);
  const ProofResult scratch = Prove(request);
  const ProofResult result = ProveFrom(request, certificate);
  ASSERT_EQ(result.status, ProofStatus::kProven) << result.detail;
  EXPECT_TRUE(Accepted(request, result));
  EXPECT_FALSE(Accepted(problem.Request(), result)) << "it is about the changed network alone";
  EXPECT_GT(result.statistics.parent_leaves, 1u);
  EXPECT_GT(result.statistics.kept, result.statistics.parent_leaves / 2);
  EXPECT_LT(result.statistics.boxes, scratch.statistics.boxes);
}

TEST(ParentTest, KeepsBoxes) {
  const TightProblem problem(4, {20, 20}, 0.02);
  const ProofResult result = Prove(problem.Request());
  ASSERT_EQ(result.status, ProofStatus::kProven) << result.detail;
  KeepsMost(problem, result.certificate);
}

TEST(ParentTest, KeepsTreesOfPhases) {
  const TightProblem problem(30, {50, 50}, 1.2);
  const ProofResult result = Prove(problem.Request());
  ASSERT_EQ(result.status, ProofStatus::kProven) << result.detail;
  KeepsMost(problem, result.certificate);
}

TEST(ParentTest, KeepsBoxesThatWereFinishedByPhases) {
  const TightProblem problem(4, {20, 20}, 0.02);
  // A parent whose box was finished has the search finish boxes from the start.
  Parent parent;
  parent.cases.resize(1);
  parent.cases[0].conjunctions = 1;
  checker::GroupProof& group = parent.cases[0].groups.emplace_back();
  group.members = {0};
  group.arguments = {{checker::Recipe::kBackward, {{{0, checker::kUnitMultiplier}}}, {}}};
  group.nodes = {Node::NeuronSplit(3), Node::Leaf(0), Node::Leaf(0)};
  ProofRequest request = problem.Request();
  request.parent = &parent;
  const ProofResult finished = Prove(request);
  ASSERT_EQ(finished.status, ProofStatus::kProven) << finished.detail;
  const Result<checker::Certificate> certificate = checker::ReadCertificate(finished.certificate);
  ASSERT_TRUE(certificate.ok());
  ASSERT_TRUE(HasFinishedBoxes(certificate->cases[0]));
  KeepsMost(problem, finished.certificate);
}

TEST(ParentTest, AnotherArchitectureKeepsSplitsOfInputs) {
  const TightProblem problem(4, {20, 20}, 0.5), other(4, {12, 12, 12}, 0.5);
  const ProofResult before = Prove(other.Request());
  ASSERT_EQ(before.status, ProofStatus::kProven);
  const ProofResult result = ProveFrom(problem.Request(), before.certificate);
  ASSERT_EQ(result.status, ProofStatus::kProven) << result.detail;
  EXPECT_TRUE(Accepted(problem.Request(), result));
}

TEST(ParentTest, AnotherArchitectureOfManyInputsIsProven) {
  const TightProblem problem(30, {40, 30}, 3), other(30, {50, 50}, 3);
  const ProofResult before = Prove(other.Request());
  ASSERT_EQ(before.status, ProofStatus::kProven);
  const ProofResult result = ProveFrom(problem.Request(), before.certificate);
  ASSERT_EQ(result.status, ProofStatus::kProven) << result.detail;
  EXPECT_TRUE(Accepted(problem.Request(), result));
}

TEST(ParentTest, AChangeThatBreaksThePropertyIsFound) {
  TightProblem problem(4, {20, 20}, 0.02);
  const ProofResult before = Prove(problem.Request());
  ASSERT_EQ(before.status, ProofStatus::kProven);
  problem.plain.layers.back().bias[0] -= 0.5f;
  const model::Network broken = ReadBack(problem.plain);
  const ProofResult result = ProveFrom(problem.RequestFor(broken), before.certificate);
  EXPECT_EQ(result.status, ProofStatus::kViolated);
}

TEST(ParentTest, CertificatesDoNotGrowOverGenerations) {
  const TightProblem problem(4, {20, 20}, 0.05);
  ProofResult last = Prove(problem.Request());
  PlainNetwork plain = problem.plain;
  std::uint64_t scratch = 0, replayed = 0;
  for (std::uint64_t generation = 1; generation <= 12; ++generation) {
    ASSERT_EQ(last.status, ProofStatus::kProven) << generation;
    plain = Changed(plain, 1e-3, generation);
    const model::Network network = ReadBack(plain);
    const ProofRequest request = problem.RequestFor(network);
    const ProofResult fresh = Prove(request);
    if (fresh.status != ProofStatus::kProven) break;
    last = ProveFrom(request, last.certificate);
    scratch = fresh.statistics.leaves;
    replayed = last.statistics.leaves;
  }
  EXPECT_GT(scratch, 0u);
  EXPECT_LE(replayed, 3 * scratch);
}

TEST(ParentTest, SplitsThatAreNotNeededAreMergedAtEveryLevel) {
  const TightProblem problem(4, {20, 20}, 5);
  ASSERT_EQ(Prove(problem.Request()).statistics.leaves, 1u);
  Parent parent;
  parent.cases.resize(1);
  parent.cases[0].conjunctions = 1;
  checker::GroupProof& group = parent.cases[0].groups.emplace_back();
  group.members = {0};
  group.arguments = {{checker::Recipe::kBackward, {{{0, checker::kUnitMultiplier}}}, {}}};
  const std::function<void(std::uint32_t)> grow = [&](std::uint32_t depth) {
    group.nodes.push_back(depth == 5 ? Node::Leaf(0) : Node::MidpointSplit(depth % 4));
    for (int side = 0; side < 2 && depth < 5; ++side) grow(depth + 1);
  };
  grow(0);
  ProofRequest request = problem.Request();
  request.parent = &parent;
  const ProofResult result = Prove(request);
  ASSERT_EQ(result.status, ProofStatus::kProven);
  EXPECT_TRUE(Accepted(request, result));
  EXPECT_EQ(result.statistics.parent_leaves, 32u);
  EXPECT_EQ(result.statistics.leaves, 1u);
  EXPECT_GE(result.statistics.merged, 5u);
}

// Whatever stands in a parent's trees, what is proven is accepted.
TEST(ParentTest, WrongParentsCostTimeAlone) {
  std::mt19937_64 random(3);
  for (int round = 0; round < 24; ++round) {
    const bool many = round % 2 == 0;
    const TightProblem problem(many ? 30 : 3, {10, 8}, many ? 3 : 0.3);
    Parent parent;
    parent.cases.resize(1);
    parent.cases[0].conjunctions = 1;
    if (round % 3 != 0) {
      for (const std::uint32_t neurons : {10u, round % 4 == 1 ? 7u : 8u}) {
        parent.cases[0].root.push_back({neurons, {static_cast<std::uint8_t>(random()), 0}, {}, {}});
        if (neurons <= 8) parent.cases[0].root.back().listed.pop_back();
      }
    }
    checker::GroupProof& group = parent.cases[0].groups.emplace_back();
    group.members = {0};
    group.arguments = {{checker::Recipe::kRoot, {{{0, checker::kUnitMultiplier}}}, {checker::SlopeTable(5, 77)}}};
    for (std::size_t missing = 1; missing > 0;) {
      const std::uint64_t kind = group.nodes.size() > 60 ? 0 : random() % 6;
      if (kind == 1) group.nodes.push_back(Node::NeuronSplit(static_cast<std::uint32_t>(random() % 25)));
      if (kind == 2) group.nodes.push_back(Node::MidpointSplit(static_cast<std::uint32_t>(random() % 5)));
      if (kind == 3) group.nodes.push_back(Node::ValueSplit(0, 0.01));
      if (kind == 4) group.nodes.push_back(Node::WeightedLeaf(0));
      if (kind == 0 || kind == 5) group.nodes.push_back(Node::Leaf(0));
      missing = checker::IsLeaf(group.nodes.back().kind) ? missing - 1 : missing + 1;
    }
    for (std::uint64_t i = random() % 100; i > 0; --i) group.weights.push_back(static_cast<std::uint8_t>(random()));
    ProofRequest request = problem.Request();
    request.parent = &parent;
    const ProofResult result = Prove(request);
    ASSERT_EQ(result.status, ProofStatus::kProven) << round << ": " << result.detail;
    EXPECT_TRUE(Accepted(request, result)) << round;
  }
}

TEST(ParentTest, WhatIsOfSomethingElseIsRefused) {
  const TightProblem problem(3, {5}, 0.5);
  const ProofRequest request = problem.Request();
  const std::vector<std::uint8_t> certificate = Prove(request).certificate;
  ASSERT_TRUE(ReadParent(certificate, request).ok());
  ProofRequest other = request;
  other.property_digest.fill(3);
  EXPECT_EQ(ReadParent(certificate, other).error().rule, "prover.parent-property");
  for (std::size_t length = 0; length < certificate.size(); length += 7)
    EXPECT_EQ(ReadParent({certificate.data(), length}, request).error().rule, "prover.parent");
  model::Property more = problem.property;
  more.cases.push_back(more.cases[0]);
  other = request;
  other.property = &more;
  EXPECT_EQ(ReadParent(certificate, other).error().rule, "prover.parent-property");
  more = problem.property;
  more.cases[0].unsafe.push_back(more.cases[0].unsafe[0]);
  EXPECT_EQ(ReadParent(certificate, other).error().rule, "prover.parent-property");
  // Another network or arithmetic is what it is for.
  other = request;
  other.network_digest.fill(7);
  other.arithmetic = checker::Arithmetic::kFloat32;
  EXPECT_TRUE(ReadParent(certificate, other).ok());
}

// Splits of neurons whose sign is fixed are dropped, and multipliers stay with the splits that they belong to.
TEST(ParentTest, ReplayedPhasesKeepTheirMultipliers) {
  checker::GroupProof group;
  group.members = {0, 1};
  group.arguments.resize(1);
  // Neuron 4 above 7 above 5; the high side of 4 is a leaf.
  group.nodes = {Node::NeuronSplit(4),  Node::NeuronSplit(7), Node::NeuronSplit(5), Node::WeightedLeaf(0),
                 Node::WeightedLeaf(0), Node::Leaf(0),        Node::WeightedLeaf(0)};
  for (std::uint8_t i = 1; i <= 14; ++i) group.weights.push_back(i);
  std::uint32_t next = 1;
  std::vector<std::uint32_t> splits;
  const NeuronReplay replay{
      [](std::uint32_t neuron) { return neuron == 7 ? NeuronSign::kNegative : NeuronSign::kOpen; },
      [&](std::uint32_t, std::uint32_t neuron) { return splits.push_back(neuron), std::exchange(next, next + 2); }};
  const std::vector<ReplayedLeaf> leaves = ReplayNeurons(group, replay);
  EXPECT_EQ(splits, (std::vector<std::uint32_t>{4, 5}));
  ASSERT_EQ(leaves.size(), 3u);
  using Weights = std::vector<std::vector<std::uint8_t>>;
  EXPECT_EQ(leaves[0].weights, (Weights{{1, 3}, {4, 6}}));
  EXPECT_EQ(leaves[1].weights, (Weights{{7, 9}, {10, 12}}));
  EXPECT_EQ(leaves[2].weights, (Weights{{13}, {14}}));
  EXPECT_EQ(leaves[1].phases[1].neuron, 5u);
  EXPECT_TRUE(leaves[1].phases[1].positive);
  // A neuron that the network does not have ends the branch.
  next = 1;
  const NeuronReplay foreign{
      [](std::uint32_t neuron) { return neuron == 7 ? NeuronSign::kForeign : NeuronSign::kOpen; },
      [&](std::uint32_t, std::uint32_t) { return std::exchange(next, next + 2); }};
  const std::vector<ReplayedLeaf> cut = ReplayNeurons(group, foreign);
  ASSERT_EQ(cut.size(), 2u);
  EXPECT_EQ(cut[0].argument, nullptr);
  EXPECT_EQ(cut[1].weights, (Weights{{13}, {14}}));
}

// Listing more neurons changes no table that is in use.
TEST(ParentTest, NeuronsThatBecameOpenAreListedAsWell) {
  std::vector<checker::RootLayer> section(2);
  section[0] = {3, {0b011}, checker::RootMode::kDefault, {}};
  section[1] = {2, {0b01}, checker::RootMode::kPerNeuron, {10, 11, 12, 13}};
  const std::vector<std::vector<float>> lower = {{-1, 1, -3}, {-1, -2}}, upper = {{1, 2, 2}, {1, 3}};
  const std::vector<checker::RootLayer> more = ListAsWell(section, lower, upper);
  EXPECT_EQ(more[0].listed[0], 0b101);  // neuron 1 is no longer open, neuron 2 is
  EXPECT_EQ(more[1].listed[0], 0b11);
  EXPECT_EQ(more[1].mode, checker::RootMode::kPerNeuron);
  EXPECT_EQ(more[1].tables, (std::vector<std::uint8_t>{10, 0, 12, 0, 0, 0, 0, 0}));

  // Trees keep their splits; a new neuron gets one leaf for each bound.
  section[1] = {2, {0b01}, checker::RootMode::kBySplits, {10, 11, 12, 13, 14, 15}, {0, 1, 0, 0}, {5, 6}};
  const std::vector<checker::RootLayer> trees = ListAsWell(section, lower, upper);
  EXPECT_EQ(trees[1].listed[0], 0b11);
  EXPECT_EQ(trees[1].mode, checker::RootMode::kBySplits);
  EXPECT_EQ(trees[1].splits, (std::vector<std::uint32_t>{0, 1, 0, 0, 0, 0}));
  EXPECT_EQ(trees[1].tables, (std::vector<std::uint8_t>{10, 0, 12, 0, 14, 0, 0, 0, 0, 0}));
  EXPECT_EQ(trees[1].weights, (std::vector<std::uint8_t>{5, 6}));
}

}  // namespace parent_test
}  // namespace pawl::prover
