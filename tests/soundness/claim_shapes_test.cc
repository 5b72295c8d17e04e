// Strictness, vacuity and mixed constraints: one test for each shape of claim, with prover and checker as users call
// them. Networks here are so small that the truth is plain.
#include <gtest/gtest.h>

#include "dense_network.h"
#include "prover/prover.h"

namespace pawl::soundness {
namespace {

using checker::Arithmetic;
using checker::Recipe;
using prover::ProofStatus;

// y = W·relu(relu(x + 10) - 10) + b for |x| <= 5, that is W·x + b, with ReLUs that are never open.
DenseNetwork LinearNetwork(std::vector<std::vector<float>> weights, std::vector<float> bias) {
  const std::size_t inputs = weights[0].size();
  DenseLayer first = MakeLayer(inputs, inputs, [] { return 0.0f; });
  for (std::size_t i = 0; i < inputs; ++i) {
    first.weights[i][i] = 1;
    first.bias[i] = 10;
  }
  DenseLayer second;
  second.relu = false;
  for (std::size_t i = 0; i < weights.size(); ++i) {
    float sum = 0;
    for (const float w : weights[i]) sum += w;
    bias[i] -= 10 * sum;
  }
  second.weights = std::move(weights);
  second.bias = std::move(bias);
  return {{first, second}};
}

const DenseNetwork kIdentity = LinearNetwork({{1}}, {0});      // y = x
const DenseNetwork kSuccessor = LinearNetwork({{1}}, {1});     // y = x + 1
const DenseNetwork kConstant = LinearNetwork({{0}}, {0.25f});  // y = 1/4
const DenseNetwork kPair = LinearNetwork({{1}, {1}}, {0, 1});  // y0 = x, y1 = x + 1
const DenseNetwork kSum = LinearNetwork({{1, 1}}, {0});        // y = x0 + x1
const TextBox kUnit{{"0"}, {"1"}}, kUnitSquare{{"0", "0"}, {"1", "1"}};

struct Outcome {
  ProofStatus status = ProofStatus::kUnknown;
  std::string certificate, text, rule;
};

Outcome Decide(const DenseNetwork& network, const std::string& text, Arithmetic arithmetic = Arithmetic::kReal) {
  Outcome outcome;
  outcome.text = text;
  const std::string bytes = network.ToOnnx();
  const Result<model::Network> read = model::ReadOnnx(AsBytes(bytes), {});
  const Result<model::Property> property = model::ReadVnnlib(text, {});
  if (!property.ok()) {
    outcome.rule = property.error().rule;
    return outcome;
  }
  prover::ProofRequest request;
  request.network = &*read;
  request.property = &*property;
  request.network_digest = Sha256(bytes);
  request.property_digest = Sha256(text);
  request.arithmetic = arithmetic;
  request.timeout_ms = 300;
  request.threads = 1;
  const prover::ProofResult result = Prove(request);
  outcome.status = result.status;
  outcome.certificate.assign(result.certificate.begin(), result.certificate.end());
  if (result.status == ProofStatus::kProven) {
    EXPECT_TRUE(Asked(bytes)(text, outcome.certificate, arithmetic).proven);
  }
  return outcome;
}

std::string Claim(const DenseNetwork& network, const TextBox& box, const std::string& unsafe) {
  return Declarations(network.inputs(), network.outputs()) + BoxAssertions(box) + "(assert " + unsafe + ")\n";
}

ProofStatus StatusOf(const DenseNetwork& network, const TextBox& box, const std::string& unsafe,
                     Arithmetic arithmetic = Arithmetic::kReal) {
  return Decide(network, Claim(network, box, unsafe), arithmetic).status;
}

std::string RuleOf(const DenseNetwork& network, const std::string& text) { return Decide(network, text).rule; }

TEST(Strictness, ARowThatIsTouchedIsNotRefuted) {
  for (const Arithmetic arithmetic : {Arithmetic::kReal, Arithmetic::kFloat32}) {
    EXPECT_EQ(StatusOf(kIdentity, kUnit, "(<= Y_0 0)", arithmetic), ProofStatus::kViolated);
    EXPECT_EQ(StatusOf(kIdentity, kUnit, "(>= Y_0 1)", arithmetic), ProofStatus::kViolated);
    EXPECT_EQ(StatusOf(kConstant, kUnit, "(<= Y_0 0.25)", arithmetic), ProofStatus::kViolated);
    EXPECT_EQ(StatusOf(kConstant, kUnit, "(= Y_0 0.25)", arithmetic), ProofStatus::kViolated);
  }
}

TEST(Strictness, AStrictRowIsClosedForProofsAndStrictForCounterexamples) {
  EXPECT_EQ(StatusOf(kConstant, kUnit, "(< Y_0 0.25)"), ProofStatus::kUnknown);
  EXPECT_EQ(StatusOf(kConstant, kUnit, "(> Y_0 0.25)"), ProofStatus::kUnknown);
  EXPECT_EQ(StatusOf(kConstant, kUnit, "(< Y_0 0.2500001)"), ProofStatus::kViolated);
}

TEST(Strictness, ATieIsRefusedWhateverTheCertificate) {
  const Asked asked(kConstant.ToOnnx());
  for (const Recipe recipe : {Recipe::kForward, Recipe::kBackward}) {
    for (const std::vector<std::uint32_t>& cuts : {std::vector<std::uint32_t>{}, {0}, {0, 0, 0}}) {
      const auto proven = [&](const std::string& unsafe) {
        return asked(Claim(kConstant, kUnit, unsafe), UniformCertificate(Arithmetic::kReal, recipe, cuts),
                     Arithmetic::kReal)
            .proven;
      };
      EXPECT_FALSE(proven("(<= Y_0 0.25)"));
      EXPECT_FALSE(proven("(< Y_0 0.25)"));
      EXPECT_FALSE(proven("(>= Y_0 0.25)"));
      EXPECT_FALSE(proven("(<= Y_0 0.250000000000000000000000000000000001)"));
      EXPECT_TRUE(proven("(<= Y_0 0.2499)"));
      EXPECT_TRUE(proven("(>= Y_0 0.2501)"));
    }
  }
}

TEST(Strictness, AnEqualityIsTwoRows) {
  EXPECT_EQ(StatusOf(kPair, kUnit, "(= Y_0 Y_1)"), ProofStatus::kProven);
  EXPECT_EQ(StatusOf(kPair, kUnit, "(= Y_0 (- Y_1 1))"), ProofStatus::kViolated);
  EXPECT_EQ(StatusOf(kIdentity, kUnit, "(= Y_0 1.5)"), ProofStatus::kProven);
}

TEST(Strictness, AStrictBoxIsClosedForProofs) {
  // The only unsafe input, 1, is excluded by the strict bound: no counterexample, and no proof either.
  const std::string text = Declarations(1, 1) + "(assert (>= X_0 0))(assert (< X_0 1))(assert (>= Y_0 1))";
  EXPECT_EQ(Decide(kIdentity, text).status, ProofStatus::kUnknown);
}

TEST(Vacuity, WhatCannotFailIsMalformed) {
  const std::string declared = Declarations(1, 1), box = BoxAssertions(kUnit);
  EXPECT_EQ(RuleOf(kIdentity, declared + BoxAssertions({{"1"}, {"0"}}) + "(assert (<= Y_0 0))"), "vnnlib.empty");
  EXPECT_EQ(RuleOf(kIdentity, declared + box + "(assert (and (>= Y_0 1) (<= Y_0 0)))"), "vnnlib.empty");
  EXPECT_EQ(RuleOf(kIdentity, declared + box + "(assert (or (>= Y_0 2) (and (>= Y_0 1) (<= Y_0 0))))"),
            "vnnlib.empty-alternative");
  EXPECT_EQ(RuleOf(kIdentity, declared + box), "vnnlib.no-output-assertion");
  EXPECT_EQ(RuleOf(kIdentity, declared + "(assert (<= X_0 1))(assert (<= Y_0 0))"), "vnnlib.unbounded-input");
  EXPECT_EQ(RuleOf(kIdentity, declared + box + "(assert (<= Y_1 0))"), "vnnlib.undeclared-variable");
  EXPECT_EQ(RuleOf(kIdentity, declared + box + "(assert (<= 0 1))"), "vnnlib.constant-comparison");
}

TEST(Vacuity, SizesHaveToFit) {
  const Asked asked(kIdentity.ToOnnx());
  const std::string certificate = UniformCertificate(Arithmetic::kReal, Recipe::kForward, {});
  EXPECT_TRUE(asked(Claim(kIdentity, kUnit, "(<= Y_0 -1)"), certificate, Arithmetic::kReal).proven);
  EXPECT_EQ(asked(Claim(kPair, kUnit, "(<= Y_0 -1)"), certificate, Arithmetic::kReal).reason.rule, "property.size");
  EXPECT_EQ(asked(Claim(kSum, kUnitSquare, "(<= Y_0 -1)"), certificate, Arithmetic::kReal).reason.rule,
            "property.size");
}

TEST(Vacuity, ACertificateWithoutCasesProvesNothing) {
  const Asked asked(kIdentity.ToOnnx());
  checker::Certificate none;
  EXPECT_FALSE(
      asked(Claim(kIdentity, kUnit, "(<= Y_0 -1)"), checker::WriteCertificate(none), Arithmetic::kReal).proven);
}

TEST(Vacuity, EveryCaseAndEveryConjunctionIsProven) {
  const std::string boxes = "(assert (or (and (>= X_0 0) (<= X_0 1)) (and (>= X_0 2) (<= X_0 3))))";
  const std::string declared = Declarations(1, 1);
  const Asked asked(kIdentity.ToOnnx());
  // Each alternative alone would be provable.
  const Outcome both = Decide(kIdentity, declared + boxes + "(assert (or (<= Y_0 -1) (>= Y_0 4)))");
  ASSERT_EQ(both.status, ProofStatus::kProven);
  EXPECT_EQ(Decide(kIdentity, declared + boxes + "(assert (or (<= Y_0 -1) (>= Y_0 2.5)))").status,
            ProofStatus::kViolated);
  const checker::Certificate whole = *checker::ReadCertificate(AsBytes(both.certificate));
  ASSERT_EQ(whole.cases.size(), 2u);
  const auto proven = [&](const checker::Certificate& certificate) {
    return asked(both.text, checker::WriteCertificate(certificate), Arithmetic::kReal).proven;
  };
  EXPECT_TRUE(proven(whole));
  checker::Certificate changed = whole;
  changed.cases.pop_back();
  EXPECT_FALSE(proven(changed));
  changed = whole;
  changed.cases.push_back(changed.cases[0]);
  EXPECT_FALSE(proven(changed));
  changed = whole;
  changed.cases[1].conjunctions = 1;
  for (checker::GroupProof& group : changed.cases[1].groups) {
    group.members = {0};
    for (checker::Argument& argument : group.arguments) argument.refutations.resize(1);
  }
  EXPECT_FALSE(proven(changed));
  // Not as bytes, where one group has no list of members: as a caller might build it.
  changed = whole;
  for (checker::CaseProof& proof : changed.cases) proof.groups[0].members = {0};
  const model::Property property = *model::ReadVnnlib(both.text, {});
  const checker::ClaimRequest request{Arithmetic::kReal, whole.network, whole.property};
  EXPECT_TRUE(Check(asked.network(), property, whole, request).proven);
  EXPECT_FALSE(Check(asked.network(), property, changed, request).proven);
}

TEST(MixedConstraints, RowsMayHaveInputsAndOutputs) {
  EXPECT_EQ(StatusOf(kSuccessor, kUnit, "(<= Y_0 X_0)"), ProofStatus::kProven);
  EXPECT_EQ(StatusOf(kIdentity, kUnit, "(<= Y_0 X_0)"), ProofStatus::kViolated);
  EXPECT_EQ(StatusOf(kIdentity, kUnit, "(<= (- Y_0 X_0) -0.001)"), ProofStatus::kProven);
  EXPECT_EQ(StatusOf(kIdentity, kUnit, "(< Y_0 X_0)"), ProofStatus::kUnknown);
  EXPECT_EQ(StatusOf(kSuccessor, kUnit, "(<= Y_0 X_0)", Arithmetic::kFloat32), ProofStatus::kProven);
}

TEST(MixedConstraints, RowsOverInputsAloneMayRefute) {
  // y can be anything: only the input row can.
  EXPECT_EQ(StatusOf(kSum, kUnitSquare, "(and (<= (+ X_0 X_1) -0.5) (<= Y_0 100))"), ProofStatus::kProven);
  EXPECT_EQ(StatusOf(kSum, kUnitSquare, "(and (<= (+ X_0 X_1) 0.5) (<= Y_0 100))"), ProofStatus::kViolated);
  // y = x0 + x1 > 1/2 wherever the input row holds, which needs both rows together.
  EXPECT_EQ(StatusOf(kSum, kUnitSquare, "(and (>= (+ X_0 X_1) 0.5) (<= Y_0 0.4))"), ProofStatus::kProven);
}

TEST(MixedConstraints, InSinglePrecisionTheInputOfARowIsTheRealPoint) {
  // x = 1 + 2^-25 rounds to 1, so y = 1 < x, although exactly y = x.
  const TextBox box{{"1.0000000298"}, {"1.0000000299"}};
  const Asked asked(kIdentity.ToOnnx());
  const std::string text = Claim(kIdentity, box, "(<= (- Y_0 X_0) -0.00000001)");
  for (const Recipe recipe : {Recipe::kForward, Recipe::kBackward})
    EXPECT_FALSE(asked(text, UniformCertificate(Arithmetic::kFloat32, recipe, {}), Arithmetic::kFloat32).proven);
}

TEST(Arithmetics, AProofInTheRealsIsNoneInSinglePrecision) {
  const std::string text = Claim(kIdentity, kUnit, "(<= Y_0 -1)");
  const Asked asked(kIdentity.ToOnnx());
  const std::string real = UniformCertificate(Arithmetic::kReal, Recipe::kForward, {});
  EXPECT_TRUE(asked(text, real, Arithmetic::kReal).proven);
  EXPECT_EQ(asked(text, real, Arithmetic::kFloat32).reason.rule, "checker.arithmetic");
  EXPECT_EQ(
      asked(text, UniformCertificate(Arithmetic::kFloat64, Recipe::kForward, {}), Arithmetic::kFloat64).reason.rule,
      "checker.arithmetic");
}

TEST(Arithmetics, ANetworkThatMayOverflowIsRefusedInSinglePrecision) {
  DenseNetwork network = LinearNetwork({{0}}, {0});
  network.layers[0] = MakeLayer(1, 4, [] { return 0.0f; });
  for (float& b : network.layers[0].bias) b = 1;
  network.layers[1].weights = {{3e38f, 3e38f, -3e38f, -3e38f}};  // 0 in the reals, and in some orders
  const std::string text = Claim(network, kUnit, "(<= Y_0 -1)");
  const Asked asked(network.ToOnnx());
  for (const Recipe recipe : {Recipe::kForward, Recipe::kBackward})
    EXPECT_FALSE(asked(text, UniformCertificate(Arithmetic::kFloat32, recipe, {}), Arithmetic::kFloat32).proven);
}

TEST(Digests, BothHaveToBeThoseOfTheFiles) {
  const std::string bytes = kIdentity.ToOnnx(), text = Claim(kIdentity, kUnit, "(<= Y_0 -1)");
  const model::Network network = *model::ReadOnnx(AsBytes(bytes), {});
  const model::Property property = *model::ReadVnnlib(text, {});
  std::string certificate = UniformCertificate(Arithmetic::kReal, Recipe::kForward, {});
  SetDigests(certificate, Sha256(bytes), Sha256(text));
  const checker::ClaimRequest request{Arithmetic::kReal, Sha256(bytes), Sha256(text)};
  const auto check = [&](const std::string& changed) {
    return Check(network, property, *checker::ReadCertificate(AsBytes(changed)), request);
  };
  EXPECT_TRUE(check(certificate).proven);
  for (std::size_t i = kDigestsAt; i < kHeaderBytes; ++i) {
    std::string changed = certificate;
    changed[i] = static_cast<char>(changed[i] ^ 1);
    EXPECT_EQ(check(changed).reason.rule, "checker.digest") << i;
  }
}

}  // namespace
}  // namespace pawl::soundness

int main(int argc, char** argv) {
  ::testing::InitGoogleTest(&argc, argv);
  return RUN_ALL_TESTS();
}
