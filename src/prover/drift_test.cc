// Proofs and counterexamples of drift from a baseline.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <random>

#include "checker/checker.h"
#include "checker/proof_search_for_test.h"
#include "evaluation/reference.h"
#include "model/onnx_writer_for_test.h"
#include "prover/prover.h"

namespace pawl::prover {
namespace drift_test {

using checker::Arithmetic;
using checker::AsBytes;

// Random layers over [-1, 1]^inputs, and the same with each weight times 1 + 0.01·normal number.
struct Pair {
  model::Network network, baseline;
  model::Property property;

  Pair(std::uint64_t seed, std::size_t inputs, std::vector<std::size_t> widths = {8, 8})
      : network(Layers(seed, inputs, 0.01f, widths)), baseline(Layers(seed, inputs, 0, widths)) {
    std::string text = "(declare-const Y_0 Real)(declare-const Y_1 Real)";
    for (std::size_t i = 0; i < inputs; ++i) {
      const std::string x = "X_" + std::to_string(i);
      text += "(declare-const " + x + " Real)(assert (>= " + x + " -1))(assert (<= " + x + " 1))";
    }
    property = *model::ReadVnnlib(text + "(assert (<= Y_0 Y_1))", {});
  }

  static model::Network Layers(std::uint64_t seed, std::size_t inputs, float share, std::vector<std::size_t> widths) {
    std::mt19937_64 random(seed), noise(seed + 1);
    std::normal_distribution<float> normal(0, 0.5f), small(0, 1);
    const auto draw = [&] { return normal(random) * (1 + share * small(noise)); };
    std::vector<checker::DenseLayer> layers;
    std::size_t from = inputs;
    widths.push_back(2);
    for (std::size_t l = 0; l < widths.size(); ++l) {
      checker::DenseLayer& layer = layers.emplace_back();
      layer.relu = l + 1 < widths.size();
      for (std::size_t i = 0; i < widths[l]; ++i) {
        layer.bias.push_back(draw());
        std::vector<float>& row = layer.weights.emplace_back();
        for (std::size_t j = 0; j < from; ++j) row.push_back(draw());
      }
      from = widths[l];
    }
    return *model::ReadOnnx(AsBytes(checker::DenseNetworkBytes(layers)), {});
  }

  ProofRequest Request(Arithmetic arithmetic, double within) const {
    ProofRequest request;
    request.network = &network;
    request.baseline = &baseline;
    request.property = &property;
    request.baseline_digest.fill(7);
    request.arithmetic = arithmetic;
    request.within = model::Decimal::FromDouble(within);
    request.threads = 1;
    request.timeout_ms = 20'000;
    return request;
  }

  // The largest that is found at random points and corners; some of them are the worst ones of a linear piece.
  double Sampled() const {
    std::mt19937_64 random(1);
    double largest = 0;
    for (int i = 0; i < 4000; ++i) {
      std::vector<double> x;
      for (std::size_t j = 0; j < property.input_count; ++j)
        x.push_back(static_cast<double>(i % 2 == 0 ? static_cast<float>(random() % 2 * 2) - 1
                                                   : std::uniform_real_distribution<float>(-1, 1)(random)));
      const std::vector<double> y = *evaluation::EvaluateReference(network, x),
                                z = *evaluation::EvaluateReference(baseline, x);
      for (std::size_t k = 0; k < y.size(); ++k) largest = std::max(largest, std::abs(y[k] - z[k]));
    }
    return largest;
  }
};

bool IsAccepted(const ProofRequest& request, const ProofResult& result) {
  const Result<checker::Certificate> certificate = checker::ReadCertificate(result.certificate);
  return certificate.ok() && certificate->drift &&
         checker::Check(*request.network, *request.property, *certificate,
                        {.arithmetic = request.arithmetic,
                         .baseline = request.baseline,
                         .baseline_digest = request.baseline_digest,
                         .within_max = request.within})
             .proven;
}

// By boxes, and by phases of neurons. Just above what is reached it is proven, and just below it is not.
TEST(DriftTest, ProvesWhatHoldsAndNothingElse) {
  for (const std::size_t inputs : {3u, 26u}) {
    for (const Arithmetic arithmetic : {Arithmetic::kReal, Arithmetic::kFloat32}) {
      const Pair pair(inputs, inputs);
      const double reached = pair.Sampled();
      const ProofRequest wide = pair.Request(arithmetic, inputs == 3 ? reached * 1.05 : reached * 4);
      const ProofResult proof = Prove(wide);
      ASSERT_EQ(proof.status, ProofStatus::kProven) << inputs << ": " << proof.detail;
      EXPECT_TRUE(IsAccepted(wide, proof));
      const ProofRequest narrow = pair.Request(arithmetic, reached * 0.999);
      EXPECT_FALSE(IsAccepted(narrow, proof));
      const ProofResult refuted = Prove(narrow);
      ASSERT_EQ(refuted.status, ProofStatus::kViolated) << inputs << ": " << refuted.detail;
      const Counterexample& found = refuted.counterexample;
      EXPECT_EQ(found.outputs, *evaluation::EvaluateReference(pair.network, found.inputs));
      EXPECT_EQ(found.baseline_outputs, *evaluation::EvaluateReference(pair.baseline, found.inputs));
      double apart = 0;
      for (std::size_t k = 0; k < 2; ++k)
        apart = std::max(apart, std::abs(found.outputs[k] - found.baseline_outputs[k]));
      EXPECT_GT(apart, reached * 0.998);
      EXPECT_TRUE(arithmetic == Arithmetic::kReal ? found.violates_real : found.violates_float);
    }
  }
}

TEST(DriftTest, OtherArchitecturesAreBoundedTogether) {
  Pair pair(1, 2);
  pair.baseline = Pair::Layers(5, 2, 0, {6});
  const double reached = pair.Sampled();
  const ProofRequest wide = pair.Request(Arithmetic::kFloat32, reached * 1.2);
  const ProofResult proof = Prove(wide);
  ASSERT_EQ(proof.status, ProofStatus::kProven) << proof.detail;
  EXPECT_TRUE(IsAccepted(wide, proof));
  EXPECT_EQ(Prove(pair.Request(Arithmetic::kFloat32, reached * 0.99)).status, ProofStatus::kViolated);
}

TEST(DriftTest, WhatCannotBeJoinedIsNotProven) {
  Pair pair(1, 2);
  pair.baseline = Pair::Layers(1, 3, 0, {8, 8});
  EXPECT_EQ(Prove(pair.Request(Arithmetic::kReal, 1)).reason, UnknownReason::kUnsupported);
}

}  // namespace drift_test
}  // namespace pawl::prover
