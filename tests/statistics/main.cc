// pawl-statistics-table: prints what the statistics promise beside what is measured, and fails where a promise is
// broken.
//
//   pawl-statistics-table                 about a minute
//   pawl-statistics-table --long          10,000 runs a row
//   pawl-statistics-table --seed 7        other random numbers
//   pawl-statistics-table --reference     reads one question a line, answers it; for cross_check.py
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <iostream>
#include <sstream>
#include <string>
#include <vector>

#include "table.h"
#include "trial/assess.h"
#include "trial/budget.h"
#include "trial/confidence_sequence.h"
#include "trial/e_detector.h"
#include "trial/e_process.h"
#include "trial/evidence.h"
#include "trial/fingerprint.h"
#include "warrant/evidence.h"

namespace pawl::statistics {
namespace {

// Of a trial in which so many of the fixed probes are decided differently.
trial::ConditionReport FixedDrift(double limit, double lifetime_error, double changed, std::size_t probes) {
  trial::TrialRules rules;
  rules.metrics = {{"near_miss", 0, 1, trial::Direction::kLowerIsBetter}};
  rules.harms = {{"collisions", "near_miss", 0.5, 0.1}};
  rules.drift = {.limit = limit, .lifetime_error = lifetime_error, .has_fixed_probes = true, .probes = 100};
  rules.episodes = 100;
  trial::TrialData data;
  data.candidate = data.baseline = trial::EpisodeTable(rules.metrics, 100, std::vector<double>(100, 0.0));
  data.fresh_decisions = {std::vector<std::string>(100, "a"), std::vector<std::string>(100, "a")};
  data.fixed_decisions = {std::vector<std::string>(probes, "a"), std::vector<std::string>(probes, "a")};
  std::fill_n(data.fixed_decisions.candidate.begin(), static_cast<std::ptrdiff_t>(changed), "b");
  const trial::TrialTerms terms{.kind = trial::TrialKind::kFirstRelease};
  return trial::AssessTrial(rules, terms, data)->conditions.back();
}

// A line is: method, parameter, parameter, values…
void Answer(const std::string& line) {
  std::istringstream in(line);
  std::string method;
  double first = 0, second = 0;
  in >> method >> first >> second;
  std::vector<double> values;
  for (double x = 0; in >> x;) values.push_back(x);
  using trial::Alternative;
  using trial::Bet;
  const auto wealth = [&](Alternative alternative, Bet bet) {
    trial::EProcess process(alternative, first, bet);
    for (const double x : values) process.Observe(x);
    std::printf("%.17g %.17g\n", process.log_e_value(), process.log_e_value_peak());
  };
  if (method == "above") {
    wealth(Alternative::kMeanAbove, Bet::kVarianceAdaptive);
  } else if (method == "below") {
    wealth(Alternative::kMeanBelow, Bet::kVarianceAdaptive);
  } else if (method == "below-mixed") {
    wealth(Alternative::kMeanBelow, Bet::kMixed);
  } else if (method == "bernstein") {
    const trial::Interval band = trial::EmpiricalBernsteinInterval(values, first);
    std::printf("%.17g %.17g\n", band.lower, band.upper);
  } else if (method == "betting") {
    std::printf("%.17g %.17g\n", trial::BettingLowerBound(values, first), trial::BettingUpperBound(values, first));
  } else if (method == "detector") {
    auto detector = *trial::AccelerationDetector::Make({.expected_step = first, .max_step = second, .alpha = 1e-3});
    for (const double x : values) (void)*detector.Observe(x);
    std::printf("%.17g %d\n", detector.log_value(), detector.alarmed() ? 1 : 0);
  } else if (method == "budget") {
    const trial::EvaluatorShare share{static_cast<std::uint32_t>(values[0]), static_cast<std::uint32_t>(values[1])};
    const auto k = static_cast<std::uint64_t>(second);
    std::printf("%.17g %.17g\n", *trial::TrialAlpha(first, k, share), trial::RemainingError(first, k));
  } else if (method == "share") {
    trial::ConditionReport condition;
    condition.limit = 1;
    condition.alpha = first;
    condition.log_e_value = values[0];
    condition.log_e_value_peak = second;
    const std::int64_t alone = trial::EvidenceShare(condition);
    std::printf("%.17g %.17g\n", static_cast<double>(alone),
                static_cast<double>(warrant::ShareTogether({alone, 900'000, -30'000}, 1)));
  } else if (method == "fixed") {
    const trial::ConditionReport found = FixedDrift(first, second, values[0], static_cast<std::size_t>(values[1]));
    std::printf("%.17g %.17g\n", found.log_e_value, found.upper);
  } else if (method == "energy") {
    const std::size_t half = values.size() / 2;
    const trial::PairedPermutation test =
        trial::PermutePairs(std::span(values).first(half), std::span(values).subspan(half), 1, 1999, 1);
    std::printf("%.17g %.17g\n", test.statistic, test.p_value);
  } else {
    std::printf("unknown method\n");
  }
}

int Usage() {
  std::fputs("usage: pawl-statistics-table [--long] [--seed N] | --reference\n", stderr);
  return 2;
}

int Run(int argc, char** argv) {
  Effort effort;
  for (int i = 1; i < argc; ++i) {
    if (std::strcmp(argv[i], "--reference") == 0 && argc == 2) {
      for (std::string line; std::getline(std::cin, line);) Answer(line);
      return 0;
    }
    if (std::strcmp(argv[i], "--long") == 0) {
      effort.coverage_runs = 10'000;
      effort.lives = 10'000;
      effort.power_trials = 1'000;
      effort.detector_runs = 2'000;
      effort.null_stride = 1;
      effort.drifting_lives = 200;
    } else if (std::strcmp(argv[i], "--seed") == 0 && i + 1 < argc) {
      effort.seed = std::strtoull(argv[++i], nullptr, 10);
    } else {
      return Usage();
    }
  }
  Table table;
  std::printf("  %-66s %-18s %-22s\n", "what", "promised", "measured");
  CheckExactly(table);
  CheckEfficiency(table, effort);
  CheckCoverage(table, effort);
  CheckLives(table, effort);
  CheckDetector(table, effort);
  std::printf("\n%d of %d rows hold (seed %llu)\n", table.rows() - table.failures(), table.rows(),
              static_cast<unsigned long long>(effort.seed));
  return table.failed() || table.rows() < 100 ? 1 : 0;
}

}  // namespace
}  // namespace pawl::statistics

int main(int argc, char** argv) { return pawl::statistics::Run(argc, argv); }
