#include "evaluation/reference.h"

#include <cfloat>
#include <cmath>
#include <limits>
#include <string>
#include <utility>

namespace pawl::evaluation {
namespace {

using namespace model;  // NOLINT: every function of a vector graph is named here

static_assert(FLT_EVAL_METHOD == 0, "float operations must round to float");

// What a sum begins with and goes on with: the first product is taken as it is, so that −0 stays −0.
template <typename Float>
class Accumulator {
 public:
  void Add(Float term) {
    sum_ = empty_ ? term : sum_ + term;
    empty_ = false;
  }
  Float sum() const { return sum_; }

 private:
  Float sum_ = 0;
  bool empty_ = true;
};

// One vector node, in Float.
template <typename Float>
class NodeEvaluator {
 public:
  using Values = std::vector<Float>;

  NodeEvaluator(const Network& network, const VectorNode& node, std::vector<Values>& values, Values& y)
      : network_(network), node_(node), values_(values), x_(values[node.inputs[0]]), y_(y) {}

  void operator()(const Dense& dense) {
    const auto alpha = static_cast<Float>(dense.alpha), beta = static_cast<Float>(dense.beta);
    for (uint64_t i = 0; i < dense.rows; ++i) {
      Accumulator<Float> products;
      for (uint64_t j = 0; j < dense.columns; ++j) {
        const Float product = At(dense.weights, i * dense.row_step + j * dense.column_step) * x_[j];
        products.Add(product);
      }
      Float sum = products.sum();
      if (alpha != 1) sum = alpha * sum;
      if (dense.bias != kNoConstant) {
        Float bias = At(dense.bias, i * dense.bias_step);
        if (beta != 1) bias = beta * bias;
        sum = sum + bias;
      }
      y_[i] = sum;
    }
  }

  void operator()(const Convolution& convolution) {
    const Window& window = convolution.window;
    const uint64_t kernel = window.KernelSize(), input = window.InputSize(), output = window.OutputSize();
    const uint64_t group_inputs = convolution.input_channels / convolution.groups;
    const uint64_t group_outputs = convolution.output_channels / convolution.groups;
    std::vector<WindowTap> taps;
    for (uint64_t p = 0; p < output; ++p) {
      window.Taps(p, taps);
      for (uint64_t m = 0; m < convolution.output_channels; ++m) {
        const uint64_t first = m / group_outputs * group_inputs;
        Accumulator<Float> products;
        for (uint64_t c = 0; c < group_inputs; ++c) {
          for (const WindowTap& tap : taps) {
            const Float weight = At(convolution.weights, (m * group_inputs + c) * kernel + tap.kernel);
            const Float product = weight * x_[(first + c) * input + tap.input];
            products.Add(product);
          }
        }
        Float sum = products.sum();
        if (convolution.bias != kNoConstant) sum = sum + At(convolution.bias, m);
        if (!convolution.divisors.empty()) sum = sum / static_cast<Float>(convolution.divisors[p]);
        y_[m * output + p] = sum;
      }
    }
  }

  void operator()(const Elementwise& elementwise) {
    for (uint64_t i = 0; i < node_.size; ++i) {
      const Float c = At(elementwise.constant, i * elementwise.constant_step);
      switch (elementwise.form) {
        case Elementwise::Form::kAdd:
          y_[i] = x_[i] + c;
          break;
        case Elementwise::Form::kSubtract:
          y_[i] = x_[i] - c;
          break;
        case Elementwise::Form::kSubtractFrom:
          y_[i] = c - x_[i];
          break;
        case Elementwise::Form::kMultiply:
          y_[i] = x_[i] * c;
          break;
        case Elementwise::Form::kDivide:
          y_[i] = x_[i] / c;
          break;
      }
    }
  }

  void operator()(const BatchNormalization& norm) {
    for (uint64_t i = 0; i < node_.size; ++i) {
      const uint64_t c = i / norm.channel_size;
      const Float variance = At(norm.variance, c) + static_cast<Float>(norm.epsilon);
      const Float centred = x_[i] - At(norm.mean, c);
      const Float normalised = centred / std::sqrt(variance);
      const Float scaled = normalised * At(norm.scale, c);
      y_[i] = scaled + At(norm.bias, c);
    }
  }

