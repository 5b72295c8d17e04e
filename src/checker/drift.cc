#include "checker/drift.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <utility>
#include <vector>

namespace pawl::checker {
namespace {

constexpr std::size_t kNone = model::kNoConstant;

bool IsAffine(StepKind kind) {
  return kind == StepKind::kDense || kind == StepKind::kConvolution || kind == StepKind::kElementwise;
}

// Whether two steps are one function of their operands but for weights and constants.
bool Corresponds(const Step& a, const Step& b) {
  return a.kind == b.kind && a.input == b.input && a.second_input == b.second_input && a.second_sign == b.second_sign &&
         a.rows == b.rows && a.columns == b.columns && a.window == b.window && a.sources == b.sources &&
         a.weights.size() == b.weights.size() && a.bias.size() == b.bias.size();
}

// A step that no deployed evaluation makes: nothing rounds in it but our own bounds.
Step Exact(Step step) {
  step.gamma = step.underflow = step.underflow_count = step.weight_radius = step.bias_radius = 0;
  step.weight_sums.clear();
  step.bias_sizes.clear();
  step.scaled = false;
  // For a difference of weights, which is rounded once.
  step.own_gamma = (step.own_gamma + 4 * kUnit) * kWiden;
  return step;
}

std::vector<double> Subtract(std::vector<double> from, const std::vector<double>& subtracted) {
  for (std::size_t i = 0; i < from.size(); ++i) from[i] -= subtracted[i];
  return from;
}

class Joiner {
 public:
  Joiner(const Claim& network, const Claim& baseline) : network_(network), baseline_(baseline) {
    claim_ = baseline;
    for (std::size_t v = 1; v < network.sizes.size(); ++v) Append(Shifted(network.steps[v - 1]));
    for (const Neuron& neuron : network.neurons) claim_.neurons.push_back({OfNetwork(neuron.value), neuron.index});
  }

  Claim Join() {
    // Of value v of both networks the difference; of the input there is none, being 0.
    differences_ = {kNone};
    const std::size_t common = std::min(network_.steps.size(), baseline_.steps.size());
    for (std::size_t v = 1; v <= common; ++v) differences_.push_back(Difference(v));
    const bool is_known = network_.output == baseline_.output && network_.output <= common && network_.output > 0;
    claim_.output = is_known ? differences_[network_.output]
                             : Append(Plain(OfNetwork(network_.output), baseline_.output, network_.output_count()));
    return std::move(claim_);
  }

 private:
  std::size_t OfNetwork(std::size_t v) const { return v == 0 ? 0 : v + baseline_.steps.size(); }

  Step Shifted(Step step) const {
    step.input = OfNetwork(step.input);
    step.second_input = OfNetwork(step.second_input);
    for (Step::Source& source : step.sources)
      if (source.value != kNone) source.value = OfNetwork(source.value);
    return step;
  }

  // The value that the step gets.
  std::size_t Append(Step step) {
    claim_.sizes.push_back(step.rows);
    claim_.steps.push_back(std::move(step));
    return claim_.steps.size();
  }

  // first + sign·second, element by element.
  static Step SumOf(std::size_t first, std::size_t second, double sign, std::size_t size) {
    Step step;
    step.kind = StepKind::kSum;
    step.input = first;
    step.second_input = second;
    step.second_sign = sign;
    step.rows = step.columns = size;
    step.products = static_cast<double>(size);
    step.own_gamma = Gamma(32, kUnit);
    return step;
  }
  static Step Plain(std::size_t first, std::size_t second, std::size_t size) { return SumOf(first, second, -1, size); }

