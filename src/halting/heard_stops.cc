#include "halting/heard_stops.h"

#include <algorithm>

#include "halting/halting.h"
#include "warrant/state.h"

namespace pawl::halting {

using notices::HeardNotice;

Result<std::vector<std::string>> DeliverHeard(const std::string& state_path, const charter::Charter& charter,
                                              const notices::Heard& heard) {
  const Result<warrant::State> state = warrant::ReadStateFile(state_path);
  if (!state.ok()) return state.error();
  const Result<warrant::LocalHalts> local = warrant::ReadLocalHalts(state_path, charter, *state);
  if (!local.ok()) return local.error();
  std::vector<crypto::Digest> in_force = local->in_force;
  std::vector<std::string> news;
  for (const HeardNotice& halt : heard.notices) {
    const crypto::Digest& digest = halt.notice.digest;
    const bool lifted =
        std::ranges::binary_search(state->lifted, digest) || std::ranges::binary_search(local->lifted, digest) ||
        std::ranges::any_of(heard.notices,
                            [&](const HeardNotice& other) { return notices::Lifts(other.notice, halt.notice); });
    if (!halt.notice.IsHalt() || lifted || std::ranges::find(in_force, digest) != in_force.end()) continue;
    if (Result<void> put = DeliverToLoader(state_path, halt.notice.envelope); !put.ok()) return put.error();
    in_force.push_back(digest);
    news.push_back("halted by " + halt.notice.by + ": " + halt.notice.decision->reason);
  }
  for (const HeardNotice& resume : heard.notices) {
    if (!resume.notice.IsResume()) continue;
    const bool lifts_something = std::ranges::any_of(resume.notice.decision->lifts, [&](const crypto::Digest& lifted) {
      return std::ranges::find(in_force, lifted) != in_force.end();
    });
    if (!lifts_something) continue;
    if (Result<void> put = DeliverToLoader(state_path, resume.notice.envelope); !put.ok()) return put.error();
    std::erase_if(in_force, [&](const crypto::Digest& digest) {
      return std::ranges::binary_search(resume.notice.decision->lifts, digest);
    });
    news.push_back("resumed: " + resume.notice.decision->reason);
  }
  return news;
}

}  // namespace pawl::halting
