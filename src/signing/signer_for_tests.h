// Software that signs as people's tools do: OpenSSH keys, security keys and browsers. For tests alone.
#pragma once

#include <string>

#include "crypto/digest.h"
#include "crypto/p256.h"
#include "crypto/ssh_key.h"
#include "crypto/ssh_wire.h"
#include "crypto/sshsig.h"
#include "encoding/base64.h"
#include "signing/private_key.h"

namespace pawl::signing {

using crypto::DerInteger;
using crypto::IsSecurityKey;
using crypto::Sha256;
using crypto::SshKeyType;
using crypto::SshKeyTypeName;
using crypto::SshPublicKey;
using crypto::Sshsig;
using crypto::SshsigHash;
using crypto::SshsigToBeSigned;
using crypto::SshString;
using crypto::SshWord;

struct SignerForTests {
  SshPublicKey public_key;
  Ed25519PrivateKey ed25519 = *Ed25519PrivateKey::Generate();
  P256PrivateKey p256 = *P256PrivateKey::Generate();

  explicit SignerForTests(SshKeyType type, std::string application = "ssh:") {
    const bool is_ed25519 = type == SshKeyType::kEd25519 || type == SshKeyType::kSkEd25519;
    public_key.type = type;
    public_key.key = is_ed25519 ? ed25519.public_key().raw() : p256.public_key().point();
    if (IsSecurityKey(type)) public_key.application = std::move(application);
  }

  // r and s as SSH writes them.
  std::string SshEcdsa(std::string_view data) const {
    const std::string raw = p256.SignRaw(data);
    return SshString(DerInteger(raw.substr(0, 32))) + SshString(DerInteger(raw.substr(32)));
  }

  struct Browser {
    std::string origin = "https://review.example.org";
    std::string type = "webauthn.get";
    std::string after = ",\"crossOrigin\":false}";
    std::string extensions = {};
    std::string challenge = {};  // instead of the right one
  };

  // What a security key signs: 32 bytes of application digest, flags, counter, extensions, digest of the data.
  std::string AuthenticatorData(uint8_t flags, uint32_t counter, const std::string& extensions) const {
    return Sha256(public_key.application).Raw() + static_cast<char>(flags) + SshWord(counter) + extensions;
  }

  static std::string ClientData(const Browser& browser, const std::string& to_be_signed) {
    return "{\"type\":\"" + browser.type + "\",\"challenge\":\"" +
           encoding::EncodeBase64Url(browser.challenge.empty() ? to_be_signed : browser.challenge) +
           "\",\"origin\":\"" + browser.origin + "\"" + browser.after;
  }

  // A signature of the key's own type; for webauthn keys and, with `browser`, for sk-ecdsa keys as a browser makes it.
  Sshsig Sign(std::string_view message, std::string_view name_space, uint8_t flags = 0x05, uint32_t counter = 7,
              SshsigHash hash = SshsigHash::kSha512, const Browser* browser = nullptr) const {
    const std::string to_be_signed = SshsigToBeSigned(message, name_space, hash);
    Sshsig made{.key = public_key, .name_space = std::string(name_space), .hash = hash, .signature = {}};
    const Browser usual;
    if (public_key.type == SshKeyType::kWebauthnSkEcdsaP256 && browser == nullptr) browser = &usual;
    const SshKeyType type = browser != nullptr ? SshKeyType::kWebauthnSkEcdsaP256 : public_key.type;
    const std::string name = SshString(SshKeyTypeName(type));
    const std::string tail = static_cast<char>(flags) + SshWord(counter);
    switch (type) {
      case SshKeyType::kEd25519:
        made.signature = name + SshString(ed25519.Sign(to_be_signed));
        break;
      case SshKeyType::kEcdsaP256:
        made.signature = name + SshString(SshEcdsa(to_be_signed));
        break;
      case SshKeyType::kSkEd25519:
        made.signature =
            name + SshString(ed25519.Sign(AuthenticatorData(flags, counter, "") + Sha256(to_be_signed).Raw())) + tail;
        break;
      case SshKeyType::kSkEcdsaP256:
        made.signature =
            name + SshString(SshEcdsa(AuthenticatorData(flags, counter, "") + Sha256(to_be_signed).Raw())) + tail;
        break;
      case SshKeyType::kWebauthnSkEcdsaP256: {
        const std::string client_data = ClientData(*browser, to_be_signed);
        made.signature =
            name +
            SshString(SshEcdsa(AuthenticatorData(flags, counter, browser->extensions) + Sha256(client_data).Raw())) +
            tail + SshString(browser->origin) + SshString(client_data) + SshString(browser->extensions);
        break;
      }
    }
    return made;
  }
};

}  // namespace pawl::signing
