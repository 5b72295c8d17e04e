#include "encoding/hex.h"

#include <cstdint>

namespace pawl::encoding {

namespace {
constexpr std::string_view kDigits = "0123456789abcdef";
}

std::string EncodeHex(std::string_view bytes) {
  std::string text;
  text.reserve(bytes.size() * 2);
  for (const char byte : bytes) {
    text += kDigits[static_cast<uint8_t>(byte) >> 4];
    text += kDigits[static_cast<uint8_t>(byte) & 15];
  }
  return text;
}

Result<std::string> DecodeHex(std::string_view text) {
  if (text.size() % 2 != 0) return Malformed("hex.malformed", "an odd number of hexadecimal digits");
  std::string bytes;
  bytes.reserve(text.size() / 2);
  for (size_t i = 0; i < text.size(); i += 2) {
    const size_t high = kDigits.find(text[i]), low = kDigits.find(text[i + 1]);
    if (high == kDigits.npos || low == kDigits.npos) {
      return Malformed("hex.malformed", "a character that is no lower-case hexadecimal digit");
    }
    bytes += static_cast<char>(high << 4 | low);
  }
  return bytes;
}

}  // namespace pawl::encoding
