// Small networks and properties for tests: as plain numbers, as ONNX and VNN-LIB bytes, and evaluated exactly.
#pragma once

#include <gmpxx.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "checker/claim.h"
#include "model/network.h"
#include "model/onnx_writer_for_test.h"
#include "model/property.h"
#include "prover/prover.h"

namespace pawl::prover {

// Fully connected layers; ReLU after all but the last.
struct PlainNetwork {
  struct Layer {
    std::size_t inputs = 0, outputs = 0;
    std::vector<float> weight;  // [outputs][inputs]
    std::vector<float> bias;    // [outputs]
  };
  std::vector<Layer> layers;

  std::size_t inputs() const { return layers.front().inputs; }
  std::size_t outputs() const { return layers.back().outputs; }

  std::string ToOnnx() const {
    namespace onnx = model::onnx;
    std::vector<std::string> nodes, constants;
    std::string value = "x";
    for (std::size_t l = 0; l < layers.size(); ++l) {
      const Layer& layer = layers[l];
      const std::string id = std::to_string(l);
      const std::int64_t rows = static_cast<std::int64_t>(layer.outputs);
      const std::int64_t columns = static_cast<std::int64_t>(layer.inputs);
      constants.push_back(onnx::Tensor<float>("w" + id, {rows, columns}, layer.weight));
      constants.push_back(onnx::Tensor<float>("b" + id, {rows}, layer.bias));
      nodes.push_back(
          onnx::Node("Gemm", {value, "w" + id, "b" + id}, {"z" + id}, {onnx::IntegerAttribute("transB", 1)}));
      value = "z" + id;
      if (l + 1 == layers.size()) break;
      nodes.push_back(onnx::Node("Relu", {value}, {"a" + id}));
      value = "a" + id;
    }
    const std::int64_t width = static_cast<std::int64_t>(inputs());
    const std::int64_t height = static_cast<std::int64_t>(outputs());
    return onnx::Model(
        onnx::Graph(nodes, constants, {onnx::Value("x", {1, width})}, {onnx::Value(value, {1, height})}));
  }

  // T: float for one single precision evaluation, mpq_class for the exact one.
  template <typename T>
  std::vector<T> Evaluate(std::vector<T> x) const {
    for (std::size_t l = 0; l < layers.size(); ++l) {
      const Layer& layer = layers[l];
      std::vector<T> y;
      for (std::size_t i = 0; i < layer.outputs; ++i) {
        T sum = T(0);
        for (std::size_t k = 0; k < layer.inputs; ++k) sum += T(layer.weight[i * layer.inputs + k]) * x[k];
        sum += T(layer.bias[i]);
        y.push_back(l + 1 < layers.size() && sum < T(0) ? T(0) : sum);
      }
      x = std::move(y);
    }
    return x;
  }
};

// Inputs in a box; unsafe where row·y <= threshold for all rows. Numbers are decimals as they stand in the file.
struct PlainProperty {
  struct Row {
    std::vector<int> coefficient;
    std::string threshold;
  };
  std::vector<std::string> lower, upper;
  std::vector<Row> rows;
  std::size_t outputs = 0;

