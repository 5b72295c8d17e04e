#include "prover/batch_bounds.h"

#include <gtest/gtest.h>

#include <cmath>
#include <random>
#include <vector>

#include "prover/network_for_test.h"

namespace pawl::prover {
namespace batch_bounds_test {

// Room for single precision rounding of bounds of networks of this size.
constexpr float kRounding = 2e-4f;

FlatNetwork FlatOf(const PlainNetwork& plain, checker::Arithmetic arithmetic) {
  return *Flatten(ClaimOf(ReadBack(plain), arithmetic));
}

RowSet RandomRows(std::mt19937_64& random, std::size_t inputs, std::size_t outputs, std::size_t count) {
  RowSet rows;
  rows.inputs = inputs;
  rows.outputs = outputs;
  for (std::size_t r = 0; r < count; ++r) {
    for (std::size_t j = 0; j < outputs; ++j) {
      rows.coefficient.push_back(static_cast<float>(Uniform(random, -1, 1)));
      rows.magnitude.push_back(std::abs(rows.coefficient.back()));
    }
    for (std::size_t i = 0; i < inputs; ++i)
      rows.input_coefficient.push_back(static_cast<float>(Uniform(random, -1, 1)));
    rows.threshold.push_back(static_cast<float>(Uniform(random, -1, 1)));
  }
  return rows;
}

struct Boxes {
  std::vector<std::vector<float>> centre, radius;

  Boxes(std::mt19937_64& random, std::size_t inputs, BatchBounds& bounds) {
    for (std::size_t lane = 0; lane < kLanes; ++lane) {
      std::vector<float>& c = centre.emplace_back();
      std::vector<float>& r = radius.emplace_back();
      const double size = std::ldexp(1.0, -static_cast<int>(lane) / 2);
      for (std::size_t i = 0; i < inputs; ++i) {
        c.push_back(static_cast<float>(Uniform(random, -1, 1)));
        r.push_back(static_cast<float>(Uniform(random, 0, size)));
      }
      bounds.SetBox(lane, c.data(), r.data());
    }
  }

