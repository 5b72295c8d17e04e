#include "trial/e_detector.h"

#include <algorithm>
#include <cmath>

namespace pawl::trial {

namespace {

Result<void> CheckRule(const AccelerationRule& rule) {
  const bool steps_fit = rule.expected_step > 0 && rule.expected_step < rule.max_step && std::isfinite(rule.max_step);
  const bool alpha_fits = rule.alpha > 0 && rule.alpha < 1;
  if (!steps_fit || !alpha_fits) {
    return Refused("acceleration.rule", "an acceleration rule needs 0 < expected_step < max_step and 0 < alpha < 1",
                   "mend the charter");
  }
  return {};
}

}  // namespace

Result<AccelerationDetector> AccelerationDetector::Make(const AccelerationRule& rule) {
  if (Result<void> checked = CheckRule(rule); !checked.ok()) return checked.error();
  return AccelerationDetector(rule);
}

Result<void> AccelerationDetector::Continue(const AccelerationRule& rule) {
  if (Result<void> checked = CheckRule(rule); !checked.ok()) return checked;
  rule_ = rule;
  return {};
}

Result<bool> AccelerationDetector::Observe(double step) {
  if (!std::isfinite(step)) {
    return Refused("acceleration.step", "the measured step of a release is not a finite number",
                   "halt, and find out why the post-release trial gave no number");
  }
  const double null_mean = rule_.expected_step / rule_.max_step;
  const double y = std::clamp(step / rule_.max_step, 0.0, 1.0);
  const double edge = moments_.mean() - null_mean;
  const double bet =
      edge <= 0 ? 0 : std::min(edge / (moments_.variance() + edge * edge), EProcess::kBetFraction / null_mean);
  value_ = (1 + bet * (y - null_mean)) * (value_ + 1);
  moments_.Observe(y);
  // Once alarmed, the value may overflow to infinity in a long life; the alarm stays either way.
  if (value_ >= 1 / rule_.alpha) alarmed_ = true;
  return alarmed_;
}

double AccelerationDetector::log_value() const { return std::log(value_); }

}  // namespace pawl::trial
