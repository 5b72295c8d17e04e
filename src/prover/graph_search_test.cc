// Proofs and counterexamples of networks that are no chain of dense layers and ReLUs.
#include "prover/graph_search.h"

#include <gtest/gtest.h>

#include <cmath>
#include <random>
#include <string>
#include <vector>

#include "checker/checker.h"
#include "evaluation/reference.h"
#include "prover/flat_network.h"
#include "prover/graph_pass.h"
#include "prover/network_for_test.h"
#include "prover/prover.h"

namespace pawl::prover {
namespace graph_search_test {

namespace onnx = model::onnx;

// A convolution over an image of one channel, an activation, what `middle` says, and a dense layer to one output.
struct ImageNetwork {
  std::int64_t side = 4;
  std::vector<std::string> nodes, constants;
  std::string value = "x";
  std::int64_t channels = 1, length = 4;
  std::mt19937_64 random{1};

  std::string Constant(const std::vector<std::int64_t>& axes, double scale) {
    std::size_t count = 1;
    for (const std::int64_t axis : axes) count *= static_cast<std::size_t>(axis);
    std::normal_distribution<float> normal(0, static_cast<float>(scale));
    std::vector<float> values(count);
    for (float& v : values) v = normal(random);
    constants.push_back(onnx::Tensor<float>("c" + std::to_string(constants.size()), axes, values));
    return "c" + std::to_string(constants.size() - 1);
  }
  void Apply(const std::string& name, std::vector<std::string> more = {},
             const std::vector<std::string>& attributes = {}) {
    more.insert(more.begin(), value);
    value = "v" + std::to_string(nodes.size());
    nodes.push_back(onnx::Node(name, more, {value}, attributes));
  }
  void Convolve(std::int64_t to) {
    const double scale = std::sqrt(2.0 / static_cast<double>(9 * channels));
    Apply("Conv", {Constant({to, channels, 3, 3}, scale), Constant({to}, 0.1)},
          {onnx::IntegersAttribute("kernel_shape", {3, 3}), onnx::IntegersAttribute("pads", {1, 1, 1, 1})});
    channels = to;
  }
  model::Network Finish() {
    Apply("Flatten");
    const std::int64_t size = channels * length * length;
    Apply("Gemm", {Constant({size, 2}, std::sqrt(1.0 / static_cast<double>(size)))});
    const std::string bytes = onnx::Model(
        onnx::Graph(nodes, constants, {onnx::Value("x", {1, 1, side, side})}, {onnx::Value(value, {1, 2})}), 13);
    return *model::ReadOnnx(onnx::AsBytes(bytes), {});
  }
};

model::Network Network(const std::string& kind, std::int64_t side) {
  ImageNetwork made;
  made.side = made.length = side;
  made.Convolve(2);
  if (kind == "LeakyRelu")
    made.Apply("LeakyRelu", {}, {onnx::FloatAttribute("alpha", 0.1f)});
  else if (kind == "residual" || kind == "MaxPool" || kind == "chain")
    made.Apply("Relu");
  else
    made.Apply(kind);
  if (kind == "residual") {
    const std::string before = made.value;
    made.Convolve(2);
    made.Apply("Relu");
    made.Convolve(2);
    made.Apply("Add", {before});
    made.Apply("Relu");
  }
  if (kind == "MaxPool") {
    made.Apply("MaxPool", {}, {onnx::IntegersAttribute("kernel_shape", {2, 2})});
    made.length -= 1;
  }
  return made.Finish();
}

// y_0 − y_1 at a point.
double Difference(const model::Network& network, const std::vector<double>& x) {
  const std::vector<double> y = *evaluation::EvaluateReference(network, x);
  return y[0] - y[1];
}

// Unsafe: y_0 − y_1 ≤ threshold, in the box around `centre`.
model::Property Around(const std::vector<double>& centre, double radius, double threshold) {
  std::string text;
  for (std::size_t i = 0; i < centre.size(); ++i) text += "(declare-const X_" + std::to_string(i) + " Real)";
  text += "(declare-const Y_0 Real)(declare-const Y_1 Real)";
  for (std::size_t i = 0; i < centre.size(); ++i) {
    text += "(assert (>= X_" + std::to_string(i) + " " + FixedDecimal(centre[i] - radius) + "))";
    text += "(assert (<= X_" + std::to_string(i) + " " + FixedDecimal(centre[i] + radius) + "))";
  }
  return *model::ReadVnnlib(text + "(assert (<= (- Y_0 Y_1) " + FixedDecimal(threshold) + "))", {});
}

class GraphSearchTest : public ::testing::TestWithParam<const char*> {};

TEST_P(GraphSearchTest, ProvesAndRefutes) {
  for (const std::int64_t side : {2, 6}) {  // splits of inputs, of neurons
    const model::Network network = Network(GetParam(), side);
    std::mt19937_64 random(3);
    std::vector<double> centre;
    for (std::size_t i = 0; i < network.input_size(); ++i)
      centre.push_back(static_cast<double>(static_cast<float>(Uniform(random, 0, 1))));
    const double radius = side == 2 ? 0.3 : 0.03;
    double least = Difference(network, centre);
    for (int k = 0; k < 200; ++k) {
      std::vector<double> x = centre;
      for (double& value : x) value = static_cast<double>(static_cast<float>(value + Uniform(random, -radius, radius)));
      least = std::min(least, Difference(network, x));
    }
    for (const bool holds : {true, false}) {
      const model::Property property = Around(centre, radius, holds ? least - (side == 2 ? 0.3 : 0.6) : least + 0.01);
      ProofRequest request;
      request.network = &network;
      request.property = &property;
      request.arithmetic = checker::Arithmetic::kFloat32;
      request.timeout_ms = 20'000;
      const ProofResult result = Prove(request);
      ASSERT_EQ(result.status, holds ? ProofStatus::kProven : ProofStatus::kViolated)
          << GetParam() << " " << side << ": " << result.detail;
      if (!holds) {
        EXPECT_LE(Difference(network, result.counterexample.inputs), least + 0.01);
        continue;
      }
      const Result<checker::Certificate> certificate = checker::ReadCertificate(result.certificate);
      ASSERT_TRUE(certificate.ok());
      EXPECT_TRUE(checker::Check(network, property, *certificate, {checker::Arithmetic::kFloat32, {}, {}}).proven);
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Kinds, GraphSearchTest,
                         ::testing::Values("chain", "residual", "MaxPool", "LeakyRelu", "Tanh", "Sigmoid"));

TEST(GraphPass, GradientsAreDifferences) {
  for (const char* kind : {"chain", "residual", "MaxPool", "LeakyRelu", "Tanh", "Sigmoid"}) {
    const model::Network network = Network(kind, 3);
    const checker::Claim claim = ClaimOf(network, checker::Arithmetic::kReal);
    GraphPass pass(claim);
    std::mt19937_64 random(7);
    std::vector<double> x;
    for (std::size_t i = 0; i < claim.input_count(); ++i) x.push_back(Uniform(random, -1, 1));
    pass.Evaluate(x);
    const double before = pass.value(claim.output)[0] - pass.value(claim.output)[1];
    pass.Pull({1, -1}, nullptr);
    const std::vector<double> gradient = pass.coefficients(0);
    for (std::size_t i = 0; i < x.size(); ++i) {
      std::vector<double> moved = x;
      moved[i] += 1e-6;
      pass.Evaluate(moved);
      const double after = pass.value(claim.output)[0] - pass.value(claim.output)[1];
      EXPECT_NEAR((after - before) / 1e-6, gradient[i], 1e-4) << kind;
    }
  }
}

TEST(FlatNetworks, OfConvolutionsGiveTheNetworksValues) {
  const model::Network network = Network("chain", 5);
  const checker::Claim claim = ClaimOf(network, checker::Arithmetic::kReal);
  const Result<FlatNetwork> flat = Flatten(claim);
  ASSERT_TRUE(flat.ok()) << flat.error().message;
  GraphPass pass(claim);
  std::mt19937_64 random(5);
  std::vector<double> x;
  for (std::size_t i = 0; i < claim.input_count(); ++i) x.push_back(Uniform(random, -1, 1));
  pass.Evaluate(x);
  std::vector<float> y(x.begin(), x.end());
  for (const FlatLayer& layer : flat->layers) {
    std::vector<float> z = layer.bias;
    for (std::size_t i = 0; i < z.size(); ++i) {
      for (std::size_t k = 0; k < y.size(); ++k) z[i] += layer.weight[i * layer.inputs + k] * y[k];
      if (layer.relu) z[i] = std::max(z[i], 0.0f);
    }
    y = z;
  }
  for (std::size_t i = 0; i < y.size(); ++i) EXPECT_NEAR(static_cast<double>(y[i]), pass.value(claim.output)[i], 1e-4);
  EXPECT_FALSE(Flatten(ClaimOf(Network("residual", 4), checker::Arithmetic::kReal)).ok());
}

}  // namespace graph_search_test
}  // namespace pawl::prover
