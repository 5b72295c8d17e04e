#include "oversight/acceleration.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <map>
#include <set>

#include "encoding/number.h"
#include "trial/e_detector.h"

namespace pawl::oversight {
namespace {

// What one evaluator has measured so far.
struct Watch {
  std::optional<trial::AccelerationDetector> detector;
  std::string metric;        // of which the detector knows
  std::string key;           // whose measurements they are
  std::set<int64_t> epochs;  // each release counts once, whatever the number of proposals after it
  bool rings = false;
};

struct Fold {
  std::map<std::string, Watch, std::less<>> watches;  // by evaluator
  std::vector<AccelerationAlarm> open;
};

// Each evaluator's share of the alarm level, so that the charter's run length is that of all of them together.
trial::AccelerationRule RuleOf(const charter::Charter& charter) {
  const auto evaluators =
      std::count_if(charter.reviewers.begin(), charter.reviewers.end(),
                    [](const charter::Reviewer& reviewer) { return reviewer.role == charter::Role::kEvaluator; });
  return {.expected_step = charter.bounds.acceleration.expected_step,
          .max_step = charter.bounds.capability.max_step,
          .alpha = charter.bounds.acceleration.alarm_level / static_cast<double>(std::max<int64_t>(1, evaluators))};
}

// Whether the alarm rings with this measurement, which was made under `charter`.
Result<bool> Observe(Watch& watch, const charter::Charter& charter, const std::string& reviewer, const LastStep& step) {
  const trial::AccelerationRule rule = RuleOf(charter);
  const std::string& metric = charter.bounds.capability.metric;
  const charter::Reviewer* record = charter.FindReviewer(reviewer);
  const std::string key = record == nullptr ? watch.key : record->key.Text();
  if (!watch.detector || watch.metric != metric || watch.key != key) {
    Result<trial::AccelerationDetector> anew = trial::AccelerationDetector::Make(rule);
    if (!anew.ok()) return anew.error();
    watch.detector = std::move(*anew);
    watch.metric = metric;
    watch.key = key;
  } else if (Result<void> goes_on = watch.detector->Continue(rule); !goes_on.ok()) {
    return goes_on.error();
  }
  return watch.detector->Observe(step.gain);
}

std::string Describe(const std::string& reviewer, const LastStep& step, const charter::Charter& charter,
                     const trial::AccelerationDetector& detector) {
  char figures[160];
  std::snprintf(figures, sizeof figures,
                "last step %.4g (expected %.4g a release), evidence e^%.1f after %llu releases", step.gain,
                charter.bounds.acceleration.expected_step, detector.log_value(),
                static_cast<unsigned long long>(detector.releases()));
  return "'" + reviewer + "' sees growth accelerate: " + figures;
}

// The charter that a candidate statement names, read once.
class Charters {
 public:
  explicit Charters(const audit::History& history) : history_(history) {}
  Result<const charter::Charter*> Find(const crypto::Digest& digest) {
    if (digest == history_.charter().digest) return &history_.charter();
    auto known = earlier_.find(digest);
    if (known == earlier_.end()) {
      Result<charter::Charter> read = history_.charter_reader()(digest);
      if (!read.ok()) return read.error();
      known = earlier_.emplace(digest, std::move(*read)).first;
    }
    return &known->second;
  }

 private:
  const audit::History& history_;
  std::map<crypto::Digest, charter::Charter> earlier_;
};

Result<Fold> FoldVotes(const audit::History& history) {
  Fold fold;
  Charters charters(history);
  for (const audit::ProposalHistory& proposal : history.proposals()) {
    for (const audit::LoggedVote& logged : proposal.votes) {
      const std::optional<LastStep>& step = logged.last_step;
      if (!step || logged.vote.role != charter::RoleName(charter::Role::kEvaluator)) continue;
      Watch& watch = fold.watches[logged.vote.reviewer];
      if (!watch.epochs.insert(step->epoch).second) continue;
      Result<const charter::Charter*> charter = charters.Find(proposal.candidate->charter);
      if (!charter.ok()) return charter.error();
      Result<bool> alarm = Observe(watch, **charter, logged.vote.reviewer, *step);
      if (!alarm.ok()) return alarm.error();
      if (!*alarm) continue;
      if (history.lifted().contains(logged.digest)) {
        watch.detector.reset();
        continue;
      }
      watch.rings = true;
      fold.open.push_back({logged.digest, logged.vote.reviewer,
                           Describe(logged.vote.reviewer, *step, **charter, *watch.detector), logged.index});
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
  Result<Fold> fold = FoldVotes(history);
  if (!fold.ok()) return fold.error();
  return std::move(fold->open);
}

Result<bool> WouldAlarm(const audit::History& history, const std::string& reviewer, const LastStep& step) {
  Result<Fold> fold = FoldVotes(history);
  if (!fold.ok()) return fold.error();
  Watch& watch = fold->watches[reviewer];
  if (watch.rings) return true;
  if (watch.epochs.contains(step.epoch)) return false;
  return Observe(watch, history.charter(), reviewer, step);
}

std::optional<LastStep> MeasuredBefore(const audit::History& history, const std::string& reviewer, int64_t epoch) {
  for (const audit::ProposalHistory& proposal : history.proposals()) {
    for (const audit::LoggedVote& logged : proposal.votes) {
      if (logged.vote.reviewer == reviewer && logged.last_step && logged.last_step->epoch == epoch) {
        return logged.last_step;
      }
    }
  }
  return std::nullopt;
}

}  // namespace pawl::oversight
