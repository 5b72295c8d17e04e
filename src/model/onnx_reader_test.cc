#include <gtest/gtest.h>

#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <limits>
#include <map>
#include <optional>
#include <string>

#include "model/network.h"
#include "model/onnx_writer_for_test.h"
#include "model/property.h"
#include "source_directory.h"

namespace pawl::model {
namespace onnx_reader_test {

using onnx::AsBytes;
using onnx::Float;
using onnx::FloatAttribute;
using onnx::Graph;
using onnx::Integer;
using onnx::IntegerAttribute;
using onnx::IntegersAttribute;
using onnx::Key;
using onnx::Model;
using onnx::Node;
using onnx::Raw;
using onnx::Tensor;
using onnx::TensorAttribute;
using onnx::TensorHead;
using onnx::Value;
using onnx::Varint;

Result<Network> Read(const std::string& bytes, const NetworkLimits& limits = {}) {
  return ReadOnnx(AsBytes(bytes), limits);
}

// x[1,2] -> MatMul W[2,3] -> Add b[3] -> Relu -> y[1,3], with any part replaced.
struct Parts {
  std::vector<std::string> nodes = {Node("MatMul", {"x", "W"}, {"h"}), Node("Add", {"h", "b"}, {"s"}),
                                    Node("Relu", {"s"}, {"y"})};
  std::vector<std::string> initializers = {Tensor<float>("W", {2, 3}, {1, 2, 3, 4, 5, 6}),
                                           Tensor<float>("b", {3}, {7, 8, 9})};
  std::vector<std::string> inputs = {Value("x", {1, 2})};
  std::vector<std::string> outputs = {Value("y", {1, 3})};

