// Strings and numbers as SSH lays them out (RFC 4251 section 5). For the sources of this module alone.
//
//   SshReader reader(blob);
//   std::string type = reader.String();
//   uint8_t flags = reader.Byte();
//   if (!reader.Complete()) …   // one question at the end: did everything fit, and is nothing left?
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace pawl::crypto {

class SshReader {
 public:
  explicit SshReader(std::string_view bytes) : rest_(bytes) {}

  // The next `count` bytes; after a failure, and at one, nothing.
  std::string_view Take(size_t count) {
    good_ = good_ && count <= rest_.size();
    const std::string_view taken = rest_.substr(0, good_ ? count : 0);
    if (good_) rest_.remove_prefix(count);
    return taken;
  }
  uint8_t Byte() {
    const std::string_view taken = Take(1);
    return taken.empty() ? uint8_t{0} : static_cast<uint8_t>(taken[0]);
  }
  uint32_t Word() {
    uint32_t word = 0;
    for (const char byte : Take(4)) word = word << 8 | static_cast<uint8_t>(byte);
    return word;
  }
  std::string_view String() {
    const uint32_t size = Word();
    return Take(size);
  }
  // A positive number of at most 256 bits, in the shortest form.
  std::string_view PositiveInteger() {
    const std::string_view number = String();
    const bool shortest = !number.empty() && number.size() <= 33 && (number[0] & 0x80) == 0 &&
                          (number[0] != '\0' || (number.size() > 1 && (number[1] & 0x80) != 0));
    good_ = good_ && shortest;
    return number;
  }
  bool Complete() const { return good_ && rest_.empty(); }

 private:
  std::string_view rest_;
  bool good_ = true;
};

inline std::string SshWord(uint32_t word) {
  std::string bytes;
  for (int shift = 24; shift >= 0; shift -= 8) bytes += static_cast<char>(word >> shift & 0xff);
  return bytes;
}
inline std::string SshString(std::string_view text) {
  return SshWord(static_cast<uint32_t>(text.size())) + std::string(text);
}

}  // namespace pawl::crypto
