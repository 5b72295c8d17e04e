// What is made of answers of two solvers. Those here are programs of the shell that say what the test wants; each runs
// in the sandbox as z3 and cvc5 do, which stand beside them for a question with a known answer.
#include "oversight/smt_solvers.h"

#include <gtest/gtest.h>
#include <unistd.h>

namespace pawl::oversight {
namespace {

constexpr char kUnsat[] = "echo unsat";

SmtSolver Saying(const std::string& name, const std::string& script) { return {name, {"/usr/bin/sh", "-c", script}}; }

Result<CodeVerdict> Ask(const std::vector<SmtSolver>& solvers, const SmtQuery& query = {"(check-sat)\n", {}}) {
  return AskSolvers(solvers, query, {.wall_ms = 10'000}, sandbox::EveryWeakening());
}

TEST(SmtSolversTest, HoldsWhereBothSayUnsat) {
  const Result<CodeVerdict> verdict = Ask({Saying("one", kUnsat), Saying("two", kUnsat)});
  ASSERT_TRUE(verdict.ok()) << verdict.error().message;
  EXPECT_TRUE(verdict->holds);
  EXPECT_EQ(verdict->words, "one: unsat; two: unsat");
}

struct OtherAnswer {
  const char *script, *words;
};

class SmtSolversOtherTest : public ::testing::TestWithParam<OtherAnswer> {};

// Beside one that says "unsat", on either side of it, and twice.
TEST_P(SmtSolversOtherTest, DoesNotHold) {
  const SmtSolver agrees = Saying("agrees", kUnsat), other = Saying("other", GetParam().script);
  for (const std::vector<SmtSolver>& solvers : {std::vector{agrees, other}, std::vector{other, agrees},
                                                std::vector{other, Saying("third", GetParam().script)}}) {
    const Result<CodeVerdict> verdict = Ask(solvers);
    ASSERT_TRUE(verdict.ok()) << verdict.error().message;
    EXPECT_FALSE(verdict->holds);
    EXPECT_NE(verdict->words.find(std::string("other: ") + GetParam().words), std::string::npos) << verdict->words;
  }
}

INSTANTIATE_TEST_SUITE_P(
    Answers, SmtSolversOtherTest,
    ::testing::Values(OtherAnswer{"echo sat", "can be broken: sat"}, OtherAnswer{"echo unknown", "unknown"},
                      OtherAnswer{"echo timeout", "timeout"}, OtherAnswer{"exit 0", "it exited with status 0"},
                      OtherAnswer{"echo unsat; echo '(error \"line 1\")'", "unsat (error \"line 1\")"},
                      OtherAnswer{"echo '(error \"line 1\")'; echo unsat", "(error \"line 1\") unsat"},
                      OtherAnswer{"printf unsat", "unsat"}, OtherAnswer{"echo UNSAT", "UNSAT"},
                      OtherAnswer{"echo unsat >&2", "it exited with status 0"},
                      OtherAnswer{"echo unsat; exit 1", "unsat (without success)"},
                      OtherAnswer{"echo unsat; kill -9 $$", "it was killed by signal 9"},
                      OtherAnswer{"yes unsat", "it wrote more than"}));

TEST(SmtSolversTest, DoesNotHoldWhereOneTakesTooLong) {
  const Result<CodeVerdict> verdict = AskSolvers({Saying("slow", "echo unsat; sleep 20"), Saying("agrees", kUnsat)},
                                                 {"(check-sat)\n", {}}, {.wall_ms = 1}, sandbox::EveryWeakening());
  ASSERT_TRUE(verdict.ok()) << verdict.error().message;
  EXPECT_FALSE(verdict->holds);
  EXPECT_NE(verdict->words.find("slow: it ran longer"), std::string::npos) << verdict->words;
}

TEST(SmtSolversTest, ShowsWhatBreaksIt) {
  // Answers with values once it is asked for them.
  const SmtSolver breaks = Saying("breaks", "echo sat; grep -q 'get-value (size' $0 && echo '((size 901))'; true");
  const Result<CodeVerdict> verdict = Ask({Saying("agrees", kUnsat), breaks}, {"(check-sat)\n", {"size"}});
  ASSERT_TRUE(verdict.ok()) << verdict.error().message;
  EXPECT_FALSE(verdict->holds);
  EXPECT_EQ(verdict->words, "agrees: unsat; breaks: can be broken: ((size 901))");
}

TEST(SmtSolversTest, AMissingSolverIsTheMachinesFailure) {
  const SmtSolver agrees = Saying("agrees", kUnsat), missing{"missing", {"/usr/bin/no-such-solver"}};
  const SmtSolver gone = Saying("gone", "exec /nowhere");
  for (const SmtSolver& other : {missing, gone}) {
    for (const std::vector<SmtSolver>& solvers : {std::vector{agrees, other}, std::vector{other, agrees}}) {
      const Result<CodeVerdict> verdict = Ask(solvers);
      ASSERT_FALSE(verdict.ok());
      EXPECT_EQ(verdict.error().code, ErrorCode::kSystem);
      EXPECT_EQ(verdict.error().rule, "smt.solver-missing");
      EXPECT_NE(verdict.error().advice.find("install z3 and cvc5"), std::string::npos);
    }
  }
}

TEST(SmtSolversTest, OneIsNotEnough) {
  const SmtSolver agrees = Saying("agrees", kUnsat);
  for (const std::vector<SmtSolver>& solvers :
       {std::vector<SmtSolver>{}, std::vector{agrees}, std::vector{agrees, agrees}}) {
    const Result<CodeVerdict> verdict = Ask(solvers);
    ASSERT_FALSE(verdict.ok());
    EXPECT_EQ(verdict.error().rule, "smt.solvers");
  }
}

// A machine without them builds Pawl as well; CI has both, and examples/permissions fails without either.
TEST(SmtSolversTest, TheTwoThatAreAskedAreDifferentAndAgree) {
  const std::vector<SmtSolver> solvers = SmtSolvers(20);
  ASSERT_EQ(solvers.size(), 2u);
  EXPECT_EQ(solvers[0].argv.front(), "/usr/bin/z3");
  EXPECT_EQ(solvers[1].argv.front(), "/usr/bin/cvc5");
  if (access("/usr/bin/z3", X_OK) != 0 || access("/usr/bin/cvc5", X_OK) != 0) GTEST_SKIP() << "needs z3 and cvc5";
  const std::string head = "(set-logic QF_LIA)\n(declare-const size Int)\n(assert (> size 5))\n";
  const sandbox::Limits limits{.wall_ms = 20'000};
  const auto ask = [&](const std::string& rest) {
    return AskSolvers(solvers, {head + rest + "(check-sat)\n", {"size"}}, limits, sandbox::EveryWeakening());
  };
  const Result<CodeVerdict> holds = ask("(assert (< size 6))\n"), broken = ask("(assert (< size 7))\n");
  ASSERT_TRUE(holds.ok() && broken.ok());
  EXPECT_TRUE(holds->holds);
  EXPECT_EQ(holds->words, "z3: unsat; cvc5: unsat");
  EXPECT_FALSE(broken->holds);
  EXPECT_EQ(broken->words, "z3: can be broken: ((size 6)); cvc5: can be broken: ((size 6))");
}

}  // namespace
}  // namespace pawl::oversight
