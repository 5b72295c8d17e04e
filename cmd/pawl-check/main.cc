// pawl-check: checks certificates and warrants offline. Links the trusted part alone: no network, no database, no
// prover, no sandbox.
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <filesystem>
#include <string_view>

#include "pawl-check/arguments.h"
#include "pawl-check/commands.h"
#include "pawl-check/report.h"
#include "result/build.h"

namespace pawl::check {
namespace {

constexpr char kHelp[] = R"(pawl-check: checks certificates, warrants and logs offline

usage: pawl-check certificate NETWORK PROPERTY CERTIFICATE [--centre FILE | --against FILE [--within EPS]]
                              [--arithmetic real|float32|float64] [--threads N] [--json]
       pawl-check warrant FILE [FILE …] --charter DIR --store DIR --state FILE [--commit] [--threads N] [--json]
       pawl-check log DIR --charter DIR [--store DIR] [--json]
       pawl-check state init --charter DIR --genesis FILE --state FILE [--json]
       pawl-check state show --state FILE [--json]
       pawl-check --version

certificate  Does the certificate prove the property for this network, in this arithmetic (default float32)? --centre
             names the network that it was made for, where this is another one within its weight radius. --against asks
             of drift instead: whether it proves that on the property's boxes each output is within its bounds (and
             these within EPS) of those of the baseline FILE, whatever the property says of outputs.
warrant      May the loader with this state switch to what the warrant names? Several files are a chain, oldest first.
             With --commit the state is advanced, which makes it live. Without --state only signatures are checked,
             and the answer is never yes.
log          Reads an exported log, recomputes its root from its entries, verifies every signature, and prints what
             became of every proposal. --store gives the charters of amendments.
state        Makes a loader's state from a charter and the genesis decision that its people signed, or shows one.

Exit status: 0 yes, 1 no, 2 usage, 3 malformed input, 4 limit, 5 internal, 6 not a decision.

examples:
  pawl-check certificate policy.onnx clear.vnnlib clear.cert
  pawl-check certificate updated.onnx clear.vnnlib clear.cert --centre policy.onnx
  pawl-check certificate updated.onnx clear.vnnlib drift.cert --against policy.onnx --within 0.05
  pawl-check warrant 7.json --charter charter --store ~/.local/state/pawl/store --state state.json
  pawl log export /tmp/log && pawl-check log /tmp/log --charter charter
)";

// The check of logs is a program of its own beside this one, since a loader needs none of it.
ExitCode RunSibling(const char* name, char** arguments) {
  std::error_code failure;
  const std::string path = std::filesystem::read_symlink("/proc/self/exe", failure).replace_filename(name);
  if (!failure) execv(path.c_str(), arguments);
  return Report({ErrorCode::kNotFound, "program.missing", "cannot start " + path, "install it beside pawl-check"},
                Output::kText);
}

ExitCode Run(int argc, char** argv) {
  const std::string_view command = argc > 1 ? argv[1] : "";
  const auto has = [&](std::string_view word) { return std::find(argv, argv + argc, word) != argv + argc; };
  if (command == "-h" || command == "help" || has("--help")) {
    std::fputs(kHelp, stdout);
    return ExitCode::kYes;
  }
  if (command == "certificate") return CheckCertificate(argc - 2, argv + 2);
  if (command == "warrant") return CheckWarrant(argc - 2, argv + 2);
  if (command == "log") return RunSibling("pawl-check-log", argv + 1);
  if (command == "state") return StateCommand(argc - 2, argv + 2);
  if (command == "--version") {
    std::printf("pawl-check %s (%s); %s\n", kVersion, kCommit, kFormats);
    return ExitCode::kYes;
  }
  return Report(Usage("'" + std::string(command) + "' is none of its commands: certificate, warrant, log, state"),
                has("--json") ? Output::kJson : Output::kText);
}

}  // namespace

Result<unsigned> ParseThreads(const std::string& word) {
  unsigned threads = 2;
  if (word.empty()) return threads;
  const auto [end, failure] = std::from_chars(word.data(), word.data() + word.size(), threads);
  if (failure != std::errc() || end != word.data() + word.size() || threads < 1 || threads > 1'024) {
    return Usage("--threads is a number from 1 to 1024");
  }
  return threads;
}

}  // namespace pawl::check

// An answer that did not arrive is no yes.
int main(int argc, char** argv) {
  const pawl::ExitCode exit = pawl::check::Run(argc, argv);
  return static_cast<int>(std::fflush(stdout) == 0 && std::ferror(stdout) == 0 ? exit : pawl::ExitCode::kInternal);
}
