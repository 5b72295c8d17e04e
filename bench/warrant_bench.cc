// Checking a warrant beside hashing and proof checking (goal: under 2 ms): twenty-odd signatures, the log's proofs and
// every rule, on a tree whose files take no time to hash. Switching asks everything; restarting the live release asks
// what has to be asked at every start.
#include <benchmark/benchmark.h>

#include "warrant/path_for_test.h"

namespace pawl::warrant {
namespace {

void VerifyWarrantToSwitch(benchmark::State& state) {
  Path path = Path::WithTwoReleases();
  const MadeWarrant made = path.Make({.tree = path.third});
  for (auto _ : state) {
    const WarrantVerdict verdict = path.Ask(made);
    if (!verdict.accepted) return state.SkipWithError(verdict.reason.message.c_str());
  }
}
BENCHMARK(VerifyWarrantToSwitch)->UseRealTime()->Unit(benchmark::kMillisecond);

void VerifyWarrantToRestart(benchmark::State& state) {
  Path path = Path::WithTwoReleases();
  const MadeWarrant made = path.Go({.tree = path.third});
  for (auto _ : state) {
    const WarrantVerdict verdict = path.Ask(made, {}, Purpose::kRestart);
    if (!verdict.accepted) return state.SkipWithError(verdict.reason.message.c_str());
  }
}
BENCHMARK(VerifyWarrantToRestart)->UseRealTime()->Unit(benchmark::kMillisecond);

// What is beside: SHA-256 of a tree's bytes.
void Hash(benchmark::State& state) {
  const std::string bytes(static_cast<size_t>(state.range(0)), 'x');
  for (auto _ : state) benchmark::DoNotOptimize(crypto::Sha256(bytes));
  state.SetBytesProcessed(state.iterations() * state.range(0));
}
BENCHMARK(Hash)->Arg(1 << 20)->UseRealTime()->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace pawl::warrant

BENCHMARK_MAIN();
