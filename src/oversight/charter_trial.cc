#include "oversight/charter_trial.h"

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <map>
#include <numeric>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "charter/program_rules.h"
#include "ledger/past_root.h"
#include "merkle/checkpoint.h"
#include "sandbox/sandbox.h"
#include "storage/temporary_folder.h"
#include "storage/tree_store.h"
#include "trial/assess.h"
#include "trial/evidence.h"
#include "trial/run.h"
#include "trial/seeds.h"

namespace pawl::oversight {
namespace {

namespace fs = std::filesystem;

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

Result<std::string> VerifiedView(storage::TreeStore& store, const crypto::Digest& tree) {
  Result<std::string> view = store.Materialise(tree);
  if (!view.ok()) return view.error();
  if (Result<void> whole = store.VerifyMaterialised(tree); !whole.ok()) return whole.error();
  return view;
}

trial::EvaluationRequest EvaluationSetting::RequestOf(const std::string& subject_view,
                                                      std::span<const trial::Seed> seeds) const {
  trial::EvaluationRequest request;
  request.command = evaluation.command;
  request.subject_command = evaluation.subject_command;
  request.charter_directory = charter_view;
  request.subject_directory = subject_view;
  request.scratch_directory = scratch;
  request.seeds = seeds;
  request.limits.wall_ms = evaluation.limits.wall_seconds * 1'000;
  request.limits.cpu_ms = evaluation.limits.cpu_seconds * 1'000;
  request.limits.memory_mib = evaluation.limits.memory_mib;
  request.limits.processes = evaluation.limits.processes;
  request.limits.output_bytes = evaluation.limits.output_mib << 20;
  request.limits.output_files = evaluation.limits.files;
  request.accepted = accepted;
  return request;
}

Result<trial::TrialRules> MakeTrialRules(const charter::Charter& charter) {
  if (charter.evaluation.command.empty()) return Refused("charter-trial.none", "this charter asks for no trial");
  trial::TrialRules rules;
  for (const charter::Metric& metric : charter.evaluation.metrics) {
    const bool higher = metric.direction == charter::Direction::kHigherIsBetter;
    rules.metrics.push_back({metric.name, metric.min, metric.max,
                             higher ? trial::Direction::kHigherIsBetter : trial::Direction::kLowerIsBetter});
  }
  rules.groups = charter.evaluation.groups;
  for (const charter::HarmBound& harm : charter.bounds.harm) {
    rules.harms.push_back({harm.name, harm.metric, harm.limit, harm.lifetime_error, harm.group.value_or("")});
  }
  const charter::Bounds& bounds = charter.bounds;
  rules.improvement = trial::ImprovementCondition{bounds.improvement.metric, bounds.improvement.lifetime_error};
  rules.capability =
      trial::CapabilityCondition{bounds.capability.metric, bounds.capability.max_step, bounds.capability.ceiling,
                                 bounds.capability.lifetime_error, bounds.capability.max_growth};
  rules.drift =
      trial::DriftCondition{bounds.drift.limit, bounds.drift.lifetime_error, charter.evaluation.probes_file.has_value(),
                            static_cast<uint64_t>(charter.evaluation.probes), bounds.drift.energy_limit};
  rules.episodes = static_cast<uint64_t>(charter.evaluation.episodes);
  if (Result<void> checked = trial::CheckTrialRules(rules); !checked.ok()) return checked.error();
  return rules;
}

trial::EvaluatorShare EvaluatorShareOf(const charter::Charter& charter) {
  const charter::QuorumRule* rule = charter.FindQuorum(charter::Role::kEvaluator);
  const auto evaluators =
      std::count_if(charter.reviewers.begin(), charter.reviewers.end(),
                    [](const charter::Reviewer& reviewer) { return reviewer.role == charter::Role::kEvaluator; });
  if (rule == nullptr || rule->faults_max) return {};
  return {.required = static_cast<uint32_t>(rule->at_least), .evaluators = static_cast<uint32_t>(evaluators)};
}

bool IsAcceptable(const charter::Charter& charter, const trial::TrialReport& report) {
  const charter::QuorumRule* rule = charter.FindQuorum(charter::Role::kEvaluator);
  if (rule != nullptr && rule->faults_max) return !trial::AnythingBroken(report);
  return report.verdict == trial::TrialVerdict::kPass;
}

Result<trial::EvaluationEnvironment> DescribeEvaluation(ledger::SubjectLog& log) {
  Result<std::string> view = VerifiedView(log.store(), log.charter().charter.digest);
  if (!view.ok()) return view.error();
  return DescribeEvaluation(log.charter().charter.evaluation, *view);
}

Result<trial::EvaluationEnvironment> DescribeEvaluation(const charter::Evaluation& evaluation,
                                                        const std::string& charter_directory) {
  trial::EnvironmentQuestion question;
  question.command = evaluation.command;
  question.subject_command = evaluation.subject_command;
  question.charter_directory = charter_directory;
  for (const std::string& path : evaluation.closure) question.closure.emplace_back(path);
  return trial::DescribeEnvironment(question);
}

Result<std::string> CommitCheckpoint(const ledger::SubjectLog& log, uint64_t candidate_index) {
  const Result<crypto::Digest> root = ledger::PastRoot(const_cast<ledger::SubjectLog&>(log), candidate_index + 1);
  if (!root.ok()) return root.error();
  return merkle::Checkpoint{.origin = log.charter().charter.gate.log.name, .size = candidate_index + 1, .root = *root}
      .Text();
}

namespace {

// One trial while it runs: the trees it compares, and what the sandbox could not promise.
class RunningTrial {
 public:
  RunningTrial(const TrialOrder& order, const trial::TrialRules& rules, const EvaluationSetting& setting)
      : order_(order), rules_(rules), setting_(setting) {}

