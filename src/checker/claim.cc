#include "checker/claim.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>
#include <utility>
#include <variant>

namespace pawl::checker {
namespace {

// Σ|w|, not below the exact sum.
double AbsoluteSum(const double* values, std::size_t count) {
  double sum = 0;
  for (std::size_t i = 0; i < count; ++i) sum += std::abs(values[i]);
  return sum * kWiden + kTiny;
}

bool IsNormal(double value) {
  return std::abs(value) >= std::numeric_limits<double>::min() && std::abs(value) <= kFiniteMax;
}

// Entries of a table of windows.
constexpr double kTapsMax = 0x1p24;

// Products with alpha and beta are exact for float32 constants and rounded once for float64 ones, which own_gamma
// counts as long as none underflows. False where one does.
bool Scale(std::vector<double>& values, double factor) {
  bool is_normal = true;
  for (double& value : values) {
    const bool may_underflow = factor != 1 && value != 0;
    value *= factor;
    is_normal = is_normal && (!may_underflow || IsNormal(value) || std::isinf(value));
  }
  return is_normal;
}

// One node as a step. Each overload is false where no bound is known for the node.
class StepMaker {
 public:
  // `radii`: one a tensor of the network.
  StepMaker(const model::Network& network, const model::VectorNode& node, const Format& format,
            const std::vector<double>& radii, Step& step)
      : network_(network), node_(node), format_(format), radii_(radii), step_(step) {}

  bool operator()(const model::Dense& dense) {
    step_.kind = StepKind::kDense;
    step_.products = static_cast<double>(step_.rows) * static_cast<double>(step_.columns);
    for (std::size_t i = 0; i < dense.rows; ++i)
      for (std::size_t j = 0; j < dense.columns; ++j)
        step_.weights.push_back(Weight(dense.weights, i * dense.row_step + j * dense.column_step));
    // A Sub of the bias is no product.
    const double sign = dense.beta == -1 ? -1 : 1, beta = dense.beta * sign;
    for (std::size_t i = 0; i < dense.rows; ++i)
      step_.bias.push_back(dense.bias == model::kNoConstant ? 0 : sign * Weight(dense.bias, i * dense.bias_step));
    step_.scaled = dense.alpha != 1 || beta != 1;
    ChargeSum(step_.columns, step_.columns + (step_.scaled ? 4 : 2), std::max(step_.rows, step_.columns));
    if (step_.scaled) ChargeFactors(std::abs(dense.alpha), std::abs(beta));
    // Both the file's own weights and the scaled ones are flushed or multiplied in some order; take the larger sum. A
    // flushed beta takes the whole of the file's own bias with it.
    const auto sums = [&](std::size_t i) { return AbsoluteSum(&step_.weights[i * step_.columns], step_.columns); };
    std::vector<double> own_bias(step_.rows, 0.0);
    if (step_.scaled) own_bias = step_.bias;
    for (std::size_t i = 0; i < step_.rows; ++i) step_.weight_sums.push_back(sums(i));
    if (!Scale(step_.weights, dense.alpha) || !Scale(step_.bias, beta)) Refuse();
    for (std::size_t i = 0; i < step_.rows; ++i)
      step_.weight_sums[i] = (std::max(step_.weight_sums[i], sums(i)) + std::abs(own_bias[i])) * kWiden;
    Deviate(RadiusOf(dense.weights), RadiusOf(dense.bias), step_.columns, std::abs(dense.alpha), std::abs(beta));
    return true;
  }

