#include "checker/leaf.h"

#include <algorithm>
#include <cassert>
#include <cmath>
#include <limits>
#include <numeric>

#include "checker/lane_kernels.h"

namespace pawl::checker {
namespace {

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
constexpr double kInfinity = std::numeric_limits<double>::infinity();

// What the bounds of a curve take, about: some evaluations, each of a hundred operations.
double CurveOperations(const Step& step) {
  return step.kind == StepKind::kCurve ? 2'000 * static_cast<double>(step.rows) : 0;
}

}  // namespace

LeafEngine::LeafEngine(const Claim& claim)
    : claim_(claim),
      width_(claim.input_count() + 1),
      form_rounding_(Gamma(width_ + 8, kUnit)),
      row_rounding_(Gamma(claim.input_count() + claim.output_count() + 32, kUnit)),
      relaxation_(claim),
      centre_(claim.input_count()),
      spread_(claim.input_count()),
      output_row_(claim.output_count()),
      input_row_(claim.input_count()) {}

void LeafEngine::AllocateForms() {
  std::size_t widest = 0;
  forms_.resize(claim_.sizes.size());
  for (std::size_t v = 0; v < forms_.size(); ++v) {
    const std::size_t size = claim_.sizes[v];
    widest = std::max(widest, size);
    for (auto* array : {&forms_[v].below, &forms_[v].above}) array->resize(size * width_);
    forms_[v].size.resize(size);
    forms_[v].active.resize(size);
    std::iota(forms_[v].active.begin(), forms_[v].active.end(), 0u);
  }
  charges_.resize(widest);
  scratch_.resize(widest);
}

double LeafEngine::ScratchBytes(const Claim& claim, Recipe recipe) {
  const double forms = recipe == Recipe::kRoot ? 0 : 2.0 * static_cast<double>(claim.input_count() + 1) + 4;
  double lanes = 0;
  for (const std::size_t size : claim.sizes) lanes += static_cast<double>(size) * (forms + 10);
  for (const Step& step : claim.steps) lanes += 2.0 * static_cast<double>(step.maximum.members.size());
  return lanes * sizeof(Lanes);
}

void LeafEngine::SetRoot(const RootBounds* root) {
  root_ = root;
  listed_ = &root->listed;
  has_root_ = false;
}

double LeafEngine::OperationsPerLeaf(const Claim& claim, Recipe recipe, std::size_t conjunctions) {
  const double width = static_cast<double>(claim.input_count() + 1);
  double forward = 0, backward = 0, tightened = 0;
  for (const Step& step : claim.steps) {
    const double rows = static_cast<double>(step.rows);
    if (recipe == Recipe::kBackward && IsBent(step.kind)) tightened += 2 * static_cast<double>(step.columns) * backward;
    forward += step.products * (2 * width + 2) + 8 * rows * width + CurveOperations(step);
    backward += step.products + 16 * rows;
  }
  const double rows = static_cast<double>(conjunctions);
  if (recipe == Recipe::kRoot) return rows * backward;
  return forward + tightened + rows * (backward + 2 * width * static_cast<double>(claim.output_count()));
}

PAWL_INLINE void LeafEngine::LoadBoxes(std::span<const LeafTask> tasks) {
  assert(!tasks.empty() && tasks.size() <= kLanes);
  Relaxation::Value& input = relaxation_.value(0);
  Forms& forms = forms_[0];
  has_root_ = false;
  poison_ = 0.0;
  tiny_ = kTiny;
  input.magnitude_sum = 0.0;
  for (auto* form : {&forms.below, &forms.above}) std::fill(form->begin(), form->end(), Lanes(0.0));
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
    forms.size[j] = Max((Abs(centre_[j]) + spread_[j]) * kWiden, magnitude);
    input.magnitude_sum += magnitude * kWiden;
    tiny_ += spread_[j] * kTiny;
    for (auto* form : {&forms.below, &forms.above}) {
      (*form)[j * width_] = centre_[j];
      (*form)[j * width_ + 1 + j] = 1.0;
    }
  }
}

