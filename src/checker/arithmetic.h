// The checker's own arithmetic: IEEE double precision with every rounding charged.
//
// Each operation is charged u = 2^-52, twice the unit round-off to nearest and the full one of any other rounding mode,
// so bounds hold whatever the mode. Underflow is charged with additive terms, which is why flushing must be off.
// A bound that needs no tightness (a sum of roundings) is computed plainly and widened by kWiden once.
#pragma once

#include <cmath>
#include <cstddef>

#include "checker/certificate.h"

namespace pawl::checker {

inline constexpr double kUnit = 0x1p-52;
// One factor for a whole sum or product of non-negative numbers, computed in any order: it covers kTermsMax roundings.
inline constexpr double kWiden = 1 + 0x1p-20;
inline constexpr std::size_t kTermsMax = std::size_t{1} << 20;
// Above the underflow of kTermsMax operations (2^-1074 each) with room for factors up to 2^40.
inline constexpr double kTiny = 0x1p-1000;
inline constexpr double kFiniteMax = 0x1.fffffffffffffp+1023;

// γ_k = k·u / (1 − k·u), rounded up; infinite where k·u ≥ 1/2, which no bound survives.
inline double Gamma(std::size_t k, double unit) {
  const double ku = static_cast<double>(k) * unit;
  return ku < 0.5 ? ku / (1 - ku) * kWiden : HUGE_VAL;
}

// The format that a deployed evaluation computes in.
struct Format {
  double unit = 0;        // round-off to nearest; 0: nothing is rounded
  double normal_min = 0;  // what a flushed operand or result may lose; 0 with `unit`
  double finite_max = kFiniteMax;
};

constexpr Format FormatOf(Arithmetic arithmetic) {
  switch (arithmetic) {
    case Arithmetic::kReal:
      return {};
    case Arithmetic::kFloat32:
      return {0x1p-24, 0x1p-126, 0x1.fffffep+127};
    case Arithmetic::kFloat64:
      return {0x1p-53, 0x1p-1022, kFiniteMax};
  }
  return {HUGE_VAL, HUGE_VAL, 0};
}

// Whether this thread computes as assumed: double precision without excess, to nearest (splits rely on it), subnormals
// neither flushed nor read as zero. Tried by computing, not by asking. To be called in every thread that bounds.
bool EnvironmentIsSound();

}  // namespace pawl::checker
