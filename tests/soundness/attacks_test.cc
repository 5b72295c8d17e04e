// One test for each attempt to construct a wrong "proven" that once succeeded, or that a reader of the checker would
// try first.
#include <gtest/gtest.h>

#include "dense_network.h"

namespace pawl::soundness {
namespace {

namespace onnx = model::onnx;
using checker::Arithmetic;
using checker::Recipe;

// Gemm's alpha times a weight underflows and is rounded there by almost half, and an operand of 2^1000 makes the error
// visible: y = 2^-74 * 1.4375, not 2^-74.
TEST(Attacks, AFactorThatUnderflowsIsNotTakenForExact) {
  const std::vector<std::string> constants{onnx::Tensor<double>("w0", {1, 1}, {0x1p1000}),
                                           onnx::Tensor<double>("w1", {1, 1}, {std::ldexp(1.4375, -974)})};
  const std::string first = onnx::Node("MatMul", {"x", "w0"}, {"h"});
  const std::string second =
      onnx::Node("Gemm", {"h", "w1"}, {"y"}, {onnx::FloatAttribute("alpha", std::ldexp(1.0f, -100))});
  const Asked asked(onnx::Model(
      onnx::Graph({first, second}, constants, {onnx::Value("x", {1, 1}, 11)}, {onnx::Value("y", {1, 1}, 11)})));
  // Unsafe and reached: y >= 1.2 * 2^-74.
  const std::string text = Declarations(1, 1) + BoxAssertions({{"1"}, {"1"}}) + "(assert (>= Y_0 6.3527471044e-23))";
  ASSERT_LT(6.3527471044e-23, std::ldexp(1.4375, -74));
  for (const Recipe recipe : {Recipe::kForward, Recipe::kBackward})
    EXPECT_FALSE(asked(text, UniformCertificate(Arithmetic::kReal, recipe, {}), Arithmetic::kReal).proven);
}

// beta is the largest subnormal number and C large: y = 0.9 but where beta is flushed, which gives about 0.
TEST(Attacks, AFlushedBetaTakesTheBiasWithIt) {
  const float beta = std::nextafter(0x1p-126f, 0.0f), bias = 0.9f / beta;
  ASSERT_TRUE(std::isfinite(bias));
  const DenseNetwork network{{DenseLayer{{{0x1p-10f}}, {bias}, 1, beta, false}}};
  const std::string text = Declarations(1, 1) + BoxAssertions({{"0"}, {"0.0009765625"}}) + "(assert (<= Y_0 0.5))";
  for (const Recipe recipe : {Recipe::kForward, Recipe::kBackward}) {
    const auto proven = [&](Arithmetic arithmetic) {
      return Asked(network.ToOnnx())(text, UniformCertificate(arithmetic, recipe, {}), arithmetic).proven;
    };
    EXPECT_FALSE(proven(Arithmetic::kFloat32));
    EXPECT_TRUE(proven(Arithmetic::kReal));
  }
}

// An addition that nobody reads takes no product away from those who do: the output is x, not x + 10.
TEST(Attacks, ABiasThatIsNotReadIsNotAdded) {
  const std::vector<std::string> constants{onnx::Tensor<float>("w", {1, 1}, {1.0f}),
                                           onnx::Tensor<float>("b", {1}, {10.0f})};
  const std::vector<std::string> nodes{onnx::Node("MatMul", {"x", "w"}, {"y"}), onnx::Node("Add", {"y", "b"}, {"z"})};
  const Asked asked(onnx::Model(onnx::Graph(nodes, constants, {onnx::Value("x", {1, 1})}, {onnx::Value("y", {1, 1})})));
  const auto proven = [&](const std::string& unsafe) {
    return asked(Declarations(1, 1) + BoxAssertions({{"0"}, {"1"}}) + "(assert " + unsafe + ")",
                 UniformCertificate(Arithmetic::kReal, Recipe::kForward, {}), Arithmetic::kReal)
        .proven;
  };
  EXPECT_FALSE(proven("(<= Y_0 5)"));
  EXPECT_TRUE(proven("(<= Y_0 -1)"));
  EXPECT_TRUE(proven("(>= Y_0 2)"));
}

// y = relu(x) as a network, and the claim y > -2 for x in [-1, 1], as a certificate that a caller built by hand.
struct HandMade {
  DenseNetwork network{{DenseLayer{{{1}}, {0}, 1, 1, true}}};
  std::string text = Declarations(1, 1) + BoxAssertions({{"-1"}, {"1"}}) + "(assert (<= Y_0 -2))";
  model::Property property = *model::ReadVnnlib(text, {});
  checker::Certificate certificate =
      *checker::ReadCertificate(AsBytes(UniformCertificate(Arithmetic::kReal, Recipe::kForward, {})));

