// Properties of code and text: a checker of others, pinned by the charter, runs in the sandbox; or two SMT solvers are
// asked. Nothing of it is a certificate: what counts is how many reviewers have run it themselves.
//
//   Result<CodeVerdict> verdict = CheckCodeProperty(log, property, {candidate.tree, candidate.parent_tree}, accepted);
//   if (!verdict.ok()) …                  // the machine failed; nothing is known about the candidate
//   else if (!verdict->holds) Object(verdict->words);
//
// Thread safety: as the subject log's.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "charter/program_rules.h"
#include "ledger/subject_log.h"
#include "result/result.h"

namespace pawl::oversight {

struct CodeVerdict {
  bool holds = false;
  std::string words;  // one line: what was run, and what it came to; a counterexample where there is one
  weakening::Weakenings weaker_guarantees;  // what this machine's sandbox could not promise, and the charter accepts
};

struct CodeTrees {
  crypto::Digest candidate;
  std::optional<crypto::Digest> parent;  // none: a first release
};

// kCommand: the command, in /in/charter, with the candidate at /in/subject and its parent at /in/parent (the candidate
// itself where there is none). It holds where the program exits with status 0 by itself.
//
// kSmt: the question of smt_query.h, put to z3 and to cvc5, each in the sandbox. It holds where both answer "unsat" and
// nothing else. "sat" from either does not, with the values that the template shows; nor does "unknown" or a time-out.
//
// `accepted` is ProgramRules::accepted. kSystem "smt.solver-missing": both solvers have to be on the machine.
Result<CodeVerdict> CheckCodeProperty(ledger::SubjectLog& log, const charter::CodeProperty& property,
                                      const CodeTrees& trees, const weakening::Weakenings& accepted);

}  // namespace pawl::oversight
