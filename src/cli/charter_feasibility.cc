// Whether the limits of a charter can be shown at all, by running the very tests on the best data there can be.
#include "cli/best_case.h"
#include "cli/charter_check.h"
#include "oversight/charter_trial.h"
#include "trial/budget.h"

namespace pawl::cli {
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

}  // namespace

Result<Feasibility> CheckFeasibility(const charter::Charter& charter, const TrialSize& size,
                                     const GroupShares& shares) {
  Result<std::vector<BestCase>> cases = BestCases(charter, size, shares);
  if (!cases.ok()) return cases.error();
  Feasibility result;
  for (const BestCase& best : *cases) {
    if (Result<void> judged = Judge(best, charter, result); !judged.ok()) return judged.error();
  }
  return result;
}

}  // namespace pawl::cli
