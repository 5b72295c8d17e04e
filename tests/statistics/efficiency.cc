// How many episodes the tests need, beside what the classical ones need that may be looked at once only.
#include <algorithm>
#include <cmath>
#include <limits>
#include <random>
#include <string>
#include <tuple>
#include <vector>

#include "table.h"
#include "trial/e_process.h"
#include "trial/plan.h"

namespace pawl::statistics {
namespace {

// P(Binomial(n, p) <= count).
double BinomialHead(std::uint64_t n, double p, std::uint64_t count) {
  return count >= n ? 1 : 1 - BinomialTail(n, p, count + 1);
}

// The least n at which the exact (Clopper-Pearson) test shows a rate below `limit` with `violations` seen.
std::uint64_t ClopperPearson(double limit, double alpha, std::uint64_t violations) {
  std::uint64_t low = violations, high = 1'000'000;
  while (low + 1 < high) {
    const std::uint64_t middle = low + (high - low) / 2;
    (BinomialHead(middle, limit, violations) <= alpha ? high : low) = middle;
  }
  return high;
}

double Hoeffding(double limit, double alpha) { return std::ceil(-std::log(alpha) / (2 * limit * limit)); }

// Largest number of violations with which the exact test still passes at n, -1 for none.
std::int64_t ExactAllows(std::uint64_t n, double limit, double alpha) {
  std::int64_t allowed = -1;
  while (BinomialHead(n, limit, static_cast<std::uint64_t>(allowed + 1)) <= alpha) ++allowed;
  return allowed;
}

}  // namespace

void CheckEfficiency(Table& table, const Effort& effort) {
  using trial::Bet;
  table.Heading("episodes until \"below 1 %\" is shown where no violation is seen");
  for (const auto& [alpha, adaptive, exact] : {std::tuple{1e-2, 577, 459}, std::tuple{1e-6, 1595, 1375}}) {
    const std::string level = " at error " + std::string(alpha == 1e-2 ? "1e-2" : "1e-6");
    const auto number = [](std::uint64_t n) { return static_cast<double>(n); };
    table.Within("adaptive bet" + level, number(trial::EpisodesWithoutViolation(0.01, alpha, Bet::kVarianceAdaptive)),
                 adaptive, adaptive);
    const double mixed = number(trial::EpisodesWithoutViolation(0.01, alpha, Bet::kMixed));
    table.Within("mixed bet, which trials use" + level, mixed, 0, 1.1 * adaptive);
    table.Within("exact binomial (Clopper-Pearson), one look at a fixed number" + level,
                 number(ClopperPearson(0.01, alpha, 0)), exact, exact);
    table.Within("Hoeffding, one look" + level, Hoeffding(0.01, alpha), 10 * mixed,
                 std::numeric_limits<double>::infinity());
  }
  table.Heading("a true rate of 0.2 % shown to be below 1 % at error 1e-3");
  // The exact test at the least number with 90 % power, against the mean number when one may stop.
  std::uint64_t fixed = 100;
  while (BinomialHead(fixed, 0.002,
                      static_cast<std::uint64_t>(std::max<std::int64_t>(0, ExactAllows(fixed, 0.01, 1e-3)))) < 0.9 ||
         ExactAllows(fixed, 0.01, 1e-3) < 0) {
    fixed += 10;
  }
  std::mt19937_64 random(effort.seed);
  std::vector<std::uint64_t> stops;
  for (std::uint64_t run = 0; run < effort.lives / 4; ++run) {
    trial::EProcess process(trial::Alternative::kMeanBelow, 0.01, Bet::kMixed);
    std::uint64_t n = 0;
    while (n < 20'000 && !process.RejectedAt(1e-3)) {
      process.Observe(std::uniform_real_distribution<double>(0, 1)(random) < 0.002 ? 1 : 0);
      ++n;
    }
    stops.push_back(n);
  }
  double mean = 0;
  for (const std::uint64_t n : stops) mean += static_cast<double>(n) / static_cast<double>(stops.size());
  table.Note("exact binomial with a fixed number and 90 % power: " + std::to_string(fixed));
  table.Within("mean number when one stops as soon as it is shown, over that", mean / static_cast<double>(fixed), 0,
               1.3);
  table.Within("Hoeffding's number for a rate of 0.2 %, over that",
               std::ceil(std::log(1e3) / (2 * 0.008 * 0.008)) / static_cast<double>(fixed), 10,
               std::numeric_limits<double>::infinity());
}

}  // namespace pawl::statistics
