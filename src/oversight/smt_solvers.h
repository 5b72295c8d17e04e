// One question, several SMT solvers: a property holds where every one of them says so.
//
//   Result<CodeVerdict> verdict = AskSolvers(SmtSolvers(60), *query, limits, accepted);
//   if (!verdict.ok()) …                     // the machine failed; nothing is known about the candidate
//   else if (!verdict->holds) Object(verdict->words);  // "z3: can be broken: ((size 901)); cvc5: unknown"
//
// Thread safety: as sandbox::Run's.
#pragma once

#include <string>
#include <vector>

#include "oversight/code_verdict.h"
#include "oversight/smt_query.h"
#include "result/result.h"
#include "sandbox/sandbox.h"

namespace pawl::oversight {

struct SmtSolver {
  std::string name;               // as votes show it
  std::vector<std::string> argv;  // an absolute path and options; the question's file comes last
};

// The two that are asked: Debian's z3 and cvc5, at their places and with a time limit of their own, in seconds. Neither
// the environment nor a search along PATH has a say.
std::vector<SmtSolver> SmtSolvers(int64_t time_limit_s);

// Asks each in turn, in the sandbox. The property holds where there are two solvers or more and each writes "unsat",
// nothing else, and exits with status 0. "sat" from any breaks it, with the values that the query shows; so do
// "unknown", a time-out, any other words, and a solver that is killed.
//
// kSystem "smt.solver-missing": every one has to be on the machine, and executable. kInternal "smt.solvers": fewer than
// two, or one twice.
Result<CodeVerdict> AskSolvers(const std::vector<SmtSolver>& solvers, const SmtQuery& query,
                               const sandbox::Limits& limits, const weakening::Weakenings& accepted);

}  // namespace pawl::oversight
