// Ville's inequality and its kin without chance: every 0/1 sequence of a length, each with its probability.
#include <cmath>
#include <vector>

#include "table.h"
#include "trial/confidence_sequence.h"
#include "trial/e_process.h"

namespace pawl::statistics {
namespace {

constexpr unsigned kExactLength = 14;

// Sums `one(values) * P(values)` over all 0/1 sequences with P(1) = p.
template <typename One>
double OverAllSequences(double p, const One& one) {
  double sum = 0;
  std::vector<double> values(kExactLength);
  for (unsigned bits = 0; bits < (1U << kExactLength); ++bits) {
    double probability = 1;
    for (unsigned i = 0; i < kExactLength; ++i) {
      values[i] = (bits >> i & 1) != 0 ? 1 : 0;
      probability *= values[i] == 1 ? p : 1 - p;
    }
    sum += probability * one(values);
  }
  return sum;
}

trial::EProcess Process(trial::Alternative alternative, double m, trial::Bet bet, const std::vector<double>& values) {
  trial::EProcess process(alternative, m, bet);
  for (const double x : values) process.Observe(x);
  return process;
}

}  // namespace

void CheckExactly(Table& table) {
  using trial::Alternative;
  using trial::Bet;
  table.Heading("exact: all 16,384 sequences of 14 values 0/1, no simulation");
  for (const double m : {0.05, 0.3, 0.5}) {
    for (const Bet bet : {Bet::kVarianceAdaptive, Bet::kMixed}) {
      const std::string name =
          std::string(bet == Bet::kMixed ? "mixed" : "adaptive") + " bet, mean " + std::to_string(m).substr(0, 4);
      for (const Alternative side : {Alternative::kMeanAbove, Alternative::kMeanBelow}) {
        const std::string which = side == Alternative::kMeanAbove ? ", above" : ", below";
        const double expected = OverAllSequences(
            m, [&](const auto& values) { return std::exp(Process(side, m, bet, values).log_e_value()); });
        table.Within("expected wealth under the null, " + name + which, expected, 1 - 1e-9, 1 + 1e-9);
        const double ever = OverAllSequences(
            m, [&](const auto& values) { return Process(side, m, bet, values).RejectedAt(0.2) ? 1.0 : 0.0; });
        table.Within("P(ever rejected at 0.2), " + name + which, ever, 0, 0.2);
      }
    }
    for (const double alpha : {0.3, 0.1}) {
      const std::string name =
          ", mean " + std::to_string(m).substr(0, 4) + ", error " + std::to_string(alpha).substr(0, 3);
      table.Within("P(mean above the betting upper bound)" + name,
                   OverAllSequences(m,
                                    [&](const auto& values) {
                                      return trial::BettingBelow(values, m, alpha).EverReached(alpha) ? 1.0 : 0.0;
                                    }),
                   0, alpha);
      table.Within("P(mean outside the empirical-Bernstein band)" + name,
                   OverAllSequences(m,
                                    [&](const auto& values) {
                                      const trial::Interval band = trial::EmpiricalBernsteinInterval(values, alpha);
                                      return m < band.lower || m > band.upper ? 1.0 : 0.0;
                                    }),
                   0, alpha);
    }
  }
}

}  // namespace pawl::statistics
