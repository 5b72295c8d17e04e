// Backward substitution: a row over some value of the network becomes one over its inputs, in each lane one.
//
//   Relaxation relaxation(claim);                       // one a thread; the claim outlives it
//   ... fill relaxation.value(v).lower, upper, radius and magnitude_sum of every value, and relax activations
//   relaxation.StartRow(constant, charge);
//   relaxation.AddCoefficients(claim.output, row);
//   Lanes bound = relaxation.Backward(claim.output);    // not above row·y + constant − charge over lower, upper
//
// Lanes may be leaves (with bounds of their own) or rows over the same bounds. Method: Singh et al., POPL 2019; any
// slope in [0, 1] below an open ReLU: Xu et al., ICLR 2021; split multipliers: Wang et al., NeurIPS 2021. Each value
// carries one radius for all errors, the deployed network's and our own: coefficients, once rounded, are taken as the
// chosen ones, and what they differ from the exact ones by is charged times the magnitude of what they multiply.
//
// Everything is inlined, so that it takes the instruction set of the function it is used in.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <vector>

#include "checker/claim.h"
#include "checker/curve.h"
#include "checker/lane_kernels.h"
#include "checker/lanes.h"

namespace pawl::checker {

PAWL_INLINE Lanes Magnitude(const Lanes& lower, const Lanes& upper) { return Max(Abs(lower), Abs(upper)); }

// What bounds one ReLU x+ of its operand x: x+ ≤ slope·x + offset and x+ ≥ keep·x. The offset is above 0 exactly where
// the operand's sign is open.
struct ReluLines {
  Lanes slope, offset, keep;
};

// Any slope above is sound as long as the line lies above ReLU at both ends. The offset also allows for a slope that
// differs by a unit: that is what rounding the product with a coefficient amounts to.
PAWL_INLINE ReluLines RelaxRelu(const Lanes& lower, const Lanes& upper) {
  const Mask open = (lower < 0.0) & (upper > 0.0);
  const Lanes chord = Min(upper / (upper - lower), 1.0);
  const Lanes needed = Max(-chord * lower, (1.0 - chord) * upper) * (1 + 8 * kUnit);
  const Lanes passed = Select(lower >= 0.0, 1.0, 0.0);
  return {Select(open, chord, passed), Select(open, needed + Max(-lower, upper) * (8 * kUnit) + kTiny, 0.0),
          Select(open & (upper > -lower), 1.0, passed)};
}

// Whether a step is relaxed by bounds of its operands.
inline bool IsBent(StepKind kind) {
  return kind == StepKind::kRelu || kind == StepKind::kCurve || kind == StepKind::kMaximum ||
         kind == StepKind::kReluDifference;
}

// Whether substitutions may find better bounds of the operands than are known from those that they are made of: not
// where activations, or a selection of them, go into a maximum.
inline bool IsWorthTightening(const Claim& claim, const Step& step) {
  if (step.kind != StepKind::kMaximum || step.input == 0) return true;
  const StepKind before = claim.steps[step.input - 1].kind;
  return !IsBent(before) && before != StepKind::kSelect;
}

// Where the step is relaxed, and not exact, for operands in [lower, upper].
PAWL_INLINE Mask IsOpen(const Step& step, const Lanes& lower, const Lanes& upper) {
  if (step.is_rectifier()) return (lower < 0.0) & (upper > 0.0);
  if (step.kind == StepKind::kCurve && step.activation.form == model::Activation::Form::kClip) {
    const Lanes first = step.activation.lower, last = step.activation.upper;
    return ((lower < first) & (upper > first)) | ((lower < last) & (upper > last));
  }
  return lower < upper;
}

// What an operand of size 1 (in weight) is charged with: the deployed rounding of products with its value, and our own
// of products with its forms, which are nowhere larger than form_size.
PAWL_INLINE Lanes OperandCharge(const Step& step, const Lanes& lower, const Lanes& upper, const Lanes& form_size) {
  return Magnitude(lower, upper) * step.gamma + form_size * step.own_gamma;
}

// The radius of a row from Σ|W|·OperandCharge and Σ|x|: what rounds, and what weights and bias may be off by. Lanes in
// which some order of summation may overflow make `poison` NaN.
PAWL_INLINE Lanes RowRadius(const Step& step, std::size_t row, const Lanes& charge, const Lanes& operands,
                            const Lanes& tiny, double finite_max, Lanes& poison) {
  const double bias = !step.bias_sizes.empty() ? step.bias_sizes[row]
                      : step.bias.empty()      ? 0
                                               : std::abs(step.bias[row]);
  const double weight_sum = step.weight_sums.empty() ? 2 : step.weight_sums[row];
  const Lanes underflow = (operands + (weight_sum + step.underflow_count)) * step.underflow;
  const Lanes moved = operands * step.weight_radius + step.bias_radius;
  if (step.gamma > 0) {
    // charge/gamma is at least Σ|W||x|.
    Lanes sum = charge / step.gamma + bias + moved;
    if (step.scaled) sum = (sum + operands + (weight_sum + 1)) * step.overflow_factor;
    const Lanes largest = sum * ((1 + step.gamma) * kWiden * kWiden) + underflow * kWiden;
    poison = Select(largest < finite_max, poison, std::numeric_limits<double>::quiet_NaN());
  }
  return (charge + (step.gamma + step.own_gamma) * bias + underflow + moved * (1 + step.gamma)) * kWiden + tiny;
}

class Relaxation {
 public:
  struct Value {
    std::vector<Lanes> lower, upper;  // of the deployed value
    std::vector<Lanes> radius;        // what the rows of its step err by, deployed and our own
    // Of an activation's result: lines above and below. Of a maximum: slope and keep for each of its members.
    std::vector<Lanes> slope, offset, keep, keep_offset;
    std::vector<Lanes> coefficients;  // of the row being substituted
    Lanes magnitude_sum;              // Σ max |deployed value|, not below
    bool has_coefficients = false;
  };