  bool operator()(const model::Convolution& convolution) {
    step_.kind = StepKind::kConvolution;
    const model::Window& window = convolution.window;
    Step::Taps& taps = step_.window;
    taps.kernel_size = window.KernelSize();
    taps.input_size = window.InputSize();
    taps.group_inputs = convolution.input_channels / convolution.groups;
    taps.group_outputs = convolution.output_channels / convolution.groups;
    const std::size_t positions = window.OutputSize(), n = taps.group_inputs * taps.kernel_size;
    if (static_cast<double>(positions) * static_cast<double>(taps.kernel_size) > kTapsMax) return false;
    std::vector<model::WindowTap> covered;
    taps.first_tap.push_back(0);
    for (std::size_t p = 0; p < positions; ++p) {
      window.Taps(p, covered);
      taps.taps.insert(taps.taps.end(), covered.begin(), covered.end());
      taps.first_tap.push_back(taps.taps.size());
      taps.scale.push_back(convolution.divisors.empty() ? 1 : 1 / convolution.divisors[p]);
    }
    step_.weights = network_.tensors[convolution.weights].values;
    step_.products = static_cast<double>(step_.rows) * static_cast<double>(n);
    // An average may be summed before it is divided: as if a factor of Gemm were applied late.
    step_.scaled = !convolution.divisors.empty();
    ChargeSum(n, n + (step_.scaled ? 4 : 2), std::max(n, taps.group_outputs * taps.kernel_size));
    for (std::size_t i = 0; i < step_.rows; ++i) {
      const std::size_t channel = i / positions;
      step_.bias.push_back(convolution.bias == model::kNoConstant ? 0 : Weight(convolution.bias, channel));
      step_.weight_sums.push_back(i % positions == 0 ? AbsoluteSum(&step_.weights[channel * n], n)
                                                     : step_.weight_sums.back());
    }
    Deviate(RadiusOf(convolution.weights), RadiusOf(convolution.bias), n, 1, 1);
    return true;
  }

  bool operator()(const model::Elementwise& elementwise) {
    using Form = model::Elementwise::Form;
    step_.kind = StepKind::kElementwise;
    ChargeElement();
    const bool multiplies = elementwise.form == Form::kMultiply, divides = elementwise.form == Form::kDivide;
    for (std::size_t i = 0; i < step_.rows; ++i) {
      const std::size_t at = i * elementwise.constant_step;
      const double c = multiplies || divides ? At(elementwise.constant, at) : Weight(elementwise.constant, at);
      const double quotient = divides ? 1 / c : 1;
      // A flushed divisor is 0, and no share of a subnormal quotient bounds its rounding.
      if (divides && (!(std::abs(c) >= format_.normal_min) || !IsNormal(quotient))) Refuse();
      step_.weights.push_back(multiplies ? c : elementwise.form == Form::kSubtractFrom ? -1 : quotient);
      step_.bias.push_back(multiplies || divides ? 0 : elementwise.form == Form::kSubtract ? -c : c);
      step_.weight_sums.push_back(std::abs(step_.weights[i]) * kWiden);
    }
    if (!multiplies && !divides) Deviate(0, RadiusOf(elementwise.constant), 0, 1, 1);
    return true;
  }

  // As W·x + b, with W = scale / sqrt(variance + epsilon) and b = bias − W·mean.
  bool operator()(const model::BatchNormalization& norm) {
    step_.kind = StepKind::kElementwise;
    ChargeElement();
    step_.gamma = Gamma(9, format_.unit);
    step_.own_gamma = Gamma(64, kUnit);
    step_.scaled = true;
    double factor_max = 1;
    for (std::size_t i = 0; i < step_.rows; ++i) {
      const std::size_t c = i / norm.channel_size;
      const double scale = At(norm.scale, c), mean = At(norm.mean, c), bias = At(norm.bias, c);
      const double variance = At(norm.variance, c) + norm.epsilon, root = std::sqrt(variance);
      // So that neither the root nor its inverse underflows or overflows in any format.
      const bool is_usual =
          variance >= 0x1p-60 && variance <= 0x1p60 && std::abs(root * root - variance) <= variance * (8 * kUnit);
      const double weight = scale / root;
      if (!is_usual || !(IsNormal(weight) || scale == 0)) Refuse();
      step_.weights.push_back(weight);
      step_.bias.push_back(bias - weight * mean);
      step_.bias_sizes.push_back((std::abs(bias) + std::abs(weight * mean)) * kWiden);
      step_.weight_sums.push_back((std::abs(weight) + std::abs(mean)) * kWiden);
      factor_max = std::max(factor_max, (1 + std::abs(scale)) * (1 + 1 / root) * kWiden);
    }
    step_.overflow_factor = factor_max * kWiden;
    step_.underflow *= 12 * factor_max * kWiden;
    return true;
  }

