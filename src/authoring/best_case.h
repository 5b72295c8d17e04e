// What each limit of a charter asks of a candidate that is as good as it can be: no harm seen, no gain beyond what is
// asked, no decision changed. What such a candidate cannot show, none can.
//
//   for (const BestCase& best : *BestCases(charter, *SizeOfTrial(files))) {
//     if (best.Needed(charter, alpha) > best.planned) …     // can never be shown with so many
//   }
//
// Thread safety: values; no shared state.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "authoring/group_shares.h"
#include "charter/charter.h"
#include "result/result.h"

namespace pawl::authoring {

// How much a trial under a charter looks at. Fresh probes are the charter's number.
struct TrialSize {
  uint64_t episodes = 0;
  uint64_t fixed_probes = 0;  // in the charter's file of them; 0: it has none
};

// The charter's own numbers. Errors are those of reading the file.
Result<TrialSize> SizeOfTrial(const charter::CharterFiles& files);

// What several evaluators who each see too little can show together, where their evidence decides (`faults_max`).
enum class Together {
  kMore,     // their e-values are multiplied
  kNothing,  // all ask the same: each has to show it
};

struct BestCase {
  std::string name;      // of the condition: "harm 'near_miss'"
  std::string what;      // the same and what the candidate is like: "harm 'near_miss' with no harm seen"
  uint64_t planned = 0;  // episodes or probes of one trial
  const char* unit = "episodes";
  double lifetime_error = 0;
  // Observations that one evaluator needs at an error, by running the very test; more than `planned` where those do not
  // suffice.
  std::function<uint64_t(double alpha)> needed;
  Together together = Together::kMore;
  std::string group{};  // of the episodes that a harm is about; empty: all
  double share = 1;     // of the episodes that are of it

  // The same where a trial spends `alpha`.
  uint64_t Needed(const charter::Charter& charter, double alpha) const;
};

// What one evaluator has to reach of the error that a trial spends. Where the evidence decides together (`faults_max`),
// e-values of all but the largest so many are multiplied: evaluators that all see the same each need the root.
double ErrorOfOne(const charter::Charter& charter, double alpha);

// In the order of a trial's conditions. `size` takes the place of the charter's numbers. Where a harm is about a group,
// numbers are still those of all episodes of a trial. Errors are those of MakeTrialRules.
Result<std::vector<BestCase>> BestCases(const charter::Charter& charter, const TrialSize& size,
                                        const GroupShares& shares = {});

// The largest budget index at which the best candidate still shows it; 0 where it never does, `most` where it does
// then.
Result<uint64_t> LastIndexShown(const BestCase& best, const charter::Charter& charter, uint64_t most);

}  // namespace pawl::authoring
