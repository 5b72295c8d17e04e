// What several evaluators have shown together, where the charter lets their e-values decide (quorum `faults_max`).
//
//   Result<void> shown = CheckShownTogether(votes_of_all_evaluators, *rule.faults_max);
//   if (!shown.ok()) …            // names the condition that is not shown
//
// A vote's evidence has `shares`: for each condition of the charter the evidence for it as a share of what it needs,
// ln e / ln(1/alpha) in millionths rounded down, e being the e-value at the first time that it reached 1/alpha, else at
// the end of the trial. Products of e-values are sums of shares: a condition is shown where the sum without the
// `faults_max` largest reaches a whole.
//
// Guarantee. That sum is the smallest that any n - faults_max of the n evaluators give. If at most faults_max of them
// lie, it is at most that of n - faults_max honest ones who are fixed beforehand, whatever the liars say. With seeds of
// their own the e-values of honest ones are independent given the candidate, and a product of independent e-values is
// one: P(shown | the condition is false) <= alpha. Source: Vovk and Wang, "E-values: calibration, combination and
// applications", Annals of Statistics 49 (2021), section 4; Ville (1939).
// What breaks it: more liars than faults_max; a set of evaluators that is chosen after their values are known, which is
// why the charter fixes it and all have to report; evaluators that share seeds.
//
// Thread safety: pure functions.
#pragma once

#include <span>
#include <vector>

#include "warrant/statements.h"

namespace pawl::warrant {

inline constexpr int64_t kWholeShare = 1'000'000;

// The sum of all but the largest. Shares lie within +-encoding::kJsonIntegerMax and are at most 100.
int64_t ShareTogether(std::vector<int64_t> shares, uint64_t faults_max);

// Refused ("quorum.evidence") where a condition is not shown, or is not answered by every vote, or there is none;
// "json.…" where a vote has no shares or they are malformed.
Result<void> CheckShownTogether(std::span<const Vote* const> votes, uint64_t faults_max);

}  // namespace pawl::warrant
