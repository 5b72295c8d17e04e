// The trial report as it stands in an evaluator's vote.
#include <algorithm>
#include <cmath>

#include "encoding/number.h"
#include "encoding/utf8.h"
#include "trial/canonical_cursor.h"
#include "trial/report.h"

namespace pawl::trial {

namespace {

using encoding::Json;
using encoding::NumberText;

constexpr std::size_t kConditionsMax = 256;
constexpr std::size_t kTextBytesMax = 4096;
constexpr double kReadingMargin = 1e-9;

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

// Members in the order of their names, here and below.
ConditionReport ReadCondition(CanonicalCursor& at) {
  ConditionReport condition;
  at.BeginObject();
  condition.alpha = at.Number("alpha");
  condition.bad_side = at.Choice<Side>("bad_side", {{"above", Side::kAbove}, {"below", Side::kBelow}});
  condition.estimate = at.Number("estimate");
  condition.kind = at.Choice<ConditionKind>("kind", {{"harm", ConditionKind::kHarm},
                                                     {"improvement", ConditionKind::kImprovement},
                                                     {"step", ConditionKind::kStep},
                                                     {"growth", ConditionKind::kGrowth},
                                                     {"ceiling", ConditionKind::kCeiling},
                                                     {"drift", ConditionKind::kDrift}});
  condition.limit = at.Number("limit");
  condition.log_e_value = at.Number("log_e_value");
  condition.log_e_value_peak = at.Number("log_e_value_peak");
  condition.lower = at.Number("lower");
  condition.metric = at.String("metric", 64);
  condition.name = at.String("name", 64);
  condition.observations = static_cast<std::uint64_t>(at.Integer("observations", 1, kEpisodesMax));
  condition.status = at.Choice<ConditionStatus>("status", {{"shown", ConditionStatus::kShown},
                                                           {"not-shown", ConditionStatus::kNotShown},
                                                           {"exceeded", ConditionStatus::kExceeded}});
  condition.upper = at.Number("upper");
  at.EndObject();
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
    Json item{{"count", change.count}, {"first_probe", change.first_probe}, {"from", change.from}, {"to", change.to}};
    for (const ChangedInput& changed : change.inputs) {
      item["inputs"].push_back({{"input", changed.input}, {"probe", changed.probe}});
    }
    json["changes"].push_back(std::move(item));
  }
  for (const EpisodeChange& change : print.episodes_changed_most) {
    Json item{{"distance", NumberText(change.distance)}, {"episode", change.episode}};
    if (change.input) item["input"] = *change.input;
    json["episodes_changed_most"].push_back(std::move(item));
  }
  if (print.from_parent) {
    json["from_parent"] = {{"energy_distance", NumberText(print.from_parent->energy_distance)},
                           {"p_value", NumberText(print.from_parent->p_value)}};
  }
  return json;
}

Fingerprint ReadFingerprint(CanonicalCursor& at) {
  const auto count = [&](const char* key, std::size_t max) {
    return static_cast<std::uint64_t>(at.Integer(key, 0, static_cast<std::int64_t>(max)));
  };
  constexpr std::size_t kProbesMax = 2 * kEpisodesMax;
  Fingerprint print;
  at.BeginObject("fingerprint");
  print.changed_from_baseline = count("changed_from_baseline", kProbesMax);
  if (at.Has("changed_from_parent")) print.changed_from_parent = count("changed_from_parent", kProbesMax);
  for (at.BeginArray("changes"); at.NextElement(print.changes.size(), kFingerprintListMax);) {
    DecisionChange& change = print.changes.emplace_back();
    at.BeginObject();
    change.count = count("count", kProbesMax);
    change.first_probe = count("first_probe", kProbesMax);
    change.from = at.String("from", kDecisionBytesMax);
    if (at.Has("inputs")) {
      for (at.BeginArray("inputs"); at.NextElement(change.inputs.size(), kChangedInputsMax);) {
        ChangedInput& changed = change.inputs.emplace_back();
        at.BeginObject();
        changed.input = at.String("input", kInputBytesMax);
        changed.probe = count("probe", kProbesMax);
        at.EndObject();
      }
    }
    change.to = at.String("to", kDecisionBytesMax);
    at.EndObject();
  }
  print.energy_distance = at.Number("energy_distance");
  print.episodes = count("episodes", kEpisodesMax);
  for (at.BeginArray("episodes_changed_most");
       at.NextElement(print.episodes_changed_most.size(), kFingerprintListMax);) {
    EpisodeChange& change = print.episodes_changed_most.emplace_back();
    at.BeginObject();
    change.distance = at.Number("distance");
    change.episode = count("episode", kEpisodesMax);
    if (at.Has("input")) change.input = at.String("input", kInputBytesMax);
    at.EndObject();
  }
  if (at.Has("from_parent")) {
    at.BeginObject("from_parent");
    print.from_parent = {at.Number("energy_distance"), at.Number("p_value")};
    at.EndObject();
  }
  print.p_value = at.Number("p_value");
  print.permutations = count("permutations", 1'000'000);
  print.probes = count("probes", kProbesMax);
  at.EndObject();
  return print;
}

// What an evaluator may say of a probe or an episode: one line.
bool IsDescription(const std::string& text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) { return c >= ' ' && c <= '~'; });
}

