#include "warrant/evidence.h"

#include <algorithm>
#include <numeric>

namespace pawl::warrant {

int64_t ShareTogether(std::vector<int64_t> shares, uint64_t faults_max) {
  std::sort(shares.begin(), shares.end());
  shares.resize(shares.size() - std::min<uint64_t>(faults_max, shares.size()));
  return std::accumulate(shares.begin(), shares.end(), int64_t{0});
}

Result<void> CheckShownTogether(std::span<const Vote* const> votes, uint64_t faults_max) {
  std::map<std::string, std::vector<int64_t>> conditions;
  for (const Vote* vote : votes) {
    encoding::JsonObject evidence(vote->evidence, "evidence");
    encoding::JsonObject shares(evidence.Any("shares"), "evidence.shares");
    for (const std::string& name : shares.Names()) {
      conditions[name].push_back(shares.Integer(name.c_str(), -encoding::kJsonIntegerMax, kWholeShare));
    }
    if (Result<void> done = shares.Finish(); !done.ok()) return done;
  }
  if (conditions.empty()) conditions["any condition"];  // which no vote answers
  for (const auto& [name, shares] : conditions) {
    if (!shares.empty() && shares.size() == votes.size() && ShareTogether(shares, faults_max) >= kWholeShare) continue;
    return Refused("quorum.evidence", "the evaluators together do not show '" + name + "'");
  }
  return {};
}

}  // namespace pawl::warrant
