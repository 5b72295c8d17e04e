// What `pawl charter new` writes is a charter, says what it is, and runs.
#include "authoring/charter_new.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/stat.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "authoring/charter_check.h"
#include "authoring/sample_property.h"
#include "authoring/tree_survey.h"
#include "charter/charter.h"
#include "charter/program_rules.h"
#include "charter/testing.h"
#include "encoding/time.h"
#include "model/network.h"
#include "sandbox/sandbox.h"
#include "subject/testing.h"
#include "trial/episodes.h"

namespace pawl::authoring {
namespace {

namespace fs = std::filesystem;
using testing::Contains;
using testing::HasSubstr;
using testing::Not;

class CharterNew : public testing::Test {
 protected:
  CharterNew() {
    std::string pattern = (fs::temp_directory_path() / "pawl-new-XXXXXX").string();
    EXPECT_NE(mkdtemp(pattern.data()), nullptr);
    root_ = pattern;
    Write("tree/policy.onnx", subject::Testdata("policy.onnx"));
    Write("tree/improver/improve.py", "print('hello')\n");
    Write("tree/improver/other.py", "print('hello')\n");
    Write("tree/settings.json", "{\"rate\":1}\n");
    Write("key.pub", Signer('A').substr(Signer('A').find("ssh-ed25519")));
  }
  ~CharterNew() override { fs::remove_all(root_); }

  static std::string Signer(char seed) {
    return charter::TestSigner(std::string("p") + seed, seed, crypto::SshKeyType::kEd25519);
  }
  void Write(const std::string& path, const std::string& bytes) {
    fs::create_directories((root_ / path).parent_path());
    std::ofstream(root_ / path, std::ios::binary) << bytes;
  }
  std::string Read(const std::string& path) {
    std::ifstream file(root_ / path, std::ios::binary);
    std::ostringstream text;
    text << file.rdbuf();
    return text.str();
  }
  std::string At(const std::string& path) { return (root_ / path).string(); }

  NewCharterOptions SingleOperator() {
    NewCharterOptions options;
    options.directory = At("charter");
    options.tree = At("tree");
    options.single_operator = true;
    options.operator_key = At("key.pub");
    options.home = At("home");
    return options;
  }

