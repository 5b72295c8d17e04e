// What `float32` claims, against evaluations in single precision.
//
// For each network the largest threshold is found for which the checker accepts "no output is at most this"; then
// outputs are computed as deployed libraries may compute them, and none may reach it or be anything but finite.
// Networks are random, or built so that verifiers fail on them: large weights that cancel, a door that only rounding
// opens, subnormal numbers, sums that overflow in one order only, bounds that round outside, Gemm's factors.
//
//   float32_claim_test [--budget SECONDS] [--seed N] [--minimum N]
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <limits>
#include <map>
#include <optional>

#if defined(__SSE2__)
#include <xmmintrin.h>
#endif

#include "dense_network.h"
#include "model/decimal.h"

namespace pawl::soundness {
namespace {

using checker::Arithmetic;
using checker::Recipe;

// One way in which a library may compute.
struct Style {
  enum class Order { kForward, kReverse, kShuffled, kPairwise, kBlocked } order = Order::kForward;
  bool fused = false;
  enum class Subnormals { kKept, kFlushedInSoftware, kFlushedByProcessor } subnormals = Subnormals::kKept;
  bool alpha_first = false;
  enum class Bias { kFirst, kLast } bias = Bias::kLast;
};

Style RandomStyle(Random& random) {
  Style style;
  style.order = static_cast<Style::Order>(random() % 5);
  style.fused = random() % 2 == 0;
  style.subnormals = static_cast<Style::Subnormals>(random() % 3);
  style.alpha_first = random() % 2 == 0;
  style.bias = static_cast<Style::Bias>(random() % 2);
  return style;
}

// Flushing by the processor while it lives, where there is such a thing.
class FlushToZero {
 public:
  explicit FlushToZero(bool wanted) {
#if defined(__SSE2__)
    before_ = _mm_getcsr();
    if (wanted) _mm_setcsr(before_ | 0x8040);  // results and operands
#else
    (void)wanted;
#endif
  }
  ~FlushToZero() {
#if defined(__SSE2__)
    _mm_setcsr(before_);
#endif
  }
  FlushToZero(const FlushToZero&) = delete;
  FlushToZero& operator=(const FlushToZero&) = delete;

 private:
  unsigned before_ = 0;
};

class Evaluation {
 public:
  Evaluation(const Style& style, Random& random) : style_(style), random_(random) {}

  std::vector<float> operator()(const DenseNetwork& network, std::vector<float> x) {
    const FlushToZero flush(style_.subnormals == Style::Subnormals::kFlushedByProcessor);
    for (const DenseLayer& layer : network.layers) {
      std::vector<float> z;
      for (std::size_t i = 0; i < layer.weights.size(); ++i) {
        const float sum = Row(layer, i, x);
        z.push_back(!layer.relu || std::isnan(sum) ? sum : Flushed(sum) > 0 ? sum : 0.0f);
      }
      x = z;
    }
    return x;
  }

 private:
  float Flushed(float value) const {
    if (style_.subnormals != Style::Subnormals::kFlushedInSoftware) return value;
    return std::abs(value) < std::numeric_limits<float>::min() ? std::copysign(0.0f, value) : value;
  }
  // volatile: computed here and now, in single precision, whatever the compiler would like.
  float Times(float a, float b) const {
    const volatile float left = Flushed(a), right = Flushed(b);
    const volatile float product = left * right;
    return Flushed(product);
  }
  float Plus(float a, float b) const {
    const volatile float left = Flushed(a), right = Flushed(b);
    const volatile float sum = left + right;
    return Flushed(sum);
  }
  float TimesPlus(float a, float b, float c) const { return Flushed(std::fma(Flushed(a), Flushed(b), Flushed(c))); }

