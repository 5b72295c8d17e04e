#include "authoring/charter_words.h"

#include <algorithm>
#include <cstdio>

#include "encoding/time.h"
#include "sandbox/sandbox.h"

namespace pawl::authoring {
namespace {

std::string Count(int64_t count, const char* noun) {
  return std::to_string(count) + " " + noun + (count == 1 ? "" : "s");
}

std::string JoinedWords(const std::vector<std::string>& words, const char* between) {
  std::string text;
  for (const std::string& word : words) text += (text.empty() ? "" : between) + sandbox::DisplayableOnOneLine(word);
  return text;
}

std::string LimitWords(const charter::ProcessLimits& limits) {
  std::string text = Count(limits.wall_seconds, "second");
  if (limits.cpu_seconds != limits.wall_seconds) {
    text += ", of the processor " + std::to_string(limits.cpu_seconds) + " for each process";
  }
  return text + ", " + std::to_string(limits.memory_mib) + " MiB, " + std::to_string(limits.processes) +
         (limits.processes == 1 ? " process" : " processes") + ", writing " + std::to_string(limits.output_mib) +
         " MiB in " + Count(limits.files, "file");
}

Section SubjectWords(const charter::Charter& charter) {
  Section section{"subject", {}};
  section.lines.push_back("'" + charter.subject.name + "', in warrants " +
                          sandbox::DisplayableOnOneLine(charter.subject.resource_uri));
  section.lines.push_back("the first release can only be the tree " + charter.subject.baseline.Text() +
                          ", and drift is measured from it");
  const subject::TreeLimits& limits = charter.subject.limits;
  section.lines.push_back("a tree has at most " + Count(static_cast<int64_t>(limits.files_max), "file") + " and " +
                          std::to_string(limits.bytes_max) + " bytes, a file at most " +
                          std::to_string(limits.file_bytes_max));
  for (const crypto::Digest& tree : charter.revocation.trees) {
    section.lines.push_back("never live again: the tree " + tree.Text());
  }
  if (charter.envelope) {
    section.lines.push_back("a property may be proven by the certificate of one of the last " +
                            Count(charter.envelope->generations_max, "release") +
                            ", where that covers the candidate and lets no weight move by more than " +
                            PlainNumber(charter.envelope->radius_max));
  }
  if (charter.assurance == charter::Assurance::kSingleOperator) {
    section.lines.push_back("SINGLE OPERATOR: one person may do everything; every warrant says so");
  }
  return section;
}

std::string SurfaceWords(const charter::SurfaceEntry& entry) {
  const subject::SurfaceRule& rule = entry.rule;
  std::string text = sandbox::DisplayableOnOneLine(rule.path) + " may change";
  if (rule.kind == subject::SurfaceKind::kAny) {
    text += " to anything";
  } else {
    text += ", and has to be " + std::string(rule.kind == subject::SurfaceKind::kNetwork ? "a network"
                                             : rule.kind == subject::SurfaceKind::kJson  ? "JSON"
                                                                                         : SurfaceKindName(rule.kind));
  }
  if (!rule.operators.empty()) text += " of " + JoinedWords(rule.operators, ", ") + " alone";
  if (rule.max_parameters) text += ", with at most " + std::to_string(*rule.max_parameters) + " parameters";
  if (rule.max_bytes) text += ", at most " + std::to_string(*rule.max_bytes) + " bytes";
  if (rule.max_changed_lines) text += ", at most " + std::to_string(*rule.max_changed_lines) + " lines a step";
  if (entry.keys_file)
    text += ", and only in the values that " + sandbox::DisplayableOnOneLine(*entry.keys_file) + " lists";
  if (rule.may_add && rule.may_remove) return text + "; such files may appear and disappear";
  if (rule.may_add) return text + "; such files may appear";
  if (rule.may_remove) return text + "; such files may disappear";
  return text;
}

std::string ErrorWords(double lifetime_error) {
  return " (wrong with probability at most " + PlainNumber(lifetime_error) + " over the subject's whole life)";
}

void AddTrialWords(const charter::Charter& charter, Section& section) {
  const charter::Evaluation& evaluation = charter.evaluation;
  section.lines.push_back("candidate, parent and baseline each run " + Count(evaluation.episodes, "episode") + " and " +
                          Count(evaluation.probes, "probe") + " of: " + JoinedWords(evaluation.command, " ") + " (" +
                          LimitWords(evaluation.limits) + ")");
  if (!evaluation.subject_command.empty()) {
    section.lines.push_back("the subject answers from a sandbox of its own: " +
                            JoinedWords(evaluation.subject_command, " "));
  }
  if (evaluation.probes_file)
    section.lines.push_back("and the probes of " + sandbox::DisplayableOnOneLine(*evaluation.probes_file));
  for (const charter::Metric& metric : evaluation.metrics) {
    section.lines.push_back(metric.name + " lies between " + PlainNumber(metric.min) + " and " +
                            PlainNumber(metric.max) + ", and the " +
                            (metric.direction == charter::Direction::kLowerIsBetter ? "lower" : "higher") +
                            " is better; a value outside voids the trial");
  }
  if (!evaluation.groups.empty()) {
    section.lines.push_back("every episode belongs to one of the groups " + JoinedWords(evaluation.groups, ", "));
  }
  if (!evaluation.closure.empty()) {
    section.lines.push_back("recorded by digest with every trial: " + JoinedWords(evaluation.closure, ", "));
  }
  const charter::Bounds& bounds = charter.bounds;
  for (const charter::HarmBound& harm : bounds.harm) {
    const charter::Metric* metric = evaluation.Find(harm.metric);
    const bool lower = metric != nullptr && metric->direction == charter::Direction::kLowerIsBetter;
    section.lines.push_back(
        "to be shown" + (harm.name == harm.metric ? std::string() : ", as " + harm.name) + ": mean " + harm.metric +
        (harm.group ? " of the episodes '" + *harm.group + "'" : std::string()) + (lower ? " below " : " above ") +
        PlainNumber(harm.limit) + ErrorWords(harm.lifetime_error));
  }
  section.lines.push_back("to be shown: " + bounds.improvement.metric + " better than the parent's" +
                          ErrorWords(bounds.improvement.lifetime_error));
  section.lines.push_back("to be shown: " + bounds.capability.metric + " no more than " +
                          PlainNumber(bounds.capability.max_step) + " better than the parent's, and no better than " +
                          PlainNumber(bounds.capability.ceiling) + ErrorWords(bounds.capability.lifetime_error));
  if (bounds.capability.max_growth > 0) {
    section.lines.push_back(
        "to be shown: " + bounds.capability.metric + " no more than " + PlainNumber(bounds.capability.max_growth) +
        " better than that of anything that was live within the " + encoding::DurationText(charter.pace.window_s) +
        " before the candidate was committed, with what was live when they began" +
        ErrorWords(bounds.capability.lifetime_error));
  }
  if (bounds.drift.energy_limit > 0) {
    section.lines.push_back("to be shown: energy distance of the outcomes from the baseline's at most " +
                            PlainNumber(bounds.drift.energy_limit) + ErrorWords(bounds.drift.lifetime_error));
  }
  section.lines.push_back("to be shown: at most " + PlainNumber(100 * bounds.drift.limit) +
                          " % of decisions differ from the baseline's" + ErrorWords(bounds.drift.lifetime_error));
  section.lines.push_back("growth of more than " + PlainNumber(bounds.acceleration.expected_step) +
                          " a release on average raises an alarm, and a false one at most once in " +
                          PlainNumber(1 / bounds.acceleration.alarm_level) + " releases on average");
}

Section TrialWords(const charter::Charter& charter) {
  Section section{"trial", {}};
  if (charter.evaluation.command.empty()) {
    section.lines.push_back("NONE: this charter asks for no trial; what may change is held by proofs alone");
  } else {
    AddTrialWords(charter, section);
  }
  for (const charter::Property& property : charter.properties) {
    if (property.drift_within <= 0) continue;
    section.lines.push_back("to be proven, by a certificate that every loader checks: on all inputs that '" +
                            sandbox::DisplayableOnOneLine(property.name) + "' is about, no output of " +
                            sandbox::DisplayableOnOneLine(property.network) + " is further than " +
                            PlainNumber(property.drift_within) + " from the baseline's, as the networks give them");
  }
  return section;
}

Section ReviewerWords(const charter::Charter& charter) {
  Section section{"reviewers", {}};
  for (const charter::QuorumRule& rule : charter.quorum) {
    std::vector<std::string> names;
    for (const charter::Reviewer& reviewer : charter.reviewers) {
      if (reviewer.role == rule.role) names.push_back(reviewer.name + " (" + reviewer.principal + ")");
    }
    const std::string needed =
        rule.at_least == 0 ? "no votes for needed" : "at least " + std::to_string(rule.at_least) + " for";
    section.lines.push_back(std::string(RoleName(rule.role)) + ": " + needed + " and at most " +
                            std::to_string(rule.against_max) + " against, of " + JoinedWords(names, ", "));
    if (rule.faults_max) {
      section.lines.push_back("their evidence decides together, without the largest " +
                              std::to_string(*rule.faults_max) + ": so many of them may lie");
    }
  }
  return section;
}

Section PeopleWords(const charter::Charter& charter) {
  Section section{"people", {}};
  std::vector<std::string> names;
  for (const crypto::AllowedSigner& signer : charter.approval.signers) {
    if (std::find(names.begin(), names.end(), signer.principal) == names.end()) names.push_back(signer.principal);
  }
  section.lines.push_back(
      "a release: " + std::to_string(charter.approval.threshold) + " of " + JoinedWords(names, ", ") +
      (charter.approval.presence == charter::Presence::kRequired
           ? ", each present, with a security key" +
                 (charter.approval.rp_id.empty()
                      ? std::string()
                      : " or a passkey of " + sandbox::DisplayableOnOneLine(charter.approval.rp_id) + " used on " +
                            JoinedWords(charter.approval.origins, ", "))
           : std::string(", with any key; no human presence is proven")));
  section.lines.push_back("a rollback to the predecessor: " + std::to_string(charter.rollback_threshold) +
                          "; lifting a halt: " + std::to_string(charter.resume_threshold) +
                          "; any one of them can halt");
  section.lines.push_back("another charter: " + std::to_string(charter.amendment.threshold) + ", after " +
                          encoding::DurationText(charter.amendment.waiting_period_s) +
                          " in which any one of them can object");
  section.lines.push_back("an approval is good for " + encoding::DurationText(charter.approval.expiry_s) +
                          ", and a loader switches on a checkpoint that is at most " +
                          encoding::DurationText(charter.approval.checkpoint_age_max_s) + " old");
  return section;
}

Section SandboxWords(const weakening::Weakenings& accepted) {
  Section section{"sandbox", {}};
  for (const weakening::Weakening each : accepted)
    section.lines.push_back("WEAKER, accepted: " + sandbox::Describe(each));
  section.lines.push_back(accepted.empty() ? "nothing is run on a machine that cannot keep every promise of the sandbox"
                                           : "on a machine that lacks anything else nothing is run");
  return section;
}

Section WitnessWords(const charter::Witnesses& witnesses) {
  Section section{"witnesses", {}};
  if (witnesses.all.empty()) {
    section.lines.push_back("NONE: the gate alone states the time, and nobody outside sees whether its log forks");
    return section;
  }
  section.lines.push_back("a warrant needs the cosignatures of " + std::to_string(witnesses.at_least) + " of " +
                          std::to_string(witnesses.all.size()) + " witnesses, of which " +
                          std::to_string(witnesses.faults_max) + " may lie; the median of their times is its time");
  for (const charter::Witness& witness : witnesses.all) {
    section.lines.push_back(sandbox::DisplayableOnOneLine(witness.key.Text()) + " of " +
                            sandbox::DisplayableOnOneLine(witness.principal) + ", asked at " +
                            sandbox::DisplayableOnOneLine(witness.url));
  }
  return section;
}

}  // namespace

std::string PlainNumber(double value) {
  char text[64];
  std::snprintf(text, sizeof text, "%.9g", value);
  return text;
}

std::vector<Section> CharterWords(const charter::Charter& charter, const weakening::Weakenings& accepted) {
  std::vector<Section> sections = {SubjectWords(charter)};
  Section surface{"may change", {}};
  for (const charter::SurfaceEntry& entry : charter.surface) surface.lines.push_back(SurfaceWords(entry));
  surface.lines.push_back("nothing else may change; the first line that fits a path decides alone");
  sections.push_back(std::move(surface));
  if (!charter.improver.command.empty()) {
    sections.push_back({"improver",
                        {"candidates come from: " + JoinedWords(charter.improver.command, " ") + " (" +
                         LimitWords(charter.improver.limits) + ")"}});
  }
  sections.push_back(TrialWords(charter));
  sections.push_back(SandboxWords(accepted));
  sections.push_back(ReviewerWords(charter));
  sections.push_back(PeopleWords(charter));
  sections.push_back(
      {"pace",
       {"at least " + encoding::DurationText(charter.pace.min_interval_s) + " from release to release, and at most " +
            Count(charter.pace.max_releases, "release") + " in any " + encoding::DurationText(charter.pace.window_s),
        "a time may lie at most " + encoding::DurationText(charter.pace.max_clock_skew_s) +
            " ahead of the clock that it is compared with"}});
  sections.push_back({"gate",
                      {"the log is signed with the key " + charter.gate.log.Text() + ", its time with the key " +
                       charter.gate.clock.Text()}});
  sections.push_back(WitnessWords(charter.witnesses));
  return sections;
}

}  // namespace pawl::authoring