  bool operator()(const model::Sum& sum) {
    step_.kind = StepKind::kSum;
    step_.second_input = node_.inputs[1];
    step_.second_sign = sum.second_sign;
    ChargeElement();
    return true;
  }

  bool operator()(const model::Select& select) {
    step_.kind = StepKind::kSelect;
    std::vector<Step::Source> list;
    std::vector<double> constants;
    for (const std::size_t value : node_.inputs)
      for (std::size_t j = 0; j < network_.graph.SizeOf(value); ++j) list.push_back({value, j});
    for (const std::size_t constant : select.constants)
      for (std::size_t i = 0; i < network_.tensors[constant].values.size(); ++i) constants.push_back(At(constant, i));
    for (const std::uint32_t source : select.source) {
      const bool is_value = source < list.size();
      step_.sources.push_back(is_value ? list[source] : Step::Source());
      step_.bias.push_back(is_value ? 0 : constants[source - list.size()]);
    }
    return true;
  }

  bool operator()(const model::Maximum& maximum) {
    step_.kind = StepKind::kMaximum;
    step_.maximum = maximum;
    step_.products = static_cast<double>(maximum.members.size());
    return true;
  }

  bool operator()(const model::Activation& activation) {
    using Form = model::Activation::Form;
    step_.activation = activation;
    step_.kind = activation.form == Form::kRelu ? StepKind::kRelu : StepKind::kCurve;
    if (step_.kind == StepKind::kRelu) return true;
    ChargeElement();
    if (activation.form == Form::kSigmoid || activation.form == Form::kTanh) step_.curve_error = 16 * format_.unit;
    return activation.form != Form::kLeakyRelu || (activation.slope >= 0 && activation.slope <= 1);
  }

  // A tensor with a radius that the step uses in a way that cannot carry one; empty: none.
  const std::string& pinned() const { return pinned_; }

 private:
  double RadiusOf(std::size_t tensor) const { return tensor == model::kNoConstant ? 0 : radii_[tensor]; }
  // What Deviate accounts for, and whatever else is read of a constant.
  double Weight(std::size_t tensor, std::size_t i) const { return network_.tensors[tensor].values[i]; }
  double At(std::size_t tensor, std::size_t i) {
    if (radii_[tensor] != 0) pinned_ = network_.tensors[tensor].origin;
    return network_.tensors[tensor].values[i];
  }
  // Left to CheckStep.
  void Refuse() { step_.own_gamma = HUGE_VAL; }

  // A sum of n products of which each term passes k roundings, and in bounds `own` of our own each way.
  void ChargeSum(std::size_t n, std::size_t k, std::size_t own) {
    step_.gamma = Gamma(k, format_.unit);
    step_.own_gamma = Gamma(own + 32, kUnit);
    step_.underflow = format_.normal_min * (1 + step_.gamma) * kWiden;
    step_.underflow_count = static_cast<double>(2 * n + 2);
  }
  // One rounding an element: the sum or the product, with room for a flushed operand on each side.
  void ChargeElement() {
    step_.products = static_cast<double>(step_.rows);
    ChargeSum(1, 2, 0);
  }
  // Rows of n weights. What is flushed of them, before factors or after, counts as in weight_sums.
  void Deviate(double weight, double bias, std::size_t n, double alpha, double beta) {
    if (weight == 0 && bias == 0) return;
    step_.weight_radius = weight * alpha * kWiden + kTiny;
    step_.bias_radius = bias * beta * kWiden + kTiny;
    const double more = static_cast<double>(n) * weight * std::max(1.0, alpha) + (step_.scaled ? bias : 0);
    for (double& sum : step_.weight_sums) sum = (sum + more) * kWiden + kTiny;
  }
  void ChargeFactors(double alpha, double beta) {
    const double grown = (1 + alpha) * (1 + beta) * kWiden;
    step_.underflow *= grown;
    step_.underflow_count += 4;
    // W·x may be summed before alpha shrinks it. Infinite, and so refused, where a factor is 0.
    step_.overflow_factor = grown * std::max(1.0, 1 / alpha) * std::max(1.0, 1 / beta) * kWiden;
  }

