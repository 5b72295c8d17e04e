// What each limit of a charter asks of a candidate that is as good as it can be: no harm seen, no gain beyond what is
// asked, no decision changed. What such a candidate cannot show, none can.
//
//   for (const BestCase& best : *BestCases(charter, episodes)) {
//     if (best.needed(alpha) > best.planned) …              // can never be shown with so many
//   }
//
// Thread safety: values; no shared state.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "charter/charter.h"
#include "result/result.h"

namespace pawl::cli {

struct BestCase {
  std::string name;      // of the condition: "harm 'near_miss'"
  std::string what;      // the same and what the candidate is like: "harm 'near_miss' with no harm seen"
  uint64_t planned = 0;  // episodes or probes of one trial
  const char* unit = "episodes";
  double lifetime_error = 0;
  // Observations needed at an error, by running the very test; planned + 1 where they do not suffice.
  std::function<uint64_t(double alpha)> needed;
};

// Shares of the episodes that are of a group, by its name.
using GroupShares = std::map<std::string, double>;

// That of one group; where it is not given, an equal share of what the given ones leave.
double ShareOfGroup(const charter::Charter& charter, const GroupShares& shares, const std::string& group);

// What one evaluator has to reach of the error that a trial spends. Where the evidence decides together (`faults_max`),
// e-values of all but the largest so many are multiplied: evaluators that all see the same each need the root.
double ErrorOfOne(const charter::Charter& charter, double alpha);

// In the order of a trial's conditions. `episodes` takes the place of the charter's number. Where a harm is about a
// group, numbers are still those of all episodes of a trial. Errors are those of MakeTrialRules.
Result<std::vector<BestCase>> BestCases(const charter::Charter& charter, uint64_t episodes,
                                        const GroupShares& shares = {});

// The largest budget index at which the best candidate still shows it; 0 where it never does, `most` where it does
// then.
Result<uint64_t> LastIndexShown(const BestCase& best, const charter::Charter& charter, uint64_t most);

}  // namespace pawl::cli
