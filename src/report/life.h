// A subject's whole life in numbers, from its log alone: every proposal that was committed, what was measured of it,
// what became of it.
//
//   Result<Life> life = LifeOf(log.history(), log.store().Reader());
//   for (const LifeEntry& entry : life->entries) …       // one a candidate statement of a release, in order of k
//
// Figures come from the votes of evaluators, for or against, whose reports answer the conditions of the charter that
// was in force: read as auditors read them (trial/report.h), so that no evaluator has two shares, another's limit, or a
// figure where no mean can lie. Where several voted, their figures are put together without picking: the mean of the
// estimates, and from the smallest lower to the largest upper bound. Their evidence is put together as in
// warrant/evidence.h over the evaluators of that charter, with its `faults_max`; where it has none, for information,
// with the faults that its quorum tolerates: n - r of a quorum that wants r of n, but at least 1 where n is at least 2.
// p-values are not put together: the smallest of several is none.
//
// Most candidates that do harm are turned away by the gate's own trial, before anybody votes. Where no evaluator's
// report gives figures, those are the gate's, and are marked as such wherever they are shown.
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
#include "subject/manifest.h"
#include "trial/report.h"

namespace pawl::report {

// What a condition's figures are of. An amendment may keep a condition's name and ask for another metric, or keep a
// metric's name and mean another scale by it.
struct Measure {
  std::string metric;   // "decisions" for drift, "outcomes" for that of the outcomes
  std::string group{};  // of the episodes; empty: all
  double lowest = 0;    // the metric's range and good end; as they stand here where it is none of the charter's
  double highest = 1;
  trial::Direction better = trial::Direction::kHigherIsBetter;

  bool operator==(const Measure&) const = default;
};

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
  std::optional<double> share_together{};  // of the evidence needed; absent with a single evaluator and for the gate
  Measure of{};
};

// How one evaluator saw the outcomes move away from the baseline's, and the parent's (trial/fingerprint.h). Each
// p-value is valid by itself.
struct Movement {
  std::string evaluator;
  double energy_distance = 0;
  double p_value = 1;
  std::uint64_t episodes = 0;  // all are about the first so many
  std::uint64_t permutations = 0;
  std::uint64_t entry = 0;  // of the ledger: the evaluator's vote, or the gate's finding
  std::optional<trial::OutcomeShift> from_parent{};
};

// The gate's own trial, where figures are from it.
struct GateTrial {
  std::string report;       // digest of the blob that the finding names
  std::string verdict;      // "harm"; where there are no figures, why
  std::uint64_t entry = 0;  // of the ledger: the finding
};

// On the boxes of a property no output is further from the baseline's than this: what its certificate shows to
// reviewers and loaders, who check it. This report has not.
struct ProvenDrift {
  std::string property;
  double within = 0;        // in the network's own units
  std::string certificate;  // digest of the blob that the candidate statement names
};

// The set whose evidence is put together, by the rule above.
struct EvaluatorSet {
  std::uint64_t evaluators = 0;
  std::uint64_t faults_max = 0;
  bool evidence_decides = false;  // rather than votes
};
EvaluatorSet EvaluatorSetOf(const charter::Charter& charter);

struct LifeEntry {
  std::string proposal;
  std::string note;
  std::uint64_t budget_index = 0;
  std::int64_t time = 0;                                      // of the candidate statement
  std::uint64_t candidate_index = 0;                          // ledger entry
  std::vector<std::uint64_t> vote_indices;                    // ledger entries of the evaluators' votes with a report
  std::vector<std::string> verdicts;                          // the same order: "evaluator-a: pass"
  std::optional<GateTrial> gate{};                            // where no evaluator's report gives figures
  EvaluatorSet evaluators;                                    // of the charter in force
  std::vector<Measured> conditions;                           // empty where every trial was void
  std::vector<Movement> movements{};                          // in the order of the votes; the gate's is called "gate"
  std::vector<trial::DecisionChange> changes;                 // of the first evaluator
  std::vector<trial::EpisodeChange> episodes_changed_most{};  // of the first evaluator
  std::uint64_t probes = 0;
  std::vector<ProvenDrift> proven_drifts{};            // as the candidate statement names them
  std::optional<std::uint64_t> changed_from_parent{};  // of the probes; the largest of the evaluators'
  std::string outcome;                                 // "accepted", "rejected", …; "pending" while there is none
  std::string rule;                                    // why, where it was not accepted
  std::optional<std::int64_t> epoch;                   // where it was released

  // A harm may be called as a condition of another kind is. Nothing, too, where that condition measured something else.
  const Measured* Find(trial::ConditionKind kind, std::string_view name, const Measure& of) const;
};

struct Switch {  // of what is live: a release or a rollback
  std::string proposal;
  std::int64_t epoch = 0;
  std::int64_t time = 0;
  std::uint64_t candidate_index = 0;  // ledger entry of its candidate statement
};

// A sentence, and the ledger entry that it is about.
struct Noted {
  std::string text;
  std::uint64_t entry = 0;
};

struct Life {
  std::string subject;
  std::string charter;  // digest
  std::uint64_t charter_index =
      0;                   // ledger entry that put it in force: the genesis or the amendment's candidate statement
  std::uint64_t size = 0;  // of the ledger
  // The last so many of its entries were verified for this report, those before them by an earlier start, with whose
  // snapshot the history begins. Not known from a history: LifeOf takes it to be all.
  std::uint64_t verified = 0;
  std::int64_t time = 0;  // of the ledger
  std::uint64_t budget_index = 0;
  // P(any accepted proposal of the whole life breaks a harm limit of the charter that it was tested under) is at most
  // this: what each trial so far could spend under its own charter, and what the charter in force leaves to later ones.
  double harm_error = 0;
  std::vector<LifeEntry> entries;
  std::vector<Switch> switches;
  std::vector<Noted> halts;
  std::vector<Noted> complaints;
  std::vector<Noted> alarms;  // open ones, with the votes that raised them
};

// The latest trial under the charter in force that has figures, as LifeOf gives it; nothing where there is none. Errors
// as below.
Result<std::optional<LifeEntry>> LatestMeasured(const audit::History& history, const subject::BlobReader& read);

// A report in a vote that cannot be read, does not follow from its own numbers or does not answer the charter is named
// by its rule among the verdicts and gives no figure; no auditor passes such a vote, but one evaluator must not blind
// the report on a life. `read` gives the gate's reports. Errors are those of the charter reader, and of a charter whose
// bounds no trial can test.
Result<Life> LifeOf(const audit::History& history, const subject::BlobReader& read);

}  // namespace pawl::report
