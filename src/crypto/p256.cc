#include "crypto/p256.h"

#include <openssl/ecdsa.h>
#include <openssl/x509.h>

#include <cassert>

#include "crypto/libcrypto.h"

namespace pawl::crypto {
namespace {

// What stands before the point in a SubjectPublicKeyInfo of this curve: RFC 5480.
constexpr std::string_view kInfoPrefix(
    "\x30\x59\x30\x13\x06\x07\x2a\x86\x48\xce\x3d\x02\x01\x06\x08\x2a\x86\x48\xce\x3d\x03\x01\x07\x03\x42\x00", 26);

// libcrypto's key, or null if the point is not on the curve.
EvpKey KeyFrom(const std::string& info) {
  const unsigned char* begin = Bytes(info);
  return EvpKey(d2i_PUBKEY(nullptr, &begin, static_cast<long>(info.size())));
}

}  // namespace

std::string DerInteger(std::string_view big_endian) {
  while (big_endian.size() > 1 && big_endian[0] == '\0') big_endian.remove_prefix(1);
  std::string content(big_endian);
  if (content.empty() || (content[0] & 0x80) != 0) content.insert(0, 1, '\0');
  return content;
}

std::string DerSignature(std::string_view r, std::string_view s) {
  std::string body;
  for (const std::string_view integer : {r, s}) {
    assert(integer.size() < 0x3c);  // so that every length takes one byte
    body += '\x02';
    body += static_cast<char>(integer.size());
    body += integer;
  }
  return "\x30" + std::string(1, static_cast<char>(body.size())) + body;
}

std::string P256PublicKey::SubjectPublicKeyInfo() const { return std::string(kInfoPrefix) + point_; }

Result<P256PublicKey> P256PublicKey::FromPoint(std::string_view point) {
  P256PublicKey key{std::string(point)};
  if (point.size() != 65 || point[0] != '\x04' || !KeyFrom(key.SubjectPublicKeyInfo())) {
    return Malformed("p256.key", "not an uncompressed point on the curve P-256");
  }
  return key;
}

bool P256PublicKey::VerifyDer(std::string_view message, std::string_view signature) const {
  return VerifyWith(KeyFrom(SubjectPublicKeyInfo()).get(), EVP_sha256(), message, signature);
}

bool P256PublicKey::VerifyRaw(std::string_view message, std::string_view signature) const {
  return signature.size() == 64 &&
         VerifyDer(message, DerSignature(DerInteger(signature.substr(0, 32)), DerInteger(signature.substr(32))));
}

Result<P256PrivateKey> P256PrivateKey::From(std::shared_ptr<evp_pkey_st> key) {
  std::string point(65, '\0');
  size_t size = 0;
  const bool read = EVP_PKEY_get_octet_string_param(key.get(), "pub", Bytes(point), point.size(), &size) == 1;
  const Result<P256PublicKey> public_key = P256PublicKey::FromPoint(read && size == point.size() ? point : "");
  if (!public_key.ok()) return public_key.error();
  return P256PrivateKey(std::move(key), *public_key);
}

Result<P256PrivateKey> P256PrivateKey::Generate() {
  std::shared_ptr<evp_pkey_st> key(EVP_EC_gen("P-256"), EVP_PKEY_free);
  if (!key) return SystemFailure("p256.random", "the machine has no random numbers to give");
  return From(std::move(key));
}

Result<P256PrivateKey> P256PrivateKey::ReadFile(const std::string& path) {
  Result<EvpKey> key = ReadKeyFile(path, EVP_PKEY_EC);
  if (!key.ok()) return key.error();
  return From(std::shared_ptr<evp_pkey_st>(key->release(), EVP_PKEY_free));
}

Result<void> P256PrivateKey::WriteFile(const std::string& path) const { return WriteKeyFile(path, key_.get()); }

std::string P256PrivateKey::SignDer(std::string_view message) const {
  return SignWith(key_.get(), EVP_sha256(), message);
}

std::string P256PrivateKey::SignRaw(std::string_view message) const {
  const std::string der = SignDer(message);
  const unsigned char* begin = Bytes(der);
  const std::unique_ptr<ECDSA_SIG, Free<ECDSA_SIG_free>> signature(
      d2i_ECDSA_SIG(nullptr, &begin, static_cast<long>(der.size())));
  assert(signature);
  std::string raw(64, '\0');
  BN_bn2binpad(ECDSA_SIG_get0_r(signature.get()), Bytes(raw), 32);
  BN_bn2binpad(ECDSA_SIG_get0_s(signature.get()), Bytes(raw) + 32, 32);
  return raw;
}

}  // namespace pawl::crypto
