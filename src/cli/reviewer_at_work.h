// One reviewer with its key, at one log: what `pawl review` does once and `pawl oversee` whenever the log grows.
//
//   Result<ReviewerAtWork> reviewer = ReviewerAtWork::Open(globals, "prover-a");
//   Result<std::vector<oversight::ReviewReport>> reports = reviewer->Look(globals, oversight::Waiting::kForEveryVote);
//
// It believes events, never what the gate has made of them: opening folds the log from its first event. Thread safety:
// one thread.
#pragma once

#include <sys/stat.h>

#include <optional>
#include <set>
#include <string>
#include <vector>

#include "cli/command.h"
#include "oversight/review.h"
#include "signing/signer.h"

namespace pawl::cli {

class ReviewerAtWork {
 public:
  static Result<ReviewerAtWork> Open(const Globals& globals, const std::string& name);
  static Result<ReviewerAtWork> Open(Place place, const std::string& name);

  // Acts on everything that waits for it, as log and charter are now. kUsage "review.unknown" where the charter in
  // force does not have it (any more); kNotFound "key.missing".
  Result<std::vector<oversight::ReviewReport>> Look(const Globals& globals, oversight::Waiting waiting);

  ledger::SubjectLog& log() { return log_; }
  // As the charter had it at the last look.
  const charter::Reviewer& record() const { return record_; }
  const std::string& memory_folder() const { return memory_folder_; }

 private:
  // The key of its record. The file of its name is read again only where it has changed.
  Result<signing::Signer> Key();
  ReviewerAtWork(Place place, ledger::SubjectLog log, charter::Reviewer record, std::string memory_folder)
      : place_(std::move(place)),
        log_(std::move(log)),
        record_(std::move(record)),
        memory_folder_(std::move(memory_folder)) {}

  Place place_;
  ledger::SubjectLog log_;
  charter::Reviewer record_;
  std::string memory_folder_;
  // Past the gate: its votes on what is open go to the charter's witnesses as well, each once.
  void TellWitnesses();

  std::optional<signing::Signer> key_;  // as it was read last
  std::set<crypto::Digest> told_;       // votes that a witness keeps, or that none is there to keep
  struct stat key_file_ {};             // of the file as it was then
};

// Prints them, with the subject, who that is and who answers for it, and says whether one of them waits (kPending).
ExitCode ShowReviews(const Globals& globals, ReviewerAtWork& reviewer,
                     const std::vector<oversight::ReviewReport>& reports);

}  // namespace pawl::cli
