// ECDSA with the curve P-256 and SHA-256 ("ES256"), for OpenSSH keys, passkeys and Sigstore bundles.
//
//   Result<P256PublicKey> key = P256PublicKey::FromPoint(point);
//   key->VerifyDer(message, DerSignature(r, s))
//
// ECDSA signatures are malleable: (r, n - s) verifies where (r, s) does, and authenticators make both. So a signature's
// bytes identify nothing; whoever counts, counts keys. Thread safety: const calls may run at the same time.
#pragma once

#include <string>
#include <string_view>
#include <utility>

#include "result/result.h"

namespace pawl::crypto {

// The parts of a DER signature, which SSH calls mpints: the shortest form of a non-negative big-endian number, and the
// sequence of two such numbers of at most 33 bytes.
std::string DerInteger(std::string_view big_endian);
std::string DerSignature(std::string_view r, std::string_view s);

class P256PublicKey {
 public:
  // From the 65-byte uncompressed point 04 ‖ x ‖ y. Refuses ("p256.key") other forms and points off the curve.
  static Result<P256PublicKey> FromPoint(std::string_view point);

  const std::string& point() const { return point_; }
  // The SubjectPublicKeyInfo structure in DER, as certificates and PEM files hold it.
  std::string SubjectPublicKeyInfo() const;

  // `signature` is the DER sequence of r and s, in its one canonical encoding.
  bool VerifyDer(std::string_view message, std::string_view signature) const;

  auto operator<=>(const P256PublicKey&) const = default;

 private:
  explicit P256PublicKey(std::string point) : point_(std::move(point)) {}
  std::string point_;
};

}  // namespace pawl::crypto
