#include "work/trial_asker.h"

#include <sys/random.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <future>
#include <numeric>
#include <optional>
#include <set>
#include <thread>
#include <utility>

#include "charter/program_rules.h"
#include "storage/temporary_folder.h"
#include "trial/evidence.h"
#include "trial/run.h"
#include "work/part_answer.h"
#include "work/queue.h"
#include "work/trial_batch.h"

namespace pawl::work {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;
using trial::EpisodeTable;
using TableRun = trial::Evaluation<EpisodeTable>;

constexpr milliseconds kLookForBatches{50}, kTrialSignOfLife{5'000}, kTrialServerGoneMax{20'000};
// How long a batch may be held before it is run here as well, until it is known how long one takes.
constexpr int64_t kHeldUnknown_ms = 10'000;
// After which a queue that shows no batch is not waited for.
constexpr milliseconds kQueueHidesMax{5'000};
constexpr char kUnsteadyWords[] =
    "the evaluator does not find the same twice: nobody is blamed, and the trial is run here";
constexpr uint64_t kSharedBytesMax = uint64_t{256} << 20;  // of charter and trees together

Error Again() {
  return Error{ErrorCode::kPending, "work.start-again", "what a worker gave counts no more", "begin the trial again"};
}

bool SameTable(const EpisodeTable& one, const EpisodeTable& other) {
  if (one.episodes() != other.episodes()) return false;
  for (size_t episode = 0; episode < one.episodes(); ++episode) {
    if (!SameEpisode(one, episode, other, episode)) return false;
  }
  return true;
}

// `count` of `from`, each subset as likely as any other to whoever cannot foresee the system's random numbers.
Result<std::vector<size_t>> Draw(std::vector<size_t> from, size_t count) {
  for (size_t i = 0; i < count; ++i) {
    uint64_t random = 0;
    if (getrandom(&random, sizeof random, 0) != static_cast<ssize_t>(sizeof random))
      return SystemFailure("work.random", "the system gives no random bytes");
    // At most a million episodes: the remainder is uneven by less than 2^-43.
    std::swap(from[i], from[i + random % (from.size() - i)]);
  }
  from.resize(count);
  std::sort(from.begin(), from.end());
  return from;
}

}  // namespace

class TrialAsker::Impl {
 public:
  Impl(const Setting& setting, const WorkerShare& share, TrialShareReport& report)
      : setting_(setting), share_(share), report_(report) {
    for (const crypto::NoteKey& key : share.enrolled) enrolled_.emplace(key.name, key);
  }
  ~Impl() {
    own_.reset();  // waits for the run
    EndJob();
  }

  Result<void> Begin(const std::vector<crypto::Digest>& trees, std::span<const trial::Seed> seeds) {
    if (!evaluation_) {
      if (Result<void> ready = Prepare(); !ready.ok()) return ready;
    }
    seeds_.assign(seeds.begin(), seeds.end());
    from_ = done_;
    done_ += seeds.size();
    trees_ = {trees.begin(), trees.end()};
    gathered_ = false;
    // An eighth of a look, so that a few workers have something to do, and a start of the evaluator is worth it.
    const size_t size = std::clamp<size_t>(
        share_.batch_episodes > 0 ? share_.batch_episodes : std::max<size_t>(250, (seeds_.size() + 7) / 8), 1,
        kBatchEpisodesMax);
    for (const crypto::Digest& tree : trees_) {
      for (size_t at = 0; at < seeds_.size(); at += size) {
        Batch& batch = batches_[{tree, from_ + at}];
        batch.seeds.assign(seeds_.begin() + static_cast<std::ptrdiff_t>(at),
                           seeds_.begin() + static_cast<std::ptrdiff_t>(std::min(at + size, seeds_.size())));
      }
    }
    if (alone_) return {};
    Result<void> shared = is_asking_ ? Result<void>() : Share();
    if (shared.ok() && !alone_) shared = Post();
    if (!shared.ok()) return Leave("the queue of work: " + shared.error().message);
    return {};
  }