  const model::Network& network_;
  const model::VectorNode& node_;
  const Format& format_;
  const std::vector<double>& radii_;
  Step& step_;
  std::string pinned_;
};

Error CannotVary(const std::string& tensor, const std::string& why) {
  return Refused("checker.radius", "tensor '" + tensor + "' cannot have a weight radius: " + why, "leave it out");
}

// The radius of each tensor, by the initialiser that it came from.
Result<std::vector<double>> SpreadRadii(const model::Network& network, std::span<const TensorRadius> radii) {
  std::vector<double> spread(network.tensors.size(), 0);
  for (const TensorRadius& radius : radii) {
    bool is_stored = false;
    for (std::size_t t = 0; t < spread.size(); ++t) {
      if (network.tensors[t].origin != radius.tensor) continue;
      spread[t] = radius.radius;
      is_stored = is_stored || network.tensors[t].stored_at != model::Tensor::kNotStored;
    }
    if (!is_stored || !(radius.radius > 0 && radius.radius <= kFiniteMax))
      return CannotVary(radius.tensor, "the network has no such constant as raw data, or reads numbers from it");
  }
  return spread;
}

Result<RootBox> MakeBox(const model::Case& input_case, Arithmetic arithmetic) {
  const double normal_min = FormatOf(arithmetic).normal_min;
  RootBox box;
  for (const model::InputRange& range : input_case.box) {
    double lower = 0, upper = 0;
    switch (arithmetic) {
      case Arithmetic::kReal:
        lower = range.lower.EncloseFloat64().lower;
        upper = range.upper.EncloseFloat64().upper;
        break;
      case Arithmetic::kFloat32:
        lower = range.lower.NearestFloat32();
        upper = range.upper.NearestFloat32();
        break;
      case Arithmetic::kFloat64:
        lower = range.lower.NearestFloat64();
        upper = range.upper.NearestFloat64();
        break;
    }
    // A flushed input is zero.
    if (0 < lower && lower < normal_min) lower = 0;
    if (-normal_min < upper && upper < 0) upper = 0;
    if (!std::isfinite(lower) || !std::isfinite(upper) || !(lower <= upper))
      return Refused("checker.box", "an input's bounds are empty or beyond the format of the arithmetic");
    box.lower.push_back(lower);
    box.upper.push_back(upper);
  }
  return box;
}

Result<void> CheckStep(const Step& step) {
  if (step.rows > kTermsMax || step.columns > kTermsMax)
    return LimitReached("checker.limit-terms", "a layer has more than " + std::to_string(kTermsMax) + " neurons");
  if (!std::isfinite(step.gamma) || !std::isfinite(step.own_gamma))
    return Refused("checker.rounding",
                   "a sum is so long, or a factor so extreme, that its rounding has no useful bound");
  return {};
}

// A decimal as double ± error.
struct Enclosed {
  double value = 0, error = 0;
};
Enclosed Enclose(const model::Decimal& exact) {
  const model::Enclosure e = exact.EncloseFloat64();
  return {e.lower, e.lower == e.upper ? 0 : (e.upper - e.lower) * kWiden};
}

}  // namespace

Result<Claim> PrepareClaim(const model::Network& network, const model::Property& property, Arithmetic arithmetic,
                           std::span<const TensorRadius> radii) {
  if (!EnvironmentIsSound()) {
    return SystemFailure("checker.environment", "floating-point arithmetic rounds or flushes in an unusual way here",
                         "run without changes to the rounding mode, and without flush-to-zero");
  }
  if (Result<void> fits = model::CheckFits(network, property); !fits.ok()) return fits.error();
  if ((arithmetic == Arithmetic::kFloat32 && network.element_type() != model::ElementType::kFloat32) ||
      (arithmetic == Arithmetic::kFloat64 && network.element_type() != model::ElementType::kFloat64)) {
    return Refused("checker.arithmetic", "the network computes in another floating-point format than the claim's",
                   "ask for the network's own format, or for real");
  }
  const Result<std::vector<double>> spread = SpreadRadii(network, radii);
  if (!spread.ok()) return spread.error();
  Claim claim;
  claim.property = &property;
  claim.arithmetic = arithmetic;
  claim.format = FormatOf(arithmetic);
  const model::VectorGraph& graph = network.graph;
  claim.output = graph.output;
  claim.sizes.push_back(graph.input_size);
  for (const model::VectorNode& node : graph.nodes) {
    Step& step = claim.steps.emplace_back();
    step.input = node.inputs[0];
    step.rows = node.size;
    step.columns = graph.SizeOf(step.input);
    claim.sizes.push_back(node.size);
    StepMaker maker(network, node, claim.format, *spread, step);
    const bool is_known = std::visit(maker, node.function);
    if (!maker.pinned().empty())
      return CannotVary(maker.pinned(), node.description + " does more with it than sum it or its products");
    if (!is_known)
      return Refused("model.unsupported-function", node.description + " can be read, but not be proved about yet");
    if (Result<void> fine = CheckStep(step); !fine.ok()) return fine.error();
    for (std::size_t i = 0; step.is_rectifier() && i < step.rows; ++i) claim.neurons.push_back({step.input, i});
  }
  for (const model::Case& input_case : property.cases) {
    if (input_case.box.size() != claim.input_count())
      return Malformed("property.size", "a case has another number of inputs than the network");
    Result<RootBox> box = MakeBox(input_case, arithmetic);
    if (!box.ok()) return box.error();
    claim.boxes.push_back(std::move(*box));
  }
  return claim;
}

Result<RefutationRow> MakeRefutationRow(const Claim& claim, std::size_t case_index, std::size_t conjunction,
                                        const Refutation& refutation) {
  const auto& cases = claim.property->cases;
  if (case_index >= cases.size() || conjunction >= cases[case_index].unsafe.size() || refutation.empty())
    return Refused("checker.row", "an argument refutes a case, a conjunction or a row that the property does not have");
  const model::Conjunction& rows = cases[case_index].unsafe[conjunction];
  const std::size_t inputs = claim.input_count();
  std::vector<model::Decimal> exact(inputs + claim.output_count());
  model::Decimal bound;
  for (std::size_t i = 0; i < refutation.size(); ++i) {
    const Term& term = refutation[i];
    if (term.row >= rows.size() || (i > 0 && term.row <= refutation[i - 1].row))
      return Refused("checker.row", "an argument refutes a row that the property does not have, or one twice");
    const model::Decimal weight =
        model::Decimal::FromDouble(refutation.size() == 1 ? 1.0 : MultiplierWeight(term.multiplier));
    for (const model::Term& t : rows[term.row].terms) {
      if (t.variable >= exact.size()) return Refused("checker.row", "a row names a variable that does not exist");
      exact[t.variable] = exact[t.variable] + weight * t.coefficient;
    }
    bound = bound + weight * rows[term.row].bound;
  }
  RefutationRow row;
  row.bound = bound.EncloseFloat64().upper;
  bool finite = std::isfinite(row.bound);
  for (std::size_t v = 0; v < exact.size(); ++v) {
    const Enclosed e = exact[v].Sign() == 0 ? Enclosed{} : Enclose(exact[v]);
    finite = finite && std::isfinite(e.value) && std::isfinite(e.error);
    if (v >= inputs) {
      row.coefficients.push_back(e.value);
      row.errors.push_back(e.error);
    } else if (e.value != 0 || e.error != 0) {
      row.inputs.push_back({v, e.value, e.error});
    }
  }
  if (!finite) return Refused("checker.non-finite", "a row of the property exceeds double precision");
  return row;
}

}  // namespace pawl::checker
