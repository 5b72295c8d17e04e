// Whoever wants a trial's episodes: divides them into batches, gives those to workers by way of the queue, runs batches
// itself beside them, and looks for whoever lies.
//
//   TrialShareReport report;
//   Result<oversight::CharterTrial> trial = RunTrialWithWorkers(order, share, report);
//   Say(DescribeShare(report));
//
// For a trial whose outcome is advice: the gate's own. Workers' figures let a proposal go on, to evaluators who run
// every episode themselves; they never end one. Where they would (the trial is void, or a limit broken), everything
// that workers gave is run again here, and what was found here counts. So whoever lies can waste the evaluators' time,
// and nothing else (docs/decisions/0032).
//
// How a lie is found. An answer is signed and read by the reader of spec/evaluation.md. When a look's batches are all
// here, and cannot be changed any more, some are drawn with the system's random numbers and run again here: the very
// same runs, since evaluators that compute many episodes at once may round otherwise beside others. What differs is run
// here once more. Where both agree against the answer its signer has lied and is shut out with what it signed as
// evidence, and all that it gave is thrown away and run again. Where they do not the evaluator cannot be repeated:
// nobody is blamed, and the trial is run here. What this machine has run while somebody held it too long is compared
// with the answer as well, where that still comes.
//
// Evidence takes no room: an answer is taken only where it is, byte for byte, what EpisodesText says of its table, so
// that table, seeds and signature are all of it, and what was signed is written again when somebody is blamed.
//
// Nothing waits for workers: batches that nobody takes, or that somebody holds for long, are run here, and so is
// everything where the queue cannot be reached. Not shared out: subjects that are programs, which may remember what
// they were asked before.
//
// Thread safety: one call uses its own connection and starts its own threads.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "charter/charter.h"
#include "crypto/digest.h"
#include "oversight/charter_trial.h"
#include "result/result.h"
#include "storage/tree_store.h"
#include "work/worker_share.h"

namespace pawl::work {

struct TrialShareReport {
  bool of_workers = false;  // whether the trial's figures rest on what workers gave
  std::string alone;        // why they do not
  uint64_t results = 0;     // in the figures: episodes, for each tree
  uint64_t worker_results = 0;
  uint64_t worker_batches = 0;
  uint64_t drawn = 0;                           // of those: run again here
  uint64_t compared = 0;                        // more, which a worker and this machine had run anyway
  double unseen = 0;                            // of one falsified batch, at most; of m its m-th power
  std::map<std::string, uint64_t> by_worker;    // batches, as they came
  std::map<std::string, std::string> shut_out;  // by name: why
  uint64_t unsigned_answers = 0;
};

// One sentence on what the figures rest on, for findings and people.
std::string DescribeShare(const TrialShareReport& report);

// As RunCharterTrial. Errors are the machine's own; what goes wrong with queue or workers is none.
Result<oversight::CharterTrial> RunTrialWithWorkers(oversight::TrialOrder order, const WorkerShare& share,
                                                    TrialShareReport& report);

// The runner behind it, for one trial.
class TrialAsker : public oversight::EpisodeRunner {
 public:
  struct Setting {
    storage::TreeStore& store;
    const charter::CharterFiles& charter;
    crypto::Digest environment;
    std::function<void(const std::string&)> says;  // one line; may be empty
  };
  TrialAsker(const Setting& setting, const WorkerShare& share, TrialShareReport& report);
  ~TrialAsker() override;

  // kPending "work.start-again" from either: what was given before counts no more. StartAgain, and ask for the first
  // look again; what is still good is not run twice.
  Result<void> Begin(const std::vector<crypto::Digest>& trees, std::span<const trial::Seed> seeds) override;
  Result<trial::Evaluation<trial::EpisodeTable>> Run(const crypto::Digest& tree) override;

  void StartAgain();
  // From now on everything is run here, beginning with the first look, and compared with what workers gave.
  void GoAlone(const std::string& why);
  bool is_alone() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace pawl::work
