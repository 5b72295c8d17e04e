// pawl status: in one sentence what Pawl waits for, who has to act, and the command to type.
#include <sys/stat.h>

#include <cstdio>

#include "cli/command.h"
#include "encoding/time.h"
#include "ledger/keys.h"
#include "oversight/acceleration.h"
#include "oversight/quorum.h"
#include "warrant/state.h"

namespace pawl::cli {
namespace {

using warrant::ProposalHistory;

// What moves an open proposal on, from the ledger alone.
std::vector<std::string> NextCommands(const charter::Charter& charter, const ProposalHistory& proposal) {
  const std::string& name = proposal.proposal.proposal;
  // What the machine kept from its answer is tried again, whatever step that was.
  const bool machine_failed = !proposal.findings.empty() && gate::IsMachineFailure(proposal.findings.back());
  if (machine_failed && !proposal.warrant) return {"pawl advance " + name};
  if (proposal.warrant) return {"pawl release " + name};
  if (!proposal.candidate) return {"pawl advance " + name};
  const oversight::QuorumReport quorum = oversight::TallyQuorum(charter, proposal);
  std::vector<std::string> commands;
  if (!proposal.closing) {
    for (const std::string& reviewer : quorum.missing) commands.push_back("pawl review --as " + reviewer);
    if (!commands.empty()) return commands;
  }
  const oversight::ClosingTally closing = oversight::TallyClosing(charter, proposal);
  if (!closing.met) {
    for (const std::string& auditor : closing.missing) commands.push_back("pawl review --as " + auditor);
    return commands;
  }
  if (!proposal.decision) return {"pawl advance " + name};
  return {"pawl approve " + name, "pawl reject " + name};
}

// What lies in the loader's own folder, which stops loading whatever the ledger says.
struct LoaderStop {
  std::vector<std::string> halts;     // who and why
  std::optional<std::string> broken;  // why the folder or the state cannot be read
};

LoaderStop FindLoaderStop(const Place& place, const ledger::SubjectLog& log) {
  LoaderStop stop;
  Result<warrant::State> state = warrant::ReadStateFile(place.state_path);
  if (!state.ok()) {
    stop.broken = state.error().message;
    return stop;
  }
  // By the loader's own charter, which may be older than the ledger's.
  Result<charter::Charter> charter = charter::ReadCharterFromStore(log.store(), state->charter);
  if (!charter.ok()) {
    stop.broken = charter.error().message;
    return stop;
  }
  Result<warrant::LocalHalts> local = warrant::ReadLocalHalts(place.state_path, *charter, *state);
  if (local.ok()) {
    stop.halts = std::move(local->reasons);
  } else {
    stop.broken = local.error().message;
  }
  return stop;
}

std::string Sentence(const ledger::SubjectLog& log, const LoaderStop& loader, const ProposalHistory* open) {
  const std::vector<crypto::Digest> halts = log.history().OpenHalts();
  if (!halts.empty() || !loader.halts.empty()) return "halted: waits for people to lift it (pawl resume)";
  if (Result<std::vector<oversight::AccelerationAlarm>> alarms = oversight::OpenAlarms(log.history());
      alarms.ok() && !alarms->empty()) {
    return alarms->front().reason + "; waits for people (pawl resume)";
  }
  if (loader.broken) return "the loader starts nothing: " + *loader.broken;
  if (open == nullptr) return "nothing is pending";
  const std::vector<std::string> next = NextCommands(log.charter().charter, *open);
  return open->proposal.proposal + " waits: " + next.front();
}

std::vector<std::string> Warnings(const Place& place, const ledger::SubjectLog& log) {
  std::vector<std::string> warnings;
  const charter::Charter& charter = log.charter().charter;
  if (charter.assurance == charter::Assurance::kSingleOperator) {
    warnings.push_back("single operator: one person answers for every reviewer and every approval");
  }
  if (charter.approval.presence == charter::Presence::kSoftware) {
    warnings.push_back("approvals may come from software keys: no human presence is proven");
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
  return warnings;
}

ExitCode Status(const Globals& globals) {
  Result<Place> place = FindPlace(globals);
  if (!place.ok()) return Fail(globals, place.error());
  Result<ledger::SubjectLog> log = OpenLog(*place, ledger::LedgerAccess::kReadOnly);
  if (!log.ok()) return Fail(globals, log.error());
  const warrant::History& history = log->history();
  std::vector<const ProposalHistory*> open;
  for (const ProposalHistory& proposal : history.proposals()) {
    if (!proposal.outcome) open.push_back(&proposal);
  }
  const LoaderStop loader = FindLoaderStop(*place, *log);
  const std::string sentence = Sentence(*log, loader, open.empty() ? nullptr : open.back());
  const std::vector<std::string> warnings = Warnings(*place, *log);
  if (globals.json) {
    encoding::Json proposals = encoding::Json::array();
    for (const ProposalHistory& proposal : history.proposals()) {
      gate::Position position = gate::PositionOf(proposal);
      if (!proposal.outcome) position.waits_for = NextCommands(log->charter().charter, proposal);
      encoding::Json row = PositionJson(position);
      row["machine_failures"] = gate::MachineFailures(proposal);
      row["machine_failures_max"] = gate::kMachineFailuresMax;
      row["action"] = warrant::ActionName(proposal.proposal.action);
      row["note"] = proposal.proposal.note;
      row["tree"] = proposal.proposal.tree.Text();
      proposals.push_back(std::move(row));
    }
    encoding::Json releases = encoding::Json::array();
    for (const warrant::ReleaseRecord& release : history.releases()) {
      releases.push_back({{"epoch", release.epoch},
                          {"tree", release.tree.Text()},
                          {"warrant", release.warrant.Text()},
                          {"time", encoding::TimeText(release.time)},
                          {"proposal", release.proposal}});
    }
    const encoding::Json json = {
        {"subject", log->subject()},
        {"sentence", sentence},
        {"charter", log->charter().charter.digest.Text()},
        {"charter_epoch", history.charter_epoch()},
        {"epoch", history.epoch()},
        {"live_epoch",
         history.releases().empty() ? encoding::Json(nullptr) : encoding::Json(history.releases().back().epoch)},
        {"live", history.live_tree() ? encoding::Json(history.live_tree()->Text()) : encoding::Json(nullptr)},
        {"halted", !history.OpenHalts().empty() || !loader.halts.empty()},
        {"loader_halts", loader.halts},
        {"loader_unreadable", loader.broken ? encoding::Json(*loader.broken) : encoding::Json(nullptr)},
        {"events", history.size()},
        {"proposals", proposals},
        {"releases", releases},
        {"warnings", warnings}};
    PrintJson(json);
    return ExitCode::kYes;
  }
  std::printf("%s: %s\n", log->subject().c_str(), Shown(sentence).c_str());
  if (history.live_tree()) {
    std::printf("live: epoch %lld, tree %s, since %s\n", static_cast<long long>(history.releases().back().epoch),
                history.live_tree()->Text().c_str(), encoding::TimeText(history.releases().back().time).c_str());
  } else {
    std::puts("live: nothing yet");
  }
  size_t accepted = 0, rejected = 0, outside = 0;
  for (const ProposalHistory& proposal : history.proposals()) {
    if (!proposal.outcome) continue;
    if (proposal.outcome->outcome == warrant::ProposalOutcome::kAccepted) ++accepted;
    if (proposal.outcome->outcome == warrant::ProposalOutcome::kRejected) ++rejected;
    if (proposal.outcome->outcome == warrant::ProposalOutcome::kOutsideCharter) ++outside;
  }
  std::printf("proposals: %zu accepted, %zu rejected, %zu outside the charter\n", accepted, rejected, outside);
  for (const warrant::LoggedHalt& halt : history.halts()) {
    if (!halt.lifted) {
      std::printf("halt in the ledger, by %s: %s\n", Shown(halt.principal).c_str(),
                  Shown(halt.decision.reason).c_str());
    }
  }
  for (const std::string& halt : loader.halts) std::printf("halt at the loader, by %s\n", Shown(halt).c_str());
  if (loader.broken) std::printf("the loader starts nothing: %s\n", Shown(*loader.broken).c_str());
  for (const ProposalHistory* proposal : open) {
    const gate::Position position = gate::PositionOf(*proposal);
    std::printf("%s: %s: %s\n", position.proposal.c_str(), std::string(warrant::StepName(position.step)).c_str(),
                Shown(position.reason).c_str());
    for (const std::string& command : NextCommands(log->charter().charter, *proposal))
      std::printf("  next: %s\n", command.c_str());
  }
  for (const std::string& warning : warnings) std::printf("note: %s\n", Shown(warning).c_str());
  return ExitCode::kYes;
}

}  // namespace

void AddStatus(CLI::App& app, Globals& globals) {
  CLI::App* command = app.add_subcommand("status", "what Pawl waits for, who has to act, and the command to type");
  command->footer("examples:\n  pawl status\n  pawl --json status | jq .sentence");
  command->callback([&globals] { globals.exit = Status(globals); });
}

}  // namespace pawl::cli
