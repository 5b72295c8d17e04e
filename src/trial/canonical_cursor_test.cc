#include "trial/canonical_cursor.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <optional>
#include <set>

#include "encoding/number.h"
#include "trial/report.h"

namespace pawl::trial {
namespace {

using encoding::CanonicalJson;
using encoding::Json;

TEST(CanonicalCursor, ReadsMembersInTheirOrder) {
  const std::string text = CanonicalJson({{"a", {{"b", 7}}}, {"list", {1, {{"k", 2}}}}, {"text", "a\"\\\n\u0001é}"}});
  CanonicalCursor at(text);
  at.BeginObject();
  EXPECT_TRUE(at.Has("a"));
  EXPECT_FALSE(at.Has("ab"));
  at.BeginObject("a");
  EXPECT_EQ(at.Integer("b", 0), 7);
  at.EndObject();
  EXPECT_TRUE(at.Seek("text")) << "over the list";
  CanonicalCursor other(text);
  other.BeginObject();
  EXPECT_TRUE(other.Seek("list"));
  CanonicalCursor third(text);
  third.BeginObject();
  EXPECT_FALSE(third.Seek("other")) << "no such member is no failure";
  third.EndObject();
  EXPECT_TRUE(third.Finish().ok());
  CanonicalCursor strings(R"({"text":"a\"\\\n\u0001é}"})");
  strings.BeginObject();
  EXPECT_EQ(strings.String("text", 20), "a\"\\\n\x01é}");
  strings.EndObject();
  EXPECT_TRUE(strings.Finish().ok());
}

// What a reader of {"a":1,"s":"x","v":[{"k":2}]} makes of a text: the rule that refuses it.
std::string RuleOf(std::string_view text) {
  CanonicalCursor at(text);
  at.BeginObject();
  at.Integer("a", 0, 9);
  at.String("s", 3);
  std::size_t read = 0;
  for (at.BeginArray("v"); at.NextElement(read, 2); ++read) {
    at.BeginObject();
    at.Integer("k", 0);
    at.EndObject();
  }
  at.EndObject();
  const Result<void> done = at.Finish();
  return done.ok() ? "ok" : done.error().rule;
}

TEST(CanonicalCursor, RefusesWhatIsNotAskedFor) {
  ASSERT_EQ(RuleOf(R"({"a":1,"s":"x","v":[{"k":2},{"k":3}]})"), "ok");
  for (const char* text : {"",
                           "{",
                           "null",
                           R"({"a":1})",
                           R"({"a":1,"s":"x","v":[{"k":2}]}x)",
                           R"({"a":1,"s":"x","v":[{"k":2}],"z":1})",
                           R"({"A":1,"a":1,"s":"x","v":[]})",
                           R"({"a":1,"a":1,"s":"x","v":[]})",
                           R"({"s":"x","a":1,"v":[]})",
                           R"({"a":"1","s":"x","v":[]})",
                           R"({"a":1,"s":2,"v":[]})",
                           R"({"a":1,"s":"x","v":{}})",
                           R"({"a":1,"s":"x","v":[2]})",
                           R"({"a":1,"s":"x","v":[{"k":2}{"k":2}]})",
                           R"({"a":1,"s":"x","v":[,{"k":2}]})",
                           R"({"a":1,"s":"x","v":[{"k":2},]})",
                           R"({,"a":1,"s":"x","v":[]})",
                           R"({"a":1"s":"x","v":[]})",
                           R"({"a":1.5,"s":"x","v":[]})",
                           R"({"a": 1,"s":"x","v":[]})",
                           R"({"a":1,"s":"x)",
                           R"({"a":1,"s":"\)"}) {
    EXPECT_EQ(RuleOf(text), "json.member") << text;
  }
  for (const char* text : {R"({"a":10,"s":"x","v":[]})", R"({"a":-1,"s":"x","v":[]})", R"({"a":1,"s":"long","v":[]})",
                           R"({"a":1,"s":"\u00zz","v":[]})", R"({"a":1,"s":"\u0","v":[]})",
                           R"({"a":1,"s":"\x","v":[]})", R"({"a":1,"s":"x","v":[{"k":1},{"k":2},{"k":3}]})"}) {
    EXPECT_EQ(RuleOf(text), "json.member-range") << text;
  }
}