  // Adds the episodes of one more part to a table. Nothing where the trial is void.
  Result<bool> AddEpisodes(const crypto::Digest& tree, std::span<const trial::Seed> seeds, trial::EpisodeTable& to) {
    // The same tree on the same seeds gives the same table; each tree runs once.
    const std::pair<std::string, size_t> key(tree.Text(), to.episodes());
    auto known = parts_.find(key);
    if (known == parts_.end()) {
      Result<trial::Evaluation<trial::EpisodeTable>> run =
          order_.episodes != nullptr ? order_.episodes->Run(tree) : RunHere(tree, seeds);
      if (!run.ok()) return run.error();
      Note(run->weaker_guarantees);
      if (!run->table) return Void(run->void_reason);
      known = parts_.emplace(key, std::move(*run->table)).first;
    }
    to.Append(known->second);
    return true;
  }

  Result<bool> Decide(const crypto::Digest& tree, std::span<const trial::Seed> probes, trial::Decisions& to) {
    Result<std::string> view = VerifiedView(order_.log->store(), tree);
    if (!view.ok()) return view.error();
    Result<trial::Evaluation<trial::Decisions>> run = trial::RunDecisions(setting_.RequestOf(*view, probes));
    if (!run.ok()) return run.error();
    Note(run->weaker_guarantees);
    if (!run->table) return Void(run->void_reason);
    to = std::move(*run->table);
    return true;
  }

  const Error& void_reason() const { return void_reason_; }
  const weakening::Weakenings& weaker_guarantees() const { return weaker_guarantees_; }

 private:
  Result<trial::Evaluation<trial::EpisodeTable>> RunHere(const crypto::Digest& tree,
                                                         std::span<const trial::Seed> seeds) {
    Result<std::string> view = VerifiedView(order_.log->store(), tree);
    if (!view.ok()) return view.error();
    return trial::RunEpisodes(setting_.RequestOf(*view, seeds), rules_.metrics, rules_.groups);
  }
  bool Void(const Error& reason) {
    void_reason_ = reason;
    return false;
  }
  void Note(const weakening::Weakenings& weaker) { weaker_guarantees_.insert(weaker.begin(), weaker.end()); }

