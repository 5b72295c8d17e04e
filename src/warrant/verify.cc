#include "warrant/verify.h"

#include <algorithm>
#include <optional>
#include <set>
#include <utility>

#include "encoding/base64.h"
#include "encoding/time.h"
#include "merkle/checkpoint.h"
#include "merkle/cosignature.h"
#include "merkle/tlog_proof.h"
#include "warrant/evidence.h"
#include "warrant/property_check.h"
#include "warrant/statements.h"

// Tests build this file once per clause with that clause forced true, to see that some test then fails. Nothing else
// defines the name.
#ifndef PAWL_FORCED_CLAUSE
#define PAWL_FORCED_CLAUSE ""
#endif

namespace pawl::warrant {
namespace {

struct VoteRecord {
  Vote vote;
  Digest digest;
  const encoding::Envelope* envelope = nullptr;
};

// The warrant's parts, parsed, beside the question. Filled by Open; clauses read it and add what later ones need.
struct Examination {
  Examination(const WarrantQuestion& asked, const State& remembered, WarrantVerdict& answer)
      : question(asked), charter(asked.charter->charter), state(remembered), verdict(answer) {}

  const WarrantQuestion& question;
  const charter::Charter& charter;
  const State& state;
  WarrantVerdict& verdict;

  Warrant warrant;
  Candidate candidate;
  Digest candidate_digest;
  std::vector<VoteRecord> votes;
  Closing closing;
  Digest closing_digest;
  Decision decision;
  std::optional<merkle::Checkpoint> commit;  // over which seeds were drawn
  merkle::TlogProof proof;
  merkle::SignedCheckpoint checkpoint;
  std::vector<merkle::Cosignature> cosignatures;
  std::vector<Approver> approvers;
  std::optional<CharterFiles> new_charter;  // amendments
  subject::Manifest tree;                   // releases and rollbacks

