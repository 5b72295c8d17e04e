// Where the votes on a candidate stand against the charter's quorum.
//
//   QuorumReport quorum = TallyQuorum(charter, proposal);
//   if (quorum.lost) …            // more votes against than allowed, or no longer reachable
//   else if (!quorum.met) …       // quorum.missing names who has not voted
//
// The loader counts again (spec/warrant.md, `quorum.not-met`). Distinct principals count, not reviewers; a principal
// whose reviewers disagree stands against; a rollback asks no evaluator, an amendment neither evaluator nor prover, but
// their votes against count; where the charter has `faults_max`, the evaluators' e-values decide together
// (warrant/evidence.h) once all have voted for; the auditor's `at_least` is about the closing statement.
//
// Thread safety: pure functions.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "audit/history.h"
#include "charter/charter.h"

namespace pawl::oversight {

struct RoleTally {
  charter::Role role = charter::Role::kProver;
  int64_t at_least = 0;
  int64_t against_max = 0;
  std::vector<std::string> in_favour;  // principals, sorted
  std::vector<std::string> against;
  std::vector<std::string> missing;  // reviewers that have not voted
};

struct QuorumReport {
  bool met = false;
  bool lost = false;
  std::vector<RoleTally> roles;
  std::vector<std::string> missing;  // reviewers of all roles that could still vote
  std::string summary;               // one line for people
  std::string not_shown{};           // what the evaluators together do not show, where their e-values decide
};

QuorumReport TallyQuorum(const charter::Charter& charter, const audit::ProposalHistory& proposal);

// Reviewers, of whatever role, who say yes and who say no to the same candidate; empty where all who have spoken agree.
// A quorum may allow some votes against: what was said against is shown to people all the same.
struct Disagreement {
  std::vector<std::string> in_favour;
  std::vector<std::string> against;
  std::string Text() const;  // one line
};
std::optional<Disagreement> FindDisagreement(const audit::ProposalHistory& proposal);

// Distinct auditors' principals on the closing statement, and how many the charter asks for.
struct ClosingTally {
  std::vector<std::string> principals;
  std::vector<std::string> missing;  // auditors that have not signed
  int64_t at_least = 1;
  bool met = false;
};
ClosingTally TallyClosing(const charter::Charter& charter, const audit::ProposalHistory& proposal);

}  // namespace pawl::oversight
