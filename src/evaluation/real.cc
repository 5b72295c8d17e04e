#include "evaluation/real.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>
#include <string>
#include <utility>

namespace pawl::evaluation {
namespace {

using namespace model;  // NOLINT: every function of a vector graph is named here

constexpr double kInfinity = std::numeric_limits<double>::infinity();

double Down(double x) { return std::nextafter(x, -kInfinity); }
double Up(double x) { return std::nextafter(x, kInfinity); }

// ---- e^x in interval arithmetic ----

// Bounds in double precision. Each operation rounds to nearest, so the neighbours enclose the exact result.
struct Bounds {
  double lower = 0, upper = 0;
};

Bounds Product(const Bounds& a, const Bounds& b) {
  const auto [least, most] = std::minmax({a.lower * b.lower, a.lower * b.upper, a.upper * b.lower, a.upper * b.upper});
  return {Down(least), Up(most)};
}

// e^x for x ≤ 0: 2^-k·e^r with r = x + k·ln 2, |r| < 0.36, and the Taylor series of e^r by Horner's rule. What follows
// its 25th term is that term times a number within 0.02 of 1.
Bounds ExpOfNegative(double x) {
  if (x < -700) return {0, 1e-300};
  const double k = std::round(-x / 0x1.62e42fefa39efp-1);
  const Bounds ln2 = {0x1.62e42fefa39efp-1, 0x1.62e42fefa39f0p-1};
  const Bounds r = {Down(x + Down(k * ln2.lower)), Up(x + Up(k * ln2.upper))};
  Bounds sum = {0.98, 1.02};
  for (int n = 24; n > 0; --n) {
    const Bounds term = Product(r, sum);
    sum = {Down(1 + Down(term.lower / n)), Up(1 + Up(term.upper / n))};
  }
  const int exponent = -static_cast<int>(k);
  return {Down(std::ldexp(sum.lower, exponent)), Up(std::ldexp(sum.upper, exponent))};
}

// f(e) falls with e in both: 1 / (1 + e) and (1 − e) / (1 + e).
Bounds Sigmoid(double x) {
  const Bounds e = ExpOfNegative(-std::fabs(x));
  const Bounds high = {Down(1 / Up(1 + e.upper)), Up(1 / Down(1 + e.lower))};
  return x >= 0 ? high : Bounds{Down(1 - high.upper), Up(1 - high.lower)};
}

Bounds Tanh(double x) {
  const Bounds e = ExpOfNegative(-2 * std::fabs(x));
  const Bounds high = {Down(Down(1 - e.upper) / Up(1 + e.upper)), Up(Up(1 - e.lower) / Down(1 + e.lower))};
  return x >= 0 ? high : Bounds{-high.upper, -high.lower};
}

// ---- ranges ----

Decimal Exactly(double value) { return Decimal::FromDouble(value); }

RealRange operator+(const RealRange& a, const RealRange& b) { return {a.lower + b.lower, a.upper + b.upper}; }

RealRange operator*(double factor, const RealRange& x) {
  const Decimal exact = Exactly(factor);
  if (factor >= 0) return {exact * x.lower, exact * x.upper};
  return {exact * x.upper, exact * x.lower};
}

RealRange Constant(double value) { return {Exactly(value), Exactly(value)}; }

// a / d, d > 0, where it is a double, else the doubles around it. Nothing where it is beyond double precision or a is
// so small that the first guess is far off.
std::optional<RealRange> Quotient(const Decimal& a, double d) {
  const Decimal divisor = Exactly(d);
  const auto order = [&](double q) { return Exactly(q) * divisor <=> a; };
  double q = a.NearestFloat64() / d;
  for (int steps = 0; steps < 1'000 && std::isfinite(q) && std::isfinite(Up(q)); ++steps) {
    if (order(q) > 0) {
      q = Down(q);
    } else if (order(q) == 0) {
      return Constant(q);
    } else if (order(Up(q)) <= 0) {
      q = Up(q);
    } else {
      return RealRange{Exactly(q), Exactly(Up(q))};
    }
  }
  return std::nullopt;
}

std::optional<RealRange> Quotient(const RealRange& x, const Bounds& divisor) {
  const auto lower = Quotient(x.lower, x.lower.Sign() >= 0 ? divisor.upper : divisor.lower);
  const auto upper = Quotient(x.upper, x.upper.Sign() >= 0 ? divisor.lower : divisor.upper);
  if (!lower || !upper) return std::nullopt;
  return RealRange{lower->lower, upper->upper};
}

// sqrt(a + b) between neighbouring doubles.
Bounds SquareRoot(double a, double b) {
  const Decimal exact = Exactly(a) + Exactly(b);
  Bounds root = {std::sqrt(a + b), std::sqrt(a + b)};
  while (Exactly(root.lower) * Exactly(root.lower) > exact) root.lower = Down(root.lower);
  while (Exactly(root.upper) * Exactly(root.upper) < exact) root.upper = Up(root.upper);
  return root;
}

class NodeEvaluator {
 public:
  using Values = std::vector<RealRange>;

