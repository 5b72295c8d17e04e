#include "model/vector_graph.h"

#include <gtest/gtest.h>

namespace pawl::model {
namespace vector_graph_test {

std::vector<std::pair<uint64_t, uint64_t>> Taps(const Window& window, uint64_t output) {
  std::vector<WindowTap> taps;
  window.Taps(output, taps);
  std::vector<std::pair<uint64_t, uint64_t>> pairs;
  for (const WindowTap& tap : taps) pairs.emplace_back(tap.kernel, tap.input);
  return pairs;
}

using Pairs = std::vector<std::pair<uint64_t, uint64_t>>;

TEST(Window, LeavesPaddingOut) {
  const Window window{{{3, 3, 3, 1, 1, 1}}};
  EXPECT_EQ(Taps(window, 0), (Pairs{{1, 0}, {2, 1}}));
  EXPECT_EQ(Taps(window, 1), (Pairs{{0, 0}, {1, 1}, {2, 2}}));
  EXPECT_EQ(Taps(window, 2), (Pairs{{0, 1}, {1, 2}}));
}

TEST(Window, StridesAndDilatesEachAxisByItself) {
  // 3 × 5, kernel 2 × 2, strides 1 × 2, dilations 2 × 1: output 1 × 2.
  const Window window{{{3, 1, 2, 1, 2, 0}, {5, 2, 2, 2, 1, 0}}};
  EXPECT_EQ(window.KernelSize(), 4u);
  EXPECT_EQ(window.InputSize(), 15u);
  EXPECT_EQ(window.OutputSize(), 2u);
  EXPECT_EQ(Taps(window, 0), (Pairs{{0, 0}, {1, 1}, {2, 10}, {3, 11}}));
  EXPECT_EQ(Taps(window, 1), (Pairs{{0, 2}, {1, 3}, {2, 12}, {3, 13}}));
}

TEST(Window, OfNoAxesIsOnePosition) {
  EXPECT_EQ(Taps(Window{}, 0), (Pairs{{0, 0}}));
  EXPECT_EQ(Window{}.OutputSize(), 1u);
}

TEST(Window, MayLieInPaddingAltogether) { EXPECT_TRUE(Taps(Window{{{1, 3, 1, 1, 1, 1}}}, 0).empty()); }

}  // namespace vector_graph_test
}  // namespace pawl::model
