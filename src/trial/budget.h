// The lifetime error budget: how much error the k-th trial of a subject may spend.
//
//   const double alpha = *TrialAlpha(/*lifetime_error=*/1e-3, /*budget_index=*/k, EvaluatorShare{2, 3});
//
// alpha_{j,k} = 6 alpha_j / (pi^2 k^2): the sum over all k >= 1 is alpha_j, so the number of proposals need not be
// known in advance. k counts every proposal of the subject that was committed since genesis, starting at 1; it is
// assigned at the commit and never reset, by nothing. Where r of n evaluators have to pass, each with seeds of its own,
// each tests at alpha r / n: the expected number of false passes is at most n * alpha r / n = alpha r, so r of them
// happen with probability at most alpha (Markov); evaluators need not be independent for this.
//
// Guarantee: over the whole life of the subject, P(any accepted proposal violates condition j) <= alpha_j; over several
// conditions at most the sum, which reports print. (Boole's inequality over k, and Euler's sum of 1/k^2.)
// Assumptions: the k-th test errs with at most alpha_{j,k}, whatever was learnt from those before it: seeds are drawn
// after the candidate is fixed (seeds.h), and alpha_{j,k} is known before they are.
// What breaks it: a k that is reset or used twice; choosing r after the votes; a trial that is not counted because it
// was void, rejected or crashed after its first episode.
#pragma once

#include <cstdint>

#include "result/result.h"

namespace pawl::trial {

// The quorum wants `required` passes out of `evaluators`.
struct EvaluatorShare {
  std::uint32_t required = 1;
  std::uint32_t evaluators = 1;

  friend bool operator==(const EvaluatorShare&, const EvaluatorShare&) = default;
};

// Error at which one evaluator tests one condition in the trial with this index, rounded down by one part in 10^12.
// Refused ("budget.lifetime-error", "budget.index", "budget.share") unless 0 < lifetime_error < 1, 1 <= budget_index <=
// 10^9 and 1 <= required <= evaluators <= 1000.
Result<double> TrialAlpha(double lifetime_error, std::uint64_t budget_index, EvaluatorShare share);

// What trials 1 .. spent_count leave of the lifetime error: lifetime_error * (1 - 6/pi^2 sum_{k <= n} 1/k^2), never
// negative. Requires 0 < lifetime_error < 1.
double RemainingError(double lifetime_error, std::uint64_t spent_count);

}  // namespace pawl::trial
