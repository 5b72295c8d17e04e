// See batch_bounds.h. The first part is compiled once per instruction set (Google Highway) and the best one is chosen
// at run time (instruction_set.h).
#include "prover/instruction_set.h"  // before foreach_target
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "prover/batch_bounds.cc"  // NOLINT: this file, for foreach_target
#include "hwy/foreach_target.h"                      // IWYU pragma: keep
// clang-format off
#include "prover/lane_vectors-inl.h"
// clang-format on

#include <algorithm>
#include <cassert>
#include <cmath>
#include <cstring>

#include "prover/batch_bounds.h"
#include "prover/batch_workspace.h"

HWY_BEFORE_NAMESPACE();
namespace pawl::prover {
namespace HWY_NAMESPACE {
using Work = BatchBounds::Workspace;

// target[row][column] = sum over k in `list` of matrix[row][k]·source[k][column]. The list leaves out neurons that are
// zero in all lanes.
struct Product {
  const std::vector<float>& matrix;
  std::size_t matrix_stride;
  const NeuronList& list;
  const Panel& source;
  Panel& target;
};

template <std::size_t kRows, std::size_t kVectors>
HWY_INLINE void ProductRows(const Product& p, std::size_t row, std::size_t offset) {
  ProductBlock<kRows, kVectors>({p.matrix.data() + row * p.matrix_stride, p.matrix_stride}, p.list,
                                {p.source.at(0) + offset, p.source.stride()},
                                {p.target.at(row) + offset, p.target.stride()});
}

template <std::size_t kVectors>
HWY_INLINE void ProductColumns(const Product& p, std::size_t rows, std::size_t offset) {
  std::size_t row = 0;
  for (; row + kBlockRows <= rows; row += kBlockRows) ProductRows<kBlockRows, kVectors>(p, row, offset);
  for (; row < rows; ++row) ProductRows<1, kVectors>(p, row, offset);
}

template <std::size_t kVectors>
HWY_INLINE void ProductRemainder(const Product& p, std::size_t rows, std::size_t offset, std::size_t vectors) {
  if constexpr (kVectors > 0) {
    if (vectors == kVectors) return ProductColumns<kVectors>(p, rows, offset);
    ProductRemainder<kVectors - 1>(p, rows, offset, vectors);
  }
}

// Over the first `rows` neurons of the target and the first `columns` columns.
void Multiply(const Product& p, std::size_t rows, std::size_t columns) {
  const std::size_t lanes = hn::Lanes(Tag());
  std::size_t vectors = columns * kLanes / lanes;
  std::size_t offset = 0;
  for (; vectors >= kBlockVectors; vectors -= kBlockVectors, offset += kBlockVectors * lanes) {
    ProductColumns<kBlockVectors>(p, rows, offset);
  }
  ProductRemainder<kBlockVectors - 1>(p, rows, offset, vectors);
}

HWY_INLINE void AddTo(float* target, Vector value) { Store(hn::Add(Load(target), value), target); }

// ---- Forward forms

// Lower and upper bound of a neuron from its forms, one vector of lanes.
HWY_INLINE void BoundForms(const float* mean, const float* half, std::size_t inputs, Vector& lower, Vector& upper) {
  Vector reach_lower = Zero();
  Vector reach_upper = Zero();
  for (std::size_t i = 1; i <= inputs; ++i) {
    const Vector m = Load(mean + i * kLanes);
    const Vector h = Load(half + i * kLanes);
    reach_lower = hn::Add(reach_lower, hn::Abs(hn::Sub(m, h)));
    reach_upper = hn::Add(reach_upper, hn::Abs(hn::Add(m, h)));
  }
  lower = hn::Sub(hn::Sub(Load(mean), Load(half)), reach_lower);
  upper = hn::Add(hn::Add(Load(mean), Load(half)), reach_upper);
}

void FormsOfInputs(Work& w) {
  const std::size_t inputs = w.network.inputs;
  for (std::size_t i = 0; i < inputs; ++i) {
    std::memset(w.mean.at(i), 0, w.columns * kLanes * sizeof(float));
    std::memcpy(w.mean.at(i, 0), w.centre.at(i), kLanes * sizeof(float));
    std::memcpy(w.mean.at(i, i + 1), w.box_radius.at(i), kLanes * sizeof(float));
    for (std::size_t lane = 0; lane < kLanes; ++lane) {
      w.magnitude.at(i)[lane] = std::abs(w.centre.at(i)[lane]) + w.box_radius.at(i)[lane];
    }
  }
  std::memset(w.ambiguity.at(0), 0, kLanes * sizeof(float));
  w.active = w.all_inputs;
  w.half_active.clear();
}

// Adds bias and rounding radius to the forms of the operands of layer `index`, and bounds them.
void FinishOperands(Work& w, std::size_t index) {
  const FlatLayer& layer = w.network.layers[index];
  LayerState& state = w.layers[index];
  const std::size_t step = hn::Lanes(Tag());
  for (std::size_t j = 0; j < layer.outputs; ++j) {
    for (std::size_t lane = 0; lane < kLanes; lane += step) {
      AddTo(w.mean_next.at(j) + lane, Set(layer.bias[j]));
      if (layer.has_error()) {
        const Vector radius = hn::Add(Load(w.magnitude_next.at(j) + lane), Set(layer.error_bias[j]));
        Store(radius, state.radius.at(j) + lane);
        AddTo(w.half_next.at(j) + lane, radius);
      }
      Vector lower, upper;
      BoundForms(w.mean_next.at(j) + lane, w.half_next.at(j) + lane, w.network.inputs, lower, upper);
      Store(lower, state.lower.at(j) + lane);
      Store(upper, state.upper.at(j) + lane);
    }
  }
}

void AffineForward(Work& w, std::size_t index) {
  const FlatLayer& layer = w.network.layers[index];
  Multiply({layer.weight, layer.inputs, w.active, w.mean, w.mean_next}, layer.outputs, w.columns);
  Multiply({layer.weight_magnitude, layer.inputs, w.half_active, w.half, w.half_next}, layer.outputs, w.columns);
  if (layer.has_error()) {
    Multiply({layer.error_weight, layer.inputs, w.active, w.magnitude, w.magnitude_next}, layer.outputs, 1);
  }
  FinishOperands(w, index);
}

// How near to each other -lower and upper are in a tie between the slopes 0 and 1.
constexpr float kTieRelative = 1e-4f;
constexpr float kTieAbsolute = 1e-6f;

// Slopes of ReLU over [lower, upper] as recipe 01 of spec/certificate.md has them; kept for backward substitution.
HWY_INLINE void RelaxNeuron(LayerState& state, std::size_t j, std::size_t lane, float* ambiguity) {
  const Vector zero = Zero();
  const Vector one = Set(1.0f);
  const Vector lower = Load(state.lower.at(j) + lane);
  const Vector upper = Load(state.upper.at(j) + lane);
  const Mask active = hn::Ge(lower, zero);
  const Mask open = hn::AndNot(active, hn::Gt(upper, zero));
  const Vector slope = hn::Div(upper, hn::IfThenElse(open, hn::Sub(upper, lower), one));
  // The checker's bounds differ in the last digits, and near a tie it would take the other slope.
  const Vector tie = hn::MulAdd(Set(kTieRelative), hn::Sub(upper, lower), Set(kTieAbsolute));
  const Mask ambiguous = hn::And(open, hn::Lt(hn::Abs(hn::Add(upper, lower)), tie));
  Store(hn::IfThenElse(ambiguous, one, Load(ambiguity)), ambiguity);
  const Mask below = hn::Or(active, hn::And(open, hn::Gt(hn::Add(upper, lower), zero)));
  Store(hn::IfThenElse(active, one, hn::IfThenElseZero(open, slope)), state.above.at(j) + lane);
  Store(hn::IfThenElseZero(open, hn::Neg(hn::Mul(slope, lower))), state.offset.at(j) + lane);
  Store(hn::IfThenElseZero(below, one), state.below.at(j) + lane);
}

// Sorts the neurons of a layer by sign; a layer without activation passes everything on.
void ClassifyNeurons(Work& w, std::size_t index) {
  const FlatLayer& layer = w.network.layers[index];
  LayerState& state = w.layers[index];
  state.active.clear();
  state.open.clear();
  const std::size_t step = hn::Lanes(Tag());
  for (std::uint32_t j = 0; j < layer.outputs; ++j) {
    bool active = !layer.relu;
    bool open = false;
    for (std::size_t lane = 0; lane < kLanes && layer.relu; lane += step) {
      const Mask positive = hn::Gt(Load(state.upper.at(j) + lane), Zero());
      const Mask negative = hn::Lt(Load(state.lower.at(j) + lane), Zero());
      active = active || !hn::AllFalse(Tag(), positive);
      open = open || !hn::AllFalse(Tag(), hn::And(positive, negative));
    }
    if (active) state.active.push_back(j);
    if (open) state.open.push_back(j);
  }
}

// mean_next, half_next -> mean, half through the activation.
void ActivateForward(Work& w, std::size_t index) {
  const FlatLayer& layer = w.network.layers[index];
  LayerState& state = w.layers[index];
  const std::size_t step = hn::Lanes(Tag());
  const Vector half_one = Set(0.5f);
  const bool half_live = !w.half_active.empty() || layer.has_error();
  for (const std::uint32_t j : state.active) {
    for (std::size_t lane = 0; lane < kLanes; lane += step) {
      Vector above = Set(1.0f), below = above, offset = Zero();
      if (layer.relu) {
        RelaxNeuron(state, j, lane, w.ambiguity.at(0) + lane);
        above = Load(state.above.at(j) + lane);
        below = Load(state.below.at(j) + lane);
        offset = hn::Mul(half_one, Load(state.offset.at(j) + lane));
      }
      const Vector sum = hn::Mul(half_one, hn::Add(above, below));
      const Vector difference = hn::Mul(half_one, hn::Sub(above, below));
      const float* mean = w.mean_next.at(j) + lane;
      const float* half = w.half_next.at(j) + lane;
      float* mean_out = w.mean.at(j) + lane;
      float* half_out = w.half.at(j) + lane;
      for (std::size_t c = 0; c < w.columns; ++c) {
        const Vector m = Load(mean + c * kLanes);
        const Vector h = Load(half + c * kLanes);
        const Vector shift = c == 0 ? offset : Zero();
        Store(hn::Add(hn::MulAdd(sum, m, hn::Mul(difference, h)), shift), mean_out + c * kLanes);
        Store(hn::Add(hn::MulAdd(difference, m, hn::Mul(sum, h)), shift), half_out + c * kLanes);
      }
      const Vector upper = Load(state.upper.at(j) + lane);
      const Vector floor = layer.relu ? Zero() : hn::Neg(Load(state.lower.at(j) + lane));
      Store(hn::Max(upper, floor), w.magnitude.at(j) + lane);
    }
  }
  w.active = state.active;
  w.half_active = half_live ? state.active : state.open;
}

// ---- Backward substitution

// In w.back: coefficients of `columns` rows over the results of layer `index`. Substitutes down to the inputs; the
// coefficients over these end in w.back, the lower bounds in w.constant.
void SubstituteActivation(Work& w, std::size_t index, std::size_t columns) {
  const FlatLayer& layer = w.network.layers[index];
  const LayerState& state = w.layers[index];
  const std::size_t step = hn::Lanes(Tag());
  for (const std::uint32_t j : state.active) {
    for (std::size_t lane = 0; lane < kLanes; lane += step) {
      Vector above = Set(1.0f), below = above, offset = Zero(), radius = Zero();
      if (layer.relu) {
        above = Load(state.above.at(j) + lane);
        below = Load(state.below.at(j) + lane);
        offset = Load(state.offset.at(j) + lane);
      }
      if (layer.has_error()) radius = Load(state.radius.at(j) + lane);
      const Vector bias = Set(layer.bias[j]);
      float* coefficient = w.back.at(j) + lane;
      float* constant = w.constant.at(0) + lane;
      for (std::size_t c = 0; c < columns; ++c, coefficient += kLanes, constant += kLanes) {
        const Vector a = Load(coefficient);
        const Vector positive = hn::Max(a, Zero());
        const Vector negative = hn::Min(a, Zero());
        const Vector up = hn::Mul(negative, above);
        const Vector down = hn::Mul(positive, below);
        const Vector next = hn::Add(up, down);
        Store(next, coefficient);
        const Vector loss = hn::Mul(radius, hn::Sub(down, up));
        Vector total = hn::MulAdd(negative, offset, Load(constant));
        total = hn::MulAdd(next, bias, total);
        Store(hn::Sub(total, loss), constant);
      }
    }
  }
}

void Concretise(Work& w, std::size_t columns) {
  const std::size_t step = hn::Lanes(Tag());
  for (std::size_t i = 0; i < w.network.inputs; ++i) {
    for (std::size_t lane = 0; lane < kLanes; lane += step) {
      const Vector centre = Load(w.centre.at(i) + lane);
      const Vector radius = Load(w.box_radius.at(i) + lane);
      const float* coefficient = w.back.at(i) + lane;
      float* constant = w.constant.at(0) + lane;
      for (std::size_t c = 0; c < columns; ++c, coefficient += kLanes, constant += kLanes) {
        const Vector a = Load(coefficient);
        Store(hn::NegMulAdd(hn::Abs(a), radius, hn::MulAdd(a, centre, Load(constant))), constant);
      }
    }
  }
}

// `input_rows`: coefficients [columns][inputs] to add to each row's own, or null.
void SubstituteDown(Work& w, std::size_t index, std::size_t columns, const float* input_rows) {
  for (std::size_t l = index + 1; l-- > 0;) {
    const FlatLayer& layer = w.network.layers[l];
    SubstituteActivation(w, l, columns);
    Multiply({layer.transposed, layer.outputs, w.layers[l].active, w.back, w.back_next}, layer.inputs, columns);
    std::swap(w.back, w.back_next);
  }
  if (input_rows != nullptr) {
    for (std::size_t c = 0; c < columns; ++c) {
      for (std::size_t i = 0; i < w.network.inputs; ++i) {
        for (std::size_t lane = 0; lane < kLanes; ++lane) w.back.at(i, c)[lane] += input_rows[c * w.network.inputs + i];
      }
    }
  }
  Concretise(w, columns);
}

HWY_INLINE void Broadcast(float value, float* to) {
  for (std::size_t lane = 0; lane < kLanes; ++lane) to[lane] = value;
}

// Tightens the bounds of the open neurons of layer `index` (recipe 02), back_columns / 2 of them at once.
void TightenOpenNeurons(Work& w, std::size_t index) {
  const FlatLayer& layer = w.network.layers[index];
  LayerState& state = w.layers[index];
  const std::size_t step = hn::Lanes(Tag());
  const std::size_t group_max = w.back_columns / 2;
  for (std::size_t first = 0; first < state.open.size(); first += group_max) {
    const std::size_t group = std::min(group_max, state.open.size() - first);
    for (std::size_t g = 0; g < group; ++g) {
      const std::uint32_t j = state.open[first + g];
      Broadcast(layer.bias[j], w.constant.at(0, 2 * g));
      Broadcast(-layer.bias[j], w.constant.at(0, 2 * g + 1));
      const float* weight = layer.weight.data() + j * layer.inputs;
      for (const std::uint32_t k : w.layers[index - 1].active) {
        Broadcast(weight[k], w.back.at(k, 2 * g));
        Broadcast(-weight[k], w.back.at(k, 2 * g + 1));
      }
    }
    SubstituteDown(w, index - 1, 2 * group, nullptr);
    for (std::size_t g = 0; g < group; ++g) {
      const std::uint32_t j = state.open[first + g];
      for (std::size_t lane = 0; lane < kLanes; lane += step) {
        const Vector radius = layer.has_error() ? Load(state.radius.at(j) + lane) : Zero();
        const Vector lower = hn::Sub(Load(w.constant.at(0, 2 * g) + lane), radius);
        const Vector upper = hn::Sub(radius, Load(w.constant.at(0, 2 * g + 1) + lane));
        Store(hn::Max(lower, Load(state.lower.at(j) + lane)), state.lower.at(j) + lane);
        Store(hn::Min(upper, Load(state.upper.at(j) + lane)), state.upper.at(j) + lane);
      }
    }
  }
}

void PropagateForms(Work& w, HiddenBounds hidden) {
  FormsOfInputs(w);
  for (std::size_t l = 0; l < w.network.layers.size(); ++l) {
    AffineForward(w, l);
    ClassifyNeurons(w, l);
    if (l > 0 && hidden == HiddenBounds::kBackward && !w.layers[l].open.empty()) {
      TightenOpenNeurons(w, l);
      ClassifyNeurons(w, l);
    }
    ActivateForward(w, l);
  }
}

// Adds the rows' own input terms to their forms in w.mean_next.
void AddInputTerms(Work& w, const RowSet& rows) {
  if (rows.input_coefficient.empty()) return;
  for (std::size_t r = 0; r < rows.count(); ++r) {
    for (std::size_t i = 0; i < w.network.inputs; ++i) {
      const float coefficient = rows.input_coefficient[r * w.network.inputs + i];
      if (coefficient == 0) continue;
      for (std::size_t lane = 0; lane < kLanes; ++lane) {
        w.mean_next.at(r)[lane] += coefficient * w.centre.at(i)[lane];
        w.mean_next.at(r, i + 1)[lane] += coefficient * w.box_radius.at(i)[lane];
      }
    }
  }
}

// The better of two lower bounds per row: from the forms of the outputs, and by backward substitution.
void BoundAllRows(Work& w, const RowSet& rows) {
  const std::size_t outputs = w.network.outputs();
  const std::size_t step = hn::Lanes(Tag());
  const std::size_t last = w.network.layers.size() - 1;
  Multiply({rows.coefficient, outputs, w.active, w.mean, w.mean_next}, rows.count(), w.columns);
  Multiply({rows.magnitude, outputs, w.half_active, w.half, w.half_next}, rows.count(), w.columns);
  AddInputTerms(w, rows);
  for (std::size_t first = 0; first < rows.count(); first += w.back_columns) {
    const std::size_t group = std::min(w.back_columns, rows.count() - first);
    for (std::size_t g = 0; g < group; ++g) {
      Broadcast(-rows.threshold[first + g], w.constant.at(0, g));
      const float* row = rows.coefficient.data() + (first + g) * outputs;
      for (const std::uint32_t j : w.layers[last].active) Broadcast(row[j], w.back.at(j, g));
    }
    const float* input_rows =
        rows.input_coefficient.empty() ? nullptr : rows.input_coefficient.data() + first * w.network.inputs;
    SubstituteDown(w, last, group, input_rows);
    for (std::size_t g = 0; g < group; ++g) {
      const std::size_t r = first + g;
      for (std::size_t lane = 0; lane < kLanes; lane += step) {
        Vector lower, upper;
        BoundForms(w.mean_next.at(r) + lane, w.half_next.at(r) + lane, w.network.inputs, lower, upper);
        const Vector forward = hn::Sub(lower, Set(rows.threshold[r]));
        Store(hn::Max(forward, Load(w.constant.at(0, g) + lane)), w.row_bounds.at(r) + lane);
      }
      for (std::size_t i = 0; i < w.network.inputs; ++i) {
        std::memcpy(w.row_input.at(i, r), w.back.at(i, g), kLanes * sizeof(float));
      }
    }
  }
}

// ---- Gradients

// Interval gradient of one row per lane: w.back column 0 is its middle, w.half_gradient its radius.
void SmearInputs(Work& w, const RowSet& rows, const std::uint32_t* row) {
  const std::size_t outputs = w.network.outputs();
  const std::size_t step = hn::Lanes(Tag());
  const std::size_t last = w.network.layers.size() - 1;
  Panel& middle = w.gradient_middle;
  Panel& radius = w.gradient_radius;
  for (std::size_t j = 0; j < outputs; ++j) {
    for (std::size_t lane = 0; lane < kLanes; ++lane) {
      middle.at(j)[lane] = rows.coefficient[row[lane] * outputs + j];
      radius.at(j)[lane] = 0;
    }
  }
  for (std::size_t l = last + 1; l-- > 0;) {
    const FlatLayer& layer = w.network.layers[l];
    const LayerState& state = w.layers[l];
    for (const std::uint32_t j : state.active) {
      for (std::size_t lane = 0; lane < kLanes && layer.relu; lane += step) {
        const Vector m = Load(middle.at(j) + lane);
        const Vector r = Load(radius.at(j) + lane);
        const Mask positive = hn::Gt(Load(state.upper.at(j) + lane), Zero());
        const Mask fixed = hn::Ge(Load(state.lower.at(j) + lane), Zero());
        Vector low = hn::Sub(m, r);
        Vector high = hn::Add(m, r);
        low = hn::IfThenElseZero(positive, hn::IfThenElse(fixed, low, hn::Min(low, Zero())));
        high = hn::IfThenElseZero(positive, hn::IfThenElse(fixed, high, hn::Max(high, Zero())));
        Store(hn::Mul(Set(0.5f), hn::Add(low, high)), middle.at(j) + lane);
        Store(hn::Mul(Set(0.5f), hn::Sub(high, low)), radius.at(j) + lane);
      }
    }
    Multiply({layer.transposed, layer.outputs, state.active, middle, w.gradient_next}, layer.inputs, 1);
    std::swap(middle, w.gradient_next);
    Multiply({layer.transposed_magnitude, layer.outputs, state.active, radius, w.gradient_next}, layer.inputs, 1);
    std::swap(radius, w.gradient_next);
  }
  for (std::size_t i = 0; i < w.network.inputs; ++i) {
    if (!rows.input_coefficient.empty()) {
      for (std::size_t lane = 0; lane < kLanes; ++lane) {
        middle.at(i)[lane] += rows.input_coefficient[row[lane] * w.network.inputs + i];
      }
    }
    for (std::size_t lane = 0; lane < kLanes; lane += step) {
      const Vector largest = hn::Add(hn::Abs(Load(middle.at(i) + lane)), Load(radius.at(i) + lane));
      Store(hn::Mul(largest, Load(w.box_radius.at(i) + lane)), w.smear.at(i) + lane);
    }
  }
}

void EvaluatePoints(Work& w) {
  const std::size_t step = hn::Lanes(Tag());
  const Panel* source = &w.point;
  const NeuronList* list = &w.all_inputs;
  for (std::size_t l = 0; l < w.network.layers.size(); ++l) {
    const FlatLayer& layer = w.network.layers[l];
    LayerState& state = w.layers[l];
    Multiply({layer.weight, layer.inputs, *list, *source, state.value}, layer.outputs, 1);
    state.positive.clear();
    for (std::uint32_t j = 0; j < layer.outputs; ++j) {
      bool positive = !layer.relu;
      for (std::size_t lane = 0; lane < kLanes; lane += step) {
        Vector value = hn::Add(Load(state.value.at(j) + lane), Set(layer.bias[j]));
        if (layer.relu) value = hn::Max(value, Zero());
        positive = positive || !hn::AllFalse(Tag(), hn::Gt(value, Zero()));
        Store(value, state.value.at(j) + lane);
      }
      if (positive) state.positive.push_back(j);
    }
    source = &state.value;
    list = &state.positive;
  }
}

// Gradient at the points of one linear function of the outputs per lane, given in w.gradient_middle.
void GradientOfPoints(Work& w) {
  const std::size_t step = hn::Lanes(Tag());
  for (std::size_t l = w.network.layers.size(); l-- > 0;) {
    const FlatLayer& layer = w.network.layers[l];
    const LayerState& state = w.layers[l];
    for (const std::uint32_t j : state.positive) {
      for (std::size_t lane = 0; lane < kLanes && layer.relu; lane += step) {
        const Mask passes = hn::Gt(Load(state.value.at(j) + lane), Zero());
        Store(hn::IfThenElseZero(passes, Load(w.gradient_middle.at(j) + lane)), w.gradient_middle.at(j) + lane);
      }
    }
    Multiply({layer.transposed, layer.outputs, state.positive, w.gradient_middle, w.gradient_next}, layer.inputs, 1);
    std::swap(w.gradient_middle, w.gradient_next);
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace pawl::prover
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace pawl::prover {

namespace {

std::size_t Widest(const FlatNetwork& network, std::size_t rows_max) {
  std::size_t widest = std::max(network.inputs, rows_max);
  for (const FlatLayer& layer : network.layers) widest = std::max(widest, layer.outputs);
  return widest;
}

}  // namespace

BatchBounds::Workspace::Workspace(const FlatNetwork& the_network, std::size_t rows_max, BoundsUse use)
    : network(the_network),
      widest(Widest(the_network, rows_max)),
      columns(use == BoundsUse::kPoints ? 1 : the_network.inputs + 1),
      centre(network.inputs, 1),
      box_radius(network.inputs, 1),
      mean(widest, columns),
      half(widest, columns),
      mean_next(widest, columns),
      half_next(widest, columns),
      magnitude(widest, 1),
      magnitude_next(widest, 1),
      back_columns(kBackColumns),
      back(widest, back_columns),
      back_next(widest, back_columns),
      constant(1, back_columns),
      row_bounds(rows_max, 1),
      row_input(network.inputs, rows_max),
      smear(network.inputs, 1),
      ambiguity(1, 1),
      gradient_middle(widest, 1),
      gradient_radius(widest, 1),
      gradient_next(widest, 1),
      point(network.inputs, 1) {
  for (const FlatLayer& layer : network.layers) {
    LayerState& state = layers.emplace_back();
    for (Panel* panel :
         {&state.lower, &state.upper, &state.below, &state.above, &state.offset, &state.radius, &state.value}) {
      *panel = Panel(layer.outputs, 1);
    }
  }
  for (std::uint32_t i = 0; i < network.inputs; ++i) all_inputs.push_back(i);
}

BatchBounds::BatchBounds(const FlatNetwork& network, std::size_t rows_max, BoundsUse use)
    : work_(std::make_unique<Workspace>(network, rows_max, use)) {
  assert(!network.layers.empty());
}

BatchBounds::~BatchBounds() = default;

std::uint64_t BatchBounds::MemoryBytes(const FlatNetwork& network, std::size_t rows_max) {
  constexpr std::uint64_t kVector = kLanes * sizeof(float);
  const std::uint64_t widest = Widest(network, rows_max);
  std::uint64_t bytes = widest * kVector * (4 * (network.inputs + 1) + 2 * kBackColumns + 8);
  bytes += network.inputs * rows_max * kVector;
  for (const FlatLayer& layer : network.layers) bytes += layer.outputs * kVector * 7;
  return bytes;
}

void BatchBounds::SetBox(std::size_t lane, const float* centre, const float* radius) {
  for (std::size_t i = 0; i < work_->network.inputs; ++i) {
    work_->centre.at(i)[lane] = centre[i];
    work_->box_radius.at(i)[lane] = radius[i];
  }
}

void BatchBounds::Propagate(HiddenBounds hidden) { PAWL_BEST(PropagateForms)(*work_, hidden); }

void BatchBounds::BoundRows(const RowSet& rows) { PAWL_BEST(BoundAllRows)(*work_, rows); }

float BatchBounds::row_bound(std::size_t row, std::size_t lane) const { return work_->row_bounds.at(row)[lane]; }

float BatchBounds::hidden_lower(std::size_t layer, std::size_t neuron, std::size_t lane) const {
  return work_->layers[layer].lower.at(neuron)[lane];
}

float BatchBounds::hidden_upper(std::size_t layer, std::size_t neuron, std::size_t lane) const {
  return work_->layers[layer].upper.at(neuron)[lane];
}

void BatchBounds::Smear(const RowSet& rows, const std::uint32_t (&row)[kLanes]) {
  PAWL_BEST(SmearInputs)(*work_, rows, row);
}

float BatchBounds::smear(std::size_t input, std::size_t lane) const { return work_->smear.at(input)[lane]; }

bool BatchBounds::ambiguous(std::size_t lane) const { return work_->ambiguity.at(0)[lane] != 0; }

void BatchBounds::WorstInput(std::size_t row, std::size_t lane, float* input) const {
  for (std::size_t i = 0; i < work_->network.inputs; ++i) {
    const float coefficient = work_->row_input.at(i, row)[lane];
    const float radius = work_->box_radius.at(i)[lane];
    const float step = coefficient > 0 ? -radius : coefficient < 0 ? radius : 0.0f;
    input[i] = work_->centre.at(i)[lane] + step;
  }
}

void BatchBounds::SetPoint(std::size_t lane, const float* input) {
  for (std::size_t i = 0; i < work_->network.inputs; ++i) work_->point.at(i)[lane] = input[i];
}

void BatchBounds::Evaluate() { PAWL_BEST(EvaluatePoints)(*work_); }

float BatchBounds::output(std::size_t index, std::size_t lane) const {
  return work_->layers.back().value.at(index)[lane];
}

void BatchBounds::Gradient(const float* coefficients) {
  for (std::size_t j = 0; j < work_->network.outputs(); ++j) {
    std::memcpy(work_->gradient_middle.at(j), coefficients + j * kLanes, kLanes * sizeof(float));
  }
  PAWL_BEST(GradientOfPoints)(*work_);
}

float BatchBounds::gradient(std::size_t input, std::size_t lane) const {
  return work_->gradient_middle.at(input)[lane];
}

}  // namespace pawl::prover
#endif  // HWY_ONCE
