// Runs small evaluators in the real sandbox.
#include "trial/run.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>

namespace pawl::trial {
namespace {

namespace fs = std::filesystem;

const std::vector<MetricRange> kMetrics = {{"score"}};

// A charter with one shell script as its evaluator, a subject with one file, and scratch space.
class RunTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = (fs::temp_directory_path() / "pawl-run-XXXXXX").string();
    root_ = mkdtemp(pattern.data());
    fs::permissions(root_, fs::perms(0755));
    for (const char* name : {"charter", "subject", "scratch"}) fs::create_directory(root_ / name);
    std::ofstream(root_ / "subject/bias.txt") << "0.25\n";
    seeds_.resize(3);
    seeds_[0][0] = 1;
  }
  void TearDown() override { fs::remove_all(root_); }

  EvaluationRequest Request(const std::string& script) {
    std::ofstream(root_ / "charter/evaluate.sh") << script;
    EvaluationRequest request;
    request.command = {"sh", "evaluate.sh"};
    request.charter_directory = root_ / "charter";
    request.subject_directory = root_ / "subject";
    request.scratch_directory = root_ / "scratch";
    request.seeds = seeds_;
    request.limits.wall_ms = 5000;
    request.limits.cpu_ms = 5000;
    request.limits.memory_mib = 256;
    request.accepted = sandbox::EveryWeakening();
    return request;
  }

  // The rule that voided the trial; "" where it is not void.
  std::string VoidRule(const std::string& script) {
    const Result<Evaluation<EpisodeTable>> run = RunEpisodes(Request(script), kMetrics);
    EXPECT_TRUE(run.ok()) << run.error().message;
    return !run.ok() || run->table ? "" : run->void_reason.rule;
  }

  fs::path root_;
  std::vector<Seed> seeds_;
};

// $1 is the task, then --subject S --seeds F --out O.
const char* const kGood =
    "test \"$1 $2 $3 $4 $5 $6\" = 'episodes --subject /in/subject --seeds /in/seeds --out' || exit 9\n"
    "test \"$(pwd)\" = /in/charter || exit 8\n"
    "test \"$(wc -c < \"$5\")\" -eq 96 || exit 7\n"
    "read bias < \"$3/bias.txt\"\n"
    "for i in 0 1 2; do echo \"{\\\"episode\\\":$i,\\\"metrics\\\":{\\\"score\\\":$bias}}\"; done > \"$7\"\n";

TEST_F(RunTest, GivesTheTableOfAGoodEvaluator) {
  const Result<Evaluation<EpisodeTable>> run = RunEpisodes(Request(kGood), kMetrics);
  ASSERT_TRUE(run.ok()) << run.error().rule << ": " << run.error().message;
  ASSERT_TRUE(run->table) << run->void_reason.rule << ": " << run->void_reason.message;
  EXPECT_EQ(run->table->episodes(), 3U);
  EXPECT_EQ(run->table->column(0)[2], 0.25);
  EXPECT_TRUE(fs::is_empty(root_ / "scratch"));
}

TEST_F(RunTest, GivesDecisions) {
  const Result<Evaluation<Decisions>> run = RunDecisions(Request(
      "test $1 = decisions || exit 9\nfor i in 0 1 2; do echo \"{\\\"probe\\\":$i,\\\"decision\\\":\\\"d$i\\\"}\"; "
      "done > $7\n"));
  ASSERT_TRUE(run.ok()) << run.error().message;
  ASSERT_TRUE(run->table) << run->void_reason.message;
  EXPECT_EQ(run->table->chosen, (std::vector<std::string>{"d0", "d1", "d2"}));
}

