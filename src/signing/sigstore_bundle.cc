#include "signing/sigstore_bundle.h"

#include "crypto/digest.h"
#include "encoding/base64.h"
#include "encoding/dsse.h"
#include "encoding/json.h"

namespace pawl::signing {

std::string PublicKeyPem(const crypto::P256PublicKey& key) {
  constexpr size_t kLine = 64;
  const std::string base64 = encoding::EncodeBase64(key.SubjectPublicKeyInfo());
  std::string pem = "-----BEGIN PUBLIC KEY-----\n";
  for (size_t at = 0; at < base64.size(); at += kLine) pem += base64.substr(at, kLine) + "\n";
  return pem + "-----END PUBLIC KEY-----\n";
}

std::string SignAsBundle(std::string_view statement, const P256PrivateKey& key) {
  using encoding::Json;
  const std::string signature =
      key.SignDer(encoding::PreAuthenticationEncoding(encoding::kInTotoPayloadType, statement));
  const Json envelope = {{"payload", encoding::EncodeBase64(statement)},
                         {"payloadType", encoding::kInTotoPayloadType},
                         {"signatures", Json::array({{{"keyid", ""}, {"sig", encoding::EncodeBase64(signature)}}})}};
  const std::string hint = crypto::Sha256(PublicKeyPem(key.public_key())).Hex();
  return encoding::CanonicalJson(
      {{"mediaType", "application/vnd.dev.sigstore.bundle.v0.3+json"},
       {"verificationMaterial", {{"publicKey", {{"hint", hint}}}, {"tlogEntries", Json::array()}}},
       {"dsseEnvelope", envelope}});
}

}  // namespace pawl::signing
