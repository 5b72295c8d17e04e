#include "authoring/charter_changes.h"

#include <algorithm>
#include <limits>
#include <map>
#include <optional>

#include "authoring/charter_words.h"
#include "encoding/time.h"
#include "oversight/key_rotation.h"
#include "oversight/key_terms.h"
#include "sandbox/sandbox.h"

namespace pawl::authoring {
namespace {

using charter::Charter;

// Which way a number allows more.
enum class More { kAllowsMore, kAllowsLess };

std::string Shown(const std::string& text) { return sandbox::DisplayableOnOneLine(text); }
std::string Whole(int64_t value) { return std::to_string(value); }

std::string Listed(const std::vector<std::string>& words, const char* between) {
  std::string text;
  for (const std::string& word : words) text += (text.empty() ? "" : between) + Shown(word);
  return text;
}

class Comparison {
 public:
  void Number(const std::string& what, double before, double after, More more) {
    Ordered(what, before, after, more, PlainNumber(before), PlainNumber(after));
  }
  void Count(const std::string& what, int64_t before, int64_t after, More more) {
    Ordered(what, before, after, more, Whole(before), Whole(after));
  }
  void Duration(const std::string& what, int64_t before, int64_t after, More more) {
    Ordered(what, before, after, more, encoding::DurationText(before), encoding::DurationText(after));
  }
  // A limit from above that may be missing, which is no limit at all.
  void Limit(const std::string& what, std::optional<double> before, std::optional<double> after) {
    if (before == after) return;
    const bool loosens = !after || (before && *after > *before);
    Add(what, before ? PlainNumber(*before) : "no limit", after ? PlainNumber(*after) : "no limit",
        loosens ? Effect::kLoosens : Effect::kTightens);
  }
  void Flag(const std::string& what, bool before, bool after) {
    if (before != after) Add(what, before ? "yes" : "no", after ? "yes" : "no", Permits(after));
  }
  void Text(const std::string& what, const std::string& before, const std::string& after) {
    if (before != after) Add(what, Shown(before), Shown(after), Effect::kOther);
  }
  // Things that each permit something (kAllowsMore) or ask for something (kAllowsLess), by name.
  template <typename T, typename Each>
  void Named(const std::string& what, const std::map<std::string, T>& before, const std::map<std::string, T>& after,
             More more, const Each& each) {
    Named(what, before, after, more, each, [more](const std::string&) { return Permits(more == More::kAllowsLess); });
  }
  // The same, where it is for `effect_of_gone` to say what it does that one is there no more.
  template <typename T, typename Each, typename EffectOf>
  void Named(const std::string& what, const std::map<std::string, T>& before, const std::map<std::string, T>& after,
             More more, const Each& each, const EffectOf& effect_of_gone) {
    for (const auto& [name, value] : before) {
      const auto found = after.find(name);
      if (found != after.end()) {
        each(what + " " + Shown(name), value, found->second);
      } else {
        Add(what, Shown(name), "", effect_of_gone(name));
      }
    }
    for (const auto& [name, value] : after) {
      if (!before.contains(name)) Add(what, "", Shown(name), Permits(more == More::kAllowsMore));
    }
  }
  void Names(const std::string& what, const std::vector<std::string>& before, const std::vector<std::string>& after,
             More more) {
    std::map<std::string, bool> old_ones, new_ones;
    for (const std::string& name : before) old_ones[name] = true;
    for (const std::string& name : after) new_ones[name] = true;
    Named(what, old_ones, new_ones, more, [](const std::string&, bool, bool) {});
  }
  void Add(std::string what, std::string before, std::string after, Effect effect) {
    if (what.ends_with(':')) what.pop_back();  // what a name would have followed
    changes_.push_back({std::move(what), std::move(before), std::move(after), effect});
  }
  std::vector<CharterChange> Take() {
    const auto rank = [](Effect effect) { return effect == Effect::kLoosens ? 0 : effect == Effect::kOther ? 1 : 2; };
    std::stable_sort(changes_.begin(), changes_.end(),
                     [&](const auto& a, const auto& b) { return rank(a.effect) < rank(b.effect); });
    return std::move(changes_);
  }

