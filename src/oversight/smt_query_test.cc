#include "oversight/smt_query.h"

#include <gtest/gtest.h>

#include <iterator>
#include <map>
#include <random>

#include "oversight/subject_values.h"

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
  for (const char* file : {R"({"seconds": 1, "seconds": 2})", R"({"seconds": 1e3})", R"({"seconds": 1)", "", "\xFF",
                           R"({"seconds": 1} {})"}) {
    EXPECT_EQ(TextOf(kValue, {{{"a.json", file}}, {}}), "smt.file") << file;
  }
  EXPECT_EQ(TextOf(kValue, {}), "smt.file");
}

TEST(SmtQuery, TakesFractionsAsTheDecimalsThatAreWritten) {
  const std::string real = ";@ value RATE Real a.json /rate\n";
  const auto literal = [&](const std::string& number) {
    const std::string text = TextOf(real, {{{"a.json", "{\"rate\": " + number + "}"}}, {}});
    const size_t at = text.find("Real ");
    return at == std::string::npos ? text : text.substr(at + 5, text.find(")\n(check") - at - 5);
  };
  EXPECT_EQ(literal("0.1"), "0.1");
  EXPECT_EQ(literal("-0.25"), "(- 0.25)");
  EXPECT_EQ(literal("7"), "7.0");
  EXPECT_EQ(literal("7.0"), "7.0");
  EXPECT_EQ(literal("0.00000000000001"), "0.00000000000001");
  EXPECT_EQ(literal("99999999999999.9"), "99999999999999.9");
  EXPECT_EQ(literal("9007199254740991"), "9007199254740991.0");
  // Longer ones could be other decimals than the double that a program reads; exponents hide how long they are.
  for (const char* number : {"0.100000000000000006", "1e-3", "1E2", "-0.0", "1e999", "1e-999", "9007199254740993"}) {
    EXPECT_EQ(literal(number), "smt.file") << number;
  }
  EXPECT_EQ(literal("\"0.1\""), "smt.value");
  EXPECT_EQ(TextOf(kValue, {{{"a.json", R"({"seconds": 1.5})"}}, {}}), "smt.value");
}

TEST(SmtQuery, KeepsDecimalsOf15DigitsInTheOrderOfTheirDoubles) {
  std::mt19937_64 random(11);
  for (int round = 0; round < 20'000; ++round) {
    const int digits = static_cast<int>(random() % 14) + 1;
    const auto number = [&](uint64_t whole) {
      std::string text = std::to_string(whole);
      if (text.size() <= static_cast<size_t>(digits))
        text.insert(0, static_cast<size_t>(digits) + 1 - text.size(), '0');
      return text.insert(text.size() - static_cast<size_t>(digits), ".");
    };
    const uint64_t whole = random() % 99'999'999'999'999;
    const std::string low = number(whole), high = number(whole + 1);
    if (high.size() > 16) continue;
    EXPECT_LT(std::stod(low), std::stod(high)) << low;
    EXPECT_EQ(std::stod(RealLiteral(std::stod(low))), std::stod(low));
  }
}

TEST(SmtQuery, WritesANumberInAMemberAsRealWhereAsked) {
  const std::string any = ";@ any ok ((r Real)) a.json /l (<= r {Real /r})\n";
  EXPECT_NE(TextOf(any, {{{"a.json", R"({"l": [{"r": 1}, {"r": 0.5}]})"}}, {}}).find("(<= r 1.0)\n  (<= r 0.5)"),
            std::string::npos);
  EXPECT_EQ(TextOf(any, {{{"a.json", R"({"l": [{"r": "1"}]})"}}, {}}), "smt.value");
  const std::string bare = ";@ any ok ((r Real)) a.json /l (<= r {/r})\n";
  EXPECT_NE(TextOf(bare, {{{"a.json", R"({"l": [{"r": 0.5}]})"}}, {}}).find("(<= r 0.5)"), std::string::npos);
}

TEST(SmtQuery, TakesValuesOfToml) {
  const std::string text =
      ";@ value N Int a.toml /limits/n\n;@ value R Real a.toml /limits/rate\n;@ value ON Bool a.toml /on\n"
      ";@ any ok ((t String)) a.toml /tool (= t {/name})\n";
  const std::string file = "on = true\nlimits.n = 0x10\nlimits.rate = 2.5e-1  # é\n[[tool]]\nname = \"r\"\n";
  EXPECT_EQ(TextOf(text, {{{"a.toml", file}}, {}}),
            "(set-logic ALL)\n(define-fun N () Int 16)\n(define-fun R () Real 0.25)\n(define-fun ON () Bool true)\n"
            "(define-fun ok ((t String)) Bool (or false\n  (= t \"r\")))\n(check-sat)\n");
  EXPECT_EQ(TextOf(text, {{{"a.toml", file + "more = 1\n"}}, {}}), "smt.unlooked");
}

TEST(SmtQuery, RefusesTomlThatIsNoValue) {
  const std::string text = ";@ value N Real a.toml /n\n";
  for (const char* file :
       {"n = 1\nn = 2\n", "n = inf\n", "n = -nan\n", "n = -0.0\n", "n = 1979-05-27\n", "n = 07:32:00\n",
        "n = 0.1000000000000001e-5\n", "n = 1e-300\n", "n = 9007199254740992\n", "n = 1\n[[[a]]]\n", "n = 1 # \x01\n",
        "n = \"\"\"\n1\"\"\"\n", "n = ", "n = {", "\xFF", "n = 5[\"é\"]\n", "n = 0x5{\"é\"}\n", "n = 0.5=\"é\"\n",
        "n = [[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]\n"}) {
    EXPECT_EQ(TextOf(text, {{{"a.toml", file}}, {}}), "smt.file") << file;
  }
  std::string many = "n = [";
  for (int i = 0; i < 50'001; ++i) many += "1,";
  EXPECT_EQ(TextOf(text, {{{"a.toml", many + "]\n"}}, {}}), "smt.file");
  EXPECT_EQ(TextOf(text, {{{"a.toml", "n = 1\n#" + std::string(size_t{1} << 20, 'x') + "\n"}}, {}}), "smt.file");
}

TEST(SmtQuery, RefusesTemplatesThatAreNone) {
  const Files files{{{"a.json", R"({"seconds": 1})"}}, {}};
  for (const char* text :
       {";@ what\n", ";@ value LIMIT Int a.json\n", ";@ value LIMIT Int a.json /\n/x",
        ";@ value 9 Int a.json /seconds\n", ";@ value LIMIT Float a.json /seconds\n",
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