  Result<TableRun> Run(const crypto::Digest& tree) {
    if (!alone_ && !gathered_) {
      Result<void> gathered = Gather();
      if (!gathered.ok()) return gathered.error();
      gathered_ = true;
    }
    TableRun whole;
    for (auto& [place, batch] : batches_) {
      if (place.first != tree || place.second < from_ || place.second >= done_) continue;
      if (alone_ && !void_ && (!batch.table || !batch.signer.empty())) {
        const Result<RunAgain> found = RunAgainHere(place, batch);
        if (!found.ok()) return found.error();
        if (*found == RunAgain::kUnsteady) Say(kUnsteadyWords);
      }
      if (void_) break;
      if (!whole.table) whole.table.emplace();
      whole.table->Append(*batch.table);
    }
    whole.weaker_guarantees = weaker_guarantees_;
    if (void_) {
      whole.table.reset();
      whole.void_reason = *void_;
    }
    return whole;
  }

  void StartAgain() {
    own_.reset();
    from_ = done_ = 0;
    void_.reset();
    if (is_asking_) {
      for (const auto* parts : {&open_, &ran_here_}) {
        for (const auto& [part, place] : *parts) static_cast<void>(queue_->Remove(job_, part));
      }
    }
    open_.clear();
    ran_here_.clear();
    report_.of_workers = false;
    report_.results = report_.worker_results = report_.worker_batches = report_.drawn = 0;
    report_.unseen = 0;
  }

  void GoAlone(const std::string& why) {
    StartAgain();
    alone_ = true;
    report_.alone = why;
    Say(why);
    EndJob();
  }
  bool is_alone() const { return alone_; }

 private:
  using Place = std::pair<crypto::Digest, size_t>;  // tree and first episode
  enum class RunAgain { kSame, kLie, kUnsteady, kVoid };
  struct Batch {
    std::vector<trial::Seed> seeds;
    std::optional<EpisodeTable> table;
    std::string signer, signer_key;  // empty: it was run here
    // Of a worker's: what is signed beside table and question.
    int64_t part = 0, us = 0;
    std::string signature;
  };
  // What this machine runs while workers do the rest.
  struct OwnRun {
    Place place;
    OwnPart part;
    steady_clock::time_point start = steady_clock::now();
    std::future<Result<TableRun>> run;
  };

  void Say(const std::string& line) const {
    if (setting_.says) setting_.says(line);
  }

  Result<void> Prepare() {
    Result<trial::TrialRules> rules = oversight::MakeTrialRules(setting_.charter.charter);
    if (!rules.ok()) return rules.error();
    rules_ = std::move(*rules);
    Result<charter::ProgramRules> programs = charter::ReadProgramRules(setting_.charter);
    if (!programs.ok()) return programs.error();
    Result<storage::HeldFolder> scratch = storage::HeldFolder::MakeTemporary("pawl-trial");
    if (!scratch.ok()) return scratch.error();
    scratch_.emplace(std::move(*scratch));
    Result<std::string> view = oversight::VerifiedView(setting_.store, setting_.charter.charter.digest);
    if (!view.ok()) return view.error();
    evaluation_.emplace(oversight::EvaluationSetting{setting_.charter.charter.evaluation, *view, scratch_->path(),
                                                     std::move(programs->accepted)});
    return {};
  }

  // ---- The queue

  // Every blob of the trees and the charter, each once.
  Result<std::vector<std::string>> Files() const {
    std::set<crypto::Digest> named;
    std::vector<std::string> files;
    uint64_t bytes = 0;
    const auto add = [&](const crypto::Digest& digest) -> Result<void> {
      if (!named.insert(digest).second) return {};
      Result<std::string> file = setting_.store.ReadBlob(digest, kFileBytesMax);
      if (!file.ok()) return file.error();
      bytes += file->size();
      if (bytes > kSharedBytesMax) return LimitReached("work.too-large", "charter and trees are more than 256 MiB");
      files.push_back(std::move(*file));
      return {};
    };
    std::set<crypto::Digest> trees = trees_;
    trees.insert(setting_.charter.charter.digest);
    for (const crypto::Digest& tree : trees) {
      const Result<subject::Manifest> manifest = setting_.store.ReadManifest(tree);
      if (!manifest.ok()) return manifest.error();
      if (Result<void> added = add(tree); !added.ok()) return added.error();
      for (const subject::FileEntry& file : manifest->files) {
        if (Result<void> added = add(file.digest); !added.ok()) return added.error();
      }
    }
    return files;
  }

