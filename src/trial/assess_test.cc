#include "trial/assess.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <functional>
#include <limits>
#include <map>
#include <random>

#include "trial/confidence_sequence.h"
#include "trial/evidence.h"

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
  const auto voids = [&](std::vector<std::vector<std::string>> inputs) {
    TrialData data = good;
    data.probe_inputs = std::move(inputs);
    return AssessTrial(rules, {}, data)->void_rule == "trial.inputs";
  };
  const std::vector<std::string> said(3000, "h 120 ft");
  std::vector<std::string> other = said;
  other.back() = "h 121 ft";
  EXPECT_FALSE(voids({said, said, said}));
  EXPECT_TRUE(voids({said, said, other})) << "the parent was asked something else";
  EXPECT_TRUE(voids({said, {}})) << "said of one tree alone";
  EXPECT_TRUE(voids({{"h 120 ft"}, {"h 120 ft"}})) << "not one a probe";
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
      [](TrialRules& r) { r.drift->energy_limit = 1; },
      [](TrialRules& r) { r.capability->max_growth = 10; },
      [](TrialRules& r) {
        r.groups = {"day", "day"};
      },
      [](TrialRules& r) { r.harms[0].group = "night"; },
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

void SayInputs(encoding::Json& report, const std::vector<std::pair<int, std::string>>& inputs) {
  report["fingerprint"]["changes"][0]["inputs"] = encoding::Json::array();
  for (const auto& [probe, input] : inputs) {
    report["fingerprint"]["changes"][0]["inputs"].push_back({{"input", input}, {"probe", probe}});
  }
}

TEST(TrialReport, TellsWhatTheProbesAsked) {
  const TrialRules rules = Rules();
  TrialData data = Data(rules, {});
  std::vector<std::string> inputs;
  for (int probe = 0; probe < 3000; ++probe) inputs.push_back("probe " + std::to_string(probe));
  data.probe_inputs = {inputs, inputs};
  const Result<TrialReport> read = ReadTrialReport(TrialReportToJson(*AssessTrial(rules, {}, data)));
  ASSERT_TRUE(read.ok()) << read.error().message;
  const DecisionChange& change = read->fingerprint->changes.at(0);
  ASSERT_EQ(change.inputs.size(), kChangedInputsMax);
  EXPECT_EQ(change.inputs[0].probe, change.first_probe);
  for (const ChangedInput& changed : change.inputs) {
    EXPECT_EQ(changed.input, "probe " + std::to_string(changed.probe));
    EXPECT_NE(data.fresh_decisions.candidate[changed.probe], data.fresh_decisions.baseline[changed.probe]);
  }
}

