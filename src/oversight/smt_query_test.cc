#include "oversight/smt_query.h"

#include <gtest/gtest.h>

#include <iterator>
#include <map>
#include <random>

namespace pawl::oversight {
namespace {

struct Files {
  std::map<std::string, std::string> candidate, parent;
};

Result<SmtQuery> Make(const std::string& text, const Files& files) {
  return MakeSmtQuery(text, [&](SmtSide side, const std::string& path) -> Result<std::string> {
    const auto& all = side == SmtSide::kParent ? files.parent : files.candidate;
    const auto found = all.find(path);
    if (found == all.end()) return Error{ErrorCode::kNotFound, "smt.file", "no such file", ""};
    return found->second;
  });
}

std::string TextOf(const std::string& text, const Files& files) {
  const Result<SmtQuery> query = Make(text, files);
  return query.ok() ? query->text : query.error().rule;
}

constexpr char kValue[] = ";@ value LIMIT Int a.json /seconds\n";

TEST(SmtQuery, DefinesAValueOfEachSort) {
  EXPECT_EQ(TextOf(kValue, {{{"a.json", R"({"seconds": -7})"}}, {}}),
            "(set-logic ALL)\n(define-fun LIMIT () Int (- 7))\n(check-sat)\n");
  EXPECT_EQ(TextOf(";@ value ON Bool a.json /on\n", {{{"a.json", R"({"on": true})"}}, {}}),
            "(set-logic ALL)\n(define-fun ON () Bool true)\n(check-sat)\n");
  EXPECT_EQ(TextOf(";@ value S String a.json /a/b~1c\n", {{{"a.json", R"({"a": {"b/c": "x"}})"}}, {}}),
            "(set-logic ALL)\n(define-fun S () String \"x\")\n(check-sat)\n");
}

TEST(SmtQuery, WritesStringsSoThatNothingInThemIsReadAsSmtLib) {
  const Files files{{{"a.json", R"({"s": "a\"b\\u{41}\n\u00e9\u4fe1"})"}}, {}};
  EXPECT_EQ(TextOf(";@ value S String a.json /s\n", files),
            "(set-logic ALL)\n(define-fun S () String \"a\"\"b\\u{5c}u{41}\\u{a}\\u{e9}\\u{4fe1}\")\n(check-sat)\n");
  EXPECT_EQ(TextOf(";@ value S String a.json /s\n", {{{"a.json", "{\"s\": \"\xF4\x80\x80\x80\"}"}}, {}}), "smt.value");
}

TEST(SmtQuery, DefinesAPredicateOverAnArrayAndTakesTheParentsFile) {
  const std::string text =
      ";@ any ok ((t String)) a.json /l (and (= t {/t}) (< 0 {/n}))\n;@ any was ((t String)) parent a.json /l (= t "
      "{})\n"
      ";@ show t\n(assert (ok t))\n";
  const Result<SmtQuery> query =
      Make(text, {{{"a.json", R"({"l": [{"t": "x", "n": 1}, {"t": "y", "n": 2}]})"}}, {{"a.json", R"({"l": ["z"]})"}}});
  ASSERT_TRUE(query.ok()) << query.error().message;
  EXPECT_EQ(query->text,
            "(set-logic ALL)\n(define-fun ok ((t String)) Bool (or false\n  (and (= t \"x\") (< 0 1))\n"
            "  (and (= t \"y\") (< 0 2))))\n(define-fun was ((t String)) Bool (or false\n  (= t \"z\")))\n"
            "(assert (ok t))\n(check-sat)\n");
  EXPECT_EQ(query->shown, std::vector<std::string>{"t"});
}

TEST(SmtQuery, RefusesWhatTheTemplateDoesNotLookAt) {
  EXPECT_EQ(TextOf(kValue, {{{"a.json", R"({"seconds": 1, "also": 2})"}}, {}}), "smt.unlooked");
  EXPECT_EQ(TextOf(";@ value A Int a.json /a/b\n", {{{"a.json", R"({"a": {"b": 1, "c": 1}})"}}, {}}), "smt.unlooked");
  const std::string any = ";@ any ok ((t Int)) a.json /l (= t {/t})\n";
  EXPECT_EQ(TextOf(any, {{{"a.json", R"({"l": [{"t": 1, "wild": true}]})"}}, {}}), "smt.unlooked");
  EXPECT_EQ(TextOf(any, {{{"a.json", R"({"l": [{"t": 1}], "deny": []})"}}, {}}), "smt.unlooked");
  EXPECT_EQ(TextOf(any, {{{"a.json", R"({"l": [3]})"}}, {}}), "smt.unlooked");
}

TEST(SmtQuery, RefusesValuesOfAnotherShape) {
  for (const char* file : {R"({"seconds": "1"})", R"({"seconds": true})", R"({"seconds": null})", R"({"other": 1})",
                           R"({"seconds": [1]})"}) {
    EXPECT_EQ(TextOf(kValue, {{{"a.json", file}}, {}}), "smt.value") << file;
  }
  const std::string any = ";@ any ok ((t Int)) a.json /l (= t {/t})\n";
  EXPECT_EQ(TextOf(any, {{{"a.json", R"({"l": {}})"}}, {}}), "smt.value");
  EXPECT_EQ(TextOf(any, {{{"a.json", R"({"l": [{}]})"}}, {}}), "smt.value");
  EXPECT_EQ(TextOf(any, {{{"a.json", R"({"l": [{"t": [1]}]})"}}, {}}), "smt.value");
}

TEST(SmtQuery, RefusesFilesThatCanBeReadInTwoWays) {
  for (const char* file : {R"({"seconds": 1, "seconds": 2})", R"({"seconds": 1.5})", R"({"seconds": 1)", "", "\xFF",
                           R"({"seconds": 1} {})"}) {
    EXPECT_EQ(TextOf(kValue, {{{"a.json", file}}, {}}), "smt.file") << file;
  }
  EXPECT_EQ(TextOf(kValue, {}), "smt.file");
}

TEST(SmtQuery, RefusesTemplatesThatAreNone) {
  const Files files{{{"a.json", R"({"seconds": 1})"}}, {}};
  for (const char* text :
       {";@ what\n", ";@ value LIMIT Int a.json\n", ";@ value LIMIT Int a.json /\n/x",
        ";@ value 9 Int a.json /seconds\n", ";@ value LIMIT Real a.json /seconds\n",
        ";@ value a(b Int a.json /seconds\n", ";@ any p x a.json /seconds true\n",
        ";@ any p ((t Int) a.json /seconds true\n", ";@ any p ((t Int)) a.json /seconds\n",
        ";@ any p ((t Int)) a.json /seconds (= t {/x)\n", ";@ any p ((t Int)) a.json /seconds (= t })\n",
        ";@ any p ((t Int)) a.json /seconds (= t {x})\n", ";@ value LIMIT Int a.json /a~2\n", ";@ show (f x)\n"}) {
    const std::string rule = TextOf(text, files);
    EXPECT_TRUE(rule == "smt.template" || (rule == "smt.value" && std::string(text).find("/\n") != std::string::npos))
        << text << rule;
  }
}

TEST(SmtQuery, SurvivesWhatNobodyMeant) {
  std::mt19937_64 random(7);
  const std::string pieces[] = {";@ ", "any ", "value ", "p ", "((t Int)) ", "a.json ", "/l ", "{/t} ", "{", "}",   "(",
                                ")",   "Int ", "show ",  "\n", "parent ",    "/~",      "~0",  "\t",    " ", "\xFF"};
  const std::string files[] = {R"({"l": [{"t": 1}]})", R"({"l": [[[[]]]]})", "[]", R"({"l": {"l": {"l": 1}}})"};
  int made = 0;
  for (int round = 0; round < 20'000; ++round) {
    std::string text = round % 2 == 0 ? ";@ any p ((t Int)) a.json /l " : ";@ ";
    for (uint64_t count = random() % 12; count > 0; --count) text += pieces[random() % std::size(pieces)];
    const Result<SmtQuery> query = Make(text, {{{"a.json", files[random() % std::size(files)]}}, {}});
    if (!query.ok()) continue;
    ++made;
    EXPECT_TRUE(query->text.ends_with("(check-sat)\n"));
  }
  EXPECT_GT(made, 100);
}

}  // namespace
}  // namespace pawl::oversight
