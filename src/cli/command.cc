#include "cli/command.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <iostream>
#include <sstream>
#include <thread>

#include "cli/family_bar.h"
#include "cli/log_file.h"
#include "cli/worker_keys.h"
#include "halting/halt_room.h"
#include "ledger/loader_memory.h"
#include "sandbox/sandbox.h"
#include "server/http_client.h"
#include "subject/file_descriptor.h"

namespace pawl::cli {
namespace {

constexpr std::chrono::milliseconds kGateWaitMax{2'000};
constexpr std::chrono::milliseconds kGateTryAgain{50};

// A key, store or ledger that ought to be here is a fault of the set-up, not of the command line.
bool IsSetUp(const Error& error) {
  return error.rule == "key.missing" || error.rule == "store.missing" || error.rule == "ledger.missing";
}

// Readers say what is wrong and not what to do: that depends on whose file it is, and is the same for all their rules.
std::string AdviceFor(const Error& error) {
  constexpr std::pair<std::string_view, std::string_view> kAdvice[] = {
      {"onnx.", "export the network again; docs/proofs.md lists what is read"},
      {"vnnlib.", "mend the property file; docs/proofs.md says what is read"},
      {"certificate.", "prove again: pawl prove NETWORK PROPERTY --certificate FILE"},
      {"charter.", "mend the charter; spec/charter.md explains every key"},
      {"approve.", "pawl status says what waits for whom"},
      {"rollback.", "pawl status lists what was live"},
      {"tree.", "name a directory that holds a whole tree"},
      {"file.", "name a file that can be read"},
      {"duration.", "a whole number and one of s m h d, as in 24h"},
  };
  // What the machine refuses is mostly one of two things.
  if (error.code == ErrorCode::kSystem) return "check disk space and permissions, then run the command again";
  for (const auto& [prefix, advice] : kAdvice) {
    if (error.rule.starts_with(prefix)) return std::string(advice);
  }
  return {};
}

}  // namespace

ExitCode Fail(const Globals& globals, const Error& failure) {
  Error error = failure;
  if (error.advice.empty()) error.advice = AdviceFor(error);
  LogLine(LogLevel::kError, error.message, {{"rule", error.rule}});
  if (globals.json) {
    const encoding::Json json = {
        {"error", {{"rule", error.rule}, {"message", error.message}, {"advice", error.advice}}}};
    PrintJson(json);
  } else if (!LogsJsonOnStandardError()) {
    std::fprintf(stderr, "pawl: %s (%s)\n", Shown(error.message).c_str(), error.rule.c_str());
    if (!error.advice.empty()) std::fprintf(stderr, "  %s\n", Shown(error.advice).c_str());
  }
  return IsSetUp(error) ? ExitCode::kInternal : ExitCodeFor(error.code);
}

Result<Place> FindPlace(const Globals& globals) {
  Result<ledger::Home> home = ledger::Home::Open(globals.home, ledger::HomeAccess::kExisting);
  if (!home.ok()) return home.error();
  std::string subject = globals.subject;
  if (subject.empty()) {
    const std::vector<std::string> subjects = home->Subjects();
    if (subjects.size() != 1) {
      std::string names;
      for (const std::string& name : subjects) names += " " + name;
      return Error{ErrorCode::kUsage, "cli.which-subject",
                   subjects.empty() ? "this home has no subject yet" : "which subject? there are:" + names,
                   subjects.empty() ? "pawl init" : "--subject NAME"};
    }
    subject = subjects.front();
  }
  // Folders are made of it, and it may come from whoever asks a program of ours.
  if (subject.find('/') != std::string::npos || subject.starts_with('.')) {
    return Error{ErrorCode::kUsage, "cli.subject-name", "'" + subject + "' is no name of a subject", "pawl status"};
  }
  const std::vector<std::string> known = home->Subjects();
  if (globals.state.empty() && !known.empty() && std::find(known.begin(), known.end(), subject) == known.end() &&
      access(home->StatePath(subject).c_str(), F_OK) != 0) {
    std::string names;
    for (const std::string& name : known) names += " " + name;
    return Error{ErrorCode::kUsage, "cli.no-subject", "there is no subject '" + subject + "' here; there are:" + names,
                 "--subject NAME"};
  }
  const std::string state = globals.state.empty() ? home->StatePath(subject) : globals.state;
  return Place{std::move(*home), subject, state};
}

Result<ledger::SubjectLog> OpenLog(const Place& place, ledger::LedgerAccess access, ledger::FoldFrom from) {
  // Only pawl init begins one: an empty ledger in the place of a lost one would be another's.
  const Result<ledger::LedgerPlace> kept = place.home.PlaceOfLedger(place.subject);
  const std::string file = place.home.LedgerPath(place.subject);
  const bool in_home = kept.ok() && kept->url.starts_with("sqlite:");
  if (access == ledger::LedgerAccess::kReadWrite && in_home && ::access(file.c_str(), F_OK) != 0) {
    return Error{ErrorCode::kNotFound, "ledger.missing",
                 "cannot find the ledger '" + file + "': " + std::strerror(errno), "docs/recovery.md, A broken ledger"};
  }
  Result<ledger::SubjectLog> log = ledger::SubjectLog::Open(place.home, place.subject, access, from);
  // An init that was interrupted leaves a log without an event: there is no charter to speak of yet.
  if (log.ok() && !log->history().has_genesis()) {
    return Refused("gate.no-genesis", "'" + place.subject + "' has no charter yet", "pawl init");
  }
  if (log.ok() && access == ledger::LedgerAccess::kReadWrite) {
    if (Result<void> newest = ledger::RequireNotOlder(*log, place.state_path); !newest.ok()) return newest.error();
  }
  return log;
}

std::function<void(const std::string&)> ProgressTo(const Globals& globals) {
  // Verbose: the log is on standard error.
  const bool shown = !globals.quiet && !globals.json && !globals.verbose && !LogsJsonOnStandardError();
  return [shown](const std::string& line) {
    LogLine(LogLevel::kInfo, line);
    if (shown) std::fprintf(stderr, "  %s\n", Shown(line).c_str());
  };
}

Result<gate::Gate> TryGate(const Globals& globals, const Place& place) {
  halting::KeepRoomForHalt(place.state_path);
  gate::GateOptions options;
  Result<std::optional<work::WorkerShare>> workers = GateWorkers(globals);
  if (!workers.ok()) return workers.error();
  options.workers = std::move(*workers);
  options.state_path = place.state_path;
  options.progress = ProgressTo(globals);
  options.proving = [bar = FamilyBar(globals)](const prover::FamilyProgress& progress) { bar.Show(progress); };
  options.post = server::ExchangesWithin({});
  return gate::Gate::Open(place.home, place.subject, std::move(options));
}

Result<gate::Gate> OpenGate(const Globals& globals, const Place& place) {
  for (const auto until = std::chrono::steady_clock::now() + kGateWaitMax;;) {
    Result<gate::Gate> gate = TryGate(globals, place);
    if (gate.ok() || gate.error().rule != "gate.busy" || std::chrono::steady_clock::now() >= until) return gate;
    std::this_thread::sleep_for(kGateTryAgain);
  }
}

void LogPosition(const std::string& subject, const gate::Position& position) {
  const std::string outcome = position.outcome ? std::string(audit::ProposalOutcomeName(*position.outcome)) : "pending";
  LogLine(LogLevel::kInfo, outcome + " at " + std::string(audit::StepName(position.step)) + ": " + position.reason,
          {{"subject", subject},
           {"proposal", position.proposal},
           {"trace_id", position.trace_id},
           {"rule", position.rule}});
}

encoding::Json PositionJson(const gate::Position& position) {
  return {{"proposal", position.proposal},
          {"trace_id", position.trace_id},
          {"outcome", position.outcome ? std::string(audit::ProposalOutcomeName(*position.outcome)) : "pending"},
          {"step", audit::StepName(position.step)},
          {"rule", position.rule},
          {"reason", position.reason},
          {"waits_for", position.waits_for}};
}

ExitCode ShowPosition(const Globals& globals, const std::string& subject, const gate::Position& position) {
  ExitCode exit = ExitCode::kPending;
  if (position.outcome) {
    exit = *position.outcome == audit::ProposalOutcome::kAccepted ? ExitCode::kYes : ExitCode::kNo;
  }
  LogPosition(subject, position);
  if (globals.json) {
    PrintJson(PositionJson(position));
    return exit;
  }
  const std::string word = position.outcome ? std::string(audit::ProposalOutcomeName(*position.outcome)) : "pending";
  std::printf("%s: %s at %s: %s", position.proposal.c_str(), word.c_str(),
              std::string(audit::StepName(position.step)).c_str(), Shown(position.reason).c_str());
  if (!position.rule.empty()) std::printf(" (%s)", position.rule.c_str());
  std::printf("\n");
  for (const std::string& command : position.waits_for) std::printf("  next: %s\n", command.c_str());
  return exit;
}

std::string Shown(std::string_view text) { return sandbox::DisplayableOnOneLine(text); }

std::string ShownLines(std::string_view text) { return sandbox::Displayable(text); }

void PrintJson(const encoding::Json& json) {
  std::puts(json.dump(-1, ' ', false, encoding::Json::error_handler_t::replace).c_str());
}

Result<void> ConfirmSigning(const Globals& globals, Asking asking) {
  if (asking == Asking::kAnswered || isatty(STDIN_FILENO) == 0) return {};
  if (globals.json) {
    return Error{ErrorCode::kUsage, "sign.not-confirmed", "with --json nothing is shown and nobody is asked",
                 "--yes signs; leave --json out to see it first"};
  }
  std::printf("sign this? Type yes: ");
  std::fflush(stdout);
  std::string answer;
  std::getline(std::cin, answer);
  if (answer == "yes") return {};
  return Refused("sign.not-confirmed", "nothing was signed");
}

}  // namespace pawl::cli