TEST(TrialReport, TellsWhatTheEpisodesWere) {
  const TrialRules rules = Rules();
  TrialData data = Data(rules, {});
  std::vector<std::string> inputs;
  for (std::size_t i = 0; i < data.candidate.episodes(); ++i) inputs.push_back("episode " + std::to_string(i));
  for (EpisodeTable* table : {&data.candidate, &data.parent, &data.baseline}) table->Describe(inputs);
  const TrialReport report = *AssessTrial(rules, {}, data);
  const Result<TrialReport> read = ReadTrialReport(TrialReportToJson(report));
  ASSERT_TRUE(read.ok()) << read.error().message;
  ASSERT_FALSE(read->fingerprint->episodes_changed_most.empty());
  for (const EpisodeChange& change : read->fingerprint->episodes_changed_most) {
    EXPECT_EQ(change.input, "episode " + std::to_string(change.episode));
  }
  ASSERT_TRUE(read->fingerprint->from_parent);
  EXPECT_EQ(read->fingerprint->from_parent->energy_distance, report.fingerprint->from_parent->energy_distance);
  // An episode that is another for another tree compares nothing.
  inputs.back() = "another";
  data.parent.Describe(inputs);
  EXPECT_EQ(AssessTrial(rules, {}, data)->void_rule, "trial.inputs");
  data.parent.Describe({});
  EXPECT_EQ(AssessTrial(rules, {}, data)->void_rule, "trial.inputs");
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
      {[](auto& j) { j["fingerprint"]["extra"] = 1; }, nullptr},
      {[](auto& j) { j["fingerprint"]["p_value"] = 0; }, nullptr},
      {[](auto& j) { j["fingerprint"]["from_parent"]["p_value"] = "0"; }, "trial-report.fingerprint"},
      {[](auto& j) { j["fingerprint"]["from_parent"]["energy_distance"] = "2.1"; }, "trial-report.fingerprint"},
      {[](auto& j) { j["fingerprint"]["from_parent"].erase("p_value"); }, nullptr},
      {[](auto& j) { j["fingerprint"]["from_parent"]["extra"] = "0"; }, nullptr},
      {[](auto& j) { j["fingerprint"]["episodes_changed_most"][0]["input"] = ""; }, "trial-report.fingerprint"},
      {[](auto& j) { j["fingerprint"]["episodes_changed_most"][0]["input"] = "a\tb"; }, "trial-report.fingerprint"},
      {[](auto& j) { j["fingerprint"]["episodes_changed_most"][0]["input"] = std::string(kInputBytesMax + 1, 'h'); },
       nullptr},
      {[](auto& j) { j["fingerprint"]["changed_from_baseline"] = 1'000'000; }, nullptr},
      {[](auto& j) { j["fingerprint"]["changes"][0].erase("to"); }, nullptr},
      {[](auto& j) { j["conditions"].push_back(j["conditions"][0]); }, "trial-report.duplicate"},
      {[](auto& j) { j["fingerprint"]["probes"] = 0; }, "trial-report.fingerprint"},
      {[](auto& j) { j["fingerprint"]["changes"][0]["count"] = 0; }, "trial-report.fingerprint"},
      {[](auto& j) { j["fingerprint"]["changes"][0]["count"] = 3000; }, "trial-report.fingerprint"},
      {[](auto& j) { j["fingerprint"]["changes"][0]["first_probe"] = 3000; }, "trial-report.fingerprint"},
      {[](auto& j) { j["fingerprint"]["changes"][0]["inputs"] = "h 120 ft"; }, nullptr},
      {[](auto& j) {
         j["fingerprint"]["changes"][0]["inputs"] = {{{"input", "h"}}};
       },
       nullptr},
      {[](auto& j) {
         SayInputs(j, {{2, "h"}, {3, "h"}, {4, "h"}, {5, "h"}});
       },
       nullptr},
      {[](auto& j) {
         SayInputs(j, {{2, std::string(kInputBytesMax + 1, 'h')}});
       },
       nullptr},
      {[](auto& j) {
         SayInputs(j, {{2, ""}});
       },
       "trial-report.fingerprint"},
      {[](auto& j) {
         SayInputs(j, {{2, "a\tb"}});
       },
       "trial-report.fingerprint"},
      {[](auto& j) {
         SayInputs(j, {{2, "\u00e4"}});
       },
       "trial-report.fingerprint"},
      {[](auto& j) {
         SayInputs(j, {{5, "h"}, {5, "h"}});
       },
       "trial-report.fingerprint"},
      {[](auto& j) {
         SayInputs(j, {{3000, "h"}});
       },
       "trial-report.fingerprint"},
      {[](auto& j) {
         j["fingerprint"]["changes"][0]["first_probe"] = 3;
         SayInputs(j, {{2, "h"}});
       },
       "trial-report.fingerprint"},
      {[](auto& j) {
         j["fingerprint"]["changes"][0]["count"] = 1;
         SayInputs(j, {{5, "h"}, {6, "h"}});
       },
       "trial-report.fingerprint"},
      {[](auto& j) { j["fingerprint"]["p_value"] = "0"; }, "trial-report.fingerprint"},
      {[](auto& j) { j["fingerprint"]["p_value"] = "1.5"; }, "trial-report.fingerprint"},
      {[](auto& j) { j["fingerprint"]["energy_distance"] = "1e+300"; }, "trial-report.fingerprint"},
      {[](auto& j) { j["fingerprint"]["episodes_changed_most"][0]["distance"] = "-1"; }, "trial-report.fingerprint"},
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
      // A report at half of the evidence that is asked for, and at more than that.
      [](TrialRules& r) { r.improvement->lifetime_error *= 0.6; },
      [](TrialRules& r) { r.capability->lifetime_error *= 0.6; },
      [](TrialRules& r) { r.drift->lifetime_error *= 0.6; },
      [](TrialRules& r) { r.drift->lifetime_error *= 1.5; },
      [](TrialRules& r) { r.capability->max_step = 0.3; },
      [](TrialRules& r) { r.improvement->metric = "near_miss"; },
      [](TrialRules& r) { r.metrics[0].direction = Direction::kHigherIsBetter; },
  };
  for (const auto& change : changes) {
    TrialRules other = rules;
    change(other);
    EXPECT_EQ(CheckReportAnswers(report, other, terms).error().rule, "trial-report.conditions");
  }
  TrialReport fewer = report;
  fewer.fingerprint->probes -= 1;
  EXPECT_EQ(CheckReportAnswers(fewer, rules, terms).error().rule, "trial-report.conditions") << "of its fingerprint";
}