std::string SomeReport() {
  TrialReport report;
  report.verdict = TrialVerdict::kNotShown;
  for (const ConditionKind kind : {ConditionKind::kHarm, ConditionKind::kDrift}) {
    ConditionReport condition;
    condition.kind = kind;
    condition.name = condition.metric = "near miss \"\n";
    condition.alpha = 0.001;
    condition.limit = 0.1;
    condition.estimate = 0.0123;
    condition.upper = 1;
    condition.observations = 4000;
    report.conditions.push_back(condition);
  }
  report.gain_over_baseline = {0.1, 0.05, 0.2};
  report.fingerprint.emplace();
  report.fingerprint->probes = 100;
  report.fingerprint->changed_from_baseline = 3;
  report.fingerprint->changes = {{"left", "right", 3, 17, {{17, "height 120 ft"}, {18, "height 90 ft"}}}};
  report.fingerprint->episodes_changed_most = {{5, 0.5}, {6, 0.25}};
  return CanonicalJson(TrialReportToJson(report));
}

// A report that lies in a longer text is read as by itself, and the cursor stands behind it.
TEST(CanonicalCursor, ReadsAReportWithinAVote) {
  const std::string report = SomeReport();
  const std::string vote = R"({"evidence":{"last_step":null,"report":)" + report + R"(,"shares":{}},"host":"here"})";
  CanonicalCursor at(vote);
  at.BeginObject();
  ASSERT_TRUE(at.Seek("evidence"));
  at.BeginObject();
  ASSERT_TRUE(at.Seek("report"));
  const Result<TrialReport> read = ReadTrialReport(at);
  ASSERT_TRUE(read.ok()) << read.error().message;
  EXPECT_EQ(CanonicalJson(TrialReportToJson(*read)), report);
  EXPECT_TRUE(at.Has("shares"));
}

// ---- against a reading from a tree, member by member, that shares nothing with the cursor

class TreeReader {
 public:
  // Nothing where a member is missing, unknown, of another type or out of its range. Whether the numbers go together is
  // not looked at.
  static std::optional<TrialReport> Read(const Json& tree) {
    TreeReader reader;
    const TrialReport report = reader.Report(tree);
    return reader.good_ ? std::optional(report) : std::nullopt;
  }

 private:
  void Require(bool holds) { good_ = good_ && holds; }

  void Members(const Json& object, std::set<std::string> required, const std::set<std::string>& optional = {}) {
    Require(object.is_object());
    if (!good_) return;
    for (const auto& [name, value] : object.items()) Require(required.erase(name) + optional.count(name) == 1);
    Require(required.empty());
  }
  const Json& Member(const Json& object, const char* name) {
    static const Json none;
    return good_ ? object.at(name) : none;
  }
  std::string Text(const Json& object, const char* name, std::size_t bytes_max) {
    const Json& value = Member(object, name);
    Require(value.is_string() && value.get<std::string>().size() <= bytes_max);
    return good_ ? value.get<std::string>() : "";
  }
  std::uint64_t Count(const Json& object, const char* name, std::uint64_t min, std::uint64_t max) {
    const Json& value = Member(object, name);
    Require(value.is_number_integer() && value.get<std::int64_t>() >= static_cast<std::int64_t>(min) &&
            value.get<std::int64_t>() <= static_cast<std::int64_t>(max));
    return good_ ? value.get<std::uint64_t>() : 0;
  }
  double Number(const Json& object, const char* name) {
    const std::string text = Text(object, name, 64);
    char* end = nullptr;
    const double number = std::strtod(text.c_str(), &end);
    Require(!text.empty() && *end == '\0' && std::isfinite(number));
    Require(good_ && encoding::NumberText(number) == text);
    return good_ ? number : 0;
  }
  // The place of a word among some.
  template <typename T>
  T Choice(const Json& object, const char* name, const std::vector<std::string>& words) {
    const auto found = std::find(words.begin(), words.end(), Text(object, name, 64));
    Require(found != words.end());
    return good_ ? static_cast<T>(found - words.begin()) : T();
  }
  const Json& List(const Json& object, const char* name, std::size_t max) {
    static const Json none = Json::array();
    const Json& list = Member(object, name);
    Require(list.is_array() && list.size() <= max);
    return good_ ? list : none;
  }

