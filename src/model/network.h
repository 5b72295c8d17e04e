// A neural network as prover and checker see it: the ONNX graph, node by node, with nothing decided yet.
//
//   Result<Network> network = ReadOnnx(bytes, NetworkLimits{});
//   if (!network.ok()) return network.error();
//   for (const Node& node : network->nodes) ...            // in an order in which every input is known
//
// What is exact. Constants are the file's own float32 or float64 values held in double, which embeds both, so nothing
// is rounded on reading. Nothing is computed on reading either: constants are only relabelled (Transpose, Reshape and
// the like of a constant move its elements and keep their values), and a node whose inputs are all constants and which
// would compute is refused. Gemm's alpha and beta stay factors of their own. So one node here is one ONNX node, and
// rounding can be charged node by node.
//
// New operators become new NodeKind values with an attribute struct of their own in Node; Tensor and Network stay.
//
// Thread safety: values; safe to read from many threads.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "result/result.h"

namespace pawl::model {

// IEEE 754 binary32 or binary64: what a deployed evaluation computes in.
enum class ElementType { kFloat32, kFloat64 };

std::string_view ElementTypeName(ElementType type);  // "float32", "float64"

// Axes from slowest to fastest; elements lie row-major. An empty shape is a scalar. No axis is 0.
using Shape = std::vector<uint64_t>;

// The product of the axes; requires a shape taken from a Network (where it cannot overflow).
uint64_t ElementCount(const Shape& shape);

// One named value of the graph: the input, a constant, or what a node computes.
struct Tensor {
  std::string name;
  ElementType type = ElementType::kFloat32;
  Shape shape;
  bool is_constant = false;
  // Row-major, finite; empty unless is_constant.
  std::vector<double> values;
  // Of constants: the initialiser or Constant node they were read from, also where a Transpose, Reshape, ... stands in
  // between, so that a tolerance on "initialiser W" finds every constant it reaches. Equal to `name` otherwise.
  std::string origin;
};

enum class NodeKind {
  kGemm,     // alpha·A'·B' + beta·C; A or B is constant, C (may be absent) is constant; see GemmAttributes
  kMatMul,   // A·B; exactly one of the two is constant
  kAdd,      // A + B; at most one constant
  kSub,      // A − B; at most one constant
  kMul,      // A ⊙ B; exactly one constant
  kRelu,     // max(A, 0)
  kRelabel,  // Flatten, Reshape, Identity, Squeeze, Unsqueeze, or a Transpose that moves no element: same flat values
};

struct GemmAttributes {
  double alpha = 1.0;  // a float32 value, exact
  double beta = 1.0;   // a float32 value, exact
  bool transpose_a = false;
  bool transpose_b = false;
};

struct Node {
  NodeKind kind = NodeKind::kRelabel;
  std::string name;            // the ONNX node's name; its output's name where it has none
  std::string onnx_operator;   // "Gemm", "Flatten", ...
  std::vector<size_t> inputs;  // indices into Network::tensors
  size_t output = 0;           // index into Network::tensors
  GemmAttributes gemm;         // of kGemm only
};

// Invariants that ReadOnnx establishes: one input and one output; nodes in topological order, each tensor written once;
// shapes agree; one element type throughout; activations of Gemm and MatMul are one row (or one column where the
// constant stands on the left), so every affine node is matrix times vector; a constant added to or multiplied with an
// activation broadcasts to it by ONNX's rules and never enlarges it; two activations are added only in equal shapes.
struct Network {
  std::vector<Tensor> tensors;
  std::vector<Node> nodes;
  size_t input = 0;   // index into tensors
  size_t output = 0;  // index into tensors
  // Every operator that the file names, also where it only relabels a constant; sorted, distinct. For surface rules.
  std::vector<std::string> operators;
  // Float elements of all initialisers and Constant nodes, used or not.
  uint64_t parameter_count = 0;

  ElementType element_type() const { return tensors[input].type; }
  size_t input_size() const { return ElementCount(tensors[input].shape); }
  size_t output_size() const { return ElementCount(tensors[output].shape); }
};

// Checked before anything of the size in question is allocated.
struct NetworkLimits {
  uint64_t bytes_max = uint64_t{1} << 28;     // of the file
  uint64_t nodes_max = 10'000;                // ONNX nodes
  uint64_t tensors_max = 30'000;              // initialisers, inputs, and values computed
  uint64_t elements_max = uint64_t{1} << 25;  // float elements of all tensors together (8 bytes each)
  uint64_t rank_max = 8;                      // axes of a tensor
  uint64_t name_bytes_max = 1'024;            // of any name in the graph
};

// Reads an ONNX model: IR version 3 to 10, default operator set 7 to 21, one float32 or float64 input, one output. A
// symbolic or missing first axis of the input is a batch axis and becomes 1; other axes must be numbers.
//
// Unknown protobuf fields are skipped as protobuf demands; what carries meaning that is not modelled (functions,
// sub-graphs, sparse or external or quantised tensors, training information, other domains' operators, attributes with
// other values than supported) is refused by name. Rules: onnx.truncated, onnx.wire-type, onnx.limit, onnx.unsupported-
// operator, onnx.unsupported-attribute, onnx.shape, onnx.undefined-value, onnx.node-order (also of cycles),
// onnx.duplicate-name, onnx.non-finite, and others below "onnx.".
Result<Network> ReadOnnx(std::span<const uint8_t> bytes, const NetworkLimits& limits);

// The constant's values stretched to `shape` by ONNX's (NumPy's) broadcasting, row-major. Requires shapes that
// broadcast, as those of a network's Add, Sub, Mul and Gemm nodes do.
std::vector<double> Broadcast(const Tensor& constant, const Shape& shape);

// Row-major values of `shape` where one step along axis i is `step[i]` elements in `from`.
std::vector<double> Strided(const std::vector<double>& from, const Shape& shape, const std::vector<uint64_t>& step);

// Whether two networks are the same graph but for the *values* of constants: nodes, attributes, names, shapes and
// element types are equal, and so are the constants' shapes and origins.
bool SameGraph(const Network& a, const Network& b);

}  // namespace pawl::model