// The root's bounds in all lanes, but for the boxes and phases of the tasks.
PAWL_INLINE void LeafEngine::LoadRoot(std::span<const LeafTask> tasks) {
  assert(root_ != nullptr && !tasks.empty() && tasks.size() <= kLanes);
  if (!has_root_) {
    relaxation_ = root_->relaxation;
    has_root_ = true;
    touched_.clear();
  }
  for (const Neuron& neuron : touched_) {
    Relaxation::Value& value = relaxation_.value(neuron.value);
    value.lower[neuron.index] = root_->relaxation.value(neuron.value).lower[neuron.index];
    value.upper[neuron.index] = root_->relaxation.value(neuron.value).upper[neuron.index];
    relaxation_.RelaxUsers(neuron);
  }
  touched_.clear();
  for (const ListedNeuron& listed : *listed_) {
    relaxation_.value(listed.value).keep[listed.neuron] = root_->relaxation.value(listed.value).keep[listed.neuron];
  }
  poison_ = root_->usable ? 0.0 : kNan;
  tiny_ = kTiny;
  Relaxation::Value& input = relaxation_.value(0);
  for (std::size_t j = 0; j < claim_.input_count(); ++j) {
    for (std::size_t l = 0; l < kLanes; ++l) {
      const LeafTask& task = tasks[l < tasks.size() ? l : 0];
      input.lower[j].Set(l, task.lower[j]);
      input.upper[j].Set(l, task.upper[j]);
    }
    poison_ = Select(
        (input.lower[j] <= input.upper[j]) & (Abs(input.lower[j]) <= kFiniteMax) & (Abs(input.upper[j]) <= kFiniteMax),
        poison_, kNan);
    tiny_ += Magnitude(input.lower[j], input.upper[j]) * kTiny;
  }
  for (std::size_t l = 0; l < tasks.size(); ++l)
    for (const Phase& phase : tasks[l].phases) CutNeuron(claim_.neurons[phase.neuron], l, phase.positive);
}

Interval LeafEngine::Value(std::size_t value, std::size_t neuron, std::size_t task) const {
  if (!(poison_[task] == 0)) return {-kInfinity, kInfinity};
  return {relaxation_.value(value).lower[neuron][task], relaxation_.value(value).upper[neuron][task]};
}

// ---- forward ----

PAWL_INLINE void LeafEngine::Forward(Recipe recipe, std::span<const LeafTask> tasks) {
  Cut(tasks, 0);  // the box itself, before anything is substituted down to it
  for (std::size_t s = 0; s < claim_.steps.size(); ++s) {
    const Step& step = claim_.steps[s];
    // Activations and maxima are relaxed by their operands' bounds; a maximum of activations has them as they are.
    if (IsBent(step.kind)) {
      if (recipe == Recipe::kBackward && IsWorthTightening(claim_, step)) TightenBackward(step);
      Cut(tasks, step.input);
    }
    switch (step.kind) {
      case StepKind::kDense:
      case StepKind::kConvolution:
      case StepKind::kElementwise:
        ForwardAffineStep(step, s + 1);
        break;
      case StepKind::kSum:
        ForwardSum(step, s + 1);
        break;
      case StepKind::kSelect:
        ForwardSelect(step, s + 1);
        break;
      case StepKind::kMaximum:
        ForwardMaximum(step, s + 1);
        break;
      case StepKind::kRelu:
        ForwardRelu(step, s + 1);
        break;
      case StepKind::kCurve:
      case StepKind::kReluDifference:
        ForwardCurve(step, s + 1);
        break;
    }
  }
}

PAWL_INLINE void LeafEngine::ForwardAffineStep(const Step& step, std::size_t v) {
  const Relaxation::Value& in = relaxation_.value(step.input);
  const Forms& from = forms_[step.input];
  std::fill_n(charges_.begin(), step.columns, Lanes(0.0));
  for (const std::uint32_t j : from.active) charges_[j] = OperandCharge(step, in.lower[j], in.upper[j], from.size[j]);
  if (step.kind == StepKind::kDense) {
    ForwardAffine({step.weights.data(), step.rows, step.columns, width_, from.active.data(), from.active.size(),
                   from.below.data(), from.above.data(), charges_.data(), forms_[v].below.data(),
                   forms_[v].above.data(), scratch_.data()});
  } else {
    ForwardSparse(step, from, forms_[v]);
  }
  for (std::size_t i = 0; i < step.rows; ++i) {
    forms_[v].below[i * width_] += step.bias[i];
    forms_[v].above[i * width_] += step.bias[i];
    ChargeRow(step, i, scratch_[i], relaxation_.OperandSum(step, i), v);
  }
  Concretise(v);
}

