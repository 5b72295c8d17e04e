#include "authoring/charter_outlook.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <set>
#include <tuple>

#include "authoring/best_case.h"
#include "authoring/charter_check.h"
#include "charter/testing.h"
#include "charter/untried_for_test.h"
#include "oversight/charter_trial.h"

namespace pawl::authoring {
namespace {

Plan PlanOf(const charter::TestCharter& test, const PlanOptions& options = {}) {
  const Result<charter::CharterFiles> files = test.ReadFiles();
  EXPECT_TRUE(files.ok()) << (files.ok() ? "" : files.error().message);
  Result<Plan> plan = MakePlan(files->charter, *SizeOfTrial(*files), options);
  EXPECT_TRUE(plan.ok()) << (plan.ok() ? "" : plan.error().message);
  return plan.ok() ? *plan : Plan();
}
const PlanLine& Line(const Plan& plan, const std::string& begins) {
  for (const PlanLine& line : plan.lines) {
    if (line.what.starts_with(begins)) return line;
  }
  static const PlanLine none;
  ADD_FAILURE() << "no line '" << begins << "'";
  return none;
}
bool Warns(const Plan& plan, const std::string& words) {
  for (const std::string& warning : plan.warnings) {
    if (warning.find(words) != std::string::npos) return true;
  }
  return false;
}

TEST(CharterPlan, HasALineForEveryConditionOfTheCharter) {
  charter::TestCharter test;
  test.Replace("max_step = 0.02", "max_step = 0.02\nmax_growth = 0.05")
      .Replace("[bounds.drift]", "[bounds.drift]\nenergy_limit = 0.1");
  const Plan plan = PlanOf(test);
  EXPECT_EQ(plan.lines.size(), 8U);
  for (const char* what : {"harm 'near_miss' at 30 %", "improvement, a gain of 0.01", "step at most 0.02",
                           "growth at most 0.05", "ceiling, a mean of 0.91", "drift of 50 % of its limit, in probes",
                           "drift of 50 % of its limit, in fixed probes", "energy distance at 50 %"}) {
    const PlanLine& line = Line(plan, what);
    EXPECT_EQ(line.outlooks.size(), 3U);
    EXPECT_GT(line.outlooks[0].chance, 0.5) << what;
    EXPECT_TRUE(line.carried) << what;
  }
  EXPECT_LT(Line(PlanOf(test, {.level = 0.9499}), "ceiling").outlooks[0].chance, 0.2);
}

// Every trial asks for a margin on the fixed probes too: with five of them nothing could ever be accepted.
TEST(CharterPlan, WarnsOfTooFewFixedProbes) {
  charter::TestCharter test;
  EXPECT_FALSE(Warns(PlanOf(test), "fixed probes"));
  test.files["probes.bin"] = charter::TestProbes(5);
  const Plan plan = PlanOf(test);
  EXPECT_TRUE(Warns(plan, "drift on the fixed probes with no decision changed can never be shown at all with 5 fixed"));
  EXPECT_TRUE(Warns(plan, "may miss a limit with probability up to 1:"));
  const PlanLine& line = Line(plan, "drift of 50 % of its limit, in fixed probes");
  EXPECT_EQ(line.outlooks[0].chance, 0);
  EXPECT_EQ(line.carried, 0U);
}

// Each lifetime error of the charter has a line, whatever its metric.
TEST(BestCases, HaveEveryConditionOfATrial) {
  charter::TestCharter test;
  test.Replace("max_step = 0.02", "max_step = 0.02\nmax_growth = 0.05")
      .Replace("[bounds.drift]", "[bounds.drift]\nenergy_limit = 0.1")
      .Replace("[[evaluation.metric]]\nname = \"score\"",
               "[[evaluation.metric]]\nname = \"reward\"\nbetter = \"higher\"\nmax = 100\n\n[[evaluation.metric]]\n"
               "name = \"score\"")
      .Replace("[bounds.improvement]\nmetric = \"score\"", "[bounds.improvement]\nmetric = \"reward\"");
  const charter::CharterFiles files = *test.ReadFiles();
  const std::vector<BestCase> cases = *BestCases(files.charter, *SizeOfTrial(files));
  const std::vector<trial::PlannedCondition> planned =
      trial::PlannedConditions(*oversight::MakeTrialRules(files.charter), trial::TrialKind::kStep);
  ASSERT_EQ(cases.size(), planned.size());
  std::multiset<double> errors, of_conditions;
  for (const BestCase& best : cases) errors.insert(best.lifetime_error);
  for (const trial::PlannedCondition& condition : planned) of_conditions.insert(condition.lifetime_error);
  EXPECT_EQ(errors, of_conditions);
  const auto improvement =
      std::find_if(cases.begin(), cases.end(), [](const BestCase& best) { return best.name == "improvement"; });
  ASSERT_NE(improvement, cases.end());
  EXPECT_LT(improvement->needed(1e-3), 50U) << "the whole range, again and again";
}

TEST(GroupShares, AreReadAndFitTheCharter) {
  charter::TestCharter test;
  test.Replace("closure = [\"/usr/bin/python3\"]", "closure = [\"/usr/bin/python3\"]\ngroups = [\"day\", \"night\"]")
      .Replace("metric = \"near_miss\"\nlimit = 0.01", "metric = \"near_miss\"\ngroup = \"night\"\nlimit = 0.1");
  const charter::Charter charter = *test.Read();
  const Result<GroupShares> shares = ParseGroupShares({"night=0.01"});
  ASSERT_TRUE(shares.ok());
  EXPECT_TRUE(CheckGroupShares(charter, *shares).ok());
  EXPECT_DOUBLE_EQ(ShareOfGroup(charter, *shares, "day"), 0.99);
  EXPECT_DOUBLE_EQ(ShareOfGroup(charter, {}, "day"), 0.5);
  const double equal = static_cast<double>(BestCases(charter, {.episodes = 4000})->front().needed(1e-3));
  const double rare = static_cast<double>(BestCases(charter, {.episodes = 4000}, *shares)->front().needed(1e-3));
  EXPECT_NEAR(rare, 50 * equal, 100);
  for (const char* word : {"night", "night=", "night=0", "night=1.1", "night=x", "night=0.1x", "night=nan"}) {
    EXPECT_EQ(ParseGroupShares({word}).error().rule, "plan.question") << word;
  }
  EXPECT_EQ(CheckGroupShares(charter, {{"fog", 0.1}}).error().rule, "plan.question");
  EXPECT_EQ(CheckGroupShares(charter, {{"day", 0.6}, {"night", 0.6}}).error().code, ErrorCode::kUsage);
}

// Whatever the shares are, what one group gets another has not.
TEST(Feasibility, WarnsOfGroupsThatNeedMoreEpisodesThanThereAre) {
  const auto feasibility = [](const char* limit, const GroupShares& shares = {}) {
    charter::TestCharter test;
    test.Replace("closure = [\"/usr/bin/python3\"]", "closure = [\"/usr/bin/python3\"]\ngroups = [\"day\", \"night\"]")
        .Replace("[bounds.harm]\nmetric = \"near_miss\"\nlimit = 0.01",
                 std::string("[[bounds.harm]]\nmetric = \"near_miss\"\ngroup = \"night\"\nlimit = ") + limit +
                     "\n\n[[bounds.harm]]\nmetric = \"near_miss\"\ngroup = \"day\"\nlimit = " + limit);
    const Result<charter::CharterFiles> files = test.ReadFiles();
    EXPECT_TRUE(files.ok()) << (files.ok() ? "" : files.error().message);
    return *CheckFeasibility(files->charter, *SizeOfTrial(*files), shares);
  };
  const auto warns = [](const Feasibility& found, const std::string& words) {
    return std::any_of(found.warnings.begin(), found.warnings.end(),
                       [&](const std::string& warning) { return warning.find(words) != std::string::npos; });
  };
  EXPECT_FALSE(warns(feasibility("0.1"), "by group can never be shown together"));
  EXPECT_FALSE(warns(feasibility("0.1"), "can never be shown at all"));
  EXPECT_TRUE(warns(feasibility("0.003"), "the limits by group can never be shown together"));
  EXPECT_NE(feasibility("0.1").lines[0].find("of which 0.5 are taken to be of 'night'; 0.0"), std::string::npos)
      << feasibility("0.1").lines[0];
  const Feasibility rare = feasibility("0.1", {{"night", 0.001}});
  EXPECT_TRUE(warns(rare, "with 4000 episodes, of which 0.001 are taken to be of 'night'"));
  EXPECT_FALSE(warns(rare, "by group can never be shown together")) << "other shares would do";
}

TEST(GroupShares, AreThoseThatATrialSaw) {
  charter::TestCharter test;
  test.Replace("closure = [\"/usr/bin/python3\"]", "closure = [\"/usr/bin/python3\"]\ngroups = [\"day\", \"night\"]");
  const charter::Charter charter = *test.Read();
  EXPECT_EQ(SharesSeen(charter, {{"night", 250}, {"fog", 9}}, 1000), (GroupShares{{"night", 0.25}}));
  EXPECT_TRUE(SharesSeen(charter, {{"night", 250}}, 0).empty());
  EXPECT_TRUE(SharesSeen(charter, {{"night", 0}}, 1000).empty());
  EXPECT_TRUE(SharesSeen(charter, {}, 1000).empty());
}

// Every evaluator asks the same ones, so that what one lacks another does not make good.
TEST(BestCases, FixedProbesAreForEachEvaluatorAlone) {
  charter::TestCharter test;
  test.files["probes.bin"] = charter::TestProbes(100);
  const charter::CharterFiles files = *test.ReadFiles();
  charter::Charter charter = files.charter;
  charter.reviewers.push_back(*charter.FindReviewer("evaluator-a"));
  for (charter::QuorumRule& rule : charter.quorum) rule.faults_max = 0;
  const std::vector<BestCase> cases = *BestCases(charter, *SizeOfTrial(files));
  const BestCase& fixed = cases.back();
  ASSERT_EQ(fixed.name, "drift-fixed");
  EXPECT_EQ(fixed.planned, 100U);
  EXPECT_LT(ErrorOfOne(charter, 1e-4), 0.02) << "of two";
  EXPECT_EQ(fixed.Needed(charter, 1e-4), fixed.needed(1e-4));
  const BestCase& fresh = cases[cases.size() - 2];
  ASSERT_EQ(fresh.name, "drift");
  EXPECT_LT(fresh.Needed(charter, 1e-4), fresh.needed(1e-4));
  const uint64_t last = *LastIndexShown(fixed, charter, 1000);
  charter.evaluation.probes_file.reset();
  EXPECT_EQ(BestCases(charter, {.episodes = 4000})->back().name, "drift");
  EXPECT_GE(last, 1U);
  EXPECT_LT(last, 100U);
}

// Three evaluators, one of whom may lie: two that see no harm in 700 episodes show together what neither shows alone.
TEST(BestCases, KnowThatEvidenceIsPutTogether) {
  charter::TestCharter test;
  test.Replace("\n[quorum]",
               "\n[[reviewer]]\nname = \"evaluator-b\"\nprincipal = \"bob@example.org\"\n"
               "role = \"evaluator\"\nkey = \"" +
                   charter::TestNoteKey("evaluator-b", '7') +
                   "\"\n\n[[reviewer]]\nname = \"evaluator-d\"\nprincipal = \"dan@example.org\"\n"
                   "role = \"evaluator\"\nkey = \"" +
                   charter::TestNoteKey("evaluator-d", '8') + "\"\n\n[quorum]")
      .Replace("{ role = \"evaluator\", at_least = 1 }", "{ role = \"evaluator\", at_least = 3, faults_max = 1 }");
  const Result<charter::Charter> read = test.Read();
  ASSERT_TRUE(read.ok()) << read.error().message;
  charter::Charter charter = *read;
  charter.bounds.harm[0].limit = 0.01;
  EXPECT_DOUBLE_EQ(ErrorOfOne(charter, 1e-4), 1e-2) << "two of three are multiplied";
  const auto last = [&] { return *LastIndexShown(BestCases(charter, {.episodes = 700})->front(), charter, 100); };
  EXPECT_GE(last(), 1U);
  for (charter::QuorumRule& rule : charter.quorum) rule.faults_max.reset();
  EXPECT_EQ(ErrorOfOne(charter, 1e-4), 1e-4);
  EXPECT_EQ(last(), 0U) << "each alone shows nothing by then";
}

TEST(CharterPlan, RefusesACandidateThatCannotBe) {
  charter::TestCharter test;
  test.Replace("closure = [\"/usr/bin/python3\"]", "closure = [\"/usr/bin/python3\"]\ngroups = [\"day\", \"night\"]");
  const charter::Charter charter = *test.Read();
  const std::vector<std::pair<PlanOptions, const char*>> impossible = {
      {{.gain = 0}, "a gain of 0"},
      {{.gain = 20}, "'score' lies between 0 and 1"},
      {{.gain = NAN}, "a gain of"},
      {{.capability_gain = -0.1}, "a gain of -0.1"},
      {{.capability_gain = 1.5}, "a gain of 1.5"},
      {{.deviation = -1}, "differences of 0.01 +- -1"},
      {{.deviation = 0.995}, "differences of 0.01 +- 0.995"},
      {{.level = 7}, "a mean of 7"},
      {{.level = NAN}, "a mean of"},
      {{.harm_share = 1.5}, "a share of 1.5"},
      {{.drift_share = NAN}, "a share of"},
      {{.group_shares = {{"day", 0.6}, {"night", 0.6}}}, "add up to 1.2"},
      {{.group_shares = {{"fog", 0.1}}}, "'fog' is no group"}};
  for (const auto& [options, words] : impossible) {
    const Result<Plan> plan = MakePlan(charter, {.episodes = 4000}, options);
    ASSERT_FALSE(plan.ok()) << words;
    EXPECT_EQ(plan.error().rule, "plan.question");
    EXPECT_EQ(plan.error().code, ErrorCode::kUsage);
    EXPECT_NE(plan.error().message.find(words), std::string::npos) << plan.error().message;
  }
}

// Numbers are those of all episodes, whatever the share of the group.
TEST(CharterPlan, HasNothingToPlanWhereTheCharterAsksForNoTrial) {
  charter::TestCharter test;
  charter::WithoutTrials(test);
  const Result<charter::CharterFiles> files = test.ReadFiles();
  ASSERT_TRUE(files.ok()) << files.error().message;
  const Result<TrialSize> size = SizeOfTrial(*files);
  ASSERT_TRUE(size.ok());
  const Result<Plan> plan = MakePlan(files->charter, *size, {.gain = 0.1});
  ASSERT_FALSE(plan.ok());
  EXPECT_EQ(plan.error().rule, "plan.no-trial");
  const Result<std::vector<BestCase>> cases = BestCases(files->charter, *size, {});
  ASSERT_TRUE(cases.ok());
  EXPECT_TRUE(cases->empty());
}

TEST(CharterPlan, TakesTheShareOfAGroup) {
  charter::TestCharter test;
  test.Replace("closure = [\"/usr/bin/python3\"]", "closure = [\"/usr/bin/python3\"]\ngroups = [\"day\", \"night\"]")
      .Replace("metric = \"near_miss\"\nlimit = 0.01", "metric = \"near_miss\"\ngroup = \"night\"\nlimit = 0.1");
  const Plan equal = PlanOf(test);
  const Plan rare = PlanOf(test, {.group_shares = {{"night", 0.1}}});
  ASSERT_TRUE(equal.lines[0].outlooks[0].episodes && rare.lines[0].outlooks[0].episodes);
  EXPECT_NEAR(static_cast<double>(*rare.lines[0].outlooks[0].episodes),
              5 * static_cast<double>(*equal.lines[0].outlooks[0].episodes), 50);
  EXPECT_NE(equal.limits[0].find("; the charter has 4000"), std::string::npos) << equal.limits[0];
  EXPECT_EQ(MakePlan(*test.Read(), {.episodes = 4000}, {.group_shares = {{"fog", 0.1}}}).error().rule, "plan.question");
}

TEST(CharterPlan, KeepsTheUnitsOfTwoMetricsApart) {
  charter::TestCharter test;
  test.Replace(
          "[[evaluation.metric]]\nname = \"score\"",
          "[[evaluation.metric]]\nname = \"reward\"\nbetter = \"higher\"\nmax = 100\n\n[[evaluation.metric]]\nname = "
          "\"score\"")
      .Replace("[bounds.improvement]\nmetric = \"score\"", "[bounds.improvement]\nmetric = \"reward\"");
  const Plan plan = PlanOf(test, {.gain = 20});
  EXPECT_TRUE(Line(plan, "improvement, a gain of 20").carried) << "of one that gains all there is";
  EXPECT_TRUE(Line(plan, "step at most 0.02, a gain of 0.01").carried);
  Line(PlanOf(test), "improvement, a gain of 1");
  Line(PlanOf(test, {.capability_gain = 0.015}), "step at most 0.02, a gain of 0.015");
}

TEST(CharterPlan, WarnsOfAnAlarmThatNoiseRaises) {
  charter::TestCharter test;
  EXPECT_FALSE(Warns(PlanOf(test, {.deviation = 0.05}), "raises the alarm"));
  EXPECT_TRUE(Warns(PlanOf(test, {.deviation = 0.9}), "measured with a deviation of 0.0142"));
}

// An evaluator who does not show everything votes against, and one vote against ends it unless the charter says more.
TEST(CharterPlan, CountsTheEvaluatorsThatHaveToPass) {
  const auto plan_of = [](const std::string& rule) {
    charter::TestCharter test;
    std::string more;
    for (const auto& [name, principal, seed] : {std::tuple{"evaluator-b", "bob", '7'}, {"evaluator-d", "dan", '8'}}) {
      more += std::string("\n[[reviewer]]\nname = \"") + name + "\"\nprincipal = \"" + principal +
              "@example.org\"\nrole = \"evaluator\"\nkey = \"" + charter::TestNoteKey(name, seed) + "\"\n";
    }
    test.Replace("\n[quorum]", more + "\n[quorum]")
        .Replace("{ role = \"evaluator\", at_least = 1 }", "{ role = \"evaluator\", " + rule + " }");
    return PlanOf(test, {.deviation = 0.05, .harm_share = 0.35});
  };
  const auto each = [](const Plan& plan) {
    double missed = 0;
    for (const PlanLine& line : plan.lines) missed += 1 - line.outlooks[0].chance;
    return 1 - missed;
  };
  const Plan two = plan_of("at_least = 2");
  const double p = each(two);
  EXPECT_GT(p, 0.5);
  EXPECT_LT(p, 0.9);
  EXPECT_NEAR(*two.passes, p * p * p, 1e-12) << "one vote against rejects";
  EXPECT_TRUE(Warns(two, "where 3 of 3 evaluators have to show every limit"));
  EXPECT_TRUE(Warns(two, "the quorum asks for 2 of 3 evaluators"));
  const Plan tolerant = plan_of("at_least = 2, against_max = 1");
  EXPECT_EQ(each(tolerant), p);
  EXPECT_NEAR(*tolerant.passes, p * p * p + 3 * p * p * (1 - p), 1e-12);
  EXPECT_FALSE(Warns(tolerant, "the quorum asks for"));
  const Plan many = plan_of("at_least = 1, against_max = 2");
  EXPECT_NEAR(*many.passes, 1 - std::pow(1 - each(many), 3), 1e-12);
  EXPECT_FALSE(plan_of("at_least = 3, faults_max = 1").passes);
  charter::TestCharter single;
  const Plan one = PlanOf(single, {.deviation = 0.05, .harm_share = 0.62});
  EXPECT_NEAR(*one.passes, each(one), 1e-12);
  EXPECT_TRUE(Warns(one, "may miss a limit with probability up to"));
  EXPECT_FALSE(Warns(one, "evaluators have to show"));
}

TEST(MeanOfLimited, IsTheMeanOfWhatIsLeftAfterCutting) {
  EXPECT_DOUBLE_EQ(MeanOfLimited(0.5, 0.1, 1), 0.5);
  EXPECT_DOUBLE_EQ(MeanOfLimited(0.2, 0, 1), 0.2);
  EXPECT_NEAR(MeanOfLimited(0, 1, 1e9), 0.39894228, 1e-8);
  EXPECT_GT(MeanOfLimited(0.25, 0.5, 1), 0.3);
}

}  // namespace
}  // namespace pawl::authoring
