// pawl-check: checks certificates, warrants and logs offline. Links the trusted part alone: no network, no database, no
// prover, no sandbox.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstdio>
#include <cstring>
#include <iterator>
#include <string_view>
#include <utility>

#include "encoding/utf8.h"
#include "pawl-check/commands.h"

namespace pawl::check {
namespace {

constexpr char kHelp[] = R"(pawl-check: checks certificates, warrants and logs offline

usage: pawl-check certificate NETWORK PROPERTY CERTIFICATE [--arithmetic real|float32|float64] [--threads N] [--json]
       pawl-check warrant FILE [FILE …] --charter DIR --store DIR --state FILE [--commit] [--threads N] [--json]
       pawl-check log DIR --charter DIR [--store DIR] [--json]
       pawl-check state init --charter DIR --genesis FILE --state FILE [--json]
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
    std::puts("pawl-check " PAWL_VERSION " (certificate format 1, warrant v1, state v1)" PAWL_BUILT_FOR_TESTS);
    return ExitCode::kYes;
  }
  const bool help = command == "--help" || command == "-h" || command == "help";
  std::fputs(kHelp, help ? stdout : stderr);
  return help ? ExitCode::kYes : ExitCode::kUsage;
}

struct Character {
  uint32_t code = 0;
  size_t bytes = 0;  // 0: not valid UTF-8 here
};

// Requires text.
Character Decode(std::string_view text) {
  for (size_t bytes = 1; bytes <= std::min<size_t>(text.size(), 4); ++bytes) {
    if (!encoding::IsUtf8(text.substr(0, bytes))) continue;
    uint32_t code = static_cast<unsigned char>(text[0]) & (bytes == 1 ? 0x7Fu : 0x7Fu >> bytes);
    for (size_t i = 1; i < bytes; ++i) code = code << 6 | (static_cast<unsigned char>(text[i]) & 0x3Fu);
    return {code, bytes};
  }
  return {};
}

// Acts on a terminal, on the direction of text, or cannot be seen.
bool IsActive(uint32_t code) {
  constexpr std::pair<uint32_t, uint32_t> kRanges[] = {
      {0x00, 0x1F},     {0x7F, 0x9F},     {0xAD, 0xAD},     {0x61C, 0x61C},   {0x180E, 0x180E}, {0x200B, 0x200F},
      {0x2028, 0x202E}, {0x2060, 0x206F}, {0xFE00, 0xFE0F}, {0xFEFF, 0xFEFF}, {0xFFF9, 0xFFFB}, {0xE0000, 0xE0FFF}};
  return std::any_of(std::begin(kRanges), std::end(kRanges),
                     [&](const auto& range) { return range.first <= code && code <= range.second; });
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
    PrintJson(json);
    return status;
  }
  std::fprintf(stderr, "pawl-check: %s (%s)\n", Shown(error.message).c_str(), error.rule.c_str());
  if (!error.advice.empty()) std::fprintf(stderr, "  %s\n", Shown(error.advice).c_str());
  return status;
}

void PrintJson(const encoding::Json& json) {
  std::puts(json.dump(-1, ' ', false, encoding::Json::error_handler_t::replace).c_str());
}

std::string Shown(std::string_view text) {
  std::string shown;
  char escape[8];
  while (!text.empty()) {
    const Character character = Decode(text);
    if (character.bytes == 0 || IsActive(character.code)) {
      for (size_t i = 0; i < std::max<size_t>(character.bytes, 1); ++i) {
        std::snprintf(escape, sizeof escape, "\\x%02X", static_cast<unsigned char>(text[i]));
        shown += escape;
      }
    } else {
      if (character.code == '\\') shown += '\\';
      shown += text.substr(0, character.bytes);
    }
    text.remove_prefix(std::max<size_t>(character.bytes, 1));
  }
  return shown;
}

Result<unsigned> ParseThreads(const std::string& word) {
  unsigned threads = 2;
  if (word.empty()) return threads;
  const auto [end, failure] = std::from_chars(word.data(), word.data() + word.size(), threads);
  if (failure != std::errc() || end != word.data() + word.size() || threads < 1 || threads > 1'024) {
    return Error{ErrorCode::kUsage, "usage", "--threads is a number from 1 to 1024", ""};
  }
  return threads;
}

}  // namespace pawl::check

int main(int argc, char** argv) { return static_cast<int>(pawl::check::Run(argc, argv)); }
