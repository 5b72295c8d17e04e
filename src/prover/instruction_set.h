// Which of a kernel's compilations runs here. Kernels are compiled once per instruction set (Google Highway's
// foreach_target): for AVX-512, for AVX2 with its companions, and for what the compiler may take for granted.
//
//   PAWL_BEST(PropagateForms)(work, hidden);
//
// Include it before hwy/foreach_target.h. Highway can choose as well, but its shared library measures the clock while
// it is being loaded: 4 ms of every start of `pawl`, whether anything is proven or not. So nothing of that library is
// used.
#pragma once

#define HWY_DISABLED_TARGETS (HWY_SSSE3 | HWY_SSE4 | HWY_AVX3_DL)

#include <cstddef>
#include <memory>
#include <new>
#include <type_traits>

namespace pawl::prover {

enum class InstructionSet { kBaseline, kAvx2, kAvx512 };

// The best one that the processor and the operating system have. Any thread.
InstructionSet BestInstructionSet();

// One of the three; null where the machine's kind has no such instruction set.
template <typename Function>
Function* Best(std::type_identity_t<Function>* avx512, std::type_identity_t<Function>* avx2, Function* baseline) {
  static const InstructionSet set = BestInstructionSet();
  if (set == InstructionSet::kAvx512 && avx512 != nullptr) return avx512;
  return set != InstructionSet::kBaseline && avx2 != nullptr ? avx2 : baseline;
}

#define PAWL_BEST(FUNCTION) \
  (*Best(HWY_CHOOSE_AVX3(FUNCTION), HWY_CHOOSE_AVX2(FUNCTION), &HWY_STATIC_DISPATCH(FUNCTION)))

// Floats aligned for every vector, zero at first. Deletes itself.
struct FreeAligned {
  void operator()(float* floats) const { ::operator delete (floats, std::align_val_t{64}); }
};
using AlignedFloats = std::unique_ptr<float[], FreeAligned>;
AlignedFloats MakeAlignedFloats(std::size_t count);

}  // namespace pawl::prover