  Result<void> Share() {
    std::map<std::string, std::string> shut_out;
    Result<Queue> queue = OpenToAsk(share_.url, enrolled_, shut_out);
    if (!queue.ok()) return queue.error();
    queue_.emplace(std::move(*queue));
    for (const auto& [name, why] : shut_out) {
      // Words of whoever may write to the queue: they have no place in what the gate signs.
      Say("the queue shuts '" + name + "' out: " + why);
      report_.shut_out.emplace(name, "so the queue says (pawl work evidence)");
    }
    if (enrolled_.empty()) {
      alone_ = true;
      report_.alone = "every enrolled worker is shut out";
      Say(report_.alone);
      return {};
    }
    Result<std::vector<std::string>> files = Files();
    if (!files.ok()) return files.error();
    Result<std::string> id = NewJobId();
    if (!id.ok()) return id.error();
    claim_ = WriteTrialClaim(
        {setting_.charter.charter.digest, setting_.environment, {trees_.begin(), trees_.end()}, share_.trace});
    Job job{.id = *id,
            .kind = TrialKindOf(setting_.charter.charter.digest),
            .claim = claim_,
            .files = std::move(*files),
            .enrolled = {}};
    for (const auto& [name, key] : enrolled_) job.enrolled.push_back(key.Text());
    if (Result<void> begun = queue_->Begin(job); !begun.ok()) return begun;
    job_ = *std::move(id);
    is_asking_ = true;
    return {};
  }

  // The look's batches of which nothing is known.
  Result<void> Post() {
    std::vector<NewPart> parts;
    for (const auto& [place, batch] : batches_) {
      if (batch.table || place.second < from_ || place.second >= done_) continue;
      open_[next_part_] = place;
      parts.push_back({next_part_++, 0, WriteTrialQuestion({place.first, batch.seeds})});
    }
    return parts.empty() ? Result<void>() : queue_->Add(job_, parts);
  }

  void EndJob() {
    if (is_asking_) static_cast<void>(queue_->End(job_));  // else it goes after an hour of silence
    is_asking_ = false;
  }

  // Without workers from here on; the trial begins again, since what they gave is in it.
  Error Leave(const std::string& why) {
    GoAlone(why);
    return Again();
  }

  // ---- Until every batch of the look is here

  Result<void> Gather() {
    reached_ = seen_ = steady_clock::now();
    while (!open_.empty() && !void_) {
      Result<bool> moved = Step();
      if (moved.ok()) {
        reached_ = steady_clock::now();
        if (!*moved) queue_->AwaitChange(static_cast<int>(kLookForBatches.count()));
        continue;
      }
      const Error& error = moved.error();
      if (error.rule == "work.start-again" || from_here_) return error;
      if (error.rule == "work.job-gone" || error.code != ErrorCode::kSystem ||
          steady_clock::now() - reached_ > kTrialServerGoneMax) {
        return Leave("the queue of work: " + error.message);
      }
      std::this_thread::sleep_for(kLookForBatches);
    }
    return void_ ? Result<void>() : CheckSample();
  }

  // Whether anything has happened.
  Result<bool> Step() {
    from_here_ = false;
    if (own_ && own_->run.wait_for(milliseconds(0)) == std::future_status::ready) {
      if (Result<void> harvested = Harvest(); !harvested.ok()) return harvested.error();
      return true;
    }
    Result<bool> answers = TakeBatchAnswers();
    if (!answers.ok()) return answers;
    if (steady_clock::now() >= next_sign_) {
      next_sign_ = steady_clock::now() + kTrialSignOfLife;
      if (Result<void> alive = queue_->KeepAlive(job_); !alive.ok()) return alive.error();
    }
    if (!own_ && !open_.empty()) {
      const Result<bool> began = BeginOwn();
      if (!began.ok()) return began;
      return *answers || *began;
    }
    return *answers;
  }

