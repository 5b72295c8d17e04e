// The auditor's role: the log only grows, every vote that was cast is counted, no halt is open. Says so by signing the
// closing statement, which every warrant carries.
#include <algorithm>
#include <map>
#include <set>

#include "encoding/base64.h"
#include "encoding/json.h"
#include "ledger/past_root.h"
#include "merkle/checkpoint.h"
#include "notices/heard.h"
#include "oversight/charter_trial.h"
#include "oversight/complaint.h"
#include "oversight/key_terms.h"
#include "oversight/log_memory.h"
#include "oversight/pace.h"
#include "oversight/peer_vote.h"
#include "oversight/quorum.h"
#include "oversight/review.h"
#include "subject/file_descriptor.h"
#include "trial/evidence.h"
#include "warrant/state.h"

namespace pawl::oversight {
namespace {

using audit::ProposalHistory;

// Auditors of one proposal sign within a day of each other; a closing statement that is older is not cosigned.
constexpr int64_t kCosignWithin_s = 86'400;
// Into the ledger at one time.
constexpr size_t kHaltsTakenMax = 32;

// ---- votes that need the log to be checked

Result<void> CheckEvaluatorVote(ledger::SubjectLog& log, const ProposalHistory& proposal,
                                const audit::LoggedVote& logged) {
  const charter::Charter& charter = log.charter().charter;
  const warrant::Vote& vote = logged.vote;
  const encoding::Json json = logged.Evidence();
  const charter::Reviewer* evaluator = charter.FindReviewer(vote.reviewer);
  encoding::JsonObject evidence(json, "evidence");
  const std::string checkpoint = evidence.String("checkpoint", 4'096);
  const std::string signature = evidence.Base64("seed_signature");
  const encoding::Json& report_json = evidence.Any("report");
  const encoding::Json last_step = evidence.Any("last_step");
  // Votes of before shares were written have none, and where shares decide the quorum misses them.
  const encoding::Json* shares = evidence.Has("shares") ? &evidence.Any("shares") : nullptr;
  if (Result<void> done = evidence.Finish(); !done.ok()) return done;
  Result<std::string> expected = CommitCheckpoint(log, proposal.candidate_index);
  if (!expected.ok()) return expected.error();
  const std::string message = warrant::SeedMessage(proposal.candidate_digest, *expected);
  if (checkpoint != *expected || !evaluator->key.key.Verify(message, signature)) {
    return Refused("audit.seeds", "the seeds of '" + vote.reviewer + "' were not drawn from the commit");
  }
  // A release that nobody measures is one that no alarm hears.
  const std::optional<Growth> growth = GrowthBefore(log.history(), *proposal.candidate);
  const bool names_it =
      logged.last_step ? growth && logged.last_step->epoch == growth->epoch : !growth && last_step.is_null();
  if (!names_it) {
    return Refused("audit.last-step", "'" + vote.reviewer + "' does not say how much the last release has gained");
  }
  Result<trial::TrialReport> report = trial::ReadTrialReport(report_json);
  if (!report.ok()) return report.error();
  Result<trial::TrialRules> rules = MakeTrialRules(charter);
  if (!rules.ok()) return rules.error();
  trial::TrialTerms terms;
  terms.kind = proposal.candidate->parent_tree ? trial::TrialKind::kStep : trial::TrialKind::kFirstRelease;
  terms.budget_index = static_cast<uint64_t>(proposal.candidate->budget_index);
  terms.share = EvaluatorShareOf(charter);
  if (Result<void> answers = trial::CheckReportAnswers(*report, *rules, terms); !answers.ok()) return answers;
  if (shares != nullptr && *shares != trial::EvidenceSharesJson(*report)) {
    return Refused("audit.shares", "the evidence that '" + vote.reviewer + "' claims is not that of its report");
  }
  if (!IsAcceptable(charter, *report)) {
    return Refused("audit.verdict", "'" + vote.reviewer + "' votes for a trial that did not pass");
  }
  return {};
}

Result<void> CheckVote(ledger::SubjectLog& log, const Reviewer& auditor, const ProposalHistory& proposal,
                       const audit::LoggedVote& logged) {
  const charter::Reviewer* reviewer = log.charter().charter.FindReviewer(logged.vote.reviewer);
  if (reviewer == nullptr) return {};
  if (reviewer->role == charter::Role::kPeer && auditor.peers) {
    return CheckPeerVote(log, proposal, logged, *auditor.peers);
  }
  const bool counts = reviewer->role == charter::Role::kEvaluator && logged.vote.verdict == warrant::VoteVerdict::kFor;
  return counts ? CheckEvaluatorVote(log, proposal, logged) : Result<void>();
}

// The first that does not hold keeps this auditor from signing; each is named on the ledger.
Result<void> CheckVotes(ledger::SubjectLog& log, const Reviewer& auditor, const ProposalHistory& proposal) {
  Result<void> all;
  for (const audit::LoggedVote& logged : proposal.votes) {
    // It counts for the candidate statement that it names, which is all that a loader looks at.
    if (logged.vote.about.digest != proposal.candidate->tree) {
      Complain(log, auditor, proposal,
               {.accused = logged.vote.reviewer,
                .rule = audit::ComplaintRule::kOtherBytes,
                .reason = "the vote of '" + logged.vote.reviewer + "' says that it is about another tree",
                .entry = logged.digest});
    }
    if (proposal.proposal.action != warrant::Action::kRelease) continue;
    Result<void> checked = CheckVote(log, auditor, proposal, logged);
    if (checked.ok()) continue;
    if (const std::optional<Charge> charge = ChargeOf(logged, checked.error())) {
      Complain(log, auditor, proposal, *charge);
    }
    if (all.ok()) all = std::move(checked);
  }
  return all;
}

std::vector<crypto::Digest> VotesBelow(const ProposalHistory& proposal, uint64_t size) {
  std::vector<crypto::Digest> votes;
  for (const audit::LoggedVote& logged : proposal.votes) {
    if (logged.index < size) votes.push_back(logged.digest);
  }
  std::sort(votes.begin(), votes.end());
  return votes;
}

// Halts on the ledger, and those that were delivered to the loader directly.
Result<std::vector<crypto::Digest>> OpenHalts(ledger::SubjectLog& log, const Reviewer& reviewer) {
  std::vector<crypto::Digest> open = log.history().OpenHalts();
  Result<warrant::State> state = warrant::ReadStateFile(reviewer.state_path);
  if (!state.ok()) return state.error();
  // By the loader's own charter, which may be older than the ledger's.
  const Result<charter::Charter> charter = charter::ReadCharterFromStore(log.store(), state->charter);
  if (!charter.ok()) return charter.error();
  Result<warrant::LocalHalts> local = warrant::ReadLocalHalts(reviewer.state_path, *charter, *state);
  if (!local.ok()) return local.error();
  open.insert(open.end(), local->in_force.begin(), local->in_force.end());
  std::sort(open.begin(), open.end());
  open.erase(std::unique(open.begin(), open.end()), open.end());
  return open;
}

// ---- what the ledger could keep back

// Whether it was appended. What the log refuses is nobody's statement: a witness that lies changes nothing. What a
// database says that refuses ("ledger.…", "shared.…") is no word about the statement, but that it is too large.
Result<bool> AppendHeard(ledger::SubjectLog& log, const notices::Notice& notice) {
  const Result<void> appended = log.Append({notice.envelope});
  if (appended.ok()) return true;
  const auto& [code, rule, message, advice] = appended.error();
  const bool by_fold =
      rule == "ledger.entry-too-large" || (!rule.starts_with("ledger.") && !rule.starts_with("shared."));
  if (by_fold && (code == ErrorCode::kRefused || code == ErrorCode::kMalformed)) return false;
  return appended.error();
}

bool HasHalt(const audit::History& history, const crypto::Digest& digest) {
  return std::ranges::any_of(history.halts(), [&](const audit::LoggedHalt& halt) { return halt.digest == digest; });
}

// Halts that were told to the witnesses and are not in the ledger: it gets them now. How many it has taken.
Result<size_t> TakeHalts(ledger::SubjectLog& log, const notices::Heard& heard) {
  size_t taken = 0;
  for (const notices::HeardNotice& halt : heard.notices) {
    const bool lifted = std::ranges::any_of(
        heard.notices, [&](const notices::HeardNotice& other) { return notices::Lifts(other.notice, halt.notice); });
    if (!halt.notice.IsHalt() || lifted || HasHalt(log.history(), halt.notice.digest)) continue;
    if (taken == kHaltsTakenMax) break;  // one stops as much as a thousand, which the log would keep for ever
    const Result<bool> appended = AppendHeard(log, halt.notice);
    if (!appended.ok()) return appended.error();
    taken += *appended ? 1 : 0;
  }
  return taken;
}

// Whether so many witnesses that one of them is honest say that they had it before `time`.
bool WasThereBefore(const notices::HeardNotice& one, int64_t time, const charter::Witnesses& witnesses) {
  const auto liars = static_cast<size_t>(witnesses.faults_max);
  return one.received_s.size() > liars && one.received_s[liars] < time;
}

// Who has told witnesses another vote than the ledger has, or votes with a key that the charter has given up.
void NameContradictions(ledger::SubjectLog& log, const Reviewer& auditor, const ProposalHistory& proposal,
                        const notices::Heard& heard) {
  for (const notices::HeardNotice& one : heard.notices) {
    const std::string& reviewer = one.notice.vote->reviewer;
    const auto logged =
        std::ranges::find(proposal.votes, reviewer, [](const audit::LoggedVote& vote) { return vote.vote.reviewer; });
    if (logged == proposal.votes.end() || logged->digest == one.notice.digest) continue;
    Complain(log, auditor, proposal,
             {.accused = reviewer,
              .rule = audit::ComplaintRule::kEquivocation,
              .reason = "'" + reviewer + "' has signed two votes: " +
                        std::string(warrant::VoteVerdictName(logged->vote.verdict)) + ", which the log has, and " +
                        std::string(warrant::VoteVerdictName(one.notice.vote->verdict)) + ", which witnesses have",
              .entry = logged->digest,
              .vote = one.notice.envelope});
  }
  // The fold says whether the key was ever this reviewer's, and takes nothing else.
  for (const encoding::Envelope& envelope : heard.strange) {
    const Result<warrant::Vote> vote = warrant::ReadVote(envelope.payload);
    if (!vote.ok() || vote->candidate != proposal.candidate_digest) continue;
    Complain(log, auditor, proposal,
             {.accused = vote->reviewer,
              .rule = audit::ComplaintRule::kAfterRemoval,
              .reason = "witnesses have a vote with a key of '" + vote->reviewer + "' that the charter has given up",
              .vote = envelope});
  }
}

// Votes on this candidate that witnesses have and the ledger does not: how many it has taken. Once voting is closed,
// one that it did not have by then is a reason to sign nothing.
Result<size_t> TakeVotes(ledger::SubjectLog& log, const Reviewer& auditor, const ProposalHistory& proposal,
                         notices::Heard heard) {
  const charter::Charter& charter = log.charter().charter;
  const charter::Witnesses witnesses = charter.witnesses;
  const int64_t skew = charter.pace.max_clock_skew_s;
  std::set<std::string> voters;
  std::ranges::sort(heard.notices, {}, [](const notices::HeardNotice& one) { return one.received_s.front(); });
  size_t taken = 0;
  for (const notices::HeardNotice& one : heard.notices) {
    const std::string& reviewer = one.notice.vote->reviewer;
    // What no ledger takes was kept back by none: else who signs such a thing keeps everybody from closing, for good.
    if (!audit::ReadLastStep(warrant::ReadVote(one.notice.envelope.payload)->evidence).ok()) continue;
    // Who has two has contradicted itself: the first one that the ledger took counts.
    if (!voters.insert(reviewer).second) continue;
    const auto logged =
        std::ranges::find(proposal.votes, reviewer, [](const audit::LoggedVote& vote) { return vote.vote.reviewer; });
    const bool has_voted = logged != proposal.votes.end();
    if (proposal.closing) {
      // Whoever closed had asked by the statement's time, so that what witnesses had before was kept back, or that
      // auditor lies. What came while it was asking, by clocks that differ, is late and no more.
      const bool counts = has_voted && logged->index < static_cast<uint64_t>(proposal.closing->size);
      if (counts || !WasThereBefore(one, proposal.closing->time - skew, witnesses)) continue;
      const std::string words =
          "witnesses had the vote of '" + reviewer + "' before voting closed, and the log did not have it by then";
      Complain(log, auditor, proposal,
               {.accused = charter.gate.log.name,
                .rule = audit::ComplaintRule::kHeldBack,
                .reason = words,
                .entry = warrant::StatementDigest(proposal.closing_envelope.payload),
                .vote = one.notice.envelope});
      return Refused("audit.held-back", words);
    }
    if (has_voted) continue;
    const Result<bool> appended = AppendHeard(log, one.notice);
    if (!appended.ok()) return appended.error();
    taken += *appended ? 1 : 0;
  }
  return taken;
}

// Why nothing is closed yet; nothing where the witnesses keep nothing that the ledger does not have.
Result<std::optional<std::string>> AskWitnesses(ledger::SubjectLog& log, const Reviewer& reviewer,
                                                const ProposalHistory& proposal) {
  const charter::Charter charter = log.charter().charter;
  if (!reviewer.post || charter.witnesses.all.empty()) return std::optional<std::string>();
  const notices::Heard stops = notices::AskForStops(charter, reviewer.post);
  const Result<size_t> halts = TakeHalts(log, stops);
  if (!halts.ok()) return halts.error();
  if (*halts > 0) return std::optional<std::string>("witnesses had a halt that the ledger did not have; it has it now");
  const notices::Heard votes = notices::AskForVotes(charter, proposal.candidate_digest, reviewer.post);
  NameContradictions(log, reviewer, proposal, votes);
  const Result<size_t> taken = TakeVotes(log, reviewer, proposal, votes);
  if (!taken.ok()) return taken.error();
  if (*taken > 0)
    return std::optional<std::string>("witnesses had votes that the ledger did not have; it has them now");
  // A warrant needs so many of them all the same.
  const size_t answered = std::min(stops.answered, votes.answered);
  if (static_cast<int64_t>(answered) >= charter.witnesses.at_least) return std::optional<std::string>();
  return std::optional<std::string>(std::to_string(answered) + " of the " + std::to_string(charter.witnesses.at_least) +
                                    " witnesses that have to answer do: a halt or a vote could be kept back");
}

Result<encoding::Envelope> SignedClosing(const std::string& payload, const Reviewer& reviewer) {
  const Result<encoding::Signature> signature = reviewer.key.SignPayload(payload, reviewer.record.name);
  if (!signature.ok()) return signature.error();
  return encoding::Envelope{
      .payload_type = std::string(warrant::kPayloadType), .payload = payload, .signatures = {*signature}};
}

ReviewReport Waits(const ProposalHistory& proposal, std::string why) {
  return {proposal.proposal.proposal, ReviewReport::What::kWaiting, {}, std::move(why)};
}

// Whether the statement was appended to the very log that it closes over: a vote that came before it is among its votes
// or it leaves one out. What came later is on the ledger alone (a loader takes the votes that people decided on).
Result<bool> StandsAtItsSize(ledger::SubjectLog& log, const ProposalHistory& proposal) {
  const auto size = static_cast<uint64_t>(proposal.closing->size);
  const Result<std::vector<std::string>> entries = log.ledger().Entries(size, 1);
  if (!entries.ok()) return entries.error();
  if (entries->empty()) return false;
  const Result<encoding::Envelope> envelope = encoding::ParseEnvelope(entries->front());
  if (!envelope.ok() || envelope->payload != proposal.closing_envelope.payload) return false;
  const uint64_t present = log.history().size();
  const Result<std::vector<crypto::Digest>> proof = tlog::InclusionProof(size, present, log.ledger().Hashes());
  if (!proof.ok()) return proof.error();
  return merkle::VerifyInclusion(merkle::LeafHash(entries->front()), size, present, *proof, log.root()).ok();
}

// When the votes below `size` were cast, by what each principal says of its last one; in ascending order. What is voted
// after that is no older than the closing statement.
std::vector<int64_t> WhenVoted(const charter::Charter& charter, const ProposalHistory& proposal, uint64_t size) {
  std::map<std::string, int64_t> last;
  for (const audit::LoggedVote& logged : proposal.votes) {
    const charter::Reviewer* voter = charter.FindReviewer(logged.vote.reviewer);
    if (voter == nullptr || logged.index >= size) continue;
    int64_t& time = last[voter->principal];
    time = std::max(time, logged.vote.time);
  }
  std::vector<int64_t> times;
  for (const auto& [principal, time] : last) times.push_back(time);
  std::ranges::sort(times);
  return times;
}

// Another auditor has closed: say the same if it is what we see.
Result<ReviewReport> Cosign(ledger::SubjectLog& log, const Reviewer& reviewer, const ProposalHistory& proposal) {
  const warrant::Closing& closing = *proposal.closing;
  const auto size = static_cast<uint64_t>(closing.size);
  const bool is_of_the_past = closing.size >= 0 && size <= log.history().size();
  Result<crypto::Digest> root = is_of_the_past ? ledger::PastRoot(log, size) : Result<crypto::Digest>(crypto::Digest{});
  if (!root.ok()) return root.error();
  // A closing statement's time begins waiting periods, so it is neither ahead of this clock nor before the votes that
  // it closes, whose times are those of the reviewers. (One whose clock is ahead of this one still keeps nobody from
  // closing.) One that was overtaken is written anew by a new proposal.
  const int64_t skew = log.charter().charter.pace.max_clock_skew_s;
  const std::vector<int64_t> voted = WhenVoted(log.charter().charter, proposal, size);
  const auto is_before = [&](int64_t time) { return closing.time + skew < std::min(time, reviewer.now_s); };
  const bool is_old = is_before(reviewer.now_s - kCosignWithin_s), is_ahead = closing.time > reviewer.now_s + skew;
  const bool is_before_a_vote = !voted.empty() && is_before(voted.back());
  const Result<bool> in_place = StandsAtItsSize(log, proposal);
  if (!in_place.ok()) return in_place.error();
  const bool is_true =
      *root == closing.root && *in_place && closing.votes == VotesBelow(proposal, size) && closing.open_halts.empty();
  if (!is_true || is_old || is_ahead || is_before_a_vote) {
    const std::string words = "the closing statement is not what this auditor sees in the log, or of another time";
    // That this auditor comes late is nobody's lie; and where one principal alone has voted later, by its own clock,
    // nobody knows whose it is.
    const bool is_before_votes = is_before_a_vote && (voted.size() == 1 || is_before(voted.end()[-2]));
    if (!is_true || (!is_old && (is_ahead || is_before_votes))) {
      for (const encoding::Signature& signature : proposal.closing_envelope.signatures) {
        Complain(log, reviewer, proposal,
                 {.accused = signature.keyid,
                  .rule = audit::ComplaintRule::kClosing,
                  .reason = words,
                  .entry = warrant::StatementDigest(proposal.closing_envelope.payload)});
      }
    }
    return Refused("audit.closing", words);
  }
  const Result<encoding::Envelope> closed = SignedClosing(proposal.closing_envelope.payload, reviewer);
  if (!closed.ok()) return closed.error();
  Result<void> appended = log.Append({*closed});
  if (!appended.ok()) return appended.error();
  return ReviewReport{proposal.proposal.proposal, ReviewReport::What::kCosigned, {}, "closing statement signed"};
}

}  // namespace

Result<ReviewReport> ReviewAsAuditor(ledger::SubjectLog& log, const Reviewer& reviewer,
                                     const ProposalHistory& proposal) {
  const Result<subject::FileDescriptor> lock = LockMemory(reviewer, log.subject());
  if (!lock.ok()) return lock.error();
  if (Result<void> grew = RememberLog(log, reviewer); !grew.ok()) return grew.error();
  Result<std::vector<crypto::Digest>> halts = OpenHalts(log, reviewer);
  if (!halts.ok()) return halts.error();
  if (!halts->empty()) return Waits(proposal, "a halt is open; nothing is closed before people lift it");
  const PaceReport stops = CheckStops(log.history(), proposal.proposal.action);
  if (!stops.allowed) return Waits(proposal, stops.reason);
  if (Result<void> checked = CheckVotes(log, reviewer, proposal); !checked.ok()) return checked.error();
  const int64_t now = std::max(log.history().time(), reviewer.now_s);
  const Result<std::optional<ProposalHistory>> counted = WithoutExpired(log.charter(), proposal, now);
  if (!counted.ok()) return counted.error();
  const QuorumReport quorum = TallyQuorum(log.charter().charter, *counted ? **counted : proposal);
  if (!quorum.met) {
    // All have spoken, and nothing will be closed: who has told witnesses another thing is named all the same.
    if (quorum.missing.empty() && reviewer.post) {
      const charter::Charter charter = log.charter().charter;
      NameContradictions(log, reviewer, proposal,
                         notices::AskForVotes(charter, proposal.candidate_digest, reviewer.post));
    }
    return Waits(proposal, "quorum not met: " + quorum.summary);
  }
  if (reviewer.waiting == Waiting::kForEveryVote && !quorum.missing.empty()) {
    return Waits(proposal, "'" + quorum.missing.front() + "' has not voted");
  }
  const std::vector<encoding::Signature>& closed_by = proposal.closing_envelope.signatures;
  if (proposal.closing &&
      std::ranges::find(closed_by, reviewer.record.name, &encoding::Signature::keyid) != closed_by.end()) {
    return ReviewReport{proposal.proposal.proposal, ReviewReport::What::kNothingToDo, {}, "closed already"};
  }
  const Result<std::optional<std::string>> heard = AskWitnesses(log, reviewer, proposal);
  if (!heard.ok()) return heard.error();
  if (*heard) {
    ReviewReport waits = Waits(proposal, **heard);
    waits.soon = true;
    return waits;
  }
  if (proposal.closing) return Cosign(log, reviewer, proposal);
  const warrant::Closing closing{.about = {.subject = log.subject(), .digest = proposal.candidate->tree},
                                 .candidate = proposal.candidate_digest,
                                 .size = static_cast<int64_t>(log.history().size()),
                                 .root = log.root(),
                                 .votes = VotesBelow(proposal, log.history().size()),
                                 .open_halts = *halts,
                                 .time = now};
  const Result<encoding::Envelope> closed = SignedClosing(warrant::WriteClosing(closing), reviewer);
  if (!closed.ok()) return closed.error();
  Result<void> appended = log.Append({*closed});
  if (!appended.ok()) return appended.error();
  return ReviewReport{proposal.proposal.proposal,
                      ReviewReport::What::kClosed,
                      {},
                      "closed at log size " + std::to_string(closing.size) + ": " + quorum.summary};
}

}  // namespace pawl::oversight
