#include "checker/arithmetic.h"

#include <cfloat>
#include <limits>

namespace pawl::checker {

static_assert(std::numeric_limits<double>::is_iec559 && std::numeric_limits<double>::digits == 53);
static_assert(FLT_EVAL_METHOD == 0, "double operations must round to double");
#ifdef __FAST_MATH__
#error "the checker must not be compiled with -ffast-math"
#endif

bool EnvironmentIsSound() {
  // volatile: the sums are made now, in this environment, and not by the compiler.
  volatile double one = 1, half_unit = 0x1p-53, above_half = 0x1.8p-53, minus_one = -1;
  volatile double normal_min = 0x1p-1022, half = 0.5, subnormal = 0x1p-1074, big = 0x1p+1000;
  bool sound = true;
  // Ties go to even, and what lies above the tie goes away from zero, on both sides: only to-nearest does all four.
  volatile double sum = one + half_unit;
  sound &= sum == 1.0;
  sum = one + above_half;
  sound &= sum == 1.0 + kUnit;
  sum = minus_one - half_unit;
  sound &= sum == -1.0;
  sum = minus_one - above_half;
  sound &= sum == -1.0 - kUnit;
  // Not flushed as a result, and not read as zero as an operand.
  volatile double product = normal_min * half;
  sound &= product != 0.0 && product * 2.0 == normal_min;
  product = subnormal * big;
  sound &= product == 0x1p-74;
  volatile double difference = normal_min - subnormal;
  sound &= difference != normal_min && difference != 0.0;
  // No product is fused into a sum behind our back: (1 + 2^-30)^2 - (1 + 2^-29) is 2^-60 if fused, else 0.
  volatile double a = 1 + 0x1p-30, b = -(1 + 0x1p-29);
  const double squared = a * a;
  volatile double fused = squared + b;
  sound &= fused == 0.0;
  // NaN and infinity behave; they carry failures to the verdict.
  volatile double zero = 0, infinite = big * big * big;
  volatile double nan = infinite * zero;
  sound &= infinite > kFiniteMax && nan != nan && !(nan > 0.0) && !(nan <= 0.0);
  return sound;
}

}  // namespace pawl::checker