  NodeEvaluator(const Network& network, const VectorNode& node, const std::vector<Values>& values, Values& y)
      : network_(network), node_(node), values_(values), x_(values[node.inputs[0]]), y_(y) {}

  // False: a value beyond double precision.
  bool operator()(const Dense& dense) {
    for (uint64_t i = 0; i < dense.rows; ++i) {
      RealRange sum;
      for (uint64_t j = 0; j < dense.columns; ++j) {
        AddProduct(sum, At(dense.weights, i * dense.row_step + j * dense.column_step), x_[j]);
      }
      if (dense.alpha != 1) sum = dense.alpha * sum;
      if (dense.bias != kNoConstant) sum = sum + dense.beta * Constant(At(dense.bias, i * dense.bias_step));
      y_[i] = std::move(sum);
    }
    return true;
  }

  bool operator()(const Convolution& convolution) {
    const Window& window = convolution.window;
    const uint64_t kernel = window.KernelSize(), input = window.InputSize(), output = window.OutputSize();
    const uint64_t group_inputs = convolution.input_channels / convolution.groups;
    const uint64_t group_outputs = convolution.output_channels / convolution.groups;
    std::vector<WindowTap> taps;
    for (uint64_t p = 0; p < output; ++p) {
      window.Taps(p, taps);
      for (uint64_t m = 0; m < convolution.output_channels; ++m) {
        const uint64_t first = m / group_outputs * group_inputs;
        RealRange sum;
        for (uint64_t c = 0; c < group_inputs; ++c) {
          for (const WindowTap& tap : taps) {
            AddProduct(sum, At(convolution.weights, (m * group_inputs + c) * kernel + tap.kernel),
                       x_[(first + c) * input + tap.input]);
          }
        }
        if (convolution.bias != kNoConstant) sum = sum + Constant(At(convolution.bias, m));
        RealRange& y = y_[m * output + p] = std::move(sum);
        if (!convolution.divisors.empty() && !Divide(y, convolution.divisors[p])) return false;
      }
    }
    return true;
  }

  bool operator()(const Elementwise& elementwise) {
    for (uint64_t i = 0; i < node_.size; ++i) {
      const double c = At(elementwise.constant, i * elementwise.constant_step);
      switch (elementwise.form) {
        case Elementwise::Form::kAdd:
          y_[i] = x_[i] + Constant(c);
          break;
        case Elementwise::Form::kSubtract:
          y_[i] = x_[i] + Constant(-c);
          break;
        case Elementwise::Form::kSubtractFrom:
          y_[i] = Constant(c) + -1.0 * x_[i];
          break;
        case Elementwise::Form::kMultiply:
          y_[i] = c * x_[i];
          break;
        case Elementwise::Form::kDivide:
          y_[i] = c > 0 ? x_[i] : -1.0 * x_[i];
          if (!Divide(y_[i], std::fabs(c))) return false;
          break;
      }
    }
    return true;
  }

  bool operator()(const BatchNormalization& norm) {
    for (uint64_t i = 0; i < node_.size; ++i) {
      const uint64_t c = i / norm.channel_size;
      const RealRange scaled = At(norm.scale, c) * (x_[i] + Constant(-At(norm.mean, c)));
      const auto quotient = Quotient(scaled, SquareRoot(At(norm.variance, c), norm.epsilon));
      if (!quotient) return false;
      y_[i] = *quotient + Constant(At(norm.bias, c));
    }
    return true;
  }

  bool operator()(const Sum& sum) {
    for (uint64_t i = 0; i < node_.size; ++i) y_[i] = x_[i] + sum.second_sign * values_[node_.inputs[1]][i];
    return true;
  }

  bool operator()(const Select& select) {
    Values list;
    for (const size_t input : node_.inputs) list.insert(list.end(), values_[input].begin(), values_[input].end());
    for (const size_t constant : select.constants) {
      for (const double value : network_.tensors[constant].values) list.push_back(Constant(value));
    }
    for (uint64_t i = 0; i < node_.size; ++i) y_[i] = list[select.source[i]];
    return true;
  }

  bool operator()(const Maximum& maximum) {
    for (uint64_t i = 0; i < node_.size; ++i) {
      y_[i] = x_[maximum.members[maximum.begin[i]]];
      for (uint32_t k = maximum.begin[i]; k < maximum.begin[i + 1]; ++k) {
        const RealRange& x = x_[maximum.members[k]];
        y_[i] = {std::max(y_[i].lower, x.lower), std::max(y_[i].upper, x.upper)};
      }
    }
    return true;
  }

