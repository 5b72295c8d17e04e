#include "work/asker.h"

#include <time.h>

#include <algorithm>
#include <chrono>
#include <future>
#include <optional>
#include <thread>

#include "prover/checkpoint.h"
#include "prover/parts.h"
#include "work/part_answer.h"
#include "work/queue.h"

namespace pawl::work {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

constexpr milliseconds kLookForAnswers{250}, kTryAgain{500}, kSignOfLife{5'000}, kShowProgress{250};
constexpr milliseconds kServerGoneMax{60'000};
// How long a part may be held without an answer, lease or not; and how long its answer may take to be checked.
constexpr int64_t kHeldParts = 3, kHeldMore_ms = 30'000;
// Into which a part is divided that a worker came no further with.
constexpr size_t kDivideFurther = 8;
// Of the whole's check, where leaves of the first search were refused.
constexpr int kRoundsMax = 20;
// Answers that prove less than they leave open or take too long to check, one after the other, until a worker is not
// asked any more.
constexpr int kNothingMax = 10;

double SecondsSince(steady_clock::time_point start) {
  return std::chrono::duration<double>(steady_clock::now() - start).count();
}

double ThreadSeconds() {
  timespec time = {};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) + 1e-9 * static_cast<double>(time.tv_nsec);
}

class Asker {
 public:
  Asker(const prover::ProofRequest& request, const AskedFiles& files, const AskOptions& options, AskReport& report)
      : request_(request), files_(files), options_(options), report_(report), start_(steady_clock::now()) {
    for (const crypto::NoteKey& key : options.enrolled) enrolled_.emplace(key.name, key);
  }

  Result<prover::ProofResult> Run() {
    // What is not shared out is said before anything is searched.
    if (Result<prover::SharedProof> can = prover::SharedProof::Begin(request_, nullptr); !can.ok()) return can.error();
    prover::ProofRequest alone = request_;
    alone.keep_checkpoint = true;
    alone.timeout_ms = static_cast<uint64_t>(options_.alone_s * 1'000);
    if (request_.timeout_ms > 0) alone.timeout_ms = std::min(alone.timeout_ms, request_.timeout_ms);
    std::optional<prover::Checkpoint> begun;
    if (alone.timeout_ms > 0) {
      prover::ProofResult found = prover::Prove(alone);
      report_.alone_seconds = SecondsSince(start_);
      if (found.reason != prover::UnknownReason::kTimeout || Over()) return Ended(std::move(found));
      if (!found.checkpoint.empty()) {
        Result<prover::Checkpoint> read = prover::ReadCheckpoint(found.checkpoint, request_);
        if (!read.ok()) return read.error();
        begun = std::move(*read);
      }
    }
    const prover::Checkpoint* from = begun ? &*begun : request_.resume;
    Result<prover::SharedProof> proof = prover::SharedProof::Begin(request_, from);
    if (!proof.ok()) return proof.error();
    proof_.emplace(std::move(*proof));
    return Share();
  }

 private:
  struct OpenPart {
    prover::Part part;
    int64_t from = -1;
  };
  struct Checked {
    int64_t number = 0;
    std::string signer, signer_key;  // name and key as text; empty: no enrolled worker's
    std::optional<Answer> answer;
    std::optional<prover::CheckedPart> checked;
    std::optional<prover::Counterexample> counterexample;
    std::string wrong;  // what the signer is shut out for; empty: nothing
    std::string answer_bytes, signature;
    double seconds = 0;
  };

  Result<prover::ProofResult> Share() {
    const steady_clock::time_point division_start = steady_clock::now();
    prover::SharedProof::Division division = proof_->Divide(options_.parts_min);
    report_.divide_seconds = SecondsSince(division_start);
    if (division.ended) return Ended(std::move(*division.ended));
    if (division.parts.empty()) {
      prover::ProofResult whole = proof_->Finish(prover::UnknownReason::kStuck);
      if (!proof_->HasReopened()) return Ended(std::move(whole));
      division = proof_->Divide(options_.parts_min);
      if (division.ended) return Ended(std::move(*division.ended));
    }
    Result<Queue> queue = OpenToAsk(options_.url, enrolled_, report_.shut_out);
    if (!queue.ok()) return queue.error();
    queue_.emplace(std::move(*queue));
    Result<std::string> id = NewJobId();
    if (!id.ok()) return id.error();
    job_ = std::move(*id);
    Job job{.id = job_, .kind = kProofKind, .claim = {}, .files = {files_.network, files_.property}, .enrolled = {}};
    Claim claim{.arithmetic = request_.arithmetic, .network = {}, .property = {}, .radii = request_.radii};
    claim.network.bytes = request_.network_digest;
    claim.property.bytes = request_.property_digest;
    claim.part_ms = options_.part_ms;
    job.claim = claim_ = WriteClaim(claim);
    for (const auto& [name, key] : enrolled_) job.enrolled.push_back(key.Text());
    report_.shared = true;
    const steady_clock::time_point shared_start = steady_clock::now();
    if (Result<void> there = queue_->Begin(job); !there.ok()) return there.error();
    Result<prover::ProofResult> result = [&]() -> Result<prover::ProofResult> {
      for (int round = 0;; ++round) {
        if (Result<void> there = Add(std::move(division.parts), -1); !there.ok()) return there.error();
        Result<prover::ProofResult> whole = Wait();
        if (!whole.ok() || !proof_->HasReopened() || round == kRoundsMax) return whole;
        division = proof_->Divide(1);
        if (division.ended) return Ended(std::move(*division.ended));
      }
    }();
    report_.shared_seconds = SecondsSince(shared_start);
    // Where it does not go, it goes after an hour of silence.
    if (Result<void> ended = queue_->End(job_); !ended.ok() && options_.says) options_.says(ended.error().message);
    return result;
  }

  Result<prover::ProofResult> Wait() {
    steady_clock::time_point next_sign = steady_clock::now() + kSignOfLife, next_line = steady_clock::now();
    steady_clock::time_point reached = heard_ = steady_clock::now();
    if (ended_) return Ended(std::move(*ended_));
    while (!open_.empty()) {
      if (request_.cancel.stop_requested()) return Ended(proof_->Finish(prover::UnknownReason::kCancelled));
      if (Over()) return Ended(proof_->Finish(prover::UnknownReason::kTimeout));
      if (enrolled_.empty()) {
        return Refused("work.no-worker", "every enrolled worker is shut out",
                       "see why with `pawl work list`, let one in again with `pawl work readmit`, or enrol others with "
                       "--worker-keys");
      }
      if (options_.silence_ms > 0 && steady_clock::now() - heard_ > milliseconds(options_.silence_ms)) {
        return Refused("work.silent",
                       "no worker has proven anything for " + std::to_string(options_.silence_ms / 1'000) + " s",
                       "see with `pawl work list` who works");
      }
      if (steady_clock::now() >= next_line) {
        Show();
        next_line = steady_clock::now() + kShowProgress;
      }
      Result<bool> any = TakeAnswers();
      if (any.ok() && steady_clock::now() >= next_sign) {
        next_sign = steady_clock::now() + kSignOfLife;
        Result<void> alive = queue_->KeepAlive(job_);
        if (alive.ok()) alive = TakeFromHolders();
        if (!alive.ok()) any = alive.error();
      }
      if (ended_) return Ended(std::move(*ended_));
      if (any.ok()) {
        reached = steady_clock::now();
        if (!*any) queue_->AwaitChange(static_cast<int>(kLookForAnswers.count()));
        continue;
      }
      if (any.error().code != ErrorCode::kSystem || steady_clock::now() - reached > kServerGoneMax) return any.error();
      std::this_thread::sleep_for(kTryAgain);
    }
    return Ended(proof_->Finish(prover::UnknownReason::kStuck));
  }

  // Those that are there now; false where there are none.
  Result<bool> TakeAnswers() {
    if (Result<void> sent = Add({}, -1); !sent.ok()) return sent.error();
    Result<std::vector<AnsweredPart>> answers = queue_->Answers(job_, std::max(1u, request_.threads));
    if (!answers.ok()) return answers.error();
    std::vector<std::future<Checked>> checks;
    for (const AnsweredPart& answer : *answers) {
      if (open_.contains(answer.part)) {
        checks.push_back(std::async(std::launch::async, [this, &answer] { return Check(answer); }));
      } else if (Result<void> removed = queue_->Remove(job_, answer.part); !removed.ok()) {
        return removed.error();  // taken before, when its row could not be removed
      }
    }
    std::vector<Checked> checked;
    for (std::future<Checked>& check : checks) checked.push_back(check.get());
    for (Checked& one : checked) {
      if (ended_) break;
      if (Result<void> settled = Settle(std::move(one)); !settled.ok()) return settled.error();
    }
    return !answers->empty();
  }

  // Who holds what is the database's word, for which nobody is shut out.
  Result<void> TakeFromHolders() {
    const Result<std::vector<std::string>> holders = queue_->TakeFromHolders(job_, HeldMax());
    if (!holders.ok()) return holders.error();
    for (const std::string& holder : *holders) {
      const std::string name = holder.substr(0, holder.find('+'));
      ++report_.held_too_long[name];
      if (options_.says) {
        options_.says("by the queue's word '" + name + "' has held a part for more than " +
                      std::to_string(HeldMax() / 1'000) + " s without an answer: it goes to another");
      }
    }
    return {};
  }

  // Reads what others share alone.
  Checked Check(const AnsweredPart& received) const {
    const double start_s = ThreadSeconds();
    Checked one;
    one.number = received.part;
    const Result<crypto::NoteKey> signer = SignerOf(AnswerKind::kProof, received.answer, received.signature, enrolled_);
    if (!signer.ok()) return one;
    one.signer = signer->name;
    one.signer_key = signer->Text();
    one.answer_bytes = received.answer;
    one.signature = received.signature;
    Result<Answer> answer = ReadAnswer(received.answer);
    if (!answer.ok()) {
      one.wrong = answer.error().message;
      return one;
    }
    const prover::Part& part = open_.at(received.part).part;
    if (answer->job != job_ || answer->part != received.part ||
        answer->asked != AskedDigest(claim_, WriteQuestion(part))) {
      one.signer.clear();  // somebody has moved the answer, or changed the question
      return one;
    }
    const prover::PartAnswer& found = answer->found;
    if (found.kind == prover::PartAnswer::Kind::kTree) {
      const steady_clock::time_point late = steady_clock::now() + milliseconds(HeldMax());
      Result<prover::CheckedPart> checked = proof_->Check(part, found.tree, [this, late] {
        return request_.cancel.stop_requested() || Over() || steady_clock::now() >= late;
      });
      if (checked.ok())
        one.checked = std::move(*checked);
      else if (checked.error().code != ErrorCode::kPending)
        one.wrong = checked.error().message;
    } else if (found.kind == prover::PartAnswer::Kind::kViolated) {
      one.counterexample = proof_->Confirm(found.inputs);
      if (!one.counterexample) one.wrong = "a counterexample that is none";
    }
    one.answer = std::move(*answer);
    one.seconds = ThreadSeconds() - start_s;
    return one;
  }

  Result<void> Settle(Checked one) {
    if (one.signer.empty()) {
      ++report_.unsigned_answers;
      return queue_->PutBack(job_, one.number);
    }
    // Of one that was shut out a moment ago nothing is taken.
    if (!enrolled_.contains(one.signer)) return queue_->PutBack(job_, one.number);
    if (!one.wrong.empty()) return ShutOut(one, one.wrong);
    switch (one.answer->found.kind) {
      case prover::PartAnswer::Kind::kViolated:
        ended_ = Violated(*std::move(one.counterexample));
        return {};
      case prover::PartAnswer::Kind::kStuck:
        return TryStuck(one);
      case prover::PartAnswer::Kind::kTree:
        break;
    }
    return Take(std::move(one));
  }

  Result<void> Take(Checked one) {
    const OpenPart open = open_.at(one.number);
    if (!one.checked) {  // the check was given up, for its own sake or because there is no time any more
      if (request_.cancel.stop_requested() || Over()) return {};
      return Divide(one, open.part, ++nothing_[one.signer]);
    }
    const bool is_little = one.checked->leaves < one.checked->open;
    const int nothing = is_little ? ++nothing_[one.signer] : (nothing_[one.signer] = 0);
    report_.parts.push_back({.part = one.number,
                             .from = open.from,
                             .depth = open.part.depth,
                             .seconds = one.answer->found.seconds,
                             .check_seconds = one.seconds,
                             .leaves = one.checked->leaves,
                             .worker = one.signer});
    leaves_ += one.checked->leaves;
    heard_ = steady_clock::now();
    if (is_little) return Divide(one, open.part, nothing);
    Result<std::vector<prover::Part>> rest = proof_->Take(open.part, std::move(*one.checked));
    if (!rest.ok()) return rest.error();
    return Replace(one.number, std::move(*rest));
  }

  // A part of which hardly anything was proven: it is taken apart here, so that it gets easier whatever workers do.
  Result<void> Divide(const Checked& one, const prover::Part& part, int nothing) {
    // A machine that is merely slow does no harm elsewhere.
    if (nothing >= kNothingMax && enrolled_.contains(one.signer)) {
      Name(one, "it has proven next to nothing of its last " + std::to_string(nothing) + " parts; of this proof alone");
      if (Result<void> no_more = queue_->AskNoMore(job_, one.signer_key); !no_more.ok()) return no_more;
    }
    prover::SharedProof::Division division = proof_->DivideFurther(part, kDivideFurther);
    if (division.ended) {
      ended_ = std::move(*division.ended);
      return {};
    }
    return Replace(one.number, std::move(division.parts));
  }

  // Whether a box can be split no further is for us to see.
  Result<void> TryStuck(const Checked& one) {
    prover::PartProver prover(request_);
    const prover::Part& part = open_.at(one.number).part;
    const Result<prover::PartAnswer> found = prover.Prove(
        part, {.timeout_ms = static_cast<uint64_t>(options_.part_ms), .cancel = request_.cancel, .progress = {}});
    if (!found.ok()) return found.error();
    if (found->kind == prover::PartAnswer::Kind::kStuck) {
      ended_ = proof_->Finish(prover::UnknownReason::kStuck);
      ended_->detail = "a box can be split no further, and is neither proven nor violated";
      return {};
    }
    if (found->kind == prover::PartAnswer::Kind::kViolated) {
      if (std::optional<prover::Counterexample> confirmed = proof_->Confirm(found->inputs)) {
        ended_ = Violated(*std::move(confirmed));
        return {};
      }
      return Divide(one, part, ++nothing_[one.signer]);
    }
    if (found->open == 0) return ShutOut(one, "it says of a box that it cannot be proven, and it can");
    return Divide(one, part, ++nothing_[one.signer]);
  }

  Result<void> ShutOut(const Checked& one, const std::string& why) {
    Name(one, why);
    const Evidence evidence{.claim = claim_,
                            .question = WriteQuestion(open_.at(one.number).part),
                            .answer = one.answer_bytes,
                            .signature = one.signature};
    if (Result<void> shut = queue_->ShutOut(one.signer_key, why, evidence); !shut.ok()) return shut;
    return queue_->PutBack(job_, one.number);
  }

  void Name(const Checked& one, const std::string& why) {
    report_.shut_out.emplace(one.signer, why);
    enrolled_.erase(one.signer);
    if (options_.says) options_.says("'" + one.signer + "' is shut out: " + why);
  }

  static prover::ProofResult Violated(prover::Counterexample counterexample) {
    prover::ProofResult result;
    result.status = prover::ProofStatus::kViolated;
    result.counterexample = std::move(counterexample);
    return result;
  }

  // What is left of a part takes its place. Rows first: a part that nobody waits for costs nothing.
  Result<void> Replace(int64_t number, std::vector<prover::Part> rest) {
    open_.erase(number);
    if (Result<void> added = Add(std::move(rest), number); !added.ok()) return added;
    return queue_->Remove(job_, number);
  }

  Result<void> Add(std::vector<prover::Part> parts, int64_t from) {
    // A worker may leave a thousand boxes open of each that it is given.
    if (parts.size() > options_.open_max - std::min(options_.open_max, open_.size())) {
      ended_ = proof_->Finish(prover::UnknownReason::kMemory);
      ended_->detail = "more than " + std::to_string(options_.open_max) + " parts are open";
      return {};
    }
    for (prover::Part& part : parts) {
      unsent_.push_back({next_part_, part.depth, WriteQuestion(part)});
      open_.emplace(next_part_++, OpenPart{std::move(part), from});
    }
    if (unsent_.empty()) return {};
    // Where it fails they go with the next ones; a row that is there already is left as it is.
    Result<void> added = queue_->Add(job_, unsent_);
    if (added.ok()) unsent_.clear();
    return added;
  }

  int64_t HeldMax() const { return kHeldParts * options_.part_ms + kHeldMore_ms; }
  bool Over() const {
    return request_.timeout_ms > 0 && steady_clock::now() >= start_ + milliseconds(request_.timeout_ms);
  }

  void Show() const {
    if (!options_.progress) return;
    std::map<std::string, int> workers;
    for (const PartRecord& part : report_.parts) ++workers[part.worker];
    options_.progress({.seconds = SecondsSince(start_),
                       .open = open_.size(),
                       .answers = report_.parts.size(),
                       .leaves = leaves_,
                       .workers = workers.size()});
  }

  prover::ProofResult Ended(prover::ProofResult result) const {
    result.statistics.seconds = SecondsSince(start_);
    return result;
  }

  const prover::ProofRequest& request_;
  const AskedFiles& files_;
  const AskOptions& options_;
  AskReport& report_;
  const steady_clock::time_point start_;
  std::optional<prover::SharedProof> proof_;
  std::optional<Queue> queue_;
  std::string job_, claim_;
  std::map<std::string, crypto::NoteKey> enrolled_;  // and not shut out
  std::map<std::string, int> nothing_;               // answers in a row that prove little
  std::map<int64_t, OpenPart> open_;
  std::vector<NewPart> unsent_;
  int64_t next_part_ = 0;
  uint64_t leaves_ = 0;
  std::optional<prover::ProofResult> ended_;
  steady_clock::time_point heard_;  // when an answer held
};

}  // namespace

Result<prover::ProofResult> ProveWithWorkers(const prover::ProofRequest& request, const AskedFiles& files,
                                             const AskOptions& options, AskReport& report) {
  return Asker(request, files, options, report).Run();
}

HelpedSearch ProveWithHelp(const prover::ProofRequest& request, const AskedFiles& files, const WorkerShare& share,
                           const ProveHere& prove_here, const std::function<void(const std::string&)>& says,
                           int64_t silence_ms) {
  // What is not shared out is not broken off either.
  if (Result<prover::SharedProof> can = prover::SharedProof::Begin(request, nullptr); !can.ok()) {
    says(can.error().message);
    return {prove_here(request), 0};
  }
  const auto alone_ms = std::min(request.timeout_ms, static_cast<uint64_t>(share.alone_s * 1'000));
  prover::ProofRequest rest = request;
  std::optional<prover::Checkpoint> begun;
  if (alone_ms > 0) {
    prover::ProofRequest alone = request;
    alone.timeout_ms = alone_ms;
    alone.keep_checkpoint = true;
    prover::ProofResult here = prove_here(alone);
    if (here.reason != prover::UnknownReason::kTimeout || alone_ms == request.timeout_ms) return {std::move(here), 0};
    Result<prover::Checkpoint> read = prover::ReadCheckpoint(here.checkpoint, request);
    if (read.ok()) rest.resume = &begun.emplace(*std::move(read));
  }
  rest.timeout_ms = request.timeout_ms - alone_ms;
  AskOptions ask;
  ask.url = share.url;
  ask.enrolled = share.enrolled;
  ask.alone_s = 0;
  ask.silence_ms = silence_ms;
  ask.says = says;
  AskReport report;
  Result<prover::ProofResult> shared = ProveWithWorkers(rest, files, ask, report);
  if (shared.ok() && shared->status != prover::ProofStatus::kUnknown) return {*std::move(shared), report.parts.size()};
  says("workers have not answered, and it is searched here: " +
       (shared.ok() ? shared->detail : shared.error().message));
  // From where it got to here: what workers have made of it since may be as hard as they like.
  return {prover::Prove(rest), 0};
}

}  // namespace pawl::work
