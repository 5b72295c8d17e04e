#include "gate/decide.h"

#include <algorithm>
#include <optional>

#include "gate/steps.h"
#include "gate/trace.h"
#include "warrant/state.h"

namespace pawl::gate {
namespace {

using audit::FindingOutcome;
using audit::ProposalHistory;
using audit::ProposalOutcome;

struct PathStep {
  audit::Step name;
  Step* run;
};

// The path. A step runs only after every step above it has passed, and only once it has passed.
constexpr PathStep kPath[] = {
    {audit::Step::kFreeze, Freeze},
    {audit::Step::kSurface, Surface},
    {audit::Step::kPace, Pace},
    {audit::Step::kProperties, Properties},  // ends with the commit: from here on the trial's budget is spent
    {audit::Step::kTrial, Trial},
    {audit::Step::kBounds, Bounds},
    {audit::Step::kQuorum, Quorum},      // ends with the auditors' closing statement: votes are fixed
    {audit::Step::kApproval, Approval},  // ends with enough signatures over one decision statement
    {audit::Step::kWarrant, Warrant},
    {audit::Step::kRelease, Release},  // the loader's own rename makes it final
};

constexpr std::string_view kMachine = "machine.";
constexpr std::string_view kConflict = "ledger.conflict";

encoding::Envelope FindingEvent(Gate& gate, const ProposalHistory& proposal, audit::Step step,
                                const StepReport& report) {
  return gate.Signed(audit::WriteFinding({.about = gate.About(proposal.proposal.tree),
                                          .proposal = proposal.proposal.proposal,
                                          .step = step,
                                          .outcome = report.outcome,
                                          .rule = report.rule,
                                          .summary = PlainText(report.summary),
                                          .evidence = report.evidence,
                                          .time = gate.Now()}));
}

encoding::Envelope OutcomeEvent(Gate& gate, const ProposalHistory& proposal, audit::Step step, ProposalOutcome outcome,
                                const StepReport& report) {
  return gate.Signed(audit::WriteOutcomeRecord({.about = gate.About(proposal.proposal.tree),
                                                .proposal = proposal.proposal.proposal,
                                                .outcome = outcome,
                                                .step = step,
                                                .rule = report.rule,
                                                .reason = PlainText(report.summary),
                                                .time = gate.Now()}));
}

// What the ledger gets for a report. A wait is logged once, not at every look.
std::vector<encoding::Envelope> EventsOf(Gate& gate, const ProposalHistory& proposal, audit::Step step,
                                         const StepReport& report) {
  std::vector<encoding::Envelope> events = report.events_before;
  const audit::Finding* before = proposal.FindingOf(step);
  const bool same_wait = report.outcome == FindingOutcome::kPending && before != nullptr &&
                         before->rule == report.rule && before->summary == PlainText(report.summary);
  if (!same_wait) events.push_back(FindingEvent(gate, proposal, step, report));
  events.insert(events.end(), report.events_after.begin(), report.events_after.end());
  switch (report.outcome) {
    case FindingOutcome::kPending:
      break;
    case FindingOutcome::kPass:
      if (step == audit::Step::kRelease) {
        events.push_back(OutcomeEvent(gate, proposal, step, ProposalOutcome::kAccepted, report));
      }
      break;
    case FindingOutcome::kRejected:
      events.push_back(OutcomeEvent(gate, proposal, step, ProposalOutcome::kRejected, report));
      break;
    case FindingOutcome::kOutsideCharter:
      events.push_back(OutcomeEvent(gate, proposal, step, ProposalOutcome::kOutsideCharter, report));
      break;
  }
  return events;
}

// What goes on the ledger where a step has found nothing out. An Error: the ledger itself fails, or somebody else is at
// work; then nothing is counted, because nothing could be written or nothing was wrong.
Result<StepReport> ReportMachineFailure(const ProposalHistory& proposal, const Error& error) {
  if (error.code == ErrorCode::kPending || error.rule.rfind("ledger.", 0) == 0) return error;
  const int failures = MachineFailures(proposal) + 1;
  const std::string count =
      "machine failure " + std::to_string(failures) + " of " + std::to_string(kMachineFailuresMax) + ": ";
  const std::string words = error.message + " (" + error.rule + ")";
  if (failures >= kMachineFailuresMax) return Failed(FindingOutcome::kRejected, "machine.retries", count + words);
  const std::string retry = "pawl advance " + proposal.proposal.proposal;
  return Waiting(std::string(kMachine) + error.rule, count + words,
                 {error.advice.empty() ? retry : retry + " (first: " + error.advice + ")"});
}

bool HasPassed(const ProposalHistory& proposal, audit::Step step) {
  const audit::Finding* finding = proposal.FindingOf(step);
  return finding != nullptr && finding->outcome == FindingOutcome::kPass;
}

// Whether a step only looks at log, store and clock, and takes no time: then it may see what the steps above it have
// seen before the ledger has that, and all of it is appended at once. That is what happens anyway where nobody comes
// between. Before any other step begins, everything is on the ledger; the warrant's appends it with the checkpoint that
// it begins with, in one transaction.
bool SharesAppend(audit::Step step, bool has_trial) {
  switch (step) {
    case audit::Step::kSurface:
    case audit::Step::kPace:
    case audit::Step::kQuorum:
    case audit::Step::kApproval:
    case audit::Step::kWarrant:
      return true;
    case audit::Step::kTrial:
    case audit::Step::kBounds:
      return !has_trial;  // then they ask nothing
    case audit::Step::kFreeze:
    case audit::Step::kProperties:
    case audit::Step::kRelease:
      return false;
  }
  return false;
}

// Rollbacks and amendments have none, nor has anything under a charter without an evaluation.
bool HasTrial(const Gate& gate, const ProposalHistory& proposal) {
  return proposal.proposal.action == warrant::Action::kRelease && !gate.charter().evaluation.command.empty();
}

// Goes down the path as far as it leads. kPending "ledger.conflict" where others have appended meanwhile: then what a
// step saw may be out of date, and nothing of it was written.
Result<Position> Walk(Gate& gate, const std::string& name, Until until) {
  std::vector<std::string> lines;  // told when the ledger has what they say
  const auto settle = [&] {
    Result<void> settled = gate.log().Settle();
    if (!settled.ok()) return settled;
    for (const std::string& line : lines) gate.Say(line);
    lines.clear();
    return settled;
  };
  std::optional<warrant::StateLock> state_lock;
  for (const PathStep& step : kPath) {
    // What the loader's state becomes, and what the ledger says of it, go together: a gate that decided between the two
    // could log "rejected" of what is live. So the lock is held from before the ledger is looked at until it has all.
    if (step.name == audit::Step::kRelease && until == Until::kReleased) {
      if (Result<void> settled = settle(); !settled.ok()) return settled.error();
      Result<warrant::StateLock> taken = warrant::StateLock::Take(gate.state_path());
      if (!taken.ok()) return taken.error();
      state_lock.emplace(std::move(*taken));
      if (Result<void> refreshed = gate.log().Refresh(); !refreshed.ok()) return refreshed.error();
    }
    const ProposalHistory proposal = *gate.log().history().Find(name);
    if (proposal.outcome) break;
    if (HasPassed(proposal, step.name)) continue;
    if (!SharesAppend(step.name, HasTrial(gate, proposal))) {
      if (Result<void> settled = settle(); !settled.ok()) return settled.error();
    }
    if (step.name == audit::Step::kRelease && until == Until::kLastApproval) {
      Position position = PositionOf(proposal);
      position.step = step.name;
      position.rule = "release.waiting";
      position.reason = "the warrant is complete";
      if (IsVetoed(proposal)) {
        position.rule = "approval.refused";
        position.reason = "'" + proposal.refusals.front().principal + "' has said no since: the next release ends it";
      }
      position.waits_for = {"pawl release " + name};
      return position;
    }
    Result<StepReport> report = step.run(gate, proposal);
    if (!report.ok() && report.error().rule != kConflict) report = ReportMachineFailure(proposal, report.error());
    if (!report.ok()) {
      // What the steps above it have seen counts; a step that appends takes what was held along, or loses it.
      if (report.error().rule == kConflict) lines.clear();
      const Result<void> settled = settle();
      return settled.ok() ? report.error() : settled.error();
    }
    // A trial takes long and hangs on the commit alone: what others append meanwhile does not undo it.
    if (step.name == audit::Step::kTrial && HasTrial(gate, proposal)) {
      if (Result<void> refreshed = gate.log().Refresh(); !refreshed.ok()) return refreshed.error();
      const ProposalHistory& now = *gate.log().history().Find(name);
      if (now.outcome || HasPassed(now, step.name)) {
        return Error{ErrorCode::kPending, std::string(kConflict), "another gate has gone on with '" + name + "'", ""};
      }
    }
    if (Result<void> held = gate.log().Hold(EventsOf(gate, proposal, step.name, *report)); !held.ok()) {
      return held.error();
    }
    lines.push_back(std::string(audit::StepName(step.name)) + ": " +
                    std::string(audit::FindingOutcomeName(report->outcome)) + ": " + report->summary);
    if (report->outcome == FindingOutcome::kPass) continue;
    if (Result<void> settled = settle(); !settled.ok()) return settled.error();
    Position position = PositionOf(*gate.log().history().Find(name));
    position.waits_for = report->waits_for;
    return position;
  }
  if (Result<void> settled = settle(); !settled.ok()) return settled.error();
  return PositionOf(*gate.log().history().Find(name));
}

}  // namespace

bool IsMachineFailure(const audit::Finding& finding) {
  return finding.outcome == FindingOutcome::kPending && finding.rule.rfind(kMachine, 0) == 0;
}

int MachineFailures(const ProposalHistory& proposal) {
  return static_cast<int>(std::count_if(proposal.findings.begin(), proposal.findings.end(), IsMachineFailure));
}

Position PositionOf(const ProposalHistory& proposal) {
  Position position;
  position.proposal = proposal.proposal.proposal;
  position.trace_id = TraceIdOf(proposal.proposal);
  if (!proposal.findings.empty()) {
    const audit::Finding& last = proposal.findings.back();
    position.step = last.step;
    position.rule = last.rule;
    position.reason = last.summary;
  }
  if (proposal.outcome) {
    position.outcome = proposal.outcome->outcome;
    position.step = proposal.outcome->step;
    position.rule = proposal.outcome->rule;
    position.reason = proposal.outcome->reason;
  }
  return position;
}

Result<Position> Decide(Gate& gate, const std::string& name, Until until) {
  if (Result<void> refreshed = gate.log().Refresh(); !refreshed.ok()) return refreshed.error();
  if (gate.log().history().Find(name) == nullptr) {
    return Error{ErrorCode::kNotFound, "gate.no-proposal", "there is no proposal '" + name + "'", "pawl status"};
  }
  // Another gate may have taken it further meanwhile, where this one's lock was lost with the database's server.
  for (int attempt = 0; attempt < ledger::kConflictsMax; ++attempt) {
    Result<Position> position = Walk(gate, name, until);
    if (position.ok() || position.error().rule != kConflict) return position;
    if (Result<void> refreshed = gate.log().Refresh(); !refreshed.ok()) return refreshed.error();
  }
  return Error{ErrorCode::kPending, "ledger.busy", "others keep appending to the log", "try again"};
}

}  // namespace pawl::gate
