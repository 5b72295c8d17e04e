// The program `pawl`: global options, and the list of subcommands in the order in which people meet them.
#include <fcntl.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <cstdio>
#include <iostream>
#include <string_view>

#include "cli/command.h"
#include "cli/log_file.h"
#include "cli/main.h"
#include "cli/mcp.h"
#include "cli/release_tree.h"
#include "cli/usage_error.h"
#include "cli/work.h"
#include "result/build.h"

namespace pawl::cli {
namespace {

constexpr char kAbout[] =
    "Pawl lets an AI system change itself only as one bounded, sandboxed, proven, peer-checked and human-approved step "
    "at a time.";

constexpr char kExitCodes[] =
    "Exit status: 0 yes, 1 no (rejected, outside-charter, refused), 2 usage, 3 malformed input, 4 limit or unknown,\n"
    "5 internal or set-up error, 6 pending.\n\n"
    "Begin with: pawl doctor, pawl charter new, pawl charter sign, pawl init, pawl propose.\n"
    "`pawl help-all` shows the help of every command, `pawl status` what to do next.\n";

// What stands for standard input, output and error is never the next file that is opened, a ledger or a sealed release.
// What was closed stays as unusable as it was.
bool HoldStandardDescriptors() {
  for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; ++fd) {
    if (fcntl(fd, F_GETFD) != -1) continue;
    if (open("/dev/null", fd == STDIN_FILENO ? O_WRONLY : O_RDONLY) != fd) return false;
  }
  return true;
}

// The whole command line is searched: what is wrong may stand before --json.
bool AsksForJson(int argc, char** argv) {
  for (int i = 1; i < argc; ++i) {
    const std::string_view word = argv[i];
    if (word == "--") return false;
    if (word == "--json") return true;
  }
  return false;
}

encoding::Json VersionJson() {
  return {{"version", std::string(kVersion)},
          {"commit", std::string(kCommit)},
          {"formats",
           {{"charter", 1},
            {"warrant", 1},
            {"state", 1},
            {"certificate", 2},
            {"ledger", ledger::kSchemaVersion},
            {"home", ledger::kHomeVersion}}}};
}

encoding::Json Overview(const CLI::App& app) {
  encoding::Json commands = encoding::Json::array();
  for (const CLI::App* command : app.get_subcommands([](const CLI::App*) { return true; })) {
    commands.push_back({{"name", command->get_name()}, {"description", command->get_description()}});
  }
  return {{"subcommands", commands}};
}

// What is run, without its arguments.
std::string CommandName(const CLI::App& app) {
  std::string name;
  for (const CLI::App* at = &app; !at->get_subcommands().empty();) {
    at = at->get_subcommands().front();
    name += (name.empty() ? "" : " ") + at->get_name();
  }
  return name.empty() ? "pawl" : name;
}

// Help, version, or what is wrong with the command line.
ExitCode AnswerUnparsed(const CLI::App& app, const CLI::ParseError& error, Globals& globals, bool as_json) {
  if (error.get_exit_code() != 0) {
    globals.json = as_json;
    const ExitCode exit = Fail(globals, UsageErrorOf(app, error));
    const CLI::App& command = NamedCommand(app);
    const bool is_group = !command.get_subcommands([](const CLI::App*) { return true; }).empty();
    if (!as_json && is_group && command.get_parent() != nullptr) std::fputs(app.help().c_str(), stderr);
    return exit;
  }
  if (as_json && dynamic_cast<const CLI::CallForVersion*>(&error) != nullptr) {
    PrintJson(VersionJson());
  } else {
    app.exit(error);  // prints it
    std::cout.flush();
  }
  return ExitCode::kYes;
}

// An answer that did not arrive is no yes.
ExitCode WithAnswerWritten(Globals& globals, ExitCode exit) {
  if ((std::fflush(stdout) == 0 && std::ferror(stdout) == 0 && std::cout.good()) || exit != ExitCode::kYes) return exit;
  globals.json = false;  // standard output takes no more
  return Fail(globals, SystemFailure("output.lost", "the answer could not be written to standard output",
                                     "look at the disk that it goes to; what was done is done"));
}

// Runs after everything was parsed and before any command.
void OpenLogOrEnd(const CLI::App& app, Globals& globals) {
  const auto verbosity = globals.verbose ? LogVerbosity::kVerbose : LogVerbosity::kNormal;
  const Result<void> opened = OpenLog({.path = globals.log_file,
                                       .verbosity = verbosity,
                                       .format = globals.log_format == "json" ? LogFormat::kJson : LogFormat::kText,
                                       .command = CommandName(app)});
  if (!opened.ok()) {
    throw CLI::RuntimeError(static_cast<int>(Fail(globals, opened.error())));
  }
  if (LogsJsonOnStandardError()) globals.quiet = true;  // whoever reads the lines gets nothing else
  LogLine(LogLevel::kInfo, std::string("begins, pawl ") + kVersion + " (" + kCommit + ")");
  LogLine(LogLevel::kDebug, "home " + ledger::Home::Place(globals.home));
}

}  // namespace

