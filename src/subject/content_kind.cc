#include "subject/content_kind.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <nlohmann/json.hpp>
#include <span>

#include "encoding/utf8.h"
#include "model/network.h"

namespace pawl::subject {
namespace {

struct Signature {
  std::string_view bytes;
  size_t offset;
  const char* name;
};

using namespace std::string_view_literals;
constexpr std::array kContainers = {
    Signature{"PK\3\4"sv, 0, "zip archive"},
    Signature{"PK\5\6"sv, 0, "zip archive"},
    Signature{"7z\xBC\xAF\x27\x1C"sv, 0, "7z archive"},
    Signature{"Rar!\x1A\x07"sv, 0, "rar archive"},
    Signature{"\x1F\x8B"sv, 0, "gzip stream"},
    Signature{"\xFD"
              "7zXZ\0"sv,
              0, "xz stream"},
    Signature{"\x28\xB5\x2F\xFD"sv, 0, "zstd stream"},
    Signature{"\x04\x22\x4D\x18"sv, 0, "lz4 stream"},
    Signature{"\x5D\0\0"sv, 0, "lzma stream"},
    Signature{"ustar"sv, 257, "tar archive"},
    Signature{"BZh"sv, 0, "bzip2 stream"},
};

bool HasAt(std::string_view bytes, size_t offset, std::string_view part) {
  return bytes.size() >= offset + part.size() && bytes.substr(offset, part.size()) == part;
}

std::string ContainerName(std::string_view bytes, bool is_text) {
  for (const Signature& signature : kContainers) {
    if (!HasAt(bytes, signature.offset, signature.bytes)) continue;
    if (signature.bytes == "BZh" && !HasAt(bytes, 4, "1AY&SY") && !HasAt(bytes, 4, "\x17\x72\x45\x38\x50\x90"sv))
      continue;
    if (signature.bytes == "ustar" && is_text) continue;
    return signature.name;
  }
  if (is_text) return {};
  // zlib's header: method 8, and the two bytes are a multiple of 31.
  if (bytes.size() > 2 && (bytes[0] == '\x78') &&
      (bytes[1] == '\x01' || bytes[1] == '\x5E' || bytes[1] == '\x9C' || bytes[1] == '\xDA')) {
    return "zlib stream";
  }
  // A zip archive is found from its end, whatever stands before it.
  const std::string_view tail = bytes.substr(bytes.size() - std::min<size_t>(bytes.size(), 65'557));
  return tail.find("PK\5\6"sv) != tail.npos ? "zip archive behind other bytes" : "";
}

// What follows an opcode in the stream: so many bytes, a line, or as many bytes as a little-endian number of the given
// width says.
struct Argument {
  size_t bytes = 0;
  bool is_line = false;
  size_t count_width = 0;
};
constexpr Argument kNothing{}, kLine{0, true, 0};
constexpr Argument Bytes(size_t count) { return {count, false, 0}; }
constexpr Argument Counted(size_t width) { return {0, false, width}; }

// What an opcode takes from the stack and leaves on it.
struct Opcodes {
  std::string_view opcodes;
  Argument argument;
  size_t takes, gives;
  bool closes_mark = false;
};

// All but those that import or call, which WalksAsPickle names. Source: CPython's Lib/pickletools.py.
constexpr std::array kOpcodes = {
    Opcodes{"N)]}\x88\x89\x8f"sv, kNothing, 0, 1},
    Opcodes{"2"sv, kNothing, 1, 2},
    Opcodes{"Q\x94\x85\x97\x98"sv, kNothing, 1, 1},
    Opcodes{"\x86"sv, kNothing, 2, 1},
    Opcodes{"\x87"sv, kNothing, 3, 1},
    Opcodes{"0"sv, kNothing, 1, 0},
    Opcodes{"a"sv, kNothing, 2, 1},
    Opcodes{"s"sv, kNothing, 3, 1},
    Opcodes{"tld\x91"sv, kNothing, 0, 1, true},
    Opcodes{"eu\x90"sv, kNothing, 1, 1, true},
    Opcodes{"1"sv, kNothing, 0, 0, true},
    Opcodes{"ILFSVPg"sv, kLine, 0, 1},
    Opcodes{"p"sv, kLine, 1, 1},
    Opcodes{"Kh"sv, Bytes(1), 0, 1},
    Opcodes{"q"sv, Bytes(1), 1, 1},
    Opcodes{"\x80"sv, Bytes(1), 0, 0},
    Opcodes{"M"sv, Bytes(2), 0, 1},
    Opcodes{"Jj"sv, Bytes(4), 0, 1},
    Opcodes{"r"sv, Bytes(4), 1, 1},
    Opcodes{"G"sv, Bytes(8), 0, 1},
    Opcodes{"\x95"sv, Bytes(8), 0, 0},
    Opcodes{"UC\x8a\x8c"sv, Counted(1), 0, 1},
    Opcodes{"TXB\x8b"sv, Counted(4), 0, 1},
    Opcodes{"\x8d\x8e\x96"sv, Counted(8), 0, 1},
};

// Takes a line off the front; where it is to be a name, only if it looks like one.
bool TakeLine(std::string_view& rest, bool is_name) {
  const size_t end = rest.find('\n');
  if (end == rest.npos || end > 1'000) return false;
  const std::string_view line = rest.substr(0, end);
  rest.remove_prefix(end + 1);
  const auto fits = [](unsigned char c) { return std::isalnum(c) != 0 || c == '_' || c == '.' || c >= 0x80; };
  return !is_name || (!line.empty() && std::all_of(line.begin(), line.end(), fits));
}

bool TakeArgument(std::string_view& rest, const Argument& argument) {
  if (argument.is_line) return TakeLine(rest, false);
  if (rest.size() < argument.bytes + argument.count_width) return false;
  uint64_t count = argument.bytes;
  for (size_t i = 0; i < argument.count_width; ++i) count |= uint64_t{static_cast<unsigned char>(rest[i])} << (8 * i);
  rest.remove_prefix(argument.count_width);
  if (rest.size() < count) return false;
  rest.remove_prefix(static_cast<size_t>(count));
  return true;
}

// Whether a walk over the opcodes comes to a call of an imported name. Protocols 2 and later announce themselves; the
// older ones are ASCII, so this asks for opcodes from the first byte on, and for operands and marks where they are
// taken. What follows the call does not matter: it has run by then, even if the stream breaks off.
bool WalksAsPickle(std::string_view rest) {
  size_t items = 0, marks = 0;
  bool imported = false;
  while (!rest.empty()) {
    const char opcode = rest.front();
    rest.remove_prefix(1);
    if (opcode == '(') {  // MARK
      ++marks;
    } else if (opcode == 'c') {  // GLOBAL
      if (!TakeLine(rest, true) || !TakeLine(rest, true)) return false;
      imported = true;
      ++items;
    } else if (opcode == '\x93') {  // STACK_GLOBAL
      if (items < 2) return false;
      imported = true;
      --items;
    } else if (opcode == 'i') {  // INST: imports and calls
      return marks > 0 && TakeLine(rest, true) && TakeLine(rest, true);
    } else if (opcode == 'o') {  // OBJ
      return imported && marks > 0;
    } else if (opcode == 'R' || opcode == '\x81' || opcode == '\x92' || opcode == 'b') {  // REDUCE, NEWOBJ, BUILD
      return imported && items >= 2;
    } else {
      const auto* known = std::find_if(kOpcodes.begin(), kOpcodes.end(), [&](const Opcodes& candidate) {
        return candidate.opcodes.find(opcode) != candidate.opcodes.npos;
      });
      if (known == kOpcodes.end() || items < known->takes || (known->closes_mark && marks == 0)) return false;
      if (!TakeArgument(rest, known->argument)) return false;
      items = items - known->takes + known->gives;
      marks -= known->closes_mark ? 1 : 0;
    }
  }
  return false;
}

std::string PickleName(std::string_view bytes) {
  if (bytes.size() >= 2 && bytes[0] == '\x80' && bytes[1] >= 2 && bytes[1] <= 9) return "pickle";
  // A NumPy file whose elements are objects is a pickle behind a header.
  if (HasAt(bytes, 0, "\x93NUMPY"sv)) {
    const std::string_view header = bytes.substr(0, std::min<size_t>(bytes.size(), 65'536));
    if (header.find("|O") != header.npos || header.find("'O") != header.npos) return "pickle in a NumPy file";
  }
  return WalksAsPickle(bytes) ? "pickle of an old protocol" : "";
}

bool IsText(std::string_view bytes) {
  return std::all_of(bytes.begin(), bytes.end(),
                     [](unsigned char c) { return (c >= 0x20 && c != 0x7F) || c == '\t' || c == '\n'; }) &&
         encoding::IsUtf8(bytes);
}

void CountLines(std::string_view bytes, FileFacts& facts) {
  uint64_t lines = 0, longest = 0;
  for (size_t at = 0; at < bytes.size(); ++lines) {
    const size_t end = std::min(bytes.find('\n', at), bytes.size() - 1) + 1;
    longest = std::max<uint64_t>(longest, end - at);
    at = end;
  }
  facts.lines = lines;
  facts.line_bytes_max = longest;
}

}  // namespace

std::string_view ContentKindName(ContentKind kind) {
  constexpr std::array<std::string_view, 6> kNames = {"pickle", "container", "network", "json", "text", "data"};
  return kNames[static_cast<size_t>(kind)];
}

FileFacts InspectContent(std::string_view bytes) {
  FileFacts facts;
  facts.size = bytes.size();
  const auto is = [&](ContentKind kind, std::string detail) {
    facts.kind = kind;
    facts.detail = std::move(detail);
    return !facts.detail.empty();
  };
  const bool is_text = IsText(bytes);
  if (is(ContentKind::kPickle, PickleName(bytes)) || is(ContentKind::kContainer, ContainerName(bytes, is_text)))
    return facts;
  // The limits of a network are those of every other reader of it.
  const std::span<const uint8_t> raw(reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size());
  Result<model::Network> network = model::ReadOnnx(raw, model::NetworkLimits{});
  if (network.ok()) {
    facts.kind = ContentKind::kNetwork;
    facts.operators = network->operators;
    facts.parameter_count = network->parameter_count;
    return facts;
  }
  // nlohmann-json's accept() walks iteratively and stores no value.
  if (encoding::IsUtf8(bytes) && nlohmann::json::accept(bytes)) {
    facts.kind = ContentKind::kJson;
  } else if (is_text) {
    facts.kind = ContentKind::kText;
  } else {
    facts.kind = ContentKind::kData;
    facts.detail = network.error().message;
    return facts;
  }
  CountLines(bytes, facts);
  return facts;
}

}  // namespace pawl::subject
