// A neural network as prover and checker see it, read from ONNX.
//
//   Result<Network> network = ReadOnnx(bytes, NetworkLimits{});
//   if (!network.ok()) return network.error();
//   for (const VectorNode& node : network->graph.nodes) ...  // in an order in which every operand is known
//
// What is exact. Constants are the file's own float32 or float64 values held in double, which embeds both, so nothing
// is rounded on reading. Nothing is computed on reading either, but whole numbers for shapes and axes: constants are
// only relabelled (Transpose, Slice and the like of a constant move its elements and keep their values), and a node
// that would compute on float constants alone is refused.
//
// Thread safety: values; safe to read from many threads.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "model/vector_graph.h"
#include "result/result.h"

namespace pawl::model {

// IEEE 754 binary32 or binary64: what a deployed evaluation computes in.
enum class ElementType { kFloat32, kFloat64 };

std::string_view ElementTypeName(ElementType type);  // "float32", "float64"

// Axes from slowest to fastest; elements lie row-major. An empty shape is a scalar. No axis is 0.
using Shape = std::vector<uint64_t>;

// The product of the axes; requires a shape taken from a Network (where it cannot overflow).
uint64_t ElementCount(const Shape& shape);

// A constant of the graph.
struct Tensor {
  std::string name;
  ElementType type = ElementType::kFloat32;
  Shape shape;
  std::vector<double> values;  // row-major, finite
  // The initialiser or Constant node it was read from, also where a Transpose, Slice, ... stands in between, so that a
  // tolerance on "initialiser W" finds every constant it reaches. Empty for numbers that the file does not contain,
  // such as the weights 1 of an average.
  std::string origin;
  // Where the file holds these very values, byte behind byte, little-endian and each as wide as `type`, and nothing of
  // the graph but its constants follows from them. Else kNotStored: of copies, of values spelt out one by one, and of
  // numbers that are read into the graph, such as the limits of a Clip.
  static constexpr uint64_t kNotStored = ~uint64_t{0};
  uint64_t stored_at = kNotStored;

  friend bool operator==(const Tensor&, const Tensor&) = default;
};

// Invariants that ReadOnnx establishes: every operand stands before its node, every node leads to the output, sizes and
// constants fit as vector_graph.h says, and one element type holds throughout.
struct Network {
  ElementType type = ElementType::kFloat32;
  Shape input_shape, output_shape;
  std::vector<Tensor> tensors;
  VectorGraph graph;
  // Every operator that the file names, also where it only relabels a constant; sorted, distinct. For surface rules.
  std::vector<std::string> operators;
  // Float elements of all initialisers and Constant nodes, used or not.
  uint64_t parameter_count = 0;

  ElementType element_type() const { return type; }
  size_t input_size() const { return graph.input_size; }
  size_t output_size() const { return graph.SizeOf(graph.output); }
};

// Checked before anything of the size in question is allocated.
struct NetworkLimits {
  uint64_t bytes_max = uint64_t{1} << 29;     // of the file
  uint64_t nodes_max = 10'000;                // ONNX nodes
  uint64_t tensors_max = 30'000;              // initialisers, inputs, and values computed
  uint64_t elements_max = uint64_t{1} << 27;  // of all tensors and index lists together (at most 8 bytes each)
  uint64_t rank_max = 8;                      // axes of a tensor
  uint64_t name_bytes_max = 1'024;            // of any name in the graph
};

// Reads an ONNX model: IR version 3 to 10, default operator set 7 to 21, one float32 or float64 input, one output. A
// symbolic or missing first axis of the input is a batch axis and becomes 1; other axes must be numbers.
//
// Operators, in the forms of every one of these versions:
// - sums of products: Gemm, MatMul (by a constant), Conv, AveragePool, GlobalAveragePool, ReduceMean, ReduceSum,
//   BatchNormalization (inference); Add, Sub, Mul, Div with a constant; Add, Sub of two activations; Neg;
// - Relu, LeakyRelu, Clip, Sigmoid, Tanh, MaxPool;
// - relabelling: Concat, Dropout (inference), Expand, Flatten, Gather, Identity, Pad (constant), Reshape, Slice, Split,
//   Squeeze, Transpose, Unsqueeze, also of constants;
// - whole-number constants, for the shapes and axes of the others: Shape, Constant, ConstantOfShape, Cast, Add, Sub,
// Mul,
//   Div and all relabelling.
//
// Unknown protobuf fields are skipped as protobuf demands; what carries meaning that is not modelled (functions,
// sub-graphs, sparse or external or quantised tensors, training information, other domains' operators, attributes with
// other values than supported) is refused by name. Rules: onnx.truncated, onnx.wire-type, onnx.limit, onnx.unsupported-
// operator, onnx.unsupported-attribute, onnx.shape, onnx.undefined-value, onnx.node-order (also of cycles),
// onnx.duplicate-name, onnx.non-finite, and others below "onnx.".
Result<Network> ReadOnnx(std::span<const uint8_t> bytes, const NetworkLimits& limits);

}  // namespace pawl::model
