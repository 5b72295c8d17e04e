#include "crypto/sshsig.h"

#include <cassert>
#include <optional>

#include "crypto/ed25519.h"
#include "crypto/libcrypto.h"
#include "crypto/p256.h"
#include "crypto/ssh_wire.h"
#include "encoding/base64.h"
#include "encoding/json.h"
#include "encoding/utf8.h"

namespace pawl::crypto {
namespace {

constexpr std::string_view kMagic = "SSHSIG";
constexpr uint32_t kVersion = 1;

// Bits of the authenticator's flags: WebAuthn section 6.1.
constexpr uint8_t kUserPresent = 0x01;
constexpr uint8_t kUserVerified = 0x04;
constexpr uint8_t kAttestedData = 0x40;
constexpr uint8_t kExtensionData = 0x80;

Error MalformedSshsig(std::string message) { return Malformed("sshsig.malformed", std::move(message)); }

std::string_view HashName(SshsigHash hash) { return hash == SshsigHash::kSha256 ? "sha256" : "sha512"; }

std::string HashOf(std::string_view message, SshsigHash hash) {
  if (hash == SshsigHash::kSha256) return Sha256(message).Raw();
  std::string digest(64, '\0');
  const int done = EVP_Digest(message.data(), message.size(), Bytes(digest), nullptr, EVP_sha512(), nullptr);
  assert(done == 1);
  return digest;
}

// What an inner signature of any of the five forms consists of.
struct InnerSignature {
  SshKeyType type = SshKeyType::kEd25519;
  std::string signature;  // 64 bytes, or DER
  uint8_t flags = 0;
  uint32_t counter = 0;
  std::string origin, client_data, extensions;
};

Result<InnerSignature> ParseInner(std::string_view bytes) {
  SshReader reader(bytes);
  const std::optional<SshKeyType> type = SshKeyTypeNamed(reader.String());
  if (!type) return MalformedSshsig("the signature is of an unknown type");
  InnerSignature inner;
  inner.type = *type;
  inner.signature = reader.String();
  if (IsSecurityKey(*type)) {
    inner.flags = reader.Byte();
    inner.counter = reader.Word();
  }
  if (*type == SshKeyType::kWebauthnSkEcdsaP256) {
    inner.origin = reader.String();
    inner.client_data = reader.String();
    inner.extensions = reader.String();
  }
  if (!reader.Complete()) return MalformedSshsig("the signature's parts do not fit its length");
  if (*type != SshKeyType::kEd25519 && *type != SshKeyType::kSkEd25519) {
    SshReader numbers(inner.signature);
    const std::string_view r = numbers.PositiveInteger(), s = numbers.PositiveInteger();
    if (!numbers.Complete()) return MalformedSshsig("the ECDSA signature is not two numbers in their shortest form");
    inner.signature = DerSignature(r, s);
  } else if (inner.signature.size() != 64) {
    return MalformedSshsig("the Ed25519 signature has not 64 bytes");
  }
  return inner;
}

// Whether the browser signed `challenge`, on the page the signature names and in no frame of another. Browsers write
// the members in a fixed order (WebAuthn section 5.8.1.1), and ssh-keygen insists on it; so do we, and on what follows.
Result<void> CheckClientData(const InnerSignature& inner, std::string_view challenge) {
  const auto refuse = [](const char* message) { return Refused("sshsig.client-data", message); };
  if (inner.origin.find_first_of("\"\\") != inner.origin.npos || !encoding::IsPlainText(inner.origin)) {
    return refuse("the origin is not plain text");
  }
  if (!inner.client_data.starts_with("{\"type\":\"webauthn.get\",\"challenge\":\"" +
                                     encoding::EncodeBase64Url(challenge) + "\",\"origin\":\"" + inner.origin + "\"")) {
    return refuse("the browser signed another type, challenge or origin");
  }
  const Result<encoding::Json> json =
      encoding::ParseJson(inner.client_data, {.bytes_max = 8'192, .depth_max = 4, .elements_max = 64});
  if (!json.ok()) return Refused("sshsig.client-data", "the browser's JSON: " + json.error().message);
  if (json->value("crossOrigin", encoding::Json(false)) != false || json->contains("topOrigin")) {
    return refuse("signed inside a frame of another page");
  }
  if ((inner.flags & kAttestedData) != 0 || ((inner.flags & kExtensionData) == 0) != inner.extensions.empty()) {
    return refuse("the authenticator's flags do not fit its data");
  }
  return {};
}

// Whether a signature of type `signature` may come from a key of type `key`.
bool MaySign(SshKeyType key, SshKeyType signature) {
  return signature == key || (key == SshKeyType::kSkEcdsaP256 && signature == SshKeyType::kWebauthnSkEcdsaP256);
}

// The same key, where a passkey may be written as either of its two types.
bool SameKey(const SshPublicKey& a, const SshPublicKey& b) {
  const auto plain = [](SshKeyType type) {
    return type == SshKeyType::kWebauthnSkEcdsaP256 ? SshKeyType::kSkEcdsaP256 : type;
  };
  return plain(a.type) == plain(b.type) && a.key == b.key && a.application == b.application;
}

}  // namespace

std::string SshsigToBeSigned(std::string_view message, std::string_view name_space, SshsigHash hash) {
  return std::string(kMagic) + SshString(name_space) + SshString("") + SshString(HashName(hash)) +
         SshString(HashOf(message, hash));
}

std::string Sshsig::Raw() const {
  return std::string(kMagic) + SshWord(kVersion) + SshString(key.Blob()) + SshString(name_space) + SshString("") +
         SshString(HashName(hash)) + SshString(signature);
}

Result<Sshsig> Sshsig::ParseRaw(std::string_view bytes) {
  if (bytes.size() > kSshsigBytesMax) return MalformedSshsig("the signature is too large");
  SshReader reader(bytes);
  const bool known = reader.Take(kMagic.size()) == kMagic && reader.Word() == kVersion;
  const Result<SshPublicKey> key = SshPublicKey::ParseBlob(reader.String());
  if (!known || !key.ok()) return MalformedSshsig(known ? key.error().message : "not an SSHSIG of version 1");
  Sshsig parsed{.key = *key, .name_space = std::string(reader.String()), .hash = {}, .signature = {}};
  const std::string_view reserved = reader.String(), hash = reader.String();
  parsed.hash = hash == "sha256" ? SshsigHash::kSha256 : SshsigHash::kSha512;
  parsed.signature = reader.String();
  if (!reader.Complete() || !reserved.empty() || hash != HashName(parsed.hash) || parsed.name_space.empty()) {
    return MalformedSshsig("the parts of the signature are not as they must be");
  }
  return parsed;
}

Result<SshsigFacts> VerifySshsig(const Sshsig& signature, std::string_view message, std::string_view name_space,
                                 const SshPublicKey& key) {
  if (!SameKey(signature.key, key)) return Refused("sshsig.key", "signed by another key");
  if (signature.name_space != name_space) return Refused("sshsig.namespace", "signed for another purpose");
  const Result<InnerSignature> inner = ParseInner(signature.signature);
  if (!inner.ok()) return inner.error();
  if (!MaySign(key.type, inner->type)) return Refused("sshsig.key", "the key does not make signatures of this type");

  std::string data = SshsigToBeSigned(message, name_space, signature.hash);
  if (inner->type == SshKeyType::kWebauthnSkEcdsaP256) {
    if (const Result<void> good = CheckClientData(*inner, data); !good.ok()) return good.error();
    data = inner->client_data;
  }
  if (IsSecurityKey(inner->type)) {
    data = Sha256(key.application).Raw() + static_cast<char>(inner->flags) + SshWord(inner->counter) +
           inner->extensions + Sha256(data).Raw();
  }
  const Result<Ed25519PublicKey> ed25519 = Ed25519PublicKey::FromRaw(key.key);
  const Result<P256PublicKey> p256 = P256PublicKey::FromPoint(key.key);
  const bool is_ed25519 = inner->type == SshKeyType::kEd25519 || inner->type == SshKeyType::kSkEd25519;
  const bool valid = is_ed25519 ? ed25519.ok() && ed25519->Verify(data, inner->signature)
                                : p256.ok() && p256->VerifyDer(data, inner->signature);
  if (!valid) return Refused("sshsig.signature", "the signature does not verify");
  return SshsigFacts{.signature_type = inner->type,
                     .user_present = (inner->flags & kUserPresent) != 0,
                     .user_verified = (inner->flags & kUserVerified) != 0,
                     .counter = inner->counter,
                     .application = key.application,
                     .origin = inner->origin};
}

}  // namespace pawl::crypto
