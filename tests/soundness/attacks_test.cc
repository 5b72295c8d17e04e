// One test for each attempt to construct a wrong "proven" that once succeeded, or that a reader of the checker would
// try first.
#include <gtest/gtest.h>

#include "dense_network.h"

namespace pawl::soundness {
namespace {

namespace onnx = model::onnx;
using checker::Arithmetic;
using checker::Recipe;

// Gemm's alpha times a weight underflows and is rounded there by almost half, and an operand of 2^1000 makes the error
// visible: y = 2^-74 * 1.4375, not 2^-74.
TEST(Attacks, AFactorThatUnderflowsIsNotTakenForExact) {
  const std::vector<std::string> constants{onnx::Tensor<double>("w0", {1, 1}, {0x1p1000}),
                                           onnx::Tensor<double>("w1", {1, 1}, {std::ldexp(1.4375, -974)})};
  const std::string first = onnx::Node("MatMul", {"x", "w0"}, {"h"});
  const std::string second =
      onnx::Node("Gemm", {"h", "w1"}, {"y"}, {onnx::FloatAttribute("alpha", std::ldexp(1.0f, -100))});
  const Asked asked(onnx::Model(
      onnx::Graph({first, second}, constants, {onnx::Value("x", {1, 1}, 11)}, {onnx::Value("y", {1, 1}, 11)})));
  // Unsafe and reached: y >= 1.2 * 2^-74.
  const std::string text = Declarations(1, 1) + BoxAssertions({{"1"}, {"1"}}) + "(assert (>= Y_0 6.3527471044e-23))";
  ASSERT_LT(6.3527471044e-23, std::ldexp(1.4375, -74));
  for (const Recipe recipe : {Recipe::kForward, Recipe::kBackward})
    EXPECT_FALSE(asked(text, UniformCertificate(Arithmetic::kReal, recipe, {}), Arithmetic::kReal).proven);
}

// beta is the largest subnormal number and C large: y = 0.9 but where beta is flushed, which gives about 0.
TEST(Attacks, AFlushedBetaTakesTheBiasWithIt) {
  const float beta = std::nextafter(0x1p-126f, 0.0f), bias = 0.9f / beta;
  ASSERT_TRUE(std::isfinite(bias));
  const DenseNetwork network{{DenseLayer{{{0x1p-10f}}, {bias}, 1, beta, false}}};
  const std::string text = Declarations(1, 1) + BoxAssertions({{"0"}, {"0.0009765625"}}) + "(assert (<= Y_0 0.5))";
  for (const Recipe recipe : {Recipe::kForward, Recipe::kBackward}) {
    const auto proven = [&](Arithmetic arithmetic) {
      return Asked(network.ToOnnx())(text, UniformCertificate(arithmetic, recipe, {}), arithmetic).proven;
    };
    EXPECT_FALSE(proven(Arithmetic::kFloat32));
    EXPECT_TRUE(proven(Arithmetic::kReal));
  }
}

}  // namespace
}  // namespace pawl::soundness

int main(int argc, char** argv) {
  ::testing::InitGoogleTest(&argc, argv);
  return RUN_ALL_TESTS();
}
