#include "prover/counterexample.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "model/evaluation.h"

namespace pawl::prover {
namespace {

using model::Decimal;

bool InBox(const model::Case& source, const std::vector<double>& input) {
  for (std::size_t i = 0; i < input.size(); ++i) {
    const int below = source.box[i].lower.Compare(input[i]);
    const int above = source.box[i].upper.Compare(input[i]);
    if (below > 0 || above < 0) return false;
    if ((below == 0 && source.box[i].lower_strict) || (above == 0 && source.box[i].upper_strict)) return false;
  }
  return true;
}

bool Holds(const model::Row& row, const std::vector<double>& input, const std::vector<Decimal>& output) {
  Decimal sum;
  for (const model::Term& term : row.terms) {
    const bool is_input = term.variable < input.size();
    sum = sum + term.coefficient *
                    (is_input ? Decimal::FromDouble(input[term.variable]) : output[term.variable - input.size()]);
  }
  return row.strict ? sum < row.bound : sum <= row.bound;
}

bool ViolatesExactly(const model::Property& property, const std::vector<double>& input,
                     const std::vector<Decimal>& output) {
  for (const model::Case& source : property.cases) {
    if (!InBox(source, input)) continue;
    for (const model::Conjunction& conjunction : source.unsafe) {
      const bool all = std::all_of(conjunction.begin(), conjunction.end(),
                                   [&](const model::Row& row) { return Holds(row, input, output); });
      if (all) return true;
    }
  }
  return false;
}

std::vector<Decimal> ApplyExactly(const model::Operation& op, const std::vector<Decimal>& x,
                                  const std::vector<Decimal>& second) {
  std::vector<Decimal> y(op.size);
  switch (op.kind) {
    case model::OperationKind::kAffine: {
      const Decimal alpha = Decimal::FromDouble(op.alpha);
      const Decimal beta = Decimal::FromDouble(op.beta);
      for (std::size_t i = 0; i < op.rows; ++i) {
        Decimal sum;
        for (std::size_t k = 0; k < op.columns; ++k) {
          const double weight = op.weights[i * op.columns + k];
          if (weight != 0 && x[k].Sign() != 0) sum = sum + Decimal::FromDouble(weight) * x[k];
        }
        if (op.alpha != 1.0) sum = alpha * sum;
        if (!op.bias.empty()) sum = sum + beta * Decimal::FromDouble(op.bias[i]);
        y[i] = std::move(sum);
      }
      return y;
    }
    case model::OperationKind::kElementwise:
      for (std::size_t i = 0; i < op.size; ++i) {
        y[i] = op.scale.empty() ? x[i] : Decimal::FromDouble(op.scale[i]) * x[i];
        if (!op.offset.empty()) y[i] = y[i] + Decimal::FromDouble(op.offset[i]);
      }
      return y;
    case model::OperationKind::kRelu:
      for (std::size_t i = 0; i < op.size; ++i) y[i] = x[i].Sign() > 0 ? x[i] : Decimal();
      return y;
    case model::OperationKind::kSum:
      for (std::size_t i = 0; i < op.size; ++i) y[i] = op.subtract ? x[i] - second[i] : x[i] + second[i];
      return y;
  }
  return y;
}

constexpr int kExactBudget = 2000;
constexpr int kDescentSteps = 40;
// A value this close to the threshold is worth an exact evaluation.
constexpr float kNear = 1e-6f;

}  // namespace

std::vector<Decimal> EvaluateExactly(const model::VectorProgram& program, const std::vector<double>& input) {
  std::vector<std::vector<Decimal>> value(program.operations.size() + 1);
  for (const double x : input) value[0].push_back(Decimal::FromDouble(x));
  for (std::size_t i = 0; i < program.operations.size(); ++i) {
    const model::Operation& op = program.operations[i];
    value[i + 1] = ApplyExactly(op, value[op.inputs.front()], value[op.inputs.back()]);
  }
  return value[program.output];
}

Confirmer::Confirmer(const model::Network& network, const model::VectorProgram& program,
                     const model::Property& property, checker::Arithmetic arithmetic)
    : network_(network), program_(program), property_(property), arithmetic_(arithmetic), exact_budget_(kExactBudget) {}

std::optional<Counterexample> Confirmer::Confirm(const std::vector<double>& input) const {
  const Result<std::vector<double>> output = model::EvaluateReference(network_, input);
  if (!output.ok()) return std::nullopt;
  Counterexample found;
  const std::optional<model::Violation> violation = model::FindViolation(property_, input, *output);
  found.violates_float = violation.has_value();
  const bool real = arithmetic_ == checker::Arithmetic::kReal;
  if (!found.violates_float && (!real || exact_budget_.fetch_sub(1) <= 0)) return std::nullopt;
  found.violates_real = ViolatesExactly(property_, input, EvaluateExactly(program_, input));
  if (real && !found.violates_real) return std::nullopt;
  found.inputs = input;
  found.outputs = *output;
  for (std::size_t i = 0; i < property_.cases.size(); ++i) {
    if (InBox(property_.cases[i], input)) found.case_index = i;
  }
  if (violation.has_value()) found.case_index = violation->case_index;
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
