// Sigstore bundles (version 0.3): one file with a signed statement and a hint of the key, for verifiers of others.
//
//   Result<P256PrivateKey> key = P256PrivateKey::ReadFile("export.pem");
//   std::string bundle = SignAsBundle(SerializeStatement(statement), *key);
//
// The bundle holds a DSSE envelope (type application/vnd.in-toto+json) with one ECDSA signature over P-256 and SHA-256
// in DER. There is no certificate and no entry of a public log in it: whoever verifies names the public key, and its
// hint is the SHA-256 of the key's PEM text in hexadecimal digits, as OpenSSF Model Signing has it.
// Source: sigstore/protobuf-specs, sigstore_bundle.proto; sigstore/model-transparency, signing with a key.
//
// Thread safety: pure functions.
#pragma once

#include <string>
#include <string_view>

#include "crypto/p256.h"
#include "signing/private_key.h"

namespace pawl::signing {

// Canonical JSON, which is one of the forms that the protobuf JSON mapping allows.
std::string SignAsBundle(std::string_view statement, const P256PrivateKey& key);

// The PEM text ("-----BEGIN PUBLIC KEY-----", lines of 64 characters), as other programs print it.
std::string PublicKeyPem(const crypto::P256PublicKey& key);

}  // namespace pawl::signing
