#include "prover/bound_trees.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <vector>

#include "checker/claim.h"
#include "checker/root_bounds.h"
#include "prover/network_for_test.h"
#include "prover/root_section.h"

namespace pawl::prover {
namespace bound_trees_test {

constexpr std::size_t kInputs = 6;

// Three hidden layers over a box, with the checker's claim about them.
struct Case {
  std::vector<float> lower, upper;
  PlainNetwork plain;
  model::Network network;
  model::Property property;
  checker::Claim claim;
  FlatNetwork flat;

  explicit Case(std::mt19937_64& random)
      : plain(RandomNetwork(random, {kInputs, 14, 12, 10, 2})), network(ReadBack(plain)), property(Box(random)) {
    claim = *checker::PrepareClaim(network, property, checker::Arithmetic::kReal);
    flat = *Flatten(claim);
  }

  model::Property Box(std::mt19937_64& random) {
    model::Property made;
    made.input_count = kInputs;
    made.output_count = 2;
    model::Case& c = made.cases.emplace_back();
    for (std::size_t i = 0; i < kInputs; ++i) {
      lower.push_back(static_cast<float>(Uniform(random, -1, 0)));
      upper.push_back(lower.back() + static_cast<float>(Uniform(random, 0.2, 1)));
      c.box.push_back({model::Decimal::FromDouble(static_cast<double>(lower[i])),
                       model::Decimal::FromDouble(static_cast<double>(upper[i])), false, false});
    }
    model::Row row;
    row.terms.push_back({kInputs, *model::Decimal::Parse("1", 10)});
    row.bound = *model::Decimal::Parse("-1000", 10);
    c.unsafe.push_back({row});
    return made;
  }

  // Operands of the ReLUs at a point.
  std::vector<std::vector<double>> Operands(std::mt19937_64& random) const {
    std::vector<double> x;
    for (std::size_t i = 0; i < kInputs; ++i) {
      const double share = random() % 2 == 0 ? static_cast<double>(random() % 2) : Uniform(random, 0, 1);
      x.push_back(static_cast<double>(lower[i]) + share * static_cast<double>(upper[i] - lower[i]));
    }
    std::vector<std::vector<double>> operands;
    for (const FlatLayer& layer : flat.layers) {
      std::vector<double>& z = operands.emplace_back(layer.bias.begin(), layer.bias.end());
      for (std::size_t i = 0; i < z.size(); ++i)
        for (std::size_t k = 0; k < x.size(); ++k)
          z[i] += static_cast<double>(layer.weight[i * layer.inputs + k]) * x[k];
      x = z;
      for (double& value : x) value = std::max(value, 0.0);
    }
    return operands;
  }

  // What the checker makes of a section: the bounds of all ReLU operands.
  struct Bounds {
    std::vector<std::vector<double>> lower, upper;
    double width = 0;  // of all together
  };
  Bounds Check(const std::vector<checker::RootLayer>& section) const {
    const Result<checker::RootBounds> root = checker::BoundRoot(claim, 0, section, 1);
    Bounds bounds;
    EXPECT_TRUE(root.ok() && root->usable) << (root.ok() ? "not usable" : root.error().message);
    for (const checker::Step& step : claim.steps) {
      if (!root.ok() || step.kind != checker::StepKind::kRelu) continue;
      const checker::Relaxation::Value& value = root->relaxation.value(step.input);
      bounds.lower.emplace_back();
      bounds.upper.emplace_back();
      for (std::size_t i = 0; i < value.lower.size(); ++i) {
        bounds.lower.back().push_back(value.lower[i][0]);
        bounds.upper.back().push_back(value.upper[i][0]);
        bounds.width += value.upper[i][0] - value.lower[i][0];
      }
    }
    return bounds;
  }
};

TEST(BoundTrees, TheCheckerFindsThemBetterThanSlopesAndNoSampleLeavesThem) {
  std::size_t better = 0, by_splits = 0;
  for (std::uint64_t seed = 1; seed <= 12; ++seed) {
    std::mt19937_64 random(seed);
    const Case c(random);
    const RootSection slopes = MakeRootSection(c.flat, c.lower, c.upper, {.steps = 20});
    const RootSection trees = MakeRootSection(c.flat, c.lower, c.upper, {.steps = 20, .leaves_max = 8, .threads = 2});
    ASSERT_TRUE(slopes.complete && trees.complete);
    for (const checker::RootLayer& layer : trees.layers) by_splits += layer.mode == checker::RootMode::kBySplits;
    const Case::Bounds without = c.Check(slopes.layers), with = c.Check(trees.layers);
    EXPECT_LE(with.width, without.width * 1.001);
    better += with.width < 0.97 * without.width;
    for (int n = 0; n < 200; ++n) {
      const std::vector<std::vector<double>> z = c.Operands(random);
      for (std::size_t k = 0; k < with.lower.size(); ++k) {
        for (std::size_t i = 0; i < z[k].size(); ++i) {
          EXPECT_GE(z[k][i], with.lower[k][i] - 1e-5) << "seed " << seed;
          EXPECT_LE(z[k][i], with.upper[k][i] + 1e-5) << "seed " << seed;
        }
      }
    }
  }
  EXPECT_GE(by_splits, 12u);
  EXPECT_GE(better, 6u);
}

TEST(BoundTrees, HaveNoMoreLeavesThanAllowedAndAreTheSameWithMoreThreads) {
  std::mt19937_64 random(3);
  const Case c(random);
  const RootSection one = MakeRootSection(c.flat, c.lower, c.upper, {.steps = 20, .leaves_max = 5});
  EXPECT_EQ(one.layers, MakeRootSection(c.flat, c.lower, c.upper, {.steps = 20, .leaves_max = 5, .threads = 3}).layers);
  std::size_t listed = one.layers[0].listed_count();
  for (std::size_t k = 1; k < one.layers.size(); ++k) {
    if (one.layers[k].mode == checker::RootMode::kBySplits) {
      const std::vector<checker::BoundLeaf> leaves = *checker::BoundLeaves(one.layers[k], listed);
      std::vector<std::size_t> count(2 * one.layers[k].listed_count());
      for (const checker::BoundLeaf& leaf : leaves) ++count[leaf.tree];
      EXPECT_LE(*std::max_element(count.begin(), count.end()), 5u);
    }
    listed += one.layers[k].listed_count();
  }
}

}  // namespace bound_trees_test
}  // namespace pawl::prover
