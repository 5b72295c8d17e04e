// What one trial says about a candidate: every condition of the charter tested, the verdict, and the report that goes
// into an evaluator's vote.
//
//   TrialRules rules = …;                                            // from the charter
//   TrialData data{.candidate = …, .parent = …, .baseline = …,
//                  .fresh_decisions = {candidate_decisions, baseline_decisions}};
//   Result<TrialReport> report = AssessTrial(rules, {.budget_index = 7, .share = {2, 3}}, data);
//   if (report->verdict == TrialVerdict::kPass) …
//   vote.evidence["report"] = TrialReportToJson(*report);            // canonical: decimal strings, no floats
//   Result<TrialReport> read = ReadTrialReport(json);                // strict; refuses a verdict that does not follow
//
// Conditions, and the test behind each (alpha = TrialAlpha(lifetime error, k, r/n); headers of the same names).
// "Better" is what the metric's direction says; every value is first mapped to [0, 1] by its declared range:
// - harm: the mean of the metric is on the good side of its limit, over all episodes or over those of one group, so
//   that a gain for most cannot hide harm to a few. EProcess with Bet::kMixed, since most harm metrics are 0/1 values.
// - improvement: the mean of candidate minus parent on the same seeds is better than 0. Differences D of a metric with
//   range [lo, hi] lie in [-(hi-lo), hi-lo]: they are mapped by (D/(hi-lo) + 1)/2, whose range is 1, not by D. EProcess
//   (kMeanAbove) against 1/2 with Bet::kVarianceAdaptive, since paired differences vary little.
// - step: the upper bound of the mean gain of the capability metric is at most max_step.
// - growth: the same against every tree that was live within the charter's window, with max_growth. Each is a condition
//   that has to hold; reported as one, with the largest gain and bounds and the least evidence of any. Against what was
//   live at its start alone, a subject that goes down and up again would hide how fast it climbs.
// - ceiling: the upper bound of the capability metric's mean is no better than the ceiling.
// - drift: the upper bound of the share of decisions that differ from the *baseline's* is at most the limit, on fresh
//   probes and on the charter's fixed ones. (On the fixed ones, which are no random sample, the bound is only a margin
//   above the exact share that shrinks with their number: too few are not shown either way.) Where the charter limits
//   it, also the energy distance between the outcomes of candidate and baseline (fingerprint.h).
// Upper bounds are by betting (confidence_sequence.h): "bound at most the limit" and "e-value against mean > limit
// reached 1/alpha" are the same event, so that each condition has an e-value. All conditions have to be shown; none is
// bought back by another. Every condition is tested at its own whole alpha: to pass, a bad candidate has to get through
// its own condition (intersection-union test; Berger 1982), so nothing is split among them. `exceeded` says that the
// opposite was shown: the one-sided bound on the other side, at the same alpha, lies beyond the limit.
//
// The verdict is lexicographic, safety before capability:
//   1 a harm limit is exceeded -> kHarm        2 drift exceeded -> kDrifted
//   3 a harm or drift condition is not shown -> kNotShown
//   4 ceiling exceeded -> kAboveCeiling        5 step exceeded -> kStepTooLarge, growth -> kGrowthTooLarge
//   6 any other condition is not shown -> kNotShown      7 otherwise kPass
// kStepTooLarge, kGrowthTooLarge and kAboveCeiling are `outside-charter` (a person would have to amend the charter
// first); all others but kPass are `rejected`. Tables that do not fit together, and void runs (run.h), give kVoid.
//
// Optional stopping. A trial runs its episodes in the parts that TrialLooks gives and stops at the first look at which
// the verdict is any but kNotShown: every question is answered. At the charter's number of episodes what is not shown
// stays not shown. Looking is free since every test holds at any stopping time; bets are tuned to the charter's number
// whenever one looks.
//
// Guarantee: over the subject's life, P(a candidate that violates condition j passes) <= lifetime error of j, whatever
// the proposer does, if the seeds were fresh and k counts every committed proposal (budget.h, seeds.h).
//
// Thread safety: pure functions and values. Time: about 0.1 s for 10,000 episodes and ten conditions.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "encoding/json.h"
#include "result/result.h"
#include "trial/budget.h"
#include "trial/episodes.h"
#include "trial/fingerprint.h"

