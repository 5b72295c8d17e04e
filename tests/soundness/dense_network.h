// What the suites here share: dense networks as plain numbers, their bytes, certificates written by hand, and a
// question to the checker as its users ask it: bytes in, verdict out. Nothing of the checker's inside is used.
#pragma once

#include <openssl/sha.h>

#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <random>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "checker/certificate.h"
#include "checker/checker.h"
#include "model/network.h"
#include "model/onnx_writer_for_test.h"
#include "model/property.h"

namespace pawl::soundness {

// z = alpha·W·x + beta·b, then ReLU or not.
struct DenseLayer {
  std::vector<std::vector<float>> weights;  // [to][from]
  std::vector<float> bias;
  float alpha = 1, beta = 1;
  bool relu = true;
};

struct DenseNetwork {
  std::vector<DenseLayer> layers;

  std::size_t inputs() const { return layers.front().weights.front().size(); }
  std::size_t outputs() const { return layers.back().weights.size(); }

  std::string ToOnnx() const {
    namespace onnx = model::onnx;
    std::vector<std::string> nodes, constants;
    std::string value = "x";
    std::size_t from = inputs();
    for (std::size_t l = 0; l < layers.size(); ++l) {
      const DenseLayer& layer = layers[l];
      const std::string id = std::to_string(l);
      const auto rows = static_cast<std::int64_t>(layer.weights.size()), columns = static_cast<std::int64_t>(from);
      std::vector<float> flat;
      for (const auto& row : layer.weights) flat.insert(flat.end(), row.begin(), row.end());
      constants.push_back(onnx::Tensor<float>("w" + id, {rows, columns}, flat));
      constants.push_back(onnx::Tensor<float>("b" + id, {rows}, layer.bias));
      nodes.push_back(onnx::Node("Gemm", {value, "w" + id, "b" + id}, {"z" + id},
                                 {onnx::IntegerAttribute("transB", 1), onnx::FloatAttribute("alpha", layer.alpha),
                                  onnx::FloatAttribute("beta", layer.beta)}));
      value = "z" + id;
      if (layer.relu) {
        nodes.push_back(onnx::Node("Relu", {value}, {"a" + id}));
        value = "a" + id;
      }
      from = layer.weights.size();
    }
    return onnx::Model(onnx::Graph(nodes, constants, {onnx::Value("x", {1, static_cast<std::int64_t>(inputs())})},
                                   {onnx::Value(value, {1, static_cast<std::int64_t>(outputs())})}));
  }
};

using Random = std::mt19937_64;

// All weights and biases from `draw`.
template <typename Draw>
DenseLayer MakeLayer(std::size_t from, std::size_t to, Draw draw) {
  DenseLayer layer;
  for (std::size_t i = 0; i < to; ++i) {
    layer.bias.push_back(draw());
    std::vector<float>& row = layer.weights.emplace_back();
    for (std::size_t j = 0; j < from; ++j) row.push_back(draw());
  }
  return layer;
}

inline std::string Text(const char* format, double value) {
  char text[64];
  std::snprintf(text, sizeof text, format, value);
  return text;
}

// Bounds are texts, so that they may be decimals that no float is.
struct TextBox {
  std::vector<std::string> lower, upper;
};

inline std::string Declarations(std::size_t inputs, std::size_t outputs) {
  std::string text;
  for (std::size_t i = 0; i < inputs; ++i) text += "(declare-const X_" + std::to_string(i) + " Real)\n";
  for (std::size_t j = 0; j < outputs; ++j) text += "(declare-const Y_" + std::to_string(j) + " Real)\n";
  return text;
}

inline std::string BoxAssertions(const TextBox& box) {
  std::string text;
  for (std::size_t i = 0; i < box.lower.size(); ++i) {
    const std::string x = " X_" + std::to_string(i) + " ";
    text += "(assert (>=" + x + box.lower[i] + "))(assert (<=" + x + box.upper[i] + "))\n";
  }
  return text;
}

inline std::span<const std::uint8_t> AsBytes(const std::string& text) {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}

inline checker::Digest Sha256(const std::string& bytes) {
  checker::Digest digest;
  ::SHA256(AsBytes(bytes).data(), bytes.size(), digest.data());
  return digest;
}

// Where the two digests stand in a certificate's bytes.
inline constexpr std::size_t kDigestsAt = 11, kHeaderBytes = 75;

inline void SetDigests(std::string& certificate, const checker::Digest& network, const checker::Digest& property) {
  if (certificate.size() < kHeaderBytes) return;
  std::memcpy(certificate.data() + kDigestsAt, network.data(), network.size());
  std::memcpy(certificate.data() + kDigestsAt + 32, property.data(), property.size());
}

// A certificate of one case with one conjunction whose row 0 is refuted in every leaf by `recipe`; the inputs of `cuts`
// are cut in the middle one after the other.
inline std::string UniformCertificate(checker::Arithmetic arithmetic, checker::Recipe recipe,
                                      const std::vector<std::uint32_t>& cuts) {
  checker::Certificate certificate;
  certificate.arithmetic = arithmetic;
  checker::CaseProof& proof = certificate.cases.emplace_back();
  proof.conjunctions = 1;
  checker::GroupProof& group = proof.groups.emplace_back();
  group.members = {0};
  group.arguments.push_back({recipe, {{{.row = 0, .multiplier = checker::kUnitMultiplier}}}});
  const auto tree = [&](auto& self, std::size_t at) -> void {
    if (at == cuts.size()) return group.nodes.push_back(checker::Node::Leaf(0));
    group.nodes.push_back(checker::Node::MidpointSplit(cuts[at]));
    self(self, at + 1);
    self(self, at + 1);
  };
  tree(tree, 0);
  return checker::WriteCertificate(certificate);
}

// One question to the checker: whether it accepts these bytes.
class Asked {
 public:
  explicit Asked(const std::string& network_bytes)
      : network_(*model::ReadOnnx(AsBytes(network_bytes), {})), network_digest_(Sha256(network_bytes)) {}

