// Which share of a charter's episodes is of which group, as people give it: what limits of a group need depends on it.
//
//   Result<GroupShares> shares = ParseGroupShares({"night=0.1"});
//   if (Result<void> fits = CheckGroupShares(charter, *shares); !fits.ok()) …
//   const double night = ShareOfGroup(charter, *shares, "night");
//
// Thread safety: pure functions.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "charter/charter.h"
#include "result/result.h"

namespace pawl::authoring {

// Shares of the episodes that are of a group, by its name.
using GroupShares = std::map<std::string, double>;

// Each as "GROUP=SHARE". kUsage ("plan.question") for anything else, and for a share that is not above 0 and at most 1.
Result<GroupShares> ParseGroupShares(const std::vector<std::string>& words);

// kUsage ("plan.question") for a group that the charter does not have, and for shares that add up to more than 1.
Result<void> CheckGroupShares(const charter::Charter& charter, const GroupShares& shares);

// What a trial saw, for groups that the charter has: each one's episodes among `all` of them. Nothing where `all` is 0.
GroupShares SharesSeen(const charter::Charter& charter, const std::map<std::string, uint64_t>& seen, uint64_t all);

// That of one group; where it is not given, an equal share of what the given ones leave.
double ShareOfGroup(const charter::Charter& charter, const GroupShares& shares, const std::string& group);

}  // namespace pawl::authoring
