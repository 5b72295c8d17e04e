// A life in which evaluator-a measures, release after release, how much the last one has gained.
//
//   Path path = GrowingPath(4, 0.02);      // four measurements; the fourth makes its detector ring
//
// Thread safety: as Path.
#pragma once

#include "encoding/number.h"
#include "warrant/path_for_test.h"

namespace pawl::oversight {

// expected_step is 0.0005 of max_step 0.02, the alarm level 0.1, shared by two evaluators: four of the largest steps.
inline void ChartForGrowth(charter::TestCharter& test) {
  test.Replace("expected_step = 0.005", "expected_step = 0.0005\nalarm_level = 0.1")
      .Replace("max_releases = 3", "max_releases = 100");
}

// The votes of `reviewer` say so.
inline warrant::Tampering Measuring(int64_t epoch, double gain, const std::string& reviewer = "evaluator-a") {
  warrant::Tampering tampering;
  tampering.votes = [=](std::vector<warrant::Vote>& votes) {
    for (warrant::Vote& vote : votes) {
      if (vote.reviewer == reviewer) {
        vote.evidence["last_step"] = {{"epoch", epoch}, {"gain", encoding::NumberText(gain)}};
      }
    }
  };
  return tampering;
}

// One more release, whose votes measure the last one.
inline warrant::MadeWarrant Grow(warrant::Path& path, double gain, const std::string& reviewer = "evaluator-a") {
  const float factor = 1.0F + 0.001F * static_cast<float>(path.state.epoch);
  return path.Go({.tree = path.NetworkTree(factor)}, Measuring(path.state.epoch, gain, reviewer));
}

inline warrant::Path GrowingPath(int measurements, double gain) {
  warrant::Path path = warrant::Path::OfItsOwn(ChartForGrowth);
  for (int i = 0; i < measurements; ++i) Grow(path, gain);
  return path;
}

}  // namespace pawl::oversight