  const model::Network& network() const { return network_; }
  const checker::Digest& digest() const { return network_digest_; }

  // `certificate`: its digests are made to fit.
  checker::Verdict operator()(const model::Property& property, const checker::Digest& property_digest,
                              std::string certificate, checker::Arithmetic arithmetic) const {
    SetDigests(certificate, network_digest_, property_digest);
    const Result<checker::Certificate> read = checker::ReadCertificate(AsBytes(certificate));
    if (!read.ok()) {
      checker::Verdict verdict;
      verdict.reason = read.error();
      return verdict;
    }
    return checker::Check(network_, property, *read, {arithmetic, network_digest_, property_digest});
  }
  checker::Verdict operator()(const std::string& property_text, std::string certificate,
                              checker::Arithmetic arithmetic) const {
    const Result<model::Property> property = model::ReadVnnlib(property_text, {});
    if (!property.ok()) {
      checker::Verdict verdict;
      verdict.reason = property.error();
      return verdict;
    }
    return (*this)(*property, Sha256(property_text), std::move(certificate), arithmetic);
  }

 private:
  model::Network network_;
  checker::Digest network_digest_;
};

// --budget SECONDS --seed N [--minimum N]
struct SuiteOptions {
  double budget_seconds = 10;
  std::uint64_t seed = 1;
  std::size_t cases_min = 0;  // 0: the suite's own
};

inline SuiteOptions& Options() {
  static SuiteOptions options;
  return options;
}

inline bool ParseOptions(int count, char** arguments) {
  for (int i = 1; i + 1 < count; i += 2) {
    const std::string_view name = arguments[i];
    if (name == "--budget")
      Options().budget_seconds = std::atof(arguments[i + 1]);
    else if (name == "--seed")
      Options().seed = std::strtoull(arguments[i + 1], nullptr, 10);
    else if (name == "--minimum")
      Options().cases_min = std::strtoull(arguments[i + 1], nullptr, 10);
    else
      return false;
  }
  return count % 2 == 1;
}

}  // namespace pawl::soundness