// A mean lies where its observations do: else one evaluator flattens every picture.
TEST(CheckReportAnswers, RefusesWhatNoMeanCanBe) {
  const TrialRules rules = Rules();
  const TrialReport report = *AssessTrial(rules, {}, Data(rules, {}));
  ASSERT_TRUE(CheckReportAnswers(report, rules, {}).ok());
  for (const double far : {1.7e308, -1.7e308, 10.5, -10.5, std::numeric_limits<double>::infinity(), std::nan("")}) {
    for (std::size_t i = 0; i < report.conditions.size(); ++i) {
      for (double ConditionReport::*number :
           {&ConditionReport::estimate, &ConditionReport::lower, &ConditionReport::upper}) {
        TrialReport other = report;
        other.conditions[i].*number = far;
        const Result<void> answers = CheckReportAnswers(other, rules, {});
        ASSERT_FALSE(answers.ok()) << other.conditions[i].name << " " << far;
        EXPECT_EQ(answers.error().rule, "trial-report.range");
      }
    }
    TrialReport other = report;
    other.gain_over_baseline->upper = far;
    EXPECT_EQ(CheckReportAnswers(other, rules, {}).error().rule, "trial-report.range");
  }
}

// ---- groups: a gain for most must not hide harm to a few

// 3,000 episodes of which every tenth is of group "night", with so many near misses among them.
TrialData ByGroup(const TrialRules& rules, double night_rate) {
  TrialData data = Data(rules, {});
  std::mt19937_64 random(5);
  std::uniform_real_distribution<double> uniform(0, 1);
  const std::size_t n = rules.episodes;
  std::vector<std::uint8_t> groups(n);
  std::vector<double> values(2 * n);
  for (std::size_t i = 0; i < n; ++i) {
    groups[i] = i % 10 == 0 ? 1 : 0;
    values[i] = groups[i] == 1 && uniform(random) < night_rate ? 1 : 0;
    values[n + i] = data.candidate.column(1)[i];
  }
  const auto with_groups = [&](const EpisodeTable& table) {
    std::vector<double> all(table.column(0).begin(), table.column(0).end());
    all.insert(all.end(), table.column(1).begin(), table.column(1).end());
    return EpisodeTable(rules.metrics, n, all, groups);
  };
  data.candidate = EpisodeTable(rules.metrics, n, values, groups);
  data.parent = with_groups(data.parent);
  data.baseline = with_groups(data.baseline);
  return data;
}

TEST(Groups, AGainForMostDoesNotHideHarmToAFew) {
  TrialRules rules = Rules();
  rules.groups = {"day", "night"};
  EXPECT_EQ(AssessTrial(rules, {}, ByGroup(rules, 0.08))->verdict, TrialVerdict::kPass) << "0.8 % over all";
  rules.harms.push_back({"at night", "near_miss", 0.06, 1e-3, "night"});
  const TrialReport harmful = *AssessTrial(rules, {}, ByGroup(rules, 0.25));
  EXPECT_EQ(harmful.verdict, TrialVerdict::kHarm);
  EXPECT_EQ(harmful.conditions[1].status, ConditionStatus::kExceeded);
  EXPECT_EQ(harmful.conditions[1].observations, 300U);
  EXPECT_NEAR(harmful.conditions[1].estimate, 0.25, 0.08);
  const TrialReport harmless = *AssessTrial(rules, {}, ByGroup(rules, 0));
  EXPECT_EQ(harmless.verdict, TrialVerdict::kPass);
  EXPECT_TRUE(CheckReportAnswers(harmless, rules, {}).ok());
  EXPECT_TRUE(ReadTrialReport(TrialReportToJson(harmless)).ok());
}

