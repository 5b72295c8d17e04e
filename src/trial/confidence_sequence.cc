#include "trial/confidence_sequence.h"

#include <algorithm>
#include <cassert>
#include <cmath>
#include <vector>

namespace pawl::trial {

namespace {

constexpr double kBetMax = 0.5;           // of the empirical-Bernstein weights; psi needs less than 1
constexpr double kSequenceMargin = 1e-9;  // on bounds, above the error of sums of 10^6 terms
constexpr int kBisections = 40;

// What is known of the bets before m is chosen.
struct PlannedBets {
  std::vector<double> adaptive;  // sqrt(2 ln(1/alpha) / (n sigma^2_{i-1})): depends neither on m nor on x_i
  double binary_scale = 0;       // sqrt(2 ln(1/alpha) / n), to be divided by sqrt(m (1 - m))
};

PlannedBets Plan(std::span<const double> values, double alpha, std::size_t planned) {
  PlannedBets bets;
  bets.binary_scale = std::sqrt(-2 * std::log(alpha) / static_cast<double>(planned == 0 ? values.size() : planned));
  bets.adaptive.reserve(values.size());
  PredictableMoments moments;
  for (const double x : values) {
    bets.adaptive.push_back(bets.binary_scale / std::sqrt(moments.variance()));
    moments.Observe(x);
  }
  return bets;
}

// The bets against "mean >= m" on one observation. Every factor of either is non-decreasing in m.
class BetsAt {
 public:
  BetsAt(double m, const PlannedBets& bets)
      : m_(m),
        bet_max_(EProcess::kBetFraction / (1 - m)),
        binary_(std::min(bets.binary_scale / std::sqrt(m * (1 - m)), bet_max_)),
        adaptive_(bets.adaptive) {}

  double Adaptive(std::size_t i, double x) const { return 1 + std::min(adaptive_[i], bet_max_) * (m_ - x); }
  double Binary(double x) const { return 1 + binary_ * (m_ - x); }

 private:
  double m_;
  double bet_max_;
  double binary_;
  std::span<const double> adaptive_;
};

// A wealth below this is taken as lost: it would have to grow by more than any 1/alpha of a trial.
constexpr double kLost = 1e-200;

// Whether the average of the two wealths ever reaches 1/alpha. The same as BettingBelow, without the logarithm and with
// two products in place of a division for each observation, since bisection asks it some forty times.
bool Rejects(double m, std::span<const double> values, const PlannedBets& bets, double alpha) {
  const BetsAt at(m, bets);
  const double needed = 2 / alpha * (1 + 2 * kSequenceMargin);
  double adaptive = 1;
  double binary = 1;
  for (std::size_t i = 0; i < values.size(); ++i) {
    adaptive *= at.Adaptive(i, values[i]);
    binary *= at.Binary(values[i]);
    if (adaptive + binary >= needed) return true;
    if (adaptive < kLost) adaptive = 0;
    if (binary < kLost) binary = 0;
  }
  return false;
}

}  // namespace

EmpiricalBernstein::EmpiricalBernstein(double alpha) : log_inverse_alpha_(-std::log(alpha)) {
  assert(alpha > 0 && alpha < 1);
}

void EmpiricalBernstein::Observe(double x) {
  assert(x >= 0 && x <= 1);
  const double i = static_cast<double>(moments_.count() + 1);
  const double lambda =
      std::min(kBetMax, std::sqrt(2 * log_inverse_alpha_ / (i * std::log1p(i) * moments_.variance())));
  const double deviation = x - moments_.mean();
  weighted_sum_ += lambda * x;
  weight_ += lambda;
  penalty_ += deviation * deviation * (-std::log1p(-lambda) - lambda);
  moments_.Observe(x);
  lower_ = std::max(lower_, (weighted_sum_ - log_inverse_alpha_ - penalty_) / weight_ - kSequenceMargin);
}

Interval EmpiricalBernsteinInterval(std::span<const double> values, double alpha) {
  EmpiricalBernstein below(alpha / 2);
  EmpiricalBernstein above(alpha / 2);
  for (const double x : values) {
    below.Observe(x);
    above.Observe(1 - x);
  }
  return {below.lower(), 1 - above.lower()};
}

double BettingUpperBound(std::span<const double> values, double alpha, std::size_t planned) {
  assert(alpha > 0 && alpha < 1);
  if (values.empty()) return 1;
  const PlannedBets bets = Plan(values, alpha, planned);
  // Invariant: every m from `rejected` upwards is rejected (m > 1 holds for no mean); `kept` is not.
  double kept = 0;
  double rejected = 1;
  for (int step = 0; step < kBisections; ++step) {
    const double middle = (kept + rejected) / 2;
    if (Rejects(middle, values, bets, alpha)) {
      rejected = middle;
    } else {
      kept = middle;
    }
  }
  return rejected;
}

Wealth BettingBelow(std::span<const double> values, double m, double alpha, std::size_t planned) {
  assert(m > 0 && m < 1 && alpha > 0 && alpha < 1);
  const PlannedBets bets = Plan(values, alpha, planned);
  const BetsAt at(m, bets);
  double share = 0.5;  // of the wealth, that the variance-adaptive bets hold
  Wealth wealth;
  for (std::size_t i = 0; i < values.size(); ++i) {
    const double adaptive = at.Adaptive(i, values[i]);
    const double factor = share * adaptive + (1 - share) * at.Binary(values[i]);
    share *= adaptive / factor;
    wealth.Multiply(factor);
  }
  return wealth;
}

double BettingLowerBound(std::span<const double> values, double alpha, std::size_t planned) {
  std::vector<double> mirrored(values.size());
  std::transform(values.begin(), values.end(), mirrored.begin(), [](double x) { return 1 - x; });
  return 1 - BettingUpperBound(mirrored, alpha, planned);
}

}  // namespace pawl::trial
