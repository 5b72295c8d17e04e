#include "encoding/utf8.h"

#include <algorithm>

namespace pawl::encoding {
namespace {

// Controls, and the characters that are not seen but change what is: joiners, directions, invisible operators.
bool IsControl(uint32_t c) {
  return c < 0x20 || (c >= 0x7f && c <= 0x9f) || (c >= 0x200b && c <= 0x200f) || (c >= 0x202a && c <= 0x202e) ||
         (c >= 0x2060 && c <= 0x206f) || c == 0xfeff;
}

// Unicode's property White_Space, as in Go's unicode.IsSpace and unicode.Z, apart from the control characters.
bool IsSpace(uint32_t c) {
  return c == 0x20 || c == 0xa0 || c == 0x1680 || (c >= 0x2000 && c <= 0x200a) || c == 0x2028 || c == 0x2029 ||
         c == 0x202f || c == 0x205f || c == 0x3000;
}

// Whether `bytes` is UTF-8 and no character satisfies `unwanted`.
template <typename Predicate>
bool IsUtf8Without(std::string_view bytes, Predicate unwanted) {
  for (size_t position = 0; position < bytes.size();) {
    const uint32_t character = NextCharacter(bytes, position);
    if (character == kNoCharacter || unwanted(character)) return false;
  }
  return true;
}

}  // namespace

uint32_t NextCharacter(std::string_view bytes, size_t& position) {
  const auto byte_at = [&](size_t i) { return static_cast<uint8_t>(bytes[i]); };
  const uint8_t lead = byte_at(position++);
  if (lead < 0x80) return lead;
  const size_t tail = lead >= 0xf0 ? 3 : lead >= 0xe0 ? 2 : 1;
  if (lead < 0xc2 || lead > 0xf4 || bytes.size() - position < tail) return kNoCharacter;
  uint32_t character = lead & (0x3fu >> tail);
  for (size_t i = 0; i < tail; ++i) {
    const uint8_t next = byte_at(position++);
    if ((next & 0xc0) != 0x80) return kNoCharacter;
    character = character << 6 | (next & 0x3fu);
  }
  constexpr uint32_t kShortest[] = {0, 0x80, 0x800, 0x10000};
  const bool surrogate = character >= 0xd800 && character <= 0xdfff;
  return character < kShortest[tail] || surrogate || character > 0x10ffff ? kNoCharacter : character;
}

bool IsUtf8(std::string_view bytes) {
  const bool is_ascii = std::ranges::all_of(bytes, [](char c) { return static_cast<uint8_t>(c) < 0x80; });
  return is_ascii || IsUtf8Without(bytes, [](uint32_t) { return false; });
}

bool IsPlainText(std::string_view bytes) { return IsUtf8Without(bytes, IsControl); }

bool IsKeyName(std::string_view name) {
  return !name.empty() && name.size() <= 255 &&
         IsUtf8Without(name, [](uint32_t c) { return IsControl(c) || IsSpace(c) || c == '+'; });
}

bool IsName(std::string_view name) {
  return !name.empty() && name.size() <= 64 && std::string_view("-_.").find(name[0]) == name.npos &&
         name.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789-_.") == name.npos;
}

}  // namespace pawl::encoding
