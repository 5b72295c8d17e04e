// Envelopes: which networks are in one, and whether any of them leaves the bounds of its proof.
#include "checker/envelope.h"

#include <gmpxx.h>
#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <cstring>
#include <limits>
#include <random>

#include "checker/deployed_evaluation_for_test.h"
#include "checker/envelope_member_for_test.h"
#include "checker/leaf.h"
#include "checker/random_claim_for_test.h"
#include "checker/random_root_for_test.h"
#include "random_cases.h"

namespace pawl::checker {
namespace envelope_test {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

// ---- membership ----

TEST(Envelope, DistanceIsDecidedExactly) {
  std::mt19937_64 random(1);
  std::size_t ties = 0, inside = 0;
  const auto draw = [&](bool narrow) {
    const double value = std::ldexp(std::uniform_real_distribution<double>(-2, 2)(random),
                                    static_cast<int>(random() % 80) - 40 - (random() % 9 == 0 ? 1000 : 0));
    return narrow ? static_cast<double>(static_cast<float>(value)) : value;
  };
  for (int i = 0; i < 200'000; ++i) {
    const bool narrow = random() % 2 == 0;
    const double from = draw(narrow), to = random() % 3 == 0 ? from + draw(narrow) : draw(narrow);
    // Radii at, just below and just above the rounded distance.
    double radius = std::abs(to - from);
    const std::size_t place = random() % 4;
    if (place == 1) radius = std::nextafter(radius, 0.0);
    if (place == 2) radius = std::nextafter(radius, kInfinity);
    if (place == 3) radius = std::abs(draw(false));
    mpq_class distance = mpq_class(to) - mpq_class(from);
    distance = abs(distance);
    const bool expected = distance <= mpq_class(radius);
    ASSERT_EQ(IsWithin(from, to, radius), expected) << from << " " << to << " " << radius;
    ties += std::abs(to - from) == radius && distance != mpq_class(radius);
    inside += expected;
  }
  EXPECT_GT(ties, 10'000u);  // where rounding the distance would have decided
  EXPECT_GT(inside, 50'000u);
  for (const double bad : {std::numeric_limits<double>::quiet_NaN(), kInfinity, -kInfinity}) {
    EXPECT_FALSE(IsWithin(0, bad, 1));
    EXPECT_FALSE(IsWithin(bad, 0, 1));
    EXPECT_FALSE(IsWithin(bad, bad, 1));
  }
  EXPECT_TRUE(IsWithin(0.0, -0.0, 0x1p-1074));
}

struct File {
  std::string bytes;
  model::Network network;
};

File MakeFile() {
  namespace onnx = model::onnx;
  File file;
  file.bytes =
      onnx::Model(onnx::Graph({onnx::Node("Gemm", {"x", "w", "b"}, {"y"}), onnx::Node("Clip", {"y", "low"}, {"c"}),
                               onnx::Node("Mul", {"c", "m"}, {"s"}), onnx::Node("Add", {"s", "spelt"}, {"z"})},
                              {onnx::Tensor<float>("w", {1, 2}, {1, -2}), onnx::Tensor<float>("b", {2}, {0.5f, 0}),
                               onnx::Tensor<float>("low", {}, {-3}), onnx::Tensor<float>("m", {2}, {1, 1}),
                               onnx::TensorHead("spelt", {2}, 1) + onnx::Bytes(4, onnx::Raw<float>({1, 1}))},
                              {onnx::Value("x", {1, 1})}, {onnx::Value("z", {1, 2})}));
  file.network = *model::ReadOnnx(AsBytes(file.bytes), {});
  return file;
}

std::size_t PlaceOf(const model::Network& network, const std::string& name) {
  for (const model::Tensor& tensor : network.tensors)
    if (tensor.origin == name && tensor.stored_at != model::Tensor::kNotStored) return tensor.stored_at;
  return std::string::npos;
}

void SetFloat(std::string& bytes, std::size_t at, float value) { std::memcpy(bytes.data() + at, &value, 4); }

TEST(Envelope, HoldsWhatDiffersInItsTensorsByTheRadiusAtMost) {
  const File file = MakeFile();
  const std::vector<TensorRadius> radii = {{"b", 0.25}, {"w", 0.5}};
  const auto measure = [&](const std::string& candidate) {
    return MeasureDistances(file.network, AsBytes(file.bytes), AsBytes(candidate), radii);
  };
  const auto rule = [&](const std::string& candidate) {
    const Result<std::vector<double>> distances = measure(candidate);
    return distances.ok() ? "" : distances.error().rule;
  };
  EXPECT_EQ(*measure(file.bytes), (std::vector<double>{0, 0}));
  const std::size_t w = PlaceOf(file.network, "w"), b = PlaceOf(file.network, "b");
  const auto with = [&](std::size_t at, float value) {
    std::string bytes = file.bytes;
    SetFloat(bytes, at, value);
    return bytes;
  };
  EXPECT_EQ(*measure(with(w, 1.5f)), (std::vector<double>{0, 1}));
  EXPECT_EQ(*measure(with(w + 4, -2.25f)), (std::vector<double>{0, 0.5}));
  EXPECT_EQ(*measure(with(b + 4, -0.0625f)), (std::vector<double>{0.25, 0}));
  EXPECT_EQ(rule(with(w, std::nextafter(1.5f, 2.0f))), "checker.envelope");
  EXPECT_EQ(rule(with(b, std::nextafter(0.25f, 0.0f))), "checker.envelope");
  EXPECT_EQ(rule(with(w, std::numeric_limits<float>::quiet_NaN())), "checker.envelope");
  EXPECT_EQ(rule(with(w, std::numeric_limits<float>::infinity())), "checker.envelope");
  // Every other byte counts.
  std::size_t others = 0;
  for (std::size_t at = 0; at < file.bytes.size(); ++at) {
    if ((at >= w && at < w + 8) || (at >= b && at < b + 8)) continue;
    std::string changed = file.bytes;
    changed[at] = static_cast<char>(changed[at] ^ 1);
    ASSERT_EQ(rule(changed), "checker.envelope") << at;
    ++others;
  }
  EXPECT_GT(others, 200u);
  EXPECT_EQ(rule(file.bytes + '\0'), "checker.envelope");
  EXPECT_EQ(rule(file.bytes.substr(0, file.bytes.size() - 1)), "checker.envelope");
  EXPECT_EQ(rule(""), "checker.envelope");
  // Without a radius nothing may differ.
  EXPECT_TRUE(MeasureDistances(file.network, AsBytes(file.bytes), AsBytes(file.bytes), {}).ok());
  EXPECT_FALSE(MeasureDistances(file.network, AsBytes(file.bytes), AsBytes(with(w, 1.25f)), {}).ok());
}

TEST(Envelope, DoublesAreDoubles) {
  namespace onnx = model::onnx;
  const std::string bytes =
      onnx::Model(onnx::Graph({onnx::Node("Add", {"x", "b"}, {"y"})}, {onnx::Tensor<double>("b", {1}, {1.0})},
                              {onnx::Value("x", {1, 1}, 11)}, {onnx::Value("y", {1, 1}, 11)}));
  const model::Network network = *model::ReadOnnx(AsBytes(bytes), {});
  for (const double share : {1.0, 1.5}) {
    std::string other = bytes;
    const double value = 1.0 + share * 0x1p-50;
    std::memcpy(other.data() + PlaceOf(network, "b"), &value, 8);
    EXPECT_EQ(MeasureDistances(network, AsBytes(bytes), AsBytes(other), {{{"b", 0x1p-50}}}).ok(), share <= 1);
  }
}

TEST(Envelope, TensorsThatCannotCarryARadiusAreRefusedByName) {
  const File file = MakeFile();
  std::mt19937_64 random(1);
  const model::Property property = RandomProperty(random, 1, 2);
  const auto ask = [&](const std::string& name, double radius) {
    const TensorRadius radii[] = {{name, radius}};
    const Result<Claim> claim = PrepareClaim(file.network, property, Arithmetic::kFloat32, radii);
    if (claim.ok()) return std::string();
    EXPECT_NE(claim.error().message.find("'" + name + "'"), std::string::npos) << claim.error().message;
    return claim.error().rule;
  };
  EXPECT_EQ(ask("w", 0.1), "");
  EXPECT_EQ(ask("b", 0.1), "");
  // A limit of a Clip, a factor of a Mul, numbers that are not raw data, no tensor, an activation.
  for (const char* name : {"low", "m", "spelt", "absent", "", "y", "x"})
    EXPECT_EQ(ask(name, 0.1), "checker.radius") << name;
  for (const double radius : {0.0, -0.1, kInfinity, std::numeric_limits<double>::quiet_NaN()})
    EXPECT_EQ(ask("w", radius), "checker.radius") << radius;
  // Where it is not in the file, no file is within a distance of it.
  for (const char* name : {"low", "spelt", "absent"}) {
    const TensorRadius radii[] = {{name, 0.1}};
    const auto distances = MeasureDistances(file.network, AsBytes(file.bytes), AsBytes(file.bytes), radii);
    ASSERT_FALSE(distances.ok());
    EXPECT_EQ(distances.error().rule, "checker.radius");
  }
}

// A constant that has a use of each kind: the one that cannot carry a radius counts.
TEST(Envelope, OneUseThatCannotCarryIsEnough) {
  namespace onnx = model::onnx;
  const std::vector<std::pair<std::string, std::vector<std::string>>> uses = {
      {"Mul", {"y", "t"}},
      {"Div", {"y", "t"}},
      {"Clip", {"y", "", "t0"}},
      {"BatchNormalization", {"y", "t", "o", "o", "o"}},
      {"Concat", {"y", "t2"}}};
  for (const auto& [name, operands] : uses) {
    std::vector<std::string> attributes;
    if (name == "Concat") attributes.push_back(onnx::IntegerAttribute("axis", 1));
    const std::string bytes = onnx::Model(onnx::Graph(
        {onnx::Node("Add", {"x", "t"}, {"y"}), onnx::Node("Reshape", {"t", "flat"}, {"t2"}),
         onnx::Node("Slice", {"t", "zero", "one", "zero"}, {"t0"}), onnx::Node(name, operands, {"z"}, attributes)},
        {onnx::Tensor<float>("t", {2}, {1, 2}), onnx::Tensor<float>("o", {2}, {1, 1}),
         onnx::Tensor<std::int64_t>("flat", {2}, {1, 2}), onnx::Tensor<std::int64_t>("zero", {1}, {0}),
         onnx::Tensor<std::int64_t>("one", {1}, {1})},
        {onnx::Value("x", {1, 2})}, {onnx::Value("z", {1, name == "Concat" ? 4 : 2})}));
    const Result<model::Network> network = model::ReadOnnx(AsBytes(bytes), {});
    ASSERT_TRUE(network.ok()) << name << ": " << network.error().message;
    std::mt19937_64 random(1);
    const model::Property property = RandomProperty(random, 2, network->output_size());
    const TensorRadius radii[] = {{"t", 0.1}};
    ASSERT_TRUE(PrepareClaim(*network, property, Arithmetic::kReal).ok()) << name;
    const Result<Claim> claim = PrepareClaim(*network, property, Arithmetic::kReal, radii);
    ASSERT_FALSE(claim.ok()) << name;
    EXPECT_EQ(claim.error().rule, "checker.radius") << name;
  }
}

// ---- bounds ----

// Radii for some of the tensors that may have one.
std::vector<TensorRadius> RandomRadii(const model::Network& network, const model::Property& property,
                                      Arithmetic arithmetic, std::mt19937_64& random) {
  std::vector<TensorRadius> radii;
  for (const model::Tensor& tensor : network.tensors) {
    if (tensor.stored_at == model::Tensor::kNotStored || random() % 4 == 0) continue;
    double largest = 0;
    for (const double value : tensor.values) largest = std::max(largest, std::abs(value));
    const double radius =
        random() % 8 == 0 ? 0x1p-1074 : std::ldexp(largest + 0x1p-140, -static_cast<int>(random() % 30));
    const TensorRadius one[] = {{tensor.origin, radius}};
    if (PrepareClaim(network, property, arithmetic, one).ok()) radii.push_back(one[0]);
  }
  std::sort(radii.begin(), radii.end(), [](const auto& a, const auto& b) { return a.tensor < b.tensor; });
  return radii;
}

class Bounded {
 public:
  Bounded(const Claim& claim, const RefutationRow& row, const std::vector<RootLayer>& layers = {})
      : claim_(claim), row_(row), root_(BoundRoot(claim, 0, layers, 1)), engine_(claim) {
    const LeafTask task{claim.boxes[0].lower, claim.boxes[0].upper, {&row_, 1}};
    engine_.SetRoot(&*root_);
    engine_.Margins(Recipe::kRoot, {&task, 1}, {&root_margin_, 1});
  }

  void Bound(Recipe recipe) {
    const LeafTask task{claim_.boxes[0].lower, claim_.boxes[0].upper, {&row_, 1}};
    engine_.Margins(recipe, {&task, 1}, {&margin_, 1});
    margin_ = std::max(margin_, root_margin_);
  }
  bool is_bounded() const { return margin_ > -kInfinity; }

  template <typename T>
  void Deployed(const model::Network& member, std::mt19937_64& random) {
    DeployedEvaluation<T> evaluate(member, random);
    std::vector<T> x;
    for (const double value : DrawPoint(random, claim_.boxes[0])) x.push_back(static_cast<T>(value));
    const std::vector<std::vector<T>> values = evaluate(x);
    for (std::size_t v = 0; v < values.size(); ++v) {
      const double flushed = FlushedAway(claim_, v);
      for (std::size_t k = 0; k < values[v].size(); ++k) {
        const Interval bound = engine_.Value(v, k, 0);
        ASSERT_GE(static_cast<double>(values[v][k]), bound.lower - flushed) << "value " << v << " neuron " << k;
        ASSERT_LE(static_cast<double>(values[v][k]), bound.upper + flushed) << "value " << v << " neuron " << k;
      }
    }
    const std::vector<T>& y = values[claim_.output];
    if (!is_bounded()) return;
    ASSERT_LE(margin_, RowValue(row_, std::vector<double>(x.begin(), x.end()), {y.begin(), y.end()}));
  }

  void Exact(const model::Network& member, std::mt19937_64& random) {
    const std::vector<double> x = DrawPoint(random, claim_.boxes[0]);
    const std::vector<std::vector<mpq_class>> values = ExactEvaluation(member)(x);
    for (std::size_t v = 0; v < values.size(); ++v) {
      for (std::size_t k = 0; k < values[v].size(); ++k) {
        const Interval bound = engine_.Value(v, k, 0);
        if (bound.lower == -kInfinity) continue;
        ASSERT_GE(values[v][k], mpq_class(bound.lower)) << "value " << v << " neuron " << k;
        ASSERT_LE(values[v][k], mpq_class(bound.upper)) << "value " << v << " neuron " << k;
      }
    }
    if (!is_bounded()) return;
    ASSERT_LE(mpq_class(margin_), RowValue(row_, x, values[claim_.output]));
  }

 private:
  const Claim& claim_;
  const RefutationRow row_;
  const Result<RootBounds> root_;
  LeafEngine engine_;
  double margin_ = -kInfinity, root_margin_ = -kInfinity;
};

std::string RandomBytes(std::uint64_t seed) {
  if (seed / 4 % 2 == 0) return model::onnx::RandomNetwork(seed, model::onnx::Variety::kEverything).Bytes();
  for (;; seed += 1'000'000) {
    std::string bytes = model::onnx::RandomGraph(seed, model::onnx::Dialect::kEverything).Bytes();
    if (Read(bytes).input_size() <= 60) return bytes;
  }
}

// Networks of every operator; members on the rim more often than not.
TEST(Envelope, NoMemberLeavesTheBounds) {
  std::size_t members = 0, bounded = 0, with_radii = 0, with_trees = 0;
  for (std::uint64_t seed = 1; seed <= RandomCases(320); ++seed) {
    std::mt19937_64 random(seed);
    const std::string bytes = RandomBytes(seed);
    const model::Network centre = Read(bytes);
    const model::Property property = RandomProperty(random, centre.input_size(), centre.output_size());
    const bool wide = centre.element_type() == model::ElementType::kFloat64;
    const Arithmetic arithmetic = seed % 3 == 0 ? Arithmetic::kReal
                                  : wide        ? Arithmetic::kFloat64
                                                : Arithmetic::kFloat32;
    const std::vector<TensorRadius> radii = RandomRadii(centre, property, arithmetic, random);
    if (radii.empty()) continue;
    ++with_radii;
    const Result<Claim> claim = PrepareClaim(centre, property, arithmetic, radii);
    ASSERT_TRUE(claim.ok()) << claim.error().message;
    const Result<RefutationRow> row = MakeRefutationRow(*claim, 0, 0, {{0, kUnitMultiplier}});
    ASSERT_TRUE(row.ok());
    const std::vector<RootLayer> layers = RandomRoot(random, *claim);
    for (const RootLayer& layer : layers) with_trees += layer.mode == RootMode::kBySplits;
    Bounded bounds(*claim, *row, layers);
    for (const Recipe recipe : {Recipe::kForward, Recipe::kBackward, Recipe::kRoot}) {
      bounds.Bound(recipe);
      bounded += bounds.is_bounded();
      for (int i = 0; i < 3; ++i) {
        const std::string member_bytes = DrawMember(centre, bytes, radii, random);
        ASSERT_TRUE(MeasureDistances(centre, AsBytes(bytes), AsBytes(member_bytes), radii).ok());
        const model::Network member = Read(member_bytes);
        if (arithmetic == Arithmetic::kFloat32) bounds.Deployed<float>(member, random);
        if (arithmetic == Arithmetic::kFloat64) bounds.Deployed<double>(member, random);
        bounds.Exact(member, random);
        ASSERT_FALSE(::testing::Test::HasFatalFailure()) << "seed " << seed;
        ++members;
      }
    }
  }
  std::printf("%zu envelopes, %zu members sampled, %zu of the bounds finite, %zu layers with trees\n", with_radii,
              members, bounded, with_trees);
  EXPECT_GT(members, RandomCases(1500));
  EXPECT_GT(with_trees, RandomCases(60));
  EXPECT_GT(bounded, with_radii);
}

// The centre overflows in no order; a member does.
TEST(Envelope, RefusesWhatMayOverflowInAMember) {
  namespace onnx = model::onnx;
  const std::string bytes = onnx::Model(
      onnx::Graph({onnx::Node("Gemm", {"x", "w", "b"}, {"y"})},
                  {onnx::Tensor<float>("w", {2, 1}, {1e38f, -1e38f}), onnx::Tensor<float>("b", {1}, {1e38f})},
                  {onnx::Value("x", {1, 2})}, {onnx::Value("y", {1, 1})}));
  const model::Network network = Read(bytes);
  const model::Property property = Parse(
      "(declare-const X_0 Real) (declare-const X_1 Real) (declare-const Y_0 Real)\n"
      "(assert (>= X_0 1)) (assert (<= X_0 1)) (assert (>= X_1 1)) (assert (<= X_1 1)) (assert (<= Y_0 -1e300))\n");
  const auto margin = [&](std::vector<TensorRadius> radii, Arithmetic arithmetic) {
    const Result<Claim> claim = PrepareClaim(network, property, arithmetic, radii);
    EXPECT_TRUE(claim.ok());
    const Result<RefutationRow> row = MakeRefutationRow(*claim, 0, 0, {{0, kUnitMultiplier}});
    Bounded bounds(*claim, *row);
    bounds.Bound(Recipe::kForward);
    return bounds.is_bounded();
  };
  EXPECT_TRUE(margin({}, Arithmetic::kFloat32));
  EXPECT_TRUE(margin({{"w", 1e37}}, Arithmetic::kFloat32));
  EXPECT_FALSE(margin({{"w", 3e37}}, Arithmetic::kFloat32));
  EXPECT_TRUE(margin({{"b", 3e37}}, Arithmetic::kFloat32));
  EXPECT_FALSE(margin({{"b", 5e37}}, Arithmetic::kFloat32));
  EXPECT_TRUE(margin({{"b", 5e37}, {"w", 3e37}}, Arithmetic::kReal));
}

// The bounds of an envelope are about as tight as they can be: y = w·x with w in 1 ± r and x in [1, 2].
TEST(Envelope, BoundsAreNoWiderThanTheSetOfNetworks) {
  namespace onnx = model::onnx;
  const std::string bytes =
      onnx::Model(onnx::Graph({onnx::Node("Gemm", {"x", "w", "b"}, {"y"}, {onnx::FloatAttribute("alpha", 2)})},
                              {onnx::Tensor<float>("w", {1, 1}, {1}), onnx::Tensor<float>("b", {1}, {0})},
                              {onnx::Value("x", {1, 1})}, {onnx::Value("y", {1, 1})}));
  const model::Network network = Read(bytes);
  const model::Property property = Parse(
      "(declare-const X_0 Real) (declare-const Y_0 Real)\n"
      "(assert (>= X_0 1)) (assert (<= X_0 2)) (assert (<= Y_0 0))\n");
  const std::vector<TensorRadius> radii = {{"b", 0.125}, {"w", 0.25}};
  const Result<Claim> claim = PrepareClaim(network, property, Arithmetic::kReal, radii);
  ASSERT_TRUE(claim.ok());
  LeafEngine engine(*claim);
  const LeafTask task{claim->boxes[0].lower, claim->boxes[0].upper, {}};
  engine.Bound(Recipe::kForward, {&task, 1});
  const Interval y = engine.Value(1, 0, 0);
  EXPECT_GT(y.upper, 5.125 - 1e-12);
  EXPECT_LT(y.upper, 5.125 + 1e-4);
  EXPECT_LT(y.lower, 2 - 1.125 + 1e-12);  // the radius is that of the largest input
  EXPECT_GT(y.lower, 2 - 1.125 - 1e-4);
}

}  // namespace envelope_test
}  // namespace pawl::checker
