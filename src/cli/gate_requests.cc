#include "cli/gate_requests.h"

#include <ctime>

#include "encoding/base64.h"
#include "gate/approval_reasons.h"
#include "gate/drafted_decision.h"
#include "gate/propose.h"
#include "signing/armor.h"
#include "warrant/statements.h"

namespace pawl::cli {
namespace {

// One signature for the envelope, by whichever of the charters' people has the key that made it. That it is good is
// found out with the envelope.
Result<encoding::Signature> SignatureIn(const GateRequest& request, const std::vector<charter::Charter>& charters) {
  Result<crypto::Sshsig> signature = signing::ParseArmored(request.signature);
  if (!signature.ok()) {
    const Result<std::string> raw = encoding::DecodeBase64(request.signature);
    if (raw.ok()) signature = crypto::Sshsig::ParseRaw(*raw);
  }
  if (!signature.ok()) return signature.error();
  for (const charter::Charter& charter : charters) {
    for (const crypto::AllowedSigner& signer : charter.approval.signers) {
      const bool is_asked_for = request.principal.empty() || signer.principal == request.principal;
      if (!is_asked_for || signer.key.UnderlyingKey() != signature->key.UnderlyingKey()) continue;
      return encoding::Signature{.keyid = signer.principal, .sig = signature->Raw()};
    }
  }
  return Refused(
      "sign.not-a-signer",
      "the charter lists no such key" + (request.principal.empty() ? "" : " for '" + request.principal + "'"),
      "sign with a key of " + charters.front().approval.signers_file);
}

Result<std::string> TakeApproval(gate::Gate& gate, const GateRequest& request) {
  ledger::SubjectLog& log = gate.log();
  const int64_t now_s = std::time(nullptr);
  Result<const audit::ProposalHistory*> proposal = gate::FindDrafted(log, request.what, now_s);
  if (!proposal.ok()) return proposal.error();
  Result<std::vector<charter::Charter>> charters = gate::ChartersOf(log, *(*proposal)->candidate);
  if (!charters.ok()) return charters.error();
  Result<encoding::Signature> signature = SignatureIn(request, *charters);
  if (!signature.ok()) return signature.error();
  const std::string principal = signature->keyid;
  const encoding::Envelope envelope{.payload_type = (*proposal)->decision_envelope.payload_type,
                                    .payload = (*proposal)->decision_envelope.payload,
                                    .signatures = {*std::move(signature)}};
  if (Result<void> valid = gate::VerifyUnder(*charters, envelope, now_s); !valid.ok()) return valid.error();
  if (Result<void> given = gate::RequireReason(**proposal, principal, request.words); !given.ok()) {
    return given.error();
  }
  Result<void> kept = gate::KeepReasonOfNew(log.home(), log.subject(), **proposal, principal, request.words);
  if (!kept.ok()) return kept.error();
  if (Result<void> appended = gate::AppendSigned(log, envelope, request.what); !appended.ok()) return appended.error();
  return request.what;
}

}  // namespace

Result<std::string> Act(gate::Gate& gate, const GateRequest& request) {
  switch (request.kind) {
    case GateRequest::Kind::kPropose:
      return gate::ProposeTree(gate, request.what, request.words);
    case GateRequest::Kind::kRollback: {
      Result<crypto::Digest> tree = RollbackTree(request.what, gate.log().history());
      if (!tree.ok()) return tree.error();
      return gate::ProposeRollback(gate, *tree, request.words);
    }
    case GateRequest::Kind::kApprove:
      return TakeApproval(gate, request);
  }
  return Error{ErrorCode::kInternal, "request.kind", "no such request", ""};
}

Result<crypto::Digest> RollbackTree(const std::string& target, const audit::History& history) {
  if (!target.empty()) {
    if (target.rfind("sha256:", 0) == 0) return crypto::Digest::Parse(target);
    for (const audit::ReleaseRecord& release : history.releases()) {
      if (std::to_string(release.epoch) == target) return release.tree;
    }
    return Error{ErrorCode::kUsage, "rollback.target", "'" + target + "' is neither a tree nor the epoch of a release",
                 "pawl status --json lists them"};
  }
  const auto& releases = history.releases();
  if (releases.size() < 2) {
    return Error{ErrorCode::kUsage, "rollback.target", "nothing was live before the present release", ""};
  }
  // After a rollback the release before is what people have just left.
  const audit::ProposalHistory* last = history.Find(releases.back().proposal);
  if (last == nullptr || last->proposal.action != warrant::Action::kRelease) {
    return Error{ErrorCode::kUsage, "rollback.target", "the live release is a rollback itself: to what?",
                 "pawl rollback EPOCH; pawl status --json lists them"};
  }
  return releases[releases.size() - 2].tree;
}

}  // namespace pawl::cli
