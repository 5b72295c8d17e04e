// Drift: whether any two deployed networks are further apart than is proven, and what a certificate of it is refused
// for.
#include "checker/drift.h"

#include <gmpxx.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <map>
#include <random>

#include "checker/checker.h"
#include "checker/curve.h"
#include "checker/deployed_evaluation_for_test.h"
#include "checker/envelope_member_for_test.h"
#include "checker/leaf.h"
#include "checker/random_claim_for_test.h"
#include "checker/random_root_for_test.h"
#include "random_cases.h"

namespace pawl::checker {
namespace drift_test {

model::Decimal Number(const char* text) { return *model::Decimal::Parse(text, 100); }

// ---- lines ----

// At every pair of operands in their intervals, in exact arithmetic.
TEST(ReluDifference, LiesBetweenItsLines) {
  std::mt19937_64 random(1);
  std::size_t points = 0, exact = 0;
  for (int i = 0; i < 5'000; ++i) {
    const double scale = std::ldexp(1.0, static_cast<int>(random() % 40) - 20);
    std::uniform_real_distribution<double> uniform(-1, 1);
    const auto interval = [&](double size) {
      const double centre = random() % 4 == 0 ? 0 : uniform(random) * size, half = random() % 6 == 0 ? 0 : size;
      const double a = centre + uniform(random) * half, b = random() % 4 == 0 ? 0 : centre + uniform(random) * half;
      return Interval{std::min(a, b), std::max(a, b)};
    };
    const Interval baseline = interval(1), difference = interval(scale);
    // The network's own bounds: what follows from the two, or less.
    Interval network{baseline.lower + difference.lower, baseline.upper + difference.upper};
    if (random() % 2 == 0) network.lower = std::lerp(network.lower, network.upper, 0.4);
    if (random() % 2 == 0) network.upper = std::lerp(network.upper, network.lower, 0.4);
    const CurveBounds bounds = BoundReluDifference(difference, network, baseline);
    for (const double slope : {bounds.slope, bounds.keep}) ASSERT_TRUE(slope >= 0 && slope <= 1) << slope;
    for (int k = 0; k < 12; ++k) {
      const auto pick = [&](const Interval& in) {
        const std::size_t where = random() % 4;
        return where == 0   ? in.lower
               : where == 1 ? in.upper
               : where == 2 ? std::clamp(0.0, in.lower, in.upper)
                            : std::clamp(std::lerp(in.lower, in.upper, std::abs(uniform(random))), in.lower, in.upper);
      };
      const mpq_class x(pick(baseline)), d(pick(difference)), moved = x + d;
      if (moved < mpq_class(network.lower) || moved > mpq_class(network.upper)) continue;
      const mpq_class value = (moved > 0 ? moved : mpq_class(0)) - (x > 0 ? x : mpq_class(0));
      const mpq_class above = mpq_class(bounds.slope) * d + mpq_class(bounds.offset),
                      below = mpq_class(bounds.keep) * d + mpq_class(bounds.keep_offset);
      ASSERT_LE(value, above) << difference.lower << " " << difference.upper;
      ASSERT_GE(value, below) << difference.lower << " " << difference.upper;
      ASSERT_GE(value, mpq_class(bounds.lower));
      ASSERT_LE(value, mpq_class(bounds.upper));
      ++points;
      exact += above - below < mpq_class(1e-12);
    }
  }
  std::printf("%zu points, at %zu of them the lines meet\n", points, exact);
  EXPECT_GT(points, 20'000u);
  EXPECT_GT(exact, points / 10);
}

TEST(ReluDifference, IsExactWhereBothSignsAreKnown) {
  const CurveBounds active = BoundReluDifference({-0.5, 0.25}, {0, 4}, {0, 4});
  EXPECT_EQ(active.slope, 1);
  EXPECT_EQ(active.keep, 1);
  EXPECT_LT(active.offset - active.keep_offset, 1e-14);
  const CurveBounds inactive = BoundReluDifference({-0.5, 0.25}, {-4, 0}, {-4, 0});
  EXPECT_EQ(inactive.slope, 0);
  EXPECT_EQ(inactive.keep, 0);
  EXPECT_LT(inactive.offset - inactive.keep_offset, 1e-14);
  // Where the operand is nearly 0 the two lines are as near, however large the difference is.
  const CurveBounds near = BoundReluDifference({0.99, 1.01}, {0.98, 1.02}, {-0.01, 0.01});
  EXPECT_LE(near.slope * 1 + near.offset - near.keep * 1 - near.keep_offset, 0.0101);
}

TEST(ReluDifference, HandsOnWhatIsNotANumber) {
  const double nan = std::numeric_limits<double>::quiet_NaN(), infinity = std::numeric_limits<double>::infinity();
  for (const Interval& difference :
       {Interval{nan, 1}, Interval{-1, nan}, Interval{nan, nan}, Interval{-infinity, 1}, Interval{-1, infinity}}) {
    const CurveBounds bounds = BoundReluDifference(difference, {-1, 1}, {-1, 1});
    EXPECT_FALSE(std::isfinite(bounds.upper - bounds.lower));
  }
}

// ---- bounds ----

std::string RandomBytes(std::uint64_t seed) {
  if (seed / 4 % 2 == 0) return model::onnx::RandomNetwork(seed, model::onnx::Variety::kEverything).Bytes();
  for (;; seed += 1'000'000) {
    std::string bytes = model::onnx::RandomGraph(seed, model::onnx::Dialect::kEverything).Bytes();
    if (Read(bytes).input_size() <= 60) return bytes;
  }
}

// The same graph with other constants: all moved by a share of the largest, which is tiny or not.
model::Network Neighbour(const model::Network& network, const std::string& bytes, std::mt19937_64& random) {
  std::vector<TensorRadius> radii;
  const int exponent = -static_cast<int>(random() % 24);
  for (const model::Tensor& tensor : network.tensors) {
    if (tensor.stored_at == model::Tensor::kNotStored || tensor.origin.empty()) continue;
    double largest = 0;
    for (const double value : tensor.values) largest = std::max(largest, std::abs(value));
    if (random() % 5 != 0) radii.push_back({tensor.origin, std::ldexp(largest + 0x1p-140, exponent)});
  }
  return Read(DrawMember(network, bytes, radii, random));
}

// Bounds of a joint claim over its root box, by three recipes.
class Bounded {
 public:
  Bounded(const Claim& claim, const model::Network& network, const model::Network& baseline,
          const std::vector<RootLayer>& layers = {})
      : claim_(claim), network_(network), baseline_(baseline), root_(BoundRoot(claim, 0, layers, 1)), engine_(claim) {
    for (std::size_t k = 0; k < claim.property->cases[0].unsafe.size(); ++k) {
      rows_.push_back(*MakeRefutationRow(claim, 0, k, {{0, kUnitMultiplier}}));
      margins_.push_back(-HUGE_VAL);
    }
    if (root_.ok()) engine_.SetRoot(&*root_);
  }

  void Bound(Recipe recipe) {
    for (std::size_t k = 0; k < rows_.size(); ++k) {
      const LeafTask task{claim_.boxes[0].lower, claim_.boxes[0].upper, {&rows_[k], 1}};
      double margin = 0;
      engine_.Margins(recipe, {&task, 1}, {&margin, 1});
      margins_[k] = std::max(margins_[k], margin);
    }
  }
  bool is_bounded() const {
    return std::all_of(margins_.begin(), margins_.end(), [](double m) { return m > -HUGE_VAL; });
  }
  Interval Output() const { return engine_.Value(claim_.output, 0, 0); }

  // Two evaluations, each in a style of its own.
  template <typename T>
  void Deployed(std::mt19937_64& random) {
    std::vector<T> x;
    for (const double value : DrawPoint(random, claim_.boxes[0])) x.push_back(static_cast<T>(value));
    DeployedEvaluation<T> of_network(network_, random), of_baseline(baseline_, random);
    const auto exact = [](const std::vector<std::vector<T>>& values) {
      ExactEvaluation::Values result;
      for (const auto& value : values) result.emplace_back(value.begin(), value.end());
      return result;
    };
    Hold(std::vector<double>(x.begin(), x.end()), exact(of_network(x)), exact(of_baseline(x)));
  }
  void Exact(std::mt19937_64& random) {
    const std::vector<double> x = DrawPoint(random, claim_.boxes[0]);
    Hold(x, ExactEvaluation(network_)(x), ExactEvaluation(baseline_)(x));
  }

 private:
  using Values = ExactEvaluation::Values;

  // Every value of both networks and every difference is where it is bounded to be.
  void Hold(const std::vector<double>& x, const Values& network, const Values& baseline) {
    const std::size_t offset = baseline.size() - 1;
    // Each of two values may have been flushed by an operator that is otherwise exact.
    const mpq_class flushed = 2 * mpq_class(claim_.format.normal_min);
    const auto inside = [&](std::size_t v, std::size_t k, const mpq_class& value) {
      const Interval bound = engine_.Value(v, k, 0);
      if (bound.lower == -HUGE_VAL) return;
      ASSERT_GE(value, mpq_class(bound.lower) - flushed) << "value " << v << " neuron " << k;
      ASSERT_LE(value, mpq_class(bound.upper) + flushed) << "value " << v << " neuron " << k;
    };
    const auto positive = [](const mpq_class& z) { return z > 0 ? z : mpq_class(0); };
    for (std::size_t v = 1; v < claim_.sizes.size(); ++v) {
      const Step& step = claim_.steps[v - 1];
      for (std::size_t k = 0; k < claim_.sizes[v]; ++k) {
        if (v <= offset) {
          inside(v, k, baseline[v][k]);
        } else if (v < offset + network.size()) {
          inside(v, k, network[v - offset][k]);
        } else if (step.of_network != 0) {
          const mpq_class &a = network[step.of_network - offset][k], &b = baseline[step.of_baseline][k];
          inside(v, k, step.kind == StepKind::kReluDifference ? positive(a) - positive(b) : mpq_class(a - b));
          ++differences_;
        }
      }
    }
    const auto &y = network[network_.graph.output], &z = baseline[baseline_.graph.output];
    std::vector<mpq_class> apart;
    for (std::size_t k = 0; k < y.size(); ++k) apart.emplace_back(y[k] - z[k]);
    for (std::size_t k = 0; k < apart.size(); ++k) inside(claim_.output, k, apart[k]);
    for (std::size_t k = 0; is_bounded() && k < rows_.size(); ++k)
      ASSERT_LE(mpq_class(margins_[k]), RowValue(rows_[k], x, apart));
  }

  const Claim& claim_;
  const model::Network &network_, &baseline_;
  const Result<RootBounds> root_;
  LeafEngine engine_;
  std::vector<RefutationRow> rows_;
  std::vector<double> margins_;

 public:
  std::size_t differences_ = 0;  // that were held against their bounds
};

struct Counts {
  std::size_t pairs = 0, evaluations = 0, bounded = 0, differences = 0, with_trees = 0;
};

void TryPair(const model::Network& network, const model::Network& baseline, std::uint64_t seed, std::mt19937_64& random,
             Counts& counts) {
  const model::Property stated = RandomProperty(random, network.input_size(), network.output_size());
  const bool wide = network.element_type() == model::ElementType::kFloat64;
  const Arithmetic arithmetic = seed % 3 == 0 ? Arithmetic::kReal : wide ? Arithmetic::kFloat64 : Arithmetic::kFloat32;
  const Result<model::Property> property = DriftProperty(stated, std::vector(stated.output_count, Number("0.125")));
  ASSERT_TRUE(property.ok());
  const Result<Claim> claim = PrepareDriftClaim(network, baseline, *property, arithmetic);
  if (!claim.ok()) return;  // a constant that was moved so that the network cannot be bounded
  ++counts.pairs;
  const std::vector<RootLayer> layers = RandomRoot(random, *claim);
  for (const RootLayer& layer : layers) counts.with_trees += layer.mode == RootMode::kBySplits;
  Bounded bounds(*claim, network, baseline, layers);
  for (const Recipe recipe : {Recipe::kRoot, Recipe::kForward, Recipe::kBackward}) {
    bounds.Bound(recipe);
    for (int i = 0; i < 2; ++i) {
      if (arithmetic == Arithmetic::kFloat32) bounds.Deployed<float>(random);
      if (arithmetic == Arithmetic::kFloat64) bounds.Deployed<double>(random);
      bounds.Exact(random);
      ASSERT_FALSE(::testing::Test::HasFatalFailure()) << "seed " << seed;
      ++counts.evaluations;
    }
  }
  counts.bounded += bounds.is_bounded();
  counts.differences += bounds.differences_;
}

TEST(Drift, NoPairOfEvaluationsLeavesItsBounds) {
  Counts counts;
  for (std::uint64_t seed = 1; seed <= RandomCases(110); ++seed) {
    std::mt19937_64 random(seed);
    const std::string bytes = RandomBytes(seed);
    const model::Network baseline = Read(bytes), network = Neighbour(baseline, bytes, random);
    TryPair(network, baseline, seed, random, counts);
    ASSERT_FALSE(::testing::Test::HasFatalFailure()) << "seed " << seed;
  }
  std::printf("%zu pairs, %zu bounded, %zu evaluations, %zu differences, %zu layers with trees\n", counts.pairs,
              counts.bounded, counts.evaluations, counts.differences, counts.with_trees);
  EXPECT_GT(counts.pairs, RandomCases(90));
  EXPECT_GT(counts.with_trees, RandomCases(50));
  EXPECT_GT(counts.bounded, counts.pairs * 3 / 4);
  EXPECT_GT(counts.differences, RandomCases(10'000));
}

// Graphs that have nothing in common but their inputs and outputs.
TEST(Drift, HoldsForOtherArchitectures) {
  Counts counts;
  std::map<std::array<std::size_t, 3>, model::Network> known;
  for (std::uint64_t seed = 1; seed <= 120; ++seed) {
    std::mt19937_64 random(seed);
    model::Network network = Read(RandomBytes(seed));
    const std::array<std::size_t, 3> shape = {network.input_size(), network.output_size(),
                                              network.element_type() == model::ElementType::kFloat64};
    if (const auto at = known.find(shape); at != known.end()) TryPair(network, at->second, seed, random, counts);
    ASSERT_FALSE(::testing::Test::HasFatalFailure()) << "seed " << seed;
    known.insert_or_assign(shape, std::move(network));
  }
  std::printf("%zu pairs, %zu bounded, %zu evaluations\n", counts.pairs, counts.bounded, counts.evaluations);
  EXPECT_GT(counts.pairs, 25u);
  EXPECT_GT(counts.bounded, counts.pairs / 2);
}

// ---- tightness and refusals ----

// Three hidden layers of twelve, from normal numbers; every weight and bias times 1 + share·normal number.
std::string Layers(double share) {
  std::mt19937_64 random(1), noise(2);
  std::normal_distribution<float> normal(0, 0.5f), small(0, 1);
  std::vector<DenseLayer> layers;
  std::size_t from = 3;
  const auto draw = [&] { return normal(random) * (1 + static_cast<float>(share) * small(noise)); };
  for (const std::size_t to : {12u, 12u, 12u, 2u}) {
    DenseLayer& layer = layers.emplace_back();
    layer.relu = to != 2;
    for (std::size_t i = 0; i < to; ++i) {
      layer.bias.push_back(draw());
      std::vector<float>& row = layer.weights.emplace_back();
      for (std::size_t j = 0; j < from; ++j) row.push_back(draw());
    }
    from = to;
  }
  return DenseNetworkBytes(layers);
}

const std::string kBox =
    "(declare-const X_0 Real)(declare-const X_1 Real)(declare-const X_2 Real)(declare-const Y_0 Real)(declare-const "
    "Y_1 "
    "Real)(assert (and (>= X_0 -1)(<= X_0 1)(>= X_1 -1)(<= X_1 1)(>= X_2 -1)(<= X_2 1)(<= Y_0 Y_1)))";

// How far the first outputs are apart at most, as it is bounded over the whole box.
double Widest(const model::Network& network, const model::Network& baseline, Arithmetic arithmetic) {
  const model::Property property = *DriftProperty(Parse(kBox), std::vector(2, Number("1")));
  const Result<Claim> claim = PrepareDriftClaim(network, baseline, property, arithmetic);
  EXPECT_TRUE(claim.ok());
  Bounded bounds(*claim, network, baseline);
  bounds.Bound(Recipe::kBackward);
  const Interval apart = bounds.Output();
  return std::max(-apart.lower, apart.upper);
}

TEST(Drift, IsNoWiderThanWhatTheNetworksDoNotShare) {
  const model::Network baseline = Read(Layers(0));
  // Nothing of the networks is left; in float32 their roundings are, twice.
  EXPECT_LT(Widest(baseline, baseline, Arithmetic::kReal), 1e-11);
  const double rounding = Widest(baseline, baseline, Arithmetic::kFloat32);
  EXPECT_GT(rounding, 1e-7);
  EXPECT_LT(rounding, 1e-3);
  // And grows with the change, where bounds of either network alone stay what they are.
  const double small = Widest(Read(Layers(1e-4)), baseline, Arithmetic::kReal),
               large = Widest(Read(Layers(1e-2)), baseline, Arithmetic::kReal);
  EXPECT_LT(small, 0.02);
  EXPECT_GT(large / small, 30);
  EXPECT_LT(large / small, 300);
}

Digest DigestOf(std::uint8_t byte) {
  Digest digest{};
  digest.fill(byte);
  return digest;
}

struct Proof {
  model::Network network = Read(Layers(1e-3)), baseline = Read(Layers(0));
  model::Property stated = Parse(kBox);
  Certificate certificate;
  ClaimRequest request{.arithmetic = Arithmetic::kFloat32,
                       .network = DigestOf(1),
                       .property = DigestOf(2),
                       .baseline = &baseline,
                       .baseline_digest = DigestOf(3)};

  Proof() {
    const std::vector<model::Decimal> within(2, Number("0.25"));
    const model::Property property = *DriftProperty(stated, within);
    const Claim claim = *PrepareDriftClaim(network, baseline, property, Arithmetic::kFloat32);
    EXPECT_TRUE(ProofSearch(claim, {}).Run(certificate));
    certificate.arithmetic = Arithmetic::kFloat32;
    certificate.network = request.network;
    certificate.property = request.property;
    certificate.drift = {.baseline = request.baseline_digest, .within = within};
  }
  Proof(const Proof&) = delete;
  Proof& operator=(const Proof&) = delete;

  std::string Rule() const {
    const Verdict verdict = Check(network, stated, certificate, request);
    return verdict.proven ? "proven" : verdict.reason.rule;
  }
};

TEST(Drift, IsProvenOfTheFilesThatAreNamedAlone) {
  EXPECT_EQ(Proof().Rule(), "proven");
  const auto rule = [](auto change) {
    Proof proof;
    change(proof);
    return proof.Rule();
  };
  // It proves nothing of the property, and what proves the property proves no drift.
  EXPECT_EQ(rule([](Proof& p) { p.request.baseline = nullptr; }), "checker.baseline");
  EXPECT_EQ(rule([](Proof& p) { p.certificate.drift.reset(); }), "checker.baseline");
  EXPECT_EQ(rule([](Proof& p) { p.certificate.drift->baseline = DigestOf(4); }), "checker.baseline");
  EXPECT_EQ(rule([](Proof& p) {
              std::swap(p.network, p.baseline);
              std::swap(p.request.network, p.request.baseline_digest);
            }),
            "checker.baseline");
  EXPECT_EQ(rule([](Proof& p) { p.certificate.network = DigestOf(4); }), "checker.digest");
  EXPECT_EQ(rule([](Proof& p) { p.certificate.property = DigestOf(4); }), "checker.digest");
  EXPECT_EQ(rule([](Proof& p) { p.request.arithmetic = Arithmetic::kReal; }), "checker.arithmetic");
  EXPECT_EQ(rule([](Proof& p) { p.certificate.radii = {{"w0", 0.1}}; }), "checker.radius");
  // Another network under the digests that were proven.
  EXPECT_EQ(rule([](Proof& p) { p.baseline = Read(Layers(1)); }), "checker.leaf");
  EXPECT_EQ(rule([](Proof& p) { p.network = Read(Layers(1)); }), "checker.leaf");
  const std::string narrow = DenseNetworkBytes({{{{1, 1}, {1, 1}}, {0, 0}, false}});
  EXPECT_EQ(rule([&](Proof& p) { p.baseline = Read(narrow); }), "property.size");
  EXPECT_EQ(rule([](Proof& p) { p.stated.cases.push_back(p.stated.cases[0]); }), "checker.cases");
  EXPECT_EQ(rule([](Proof& p) { p.certificate.cases[0].conjunctions = 1; }), "checker.conjunctions");
}

TEST(Drift, BoundsAreWhatIsAskedFor) {
  const auto rule = [](auto change) {
    Proof proof;
    change(proof);
    return proof.Rule();
  };
  EXPECT_EQ(rule([](Proof& p) { p.request.within_max = Number("0.25"); }), "proven");
  EXPECT_EQ(rule([](Proof& p) { p.request.within_max = Number("0.3"); }), "proven");
  EXPECT_EQ(rule([](Proof& p) { p.request.within_max = Number("0.2499999999999999999999"); }), "checker.within");
  EXPECT_EQ(rule([](Proof& p) { p.certificate.drift->within = {Number("0.25")}; }), "checker.within");
  EXPECT_EQ(rule([](Proof& p) { p.certificate.drift->within[1] = Number("0"); }), "checker.within");
  EXPECT_EQ(rule([](Proof& p) { p.certificate.drift->within[1] = Number("-1"); }), "checker.within");
  // A bound that was not proven; a wider one was.
  EXPECT_EQ(rule([](Proof& p) { p.certificate.drift->within[1] = Number("0.00001"); }), "checker.leaf");
  EXPECT_EQ(rule([](Proof& p) { p.certificate.drift->within[1] = Number("0.5"); }), "proven");
  const auto with = [&](const char* row) {
    return rule([&](Proof& p) {
      std::string text = kBox;
      p.stated = Parse(text.insert(text.size() - 2, row));
    });
  };
  // What is said of outputs is not used; what is said of inputs beside their bounds would have to be.
  EXPECT_EQ(with("(<= Y_1 -1000)"), "proven");
  EXPECT_EQ(with("(<= (+ Y_1 X_0) -1000)"), "proven");
  EXPECT_EQ(with("(<= (+ X_0 X_1) 1)"), "checker.input-rows");
}

// y = x and y = 1.5·x on [0, 2]: 1 apart at the end.
TEST(Drift, IsStrict) {
  const model::Network baseline = Read(DenseNetworkBytes({{{{1}}, {0}, true}})),
                       network = Read(DenseNetworkBytes({{{{1.5f}}, {0}, true}}));
  const auto proven = [&](const char* within, Arithmetic arithmetic) {
    const model::Property property = *DriftProperty(Parse("(declare-const X_0 Real)(declare-const Y_0 Real)"
                                                          "(assert (and (>= X_0 0)(<= X_0 2)(<= Y_0 0)))"),
                                                    std::vector(1, Number(within)));
    const Claim claim = *PrepareDriftClaim(network, baseline, property, arithmetic);
    Certificate certificate;
    return ProofSearch(claim, {}).Run(certificate);
  };
  for (const Arithmetic arithmetic : {Arithmetic::kReal, Arithmetic::kFloat32}) {
    EXPECT_FALSE(proven("0.999999", arithmetic));
    EXPECT_FALSE(proven("1", arithmetic));
    EXPECT_TRUE(proven("1.000001", arithmetic));
  }
  EXPECT_TRUE(proven("1.00000001", Arithmetic::kReal));
  EXPECT_FALSE(proven("1.00000001", Arithmetic::kFloat32));  // each of the two rounds
}

TEST(Drift, RefusesWhatMayOverflowInEitherNetwork) {
  const model::Network mild = Read(DenseNetworkBytes({{{{1}}, {0}, false}})),
                       wild = Read(DenseNetworkBytes({{{{3e38f}}, {3e38f}, false}}));
  const model::Property property = *DriftProperty(Parse("(declare-const X_0 Real)(declare-const Y_0 Real)"
                                                        "(assert (and (>= X_0 0)(<= X_0 1)(<= Y_0 0)))"),
                                                  std::vector(1, Number("1e50")));
  const auto is_bounded = [&](const model::Network& network, const model::Network& baseline, Arithmetic arithmetic) {
    const Claim claim = *PrepareDriftClaim(network, baseline, property, arithmetic);
    Bounded bounds(claim, network, baseline);
    for (const Recipe recipe : {Recipe::kRoot, Recipe::kForward, Recipe::kBackward}) bounds.Bound(recipe);
    return bounds.is_bounded();
  };
  EXPECT_TRUE(is_bounded(wild, mild, Arithmetic::kReal));
  EXPECT_TRUE(is_bounded(mild, mild, Arithmetic::kFloat32));
  EXPECT_FALSE(is_bounded(wild, mild, Arithmetic::kFloat32));
  EXPECT_FALSE(is_bounded(mild, wild, Arithmetic::kFloat32));
  EXPECT_FALSE(is_bounded(wild, wild, Arithmetic::kFloat32));
}

// ---- bytes ----

TEST(Drift, OneProofHasOneEncoding) {
  Proof proof;
  const std::string bytes = WriteCertificate(proof.certificate);
  const Result<Certificate> read = ReadCertificate(AsBytes(bytes));
  ASSERT_TRUE(read.ok()) << read.error().message;
  EXPECT_EQ(*read, proof.certificate);
  constexpr std::size_t kKindAt = 10, kBaselineAt = 75, kCountAt = kBaselineAt + 32;
  EXPECT_EQ(bytes[kKindAt], 2);
  EXPECT_EQ(bytes[kCountAt], 2);
  EXPECT_EQ(bytes.substr(kCountAt + 1, 5),
            "\x04"
            "0.25");
  const auto rule = [](const std::string& changed, const CertificateLimits& limits = {}) {
    const Result<Certificate> certificate = ReadCertificate(AsBytes(changed), limits);
    return certificate.ok() ? "" : certificate.error().rule;
  };
  const auto with = [&](const std::string& first) {
    std::string changed = bytes;
    return changed.replace(kCountAt + 1, 5, static_cast<char>(first.size()) + first);
  };
  EXPECT_EQ(rule(with("1000000.00000000000000000001")), "");
  for (const char* text : {"0.250", "00.25", "25e-2", "+0.25"})
    EXPECT_EQ(rule(with(text)), "certificate.not-canonical") << text;
  for (const char* text : {"", "0", ".25", "-0.25", "x", "0.2 ", "nan", "0.25.1"})
    EXPECT_EQ(rule(with(text)), "certificate.drift") << text;
  EXPECT_EQ(rule(with("0." + std::string(121, '1'))), "certificate.drift");
  std::string changed = bytes;
  changed[kCountAt] = 0;
  EXPECT_EQ(rule(changed), "certificate.drift");
  changed = bytes;
  changed[kKindAt] = 3;
  EXPECT_EQ(rule(changed), "certificate.kind");
  CertificateLimits limits;
  limits.outputs_max = 1;
  EXPECT_EQ(rule(bytes, limits), "certificate.limit-outputs");
  limits = {};
  limits.name_bytes_max = 3;
  EXPECT_EQ(rule(bytes, limits), "certificate.limit-name-bytes");
  for (std::size_t size = 0; size < bytes.size(); ++size) ASSERT_NE(rule(bytes.substr(0, size)), "") << size;
}

}  // namespace drift_test
}  // namespace pawl::checker
