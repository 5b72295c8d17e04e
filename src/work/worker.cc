#include "work/worker.h"

#include <algorithm>
#include <chrono>
#include <future>
#include <memory>
#include <optional>
#include <thread>
#include <utility>
#include <vector>

#include "encoding/hex.h"
#include "model/network.h"
#include "model/property.h"
#include "prover/parts.h"
#include "storage/named_file.h"
#include "work/part_answer.h"
#include "work/queue.h"
#include "work/trial_at_work.h"
#include "work/trial_batch.h"

namespace pawl::work {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

// Woken or not; also for leases that have run out.
constexpr milliseconds kLookForWork{500}, kSleepStep{100};
constexpr milliseconds kBackOffMin_worker{500}, kBackOffMax_worker{30'000};

// A proof as it is worked on: read once, for all of its parts that come here.
struct JobAtWork {
  std::string id, claim_text;
  Claim claim;
  model::Network network;
  model::Property property;
  prover::ProofRequest request;
  std::optional<prover::PartProver> prover;
};

Result<std::unique_ptr<JobAtWork>> ReadProof(Queue& queue, const std::string& id, const Job& job,
                                             const WorkOptions& options) {
  Result<Claim> claim = ReadClaim(job.claim);
  if (!claim.ok()) return claim.error();
  const Result<std::string> network_bytes = queue.ReadFile(id, claim->network, kFileBytesMax);
  if (!network_bytes.ok()) return network_bytes.error();
  Result<model::Network> network = model::ReadOnnx(storage::AsBytes(*network_bytes), model::NetworkLimits());
  if (!network.ok()) return network.error();
  const Result<std::string> property_bytes = queue.ReadFile(id, claim->property, kFileBytesMax);
  if (!property_bytes.ok()) return property_bytes.error();
  Result<model::Property> property = model::ReadVnnlib(*property_bytes, model::PropertyLimits());
  if (!property.ok()) return property.error();
  if (Result<void> fits = model::CheckFits(*network, *property); !fits.ok()) return fits.error();
  auto work = std::make_unique<JobAtWork>();
  work->id = id;
  work->claim_text = job.claim;
  work->claim = std::move(*claim);
  work->network = std::move(*network);
  work->property = std::move(*property);
  work->request.network = &work->network;
  work->request.property = &work->property;
  work->request.network_digest = work->claim.network.bytes;
  work->request.property_digest = work->claim.property.bytes;
  work->request.arithmetic = work->claim.arithmetic;
  work->request.radii = work->claim.radii;
  work->request.threads = options.threads;
  work->request.memory_mib_max = options.memory_mib;
  work->prover.emplace(work->request);
  return work;
}

// What may pass by itself.
bool WorkMayPass(const Error& error) { return error.code == ErrorCode::kSystem || error.code == ErrorCode::kPending; }

std::vector<std::string> KindsOf(const WorkOptions& options) {
  std::vector<std::string> kinds;
  if (options.proofs) kinds.push_back(kProofKind);
  for (const crypto::Digest& charter : options.charters) kinds.push_back(TrialKindOf(charter));
  return kinds;
}

class WorkerAtWork {
 public:
  WorkerAtWork(const WorkOptions& options, const crypto::NoteKey& key, const signing::Ed25519PrivateKey& secret,
               Queue queue)
      : options_(options),
        key_(key),
        secret_(secret),
        key_text_(key.Text()),
        kinds_(KindsOf(options)),
        queue_(std::move(queue)) {}

  Result<WorkTally> Run() {
    milliseconds back_off = kBackOffMin_worker;
    while (!options_.cancel.stop_requested()) {
      const Result<bool> worked = Turn();
      if (worked.ok()) {
        back_off = kBackOffMin_worker;
        if (options_.looked) options_.looked();
        if (*worked && options_.until == WorkUntil::kOnePart) break;
        if (!*worked) queue_.AwaitChange(static_cast<int>(kLookForWork.count()));
        continue;
      }
      if (!WorkMayPass(worked.error()) || options_.until == WorkUntil::kOnePart) return worked.error();
      if (options_.troubled) options_.troubled(worked.error());
      Say(worked.error().message + " (" + worked.error().rule + "); trying again");
      Sleep(back_off);
      back_off = std::min(2 * back_off, kBackOffMax_worker);
    }
    return tally_;
  }

 private:
  // Takes a part and answers it; false where there was none.
  Result<bool> Turn() {
    Result<std::optional<TakenPart>> taken = queue_.Take(key_text_, kinds_, options_.lease_ms, refused_);
    if (!taken.ok()) return taken.error();
    if (!taken->has_value()) return Idle();
    said_.clear();
    const TakenPart& part = **taken;
    WorkedPart report;
    report.job = encoding::EncodeHex(part.job);
    report.part = part.part;
    if ((!job_ || job_->id != part.job) && (!trial_ || trial_->id() != part.job)) {
      job_.reset();
      trial_.reset();
      Result<Job> job = queue_.Read(part.job);
      if (!job.ok()) return Refuse(part, std::move(report), job.error());
      if (job->kind == kProofKind && !options_.proofs)
        return Refuse(part, std::move(report), Refused("work.other-kind", "this worker takes no proofs"));
      if (job->kind != kProofKind) {
        Result<std::unique_ptr<TrialAtWork>> trial = TrialAtWork::Read(queue_, *job, options_.charters);
        if (!trial.ok()) return Refuse(part, std::move(report), trial.error());
        trial_ = std::move(*trial);
      } else {
        Result<std::unique_ptr<JobAtWork>> proof = ReadProof(queue_, part.job, *job, options_);
        if (!proof.ok()) return Refuse(part, std::move(report), proof.error());
        job_ = std::move(*proof);
      }
      // Fetching may have taken a while.
      const Result<bool> held = queue_.Extend(part, options_.lease_ms);
      if (!held.ok()) return held.error();
    }
    return trial_ ? RunBatch(part, std::move(report)) : ProvePart(part, std::move(report));
  }

  Result<bool> ProvePart(const TakenPart& part, WorkedPart report) {
    report.kind = "proof";
    const Result<prover::Part> question = ReadQuestion(part.question);
    if (!question.ok()) return Refuse(part, std::move(report), question.error());
    bool lost = false;
    const Result<prover::PartAnswer> found = Prove(part, *question, lost);
    if (!found.ok()) return Refuse(part, std::move(report), found.error());
    report.leaves = found->leaves;
    report.open = found->open;
    report.seconds = found->seconds;
    const bool stopped = options_.cancel.stop_requested() && found->kind == prover::PartAnswer::Kind::kTree;
    if (!lost && stopped && found->leaves < found->open) {
      if (Result<void> given = queue_.GiveBack(part); !given.ok()) return given.error();
      report.outcome = "given back";
    } else if (!lost) {
      const SignedAnswer sent = SignAnswer({.job = part.job,
                                            .part = part.part,
                                            .asked = AskedDigest(job_->claim_text, part.question),
                                            .worker = key_.name,
                                            .found = *found},
                                           secret_);
      const Result<bool> there = queue_.Answer(part, sent.bytes, sent.signature);
      if (!there.ok()) return there.error();
      lost = !*there;
      report.outcome = found->kind == prover::PartAnswer::Kind::kViolated ? "violated"
                       : found->kind == prover::PartAnswer::Kind::kStuck  ? "stuck"
                       : found->open > 0                                  ? "partly"
                                                                          : "proven";
    }
    if (lost) report.outcome = "lost";
    ++tally_.parts;
    tally_.leaves += lost ? 0 : report.leaves;
    if (options_.worked) options_.worked(report);
    return true;
  }

  // One run of the evaluator, with a sign of life to the queue each third of the lease. It is not broken off: batches
  // are small.
  Result<bool> RunBatch(const TakenPart& part, WorkedPart report) {
    report.kind = "trial";
    report.trace = trial_->trace();
    const steady_clock::time_point start = steady_clock::now();
    std::future<Result<std::string>> run =
        std::async(std::launch::async, [this, &part] { return trial_->Run(part.question); });
    const milliseconds period(options_.lease_ms / 3);
    bool lost = false;
    for (steady_clock::time_point next = start; run.wait_for(kSleepStep) != std::future_status::ready;) {
      if (lost || steady_clock::now() < next) continue;
      next = steady_clock::now() + period;
      const Result<bool> held = queue_.Extend(part, options_.lease_ms);
      lost = held.ok() && !*held;
    }
    const Result<std::string> found = run.get();
    // What this machine cannot run another may.
    if (!found.ok()) return LeaveToOthers(part, std::move(report), found.error());
    report.seconds = std::chrono::duration<double>(steady_clock::now() - start).count();
    report.episodes = static_cast<uint64_t>(std::count(found->begin(), found->end(), '\n'));
    if (!lost) {
      const SignedAnswer sent = SignTrialAnswer({.job = part.job,
                                                 .part = part.part,
                                                 .asked = AskedDigest(trial_->claim_text(), part.question),
                                                 .worker = key_.name,
                                                 .us = static_cast<int64_t>(report.seconds * 1'000'000),
                                                 .episodes = *found},
                                                secret_);
      const Result<bool> there = queue_.Answer(part, sent.bytes, sent.signature);
      if (!there.ok()) return there.error();
      lost = !*there;
    }
    report.outcome = lost ? "lost" : "run";
    ++tally_.parts;
    tally_.episodes += lost ? 0 : report.episodes;
    if (options_.worked) options_.worked(report);
    return true;
  }

  // The search, with a sign of life to the queue each third of the lease.
  Result<prover::PartAnswer> Prove(const TakenPart& part, const prover::Part& question, bool& lost) {
    std::stop_source stop;
    const std::stop_callback forward(options_.cancel, [&stop] { stop.request_stop(); });
    const milliseconds period(options_.lease_ms / 3);
    steady_clock::time_point next = steady_clock::now() + period;
    return job_->prover->Prove(question, {.timeout_ms = static_cast<uint64_t>(job_->claim.part_ms),
                                          .cancel = stop.get_token(),
                                          .progress = [&](const prover::Progress& progress) {
                                            if (options_.progress)
                                              options_.progress(progress.seconds, progress.leaves,
                                                                progress.volume_proven);
                                            if (lost || steady_clock::now() < next) return;
                                            next = steady_clock::now() + period;
                                            // An error may pass before the lease has run out.
                                            const Result<bool> held = queue_.Extend(part, options_.lease_ms);
                                            lost = held.ok() && !*held;
                                            if (lost) stop.request_stop();
                                          }});
  }

  // A job that cannot be worked on: others may try.
  Result<bool> Refuse(const TakenPart& part, WorkedPart report, const Error& why) {
    if (WorkMayPass(why)) return why;
    return LeaveToOthers(part, std::move(report), why);
  }
  Result<bool> LeaveToOthers(const TakenPart& part, WorkedPart report, const Error& why) {
    job_.reset();
    trial_.reset();
    refused_.push_back(part.job);
    if (refused_.size() > kRefusedMax) refused_.erase(refused_.begin());
    if (Result<void> given = queue_.GiveBack(part); !given.ok()) return given.error();
    report.outcome = "refused";
    report.detail = why.message + " (" + why.rule + ")";
    if (options_.worked) options_.worked(report);
    return true;
  }

  Result<bool> Idle() {
    const Result<std::optional<std::string>> why = queue_.WhyShutOut(key_text_);
    if (!why.ok()) return why.error();
    if (why->has_value()) {
      return Refused("work.shut-out", "'" + key_.name + "' was shut out: " + **why,
                     "mend this machine; then let whoever asks run pawl work readmit " + key_.name);
    }
    const Result<WhoIsAsked> asked = queue_.Whom(key_text_, kinds_);
    if (!asked.ok()) return asked.error();
    const auto why_not = [&]() -> std::optional<Error> {
      switch (asked->whom) {
        case WhoIsAsked::Whom::kOthers:
          return Refused("work.not-enrolled", "no job enrols '" + key_.name + "'",
                         "let whoever asks add this line to the file of --worker-keys: " + key_text_);
        case WhoIsAsked::Whom::kThisKeyOtherKinds:
          return Refused("work.other-kind",
                         "the work that '" + key_.name + "' is asked for is none that it takes: " + asked->kind,
                         "pawl work --help says how it takes more");
        case WhoIsAsked::Whom::kNobody:
        case WhoIsAsked::Whom::kThisKey:
          return std::nullopt;
      }
      return std::nullopt;
    }();
    if (options_.until == WorkUntil::kOnePart) {
      if (why_not) return *why_not;
      return Error{ErrorCode::kPending, "work.nothing", "there is no part to take", "try again later"};
    }
    if (why_not) Say(why_not->message + ": " + why_not->advice);
    return false;
  }

  void Say(const std::string& line) {
    if (!options_.says || line == said_) return;
    said_ = line;
    options_.says(line);
  }
  void Sleep(milliseconds time) const {
    for (const auto end = steady_clock::now() + time; !options_.cancel.stop_requested() && steady_clock::now() < end;)
      std::this_thread::sleep_for(kSleepStep);
  }

  static constexpr size_t kRefusedMax = 1'000;

  const WorkOptions& options_;
  const crypto::NoteKey& key_;
  const signing::Ed25519PrivateKey& secret_;
  const std::string key_text_;
  const std::vector<std::string> kinds_;
  Queue queue_;
  std::unique_ptr<JobAtWork> job_;  // the last one, of either kind
  std::unique_ptr<TrialAtWork> trial_;
  std::vector<std::string> refused_;  // jobs
  std::string said_;
  WorkTally tally_;
};

}  // namespace

Result<WorkTally> Work(const WorkOptions& options, const crypto::NoteKey& key,
                       const signing::Ed25519PrivateKey& secret) {
  Result<Queue> queue = Queue::Open(options.url, QueueSide::kWorker);
  if (!queue.ok()) return queue.error();
  return WorkerAtWork(options, key, secret, std::move(*queue)).Run();
}

}  // namespace pawl::work
