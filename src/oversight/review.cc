#include "oversight/review.h"

#include <pwd.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>

#include "encoding/dsse.h"
#include "encoding/time.h"
#include "encoding/utf8.h"
#include "notices/heard.h"
#include "oversight/key_terms.h"
#include "storage/replace_file.h"
#include "subject/file_descriptor.h"
#include "warrant/approval.h"

namespace pawl::oversight {
namespace {

using audit::ProposalHistory;

constexpr size_t kReasonBytesMax = 4'000;  // of the statement's 4,096

std::string Plain(std::string text) {
  for (char& c : text) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = ' ';
  }
  if (text.size() > kReasonBytesMax) text.resize(kReasonBytesMax);
  while (!encoding::IsPlainText(text) && !text.empty()) text.pop_back();
  return text;
}

std::string HostName() {
  char name[256] = {};
  return gethostname(name, sizeof name - 1) == 0 ? Plain(name) : "unknown";
}

std::string UserName() {
  const passwd* entry = getpwuid(geteuid());
  return entry != nullptr ? Plain(entry->pw_name) : "uid " + std::to_string(geteuid());
}

bool HasVoted(const ProposalHistory& proposal, const std::string& reviewer) {
  return std::any_of(proposal.votes.begin(), proposal.votes.end(),
                     [&](const audit::LoggedVote& logged) { return logged.vote.reviewer == reviewer; });
}

Result<Opinion> OpinionOf(ledger::SubjectLog& log, const Reviewer& reviewer, const ProposalHistory& proposal) {
  switch (reviewer.record.role) {
    case charter::Role::kProver:
      return ReviewAsProver(log, reviewer, proposal);
    case charter::Role::kEvaluator:
      return ReviewAsEvaluator(log, reviewer, proposal);
    case charter::Role::kIntegrity:
      return ReviewAsIntegrity(log, reviewer, proposal);
    case charter::Role::kCritic:
      return ReviewAsCritic(log, reviewer, proposal);
    case charter::Role::kPeer:
      return ReviewAsPeer(log, reviewer, proposal);
    case charter::Role::kAuditor:
      break;
  }
  return Error{ErrorCode::kInternal, "review.role", "auditors do not vote", ""};
}

// A vote that the ledger did not take is what this reviewer has said, whatever it would find now: else a ledger refuses
// until it likes what it gets, and of two votes that witnesses have nobody knows that the reviewer is honest.
std::string UnsentPath(const Reviewer& reviewer, const ProposalHistory& proposal) {
  return reviewer.memory_folder + "/unsent-" + proposal.candidate_digest.Hex() + ".json";
}

std::optional<encoding::Envelope> ReadUnsent(const Reviewer& reviewer, const ProposalHistory& proposal) {
  constexpr size_t kEntryBytesMax = 65'535;
  const Result<std::string> text =
      subject::ReadRegularFile(UnsentPath(reviewer, proposal), kEntryBytesMax, "review", subject::Links::kRefuse);
  if (!text.ok()) return std::nullopt;
  Result<encoding::Envelope> envelope = encoding::ParseEnvelope(*text);
  if (!envelope.ok() || !warrant::IsSignedBy(*envelope, reviewer.record.key)) return std::nullopt;
  const Result<warrant::Vote> vote = warrant::ReadVote(envelope->payload);
  if (!vote.ok() || vote->candidate != proposal.candidate_digest) return std::nullopt;
  return *std::move(envelope);
}

// What it makes of the proposal, signed.
Result<encoding::Envelope> SignedVote(ledger::SubjectLog& log, const Reviewer& reviewer,
                                      const ProposalHistory& proposal) {
  if (std::optional<encoding::Envelope> unsent = ReadUnsent(reviewer, proposal)) return *std::move(unsent);
  Result<Opinion> opinion = OpinionOf(log, reviewer, proposal);
  if (!opinion.ok()) return opinion.error();
  warrant::Vote vote;
  vote.about = {.subject = log.subject(), .digest = proposal.candidate->tree};
  vote.candidate = proposal.candidate_digest;
  vote.reviewer = reviewer.record.name;
  vote.role = charter::RoleName(reviewer.record.role);
  vote.verdict = opinion->verdict;
  for (const std::string& reason : opinion->reasons) vote.reasons.push_back(Plain(reason));
  vote.evidence = opinion->evidence;
  vote.host = HostName();
  vote.user = UserName();
  vote.time = std::max(log.history().time(), reviewer.now_s);
  const std::string payload = warrant::WriteVote(vote);
  const Result<encoding::Signature> signature = reviewer.key.SignPayload(payload, reviewer.record.name);
  if (!signature.ok()) return signature.error();
  return encoding::Envelope{
      .payload_type = std::string(warrant::kPayloadType), .payload = payload, .signatures = {*signature}};
}

Result<ReviewReport> Vote(ledger::SubjectLog& log, const Reviewer& reviewer, const std::string& name) {
  // A copy: appending folds into the history that the original lives in.
  const ProposalHistory proposal = *log.history().Find(name);
  const Result<encoding::Envelope> envelope = SignedVote(log, reviewer, proposal);
  if (!envelope.ok()) return envelope.error();
  const std::string unsent = UnsentPath(reviewer, proposal);
  const auto keep = [&] { return storage::ReplaceFile(unsent, encoding::SerializeEnvelope(*envelope)); };
  // Whatever keeps the ledger from taking it: witnesses can, and auditors ask them before they close.
  const auto not_taken = [&](const Error& error) {
    const Result<void> kept = keep();
    if (kept.ok() && reviewer.post) notices::Tell(log.charter().charter, *envelope, reviewer.post);
    return error;
  };
  // A server has read the vote before it says whether it has taken it.
  if (log.ledger().shared_store() != nullptr) {
    if (Result<void> kept = keep(); !kept.ok()) return kept.error();
  }
  for (int attempt = 0; attempt < ledger::kConflictsMax; ++attempt) {
    Result<void> appended = log.Append({*envelope});
    if (appended.ok()) {
      std::remove(unsent.c_str());
      Result<warrant::Vote> vote = warrant::ReadVote(envelope->payload);
      if (!vote.ok()) return vote.error();
      std::string summary(warrant::VoteVerdictName(vote->verdict));
      for (const std::string& reason : vote->reasons) summary += "; " + reason;
      Opinion opinion{vote->verdict, std::move(vote->reasons), std::move(vote->evidence)};
      return ReviewReport{name, ReviewReport::What::kVoted, std::move(opinion), std::move(summary)};
    }
    if (appended.error().rule.starts_with("history.")) {  // it would fold nowhere
      std::remove(unsent.c_str());
      return appended.error();
    }
    if (appended.error().rule != "ledger.conflict") return not_taken(appended.error());
    if (Result<void> refreshed = log.Refresh(); !refreshed.ok()) return not_taken(refreshed.error());
    // The same reviewer at work on two machines: nobody votes twice, and nothing is wrong with the log.
    if (HasVoted(*log.history().Find(name), reviewer.record.name)) {
      std::remove(unsent.c_str());
      return ReviewReport{name, ReviewReport::What::kNothingToDo, {}, "its key has voted meanwhile, from elsewhere"};
    }
  }
  return not_taken({ErrorCode::kPending, "ledger.busy", "others keep appending to the log", "try again"});
}

// Nobody would count it (key_terms.h).
Result<void> KeyIsInForce(const ledger::SubjectLog& log, const Reviewer& reviewer, warrant::Action action) {
  if (action == warrant::Action::kAmendment) return {};
  const Result<KeyTerms> terms = ReadKeyTerms(log.charter());
  if (!terms.ok()) return terms.error();
  const auto term = terms->find(reviewer.record.name);
  if (term == terms->end() || term->second >= std::max(log.history().time(), reviewer.now_s)) return {};
  return Refused("reviewer.expired-key",
                 "the key of '" + reviewer.record.name + "' ran out at " + encoding::TimeText(term->second),
                 "pawl key rotate, and an amendment, which it may still vote on");
}

}  // namespace

