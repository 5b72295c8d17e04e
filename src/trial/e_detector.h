// Is a subject improving faster than its charter expects? An alarm over releases.
//
//   AccelerationDetector detector({.expected_step = 0.005, .max_step = 0.02, .alpha = 1e-3});
//   for (double step : measured_steps) {
//     if (Result<bool> alarm = detector.Observe(step); !alarm.ok() || *alarm) Halt();
//   }
//
// Method. M_n = L_n (M_{n-1} + 1), M_0 = 0; alarm at M_n >= 1/alpha. L_n = 1 + lambda_n (y_n - m) is the betting factor
// of e_process.h against "mean step <= expected_step", with y = step / max_step and m = expected_step / max_step: the
// range [0, max_step] is the one that the gate enforces, which is what makes the alarm quick (a doubling from half the
// allowed step is caught after 12 or 13 releases at alpha = 1e-3; mapped by [-1, 1] it would take hundreds).
// Source: Shin, Ramdas, Rinaldo, "E-detectors: a nonparametric framework for sequential change detection", NEJSDS
// (2024), the SR (Shiryaev-Roberts) e-detector.
//
// Guarantee. While E[y_n | past] <= m at every release, the average number of releases to a (false) alarm is at least
// 1/alpha. This is a run length and not a probability over the lifetime: in a long enough life a false alarm comes.
//
// y is by definition the step limited to [0, max_step]: a retreat counts as 0 and a measured step above max_step as
// max_step, and the guarantee is about the mean of this y. (The measurement of a step is noisy, so values outside do
// occur.) Assumptions: steps are measured by a fresh trial after the release, with new seeds, never by the trial that
// selected it, which is biased upwards by the selection. Limiting a noisy measurement moves its mean: where the true
// mean step lies below max_step/2, what is cut off at 0 raises the mean of y more than what is cut off at max_step
// lowers it, so that expected_step has to leave room for the noise (`pawl charter plan` says how much). What breaks it:
// leaving releases out; feeding selected trials; restarting the detector (it goes on over rollbacks and amendments;
// only people lift an alarm, by a resume).
//
// Thread safety: none; one object per subject.
#pragma once

#include <cstdint>

#include "result/result.h"
#include "trial/e_process.h"

namespace pawl::trial {

struct AccelerationRule {
  double expected_step = 0;  // mean step per release that is no cause for alarm, in units of the metric
  double max_step = 0;       // largest step that the gate lets through
  double alpha = 1e-3;       // 1 / average run length to a false alarm, in releases
};

class AccelerationDetector {
 public:
  // Refused ("acceleration.rule") unless 0 < expected_step < max_step, both finite, and 0 < alpha < 1.
  static Result<AccelerationDetector> Make(const AccelerationRule& rule);

  // From here on by another rule, keeping the evidence; for a charter that was amended. Errors as above, changing
  // nothing. The run length is then that of the largest alpha.
  Result<void> Continue(const AccelerationRule& rule);

  // The step of one release, in units of the metric; true = alarm. A value that is not finite is refused
  // ("acceleration.step") and changes nothing; the caller halts.
  Result<bool> Observe(double step);

  // ln M_n; -infinity before the first release.
  double log_value() const;
  // Whether any release so far raised the alarm; it stays.
  bool alarmed() const { return alarmed_; }
  std::uint64_t releases() const { return moments_.count(); }

 private:
  explicit AccelerationDetector(const AccelerationRule& rule) : rule_(rule) {}

  AccelerationRule rule_;
  PredictableMoments moments_;
  double value_ = 0;
  bool alarmed_ = false;
};

}  // namespace pawl::trial
