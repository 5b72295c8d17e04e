// Private keys: Ed25519 for the gate's log and for reviewers, P-256 (crypto/p256.h) as people's keys have it.
//
//   Result<Ed25519PrivateKey> key = Ed25519PrivateKey::Generate();
//   std::string signature = key->Sign(message);
//   key->public_key().Verify(message, signature)  // true
//
// Keys are values. A private key wipes its secret when it is destroyed. Nothing that checks depends on this module.
// Thread safety: const calls may run at the same time.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "crypto/ed25519.h"
#include "crypto/p256.h"
#include "result/result.h"

struct evp_pkey_st;  // libcrypto's EVP_PKEY

namespace pawl::signing {

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

  const crypto::Ed25519PublicKey& public_key() const { return public_key_; }
  // 64 bytes; the same for the same message.
  std::string Sign(std::string_view message) const;

 private:
  Ed25519PrivateKey(const std::array<uint8_t, 64>& secret, crypto::Ed25519PublicKey public_key)
      : secret_(secret), public_key_(std::move(public_key)) {}
  std::array<uint8_t, 64> secret_;  // libsodium's form: the seed, then the public key
  crypto::Ed25519PublicKey public_key_;
};

class P256PrivateKey {
 public:
  static Result<P256PrivateKey> Generate();
  // PKCS#8 PEM files under the same rules as Ed25519PrivateKey.
  static Result<P256PrivateKey> ReadFile(const std::string& path);
  Result<void> WriteFile(const std::string& path) const;

  const crypto::P256PublicKey& public_key() const { return public_key_; }
  // The DER form. Differs from call to call.
  std::string SignDer(std::string_view message) const;
  // The 64 bytes r ‖ s.
  std::string SignRaw(std::string_view message) const;

 private:
  P256PrivateKey(std::shared_ptr<evp_pkey_st> key, crypto::P256PublicKey public_key)
      : key_(std::move(key)), public_key_(std::move(public_key)) {}
  static Result<P256PrivateKey> From(std::shared_ptr<evp_pkey_st> key);

  std::shared_ptr<evp_pkey_st> key_;  // libcrypto's object, which wipes itself
  crypto::P256PublicKey public_key_;
};

}  // namespace pawl::signing
