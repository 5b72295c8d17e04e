// Ed25519 (RFC 8032, the pure variant): checking signatures. signing/private_key.h makes them.
//
//   Result<Ed25519PublicKey> key = Ed25519PublicKey::FromRaw(bytes);
//   key->Verify(message, signature)
//
// Keys are values. Thread safety: const calls may run at the same time.
#pragma once

#include <string>
#include <string_view>

#include "result/result.h"

namespace pawl::crypto {

class Ed25519PublicKey {
 public:
  // From 32 bytes. Refuses ("ed25519.key") another length, a y coordinate that is not reduced, and the points of small
  // order, for which one signature can fit many messages.
  static Result<Ed25519PublicKey> FromRaw(std::string_view raw);

  const std::string& raw() const { return raw_; }  // 32 bytes

  // True only for the 64-byte signature of exactly this message. libsodium refuses S >= L and an R of small order, and
  // recomputes R without the cofactor, so that no second signature can be derived from a first
  // (docs/decisions/0034-libsodium.md).
  bool Verify(std::string_view message, std::string_view signature) const;

  auto operator<=>(const Ed25519PublicKey&) const = default;

 private:
  explicit Ed25519PublicKey(std::string raw) : raw_(std::move(raw)) {}
  std::string raw_;
};

}  // namespace pawl::crypto
