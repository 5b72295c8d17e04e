#include "trial/assess.h"

#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <limits>
#include <random>

#include "trial/confidence_sequence.h"

namespace pawl::trial {
namespace {

TrialRules Rules() {
  TrialRules rules;
  rules.metrics = {{"near_miss", 0, 1, Direction::kLowerIsBetter}, {"score", 0, 10}};
  rules.harms = {{"collisions", "near_miss", 0.02, 1e-3}};
  rules.improvement = {"score", 1e-2};
  rules.capability = {.metric = "score", .max_step = 0.4, .ceiling = 8, .lifetime_error = 1e-2};
  rules.drift = {.limit = 0.1, .lifetime_error = 1e-2, .probes = 3000};
  rules.episodes = 3000;
  return rules;
}

// What is true of a made-up candidate.
struct Truth {
  double near_miss = 0.001;
  double parent_score = 5;
  double gain = 0.2;
  double changed = 0.02;
  std::size_t episodes = 3000;
};

EpisodeTable Table(const TrialRules& rules, const std::vector<double>& near_miss, const std::vector<double>& score) {
  std::vector<double> values = near_miss;
  values.insert(values.end(), score.begin(), score.end());
  return EpisodeTable(rules.metrics, near_miss.size(), values);
}

TrialData Data(const TrialRules& rules, const Truth& truth, unsigned seed = 1) {
  std::mt19937_64 random(seed);
  std::uniform_real_distribution<double> uniform(0, 1);
  std::vector<double> harm, parent_harm, score, parent_score;
  TrialData data;
  for (std::size_t i = 0; i < truth.episodes; ++i) {
    const double luck = uniform(random) - 0.5;
    harm.push_back(uniform(random) < truth.near_miss ? 1 : 0);
    parent_harm.push_back(0);
    parent_score.push_back(truth.parent_score + luck);
    score.push_back(std::min(10.0, truth.parent_score + truth.gain + luck + 0.5 * (uniform(random) - 0.5)));
    data.fresh_decisions.baseline.emplace_back("COC");
    data.fresh_decisions.candidate.emplace_back(uniform(random) < truth.changed ? "CL1500" : "COC");
  }
  data.candidate = Table(rules, harm, score);
  data.parent = Table(rules, parent_harm, parent_score);
  data.baseline = data.parent;
  return data;
}

TrialVerdict VerdictFor(const Truth& truth, const TrialTerms& terms = {}) {
  TrialRules rules = Rules();
  rules.episodes = truth.episodes;
  rules.drift->probes = truth.episodes;
  const Result<TrialReport> report = AssessTrial(rules, terms, Data(rules, truth));
  return report.ok() ? report->verdict : TrialVerdict::kVoid;
}

const ConditionReport& Condition(const TrialReport& report, ConditionKind kind) {
  for (const ConditionReport& condition : report.conditions) {
    if (condition.kind == kind) return condition;
  }
  static const ConditionReport none;
  ADD_FAILURE() << "no condition " << ConditionKindName(kind);
  return none;
}

TEST(AssessTrial, PassesAnHonestStep) { EXPECT_EQ(VerdictFor({}), TrialVerdict::kPass); }

TEST(AssessTrial, NamesWhatIsWrong) {
  EXPECT_EQ(VerdictFor({.near_miss = 0.05}), TrialVerdict::kHarm);
  EXPECT_EQ(VerdictFor({.near_miss = 0.02}), TrialVerdict::kNotShown);
  EXPECT_EQ(VerdictFor({.gain = 0}), TrialVerdict::kNotShown);
  EXPECT_EQ(VerdictFor({.gain = -0.3}), TrialVerdict::kNotShown);
  EXPECT_EQ(VerdictFor({.gain = 0.8}), TrialVerdict::kStepTooLarge);
  EXPECT_EQ(VerdictFor({.parent_score = 8.2}), TrialVerdict::kAboveCeiling);
  EXPECT_EQ(VerdictFor({.changed = 0.2}), TrialVerdict::kDrifted);
  EXPECT_EQ(VerdictFor({.changed = 0.1}), TrialVerdict::kNotShown);
  EXPECT_EQ(VerdictFor({.episodes = 50}), TrialVerdict::kNotShown);
}

TEST(AssessTrial, PutsSafetyFirst) {
  // Everything is wrong at once; then the worst is mended, one after the other.
  Truth truth{.near_miss = 0.05, .parent_score = 8.5, .gain = 0.9, .changed = 0.3};
  EXPECT_EQ(VerdictFor(truth), TrialVerdict::kHarm);
  truth.near_miss = 0.02;
  EXPECT_EQ(VerdictFor(truth), TrialVerdict::kDrifted);
  truth.changed = 0;
  EXPECT_EQ(VerdictFor(truth), TrialVerdict::kNotShown);  // harm is not shown: no word about capability
  truth.near_miss = 0;
  EXPECT_EQ(VerdictFor(truth), TrialVerdict::kAboveCeiling);
  truth.parent_score = 5;
  EXPECT_EQ(VerdictFor(truth), TrialVerdict::kStepTooLarge);
  truth.gain = 0.2;
  EXPECT_EQ(VerdictFor(truth), TrialVerdict::kPass);
  EXPECT_TRUE(IsOutsideCharter(TrialVerdict::kAboveCeiling));
  EXPECT_TRUE(IsOutsideCharter(TrialVerdict::kStepTooLarge));
  EXPECT_FALSE(IsOutsideCharter(TrialVerdict::kHarm));
  EXPECT_FALSE(IsOutsideCharter(TrialVerdict::kPass));
}

TEST(AssessTrial, ShowsLessWithEveryTrialBefore) {
  const Truth truth{.near_miss = 0.005};
  EXPECT_EQ(VerdictFor(truth, {.budget_index = 1}), TrialVerdict::kPass);
  EXPECT_EQ(VerdictFor(truth, {.budget_index = 1000}), TrialVerdict::kNotShown);
}

// The range of a difference is twice that of the metric. With D itself as the observation, half the evidence would be
// enough; with (D+1)/2 the wealth is that of a process over the mapped values.
TEST(AssessTrial, MapsPairedDifferencesByTheirWholeRange) {
  const TrialRules rules = Rules();
  const TrialData data = Data(rules, {});
  const TrialReport report = *AssessTrial(rules, {}, data);
  EProcess expected(Alternative::kMeanAbove, 0.5);
  double sum = 0;
  for (std::size_t i = 0; i < data.candidate.episodes(); ++i) {
    const double d = (data.candidate.column(1)[i] - data.parent.column(1)[i]) / 10;
    sum += d * 10;
    expected.Observe((d + 1) / 2);
  }
  const ConditionReport& improvement = Condition(report, ConditionKind::kImprovement);
  EXPECT_NEAR(improvement.log_e_value, expected.log_e_value(), 1e-9);
  EXPECT_NEAR(improvement.estimate, sum / 3000, 1e-9);
  EXPECT_EQ(improvement.limit, 0);
  const ConditionReport& step = Condition(report, ConditionKind::kStep);
  EXPECT_GT(step.upper, step.estimate);
  EXPECT_LE(step.upper, 0.4);
  EXPECT_GT(step.lower, 0);
}

TEST(AssessTrial, ExtremeDifferencesStayInRange) {
  TrialRules rules = Rules();
  rules.drift.reset();
  const std::size_t n = 500;
  rules.episodes = n;
  const std::vector<double> clean(n, 0);
  TrialData data;
  data.candidate = Table(rules, clean, std::vector<double>(n, 10));
  data.parent = Table(rules, clean, std::vector<double>(n, 0));
  data.baseline = data.parent;
  const TrialReport report = *AssessTrial(rules, {}, data);
  EXPECT_EQ(Condition(report, ConditionKind::kStep).estimate, 10);
  EXPECT_EQ(Condition(report, ConditionKind::kStep).status, ConditionStatus::kExceeded);
  EXPECT_EQ(report.gain_over_baseline->estimate, 10);
}

TEST(AssessTrial, TurnsWithTheDirectionOfTheMetric) {
  // The same numbers told the other way round: a cost of 10 - score, a safety of 1 - near_miss.
  const TrialRules rules = Rules();
  TrialRules turned = rules;
  turned.metrics[0].direction = Direction::kHigherIsBetter;
  turned.metrics[1].direction = Direction::kLowerIsBetter;
  turned.harms[0].limit = 1 - 0.02;
  turned.capability->ceiling = 10 - 8;
  for (const Truth& truth : {Truth{}, Truth{.near_miss = 0.05}, Truth{.gain = 0.8}, Truth{.parent_score = 8.2}}) {
    const TrialData data = Data(rules, truth);
    const auto turn = [&](const EpisodeTable& table) {
      std::vector<double> harm, score;
      for (const double x : table.column(0)) harm.push_back(1 - x);
      for (const double x : table.column(1)) score.push_back(10 - x);
      return Table(turned, harm, score);
    };
    const TrialData other{turn(data.candidate), turn(data.parent), turn(data.baseline), data.fresh_decisions, {}};
    const TrialReport a = *AssessTrial(rules, {}, data);
    const TrialReport b = *AssessTrial(turned, {}, other);
    EXPECT_EQ(a.verdict, b.verdict);
    EXPECT_NEAR(Condition(a, ConditionKind::kHarm).upper, 1 - Condition(b, ConditionKind::kHarm).lower, 1e-6);
    EXPECT_NEAR(Condition(a, ConditionKind::kCeiling).upper, 10 - Condition(b, ConditionKind::kCeiling).lower, 1e-6);
    EXPECT_NEAR(Condition(a, ConditionKind::kStep).estimate, Condition(b, ConditionKind::kStep).estimate, 1e-9);
  }
}

TEST(AssessTrial, TheFirstReleaseHasNoStep) {
  const TrialRules rules = Rules();
  TrialData data = Data(rules, {});
  data.parent = {};
  const TrialReport report = *AssessTrial(rules, {.kind = TrialKind::kFirstRelease}, data);
  EXPECT_EQ(report.verdict, TrialVerdict::kPass);
  EXPECT_EQ(report.conditions.size(), 3U);  // harm, ceiling, drift
  EXPECT_EQ(AssessTrial(rules, {}, data)->verdict, TrialVerdict::kVoid);
}

TEST(AssessTrial, FixedProbesAreAConditionOfTheirOwn) {
  TrialRules rules = Rules();
  rules.drift->has_fixed_probes = true;
  TrialData data = Data(rules, {});
  EXPECT_EQ(AssessTrial(rules, {}, data)->verdict, TrialVerdict::kVoid);
  data.fixed_decisions = data.fresh_decisions;
  EXPECT_EQ(AssessTrial(rules, {}, data)->verdict, TrialVerdict::kPass);
  for (std::string& decision : data.fixed_decisions.candidate) decision = "other";
  EXPECT_EQ(AssessTrial(rules, {}, data)->verdict, TrialVerdict::kDrifted);
  data.fixed_decisions = {{"COC"}, {"COC"}};  // too few
  EXPECT_EQ(AssessTrial(rules, {}, data)->verdict, TrialVerdict::kNotShown);
}

TEST(AssessTrial, VoidsTablesThatDoNotFit) {
  const TrialRules rules = Rules();
  const TrialData good = Data(rules, {});
  const std::vector<std::function<void(TrialData&)>> spoils = {
      [](TrialData& d) { d.candidate = {}; },
      [](TrialData& d) { d.baseline = {}; },
      [&](TrialData& d) { d.parent = Data(rules, {.episodes = 2999}).parent; },
      [](TrialData& d) { d.fresh_decisions = {}; },
      [](TrialData& d) {
        d.fresh_decisions = {{"a"}, {"a"}};
      },
      [&](TrialData& d) { d = Data(rules, {.episodes = 2999}); },
      [](TrialData& d) { d.fresh_decisions.candidate.pop_back(); },
      [&](TrialData& d) { d.baseline = Table(rules, std::vector<double>(3000, 0), std::vector<double>(3000, 10.5)); },
      [&](TrialData& d) {
        d.candidate = Table(rules, std::vector<double>(3000, std::nan("")), std::vector<double>(3000, 5));
      },
      [&](TrialData& d) {
        TrialRules other = rules;
        other.metrics[1].highest = 20;
        d.parent = Data(other, {}).parent;
      },
  };
  for (const auto& spoil : spoils) {
    TrialData data = good;
    spoil(data);
    const Result<TrialReport> report = AssessTrial(rules, {}, data);
    ASSERT_TRUE(report.ok());
    EXPECT_EQ(report->verdict, TrialVerdict::kVoid);
    EXPECT_TRUE(report->conditions.empty());
    EXPECT_FALSE(report->void_rule.empty());
    EXPECT_TRUE(ReadTrialReport(TrialReportToJson(*report)).ok());
  }
}

TEST(CheckTrialRules, RefusesRulesThatCannotBeTested) {
  ASSERT_TRUE(CheckTrialRules(Rules()).ok());
  const std::vector<std::function<void(TrialRules&)>> spoils = {
      [](TrialRules& r) { r.harms.clear(); },
      [](TrialRules& r) { r.harms.push_back(r.harms[0]); },
      [](TrialRules& r) { r.harms[0].name.clear(); },
      [](TrialRules& r) { r.harms[0].metric = "speed"; },
      [](TrialRules& r) { r.harms[0].limit = 0; },
      [](TrialRules& r) { r.harms[0].limit = 1; },
      [](TrialRules& r) { r.harms[0].limit = std::nan(""); },
      [](TrialRules& r) { r.harms[0].lifetime_error = 0; },
      [](TrialRules& r) { r.improvement->metric = "speed"; },
      [](TrialRules& r) { r.improvement->lifetime_error = 1; },
      [](TrialRules& r) { r.capability->metric = "speed"; },
      [](TrialRules& r) { r.capability->max_step = 0; },
      [](TrialRules& r) { r.capability->max_step = 10; },
      [](TrialRules& r) { r.capability->ceiling = 10; },
      [](TrialRules& r) { r.capability->lifetime_error = std::nan(""); },
      [](TrialRules& r) { r.drift->limit = 1; },
      [](TrialRules& r) { r.drift->lifetime_error = -1; },
      [](TrialRules& r) { r.metrics.clear(); },
      [](TrialRules& r) { r.episodes = 0; },
      [](TrialRules& r) { r.drift->probes = kEpisodesMax + 1; },
  };
  for (const auto& spoil : spoils) {
    TrialRules rules = Rules();
    spoil(rules);
    EXPECT_FALSE(CheckTrialRules(rules).ok());
    EXPECT_FALSE(AssessTrial(rules, {}, Data(Rules(), {.episodes = 10})).ok());
  }
  EXPECT_EQ(AssessTrial(Rules(), {.budget_index = 0}, {}).error().rule, "budget.index");
}

TEST(TrialReport, ReadsBackFromItsCanonicalBytes) {
  const TrialRules rules = Rules();
  for (const Truth& truth : {Truth{}, Truth{.near_miss = 0.05}, Truth{.gain = 0.8}, Truth{.changed = 0.2}}) {
    const TrialTerms terms{.budget_index = 7, .share = {2, 3}};
    const TrialReport report = *AssessTrial(rules, terms, Data(rules, truth));
    const std::string bytes = encoding::CanonicalJson(TrialReportToJson(report));
    const Result<encoding::Json> json = encoding::ParseCanonicalJson(bytes);
    ASSERT_TRUE(json.ok()) << json.error().message;
    const Result<TrialReport> read = ReadTrialReport(*json);
    ASSERT_TRUE(read.ok()) << read.error().message;
    EXPECT_EQ(encoding::CanonicalJson(TrialReportToJson(*read)), bytes);
    EXPECT_EQ(read->verdict, report.verdict);
    EXPECT_TRUE(CheckReportAnswers(*read, rules, terms).ok());
    EXPECT_NEAR(read->harm_error_sum, 1e-3, 1e-15);
  }
}

TEST(TrialReport, ALieIsRefused) {
  const TrialRules rules = Rules();
  const encoding::Json good = TrialReportToJson(*AssessTrial(rules, {}, Data(rules, {.near_miss = 0.05})));
  const std::vector<std::pair<std::function<void(encoding::Json&)>, const char*>> lies = {
      {[](auto& j) { j["verdict"] = "pass"; }, "trial-report.verdict"},
      {[](auto& j) { j["conditions"][0]["status"] = "shown"; }, "trial-report.status"},
      {[](auto& j) { j["conditions"][0]["log_e_value"] = "99"; }, "trial-report.status"},
      {[](auto& j) { j["conditions"][1]["log_e_value_peak"] = "-1"; }, "trial-report.status"},
      {[](auto& j) {
         j["conditions"][1]["alpha"] = "0.9999";
         j["conditions"][1]["status"] = "not-shown";
       },
       "trial-report.status"},
      {[](auto& j) { j["conditions"] = encoding::Json::array(); }, "trial-report.verdict"},
      {[](auto& j) { j["verdict"] = "void"; }, "trial-report.void"},
      {[](auto& j) { j["void_reason"] = "because"; }, "trial-report.void"},
      {[](auto& j) { j["void_reason"] = "a\nb"; }, "trial-report.text"},
      {[](auto& j) { j["required"] = 2; }, "trial-report.terms"},
      {[](auto& j) { j["conditions"][0]["estimate"] = "0.050"; }, nullptr},
      {[](auto& j) { j["conditions"][0]["estimate"] = "nan"; }, nullptr},
      {[](auto& j) { j["conditions"][0]["estimate"] = 1; }, nullptr},
      {[](auto& j) { j["conditions"][0]["observations"] = 0; }, nullptr},
      {[](auto& j) { j["conditions"][0]["kind"] = "luck"; }, nullptr},
      {[](auto& j) { j["conditions"][0]["extra"] = 1; }, nullptr},
      {[](auto& j) { j["extra"] = 1; }, nullptr},
      {[](auto& j) { j.erase("budget_index"); }, nullptr},
      {[](auto& j) { j["budget_index"] = 0; }, nullptr},
      {[](auto& j) { j = encoding::Json::array(); }, nullptr},
  };
  ASSERT_TRUE(ReadTrialReport(good).ok());
  for (std::size_t i = 0; i < lies.size(); ++i) {
    encoding::Json json = good;
    lies[i].first(json);
    const Result<TrialReport> read = ReadTrialReport(json);
    ASSERT_FALSE(read.ok()) << "lie " << i;
    if (lies[i].second != nullptr) {
      EXPECT_EQ(read.error().rule, lies[i].second) << "lie " << i;
    }
  }
}

TEST(CheckReportAnswers, RefusesAReportAboutSomethingElse) {
  const TrialRules rules = Rules();
  const TrialTerms terms{.budget_index = 3};
  const TrialReport report = *AssessTrial(rules, terms, Data(rules, {}));
  ASSERT_TRUE(CheckReportAnswers(report, rules, terms).ok());
  EXPECT_EQ(CheckReportAnswers(report, rules, {.budget_index = 4}).error().rule, "trial-report.terms");
  EXPECT_EQ(CheckReportAnswers(report, rules, {.kind = TrialKind::kFirstRelease, .budget_index = 3}).error().rule,
            "trial-report.terms");
  const std::vector<std::function<void(TrialRules&)>> changes = {
      [](TrialRules& r) { r.harms[0].limit = 0.03; },
      [](TrialRules& r) { r.harms[0].lifetime_error = 1e-4; },
      [](TrialRules& r) {
        r.harms.push_back({"other", "near_miss", 0.5, 1e-3});
      },
      [](TrialRules& r) { r.drift.reset(); },
      [](TrialRules& r) { r.episodes = 4000; },
      [](TrialRules& r) { r.drift->probes = 100; },
      [](TrialRules& r) { r.capability->max_step = 0.3; },
      [](TrialRules& r) { r.improvement->metric = "near_miss"; },
      [](TrialRules& r) { r.metrics[0].direction = Direction::kHigherIsBetter; },
  };
  for (const auto& change : changes) {
    TrialRules other = rules;
    change(other);
    EXPECT_EQ(CheckReportAnswers(report, other, terms).error().rule, "trial-report.conditions");
  }
}

TEST(VerdictOf, NothingAssessedIsNothingShown) { EXPECT_EQ(VerdictOf({}), TrialVerdict::kNotShown); }

}  // namespace
}  // namespace pawl::trial