// Bets about a group are tuned to a number that follows from the first look alone, so that bounds only narrow.
TEST(Groups, BoundsOnlyNarrowFromLookToLook) {
  TrialRules rules = Rules();
  rules.groups = {"day", "night"};
  rules.harms = {{"at night", "near_miss", 0.3, 1e-3, "night"}};
  rules.improvement.reset();
  rules.capability.reset();
  rules.drift.reset();
  std::mt19937_64 random(9);
  std::uniform_real_distribution<double> uniform(0, 1);
  std::vector<double> near_miss(rules.episodes);
  std::vector<std::uint8_t> groups(rules.episodes);
  for (std::size_t i = 0; i < rules.episodes; ++i) {
    groups[i] = uniform(random) < (i < 750 ? 0.1 : 0.4) ? 1 : 0;
    near_miss[i] = uniform(random) < 0.1 ? 1 : 0;
  }
  double lower = 0, upper = 1;
  for (const std::uint64_t look : TrialLooks(rules.episodes)) {
    std::vector<double> values(near_miss.begin(), near_miss.begin() + static_cast<std::ptrdiff_t>(look));
    values.resize(2 * look, 5);
    const std::vector<std::uint8_t> so_far(groups.begin(), groups.begin() + static_cast<std::ptrdiff_t>(look));
    TrialData data;
    data.candidate = EpisodeTable(rules.metrics, look, values, so_far);
    data.parent = data.candidate;
    data.baseline = data.candidate;
    const TrialReport report = *AssessTrial(rules, {}, data);
    ASSERT_EQ(report.conditions.size(), 1U);
    EXPECT_GE(report.conditions[0].lower, lower);
    EXPECT_LE(report.conditions[0].upper, upper);
    lower = report.conditions[0].lower;
    upper = report.conditions[0].upper;
  }
  EXPECT_LT(upper, 0.3);
}

TEST(Groups, VoidWhereTheyDoNotFit) {
  TrialRules rules = Rules();
  const TrialData without = Data(rules, {});
  rules.groups = {"day", "night", "fog"};
  rules.harms.push_back({"at night", "near_miss", 0.06, 1e-3, "night"});
  EXPECT_EQ(AssessTrial(rules, {}, without)->void_rule, "trial.groups");
  TrialData data = ByGroup(rules, 0);
  std::vector<double> all(data.candidate.column(0).begin(), data.candidate.column(0).end());
  all.insert(all.end(), data.candidate.column(1).begin(), data.candidate.column(1).end());
  std::vector<std::uint8_t> moved(data.candidate.groups().begin(), data.candidate.groups().end());
  moved[0] = 0;  // one hard episode is called an easy one
  data.candidate = EpisodeTable(rules.metrics, rules.episodes, all, moved);
  EXPECT_EQ(AssessTrial(rules, {}, data)->void_rule, "trial.groups");
  rules.harms.back().group = "fog";  // never drawn
  EXPECT_EQ(AssessTrial(rules, {}, ByGroup(rules, 0))->void_rule, "trial.groups");
  rules.harms.back().group = "snow";
  EXPECT_FALSE(CheckTrialRules(rules).ok());
}

// ---- growth within the window

TEST(Growth, ManySmallStepsAreMeasuredFromTheStartOfTheWindow) {
  TrialRules rules = Rules();
  rules.capability->max_growth = 0.7;
  TrialData data = Data(rules, {});
  EXPECT_EQ(AssessTrial(rules, {}, data)->verdict, TrialVerdict::kVoid) << "what was live then has to be run";
  data.window = {data.parent};
  EXPECT_EQ(AssessTrial(rules, {}, data)->verdict, TrialVerdict::kPass);
  data.window = {Data(rules, {.parent_score = 4}).parent, data.parent};  // the parent had gained 1 already
  const TrialReport report = *AssessTrial(rules, {}, data);
  EXPECT_EQ(report.verdict, TrialVerdict::kGrowthTooLarge);
  EXPECT_TRUE(IsOutsideCharter(report.verdict));
  EXPECT_NEAR(Condition(report, ConditionKind::kGrowth).estimate, 1.2, 0.1);
  EXPECT_EQ(Condition(report, ConditionKind::kStep).status, ConditionStatus::kShown);
  EXPECT_TRUE(ReadTrialReport(TrialReportToJson(report)).ok());
  rules.capability->max_growth = 0.3;  // below one step
  EXPECT_FALSE(CheckTrialRules(rules).ok());
}

TEST(Growth, GoingDownAndUpAgainHidesNothing) {
  TrialRules rules = Rules();
  rules.capability->max_growth = 0.7;
  TrialData data = Data(rules, {});
  const EpisodeTable peak = data.parent;  // live at the start, and again now
  const EpisodeTable valley = Data(rules, {.parent_score = 4}).parent;
  data.window = {peak};
  EXPECT_EQ(AssessTrial(rules, {}, data)->verdict, TrialVerdict::kPass);
  for (const std::vector<EpisodeTable>& window :
       {std::vector{peak, valley}, std::vector{valley, peak}, std::vector{peak, valley, peak}}) {
    data.window = window;
    const TrialReport report = *AssessTrial(rules, {}, data);
    EXPECT_EQ(report.verdict, TrialVerdict::kGrowthTooLarge);
    EXPECT_NEAR(Condition(report, ConditionKind::kGrowth).estimate, 1.2, 0.1);
    EXPECT_EQ(Condition(report, ConditionKind::kGrowth).log_e_value_peak, 0);
    EXPECT_TRUE(ReadTrialReport(TrialReportToJson(report)).ok());
  }
}

