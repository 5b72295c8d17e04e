#include "prover/flat_network.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>
#include <utility>

namespace pawl::prover {
namespace {

using checker::Step;
using checker::StepKind;

// The affine function that is being collected since the last activation, in double: rows of weights over `inputs`
// operands, or a diagonal where no product has been seen yet.
struct Collected {
  std::size_t inputs = 0;
  std::size_t size = 0;
  bool diagonal = true;
  std::vector<double> weight;  // [size][inputs], or [size] where diagonal
  std::vector<double> bias;    // [size]
  double error = 0;            // roundings relative to the sums of magnitudes
  // What weights and bias may be off by in an envelope, as above, applied to the magnitudes of the operands.
  std::vector<double> moved_weight, moved_bias;

  static Collected Identity(std::size_t size) {
    const std::vector<double> zeros(size, 0.0);
    return {size, size, true, std::vector<double>(size, 1.0), zeros, 0, zeros, zeros};
  }
};

// Dense matrices only up to this size, of which six copies are kept.
constexpr std::size_t kWeightsMax = std::size_t{1} << 24;

Error Unsupported(const std::string& what) {
  return Refused("prover.unsupported", what + " is not supported by the search on dense layers",
                 "use a network that is a chain of affine layers and ReLUs");
}

void ComposeElementwise(Collected& function, const Step& step) {
  const std::size_t row_size = function.diagonal ? 1 : function.inputs;
  for (std::size_t i = 0; i < function.size; ++i) {
    for (std::size_t j = 0; j < row_size; ++j) {
      function.weight[i * row_size + j] *= step.weights[i];
      function.moved_weight[i * row_size + j] *= std::abs(step.weights[i]);
    }
    function.bias[i] = function.bias[i] * step.weights[i] + step.bias[i];
    function.moved_bias[i] = function.moved_bias[i] * std::abs(step.weights[i]) + step.bias_radius;
  }
}

void ComposeAffine(Collected& function, const Step& step) {
  Collected next{function.inputs, step.rows, false, {}, step.bias, function.error, {}, {}};
  next.weight.assign(next.size * next.inputs, 0.0);
  next.moved_weight = next.weight;
  next.moved_bias.assign(next.size, step.bias_radius);
  for (std::size_t i = 0; i < step.rows; ++i) {
    double* row = next.weight.data() + i * next.inputs;
    double* moved_row = next.moved_weight.data() + i * next.inputs;
    const auto add = [&](std::size_t k, double weight) {
      const double radius = step.weight_radius, reach = std::abs(weight) + radius;
      if (reach == 0) return;
      next.bias[i] += weight * function.bias[k];
      next.moved_bias[i] += reach * function.moved_bias[k] + radius * std::abs(function.bias[k]);
      const std::size_t first = function.diagonal ? k : 0, count = function.diagonal ? 1 : next.inputs;
      const double* inner = function.weight.data() + k * count;
      const double* moved = function.moved_weight.data() + k * count;
      for (std::size_t j = 0; j < count; ++j) {
        row[first + j] += weight * inner[j];
        moved_row[first + j] += reach * moved[j] + radius * std::abs(inner[j]);
      }
    };
    if (step.kind != StepKind::kSelect)
      step.ForEachTerm(i, add);
    else if (step.sources[i].value != model::kNoConstant)
      add(step.sources[i].index, 1);
  }
  function = std::move(next);
}

// Whether the step's only operand is value `v`.
bool Continues(const Step& step, std::size_t v) {
  if (step.kind == StepKind::kSum) return false;
  for (const Step::Source& source : step.sources)
    if (source.value != v && source.value != model::kNoConstant) return false;
  return step.input == v;
}

void AddErrors(const Collected& function, const checker::Format& format, FlatLayer& layer) {
  const auto is_zero = [](double value) { return value == 0; };
  if (function.error == 0 && std::all_of(function.moved_weight.begin(), function.moved_weight.end(), is_zero) &&
      std::all_of(function.moved_bias.begin(), function.moved_bias.end(), is_zero))
    return;
  const auto error = static_cast<float>(function.error);
  for (const float magnitude : layer.weight_magnitude) layer.error_weight.push_back(error * magnitude);
  for (std::size_t i = 0; i < function.moved_weight.size(); ++i)
    layer.error_weight[function.diagonal ? i * layer.inputs + i : i] += static_cast<float>(function.moved_weight[i]);
  const float absolute = static_cast<float>(format.normal_min) * static_cast<float>(layer.inputs);
  for (std::size_t i = 0; i < layer.outputs; ++i)
    layer.error_bias.push_back(error * std::abs(layer.bias[i]) + absolute + static_cast<float>(function.moved_bias[i]));
}

Result<FlatLayer> Emit(const Collected& function, bool relu, const checker::Format& format) {
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
  CompleteLayer(layer);
  AddErrors(function, format, layer);
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

Result<FlatNetwork> Flatten(const checker::Claim& claim) {
  FlatNetwork network;
  network.inputs = claim.input_count();
  Collected function = Collected::Identity(network.inputs);
  bool pending = true;  // an affine function, or a network without any layer
  for (std::size_t v = 0; v < claim.steps.size(); ++v) {
    const Step& step = claim.steps[v];
    if (!Continues(step, v)) return Unsupported("a graph that is not a chain");
    function.error += step.gamma;
    switch (step.kind) {
      case StepKind::kDense:
      case StepKind::kConvolution:
      case StepKind::kSelect:
        if (step.rows * function.inputs > kWeightsMax) return Unsupported("a layer of this size");
        ComposeAffine(function, step);
        pending = true;
        break;
      case StepKind::kElementwise:
        ComposeElementwise(function, step);
        pending = true;
        break;
      case StepKind::kRelu: {
        Result<FlatLayer> layer = Emit(function, true, claim.format);
        if (!layer.ok()) return layer.error();
        network.layers.push_back(std::move(*layer));
        function = Collected::Identity(step.rows);
        pending = false;
        break;
      }
      case StepKind::kSum:
      case StepKind::kMaximum:
      case StepKind::kCurve:
      case StepKind::kReluDifference:
        return Unsupported("a function that is neither affine nor ReLU");
    }
  }
  if (claim.output != claim.steps.size()) return Unsupported("a graph that is not a chain");
  if (pending) {
    Result<FlatLayer> layer = Emit(function, false, claim.format);
    if (!layer.ok()) return layer.error();
    network.layers.push_back(std::move(*layer));
  }
  return network;
}

}  // namespace pawl::prover
