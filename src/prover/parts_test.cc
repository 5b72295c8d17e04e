#include "prover/parts.h"

#include <gtest/gtest.h>

#include <limits>

#include "checker/checker.h"
#include "prover/network_for_test.h"

namespace pawl::prover {
namespace parts_test {

using Problem = TightProblem;

struct Shared {
  explicit Shared(const Problem& given, std::size_t parts_min = 8) : problem(given), request(problem.Request()) {
    request.keep_checkpoint = true;
    Result<SharedProof> begun = SharedProof::Begin(request, nullptr);
    EXPECT_TRUE(begun.ok()) << begun.error().message;
    proof.emplace(std::move(*begun));
    SharedProof::Division division = proof->Divide(parts_min);
    EXPECT_FALSE(division.ended.has_value());
    parts = std::move(division.parts);
  }
  PartAnswer Answer(const Part& part, std::uint64_t timeout_ms = 0) {
    PartProver prover(request);
    Result<PartAnswer> answer = prover.Prove(part, {.timeout_ms = timeout_ms, .cancel = {}, .progress = {}});
    EXPECT_TRUE(answer.ok()) << answer.error().message;
    return std::move(*answer);
  }
  void TakeAll() {
    PartProver prover(request);
    while (!parts.empty()) {
      const Part part = parts.back();
      parts.pop_back();
      Result<PartAnswer> answer = prover.Prove(part, {});
      ASSERT_TRUE(answer.ok());
      ASSERT_EQ(answer->kind, PartAnswer::Kind::kTree);
      Result<CheckedPart> checked = proof->Check(part, answer->tree);
      ASSERT_TRUE(checked.ok()) << checked.error().message;
      Result<std::vector<Part>> rest = proof->Take(part, std::move(*checked));
      ASSERT_TRUE(rest.ok());
      parts.insert(parts.end(), rest->begin(), rest->end());
    }
  }

