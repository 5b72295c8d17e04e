// UTF-8 as RFC 3629 defines it: shortest forms only, no surrogates, nothing above U+10FFFF.
//
// Thread safety: pure functions.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace pawl::encoding {

// The character at `position`, which is moved past it; kNoCharacter if there is no well-formed one.
inline constexpr uint32_t kNoCharacter = 0xffffffff;
uint32_t NextCharacter(std::string_view bytes, size_t& position);

bool IsUtf8(std::string_view bytes);

// UTF-8 without control characters (below U+0020, line feed and tab included, U+007F, U+0080 to U+009F) and without
// those that cannot be seen but change how the rest is seen (zero width, direction, invisible operators, byte order
// mark). What stands on a line of a signed note, or is shown to people, must be such.
bool IsPlainText(std::string_view bytes);

// A name that can stand between spaces on a line of a signed note: UTF-8, 1 to 255 bytes, no control character, no
// Unicode white space, and no '+'.
bool IsKeyName(std::string_view name);

// A name of a subject, property, metric or group: 1 to 64 of a-z, 0-9, '-', '_' and '.', a letter or digit first.
bool IsName(std::string_view name);

}  // namespace pawl::encoding