// ---- drift of outcomes

TEST(EnergyDrift, SeesWhatDecisionsDoNotShow) {
  TrialRules rules = Rules();
  rules.capability.reset();
  rules.improvement.reset();
  rules.drift->energy_limit = 0.05;
  TrialData data = Data(rules, {.changed = 0});
  const TrialReport near = *AssessTrial(rules, {}, data);
  EXPECT_EQ(near.verdict, TrialVerdict::kPass);
  EXPECT_EQ(near.conditions.back().name, "drift-energy");
  EXPECT_EQ(near.conditions.back().observations, 1500U);
  EXPECT_TRUE(CheckReportAnswers(near, rules, {}).ok());
  data.candidate = Data(rules, {.parent_score = 9}).candidate;
  EXPECT_EQ(AssessTrial(rules, {}, data)->verdict, TrialVerdict::kDrifted);
}

// ---- optional stopping

TEST(OptionalStopping, LooksAreAQuarterAHalfAndTheEnd) {
  EXPECT_EQ(TrialLooks(4000), (std::vector<std::uint64_t>{1000, 2000, 4000}));
  EXPECT_EQ(TrialLooks(100), std::vector<std::uint64_t>{100});
}

TEST(OptionalStopping, AReportMayStopWhereEverythingIsAnsweredAndNowhereElse) {
  TrialRules rules = Rules();
  const Truth early{.near_miss = 0, .episodes = 1500};
  TrialRules planned = rules;
  planned.drift->probes = 1500;  // of Data()
  const TrialReport passed = *AssessTrial(planned, {}, Data(planned, early));
  ASSERT_EQ(passed.verdict, TrialVerdict::kPass);
  EXPECT_EQ(passed.conditions[0].observations, 1500U);
  EXPECT_TRUE(CheckReportAnswers(passed, planned, {}).ok());
  const TrialReport open = *AssessTrial(planned, {}, Data(planned, {.gain = 0, .episodes = 1500}));
  ASSERT_EQ(open.verdict, TrialVerdict::kNotShown);
  EXPECT_EQ(CheckReportAnswers(open, planned, {}).error().rule, "trial-report.stopped");
  EXPECT_EQ(AssessTrial(planned, {}, Data(planned, {.episodes = 1400}))->verdict, TrialVerdict::kVoid);
  TrialReport mixed = passed;
  mixed.conditions[0].observations = 750;
  EXPECT_EQ(CheckReportAnswers(mixed, planned, {}).error().rule, "trial-report.conditions");
}

// The bets, and so what was shown by then, do not depend on when one looks.
TEST(OptionalStopping, WhatAnEarlyLookShowsALaterOneShowsToo) {
  std::mt19937_64 random(3);
  std::uniform_real_distribution<double> uniform(0, 1);
  std::vector<double> values(2000);
  for (double& x : values) x = 0.1 * uniform(random);
  double before = 1;
  for (const std::size_t look : {500, 1000, 2000}) {
    const double upper = BettingUpperBound(std::span(values).first(look), 1e-3, 2000);
    EXPECT_LE(upper, before);
    before = upper;
  }
}

// ---- what every look through AssessTrial has to keep, for random rules and data

// Two metrics, two groups and every kind of condition, with limits on either side of what is true of the data.
struct RandomTrial {
  TrialRules rules;
  std::vector<double> candidate, parent, grandparent;  // column by column
  std::vector<std::uint8_t> groups;
  DecisionPairs decisions;

