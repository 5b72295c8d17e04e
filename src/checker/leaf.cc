#include "checker/leaf.h"

#include <algorithm>
#include <cassert>
#include <cmath>
#include <limits>
#include <numeric>

#include "checker/lane_kernels.h"

namespace pawl::checker {
namespace {

using model::OperationKind;

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
constexpr double kInfinity = std::numeric_limits<double>::infinity();

PAWL_INLINE Lanes Magnitude(const Lanes& lower, const Lanes& upper) { return Max(Abs(lower), Abs(upper)); }

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

PAWL_INLINE void LeafEngine::LoadBoxes(std::span<const LeafTask> tasks) {
  assert(!tasks.empty() && tasks.size() <= kLanes);
  ValueState& input = values_[0];
  poison_ = 0.0;
  tiny_ = kTiny;
  input.magnitude_sum = 0.0;
  for (auto* forms : {&input.below, &input.above}) std::fill(forms->begin(), forms->end(), Lanes(0.0));
  for (std::size_t j = 0; j < claim_.input_count(); ++j) {
    Lanes& lower = input.lower[j];
    Lanes& upper = input.upper[j];
    for (std::size_t l = 0; l < kLanes; ++l) {
      const LeafTask& task = tasks[l < tasks.size() ? l : 0];
      lower.Set(l, task.lower[j]);
      upper.Set(l, task.upper[j]);
      centre_[j].Set(l, SplitMidpoint(task.lower[j], task.upper[j]));
    }
    // Both differences are exact where they are subnormal; else one rounding each, and one for the product.
    spread_[j] = Max(upper - centre_[j], centre_[j] - lower) * (1 + 8 * kUnit);
    poison_ = Select((lower <= upper) & (spread_[j] <= kFiniteMax), poison_, kNan);
    const Lanes magnitude = Magnitude(lower, upper);
    input.form_size[j] = Max((Abs(centre_[j]) + spread_[j]) * kWiden, magnitude);
    input.magnitude_sum += magnitude * kWiden;
    tiny_ += spread_[j] * kTiny;
    for (auto* forms : {&input.below, &input.above}) {
      (*forms)[j * width_] = centre_[j];
      (*forms)[j * width_ + 1 + j] = 1.0;
    }
  }
}

Interval LeafEngine::Value(std::size_t value, std::size_t neuron, std::size_t task) const {
  if (!(poison_[task] == 0)) return {-kInfinity, kInfinity};
  return {values_[value].lower[neuron][task], values_[value].upper[neuron][task]};
}

// ---- forward ----

PAWL_INLINE void LeafEngine::Forward(Recipe recipe) {
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
PAWL_INLINE Lanes OperandCharge(const Step& step, const Lanes& lower, const Lanes& upper, const Lanes& form_size) {
  return Magnitude(lower, upper) * step.gamma + form_size * step.own_gamma;
}
}  // namespace

PAWL_INLINE void LeafEngine::ForwardAffineStep(const Step& step, const ValueState& in, ValueState& out) {
  for (const std::uint32_t j : in.active) charges_[j] = OperandCharge(step, in.lower[j], in.upper[j], in.form_size[j]);
  ForwardAffine({step.weights.data(), step.rows, step.columns, width_, in.active.data(), in.active.size(),
                 in.below.data(), in.above.data(), charges_.data(), out.below.data(), out.above.data(),
                 scratch_.data()});
  for (std::size_t i = 0; i < step.rows; ++i) {
    out.below[i * width_] += step.bias[i];
    out.above[i * width_] += step.bias[i];
    ChargeRow(step, i, scratch_[i], in.magnitude_sum, out);
  }
  Concretise(out);
}

PAWL_INLINE void LeafEngine::ForwardElementwise(const Step& step, const ValueState& in, ValueState& out) {
  for (std::size_t i = 0; i < step.rows; ++i) {
    const double scale = step.weights[i];
    const std::vector<Lanes>& low = scale >= 0 ? in.below : in.above;
    const std::vector<Lanes>& high = scale >= 0 ? in.above : in.below;
    for (std::size_t c = i * width_; c < (i + 1) * width_; ++c) {
      out.below[c] = low[c] * scale;
      out.above[c] = high[c] * scale;
    }
    out.below[i * width_] += step.bias[i];
    out.above[i * width_] += step.bias[i];
    const Lanes charge = OperandCharge(step, in.lower[i], in.upper[i], in.form_size[i]) * std::abs(scale);
    ChargeRow(step, i, charge, Magnitude(in.lower[i], in.upper[i]), out);
  }
  Concretise(out);
}

PAWL_INLINE void LeafEngine::ForwardSum(const Step& step, const ValueState& a, const ValueState& b, ValueState& out) {
  const std::vector<Lanes>& low = step.second_sign >= 0 ? b.below : b.above;
  const std::vector<Lanes>& high = step.second_sign >= 0 ? b.above : b.below;
  for (std::size_t i = 0; i < step.rows; ++i) {
    for (std::size_t c = i * width_; c < (i + 1) * width_; ++c) {
      out.below[c] = a.below[c] + low[c] * step.second_sign;
      out.above[c] = a.above[c] + high[c] * step.second_sign;
    }
    ChargeRow(step, i,
              OperandCharge(step, a.lower[i], a.upper[i], a.form_size[i]) +
                  OperandCharge(step, b.lower[i], b.upper[i], b.form_size[i]),
              0.0, out);
  }
  Concretise(out);
}

// Sets the radius of a row from Σ|W|·OperandCharge and Σ|x|, widens its forms by it, and tests for overflow.
PAWL_INLINE void LeafEngine::ChargeRow(const Step& step, std::size_t row, const Lanes& charge, const Lanes& operands,
                                       ValueState& out) {
  const double bias = step.bias.empty() ? 0 : std::abs(step.bias[row]);
  const double weight_sum = step.weight_sums.empty() ? 2 : step.weight_sums[row];
  const Lanes underflow = (operands + (weight_sum + step.underflow_count)) * step.underflow;
  const Lanes radius = (charge + (step.gamma + step.own_gamma) * bias + underflow) * kWiden + tiny_;
  if (step.gamma > 0) {
    // charge/gamma is at least Σ|W||x|.
    Lanes sum = charge / step.gamma + bias;
    if (step.scaled) sum = (sum + operands + (weight_sum + 1)) * step.overflow_factor;
    const Lanes largest = sum * ((1 + step.gamma) * kWiden * kWiden) + underflow * kWiden;
    poison_ = Select(largest < claim_.format.finite_max, poison_, kNan);
  }
  out.radius[row] = radius;
  out.below[row * width_] -= radius;
  out.above[row * width_] += radius;
}

// Bounds from the forms: the constant ± Σ |coefficient|·spread, widened by our rounding in that sum.
PAWL_INLINE void LeafEngine::Concretise(ValueState& value) {
  value.magnitude_sum = 0.0;
  for (std::size_t i = 0; i < value.lower.size(); ++i) {
    const Lanes* below = &value.below[i * width_];
    const Lanes* above = &value.above[i * width_];
    Lanes below_sum = 0.0, above_sum = 0.0;
    for (std::size_t c = 1; c < width_; ++c) {
      below_sum += Abs(below[c]) * spread_[c - 1];
      above_sum += Abs(above[c]) * spread_[c - 1];
    }
    const Lanes below_size = Abs(below[0]) + below_sum, above_size = Abs(above[0]) + above_sum;
    const Lanes lower = (below[0] - below_sum) - (below_size * form_rounding_ + tiny_);
    const Lanes upper = (above[0] + above_sum) + (above_size * form_rounding_ + tiny_);
    const Lanes magnitude = Magnitude(lower, upper);
    value.lower[i] = lower;
    value.upper[i] = upper;
    value.form_size[i] = Max(Max(below_size, above_size) * kWiden, magnitude);
    value.magnitude_sum += magnitude * kWiden;
    poison_ += (upper - lower) * 0.0;  // NaN for ever once a bound is infinite or NaN
  }
}

PAWL_INLINE void LeafEngine::ForwardRelu(const ValueState& in, ValueState& out) {
  out.active.clear();
  out.magnitude_sum = 0.0;
  for (std::size_t i = 0; i < out.lower.size(); ++i) {
    const Lanes lower = in.lower[i], upper = in.upper[i], form_size = in.form_size[i];
    const Mask open = (lower < 0.0) & (upper > 0.0);
    // Any slope is sound as long as the line lies above ReLU at both ends. The offset also allows for a slope that
    // differs by a unit: that is what rounding the product with a coefficient amounts to.
    const Lanes chord = Min(upper / (upper - lower), 1.0);
    const Lanes needed = Max(-chord * lower, (1.0 - chord) * upper) * (1 + 8 * kUnit);
    const Lanes passed = Select(lower >= 0.0, 1.0, 0.0);
    const Lanes slope = Select(open, chord, passed);
    const Lanes offset = Select(open, needed + Max(-lower, upper) * (8 * kUnit) + kTiny, 0.0);
    const Lanes keep = Select(open & (upper > -lower), 1.0, passed);
    // The form above also bears the rounding of its own product.
    const Lanes product = slope * form_size + offset;
    const Lanes raised = Select(open, offset + product * (8 * kUnit) + tiny_, 0.0);
    const Lanes above_size = Select(open, (product + raised) * kWiden, slope * form_size);
    out.slope[i] = slope;
    out.offset[i] = offset;
    out.keep[i] = keep;
    out.lower[i] = Max(lower, 0.0);
    out.upper[i] = Max(upper, 0.0);
    out.form_size[i] = Max(Max(above_size, keep * form_size), out.upper[i]);
    out.magnitude_sum += out.upper[i] * kWiden;
    if (Any(upper > 0.0)) out.active.push_back(static_cast<std::uint32_t>(i));
    for (std::size_t c = i * width_; c < (i + 1) * width_; ++c) {
      out.below[c] = in.below[c] * keep;
      out.above[c] = in.above[c] * slope;
    }
    out.above[i * width_] += raised;
  }
}

// Recipe backward: the operands of a ReLU whose sign is open get a substitution of their own, down and up.
PAWL_INLINE void LeafEngine::TightenBackward(std::size_t value) {
  ValueState& v = values_[value];
  for (std::size_t i = 0; i < v.lower.size(); ++i) {
    if (!Any((v.lower[i] < 0.0) & (v.upper[i] > 0.0))) continue;
    for (const double sign : {1.0, -1.0}) {
      ClearCoefficients();
      std::fill(v.coefficients.begin(), v.coefficients.end(), Lanes(0.0));
      v.coefficients[i] = sign;
      v.has_coefficients = true;
      constant_ = constant_size_ = 0.0;
      const Lanes bound = Backward(value);
      // Comparisons are false for NaN; an infinite bound is a failed one.
      const Mask usable = Abs(bound) <= kFiniteMax;
      if (sign > 0)
        v.lower[i] = Select(usable & (bound > v.lower[i]), bound, v.lower[i]);
      else
        v.upper[i] = Select(usable & (-bound < v.upper[i]), -bound, v.upper[i]);
    }
  }
}

// ---- rows ----

// Puts row `row` of every task into lanes, with what its enclosed coefficients, flushed outputs and rounded inputs may
// take away from it.
PAWL_INLINE void LeafEngine::StartRow(std::span<const LeafTask> tasks, std::size_t row) {
  const Format& format = claim_.format;
  const ValueState& x = values_[0];
  const ValueState& y = values_[claim_.output];
  std::fill(input_row_.begin(), input_row_.end(), Lanes(0.0));
  for (std::size_t l = 0; l < kLanes; ++l) {
    const RefutationRow& r = tasks[l < tasks.size() ? l : 0].rows[row];
    double charge = kTiny, size = std::abs(r.bound);
    for (std::size_t k = 0; k < output_row_.size(); ++k) {
      const double a = std::abs(r.coefficients[k]);
      output_row_[k].Set(l, r.coefficients[k]);
      charge += r.errors[k] * (Magnitude(y.lower[k], y.upper[k])[l] + format.normal_min) + a * format.normal_min;
      size += a * y.form_size[k][l];
    }
    for (const RefutationRow::InputTerm& t : r.inputs) {
      const double magnitude = Magnitude(x.lower[t.input], x.upper[t.input])[l];
      const double moved = 2 * format.unit * magnitude + 2 * format.normal_min;  // by rounding and flushing an input
      input_row_[t.input].Set(l, t.coefficient);
      charge += t.error * (magnitude + moved) + std::abs(t.coefficient) * moved;
      size += std::abs(t.coefficient) * x.form_size[t.input][l];
    }
    row_constant_.Set(l, -r.bound);
    row_charge_.Set(l, charge * kWiden);
    row_size_.Set(l, size * kWiden);
  }
}

// The row's lower bound from the forward forms.
PAWL_INLINE Lanes LeafEngine::ForwardRow() const {
  const ValueState& y = values_[claim_.output];
  Lanes constant = row_constant_, sum = 0.0;
  for (std::size_t j = 0; j < input_row_.size(); ++j) constant += input_row_[j] * centre_[j];
  for (std::size_t c = 0; c < width_; ++c) {
    Lanes total = c == 0 ? constant : input_row_[c - 1];
    for (std::size_t k = 0; k < output_row_.size(); ++k) {
      const Lanes& a = output_row_[k];
      total += a * Select(a >= 0.0, y.below[k * width_ + c], y.above[k * width_ + c]);
    }
    if (c == 0)
      constant = total;
    else
      sum += Abs(total) * spread_[c - 1];
  }
  const Lanes rounding = (Abs(constant) + sum) * form_rounding_ + row_size_ * row_rounding_;
  return (constant - sum) - (rounding + row_charge_ + tiny_) * kWiden;
}

// ---- backward ----

void LeafEngine::ClearCoefficients() {
  for (ValueState& value : values_) value.has_coefficients = false;
}

// Adds to a value's coefficients. The sum is rounded, which is charged times the value's magnitude.
PAWL_INLINE void LeafEngine::AddCoefficients(std::size_t value, const Lanes* added) {
  ValueState& v = values_[value];
  if (!v.has_coefficients) {
    std::copy_n(added, v.coefficients.size(), v.coefficients.begin());
    v.has_coefficients = true;
    return;
  }
  for (std::size_t j = 0; j < v.coefficients.size(); ++j) {
    Lanes& coefficient = v.coefficients[j];
    const Lanes charge = (Abs(coefficient) + Abs(added[j])) * Magnitude(v.lower[j], v.upper[j]) * (2 * kUnit);
    constant_ -= charge;
    constant_size_ += charge;
    coefficient += added[j];
  }
}

// The lower bound of Σ coefficients·value + constant_, all coefficients being those of value `from` and before.
PAWL_INLINE Lanes LeafEngine::Backward(std::size_t from) {
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
    constant_ -= (values_[step.input].magnitude_sum + 1.0) * kTiny;
  }
  const ValueState& x = values_[0];
  for (std::size_t j = 0; x.has_coefficients && j < x.coefficients.size(); ++j) {
    const Lanes& a = x.coefficients[j];
    const Lanes product = a * Select(a >= 0.0, x.lower[j], x.upper[j]);
    constant_ += product;
    constant_size_ += Abs(product);
  }
  return constant_ - (constant_size_ * backward_rounding_ + tiny_);
}

PAWL_INLINE void LeafEngine::BackwardThroughAffine(const Step& step, ValueState& from) {
  rows_active_.clear();
  for (std::size_t i = 0; i < step.rows; ++i) {
    const Lanes& a = from.coefficients[i];
    if (!Any(a != 0.0)) continue;  // NaN counts
    rows_active_.push_back(static_cast<std::uint32_t>(i));
    const Lanes taken = Abs(a) * from.radius[i], added = a * step.bias[i];
    constant_ += added - taken;
    constant_size_ += Abs(added) + taken;
  }
  BackwardAffine({step.weights.data(), step.columns, rows_active_.data(), rows_active_.size(), from.coefficients.data(),
                  added_.data()});
  AddCoefficients(step.input, added_.data());
}

PAWL_INLINE void LeafEngine::BackwardThroughElementwise(const Step& step, ValueState& from) {
  for (std::size_t i = 0; i < step.rows; ++i) {
    const Lanes& a = from.coefficients[i];
    const Lanes taken = Abs(a) * from.radius[i], added = a * step.bias[i];
    constant_ += added - taken;
    constant_size_ += Abs(added) + taken;
    added_[i] = a * step.weights[i];
  }
  AddCoefficients(step.input, added_.data());
}

PAWL_INLINE void LeafEngine::BackwardThroughSum(const Step& step, ValueState& from) {
  for (std::size_t i = 0; i < step.rows; ++i) {
    const Lanes taken = Abs(from.coefficients[i]) * from.radius[i];
    constant_ -= taken;
    constant_size_ += taken;
    added_[i] = from.coefficients[i] * step.second_sign;
  }
  AddCoefficients(step.input, from.coefficients.data());
  AddCoefficients(step.second_input, added_.data());
}

PAWL_INLINE void LeafEngine::BackwardThroughRelu(const Step& step, ValueState& from) {
  for (std::size_t i = 0; i < step.rows; ++i) {
    const Lanes& a = from.coefficients[i];
    const Mask falls = a < 0.0;
    const Lanes taken = Select(falls, a * from.offset[i], 0.0);
    constant_ += taken;
    constant_size_ -= taken;
    added_[i] = a * Select(falls, from.slope[i], from.keep[i]);
  }
  AddCoefficients(step.input, added_.data());
}

// ---- one batch ----

PAWL_INLINE void LeafEngine::BoundBody(Recipe recipe, std::span<const LeafTask> tasks) {
  LoadBoxes(tasks);
  Forward(recipe);
}

PAWL_INLINE void LeafEngine::MarginsBody(Recipe recipe, std::span<const LeafTask> tasks, std::span<double> margins) {
  BoundBody(recipe, tasks);
  Lanes margin = kInfinity;
  for (std::size_t row = 0; row < tasks[0].rows.size(); ++row) {
    StartRow(tasks, row);
    const Lanes forward = ForwardRow();
    ClearCoefficients();
    constant_ = row_constant_ - row_charge_;
    constant_size_ = Abs(row_constant_) + row_charge_;
    AddCoefficients(claim_.output, output_row_.data());
    AddCoefficients(0, input_row_.data());
    const Lanes backward = Backward(claim_.output);
    const Lanes better = Select(backward > forward, backward, forward);
    // Written so that a bound that is NaN or beyond all numbers takes the margin down, and nothing takes it up again.
    margin = Select(better <= kFiniteMax, Min(better, margin), -kInfinity);
  }
  for (std::size_t t = 0; t < tasks.size(); ++t) margins[t] = poison_[t] == 0 ? margin[t] : -kInfinity;
}

void LeafEngine::Bound(Recipe recipe, std::span<const LeafTask> tasks) { BoundBody(recipe, tasks); }

#if PAWL_X86_VARIANTS
__attribute__((target("avx512f"))) void LeafEngine::Margins512(Recipe recipe, std::span<const LeafTask> tasks,
                                                               std::span<double> margins) {
  MarginsBody(recipe, tasks, margins);
}
__attribute__((target("avx2"))) void LeafEngine::Margins256(Recipe recipe, std::span<const LeafTask> tasks,
                                                            std::span<double> margins) {
  MarginsBody(recipe, tasks, margins);
}
#endif

void LeafEngine::Margins(Recipe recipe, std::span<const LeafTask> tasks, std::span<double> margins) {
  assert(margins.size() == tasks.size() && !tasks.empty() && !tasks[0].rows.empty());
#if PAWL_X86_VARIANTS
  if (DetectedSet() == InstructionSet::kAvx512) return Margins512(recipe, tasks, margins);
  if (DetectedSet() == InstructionSet::kAvx2) return Margins256(recipe, tasks, margins);
#endif
  MarginsBody(recipe, tasks, margins);
}

}  // namespace pawl::checker
