#include "model/vector_program.h"

#include <algorithm>
#include <cassert>
#include <utility>

namespace pawl::model {
namespace {

class ProgramBuilder {
 public:
  explicit ProgramBuilder(const Network& network)
      : network_(network), value_of_(network.tensors.size(), 0), uses_(network.tensors.size(), 0) {}

  VectorProgram Build() {
    program_.input_size = network_.input_size();
    program_.type = network_.element_type();
    for (const Node& node : network_.nodes) {
      for (const size_t input : node.inputs) ++uses_[input];
    }
    ++uses_[network_.output];
    for (size_t i = 0; i < network_.nodes.size(); ++i) Add(i, network_.nodes[i]);
    program_.output = value_of_[network_.output];
    return std::move(program_);
  }

 private:
  const Tensor& TensorAt(size_t index) const { return network_.tensors[index]; }

  void Add(size_t index, const Node& node) {
    switch (node.kind) {
      case NodeKind::kRelabel:
        value_of_[node.output] = value_of_[node.inputs[0]];
        return;
      case NodeKind::kRelu:
        Emit(index, node, Start(OperationKind::kRelu, node.inputs[0]));
        return;
      case NodeKind::kMatMul:
      case NodeKind::kGemm:
        AddAffine(index, node);
        return;
      case NodeKind::kAdd:
      case NodeKind::kSub:
      case NodeKind::kMul:
        if (TensorAt(node.inputs[0]).is_constant || TensorAt(node.inputs[1]).is_constant) {
          AddElementwise(index, node);
        } else {
          AddSum(index, node);
        }
        return;
    }
  }

  Operation Start(OperationKind kind, size_t input_tensor) const {
    Operation operation;
    operation.kind = kind;
    operation.inputs = {value_of_[input_tensor]};
    return operation;
  }

  void Emit(size_t index, const Node& node, Operation operation) {
    operation.nodes = {index};
    operation.size = ElementCount(TensorAt(node.output).shape);
    program_.operations.push_back(std::move(operation));
    value_of_[node.output] = program_.operations.size();
  }

  void AddAffine(size_t index, const Node& node) {
    const bool constant_left = TensorAt(node.inputs[0]).is_constant;
    const size_t weight = node.inputs[constant_left ? 0 : 1];
    const Tensor& matrix = TensorAt(weight);
    Operation operation = Start(OperationKind::kAffine, node.inputs[constant_left ? 1 : 0]);
    // W's rows are the left matrix's rows or the right matrix's columns.
    const bool transposed = constant_left ? node.gemm.transpose_a : !node.gemm.transpose_b;
    operation.rows = matrix.shape[transposed ? 1 : 0];
    operation.columns = matrix.shape[transposed ? 0 : 1];
    operation.weights = matrix.values;
    for (size_t row = 0; transposed && row < operation.rows; ++row) {
      for (size_t column = 0; column < operation.columns; ++column) {
        operation.weights[row * operation.columns + column] = matrix.values[column * operation.rows + row];
      }
    }
    operation.weight_tensor = weight;
    operation.alpha = node.gemm.alpha;
    operation.beta = node.gemm.beta;
    if (node.inputs.size() == 3) {
      operation.bias = Broadcast(TensorAt(node.inputs[2]), TensorAt(node.output).shape);
      operation.bias_tensor = node.inputs[2];
    }
    Emit(index, node, std::move(operation));
  }

  void AddElementwise(size_t index, const Node& node) {
    const bool constant_left = TensorAt(node.inputs[0]).is_constant;
    const size_t constant = node.inputs[constant_left ? 0 : 1], activation = node.inputs[constant_left ? 1 : 0];
    std::vector<double> values = Broadcast(TensorAt(constant), TensorAt(node.output).shape);
    if (node.kind == NodeKind::kSub && !constant_left) {
      for (double& value : values) value = -value;
    }
    const bool adds_last = node.kind == NodeKind::kAdd || (node.kind == NodeKind::kSub && !constant_left);
    if (Operation* product = LoneMatMul(activation); adds_last && product != nullptr) {
      product->bias = std::move(values);
      product->bias_tensor = constant;
      product->nodes.push_back(index);
      value_of_[node.output] = value_of_[activation];
      return;
    }
    Operation operation = Start(OperationKind::kElementwise, activation);
    if (node.kind == NodeKind::kMul) {
      operation.scale = std::move(values);
      operation.weight_tensor = constant;
    } else {
      if (!adds_last && node.kind == NodeKind::kSub) operation.scale.assign(values.size(), -1.0);
      operation.offset = std::move(values);
      operation.bias_tensor = constant;
    }
    Emit(index, node, std::move(operation));
  }

  // The operation of a MatMul node that computes the tensor directly and for one use alone; else null.
  Operation* LoneMatMul(size_t tensor) {
    if (uses_[tensor] != 1 || value_of_[tensor] == 0) return nullptr;
    Operation& operation = program_.operations[value_of_[tensor] - 1];
    const Node& node = network_.nodes[operation.nodes.front()];
    return node.kind == NodeKind::kMatMul && node.output == tensor ? &operation : nullptr;
  }

  void AddSum(size_t index, const Node& node) {
    Operation operation = Start(OperationKind::kSum, node.inputs[0]);
    operation.inputs.push_back(value_of_[node.inputs[1]]);
    operation.subtract = node.kind == NodeKind::kSub;
    Emit(index, node, std::move(operation));
  }

  const Network& network_;
  std::vector<size_t> value_of_;  // of each tensor that is no constant
  std::vector<size_t> uses_;
  VectorProgram program_;
};

}  // namespace

VectorProgram ToVectorProgram(const Network& network) { return ProgramBuilder(network).Build(); }

}  // namespace pawl::model
