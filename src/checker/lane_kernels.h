// The two inner loops of bounding, over kLanes leaves at once (lane = leaf), compiled for several instruction sets.
//
// Each lane's operations and their order are the same whatever the instruction set, and nothing is fused, so results
// are bit for bit the same on every machine. Raw pointers only: a function compiled for one instruction set must not
// instantiate templates that the linker might share with code for another.
//
// Arrays of Lanes are indexed [neuron] or [neuron * width + coefficient]; coefficient 0 is the constant, coefficient
// 1 + j belongs to input j (in coordinates centred on the leaf's box).
#pragma once

#include <cstddef>
#include <cstdint>

#include "checker/lanes.h"

// Functions with __attribute__((target(...))) in their definitions are this machine's to call only if DetectedSet says
// so. PAWL_BASELINE_ALONE leaves them out of a source.
#if defined(__x86_64__) && defined(__GNUC__) && !defined(PAWL_BASELINE_ALONE)
#define PAWL_X86_VARIANTS 1
#else
#define PAWL_X86_VARIANTS 0
#endif

namespace pawl::checker {

enum class InstructionSet { kBaseline, kAvx2, kAvx512 };
InstructionSet DetectedSet();

// Forward forms through an affine step, before any radius is added:
//   below_out[i·width + c] = Σ_j W_ij·(W_ij ≥ 0 ? below : above)[j·width + c],  above_out the other way round,
//   charge_out[i] = Σ_j |W_ij|·charge[j],
// j running over `active` in order. Operands that are not in `active` are zero in all lanes.
struct ForwardTask {
  const double* weights;  // rows × columns
  std::size_t rows, columns, width;
  const std::uint32_t* active;
  std::size_t active_count;
  const Lanes *below, *above, *charge;
  Lanes *below_out, *above_out, *charge_out;
};
void ForwardAffine(const ForwardTask& task);

// Backward through an affine step: out[j] = Σ_i W_ij·coefficients[i], i running over `active` in order.
struct BackwardTask {
  const double* weights;  // rows × columns
  std::size_t columns;
  const std::uint32_t* active;
  std::size_t active_count;
  const Lanes* coefficients;
  Lanes* out;
};
void BackwardAffine(const BackwardTask& task);

}  // namespace pawl::checker