  explicit RandomTrial(std::mt19937_64& random) {
    std::uniform_real_distribution<double> uniform(0, 1);
    const auto u = [&] { return uniform(random); };
    const bool lower = u() < 0.5;
    const double from = u() < 0.5 ? 0 : -5, width = u() < 0.5 ? 1 : 20;
    rules.metrics = {{"harm", 0, 1, Direction::kLowerIsBetter},
                     {"score", from, from + width, lower ? Direction::kLowerIsBetter : Direction::kHigherIsBetter}};
    rules.groups = {"day", "night"};
    rules.episodes = 400 + 4 * static_cast<std::uint64_t>(u() * 100);
    rules.harms = {{"harm", "harm", 0.05 + 0.4 * u(), 0.01 + 0.3 * u()},
                   {"at night", "harm", 0.1 + 0.4 * u(), 0.2, "night"}};
    rules.improvement = ImprovementCondition{"score", 0.2};
    const double step = width * (0.02 + 0.1 * u());
    const double good = 0.42 + 0.2 * u(), ceiling = lower ? 1 - good : good;
    rules.capability = CapabilityCondition{"score", step, from + width * ceiling, 0.2, step * (1 + u())};
    rules.drift = DriftCondition{.limit = 0.05 + 0.3 * u(),
                                 .lifetime_error = 0.2,
                                 .probes = 100 + static_cast<std::uint64_t>(u() * 300),
                                 .energy_limit = 0.05 + 0.5 * u()};
    const double gain = step / width * (2 * u() - 0.3), spread = 0.3 * u(), rate = 0.4 * u();
    const double changed = rules.drift->limit * 1.5 * u();
    const auto scored = [&](double goodness) { return from + width * (lower ? 1 - goodness : goodness); };
    const std::size_t n = rules.episodes;
    candidate.resize(2 * n);
    parent.assign(2 * n, 0);
    grandparent.assign(2 * n, 0);
    const double earlier = 0.05 * (u() - 0.5);
    for (std::size_t i = 0; i < n; ++i) {
      groups.push_back(u() < (i < n / 4 ? 0.1 : 0.3) ? 1 : 0);
      candidate[i] = u() < rate ? 1 : 0;
      const double before = 0.3 + 0.2 * u();
      parent[n + i] = scored(before);
      grandparent[n + i] = scored(before + earlier + 0.2 * (u() - 0.5));
      candidate[n + i] = scored(std::clamp(before + gain + spread * (u() - 0.5), 0.0, 1.0));
    }
    for (std::size_t i = 0; i < rules.drift->probes; ++i) {
      decisions.baseline.emplace_back("a");
      decisions.candidate.emplace_back(u() < changed ? "b" : "a");
    }
  }

  EpisodeTable First(const std::vector<double>& columns, std::size_t episodes) const {
    const auto at = [&](std::size_t i) { return columns.begin() + static_cast<std::ptrdiff_t>(i); };
    std::vector<double> values(at(0), at(episodes));
    values.insert(values.end(), at(rules.episodes), at(rules.episodes + episodes));
    return EpisodeTable(rules.metrics, episodes, values,
                        {groups.begin(), groups.begin() + static_cast<std::ptrdiff_t>(episodes)});
  }

  TrialReport At(std::uint64_t look) const {
    TrialData data;
    data.candidate = First(candidate, look);
    data.parent = First(parent, look);
    data.baseline = data.parent;
    data.window = {First(grandparent, look), data.parent};
    data.fresh_decisions = decisions;
    return *AssessTrial(rules, {}, data);
  }
};

// The reports of each trial, look by look.
const std::vector<std::vector<TrialReport>>& ManyTrials() {
  static const std::vector<std::vector<TrialReport>> trials = [] {
    std::mt19937_64 random(4);
    constexpr int kTrials = 150;
    std::vector<std::vector<TrialReport>> made(kTrials);
    for (std::vector<TrialReport>& reports : made) {
      const RandomTrial one(random);
      for (const std::uint64_t look : TrialLooks(one.rules.episodes)) reports.push_back(one.At(look));
    }
    return made;
  }();
  return trials;
}

bool IsByUpperBound(const ConditionReport& condition) {
  return condition.kind != ConditionKind::kHarm && condition.kind != ConditionKind::kImprovement;
}

// For every condition but harm and improvement "shown" and "the bound is within the limit" are one event (assess.h). A
// limit that is tested elsewhere than where the charter has it, or bets that depend on the look, part them.
TEST(EveryLook, ShowsExactlyWhereTheBoundIsWithinTheLimit) {
  std::map<std::string, std::array<int, 2>> seen;  // by name: not enough, enough
  for (const std::vector<TrialReport>& looks : ManyTrials()) {
    for (const TrialReport& report : looks) {
      ASSERT_NE(report.verdict, TrialVerdict::kVoid) << report.void_reason;
      for (const ConditionReport& condition : report.conditions) {
        if (!IsByUpperBound(condition)) continue;
        const bool enough = IsEnough(condition.log_e_value_peak, condition.alpha);
        const bool within = condition.bad_side == Side::kAbove ? condition.upper <= condition.limit
                                                               : condition.lower >= condition.limit;
        EXPECT_EQ(enough, within) << condition.name << " in [" << condition.lower << ", " << condition.upper
                                  << "], limit " << condition.limit << ", after " << condition.observations;
        EXPECT_TRUE(within || condition.status != ConditionStatus::kShown) << condition.name;
        ++seen[condition.name][enough ? 1 : 0];
      }
    }
  }
  for (const char* name : {"step", "growth", "ceiling", "drift-fresh", "drift-energy"}) {
    EXPECT_GE(seen[name][0], 20) << name << ": both answers have to occur";
    EXPECT_GE(seen[name][1], 20) << name;
  }
}

