#include "crypto/ed25519.h"

#include <sodium/core.h>
#include <sodium/crypto_sign_ed25519.h>

#include <algorithm>
#include <vector>

#include "crypto/digest.h"
#include "crypto/libcrypto.h"
#include "crypto/verified_signatures.h"
#include "encoding/hex.h"

namespace pawl::crypto {
namespace {

// The y coordinates of the eight points of small order, little-endian: 0, 1, p - 1, and the two of order eight. Source:
// Cremers and Jackson, "Prime, Order Please!", 2019, table 1.
constexpr std::string_view kSmallOrder[] = {
    "0000000000000000000000000000000000000000000000000000000000000000",
    "0100000000000000000000000000000000000000000000000000000000000000",
    "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
    "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
};

// Whether the coordinate is below p = 2^255 - 19.
bool IsReduced(std::string_view y) {
  const bool all_ones = y.substr(1, 30) == std::string(30, '\xff') && y[31] == '\x7f';
  return !all_ones || static_cast<uint8_t>(y[0]) < 0xed;
}

// SHA-256 of key, signature and message of what this thread knows to be good, each at the place that its first bytes
// say. Key and signature are of one length each, so that no two triples have the same bytes.
thread_local std::vector<Digest> known_good;

Digest& PlaceOf(const Digest& digest) {
  return known_good[static_cast<size_t>(digest.bytes[0] << 8 | digest.bytes[1]) % known_good.size()];
}

}  // namespace

void RememberVerified(size_t count) { known_good.assign(count, {}); }

void TakeAsVerified(const Ed25519PublicKey& key, std::string_view message, std::string_view signature) {
  const Digest digest = Sha256(std::string(key.raw()).append(signature).append(message));
  if (!known_good.empty()) PlaceOf(digest) = digest;
}

Result<Ed25519PublicKey> Ed25519PublicKey::FromRaw(std::string_view raw) {
  if (raw.size() != 32) return Malformed("ed25519.key", "an Ed25519 public key has 32 bytes");
  std::string y(raw);
  y[31] = static_cast<char>(y[31] & 0x7f);  // without the sign of x
  if (!IsReduced(y)) return Malformed("ed25519.key", "the point's encoding is not canonical");
  if (std::ranges::find(kSmallOrder, encoding::EncodeHex(y)) != std::end(kSmallOrder)) {
    return Refused("ed25519.key", "a point of small order is nobody's key");
  }
  return Ed25519PublicKey(std::string(raw));
}

bool Ed25519PublicKey::Verify(std::string_view message, std::string_view signature) const {
  static const bool kReady = sodium_init() >= 0;
  if (!kReady || signature.size() != 64) return false;
  const Digest digest = known_good.empty() ? Digest() : Sha256(std::string(raw_).append(signature).append(message));
  if (!known_good.empty() && PlaceOf(digest) == digest) return true;
  const bool is_good =
      crypto_sign_ed25519_verify_detached(Bytes(signature), Bytes(message), message.size(), Bytes(raw_)) == 0;
  if (is_good && !known_good.empty()) PlaceOf(digest) = digest;
  return is_good;
}

}  // namespace pawl::crypto
