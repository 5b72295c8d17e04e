// Real programs in real sandboxes, talking through the relay.
#include "trial/conversation.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstdlib>
#include <fstream>
#include <sstream>

#include "trial/assess.h"
#include "trial/run.h"

namespace pawl::trial {
namespace {

namespace fs = std::filesystem;
using sandbox::Job;

class ConversationTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = (fs::temp_directory_path() / "pawl-conversation-XXXXXX").string();
    root_ = mkdtemp(pattern.data());
    fs::permissions(root_, fs::perms(0755));
    for (const char* name : {"charter", "subject"}) fs::create_directory(root_ / name);
  }
  void TearDown() override { fs::remove_all(root_); }

  Job Script(const char* folder, const std::string& text) {
    std::ofstream(root_ / folder / "program.py") << text;
    Job job;
    job.argv = {"/usr/bin/python3", "-I", "-S", std::string("/in/") + folder + "/program.py"};
    job.inputs = {{root_ / folder, std::string("/in/") + folder}};
    job.limits.wall_ms = 20'000;
    job.limits.memory_mib = 256;
    return job;
  }

  // What the evaluator saw, one line each, written to /out/seen.
  static std::string Evaluator(const std::string& requests) {
    return "import sys\nseen = open('/out/seen', 'w')\nfor request in " + requests +
           ":\n    print(request, flush=True)\n    seen.write(sys.stdin.readline())\nseen.close()\n";
  }

  Result<Conversation> Talk(const std::string& evaluator, const std::string& subject) {
    return Converse(Script("charter", evaluator), Script("subject", subject), sandbox::EveryWeakening(), root_ / "out");
  }

  std::string Seen() {
    std::stringstream text;
    text << std::ifstream(root_ / "out/seen").rdbuf();
    return text.str();
  }

  fs::path root_;
};

const char* const kUpper = "import sys\nfor line in sys.stdin:\n    print(line.strip().upper(), flush=True)\n";

TEST_F(ConversationTest, CarriesRequestsAndAnswers) {
  const Result<Conversation> talk = Talk(Evaluator("['a', 'b c', 'ü']"), kUpper);
  ASSERT_TRUE(talk.ok()) << talk.error().message;
  EXPECT_TRUE(sandbox::Succeeded(talk->evaluator)) << talk->evaluator.explanation << talk->evaluator.standard_error;
  EXPECT_EQ(Seen(), "+A\n+B C\n+Ü\n");
  EXPECT_EQ(talk->requests, 3);
  EXPECT_EQ(talk->subject_end, ConversationEnd::kFinished);
  EXPECT_FALSE(fs::exists(root_ / "out.discarded"));
}

TEST_F(ConversationTest, CarriesMessagesUpToTheLimit) {
  const std::string sizes = "['x' * (1 << 20), 'y' * ((1 << 20) - 1)]";
  const Result<Conversation> talk = Talk(Evaluator(sizes), kUpper);
  ASSERT_TRUE(talk.ok()) << talk.error().message;
  EXPECT_EQ(Seen().size(), 2 * ((1U << 20) + 2) - 1);
  EXPECT_EQ(talk->subject_end, ConversationEnd::kFinished);
}

