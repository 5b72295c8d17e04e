// The vectorised loops against one number at a time: bit for bit, on whatever instruction set this machine has.
#include "checker/lane_kernels.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <random>
#include <vector>

namespace pawl::checker {
namespace lane_kernels_test {

struct Shapes {
  std::size_t rows, columns, width;
};

TEST(LaneKernels, EqualScalarLoopsBitForBit) {
  std::mt19937_64 random(7);
  std::normal_distribution<double> normal(0, 1);
  std::vector<Shapes> shapes = {{1, 1, 1},   {3, 5, 2},  {50, 50, 6}, {7, 13, 9},  {11, 23, 3},
                                {5, 10, 16}, {1, 70, 1}, {3, 131, 4}, {2, 64, 18}, {67, 1, 5}};
  // Whatever is left over by the tiles of columns and of coefficients.
  for (std::size_t n = 1; n <= 17; ++n) shapes.insert(shapes.end(), {{2, n, 1}, {2, 3, n}, {n, n, n}});
  for (const Shapes& shape : shapes) {
    std::vector<double> weights(shape.rows * shape.columns);
    for (double& w : weights) w = random() % 5 == 0 ? 0 : normal(random);
    const auto draw = [&](std::size_t n) {
      std::vector<Lanes> lanes(n);
      for (Lanes& x : lanes)
        for (std::size_t l = 0; l < kLanes; ++l) x.Set(l, normal(random));
      return lanes;
    };
    const std::vector<Lanes> below = draw(shape.columns * shape.width), above = draw(shape.columns * shape.width);
    const std::vector<Lanes> charge = draw(shape.columns), coefficients = draw(shape.rows);
    std::vector<Lanes> below_out = draw(shape.rows * shape.width), above_out = below_out, charge_out = draw(shape.rows);
    std::vector<Lanes> out = draw(shape.columns);
    std::vector<std::uint32_t> columns, rows;
    for (std::uint32_t j = 0; j < shape.columns; ++j)
      if (random() % 3 != 0) columns.push_back(j);
    for (std::uint32_t i = 0; i < shape.rows; ++i)
      if (random() % 3 != 0) rows.push_back(i);

    ForwardAffine({weights.data(), shape.rows, shape.columns, shape.width, columns.data(), columns.size(), below.data(),
                   above.data(), charge.data(), below_out.data(), above_out.data(), charge_out.data()});
    BackwardAffine({weights.data(), shape.columns, rows.data(), rows.size(), coefficients.data(), out.data()});

    for (std::size_t l = 0; l < kLanes; ++l) {
      for (std::size_t i = 0; i < shape.rows; ++i) {
        double charged = 0;
        for (const std::uint32_t j : columns)
          charged = charged + charge[j][l] * std::abs(weights[i * shape.columns + j]);
        ASSERT_EQ(charge_out[i][l], charged);
        for (std::size_t c = 0; c < shape.width; ++c) {
          double low = 0, high = 0;
          for (const std::uint32_t j : columns) {
            const double w = weights[i * shape.columns + j];
            low = low + (w >= 0 ? below : above)[j * shape.width + c][l] * w;
            high = high + (w >= 0 ? above : below)[j * shape.width + c][l] * w;
          }
          ASSERT_EQ(below_out[i * shape.width + c][l], low);
          ASSERT_EQ(above_out[i * shape.width + c][l], high);
        }
      }
      for (std::size_t j = 0; j < shape.columns; ++j) {
        double sum = 0;
        for (const std::uint32_t i : rows) sum = sum + coefficients[i][l] * weights[i * shape.columns + j];
        ASSERT_EQ(out[j][l], sum);
      }
    }
  }
}

// Each operation by itself, in every lane of both halves, on every pair of numbers that are treated apart.
TEST(Lanes, AreEightNumbers) {
  const double inf = std::numeric_limits<double>::infinity(), nan = std::numeric_limits<double>::quiet_NaN();
  const std::vector<double> all = {0.0, -0.0, 1.5, -1.5, 3.25, 5e-324, -5e-324, 1e308, -1e308, inf, -inf, nan};
  const auto same = [](double a, double b) {
    return std::isnan(a) ? std::isnan(b) : a == b && std::signbit(a) == std::signbit(b);
  };
  for (std::size_t shift = 0; shift < all.size(); ++shift) {
    for (std::size_t from = 0; from < all.size(); ++from) {
      double a[kLanes], b[kLanes];
      Lanes x = nan, y = nan;
      for (std::size_t l = 0; l < kLanes; ++l) {
        x.Set(l, a[l] = all[(from + l) % all.size()]);
        y.Set(l, b[l] = all[(from + l + shift) % all.size()]);
      }
      Lanes sum = x, difference = x;
      sum += y;
      difference -= y;
      for (std::size_t l = 0; l < kLanes; ++l) {
        ASSERT_TRUE(same(x[l], a[l]) && same(Lanes(a[l])[l], a[l]));
        ASSERT_TRUE(same((x + y)[l], a[l] + b[l]) && same(sum[l], a[l] + b[l]));
        ASSERT_TRUE(same((x - y)[l], a[l] - b[l]) && same(difference[l], a[l] - b[l]));
        ASSERT_TRUE(same((x * y)[l], a[l] * b[l]) && same((x / y)[l], a[l] / b[l]) && same((-x)[l], -a[l]));
        ASSERT_TRUE(same(Max(x, y)[l], a[l] > b[l] ? a[l] : b[l]) && same(Min(x, y)[l], a[l] < b[l] ? a[l] : b[l]));
        ASSERT_TRUE(same(Abs(x)[l], a[l] < 0 ? -a[l] : a[l]));
        ASSERT_EQ(Select(x < y, 1, 2)[l], a[l] < b[l] ? 1 : 2);
        ASSERT_EQ(Select(x > y, 1, 2)[l], a[l] > b[l] ? 1 : 2);
        ASSERT_EQ(Select(x <= y, 1, 2)[l], a[l] <= b[l] ? 1 : 2);
        ASSERT_EQ(Select(x >= y, 1, 2)[l], a[l] >= b[l] ? 1 : 2);
        ASSERT_EQ(Select(x != y, 1, 2)[l], a[l] != b[l] ? 1 : 2);
        ASSERT_EQ(Select((x < y) | (x > 1), 1, 2)[l], a[l] < b[l] || a[l] > 1 ? 1 : 2);
        ASSERT_EQ(Select((x < y) & (x > 1), 1, 2)[l], a[l] < b[l] && a[l] > 1 ? 1 : 2);
      }
    }
  }
  for (std::size_t l = 0; l < kLanes; ++l) {
    Lanes one = 0.0;
    one.Set(l, nan);
    EXPECT_TRUE(Any(one != 0.0)) << l;
    EXPECT_FALSE(Any(one > 0.0)) << l;
  }
}

TEST(Lanes, ComparisonsWithNanSelectTheLastArgument) {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  EXPECT_EQ(Select(Lanes(nan) < 1.0, 1.0, 2.0)[3], 2.0);
  EXPECT_EQ(Select(Lanes(nan) >= 1.0, 1.0, 2.0)[3], 2.0);
  EXPECT_TRUE(Any(Lanes(nan) != 0.0));
  EXPECT_FALSE(Any(Lanes(-0.0) != 0.0));
  Lanes one_lane = 0.0;
  one_lane.Set(kLanes - 1, -1);
  EXPECT_TRUE(Any(one_lane < 0.0));
  EXPECT_EQ(Abs(one_lane)[kLanes - 1], 1.0);
  EXPECT_EQ(Max(one_lane, -0.5)[kLanes - 1], -0.5);
  EXPECT_EQ(Min(one_lane, -0.5)[0], -0.5);
}

}  // namespace lane_kernels_test
}  // namespace pawl::checker
