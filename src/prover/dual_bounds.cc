// See dual_bounds.h. The first part is compiled once per instruction set (Google Highway) and the best one is chosen at
// run time.
#include "prover/instruction_set.h"  // before foreach_target
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "prover/dual_bounds.cc"  // NOLINT: this file, for foreach_target
#include "hwy/foreach_target.h"                     // IWYU pragma: keep
// clang-format off
#include "prover/lane_vectors-inl.h"
// clang-format on

#include <algorithm>
#include <bit>
#include <cassert>
#include <cmath>
#include <cstring>
#include <ranges>
#include <utility>

#include "prover/dual_bounds.h"
#include "prover/dual_layer.h"

HWY_BEFORE_NAMESPACE();
namespace pawl::prover {
namespace HWY_NAMESPACE {

// target[r][c] = Σ_k matrix[r][k]·source[k][c] over the first `columns` columns.
struct DenseProduct {
  const float* matrix;
  std::size_t rows, terms;
  const Matrix& source;
  Matrix& target;
  std::size_t columns;
};

template <std::size_t kRows, std::size_t kVectors>
HWY_INLINE void ProductRows(const DenseProduct& p, std::size_t row, std::size_t column) {
  ProductBlock<kRows, kVectors>({p.matrix + row * p.terms, p.terms}, std::views::iota(std::size_t{0}, p.terms),
                                {p.source.at(0) + column, p.source.stride()},
                                {p.target.at(row) + column, p.target.stride()});
}

template <std::size_t kVectors>
HWY_INLINE void ProductColumns(const DenseProduct& p, std::size_t column) {
  std::size_t row = 0;
  for (; row + kBlockRows <= p.rows; row += kBlockRows) ProductRows<kBlockRows, kVectors>(p, row, column);
  for (; row < p.rows; ++row) ProductRows<1, kVectors>(p, row, column);
}

void Multiply(const DenseProduct& p) {
  const std::size_t lanes = hn::Lanes(Tag());
  std::size_t column = 0;
  for (; column + kBlockVectors * lanes <= p.columns; column += kBlockVectors * lanes)
    ProductColumns<kBlockVectors>(p, column);
  for (; column < p.columns; column += lanes) ProductColumns<1>(p, column);
}

// Slopes to the nearest of 0/256 … 254/256 and 1.
HWY_INLINE Vector RoundSlope(Vector slope) {
  const Vector steps = hn::Round(hn::Mul(slope, Set(256.0f)));
  return hn::IfThenElse(hn::Ge(steps, Set(255.0f)), Set(1.0f), hn::Mul(steps, Set(1.0f / 256)));
}

// Multipliers to the nearest of three bits after the first; tiny ones to 0.
HWY_INLINE Vector RoundWeight(Vector weight) {
  const hn::RebindToUnsigned<Tag> bits;
  const auto rounded = hn::And(hn::Add(hn::BitCast(bits, weight), hn::Set(bits, 0x80000u)), hn::Set(bits, 0xFFF00000u));
  return hn::IfThenElse(hn::Ge(weight, Set(kWeightMin)), hn::BitCast(Tag(), rounded), Zero());
}

// What a ReLU makes of one vector of coefficients: the slope and, for those that fall, the offset.
struct Lines {
  Vector slope;
  Mask by_offset;
};
HWY_INLINE Lines LinesOf(const DualLayer& layer, std::size_t open, std::size_t at, Vector a) {
  const Mask falls = hn::Lt(a, Zero());
  Lines lines{hn::IfThenElse(falls, Set(layer.chord[open]), RoundSlope(Load(layer.slope.at(open) + at))), falls};
  if (layer.has_phase[open] == 0) return lines;
  const Vector phase = Load(layer.phase.at(open) + at);
  const Mask fixed = hn::Ne(phase, Zero());
  lines.slope = hn::IfThenElse(fixed, hn::Max(phase, Zero()), lines.slope);
  lines.by_offset = hn::AndNot(fixed, falls);
  return lines;
}

// From the coefficients over a layer's results to those over its operands, and the constants.
void ThroughRelu(DualLayer& layer, std::size_t columns, Matrix& lambda, float* constant) {
  const std::size_t step = hn::Lanes(Tag());
  for (std::size_t n = 0; n < layer.alive.size(); ++n) {
    const std::size_t i = layer.alive[n];
    const Vector bias = Set(layer.bias[n]), error = Set(layer.error[n]);
    const std::uint32_t open = layer.open_index[i];
    for (std::size_t c = 0; c < columns; c += step) {
      const Vector a = Load(layer.coefficient.at(n) + c);
      Vector z = a, sum = Load(constant + c);
      if (open != kNotOpen) {
        const Lines lines = LinesOf(layer, open, c, a);
        z = hn::Mul(a, lines.slope);
        sum = hn::Add(sum, hn::IfThenElseZero(lines.by_offset, hn::Mul(a, Set(layer.offset[open]))));
        if (layer.has_phase[open] != 0) {
          const Vector phase = Load(layer.phase.at(open) + c);
          z = hn::NegMulAdd(phase, RoundWeight(Load(layer.weight.at(open) + c)), z);
        }
      }
      sum = hn::MulAdd(z, bias, sum);
      if (layer.has_error) sum = hn::NegMulAdd(hn::Abs(z), error, sum);
      Store(sum, constant + c);
      Store(z, lambda.at(n) + c);
    }
  }
}

// The smallest value over the box, and where it is.
void AtInputs(const std::vector<float>& lower, const std::vector<float>& upper, std::size_t columns, const Matrix& row,
              Matrix& point, float* constant) {
  const std::size_t step = hn::Lanes(Tag());
  for (std::size_t j = 0; j < lower.size(); ++j) {
    const Vector low = Set(lower[j]), high = Set(upper[j]);
    for (std::size_t c = 0; c < columns; c += step) {
      const Vector a = Load(row.at(j) + c);
      const Vector x = hn::IfThenElse(hn::Ge(a, Zero()), low, high);
      Store(x, point.at(j) + c);
      Store(hn::MulAdd(a, x, Load(constant + c)), constant + c);
    }
  }
}

// One ascent step of Adam (Kingma and Ba, 2015) on `value`, kept in [0, most].
struct AdamRates {
  Vector rate, most, first_scale, second_scale;
};
HWY_INLINE void Adam(const AdamRates& r, Vector gradient, float* value, float* first, float* second) {
  const Vector m = hn::MulAdd(Set(0.9f), Load(first), hn::Mul(Set(0.1f), gradient));
  const Vector v = hn::MulAdd(Set(0.99f), Load(second), hn::Mul(Set(0.01f), hn::Mul(gradient, gradient)));
  Store(m, first);
  Store(v, second);
  const Vector size = hn::Add(hn::Sqrt(hn::Mul(v, r.second_scale)), Set(1e-12f));
  const Vector moved = hn::MulAdd(r.rate, hn::Div(hn::Mul(m, r.first_scale), size), Load(value));
  Store(hn::Min(hn::Max(moved, Zero()), r.most), value);
}

// Forward through a layer: its relaxed operands become results, and slopes and multipliers move.
void AscendLayer(DualLayer& layer, std::size_t columns, const AdamRates& slopes, const AdamRates& weights) {
  const std::size_t step = hn::Lanes(Tag());
  for (std::size_t n = 0; n < layer.alive.size(); ++n) {
    const std::uint32_t open = layer.open_index[layer.alive[n]];
    const Vector bias = Set(layer.bias[n]);
    for (std::size_t c = 0; c < columns; c += step) {
      const Vector z = hn::Add(Load(layer.operand.at(n) + c), bias);
      Store(z, layer.operand.at(n) + c);
      if (open == kNotOpen) {
        Store(z, layer.result.at(n) + c);
        continue;
      }
      const Vector a = Load(layer.coefficient.at(n) + c);
      const Lines lines = LinesOf(layer, open, c, a);
      const Vector x = hn::MulAdd(z, lines.slope, hn::IfThenElseZero(lines.by_offset, Set(layer.offset[open])));
      Store(x, layer.result.at(n) + c);
      const Vector gradient = hn::Mul(hn::Max(a, Zero()), z);
      Adam(slopes, gradient, layer.slope.at(open) + c, layer.slope_first.at(open) + c, layer.slope_second.at(open) + c);
      if (layer.has_phase[open] == 0) continue;
      const Vector phase = Load(layer.phase.at(open) + c);
      const AdamRates own{weights.rate, hn::IfThenElseZero(hn::Ne(phase, Zero()), weights.most), weights.first_scale,
                          weights.second_scale};
      Adam(own, hn::Neg(hn::Mul(phase, z)), layer.weight.at(open) + c, layer.weight_first.at(open) + c,
           layer.weight_second.at(open) + c);
    }
  }
}

void AscendAll(std::vector<DualLayer>& layers, std::size_t top, const Matrix& point, std::size_t inputs,
               std::size_t columns, float slope_rate, float weight_rate, std::uint64_t steps) {
  const float first_scale = 1 / (1 - std::pow(0.9f, static_cast<float>(steps)));
  const float second_scale = 1 / (1 - std::pow(0.99f, static_cast<float>(steps)));
  const AdamRates slopes{Set(slope_rate), Set(1.0f), Set(first_scale), Set(second_scale)};
  const AdamRates weights{Set(weight_rate), Set(kWeightMax), Set(first_scale), Set(second_scale)};
  for (std::size_t k = 0; k < top; ++k) {
    DualLayer& layer = layers[k];
    const std::size_t terms = k == 0 ? inputs : layers[k - 1].alive.size();
    Multiply({layer.forward.data(), layer.alive.size(), terms, k == 0 ? point : layers[k - 1].result, layer.operand,
              columns});
    AscendLayer(layer, columns, slopes, weights);
  }
}

void EvaluateAll(std::vector<DualLayer>& layers, std::size_t top, const std::vector<float>& lower,
                 const std::vector<float>& upper, std::size_t columns, Matrix& lambda, Matrix& row, Matrix& point,
                 float* constant) {
  for (std::size_t k = top; k-- > 0;) {
    DualLayer& layer = layers[k];
    ThroughRelu(layer, columns, lambda, constant);
    const std::size_t rows = k == 0 ? lower.size() : layers[k - 1].alive.size();
    Multiply(
        {layer.backward.data(), rows, layer.alive.size(), lambda, k == 0 ? row : layers[k - 1].coefficient, columns});
  }
  AtInputs(lower, upper, columns, row, point, constant);
}

}  // namespace HWY_NAMESPACE
}  // namespace pawl::prover
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace pawl::prover {

Matrix::Matrix(std::size_t rows, std::size_t columns)
    : rows_(rows), columns_(columns), data_(MakeAlignedFloats(rows * columns + 16)) {}

std::uint8_t SlopeByte(float slope) { return static_cast<std::uint8_t>(std::min(255.0f, std::nearbyint(slope * 256))); }

float RoundedWeight(float weight) {
  if (!(weight >= kWeightMin)) return 0;
  return std::bit_cast<float>((std::bit_cast<std::uint32_t>(weight) + 0x80000u) & 0xFFF00000u);
}

std::uint8_t WeightByte(float weight) {
  const float rounded = RoundedWeight(weight);
  if (rounded == 0) return 0;
  int exponent = 0;
  const float fraction = std::frexp(rounded, &exponent);  // in [1/2, 1): 8 to 15 sixteenths
  return static_cast<std::uint8_t>(((exponent - 4 + 23) << 3) + (static_cast<int>(fraction * 16) - 8));
}

namespace {

std::size_t Relus(const FlatNetwork& network) {
  std::size_t count = 0;
  for (const FlatLayer& layer : network.layers) count += layer.relu ? 1 : 0;
  return count;
}

std::size_t Widest(const FlatNetwork& network) {
  std::size_t widest = network.inputs;
  for (const FlatLayer& layer : network.layers) widest = std::max(widest, layer.outputs);
  return widest;
}

}  // namespace

DualBounds::DualBounds(const FlatNetwork& network, std::size_t columns_max)
    : network_(network),
      columns_max_((columns_max + 15) / 16 * 16),
      relus_(Relus(network)),
      layers_(relus_),
      input_row_(network.inputs, columns_max_),
      input_point_(network.inputs, columns_max_),
      lambda_(Widest(network), columns_max_),
      constant_(MakeAlignedFloats(columns_max_)) {}

DualBounds::~DualBounds() = default;

std::uint64_t DualBounds::MemoryBytes(const FlatNetwork& network, std::size_t columns_max) {
  std::uint64_t rows = 3 * Widest(network), weights = 0;
  for (const FlatLayer& layer : network.layers) {
    rows += 11 * layer.outputs;
    weights += 2 * layer.inputs * layer.outputs;
  }
  return (rows * (columns_max + 15) + weights) * sizeof(float);
}

void DualBounds::SetBox(const std::vector<float>& lower, const std::vector<float>& upper) {
  box_lower_ = lower;
  box_upper_ = upper;
}

float DualBounds::Radius(std::size_t k, std::size_t neuron) const {
  const FlatLayer& layer = network_.layers[k];
  if (!layer.has_error()) return 0;
  float sum = layer.error_bias[neuron];
  for (std::size_t j = 0; j < layer.inputs; ++j) {
    const float size =
        k == 0 ? std::max(std::abs(box_lower_[j]), std::abs(box_upper_[j])) : std::max(0.0f, layers_[k - 1].upper[j]);
    sum += layer.error_weight[neuron * layer.inputs + j] * size;
  }
  return sum;
}

void DualBounds::IntervalBounds(std::size_t k, std::vector<float>& lower, std::vector<float>& upper) const {
  const FlatLayer& layer = network_.layers[k];
  lower.resize(layer.outputs);
  upper.resize(layer.outputs);
  for (std::size_t i = 0; i < layer.outputs; ++i) {
    double low = static_cast<double>(layer.bias[i]), high = low;
    for (std::size_t j = 0; j < layer.inputs; ++j) {
      const double w = static_cast<double>(layer.weight[i * layer.inputs + j]);
      const double from = static_cast<double>(k == 0 ? box_lower_[j] : std::max(0.0f, layers_[k - 1].lower[j]));
      const double to = static_cast<double>(k == 0 ? box_upper_[j] : std::max(0.0f, layers_[k - 1].upper[j]));
      low += w * (w >= 0 ? from : to);
      high += w * (w >= 0 ? to : from);
    }
    const float radius = Radius(k, i);
    lower[i] = static_cast<float>(low) - radius;
    upper[i] = static_cast<float>(high) + radius;
  }
}

void DualBounds::SetHidden(std::size_t k, const std::vector<float>& lower, const std::vector<float>& upper) {
  const FlatLayer& source = network_.layers[k];
  DualLayer& layer = layers_[k];
  layer = DualLayer();
  layer.lower = lower;
  layer.upper = upper;
  layer.open_index.assign(source.outputs, kNotOpen);
  layer.alive_index.assign(source.outputs, kNotOpen);
  layer.has_error = source.has_error();
  for (std::uint32_t i = 0; i < source.outputs; ++i) {
    if (upper[i] <= 0) continue;
    layer.alive_index[i] = static_cast<std::uint32_t>(layer.alive.size());
    layer.alive.push_back(i);
    layer.bias.push_back(source.bias[i]);
    layer.error.push_back(Radius(k, i));
    if (lower[i] >= 0) continue;
    layer.open_index[i] = static_cast<std::uint32_t>(layer.open.size());
    layer.open.push_back(i);
    layer.chord.push_back(upper[i] / (upper[i] - lower[i]));
    layer.offset.push_back(-layer.chord.back() * lower[i]);
  }
  layer.has_phase.assign(layer.open.size(), 0);
  // Weights between neurons that are not always zero, both ways.
  std::vector<std::uint32_t> operands;
  for (std::uint32_t j = 0; k == 0 && j < source.inputs; ++j) operands.push_back(j);
  if (k > 0) operands = layers_[k - 1].alive;
  const std::size_t rows = layer.alive.size(), terms = operands.size();
  layer.forward.resize(rows * terms);
  layer.backward.resize(rows * terms);
  for (std::size_t r = 0; r < rows; ++r) {
    for (std::size_t t = 0; t < terms; ++t) {
      const float weight = source.weight[layer.alive[r] * source.inputs + operands[t]];
      layer.forward[r * terms + t] = weight;
      layer.backward[t * rows + r] = weight;
    }
  }
  for (Matrix* matrix : {&layer.coefficient, &layer.operand, &layer.result}) *matrix = Matrix(rows, columns_max_);
  for (Matrix* matrix : {&layer.slope, &layer.slope_first, &layer.slope_second, &layer.phase, &layer.weight,
                         &layer.weight_first, &layer.weight_second})
    *matrix = Matrix(layer.open.size(), columns_max_);
}

std::vector<DualBounds::Place> DualBounds::OpenNeurons(std::size_t top) const {
  std::vector<Place> places;
  for (std::uint32_t k = 0; k < top; ++k)
    for (const std::uint32_t i : layers_[k].open) places.push_back({k, i});
  return places;
}

void DualBounds::Start(std::size_t top, std::size_t columns) {
  assert(columns <= columns_max_ && top <= relus_);
  top_ = top;
  columns_ = (columns + 15) / 16 * 16;
  steps_ = 0;
  std::fill_n(constant_.get(), columns_max_, 0.0f);
  start_.assign(columns_, 0.0f);
  for (std::size_t k = 0; k < top; ++k) {
    DualLayer& layer = layers_[k];
    for (std::size_t o = 0; o < layer.open.size(); ++o) {
      const std::uint32_t i = layer.open[o];
      std::fill_n(layer.slope.at(o), columns_, layer.upper[i] > -layer.lower[i] ? 1.0f : 0.0f);
      for (Matrix* matrix : {&layer.slope_first, &layer.slope_second}) std::fill_n(matrix->at(o), columns_, 0.0f);
      if (layer.has_phase[o] == 0) continue;
      for (Matrix* matrix : {&layer.phase, &layer.weight, &layer.weight_first, &layer.weight_second})
        std::fill_n(matrix->at(o), columns_max_, 0.0f);
      layer.has_phase[o] = 0;
    }
  }
  Matrix& rows = top == 0 ? input_row_ : layers_[top - 1].coefficient;
  for (std::size_t r = 0; r < rows.rows(); ++r) std::fill_n(rows.at(r), columns_, 0.0f);
}

void DualBounds::SetRow(std::size_t column, const float* coefficients, float constant) {
  start_[column] = constant;
  if (top_ == 0) {
    for (std::size_t j = 0; j < network_.inputs; ++j) input_row_.at(j)[column] = coefficients[j];
    return;
  }
  DualLayer& layer = layers_[top_ - 1];
  for (std::size_t n = 0; n < layer.alive.size(); ++n) layer.coefficient.at(n)[column] = coefficients[layer.alive[n]];
}

void DualBounds::SetNeuron(std::size_t column, std::size_t neuron, float sign) {
  const FlatLayer& layer = network_.layers[top_];
  row_.resize(layer.inputs);
  for (std::size_t j = 0; j < layer.inputs; ++j) row_[j] = sign * layer.weight[neuron * layer.inputs + j];
  SetRow(column, row_.data(), sign * layer.bias[neuron] - Radius(top_, neuron));
}

std::size_t DualBounds::OpenIndex(Place place) const {
  const std::uint32_t open = layers_[place.layer].open_index[place.neuron];
  assert(open != kNotOpen);
  return open;
}

void DualBounds::SetPhase(std::size_t column, Place place, Side side, float multiplier) {
  DualLayer& layer = layers_[place.layer];
  const std::size_t open = OpenIndex(place);
  layer.has_phase[open] = 1;
  layer.phase.at(open)[column] = side == Side::kHigh ? 1.0f : -1.0f;
  layer.weight.at(open)[column] = multiplier;
}

float DualBounds::Multiplier(std::size_t column, Place place) const {
  return layers_[place.layer].weight.at(OpenIndex(place))[column];
}

void DualBounds::LoadSlopes(std::size_t column, const std::uint8_t* slopes) {
  for (std::size_t k = 0; k < top_; ++k) {
    for (std::size_t o = 0; o < layers_[k].open.size(); ++o)
      layers_[k].slope.at(o)[column] = static_cast<float>(checker::SlopeOf(*slopes++));
  }
}

void DualBounds::StoreSlopes(std::size_t column, std::uint8_t* slopes) const {
  for (std::size_t k = 0; k < top_; ++k) {
    for (std::size_t o = 0; o < layers_[k].open.size(); ++o) *slopes++ = SlopeByte(layers_[k].slope.at(o)[column]);
  }
}

void DualBounds::Evaluate() {
  std::copy(start_.begin(), start_.end(), constant_.get());
  PAWL_BEST(EvaluateAll)
  (layers_, top_, box_lower_, box_upper_, columns_, lambda_, input_row_, input_point_, constant_.get());
}

void DualBounds::Ascend(float slope_rate, float multiplier_rate) {
  PAWL_BEST(AscendAll)
  (layers_, top_, input_point_, network_.inputs, columns_, slope_rate, multiplier_rate, ++steps_);
}

DualBounds::Loss DualBounds::LossAt(std::size_t column, Place place) const {
  const DualLayer& layer = layers_[place.layer];
  const std::size_t open = OpenIndex(place), n = layer.alive_index[place.neuron];
  if (layer.has_phase[open] != 0 && layer.phase.at(open)[column] != 0) return {};
  const float a = layer.coefficient.at(n)[column], z = layer.operand.at(n)[column];
  const float gap = layer.result.at(n)[column] - std::max(z, 0.0f);
  const float slope = layer.slope.at(open)[column];
  const float below = std::max(-layer.lower[place.neuron] * slope, layer.upper[place.neuron] * (1 - slope));
  return {std::abs(a) * (a < 0 ? layer.offset[open] : below), std::abs(a * gap)};
}

void DualBounds::WorstInput(std::size_t column, float* input) const {
  for (std::size_t j = 0; j < network_.inputs; ++j) input[j] = input_point_.at(j)[column];
}

}  // namespace pawl::prover
#endif  // HWY_ONCE