  const TrialOrder& order_;
  const trial::TrialRules& rules_;
  const EvaluationSetting& setting_;
  std::map<std::pair<std::string, size_t>, trial::EpisodeTable> parts_;  // by tree and first episode
  weakening::Weakenings weaker_guarantees_;
  Error void_reason_;
};

// Decisions of candidate, parent and baseline on fresh and fixed probes. False where the trial is void.
Result<bool> RunProbes(RunningTrial& trial, const warrant::Candidate& candidate, std::span<const trial::Seed> probes,
                       size_t fresh, trial::TrialData& data) {
  const auto split = [&](const std::vector<std::string>& all, std::vector<std::string>& on_fresh,
                         std::vector<std::string>& on_fixed) {
    on_fresh.assign(all.begin(), all.begin() + static_cast<std::ptrdiff_t>(fresh));
    on_fixed.assign(all.begin() + static_cast<std::ptrdiff_t>(fresh), all.end());
  };
  std::vector<std::string> all;
  const auto decide = [&](const crypto::Digest& tree) -> Result<bool> {
    trial::Decisions decisions;
    Result<bool> ran = trial.Decide(tree, probes, decisions);
    if (!ran.ok() || !*ran) return ran;
    all = std::move(decisions.chosen);
    data.probe_inputs.push_back(std::move(decisions.inputs));
    return true;
  };
  Result<bool> ran = decide(candidate.tree);
  if (!ran.ok() || !*ran) return ran;
  split(all, data.fresh_decisions.candidate, data.fixed_decisions.candidate);
  ran = decide(candidate.baseline);
  if (!ran.ok() || !*ran) return ran;
  split(all, data.fresh_decisions.baseline, data.fixed_decisions.baseline);
  if (!candidate.parent_tree) return true;
  if (*candidate.parent_tree != candidate.baseline) ran = decide(*candidate.parent_tree);
  if (!ran.ok() || !*ran) return ran;
  data.parent_decisions = std::move(all);
  return true;
}

}  // namespace

std::vector<crypto::Digest> WindowTrees(std::span<const audit::ReleaseRecord> releases, int64_t window_s,
                                        int64_t now_s) {
  std::vector<crypto::Digest> trees;
  for (const audit::ReleaseRecord& release : releases) {
    if (release.time <= now_s - window_s) trees.clear();  // over before the window began, but for the last such
    std::erase(trees, release.tree);
    trees.push_back(release.tree);
  }
  return trees;
}

std::optional<Growth> LastGrowth(std::span<const audit::ReleaseRecord> releases,
                                 const std::function<bool(const audit::ReleaseRecord&)>& is_rollback) {
  for (size_t i = releases.size(); i-- > 1;) {
    if (!is_rollback(releases[i])) return Growth{releases[i].epoch, releases[i].tree, releases[i - 1].tree};
  }
  return std::nullopt;
}

std::optional<Growth> GrowthBefore(const audit::History& history, const warrant::Candidate& candidate) {
  std::span<const audit::ReleaseRecord> releases = history.releases();
  while (!releases.empty() && releases.back().epoch >= candidate.epoch) releases = releases.first(releases.size() - 1);
  return LastGrowth(releases, [&](const audit::ReleaseRecord& release) {
    const audit::ProposalHistory* proposal = history.Find(release.proposal);
    return proposal != nullptr && proposal->proposal.action == warrant::Action::kRollback;
  });
}

Result<CharterTrial> RunCharterTrial(const TrialOrder& order) {
  ledger::SubjectLog& log = *order.log;
  const charter::Charter& charter = log.charter().charter;
  const warrant::Candidate& candidate = order.candidate;
  const auto say = [&](const std::string& text) {
    if (order.progress) order.progress(text);
  };
  Result<trial::TrialRules> rules = MakeTrialRules(charter);
  if (!rules.ok()) return rules.error();
  trial::TrialTerms terms;
  terms.kind = candidate.parent_tree ? trial::TrialKind::kStep : trial::TrialKind::kFirstRelease;
  terms.budget_index = static_cast<uint64_t>(candidate.budget_index);
  terms.share = EvaluatorShareOf(charter);

  const std::span<const uint8_t> signature(reinterpret_cast<const uint8_t*>(order.seed_signature.data()),
                                           order.seed_signature.size());
  Result<std::vector<trial::Seed>> seeds =
      trial::DeriveSeeds(signature, trial::SeedPurpose::kEpisodes, static_cast<size_t>(charter.evaluation.episodes));
  if (!seeds.ok()) return seeds.error();
  Result<std::vector<trial::Seed>> probes =
      trial::DeriveSeeds(signature, trial::SeedPurpose::kDecisions, static_cast<size_t>(charter.evaluation.probes));
  if (!probes.ok()) return probes.error();
  const size_t fresh = probes->size();
  Result<std::vector<trial::Seed>> fixed = FixedProbes(log);
  if (!fixed.ok()) return fixed.error();
  probes->insert(probes->end(), fixed->begin(), fixed->end());

  const Result<storage::HeldFolder> scratch = storage::HeldFolder::MakeTemporary("pawl-trial");
  if (!scratch.ok()) return scratch.error();
  Result<std::string> charter_view = VerifiedView(log.store(), charter.digest);
  if (!charter_view.ok()) return charter_view.error();
  Result<charter::ProgramRules> programs = log.programs();
  if (!programs.ok()) return programs.error();
  const EvaluationSetting setting{charter.evaluation, *charter_view, scratch->path(), std::move(programs->accepted)};
  RunningTrial running(order, *rules, setting);
  trial::TrialData data;
  const crypto::Digest digest = crypto::Sha256(order.seed_signature);
  std::memcpy(&data.permutation_seed, digest.bytes.data(), sizeof data.permutation_seed);
  const auto voided = [&] {
    return CharterTrial{trial::VoidTrial(*rules, terms, running.void_reason()), running.weaker_guarantees()};
  };

  say("trial: decisions at " + std::to_string(probes->size()) + " probes");
  Result<bool> decided = RunProbes(running, candidate, *probes, fresh, data);
  if (!decided.ok()) return decided.error();
  if (!*decided) return voided();

  // Who runs, and where the results go. Trees that are the same run once.
  std::vector<std::pair<crypto::Digest, trial::EpisodeTable*>> runs = {{candidate.tree, &data.candidate},
                                                                       {candidate.baseline, &data.baseline}};
  if (candidate.parent_tree) runs.emplace_back(*candidate.parent_tree, &data.parent);
  if (candidate.parent_tree && rules->capability->max_growth > 0) {
    const std::vector<crypto::Digest> trees =
        WindowTrees(log.history().releases(), charter.pace.window_s, candidate.time);
    data.window.resize(trees.size());
    for (size_t i = 0; i < trees.size(); ++i) runs.emplace_back(trees[i], &data.window[i]);
  }
  for (const uint64_t look : trial::TrialLooks(rules->episodes)) {
    const size_t done = data.candidate.episodes();
    const std::span<const trial::Seed> part = std::span(*seeds).subspan(done, look - done);
    say("trial: episodes " + std::to_string(done + 1) + " to " + std::to_string(look) + " of at most " +
        std::to_string(rules->episodes));
    if (order.episodes != nullptr) {
      std::vector<crypto::Digest> trees;
      for (const auto& [tree, table] : runs) trees.push_back(tree);
      if (Result<void> begun = order.episodes->Begin(trees, part); !begun.ok()) return begun.error();
    }
    for (auto& [tree, table] : runs) {
      Result<bool> ran = running.AddEpisodes(tree, part, *table);
      if (!ran.ok()) return ran.error();
      if (!*ran) return voided();
    }
    Result<trial::TrialReport> report = trial::AssessTrial(*rules, terms, data);
    if (!report.ok()) return report.error();
    // Every question is answered, or there are no more episodes to ask.
    if (report->verdict != trial::TrialVerdict::kNotShown || look == rules->episodes) {
      return CharterTrial{std::move(*report), running.weaker_guarantees()};
    }
  }
  return Error{ErrorCode::kInternal, "charter-trial.looks", "a trial has no last look", ""};
}

Result<MeasuredStep> MeasureStep(const TrialOrder& order, const Growth& growth) {
  ledger::SubjectLog& log = *order.log;
  const charter::Charter& charter = log.charter().charter;
  Result<trial::TrialRules> rules = MakeTrialRules(charter);
  if (!rules.ok()) return rules.error();
  const std::span<const uint8_t> signature(reinterpret_cast<const uint8_t*>(order.seed_signature.data()),
                                           order.seed_signature.size());
  Result<std::vector<trial::Seed>> seeds =
      trial::DeriveSeeds(signature, trial::SeedPurpose::kPostRelease, static_cast<size_t>(charter.evaluation.episodes));
  if (!seeds.ok()) return seeds.error();
  const Result<storage::HeldFolder> scratch = storage::HeldFolder::MakeTemporary("pawl-trial");
  if (!scratch.ok()) return scratch.error();
  Result<std::string> charter_view = VerifiedView(log.store(), charter.digest);
  if (!charter_view.ok()) return charter_view.error();
  Result<charter::ProgramRules> programs = log.programs();
  if (!programs.ok()) return programs.error();
  const EvaluationSetting setting{charter.evaluation, *charter_view, scratch->path(), std::move(programs->accepted)};
  if (order.progress) order.progress("measuring the last release afresh");
  RunningTrial running(order, *rules, setting);
  trial::EpisodeTable now, before;
  for (const uint64_t look : trial::TrialLooks(rules->episodes)) {
    const std::span<const trial::Seed> part = std::span(*seeds).subspan(now.episodes(), look - now.episodes());
    for (const auto& [tree, table] : {std::pair{growth.tree, &now}, std::pair{growth.before, &before}}) {
      Result<bool> ran = running.AddEpisodes(tree, part, *table);
      if (!ran.ok()) return ran.error();
      if (!*ran) {
        return MeasuredStep{{growth.epoch, charter.bounds.capability.max_step}, running.void_reason().message};
      }
    }
  }
  const std::string& name = charter.bounds.capability.metric;
  const auto mean = [&](const trial::EpisodeTable& table) {
    const std::span<const double> values = table.column(table.IndexOf(name));
    return std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
  };
  const charter::Metric* metric = charter.evaluation.Find(name);
  const double sign = metric != nullptr && metric->direction == charter::Direction::kLowerIsBetter ? -1 : 1;
  return MeasuredStep{{growth.epoch, sign * (mean(now) - mean(before))}};
}

std::string DescribeTrial(const CharterTrial& trial) {
  const trial::TrialReport& report = trial.report;
  // In front, where a statement's limit on text does not cut it off.
  const std::string accepted = sandbox::AcceptedWords(trial.weaker_guarantees);
  if (report.verdict == trial::TrialVerdict::kVoid) return "trial void" + accepted + ": " + report.void_reason;
  std::string text = "trial " + std::string(trial::TrialVerdictName(report.verdict)) + accepted;
  for (const trial::ConditionReport& condition : report.conditions) {
    char numbers[160];
    std::snprintf(numbers, sizeof numbers, " %.4g in [%.4g, %.4g], limit %.4g: ", condition.estimate, condition.lower,
                  condition.upper, condition.limit);
    text += "; " + condition.name + numbers + std::string(trial::ConditionStatusName(condition.status));
  }
  if (report.fingerprint && !report.fingerprint->changes.empty()) {
    const trial::DecisionChange& most = report.fingerprint->changes.front();
    text += "; commonest change of decision: " + most.from + " to " + most.to + ", " + std::to_string(most.count) +
            " of " + std::to_string(report.fingerprint->probes) + " probes";
    if (!most.inputs.empty()) text += ", such as \"" + most.inputs.front().input + "\"";
  }
  return text;
}

}  // namespace pawl::oversight
