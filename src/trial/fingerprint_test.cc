#include "trial/fingerprint.h"

#include <gtest/gtest.h>

#include <cmath>
#include <numeric>
#include <set>

#include "trial/generator.h"

namespace pawl::trial {
namespace {

const std::vector<MetricRange> kTwoMetrics = {{"harm", 0, 1, Direction::kLowerIsBetter}, {"score", 0, 10}};

EpisodeTable Table(std::size_t episodes, double shift, std::uint64_t seed) {
  Generator generator(seed);
  std::vector<double> values;
  for (std::size_t i = 0; i < episodes; ++i) values.push_back(generator.Coin() ? 1 : 0);
  for (std::size_t i = 0; i < episodes; ++i) values.push_back(8 * generator.Uniform() + shift);
  return EpisodeTable(kTwoMetrics, episodes, values);
}

TEST(PermutePairs, IsTheVStatisticOfTheDefinition) {
  const std::vector<double> x = {0.1, 0.4, 0.9, 0.3};
  const std::vector<double> y = {0.2, 0.4, 0.1, 0.8};
  double between = 0, within = 0;
  for (int i = 0; i < 4; ++i) {
    for (int j = 0; j < 4; ++j) {
      between += 2 * std::abs(x[i] - y[j]);
      within += std::abs(x[i] - x[j]) + std::abs(y[i] - y[j]);
    }
  }
  EXPECT_NEAR(PermutePairs(x, y, 1, 99, 1).statistic, (between - within) / 16, 1e-12);
}

// All 2^4 swaps counted by hand agree with the random ones in the long run.
TEST(PermutePairs, PValueIsTheShareOfSwaps) {
  const std::vector<double> x = {0.9, 0.8, 0.7, 0.2};
  const std::vector<double> y = {0.1, 0.2, 0.1, 0.3};
  const double observed = PermutePairs(x, y, 1, 1, 1).statistic;
  int at_least = 0;
  for (int swaps = 0; swaps < 16; ++swaps) {
    std::vector<double> a = x, b = y;
    for (int i = 0; i < 4; ++i) {
      if ((swaps >> i & 1) != 0) std::swap(a[i], b[i]);
    }
    at_least += PermutePairs(a, b, 1, 1, 1).statistic >= observed - 1e-12 ? 1 : 0;
  }
  EXPECT_NEAR(PermutePairs(x, y, 1, 20'000, 3).p_value, at_least / 16.0, 0.01);
}

TEST(PermutePairs, OfTheSameOutcomesIsOne) {
  const std::vector<double> x = {0.9, 0.8, 0.7, 0.2};
  const PairedPermutation test = PermutePairs(x, x, 1, 99, 1);
  EXPECT_EQ(test.statistic, 0);
  EXPECT_EQ(test.p_value, 1);
}

// Exactness: among pairs that are exchangeable, p <= u happens in at most a share u of cases.
TEST(PermutePairs, PValuesOfExchangeablePairsAreNotTooSmall) {
  Generator generator(7);
  int small = 0;
  constexpr int kCases = 2000;
  for (int i = 0; i < kCases; ++i) {
    std::vector<double> x(20), y(20);
    for (int j = 0; j < 20; ++j) {
      const double common = generator.Uniform();  // pairs are dependent, as on one seed
      x[j] = common + 0.3 * generator.Uniform();
      y[j] = common + 0.3 * generator.Uniform();
    }
    small += PermutePairs(x, y, 1, 99, 100 + i).p_value <= 0.1 ? 1 : 0;
  }
  EXPECT_LE(small, kCases * 0.1 + 4.9 * std::sqrt(kCases * 0.1 * 0.9));
  EXPECT_GE(small, kCases * 0.1 - 4.9 * std::sqrt(kCases * 0.1 * 0.9));
}

TEST(EnergyTerms, HaveTheEnergyDistanceAsTheirMean) {
  const EpisodeTable x = Table(20'000, 1, 1);
  const EpisodeTable y = Table(20'000, 0, 2);
  const std::vector<double> terms = EnergyTerms(x, y);
  ASSERT_EQ(terms.size(), 10'000U);
  const double mean = std::accumulate(terms.begin(), terms.end(), 0.0) / 10'000;
  for (const double term : terms) ASSERT_TRUE(term >= -2 && term <= 2);
  // By two thousand episodes, every pair of them.
  const Fingerprint print = FingerprintOf({{}, {}, {}, &x, &y});
  EXPECT_NEAR(mean, print.energy_distance, 0.01);
  EXPECT_GT(mean, 0.002);
  const std::vector<double> same = EnergyTerms(x, Table(20'000, 1, 3));
  EXPECT_NEAR(std::accumulate(same.begin(), same.end(), 0.0) / 10'000, 0, 0.01);
}

TEST(FingerprintOf, NamesWhatChanged) {
  const std::vector<std::string> baseline = {"a", "a", "b", "b", "a"};
  const std::vector<std::string> candidate = {"a", "b", "b", "c", "b"};
  const std::vector<std::string> parent = {"a", "b", "b", "b", "b"};
  EpisodeTable before(kTwoMetrics, 3, {0, 0, 1, 5, 5, 5});
  EpisodeTable after(kTwoMetrics, 3, {0, 1, 1, 5, 5, 7});
  const Fingerprint print = FingerprintOf({candidate, baseline, parent, &after, &before});
  EXPECT_EQ(print.probes, 5U);
  EXPECT_EQ(print.changed_from_baseline, 3U);
  EXPECT_EQ(print.changed_from_parent, 1U);
  ASSERT_EQ(print.changes.size(), 2U);
  EXPECT_EQ(print.changes[0].from, "a");
  EXPECT_EQ(print.changes[0].to, "b");
  EXPECT_EQ(print.changes[0].count, 2U);
  EXPECT_EQ(print.changes[0].first_probe, 1U);
  ASSERT_EQ(print.episodes_changed_most.size(), 2U);
  EXPECT_EQ(print.episodes_changed_most[0].episode, 1U);
  EXPECT_NEAR(print.episodes_changed_most[0].distance, 1 / std::sqrt(2.0), 1e-12);
  EXPECT_EQ(print.episodes_changed_most[1].episode, 2U);
  EXPECT_NEAR(print.episodes_changed_most[1].distance, 0.2 / std::sqrt(2.0), 1e-12);
}

TEST(FingerprintOf, TellsWhatTheFirstProbesThatChangedAsked) {
  const std::vector<std::string> baseline(7, "a");
  const std::vector<std::string> candidate = {"a", "b", "b", "b", "b", "b", "c"};
  const std::vector<std::string> inputs = {"at 0", "at 1", "", "at 3", "at 4", "at 5", ""};
  const EpisodeTable table(kTwoMetrics, 1, {0, 5});
  FingerprintQuestion question{candidate, baseline, {}, &table, &table};
  EXPECT_TRUE(FingerprintOf(question).changes.at(0).inputs.empty()) << "nobody has said";
  question.inputs = inputs;
  const Fingerprint print = FingerprintOf(question);
  ASSERT_EQ(print.changes.size(), 2U);
  ASSERT_EQ(print.changes[0].inputs.size(), kChangedInputsMax);
  EXPECT_EQ(print.changes[0].inputs[0].probe, 1U);
  EXPECT_EQ(print.changes[0].inputs[0].input, "at 1");
  EXPECT_EQ(print.changes[0].inputs[1].probe, 3U) << "one that is not described is passed over";
  EXPECT_EQ(print.changes[0].inputs[2].input, "at 4");
  EXPECT_TRUE(print.changes[1].inputs.empty());
}

TEST(FingerprintOf, TellsWhatTheEpisodesWereThatChangedMost) {
  const std::vector<std::string> none;
  EpisodeTable before(kTwoMetrics, 3, {0, 0, 1, 5, 5, 5});
  EpisodeTable after(kTwoMetrics, 3, {0, 1, 1, 5, 5, 7});
  after.Describe({"at 0", "", "at 2"});
  const Fingerprint print = FingerprintOf({none, none, none, &after, &before});
  ASSERT_EQ(print.episodes_changed_most.size(), 2U);
  EXPECT_EQ(print.episodes_changed_most[0].input, std::nullopt);
  EXPECT_EQ(print.episodes_changed_most[1].input, "at 2");
}

// From the baseline the parent may have come a long way by itself.
TEST(FingerprintOf, TellsTheWayFromTheParentApart) {
  const EpisodeTable baseline = Table(300, 0, 1);
  const EpisodeTable after = Table(300, 1.5, 1);
  const std::vector<std::string> none;
  FingerprintQuestion question{none, none, none, &after, &baseline};
  EXPECT_FALSE(FingerprintOf(question).from_parent);
  question.parent_table = &after;
  const Fingerprint same = FingerprintOf(question);
  EXPECT_LE(same.p_value, 0.01);
  EXPECT_EQ(same.from_parent->energy_distance, 0);
  EXPECT_EQ(same.from_parent->p_value, 1);
  question.parent_table = &baseline;
  const Fingerprint first = FingerprintOf(question);
  EXPECT_EQ(first.from_parent->energy_distance, first.energy_distance);
  EXPECT_EQ(first.from_parent->p_value, first.p_value) << "the same permutations";
}

TEST(FingerprintOf, SeesAShiftThatDecisionsDoNotShow) {
  const EpisodeTable before = Table(600, 0, 1);
  const EpisodeTable after = Table(600, 1.5, 1);
  const std::vector<std::string> decisions(4, "a");
  const Fingerprint print = FingerprintOf({decisions, decisions, {}, &after, &before});
  EXPECT_EQ(print.changed_from_baseline, 0U);
  EXPECT_FALSE(print.changed_from_parent);
  EXPECT_EQ(print.episodes, kFingerprintEpisodesMax);
  EXPECT_LE(print.p_value, 0.01);
}

TEST(Fingerprint, DrawsItsPermutationsFromTheSeedThatItIsGiven) {
  std::vector<double> x, y;
  for (int i = 0; i < 40; ++i) {
    x.push_back(i % 7 / 7.0);
    y.push_back(i % 5 / 5.0);
  }
  const std::vector<MetricRange> metrics = {{"score"}};
  const EpisodeTable candidate(metrics, x.size(), x), baseline(metrics, y.size(), y);
  const auto p_value = [&](std::uint64_t seed) {
    return FingerprintOf({{}, {}, {}, &candidate, &baseline, seed}).p_value;
  };
  EXPECT_EQ(p_value(3), p_value(3));
  std::set<double> values;
  for (std::uint64_t seed = 1; seed <= 20; ++seed) values.insert(p_value(seed));
  EXPECT_GT(values.size(), 1U);
}

}  // namespace
}  // namespace pawl::trial