  void operator()(const Sum& sum) {
    const Values& second = values_[node_.inputs[1]];
    for (uint64_t i = 0; i < node_.size; ++i) y_[i] = sum.second_sign > 0 ? x_[i] + second[i] : x_[i] - second[i];
  }

  void operator()(const Select& select) {
    Values list;
    for (const size_t input : node_.inputs) list.insert(list.end(), values_[input].begin(), values_[input].end());
    for (const size_t constant : select.constants) {
      for (const double value : network_.tensors[constant].values) list.push_back(static_cast<Float>(value));
    }
    for (uint64_t i = 0; i < node_.size; ++i) y_[i] = list[select.source[i]];
  }

  void operator()(const Maximum& maximum) {
    for (uint64_t i = 0; i < node_.size; ++i) {
      Float most = x_[maximum.members[maximum.begin[i]]];
      for (uint32_t k = maximum.begin[i]; k < maximum.begin[i + 1]; ++k) {
        const Float x = x_[maximum.members[k]];
        if (x > most || std::isnan(x)) most = x;
      }
      y_[i] = most;
    }
  }

  void operator()(const Activation& activation) {
    for (uint64_t i = 0; i < node_.size; ++i) y_[i] = std::isnan(x_[i]) ? x_[i] : Activate(activation, x_[i]);
  }

 private:
  static Float Activate(const Activation& activation, Float x) {
    switch (activation.form) {
      case Activation::Form::kRelu:
        return x > 0 ? x : Float{0};
      case Activation::Form::kLeakyRelu:
        return x >= 0 ? x : static_cast<Float>(activation.slope) * x;
      case Activation::Form::kClip:
        return std::min(std::max(x, static_cast<Float>(activation.lower)), static_cast<Float>(activation.upper));
      case Activation::Form::kSigmoid:
        return static_cast<Float>(1 / (1 + std::exp(-static_cast<double>(x))));
      case Activation::Form::kTanh:
        return static_cast<Float>(std::tanh(static_cast<double>(x)));
    }
    return x;
  }

  Float At(size_t tensor, uint64_t i) const { return static_cast<Float>(network_.tensors[tensor].values[i]); }

  const Network& network_;
  const VectorNode& node_;
  const std::vector<Values>& values_;
  const Values& x_;
  Values& y_;
};

template <typename Float>
Result<std::vector<double>> Evaluate(const Network& network, std::span<const double> input) {
  const VectorGraph& graph = network.graph;
  std::vector<std::vector<Float>> values(graph.nodes.size() + 1);
  for (const double x : input) {
    const bool in_range = std::fabs(x) <= static_cast<double>(std::numeric_limits<Float>::max());
    if (!in_range || static_cast<double>(static_cast<Float>(x)) != x) {
      return Malformed("evaluate.input", "an input is not a finite value of the network's element type");
    }
    values[0].push_back(static_cast<Float>(x));
  }
  for (size_t i = 0; i < graph.nodes.size(); ++i) {
    values[i + 1].resize(graph.nodes[i].size);
    std::visit(NodeEvaluator<Float>(network, graph.nodes[i], values, values[i + 1]), graph.nodes[i].function);
  }
  const std::vector<Float>& output = values[graph.output];
  return std::vector<double>(output.begin(), output.end());
}

}  // namespace

Result<std::vector<double>> EvaluateReference(const Network& network, std::span<const double> input) {
  if (input.size() != network.input_size()) {
    return Malformed("evaluate.size", "the network has " + std::to_string(network.input_size()) + " inputs, " +
                                          std::to_string(input.size()) + " values were given");
  }
  switch (network.type) {
    case ElementType::kFloat32:
      return Evaluate<float>(network, input);
    case ElementType::kFloat64:
      return Evaluate<double>(network, input);
  }
  return Malformed("evaluate.type", "unknown element type");
}

}  // namespace pawl::evaluation
