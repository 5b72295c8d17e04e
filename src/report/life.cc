#include "report/life.h"

#include <algorithm>
#include <map>

#include "oversight/acceleration.h"
#include "oversight/charter_trial.h"
#include "trial/combine.h"

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
    const encoding::Json& evidence = logged.vote.evidence;
    if (!evidence.is_object() || !evidence.contains("report")) continue;
    Result<trial::TrialReport> report = trial::ReadTrialReport(evidence["report"]);
    if (!report.ok()) return report.error();
    found.votes.push_back(&logged);
    found.reports.push_back(std::move(*report));
  }
  return found;
}

// Every condition, in the order of the first report that has any.
std::vector<Measured> PutTogether(const std::vector<trial::TrialReport>& reports, trial::EvaluatorShare share) {
  std::vector<Measured> together;
  std::map<std::string, std::vector<const trial::ConditionReport*>> by_name;
  for (const trial::TrialReport& report : reports) {
    for (const trial::ConditionReport& condition : report.conditions) {
      auto& same = by_name[condition.name];
      if (same.empty()) together.push_back({condition.name, condition.kind, condition.limit, condition.alpha});
      same.push_back(&condition);
    }
  }
  for (Measured& measured : together) {
    const auto& same = by_name[measured.name];
    measured.lower = same.front()->lower;
    measured.upper = same.front()->upper;
    std::vector<std::optional<double>> log_e(std::max<std::size_t>(share.evaluators, same.size()));
    for (std::size_t i = 0; i < same.size(); ++i) {
      measured.estimate += same[i]->estimate / static_cast<double>(same.size());
      measured.lower = std::min(measured.lower, same[i]->lower);
      measured.upper = std::max(measured.upper, same[i]->upper);
      measured.observations += same[i]->observations;
      log_e[i] = same[i]->log_e_value;  // whoever is missing stays without a value
    }
    const Result<double> combined = trial::CombineLogEValues(log_e, FaultsTolerated(share));
    if (log_e.size() > 1 && combined.ok()) measured.log_e_value_together = *combined;
  }
  return together;
}

Result<LifeEntry> EntryOf(const audit::ProposalHistory& proposal, trial::EvaluatorShare share) {
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
    if (entry.probes == 0) {
      entry.changes = report.fingerprint->changes;
      entry.episodes_changed_most = report.fingerprint->episodes_changed_most;
      entry.probes = report.fingerprint->probes;
    }
    entry.energy_distance = std::max(entry.energy_distance, report.fingerprint->energy_distance);
    entry.p_value = std::min(entry.p_value, report.fingerprint->p_value);
  }
  entry.conditions = PutTogether(found->reports, share);
  return entry;
}

}  // namespace

std::uint32_t FaultsTolerated(trial::EvaluatorShare share) {
  const std::uint32_t spare = share.evaluators - share.required;
  return share.evaluators >= 2 ? std::max<std::uint32_t>(1, spare) : 0;
}

const Measured* LifeEntry::Find(std::string_view condition) const {
  const auto found =
      std::find_if(conditions.begin(), conditions.end(), [&](const Measured& m) { return m.name == condition; });
  return found == conditions.end() ? nullptr : &*found;
}

Result<Life> LifeOf(const audit::History& history) {
  Life life;
  life.subject = history.charter().subject.name;
  life.charter = history.charter().digest.Text();
  life.size = history.size();
  life.time = history.time();
  life.budget_index = static_cast<std::uint64_t>(history.budget_index());
  const trial::EvaluatorShare share = oversight::EvaluatorShareOf(history.charter());
  for (const audit::ProposalHistory& proposal : history.proposals()) {
    if (!proposal.candidate || proposal.candidate->action != warrant::Action::kRelease) continue;
    Result<LifeEntry> entry = EntryOf(proposal, share);
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
