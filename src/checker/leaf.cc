#include "checker/leaf.h"

#include <algorithm>
#include <cassert>
#include <cmath>
#include <limits>
#include <numeric>

namespace pawl::checker {
namespace {

using model::OperationKind;

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr Lanes kZero = {};

// Every loop over lanes is written this way, so that compilers vectorise it.
#define PAWL_LANES for (std::size_t l = 0; l < kLanes; ++l)

bool AnyNonZero(const Lanes& lanes) {
  bool any = false;
  PAWL_LANES any |= !(lanes.at[l] == 0);  // NaN counts
  return any;
}

double Largest(double a, double b) { return a > b ? a : b; }

}  // namespace

LeafEngine::LeafEngine(const Claim& claim)
    : claim_(claim), width_(claim.input_count() + 1), values_(claim.sizes.size()) {
  std::size_t widest = 0, total = 0;
  for (std::size_t v = 0; v < values_.size(); ++v) {
    const std::size_t size = claim.sizes[v];
    widest = std::max(widest, size);
    total += size;
    ValueState& value = values_[v];
    for (auto* forms : {&value.below, &value.above}) forms->resize(size * width_);
    for (auto* array : {&value.lower, &value.upper, &value.form_size, &value.radius, &value.coefficients})
      array->resize(size);
    if (v > 0 && claim.steps[v - 1].kind == OperationKind::kRelu)
      for (auto* array : {&value.slope, &value.offset, &value.keep}) array->resize(size);
    value.active.resize(size);
    std::iota(value.active.begin(), value.active.end(), 0u);
  }
  form_rounding_ = Gamma(width_ + 8, kUnit);
  // At most four additions a neuron on the way back, and as many again for the sum of their magnitudes.
  backward_rounding_ = Gamma(8 * total + 64, kUnit);
  row_rounding_ = Gamma(claim.input_count() + claim.output_count() + 32, kUnit);
  centre_.resize(claim.input_count());
  spread_.resize(claim.input_count());
  charges_.resize(widest);
  scratch_.resize(widest);
  added_.resize(widest);
  output_row_.resize(claim.output_count());
  input_row_.resize(claim.input_count());
}

double LeafEngine::ScratchBytes(const Claim& claim) {
  double lanes = 0;
  for (const std::size_t size : claim.sizes)
    lanes += static_cast<double>(size) * (2.0 * static_cast<double>(claim.input_count() + 1) + 12);
  return lanes * sizeof(Lanes);
}

double LeafEngine::OperationsPerLeaf(const Claim& claim, Recipe recipe, std::size_t conjunctions) {
  const double width = static_cast<double>(claim.input_count() + 1);
  double forward = 0, backward = 0, tightened = 0;
  for (const Step& step : claim.steps) {
    const double rows = static_cast<double>(step.rows);
    const double products = rows * (step.kind == OperationKind::kAffine ? static_cast<double>(step.columns) : 1);
    if (step.kind == OperationKind::kRelu && recipe == Recipe::kBackward) tightened += 2 * rows * backward;
    forward += products * (2 * width + 1) + 8 * rows * width;
    backward += products + 16 * rows;
  }
  const double rows = static_cast<double>(conjunctions);
  return forward + tightened + rows * (backward + 2 * width * static_cast<double>(claim.output_count()));
}

void LeafEngine::LoadBoxes(std::span<const LeafTask> tasks) {
  assert(!tasks.empty() && tasks.size() <= kLanes);
  ValueState& input = values_[0];
  const std::size_t inputs = claim_.input_count();
  poison_ = kZero;
  PAWL_LANES tiny_.at[l] = kTiny;
  input.magnitude_sum = kZero;
  for (std::size_t j = 0; j < inputs; ++j) {
    PAWL_LANES {
      const LeafTask& task = tasks[l < tasks.size() ? l : 0];
      const double lower = task.lower[j], upper = task.upper[j];
      const double centre = SplitMidpoint(lower, upper);
      // Both differences are exact where they are subnormal; else one rounding each, and one for the product.
      const double spread = Largest(upper - centre, centre - lower) * (1 + 8 * kUnit);
      const double magnitude = Largest(std::abs(lower), std::abs(upper));
      if (!(lower <= upper) || !std::isfinite(spread)) poison_.at[l] = kNan;
      input.lower[j].at[l] = lower;
      input.upper[j].at[l] = upper;
      centre_[j].at[l] = centre;
      spread_[j].at[l] = spread;
      input.form_size[j].at[l] = Largest((std::abs(centre) + spread) * kWiden, magnitude);
      input.magnitude_sum.at[l] += magnitude * kWiden;
      tiny_.at[l] += kTiny * spread;
    }
    for (auto* forms : {&input.below, &input.above}) {
      std::fill_n(forms->begin() + static_cast<std::ptrdiff_t>(j * width_), width_, kZero);
      (*forms)[j * width_] = centre_[j];
      PAWL_LANES(*forms)[j * width_ + 1 + j].at[l] = 1;
    }
  }
}

void LeafEngine::Bound(Recipe recipe, std::span<const LeafTask> tasks) {
  LoadBoxes(tasks);
  Forward(recipe);
}

Interval LeafEngine::Value(std::size_t value, std::size_t neuron, std::size_t task) const {
  if (!(poison_.at[task] == 0)) return {-kInfinity, kInfinity};
  return {values_[value].lower[neuron].at[task], values_[value].upper[neuron].at[task]};
}

void LeafEngine::Margins(Recipe recipe, std::span<const LeafTask> tasks, std::span<double> margins) {
  assert(margins.size() == tasks.size() && !tasks[0].rows.empty());
  Bound(recipe, tasks);
  Lanes margin;
  PAWL_LANES margin.at[l] = kInfinity;
  for (std::size_t row = 0; row < tasks[0].rows.size(); ++row) {
    StartRow(tasks, row);
    const Lanes forward = ForwardRow();
    ClearCoefficients();
    PAWL_LANES {
      constant_.at[l] = row_constant_.at[l] - row_charge_.at[l];
      constant_size_.at[l] = std::abs(row_constant_.at[l]) + row_charge_.at[l];
    }
    AddCoefficients(claim_.output, output_row_.data());
    AddCoefficients(0, input_row_.data());
    const Lanes backward = Backward(claim_.output);
    PAWL_LANES {
      const double better = backward.at[l] > forward.at[l] ? backward.at[l] : forward.at[l];
      // Written so that a bound that is NaN or beyond all numbers takes the margin down, and nothing takes it up again.
      margin.at[l] = better <= kFiniteMax ? (better < margin.at[l] ? better : margin.at[l]) : -kInfinity;
    }
  }
  for (std::size_t t = 0; t < tasks.size(); ++t) margins[t] = poison_.at[t] == 0 ? margin.at[t] : -kInfinity;
}

// ---- forward ----

void LeafEngine::Forward(Recipe recipe) {
  for (std::size_t s = 0; s < claim_.steps.size(); ++s) {
    const Step& step = claim_.steps[s];
    const ValueState& in = values_[step.input];
    ValueState& out = values_[s + 1];
    switch (step.kind) {
      case OperationKind::kAffine:
        ForwardAffineStep(step, in, out);
        break;
      case OperationKind::kElementwise:
        ForwardElementwise(step, in, out);
        break;
      case OperationKind::kSum:
        ForwardSum(step, in, values_[step.second_input], out);
        break;
      case OperationKind::kRelu:
        if (recipe == Recipe::kBackward) TightenBackward(step.input);
        ForwardRelu(in, out);
        break;
    }
  }
}

namespace {
// What an operand of size 1 (in weight) is charged with: the deployed rounding of products with its value, and our own
// of products with its forms.
Lanes OperandCharge(const Step& step, const Lanes& lower, const Lanes& upper, const Lanes& form_size) {
  Lanes charge;
  PAWL_LANES {
    const double magnitude = Largest(std::abs(lower.at[l]), std::abs(upper.at[l]));
    charge.at[l] = step.gamma * magnitude + step.own_gamma * form_size.at[l];
  }
  return charge;
}
}  // namespace

void LeafEngine::ForwardAffineStep(const Step& step, const ValueState& in, ValueState& out) {
  for (const std::uint32_t j : in.active) charges_[j] = OperandCharge(step, in.lower[j], in.upper[j], in.form_size[j]);
  ForwardAffine({step.weights.data(), step.rows, step.columns, width_, in.active.data(), in.active.size(),
                 in.below.data(), in.above.data(), charges_.data(), out.below.data(), out.above.data(),
                 scratch_.data()});
  for (std::size_t i = 0; i < step.rows; ++i) {
    PAWL_LANES {
      out.below[i * width_].at[l] += step.bias[i];
      out.above[i * width_].at[l] += step.bias[i];
    }
    ChargeRow(step, i, scratch_[i], in.magnitude_sum, out);
  }
  Concretise(out);
}

void LeafEngine::ForwardElementwise(const Step& step, const ValueState& in, ValueState& out) {
  for (std::size_t i = 0; i < step.rows; ++i) {
    const double scale = step.weights[i];
    const std::vector<Lanes>& low = scale >= 0 ? in.below : in.above;
    const std::vector<Lanes>& high = scale >= 0 ? in.above : in.below;
    for (std::size_t c = i * width_; c < (i + 1) * width_; ++c) {
      PAWL_LANES out.below[c].at[l] = low[c].at[l] * scale;
      PAWL_LANES out.above[c].at[l] = high[c].at[l] * scale;
    }
    Lanes charge = OperandCharge(step, in.lower[i], in.upper[i], in.form_size[i]), magnitude;
    PAWL_LANES {
      out.below[i * width_].at[l] += step.bias[i];
      out.above[i * width_].at[l] += step.bias[i];
      charge.at[l] *= std::abs(scale);
      magnitude.at[l] = Largest(std::abs(in.lower[i].at[l]), std::abs(in.upper[i].at[l]));
    }
    ChargeRow(step, i, charge, magnitude, out);
  }
  Concretise(out);
}

void LeafEngine::ForwardSum(const Step& step, const ValueState& a, const ValueState& b, ValueState& out) {
  const std::vector<Lanes>& low = step.second_sign >= 0 ? b.below : b.above;
  const std::vector<Lanes>& high = step.second_sign >= 0 ? b.above : b.below;
  for (std::size_t i = 0; i < step.rows; ++i) {
    for (std::size_t c = i * width_; c < (i + 1) * width_; ++c) {
      PAWL_LANES out.below[c].at[l] = a.below[c].at[l] + step.second_sign * low[c].at[l];
      PAWL_LANES out.above[c].at[l] = a.above[c].at[l] + step.second_sign * high[c].at[l];
    }
    const Lanes first = OperandCharge(step, a.lower[i], a.upper[i], a.form_size[i]);
    const Lanes second = OperandCharge(step, b.lower[i], b.upper[i], b.form_size[i]);
    Lanes charge;
    PAWL_LANES charge.at[l] = first.at[l] + second.at[l];
    ChargeRow(step, i, charge, kZero, out);
  }
  Concretise(out);
}

// Sets the radius of a row from Σ|W|·OperandCharge and Σ|x|, widens its forms by it, and tests for overflow.
void LeafEngine::ChargeRow(const Step& step, std::size_t row, const Lanes& charge, const Lanes& operands,
                           ValueState& out) {
  const double bias = step.bias.empty() ? 0 : std::abs(step.bias[row]);
  const double weight_sum = step.weight_sums.empty() ? 2 : step.weight_sums[row];
  Lanes& radius = out.radius[row];
  PAWL_LANES {
    const double underflow = step.underflow * (weight_sum + operands.at[l] + step.underflow_count);
    radius.at[l] = (charge.at[l] + (step.gamma + step.own_gamma) * bias + underflow) * kWiden + tiny_.at[l];
    if (step.gamma > 0) {
      // charge/gamma is at least Σ|W||x|.
      double sum = charge.at[l] / step.gamma + bias;
      if (step.scaled) sum = step.overflow_factor * (sum + operands.at[l] + weight_sum + 1);
      const double largest = (1 + step.gamma) * sum * (kWiden * kWiden) + underflow * kWiden;
      if (!(largest < claim_.format.finite_max)) poison_.at[l] = kNan;
    }
    out.below[row * width_].at[l] -= radius.at[l];
    out.above[row * width_].at[l] += radius.at[l];
  }
}

// Bounds from the forms: the constant ± Σ |coefficient|·spread, widened by our rounding in that sum.
void LeafEngine::Concretise(ValueState& value) {
  value.magnitude_sum = kZero;
  for (std::size_t i = 0; i < value.lower.size(); ++i) {
    const Lanes* below = &value.below[i * width_];
    const Lanes* above = &value.above[i * width_];
    Lanes below_sum = kZero, above_sum = kZero;
    for (std::size_t c = 1; c < width_; ++c) {
      PAWL_LANES below_sum.at[l] += std::abs(below[c].at[l]) * spread_[c - 1].at[l];
      PAWL_LANES above_sum.at[l] += std::abs(above[c].at[l]) * spread_[c - 1].at[l];
    }
    PAWL_LANES {
      const double below_size = std::abs(below[0].at[l]) + below_sum.at[l];
      const double above_size = std::abs(above[0].at[l]) + above_sum.at[l];
      const double lower = (below[0].at[l] - below_sum.at[l]) - (form_rounding_ * below_size + tiny_.at[l]);
      const double upper = (above[0].at[l] + above_sum.at[l]) + (form_rounding_ * above_size + tiny_.at[l]);
      const double magnitude = Largest(std::abs(lower), std::abs(upper));
      value.lower[i].at[l] = lower;
      value.upper[i].at[l] = upper;
      value.form_size[i].at[l] = Largest(Largest(below_size, above_size) * kWiden, magnitude);
      value.magnitude_sum.at[l] += magnitude * kWiden;
      poison_.at[l] += 0.0 * (upper - lower);  // NaN for ever once a bound is infinite or NaN
    }
  }
}

void LeafEngine::ForwardRelu(const ValueState& in, ValueState& out) {
  out.active.clear();
  out.magnitude_sum = kZero;
  for (std::size_t i = 0; i < out.lower.size(); ++i) {
    Lanes& slope = out.slope[i];
    Lanes& offset = out.offset[i];
    Lanes& keep = out.keep[i];
    Lanes raised;  // offset of the form above, with the rounding of the form's own product
    bool alive = false;
    PAWL_LANES {
      const double lower = in.lower[i].at[l], upper = in.upper[i].at[l];
      const bool open = lower < 0 && upper > 0;
      const double farther = Largest(-lower, upper);
      // Any slope is sound as long as the line lies above ReLU at both ends. The offset also allows for a slope that
      // differs by a unit: that is what rounding the product with a coefficient amounts to.
      const double chord = std::min(upper / (upper - lower), 1.0);
      const double needed = Largest(-chord * lower, (1 - chord) * upper) * (1 + 8 * kUnit);
      slope.at[l] = open ? chord : lower >= 0 ? 1.0 : 0.0;
      offset.at[l] = open ? needed + 8 * kUnit * farther + kTiny : 0.0;
      keep.at[l] = open ? (upper > -lower ? 1.0 : 0.0) : slope.at[l];
      const double form_size = in.form_size[i].at[l];
      const double product = slope.at[l] * form_size + offset.at[l];
      raised.at[l] = open ? offset.at[l] + 8 * kUnit * product + tiny_.at[l] : 0.0;
      out.lower[i].at[l] = Largest(lower, 0.0);
      out.upper[i].at[l] = Largest(upper, 0.0);
      const double size = open ? (product + raised.at[l]) * kWiden : slope.at[l] * form_size;
      out.form_size[i].at[l] = Largest(Largest(size, keep.at[l] * form_size), out.upper[i].at[l]);
      out.magnitude_sum.at[l] += out.upper[i].at[l] * kWiden;
      alive |= upper > 0;
    }
    if (alive) out.active.push_back(static_cast<std::uint32_t>(i));
    for (std::size_t c = i * width_; c < (i + 1) * width_; ++c) {
      PAWL_LANES out.below[c].at[l] = in.below[c].at[l] * keep.at[l];
      PAWL_LANES out.above[c].at[l] = in.above[c].at[l] * slope.at[l];
    }
    PAWL_LANES out.above[i * width_].at[l] += raised.at[l];
  }
}

// Recipe backward: the operands of a ReLU whose sign is open get a substitution of their own, down and up.
void LeafEngine::TightenBackward(std::size_t value) {
  ValueState& v = values_[value];
  for (std::size_t i = 0; i < v.lower.size(); ++i) {
    bool open = false;
    PAWL_LANES open |= v.lower[i].at[l] < 0 && v.upper[i].at[l] > 0;
    if (!open) continue;
    for (const double sign : {1.0, -1.0}) {
      ClearCoefficients();
      std::fill(v.coefficients.begin(), v.coefficients.end(), kZero);
      PAWL_LANES v.coefficients[i].at[l] = sign;
      v.has_coefficients = true;
      constant_ = constant_size_ = kZero;
      const Lanes bound = Backward(value);
      PAWL_LANES {
        // Comparisons are false for NaN; an infinite bound is a failed one.
        const bool usable = std::abs(bound.at[l]) <= kFiniteMax;
        double& lower = v.lower[i].at[l];
        double& upper = v.upper[i].at[l];
        if (usable && sign > 0 && bound.at[l] > lower) lower = bound.at[l];
        if (usable && sign < 0 && -bound.at[l] < upper) upper = -bound.at[l];
      }
    }
  }
}

// ---- rows ----

// Puts row `row` of every task into lanes, with what its enclosed coefficients, flushed outputs and rounded inputs may
// take away from it.
void LeafEngine::StartRow(std::span<const LeafTask> tasks, std::size_t row) {
  std::fill(input_row_.begin(), input_row_.end(), kZero);
  PAWL_LANES {
    const RefutationRow& r = tasks[l < tasks.size() ? l : 0].rows[row];
    const Format& format = claim_.format;
    double charge = kTiny, size = std::abs(r.bound);
    for (std::size_t k = 0; k < output_row_.size(); ++k) {
      const ValueState& y = values_[claim_.output];
      const double magnitude = Largest(std::abs(y.lower[k].at[l]), std::abs(y.upper[k].at[l]));
      output_row_[k].at[l] = r.coefficients[k];
      charge += r.errors[k] * (magnitude + format.normal_min) + std::abs(r.coefficients[k]) * format.normal_min;
      size += std::abs(r.coefficients[k]) * y.form_size[k].at[l];
    }
    for (const RefutationRow::InputTerm& t : r.inputs) {
      const ValueState& x = values_[0];
      const double magnitude = Largest(std::abs(x.lower[t.input].at[l]), std::abs(x.upper[t.input].at[l]));
      const double moved = 2 * format.unit * magnitude + 2 * format.normal_min;  // by rounding and flushing an input
      input_row_[t.input].at[l] = t.coefficient;
      charge += t.error * (magnitude + moved) + std::abs(t.coefficient) * moved;
      size += std::abs(t.coefficient) * x.form_size[t.input].at[l];
    }
    row_constant_.at[l] = -r.bound;
    row_charge_.at[l] = charge * kWiden;
    row_size_.at[l] = size * kWiden;
  }
}

// The row's lower bound from the forward forms.
Lanes LeafEngine::ForwardRow() const {
  const ValueState& y = values_[claim_.output];
  Lanes constant = row_constant_, sum = kZero, bound;
  for (std::size_t c = 0; c < width_; ++c) {
    Lanes total = c == 0 ? constant : kZero;
    for (std::size_t k = 0; k < output_row_.size(); ++k) {
      PAWL_LANES {
        const double a = output_row_[k].at[l];
        total.at[l] += a * (a >= 0 ? y.below : y.above)[k * width_ + c].at[l];
      }
    }
    if (c == 0) {
      for (std::size_t j = 0; j < input_row_.size(); ++j)
        PAWL_LANES total.at[l] += input_row_[j].at[l] * centre_[j].at[l];
      constant = total;
    } else {
      PAWL_LANES sum.at[l] += std::abs(total.at[l] + input_row_[c - 1].at[l]) * spread_[c - 1].at[l];
    }
  }
  PAWL_LANES {
    const double size = std::abs(constant.at[l]) + sum.at[l];
    const double rounding = form_rounding_ * size + row_rounding_ * row_size_.at[l];
    bound.at[l] = (constant.at[l] - sum.at[l]) - (rounding + row_charge_.at[l] + tiny_.at[l]) * kWiden;
  }
  return bound;
}

// ---- backward ----

void LeafEngine::ClearCoefficients() {
  for (ValueState& value : values_) value.has_coefficients = false;
}

// Adds to a value's coefficients. The sum is rounded, which is charged times the value's magnitude.
void LeafEngine::AddCoefficients(std::size_t value, const Lanes* added) {
  ValueState& v = values_[value];
  if (!v.has_coefficients) {
    std::copy_n(added, v.coefficients.size(), v.coefficients.begin());
    v.has_coefficients = true;
    return;
  }
  for (std::size_t j = 0; j < v.coefficients.size(); ++j) {
    PAWL_LANES {
      double& coefficient = v.coefficients[j].at[l];
      const double magnitude = Largest(std::abs(v.lower[j].at[l]), std::abs(v.upper[j].at[l]));
      const double charge = 2 * kUnit * (std::abs(coefficient) + std::abs(added[j].at[l])) * magnitude;
      constant_.at[l] -= charge;
      constant_size_.at[l] += charge;
      coefficient += added[j].at[l];
    }
  }
}

// The lower bound of Σ coefficients·value + constant_, all coefficients being those of value `from` and before.
Lanes LeafEngine::Backward(std::size_t from) {
  for (std::size_t v = from; v > 0; --v) {
    ValueState& value = values_[v];
    if (!value.has_coefficients) continue;
    const Step& step = claim_.steps[v - 1];
    switch (step.kind) {
      case OperationKind::kAffine:
        BackwardThroughAffine(step, value);
        break;
      case OperationKind::kElementwise:
        BackwardThroughElementwise(step, value);
        break;
      case OperationKind::kSum:
        BackwardThroughSum(step, value);
        break;
      case OperationKind::kRelu:
        BackwardThroughRelu(step, value);
        break;
    }
    // Underflow of products with coefficients: each below 2^-1074, times what it multiplies.
    PAWL_LANES constant_.at[l] -= kTiny * (1 + values_[step.input].magnitude_sum.at[l]);
  }
  const ValueState& x = values_[0];
  if (x.has_coefficients) {
    for (std::size_t j = 0; j < x.coefficients.size(); ++j) {
      PAWL_LANES {
        const double a = x.coefficients[j].at[l];
        const double product = a * (a >= 0 ? x.lower : x.upper)[j].at[l];
        constant_.at[l] += product;
        constant_size_.at[l] += std::abs(product);
      }
    }
  }
  Lanes bound;
  PAWL_LANES bound.at[l] = constant_.at[l] - (backward_rounding_ * constant_size_.at[l] + tiny_.at[l]);
  return bound;
}

void LeafEngine::BackwardThroughAffine(const Step& step, ValueState& from) {
  rows_active_.clear();
  for (std::size_t i = 0; i < step.rows; ++i) {
    const Lanes& a = from.coefficients[i];
    if (!AnyNonZero(a)) continue;
    rows_active_.push_back(static_cast<std::uint32_t>(i));
    const double bias = step.bias[i];
    PAWL_LANES {
      const double taken = std::abs(a.at[l]) * from.radius[i].at[l];
      constant_.at[l] += a.at[l] * bias - taken;
      constant_size_.at[l] += std::abs(a.at[l] * bias) + taken;
    }
  }
  BackwardAffine({step.weights.data(), step.columns, rows_active_.data(), rows_active_.size(), from.coefficients.data(),
                  added_.data()});
  AddCoefficients(step.input, added_.data());
}

void LeafEngine::BackwardThroughElementwise(const Step& step, ValueState& from) {
  for (std::size_t i = 0; i < step.rows; ++i) {
    PAWL_LANES {
      const double a = from.coefficients[i].at[l];
      const double taken = std::abs(a) * from.radius[i].at[l];
      constant_.at[l] += a * step.bias[i] - taken;
      constant_size_.at[l] += std::abs(a * step.bias[i]) + taken;
      added_[i].at[l] = a * step.weights[i];
    }
  }
  AddCoefficients(step.input, added_.data());
}

void LeafEngine::BackwardThroughSum(const Step& step, ValueState& from) {
  for (std::size_t i = 0; i < step.rows; ++i) {
    PAWL_LANES {
      const double taken = std::abs(from.coefficients[i].at[l]) * from.radius[i].at[l];
      constant_.at[l] -= taken;
      constant_size_.at[l] += taken;
      added_[i].at[l] = from.coefficients[i].at[l] * step.second_sign;
    }
  }
  AddCoefficients(step.input, from.coefficients.data());
  AddCoefficients(step.second_input, added_.data());
}

void LeafEngine::BackwardThroughRelu(const Step& step, ValueState& from) {
  for (std::size_t i = 0; i < step.rows; ++i) {
    PAWL_LANES {
      const double a = from.coefficients[i].at[l];
      const double raised = a < 0 ? a * from.offset[i].at[l] : 0.0;
      constant_.at[l] += raised;
      constant_size_.at[l] += std::abs(raised);
      added_[i].at[l] = a * (a < 0 ? from.slope[i].at[l] : from.keep[i].at[l]);
    }
  }
  AddCoefficients(step.input, added_.data());
}

}  // namespace pawl::checker
