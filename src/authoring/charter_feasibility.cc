// Whether the limits of a charter can be shown at all, by running the very tests on the best data there can be.
#include "authoring/best_case.h"
#include "authoring/charter_check.h"
#include "oversight/charter_trial.h"
#include "trial/budget.h"

namespace pawl::authoring {
namespace {

constexpr uint64_t kLooks[] = {1, 10, 100};  // after so many proposals

std::string Needed(uint64_t needed, const BestCase& best) {
  return needed > best.planned ? "more than " + std::to_string(best.planned) : std::to_string(needed);
}

Result<void> Judge(const BestCase& best, const charter::Charter& charter, Feasibility& to) {
  const trial::EvaluatorShare share = oversight::EvaluatorShareOf(charter);
  std::string line = best.what + ": needs";
  uint64_t failed_at = 0;
  for (const uint64_t k : kLooks) {
    Result<double> alpha = trial::TrialAlpha(best.lifetime_error, k, share);
    if (!alpha.ok()) return alpha.error();
    const uint64_t needed = best.Needed(charter, *alpha);
    line += (k == 1 ? " " : ", ") + Needed(needed, best) + (k == 1 ? std::string(" ") + best.unit : "") +
            (k == 1 ? " in the first trial" : " in trial " + std::to_string(k));
    if (needed > best.planned && failed_at == 0) failed_at = k;
  }
  to.lines.push_back(line + "; the charter has " + std::to_string(best.planned));
  if (failed_at == 0) return {};
  to.warnings.push_back(best.what + " can never be shown " +
                        (failed_at == 1 ? std::string("at all") : "after " + std::to_string(failed_at) + " proposals") +
                        " with " + std::to_string(best.planned) + " " + best.unit + ": raise them, or the limit");
  return {};
}

// An evaluator who does not show everything votes against, so a quorum of r of n that takes no such vote wants n of n.
void WarnOfVotesAgainst(const charter::Charter& charter, Feasibility& to) {
  const charter::QuorumRule* rule = charter.FindQuorum(charter::Role::kEvaluator);
  if (rule == nullptr || rule->faults_max) return;
  const int64_t evaluators = oversight::EvaluatorShareOf(charter).evaluators;
  if (rule->at_least + rule->against_max >= evaluators) return;
  to.warnings.push_back("the quorum asks for " + std::to_string(rule->at_least) + " of " + std::to_string(evaluators) +
                        " evaluators, and whoever does not show every limit votes against: " +
                        std::to_string(evaluators - rule->against_max) +
                        " have to show them, unless against_max of evaluators is " +
                        std::to_string(evaluators - rule->at_least));
}

}  // namespace

Result<Feasibility> CheckFeasibility(const charter::Charter& charter, const TrialSize& size,
                                     const GroupShares& shares) {
  Result<std::vector<BestCase>> cases = BestCases(charter, size, shares);
  if (!cases.ok()) return cases.error();
  Feasibility result;
  for (const BestCase& best : *cases) {
    if (Result<void> judged = Judge(best, charter, result); !judged.ok()) return judged.error();
  }
  WarnOfVotesAgainst(charter, result);
  return result;
}

}  // namespace pawl::authoring
