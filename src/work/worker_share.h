// With whom a gate shares its own proofs and trials, for whoever only passes it on; asker.h and trial_asker.h say what
// happens then.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "crypto/note_key.h"

namespace pawl::work {

struct WorkerShare {
  std::string url;
  std::vector<crypto::NoteKey> enrolled;  // no two of one name
  // Of proofs.
  double alone_s = 5;  // of searching here before a proof is shared out
  // Of trials.
  size_t batch_episodes = 0;  // at most kBatchEpisodesMax; 0: an eighth of a look, at least 250
  double rerun_share = 0.1;   // of the batches of each look that workers ran: run again here
  size_t rerun_min = 1;       // of each look
  std::string trace;          // of the proposal, which workers note as well; may be empty
};

}  // namespace pawl::work
