// SSH keys and signatures that are accepted serialise to the same bytes again, and none that the fuzzer can make from
// the corpus verifies for a message that nobody signed.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "crypto/sshsig.h"
#include "signing/armor.h"
#include "signing/passkey.h"

using namespace pawl;          // NOLINT
using namespace pawl::crypto;  // NOLINT

namespace {

void Require(bool condition) {
  if (!condition) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  if (const Result<SshPublicKey> key = SshPublicKey::ParseBlob(bytes); key.ok()) Require(key->Blob() == bytes);
  if (const Result<SshPublicKey> key = SshPublicKey::ParseLine(bytes); key.ok()) {
    Require(bytes.starts_with(key->Line()) && *SshPublicKey::ParseLine(key->Line()) == *key);
  }
  Result<Sshsig> signature = signing::ParseArmored(bytes);
  if (!signature.ok()) {
    signature = Sshsig::ParseRaw(bytes);
    if (!signature.ok()) return 0;
    Require(signature->Raw() == bytes);
  }
  Require(*signing::ParseArmored(signing::Armored(*signature)) == *signature);
  Require(!VerifySshsig(*signature, "nobody signed this", signature->name_space, signature->key).ok());
  // Whatever the inner signature is, as an assertion's parts it is only taken apart and put together.
  const signing::WebauthnAssertion assertion{
      .authenticator_data = Sha256(signature->key.application).Raw() + signature->signature,
      .client_data_json = signature->signature,
      .signature_der = signature->signature};
  if (const auto wrapped = signing::SshsigFromAssertion(assertion, signature->key, "n", SshsigHash::kSha256);
      wrapped.ok()) {
    Require(Sshsig::ParseRaw(wrapped->Raw()).ok());
  }
  return 0;
}
