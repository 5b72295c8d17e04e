#include "crypto/sshsig.h"

#include <gtest/gtest.h>

#include "signing/armor.h"
#include "signing/passkey.h"
#include "signing/signer_for_tests.h"

namespace pawl::crypto {
namespace {

using signing::SignerForTests;
using signing::SshsigFromAssertion;
using signing::WebauthnAssertion;

constexpr char kSignedNamespace[] = "approve@pawl";
constexpr char kSignedMessage[] = "the decision statement";
constexpr SshKeyType kTypes[] = {SshKeyType::kEd25519, SshKeyType::kEcdsaP256, SshKeyType::kSkEd25519,
                                 SshKeyType::kSkEcdsaP256, SshKeyType::kWebauthnSkEcdsaP256};

std::string RuleOf(const Sshsig& signature, const SshPublicKey& key, std::string_view message = kSignedMessage,
                   std::string_view name_space = kSignedNamespace) {
  const Result<SshsigFacts> facts = VerifySshsig(signature, message, name_space, key);
  return facts.ok() ? "ok" : facts.error().rule;
}

TEST(SshKey, RoundTripsAndCompares) {
  for (const SshKeyType type : kTypes) {
    const SshPublicKey key = SignerForTests(type).public_key;
    ASSERT_TRUE(SshPublicKey::ParseBlob(key.Blob()).ok());
    EXPECT_EQ(*SshPublicKey::ParseBlob(key.Blob()), key);
    EXPECT_EQ(*SshPublicKey::ParseLine(key.Line()), key);
    EXPECT_EQ(*SshPublicKey::ParseLine(key.Line() + " a comment + more"), key);
  }
}

TEST(SshKey, OneKeyPairIsOneKeyWhateverItsTypeAndApplication) {
  SshPublicKey key = SignerForTests(SshKeyType::kSkEcdsaP256).public_key;
  const std::string underlying = key.UnderlyingKey();
  key.type = SshKeyType::kWebauthnSkEcdsaP256;
  EXPECT_EQ(key.UnderlyingKey(), underlying);
  key.application = "elsewhere";
  EXPECT_EQ(key.UnderlyingKey(), underlying);
  key.type = SshKeyType::kEcdsaP256;
  EXPECT_EQ(key.UnderlyingKey(), underlying);
}

TEST(SshKey, RefusesEveryMalformedShape) {
  for (const SshKeyType type : kTypes) {
    const SshPublicKey key = SignerForTests(type).public_key;
    const std::string blob = key.Blob();
    for (size_t size = 0; size < blob.size(); ++size) EXPECT_FALSE(SshPublicKey::ParseBlob(blob.substr(0, size)).ok());
    EXPECT_EQ(SshPublicKey::ParseBlob(blob + '\0').error().rule, "ssh-key.malformed");
    for (size_t i = 0; i < 4; ++i) {  // a length field that points far behind the end
      std::string wrong = blob;
      wrong[i] = '\x7f';
      EXPECT_FALSE(SshPublicKey::ParseBlob(wrong).ok());
    }
    SshPublicKey other = key;
    other.key.pop_back();
    EXPECT_EQ(SshPublicKey::ParseBlob(other.Blob()).error().rule, "ssh-key.malformed");
    other.key = std::string(key.key.size(), '\0');
    EXPECT_EQ(SshPublicKey::ParseBlob(other.Blob()).error().rule, "ssh-key.malformed");
    if (!IsSecurityKey(type)) continue;
    for (const std::string& application :
         {std::string(), std::string("a\0b", 3), std::string("a\n"), std::string(256, 'a')}) {
      other = key;
      other.application = application;
      EXPECT_EQ(SshPublicKey::ParseBlob(other.Blob()).error().rule, "ssh-key.malformed");
    }
  }
  const std::string ed25519 = SignerForTests(SshKeyType::kEd25519).public_key.Line();
  EXPECT_EQ(SshPublicKey::ParseBlob(SshString("ssh-rsa") + SshString("x")).error().rule, "ssh-key.type");
  EXPECT_EQ(SshPublicKey::ParseBlob(SshString("ssh-ed25519-cert-v01@openssh.com")).error().rule, "ssh-key.type");
  EXPECT_EQ(SshPublicKey::ParseLine("ssh-ed25519").error().rule, "ssh-key.malformed");
  EXPECT_EQ(SshPublicKey::ParseLine("ecdsa-sha2-nistp256" + ed25519.substr(11)).error().rule, "ssh-key.malformed");
  EXPECT_EQ(SshPublicKey::ParseLine(ed25519 + "\n").error().rule, "ssh-key.malformed");
  EXPECT_EQ(SshPublicKey::ParseLine(ed25519 + " comment\nssh-ed25519 AAAA").error().rule, "ssh-key.malformed");
  SshPublicKey wrong_curve = SignerForTests(SshKeyType::kEcdsaP256).public_key;
  std::string blob = wrong_curve.Blob();
  blob.replace(blob.find("nistp256", 20), 8, "nistp384");
  EXPECT_EQ(SshPublicKey::ParseBlob(blob).error().rule, "ssh-key.malformed");
}

TEST(Sshsig, EveryTypeVerifiesWithBothHashesAndStatesItsFacts) {
  for (const SshKeyType type : kTypes) {
    const SignerForTests signer(type, "review.example.org");
    for (const SshsigHash hash : {SshsigHash::kSha256, SshsigHash::kSha512}) {
      for (const uint8_t flags : std::initializer_list<uint8_t>{0, 1, 4, 5}) {
        const Sshsig made = signer.Sign(kSignedMessage, kSignedNamespace, flags, 0x01020304, hash);
        const Result<Sshsig> parsed = signing::ParseArmored(signing::Armored(made));
        ASSERT_TRUE(parsed.ok()) << parsed.error().message;
        const Result<SshsigFacts> facts = VerifySshsig(*parsed, kSignedMessage, kSignedNamespace, signer.public_key);
        ASSERT_TRUE(facts.ok()) << facts.error().message;
        EXPECT_EQ(facts->signature_type, type);
        EXPECT_EQ(facts->user_present, IsSecurityKey(type) && (flags & 1) != 0);
        EXPECT_EQ(facts->user_verified, IsSecurityKey(type) && (flags & 4) != 0);
        EXPECT_EQ(facts->counter, IsSecurityKey(type) ? 0x01020304u : 0u);
        EXPECT_EQ(facts->application, IsSecurityKey(type) ? "review.example.org" : "");
        EXPECT_EQ(facts->origin, type == SshKeyType::kWebauthnSkEcdsaP256 ? "https://review.example.org" : "");
      }
    }
  }
}

TEST(Sshsig, RefusesAnotherMessageNamespaceHashOrKey) {
  for (const SshKeyType type : kTypes) {
    const SignerForTests signer(type), other(type);
    Sshsig made = signer.Sign(kSignedMessage, kSignedNamespace);
    EXPECT_EQ(RuleOf(made, signer.public_key), "ok");
    const bool webauthn = type == SshKeyType::kWebauthnSkEcdsaP256;
    const char* broken = webauthn ? "sshsig.client-data" : "sshsig.signature";
    EXPECT_EQ(RuleOf(made, signer.public_key, "another decision"), broken);
    EXPECT_EQ(RuleOf(made, signer.public_key, kSignedMessage, "git"), "sshsig.namespace");
    EXPECT_EQ(RuleOf(made, other.public_key), "sshsig.key");
    made.name_space = "git";
    EXPECT_EQ(RuleOf(made, signer.public_key, kSignedMessage, "git"), broken);
    made.name_space = kSignedNamespace;
    made.hash = SshsigHash::kSha256;
    EXPECT_EQ(RuleOf(made, signer.public_key), broken);
    // The signer's own key field exchanged: the signature is still not the other's.
    Sshsig posing = signer.Sign(kSignedMessage, kSignedNamespace);
    posing.key = other.public_key;
    EXPECT_EQ(RuleOf(posing, other.public_key), "sshsig.signature");
  }
}

TEST(Sshsig, NoKeyMakesSignaturesOfAnotherType) {
  for (const SshKeyType key_type : kTypes) {
    for (const SshKeyType signature_type : kTypes) {
      SignerForTests signer(signature_type);
      Sshsig made = signer.Sign(kSignedMessage, kSignedNamespace);
      // The same key pair, presented as a key of key_type.
      const bool ed25519 = signature_type == SshKeyType::kEd25519 || signature_type == SshKeyType::kSkEd25519;
      const bool key_ed25519 = key_type == SshKeyType::kEd25519 || key_type == SshKeyType::kSkEd25519;
      if (ed25519 != key_ed25519) continue;
      made.key.type = key_type;
      made.key.application = IsSecurityKey(key_type) ? "ssh:" : "";
      const bool may = key_type == signature_type ||
                       (key_type == SshKeyType::kSkEcdsaP256 && signature_type == SshKeyType::kWebauthnSkEcdsaP256);
      EXPECT_EQ(RuleOf(made, made.key), may ? "ok" : "sshsig.key");
    }
  }
}

TEST(Sshsig, EveryFlippedBitOfTheRawFormFails) {
  for (const SshKeyType type : kTypes) {
    const SignerForTests signer(type);
    const std::string raw = signer.Sign(kSignedMessage, kSignedNamespace).Raw();
    // P-256 takes longer: every fifth bit there, so that each bit of a byte has its turn.
    const size_t step = signer.public_key.key.size() == 32 ? 1 : 5;
    for (size_t bit = 0; bit < raw.size() * 8; bit += step) {
      std::string other = raw;
      other[bit / 8] = static_cast<char>(other[bit / 8] ^ (1 << bit % 8));
      const Result<Sshsig> parsed = Sshsig::ParseRaw(other);
      if (!parsed.ok()) continue;
      ASSERT_NE(RuleOf(*parsed, signer.public_key), "ok") << SshKeyTypeName(type) << " bit " << bit;
    }
    for (size_t size = 0; size < raw.size(); ++size) ASSERT_FALSE(Sshsig::ParseRaw(raw.substr(0, size)).ok());
    ASSERT_FALSE(Sshsig::ParseRaw(raw + '\0').ok());
  }
}

TEST(Sshsig, RefusesOtherArmour) {
  const std::string good =
      signing::Armored(SignerForTests(SshKeyType::kEd25519).Sign(kSignedMessage, kSignedNamespace));
  ASSERT_TRUE(signing::ParseArmored(good).ok());
  ASSERT_TRUE(signing::ParseArmored(good.substr(0, good.size() - 1)).ok());
  std::string crlf = good, joined = good;
  crlf.insert(crlf.find('\n'), "\r");
  joined.erase(joined.find('\n', 40), 1);
  for (const std::string& bad : {std::string(), "x" + good, good + "\n", good + good, good.substr(1), crlf, joined,
                                 std::string("-----BEGIN SSH SIGNATURE-----\n-----END SSH SIGNATURE-----\n"),
                                 std::string("-----BEGIN SSH SIGNATURE-----\n"), std::string(100'000, 'A')}) {
    ASSERT_FALSE(signing::ParseArmored(bad).ok()) << bad;
    EXPECT_EQ(signing::ParseArmored(bad).error().rule, "sshsig.malformed");
  }
}

TEST(Sshsig, RefusesUnknownVersionsHashesAndReservedBytes) {
  const SignerForTests signer(SshKeyType::kEd25519);
  const Sshsig made = signer.Sign(kSignedMessage, kSignedNamespace);
  const auto raw = [&](uint32_t version, std::string_view name_space, std::string_view reserved,
                       std::string_view hash) {
    return "SSHSIG" + SshWord(version) + SshString(made.key.Blob()) + SshString(name_space) + SshString(reserved) +
           SshString(hash) + SshString(made.signature);
  };
  EXPECT_TRUE(Sshsig::ParseRaw(raw(1, kSignedNamespace, "", "sha512")).ok());
  EXPECT_FALSE(Sshsig::ParseRaw(raw(2, kSignedNamespace, "", "sha512")).ok());
  EXPECT_FALSE(Sshsig::ParseRaw(raw(1, kSignedNamespace, "x", "sha512")).ok());
  EXPECT_FALSE(Sshsig::ParseRaw(raw(1, "", "", "sha512")).ok());
  for (const char* hash : {"sha1", "sha384", "SHA512", ""}) {
    EXPECT_FALSE(Sshsig::ParseRaw(raw(1, kSignedNamespace, "", hash)).ok());
  }
}

TEST(Sshsig, EcdsaNumbersHaveOneForm) {
  const SignerForTests signer(SshKeyType::kEcdsaP256);
  Sshsig made = signer.Sign(kSignedMessage, kSignedNamespace);
  const std::string raw = signer.p256.SignRaw(SshsigToBeSigned(kSignedMessage, kSignedNamespace, SshsigHash::kSha512));
  const std::string r = DerInteger(raw.substr(0, 32)), s = DerInteger(raw.substr(32));
  const auto with = [&](const std::string& first, const std::string& second, const std::string& rest = "") {
    made.signature = SshString("ecdsa-sha2-nistp256") + SshString(SshString(first) + SshString(second) + rest);
    return RuleOf(made, signer.public_key);
  };
  EXPECT_EQ(with(r, s), "ok");
  EXPECT_EQ(with(std::string(1, '\0') + r, s), "sshsig.malformed");
  EXPECT_EQ(with(r, std::string(1, '\0') + s), "sshsig.malformed");
  EXPECT_EQ(with(r, s, "x"), "sshsig.malformed");
  EXPECT_EQ(with("", s), "sshsig.malformed");
  EXPECT_EQ(with(std::string(1, '\0'), s), "sshsig.malformed");
  EXPECT_EQ(with("\x80", s), "sshsig.malformed");
  EXPECT_EQ(with(std::string(40, '\x01'), s), "sshsig.malformed");
  EXPECT_EQ(with("\x01", "\x01"), "sshsig.signature");
  EXPECT_EQ(with(s, r), "sshsig.signature");
}

TEST(Webauthn, AcceptsWhatBrowsersSend) {
  const SignerForTests signer(SshKeyType::kSkEcdsaP256, "review.example.org");
  for (const char* after : {"}", ",\"crossOrigin\":false}",
                            ",\"crossOrigin\":false,\"other_keys_can_be_added_here\":\"do not compare\"}"}) {
    const SignerForTests::Browser browser{.after = after};
    const Sshsig made = signer.Sign(kSignedMessage, kSignedNamespace, 5, 0, SshsigHash::kSha512, &browser);
    EXPECT_EQ(RuleOf(made, signer.public_key), "ok") << after;
  }
  const SignerForTests::Browser extended{.extensions = "\xa1\x61\x61\x01"};
  EXPECT_EQ(
      RuleOf(signer.Sign(kSignedMessage, kSignedNamespace, 0x85, 0, SshsigHash::kSha512, &extended), signer.public_key),
      "ok");
  // The same key in the file under either of its names.
  SshPublicKey renamed = signer.public_key;
  renamed.type = SshKeyType::kWebauthnSkEcdsaP256;
  const SignerForTests::Browser browser;
  EXPECT_EQ(RuleOf(signer.Sign(kSignedMessage, kSignedNamespace, 5, 0, SshsigHash::kSha512, &browser), renamed), "ok");
  EXPECT_EQ(RuleOf(signer.Sign(kSignedMessage, kSignedNamespace), renamed), "sshsig.key");  // not made in a browser
}

TEST(Webauthn, RefusesOtherClientData) {
  const SignerForTests signer(SshKeyType::kWebauthnSkEcdsaP256, "review.example.org");
  const auto rule = [&](const SignerForTests::Browser& browser, uint8_t flags = 5) {
    return RuleOf(signer.Sign(kSignedMessage, kSignedNamespace, flags, 0, SshsigHash::kSha512, &browser),
                  signer.public_key);
  };
  const char* refused = "sshsig.client-data";
  EXPECT_EQ(rule({}), "ok");
  EXPECT_EQ(rule({.type = "webauthn.create"}), refused);
  EXPECT_EQ(rule({.challenge = "another challenge"}), refused);
  EXPECT_EQ(rule({.after = ",\"crossOrigin\":true}"}), refused);
  EXPECT_EQ(rule({.after = ",\"crossOrigin\":\"false\"}"}), refused);
  EXPECT_EQ(rule({.after = ",\"crossOrigin\":false,\"topOrigin\":\"https://evil.example\"}"}), refused);
  EXPECT_EQ(rule({.after = ",\"type\":\"webauthn.get\"}"}), refused);  // a name twice
  EXPECT_EQ(rule({.after = ",\"origin\":\"https://evil.example\"}"}), refused);
  EXPECT_EQ(rule({.after = ""}), refused);  // not JSON
  EXPECT_EQ(rule({.after = "}x"}), refused);
  EXPECT_EQ(rule({.after = ",\"a\":\"" + std::string(9'000, 'a') + "\"}"}), refused);
  EXPECT_EQ(rule({.origin = "https://a\",\"x\":\"b"}), refused);
  EXPECT_EQ(rule({.origin = "https://a\\u0062"}), refused);
  EXPECT_EQ(rule({}, 0x45), refused);                      // attested data flagged
  EXPECT_EQ(rule({}, 0x85), refused);                      // extensions flagged, none there
  EXPECT_EQ(rule({.extensions = "\xa0"}, 0x05), refused);  // extensions there, not flagged
}

TEST(Webauthn, TheOriginFieldMustBeTheSignedOne) {
  const SignerForTests signer(SshKeyType::kWebauthnSkEcdsaP256, "review.example.org");
  const SignerForTests::Browser evil{.origin = "https://evil.example"};
  Sshsig made = signer.Sign(kSignedMessage, kSignedNamespace, 5, 0, SshsigHash::kSha512, &evil);
  EXPECT_EQ(VerifySshsig(made, kSignedMessage, kSignedNamespace, signer.public_key)->origin, "https://evil.example");
  const std::string field = SshString("https://evil.example");
  made.signature.replace(made.signature.find(field), field.size(), SshString("https://review.example.org"));
  EXPECT_EQ(RuleOf(made, signer.public_key), "sshsig.client-data");
}

TEST(Webauthn, WrapsAnAssertion) {
  const SignerForTests signer(SshKeyType::kSkEcdsaP256, "review.example.org");
  const std::string challenge = SshsigToBeSigned(kSignedMessage, kSignedNamespace, SshsigHash::kSha256);
  WebauthnAssertion assertion{.authenticator_data = signer.AuthenticatorData(5, 9, ""),
                              .client_data_json = SignerForTests::ClientData({}, challenge),
                              .signature_der = {}};
  assertion.signature_der =
      signer.p256.SignDer(assertion.authenticator_data + Sha256(assertion.client_data_json).Raw());
  const auto wrap = [&](const WebauthnAssertion& from) {
    return SshsigFromAssertion(from, signer.public_key, kSignedNamespace, SshsigHash::kSha256);
  };
  const Result<Sshsig> wrapped = wrap(assertion);
  ASSERT_TRUE(wrapped.ok()) << wrapped.error().message;
  const Result<SshsigFacts> facts = VerifySshsig(*wrapped, kSignedMessage, kSignedNamespace, signer.public_key);
  ASSERT_TRUE(facts.ok()) << facts.error().message;
  EXPECT_TRUE(facts->user_present && facts->user_verified);
  EXPECT_EQ(facts->counter, 9u);
  EXPECT_EQ(facts->origin, "https://review.example.org");

  WebauthnAssertion bad = assertion;
  bad.authenticator_data[0] = static_cast<char>(bad.authenticator_data[0] ^ 1);  // another relying party
  EXPECT_EQ(wrap(bad).error().rule, "sshsig.malformed");
  for (size_t size = 0; size < 37; ++size) {
    bad.authenticator_data = assertion.authenticator_data.substr(0, size);
    EXPECT_FALSE(wrap(bad).ok());
  }
  bad = assertion;
  for (size_t size = 0; size < assertion.signature_der.size(); ++size) {
    bad.signature_der = assertion.signature_der.substr(0, size);
    EXPECT_FALSE(wrap(bad).ok()) << size;
  }
  bad.signature_der = assertion.signature_der + "x";
  EXPECT_FALSE(wrap(bad).ok());
  bad = assertion;
  for (const char* json : {"", "[]", "{}", "{\"origin\":1}", "{\"origin\":\"a\"", "null"}) {
    bad.client_data_json = json;
    EXPECT_FALSE(wrap(bad).ok()) << json;
  }
}

}  // namespace
}  // namespace pawl::crypto
