#include "halting/heard_stops.h"

#include <algorithm>

#include "halting/halting.h"
#include "warrant/state.h"

namespace pawl::halting {

using notices::HeardNotice;

namespace {

// One halt stops as much as a thousand. Fewer than a resume lifts: whoever floods the boards fills no folder.
constexpr size_t kInForceMax = 32;

}  // namespace

Result<std::vector<std::string>> DeliverHeard(const std::string& state_path, const charter::Charter& charter,
                                              const notices::Heard& heard) {
  const Result<warrant::State> state = warrant::ReadStateFile(state_path);
  if (!state.ok()) return state.error();
  const Result<warrant::LocalHalts> local = warrant::ReadLocalHalts(state_path, charter, *state);
  if (!local.ok()) return local.error();
  std::vector<crypto::Digest> in_force = local->in_force;
  std::vector<const HeardNotice*> put;
  for (const HeardNotice& halt : heard.notices) {
    const crypto::Digest& digest = halt.notice.digest;
    const bool lifted =
        std::ranges::binary_search(state->lifted, digest) || std::ranges::binary_search(local->lifted, digest) ||
        std::ranges::any_of(heard.notices,
                            [&](const HeardNotice& other) { return notices::Lifts(other.notice, halt.notice); });
    if (!halt.notice.IsHalt() || lifted || std::ranges::find(in_force, digest) != in_force.end()) continue;
    if (in_force.size() >= kInForceMax) break;
    if (Result<void> done = DeliverToLoader(state_path, halt.notice.envelope); !done.ok()) return done.error();
    in_force.push_back(digest);
    put.push_back(&halt);
  }
  for (const HeardNotice& resume : heard.notices) {
    if (!resume.notice.IsResume() || !std::ranges::any_of(in_force, [&](const crypto::Digest& halt) {
          return std::ranges::binary_search(resume.notice.decision->lifts, halt);
        })) {
      continue;
    }
    if (Result<void> done = DeliverToLoader(state_path, resume.notice.envelope); !done.ok()) return done.error();
    put.push_back(&resume);
  }
  // What has changed by it is for the loader to say: a resume that is older than what it lifts lifts nothing.
  const Result<warrant::LocalHalts> now = warrant::ReadLocalHalts(state_path, charter, *state);
  if (!now.ok()) return now.error();
  const auto still = [&](const crypto::Digest& halt) { return std::ranges::binary_search(now->in_force, halt); };
  std::vector<std::string> news;
  for (const HeardNotice* one : put) {
    const warrant::Decision& decision = *one->notice.decision;
    if (one->notice.IsHalt() && still(one->notice.digest)) {
      news.push_back("halted by " + one->notice.by + ": " + decision.reason);
    } else if (one->notice.IsResume() && std::ranges::any_of(in_force, [&](const crypto::Digest& halt) {
                 return std::ranges::binary_search(decision.lifts, halt) && !still(halt);
               })) {
      news.push_back("resumed: " + decision.reason);
    }
  }
  return news;
}

}  // namespace pawl::halting
