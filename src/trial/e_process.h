// Betting e-process: is the mean of a bounded quantity above (or below) a given number? Valid at any stopping time.
//
//   EProcess near_miss(Alternative::kMeanBelow, /*null_mean=*/0.01);
//   for (double x : near_misses) near_miss.Observe(x);              // x in [0, 1], one per episode
//   if (near_miss.RejectedAt(1e-3)) ...                             // "the rate is below 1 %" is shown at error 0.1 %
//
// Method. For "mean > m" the null hypothesis is E[X_t | past] <= m. Starting with wealth 1, bet on X before it is seen:
//   W_t = prod_{i<=t} (1 + lambda_i (x_i - m)),       0 <= lambda_i <= c/m,   c = 0.9
//   lambda_i = clip( (mu - m) / (V + (mu - m)^2) ),   mu = mu_{i-1}, V = V_{i-1}: nothing of x_i is used
//   mu_t = (1/2 + sum x_i) / (t + 1),                 V_t = (1/4 + sum (x_i - mu_i)^2) / (t + 1)
// For "mean < m" the same is applied to 1 - X against 1 - m.
//
// That bet (Bet::kVarianceAdaptive) is good where the variance is small beside m (1 - m): paired differences, or events
// that hardly ever happen. For 0/1 values near m it bets about twice too much: at 1,000 episodes and alpha = 6e-4 it
// shows a true rate of 0.05 to be below 0.1 in 33 % of trials. Bet::kMixed splits the wealth between it and
//   lambda'_i = clip( (mu - m) / (m (1 - m)) ),
// the growth-optimal bet for 0/1 values, whose growth for any X in [0, 1] of the same mean is at least that for 0/1
// values, since log(1 + lambda (x - m)) is concave in x. It shows the same in 93 % and pays at most a factor of two in
// wealth (ln 2 in the logarithm): 603 instead of 577 episodes in the example without any violation. Its bet is the
// average of the two, weighted by their wealth, the weights kept in [10^-6, 1 - 10^-6].
//
// Source: Waudby-Smith and Ramdas, "Estimating means of bounded random variables by betting", JRSS B 86 (2024),
// sections 4 and B (predictable mean and variance; the bet approximates the growth-optimal one). Any c < 1 is valid.
//
// Guarantee. Under the null W is a non-negative supermartingale with W_0 = 1, so P(exists t: W_t >= 1/alpha) <= alpha
// (Ville 1939). One may look after every observation and stop whenever one likes, also because of what was seen. At a
// stopping time W itself is an e-value (E[W] <= 1), and e-values of independent evaluators multiply (evidence.h). The
// running maximum decides RejectedAt, but is not an e-value: never multiply it.
//
// Assumptions. Every x lies in [0, 1]; the conditional mean given the past is on one side of m under the null. No
// independence, no distribution, no fixed variance and no number of observations is assumed.
//
// What breaks it. Leaving out or reordering observations by their value; seeds that the candidate could foresee;
// starting again after a bad run without spending new error; clipping values that were out of range; choosing m or the
// side after looking; computing a bet from the observation that it is placed on.
//
// Rounding: RejectedAt asks for 1e-9 more than ln(1/alpha), which is above the accumulated error of 10^6 products.
//
// Thread safety: none; one object per stream. No failure: arguments out of range are programmer errors (assert).
// Readers (episodes.h) have refused such values before.
#pragma once

#include <cstdint>

namespace pawl::trial {

// What is to be shown.
enum class Alternative {
  kMeanAbove,  // the mean is above null_mean
  kMeanBelow,  // the mean is below null_mean
};

// How much to bet; see above. Both are valid.
enum class Bet {
  kVarianceAdaptive,
  kMixed,
};

// Mean and variance of what was seen so far, shrunk towards 1/2 and 1/4 as if by one earlier observation. Used by every
// bet here, always lagged by one step.
class PredictableMoments {
 public:
  // (1/2 + sum x) / (t + 1)
  double mean() const { return mean_; }
  // (1/4 + sum (x_i - mean_i)^2) / (t + 1), mean_i being the value after x_i
  double variance() const { return variance_; }
  std::uint64_t count() const { return count_; }

  void Observe(double x) {
    ++count_;
    const double inverse = 1.0 / static_cast<double>(count_ + 1);
    sum_ += x;
    mean_ = sum_ * inverse;
    squares_ += (x - mean_) * (x - mean_);
    variance_ = squares_ * inverse;
  }

 private:
  double sum_ = 0.5;
  double squares_ = 0.25;
  double mean_ = 0.5;
  double variance_ = 0.25;
  std::uint64_t count_ = 0;
};

// A product of positive factors and its running maximum, as logarithms, without a logarithm per factor and without
// overflow: the product is folded into a sum of logarithms whenever it leaves [1e-100, 1e100].
class Wealth {
 public:
  // Requires 0 < factor <= 1e100.
  void Multiply(double factor) {
    product_ *= factor;
    if (product_ > peak_) peak_ = product_;
    if (product_ > 1e100 || product_ < 1e-100) Fold();
  }
  double log() const;
  // Largest log() at any time so far, the start (0) included.
  double log_peak() const;
  // log_peak() >= ln(1/alpha), with the margin for rounding. Requires 0 < alpha < 1.
  bool EverReached(double alpha) const;

 private:
  void Fold();

  double product_ = 1;
  double peak_ = 1;  // of product_ since the last fold
  double folded_log_ = 0;
  double folded_log_peak_ = 0;
};

class EProcess {
 public:
  // c of the method: the largest share of its wealth that a bet may lose.
  static constexpr double kBetFraction = 0.9;

  // Requires 0 < null_mean < 1.
  EProcess(Alternative alternative, double null_mean, Bet bet = Bet::kVarianceAdaptive);

  // Requires 0 <= x <= 1.
  void Observe(double x);

  // ln W_t: an e-value at any stopping time. 0 before the first observation; may be negative.
  double log_e_value() const { return wealth_.log(); }
  // ln max_{s <= t} W_s; for decisions alone.
  double log_e_value_peak() const { return wealth_.log_peak(); }
  // Whether the alternative is shown at error alpha, that is, whether W reached 1/alpha at any time. Requires
  // 0 < alpha < 1.
  bool RejectedAt(double alpha) const { return wealth_.EverReached(alpha); }
  std::uint64_t observations() const { return moments_.count(); }

 private:
  Alternative alternative_;
  Bet bet_;
  double null_mean_;  // of X, or of 1 - X
  double bet_max_;
  double adaptive_share_ = 0.5;  // kMixed: share of the wealth that follows the variance-adaptive bet
  PredictableMoments moments_;
  Wealth wealth_;
};

}  // namespace pawl::trial
