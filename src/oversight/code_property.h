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

#include "charter/program_rules.h"
#include "ledger/subject_log.h"
#include "oversight/code_verdict.h"
#include "result/result.h"

namespace pawl::oversight {

struct CodeTrees {
  crypto::Digest candidate;
  std::optional<crypto::Digest> parent;  // none: a first release
};

// kCommand: the command, in /in/charter, with the candidate at /in/subject and its parent at /in/parent (the candidate
// itself where there is none). It holds where the program exits with status 0 by itself.
//
// kSmt: the question of smt_query.h, put to the solvers of smt_solvers.h.
//
// `accepted` is ProgramRules::accepted.
Result<CodeVerdict> CheckCodeProperty(ledger::SubjectLog& log, const charter::CodeProperty& property,
                                      const CodeTrees& trees, const weakening::Weakenings& accepted);

}  // namespace pawl::oversight
