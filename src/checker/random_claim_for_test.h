// Random properties, points of their boxes, and exact evaluation of networks and rows there. For tests of bounds.
#pragma once

#include <gmpxx.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <random>
#include <string>
#include <vector>

#include "checker/claim.h"
#include "checker/proof_search_for_test.h"
#include "model/network.h"
#include "model/property.h"
#include "model/vector_program.h"

namespace pawl::checker {

inline model::Network Read(const std::string& bytes) {
  Result<model::Network> network = model::ReadOnnx(AsBytes(bytes), {});
  if (!network.ok()) ADD_FAILURE() << network.error().message;
  return *network;
}

inline model::Property Parse(const std::string& text) {
  Result<model::Property> property = model::ReadVnnlib(text, {});
  if (!property.ok()) ADD_FAILURE() << property.error().message;
  return *property;
}

// A row Σ a·y + Σ b·x ≤ bound with random coefficients over a random box; the box is the property's only case.
inline model::Property RandomProperty(std::mt19937_64& random, std::size_t inputs, std::size_t outputs) {
  const auto decimal = [](double value) { return model::Decimal::FromDouble(value); };
  std::normal_distribution<double> normal(0, 1);
  model::Property property;
  property.input_count = inputs;
  property.output_count = outputs;
  model::Case& c = property.cases.emplace_back();
  const double scale = std::ldexp(1.0, static_cast<int>(random() % 9) - 6) * (random() % 40 == 0 ? 0x1p-130 : 1);
  const bool is_point = random() % 8 == 0;  // so that nothing but rounding is left to be bounded
  for (std::size_t j = 0; j < inputs; ++j) {
    const double centre = normal(random) * (scale < 1e-30 ? scale : 1.0);
    const double radius = is_point || random() % 5 == 0 ? 0 : std::abs(normal(random)) * scale;
    c.box.push_back({decimal(centre - radius), decimal(centre + radius), false, false});
  }
  model::Row row;
  for (std::size_t v = 0; v < inputs + outputs; ++v) {
    if (v < inputs && random() % 3 != 0) continue;
    row.terms.push_back({v, *model::Decimal::Parse(std::to_string(normal(random) + 3), 100)});
  }
  row.bound = decimal(normal(random));
  c.unsafe.push_back({row});
  return property;
}

inline std::vector<mpq_class> ExactValue(const model::VectorProgram& program, const std::vector<double>& input,
                                         std::vector<std::vector<mpq_class>>& values) {
  values.assign(1, std::vector<mpq_class>(input.begin(), input.end()));
  for (const model::Operation& o : program.operations) {
    const std::vector<mpq_class>& x = values[o.inputs[0]];
    std::vector<mpq_class> y(o.size);
    for (std::size_t i = 0; i < o.size; ++i) {
      switch (o.kind) {
        case model::OperationKind::kAffine:
          for (std::size_t j = 0; j < o.columns; ++j) y[i] += mpq_class(o.weights[i * o.columns + j]) * x[j];
          y[i] *= mpq_class(o.alpha);
          if (!o.bias.empty()) y[i] += mpq_class(o.beta) * mpq_class(o.bias[i]);
          break;
        case model::OperationKind::kElementwise:
          y[i] = x[i] * (o.scale.empty() ? mpq_class(1) : mpq_class(o.scale[i]));
          if (!o.offset.empty()) y[i] += mpq_class(o.offset[i]);
          break;
        case model::OperationKind::kRelu:
          y[i] = x[i] > 0 ? x[i] : mpq_class(0);
          break;
        case model::OperationKind::kSum:
          y[i] = o.subtract ? mpq_class(x[i] - values[o.inputs[1]][i]) : mpq_class(x[i] + values[o.inputs[1]][i]);
          break;
      }
    }
    values.push_back(std::move(y));
  }
  return values[program.output];
}

inline mpq_class RowValue(const RefutationRow& row, const std::vector<double>& x, const std::vector<mpq_class>& y) {
  mpq_class value = -mpq_class(row.bound);
  for (std::size_t k = 0; k < y.size(); ++k) value += mpq_class(row.coefficients[k]) * y[k];
  for (const auto& t : row.inputs) value += mpq_class(t.coefficient) * mpq_class(x[t.input]);
  return value;
}

inline std::vector<double> DrawPoint(std::mt19937_64& random, const RootBox& box) {
  std::vector<double> x;
  for (std::size_t j = 0; j < box.lower.size(); ++j) {
    const double t = std::uniform_real_distribution<double>(0, 1)(random);
    const std::size_t where = random() % 4;
    const double value = where == 0   ? box.lower[j]
                         : where == 1 ? box.upper[j]
                                      : std::lerp(box.lower[j], box.upper[j], t);
    x.push_back(std::clamp(value, box.lower[j], box.upper[j]));
  }
  return x;
}

}  // namespace pawl::checker
