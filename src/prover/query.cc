#include "prover/query.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

namespace pawl::prover {
namespace {

using checker::Arithmetic;

// Rounding a decimal to the nearest number of the format is monotone, so the box holds what every real point rounds to.
void RootInterval(const model::InputRange& range, Arithmetic arithmetic, double& lower, double& upper) {
  double smallest_normal = 0;
  switch (arithmetic) {
    case Arithmetic::kReal:
      lower = range.lower.EncloseFloat64().lower;
      upper = range.upper.EncloseFloat64().upper;
      return;
    case Arithmetic::kFloat32:
      lower = range.lower.NearestFloat32();
      upper = range.upper.NearestFloat32();
      smallest_normal = static_cast<double>(std::numeric_limits<float>::min());
      break;
    case Arithmetic::kFloat64:
      lower = range.lower.NearestFloat64();
      upper = range.upper.NearestFloat64();
      smallest_normal = std::numeric_limits<double>::min();
      break;
  }
  if (lower > 0 && lower < smallest_normal) lower = 0;
  if (upper < 0 && upper > -smallest_normal) upper = 0;
}

// The next number of the element type, upward or downward.
double Neighbour(double value, model::ElementType type, double towards) {
  switch (type) {
    case model::ElementType::kFloat32:
      return static_cast<double>(std::nextafter(static_cast<float>(value), static_cast<float>(towards)));
    case model::ElementType::kFloat64:
      return std::nextafter(value, towards);
  }
  return value;
}

void AttackInterval(const model::InputRange& range, model::ElementType type, double& lower, double& upper) {
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  const bool single = type == model::ElementType::kFloat32;
  lower = (single ? range.lower.EncloseFloat32() : range.lower.EncloseFloat64()).upper;
  upper = (single ? range.upper.EncloseFloat32() : range.upper.EncloseFloat64()).lower;
  if (range.lower_strict && range.lower.Compare(lower) == 0) lower = Neighbour(lower, type, kInfinity);
  if (range.upper_strict && range.upper.Compare(upper) == 0) upper = Neighbour(upper, type, -kInfinity);
}

void AppendRow(const model::Row& row, RowSet& rows) {
  const std::size_t index = rows.count();
  rows.coefficient.resize((index + 1) * rows.outputs, 0.0f);
  rows.magnitude.resize((index + 1) * rows.outputs, 0.0f);
  if (!rows.input_coefficient.empty()) rows.input_coefficient.resize((index + 1) * rows.inputs, 0.0f);
  for (const model::Term& term : row.terms) {
    const float value = static_cast<float>(term.coefficient.NearestFloat32());
    if (term.variable >= rows.inputs) {
      const std::size_t output = index * rows.outputs + term.variable - rows.inputs;
      rows.coefficient[output] = value;
      rows.magnitude[output] = std::abs(value);
      continue;
    }
    rows.input_coefficient.resize((index + 1) * rows.inputs, 0.0f);
    rows.input_coefficient[index * rows.inputs + term.variable] = value;
  }
  rows.threshold.push_back(static_cast<float>(row.bound.NearestFloat32()));
}

QueryCase MakeCase(const model::Case& source, const model::Property& property, Arithmetic arithmetic,
                   model::ElementType type) {
  QueryCase result;
  const std::size_t inputs = source.box.size();
  for (std::vector<double>* bounds : {&result.lower, &result.upper, &result.attack_lower, &result.attack_upper}) {
    bounds->resize(inputs);
  }
  for (std::size_t i = 0; i < inputs; ++i) {
    RootInterval(source.box[i], arithmetic, result.lower[i], result.upper[i]);
    AttackInterval(source.box[i], type, result.attack_lower[i], result.attack_upper[i]);
  }
  result.rows.inputs = property.input_count;
  result.rows.outputs = property.output_count;
  result.first_row.push_back(0);
  for (const model::Conjunction& conjunction : source.unsafe) {
    for (const model::Row& row : conjunction) AppendRow(row, result.rows);
    result.first_row.push_back(static_cast<std::uint32_t>(result.rows.count()));
  }
  if (!result.rows.input_coefficient.empty()) {
    result.rows.input_coefficient.resize(result.rows.count() * result.rows.inputs, 0.0f);
  }
  return result;
}

}  // namespace

bool QueryCase::attackable() const {
  for (std::size_t i = 0; i < attack_lower.size(); ++i) {
    if (!(attack_lower[i] <= attack_upper[i])) return false;
  }
  return true;
}

void SetCases(const model::Network& network, const model::Property& property, Arithmetic arithmetic, Query& query) {
  query.cases.clear();
  query.rows_max = 0;
  for (const model::Case& source : property.cases) {
    query.cases.push_back(MakeCase(source, property, arithmetic, network.element_type()));
    query.rows_max = std::max(query.rows_max, query.cases.back().rows.count());
  }
}

Query MakeQuery(const model::Network& network, const model::Property& property, const checker::Claim& claim) {
  Query query;
  if (Result<FlatNetwork> flat = Flatten(claim); flat.ok()) query.network = std::move(*flat);
  query.single_precision = network.element_type() == model::ElementType::kFloat32;
  SetCases(network, property, claim.arithmetic, query);
  return query;
}

}  // namespace pawl::prover
