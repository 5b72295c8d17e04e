// Confidence sequences for the mean of a bounded quantity: bounds that hold at all times together.
//
//   const double upper = BettingUpperBound(scores, alpha);            // P(mean > upper at any length) <= alpha
//   const Interval band = EmpiricalBernsteinInterval(scores, alpha);  // two-sided, alpha/2 on each side
//
// Two methods, and where each is used:
// - Betting, by inverting an e-process (BettingUpperBound, BettingLowerBound): every bound that a verdict depends on
//   (step, ceiling, drift) and those printed beside a harm condition. It is the tighter one: at a paired deviation of
//   0.1 and 4,000 episodes it shows a step of 0.01 to be below 0.02 (alpha = 6e-4) in 98 % of trials, the other in 63
//   %.
// - Empirical Bernstein (EmpiricalBernstein): closed form, constant memory, one pass; an independent check of the
//   first in the tests, and in no verdict. (The bands of a report's pictures are the betting bounds of each trial,
//   which hold for that trial and not over the life.)
// The smaller of two bounds at the same alpha is no bound at alpha: one method is fixed per use, here, in advance.
//
// Empirical Bernstein, lower:
//   L_t = [ sum lambda_i x_i - ln(1/alpha) - sum (x_i - mu_{i-1})^2 psi(lambda_i) ] / sum lambda_i
//   psi(l) = -ln(1 - l) - l,   lambda_i = min(1/2, sqrt(2 ln(1/alpha) / (i ln(1+i) sigma^2_{i-1})))
// with mu, sigma^2 as in e_process.h, lagged. Upper: 1 - L of 1 - X. The running maximum of L is used, which takes a
// mean that does not change. Source: Howard, Ramdas, McAuliffe, Sekhon, "Time-uniform, nonparametric, nonasymptotic
// confidence sequences", Annals of Statistics 49 (2021); Waudby-Smith and Ramdas (2024), theorem 2.
//
// Betting, upper: U = inf { m : W_s(m) >= 1/alpha for some s <= t }, W being the average of two wealths
//   W_t(m) = prod (1 + min(lambda_i, c/(1-m)) (m - x_i)),   c = 0.9
//   lambda_i  = sqrt(2 ln(1/alpha) / (n sigma^2_{i-1}))     for values that vary little
//   lambda'_i = sqrt(2 ln(1/alpha) / (n m (1-m)))           for 0/1 values
// n being the number of observations planned. Every factor is non-decreasing in m for every x in [0, 1]: the first is,
// since lambda_i does not depend on m; the second, since the derivative of (m - x) / sqrt(m (1-m)) has the sign of
// m (1-x) + x (1-m); and where the cap binds, since (m - x) / (1-m) grows in m. So the set above is an interval [U, 1],
// and bisection on m finds its end; what is returned is always an m at which W was seen to reach 1/alpha. Lower: 1 - U
// of 1 - X. Source: Waudby-Smith and Ramdas (2024), theorem 3 and section 4.1 (lambda_i for a planned n); the second
// bet and the average are ours.
//
// Guarantee. P(exists t: mean_t outside) <= alpha for a conditional mean that is the same at every step, by Ville's
// inequality; stopping and looking are free. Where the conditional mean changes, L_t (but not
// its running maximum) bounds the lambda-weighted average of the means up to t; the betting bound then is only a test
// of "mean >= m at every step". Assumptions and what breaks it: as in e_process.h. In addition: taking the better of
// several bounds at one alpha.
//
// Thread safety: functions are pure; objects are for one thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "trial/e_process.h"

namespace pawl::trial {

struct Interval {
  double lower = 0;
  double upper = 1;
};

// One-sided lower confidence sequence of the mean, one observation at a time.
class EmpiricalBernstein {
 public:
  // One-sided error. Requires 0 < alpha < 1.
  explicit EmpiricalBernstein(double alpha);
  // Requires 0 <= x <= 1.
  void Observe(double x);
  // Largest lower bound so far, in [0, 1]; 0 before it says anything. It bounds the mean for the whole sequence.
  double lower() const { return lower_; }

 private:
  double log_inverse_alpha_;
  PredictableMoments moments_;
  double weighted_sum_ = 0;
  double weight_ = 0;
  double penalty_ = 0;
  double lower_ = 0;
};

// Both sides at alpha/2 each, over all of `values` in the given order. Requires values in [0, 1], 0 < alpha < 1. An
// empty span gives [0, 1].
Interval EmpiricalBernsteinInterval(std::span<const double> values, double alpha);

// One-sided bounds at alpha by betting, in the given order, the planned length being values.size(). An empty span gives
// 1 and 0. Rounded outwards to 2^-40. Time: about 40 passes over `values`, fewer where a pass ends early.
// Rejecting "mean >= m" by BettingBelow at some time is the same as an upper bound at most m (up to the bisection).
//
// `planned` is the number of observations that the bets are tuned to, values.size() where it is 0. Whoever looks at the
// beginning of a longer sequence gives the planned length of the whole, the same at every look: the bets, and with them
// the wealth so far, then do not depend on when one looks.
double BettingUpperBound(std::span<const double> values, double alpha, std::size_t planned = 0);
double BettingLowerBound(std::span<const double> values, double alpha, std::size_t planned = 0);

// The wealth of that betting against "mean >= m" at one m: a bound given as an e-value, for reports. Requires
// 0 < m < 1 and as above.
Wealth BettingBelow(std::span<const double> values, double m, double alpha, std::size_t planned = 0);

}  // namespace pawl::trial