// As ForwardAffine does, but term by term.
PAWL_INLINE void LeafEngine::ForwardSparse(const Step& step, const Forms& from, Forms& to) {
  for (auto* array : {&to.below, &to.above, &scratch_}) std::fill(array->begin(), array->end(), Lanes(0.0));
  for (std::size_t i = 0; i < step.rows; ++i) {
    step.ForEachTerm(i, [&](std::size_t j, double w) PAWL_LAMBDA {
      const Lanes* low = &(w >= 0 ? from.below : from.above)[j * width_];
      const Lanes* high = &(w >= 0 ? from.above : from.below)[j * width_];
      for (std::size_t c = 0; c < width_; ++c) {
        to.below[i * width_ + c] += low[c] * w;
        to.above[i * width_ + c] += high[c] * w;
      }
      scratch_[i] += charges_[j] * std::abs(w);
    });
  }
}

PAWL_INLINE void LeafEngine::ForwardSum(const Step& step, std::size_t v) {
  const Relaxation::Value &a = relaxation_.value(step.input), &b = relaxation_.value(step.second_input);
  const Forms &first = forms_[step.input], &second = forms_[step.second_input];
  const std::vector<Lanes>& low = step.second_sign >= 0 ? second.below : second.above;
  const std::vector<Lanes>& high = step.second_sign >= 0 ? second.above : second.below;
  for (std::size_t i = 0; i < step.rows; ++i) {
    for (std::size_t c = i * width_; c < (i + 1) * width_; ++c) {
      forms_[v].below[c] = first.below[c] + low[c] * step.second_sign;
      forms_[v].above[c] = first.above[c] + high[c] * step.second_sign;
    }
    ChargeRow(step, i,
              OperandCharge(step, a.lower[i], a.upper[i], first.size[i]) +
                  OperandCharge(step, b.lower[i], b.upper[i], second.size[i]),
              0.0, v);
  }
  Concretise(v);
}

// Sets the radius of a row from Σ|W|·OperandCharge and Σ|x|, and widens its forms by it.
PAWL_INLINE void LeafEngine::ChargeRow(const Step& step, std::size_t row, const Lanes& charge, const Lanes& operands,
                                       std::size_t v) {
  const Lanes radius = relaxation_.WithInherited(
      step, row, RowRadius(step, row, charge, operands, tiny_, claim_.format.finite_max, poison_));
  relaxation_.value(v).radius[row] = radius;
  forms_[v].below[row * width_] -= radius;
  forms_[v].above[row * width_] += radius;
}

// Bounds from the forms: the constant ± Σ |coefficient|·spread, widened by our rounding in that sum.
PAWL_INLINE void LeafEngine::Concretise(std::size_t v) {
  Relaxation::Value& value = relaxation_.value(v);
  Forms& forms = forms_[v];
  value.magnitude_sum = 0.0;
  for (std::size_t i = 0; i < value.lower.size(); ++i) {
    const Lanes* below = &forms.below[i * width_];
    const Lanes* above = &forms.above[i * width_];
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
    forms.size[i] = Max(Max(below_size, above_size) * kWiden, magnitude);
    value.magnitude_sum += magnitude * kWiden;
    poison_ += (upper - lower) * 0.0;  // NaN for ever once a bound is infinite or NaN
  }
}

