#include "oversight/charter_trial.h"

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "merkle/checkpoint.h"
#include "storage/temporary_folder.h"
#include "storage/tree_store.h"
#include "trial/run.h"
#include "trial/seeds.h"

namespace pawl::oversight {
namespace {

namespace fs = std::filesystem;

// A private folder that goes with its owner.
class Scratch {
 public:
  static Result<Scratch> Make() {
    Result<std::string> made = storage::MakeTemporaryFolder("pawl-trial");
    if (!made.ok()) return made.error();
    return Scratch(*made);
  }
  Scratch(Scratch&& other) noexcept : path_(std::exchange(other.path_, {})) {}
  Scratch& operator=(Scratch&&) = delete;
  ~Scratch() {
    std::error_code ignored;
    if (!path_.empty()) fs::remove_all(path_, ignored);
  }
  const std::string& path() const { return path_; }

 private:
  explicit Scratch(std::string path) : path_(std::move(path)) {}
  std::string path_;
};

// A read-only copy of a tree whose bytes were checked just now.
Result<std::string> VerifiedView(storage::TreeStore& store, const crypto::Digest& tree) {
  Result<std::string> view = store.Materialise(tree);
  if (!view.ok()) return view.error();
  if (Result<void> whole = store.VerifyMaterialised(tree); !whole.ok()) return whole.error();
  return view;
}

struct Runner {
  const charter::Evaluation& evaluation;
  std::string charter_view;
  std::string scratch;
  std::vector<trial::MetricRange> metrics;