  ConditionReport Condition(const Json& object) {
    Members(object, {"alpha", "bad_side", "estimate", "kind", "limit", "log_e_value", "log_e_value_peak", "lower",
                     "metric", "name", "observations", "status", "upper"});
    ConditionReport condition;
    condition.upper = Number(object, "upper");
    condition.status = Choice<ConditionStatus>(object, "status", {"shown", "not-shown", "exceeded"});
    condition.observations = Count(object, "observations", 1, 1'000'000);
    condition.name = Text(object, "name", 64);
    condition.metric = Text(object, "metric", 64);
    condition.lower = Number(object, "lower");
    condition.log_e_value_peak = Number(object, "log_e_value_peak");
    condition.log_e_value = Number(object, "log_e_value");
    condition.limit = Number(object, "limit");
    condition.kind =
        Choice<ConditionKind>(object, "kind", {"harm", "improvement", "step", "growth", "ceiling", "drift"});
    condition.estimate = Number(object, "estimate");
    condition.bad_side = Choice<Side>(object, "bad_side", {"above", "below"});
    condition.alpha = Number(object, "alpha");
    return condition;
  }

  Fingerprint Print(const Json& object) {
    constexpr std::uint64_t kProbesMax = 2'000'000;
    Members(object,
            {"changed_from_baseline", "changes", "energy_distance", "episodes", "episodes_changed_most", "p_value",
             "permutations", "probes"},
            {"changed_from_parent"});
    Fingerprint print;
    print.probes = Count(object, "probes", 0, kProbesMax);
    print.permutations = Count(object, "permutations", 0, 1'000'000);
    print.p_value = Number(object, "p_value");
    print.episodes = Count(object, "episodes", 0, 1'000'000);
    print.energy_distance = Number(object, "energy_distance");
    print.changed_from_baseline = Count(object, "changed_from_baseline", 0, kProbesMax);
    if (good_ && object.contains("changed_from_parent")) {
      print.changed_from_parent = Count(object, "changed_from_parent", 0, kProbesMax);
    }
    for (const Json& item : List(object, "episodes_changed_most", 10)) {
      Members(item, {"distance", "episode"});
      print.episodes_changed_most.push_back({Count(item, "episode", 0, 1'000'000), Number(item, "distance")});
    }
    for (const Json& item : List(object, "changes", 10)) {
      Members(item, {"count", "first_probe", "from", "to"}, {"inputs"});
      print.changes.push_back({Text(item, "from", kDecisionBytesMax),
                               Text(item, "to", kDecisionBytesMax),
                               Count(item, "count", 0, kProbesMax),
                               Count(item, "first_probe", 0, kProbesMax),
                               {}});
      if (!good_ || !item.contains("inputs")) continue;
      for (const Json& changed : List(item, "inputs", 3)) {
        Members(changed, {"input", "probe"});
        print.changes.back().inputs.push_back({Count(changed, "probe", 0, kProbesMax), Text(changed, "input", 160)});
      }
    }
    return print;
  }

