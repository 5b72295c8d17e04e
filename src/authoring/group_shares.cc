#include "authoring/group_shares.h"

#include <algorithm>
#include <cstdlib>

#include "authoring/charter_words.h"

namespace pawl::authoring {
namespace {

Error NoSuchShare(std::string message, std::string advice) {
  return {ErrorCode::kUsage, "plan.question", std::move(message), std::move(advice)};
}

}  // namespace

Result<GroupShares> ParseGroupShares(const std::vector<std::string>& words) {
  GroupShares shares;
  for (const std::string& word : words) {
    const size_t at = word.find('=');
    char* end = nullptr;
    const std::string number = at == std::string::npos ? "" : word.substr(at + 1);
    const double share = std::strtod(number.c_str(), &end);
    if (number.empty() || *end != '\0' || !(share > 0 && share <= 1)) {
      return NoSuchShare("'" + word + "' is not GROUP=SHARE with a share above 0 and at most 1",
                         "give for example --group night=0.1");
    }
    shares[word.substr(0, at)] = share;
  }
  return shares;
}

Result<void> CheckGroupShares(const charter::Charter& charter, const GroupShares& shares) {
  const std::vector<std::string>& groups = charter.evaluation.groups;
  double sum = 0;
  for (const auto& [group, share] : shares) {
    sum += share;
    if (std::find(groups.begin(), groups.end(), group) == groups.end() || !(share > 0 && share <= 1)) {
      return NoSuchShare("'" + group + "' is no group of the charter, or its share none",
                         "give GROUP=SHARE, with a share above 0 and at most 1");
    }
  }
  if (sum <= 1 + 1e-9) return {};
  return NoSuchShare("the groups' shares add up to " + PlainNumber(sum), "give shares that add up to 1 at most");
}

GroupShares SharesSeen(const charter::Charter& charter, const std::map<std::string, uint64_t>& seen, uint64_t all) {
  GroupShares shares;
  for (const std::string& group : charter.evaluation.groups) {
    const auto found = seen.find(group);
    if (found == seen.end() || found->second == 0 || found->second > all) continue;
    shares[group] = static_cast<double>(found->second) / static_cast<double>(all);
  }
  return shares;
}

double ShareOfGroup(const charter::Charter& charter, const GroupShares& shares, const std::string& group) {
  if (const auto given = shares.find(group); given != shares.end()) return given->second;
  double left = 1;
  for (const auto& [name, share] : shares) left -= share;
  const size_t others = charter.evaluation.groups.size() - shares.size();
  constexpr double kShareMin = 1e-6;  // where the given ones leave nothing
  return std::max(kShareMin, left / static_cast<double>(std::max<size_t>(1, others)));
}

}  // namespace pawl::authoring
