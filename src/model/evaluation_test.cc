// The reference evaluation and the vector program against exact rational evaluation of the graph.
#include "model/evaluation.h"

#include <gmpxx.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <random>

#include "model/onnx_writer_for_test.h"
#include "model/random_network_for_test.h"
#include "model/vector_program.h"

namespace pawl::model {
namespace {

using Rationals = std::vector<mpq_class>;

// The graph by the ONNX definitions, node by node over tensors; shares nothing with vector_program.cc.
Rationals ExactGraph(const Network& network, const Rationals& input) {
  std::vector<Rationals> value(network.tensors.size());
  for (size_t i = 0; i < value.size(); ++i) {
    value[i].assign(network.tensors[i].values.begin(), network.tensors[i].values.end());
  }
  value[network.input] = input;
  // Element (row, column) of a tensor of at most two axes, transposed or not, 1-element axes stretched.
  const auto at = [&](size_t tensor, size_t row, size_t column, bool transposed) {
    Shape shape = network.tensors[tensor].shape;
    while (shape.size() > 2) shape.erase(shape.begin());
    while (shape.size() < 2) shape.insert(shape.begin(), 1);
    if (transposed) std::swap(row, column);
    return value[tensor][(shape[0] == 1 ? 0 : row) * shape[1] + (shape[1] == 1 ? 0 : column)];
  };
  for (const Node& node : network.nodes) {
    Shape shape = network.tensors[node.output].shape;
    while (shape.size() > 2) shape.erase(shape.begin());
    while (shape.size() < 2) shape.insert(shape.begin(), 1);
    Rationals& y = value[node.output];
    const size_t a = node.inputs[0], b = node.inputs.size() > 1 ? node.inputs[1] : 0;
    if (node.kind == NodeKind::kRelabel) {
      y = value[a];
      continue;
    }
    const Shape& shape_a = network.tensors[a].shape;
    for (size_t i = 0; i < shape[0]; ++i) {
      for (size_t j = 0; j < shape[1]; ++j) {
        mpq_class element = 0;
        if (node.kind == NodeKind::kGemm || node.kind == NodeKind::kMatMul) {
          const size_t inner = node.gemm.transpose_a ? shape_a[0] : shape_a.back();
          for (size_t k = 0; k < inner; ++k) {
            element += at(a, i, k, node.gemm.transpose_a) * at(b, k, j, node.gemm.transpose_b);
          }
          element *= mpq_class(node.gemm.alpha);
          if (node.inputs.size() == 3) element += mpq_class(node.gemm.beta) * at(node.inputs[2], i, j, false);
        } else if (node.kind == NodeKind::kRelu) {
          element = at(a, i, j, false);
          if (element < 0) element = 0;
        } else {
          const mpq_class left = at(a, i, j, false), right = at(b, i, j, false);
          if (node.kind == NodeKind::kAdd) element = left + right;
          if (node.kind == NodeKind::kSub) element = left - right;
          if (node.kind == NodeKind::kMul) element = left * right;
        }
        y.push_back(element);
      }
    }
  }
  return value[network.output];
}

struct Bounded {
  mpq_class exact, error;  // |computed − exact| ≤ error
};

// The program in exact arithmetic, with a generous first-order bound on the reference evaluation's error carried along.
std::vector<Bounded> ExactProgram(const VectorProgram& program, const Rationals& input) {
  const mpq_class unit = program.type == ElementType::kFloat32 ? mpq_class(0x1p-23) : mpq_class(0x1p-52);
  const mpq_class tiny = program.type == ElementType::kFloat32 ? mpq_class(0x1p-126) : mpq_class(0x1p-1022);
  std::vector<std::vector<Bounded>> value(program.operations.size() + 1);
  for (const mpq_class& x : input) value[0].push_back({x, 0});
  for (size_t i = 0; i < program.operations.size(); ++i) {
    const Operation& operation = program.operations[i];
    const std::vector<Bounded>& x = value[operation.inputs[0]];
    for (size_t row = 0; row < operation.size; ++row) {
      Bounded y{0, 0};
      mpq_class magnitude = 0;
      const auto add = [&](const mpq_class& factor, const Bounded& term) {
        y.exact += factor * term.exact;
        y.error += abs(factor) * term.error;
        magnitude += abs(factor) * (abs(term.exact) + term.error);
      };
      switch (operation.kind) {
        case OperationKind::kAffine:
          for (size_t k = 0; k < operation.columns; ++k) {
            add(mpq_class(operation.alpha) * mpq_class(operation.weights[row * operation.columns + k]), x[k]);
          }
          if (!operation.bias.empty()) add(operation.beta, {mpq_class(operation.bias[row]), 0});
          y.error += mpq_class(operation.columns + 4) * unit * magnitude + mpq_class(operation.columns + 4) * tiny;
          break;
        case OperationKind::kElementwise:
          add(operation.scale.empty() ? mpq_class(1) : mpq_class(operation.scale[row]), x[row]);
          if (!operation.offset.empty()) add(1, {mpq_class(operation.offset[row]), 0});
          y.error += unit * magnitude + tiny;
          break;
        case OperationKind::kRelu:
          y = x[row];
          if (y.exact < 0) y.exact = 0;
          break;
        case OperationKind::kSum:
          add(1, x[row]);
          add(operation.subtract ? -1 : 1, value[operation.inputs[1]][row]);
          y.error += unit * magnitude + tiny;
          break;
      }
      value[i + 1].push_back(y);
    }
  }
  return value[program.output];
}

TEST(VectorProgram, IsExactlyTheGraphAndTheReferenceEvaluationIsClose) {
  size_t networks = 0, elementwise = 0, sums = 0, fused = 0;
  for (uint64_t seed = 0; seed < 400; ++seed) {
    onnx::RandomNetwork generator(seed, onnx::Variety::kEverything);
    const std::string bytes = generator.Bytes();
    const Result<Network> network = ReadOnnx(onnx::AsBytes(bytes), {});
    ASSERT_TRUE(network.ok()) << seed << ": " << network.error().message;
    const VectorProgram program = ToVectorProgram(*network);
    std::vector<size_t> charged(network->nodes.size(), 0);
    for (const Operation& operation : program.operations) {
      for (const size_t node : operation.nodes) ++charged[node];
      elementwise += operation.kind == OperationKind::kElementwise;
      sums += operation.kind == OperationKind::kSum;
      fused += operation.nodes.size() == 2;
    }
    for (size_t i = 0; i < charged.size(); ++i) {
      EXPECT_EQ(charged[i], network->nodes[i].kind == NodeKind::kRelabel ? 0u : 1u);
    }
    std::mt19937_64 random(seed);
    std::vector<double> input;
    Rationals exact_input;
    for (size_t i = 0; i < network->input_size(); ++i) {
      input.push_back(static_cast<float>(std::uniform_real_distribution<double>(-3, 3)(random)));
      exact_input.emplace_back(input.back());
    }
    const Rationals graph = ExactGraph(*network, exact_input);
    const std::vector<Bounded> exact = ExactProgram(program, exact_input);
    const Result<std::vector<double>> computed = EvaluateReference(*network, input);
    ASSERT_TRUE(computed.ok());
    ASSERT_EQ(computed->size(), graph.size());
    ASSERT_EQ(exact.size(), graph.size());
    for (size_t i = 0; i < graph.size(); ++i) {
      EXPECT_EQ(graph[i], exact[i].exact) << seed;
      EXPECT_LE(abs(mpq_class((*computed)[i]) - exact[i].exact), exact[i].error) << seed;
    }
    ++networks;
  }
  EXPECT_EQ(networks, 400u);
  EXPECT_GT(elementwise, 100u);
  EXPECT_GT(sums, 50u);
  EXPECT_GT(fused, 100u);
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

TEST(VectorProgram, PassesTheInputThroughWhereNothingIsComputed) {
  const Network network = OneLayer({onnx::Node("Identity", {"x"}, {"y"})}, {}, 1);
  const VectorProgram program = ToVectorProgram(network);
  EXPECT_TRUE(program.operations.empty());
  EXPECT_EQ(program.output, 0u);
  const double input[] = {3};
  EXPECT_EQ(EvaluateReference(program, input)->front(), 3.0);
}

TEST(VectorProgram, DoesNotFuseAProductThatIsUsedTwice) {
  const Network network = OneLayer({onnx::Node("MatMul", {"x", "W"}, {"h"}), onnx::Node("Add", {"h", "b"}, {"s"}),
                                    onnx::Node("Add", {"s", "h"}, {"y"})},
                                   {onnx::Tensor<float>("W", {1, 1}, {2}), onnx::Tensor<float>("b", {1}, {1})}, 1);
  const VectorProgram program = ToVectorProgram(network);
  EXPECT_EQ(program.operations.size(), 3u);
  const double input[] = {3};
  EXPECT_EQ(EvaluateReference(program, input)->front(), 13.0);
}

}  // namespace
}  // namespace pawl::model
