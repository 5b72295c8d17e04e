// The program `pawl`: global options, and the list of subcommands in the order in which people meet them.
#include <cstdio>

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

}  // namespace

int Main(int argc, char** argv) {
  Globals globals;
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
  AddCurrent(app, globals);
  AddExec(app, globals);
  AddLog(app, globals);
  AddProve(app, globals);
  AddSandbox(app, globals);
  AddCompletion(app, globals);

  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    const int status = app.exit(error);  // prints help, version or what is wrong
    return status == 0 ? static_cast<int>(ExitCode::kYes) : static_cast<int>(ExitCode::kUsage);
  }
  if (app.get_subcommands().empty()) std::fputs(app.help().c_str(), stdout);
  std::fflush(stdout);
  return static_cast<int>(globals.exit);
}

}  // namespace pawl::cli