  TrialReport Report(const Json& object) {
    Members(object,
            {"budget_index", "conditions", "evaluators", "harm_error_sum", "kind", "required", "verdict", "void_reason",
             "void_rule"},
            {"fingerprint", "gain_over_baseline"});
    TrialReport report;
    report.void_rule = Text(object, "void_rule", 256);
    report.void_reason = Text(object, "void_reason", 4'096);
    report.verdict = Choice<TrialVerdict>(
        object, "verdict",
        {"pass", "not-shown", "harm", "step-too-large", "growth-too-large", "above-ceiling", "drifted", "void"});
    report.terms.share.required = static_cast<std::uint32_t>(Count(object, "required", 1, 1'000));
    report.terms.share.evaluators = static_cast<std::uint32_t>(Count(object, "evaluators", 1, 1'000));
    report.terms.kind = Choice<TrialKind>(object, "kind", {"step", "first-release"});
    report.terms.budget_index = Count(object, "budget_index", 1, 1'000'000'000);
    report.harm_error_sum = Number(object, "harm_error_sum");
    for (const Json& item : List(object, "conditions", 256)) report.conditions.push_back(Condition(item));
    if (good_ && object.contains("gain_over_baseline")) {
      const Json& gain = object.at("gain_over_baseline");
      Members(gain, {"estimate", "lower", "upper"});
      report.gain_over_baseline = {Number(gain, "estimate"), Number(gain, "lower"), Number(gain, "upper")};
    }
    if (good_ && object.contains("fingerprint")) report.fingerprint = Print(object.at("fingerprint"));
    return report;
  }

  bool good_ = true;
};

// The cursor takes what the tree gives, and refuses what the tree does not.
void ExpectSameAsTree(const std::string& text, const Json& tree) {
  CanonicalCursor at(text);
  const Result<TrialReport> read = ReadTrialReport(at);
  const bool as_members = (read.ok() || read.error().rule.starts_with("trial-report.")) && at.Finish().ok();
  const std::optional<TrialReport> expected = TreeReader::Read(tree);
  RC_CLASSIFY(read.ok(), "accepted");
  RC_CLASSIFY(!read.ok() && as_members, "read, numbers do not go together");
  RC_CLASSIFY(!as_members, "refused");
  RC_ASSERT(as_members == expected.has_value());
  if (!expected) return;
  RC_ASSERT(TrialReportToJson(*expected) == tree);
  if (read.ok()) RC_ASSERT(TrialReportToJson(*read) == TrialReportToJson(*expected));
}

// Members are lost, added, moved to another type or out of their range, lists grow.
void Spoil(Json& tree) {
  Json* at = &tree;
  while (at->is_structured() && !at->empty() && *rc::gen::inRange(0, 4) != 0) {
    at = &std::next(at->begin(), *rc::gen::inRange<std::ptrdiff_t>(0, std::ptrdiff_t(at->size()))).value();
  }
  const std::vector<Json> values = {nullptr,
                                    0,
                                    -1,
                                    1,
                                    17,
                                    2'000'001,
                                    "0",
                                    "1",
                                    "0.5",
                                    "0.50",
                                    "-1",
                                    "x",
                                    "1e+300",
                                    "nan",
                                    "harm",
                                    "pass",
                                    "below",
                                    "",
                                    "\"\\\n",
                                    Json::object(),
                                    Json::array(),
                                    std::string(65, 'n'),
                                    std::string(5'000, 'n')};
  if (at->is_array() && !at->empty() && *rc::gen::arbitrary<bool>()) {
    const Json first = at->front();
    at->insert(at->end(), *rc::gen::inRange<std::size_t>(1, 12), first);
  } else if (at->is_object() && !at->empty() && *rc::gen::arbitrary<bool>()) {
    at->erase(std::next(at->begin(), *rc::gen::inRange<std::ptrdiff_t>(0, std::ptrdiff_t(at->size()))));
  } else if (at->is_object() && *rc::gen::arbitrary<bool>()) {
    (*at)[*rc::gen::element<std::string>("", "a", "fingerprint", "changed_from_parent", "zz")] =
        *rc::gen::elementOf(values);
  } else {
    *at = *rc::gen::elementOf(values);
  }
}

RC_GTEST_PROP(CanonicalCursor, ReadsWhatATreeReads, ()) {
  Json tree = Json::parse(SomeReport());
  for (int i = *rc::gen::inRange(0, 3); i > 0; --i) Spoil(tree);
  ExpectSameAsTree(CanonicalJson(tree), tree);
}

// Whatever the bytes are: nothing is read beyond them, and what is canonical is read as a tree is.
RC_GTEST_PROP(CanonicalCursor, NeverReadsBeyondNorMoreThanTheTree, ()) {
  const std::string report = SomeReport();
  const bool whole = *rc::gen::arbitrary<bool>();
  std::string spoilt = whole ? report : report.substr(0, *rc::gen::inRange<std::size_t>(0, report.size()));
  for (int i = *rc::gen::inRange(0, 4); i > 0 && !spoilt.empty(); --i) {
    const auto place = *rc::gen::inRange<std::size_t>(0, spoilt.size());
    spoilt[place] = *rc::gen::element('"', '\\', '{', '}', '[', ']', ',', ':', '0', 'u', '\0');
  }
  const Result<Json> tree = encoding::ParseCanonicalJson(spoilt);
  if (tree.ok()) {
    ExpectSameAsTree(spoilt, *tree);
  } else {
    CanonicalCursor at(spoilt);
    ReadTrialReport(at).ok();
  }
  CanonicalCursor passing(spoilt);
  passing.BeginObject();
  passing.Seek("nothing of the kind");
}

}  // namespace
}  // namespace pawl::trial