  checker::GroupProof& group() { return certificate.cases[0].groups[0]; }
  checker::Verdict Check(const checker::CheckLimits& limits = {}) const {
    const Asked asked(network.ToOnnx());
    return checker::Check(asked.network(), property, certificate, {Arithmetic::kReal, {}, {}}, limits);
  }
};

TEST(Attacks, ARootSectionWithoutItsTablesIsRefused) {
  HandMade made;
  ASSERT_TRUE(made.Check().proven);
  checker::RootLayer layer;
  layer.neurons = 1;
  for (const auto& [listed, tables] : {std::pair<std::size_t, std::size_t>{0, 0}, {1, 1}, {2, 0}}) {
    layer.listed.assign(listed, 1);
    layer.tables.assign(tables, 0xFF);
    made.certificate.cases[0].root = {layer};
    EXPECT_EQ(made.Check().reason.rule, "checker.root") << listed << " " << tables;
  }
  layer.listed = {1};
  layer.tables.clear();
  made.certificate.cases[0].root = {layer};
  EXPECT_TRUE(made.Check().proven);
}

TEST(Attacks, NodesArgumentsAndMultipliersThatAreNotThereAreRefused) {
  HandMade made;
  made.group().nodes = {checker::Node::Leaf(1)};
  EXPECT_EQ(made.Check().reason.rule, "checker.tree");
  made.group().nodes = {checker::Node::WeightedLeaf(0), checker::Node::Leaf(0)};
  EXPECT_EQ(made.Check().reason.rule, "checker.tree");
  made.group().nodes = {checker::Node::NeuronSplit(0), checker::Node::WeightedLeaf(0), checker::Node::Leaf(0)};
  EXPECT_EQ(made.Check().reason.rule, "checker.tree");
  made.group().nodes = {checker::Node::NeuronSplit(1), checker::Node::Leaf(0), checker::Node::Leaf(0)};
  EXPECT_EQ(made.Check().reason.rule, "checker.split");
  made.group().nodes = {};
  EXPECT_EQ(made.Check().reason.rule, "checker.tree");
  made.certificate.cases[0].groups.clear();
  EXPECT_EQ(made.Check().reason.rule, "checker.groups");
}

TEST(Attacks, WorkForManyPhasesAndMemoryForManyRowsAreLimitedBeforehand) {
  HandMade made;
  made.group().nodes = {checker::Node::NeuronSplit(0), checker::Node::Leaf(0), checker::Node::Leaf(0)};
  EXPECT_TRUE(made.Check().proven);
  checker::CheckLimits limits;
  limits.operations_max = 200;
  EXPECT_EQ(made.Check(limits).reason.rule, "checker.limit-operations");
  limits = {};
  limits.scratch_bytes_max = 1e5;
  EXPECT_TRUE(made.Check(limits).proven);
  for (int i = 0; i < 1000; ++i) made.group().arguments.push_back(made.group().arguments[0]);
  EXPECT_EQ(made.Check(limits).reason.rule, "checker.limit-memory");
}

// y = relu(height − |x|) on [−1, 1], whose second ReLU is bounded by trees over the phases of relu(x) and relu(−x).
class TreesOfSplits {
 public:
  explicit TreesOfSplits(float height)
      : asked_(DenseNetwork{{DenseLayer{{{1}, {-1}}, {0, 0}}, DenseLayer{{{-1, -1}}, {height}}}}.ToOnnx()) {
    certificate.cases[0].root = {{2, {3}}, {1, {1}, checker::RootMode::kBySplits}};
  }

