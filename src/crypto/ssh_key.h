// OpenSSH public keys of the kinds that may approve.
//
//   Result<SshPublicKey> key = SshPublicKey::ParseLine("ssh-ed25519 AAAAC3Nz… alice@example.org");
//   key->Line()  // without the comment
//
// Sources: RFC 4253, RFC 5656, RFC 8709, OpenSSH's PROTOCOL.u2f. Thread safety: values.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "crypto/digest.h"
#include "result/result.h"

namespace pawl::crypto {

enum class SshKeyType {
  kEd25519,              // ssh-ed25519
  kEcdsaP256,            // ecdsa-sha2-nistp256
  kSkEd25519,            // sk-ssh-ed25519@openssh.com: a security key
  kSkEcdsaP256,          // sk-ecdsa-sha2-nistp256@openssh.com: a security key
  kWebauthnSkEcdsaP256,  // webauthn-sk-ecdsa-sha2-nistp256@openssh.com: a passkey used in a browser
};

std::string_view SshKeyTypeName(SshKeyType type);
std::optional<SshKeyType> SshKeyTypeNamed(std::string_view name);
// True for the three kinds whose signatures say whether a person was present.
bool IsSecurityKey(SshKeyType type);

struct SshPublicKey {
  SshKeyType type = SshKeyType::kEd25519;
  std::string key;          // 32 bytes (Ed25519) or the 65-byte point (P-256)
  std::string application;  // security keys only: "ssh:…", or for passkeys the relying party's identifier

  // The binary form, type name included. Fails with "ssh-key.malformed" (trailing bytes, wrong lengths, points off the
  // curve, unreduced or small-order Ed25519 keys) or "ssh-key.type" (any other kind of key, certificates too).
  static Result<SshPublicKey> ParseBlob(std::string_view blob);
  // "<type> <base64>", optionally a space and a comment, no line end.
  static Result<SshPublicKey> ParseLine(std::string_view line);

  std::string Blob() const;
  std::string Line() const;         // "<type> <base64>"
  std::string Fingerprint() const;  // "SHA256:…", as ssh-keygen -l prints it

  // The same for all SSH keys with the same key pair behind them, whatever their type and application: what thresholds
  // count. Comparable with Ed25519 keys of other origin: "ed25519:<hex>" or "p256:<hex>".
  std::string UnderlyingKey() const;

  bool operator==(const SshPublicKey&) const = default;
};

}  // namespace pawl::crypto
