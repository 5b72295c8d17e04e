// The part of the evidence that one evaluator contributes to what several show together.
//
//   vote.evidence["shares"] = EvidenceSharesJson(report);     // {"drift-fresh":1000000,"harm near_miss":743211,…}
//
// A share is ln e / ln(1/alpha) in millionths, rounded down: 1,000,000 where the e-value ever reached 1/alpha, whatever
// it did afterwards, else from the e-value at the end of the trial. Where the sample mean lies on the bad side of the
// limit it is at most 0 either way, and for the fixed probes, which are no sample, it is all or nothing. That is at
// most the e-value at the first of "it reached 1/alpha" and "the trial ended", which is a stopping time, so E[e] <= 1
// under the null hypothesis (Ville 1939; e_process.h). It is never the peak, which is no e-value. How shares are put
// together: warrant/evidence.h.
//
// What breaks it: multiplying peaks; a trial that is stopped at a time chosen by what other evaluators saw.
//
// Thread safety: pure functions.
#pragma once

#include <cstdint>
#include <string>

#include "encoding/json.h"
#include "trial/report.h"

namespace pawl::trial {

std::int64_t EvidenceShare(const ConditionReport& condition);

// By the condition's name; "harm " stands before the names of harms, which people choose.
std::string EvidenceName(const ConditionReport& condition);

// Of every condition of a report. Empty for a void trial, which shows nothing together with others either.
encoding::Json EvidenceSharesJson(const TrialReport& report);

// Whether the opposite of some condition was shown, or the trial is void: what no other evaluator makes good.
bool AnythingBroken(const TrialReport& report);

}  // namespace pawl::trial