  // Two trees of random shape over both neurons, with slopes and multipliers that bound best, and others.
  void Draw(Random& random) {
    const std::uint8_t slopes[] = {0, 0xFF, 0xFF, 128}, weights[] = {0, 152, 160, 160, 168, 255};
    checker::RootLayer& layer = trees();
    layer.splits.clear(), layer.tables.clear(), layer.weights.clear();
    const auto tree = [&](const auto& self, std::vector<std::uint32_t> left, std::size_t depth) -> void {
      if (!left.empty() && random() % 3 != 0) {
        const std::size_t at = random() % left.size();
        layer.splits.push_back(left[at] + 1);
        left.erase(left.begin() + static_cast<std::ptrdiff_t>(at));
        for (int side = 0; side < 2; ++side) self(self, left, depth + 1);
        return;
      }
      layer.splits.push_back(0);
      for (int k = 0; k < 2; ++k) layer.tables.push_back(slopes[random() % 4]);
      for (std::size_t k = 0; k < depth; ++k) layer.weights.push_back(weights[random() % 6]);
    };
    for (int k = 0; k < 2; ++k) tree(tree, {0, 1}, 0);
  }

  checker::RootLayer& trees() { return certificate.cases[0].root[1]; }
  checker::Verdict Check(const checker::CheckLimits& limits = {}) const {
    return checker::Check(asked_.network(), property_, certificate, {Arithmetic::kReal, {}, {}}, limits);
  }

  checker::Certificate certificate =
      *checker::ReadCertificate(AsBytes(UniformCertificate(Arithmetic::kReal, Recipe::kRoot, {})));

 private:
  Asked asked_;
  model::Property property_ =
      *model::ReadVnnlib(Declarations(1, 1) + BoxAssertions({{"-1"}, {"1"}}) + "(assert (>= Y_0 0.005))", {});
};

// With the height 0 the claim is true, and trees alone prove it; a hundredth higher it is false.
TEST(Attacks, TreesOfSplitsProveNothingThatIsFalse) {
  Random random(1);
  TreesOfSplits low(0), high(0.01f);
  std::size_t proven = 0;
  for (int i = 0; i < 4000; ++i) {
    low.Draw(random);
    high.trees() = low.trees();
    ASSERT_FALSE(high.Check().proven) << "draw " << i;
    proven += low.Check().proven;
  }
  EXPECT_GT(proven, 100u);
}

TEST(Attacks, TreesOfSplitsMayNotSplitWhatTheyBoundNorTakeAllMemory) {
  TreesOfSplits made(0);
  for (const std::uint32_t neuron : {2u, 3u, 0xFFFFFFFEu}) {
    made.trees() = {1, {1}, checker::RootMode::kBySplits, {0, 0, 0, 0, 0, 0}, {0, neuron + 1, 0, 0}, {0, 0}};
    EXPECT_EQ(made.Check().reason.rule, "checker.root") << neuron;
  }
  checker::CheckLimits limits;
  limits.scratch_bytes_max = 1e6;
  made.trees().splits.assign(5000, 0);
  EXPECT_EQ(made.Check(limits).reason.rule, "checker.limit-memory");
  limits = {};
  limits.operations_max = 1e6;
  made.trees().splits.assign(100'000, 0);
  EXPECT_EQ(made.Check(limits).reason.rule, "checker.limit-operations");
}

}  // namespace
}  // namespace pawl::soundness

int main(int argc, char** argv) {
  ::testing::InitGoogleTest(&argc, argv);
  return RUN_ALL_TESTS();
}
