// The checker's own bounds, leaf by leaf: for leaves of the prover's certificates, points of the leaf are evaluated as
// a deployed library may do it, and every value of the network has to lie in the bounds that the checker has for it
// there, and the leaf's rows above what they refute. Where a certificate has weight radii, networks of its envelope are
// evaluated, on its rim in most places, and each has to be found in it.
//
//   leaf_samples_test [--budget SECONDS] [--seed N] [--minimum N]      N: samples in all
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <limits>

#include "checker/box_walk.h"
#include "checker/claim.h"
#include "checker/deployed_evaluation_for_test.h"
#include "checker/envelope.h"
#include "checker/envelope_member_for_test.h"
#include "checker/leaf.h"
#include "checker/root_bounds.h"
#include "dense_network.h"
#include "prover/envelope.h"
#include "prover/prover.h"
#include "source_directory.h"

namespace pawl::soundness {
namespace {

using checker::Arithmetic;

constexpr std::size_t kNoLimit = std::numeric_limits<std::size_t>::max();

struct Proof {
  std::string name, network_bytes;
  model::Network network;
  model::Property property;
  Arithmetic arithmetic = Arithmetic::kReal;
  checker::Certificate certificate;
};

std::string ReadFile(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

void AddProof(const std::string& name, const std::string& network_bytes, const std::string& text, Random& random,
              std::vector<Proof>& proofs) {
  Proof proof{name,
              network_bytes,
              *model::ReadOnnx(AsBytes(network_bytes), {}),
              *model::ReadVnnlib(text, {}),
              random() % 2 == 0 ? Arithmetic::kReal : Arithmetic::kFloat32,
              {}};
  prover::ProofRequest request;
  request.network = &proof.network;
  request.property = &proof.property;
  request.arithmetic = proof.arithmetic;
  request.timeout_ms = 2000;
  request.threads = 1;
  request.recipe = static_cast<prover::RecipeChoice>(random() % 3);
  if (random() % 2 == 0) {
    const double value = std::ldexp(1.0, -6 - static_cast<int>(random() % 8));
    const auto unit = random() % 2 == 0 ? prover::RadiusUnit::kShare : prover::RadiusUnit::kAbsolute;
    request.radii = prover::RadiiFor(proof.network, {value, unit});
  }
  const prover::ProofResult result = Prove(request);
  if (result.status != prover::ProofStatus::kProven) return;
  const std::string bytes(result.certificate.begin(), result.certificate.end());
  proof.certificate = *checker::ReadCertificate(AsBytes(bytes));
  proofs.push_back(std::move(proof));
}

std::vector<Proof> SomeProofs(Random& random) {
  std::vector<Proof> proofs;
  const std::filesystem::path example = std::filesystem::path(SourceDirectory()) / "examples/collision";
  const std::string policy = ReadFile(example / "subject/policy.onnx");
  for (const auto& entry : std::filesystem::directory_iterator(example / "charter/properties"))
    AddProof(entry.path().filename(), policy, ReadFile(entry.path()), random, proofs);
  std::normal_distribution<float> normal(0, 1);
  while (proofs.size() < 60) {
    DenseNetwork network;
    // With this many inputs the proof is by phases, and the hidden bounds may be by trees of splits.
    const bool wide = proofs.size() % 4 == 0;
    std::size_t from = wide ? 25 : 1 + random() % 6;
    std::vector<std::size_t> sizes = {2 + random() % 8, 2 + random() % 8, 1};
    if (wide) sizes = {8, 8, 8, 1};
    for (const std::size_t to : sizes) {
      network.layers.push_back(MakeLayer(from, to, [&] { return normal(random); }));
      from = to;
    }
    network.layers.back().relu = false;
    TextBox box;
    for (std::size_t i = 0; i < network.inputs(); ++i) {
      const double centre = static_cast<double>(normal(random));
      box.lower.push_back(Text("%.7f", centre - (wide ? 0.1 : 0.4)));
      box.upper.push_back(Text("%.7f", centre + (wide ? 0.1 : 0.4)));
    }
    // Whatever threshold is proven first; it is a close one.
    const std::size_t before = proofs.size();
    const auto next = [&](double threshold) {
      return wide ? threshold - 0.25 - 0.1 * std::abs(threshold) : 1.4 * threshold - 3;
    };
    for (double threshold = 4; threshold > -300 && proofs.size() == before; threshold = next(threshold)) {
      const std::string unsafe = "(assert (<= Y_0 " + Text("%.4f", threshold) + "))";
      AddProof("random", network.ToOnnx(), Declarations(network.inputs(), 1) + BoxAssertions(box) + unsafe, random,
               proofs);
    }
  }
  return proofs;
}

class Sampler {
 public:
  explicit Sampler(Random& random) : random_(random) {}

  // Samples some leaves of each tree, leaves_max at most.
  void Sample(const Proof& proof, std::size_t samples_per_leaf, std::size_t leaves_max) {
    SCOPED_TRACE(proof.name);
    const Result<checker::Claim> claim =
        PrepareClaim(proof.network, proof.property, proof.arithmetic, proof.certificate.radii);
    ASSERT_TRUE(claim.ok());
    std::vector<std::size_t> operands;  // of the ReLUs, in order
    std::size_t neurons = 0;
    for (const checker::Step& step : claim->steps) {
      if (!step.is_rectifier()) continue;
      operands.push_back(step.input);
      neurons += claim->sizes[step.input];
    }
    checker::LeafEngine engine(*claim);
    for (std::size_t c = 0; c < proof.certificate.cases.size(); ++c) {
      const std::vector<checker::RootLayer>& layers = proof.certificate.cases[c].root;
      const Result<checker::RootBounds> root = BoundRoot(*claim, c, layers, 1);
      ASSERT_TRUE(root.ok() && root->usable);
      engine.SetRoot(&*root);
      for (const checker::RootLayer& layer : layers) trees_ += layer.mode == checker::RootMode::kBySplits;
      for (const checker::GroupProof& group : proof.certificate.cases[c].groups) {
        checker::BoxWalk walk(claim->boxes[c], neurons, group, 4096);
        const std::size_t leaves = group.nodes.size() / 2 + 1;
        while (walk.Next())
          if (leaves_max > 0 && random_() % leaves < 4) {
            --leaves_max;
            Leaf(proof, *claim, group, c, walk, operands, engine, samples_per_leaf);
          }
        EXPECT_TRUE(walk.finished());
      }
    }
  }

  std::size_t leaves() const { return leaves_; }
  std::size_t samples() const { return samples_; }
  std::size_t outside() const { return outside_; }
  std::size_t members() const { return members_; }
  std::size_t trees() const { return trees_; }

 private:
  void Leaf(const Proof& proof, const checker::Claim& claim, const checker::GroupProof& group, std::size_t case_index,
            const checker::BoxWalk& walk, const std::vector<std::size_t>& operands, checker::LeafEngine& engine,
            std::size_t samples) {
    ++leaves_;
    const checker::Recipe recipe = group.arguments[walk.argument()].recipe;
    checker::LeafTask task{walk.lower(), walk.upper(), {}};
    task.phases = walk.phases();
    engine.Bound(recipe, {&task, 1});
    const model::Network member = Member(proof);
    checker::DeployedEvaluation<float> deployed(member, random_);
    for (std::size_t s = 0; s < samples; ++s) {
      std::vector<float> input;
      for (std::size_t i = 0; i < walk.lower().size(); ++i) input.push_back(Draw(walk.lower()[i], walk.upper()[i]));
      if (!std::equal(input.begin(), input.end(), walk.lower().begin(), [](float x, double l) { return x >= l; }) ||
          !std::equal(input.begin(), input.end(), walk.upper().begin(), [](float x, double u) { return x <= u; }))
        continue;  // no float between the bounds
      const auto values = proof.arithmetic == Arithmetic::kFloat32 ? Widened(deployed(input)) : Real(member, input);
      if (!InPhases(walk.phases(), claim, operands, values)) {
        ++outside_;
        continue;
      }
      ++samples_;
      // In `real` the sample is computed in double precision: its own error, far above what it can be here.
      const double slack = proof.arithmetic == Arithmetic::kReal ? 1e-9 : 0;
      for (std::size_t v = 0; v < values.size(); ++v) {
        for (std::size_t n = 0; n < values[v].size(); ++n) {
          const checker::Interval bound = engine.Value(v, n, 0);
          ASSERT_TRUE(bound.lower - slack <= values[v][n] && values[v][n] <= bound.upper + slack)
              << "value " << v << ", neuron " << n << ": " << values[v][n] << " is not in [" << bound.lower << ", "
              << bound.upper << "]";
        }
      }
      const std::vector<double>& output = values[proof.network.graph.output];
      for (const std::uint32_t k : group.members) {
        const model::Conjunction& rows = proof.property.cases[case_index].unsafe[k];
        ASSERT_FALSE(std::all_of(rows.begin(), rows.end(), [&](const model::Row& row) {
          return Holds(row, input, output);
        })) << "an unsafe output in a leaf that the checker accepts";
      }
    }
  }

  // The proof's network, or another of its envelope.
  model::Network Member(const Proof& proof) {
    const std::vector<checker::TensorRadius>& radii = proof.certificate.radii;
    members_ += radii.empty() ? 0 : 1;
    const std::string bytes = DrawMember(proof.network, proof.network_bytes, radii, random_);
    EXPECT_TRUE(MeasureDistances(proof.network, AsBytes(proof.network_bytes), AsBytes(bytes), radii).ok());
    return *model::ReadOnnx(AsBytes(bytes), {});
  }

  float Draw(double lower, double upper) {
    const double share =
        random_() % 3 == 0 ? static_cast<double>(random_() % 2) : std::uniform_real_distribution<double>(0, 1)(random_);
    return static_cast<float>(lower + (upper - lower) * share);
  }

  static std::vector<std::vector<double>> Widened(const std::vector<std::vector<float>>& values) {
    std::vector<std::vector<double>> wide;
    for (const std::vector<float>& value : values) wide.emplace_back(value.begin(), value.end());
    return wide;
  }
  std::vector<std::vector<double>> Real(const model::Network& network, const std::vector<float>& input) {
    checker::DeployedEvaluation<double> evaluation(network, random_);
    const std::vector<double> wide(input.begin(), input.end());
    return evaluation(wide);
  }

  static bool InPhases(const std::vector<checker::Phase>& phases, const checker::Claim& claim,
                       const std::vector<std::size_t>& operands, const std::vector<std::vector<double>>& values) {
    return std::all_of(phases.begin(), phases.end(), [&](const checker::Phase& phase) {
      std::size_t neuron = phase.neuron;
      for (const std::size_t operand : operands) {
        if (neuron < claim.sizes[operand])
          return phase.positive ? values[operand][neuron] >= 0 : values[operand][neuron] <= 0;
        neuron -= claim.sizes[operand];
      }
      return false;
    });
  }

  static bool Holds(const model::Row& row, const std::vector<float>& input, const std::vector<double>& output) {
    model::Decimal sum;
    for (const model::Term& term : row.terms) {
      const double value = term.variable < input.size() ? static_cast<double>(input[term.variable])
                                                        : output[term.variable - input.size()];
      sum = sum + term.coefficient * model::Decimal::FromDouble(value);
    }
    return sum <= row.bound;
  }

  Random& random_;
  std::size_t leaves_ = 0, samples_ = 0, outside_ = 0, members_ = 0;
  std::size_t trees_ = 0;  // layers bounded by trees of splits
};

TEST(LeafSamples, LieInTheCheckersBounds) {
  const auto start = std::chrono::steady_clock::now();
  const auto spent = [&] { return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count(); };
  const std::size_t samples_min = Options().cases_min ? Options().cases_min : 50'000;
  Random random(Options().seed);
  const std::vector<Proof> proofs = SomeProofs(random);
  Sampler sampler(random);
  // In the long form a leaf gets many samples, in the short one many leaves get some.
  const std::size_t samples_per_leaf = std::max<std::size_t>(100, samples_min / 1000);
  // In the long form a million in one leaf of each of some proofs, too.
  for (std::size_t k = 0; samples_min >= 1'000'000 && k < 4; ++k) sampler.Sample(proofs[17 * k + 8], 1'000'000, 1);
  std::size_t rounds = 0;
  while ((sampler.samples() < samples_min || spent() < Options().budget_seconds) && !::testing::Test::HasFailure()) {
    for (const Proof& proof : proofs) {
      sampler.Sample(proof, samples_per_leaf, kNoLimit);
      if (::testing::Test::HasFailure()) break;
    }
    ASSERT_LT(++rounds, 10'000u) << "no samples";
  }
  std::printf(
      "%zu certificates, %zu leaves drawn, %zu samples in them, %zu outside their phases, %zu members of\n"
      "envelopes, %zu layers with trees (%.1f s)\n",
      proofs.size(), sampler.leaves(), sampler.samples(), sampler.outside(), sampler.members(), sampler.trees(),
      spent());
  EXPECT_GT(sampler.trees(), 0u);
  EXPECT_GT(5 * sampler.members(), sampler.leaves());
  EXPECT_GT(proofs.size(), 50u);
}

}  // namespace
}  // namespace pawl::soundness

int main(int argc, char** argv) {
  ::testing::InitGoogleTest(&argc, argv);
  if (!pawl::soundness::ParseOptions(argc, argv)) {
    std::fprintf(stderr, "usage: leaf_samples_test [--budget SECONDS] [--seed N] [--minimum N]\n");
    return 2;
  }
  return RUN_ALL_TESTS();
}
