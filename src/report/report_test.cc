#include "trial/report.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <ctime>
#include <map>
#include <set>

#include "audit/records.h"
#include "charter/testing.h"
#include "charter/untried_for_test.h"
#include "encoding/dsse.h"
#include "merkle/tree.h"
#include "report/change_control.h"
#include "report/files.h"
#include "report/report_for_test.h"
#include "warrant/path_for_test.h"

namespace pawl::report {
namespace {

const Measure kNearMiss{.metric = "near_miss", .better = trial::Direction::kLowerIsBetter};

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
        {"near_miss", trial::ConditionKind::kHarm, 0.01, 1e-4, 0.001, 0, 0.004, 8000, 1.5, kNearMiss},
        {"step", trial::ConditionKind::kStep, 0.02, 1e-4, 0.009, 0.007, 0.011, 8000, 2.0, {"score"}},
        {"ceiling", trial::ConditionKind::kCeiling, 0.95, 1e-4, score, score - 0.01, score + 0.01, 8000, {}, {"score"}},
        {"drift-fresh", trial::ConditionKind::kDrift, 0.1, 1e-4, 0.03, 0.02, 0.04, 4000, 1.25, {"decisions"}}};
    entry.movements = {{"evaluator-a", 0.01, 0.4, 256, 199, 10 * k + 1, trial::OutcomeShift{0.003, 0.75}}};
    entry.changes = {{"COC", "CL1500", 60, 17, {{17, "height 120 ft"}, {23, "height <90> ft"}}}};
    entry.episodes_changed_most = {{5, 0.7, "60 <guests>"}};
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

// Entries that are there to be linked to, and nothing else.
Result<std::string> SomeEntry(std::uint64_t index) {
  encoding::Envelope envelope;
  envelope.payload_type = encoding::kInTotoPayloadType;
  envelope.payload = "{\"number\":" + std::to_string(index) + "}";
  envelope.signatures = {{.keyid = "gate", .sig = "abc"}};
  return encoding::SerializeEnvelope(envelope);
}

std::map<std::string, std::string> FilesOf(const Life& life, const charter::Charter& charter) {
  Result<std::vector<ReportFile>> files = ReportFiles(
      life, charter, ChangeControlReport(life, charter, {{"surface", {"policy.onnx may change"}}}), SomeEntry);
  EXPECT_TRUE(files.ok());
  std::map<std::string, std::string> by_name;
  for (ReportFile& file : *files) {
    EXPECT_TRUE(by_name.emplace(file.name, std::move(file.bytes)).second) << file.name << " is there twice";
  }
  return by_name;
}

// Where the links of a page, a picture or a Markdown text lead to.
std::vector<std::string> LinksOf(const std::string& text) {
  std::vector<std::string> links;
  for (const auto& [begin, end] : {std::pair{"href=\"", '"'}, std::pair{"](", ')'}}) {
    const std::size_t length = std::strlen(begin);
    for (std::size_t at = text.find(begin); at != std::string::npos; at = text.find(begin, at + 1)) {
      links.push_back(text.substr(at + length, text.find(end, at + length) - at - length));
    }
  }
  return links;
}

std::set<std::string> PlacesIn(const std::string& text) {
  std::set<std::string> places;
  for (std::size_t at = text.find("id=\""); at != std::string::npos; at = text.find("id=\"", at + 1)) {
    places.insert(text.substr(at + 4, text.find('"', at + 4) - at - 4));
  }
  return places;
}

// Every link leads to a file of the report, and to a place in it where it names one. Returns how many there are.
std::size_t ExpectLinksToResolve(const std::map<std::string, std::string>& files) {
  std::map<std::string, std::set<std::string>> places;
  for (const auto& [name, bytes] : files) places[name] = PlacesIn(bytes);
  std::size_t links = 0;
  for (const auto& [name, bytes] : files) {
    if (name.ends_with(".json") || name.ends_with(".csv")) continue;
    for (const std::string& link : LinksOf(bytes)) {
      ++links;
      const std::size_t sharp = link.find('#');
      const std::string file = sharp == 0 ? name : link.substr(0, sharp);
      const bool there =
          files.contains(file) && (sharp == std::string::npos || places.at(file).contains(link.substr(sharp + 1)));
      EXPECT_TRUE(there) << name << " links to " << link;
      if (!there) return links;
    }
  }
  return links;
}

void ExpectLinksToResolve(const Life& life, const charter::Charter& charter) {
  EXPECT_GT(ExpectLinksToResolve(FilesOf(life, charter)), 50U);
}

TEST(ChangeControlReport, HasTheThreePartsAndEveryFigureWithItsEntry) {
  const Document document = ChangeControlReport(LifeOfLength(6), Charter(), kWords);
  const std::string html = WriteHtml(document);
  const std::string markdown = WriteMarkdown(document);
  for (const std::string& text : {html, markdown}) {
    for (const char* part :
         {"Description of modifications", "Modification protocol", "Impact assessment", "Article 12", "Article 14",
          "Article 15", "MANAGE 2.4", "9.2.5", "no statement of conformity", "policy.onnx may change",
          "inputs that changed most", "CL1500", "height 120 ft", "height &lt;90", "60 &lt;guests", "0.75"}) {
      EXPECT_NE(text.find(part), std::string::npos) << part;
    }
  }
  EXPECT_LT(html.find("policy.onnx may change"), html.find("Modification protocol"));
  EXPECT_GT(html.find("4000 episodes"), html.find("Modification protocol"));
  EXPECT_LT(html.find("the latest trial: p6"), html.find("every trial")) << "thousands of rows come last";
  ExpectLinksToResolve(LifeOfLength(6), Charter());
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
  EXPECT_TRUE(says("The first 17 entries count as this home had verified them before"));
  EXPECT_FALSE(says("Every entry"));
}

TEST(ChangeControlReport, LinksEveryEvaluatorsVoteAndShowsEveryCondition) {
  Life life = LifeOfLength(2);
  life.entries.back().changed_from_parent = 10;
  for (LifeEntry& entry : life.entries) {
    entry.conditions.push_back(
        {"improvement", trial::ConditionKind::kImprovement, 0, 1e-4, 0.0071, 0.001, 1, 8000, 1, {"score"}});
    entry.conditions.push_back(
        {"growth", trial::ConditionKind::kGrowth, 0.05, 1e-4, 0.0072, 0.001, 1, 8000, 1, {"score"}});
    entry.conditions.push_back(
        {"drift-fixed", trial::ConditionKind::kDrift, 0.1, 1e-4, 0.0073, 0, 1, 2000, 1, {"decisions"}});
    entry.conditions.push_back(
        {"drift-energy", trial::ConditionKind::kDrift, 0.1, 1e-4, 0.0074, 0, 1, 2000, 1, {"outcomes"}});
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
  ExpectLinksToResolve(life, *test.Read());
}

// A harm that somebody called as another condition is called.
TEST(LifePictures, AHarmIsNotTakenForTheConditionOfItsName) {
  Life life = LifeOfLength(2);
  for (LifeEntry& entry : life.entries) entry.conditions.front().name = "step";
  EXPECT_EQ(life.entries[0].Find(trial::ConditionKind::kHarm, "step", kNearMiss)->estimate, 0.001);
  EXPECT_EQ(life.entries[0].Find(trial::ConditionKind::kStep, "step", {"score"})->estimate, 0.009);
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
  EXPECT_GE(Count(html, "nothing to show yet"), 7U);
}

// Each number in a table of the report on trials is a link, but where it is part of a name.
TEST(ChangeControlReport, LinksEveryFigure) {
  Life life = LifeOfLength(6);
  for (LifeEntry& entry : life.entries) {
    entry.proposal = "p";
    entry.note = "a note";
    entry.changed_from_parent = 10;
  }
  life.halts = {{"halted by ann, open: 3 strange trials", 55}};
  life.complaints = {{"p: auditor-c accuses prover-a of vote.equivocation (entry 54), proven; it says: two votes", 54}};
  life.alarms = {{"growth of 0.02 a release", 52}};
  const Document document = ChangeControlReport(life, Charter(), kWords);
  std::size_t figures = 0, tables = 0;
  for (const Block& block : document.blocks) {
    const Heading* heading = std::get_if<Heading>(&block);
    if (heading != nullptr && heading->text == "The charter beside laws and standards") break;
    if (const Table* table = std::get_if<Table>(&block)) {
      ++tables;
      for (const Row& row : table->rows) {
        for (const Cell& cell : row.cells) {
          if (cell.text.find_first_of("0123456789") == std::string::npos || cell.text == "CL1500") continue;
          ++figures;
          EXPECT_FALSE(cell.entries.empty()) << cell.text;
        }
      }
    } else if (const Drawing* drawing = std::get_if<Drawing>(&block)) {
      for (const Series& series : drawing->picture.series) {
        for (const Point& point : series.points) EXPECT_TRUE(point.entry) << drawing->file;
      }
    }
  }
  EXPECT_EQ(tables, 7U);
  EXPECT_GT(figures, 75U);
  const std::vector<std::uint64_t> linked = LinkedEntries(document);
  for (const std::uint64_t entry : {0U, 52U, 55U, 60U, 61U, 62U}) {
    EXPECT_TRUE(std::binary_search(linked.begin(), linked.end(), entry)) << entry;
  }
}

TEST(ReportFiles, LinkFromPageMarkdownAndPicturesToEntriesAsTheLedgerHasThem) {
  const std::map<std::string, std::string> files = FilesOf(LifeOfLength(6), Charter());
  EXPECT_GT(ExpectLinksToResolve(files), 300U);
  EXPECT_NE(files.at("drift.svg").find("href=\"report.html#entry-61\""), std::string::npos);
  EXPECT_EQ(files.at("drift.svg").find("href=\"#"), std::string::npos) << "a dead link where it is opened alone";
  EXPECT_NE(files.at("report.html").find("href=\"#entry-61\""), std::string::npos);
  EXPECT_NE(files.at("report.html").find("href=\"entries/61.json\""), std::string::npos);
  EXPECT_NE(files.at("report.md").find("[![Growth: score](growth.svg)](growth.svg)"), std::string::npos);
  EXPECT_EQ(files.at("entries/61.json"), "{\"index\":61,\"leaf\":\"" + merkle::LeafHash(*SomeEntry(61)).Hex() +
                                             "\",\"signatures\":[{\"keyid\":\"gate\",\"sig\":\"YWJj\"}],"
                                             "\"statement\":{\"number\":61}}\n");
}

TEST(ReportFiles, EndWhereAnEntryCannotBeRead) {
  const Life life = LifeOfLength(1);
  const Document document = ChangeControlReport(life, Charter(), kWords);
  const auto gone = [](std::uint64_t) -> Result<std::string> { return SystemFailure("ledger.damaged", "gone"); };
  EXPECT_EQ(ReportFiles(life, Charter(), document, gone).error().rule, "ledger.damaged");
  const auto nonsense = [](std::uint64_t) -> Result<std::string> { return std::string("{}"); };
  EXPECT_FALSE(ReportFiles(life, Charter(), document, nonsense).ok());
}

TEST(LifeTable, HasEveryTrialExactlyAndNoFormula) {
  Life life = LifeOfLength(2);
  life.entries[0].proposal = "=cmd(\"x\")";
  life.entries[1].conditions[1].estimate = -0.1;
  life.entries[1].gate = GateTrial{.report = {}, .verdict = {}, .entry = 23};
  const std::string table = LifeTable(life, Charter());
  for (const char* line :
       {"k,proposal,time,outcome,rule,epoch,candidate_entry,vote_entries,gate_entry,measured_by,\"score, "
        "estimate\",\"score, "
        "lower\","
        "\"score, upper\",\"score, limit\",\"step, estimate\",",
        "\r\n1,\"'=cmd(\"\"x\"\")\",2026-05-28T20:26:41Z,\"rejected\",\"\",,10,11 "
        "12,,evaluators,0.92,0.91,0.93,0.95,0.009,"
        "0.007,0.011,0.02,,,,,0.001,0,0.004,0.01,0.03,0.02,0.04,0.1,,,,\r\n",
        "\r\n2,\"p2\",2026-05-28T20:26:42Z,\"accepted\",\"\",1,20,21 22,23,gate,0.9400000000000001,0.93,"
        "0.9500000000000001,0.95,-0.1,"}) {
    EXPECT_NE(table.find(line), std::string::npos) << line << "\n" << table;
  }
}

// Old trials stay in the table beside it.
TEST(ChangeControlReport, DoesNotGrowWithTheLife) {
  Life life = LifeOfLength(20'000);
  for (const LifeEntry& entry : life.entries) {
    life.alarms.push_back({"growth of 0.02 a release", entry.vote_indices[0]});
    life.halts.push_back({"halted by ann, lifted: strange", entry.candidate_index + 5});
  }
  const charter::Charter charter = Charter();
  const std::clock_t start = std::clock();  // of this process: other people's work does not count
  const std::map<std::string, std::string> files = FilesOf(life, charter);
  const double seconds = static_cast<double>(std::clock() - start) / CLOCKS_PER_SEC;
  const std::string& html = files.at("report.html");
  std::printf("  10,000 releases of 20,000 trials: %.2f s, %zu KiB of HTML, %zu KiB of Markdown, %zu files\n", seconds,
              html.size() >> 10, files.at("report.md").size() >> 10, files.size());
  EXPECT_LT(html.size(), 1'500'000U);
  EXPECT_LT(files.at("report.md").size(), 500'000U);
  EXPECT_LT(files.size(), 2'500U);
  EXPECT_NE(html.find("19990 more alarms are open."), std::string::npos);
  EXPECT_NE(html.find("The 19900 trials before these are in that file."), std::string::npos);
  EXPECT_EQ(Count(files.at("trials.csv"), "\r\n"), 20'001U);
  EXPECT_GT(ExpectLinksToResolve(files), 9'000U);
  // Sanitizers slow this down; the goal is one second.
  EXPECT_LT(seconds, 10);
}

// ---- from a history

// Votes of evaluators with what `report` makes of each, on the k-th trial of a path, from 1 on.
using ReportMaker = std::function<encoding::Json(const std::string& evaluator, std::uint64_t k)>;
warrant::Tampering WithReports(ReportMaker report) {
  warrant::Tampering tampering;
  tampering.votes = [report, k = std::uint64_t{0}](std::vector<warrant::Vote>& votes) mutable {
    ++k;
    for (warrant::Vote& vote : votes) {
      if (vote.role == "evaluator") vote.evidence["report"] = report(vote.reviewer, k);
    }
  };
  return tampering;
}

trial::TrialTerms Terms(std::uint64_t k) {
  return {.kind = k == 1 ? trial::TrialKind::kFirstRelease : trial::TrialKind::kStep, .budget_index = k};
}

// Of a trial that was void, as an auditor would take it.
encoding::Json Void(const charter::Charter& charter, std::uint64_t k) {
  trial::TrialTerms terms = Terms(k);
  terms.share = oversight::EvaluatorShareOf(charter);
  return trial::TrialReportToJson(
      trial::VoidTrial(*oversight::MakeTrialRules(charter), terms, Refused("episodes.count", "too few")));
}

audit::History HistoryOf(const warrant::Path& path, std::uint64_t size) {
  audit::History history(path.CharterReader());
  for (uint64_t index = 0; index < size; ++index) {
    const Result<void> applied = history.Apply(index, path.entries()[index]);
    EXPECT_TRUE(applied.ok()) << applied.error().message;
  }
  return history;
}

Life LifeOfPath(const warrant::Path& path, std::uint64_t size) {
  Result<Life> life = LifeOf(HistoryOf(path, size), path.store().Reader());
  EXPECT_TRUE(life.ok()) << (life.ok() ? "" : life.error().message);
  return life.ok() ? *life : Life();
}

Life LifeOfPath(const warrant::Path& path) { return LifeOfPath(path, path.entries().size()); }

// What was spent under a charter stays spent at its errors, whatever an amendment promises.
TEST(LifeOf, AddsWhatWasSpentUnderEachCharterToWhatIsLeft) {
  warrant::Path path;
  const charter::Charter first = path.charter();
  warrant::Tampering tampering = WithReports([&](const std::string&, std::uint64_t k) { return Void(first, k); });
  path.Go({.tree = path.baseline}, tampering);
  path.Go({.tree = path.second}, tampering);
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
  path.Go({.tree = path.third});
  EXPECT_NEAR(LifeOfPath(path).harm_error, 1e-3 * spent + 1e-5 * (1 - spent), 1e-9);
}

// Nothing is said of trials that were never asked for; what was spent before stays spent.
TEST(LifeOf, KnowsChartersThatAskForNoTrial) {
  warrant::Path path = warrant::Path::OfItsOwn(charter::WithoutTrials);
  const Life life = LifeOfPath(path);
  EXPECT_EQ(life.harm_error, 0);
  ASSERT_EQ(life.entries.size(), 2u);
  EXPECT_TRUE(life.entries[1].conditions.empty() && life.entries[1].verdicts.empty());
  EXPECT_EQ(life.entries[1].proven_drifts.size(), 1u);
  const std::string text = WriteHtml(ChangeControlReport(life, path.charter(), kWords));
  EXPECT_NE(text.find("asks for no trials"), std::string::npos);
  for (const char* words : {"breaks a harm limit", "what each trial may spend", "harm limits with lifetime errors"}) {
    EXPECT_EQ(text.find(words), std::string::npos) << words;
  }
  const std::vector<Drawing> drawings = LifePictures(life, path.charter());
  ASSERT_EQ(drawings.size(), 1u);
  EXPECT_EQ(drawings[0].file, "pace.svg");

  warrant::Path other;
  other.Go({.tree = other.baseline});
  other.Go({.tree = other.second});
  other.Accept(warrant::MakeAmendment(other, other.PutCharter(charter::WithoutTrials), warrant::kThree));
  other.now += warrant::kDay;
  EXPECT_NEAR(LifeOfPath(other).harm_error, 1e-3 * 6 / (M_PI * M_PI) * (1 + 1.0 / 4), 1e-9);
  EXPECT_NE(WriteHtml(ChangeControlReport(LifeOfPath(other), other.charter(), kWords)).find("breaks a harm limit"),
            std::string::npos);
}

// What was measured in one metric is no figure of another that an amendment puts in its place.
TEST(LifeOf, KeepsMetricsApartOverAnAmendment) {
  warrant::Path path;
  const charter::Charter first = path.charter();
  const auto reports = [](const charter::Charter& charter) {
    return WithReports([&charter](const std::string&, std::uint64_t k) {
      return trial::TrialReportToJson(SomeReport(charter, Terms(k), 0.5));
    });
  };
  warrant::Tampering before = reports(first);
  path.Go({.tree = path.baseline}, before);
  path.Go({.tree = path.second}, before);
  warrant::Tampering waiting;
  waiting.cosignature_time = [](int64_t& time) { time += warrant::kDay; };
  const crypto::Digest amended = path.PutCharter([](charter::TestCharter& test) {
    test.Replace("[[evaluation.metric]]\nname = \"score\"",
                 "[[evaluation.metric]]\nname = \"reward\"\nbetter = \"lower\"\nmax = 100\n\n"
                 "[[evaluation.metric]]\nname = \"score\"")
        .Replace("[bounds.capability]\nmetric = \"score\"\nmax_step = 0.02\nceiling = 0.95",
                 "[bounds.capability]\nmetric = \"reward\"\nmax_step = 2\nceiling = 10")
        .Replace("metric = \"near_miss\"\nlimit = 0.01", "metric = \"near_miss\"\nlimit = 0.008");
  });
  const warrant::MadeWarrant made =
      path.Make({.action = warrant::Action::kAmendment, .tree = amended, .signers = {"ann", "bob", "cy"}}, waiting);
  path.now += warrant::kDay;
  path.Accept(made);
  const charter::Charter second = path.charter();
  const Life life = LifeOfPath(path);
  ASSERT_EQ(life.entries.size(), 2U);
  const std::vector<Drawing> drawings = LifePictures(life, second);
  for (const std::size_t at : {0U, 1U}) {
    const Picture& picture = drawings[at].picture;
    EXPECT_TRUE(picture.series[0].points.empty()) << picture.title << ": reward was never measured";
    EXPECT_NE(picture.description.find(at == 0 ? " 2 trials under an earlier" : " 1 trial under an earlier"),
              std::string::npos)
        << picture.description;
    EXPECT_EQ(picture.description.find("Latest"), std::string::npos);
    EXPECT_TRUE(picture.limits[0].earlier.empty()) << "the limits were those of another metric";
  }
  const Picture& harm = drawings[2].picture;
  EXPECT_EQ(harm.series[0].points.size(), 2U) << "the same metric under both";
  ASSERT_EQ(harm.limits[0].earlier.size(), 1U);
  EXPECT_EQ(harm.limits[0].earlier[0].y, 0.01);
  EXPECT_EQ(harm.limits[0].earlier[0].until_x, 2.5);
  EXPECT_EQ(harm.limits[0].y, 0.008);
  EXPECT_NE(harm.description.find("limit was 0.01 up to trial 2."), std::string::npos) << harm.description;
  const std::string table = LifeTable(life, second);
  EXPECT_NE(table.find("\"reward, estimate\""), std::string::npos) << table;
  EXPECT_NE(table.find("\"ceiling (score from 0 to 1, higher is better), earlier charter, estimate\""),
            std::string::npos)
      << table;
  EXPECT_NE(table.find("\"step (score from 0 to 1, higher is better), earlier charter, limit\""), std::string::npos)
      << table;
  EXPECT_EQ(table.find("near_miss), earlier"), std::string::npos) << table;
  const Document document = ChangeControlReport(life, second, kWords);
  EXPECT_NE(WriteMarkdown(document).find("step (score from 0 to 1, higher is better), earlier charter"),
            std::string::npos);
}

// A metric that keeps its name and gets another range or another good end is another metric.
TEST(LifeOf, KeepsScalesOfOneNameApartOverAnAmendment) {
  const warrant::Path begun;
  for (const char* scale : {"better = \"higher\"\nmax = 100", "better = \"lower\""}) {
    warrant::Path path = begun;
    const charter::Charter first = path.charter();
    path.Go({.tree = path.baseline}, WithReports([&](const std::string&, std::uint64_t k) {
              return trial::TrialReportToJson(SomeReport(first, Terms(k), 0.5));
            }));
    const std::uint64_t before = path.entries().size();
    warrant::Tampering waiting;
    waiting.cosignature_time = [](int64_t& time) { time += warrant::kDay; };
    const crypto::Digest amended = path.PutCharter([&](charter::TestCharter& test) {
      test.Replace("name = \"score\"\nbetter = \"higher\"", std::string("name = \"score\"\n") + scale);
    });
    const warrant::MadeWarrant made =
        path.Make({.action = warrant::Action::kAmendment, .tree = amended, .signers = {"ann", "bob", "cy"}}, waiting);
    path.now += warrant::kDay;
    path.Accept(made);
    const charter::Charter second = path.charter();
    const Life life = LifeOfPath(path);
    const std::vector<Drawing> drawings = LifePictures(life, second);
    EXPECT_TRUE(drawings[0].picture.series[0].points.empty()) << scale;
    EXPECT_NE(drawings[0].picture.description.find(" 1 trial under an earlier"), std::string::npos) << scale;
    EXPECT_EQ(drawings[2].picture.series[0].points.size(), 1U) << "the harm's is as it was";
    EXPECT_NE(LifeTable(life, second).find("\"ceiling (score from 0 to 1, higher is better), earlier charter, lower\""),
              std::string::npos);
    const auto latest = [&](std::uint64_t size) {
      return *LatestMeasured(HistoryOf(path, size), path.store().Reader());
    };
    EXPECT_FALSE(latest(path.entries().size())) << "that was under another charter";
    ASSERT_TRUE(latest(before));
    EXPECT_EQ(latest(before)->proposal, "p1");
  }
}

// One evaluator must not blind everybody: a report that is none is named by the rule that it breaks, and gives no
// figure.
TEST(LifeOf, TakesFiguresFromReportsThatAnswerTheCharterAlone) {
  const std::vector<std::pair<std::function<void(encoding::Json&)>, std::string>> lies = {
      {[](auto& j) { j["conditions"][0]["log_e_value_peak"] = "0"; }, "unreadable, trial-report.status"},
      {[](auto& j) { j["conditions"].push_back(j["conditions"][0]); }, "unreadable, trial-report.duplicate"},
      {[](auto& j) { j["fingerprint"]["probes"] = 0; }, "unreadable, trial-report.fingerprint"},
      {[](auto& j) { j["budget_index"] = 2; }, "no answer to the charter, trial-report.terms"},
      {[](auto& j) { j["conditions"][0]["limit"] = "0.9"; }, "no answer to the charter, trial-report.conditions"},
      {[](auto& j) { j["conditions"][0]["name"] = "other"; }, "no answer to the charter, trial-report.conditions"},
      {[](auto& j) { j["conditions"][0]["alpha"] = "0.01"; }, "no answer to the charter, trial-report.conditions"},
      {[](auto& j) { j["conditions"][1]["upper"] = "1.7e+308"; }, "no answer to the charter, trial-report.range"}};
  const warrant::Path before;
  for (const auto& [lie, why] : lies) {
    for (const auto verdict : {warrant::VoteVerdict::kFor, warrant::VoteVerdict::kAgainst}) {
      warrant::Path path = before;
      warrant::Tampering tampering = WithReports([&, &lie = lie](const std::string& evaluator, std::uint64_t k) {
        encoding::Json json = trial::TrialReportToJson(SomeReport(path.charter(), Terms(k), 0.5));
        if (evaluator == "evaluator-a") lie(json);
        return json;
      });
      tampering.votes = [verdict, votes_of = tampering.votes](std::vector<warrant::Vote>& votes) {
        votes_of(votes);
        for (warrant::Vote& vote : votes) {
          if (vote.reviewer != "evaluator-a") continue;
          vote.verdict = verdict;
          if (verdict == warrant::VoteVerdict::kAgainst) vote.reasons = {"it is worse"};
        }
      };
      path.Make({.tree = path.baseline}, tampering);
      const Life life = LifeOfPath(path);
      ASSERT_EQ(life.entries.size(), 1U);
      const LifeEntry& entry = life.entries[0];
      EXPECT_EQ(entry.verdicts, (std::vector<std::string>{"evaluator-a: " + why, "evaluator-b: pass"}));
      EXPECT_EQ(entry.vote_indices.size(), 2U);
      ASSERT_FALSE(entry.conditions.empty());
      EXPECT_EQ(entry.conditions[0].limit, 0.01);
      EXPECT_EQ(entry.conditions[0].observations, 4'000U) << "the other evaluator's alone";
      EXPECT_TRUE(std::isinf(*entry.conditions[0].share_together)) << "who gives no figure is missing";
      EXPECT_EQ(WriteHtml(ChangeControlReport(life, path.charter(), kWords)).find("nan"), std::string::npos);
    }
  }
}

// A prover's word on what a trial found is nobody's figure.
TEST(LifeOf, TakesFiguresFromEvaluatorsAlone) {
  warrant::Path path;
  warrant::Tampering tampering;
  tampering.votes = [&](std::vector<warrant::Vote>& votes) {
    for (warrant::Vote& vote : votes) {
      const double progress = vote.role == "evaluator" ? 0.5 : 0.1;
      const encoding::Json report = trial::TrialReportToJson(SomeReport(path.charter(), Terms(1), progress));
      if (vote.role == "evaluator") {
        vote.evidence["report"] = report;
      } else {
        vote.evidence = {{"report", report}};
      }
    }
  };
  path.Make({.tree = path.baseline}, tampering);
  const LifeEntry entry = LifeOfPath(path).entries.at(0);
  EXPECT_EQ(entry.verdicts, (std::vector<std::string>{"evaluator-a: pass", "evaluator-b: pass"}));
  EXPECT_NEAR(entry.Find(trial::ConditionKind::kCeiling, "ceiling", {"score"})->estimate, 0.7, 1e-12);
  EXPECT_EQ(entry.conditions[0].observations, 8'000U);
}

TEST(LifeOf, ShowsEachEvaluatorsPValue) {
  warrant::Path path;
  const warrant::Tampering tampering = WithReports([&](const std::string& evaluator, std::uint64_t k) {
    trial::TrialReport report = SomeReport(path.charter(), Terms(k), 0.5);
    report.fingerprint->p_value = evaluator == "evaluator-a" ? 0.005 : 0.31;
    return trial::TrialReportToJson(report);
  });
  path.Make({.tree = path.baseline}, tampering);
  const Life life = LifeOfPath(path);
  ASSERT_EQ(life.entries.at(0).movements.size(), 2U);
  EXPECT_EQ(life.entries[0].movements[0].p_value, 0.005);
  EXPECT_EQ(life.entries[0].movements[1].evaluator, "evaluator-b");
  EXPECT_EQ(life.entries[0].movements[1].p_value, 0.31);
  const std::string markdown = WriteMarkdown(ChangeControlReport(life, path.charter(), kWords));
  const std::string first = std::to_string(life.entries[0].vote_indices.at(0));
  const std::string second = std::to_string(life.entries[0].vote_indices.at(1));
  for (const std::string& words : std::vector<std::string>{
           "| evaluator-a | ", "[0.005](#entry-" + first + ") ", "| evaluator-b | ", "[0.31](#entry-" + second + ") ",
           "[256](#entry-" + second + ") | [199](#entry-" + second + ") |", "the smallest of several is none"}) {
    EXPECT_NE(markdown.find(words), std::string::npos) << words;
  }
}

// The gate turns most harmful candidates away before anybody votes; what it measured is shown, and as its own.
TEST(LifeOf, ShowsTheGatesTrialWhereNoEvaluatorMeasured) {
  const warrant::Path before;
  warrant::Path path = before;
  std::size_t folded = 0;
  const auto gate_finds = [&](const std::string& bytes) {
    warrant::Tampering tampering;
    tampering.votes = [&, bytes](std::vector<warrant::Vote>& votes) {
      using audit::Step;
      for (const Step step : {Step::kFreeze, Step::kSurface, Step::kPace, Step::kProperties, Step::kTrial}) {
        audit::Finding finding;
        finding.about = votes.front().about;
        finding.proposal = "p1";
        finding.step = step;
        finding.time = path.now;
        finding.outcome = audit::FindingOutcome::kPass;
        finding.summary = "as it should be";
        if (step == Step::kTrial) finding.evidence = {{"report", *path.store().PutBlob(bytes)}};
        path.Append(path.BySomeone(audit::WriteFinding(finding), "log"));
      }
      folded = path.entries().size();
    };
    return tampering;
  };
  trial::TrialReport harm = SomeReport(path.charter(), Terms(1), 0.5);
  harm.conditions[0].estimate = 0.05;
  harm.conditions[0].lower = 0.04;
  harm.conditions[0].upper = 0.06;
  harm.conditions[0].status = trial::StatusOf(harm.conditions[0]);
  harm.verdict = trial::VerdictOf(harm.conditions);
  ASSERT_EQ(harm.verdict, trial::TrialVerdict::kHarm);
  path.Make({.tree = path.baseline}, gate_finds(encoding::CanonicalJson(trial::TrialReportToJson(harm))));
  const Life life = LifeOfPath(path, folded);
  const LifeEntry& entry = life.entries.at(0);
  ASSERT_TRUE(entry.gate);
  EXPECT_EQ(entry.gate->verdict, "harm");
  EXPECT_TRUE(entry.verdicts.empty());
  ASSERT_FALSE(entry.conditions.empty());
  EXPECT_EQ(entry.conditions[0].estimate, 0.05);
  EXPECT_FALSE(entry.conditions[0].share_together);
  const Picture picture = LifePictures(life, path.charter())[2].picture;
  ASSERT_EQ(picture.series[0].points.size(), 1U);
  EXPECT_EQ(picture.series[0].points[0].mark, Mark::kCrossed);
  const std::uint64_t finding = folded - 1;
  EXPECT_EQ(picture.series[0].points[0].entry, finding) << "which names the report";
  EXPECT_EQ(entry.movements.at(0).entry, finding);
  EXPECT_NE(picture.description.find("Latest, by the gate alone: 0.05"), std::string::npos);
  EXPECT_NE(WriteSvg(picture).find("crossed: gate alone"), std::string::npos);
  const Document document = ChangeControlReport(life, path.charter(), kWords);
  ExpectLinksToResolve(life, path.charter());
  const std::string markdown = WriteMarkdown(document);
  for (const std::string& words :
       {std::string("0.05 in \\[0.04, 0.06\\], gate"), std::string("by the gate's own trial alone: harm"),
        "finding of the gate's own trial of p1: harm (report " + entry.gate->report,
        "0.05 in \\[0.04, 0.06\\], gate](#entry-" + std::to_string(finding) + ")"}) {
    EXPECT_NE(markdown.find(words), std::string::npos) << words;
  }

  path = before;
  path.Make({.tree = path.baseline}, gate_finds("{}"));
  const LifeEntry blind = LifeOfPath(path, folded).entries.at(0);
  EXPECT_EQ(blind.gate->verdict, "unreadable, json.member");
  EXPECT_TRUE(blind.conditions.empty());
}

TEST(LifePictures, ShowCapabilityHarmDriftBudgetAndPace) {
  const std::vector<Drawing> drawings = LifePictures(LifeOfLength(8), Charter());
  std::vector<std::string> files;
  for (const Drawing& drawing : drawings) files.push_back(drawing.file);
  EXPECT_EQ(files, (std::vector<std::string>{"capability.svg", "growth.svg", "harm-near-miss.svg", "drift.svg",
                                             "energy.svg", "budget.svg", "pace.svg"}));
  EXPECT_EQ(drawings[0].picture.limits[0].y, 0.95);
  EXPECT_EQ(drawings[0].picture.series[0].points.size(), 8U);
  EXPECT_EQ(drawings[0].picture.series[0].points[0].mark, Mark::kHollow);
  EXPECT_EQ(drawings[0].picture.series[0].points[1].mark, Mark::kFull);
  // 1 - 6/pi^2 after the first trial.
  EXPECT_NEAR(drawings[5].picture.series[0].points[0].y, 100 * (1 - 6 / (M_PI * M_PI)), 1e-6);
  // Releases are two seconds apart, so all lie in the window.
  EXPECT_EQ(drawings[6].picture.series[0].points.back().y, 4);
}

TEST(LifePictures, ShowGrowthWithinTheWindowAndTheEnergyDistance) {
  Life life = LifeOfLength(8);
  const std::vector<Drawing> plain = LifePictures(life, Charter());
  ASSERT_EQ(plain[1].picture.series.size(), 1U);
  EXPECT_EQ(plain[1].picture.series[0].points[3].y, 0.009);
  EXPECT_EQ(plain[1].picture.limits[0].y, 0.02);
  ASSERT_EQ(plain[4].picture.series.size(), 1U);
  EXPECT_EQ(plain[4].picture.series[0].points[7].y, 0.01);
  EXPECT_TRUE(plain[4].picture.limits.empty());
  for (LifeEntry& entry : life.entries) {
    entry.movements.push_back({"evaluator-b", 0.03, 0.2, 256, 199, entry.vote_indices[1]});
    entry.conditions.push_back(
        {"growth", trial::ConditionKind::kGrowth, 0.05, 1e-4, 0.03, 0.028, 0.032, 8000, 1, {"score"}});
    entry.conditions.push_back(
        {"drift-energy", trial::ConditionKind::kDrift, 0.1, 1e-4, 0.04, 0, 0.09, 2000, 1, {"outcomes"}});
  }
  charter::TestCharter test;
  test.Replace("max_step = 0.02", "max_step = 0.02\nmax_growth = 0.05")
      .Replace("[bounds.drift]", "[bounds.drift]\nenergy_limit = 0.1");
  const std::vector<Drawing> limited = LifePictures(life, *test.Read());
  ASSERT_EQ(limited[1].picture.series.size(), 2U);
  EXPECT_EQ(limited[1].picture.series[1].points[3].y, 0.03);
  EXPECT_EQ(limited[1].picture.limits[1].y, 0.05);
  ASSERT_EQ(limited[4].picture.series.size(), 2U);
  EXPECT_EQ(limited[4].picture.series[0].points[3].upper, 0.09);
  EXPECT_EQ(limited[4].picture.series[1].points[3].y, 0.02) << "the mean of the evaluators'";
  EXPECT_EQ(limited[4].picture.limits[0].y, 0.1);
  for (const Drawing* drawing : {&limited[1], &limited[4]}) {
    for (const Point& point : drawing->picture.series[1].points) EXPECT_TRUE(point.entry);
  }
}

TEST(LifePictures, GiveEachHarmAFileOfItsOwn) {
  charter::Charter charter = Charter();
  charter.bounds.harm.push_back(charter.bounds.harm.front());
  charter.bounds.harm.back().name = "near-miss";
  const std::vector<Drawing> drawings = LifePictures(LifeOfLength(2), charter);
  EXPECT_EQ(drawings[2].file, "harm-near-miss.svg");
  EXPECT_EQ(drawings[3].file, "harm-near-miss.2.svg");
  const std::string page = WriteHtml(ChangeControlReport(LifeOfLength(2), charter, kWords));
  EXPECT_EQ(Count(page, "<title id=\"picture-Harm-3a-20near-5fmiss\">"), 1U);
  EXPECT_EQ(Count(page, "<title id=\"picture-Harm-3a-20near-2dmiss\">"), 1U);
}

TEST(WriteSvg, IsReadableWithoutEyesAndColours) {
  Picture picture{.title = "A & B",
                  .description = "words",
                  .marks = " of marks",
                  .x_label = "x",
                  .y_label = "y",
                  .series = {},
                  .limits = {}};
  picture.series = {{"one", {{.x = 1, .y = 2, .lower = 1, .upper = 3, .label = "p1", .entry = 7}}},
                    {"two", {{.x = 1, .y = 4}}}};
  const std::string svg = WriteSvg(picture);
  EXPECT_NE(svg.find("role=\"img\""), std::string::npos);
  EXPECT_NE(svg.find("<title id=\"picture-A-20-26-20B\">A &amp; B</title>"), std::string::npos);
  EXPECT_NE(svg.find("<desc id=\"picture-A-20-26-20B-text\">words of marks</desc>"), std::string::npos);
  EXPECT_NE(svg.find("prefers-color-scheme:dark"), std::string::npos);
  EXPECT_NE(svg.find("<title>p1: 2 in [1, 3], ledger entry 7</title>"), std::string::npos);
  EXPECT_NE(svg.find("stroke-dasharray"), std::string::npos);
  EXPECT_NE(svg.find("<rect x="), std::string::npos);
}

// A limit is drawn where it held.
TEST(WriteSvg, DrawsALimitThatChangedAsSteps) {
  Picture picture;
  picture.title = "Harm";
  picture.series.push_back({"rate", {{.x = 1, .y = 0}, {.x = 4, .y = 1}}});
  picture.limits.push_back({"limit", 0.5});
  const std::string plain = WriteSvg(picture);
  const auto limit = [](const std::string& svg) {
    const std::size_t end = svg.find("\" class=\"limit\"");
    const std::size_t begin = svg.rfind("d=\"", end) + 3;
    return svg.substr(begin, end - begin);
  };
  EXPECT_EQ(Count(limit(plain), "V"), 0U);
  picture.limits[0].earlier = {{1.5, 0.25}, {3, 0.75}};
  const std::string steps = limit(WriteSvg(picture));
  EXPECT_EQ(Count(steps, "V"), 2U) << steps;
  EXPECT_EQ(Count(steps, "H"), 3U) << steps;
  picture.limits[0].earlier = {{9, 4}};
  EXPECT_NE(WriteSvg(picture).find(">4</text>"), std::string::npos) << "the axis has room for what it was";
}

TEST(WriteSvg, LeavesOutWhatIsNotFiniteAndGroupsWhatIsMany) {
  Picture picture{
      .title = "t", .description = "d.", .marks = "", .x_label = "x", .y_label = "y", .series = {}, .limits = {}};
  picture.series = {{"one", {}}};
  for (int i = 0; i < 50'000; ++i) picture.series[0].points.push_back({.x = double(i), .y = i % 7 == 0 ? NAN : 1.0});
  const std::string svg = WriteSvg(picture);
  EXPECT_EQ(svg.find("nan"), std::string::npos);
  EXPECT_LT(svg.size(), 100'000U);
  EXPECT_NE(svg.find("200 groups"), std::string::npos);
}

// Nor does it hang where neighbouring doubles are all that there is to see.
TEST(WriteSvg, DrawsNumbersOfAnySize) {
  const double next = std::nextafter(0.9, 1);
  for (const auto& [low, high] : {std::pair{-1.7e308, 1.7e308}, std::pair{0.9, next}, std::pair{0.0, 5e-324},
                                  std::pair{-5e-324, 5e-324}, std::pair{1.7e308, 1.7e308}}) {
    Picture picture{
        .title = "t", .description = "d", .marks = "", .x_label = "x", .y_label = "y", .series = {}, .limits = {}};
    picture.series = {{"one", {{.x = 1, .y = 0.5, .lower = low, .upper = high}, {.x = 2, .y = high}}}};
    picture.limits = {{"limit", low}};
    const std::string svg = WriteSvg(picture);
    EXPECT_EQ(svg.find("nan"), std::string::npos) << low;
    EXPECT_EQ(svg.find("inf"), std::string::npos) << low;
    EXPECT_LT(svg.size(), 10'000U) << low;
  }
}

// Where nothing was asked nothing is a share of it.
TEST(ChangeControlReport, SaysNoShareOfNoProbes) {
  Life life = LifeOfLength(2);
  life.entries.back().probes = 0;
  life.entries.back().changes = {{"left", "right", 0, 0, {}}};
  life.entries.back().changed_from_parent = 0;
  EXPECT_EQ(WriteHtml(ChangeControlReport(life, Charter(), kWords)).find("nan"), std::string::npos);
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
  Picture picture{
      .title = "t", .description = "d.", .marks = "", .x_label = "x", .y_label = "y", .series = {}, .limits = {}};
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
