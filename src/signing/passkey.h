// Passkey signatures as a browser hands them over, wrapped as the SSHSIG that everything here checks.
//
//   Result<Sshsig> signature = SshsigFromAssertion(assertion, key, "approve@pawl", SshsigHash::kSha256);
//   Result<SshsigFacts> facts = VerifySshsig(*signature, message, "approve@pawl", key);
//
// Source: W3C WebAuthn Level 2, sections 5.8.1 and 7.2; OpenSSH's PROTOCOL.u2f. Thread safety: a pure function.
#pragma once

#include <string>
#include <string_view>

#include "crypto/sshsig.h"
#include "result/result.h"

namespace pawl::signing {

// The parts of a WebAuthn assertion (`navigator.credentials.get`) that a passkey signature is made of.
struct WebauthnAssertion {
  std::string authenticator_data;
  std::string client_data_json;
  std::string signature_der;
};

// Wraps an assertion as an SSHSIG in `name_space`. Checks shapes, not the signature: call VerifySshsig next. Rule:
// "sshsig.malformed".
Result<crypto::Sshsig> SshsigFromAssertion(const WebauthnAssertion& assertion, const crypto::SshPublicKey& key,
                                           std::string_view name_space, crypto::SshsigHash hash);

}  // namespace pawl::signing
