#include "prover/dual_bounds.h"

#include <gtest/gtest.h>

#include <cmath>
#include <random>
#include <vector>

#include "checker/certificate.h"
#include "prover/network_for_test.h"

namespace pawl::prover {
namespace dual_bounds_test {

using Place = DualBounds::Place;
using Side = DualBounds::Side;

// Room for single precision rounding.
constexpr float kRounding = 1e-4f;

struct Case {
  PlainNetwork plain;
  FlatNetwork network;
  std::vector<float> lower, upper;

  explicit Case(std::mt19937_64& random) {
    plain = RandomNetwork(random, {12, 20, 15, 3});
    network = *Flatten(ClaimOf(ReadBack(plain), checker::Arithmetic::kReal));
    for (std::size_t i = 0; i < 12; ++i) {
      lower.push_back(static_cast<float>(Uniform(random, -1, 0)));
      upper.push_back(lower.back() + static_cast<float>(Uniform(random, 0, 1)));
    }
  }

  // Operands of the ReLUs and the outputs at a point.
  std::vector<std::vector<float>> Operands(std::vector<float> x) const {
    std::vector<std::vector<float>> operands;
    for (const FlatLayer& layer : network.layers) {
      std::vector<float>& y = operands.emplace_back(layer.bias);
      for (std::size_t i = 0; i < y.size(); ++i)
        for (std::size_t k = 0; k < x.size(); ++k) y[i] += layer.weight[i * layer.inputs + k] * x[k];
      x = y;
      for (float& value : x) value = std::max(value, 0.0f);
    }
    return operands;
  }

  std::vector<float> Sample(std::mt19937_64& random) const {
    std::vector<float> x;
    for (std::size_t i = 0; i < lower.size(); ++i) {
      const float share =
          static_cast<float>(random() % 3 == 0 ? static_cast<double>(random() % 2) : Uniform(random, 0, 1));
      x.push_back(lower[i] + share * (upper[i] - lower[i]));
    }
    return x;
  }
};

// Hidden bounds by backward substitution, checked against samples.
void SetHidden(const Case& c, std::mt19937_64& random, DualBounds& bounds) {
  bounds.SetBox(c.lower, c.upper);
  for (std::size_t k = 0; k < 2; ++k) {
    std::vector<float> lower, upper;
    bounds.IntervalBounds(k, lower, upper);
    for (std::size_t i = 0; i < lower.size(); ++i) {
      bounds.Start(k, 2);
      bounds.SetNeuron(0, i, 1);
      bounds.SetNeuron(1, i, -1);
      bounds.Evaluate();
      lower[i] = std::max(lower[i], bounds.bound(0));
      upper[i] = std::min(upper[i], -bounds.bound(1));
    }
    for (int s = 0; s < 200; ++s) {
      const auto operands = c.Operands(c.Sample(random));
      for (std::size_t i = 0; i < lower.size(); ++i) {
        ASSERT_GE(operands[k][i], lower[i] - kRounding);
        ASSERT_LE(operands[k][i], upper[i] + kRounding);
      }
    }
    bounds.SetHidden(k, lower, upper);
  }
}

TEST(DualBounds, NoSampleIsBelowThemWhateverSlopesPhasesAndMultipliers) {
  std::size_t compared = 0, gained = 0, columns = 0;
  for (std::uint64_t seed = 1; seed <= 40; ++seed) {
    std::mt19937_64 random(seed);
    const Case c(random);
    DualBounds bounds(c.network, 16);
    SetHidden(c, random, bounds);
    ASSERT_FALSE(::testing::Test::HasFatalFailure());
    const std::vector<Place> open = bounds.OpenNeurons(2);
    // Column 0 without phases; the others with the phases of a point.
    bounds.Start(2, 16);
    std::vector<float> row(15);
    for (float& a : row) a = static_cast<float>(Uniform(random, -1, 1));
    std::vector<std::vector<std::pair<Place, Side>>> phases(16);
    for (std::size_t column = 0; column < 16; ++column) {
      bounds.SetRow(column, row.data(), 0.5f);
      const auto operands = c.Operands(c.Sample(random));
      for (const Place& place : open) {
        if (column == 0 || random() % 4 != 0) continue;
        const Side side = operands[place.layer][place.neuron] > 0 ? Side::kHigh : Side::kLow;
        phases[column].emplace_back(place, side);
        bounds.SetPhase(column, place, side, static_cast<float>(Uniform(random, 0, 0.5)));
      }
      std::vector<std::uint8_t> slopes(open.size());
      for (std::uint8_t& slope : slopes) slope = static_cast<std::uint8_t>(random());
      bounds.LoadSlopes(column, slopes.data());
    }
    std::vector<float> first, last;
    for (int s = 0; s < 25; ++s) {
      bounds.Evaluate();
      for (int sample = 0; sample < 60; ++sample) {
        const auto operands = c.Operands(c.Sample(random));
        float value = 0.5f;
        for (std::size_t i = 0; i < row.size(); ++i) value += row[i] * std::max(operands[1][i], 0.0f);
        for (std::size_t column = 0; column < 16; ++column) {
          bool inside = true;
          for (const auto& [place, side] : phases[column]) {
            const float z = operands[place.layer][place.neuron];
            inside = inside && (side == Side::kHigh ? z >= 0 : z <= 0);
          }
          if (!inside) continue;
          ASSERT_LE(bounds.bound(column), value + kRounding * (1 + std::abs(value))) << seed << " " << column;
          ++compared;
        }
      }
      last.clear();
      for (std::size_t column = 0; column < 16; ++column) last.push_back(bounds.bound(column));
      if (s == 0) first = last;
      bounds.Ascend(0.2f, 0.1f);
    }
    for (std::size_t column = 0; column < 16; ++column, ++columns) gained += last[column] >= first[column];
  }
  EXPECT_GT(compared, 100'000u);
  EXPECT_GT(gained, columns * 9 / 10);  // ascent does ascend
}

TEST(DualBounds, BytesStandForWhatTheKernelsUse) {
  for (int byte = 0; byte < 256; ++byte) {
    const auto b = static_cast<std::uint8_t>(byte);
    EXPECT_EQ(SlopeByte(static_cast<float>(checker::SlopeOf(b))), b);
    const auto weight = static_cast<float>(checker::SplitWeight(b));
    if (weight == 0 || weight >= 0x1p-18f) {
      EXPECT_EQ(WeightByte(weight), weight > 2048 ? WeightByte(weight) : b);
      EXPECT_EQ(static_cast<float>(checker::SplitWeight(WeightByte(weight))), RoundedWeight(weight));
    }
  }
  for (const float weight : {1e-9f, 0.001f, 0.77f, 1.0f, 31.7f, 2048.0f})
    EXPECT_EQ(static_cast<float>(checker::SplitWeight(WeightByte(weight))), RoundedWeight(weight));
}

}  // namespace dual_bounds_test
}  // namespace pawl::prover
