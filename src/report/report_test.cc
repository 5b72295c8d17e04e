#include "trial/report.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <ctime>

#include "charter/testing.h"
#include "report/change_control.h"
#include "warrant/path_for_test.h"

namespace pawl::report {
namespace {

// A life of so many trials, every second of which became a release.
Life LifeOfLength(std::uint64_t trials) {
  Life life;
  life.subject = "controller";
  life.charter = "sha256:00";
  life.size = 10 * trials;
  life.time = 1'790'000'000;
  life.budget_index = trials;
  life.harm_error = 0.0625;
  for (std::uint64_t k = 1; k <= trials; ++k) {
    LifeEntry entry;
    entry.proposal = "p" + std::to_string(k);
    entry.note = "a <note> | with `marks`";
    entry.budget_index = k;
    entry.time = 1'780'000'000 + static_cast<std::int64_t>(k);
    entry.candidate_index = 10 * k;
    entry.vote_indices = {10 * k + 1, 10 * k + 2};
    entry.verdicts = {"evaluator-a: pass", "evaluator-b: pass"};
    const double score = 0.9 + 0.04 * static_cast<double>(k) / static_cast<double>(trials);
    entry.conditions = {
        {"near_miss", trial::ConditionKind::kHarm, 0.01, 1e-4, 0.001, 0, 0.004, 8000, 1.5},
        {"step", trial::ConditionKind::kStep, 0.02, 1e-4, 0.009, 0.007, 0.011, 8000, 2.0},
        {"ceiling", trial::ConditionKind::kCeiling, 0.95, 1e-4, score, score - 0.01, score + 0.01, 8000, {}},
        {"drift-fresh", trial::ConditionKind::kDrift, 0.1, 1e-4, 0.03, 0.02, 0.04, 4000, 1.25}};
    entry.changes = {{"COC", "CL1500", 60, 17}};
    entry.episodes_changed_most = {{5, 0.7}};
    entry.probes = 2000;
    entry.outcome = k % 2 == 0 ? "accepted" : "rejected";
    if (k % 2 == 0) {
      entry.epoch = static_cast<std::int64_t>(k / 2);
      life.switches.push_back({entry.proposal, *entry.epoch, entry.time, entry.candidate_index});
    }
    life.entries.push_back(entry);
  }
  return life;
}

charter::Charter Charter() {
  Result<charter::Charter> charter = charter::TestCharter().Read();
  EXPECT_TRUE(charter.ok()) << charter.error().message;
  return *charter;
}

const std::vector<Topic> kWords = {{"surface", {"policy.onnx may change"}}, {"trial", {"4000 episodes"}}};

std::size_t Count(const std::string& text, const std::string& what) {
  std::size_t count = 0;
  for (std::size_t at = text.find(what); at != std::string::npos; at = text.find(what, at + 1)) ++count;
  return count;
}

// Every link within the page has a place to lead to.
void ExpectLinksToResolve(const std::string& html) {
  for (std::size_t at = html.find("href=\"#"); at != std::string::npos; at = html.find("href=\"#", at + 1)) {
    const std::string id = html.substr(at + 7, html.find('"', at + 7) - at - 7);
    ASSERT_NE(html.find("id=\"" + id + "\""), std::string::npos) << id;
  }
}

TEST(ChangeControlReport, HasTheThreePartsAndEveryFigureWithItsEntry) {
  const Document document = ChangeControlReport(LifeOfLength(6), Charter(), kWords);
  const std::string html = WriteHtml(document);
  const std::string markdown = WriteMarkdown(document);
  for (const std::string& text : {html, markdown}) {
    for (const char* part : {"Description of modifications", "Modification protocol", "Impact assessment", "Article 12",
                             "Article 14", "Article 15", "MANAGE 2.4", "9.2.5", "no statement of conformity",
                             "policy.onnx may change", "inputs that changed most", "CL1500"}) {
      EXPECT_NE(text.find(part), std::string::npos) << part;
    }
  }
  EXPECT_LT(html.find("policy.onnx may change"), html.find("Modification protocol"));
  EXPECT_GT(html.find("4000 episodes"), html.find("Modification protocol"));
  EXPECT_LT(html.find("the latest trial: p6"), html.find("every trial")) << "thousands of rows come last";
  ExpectLinksToResolve(html);
  EXPECT_GE(Count(html, "href=\"#entry-11\""), 4U);
  EXPECT_GE(Count(markdown, "(#entry-11)"), 4U);
  EXPECT_EQ(Count(markdown, "<a id=\"entry-11\">"), 1U);
}

TEST(ChangeControlReport, SaysWhoVerifiedTheLedger) {
  Life life = LifeOfLength(2);
  life.verified = life.size;
  const auto says = [&](const char* words) {
    return WriteMarkdown(ChangeControlReport(life, Charter(), kWords)).find(words) != std::string::npos;
  };
  EXPECT_TRUE(says("Every entry, its signature and its place were verified for this report"));
  life.verified = 3;
  EXPECT_TRUE(says("The first 17 entries count as the gate had verified them"));
  EXPECT_FALSE(says("Every entry"));
}

TEST(ChangeControlReport, LinksEveryEvaluatorsVoteAndShowsEveryCondition) {
  Life life = LifeOfLength(2);
  life.entries.back().changed_from_parent = 10;
  for (LifeEntry& entry : life.entries) {
    entry.conditions.push_back({"improvement", trial::ConditionKind::kImprovement, 0, 1e-4, 0.0071, 0.001, 1, 8000, 1});
    entry.conditions.push_back({"growth", trial::ConditionKind::kGrowth, 0.05, 1e-4, 0.0072, 0.001, 1, 8000, 1});
    entry.conditions.push_back({"drift-fixed", trial::ConditionKind::kDrift, 0.1, 1e-4, 0.0073, 0, 1, 2000, 1});
    entry.conditions.push_back({"drift-energy", trial::ConditionKind::kDrift, 0.1, 1e-4, 0.0074, 0, 1, 2000, 1});
  }
  charter::TestCharter test;
  test.Replace("max_step = 0.02", "max_step = 0.02\nmax_growth = 0.05")
      .Replace("[bounds.drift]", "[bounds.drift]\nenergy_limit = 0.1");
  const std::string markdown = WriteMarkdown(ChangeControlReport(life, *test.Read(), kWords));
  for (const char* figure : {"0.0071", "0.0072", "0.0073", "0.0074"}) {
    EXPECT_NE(markdown.find(std::string("[") + figure + " in"), std::string::npos) << figure;
  }
  EXPECT_NE(markdown.find("decided differently than by the parent | [0.5 %](#entry-21) [2](#entry-22)"),
            std::string::npos);
  EXPECT_GE(Count(markdown, "(#entry-12)"), 4U) << "the second evaluator's vote";
  EXPECT_NE(markdown.find("at most 0.0625"), std::string::npos);
  ExpectLinksToResolve(WriteHtml(ChangeControlReport(life, *test.Read(), kWords)));
}

// A harm that somebody called as another condition is called.
TEST(LifePictures, AHarmIsNotTakenForTheConditionOfItsName) {
  Life life = LifeOfLength(2);
  for (LifeEntry& entry : life.entries) entry.conditions.front().name = "step";
  EXPECT_EQ(life.entries[0].Find(trial::ConditionKind::kHarm, "step")->estimate, 0.001);
  EXPECT_EQ(life.entries[0].Find(trial::ConditionKind::kStep, "step")->estimate, 0.009);
}

TEST(ChangeControlReport, EscapesWhatProposersWrite) {
  const Document document = ChangeControlReport(LifeOfLength(2), Charter(), kWords);
  EXPECT_EQ(WriteHtml(document).find("<note>"), std::string::npos);
  EXPECT_EQ(WriteMarkdown(document).find("<note>"), std::string::npos);
  EXPECT_NE(WriteMarkdown(document).find("\\| with \\`marks\\`"), std::string::npos);
}

TEST(ChangeControlReport, SaysThatThereIsNothingYet) {
  Life life = LifeOfLength(0);
  const std::string html = WriteHtml(ChangeControlReport(life, Charter(), kWords));
  EXPECT_GE(Count(html, "nothing to show yet"), 5U);
  ExpectLinksToResolve(html);
}

TEST(ChangeControlReport, OfTenThousandReleasesTakesLessThanASecond) {
  const Life life = LifeOfLength(20'000);
  const charter::Charter charter = Charter();
  const std::clock_t start = std::clock();  // of this process: other people's work does not count
  const Document document = ChangeControlReport(life, charter, kWords);
  const std::string html = WriteHtml(document);
  const std::string markdown = WriteMarkdown(document);
  const double seconds = static_cast<double>(std::clock() - start) / CLOCKS_PER_SEC;
  std::printf("  10,000 releases of 20,000 trials: %.2f s, %zu KiB\n", seconds, html.size() >> 10);
  EXPECT_GT(html.size(), 1'000'000U);
  // Sanitizers slow this down; the goal is one second.
  EXPECT_LT(seconds, 10);
}

// ---- from a history

// Votes with reports that an auditor would read, of trials that were void.
warrant::Tampering WithReports() {
  warrant::Tampering tampering;
  tampering.votes = [](std::vector<warrant::Vote>& votes) {
    trial::TrialRules rules;
    const trial::TrialReport report = trial::VoidTrial(rules, {}, Refused("episodes.count", "too few"));
    for (warrant::Vote& vote : votes) {
      if (vote.role == "evaluator") vote.evidence["report"] = trial::TrialReportToJson(report);
    }
  };
  return tampering;
}

Life LifeOfPath(const warrant::Path& path) {
  audit::History history(path.CharterReader());
  for (uint64_t index = 0; index < path.entries().size(); ++index) {
    EXPECT_TRUE(history.Apply(index, path.entries()[index]).ok());
  }
  Result<Life> life = LifeOf(history);
  EXPECT_TRUE(life.ok()) << (life.ok() ? "" : life.error().message);
  return life.ok() ? *life : Life();
}

// What was spent under a charter stays spent at its errors, whatever an amendment promises.
TEST(LifeOf, AddsWhatWasSpentUnderEachCharterToWhatIsLeft) {
  warrant::Path path;
  path.Go({.tree = path.baseline}, WithReports());
  path.Go({.tree = path.second}, WithReports());
  const Life before = LifeOfPath(path);
  EXPECT_NEAR(before.harm_error, 1e-3, 1e-12);
  EXPECT_EQ(before.entries.at(1).verdicts, (std::vector<std::string>{"evaluator-a: void", "evaluator-b: void"}));
  warrant::Tampering waiting;
  waiting.cosignature_time = [](int64_t& time) { time += warrant::kDay; };
  const crypto::Digest charter = path.PutCharter([](charter::TestCharter& test) {
    test.Replace("metric = \"near_miss\"\nlimit = 0.01", "metric = \"near_miss\"\nlimit = 0.01\nlifetime_error = 1e-5");
  });
  const warrant::MadeWarrant made =
      path.Make({.action = warrant::Action::kAmendment, .tree = charter, .signers = {"ann", "bob", "cy"}}, waiting);
  path.now += warrant::kDay;
  path.Accept(made);
  path.now += warrant::kDay;
  const double spent = 6 / (M_PI * M_PI) * (1 + 1.0 / 4);
  EXPECT_NEAR(LifeOfPath(path).harm_error, 1e-3 * spent + 1e-5 * (1 - spent), 1e-9);
  path.Go({.tree = path.third}, WithReports());
  EXPECT_NEAR(LifeOfPath(path).harm_error, 1e-3 * spent + 1e-5 * (1 - spent), 1e-9);
}

// One evaluator must not blind everybody: its report is named by the rule that it breaks, and gives no figure.
TEST(LifeOf, NamesAReportThatCannotBeRead) {
  warrant::Path path;
  warrant::Tampering tampering;
  tampering.votes = [](std::vector<warrant::Vote>& votes) {
    trial::TrialReport lie;
    lie.verdict = trial::TrialVerdict::kPass;
    trial::ConditionReport condition;
    condition.name = condition.metric = "near_miss";
    condition.alpha = 1e-3;
    condition.limit = 0.01;
    condition.observations = 4'000;
    condition.log_e_value_peak = 20;
    condition.status = trial::ConditionStatus::kShown;
    lie.conditions = {condition};
    for (warrant::Vote& vote : votes) {
      if (vote.role != "evaluator") continue;
      vote.evidence["report"] = trial::TrialReportToJson(lie);
      if (vote.reviewer == "evaluator-a") vote.evidence["report"]["conditions"][0]["log_e_value_peak"] = "0";
    }
  };
  path.Go({.tree = path.baseline}, tampering);
  const Life life = LifeOfPath(path);
  ASSERT_EQ(life.entries.size(), 1U);
  EXPECT_EQ(life.entries[0].verdicts,
            (std::vector<std::string>{"evaluator-a: unreadable, trial-report.status", "evaluator-b: pass"}));
  EXPECT_EQ(life.entries[0].vote_indices.size(), 2U);
  ASSERT_EQ(life.entries[0].conditions.size(), 1U);
  EXPECT_EQ(life.entries[0].conditions[0].observations, 4'000U) << "the other evaluator's alone";
}

TEST(LifePictures, ShowCapabilityHarmDriftBudgetAndPace) {
  const std::vector<Drawing> drawings = LifePictures(LifeOfLength(8), Charter());
  std::vector<std::string> files;
  for (const Drawing& drawing : drawings) files.push_back(drawing.file);
  EXPECT_EQ(files,
            (std::vector<std::string>{"capability.svg", "harm-near-miss.svg", "drift.svg", "budget.svg", "pace.svg"}));
  EXPECT_EQ(drawings[0].picture.limits[0].y, 0.95);
  EXPECT_EQ(drawings[0].picture.series[0].points.size(), 8U);
  EXPECT_EQ(drawings[0].picture.series[0].points[0].mark, Mark::kHollow);
  EXPECT_EQ(drawings[0].picture.series[0].points[1].mark, Mark::kFull);
  // 1 - 6/pi^2 after the first trial.
  EXPECT_NEAR(drawings[3].picture.series[0].points[0].y, 100 * (1 - 6 / (M_PI * M_PI)), 1e-6);
  // Releases are two seconds apart, so all lie in the window.
  EXPECT_EQ(drawings[4].picture.series[0].points.back().y, 4);
}

TEST(LifePictures, GiveEachHarmAFileOfItsOwn) {
  charter::Charter charter = Charter();
  charter.bounds.harm.push_back(charter.bounds.harm.front());
  charter.bounds.harm.back().name = "near-miss";
  const std::vector<Drawing> drawings = LifePictures(LifeOfLength(2), charter);
  EXPECT_EQ(drawings[1].file, "harm-near-miss.svg");
  EXPECT_EQ(drawings[2].file, "harm-near-miss.2.svg");
  const std::string page = WriteHtml(ChangeControlReport(LifeOfLength(2), charter, kWords));
  EXPECT_EQ(Count(page, "<title id=\"picture-Harm-3a-20near-5fmiss\">"), 1U);
  EXPECT_EQ(Count(page, "<title id=\"picture-Harm-3a-20near-2dmiss\">"), 1U);
}

TEST(WriteSvg, IsReadableWithoutEyesAndColours) {
  Picture picture{.title = "A & B", .description = "words", .x_label = "x", .y_label = "y", .series = {}, .limits = {}};
  picture.series = {{"one", {{.x = 1, .y = 2, .lower = 1, .upper = 3, .label = "p1", .entry = 7}}},
                    {"two", {{.x = 1, .y = 4}}}};
  const std::string svg = WriteSvg(picture);
  EXPECT_NE(svg.find("role=\"img\""), std::string::npos);
  EXPECT_NE(svg.find("<title id=\"picture-A-20-26-20B\">A &amp; B</title>"), std::string::npos);
  EXPECT_NE(svg.find("<desc id=\"picture-A-20-26-20B-text\">words</desc>"), std::string::npos);
  EXPECT_NE(svg.find("prefers-color-scheme:dark"), std::string::npos);
  EXPECT_NE(svg.find("<title>p1: 2 in [1, 3], ledger entry 7</title>"), std::string::npos);
  EXPECT_NE(svg.find("stroke-dasharray"), std::string::npos);
  EXPECT_NE(svg.find("<rect x="), std::string::npos);
}

TEST(WriteSvg, LeavesOutWhatIsNotFiniteAndGroupsWhatIsMany) {
  Picture picture{.title = "t", .description = "d.", .x_label = "x", .y_label = "y", .series = {}, .limits = {}};
  picture.series = {{"one", {}}};
  for (int i = 0; i < 50'000; ++i) picture.series[0].points.push_back({.x = double(i), .y = i % 7 == 0 ? NAN : 1.0});
  const std::string svg = WriteSvg(picture);
  EXPECT_EQ(svg.find("nan"), std::string::npos);
  EXPECT_LT(svg.size(), 100'000U);
  EXPECT_NE(svg.find("200 groups"), std::string::npos);
}

TEST(ShortNumber, KeepsWholeNumbersWhole) {
  EXPECT_EQ(ShortNumber(10'000), "10000");
  EXPECT_EQ(ShortNumber(-12'345'678), "-12345678");
  EXPECT_EQ(ShortNumber(0.123456), "0.1235");
  EXPECT_EQ(ShortNumber(12'345.678), "1.235e+04");
  EXPECT_EQ(ShortNumber(3e12), "3e+12");
  EXPECT_EQ(ShortNumber(0), "0");
}

// A group of both would be neither: releases are grouped with releases, and the line goes through them alone.
TEST(WriteSvg, GroupsReleasesApartFromTheRest) {
  Picture picture{.title = "t", .description = "d.", .x_label = "x", .y_label = "y", .series = {}, .limits = {}};
  picture.series = {{"one", {}}};
  for (int i = 0; i < 4'000; ++i) {
    picture.series[0].points.push_back({.x = double(i),
                                        .y = i % 2 == 0 ? 1.0 : 3.0,
                                        .label = "p" + std::to_string(i),
                                        .mark = i % 2 == 0 ? Mark::kFull : Mark::kHollow});
  }
  const std::string svg = WriteSvg(picture);
  EXPECT_EQ(Count(svg, "class=\"s0 f0\""), kPointsMax);
  EXPECT_EQ(Count(svg, "class=\"s0 back\""), kPointsMax);
  EXPECT_NE(svg.find("<title>p0 to p18, mean: 1</title>"), std::string::npos);
  EXPECT_NE(svg.find("<title>p1 to p19, mean: 3</title>"), std::string::npos);
}

TEST(EvaluatorSet, IsWhoTheCharterAsksAndHowManyMayLie) {
  charter::TestCharter test;
  EXPECT_EQ(EvaluatorSetOf(*test.Read()).evaluators, 1U);
  EXPECT_EQ(EvaluatorSetOf(*test.Read()).faults_max, 0U);
  test.Replace(
      "\n[quorum]",
      "\n[[reviewer]]\nname = \"evaluator-b\"\nprincipal = \"bob@example.org\"\nrole = \"evaluator\"\nkey = \"" +
          charter::TestNoteKey("evaluator-b", '7') + "\"\n\n[quorum]");
  EXPECT_EQ(EvaluatorSetOf(*test.Read()).evaluators, 2U);
  EXPECT_EQ(EvaluatorSetOf(*test.Read()).faults_max, 1U);
  test.Replace("{ role = \"evaluator\", at_least = 1 }", "{ role = \"evaluator\", at_least = 2, faults_max = 1 }");
  EXPECT_EQ(EvaluatorSetOf(*test.Read()).faults_max, 1U);
}

}  // namespace
}  // namespace pawl::report