void AddCommands(CLI::App& app, Globals& globals) {
  AddInit(app, globals);
  AddCharter(app, globals);
  AddTree(app, globals);
  AddKey(app, globals);
  AddPropose(app, globals);
  AddCycle(app, globals);
  AddReview(app, globals);
  AddOversee(app, globals);
  AddDiff(app, globals);
  AddApprove(app, globals);
  AddRelease(app, globals);
  AddHalt(app, globals);
  AddStatus(app, globals);
  AddBudget(app, globals);
  AddReport(app, globals);
  AddCurrent(app, globals);
  AddExec(app, globals);
  AddExport(app, globals);
  AddImportGit(app, globals);
  AddExportGit(app, globals);
  AddLog(app, globals);
  AddServe(app, globals);
  AddMcp(app, globals);
  AddWitness(app, globals);
  AddListen(app, globals);
  AddNode(app, globals);
  AddBackup(app, globals);
  AddRestore(app, globals);
  AddStore(app, globals);
  AddDoctor(app, globals);
  AddProve(app, globals);
  AddWork(app, globals);
  AddSandbox(app, globals);
  AddIncidents(app, globals);
  AddCompletion(app, globals);
  AddManual(app, globals);
}

int Main(int argc, char** argv) {
  if (!HoldStandardDescriptors()) return static_cast<int>(ExitCode::kInternal);
  if (IsFillingStage(argc, argv)) return FillAndStart(argc, argv);  // started by `pawl exec`, not by people
  Globals globals;
  // A file that grows past RLIMIT_FSIZE is an error like a full disk, not a reason to die. A handler, not SIG_IGN:
  // programs in the sandbox must not inherit it.
  std::signal(SIGXFSZ, [](int) {});
  CLI::App app(kAbout, "pawl");
  const std::string version = std::string("pawl ") + kVersion + " (" + kCommit + "); " + kFormats + ", home format " +
                              std::to_string(ledger::kHomeVersion);
  app.set_version_flag("--version", version);
  // An empty one is a variable of a script that was not set, and must not mean the default.
  const CLI::Validator is_given([](const std::string& text) { return text.empty() ? "is empty" : std::string(); }, "");
  app.add_option("--home", globals.home, "Pawl's home (default: $PAWL_HOME, else ~/.local/state/pawl)")
      ->check(is_given);
  app.add_option("--subject", globals.subject, "which subject, where the home has several")->check(is_given);
  app.add_option("--state", globals.state, "the loader's state file (default: in the home)")->check(is_given);
  app.add_flag("--json", globals.json, "answer in JSON, for scripts");
  CLI::Option* quiet = app.add_flag("-q,--quiet", globals.quiet, "no progress on standard error");
  app.add_flag("-v,--verbose", globals.verbose, "say on standard error what is done, and how long it took")
      ->excludes(quiet);
  app.add_option("--log-file", globals.log_file, "note what is done in this file (rotated; at most 12 MiB in all)");
  app.add_option("--log-format", globals.log_format, "of that file: text, or json, one object a line")
      ->check(CLI::IsMember({"text", "json"}))
      ->envname("PAWL_LOG_FORMAT");
  app.footer(kExitCodes);
  app.fallthrough();
  app.require_subcommand(0, 1);

  AddCommands(app, globals);
  app.parse_complete_callback([&] { OpenLogOrEnd(app, globals); });

  const auto start = std::chrono::steady_clock::now();
  try {
    app.parse(argc, argv);
  } catch (const CLI::RuntimeError& error) {
    return error.get_exit_code();  // what is wrong has been said
  } catch (const CLI::ParseError& error) {
    const ExitCode exit = AnswerUnparsed(app, error, globals, AsksForJson(argc, argv));
    return static_cast<int>(WithAnswerWritten(globals, exit));
  }
  if (app.get_subcommands().empty()) {
    if (globals.json) {
      PrintJson(Overview(app));
    } else {
      std::fputs(app.help().c_str(), stdout);
    }
  }
  globals.exit = WithAnswerWritten(globals, globals.exit);
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
  char text[64];
  std::snprintf(text, sizeof text, "ends after %.1f s", took.count());
  LogLine(LogLevel::kInfo, text, {{"status", std::to_string(static_cast<int>(globals.exit))}});
  return static_cast<int>(globals.exit);
}

}  // namespace pawl::cli