// Some of the probes that changed so, in order, each described in one line.
bool InputsAreConsistent(const DecisionChange& change, std::uint64_t probes) {
  std::uint64_t next = change.first_probe;
  for (const ChangedInput& changed : change.inputs) {
    if (changed.probe < next || changed.probe >= probes || !IsDescription(changed.input)) return false;
    next = changed.probe + 1;
  }
  return change.inputs.size() <= change.count;
}

// What FingerprintOf can give: nothing that is listed did not change, and no number lies outside what it measures.
bool IsConsistent(const Fingerprint& print) {
  std::uint64_t listed = 0;
  for (const DecisionChange& change : print.changes) {
    if (change.count == 0 || change.first_probe >= print.probes || !InputsAreConsistent(change, print.probes))
      return false;
    listed += change.count;
  }
  const auto is_distance = [](double value, double max) { return value >= 0 && value <= max + kReadingMargin; };
  const auto is_shift = [&](double distance, double p_value) {
    return is_distance(distance, 2) && p_value > 0 && p_value <= 1;
  };
  return listed <= print.changed_from_baseline && print.changed_from_baseline <= print.probes &&
         print.changed_from_parent.value_or(0) <= print.probes && is_shift(print.energy_distance, print.p_value) &&
         (!print.from_parent || is_shift(print.from_parent->energy_distance, print.from_parent->p_value)) &&
         std::all_of(print.episodes_changed_most.begin(), print.episodes_changed_most.end(),
                     [&](const EpisodeChange& change) {
                       return is_distance(change.distance, 1) && (!change.input || IsDescription(*change.input));
                     });
}

bool IsConsistent(const ConditionReport& condition) {
  return condition.alpha > 0 && condition.alpha < 1 && condition.log_e_value_peak >= 0 &&
         condition.log_e_value_peak >= condition.log_e_value && condition.status == StatusOf(condition);
}

// One that is there twice would count twice.
bool HasDuplicate(const std::vector<ConditionReport>& conditions) {
  for (auto one = conditions.begin(); one != conditions.end(); ++one) {
    const auto same = [&](const ConditionReport& other) { return other.kind == one->kind && other.name == one->name; };
    if (std::any_of(conditions.begin(), one, same)) return true;
  }
  return false;
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
  if (HasDuplicate(report.conditions)) {
    return Malformed("trial-report.duplicate", "a condition of one kind and name is there twice");
  }
  if (report.fingerprint && !IsConsistent(*report.fingerprint)) {
    return Malformed("trial-report.fingerprint", "no comparison of decisions and outcomes gives such numbers");
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

Result<TrialReport> ReadTrialReport(CanonicalCursor& at) {
  TrialReport report;
  at.BeginObject();
  report.terms.budget_index = static_cast<std::uint64_t>(at.Integer("budget_index", 1, 1'000'000'000));
  for (at.BeginArray("conditions"); at.NextElement(report.conditions.size(), kConditionsMax);) {
    report.conditions.push_back(ReadCondition(at));
  }
  report.terms.share.evaluators = static_cast<std::uint32_t>(at.Integer("evaluators", 1, 1000));
  if (at.Has("fingerprint")) report.fingerprint = ReadFingerprint(at);
  if (at.Has("gain_over_baseline")) {
    at.BeginObject("gain_over_baseline");
    report.gain_over_baseline = {at.Number("estimate"), at.Number("lower"), at.Number("upper")};
    at.EndObject();
  }
  report.harm_error_sum = at.Number("harm_error_sum");
  report.terms.kind =
      at.Choice<TrialKind>("kind", {{"step", TrialKind::kStep}, {"first-release", TrialKind::kFirstRelease}});
  report.terms.share.required = static_cast<std::uint32_t>(at.Integer("required", 1, 1000));
  report.verdict = at.Choice<TrialVerdict>("verdict", {{"pass", TrialVerdict::kPass},
                                                       {"not-shown", TrialVerdict::kNotShown},
                                                       {"harm", TrialVerdict::kHarm},
                                                       {"step-too-large", TrialVerdict::kStepTooLarge},
                                                       {"growth-too-large", TrialVerdict::kGrowthTooLarge},
                                                       {"above-ceiling", TrialVerdict::kAboveCeiling},
                                                       {"drifted", TrialVerdict::kDrifted},
                                                       {"void", TrialVerdict::kVoid}});
  report.void_reason = at.String("void_reason", kTextBytesMax);
  report.void_rule = at.String("void_rule", 256);
  at.EndObject();
  if (Result<void> read = at.SoFar(); !read.ok()) return read.error();
  if (Result<void> whole = CheckWhole(report); !whole.ok()) return whole.error();
  return report;
}

Result<TrialReport> ReadTrialReport(const Json& json) {
  const std::string text = encoding::CanonicalJson(json);
  CanonicalCursor at(text);
  Result<TrialReport> report = ReadTrialReport(at);
  if (Result<void> done = at.Finish(); report.ok() && !done.ok()) return done.error();
  return report;
}

}  // namespace pawl::trial