  const Problem problem;
  ProofRequest request;
  std::optional<SharedProof> proof;
  std::vector<Part> parts;
};

TEST(PartsTest, PartsMakeACertificateOfTheWhole) {
  Shared shared(Problem(6, {40, 40, 40}, 0.02));
  EXPECT_GE(shared.parts.size(), 8u);
  for (std::size_t i = 1; i < shared.parts.size(); ++i) EXPECT_LE(shared.parts[i - 1].depth, shared.parts[i].depth);
  shared.TakeAll();
  const ProofResult result = shared.proof->Finish(UnknownReason::kTimeout);
  ASSERT_EQ(result.status, ProofStatus::kProven) << result.detail;
  const Result<checker::Certificate> certificate = checker::ReadCertificate(result.certificate);
  ASSERT_TRUE(certificate.ok());
  EXPECT_TRUE(
      checker::Check(shared.problem.network, shared.problem.property, *certificate,
                     {checker::Arithmetic::kReal, shared.request.network_digest, shared.request.property_digest})
          .proven);
}

TEST(PartsTest, WithAPartMissingThereIsNoProofButACheckpoint) {
  Shared shared(Problem(6, {40, 40, 40}, 0.02));
  const Part kept = shared.parts.back();
  shared.parts.pop_back();
  shared.TakeAll();
  const ProofResult result = shared.proof->Finish(UnknownReason::kTimeout);
  EXPECT_EQ(result.status, ProofStatus::kUnknown);
  EXPECT_EQ(result.reason, UnknownReason::kTimeout);
  const Result<Checkpoint> checkpoint = ReadCheckpoint(result.checkpoint, shared.request);
  ASSERT_TRUE(checkpoint.ok());
  // From there: the part that was missing alone.
  Result<SharedProof> again = SharedProof::Begin(shared.request, &*checkpoint);
  ASSERT_TRUE(again.ok());
  const SharedProof::Division division = again->Divide(1);
  ASSERT_EQ(division.parts.size(), 1u);
  EXPECT_EQ(division.parts[0].bounds, kept.bounds);
}

// What one has no time for is left open, and others go on with it.
TEST(PartsTest, WhatIsLeftOpenAreParts) {
  Shared shared(Problem(6, {40, 40, 40}, 0.02), 1);
  ASSERT_EQ(shared.parts.size(), 1u);
  const Part whole = shared.parts[0];
  std::vector<Part> rest;
  for (std::uint64_t timeout_ms = 20; rest.empty() && timeout_ms < 10'000; timeout_ms += 20) {
    PartAnswer answer = shared.Answer(whole, timeout_ms);
    if (answer.open == 0 || answer.leaves == 0) continue;
    Result<CheckedPart> checked = shared.proof->Check(whole, answer.tree);
    ASSERT_TRUE(checked.ok()) << checked.error().message;
    EXPECT_EQ(checked->open, answer.open);
    EXPECT_EQ(checked->leaves, answer.leaves);
    Result<std::vector<Part>> taken = shared.proof->Take(whole, std::move(*checked));
    ASSERT_TRUE(taken.ok());
    rest = std::move(*taken);
    EXPECT_EQ(rest.size(), answer.open);
  }
  ASSERT_FALSE(rest.empty()) << "never interrupted in the middle";
  shared.parts = rest;
  shared.TakeAll();
  EXPECT_EQ(shared.proof->Finish(UnknownReason::kTimeout).status, ProofStatus::kProven);
}

// A checkpoint is not checked before the end: what it says falsely is open again then.
TEST(PartsTest, FalseLeavesOfACheckpointAreProvenAnew) {
  Shared shared(Problem(6, {30, 30}, 0.05));
  checker::CaseProof proof;
  proof.conjunctions = 1;
  proof.groups.push_back({.members = {0},
                          .arguments = {{checker::Recipe::kBackward, {{{0, checker::kUnitMultiplier}}}, {}}},
                          .nodes = {checker::Node::Leaf(0)},
                          .weights = {}});
  const Checkpoint checkpoint{{proof}};
  Result<SharedProof> begun = SharedProof::Begin(shared.request, &checkpoint);
  ASSERT_TRUE(begun.ok());
  shared.proof.emplace(std::move(*begun));
  shared.parts = shared.proof->Divide(4).parts;
  EXPECT_TRUE(shared.parts.empty());
  EXPECT_EQ(shared.proof->Finish(UnknownReason::kTimeout).status, ProofStatus::kUnknown);
  ASSERT_TRUE(shared.proof->HasReopened());
  shared.parts = shared.proof->Divide(4).parts;
  EXPECT_FALSE(shared.proof->HasReopened());
  shared.TakeAll();
  EXPECT_EQ(shared.proof->Finish(UnknownReason::kTimeout).status, ProofStatus::kProven);
}

TEST(PartsTest, APartIsDividedFurther) {
  Shared shared(Problem(6, {40, 40, 40}, 0.02), 1);
  shared.parts = shared.proof->DivideFurther(shared.parts[0], 5).parts;
  EXPECT_GE(shared.parts.size(), 5u);
  shared.TakeAll();
  EXPECT_EQ(shared.proof->Finish(UnknownReason::kTimeout).status, ProofStatus::kProven);
}

checker::CaseProof OneGroup(std::vector<checker::Argument> arguments, std::vector<checker::Node> nodes) {
  checker::CaseProof proof;
  proof.conjunctions = 1;
  checker::GroupProof& group = proof.groups.emplace_back();
  group.members = {0};
  group.arguments = std::move(arguments);
  group.nodes = std::move(nodes);
  return proof;
}

TEST(PartsTest, WhatProvesAnotherBoxOrNothingIsRefused) {
  Shared shared(Problem(6, {40, 40, 40}, 0.02));
  const Part& part = shared.parts[0];
  const auto rule = [&](const std::vector<std::uint8_t>& tree) {
    const Result<CheckedPart> checked = shared.proof->Check(part, tree);
    return checked.ok() ? "taken" : checked.error().rule;
  };
  const PartAnswer right = shared.Answer(part);
  EXPECT_EQ(rule(right.tree), "taken");
  for (std::size_t size = 0; size < right.tree.size(); size += 7)
    EXPECT_EQ(rule({right.tree.begin(), right.tree.begin() + static_cast<std::ptrdiff_t>(size)}), "prover.checkpoint");
  EXPECT_EQ(rule(std::vector<std::uint8_t>(kPartBytesMax + 1)), "prover.part-bytes");
  // The whole box as a leaf; splits that the box does not have; rows that there are not.
  const checker::Argument refutes{checker::Recipe::kBackward, {{{0, checker::kUnitMultiplier}}}, {}};
  checker::Argument other = refutes;
  other.refutations[0][0].row = 1;
  using checker::Node;
  const auto written = [&](checker::CaseProof proof) { return WriteCheckpoint(shared.request, {std::move(proof)}); };
  EXPECT_EQ(rule(written(OneGroup({refutes}, {Node::Leaf(0)}))), "prover.part");
  EXPECT_EQ(rule(written(OneGroup({other}, {Node::Leaf(0)}))), "prover.part");
  EXPECT_EQ(rule(written(OneGroup({refutes}, {Node::MidpointSplit(6), Node::Leaf(0), Node::Leaf(0)}))), "prover.part");
  EXPECT_EQ(rule(written(OneGroup({refutes}, {Node::ValueSplit(0, 0.01), Node::Leaf(0), Node::Leaf(0)}))),
            "prover.part");
  // Leaves behind one neuron that refute different rows, of which the first one's alone would be looked at.
  EXPECT_EQ(rule(written(OneGroup({refutes, other}, {Node::NeuronSplit(0), Node::Leaf(0), Node::Leaf(1)}))),
            "prover.part");
  // A leaf by bounds of a root section, which a search over boxes never has.
  checker::Argument by_root = refutes;
  by_root.recipe = checker::Recipe::kRoot;
  EXPECT_EQ(rule(written(OneGroup({by_root}, {Node::Leaf(0)}))), "prover.part");
  // Nothing at all is an answer, and proves nothing.
  const Result<CheckedPart> nothing = shared.proof->Check(part, WriteCheckpoint(shared.request, {{}}));
  ASSERT_TRUE(nothing.ok());
  EXPECT_EQ(nothing->leaves, 0u);
  EXPECT_EQ(nothing->open, 1u);
  // More open boxes than anybody needs.
  std::vector<Node> splits;
  for (std::size_t i = 0; i < kPartOpenMax; ++i) {
    splits.push_back(Node::MidpointSplit(static_cast<std::uint32_t>(i % 6)));
    splits.push_back(Node::Leaf(0));
  }
  splits.push_back(Node::Leaf(0));
  const std::string deep = rule(written(OneGroup({OpenArgument(1)}, splits)));
  EXPECT_TRUE(deep == "prover.part-open" || deep == "prover.part") << deep;
  // Of another network.
  ProofRequest request = shared.request;
  request.network_digest.fill(9);
  EXPECT_EQ(rule(WriteCheckpoint(request, {{}})), "prover.checkpoint-network");
}

// Of right answers the check may be given up, at any leaf; wrong ones end with their first leaf.
TEST(PartsTest, AnAnswerIsNotCheckedForEver) {
  Shared shared(Problem(6, {40, 40, 40}, 0.02));
  const Part& part = shared.parts[0];
  const PartAnswer answer = shared.Answer(part);
  ASSERT_GT(answer.leaves, 8u);
  int asked = 0;
  const Result<CheckedPart> given_up = shared.proof->Check(part, answer.tree, [&] { return ++asked > 5; });
  ASSERT_FALSE(given_up.ok());
  EXPECT_EQ(given_up.error().rule, "prover.part-slow");
  EXPECT_EQ(given_up.error().code, ErrorCode::kPending);
  // Half of the box as a leaf, and a thousand behind it that nobody needs to look at.
  using checker::Node;
  std::vector<Node> nodes = {Node::MidpointSplit(0), Node::Leaf(0)};
  for (std::uint32_t i = 0; i < 1'000; ++i) {
    nodes.push_back(Node::MidpointSplit(i % 6));
    nodes.push_back(Node::Leaf(0));
  }
  nodes.push_back(Node::Leaf(0));
  const checker::Argument refutes{checker::Recipe::kBackward, {{{0, checker::kUnitMultiplier}}}, {}};
  asked = 0;
  const Result<CheckedPart> wrong = shared.proof->Check(
      part, WriteCheckpoint(shared.request, {OneGroup({refutes}, std::move(nodes))}), [&] { return ++asked < 0; });
  ASSERT_FALSE(wrong.ok());
  EXPECT_EQ(wrong.error().rule, "prover.part") << wrong.error().message;
  EXPECT_LT(asked, 100);
}

TEST(PartsTest, CounterexamplesAreConfirmedWhateverIsSent) {
  const Problem violated(3, {5}, -0.001);
  ProofRequest request = violated.Request();
  const Result<SharedProof> proof = SharedProof::Begin(request, nullptr);
  ASSERT_TRUE(proof.ok());
  const ProofResult found = Prove(request);
  ASSERT_EQ(found.status, ProofStatus::kViolated);
  EXPECT_TRUE(proof->Confirm(found.counterexample.inputs).has_value());
  const double nan = std::numeric_limits<double>::quiet_NaN();
  EXPECT_FALSE(proof->Confirm({}).has_value());
  EXPECT_FALSE(proof->Confirm({nan, nan, nan}).has_value());
  EXPECT_FALSE(proof->Confirm({1e300, 0, 0}).has_value());
  EXPECT_FALSE(proof->Confirm({0.05000000000001, 0, 0}).has_value());  // no single precision number
  EXPECT_FALSE(proof->Confirm({7, 7, 7}).has_value());
}

// Inputs that violate in real numbers alone cost exact evaluations, of which a search has so many. What others send is
// not one of the search's.
TEST(PartsTest, ACounterexampleIsConfirmedHoweverMuchWasTriedBefore) {
  PlainNetwork plain;
  plain.layers.push_back({1, 1, {0.3f}, {0}});
  PlainProperty unsafe;
  unsafe.outputs = 1;
  unsafe.lower = {"0.0625"};
  unsafe.upper = {"0.1"};
  // 0.3f times the input below is 0.01875028684…, and 0.01875028759… when rounded to single precision.
  unsafe.rows.push_back({{1}, "0.018750287"});
  const model::Network network = ReadBack(plain);
  const model::Property property = ReadBack(unsafe);
  ProofRequest request;
  request.network = &network;
  request.property = &property;
  const Result<SharedProof> proof = SharedProof::Begin(request, nullptr);
  ASSERT_TRUE(proof.ok()) << proof.error().message;
  for (int i = 0; i < 2'500; ++i) EXPECT_FALSE(proof->Confirm({0.09375}).has_value());
  const std::optional<Counterexample> found = proof->Confirm({0.0625 + 0x1p-20});
  ASSERT_TRUE(found.has_value());
  EXPECT_TRUE(found->violates_real);
  EXPECT_FALSE(found->violates_float);
}

TEST(PartsTest, BoxesThatAreNotTheCasesAreRefused) {
  const Problem problem(3, {5}, 0.5);
  const ProofRequest request = problem.Request();
  PartProver prover(request);
  const double nan = std::numeric_limits<double>::quiet_NaN();
  const auto rule = [&](const Part& part) {
    const Result<PartAnswer> answer = prover.Prove(part, {});
    return answer.ok() ? "proven" : answer.error().rule;
  };
  const std::vector<double> whole = {-0.1, -0.1, -0.1, 0.1, 0.1, 0.1};
  EXPECT_EQ(rule({0, 0, 0, {-0.05, -0.05, -0.05, 0.05, 0.05, 0.05}}), "proven");
  EXPECT_EQ(rule({0, 1, 0, whole}), "prover.parts");
  EXPECT_EQ(rule({0, 0, 5'000, {-0.05, -0.05, -0.05, 0.05, 0.05, 0.05}}), "prover.parts");
  EXPECT_EQ(rule({0, 0, 0, {}}), "prover.parts");
  EXPECT_EQ(rule({0, 0, 0, {-0.3, 0, 0, 0.05, 0.05, 0.05}}), "prover.parts");
  EXPECT_EQ(rule({0, 0, 0, {0.05, 0, 0, 0.01, 0.05, 0.05}}), "prover.parts");
  EXPECT_EQ(rule({0, 0, 0, {nan, 0, 0, nan, 0.05, 0.05}}), "prover.parts");
}

TEST(PartsTest, WhatIsNotSearchedByBoxesIsNotSharedOut) {
  const Problem problem(30, {50, 50}, 1.2);
  const ProofRequest request = problem.Request();
  const Result<SharedProof> proof = SharedProof::Begin(request, nullptr);
  ASSERT_FALSE(proof.ok());
  EXPECT_EQ(proof.error().rule, "prover.parts");
}

}  // namespace parts_test
}  // namespace pawl::prover
