#include "signing/signer.h"

#include "encoding/statement.h"

namespace pawl::signing {

Result<std::string> Signer::Sign(std::string_view message) const {
  if (const auto* key = std::get_if<Ed25519PrivateKey>(&secret_)) return key->Sign(message);
  if (const auto* token = std::get_if<Pkcs11Token>(&secret_)) return token->Sign(public_key_, message);
  return std::get<SshAgent>(secret_).Sign(public_key_, message);
}

Result<encoding::Signature> Signer::SignPayload(std::string_view payload, std::string keyid) const {
  Result<std::string> signature = Sign(encoding::PreAuthenticationEncoding(encoding::kPayloadType, payload));
  if (!signature.ok()) return signature.error();
  return encoding::Signature{.keyid = std::move(keyid), .sig = *std::move(signature)};
}

}  // namespace pawl::signing
