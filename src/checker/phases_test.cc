// Recipe root, slopes, phases and split multipliers, all drawn at random: no deployed evaluation that is in a leaf, and
// no exact one, may leave what the engine says of it.
#include <gmpxx.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <limits>
#include <random>

#include "checker/deployed_evaluation_for_test.h"
#include "checker/leaf.h"
#include "checker/proof_search_for_test.h"
#include "checker/random_claim_for_test.h"
#include "checker/random_root_for_test.h"
#include "random_cases.h"

namespace pawl::checker {
namespace phases_test {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

// A leaf that a given evaluation is in: phases by the signs that its operands have.
struct Leaf {
  std::vector<Phase> phases;
  std::vector<std::uint8_t> weights;
  std::vector<SlopeTable> slopes;
};

template <typename T>
Leaf LeafOf(const Claim& claim, const std::vector<std::vector<T>>& values, std::size_t listed,
            std::mt19937_64& random) {
  Leaf leaf;
  for (std::uint32_t n = 0; n < claim.neurons.size(); ++n) {
    if (random() % 3 != 0) continue;
    const T& z = values[claim.neurons[n].value][claim.neurons[n].index];
    leaf.phases.push_back({n, z == 0 ? random() % 2 == 0 : z > 0});
  }
  for (std::size_t i = 0; i < leaf.phases.size() && random() % 4 != 0; ++i)
    leaf.weights.push_back(static_cast<std::uint8_t>(random() % 3 == 0 ? 0 : 100 + random() % 120));
  leaf.weights.resize(leaf.weights.empty() ? 0 : leaf.phases.size());
  if (listed > 0 && random() % 2 == 0) leaf.slopes.push_back(RandomTable(random, listed));
  return leaf;
}

struct Counts {
  std::size_t leaves = 0, bounded = 0, deployed = 0, exact = 0, with_phases = 0, with_weights = 0, with_trees = 0;
};

class PhasesCheck {
 public:
  PhasesCheck(const Claim& claim, const model::Network& network, const RefutationRow& row, std::uint64_t seed,
              Counts& counts)
      : claim_(claim), network_(network), row_(row), random_(seed), counts_(counts), engine_(claim) {}

  template <typename T>
  void Deployed(Recipe recipe, const RootBounds& root) {
    DeployedEvaluation<T> evaluate(network_, random_);
    std::vector<std::vector<std::vector<T>>> evaluations;
    while (evaluations.size() < kLanes) {
      std::vector<T> x;
      for (const double value : DrawPoint(random_, claim_.boxes[0])) x.push_back(static_cast<T>(value));
      evaluations.push_back(evaluate(x));
    }
    Compare(recipe, root, evaluations, counts_.deployed);
  }

  void Exact(Recipe recipe, const RootBounds& root) {
    std::vector<std::vector<std::vector<mpq_class>>> evaluations(kLanes);
    for (auto& values : evaluations) values = ExactEvaluation(network_)(DrawPoint(random_, claim_.boxes[0]));
    Compare(recipe, root, evaluations, counts_.exact);
  }

 private:
  // One leaf an evaluation, all bounded together.
  template <typename T>
  void Compare(Recipe recipe, const RootBounds& root, const std::vector<std::vector<std::vector<T>>>& evaluations,
               std::size_t& samples) {
    engine_.SetRoot(&root);
    std::vector<Leaf> leaves;
    std::vector<LeafTask> tasks;
    for (const auto& values : evaluations) leaves.push_back(LeafOf(claim_, values, root.listed.size(), random_));
    for (const Leaf& leaf : leaves)
      tasks.push_back(
          {claim_.boxes[0].lower, claim_.boxes[0].upper, {&row_, 1}, leaf.phases, leaf.weights, leaf.slopes});
    std::vector<double> margins(tasks.size());
    engine_.Margins(recipe, tasks, margins);
    for (std::size_t t = 0; t < tasks.size(); ++t) {
      const auto& values = evaluations[t];
      ++counts_.leaves;
      counts_.bounded += margins[t] > -kInfinity;
      counts_.with_phases += !leaves[t].phases.empty();
      counts_.with_weights += !leaves[t].weights.empty();
      for (std::size_t v = 0; v < values.size(); ++v) {
        const double flushed = FlushedAway(claim_, v);
        for (std::size_t k = 0; k < values[v].size(); ++k) {
          const Interval bound = engine_.Value(v, k, t);
          if (bound.lower == -kInfinity) continue;
          ASSERT_GE(mpq_class(values[v][k]), mpq_class(bound.lower) - mpq_class(flushed)) << v << " " << k;
          ASSERT_LE(mpq_class(values[v][k]), mpq_class(bound.upper) + mpq_class(flushed)) << v << " " << k;
        }
      }
      if (!(margins[t] > -kInfinity)) continue;
      std::vector<double> x;
      std::vector<mpq_class> y;
      for (const T& value : values[0]) x.push_back(mpq_class(value).get_d());
      for (const T& value : values[claim_.output]) y.emplace_back(value);
      ASSERT_LE(mpq_class(margins[t]), RowValue(row_, x, y)) << "task " << t;
      ++samples;
    }
  }

