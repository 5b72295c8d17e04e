#include "oversight/smt_solvers.h"

#include <filesystem>
#include <set>

#include "oversight/checker_runs.h"

namespace pawl::oversight {
namespace {

struct SolverAnswer {
  std::string text;          // what it wrote, if it ended by itself; otherwise how it ended
  bool is_complete = false;  // it exited with status 0
};

Error SolverMissing(const SmtSolver& solver, const std::string& what) {
  return SystemFailure("smt.solver-missing", solver.argv.front() + ": " + what,
                       "install z3 and cvc5: both have to agree");
}

Result<SolverAnswer> AskSolver(CheckerRuns& runs, const SmtSolver& solver, const std::string& question,
                               const sandbox::Limits& limits, CodeVerdict& verdict) {
  Result<std::string> file = runs.File("question", question);
  if (!file.ok()) return file.error();
  sandbox::Job job;
  job.argv = solver.argv;
  job.argv.emplace_back("/in/question");
  job.inputs = {{*file, "/in/question"}};
  job.limits = limits;
  job.limits.wall_ms += 2'000;  // the solver's own limit comes first
  Result<sandbox::Outcome> outcome = runs.Run(job);
  if (!outcome.ok()) return outcome.error();
  constexpr int kNotExecutable = 126, kNotFound = 127;
  if (outcome->end == sandbox::End::kExited && (outcome->status == kNotExecutable || outcome->status == kNotFound)) {
    return SolverMissing(solver, outcome->explanation);
  }
  verdict.weaker_guarantees = outcome->weaker_guarantees;
  const bool has_answered = outcome->end == sandbox::End::kExited && !outcome->standard_output.empty();
  return SolverAnswer{has_answered ? outcome->standard_output : outcome->explanation, sandbox::Succeeded(*outcome)};
}

// After "sat" the same solver is asked for the values that a person wants to see.
Result<std::string> Counterexample(CheckerRuns& runs, const SmtSolver& solver, const SmtQuery& query,
                                   const sandbox::Limits& limits, CodeVerdict& verdict) {
  if (query.shown.empty()) return std::string("sat");
  std::string question = query.text + "(get-value (";
  for (const std::string& term : query.shown) question += term + " ";
  Result<SolverAnswer> answer = AskSolver(runs, solver, question + "))\n", limits, verdict);
  if (!answer.ok()) return answer.error();
  const size_t values = answer->text.find('(');
  return values == std::string::npos ? answer->text : answer->text.substr(values);
}

}  // namespace

std::vector<SmtSolver> SmtSolvers(int64_t time_limit_s) {
  return {{"z3", {"/usr/bin/z3", "-smt2", "-T:" + std::to_string(time_limit_s)}},
          {"cvc5",
           {"/usr/bin/cvc5", "--lang=smt2", "--produce-models", "--strings-exp",
            "--tlimit=" + std::to_string(time_limit_s * 1'000)}}};
}

Result<CodeVerdict> AskSolvers(const std::vector<SmtSolver>& solvers, const SmtQuery& query,
                               const sandbox::Limits& limits, const weakening::Weakenings& accepted) {
  std::set<std::string> names;
  for (const SmtSolver& solver : solvers) names.insert(solver.name);
  if (names.size() < 2 || names.size() != solvers.size()) {
    return Error{ErrorCode::kInternal, "smt.solvers", "two different solvers have to be asked", ""};
  }
  Result<CheckerRuns> runs = CheckerRuns::Make(accepted);
  if (!runs.ok()) return runs.error();
  CodeVerdict verdict;
  size_t unsat = 0;
  for (const SmtSolver& solver : solvers) {
    std::error_code failure;
    if (!std::filesystem::exists(solver.argv.front(), failure)) return SolverMissing(solver, "there is none");
    Result<SolverAnswer> answer = AskSolver(*runs, solver, query.text, limits, verdict);
    if (!answer.ok()) return answer.error();
    // The whole output: a solver may complain of a line it did not take in and answer what is left.
    const bool is_unsat = answer->is_complete && answer->text == "unsat\n";
    unsat += is_unsat ? 1 : 0;
    std::string words = is_unsat ? "unsat" : OnOneShortLine(answer->text);
    if (!is_unsat && !answer->is_complete) words += " (without success)";
    if (answer->text == "sat\n") {
      Result<std::string> values = Counterexample(*runs, solver, query, limits, verdict);
      if (!values.ok()) return values.error();
      words = "can be broken: " + OnOneShortLine(*values);
    }
    verdict.words += (verdict.words.empty() ? "" : "; ") + solver.name + ": " + words;
  }
  verdict.holds = unsat == solvers.size();
  return verdict;
}

}  // namespace pawl::oversight