  bool operator()(const Activation& activation) {
    for (uint64_t i = 0; i < node_.size; ++i) {
      const RealRange a = Activate(activation, x_[i].lower), b = Activate(activation, x_[i].upper);
      y_[i] = {std::min(a.lower, b.lower), std::max(a.upper, b.upper)};
      // A LeakyRelu of negative slope has its least value at 0; all others rise.
      if (x_[i].lower.Sign() < 0 && x_[i].upper.Sign() > 0 && activation.form == Activation::Form::kLeakyRelu) {
        y_[i].lower = std::min(y_[i].lower, Decimal());
      }
    }
    return true;
  }

 private:
  static RealRange Activate(const Activation& activation, const Decimal& x) {
    const auto enclose = [&](Bounds (*function)(double)) {
      const Enclosure near = x.EncloseFloat64();
      const auto at = [&](double v) { return std::clamp(v, -1e6, 1e6); };  // both are constant beyond, to 1e-300
      return RealRange{Exactly(function(at(near.lower)).lower), Exactly(function(at(near.upper)).upper)};
    };
    switch (activation.form) {
      case Activation::Form::kRelu:
        return x.Sign() > 0 ? RealRange{x, x} : RealRange{};
      case Activation::Form::kLeakyRelu:
        return x.Sign() >= 0 ? RealRange{x, x} : activation.slope * RealRange{x, x};
      case Activation::Form::kClip:
        if (x.Compare(activation.lower) < 0) return Constant(activation.lower);
        if (x.Compare(activation.upper) > 0) return Constant(activation.upper);
        return {x, x};
      case Activation::Form::kSigmoid:
        return enclose(Sigmoid);
      case Activation::Form::kTanh:
        return enclose(Tanh);
    }
    return {x, x};
  }

  static void AddProduct(RealRange& sum, double weight, const RealRange& x) {
    if (weight != 0 && (x.lower.Sign() != 0 || x.upper.Sign() != 0)) sum = sum + weight * x;
  }
  static bool Divide(RealRange& x, double divisor) {
    const auto quotient = Quotient(x, {divisor, divisor});
    if (quotient) x = *quotient;
    return quotient.has_value();
  }
  double At(size_t tensor, uint64_t i) const { return network_.tensors[tensor].values[i]; }

  const Network& network_;
  const VectorNode& node_;
  const std::vector<Values>& values_;
  const Values& x_;
  Values& y_;
};

bool HoldsThroughout(const Row& row, std::span<const double> input, std::span<const RealRange> outputs) {
  Decimal most;  // the largest value of the row's sum
  for (const Term& term : row.terms) {
    if (term.variable < input.size()) {
      most = most + term.coefficient * Exactly(input[term.variable]);
    } else {
      const RealRange& y = outputs[term.variable - input.size()];
      most = most + term.coefficient * (term.coefficient.Sign() > 0 ? y.upper : y.lower);
    }
  }
  return row.strict ? most < row.bound : most <= row.bound;
}

}  // namespace

Result<std::vector<RealRange>> EncloseReal(const Network& network, std::span<const double> input) {
  if (input.size() != network.input_size()) {
    return Malformed("evaluate.size", "the network has " + std::to_string(network.input_size()) + " inputs, " +
                                          std::to_string(input.size()) + " values were given");
  }
  const VectorGraph& graph = network.graph;
  std::vector<std::vector<RealRange>> values(graph.nodes.size() + 1);
  for (const double x : input) values[0].push_back(Constant(x));
  for (size_t i = 0; i < graph.nodes.size(); ++i) {
    values[i + 1].resize(graph.nodes[i].size);
    if (!std::visit(NodeEvaluator(network, graph.nodes[i], values, values[i + 1]), graph.nodes[i].function)) {
      return Refused("evaluate.range", graph.nodes[i].description + " divides a number beyond double precision");
    }
  }
  return std::move(values[graph.output]);
}

std::optional<Violation> FindRealViolation(const Property& property, std::span<const double> input,
                                           std::span<const RealRange> outputs) {
  for (size_t i = 0; i < property.cases.size(); ++i) {
    if (!InBox(property.cases[i].box, input)) continue;
    for (size_t j = 0; j < property.cases[i].unsafe.size(); ++j) {
      const Conjunction& rows = property.cases[i].unsafe[j];
      const auto holds = [&](const Row& row) { return HoldsThroughout(row, input, outputs); };
      if (std::all_of(rows.begin(), rows.end(), holds)) return Violation{i, j};
    }
  }
  return std::nullopt;
}

}  // namespace pawl::evaluation
