// The prover against the truth: on a self-made corpus of seeded random networks, and on public benchmarks where
// PAWL_VNNCOMP_DIR names their directory.
//
//   prover_corpus_test [--budget SECONDS] [--seed N] [GoogleTest flags]
//
// Each randomised suite runs until its share of the budget is used up, prints how many cases it ran and fails below a
// minimum. What must hold in every case:
//   - a proof is accepted by the checker as bytes, under the arithmetic it was asked for and no other;
//   - no sampled input violates a property that was proven;
//   - a counterexample violates the property in exact rational arithmetic where it says so, and in a single precision
//     evaluation where it says so, with input constraints met exactly;
//   - where the answer is known, it is given.
#include <gtest/gtest.h>

#include <chrono>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iterator>
#include <map>
#include <optional>
#include <random>
#include <sstream>
#include <string>
#include <vector>

#include "checker/checker.h"
#include "evaluation/reference.h"
#include "model/network.h"
#include "model/property.h"
#include "prover/network_for_test.h"
#include "prover/prover.h"

namespace pawl::prover {
namespace {

using checker::Arithmetic;
using Clock = std::chrono::steady_clock;

double budget_s = 20;
std::uint64_t first_seed = 1;
constexpr int kCasesMin = 60;
constexpr int kSamples = 300;

class Budget {
 public:
  explicit Budget(double share)
      : end_(Clock::now() +
             std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(budget_s * share))) {}
  bool left() const { return Clock::now() < end_; }

