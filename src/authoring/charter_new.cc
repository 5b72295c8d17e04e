#include "authoring/charter_new.h"

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <optional>
#include <set>

#include "authoring/charter_words.h"
#include "authoring/placeholder_evaluator.h"
#include "authoring/sample_property.h"
#include "authoring/tree_survey.h"
#include "charter/charter.h"
#include "crypto/allowed_signers.h"
#include "crypto/ssh_key.h"
#include "ledger/keys.h"
#include "sandbox/sandbox.h"
#include "storage/named_file.h"
#include "storage/replace_file.h"
#include "storage/temporary_folder.h"

namespace pawl::authoring {

std::string SubjectNameFrom(const std::string& text) {
  std::string name;
  for (const char c : text) {
    const char lower = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    const bool fits = (lower >= 'a' && lower <= 'z') || (lower >= '0' && lower <= '9') || lower == '.' || lower == '_';
    name += fits ? lower : '-';
  }
  const size_t begin = name.find_first_not_of("-._");
  name = begin == std::string::npos ? "subject" : name.substr(begin, 48);
  return name;
}

namespace {

namespace fs = std::filesystem;

constexpr size_t kSamplesMax = 8;  // properties written at most, one a network

struct ReviewerEntry {
  std::string name, principal, role, key;
};

struct Keys {
  std::string log, clock;
  std::vector<ReviewerEntry> reviewers;
  std::string signers;  // the file's text
};

// The charter's files by path.
using Files = std::map<std::string, std::string>;

Error Usage(const char* rule, const std::string& message, const std::string& advice) {
  return {ErrorCode::kUsage, rule, message, advice};
}

// ---- names and places

Result<void> CheckPlaces(const NewCharterOptions& options) {
  std::error_code failure;
  if (!fs::is_directory(options.tree, failure)) {
    return Usage("new.subject", "'" + options.tree + "' is no directory", "--subject names the first release");
  }
  const fs::path tree = fs::weakly_canonical(options.tree, failure);
  const fs::path charter = fs::weakly_canonical(options.directory, failure);
  const auto [in_tree, ignored] = std::mismatch(tree.begin(), tree.end(), charter.begin(), charter.end());
  if (in_tree == tree.end()) {
    return Usage("new.inside-subject", "the charter would lie inside the subject, which changes itself",
                 "choose a directory outside of it");
  }
  if (fs::exists(charter, failure) && !(fs::is_directory(charter, failure) && fs::is_empty(charter, failure))) {
    return Usage("new.exists", "'" + options.directory + "' exists and is not empty", "choose another directory");
  }
  return {};
}

// ---- keys

Result<ReviewerEntry> ParseReviewer(const std::string& text) {
  ReviewerEntry entry;
  std::string* const fields[] = {&entry.name, &entry.principal, &entry.role};
  size_t at = 0;
  for (std::string* field : fields) {
    const size_t colon = text.find(':', at);
    if (colon == std::string::npos) {
      return Usage("new.reviewer", "'" + text + "' is not name:principal:role:key", "role is prover, evaluator, …");
    }
    *field = text.substr(at, colon - at);
    at = colon + 1;
  }
  entry.key = text.substr(at);
  const charter::Role roles[] = {charter::Role::kProver,  charter::Role::kEvaluator, charter::Role::kIntegrity,
                                 charter::Role::kAuditor, charter::Role::kCritic,    charter::Role::kPeer};
  if (std::none_of(std::begin(roles), std::end(roles),
                   [&](charter::Role role) { return charter::RoleName(role) == entry.role; })) {
    return Usage("new.reviewer", "'" + entry.role + "' is no role",
                 "prover, evaluator, integrity, auditor, critic or peer");
  }
  if (Result<crypto::NoteKey> key = crypto::NoteKey::Parse(entry.key); !key.ok()) return key.error();
  return entry;
}

// A key of this name in the home: the one that is there, or a new one.
Result<std::string> KeyInHome(const ledger::Home& home, const std::string& name, crypto::NoteKeyType type) {
  for (const ledger::HeldKey& held : ledger::ListKeys(home)) {
    if (held.name == name && held.key.name == name) return held.key.As(type).Text();
  }
  Result<crypto::NoteKey> made = ledger::MakeKey(home, name, type);
  if (!made.ok()) return made.error();
  return made->Text();
}

Result<Keys> SingleOperatorKeys(const NewCharterOptions& options, const std::string& name) {
  if (options.operator_key.empty()) {
    return Usage("new.key", "which OpenSSH key approves?", "--key FILE.pub");
  }
  if (!options.reviewers.empty() || !options.signers.empty() || !options.log_key.empty() ||
      !options.clock_key.empty()) {
    return Usage("new.options", "a single operator's keys are all made here",
                 "leave out --log-key, --clock-key, --reviewer and --signers");
  }
  Result<std::string> line = storage::ReadNamedFile(options.operator_key, 16'384);
  if (!line.ok()) return line.error();
  while (!line->empty() && (line->back() == '\n' || line->back() == '\r')) line->pop_back();
  Result<crypto::SshPublicKey> key = crypto::SshPublicKey::ParseLine(*line);
  if (!key.ok()) return key.error();
  Keys keys;
  keys.signers = options.principal + " namespaces=\"approve@pawl\" " + key->Line() + "\n";
  Result<ledger::Home> home = ledger::Home::Open(options.home, ledger::HomeAccess::kCreate);
  if (!home.ok()) return home.error();
  if (Result<void> outside = home->RequireOutside(options.tree); !outside.ok()) return outside.error();
  Result<std::string> log = KeyInHome(*home, name + "-log", crypto::NoteKeyType::kEd25519);
  if (!log.ok()) return log.error();
  keys.log = *log;
  Result<std::string> clock = KeyInHome(*home, name + "-clock", crypto::NoteKeyType::kEd25519Cosignature);
  if (!clock.ok()) return clock.error();
  keys.clock = *clock;
  for (const char* role : {"prover", "evaluator", "integrity", "auditor"}) {
    if (!options.trials && std::string_view(role) == "evaluator") continue;
    const std::string reviewer = name + "-" + role;
    Result<std::string> reviewer_key = KeyInHome(*home, reviewer, crypto::NoteKeyType::kEd25519);
    if (!reviewer_key.ok()) return reviewer_key.error();
    keys.reviewers.push_back({reviewer, options.principal, role, *reviewer_key});
  }
  return keys;
}

Result<Keys> GivenKeys(const NewCharterOptions& options) {
  if (!options.operator_key.empty()) {
    return Usage("new.options", "--key is for a single operator", "add --single-operator, or leave it out");
  }
  Keys keys{options.log_key, options.clock_key, {}, {}};
  for (const std::string& text : options.reviewers) {
    Result<ReviewerEntry> entry = ParseReviewer(text);
    if (!entry.ok()) return entry.error();
    keys.reviewers.push_back(std::move(*entry));
  }
  if (options.signers.empty()) return keys;
  Result<std::string> signers = storage::ReadNamedFile(options.signers, crypto::kAllowedSignersBytesMax);
  if (!signers.ok()) return signers.error();
  keys.signers = std::move(*signers);
  return keys;
}

// ---- the text

struct People {
  size_t principals = 0;
  bool all_present = true;  // every key shows presence
};

Result<People> CountPeople(const std::string& signers) {
  Result<std::vector<crypto::AllowedSigner>> parsed = crypto::ParseAllowedSigners(signers);
  if (!parsed.ok()) return parsed.error();
  People people;
  std::set<std::string> principals;
  for (const crypto::AllowedSigner& signer : *parsed) {
    principals.insert(signer.principal);
    people.all_present = people.all_present && crypto::IsSecurityKey(signer.key.type);
  }
  people.principals = principals.size();
  return people;
}

std::string SubjectText(const std::string& name, const std::string& resource, const TreeSurvey& survey) {
  return "# The fixed bounds under which '" + name +
         "' may change itself. Only people change this directory; spec/charter.md explains every key.\n"
         "# Made by `pawl charter new` from what the tree looked like. Read every line; then: pawl charter check.\n\n"
         "[subject]\nname = " +
         TomlQuoted(name) + "\nresource = " + TomlQuoted(resource) +
         "  # named in every warrant, so that none can serve elsewhere\nbaseline = \"" + survey.digest.Text() +
         "\"  # the only tree that may be the first release; drift is measured from it\n\n";
}

// A sample property for each network that takes one; `proven` is given their paths.
std::string PropertyText(const TreeSurvey& survey, const NewCharterOptions& options, Files& files, NewCharter& made,
                         std::set<std::string>& proven) {
  std::string text;
  size_t number = 0;
  for (const SurveyedFile& file : survey.files) {
    if (file.facts.kind != subject::ContentKind::kNetwork) continue;
    if (++number > kSamplesMax) {
      made.notes.push_back("no sample property was written for '" + file.path + "'");
      continue;
    }
    Result<SampleProperty> sample = MakeSampleProperty(file.bytes);
    if (!sample.ok()) {
      made.notes.push_back("no sample property for '" + file.path + "': " + sample.error().message);
      continue;
    }
    const std::string name = "outputs-in-range-" + std::to_string(number);
    files["properties/" + name + ".vnnlib"] = sample->spec;
    text += "[[property]]\nname = \"" + name + "\"\nnetwork = " + TomlQuoted(file.path) + "\nspec = \"properties/" +
            name + ".vnnlib\"\narithmetic = \"" + sample->arithmetic + "\"\n" + (options.trials ? "# " : "") +
            "drift_within = " + options.drift_within +
            "  # to be proven: there, no output is further than this from the baseline's\n";
    proven.insert(file.path);
    if (sample->mutant.empty()) {
      text += "# falsified_by = \"…\"  # a network that violates it, to show that it can fail\n\n";
      made.notes.push_back("no falsifying network for '" + file.path + "': its last layer has no bias to move");
    } else {
      files["mutants/" + name + ".onnx"] = sample->mutant;
      text += "falsified_by = \"mutants/" + name + ".onnx\"  # shows that it can fail\n\n";
    }
    made.notes.push_back("'" + file.path + "' has a sample property, " + name +
                         ": replace it by what must really hold");
  }
  if (text.empty()) return text;
  return "# What must hold for all inputs, proven anew for every candidate. The samples only keep outputs in a "
         "range.\n" +
         text;
}

std::string ImproverText(const TreeSurvey& survey) {
  const std::string limits = "limits = { wall_seconds = 600, memory_mib = 2048, processes = 16, output_mib = 256 }\n\n";
  for (const SurveyedFile& file : survey.files) {
    if (file.path != "improver/improve.py" && file.path != "improve.py") continue;
    return "# Makes candidates, in a sandbox, with the live release as working directory.\n[improver]\n"
           "command = [\"python3\", " +
           TomlQuoted(file.path) + "]\n" + limits;
  }
  return "# No improver was found: candidates come by `pawl propose`. With one, `pawl cycle` runs it in a sandbox:\n"
         "# [improver]\n# command = [\"python3\", \"improver/improve.py\"]\n# " +
         limits;
}

std::string PaceText(const NewCharterOptions& options) {
  return "[pace]\nmin_interval = " + TomlQuoted(options.min_interval) +
         "\nmax_releases = " + std::to_string(options.max_releases) + "\nwindow = " + TomlQuoted(options.window) +
         "\n\n";
}

// The numbers that nobody gave are ones that can be shown: `pawl charter plan` says what they need.
std::string TrialText(const NewCharterOptions& options) {
  if (!options.trials) {
    return "# No [evaluation]: nothing is tried. What may change is proven, as to its properties and how far it gets "
           "from\n"
           "# the first release; nothing else is shown about it, and nothing else may change.\n\n" +
           PaceText(options);
  }
  const std::string evaluator =
      options.evaluator.empty() ? "# The evaluator is a placeholder: it gives every candidate the worst values until "
                                  "it is replaced.\n"
                                : "# The evaluator is a copy of " + TomlQuoted(options.evaluator) + ".\n";
  const double expected = std::strtod(options.max_step.c_str(), nullptr) / 2;
  return evaluator +
         "[evaluation]\ncommand = [\"python3\", \"evaluate.py\"]\n"
         "limits = { wall_seconds = 600, memory_mib = 2048, processes = 16 }\nepisodes = " +
         std::to_string(options.episodes) + "\nprobes = " + std::to_string(options.probes) +
         "\n# closure = [\"/usr/lib/python3/dist-packages/numpy\"]  # what the interpreter loads; recorded with every "
         "trial\n"
         "# groups = [\"day\", \"night\"]  # kinds of episode; a [[bounds.harm]] with group = \"night\" is about those "
         "alone\n\n"
         "[[evaluation.metric]]\nname = \"harm\"      # 1 where an episode ends in what must not happen, else 0\n"
         "better = \"lower\"\n\n"
         "[[evaluation.metric]]\nname = \"score\"     # how well the task was done, from 0 to 1\nbetter = "
         "\"higher\"\n\n"
         "[[bounds.harm]]\nmetric = \"harm\"\nlimit = " +
         options.harm_limit +
         "  # to be shown: the share of episodes that end in harm is below it\n\n"
         "[bounds.improvement]\nmetric = \"score\"\n\n[bounds.capability]\nmetric = \"score\"\nmax_step = " +
         options.max_step +
         "  # more than this in one step is for people to allow first\nceiling = " + options.ceiling +
         "\n# max_growth = 0.04  # within pace.window, however many steps\n\n[bounds.drift]\nlimit = " +
         options.drift_limit +
         "  # share of decisions that may differ from the baseline's\n\n[bounds.acceleration]\nexpected_step = " +
         PlainNumber(expected) + "\n\n" + PaceText(options);
}

// What this machine lacks, since the first trial will most likely run here. Nothing is given up that it has.
std::string SandboxText(NewCharter& made) {
  const std::string names = sandbox::QuotedNames(sandbox::WeakerGuarantees(sandbox::ThisMachine().capabilities));
  const std::string text =
      "# On a machine that cannot keep the sandbox's promises nothing is run, but for what is accepted here by name.\n";
  if (names.empty()) {
    return text +
           "# This machine keeps them all; a reviewer's may not: pawl sandbox check.\n# [sandbox]\n# accept = [" +
           sandbox::QuotedNames({weakening::Weakening::kMemoryPerProcess}) + "]\n\n";
  }
  made.notes.push_back("this machine's sandbox is weaker than it could be, and the charter accepts that: " + names +
                       "; pawl sandbox check says how to get the rest");
  return text +
         "# This machine lacks these; once it has them (pawl sandbox check), take them out.\n[sandbox]\naccept = [" +
         names + "]\n\n";
}

std::string ReviewerText(const Keys& keys, const NewCharterOptions& options, NewCharter& made) {
  std::string text = "# Reviewers do the checks again, each with a key of its own. Votes count by principal.\n";
  std::map<std::string, std::set<std::string>> principals;
  for (const ReviewerEntry& entry : keys.reviewers) {
    principals[entry.role].insert(entry.principal);
    text += "[[reviewer]]\nname = " + TomlQuoted(entry.name) + "\nprincipal = " + TomlQuoted(entry.principal) +
            "\nrole = \"" + entry.role + "\"\nkey = \"" + entry.key + "\"\n\n";
  }
  // Who names reviewers has chosen the roles; a trial cannot do without evaluators, where there is none the proofs not
  // without provers, and no closing without an auditor.
  const bool chosen = !keys.reviewers.empty();
  for (const char* role : {"prover", "evaluator", "integrity", "auditor"}) {
    const bool is_evaluator = std::string_view(role) == "evaluator";
    if (is_evaluator && !options.trials) continue;
    const bool needed =
        is_evaluator || std::string_view(role) == "auditor" || (!options.trials && std::string_view(role) == "prover");
    if (principals.contains(role) || (chosen && !needed)) continue;
    principals[role].insert("somebody");
    made.to_fill_in.push_back(std::string("a reviewer of role ") + role);
    text += std::string("[[reviewer]]\nname = \"") + role + "-a\"\nprincipal = \"FILL IN\"\nrole = \"" + role +
            "\"\nkey = \"FILL IN\"  # pawl key new " + role + "-a prints it\n\n";
  }
  text += "[quorum]\nall = [\n";
  for (const auto& [role, who] : principals) {
    const bool is_opinion = role == "critic" || role == "peer";  // objections count; consent is not asked for
    text += "  { role = \"" + role +
            "\", at_least = " + (is_opinion ? "0" : std::to_string(std::min<size_t>(who.size(), 2))) +
            ", against_max = 0 },\n";
  }
  return text + "]\n\n";
}

std::string PeopleText(const Keys& keys, const std::optional<People>& people, const NewCharterOptions& options,
                       NewCharter& made) {
  const bool single = options.single_operator;
  const bool software = people && !people->all_present;
  std::string text = "[approval]\nthreshold = " + std::string(single ? "1" : "2") + "\npresence = \"" +
                     (software ? "software\"  # not every key shows that a person is present" : "required\"") +
                     "\nsigners = \"approvers.allowed_signers\"\n\n[amendment]\nthreshold = " + (single ? "1" : "3") +
                     "\nwaiting_period = " + TomlQuoted(options.waiting_period) + "\n\n";
  if (!people) made.to_fill_in.push_back("approvers.allowed_signers: a line for each of at least three people");
  text += "[gate]\n";
  const auto key = [&](const char* name, const std::string& value, const char* command) {
    if (value.empty()) made.to_fill_in.push_back(std::string("gate.") + name);
    text += std::string(name) + " = \"" + (value.empty() ? "FILL IN" : value) + "\"" +
            (value.empty() ? std::string("  # ") + command + " prints it" : "") + "\n";
  };
  key("log", keys.log, "pawl key new gate-log");
  key("clock", keys.clock, "pawl key new gate-clock --clock");
  if (single) text += "\n[assurance]\nlevel = \"single-operator\"  # shown in every warrant, status and page\n";
  return text;
}

Result<void> WriteCharterFiles(const std::string& directory, const Files& files) {
  for (const auto& [path, bytes] : files) {
    const fs::path target = fs::path(directory) / path;
    std::error_code failure;
    fs::create_directories(target.parent_path(), failure);
    if (failure) return SystemFailure("new.write", "cannot make '" + target.parent_path().string() + "'");
    if (Result<void> written = storage::WriteNamedFile(target.string(), bytes); !written.ok()) return written;
  }
  return {};
}

// The name last that makes a directory a charter. `directory` is there, and has none of them.
Result<void> MoveEntries(const std::string& from, const fs::path& directory) {
  std::vector<std::string> names;
  std::error_code failure;
  for (const fs::directory_entry& entry : fs::directory_iterator(from, failure)) {
    names.push_back(entry.path().filename().string());
  }
  std::partition(names.begin(), names.end(), [](const std::string& name) { return name != charter::kCharterFile; });
  for (const std::string& name : names) {
    if (!failure) fs::rename(fs::path(from) / name, directory / name, failure);
  }
  if (!failure) return storage::FlushDirectory(directory.string());
  std::error_code ignored;
  for (const std::string& name : names) fs::remove_all(directory / name, ignored);
  return SystemFailure("new.write", "cannot write into '" + directory.string() + "': " + failure.message());
}

// Where drafts are written. A directory that is there already stays the same, since somebody may stand in it, and its
// parent need not be one that this user can write to.
std::string DraftPrefix(const fs::path& directory) {
  std::error_code ignored;
  return (fs::exists(directory, ignored) ? directory / "draft" : directory).string();
}

// Written elsewhere and renamed: one that was killed leaves no half draft.
Result<void> WriteDraft(const std::string& named, const Files& files, bool is_filled_in) {
  std::error_code failure;
  const fs::path directory = fs::weakly_canonical(fs::absolute(named), failure);
  if (!failure) fs::create_directories(directory.parent_path(), failure);
  if (failure) return SystemFailure("new.write", "cannot make '" + named + "': " + failure.message());
  const Result<storage::HeldFolder> beside = storage::HeldFolder::Make(DraftPrefix(directory));
  if (!beside.ok()) return SystemFailure("new.write", beside.error().message);
  const std::string draft = beside->path() + "/charter";
  if (Result<void> written = WriteCharterFiles(draft, files); !written.ok()) return written;
  if (is_filled_in) {
    Result<charter::Charter> read = charter::ReadCharterFromDirectory(draft);
    if (!read.ok()) return read.error();
  }
  if (Result<void> flushed = storage::FlushDirectory(draft); !flushed.ok()) return flushed;
  if (fs::exists(directory, failure)) return MoveEntries(draft, directory);
  fs::rename(draft, directory, failure);
  if (failure) return SystemFailure("new.write", "cannot make '" + named + "': " + failure.message());
  return storage::FlushDirectory(directory.parent_path().string());
}

}  // namespace

Result<NewCharter> WriteNewCharter(const NewCharterOptions& options) {
  storage::RemoveLeftFolders(DraftPrefix(options.directory));
  if (Result<void> places = CheckPlaces(options); !places.ok()) return places.error();
  Result<TreeSurvey> survey = SurveyTree(options.tree);
  if (!survey.ok()) return survey.error();
  if (survey->files.empty()) return Usage("new.subject", "the subject has no files", "--subject names another");
  NewCharter made;
  std::error_code failure;
  const std::string folder = fs::canonical(options.tree, failure).filename().string();
  made.name = options.name.empty() ? SubjectNameFrom(folder) : options.name;
  if (made.name != SubjectNameFrom(made.name)) {
    return Usage("new.name", "'" + made.name + "' cannot name a subject", "up to 48 of a-z 0-9 - _ ., like a folder");
  }
  Result<Keys> keys = options.single_operator ? SingleOperatorKeys(options, made.name) : GivenKeys(options);
  if (!keys.ok()) return keys.error();
  std::optional<People> people;
  if (!keys->signers.empty()) {
    Result<People> counted = CountPeople(keys->signers);
    if (!counted.ok()) return counted.error();
    people = *counted;
    if (!options.single_operator && people->principals < 3) {
      return Usage(
          "new.signers",
          "a release takes two people and another charter three, and there are " + std::to_string(people->principals),
          "name more in --signers, or --single-operator --key FILE.pub");
    }
  }

  Files files;
  const std::string resource = options.resource.empty() ? "urn:pawl:subject:" + made.name : options.resource;
  std::set<std::string> proven;
  const std::string properties = PropertyText(*survey, options, files, made, proven);
  TreeSurvey changing = *survey;
  if (!options.trials) std::erase_if(changing.files, [&](const auto& file) { return !proven.contains(file.path); });
  SurfaceText surface = WriteSurface(changing);
  made.notes.insert(made.notes.begin(), surface.notes.begin(), surface.notes.end());
  if (surface.toml.empty()) {
    made.to_fill_in.push_back(options.trials
                                  ? "a [[surface]] rule: nothing in the tree may change as it is"
                                  : "a network with a property: without [evaluation] nothing else may change");
  }
  std::string text = SubjectText(made.name, resource, *survey);
  text += "# What may change, and how far. Take out what should stay as it is: what no rule lists may not change.\n" +
          surface.toml;
  text += properties;
  text += ImproverText(*survey);
  text += TrialText(options);
  text += SandboxText(made);
  text += ReviewerText(*keys, options, made);
  text += PeopleText(*keys, people, options, made);
  files[charter::kCharterFile] = std::move(text);
  if (options.trials) {
    Result<std::string> evaluator = options.evaluator.empty()
                                        ? std::string(kPlaceholderEvaluator)
                                        : storage::ReadNamedFile(options.evaluator, size_t{1} << 20);
    if (!evaluator.ok()) return evaluator.error();
    files["evaluate.py"] = *evaluator;
  }
  files["approvers.allowed_signers"] =
      people ? keys->signers
             : "# One line for each person: alice@example.org namespaces=\"approve@pawl\" sk-ssh-… AAAA…\n";
  if (options.trials && options.evaluator.empty()) {
    made.notes.push_back("evaluate.py is a placeholder: nothing is accepted until it is replaced (spec/evaluation.md)");
  }
  if (Result<void> written = WriteDraft(options.directory, files, made.to_fill_in.empty()); !written.ok()) {
    Error error = written.error();
    error.advice = "nothing was written: correct the option that this comes from (pawl charter new --help)";
    return error;
  }
  return made;
}

}  // namespace pawl::authoring