  // Adds the difference of value v, or none where the sizes differ.
  std::size_t Difference(std::size_t v) {
    const Step &step = network_.steps[v - 1], &base = baseline_.steps[v - 1];
    if (step.rows != base.rows) return kNone;
    const auto inherit = [&](Step difference) {
      difference.of_network = OfNetwork(v);
      difference.of_baseline = v;
      return Append(std::move(difference));
    };
    if (Corresponds(step, base)) {
      const std::size_t operand = differences_[step.input];
      if (IsAffine(step.kind) && (operand != kNone || step.input == 0)) {
        Step changed = Exact(step);  // (W' − W)x + (b' − b)
        changed.weights = Subtract(changed.weights, base.weights);
        changed.bias = Subtract(changed.bias, base.bias);
        if (operand == kNone) return inherit(std::move(changed));
        Step carried = Exact(step);  // W'(x' − x)
        carried.input = operand;
        std::fill(carried.bias.begin(), carried.bias.end(), 0.0);
        const std::size_t first = Append(std::move(carried)), second = Append(std::move(changed));
        return inherit(SumOf(first, second, 1, step.rows));
      }
      const std::size_t other = differences_[step.second_input];
      if (step.kind == StepKind::kSum && operand != kNone && other != kNone)
        return inherit(SumOf(operand, other, step.second_sign, step.rows));
      if (step.kind == StepKind::kRelu && operand != kNone) {
        Step difference = step;
        difference.kind = StepKind::kReluDifference;
        difference.input = operand;
        difference.of_network = OfNetwork(step.input);
        difference.of_baseline = step.input;
        return Append(std::move(difference));
      }
      // Constants have no radius that the rounding of their difference could go into.
      if (step.kind == StepKind::kSelect && step.bias == base.bias && KnowsSources(step)) return Append(Selected(step));
    }
    return Append(Plain(OfNetwork(v), v, step.rows));
  }

  // The same elements of the differences; 0 of the input.
  Step Selected(const Step& step) const {
    Step difference = step;
    std::fill(difference.bias.begin(), difference.bias.end(), 0.0);
    for (Step::Source& source : difference.sources) {
      if (source.value == 0) source = {};
      if (source.value != kNone) source.value = differences_[source.value];
    }
    return difference;
  }
  bool KnowsSources(const Step& step) const {
    return std::all_of(step.sources.begin(), step.sources.end(), [&](const Step::Source& source) {
      return source.value == kNone || source.value == 0 || differences_[source.value] != kNone;
    });
  }

  const Claim &network_, &baseline_;
  Claim claim_;
  std::vector<std::size_t> differences_;
};

}  // namespace

Result<model::Property> DriftProperty(const model::Property& inputs, std::span<const model::Decimal> within) {
  if (within.size() != inputs.output_count)
    return Refused("checker.within", "drift is bounded for another number of outputs than the property has");
  model::Conjunction sides;
  for (std::size_t i = 0; i < within.size(); ++i) {
    if (within[i].Sign() <= 0) return Refused("checker.within", "a bound of drift is not above 0");
    for (const double sign : {-1.0, 1.0})
      sides.push_back({{{inputs.input_count + i, model::Decimal::FromDouble(sign)}}, -within[i], true});
  }
  model::Property property = inputs;
  for (model::Case& input_case : property.cases) {
    for (const model::Conjunction& conjunction : input_case.unsafe)
      for (const model::Row& row : conjunction)
        if (row.terms.back().variable < inputs.input_count)
          return Refused("checker.input-rows", "a case of the property constrains its inputs by more than a box",
                         "write the inputs' bounds as plain comparisons with numbers");
    input_case.unsafe.clear();
    for (const model::Row& side : sides) input_case.unsafe.push_back({side});
  }
  return property;
}

Result<Claim> PrepareDriftClaim(const model::Network& network, const model::Network& baseline,
                                const model::Property& property, Arithmetic arithmetic) {
  const Result<Claim> first = PrepareClaim(network, property, arithmetic);
  if (!first.ok()) return first.error();
  const Result<Claim> second = PrepareClaim(baseline, property, arithmetic);
  if (!second.ok()) return second.error();
  Claim claim = Joiner(*first, *second).Join();
  for (const Step& step : claim.steps)
    for (const auto* numbers : {&step.weights, &step.bias})
      for (const double number : *numbers)
        if (!std::isfinite(number))
          return Refused("checker.rounding", "two constants are further apart than double precision reaches");
  return claim;
}

}  // namespace pawl::checker