PAWL_INLINE void LeafEngine::ForwardRelu(const Step& step, std::size_t v) {
  const Relaxation::Value& in = relaxation_.value(step.input);
  const Forms& from = forms_[step.input];
  Relaxation::Value& out = relaxation_.value(v);
  Forms& to = forms_[v];
  to.active.clear();
  out.magnitude_sum = 0.0;
  for (std::size_t i = 0; i < out.lower.size(); ++i) {
    const ReluLines lines = RelaxRelu(in.lower[i], in.upper[i]);
    const Mask open = lines.offset > 0.0;
    // The form above also bears the rounding of its own product.
    const Lanes product = lines.slope * from.size[i] + lines.offset;
    const Lanes raised = Select(open, lines.offset + product * (8 * kUnit) + tiny_, 0.0);
    const Lanes above_size = Select(open, (product + raised) * kWiden, lines.slope * from.size[i]);
    Relaxation::SetLines(out, i, lines);
    out.lower[i] = Max(in.lower[i], 0.0);
    out.upper[i] = Max(in.upper[i], 0.0);
    to.size[i] = Max(Max(above_size, lines.keep * from.size[i]), out.upper[i]);
    out.magnitude_sum += out.upper[i] * kWiden;
    if (Any(in.upper[i] > 0.0)) to.active.push_back(static_cast<std::uint32_t>(i));
    for (std::size_t c = i * width_; c < (i + 1) * width_; ++c) {
      to.below[c] = from.below[c] * lines.keep;
      to.above[c] = from.above[c] * lines.slope;
    }
    to.above[i * width_] += raised;
  }
}

PAWL_INLINE void LeafEngine::ForwardCurve(const Step& step, std::size_t v) {
  const Forms& from = forms_[step.input];
  Relaxation::Value& out = relaxation_.value(v);
  Forms& to = forms_[v];
  for (std::size_t i = 0; i < step.rows; ++i) {
    relaxation_.RelaxCurve(v, i);
    const Lanes above_size = out.slope[i] * from.size[i] + Abs(out.offset[i]);
    const Lanes below_size = out.keep[i] * from.size[i] + Abs(out.keep_offset[i]);
    for (std::size_t c = i * width_; c < (i + 1) * width_; ++c) {
      to.below[c] = from.below[c] * out.keep[i];
      to.above[c] = from.above[c] * out.slope[i];
    }
    // The forms bear the rounding of their own products.
    to.below[i * width_] += out.keep_offset[i] - below_size * (8 * kUnit) - tiny_;
    to.above[i * width_] += out.offset[i] + above_size * (8 * kUnit) + tiny_;
    to.size[i] = Max(Max(above_size, below_size) * kWiden + tiny_, Magnitude(out.lower[i], out.upper[i]));
  }
  Relaxation::Measure(out, poison_);
}

PAWL_INLINE void LeafEngine::ForwardSelect(const Step& step, std::size_t v) {
  Relaxation::Value& out = relaxation_.value(v);
  Forms& to = forms_[v];
  for (std::size_t i = 0; i < step.rows; ++i) {
    const Step::Source& source = step.sources[i];
    if (source.value == model::kNoConstant) {
      for (auto* form : {&to.below, &to.above}) {
        std::fill_n(form->begin() + static_cast<std::ptrdiff_t>(i * width_), width_, Lanes(0.0));
        (*form)[i * width_] = step.bias[i];
      }
      out.lower[i] = out.upper[i] = step.bias[i];
      to.size[i] = std::abs(step.bias[i]);
      continue;
    }
    const Relaxation::Value& in = relaxation_.value(source.value);
    const Forms& from = forms_[source.value];
    std::copy_n(&from.below[source.index * width_], width_, &to.below[i * width_]);
    std::copy_n(&from.above[source.index * width_], width_, &to.above[i * width_]);
    out.lower[i] = in.lower[source.index];
    out.upper[i] = in.upper[source.index];
    to.size[i] = from.size[source.index];
  }
  Relaxation::Measure(out, poison_);
}

