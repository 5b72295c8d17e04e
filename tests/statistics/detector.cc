// The alarm for accelerating growth: releases to a false alarm under growth at the charter's rate, and to a true one
// after growth has doubled.
#include <algorithm>
#include <random>
#include <string>
#include <vector>

#include "table.h"
#include "trial/e_detector.h"

namespace pawl::statistics {
namespace {

using Random = std::mt19937_64;

constexpr double kMaxStep = 0.02;

struct Growth {
  const char* name;
  double spread;  // of measured steps around the true mean, uniform, as a share of max_step; 1: all or nothing
};

constexpr Growth kGrowths[] = {
    {"always the same step", 0}, {"steps +- a quarter of max_step", 0.25}, {"0 or max_step", 1}};

double Step(const Growth& growth, double mean, Random& random) {
  const double u = std::uniform_real_distribution<double>(0, 1)(random);
  if (growth.spread == 1) return u < mean / kMaxStep ? kMaxStep : 0;
  return mean + (2 * u - 1) * growth.spread * std::min(mean, kMaxStep - mean) / 0.5;
}

// Releases until the alarm, at most `most`.
std::uint64_t RunLength(trial::AccelerationDetector& detector, const Growth& growth, double mean, std::uint64_t most,
                        Random& random) {
  for (std::uint64_t release = 1; release <= most; ++release) {
    if (*detector.Observe(Step(growth, mean, random))) return release;
  }
  return most;
}

trial::AccelerationDetector Detector(double expected, double alpha) {
  return *trial::AccelerationDetector::Make({.expected_step = expected, .max_step = kMaxStep, .alpha = alpha});
}

struct Delays {
  std::uint64_t median = 0;
  std::uint64_t worst_of_twenty = 0;  // 95 % are caught by then
};

Delays DelaysAfter(std::uint64_t steady, const Growth& growth, double expected, double alpha, std::uint64_t runs,
                   Random& random) {
  std::vector<std::uint64_t> delays;
  while (delays.size() < runs) {
    trial::AccelerationDetector detector = Detector(expected, alpha);
    if (steady > 0 && RunLength(detector, growth, expected, steady, random) < steady) continue;  // a false alarm
    delays.push_back(RunLength(detector, growth, 2 * expected, 5000, random));
  }
  std::sort(delays.begin(), delays.end());
  return {delays[runs / 2], delays[runs * 95 / 100]};
}

}  // namespace

void CheckDetector(Table& table, const Effort& effort) {
  Random random(effort.seed);
  table.Heading("alarm level 1e-3: average releases to a false alarm under growth at the charter's rate");
  // Runs are cut off; the average of what was cut off is a lower bound of the true one.
  constexpr std::uint64_t kMost = 3000;
  for (const double expected : {kMaxStep / 2, kMaxStep / 4}) {
    for (const Growth& growth : kGrowths) {
      double sum = 0;
      std::uint64_t alarms = 0;
      for (std::uint64_t run = 0; run < effort.detector_runs; ++run) {
        trial::AccelerationDetector detector = Detector(expected, 1e-3);
        const std::uint64_t length = RunLength(detector, growth, expected, kMost, random);
        sum += static_cast<double>(length);
        alarms += length < kMost ? 1 : 0;
      }
      char name[120];
      std::snprintf(name, sizeof name, "expected step %g of %g, %s", expected, kMaxStep, growth.name);
      table.Within(name, sum / static_cast<double>(effort.detector_runs), 1000, kMost);
      table.Note(std::to_string(alarms) + " of " + std::to_string(effort.detector_runs) + " runs alarmed within " +
                 std::to_string(kMost) + " releases");
    }
  }
  table.Heading("alarm level 1e-3: releases until twice the growth is noticed (median; 95 % of runs)");
  struct Case {
    double expected;
    std::uint64_t steady;
    std::size_t growth;
    double caught_by;  // stated in docs/statistics.md: 95 % of runs
  };
  for (const Case& one : {Case{kMaxStep / 2, 0, 0, 14}, Case{kMaxStep / 2, 0, 1, 14}, Case{kMaxStep / 2, 50, 0, 30},
                          Case{kMaxStep / 2, 50, 1, 30}, Case{kMaxStep / 4, 0, 1, 60}, Case{kMaxStep / 4, 50, 1, 60},
                          Case{kMaxStep / 4, 50, 2, 150}}) {
    const Delays delays =
        DelaysAfter(one.steady, kGrowths[one.growth], one.expected, 1e-3, effort.detector_runs, random);
    char name[120];
    std::snprintf(name, sizeof name, "from %g to %g, after %llu releases, %s", one.expected, 2 * one.expected,
                  static_cast<unsigned long long>(one.steady), kGrowths[one.growth].name);
    table.Within(name, static_cast<double>(delays.worst_of_twenty), 1, one.caught_by);
    table.Note("median " + std::to_string(delays.median));
  }
}

}  // namespace pawl::statistics
