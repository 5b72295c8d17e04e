#include "trial/canonical_cursor.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

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
  report.fingerprint->changes = {{"left", "right", 3, 17}};
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

// Whatever the bytes are: nothing is read beyond them, and what is accepted is what the canonical reader accepts.
RC_GTEST_PROP(CanonicalCursor, NeverReadsBeyondNorMoreThanTheTree, ()) {
  const std::string report = SomeReport();
  const bool whole = *rc::gen::arbitrary<bool>();
  std::string spoilt = whole ? report : report.substr(0, *rc::gen::inRange<std::size_t>(0, report.size()));
  for (int i = *rc::gen::inRange(0, 4); i > 0 && !spoilt.empty(); --i) {
    const auto place = *rc::gen::inRange<std::size_t>(0, spoilt.size());
    spoilt[place] = *rc::gen::element('"', '\\', '{', '}', '[', ']', ',', ':', '0', 'u', '\0');
  }
  CanonicalCursor at(spoilt);
  const bool accepted = ReadTrialReport(at).ok() && at.Finish().ok();
  const Result<Json> tree = encoding::ParseCanonicalJson(spoilt);
  if (tree.ok()) {
    RC_CLASSIFY(accepted, "accepted");
    RC_CLASSIFY(!accepted, "canonical, refused");
    RC_ASSERT(accepted == ReadTrialReport(*tree).ok());
    // RC_ASSERT evaluates both sides of an "or".
    if (accepted) RC_ASSERT(CanonicalJson(TrialReportToJson(*ReadTrialReport(*tree))) == spoilt);
  }
  CanonicalCursor passing(spoilt);
  passing.BeginObject();
  passing.Seek("nothing of the kind");
}

}  // namespace
}  // namespace pawl::trial
