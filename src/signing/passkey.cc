#include "signing/passkey.h"

#include "crypto/digest.h"
#include "crypto/p256.h"
#include "crypto/ssh_wire.h"
#include "encoding/json.h"

namespace pawl::signing {
namespace {

using crypto::SshString;
using crypto::SshWord;

Error MalformedSshsig(std::string message) { return Malformed("sshsig.malformed", std::move(message)); }

}  // namespace

Result<crypto::Sshsig> SshsigFromAssertion(const WebauthnAssertion& assertion, const crypto::SshPublicKey& key,
                                           std::string_view name_space, crypto::SshsigHash hash) {
  // Authenticator data: digest of the relying party's identifier, flags, counter, extensions.
  crypto::SshReader data(assertion.authenticator_data);
  const bool same_party = data.Take(32) == crypto::Sha256(key.application).Raw();
  const uint8_t flags = data.Byte();
  const uint32_t counter = data.Word();
  if (!same_party || assertion.authenticator_data.size() < 37) {
    return MalformedSshsig("the authenticator data is not of this key's relying party");
  }
  const Result<encoding::Json> json = encoding::ParseJson(assertion.client_data_json, {.bytes_max = 8'192});
  if (!json.ok() || !json->is_object() || !json->contains("origin") || !(*json)["origin"].is_string()) {
    return MalformedSshsig("the browser's JSON names no origin");
  }
  // DER: 30 len, 02 len r, 02 len s. Rebuilt and compared, so the lengths need no further checks.
  const std::string& der = assertion.signature_der;
  const size_t r_size = der.size() > 4 ? static_cast<uint8_t>(der[3]) : 0;
  const std::string r = der.size() > 4 ? der.substr(4, r_size) : "";
  const std::string s = der.size() > 6 + r_size ? der.substr(6 + r_size) : "";
  if (r.size() > 33 || s.size() > 33 || crypto::DerSignature(r, s) != der)
    return MalformedSshsig("not a DER signature");
  return crypto::Sshsig{.key = key,
                        .name_space = std::string(name_space),
                        .hash = hash,
                        .signature = SshString(crypto::SshKeyTypeName(crypto::SshKeyType::kWebauthnSkEcdsaP256)) +
                                     SshString(SshString(r) + SshString(s)) + static_cast<char>(flags) +
                                     SshWord(counter) + SshString((*json)["origin"].get<std::string>()) +
                                     SshString(assertion.client_data_json) +
                                     SshString(assertion.authenticator_data.substr(37))};
}

}  // namespace pawl::signing
