// Every operator that can be read: what the checker accepts of small random graphs (convolutions, pools, normalisation,
// residual sums, LeakyRelu, Clip, Sigmoid, Tanh, relabelling), against evaluations.
//
// For each graph the largest threshold is found for which the checker accepts "no output is at most this", by each
// recipe; then outputs are computed exactly, or as deployed libraries may compute them, and none may reach it. The
// prover's certificates of thresholds near the smallest output are checked and sampled likewise, and neither they nor
// mutations of them may prove a threshold that an output is known to reach.
//
//   operators_test [--budget SECONDS] [--seed N] [--minimum N]
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <limits>
#include <map>
#include <optional>

#include "checker/deployed_evaluation_for_test.h"
#include "checker/random_claim_for_test.h"
#include "dense_network.h"
#include "model/random_graph_for_test.h"
#include "prover/prover.h"

namespace pawl::soundness {
namespace {

using checker::Arithmetic;
using checker::Recipe;

// A recipe and, for the root's, its section without tables.
std::string OneLeaf(const model::Network& network, Arithmetic arithmetic, Recipe recipe,
                    const std::vector<std::uint32_t>& cuts) {
  const std::string plain = UniformCertificate(arithmetic, recipe == Recipe::kRoot ? Recipe::kForward : recipe, cuts);
  if (recipe != Recipe::kRoot) return plain;
  checker::Certificate certificate = *checker::ReadCertificate(AsBytes(plain));
  for (const model::VectorNode& node : network.graph.nodes) {
    const auto* activation = std::get_if<model::Activation>(&node.function);
    using Form = model::Activation::Form;
    if (activation == nullptr || (activation->form != Form::kRelu && activation->form != Form::kLeakyRelu)) continue;
    checker::RootLayer& layer = certificate.cases[0].root.emplace_back();
    layer.neurons = static_cast<std::uint32_t>(node.size);
    layer.listed.resize((node.size + 7) / 8);
  }
  for (checker::Argument& argument : certificate.cases[0].groups[0].arguments) argument.recipe = Recipe::kRoot;
  return checker::WriteCertificate(certificate);
}

struct Counts {
  std::size_t graphs = 0, accepted = 0, refused = 0, samples = 0, proven = 0, violated = 0, unknown = 0, mutations = 0;
};

class Suite {
 public:
  explicit Suite(std::uint64_t seed) : random_(seed), seed_(seed) {}

  void Case() {
    const std::string bytes = model::onnx::RandomGraph(++seed_, model::onnx::Dialect::kEverything).Bytes();
    const Asked asked(bytes);
    const model::Network& network = asked.network();
    if (network.input_size() > 40) return;
    ++counts_.graphs;
    const bool wide = network.element_type() == model::ElementType::kFloat64;
    const Arithmetic arithmetic = random_() % 3 == 0 ? Arithmetic::kReal
                                  : wide             ? Arithmetic::kFloat64
                                                     : Arithmetic::kFloat32;
    const std::string head = RandomBox(network);
    const std::optional<double> least = LeastOutput(network, arithmetic);
    if (!least) return;
    std::vector<std::uint32_t> cuts;
    if (arithmetic == Arithmetic::kReal && lower_[0] != upper_[0]) cuts.push_back(0);
    for (const Recipe recipe : {Recipe::kForward, Recipe::kBackward, Recipe::kRoot})
      Bisect(asked, head, OneLeaf(network, arithmetic, recipe, cuts), arithmetic, *least);
    if (counts_.graphs % 4 == 0) Prove(asked, bytes, head, arithmetic, *least);
  }

  void Report() const {
    const Counts& c = counts_;
    std::printf(
        "%zu graphs, %zu bounds accepted, %zu refused, %zu samples; prover: %zu proven, %zu violated, %zu unknown, "
        "%zu mutations refused\n",
        c.graphs, c.accepted, c.refused, c.samples, c.proven, c.violated, c.unknown, c.mutations);
    EXPECT_GT(c.accepted, 10 * c.refused);
    EXPECT_GT(4 * c.proven, c.graphs / 4);
    EXPECT_EQ(c.violated, 0u);  // of what no sample violates; a corner that samples missed would be one
  }

 private:
  std::string RandomBox(const model::Network& network) {
    std::normal_distribution<double> normal(0, 1);
    const double radius = std::ldexp(1.0, -static_cast<int>(random_() % 8)) * (random_() % 6 == 0 ? 0 : 1);
    TextBox box;
    lower_.clear();
    upper_.clear();
    for (std::size_t j = 0; j < network.input_size(); ++j) {
      // Numbers of the format, so that a sample of the box is a sample of the claim.
      const double centre = normal(random_);
      lower_.push_back(static_cast<double>(static_cast<float>(centre - radius)));
      upper_.push_back(static_cast<double>(static_cast<float>(centre + radius)));
      box.lower.push_back(model::Decimal::FromDouble(lower_.back()).ToString());
      box.upper.push_back(model::Decimal::FromDouble(upper_.back()).ToString());
    }
    return Declarations(network.input_size(), network.output_size()) + BoxAssertions(box);
  }

