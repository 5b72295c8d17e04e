#include "checker/arithmetic.h"

#include <gtest/gtest.h>

#include <cfenv>
#include <thread>
#if defined(__SSE2__)
#include <xmmintrin.h>
#endif

namespace pawl::checker {
namespace arithmetic_test {

TEST(Environment, IsSoundAsPeopleRunIt) {
  EXPECT_TRUE(EnvironmentIsSound());
  bool in_thread = false;
  std::thread([&] { in_thread = EnvironmentIsSound(); }).join();
  EXPECT_TRUE(in_thread);
}

TEST(Environment, UnusualRoundingIsSeen) {
  for (const int mode : {FE_UPWARD, FE_DOWNWARD, FE_TOWARDZERO}) {
    ASSERT_EQ(std::fesetround(mode), 0);
    const bool sound = EnvironmentIsSound();
    std::fesetround(FE_TONEAREST);
    EXPECT_FALSE(sound) << mode;
  }
  EXPECT_TRUE(EnvironmentIsSound());
}

#if defined(__SSE2__)
TEST(Environment, FlushingIsSeen) {
  const unsigned usual = _mm_getcsr();
  for (const unsigned flag : {0x8000u, 0x0040u}) {  // FTZ, DAZ
    _mm_setcsr(usual | flag);
    const bool sound = EnvironmentIsSound();
    _mm_setcsr(usual);
    EXPECT_FALSE(sound) << flag;
  }
}
#endif

TEST(Gamma, IsAboveTheExactValueAndInfiniteWhereItHasNone) {
  // k = 50, u = 2^-24: 50·2^-24 / (1 − 50·2^-24), compared by cross-multiplication in integers.
  const double gamma = Gamma(50, 0x1p-24);
  EXPECT_GT(gamma * (0x1p24 - 50), 50.0);
  EXPECT_LT(gamma * (0x1p24 - 50), 50.0 * (1 + 0x1p-19));
  EXPECT_EQ(Gamma(1 << 23, 0x1p-24), HUGE_VAL);
  EXPECT_LT(Gamma((1 << 23) - 1, 0x1p-24), 1.01);
  EXPECT_EQ(Gamma(1000, 0), 0);
}

}  // namespace arithmetic_test
}  // namespace pawl::checker
