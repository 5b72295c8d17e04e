#include "trial/e_process.h"

#include <algorithm>
#include <cassert>
#include <cmath>

namespace pawl::trial {

namespace {

// Above the error of a product of 10^6 factors, each good to about 2 units in the last place.
constexpr double kProcessMargin = 1e-9;
constexpr double kShareMin = 1e-6;

}  // namespace

double Wealth::log() const { return folded_log_ + std::log(product_); }

double Wealth::log_peak() const { return std::max(folded_log_peak_, folded_log_ + std::log(peak_)); }

bool Wealth::EverReached(double alpha) const {
  assert(alpha > 0 && alpha < 1);
  return log_peak() >= -std::log(alpha) + kProcessMargin;
}

void Wealth::Fold() {
  folded_log_peak_ = log_peak();
  folded_log_ += std::log(product_);
  product_ = 1;
  // The peak since this fold starts at the present value, which is at most the peak just recorded.
  peak_ = 1;
}

EProcess::EProcess(Alternative alternative, double null_mean, Bet bet)
    : alternative_(alternative),
      bet_(bet),
      null_mean_(alternative == Alternative::kMeanAbove ? null_mean : 1 - null_mean),
      bet_max_(kBetFraction / null_mean_) {
  assert(null_mean > 0 && null_mean < 1);
}

void EProcess::Observe(double x) {
  assert(x >= 0 && x <= 1);
  const double y = alternative_ == Alternative::kMeanAbove ? x : 1 - x;
  const double edge = moments_.mean() - null_mean_;
  // The bet is placed before y enters the moments.
  if (edge > 0) {
    const double gain = y - null_mean_;
    const double adaptive = 1 + std::min(edge / (moments_.variance() + edge * edge), bet_max_) * gain;
    switch (bet_) {
      case Bet::kVarianceAdaptive:
        wealth_.Multiply(adaptive);
        break;
      case Bet::kMixed: {
        const double binary = 1 + std::min(edge / (null_mean_ * (1 - null_mean_)), bet_max_) * gain;
        const double factor = adaptive_share_ * adaptive + (1 - adaptive_share_) * binary;
        wealth_.Multiply(factor);
        adaptive_share_ = std::clamp(adaptive_share_ * adaptive / factor, kShareMin, 1 - kShareMin);
        break;
      }
    }
  }
  moments_.Observe(y);
}

}  // namespace pawl::trial
