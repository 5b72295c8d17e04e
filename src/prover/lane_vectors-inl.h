// What the kernels of batch_bounds.cc and dual_bounds.cc share: vectors of up to sixteen floats, and the block of a
// matrix product that is kept in registers. Compiled once per instruction set, so the guard is Highway's.
#if defined(PAWL_PROVER_LANE_VECTORS_INL_H) == defined(HWY_TARGET_TOGGLE)
#ifdef PAWL_PROVER_LANE_VECTORS_INL_H
#undef PAWL_PROVER_LANE_VECTORS_INL_H
#else
#define PAWL_PROVER_LANE_VECTORS_INL_H
#endif

#include <cstddef>

#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace pawl::prover {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// Rows of floats are multiples of this.
constexpr std::size_t kGroup = 16;
using Tag = hn::CappedTag<float, kGroup>;
using Vector = hn::Vec<Tag>;
using Mask = hn::Mask<Tag>;

HWY_INLINE Vector Load(const float* from) { return hn::Load(Tag(), from); }
HWY_INLINE void Store(Vector value, float* to) { hn::Store(value, Tag(), to); }
HWY_INLINE Vector Set(float value) { return hn::Set(Tag(), value); }
HWY_INLINE Vector Zero() { return hn::Zero(Tag()); }

// AVX-512, SVE and NEON have 32 registers, SSE and AVX2 16.
#if HWY_TARGET <= HWY_AVX3 || HWY_ARCH_ARM
constexpr std::size_t kBlockVectors = 6;
#else
constexpr std::size_t kBlockVectors = 3;
#endif
constexpr std::size_t kBlockRows = 4;

// Rows of floats, `stride` apart.
struct ConstRows {
  const float* data;
  std::size_t stride;
};
struct Rows {
  float* data;
  std::size_t stride;
};

// target[r][c] = sum over k in `terms` of matrix[r][k]·source[k][c], for kRows rows and kVectors vectors of columns,
// kept in registers.
template <std::size_t kRows, std::size_t kVectors, class Terms>
HWY_INLINE void ProductBlock(ConstRows matrix, const Terms& terms, ConstRows source, Rows target) {
  const std::size_t lanes = hn::Lanes(Tag());
  Vector sum[kRows][kVectors];
  for (std::size_t r = 0; r < kRows; ++r) {
    for (std::size_t v = 0; v < kVectors; ++v) sum[r][v] = Zero();
  }
  for (const auto k : terms) {
    const float* row = source.data + k * source.stride;
    Vector operand[kVectors];
    for (std::size_t v = 0; v < kVectors; ++v) operand[v] = Load(row + v * lanes);
    for (std::size_t r = 0; r < kRows; ++r) {
      const Vector weight = Set(matrix.data[r * matrix.stride + k]);
      for (std::size_t v = 0; v < kVectors; ++v) sum[r][v] = hn::MulAdd(weight, operand[v], sum[r][v]);
    }
  }
  for (std::size_t r = 0; r < kRows; ++r) {
    for (std::size_t v = 0; v < kVectors; ++v) Store(sum[r][v], target.data + r * target.stride + v * lanes);
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace pawl::prover
HWY_AFTER_NAMESPACE();
#endif
