// What a reviewer signs with: a key of a file, or one that stays in a PKCS#11 token or an ssh-agent.
//
//   Signer signer(*Ed25519PrivateKey::ReadFile(path));
//   Signer held(key, *Pkcs11Token::Parse(uri));
//   Signer other(key, SshAgent::OfEnvironment());
//   Result<encoding::Signature> signature = signer.SignPayload(payload, "prover-a");
//
// A file's key always signs; a token or an agent may refuse, or be gone. Thread safety: const calls may run at the same
// time.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <variant>

#include "encoding/dsse.h"
#include "signing/pkcs11_token.h"
#include "signing/private_key.h"
#include "signing/ssh_agent.h"

namespace pawl::signing {

class Signer {
 public:
  Signer(Ed25519PrivateKey key) : public_key_(key.public_key()), secret_(std::move(key)) {}  // a key is a signer
  Signer(crypto::Ed25519PublicKey key, SshAgent agent) : public_key_(std::move(key)), secret_(std::move(agent)) {}
  Signer(crypto::Ed25519PublicKey key, Pkcs11Token token) : public_key_(std::move(key)), secret_(std::move(token)) {}

  const crypto::Ed25519PublicKey& public_key() const { return public_key_; }
  bool IsInAgent() const { return std::holds_alternative<SshAgent>(secret_); }
  bool IsInToken() const { return std::holds_alternative<Pkcs11Token>(secret_); }

  // 64 bytes; the same for the same message (what a token or an agent answers is checked, and Ed25519 as they
  // have it is deterministic). Errors are those of Pkcs11Token::Sign and SshAgent::Sign.
  Result<std::string> Sign(std::string_view message) const;
  // As signing::SignPayload.
  Result<encoding::Signature> SignPayload(std::string_view payload, std::string keyid) const;

 private:
  crypto::Ed25519PublicKey public_key_;
  std::variant<Ed25519PrivateKey, Pkcs11Token, SshAgent> secret_;
};

}  // namespace pawl::signing
