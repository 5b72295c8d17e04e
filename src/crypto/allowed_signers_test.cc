#include "crypto/allowed_signers.h"

#include <gtest/gtest.h>

#include "signing/signer_for_tests.h"

namespace pawl::crypto {
namespace {

using signing::SignerForTests;

std::string RuleOf(std::string_view text) {
  const Result<std::vector<AllowedSigner>> signers = ParseAllowedSigners(text);
  return signers.ok() ? "ok" : signers.error().rule;
}

const std::string& Key() {
  static const std::string line = SignerForTests(SshKeyType::kSkEd25519).public_key.Line();
  return line;
}

TEST(AllowedSigners, ReadsLinesInOrder) {
  const SshPublicKey second = SignerForTests(SshKeyType::kWebauthnSkEcdsaP256, "example.org").public_key;
  const auto signers = ParseAllowedSigners("# two\nalice namespaces=\"a,b\",valid-before=\"20270101Z\" " + Key() +
                                           " comment\n\nbob " + second.Line() + "\n");
  ASSERT_TRUE(signers.ok()) << signers.error().message;
  ASSERT_EQ(signers->size(), 2u);
  EXPECT_EQ(signers->at(0).principal, "alice");
  EXPECT_EQ(signers->at(0).namespaces, (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(signers->at(0).valid_before_s, 1798761600);
  EXPECT_FALSE(signers->at(0).valid_after_s.has_value());
  EXPECT_EQ(signers->at(0).line, 2u);
  EXPECT_EQ(signers->at(1).key, second);
  EXPECT_EQ(signers->at(1).line, 4u);
  EXPECT_TRUE(signers->at(0).Allows("a", 1798761600));
  EXPECT_FALSE(signers->at(0).Allows("a", 1798761601));
  EXPECT_FALSE(signers->at(0).Allows("c", 0));
  EXPECT_TRUE(signers->at(1).Allows("anything", 0));
}

TEST(AllowedSigners, RefusesEveryMalformedShapeWithItsLine) {
  EXPECT_EQ(ParseAllowedSigners("\n# c\n*@x " + Key()).error().message.substr(0, 7), "line 3:");
  for (const char* principal : {"*", "a*", "?", "!a", "a,b", "\"a\"", "a'", "a\\b", "a#b", "caf\xc3\xa9"}) {
    EXPECT_EQ(RuleOf(std::string(principal) + " " + Key()), "allowed-signers.principal") << principal;
  }
  EXPECT_EQ(RuleOf(std::string(256, 'a') + " " + Key()), "allowed-signers.principal");
  for (const char* option : {"x",
                             "namespaces",
                             "namespaces=",
                             "namespaces=a",
                             "namespaces=\"\"",
                             "namespaces=\"a,\"",
                             "namespaces=\"a b\"",
                             "namespaces=\"a*\"",
                             "namespaces=\"!a\"",
                             "namespaces=\"a\",",
                             "namespaces=\"a\"x",
                             "namespaces=\"a",
                             "namespaces=\"a\\\"b\"",
                             "valid-after=\"\"",
                             "valid-after=\"Z\"",
                             "valid-after=\"2026Z\"",
                             "valid-after=\"20260101\"",
                             "valid-after=\"20260101z\"",
                             "valid-after=\"2026010100Z\"",
                             "valid-after=\"20261301Z\"",
                             "valid-after=\"202601012460Z\"",
                             "valid-after=\"19700101Z\"",
                             "valid-after=\"2026-1-1Z\"",
                             "valid-after=\"20260101Z\",valid-after=\"20260101Z\"",
                             "valid-after=\"20260101Z\",valid-before=\"20260101Z\"",
                             "cert-authority",
                             "cert-authority,namespaces=\"a\"",
                             "verify-required",
                             ",",
                             "\"",
                             "=\"\""}) {
    EXPECT_EQ(RuleOf("a " + std::string(option) + " " + Key()), "allowed-signers.option") << option;
  }
  EXPECT_EQ(RuleOf("a namespaces=\"a\""), "allowed-signers.key");
  EXPECT_EQ(RuleOf("a ssh-ed25519"), "allowed-signers.key");
  EXPECT_EQ(RuleOf("a ssh-ed25519 AAAA"), "allowed-signers.key");
  EXPECT_EQ(RuleOf("a namespaces=\"a\" namespaces=\"b\" " + Key()), "allowed-signers.key");
  EXPECT_EQ(RuleOf("a ssh-rsa AAAA"), "allowed-signers.option");
  EXPECT_EQ(RuleOf(Key()), "allowed-signers.option");  // no principal: the type is taken for one
  EXPECT_EQ(RuleOf("a " + Key() + "\r\n"), "allowed-signers.syntax");
  EXPECT_EQ(RuleOf(std::string_view("a\0", 2)), "allowed-signers.syntax");
  EXPECT_EQ(RuleOf("a " + Key() + "\nb " + Key() + "\n"), "allowed-signers.duplicate");
}

TEST(AllowedSigners, AKeyPairUnderTwoTypesIsADuplicate) {
  SshPublicKey key = SignerForTests(SshKeyType::kSkEcdsaP256).public_key;
  const std::string first = "a " + key.Line() + "\n";
  key.application = "elsewhere";
  EXPECT_EQ(RuleOf(first + "b " + key.Line()), "allowed-signers.duplicate");
  key.type = SshKeyType::kWebauthnSkEcdsaP256;
  EXPECT_EQ(RuleOf(first + "b " + key.Line()), "allowed-signers.duplicate");
}

TEST(AllowedSigners, Limits) {
  EXPECT_EQ(RuleOf(std::string(kAllowedSignersBytesMax, '\n')), "ok");
  EXPECT_EQ(RuleOf(std::string(kAllowedSignersBytesMax + 1, '\n')), "allowed-signers.too-large");
}

}  // namespace
}  // namespace pawl::crypto
