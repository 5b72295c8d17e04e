// Signatures by people, through the stock `ssh-keygen -Y sign`, so that agents, security keys and PINs work as the
// person is used to.
//
// Thread safety: starts a process; no shared state.
#pragma once

#include <string>

#include "charter/charter.h"
#include "encoding/dsse.h"
#include "result/result.h"

namespace pawl::cli {

// Who signs with what. `key` is a private key file (or the .pub of a key that an agent holds); empty: the first of
// ~/.ssh/id_ed25519_sk, id_ecdsa_sk, id_ed25519, id_ecdsa that the charter lists. `principal` empty: whose key it is.
struct SignerChoice {
  std::string key;
  std::string principal;
};

// Signs the payload as a decision or refusal (namespace approve@pawl) and gives the signature for its envelope, checked
// by our own verifier. Failure: kUsage "sign.no-key", kRefused "sign.not-a-signer", kSystem "sign.ssh-keygen".
Result<encoding::Signature> SignAsPerson(const std::string& payload, const charter::Charter& charter,
                                         const SignerChoice& choice);

// The public half of a key file, or of the .pub of one that an agent holds. kUsage "sign.no-key".
Result<crypto::SshPublicKey> PublicHalf(const std::string& key);

// The same by a key that is named, whoever lists it.
Result<encoding::Signature> SignWithKey(const std::string& payload, const std::string& key,
                                        const crypto::SshPublicKey& expected, const std::string& keyid);

// Whose key this would be under the charter: principal and key file.
Result<SignerChoice> ResolveSigner(const charter::Charter& charter, const SignerChoice& choice);

}  // namespace pawl::cli