PAWL_INLINE void LeafEngine::ForwardMaximum(const Step& step, std::size_t v) {
  const Forms& from = forms_[step.input];
  Relaxation::Value& out = relaxation_.value(v);
  Forms& to = forms_[v];
  for (std::size_t i = 0; i < step.rows; ++i) {
    relaxation_.RelaxMaximum(v, i);
    for (std::size_t c = i * width_; c < (i + 1) * width_; ++c) to.below[c] = to.above[c] = 0.0;
    Lanes size = Abs(out.offset[i]), below_size = 0.0;
    for (std::uint32_t e = step.maximum.begin[i]; e < step.maximum.begin[i + 1]; ++e) {
      const std::size_t j = step.maximum.members[e];
      for (std::size_t c = 0; c < width_; ++c) {
        to.below[i * width_ + c] += from.below[j * width_ + c] * out.keep[e];
        to.above[i * width_ + c] += from.above[j * width_ + c] * out.slope[e];
      }
      size += from.size[j] * out.slope[e];
      below_size = Max(below_size, from.size[j] * out.keep[e]);
    }
    const std::size_t members = step.maximum.begin[i + 1] - step.maximum.begin[i];
    to.above[i * width_] += out.offset[i] + size * Gamma(members + 8, kUnit) + tiny_;
    to.size[i] = Max(Max(size, below_size) * kWiden + tiny_, Magnitude(out.lower[i], out.upper[i]));
  }
  Relaxation::Measure(out, poison_);
}

// Recipe backward: the operands for which a step is not exact get a substitution of their own, down and up.
PAWL_INLINE void LeafEngine::TightenBackward(const Step& step) {
  const std::size_t v = step.input;
  Relaxation::Value& value = relaxation_.value(v);
  for (std::size_t i = 0; i < value.lower.size(); ++i) {
    if (!Any(relaxation_.IsOpen(step, i))) continue;
    for (const double sign : {1.0, -1.0}) {
      relaxation_.StartNeuron(v, i, sign, tiny_);
      const Lanes bound = relaxation_.Backward(v);
      // Comparisons are false for NaN; an infinite bound is a failed one.
      const Mask usable = Abs(bound) <= kFiniteMax;
      if (sign > 0)
        value.lower[i] = Select(usable & (bound > value.lower[i]), bound, value.lower[i]);
      else
        value.upper[i] = Select(usable & (-bound < value.upper[i]), -bound, value.upper[i]);
    }
  }
}

// ---- phases ----

// Cuts the bounds of value `v` by the tasks' phases.
PAWL_INLINE void LeafEngine::Cut(std::span<const LeafTask> tasks, std::size_t v) {
  for (std::size_t l = 0; l < tasks.size(); ++l) {
    for (const Phase& phase : tasks[l].phases) {
      const Neuron& neuron = claim_.neurons[phase.neuron];
      if (neuron.value == v) CutNeuron(neuron, l, phase.positive);
    }
  }
}

PAWL_INLINE void LeafEngine::CutNeuron(const Neuron& neuron, std::size_t lane, bool positive) {
  if (!relaxation_.Cut(neuron, lane, positive)) empty_.Set(lane, 1);
  if (!has_root_) return;
  touched_.push_back(neuron);
  relaxation_.RelaxUsers(neuron);
}

// ---- rows ----

// Puts row `row` of every task into lanes, with what its enclosed coefficients, flushed outputs and rounded inputs may
// take away from it.
PAWL_INLINE void LeafEngine::StartRow(std::span<const LeafTask> tasks, std::size_t row) {
  const Format& format = claim_.format;
  const Relaxation::Value& x = relaxation_.value(0);
  const Relaxation::Value& y = relaxation_.value(claim_.output);
  std::fill(input_row_.begin(), input_row_.end(), Lanes(0.0));
  for (std::size_t l = 0; l < kLanes; ++l) {
    const RefutationRow& r = tasks[l < tasks.size() ? l : 0].rows[row];
    double charge = kTiny, size = std::abs(r.bound);
    for (std::size_t k = 0; k < output_row_.size(); ++k) {
      const double a = std::abs(r.coefficients[k]);
      output_row_[k].Set(l, r.coefficients[k]);
      // An output may be flushed; of a difference, both.
      const double flushed = 2 * format.normal_min;
      charge += r.errors[k] * (Magnitude(y.lower[k], y.upper[k])[l] + flushed) + a * flushed;
      size += a * (has_root_ ? 0.0 : forms_[claim_.output].size[k][l]);
    }
    for (const RefutationRow::InputTerm& t : r.inputs) {
      const double magnitude = Magnitude(x.lower[t.input], x.upper[t.input])[l];
      const double moved = 2 * format.unit * magnitude + 2 * format.normal_min;  // by rounding and flushing an input
      input_row_[t.input].Set(l, t.coefficient);
      charge += t.error * (magnitude + moved) + std::abs(t.coefficient) * moved;
      size += std::abs(t.coefficient) * (has_root_ ? 0.0 : forms_[0].size[t.input][l]);
    }
    row_constant_.Set(l, -r.bound);
    row_charge_.Set(l, charge * kWiden);
    row_size_.Set(l, size * kWiden);
  }
}

