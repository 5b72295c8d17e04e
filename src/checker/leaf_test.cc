// Bounds against evaluations: no deployed evaluation, and no exact one, may leave what the engine says.
#include "checker/leaf.h"

#include <gmpxx.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <random>

#include "checker/deployed_evaluation_for_test.h"
#include "checker/proof_search_for_test.h"
#include "checker/random_claim_for_test.h"
#include "random_cases.h"

namespace pawl::checker {
namespace leaf_test {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

// Constants times powers of two, some so small that products underflow.
void Rescale(model::Network& network, std::mt19937_64& random) {
  const bool wide = network.element_type() == model::ElementType::kFloat64;
  for (model::Tensor& tensor : network.tensors) {
    const int shift =
        random() % 4 == 0 ? -static_cast<int>(random() % (wide ? 700 : 90)) : static_cast<int>(random() % 5) - 2;
    for (double& value : tensor.values)
      value = wide ? std::ldexp(value, shift) : static_cast<double>(std::ldexp(static_cast<float>(value), shift));
  }
}

template <typename T>
void CheckDeployed(const LeafEngine& engine, const Claim& claim, const RootBox& box, std::size_t task, double margin,
                   const RefutationRow& row, const model::Network& network, std::mt19937_64& random,
                   std::size_t& samples) {
  DeployedEvaluation<T> evaluate(network, random);
  for (int i = 0; i < 6; ++i) {
    std::vector<T> x;
    for (const double value : DrawPoint(random, box)) x.push_back(static_cast<T>(value));
    bool inside = true;  // rounding the drawn point can leave a box that was cut between two floats
    for (std::size_t j = 0; j < x.size(); ++j)
      inside = inside && box.lower[j] <= static_cast<double>(x[j]) && static_cast<double>(x[j]) <= box.upper[j];
    if (!inside) continue;
    const std::vector<std::vector<T>> values = evaluate(x);
    for (std::size_t v = 0; v < values.size(); ++v) {
      const double flushed = FlushedAway(claim, v);
      for (std::size_t k = 0; k < values[v].size(); ++k) {
        const Interval bound = engine.Value(v, k, task);
        ASSERT_GE(static_cast<double>(values[v][k]), bound.lower - flushed) << "value " << v << " neuron " << k;
        ASSERT_LE(static_cast<double>(values[v][k]), bound.upper + flushed) << "value " << v << " neuron " << k;
      }
    }
    const std::vector<T>& y = values[claim.output];
    ASSERT_LE(margin, RowValue(row, std::vector<double>(x.begin(), x.end()), {y.begin(), y.end()}));
    ++samples;
  }
}

void CheckExact(const LeafEngine& engine, const RootBox& box, std::size_t task, double margin, const RefutationRow& row,
                const model::Network& network, std::mt19937_64& random, std::size_t& samples) {
  for (int i = 0; i < 3; ++i) {
    const std::vector<double> x = DrawPoint(random, box);
    const std::vector<std::vector<mpq_class>> values = ExactEvaluation(network)(x);
    const std::vector<mpq_class>& y = values[network.graph.output];
    for (std::size_t v = 0; v < values.size(); ++v) {
      for (std::size_t k = 0; k < values[v].size(); ++k) {
        const Interval bound = engine.Value(v, k, task);
        if (bound.lower == -kInfinity) continue;
        ASSERT_GE(values[v][k], mpq_class(bound.lower)) << "value " << v << " neuron " << k;
        ASSERT_LE(values[v][k], mpq_class(bound.upper)) << "value " << v << " neuron " << k;
      }
    }
    if (margin > -kInfinity) {
      ASSERT_LE(mpq_class(margin), RowValue(row, x, y));
    }
    ++samples;
  }
}

TEST(LeafBounds, NoEvaluationLeavesThem) {
  std::size_t deployed = 0, exact = 0, bounded = 0, leaves = 0;
  for (std::uint64_t seed = 1; seed <= RandomCases(1500); ++seed) {
    std::mt19937_64 random(seed);
    model::Network network = RandomModel(seed);
    if (seed % 2 == 0) Rescale(network, random);
    const model::Property property = RandomProperty(random, network.input_size(), network.output_size());
    const bool wide = network.element_type() == model::ElementType::kFloat64;
    const Arithmetic arithmetic = seed % 3 == 0 ? Arithmetic::kReal
                                  : wide        ? Arithmetic::kFloat64
                                                : Arithmetic::kFloat32;
    const Result<Claim> claim = PrepareClaim(network, property, arithmetic);
    if (!claim.ok()) {  // alpha so small that the overflow test has no bound, or the like
      ADD_FAILURE() << claim.error().message;
      continue;
    }
    const Result<RefutationRow> row = MakeRefutationRow(*claim, 0, 0, {{0, kUnitMultiplier}});
    ASSERT_TRUE(row.ok());
    LeafEngine engine(*claim);
    for (const Recipe recipe : {Recipe::kForward, Recipe::kBackward}) {
      // Sub-boxes of the root box, one a lane.
      std::vector<RootBox> boxes(1 + random() % kLanes, claim->boxes[0]);
      std::vector<LeafTask> tasks;
      std::vector<double> margins(boxes.size());
      for (std::size_t t = 1; t < boxes.size(); ++t) {
        for (std::size_t j = 0; j < boxes[t].lower.size(); ++j) {
          const double middle = SplitMidpoint(boxes[t].lower[j], boxes[t].upper[j]);
          if (random() % 2 == 0) (random() % 2 == 0 ? boxes[t].lower : boxes[t].upper)[j] = middle;
        }
      }
      for (const RootBox& box : boxes) tasks.push_back({box.lower, box.upper, {&*row, 1}});
      engine.Margins(recipe, tasks, margins);
      for (std::size_t t = 0; t < boxes.size(); ++t) {
        ++leaves;
        bounded += margins[t] > -kInfinity;
        if (arithmetic == Arithmetic::kFloat32)
          CheckDeployed<float>(engine, *claim, boxes[t], t, margins[t], *row, network, random, deployed);
        if (arithmetic == Arithmetic::kFloat64)
          CheckDeployed<double>(engine, *claim, boxes[t], t, margins[t], *row, network, random, deployed);
        CheckExact(engine, boxes[t], t, margins[t], *row, network, random, exact);
        ASSERT_FALSE(::testing::Test::HasFatalFailure()) << "seed " << seed;
      }
    }
  }
  std::printf("%zu leaves, %zu bounded, %zu deployed and %zu exact evaluations\n", leaves, bounded, deployed, exact);
  EXPECT_GT(bounded, leaves * 9 / 10);
  EXPECT_GT(deployed, RandomCases(20'000));
  EXPECT_GT(exact, RandomCases(20'000));
}

// The lower bound of the row that `text` asserts, over the whole box.
double Margin(const std::string& network_bytes, const std::string& text, Arithmetic arithmetic,
              Recipe recipe = Recipe::kForward) {
  const model::Network network = Read(network_bytes);
  const model::Property property = Parse(text);
  const Result<Claim> claim = PrepareClaim(network, property, arithmetic);
  if (!claim.ok()) return ADD_FAILURE() << claim.error().message, 0;
  const Result<RefutationRow> row = MakeRefutationRow(*claim, 0, 0, {{0, kUnitMultiplier}});
  LeafEngine engine(*claim);
  const LeafTask task{claim->boxes[0].lower, claim->boxes[0].upper, {&*row, 1}};
  double margin = 0;
  engine.Margins(recipe, {&task, 1}, {&margin, 1});
  return margin;
}

std::string Declared(int inputs, int outputs, const std::string& rest) {
  std::string text;
  for (int i = 0; i < inputs; ++i) text += "(declare-const X_" + std::to_string(i) + " Real)\n";
  for (int i = 0; i < outputs; ++i) text += "(declare-const Y_" + std::to_string(i) + " Real)\n";
  return text + rest;
}

TEST(LeafBounds, AreTightOnOneRelu) {
  // y = relu(x) − relu(−x) = x on [−1, 1]; the two relaxations differ from it by at most 1/2 each.
  const std::string network = DenseNetworkBytes({{{{1}, {-1}}, {0, 0}, true}, {{{1, -1}}, {0}, false}});
  const double margin = Margin(network, Declared(1, 1, "(assert (>= X_0 -1)) (assert (<= X_0 1)) (assert (<= Y_0 -2))"),
                               Arithmetic::kReal);
  EXPECT_GT(margin, 0.49);
  EXPECT_LE(margin, 1.0);
}

TEST(LeafBounds, AreStrict) {
  // y = x on [1, 2]: the smallest output is exactly 1.
  const std::string network = DenseNetworkBytes({{{{1}}, {0}, true}});
  const std::string box = "(assert (>= X_0 1)) (assert (<= X_0 2))";
  EXPECT_LE(Margin(network, Declared(1, 1, box + "(assert (<= Y_0 1))"), Arithmetic::kReal), 0);
  EXPECT_LE(Margin(network, Declared(1, 1, box + "(assert (< Y_0 1))"), Arithmetic::kReal), 0);
  EXPECT_GT(Margin(network, Declared(1, 1, box + "(assert (<= Y_0 0.99999999999))"), Arithmetic::kReal), 0);
  // In float32 one rounding of the product may take it below.
  EXPECT_LE(Margin(network, Declared(1, 1, box + "(assert (<= Y_0 0.99999999999))"), Arithmetic::kFloat32), 0);
  EXPECT_GT(Margin(network, Declared(1, 1, box + "(assert (<= Y_0 0.999999))"), Arithmetic::kFloat32), 0);
}

TEST(LeafBounds, RefuseWhatMayOverflow) {
  const std::string network = DenseNetworkBytes({{{{1e30f}}, {0}, true}, {{{1e30f}}, {0}, false}});
  const std::string text = Declared(1, 1, "(assert (>= X_0 0)) (assert (<= X_0 1)) (assert (<= Y_0 -1e50))");
  EXPECT_GT(Margin(network, text, Arithmetic::kReal), 0);
  EXPECT_EQ(Margin(network, text, Arithmetic::kFloat32), -kInfinity);
  // Large terms that cancel: some order of summation overflows although the sum does not.
  const std::string cancels = DenseNetworkBytes({{{{3e38f, -3e38f, 3e38f}}, {0}, false}});
  const std::string three =
      Declared(3, 1, "(assert (= X_0 1)) (assert (= X_1 1)) (assert (= X_2 1)) (assert (<= Y_0 0))");
  EXPECT_GT(Margin(cancels, three, Arithmetic::kReal), 0);
  EXPECT_EQ(Margin(cancels, three, Arithmetic::kFloat32), -kInfinity);
}

TEST(LeafBounds, ExpectFlushing) {
  // x·2^-100 is subnormal in float32 and may be flushed; times 2^100 it would have been x.
  const std::string network = DenseNetworkBytes({{{{0x1p-100f}}, {0}, true}, {{{0x1p100f}}, {0}, false}});
  const std::string text = Declared(1, 1, "(assert (>= X_0 0x)) (assert (<= X_0 0y)) (assert (<= Y_0 0))");
  const auto with = [&](const char* lower, const char* upper) {
    std::string t = text;
    t.replace(t.find("0x"), 2, lower);
    t.replace(t.find("0y"), 2, upper);
    return t;
  };
  // 2^-27 ≤ x ≤ 2^-26: the product is at most 2^-126, so y may be 0.
  EXPECT_GT(Margin(network, with("0.00000000745058059692", "0.0000000149011611938"), Arithmetic::kReal), 0);
  EXPECT_LE(Margin(network, with("0.00000000745058059692", "0.0000000149011611938"), Arithmetic::kFloat32), 0);
  EXPECT_GT(Margin(network, with("0.5", "1"), Arithmetic::kFloat32), 0);
}

TEST(LeafBounds, RowsOverInputsAreUsedAndTheirRoundingIsCharged) {
  // y = x0; unsafe: y − x0 ≤ −1 never holds.
  const std::string network = DenseNetworkBytes({{{{1, 0}}, {0}, false}});
  const std::string box = "(assert (>= X_0 -4)) (assert (<= X_0 4)) (assert (>= X_1 0)) (assert (<= X_1 1))";
  const double margin = Margin(network, Declared(2, 1, box + "(assert (<= (- Y_0 X_0) -1))"), Arithmetic::kReal);
  EXPECT_GT(margin, 0.999999);
  EXPECT_LE(margin, 1);
  // x itself may be moved by its rounding, 4·2^-24 at most.
  const double deployed =
      Margin(network, Declared(2, 1, box + "(assert (<= (- Y_0 X_0) -0.0000005))"), Arithmetic::kFloat32);
  EXPECT_LE(deployed, 0);
}

TEST(LeafBounds, AnInputIsWhatWasRoundedInRowsOverInputs) {
  // y = 0·x. Unsafe: x + y ≤ 0.99999999, with x ≥ 1; but the x that was rounded to 1 may be 1 − 2^-25.
  const std::string network = DenseNetworkBytes({{{{0}}, {0}, false}});
  const auto text = [&](const char* bound) {
    return Declared(1, 1,
                    std::string("(assert (>= X_0 1)) (assert (<= X_0 2)) (assert (<= (+ X_0 Y_0) ") + bound + "))");
  };
  EXPECT_GT(Margin(network, text("0.99999999"), Arithmetic::kReal), 0);
  EXPECT_LE(Margin(network, text("0.99999999"), Arithmetic::kFloat32), 0);
  EXPECT_GT(Margin(network, text("0.9999995"), Arithmetic::kFloat32), 0);
}

TEST(LeafBounds, ChargeTheirOwnRounding) {
  // Points at which large terms cancel: the exact sum is far below the rounding of a sum in doubles.
  std::mt19937_64 random(1);
  std::uniform_real_distribution<double> uniform(1, 2);
  for (int i = 0; i < 50; ++i) {
    DenseLayer layer{{{}}, {0}, false};
    std::vector<double> x;
    std::string box;
    for (std::size_t j = 0; j < 16; ++j) {
      const float w = j < 8 ? static_cast<float>(uniform(random)) : -layer.weights[0][j - 8];
      x.push_back(j < 8 ? uniform(random) : std::nextafter(x[j - 8], 2 * uniform(random) - 1));
      layer.weights[0].push_back(w);
      box += "(assert (= X_" + std::to_string(j) + " " + model::Decimal::FromDouble(x[j]).ToString() + "))";
    }
    mpq_class exact;
    for (std::size_t j = 0; j < x.size(); ++j) exact += mpq_class(layer.weights[0][j]) * mpq_class(x[j]);
    const std::string network = DenseNetworkBytes({layer});
    EXPECT_LE(mpq_class(Margin(network, Declared(16, 1, box + "(assert (<= Y_0 0))"), Arithmetic::kReal)), exact);
    EXPECT_LE(mpq_class(Margin(network, Declared(16, 1, box + "(assert (>= Y_0 0))"), Arithmetic::kReal)), -exact);
  }
}

TEST(LeafBounds, ALaneDoesNotDependOnItsNeighbours) {
  const model::Network network = Read(model::onnx::RandomNetwork(5, model::onnx::Variety::kPlain).Bytes());
  std::mt19937_64 random(5);
  const model::Property property = RandomProperty(random, network.input_size(), network.output_size());
  const Result<Claim> claim = PrepareClaim(network, property, Arithmetic::kFloat32);
  ASSERT_TRUE(claim.ok());
  const Result<RefutationRow> row = MakeRefutationRow(*claim, 0, 0, {{0, kUnitMultiplier}});
  LeafEngine engine(*claim);
  std::vector<RootBox> boxes(kLanes, claim->boxes[0]);
  for (std::size_t t = 1; t < kLanes; ++t)
    boxes[t].upper[0] = SplitMidpoint(boxes[t - 1].lower[0], boxes[t - 1].upper[0]);
  boxes[3].upper[0] = kInfinity;  // spoils its own lane only
  std::vector<LeafTask> tasks;
  for (const RootBox& box : boxes) tasks.push_back({box.lower, box.upper, {&*row, 1}});
  std::vector<double> together(kLanes);
  for (const Recipe recipe : {Recipe::kForward, Recipe::kBackward}) {
    engine.Margins(recipe, tasks, together);
    EXPECT_FALSE(together[3] > -kInfinity);
    for (std::size_t t = 0; t < kLanes; ++t) {
      if (t == 3) continue;
      double alone = 0;
      engine.Margins(recipe, {&tasks[t], 1}, {&alone, 1});
      EXPECT_EQ(alone, together[t]);
    }
  }
}

// Bound runs on the baseline instruction set, Margins on the largest vectors there are.
TEST(LeafBounds, DoNotDependOnTheInstructionSet) {
  std::size_t compared = 0;
  for (std::uint64_t seed = 1; seed <= 60; ++seed) {
    std::mt19937_64 random(seed);
    const model::Network network = RandomModel(seed);
    const model::Property property = RandomProperty(random, network.input_size(), network.output_size());
    const Result<Claim> claim = PrepareClaim(network, property, Arithmetic::kReal);
    ASSERT_TRUE(claim.ok());
    const Result<RefutationRow> row = MakeRefutationRow(*claim, 0, 0, {{0, kUnitMultiplier}});
    LeafEngine baseline(*claim), largest(*claim);
    const LeafTask task{claim->boxes[0].lower, claim->boxes[0].upper, {&*row, 1}};
    double margin = 0;
    for (const Recipe recipe : {Recipe::kForward, Recipe::kBackward}) {
      baseline.Bound(recipe, {&task, 1});
      largest.Margins(recipe, {&task, 1}, {&margin, 1});
      for (std::size_t v = 0; v < claim->sizes.size(); ++v) {
        for (std::size_t k = 0; k < claim->sizes[v]; ++k) {
          ASSERT_EQ(baseline.Value(v, k, 0).lower, largest.Value(v, k, 0).lower) << seed;
          ASSERT_EQ(baseline.Value(v, k, 0).upper, largest.Value(v, k, 0).upper) << seed;
          ++compared;
        }
      }
    }
  }
  EXPECT_GT(compared, 500u);
}

TEST(RefutationRows, AreFormedExactlyAndRefuseWhatIsNotThere) {
  const model::Network network = Read(DenseNetworkBytes({{{{1}, {1}}, {0, 0}, false}}));
  const model::Property property =
      Parse(Declared(1, 2, "(assert (>= X_0 0)) (assert (<= X_0 1)) (assert (<= Y_0 0.1)) (assert (<= Y_1 0.2))"));
  const Result<Claim> claim = PrepareClaim(network, property, Arithmetic::kReal);
  ASSERT_TRUE(claim.ok());
  ASSERT_EQ(property.cases[0].unsafe[0].size(), 2u);
  const Result<RefutationRow> row = MakeRefutationRow(*claim, 0, 0, {{0, 0}, {1, 9}});  // 8·y0 + 18·y1 − 0.8 − 3.6
  ASSERT_TRUE(row.ok());
  EXPECT_EQ(row->coefficients, (std::vector<double>{8, 18}));
  EXPECT_EQ(row->errors, (std::vector<double>{0, 0}));
  EXPECT_EQ((*model::Decimal::Parse("4.4", 10)).Compare(row->bound), -1);
  EXPECT_FALSE(MakeRefutationRow(*claim, 1, 0, {{0, 0}}).ok());
  EXPECT_FALSE(MakeRefutationRow(*claim, 0, 1, {{0, 0}}).ok());
  EXPECT_FALSE(MakeRefutationRow(*claim, 0, 0, {{2, 0}}).ok());
  EXPECT_FALSE(MakeRefutationRow(*claim, 0, 0, {}).ok());
  EXPECT_FALSE(MakeRefutationRow(*claim, 0, 0, {{1, 0}, {1, 0}}).ok());
  EXPECT_FALSE(MakeRefutationRow(*claim, 0, 0, {{1, 0}, {0, 0}}).ok());
}

TEST(Multipliers, AreExactAndIncrease) {
  for (int m = 1; m < 256; ++m) {
    EXPECT_GT(MultiplierWeight(static_cast<std::uint8_t>(m)), MultiplierWeight(static_cast<std::uint8_t>(m - 1)));
  }
  EXPECT_EQ(MultiplierWeight(0), 8);
  EXPECT_EQ(MultiplierWeight(255), 15.0 * 0x1p31);
}

}  // namespace leaf_test
}  // namespace pawl::checker
