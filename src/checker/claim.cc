#include "checker/claim.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>
#include <utility>

namespace pawl::checker {
namespace {

using model::OperationKind;

// Σ|w|, not below the exact sum.
double AbsoluteSum(const double* values, std::size_t count) {
  double sum = 0;
  for (std::size_t i = 0; i < count; ++i) sum += std::abs(values[i]);
  return sum * kWiden + kTiny;
}

// Products with alpha and beta are exact for float32 constants and rounded once for float64 ones, which own_gamma
// counts as long as none underflows. False where one does.
bool Scale(std::vector<double>& values, double factor) {
  bool is_normal = true;
  for (double& value : values) {
    const bool may_underflow = factor != 1 && value != 0;
    value *= factor;
    is_normal = is_normal && (!may_underflow || std::abs(value) >= std::numeric_limits<double>::min());
  }
  return is_normal;
}

void ChargeAffine(const model::Operation& operation, const Format& format, Step& step) {
  const double alpha = std::abs(operation.alpha), beta = std::abs(operation.beta);
  const std::size_t n = step.columns;
  step.scaled = operation.alpha != 1 || operation.beta != 1;
  const std::size_t k = n + (step.scaled ? 4 : 2);
  step.gamma = Gamma(k, format.unit);
  step.own_gamma = Gamma(std::max(step.rows, step.columns) + 32, kUnit);
  step.underflow = format.normal_min * (1 + step.gamma) * kWiden;
  step.underflow_count = static_cast<double>(2 * n + 2);
  if (!step.scaled) return;
  const double grown = (1 + alpha) * (1 + beta) * kWiden;
  step.underflow *= grown;
  step.underflow_count += 4;
  // W·x may be summed before alpha shrinks it. Infinite, and so refused, where a factor is 0.
  step.overflow_factor = grown * std::max(1.0, 1 / alpha) * std::max(1.0, 1 / beta) * kWiden;
}

// One rounding an element: the sum or the product, with room for a flushed operand on each side.
void ChargeElementwise(const Format& format, Step& step) {
  step.gamma = Gamma(2, format.unit);
  step.own_gamma = Gamma(32, kUnit);
  step.underflow = format.normal_min * (1 + step.gamma) * kWiden;
  step.underflow_count = 4;
}

Step MakeStep(model::Operation& operation, const model::VectorProgram& program, const Format& format) {
  Step step;
  step.kind = operation.kind;
  step.input = operation.inputs[0];
  step.rows = operation.size;
  step.columns = program.SizeOf(step.input);
  switch (operation.kind) {
    case OperationKind::kAffine: {
      step.weights = std::move(operation.weights);
      step.bias = std::move(operation.bias);
      step.bias.resize(step.rows, 0.0);
      ChargeAffine(operation, format, step);
      step.weight_sums.resize(step.rows);
      // Both the file's own weights and the scaled ones are flushed or multiplied in some order; take the larger sum. A
      // flushed beta takes the whole of the file's own bias with it.
      const auto sums = [&](std::size_t i) { return AbsoluteSum(&step.weights[i * step.columns], step.columns); };
      std::vector<double> own_bias(step.rows, 0.0);
      if (step.scaled) own_bias = step.bias;
      for (std::size_t i = 0; i < step.rows; ++i) step.weight_sums[i] = sums(i);
      const bool is_exact = Scale(step.weights, operation.alpha) && Scale(step.bias, operation.beta);
      if (!is_exact) step.own_gamma = HUGE_VAL;  // no share of the product bounds its error: refused by CheckStep
      for (std::size_t i = 0; i < step.rows; ++i)
        step.weight_sums[i] = (std::max(step.weight_sums[i], sums(i)) + std::abs(own_bias[i])) * kWiden;
      break;
    }
    case OperationKind::kElementwise:
      step.weights = std::move(operation.scale);
      step.bias = std::move(operation.offset);
      step.weights.resize(step.rows, 1.0);
      step.bias.resize(step.rows, 0.0);
      ChargeElementwise(format, step);
      for (const double scale : step.weights) step.weight_sums.push_back(std::abs(scale));
      break;
    case OperationKind::kSum:
      step.second_input = operation.inputs[1];
      step.second_sign = operation.subtract ? -1 : 1;
      ChargeElementwise(format, step);
      break;
    case OperationKind::kRelu:
      break;
  }
  return step;
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
    return Refused("checker.rounding", "a sum is so long that its rounding in this arithmetic has no useful bound");
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

Result<Claim> PrepareClaim(const model::Network& network, const model::Property& property, Arithmetic arithmetic) {
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
  Claim claim;
  claim.property = &property;
  claim.arithmetic = arithmetic;
  claim.format = FormatOf(arithmetic);
  Result<model::VectorProgram> program = model::ToVectorProgram(network);
  if (!program.ok()) return program.error();
  claim.output = program->output;
  claim.sizes.push_back(program->input_size);
  for (const model::Operation& operation : program->operations) claim.sizes.push_back(operation.size);
  claim.uses.resize(claim.sizes.size(), 0);
  for (model::Operation& operation : program->operations) {
    for (const std::size_t input : operation.inputs) ++claim.uses[input];
    claim.steps.push_back(MakeStep(operation, *program, claim.format));
    const Step& step = claim.steps.back();
    if (Result<void> fine = CheckStep(step); !fine.ok()) return fine.error();
    for (std::size_t i = 0; step.kind == OperationKind::kRelu && i < step.rows; ++i)
      claim.neurons.push_back({step.input, i});
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
