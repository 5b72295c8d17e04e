#include "charter/refusals.h"

#include <algorithm>
#include <map>
#include <set>
#include <tuple>

#include "encoding/utf8.h"
#include "model/network.h"
#include "model/property.h"
#include "subject/path.h"

namespace pawl::charter {
namespace {

std::string Place(Position position) {
  return std::string(kCharterFile) + ":" + std::to_string(position.line) + ":" + std::to_string(position.column) + ": ";
}

Error Refuse(Position position, const char* rule, const std::string& message, const std::string& advice) {
  return Refused(rule, Place(position) + message, advice);
}

std::string Quoted(std::string_view text) { return "\"" + subject::Printable(text) + "\""; }

std::string Count(int64_t count, const char* noun) {
  return std::to_string(count) + " " + noun + (count == 1 ? "" : "s");
}

Result<std::string> ReadFile(const subject::Manifest& manifest, const subject::BlobReader& read, Position position,
                             const std::string& path, uint64_t size_max) {
  const subject::FileEntry* entry = manifest.Find(path);
  if (entry == nullptr) {
    return Error{ErrorCode::kMalformed, "charter.file-missing",
                 Place(position) + "the charter has no file " + Quoted(path), "add it, or mend the name"};
  }
  return read(entry->digest, size_max);
}

Error Within(Position position, const char* rule, const std::string& path, const Error& inner) {
  return {inner.code, rule, Place(position) + Quoted(path) + ": " + inner.message + " [" + inner.rule + "]",
          inner.advice};
}

// As checker/drift.h refuses it.
bool ConstrainsInputsBeyondBoxes(const model::Property& property) {
  for (const model::Case& input_case : property.cases)
    for (const model::Conjunction& conjunction : input_case.unsafe)
      for (const model::Row& row : conjunction)
        if (row.terms.back().variable < property.input_count) return true;
  return false;
}

Result<void> ReadProperty(const subject::Manifest& manifest, const subject::BlobReader& read,
                          const Property& property) {
  const model::PropertyLimits limits;
  Result<std::string> text = ReadFile(manifest, read, property.position, property.spec, limits.bytes_max);
  if (!text.ok()) return text.error();
  const Result<model::Property> parsed = model::ReadVnnlib(*text, limits);
  if (!parsed.ok()) return Within(property.position, "charter.specification", property.spec, parsed.error());
  if (property.drift_within > 0 && ConstrainsInputsBeyondBoxes(*parsed)) {
    return Refuse(property.position, "charter.drift-inputs",
                  Quoted(property.spec) + " constrains its inputs by more than boxes, on which drift is proven",
                  "write the inputs' bounds as plain comparisons with numbers, or leave drift_within out");
  }
  if (!property.falsified_by.has_value()) return {};
  Result<std::string> bytes =
      ReadFile(manifest, read, property.position, *property.falsified_by, model::NetworkLimits{}.bytes_max);
  if (!bytes.ok()) return bytes.error();
  const std::span<const uint8_t> raw(reinterpret_cast<const uint8_t*>(bytes->data()), bytes->size());
  const Result<model::Network> mutant = model::ReadOnnx(raw, model::NetworkLimits{});
  if (!mutant.ok()) return Within(property.position, "charter.mutant", *property.falsified_by, mutant.error());
  const Result<void> fits = model::CheckFits(*mutant, *parsed);
  if (!fits.ok()) return Within(property.position, "charter.mutant", *property.falsified_by, fits.error());
  return {};
}

template <typename Entries>
Result<void> CheckNamesDiffer(const Entries& entries, const char* what) {
  std::set<std::string_view> names;
  for (const auto& entry : entries) {
    if (!names.insert(entry.name).second) {
      return Refuse(entry.position, "charter.name-twice",
                    std::string("two ") + what + " are called " + Quoted(entry.name), "rename one");
    }
  }
  return {};
}

// A candidate statement has to have room for all certificates.
Result<void> CheckCertificateCount(const Charter& charter) {
  auto count = static_cast<int64_t>(charter.properties.size());
  for (const Property& property : charter.properties) {
    if (property.drift_within > 0 && ++count > kPropertiesMax) {
      return Refuse(property.position, "charter.drift-count",
                    "properties and their drift ask for more than " + Count(kPropertiesMax, "certificate"),
                    "ask for drift on fewer properties");
    }
  }
  return {};
}

Result<void> CheckEnvelope(const Charter& charter) {
  if (!charter.envelope || !charter.properties.empty()) return {};
  return Refuse(charter.envelope->position, "charter.envelope-idle",
                "[envelope] is there, and no property of a network", "leave it out");
}

// ---- what may change

Result<void> CheckSurfaceRule(const SurfaceEntry& entry) {
  const subject::SurfaceRule& rule = entry.rule;
  const std::vector<std::string_view> components = subject::SplitPath(rule.path);
  const bool is_everything =
      std::all_of(components.begin(), components.end(),
                  [](std::string_view part) { return part.find_first_not_of("*?") == part.npos; }) &&
      std::find(components.begin(), components.end(), "**") != components.end();
  if (is_everything && rule.kind == subject::SurfaceKind::kAny) {
    return Refuse(entry.position, "charter.surface-everything",
                  "the surface rule " + Quoted(rule.path) + " of kind any lets everything change",
                  "list the paths that may change, each with its kind");
  }
  const bool has_lines = rule.kind == subject::SurfaceKind::kText || rule.kind == subject::SurfaceKind::kJson;
  const bool is_network = rule.kind == subject::SurfaceKind::kNetwork;
  if ((rule.max_changed_lines.has_value() && !has_lines) ||
      ((rule.max_parameters.has_value() || !rule.operators.empty()) && !is_network)) {
    return Refuse(entry.position, "charter.surface-limit",
                  "the surface rule " + Quoted(rule.path) + " has a limit that its kind cannot have",
                  "max_changed_lines is for text and json; max_parameters and operators are for network");
  }
  return {};
}

Result<void> CheckSurfaceRules(const Charter& charter) {
  std::set<std::string_view> globs;
  for (const SurfaceEntry& entry : charter.surface) {
    if (Result<void> checked = CheckSurfaceRule(entry); !checked.ok()) return checked;
    if (!globs.insert(entry.rule.path).second) {
      return Refuse(entry.position, "charter.surface-twice",
                    "an earlier rule has the same path " + Quoted(entry.rule.path) + ", so this one never applies",
                    "remove one of them");
    }
  }
  for (const Property& property : charter.properties) {
    if (const Result<void> path = subject::CheckTreePath(property.network); !path.ok()) {
      return Within(property.position, "charter.property-network", property.network, path.error());
    }
    const auto rule = std::find_if(charter.surface.begin(), charter.surface.end(), [&](const SurfaceEntry& entry) {
      return subject::GlobMatches(entry.rule.path, property.network);
    });
    if (rule == charter.surface.end()) continue;  // the network cannot change at all
    if (rule->rule.kind != subject::SurfaceKind::kNetwork || rule->rule.may_remove) {
      return Refuse(property.position, "charter.property-network",
                    "the surface lets " + Quoted(property.network) +
                        " become something other than a network, so property " + Quoted(property.name) +
                        " could not be checked",
                    "give it a surface rule of kind network, without may_remove, before the one that matches now");
    }
  }
  return {};
}

// ---- who measures

// A command that is there begins with a program of the system.
Result<void> CheckSystemProgram(Position position, const std::vector<std::string>& command, const std::string& who) {
  const std::string program = command.empty() ? "" : command.front();
  if (program.find('/') == program.npos || program.starts_with("/usr/") || program.starts_with("/bin/") ||
      program.starts_with("/lib")) {
    return {};
  }
  return Refuse(position, "charter.command",
                who + "'s command begins with " + Quoted(program) +
                    ", which is no program of the system; files of a tree are not executable",
                "name the interpreter first: [\"python3\", \"evaluate.py\"]");
}

// A command whose parts come from the charter or from the system, never from the subject, or one change could move the
// score and what is scored. It runs in the charter's directory with the subject beside it.
Result<void> CheckPinned(const subject::Manifest& manifest, Position position, const std::vector<std::string>& command,
                         const std::string& who) {
  const auto in_charter = [&](std::string path) {
    while (path.starts_with("./")) path.erase(0, 2);
    if (path.starts_with("/in/charter/")) path.erase(0, 12);
    return manifest.Find(path) != nullptr;
  };
  Result<void> program = CheckSystemProgram(position, command, who);
  if (!program.ok()) return program;
  bool is_pinned = false;
  for (size_t i = 1; i < command.size(); ++i) {
    const std::string& argument = command[i];
    for (const char* place : {"/in/subject", "..", "/proc/", "/out", "/tmp"}) {
      if (argument.find(place) == argument.npos) continue;
      return Refuse(position, "charter.evaluator-in-subject",
                    who + "'s command names " + Quoted(argument) + ", which lies outside the charter",
                    "keep what it runs in the charter's directory; a file of the charter may look into the subject");
    }
    const bool is_module = command[i - 1] == "-m";
    std::string module_path = argument;
    std::replace(module_path.begin(), module_path.end(), '.', '/');
    const bool is_found = in_charter(argument) ||
                          (is_module && (in_charter(module_path + ".py") || in_charter(module_path + "/__main__.py")));
    const bool looks_like_program = is_module || argument.ends_with(".py") || argument.ends_with(".sh");
    if (looks_like_program && !is_found) {
      return Refuse(position, "charter.evaluator-missing",
                    who + "'s command names " + Quoted(argument) + ", which the charter does not contain",
                    "add it to the charter's directory");
    }
    is_pinned = is_pinned || is_found;
  }
  if (!is_pinned) {
    return Refuse(position, "charter.evaluator-missing",
                  "no argument of " + who + "'s command is a file of the charter, so nothing pins what it does",
                  "put a file that does the work into the charter's directory and name it in the command");
  }
  return {};
}

Result<void> CheckEvaluator(const subject::Manifest& manifest, const Evaluation& evaluation) {
  if (evaluation.command.empty()) return {};
  Result<void> pinned = CheckPinned(manifest, evaluation.position, evaluation.command, "the evaluator");
  if (!pinned.ok()) return pinned;
  Result<void> program = CheckSystemProgram(evaluation.position, evaluation.subject_command, "the subject");
  if (!program.ok()) return program;
  for (const std::string& path : evaluation.closure) {
    if (path.starts_with("/usr/") && path.find("..") == path.npos) continue;
    return Refuse(evaluation.position, "charter.closure",
                  "the closure names " + Quoted(path) + ", which is not below /usr/",
                  "list interpreter and libraries of the system by absolute path; the charter is pinned as it is");
  }
  return {};
}

// Nothing but the provers' votes stands for these: no certificate shows them to a loader.
Result<void> CheckCodeProperties(const subject::Manifest& manifest, const Charter& charter,
                                 const std::vector<CodeProperty>& code) {
  const QuorumRule* provers = charter.FindQuorum(Role::kProver);
  std::set<std::string_view> names;
  for (const Property& property : charter.properties) names.insert(property.name);
  for (const CodeProperty& property : code) {
    if (!names.insert(property.name).second) {
      return Refuse(property.position, "charter.name-twice", "two properties are called " + Quoted(property.name),
                    "rename one");
    }
    const bool is_smt = property.kind == CodePropertyKind::kSmt;
    if (is_smt && manifest.Find(property.spec) == nullptr) {
      return Refuse(property.position, "charter.file-missing", "the charter has no file " + Quoted(property.spec),
                    "add it, or mend the name");
    }
    if (!is_smt) {
      Result<void> pinned =
          CheckPinned(manifest, property.position, property.command, "property " + Quoted(property.name));
      if (!pinned.ok()) return pinned;
    }
    const int64_t needed = is_smt && charter.assurance == Assurance::kStandard ? 2 : 1;
    if (provers != nullptr && provers->at_least >= needed) continue;
    return Refuse(property.position, "charter.no-enforcer",
                  "property " + Quoted(property.name) +
                      " is checked by provers alone, and the quorum asks for fewer than " + std::to_string(needed),
                  "add { role = \"prover\", at_least = " + std::to_string(needed) + " } to quorum.all, and reviewers");
  }
  return {};
}

// Groups of episodes: names that an evaluator can print, each once, and harms about those alone.
Result<void> CheckGroups(const Charter& charter) {
  const std::vector<std::string>& groups = charter.evaluation.groups;
  std::set<std::string_view> names;
  for (const std::string& group : groups) {
    if (!encoding::IsName(group) || !names.insert(group).second) {
      return Refuse(charter.evaluation.position, "charter.group",
                    "group " + Quoted(group) + " is listed twice or is no name",
                    "name each once: a letter or digit, then up to 63 of a-z, 0-9, '-', '_', '.'");
    }
  }
  for (const HarmBound& harm : charter.bounds.harm) {
    if (harm.group && !names.contains(*harm.group)) {
      return Refuse(harm.position, "charter.group", "there is no group " + Quoted(*harm.group),
                    "list it under evaluation.groups");
    }
  }
  return {};
}

// Without trials proofs alone say what a change does. So what may change is a network, by its path, of which a property
// is proven, and how far it is from the baseline's.
Result<void> CheckProven(const Charter& charter) {
  for (const SurfaceEntry& entry : charter.surface) {
    const std::string& path = entry.rule.path;
    const bool is_proven =
        path.find_first_of("*?") == path.npos && std::ranges::any_of(charter.properties, [&](const Property& property) {
          return property.network == path && property.drift_within > 0;
        });
    if (is_proven) continue;
    return Refuse(entry.position, "charter.unproven",
                  "no property with drift_within is about " + Quoted(path) +
                      ", and there is no [evaluation]: nothing would say what a change of it does",
                  "give it such a property, or leave the rule out; whatever is no network takes an [evaluation]");
  }
  return {};
}

Result<void> CheckBounds(const Charter& charter) {
  if (charter.evaluation.command.empty()) return CheckProven(charter);
  const Bounds& bounds = charter.bounds;
  std::vector<std::pair<Position, std::string>> named = {{bounds.improvement.position, bounds.improvement.metric},
                                                         {bounds.capability.position, bounds.capability.metric}};
  for (const HarmBound& harm : bounds.harm) named.emplace_back(harm.position, harm.metric);
  for (const auto& [position, name] : named) {
    if (charter.evaluation.Find(name) != nullptr) continue;
    return Refuse(position, "charter.metric-unknown", "there is no metric " + Quoted(name),
                  "declare it under [[evaluation.metric]]");
  }
  double error_sum = 0;
  for (const HarmBound& harm : bounds.harm) {
    const Metric& metric = *charter.evaluation.Find(harm.metric);
    const bool can_fail =
        metric.direction == Direction::kLowerIsBetter ? harm.limit < metric.max : harm.limit > metric.min;
    const bool can_hold =
        metric.direction == Direction::kLowerIsBetter ? harm.limit > metric.min : harm.limit < metric.max;
    if (!can_fail || !can_hold) {
      return Refuse(
          harm.position, "charter.bound-vacuous",
          "the limit of harm " + Quoted(harm.name) + (can_fail ? " can never be met" : " can never be broken"),
          "choose a limit inside the metric's range");
    }
    error_sum += harm.lifetime_error;
  }
  if (error_sum > 0.5) {
    return Refuse(bounds.harm.front().position, "charter.error-sum",
                  "the lifetime errors of all harms add up to more than 0.5", "lower them; 0.001 each is common");
  }
  if (Result<void> checked = CheckNamesDiffer(bounds.harm, "harms"); !checked.ok()) return checked;
  if (Result<void> checked = CheckGroups(charter); !checked.ok()) return checked;
  const CapabilityBound& capability = bounds.capability;
  const Metric& metric = *charter.evaluation.Find(capability.metric);
  const double range = metric.max - metric.min;
  if (capability.max_step >= range || capability.ceiling <= metric.min || capability.ceiling >= metric.max) {
    return Refuse(capability.position, "charter.bound-vacuous",
                  "max_step or ceiling of the capability can never be exceeded, or never be kept",
                  "choose max_step smaller than the metric's range, and the ceiling inside it");
  }
  if (capability.max_growth != 0 && (capability.max_growth < capability.max_step || capability.max_growth >= range)) {
    return Refuse(capability.position, "charter.bound-vacuous",
                  "max_growth forbids every step of max_step, or can never be exceeded",
                  "choose a growth within the window from max_step up, smaller than the metric's range");
  }
  if (bounds.acceleration.expected_step >= capability.max_step) {
    return Refuse(bounds.acceleration.position, "charter.bound-vacuous",
                  "expected_step is not below max_step, so no acceleration could be seen", "choose a smaller one");
  }
  if (bounds.drift.limit >= 1 || bounds.drift.energy_limit >= 1) {
    return Refuse(bounds.drift.position, "charter.bound-vacuous", "a drift limit of 1 can never be exceeded",
                  "choose a share below 1");
  }
  return {};
}

// ---- who reviews

Result<void> CheckQuorum(const Charter& charter) {
  std::map<Role, std::set<std::string_view>> principals;
  std::map<Role, int64_t> reviewers;
  for (const Reviewer& reviewer : charter.reviewers) {
    principals[reviewer.role].insert(reviewer.principal);
    ++reviewers[reviewer.role];
    // Votes and closings name their signer by the key's name, and the rules look it up as the reviewer's.
    if (reviewer.key.name != reviewer.name) {
      return Refuse(reviewer.position, "charter.reviewer-key",
                    "the key of reviewer " + Quoted(reviewer.name) + " is called " + Quoted(reviewer.key.name) +
                        ", so its signatures would not be found",
                    "call both the same: pawl key new " + reviewer.name);
    }
    if (charter.FindQuorum(reviewer.role) == nullptr) {
      return Refuse(reviewer.position, "charter.reviewer-unheard",
                    "reviewer " + Quoted(reviewer.name) + " has a role that the quorum does not ask for",
                    "add { role = \"" + std::string(RoleName(reviewer.role)) + "\", at_least = 1 } to quorum.all");
    }
  }
  std::set<Role> roles;
  for (const QuorumRule& rule : charter.quorum) {
    const auto count = static_cast<int64_t>(principals[rule.role].size());
    const std::string role(RoleName(rule.role));
    if (!roles.insert(rule.role).second) {
      return Refuse(rule.position, "charter.quorum-twice", "the quorum lists role " + role + " twice", "keep one");
    }
    if (rule.at_least > count) {
      return Refuse(rule.position, "charter.quorum-unreachable",
                    "the quorum asks for " + Count(rule.at_least, "principal") + " in role " + role + ", and there " +
                        (count == 1 ? "is " : "are ") + std::to_string(count),
                    "enrol reviewers of other principals, or lower at_least");
    }
    // Where a product decides, everybody of the fixed set is asked, and nobody speaks twice or decides alone.
    const bool fits = rule.role == Role::kEvaluator && rule.at_least == count && reviewers[rule.role] == count &&
                      rule.against_max == 0 && rule.faults_max.value_or(0) < static_cast<uint64_t>(count) &&
                      (rule.faults_max != 0U || charter.assurance == Assurance::kSingleOperator);
    if (rule.faults_max && !fits) {
      return Refuse(rule.position, "charter.faults",
                    "faults_max is for evaluators of different principals, all of whom report",
                    "set at_least to their number, against_max to 0, and faults_max from 1 to one fewer than they");
    }
    if (rule.against_max >= count) {
      return Refuse(rule.position, "charter.against-ignored",
                    "against_max of role " + role + " is so large that votes against can never count", "lower it");
    }
  }
  // Trial, bounds and drift are recomputed by evaluators, halts and the closing of votes by auditors, and by nobody
  // else beside the gate. Manifest, surface, pace, certificates and thresholds are checked by pawl-check itself.
  const bool is_tried = !charter.evaluation.command.empty();
  if (const QuorumRule* rule = charter.FindQuorum(Role::kEvaluator); rule != nullptr && !is_tried) {
    return Refuse(rule->position, "charter.untried", "without [evaluation] evaluators have nothing to try",
                  "leave role and reviewers out, or add one");
  }
  for (const auto& [role, what] :
       {is_tried ? std::pair{Role::kEvaluator, "trial, bounds and drift"} : std::pair{Role::kProver, "all proofs"},
        std::pair{Role::kAuditor, "halts and the closing of votes"}}) {
    if (roles.contains(role)) continue;
    return Refuse(charter.quorum.front().position, "charter.no-enforcer",
                  "nobody but the gate would watch over " + std::string(what),
                  "add { role = \"" + std::string(RoleName(role)) + "\", at_least = 1 } to quorum.all, and a reviewer");
  }
  if (charter.assurance == Assurance::kSingleOperator) return {};
  for (const Reviewer& reviewer : charter.reviewers) {
    const bool is_enough_alone = std::all_of(charter.quorum.begin(), charter.quorum.end(), [&](const QuorumRule& rule) {
      return IsOpinion(rule.role) || (rule.at_least == 1 && principals[rule.role].contains(reviewer.principal));
    });
    if (is_enough_alone) {
      return Refuse(
          charter.quorum.front().position, "charter.quorum-one-principal",
          Quoted(reviewer.principal) + " alone can meet the quorum",
          "ask for a second principal, or set [assurance] level = \"single-operator\", which is shown everywhere");
    }
  }
  return {};
}

// One key pair may speak in one place only: the gate's log and clock, each reviewer, witness and approver; and for one
// witness of a principal.
Result<void> CheckKeysDiffer(const Charter& charter) {
  std::vector<std::tuple<Position, std::string, std::string>> keys = {
      {charter.gate.position, charter.gate.log.UnderlyingKey(), "the gate's log"},
      {charter.gate.position, charter.gate.clock.UnderlyingKey(), "the gate's clock"}};
  for (const Reviewer& reviewer : charter.reviewers) {
    keys.emplace_back(reviewer.position, reviewer.key.UnderlyingKey(), "reviewer " + Quoted(reviewer.name));
  }
  std::set<std::string_view> principals;
  for (const Witness& witness : charter.witnesses.all) {
    keys.emplace_back(witness.position, witness.key.UnderlyingKey(), "witness " + Quoted(witness.key.name));
    if (principals.insert(witness.principal).second) continue;
    return Refuse(witness.position, "charter.witness-principal",
                  Quoted(witness.principal) + " answers for two witnesses, whose cosignatures would count twice",
                  "keep one of them");
  }
  for (const crypto::AllowedSigner& signer : charter.approval.signers) {
    keys.emplace_back(charter.approval.position, signer.key.UnderlyingKey(), "approver " + Quoted(signer.principal));
  }
  std::map<std::string, std::string> owners;
  for (const auto& [position, key, owner] : keys) {
    const auto [known, is_new] = owners.try_emplace(key, owner);
    if (is_new) continue;
    return Refuse(position, "charter.key-shared", known->second + " and " + owner + " have the same key",
                  "make a key of its own for each: pawl key new");
  }
  return {};
}

// ---- who decides

// Principals whose keys can show what the charter demands of an approval.
int64_t CapableApprovers(const Approval& approval) {
  std::set<std::string_view> principals;
  for (const crypto::AllowedSigner& signer : approval.signers) {
    const bool is_passkey = signer.key.type == crypto::SshKeyType::kWebauthnSkEcdsaP256;
    const bool may_approve = signer.namespaces.empty() || std::find(signer.namespaces.begin(), signer.namespaces.end(),
                                                                    "approve@pawl") != signer.namespaces.end();
    const bool is_present = approval.presence == Presence::kSoftware || crypto::IsSecurityKey(signer.key.type);
    if (may_approve && is_present && (!is_passkey || !approval.rp_id.empty())) principals.insert(signer.principal);
  }
  return static_cast<int64_t>(principals.size());
}

Result<void> CheckThresholds(const Charter& charter) {
  const Approval& approval = charter.approval;
  const bool is_single = charter.assurance == Assurance::kSingleOperator;
  if (approval.rp_id.empty() != approval.origins.empty()) {
    return Refuse(approval.position, "charter.passkeys", "rp_id and origins must both be given, or neither",
                  "rp_id = \"review.example.org\" and origins = [\"https://review.example.org\"]");
  }
  const int64_t capable = CapableApprovers(approval);
  const int64_t threshold = approval.threshold;
  for (const auto& [name, value] :
       {std::pair{"approval.threshold", threshold}, std::pair{"amendment.threshold", charter.amendment.threshold},
        std::pair{"rollback.threshold", charter.rollback_threshold},
        std::pair{"halt.resume_threshold", charter.resume_threshold}}) {
    if (value <= capable) continue;
    return Refuse(approval.position, "charter.threshold-unreachable",
                  std::string(name) + " is " + std::to_string(value) + ", and " + Count(capable, "principal") + " in " +
                      Quoted(approval.signers_file) + " can approve" +
                      (approval.presence == Presence::kRequired ? " with proof of presence" : ""),
                  "enrol approvers, or lower the threshold");
  }
  if (!is_single && threshold < 2) {
    return Refuse(
        approval.position, "charter.one-approver", "one principal alone could approve a release",
        "set approval.threshold to 2 or more, or [assurance] level = \"single-operator\", which is shown everywhere");
  }
  // One person has no second signature to add; the waiting period is then what sets an amendment apart.
  if (charter.amendment.threshold < threshold + (is_single ? 0 : 1)) {
    return Refuse(
        charter.amendment.position, "charter.amendment-threshold",
        "amendment.threshold must be larger than approval.threshold, or a release's approvers could move the bounds",
        "raise amendment.threshold");
  }
  if (charter.rollback_threshold > threshold || charter.resume_threshold < threshold) {
    return Refuse(approval.position, "charter.threshold-order",
                  "rollback.threshold may not exceed approval.threshold, and halt.resume_threshold may not be below it",
                  "mend the one that is out of order");
  }
  return {};
}

// A probe that stands there many times would count as often.
bool HoldsOneTwice(std::string_view probes) {
  std::vector<std::string_view> each;
  for (size_t at = 0; at < probes.size(); at += 32) each.push_back(probes.substr(at, 32));
  std::sort(each.begin(), each.end());
  return std::adjacent_find(each.begin(), each.end()) != each.end();
}

}  // namespace

Result<void> ReadNamedFiles(const subject::Manifest& manifest, const subject::BlobReader& read, Charter& charter) {
  for (const Property& property : charter.properties) {
    if (Result<void> checked = ReadProperty(manifest, read, property); !checked.ok()) return checked;
  }
  if (charter.evaluation.probes_file.has_value()) {
    Result<std::string> probes =
        ReadFile(manifest, read, charter.evaluation.position, *charter.evaluation.probes_file, 32 * 1'000'000);
    if (!probes.ok()) return probes.error();
    if (probes->empty() || probes->size() % 32 != 0) {
      return Refuse(charter.evaluation.position, "charter.probes",
                    "the probes file does not hold 32 bytes for each probe", "write 32 random bytes for each probe");
    }
    if (HoldsOneTwice(*probes)) {
      return Refuse(charter.evaluation.position, "charter.probes", "the probes file holds a probe twice",
                    "write 32 random bytes for each probe");
    }
  }
  Approval& approval = charter.approval;
  Result<std::string> text =
      ReadFile(manifest, read, approval.position, approval.signers_file, crypto::kAllowedSignersBytesMax);
  if (!text.ok()) return text.error();
  Result<std::vector<crypto::AllowedSigner>> signers = crypto::ParseAllowedSigners(*text);
  if (!signers.ok()) return Within(approval.position, "charter.signers", approval.signers_file, signers.error());
  approval.signers = std::move(*signers);
  return {};
}

Result<void> CheckProtects(const subject::Manifest& manifest, const Charter& charter,
                           const std::vector<CodeProperty>& code) {
  if (Result<void> checked = CheckSurfaceRules(charter); !checked.ok()) return checked;
  if (Result<void> checked = CheckNamesDiffer(charter.properties, "properties"); !checked.ok()) return checked;
  if (Result<void> checked = CheckCertificateCount(charter); !checked.ok()) return checked;
  if (Result<void> checked = CheckEnvelope(charter); !checked.ok()) return checked;
  if (Result<void> checked = CheckCodeProperties(manifest, charter, code); !checked.ok()) return checked;
  if (Result<void> checked = CheckNamesDiffer(charter.evaluation.metrics, "metrics"); !checked.ok()) return checked;
  if (Result<void> checked = CheckNamesDiffer(charter.reviewers, "reviewers"); !checked.ok()) return checked;
  Result<void> improver = CheckSystemProgram(charter.improver.position, charter.improver.command, "the improver");
  if (!improver.ok()) return improver;
  if (Result<void> checked = CheckEvaluator(manifest, charter.evaluation); !checked.ok()) return checked;
  if (Result<void> checked = CheckBounds(charter); !checked.ok()) return checked;
  if (Result<void> checked = CheckQuorum(charter); !checked.ok()) return checked;
  if (Result<void> checked = CheckKeysDiffer(charter); !checked.ok()) return checked;
  return CheckThresholds(charter);
}

}  // namespace pawl::charter
