#include "site/signing_desk.h"

#include <algorithm>
#include <cstdlib>

#include "audit/records.h"
#include "crypto/sshsig.h"
#include "gate/approval_reasons.h"
#include "gate/drafted_decision.h"
#include "gate/propose.h"
#include "gate/waiting.h"
#include "halting/halting.h"
#include "halting/resume.h"
#include "sandbox/sandbox.h"
#include "server/notice_exchange.h"
#include "site/proposal_view.h"
#include "site/signing_bodies.h"
#include "warrant/approval.h"
#include "warrant/state.h"

namespace pawl::site {
namespace {

using audit::ProposalHistory;
using encoding::Json;

constexpr int64_t kDay_s = 86'400;

bool IsListed(const charter::Charter& charter, const std::string& principal) {
  return std::ranges::any_of(charter.approval.signers,
                             [&](const crypto::AllowedSigner& signer) { return signer.principal == principal; });
}

// The signature as it is stored, by whichever passkey of the person's made it.
Result<encoding::Signature> SignatureOf(const SignedBody& given, const std::vector<charter::Charter>& charters) {
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

// Somebody who approves many releases a day does not read them. A rollback or an amendment is never kept waiting.
Result<void> CheckPace(const ledger::SubjectLog& log, const ProposalHistory& proposal, const std::string& principal,
                       const DeskTerms& terms, int64_t now_s) {
  if (proposal.proposal.action != warrant::Action::kRelease) return {};
  int64_t approved_today = 0;
  for (const ProposalHistory& other : log.history().proposals()) {
    const bool counts = &other != &proposal && other.decision && other.decision->issued > now_s - kDay_s &&
                        other.proposal.action == warrant::Action::kRelease;
    if (!counts) continue;
    approved_today += std::ranges::count(other.decision_envelope.signatures, principal, &encoding::Signature::keyid);
  }
  if (approved_today < terms.approvals_a_day_max) return {};
  return Error{ErrorCode::kPending, "site.pace",
               "'" + principal + "' has approved " + std::to_string(approved_today) +
                   " releases that were drafted within a day, as many as this page takes",
               "read the next ones tomorrow; pawl serve --approvals-a-day says how many"};
}

Result<Json> TakeApproval(ledger::SubjectLog& log, const SignedBody& given, const DeskTerms& terms, int64_t now_s) {
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
    if (Result<void> why = gate::RequireReason(**proposal, given.principal, given.reason); !why.ok())
      return why.error();
    if (Result<void> pace = CheckPace(log, **proposal, given.principal, terms, now_s); !pace.ok()) return pace.error();
    Result<void> kept = gate::KeepReasonOfNew(log.home(), log.subject(), **proposal, given.principal, given.reason);
    if (!kept.ok()) return kept.error();
    if (Result<void> appended = gate::AppendSigned(log, envelope, name); !appended.ok()) return appended.error();
    return Json{{"signed", "approval"}, {"proposal", name}, {"sentence", SentenceNow(log, name, now_s)}};
  }
  return Refused("site.statement", "this is no decision that people are asked for now", "load the proposal anew");
}

Result<Json> TakeRefusal(ledger::SubjectLog& log, const SignedBody& given, int64_t now_s) {
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
    return Json{{"signed", "refusal"}, {"proposal", name}, {"sentence", SentenceNow(log, name, now_s)}};
  }
  return Refused("site.statement", "this refuses no decision that people are asked for now", "load the proposal anew");
}

// Under the loader's charter; where the loader's state cannot be read, under the ledger's.
halting::Ground GroundOf(const ledger::SubjectLog& log) {
  Result<halting::Ground> ground =
      halting::LoaderGround(log.home(), log.subject(), log.home().StatePath(log.subject()));
  return ground.ok() ? std::move(*ground) : halting::LedgerGround(log);
}

Result<encoding::Envelope> SignedHalt(const ledger::SubjectLog& log, const SignedBody& given, int64_t now_s) {
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
Result<Json> TakeHalt(const ledger::SubjectLog& log, Result<ledger::SubjectLog>& opened, const SignedBody& given,
                      int64_t now_s) {
  Result<encoding::Envelope> halt = SignedHalt(log, given, now_s);
  if (!halt.ok()) return halt.error();
  const Result<void> loader = halting::DeliverToLoader(log.home().StatePath(log.subject()), *halt);
  const std::string words = notices::Words(notices::Tell(GroundOf(log).charter, *halt, server::NoticeExchange()));
  const Result<void> logged = opened.ok() ? gate::AppendSigned(*opened, *halt) : Result<void>(opened.error());
  if (loader.ok() && logged.ok()) {
    return Json{{"signed", "halt"},
                {"sentence",
                 "halted: nothing more is accepted, released or started until people resume; a start or "
                 "release that had begun may still end" +
                     (words.empty() ? words : "; " + words)}};
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

// What a resume would say now, and what others have begun of it.
struct Resuming {
  halting::Ground ground;
  halting::InForce in_force;
  std::string path;
  Result<halting::Begun> begun;
};

Result<Resuming> ResumingOf(const ledger::SubjectLog& log, int64_t now_s) {
  const std::string state_path = log.home().StatePath(log.subject());
  Result<halting::InForce> in_force = halting::FindInForce(state_path, log);
  if (!in_force.ok()) return in_force.error();
  halting::Ground ground = halting::LedgerGround(log);
  ground.time = std::max(ground.time, in_force->time);
  std::string path = halting::BegunPath(log.home(), log.subject());
  Result<halting::Begun> begun = halting::ReadBegun(path, ground, *in_force, now_s);
  return Resuming{std::move(ground), std::move(*in_force), std::move(path), std::move(begun)};
}

// One that has been begun is what everybody signs; else one as it is drafted here, within ten minutes.
Result<Json> TakeResume(ledger::SubjectLog& log, const SignedBody& given, int64_t now_s) {
  Result<Resuming> now = ResumingOf(log, now_s);
  if (!now.ok()) return now.error();
  if (now->in_force.lifts.empty()) return Refused("site.not-halted", "nothing is halted", "load the page anew");
  encoding::Envelope envelope{
      .payload_type = std::string(warrant::kPayloadType), .payload = given.payload, .signatures = {}};
  if (now->begun.ok()) {
    if (now->begun->envelope.payload != given.payload) {
      return Refused("site.statement", "others have begun another resume", "sign that one: draft anew");
    }
    envelope = now->begun->envelope;
  } else {
    Result<warrant::Decision> resume = warrant::ReadDecision(given.payload);
    if (!resume.ok()) return resume.error();
    warrant::Decision mine = halting::MakeDecision(now->ground, warrant::Action::kResume, resume->reason, now_s);
    if (std::abs(mine.issued - resume->issued) > kDraftAgeMax_s) {
      return Refused("site.draft-age", "the statement was drafted too long ago", "draft it anew");
    }
    mine.expires = resume->issued + (mine.expires - mine.issued);
    mine.issued = resume->issued;
    mine.lifts = now->in_force.lifts;
    if (warrant::WriteDecision(mine) != given.payload) {
      return Refused("site.statement", "this is no resume of what is halted now, as it is drafted here",
                     "draft it anew");
    }
  }
  Result<encoding::Signature> signature = SignatureOf(given, {now->ground.charter});
  if (!signature.ok()) return signature.error();
  Result<halting::Signing> signing = halting::AddSignature(log, log.home().StatePath(log.subject()), now->path,
                                                           now->ground, std::move(envelope), std::move(*signature));
  if (!signing.ok()) return signing.error();
  if (signing->lifted) notices::Tell(now->ground.charter, signing->envelope, server::NoticeExchange());
  const std::string count =
      std::to_string(signing->signed_by) + " of " + std::to_string(now->ground.charter.resume_threshold);
  return Json{{"signed", "resume"},
              {"sentence",
               signing->lifted ? "every halt and alarm is lifted" : count + " people have signed: it is still halted"}};
}

// What the next person signs: the resume that has been begun, or a new one.
Result<Json> DraftResumeOf(const ledger::SubjectLog& log, const std::string& principal, const std::string& reason,
                           int64_t now_s) {
  Result<Resuming> now = ResumingOf(log, now_s);
  if (!now.ok()) return now.error();
  if (now->in_force.lifts.empty()) return Refused("site.not-halted", "nothing is halted", "load the page anew");
  if (!IsListed(now->ground.charter, principal)) {
    return Refused("site.not-a-signer", "the charter lists no '" + principal + "'", "choose one of approval.people");
  }
  if (now->begun.ok()) return SigningRequest(now->begun->envelope.payload);
  if (reason.find_first_not_of(" \t\n") == std::string::npos) {
    return Error{ErrorCode::kUsage, "site.reason", "a resume says why, for everybody to read", "give a reason"};
  }
  return SigningRequest(halting::DraftResume(now->ground, now->in_force, reason, now_s));
}

}  // namespace

Json ResumeView(const ledger::SubjectLog& log, int64_t now_s) {
  Result<Resuming> now = ResumingOf(log, now_s);
  if (!now.ok() || now->in_force.lifts.empty()) return nullptr;
  Json signers = Json::array();
  if (now->begun.ok()) {
    for (const encoding::Signature& one : now->begun->envelope.signatures) signers.push_back(one.keyid);
  }
  Json lines = Json::array();
  for (const std::string& line : now->in_force.lines) lines.push_back(sandbox::DisplayableOnOneLine(line));
  return {
      {"lifts", lines},
      {"reason", now->begun.ok() ? Json(sandbox::DisplayableOnOneLine(now->begun->decision.reason)) : Json(nullptr)},
      {"signed_by", signers},
      {"needed", now->ground.charter.resume_threshold}};
}

Result<Json> DraftStatement(const ledger::SubjectLog& log, std::string_view body, int64_t now_s) {
  Result<DraftBody> asked = ReadDraftBody(body);
  if (!asked.ok()) return asked.error();
  const auto& [action, name, principal, given_reason] = *asked;
  const std::string reason = gate::PlainText(given_reason);
  if (action == Draftable::kResume) return DraftResumeOf(log, principal, reason, now_s);
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
                           const DeskTerms& terms, int64_t now_s) {
  Result<SignedBody> given = ReadSignedBody(body);
  if (!given.ok()) return given.error();
  Result<audit::StatementKind> kind = audit::KindOf(given->payload);
  if (!kind.ok()) return kind.error();
  const bool is_decision = *kind == audit::StatementKind::kDecision;
  if (!is_decision && *kind != audit::StatementKind::kRefusal) {
    return Refused("site.statement", "people sign no such statement here",
                   "approve, reject, halt and resume are signed here");
  }
  if (!is_decision) return opened.ok() ? TakeRefusal(*opened, *given, now_s) : Result<Json>(opened.error());
  Result<warrant::Decision> decision = warrant::ReadDecision(given->payload);
  if (!decision.ok()) return decision.error();
  if (decision->action == warrant::Action::kHalt) return TakeHalt(log, opened, *given, now_s);
  if (!opened.ok()) return opened.error();
  if (decision->action == warrant::Action::kResume) return TakeResume(*opened, *given, now_s);
  return TakeApproval(*opened, *given, terms, now_s);
}

}  // namespace pawl::site
