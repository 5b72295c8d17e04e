#include "crypto/p256.h"

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
  const EvpKey key = KeyFrom(SubjectPublicKeyInfo());
  const EvpDigestContext context(EVP_MD_CTX_new());
  return key && context && EVP_DigestVerifyInit(context.get(), nullptr, EVP_sha256(), nullptr, key.get()) == 1 &&
         EVP_DigestVerify(context.get(), Bytes(signature), signature.size(), Bytes(message), message.size()) == 1;
}

}  // namespace pawl::crypto