  std::vector<float> Sample(std::mt19937_64& random, std::size_t lane) const {
    std::vector<float> x;
    for (std::size_t i = 0; i < centre[lane].size(); ++i) {
      x.push_back(centre[lane][i] + radius[lane][i] * static_cast<float>(Uniform(random, -1, 1)));
    }
    return x;
  }
};

float RowValue(const RowSet& rows, std::size_t r, const std::vector<float>& x, const std::vector<float>& y) {
  float value = -rows.threshold[r];
  for (std::size_t j = 0; j < y.size(); ++j) value += rows.coefficient[r * rows.outputs + j] * y[j];
  for (std::size_t i = 0; i < x.size(); ++i) value += rows.input_coefficient[r * rows.inputs + i] * x[i];
  return value;
}

TEST(BatchBoundsTest, BoundsLieBelowSamplesAndBackwardIsNotWorse) {
  std::mt19937_64 random(7);
  for (const std::vector<std::size_t>& sizes :
       {std::vector<std::size_t>{2, 3, 2}, {5, 17, 9, 23, 5}, {1, 4, 4, 1}, {9, 33, 31, 6}, {3, 2}}) {
    const PlainNetwork plain = RandomNetwork(random, sizes);
    const FlatNetwork network = FlatOf(plain, checker::Arithmetic::kFloat32);
    const RowSet rows = RandomRows(random, sizes.front(), sizes.back(), 30);  // more than one group of rows
    BatchBounds bounds(network, rows.count());
    const Boxes boxes(random, network.inputs, bounds);
    std::vector<float> forward;
    for (const HiddenBounds hidden : {HiddenBounds::kForward, HiddenBounds::kBackward}) {
      bounds.Propagate(hidden);
      bounds.BoundRows(rows);
      double gain = 0;
      for (std::size_t lane = 0; lane < kLanes; ++lane) {
        for (std::size_t r = 0; r < rows.count(); ++r) {
          const float bound = bounds.row_bound(r, lane);
          ASSERT_TRUE(std::isfinite(bound));
          if (hidden == HiddenBounds::kForward) {
            forward.push_back(bound);
          } else {
            gain += static_cast<double>(bound - forward[lane * rows.count() + r]);
          }
        }
        for (int sample = 0; sample < 50; ++sample) {
          const std::vector<float> x = boxes.Sample(random, lane);
          const std::vector<float> y = plain.Evaluate<float>(x);
          for (std::size_t r = 0; r < rows.count(); ++r) {
            ASSERT_GE(RowValue(rows, r, x, y) + kRounding, bounds.row_bound(r, lane)) << "lane " << lane;
          }
        }
      }
      EXPECT_GE(gain, -0.01);
    }
  }
}

TEST(BatchBoundsTest, BoundsAreTightOnAPoint) {
  std::mt19937_64 random(8);
  const PlainNetwork plain = RandomNetwork(random, {4, 20, 20, 3});
  const FlatNetwork network = FlatOf(plain, checker::Arithmetic::kReal);
  const RowSet rows = RandomRows(random, 4, 3, 4);
  BatchBounds bounds(network, rows.count());
  std::vector<std::vector<float>> points;
  for (std::size_t lane = 0; lane < kLanes; ++lane) {
    std::vector<float>& x = points.emplace_back();
    for (int i = 0; i < 4; ++i) x.push_back(static_cast<float>(Uniform(random, -1, 1)));
    bounds.SetBox(lane, x.data(), std::vector<float>(4, 0.0f).data());
    bounds.SetPoint(lane, x.data());
  }
  bounds.Propagate(HiddenBounds::kForward);
  bounds.BoundRows(rows);
  bounds.Evaluate();
  for (std::size_t lane = 0; lane < kLanes; ++lane) {
    const std::vector<float> y = plain.Evaluate<float>(points[lane]);
    for (std::size_t j = 0; j < y.size(); ++j) EXPECT_NEAR(bounds.output(j, lane), y[j], kRounding);
    for (std::size_t r = 0; r < rows.count(); ++r) {
      EXPECT_NEAR(bounds.row_bound(r, lane), RowValue(rows, r, points[lane], y), kRounding);
    }
  }
}

TEST(BatchBoundsTest, GradientIsTheDifferenceQuotient) {
  std::mt19937_64 random(9);
  const PlainNetwork plain = RandomNetwork(random, {3, 12, 12, 2});
  const FlatNetwork network = FlatOf(plain, checker::Arithmetic::kReal);
  BatchBounds bounds(network, 1);
  std::vector<std::vector<float>> points;
  std::vector<float> rows(2 * kLanes);
  for (std::size_t lane = 0; lane < kLanes; ++lane) {
    std::vector<float>& x = points.emplace_back();
    for (int i = 0; i < 3; ++i) x.push_back(static_cast<float>(Uniform(random, -1, 1)));
    bounds.SetPoint(lane, x.data());
    rows[lane] = 1.0f;
    rows[kLanes + lane] = -2.0f;
  }
  bounds.Evaluate();
  bounds.Gradient(rows.data());
  int checked = 0;
  for (std::size_t lane = 0; lane < kLanes; ++lane) {
    for (std::size_t i = 0; i < 3; ++i) {
      const auto value = [&](double shift) {
        std::vector<mpq_class> x(points[lane].begin(), points[lane].end());
        x[i] += mpq_class(shift);
        const std::vector<mpq_class> y = plain.Evaluate<mpq_class>(x);
        return mpq_class(y[0] - 2 * y[1]).get_d();
      };
      const double left = (value(0) - value(-0x1p-20)) * 0x1p20, right = (value(0x1p-20) - value(0)) * 0x1p20;
      if (std::abs(left - right) > 1e-9) continue;  // a kink in between
      EXPECT_NEAR(static_cast<double>(bounds.gradient(i, lane)), right, 1e-4);
      ++checked;
    }
  }
  EXPECT_GT(checked, 40);
}

TEST(BatchBoundsTest, SmearBoundsTheChangeAlongAnInput) {
  std::mt19937_64 random(10);
  const PlainNetwork plain = RandomNetwork(random, {3, 10, 10, 2});
  const FlatNetwork network = FlatOf(plain, checker::Arithmetic::kReal);
  RowSet rows = RandomRows(random, 3, 2, 2);
  BatchBounds bounds(network, rows.count());
  const Boxes boxes(random, 3, bounds);
  bounds.Propagate(HiddenBounds::kForward);
  std::uint32_t selected[kLanes];
  for (std::size_t lane = 0; lane < kLanes; ++lane) selected[lane] = lane % 2;
  bounds.Smear(rows, selected);
  for (std::size_t lane = 0; lane < kLanes; ++lane) {
    for (int sample = 0; sample < 50; ++sample) {
      for (std::size_t i = 0; i < 3; ++i) {
        std::vector<float> from = boxes.Sample(random, lane), to = from;
        from[i] = boxes.centre[lane][i] - boxes.radius[lane][i];
        to[i] = boxes.centre[lane][i] + boxes.radius[lane][i];
        const float change = RowValue(rows, selected[lane], to, plain.Evaluate<float>(to)) -
                             RowValue(rows, selected[lane], from, plain.Evaluate<float>(from));
        EXPECT_LE(std::abs(change), 2 * bounds.smear(i, lane) + kRounding);
      }
    }
  }
}

}  // namespace batch_bounds_test
}  // namespace pawl::prover
