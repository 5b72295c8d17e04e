#include "prover/graph_attack.h"

#include <algorithm>
#include <cmath>
#include <utility>

namespace pawl::prover {

RowsOfCases AllRows(const checker::Claim& claim) {
  RowsOfCases all;
  for (std::size_t c = 0; c < claim.boxes.size(); ++c) {
    auto& conjunctions = all.emplace_back();
    for (std::size_t k = 0; k < claim.property->cases[c].unsafe.size(); ++k) {
      auto& rows = conjunctions.emplace_back();
      for (std::uint32_t r = 0; r < claim.property->cases[c].unsafe[k].size(); ++r) {
        Result<checker::RefutationRow> row = MakeRefutationRow(claim, c, k, {{r, checker::kUnitMultiplier}});
        if (!row.ok()) return {};
        rows.push_back(std::move(*row));
      }
    }
  }
  return all;
}

GraphAttack::GraphAttack(const checker::Claim& claim, const Query& query, const RowsOfCases& rows,
                         const Confirmer& confirmer, std::uint64_t seed)
    : claim_(claim), query_(query), rows_(rows), confirmer_(confirmer), pass_(claim), random_(seed) {}

double GraphAttack::ValueOf(const checker::RefutationRow& row) const {
  double value = -row.bound;
  for (std::size_t k = 0; k < row.coefficients.size(); ++k)
    value += row.coefficients[k] * pass_.value(claim_.output)[k];
  for (const auto& term : row.inputs) value += term.coefficient * pass_.value(0)[term.input];
  return value;
}

std::size_t GraphAttack::LargestRow(std::size_t case_index, std::size_t conjunction) const {
  const std::vector<checker::RefutationRow>& rows = rows_[case_index][conjunction];
  std::size_t largest = 0;
  for (std::size_t r = 1; r < rows.size(); ++r)
    if (ValueOf(rows[r]) > ValueOf(rows[largest])) largest = r;
  return largest;
}

std::optional<Counterexample> GraphAttack::Try(std::size_t case_index, std::vector<double>& point) {
  const QueryCase& box = query_.cases[case_index];
  for (std::size_t j = 0; j < point.size(); ++j) {
    const double rounded = query_.single_precision ? static_cast<double>(static_cast<float>(point[j])) : point[j];
    point[j] = box.attackable() ? std::clamp(rounded, box.attack_lower[j], box.attack_upper[j]) : rounded;
  }
  pass_.Evaluate(point);
  if (!box.attackable()) return std::nullopt;
  constexpr double kNear = 1e-6;
  for (std::size_t k = 0; k < rows_[case_index].size(); ++k) {
    const checker::RefutationRow& row = rows_[case_index][k][LargestRow(case_index, k)];
    if (ValueOf(row) > kNear * (1 + std::abs(row.bound))) continue;  // NaN counts
    if (std::optional<Counterexample> found = confirmer_.Confirm(point)) return found;
  }
  return std::nullopt;
}

std::vector<double> GraphAttack::Gradient(const checker::RefutationRow& row) {
  for (const auto& term : row.inputs) pass_.AddToRow(0, term.input, term.coefficient);
  pass_.Pull(row.coefficients, nullptr);
  return pass_.coefficients(0);
}

std::optional<Counterexample> GraphAttack::Descend(std::size_t case_index, std::size_t conjunction,
                                                   std::vector<double> point, int steps) {
  const QueryCase& box = query_.cases[case_index];
  if (!box.attackable()) return std::nullopt;
  if (point.empty()) {
    const bool corner = random_() % 3 == 0;
    for (std::size_t j = 0; j < claim_.input_count(); ++j) {
      const double share =
          corner ? static_cast<double>(random_() % 2) : std::uniform_real_distribution<double>(0, 1)(random_);
      point.push_back(std::lerp(box.attack_lower[j], box.attack_upper[j], share));
    }
  }
  double step = 0.25;
  for (int s = 0; s <= steps; ++s, step *= 0.85) {
    if (std::optional<Counterexample> found = Try(case_index, point)) return found;
    const std::vector<double> gradient = Gradient(rows_[case_index][conjunction][LargestRow(case_index, conjunction)]);
    for (std::size_t j = 0; j < point.size(); ++j) {
      const double direction = gradient[j] > 0 ? -1 : gradient[j] < 0 ? 1 : 0;
      point[j] += direction * step * (box.attack_upper[j] - box.attack_lower[j]);
    }
  }
  return std::nullopt;
}

}  // namespace pawl::prover