// Whatever the subject's program does instead of answering, the evaluator is told and goes on.
TEST_F(ConversationTest, TellsWhyThereIsNoAnswer) {
  struct Case {
    const char* subject;
    ConversationEnd end;
  };
  const Case cases[] = {
      {"", ConversationEnd::kEnded},
      {"import os, sys\nsys.stdin.readline()\nos.kill(os.getpid(), 9)\n", ConversationEnd::kEnded},
      {"import sys\nsys.stdin.readline()\nprint('x' * ((1 << 20) + 1), flush=True)\n", ConversationEnd::kTooLong},
      {"import sys\nwhile True: sys.stdout.write('x' * 65536)\n", ConversationEnd::kTooLong},
      {"import sys\nsys.stdin.readline()\nsys.stdout.buffer.write(b'\\xff\\n'); sys.stdout.flush()\n"
       "sys.stdin.readline()\n",
       ConversationEnd::kMalformed},
      {"import sys\nsys.stdin.readline()\nprint('\\x1b[2J', flush=True)\nsys.stdin.readline()\n",
       ConversationEnd::kMalformed},
      {"import sys\nsys.stdin.readline()\nprint('A\\nB', flush=True)\nsys.stdin.readline()\n",
       ConversationEnd::kUnasked},
  };
  for (const Case& one : cases) {
    fs::remove_all(root_ / "out");
    const Result<Conversation> talk = Talk(Evaluator("['a', 'b']"), one.subject);
    ASSERT_TRUE(talk.ok()) << talk.error().message;
    EXPECT_TRUE(sandbox::Succeeded(talk->evaluator)) << talk->evaluator.explanation;
    // A flood before the first request is seen either as unasked or as too long.
    const bool unasked = talk->subject_end == ConversationEnd::kUnasked && one.end == ConversationEnd::kTooLong;
    EXPECT_TRUE(talk->subject_end == one.end || unasked) << one.subject << Name(talk->subject_end);
    const std::string word(Name(talk->subject_end));
    EXPECT_EQ(Seen(), "-" + word + "\n-" + word + "\n");
  }
}

TEST_F(ConversationTest, StopsASubjectThatNeverAnswers) {
  Job evaluator = Script("charter", Evaluator("['a']"));
  evaluator.limits.wall_ms = 700;
  const Result<Conversation> talk =
      Converse(evaluator, Script("subject", "import time\ntime.sleep(60)\n"), sandbox::EveryWeakening(), root_ / "out");
  ASSERT_TRUE(talk.ok()) << talk.error().message;
  EXPECT_EQ(talk->evaluator.end, sandbox::End::kWallLimit);
}

TEST_F(ConversationTest, RefusesRequestsThatAreNoLinesOfText) {
  for (const char* request : {"['']", "['a\\x01']", "['x' * ((1 << 20) + 1)]"}) {
    fs::remove_all(root_ / "out");
    const Result<Conversation> talk = Talk(Evaluator(request), kUpper);
    ASSERT_TRUE(talk.ok()) << talk.error().message;
    EXPECT_TRUE(talk->bad_request) << request;
  }
}

TEST_F(ConversationTest, TheMachinesFailuresAreErrors) {
  Job no_input = Script("subject", kUpper);
  no_input.inputs[0].host_path = root_ / "none";
  EXPECT_FALSE(
      Converse(Script("charter", Evaluator("['a']")), no_input, sandbox::EveryWeakening(), root_ / "out").ok());
  fs::remove_all(root_ / "out");
  Job no_evaluator = Script("charter", "");
  no_evaluator.inputs[0].host_path = root_ / "none";
  EXPECT_FALSE(Converse(no_evaluator, Script("subject", kUpper), sandbox::EveryWeakening(), root_ / "out").ok());
}

// The program sees its own tree and nothing of the charter, the seeds or the result.
TEST_F(ConversationTest, TheSubjectSeesOnlyItsOwnTree) {
  const Result<Conversation> talk =
      Talk(Evaluator("['a']"), "import os, sys\nsys.stdin.readline()\nprint(sorted(os.listdir('/in')), flush=True)\n");
  ASSERT_TRUE(talk.ok()) << talk.error().message;
  EXPECT_EQ(Seen(), "+['subject']\n");
}

