#include "report/life.h"

#include <algorithm>
#include <limits>
#include <map>
#include <utility>

#include "oversight/acceleration.h"
#include "trial/budget.h"
#include "trial/evidence.h"
#include "warrant/evidence.h"

namespace pawl::report {
namespace {

// The reports of one proposal's evaluators, in log order.
struct Reports {
  std::vector<const audit::LoggedVote*> votes;
  std::vector<trial::TrialReport> reports;
};

Result<Reports> ReportsOf(const audit::ProposalHistory& proposal) {
  Reports found;
  for (const audit::LoggedVote& logged : proposal.votes) {
    const encoding::Json evidence = logged.Evidence();
    if (!evidence.is_object() || !evidence.contains("report")) continue;
    Result<trial::TrialReport> report = trial::ReadTrialReport(evidence["report"]);
    if (!report.ok()) return report.error();
    found.votes.push_back(&logged);
    found.reports.push_back(std::move(*report));
  }
  return found;
}

// Every condition, in the order of the first report that has any.
std::vector<Measured> PutTogether(const std::vector<trial::TrialReport>& reports, const EvaluatorSet& set) {
  std::vector<Measured> together;
  std::map<std::pair<trial::ConditionKind, std::string>, std::vector<const trial::ConditionReport*>> by_name;
  for (const trial::TrialReport& report : reports) {
    for (const trial::ConditionReport& condition : report.conditions) {
      auto& same = by_name[{condition.kind, condition.name}];
      if (same.empty()) together.push_back({condition.name, condition.kind, condition.limit, condition.alpha});
      same.push_back(&condition);
    }
  }
  for (Measured& measured : together) {
    const auto& same = by_name[{measured.kind, measured.name}];
    measured.lower = same.front()->lower;
    measured.upper = same.front()->upper;
    std::vector<std::int64_t> shares;
    for (std::size_t i = 0; i < same.size(); ++i) {
      measured.estimate += same[i]->estimate / static_cast<double>(same.size());
      measured.lower = std::min(measured.lower, same[i]->lower);
      measured.upper = std::max(measured.upper, same[i]->upper);
      measured.observations += same[i]->observations;
      shares.push_back(trial::EvidenceShare(*same[i]));
    }
    if (set.evaluators < 2) continue;
    // Whoever is missing counts as the e-value 0, and with it the product.
    measured.share_together =
        shares.size() < set.evaluators
            ? -std::numeric_limits<double>::infinity()
            : static_cast<double>(warrant::ShareTogether(shares, set.faults_max)) / warrant::kWholeShare;
  }
  return together;
}

Result<LifeEntry> EntryOf(const audit::ProposalHistory& proposal, const EvaluatorSet& set) {
  LifeEntry entry;
  entry.proposal = proposal.proposal.proposal;
  entry.note = proposal.proposal.note;
  entry.budget_index = static_cast<std::uint64_t>(proposal.candidate->budget_index);
  entry.time = proposal.candidate->time;
  entry.candidate_index = proposal.candidate_index;
  entry.outcome = proposal.outcome ? std::string(audit::ProposalOutcomeName(proposal.outcome->outcome)) : "pending";
  if (proposal.outcome) entry.rule = proposal.outcome->rule;
  if (proposal.release) entry.epoch = proposal.release->epoch;
  Result<Reports> found = ReportsOf(proposal);
  if (!found.ok()) return found.error();
  for (std::size_t i = 0; i < found->votes.size(); ++i) {
    const trial::TrialReport& report = found->reports[i];
    entry.vote_indices.push_back(found->votes[i]->index);
    entry.verdicts.push_back(found->votes[i]->vote.reviewer + ": " +
                             std::string(trial::TrialVerdictName(report.verdict)));
    if (!report.fingerprint) continue;
    if (const std::optional<std::uint64_t>& changed = report.fingerprint->changed_from_parent) {
      entry.changed_from_parent = std::max(entry.changed_from_parent.value_or(0), *changed);
    }
    if (entry.probes == 0) {
      entry.changes = report.fingerprint->changes;
      entry.episodes_changed_most = report.fingerprint->episodes_changed_most;
      entry.probes = report.fingerprint->probes;
    }
    entry.energy_distance = std::max(entry.energy_distance, report.fingerprint->energy_distance);
    entry.p_value = std::min(entry.p_value, report.fingerprint->p_value);
  }
  entry.conditions = PutTogether(found->reports, set);
  return entry;
}

double HarmErrorSum(const charter::Charter& charter) {
  double sum = 0;
  for (const charter::HarmBound& harm : charter.bounds.harm) sum += harm.lifetime_error;
  return sum;
}

// The budget index goes on over amendments, and the shares of all indices add up to one.
Result<double> HarmErrorOf(const audit::History& history) {
  std::map<crypto::Digest, double> sums = {{history.charter().digest, HarmErrorSum(history.charter())}};
  double error = trial::RemainingError(sums.begin()->second, static_cast<std::uint64_t>(history.budget_index()));
  for (const audit::ProposalHistory& proposal : history.proposals()) {
    if (!proposal.candidate || proposal.candidate->action != warrant::Action::kRelease) continue;
    auto sum = sums.find(proposal.candidate->charter);
    if (sum == sums.end()) {
      Result<charter::Charter> charter = history.charter_reader()(proposal.candidate->charter);
      if (!charter.ok()) return charter.error();
      sum = sums.emplace(charter->digest, HarmErrorSum(*charter)).first;
    }
    const auto k = static_cast<std::uint64_t>(proposal.candidate->budget_index);
    Result<double> half = trial::TrialAlpha(0.5, k, {});
    if (!half.ok()) return half.error();
    error += 2 * *half * sum->second;
  }
  return error;
}

}  // namespace

EvaluatorSet EvaluatorSetOf(const charter::Charter& charter) {
  EvaluatorSet set;
  for (const charter::Reviewer& reviewer : charter.reviewers) {
    set.evaluators += reviewer.role == charter::Role::kEvaluator ? 1 : 0;
  }
  const charter::QuorumRule* rule = charter.FindQuorum(charter::Role::kEvaluator);
  if (rule == nullptr || set.evaluators < 2) return set;
  const auto required = static_cast<std::uint64_t>(rule->at_least);
  const std::uint64_t spare = set.evaluators > required ? set.evaluators - required : 0;
  set.faults_max = rule->faults_max.value_or(std::max<std::uint64_t>(1, spare));
  return set;
}

const Measured* LifeEntry::Find(trial::ConditionKind kind, std::string_view name) const {
  const auto found = std::find_if(conditions.begin(), conditions.end(),
                                  [&](const Measured& m) { return m.kind == kind && m.name == name; });
  return found == conditions.end() ? nullptr : &*found;
}

Result<Life> LifeOf(const audit::History& history) {
  Life life;
  life.subject = history.charter().subject.name;
  life.charter = history.charter().digest.Text();
  life.size = history.size();
  life.time = history.time();
  life.budget_index = static_cast<std::uint64_t>(history.budget_index());
  Result<double> harm_error = HarmErrorOf(history);
  if (!harm_error.ok()) return harm_error.error();
  life.harm_error = *harm_error;
  const EvaluatorSet set = EvaluatorSetOf(history.charter());
  for (const audit::ProposalHistory& proposal : history.proposals()) {
    if (!proposal.candidate || proposal.candidate->action != warrant::Action::kRelease) continue;
    Result<LifeEntry> entry = EntryOf(proposal, set);
    if (!entry.ok()) return entry.error();
    life.entries.push_back(std::move(*entry));
  }
  for (const audit::ReleaseRecord& release : history.releases()) {
    const audit::ProposalHistory* proposal = history.Find(release.proposal);
    life.switches.push_back(
        {release.proposal, release.epoch, release.time, proposal == nullptr ? 0 : proposal->candidate_index});
  }
  for (const audit::LoggedHalt& halt : history.halts()) {
    life.halts.push_back("halted by " + halt.principal + ", " + (halt.lifted ? "lifted" : "open") + ": " +
                         halt.decision.reason + " (ledger entry " + std::to_string(halt.index) + ")");
  }
  Result<std::vector<oversight::AccelerationAlarm>> alarms = oversight::OpenAlarms(history);
  if (!alarms.ok()) return alarms.error();
  for (const oversight::AccelerationAlarm& alarm : *alarms) life.alarms.push_back(alarm.reason);
  return life;
}

}  // namespace pawl::report
