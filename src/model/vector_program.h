// The vector graph of a network that has only products, sums and ReLUs, with constants copied out.
//
//   Result<VectorProgram> program = ToVectorProgram(network);
//   if (!program.ok()) return program.error();
//
// Value 0 is the network's input; value i + 1 is the result of operation i, which is node i of the vector graph: what
// vector_graph.h says about rounding holds here. Weights are copied or negated, never multiplied or added.
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

// Allocates about as much as the network's constants take. Refused, with the node named: any other function
// (model.unsupported-function).
Result<VectorProgram> ToVectorProgram(const Network& network);

}  // namespace pawl::model