  Result<bool> BeginOwn() {
    const int64_t held_ms = own_count_ == 0 ? kHeldUnknown_ms : 5'000 + 3 * own_ms_ / own_count_;
    const Result<std::optional<OwnPart>> taken = queue_->TakeOwn(job_, held_ms);
    if (!taken.ok()) return taken.error();
    if (taken->has_value() && ran_here_.erase((*taken)->part) > 0) {
      // Its holder has had time enough to answer what was run here long ago.
      if (Result<void> removed = queue_->Remove(job_, (*taken)->part); !removed.ok()) return removed.error();
      return true;
    }
    auto part = taken->has_value() ? open_.find((*taken)->part) : open_.end();
    const bool is_held = part == open_.end() || (*taken)->held;
    if (part == open_.end()) {
      if (steady_clock::now() - seen_ < kQueueHidesMax + milliseconds(held_ms)) return false;
      part = std::prev(open_.end());  // whatever the queue shows
    }
    seen_ = steady_clock::now();
    const Place place = part->second;
    Result<std::string> view = ViewOf(place.first);
    if (!view.ok()) return FromHere(view.error());
    own_.emplace();
    own_->place = place;
    own_->part = {part->first, is_held};
    own_->run = std::async(std::launch::async,
                           [this, view = *view, seeds = std::span<const trial::Seed>(batches_.at(place).seeds)] {
                             return RunOn(view, seeds);
                           });
    return true;
  }

  Result<void> Harvest() {
    const OwnPart part = own_->part;
    const Place place = own_->place;
    Batch& batch = batches_.at(place);
    Result<TableRun> found = own_->run.get();
    own_ms_ += std::chrono::duration_cast<milliseconds>(steady_clock::now() - own_->start).count();
    ++own_count_;
    own_.reset();
    if (!found.ok()) return FromHere(found.error());
    if (!Note(*found)) return {};
    open_.erase(part.part);
    if (!batch.signer.empty()) return Compared(SettleOn(place, batch, std::move(*found->table)));
    batch.table = std::move(*found->table);
    if (!part.held) return queue_->Remove(job_, part.part);
    ran_here_.emplace(part.part, place);
    return {};
  }

  // What a worker has signed of a batch that this machine has run as well, of its own accord.
  Result<void> Compared(const Result<RunAgain>& found) {
    if (!found.ok()) return found.error();
    switch (*found) {
      case RunAgain::kSame:
        ++report_.compared;
        return {};
      case RunAgain::kVoid:
        return {};
      case RunAgain::kLie:
        return AfterBlame();
      case RunAgain::kUnsteady:
        return Leave(kUnsteadyWords);
    }
    return {};
  }

  Result<bool> TakeBatchAnswers() {
    Result<std::vector<AnsweredPart>> answers = queue_->Answers(job_, 8);
    if (!answers.ok()) return answers.error();
    for (const AnsweredPart& received : *answers) {
      const auto open = open_.find(received.part), late = ran_here_.find(received.part);
      Result<void> done = open != open_.end()       ? TakeBatch(received, open->second)
                          : late != ran_here_.end() ? CompareLate(received)
                                                    : queue_->Remove(job_, received.part);
      if (!done.ok()) return done.error();
    }
    return !answers->empty();
  }

  Result<void> TakeBatch(const AnsweredPart& received, const Place& place) {
    Result<std::optional<Batch>> given = ReadGiven(received, place);
    if (!given.ok()) return given.error();
    if (!given->has_value()) {
      ++report_.unsigned_answers;
      return queue_->PutBack(job_, received.part);
    }
    Batch& batch = batches_.at(place);
    (*given)->seeds.swap(batch.seeds);  // those that are there stay: a run of our own may be reading them
    batch = std::move(**given);
    ++report_.by_worker[batch.signer];
    seen_ = steady_clock::now();
    open_.erase(received.part);
    return queue_->Remove(job_, received.part);
  }

