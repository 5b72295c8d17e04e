#include "warrant/approval.h"

#include <algorithm>
#include <set>

#include "warrant/statements.h"

namespace pawl::warrant {
namespace {

// User presence in the sense of the charter. Stock ssh-keygen checks neither flag nor origin, so we do.
bool ShowsPresence(const crypto::SshsigFacts& facts, const charter::Approval& rules) {
  switch (facts.signature_type) {
    case crypto::SshKeyType::kEd25519:
    case crypto::SshKeyType::kEcdsaP256:
      return false;
    case crypto::SshKeyType::kSkEd25519:
    case crypto::SshKeyType::kSkEcdsaP256:
      return facts.user_present;
    case crypto::SshKeyType::kWebauthnSkEcdsaP256:
      return facts.user_present && facts.user_verified && !rules.rp_id.empty() && facts.application == rules.rp_id &&
             std::find(rules.origins.begin(), rules.origins.end(), facts.origin) != rules.origins.end();
  }
  return false;
}

const crypto::AllowedSigner* FindSigner(const charter::Charter& charter, const std::string& principal,
                                        const crypto::SshPublicKey& key) {
  for (const crypto::AllowedSigner& signer : charter.approval.signers) {
    if (signer.principal == principal && signer.key.UnderlyingKey() == key.UnderlyingKey()) return &signer;
  }
  return nullptr;
}

Result<Approver> VerifyOne(const encoding::Signature& signature, const std::string& message,
                           const charter::Charter& charter, int64_t time_s) {
  Result<crypto::Sshsig> parsed = crypto::Sshsig::ParseRaw(signature.sig);
  if (!parsed.ok()) return parsed.error();
  const crypto::AllowedSigner* signer = FindSigner(charter, signature.keyid, parsed->key);
  if (signer == nullptr) {
    return Refused("approval.unknown-signer",
                   "'" + signature.keyid + "' with key " + parsed->key.Fingerprint() + " is no signer of the charter",
                   "sign with a key that " + charter.approval.signers_file + " lists for that person");
  }
  if (!signer->Allows(kApprovalNamespace, time_s)) {
    return Refused("approval.expired-key", "the key " + parsed->key.Fingerprint() + " of '" + signature.keyid +
                                               "' is not in force for this purpose at this time");
  }
  Result<crypto::SshsigFacts> facts = crypto::VerifySshsig(*parsed, message, kApprovalNamespace, signer->key);
  if (!facts.ok()) {
    return Refused("approval.signature", "signature of '" + signature.keyid + "': " + facts.error().message);
  }
  Approver approver{.principal = signature.keyid,
                    .key_fingerprint = parsed->key.Fingerprint(),
                    .facts = *facts,
                    .presence_proven = ShowsPresence(*facts, charter.approval)};
  if (charter.approval.presence == charter::Presence::kRequired && !approver.presence_proven) {
    return Refused("approval.presence",
                   "the signature of '" + signature.keyid + "' does not show that a person was there",
                   "sign with a security key that is touched, or with a passkey on the charter's page");
  }
  return approver;
}

bool IsSignature(const encoding::Signature& signature, const std::string& message, const crypto::NoteKey& key) {
  return signature.keyid == key.name && key.key.Verify(message, signature.sig);
}

}  // namespace

bool IsSignedBy(const encoding::Envelope& envelope, const crypto::NoteKey& key) {
  if (envelope.payload_type != kPayloadType) return false;
  const std::string message = encoding::PreAuthenticationEncoding(envelope.payload_type, envelope.payload);
  return std::any_of(envelope.signatures.begin(), envelope.signatures.end(),
                     [&](const encoding::Signature& signature) { return IsSignature(signature, message, key); });
}

Result<std::set<std::string>> VerifyAuditors(const encoding::Envelope& envelope, const charter::Charter& charter) {
  const std::string message = encoding::PreAuthenticationEncoding(envelope.payload_type, envelope.payload);
  std::set<std::string> principals;
  for (const encoding::Signature& signature : envelope.signatures) {
    const charter::Reviewer* auditor = charter.FindReviewer(signature.keyid);
    if (auditor == nullptr || auditor->role != charter::Role::kAuditor || envelope.payload_type != kPayloadType ||
        !IsSignature(signature, message, auditor->key)) {
      return Refused("closing.signature", "the closing statement has a signature that is no auditor's");
    }
    principals.insert(auditor->principal);
  }
  return principals;
}

Result<std::vector<Approver>> VerifyApprovals(const encoding::Envelope& envelope, const charter::Charter& charter,
                                              int64_t time_s) {
  const std::string message = encoding::PreAuthenticationEncoding(envelope.payload_type, envelope.payload);
  std::vector<Approver> approvers;
  std::set<std::string> principals, keys;
  for (const encoding::Signature& signature : envelope.signatures) {
    Result<Approver> approver = VerifyOne(signature, message, charter, time_s);
    if (!approver.ok()) return approver.error();
    Result<crypto::Sshsig> parsed = crypto::Sshsig::ParseRaw(signature.sig);
    if (!principals.insert(approver->principal).second || !keys.insert(parsed->key.UnderlyingKey()).second) {
      return Refused("approval.twice", "'" + approver->principal + "' or its key appears twice among the approvals");
    }
    approvers.push_back(std::move(*approver));
  }
  return approvers;
}

encoding::Envelope ListedApprovals(encoding::Envelope envelope, const charter::Charter& charter) {
  std::set<std::string> people;
  std::erase_if(envelope.signatures, [&](const encoding::Signature& signature) {
    const Result<crypto::Sshsig> parsed = crypto::Sshsig::ParseRaw(signature.sig);
    return parsed.ok() &&
           (FindSigner(charter, signature.keyid, parsed->key) == nullptr || !people.insert(signature.keyid).second);
  });
  return envelope;
}

RollbackTarget TargetOf(const std::vector<LiveTree>& past, const Digest& tree) {
  const bool takes_back = past.size() >= 2 && past.back().action == Action::kRelease && past.end()[-2].tree == tree;
  return takes_back ? RollbackTarget::kPredecessor : RollbackTarget::kOlder;
}

int64_t ApprovalsNeeded(const charter::Charter& charter, Action action, RollbackTarget target) {
  switch (action) {
    case Action::kRelease:
      return charter.approval.threshold;
    case Action::kRollback:
      return target == RollbackTarget::kPredecessor ? charter.rollback_threshold : charter.approval.threshold;
    case Action::kAmendment:
    case Action::kGenesis:
      return charter.amendment.threshold;
    case Action::kHalt:
      return 1;
    case Action::kResume:
      return charter.resume_threshold;
  }
  return charter.amendment.threshold;
}

}  // namespace pawl::warrant
