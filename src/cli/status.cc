// pawl status: in one sentence what Pawl waits for, who has to act, and the command to type.
#include <sys/stat.h>

#include <algorithm>
#include <cstdio>
#include <ctime>
#include <map>

#include "cli/command.h"
#include "encoding/time.h"
#include "gate/waiting.h"
#include "ledger/keys.h"
#include "oversight/complaint.h"
#include "oversight/key_terms.h"
#include "oversight/quorum.h"
#include "warrant/state.h"

namespace pawl::cli {
namespace {

using audit::ProposalHistory;

std::vector<std::string> Warnings(const Place& place, const ledger::SubjectLog& log) {
  std::vector<std::string> warnings;
  const charter::Charter& charter = log.charter().charter;
  if (charter.assurance == charter::Assurance::kSingleOperator) {
    warnings.push_back("single operator: one person answers for every reviewer and every approval");
  }
  if (charter.approval.presence == charter::Presence::kSoftware) {
    warnings.push_back("approvals may come from software keys: no human presence is proven");
  }
  if (charter.evaluation.command.empty()) {
    warnings.push_back("nothing is tried: the charter has no evaluation, and what may change is proven");
  }
  std::string readable;
  for (const ledger::HeldKey& held : ledger::ListKeys(place.home)) {
    for (const charter::Reviewer& reviewer : charter.reviewers) {
      if (reviewer.key.key == held.key.key) readable += " " + reviewer.name;
    }
  }
  if (!readable.empty()) {
    warnings.push_back("this user can read the keys of reviewers:" + readable + " (the gate could vote for them)");
  }
  for (const std::string& name : ledger::ListExposedKeys(place.home)) {
    warnings.push_back("the key file of '" + name + "' is not kept for one user alone: chmod 600, and renew the key");
  }
  if (const Result<std::vector<oversight::KeyEnd>> ends = oversight::KeyEnds(log.charter()); ends.ok()) {
    for (const oversight::KeyEnd& end : *ends) {
      if (std::string warning = oversight::WarnOfEnd(end, std::time(nullptr)); !warning.empty())
        warnings.push_back(std::move(warning));
    }
  }
  // What is proven against a reviewer outlives the proposal that it was about, until its key is another; the last of
  // each is enough.
  std::map<std::string, std::string> proven;
  for (const ProposalHistory& proposal : log.history().proposals()) {
    for (const audit::LoggedComplaint& one : proposal.complaints) {
      if (!IsProven(one.complaint.rule)) continue;
      if (!oversight::IsOfKeyInForce(log.history(), proposal, one.complaint)) continue;
      proven[one.complaint.accused] =
          proposal.proposal.proposal + ": " + oversight::Text(one) + "; an amendment replaces its key";
    }
  }
  for (const auto& [accused, words] : proven) warnings.push_back(words);
  return warnings;
}

encoding::Json ComplaintsJson(const ProposalHistory& proposal) {
  encoding::Json complaints = encoding::Json::array();
  for (const audit::LoggedComplaint& one : proposal.complaints) {
    complaints.push_back({{"by", one.complaint.complainant},
                          {"accused", one.complaint.accused},
                          {"rule", audit::ComplaintRuleName(one.complaint.rule)},
                          {"proven", audit::IsProven(one.complaint.rule)},
                          {"reason", one.complaint.reason},
                          {"entry", one.index},
                          {"time", encoding::TimeText(one.complaint.time)}});
  }
  return complaints;
}

void ShowComplaints(const ProposalHistory& proposal) {
  for (const audit::LoggedComplaint& one : proposal.complaints) {
    std::printf("  %s\n", Shown(oversight::Text(one)).c_str());
  }
}

// Why the last one that ended came to nothing.
void ShowLastEnded(const audit::History& history) {
  const ProposalHistory* last = nullptr;
  for (const ProposalHistory& proposal : history.proposals()) {
    if (proposal.outcome && (last == nullptr || last->outcome->time <= proposal.outcome->time)) last = &proposal;
  }
  if (last == nullptr || last->outcome->outcome == audit::ProposalOutcome::kAccepted) return;
  const audit::OutcomeRecord& outcome = *last->outcome;
  std::printf("last: %s was %s at %s: %s (%s)\n", outcome.proposal.c_str(),
              std::string(audit::ProposalOutcomeName(outcome.outcome)).c_str(),
              std::string(audit::StepName(outcome.step)).c_str(), Shown(outcome.reason).c_str(), outcome.rule.c_str());
}

// ---- one proposal

encoding::Json ProposalJson(const ProposalHistory& proposal, const gate::Position& position) {
  encoding::Json json = PositionJson(position), findings = encoding::Json::array(), votes = encoding::Json::array();
  for (const audit::Finding& finding : proposal.findings) {
    findings.push_back({{"step", audit::StepName(finding.step)},
                        {"outcome", audit::FindingOutcomeName(finding.outcome)},
                        {"rule", finding.rule},
                        {"summary", finding.summary},
                        {"time", encoding::TimeText(finding.time)}});
  }
  for (const audit::LoggedVote& logged : proposal.votes) {
    votes.push_back({{"reviewer", logged.vote.reviewer},
                     {"role", logged.vote.role},
                     {"verdict", warrant::VoteVerdictName(logged.vote.verdict)},
                     {"reasons", logged.vote.reasons}});
  }
  encoding::Json disagreement = nullptr;
  if (const auto found = oversight::FindDisagreement(proposal)) {
    disagreement = {{"for", found->in_favour}, {"against", found->against}};
  }
  encoding::Json refusals = encoding::Json::array(), approvals = encoding::Json::array();
  for (const audit::Refusal& refusal : proposal.refusals) {
    refusals.push_back({{"by", refusal.principal}, {"reason", refusal.reason}});
  }
  for (const encoding::Signature& signature : proposal.decision_envelope.signatures)
    approvals.push_back(signature.keyid);
  json.update({{"action", warrant::ActionName(proposal.proposal.action)},
               {"note", proposal.proposal.note},
               {"tree", proposal.proposal.tree.Text()},
               {"proposed", encoding::TimeText(proposal.proposal.time)},
               {"findings", findings},
               {"votes", votes},
               {"disagreement", disagreement},
               {"approvals", approvals},
               {"refusals", refusals},
               {"complaints", ComplaintsJson(proposal)}});
  return json;
}

void ShowProposal(const ProposalHistory& proposal) {
  const audit::Proposal& proposed = proposal.proposal;
  std::printf("  %s of %s, proposed %s%s%s\n", std::string(warrant::ActionName(proposed.action)).c_str(),
              proposed.tree.Text().c_str(), encoding::TimeText(proposed.time).c_str(),
              proposed.note.empty() ? "" : ": ", Shown(proposed.note).c_str());
  for (const audit::Finding& finding : proposal.findings) {
    const std::string rule = finding.rule.empty() ? "" : " (" + finding.rule + ")";
    std::printf("  %-10s %-9s %s%s\n", std::string(audit::StepName(finding.step)).c_str(),
                std::string(audit::FindingOutcomeName(finding.outcome)).c_str(), Shown(finding.summary).c_str(),
                rule.c_str());
  }
  if (const auto found = oversight::FindDisagreement(proposal)) std::printf("  %s\n", Shown(found->Text()).c_str());
  for (const audit::LoggedVote& logged : proposal.votes) {
    std::string reasons;
    for (const std::string& reason : logged.vote.reasons) reasons += "; " + reason;
    std::printf("  %s (%s) voted %s%s\n", logged.vote.reviewer.c_str(), logged.vote.role.c_str(),
                std::string(warrant::VoteVerdictName(logged.vote.verdict)).c_str(), Shown(reasons).c_str());
  }
  for (const encoding::Signature& signature : proposal.decision_envelope.signatures) {
    std::printf("  %s approved\n", Shown(signature.keyid).c_str());
  }
  for (const audit::Refusal& refusal : proposal.refusals) {
    std::printf("  %s refused: %s\n", Shown(refusal.principal).c_str(), Shown(refusal.reason).c_str());
  }
  ShowComplaints(proposal);
}

ExitCode StatusOfProposal(const Globals& globals, const std::string& name) {
  Result<Place> place = FindPlace(globals);
  if (!place.ok()) return Fail(globals, place.error());
  Result<ledger::SubjectLog> log = OpenLog(*place, ledger::LedgerAccess::kReadOnly);
  if (!log.ok()) return Fail(globals, log.error());
  const ProposalHistory* proposal = log->history().Find(name);
  if (proposal == nullptr) {
    return Fail(globals,
                {ErrorCode::kNotFound, "gate.no-proposal", "there is no proposal '" + name + "'", "pawl status"});
  }
  gate::Position position = gate::PositionOf(*proposal);
  const int64_t now = std::max<int64_t>(log->history().time(), std::time(nullptr));
  if (!proposal->outcome) position.waits_for = gate::WaitOfProposal(*log, *proposal, now).commands;
  if (globals.json) {
    PrintJson(ProposalJson(*proposal, position));
  } else {
    ShowPosition(globals, log->subject(), position);
    ShowProposal(*proposal);
  }
  return ExitCode::kYes;
}

ExitCode Status(const Globals& globals) {
  Result<Place> place = FindPlace(globals);
  if (!place.ok()) return Fail(globals, place.error());
  const Result<warrant::State> state = warrant::ReadStateFile(place->state_path);
  Result<ledger::SubjectLog> log = OpenLog(*place, ledger::LedgerAccess::kReadOnly);
  if (!log.ok()) return Fail(globals, log.error());
  const audit::History& history = log->history();
  std::vector<const ProposalHistory*> open;
  for (const ProposalHistory& proposal : history.proposals()) {
    if (!proposal.outcome) open.push_back(&proposal);
  }
  const gate::LoaderStop loader = gate::FindLoaderStop(place->state_path, state, *log);
  const int64_t now = std::max<int64_t>(history.time(), std::time(nullptr));
  const ExitCode exit = loader.older ? ExitCode::kInternal : ExitCode::kYes;
  const gate::Wait wait = gate::WaitOf(*log, loader, now);
  const std::vector<std::string> warnings = Warnings(*place, *log);
  if (globals.json) {
    encoding::Json proposals = encoding::Json::array();
    for (const ProposalHistory& proposal : history.proposals()) {
      gate::Position position = gate::PositionOf(proposal);
      if (!proposal.outcome) position.waits_for = gate::WaitOfProposal(*log, proposal, now).commands;
      encoding::Json row = PositionJson(position);
      row["machine_failures"] = gate::MachineFailures(proposal);
      row["machine_failures_max"] = gate::kMachineFailuresMax;
      row["action"] = warrant::ActionName(proposal.proposal.action);
      row["note"] = proposal.proposal.note;
      if (!proposal.outcome) row["sentence"] = gate::WaitOfProposal(*log, proposal, now).sentence;
      row["tree"] = proposal.proposal.tree.Text();
      row["complaints"] = ComplaintsJson(proposal);
      proposals.push_back(std::move(row));
    }
    encoding::Json releases = encoding::Json::array();
    for (const audit::ReleaseRecord& release : history.releases()) {
      releases.push_back({{"epoch", release.epoch},
                          {"tree", release.tree.Text()},
                          {"warrant", release.warrant.Text()},
                          {"time", encoding::TimeText(release.time)},
                          {"proposal", release.proposal}});
    }
    const encoding::Json json = {
        {"subject", log->subject()},
        {"sentence", wait.sentence},
        {"who", wait.who},
        {"commands", wait.commands},
        {"charter", log->charter().charter.digest.Text()},
        {"charter_epoch", history.charter_epoch()},
        {"epoch", history.epoch()},
        {"live_epoch",
         history.releases().empty() ? encoding::Json(nullptr) : encoding::Json(history.releases().back().epoch)},
        {"live", history.live_tree() ? encoding::Json(history.live_tree()->Text()) : encoding::Json(nullptr)},
        {"halted", !history.OpenHalts().empty() || !loader.halts.empty()},
        {"loader_halts", loader.halts},
        {"loader_unreadable", loader.broken ? encoding::Json(*loader.broken) : encoding::Json(nullptr)},
        {"ledger_older", loader.older ? encoding::Json(*loader.older) : encoding::Json(nullptr)},
        {"events", history.size()},
        {"proposals", proposals},
        {"releases", releases},
        {"warnings", warnings}};
    PrintJson(json);
    return exit;
  }
  std::printf("%s: %s\n", log->subject().c_str(), Shown(wait.sentence).c_str());
  if (history.live_tree()) {
    std::printf("live: epoch %lld, tree %s, since %s\n", static_cast<long long>(history.releases().back().epoch),
                history.live_tree()->Text().c_str(), encoding::TimeText(history.releases().back().time).c_str());
  } else {
    std::puts("live: nothing yet");
  }
  size_t accepted = 0, rejected = 0, outside = 0;
  for (const ProposalHistory& proposal : history.proposals()) {
    if (!proposal.outcome) continue;
    if (proposal.outcome->outcome == audit::ProposalOutcome::kAccepted) ++accepted;
    if (proposal.outcome->outcome == audit::ProposalOutcome::kRejected) ++rejected;
    if (proposal.outcome->outcome == audit::ProposalOutcome::kOutsideCharter) ++outside;
  }
  std::printf("proposals: %zu accepted, %zu rejected, %zu outside the charter\n", accepted, rejected, outside);
  ShowLastEnded(history);
  for (const audit::LoggedHalt& halt : history.halts()) {
    if (!halt.lifted) {
      std::printf("halt in the ledger, by %s: %s\n", Shown(halt.principal).c_str(),
                  Shown(halt.decision.reason).c_str());
    }
  }
  for (const std::string& halt : loader.halts) std::printf("halt at the loader, by %s\n", Shown(halt).c_str());
  if (loader.broken) std::printf("the loader starts nothing: %s\n", Shown(*loader.broken).c_str());
  for (const ProposalHistory* proposal : open) {
    const gate::Position position = gate::PositionOf(*proposal);
    std::printf("%s: %s: %s\n", position.proposal.c_str(), std::string(audit::StepName(position.step)).c_str(),
                Shown(position.reason).c_str());
    if (const auto found = oversight::FindDisagreement(*proposal)) std::printf("  %s\n", Shown(found->Text()).c_str());
    ShowComplaints(*proposal);
    for (const std::string& command : gate::WaitOfProposal(*log, *proposal, now).commands) {
      std::printf("  next: %s\n", command.c_str());
    }
  }
  for (const std::string& warning : warnings) std::printf("note: %s\n", Shown(warning).c_str());
  return exit;
}

}  // namespace

void AddStatus(CLI::App& app, Globals& globals) {
  CLI::App* command = app.add_subcommand("status", "what Pawl waits for, who has to act, and the command to type");
  auto proposal = std::make_shared<std::string>();
  command->add_option("PROPOSAL", *proposal, "what became of this one: each step, vote, approval and refusal");
  command->footer(
      "Exit status 5 where the ledger lacks what the loader has seen.\n"
      "examples:\n  pawl status\n  pawl status p3\n  pawl --json status | jq .sentence");
  command->callback(
      [=, &globals] { globals.exit = proposal->empty() ? Status(globals) : StatusOfProposal(globals, *proposal); });
}

}  // namespace pawl::cli
