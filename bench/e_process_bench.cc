// Sequential tests: observations a second. Goal for an e-process update: 10^7 a second on one core.
#include <benchmark/benchmark.h>

#include <cstdint>
#include <vector>

#include "trial/confidence_sequence.h"
#include "trial/e_process.h"

namespace pawl::trial {
namespace {

// 0/1 values with about one violation in a hundred and values in between, so that no branch is always taken.
std::vector<double> Values(std::size_t count) {
  std::vector<double> values(count);
  std::uint64_t state = 1;
  for (double& value : values) {
    state = state * 6364136223846793005U + 1442695040888963407U;
    const double uniform = static_cast<double>(state >> 11) * 0x1.0p-53;
    value = uniform < 0.01 ? 1 : uniform / 200;
  }
  return values;
}

void Observe(benchmark::State& state, Bet bet) {
  const std::vector<double> values = Values(4096);
  for (auto _ : state) {
    EProcess process(Alternative::kMeanBelow, 0.05, bet);
    for (const double x : values) process.Observe(x);
    benchmark::DoNotOptimize(process.log_e_value());
  }
  state.SetItemsProcessed(static_cast<std::int64_t>(state.iterations()) * 4096);
}
BENCHMARK_CAPTURE(Observe, variance_adaptive, Bet::kVarianceAdaptive);
BENCHMARK_CAPTURE(Observe, mixed, Bet::kMixed);

void UpperBound(benchmark::State& state) {
  const std::vector<double> values = Values(static_cast<std::size_t>(state.range(0)));
  for (auto _ : state) benchmark::DoNotOptimize(BettingUpperBound(values, 1e-4));
  state.SetItemsProcessed(static_cast<std::int64_t>(state.iterations()) * state.range(0));
}
BENCHMARK(UpperBound)->Arg(1000)->Arg(10'000)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace pawl::trial

BENCHMARK_MAIN();
