// How many random cases a test draws. All of them where programs run as people run them; a fifth under sanitizers,
// where each takes six times as long, and what is sought there (memory that is not one's own, steps without a meaning)
// hangs on the ways through the code and little on the numbers.
//
//   for (std::uint64_t seed = 1; seed <= RandomCases(1500); ++seed) …
//   EXPECT_GT(bounded, RandomCases(800));  // what is expected of them shrinks as well
#pragma once

#include <cstddef>

namespace pawl {

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define PAWL_UNDER_SANITIZERS
#endif
#endif
#if defined(__SANITIZE_ADDRESS__)
#define PAWL_UNDER_SANITIZERS
#endif

constexpr std::size_t RandomCases(std::size_t all) {
#if defined(PAWL_UNDER_SANITIZERS)
  return all / 5;
#else
  return all;
#endif
}

}  // namespace pawl
