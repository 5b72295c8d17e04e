#include "prover/prover.h"

#include <gtest/gtest.h>

#include <chrono>
#include <random>
#include <stop_token>
#include <vector>

#include "checker/checker.h"
#include "prover/counterexample.h"
#include "prover/network_for_test.h"

namespace pawl::prover {
namespace prover_test {

using checker::Arithmetic;

struct Problem {
  PlainNetwork plain;
  PlainProperty plain_property;
  model::Network network;
  model::Property property;

  Problem(PlainNetwork the_network, PlainProperty the_property)
      : plain(std::move(the_network)),
        plain_property(std::move(the_property)),
        network(ReadBack(plain)),
        property(ReadBack(plain_property)) {}

  ProofRequest Request(Arithmetic arithmetic = Arithmetic::kReal) const {
    ProofRequest request;
    request.network = &network;
    request.property = &property;
    request.arithmetic = arithmetic;
    request.network_digest.fill(1);
    request.property_digest.fill(2);
    request.timeout_ms = 20'000;
    request.threads = 1;
    return request;
  }
};

// Unsafe where y_0 <= threshold, over [-1, 1]^n.
Problem Planted(std::uint64_t seed, const std::string& threshold, std::size_t inputs = 3, std::size_t depth = 2) {
  std::mt19937_64 random(seed);
  PlantedMinimum planted = PlantMinimum(random, inputs, 6, depth);
  PlainProperty property;
  property.lower.assign(inputs, "-1");
  property.upper.assign(inputs, "1");
  property.rows.push_back({{1}, threshold});
  property.outputs = 1;
  return Problem(std::move(planted.network), std::move(property));
}

bool Accepted(const ProofRequest& request, const std::vector<std::uint8_t>& bytes, Arithmetic arithmetic) {
  const Result<checker::Certificate> certificate = checker::ReadCertificate(bytes);
  if (!certificate.ok()) return false;
  return checker::Check(*request.network, *request.property, *certificate,
                        {arithmetic, request.network_digest, request.property_digest})
      .proven;
}

TEST(ProverTest, ProvesWhatHoldsInEachArithmetic) {
  for (std::uint64_t seed = 1; seed <= 8; ++seed) {
    const Problem problem = Planted(seed, "-0.05");
    for (const Arithmetic arithmetic : {Arithmetic::kReal, Arithmetic::kFloat32}) {
      for (const RecipeChoice recipe : {RecipeChoice::kAuto, RecipeChoice::kForward, RecipeChoice::kBackward}) {
        ProofRequest request = problem.Request(arithmetic);
        request.recipe = recipe;
        const ProofResult result = Prove(request);
        ASSERT_EQ(result.status, ProofStatus::kProven) << seed << ": " << result.detail;
        EXPECT_TRUE(Accepted(request, result.certificate, arithmetic));
        EXPECT_FALSE(Accepted(request, result.certificate,
                              arithmetic == Arithmetic::kReal ? Arithmetic::kFloat32 : Arithmetic::kReal));
        EXPECT_GT(result.statistics.leaves, 0u);
        EXPECT_GT(result.statistics.best_margin, 0);
      }
    }
  }
}

TEST(ProverTest, FindsCounterexamplesThatHoldExactly) {
  for (std::uint64_t seed = 1; seed <= 8; ++seed) {
    const Problem problem = Planted(seed, "0.05");
    for (const Arithmetic arithmetic : {Arithmetic::kReal, Arithmetic::kFloat32}) {
      const ProofResult result = Prove(problem.Request(arithmetic));
      ASSERT_EQ(result.status, ProofStatus::kViolated) << seed << ": " << result.detail;
      EXPECT_TRUE(arithmetic == Arithmetic::kReal ? result.counterexample.violates_real
                                                  : result.counterexample.violates_float);
      EXPECT_EQ(result.counterexample.violates_real,
                ViolatesExactly(problem.plain, problem.plain_property, result.counterexample.inputs));
      EXPECT_TRUE(result.certificate.empty());
    }
  }
}

TEST(ProverTest, OneThreadAndOneSeedGiveOneCertificate) {
  const Problem problem = Planted(11, "-0.02");
  const ProofResult first = Prove(problem.Request());
  const ProofResult second = Prove(problem.Request());
  ASSERT_EQ(first.status, ProofStatus::kProven);
  EXPECT_EQ(first.certificate, second.certificate);
}

TEST(ProverTest, TwoThreadsProveTheSame) {
  const Problem problem = Planted(12, "-0.01", 4);
  ProofRequest request = problem.Request();
  request.threads = 3;
  const ProofResult result = Prove(request);
  ASSERT_EQ(result.status, ProofStatus::kProven) << result.detail;
  EXPECT_TRUE(Accepted(request, result.certificate, Arithmetic::kReal));
}

// The threshold is the minimum itself: closed rows make it a violation at one point only.
TEST(ProverTest, TheMinimumItselfIsNeverProven) {
  for (std::uint64_t seed = 1; seed <= 4; ++seed) {
    const Problem problem = Planted(seed, "0");
    ProofRequest request = problem.Request();
    request.timeout_ms = 500;
    EXPECT_NE(Prove(request).status, ProofStatus::kProven);
  }
}

TEST(ProverTest, TimeLimitIsMetWithinASecond) {
  const Problem problem = Planted(5, "-0.000001", 8, 4);
  ProofRequest request = problem.Request();
  request.timeout_ms = 300;
  const auto start = std::chrono::steady_clock::now();
  const ProofResult result = Prove(request);
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::milliseconds(1300));
  ASSERT_EQ(result.status, ProofStatus::kUnknown);
  EXPECT_EQ(result.reason, UnknownReason::kTimeout);
  EXPECT_FALSE(result.detail.empty());
}

TEST(ProverTest, AStopRequestEndsTheSearch) {
  const Problem problem = Planted(5, "-0.000001", 8, 4);
  std::stop_source source;
  ProofRequest request = problem.Request();
  request.cancel = source.get_token();
  int reports = 0;
  request.progress = [&](const Progress& progress) {
    EXPECT_GE(progress.volume_proven, 0);
    EXPECT_LE(progress.volume_proven, 1);
    if (++reports == 2) source.request_stop();
  };
  const ProofResult result = Prove(request);
  ASSERT_EQ(result.status, ProofStatus::kUnknown);
  EXPECT_EQ(result.reason, UnknownReason::kCancelled);
  EXPECT_GE(reports, 2);
}

TEST(ProverTest, MemoryLimitEndsTheSearch) {
  const Problem problem = Planted(5, "-0.000001", 8, 4);
  ProofRequest request = problem.Request();
  request.memory_mib_max = 4;
  request.timeout_ms = 0;
  const ProofResult result = Prove(request);
  ASSERT_EQ(result.status, ProofStatus::kUnknown);
  EXPECT_EQ(result.reason, UnknownReason::kMemory);
}

TEST(ProverTest, ANetworkThatDoesNotFitIntoMemoryIsNotBegun) {
  std::mt19937_64 random(4);
  PlainNetwork plain = RandomNetwork(random, {300, 300, 1});
  PlainProperty property;
  property.lower.assign(300, "-1");
  property.upper.assign(300, "1");
  property.rows.push_back({{1}, "-1000000"});
  property.outputs = 1;
  const Problem problem(std::move(plain), std::move(property));
  ProofRequest request = problem.Request();
  request.memory_mib_max = 1;
  const ProofResult refused = Prove(request);
  ASSERT_EQ(refused.status, ProofStatus::kUnknown);
  EXPECT_EQ(refused.reason, UnknownReason::kMemory);
  request.memory_mib_max = 512;
  EXPECT_EQ(Prove(request).status, ProofStatus::kProven);
}

// Stopped after the first round of hidden bounds, where that leaves the property open: what was not looked at since is
// open, too, and not taken for proven.
TEST(ProverTest, ManyInputsLoseNothingWhereTimeRunsOut) {
  std::mt19937_64 random(1);
  const PlainNetwork plain = RandomNetwork(random, {30, 14, 12, 10, 2});
  std::size_t cancelled = 0;
  double above = -1000, below = 1000;  // proven, violated
  for (int step = 0; step < 30 && cancelled < 3; ++step) {
    const double middle = (above + below) / 2;
    PlainProperty property;
    property.lower.assign(30, "-0.2");
    property.upper.assign(30, "0.3");
    property.rows.push_back({{1, -1}, std::to_string(middle)});
    property.outputs = 2;
    const Problem problem(plain, property);
    ProofRequest request = problem.Request(Arithmetic::kReal);
    request.threads = 1;
    std::stop_source source;
    request.cancel = source.get_token();
    request.progress = [&](const Progress&) { source.request_stop(); };
    const ProofResult result = Prove(request);
    cancelled += result.status == ProofStatus::kUnknown;
    (result.status == ProofStatus::kViolated ? below : above) = middle;
    if (result.status != ProofStatus::kUnknown) continue;
    ASSERT_EQ(result.reason, UnknownReason::kCancelled) << middle << ": " << result.detail;
  }
  EXPECT_GT(cancelled, 0u);
}

// Thirty inputs: split by phases of neurons, not by boxes. The rows' minimum is not known, so it is looked for by
// bisection; what is proven and what is violated must meet nowhere.
TEST(ProverTest, ManyInputsAreProvenByPhases) {
  std::size_t proven = 0, violated = 0, with_splits = 0;
  for (std::uint64_t seed = 1; seed <= 6; ++seed) {
    std::mt19937_64 random(seed);
    const PlainNetwork plain = RandomNetwork(random, {30, 14, 10, 2});
    double above = -1000, below = 1000;  // proven, violated
    for (int step = 0; step < 12; ++step) {
      const double middle = (above + below) / 2;
      PlainProperty property;
      property.lower.assign(30, "-0.2");
      property.upper.assign(30, "0.3");
      property.rows.push_back({{1, -1}, std::to_string(middle)});
      property.outputs = 2;
      const Problem problem(plain, property);
      ProofRequest request = problem.Request(step % 2 == 0 ? Arithmetic::kReal : Arithmetic::kFloat32);
      request.threads = 1 + seed % 2;
      const ProofResult result = Prove(request);
      ASSERT_NE(result.status, ProofStatus::kUnknown) << seed << " " << middle << ": " << result.detail;
      if (result.status == ProofStatus::kViolated) {
        ++violated;
        below = middle;
        continue;
      }
      ++proven;
      above = middle;
      EXPECT_TRUE(Accepted(request, result.certificate, request.arithmetic));
      const Result<checker::Certificate> certificate = checker::ReadCertificate(result.certificate);
      ASSERT_TRUE(certificate.ok());
      for (const checker::GroupProof& group : certificate->cases[0].groups) with_splits += group.nodes.size() > 1;
    }
  }
  std::printf("%zu proven, %zu of them with splits; %zu violated\n", proven, with_splits, violated);
  EXPECT_GT(proven, 10u);
  EXPECT_GT(violated, 10u);
  EXPECT_GT(with_splits, 2u);
}

// Whatever is done to the bytes of a proof by phases, they do not prove what has a counterexample.
TEST(ProverTest, NoMutationOfAProofByPhasesProvesWhatIsViolated) {
  std::mt19937_64 random(9);
  const PlainNetwork plain = RandomNetwork(random, {30, 10, 8, 2});
  const auto problem_at = [&](double threshold) {
    PlainProperty property;
    property.lower.assign(30, "-0.2");
    property.upper.assign(30, "0.3");
    property.rows.push_back({{1, -1}, std::to_string(threshold)});
    property.outputs = 2;
    return Problem(plain, property);
  };
  double above = -1000, below = 1000;
  std::vector<std::uint8_t> start;
  for (int step = 0; step < 16; ++step) {
    const double middle = (above + below) / 2;
    const Problem problem = problem_at(middle);
    const ProofResult result = Prove(problem.Request(Arithmetic::kFloat32));
    ASSERT_NE(result.status, ProofStatus::kUnknown);
    (result.status == ProofStatus::kProven ? above : below) = middle;
    if (result.status == ProofStatus::kProven) start = result.certificate;
  }
  const Problem violated = problem_at(below);
  const ProofRequest request = violated.Request(Arithmetic::kFloat32);
  ASSERT_EQ(Prove(request).status, ProofStatus::kViolated);
  ASSERT_GT(start.size(), 100u);
  std::size_t parsed = 0;
  for (int i = 0; i < 6'000; ++i) {
    std::vector<std::uint8_t> bytes = start;
    for (std::size_t edits = 1 + random() % 3; edits > 0; --edits) {
      const std::size_t at = 76 + random() % (bytes.size() - 76);
      switch (random() % 4) {
        case 0:
          bytes.erase(bytes.begin() + static_cast<std::ptrdiff_t>(at));
          break;
        case 1:
          bytes.insert(bytes.begin() + static_cast<std::ptrdiff_t>(at), static_cast<std::uint8_t>(random()));
          break;
        default:
          bytes[at] = static_cast<std::uint8_t>(random() % 2 == 0 ? random() : bytes[at] ^ (1u << random() % 8));
      }
    }
    parsed += checker::ReadCertificate(bytes).ok();
    ASSERT_FALSE(Accepted(request, bytes, Arithmetic::kFloat32)) << "edit " << i;
  }
  std::printf("%zu mutated certificates of %zu bytes were well-formed\n", parsed, start.size());
  EXPECT_GT(parsed, 600u);
}

TEST(ProverTest, RefusesArithmeticThatTheNetworkDoesNotRunIn) {
  const Problem problem = Planted(1, "-1");
  const ProofResult result = Prove(problem.Request(Arithmetic::kFloat64));
  ASSERT_EQ(result.status, ProofStatus::kUnknown);
  EXPECT_EQ(result.reason, UnknownReason::kUnsupported);
}

TEST(ProverTest, EveryDisjunctMustBeRefuted) {
  std::mt19937_64 random(3);
  const PlantedMinimum planted = PlantMinimum(random, 2, 4, 1);
  const model::Network network = ReadBack(planted.network);
  const std::string inputs =
      "(declare-const X_0 Real)(declare-const X_1 Real)(declare-const Y_0 Real)"
      "(assert (or (and (>= X_0 -1)(<= X_0 0)(>= X_1 -1)(<= X_1 1)) (and (>= X_0 0)(<= X_0 1)(>= X_1 -1)(<= X_1 1))))";
  for (const bool holds : {true, false}) {
    const std::string text =
        inputs + "(assert (or (<= Y_0 -0.1) (>= Y_0 " + std::string(holds ? "100000" : "0.5") + ")))";
    const Result<model::Property> property = model::ReadVnnlib(text, {});
    ASSERT_TRUE(property.ok()) << property.error().message;
    ProofRequest request;
    request.network = &network;
    request.property = &*property;
    request.timeout_ms = 10'000;
    const ProofResult result = Prove(request);
    EXPECT_EQ(result.status, holds ? ProofStatus::kProven : ProofStatus::kViolated) << result.detail;
  }
}

TEST(ProverTest, RowsOverInputsCount) {
  // y = |x0 + x1|: unsafe where y <= 0.5, but only where x0 + x1 >= 1 is asked for.
  PlainNetwork plain;
  plain.layers.push_back({2, 2, {1, 1, -1, -1}, {0, 0}});
  plain.layers.push_back({2, 1, {1, 1}, {0}});
  const model::Network network = ReadBack(plain);
  for (const bool holds : {true, false}) {
    const std::string text =
        "(declare-const X_0 Real)(declare-const X_1 Real)(declare-const Y_0 Real)"
        "(assert (>= X_0 -1))(assert (<= X_0 1))(assert (>= X_1 -1))(assert (<= X_1 1))"
        "(assert (<= (+ Y_0 (* -1 X_0) (* -1 X_1)) " +
        std::string(holds ? "-0.1" : "0.1") + "))";
    const Result<model::Property> property = model::ReadVnnlib(text, {});
    ASSERT_TRUE(property.ok()) << property.error().message;
    ProofRequest request;
    request.network = &network;
    request.property = &*property;
    request.timeout_ms = 10'000;
    const ProofResult result = Prove(request);
    EXPECT_EQ(result.status, holds ? ProofStatus::kProven : ProofStatus::kViolated) << result.detail;
  }
}

TEST(ConfirmerTest, TakesNoInputOutsideTheBoxByTolerance) {
  const Problem problem = Planted(1, "1000");  // everything in the box violates
  const Confirmer confirmer(problem.network, nullptr, problem.property, Arithmetic::kFloat32);
  EXPECT_TRUE(confirmer.Confirm({1.0, -1.0, 0.0}).has_value());
  EXPECT_FALSE(confirmer.Confirm({1.0 + 0x1p-23, -1.0, 0.0}).has_value());
  EXPECT_FALSE(confirmer.Confirm({1.0, -1.0, 0.1}).has_value());  // 0.1 is not a single precision number
}

}  // namespace prover_test
}  // namespace pawl::prover