  float Row(const DenseLayer& layer, std::size_t i, const std::vector<float>& x) {
    const float bias = layer.beta == 1 ? layer.bias[i] : Times(layer.beta, layer.bias[i]);
    std::vector<std::size_t> order(x.size());
    for (std::size_t j = 0; j < order.size(); ++j) order[j] = j;
    if (style_.order == Style::Order::kReverse) std::reverse(order.begin(), order.end());
    if (style_.order == Style::Order::kShuffled) std::shuffle(order.begin(), order.end(), random_);
    const bool early = style_.alpha_first && layer.alpha != 1;
    const auto weight = [&](std::size_t j) {
      return early ? Times(layer.alpha, layer.weights[i][j]) : layer.weights[i][j];
    };
    const bool bias_first = style_.bias == Style::Bias::kFirst && (layer.alpha == 1 || early);
    float sum = 0;
    if (style_.order == Style::Order::kPairwise || style_.order == Style::Order::kBlocked) {
      std::vector<float> terms;
      for (const std::size_t j : order) terms.push_back(Times(weight(j), x[j]));
      if (bias_first) terms.push_back(bias);
      sum = style_.order == Style::Order::kPairwise ? Pairwise(terms) : Blocked(terms);
    } else {
      std::optional<float> partial;
      if (bias_first) partial = bias;
      for (const std::size_t j : order) {
        if (!partial)
          partial = Times(weight(j), x[j]);
        else
          partial = style_.fused ? TimesPlus(weight(j), x[j], *partial) : Plus(*partial, Times(weight(j), x[j]));
      }
      sum = *partial;
    }
    if (layer.alpha != 1 && !early) sum = Times(layer.alpha, sum);
    return bias_first ? sum : Plus(sum, bias);
  }

  float Pairwise(std::vector<float> terms) {
    while (terms.size() > 1) {
      std::vector<float> sums;
      for (std::size_t k = 0; k + 1 < terms.size(); k += 2) sums.push_back(Plus(terms[k], terms[k + 1]));
      if (terms.size() % 2 == 1) sums.push_back(terms.back());
      terms = sums;
    }
    return terms[0];
  }
  float Blocked(const std::vector<float>& terms) {
    const std::size_t lanes = 1 + random_() % 8;
    std::vector<float> sums(terms.begin(), terms.begin() + static_cast<std::ptrdiff_t>(std::min(lanes, terms.size())));
    for (std::size_t k = sums.size(); k < terms.size(); ++k)
      sums[k % sums.size()] = Plus(sums[k % sums.size()], terms[k]);
    return Pairwise(sums);
  }