  explicit Relaxation(const Claim& claim);

  // Σ|x|, not below, over what row `row` of an affine step multiplies; over its whole operand where the difference does
  // not matter.
  PAWL_INLINE Lanes OperandSum(const Step& step, std::size_t row) const {
    const Value& in = values_[step.input];
    if (step.kind == StepKind::kElementwise) return Magnitude(in.lower[row], in.upper[row]);
    if (step.kind == StepKind::kDense || step.weight_radius == 0) return in.magnitude_sum;
    Lanes sum = 0.0;
    step.ForEachTerm(row, [&](std::size_t j, double) PAWL_LAMBDA { sum += Magnitude(in.lower[j], in.upper[j]); });
    return sum;
  }

  // Where element i of the step is relaxed, and not exact.
  PAWL_INLINE Mask IsOpen(const Step& step, std::size_t i) const {
    if (step.kind == StepKind::kReluDifference) {
      const Value &network = values_[step.of_network], &baseline = values_[step.of_baseline];
      return ((network.lower[i] < 0.0) | (baseline.lower[i] < 0.0)) &
             ((network.upper[i] > 0.0) | (baseline.upper[i] > 0.0));
    }
    return checker::IsOpen(step, values_[step.input].lower[i], values_[step.input].upper[i]);
  }

  // The radius of a row, where the step is a difference of two values with what those err by.
  PAWL_INLINE Lanes WithInherited(const Step& step, std::size_t row, const Lanes& radius) const {
    if (step.of_network == 0) return radius;
    return (radius + values_[step.of_network].radius[row] + values_[step.of_baseline].radius[row]) * kWiden;
  }

  // Sums a value's magnitudes, and poisons what is not finite.
  static PAWL_INLINE void Measure(Value& value, Lanes& poison) {
    value.magnitude_sum = 0.0;
    for (std::size_t i = 0; i < value.lower.size(); ++i) {
      value.magnitude_sum += Magnitude(value.lower[i], value.upper[i]) * kWiden;
      poison += (value.upper[i] - value.lower[i]) * 0.0;
    }
  }

  Value& value(std::size_t v) { return values_[v]; }
  const Value& value(std::size_t v) const { return values_[v]; }

