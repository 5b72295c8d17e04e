// A trial as the charter asks for it: which conditions, which trees, which seeds, on which machine.
//
//   Result<trial::TrialRules> rules = MakeTrialRules(charter);
//   Result<CharterTrial> trial = RunCharterTrial({.log = &log, .candidate = candidate, …});
//   if (!trial.ok()) …                     // the machine failed; nothing is known about the candidate
//   else if (trial->report.verdict == trial::TrialVerdict::kPass) …
//
// The gate runs one with its own seeds to turn away early what breaks a limit; each evaluator runs one that counts.
//
// Thread safety: as the subject log's.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "charter/charter.h"
#include "ledger/subject_log.h"
#include "oversight/acceleration.h"
#include "result/result.h"
#include "storage/tree_store.h"
#include "trial/environment.h"
#include "trial/report.h"
#include "trial/run.h"
#include "warrant/statements.h"
#include "weakening/weakening.h"

namespace pawl::oversight {

// The charter's bounds as trial conditions, checked. kRefused "charter-trial.none" where it has no evaluation.
Result<trial::TrialRules> MakeTrialRules(const charter::Charter& charter);

// r of n evaluators, from the charter's quorum and reviewers; 1 of 1 where their e-values decide together, since each
// condition is then tested once, at its whole error.
trial::EvaluatorShare EvaluatorShareOf(const charter::Charter& charter);

// What an evaluator makes of its own trial: it passes, or, where e-values decide together, nothing is broken and what
// it has not shown is left to the sum (warrant/evidence.h).
bool IsAcceptable(const charter::Charter& charter, const trial::TrialReport& report);

// What the evaluator of the charter in force runs on, here and now.
Result<trial::EvaluationEnvironment> DescribeEvaluation(ledger::SubjectLog& log);
// The same of a charter whose files lie in this directory.
Result<trial::EvaluationEnvironment> DescribeEvaluation(const charter::Evaluation& evaluation,
                                                        const std::string& charter_directory);

// A read-only copy of a tree whose bytes were checked just now.
Result<std::string> VerifiedView(storage::TreeStore& store, const crypto::Digest& tree);

// How a charter's evaluator is run over a tree.
struct EvaluationSetting {
  const charter::Evaluation& evaluation;
  std::string charter_view;
  std::string scratch;             // a folder that is there, and nobody else's
  weakening::Weakenings accepted;  // the charter's

  trial::EvaluationRequest RequestOf(const std::string& subject_view, std::span<const trial::Seed> seeds) const;
};

// The checkpoint body whose last leaf is the commit: what seeds are drawn from.
Result<std::string> CommitCheckpoint(const ledger::SubjectLog& log, uint64_t candidate_index);

// The trees that were live at any time of a window of so many seconds before `now_s`, each once, oldest first; the
// whole life where the subject is younger. Growth within the window is measured from each of them.
std::vector<crypto::Digest> WindowTrees(std::span<const audit::ReleaseRecord> releases, int64_t window_s,
                                        int64_t now_s);

// The last release and what it replaced; nothing before the second. Rollbacks bring back what is known and are no
// growth, so they are passed over: a rollback after a release does not keep that release from being measured.
struct Growth {
  int64_t epoch = 0;
  crypto::Digest tree;
  crypto::Digest before;
};
std::optional<Growth> LastGrowth(std::span<const audit::ReleaseRecord> releases,
                                 const std::function<bool(const audit::ReleaseRecord&)>& is_rollback);

// The same for what was live when a candidate was committed.
std::optional<Growth> GrowthBefore(const audit::History& history, const warrant::Candidate& candidate);

// Runs the episodes of a trial where this machine alone does not (work/trial_asker.h). What it gives is as good as its
// maker says: evaluators have none.
class EpisodeRunner {
 public:
  virtual ~EpisodeRunner() = default;
  // What Run is going to be asked for: each of these trees, on these seeds, which follow those of the look before. A
  // tree may stand there twice.
  virtual Result<void> Begin(const std::vector<crypto::Digest>& trees, std::span<const trial::Seed> seeds) = 0;
  virtual Result<trial::Evaluation<trial::EpisodeTable>> Run(const crypto::Digest& tree) = 0;
};

struct TrialOrder {
  ledger::SubjectLog* log = nullptr;
  warrant::Candidate candidate;
  std::string seed_signature;  // 64 bytes, over warrant::SeedMessage
  std::function<void(const std::string&)> progress;
  EpisodeRunner* episodes = nullptr;  // of RunCharterTrial; null: this machine runs them
};

struct CharterTrial {
  trial::TrialReport report;
  weakening::Weakenings weaker_guarantees;  // what this machine's sandbox could not promise, and the charter accepts
};

// Probes first, then episodes, in the parts that trial::TrialLooks gives; it stops at the first look at which every
// question of the charter is answered. Machine failures are errors and say nothing about the candidate; everything else
// is a report.
Result<CharterTrial> RunCharterTrial(const TrialOrder& order);

// By how much a release is better than what it replaced, in the capability metric and on fresh seeds of its own
// purpose, in the parts that TrialLooks gives. The metric's direction is taken into account. The gain over the best of
// the window is never larger, since what was replaced was live within it. Where a run is void nothing is known, so that
// the release counts as the largest step that the charter allows: whoever lets no measurement succeed brings the alarm
// nearer, and holds up nobody. Failures of the machine are errors.
struct MeasuredStep {
  LastStep step;
  std::string void_reason{};  // empty where it was measured
};
Result<MeasuredStep> MeasureStep(const TrialOrder& order, const Growth& growth);

// One sentence with every condition, for findings, votes and people.
std::string DescribeTrial(const CharterTrial& trial);

}  // namespace pawl::oversight
