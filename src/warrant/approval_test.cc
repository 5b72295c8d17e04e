// Whose signature counts, and when it shows that somebody was there.
#include "warrant/approval.h"

#include <gtest/gtest.h>

#include "signing/signer_for_tests.h"
#include "subject/testing.h"

namespace pawl::warrant {
namespace {

using crypto::SshKeyType;
using signing::SignerForTests;
using subject::RuleOf;

constexpr char kPayload[] = "{\"decision\":1}";
constexpr char kOrigin[] = "https://review.example.org";

charter::Charter CharterOf(const std::vector<std::pair<std::string, SignerForTests>>& people,
                           charter::Presence presence = charter::Presence::kRequired) {
  charter::Charter charter;
  charter.approval.presence = presence;
  charter.approval.rp_id = "review.example.org";
  charter.approval.origins = {kOrigin};
  for (const auto& [principal, signer] : people) {
    charter.approval.signers.push_back({.principal = principal,
                                        .key = signer.public_key,
                                        .namespaces = {},
                                        .valid_after_s = 100,
                                        .valid_before_s = 200,
                                        .line = 1});
  }
  return charter;
}

encoding::Signature Sign(const std::string& principal, const SignerForTests& signer, uint8_t flags = 0x05,
                         const SignerForTests::Browser* browser = nullptr) {
  const std::string message = encoding::PreAuthenticationEncoding(std::string(kPayloadType), kPayload);
  return {.keyid = principal,
          .sig = signer.Sign(message, kApprovalNamespace, flags, 7, crypto::SshsigHash::kSha512, browser).Raw()};
}

encoding::Envelope EnvelopeOf(std::vector<encoding::Signature> signatures) {
  return {.payload_type = std::string(kPayloadType), .payload = kPayload, .signatures = std::move(signatures)};
}

std::string Rule(const SignerForTests& signer, uint8_t flags, charter::Presence presence = charter::Presence::kRequired,
                 const SignerForTests::Browser* browser = nullptr) {
  return RuleOf(
      VerifyApprovals(EnvelopeOf({Sign("ann", signer, flags, browser)}), CharterOf({{"ann", signer}}, presence), 150));
}

TEST(Approval, OfASecurityKeyNeedsATouch) {
  for (const SshKeyType type : {SshKeyType::kSkEd25519, SshKeyType::kSkEcdsaP256}) {
    const SignerForTests signer(type);
    EXPECT_EQ(Rule(signer, 0x01), "ok");
    EXPECT_EQ(Rule(signer, 0x05), "ok");
    EXPECT_EQ(Rule(signer, 0x00), "approval.presence");
    EXPECT_EQ(Rule(signer, 0x04), "approval.presence") << "verified by a PIN kept in memory, touched by nobody";
    EXPECT_EQ(Rule(signer, 0x00, charter::Presence::kSoftware), "ok");
  }
}

TEST(Approval, OfASoftwareKeyShowsNoPresence) {
  for (const SshKeyType type : {SshKeyType::kEd25519, SshKeyType::kEcdsaP256}) {
    const SignerForTests signer(type);
    EXPECT_EQ(Rule(signer, 0x05), "approval.presence");
    const Result<std::vector<Approver>> approvers = VerifyApprovals(
        EnvelopeOf({Sign("ann", signer)}), CharterOf({{"ann", signer}}, charter::Presence::kSoftware), 150);
    ASSERT_TRUE(approvers.ok());
    EXPECT_FALSE(approvers->front().presence_proven);
    EXPECT_EQ(approvers->front().principal, "ann");
    EXPECT_EQ(approvers->front().key_fingerprint, signer.public_key.Fingerprint());
  }
}

TEST(Approval, OfAPasskeyNeedsAVerifiedPersonOnTheChartersPage) {
  const SignerForTests signer(SshKeyType::kWebauthnSkEcdsaP256, "review.example.org");
  EXPECT_EQ(Rule(signer, 0x05), "ok");
  EXPECT_EQ(Rule(signer, 0x01), "approval.presence");
  EXPECT_EQ(Rule(signer, 0x04), "approval.presence");
  const SignerForTests::Browser elsewhere{.origin = "https://evil.example.org"};
  EXPECT_EQ(Rule(signer, 0x05, charter::Presence::kRequired, &elsewhere), "approval.presence");
  const SignerForTests other_party(SshKeyType::kWebauthnSkEcdsaP256, "example.org");
  EXPECT_EQ(Rule(other_party, 0x05), "approval.presence");
  charter::Charter no_page = CharterOf({{"ann", signer}});
  no_page.approval.rp_id.clear();
  EXPECT_EQ(RuleOf(VerifyApprovals(EnvelopeOf({Sign("ann", signer)}), no_page, 150)), "approval.presence");
}

TEST(Approval, IsOfAKeyInForceForThePurpose) {
  const SignerForTests signer(SshKeyType::kSkEd25519);
  charter::Charter charter = CharterOf({{"ann", signer}});
  const encoding::Envelope envelope = EnvelopeOf({Sign("ann", signer)});
  for (const auto& [time, rule] : std::vector<std::pair<int64_t, std::string>>{
           {99, "approval.expired-key"}, {100, "ok"}, {200, "ok"}, {201, "approval.expired-key"}}) {
    EXPECT_EQ(RuleOf(VerifyApprovals(envelope, charter, time)), rule) << time;
  }
  charter.approval.signers[0].namespaces = {"git"};
  EXPECT_EQ(RuleOf(VerifyApprovals(envelope, charter, 150)), "approval.expired-key");
  charter.approval.signers[0].namespaces = {"git", std::string(kApprovalNamespace)};
  EXPECT_EQ(RuleOf(VerifyApprovals(envelope, charter, 150)), "ok");
}

TEST(Approval, CountsEachPersonAndEachKeyOnce) {
  const SignerForTests one(SshKeyType::kSkEd25519), two(SshKeyType::kSkEd25519);
  SignerForTests one_as_software(SshKeyType::kEd25519);  // the same key pair without the token around it
  one_as_software.ed25519 = one.ed25519;
  one_as_software.public_key.key = one.public_key.key;
  const charter::Charter charter =
      CharterOf({{"ann", one}, {"ann", two}, {"bob", one_as_software}}, charter::Presence::kSoftware);
  const auto rule = [&](std::vector<encoding::Signature> signatures) {
    return RuleOf(VerifyApprovals(EnvelopeOf(std::move(signatures)), charter, 150));
  };
  EXPECT_EQ(rule({Sign("ann", one)}), "ok");
  EXPECT_EQ(rule({Sign("ann", one), Sign("ann", one)}), "approval.twice");
  EXPECT_EQ(rule({Sign("ann", one), Sign("ann", two)}), "approval.twice");
  EXPECT_EQ(rule({Sign("ann", one), Sign("bob", one_as_software)}), "approval.twice") << "one key under two names";
  EXPECT_EQ(rule({Sign("ann", two), Sign("bob", one_as_software)}), "ok");
  EXPECT_EQ(rule({Sign("bob", two)}), "approval.unknown-signer") << "another's key under one's name";
  EXPECT_EQ(rule({Sign("cy", SignerForTests(SshKeyType::kSkEd25519))}), "approval.unknown-signer");
}

TEST(Approval, IsOverExactlyTheseBytes) {
  const SignerForTests signer(SshKeyType::kSkEd25519);
  const charter::Charter charter = CharterOf({{"ann", signer}});
  const auto rule = [&](const std::function<void(encoding::Envelope&)>& change) {
    encoding::Envelope envelope = EnvelopeOf({Sign("ann", signer)});
    change(envelope);
    return RuleOf(VerifyApprovals(envelope, charter, 150));
  };
  EXPECT_EQ(rule([](encoding::Envelope& e) { e.payload += ' '; }), "approval.signature");
  EXPECT_EQ(rule([](encoding::Envelope& e) { e.payload_type = "text/plain"; }), "approval.signature");
  EXPECT_EQ(rule([](encoding::Envelope& e) { e.signatures[0].sig.pop_back(); }), "sshsig.malformed");
  EXPECT_EQ(rule([](encoding::Envelope& e) { e.signatures[0].sig += '\0'; }), "sshsig.malformed");
  EXPECT_EQ(rule([](encoding::Envelope& e) { e.signatures[0].sig.clear(); }), "sshsig.malformed");
  EXPECT_EQ(rule([](encoding::Envelope& e) { e.signatures[0].sig[e.signatures[0].sig.size() - 10] ^= 1; }),
            "approval.signature");
  EXPECT_EQ(RuleOf(VerifyApprovals(EnvelopeOf({}), charter, 150)), "ok") << "nobody has signed, and nobody counts";
  EXPECT_TRUE(VerifyApprovals(EnvelopeOf({}), charter, 150)->empty());
}

TEST(Approval, IsListedByPersonAndKey) {
  const SignerForTests old_key(SshKeyType::kSkEd25519), new_key(SshKeyType::kSkEd25519), bob(SshKeyType::kSkEd25519);
  const encoding::Envelope envelope = EnvelopeOf(
      {Sign("ann", old_key), Sign("ann", new_key), Sign("bob", bob), {.keyid = "ann", .sig = "no signature"}});
  const encoding::Envelope listed = ListedApprovals(envelope, CharterOf({{"ann", new_key}, {"cy", bob}}));
  ASSERT_EQ(listed.signatures.size(), 2u);
  EXPECT_EQ(listed.signatures[0], envelope.signatures[1]);
  EXPECT_EQ(listed.signatures[1], envelope.signatures[3]) << "what cannot be read is left to be refused";
}

TEST(Approval, CountsAPersonOnceWhoSignsAnAmendmentWithAKeyOfEachCharter) {
  const SignerForTests fresh(SshKeyType::kSkEd25519), spare(SshKeyType::kSkEd25519), bob(SshKeyType::kSkEd25519);
  const encoding::Envelope envelope = EnvelopeOf({Sign("ann", fresh), Sign("ann", spare), Sign("bob", bob)});
  for (const charter::Charter& charter :
       {CharterOf({{"ann", spare}, {"bob", bob}}), CharterOf({{"ann", fresh}, {"ann", spare}, {"bob", bob}})}) {
    const Result<std::vector<Approver>> approvers = VerifyApprovals(ListedApprovals(envelope, charter), charter, 150);
    ASSERT_TRUE(approvers.ok()) << approvers.error().rule;
    EXPECT_EQ(approvers->size(), 2U);
  }
}

TEST(Approval, IsNeededByAction) {
  charter::Charter charter;
  charter.approval.threshold = 2;
  charter.amendment.threshold = 5;
  charter.rollback_threshold = 1;
  charter.resume_threshold = 3;
  using Target = RollbackTarget;
  EXPECT_EQ(ApprovalsNeeded(charter, Action::kRelease, Target::kPredecessor), 2);
  EXPECT_EQ(ApprovalsNeeded(charter, Action::kRelease, Target::kOlder), 2);
  EXPECT_EQ(ApprovalsNeeded(charter, Action::kRollback, Target::kPredecessor), 1);
  EXPECT_EQ(ApprovalsNeeded(charter, Action::kRollback, Target::kOlder), 2);
  EXPECT_EQ(ApprovalsNeeded(charter, Action::kAmendment, Target::kPredecessor), 5);
  EXPECT_EQ(ApprovalsNeeded(charter, Action::kGenesis, Target::kPredecessor), 5);
  EXPECT_EQ(ApprovalsNeeded(charter, Action::kHalt, Target::kPredecessor), 1);
  EXPECT_EQ(ApprovalsNeeded(charter, Action::kResume, Target::kPredecessor), 3);
}

}  // namespace
}  // namespace pawl::warrant
