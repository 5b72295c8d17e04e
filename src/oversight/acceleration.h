// When "gradual" turns into "explosive": each evaluator measures, with fresh seeds, by how much the last release was
// better than the one before, and folds its own measurements into an e-detector (trial/e_detector.h).
//
// The measurement stands in the evaluator's vote on the next proposal (`last_step`), so anybody can fold the same
// numbers from the log. A vote that raises the alarm is itself the alarm: until people name it in a resume, no release
// and no amendment is proposed, closed or accepted (pace.h); going back stays possible. A resume starts that
// evaluator's detector anew.
//
// Each measurement is folded by the rule of the charter that the candidate statement names: its expected_step, its
// max_step, and its alarm level divided by the number of its evaluators, since any one of them stops the subject. An
// amendment that changes one of these changes the bets from then on and keeps the evidence so far, which is valid since
// each bet is fixed before its observation. Where the capability metric or the reviewer's key changes, that evaluator's
// detector starts anew: the numbers are about something else, or somebody else's. An alarm that is open stays open.
//
// Thread safety: pure functions of the history.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "audit/history.h"
#include "charter/charter.h"
#include "encoding/json.h"
#include "result/result.h"

namespace pawl::oversight {

using audit::LastStep;

encoding::Json LastStepJson(const std::optional<LastStep>& step);

struct AccelerationAlarm {
  crypto::Digest vote;  // what a resume names
  std::string reviewer;
  std::string reason;  // a sentence with the figures
  uint64_t index = 0;  // of the vote in the log
};

// Alarms that no resume has named, over all evaluators, in log order; those of evaluators who are in the charter no
// longer, too. Errors are those of the charter reader.
Result<std::vector<AccelerationAlarm>> OpenAlarms(const audit::History& history);

// Whether this evaluator's alarm would ring if it now measured `step`.
Result<bool> WouldAlarm(const audit::History& history, const std::string& reviewer, const LastStep& step);

// What this evaluator has said about that release in an earlier vote; the next votes say the same again.
std::optional<LastStep> MeasuredBefore(const audit::History& history, const std::string& reviewer, int64_t epoch);

}  // namespace pawl::oversight
