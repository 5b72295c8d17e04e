// A trial as the charter asks for it: which conditions, which trees, which seeds, on which machine.
//
//   Result<trial::TrialRules> rules = MakeTrialRules(charter);
//   Result<CharterTrial> trial = RunCharterTrial({.log = &log, .candidate = candidate, …});
//   if (!trial.ok()) …                     // the machine failed; nothing is known about the candidate
//   else if (trial->report.verdict == trial::TrialVerdict::kPass) …
//
// The gate runs one with its own seeds to turn hopeless candidates away early; each evaluator runs one that counts.
//
// Thread safety: as the subject log's.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "charter/charter.h"
#include "ledger/subject_log.h"
#include "oversight/acceleration.h"
#include "result/result.h"
#include "trial/assess.h"
#include "trial/environment.h"
#include "warrant/statements.h"

namespace pawl::oversight {

// The charter's bounds as trial conditions, checked.
Result<trial::TrialRules> MakeTrialRules(const charter::Charter& charter);

// r of n evaluators, from the charter's quorum and reviewers.
trial::EvaluatorShare EvaluatorShareOf(const charter::Charter& charter);

// What the evaluator of the charter in force runs on, here and now.
Result<trial::EvaluationEnvironment> DescribeEvaluation(ledger::SubjectLog& log);

// The checkpoint body whose last leaf is the commit: what seeds are drawn from.
Result<std::string> CommitCheckpoint(const ledger::SubjectLog& log, uint64_t candidate_index);

// The tree that was live when a window of so many seconds before `now_s` began; the first release where the subject is
// younger. Growth within the window is measured from it. Requires a release.
crypto::Digest WindowStartTree(const audit::History& history, int64_t window_s, int64_t now_s);

struct TrialOrder {
  ledger::SubjectLog* log = nullptr;
  warrant::Candidate candidate;
  std::string seed_signature;  // 64 bytes, over warrant::SeedMessage
  std::function<void(const std::string&)> progress;
};

struct CharterTrial {
  trial::TrialReport report;
  std::vector<std::string> weaker_guarantees;  // what this machine's sandbox could not promise; distinct
};

// Probes first, then episodes, in the parts that trial::TrialLooks gives; it stops at the first look at which every
// question of the charter is answered. Machine failures are errors and say nothing about the candidate; everything else
// is a report.
Result<CharterTrial> RunCharterTrial(const TrialOrder& order);

// By how much the live release is better than what was live before it, in the capability metric and on fresh seeds of
// its own purpose; nothing before the second release. The metric's direction is taken into account.
Result<std::optional<LastStep>> MeasureLastStep(const TrialOrder& order);

// One sentence with every condition, for findings, votes and people.
std::string DescribeTrial(const CharterTrial& trial);

}  // namespace pawl::oversight
