// A network as a flat list of vector operations: the form that bounds are computed over.
//
//   VectorProgram program = ToVectorProgram(network);
//   std::vector<std::vector<double>> value(program.operations.size() + 1);
//   value[0] = x;                                                    // the network's input, flattened row-major
//   for (size_t i = 0; i < program.operations.size(); ++i) value[i + 1] = Apply(program.operations[i], value);
//   return value[program.output];
//
// Value 0 is the network's input; value i + 1 is the result of operation i. Relabelling nodes vanish. Every operation
// names the ONNX nodes it stands for, each node stands in exactly one operation, and the mathematical function is
// exactly the graph's: weights are copied or negated, never multiplied or added.
//
// Rounding, for whoever charges it. An operation stands for one ONNX node, except that a MatMul whose only use is an
// Add or Sub of a constant (c on the right of Sub) takes that constant as its bias: nodes then lists both, in order.
// kAffine with alpha = beta = 1 is `columns` products and as many additions; alpha ≠ 1 and beta ≠ 1 are one further
// multiplication each. kElementwise is one rounding an element: either scale is ±1 everywhere, or offset is absent.
//
// Thread safety: values.
#pragma once

#include <cstddef>
#include <vector>

#include "model/network.h"

namespace pawl::model {

enum class OperationKind {
  kAffine,       // y = alpha·W·x + beta·b
  kElementwise,  // y_i = scale_i·x_i + offset_i
  kRelu,         // y_i = max(x_i, 0)
  kSum,          // y_i = x_i + x'_i, or x_i − x'_i where `subtract`; x and x' are two activations (a residual Add)
};

// In tensors[]: no constant of the graph stands here.
inline constexpr size_t kNoTensor = static_cast<size_t>(-1);

struct Operation {
  OperationKind kind = OperationKind::kRelu;
  std::vector<size_t> inputs;  // values read: one; two for kSum
  size_t size = 0;             // elements of the result
  std::vector<size_t> nodes;   // indices into Network::nodes

  // kAffine. Row-major, rows × columns, rows = size, columns = the input's size.
  size_t rows = 0, columns = 0;
  std::vector<double> weights;
  double alpha = 1.0, beta = 1.0;
  std::vector<double> bias;  // b, size rows; empty where there is none
  // kElementwise. Each has `size` elements or is empty: scale then 1, offset then 0.
  std::vector<double> scale, offset;
  // kSum.
  bool subtract = false;

  // The constants behind weights or scale, and behind bias or offset, as indices into Network::tensors (kNoTensor:
  // none). Element order and sign may differ from the tensor's.
  size_t weight_tensor = kNoTensor, bias_tensor = kNoTensor;
};

struct VectorProgram {
  std::vector<Operation> operations;
  size_t input_size = 0;
  size_t output = 0;  // the value that is the network's output
  ElementType type = ElementType::kFloat32;

  // Elements of value v, 0 ≤ v ≤ operations.size().
  size_t SizeOf(size_t v) const { return v == 0 ? input_size : operations[v - 1].size; }
};

// Requires a network from ReadOnnx. Allocates about as much as the network's constants take.
VectorProgram ToVectorProgram(const Network& network);

}  // namespace pawl::model
