#include "site/signing_desk.h"

#include <algorithm>
#include <cstdlib>

#include "audit/records.h"
#include "crypto/sshsig.h"
#include "gate/drafted_decision.h"
#include "gate/propose.h"
#include "gate/waiting.h"
#include "halting/halting.h"
#include "signing/passkey.h"
#include "site/proposal_view.h"
#include "warrant/approval.h"
#include "warrant/state.h"

namespace pawl::site {
namespace {

using audit::ProposalHistory;
using encoding::Json;

constexpr size_t kReasonBytesMax = 1'000;
constexpr size_t kPayloadBytesMax = size_t{64} << 10;

enum class Draftable { kReject, kHalt };

struct Signed {
  std::string payload;
  std::string principal;
  signing::WebauthnAssertion assertion;
};

Result<Signed> ReadSigned(std::string_view body) {
  Result<Json> json = encoding::ParseJson(body);
  if (!json.ok()) return json.error();
  encoding::JsonObject object(*json, "signature");
  Signed read;
  read.payload = object.Base64("payload", kPayloadBytesMax);
  read.principal = object.String("principal", 256);
  encoding::JsonObject assertion = object.Object("assertion");
  read.assertion.authenticator_data = assertion.Base64("authenticator_data", 4'096);
  read.assertion.client_data_json = assertion.Base64("client_data_json", 8'192);
  read.assertion.signature_der = assertion.Base64("signature", 256);
  if (Result<void> done = object.Finish(); !done.ok()) return done.error();
  return read;
}

bool IsListed(const charter::Charter& charter, const std::string& principal) {
  return std::ranges::any_of(charter.approval.signers,
                             [&](const crypto::AllowedSigner& signer) { return signer.principal == principal; });
}

// The signature as it is stored, by whichever passkey of the person's made it.
Result<encoding::Signature> SignatureOf(const Signed& given, const std::vector<charter::Charter>& charters) {
  const std::string message = encoding::PreAuthenticationEncoding(warrant::kPayloadType, given.payload);
  Error why = Refused("site.passkey", "no passkey of '" + given.principal + "' made this signature over this statement",
                      "choose the person whose passkey it is; the charter lists it after an amendment");
  for (const charter::Charter& charter : charters) {
    const charter::Approval& rules = charter.approval;
    for (const crypto::AllowedSigner& signer : rules.signers) {
      if (signer.principal != given.principal || signer.key.application.empty()) continue;
      Result<crypto::Sshsig> signature = signing::SshsigFromAssertion(
          given.assertion, signer.key, warrant::kApprovalNamespace, crypto::SshsigHash::kSha256);
      if (!signature.ok()) continue;
      Result<crypto::SshsigFacts> facts =
          crypto::VerifySshsig(*signature, message, warrant::kApprovalNamespace, signer.key);
      if (!facts.ok()) continue;
      const bool is_ours = !rules.rp_id.empty() && facts->application == rules.rp_id &&
                           std::ranges::find(rules.origins, facts->origin) != rules.origins.end();
      if (facts->user_present && facts->user_verified && is_ours) {
        return encoding::Signature{.keyid = given.principal, .sig = signature->Raw()};
      }
      why = Refused("site.presence",
                    "the signature does not show that a verified person was there, on a page that the charter names",
                    "unlock the passkey with its PIN or finger, on one of approval.origins");
    }
  }
  return why;
}

std::string SentenceNow(const ledger::SubjectLog& log, const std::string& name, int64_t now_s) {
  const ProposalHistory* proposal = log.history().Find(name);
  if (proposal == nullptr || proposal->outcome) return name + " has ended";
  return gate::WaitOfProposal(log, *proposal, now_s).sentence;
}

Result<Json> TakeApproval(ledger::SubjectLog& log, const Signed& given, int64_t now_s) {
  for (const ProposalHistory& open : log.history().proposals()) {
    if (open.outcome || !open.decision || open.decision_envelope.payload != given.payload) continue;
    const std::string name = open.proposal.proposal;
    Result<const ProposalHistory*> proposal = gate::FindDrafted(log, name, now_s);
    if (!proposal.ok()) return proposal.error();
    Result<std::vector<charter::Charter>> charters = gate::ChartersOf(log, *(*proposal)->candidate);
    if (!charters.ok()) return charters.error();
    Result<encoding::Signature> signature = SignatureOf(given, *charters);
    if (!signature.ok()) return signature.error();
    const encoding::Envelope envelope{.payload_type = (*proposal)->decision_envelope.payload_type,
                                      .payload = given.payload,
                                      .signatures = {std::move(*signature)}};
    if (Result<void> valid = gate::VerifyUnder(*charters, envelope, now_s); !valid.ok()) return valid.error();
    if (Result<void> appended = gate::AppendSigned(log, envelope, name); !appended.ok()) return appended.error();
    return Json{{"signed", "approval"}, {"sentence", SentenceNow(log, name, now_s)}};
  }
  return Refused("site.statement", "this is no decision that people are asked for now", "load the proposal anew");
}

Result<Json> TakeRefusal(ledger::SubjectLog& log, const Signed& given, int64_t now_s) {
  Result<audit::Refusal> refusal = audit::ReadRefusal(given.payload);
  if (!refusal.ok()) return refusal.error();
  const int64_t now = std::max(log.history().time(), now_s);
  if (std::abs(now - refusal->time) > kDraftAgeMax_s) {
    return Refused("site.draft-age", "the statement was drafted too long ago", "draft it anew");
  }
  for (const ProposalHistory& open : log.history().proposals()) {
    if (open.outcome || !open.decision || !open.candidate ||
        warrant::StatementDigest(open.decision_envelope.payload) != refusal->decision) {
      continue;
    }
    const std::string name = open.proposal.proposal;
    if (refusal->principal != given.principal || refusal->about.subject != log.subject() ||
        refusal->about.digest != open.candidate->tree) {
      break;
    }
    Result<encoding::Signature> signature = SignatureOf(given, {log.charter().charter});
    if (!signature.ok()) return signature.error();
    const encoding::Envelope envelope{.payload_type = std::string(warrant::kPayloadType),
                                      .payload = given.payload,
                                      .signatures = {std::move(*signature)}};
    if (Result<void> appended = gate::AppendSigned(log, envelope, name); !appended.ok()) return appended.error();
    return Json{{"signed", "refusal"}, {"sentence", SentenceNow(log, name, now_s)}};
  }
  return Refused("site.statement", "this refuses no decision that people are asked for now", "load the proposal anew");
}

// Under the loader's charter; where the loader's state cannot be read, under the ledger's.
halting::Ground GroundOf(const ledger::SubjectLog& log) {
  Result<halting::Ground> ground =
      halting::LoaderGround(log.home(), log.subject(), log.home().StatePath(log.subject()));
  return ground.ok() ? std::move(*ground) : halting::LedgerGround(log);
}

Result<encoding::Envelope> SignedHalt(const ledger::SubjectLog& log, const Signed& given, int64_t now_s) {
  const halting::Ground ground = GroundOf(log);
  Result<warrant::Decision> halt = warrant::ReadDecision(given.payload);
  if (!halt.ok()) return halt.error();
  warrant::Decision mine = halting::MakeDecision(ground, warrant::Action::kHalt, halt->reason, now_s);
  if (std::abs(mine.issued - halt->issued) > kDraftAgeMax_s) {
    return Refused("site.draft-age", "the statement was drafted too long ago", "draft it anew");
  }
  mine.expires = halt->issued + (mine.expires - mine.issued);
  mine.issued = halt->issued;
  if (warrant::WriteDecision(mine) != given.payload) {
    return Refused("site.statement", "this is no halt as it is drafted here", "draft it anew");
  }
  Result<encoding::Signature> signature = SignatureOf(given, {ground.charter});
  if (!signature.ok()) return signature.error();
  return encoding::Envelope{.payload_type = std::string(warrant::kPayloadType),
                            .payload = given.payload,
                            .signatures = {std::move(*signature)}};
}

// The loader's folder first: a ledger that cannot be written keeps nothing going.
Result<Json> TakeHalt(const ledger::SubjectLog& log, Result<ledger::SubjectLog>& opened, const Signed& given,
                      int64_t now_s) {
  Result<encoding::Envelope> halt = SignedHalt(log, given, now_s);
  if (!halt.ok()) return halt.error();
  const Result<void> loader = halting::DeliverToLoader(log.home().StatePath(log.subject()), *halt);
  const Result<void> logged = opened.ok() ? gate::AppendSigned(*opened, *halt) : Result<void>(opened.error());
  if (loader.ok() && logged.ok()) {
    return Json{{"signed", "halt"},
                {"sentence",
                 "halted: nothing more is accepted, released or started until people resume; a start or "
                 "release that had begun may still end"}};
  }
  if (loader.ok()) {
    return SystemFailure("halt.ledger", "the loader IS halted, but the ledger does not know: " + logged.error().message,
                         "nothing is loaded or started; the gate may still accept. Mend the ledger, then halt again");
  }
  if (logged.ok()) {
    return SystemFailure("halt.loader",
                         "the ledger has the halt, but the loader here is NOT halted: " + loader.error().message,
                         "stop what runs, mend the loader's folder of halts, then halt again");
  }
  return SystemFailure("halt.undelivered",
                       "NOTHING is halted: " + loader.error().message + "; " + logged.error().message,
                       "stop what runs; check permissions and disk space, then halt again");
}

}  // namespace

Result<Json> DraftStatement(const ledger::SubjectLog& log, std::string_view body, int64_t now_s) {
  Result<Json> json = encoding::ParseJson(body);
  if (!json.ok()) return json.error();
  encoding::JsonObject object(*json, "draft");
  const auto action = object.Choice<Draftable>("action", {{"reject", Draftable::kReject}, {"halt", Draftable::kHalt}});
  const std::string name = object.String("proposal", 64);
  const std::string principal = object.String("principal", 256);
  const std::string reason = gate::PlainText(object.String("reason", kReasonBytesMax));
  if (Result<void> done = object.Finish(); !done.ok()) return done.error();
  if (reason.find_first_not_of(" \t\n") == std::string::npos) {
    return Error{ErrorCode::kUsage, "site.reason", "a no or a halt says why, for everybody to read", "give a reason"};
  }
  const halting::Ground ground = action == Draftable::kHalt ? GroundOf(log) : halting::LedgerGround(log);
  if (!IsListed(ground.charter, principal)) {
    return Refused("site.not-a-signer", "the charter lists no '" + principal + "'", "choose one of approval.people");
  }
  if (action == Draftable::kHalt) {
    return SigningRequest(halting::DraftHalt(log.home().StatePath(log.subject()), ground, reason, &log, now_s));
  }
  Result<const ProposalHistory*> proposal = gate::FindDrafted(log, name, now_s, gate::Expiry::kIgnored);
  if (!proposal.ok()) return proposal.error();
  return SigningRequest(
      audit::WriteRefusal({.about = {.subject = log.subject(), .digest = (*proposal)->candidate->tree},
                           .decision = warrant::StatementDigest((*proposal)->decision_envelope.payload),
                           .principal = principal,
                           .reason = reason,
                           .time = std::max(log.history().time(), now_s)}));
}

Result<Json> TakeSignature(const ledger::SubjectLog& log, Result<ledger::SubjectLog>& opened, std::string_view body,
                           int64_t now_s) {
  Result<Signed> given = ReadSigned(body);
  if (!given.ok()) return given.error();
  Result<audit::StatementKind> kind = audit::KindOf(given->payload);
  if (!kind.ok()) return kind.error();
  const bool is_decision = *kind == audit::StatementKind::kDecision;
  if (!is_decision && *kind != audit::StatementKind::kRefusal) {
    return Refused("site.statement", "people sign no such statement here", "approve, reject and halt are signed here");
  }
  if (is_decision) {
    Result<warrant::Decision> decision = warrant::ReadDecision(given->payload);
    if (!decision.ok()) return decision.error();
    if (decision->action == warrant::Action::kHalt) return TakeHalt(log, opened, *given, now_s);
  }
  if (!opened.ok()) return opened.error();
  return is_decision ? TakeApproval(*opened, *given, now_s) : TakeRefusal(*opened, *given, now_s);
}

}  // namespace pawl::site
