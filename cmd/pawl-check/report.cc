#include "pawl-check/report.h"

#include <algorithm>
#include <cstdio>
#include <iterator>
#include <utility>

#include "encoding/utf8.h"
#include "subject/file_descriptor.h"

namespace pawl::check {
namespace {

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
  return subject::ReadRegularFile(path, bytes_max, "file", subject::Links::kFollow);
}

ExitCode Report(const Error& error, Output output) {
  const ExitCode status = ExitCodeFor(error.code);
  if (output == Output::kJson) {
    PrintJson({{"accepted", false}, {"rule", error.rule}, {"message", error.message}, {"advice", error.advice}});
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
  for (size_t end = 0; !text.empty(); text.remove_prefix(end)) {
    end = 0;
    const uint32_t character = encoding::NextCharacter(text, end);
    // What is not UTF-8 goes byte by byte, so that the next character is found again.
    if (character == encoding::kNoCharacter) end = 1;
    if (character == encoding::kNoCharacter || IsActive(character)) {
      for (const char byte : text.substr(0, end)) {
        std::snprintf(escape, sizeof escape, "\\x%02X", static_cast<unsigned char>(byte));
        shown += escape;
      }
    } else {
      if (character == '\\') shown += '\\';
      shown += text.substr(0, end);
    }
  }
  return shown;
}

}  // namespace pawl::check
