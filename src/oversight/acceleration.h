// When "gradual" turns into "explosive": each evaluator measures, with fresh seeds, by how much the last release was
// better than the one before, and folds its own measurements into an e-detector (trial/e_detector.h).
//
// The measurement stands in the evaluator's vote on the next proposal (`last_step`), so anybody can fold the same
// numbers from the log. A vote that raises the alarm is itself the alarm: until people name it in a resume, nothing is
// proposed, closed or accepted. A resume starts that evaluator's detector anew.
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
};

// Alarms that no resume has named, over all evaluators, in log order.
Result<std::vector<AccelerationAlarm>> OpenAlarms(const audit::History& history);

// Whether this evaluator's alarm would ring if it now measured `step`.
Result<bool> WouldAlarm(const audit::History& history, const std::string& reviewer, const LastStep& step);

}  // namespace pawl::oversight
