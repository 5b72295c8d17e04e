#include "model/vector_program.h"

#include <utility>

namespace pawl::model {
namespace {

class Converter {
 public:
  Converter(const Network& network, const VectorNode& node, Operation& operation)
      : network_(network), node_(node), operation_(operation) {}

  bool operator()(const Dense& dense) {
    operation_.kind = OperationKind::kAffine;
    operation_.rows = dense.rows;
    operation_.columns = dense.columns;
    operation_.weight_tensor = dense.weights;
    operation_.bias_tensor = dense.bias == kNoConstant ? kNoTensor : dense.bias;
    const std::vector<double>& weights = network_.tensors[dense.weights].values;
    for (size_t i = 0; i < dense.rows; ++i) {
      for (size_t j = 0; j < dense.columns; ++j) {
        operation_.weights.push_back(weights[i * dense.row_step + j * dense.column_step]);
      }
    }
    const double sign = dense.beta == -1 ? -1 : 1;
    operation_.alpha = dense.alpha;
    operation_.beta = dense.beta * sign;
    for (size_t i = 0; dense.bias != kNoConstant && i < dense.rows; ++i) {
      operation_.bias.push_back(sign * network_.tensors[dense.bias].values[i * dense.bias_step]);
    }
    return true;
  }

  bool operator()(const Elementwise& elementwise) {
    using Form = Elementwise::Form;
    if (elementwise.form == Form::kDivide) return false;
    operation_.kind = OperationKind::kElementwise;
    const double sign = elementwise.form == Form::kSubtract ? -1 : 1;
    std::vector<double> values;
    for (size_t i = 0; i < node_.size; ++i) {
      values.push_back(sign * network_.tensors[elementwise.constant].values[i * elementwise.constant_step]);
    }
    if (elementwise.form == Form::kMultiply) {
      operation_.scale = std::move(values);
      operation_.weight_tensor = elementwise.constant;
    } else {
      if (elementwise.form == Form::kSubtractFrom) operation_.scale.assign(node_.size, -1.0);
      operation_.offset = std::move(values);
      operation_.bias_tensor = elementwise.constant;
    }
    return true;
  }

  bool operator()(const Sum& sum) {
    operation_.kind = OperationKind::kSum;
    operation_.subtract = sum.second_sign < 0;
    return true;
  }

  bool operator()(const Activation& activation) {
    operation_.kind = OperationKind::kRelu;
    return activation.form == Activation::Form::kRelu;
  }

  bool operator()(const Convolution&) { return false; }
  bool operator()(const BatchNormalization&) { return false; }
  bool operator()(const Select&) { return false; }
  bool operator()(const Maximum&) { return false; }

 private:
  const Network& network_;
  const VectorNode& node_;
  Operation& operation_;
};

}  // namespace

Result<VectorProgram> ToVectorProgram(const Network& network) {
  VectorProgram program;
  program.input_size = network.graph.input_size;
  program.output = network.graph.output;
  program.type = network.type;
  for (const VectorNode& node : network.graph.nodes) {
    Operation operation;
    operation.inputs = node.inputs;
    operation.size = node.size;
    if (!std::visit(Converter(network, node, operation), node.function)) {
      return Refused("model.unsupported-function", node.description + " can be read, but not be proved about yet");
    }
    program.operations.push_back(std::move(operation));
  }
  return program;
}

}  // namespace pawl::model