  fs::path root_;
};

TEST_F(CharterNew, OfASingleOperatorPassesTheCheck) {
  Result<NewCharter> made = WriteNewCharter(SingleOperator());
  ASSERT_TRUE(made.ok()) << made.error().message;
  EXPECT_TRUE(made->to_fill_in.empty());
  CheckOptions options;
  options.baseline = At("tree");
  options.threads = 1;
  Result<CharterReport> report = CheckCharter(At("charter"), options, {});
  ASSERT_TRUE(report.ok()) << report.error().message << " " << report.error().advice;
  ASSERT_EQ(report->properties.size(), 1u);
  // It accepts of the sandbox what this machine lacks, and nothing else, and says so.
  Result<charter::CharterFiles> files = charter::ReadCharterFiles(At("charter"));
  Result<charter::ProgramRules> programs = charter::ReadProgramRules(*files);
  ASSERT_TRUE(programs.ok());
  EXPECT_EQ(programs->accepted, sandbox::WeakerGuarantees(sandbox::Probe()));
  const auto says_so = [](const std::string& note) { return note.find("sandbox is weaker") != std::string::npos; };
  EXPECT_EQ(std::any_of(made->notes.begin(), made->notes.end(), says_so), !programs->accepted.empty());
  EXPECT_THAT(report->properties[0].findings, Contains(HasSubstr("it can fail")));
  EXPECT_THAT(report->properties[0].findings, Contains(HasSubstr("the baseline satisfies it")));
  EXPECT_FALSE(report->properties[0].counterexample.empty());
  EXPECT_THAT(report->warnings, Contains(HasSubstr("placeholder")));
  for (const std::string& warning : report->warnings) EXPECT_THAT(warning, testing::Not(HasSubstr("never be shown")));
}

TEST_F(CharterNew, WithoutTrialsLetsNothingChangeButProvenNetworks) {
  NewCharterOptions options = SingleOperator();
  options.trials = false;
  options.drift_within = "0.25";
  const Result<NewCharter> made = WriteNewCharter(options);
  ASSERT_TRUE(made.ok()) << made.error().message;
  EXPECT_TRUE(made->to_fill_in.empty());
  EXPECT_FALSE(fs::exists(At("charter/evaluate.py")));
  const Result<charter::Charter> charter = charter::ReadCharterFromDirectory(At("charter"));
  ASSERT_TRUE(charter.ok()) << charter.error().message;
  EXPECT_TRUE(charter->evaluation.command.empty());
  ASSERT_EQ(charter->surface.size(), 1u) << "neither the improver nor the settings";
  EXPECT_EQ(charter->surface[0].rule.path, "policy.onnx");
  EXPECT_EQ(charter->properties[0].drift_within, 0.25);
  EXPECT_EQ(charter->reviewers.size(), 3u);
  CheckOptions check;
  check.baseline = At("tree");
  check.threads = 1;
  const Result<CharterReport> report = CheckCharter(At("charter"), check, {});
  ASSERT_TRUE(report.ok()) << report.error().message << " " << report.error().advice;
  EXPECT_TRUE(report->feasibility.empty());
  EXPECT_THAT(report->warnings, Contains(HasSubstr("no trial is asked for")));
  EXPECT_THAT(report->warnings, Not(Contains(HasSubstr("may grow to"))));
  EXPECT_THAT(report->warnings, Not(Contains(HasSubstr("falsified_by"))));
  EXPECT_THAT(report->warnings, Not(Contains(HasSubstr("placeholder"))));
  const auto trial = std::ranges::find(report->sections, "trial", &Section::title);
  ASSERT_NE(trial, report->sections.end());
  EXPECT_THAT(trial->lines, Contains(HasSubstr("NONE")));
  EXPECT_THAT(trial->lines, Contains(HasSubstr("no output of policy.onnx is further than 0.25")));
}

TEST_F(CharterNew, WithoutTrialsSaysWhatNobodyWouldNotice) {
  NewCharterOptions options = SingleOperator();
  options.trials = false;
  ASSERT_TRUE(WriteNewCharter(options).ok());
  std::string text = Read("charter/charter.toml");
  for (const char* line : {"max_parameters", "falsified_by", "max_bytes"}) {
    const size_t at = text.find(std::string("\n") + line);
    if (at != std::string::npos) text.erase(at, text.find('\n', at + 1) - at);
  }
  Write("charter/charter.toml", text);
  const Result<CharterReport> report = CheckCharter(At("charter"), {}, {});
  ASSERT_TRUE(report.ok()) << report.error().message;
  EXPECT_THAT(report->warnings, Contains(HasSubstr("may grow to")));
  EXPECT_THAT(report->warnings, Contains(HasSubstr("has no mutant")));
}

TEST_F(CharterNew, WithoutTrialsAndWithoutANetworkHasSomethingToFillIn) {
  fs::remove(root_ / "tree/policy.onnx");
  NewCharterOptions options = SingleOperator();
  options.trials = false;
  const Result<NewCharter> made = WriteNewCharter(options);
  ASSERT_TRUE(made.ok()) << made.error().message;
  EXPECT_THAT(made->to_fill_in, Contains(HasSubstr("a network with a property")));
}

TEST_F(CharterNew, OfSeveralPeopleIsReadWithTheirKeys) {
  NewCharterOptions options = SingleOperator();
  options.single_operator = false;
  options.operator_key.clear();
  Write("signers", Signer('A') + Signer('B') + Signer('C'));
  options.signers = At("signers");
  options.log_key = charter::TestNoteKey("log", '1');
  options.clock_key = charter::TestNoteKey("clock", '2', crypto::NoteKeyType::kEd25519Cosignature);
  options.reviewers = {"ev-a:ann:evaluator:" + charter::TestNoteKey("ev-a", '3'),
                       "au-b:bob:auditor:" + charter::TestNoteKey("au-b", '4')};
  Result<NewCharter> made = WriteNewCharter(options);
  ASSERT_TRUE(made.ok()) << made.error().message;
  Result<charter::Charter> charter = charter::ReadCharterFromDirectory(options.directory);
  ASSERT_TRUE(charter.ok()) << charter.error().message;
  EXPECT_EQ(charter->approval.threshold, 2);
  EXPECT_EQ(charter->amendment.threshold, 3);
  EXPECT_EQ(charter->assurance, charter::Assurance::kStandard);
}

TEST_F(CharterNew, SaysWhichKeysAreMissing) {
  NewCharterOptions options = SingleOperator();
  options.single_operator = false;
  options.operator_key.clear();
  Result<NewCharter> made = WriteNewCharter(options);
  ASSERT_TRUE(made.ok()) << made.error().message;
  EXPECT_EQ(made->to_fill_in.size(), 7u);  // prover, evaluator, integrity, auditor, approvers, log, clock
  // The check lists every one of them at once, by line.
  Result<CharterReport> report = CheckCharter(At("charter"), {}, {});
  ASSERT_FALSE(report.ok());
  EXPECT_EQ(report.error().rule, "charter.to-fill-in");
  EXPECT_THAT(report.error().message, HasSubstr("10 values are still to be filled in: charter.toml:"));
  EXPECT_THAT(report.error().message, HasSubstr("; charter.toml:"));
  EXPECT_EQ(report.error().message.find('\n'), std::string::npos) << "it is shown on one line";
  Result<charter::Charter> charter = charter::ReadCharterFromDirectory(options.directory);
  ASSERT_FALSE(charter.ok());
  EXPECT_THAT(charter.error().message, HasSubstr("charter.toml:"));
}

// What a killed one leaves lies beside the place, and the next one removes it.
TEST_F(CharterNew, LeavesNoHalfDraft) {
  const std::string left = At("charter-unfinished-abc123");
  std::filesystem::create_directories(left);
  std::filesystem::last_write_time(left, std::filesystem::file_time_type::clock::now() - std::chrono::minutes(2));
  const auto names = [&] {
    std::vector<std::string> found;
    for (const auto& entry : std::filesystem::directory_iterator(At("."))) found.push_back(entry.path().filename());
    std::sort(found.begin(), found.end());
    return found;
  };
  NewCharterOptions wrong = SingleOperator();
  wrong.harm_limit = "many";
  EXPECT_FALSE(WriteNewCharter(wrong).ok());
  EXPECT_FALSE(std::filesystem::exists(left) || std::filesystem::exists(At("charter")));
  const std::vector<std::string> before = names();
  ASSERT_TRUE(WriteNewCharter(SingleOperator()).ok());
  EXPECT_EQ(names().size(), before.size() + 1);
  EXPECT_TRUE(std::filesystem::exists(At("charter/charter.toml")));
}

TEST_F(CharterNew, WritesIntoAnEmptyDirectoryThatSomebodyStandsIn) {
  const std::string left = At("charter/draft-unfinished-abc123");
  std::filesystem::create_directories(left);
  std::filesystem::last_write_time(left, std::filesystem::file_time_type::clock::now() - std::chrono::minutes(2));
  struct stat before, after;
  ASSERT_EQ(stat(At("charter").c_str(), &before), 0);
  ASSERT_TRUE(WriteNewCharter(SingleOperator()).ok());
  ASSERT_EQ(stat(At("charter").c_str(), &after), 0);
  EXPECT_EQ(before.st_ino, after.st_ino);
  EXPECT_TRUE(charter::ReadCharterFromDirectory(At("charter")).ok());
}

TEST_F(CharterNew, CheckNamesAByteOrderMark) {
  ASSERT_TRUE(WriteNewCharter(SingleOperator()).ok());
  for (const char* file : {"charter.toml", "approvers.allowed_signers"}) {
    const std::string path = std::string("charter/") + file, before = Read(path);
    Write(path, "\xEF\xBB\xBF" + before);
    Result<CharterReport> report = CheckCharter(At("charter"), {}, {});
    ASSERT_FALSE(report.ok()) << file;
    EXPECT_EQ(report.error().rule, "charter.byte-order-mark");
    EXPECT_THAT(report.error().message, HasSubstr(file));
    Write(path, before);
  }
  EXPECT_TRUE(CheckCharter(At("charter"), {}, {}).ok());
}

TEST_F(CharterNew, CheckNamesKeysThatAreNotValidNow) {
  ASSERT_TRUE(WriteNewCharter(SingleOperator()).ok());
  const std::string path = "charter/approvers.allowed_signers", before = Read(path);
  const std::string person = before.substr(0, before.find(' '));
  const auto line = [&](const std::string& name, const std::string& times, char seed) {
    const std::string key = Signer(seed);
    return name + " namespaces=\"approve@pawl\"" + times + " " + key.substr(key.find("ssh-ed25519"));
  };
  Write(path, line(person, ",valid-before=\"20240101Z\"", 'A'));
  Result<CharterReport> report = CheckCharter(At("charter"), {}, {});
  ASSERT_FALSE(report.ok()) << "nobody can approve";
  EXPECT_EQ(report.error().rule, "charter.expired-keys");
  EXPECT_THAT(report.error().message, HasSubstr("expired at 2024-01-01"));
  // With another key for the same person it is a warning.
  Write(path, line(person, "", 'A') + line(person, ",valid-after=\"29990101Z\"", 'B'));
  report = CheckCharter(At("charter"), {}, {});
  ASSERT_TRUE(report.ok()) << report.error().message;
  EXPECT_THAT(report->warnings, Contains(HasSubstr("in line 2 of the approvers' file is valid from 2999-01-01")));
}

TEST_F(CharterNew, CheckNamesReviewersKeysThatRunOut) {
  ASSERT_TRUE(WriteNewCharter(SingleOperator()).ok());
  const Result<charter::Charter> charter = charter::ReadCharterFromDirectory(At("charter"));
  ASSERT_TRUE(charter.ok());
  const std::string name = charter->reviewers.front().name;
  const auto check = [&](int64_t expires) {
    Write("charter/reviewers.toml",
          "[[reviewer]]\nname = \"" + name + "\"\nexpires = \"" + encoding::TimeText(expires) + "\"\n");
    return CheckCharter(At("charter"), {}, {});
  };
  const int64_t now = std::time(nullptr);
  const Result<CharterReport> passed = check(now - 60);
  ASSERT_FALSE(passed.ok()) << "the only one of its role";
  EXPECT_EQ(passed.error().rule, "charter.expired-keys");
  const Result<CharterReport> soon = check(now + 86'400);
  ASSERT_TRUE(soon.ok()) << soon.error().message;
  EXPECT_THAT(soon->warnings, Contains(HasSubstr("the key of reviewer '" + name + "' runs out at")));
  const Result<CharterReport> later = check(now + 60 * 86'400);
  ASSERT_TRUE(later.ok());
  EXPECT_THAT(later->warnings, Not(Contains(HasSubstr("runs out at"))));
}

TEST_F(CharterNew, LeavesNothingOfACharterThatIsRefused) {
  NewCharterOptions options = SingleOperator();
  options.max_step = "2";
  Result<NewCharter> made = WriteNewCharter(options);
  ASSERT_FALSE(made.ok());
  EXPECT_THAT(made.error().advice, HasSubstr("nothing was written"));
  EXPECT_FALSE(fs::exists(options.directory));
  EXPECT_TRUE(WriteNewCharter(SingleOperator()).ok()) << "the corrected command is taken";
}

TEST_F(CharterNew, RefusesAPlaceInsideTheSubject) {
  NewCharterOptions options = SingleOperator();
  options.directory = At("tree/charter");
  Result<NewCharter> made = WriteNewCharter(options);
  ASSERT_FALSE(made.ok());
  EXPECT_EQ(made.error().rule, "new.inside-subject");
}

TEST_F(CharterNew, RefusesADirectoryInUse) {
  Write("charter/file", "x");
  Result<NewCharter> made = WriteNewCharter(SingleOperator());
  ASSERT_FALSE(made.ok());
  EXPECT_EQ(made.error().rule, "new.exists");
  EXPECT_EQ(Read("charter/file"), "x");
}

TEST_F(CharterNew, CheckRefusesAnotherBaselineAndAMutantThatHolds) {
  ASSERT_TRUE(WriteNewCharter(SingleOperator()).ok());
  CheckOptions options;
  options.threads = 1;
  Write("other/file", "x");
  options.baseline = At("other");
  Result<CharterReport> report = CheckCharter(At("charter"), options, {});
  ASSERT_FALSE(report.ok());
  EXPECT_EQ(report.error().rule, "charter.baseline");
  Write("charter/mutants/outputs-in-range-1.onnx", subject::Testdata("policy.onnx"));
  options.baseline.clear();
  report = CheckCharter(At("charter"), options, {});
  ASSERT_FALSE(report.ok());
  EXPECT_EQ(report.error().rule, "charter.mutant-holds");
  EXPECT_THAT(report.error().message, HasSubstr("charter.toml:"));
}

TEST_F(CharterNew, CheckWarnsOfAPropertyThatSaysLittle) {
  ASSERT_TRUE(WriteNewCharter(SingleOperator()).ok());
  std::string spec = Read("charter/properties/outputs-in-range-1.vnnlib");
  spec = spec.substr(0, spec.find("(assert (or")) + "(assert (>= Y_0 1e30))\n";
  Write("charter/properties/outputs-in-range-1.vnnlib", spec);
  std::string toml = Read("charter/charter.toml");
  toml.replace(toml.find("falsified_by"), 1, "# f");
  Write("charter/charter.toml", toml);
  CheckOptions options;
  options.threads = 1;
  options.seconds_max = 1;
  options.baseline = At("tree");
  Result<CharterReport> report = CheckCharter(At("charter"), options, {});
  ASSERT_TRUE(report.ok()) << report.error().message;
  EXPECT_THAT(report->warnings, Contains(HasSubstr("says little")));
  EXPECT_THAT(report->warnings, Contains(HasSubstr("falsified_by")));
}

TEST_F(CharterNew, CheckSaysWhetherDriftCanBeProven) {
  ASSERT_TRUE(WriteNewCharter(SingleOperator()).ok());
  const std::string toml = Read("charter/charter.toml"), asked = "# drift_within = 0.1";
  ASSERT_NE(toml.find(asked), std::string::npos) << "what is new mentions it";
  CheckOptions options;
  options.threads = 1;
  options.seconds_max = 2;
  options.baseline = At("tree");
  const auto check = [&](const std::string& within) {
    std::string edited = toml;
    Write("charter/charter.toml", edited.replace(edited.find(asked), asked.size(), "drift_within = " + within));
    Result<CharterReport> report = CheckCharter(At("charter"), options, {});
    EXPECT_TRUE(report.ok()) << report.error().message;
    return *report;
  };
  CharterReport report = check("0.125");
  EXPECT_THAT(report.properties[0].findings, Contains(HasSubstr("drift within 0.125 can be proven")));
  for (const std::string& warning : report.warnings) EXPECT_THAT(warning, testing::Not(HasSubstr("drift")));
  report = check("1e-9");  // less than float32 rounds
  EXPECT_THAT(report.warnings, Contains(HasSubstr("drift within 1e-09 is not proven even of the baseline")));
}

// Proven beside one point, drift says nothing of what a candidate does anywhere else.
TEST_F(CharterNew, CheckWarnsOfDriftThatIsAskedAtOneValue) {
  ASSERT_TRUE(WriteNewCharter(SingleOperator()).ok());
  std::string toml = Read("charter/charter.toml");
  const std::string asked = "# drift_within = 0.1";
  Write("charter/charter.toml", toml.replace(toml.find(asked), asked.size(), "drift_within = 0.1"));
  const std::string file = "charter/properties/outputs-in-range-1.vnnlib", spec = Read(file);
  CheckOptions options;
  options.threads = 1;
  options.seconds_max = 2;
  const auto warnings = [&](const std::string& more) {
    Write(file, spec + more);
    const Result<CharterReport> report = CheckCharter(At("charter"), options, {});
    EXPECT_TRUE(report.ok()) << report.error().message;
    return report->warnings;
  };
  for (const std::string& warning : warnings("")) EXPECT_THAT(warning, testing::Not(HasSubstr("drift")));
  EXPECT_THAT(warnings("(assert (<= X_0 -1))\n"), Contains(HasSubstr("asked for one value of X_0 alone: elsewhere")));
}

TEST_F(CharterNew, CheckWarnsOfLimitsThatCannotBeShown) {
  ASSERT_TRUE(WriteNewCharter(SingleOperator()).ok());
  std::string toml = Read("charter/charter.toml");
  toml.replace(toml.find("episodes = 4000"), 15, "episodes = 50");
  Write("charter/charter.toml", toml);
  CheckOptions options;
  options.threads = 1;
  Result<CharterReport> report = CheckCharter(At("charter"), options, {});
  ASSERT_TRUE(report.ok()) << report.error().message;
  EXPECT_THAT(report->warnings, Contains(HasSubstr("harm 'harm' with no harm seen can never be shown at all")));
}

TEST_F(CharterNew, PlaceholderEvaluatorRunsAndGivesTheWorstValues) {
  ASSERT_TRUE(WriteNewCharter(SingleOperator()).ok());
  Write("seeds", std::string(96, 's'));
  const auto run = [&](const std::string& mode) {
    return std::system(("/usr/bin/python3 '" + At("charter/evaluate.py") + "' " + mode + " --subject '" + At("tree") +
                        "' --seeds '" + At("seeds") + "' --out '" + At(mode) + "'")
                           .c_str());
  };
  ASSERT_EQ(run("episodes"), 0);
  const std::vector<trial::MetricRange> metrics = {{"harm", 0, 1, trial::Direction::kLowerIsBetter},
                                                   {"score", 0, 1, trial::Direction::kHigherIsBetter}};
  Result<trial::EpisodeTable> table = trial::ReadEpisodes(Read("episodes"), metrics, 3);
  ASSERT_TRUE(table.ok()) << table.error().message;
  EXPECT_THAT(Read("episodes"), HasSubstr("\"harm\": 1, \"score\": 0"));
  ASSERT_EQ(run("decisions"), 0);
  EXPECT_TRUE(trial::ReadDecisions(Read("decisions"), 3).ok());
}

TEST(SampleProperty, MovesOneNumberAndNothingElse) {
  const std::string policy = subject::Testdata("policy.onnx");
  Result<SampleProperty> sample = MakeSampleProperty(policy);
  ASSERT_TRUE(sample.ok()) << sample.error().message;
  ASSERT_EQ(sample->mutant.size(), policy.size());
  size_t changed = 0;
  for (size_t i = 0; i < policy.size(); ++i) changed += policy[i] != sample->mutant[i];
  EXPECT_GE(changed, 1u);
  EXPECT_LE(changed, 4u);
  EXPECT_FALSE(WithFirstElementMoved(policy, "no such initialiser", 1).has_value());
}

TEST(TomlQuoted, EscapesWhatTomlWould) { EXPECT_EQ(TomlQuoted("a\"b\\c\td"), "\"a\\\"b\\\\c\\td\""); }

// What reading a charter does not ask: files of keys, and what the evaluator is made of.
TEST_F(CharterNew, KeysAndImportsAreChecked) {
  charter::TestCharter test;
  test.Replace(
      "[[property]]\nname = \"calm\"\nnetwork = \"policy.onnx\"\nspec = \"properties/calm.vnnlib\"\n"
      "falsified_by = \"mutants/loud.onnx\"\n",
      "");
  const auto check = [&]() -> std::string {
    static int count = 0;
    const std::string directory = At("checked-" + std::to_string(++count));
    for (const auto& [path, bytes] : test.files) {
      std::filesystem::create_directories((std::filesystem::path(directory) / path).parent_path());
      std::ofstream(directory + "/" + path, std::ios::binary) << bytes;
    }
    Result<CharterReport> report = CheckCharter(directory, {.baseline = {}, .seconds_max = 2}, {});
    if (!report.ok()) return report.error().rule;
    std::string words;
    for (const std::string& warning : report->warnings) words += warning + "\n";
    return words;
  };
  test.files["evaluate.py"] = "import json\nimport metrics\nsys.path.insert(0, '/in/subject')\n";
  EXPECT_THAT(check(), HasSubstr("evaluate.py:3 has sys.path"));
  EXPECT_THAT(check(), HasSubstr("every change of code is refused at the gate"));
  test.Replace("path = \"improver/**\"", "path = \"improver/*.py\"");
  EXPECT_EQ(check(), "charter.scorer-import");
  test.Replace("path = \"improver/*.py\"", "path = \"improver/**\"");
  test.files["evaluate.py"] = "import json\nimport metrics\n";
  test.Replace("path = \"improver/**\"\nkind = \"text\"\nmay_add = true",
               "path = \"tools/metrics.py\"\nkind = \"text\"");
  EXPECT_EQ(check(), "charter.scorer-import");
  test.files["metrics.py"] = "import pickle\n";
  EXPECT_THAT(check(), HasSubstr("metrics.py:1 has pickle"));
  test.files["run.sh"] = "exec ./compiled\n";
  test.Replace("command = [\"python3\", \"evaluate.py\"]", "command = [\"sh\", \"run.sh\"]");
  EXPECT_THAT(check(), HasSubstr("what 'sh' starts or brings in is not followed"));
  test.Replace("path = \"tools/metrics.py\"\nkind = \"text\"",
               "path = \"limits.json\"\nkind = \"json\"\nkeys = \"limits.keys.toml\"");
  EXPECT_EQ(check(), "charter.file-missing");
  test.files["limits.keys.toml"] = "[[key]]\npointer = \"/a\"\ntype = \"any\"\n";
  EXPECT_THAT(check(), HasSubstr("no integrity reviewer"));
}

}  // namespace
}  // namespace pawl::authoring
