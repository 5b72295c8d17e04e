// One e-value out of those of several evaluators, each with seeds of its own.
//
//   const std::vector<std::optional<double>> log_e = {12.1, std::nullopt, 9.7};   // one a member of the fixed set
//   Result<double> together = CombineLogEValues(log_e, /*faults=*/1);             // -inf: one is missing, nothing
//   shown if (together.ok() && *together >= -std::log(alpha)) …
//
// The set of evaluators is fixed when the candidate is committed. Whoever does not report counts as the e-value 0. The
// `faults` largest are dropped and the rest multiplied.
//
// Guarantee. The result is the smallest product of any n - faults of the values. If at most `faults` evaluators lie, it
// is therefore at most the product of some n - faults honest ones that are fixed beforehand, whatever the liars say.
// With independent seeds that product is an e-value, so P(result >= 1/alpha under the null) <= alpha
// (Vovk and Wang, "E-values: calibration, combination and applications", Annals of Statistics 49 (2021), section 4).
// Values are those at the end of each trial (log_e_value), never peaks, which are no e-values.
//
// What breaks it: leaving a member out because its value is small (among 20, dropping every e < 1 accepts 43 % of null
// candidates at a nominal 1 %); choosing the set, or `faults`, after the values are known; evaluators that share seeds;
// more liars than `faults`.
//
// The verdict of a release does not rest on this but on r of n passes, each at alpha r / n (budget.h), which needs no
// independence. The product is shown beside it in reports: it says what the evaluators know together.
//
// Thread safety: pure function.
#pragma once

#include <cstddef>
#include <optional>
#include <span>

#include "result/result.h"

namespace pawl::trial {

// Natural logarithms, in and out. Refused ("combine.faults") unless faults is smaller than the number of evaluators,
// ("combine.value") where a value is not a number.
Result<double> CombineLogEValues(std::span<const std::optional<double>> log_e_values, std::size_t faults);

}  // namespace pawl::trial