  // Relaxes neuron i of the activation with result `v` by the bounds of its operand; of a curve, bounds it as well.
  PAWL_INLINE void Relax(std::size_t v, std::size_t i) {
    const Step& step = claim_->steps[v - 1];
    const Value& operand = values_[step.input];
    if (step.kind == StepKind::kRelu)
      SetLines(values_[v], i, RelaxRelu(operand.lower[i], operand.upper[i]));
    else
      RelaxCurve(v, i);
  }
  // Cuts a neuron's bounds in one lane by the side of 0 that it is on; false where that leaves nothing. What depends on
  // them is as before.
  PAWL_INLINE bool Cut(const Neuron& neuron, std::size_t lane, bool positive) {
    Value& value = values_[neuron.value];
    Lanes& bound = (positive ? value.lower : value.upper)[neuron.index];
    const double other = (positive ? value.upper : value.lower)[neuron.index][lane];
    bound.Set(lane, positive ? std::max(bound[lane], 0.0) : std::min(bound[lane], 0.0));
    return positive ? !(other < 0) : !(other > 0);
  }
  // Relaxes anew what depends on a neuron's bounds.
  PAWL_INLINE void RelaxUsers(const Neuron& neuron) {
    for (std::size_t s = 0; s < claim_->steps.size(); ++s) {
      const Step& step = claim_->steps[s];
      const bool is_operand =
          step.kind == StepKind::kReluDifference
              ? step.of_network == neuron.value || step.of_baseline == neuron.value
              : (step.kind == StepKind::kRelu || step.kind == StepKind::kCurve) && step.input == neuron.value;
      if (is_operand) Relax(s + 1, neuron.index);
    }
  }
  void RelaxCurve(std::size_t v, std::size_t i);
  // Bounds and relaxes element i of the maximum with result `v`.
  void RelaxMaximum(std::size_t v, std::size_t i);
  static PAWL_INLINE void SetLines(Value& value, std::size_t i, const ReluLines& lines) {
    value.slope[i] = lines.slope;
    value.offset[i] = lines.offset;
    value.keep[i] = lines.keep;
  }
  // Gives neuron i of the rectifier with result `v` the slope below that a byte stands for, where its sign is open.
  PAWL_INLINE void SetSlope(std::size_t v, std::size_t i, std::size_t lane, std::uint8_t byte) {
    const Step& step = claim_->steps[v - 1];
    const Value& operand = values_[step.input];
    if (!(operand.lower[i][lane] < 0 && operand.upper[i][lane] > 0)) return;
    values_[v].keep[i].Set(lane, step.leak() + (1 - step.leak()) * SlopeOf(byte));
  }

  // A new row: no coefficients yet, and constant − charge. `tiny` is above all underflow at the inputs.
  PAWL_INLINE void StartRow(const Lanes& constant, const Lanes& charge, const Lanes& tiny) {
    for (Value& value : values_) value.has_coefficients = false;
    constant_ = constant - charge;
    constant_size_ = Abs(constant) + charge;
    tiny_ = tiny;
  }

  // A row that is ± one neuron.
  PAWL_INLINE void StartNeuron(std::size_t v, std::size_t neuron, const Lanes& coefficient, const Lanes& tiny) {
    StartRow(0.0, 0.0, tiny);
    MakeZero(values_[v]);
    values_[v].coefficients[neuron] = coefficient;
  }
  static PAWL_INLINE void MakeZero(Value& value) {
    std::fill(value.coefficients.begin(), value.coefficients.end(), Lanes(0.0));
    value.has_coefficients = true;
  }

  // Adds to a value's coefficients. The sum is rounded, which is charged times the value's magnitude.
  PAWL_INLINE void AddCoefficients(std::size_t v, const Lanes* added) {
    Value& value = values_[v];
    if (!value.has_coefficients) {
      std::copy_n(added, value.coefficients.size(), value.coefficients.begin());
      value.has_coefficients = true;
      return;
    }
    for (std::size_t j = 0; j < value.coefficients.size(); ++j) AddTo(value, j, added[j]);
  }
  PAWL_INLINE void AddCoefficient(std::size_t v, std::size_t neuron, const Lanes& added) {
    if (!values_[v].has_coefficients) MakeZero(values_[v]);
    AddTo(values_[v], neuron, added);
  }
  // Adds what a split multiplier adds in one lane: weight·z is at most 0 in the low child, −weight·z in the high one.
  PAWL_INLINE void AddWeight(const Neuron& neuron, std::size_t lane, bool positive, double weight) {
    if (weight == 0) return;
    Lanes added = 0.0;
    added.Set(lane, positive ? -weight : weight);
    AddCoefficient(neuron.value, neuron.index, added);
  }

  // The lower bound of the row, all coefficients being those of value `from` and before.
  PAWL_INLINE Lanes Backward(std::size_t from) {
    for (std::size_t v = from; v > 0; --v) {
      Value& value = values_[v];
      if (!value.has_coefficients) continue;
      const Step& step = claim_->steps[v - 1];
      switch (step.kind) {
        case StepKind::kDense:
        case StepKind::kConvolution:
        case StepKind::kElementwise:
          ThroughAffine(step, value);
          break;
        case StepKind::kSum:
          ThroughSum(step, value);
          break;
        case StepKind::kSelect:
          ThroughSelect(step, value);
          break;
        case StepKind::kMaximum:
          ThroughMaximum(step, value);
          break;
        case StepKind::kRelu:
          ThroughRelu(step, value);
          break;
        case StepKind::kCurve:
        case StepKind::kReluDifference:
          ThroughCurve(step, value);
          break;
      }
      // Underflow of products with coefficients: each below 2^-1074, times what it multiplies.
      constant_ -= (values_[step.input].magnitude_sum + 1.0) * kTiny;
    }
    const Value& x = values_[0];
    for (std::size_t j = 0; x.has_coefficients && j < x.coefficients.size(); ++j) {
      const Lanes& a = x.coefficients[j];
      const Lanes product = a * Select(a >= 0.0, x.lower[j], x.upper[j]);
      constant_ += product;
      constant_size_ += Abs(product);
    }
    return constant_ - (constant_size_ * rounding_ + tiny_);
  }

