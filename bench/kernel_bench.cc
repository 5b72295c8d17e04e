// How near the prover's hot loop comes to what one core can do.
//
// PeakFma: sixteen independent chains of vector multiply-adds on registers, enough to hide their latency: the most that
// this core computes, measured under the same conditions as the kernels. BoxBounds: forward forms of sixteen boxes
// through six layers of 50 neurons with 5 inputs. DualBounds: bounds and gradients of 96 rows through four layers of
// 256 neurons. Operations are counted from the products with weight matrices alone, two for each multiply-add; what
// relaxations, bounds and Adam compute is left out, so the share of the peak is a lower bound.
#include <benchmark/benchmark.h>

#include <cmath>
#include <random>
#include <vector>

#include "prover/batch_bounds.h"
#include "prover/dual_bounds.h"

namespace pawl::prover {
namespace {

constexpr std::size_t kChains = 16;

void Count(benchmark::State& state, double operations) {
  state.counters["GFLOP/s"] =
      benchmark::Counter(operations * static_cast<double>(state.iterations()) / 1e9, benchmark::Counter::kIsRate);
}

// Registers as they are found: what is in them makes no difference to the time.
#if defined(__x86_64__)
void Chains512(long steps) {
  asm volatile(
      "1:\n"
      ".irp i, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15\n"
      "vfmadd213ps %%zmm16, %%zmm17, %%zmm\\i\n"
      ".endr\n"
      "sub $1, %0\n"
      "jnz 1b\n"
      : "+r"(steps)
      :
      : "cc", "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7", "xmm8", "xmm9", "xmm10", "xmm11", "xmm12",
        "xmm13", "xmm14", "xmm15");
}

void PeakFma(benchmark::State& state) {
  if (!__builtin_cpu_supports("avx512f")) return state.SkipWithError("needs AVX-512");
  constexpr long kSteps = 10000;
  for (auto _ : state) Chains512(kSteps);
  Count(state, 2.0 * 16 * kChains * kSteps);
}
BENCHMARK(PeakFma);
#endif

FlatNetwork Network(const std::vector<std::size_t>& sizes) {
  std::mt19937_64 random(1);
  std::normal_distribution<float> normal(0, 1);
  FlatNetwork network;
  network.inputs = sizes[0];
  for (std::size_t l = 1; l < sizes.size(); ++l) {
    FlatLayer& layer = network.layers.emplace_back();
    layer.inputs = sizes[l - 1];
    layer.outputs = sizes[l];
    layer.relu = l + 1 < sizes.size();
    const float scale = 1.4f / std::sqrt(static_cast<float>(layer.inputs));
    for (std::size_t i = 0; i < layer.inputs * layer.outputs; ++i) layer.weight.push_back(scale * normal(random));
    for (std::size_t i = 0; i < layer.outputs; ++i) layer.bias.push_back(0.1f * normal(random));
    CompleteLayer(layer);
  }
  return network;
}

void BoxBounds(benchmark::State& state) {
  const FlatNetwork network = Network({5, 50, 50, 50, 50, 50, 50, 5});
  BatchBounds bounds(network, 4);
  const std::vector<float> centre(5, 0.1f), radius(5, 0.5f);
  for (std::size_t lane = 0; lane < kLanes; ++lane) bounds.SetBox(lane, centre.data(), radius.data());
  double products = 0;  // mean and half, each with inputs + 1 columns
  for (const FlatLayer& layer : network.layers)
    products += 2.0 * static_cast<double>(layer.inputs * layer.outputs) * 6 * kLanes;
  for (auto _ : state) bounds.Propagate(HiddenBounds::kForward);
  Count(state, 2 * products);
}
BENCHMARK(BoxBounds);

void DualRows(benchmark::State& state) {
  constexpr std::size_t kColumns = 96, kTop = 4;
  const FlatNetwork network = Network({784, 256, 256, 256, 256, 10});
  DualBounds bounds(network, kColumns);
  bounds.SetBox(std::vector<float>(784, 0.0f), std::vector<float>(784, 0.05f));
  double products = 0;
  for (std::size_t k = 0; k < kTop; ++k) {
    bounds.SetHidden(k, std::vector<float>(256, -1.0f), std::vector<float>(256, 1.0f));
    products += 2.0 * static_cast<double>(network.layers[k].inputs * network.layers[k].outputs) * kColumns;
  }
  bounds.Start(kTop, kColumns);
  const std::vector<float> row(256, 0.1f);
  for (std::size_t c = 0; c < kColumns; ++c) bounds.SetRow(c, row.data(), 0);
  for (auto _ : state) {
    bounds.Evaluate();
    bounds.Ascend(0.1f, 0.1f);
  }
  Count(state, 2 * products);
}
BENCHMARK(DualRows);

}  // namespace
}  // namespace pawl::prover

BENCHMARK_MAIN();
