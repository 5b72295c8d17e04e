#include "prover/split_tree.h"

#include <gtest/gtest.h>

#include <vector>

namespace pawl::prover {
namespace split_tree_test {

using checker::Argument;
using checker::Node;
using checker::Recipe;

TEST(SplitTreeTest, WritesEachCaseInPreOrder) {
  SplitTree tree(2);
  const std::uint32_t forward = tree.ArgumentNumber({Recipe::kForward, {{{0, checker::kUnitMultiplier}}}});
  const std::uint32_t backward = tree.ArgumentNumber({Recipe::kBackward, {{{1, checker::kUnitMultiplier}}}});
  EXPECT_EQ(tree.ArgumentNumber({Recipe::kForward, {{{0, checker::kUnitMultiplier}}}}), forward);
  EXPECT_NE(forward, backward);

  const NodeId low = tree.Split(0, 3);
  ASSERT_NE(low, 0u);
  tree.Close(low, forward);
  const NodeId inner = tree.Split(low + 1, 1);
  tree.Close(inner, backward);
  tree.Close(inner + 1, forward);
  tree.Close(1, backward);

  EXPECT_EQ(tree.ToCaseProof(0, 1).groups[0].nodes,
            (std::vector<Node>{Node::MidpointSplit(3), Node::Leaf(forward), Node::MidpointSplit(1),
                               Node::Leaf(backward), Node::Leaf(forward)}));
  EXPECT_EQ(tree.ToCaseProof(1, 1).groups[0].nodes, (std::vector<Node>{Node::Leaf(backward)}));
}

TEST(SplitTreeTest, AReopenedLeafCanBeSplit) {
  SplitTree tree(1);
  tree.Close(0, 0);
  tree.Reopen(0);
  const NodeId low = tree.Split(0, 2);
  tree.Close(low, 0);
  tree.Close(low + 1, 0);
  ASSERT_TRUE(tree.split(0).has_value());
  EXPECT_EQ(tree.split(0)->input, 2u);
  EXPECT_FALSE(tree.split(low).has_value());
  EXPECT_EQ(tree.ToCaseProof(0, 1).groups[0].nodes.size(), 3u);
}

TEST(SplitTreeTest, AFinishedBoxBringsItsOwnArgumentsAndTheRootSection) {
  const std::vector<checker::RootLayer> listed = {{3, {7}, checker::RootMode::kDefault, {}}};
  SplitTree tree(1, listed);
  const std::uint32_t plain = tree.ArgumentNumber({Recipe::kBackward, {{{0, checker::kUnitMultiplier}}}});
  const NodeId low = tree.Split(0, 4);
  tree.Close(low, plain);
  checker::GroupProof part;
  part.arguments = {{Recipe::kBackward, {{{0, checker::kUnitMultiplier}}}, {{0, 128, 255}}},
                    {Recipe::kBackward, {{{0, checker::kUnitMultiplier}}}, {{255, 0, 1}}}};
  part.nodes = {Node::NeuronSplit(2), Node::WeightedLeaf(0), Node::Leaf(1)};
  part.weights = {9};
  tree.Finish(low + 1, part);
  EXPECT_TRUE(tree.is_finished(low + 1));
  EXPECT_FALSE(tree.split(low + 1).has_value());
  const checker::CaseProof proof = tree.ToCaseProof(0, 1);
  EXPECT_EQ(proof.root, listed);
  EXPECT_EQ(proof.groups[0].nodes, (std::vector<Node>{Node::MidpointSplit(4), Node::Leaf(0), Node::NeuronSplit(2),
                                                      Node::WeightedLeaf(1), Node::Leaf(2)}));
  EXPECT_EQ(proof.groups[0].arguments[2].slopes, part.arguments[1].slopes);
  EXPECT_EQ(proof.groups[0].weights, part.weights);
}

TEST(SplitTreeTest, HoldsMoreNodesThanOneChunk) {
  SplitTree tree(1);
  NodeId node = 0;
  constexpr std::uint32_t kDepth = 200'000;
  for (std::uint32_t i = 0; i < kDepth; ++i) {
    const NodeId low = tree.Split(node, i % 7);
    tree.Close(low, 0);
    node = low + 1;
  }
  tree.Close(node, 0);
  const checker::GroupProof proof = tree.ToCaseProof(0, 1).groups[0];
  ASSERT_EQ(proof.nodes.size(), 2 * kDepth + 1);
  for (std::uint32_t i = 0; i < kDepth; ++i) ASSERT_EQ(proof.nodes[2 * i].index, i % 7);
  EXPECT_GE(tree.memory_bytes(), 2 * kDepth * 8);
}

}  // namespace split_tree_test
}  // namespace pawl::prover
