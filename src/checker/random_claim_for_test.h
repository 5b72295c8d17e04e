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
#include "model/random_graph_for_test.h"
#include "model/random_network_for_test.h"

namespace pawl::checker {

inline model::Network Read(const std::string& bytes) {
  Result<model::Network> network = model::ReadOnnx(AsBytes(bytes), {});
  if (!network.ok()) ADD_FAILURE() << network.error().message;
  return *network;
}

// Half of them layers and residual sums over few neurons, half small graphs of every operator.
inline model::Network RandomModel(std::uint64_t seed) {
  if (seed / 4 % 2 == 0) return Read(model::onnx::RandomNetwork(seed, model::onnx::Variety::kEverything).Bytes());
  for (;; seed += 1'000'000) {
    model::Network network = Read(model::onnx::RandomGraph(seed, model::onnx::Dialect::kEverything).Bytes());
    if (network.input_size() <= 60) return network;
  }
}

// What a deployed value may lack of the bounded one, which is left to whatever reads it: flushed to zero by an operator
// that is otherwise exact.
inline double FlushedAway(const Claim& claim, std::size_t value) {
  if (value == 0) return 0;
  const StepKind kind = claim.steps[value - 1].kind;
  return kind == StepKind::kRelu || kind == StepKind::kMaximum || kind == StepKind::kSelect ? claim.format.normal_min
                                                                                            : 0;
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

// All values, exactly; of square roots, Sigmoid and Tanh the nearest long double, which is far closer than any bound.
class ExactEvaluation {
 public:
  using Values = std::vector<std::vector<mpq_class>>;

  explicit ExactEvaluation(const model::Network& network) : network_(network) {}

  Values operator()(const std::vector<double>& input) {
    Values values(1, std::vector<mpq_class>(input.begin(), input.end()));
    for (const model::VectorNode& node : network_.graph.nodes) {
      std::vector<mpq_class> y(node.size);
      std::visit([&](const auto& function) { Apply(function, node, values, y); }, node.function);
      values.push_back(std::move(y));
    }
    return values;
  }

 private:
  using Vector = std::vector<mpq_class>;

  mpq_class At(std::size_t tensor, std::size_t i) const { return mpq_class(network_.tensors[tensor].values[i]); }
  static mpq_class Rational(long double value) {
    const auto high = static_cast<double>(value);
    return mpq_class(high) + mpq_class(static_cast<double>(value - static_cast<long double>(high)));
  }

  void Apply(const model::Dense& dense, const model::VectorNode& node, const Values& values, Vector& y) {
    for (std::size_t i = 0; i < y.size(); ++i) {
      for (std::size_t j = 0; j < dense.columns; ++j)
        y[i] += At(dense.weights, i * dense.row_step + j * dense.column_step) * values[node.inputs[0]][j];
      y[i] *= mpq_class(dense.alpha);
      if (dense.bias != model::kNoConstant) y[i] += mpq_class(dense.beta) * At(dense.bias, i * dense.bias_step);
    }
  }
  void Apply(const model::Convolution& c, const model::VectorNode& node, const Values& values, Vector& y) {
    const std::size_t kernel = c.window.KernelSize(), input = c.window.InputSize(), positions = c.window.OutputSize();
    const std::size_t group_inputs = c.input_channels / c.groups, group_outputs = c.output_channels / c.groups;
    std::vector<model::WindowTap> taps;
    for (std::size_t p = 0; p < positions; ++p) {
      c.window.Taps(p, taps);
      for (std::size_t m = 0; m < c.output_channels; ++m) {
        mpq_class& sum = y[m * positions + p];
        for (std::size_t k = 0; k < group_inputs; ++k)
          for (const model::WindowTap& tap : taps)
            sum += At(c.weights, (m * group_inputs + k) * kernel + tap.kernel) *
                   values[node.inputs[0]][(m / group_outputs * group_inputs + k) * input + tap.input];
        if (c.bias != model::kNoConstant) sum += At(c.bias, m);
        if (!c.divisors.empty()) sum /= mpq_class(c.divisors[p]);
      }
    }
  }
  void Apply(const model::Elementwise& e, const model::VectorNode& node, const Values& values, Vector& y) {
    for (std::size_t i = 0; i < y.size(); ++i) {
      const mpq_class &x = values[node.inputs[0]][i], c = At(e.constant, i * e.constant_step);
      switch (e.form) {
        case model::Elementwise::Form::kAdd:
          y[i] = x + c;
          break;
        case model::Elementwise::Form::kSubtract:
          y[i] = x - c;
          break;
        case model::Elementwise::Form::kSubtractFrom:
          y[i] = c - x;
          break;
        case model::Elementwise::Form::kMultiply:
          y[i] = x * c;
          break;
        case model::Elementwise::Form::kDivide:
          y[i] = x / c;
          break;
      }
    }
  }
  void Apply(const model::BatchNormalization& n, const model::VectorNode& node, const Values& values, Vector& y) {
    for (std::size_t i = 0; i < y.size(); ++i) {
      const std::size_t c = i / n.channel_size;
      const long double variance =
          static_cast<long double>(network_.tensors[n.variance].values[c]) + static_cast<long double>(n.epsilon);
      y[i] =
          At(n.scale, c) * (values[node.inputs[0]][i] - At(n.mean, c)) / Rational(std::sqrt(variance)) + At(n.bias, c);
    }
  }
  void Apply(const model::Sum& sum, const model::VectorNode& node, const Values& values, Vector& y) {
    for (std::size_t i = 0; i < y.size(); ++i)
      y[i] = values[node.inputs[0]][i] + mpq_class(sum.second_sign) * values[node.inputs[1]][i];
  }
  void Apply(const model::Select& select, const model::VectorNode& node, const Values& values, Vector& y) {
    Vector list;
    for (const std::size_t input : node.inputs) list.insert(list.end(), values[input].begin(), values[input].end());
    for (const std::size_t constant : select.constants)
      for (const double value : network_.tensors[constant].values) list.emplace_back(value);
    for (std::size_t i = 0; i < y.size(); ++i) y[i] = list[select.source[i]];
  }
  void Apply(const model::Maximum& maximum, const model::VectorNode& node, const Values& values, Vector& y) {
    const Vector& x = values[node.inputs[0]];
    for (std::size_t i = 0; i < y.size(); ++i) {
      y[i] = x[maximum.members[maximum.begin[i]]];
      for (std::uint32_t k = maximum.begin[i]; k < maximum.begin[i + 1]; ++k)
        if (x[maximum.members[k]] > y[i]) y[i] = x[maximum.members[k]];
    }
  }
  void Apply(const model::Activation& a, const model::VectorNode& node, const Values& values, Vector& y) {
    for (std::size_t i = 0; i < y.size(); ++i) {
      const mpq_class& x = values[node.inputs[0]][i];
      const double near = x.get_d();
      const long double wide = static_cast<long double>(near) + static_cast<long double>(mpq_class(x - near).get_d());
      switch (a.form) {
        case model::Activation::Form::kRelu:
          y[i] = x > 0 ? x : mpq_class(0);
          break;
        case model::Activation::Form::kLeakyRelu:
          y[i] = x >= 0 ? x : mpq_class(mpq_class(a.slope) * x);
          break;
        case model::Activation::Form::kClip:
          y[i] = near < a.lower ? mpq_class(a.lower) : near > a.upper ? mpq_class(a.upper) : x;
          break;
        case model::Activation::Form::kSigmoid:
          y[i] = Rational(1 / (1 + std::exp(-wide)));
          break;
        case model::Activation::Form::kTanh:
          y[i] = Rational(std::tanh(wide));
          break;
      }
    }
  }

  const model::Network& network_;
};

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
