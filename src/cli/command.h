// What every subcommand of `pawl` shares: global options, the choice of the subject, and how results are shown.
//
//   void AddStatus(CLI::App& app, Globals& globals) {
//     CLI::App* command = app.add_subcommand("status", "what Pawl waits for, and who has to act");
//     command->callback([&globals] { globals.exit = Status(globals); });
//   }
//
// One file a subcommand; pawl.cc lists them. Thread safety: one thread.
#pragma once

#include <CLI/CLI.hpp>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>

#include "encoding/json.h"
#include "gate/decide.h"
#include "gate/gate.h"
#include "ledger/home.h"
#include "ledger/subject_log.h"
#include "result/exit_code.h"
#include "result/result.h"

namespace pawl::cli {

struct Globals {
  std::string home;     // --home
  std::string subject;  // --subject; empty: the only one there is
  std::string state;    // --state; empty: the home's
  bool json = false;
  bool quiet = false;
  bool verbose = false;
  std::string workers, worker_keys;  // --workers, --worker-keys of whoever opens a gate; empty: nobody
  size_t batch_episodes = 0;         // --batch-episodes
  double alone_s = 5;                // --alone-seconds
  std::string log_file;              // --log-file
  std::string log_format;            // --log-format: "text" or "json"
  ExitCode exit = ExitCode::kYes;
};

// Prints an error with its advice on standard error (or as JSON on standard output) and gives its exit status.
ExitCode Fail(const Globals& globals, const Error& error);

// The home, and the subject that was named or is the only one.
struct Place {
  ledger::Home home;
  std::string subject;
  std::string state_path;
};
Result<Place> FindPlace(const Globals& globals);

// For writing only where the log holds all that the loader has seen ("ledger.older").
Result<ledger::SubjectLog> OpenLog(const Place& place, ledger::LedgerAccess access,
                                   ledger::FoldFrom from = ledger::FoldFrom::kSnapshot);
// A gate that reports its progress on standard error, unless quiet or JSON. Waits two seconds for another gate's lock,
// which is longer than one that only looks holds it; then "gate.busy".
Result<gate::Gate> OpenGate(const Globals& globals, const Place& place);
// The same at once, for who comes again anyway.
Result<gate::Gate> TryGate(const Globals& globals, const Place& place);
// The progress function that both use.
std::function<void(const std::string&)> ProgressTo(const Globals& globals);

// Shows where a proposal stands, with the commands that move it on; the exit status says it in a number.
ExitCode ShowPosition(const Globals& globals, const std::string& subject, const gate::Position& position);
encoding::Json PositionJson(const gate::Position& position);
// Notes it in the log of this program, with the proposal's trace.
void LogPosition(const std::string& subject, const gate::Position& position);

// Text of others as it may be shown on one line of a terminal: a line feed in it is made visible.
std::string Shown(std::string_view text);
// The same for the output of programs, which may have many lines.
std::string ShownLines(std::string_view text);

// One line on standard output; bytes that are not UTF-8 are replaced.
void PrintJson(const encoding::Json& json);

// Asks on a terminal whether to sign what was shown; "sign.not-confirmed" for anything but yes. With --json nothing was
// shown: on a terminal that needs --yes (kUsage). Without a terminal there is nobody to ask.
enum class Asking { kOnTerminal, kAnswered };
Result<void> ConfirmSigning(const Globals& globals, Asking asking);

void AddInit(CLI::App& app, Globals& globals);
void AddNode(CLI::App& app, Globals& globals);
void AddCharter(CLI::App& app, Globals& globals);
void AddTree(CLI::App& app, Globals& globals);
void AddKey(CLI::App& app, Globals& globals);
void AddPropose(CLI::App& app, Globals& globals);
void AddCycle(CLI::App& app, Globals& globals);
void AddReview(CLI::App& app, Globals& globals);
void AddOversee(CLI::App& app, Globals& globals);
void AddApprove(CLI::App& app, Globals& globals);
void AddRelease(CLI::App& app, Globals& globals);
void AddHalt(CLI::App& app, Globals& globals);
void AddBudget(CLI::App& app, Globals& globals);
void AddReport(CLI::App& app, Globals& globals);
void AddStatus(CLI::App& app, Globals& globals);
void AddCurrent(CLI::App& app, Globals& globals);
void AddExec(CLI::App& app, Globals& globals);
void AddLog(CLI::App& app, Globals& globals);
void AddProve(CLI::App& app, Globals& globals);
void AddSandbox(CLI::App& app, Globals& globals);
void AddIncidents(CLI::App& app, Globals& globals);
void AddCompletion(CLI::App& app, Globals& globals);
void AddServe(CLI::App& app, Globals& globals);
void AddListen(CLI::App& app, Globals& globals);
void AddWitness(CLI::App& app, Globals& globals);
void AddBackup(CLI::App& app, Globals& globals);
void AddRestore(CLI::App& app, Globals& globals);
void AddStore(CLI::App& app, Globals& globals);
void AddExport(CLI::App& app, Globals& globals);
void AddImportGit(CLI::App& app, Globals& globals);
void AddExportGit(CLI::App& app, Globals& globals);
void AddDiff(CLI::App& app, Globals& globals);
void AddDoctor(CLI::App& app, Globals& globals);
void AddManual(CLI::App& app, Globals& globals);

// All of them, in the order in which people meet them.
void AddCommands(CLI::App& app, Globals& globals);

}  // namespace pawl::cli
