#include "prover/envelope.h"

#include <gtest/gtest.h>

#include <cmath>
#include <random>

#include "checker/checker.h"
#include "checker/proof_search_for_test.h"
#include "model/onnx_writer_for_test.h"
#include "prover/checkpoint.h"

namespace pawl::prover {
namespace envelope_test {

namespace onnx = model::onnx;
using checker::AsBytes;

// Random dense layers of `width` neurons, and "some output is at most −threshold" on [-1, 1]^inputs.
struct Problem {
  model::Network network;
  model::Property property;

  Problem(std::uint64_t seed, std::size_t inputs, std::size_t width, const std::string& threshold) {
    std::mt19937_64 random(seed);
    std::normal_distribution<float> normal(0, 0.5f);
    std::vector<checker::DenseLayer> layers;
    std::size_t from = inputs;
    for (const std::size_t to : {width, width, std::size_t{1}}) {
      checker::DenseLayer& layer = layers.emplace_back();
      layer.relu = to != 1;
      for (std::size_t i = 0; i < to; ++i) {
        layer.bias.push_back(normal(random));
        std::vector<float>& row = layer.weights.emplace_back();
        for (std::size_t j = 0; j < from; ++j) row.push_back(normal(random));
      }
      from = to;
    }
    network = *model::ReadOnnx(AsBytes(checker::DenseNetworkBytes(layers)), {});
    std::string text = "(declare-const Y_0 Real)";
    for (std::size_t i = 0; i < inputs; ++i) {
      const std::string x = "X_" + std::to_string(i);
      text += "(declare-const " + x + " Real)(assert (>= " + x + " -1))(assert (<= " + x + " 1))";
    }
    property = *model::ReadVnnlib(text + "(assert (<= Y_0 " + threshold + "))", {});
  }

