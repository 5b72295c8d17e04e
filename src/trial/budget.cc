#include "trial/budget.h"

#include <algorithm>
#include <cassert>
#include <cmath>
#include <numbers>

namespace pawl::trial {

namespace {

constexpr double kSquareSum = std::numbers::pi * std::numbers::pi / 6;  // sum of 1/k^2
constexpr double kRoundDown = 1 - 1e-12;

}  // namespace

Result<double> TrialAlpha(double lifetime_error, std::uint64_t budget_index, EvaluatorShare share) {
  if (!(lifetime_error > 0 && lifetime_error < 1)) {
    return Refused("budget.lifetime-error", "a lifetime error must lie strictly between 0 and 1", "mend the charter");
  }
  if (budget_index < 1 || budget_index > 1'000'000'000) {
    return Refused("budget.index", "a budget index must lie between 1 and 10^9");
  }
  if (share.required < 1 || share.required > share.evaluators || share.evaluators > 1000) {
    return Refused("budget.share", "the quorum must want between 1 and all of at most 1000 evaluators");
  }
  const double k = static_cast<double>(budget_index);
  return lifetime_error / (kSquareSum * k * k) * share.required / share.evaluators * kRoundDown;
}

double RemainingError(double lifetime_error, std::uint64_t spent_count) {
  assert(lifetime_error > 0 && lifetime_error < 1);
  // Smallest terms first; beyond 10^6 the tail is 1/n to more digits than anyone needs.
  constexpr std::uint64_t kExactMax = 1'000'000;
  if (spent_count > kExactMax) return lifetime_error / (kSquareSum * static_cast<double>(spent_count));
  double spent = 0;
  for (std::uint64_t k = spent_count; k >= 1; --k) spent += 1 / (static_cast<double>(k) * static_cast<double>(k));
  return std::max(0.0, lifetime_error * (1 - spent / kSquareSum));
}

}  // namespace pawl::trial
