// The restricted form of OpenSSH's allowed_signers file that names who may approve.
//
//   alice@example.org namespaces="approve@pawl" sk-ssh-ed25519@openssh.com AAAA… Alice's blue key
//   bob@example.org valid-before="20270101Z" ecdsa-sha2-nistp256 AAAA…
//
// One literal principal a line. Options: namespaces, valid-after and valid-before, times in UTC with a final Z. Empty
// lines and lines that begin with '#' are skipped. Everything else that ssh-keygen understands is refused with its line
// number, since it makes it hard to see who may sign: patterns, negations, several principals, cert-authority, local
// times; and so is a key that appears twice. Every file that is accepted here means the same to `ssh-keygen -Y verify`.
//
// Source: ssh-keygen(1), "ALLOWED SIGNERS". Thread safety: values and pure functions.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "crypto/ssh_key.h"
#include "result/result.h"

namespace pawl::crypto {

struct AllowedSigner {
  std::string principal;
  SshPublicKey key;
  std::vector<std::string> namespaces;    // empty: any
  std::optional<int64_t> valid_after_s;   // POSIX seconds, inclusive
  std::optional<int64_t> valid_before_s;  // POSIX seconds, inclusive as in OpenSSH
  size_t line = 0;                        // from 1

  bool Allows(std::string_view name_space, int64_t time_s) const;
};

inline constexpr size_t kAllowedSignersBytesMax = 262'144;
inline constexpr size_t kAllowedSignersMax = 1'000;

// In the file's order. Rules: "allowed-signers.too-large", "allowed-signers.syntax", "allowed-signers.principal",
// "allowed-signers.option", "allowed-signers.key", "allowed-signers.duplicate".
Result<std::vector<AllowedSigner>> ParseAllowedSigners(std::string_view text);

}  // namespace pawl::crypto
