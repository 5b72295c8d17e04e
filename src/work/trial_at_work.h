// A trial as a worker works on it: charter and trees from the queue, in a store of its own that goes with it.
//
//   Result<std::unique_ptr<TrialAtWork>> trial = TrialAtWork::Read(queue, job, charters);
//   Result<std::string> episodes = (*trial)->Run(question);         // while another thread keeps the lease
//
// Thread safety: belongs to one thread at a time, and uses the queue of Read only while that runs.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "charter/charter.h"
#include "crypto/digest.h"
#include "oversight/charter_trial.h"
#include "result/result.h"
#include "storage/temporary_folder.h"
#include "storage/tree_store.h"
#include "trial/rules.h"
#include "work/queue.h"
#include "work/trial_batch.h"

namespace pawl::work {

class TrialAtWork {
 public:
  // Fetches everything that the job has. kRefused "work.other-charter" for a charter that is not one of these,
  // "work.other-environment" where this machine is another than the claim wants; errors of readers and queue.
  static Result<std::unique_ptr<TrialAtWork>> Read(Queue& queue, const Job& job,
                                                   const std::vector<crypto::Digest>& charters);

  const std::string& id() const { return id_; }
  const std::string& claim_text() const { return claim_text_; }
  const std::string& trace() const { return trace_; }  // by whoever asks; may be empty

  // What the evaluator finds, as EpisodesText. An error says nothing about the tree: whoever asks runs it itself.
  Result<std::string> Run(const std::string& question);

 private:
  TrialAtWork(const Job& job, storage::HeldFolder folder, storage::TreeStore store)
      : id_(job.id), claim_text_(job.claim), folder_(std::move(folder)), store_(std::move(store)) {}

  const std::string id_, claim_text_;
  std::string trace_;
  storage::HeldFolder folder_;
  storage::TreeStore store_;
  std::optional<charter::CharterFiles> charter_;
  std::optional<oversight::EvaluationSetting> setting_;
  trial::TrialRules rules_;
  std::map<crypto::Digest, std::string> views_;
};

}  // namespace pawl::work