  std::string Graph() const { return onnx::Graph(nodes, initializers, inputs, outputs); }
  std::string Bytes() const { return Model(Graph()); }
};

// One node y = operator(x, ...) of a given input shape.
std::string OneNode(const std::string& node, const std::vector<int64_t>& from, const std::vector<int64_t>& to,
                    const std::vector<std::string>& initializers = {}, int64_t opset = 13) {
  return Model(Graph({node}, initializers, {Value("x", from)}, {Value("y", to)}), opset);
}

void ExpectRule(const std::string& bytes, const std::string& rule, const NetworkLimits& limits = {}) {
  const Result<Network> network = Read(bytes, limits);
  ASSERT_FALSE(network.ok()) << "expected " << rule;
  EXPECT_EQ(network.error().rule, rule) << network.error().message;
}

TEST(ReadOnnx, ReadsANetworkExactly) {
  const Result<Network> network = Read(Parts().Bytes());
  ASSERT_TRUE(network.ok()) << network.error().message;
  EXPECT_EQ(network->input_size(), 2u);
  EXPECT_EQ(network->output_size(), 3u);
  ASSERT_EQ(network->graph.nodes.size(), 2u);
  const Dense& dense = std::get<Dense>(network->graph.nodes[0].function);
  EXPECT_EQ(dense, (Dense{0, 3, 2, 1, 3, 1, 1, 1, 1}));
  EXPECT_EQ(network->graph.nodes[0].description, "Add node 's'");
  EXPECT_EQ(network->graph.nodes[0].inputs, (std::vector<size_t>{0}));
  EXPECT_EQ(std::get<Activation>(network->graph.nodes[1].function).form, Activation::Form::kRelu);
  EXPECT_EQ(network->graph.output, 2u);
  EXPECT_EQ(network->tensors[0].values, (std::vector<double>{1, 2, 3, 4, 5, 6}));
  EXPECT_EQ(network->input_shape, (Shape{1, 2}));
  EXPECT_EQ(network->output_shape, (Shape{1, 3}));
  EXPECT_EQ(network->operators, (std::vector<std::string>{"Add", "MatMul", "Relu"}));
  EXPECT_EQ(network->parameter_count, 9u);
}

TEST(ReadOnnx, ReadsTypedDataPackedOrNotLikeRawData) {
  Parts packed, single;
  packed.initializers[1] = TensorHead("b", {3}, 1) + onnx::Bytes(4, Raw<float>({7, 8, 9}));
  single.initializers[1] = TensorHead("b", {3}, 1) + Float(4, 7) + Float(4, 8) + Float(4, 9);
  for (const Parts& parts : {packed, single}) {
    const Result<Network> network = Read(parts.Bytes());
    ASSERT_TRUE(network.ok()) << network.error().message;
    EXPECT_EQ(network->tensors[1].values, (std::vector<double>{7, 8, 9}));
  }
  const std::string doubles = TensorHead("b", {2}, 11) + onnx::Bytes(10, Raw<double>({0.1, -0.0}));
  const Result<Network> wide = Read(
      Model(Graph({Node("Add", {"x", "b"}, {"y"})}, {doubles}, {Value("x", {1, 2}, 11)}, {Value("y", {1, 2}, 11)})));
  ASSERT_TRUE(wide.ok()) << wide.error().message;
  EXPECT_EQ(wide->element_type(), ElementType::kFloat64);
  EXPECT_EQ(wide->tensors[0].values[0], 0.1);
  EXPECT_TRUE(std::signbit(wide->tensors[0].values[1]));
}

TEST(ReadOnnx, TakesOlderFormsInitialisersAsInputsAndADynamicBatch) {
  Parts parts;
  parts.inputs = {Value("x", {-1, 2}), Value("W", {2, 3}), Value("b", {3})};
  parts.outputs = {Value("y", {-1, 3})};
  const Result<Network> network = Read(Model(parts.Graph(), 7, 3));
  ASSERT_TRUE(network.ok()) << network.error().message;
  EXPECT_EQ(network->input_shape, (Shape{1, 2}));
  ASSERT_TRUE(
      Read(OneNode(Node("Unsqueeze", {"x"}, {"y"}, {IntegersAttribute("axes", {0})}), {2}, {1, 2}, {}, 11)).ok());
  ASSERT_TRUE(Read(OneNode(Node("Squeeze", {"x"}, {"y"}, {IntegersAttribute("axes", {0})}), {1, 2}, {2}, {}, 11)).ok());
}

TEST(ReadOnnx, InfersShapesOfRelabellingOperators) {
  const auto good = [](const std::string& bytes) {
    const Result<Network> network = Read(bytes);
    EXPECT_TRUE(network.ok()) << network.error().message;
    ASSERT_TRUE(network.ok());
    EXPECT_TRUE(network->graph.nodes.empty());
    EXPECT_EQ(network->graph.output, 0u);
  };
  good(OneNode(Node("Flatten", {"x"}, {"y"}), {1, 2, 3}, {1, 6}));
  good(OneNode(Node("Flatten", {"x"}, {"y"}, {IntegerAttribute("axis", 0)}), {2, 3}, {1, 6}));
  good(OneNode(Node("Flatten", {"x"}, {"y"}, {IntegerAttribute("axis", 2)}), {2, 3}, {6, 1}));
  good(OneNode(Node("Flatten", {"x"}, {"y"}, {IntegerAttribute("axis", -1)}), {2, 3}, {2, 3}));
  good(OneNode(Node("Identity", {"x"}, {"y"}), {2, 3}, {2, 3}));
  good(OneNode(Node("Reshape", {"x", "s"}, {"y"}), {1, 6}, {1, 3, 2}, {Tensor<int64_t>("s", {3}, {0, -1, 2})}));
  good(OneNode(Node("Squeeze", {"x"}, {"y"}), {1, 2, 1}, {2}));
  good(OneNode(Node("Squeeze", {"x", "a"}, {"y"}), {1, 2, 1}, {1, 2}, {Tensor<int64_t>("a", {1}, {-1})}));
  good(OneNode(Node("Unsqueeze", {"x", "a"}, {"y"}), {2}, {1, 2, 1}, {Tensor<int64_t>("a", {2}, {0, 2})}));
  good(OneNode(Node("Transpose", {"x"}, {"y"}), {1, 3}, {3, 1}));
  good(OneNode(Node("Transpose", {"x"}, {"y"}, {IntegersAttribute("perm", {1, 0, 2})}), {2, 1, 3}, {1, 2, 3}));
}

TEST(ReadOnnx, TransposesAConstantAndRemembersItsOrigin) {
  const std::string weights = TensorAttribute("value", Tensor<float>("", {3, 2}, {1, 2, 3, 4, 5, 6}));
  const Result<Network> network = Read(Model(Graph(
      {Node("Constant", {}, {"V"}, {weights}), Node("Transpose", {"V"}, {"W"}), Node("MatMul", {"x", "W"}, {"y"})}, {},
      {Value("x", {1, 2})}, {Value("y", {1, 3})})));
  ASSERT_TRUE(network.ok()) << network.error().message;
  ASSERT_EQ(network->graph.nodes.size(), 1u);
  const auto& constant = network->tensors[std::get<Dense>(network->graph.nodes[0].function).weights];
  EXPECT_EQ(constant.values, (std::vector<double>{1, 3, 5, 2, 4, 6}));
  EXPECT_EQ(constant.shape, (Shape{2, 3}));
  EXPECT_EQ(constant.origin, "V");
  EXPECT_EQ(network->parameter_count, 6u);
  EXPECT_EQ(network->operators, (std::vector<std::string>{"Constant", "MatMul", "Transpose"}));
}

TEST(ReadOnnx, SkipsUnknownFieldsOfEveryWireType) {
  const std::string unknown = Integer(900, 1) + onnx::Bytes(901, "abc") + Float(902, 1) + Key(903, 1) + "12345678";
  ASSERT_TRUE(Read(Parts().Bytes() + unknown).ok());
  Parts parts;
  parts.nodes[0] += unknown;
  parts.initializers[0] += unknown;
  ASSERT_TRUE(Read(parts.Bytes()).ok());
}

TEST(ReadOnnx, RefusesEveryTruncation) {
  const std::string bytes = Parts().Bytes();
  for (size_t size = 0; size < bytes.size(); ++size) {
    EXPECT_FALSE(Read(bytes.substr(0, size)).ok()) << size;
  }
}

TEST(ReadOnnx, RefusesMalformedWireData) {
  const std::string good = Parts().Bytes();
  ExpectRule("", "onnx.no-graph");
  ExpectRule("not an onnx file", "onnx.wire-type");
  ExpectRule(good + '\0', "onnx.wire-format");                                           // field 0
  ExpectRule(good + "\x0b", "onnx.wire-type");                                           // a group
  ExpectRule(good + Key(900, 6), "onnx.wire-type");                                      // no such type
  ExpectRule(good + "\x80", "onnx.truncated");                                           // half a number
  ExpectRule(good + Key(900, 0) + std::string(9, '\xff') + "\x02", "onnx.wire-format");  // 65 bits
  ExpectRule(good + Key(900, 2) + Varint(1u << 30) + "x", "onnx.truncated");
  ExpectRule(good + Key(900, 2) + Varint(~uint64_t{0}) + "x", "onnx.truncated");
  ExpectRule(good + Key(900, 1) + "1234", "onnx.truncated");
  ExpectRule(good + Integer(7, 1), "onnx.duplicate-field");            // a second graph
  ExpectRule(Integer(7, 1), "onnx.wire-type");                         // a graph that is a number
  ExpectRule(onnx::Bytes(1, "x") + good.substr(2), "onnx.wire-type");  // a version that is text
  Parts parts;
  parts.initializers[0] = Integer(1, 2) + Float(1, 3) + Integer(2, 1) + onnx::Bytes(8, "W");
  ExpectRule(parts.Bytes(), "onnx.wire-type");
  parts.initializers[0] = TensorHead("W", {2, 3}, 1) + onnx::Bytes(4, "12345");
  ExpectRule(parts.Bytes(), "onnx.truncated");
  parts.initializers[0] = TensorHead("W", {2}, 1) + onnx::Bytes(1, "\x80");
  ExpectRule(parts.Bytes(), "onnx.truncated");
  parts.initializers[0] = TensorHead("W", {2}, 1) + onnx::Bytes(1, std::string(10, '\xff'));
  ExpectRule(parts.Bytes(), "onnx.wire-format");
}

TEST(ReadOnnx, RefusesVersionsOutOfRange) {
  const std::string graph = Parts().Graph();
  ExpectRule(Model(graph, 6), "onnx.opset");
  ExpectRule(Model(graph, 22), "onnx.opset");
  ExpectRule(Model(graph, 13, 2), "onnx.ir-version");
  ExpectRule(Model(graph, 13, 11), "onnx.ir-version");
  ExpectRule(onnx::Bytes(7, graph) + Integer(1, 7), "onnx.opset");
  ExpectRule(Model(graph) + onnx::Bytes(8, Integer(2, 12)), "onnx.opset");
}

TEST(ReadOnnx, RefusesWhatCarriesMeaningThatIsNotModelled) {
  const std::string good = Parts().Bytes();
  ExpectRule(good + onnx::Bytes(25, ""), "onnx.function");
  ExpectRule(good + onnx::Bytes(20, ""), "onnx.training");
  ExpectRule(Model(Parts().Graph() + onnx::Bytes(15, "")), "onnx.sparse-tensor");
  ExpectRule(Model(Parts().Graph() + onnx::Bytes(14, "")), "onnx.quantised");
  Parts parts;
  const std::string weights = parts.initializers[0];
  parts.initializers[0] = weights + onnx::Bytes(13, "");
  ExpectRule(parts.Bytes(), "onnx.external-data");
  parts.initializers[0] = weights + Integer(14, 1);
  ExpectRule(parts.Bytes(), "onnx.external-data");
  parts.initializers[0] = weights + onnx::Bytes(3, "");
  ExpectRule(parts.Bytes(), "onnx.unsupported-tensor");
  parts.initializers[0] = weights + Integer(5, 1);
  ExpectRule(parts.Bytes(), "onnx.element-type");
  parts = Parts();
  parts.nodes[2] = Node("Relu", {"s"}, {"y"}, {onnx::Bytes(1, "body") + onnx::Bytes(6, "") + Integer(20, 5)});
  ExpectRule(parts.Bytes(), "onnx.subgraph");
  parts.nodes[2] = Node("Relu", {"s"}, {"y"}, {onnx::Bytes(1, "v") + onnx::Bytes(22, "") + Integer(20, 11)});
  ExpectRule(parts.Bytes(), "onnx.sparse-tensor");
  parts.nodes[2] = Node("Relu", {"s"}, {"y"}) + onnx::Bytes(7, "com.example");
  ExpectRule(parts.Bytes(), "onnx.unsupported-operator");
  parts.nodes[2] = Node("Relu", {"s"}, {"y"}) + onnx::Bytes(8, "overload");
  ExpectRule(parts.Bytes(), "onnx.unsupported-operator");
  parts = Parts();
  parts.inputs[0] = onnx::Bytes(1, "x") + onnx::Bytes(2, onnx::Bytes(4, ""));
  ExpectRule(parts.Bytes(), "onnx.element-type");
}

TEST(ReadOnnx, NamesTheUnsupportedOperatorAndItsNode) {
  Parts parts;
  parts.nodes[2] = Node("Erf", {"s"}, {"y"}, {}, "activation/7");
  const Result<Network> network = Read(parts.Bytes());
  ASSERT_FALSE(network.ok());
  EXPECT_EQ(network.error().rule, "onnx.unsupported-operator");
  EXPECT_NE(network.error().message.find("Erf"), std::string::npos);
  EXPECT_NE(network.error().message.find("activation/7"), std::string::npos);
}

TEST(ReadOnnx, RefusesWeightsThatAreNotFinite) {
  for (const float bad : {std::numeric_limits<float>::infinity(), -std::numeric_limits<float>::infinity(),
                          std::numeric_limits<float>::quiet_NaN()}) {
    Parts parts;
    parts.initializers[1] = Tensor<float>("b", {3}, {7, bad, 9});
    ExpectRule(parts.Bytes(), "onnx.non-finite");
    parts = Parts();
    parts.nodes[0] = Node("Gemm", {"x", "W"}, {"h"}, {FloatAttribute("alpha", bad)});
    ExpectRule(parts.Bytes(), "onnx.non-finite");
  }
}

TEST(ReadOnnx, RefusesTensorsWhoseDataDoesNotFit) {
  const auto bias = [](const std::string& tensor) {
    Parts parts;
    parts.initializers[1] = tensor;
    return parts.Bytes();
  };
  ExpectRule(bias(Tensor<float>("b", {3}, {7, 8})), "onnx.tensor-data");
  ExpectRule(bias(Tensor<float>("b", {3}, {7, 8, 9, 10})), "onnx.tensor-data");
  ExpectRule(bias(TensorHead("b", {3}, 1)), "onnx.tensor-data");
  ExpectRule(bias(Tensor<float>("b", {3}, {7, 8, 9}) + Float(4, 1)), "onnx.tensor-data");
  ExpectRule(bias(TensorHead("b", {3}, 1) + onnx::Bytes(9, "1234567")), "onnx.tensor-data");
  ExpectRule(bias(TensorHead("b", {3}, 1) + onnx::Bytes(10, Raw<double>({1, 2, 3}))), "onnx.tensor-data");
  ExpectRule(bias(TensorHead("b", {3}, 10) + onnx::Bytes(9, "123456")), "onnx.element-type");  // float16
  ExpectRule(bias(Tensor<float>("b", {-3}, {})), "onnx.shape");
  ExpectRule(bias(Tensor<float>("b", {0}, {})), "onnx.shape");
  ExpectRule(bias(Tensor<double>("b", {3}, {7, 8, 9})), "onnx.element-type");  // mixed with float32
  ExpectRule(bias(Tensor<int64_t>("b", {3}, {7, 8, 9})), "onnx.element-type");
  ExpectRule(bias(Tensor<int64_t>("b", {3}, {7, 8})), "onnx.tensor-data");
  ExpectRule(bias(Tensor<int64_t>("b", {900}, {7, 8})), "onnx.tensor-data");
}

TEST(ReadOnnx, ChecksLimitsBeforeAllocating) {
  Parts parts;
  const int64_t huge = int64_t{1} << 40;
  parts.initializers[1] = Tensor<float>("b", {huge, huge}, {});  // the product overflows 64 bits
  ExpectRule(parts.Bytes(), "onnx.limit");
  parts.initializers[1] = Tensor<float>("b", {huge}, {});
  ExpectRule(parts.Bytes(), "onnx.limit");
  parts.initializers[1] = Tensor<float>("b", std::vector<int64_t>(9, 1), {1});
  ExpectRule(parts.Bytes(), "onnx.limit");
  parts = Parts();
  parts.inputs[0] = Value("x", {1, huge});
  ExpectRule(parts.Bytes(), "onnx.limit");
  parts.inputs[0] = Value("x", std::vector<int64_t>(9, 1));
  ExpectRule(parts.Bytes(), "onnx.limit");
  NetworkLimits limits;
  limits.bytes_max = 10;
  ExpectRule(Parts().Bytes(), "onnx.limit", limits);
  limits = {};
  limits.nodes_max = 2;
  ExpectRule(Parts().Bytes(), "onnx.limit", limits);
  limits = {};
  limits.tensors_max = 3;
  ExpectRule(Parts().Bytes(), "onnx.limit", limits);
  limits = {};
  limits.elements_max = 19;  // 6 + 3 + 2 + 3 + 3 + 3 = 20
  ExpectRule(Parts().Bytes(), "onnx.limit", limits);
  limits = {};
  limits.name_bytes_max = 4;
  ExpectRule(Parts().Bytes(), "onnx.limit", limits);
  parts = Parts();
  parts.nodes[2] = Node("Relu", {"s"}, {"y"}, std::vector<std::string>(17, IntegerAttribute("a", 1)));
  ExpectRule(parts.Bytes(), "onnx.limit");
}

TEST(ReadOnnx, RefusesBadNames) {
  Parts parts;
  parts.initializers[1] = Tensor<float>("W", {3}, {7, 8, 9});
  ExpectRule(parts.Bytes(), "onnx.duplicate-name");
  parts = Parts();
  parts.nodes[1] = Node("Add", {"h", "b"}, {"h"});
  ExpectRule(parts.Bytes(), "onnx.duplicate-name");
  parts.nodes[1] = Node("Add", {"h", "b"}, {"x"});
  ExpectRule(parts.Bytes(), "onnx.duplicate-name");
  parts = Parts();
  parts.inputs.push_back(parts.inputs[0]);
  ExpectRule(parts.Bytes(), "onnx.duplicate-name");
  parts = Parts();
  parts.nodes[2] = Node("Relu", {"s"}, {"y"}, {IntegerAttribute("a", 1), IntegerAttribute("a", 2)});
  ExpectRule(parts.Bytes(), "onnx.duplicate-name");
  parts = Parts();
  parts.initializers.push_back(Tensor<float>("", {1}, {1}));
  ExpectRule(parts.Bytes(), "onnx.name");
  parts = Parts();
  parts.initializers.push_back(Tensor<float>("\x1b[2J", {1}, {1}));
  ExpectRule(parts.Bytes(), "onnx.name");
}

TEST(ReadOnnx, RefusesGraphsThatDoNotHangTogether) {
  Parts parts;
  parts.nodes[1] = Node("Add", {"h", "nowhere"}, {"s"});
  ExpectRule(parts.Bytes(), "onnx.undefined-value");
  parts = Parts();
  std::swap(parts.nodes[0], parts.nodes[1]);
  ExpectRule(parts.Bytes(), "onnx.node-order");
  parts = Parts();
  parts.nodes[1] = Node("Add", {"h", "y"}, {"s"});  // y depends on s
  ExpectRule(parts.Bytes(), "onnx.node-order");
  parts = Parts();
  parts.outputs[0] = Value("z", {1, 3});
  ExpectRule(parts.Bytes(), "onnx.undefined-value");
  parts.outputs[0] = Value("b", {3});
  ExpectRule(parts.Bytes(), "onnx.constant-output");
  parts.outputs[0] = Value("y", {3, 1});
  ExpectRule(parts.Bytes(), "onnx.shape");
  parts.outputs[0] = Value("y", {1, 3}, 11);
  ExpectRule(parts.Bytes(), "onnx.shape");
  parts.outputs = {Value("y", {1, 3}), Value("s", {1, 3})};
  ExpectRule(parts.Bytes(), "onnx.outputs");
  parts.outputs = {};
  ExpectRule(parts.Bytes(), "onnx.outputs");
  parts = Parts();
  parts.inputs.push_back(Value("x2", {1, 2}));
  ExpectRule(parts.Bytes(), "onnx.inputs");
  parts.inputs = {Value("W", {2, 3})};
  ExpectRule(parts.Bytes(), "onnx.inputs");
  parts.inputs = {Value("x", {1, 2}), Value("W", {3, 2})};
  ExpectRule(parts.Bytes(), "onnx.shape");
  parts.inputs = {Value("x", {1, -1})};
  ExpectRule(parts.Bytes(), "onnx.dynamic-axis");
  parts.inputs = {Value("x", {0, 2})};
  ExpectRule(parts.Bytes(), "onnx.shape");
  parts.inputs = {onnx::Bytes(1, "x") + onnx::Bytes(2, onnx::Bytes(1, Integer(1, 1)))};
  ExpectRule(parts.Bytes(), "onnx.shape");
  parts.inputs = {Value("x", {1, 2}, 7)};
  ExpectRule(parts.Bytes(), "onnx.element-type");
}

TEST(ReadOnnx, RefusesShapesThatDoNotFit) {
  const std::vector<std::string> weights = {Tensor<float>("W", {2, 3}, {1, 2, 3, 4, 5, 6}),
                                            Tensor<float>("b", {3}, {7, 8, 9}),
                                            Tensor<float>("C", {3, 1}, {7, 8, 9}),
                                            Tensor<float>("D", {1, 1, 3}, {7, 8, 9}),
                                            Tensor<int64_t>("s", {2}, {2, 2}),
                                            Tensor<int64_t>("t", {2}, {-1, -1}),
                                            Tensor<int64_t>("u", {2}, {0, 0})};
  const auto bad = [&](const std::string& node, const std::vector<int64_t>& from) {
    ExpectRule(OneNode(node, from, {1, 3}, weights), "onnx.shape");
  };
  bad(Node("MatMul", {"x", "W"}, {"y"}), {1, 3});
  bad(Node("MatMul", {"W", "x"}, {"y"}), {1, 2});
  bad(Node("MatMul", {"x", "b"}, {"y"}), {1, 3});
  bad(Node("MatMul", {"x", "W"}, {"y"}), {});
  bad(Node("Gemm", {"x", "W"}, {"y"}), {2});
  bad(Node("Gemm", {"x", "W"}, {"y"}, {IntegerAttribute("transB", 1)}), {1, 2});
  bad(Node("Gemm", {"x", "W", "C"}, {"y"}), {1, 2});
  bad(Node("Gemm", {"x", "W", "D"}, {"y"}), {1, 2});
  bad(Node("Add", {"x", "b"}, {"y"}), {1, 2});
  bad(Node("Mul", {"x", "C"}, {"y"}), {1, 3});  // which is [3,3]
  bad(Node("Flatten", {"x"}, {"y"}, {IntegerAttribute("axis", 3)}), {1, 3});
  bad(Node("Flatten", {"x"}, {"y"}, {IntegerAttribute("axis", -3)}), {1, 3});
  bad(Node("Reshape", {"x", "s"}, {"y"}), {1, 3});
  bad(Node("Reshape", {"x", "t"}, {"y"}), {1, 3});
  bad(Node("Reshape", {"x", "u"}, {"y"}), {3});
  bad(Node("Squeeze", {"x", "s"}, {"y"}), {1, 3, 1});
  bad(Node("Squeeze", {"x", "u"}, {"y"}), {1, 3});
  bad(Node("Unsqueeze", {"x", "u"}, {"y"}), {3});
  bad(Node("Transpose", {"x"}, {"y"}, {IntegersAttribute("perm", {0})}), {1, 3});
  bad(Node("Transpose", {"x"}, {"y"}, {IntegersAttribute("perm", {0, 0})}), {1, 3});
}

TEST(ReadOnnx, RefusesWhatWouldNotBeAnAffineOrElementwiseStep) {
  const std::vector<std::string> weights = {Tensor<float>("W", {2, 2}, {1, 2, 3, 4})};
  ExpectRule(OneNode(Node("Mul", {"x", "x"}, {"y"}), {1, 2}, {1, 2}), "onnx.unsupported-operator");
  ExpectRule(OneNode(Node("MatMul", {"x", "x"}, {"y"}), {1, 1}, {1, 1}), "onnx.unsupported-operator");
  ExpectRule(OneNode(Node("Gemm", {"x", "x"}, {"y"}), {1, 1}, {1, 1}), "onnx.unsupported-operator");
  ExpectRule(OneNode(Node("Gemm", {"x", "W", "x"}, {"y"}), {1, 2}, {1, 2}, weights), "onnx.unsupported-operator");
  ExpectRule(OneNode(Node("Add", {"W", "W"}, {"y"}), {1, 2}, {2, 2}, weights), "onnx.constant-computation");
  ExpectRule(OneNode(Node("Relu", {"W"}, {"y"}), {1, 2}, {2, 2}, weights), "onnx.constant-computation");
  ExpectRule(OneNode(Node("Reshape", {"x", "x"}, {"y"}), {1, 2}, {1, 2}), "onnx.dynamic-shape");
}

TEST(ReadOnnx, RefusesInputsAndAttributesThatAnOperatorDoesNotHave) {
  const auto bad = [](const std::string& node, const std::string& rule, int64_t opset = 13) {
    ExpectRule(OneNode(node, {1, 2}, {1, 2},
                       {Tensor<int64_t>("s", {2}, {1, 2}), Tensor<float>("W", {2, 2}, {1, 2, 3, 4})}, opset),
               rule);
  };
  bad(Node("Relu", {"x"}, {"y"}, {IntegerAttribute("consumed_inputs", 1)}), "onnx.unsupported-attribute");
  bad(Node("Relu", {"x"}, {"y"}, {onnx::Bytes(1, "mode") + onnx::Bytes(4, "fast") + Integer(20, 3)}),
      "onnx.unsupported-attribute");
  bad(Node("Gemm", {"x", "W"}, {"y"}, {IntegerAttribute("transA", 2)}), "onnx.unsupported-attribute");
  bad(Node("Gemm", {"x", "W"}, {"y"}, {IntegerAttribute("alpha", 1)}), "onnx.attribute");
  bad(Node("Gemm", {"x", "W"}, {"y"}, {onnx::Bytes(1, "alpha") + Float(2, 1)}), "onnx.attribute");  // no type
  bad(Node("Gemm", {"x", "W"}, {"y"}, {FloatAttribute("alpha", 1) + Integer(3, 1)}), "onnx.attribute");
  bad(Node("Reshape", {"x", "s"}, {"y"}, {IntegerAttribute("allowzero", 1)}), "onnx.unsupported-attribute");
  bad(Node("Relu", {}, {"y"}), "onnx.input-count");
  bad(Node("Relu", {"x", "x"}, {"y"}), "onnx.input-count");
  bad(Node("Relu", {"x"}, {}), "onnx.outputs");
  bad(Node("Relu", {"x"}, {"y", "z"}), "onnx.outputs");
  bad(Node("Reshape", {"x"}, {"y"}), "onnx.input-count");
  bad(Node("Unsqueeze", {"x"}, {"y"}), "onnx.input-count");
  bad(Node("Unsqueeze", {"x", "s"}, {"y"}), "onnx.input-count", 12);
  bad(Node("Unsqueeze", {"x", "s"}, {"y"}, {IntegersAttribute("axes", {0})}), "onnx.unsupported-attribute");
  bad(Node("Constant", {}, {"y"}), "onnx.unsupported-attribute");
  bad(Node("Constant", {}, {"y"}, {IntegerAttribute("other", 1)}), "onnx.unsupported-attribute");
}

// The only node of a graph that has one, as the function F.
template <typename F>
F OnlyFunction(const std::string& bytes) {
  const Result<Network> network = Read(bytes);
  EXPECT_TRUE(network.ok()) << network.error().message;
  if (!network.ok() || network->graph.nodes.size() != 1) return {};
  const F* function = std::get_if<F>(&network->graph.nodes[0].function);
  EXPECT_NE(function, nullptr);
  return function ? *function : F{};
}

TEST(ReadOnnx, KeepsAConvolutionWithItsShape) {
  const std::string bytes = OneNode(
      Node("Conv", {"x", "W"}, {"y"},
           {IntegerAttribute("group", 2), IntegersAttribute("strides", {2, 1}), IntegersAttribute("pads", {1, 0, 0, 0}),
            IntegersAttribute("dilations", {1, 2}), IntegersAttribute("kernel_shape", {2, 2})}),
      {1, 2, 4, 5}, {1, 4, 2, 3}, {Tensor<float>("W", {4, 1, 2, 2}, std::vector<float>(16, 0.5f))});
  const Convolution convolution = OnlyFunction<Convolution>(bytes);
  EXPECT_EQ(convolution, (Convolution{{{{4, 2, 2, 2, 1, 1}, {5, 3, 2, 1, 2, 0}}}, 2, 4, 2, 0, kNoConstant, {}}));
  EXPECT_EQ(Read(bytes)->tensors[0].values.size(), 16u);
}

TEST(ReadOnnx, JoinsRelabellingNodesIntoOneSelect) {
  // x[1,2,3] transposed, sliced, joined with a constant, gathered.
  const Result<Network> network = Read(Model(Graph(
      {Node("Transpose", {"x"}, {"t"}, {IntegersAttribute("perm", {0, 2, 1})}),
       Node("Slice", {"t", "s", "e", "a"}, {"c"}), Node("Concat", {"c", "k"}, {"j"}, {IntegerAttribute("axis", 1)}),
       Node("Gather", {"j", "g"}, {"y"}, {IntegerAttribute("axis", 1)})},
      {Tensor<int64_t>("s", {1}, {1}), Tensor<int64_t>("e", {1}, {3}), Tensor<int64_t>("a", {1}, {1}),
       Tensor<float>("k", {1, 1, 2}, {7, 8}), Tensor<int64_t>("g", {2}, {2, 0})},
      {Value("x", {1, 2, 3})}, {Value("y", {1, 2, 2})})));
  ASSERT_TRUE(network.ok()) << network.error().message;
  ASSERT_EQ(network->graph.nodes.size(), 1u);
  const Select& select = std::get<Select>(network->graph.nodes[0].function);
  EXPECT_EQ(select.source, (std::vector<uint32_t>{6, 7, 1, 4}));  // k, then x[0,:,1]
  EXPECT_EQ(network->tensors[select.constants.at(0)].origin, "k");
}

TEST(ReadOnnx, DropsNodesThatLeadNowhere) {
  Parts parts;
  parts.nodes.insert(parts.nodes.begin(), Node("Sigmoid", {"x"}, {"unused"}));
  const Result<Network> network = Read(parts.Bytes());
  ASSERT_TRUE(network.ok());
  EXPECT_EQ(network->graph.nodes.size(), 2u);
  EXPECT_EQ(network->operators, (std::vector<std::string>{"Add", "MatMul", "Relu", "Sigmoid"}));
}

TEST(ReadOnnx, DoesNotFuseABiasIntoAProductThatIsUsedTwice) {
  const Result<Network> network = Read(Model(Graph(
      {Node("MatMul", {"x", "W"}, {"h"}), Node("Add", {"h", "b"}, {"s"}), Node("Add", {"s", "h"}, {"y"})},
      {Tensor<float>("W", {1, 1}, {2}), Tensor<float>("b", {1}, {1})}, {Value("x", {1, 1})}, {Value("y", {1, 1})})));
  ASSERT_TRUE(network.ok());
  EXPECT_EQ(network->graph.nodes.size(), 3u);
}

TEST(ReadOnnx, MeansTheSameInEveryOperatorSetVersion) {
  const std::vector<std::string> numbers = {
      Tensor<float>("low", {}, {-1}),       Tensor<float>("high", {}, {2}),
      Tensor<float>("filler", {}, {3}),     Tensor<int64_t>("pads", {4}, {0, 1, 0, 0}),
      Tensor<int64_t>("half", {2}, {1, 1}), Tensor<int64_t>("axes", {1}, {1})};
  const auto same = [&](const std::string& older, int64_t older_version, const std::string& newer,
                        int64_t newer_version, const std::vector<int64_t>& from, const std::vector<int64_t>& to) {
    const Result<Network> a = Read(OneNode(older, from, to, {}, older_version));
    const Result<Network> b = Read(OneNode(newer, from, to, numbers, newer_version));
    ASSERT_TRUE(a.ok()) << a.error().message;
    ASSERT_TRUE(b.ok()) << b.error().message;
    ASSERT_EQ(a->graph.nodes.size(), b->graph.nodes.size());
    for (size_t i = 0; i < a->graph.nodes.size(); ++i) {
      Function function = b->graph.nodes[i].function;
      // Constants have other numbers.
      if (auto* select = std::get_if<Select>(&function)) select->constants = {0};
      if (auto* sum = std::get_if<Convolution>(&function)) sum->weights = 0;
      EXPECT_EQ(a->graph.nodes[i].function, function);
    }
  };
  same(Node("Clip", {"x"}, {"y"}, {FloatAttribute("min", -1), FloatAttribute("max", 2)}), 10,
       Node("Clip", {"x", "low", "high"}, {"y"}), 11, {1, 2}, {1, 2});
  same(Node("Pad", {"x"}, {"y"}, {IntegersAttribute("pads", {0, 1, 0, 0}), FloatAttribute("value", 3)}), 10,
       Node("Pad", {"x", "pads", "filler"}, {"y"}), 13, {1, 2}, {1, 3});
  same(Node("ReduceSum", {"x"}, {"y"}, {IntegersAttribute("axes", {1})}), 12, Node("ReduceSum", {"x", "axes"}, {"y"}),
       13, {1, 2}, {1, 1});
  same(Node("ReduceMean", {"x"}, {"y"}, {IntegersAttribute("axes", {1})}), 17, Node("ReduceMean", {"x", "axes"}, {"y"}),
       18, {1, 2}, {1, 1});
  same(Node("Dropout", {"x"}, {"y", "mask"}, {FloatAttribute("ratio", 0.3f)}), 10, Node("Dropout", {"x", "low"}, {"y"}),
       13, {1, 2}, {1, 2});
}

TEST(ReadOnnx, RefusesWindowsThatDoNotFit) {
  const std::vector<std::string> weights = {Tensor<float>("W", {2, 1, 3}, {1, 2, 3, 4, 5, 6}),
                                            Tensor<float>("b", {3}, {1, 2, 3}), Tensor<float>("M", {2, 1}, {1, 2})};
  const auto bad = [&](const std::string& node, const std::vector<int64_t>& from, const std::string& rule) {
    ExpectRule(OneNode(node, from, {1, 2, 1}, weights), rule);
  };
  const auto conv = [&](const std::vector<std::string>& attributes) {
    return Node("Conv", {"x", "W"}, {"y"}, attributes);
  };
  bad(conv({}), {1, 1, 2}, "onnx.shape");     // shorter than the kernel
  bad(conv({}), {2, 1, 4}, "onnx.shape");     // a batch of two
  bad(conv({}), {1, 2, 4}, "onnx.shape");     // other channels
  bad(conv({}), {1, 4}, "onnx.shape");        // no axis to slide over
  bad(conv({}), {1, 1, 4, 4}, "onnx.shape");  // one more
  bad(conv({IntegerAttribute("group", 2)}), {1, 1, 4}, "onnx.shape");
  bad(conv({IntegerAttribute("group", 0)}), {1, 1, 4}, "onnx.shape");
  bad(conv({IntegersAttribute("strides", {0})}), {1, 1, 4}, "onnx.unsupported-attribute");
  bad(conv({IntegersAttribute("pads", {-1, 0})}), {1, 1, 4}, "onnx.unsupported-attribute");
  bad(conv({IntegersAttribute("pads", {1})}), {1, 1, 4}, "onnx.shape");
  bad(conv({IntegersAttribute("dilations", {INT64_MAX})}), {1, 1, 4}, "onnx.limit");
  bad(conv({IntegersAttribute("pads", {INT64_MAX, INT64_MAX})}), {1, 1, 4}, "onnx.limit");
  bad(conv({IntegersAttribute("kernel_shape", {2})}), {1, 1, 4}, "onnx.shape");
  bad(conv({onnx::TextAttribute("auto_pad", "SAME")}), {1, 1, 4}, "onnx.unsupported-attribute");
  bad(conv({onnx::TextAttribute("auto_pad", "SAME_UPPER"), IntegersAttribute("pads", {1, 1})}), {1, 1, 4},
      "onnx.unsupported-attribute");
  bad(Node("Conv", {"x", "W", "b"}, {"y"}), {1, 1, 4}, "onnx.shape");
  bad(Node("Conv", {"x", "x"}, {"y"}), {1, 1, 4}, "onnx.unsupported-operator");
  bad(Node("Conv", {"x", "M"}, {"y"}), {1, 1, 4}, "onnx.shape");
  const auto pool = [](const std::string& name, const std::vector<std::string>& attributes, int64_t kernel = 2) {
    std::vector<std::string> all = attributes;
    all.push_back(IntegersAttribute("kernel_shape", {kernel}));
    return Node(name, {"x"}, {"y"}, all);
  };
  bad(Node("MaxPool", {"x"}, {"y"}), {1, 2, 2}, "onnx.unsupported-attribute");
  bad(pool("MaxPool", {IntegerAttribute("storage_order", 1)}), {1, 2, 2}, "onnx.unsupported-attribute");
  bad(pool("MaxPool", {IntegersAttribute("pads", {2, 0})}), {1, 2, 2}, "onnx.shape");  // a window of padding alone
  bad(pool("AveragePool", {IntegersAttribute("pads", {2, 0})}), {1, 2, 2}, "onnx.shape");
  bad(pool("MaxPool", {}, 0), {1, 2, 2}, "onnx.shape");
  bad(pool("MaxPool", {}, int64_t{1} << 40), {1, 2, 2}, "onnx.limit");
  bad(pool("MaxPool",
           {IntegerAttribute("ceil_mode", 1), IntegersAttribute("strides", {3}), IntegersAttribute("pads", {0, 2})}, 1),
      {1, 2, 3}, "onnx.unsupported-attribute");
  bad(pool("AveragePool", {IntegerAttribute("ceil_mode", 1), IntegerAttribute("count_include_pad", 1)}), {1, 2, 2},
      "onnx.unsupported-attribute");
  // A kernel that would take forever to walk over.
  bad(pool("AveragePool", {IntegersAttribute("pads", {100'000'000, 100'000'000})}, 90'000'000), {1, 2, 2},
      "onnx.limit");
  bad(Node("GlobalAveragePool", {"x"}, {"y"}), {1, 2}, "onnx.shape");
}

TEST(ReadOnnx, RefusesOperandsAndNumbersThatHaveNoMeaning) {
  const std::vector<std::string> constants = {
      Tensor<float>("one", {2}, {1, 1}),       Tensor<float>("zero", {2}, {1, 0}),
      Tensor<float>("negative", {2}, {1, -1}), Tensor<float>("low", {}, {-1}),
      Tensor<float>("three", {3}, {1, 2, 3}),  Tensor<int64_t>("i", {1}, {5}),
      Tensor<int64_t>("j", {1}, {0}),          Tensor<int64_t>("big", {1}, {INT64_MAX}),
      Tensor<int64_t>("two", {2}, {1, 1}),     Tensor<int64_t>("huge", {4}, {0, 0, INT64_MAX, 0})};
  const auto bad = [&](const std::string& node, const std::string& rule, int64_t opset = 13) {
    ExpectRule(OneNode(node, {1, 2}, {1, 2}, constants, opset), rule);
  };
  const auto norm = [](const std::string& variance, const std::vector<std::string>& attributes = {}) {
    return Node("BatchNormalization", {"x", "one", "one", "one", variance}, {"y"}, attributes);
  };
  bad(norm("negative"), "onnx.non-finite");
  bad(norm("zero", {FloatAttribute("epsilon", 0)}), "onnx.non-finite");
  bad(norm("three"), "onnx.shape");
  bad(norm("x"), "onnx.unsupported-operator");
  bad(norm("one", {IntegerAttribute("training_mode", 1)}), "onnx.unsupported-attribute", 14);
  bad(norm("one", {IntegerAttribute("spatial", 0)}), "onnx.unsupported-attribute", 7);
  bad(Node("Div", {"x", "zero"}, {"y"}), "onnx.non-finite");
  bad(Node("Div", {"one", "x"}, {"y"}), "onnx.unsupported-operator");
  bad(Node("Div", {"x", "x"}, {"y"}), "onnx.unsupported-operator");
  bad(Node("Add", {"x", "two"}, {"y"}), "onnx.element-type");
  bad(Node("Clip", {"x", "low", "x"}, {"y"}), "onnx.unsupported-operator");
  bad(Node("Clip", {"x", "", "low"}, {"y"}, {FloatAttribute("min", 0)}), "onnx.unsupported-attribute");
  bad(Node("Clip", {"x"}, {"y"}, {FloatAttribute("min", 1), FloatAttribute("max", 0)}), "onnx.unsupported-attribute",
      10);
  bad(Node("LeakyRelu", {"x"}, {"y"}, {FloatAttribute("alpha", std::numeric_limits<float>::infinity())}),
      "onnx.non-finite");
  bad(Node("Cast", {"x"}, {"y"}, {IntegerAttribute("to", 11)}), "onnx.unsupported-attribute");
  bad(Node("Pad", {"x", "huge"}, {"y"}), "onnx.limit");
  bad(Node("Pad", {"x", "two"}, {"y"}), "onnx.shape");
  bad(Node("Pad", {"x"}, {"y"}), "onnx.input-count");
  bad(Node("Pad", {"x", "two"}, {"y"}, {onnx::TextAttribute("mode", "reflect")}), "onnx.unsupported-attribute");
  bad(Node("Slice", {"x", "j", "j"}, {"y"}), "onnx.shape");
  bad(Node("Slice", {"x", "j", "i", "i"}, {"y"}), "onnx.shape");
  bad(Node("Slice", {"x", "j", "i", "j", "j"}, {"y"}), "onnx.shape");  // a step of 0
  bad(Node("Slice", {"x", "two", "j"}, {"y"}), "onnx.shape");
  bad(Node("Slice", {"x", "j"}, {"y"}), "onnx.input-count");
  bad(Node("Gather", {"x", "i"}, {"y"}), "onnx.shape");
  bad(Node("Gather", {"x", "x"}, {"y"}), "onnx.dynamic-shape");
  bad(Node("Concat", {"x", "x"}, {"y"}), "onnx.unsupported-attribute");
  bad(Node("Concat", {"x", "x"}, {"y"}, {IntegerAttribute("axis", 2)}), "onnx.shape");
  bad(Node("Concat", {"x", "one"}, {"y"}, {IntegerAttribute("axis", 0)}), "onnx.shape");
  bad(Node("Concat", {"one", "two"}, {"y"}, {IntegerAttribute("axis", 0)}), "onnx.element-type");
  bad(Node("Concat", {"one", "zero"}, {"y"}, {IntegerAttribute("axis", 0)}), "onnx.constant-computation");
  bad(Node("Split", {"x"}, {"y", "z"}, {IntegerAttribute("axis", 0)}), "onnx.shape");
  bad(Node("Split", {"x", "i"}, {"y"}, {IntegerAttribute("axis", 1)}), "onnx.shape");
  bad(Node("Split", {"x"}, {"y"}, {IntegerAttribute("axis", 1), IntegerAttribute("num_outputs", 2)}),
      "onnx.unsupported-attribute", 18);
  bad(Node("Expand", {"x", "big"}, {"y"}), "onnx.limit");
  bad(Node("Expand", {"x", "i"}, {"y"}), "onnx.shape");
  bad(Node("Add", {"big", "two"}, {"y"}), "onnx.shape");  // overflows
  bad(Node("Div", {"two", "j"}, {"y"}), "onnx.shape");
  bad(Node("ConstantOfShape", {"big"}, {"y"}), "onnx.limit");
  bad(Node("ConstantOfShape", {"two"}, {"y"}, {TensorAttribute("value", Tensor<double>("", {1}, {0.1}))}),
      "onnx.element-type");
  bad(Node("Reshape", {"x", "x"}, {"y"}), "onnx.dynamic-shape");
  bad(Node("Dropout", {"x", "low", "low"}, {"y"}), "onnx.input-count");
}

// Every network and property of the committed corpus loads, and so do all below PAWL_VNNCOMP_DIR, where it is set: a
// directory of benchmarks, each with its files somewhere below it. Prints what was read and what was refused and why.
TEST(Corpus, AllNetworksAndPropertiesLoad) {
  namespace fs = std::filesystem;
  struct Count {
    size_t files = 0, loaded = 0;
  };
  std::map<std::string, Count> counts;
  std::map<std::string, std::string> refusals;  // file: why
  const auto load = [&](const std::string& benchmark, const fs::path& file) {
    const bool network = file.extension() == ".onnx";
    if (!network && file.extension() != ".vnnlib") return;
    std::ifstream stream(file, std::ios::binary);
    const std::string bytes((std::istreambuf_iterator<char>(stream)), {});
    std::optional<Error> error;
    if (network) {
      if (const Result<Network> read = Read(bytes); !read.ok()) error = read.error();
    } else {
      if (const Result<Property> read = ReadVnnlib(bytes, {}); !read.ok()) error = read.error();
    }
    Count& count = counts[benchmark + (network ? " networks" : " properties")];
    ++count.files;
    count.loaded += !error;
    if (error) refusals[file.string()] = error->rule + ": " + error->message;
  };
  for (const char* name : {"onnx", "vnnlib"}) {
    for (const auto& entry : fs::directory_iterator(SourceDirectory() + "/fuzz/corpus/" + name)) {
      if (entry.path().filename().string().starts_with("good")) load("corpus", entry.path());
    }
  }
  if (const char* directory = std::getenv("PAWL_VNNCOMP_DIR")) {
    for (const auto& entry : fs::recursive_directory_iterator(directory)) {
      if (entry.is_regular_file()) load(fs::relative(entry.path(), directory).begin()->string(), entry.path());
    }
    EXPECT_GT(counts.size(), 2u);
  }
  for (const auto& [name, count] : counts) {
    std::printf("%-30s %4zu files, %4zu loaded\n", name.c_str(), count.files, count.loaded);
  }
  for (const auto& [file, why] : refusals) ADD_FAILURE() << file << ": " << why;
  EXPECT_GE(counts["corpus networks"].files, 20u);
  EXPECT_GE(counts["corpus properties"].files, 4u);
}

}  // namespace onnx_reader_test
}  // namespace pawl::model
