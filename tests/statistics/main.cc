// pawl-statistics-table: prints what the statistics promise beside what is measured, and fails where a promise is
// broken.
//
//   pawl-statistics-table                 about a minute
//   pawl-statistics-table --long          10,000 runs a row
//   pawl-statistics-table --seed 7        other random numbers
//   pawl-statistics-table --reference     reads one question a line, answers it; for cross_check.py
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <iostream>
#include <sstream>
#include <string>
#include <vector>

#include "table.h"
#include "trial/confidence_sequence.h"
#include "trial/e_detector.h"
#include "trial/e_process.h"
#include "trial/fingerprint.h"

namespace pawl::statistics {
namespace {

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