// The given slopes below open rectifiers that are listed, where a task has any.
PAWL_INLINE void LeafEngine::SetSlopes(std::span<const LeafTask> tasks, std::size_t row) {
  for (std::size_t l = 0; l < tasks.size(); ++l) {
    if (tasks[l].slopes.empty()) continue;
    const SlopeTable& table = tasks[l].slopes[row];
    for (std::size_t k = 0; k < table.size(); ++k)
      relaxation_.SetSlope((*listed_)[k].value, (*listed_)[k].neuron, l, table[k]);
  }
}

PAWL_INLINE void LeafEngine::AddWeights(std::span<const LeafTask> tasks, std::size_t row) {
  for (std::size_t l = 0; l < tasks.size(); ++l) {
    const LeafTask& task = tasks[l];
    for (std::size_t p = 0; !task.weights.empty() && p < task.phases.size(); ++p) {
      const double weight = SplitWeight(task.weights[row * task.phases.size() + p]);
      relaxation_.AddWeight(claim_.neurons[task.phases[p].neuron], l, task.phases[p].positive, weight);
    }
  }
}

// The row's lower bound from the forward forms.
PAWL_INLINE Lanes LeafEngine::ForwardRow() const {
  const Forms& y = forms_[claim_.output];
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

// ---- one batch ----

PAWL_INLINE void LeafEngine::BoundBody(Recipe recipe, std::span<const LeafTask> tasks) {
  empty_ = 0.0;
  if (recipe == Recipe::kRoot) return LoadRoot(tasks);
  LoadBoxes(tasks);
  Forward(recipe, tasks);
}

PAWL_INLINE void LeafEngine::MarginsBody(Recipe recipe, std::span<const LeafTask> tasks, std::span<double> margins) {
  BoundBody(recipe, tasks);
  Lanes margin = kInfinity;
  for (std::size_t row = 0; row < tasks[0].rows.size(); ++row) {
    StartRow(tasks, row);
    const Lanes forward = recipe == Recipe::kRoot ? Lanes(-kInfinity) : ForwardRow();
    SetSlopes(tasks, row);
    relaxation_.StartRow(row_constant_, row_charge_, tiny_);
    relaxation_.AddCoefficients(claim_.output, output_row_.data());
    relaxation_.AddCoefficients(0, input_row_.data());
    AddWeights(tasks, row);
    // Split multipliers may belong to values behind the output.
    const Lanes backward = relaxation_.Backward(claim_.sizes.size() - 1);
    const Lanes better = Select(backward > forward, backward, forward);
    // Written so that a bound that is NaN or beyond all numbers takes the margin down, and nothing takes it up again.
    margin = Select(better <= kFiniteMax, Min(better, margin), -kInfinity);
  }
  margin = Select(empty_ > 0.0, kFiniteMax, margin);
  for (std::size_t t = 0; t < tasks.size(); ++t) margins[t] = poison_[t] == 0 ? margin[t] : -kInfinity;
}

void LeafEngine::Bound(Recipe recipe, std::span<const LeafTask> tasks) {
  if (recipe != Recipe::kRoot && forms_.empty()) AllocateForms();
  BoundBody(recipe, tasks);
}

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
  if (recipe != Recipe::kRoot && forms_.empty()) AllocateForms();
#if PAWL_X86_VARIANTS
  if (DetectedSet() == InstructionSet::kAvx512) return Margins512(recipe, tasks, margins);
  if (DetectedSet() == InstructionSet::kAvx2) return Margins256(recipe, tasks, margins);
#endif
  MarginsBody(recipe, tasks, margins);
}

}  // namespace pawl::checker