  const Style style_;
  Random& random_;
};

struct Instance {
  const char* family = "";
  DenseNetwork network;
  TextBox box;
};

float Gaussian(Random& random, float scale = 1) { return std::normal_distribution<float>(0, scale)(random); }

void AddLayers(DenseNetwork& network, std::size_t from, std::initializer_list<std::size_t> sizes, auto draw) {
  for (const std::size_t to : sizes) {
    network.layers.push_back(MakeLayer(from, to, draw));
    from = to;
  }
  network.layers.back().relu = false;
}

// Decimals with nine digits, which no float is, for all inputs.
TextBox RandomBox(Random& random, std::size_t inputs, double centre_scale, double radius_scale) {
  TextBox box;
  for (std::size_t i = 0; i < inputs; ++i) {
    const double centre = centre_scale * static_cast<double>(Gaussian(random));
    const double radius = random() % 4 == 0 ? 0 : radius_scale * std::abs(static_cast<double>(Gaussian(random)));
    box.lower.push_back(Text("%.9e", centre - radius));
    box.upper.push_back(Text("%.9e", std::max(centre + radius, std::atof(box.lower.back().c_str()))));
  }
  return box;
}

Instance RandomInstance(Random& random) {
  Instance made;
  const std::size_t inputs = 1 + random() % 5;
  const float large = std::ldexp(1.0f, static_cast<int>(random() % 24) + 6);
  double radius = std::ldexp(1.0, -static_cast<int>(random() % 30));
  double centre = 1;
  switch (random() % 8) {
    case 0:
      made.family = "random";
      AddLayers(made.network, inputs, {1 + random() % 9, 1 + random() % 9, 1}, [&] { return Gaussian(random); });
      break;
    case 1:  // the sum is small beside its terms
      made.family = "cancellation";
      AddLayers(made.network, inputs, {2 * (1 + random() % 6), 1}, [&] { return Gaussian(random, large); });
      for (std::size_t j = 1; j < made.network.layers[1].weights[0].size(); j += 2) {
        made.network.layers[0].weights[j] = made.network.layers[0].weights[j - 1];
        made.network.layers[0].bias[j] = made.network.layers[0].bias[j - 1];
        made.network.layers[1].weights[0][j] = -made.network.layers[1].weights[0][j - 1];
      }
      made.network.layers[1].bias[0] = Gaussian(random);
      break;
    case 2: {  // relu((x + C) - C - x) is 0 in the reals; rounding makes it positive, and the last layer shows it
      made.family = "back door";
      AddLayers(made.network, 1, {2, 1, 1}, [] { return 0.0f; });
      auto& layers = made.network.layers;
      layers[0].weights = {{1}, {1}};
      layers[0].bias = {large, 2};
      layers[1].weights = {{random() % 2 == 0 ? 1.0f : -1.0f, 0}};
      layers[1].weights[0][1] = -layers[1].weights[0][0];
      layers[1].bias[0] = layers[1].weights[0][0] * (2 - large);
      layers[2].weights = {{-large}};
      layers[2].bias[0] = 1;
      break;
    }
    case 3:
      made.family = "subnormal";
      centre = std::ldexp(1.0, -static_cast<int>(random() % 40) - 110);
      radius *= centre;
      AddLayers(made.network, inputs, {1 + random() % 5, 1 + random() % 5, 1},
                [&] { return Gaussian(random) * std::ldexp(1.0f, -static_cast<int>(random() % 4) * 32); });
      if (random() % 2 == 0)  // and now it matters
        for (float& w : made.network.layers.back().weights[0]) w = std::ldexp(Gaussian(random), 125);
      for (DenseLayer& layer : made.network.layers)
        for (float& b : layer.bias) b = random() % 2 == 0 ? 0.0f : b * 1e-30f * 1e-10f;
      break;
    case 4:  // huge terms of both signs: one order is finite, another is not
      made.family = "overflow";
      AddLayers(made.network, inputs, {4 + random() % 4, 1}, [&] { return Gaussian(random); });
      for (float& w : made.network.layers.back().weights[0]) w = (random() % 2 == 0 ? 1.0f : -1.0f) * 1.3e38f;
      if (random() % 2 == 0) made.network.layers.back().bias[0] = 3e38f;
      break;
    case 5:
      made.family = "Gemm factors";
      AddLayers(made.network, inputs, {1 + random() % 5, 1 + random() % 5, 1}, [&] { return Gaussian(random); });
      for (DenseLayer& layer : made.network.layers) {
        layer.alpha = random() % 3 == 0 ? 1 : Gaussian(random) * std::ldexp(1.0f, static_cast<int>(random() % 60) - 30);
        layer.beta = random() % 3 == 0 ? 1 : Gaussian(random, large);
        if (random() % 8 != 0) continue;  // a factor that may be flushed, and what makes up for it
        const float factor = std::ldexp(1.0f + Gaussian(random, 0.1f), -127);
        (random() % 2 == 0 ? layer.alpha : layer.beta) = factor;
        for (float& b : layer.bias) b = Gaussian(random, 0.2f) / factor;
        if (random() % 2 == 0) continue;
        for (auto& row : layer.weights)
          for (float& w : row) w *= 0x1p-8f;
      }
      break;
    case 6:  // long rows, so that orders differ
      made.family = "long sums";
      AddLayers(made.network, inputs, {60 + random() % 100, 1}, [&] { return Gaussian(random); });
      break;
    default:  // a point: nothing but rounding is left to be bounded
      made.family = "point";
      AddLayers(made.network, inputs, {1 + random() % 9, 1 + random() % 9, 1}, [&] { return Gaussian(random, large); });
      radius = 0;
      break;
  }
  made.box = RandomBox(random, made.network.inputs(), centre, radius * centre);
  return made;
}

class Suite {
 public:
  explicit Suite(std::uint64_t seed) : random_(seed) {}

  void Case() {
    const Instance instance = RandomInstance(random_);
    Counts& counts = counts_[instance.family];
    ++counts.networks;
    const Asked asked(instance.network.ToOnnx());
    const std::vector<std::vector<float>> points = Points(instance);
    float least = std::numeric_limits<float>::infinity();
    std::vector<float> outputs;
    for (const std::vector<float>& point : points)
      for (int i = 0; i < 4; ++i)
        outputs.push_back(Evaluation(RandomStyle(random_), random_)(instance.network, point)[0]);
    // Those in between, where ReLUs turn, come from styles; corners and random points from Points.
    for (const float y : outputs) {
      ++counts.evaluations;
      if (!std::isfinite(y)) ++counts.not_finite;
      least = std::isfinite(y) ? std::min(least, y) : least;
    }
    if (!std::isfinite(least)) least = 0;
    const Recipe recipe = random_() % 2 == 0 ? Recipe::kForward : Recipe::kBackward;
    std::vector<std::uint32_t> cuts;
    for (std::uint32_t i = 0; i < instance.network.inputs() && cuts.size() < 3; ++i)
      if (instance.box.lower[i] != instance.box.upper[i] && random_() % 2 == 0) cuts.push_back(i);
    const std::string certificate = UniformCertificate(Arithmetic::kFloat32, recipe, cuts);
    const std::optional<std::string> threshold =
        LargestAccepted(asked, instance, certificate, static_cast<double>(least));
    if (!threshold) {
      ++counts.refused;
      return;
    }
    ++counts.accepted;
    const model::Decimal limit = *model::Decimal::Parse(*threshold, 100);
    for (std::size_t k = 0; k < outputs.size(); ++k) {
      EXPECT_TRUE(std::isfinite(outputs[k]) && limit.Compare(static_cast<double>(outputs[k])) < 0)
          << instance.family << ": accepted that no output is at most " << *threshold << ", but one is " << outputs[k];
    }
  }

