// A trial report that answers a charter, as an evaluator's vote has it, for tests and measurements: figures that drift
// slowly over a life, so that its pictures look like one.
//
//   vote.evidence["report"] = trial::TrialReportToJson(SomeReport(charter, {.kind = …, .budget_index = 7}, 0.3));
#pragma once

#include <cstdint>

#include "oversight/charter_trial.h"
#include "trial/report.h"

namespace pawl::report {

// Of a trial that passes. `progress` is how far the life has come, in [0, 1]; `noise` in [-1, 1] tells evaluators
// apart. The share of the terms is the charter's.
inline trial::TrialReport SomeReport(const charter::Charter& charter, trial::TrialTerms terms, double progress,
                                     double noise = 0) {
  terms.share = oversight::EvaluatorShareOf(charter);
  const trial::TrialRules rules = *oversight::MakeTrialRules(charter);
  trial::TrialReport report;
  report.terms = terms;
  report.harm_error_sum = trial::HarmErrorSum(rules);
  report.fingerprint.emplace();
  for (const trial::PlannedCondition& planned : trial::PlannedConditions(rules, terms.kind)) {
    trial::ConditionReport condition;
    condition.kind = planned.kind;
    condition.name = planned.name;
    condition.metric = planned.metric;
    condition.limit = planned.limit;
    condition.bad_side = planned.bad_side;
    condition.alpha = *trial::TrialAlpha(planned.lifetime_error, terms.budget_index, terms.share);
    condition.observations = planned.observations == 0 ? 100 : planned.observations;
    const auto set = [&](double estimate, double width) {
      condition.estimate = estimate * (1 + 0.0123456789 * noise);
      condition.lower = condition.estimate - width;
      condition.upper = condition.estimate + width;
    };
    switch (planned.kind) {
      case trial::ConditionKind::kHarm:
        set(0.004, 0.0021);
        break;
      case trial::ConditionKind::kImprovement:
      case trial::ConditionKind::kStep:
        set(0.0051, 0.0042);
        break;
      case trial::ConditionKind::kGrowth:
        set(0.0101, 0.0042);
        break;
      case trial::ConditionKind::kCeiling:
        set(0.5 + 0.4 * progress, 0.0102);
        break;
      case trial::ConditionKind::kDrift:
        set(0.01 + 0.07 * progress, 0.0098);
        if (planned.of == trial::PlannedCondition::Of::kProbes) report.fingerprint->probes += condition.observations;
        break;
    }
    condition.log_e_value = 27.1828182845 + noise;
    condition.log_e_value_peak = 31.4159265358 + noise;
    condition.status = trial::StatusOf(condition);
    report.conditions.push_back(condition);
  }
  report.verdict = trial::VerdictOf(report.conditions);
  report.fingerprint->changed_from_baseline = 200;
  report.fingerprint->energy_distance = 0.01 * progress;
  report.fingerprint->p_value = 0.105 + 0.005 * noise;
  report.fingerprint->permutations = trial::kFingerprintPermutations;
  report.fingerprint->episodes = trial::kFingerprintEpisodesMax;
  for (std::uint64_t i = 0; i < trial::kFingerprintListMax; ++i) {
    report.fingerprint->changes.push_back(
        {"COC", "CL1500", 20 - i, i, {{i, "height 120 ft"}, {i + 40, "height 90 ft"}}});
    report.fingerprint->episodes_changed_most.push_back({i, 0.7 / static_cast<double>(i + 1)});
  }
  return report;
}

}  // namespace pawl::report
