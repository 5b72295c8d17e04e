// What one trial found: each condition with its numbers, the verdict that follows from them, and the report that goes
// into an evaluator's vote. How the numbers come about, and the order behind the verdict, stand in assess.h.
//
//   vote.evidence["report"] = TrialReportToJson(*report);            // canonical: decimal strings, no floats
//   Result<TrialReport> read = ReadTrialReport(json);                // strict; refuses a verdict that does not follow
//
// Thread safety: pure functions and values.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "encoding/json.h"
#include "result/result.h"
#include "trial/budget.h"
#include "trial/canonical_cursor.h"
#include "trial/fingerprint.h"
#include "trial/rules.h"

namespace pawl::trial {

struct TrialTerms {
  TrialKind kind = TrialKind::kStep;
  std::uint64_t budget_index = 1;  // k of the candidate statement
  EvaluatorShare share{};          // r of n, from the charter's quorum
};

enum class TrialVerdict { kPass, kNotShown, kHarm, kStepTooLarge, kGrowthTooLarge, kAboveCeiling, kDrifted, kVoid };
// "pass", "not-shown", "harm", "step-too-large", "growth-too-large", "above-ceiling", "drifted", "void"
std::string_view TrialVerdictName(TrialVerdict verdict);
// Whether the proposal's outcome is `outside-charter` rather than `rejected`.
bool IsOutsideCharter(TrialVerdict verdict);

enum class ConditionStatus { kShown, kNotShown, kExceeded };
std::string_view ConditionStatusName(ConditionStatus status);

// Numbers are in the metric's own units; gains (improvement, step) are positive where better; drift is a share.
struct ConditionReport {
  ConditionKind kind = ConditionKind::kHarm;
  // The harm condition's; "improvement", "step", "growth", "ceiling", "drift-fresh", "drift-fixed", "drift-energy"
  std::string name;
  std::string metric;  // "decisions" or, for drift-energy, "outcomes" for drift
  double limit = 0;
  Side bad_side = Side::kAbove;
  double alpha = 0;     // spent on this condition by this trial
  double estimate = 0;  // sample mean
  // One-sided bounds at alpha each, by betting; of drift-fixed, the share itself and a margin. They cross
  // (lower > upper) where the mean changed during the trial.
  double lower = 0;
  double upper = 0;
  double log_e_value = 0;       // natural logarithm of the e-value for what is to be shown, at the end
  double log_e_value_peak = 0;  // its largest value on the way, which decides
  std::uint64_t observations = 0;
  ConditionStatus status = ConditionStatus::kNotShown;
};

// For information, not a condition: mean gain of the capability metric over the baseline and its one-sided bounds, each
// at the capability's alpha.
struct GainOverBaseline {
  double estimate = 0;
  double lower = 0;
  double upper = 0;
};

struct TrialReport {
  TrialVerdict verdict = TrialVerdict::kVoid;
  TrialTerms terms;
  std::vector<ConditionReport> conditions;  // harms in the charter's order, improvement, step, growth, ceiling, drift
  std::optional<GainOverBaseline> gain_over_baseline;
  std::optional<Fingerprint> fingerprint;  // where there is a drift condition and the trial ends; for information
  double harm_error_sum = 0;  // sum of the harm conditions' lifetime errors; a promise for a life under these rules
  std::string void_rule;      // kVoid: the rule and the message of what voided the trial; else empty
  std::string void_reason;
};

// The report of a trial whose runs gave nothing usable. It passes nothing and spends like any other.
TrialReport VoidTrial(const TrialRules& rules, const TrialTerms& terms, const Error& reason);

// Whether so much evidence, a logarithm, decides at this error: ln(1/alpha) and the margin for rounding (e_process.h).
bool IsEnough(double log_e_value, double alpha);

// Whether the sample mean lies on the good side of the limit, or on it.
bool MeanIsGood(const ConditionReport& condition);

// The status that follows from the numbers of a condition alone: exceeded if the bound on the good side lies beyond the
// limit (never for improvement), else shown if the peak of the e-value reaches 1/alpha and the sample mean is good,
// else not shown. What the mean adds matters where it changed during the trial; it only makes "shown" rarer, so that
// the guarantee stays.
ConditionStatus StatusOf(const ConditionReport& condition);

// The verdict that follows from the conditions alone, by the order above; kNotShown where there are none.
TrialVerdict VerdictOf(const std::vector<ConditionReport>& conditions);

// Canonical: integers, text, and decimal strings in their shortest round-trip form (spec/evaluation.md lists the keys).
// Requires finite numbers, as AssessTrial gives them.
encoding::Json TrialReportToJson(const TrialReport& report);

// Refuses (kMalformed; "json.member" and "json.member-range" of canonical_cursor.h) unknown or missing keys and numbers
// that are not canonical, and ("trial-report.<reason>") a status that does not follow from the numbers beside it, a
// verdict that does not follow from the conditions, a condition that is there twice ("duplicate"), a fingerprint that
// no comparison gives: more changed decisions than probes, a change that changed none, a p-value outside (0, 1], a
// distance outside its range. Requires what CanonicalJson does.
Result<TrialReport> ReadTrialReport(const encoding::Json& json);
// The same from the object at which a cursor over canonical JSON stands, in about 10 us a report; the cursor then
// stands behind it. Whoever wants nothing behind it asks the cursor to finish.
Result<TrialReport> ReadTrialReport(CanonicalCursor& at);

// Whether a report answers exactly these rules and terms: the same conditions with the same limits, alphas and
// numbers of episodes or probes, in order, estimates and bounds finite and where the metric's values (or their
// differences) lie, and no early stop that left a question open. For whoever checks a vote or shows its figures.
// Refused ("trial-report.terms", "trial-report.conditions", "trial-report.range", "trial-report.stopped").
Result<void> CheckReportAnswers(const TrialReport& report, const TrialRules& rules, const TrialTerms& terms);

}  // namespace pawl::trial
