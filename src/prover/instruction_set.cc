#include "prover/instruction_set.h"

#include <algorithm>

namespace pawl::prover {

InstructionSet BestInstructionSet() {
#if defined(__x86_64__)
  // The groups are Highway's: what its code for AVX2 and AVX-512 may use.
  const bool avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("bmi") &&
                    __builtin_cpu_supports("bmi2") && __builtin_cpu_supports("f16c") && __builtin_cpu_supports("lzcnt");
  const bool avx512 = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl") &&
                      __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512bw") &&
                      __builtin_cpu_supports("avx512cd");
  if (avx2 && avx512) return InstructionSet::kAvx512;
  if (avx2) return InstructionSet::kAvx2;
#endif
  return InstructionSet::kBaseline;
}

AlignedFloats MakeAlignedFloats(std::size_t count) {
  AlignedFloats floats(static_cast<float*>(::operator new (count * sizeof(float), std::align_val_t{64})));
  std::fill_n(floats.get(), count, 0.0f);
  return floats;
}

}  // namespace pawl::prover
