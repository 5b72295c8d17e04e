// The evaluator's role: a trial with seeds that come from this reviewer's own key, after the candidate was committed.
#include "encoding/base64.h"
#include "oversight/charter_trial.h"
#include "oversight/log_memory.h"
#include "oversight/review.h"
#include "trial/evidence.h"

namespace pawl::oversight {
namespace {

// No longer than that: a trial takes time.
Result<void> RememberLocked(ledger::SubjectLog& log, const Reviewer& reviewer) {
  const Result<subject::FileDescriptor> lock = LockMemory(reviewer, log.subject());
  return lock.ok() ? RememberLog(log, reviewer) : lock.error();
}

}  // namespace

Result<Opinion> ReviewAsEvaluator(ledger::SubjectLog& log, const Reviewer& reviewer,
                                  const audit::ProposalHistory& proposal) {
  const warrant::Candidate& candidate = *proposal.candidate;
  Opinion opinion;
  // Seeds are signed once for a budget index: a log that lost a commit would draw them again.
  if (Result<void> grew = RememberLocked(log, reviewer); !grew.ok()) return grew.error();
  if (candidate.action != warrant::Action::kRelease) {
    opinion.reasons.push_back("a trial is not asked for by this action");
    return opinion;
  }
  Result<trial::EvaluationEnvironment> environment = DescribeEvaluation(log);
  if (!environment.ok()) return environment.error();
  if (!candidate.environment || candidate.environment->Text() != environment->digest) {
    // Numbers from different machines are not compared; somebody whose machine is like the gate's has to try.
    opinion.reasons.push_back("this machine's evaluation environment " + environment->digest +
                              " is not the one that the candidate statement names");
    return opinion;
  }
  Result<std::string> checkpoint = CommitCheckpoint(log, proposal.candidate_index);
  if (!checkpoint.ok()) return checkpoint.error();
  const Result<std::string> signed_seed =
      reviewer.key.Sign(warrant::SeedMessage(proposal.candidate_digest, *checkpoint));
  if (!signed_seed.ok()) return signed_seed.error();
  const std::string& signature = *signed_seed;
  Result<CharterTrial> trial = RunCharterTrial(
      {.log = &log, .candidate = candidate, .seed_signature = signature, .progress = reviewer.progress});
  if (!trial.ok()) return trial.error();
  std::optional<LastStep> last_step;
  bool alarm = false;
  if (const std::optional<Growth> growth = GrowthBefore(log.history(), candidate)) {
    last_step = MeasuredBefore(log.history(), reviewer.record.name, growth->epoch);
    if (!last_step) {
      Result<MeasuredStep> measured = MeasureStep(
          {.log = &log, .candidate = candidate, .seed_signature = signature, .progress = reviewer.progress}, *growth);
      if (!measured.ok()) return measured.error();
      last_step = measured->step;
      if (!measured->void_reason.empty()) {
        opinion.reasons.push_back("the last release cannot be measured, and counts as the largest step allowed: " +
                                  measured->void_reason);
      }
    }
    Result<bool> rings = WouldAlarm(log.history(), reviewer.record.name, *last_step);
    if (!rings.ok()) return rings.error();
    alarm = *rings;
  }
  opinion.evidence = {{"checkpoint", *checkpoint},
                      {"seed_signature", encoding::EncodeBase64(signature)},
                      {"report", trial::TrialReportToJson(trial->report)},
                      {"shares", trial::EvidenceSharesJson(trial->report)},
                      {"last_step", LastStepJson(last_step)}};
  const bool passed = IsAcceptable(log.charter().charter, trial->report) && !alarm;
  if (alarm) opinion.reasons.push_back("growth accelerates beyond what the charter expects; people have to look");
  opinion.verdict = passed ? warrant::VoteVerdict::kFor : warrant::VoteVerdict::kAgainst;
  opinion.reasons.push_back(DescribeTrial(*trial));
  return opinion;
}

}  // namespace pawl::oversight
