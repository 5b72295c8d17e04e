// A subject's whole life in numbers, from its log alone: every proposal that was committed, what the evaluators
// measured of it, what became of it.
//
//   Result<Life> life = LifeOf(log.history());
//   for (const LifeEntry& entry : life->entries) …       // one a candidate statement of a release, in order of k
//
// Where several evaluators voted, their figures are put together without picking: the mean of the estimates, and from
// the smallest lower to the largest upper bound. Their evidence is put together as in warrant/evidence.h over the
// evaluators of the charter in force, with its `faults_max`; where it has none, for information, with the faults that
// its quorum tolerates: n - r of a quorum that wants r of n, but at least 1 where n is at least 2.
//
// Thread safety: pure functions.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "audit/history.h"
#include "charter/charter.h"
#include "result/result.h"
#include "trial/report.h"

namespace pawl::report {

// One condition of one trial, all evaluators together.
struct Measured {
  std::string name;  // of the condition
  trial::ConditionKind kind = trial::ConditionKind::kHarm;
  double limit = 0;
  double alpha = 0;  // spent by each evaluator
  double estimate = 0;
  double lower = 0;
  double upper = 0;
  std::uint64_t observations = 0;          // of all evaluators
  std::optional<double> share_together{};  // of the evidence needed; absent with a single evaluator
};

struct LifeEntry {
  std::string proposal;
  std::string note;
  std::uint64_t budget_index = 0;
  std::int64_t time = 0;                                      // of the candidate statement
  std::uint64_t candidate_index = 0;                          // ledger entry
  std::vector<std::uint64_t> vote_indices;                    // ledger entries of the evaluators' votes with a report
  std::vector<std::string> verdicts;                          // the same order: "evaluator-a: pass"
  std::vector<Measured> conditions;                           // empty where every trial was void or nobody voted
  std::vector<trial::DecisionChange> changes;                 // of the first evaluator
  std::vector<trial::EpisodeChange> episodes_changed_most{};  // of the first evaluator
  std::uint64_t probes = 0;
  std::optional<std::uint64_t> changed_from_parent{};  // of the probes; the largest of the evaluators'
  double energy_distance = 0;                          // largest of the evaluators'
  double p_value = 1;                                  // smallest of the evaluators'
  std::string outcome;                                 // "accepted", "rejected", …; "pending" while there is none
  std::string rule;                                    // why, where it was not accepted
  std::optional<std::int64_t> epoch;                   // where it was released

  // A harm may be called as a condition of another kind is.
  const Measured* Find(trial::ConditionKind kind, std::string_view name) const;
};

struct Switch {  // of what is live: a release or a rollback
  std::string proposal;
  std::int64_t epoch = 0;
  std::int64_t time = 0;
  std::uint64_t candidate_index = 0;  // ledger entry of its candidate statement
};

struct Life {
  std::string subject;
  std::string charter;     // digest
  std::uint64_t size = 0;  // of the ledger
  // The last so many of its entries were verified for this report, those before them by the gate, by whose snapshot the
  // history begins. Not known from a history: LifeOf takes it to be all.
  std::uint64_t verified = 0;
  std::int64_t time = 0;  // of the ledger
  std::uint64_t budget_index = 0;
  // P(any accepted proposal of the whole life breaks a harm limit of the charter that it was tested under) is at most
  // this: what each trial so far could spend under its own charter, and what the charter in force leaves to later ones.
  double harm_error = 0;
  std::vector<LifeEntry> entries;
  std::vector<Switch> switches;
  std::vector<std::string> halts;   // sentences, with their ledger entries
  std::vector<std::string> alarms;  // open ones: sentences
};

// A report in a vote that cannot be read, or does not follow from its own numbers, is named by its rule among the
// verdicts and gives no figure; no auditor passes such a vote, but one evaluator must not blind the report on a life.
// Errors are those of the charter reader.
Result<Life> LifeOf(const audit::History& history);

// The set whose evidence is put together, by the rule above.
struct EvaluatorSet {
  std::uint64_t evaluators = 0;
  std::uint64_t faults_max = 0;
};
EvaluatorSet EvaluatorSetOf(const charter::Charter& charter);

}  // namespace pawl::report