  trial::EvaluationRequest Request(const std::string& subject, std::span<const trial::Seed> seeds) const {
    trial::EvaluationRequest request;
    request.command = evaluation.command;
    request.charter_directory = charter_view;
    request.subject_directory = subject;
    request.scratch_directory = scratch;
    request.seeds = seeds;
    request.limits.wall_ms = evaluation.limits.wall_seconds * 1'000;
    request.limits.cpu_ms = evaluation.limits.cpu_seconds * 1'000;
    request.limits.memory_mib = evaluation.limits.memory_mib;
    request.limits.processes = evaluation.limits.processes;
    request.limits.output_bytes = evaluation.limits.output_mib << 20;
    request.limits.output_files = evaluation.limits.files;
    return request;
  }
};

std::vector<trial::Seed> ReadProbes(const std::string& bytes) {
  std::vector<trial::Seed> seeds(bytes.size() / sizeof(trial::Seed));
  for (size_t i = 0; i < seeds.size(); ++i) {
    std::copy_n(bytes.begin() + static_cast<std::ptrdiff_t>(i * sizeof(trial::Seed)), sizeof(trial::Seed),
                seeds[i].begin());
  }
  return seeds;
}

Result<std::vector<trial::Seed>> FixedProbes(ledger::SubjectLog& log) {
  const std::optional<std::string>& path = log.charter().charter.evaluation.probes_file;
  if (!path) return std::vector<trial::Seed>();
  const subject::FileEntry* file = log.charter().manifest.Find(*path);
  if (file == nullptr) return Refused("charter-trial.probes", "the charter has no file '" + *path + "'");
  Result<std::string> bytes = log.charter().read(file->digest, uint64_t{1} << 26);
  if (!bytes.ok()) return bytes.error();
  return ReadProbes(*bytes);
}

}  // namespace

Result<trial::TrialRules> MakeTrialRules(const charter::Charter& charter) {
  trial::TrialRules rules;
  for (const charter::Metric& metric : charter.evaluation.metrics) {
    const bool higher = metric.direction == charter::Direction::kHigherIsBetter;
    rules.metrics.push_back({metric.name, metric.min, metric.max,
                             higher ? trial::Direction::kHigherIsBetter : trial::Direction::kLowerIsBetter});
  }
  for (const charter::HarmBound& harm : charter.bounds.harm) {
    rules.harms.push_back({harm.name, harm.metric, harm.limit, harm.lifetime_error});
  }
  const charter::Bounds& bounds = charter.bounds;
  rules.improvement = trial::ImprovementCondition{bounds.improvement.metric, bounds.improvement.lifetime_error};
  rules.capability = trial::CapabilityCondition{bounds.capability.metric, bounds.capability.max_step,
                                                bounds.capability.ceiling, bounds.capability.lifetime_error};
  rules.drift =
      trial::DriftCondition{bounds.drift.limit, bounds.drift.lifetime_error, charter.evaluation.probes_file.has_value(),
                            static_cast<uint64_t>(charter.evaluation.probes)};
  rules.episodes = static_cast<uint64_t>(charter.evaluation.episodes);
  if (Result<void> checked = trial::CheckTrialRules(rules); !checked.ok()) return checked.error();
  return rules;
}

trial::EvaluatorShare EvaluatorShareOf(const charter::Charter& charter) {
  const charter::QuorumRule* rule = charter.FindQuorum(charter::Role::kEvaluator);
  const auto evaluators =
      std::count_if(charter.reviewers.begin(), charter.reviewers.end(),
                    [](const charter::Reviewer& reviewer) { return reviewer.role == charter::Role::kEvaluator; });
  if (rule == nullptr) return {};
  return {.required = static_cast<uint32_t>(rule->at_least), .evaluators = static_cast<uint32_t>(evaluators)};
}

Result<trial::EvaluationEnvironment> DescribeEvaluation(ledger::SubjectLog& log) {
  Result<std::string> view = VerifiedView(log.store(), log.charter().charter.digest);
  if (!view.ok()) return view.error();
  trial::EnvironmentQuestion question;
  question.command = log.charter().charter.evaluation.command;
  question.charter_directory = *view;
  for (const std::string& path : log.charter().charter.evaluation.closure) question.closure.emplace_back(path);
  return trial::DescribeEnvironment(question);
}

Result<std::string> CommitCheckpoint(const ledger::SubjectLog& log, uint64_t candidate_index) {
  Result<crypto::Digest> root = const_cast<ledger::SubjectLog&>(log).ledger().Root(candidate_index + 1);
  if (!root.ok()) return root.error();
  return merkle::Checkpoint{.origin = log.charter().charter.gate.log.name, .size = candidate_index + 1, .root = *root}
      .Text();
}

Result<CharterTrial> RunCharterTrial(const TrialOrder& order) {
  ledger::SubjectLog& log = *order.log;
  const charter::Charter& charter = log.charter().charter;
  const auto say = [&](const std::string& text) {
    if (order.progress) order.progress(text);
  };
  Result<trial::TrialRules> rules = MakeTrialRules(charter);
  if (!rules.ok()) return rules.error();
  trial::TrialTerms terms;
  terms.kind = order.candidate.parent_tree ? trial::TrialKind::kStep : trial::TrialKind::kFirstRelease;
  terms.budget_index = static_cast<uint64_t>(order.candidate.budget_index);
  terms.share = EvaluatorShareOf(charter);

  const std::span<const uint8_t> signature(reinterpret_cast<const uint8_t*>(order.seed_signature.data()),
                                           order.seed_signature.size());
  Result<std::vector<trial::Seed>> episode_seeds =
      trial::DeriveSeeds(signature, trial::SeedPurpose::kEpisodes, static_cast<size_t>(charter.evaluation.episodes));
  if (!episode_seeds.ok()) return episode_seeds.error();
  Result<std::vector<trial::Seed>> probe_seeds =
      trial::DeriveSeeds(signature, trial::SeedPurpose::kDecisions, static_cast<size_t>(charter.evaluation.probes));
  if (!probe_seeds.ok()) return probe_seeds.error();
  Result<std::vector<trial::Seed>> fixed = FixedProbes(log);
  if (!fixed.ok()) return fixed.error();
  probe_seeds->insert(probe_seeds->end(), fixed->begin(), fixed->end());

  Result<Scratch> scratch = Scratch::Make();
  if (!scratch.ok()) return scratch.error();
  Result<std::string> charter_view = VerifiedView(log.store(), charter.digest);
  if (!charter_view.ok()) return charter_view.error();
  const Runner runner{charter.evaluation, *charter_view, scratch->path(), rules->metrics};

  // Runs of one tree: its view, made and checked just before.
  const auto episodes = [&](const crypto::Digest& tree) -> Result<trial::Evaluation<trial::EpisodeTable>> {
    Result<std::string> view = VerifiedView(log.store(), tree);
    if (!view.ok()) return view.error();
    return trial::RunEpisodes(runner.Request(*view, *episode_seeds), rules->metrics);
  };
  const auto decisions = [&](const crypto::Digest& tree) -> Result<trial::Evaluation<std::vector<std::string>>> {
    Result<std::string> view = VerifiedView(log.store(), tree);
    if (!view.ok()) return view.error();
    return trial::RunDecisions(runner.Request(*view, *probe_seeds));
  };

  CharterTrial done;
  const auto note = [&](const std::vector<std::string>& weaker) {
    for (const std::string& sentence : weaker) {
      const auto& known = done.weaker_guarantees;
      if (std::find(known.begin(), known.end(), sentence) == known.end()) done.weaker_guarantees.push_back(sentence);
    }
  };
  trial::TrialData data;
  const crypto::Digest& candidate = order.candidate.tree;
  const crypto::Digest& baseline = order.candidate.baseline;
  // The same tree on the same seeds gives the same table; run each tree once.
  std::vector<std::pair<crypto::Digest, trial::EpisodeTable>> tables;
  const auto table_of = [&](const crypto::Digest& tree, const char* who) -> Result<std::optional<trial::EpisodeTable>> {
    for (const auto& [known, table] : tables) {
      if (known == tree) return std::optional(table);
    }
    say(std::string("trial: ") + who + ", " + std::to_string(episode_seeds->size()) + " episodes");
    Result<trial::Evaluation<trial::EpisodeTable>> result = episodes(tree);
    if (!result.ok()) return result.error();
    note(result->weaker_guarantees);
    if (!result->table) {
      done.report = trial::VoidTrial(*rules, terms, result->void_reason);
      return std::optional<trial::EpisodeTable>();
    }
    tables.emplace_back(tree, *result->table);
    return std::optional(*result->table);
  };
  Result<std::optional<trial::EpisodeTable>> table = table_of(candidate, "candidate");
  if (!table.ok()) return table.error();
  if (!table->has_value()) return done;
  data.candidate = std::move(**table);
  if (order.candidate.parent_tree) {
    table = table_of(*order.candidate.parent_tree, "parent");
    if (!table.ok()) return table.error();
    if (!table->has_value()) return done;
    data.parent = std::move(**table);
  }
  table = table_of(baseline, "baseline");
  if (!table.ok()) return table.error();
  if (!table->has_value()) return done;
  data.baseline = std::move(**table);

  say("trial: decisions at " + std::to_string(probe_seeds->size()) + " probes");
  const auto fresh = static_cast<std::ptrdiff_t>(charter.evaluation.probes);
  const auto decide = [&](const crypto::Digest& tree, std::vector<std::string>& on_fresh,
                          std::vector<std::string>& on_fixed) -> Result<bool> {
    Result<trial::Evaluation<std::vector<std::string>>> result = decisions(tree);
    if (!result.ok()) return result.error();
    note(result->weaker_guarantees);
    if (!result->table) {
      done.report = trial::VoidTrial(*rules, terms, result->void_reason);
      return false;
    }
    on_fresh.assign(result->table->begin(), result->table->begin() + fresh);
    on_fixed.assign(result->table->begin() + fresh, result->table->end());
    return true;
  };
  Result<bool> ran = decide(candidate, data.fresh_decisions.candidate, data.fixed_decisions.candidate);
  if (!ran.ok()) return ran.error();
  if (!*ran) return done;
  ran = decide(baseline, data.fresh_decisions.baseline, data.fixed_decisions.baseline);
  if (!ran.ok()) return ran.error();
  if (!*ran) return done;
  Result<trial::TrialReport> report = trial::AssessTrial(*rules, terms, data);
  if (!report.ok()) return report.error();
  done.report = std::move(*report);
  return done;
}

Result<std::optional<LastStep>> MeasureLastStep(const TrialOrder& order) {
  ledger::SubjectLog& log = *order.log;
  const std::vector<warrant::ReleaseRecord>& releases = log.history().releases();
  if (releases.size() < 2) return std::optional<LastStep>();
  const charter::Charter& charter = log.charter().charter;
  Result<trial::TrialRules> rules = MakeTrialRules(charter);
  if (!rules.ok()) return rules.error();
  const std::span<const uint8_t> signature(reinterpret_cast<const uint8_t*>(order.seed_signature.data()),
                                           order.seed_signature.size());
  Result<std::vector<trial::Seed>> seeds =
      trial::DeriveSeeds(signature, trial::SeedPurpose::kPostRelease, static_cast<size_t>(charter.evaluation.episodes));
  if (!seeds.ok()) return seeds.error();
  Result<Scratch> scratch = Scratch::Make();
  if (!scratch.ok()) return scratch.error();
  Result<std::string> charter_view = VerifiedView(log.store(), charter.digest);
  if (!charter_view.ok()) return charter_view.error();
  const Runner runner{charter.evaluation, *charter_view, scratch->path(), rules->metrics};
  if (order.progress) order.progress("measuring the last release afresh");
  const auto mean = [&](const crypto::Digest& tree) -> Result<double> {
    Result<std::string> view = VerifiedView(log.store(), tree);
    if (!view.ok()) return view.error();
    Result<trial::Evaluation<trial::EpisodeTable>> run =
        trial::RunEpisodes(runner.Request(*view, *seeds), rules->metrics);
    if (!run.ok()) return run.error();
    if (!run->table) return run->void_reason;
    const std::span<const double> values = run->table->column(run->table->IndexOf(charter.bounds.capability.metric));
    double sum = 0;
    for (const double value : values) sum += value;
    return sum / static_cast<double>(values.size());
  };
  Result<double> now = mean(releases.back().tree);
  if (!now.ok()) return now.error();
  Result<double> before = mean(releases[releases.size() - 2].tree);
  if (!before.ok()) return before.error();
  const charter::Metric* metric = charter.evaluation.Find(charter.bounds.capability.metric);
  const double sign = metric != nullptr && metric->direction == charter::Direction::kLowerIsBetter ? -1 : 1;
  return std::optional(LastStep{releases.back().epoch, sign * (*now - *before)});
}

std::string DescribeTrial(const CharterTrial& trial) {
  const trial::TrialReport& report = trial.report;
  if (report.verdict == trial::TrialVerdict::kVoid) return "trial void: " + report.void_reason;
  std::string text = "trial " + std::string(trial::TrialVerdictName(report.verdict));
  for (const trial::ConditionReport& condition : report.conditions) {
    char numbers[160];
    std::snprintf(numbers, sizeof numbers, " %.4g in [%.4g, %.4g], limit %.4g: ", condition.estimate, condition.lower,
                  condition.upper, condition.limit);
    text += "; " + condition.name + numbers + std::string(trial::ConditionStatusName(condition.status));
  }
  for (const std::string& weaker : trial.weaker_guarantees) text += "; sandbox: " + weaker;
  return text;
}

}  // namespace pawl::oversight
