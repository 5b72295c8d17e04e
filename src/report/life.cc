#include "report/life.h"

#include <algorithm>
#include <limits>
#include <map>
#include <utility>

#include "oversight/acceleration.h"
#include "trial/budget.h"
#include "trial/canonical_cursor.h"
#include "trial/evidence.h"
#include "warrant/evidence.h"

namespace pawl::report {
namespace {

// What an evaluator's vote says of the trial; nothing where it has no report. The payload is canonical and a vote, or
// it would not be in the history; all that is read of it is the report.
std::optional<Result<trial::TrialReport>> ReportOf(const audit::LoggedVote& logged) {
  trial::CanonicalCursor at(logged.envelope.payload);
  for (const char* member : {"predicate", "evidence", "report"}) {
    at.BeginObject();
    if (!at.Seek(member)) return std::nullopt;
  }
  return trial::ReadTrialReport(at);
}

// Every condition, in the order of the first report that has it.
std::vector<Measured> PutTogether(const std::vector<trial::TrialReport>& reports, const EvaluatorSet& set) {
  std::vector<Measured> together;
  std::vector<std::vector<const trial::ConditionReport*>> by_condition;  // in the order of `together`
  for (const trial::TrialReport& report : reports) {
    for (const trial::ConditionReport& condition : report.conditions) {
      const auto known = std::find_if(together.begin(), together.end(), [&](const Measured& measured) {
        return measured.kind == condition.kind && measured.name == condition.name;
      });
      const auto place = static_cast<std::size_t>(known - together.begin());
      if (known == together.end()) {
        together.push_back({condition.name, condition.kind, condition.limit, condition.alpha});
        by_condition.emplace_back();
      }
      by_condition[place].push_back(&condition);
    }
  }
  for (std::size_t i = 0; i < together.size(); ++i) {
    Measured& measured = together[i];
    const auto& same = by_condition[i];
    measured.lower = same.front()->lower;
    measured.upper = same.front()->upper;
    std::vector<std::int64_t> shares;
    for (const trial::ConditionReport* condition : same) {
      measured.estimate += condition->estimate / static_cast<double>(same.size());
      measured.lower = std::min(measured.lower, condition->lower);
      measured.upper = std::max(measured.upper, condition->upper);
      measured.observations += condition->observations;
      shares.push_back(trial::EvidenceShare(*condition));
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

void AddFingerprint(const trial::Fingerprint& print, LifeEntry& entry) {
  if (print.changed_from_parent) {
    entry.changed_from_parent = std::max(entry.changed_from_parent.value_or(0), *print.changed_from_parent);
  }
  if (entry.probes == 0) {
    entry.changes = print.changes;
    entry.episodes_changed_most = print.episodes_changed_most;
    entry.probes = print.probes;
  }
  entry.energy_distance = std::max(entry.energy_distance, print.energy_distance);
  entry.p_value = std::min(entry.p_value, print.p_value);
}

LifeEntry EntryOf(const audit::ProposalHistory& proposal, const EvaluatorSet& set) {
  LifeEntry entry;
  entry.proposal = proposal.proposal.proposal;
  entry.note = proposal.proposal.note;
  entry.budget_index = static_cast<std::uint64_t>(proposal.candidate->budget_index);
  entry.time = proposal.candidate->time;
  entry.candidate_index = proposal.candidate_index;
  entry.outcome = proposal.outcome ? std::string(audit::ProposalOutcomeName(proposal.outcome->outcome)) : "pending";
  if (proposal.outcome) entry.rule = proposal.outcome->rule;
  if (proposal.release) entry.epoch = proposal.release->epoch;
  std::vector<trial::TrialReport> reports;
  for (const audit::LoggedVote& logged : proposal.votes) {
    std::optional<Result<trial::TrialReport>> report = ReportOf(logged);
    if (!report) continue;
    entry.vote_indices.push_back(logged.index);
    if (!report->ok()) {
      entry.verdicts.push_back(logged.vote.reviewer + ": unreadable, " + report->error().rule);
      continue;
    }
    entry.verdicts.push_back(logged.vote.reviewer + ": " + std::string(trial::TrialVerdictName((*report)->verdict)));
    if ((*report)->fingerprint) AddFingerprint(*(*report)->fingerprint, entry);
    reports.push_back(std::move(**report));
  }
  entry.conditions = PutTogether(reports, set);
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
  life.size = life.verified = history.size();
  life.time = history.time();
  life.budget_index = static_cast<std::uint64_t>(history.budget_index());
  Result<double> harm_error = HarmErrorOf(history);
  if (!harm_error.ok()) return harm_error.error();
  life.harm_error = *harm_error;
  const EvaluatorSet set = EvaluatorSetOf(history.charter());
  for (const audit::ProposalHistory& proposal : history.proposals()) {
    if (!proposal.candidate || proposal.candidate->action != warrant::Action::kRelease) continue;
    life.entries.push_back(EntryOf(proposal, set));
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
