// pawl-check: checks certificates, warrants and logs offline. Links the trusted part alone: no network, no database, no
// prover, no sandbox.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <string_view>

#include "pawl-check/commands.h"

namespace pawl::check {
namespace {

constexpr char kHelp[] = R"(pawl-check: checks certificates, warrants and logs offline

usage: pawl-check certificate NETWORK PROPERTY CERTIFICATE [--arithmetic real|float32|float64] [--threads N] [--json]
       pawl-check warrant FILE [FILE …] --charter DIR --store DIR --state FILE [--commit] [--threads N] [--json]
       pawl-check log DIR --charter DIR [--store DIR] [--json]
       pawl-check state init --charter DIR --genesis FILE --state FILE
       pawl-check state show --state FILE [--json]

certificate  Does the certificate prove the property for this network, in this arithmetic (default float32)?
warrant      May the loader with this state switch to what the warrant names? Several files are a chain, oldest first.
             With --commit the state is advanced, which makes it live. Without --state only signatures are checked,
             and the answer is never yes.
log          Reads an exported log, recomputes its root from its entries, verifies every signature, and prints what
             became of every proposal. --store gives the charters of amendments.
state        Makes a loader's state from a charter and the genesis decision that its people signed, or shows one.

Exit status: 0 yes, 1 no, 2 usage, 3 malformed input, 4 limit, 5 internal, 6 not a decision.

examples:
  pawl-check certificate policy.onnx clear.vnnlib clear.cert
  pawl-check warrant 7.json --charter charter --store ~/.local/state/pawl/store --state state.json
  pawl log export /tmp/log && pawl-check log /tmp/log --charter charter
)";

ExitCode Run(int argc, char** argv) {
  const std::string_view command = argc > 1 ? argv[1] : "";
  const int count = argc - 2;
  const char* const* words = argv + 2;
  if (command == "certificate") return CheckCertificate(count, words);
  if (command == "warrant") return CheckWarrant(count, words);
  if (command == "log") return CheckLog(count, words);
  if (command == "state") return StateCommand(count, words);
  if (command == "--version") {
    std::puts("pawl-check " PAWL_VERSION " (certificate format 1, warrant v1, state v1)");
    return ExitCode::kYes;
  }
  const bool help = command == "--help" || command == "-h" || command == "help";
  std::fputs(kHelp, help ? stdout : stderr);
  return help ? ExitCode::kYes : ExitCode::kUsage;
}

}  // namespace

Result<std::string> ReadFile(const std::string& path, size_t bytes_max) {
  const int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (fd < 0) {
    const ErrorCode code = errno == ENOENT ? ErrorCode::kNotFound : ErrorCode::kSystem;
    return Error{code, "file.open", "cannot open '" + path + "': " + std::strerror(errno), ""};
  }
  struct stat status {};
  std::string bytes;
  Result<void> read_all;
  if (fstat(fd, &status) != 0 || !S_ISREG(status.st_mode)) {
    read_all = Malformed("file.kind", "'" + path + "' is not a regular file");
  } else if (static_cast<uint64_t>(status.st_size) > bytes_max) {
    read_all = LimitReached("file.too-large", "'" + path + "' has more than " + std::to_string(bytes_max) + " bytes");
  } else {
    char buffer[65'536];
    for (;;) {
      const ssize_t got = read(fd, buffer, sizeof buffer);
      if (got < 0 && errno == EINTR) continue;
      if (got < 0) read_all = SystemFailure("file.read", "cannot read '" + path + "': " + std::strerror(errno));
      if (got <= 0) break;
      bytes.append(buffer, static_cast<size_t>(got));
      if (bytes.size() > bytes_max) {
        read_all = LimitReached("file.too-large", "'" + path + "' grew while it was read");
        break;
      }
    }
  }
  close(fd);
  if (!read_all.ok()) return read_all.error();
  return bytes;
}

ExitCode Report(const Error& error, Output output) {
  const ExitCode status = ExitCodeFor(error.code);
  if (output == Output::kJson) {
    const encoding::Json json = {
        {"accepted", false}, {"rule", error.rule}, {"message", error.message}, {"advice", error.advice}};
    std::puts(json.dump().c_str());
    return status;
  }
  std::fprintf(stderr, "pawl-check: %s (%s)\n", error.message.c_str(), error.rule.c_str());
  if (!error.advice.empty()) std::fprintf(stderr, "  %s\n", error.advice.c_str());
  return status;
}

}  // namespace pawl::check

int main(int argc, char** argv) { return static_cast<int>(pawl::check::Run(argc, argv)); }