  std::string ToVnnlib() const {
    std::string text;
    for (std::size_t i = 0; i < lower.size(); ++i) text += "(declare-const X_" + std::to_string(i) + " Real)\n";
    for (std::size_t j = 0; j < outputs; ++j) text += "(declare-const Y_" + std::to_string(j) + " Real)\n";
    for (std::size_t i = 0; i < lower.size(); ++i) {
      text += "(assert (>= X_" + std::to_string(i) + " " + lower[i] + "))\n";
      text += "(assert (<= X_" + std::to_string(i) + " " + upper[i] + "))\n";
    }
    for (const Row& row : rows) {
      text += "(assert (<= (+ 0";
      for (std::size_t j = 0; j < outputs; ++j) {
        text += " (* " + std::to_string(row.coefficient[j]) + " Y_" + std::to_string(j) + ")";
      }
      text += ") " + row.threshold + "))\n";
    }
    return text;
  }
};

// "-1.25" as a rational.
inline mpq_class Rational(const std::string& decimal) {
  const std::size_t point = decimal.find('.');
  if (point == std::string::npos) return mpq_class(decimal);
  std::string digits = decimal;
  digits.erase(point, 1);
  mpq_class value(mpz_class(digits, 10), mpz_class("1" + std::string(decimal.size() - point - 1, '0'), 10));
  value.canonicalize();
  return value;
}

inline std::string FixedDecimal(double value) {
  char text[64];
  std::snprintf(text, sizeof text, "%.9f", value);
  return text;
}

inline double Uniform(std::mt19937_64& random, double lower, double upper) {
  return lower + (upper - lower) * static_cast<double>(random() >> 11) * 0x1p-53;
}

// Weights as they are after training: normal, scaled by the number of inputs.
inline PlainNetwork RandomNetwork(std::mt19937_64& random, const std::vector<std::size_t>& sizes) {
  PlainNetwork network;
  for (std::size_t l = 0; l + 1 < sizes.size(); ++l) {
    PlainNetwork::Layer layer{sizes[l], sizes[l + 1], {}, {}};
    std::normal_distribution<float> weight(0.0f, std::sqrt(2.0f / static_cast<float>(sizes[l])));
    std::normal_distribution<float> bias(0.0f, 0.3f);
    for (std::size_t i = 0; i < layer.inputs * layer.outputs; ++i) layer.weight.push_back(weight(random));
    for (std::size_t i = 0; i < layer.outputs; ++i) layer.bias.push_back(bias(random));
    network.layers.push_back(std::move(layer));
  }
  return network;
}

// y_0 = Σ_k |a_k·(x − x*)| pushed through `depth` further layers with non-negative weights: its smallest value is 0 and
// is reached at x* (among others, perhaps). All weights are small multiples of 1/8, so the minimum is exact in every
// arithmetic.
struct PlantedMinimum {
  PlainNetwork network;
  std::vector<double> minimiser;
};

inline PlantedMinimum PlantMinimum(std::mt19937_64& random, std::size_t inputs, std::size_t directions,
                                   std::size_t depth) {
  PlantedMinimum planted;
  const auto eighths = [&](int lowest, int highest) {
    const int range = highest - lowest + 1;
    return static_cast<float>(lowest + static_cast<int>(random() % static_cast<unsigned>(range))) / 8.0f;
  };
  for (std::size_t i = 0; i < inputs; ++i) planted.minimiser.push_back(static_cast<double>(eighths(-4, 4)));
  PlainNetwork::Layer first{inputs, 2 * directions, {}, {}};
  for (std::size_t k = 0; k < directions; ++k) {
    std::vector<float> direction;
    float product = 0;
    for (std::size_t i = 0; i < inputs; ++i) {
      direction.push_back(eighths(-8, 8));
      product += direction.back() * static_cast<float>(planted.minimiser[i]);
    }
    for (const float sign : {1.0f, -1.0f}) {
      for (const float weight : direction) first.weight.push_back(sign * weight);
      first.bias.push_back(-sign * product);
    }
  }
  std::size_t width = first.outputs;
  planted.network.layers.push_back(std::move(first));
  for (std::size_t d = 0; d <= depth; ++d) {
    PlainNetwork::Layer layer{width, d == depth ? 1 : directions, {}, {}};
    for (std::size_t i = 0; i < layer.inputs * layer.outputs; ++i) layer.weight.push_back(eighths(0, 4));
    layer.bias.assign(layer.outputs, 0.0f);
    width = layer.outputs;
    planted.network.layers.push_back(std::move(layer));
  }
  return planted;
}

// Read back through the readers; both must succeed.
inline model::Network ReadBack(const PlainNetwork& network) {
  const std::string bytes = network.ToOnnx();
  Result<model::Network> read = model::ReadOnnx(model::onnx::AsBytes(bytes), {});
  return std::move(read).value();
}
inline model::Property ReadBack(const PlainProperty& property) {
  Result<model::Property> read = model::ReadVnnlib(property.ToVnnlib(), {});
  return std::move(read).value();
}

// A search that takes a while: over `inputs` inputs, with a threshold a little below the sampled minimum.
struct TightProblem {
  PlainNetwork plain;
  model::Network network;
  model::Property property;

  TightProblem(std::size_t inputs, const std::vector<std::size_t>& hidden, double slack) {
    std::mt19937_64 random(11);
    std::vector<std::size_t> sizes = {inputs};
    sizes.insert(sizes.end(), hidden.begin(), hidden.end());
    sizes.push_back(2);
    plain = RandomNetwork(random, sizes);
    PlainProperty unsafe;
    unsafe.outputs = 2;
    unsafe.lower.assign(inputs, "-0.1");
    unsafe.upper.assign(inputs, "0.1");
    double smallest = 1e30;
    for (int i = 0; i < 3000; ++i) {
      std::vector<double> x;
      for (std::size_t j = 0; j < inputs; ++j) x.push_back(random() % 2 == 0 ? -0.1 : 0.1);
      const std::vector<double> y = plain.Evaluate<double>(x);
      smallest = std::min(smallest, y[0] - y[1]);
    }
    unsafe.rows.push_back({{1, -1}, FixedDecimal(smallest - slack)});
    network = ReadBack(plain);
    property = ReadBack(unsafe);
  }

  ProofRequest Request() const { return RequestFor(network); }
  // The same question about another network.
  ProofRequest RequestFor(const model::Network& other) const {
    ProofRequest request;
    request.network = &other;
    request.property = &property;
    request.network_digest.fill(1);
    request.property_digest.fill(2);
    request.threads = 1;
    request.timeout_ms = 60'000;
    return request;
  }
};

// The network alone, with a property of no case.
inline checker::Claim ClaimOf(const model::Network& network, checker::Arithmetic arithmetic) {
  model::Property property;
  property.input_count = network.input_size();
  property.output_count = network.output_size();
  return *checker::PrepareClaim(network, property, arithmetic);
}

// Whether the counterexample's inputs lie in the box and its exact outputs satisfy every row.
inline bool ViolatesExactly(const PlainNetwork& network, const PlainProperty& property,
                            const std::vector<double>& input) {
  std::vector<mpq_class> x;
  for (std::size_t i = 0; i < input.size(); ++i) {
    x.emplace_back(input[i]);
    if (x[i] < Rational(property.lower[i]) || x[i] > Rational(property.upper[i])) return false;
  }
  const std::vector<mpq_class> y = network.Evaluate<mpq_class>(x);
  for (const PlainProperty::Row& row : property.rows) {
    mpq_class sum = 0;
    for (std::size_t j = 0; j < y.size(); ++j) sum += row.coefficient[j] * y[j];
    if (sum > Rational(row.threshold)) return false;
  }
  return true;
}

}  // namespace pawl::prover
