// The trial report as it stands in an evaluator's vote.
#include <cmath>

#include "encoding/number.h"
#include "encoding/utf8.h"
#include "trial/report.h"

namespace pawl::trial {

namespace {

using encoding::Json;
using encoding::JsonObject;
using encoding::NumberText;

constexpr std::size_t kConditionsMax = 256;
constexpr std::size_t kTextBytesMax = 4096;

Json ConditionToJson(const ConditionReport& condition) {
  return Json{{"alpha", NumberText(condition.alpha)},
              {"bad_side", condition.bad_side == Side::kAbove ? "above" : "below"},
              {"estimate", NumberText(condition.estimate)},
              {"kind", ConditionKindName(condition.kind)},
              {"limit", NumberText(condition.limit)},
              {"log_e_value", NumberText(condition.log_e_value)},
              {"log_e_value_peak", NumberText(condition.log_e_value_peak)},
              {"lower", NumberText(condition.lower)},
              {"metric", condition.metric},
              {"name", condition.name},
              {"observations", condition.observations},
              {"status", ConditionStatusName(condition.status)},
              {"upper", NumberText(condition.upper)}};
}

ConditionReport ReadCondition(JsonObject& object) {
  ConditionReport condition;
  condition.kind = object.Choice<ConditionKind>("kind", {{"harm", ConditionKind::kHarm},
                                                         {"improvement", ConditionKind::kImprovement},
                                                         {"step", ConditionKind::kStep},
                                                         {"growth", ConditionKind::kGrowth},
                                                         {"ceiling", ConditionKind::kCeiling},
                                                         {"drift", ConditionKind::kDrift}});
  condition.name = object.String("name", 64);
  condition.metric = object.String("metric", 64);
  condition.limit = object.Number("limit");
  condition.bad_side = object.Choice<Side>("bad_side", {{"above", Side::kAbove}, {"below", Side::kBelow}});
  condition.alpha = object.Number("alpha");
  condition.estimate = object.Number("estimate");
  condition.lower = object.Number("lower");
  condition.upper = object.Number("upper");
  condition.log_e_value = object.Number("log_e_value");
  condition.log_e_value_peak = object.Number("log_e_value_peak");
  condition.observations = static_cast<std::uint64_t>(object.Integer("observations", 1, kEpisodesMax));
  condition.status = object.Choice<ConditionStatus>("status", {{"shown", ConditionStatus::kShown},
                                                               {"not-shown", ConditionStatus::kNotShown},
                                                               {"exceeded", ConditionStatus::kExceeded}});
  return condition;
}

Json FingerprintToJson(const Fingerprint& print) {
  Json json{{"changed_from_baseline", print.changed_from_baseline},
            {"changes", Json::array()},
            {"energy_distance", NumberText(print.energy_distance)},
            {"episodes", print.episodes},
            {"episodes_changed_most", Json::array()},
            {"p_value", NumberText(print.p_value)},
            {"permutations", print.permutations},
            {"probes", print.probes}};
  if (print.changed_from_parent) json["changed_from_parent"] = *print.changed_from_parent;
  for (const DecisionChange& change : print.changes) {
    json["changes"].push_back(
        {{"count", change.count}, {"first_probe", change.first_probe}, {"from", change.from}, {"to", change.to}});
  }
  for (const EpisodeChange& change : print.episodes_changed_most) {
    json["episodes_changed_most"].push_back({{"distance", NumberText(change.distance)}, {"episode", change.episode}});
  }
  return json;
}

Fingerprint ReadFingerprint(JsonObject& object) {
  const auto count = [](JsonObject& from, const char* key, std::size_t max) {
    return static_cast<std::uint64_t>(from.Integer(key, 0, static_cast<std::int64_t>(max)));
  };
  Fingerprint print;
  print.probes = count(object, "probes", 2 * kEpisodesMax);
  print.changed_from_baseline = count(object, "changed_from_baseline", print.probes);
  if (object.Has("changed_from_parent")) print.changed_from_parent = count(object, "changed_from_parent", print.probes);
  print.energy_distance = object.Number("energy_distance");
  print.p_value = object.Number("p_value");
  print.permutations = count(object, "permutations", 1'000'000);
  print.episodes = count(object, "episodes", kEpisodesMax);
  for (JsonObject& item : object.Objects("changes", kFingerprintListMax)) {
    print.changes.push_back({item.String("from", kDecisionBytesMax), item.String("to", kDecisionBytesMax),
                             count(item, "count", print.probes), count(item, "first_probe", print.probes)});
  }
  for (JsonObject& item : object.Objects("episodes_changed_most", kFingerprintListMax)) {
    print.episodes_changed_most.push_back({count(item, "episode", kEpisodesMax), item.Number("distance")});
  }
  return print;
}

bool IsConsistent(const ConditionReport& condition) {
  return condition.alpha > 0 && condition.alpha < 1 && condition.log_e_value_peak >= 0 &&
         condition.log_e_value_peak >= condition.log_e_value && condition.status == StatusOf(condition);
}

// What no reader of single members can see.
Result<void> CheckWhole(const TrialReport& report) {
  if (report.terms.share.required > report.terms.share.evaluators) {
    return Malformed("trial-report.terms", "more passes are required than there are evaluators");
  }
  if (!encoding::IsPlainText(report.void_reason) || !encoding::IsPlainText(report.void_rule)) {
    return Malformed("trial-report.text", "the reason is not plain text");
  }
  if (report.verdict == TrialVerdict::kVoid) {
    const bool empty = report.conditions.empty() && !report.gain_over_baseline && !report.fingerprint;
    if (empty && !report.void_rule.empty()) return {};
    return Malformed("trial-report.void", "a void trial has a reason and nothing else");
  }
  if (!report.void_rule.empty() || !report.void_reason.empty()) {
    return Malformed("trial-report.void", "a reason to be void beside another verdict");
  }
  for (const ConditionReport& condition : report.conditions) {
    if (!IsConsistent(condition)) {
      return Malformed("trial-report.status", "condition \"" + condition.name + "\" does not follow from its numbers");
    }
  }
  if (report.verdict != VerdictOf(report.conditions)) {
    return Malformed("trial-report.verdict", "the verdict does not follow from the conditions");
  }
  return {};
}

}  // namespace

Json TrialReportToJson(const TrialReport& report) {
  Json json{{"budget_index", report.terms.budget_index},
            {"conditions", Json::array()},
            {"evaluators", report.terms.share.evaluators},
            {"harm_error_sum", NumberText(report.harm_error_sum)},
            {"kind", report.terms.kind == TrialKind::kStep ? "step" : "first-release"},
            {"required", report.terms.share.required},
            {"verdict", TrialVerdictName(report.verdict)},
            {"void_reason", report.void_reason},
            {"void_rule", report.void_rule}};
  for (const ConditionReport& condition : report.conditions) json["conditions"].push_back(ConditionToJson(condition));
  if (report.gain_over_baseline) {
    json["gain_over_baseline"] = Json{{"estimate", NumberText(report.gain_over_baseline->estimate)},
                                      {"lower", NumberText(report.gain_over_baseline->lower)},
                                      {"upper", NumberText(report.gain_over_baseline->upper)}};
  }
  if (report.fingerprint) json["fingerprint"] = FingerprintToJson(*report.fingerprint);
  return json;
}

Result<TrialReport> ReadTrialReport(const Json& json) {
  JsonObject object(json, "report");
  TrialReport report;
  report.verdict = object.Choice<TrialVerdict>("verdict", {{"pass", TrialVerdict::kPass},
                                                           {"not-shown", TrialVerdict::kNotShown},
                                                           {"harm", TrialVerdict::kHarm},
                                                           {"step-too-large", TrialVerdict::kStepTooLarge},
                                                           {"growth-too-large", TrialVerdict::kGrowthTooLarge},
                                                           {"above-ceiling", TrialVerdict::kAboveCeiling},
                                                           {"drifted", TrialVerdict::kDrifted},
                                                           {"void", TrialVerdict::kVoid}});
  report.terms.kind =
      object.Choice<TrialKind>("kind", {{"step", TrialKind::kStep}, {"first-release", TrialKind::kFirstRelease}});
  report.terms.budget_index = static_cast<std::uint64_t>(object.Integer("budget_index", 1, 1'000'000'000));
  report.terms.share.required = static_cast<std::uint32_t>(object.Integer("required", 1, 1000));
  report.terms.share.evaluators = static_cast<std::uint32_t>(object.Integer("evaluators", 1, 1000));
  report.harm_error_sum = object.Number("harm_error_sum");
  report.void_rule = object.String("void_rule", 256);
  report.void_reason = object.String("void_reason", kTextBytesMax);
  for (JsonObject& item : object.Objects("conditions", kConditionsMax)) {
    report.conditions.push_back(ReadCondition(item));
  }
  if (object.Has("gain_over_baseline")) {
    JsonObject gain = object.Object("gain_over_baseline");
    report.gain_over_baseline = {gain.Number("estimate"), gain.Number("lower"), gain.Number("upper")};
  }
  if (object.Has("fingerprint")) {
    JsonObject print = object.Object("fingerprint");
    report.fingerprint = ReadFingerprint(print);
  }
  if (Result<void> done = object.Finish(); !done.ok()) return done.error();
  if (Result<void> whole = CheckWhole(report); !whole.ok()) return whole.error();
  return report;
}

}  // namespace pawl::trial
