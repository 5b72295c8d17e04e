#include "checker/checker.h"

#include <gtest/gtest.h>

#include <cfenv>
#include <cmath>
#include <limits>
#include <random>

#include "checker/box_walk.h"
#include "checker/proof_search_for_test.h"
#include "random_cases.h"

namespace pawl::checker {
namespace checker_test {

// A network, a property, a proof of it, and what a caller would ask for.
struct Proven {
  model::Network network;
  model::Property property;
  Certificate certificate;
  ClaimRequest request;

  Verdict Ask(const CheckLimits& limits = {}) const { return Check(network, property, certificate, request, limits); }
};

constexpr const char* kAbsolute =
    "(declare-const X_0 Real) (declare-const X_1 Real) (declare-const Y_0 Real) (declare-const Y_1 Real)\n"
    "(assert (or (and (>= X_0 -1) (<= X_0 1) (>= X_1 -1) (<= X_1 1) (<= Y_0 -0.1))\n"
    "            (and (>= X_0 -1) (<= X_0 1) (>= X_1 -1) (<= X_1 1) (<= Y_1 -0.1) (>= Y_0 0))\n"
    "            (and (>= X_0 0.3) (<= X_0 1) (>= X_1 0.3) (<= X_1 1) (<= Y_0 0.5))))";

// y0 = |x0| + |x1|, y1 = |x0| + |x1| − |x0 − x1| ≥ 0, in two layers. That y1 is not negative takes splits.
std::vector<DenseLayer> AbsoluteLayers() {
  return {{{{1, 0}, {-1, 0}, {0, 1}, {0, -1}, {1, -1}, {-1, 1}}, {0, 0, 0, 0, 0, 0}, true},
          {{{1, 1, 1, 1, 0, 0}, {1, 1, 1, 1, -1, -1}}, {0, 0}, false}};
}

Proven Make(const std::vector<DenseLayer>& layers, const std::string& text, Arithmetic arithmetic, Recipe recipe,
            bool expect_proof = true) {
  Proven p;
  p.network = *model::ReadOnnx(AsBytes(DenseNetworkBytes(layers)), {});
  Result<model::Property> property = model::ReadVnnlib(text, {});
  if (!property.ok()) ADD_FAILURE() << property.error().message;
  p.property = *property;
  const Result<Claim> claim = PrepareClaim(p.network, p.property, arithmetic);
  EXPECT_TRUE(claim.ok());
  EXPECT_EQ(ProofSearch(*claim, {recipe}).Run(p.certificate), expect_proof);
  p.request.arithmetic = arithmetic;
  p.request.network.fill(1);
  p.request.property.fill(2);
  p.certificate.network = p.request.network;
  p.certificate.property = p.request.property;
  // As from a file: canonical.
  if (expect_proof) p.certificate = *ReadCertificate(AsBytes(WriteCertificate(p.certificate)));
  return p;
}

Proven Absolute(Arithmetic arithmetic = Arithmetic::kFloat32, Recipe recipe = Recipe::kForward) {
  return Make(AbsoluteLayers(), kAbsolute, arithmetic, recipe);
}

TEST(Checker, AcceptsProofsInEveryArithmeticAndRecipe) {
  for (const Arithmetic arithmetic : {Arithmetic::kReal, Arithmetic::kFloat32}) {
    for (const Recipe recipe : {Recipe::kForward, Recipe::kBackward}) {
      const Proven p = Absolute(arithmetic, recipe);
      ASSERT_EQ(p.property.cases.size(), 2u);
      const Verdict verdict = p.Ask();
      EXPECT_TRUE(verdict.proven) << verdict.reason.rule << ": " << verdict.reason.message;
      EXPECT_GT(verdict.leaves, 4u);
      EXPECT_GT(verdict.smallest_margin, 0);
      CheckLimits threads;
      threads.threads = 3;
      EXPECT_TRUE(p.Ask(threads).proven);
      EXPECT_EQ(p.Ask(threads).leaves, verdict.leaves);
      EXPECT_EQ(p.Ask(threads).smallest_margin, verdict.smallest_margin);
    }
  }
}

TEST(Checker, StartsAsRejected) {
  EXPECT_FALSE(Verdict{}.proven);
  EXPECT_FALSE(Verdict{}.reason.rule.empty());
}

std::string RuleOf(const Proven& p, const CheckLimits& limits = {}) {
  const Verdict verdict = p.Ask(limits);
  EXPECT_FALSE(verdict.proven && !verdict.reason.rule.empty() && verdict.reason.rule != "checker.not-run");
  return verdict.proven ? "proven" : verdict.reason.rule;
}

TEST(Checker, RefusesAnotherFileOrArithmetic) {
  const Proven good = Absolute();
  ASSERT_EQ(RuleOf(good), "proven");
  Proven p = good;
  p.request.network[31] ^= 1;
  EXPECT_EQ(RuleOf(p), "checker.digest");
  p = good;
  p.request.property[0] ^= 0x80;
  EXPECT_EQ(RuleOf(p), "checker.digest");
  p = good;
  p.request.arithmetic = Arithmetic::kReal;
  EXPECT_EQ(RuleOf(p), "checker.arithmetic");
  p = good;
  p.request.arithmetic = p.certificate.arithmetic = Arithmetic::kFloat64;  // of a float32 network
  EXPECT_EQ(RuleOf(p), "checker.arithmetic");
}

TEST(Checker, RefusesMissingAddedOrSwappedCasesAndConjunctions) {
  const Proven good = Absolute();
  Proven p = good;
  p.certificate.cases.pop_back();
  EXPECT_EQ(RuleOf(p), "checker.cases");
  p = good;
  p.certificate.cases.push_back(p.certificate.cases.back());
  EXPECT_EQ(RuleOf(p), "checker.cases");
  p = good;
  std::swap(p.certificate.cases[0], p.certificate.cases[1]);
  EXPECT_EQ(RuleOf(p), "checker.conjunctions");
  p = good;
  p.certificate.cases[0].conjunctions = 1;
  EXPECT_EQ(RuleOf(p), "checker.conjunctions");
  p = good;
  for (Argument& argument : p.certificate.cases[0].groups[0].arguments) argument.refutations.pop_back();
  EXPECT_EQ(RuleOf(p), "checker.conjunctions");
  p = good;
  p.certificate.cases.clear();
  EXPECT_EQ(RuleOf(p), "checker.cases");
  p.property.cases.clear();  // nothing to prove is not a proof
  EXPECT_EQ(RuleOf(p), "checker.cases");
}

TEST(Checker, RefusesTreesThatDoNotCover) {
  const Proven good = Absolute();
  auto& nodes = good.certificate.cases[0].groups[0].nodes;
  ASSERT_GT(nodes.size(), 8u);
  Proven p = good;
  p.certificate.cases[0].groups[0].nodes.pop_back();
  EXPECT_EQ(RuleOf(p), "checker.tree");
  p = good;
  p.certificate.cases[0].groups[0].nodes.push_back(Node::Leaf(0));
  EXPECT_EQ(RuleOf(p), "checker.tree");
  p = good;
  p.certificate.cases[0].groups[0].nodes.clear();
  EXPECT_EQ(RuleOf(p), "checker.tree");
  p = good;
  p.certificate.cases[0].groups[0].nodes[0] = Node::Leaf(0);  // the root box at once, and the rest left over
  EXPECT_NE(RuleOf(p), "proven");
  p = good;
  p.certificate.cases[0].groups[0].nodes.back() =
      Node::Leaf(static_cast<std::uint32_t>(p.certificate.cases[0].groups[0].arguments.size()));
  EXPECT_EQ(RuleOf(p), "checker.tree");
}

TEST(Checker, RefusesSplitsOutsideTheirBox) {
  const Proven good = Absolute();
  ASSERT_EQ(good.certificate.cases[0].groups[0].nodes[0].kind, NodeKind::kMidpointSplit);
  const auto root = [&](const Node& node) {
    Proven p = good;
    p.certificate.cases[0].groups[0].nodes[0] = node;
    return RuleOf(p);
  };
  const std::uint32_t input = good.certificate.cases[0].groups[0].nodes[0].index;
  for (const double value :
       {-1.0, 1.0, -2.0, 7.0, 1e300, std::numeric_limits<double>::quiet_NaN(), std::numeric_limits<double>::infinity()})
    EXPECT_EQ(root(Node::ValueSplit(input, value)), "checker.split") << value;
  EXPECT_EQ(root(Node::ValueSplit(input, 0.0)), "checker.split");  // the midpoint, said in another way
  EXPECT_EQ(root(Node::MidpointSplit(2)), "checker.split");
  EXPECT_EQ(root(Node::MidpointSplit(0xFFFFFFFFu)), "checker.split");
}

TEST(Checker, RefusesRowsThatAreNotThere) {
  Proven p = Absolute();
  p.certificate.cases[0].groups[0].arguments[0].refutations[0][0].row = 5;
  EXPECT_EQ(RuleOf(p), "checker.row");
  p = Absolute();
  p.certificate.cases[0].groups[0].arguments[0].refutations[0].clear();
  EXPECT_EQ(RuleOf(p), "checker.row");
}

TEST(Checker, AcceptsValueSplitsAndCombinations) {
  // y0 = x0, y1 = −x0: no single row of {y0 ≤ −0.1, y1 ≤ −0.1} is refuted on [−1, 1], but their sum is.
  const std::vector<DenseLayer> layers = {{{{1}, {-1}}, {0, 0}, false}};
  Proven p = Make(layers,
                  "(declare-const X_0 Real) (declare-const Y_0 Real) (declare-const Y_1 Real) (assert (>= X_0 -1))"
                  "(assert (<= X_0 1)) (assert (<= Y_0 -0.1)) (assert (<= Y_1 -0.1))",
                  Arithmetic::kFloat32, Recipe::kForward);
  GroupProof& proof = p.certificate.cases[0].groups[0];
  proof.arguments = {{Recipe::kForward, {{{0, 40}, {1, 40}}}}};
  proof.nodes = {Node::Leaf(0)};
  EXPECT_EQ(RuleOf(p), "proven");
  proof.arguments = {{Recipe::kForward, {{{0, 40}, {1, 60}}}}};  // 8·2^5 and 12·2^7: unbalanced
  EXPECT_EQ(RuleOf(p), "checker.leaf");
  proof.arguments = {{Recipe::kForward, {{{0, 0}}}}, {Recipe::kForward, {{{1, 0}}}}};
  proof.nodes = {Node::ValueSplit(0, 0.01), Node::Leaf(1), Node::Leaf(0)};
  EXPECT_EQ(RuleOf(p), "proven");
  proof.nodes = {Node::ValueSplit(0, 0.01), Node::Leaf(0), Node::Leaf(1)};
  EXPECT_EQ(RuleOf(p), "checker.leaf");
}

TEST(Checker, LimitsAreCheckedBeforeWork) {
  const Proven good = Absolute();
  const auto limited = [&](auto set) {
    CheckLimits limits;
    set(limits);
    return RuleOf(good, limits);
  };
  EXPECT_EQ(limited([](CheckLimits& l) { l.operations_max = 1000; }), "checker.limit-operations");
  EXPECT_EQ(limited([](CheckLimits& l) { l.scratch_bytes_max = 1000; }), "checker.limit-memory");
  EXPECT_EQ(limited([](CheckLimits& l) { l.certificate.nodes_max = 5; }), "checker.limit-nodes");
  EXPECT_EQ(limited([](CheckLimits& l) { l.certificate.arguments_max = 1; }), "checker.limit-arguments");
  EXPECT_EQ(limited([](CheckLimits& l) { l.certificate.depth_max = 1; }), "checker.limit-depth");
  EXPECT_EQ(limited([](CheckLimits& l) { l.threads = 0; }), "checker.threads");
  EXPECT_EQ(limited([](CheckLimits& l) { l.threads = 1025; }), "checker.threads");
}

TEST(Checker, RefusesToWorkInAnUnusualEnvironment) {
  const Proven p = Absolute();
  std::fesetround(FE_DOWNWARD);
  const std::string rule = RuleOf(p);
  std::fesetround(FE_TONEAREST);
  EXPECT_EQ(rule, "checker.environment");
}

TEST(Checker, ReportsTheFirstFailingLeafWhateverTheThreads) {
  Proven p = Make(AbsoluteLayers(), kAbsolute, Arithmetic::kFloat32, Recipe::kForward);
  // A property that is a little harder than the one that was proven.
  std::string harder = kAbsolute;
  harder.replace(harder.find("(<= Y_0 0.5)"), 12, "(<= Y_0 0.7)");
  p.property = *model::ReadVnnlib(harder, {});
  const Verdict one = p.Ask();
  EXPECT_EQ(one.reason.rule, "checker.leaf");
  for (const unsigned threads : {2u, 5u}) {
    CheckLimits limits;
    limits.threads = threads;
    EXPECT_EQ(p.Ask(limits).reason.message, one.reason.message);
  }
}

// However a certificate is mutated, it never proves what has a counterexample. The property is violated in a corner of
// the box only, so most leaves hold and a mutation has something to hide.
TEST(Checker, NoMutationProvesAPropertyWithACounterexample) {
  const char* text =
      "(declare-const X_0 Real) (declare-const X_1 Real) (declare-const Y_0 Real) (declare-const Y_1 Real)\n"
      "(assert (>= X_0 -1)) (assert (<= X_0 1)) (assert (>= X_1 -1)) (assert (<= X_1 1))\n"
      "(assert (or (and (>= Y_0 1.75) (>= Y_1 -5)) (<= Y_1 -1)))";
  std::string weaker = text;  // holds: y0 ≤ 2, so it gives a whole tree to start from
  weaker.replace(weaker.find("1.75"), 4, "2.01");
  Proven p = Make(AbsoluteLayers(), weaker, Arithmetic::kFloat32, Recipe::kForward);
  ASSERT_EQ(RuleOf(p), "proven");
  p.property = *model::ReadVnnlib(text, {});
  // Refine so that only corners are left unproven.
  const std::string start = [&] {
    Certificate c = p.certificate;
    for (int round = 0; round < 4; ++round) {
      GroupProof& proof = c.cases[0].groups[0];
      std::vector<Node> nodes;
      for (const Node& node : proof.nodes) {
        if (node.kind != NodeKind::kLeaf) {
          nodes.push_back(node);
          continue;
        }
        nodes.insert(nodes.end(), {Node::MidpointSplit(static_cast<std::uint32_t>(round % 2)), node, node});
      }
      proof.nodes = nodes;
    }
    return WriteCertificate(c);
  }();
  std::mt19937_64 random(11);
  std::size_t parsed = 0;
  for (std::size_t i = 0; i < RandomCases(30'000); ++i) {
    std::string bytes = start;
    for (std::size_t edits = 1 + random() % 3; edits > 0; --edits) {
      const std::size_t at = 76 + random() % (bytes.size() - 76);
      const std::uint8_t usual[] = {
          0, 1, 2, 0x60, 0x61, 0x62, 0x80, 0x81, 0x82, 0xFF, static_cast<std::uint8_t>(random())};
      const char byte = static_cast<char>(usual[random() % std::size(usual)]);
      switch (random() % 4) {
        case 0:
          bytes.insert(at, 1, byte);
          break;
        case 1:
          bytes.erase(at, 1 + random() % 4);
          break;
        case 2:  // a whole piece elsewhere
          bytes.insert(at, bytes.substr(76 + random() % (bytes.size() - 76), 1 + random() % 8));
          break;
        default:
          bytes[at] = byte;
      }
      if (bytes.size() < 80) break;
    }
    const Result<Certificate> certificate = ReadCertificate(AsBytes(bytes));
    if (!certificate.ok()) continue;
    ++parsed;
    ASSERT_FALSE(Check(p.network, p.property, *certificate, p.request).proven) << "edit " << i;
  }
  std::printf("%zu mutated certificates were well-formed\n", parsed);
  EXPECT_GT(parsed, RandomCases(300));
}

TEST(BoxWalk, LeavesCoverTheBoxAndNothingIsOutside) {
  const RootBox root{{-1, 0}, {1, 1}};
  GroupProof proof;
  proof.arguments.resize(1);
  proof.nodes = {Node::MidpointSplit(0), Node::ValueSplit(1, 0.25), Node::Leaf(0),
                 Node::Leaf(0),          Node::MidpointSplit(0),    Node::Leaf(0),
                 Node::Leaf(0)};
  BoxWalk walk(root, 0, proof, 10);
  double area = 0;
  std::vector<std::vector<double>> lower;
  while (walk.Next()) {
    lower.push_back(walk.lower());
    area += (walk.upper()[0] - walk.lower()[0]) * (walk.upper()[1] - walk.lower()[1]);
    EXPECT_EQ(walk.depth(), 2u);
  }
  EXPECT_TRUE(walk.finished());
  EXPECT_FALSE(walk.error());
  EXPECT_EQ(area, 2.0);
  EXPECT_EQ(lower, (std::vector<std::vector<double>>{{-1, 0}, {-1, 0.25}, {0, 0}, {0.5, 0}}));
}

TEST(BoxWalk, MidpointAtExtremes) {
  const double tiny = std::numeric_limits<double>::denorm_min(), huge = std::numeric_limits<double>::max();
  EXPECT_EQ(SplitMidpoint(-huge, huge), 0);
  EXPECT_EQ(SplitMidpoint(huge, huge), huge);
  EXPECT_EQ(SplitMidpoint(-tiny, tiny), 0);
  const auto splits = [&](double lower, double upper) {
    GroupProof proof;
    proof.arguments.resize(1);
    proof.nodes = {Node::MidpointSplit(0), Node::Leaf(0), Node::Leaf(0)};
    const RootBox root{{lower}, {upper}};
    BoxWalk walk(root, 0, proof, 10);
    std::size_t leaves = 0;
    while (walk.Next()) {
      ++leaves;
      EXPECT_LT(walk.lower()[0], walk.upper()[0]);
      EXPECT_GE(walk.lower()[0], lower);
      EXPECT_LE(walk.upper()[0], upper);
    }
    return walk.finished() && leaves == 2;
  };
  EXPECT_TRUE(splits(-huge, huge));
  EXPECT_TRUE(splits(huge / 2, huge));
  EXPECT_TRUE(splits(-tiny, tiny));
  EXPECT_FALSE(splits(1, 1));
  EXPECT_FALSE(splits(1, std::nextafter(1.0, 2.0)));
  EXPECT_FALSE(splits(0, tiny));
  EXPECT_FALSE(splits(tiny, 2 * tiny));
}

TEST(BoxWalk, EndsAtTheDepthLimitWithoutRecursion) {
  GroupProof proof;
  proof.arguments.resize(1);
  proof.nodes.assign(1'000'000, Node::ValueSplit(0, 0));
  for (std::size_t i = 0; i < proof.nodes.size(); ++i) proof.nodes[i].value = 1 / (2.0 + static_cast<double>(i));
  const RootBox root{{0}, {1}};
  BoxWalk walk(root, 0, proof, 5000);
  EXPECT_FALSE(walk.Next());
  EXPECT_FALSE(walk.finished());
  ASSERT_TRUE(walk.error());
}

TEST(RootBoxes, HoldEveryRoundingOfTheInputSet) {
  const model::Network network = *model::ReadOnnx(AsBytes(DenseNetworkBytes({{{{1, 1, 1}}, {0}, false}})), {});
  // 0.1 and 0.3 are no floats; x1 lies between two of them; x2 is subnormal in float32.
  const model::Property property = *model::ReadVnnlib(
      "(declare-const X_0 Real) (declare-const X_1 Real) (declare-const X_2 Real) (declare-const Y_0 Real)"
      "(assert (>= X_0 0.1)) (assert (<= X_0 0.3)) (assert (= X_1 0.1)) (assert (>= X_2 -1e-40))"
      "(assert (<= X_2 -1e-41)) (assert (<= Y_0 0))",
      {});
  const Result<Claim> real = PrepareClaim(network, property, Arithmetic::kReal);
  const Result<Claim> single = PrepareClaim(network, property, Arithmetic::kFloat32);
  ASSERT_TRUE(real.ok() && single.ok());
  const model::Decimal tenth = *model::Decimal::Parse("0.1", 10);
  EXPECT_GT(tenth.Compare(real->boxes[0].lower[1]), 0);
  EXPECT_LT(tenth.Compare(real->boxes[0].upper[1]), 0);
  EXPECT_EQ(std::nextafter(real->boxes[0].lower[1], 1.0), real->boxes[0].upper[1]);
  EXPECT_EQ(single->boxes[0].lower[0], static_cast<double>(0.1f));
  EXPECT_EQ(single->boxes[0].upper[0], static_cast<double>(0.3f));
  EXPECT_EQ(single->boxes[0].lower[1], single->boxes[0].upper[1]);
  EXPECT_EQ(single->boxes[0].upper[2], 0);  // may be flushed
  EXPECT_LT(real->boxes[0].upper[2], 0);
  EXPECT_EQ(PrepareClaim(network, property, Arithmetic::kFloat64).error().rule, "checker.arithmetic");
}

}  // namespace checker_test
}  // namespace pawl::checker
