#include "report/life.h"

#include <algorithm>
#include <limits>
#include <map>
#include <utility>

#include "encoding/json.h"
#include "oversight/acceleration.h"
#include "oversight/charter_trial.h"
#include "oversight/complaint.h"
#include "trial/budget.h"
#include "trial/canonical_cursor.h"
#include "trial/evidence.h"
#include "warrant/evidence.h"

namespace pawl::report {
namespace {

// As large as the gate writes them (gate/trial_steps.cc).
constexpr std::uint64_t kGateReportBytesMax = std::uint64_t{1} << 20;

// What a charter asks of a trial, worked out once.
struct Asked {
  charter::Charter charter;
  EvaluatorSet evaluators;
  trial::TrialRules rules;
  trial::EvaluatorShare share;
  double harm_error_sum = 0;
};

class Charters {
 public:
  explicit Charters(const audit::History& history) : read_(history.charter_reader()) {}

  Result<const Asked*> Of(const crypto::Digest& digest) {
    if (const auto found = asked_.find(digest); found != asked_.end()) return &found->second;
    Result<charter::Charter> charter = read_(digest);
    if (!charter.ok()) return charter.error();
    // A charter without evaluation asks nothing of a trial.
    Result<trial::TrialRules> rules =
        charter->evaluation.command.empty() ? trial::TrialRules{} : oversight::MakeTrialRules(*charter);
    if (!rules.ok()) return rules.error();
    Asked asked{*charter, EvaluatorSetOf(*charter), *rules, oversight::EvaluatorShareOf(*charter),
                HarmErrorSum(*rules)};
    return &asked_.emplace(digest, std::move(asked)).first->second;
  }