  // An answer to what was run here because it took so long.
  Result<void> CompareLate(const AnsweredPart& received) {
    const Place place = ran_here_.extract(received.part).mapped();
    if (Result<void> removed = queue_->Remove(job_, received.part); !removed.ok()) return removed;
    Result<std::optional<Batch>> given = ReadGiven(received, place);
    if (!given.ok()) return given.error();
    const Batch& own = batches_.at(place);
    if (!given->has_value() || !own.table || !own.signer.empty()) return {};
    return Compared(SettleOn(place, **given, *own.table));
  }

  // The batch as a worker answers it; nothing where nobody who is asked has signed this. The error of AfterBlame where
  // the signer has signed what is no answer.
  Result<std::optional<Batch>> ReadGiven(const AnsweredPart& received, const Place& place) {
    Batch batch;
    batch.seeds = batches_.at(place).seeds;
    const std::string question = WriteTrialQuestion({place.first, batch.seeds});
    const Result<crypto::NoteKey> signer = SignerOf(AnswerKind::kTrial, received.answer, received.signature, enrolled_);
    if (!signer.ok()) return std::optional<Batch>();
    const Evidence evidence{claim_, question, received.answer, received.signature};
    const Result<TrialAnswer> answer = ReadTrialAnswer(received.answer);
    const auto garbage = [&](const Error& error) {
      Blame(signer->name, signer->Text(), error.message, evidence);
      return AfterBlame();
    };
    if (!answer.ok()) return garbage(answer.error());
    if (answer->job != job_ || answer->part != received.part || answer->asked != AskedDigest(claim_, question))
      return std::optional<Batch>();  // somebody has moved the answer, or changed the question
    Result<EpisodeTable> table =
        trial::ReadEpisodes(answer->episodes, rules_.metrics, batch.seeds.size(), rules_.groups);
    if (!table.ok()) return garbage(table.error());
    batch.table = std::move(*table);
    batch.signer = signer->name;
    batch.signer_key = signer->Text();
    batch.part = answer->part;
    batch.us = answer->us;
    batch.signature = received.signature;
    if (EvidenceOf(place, batch).answer != received.answer)
      return garbage(Malformed("work.not-canonical", "its episodes are not written as pawl work writes them"));
    return std::optional(std::move(batch));
  }

  // What the signer of a batch has signed, written again.
  Evidence EvidenceOf(const Place& place, const Batch& batch) const {
    Evidence evidence{claim_, WriteTrialQuestion({place.first, batch.seeds}), {}, batch.signature};
    evidence.answer = WriteTrialAnswer({.job = job_,
                                        .part = batch.part,
                                        .asked = AskedDigest(claim_, evidence.question),
                                        .worker = batch.signer,
                                        .us = batch.us,
                                        .episodes = EpisodesText(*batch.table, rules_.groups)});
    return evidence;
  }

  // ---- What is run here

  Result<std::string> ViewOf(const crypto::Digest& tree) {
    auto view = views_.find(tree);
    if (view != views_.end()) return view->second;
    Result<std::string> made = oversight::VerifiedView(setting_.store, tree);
    if (made.ok()) views_.emplace(tree, *made);
    return made;
  }
  // Reads what nobody changes while it runs.
  Result<TableRun> RunOn(const std::string& view, std::span<const trial::Seed> seeds) const {
    return trial::RunEpisodes(evaluation_->RequestOf(view, seeds), rules_.metrics, rules_.groups);
  }
  // Notes what a run of this machine's showed; false where the trial is void.
  bool Note(const TableRun& run) {
    weaker_guarantees_.insert(run.weaker_guarantees.begin(), run.weaker_guarantees.end());
    if (!run.table && !void_) void_ = run.void_reason;
    return run.table.has_value();
  }
  Error FromHere(const Error& error) {
    from_here_ = true;
    return error;
  }
  Result<std::optional<EpisodeTable>> RunHere(const crypto::Digest& tree, std::span<const trial::Seed> seeds) {
    const Result<std::string> view = ViewOf(tree);
    if (!view.ok()) return view.error();
    Result<TableRun> run = RunOn(*view, seeds);
    if (!run.ok()) return run.error();
    Note(*run);
    return std::move(run->table);
  }

