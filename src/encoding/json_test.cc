#include "encoding/json.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include "encoding/utf8.h"

namespace pawl::encoding {
namespace {

std::string RuleOf(std::string_view text, const JsonLimits& limits = {}) {
  const Result<Json> value = ParseJson(text, limits);
  return value.ok() ? "ok" : value.error().rule;
}

TEST(Json, AcceptsEveryKindOfValue) {
  for (const char* text : {"null", "true", "0", "-1", "9007199254740991", "-9007199254740991", "\"\"", "[]", "{}",
                           "[1,[2,{\"a\":null}]]", " { \"a\" : [ ] }\r\n\t", "\"\\ud83d\\ude00\"", "\"\xc3\xa9\""}) {
    EXPECT_EQ(RuleOf(text), "ok") << text;
  }
}

TEST(Json, RefusesWhatIsNotJson) {
  using namespace std::string_view_literals;
  for (const std::string_view text : {""sv,
                                      " "sv,
                                      "{"sv,
                                      "[1,]"sv,
                                      "{\"a\":1,}"sv,
                                      "{a:1}"sv,
                                      "'a'"sv,
                                      "01"sv,
                                      "+1"sv,
                                      "- 1"sv,
                                      ".5"sv,
                                      "1 2"sv,
                                      "{}x"sv,
                                      "{}{}"sv,
                                      "nul"sv,
                                      "NaN"sv,
                                      "Infinity"sv,
                                      "/**/1"sv,
                                      "//\n1"sv,
                                      "\"a\nb\""sv,
                                      "\"\\x\""sv,
                                      "\"\\ud800\""sv,
                                      "\"\\udc00\\ud800\""sv,
                                      "\xef\xbb\xbf{}"sv,
                                      "{}\0"sv,
                                      "{}\0garbage"sv,
                                      "\"a\0b\""sv,
                                      "[1 2]"sv,
                                      "1e999"sv,
                                      "{\"a\" 1}"sv,
                                      "]"sv}) {
    EXPECT_EQ(RuleOf(text), "json.syntax") << text;
  }
}

TEST(Json, RefusesNumbersThatOthersReadDifferently) {
  for (const char* text : {"-0", "[-0]", "1.0", "1e3", "1E3", "0.1", "-0.0", "9007199254740992", "-9007199254740992",
                           "18446744073709551615", "18446744073709551616", "123456789012345678901234567890"}) {
    EXPECT_EQ(RuleOf(text), "json.number") << text;
  }
}

TEST(Json, RefusesInvalidUtf8AndDuplicateNames) {
  EXPECT_EQ(RuleOf("\"\xff\""), "json.utf8");
  EXPECT_EQ(RuleOf("\"\xc0\x80\""), "json.utf8");
  EXPECT_EQ(RuleOf("\"\xed\xa0\x80\""), "json.utf8");
  EXPECT_EQ(RuleOf(R"({"a":1,"a":1})"), "json.duplicate");
  EXPECT_EQ(RuleOf(R"([{"b":{"a":1,"\u0061":2}}])"), "json.duplicate");
  EXPECT_EQ(RuleOf(R"({"a":{"a":1}})"), "ok");
}

TEST(Json, LimitsAreExact) {
  EXPECT_EQ(RuleOf("[[1]]", {.bytes_max = 5}), "ok");
  EXPECT_EQ(RuleOf("[[1]]", {.bytes_max = 4}), "json.too-large");
  EXPECT_EQ(RuleOf("[[1]]", {.depth_max = 2}), "ok");
  EXPECT_EQ(RuleOf("[[1]]", {.depth_max = 1}), "json.too-deep");
  EXPECT_EQ(RuleOf("[[1]]", {.elements_max = 3}), "ok");
  EXPECT_EQ(RuleOf("[[1]]", {.elements_max = 2}), "json.too-many");
  EXPECT_EQ(RuleOf(std::string(500'000, '[')), "json.too-deep");
  EXPECT_EQ(RuleOf("[" + std::string(200'000, ' ') + "]"), "ok");
}

TEST(Json, CanonicalTextIsTheOnlyOne) {
  const char* canonical = R"({"":"","A":1,"a":[true,null,-5],"b":{"x":"\"\\\n\u001f/)"
                          "\x7f\xc3\xa9\xf0\x9f\x98\x80"
                          R"("}})";
  const Result<Json> value = ParseCanonicalJson(canonical);
  ASSERT_TRUE(value.ok()) << value.error().rule << value.error().message;
  EXPECT_EQ(CanonicalJson(*value), canonical);
  for (const char* other : {R"({"b":1,"a":2})", R"({"a": 1})", "[1]\n", R"("\u0061")", R"("\/")", R"("\u000a")",
                            R"("\u001F")", R"("\ud83d\ude00")", R"("\u00e9")", " 1"}) {
    ASSERT_FALSE(ParseCanonicalJson(other).ok()) << other;
    EXPECT_EQ(ParseCanonicalJson(other).error().rule, "json.not-canonical") << other;
  }
  // Bytes order, where UTF-16 code units order the other way: U+10000 and U+E000.
  EXPECT_TRUE(ParseCanonicalJson("{\"\xee\x80\x80\":1,\"\xf0\x90\x80\x80\":2}").ok());
}

Json RandomValue(int depth) {
  switch (*rc::gen::inRange(0, depth > 0 ? 6 : 4)) {
    case 0:
      return nullptr;
    case 1:
      return *rc::gen::arbitrary<bool>();
    case 2:
      return *rc::gen::inRange<int64_t>(-kJsonIntegerMax, kJsonIntegerMax);
    case 3: {
      std::string text = *rc::gen::arbitrary<std::string>();
      return IsUtf8(text) ? text : "\xe2\x82\xac";
    }
    case 4: {
      Json array = Json::array();
      for (int i = *rc::gen::inRange(0, 4); i > 0; --i) array.push_back(RandomValue(depth - 1));
      return array;
    }
  }
  Json object = Json::object();
  for (int i = *rc::gen::inRange(0, 4); i > 0; --i) object["k" + std::to_string(i * 7 % 5)] = RandomValue(depth - 1);
  return object;
}

RC_GTEST_PROP(Json, CanonicalTextRoundTrips, ()) {
  const Json value = RandomValue(4);
  const Result<Json> again = ParseCanonicalJson(CanonicalJson(value));
  RC_ASSERT(again.ok());
  RC_ASSERT(*again == value);
}

using JsonDeathTest = ::testing::Test;
TEST(JsonDeathTest, WritingWhatCannotBeReadIsAProgrammersError) {
  EXPECT_DEATH((void)CanonicalJson(Json(0.5)), "HasCanonicalForm");
  EXPECT_DEATH((void)CanonicalJson(Json(uint64_t{1} << 53)), "HasCanonicalForm");
  EXPECT_DEATH((void)CanonicalJson(Json(INT64_MIN)), "HasCanonicalForm");
  EXPECT_DEATH((void)CanonicalJson(Json("\xff")), "HasCanonicalForm");
}

struct Vote {
  int64_t epoch = 0;
  bool accept = false;
  std::string reason;
  std::vector<std::string> evidence;
};

// A reader as others write it.
Result<Vote> ReadVote(const Json& json) {
  JsonObject object(json, "vote");
  Vote vote;
  vote.epoch = object.Integer("epoch", 1, 100);
  vote.accept = object.Choice<bool>("verdict", {{"accept", true}, {"reject", false}});
  if (object.Has("reason")) vote.reason = object.String("reason", 10);
  for (JsonObject& item : object.Objects("evidence", 2)) vote.evidence.push_back(item.DigestText("digest"));
  if (Result<void> done = object.Finish(); !done.ok()) return done.error();
  return vote;
}

const std::string kDigest = "sha256:" + std::string(64, 'a');

Json GoodVote() { return {{"epoch", 7}, {"verdict", "accept"}, {"evidence", {{{"digest", kDigest}}}}}; }

TEST(JsonObject, ReadsWhatIsThere) {
  Json json = GoodVote();
  json["reason"] = "fine";
  const Result<Vote> vote = ReadVote(json);
  ASSERT_TRUE(vote.ok()) << vote.error().message;
  EXPECT_EQ(vote->epoch, 7);
  EXPECT_TRUE(vote->accept);
  EXPECT_EQ(vote->reason, "fine");
  EXPECT_EQ(vote->evidence, std::vector<std::string>{kDigest});
}

TEST(JsonObject, NamesThePathOfTheFirstFailure) {
  const auto failure = [](const std::function<void(Json&)>& change) {
    Json json = GoodVote();
    change(json);
    const Result<Vote> vote = ReadVote(json);
    return vote.ok() ? std::string("ok") : vote.error().rule + ": " + vote.error().message;
  };
  EXPECT_EQ(failure([](Json& j) { j.erase("epoch"); }), "json.member-missing: vote.epoch is missing");
  EXPECT_EQ(failure([](Json& j) { j["epoch"] = "7"; }), "json.member-type: vote.epoch is not an integer");
  EXPECT_EQ(failure([](Json& j) { j["epoch"] = 0; }), "json.member-range: vote.epoch is not between 1 and 100");
  EXPECT_EQ(failure([](Json& j) { j["epoch"] = UINT64_MAX; }),
            "json.member-range: vote.epoch is not between 1 and 100");
  EXPECT_EQ(failure([](Json& j) { j["epoch"] = true; }), "json.member-type: vote.epoch is not an integer");
  EXPECT_EQ(failure([](Json& j) { j["verdict"] = "maybe"; }),
            "json.member-range: vote.verdict is not one of the words allowed here");
  EXPECT_EQ(failure([](Json& j) { j["reason"] = "eleven chars"; }),
            "json.member-range: vote.reason is longer than 10 bytes");
  EXPECT_EQ(failure([](Json& j) { j["reason"] = nullptr; }), "json.member-type: vote.reason is not a string");
  EXPECT_EQ(failure([](Json& j) { j["extra"] = 1; }), "json.member-unknown: vote.extra is not known here");
  EXPECT_EQ(failure([](Json& j) { j["evidence"][0]["extra"] = 1; }),
            "json.member-unknown: vote.evidence[0].extra is not known here");
  EXPECT_EQ(failure([](Json& j) { j["evidence"][0]["digest"] = "sha256:A"; }),
            "json.member-range: vote.evidence[0].digest is not a SHA-256 digest");
  EXPECT_EQ(failure([](Json& j) { j["evidence"] = Json::object(); }),
            "json.member-type: vote.evidence is not an array");
  EXPECT_EQ(failure([](Json& j) { j["evidence"] = {1}; }), "json.member-type: vote.evidence[0] is not an object");
  EXPECT_EQ(failure([](Json& j) {
              j["evidence"] = {1, 2, 3};
            }),
            "json.member-range: vote.evidence has more than 2 elements");
  EXPECT_EQ(ReadVote(Json::array()).error().message, "vote is not an object");
}

TEST(JsonObject, GettersOfEveryType) {
  const Json json = {{"b", true},      {"n", "0.25"},    {"t", "1970-01-01T00:01:00Z"},
                     {"d", "2h"},      {"x", "Zm9v"},    {"s", {"p", "q"}},
                     {"h", {kDigest}}, {"o", {{"k", 1}}}};
  JsonObject object(json, "all");
  EXPECT_TRUE(object.Boolean("b"));
  EXPECT_EQ(object.Number("n"), 0.25);
  EXPECT_EQ(object.Time("t"), 60);
  EXPECT_EQ(object.Duration("d"), 7200);
  EXPECT_EQ(object.Base64("x", 3), "foo");
  EXPECT_EQ(object.Strings("s", 2), (std::vector<std::string>{"p", "q"}));
  EXPECT_EQ(object.DigestTexts("h", 1), std::vector<std::string>{kDigest});
  JsonObject child = object.Object("o");
  EXPECT_EQ(child.path(), "all.o");
  EXPECT_EQ(child.Names(), std::vector<std::string>{"k"});
  EXPECT_EQ(object.Finish().error().rule, "json.member-unknown");  // all.o.k was not read
  EXPECT_EQ(child.Integer("k", 0), 1);
  EXPECT_TRUE(object.Finish().ok());
}

TEST(JsonObject, RefusesWrongTextsInStrings) {
  const Json json = {{"n", "0.250"}, {"t", "now"},       {"d", "2"}, {"x", "Zm9vZm9v"},
                     {"s", {1}},     {"h", {"sha256:"}}, {"c", "v2"}};
  const auto rule = [&](auto read) {
    JsonObject object(json, "r");
    read(object);
    return object.Finish().error().rule;
  };
  EXPECT_EQ(rule([](JsonObject& o) { o.Number("n"); }), "json.member-range");
  EXPECT_EQ(rule([](JsonObject& o) { o.Time("t"); }), "json.member-range");
  EXPECT_EQ(rule([](JsonObject& o) { o.Duration("d"); }), "json.member-range");
  EXPECT_EQ(rule([](JsonObject& o) { o.Base64("x", 3); }), "json.member-range");
  EXPECT_EQ(rule([](JsonObject& o) { o.Strings("s", 1); }), "json.member-type");
  EXPECT_EQ(rule([](JsonObject& o) { o.DigestTexts("h", 1); }), "json.member-range");
  EXPECT_EQ(rule([](JsonObject& o) { o.Expect("c", "v1"); }), "json.member-range");
  EXPECT_EQ(rule([](JsonObject& o) { o.Object("c"); }), "json.member-type");
  EXPECT_EQ(rule([](JsonObject& o) { o.Any("absent"); }), "json.member-missing");
}

TEST(ParseJson, TakesShortFractionsOnlyWhereTheyAreAskedFor) {
  const JsonLimits asked{.fractions = Fractions::kShort};
  const Result<Json> taken = ParseJson("[0.5, -12345678901.25, 0.0, 7]", asked);
  ASSERT_TRUE(taken.ok());
  EXPECT_EQ(*taken, Json::array({0.5, -12345678901.25, 0.0, 7}));
  for (const char* text : {"0.123456789012345", "1e2", "1.5E0", "-0.0", "-0", "9007199254740992.5"}) {
    EXPECT_EQ(ParseJson(text, asked).error().rule, "json.number") << text;
  }
  EXPECT_EQ(ParseJson("0.5").error().rule, "json.number");
  EXPECT_EQ(*ParseJson("[0.123456789012345678, 1e-5]", {.fractions = Fractions::kRounded}),
            Json::array({0.12345678901234568, 1e-5}));
  EXPECT_EQ(ParseJson("1e999", {.fractions = Fractions::kRounded}).error().rule, "json.syntax");
}

}  // namespace
}  // namespace pawl::encoding
