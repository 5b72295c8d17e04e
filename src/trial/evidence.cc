#include "trial/evidence.h"

#include <algorithm>
#include <cmath>

namespace pawl::trial {
namespace {

constexpr double kWhole = 1e6;
// As in Wealth::EverReached.
constexpr double kRoundingMargin = 1e-9;

}  // namespace

std::int64_t EvidenceShare(const ConditionReport& condition) {
  const double needed = -std::log(condition.alpha);
  if (condition.log_e_value_peak >= needed + kRoundingMargin) return static_cast<std::int64_t>(kWhole);
  const double share = std::floor(kWhole * (condition.log_e_value - kRoundingMargin) / needed);
  return static_cast<std::int64_t>(std::clamp(share, -static_cast<double>(encoding::kJsonIntegerMax), kWhole - 1));
}

std::string EvidenceName(const ConditionReport& condition) {
  return (condition.kind == ConditionKind::kHarm ? "harm " : "") + condition.name;
}

encoding::Json EvidenceSharesJson(const TrialReport& report) {
  encoding::Json shares = encoding::Json::object();
  for (const ConditionReport& condition : report.conditions) shares[EvidenceName(condition)] = EvidenceShare(condition);
  return shares;
}

bool AnythingBroken(const TrialReport& report) {
  return report.verdict == TrialVerdict::kVoid || report.conditions.empty() ||
         std::any_of(report.conditions.begin(), report.conditions.end(),
                     [](const ConditionReport& condition) { return condition.status == ConditionStatus::kExceeded; });
}

}  // namespace pawl::trial
