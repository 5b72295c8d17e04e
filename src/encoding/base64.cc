#include "encoding/base64.h"

#include <array>
#include <cstdint>

namespace pawl::encoding {
namespace {

constexpr char kStandard[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
constexpr char kUrlSafe[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

std::string Encode(std::string_view bytes, const char* alphabet) {
  std::string text;
  text.reserve((bytes.size() + 2) / 3 * 4);
  uint32_t bits = 0;
  unsigned count = 0;  // of bits not yet written
  for (const char byte : bytes) {
    bits = bits << 8 | static_cast<uint8_t>(byte);
    for (count += 8; count >= 6; count -= 6) text += alphabet[bits >> (count - 6) & 63];
  }
  if (count > 0) text += alphabet[bits << (6 - count) & 63];
  return text;
}

// What each byte stands for in the standard alphabet, or -1.
constexpr auto kValues = [] {
  std::array<int8_t, 256> values{};
  values.fill(-1);
  for (int i = 0; i < 64; ++i) values[static_cast<uint8_t>(kStandard[i])] = static_cast<int8_t>(i);
  return values;
}();

}  // namespace

std::string EncodeBase64(std::string_view bytes) {
  std::string text = Encode(bytes, kStandard);
  text.append((4 - text.size() % 4) % 4, '=');
  return text;
}

std::string EncodeBase64Url(std::string_view bytes) { return Encode(bytes, kUrlSafe); }

Result<std::string> DecodeBase64(std::string_view text) {
  const std::string_view digits = text.substr(0, text.find('=')), padding = text.substr(digits.size());
  std::string bytes;
  bytes.reserve(text.size() / 4 * 3);
  uint32_t bits = 0, count = 0;  // those read and not yet written
  for (const char c : digits) {
    const int value = kValues[static_cast<uint8_t>(c)];
    if (value < 0) return Malformed("base64.malformed", "a character outside the base64 alphabet");
    bits = bits << 6 | static_cast<uint32_t>(value);
    count += 6;
    if (count >= 8) bytes += static_cast<char>(bits >> (count -= 8) & 0xff);
  }
  // One text for each value: nothing is missing, nothing is left over.
  if (text.size() % 4 != 0 || (padding != "" && padding != "=" && padding != "==") ||
      (bits & ((1u << count) - 1)) != 0) {
    return Malformed("base64.malformed", "not in the canonical, padded form");
  }
  return bytes;
}

}  // namespace pawl::encoding