  // The very run that a worker says it has done, and where it comes out otherwise once more: a worker is blamed only
  // where this machine finds the same twice. From then on the batch is as it was found here.
  Result<RunAgain> RunAgainHere(const Place& place, Batch& batch) {
    Result<std::optional<EpisodeTable>> own = RunHere(place.first, batch.seeds);
    if (!own.ok()) return own.error();
    if (!own->has_value()) return RunAgain::kVoid;
    return SettleOn(place, batch, std::move(**own));
  }
  Result<RunAgain> SettleOn(const Place& place, Batch& batch, EpisodeTable own) {
    RunAgain found = RunAgain::kSame;
    if (!batch.signer.empty() && !SameTable(own, *batch.table)) {
      const Result<std::optional<EpisodeTable>> second = RunHere(place.first, batch.seeds);
      if (!second.ok()) return second.error();
      if (!second->has_value()) return RunAgain::kVoid;
      found = SameTable(own, **second) ? RunAgain::kLie : RunAgain::kUnsteady;
    }
    if (found == RunAgain::kLie) {
      const std::string name = batch.signer;
      const Evidence evidence = EvidenceOf(place, batch);
      const std::string why = WhatDiffers(place, own, *batch.table);
      batch.signer.clear();
      Blame(name, batch.signer_key, why, evidence);
    }
    batch.table = std::move(own);
    batch.signer.clear();
    return found;
  }

  static std::string WhatDiffers(const Place& place, const EpisodeTable& own, const EpisodeTable& given) {
    size_t at = 0;
    while (at + 1 < own.episodes() && SameEpisode(own, at, given, at)) ++at;
    return "episode " + std::to_string(place.second + at) + " of " + place.first.Text().substr(0, 15) +
           " is not what its evaluator finds";
  }

  // ---- Whether anybody has lied

  // The answers are here, and nobody can change them; only now is it drawn which are run again.
  Result<void> CheckSample() {
    std::vector<Place> given;
    for (const auto& [place, batch] : batches_) {
      if (place.second < from_ || place.second >= done_) continue;
      report_.results += batch.seeds.size();
      if (batch.signer.empty()) continue;
      report_.worker_results += batch.seeds.size();
      given.push_back(place);
    }
    if (given.empty()) return {};
    std::vector<size_t> all(given.size());
    std::iota(all.begin(), all.end(), size_t{0});
    const size_t wanted = std::max(
        share_.rerun_min, static_cast<size_t>(std::ceil(share_.rerun_share * static_cast<double>(all.size()))));
    const Result<std::vector<size_t>> drawn = Draw(all, std::min(wanted, all.size()));
    if (!drawn.ok()) return drawn.error();
    for (const size_t which : *drawn) {
      const Result<RunAgain> found = RunAgainHere(given[which], batches_.at(given[which]));
      if (!found.ok() || *found != RunAgain::kSame) return Compared(found);
    }
    report_.of_workers = true;
    report_.worker_batches += given.size();
    report_.drawn += drawn->size();
    report_.unseen = std::max(report_.unseen, UnseenChance(given.size(), drawn->size(), 1));
    return {};
  }

  // Nothing that it gave counts from now on.
  void Blame(const std::string& name, const std::string& key, const std::string& why, const Evidence& evidence) {
    report_.shut_out.emplace(name, why);
    Say("'" + name + "' is shut out, and all that it gave is run again: " + why);
    enrolled_.erase(name);
    for (auto& [place, batch] : batches_) {
      if (batch.signer != name) continue;
      batch.signer.clear();
      batch.table.reset();
    }
    if (!queue_) return;
    Result<void> shut = queue_->ShutOut(key, why, evidence);
    if (shut.ok() && is_asking_) shut = queue_->AskNoMore(job_, key);
    if (!shut.ok()) Say("it could not be shut out of other work: " + shut.error().message);
  }
  Error AfterBlame() { return enrolled_.empty() ? Leave("every enrolled worker is shut out") : Again(); }

