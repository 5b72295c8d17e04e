#include "prover/flat_network.h"

#include <cmath>
#include <limits>
#include <string>
#include <utility>

namespace pawl::prover {
namespace {

// The affine function that is being collected since the last activation, in double: rows of weights over `inputs`
// operands, or a diagonal where no product has been seen yet.
struct Collected {
  std::size_t inputs = 0;
  std::size_t size = 0;
  bool diagonal = true;
  std::vector<double> weight;  // [size][inputs], or [size] where diagonal
  std::vector<double> bias;    // [size]
  double roundings = 0;        // unit roundings relative to the sums of magnitudes

  static Collected Identity(std::size_t size) {
    return {size, size, true, std::vector<double>(size, 1.0), std::vector<double>(size, 0.0), 0};
  }
};

// Dense matrices only up to this size: they are built before anything else limits them.
constexpr std::size_t kWeightsMax = std::size_t{1} << 26;

Error Unsupported(const std::string& what) {
  return Refused("prover.unsupported", what + " is not supported by the prover",
                 "use a network that is a chain of affine layers and ReLUs");
}

void ComposeAffine(Collected& function, const model::Operation& op) {
  Collected next;
  next.inputs = function.inputs;
  next.size = op.rows;
  next.diagonal = false;
  next.weight.assign(next.size * next.inputs, 0.0);
  next.bias.assign(next.size, 0.0);
  for (std::size_t i = 0; i < op.rows; ++i) {
    if (!op.bias.empty()) next.bias[i] = op.beta * op.bias[i];
    double* row = next.weight.data() + i * next.inputs;
    for (std::size_t k = 0; k < op.columns; ++k) {
      const double weight = op.alpha * op.weights[i * op.columns + k];
      if (weight == 0) continue;
      next.bias[i] += weight * function.bias[k];
      if (function.diagonal) {
        row[k] += weight * function.weight[k];
        continue;
      }
      const double* inner = function.weight.data() + k * next.inputs;
      for (std::size_t j = 0; j < next.inputs; ++j) row[j] += weight * inner[j];
    }
  }
  const int factors = (op.alpha == 1.0 ? 0 : 1) + (op.beta == 1.0 ? 0 : 1);
  next.roundings = function.roundings + static_cast<double>(op.columns) + 2 + factors;
  function = std::move(next);
}

void ComposeElementwise(Collected& function, const model::Operation& op) {
  const std::size_t row_size = function.diagonal ? 1 : function.inputs;
  for (std::size_t i = 0; i < function.size; ++i) {
    const double scale = op.scale.empty() ? 1.0 : op.scale[i];
    for (std::size_t j = 0; j < row_size; ++j) function.weight[i * row_size + j] *= scale;
    function.bias[i] = function.bias[i] * scale + (op.offset.empty() ? 0.0 : op.offset[i]);
  }
  function.roundings += 3;
}

double UnitRoundoff(checker::Arithmetic arithmetic) {
  switch (arithmetic) {
    case checker::Arithmetic::kReal:
      return 0;
    case checker::Arithmetic::kFloat32:
      return 0x1p-24;
    case checker::Arithmetic::kFloat64:
      return 0x1p-53;
  }
  return 0;
}

Result<FlatLayer> Emit(const Collected& function, bool relu, double unit) {
  if (function.size * function.inputs > kWeightsMax) return Unsupported("a layer of this size");
  FlatLayer layer;
  layer.inputs = function.inputs;
  layer.outputs = function.size;
  layer.relu = relu;
  layer.weight.assign(layer.inputs * layer.outputs, 0.0f);
  for (std::size_t i = 0; i < function.weight.size(); ++i) {
    layer.weight[function.diagonal ? i * layer.inputs + i : i] = static_cast<float>(function.weight[i]);
  }
  for (const double bias : function.bias) layer.bias.push_back(static_cast<float>(bias));
  for (const float weight : layer.weight) {
    if (!std::isfinite(weight)) return Unsupported("a weight beyond single precision");
  }
  const double total = function.roundings * unit;
  layer.error_relative = static_cast<float>(total / (1 - total));
  layer.error_absolute = unit > 0 ? std::numeric_limits<float>::min() * static_cast<float>(layer.inputs) : 0.0f;
  CompleteLayer(layer);
  return layer;
}

}  // namespace

void CompleteLayer(FlatLayer& layer) {
  layer.weight_magnitude.resize(layer.weight.size());
  layer.transposed.resize(layer.weight.size());
  layer.transposed_magnitude.resize(layer.weight.size());
  for (std::size_t i = 0; i < layer.outputs; ++i) {
    for (std::size_t j = 0; j < layer.inputs; ++j) {
      const float weight = layer.weight[i * layer.inputs + j];
      layer.weight_magnitude[i * layer.inputs + j] = std::abs(weight);
      layer.transposed[j * layer.outputs + i] = weight;
      layer.transposed_magnitude[j * layer.outputs + i] = std::abs(weight);
    }
  }
}

Result<FlatNetwork> Flatten(const model::VectorProgram& program, checker::Arithmetic arithmetic) {
  const double unit = UnitRoundoff(arithmetic);
  FlatNetwork network;
  network.inputs = program.input_size;
  Collected function = Collected::Identity(program.input_size);
  bool pending = true;  // an affine function, or a network without any layer
  for (std::size_t i = 0; i < program.operations.size(); ++i) {
    const model::Operation& op = program.operations[i];
    if (op.inputs.size() != 1 || op.inputs[0] != i) return Unsupported("a graph that is not a chain");
    switch (op.kind) {
      case model::OperationKind::kAffine:
        if (op.rows * function.inputs > kWeightsMax) return Unsupported("a layer of this size");
        ComposeAffine(function, op);
        pending = true;
        break;
      case model::OperationKind::kElementwise:
        ComposeElementwise(function, op);
        pending = true;
        break;
      case model::OperationKind::kRelu: {
        Result<FlatLayer> layer = Emit(function, true, unit);
        if (!layer.ok()) return layer.error();
        network.layers.push_back(std::move(*layer));
        function = Collected::Identity(op.size);
        pending = false;
        break;
      }
      case model::OperationKind::kSum:
        return Unsupported("a sum of two activations");
    }
  }
  if (program.output != program.operations.size()) return Unsupported("a graph that is not a chain");
  if (pending) {
    Result<FlatLayer> layer = Emit(function, false, unit);
    if (!layer.ok()) return layer.error();
    network.layers.push_back(std::move(*layer));
  }
  return network;
}

}  // namespace pawl::prover
