// SHA-256 digests.
//
//   Digest digest = Sha256("abc");
//   digest.Text()  // "sha256:ba7816bf…15ad"
//   Result<Digest> same = Digest::Parse(digest.Text());
//
// Thread safety: values and pure functions.
#pragma once

#include <array>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <functional>
#include <span>
#include <string>
#include <string_view>

#include "result/result.h"

namespace pawl::crypto {

struct Digest {
  std::array<uint8_t, 32> bytes{};

  auto operator<=>(const Digest&) const = default;  // by bytes, as unsigned numbers

  std::string Text() const;  // "sha256:" and 64 lower-case hexadecimal digits
  std::string Hex() const;   // the digits alone
  std::string Raw() const;   // the 32 bytes

  // Accepts exactly what Text() prints; fails with "digest.malformed".
  static Result<Digest> Parse(std::string_view text);
  static Result<Digest> FromHex(std::string_view hex);
  static Result<Digest> FromRaw(std::string_view raw);
};

Digest Sha256(std::string_view bytes);
Digest Sha256(std::span<const uint8_t> bytes);

}  // namespace pawl::crypto

template <>
struct std::hash<pawl::crypto::Digest> {
  size_t operator()(const pawl::crypto::Digest& digest) const noexcept {
    size_t word = 0;
    std::memcpy(&word, digest.bytes.data(), sizeof word);
    return word;
  }
};