// Three looks at alpha each would spend three times alpha, were the bets of a later look others than those of an
// earlier one: what was reached by then would not be part of what is reached later.
TEST(EveryLook, KeepsWhatEarlierLooksReached) {
  int rose = 0;
  for (const std::vector<TrialReport>& looks : ManyTrials()) {
    ASSERT_EQ(looks.size(), 3U);
    for (std::size_t look = 1; look < looks.size(); ++look) {
      ASSERT_EQ(looks[look].conditions.size(), looks[0].conditions.size());
      for (std::size_t i = 0; i < looks[look].conditions.size(); ++i) {
        const ConditionReport& condition = looks[look].conditions[i];
        const double before = looks[look - 1].conditions[i].log_e_value_peak;
        EXPECT_GE(condition.log_e_value_peak, before - 1e-9) << condition.name << ", after " << condition.observations;
        rose += condition.log_e_value_peak > before ? 1 : 0;
        EXPECT_LE(condition.upper, looks[look - 1].conditions[i].upper + 1e-7) << condition.name;
        EXPECT_GE(condition.lower, looks[look - 1].conditions[i].lower - 1e-7) << condition.name;
      }
    }
  }
  EXPECT_GE(rose, 500);
}

// ---- a mean that changes during the trial, after the peak of an e-value has "shown" it

// 4,000 episodes of which all but the first so many have a near miss.
TrialData TurnsBadAfter(const TrialRules& rules, std::size_t harmless) {
  const std::size_t n = rules.episodes;
  std::vector<double> near_miss(n, 0);
  std::fill(near_miss.begin() + static_cast<std::ptrdiff_t>(harmless), near_miss.end(), 1);
  TrialData data;
  data.candidate = Table(rules, near_miss, std::vector<double>(n, 5));
  data.parent = Table(rules, std::vector<double>(n, 0), std::vector<double>(n, 5));
  data.baseline = data.parent;
  return data;
}

TEST(ChangingMean, HarmThatBeginsLateIsHarm) {
  TrialRules rules = Rules();
  rules.harms[0].limit = 0.01;
  rules.improvement.reset();
  rules.capability.reset();
  rules.drift.reset();
  rules.episodes = 4000;
  for (const std::size_t harmless : {3000, 3600}) {
    const TrialReport report = *AssessTrial(rules, {}, TurnsBadAfter(rules, harmless));
    EXPECT_EQ(report.verdict, TrialVerdict::kHarm);
    EXPECT_GT(report.conditions[0].lower, report.conditions[0].limit);
    EXPECT_NE(EvidenceShare(report.conditions[0]), 1'000'000) << "nor do several show it together";
    EXPECT_TRUE(ReadTrialReport(TrialReportToJson(report)).ok()) << "bounds that cross are no lie";
  }
}

TEST(ChangingMean, NothingIsShownAgainstTheMeanThatWasSeen) {
  ConditionReport late;
  late.limit = 0.1;
  late.alpha = 1e-3;
  late.estimate = 0.2;
  late.lower = 0.05;
  late.upper = 0.09;
  late.log_e_value = 8;
  late.log_e_value_peak = 40;
  EXPECT_EQ(StatusOf(late), ConditionStatus::kNotShown);
  EXPECT_LE(EvidenceShare(late), 0);
  ConditionReport mirrored = late;
  mirrored.bad_side = Side::kBelow;
  mirrored.estimate = 0.02;
  mirrored.lower = 0.11;
  mirrored.upper = 0.12;
  EXPECT_EQ(StatusOf(mirrored), ConditionStatus::kNotShown);
  mirrored.estimate = 0.2;
  EXPECT_EQ(StatusOf(mirrored), ConditionStatus::kShown);
}

// ---- fixed probes: everybody knows them and their order

TrialReport OnFixedProbes(std::size_t probes, std::size_t unchanged_in_front) {
  TrialRules rules = Rules();
  rules.drift->limit = 0.2;
  rules.drift->has_fixed_probes = true;
  TrialData data = Data(rules, {});
  data.fixed_decisions.baseline.assign(probes, "a");
  data.fixed_decisions.candidate.assign(probes, "b");
  std::fill_n(data.fixed_decisions.candidate.begin(), unchanged_in_front, "a");
  return *AssessTrial(rules, {}, data);
}