  bool restarting() const { return question.purpose == Purpose::kRestart; }
  bool stateless() const { return question.state == nullptr; }
  bool is(Action action) const { return candidate.action == action; }
  int64_t time() const { return verdict.time; }
  // The local clock, which never goes back behind what the state has seen.
  int64_t now() const { return std::max(question.now_s, state.time); }
  // When this loader switches. The log's time is the gate's word and may lie in the past by as much as a checkpoint may
  // be old; what is measured from one switch to the next goes by the loader's clock where it has one.
  int64_t switching_time() const { return question.purpose == Purpose::kSwitch ? std::max(time(), now()) : time(); }
  // When a past release counts from. A link of a chain is compared with other links, whenever this loader caught up.
  int64_t counted_from(const PastRelease& past) const {
    return question.purpose == Purpose::kSwitch ? past.switched : past.time;
  }
};

// What a clause says where it does not hold. Its rule is the name it has in kClauses.
Error No(std::string message, std::string advice = {}) { return Refused("", std::move(message), std::move(advice)); }

// The same of something that could not be read: the kind of failure stays.
Error No(const Error& error) {
  const bool missing = error.code == ErrorCode::kNotFound;
  return {missing ? ErrorCode::kRefused : error.code, "", error.message + " (" + error.rule + ")", error.advice};
}

Result<void> Ok() { return {}; }

std::string Count(size_t have, int64_t need) { return std::to_string(have) + " of " + std::to_string(need); }

// ---- reading

template <typename Part>
Result<void> Take(const encoding::Envelope& envelope, Result<Part> (*read)(std::string_view), Part& part) {
  if (envelope.payload_type != kPayloadType) return Malformed("warrant.payload-type", "not an in-toto statement");
  Result<Part> statement = read(envelope.payload);
  if (!statement.ok()) return statement.error();
  part = *std::move(statement);
  return Ok();
}

Result<void> Open(Examination& x) {
  Result<Warrant> warrant = ReadWarrant(x.question.warrant);
  if (!warrant.ok()) return warrant.error();
  x.warrant = *std::move(warrant);
  x.verdict.warrant = crypto::Sha256(x.question.warrant);
  if (Result<void> taken = Take(x.warrant.candidate, ReadCandidate, x.candidate); !taken.ok()) return taken;
  if (Result<void> taken = Take(x.warrant.closing, ReadClosing, x.closing); !taken.ok()) return taken;
  if (Result<void> taken = Take(x.warrant.decision, ReadDecision, x.decision); !taken.ok()) return taken;
  for (const encoding::Envelope& envelope : x.warrant.votes) {
    VoteRecord& record = x.votes.emplace_back();
    if (Result<void> taken = Take(envelope, ReadVote, record.vote); !taken.ok()) return taken;
    record.digest = StatementDigest(envelope.payload);
    record.envelope = &envelope;
  }
  Result<merkle::TlogProof> proof = merkle::TlogProof::Parse(x.warrant.proof);
  if (!proof.ok()) return proof.error();
  x.proof = *std::move(proof);
  x.candidate_digest = StatementDigest(x.warrant.candidate.payload);
  x.closing_digest = StatementDigest(x.warrant.closing.payload);
  x.verdict.action = x.candidate.action;
  x.verdict.epoch = x.candidate.epoch;
  x.verdict.tree = x.candidate.tree;
  return Ok();
}

// ---- clauses, in the order of kClauses

Result<void> SameSubject(Examination& x) {
  const auto agrees = [&](const std::string& subject, const std::string& resource) {
    return subject == x.state.subject && resource == x.state.resource;
  };
  if (!agrees(x.charter.subject.name, x.charter.subject.resource_uri) ||
      !agrees(x.candidate.about.subject, x.candidate.resource) ||
      !agrees(x.decision.about.subject, x.decision.resource)) {
    return No("the warrant, the charter and this loader are not about the same subject",
              "this loader serves '" + x.state.subject + "' at " + x.state.resource);
  }
  return Ok();
}

Result<void> CurrentCharter(Examination& x) {
  // The live release keeps the charter it was accepted under; the state pins its warrant, and that names the charter.
  const Digest expected = x.restarting() ? x.candidate.charter : x.state.charter;
  const int64_t epoch = x.restarting() ? x.candidate.charter_epoch : x.state.charter_epoch;
  if (x.charter.digest != expected || x.candidate.charter != expected || x.decision.charter != expected ||
      x.candidate.charter_epoch != epoch || x.decision.charter_epoch != epoch ||
      x.charter.gate.log.Text() != x.state.log) {
    return No("this loader is at charter " + x.state.charter.Text() + ", epoch " +
                  std::to_string(x.state.charter_epoch) + "; the warrant was made under another",
              "follow the amendments in between, one at a time");
  }
  return Ok();
}

Result<void> NoHalt(Examination& x) {
  if (!x.question.halts.in_force.empty()) {
    const LocalHalts& halts = x.question.halts;
    return No("halted: " + (halts.reasons.empty() ? halts.in_force.front().Text() : halts.reasons.front()),
              "people lift a halt: pawl resume, signed at the charter's resume threshold");
  }
  return Ok();
}

Result<void> CandidateSignature(Examination& x) {
  if (x.warrant.candidate.signatures.size() == 1 && IsSignedBy(x.warrant.candidate, x.charter.gate.log)) return Ok();
  return No("the candidate statement is not signed by the charter's gate key");
}

Result<void> KnownAction(Examination& x) {
  if (x.candidate.action == x.decision.action) return Ok();  // the reader allows only the three of a proposal
  return No("the decision and the candidate statement are about different actions");
}

Result<void> PartsMatch(Examination& x) {
  std::vector<Digest> votes;
  for (const VoteRecord& record : x.votes) votes.push_back(record.digest);
  const bool sorted = std::is_sorted(votes.begin(), votes.end());
  if (!sorted || x.decision.candidate != x.candidate_digest || x.decision.closing != x.closing_digest ||
      x.decision.votes != votes || x.decision.target != x.candidate.tree || x.decision.epoch != x.candidate.epoch ||
      x.decision.previous != x.candidate.parent_warrant || x.decision.about.digest != x.candidate.tree ||
      x.candidate.about.digest != x.candidate.tree || x.candidate.baseline != x.charter.subject.baseline) {
    return No("the decision that people signed is not about the other parts of this warrant");
  }
  return Ok();
}

Result<void> NextEpoch(Examination& x) {
  if (x.restarting()) {
    const bool live = !x.state.releases.empty() && x.state.releases.back().warrant == x.verdict.warrant &&
                      x.state.releases.back().epoch == x.candidate.epoch && x.state.tree == x.candidate.tree;
    if (live) return Ok();
    return No("this is not the warrant of the live release",
              "the live release's warrant is named in the loader's state");
  }
  if (x.candidate.epoch == x.state.epoch + 1) return Ok();
  return No("epoch " + std::to_string(x.candidate.epoch) + " does not follow " + std::to_string(x.state.epoch),
            x.candidate.epoch > x.state.epoch ? "this loader is behind: give it the warrants in between"
                                              : "an older warrant is never accepted again; roll back instead");
}

Result<void> LiveParent(Examination& x) {
  if (x.restarting()) return Ok();
  if (x.candidate.parent_warrant == x.state.warrant && x.candidate.parent_tree == x.state.tree) return Ok();
  return No("the change starts from something else than what is live");
}

Result<void> VoteSignatures(Examination& x) {
  std::set<std::string> reviewers;
  for (const VoteRecord& record : x.votes) {
    const charter::Reviewer* reviewer = x.charter.FindReviewer(record.vote.reviewer);
    if (reviewer == nullptr) {
      return No("'" + record.vote.reviewer + "' is no reviewer of the charter");
    }
    if (record.vote.role != charter::RoleName(reviewer->role) || record.vote.candidate != x.candidate_digest ||
        record.vote.about.subject != x.state.subject || record.envelope->signatures.size() != 1 ||
        !IsSignedBy(*record.envelope, reviewer->key)) {
      return No("the vote of '" + reviewer->name + "' is not its own signed vote, in its role, on this candidate");
    }
    if (!reviewers.insert(reviewer->name).second) {
      return No("'" + reviewer->name + "' has voted twice");
    }
  }
  return Ok();
}

Result<void> VoteSeeds(Examination& x) {
  for (const VoteRecord& record : x.votes) {
    const charter::Reviewer* reviewer = x.charter.FindReviewer(record.vote.reviewer);
    const bool counts = reviewer != nullptr && reviewer->role == charter::Role::kEvaluator &&
                        record.vote.verdict == VoteVerdict::kFor && x.is(Action::kRelease);
    if (!counts) continue;
    encoding::JsonObject evidence(record.vote.evidence, "evidence");
    const std::string body = evidence.String("checkpoint", 4'096);
    const std::string signature = evidence.Base64("seed_signature");
    evidence.Any("report");
    if (evidence.Has("last_step")) evidence.Any("last_step");
    if (evidence.Has("shares")) evidence.Any("shares");  // read where they decide
    if (Result<void> done = evidence.Finish(); !done.ok()) return done.error();
    Result<merkle::Checkpoint> checkpoint = merkle::Checkpoint::Parse(body);
    if (!checkpoint.ok()) return checkpoint.error();
    if (checkpoint->origin != x.charter.gate.log.name || checkpoint->size >= static_cast<uint64_t>(x.closing.size) ||
        !reviewer->key.key.Verify(SeedMessage(x.candidate_digest, body), signature)) {
      return No("the seeds of '" + reviewer->name + "' do not come from its signature over this commit");
    }
    if (x.commit && !(*x.commit == *checkpoint)) return No("seeds were drawn over two checkpoints of one commit");
    x.commit = std::move(*checkpoint);
  }
  return Ok();
}

// The commit of a release names what its trials run on; where the charter asks for none there is nothing to name.
Result<void> TrialEnvironment(Examination& x) {
  const bool is_untried = x.charter.evaluation.command.empty(), names_trial = x.candidate.environment.has_value();
  if (names_trial != is_untried || !x.is(Action::kRelease)) return Ok();
  return No(names_trial ? "a trial where the charter asks for none" : "no trial, and the charter asks for one");
}

// Whose votes in favour are needed. Rollbacks bring back what passed its trial before, and amendments try and prove
// nothing; auditors say yes by closing.
bool IsNeeded(const Examination& x, charter::Role role) {
  switch (role) {
    case charter::Role::kProver:
      return !x.is(Action::kAmendment);
    case charter::Role::kEvaluator:
    case charter::Role::kCritic:
    case charter::Role::kPeer:
      return x.is(Action::kRelease);
    case charter::Role::kIntegrity:
      return true;
    case charter::Role::kAuditor:
      return false;
  }
  return true;
}

Result<void> Quorum(Examination& x) {
  for (const charter::QuorumRule& rule : x.charter.quorum) {
    std::set<std::string> in_favour, against;
    std::vector<const Vote*> votes;  // in favour
    for (const VoteRecord& record : x.votes) {
      const charter::Reviewer* reviewer = x.charter.FindReviewer(record.vote.reviewer);
      if (reviewer == nullptr || reviewer->role != rule.role) continue;
      if (record.vote.verdict == VoteVerdict::kAgainst) against.insert(reviewer->principal);
      if (record.vote.verdict != VoteVerdict::kFor) continue;
      in_favour.insert(reviewer->principal);
      votes.push_back(&record.vote);
    }
    // A principal whose reviewers disagree stands against.
    for (const std::string& principal : against) in_favour.erase(principal);
    const std::string role(charter::RoleName(rule.role));
    if (static_cast<int64_t>(against.size()) > rule.against_max) {
      return No(std::to_string(against.size()) + " votes against in role " + role + ", at most " +
                std::to_string(rule.against_max) + " allowed");
    }
    if (IsNeeded(x, rule.role) && static_cast<int64_t>(in_favour.size()) < rule.at_least) {
      return No(Count(in_favour.size(), rule.at_least) + " votes for in role " + role);
    }
    if (!rule.faults_max || !IsNeeded(x, rule.role)) continue;
    if (Result<void> shown = CheckShownTogether(votes, *rule.faults_max); !shown.ok()) return No(shown.error());
  }
  return Ok();
}

Result<void> ClosingSignatures(Examination& x) {
  const Result<std::set<std::string>> auditors = VerifyAuditors(x.warrant.closing, x.charter);
  if (!auditors.ok()) return No(auditors.error().message);
  const charter::QuorumRule* rule = x.charter.FindQuorum(charter::Role::kAuditor);
  const int64_t needed = rule == nullptr ? 1 : rule->at_least;
  if (static_cast<int64_t>(auditors->size()) >= needed) return Ok();
  return No(Count(auditors->size(), needed) + " auditors have signed the closing statement");
}

Result<void> ClosingVotes(Examination& x) {
  if (x.closing.candidate == x.candidate_digest && x.closing.votes == x.decision.votes &&
      x.closing.about.subject == x.state.subject) {
    return Ok();
  }
  return No("the auditors saw other votes than this warrant shows", "a vote was left out or added after voting closed");
}

Result<void> ClosingHalts(Examination& x) {
  for (const Digest& halt : x.closing.open_halts) {
    const auto& lifted = x.question.halts.lifted;
    if (!std::binary_search(lifted.begin(), lifted.end(), halt)) {
      return No("the auditors saw a halt that nobody has lifted: " + halt.Text());
    }
  }
  return Ok();
}

Result<void> LogSignature(Examination& x) {
  Result<merkle::SignedCheckpoint> checkpoint = merkle::OpenCheckpoint(x.proof.checkpoint, x.charter.gate.log);
  if (!checkpoint.ok()) return No("the log's checkpoint: " + checkpoint.error().message);
  x.checkpoint = std::move(*checkpoint);
  std::vector<crypto::NoteKey> cosigners;
  for (const charter::Witness& witness : x.charter.witnesses.all) cosigners.push_back(witness.key);
  if (cosigners.empty()) {
    cosigners.push_back(x.charter.gate.clock);
    x.verdict.warnings.push_back("time stated by the gate alone (no witnesses in the charter)");
  }
  Result<std::vector<merkle::Cosignature>> seen = merkle::VerifyCosignatures(x.checkpoint.note, cosigners);
  if (!seen.ok()) return No("the checkpoint's cosignatures: " + seen.error().message);
  if (seen->empty()) return No("the checkpoint says no time: no cosignature by a key that the charter names for it");
  x.cosignatures = std::move(*seen);
  x.verdict.time = merkle::MedianTime(x.cosignatures);
  return Ok();
}

Result<void> Witnessed(Examination& x) {
  const int64_t needed = x.charter.witnesses.at_least;
  if (static_cast<int64_t>(x.cosignatures.size()) >= needed) return Ok();
  return No(Count(x.cosignatures.size(), needed) + " witnesses have cosigned the log's checkpoint",
            "pawl release, when enough of them can be reached");
}

Result<void> LogProof(Examination& x) {
  const std::string entry = encoding::SerializeEnvelope(x.warrant.decision);
  Result<void> included = merkle::VerifyInclusion(merkle::LeafHash(entry), x.proof.index, x.checkpoint.checkpoint.size,
                                                  x.proof.hashes, x.checkpoint.checkpoint.root);
  if (!included.ok()) return No("the decision is not in the log: " + included.error().message);
  if (x.proof.index < static_cast<uint64_t>(x.closing.size)) {
    return No("the decision was logged before voting closed");
  }
  return Ok();
}

// The checkpoint that seeds were drawn over is this log's as it was when the candidate had just been committed: one
// that nobody could choose among many.
Result<void> LogCommit(Examination& x) {
  if (!x.commit) return Ok();
  const merkle::Checkpoint& now = x.checkpoint.checkpoint;
  const Digest leaf = merkle::LeafHash(encoding::SerializeEnvelope(x.warrant.candidate));
  Result<void> last =
      merkle::VerifyInclusion(leaf, x.commit->size - 1, x.commit->size, x.warrant.commit_inclusion, x.commit->root);
  if (!last.ok()) return No("seeds were drawn over a log that does not end with the commit: " + last.error().message);
  Result<void> same =
      merkle::VerifyConsistency(x.commit->size, x.commit->root, now.size, now.root, x.warrant.commit_consistency);
  if (!same.ok()) return No("seeds were drawn over another log: " + same.error().message);
  return Ok();
}

Result<void> LogConsistency(Examination& x) {
  const merkle::Checkpoint& now = x.checkpoint.checkpoint;
  Result<void> closing = merkle::VerifyConsistency(static_cast<uint64_t>(x.closing.size), x.closing.root, now.size,
                                                   now.root, x.warrant.closing_consistency);
  if (!closing.ok()) return No("the log that the auditors closed on: " + closing.error().message);
  if (x.restarting()) return Ok();
  if (x.warrant.previous_size != x.state.checkpoint_size) {
    return No("the warrant's proof starts at size " + std::to_string(x.warrant.previous_size) +
                  ", this loader has seen " + std::to_string(x.state.checkpoint_size),
              "the log was rewritten, or this loader is behind: give it the warrants in between");
  }
  Result<void> since = merkle::VerifyConsistency(x.state.checkpoint_size, x.state.checkpoint_root, now.size, now.root,
                                                 x.warrant.previous_consistency);
  if (!since.ok()) return No("the log that this loader has seen: " + since.error().message);
  return Ok();
}

Result<void> TimeForward(Examination& x) {
  if (x.time() > x.now() + x.charter.pace.max_clock_skew_s) {
    return No("the log's time " + encoding::TimeText(x.time()) + " is ahead of this clock",
              "set the clock, or find out who stamped the log");
  }
  if (!x.restarting() && x.time() < x.state.time) {
    return No("the log's time " + encoding::TimeText(x.time()) + " is before " + encoding::TimeText(x.state.time) +
              ", which this loader has seen");
  }
  // The checkpoint holds what people and auditors signed, so it cannot be older than the times in it.
  for (const int64_t stated : {x.candidate.time, x.closing.time, x.decision.issued}) {
    if (x.time() + x.charter.pace.max_clock_skew_s < stated) {
      return No("the log's time " + encoding::TimeText(x.time()) + " is before " + encoding::TimeText(stated) +
                ", which a statement in it says");
    }
  }
  return Ok();
}

Result<void> NotExpired(Examination& x) {
  const bool runs_too_long = x.decision.expires - x.decision.issued > x.charter.approval.expiry_s;
  const bool passed =
      x.time() > x.decision.expires || (x.question.purpose == Purpose::kSwitch && x.now() > x.decision.expires);
  if (runs_too_long) return No("the decision runs longer than the charter allows");
  if (passed) {
    return No("the decision expired at " + encoding::TimeText(x.decision.expires), "propose and approve it again");
  }
  return Ok();
}

Result<void> Fresh(Examination& x) {
  const bool old = x.now() - x.time() > x.charter.approval.checkpoint_age_max_s;
  if (x.question.purpose != Purpose::kSwitch || !old) return Ok();
  return No("the log's checkpoint is of " + encoding::TimeText(x.time()) + ", too old to switch on",
            "ask the gate for a warrant over a fresh one: pawl release");
}

// Enough distinct people of `charter` have signed. Only an amendment may carry signatures that the charter does not
// know.
Result<void> Reached(Examination& x, const charter::Charter& charter, RollbackTarget target, const char* whose) {
  const encoding::Envelope& decision = x.warrant.decision;
  Result<std::vector<Approver>> approvers =
      VerifyApprovals(x.is(Action::kAmendment) ? ListedApprovals(decision, charter) : decision, charter, x.time());
  if (!approvers.ok()) return approvers.error();
  const int64_t needed = ApprovalsNeeded(charter, x.candidate.action, target);
  if (static_cast<int64_t>(approvers->size()) < needed) {
    return No(Count(approvers->size(), needed) + " people of " + whose + " charter have approved",
              "pawl approve, by each of them");
  }
  x.approvers = std::move(*approvers);
  return Ok();
}

Result<void> NewCharter(Examination& x) {
  if (!x.is(Action::kAmendment)) return Ok();
  Result<CharterFiles> files = ReadCharterFiles(*x.question.store, x.candidate.tree);
  if (!files.ok()) return No(files.error());
  x.new_charter = std::move(*files);
  return Ok();
}

std::vector<LiveTree> LiveTrees(const Examination& x) {
  std::vector<LiveTree> past;
  for (const PastRelease& release : x.state.releases) past.push_back({release.tree, release.action});
  return past;
}

Result<void> Threshold(Examination& x) {
  // Without a state nobody knows what the predecessor is, and at a restart it was known when this loader switched.
  const RollbackTarget target =
      x.restarting() || x.stateless() ? RollbackTarget::kPredecessor : TargetOf(LiveTrees(x), x.candidate.tree);
  if (!x.is(Action::kAmendment)) return Reached(x, x.charter, target, "the");
  if (!x.new_charter) return No("the new charter, whose people have to sign, is not known");
  if (Result<void> old = Reached(x, x.charter, target, "the old"); !old.ok()) return old;
  return Reached(x, x.new_charter->charter, target, "the new");
}

Result<void> Interval(Examination& x) {
  if (x.restarting() || !x.is(Action::kRelease) || x.state.releases.empty()) return Ok();
  const int64_t since = x.switching_time() - x.counted_from(x.state.releases.back());
  if (since >= x.charter.pace.min_interval_s) return Ok();
  return No("only " + std::to_string(since) + " s since the last release, the charter asks for " +
                std::to_string(x.charter.pace.min_interval_s),
            "wait");
}

Result<void> Window(Examination& x) {
  if (x.restarting() || !x.is(Action::kRelease)) return Ok();
  const auto in_window = std::count_if(x.state.releases.begin(), x.state.releases.end(), [&](const PastRelease& past) {
    return x.counted_from(past) > x.switching_time() - x.charter.pace.window_s;
  });
  if (in_window < x.charter.pace.max_releases) return Ok();
  return No(std::to_string(in_window) + " releases in the charter's window already", "wait");
}

Result<void> Waited(Examination& x) {
  if (!x.is(Action::kAmendment)) return Ok();
  // From the auditors' word on, since the candidate statement's time is the gate's alone.
  const int64_t waited = x.switching_time() - std::max(x.candidate.time, x.closing.time);
  if (waited >= x.charter.amendment.waiting_period_s) return Ok();
  return No(std::to_string(waited) + " s since voting on the amendment closed, the charter asks for " +
                std::to_string(x.charter.amendment.waiting_period_s),
            "wait");
}

// What makes the new charter this subject's: an amendment changes the rules, not the subject or its past.
Result<void> SameLineage(Examination& x) {
  if (!x.is(Action::kAmendment) || !x.new_charter) return Ok();
  const charter::Charter& next = x.new_charter->charter;
  if (next.subject.name == x.state.subject && next.subject.resource_uri == x.state.resource &&
      next.subject.baseline == x.charter.subject.baseline && next.gate.log == x.charter.gate.log) {
    return Ok();
  }
  return No("an amendment may not change the subject's name, resource, baseline or log");
}

Result<void> NotRevoked(Examination& x) {
  const auto& revoked = x.charter.revocation.trees;
  if (x.is(Action::kAmendment) || std::find(revoked.begin(), revoked.end(), x.candidate.tree) == revoked.end()) {
    return Ok();
  }
  return No("the charter has revoked this tree", "nothing brings it back but another amendment");
}

Result<void> KnownTarget(Examination& x) {
  const bool known = std::any_of(x.state.releases.begin(), x.state.releases.end(),
                                 [&](const PastRelease& past) { return past.tree == x.candidate.tree; });
  if (known || !x.is(Action::kRollback)) return Ok();
  return No("this tree has never been live here");
}

Result<void> TreeBytes(Examination& x) {
  if (x.is(Action::kAmendment)) return Ok();
  Result<subject::Manifest> manifest = x.question.store->ReadManifest(x.candidate.tree);
  if (!manifest.ok()) return No(manifest.error());
  for (const subject::FileEntry& file : manifest->files) {
    Result<std::string> bytes = x.question.store->ReadBlob(file.digest, subject::kFileBytesMax);
    if (!bytes.ok()) return No(bytes.error());
  }
  x.tree = std::move(*manifest);
  return Ok();
}

Result<void> WithinLimits(const Examination& x) {
  const subject::TreeLimits& limits = x.charter.subject.limits;
  uint64_t bytes = 0, largest = 0;
  for (const subject::FileEntry& file : x.tree.files) {
    bytes += file.size;
    largest = std::max(largest, file.size);
  }
  if (x.tree.files.size() <= limits.files_max && bytes <= limits.bytes_max && largest <= limits.file_bytes_max) {
    return Ok();
  }
  return No("the tree has more files or bytes than the charter allows");
}

Result<void> Surface(Examination& x) {
  if (x.restarting() || !x.is(Action::kRelease)) return Ok();
  if (!x.state.tree) {
    if (x.candidate.tree == x.charter.subject.baseline) return Ok();
    return No("the first release must be the charter's baseline");
  }
  if (Result<void> fits = WithinLimits(x); !fits.ok()) return fits;
  Result<subject::Manifest> parent = x.question.store->ReadManifest(*x.state.tree);
  if (!parent.ok()) return No(parent.error());
  Result<subject::SurfaceReport> report =
      subject::CheckSurface(x.charter.SurfaceRules(), *parent, x.tree, x.question.store->Reader());
  if (!report.ok()) return No(report.error());
  for (const subject::SurfaceFinding& finding : report->findings) {
    if (!finding.allowed) {
      return No(finding.change.path + ": " + finding.reason + " (" + finding.rule + ")");
    }
  }
  return Ok();
}

enum class ProofOf { kProperty, kEnvelope, kDrift };

// The certificates of all properties, whether the charter lets each of them be that of another network, or those of
// drift, which stand behind them.
Result<void> CertificatesHold(Examination& x, ProofOf of) {
  if (x.restarting() || x.is(Action::kAmendment)) return Ok();
  const Result<std::vector<RequiredProof>> required = RequiredProofs(x.charter, x.tree, *x.question.store);
  if (!required.ok()) return No(required.error());
  const std::vector<CertificateReference>& named = x.candidate.certificates;
  for (size_t i = 0; i < required->size(); ++i) {
    const RequiredProof& proof = (*required)[i];
    if (proof.baseline.has_value() != (of == ProofOf::kDrift)) continue;
    const std::string what = "'" + proof.property->name + "': ";
    if (i >= named.size()) return No(what + "no certificate is named");
    if (of == ProofOf::kEnvelope) {
      const Result<void> allowed = EnvelopeAllowed(x.charter, proof, named[i], LiveTrees(x), *x.question.store);
      if (!allowed.ok()) return No(what + allowed.error().message);
      continue;
    }
    const Result<checker::Verdict> verdict =
        CheckRequiredProof(proof, named[i], *x.question.charter, *x.question.store, x.question.threads);
    if (!verdict.ok()) return No(verdict.error());
    if (!verdict->proven) return No(what + verdict->reason.message);
  }
  if (of != ProofOf::kDrift || named.size() == required->size()) return Ok();
  return No(Count(named.size(), static_cast<int64_t>(required->size())) + " certificates are named");
}

Result<void> Certificates(Examination& x) { return CertificatesHold(x, ProofOf::kProperty); }
Result<void> Envelopes(Examination& x) { return CertificatesHold(x, ProofOf::kEnvelope); }
Result<void> DriftCertificates(Examination& x) { return CertificatesHold(x, ProofOf::kDrift); }

// Whether a clause can be asked without a loader's state: those that say whether signatures and parts fit together.
enum class Asked { kAlways, kWithState };

struct Clause {
  std::string_view rule;
  Result<void> (*holds)(Examination&);
  Asked asked;
};

constexpr Clause kClauses[] = {
    {"state.other-subject", SameSubject, Asked::kAlways},
    {"charter.not-current", CurrentCharter, Asked::kAlways},
    {"halt.in-force", NoHalt, Asked::kWithState},
    {"warrant.candidate-signature", CandidateSignature, Asked::kAlways},
    {"warrant.action", KnownAction, Asked::kAlways},
    {"warrant.mismatch", PartsMatch, Asked::kAlways},
    {"warrant.epoch", NextEpoch, Asked::kWithState},
    {"warrant.parent", LiveParent, Asked::kWithState},
    {"vote.signature", VoteSignatures, Asked::kAlways},
    {"warrant.trial", TrialEnvironment, Asked::kAlways},
    {"vote.seeds", VoteSeeds, Asked::kAlways},
    {"quorum.not-met", Quorum, Asked::kAlways},
    {"closing.signature", ClosingSignatures, Asked::kAlways},
    {"closing.votes", ClosingVotes, Asked::kAlways},
    {"closing.open-halt", ClosingHalts, Asked::kWithState},
    {"log.signature", LogSignature, Asked::kAlways},
    {"log.witnesses", Witnessed, Asked::kAlways},
    {"log.proof", LogProof, Asked::kAlways},
    {"log.consistency", LogConsistency, Asked::kWithState},
    {"log.commit", LogCommit, Asked::kAlways},
    {"time.backwards", TimeForward, Asked::kWithState},
    {"time.expired", NotExpired, Asked::kWithState},
    {"time.stale", Fresh, Asked::kWithState},
    {"amendment.charter", NewCharter, Asked::kAlways},
    {"approval.threshold", Threshold, Asked::kAlways},  // after the log's time, by which keys are in force or not
    {"pace.interval", Interval, Asked::kWithState},
    {"pace.window", Window, Asked::kWithState},
    {"amendment.waiting", Waited, Asked::kWithState},
    {"amendment.lineage", SameLineage, Asked::kWithState},
    {"tree.revoked", NotRevoked, Asked::kWithState},
    {"rollback.target", KnownTarget, Asked::kWithState},
    {"tree.bytes", TreeBytes, Asked::kWithState},
    {"surface.refused", Surface, Asked::kWithState},
    {"property.certificate", Certificates, Asked::kWithState},
    {"property.envelope", Envelopes, Asked::kWithState},
    {"drift.certificate", DriftCertificates, Asked::kWithState},
};

State StateAfter(const Examination& x) {
  State next = x.state;
  if (x.restarting()) return next;
  next.epoch = x.candidate.epoch;
  next.warrant = x.verdict.warrant;
  next.checkpoint_size = x.checkpoint.checkpoint.size;
  next.checkpoint_root = x.checkpoint.checkpoint.root;
  next.time = std::max(next.time, x.time());
  next.lifted = x.question.halts.lifted;
  if (x.is(Action::kAmendment)) {
    next.charter = x.candidate.tree;
    next.charter_epoch += 1;
    return next;
  }
  next.tree = x.candidate.tree;
  next.releases.push_back({.epoch = x.candidate.epoch,
                           .tree = x.candidate.tree,
                           .time = x.time(),
                           .switched = x.switching_time(),
                           .warrant = x.verdict.warrant,
                           .action = x.candidate.action});
  if (next.releases.size() > kPastReleasesMax) next.releases.erase(next.releases.begin());
  return next;
}

void AddWarnings(Examination& x) {
  for (const Approver& approver : x.approvers) {
    x.verdict.approvers.push_back(approver.principal);
    if (!approver.presence_proven) {
      x.verdict.warnings.push_back("no human presence proven: '" + approver.principal + "' signed with a software key");
    }
  }
  if (x.charter.assurance == charter::Assurance::kSingleOperator) {
    x.verdict.warnings.push_back("single operator: one person answers for every reviewer and every approval");
  }
  if (x.charter.evaluation.command.empty()) x.verdict.warnings.push_back("no trial: the charter has no evaluation");
}

// Without a state there is nothing to decide; what can be said is whether the signatures hold.
State StatelessStandIn(const Examination& x) {
  State state;
  state.subject = x.charter.subject.name;
  state.resource = x.charter.subject.resource_uri;
  state.charter = x.charter.digest;
  state.charter_epoch = x.candidate.charter_epoch;
  state.log = x.charter.gate.log.Text();
  return state;
}

Error InTheNameOf(const Clause& clause, Error error) {
  if (error.rule.empty()) error.rule = clause.rule;
  return error;
}

bool IsForced(std::string_view rule) { return rule == std::string_view(PAWL_FORCED_CLAUSE); }

}  // namespace

WarrantVerdict VerifyWarrant(const WarrantQuestion& question) {
  WarrantVerdict verdict;
  State stand_in;
  Examination x(question, question.state != nullptr ? *question.state : stand_in, verdict);
  const auto examine = [&]() -> Result<void> {
    if (Result<void> opened = Open(x); !opened.ok()) return opened;
    if (x.stateless()) stand_in = StatelessStandIn(x);
    for (const Clause& clause : kClauses) {
      if (x.stateless() && clause.asked == Asked::kWithState) continue;
      const Result<void> held = clause.holds(x);
      if (!held.ok() && !IsForced(clause.rule)) return InTheNameOf(clause, held.error());
      verdict.clauses.emplace_back(clause.rule);
    }
    AddWarnings(x);
    if (!x.stateless()) return Ok();
    return Error{ErrorCode::kPending, "state.missing",
                 "not a decision: without a loader state only signatures were checked",
                 "give --state; lost state is made again by people: pawl-check state init"};
  };
  if (const Result<void> examined = examine(); !examined.ok()) {
    verdict.reason = examined.error();
    return verdict;
  }
  verdict.next = StateAfter(x);
  verdict.accepted = !x.stateless();
  return verdict;
}

std::vector<std::string_view> ClauseNames() {
  std::vector<std::string_view> names;
  for (const Clause& clause : kClauses) names.push_back(clause.rule);
  return names;
}

std::string SeedMessage(const Digest& candidate, std::string_view checkpoint_body) {
  return "pawl/trial-seeds/v1\n" + candidate.Text() + "\n" + std::string(checkpoint_body);
}

}  // namespace pawl::warrant
