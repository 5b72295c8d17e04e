#include "checker/lane_kernels.h"

namespace pawl::checker {
namespace {

// Coefficients [c, c + Width) of one row, kept in registers while the operands go by.
template <std::size_t Width>
PAWL_INLINE void ForwardTile(const ForwardTask& t, std::size_t row, std::size_t c) {
  Lanes below[Width], above[Width];
  for (std::size_t i = 0; i < Width; ++i) below[i] = above[i] = 0.0;
  const double* weights = t.weights + row * t.columns;
  for (std::size_t k = 0; k < t.active_count; ++k) {
    const std::size_t j = t.active[k];
    const double w = weights[j];
    const bool keep = w >= 0;
    const Lanes* low = (keep ? t.below : t.above) + j * t.width + c;
    const Lanes* high = (keep ? t.above : t.below) + j * t.width + c;
    for (std::size_t i = 0; i < Width; ++i) {
      below[i] += low[i] * w;
      above[i] += high[i] * w;
    }
  }
  for (std::size_t i = 0; i < Width; ++i) {
    t.below_out[row * t.width + c + i] = below[i];
    t.above_out[row * t.width + c + i] = above[i];
  }
}

PAWL_INLINE void ForwardBody(const ForwardTask& t) {
  for (std::size_t row = 0; row < t.rows; ++row) {
    std::size_t c = 0;
    for (; c + 3 <= t.width; c += 3) ForwardTile<3>(t, row, c);
    for (; c + 2 <= t.width; c += 2) ForwardTile<2>(t, row, c);
    for (; c < t.width; ++c) ForwardTile<1>(t, row, c);
    Lanes charge = 0.0;
    const double* weights = t.weights + row * t.columns;
    for (std::size_t k = 0; k < t.active_count; ++k) {
      const double w = weights[t.active[k]];
      charge += t.charge[t.active[k]] * (w < 0 ? -w : w);
    }
    t.charge_out[row] = charge;
  }
}

template <std::size_t Width>
PAWL_INLINE void BackwardTile(const BackwardTask& t, std::size_t column) {
  Lanes sums[Width];
  for (std::size_t j = 0; j < Width; ++j) sums[j] = 0.0;
  for (std::size_t k = 0; k < t.active_count; ++k) {
    const Lanes coefficient = t.coefficients[t.active[k]];
    const double* weights = t.weights + t.active[k] * t.columns + column;
    for (std::size_t j = 0; j < Width; ++j) sums[j] += coefficient * weights[j];
  }
  for (std::size_t j = 0; j < Width; ++j) t.out[column + j] = sums[j];
}

PAWL_INLINE void BackwardBody(const BackwardTask& t) {
  std::size_t column = 0;
  for (; column + 5 <= t.columns; column += 5) BackwardTile<5>(t, column);
  for (; column + 2 <= t.columns; column += 2) BackwardTile<2>(t, column);
  for (; column < t.columns; ++column) BackwardTile<1>(t, column);
}

#if PAWL_X86_VARIANTS
__attribute__((target("avx512f"))) void Forward512(const ForwardTask& t) { ForwardBody(t); }
__attribute__((target("avx512f"))) void Backward512(const BackwardTask& t) { BackwardBody(t); }
__attribute__((target("avx2"))) void Forward256(const ForwardTask& t) { ForwardBody(t); }
__attribute__((target("avx2"))) void Backward256(const BackwardTask& t) { BackwardBody(t); }
#endif

}  // namespace

InstructionSet DetectedSet() {
#if PAWL_X86_VARIANTS
  static const InstructionSet kDetected = __builtin_cpu_supports("avx512f") ? InstructionSet::kAvx512
                                          : __builtin_cpu_supports("avx2")  ? InstructionSet::kAvx2
                                                                            : InstructionSet::kBaseline;
  return kDetected;
#else
  return InstructionSet::kBaseline;
#endif
}

void ForwardAffine(const ForwardTask& task) {
#if PAWL_X86_VARIANTS
  if (DetectedSet() == InstructionSet::kAvx512) return Forward512(task);
  if (DetectedSet() == InstructionSet::kAvx2) return Forward256(task);
#endif
  ForwardBody(task);
}

void BackwardAffine(const BackwardTask& task) {
#if PAWL_X86_VARIANTS
  if (DetectedSet() == InstructionSet::kAvx512) return Backward512(task);
  if (DetectedSet() == InstructionSet::kAvx2) return Backward256(task);
#endif
  BackwardBody(task);
}

}  // namespace pawl::checker
