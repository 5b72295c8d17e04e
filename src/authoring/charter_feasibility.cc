// Whether the limits of a charter can be shown at all, by running the very tests on the best data there can be.
#include <algorithm>
#include <map>

#include "authoring/best_case.h"
#include "authoring/charter_check.h"
#include "authoring/charter_words.h"
#include "oversight/charter_trial.h"
#include "trial/budget.h"

namespace pawl::authoring {
namespace {

constexpr uint64_t kLooks[] = {1, 10, 100};  // after so many proposals

std::string Needed(uint64_t needed, const BestCase& best) {
  return needed > best.planned ? "more than " + std::to_string(best.planned) : std::to_string(needed);
}

// Of the episodes that have to be of a group, for a candidate without any harm. More than 1 where all would not do.
double LeastShare(const BestCase& best, const charter::Charter& charter, double alpha) {
  return static_cast<double>(best.Needed(charter, alpha)) * best.share / static_cast<double>(best.planned);
}

Result<void> Judge(const BestCase& best, const charter::Charter& charter, Feasibility& to) {
  const trial::EvaluatorShare share = oversight::EvaluatorShareOf(charter);
  std::string line = best.what + ": needs";
  uint64_t failed_at = 0;
  const Result<double> first = trial::TrialAlpha(best.lifetime_error, 1, share);
  if (!first.ok()) return first.error();
  for (const uint64_t k : kLooks) {
    Result<double> alpha = trial::TrialAlpha(best.lifetime_error, k, share);
    if (!alpha.ok()) return alpha.error();
    const uint64_t needed = best.Needed(charter, *alpha);
    line += (k == 1 ? " " : ", ") + Needed(needed, best) + (k == 1 ? std::string(" ") + best.unit : "") +
            (k == 1 ? " in the first trial" : " in trial " + std::to_string(k));
    if (needed > best.planned && failed_at == 0) failed_at = k;
  }
  line += "; the charter has " + std::to_string(best.planned);
  const std::string of_group =
      best.group.empty() ? "" : ", of which " + PlainNumber(best.share) + " are taken to be of '" + best.group + "'";
  line += of_group;
  if (!best.group.empty()) line += "; " + PlainNumber(LeastShare(best, charter, *first)) + " would do in the first";
  to.lines.push_back(std::move(line));
  if (failed_at == 0) return {};
  to.warnings.push_back(best.what + " can never be shown " +
                        (failed_at == 1 ? std::string("at all") : "after " + std::to_string(failed_at) + " proposals") +
                        " with " + std::to_string(best.planned) + " " + best.unit + of_group +
                        ": raise them, or the limit");
  return {};
}

// Groups share a trial's episodes: where their limits together need more than there are, no evaluator can show them
// all, whatever shares it gives them.
Result<void> WarnOfGroups(const std::vector<BestCase>& cases, const charter::Charter& charter, Feasibility& to) {
  std::map<std::string, double> least;  // share that the hardest limit of each group needs in the first trial
  uint64_t episodes = 0;
  for (const BestCase& best : cases) {
    if (best.group.empty()) continue;
    Result<double> alpha = trial::TrialAlpha(best.lifetime_error, 1, oversight::EvaluatorShareOf(charter));
    if (!alpha.ok()) return alpha.error();
    episodes = best.planned;
    double& share = least[best.group];
    share = std::max(share, LeastShare(best, charter, *alpha));
  }
  double sum = 0;
  std::string words;
  for (const auto& [group, share] : least) {
    sum += share;
    words += (words.empty() ? "" : ", ") + group + " " + PlainNumber(share);
  }
  if (least.size() > 1 && sum > 1) {
    to.warnings.push_back("the limits by group can never be shown together, whatever the groups' shares of the " +
                          std::to_string(episodes) + " episodes: in the first trial they need at least " + words +
                          ", which is " + PlainNumber(sum) + " of them: raise the episodes, or the limits");
  }
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
  if (Result<void> judged = WarnOfGroups(*cases, charter, result); !judged.ok()) return judged.error();
  WarnOfVotesAgainst(charter, result);
  return result;
}

}  // namespace pawl::authoring
