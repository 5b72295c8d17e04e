// The vectorised loops against one number at a time: bit for bit, on whatever instruction set this machine has.
#include "checker/lane_kernels.h"

#include <gtest/gtest.h>

#include <random>
#include <vector>

namespace pawl::checker {
namespace {

struct Shapes {
  std::size_t rows, columns, width;
};

TEST(LaneKernels, EqualScalarLoopsBitForBit) {
  std::mt19937_64 random(7);
  std::normal_distribution<double> normal(0, 1);
  for (const Shapes& shape :
       {Shapes{1, 1, 1}, Shapes{3, 5, 2}, Shapes{50, 50, 6}, Shapes{7, 13, 9}, Shapes{11, 23, 3}, Shapes{5, 10, 16}}) {
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

}  // namespace
}  // namespace pawl::checker
