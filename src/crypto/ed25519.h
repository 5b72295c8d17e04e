// Ed25519 (RFC 8032, the pure variant).
//
//   Result<Ed25519PrivateKey> key = Ed25519PrivateKey::Generate();
//   std::string signature = key->Sign(message);
//   key->public_key().Verify(message, signature)  // true
//
// Keys are values. A private key wipes its seed when it is destroyed. Thread safety: const calls may run at the same
// time.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include "result/result.h"

namespace pawl::crypto {

class Ed25519PublicKey {
 public:
  // From 32 bytes. Refuses ("ed25519.key") another length, a y coordinate that is not reduced, and the points of small
  // order, for which one signature can fit many messages; libcrypto checks neither of the last two.
  static Result<Ed25519PublicKey> FromRaw(std::string_view raw);

  const std::string& raw() const { return raw_; }  // 32 bytes

  // True only for the 64-byte signature of exactly this message. libcrypto refuses S >= L and recomputes R, so no
  // second signature can be derived from a first.
  bool Verify(std::string_view message, std::string_view signature) const;

  auto operator<=>(const Ed25519PublicKey&) const = default;

 private:
  explicit Ed25519PublicKey(std::string raw) : raw_(std::move(raw)) {}
  std::string raw_;
};

class Ed25519PrivateKey {
 public:
  static Result<Ed25519PrivateKey> Generate();
  // From the 32-byte seed of RFC 8032 section 5.1.5; fails with "ed25519.key".
  static Result<Ed25519PrivateKey> FromSeed(std::string_view seed);

  // A PKCS#8 PEM file without pass phrase. Reading refuses symbolic links, files of other owners, files that group or
  // others can access ("key.permissions") and anything but one Ed25519 key ("key.malformed").
  static Result<Ed25519PrivateKey> ReadFile(const std::string& path);
  // Creates the file with mode 0600 and makes it durable. Never overwrites ("key.exists").
  Result<void> WriteFile(const std::string& path) const;

  Ed25519PrivateKey(const Ed25519PrivateKey&) = default;
  Ed25519PrivateKey& operator=(const Ed25519PrivateKey&) = default;
  ~Ed25519PrivateKey();

  const Ed25519PublicKey& public_key() const { return public_key_; }
  // 64 bytes; the same for the same message.
  std::string Sign(std::string_view message) const;

 private:
  Ed25519PrivateKey(const std::array<uint8_t, 32>& seed, Ed25519PublicKey public_key);
  std::array<uint8_t, 32> seed_;
  Ed25519PublicKey public_key_;
};

}  // namespace pawl::crypto
