// The program `pawl`: global options, and the list of subcommands in the order in which people meet them.
#include <csignal>
#include <cstdio>
#include <string_view>

#include "cli/command.h"

namespace pawl::cli {
namespace {

constexpr char kAbout[] =
    "Pawl lets an AI system change itself only as one bounded, sandboxed, proven, peer-checked and human-approved step "
    "at a time.";

constexpr char kExitCodes[] =
    "Exit status: 0 yes, 1 no (rejected, outside-charter, refused), 2 usage, 3 malformed input, 4 limit or unknown,\n"
    "5 internal or set-up error, 6 pending.\n\n"
    "Begin with: pawl charter new, pawl charter sign, pawl init, pawl propose.\n";

// The whole command line is searched: what is wrong may stand before --json.
bool AsksForJson(int argc, char** argv) {
  for (int i = 1; i < argc; ++i) {
    const std::string_view word = argv[i];
    if (word == "--") return false;
    if (word == "--json") return true;
  }
  return false;
}

encoding::Json Overview(const CLI::App& app) {
  encoding::Json commands = encoding::Json::array();
  for (const CLI::App* command : app.get_subcommands([](const CLI::App*) { return true; })) {
    commands.push_back({{"name", command->get_name()}, {"description", command->get_description()}});
  }
  return {{"subcommands", commands}};
}

}  // namespace

int Main(int argc, char** argv) {
  Globals globals;
  // A file that grows past RLIMIT_FSIZE is an error like a full disk, not a reason to die. A handler, not SIG_IGN:
  // programs in the sandbox must not inherit it.
  std::signal(SIGXFSZ, [](int) {});
  CLI::App app(kAbout, "pawl");
  app.set_version_flag("--version", "pawl " PAWL_VERSION " (" PAWL_COMMIT
                                    "); charter, warrant, state, certificate and ledger formats 1");
  app.add_option("--home", globals.home, "Pawl's home (default: $PAWL_HOME, else ~/.local/state/pawl)");
  app.add_option("--subject", globals.subject, "which subject, where the home has several");
  app.add_option("--state", globals.state, "the loader's state file (default: in the home)");
  app.add_flag("--json", globals.json, "answer in JSON, for scripts");
  app.add_flag("-q,--quiet", globals.quiet, "no progress on standard error");
  app.footer(kExitCodes);
  app.fallthrough();
  app.require_subcommand(0, 1);

  AddInit(app, globals);
  AddCharter(app, globals);
  AddTree(app, globals);
  AddKey(app, globals);
  AddPropose(app, globals);
  AddCycle(app, globals);
  AddReview(app, globals);
  AddApprove(app, globals);
  AddRelease(app, globals);
  AddHalt(app, globals);
  AddStatus(app, globals);
  AddBudget(app, globals);
  AddReport(app, globals);
  AddCurrent(app, globals);
  AddExec(app, globals);
  AddLog(app, globals);
  AddProve(app, globals);
  AddSandbox(app, globals);
  AddCompletion(app, globals);

  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    if (error.get_exit_code() != 0 && AsksForJson(argc, argv)) {
      globals.json = true;
      return static_cast<int>(Fail(globals, {ErrorCode::kUsage, "usage", error.what(), "pawl --help"}));
    }
    const int status = app.exit(error);  // prints help, version or what is wrong
    return status == 0 ? static_cast<int>(ExitCode::kYes) : static_cast<int>(ExitCode::kUsage);
  }
  if (app.get_subcommands().empty()) {
    if (globals.json) {
      PrintJson(Overview(app));
    } else {
      std::fputs(app.help().c_str(), stdout);
    }
  }
  std::fflush(stdout);
  return static_cast<int>(globals.exit);
}

}  // namespace pawl::cli