 private:
  static Effect Permits(bool more) { return more ? Effect::kLoosens : Effect::kTightens; }
  template <typename T>
  void Ordered(const std::string& what, T before, T after, More more, std::string old_text, std::string new_text) {
    if (before == after) return;
    Add(what, std::move(old_text), std::move(new_text), Permits((after > before) == (more == More::kAllowsMore)));
  }

  std::vector<CharterChange> changes_;
};

void CompareLimits(Comparison& compare, const std::string& what, const charter::ProcessLimits& before,
                   const charter::ProcessLimits& after) {
  const auto one = [&](const char* name, int64_t old_value, int64_t new_value) {
    compare.Count(what + ", " + name, old_value, new_value, More::kAllowsMore);
  };
  one("seconds", before.wall_seconds, after.wall_seconds);
  one("seconds of the processor", before.cpu_seconds, after.cpu_seconds);
  one("MiB of memory", before.memory_mib, after.memory_mib);
  one("processes", before.processes, after.processes);
  one("MiB written", before.output_mib, after.output_mib);
  one("files written", before.files, after.files);
}

std::optional<double> Optional(const std::optional<uint64_t>& value) {
  return value ? std::optional(static_cast<double>(*value)) : std::nullopt;
}
std::optional<double> UnlessZero(double value) { return value > 0 ? std::optional(value) : std::nullopt; }

bool HasWildcard(const std::string& glob) { return glob.find_first_of("*?") != glob.npos; }

// Whether the paths of a rule that is gone may now be another's: then they may change all the same, by that rule.
bool MayBeAnothers(const std::string& gone, const Charter& after) {
  return std::ranges::any_of(after.surface, [&](const charter::SurfaceEntry& entry) {
    return subject::GlobMatches(entry.rule.path, gone) || (HasWildcard(gone) && HasWildcard(entry.rule.path));
  });
}

// The first rule that fits decides, so that one that comes to stand before another takes its paths from it.
void CompareOrder(Comparison& compare, const Charter& before, const Charter& after) {
  const auto paths_in_both = [](const Charter& one, const Charter& other) {
    std::vector<std::string> paths;
    for (const charter::SurfaceEntry& entry : one.surface) {
      if (std::ranges::any_of(other.surface, [&](const auto& it) { return it.rule.path == entry.rule.path; }))
        paths.push_back(entry.rule.path);
    }
    return paths;
  };
  const std::vector<std::string> a = paths_in_both(before, after), b = paths_in_both(after, before);
  if (a != b)
    compare.Add("order of what may change, of which the first that fits decides", Listed(a, ", "), Listed(b, ", "),
                Effect::kOther);
}

void CompareSurface(Comparison& compare, const Charter& before, const Charter& after) {
  CompareOrder(compare, before, after);
  const auto by_path = [](const Charter& charter) {
    std::map<std::string, charter::SurfaceEntry> rules;
    for (const charter::SurfaceEntry& entry : charter.surface) rules.emplace(entry.rule.path, entry);
    return rules;
  };
  compare.Named(
      "may change:", by_path(before), by_path(after), More::kAllowsMore,
      [&](const std::string& what, const charter::SurfaceEntry& a, const charter::SurfaceEntry& b) {
        if (a.rule.kind != b.rule.kind) {
          const bool loosens = b.rule.kind == subject::SurfaceKind::kAny;
          const bool tightens = a.rule.kind == subject::SurfaceKind::kAny;
          compare.Add(what + ", kind", std::string(SurfaceKindName(a.rule.kind)),
                      std::string(SurfaceKindName(b.rule.kind)),
                      loosens    ? Effect::kLoosens
                      : tightens ? Effect::kTightens
                                 : Effect::kOther);
        }
        compare.Flag(what + ", such files may appear", a.rule.may_add, b.rule.may_add);
        compare.Flag(what + ", such files may disappear", a.rule.may_remove, b.rule.may_remove);
        compare.Limit(what + ", bytes", Optional(a.rule.max_bytes), Optional(b.rule.max_bytes));
        compare.Limit(what + ", changed lines", Optional(a.rule.max_changed_lines), Optional(b.rule.max_changed_lines));
        compare.Limit(what + ", parameters", Optional(a.rule.max_parameters), Optional(b.rule.max_parameters));
        if (a.rule.operators.empty() != b.rule.operators.empty()) {
          compare.Add(what + ", operators", Listed(a.rule.operators, ", "), Listed(b.rule.operators, ", "),
                      b.rule.operators.empty() ? Effect::kLoosens : Effect::kTightens);
        } else {
          compare.Names(what + ", operator", a.rule.operators, b.rule.operators, More::kAllowsMore);
        }
        compare.Text(what + ", list of values", a.keys_file.value_or(""), b.keys_file.value_or(""));
      },
      [&](const std::string& path) { return MayBeAnothers(path, after) ? Effect::kOther : Effect::kTightens; });
  const subject::TreeLimits &a = before.subject.limits, &b = after.subject.limits;
  compare.Count("files of a tree", static_cast<int64_t>(a.files_max), static_cast<int64_t>(b.files_max),
                More::kAllowsMore);
  compare.Count("bytes of a tree", static_cast<int64_t>(a.bytes_max), static_cast<int64_t>(b.bytes_max),
                More::kAllowsMore);
  compare.Count("bytes of a file", static_cast<int64_t>(a.file_bytes_max), static_cast<int64_t>(b.file_bytes_max),
                More::kAllowsMore);
}

void CompareProperties(Comparison& compare, const Charter& before, const Charter& after) {
  const auto by_name = [](const Charter& charter) {
    std::map<std::string, charter::Property> properties;
    for (const charter::Property& property : charter.properties) properties.emplace(property.name, property);
    return properties;
  };
  compare.Named("to be proven:", by_name(before), by_name(after), More::kAllowsLess,
                [&](const std::string& what, const charter::Property& a, const charter::Property& b) {
                  compare.Limit(what + ", drift within", UnlessZero(a.drift_within), UnlessZero(b.drift_within));
                  if (a.arithmetic != b.arithmetic) {
                    const bool real = b.arithmetic == charter::Arithmetic::kReal;
                    compare.Add(what + ", arithmetic", real ? "float32" : "real", real ? "real" : "float32",
                                real ? Effect::kLoosens : Effect::kTightens);
                  }
                  compare.Text(what + ", network", a.network, b.network);
                  compare.Text(what + ", specification", a.spec, b.spec);
                });
  if (before.envelope.has_value() != after.envelope.has_value()) {
    compare.Flag("proofs by the certificate of a release nearby", before.envelope.has_value(),
                 after.envelope.has_value());
  } else if (before.envelope) {
    compare.Number("how far such a release may be, per weight", before.envelope->radius_max, after.envelope->radius_max,
                   More::kAllowsMore);
    compare.Count("how many releases back it may be", before.envelope->generations_max, after.envelope->generations_max,
                  More::kAllowsMore);
  }
}

// Whether a larger value of the metric is worse for people, as the charter says.
bool LowerIsBetter(const Charter& charter, const std::string& metric) {
  const charter::Metric* found = charter.evaluation.Find(metric);
  return found != nullptr && found->direction == charter::Direction::kLowerIsBetter;
}

void CompareImprover(Comparison& compare, const Charter& before, const Charter& after) {
  compare.Text("improver's command", Listed(before.improver.command, " "), Listed(after.improver.command, " "));
  CompareLimits(compare, "improver", before.improver.limits, after.improver.limits);
}

// That releases are tried at all, or no more: with the trial go all bounds that it shows, or they come.
void CompareWhetherTried(Comparison& compare, const Charter& before, const Charter& after) {
  const bool goes = after.evaluation.command.empty();
  const auto gone_or_come = [&](const std::string& what, const std::string& value) {
    compare.Add(what, goes ? value : "", goes ? "" : value, goes ? Effect::kLoosens : Effect::kTightens);
  };
  const Charter& tried = goes ? before : after;
  gone_or_come("a trial of every release", Listed(tried.evaluation.command, " "));
  for (const charter::HarmBound& harm : tried.bounds.harm) gone_or_come("harm limit", Shown(harm.name));
  gone_or_come("limits of improvement, step, ceiling, drift of decisions and acceleration", "as a trial shows them");
}

void CompareTrial(Comparison& compare, const Charter& before, const Charter& after) {
  const charter::Evaluation &a = before.evaluation, &b = after.evaluation;
  compare.Text("evaluation's command", Listed(a.command, " "), Listed(b.command, " "));
  compare.Text("command of the subject in a trial", Listed(a.subject_command, " "), Listed(b.subject_command, " "));
  compare.Text("episodes of a trial", Whole(a.episodes), Whole(b.episodes));
  compare.Text("probes of a trial", Whole(a.probes), Whole(b.probes));
  CompareLimits(compare, "evaluation", a.limits, b.limits);
  const auto metrics = [](const Charter& charter) {
    std::map<std::string, charter::Metric> found;
    for (const charter::Metric& metric : charter.evaluation.metrics) found.emplace(metric.name, metric);
    return found;
  };
  compare.Named("metric", metrics(before), metrics(after), More::kAllowsLess,
                [&](const std::string& what, const charter::Metric& x, const charter::Metric& y) {
                  compare.Text(what + ", range", PlainNumber(x.min) + " to " + PlainNumber(x.max),
                               PlainNumber(y.min) + " to " + PlainNumber(y.max));
                  compare.Text(what + ", better",
                               x.direction == charter::Direction::kLowerIsBetter ? "lower" : "higher",
                               y.direction == charter::Direction::kLowerIsBetter ? "lower" : "higher");
                });
  const auto harms = [](const Charter& charter) {
    std::map<std::string, charter::HarmBound> found;
    for (const charter::HarmBound& harm : charter.bounds.harm) found.emplace(harm.name, harm);
    return found;
  };
  compare.Named("harm limit", harms(before), harms(after), More::kAllowsLess,
                [&](const std::string& what, const charter::HarmBound& x, const charter::HarmBound& y) {
                  compare.Text(what + ", metric", x.metric, y.metric);
                  compare.Text(what + ", group", x.group.value_or("all"), y.group.value_or("all"));
                  compare.Number(what, x.limit, y.limit,
                                 LowerIsBetter(before, x.metric) ? More::kAllowsMore : More::kAllowsLess);
                  compare.Number(what + ", lifetime error", x.lifetime_error, y.lifetime_error, More::kAllowsMore);
                });
}

void CompareBounds(Comparison& compare, const charter::Bounds& a, const charter::Bounds& b, bool lower_is_better) {
  compare.Text("improvement, metric", a.improvement.metric, b.improvement.metric);
  compare.Number("improvement, lifetime error", a.improvement.lifetime_error, b.improvement.lifetime_error,
                 More::kAllowsMore);
  compare.Text("capability, metric", a.capability.metric, b.capability.metric);
  compare.Number("largest step in capability", a.capability.max_step, b.capability.max_step, More::kAllowsMore);
  compare.Limit("largest growth in capability within a window", UnlessZero(a.capability.max_growth),
                UnlessZero(b.capability.max_growth));
  compare.Number("ceiling of capability", a.capability.ceiling, b.capability.ceiling,
                 lower_is_better ? More::kAllowsLess : More::kAllowsMore);
  compare.Number("capability, lifetime error", a.capability.lifetime_error, b.capability.lifetime_error,
                 More::kAllowsMore);
  compare.Number("drift of decisions", a.drift.limit, b.drift.limit, More::kAllowsMore);
  compare.Limit("drift of outcomes", UnlessZero(a.drift.energy_limit), UnlessZero(b.drift.energy_limit));
  compare.Number("drift, lifetime error", a.drift.lifetime_error, b.drift.lifetime_error, More::kAllowsMore);
  compare.Number("growth a release that raises no alarm", a.acceleration.expected_step, b.acceleration.expected_step,
                 More::kAllowsMore);
  compare.Number("false alarms a release", a.acceleration.alarm_level, b.acceleration.alarm_level, More::kAllowsLess);
}

void CompareReviewers(Comparison& compare, const Charter& before, const Charter& after) {
  const auto by_name = [](const Charter& charter) {
    std::map<std::string, std::string> found;
    for (const charter::Reviewer& one : charter.reviewers) {
      found.emplace(one.name + " (" + std::string(RoleName(one.role)) + ", " + one.principal + ")", one.key.Text());
    }
    return found;
  };
  const std::map<std::string, std::string> old_ones = by_name(before), new_ones = by_name(after);
  for (const auto& [name, key] : old_ones) {
    const auto found = new_ones.find(name);
    if (found == new_ones.end()) {
      compare.Add("reviewer", Shown(name), "", Effect::kOther);
    } else {
      compare.Text("key of reviewer " + Shown(name), key, found->second);
    }
  }
  for (const auto& [name, key] : new_ones) {
    if (!old_ones.contains(name)) compare.Add("reviewer", "", Shown(name), Effect::kOther);
  }
  const auto quorum = [](const Charter& charter) {
    std::map<std::string, charter::QuorumRule> found;
    for (const charter::QuorumRule& rule : charter.quorum) found.emplace(RoleName(rule.role), rule);
    return found;
  };
  compare.Named("quorum of role", quorum(before), quorum(after), More::kAllowsLess,
                [&](const std::string& what, const charter::QuorumRule& a, const charter::QuorumRule& b) {
                  compare.Count(what + ", votes for", a.at_least, b.at_least, More::kAllowsLess);
                  compare.Count(what + ", votes against at most", a.against_max, b.against_max, More::kAllowsMore);
                  compare.Text(what + ", liars at most, by evidence", a.faults_max ? std::to_string(*a.faults_max) : "",
                               b.faults_max ? std::to_string(*b.faults_max) : "");
                });
}

void ComparePeople(Comparison& compare, const Charter& before, const Charter& after) {
  const charter::Approval &a = before.approval, &b = after.approval;
  compare.Count("people who approve a release", a.threshold, b.threshold, More::kAllowsLess);
  compare.Count("people who approve a rollback", before.rollback_threshold, after.rollback_threshold,
                More::kAllowsLess);
  compare.Count("people who lift a halt", before.resume_threshold, after.resume_threshold, More::kAllowsLess);
  compare.Count("people who amend the charter", before.amendment.threshold, after.amendment.threshold,
                More::kAllowsLess);
  compare.Duration("waiting period of an amendment", before.amendment.waiting_period_s,
                   after.amendment.waiting_period_s, More::kAllowsLess);
  compare.Flag("approvals without proof of a person's presence", a.presence == charter::Presence::kSoftware,
               b.presence == charter::Presence::kSoftware);
  const auto keys = [](const charter::Approval& approval) {
    std::vector<std::string> found;
    for (const crypto::AllowedSigner& signer : approval.signers) {
      std::string text = signer.principal + " with " + std::string(crypto::SshKeyTypeName(signer.key.type)) + " " +
                         signer.key.Fingerprint();
      if (signer.valid_after_s) text += " from " + encoding::TimeText(*signer.valid_after_s);
      if (signer.valid_before_s) text += " until " + encoding::TimeText(*signer.valid_before_s);
      if (signer.namespaces.size() != 1) text += " for " + Listed(signer.namespaces, ", ");
      found.push_back(std::move(text));
    }
    return found;
  };
  compare.Names("may sign:", keys(a), keys(b), More::kAllowsMore);
  compare.Text("relying party of passkeys", a.rp_id, b.rp_id);
  compare.Names("page on which passkeys count:", a.origins, b.origins, More::kAllowsMore);
  compare.Duration("how long an approval is good", a.expiry_s, b.expiry_s, More::kAllowsMore);
  compare.Duration("age of a checkpoint at a switch", a.checkpoint_age_max_s, b.checkpoint_age_max_s,
                   More::kAllowsMore);
  compare.Flag("one person may do everything (single operator)",
               before.assurance == charter::Assurance::kSingleOperator,
               after.assurance == charter::Assurance::kSingleOperator);
}

void CompareTheRest(Comparison& compare, const Charter& before, const Charter& after) {
  compare.Duration("time between releases", before.pace.min_interval_s, after.pace.min_interval_s, More::kAllowsLess);
  compare.Count("releases in a window", before.pace.max_releases, after.pace.max_releases, More::kAllowsMore);
  compare.Duration("window", before.pace.window_s, after.pace.window_s, More::kAllowsLess);
  compare.Duration("difference of clocks", before.pace.max_clock_skew_s, after.pace.max_clock_skew_s,
                   More::kAllowsMore);
  const auto trees = [](const Charter& charter) {
    std::vector<std::string> found;
    for (const crypto::Digest& tree : charter.revocation.trees) found.push_back(tree.Text());
    return found;
  };
  compare.Names("never live again:", trees(before), trees(after), More::kAllowsLess);
  compare.Text("gate's log key", before.gate.log.Text(), after.gate.log.Text());
  compare.Text("gate's clock key", before.gate.clock.Text(), after.gate.clock.Text());
  compare.Count("witnesses needed", before.witnesses.at_least, after.witnesses.at_least, More::kAllowsLess);
  compare.Count("witnesses that may lie", before.witnesses.faults_max, after.witnesses.faults_max, More::kAllowsMore);
  const auto witnesses = [](const Charter& charter) {
    std::string text;
    for (const charter::Witness& one : charter.witnesses.all) {
      text += (text.empty() ? "" : "; ") + one.principal + " " + one.key.Text() + " at " + one.url;
    }
    return text;
  };
  compare.Text("witnesses", witnesses(before), witnesses(after));
}

// Whether the holder of a key that goes has agreed to the one that comes: which keys those are is said above.
void CompareHandovers(Comparison& compare, const charter::CharterFiles& before, const charter::CharterFiles& after) {
  const Result<std::vector<oversight::KeyChange>> changes = oversight::FindKeyChanges(before, after);
  if (!changes.ok()) return compare.Add("rotation of a key", "", Shown(changes.error().message), Effect::kOther);
  for (const oversight::KeyChange& one : *changes) {
    if (one.old_key.empty() || one.new_key.empty()) continue;
    compare.Add(Shown(one.Words()), Shown(one.old_key), Shown(one.new_key), Effect::kOther);
  }
}

// When reviewers' keys run out (reviewers.toml): one that is put off counts again, whoever has it.
void CompareTerms(Comparison& compare, const charter::CharterFiles& before, const charter::CharterFiles& after) {
  const Result<oversight::KeyTerms> old_terms = oversight::ReadKeyTerms(before);
  const Result<oversight::KeyTerms> new_terms = oversight::ReadKeyTerms(after);
  for (const Result<oversight::KeyTerms>* terms : {&old_terms, &new_terms}) {
    if (!terms->ok()) return compare.Add("ends of reviewers' keys", "", Shown(terms->error().message), Effect::kOther);
  }
  constexpr int64_t kNever = std::numeric_limits<int64_t>::max();
  const auto end_of = [](const oversight::KeyTerms& terms, const std::string& name) {
    const auto found = terms.find(name);
    return found == terms.end() ? kNever : found->second;
  };
  const auto text = [](int64_t end) { return end == kNever ? std::string("none") : encoding::TimeText(end); };
  for (const charter::Reviewer& one : after.charter.reviewers) {
    const int64_t old_end = end_of(*old_terms, one.name), new_end = end_of(*new_terms, one.name);
    if (old_end == new_end) continue;
    compare.Add("end of the key of reviewer " + Shown(one.name), text(old_end), text(new_end),
                new_end > old_end ? Effect::kLoosens : Effect::kTightens);
  }
}

void CompareProgramRules(Comparison& compare, const charter::ProgramRules& before, const charter::ProgramRules& after) {
  const auto accepted = [](const charter::ProgramRules& rules) {
    std::vector<std::string> found;
    for (const weakening::Weakening each : rules.accepted) found.push_back(sandbox::Describe(each));
    return found;
  };
  compare.Names("sandbox may be weaker:", accepted(before), accepted(after), More::kAllowsMore);
  const auto properties = [](const charter::ProgramRules& rules) {
    std::map<std::string, std::string> found;
    for (const charter::CodeProperty& one : rules.properties)
      found.emplace(one.name, Listed(one.command, " ") + one.spec);
    return found;
  };
  compare.Named("to be checked of code:", properties(before), properties(after), More::kAllowsLess,
                [&](const std::string& what, const std::string& a, const std::string& b) { compare.Text(what, a, b); });
}

// What programs, properties, networks and lists say stands in files; who signs is compared one by one.
void CompareFiles(Comparison& compare, const charter::CharterFiles& before, const charter::CharterFiles& after) {
  const auto contents = [](const charter::CharterFiles& files, const charter::CharterFiles& others) {
    std::map<std::string, std::string> found;
    for (const subject::FileEntry& file : files.manifest.files) {
      const bool is_read = file.path == charter::kCharterFile || (file.path == files.charter.approval.signers_file &&
                                                                  file.path == others.charter.approval.signers_file);
      if (!is_read) found.emplace(file.path, file.digest.Text());
    }
    return found;
  };
  const std::map<std::string, std::string> a = contents(before, after), b = contents(after, before);
  for (const auto& [path, digest] : a) {
    const auto now = b.find(path);
    if (now == b.end() || now->second != digest)
      compare.Add("content of " + Shown(path), digest, now == b.end() ? "" : now->second, Effect::kOther);
  }
  for (const auto& [path, digest] : b) {
    if (!a.contains(path)) compare.Add("content of " + Shown(path), "", digest, Effect::kOther);
  }
}

// What has no order, and nowhere else a line.
void CompareNames(Comparison& compare, const Charter& before, const Charter& after) {
  compare.Text("subject", before.subject.name, after.subject.name);
  compare.Text("resource of warrants", before.subject.resource_uri, after.subject.resource_uri);
  compare.Text("tree that drift is measured from", before.subject.baseline.Text(), after.subject.baseline.Text());
  compare.Text("groups of episodes", Listed(before.evaluation.groups, ", "), Listed(after.evaluation.groups, ", "));
  compare.Text("recorded by digest with every trial", Listed(before.evaluation.closure, ", "),
               Listed(after.evaluation.closure, ", "));
  compare.Text("fixed probes", before.evaluation.probes_file.value_or(""), after.evaluation.probes_file.value_or(""));
}

std::vector<ChangedWords> CompareWords(const std::vector<Section>& before, const std::vector<Section>& after) {
  std::vector<ChangedWords> words;
  const auto lacks = [](const std::vector<std::string>& lines, const std::string& line) {
    return std::find(lines.begin(), lines.end(), line) == lines.end();
  };
  // A section that only one of them has is one of no lines in the other.
  const auto lines_of = [](const std::vector<Section>& sections, const std::string& title) {
    const auto found = std::ranges::find(sections, title, &Section::title);
    return found == sections.end() ? std::vector<std::string>() : found->lines;
  };
  std::vector<std::string> titles;
  for (const std::vector<Section>* sections : {&before, &after}) {
    for (const Section& section : *sections) {
      if (lacks(titles, section.title)) titles.push_back(section.title);
    }
  }
  for (const std::string& title : titles) {
    ChangedWords section{title, {}, {}};
    const std::vector<std::string> old_lines = lines_of(before, title), new_lines = lines_of(after, title);
    for (const std::string& line : old_lines) {
      if (lacks(new_lines, line)) section.gone.push_back(line);
    }
    for (const std::string& line : new_lines) {
      if (lacks(old_lines, line)) section.come.push_back(line);
    }
    if (!section.gone.empty() || !section.come.empty()) words.push_back(std::move(section));
  }
  return words;
}

}  // namespace

std::string_view EffectName(Effect effect) {
  switch (effect) {
    case Effect::kLoosens:
      return "loosens";
    case Effect::kTightens:
      return "tightens";
    case Effect::kOther:
      return "other";
  }
  return "other";
}

Result<CharterChanges> CompareCharters(const charter::CharterFiles& before, const charter::CharterFiles& after) {
  Result<charter::ProgramRules> old_programs = charter::ReadProgramRules(before);
  if (!old_programs.ok()) return old_programs.error();
  Result<charter::ProgramRules> new_programs = charter::ReadProgramRules(after);
  if (!new_programs.ok()) return new_programs.error();
  const Charter &a = before.charter, &b = after.charter;
  Comparison compare;
  const bool was_tried = !a.evaluation.command.empty(), is_tried = !b.evaluation.command.empty();
  if (was_tried != is_tried) CompareWhetherTried(compare, a, b);
  CompareNames(compare, a, b);
  CompareSurface(compare, a, b);
  CompareProperties(compare, a, b);
  CompareImprover(compare, a, b);
  if (was_tried && is_tried) {
    CompareTrial(compare, a, b);
    CompareBounds(compare, a.bounds, b.bounds, LowerIsBetter(a, a.bounds.capability.metric));
  }
  CompareReviewers(compare, a, b);
  ComparePeople(compare, a, b);
  CompareTheRest(compare, a, b);
  CompareHandovers(compare, before, after);
  CompareTerms(compare, before, after);
  CompareProgramRules(compare, *old_programs, *new_programs);
  CompareFiles(compare, before, after);
  return CharterChanges{compare.Take(),
                        CompareWords(CharterWords(a, old_programs->accepted), CharterWords(b, new_programs->accepted))};
}

}  // namespace pawl::authoring
