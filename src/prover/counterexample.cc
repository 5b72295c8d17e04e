#include "prover/counterexample.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "evaluation/real.h"
#include "evaluation/reference.h"

namespace pawl::prover {
namespace {

constexpr int kExactBudget = 2000;
constexpr int kDescentSteps = 40;
// A value this close to the threshold is worth an exact evaluation.
constexpr float kNear = 1e-6f;

}  // namespace

Confirmer::Confirmer(const model::Network& network, const model::Network* baseline, const model::Property& property,
                     checker::Arithmetic arithmetic)
    : network_(network),
      baseline_(baseline),
      property_(property),
      arithmetic_(arithmetic),
      exact_budget_(kExactBudget) {}

// Evaluates at found.inputs.
std::optional<model::Violation> Confirmer::FloatViolation(Counterexample& found) const {
  Result<std::vector<double>> outputs = evaluation::EvaluateReference(network_, found.inputs);
  if (!outputs.ok()) return std::nullopt;
  found.outputs = std::move(*outputs);
  if (baseline_ == nullptr) return model::FindViolation(property_, found.inputs, found.outputs);
  Result<std::vector<double>> others = evaluation::EvaluateReference(*baseline_, found.inputs);
  if (!others.ok()) return std::nullopt;
  found.baseline_outputs = std::move(*others);
  std::vector<evaluation::RealRange> apart;
  for (std::size_t i = 0; i < found.outputs.size(); ++i) {
    const double output = found.outputs[i], other = found.baseline_outputs[i];
    if (!std::isfinite(output) || !std::isfinite(other))
      return model::FindViolation(property_, found.inputs,
                                  std::vector(found.outputs.size(), std::numeric_limits<double>::quiet_NaN()));
    const model::Decimal exact = model::Decimal::FromDouble(output) - model::Decimal::FromDouble(other);
    apart.push_back({exact, exact});
  }
  return evaluation::FindRealViolation(property_, found.inputs, apart);
}

std::optional<model::Violation> Confirmer::RealViolation(const std::vector<double>& input) const {
  Result<std::vector<evaluation::RealRange>> exact = evaluation::EncloseReal(network_, input);
  if (!exact.ok()) return std::nullopt;
  if (baseline_ != nullptr) {
    const Result<std::vector<evaluation::RealRange>> others = evaluation::EncloseReal(*baseline_, input);
    if (!others.ok()) return std::nullopt;
    for (std::size_t i = 0; i < exact->size(); ++i)
      (*exact)[i] = {(*exact)[i].lower - (*others)[i].upper, (*exact)[i].upper - (*others)[i].lower};
  }
  return evaluation::FindRealViolation(property_, input, *exact);
}

std::optional<Counterexample> Confirmer::Confirm(const std::vector<double>& input) const {
  Counterexample found;
  found.inputs = input;
  const std::optional<model::Violation> violation = FloatViolation(found);
  found.violates_float = violation.has_value();
  const bool real = arithmetic_ == checker::Arithmetic::kReal;
  if (!found.violates_float && (!real || exact_budget_.fetch_sub(1) <= 0)) return std::nullopt;
  const std::optional<model::Violation> real_violation = RealViolation(input);
  found.violates_real = real_violation.has_value();
  if (real && !found.violates_real) return std::nullopt;
  found.case_index = (violation ? violation : real_violation)->case_index;
  return found;
}

Attacker::Attacker(const Query& query, const Confirmer& confirmer, BatchBounds& bounds, std::uint64_t seed)
    : query_(query),
      confirmer_(confirmer),
      bounds_(bounds),
      state_(seed),
      gradient_rows_(query.network.outputs() * kLanes) {}

// splitmix64 (Steele, Lea, Flood, "Fast splittable pseudorandom number generators", 2014).
double Attacker::Random() {
  std::uint64_t z = (state_ += 0x9e3779b97f4a7c15u);
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
  return static_cast<double>((z ^ (z >> 31)) >> 11) * 0x1p-53;
}

void Attacker::Clamp(const QueryCase& query_case, float* point) const {
  for (std::size_t i = 0; i < query_.network.inputs; ++i) {
    const float lower = static_cast<float>(query_case.attack_lower[i]);
    const float upper = static_cast<float>(query_case.attack_upper[i]);
    point[i] = std::min(std::max(point[i], lower), upper);
  }
}

std::optional<Counterexample> Attacker::Try(const QueryCase& query_case, const float* point) {
  std::vector<double> input(query_.network.inputs);
  for (std::size_t i = 0; i < input.size(); ++i) {
    input[i] = std::clamp(static_cast<double>(point[i]), query_case.attack_lower[i], query_case.attack_upper[i]);
  }
  return confirmer_.Confirm(input);
}

std::optional<Counterexample> Attacker::FromRandomPoints(const QueryCase& query_case, std::size_t conjunction) {
  const std::size_t inputs = query_.network.inputs;
  std::vector<float> points(kLanes * inputs);
  for (std::size_t lane = 0; lane < kLanes; ++lane) {
    const bool corner = lane % 4 == 0;
    for (std::size_t i = 0; i < inputs; ++i) {
      const double share = corner ? std::floor(2 * Random()) : Random();
      const double width = query_case.attack_upper[i] - query_case.attack_lower[i];
      points[lane * inputs + i] = static_cast<float>(query_case.attack_lower[i] + share * width);
    }
  }
  return FromPoints(query_case, conjunction, points, kDescentSteps);
}

std::optional<Counterexample> Attacker::FromPoints(const QueryCase& query_case, std::size_t conjunction,
                                                   std::vector<float>& points, int steps) {
  const std::size_t inputs = query_.network.inputs;
  best_loss_ = std::numeric_limits<float>::infinity();
  float step = 0.25f;
  for (int s = 0; s <= steps; ++s, step *= 0.88f) {
    if (std::optional<Counterexample> found = Evaluate(query_case, conjunction, points)) return found;
    if (s < steps) Descend(query_case, points, step);
  }
  // Where several rows are nearly equal their gradients pull to and fro; random steps around the best point go on.
  float reach = 0.1f;
  for (int s = 0; s < steps; ++s) {
    const float before = best_loss_;
    for (std::size_t lane = 0; lane < kLanes; ++lane) {
      for (std::size_t i = 0; i < inputs; ++i) {
        const float width = static_cast<float>(query_case.attack_upper[i] - query_case.attack_lower[i]);
        const float shift = static_cast<float>(2 * Random() - 1) * reach * width;
        points[lane * inputs + i] = best_point_[i] + (Random() < 0.5 ? shift : 0.0f);
      }
    }
    if (std::optional<Counterexample> found = Evaluate(query_case, conjunction, points)) return found;
    if (!(best_loss_ < before)) reach *= 0.85f;
  }
  return std::nullopt;
}

// Clamps the points, evaluates them, remembers the best one and each lane's largest row; confirms what looks like a
// counterexample.
std::optional<Counterexample> Attacker::Evaluate(const QueryCase& query_case, std::size_t conjunction,
                                                 std::vector<float>& points) {
  const std::size_t inputs = query_.network.inputs;
  const RowSet& rows = query_case.rows;
  for (std::size_t lane = 0; lane < kLanes; ++lane) {
    Clamp(query_case, &points[lane * inputs]);
    bounds_.SetPoint(lane, &points[lane * inputs]);
  }
  bounds_.Evaluate();
  for (std::size_t lane = 0; lane < kLanes; ++lane) {
    const float* point = &points[lane * inputs];
    float worst = -std::numeric_limits<float>::infinity();
    float scale = 0;
    worst_row_[lane] = query_case.first_row[conjunction];
    for (std::uint32_t r = query_case.first_row[conjunction]; r < query_case.first_row[conjunction + 1]; ++r) {
      const float value = RowValue(rows, r, lane, point);
      scale = std::max(scale, std::abs(rows.threshold[r]));
      if (!(value <= worst)) {  // not finite counts as well
        worst = value;
        worst_row_[lane] = r;
      }
    }
    if (!(worst > kNear * (1 + scale))) {
      if (std::optional<Counterexample> found = Try(query_case, point)) return found;
    }
    if (worst < best_loss_ || best_point_.empty()) {
      best_loss_ = worst;
      best_point_.assign(point, point + inputs);
    }
  }
  return std::nullopt;
}

float Attacker::RowValue(const RowSet& rows, std::uint32_t row, std::size_t lane, const float* point) const {
  float value = -rows.threshold[row];
  for (std::size_t j = 0; j < rows.outputs; ++j) {
    value += rows.coefficient[row * rows.outputs + j] * bounds_.output(j, lane);
  }
  for (std::size_t i = 0; i < rows.inputs && !rows.input_coefficient.empty(); ++i) {
    value += rows.input_coefficient[row * rows.inputs + i] * point[i];
  }
  return value;
}

// One step against the sign of the gradient of each lane's largest row. Requires Evaluate.
void Attacker::Descend(const QueryCase& query_case, std::vector<float>& points, float step) {
  const std::size_t inputs = query_.network.inputs;
  const RowSet& rows = query_case.rows;
  for (std::size_t j = 0; j < rows.outputs; ++j) {
    for (std::size_t lane = 0; lane < kLanes; ++lane) {
      gradient_rows_[j * kLanes + lane] = rows.coefficient[worst_row_[lane] * rows.outputs + j];
    }
  }
  bounds_.Gradient(gradient_rows_.data());
  for (std::size_t lane = 0; lane < kLanes; ++lane) {
    for (std::size_t i = 0; i < inputs; ++i) {
      float slope = bounds_.gradient(i, lane);
      if (!rows.input_coefficient.empty()) slope += rows.input_coefficient[worst_row_[lane] * inputs + i];
      const float width = static_cast<float>(query_case.attack_upper[i] - query_case.attack_lower[i]);
      const float direction = slope > 0 ? -1.0f : slope < 0 ? 1.0f : 0.0f;
      points[lane * inputs + i] += direction * step * width;
    }
  }
}

}  // namespace pawl::prover
