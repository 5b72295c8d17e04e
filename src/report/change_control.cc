#include "report/change_control.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <set>
#include <utility>

#include "encoding/time.h"
#include "trial/budget.h"

namespace pawl::report {
namespace {

// Topics of the charter's words that say what may change; all others say how a change gets through.
const std::set<std::string>& ModificationTopics() {
  static const std::set<std::string> topics = {"subject", "surface", "improver"};
  return topics;
}

// Beside all pictures at once.
constexpr char kPicturesWords[] =
    "In the pictures filled marks became releases, hollow ones did not; lines go through releases. Crossed ones are "
    "the "
    "gate's own trial, after which no evaluator measured. Bands and bars reach from the evaluators' smallest lower to "
    "their largest upper bound, each one-sided at the error that the trial spent. Each mark leads to its ledger entry.";

enum class Part { kModifications, kProtocol };

// The first ones; evaluators repeat an alarm at every release until people lift it.
constexpr std::size_t kAlarmsShown = 10;

std::string Percent(double share) { return ShortNumber(100 * share) + " %"; }

// What is said where the charter in force asks for no trials.
constexpr char kUntried[] =
    "The charter in force asks for no trials: what may change is proven, and nothing else is shown about it.";

void AddSummary(const Life& life, const charter::Charter& charter, Document& document) {
  std::size_t released = 0;
  for (const LifeEntry& entry : life.entries) released += entry.epoch ? 1 : 0;
  const std::string verified = life.verified == life.size
                                   ? "Every entry, its signature and its place were verified for this report."
                                   : "The first " + std::to_string(life.size - life.verified) +
                                         " entries count as this home had verified them before, by the snapshot "
                                         "that it signed, the others were verified "
                                         "for this report; pawl log verify reads all of them again.";
  document.Add(Paragraph{"Subject " + life.subject + " under charter " + life.charter + ", from a ledger of " +
                         std::to_string(life.size) + " entries up to " + encoding::TimeText(life.time) + ". " +
                         verified});
  List list{{Cell::OfFile(std::to_string(life.entries.size()) + " proposals were committed, " +
                              std::to_string(released) + " became releases.",
                          kLifeTableName)}};
  if (charter.evaluation.command.empty()) list.items.push_back(Cell(kUntried, life.charter_index));
  if (life.harm_error > 0) {
    list.items.push_back(
        Cell("Probability that any accepted proposal of the whole life breaks a harm limit of the charter that it "
             "was tested under: at most " +
                 ShortNumber(life.harm_error) +
                 ", the sum over all harm conditions of what each trial could spend, and of what is left for "
                 "later ones.",
             life.charter_index));
  }
  if (life.alarms.empty()) list.items.push_back("No alarm about accelerating growth is open.");
  for (std::size_t i = 0; i < std::min(life.alarms.size(), kAlarmsShown); ++i) {
    list.items.push_back(Cell("Open alarm: " + life.alarms[i].text, life.alarms[i].entry));
  }
  if (life.alarms.size() > kAlarmsShown) {
    list.items.push_back(std::to_string(life.alarms.size() - kAlarmsShown) + " more alarms are open.");
  }
  list.items.push_back(life.halts.empty() ? "Nobody has ever halted."
                                          : std::to_string(life.halts.size()) + " halts, listed below.");
  list.items.push_back(life.complaints.empty()
                           ? "No reviewer is accused of anything."
                           : std::to_string(life.complaints.size()) + " complaints about reviewers, listed below.");
  document.Add(std::move(list));
  document.Add(Paragraph{
      "This is supporting evidence drawn from a ledger, each figure with a link to its entry. It is no statement of "
      "conformity with any law or standard, and no proof of safety: named properties were proved for named files, the "
      "rest is statistics with stated errors, or somebody's signed judgement."});
}

void AddWords(const std::vector<Topic>& words, Part part, Document& document) {
  for (const Topic& topic : words) {
    if (ModificationTopics().contains(topic.name) != (part == Part::kModifications) || topic.sentences.empty())
      continue;
    document.Add(Heading{3, topic.name});
    document.Add(List{{topic.sentences.begin(), topic.sentences.end()}});
  }
}

void AddProtocol(const Life& life, const charter::Charter& charter, Document& document) {
  if (charter.evaluation.command.empty()) return document.Add(Paragraph{kUntried});
  document.Add(Heading{3, "what each trial may spend"});
  document.Add(
      Paragraph{"The k-th trial of the subject tests a condition at 6/(pi^2 k^2) of its lifetime error, whatever "
                "became of the trials before. Proposing a rejected candidate again spends again."});
  Table table{{"condition", "limit", "lifetime error", "left for later trials"}, {}};
  const auto row = [&](const std::string& name, double limit, double error) {
    const double left = trial::RemainingError(error, life.budget_index);
    table.rows.push_back({{name,
                           {ShortNumber(limit), life.charter_index},
                           {ShortNumber(error), life.charter_index},
                           {ShortNumber(left), life.charter_index}}});
  };
  const charter::Bounds& bounds = charter.bounds;
  for (const charter::HarmBound& harm : bounds.harm) row("harm: " + harm.name, harm.limit, harm.lifetime_error);
  row("improvement: " + bounds.improvement.metric + " above", 0, bounds.improvement.lifetime_error);
  row("step: " + bounds.capability.metric, bounds.capability.max_step, bounds.capability.lifetime_error);
  if (bounds.capability.max_growth > 0) {
    row("growth within the window: " + bounds.capability.metric, bounds.capability.max_growth,
        bounds.capability.lifetime_error);
  }
  row("ceiling: " + bounds.capability.metric, bounds.capability.ceiling, bounds.capability.lifetime_error);
  row("drift", bounds.drift.limit, bounds.drift.lifetime_error);
  document.Add(std::move(table));
}

// "score", "near_miss of 'night'".
std::string WordsOf(const Measure& of) { return of.metric + (of.group.empty() ? "" : " of '" + of.group + "'"); }

// What tells a metric from another of its name.
std::string ScaleOf(const Measure& of) {
  return " from " + ShortNumber(of.lowest) + " to " + ShortNumber(of.highest) + ", " +
         (of.better == trial::Direction::kHigherIsBetter ? "higher" : "lower") + " is better";
}

Row TrialRow(const LifeEntry& entry, const std::vector<Column>& columns) {
  const std::string outcome = entry.outcome + (entry.rule.empty() ? "" : " (" + entry.rule + ")");
  Row row{{Cell(std::to_string(entry.budget_index), entry.candidate_index), Cell(entry.proposal + ": " + entry.note),
           entry.gate ? Cell(outcome, entry.gate->entry) : Cell(outcome),
           entry.epoch ? Cell(std::to_string(*entry.epoch), entry.candidate_index) : Cell("")}};
  for (const Column& column : columns) {
    const Measured* measured = entry.Find(column.kind, column.name, column.of);
    row.cells.push_back(measured == nullptr
                            ? Cell("")
                            : Cell(ShortNumber(measured->estimate) + " in [" + ShortNumber(measured->lower) + ", " +
                                       ShortNumber(measured->upper) + "]" + (entry.gate ? ", gate" : ""),
                                   EvidenceOf(entry)));
  }
  return row;
}

// The largest of all properties; nothing where the charter asked for none, or the network is the baseline's.
Cell ProvenDriftCell(const LifeEntry& entry) {
  if (entry.proven_drifts.empty()) return "";
  double within = 0;
  for (const ProvenDrift& proven : entry.proven_drifts) within = std::max(within, proven.within);
  return {"within " + ShortNumber(within), entry.candidate_index};
}

void AddTrials(const Life& life, const charter::Charter& charter, Document& document) {
  const std::size_t before = life.entries.size() > kTrialsShown ? life.entries.size() - kTrialsShown : 0;
  document.Add(Heading{3, before == 0 ? "every trial" : "the latest trials"});
  document.Add(List{
      {Cell::OfFile("Every trial of the life with all its figures, as a table for other programs", kLifeTableName)}});
  if (!life.entries.empty()) {
    document.Add(Paragraph{
        (before == 0 ? std::string() : "The " + std::to_string(before) + " trials before these are in that file. ") +
        "Means over the evaluators, and from their smallest lower to their largest upper bound. Each "
        "figure links to the first evaluator's vote, the numbers behind it to the others'. Figures with \"gate\" "
        "are those of the gate's own trial, where no evaluator's report gives any."});
  }
  Table table{{"k", "proposal", "outcome", "epoch"}, {}};
  const std::vector<Column> columns = ColumnsOf(life, charter);
  for (const Column& column : columns) table.header.push_back(column.header);
  const bool has_proofs = std::any_of(life.entries.begin() + static_cast<std::ptrdiff_t>(before), life.entries.end(),
                                      [](const LifeEntry& entry) { return !entry.proven_drifts.empty(); });
  if (has_proofs) table.header.push_back("drift, proven");
  for (std::size_t i = before; i < life.entries.size(); ++i) {
    table.rows.push_back(TrialRow(life.entries[i], columns));
    if (has_proofs) table.rows.back().cells.push_back(ProvenDriftCell(life.entries[i]));
  }
  document.Add(std::move(table));
}

// What the evaluators know together of one condition, in words.
std::string TogetherOf(const LifeEntry& entry, const Measured& measured) {
  if (entry.gate) return "the gate alone";
  if (!measured.share_together) return "one evaluator";
  return std::isinf(*measured.share_together) ? "an evaluator is missing" : Percent(*measured.share_together);
}

void AddConditions(const LifeEntry& entry, Document& document) {
  const std::vector<std::uint64_t> evidence = EvidenceOf(entry);
  Table table{{"condition", "limit", "estimate", "bounds", "observations", "error spent", "evidence together"}, {}};
  for (const Measured& measured : entry.conditions) {
    table.rows.push_back({{measured.name + " (" + WordsOf(measured.of) + ")",
                           {ShortNumber(measured.limit), evidence},
                           {ShortNumber(measured.estimate), evidence},
                           {ShortNumber(measured.lower) + " to " + ShortNumber(measured.upper), evidence},
                           {std::to_string(measured.observations), evidence},
                           {ShortNumber(measured.alpha), evidence},
                           {TogetherOf(entry, measured), evidence}}});
  }
  document.Add(std::move(table));
  document.Add(Paragraph{
      "Evidence together: logarithm of the product of e-values over the fixed set of evaluators without the " +
      std::to_string(entry.evaluators.faults_max) + " largest, as a share of what is needed. " +
      (entry.evaluators.evidence_decides ? "It decides: 100 % and more is shown."
                                         : "For information beside the votes, which decide.")});
}

// How behaviour changed: outcomes for each evaluator, then decisions and episodes of the first.
void AddBehaviour(const LifeEntry& entry, Document& document) {
  const std::vector<std::uint64_t> evidence = EvidenceOf(entry);
  if (entry.movements.empty()) return;
  Table outcomes{{"measured by", "energy distance of the outcomes from the baseline's", "permutation p-value",
                  "from the parent's", "permutation p-value", "episodes", "permutations"},
                 {}};
  for (const Movement& movement : entry.movements) {
    const auto from_parent = [&](double trial::OutcomeShift::*figure) {
      return movement.from_parent ? Cell(ShortNumber((*movement.from_parent).*figure), movement.entry) : Cell("");
    };
    outcomes.rows.push_back({{movement.evaluator,
                              {ShortNumber(movement.energy_distance), movement.entry},
                              {ShortNumber(movement.p_value), movement.entry},
                              from_parent(&trial::OutcomeShift::energy_distance),
                              from_parent(&trial::OutcomeShift::p_value),
                              {std::to_string(movement.episodes), movement.entry},
                              {std::to_string(movement.permutations), movement.entry}}});
  }
  document.Add(std::move(outcomes));
  document.Add(Paragraph{
      "All are about the first episodes of a trial alone, as many as the table says, and no p-value is below "
      "1/(permutations + 1). Each p-value is valid by itself; the smallest of several is none. A large one is "
      "no evidence that nothing drifted."});
  const auto share = [&](std::uint64_t probes) {
    return entry.probes == 0 ? "" : Percent(static_cast<double>(probes) / static_cast<double>(entry.probes));
  };
  if (entry.changed_from_parent && entry.probes > 0) {
    Table behaviour{{"behaviour", "figure"}, {}};
    behaviour.rows.push_back(
        {{"share of probes decided differently than by the parent", {share(*entry.changed_from_parent), evidence}}});
    document.Add(std::move(behaviour));
  }
  if (!entry.changes.empty()) {
    document.Add(Heading{3, "inputs that changed most"});
    document.Add(Paragraph{
        "The commonest changes of decision, as the first evaluator found them, and the first probes that show each in "
        "the evaluator's own terms. Where it describes none they have numbers alone, counted from 0 over the fresh "
        "probes, then the fixed ones; spec/evaluation.md says how the seed of each follows from the vote."});
    Table changes{{"the baseline decided", "now", "probes", "share", "probe", "input"}, {}};
    for (const trial::DecisionChange& change : entry.changes) {
      changes.rows.push_back(
          {{change.from,
            change.to,
            {std::to_string(change.count), evidence.front()},
            {share(change.count), evidence.front()},
            {std::to_string(change.first_probe), evidence.front()},
            change.inputs.empty() ? Cell("") : Cell(change.inputs.front().input, evidence.front())}});
      for (std::size_t i = 1; i < change.inputs.size(); ++i) {
        const trial::ChangedInput& changed = change.inputs[i];
        changes.rows.push_back(
            {{"", "", "", "", {std::to_string(changed.probe), evidence.front()}, {changed.input, evidence.front()}}});
      }
    }
    document.Add(std::move(changes));
  }
  if (!entry.episodes_changed_most.empty()) {
    Table episodes{
        {"episode (number of its seed)", "distance of its outcome from the baseline's", "what the episode was"}, {}};
    for (const trial::EpisodeChange& change : entry.episodes_changed_most) {
      episodes.rows.push_back({{{std::to_string(change.episode), evidence.front()},
                                {ShortNumber(change.distance), evidence.front()},
                                change.input ? Cell(*change.input, evidence.front()) : Cell("")}});
    }
    document.Add(std::move(episodes));
  }
}

void AddProvenDrift(const LifeEntry& entry, Document& document) {
  if (entry.proven_drifts.empty()) return;
  Table table{{"on all inputs of property", "no output is further from the baseline's than", "certificate"}, {}};
  for (const ProvenDrift& proven : entry.proven_drifts) {
    table.rows.push_back({{proven.property,
                           {ShortNumber(proven.within), entry.candidate_index},
                           {proven.certificate, entry.candidate_index}}});
  }
  document.Add(std::move(table));
  document.Add(Paragraph{
      "Proven, not measured: by certificates that the candidate statement names. Prover reviewers check them before "
      "they vote, and every loader before it switches; pawl-check certificate checks one again. In the network's own "
      "units."});
}

// The latest trial that has figures.
void AddLatest(const Life& life, Document& document) {
  const auto last = std::find_if(life.entries.rbegin(), life.entries.rend(),
                                 [](const LifeEntry& entry) { return !entry.conditions.empty(); });
  if (last == life.entries.rend()) return;
  document.Add(Heading{3, "the latest trial: " + last->proposal});
  std::string verdicts;
  for (const std::string& verdict : last->verdicts) verdicts += (verdicts.empty() ? "" : "; ") + verdict;
  if (last->gate) {
    verdicts += std::string(verdicts.empty() ? "" : "; ") + "by the gate's own trial alone: " + last->gate->verdict;
  }
  document.Add(Paragraph{verdicts + "."});
  AddConditions(*last, document);
  AddProvenDrift(*last, document);
  AddBehaviour(*last, document);
}

void AddFrameworks(const charter::Charter& charter, Document& document) {
  document.Add(Heading{2, "The charter beside laws and standards"});
  document.Add(
      Paragraph{"What of the charter and its ledger may support which requirement. Whether a requirement applies, "
                "and is met, is for others to decide."});
  const auto seconds = [](std::int64_t s) {
    return s % 3600 == 0 ? std::to_string(s / 3600) + " h" : std::to_string(s) + " s";
  };
  Table table{{"requirement", "about", "supported by"}, {}};
  const auto row = [&](const char* requirement, const char* about, std::string by) {
    table.rows.push_back({{requirement, about, std::move(by)}});
  };
  row("Regulation (EU) 2024/1689, Article 12", "automatic recording of events over the lifetime",
      "the append-only Merkle ledger: every proposal, finding, vote, approval, release, rollback and halt, signed and "
      "with its time; this report's links into it");
  row("Regulation (EU) 2024/1689, Article 14", "oversight by people, who can intervene and stop",
      "approvals of " + std::to_string(charter.approval.threshold) + " people for each release" +
          (charter.approval.presence == charter::Presence::kRequired ? ", with proof of presence"
                                                                     : "; no proof that a person was present") +
          "; any one of them can halt, and " + std::to_string(charter.resume_threshold) + " lift a halt");
  row("Regulation (EU) 2024/1689, Article 15",
      "accuracy, robustness, cybersecurity; feedback loops of systems that go on learning",
      "properties proved for every input they name (" + std::to_string(charter.properties.size()) +
          (charter.evaluation.command.empty()
               ? "), and how far outputs are from the baseline's at most"
               : "); harm limits with lifetime errors; bounds on step, ceiling, drift and acceleration; evaluation in "
                 "a sandbox on seeds that nobody could foresee"));
  row("NIST AI RMF 1.0, MANAGE 2.4", "mechanisms and responsibilities to supersede, disengage or deactivate",
      "halt by one signature, which works without the gate; rollback to an earlier release; alarm about accelerating "
      "growth, which only people lift");
  row("OWASP AISVS 1.0, 9.2.5", "approvals expire within a set time and are refused afterwards",
      "a decision expires " + seconds(charter.approval.expiry_s) +
          " after it was drafted; loaders refuse it from then on");
  document.Add(std::move(table));
}

// A row for each entry that something above links to, and from there to the entry itself.
void AddEntries(const Life& life, Document& document) {
  std::map<std::uint64_t, std::string> listed;
  for (const std::uint64_t entry : LinkedEntries(document)) listed.emplace(entry, "");
  const auto say = [&](std::uint64_t index, const auto& words) {
    if (const auto found = listed.find(index); found != listed.end()) found->second = words();
  };
  const auto put_in_force = [] { return "what put the charter in force"; };
  say(life.charter_index, put_in_force);
  for (const Noted& halt : life.halts) say(halt.entry, [&] { return halt.text; });
  for (const Noted& complaint : life.complaints) say(complaint.entry, [&] { return complaint.text; });
  for (const LifeEntry& entry : life.entries) {
    say(entry.candidate_index, [&] {
      return "candidate statement of " + entry.proposal + ", k = " + std::to_string(entry.budget_index) + ", " +
             encoding::TimeText(entry.time);
    });
    if (entry.gate) {
      say(entry.gate->entry, [&] {
        return "finding of the gate's own trial of " + entry.proposal + ": " + entry.gate->verdict + " (report " +
               entry.gate->report + ")";
      });
    }
    for (std::size_t i = 0; i < entry.vote_indices.size(); ++i) {
      say(entry.vote_indices[i], [&] { return "vote on " + entry.proposal + " by " + entry.verdicts[i]; });
    }
  }
  // Rollbacks have a candidate statement and no trial.
  for (const Switch& live : life.switches) {
    if (const auto found = listed.find(live.candidate_index); found != listed.end() && found->second.empty()) {
      found->second =
          "candidate statement of rollback " + live.proposal + ", live from " + encoding::TimeText(live.time);
    }
  }
  document.Add(Heading{2, "Ledger entries"});
  document.Add(Paragraph{
      "The entries that the figures above come from. Each number leads to the entry as the ledger has it, with "
      "the hash of its leaf; pawl log show INDEX prints it again; pawl log export and pawl-check log let "
      "anybody check that the log has it."});
  Table table{{"entry", "what it is"}, {}};
  for (auto& [index, words] : listed) {
    table.rows.push_back({{Cell::OfFile(std::to_string(index), EntryFileName(index)), std::move(words)}, index});
  }
  document.Add(std::move(table));
}

}  // namespace

Measure MeasureOf(const charter::Charter& charter, const std::string& metric, const std::string& group) {
  const charter::Metric& declared = *charter.evaluation.Find(metric);
  const bool higher = declared.direction == charter::Direction::kHigherIsBetter;
  return {metric, group, declared.min, declared.max,
          higher ? trial::Direction::kHigherIsBetter : trial::Direction::kLowerIsBetter};
}

std::vector<std::uint64_t> EvidenceOf(const LifeEntry& entry) {
  if (entry.gate) return {entry.gate->entry};
  return entry.vote_indices.empty() ? std::vector{entry.candidate_index} : entry.vote_indices;
}

// What a charter with an evaluation asks of a trial.
static std::vector<Column> AskedColumns(const charter::Charter& charter) {
  using trial::ConditionKind;
  const charter::Bounds& bounds = charter.bounds;
  const Measure capability = MeasureOf(charter, bounds.capability.metric);
  const Measure decisions{"decisions"};
  std::vector<Column> columns = {
      {ConditionKind::kCeiling, "ceiling", capability, capability.metric},
      {ConditionKind::kStep, "step", capability, "step"},
      {ConditionKind::kImprovement, "improvement", MeasureOf(charter, bounds.improvement.metric), "improvement"}};
  if (bounds.capability.max_growth > 0) columns.push_back({ConditionKind::kGrowth, "growth", capability, "growth"});
  for (const charter::HarmBound& harm : bounds.harm) {
    columns.push_back({ConditionKind::kHarm, harm.name, MeasureOf(charter, harm.metric, harm.group.value_or("")),
                       "harm: " + harm.name});
  }
  columns.push_back({ConditionKind::kDrift, "drift-fresh", decisions, "drift"});
  if (charter.evaluation.probes_file) {
    columns.push_back({ConditionKind::kDrift, "drift-fixed", decisions, "drift, fixed probes"});
  }
  if (bounds.drift.energy_limit > 0) {
    columns.push_back({ConditionKind::kDrift, "drift-energy", {"outcomes"}, "energy distance"});
  }
  return columns;
}

std::vector<Column> ColumnsOf(const Life& life, const charter::Charter& charter) {
  using trial::ConditionKind;
  std::vector<Column> columns = charter.evaluation.command.empty() ? std::vector<Column>() : AskedColumns(charter);
  for (const LifeEntry& entry : life.entries) {
    for (const Measured& measured : entry.conditions) {
      const bool known = std::any_of(columns.begin(), columns.end(), [&](const Column& column) {
        return column.kind == measured.kind && column.name == measured.name && column.of == measured.of;
      });
      if (known) continue;
      const std::string harm = measured.kind == ConditionKind::kHarm ? "harm: " : "";
      const std::string scale = measured.kind == ConditionKind::kDrift ? "" : ScaleOf(measured.of);
      columns.push_back({measured.kind, measured.name, measured.of,
                         harm + measured.name + " (" + WordsOf(measured.of) + scale + "), earlier charter"});
    }
  }
  return columns;
}

std::string EntryFileName(std::uint64_t index) { return "entries/" + std::to_string(index) + ".json"; }

Document ChangeControlReport(const Life& life, const charter::Charter& charter, const std::vector<Topic>& words) {
  Document document{.title = "Change control report: " + life.subject, .blocks = {}};
  AddSummary(life, charter, document);
  document.Add(Heading{2, "Description of modifications"});
  AddWords(words, Part::kModifications, document);
  document.Add(Heading{2, "Modification protocol"});
  AddWords(words, Part::kProtocol, document);
  AddProtocol(life, charter, document);
  document.Add(Heading{2, "Impact assessment"});
  document.Add(Paragraph{kPicturesWords});
  for (Drawing& drawing : LifePictures(life, charter)) document.Add(std::move(drawing));
  AddLatest(life, document);
  for (const auto& [what, all] : {std::pair{"halts", &life.halts}, std::pair{"complaints", &life.complaints}}) {
    if (all->empty()) continue;
    const std::size_t first = all->size() > kTrialsShown ? all->size() - kTrialsShown : 0;
    document.Add(Heading{3, first > 0 ? std::string("the latest ") + what : what});
    List latest;
    for (std::size_t i = first; i < all->size(); ++i) latest.items.push_back(Cell((*all)[i].text, (*all)[i].entry));
    document.Add(std::move(latest));
  }
  AddTrials(life, charter, document);  // behind what is read first: it may have thousands of rows
  AddFrameworks(charter, document);
  AddEntries(life, document);
  return document;
}

}  // namespace pawl::report
