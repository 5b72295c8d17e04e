// What the checker takes for a leaf of a certificate, on the collision example's network and properties: forward and
// backward bounds of hidden layers, one thread. Items are leaves.
#include <benchmark/benchmark.h>

#include <fstream>
#include <iterator>
#include <optional>
#include <string>

#include "checker/checker.h"
#include "prover/prover.h"

namespace pawl::checker {
namespace {

std::string ReadFile(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

struct Proof {
  model::Network network;
  model::Property property;
  Certificate certificate;
};

std::optional<Proof> ProofOf(const std::string& property_name, prover::RecipeChoice recipe) {
  const std::string example = PAWL_SOURCE_DIR "/examples/collision/";
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
  return Proof{std::move(*network), std::move(*property), std::move(*certificate)};
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
BENCHMARK_CAPTURE(CheckLeaves, keep_climbing_forward, "keep-climbing", prover::RecipeChoice::kForward)
    ->UseRealTime()
    ->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(CheckLeaves, keep_climbing_backward, "keep-climbing", prover::RecipeChoice::kBackward)
    ->UseRealTime()
    ->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace pawl::checker

BENCHMARK_MAIN();
