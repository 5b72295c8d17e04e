// A trial report as an evaluator's vote has it, for measurements: figures that drift slowly over a life, so that its
// pictures look like one.
#pragma once

#include <cstdint>
#include <string>

#include "charter/charter.h"
#include "trial/report.h"

namespace pawl::bench {

// Of the trial with this budget index, `of` being the last one's.
inline encoding::Json SomeReport(const charter::Charter& charter, std::uint64_t budget_index, std::uint64_t of,
                                 double noise) {
  const double progress = static_cast<double>(budget_index) / static_cast<double>(of);
  trial::TrialReport report;
  report.verdict = trial::TrialVerdict::kPass;
  report.terms.budget_index = budget_index;
  const auto add = [&](trial::ConditionKind kind, const std::string& name, double limit, double estimate,
                       double width) {
    trial::ConditionReport condition;
    condition.kind = kind;
    condition.name = condition.metric = name;
    condition.bad_side = kind == trial::ConditionKind::kImprovement ? trial::Side::kBelow : trial::Side::kAbove;
    condition.alpha = 1e-4 / static_cast<double>(budget_index);
    condition.limit = limit;
    condition.estimate = estimate * (1 + 0.0123456789 * noise);
    condition.lower = condition.estimate - width;
    condition.upper = condition.estimate + width;
    condition.log_e_value = 27.1828182845 + noise;
    condition.log_e_value_peak = 31.4159265358 + noise;
    condition.observations = static_cast<std::uint64_t>(charter.evaluation.episodes);
    condition.status = trial::StatusOf(condition);
    report.conditions.push_back(condition);
  };
  using Kind = trial::ConditionKind;
  for (const charter::HarmBound& harm : charter.bounds.harm) add(Kind::kHarm, harm.name, harm.limit, 0.004, 0.0021);
  add(Kind::kImprovement, "improvement", 0, 0.0051, 0.0042);
  add(Kind::kStep, "step", charter.bounds.capability.max_step, 0.0051, 0.0042);
  add(Kind::kGrowth, "growth", 0.05, 0.0101, 0.0042);
  add(Kind::kCeiling, "ceiling", charter.bounds.capability.ceiling, 0.5 + 0.4 * progress, 0.0102);
  add(Kind::kDrift, "drift-fresh", charter.bounds.drift.limit, 0.01 + 0.07 * progress, 0.0098);
  add(Kind::kDrift, "drift-fixed", charter.bounds.drift.limit, 0.012 + 0.06 * progress, 0.0031);
  report.fingerprint.emplace();
  report.fingerprint->probes = 2'000;
  report.fingerprint->energy_distance = 0.01 * progress;
  for (std::uint64_t i = 0; i < trial::kFingerprintListMax; ++i) {
    report.fingerprint->changes.push_back({"COC", "CL1500", 20 - i, i});
    report.fingerprint->episodes_changed_most.push_back({i, 0.7 / static_cast<double>(i + 1)});
  }
  return trial::TrialReportToJson(report);
}

}  // namespace pawl::bench