 private:
  PAWL_INLINE void AddTo(Value& value, std::size_t j, const Lanes& added) {
    Lanes& coefficient = value.coefficients[j];
    Charge((Abs(coefficient) + Abs(added)) * Magnitude(value.lower[j], value.upper[j]) * (2 * kUnit));
    coefficient += added;
  }
  PAWL_INLINE void Charge(const Lanes& charge) {
    constant_ -= charge;
    constant_size_ += charge;
  }
  PAWL_INLINE void AddConstant(const Lanes& added) {
    constant_ += added;
    constant_size_ += Abs(added);
  }

  PAWL_INLINE void ThroughAffine(const Step& step, Value& from) {
    active_.clear();
    for (std::size_t i = 0; i < step.rows; ++i) {
      const Lanes& a = from.coefficients[i];
      if (!Any(a != 0.0)) continue;  // NaN counts
      active_.push_back(static_cast<std::uint32_t>(i));
      const Lanes taken = Abs(a) * from.radius[i], added = a * step.bias[i];
      constant_ += added - taken;
      constant_size_ += Abs(added) + taken;
    }
    if (step.kind == StepKind::kDense) {
      BackwardAffine(
          {step.weights.data(), step.columns, active_.data(), active_.size(), from.coefficients.data(), added_.data()});
    } else {
      std::fill_n(added_.begin(), step.columns, Lanes(0.0));
      for (const std::uint32_t i : active_) {
        const Lanes a = from.coefficients[i];
        step.ForEachTerm(i, [&](std::size_t j, double w) PAWL_LAMBDA { added_[j] += a * w; });
      }
    }
    AddCoefficients(step.input, added_.data());
  }

  PAWL_INLINE void ThroughSum(const Step& step, Value& from) {
    for (std::size_t i = 0; i < step.rows; ++i) {
      Charge(Abs(from.coefficients[i]) * from.radius[i]);
      added_[i] = from.coefficients[i] * step.second_sign;
    }
    AddCoefficients(step.input, from.coefficients.data());
    AddCoefficients(step.second_input, added_.data());
  }

  PAWL_INLINE void ThroughRelu(const Step& step, Value& from) {
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

  PAWL_INLINE void ThroughCurve(const Step& step, Value& from) {
    for (std::size_t i = 0; i < step.rows; ++i) {
      const Lanes& a = from.coefficients[i];
      const Mask falls = a < 0.0;
      AddConstant(a * Select(falls, from.offset[i], from.keep_offset[i]));
      added_[i] = a * Select(falls, from.slope[i], from.keep[i]);
    }
    AddCoefficients(step.input, added_.data());
  }

  PAWL_INLINE void ThroughSelect(const Step& step, Value& from) {
    for (std::size_t i = 0; i < step.rows; ++i) {
      const Step::Source& source = step.sources[i];
      if (source.value == model::kNoConstant)
        AddConstant(from.coefficients[i] * step.bias[i]);
      else
        AddCoefficient(source.value, source.index, from.coefficients[i]);
    }
  }

  PAWL_INLINE void ThroughMaximum(const Step& step, Value& from) {
    for (std::size_t i = 0; i < step.rows; ++i) {
      const Lanes a = from.coefficients[i];
      if (!Any(a != 0.0)) continue;  // NaN counts
      const Mask falls = a < 0.0;
      AddConstant(Select(falls, a * from.offset[i], 0.0));
      for (std::uint32_t e = step.maximum.begin[i]; e < step.maximum.begin[i + 1]; ++e)
        AddCoefficient(step.input, step.maximum.members[e], a * Select(falls, from.slope[e], from.keep[e]));
    }
  }

  const Claim* claim_;
  double rounding_;  // of the constant and its size
  std::vector<Value> values_;
  std::vector<Lanes> added_;
  std::vector<std::uint32_t> active_;
  Lanes constant_, constant_size_;  // of the row being substituted; Σ of its parts' magnitudes
  Lanes tiny_;
};

}  // namespace pawl::checker
