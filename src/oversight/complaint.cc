#include "oversight/complaint.h"

#include <algorithm>
#include <utility>

#include "encoding/utf8.h"
#include "warrant/approval.h"

namespace pawl::oversight {
namespace {

using audit::ComplaintRule;

constexpr size_t kSentenceBytesMax = 1'000;

std::string Sentence(std::string text) {
  for (char& c : text) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = ' ';
  }
  if (text.size() > kSentenceBytesMax) text.resize(kSentenceBytesMax);
  while (!encoding::IsPlainText(text) && !text.empty()) text.pop_back();
  return text;
}

}  // namespace

std::optional<Charge> ChargeOf(const audit::LoggedVote& logged, const Error& error) {
  constexpr std::pair<std::string_view, ComplaintRule> kRules[] = {
      {"audit.seeds", ComplaintRule::kSeeds},     {"audit.shares", ComplaintRule::kShares},
      {"audit.verdict", ComplaintRule::kVerdict}, {"audit.last-step", ComplaintRule::kLastStep},
      {"audit.peer", ComplaintRule::kPeer},       {"peer.descent", ComplaintRule::kPeer}};
  Charge charge{.accused = logged.vote.reviewer, .reason = error.message, .entry = logged.digest};
  const auto known = std::ranges::find(kRules, error.rule, &std::pair<std::string_view, ComplaintRule>::first);
  if (known != std::end(kRules)) {
    charge.rule = known->second;
    return charge;
  }
  // Its evidence is no such thing as its role gives, or does not follow from its own report.
  const bool is_of_form = error.rule.starts_with("json.") || error.rule.starts_with("trial.");
  const bool is_no = error.code == ErrorCode::kRefused || error.code == ErrorCode::kMalformed;
  if (logged.vote.role != charter::RoleName(charter::Role::kEvaluator) || !is_of_form || !is_no) return std::nullopt;
  charge.reason = "the evidence of '" + logged.vote.reviewer + "' is not of its form: " + error.message;
  return charge;
}

bool Complain(ledger::SubjectLog& log, const Reviewer& reviewer, const audit::ProposalHistory& proposal,
              const Charge& charge) {
  const audit::ProposalHistory* now = log.history().Find(proposal.proposal.proposal);
  if (now == nullptr || !now->candidate) return false;
  const bool said = std::ranges::any_of(now->complaints, [&](const audit::LoggedComplaint& one) {
    return one.complaint.complainant == reviewer.record.name && one.complaint.accused == charge.accused &&
           one.complaint.rule == charge.rule;
  });
  if (said) return false;
  const std::string payload =
      audit::WriteComplaint({.about = {.subject = log.subject(), .digest = now->candidate->tree},
                             .complainant = reviewer.record.name,
                             .accused = charge.accused,
                             .candidate = now->candidate_digest,
                             .rule = charge.rule,
                             .reason = Sentence(charge.reason),
                             .entry = charge.entry,
                             .vote = charge.vote,
                             .time = std::max(log.history().time(), reviewer.now_s)});
  const Result<encoding::Signature> signature = reviewer.key.SignPayload(payload, reviewer.record.name);
  if (!signature.ok()) return false;
  // Not again after a conflict: what others have appended may be votes that the caller has not seen.
  const Result<void> appended = log.Append(
      {{.payload_type = std::string(warrant::kPayloadType), .payload = payload, .signatures = {*signature}}});
  // What the fold refuses proves nothing: a witness shows whatever it likes.
  if (reviewer.progress && (appended.ok() || !appended.error().rule.starts_with("history."))) {
    reviewer.progress(appended.ok() ? "said on the ledger: " + charge.reason
                                    : "the ledger does not take a complaint: " + appended.error().message);
  }
  return appended.ok();
}

std::string Heading(const audit::LoggedComplaint& complaint) {
  const audit::Complaint& one = complaint.complaint;
  return one.complainant + " accuses " + one.accused + " of " + std::string(ComplaintRuleName(one.rule)) + " (entry " +
         std::to_string(complaint.index) + ")";
}

std::string Text(const audit::LoggedComplaint& complaint) {
  const bool proven = IsProven(complaint.complaint.rule);
  // What is proven is the heading; the sentence is the complainant's in either case, whatever it says of whom.
  return Heading(complaint) + (proven ? ", proven; it says: " : ", in its own word: ") + complaint.complaint.reason;
}

bool IsOfKeyInForce(const audit::History& history, const audit::ProposalHistory& proposal,
                    const audit::Complaint& complaint) {
  const charter::Reviewer* now = history.charter().FindReviewer(complaint.accused);
  if (now == nullptr || complaint.rule == ComplaintRule::kAfterRemoval) return false;
  const Result<charter::Charter> charter = history.charter_reader()(proposal.candidate->charter);
  const charter::Reviewer* then = charter.ok() ? charter->FindReviewer(complaint.accused) : nullptr;
  return then == nullptr || then->key.key == now->key.key;
}

}  // namespace pawl::oversight
