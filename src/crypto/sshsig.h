// SSHSIG: signatures made by `ssh-keygen -Y sign`, by security keys, and by passkeys in a browser.
//
//   Result<Sshsig> signature = Sshsig::ParseRaw(bytes);
//   Result<SshsigFacts> facts = VerifySshsig(*signature, message, "approve@pawl", key);
//   if (!facts.ok() || !facts->user_present) …
//
// A valid signature is not yet an approval: security keys also sign with nobody present, and a passkey for any page of
// its relying party. ssh-keygen accepts both; callers must look at the facts and decide.
// Sources: OpenSSH's PROTOCOL.sshsig and PROTOCOL.u2f; W3C WebAuthn Level 2, sections 5.8.1 and 7.2.
// Thread safety: pure functions.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "crypto/ssh_key.h"
#include "result/result.h"

namespace pawl::crypto {

inline constexpr size_t kSshsigBytesMax = 16'384;

enum class SshsigHash { kSha256, kSha512 };

struct Sshsig {
  SshPublicKey key;        // the signer's claim; VerifySshsig demands the expected one
  std::string name_space;  // never empty
  SshsigHash hash = SshsigHash::kSha512;
  std::string signature;  // the inner SSH signature, type name included

  // Accepts exactly what Raw() prints, at most kSshsigBytesMax. Rule: "sshsig.malformed". signing/armor.h reads and
  // writes the form between BEGIN and END lines.
  static Result<Sshsig> ParseRaw(std::string_view bytes);

  std::string Raw() const;

  bool operator==(const Sshsig&) const = default;
};

// What a valid signature says.
struct SshsigFacts {
  SshKeyType signature_type = SshKeyType::kEd25519;  // which of the five forms the signature has
  bool user_present = false;                         // security keys: somebody touched it
  bool user_verified = false;                        // security keys: PIN or biometric
  uint32_t counter = 0;                              // security keys; many always say 0
  std::string application;                           // security keys: relying party identifier
  std::string origin;  // passkeys: the page, e.g. "https://review.example.org"; empty otherwise
};

// The bytes that an SSHSIG signature covers, and the WebAuthn challenge of a passkey signature.
std::string SshsigToBeSigned(std::string_view message, std::string_view name_space, SshsigHash hash);

// Checks that `signature` is `key`'s over `message` in `name_space`. A passkey signature verifies under a key line of
// type sk-ecdsa-sha2-nistp256@openssh.com as well as of the webauthn type; a webauthn key accepts nothing else. Rules:
// "sshsig.malformed"; refused with "sshsig.key" (another key), "sshsig.namespace", "sshsig.client-data" (a passkey
// signature whose JSON has another type, challenge or origin, or comes from a cross-origin frame) and
// "sshsig.signature".
Result<SshsigFacts> VerifySshsig(const Sshsig& signature, std::string_view message, std::string_view name_space,
                                 const SshPublicKey& key);

}  // namespace pawl::crypto