 private:
  Clock::time_point end_;
};

bool Accepted(const ProofRequest& request, const std::vector<std::uint8_t>& bytes, Arithmetic arithmetic) {
  const Result<checker::Certificate> certificate = checker::ReadCertificate(bytes);
  return certificate.ok() && checker::Check(*request.network, *request.property, *certificate,
                                            {arithmetic, request.network_digest, request.property_digest})
                                 .proven;
}

// An input of the box that single precision can hold; nothing where an interval has none.
std::optional<std::vector<double>> SampleInput(std::mt19937_64& random, const PlainProperty& property) {
  std::vector<double> x;
  for (std::size_t i = 0; i < property.lower.size(); ++i) {
    const double lower = Rational(property.lower[i]).get_d(), upper = Rational(property.upper[i]).get_d();
    const float value = static_cast<float>(Uniform(random, lower, upper));
    if (mpq_class(value) < Rational(property.lower[i]) || mpq_class(value) > Rational(property.upper[i])) {
      return std::nullopt;
    }
    x.push_back(static_cast<double>(value));
  }
  return x;
}

struct Case {
  PlainNetwork network;
  PlainProperty property;
  std::optional<ProofStatus> truth;
};

// The largest row minus its threshold, in double precision: above kClear it is not worth an exact evaluation.
constexpr double kClear = 1e-6;
double RowSlack(const PlainNetwork& network, const PlainProperty& property, const std::vector<double>& x) {
  const std::vector<double> y = network.Evaluate<double>(x);
  double slack = -1e30;
  for (const PlainProperty::Row& row : property.rows) {
    double sum = -Rational(row.threshold).get_d();
    for (std::size_t j = 0; j < y.size(); ++j) sum += row.coefficient[j] * y[j];
    slack = std::max(slack, sum);
  }
  return slack;
}

ProofResult ProveAndJudge(const Case& test, Arithmetic arithmetic, std::mt19937_64& random) {
  const model::Network network = ReadBack(test.network);
  const model::Property property = ReadBack(test.property);
  ProofRequest request;
  request.network = &network;
  request.property = &property;
  request.arithmetic = arithmetic;
  request.network_digest.fill(static_cast<std::uint8_t>(random()));
  request.timeout_ms = 5'000;
  request.threads = 1 + static_cast<unsigned>(random() % 2);
  request.seed = random();
  const ProofResult result = Prove(request);
  switch (result.status) {
    case ProofStatus::kProven:
      EXPECT_TRUE(Accepted(request, result.certificate, arithmetic));
      for (int i = 0; i < kSamples; ++i) {
        const std::optional<std::vector<double>> x = SampleInput(random, test.property);
        if (!x.has_value()) continue;
        if (arithmetic == Arithmetic::kReal) {
          if (RowSlack(test.network, test.property, *x) > kClear) continue;
          EXPECT_FALSE(ViolatesExactly(test.network, test.property, *x));
        } else {
          EXPECT_FALSE(model::FindViolation(property, *x, *evaluation::EvaluateReference(network, *x)).has_value());
        }
      }
      break;
    case ProofStatus::kViolated: {
      const Counterexample& found = result.counterexample;
      EXPECT_EQ(found.violates_real, ViolatesExactly(test.network, test.property, found.inputs));
      const std::vector<double> outputs = *evaluation::EvaluateReference(network, found.inputs);
      EXPECT_EQ(found.outputs, outputs);
      EXPECT_EQ(found.violates_float, model::FindViolation(property, found.inputs, outputs).has_value());
      EXPECT_TRUE(arithmetic == Arithmetic::kReal ? found.violates_real : found.violates_float);
      break;
    }
    case ProofStatus::kUnknown:
      EXPECT_NE(result.reason, UnknownReason::kNone);
      EXPECT_NE(result.reason, UnknownReason::kUnsupported) << result.detail;
      break;
  }
  if (test.truth.has_value()) {
    EXPECT_EQ(result.status, *test.truth) << result.detail;
  }
  return result;
}

std::vector<std::size_t> RandomSizes(std::mt19937_64& random, std::size_t outputs) {
  std::vector<std::size_t> sizes = {1 + random() % 4};
  for (std::size_t layers = 1 + random() % 4; layers > 0; --layers) sizes.push_back(2 + random() % 20);
  sizes.push_back(outputs);
  return sizes;
}

PlainProperty RandomBox(std::mt19937_64& random, std::size_t inputs, std::size_t outputs) {
  PlainProperty property;
  property.outputs = outputs;
  for (std::size_t i = 0; i < inputs; ++i) {
    const double lower = Uniform(random, -1, 0.9);
    property.lower.push_back(FixedDecimal(lower));
    property.upper.push_back(FixedDecimal(lower + Uniform(random, 0.01, 1)));
  }
  return property;
}

// The smallest value of y_0 - y_1 over some samples.
double SampledMinimum(std::mt19937_64& random, const PlainNetwork& network, const PlainProperty& property) {
  double smallest = 1e30;
  for (int i = 0; i < kSamples; ++i) {
    const std::optional<std::vector<double>> x = SampleInput(random, property);
    if (!x.has_value()) continue;
    const std::vector<double> y = network.Evaluate<double>(*x);
    smallest = std::min(smallest, y[0] - y[1]);
  }
  return smallest;
}

TEST(ProverCorpus, PlantedMinimaAreAnsweredCorrectly) {
  int cases = 0, proven = 0;
  std::uint64_t seed = first_seed;
  for (const Budget budget(0.3); budget.left(); ++seed) {
    std::mt19937_64 random(seed);
    const std::size_t inputs = 1 + random() % 3;
    PlantedMinimum planted = PlantMinimum(random, inputs, 3 + random() % 4, random() % 3);
    const bool holds = random() % 2 == 0;
    Case test{std::move(planted.network), {}, holds ? ProofStatus::kProven : ProofStatus::kViolated};
    test.property.lower.assign(inputs, "-1");
    test.property.upper.assign(inputs, "1");
    test.property.outputs = 1;
    test.property.rows.push_back({{1}, holds ? "-0.02" : "0.02"});
    const ProofResult result = ProveAndJudge(test, seed % 3 == 0 ? Arithmetic::kReal : Arithmetic::kFloat32, random);
    ASSERT_FALSE(HasFailure()) << "seed " << seed;
    proven += result.status == ProofStatus::kProven ? 1 : 0;
    ++cases;
  }
  std::printf("planted minima: %d cases, %d proven\n", cases, proven);
  EXPECT_GE(cases, kCasesMin);
  EXPECT_GE(proven, cases / 4);
}

TEST(ProverCorpus, RandomNetworksNeverContradictSamples) {
  int cases = 0, proven = 0, violated = 0;
  std::uint64_t seed = first_seed;
  for (const Budget budget(0.5); budget.left(); ++seed) {
    std::mt19937_64 random(seed * 7919);
    Case test;
    test.network = RandomNetwork(random, RandomSizes(random, 2));
    test.property = RandomBox(random, test.network.inputs(), 2);
    const double smallest = SampledMinimum(random, test.network, test.property);
    if (smallest > 1e29) continue;
    // Just above the sampled minimum it is violated; a little below, who knows; far below it should hold.
    const double shift[] = {1e-4, -1e-3, -0.05, -1.0};
    const std::size_t which = random() % 4;
    test.property.rows.push_back({{1, -1}, FixedDecimal(smallest + shift[which])});
    if (which == 0) test.truth = ProofStatus::kViolated;
    const ProofResult result = ProveAndJudge(test, seed % 2 == 0 ? Arithmetic::kReal : Arithmetic::kFloat32, random);
    ASSERT_FALSE(HasFailure()) << "seed " << seed;
    proven += result.status == ProofStatus::kProven ? 1 : 0;
    violated += result.status == ProofStatus::kViolated ? 1 : 0;
    ++cases;
  }
  std::printf("random networks: %d cases, %d proven, %d violated\n", cases, proven, violated);
  EXPECT_GE(cases, kCasesMin);
  EXPECT_GE(proven, cases / 4);
  EXPECT_GE(violated, cases / 6);
  EXPECT_GE(proven + violated, cases * 95 / 100);
}

// ---- Public benchmarks

std::string ReadFile(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

struct Instance {
  std::string network, property, expected;
};

std::vector<Instance> ReadExpected(const std::string& path) {
  std::vector<Instance> instances;
  std::ifstream file(path);
  std::string line;
  std::getline(file, line);  // the heading
  while (std::getline(file, line)) {
    std::stringstream stream(line);
    std::string network, property, timeout, expected;
    std::getline(stream, network, ',');
    std::getline(stream, property, ',');
    std::getline(stream, timeout, ',');
    std::getline(stream, expected, ',');
    instances.push_back({network, property, expected});
  }
  return instances;
}

TEST(ProverCorpus, AcasXuPropertiesOneThreeAndFour) {
  const char* root = std::getenv("PAWL_VNNCOMP_DIR");
  if (root == nullptr || *root == '\0') {
    std::printf("acasxu: PAWL_VNNCOMP_DIR is not set; the random corpus above is what ran\n");
    return;
  }
  const std::string directory = std::string(root) + "/acasxu/";
  int cases = 0;
  for (const Instance& instance : ReadExpected(directory + "expected.csv")) {
    const bool chosen = instance.property == "vnnlib/prop_1.vnnlib" || instance.property == "vnnlib/prop_3.vnnlib" ||
                        instance.property == "vnnlib/prop_4.vnnlib";
    if (!chosen) continue;
    const std::string bytes = ReadFile(directory + instance.network);
    const auto network = model::ReadOnnx({reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size()}, {});
    const auto property = model::ReadVnnlib(ReadFile(directory + instance.property), {});
    ASSERT_TRUE(network.ok() && property.ok()) << instance.network;
    const ProofStatus expected = instance.expected == "unsat" ? ProofStatus::kProven : ProofStatus::kViolated;
    for (const Arithmetic arithmetic : {Arithmetic::kReal, Arithmetic::kFloat32}) {
      ProofRequest request;
      request.network = &*network;
      request.property = &*property;
      request.arithmetic = arithmetic;
      request.timeout_ms = 30'000;
      const ProofResult result = Prove(request);
      EXPECT_EQ(result.status, expected) << instance.network << " " << instance.property << ": " << result.detail;
      if (result.status != ProofStatus::kProven) continue;
      EXPECT_TRUE(Accepted(request, result.certificate, arithmetic));
    }
    ++cases;
  }
  std::printf("acasxu: %d cases\n", cases);
  EXPECT_EQ(cases, 135);
}

}  // namespace
}  // namespace pawl::prover

int main(int argc, char** argv) {
  testing::InitGoogleTest(&argc, argv);
  for (int i = 1; i < argc; i += 2) {
    if (i + 1 < argc && std::strcmp(argv[i], "--budget") == 0) {
      pawl::prover::budget_s = std::strtod(argv[i + 1], nullptr);
    } else if (i + 1 < argc && std::strcmp(argv[i], "--seed") == 0) {
      pawl::prover::first_seed = std::strtoull(argv[i + 1], nullptr, 10);
    } else {
      std::fprintf(stderr, "usage: prover_corpus_test [--budget SECONDS] [--seed N] [GoogleTest flags]\n");
      return 2;
    }
  }
  return RUN_ALL_TESTS();
}