Result<std::vector<ReviewReport>> ReviewOpenProposals(ledger::SubjectLog& log, const Reviewer& reviewer) {
  std::vector<std::string> waiting;
  for (const ProposalHistory& proposal : log.history().proposals()) {
    if (!proposal.candidate || proposal.outcome) continue;
    // What an amendment has overtaken never goes live, and was voted on under other rules and with other keys: to go on
    // with it would make honest votes look like lies.
    if (proposal.candidate->charter_epoch == log.history().charter_epoch()) {
      waiting.push_back(proposal.proposal.proposal);
    }
  }
  // One proposal that cannot be judged must not keep the others waiting; a log that cannot be trusted stops everything.
  const auto stops_everything = [](const Error& error) {
    return error.rule.rfind("audit.log-", 0) == 0 || error.rule.rfind("ledger.", 0) == 0 ||
           error.rule.rfind("history.", 0) == 0 || error.rule.rfind("state.", 0) == 0;
  };
  std::vector<ReviewReport> reports;
  const auto take = [&](const std::string& name, Result<ReviewReport> report) -> Result<void> {
    if (!report.ok()) {
      if (stops_everything(report.error())) return report.error();
      const Error& error = report.error();
      const std::string advice = error.advice.empty() ? "" : "; " + error.advice;
      reports.push_back({name, ReviewReport::What::kWaiting, {}, error.message + " (" + error.rule + ")" + advice});
      return {};
    }
    reports.push_back(std::move(*report));
    return {};
  };
  for (const std::string& name : waiting) {
    const ProposalHistory proposal = *log.history().Find(name);
    if (const Result<void> in_force = KeyIsInForce(log, reviewer, proposal.proposal.action); !in_force.ok()) {
      if (Result<void> taken = take(name, in_force.error()); !taken.ok()) return taken.error();
      continue;
    }
    if (reviewer.record.role == charter::Role::kAuditor) {
      if (Result<void> taken = take(name, ReviewAsAuditor(log, reviewer, proposal)); !taken.ok()) return taken.error();
      continue;
    }
    if (HasVoted(proposal, reviewer.record.name) || proposal.closing) continue;
    if (Result<void> taken = take(name, Vote(log, reviewer, name)); !taken.ok()) return taken.error();
  }
  return reports;
}

}  // namespace pawl::oversight
