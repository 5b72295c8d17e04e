// What the reader makes of random graphs, evaluated in real arithmetic and in the reference order, against the
// operators' definitions in rational numbers.
#include "evaluation/reference.h"

#include <gmpxx.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <map>
#include <random>

#include "evaluation/onnx_definitions_for_test.h"
#include "evaluation/real.h"
#include "model/onnx_writer_for_test.h"
#include "model/random_graph_for_test.h"
#include "model/random_network_for_test.h"
#include "random_cases.h"

namespace pawl::evaluation {
namespace {

using namespace model;  // NOLINT

// A decimal's value, from its text.
mpq_class Rational(const Decimal& decimal) {
  std::string text = decimal.ToString(), denominator = "1";
  if (const size_t point = text.find('.'); point != std::string::npos) {
    denominator += std::string(text.size() - point - 1, '0');
    text.erase(point, 1);
  }
  const bool negative = text.front() == '-';
  if (negative) text.erase(0, 1);
  mpq_class value(mpz_class(text, 10), mpz_class(denominator, 10));
  value.canonicalize();
  return negative ? mpq_class(-value) : value;
}

// Compares the three evaluations; returns whether the real one has to be exact.
void Compare(const std::string& bytes, uint64_t seed, size_t& exact_networks) {
  const Result<Network> network = ReadOnnx(onnx::AsBytes(bytes), {});
  ASSERT_TRUE(network.ok()) << network.error().message;
  OnnxDefinitions definitions(*DecodeModel(onnx::AsBytes(bytes), {}));
  std::mt19937_64 random(seed);
  std::vector<double> input;
  std::vector<mpq_class> rational;
  for (size_t i = 0; i < network->input_size(); ++i) {
    input.push_back(static_cast<float>(std::uniform_real_distribution<double>(-2, 2)(random)));
    rational.emplace_back(input.back());
  }
  const std::vector<mpq_class> expected = definitions.Evaluate(rational);
  const Result<std::vector<RealRange>> real = EncloseReal(*network, input);
  const Result<std::vector<double>> computed = EvaluateReference(*network, input);
  ASSERT_TRUE(real.ok() && computed.ok());
  ASSERT_EQ(real->size(), expected.size());
  ASSERT_EQ(computed->size(), expected.size());
  const double unit = network->type == ElementType::kFloat32 ? 0x1p-23 : 0x1p-52;
  // The definitions take roots and exponentials in double precision.
  const mpq_class slack = definitions.inexact ? 1e-10 * definitions.largest : 0.0;
  bool exact = !definitions.inexact;
  for (size_t i = 0; i < expected.size(); ++i) {
    const mpq_class lower = Rational((*real)[i].lower), upper = Rational((*real)[i].upper);
    EXPECT_LE(lower - slack, expected[i]);
    EXPECT_GE(upper + slack, expected[i]);
    EXPECT_LE(upper - lower, mpq_class(1e-11 * definitions.largest));
    exact = exact && lower == upper;
    EXPECT_NEAR((*computed)[i], expected[i].get_d(), 2000 * unit * definitions.largest);
  }
  exact_networks += exact;
}

TEST(RandomGraphs, AreReadAsTheOperatorsAreDefined) {
  std::map<std::string, size_t> operators;
  size_t exact = 0;
  constexpr uint64_t kGraphs = RandomCases(1'500);
  for (uint64_t seed = 0; seed < kGraphs; ++seed) {
    SCOPED_TRACE("graph " + std::to_string(seed));
    onnx::RandomGraph generator(seed, onnx::Dialect::kEverything);
    Compare(generator.Bytes(), seed, exact);
    for (const std::string& name : generator.operators) ++operators[name];
    if (HasFailure()) break;
  }
  EXPECT_GT(exact, kGraphs / 4);
  for (const char* name : {"Add",
                           "AveragePool",
                           "BatchNormalization",
                           "Cast",
                           "Clip",
                           "Concat",
                           "Conv",
                           "Div",
                           "Dropout",
                           "Expand",
                           "Flatten",
                           "Gather",
                           "Gemm",
                           "GlobalAveragePool",
                           "Identity",
                           "LeakyRelu",
                           "MatMul",
                           "MaxPool",
                           "Mul",
                           "Neg",
                           "Pad",
                           "ReduceMean",
                           "ReduceSum",
                           "Relu",
                           "Reshape",
                           "Shape",
                           "Sigmoid",
                           "Slice",
                           "Split",
                           "Squeeze",
                           "Sub",
                           "Tanh",
                           "Transpose",
                           "Unsqueeze"}) {
    EXPECT_GE(operators[name], RandomCases(10)) << name;
  }
}

TEST(RandomNetworks, AreReadAsTheOperatorsAreDefined) {
  size_t exact = 0;
  for (uint64_t seed = 0; seed < 400; ++seed) {
    SCOPED_TRACE("network " + std::to_string(seed));
    Compare(onnx::RandomNetwork(seed, onnx::Variety::kEverything).Bytes(), seed, exact);
  }
  EXPECT_EQ(exact, 400u);
}

Network OneLayer(const std::vector<std::string>& nodes, const std::vector<std::string>& constants, int64_t size,
                 int64_t type = 1) {
  const Result<Network> network =
      ReadOnnx(onnx::AsBytes(onnx::Model(onnx::Graph(nodes, constants, {onnx::Value("x", {1, size}, type)},
                                                     {onnx::Value("y", {1, 1}, type)}))),
               {});
  EXPECT_TRUE(network.ok()) << network.error().message;
  return *network;
}

TEST(EvaluateReference, SumsInTheStatedOrderAndFormat) {
  // In float32, (2^24 + 1) + 1 loses both ones, 1 + 1 + 2^24 keeps them; in float64 nothing is lost.
  const std::string forward = onnx::Tensor<float>("W", {3, 1}, {0x1p24f, 1, 1});
  const std::string backward = onnx::Tensor<float>("W", {3, 1}, {1, 1, 0x1p24f});
  const std::vector<std::string> nodes = {onnx::Node("MatMul", {"x", "W"}, {"y"})};
  const double ones[] = {1, 1, 1};
  EXPECT_EQ(EvaluateReference(OneLayer(nodes, {forward}, 3), ones)->front(), 0x1p24);
  EXPECT_EQ(EvaluateReference(OneLayer(nodes, {backward}, 3), ones)->front(), 0x1p24 + 2);
  const std::string wide = onnx::Tensor<double>("W", {3, 1}, {0x1p24, 1, 1});
  EXPECT_EQ(EvaluateReference(OneLayer(nodes, {wide}, 3, 11), ones)->front(), 0x1p24 + 2);
}

TEST(EvaluateReference, DoesNotFuseProductsIntoSums) {
  // x² − x² rounds the first product alone under fused multiply-add, which would leave its rounding error.
  const float x = 1 + 0x1p-12f;
  const Network network =
      OneLayer({onnx::Node("MatMul", {"x", "W"}, {"y"})}, {onnx::Tensor<float>("W", {2, 1}, {x, -x})}, 2);
  const double input[] = {x, x};
  EXPECT_EQ(EvaluateReference(network, input)->front(), 0.0);
}

TEST(EvaluateReference, KeepsSubnormalsAndReturnsOverflowAsItIs) {
  const Network network =
      OneLayer({onnx::Node("MatMul", {"x", "W"}, {"y"})}, {onnx::Tensor<float>("W", {1, 1}, {0.5f})}, 1);
  const double tiny[] = {0x1p-126};
  EXPECT_EQ(EvaluateReference(network, tiny)->front(), 0x1p-127);
  const Network large =
      OneLayer({onnx::Node("MatMul", {"x", "W"}, {"y"})}, {onnx::Tensor<float>("W", {2, 1}, {4, -4})}, 2);
  const double huge[] = {0x1p127, 0x1p127};
  EXPECT_TRUE(std::isnan(EvaluateReference(large, huge)->front()));
}

TEST(EvaluateReference, RefusesInputsThatAreNotTheNetworks) {
  const Network network =
      OneLayer({onnx::Node("MatMul", {"x", "W"}, {"y"})}, {onnx::Tensor<float>("W", {1, 1}, {0.5f})}, 1);
  const auto rule = [&](std::vector<double> input) { return EvaluateReference(network, input).error().rule; };
  EXPECT_EQ(rule({}), "evaluate.size");
  EXPECT_EQ(rule({1, 2}), "evaluate.size");
  EXPECT_EQ(rule({0.1}), "evaluate.input");
  EXPECT_EQ(rule({1e300}), "evaluate.input");
  EXPECT_EQ(rule({std::numeric_limits<double>::infinity()}), "evaluate.input");
  EXPECT_EQ(rule({std::numeric_limits<double>::quiet_NaN()}), "evaluate.input");
}

TEST(EvaluateReference, PassesTheInputThroughWhereNothingIsComputed) {
  const Network network = OneLayer({onnx::Node("Identity", {"x"}, {"y"})}, {}, 1);
  const double input[] = {3};
  EXPECT_EQ(EvaluateReference(network, input)->front(), 3.0);
}

TEST(EvaluateReference, HandsNanOnThroughActivationsAndMaxima) {
  // 2^127·2 − 2^127·2 overflows to inf − inf.
  const std::vector<std::string> overflow = {onnx::Tensor<float>("W", {2, 2}, {4, 0, -4, 1})};
  for (const char* name : {"Relu", "LeakyRelu", "Sigmoid", "Tanh", "Clip"}) {
    const Network network =
        *ReadOnnx(onnx::AsBytes(onnx::Model(
                      onnx::Graph({onnx::Node("MatMul", {"x", "W"}, {"h"}), onnx::Node(name, {"h"}, {"a"}),
                                   onnx::Node("Unsqueeze", {"a", "axis"}, {"u"}),
                                   onnx::Node("MaxPool", {"u"}, {"y"}, {onnx::IntegersAttribute("kernel_shape", {2})})},
                                  {overflow[0], onnx::Tensor<int64_t>("axis", {1}, {0})}, {onnx::Value("x", {1, 2})},
                                  {onnx::Value("y", {1, 1, 1})}))),
                  {});
    const double huge[] = {0x1p127, 0x1p127};
    EXPECT_TRUE(std::isnan(EvaluateReference(network, huge)->front())) << name;
  }
}

}  // namespace
}  // namespace pawl::evaluation