  ProofRequest Request(checker::Arithmetic arithmetic) const {
    ProofRequest request;
    request.network = &network;
    request.property = &property;
    request.arithmetic = arithmetic;
    request.threads = 1;
    request.timeout_ms = 20'000;
    return request;
  }
};

checker::Verdict CheckedWith(const ProofRequest& request, const ProofResult& result,
                             std::vector<checker::TensorRadius>& radii) {
  const Result<checker::Certificate> certificate = checker::ReadCertificate(result.certificate);
  if (!certificate.ok()) return {};
  radii = certificate->radii;
  return checker::Check(*request.network, *request.property, *certificate,
                        {request.arithmetic, request.network_digest, request.property_digest});
}

// By boxes, and by phases of neurons.
TEST(EnvelopeTest, ProvesEnvelopesThatTheCheckerAccepts) {
  for (const std::size_t inputs : {3u, 30u}) {
    for (const checker::Arithmetic arithmetic : {checker::Arithmetic::kReal, checker::Arithmetic::kFloat32}) {
      for (std::uint64_t seed = 1; seed <= 3; ++seed) {
        const Problem problem(seed, inputs, 6, inputs == 3 ? "-12" : "-40");
        ProofRequest request = problem.Request(arithmetic);
        request.radii = RadiiFor(problem.network, {0.01, RadiusUnit::kShare});
        ASSERT_EQ(request.radii.size(), 6u);
        const ProofResult result = Prove(request);
        ASSERT_EQ(result.status, ProofStatus::kProven) << inputs << " " << seed << ": " << result.detail;
        std::vector<checker::TensorRadius> radii;
        EXPECT_TRUE(CheckedWith(request, result, radii).proven);
        EXPECT_EQ(radii, request.radii);
      }
    }
  }
}

// y = w·x on [1, 2] is above 0 for w in 1 ± r as long as r < 1: what is proven is about all that there is.
TEST(EnvelopeTest, FindsNearlyTheLargestRadius) {
  const std::string bytes = onnx::Model(
      onnx::Graph({onnx::Node("MatMul", {"x", "w"}, {"z"}), onnx::Node("Relu", {"z"}, {"y"})},
                  {onnx::Tensor<float>("w", {1, 1}, {1})}, {onnx::Value("x", {1, 1})}, {onnx::Value("y", {1, 1})}));
  const model::Network network = *model::ReadOnnx(AsBytes(bytes), {});
  const model::Property property = *model::ReadVnnlib(
      "(declare-const X_0 Real)(declare-const Y_0 Real)(assert (>= X_0 1))(assert (<= X_0 2))(assert (<= Y_0 0.5))",
      {});
  ProofRequest request;
  request.network = &network;
  request.property = &property;
  request.timeout_ms = 2'000;
  request.threads = 1;
  const WidestProof widest = ProveWidest(request);
  ASSERT_EQ(widest.result.status, ProofStatus::kProven);
  EXPECT_GT(widest.share, 0.4);
  EXPECT_LT(widest.share, 0.5);
  EXPECT_GE(widest.share_open, 0.4);
  EXPECT_GT(widest.trials, 3u);
  std::vector<checker::TensorRadius> radii;
  EXPECT_TRUE(CheckedWith(request, widest.result, radii).proven);
  EXPECT_EQ(radii, RadiiFor(network, {widest.share, RadiusUnit::kShare}));
  // No further than is allowed; the time for it does not depend on the centre's.
  request.timeout_ms = 0;
  const WidestProof limited = ProveWidest(request, {.radius_max = 0.25, .widening_ms = 2'000});
  EXPECT_TRUE(CheckedWith(request, limited.result, radii).proven);
  EXPECT_EQ(radii, (std::vector<checker::TensorRadius>{{"w", 0.25}}));
  EXPECT_LT(limited.trials, widest.trials) << "it ends where nothing more is allowed";
  // Beyond it: unknown, since the centre has no counterexample.
  request.radii = RadiiFor(network, {0.6, RadiusUnit::kShare});
  request.timeout_ms = 300;
  EXPECT_EQ(Prove(request).status, ProofStatus::kUnknown);
}

TEST(EnvelopeTest, ACounterexampleOfTheCentreIsReported) {
  const Problem problem(1, 3, 6, "100");
  ProofRequest request = problem.Request(checker::Arithmetic::kReal);
  request.radii = RadiiFor(problem.network, {0.001, RadiusUnit::kAbsolute});
  EXPECT_EQ(Prove(request).status, ProofStatus::kViolated);
  const WidestProof widest = ProveWidest(request);
  EXPECT_EQ(widest.result.status, ProofStatus::kViolated);
  EXPECT_EQ(widest.trials, 1u);
}

TEST(EnvelopeTest, RadiiAreForWhatCanCarryThem) {
  const std::string bytes =
      onnx::Model(onnx::Graph({onnx::Node("Gemm", {"x", "w", "b"}, {"h"}), onnx::Node("Mul", {"h", "m"}, {"s"}),
                               onnx::Node("Add", {"s", "m"}, {"a"}), onnx::Node("Add", {"a", "c"}, {"d"}),
                               onnx::Node("Sub", {"d", "e"}, {"y"})},
                              {onnx::Tensor<float>("w", {1, 2}, {-4, 2}), onnx::Tensor<float>("b", {2}, {0, 0}),
                               onnx::Tensor<float>("m", {2}, {1, 1}), onnx::Tensor<float>("c", {2}, {1, -8}),
                               onnx::Tensor<float>("e", {2}, {1, 1})},
                              {onnx::Value("x", {1, 1})}, {onnx::Value("y", {1, 2})}));
  const model::Network network = *model::ReadOnnx(AsBytes(bytes), {});
  using Radii = std::vector<checker::TensorRadius>;
  EXPECT_EQ(RadiiFor(network, {0.25, RadiusUnit::kShare}), (Radii{{"c", 2}, {"w", 1}}));
  EXPECT_EQ(RadiiFor(network, {0.25, RadiusUnit::kAbsolute}), (Radii{{"b", 0.25}, {"c", 0.25}, {"w", 0.25}}));
}

TEST(EnvelopeTest, ACheckpointIsOfItsRadius) {
  const Problem problem(1, 3, 6, "-40");
  ProofRequest request = problem.Request(checker::Arithmetic::kReal);
  const std::vector<std::uint8_t> bytes = WriteCheckpoint(request, std::vector<checker::CaseProof>(1));
  request.radii = RadiiFor(problem.network, {0.01, RadiusUnit::kShare});
  const Result<Checkpoint> other = ReadCheckpoint(bytes, request);
  ASSERT_FALSE(other.ok());
  EXPECT_EQ(other.error().rule, "prover.checkpoint-radius");
}

}  // namespace envelope_test
}  // namespace pawl::prover
