#include "evaluation/real.h"

#include <gtest/gtest.h>

#include <cmath>

#include "model/onnx_writer_for_test.h"

namespace pawl::evaluation {
namespace {

using namespace model;  // NOLINT

Network OneNode(const std::string& node, const std::vector<std::string>& constants = {}, int64_t size = 1) {
  const Result<Network> network =
      ReadOnnx(onnx::AsBytes(onnx::Model(onnx::Graph({node}, constants, {onnx::Value("x", {1, size}, 11)},
                                                     {onnx::Value("y", {1, size}, 11)}))),
               {});
  EXPECT_TRUE(network.ok()) << network.error().message;
  return *network;
}

RealRange At(const Network& network, double x) { return EncloseReal(network, std::vector<double>{x})->front(); }

bool Contains(const RealRange& range, double low, double high) {
  return range.lower.Compare(low) <= 0 && range.upper.Compare(high) >= 0;
}

TEST(EncloseReal, IsExactWhereDecimalsAre) {
  const Network network = OneNode(onnx::Node("Mul", {"x", "c"}, {"y"}), {onnx::Tensor<double>("c", {1}, {0.1})});
  const RealRange y = At(network, 0.1);  // needs more than a double
  EXPECT_EQ(y.lower, y.upper);
  EXPECT_EQ(y.lower, Decimal::FromDouble(0.1) * Decimal::FromDouble(0.1));
}

TEST(EncloseReal, EnclosesQuotientsBetweenNeighbours) {
  const Network thirds = OneNode(onnx::Node("Div", {"x", "c"}, {"y"}), {onnx::Tensor<double>("c", {1}, {3})});
  const RealRange third = At(thirds, 1);
  EXPECT_TRUE(Contains(third, std::nextafter(1.0 / 3, 1), 1.0 / 3));  // 1/3 lies above its nearest double
  EXPECT_EQ(third.lower.NearestFloat64(), 1.0 / 3);
  EXPECT_EQ(third.upper.NearestFloat64(), std::nextafter(1.0 / 3, 1));
  EXPECT_EQ(At(thirds, 6).lower, Decimal::FromDouble(2));
  EXPECT_EQ(At(thirds, 6).upper, Decimal::FromDouble(2));
  const RealRange negative = At(thirds, -1);
  EXPECT_EQ(negative.lower, -third.upper);
  EXPECT_EQ(negative.upper, -third.lower);
}

TEST(EncloseReal, RefusesQuotientsBeyondDoublePrecision) {
  const Network network = OneNode(onnx::Node("Div", {"x", "c"}, {"y"}), {onnx::Tensor<double>("c", {1}, {0.5})});
  EXPECT_EQ(EncloseReal(network, std::vector<double>{0x1p1023}).error().rule, "evaluate.range");
  EXPECT_EQ(EncloseReal(network, std::vector<double>{}).error().rule, "evaluate.size");
}

// Digits from an independent computation at 40 digits.
TEST(EncloseReal, EnclosesSigmoidAndTanhTightly) {
  const Network sigmoid = OneNode(onnx::Node("Sigmoid", {"x"}, {"y"})),
                tanh = OneNode(onnx::Node("Tanh", {"x"}, {"y"}));
  const auto check = [](const RealRange& range, const char* digits) {
    const Decimal exact = *Decimal::Parse(digits, 100);
    EXPECT_LE(range.lower, exact) << digits;
    EXPECT_GE(range.upper, exact) << digits;
    EXPECT_LE((range.upper - range.lower).NearestFloat64(), 2e-14) << digits;
  };
  check(At(sigmoid, 0), "0.5");
  check(At(sigmoid, 1), "0.7310585786300048792511592418218362743652");
  check(At(sigmoid, -1), "0.2689414213699951207488407581781637256348");
  check(At(sigmoid, 10), "0.9999546021312975656054952230169600665702");
  check(At(sigmoid, -700), "0");
  check(At(sigmoid, 1e30), "1");
  check(At(sigmoid, -1e30), "0");
  check(At(tanh, 0), "0");
  check(At(tanh, 0.5), "0.4621171572600097585023184836436725487302");
  check(At(tanh, -2), "-0.9640275800758168839464137241009231502550");
  check(At(tanh, 1e30), "1");
  for (double x = -40; x < 40; x += 0.37) {
    EXPECT_NEAR(At(sigmoid, x).lower.NearestFloat64(), 1 / (1 + std::exp(-x)), 1e-13);
    EXPECT_NEAR(At(tanh, x).upper.NearestFloat64(), std::tanh(x), 1e-13);
  }
}

TEST(EncloseReal, TakesLeakyReluOfNegativeSlopeOverARange) {
  // x/3 − 1/3·3 … : a range around 0 comes from a quotient.
  const Network network =
      *ReadOnnx(onnx::AsBytes(onnx::Model(onnx::Graph(
                    {onnx::Node("Div", {"x", "three"}, {"q"}), onnx::Node("Sub", {"q", "third"}, {"d"}),
                     onnx::Node("LeakyRelu", {"d"}, {"y"}, {onnx::FloatAttribute("alpha", -1)})},
                    {onnx::Tensor<double>("three", {1}, {3}), onnx::Tensor<double>("third", {1}, {1.0 / 3})},
                    {onnx::Value("x", {1, 1}, 11)}, {onnx::Value("y", {1, 1}, 11)}))),
                {});
  const RealRange y = At(network, 1);  // |1/3 − its nearest double|
  EXPECT_LE(y.lower.Sign(), 0);
  EXPECT_GT(y.upper.Sign(), 0);
}

TEST(FindRealViolation, NeedsOneConjunctionForTheWholeRange) {
  const Result<Property> property = ReadVnnlib(
      "(declare-const X_0 Real)(declare-const Y_0 Real)(assert (>= X_0 0))(assert (<= X_0 1))"
      "(assert (or (<= Y_0 1) (and (> Y_0 1) (< Y_0 3))))",
      {});
  ASSERT_TRUE(property.ok()) << property.error().message;
  const auto violates = [&](double x, double lower, double upper) {
    const RealRange range[] = {{Decimal::FromDouble(lower), Decimal::FromDouble(upper)}};
    return FindRealViolation(*property, std::vector<double>{x}, range).has_value();
  };
  EXPECT_TRUE(violates(0, 0, 1));
  EXPECT_TRUE(violates(1, 1.5, 2));
  EXPECT_FALSE(violates(1, 0.5, 2));  // neither alternative for all of it
  EXPECT_FALSE(violates(1, 2, 3));    // strict
  EXPECT_FALSE(violates(2, 0, 1));
}

}  // namespace
}  // namespace pawl::evaluation