  const Claim& claim_;
  const model::Network& network_;
  const RefutationRow& row_;
  std::mt19937_64 random_;
  Counts& counts_;
  LeafEngine engine_;
};

TEST(Phases, NoEvaluationInALeafLeavesItsBounds) {
  Counts counts;
  for (std::uint64_t seed = 1; seed <= RandomCases(500); ++seed) {
    std::mt19937_64 random(seed);
    const model::Network network = RandomModel(seed);
    const model::Property property = RandomProperty(random, network.input_size(), network.output_size());
    const bool wide = network.element_type() == model::ElementType::kFloat64;
    const Arithmetic arithmetic = seed % 3 == 0 ? Arithmetic::kReal
                                  : wide        ? Arithmetic::kFloat64
                                                : Arithmetic::kFloat32;
    const Result<Claim> claim = PrepareClaim(network, property, arithmetic);
    ASSERT_TRUE(claim.ok());
    const Result<RefutationRow> row = MakeRefutationRow(*claim, 0, 0, {{0, kUnitMultiplier}});
    ASSERT_TRUE(row.ok());
    const std::vector<RootLayer> layers = RandomRoot(random, *claim);
    for (const RootLayer& layer : layers) counts.with_trees += layer.mode == RootMode::kBySplits;
    const Result<RootBounds> root = BoundRoot(*claim, 0, layers, 1 + seed % 2);
    ASSERT_TRUE(root.ok()) << root.error().message;
    PhasesCheck check(*claim, network, *row, seed, counts);
    for (const Recipe recipe : {Recipe::kForward, Recipe::kRoot, Recipe::kBackward, Recipe::kRoot}) {
      if (arithmetic == Arithmetic::kFloat32) check.Deployed<float>(recipe, *root);
      if (arithmetic == Arithmetic::kFloat64) check.Deployed<double>(recipe, *root);
      if (arithmetic == Arithmetic::kReal) check.Exact(recipe, *root);
      ASSERT_FALSE(::testing::Test::HasFatalFailure()) << "seed " << seed << " recipe " << static_cast<int>(recipe);
    }
  }
  std::printf(
      "%zu leaves, %zu bounded, %zu with phases, %zu with multipliers; %zu layers with trees; %zu deployed and %zu "
      "exact evaluations\n",
      counts.leaves, counts.bounded, counts.with_phases, counts.with_weights, counts.with_trees, counts.deployed,
      counts.exact);
  EXPECT_GT(counts.bounded, counts.leaves * 9 / 10);
  EXPECT_GT(counts.with_phases, RandomCases(5000));
  EXPECT_GT(counts.with_weights, RandomCases(3000));
  EXPECT_GT(counts.with_trees, RandomCases(100));
  EXPECT_GT(counts.deployed, RandomCases(5'000));
  EXPECT_GT(counts.exact, RandomCases(3'000));
}

// z = relu(a + b) − relu(a) − relu(b) over a and b in [−1, 1] is never above 0; by slopes alone nothing below 1 is
// found.
class TreesOfARoot : public ::testing::Test {
 protected:
  static constexpr std::uint32_t kLeaf = 0, kSplitSum = 1;  // nodes; the sum is neuron 0

  Result<RootBounds> Bound(RootLayer layer) { return BoundRoot(claim_, 0, {{3, {0b111}}, std::move(layer)}, 1); }
  Interval BoundZ(const RootLayer& layer) {
    const Result<RootBounds> root = Bound(layer);
    EXPECT_TRUE(root.ok());
    const Relaxation::Value& z = root->relaxation.value(3);
    return {z.lower[0][0], z.upper[0][0]};
  }
  void ExpectRefused(const RootLayer& layer) {
    const Result<RootBounds> root = Bound(layer);
    ASSERT_FALSE(root.ok());
    EXPECT_EQ(root.error().rule, "checker.root");
  }

  const model::Network network_ =
      Read(DenseNetworkBytes({{{{1, 1}, {1, 0}, {0, 1}}, {0, 0, 0}}, {{{1, -1, -1}}, {0}}, {{{1}}, {0}, false}}));
  const model::Property property_ = Parse(
      "(declare-const X_0 Real)(declare-const X_1 Real)(declare-const Y_0 Real)(assert (>= X_0 -1.0))"
      "(assert (<= X_0 1.0))(assert (>= X_1 -1.0))(assert (<= X_1 1.0))(assert (>= Y_0 10.0))");
  const Claim claim_ = *PrepareClaim(network_, property_, Arithmetic::kReal);
  // The lower bound by one leaf, the upper one by the sum's signs: where it is at most 0, −z is relu(a) + relu(b), else
  // −(a + b) + relu(a) + relu(b), which is bounded by the slopes 1.
  const RootLayer good_ = {
      1, {1}, RootMode::kBySplits, {128, 128, 128, 0, 0, 0, 0, 255, 255}, {kLeaf, kSplitSum, kLeaf, kLeaf}, {0, 0}};
};

TEST_F(TreesOfARoot, FindWhatSlopesDoNot) {
  for (int slope = 0; slope < 256; slope += 5) {
    const auto s = static_cast<std::uint8_t>(slope);
    EXPECT_GT(BoundZ({1, {1}, RootMode::kPerNeuron, {128, 128, 128, s, s, s}}).upper, 0.9);
  }
  const Interval z = BoundZ(good_);
  EXPECT_GE(z.upper, 0);
  EXPECT_LT(z.upper, 1e-9);
  EXPECT_LE(z.lower, -1);
  EXPECT_GT(z.lower, -1 - 1e-9);
}

TEST_F(TreesOfARoot, TakeTheWorstOfTheirLeaves) {
  RootLayer layer = good_;
  layer.tables[7] = layer.tables[8] = 0;  // slopes in the high child
  EXPECT_GT(BoundZ(layer).upper, 1.9);
  // w·s and −w·s with the wrong weight cost tightness, and nothing else.
  for (const std::uint8_t weight : std::vector<std::uint8_t>{1, 160, 184, 255}) {
    layer = good_;
    layer.weights = {weight, weight};
    EXPECT_GE(BoundZ(layer).upper, 0) << int{weight};
  }
}

TEST_F(TreesOfARoot, AreRefusedWhereTheyAreNotWhole) {
  const auto changed = [&](auto change) {
    RootLayer layer = good_;
    change(layer);
    return layer;
  };
  ASSERT_TRUE(Bound(good_).ok());
  ExpectRefused(changed([](RootLayer& l) { l.splits[1] = 5; }));  // a neuron that does not exist
  ExpectRefused(changed([](RootLayer& l) { l.splits[1] = 4; }));  // the neuron that is being bounded
  ExpectRefused(changed([](RootLayer& l) { l.splits.pop_back(); }));
  ExpectRefused(changed([](RootLayer& l) { l.splits.push_back(kLeaf); }));
  ExpectRefused(changed([](RootLayer& l) { l.tables.pop_back(); }));
  ExpectRefused(changed([](RootLayer& l) { l.tables.push_back(0); }));
  ExpectRefused(changed([](RootLayer& l) { l.weights.pop_back(); }));
  ExpectRefused(changed([](RootLayer& l) { l.weights.push_back(0); }));
  ExpectRefused(changed([](RootLayer& l) { l.mode = RootMode::kPerNeuron; }));
  // Twice on one path.
  ExpectRefused(changed([](RootLayer& l) {
    l.splits = {kLeaf, kSplitSum, kSplitSum, kLeaf, kLeaf, kLeaf};
    l.tables.resize(12);
    l.weights = {0, 0, 0, 0, 0};
  }));
  ASSERT_TRUE(Bound(changed([](RootLayer& l) {
                l.splits = {kLeaf, kSplitSum, 2, kLeaf, kLeaf, kLeaf};
                l.tables.resize(12);
                l.weights = {0, 0, 0, 0, 0};
              })).ok());
  // In the first layer there is nothing to split.
  EXPECT_FALSE(BoundRoot(claim_, 0, {{3, {1}, RootMode::kBySplits, {}, {kLeaf, kLeaf}}, {1, {1}}}, 1).ok());
}

}  // namespace phases_test
}  // namespace pawl::checker
