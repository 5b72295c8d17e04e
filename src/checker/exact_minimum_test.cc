// The checker against the truth: for small random networks the exact minimum of a row over a box is found in rational
// arithmetic, and the checker must never prove more, nor much less.
//
// The network is piecewise linear, so its minimum over a box of two inputs lies where two of the lines meet that bound
// its pieces: the box's edges, and for each pattern of ReLU phases the zero lines of the pre-activations. All patterns
// are enumerated; GMP keeps everything exact. Shares nothing with the checker but the readers.
//
//   exact_minimum_test --budget 20 --seed 1
#include <gmpxx.h>
#include <gtest/gtest.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <optional>
#include <random>
#include <string>

#include "checker/proof_search_for_test.h"

namespace pawl::checker {
namespace {

double g_budget_seconds = 20;  // NOLINT: set once by main
std::uint64_t g_seed = 1;      // NOLINT
constexpr std::size_t kCasesMin = 300;

// a·x0 + b·x1 + c
struct Affine {
  mpq_class a, b, c;
  mpq_class At(const mpq_class& x0, const mpq_class& x1) const { return a * x0 + b * x1 + c; }
};

class ExactMinimum {
 public:
  ExactMinimum(const std::vector<DenseLayer>& layers, const double (&lower)[2], const double (&upper)[2])
      : layers_(layers) {
    for (int i = 0; i < 2; ++i) {
      edges_.push_back({i == 0 ? 1 : 0, i == 1 ? 1 : 0, -mpq_class(lower[i])});
      edges_.push_back({i == 0 ? -1 : 0, i == 1 ? -1 : 0, mpq_class(upper[i])});
    }
  }

  // The minimum of output 0.
  mpq_class operator()() {
    minimum_.reset();
    Layer(0, {{1, 0, 0}, {0, 1, 0}}, edges_);
    return minimum_.value();
  }

 private:
  // `values`: what layer `index` reads, as affine functions where all `constraints` are at least 0.
  void Layer(std::size_t index, const std::vector<Affine>& values, const std::vector<Affine>& constraints) {
    const DenseLayer& layer = layers_[index];
    std::vector<Affine> z;
    for (std::size_t i = 0; i < layer.weights.size(); ++i) {
      Affine& sum = z.emplace_back(Affine{0, 0, mpq_class(layer.bias[i])});
      for (std::size_t j = 0; j < values.size(); ++j) {
        const mpq_class w(layer.weights[i][j]);
        sum.a += w * values[j].a;
        sum.b += w * values[j].b;
        sum.c += w * values[j].c;
      }
    }
    if (!layer.relu) return Vertices(z[0], constraints);
    for (std::size_t pattern = 0; pattern < std::size_t{1} << z.size(); ++pattern) {
      std::vector<Affine> out, narrowed = constraints;
      for (std::size_t i = 0; i < z.size(); ++i) {
        const bool on = pattern >> i & 1;
        out.push_back(on ? z[i] : Affine{0, 0, 0});
        narrowed.push_back(on ? z[i] : Affine{-z[i].a, -z[i].b, -z[i].c});
      }
      Layer(index + 1, out, narrowed);
    }
  }

  void Vertices(const Affine& objective, const std::vector<Affine>& lines) {
    for (std::size_t i = 0; i < lines.size(); ++i) {
      for (std::size_t j = 0; j < i; ++j) {
        const mpq_class determinant = lines[i].a * lines[j].b - lines[j].a * lines[i].b;
        if (determinant == 0) continue;
        const mpq_class x0 = (lines[i].b * lines[j].c - lines[j].b * lines[i].c) / determinant;
        const mpq_class x1 = (lines[j].a * lines[i].c - lines[i].a * lines[j].c) / determinant;
        bool inside = true;
        for (const Affine& line : lines) inside = inside && line.At(x0, x1) >= 0;
        if (!inside) continue;
        const mpq_class value = objective.At(x0, x1);
        if (!minimum_ || value < *minimum_) minimum_ = value;
      }
    }
  }

