// With whom a trial is shared, for whoever only passes it on; trial_asker.h says what happens then.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "crypto/note_key.h"

namespace pawl::work {

struct TrialShare {
  std::string url;
  std::vector<crypto::NoteKey> enrolled;  // no two of one name
  size_t batch_episodes = 0;              // at most kBatchEpisodesMax; 0: an eighth of a look, at least 250
  double rerun_share = 0.1;               // of the batches of each look that workers ran: run again here
  size_t rerun_min = 1;                   // of each look
  std::string trace;                      // of the proposal, which workers note as well; may be empty
};

}  // namespace pawl::work
