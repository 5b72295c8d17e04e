#include "trial/evidence.h"

#include <algorithm>
#include <cmath>

namespace pawl::trial {
namespace {

constexpr double kWhole = 1e6;
// As in Wealth::EverReached.
constexpr double kEvidenceMargin = 1e-9;

}  // namespace

std::int64_t EvidenceShare(const ConditionReport& condition) {
  if (IsEnough(condition.log_e_value_peak, condition.alpha) && MeanIsGood(condition)) {
    return static_cast<std::int64_t>(kWhole);
  }
  // Fixed probes are the same for everybody: what one evaluator lacks another does not make good.
  if (condition.kind == ConditionKind::kDrift && condition.name == "drift-fixed") return 0;
  const double share = std::floor(kWhole * (condition.log_e_value - kEvidenceMargin) / -std::log(condition.alpha));
  const double most = MeanIsGood(condition) ? kWhole - 1 : 0;
  return static_cast<std::int64_t>(std::clamp(share, -static_cast<double>(encoding::kJsonIntegerMax), most));
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
