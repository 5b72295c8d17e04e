#include "oversight/acceleration.h"

#include <cmath>
#include <cstdio>
#include <set>

#include "encoding/number.h"
#include "trial/e_detector.h"

namespace pawl::oversight {
namespace {

struct Fold {
  trial::AccelerationDetector detector;
  std::set<int64_t> epochs;  // each release counts once, whatever the number of proposals after it
  std::vector<AccelerationAlarm> open;
};

trial::AccelerationRule RuleOf(const charter::Charter& charter) {
  return {.expected_step = charter.bounds.acceleration.expected_step,
          .max_step = charter.bounds.capability.max_step,
          .alpha = charter.bounds.acceleration.alarm_level};
}

Result<Fold> FoldEvaluator(const audit::History& history, const std::string& reviewer) {
  const trial::AccelerationRule rule = RuleOf(history.charter());
  Result<trial::AccelerationDetector> detector = trial::AccelerationDetector::Make(rule);
  if (!detector.ok()) return detector.error();
  Fold fold{std::move(*detector), {}, {}};
  for (const audit::ProposalHistory& proposal : history.proposals()) {
    for (const audit::LoggedVote& logged : proposal.votes) {
      if (logged.vote.reviewer != reviewer) continue;
      const std::optional<LastStep>& step = logged.last_step;
      if (!step || !fold.epochs.insert(step->epoch).second) continue;
      Result<bool> alarm = fold.detector.Observe(step->gain);
      if (!alarm.ok()) return alarm.error();
      if (!*alarm) continue;
      if (history.lifted().contains(logged.digest)) {
        Result<trial::AccelerationDetector> anew = trial::AccelerationDetector::Make(rule);
        if (!anew.ok()) return anew.error();
        fold.detector = std::move(*anew);
        continue;
      }
      char figures[160];
      std::snprintf(figures, sizeof figures,
                    "last step %.4g (expected %.4g a release), evidence e^%.1f after %llu releases", step->gain,
                    rule.expected_step, fold.detector.log_value(),
                    static_cast<unsigned long long>(fold.detector.releases()));
      fold.open.push_back({logged.digest, reviewer, "'" + reviewer + "' sees growth accelerate: " + figures});
    }
  }
  return fold;
}

}  // namespace

encoding::Json LastStepJson(const std::optional<LastStep>& step) {
  if (!step) return nullptr;
  return {{"epoch", step->epoch}, {"gain", encoding::NumberText(step->gain)}};
}

Result<std::vector<AccelerationAlarm>> OpenAlarms(const audit::History& history) {
  std::vector<AccelerationAlarm> alarms;
  for (const charter::Reviewer& reviewer : history.charter().reviewers) {
    if (reviewer.role != charter::Role::kEvaluator) continue;
    Result<Fold> fold = FoldEvaluator(history, reviewer.name);
    if (!fold.ok()) return fold.error();
    alarms.insert(alarms.end(), fold->open.begin(), fold->open.end());
  }
  return alarms;
}

Result<bool> WouldAlarm(const audit::History& history, const std::string& reviewer, const LastStep& step) {
  Result<Fold> fold = FoldEvaluator(history, reviewer);
  if (!fold.ok()) return fold.error();
  if (!fold->open.empty()) return true;
  if (fold->epochs.contains(step.epoch)) return false;
  return fold->detector.Observe(step.gain);
}

}  // namespace pawl::oversight
