#include "crypto/ssh_key.h"

#include "crypto/ed25519.h"
#include "crypto/p256.h"
#include "crypto/ssh_wire.h"
#include "encoding/base64.h"
#include "encoding/hex.h"
#include "encoding/utf8.h"

namespace pawl::crypto {
namespace {

constexpr std::pair<SshKeyType, std::string_view> kTypes[] = {
    {SshKeyType::kEd25519, "ssh-ed25519"},
    {SshKeyType::kEcdsaP256, "ecdsa-sha2-nistp256"},
    {SshKeyType::kSkEd25519, "sk-ssh-ed25519@openssh.com"},
    {SshKeyType::kSkEcdsaP256, "sk-ecdsa-sha2-nistp256@openssh.com"},
    {SshKeyType::kWebauthnSkEcdsaP256, "webauthn-sk-ecdsa-sha2-nistp256@openssh.com"}};
constexpr std::string_view kCurve = "nistp256";

bool IsEd25519(SshKeyType type) { return type == SshKeyType::kEd25519 || type == SshKeyType::kSkEd25519; }

}  // namespace

std::string_view SshKeyTypeName(SshKeyType type) {
  for (const auto& [known, name] : kTypes) {
    if (known == type) return name;
  }
  return {};
}

std::optional<SshKeyType> SshKeyTypeNamed(std::string_view name) {
  for (const auto& [type, known] : kTypes) {
    if (known == name) return type;
  }
  return std::nullopt;
}

bool IsSecurityKey(SshKeyType type) { return type != SshKeyType::kEd25519 && type != SshKeyType::kEcdsaP256; }

Result<SshPublicKey> SshPublicKey::ParseBlob(std::string_view blob) {
  SshReader reader(blob);
  const std::string_view name = reader.String();
  const std::optional<SshKeyType> type = SshKeyTypeNamed(name);
  if (!type) {
    return Refused("ssh-key.type", "not a kind of key that may sign here",
                   "use ssh-ed25519, ecdsa-sha2-nistp256 or a security key");
  }
  SshPublicKey key{.type = *type, .key = {}, .application = {}};
  const bool curve = IsEd25519(*type) || reader.String() == kCurve;
  key.key = reader.String();
  if (IsSecurityKey(*type)) key.application = reader.String();
  if (!reader.Complete() || !curve) return Malformed("ssh-key.malformed", "not the parts of such a key");
  const bool sound =
      IsEd25519(*type) ? Ed25519PublicKey::FromRaw(key.key).ok() : P256PublicKey::FromPoint(key.key).ok();
  if (!sound) return Malformed("ssh-key.malformed", "the public key is not a sound point of its curve");
  if (IsSecurityKey(*type) &&
      (key.application.empty() || key.application.size() > 255 || !encoding::IsPlainText(key.application))) {
    return Malformed("ssh-key.malformed", "the application is empty, too long or not plain text");
  }
  return key;
}

Result<SshPublicKey> SshPublicKey::ParseLine(std::string_view line) {
  const size_t name_end = line.find(' ');
  if (name_end == line.npos || !encoding::IsPlainText(line))
    return Malformed("ssh-key.malformed", "not one line with a key type, a space and base64");
  const std::string_view rest = line.substr(name_end + 1);
  const Result<std::string> blob = encoding::DecodeBase64(rest.substr(0, rest.find(' ')));
  if (!blob.ok()) return Malformed("ssh-key.malformed", "the key's base64 is malformed: " + blob.error().message);
  Result<SshPublicKey> key = ParseBlob(*blob);
  if (key.ok() && SshKeyTypeName(key->type) != line.substr(0, name_end)) {
    return Malformed("ssh-key.malformed", "the key is of another type than the line says");
  }
  return key;
}

std::string SshPublicKey::Blob() const {
  std::string blob = SshString(SshKeyTypeName(type));
  if (!IsEd25519(type)) blob += SshString(kCurve);
  blob += SshString(key);
  if (IsSecurityKey(type)) blob += SshString(application);
  return blob;
}

std::string SshPublicKey::Line() const {
  return std::string(SshKeyTypeName(type)) + " " + encoding::EncodeBase64(Blob());
}

std::string SshPublicKey::Fingerprint() const {
  const std::string text = encoding::EncodeBase64(Sha256(Blob()).Raw());
  return "SHA256:" + text.substr(0, text.find('='));
}

std::string SshPublicKey::UnderlyingKey() const {
  return (IsEd25519(type) ? "ed25519:" : "p256:") + encoding::EncodeHex(key);
}

}  // namespace pawl::crypto