// The same through the charter's protocol: episode i asks for i squared, and scores 1 for it.
class EvaluationTest : public ConversationTest {
 protected:
  EvaluationRequest Request(std::size_t episodes, const std::string& program) {
    std::ofstream(root_ / "charter/evaluate.py")
        << "import sys\nassert sys.argv[1:3] == ['episodes', '--converse'], sys.argv\nout = open(sys.argv[6], 'w')\n"
           "for i in range(" +
               std::to_string(episodes) +
               "):\n    print(i, flush=True)\n    answer = sys.stdin.readline()\n"
               "    score = 1 if answer == '+%d\\n' % (i * i) else 0\n"
               "    out.write('{\"episode\":%d,\"metrics\":{\"score\":%d}}\\n' % (i, score))\n";
    std::ofstream(root_ / "subject/square.py") << program;
    fs::create_directories(root_ / "scratch");
    seeds_.resize(episodes);
    EvaluationRequest request;
    request.command = {"python3", "evaluate.py"};
    request.subject_command = {"python3", "/in/subject/square.py"};
    request.charter_directory = root_ / "charter";
    request.subject_directory = root_ / "subject";
    request.scratch_directory = root_ / "scratch";
    request.seeds = seeds_;
    request.limits.wall_ms = 20'000;
    request.limits.memory_mib = 256;
    request.accepted = sandbox::EveryWeakening();
    return request;
  }
  // What a trial makes of such a program: "the score is above 0.8".
  ConditionReport Judged(std::size_t episodes, const std::string& program) {
    TrialRules rules;
    rules.metrics = {{"score"}};
    rules.harms = {{"wrong", "score", 0.8, 1e-3}};
    rules.episodes = episodes;
    Result<Evaluation<EpisodeTable>> run = RunEpisodes(Request(episodes, program), rules.metrics);
    EXPECT_TRUE(run.ok() && run->table);
    if (!run.ok() || !run->table) return {};
    TrialData data;
    data.candidate = *run->table;
    data.baseline = data.candidate;
    data.parent = data.candidate;
    const Result<TrialReport> report = AssessTrial(rules, {}, data);
    EXPECT_TRUE(report.ok() && report->conditions.size() == 1);
    return report.ok() && report->conditions.size() == 1 ? report->conditions[0] : ConditionReport();
  }

  std::vector<Seed> seeds_;
};

// A program keeps its state for a run: it counts, and behaves until its good name is made.
TEST_F(EvaluationTest, AProgramThatTurnsBadAfterSoManyRequests) {
  const std::string good = "import sys\nfor line in sys.stdin:\n    print(int(line) ** 2, flush=True)\n";
  EXPECT_EQ(Judged(300, good).status, ConditionStatus::kShown);
  const ConditionReport turned = Judged(300,
                                        "import sys\nfor n, line in enumerate(sys.stdin):\n"
                                        "    print(int(line) ** 2 if n < 150 else -1, flush=True)\n");
  EXPECT_EQ(turned.estimate, 0.5);
  EXPECT_GT(turned.log_e_value_peak, std::log(1e3)) << "its first half alone would have shown it";
  EXPECT_EQ(turned.status, ConditionStatus::kExceeded);
}

// Dying in a hard episode does not leave it out, nor those after it.
TEST_F(EvaluationTest, AProgramThatDiesInHardEpisodesAlone) {
  const ConditionReport died = Judged(300,
                                      "import sys\nfor line in sys.stdin:\n    if int(line) % 100 == 99: sys.exit(1)\n"
                                      "    print(int(line) ** 2, flush=True)\n");
  EXPECT_EQ(died.observations, 300U);
  EXPECT_DOUBLE_EQ(died.estimate, 99.0 / 300);
  EXPECT_EQ(died.status, ConditionStatus::kExceeded);
}

TEST_F(EvaluationTest, EvaluatesASubjectThatIsAProgram) {
  EvaluationRequest request =
      Request(2, "import sys\nfor line in sys.stdin:\n    print(int(line) ** 2, flush=True)\n    break\n");
  const std::vector<MetricRange> metrics = {{"score"}};
  const Result<Evaluation<EpisodeTable>> run = RunEpisodes(request, metrics);
  ASSERT_TRUE(run.ok()) << run.error().message;
  ASSERT_TRUE(run->table) << run->void_reason.rule << ": " << run->void_reason.message;
  EXPECT_EQ(run->table->column(0)[0], 1);
  EXPECT_EQ(run->table->column(0)[1], 0);  // it had ended by then: the worst value, not a void trial
  request.subject_command = {"square.py/../x"};
  EXPECT_EQ(RunEpisodes(request, metrics).error().rule, "evaluation.subject-command");
}

}  // namespace
}  // namespace pawl::trial