namespace pawl::trial {

// "The mean of `metric` per episode is below `limit`" (above, where higher is better). Limits are in the metric's own
// units, strictly inside its range.
struct HarmCondition {
  std::string name;
  std::string metric;
  double limit = 0;
  double lifetime_error = 0;
  std::string group{};  // the episodes it is about; empty: all
};

// "Better than the parent."
struct ImprovementCondition {
  std::string metric;
  double lifetime_error = 0;
};

// "Better than the parent by at most max_step, and no better than the ceiling."
struct CapabilityCondition {
  std::string metric;
  double max_step = 0;  // > 0, less than the metric's range
  double ceiling = 0;   // strictly inside the metric's range
  double lifetime_error = 0;
  double max_growth = 0;  // over anything that was live within the window; at least max_step; 0: no such limit
};

// "At most this share of decisions differs from the baseline's."
struct DriftCondition {
  double limit = 0;
  double lifetime_error = 0;
  bool has_fixed_probes = false;  // the charter names a file of fixed probes beside the fresh ones
  std::uint64_t probes = 0;       // fresh ones of one trial
  double energy_limit = 0;        // of the energy distance of outcomes, below 1; 0: no such limit
};

struct TrialRules {
  std::vector<MetricRange> metrics;
  std::vector<std::string> groups;  // of episodes; empty: none
  std::vector<HarmCondition> harms;
  std::optional<ImprovementCondition> improvement;
  std::optional<CapabilityCondition> capability;
  std::optional<DriftCondition> drift;
  std::uint64_t episodes = 0;  // of one trial; fixed in advance, since the bounds are tuned to it
};

// Refused ("trial.metrics", "trial.rule") where AssessTrial could not test what is asked: no condition at all, an
// unknown metric, a limit outside its metric's range, an error outside (0, 1), two harms of one name, no number of
// episodes or probes, an unknown group.
Result<void> CheckTrialRules(const TrialRules& rules);

// Numbers of episodes after which a trial looks whether it can stop, ascending; the last is `episodes`. A quarter and a
// half before it, where there are enough to be worth a start of the evaluator. Requires episodes >= 1.
std::vector<std::uint64_t> TrialLooks(std::uint64_t episodes);

// Whether there is a parent to compare with.
enum class TrialKind {
  kStep,          // a candidate that replaces a live release
  kFirstRelease,  // nothing is live yet: improvement and step are not tested, and the report says so
};

struct TrialTerms {
  TrialKind kind = TrialKind::kStep;
  std::uint64_t budget_index = 1;  // k of the candidate statement
  EvaluatorShare share{};          // r of n, from the charter's quorum
};

struct DecisionPairs {
  std::vector<std::string> candidate;
  std::vector<std::string> baseline;  // on the same probes
};

// Tables of one evaluator on one set of seeds, same metrics and episodes: as many as one of TrialLooks.
struct TrialData {
  EpisodeTable candidate;
  EpisodeTable parent;  // empty for kFirstRelease
  EpisodeTable baseline;
  DecisionPairs fresh_decisions;                // empty where the rules have no drift condition
  DecisionPairs fixed_decisions;                // empty where it has no fixed probes
  std::vector<std::string> parent_decisions{};  // fresh ones, then fixed ones; empty: drift from the parent is not told
  std::vector<EpisodeTable>
      window{};  // what was live within it, each tree once; none for kFirstRelease or no max_growth
};

enum class TrialVerdict { kPass, kNotShown, kHarm, kStepTooLarge, kGrowthTooLarge, kAboveCeiling, kDrifted, kVoid };
// "pass", "not-shown", "harm", "step-too-large", "growth-too-large", "above-ceiling", "drifted", "void"
std::string_view TrialVerdictName(TrialVerdict verdict);
// Whether the proposal's outcome is `outside-charter` rather than `rejected`.
bool IsOutsideCharter(TrialVerdict verdict);

enum class ConditionKind { kHarm, kImprovement, kStep, kGrowth, kCeiling, kDrift };
std::string_view ConditionKindName(ConditionKind kind);

// The side of a condition's limit on which it is broken.
enum class Side { kAbove, kBelow };

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
  double lower = 0;     // one-sided bounds at alpha each, by betting
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
  double harm_error_sum = 0;  // sum of the harm conditions' lifetime errors: what is promised for the whole life
  std::string void_rule;      // kVoid: the rule and the message of what voided the trial; else empty
  std::string void_reason;
};

// Errors are the caller's (CheckTrialRules, TrialAlpha); bad data is a report with kVoid.
Result<TrialReport> AssessTrial(const TrialRules& rules, const TrialTerms& terms, const TrialData& data);

// The report of a trial whose runs gave nothing usable. It passes nothing and spends like any other.
TrialReport VoidTrial(const TrialRules& rules, const TrialTerms& terms, const Error& reason);

// The status that follows from the numbers of a condition alone: exceeded if the bound on the good side lies beyond the
// limit (never for improvement), else shown if the peak of the e-value reaches 1/alpha, else not shown.
ConditionStatus StatusOf(const ConditionReport& condition);

// The verdict that follows from the conditions alone, by the order above; kNotShown where there are none.
TrialVerdict VerdictOf(const std::vector<ConditionReport>& conditions);

// Canonical: integers, text, and decimal strings in their shortest round-trip form (spec/evaluation.md lists the keys).
// Requires finite numbers, as AssessTrial gives them.
encoding::Json TrialReportToJson(const TrialReport& report);

// Refuses ("trial-report.<reason>", kMalformed) unknown or missing keys, numbers that are not canonical, a status that
// does not follow from the numbers beside it, and a verdict that does not follow from the conditions.
Result<TrialReport> ReadTrialReport(const encoding::Json& json);

// Whether a report answers exactly these rules and terms: the same conditions with the same limits, alphas and
// numbers of episodes or probes, in order, and no early stop that left a question open. For whoever checks a vote.
// Refused ("trial-report.terms", "trial-report.conditions", "trial-report.stopped").
Result<void> CheckReportAnswers(const TrialReport& report, const TrialRules& rules, const TrialTerms& terms);

}  // namespace pawl::trial
