// Steps 5 and 6: the gate's own trial, on seeds from its own key and the commit. It turns away
// candidates that break a limit before reviewers spend time on them; what counts for acceptance are the evaluators'
// trials (step 7), and so what this one does not show is left to them: else a good candidate would need luck twice.
#include "encoding/json.h"
#include "gate/steps.h"
#include "gate/trace.h"
#include "oversight/charter_trial.h"
#include "sandbox/sandbox.h"
#include "trial/evidence.h"
#include "work/trial_asker.h"

namespace pawl::gate {
namespace {

using audit::FindingOutcome;
using audit::ProposalHistory;
using warrant::Action;

constexpr char kReport[] = "report";
constexpr uint64_t kReportBytesMax = uint64_t{1} << 20;

}  // namespace

Result<StepReport> Trial(Gate& gate, const ProposalHistory& proposal) {
  if (proposal.proposal.action != Action::kRelease) return Passed("no trial is asked for by this action");
  if (gate.charter().evaluation.command.empty()) return Passed("this charter asks for no trial");
  Result<std::string> checkpoint = oversight::CommitCheckpoint(gate.log(), proposal.candidate_index);
  if (!checkpoint.ok()) return checkpoint.error();
  const std::string signature = gate.keys().log.Sign(warrant::SeedMessage(proposal.candidate_digest, *checkpoint));
  const oversight::TrialOrder order{.log = &gate.log(),
                                    .candidate = *proposal.candidate,
                                    .seed_signature = signature,
                                    .progress = [&](const std::string& line) { gate.Say(line); }};
  std::string share;  // what the figures rest on, where there are workers
  const auto run = [&]() -> Result<oversight::CharterTrial> {
    if (!gate.options().workers) return oversight::RunCharterTrial(order);
    work::TrialShareReport report;
    work::WorkerShare with = *gate.options().workers;
    with.trace = TraceIdOf(proposal.proposal);
    Result<oversight::CharterTrial> shared = work::RunTrialWithWorkers(order, with, report);
    share = "; " + work::DescribeShare(report);
    return shared;
  };
  Result<oversight::CharterTrial> trial = run();
  if (!trial.ok()) return trial.error();
  Result<crypto::Digest> document =
      gate.log().store().PutBlob(encoding::CanonicalJson(trial::TrialReportToJson(trial->report)));
  if (!document.ok()) return document.error();
  StepReport report = trial->report.verdict == trial::TrialVerdict::kVoid
                          ? Failed(FindingOutcome::kRejected, trial->report.void_rule, oversight::DescribeTrial(*trial))
                          : Passed(PlainText("at most " + std::to_string(gate.charter().evaluation.episodes) +
                                             " episodes, " + std::to_string(gate.charter().evaluation.probes) +
                                             " probes" + sandbox::AcceptedWords(trial->weaker_guarantees) + share));
  report.evidence = {{kReport, *document}};
  return report;
}

Result<StepReport> Bounds(Gate& gate, const ProposalHistory& proposal) {
  if (proposal.proposal.action != Action::kRelease) return Passed("no bound applies to this action");
  if (gate.charter().evaluation.command.empty()) return Passed("this charter has no bound that a trial would show");
  const audit::Finding* finding = proposal.FindingOf(audit::Step::kTrial);
  const auto document = finding->evidence.find(kReport);
  if (document == finding->evidence.end()) {
    return Error{ErrorCode::kInternal, "bounds.no-report", "the trial's finding names no report", ""};
  }
  Result<std::string> bytes = gate.log().store().ReadBlob(document->second, kReportBytesMax);
  if (!bytes.ok()) return bytes.error();
  Result<encoding::Json> json = encoding::ParseCanonicalJson(*bytes);
  if (!json.ok()) return json.error();
  Result<trial::TrialReport> report = trial::ReadTrialReport(*json);
  if (!report.ok()) return report.error();
  const std::string words = oversight::DescribeTrial({*report, {}});
  if (!trial::AnythingBroken(*report)) return Passed(words);
  const FindingOutcome outcome =
      trial::IsOutsideCharter(report->verdict) ? FindingOutcome::kOutsideCharter : FindingOutcome::kRejected;
  return Failed(outcome, "bounds." + std::string(trial::TrialVerdictName(report->verdict)), words);
}

}  // namespace pawl::gate
