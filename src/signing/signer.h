// What a reviewer signs with: a key of a file, or one that stays in an ssh-agent.
//
//   Signer signer(*Ed25519PrivateKey::ReadFile(path));
//   Signer other(key, SshAgent::OfEnvironment());
//   Result<encoding::Signature> signature = signer.SignPayload(payload, "prover-a");
//
// A file's key always signs; an agent may refuse, or be gone. Thread safety: const calls may run at the same time.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <variant>

#include "encoding/dsse.h"
#include "signing/private_key.h"
#include "signing/ssh_agent.h"

namespace pawl::signing {

class Signer {
 public:
  Signer(Ed25519PrivateKey key) : public_key_(key.public_key()), secret_(std::move(key)) {}  // a key is a signer
  Signer(crypto::Ed25519PublicKey key, SshAgent agent) : public_key_(std::move(key)), secret_(std::move(agent)) {}

  const crypto::Ed25519PublicKey& public_key() const { return public_key_; }
  bool IsInAgent() const { return std::holds_alternative<SshAgent>(secret_); }

  // 64 bytes; the same for the same message (an agent's answer is checked, and Ed25519 as agents have it is
  // deterministic). Errors are those of SshAgent::Sign.
  Result<std::string> Sign(std::string_view message) const;
  // As signing::SignPayload.
  Result<encoding::Signature> SignPayload(std::string_view payload, std::string keyid) const;

 private:
  crypto::Ed25519PublicKey public_key_;
  std::variant<Ed25519PrivateKey, SshAgent> secret_;
};

}  // namespace pawl::signing