TEST(FixedProbes, TheirOrderShowsNothing) {
  const TrialReport report = OnFixedProbes(4000, 100);
  EXPECT_EQ(report.verdict, TrialVerdict::kDrifted);
  EXPECT_TRUE(ReadTrialReport(TrialReportToJson(report)).ok());
  EXPECT_EQ(OnFixedProbes(1000, 300).verdict, TrialVerdict::kDrifted);
  TrialRules rules = Rules();
  rules.drift->has_fixed_probes = true;
  TrialData data = Data(rules, {});
  for (std::size_t i = 0; i < 1000; ++i) {
    data.fixed_decisions.baseline.emplace_back("a");
    data.fixed_decisions.candidate.emplace_back(i % 25 == 0 ? "b" : "a");
  }
  const TrialReport spread = *AssessTrial(rules, {}, data);
  std::sort(data.fixed_decisions.candidate.begin(), data.fixed_decisions.candidate.end());
  const TrialReport sorted = *AssessTrial(rules, {}, data);
  EXPECT_EQ(spread.verdict, TrialVerdict::kPass);
  EXPECT_EQ(sorted.conditions.back().log_e_value_peak, spread.conditions.back().log_e_value_peak);
}

TEST(FixedProbes, TheirShareIsKnownAndNeedsOnlyEnoughOfThem) {
  const ConditionReport above = OnFixedProbes(1000, 799).conditions.back();
  EXPECT_EQ(above.status, ConditionStatus::kExceeded) << "one more than a fifth";
  EXPECT_EQ(above.lower, above.estimate);
  EXPECT_EQ(OnFixedProbes(1000, 800).conditions.back().status, ConditionStatus::kNotShown) << "no margin at all";
  EXPECT_EQ(OnFixedProbes(1000, 900).conditions.back().status, ConditionStatus::kShown);
  EXPECT_EQ(OnFixedProbes(1000, 1000).conditions.back().status, ConditionStatus::kShown);
  EXPECT_EQ(OnFixedProbes(10, 10).conditions.back().status, ConditionStatus::kNotShown) << "too few";
  const ConditionReport few = OnFixedProbes(10, 10).conditions.back();
  EXPECT_GT(few.upper, few.limit);
  EXPECT_EQ(EvidenceShare(few), 0) << "every evaluator asks the same probes: their evidence does not add up";
  const ConditionReport enough = OnFixedProbes(1000, 900).conditions.back();
  EXPECT_LE(enough.upper, enough.limit);
  EXPECT_EQ(EvidenceShare(enough), 1'000'000);
}

// ---- what a hostile proposer or evaluator may try

TEST(Attacks, AnEvaluatorThatReturnsConstantsShowsNoImprovement) {
  TrialRules rules = Rules();
  TrialData data = Data(rules, {});
  data.candidate = Table(rules, std::vector<double>(3000, 0), std::vector<double>(3000, 5));
  data.parent = data.candidate;
  data.baseline = data.candidate;
  EXPECT_EQ(AssessTrial(rules, {}, data)->verdict, TrialVerdict::kNotShown);
}

// Every episode ended at once with the worst values, as the protocol writes what cannot be finished.
TEST(Attacks, EndingEpisodesEarlyIsHarm) {
  TrialRules rules = Rules();
  TrialData data = Data(rules, {});
  data.candidate = Table(rules, std::vector<double>(3000, 1), std::vector<double>(3000, 0));
  EXPECT_EQ(AssessTrial(rules, {}, data)->verdict, TrialVerdict::kHarm);
}

TEST(Attacks, ADegradationOnRareScenariosIsSeenInTheirGroup) {
  TrialRules rules = Rules();
  rules.groups = {"common", "rare"};
  rules.harms = {{"all", "near_miss", 0.02, 1e-3}, {"rare", "near_miss", 0.1, 1e-3, "rare"}};
  TrialData data = ByGroup(rules, 0.3);
  EXPECT_NEAR(AssessTrial(rules, {}, data)->conditions[0].estimate, 0.03, 0.01);
  EXPECT_EQ(AssessTrial(rules, {}, data)->verdict, TrialVerdict::kHarm);
}

TEST(VerdictOf, NothingAssessedIsNothingShown) { EXPECT_EQ(VerdictOf({}), TrialVerdict::kNotShown); }

}  // namespace
}  // namespace pawl::trial
