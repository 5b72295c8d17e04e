#include "work/trial_at_work.h"

#include <algorithm>
#include <filesystem>
#include <utility>

#include "charter/program_rules.h"
#include "trial/run.h"

namespace pawl::work {
namespace {

constexpr uint64_t kFetchedBytesMax_work = uint64_t{512} << 20;  // of one job

// Brings a tree's blobs into the store.
Result<void> FetchTree(Queue& queue, const std::string& job, const crypto::Digest& tree, storage::TreeStore& store,
                       uint64_t& bytes) {
  const auto fetch = [&](const crypto::Digest& digest, size_t bytes_max) -> Result<std::string> {
    Result<std::string> blob = queue.ReadFile(job, digest, bytes_max);
    if (!blob.ok()) return blob;
    bytes += blob->size();
    if (bytes > kFetchedBytesMax_work) return LimitReached("work.too-large", "the files of the job are too large");
    if (Result<crypto::Digest> put = store.PutBlob(*blob); !put.ok()) return put.error();
    return blob;
  };
  const Result<std::string> text = fetch(tree, subject::kManifestBytesMax);
  if (!text.ok()) return text.error();
  const Result<subject::Manifest> manifest = subject::ParseManifest(*text);
  if (!manifest.ok()) return manifest.error();
  for (const subject::FileEntry& file : manifest->files) {
    if (const Result<std::string> blob = fetch(file.digest, kFileBytesMax); !blob.ok()) return blob.error();
  }
  return {};
}

}  // namespace

Result<std::unique_ptr<TrialAtWork>> TrialAtWork::Read(Queue& queue, const Job& job,
                                                       const std::vector<crypto::Digest>& charters) {
  const Result<TrialClaim> claim = ReadTrialClaim(job.claim);
  if (!claim.ok()) return claim.error();
  // Before anything of it is fetched: whoever may write to the queue could name any charter, and with it any program.
  if (std::find(charters.begin(), charters.end(), claim->charter) == charters.end())
    return Refused("work.other-charter", "the trial is of another charter than this worker takes trials of");
  Result<storage::HeldFolder> folder = storage::HeldFolder::MakeTemporary("pawl-work");
  if (!folder.ok()) return folder.error();
  Result<storage::TreeStore> store =
      storage::TreeStore::Open(folder->path() + "/store", storage::StoreAccess::kReadWrite);
  if (!store.ok()) return store.error();
  std::unique_ptr<TrialAtWork> work(new TrialAtWork(job, std::move(*folder), std::move(*store)));
  uint64_t bytes = 0;
  if (Result<void> there = FetchTree(queue, job.id, claim->charter, work->store_, bytes); !there.ok())
    return there.error();
  Result<charter::CharterFiles> charter = charter::ReadCharterFiles(work->store_, claim->charter);
  if (!charter.ok()) return charter.error();
  work->charter_.emplace(std::move(*charter));
  const charter::Evaluation& evaluation = work->charter_->charter.evaluation;
  // Which trees a trial compares is the queue's word, and of such a charter a tree is a program.
  if (!evaluation.subject_command.empty())
    return Refused("work.subject-program", "a subject that is a program is not run for others");
  Result<trial::TrialRules> rules = oversight::MakeTrialRules(work->charter_->charter);
  if (!rules.ok()) return rules.error();
  work->rules_ = std::move(*rules);
  work->trace_ = claim->trace;
  Result<charter::ProgramRules> programs = charter::ReadProgramRules(*work->charter_);
  if (!programs.ok()) return programs.error();
  const Result<std::string> view = oversight::VerifiedView(work->store_, claim->charter);
  if (!view.ok()) return view.error();
  work->views_.emplace(claim->charter, *view);
  const Result<trial::EvaluationEnvironment> environment = oversight::DescribeEvaluation(evaluation, *view);
  if (!environment.ok()) return environment.error();
  if (environment->digest != claim->environment.Text()) {
    return Refused("work.other-environment",
                   "this machine's evaluation environment " + environment->digest + " is not the one that is asked for",
                   "work on a machine with the same programs, libraries and processor");
  }
  const std::string scratch = work->folder_.path() + "/scratch";
  std::error_code failed;
  if (!std::filesystem::create_directory(scratch, failed))
    return SystemFailure("work.scratch", "cannot make " + scratch + ": " + failed.message(), "check the disk");
  work->setting_.emplace(oversight::EvaluationSetting{evaluation, *view, scratch, std::move(programs->accepted)});
  for (const crypto::Digest& tree : claim->trees) {
    if (Result<void> there = FetchTree(queue, job.id, tree, work->store_, bytes); !there.ok()) return there.error();
    Result<std::string> tree_view = oversight::VerifiedView(work->store_, tree);
    if (!tree_view.ok()) return tree_view.error();
    work->views_.emplace(tree, std::move(*tree_view));
  }
  return work;
}

Result<std::string> TrialAtWork::Run(const std::string& question_text) {
  const Result<TrialQuestion> question = ReadTrialQuestion(question_text);
  if (!question.ok()) return question.error();
  const auto view = views_.find(question->tree);
  if (view == views_.end()) return Malformed("work.other-tree", "the batch is of a tree that the job does not name");
  const Result<trial::Evaluation<trial::EpisodeTable>> run =
      trial::RunEpisodes(setting_->RequestOf(view->second, question->seeds), rules_.metrics, rules_.groups);
  if (!run.ok()) return run.error();
  if (!run->table) return run->void_reason;
  std::string text = EpisodesText(*run->table, rules_.groups);
  if (text.size() > kEpisodesTextBytesMax)
    return LimitReached("work.too-large", "the evaluator writes too much a batch");
  return text;
}

}  // namespace pawl::work
