#include <cstdint>
#include <cstdio>

#include "sandbox/sandbox.h"

namespace pawl::sandbox {
namespace {

struct Character {
  std::uint32_t code = 0;
  std::size_t size = 0;  // 0: not valid UTF-8 here
};

// Strict UTF-8 (RFC 3629): shortest form, no surrogates, at most U+10FFFF.
Character Decode(std::string_view bytes) {
  const auto byte = [&](std::size_t i) { return static_cast<std::uint8_t>(bytes[i]); };
  const std::uint8_t lead = byte(0);
  if (lead < 0x80) return {lead, 1};
  const std::size_t size = lead >= 0xF0 && lead <= 0xF4  ? 4
                           : lead >= 0xE0 && lead < 0xF0 ? 3
                           : lead >= 0xC2 && lead < 0xE0 ? 2
                                                         : 0;
  if (size == 0 || bytes.size() < size) return {};
  std::uint32_t code = lead & (0x7F >> size);
  for (std::size_t i = 1; i < size; ++i) {
    if ((byte(i) & 0xC0) != 0x80) return {};
    code = code << 6 | (byte(i) & 0x3F);
  }
  constexpr std::uint32_t kLeast[] = {0, 0, 0x80, 0x800, 0x10000};
  if (code < kLeast[size] || code > 0x10FFFF || (code >= 0xD800 && code <= 0xDFFF)) return {};
  return {code, size};
}

// Acts on a terminal, on the direction of text, or cannot be seen.
bool IsActive(std::uint32_t code) {
  return (code < 0x20 && code != '\n' && code != '\t') || (code >= 0x7F && code < 0xA0) || code == 0xAD ||
         code == 0x61C || code == 0x180E || (code >= 0x200B && code <= 0x200F) || (code >= 0x2028 && code <= 0x202E) ||
         (code >= 0x2060 && code <= 0x206F) || (code >= 0xFE00 && code <= 0xFE0F) || code == 0xFEFF ||
         (code >= 0xFFF9 && code <= 0xFFFB) || (code >= 0xE0000 && code <= 0xE0FFF);
}

enum class Lines { kMany, kOne };

std::string Neutralised(std::string_view bytes, Lines lines) {
  std::string text;
  text.reserve(bytes.size());
  char escape[16];
  while (!bytes.empty()) {
    const Character character = Decode(bytes);
    const std::size_t size = character.size == 0 ? 1 : character.size;
    if (character.size == 0 ||
        (character.code < 0x80 && (IsActive(character.code) || (character.code < 0x20 && lines == Lines::kOne)))) {
      std::snprintf(escape, sizeof escape, "\\x%02X", static_cast<std::uint8_t>(bytes[0]));
      text += escape;
    } else if (IsActive(character.code)) {
      std::snprintf(escape, sizeof escape, "\\u{%X}", character.code);
      text += escape;
    } else {
      if (character.code == '\\') text += '\\';
      text += bytes.substr(0, size);
    }
    bytes.remove_prefix(size);
  }
  return text;
}

}  // namespace

std::string Displayable(std::string_view bytes) { return Neutralised(bytes, Lines::kMany); }

std::string DisplayableOnOneLine(std::string_view bytes) { return Neutralised(bytes, Lines::kOne); }

}  // namespace pawl::sandbox