  template <typename T>
  double Deployed(const model::Network& network, const std::vector<double>& x) {
    checker::DeployedEvaluation<T> evaluate(network, random_);
    const std::vector<T> input(x.begin(), x.end());
    return static_cast<double>(evaluate(input)[network.graph.output][0]);
  }

  // Over samples of the box.
  std::optional<double> LeastOutput(const model::Network& network, Arithmetic arithmetic) {
    double least = std::numeric_limits<double>::infinity();
    for (int k = 0; k < 40; ++k) {
      std::vector<double> x;
      for (std::size_t j = 0; j < lower_.size(); ++j) {
        const double between = std::lerp(lower_[j], upper_[j], std::uniform_real_distribution<double>(0, 1)(random_));
        const double rounded = std::clamp(static_cast<double>(static_cast<float>(between)), lower_[j], upper_[j]);
        x.push_back(k % 2 == 0 ? (random_() % 2 == 0 ? lower_[j] : upper_[j]) : rounded);
      }
      ++counts_.samples;
      double y = 0;
      if (arithmetic == Arithmetic::kReal && k % 4 != 0) continue;  // exact evaluations are slow
      if (arithmetic == Arithmetic::kReal)
        y = checker::ExactEvaluation(network)(x)[network.graph.output][0].get_d();
      else
        y = arithmetic == Arithmetic::kFloat64 ? Deployed<double>(network, x) : Deployed<float>(network, x);
      if (!std::isfinite(y)) return std::nullopt;
      least = std::min(least, y);
    }
    return least;
  }

  static std::string AtMost(double threshold) { return "(assert (<= Y_0 " + Text("%.17e", threshold) + "))"; }

  void Bisect(const Asked& asked, const std::string& head, const std::string& certificate, Arithmetic arithmetic,
              double least) {
    const double size = std::max(std::abs(least), 0x1p-40);
    const auto accepted = [&](int k) {
      return asked(head + AtMost(least - std::ldexp(size, k)), certificate, arithmetic).proven;
    };
    // In `real` the sample itself is a rounded number.
    const bool is_sound = !asked(head + AtMost(least + 1e-14 * size), certificate, arithmetic).proven;
    EXPECT_TRUE(is_sound) << "seed " << seed_ << ": accepted that no output is at most " << least << ", but one is";
    int refused = -50, good = 30;
    (accepted(good) ? counts_.accepted : counts_.refused) += 1;
    while (good - refused > 8) {
      const int middle = refused + (good - refused) / 2;
      (accepted(middle) ? good : refused) = middle;
    }
  }

  void Prove(const Asked& asked, const std::string& bytes, const std::string& head, Arithmetic arithmetic,
             double least) {
    const std::string text = head + AtMost(least - 0.1 * std::max(1.0, std::abs(least)));
    const model::Property property = *model::ReadVnnlib(text, {});
    prover::ProofRequest request;
    request.network = &asked.network();
    request.property = &property;
    request.network_digest = Sha256(bytes);
    request.property_digest = Sha256(text);
    request.arithmetic = arithmetic;
    request.timeout_ms = 300;
    request.threads = 1;
    const prover::ProofResult result = prover::Prove(request);
    if (result.status == prover::ProofStatus::kViolated) {
      // Then the samples missed something; the counterexample was confirmed exactly, so it is no fault.
      const double y = result.counterexample.outputs[0];
      EXPECT_LE(y, least);
      return;
    }
    if (result.status != prover::ProofStatus::kProven) {
      ++counts_.unknown;
      return;
    }
    ++counts_.proven;
    std::string certificate(result.certificate.begin(), result.certificate.end());
    EXPECT_TRUE(asked(text, certificate, arithmetic).proven);
    const std::string violated = head + AtMost(least + 1e-12 * std::max(1.0, std::abs(least)));
    for (int i = 0; i < 10; ++i) {
      EXPECT_FALSE(asked(violated, certificate, arithmetic).proven) << "seed " << seed_;
      certificate[kHeaderBytes + random_() % (certificate.size() - kHeaderBytes)] ^=
          static_cast<char>(1u << random_() % 8);
      ++counts_.mutations;
    }
  }

  std::mt19937_64 random_;
  std::uint64_t seed_;
  std::vector<double> lower_, upper_;
  Counts counts_;
};

TEST(Operators, NoEvaluationContradictsWhatIsAccepted) {
  const auto start = std::chrono::steady_clock::now();
  const std::size_t cases_min = Options().cases_min ? Options().cases_min : 100;
  Suite suite(Options().seed * 1'000'003);
  const auto spent = [&] { return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count(); };
  for (std::size_t cases = 0; cases < cases_min || spent() < Options().budget_seconds; ++cases) {
    suite.Case();
    if (::testing::Test::HasFailure()) break;
  }
  suite.Report();
}

}  // namespace
}  // namespace pawl::soundness

int main(int argc, char** argv) {
  ::testing::InitGoogleTest(&argc, argv);
  if (!pawl::soundness::ParseOptions(argc, argv)) {
    std::fprintf(stderr, "usage: operators_test [--budget SECONDS] [--seed N] [--minimum N]\n");
    return 2;
  }
  return RUN_ALL_TESTS();
}
