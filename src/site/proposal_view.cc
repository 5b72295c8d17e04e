#include "site/proposal_view.h"

#include <algorithm>

#include "crypto/sshsig.h"
#include "encoding/base64.h"
#include "encoding/number.h"
#include "encoding/time.h"
#include "gate/approval_reasons.h"
#include "gate/decide.h"
#include "gate/waiting.h"
#include "oversight/change_text.h"
#include "oversight/quorum.h"
#include "sandbox/sandbox.h"
#include "site/proposal_diff.h"
#include "warrant/approval.h"

namespace pawl::site {
namespace {

using audit::ProposalHistory;
using encoding::Json;

// Of all lines of a diff that one answer holds. The command line shows the rest.
constexpr DiffTerms kDiffTerms{.context = 3, .file_bytes_max = uint64_t{2} << 20, .shown_bytes_max = uint64_t{4} << 20};

std::string OneLine(std::string_view text) { return sandbox::DisplayableOnOneLine(text); }

Json DigestOrNull(const std::optional<crypto::Digest>& digest) { return digest ? Json(digest->Text()) : Json(nullptr); }

std::vector<std::string> AllOnOneLine(const std::vector<std::string>& texts) {
  std::vector<std::string> shown;
  for (const std::string& text : texts) shown.push_back(OneLine(text));
  return shown;
}

int RankOf(const ledger::SubjectLog& log, const ProposalHistory& proposal, int64_t now_s) {
  if (proposal.outcome) return 3;
  return static_cast<int>(gate::WaitOfProposal(log, proposal, now_s).party);
}

Json FindingsView(const ProposalHistory& proposal) {
  Json rows = Json::array();
  for (const audit::Finding& finding : proposal.findings) {
    rows.push_back({{"step", audit::StepName(finding.step)},
                    {"outcome", audit::FindingOutcomeName(finding.outcome)},
                    {"rule", finding.rule},
                    {"summary", OneLine(finding.summary)},
                    {"time", encoding::TimeText(finding.time)}});
  }
  return rows;
}

Json VotesView(const charter::Charter& charter, const ProposalHistory& proposal) {
  std::vector<const audit::LoggedVote*> votes;
  for (const audit::LoggedVote& logged : proposal.votes) votes.push_back(&logged);
  const auto order = [](const audit::LoggedVote* logged) {
    switch (logged->vote.verdict) {
      case warrant::VoteVerdict::kAgainst:
        return 0;
      case warrant::VoteVerdict::kAbstain:
        return 1;
      case warrant::VoteVerdict::kFor:
        return 2;
    }
    return 0;
  };
  std::stable_sort(votes.begin(), votes.end(),
                   [&](const audit::LoggedVote* a, const audit::LoggedVote* b) { return order(a) < order(b); });
  Json rows = Json::array();
  for (const audit::LoggedVote* logged : votes) {
    const charter::Reviewer* reviewer = charter.FindReviewer(logged->vote.reviewer);
    rows.push_back({{"reviewer", logged->vote.reviewer},
                    {"principal", reviewer == nullptr ? Json(nullptr) : Json(reviewer->principal)},
                    {"role", logged->vote.role},
                    {"verdict", warrant::VoteVerdictName(logged->vote.verdict)},
                    {"reasons", AllOnOneLine(logged->vote.reasons)},
                    {"evidence", logged->Evidence()},
                    {"host", OneLine(logged->vote.host)},
                    {"user", OneLine(logged->vote.user)},
                    {"time", encoding::TimeText(logged->vote.time)},
                    {"entry", logged->index}});
  }
  return rows;
}

// Each property of the charter, with the certificates that the candidate statement names for it.
Json PropertiesView(const charter::Charter& charter, const ProposalHistory& proposal) {
  Json rows = Json::array();
  for (const charter::Property& property : charter.properties) {
    Json certificates = Json::array();
    if (proposal.candidate) {
      for (const warrant::CertificateReference& reference : proposal.candidate->certificates) {
        if (reference.property == property.name) certificates.push_back(reference.certificate.Text());
      }
    }
    rows.push_back({{"property", property.name},
                    {"network", property.network},
                    {"spec", property.spec},
                    {"arithmetic", property.arithmetic == charter::Arithmetic::kFloat32 ? "float32" : "real"},
                    {"drift_within",
                     property.drift_within > 0 ? Json(encoding::NumberText(property.drift_within)) : Json(nullptr)},
                    {"certificates", certificates}});
  }
  return rows;
}

Json CandidateView(const ProposalHistory& proposal) {
  if (!proposal.candidate) return nullptr;
  const warrant::Candidate& candidate = *proposal.candidate;
  return {{"digest", proposal.candidate_digest.Text()},
          {"epoch", candidate.epoch},
          {"charter", candidate.charter.Text()},
          {"charter_epoch", candidate.charter_epoch},
          {"budget_index", candidate.budget_index},
          {"baseline", candidate.baseline.Text()},
          {"parent_tree", DigestOrNull(candidate.parent_tree)},
          {"environment", DigestOrNull(candidate.environment)},
          {"entry", proposal.candidate_index}};
}

Json DecisionView(const ledger::SubjectLog& log, const ProposalHistory& proposal) {
  if (!proposal.decision) return nullptr;
  Json results = Json::object();
  for (const auto& [step, words] : proposal.decision->results) results[step] = OneLine(words);
  Json view = SigningRequest(proposal.decision_envelope.payload);
  const charter::Charter& charter = log.charter().charter;
  view.update(
      {{"results", results},
       {"issued", encoding::TimeText(proposal.decision->issued)},
       {"expires", encoding::TimeText(proposal.decision->expires)},
       {"needed", warrant::ApprovalsNeeded(charter, proposal.proposal.action,
                                           warrant::TargetOf(log.history().live_trees(), proposal.proposal.tree))}});
  return view;
}

Json ApprovalsView(const ledger::SubjectLog& log, const ProposalHistory& proposal) {
  Json rows = Json::array();
  if (!proposal.decision) return rows;
  const crypto::Digest decision = warrant::StatementDigest(proposal.decision_envelope.payload);
  for (const warrant::Approver& approver : proposal.approvers) {
    const std::optional<std::string> reason = gate::KeptReason(log.home(), log.subject(), decision, approver.principal);
    rows.push_back({{"principal", approver.principal},
                    {"key", approver.key_fingerprint},
                    {"signature", crypto::SshKeyTypeName(approver.facts.signature_type)},
                    {"origin", approver.facts.origin.empty() ? Json(nullptr) : Json(approver.facts.origin)},
                    {"reason", reason ? Json(OneLine(*reason)) : Json(nullptr)},
                    {"presence_proven", approver.presence_proven}});
  }
  return rows;
}

}  // namespace

Json PositionView(const ledger::SubjectLog& log, const ProposalHistory& proposal, int64_t now_s) {
  const gate::Position position = gate::PositionOf(proposal);
  gate::Wait wait;
  if (!proposal.outcome) wait = gate::WaitOfProposal(log, proposal, now_s);
  return {{"proposal", proposal.proposal.proposal},
          {"action", warrant::ActionName(proposal.proposal.action)},
          {"note", OneLine(proposal.proposal.note)},
          {"proposed", encoding::TimeText(proposal.proposal.time)},
          {"tree", proposal.proposal.tree.Text()},
          {"outcome", position.outcome ? audit::ProposalOutcomeName(*position.outcome) : "pending"},
          {"step", audit::StepName(position.step)},
          {"rule", position.rule},
          {"reason", OneLine(position.reason)},
          {"party", proposal.outcome ? Json(nullptr) : Json(gate::PartyName(wait.party))},
          {"sentence", OneLine(wait.sentence)},
          {"who", wait.who},
          {"commands", wait.commands}};
}

Json InboxView(const ledger::SubjectLog& log, const Slice& slice, int64_t now_s) {
  const audit::ProposalList& proposals = log.history().proposals();
  std::vector<std::pair<int, size_t>> ranked;  // rank, distance from the latest
  for (size_t i = 0; i < proposals.size(); ++i) {
    ranked.emplace_back(RankOf(log, proposals[i], now_s), proposals.size() - 1 - i);
  }
  std::sort(ranked.begin(), ranked.end());
  Json rows = Json::array();
  for (uint64_t i = slice.first; i < ranked.size() && rows.size() < slice.count; ++i) {
    rows.push_back(PositionView(log, proposals[proposals.size() - 1 - ranked[i].second], now_s));
  }
  return {{"total", ranked.size()}, {"proposals", rows}};
}

Result<const ProposalHistory*> FindProposal(const ledger::SubjectLog& log, const std::string& name) {
  const ProposalHistory* proposal = log.history().Find(name);
  if (proposal != nullptr) return proposal;
  return Error{ErrorCode::kNotFound, "site.no-proposal", "there is no such proposal", "GET the list of proposals"};
}

Json ProposalView(const ledger::SubjectLog& log, const ProposalHistory& proposal, int64_t now_s) {
  const charter::Charter& charter = log.charter().charter;
  const oversight::QuorumReport quorum = oversight::TallyQuorum(charter, proposal);
  Json refusals = Json::array();
  for (const audit::Refusal& refusal : proposal.refusals) {
    refusals.push_back({{"principal", refusal.principal},
                        {"reason", OneLine(refusal.reason)},
                        {"time", encoding::TimeText(refusal.time)}});
  }
  Json view = PositionView(log, proposal, now_s);
  view.update({{"entry", proposal.index},
               {"findings", FindingsView(proposal)},
               {"properties", PropertiesView(charter, proposal)},
               {"quorum",
                {{"met", quorum.met},
                 {"lost", quorum.lost},
                 {"missing", quorum.missing},
                 {"summary", OneLine(quorum.summary)}}},
               {"votes", VotesView(charter, proposal)},
               {"candidate", CandidateView(proposal)},
               {"decision", DecisionView(log, proposal)},
               {"approvals", ApprovalsView(log, proposal)},
               {"objections", AllOnOneLine(gate::SpokeAgainst(proposal, ""))},
               {"refusals", refusals},
               {"warrant", DigestOrNull(proposal.warrant)}});
  return view;
}

Result<Json> DiffView(const ledger::SubjectLog& log, const ProposalHistory& proposal) {
  Result<std::vector<ShownChange>> changes = DiffOfProposal(log, proposal, kDiffTerms);
  if (!changes.ok()) return changes.error();
  Json rows = Json::array();
  for (const ShownChange& shown : *changes) {
    rows.push_back({{"path", OneLine(shown.change.path)},
                    {"type", subject::ChangeTypeName(shown.change.type)},
                    {"refused", OneLine(shown.refused)},
                    {"before", oversight::FactsWords(shown.change.facts_before)},
                    {"after", oversight::FactsWords(shown.change.facts_after)},
                    {"shown", shown.shown == Shown::kLines        ? "lines"
                              : shown.shown == Shown::kFactsAlone ? "facts"
                                                                  : "too-long"},
                    {"diff", sandbox::Displayable(shown.lines)}});
  }
  return Json{{"changes", rows}};
}

Json SigningRequest(const std::string& payload) {
  const std::string message = encoding::PreAuthenticationEncoding(warrant::kPayloadType, payload);
  return {{"payload", encoding::EncodeBase64(payload)},
          {"digest", warrant::StatementDigest(payload).Text()},
          {"challenge", encoding::EncodeBase64Url(crypto::SshsigToBeSigned(message, warrant::kApprovalNamespace,
                                                                           crypto::SshsigHash::kSha256))}};
}

}  // namespace pawl::site