  const std::vector<DenseLayer>& layers_;
  std::vector<Affine> edges_;
  std::optional<mpq_class> minimum_;
};

// A network, and layers of the same function for ExactMinimum.
struct Instance {
  std::string bytes;
  std::vector<DenseLayer> layers;
};

Instance DenseInstance(std::mt19937_64& random) {
  Instance made;
  std::normal_distribution<float> normal(0, 1);
  std::size_t from = 2;
  for (const std::size_t to : {1 + random() % 3, 1 + random() % 3, std::size_t{1}}) {
    DenseLayer& layer = made.layers.emplace_back();
    layer.relu = made.layers.size() < 3;
    for (std::size_t i = 0; i < to; ++i) {
      layer.bias.push_back(normal(random));
      std::vector<float>& row = layer.weights.emplace_back();
      for (std::size_t j = 0; j < from; ++j) row.push_back(random() % 8 == 0 ? 0 : normal(random));
    }
    from = to;
  }
  made.bytes = DenseNetworkBytes(made.layers);
  return made;
}

// A convolution over a line of two inputs, three windows a channel; ReLU or LeakyRelu; perhaps the averages or maxima
// of neighbours; a dense layer. As layers of ReLUs: leaky(z) = relu(z) − relu(−z)/4, and max(a, b) = relu(a − b) + b.
Instance ConvolutionInstance(std::mt19937_64& random) {
  using namespace model::onnx;  // NOLINT: the writer's vocabulary
  std::normal_distribution<float> normal(0, 1);
  const std::size_t channels = 1 + random() % 2, pool = random() % 3;  // none, average, maximum
  const bool leaky = pool != 2 && random() % 2 == 0;
  const std::size_t positions = pool == 0 ? 3 : 2;
  const auto numbers = [&](std::size_t count) {
    std::vector<float> values(count);
    for (float& value : values) value = std::round(normal(random) * 64) / 64;  // so that sums of weights are exact
    return values;
  };
  const std::vector<float> kernel = numbers(2 * channels), bias = numbers(channels),
                           last = numbers(positions * channels);

  std::vector<std::string> nodes, constants;
  const auto channel_count = static_cast<std::int64_t>(channels), size = static_cast<std::int64_t>(last.size());
  constants = {Tensor<float>("k", {channel_count, 1, 2}, kernel), Tensor<float>("b", {channel_count}, bias),
               Tensor<float>("w", {size, 1}, last)};
  const std::vector<std::string> window = {IntegersAttribute("kernel_shape", {2})};
  nodes.push_back(model::onnx::Node("Conv", {"x", "k", "b"}, {"z"}, {window[0], IntegersAttribute("pads", {1, 1})}));
  nodes.push_back(leaky ? model::onnx::Node("LeakyRelu", {"z"}, {"a"}, {FloatAttribute("alpha", 0.25f)})
                        : model::onnx::Node("Relu", {"z"}, {"a"}));
  if (pool > 0) nodes.push_back(model::onnx::Node(pool == 1 ? "AveragePool" : "MaxPool", {"a"}, {"p"}, window));
  nodes.push_back(model::onnx::Node("Flatten", {pool > 0 ? "p" : "a"}, {"f"}));
  nodes.push_back(model::onnx::Node("Gemm", {"f", "w"}, {"y"}));
  Instance made;
  made.bytes = Model(Graph(nodes, constants, {Value("x", {1, 1, 2}, 1)}, {Value("y", {1, 1}, 1)}), 13);

  DenseLayer first{{}, {}, true}, second{{}, {}, true}, output{{{}}, {0}, false};
  for (std::size_t c = 0; c < channels; ++c) {
    for (std::size_t p = 0; p < 3; ++p) {
      const std::vector<float> row = {p == 0   ? kernel[2 * c + 1]
                                      : p == 1 ? kernel[2 * c]
                                               : 0,
                                      p == 1   ? kernel[2 * c + 1]
                                      : p == 2 ? kernel[2 * c]
                                               : 0};
      // How much the activation counts in the output, where there is no maximum.
      float weight = 0;
      for (std::size_t q = 0; q < positions; ++q)
        if (pool == 0 ? p == q : p == q || p == q + 1) weight += last[c * positions + q] * (pool == 1 ? 0.5f : 1.0f);
      first.weights.push_back(row);
      first.bias.push_back(bias[c]);
      output.weights[0].push_back(weight);
      if (!leaky) continue;
      first.weights.push_back({-row[0], -row[1]});
      first.bias.push_back(-bias[c]);
      output.weights[0].push_back(-weight / 4);
    }
  }
  if (pool == 2) {
    output.weights[0].clear();
    for (std::size_t c = 0; c < channels; ++c) {
      for (std::size_t q = 0; q < 2; ++q) {
        std::vector<float> difference(3 * channels), other(3 * channels);
        difference[3 * c + q] = 1;
        difference[3 * c + q + 1] = -1;
        other[3 * c + q + 1] = 1;
        for (const auto& row : {difference, other}) {
          second.weights.push_back(row);
          second.bias.push_back(0);
          output.weights[0].push_back(last[2 * c + q]);
        }
      }
    }
  }
  made.layers.push_back(first);
  if (pool == 2) made.layers.push_back(second);
  made.layers.push_back(output);
  return made;
}

// A decimal text of a double, exact.
std::string Exact(double value) { return model::Decimal::FromDouble(value).ToString(); }

TEST(ExactMinimum, TheCheckerProvesNeitherMoreNorMuchLess) {
  const auto start = std::chrono::steady_clock::now();
  const auto spent = [&] { return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count(); };
  std::size_t cases = 0, proven = 0, refused = 0, margins = 0;
  for (std::uint64_t seed = g_seed; cases < kCasesMin || spent() < g_budget_seconds; ++seed) {
    std::mt19937_64 random(seed);
    std::normal_distribution<float> normal(0, 1);
    const Instance instance = seed % 25 == 0 ? ConvolutionInstance(random) : DenseInstance(random);
    double lower[2], upper[2];
    for (int i = 0; i < 2; ++i) {
      lower[i] = static_cast<double>(normal(random));
      upper[i] = lower[i] + std::abs(static_cast<double>(normal(random))) + 0.125;
      upper[i] = static_cast<double>(static_cast<float>(upper[i]));
    }
    const mpq_class minimum = ExactMinimum(instance.layers, lower, upper)();
    const model::Network network = *model::ReadOnnx(AsBytes(instance.bytes), {});

    const auto check = [&](double threshold, Arithmetic arithmetic, Recipe recipe) {
      std::string text = "(declare-const X_0 Real) (declare-const X_1 Real) (declare-const Y_0 Real)";
      for (int i = 0; i < 2; ++i) {
        const std::string x = "X_" + std::to_string(i) + " ";
        text += "(assert (>= " + x + Exact(lower[i]) + ")) (assert (<= " + x + Exact(upper[i]) + "))";
      }
      text += "(assert (<= Y_0 " + Exact(threshold) + "))";
      const Result<model::Property> property = model::ReadVnnlib(text, {});
      EXPECT_TRUE(property.ok()) << text;
      const Result<Claim> claim = PrepareClaim(network, *property, arithmetic);
      EXPECT_TRUE(claim.ok());
      // What one leaf says of the whole box.
      const Result<RefutationRow> row = MakeRefutationRow(*claim, 0, 0, {{0, kUnitMultiplier}});
      LeafEngine engine(*claim);
      const LeafTask task{claim->boxes[0].lower, claim->boxes[0].upper, {&*row, 1}};
      double margin = 0;
      engine.Margins(recipe, {&task, 1}, {&margin, 1});
      EXPECT_LE(mpq_class(margin), minimum - mpq_class(threshold)) << "seed " << seed;
      ++margins;
      Certificate certificate;
      const bool found = ProofSearch(*claim, {recipe, 30, 3000}).Run(certificate);
      return found && Check(network, *property, certificate, {arithmetic, {}, {}}).proven;
    };
    for (const Recipe recipe : {Recipe::kForward, Recipe::kBackward}) {
      const double approximate = minimum.get_d();
      const double step = 1e-3 * (1 + std::abs(approximate));
      for (const Arithmetic arithmetic : {Arithmetic::kReal, Arithmetic::kFloat32}) {
        EXPECT_TRUE(check(approximate - step, arithmetic, recipe)) << "seed " << seed;  // not much less
        ++proven;
      }
      // Not more: thresholds that some point reaches, exactly or by a hair.
      double reached = approximate;
      while (mpq_class(reached) < minimum) reached = std::nextafter(reached, HUGE_VAL);
      for (const Arithmetic arithmetic : {Arithmetic::kReal, Arithmetic::kFloat32}) {
        if (random() % 4 != 0) continue;  // an unfinished search is the dear part
        EXPECT_FALSE(check(reached, arithmetic, recipe)) << "seed " << seed;
        ++refused;
      }
    }
    ++cases;
    if (::testing::Test::HasFailure()) break;
  }
  std::printf("%zu networks: %zu proofs expected and found, %zu refused, %zu bounds compared (%.1f s)\n", cases, proven,
              refused, margins, spent());
  EXPECT_GE(cases, kCasesMin);
}

}  // namespace
}  // namespace pawl::checker

int main(int argc, char** argv) {
  ::testing::InitGoogleTest(&argc, argv);
  for (int i = 1; i + 1 < argc; i += 2) {
    if (std::strcmp(argv[i], "--budget") == 0) {
      pawl::checker::g_budget_seconds = std::atof(argv[i + 1]);
    } else if (std::strcmp(argv[i], "--seed") == 0) {
      pawl::checker::g_seed = std::strtoull(argv[i + 1], nullptr, 10);
    } else {
      std::fprintf(stderr, "usage: exact_minimum_test [--budget SECONDS] [--seed N]\n");
      return 2;
    }
  }
  return RUN_ALL_TESTS();
}
