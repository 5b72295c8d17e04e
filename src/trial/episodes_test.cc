#include "trial/episodes.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include <array>
#include <charconv>
#include <cmath>
#include <cstring>
#include <limits>
#include <random>

namespace pawl::trial {
namespace {

const std::vector<MetricRange> kTwo = {{"near_miss", 0, 1, Direction::kLowerIsBetter}, {"score"}};

std::string Line(int episode, const std::string& near_miss, const std::string& score) {
  return "{\"episode\":" + std::to_string(episode) + ",\"metrics\":{\"near_miss\":" + near_miss +
         ",\"score\":" + score + "}}\n";
}

TEST(ReadEpisodes, ReadsWhatTheProtocolShows) {
  const std::vector<MetricRange> metrics = {{"near_miss"}, {"alert_rate"}, {"reversals", 0, 10}, {"score"}};
  const std::string text =
      "{\"episode\":0,\"metrics\":{\"near_miss\":0,\"alert_rate\":0.12,\"reversals\":0,\"score\":0.93}}\n"
      " { \"metrics\" : {\"score\": 9.1e-1, \"reversals\":\t3, \"alert_rate\":1, \"near_miss\":-0.0} , \"episode\" : 1 "
      "} \n";
  const Result<EpisodeTable> table = ReadEpisodes(text, metrics, 2);
  ASSERT_TRUE(table.ok()) << table.error().message;
  EXPECT_EQ(table->episodes(), 2U);
  EXPECT_EQ(table->column(table->IndexOf("score"))[0], 0.93);
  EXPECT_EQ(table->column(table->IndexOf("score"))[1], 0.91);
  EXPECT_EQ(table->column(table->IndexOf("reversals"))[1], 3);
  EXPECT_EQ(table->IndexOf("speed"), 4U);
}

TEST(ReadEpisodes, ReadsGroupsWhereTheCharterDeclaresThem) {
  const std::vector<MetricRange> metrics = {{"score"}};
  const std::vector<std::string> groups = {"day", "night"};
  const std::string text =
      "{\"episode\":0,\"group\":\"night\",\"metrics\":{\"score\":1}}\n"
      "{\"episode\":1,\"metrics\":{\"score\":1},\"group\":\"day\"}\n";
  const Result<EpisodeTable> table = ReadEpisodes(text, metrics, 2, groups);
  ASSERT_TRUE(table.ok()) << table.error().message;
  EXPECT_EQ((std::vector<int>{table->groups()[0], table->groups()[1]}), (std::vector<int>{1, 0}));
  EXPECT_EQ(ReadEpisodes(text, metrics, 2).error().rule, "episodes.syntax");  // none are declared
  const auto rule = [&](const std::string& line) { return ReadEpisodes(line, metrics, 1, groups).error().rule; };
  EXPECT_EQ(rule("{\"episode\":0,\"metrics\":{\"score\":1}}\n"), "episodes.group");
  EXPECT_EQ(rule("{\"episode\":0,\"group\":\"fog\",\"metrics\":{\"score\":1}}\n"), "episodes.group");
  EXPECT_EQ(rule("{\"episode\":0,\"group\":1,\"metrics\":{\"score\":1}}\n"), "episodes.group");
  EXPECT_EQ(rule("{\"episode\":0,\"group\":\"day\",\"group\":\"day\",\"metrics\":{\"score\":1}}\n"), "episodes.syntax");
}

TEST(ReadEpisodes, ReadsWhatEpisodesWere) {
  const std::vector<MetricRange> metrics = {{"score"}};
  const std::string plain = "{\"episode\":0,\"metrics\":{\"score\":1}}\n";
  const Result<EpisodeTable> silent = ReadEpisodes(plain, metrics, 1);
  ASSERT_TRUE(silent.ok());
  EXPECT_TRUE(silent->inputs().empty());
  const std::string longest(kInputBytesMax, 'h');
  const Result<EpisodeTable> table =
      ReadEpisodes(plain + "{\"input\":\"60 guests\",\"episode\":1,\"metrics\":{\"score\":1}}\n" +
                       "{\"episode\":2,\"metrics\":{\"score\":1},\"input\":\"" + longest + "\"}\n",
                   metrics, 3);
  ASSERT_TRUE(table.ok()) << table.error().message;
  EXPECT_EQ(std::vector<std::string>(table->inputs().begin(), table->inputs().end()),
            (std::vector<std::string>{"", "60 guests", longest}));
  for (const std::string& bad :
       {std::string("\"input\":\"\""), std::string("\"input\":1"), "\"input\":\"" + longest + "h\"",
        std::string("\"input\":\"a\\u0062\""), std::string("\"input\":\"a\",\"input\":\"a\"")}) {
    EXPECT_EQ(ReadEpisodes("{\"episode\":0,\"metrics\":{\"score\":1}," + bad + "}\n", metrics, 1).error().rule,
              "episodes.syntax")
        << bad;
  }
  // A part that says nothing stands between parts that do.
  EpisodeTable all;
  all.Append(*silent);
  EXPECT_TRUE(all.inputs().empty());
  all.Append(*table);
  all.Append(*silent);
  EXPECT_EQ(std::vector<std::string>(all.inputs().begin(), all.inputs().end()),
            (std::vector<std::string>{"", "", "60 guests", longest, ""}));
}

TEST(EpisodeTable, AppendsPartAfterPart) {
  const std::vector<MetricRange> metrics = {{"a"}, {"b"}};
  EpisodeTable table;
  table.Append(EpisodeTable(metrics, 2, {1, 0, 0.1, 0.2}, {0, 1}));
  table.Append(EpisodeTable(metrics, 1, {0.5, 0.6}, {1}));
  ASSERT_EQ(table.episodes(), 3U);
  EXPECT_EQ(std::vector<double>(table.column(0).begin(), table.column(0).end()), (std::vector<double>{1, 0, 0.5}));
  EXPECT_EQ(std::vector<double>(table.column(1).begin(), table.column(1).end()), (std::vector<double>{0.1, 0.2, 0.6}));
  EXPECT_EQ(table.groups().size(), 3U);
}

struct Bad {
  const char* what;
  std::string line;  // in place of a valid second line
  const char* rule;
};

std::vector<Bad> BadLines() {
  const auto with = [](const std::string& score) { return Line(1, "0", score); };
  return {
      {"nothing", "\n", "episodes.syntax"},
      {"not an object", "[1]\n", "episodes.syntax"},
      {"an unknown member", "{\"episode\":1,\"metrics\":{\"near_miss\":0,\"score\":1},\"x\":1}\n", "episodes.syntax"},
      {"no metrics", "{\"episode\":1}\n", "episodes.syntax"},
      {"no episode", "{\"metrics\":{\"near_miss\":0,\"score\":1}}\n", "episodes.syntax"},
      {"episode twice", "{\"episode\":1,\"episode\":1,\"metrics\":{\"near_miss\":0,\"score\":1}}\n", "episodes.syntax"},
      {"metrics twice", "{\"metrics\":{\"near_miss\":0,\"score\":1},\"metrics\":{\"near_miss\":0,\"score\":1}}\n",
       "episodes.syntax"},
      {"something behind", "{\"episode\":1,\"metrics\":{\"near_miss\":0,\"score\":1}}{}\n", "episodes.syntax"},
      {"a trailing comma", "{\"episode\":1,\"metrics\":{\"near_miss\":0,\"score\":1,}}\n", "episodes.syntax"},
      {"cut off", "{\"episode\":1,\"metrics\":{\"near_miss\":0,\"sco\n", "episodes.syntax"},
      {"an escape", "{\"episode\":1,\"metrics\":{\"near_miss\":0,\"s\\u0063ore\":1}}\n", "episodes.syntax"},
      {"nested", with("{}"), "episodes.syntax"},
      {"deeply nested", with(std::string(4000, '[')), "episodes.syntax"},
      {"a text", with("\"1\""), "episodes.syntax"},
      {"null", with("null"), "episodes.syntax"},
      {"true", with("true"), "episodes.syntax"},
      {"a plus", with("+1"), "episodes.syntax"},
      {"a leading zero", with("01"), "episodes.syntax"},
      {"no digit before the point", with(".5"), "episodes.syntax"},
      {"no digit behind the point", with("0."), "episodes.syntax"},
      {"no exponent", with("1e"), "episodes.syntax"},
      {"hexadecimal", with("0x1"), "episodes.syntax"},
      {"two numbers", with("0 1"), "episodes.syntax"},
      {"a number without end", with("0." + std::string(100, '1')), "episodes.syntax"},
      {"NaN", with("NaN"), "episodes.not-finite"},
      {"Infinity", with("Infinity"), "episodes.not-finite"},
      {"-Infinity", with("-Infinity"), "episodes.not-finite"},
      {"nan", with("nan"), "episodes.not-finite"},
      {"overflow", with("1e999"), "episodes.not-finite"},
      {"underflow", with("1e-400"), "episodes.not-finite"},
      {"above", with("1.0000000001"), "episodes.out-of-range"},
      {"below", with("-1e-300"), "episodes.out-of-range"},
      {"the next index", Line(2, "0", "1"), "episodes.order"},
      {"the last index again", Line(0, "0", "1"), "episodes.order"},
      {"an index as a fraction", "{\"episode\":1.0,\"metrics\":{\"near_miss\":0,\"score\":1}}\n", "episodes.order"},
      {"a metric too many", "{\"episode\":1,\"metrics\":{\"near_miss\":0,\"score\":1,\"x\":0}}\n",
       "episodes.metric-unknown"},
      {"a metric too few", "{\"episode\":1,\"metrics\":{\"score\":1}}\n", "episodes.metric-missing"},
      {"no metric", "{\"episode\":1,\"metrics\":{}}\n", "episodes.syntax"},
      {"a metric twice", "{\"episode\":1,\"metrics\":{\"score\":1,\"score\":1}}\n", "episodes.metric-twice"},
      {"a long line", Line(1, "0", "1" + std::string(kEpisodeLineBytesMax, ' ')), "episodes.size"},
      {"a zero byte", std::string("{\"episode\":1,\"metrics\":{\"near_miss\":0,\"score\":1}}\0\n", 52),
       "episodes.syntax"},
      {"a carriage return", "{\"episode\":1,\"metrics\":{\"near_miss\":0,\"score\":1}}\r\n", "episodes.syntax"},
  };
}

// Rounded as any reader of JSON does, then held to the range.
TEST(ReadEpisodes, TakesTheNearestDouble) {
  const Result<EpisodeTable> table = ReadEpisodes(Line(0, "5e-324", "1.0000000000000000000000001"), kTwo, 1);
  ASSERT_TRUE(table.ok()) << table.error().message;
  EXPECT_GT(table->column(0)[0], 0);
  EXPECT_EQ(table->column(1)[0], 1);
}

TEST(ReadEpisodes, VoidsEachMalformedLineWhereverItStands) {
  for (const Bad& bad : BadLines()) {
    const Result<EpisodeTable> table = ReadEpisodes(Line(0, "0", "1") + bad.line + Line(2, "0", "1"), kTwo, 3);
    ASSERT_FALSE(table.ok()) << bad.what;
    EXPECT_EQ(table.error().rule, bad.rule) << bad.what << ": " << table.error().message;
    EXPECT_EQ(table.error().code, ErrorCode::kMalformed);
    EXPECT_NE(table.error().message.find("line 2"), std::string::npos) << table.error().message;
  }
}

TEST(ReadEpisodes, VoidsAnyOrderButTheRightOne) {
  std::vector<int> order = {0, 1, 2, 3};
  int read = 0;
  do {
    std::string text;
    for (const int episode : order) text += Line(episode, "0", "0.5");
    read += ReadEpisodes(text, kTwo, 4).ok() ? 1 : 0;
  } while (std::next_permutation(order.begin(), order.end()));
  EXPECT_EQ(read, 1);
}

TEST(ReadEpisodes, VoidsFewerAndMoreLinesThanSeeds) {
  std::string text;
  for (int i = 0; i < 5; ++i) text += Line(i, "0", "1");
  EXPECT_TRUE(ReadEpisodes(text, kTwo, 5).ok());
  EXPECT_EQ(ReadEpisodes(text, kTwo, 6).error().rule, "episodes.count");
  EXPECT_EQ(ReadEpisodes(text, kTwo, 4).error().rule, "episodes.count");
  EXPECT_EQ(ReadEpisodes("", kTwo, 1).error().rule, "episodes.count");
  EXPECT_EQ(ReadEpisodes(text + "\n", kTwo, 5).error().rule, "episodes.count");
  EXPECT_EQ(ReadEpisodes(text + "{", kTwo, 5).error().rule, "episodes.count");
  text.pop_back();
  EXPECT_EQ(ReadEpisodes(text, kTwo, 5).error().rule, "episodes.count");
}

TEST(ReadEpisodes, RefusesSizesBeforeItAllocates) {
  EXPECT_EQ(ReadEpisodes("", kTwo, 0).error().rule, "trial.size");
  EXPECT_EQ(ReadEpisodes("", kTwo, kEpisodesMax + 1).error().rule, "trial.size");
  EXPECT_EQ(ReadEpisodes("", kTwo, std::numeric_limits<std::size_t>::max()).error().rule, "trial.size");
  EXPECT_EQ(ReadEpisodes(std::string(kEpisodeLineBytesMax + 1, '\n'), kTwo, 1).error().rule, "episodes.size");
  EXPECT_EQ(ReadEpisodes("{}\n", kTwo, kEpisodesMax).error().rule, "episodes.count");
  EXPECT_LE(EpisodeBytesMax(std::numeric_limits<std::size_t>::max()), kOutputBytesMax);
}

TEST(CheckMetrics, RefusesWhatCannotBeMeasured) {
  const double infinity = std::numeric_limits<double>::infinity();
  const std::vector<std::vector<MetricRange>> bad = {
      {},
      std::vector<MetricRange>(65, {"a"}),
      {{"a"}, {"a"}},
      {{""}},
      {{"A"}},
      {{"a b"}},
      {{std::string(65, 'a')}},
      {{"a", 1, 1}},
      {{"a", 1, 0}},
      {{"a", 0, infinity}},
      {{"a", std::nan(""), 1}},
      {{"a", -1e308, 1e308}},
  };
  for (const std::vector<MetricRange>& metrics : bad) {
    const Result<void> checked = CheckMetrics(metrics);
    ASSERT_FALSE(checked.ok());
    EXPECT_EQ(checked.error().rule, "trial.metrics");
    EXPECT_EQ(ReadEpisodes("\n", metrics, 1).error().rule, "trial.metrics");
  }
}

RC_GTEST_PROP(ReadEpisodes, ReadsBackEveryNumberExactly, ()) {
  const auto bits =
      *rc::gen::nonEmpty(rc::gen::container<std::vector<std::uint64_t>>(rc::gen::arbitrary<std::uint64_t>()));
  const std::vector<MetricRange> wide = {{"x", -4e307, 4e307}};
  std::string text;
  std::vector<double> expected;
  for (const std::uint64_t pattern : bits) {
    double value = 0;
    std::memcpy(&value, &pattern, sizeof value);
    if (!(std::abs(value) <= 4e307)) value = 0.1;
    std::array<char, 64> digits{};
    char* end = std::to_chars(digits.data(), digits.data() + digits.size(), value).ptr;
    text += "{\"episode\":" + std::to_string(expected.size()) +
            ",\"metrics\":{\"x\":" + std::string(digits.data(), end) + "}}\n";
    expected.push_back(value);
  }
  const Result<EpisodeTable> table = ReadEpisodes(text, wide, expected.size());
  RC_ASSERT(table.ok());
  RC_ASSERT(std::equal(expected.begin(), expected.end(), table->column(0).begin()));
}

// Whatever single byte is changed, the text is refused or still means numbers in range, one for each episode.
TEST(ReadEpisodes, SurvivesEveryChangedByte) {
  const std::string good = Line(0, "0.25", "1e-1") + Line(1, "1", "0.5");
  int refused = 0;
  for (std::size_t at = 0; at < good.size(); ++at) {
    for (int byte = 0; byte < 256; ++byte) {
      std::string text = good;
      text[at] = static_cast<char>(byte);
      const Result<EpisodeTable> table = ReadEpisodes(text, kTwo, 2);
      refused += table.ok() ? 0 : 1;
      if (!table.ok()) continue;
      for (std::size_t metric = 0; metric < 2; ++metric) {
        for (const double x : table->column(metric)) ASSERT_TRUE(x >= 0 && x <= 1);
      }
    }
  }
  EXPECT_GT(refused, 20'000);
}

TEST(ReadDecisions, ReadsDecisions) {
  const Result<Decisions> decisions =
      ReadDecisions("{\"probe\":0,\"decision\":\"COC\"}\n{\"decision\": \"climb 1500\", \"probe\": 1}\n", 2);
  ASSERT_TRUE(decisions.ok());
  EXPECT_EQ(decisions->chosen, (std::vector<std::string>{"COC", "climb 1500"}));
  EXPECT_TRUE(decisions->inputs.empty());
}

TEST(ReadDecisions, ReadsWhatProbesAsk) {
  const Result<Decisions> decisions = ReadDecisions(
      "{\"probe\":0,\"decision\":\"a\"}\n{\"input\":\"h 120 ft\",\"probe\":1,\"decision\":\"b\"}\n"
      "{\"probe\":2,\"decision\":\"a\"}\n",
      3);
  ASSERT_TRUE(decisions.ok());
  EXPECT_EQ(decisions->inputs, (std::vector<std::string>{"", "h 120 ft", ""}));
  const std::string longest(kInputBytesMax, 'x');
  EXPECT_EQ(ReadDecisions("{\"probe\":0,\"decision\":\"" + std::string(kDecisionBytesMax, 'd') + "\",\"input\":\"" +
                              longest + "\"}\n",
                          1)
                ->inputs.at(0),
            longest);
}

TEST(ReadDecisions, VoidsEachMalformedShape) {
  const std::vector<std::pair<std::string, const char*>> bad = {
      {"{\"probe\":1,\"decision\":\"COC\"}\n", "decisions.order"},
      {"{\"probe\":0}\n", "decisions.syntax"},
      {"{\"decision\":\"COC\"}\n", "decisions.syntax"},
      {"{\"probe\":0,\"decision\":\"\"}\n", "decisions.syntax"},
      {"{\"probe\":0,\"decision\":1}\n", "decisions.syntax"},
      {"{\"probe\":0,\"decision\":\"a\",\"decision\":\"a\"}\n", "decisions.syntax"},
      {"{\"probe\":0,\"probe\":0,\"decision\":\"a\"}\n", "decisions.syntax"},
      {"{\"probe\":0,\"decision\":\"\\n\"}\n", "decisions.syntax"},
      {"{\"probe\":0,\"decision\":\"\xc3\xa4\"}\n", "decisions.syntax"},
      {"{\"probe\":0,\"decision\":\"" + std::string(kDecisionBytesMax + 1, 'a') + "\"}\n", "decisions.syntax"},
      {"{\"probe\":0,\"decision\":\"a\"} x\n", "decisions.syntax"},
      {"{\"probe\":0,\"decision\":\"a\",\"note\":1}\n", "decisions.syntax"},
      {"{\"probe\":0,\"decision\":\"a\",\"input\":1}\n", "decisions.syntax"},
      {"{\"probe\":0,\"decision\":\"a\",\"input\":\"\"}\n", "decisions.syntax"},
      {"{\"probe\":0,\"decision\":\"a\",\"input\":\"\xc3\xa4\"}\n", "decisions.syntax"},
      {"{\"probe\":0,\"decision\":\"a\",\"input\":\"b\",\"input\":\"b\"}\n", "decisions.syntax"},
      {"{\"probe\":0,\"input\":\"b\"}\n", "decisions.syntax"},
      {"{\"probe\":0,\"decision\":\"a\",\"input\":\"" + std::string(kInputBytesMax + 1, 'a') + "\"}\n",
       "decisions.syntax"},
      {"{\"probe\":0,\"decision\":\"a\"" + std::string(500, ' ') + "}\n", "decisions.size"},
      {"", "decisions.count"},
      {"{\"probe\":0,\"decision\":\"a\"}", "decisions.count"},
      {"\n\n", "decisions.count"},
  };
  for (const auto& [text, rule] : bad) {
    const Result<Decisions> decisions = ReadDecisions(text, 1);
    ASSERT_FALSE(decisions.ok()) << text;
    EXPECT_EQ(decisions.error().rule, rule) << text;
  }
  EXPECT_EQ(ReadDecisions("", 0).error().rule, "trial.size");
}

}  // namespace
}  // namespace pawl::trial