TEST_F(RunTest, TheRunsOwnFailuresVoidTheTrial) {
  EXPECT_EQ(VoidRule("exit 1\n"), "evaluation.exited");
  EXPECT_EQ(VoidRule(std::string(kGood) + "exit 3\n"), "evaluation.exited");
  EXPECT_EQ(VoidRule("kill -9 $$\n"), "evaluation.signalled");
  EXPECT_EQ(VoidRule("exit 0\n"), "evaluation.output");
  EXPECT_EQ(VoidRule(std::string(kGood) + "echo more > /out/more\n"), "evaluation.output");
  EXPECT_EQ(VoidRule("echo nonsense > $7\n"), "episodes.count");
  EXPECT_EQ(VoidRule(": > $7\n"), "episodes.count");
  EXPECT_EQ(
      VoidRule("for i in 0 1 2; do echo \"{\\\"episode\\\":$i,\\\"metrics\\\":{\\\"score\\\":NaN}}\"; done > $7\n"),
      "episodes.not-finite");
  EXPECT_EQ(VoidRule("for i in 0 1 2; do echo \"{\\\"episode\\\":$i,\\\"metrics\\\":{\\\"score\\\":7}}\"; done > $7\n"),
            "episodes.out-of-range");
  EXPECT_EQ(VoidRule("ln -s /etc/passwd $7\n"), "evaluation.bad-output");
  EXPECT_EQ(VoidRule("cd /out; n=$(printf %0250d 0); for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do "
                     "mkdir $n; cd -P $n; done\n"),
            "evaluation.bad-output");
  EXPECT_EQ(VoidRule("chmod 0 /out\n"), "evaluation.bad-output");
  EXPECT_TRUE(fs::is_empty(root_ / "scratch"));
}

TEST_F(RunTest, ATimeOutVoidsTheTrial) {
  EvaluationRequest request = Request("sleep 30\n");
  request.limits.wall_ms = 300;
  const Result<Evaluation<EpisodeTable>> run = RunEpisodes(request, kMetrics);
  ASSERT_TRUE(run.ok()) << run.error().message;
  EXPECT_FALSE(run->table);
  EXPECT_EQ(run->void_reason.rule, "evaluation.wall-limit");
}

TEST_F(RunTest, TheMachinesFailuresAreErrors) {
  EvaluationRequest no_program = Request(kGood);
  no_program.command = {"no-such-program"};
  EXPECT_EQ(RunEpisodes(no_program, kMetrics).error().rule, "evaluation.program-missing");
  EvaluationRequest no_scratch = Request(kGood);
  no_scratch.scratch_directory = root_ / "none";
  EXPECT_EQ(RunEpisodes(no_scratch, kMetrics).error().rule, "evaluation.scratch");
  EvaluationRequest no_subject = Request(kGood);
  no_subject.subject_directory = root_ / "none";
  EXPECT_FALSE(RunEpisodes(no_subject, kMetrics).ok());
  EvaluationRequest no_seeds = Request(kGood);
  no_seeds.seeds = {};
  EXPECT_EQ(RunDecisions(no_seeds).error().rule, "trial.size");
  EXPECT_EQ(RunEpisodes(Request(kGood), {}).error().rule, "trial.metrics");
}

TEST(ResolveEvaluator, TakesPathsAndNames) {
  EXPECT_EQ(*ResolveEvaluator({"/usr/bin/python3"}), "/usr/bin/python3");
  EXPECT_EQ(*ResolveEvaluator({"./bin/evaluate"}), "/in/charter/bin/evaluate");
  EXPECT_EQ(*ResolveEvaluator({"sh"}), "/usr/bin/sh");
  EXPECT_EQ(ResolveEvaluator({"no-such-program"}).error().rule, "evaluation.program-missing");
  EXPECT_EQ(ResolveEvaluator({}).error().rule, "evaluation.command");
  EXPECT_EQ(ResolveEvaluator({"sh", ""}).error().rule, "evaluation.command");
  EXPECT_EQ(ResolveEvaluator({std::string("s\0h", 3)}).error().rule, "evaluation.command");
  EXPECT_EQ(ResolveEvaluator({std::string(5000, 'a')}).error().rule, "evaluation.command");
  EXPECT_EQ(ResolveEvaluator(std::vector<std::string>(65, "a")).error().rule, "evaluation.command");
}

}  // namespace
}  // namespace pawl::trial
