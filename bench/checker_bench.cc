// What the checker takes for a leaf of a certificate, on the collision example's network and one of its properties:
// forward and backward bounds of hidden layers, one thread. Items are leaves. Each leaf of the prover's proof is split
// further until there are so many that what a check costs once does not count. And what it takes to find an update in
// an envelope that is proven.
#include <benchmark/benchmark.h>

#include <cstring>
#include <fstream>
#include <iterator>
#include <optional>
#include <string>
#include <vector>

#include "checker/checker.h"
#include "checker/proof_search_for_test.h"
#include "prover/envelope.h"
#include "prover/prover.h"
#include "source_directory.h"

namespace pawl::checker {
namespace {

constexpr std::uint32_t kWideInputs = 3;
constexpr unsigned kDepth = 6;

std::string ReadFile(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

struct Proof {
  model::Network network;
  model::Property property;
  Certificate certificate;
};

// A leaf as a complete tree of midpoint splits: what holds for a box holds for its parts.
void SplitLeaf(const Node& leaf, std::uint32_t inputs, unsigned depth, std::vector<Node>& nodes) {
  if (depth == 0) {
    nodes.push_back(leaf);
    return;
  }
  nodes.push_back(Node::MidpointSplit(depth % inputs));
  SplitLeaf(leaf, inputs, depth - 1, nodes);
  SplitLeaf(leaf, inputs, depth - 1, nodes);
}

Certificate Refined(const Certificate& certificate, std::uint32_t inputs, unsigned depth) {
  Certificate refined = certificate;
  for (CaseProof& case_proof : refined.cases) {
    GroupProof& proof = case_proof.groups[0];
    std::vector<Node> nodes;
    for (const Node& node : proof.nodes) {
      if (node.kind == NodeKind::kLeaf) {
        SplitLeaf(node, inputs, depth, nodes);
      } else {
        nodes.push_back(node);
      }
    }
    proof.nodes = std::move(nodes);
  }
  return refined;
}

std::optional<Proof> ProofOf(const std::string& property_name, prover::RecipeChoice recipe) {
  const std::string example = SourceDirectory() + "/examples/collision/";
  const std::string bytes = ReadFile(example + "subject/policy.onnx");
  Result<model::Network> network = model::ReadOnnx({reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size()}, {});
  Result<model::Property> property =
      model::ReadVnnlib(ReadFile(example + "charter/properties/" + property_name + ".vnnlib"), {});
  if (!network.ok() || !property.ok()) return std::nullopt;
  prover::ProofRequest request;
  request.network = &*network;
  request.property = &*property;
  request.arithmetic = Arithmetic::kFloat32;
  request.recipe = recipe;
  request.timeout_ms = 60'000;
  request.threads = 1;
  const prover::ProofResult result = prover::Prove(request);
  if (result.status != prover::ProofStatus::kProven) return std::nullopt;
  Result<Certificate> certificate = ReadCertificate(result.certificate);
  if (!certificate.ok()) return std::nullopt;
  // Inputs whose interval is a point cannot be split; the first three of the five of this network are wide everywhere.
  Certificate refined = Refined(*certificate, kWideInputs, kDepth);
  return Proof{std::move(*network), std::move(*property), std::move(refined)};
}

void CheckLeaves(benchmark::State& state, const std::string& property_name, prover::RecipeChoice recipe) {
  const std::optional<Proof> proof = ProofOf(property_name, recipe);
  if (!proof) return state.SkipWithError("there is no proof to check");
  int64_t leaves = 0;
  for (auto _ : state) {
    const Verdict verdict = Check(proof->network, proof->property, proof->certificate, {Arithmetic::kFloat32, {}, {}});
    if (!verdict.proven) return state.SkipWithError(verdict.reason.message.c_str());
    leaves += static_cast<int64_t>(verdict.leaves);
    state.counters["leaves"] = static_cast<double>(verdict.leaves);
  }
  state.SetItemsProcessed(leaves);
}
BENCHMARK_CAPTURE(CheckLeaves, first_advisory_forward, "first-advisory-not-strong", prover::RecipeChoice::kForward)
    ->UseRealTime()
    ->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(CheckLeaves, first_advisory_backward, "first-advisory-not-strong", prover::RecipeChoice::kBackward)
    ->UseRealTime()
    ->Unit(benchmark::kMillisecond);

// Whether an update is in the envelope of the network before it, all weights having moved. `width` neurons in each of
// six layers with five inputs and outputs, as ACAS Xu has them with 50; the time to hash both files is not in it.
void FindInEnvelope(benchmark::State& state) {
  const auto width = static_cast<std::size_t>(state.range(0));
  std::vector<DenseLayer> layers;
  for (std::size_t l = 0; l < 7; ++l) {
    const std::size_t from = l == 0 ? 5 : width, to = l == 6 ? 5 : width;
    layers.push_back(
        {std::vector<std::vector<float>>(to, std::vector<float>(from, 0.25f)), std::vector<float>(to, 1.0f), l < 6});
  }
  const std::string bytes = DenseNetworkBytes(layers);
  const Result<model::Network> centre = model::ReadOnnx(AsBytes(bytes), {});
  if (!centre.ok()) return state.SkipWithError("the network cannot be read");
  const std::vector<TensorRadius> radii = prover::RadiiFor(*centre, {0.01, prover::RadiusUnit::kShare});
  std::string update = bytes;
  for (const model::Tensor& tensor : centre->tensors) {
    for (std::size_t i = 0; i < tensor.values.size(); ++i) {
      const auto moved = static_cast<float>(tensor.values[i] * 1.005);
      std::memcpy(update.data() + tensor.stored_at + 4 * i, &moved, sizeof moved);
    }
  }
  for (auto _ : state) {
    const Result<std::vector<double>> distances = MeasureDistances(*centre, AsBytes(bytes), AsBytes(update), radii);
    if (!distances.ok()) return state.SkipWithError(distances.error().message.c_str());
  }
  state.counters["weights"] = static_cast<double>(centre->parameter_count);
}
BENCHMARK(FindInEnvelope)->Arg(50)->Arg(500)->Unit(benchmark::kMicrosecond);

}  // namespace
}  // namespace pawl::checker

BENCHMARK_MAIN();
