#include "model/evaluation.h"

#include <cfloat>
#include <cmath>
#include <utility>

namespace pawl::model {
namespace {

static_assert(FLT_EVAL_METHOD == 0, "float operations must round to float");

template <typename Float>
void Affine(const Operation& operation, const std::vector<Float>& x, std::vector<Float>& y) {
  const auto alpha = static_cast<Float>(operation.alpha), beta = static_cast<Float>(operation.beta);
  for (size_t row = 0; row < operation.rows; ++row) {
    const double* weights = operation.weights.data() + row * operation.columns;
    Float sum = static_cast<Float>(weights[0]) * x[0];
    for (size_t k = 1; k < operation.columns; ++k) {
      const Float product = static_cast<Float>(weights[k]) * x[k];
      sum = sum + product;
    }
    if (alpha != 1) sum = alpha * sum;
    if (!operation.bias.empty()) {
      auto bias = static_cast<Float>(operation.bias[row]);
      if (beta != 1) bias = beta * bias;
      sum = sum + bias;
    }
    y[row] = sum;
  }
}

// One rounding an element: scale is absent or ±1 where there is an offset.
template <typename Float>
void Elementwise(const Operation& operation, const std::vector<Float>& x, std::vector<Float>& y) {
  for (size_t i = 0; i < operation.size; ++i) {
    y[i] = operation.scale.empty() ? x[i] : static_cast<Float>(operation.scale[i]) * x[i];
    if (!operation.offset.empty()) y[i] = y[i] + static_cast<Float>(operation.offset[i]);
  }
}

template <typename Float>
Result<std::vector<double>> Evaluate(const VectorProgram& program, std::span<const double> input) {
  if (input.size() != program.input_size) {
    return Malformed("evaluate.size", "the network has " + std::to_string(program.input_size) + " inputs, " +
                                          std::to_string(input.size()) + " values were given");
  }
  std::vector<std::vector<Float>> values(program.operations.size() + 1);
  for (const double x : input) {
    const bool in_range = std::fabs(x) <= static_cast<double>(std::numeric_limits<Float>::max());
    if (!in_range || static_cast<double>(static_cast<Float>(x)) != x) {
      return Malformed("evaluate.input", "an input is not a finite value of the network's element type");
    }
    values[0].push_back(static_cast<Float>(x));
  }
  for (size_t i = 0; i < program.operations.size(); ++i) {
    const Operation& operation = program.operations[i];
    const std::vector<Float>& x = values[operation.inputs[0]];
    std::vector<Float>& y = values[i + 1];
    y.resize(operation.size);
    switch (operation.kind) {
      case OperationKind::kAffine:
        Affine(operation, x, y);
        break;
      case OperationKind::kElementwise:
        Elementwise(operation, x, y);
        break;
      case OperationKind::kRelu:
        for (size_t k = 0; k < y.size(); ++k) y[k] = x[k] > 0 || std::isnan(x[k]) ? x[k] : Float{0};
        break;
      case OperationKind::kSum:
        for (size_t k = 0; k < y.size(); ++k) {
          const Float other = values[operation.inputs[1]][k];
          y[k] = operation.subtract ? x[k] - other : x[k] + other;
        }
        break;
    }
  }
  const std::vector<Float>& output = values[program.output];
  return std::vector<double>(output.begin(), output.end());
}

}  // namespace

Result<std::vector<double>> EvaluateReference(const VectorProgram& program, std::span<const double> input) {
  switch (program.type) {
    case ElementType::kFloat32:
      return Evaluate<float>(program, input);
    case ElementType::kFloat64:
      return Evaluate<double>(program, input);
  }
  return Malformed("evaluate.type", "unknown element type");
}

Result<std::vector<double>> EvaluateReference(const Network& network, std::span<const double> input) {
  return EvaluateReference(ToVectorProgram(network), input);
}

}  // namespace pawl::model
