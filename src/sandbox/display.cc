#include <algorithm>
#include <array>
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

struct Range {
  std::uint32_t first = 0;
  std::uint32_t last = 0;
};

// Beyond ASCII, what acts on a terminal or on the direction of text, cannot be seen, or looks like a space and is none:
// the characters with General_Category Cc, Cf, Zs, Zl or Zp, Default_Ignorable_Code_Point or Noncharacter_Code_Point in
// Unicode 14.0 (DerivedGeneralCategory.txt, DerivedCoreProperties.txt, PropList.txt), and three with an empty glyph:
// U+2800 BRAILLE PATTERN BLANK, U+16FE4 KHITAN SMALL SCRIPT FILLER, U+1D159 MUSICAL SYMBOL NULL NOTEHEAD.
// Made with Perl 5.36: every code point that matches /[\p{Cc}\p{Cf}\p{Z}\p{DI}\p{NChar}\x{2800}\x{16FE4}\x{1D159}]/.
constexpr auto kUnseen = std::to_array<Range>(
    {{0x80, 0xA0},       {0xAD, 0xAD},       {0x34F, 0x34F},      {0x600, 0x605},     {0x61C, 0x61C},
     {0x6DD, 0x6DD},     {0x70F, 0x70F},     {0x890, 0x891},      {0x8E2, 0x8E2},     {0x115F, 0x1160},
     {0x1680, 0x1680},   {0x17B4, 0x17B5},   {0x180B, 0x180F},    {0x2000, 0x200F},   {0x2028, 0x202F},
     {0x205F, 0x206F},   {0x2800, 0x2800},   {0x3000, 0x3000},    {0x3164, 0x3164},   {0xFDD0, 0xFDEF},
     {0xFE00, 0xFE0F},   {0xFEFF, 0xFEFF},   {0xFFA0, 0xFFA0},    {0xFFF0, 0xFFFB},   {0xFFFE, 0xFFFF},
     {0x110BD, 0x110BD}, {0x110CD, 0x110CD}, {0x13430, 0x13438},  {0x16FE4, 0x16FE4}, {0x1BCA0, 0x1BCA3},
     {0x1D159, 0x1D159}, {0x1D173, 0x1D17A}, {0x1FFFE, 0x1FFFF},  {0x2FFFE, 0x2FFFF}, {0x3FFFE, 0x3FFFF},
     {0x4FFFE, 0x4FFFF}, {0x5FFFE, 0x5FFFF}, {0x6FFFE, 0x6FFFF},  {0x7FFFE, 0x7FFFF}, {0x8FFFE, 0x8FFFF},
     {0x9FFFE, 0x9FFFF}, {0xAFFFE, 0xAFFFF}, {0xBFFFE, 0xBFFFF},  {0xCFFFE, 0xCFFFF}, {0xDFFFE, 0xE0FFF},
     {0xEFFFE, 0xEFFFF}, {0xFFFFE, 0xFFFFF}, {0x10FFFE, 0x10FFFF}});
static_assert(std::is_sorted(kUnseen.begin(), kUnseen.end(),
                             [](const Range& a, const Range& b) { return a.last < b.first; }));

// ASCII's controls apart from line feed and tab, and the table.
bool IsActive(std::uint32_t code) {
  if (code < 0x80) return (code < 0x20 && code != '\n' && code != '\t') || code == 0x7F;
  const auto range = std::lower_bound(kUnseen.begin(), kUnseen.end(), code,
                                      [](const Range& one, std::uint32_t wanted) { return one.last < wanted; });
  return range != kUnseen.end() && range->first <= code;
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
