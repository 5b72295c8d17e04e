#include "authoring/best_case.h"

#include <algorithm>
#include <cmath>

#include "oversight/charter_trial.h"
#include "trial/budget.h"
#include "trial/confidence_sequence.h"
#include "trial/plan.h"
#include "trial/seeds.h"

namespace pawl::authoring {
namespace {

constexpr uint64_t kProbesBytesMax = uint64_t{1} << 26;

// One value again and again until "mean < m" is shown. The betting is tuned to the planned number, which therefore
// stays fixed.
uint64_t ConstantBelow(double value, double m, double alpha, uint64_t planned) {
  if (!(m > 0 && m < 1)) return 0;
  const std::vector<double> values(planned, value);
  if (!trial::BettingBelow(values, m, alpha).EverReached(alpha)) return planned + 1;
  uint64_t low = 0, high = planned;  // the least planned number that would do
  while (low + 1 < high) {
    const uint64_t middle = low + (high - low) / 2;
    const std::vector<double> fewer(middle, value);
    (trial::BettingBelow(fewer, m, alpha).EverReached(alpha) ? high : low) = middle;
  }
  return high;
}

// The same value until "mean > 1/2" is shown.
uint64_t ConstantAbove(double value, double alpha, uint64_t planned) {
  trial::EProcess process(trial::Alternative::kMeanAbove, 0.5, trial::Bet::kVarianceAdaptive);
  for (uint64_t i = 1; i <= planned; ++i) {
    process.Observe(value);
    if (process.RejectedAt(alpha)) return i;
  }
  return planned + 1;
}

BestCase HarmBest(const charter::Charter& charter, const charter::HarmBound& harm, uint64_t episodes,
                  const GroupShares& shares) {
  const charter::Metric& metric = *charter.evaluation.Find(harm.metric);
  const bool lower = metric.direction == charter::Direction::kLowerIsBetter;
  const double limit = (lower ? harm.limit - metric.min : metric.max - harm.limit) / (metric.max - metric.min);
  const double share = harm.group ? ShareOfGroup(charter, shares, *harm.group) : 1;
  const std::string name = "harm '" + harm.name + "'";
  BestCase best{name, name + " with no harm seen", episodes, "episodes", harm.lifetime_error, [=](double alpha) {
                  const auto of_group = static_cast<double>(trial::EpisodesWithoutViolation(limit, alpha));
                  return static_cast<uint64_t>(std::ceil(of_group / share));
                }};
  best.group = harm.group.value_or("");
  best.share = share;
  return best;
}

}  // namespace

Result<TrialSize> SizeOfTrial(const charter::CharterFiles& files) {
  const charter::Evaluation& evaluation = files.charter.evaluation;
  TrialSize size{.episodes = static_cast<uint64_t>(evaluation.episodes)};
  if (!evaluation.probes_file) return size;
  const subject::FileEntry* file = files.manifest.Find(*evaluation.probes_file);
  if (file == nullptr) return Refused("charter.probes", "the charter has no file '" + *evaluation.probes_file + "'");
  Result<std::string> probes = files.read(file->digest, kProbesBytesMax);
  if (!probes.ok()) return probes.error();
  size.fixed_probes = probes->size() / sizeof(trial::Seed);
  return size;
}

uint64_t BestCase::Needed(const charter::Charter& charter, double alpha) const {
  return needed(together == Together::kMore ? ErrorOfOne(charter, alpha) : alpha);
}

double ErrorOfOne(const charter::Charter& charter, double alpha) {
  const charter::QuorumRule* rule = charter.FindQuorum(charter::Role::kEvaluator);
  if (rule == nullptr || !rule->faults_max) return alpha;
  const auto evaluators =
      std::count_if(charter.reviewers.begin(), charter.reviewers.end(),
                    [](const charter::Reviewer& reviewer) { return reviewer.role == charter::Role::kEvaluator; });
  return std::pow(alpha, 1.0 / static_cast<double>(std::max<int64_t>(1, evaluators - *rule->faults_max)));
}

Result<std::vector<BestCase>> BestCases(const charter::Charter& charter, const TrialSize& size,
                                        const GroupShares& shares) {
  if (charter.evaluation.command.empty()) return std::vector<BestCase>();
  if (Result<trial::TrialRules> rules = oversight::MakeTrialRules(charter); !rules.ok()) return rules.error();
  const uint64_t episodes = size.episodes;
  const uint64_t probes = static_cast<uint64_t>(charter.evaluation.probes);
  std::vector<BestCase> cases;
  for (const charter::HarmBound& harm : charter.bounds.harm) cases.push_back(HarmBest(charter, harm, episodes, shares));
  const charter::CapabilityBound& capability = charter.bounds.capability;
  const charter::Metric& metric = *charter.evaluation.Find(capability.metric);
  const double range = metric.max - metric.min;
  const auto gain_at_most = [&](const char* name, const char* what, double gain) {
    cases.push_back({name, what, episodes, "episodes", capability.lifetime_error,
                     [=](double alpha) { return ConstantBelow(0.5, (1 + gain / range) / 2, alpha, episodes); }});
  };
  gain_at_most("max_step", "max_step with no gain at all", capability.max_step);
  if (capability.max_growth > 0) gain_at_most("max_growth", "max_growth with no gain at all", capability.max_growth);
  const bool lower = metric.direction == charter::Direction::kLowerIsBetter;
  const double ceiling = (lower ? metric.max - capability.ceiling : capability.ceiling - metric.min) / range;
  cases.push_back({"ceiling", "the ceiling with the worst outcomes there are", episodes, "episodes",
                   capability.lifetime_error,
                   [=](double alpha) { return ConstantBelow(0, ceiling, alpha, episodes); }});
  // A metric of its own has no largest step: the best candidate gains all that it has.
  const bool stepped = capability.metric == charter.bounds.improvement.metric;
  const double gain = stepped ? capability.max_step / range / 2 : 1;
  cases.push_back({"improvement",
                   stepped ? "an improvement of half of max_step that never varies"
                           : "an improvement by the whole range of its metric that never varies",
                   episodes, "episodes", charter.bounds.improvement.lifetime_error,
                   [=](double alpha) { return ConstantAbove((1 + gain) / 2, alpha, episodes); }});
  const double drift = charter.bounds.drift.limit;
  cases.push_back({"drift", "drift with no decision changed", probes, "probes", charter.bounds.drift.lifetime_error,
                   [=](double alpha) { return ConstantBelow(0, drift, alpha, probes); }});
  if (charter.evaluation.probes_file) {
    cases.push_back({"drift-fixed", "drift on the fixed probes with no decision changed", size.fixed_probes,
                     "fixed probes", charter.bounds.drift.lifetime_error,
                     [=](double alpha) { return trial::FixedProbesNeeded(0, drift, alpha); }, Together::kNothing});
  }
  if (const double energy = charter.bounds.drift.energy_limit; energy > 0 && episodes >= 2) {
    cases.push_back({"energy_limit", "energy_limit with no outcome changed", episodes / 2, "pairs of episodes",
                     charter.bounds.drift.lifetime_error,
                     [=](double alpha) { return ConstantBelow(0.5, (energy + 2) / 4, alpha, episodes / 2); }});
  }
  return cases;
}

Result<uint64_t> LastIndexShown(const BestCase& best, const charter::Charter& charter, uint64_t most) {
  const trial::EvaluatorShare share = oversight::EvaluatorShareOf(charter);
  uint64_t shown = 0;
  uint64_t not_shown = most + 1;
  while (not_shown - shown > 1) {
    const uint64_t k = shown + (not_shown - shown) / 2;
    Result<double> alpha = trial::TrialAlpha(best.lifetime_error, k, share);
    if (!alpha.ok()) return alpha.error();
    (best.Needed(charter, *alpha) <= best.planned ? shown : not_shown) = k;
  }
  return shown;
}

}  // namespace pawl::authoring