  const Setting setting_;
  const WorkerShare& share_;
  TrialShareReport& report_;
  trial::TrialRules rules_;
  std::optional<storage::HeldFolder> scratch_;
  std::optional<oversight::EvaluationSetting> evaluation_;
  std::map<crypto::Digest, std::string> views_;
  weakening::Weakenings weaker_guarantees_;
  std::map<std::string, crypto::NoteKey> enrolled_;  // and not shut out
  std::optional<Queue> queue_;
  std::string job_, claim_;  // also when nobody is asked any more: answers are to these
  bool is_asking_ = false;   // whether the job is in the queue
  int64_t next_part_ = 0;
  std::map<Place, Batch> batches_;     // of every look so far
  std::map<int64_t, Place> open_;      // of this look, by part
  std::map<int64_t, Place> ran_here_;  // that somebody else held as well, and has not answered
  std::set<crypto::Digest> trees_;
  std::vector<trial::Seed> seeds_;  // of this look
  size_t from_ = 0, done_ = 0;      // its episodes
  bool gathered_ = false, alone_ = false, from_here_ = false;
  std::optional<Error> void_;  // why this machine's own run voids the trial
  std::optional<OwnRun> own_;
  int64_t own_ms_ = 0, own_count_ = 0;
  steady_clock::time_point next_sign_ = steady_clock::now(), reached_, seen_;
};

TrialAsker::TrialAsker(const Setting& setting, const WorkerShare& share, TrialShareReport& report)
    : impl_(std::make_unique<Impl>(setting, share, report)) {}
TrialAsker::~TrialAsker() = default;

Result<void> TrialAsker::Begin(const std::vector<crypto::Digest>& trees, std::span<const trial::Seed> seeds) {
  return impl_->Begin(trees, seeds);
}
Result<trial::Evaluation<trial::EpisodeTable>> TrialAsker::Run(const crypto::Digest& tree) { return impl_->Run(tree); }
void TrialAsker::StartAgain() { impl_->StartAgain(); }
void TrialAsker::GoAlone(const std::string& why) { impl_->GoAlone(why); }
bool TrialAsker::is_alone() const { return impl_->is_alone(); }

std::string DescribeShare(const TrialShareReport& report) {
  std::string text;
  if (report.of_workers && report.alone.empty()) {
    char chances[80];
    std::snprintf(chances, sizeof chances, "%.3g, three with %.3g", report.unseen, std::pow(report.unseen, 3));
    text = "workers gave " + std::to_string(report.worker_results) + " of " + std::to_string(report.results) +
           " results, in " + std::to_string(report.worker_batches) + " batches; " + std::to_string(report.drawn) +
           " of these, drawn when the answers were here, gave the same when run again here: a falsified batch stays "
           "unseen with a chance of at most " +
           chances + "; " +
           (report.compared > 0 ? std::to_string(report.compared) + " that both had run were the same; " : "") +
           "what workers say ends nothing";
  } else {
    text = "every episode was run here" + (report.alone.empty() ? "" : " (" + report.alone + ")");
  }
  for (const auto& [name, why] : report.shut_out) text += "; worker '" + name + "' is shut out: " + why;
  return text;
}

Result<oversight::CharterTrial> RunTrialWithWorkers(oversight::TrialOrder order, const WorkerShare& share,
                                                    TrialShareReport& report) {
  const charter::CharterFiles& charter = order.log->charter();
  report.alone = !charter.charter.evaluation.subject_command.empty()
                     ? "a subject that is a program may remember what it was asked before"
                 : !order.candidate.environment ? "the candidate statement names no environment"
                                                : "";
  if (!report.alone.empty()) return oversight::RunCharterTrial(order);
  TrialAsker asker({order.log->store(), charter, *order.candidate.environment, order.progress}, share, report);
  order.episodes = &asker;
  for (;;) {
    Result<oversight::CharterTrial> trial = oversight::RunCharterTrial(order);
    if (!trial.ok() && trial.error().rule == "work.start-again") {
      asker.StartAgain();
      continue;
    }
    if (!trial.ok() || asker.is_alone() || !trial::AnythingBroken(trial->report)) return trial;
    asker.GoAlone("what ends a proposal is run here");
  }
}

}  // namespace pawl::work
