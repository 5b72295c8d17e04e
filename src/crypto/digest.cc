#include "crypto/digest.h"

#include <algorithm>
#include <cassert>

#include "crypto/libcrypto.h"
#include "encoding/hex.h"

namespace pawl::crypto {

namespace {

constexpr std::string_view kPrefix = "sha256:";

// Looked up once: the look-up takes longer than hashing a tree node.
const EVP_MD* Algorithm() {
  static const EVP_MD* const kAlgorithm = EVP_MD_fetch(nullptr, "SHA2-256", nullptr);
  assert(kAlgorithm != nullptr);
  return kAlgorithm;
}

}  // namespace

std::string Digest::Raw() const { return std::string(bytes.begin(), bytes.end()); }
std::string Digest::Hex() const { return encoding::EncodeHex(Raw()); }
std::string Digest::Text() const { return std::string(kPrefix) + Hex(); }

Result<Digest> Digest::Parse(std::string_view text) {
  if (text.starts_with(kPrefix)) return FromHex(text.substr(kPrefix.size()));
  return Malformed("digest.malformed", "a digest that does not begin with sha256:");
}

Result<Digest> Digest::FromHex(std::string_view hex) {
  const Result<std::string> raw = hex.size() == 64 ? encoding::DecodeHex(hex) : std::string();
  return FromRaw(raw.ok() ? *raw : std::string());
}

Result<Digest> Digest::FromRaw(std::string_view raw) {
  Digest digest;
  if (raw.size() != digest.bytes.size()) {
    return Malformed("digest.malformed", "not the 32 bytes or 64 lower-case hexadecimal digits of a SHA-256 digest");
  }
  std::copy(raw.begin(), raw.end(), digest.bytes.begin());
  return digest;
}

Digest Sha256(std::string_view bytes) {
  Digest digest;
  const int done = EVP_Digest(bytes.data(), bytes.size(), digest.bytes.data(), nullptr, Algorithm(), nullptr);
  assert(done == 1);
  return digest;
}

Digest Sha256(std::span<const uint8_t> bytes) {
  return Sha256(std::string_view(reinterpret_cast<const char*>(bytes.data()), bytes.size()));
}

}  // namespace pawl::crypto