  void Report() const {
    for (const auto& [family, c] : counts_) {
      std::printf("%-14s %6zu networks, %6zu with an accepted bound, %6zu without, %8zu evaluations (%zu not finite)\n",
                  family.c_str(), c.networks, c.accepted, c.refused, c.evaluations, c.not_finite);
      if (family == "overflow" || family == "subnormal") continue;
      EXPECT_GT(4 * c.accepted, c.networks) << family << ": too few bounds to compare with";
    }
    EXPECT_EQ(counts_.size(), 8u);
    EXPECT_GT(counts_.at("overflow").not_finite, 0u);
  }

 private:
  struct Counts {
    std::size_t networks = 0, accepted = 0, refused = 0, evaluations = 0, not_finite = 0;
  };

  // Roundings of real points of the box: corners, random ones, and random ones near a corner.
  std::vector<std::vector<float>> Points(const Instance& instance) {
    std::vector<std::vector<float>> points;
    const std::size_t inputs = instance.network.inputs();
    for (std::size_t k = 0; k < 24; ++k) {
      std::vector<float>& point = points.emplace_back();
      for (std::size_t i = 0; i < inputs; ++i) {
        const std::string &lower = instance.box.lower[i], &upper = instance.box.upper[i];
        const auto low = static_cast<float>(model::Decimal::Parse(lower, 100)->NearestFloat32());
        const auto high = static_cast<float>(model::Decimal::Parse(upper, 100)->NearestFloat32());
        const float between = low + (high - low) * std::uniform_real_distribution<float>(0, 1)(random_);
        const bool corner = k < 8 || (k < 16 && random_() % 2 == 0);
        point.push_back(corner ? (random_() % 2 == 0 ? low : high) : std::clamp(between, low, high));
      }
    }
    return points;
  }

  // The largest threshold least − 2^k·size that is accepted, k being found by bisection.
  std::optional<std::string> LargestAccepted(const Asked& asked, const Instance& instance,
                                             const std::string& certificate, double least) {
    const std::string head = Declarations(instance.network.inputs(), 1) + BoxAssertions(instance.box);
    const double size = std::max(std::abs(least), 0x1p-160);
    const auto threshold = [&](int k) { return Text("%.17e", least - std::ldexp(size, k)); };
    const auto accepted = [&](int k) {
      return asked(head + "(assert (<= Y_0 " + threshold(k) + "))", certificate, Arithmetic::kFloat32).proven;
    };
    int refused = -60, good = 280;
    if (!accepted(good)) return std::nullopt;
    while (good - refused > 1) {
      const int middle = refused + (good - refused) / 2;
      (accepted(middle) ? good : refused) = middle;
    }
    return threshold(good);
  }

  Random random_;
  std::map<std::string, Counts> counts_;
};

TEST(Float32Claim, NoDeployedEvaluationContradictsAnAcceptedCertificate) {
  const auto start = std::chrono::steady_clock::now();
  const std::size_t cases_min = Options().cases_min ? Options().cases_min : 800;
  Suite suite(Options().seed);
  std::size_t cases = 0;
  const auto spent = [&] { return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count(); };
  while (cases < cases_min || spent() < Options().budget_seconds) {
    suite.Case();
    ++cases;
    if (::testing::Test::HasFailure()) break;
  }
  suite.Report();
  std::printf("%zu networks (%.1f s)\n", cases, spent());
}

}  // namespace
}  // namespace pawl::soundness

int main(int argc, char** argv) {
  ::testing::InitGoogleTest(&argc, argv);
  if (!pawl::soundness::ParseOptions(argc, argv)) {
    std::fprintf(stderr, "usage: float32_claim_test [--budget SECONDS] [--seed N] [--minimum N]\n");
    return 2;
  }
  return RUN_ALL_TESTS();
}