 private:
  const audit::History::CharterReader& read_;
  std::map<crypto::Digest, Asked> asked_;
};

trial::TrialTerms TermsOf(const warrant::Candidate& candidate, const Asked& asked) {
  return {.kind = candidate.parent_tree ? trial::TrialKind::kStep : trial::TrialKind::kFirstRelease,
          .budget_index = static_cast<std::uint64_t>(candidate.budget_index),
          .share = asked.share};
}

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

// A report answers the rules, but does not repeat which episodes a harm is about, nor the metric's range.
Measure MeasureIn(const trial::ConditionReport& condition, const trial::TrialRules& rules) {
  Measure of{condition.metric};
  if (condition.kind == trial::ConditionKind::kDrift) return of;
  if (condition.kind == trial::ConditionKind::kHarm) {
    const auto harm = std::find_if(rules.harms.begin(), rules.harms.end(),
                                   [&](const trial::HarmCondition& one) { return one.name == condition.name; });
    if (harm != rules.harms.end()) of.group = harm->group;
  }
  const trial::MetricRange& metric = rules.metrics[trial::MetricIndex(rules, condition.metric)];  // it answers them
  of.lowest = metric.lowest;
  of.highest = metric.highest;
  of.better = metric.direction;
  return of;
}

// Every condition, in the order of the first report that has it.
std::vector<Measured> PutTogether(const std::vector<trial::TrialReport>& reports, const trial::TrialRules& rules,
                                  const EvaluatorSet& set) {
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
        together.back().of = MeasureIn(condition, rules);
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

void AddFingerprint(const std::string& who, std::uint64_t where, const trial::Fingerprint& print, LifeEntry& entry) {
  if (print.changed_from_parent) {
    entry.changed_from_parent = std::max(entry.changed_from_parent.value_or(0), *print.changed_from_parent);
  }
  if (entry.movements.empty()) {
    entry.changes = print.changes;
    entry.episodes_changed_most = print.episodes_changed_most;
    entry.probes = print.probes;
  }
  entry.movements.push_back(
      {who, print.energy_distance, print.p_value, print.episodes, print.permutations, where, print.from_parent});
}

// The gate's report on its own trial, or the rule of what is wrong with it.
Result<trial::TrialReport> GateReportOf(const crypto::Digest& document, const subject::BlobReader& read) {
  Result<std::string> bytes = read(document, kGateReportBytesMax);
  if (!bytes.ok()) return bytes.error();
  Result<encoding::Json> json = encoding::ParseCanonicalJson(*bytes);
  if (!json.ok()) return json.error();
  return trial::ReadTrialReport(*json);
}

// Adds what the gate measured; for trials on which no evaluator has given figures.
void AddGateTrial(const audit::ProposalHistory& proposal, const Asked& asked, const subject::BlobReader& read,
                  LifeEntry& entry) {
  const audit::Finding* finding = proposal.FindingOf(audit::Step::kTrial);
  if (finding == nullptr) return;
  const auto document = finding->evidence.find("report");
  if (document == finding->evidence.end()) return;
  Result<trial::TrialReport> report = GateReportOf(document->second, read);
  entry.gate = GateTrial{document->second.Text(), {}, *proposal.IndexOf(audit::Step::kTrial)};
  if (!report.ok()) {
    entry.gate->verdict = "unreadable, " + report.error().rule;
    return;
  }
  Result<void> answers = trial::CheckReportAnswers(*report, asked.rules, TermsOf(*proposal.candidate, asked));
  if (!answers.ok()) {
    entry.gate->verdict = "no answer to the charter, " + answers.error().rule;
    return;
  }
  entry.gate->verdict = trial::TrialVerdictName(report->verdict);
  if (report->fingerprint) AddFingerprint("gate", entry.gate->entry, *report->fingerprint, entry);
  entry.conditions = PutTogether({std::move(*report)}, asked.rules, {});
}

// Certificates of drift stand behind those of the properties; a network that is the baseline's has none.
std::vector<ProvenDrift> ProvenDriftsOf(const warrant::Candidate& candidate, const charter::Charter& charter) {
  std::vector<ProvenDrift> proven;
  for (std::size_t i = charter.properties.size(); i < candidate.certificates.size(); ++i) {
    const warrant::CertificateReference& named = candidate.certificates[i];
    for (const charter::Property& property : charter.properties) {
      if (property.name != named.property || property.drift_within <= 0) continue;
      proven.push_back({property.name, property.drift_within, named.certificate.Text()});
    }
  }
  return proven;
}

LifeEntry EntryOf(const audit::ProposalHistory& proposal, const Asked& asked, const subject::BlobReader& read) {
  LifeEntry entry;
  entry.proposal = proposal.proposal.proposal;
  entry.note = proposal.proposal.note;
  entry.budget_index = static_cast<std::uint64_t>(proposal.candidate->budget_index);
  entry.time = proposal.candidate->time;
  entry.candidate_index = proposal.candidate_index;
  entry.proven_drifts = ProvenDriftsOf(*proposal.candidate, asked.charter);
  entry.evaluators = asked.evaluators;
  entry.outcome = proposal.outcome ? std::string(audit::ProposalOutcomeName(proposal.outcome->outcome)) : "pending";
  if (proposal.outcome) entry.rule = proposal.outcome->rule;
  if (proposal.release) entry.epoch = proposal.release->epoch;
  const trial::TrialTerms terms = TermsOf(*proposal.candidate, asked);
  std::vector<trial::TrialReport> reports;  // at most one of each evaluator: nobody votes twice on a candidate
  for (const audit::LoggedVote& logged : proposal.votes) {
    const charter::Reviewer* reviewer = asked.charter.FindReviewer(logged.vote.reviewer);
    if (reviewer == nullptr || reviewer->role != charter::Role::kEvaluator) continue;
    std::optional<Result<trial::TrialReport>> report = ReportOf(logged);
    if (!report) continue;
    entry.vote_indices.push_back(logged.index);
    if (!report->ok()) {
      entry.verdicts.push_back(logged.vote.reviewer + ": unreadable, " + report->error().rule);
      continue;
    }
    if (Result<void> answers = trial::CheckReportAnswers(**report, asked.rules, terms); !answers.ok()) {
      entry.verdicts.push_back(logged.vote.reviewer + ": no answer to the charter, " + answers.error().rule);
      continue;
    }
    entry.verdicts.push_back(logged.vote.reviewer + ": " + std::string(trial::TrialVerdictName((*report)->verdict)));
    if ((*report)->fingerprint) AddFingerprint(logged.vote.reviewer, logged.index, *(*report)->fingerprint, entry);
    reports.push_back(std::move(**report));
  }
  entry.conditions = PutTogether(reports, asked.rules, asked.evaluators);
  if (reports.empty()) AddGateTrial(proposal, asked, read, entry);
  return entry;
}

// The budget index goes on over amendments, and the shares of all indices add up to one.
Result<double> HarmErrorOf(const audit::History& history, Charters& charters) {
  Result<const Asked*> now = charters.Of(history.charter().digest);
  if (!now.ok()) return now.error();
  double error = 0;  // a charter without evaluation has none to spend
  if ((*now)->harm_error_sum > 0) {
    error = trial::RemainingError((*now)->harm_error_sum, static_cast<std::uint64_t>(history.budget_index()));
  }
  for (const audit::ProposalHistory& proposal : history.proposals()) {
    if (!proposal.candidate || proposal.candidate->action != warrant::Action::kRelease) continue;
    Result<const Asked*> then = charters.Of(proposal.candidate->charter);
    if (!then.ok()) return then.error();
    Result<double> half = trial::TrialAlpha(0.5, static_cast<std::uint64_t>(proposal.candidate->budget_index), {});
    if (!half.ok()) return half.error();
    error += 2 * *half * (*then)->harm_error_sum;
  }
  return error;
}

// The genesis is the log's first entry. What amended it last names its digest as the tree.
std::uint64_t CharterIndexOf(const audit::History& history) {
  std::uint64_t index = 0;
  for (const audit::ProposalHistory& proposal : history.proposals()) {
    if (proposal.candidate && proposal.candidate->action == warrant::Action::kAmendment && proposal.warrant &&
        proposal.candidate->tree == history.charter().digest) {
      index = proposal.candidate_index;
    }
  }
  return index;
}

}  // namespace

EvaluatorSet EvaluatorSetOf(const charter::Charter& charter) {
  EvaluatorSet set;
  for (const charter::Reviewer& reviewer : charter.reviewers) {
    set.evaluators += reviewer.role == charter::Role::kEvaluator ? 1 : 0;
  }
  const charter::QuorumRule* rule = charter.FindQuorum(charter::Role::kEvaluator);
  set.evidence_decides = rule != nullptr && rule->faults_max.has_value();
  if (rule == nullptr || set.evaluators < 2) return set;
  const auto required = static_cast<std::uint64_t>(rule->at_least);
  const std::uint64_t spare = set.evaluators > required ? set.evaluators - required : 0;
  set.faults_max = rule->faults_max.value_or(std::max<std::uint64_t>(1, spare));
  return set;
}

const Measured* LifeEntry::Find(trial::ConditionKind kind, std::string_view name, const Measure& of) const {
  const auto found = std::find_if(conditions.begin(), conditions.end(),
                                  [&](const Measured& m) { return m.kind == kind && m.name == name && m.of == of; });
  return found == conditions.end() ? nullptr : &*found;
}

Result<std::optional<LifeEntry>> LatestMeasured(const audit::History& history, const subject::BlobReader& read) {
  Charters charters(history);
  for (std::size_t i = history.proposals().size(); i-- > 0;) {
    const audit::ProposalHistory& proposal = history.proposals()[i];
    if (!proposal.candidate || proposal.candidate->action != warrant::Action::kRelease) continue;
    if (proposal.candidate->charter != history.charter().digest) break;  // another was in force then
    Result<const Asked*> asked = charters.Of(proposal.candidate->charter);
    if (!asked.ok()) return asked.error();
    LifeEntry entry = EntryOf(proposal, **asked, read);
    if (!entry.conditions.empty()) return std::optional(std::move(entry));
  }
  return std::optional<LifeEntry>();
}

Result<Life> LifeOf(const audit::History& history, const subject::BlobReader& read) {
  Life life;
  life.subject = history.charter().subject.name;
  life.charter = history.charter().digest.Text();
  life.charter_index = CharterIndexOf(history);
  life.size = life.verified = history.size();
  life.time = history.time();
  life.budget_index = static_cast<std::uint64_t>(history.budget_index());
  Charters charters(history);
  Result<double> harm_error = HarmErrorOf(history, charters);
  if (!harm_error.ok()) return harm_error.error();
  life.harm_error = *harm_error;
  for (const audit::ProposalHistory& proposal : history.proposals()) {
    if (!proposal.candidate || proposal.candidate->action != warrant::Action::kRelease) continue;
    Result<const Asked*> asked = charters.Of(proposal.candidate->charter);
    if (!asked.ok()) return asked.error();
    life.entries.push_back(EntryOf(proposal, **asked, read));
  }
  for (const audit::ReleaseRecord& release : history.releases()) {
    const audit::ProposalHistory* proposal = history.Find(release.proposal);
    life.switches.push_back(
        {release.proposal, release.epoch, release.time, proposal == nullptr ? 0 : proposal->candidate_index});
  }
  for (const audit::LoggedHalt& halt : history.halts()) {
    life.halts.push_back({"halted by " + halt.principal + ", " + (halt.lifted ? "lifted" : "open") + ": " +
                              halt.decision.reason + " (ledger entry " + std::to_string(halt.index) + ")",
                          halt.index});
  }
  for (const audit::ProposalHistory& proposal : history.proposals()) {
    for (const audit::LoggedComplaint& one : proposal.complaints) {
      life.complaints.push_back({proposal.proposal.proposal + ": " + oversight::Text(one), one.index});
    }
  }
  Result<std::vector<oversight::AccelerationAlarm>> alarms = oversight::OpenAlarms(history);
  if (!alarms.ok()) return alarms.error();
  for (const oversight::AccelerationAlarm& alarm : *alarms) life.alarms.push_back({alarm.reason, alarm.index});
  return life;
}

}  // namespace pawl::report
