#include "authoring/charter_check.h"

#include <algorithm>
#include <ctime>
#include <filesystem>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <sstream>

#include "authoring/placeholder_evaluator.h"
#include "authoring/property_words.h"
#include "authoring/random_networks.h"
#include "charter/program_rules.h"
#include "encoding/number.h"
#include "encoding/time.h"
#include "model/network.h"
#include "oversight/key_terms.h"
#include "oversight/reviewers_files.h"
#include "oversight/scorer_imports.h"
#include "prover/prover.h"
#include "storage/named_file.h"
#include "subject/tree_reader.h"
#include "trial/run.h"

namespace pawl::authoring {
namespace {

namespace fs = std::filesystem;

std::string PositionPrefix(charter::Position position) {
  return std::string(charter::kCharterFile) + ":" + std::to_string(position.line) + ":" +
         std::to_string(position.column) + ": ";
}

checker::Arithmetic ArithmeticOf(const charter::Property& property) {
  return property.arithmetic == charter::Arithmetic::kReal ? checker::Arithmetic::kReal : checker::Arithmetic::kFloat32;
}

Result<std::string> ReadCharterFile(const warrant::CharterFiles& files, const std::string& path, uint64_t bytes_max) {
  const subject::FileEntry* entry = files.manifest.Find(path);
  if (entry == nullptr) return Refused("charter.file-missing", "the charter has no file '" + path + "'");
  return files.read(entry->digest, bytes_max);
}

using Blobs = std::map<std::string, std::string>;

// The files of the first release that properties speak about, once its digest is the charter's.
Result<Blobs> ReadBaseline(const charter::Charter& charter, const std::string& directory) {
  Blobs blobs;
  Result<subject::Manifest> manifest =
      subject::ReadTree(directory, charter.subject.limits,
                        [&](const std::string& path, std::string_view bytes) -> Result<crypto::Digest> {
                          for (const charter::Property& property : charter.properties) {
                            if (property.network == path) blobs[path] = std::string(bytes);
                          }
                          return crypto::Sha256(bytes);
                        });
  if (!manifest.ok()) return manifest.error();
  const crypto::Digest digest = subject::ManifestDigest(*manifest);
  if (digest != charter.subject.baseline) {
    return Refused("charter.baseline",
                   PositionPrefix(charter.subject.position) + "the baseline is " + charter.subject.baseline.Text() +
                       ", and '" + directory + "' is " + digest.Text(),
                   "name the right directory, or mend subject.baseline");
  }
  return blobs;
}

// An editor's byte order mark is invisible, and no format of ours has one.
Result<void> CheckByteOrderMarks(const std::string& directory) {
  std::error_code failure;
  for (const fs::directory_entry& entry : fs::directory_iterator(directory, failure)) {
    const std::string name = entry.path().filename().string();
    if (name != charter::kCharterFile && name.find("signers") == std::string::npos) continue;
    Result<std::string> text = storage::ReadNamedFile(entry.path().string(), size_t{1} << 20);
    if (!text.ok() || !text->starts_with("\xEF\xBB\xBF")) continue;  // whoever reads it says what else is wrong
    return Malformed("charter.byte-order-mark", name + " begins with a byte order mark, the bytes EF BB BF",
                     "save it as UTF-8 without one, or drop the bytes: tail -c +4 " + name);
  }
  return {};
}

// What `pawl charter new` left open, all of it at once.
Result<void> CheckFilledIn(const std::string& directory) {
  Result<std::string> text = storage::ReadNamedFile(directory + "/" + charter::kCharterFile, size_t{1} << 20);
  if (!text.ok()) return {};  // whoever reads the whole directory says what is wrong with it
  std::string open;
  size_t count = 0, number = 0;
  std::istringstream lines(*text);
  for (std::string line; std::getline(lines, line);) {
    ++number;
    if (line.find("\"FILL IN\"") == std::string::npos) continue;
    ++count;
    open += (count == 1 ? " " : "; ") + std::string(charter::kCharterFile) + ":" + std::to_string(number) + ": " +
            line.substr(std::min(line.find_first_not_of(" \t"), line.size()));
  }
  if (count == 0) return {};
  return Error{ErrorCode::kMalformed, "charter.to-fill-in",
               std::to_string(count) + (count == 1 ? " value is" : " values are") + " still to be filled in:" + open,
               "people's keys and the gate's: pawl key new NAME prints one"};
}

class PropertyChecker {
 public:
  PropertyChecker(const charter::Property& rule, const CheckOptions& options) : rule_(rule), options_(options) {
    report_.name = rule.name;
  }

  Result<PropertyReport> Check(const warrant::CharterFiles& files, const Blobs& baseline,
                               std::vector<std::string>& warnings) {
    Result<std::string> spec = ReadCharterFile(files, rule_.spec, model::PropertyLimits{}.bytes_max);
    if (!spec.ok()) return spec.error();
    Result<model::Property> property = model::ReadVnnlib(*spec, model::PropertyLimits{});
    if (!property.ok()) return property.error();
    property_ = std::move(*property);
    report_.words = PropertyWords(property_);
    if (rule_.drift_within > 0) CheckDriftSpeaks(warnings);
    std::optional<model::Network> shape;
    if (rule_.falsified_by) {
      Result<std::string> bytes = ReadCharterFile(files, *rule_.falsified_by, model::NetworkLimits{}.bytes_max);
      if (!bytes.ok()) return bytes.error();
      Result<model::Network> mutant = model::ReadOnnx(storage::AsBytes(*bytes), model::NetworkLimits{});
      if (!mutant.ok()) return mutant.error();
      if (Result<void> checked = CheckMutant(*mutant); !checked.ok()) return checked.error();
      shape = std::move(*mutant);
    } else {
      warnings.push_back("property '" + rule_.name + "' names no falsified_by: nothing shows that it can fail");
    }
    if (!options_.baseline.empty()) {
      Result<model::Network> network = CheckBaseline(baseline, warnings);
      if (!network.ok()) return network.error();
      shape = std::move(*network);
    }
    if (shape) CheckWeight(*shape, warnings);
    if (!report_.counterexample.empty()) {
      report_.findings.push_back("it can fail: '" + *rule_.falsified_by + "' violates it, for example at");
    }
    return std::move(report_);
  }

 private:
  enum class ProofOf { kProperty, kDriftFromItself };

  prover::ProofResult Prove(const model::Network& network, ProofOf of = ProofOf::kProperty) const {
    prover::ProofRequest request;
    request.network = &network;
    if (of == ProofOf::kDriftFromItself) {
      request.baseline = &network;
      request.within = *model::Decimal::Parse(encoding::NumberText(rule_.drift_within), 20);
    }
    request.property = &property_;
    request.arithmetic = ArithmeticOf(rule_);
    request.timeout_ms = static_cast<uint64_t>(options_.seconds_max * 1000);
    request.threads = options_.threads;
    return prover::Prove(request);
  }

  Result<void> CheckMutant(const model::Network& mutant) {
    const prover::ProofResult result = Prove(mutant);
    switch (result.status) {
      case prover::ProofStatus::kViolated:
        report_.counterexample = CounterexampleTable(property_, result.counterexample);
        return {};
      case prover::ProofStatus::kProven:
        return Refused("charter.mutant-holds",
                       PositionPrefix(rule_.position) + "'" + *rule_.falsified_by + "' satisfies property '" +
                           rule_.name + "', so it does not show that the property can fail",
                       "name a network that violates it, or mend the specification");
      case prover::ProofStatus::kUnknown:
        break;
    }
    return Refused("charter.mutant-unclear",
                   PositionPrefix(rule_.position) + "no violation of property '" + rule_.name + "' by '" +
                       *rule_.falsified_by + "' was found: " + result.detail,
                   "name a network that violates it plainly, or give more time: --seconds");
  }

  Result<model::Network> CheckBaseline(const Blobs& baseline, std::vector<std::string>& warnings) {
    const auto blob = baseline.find(rule_.network);
    const auto refuse = [&](const char* rule, const std::string& message, const std::string& advice) {
      return Refused(rule, PositionPrefix(rule_.position) + message, advice);
    };
    if (blob == baseline.end()) {
      return refuse("charter.baseline-network", "the baseline has no file '" + rule_.network + "'",
                    "mend the property's network");
    }
    Result<model::Network> network = model::ReadOnnx(storage::AsBytes(blob->second), model::NetworkLimits{});
    if (!network.ok()) return network.error();
    if (Result<void> fits = model::CheckFits(*network, property_); !fits.ok()) {
      return refuse("charter.baseline-network", fits.error().message, fits.error().advice);
    }
    const prover::ProofResult result = Prove(*network);
    switch (result.status) {
      case prover::ProofStatus::kProven:
        report_.findings.push_back("the baseline satisfies it (proven, " + std::to_string(result.statistics.leaves) +
                                   (result.statistics.leaves == 1 ? " leaf)" : " leaves)"));
        break;
      case prover::ProofStatus::kViolated:
        return refuse("charter.baseline-violates",
                      "the baseline itself violates property '" + rule_.name + "', so nothing could ever be released",
                      "pawl prove shows where; mend the network or the specification");
      case prover::ProofStatus::kUnknown:
        warnings.push_back("property '" + rule_.name + "' was neither proven nor violated for the baseline in " +
                           PlainNumber(options_.seconds_max) + " s: " + result.detail);
    }
    if (rule_.drift_within > 0) CheckDriftProvable(*network, warnings);
    return network;
  }

  // Where an input has one value in every case, nothing is asked of drift anywhere else.
  void CheckDriftSpeaks(std::vector<std::string>& warnings) const {
    constexpr size_t kNamedMax = 5;
    std::string fixed;
    size_t count = 0;
    for (size_t i = 0; i < property_.input_count; ++i) {
      const model::Decimal& value = property_.cases.front().box[i].lower;
      const bool varies = std::ranges::any_of(property_.cases, [&](const model::Case& one) {
        return one.box[i].lower != value || one.box[i].upper != value;
      });
      if (!varies && ++count <= kNamedMax) fixed += (count == 1 ? "X_" : ", X_") + std::to_string(i);
    }
    if (count == 0) return;
    if (count > kNamedMax) fixed += " and " + std::to_string(count - kNamedMax) + " more";
    warnings.push_back("property '" + rule_.name + "': drift within " + PlainNumber(rule_.drift_within) +
                       (count == property_.input_count
                            ? " is asked at a single point: candidates may differ as they like beside it"
                            : " is asked for one value of " + fixed + " alone: elsewhere candidates may differ"));
  }

  // What cannot be proven of the baseline beside itself can hardly be of any candidate.
  void CheckDriftProvable(const model::Network& network, std::vector<std::string>& warnings) {
    const prover::ProofResult result = Prove(network, ProofOf::kDriftFromItself);
    const std::string within = "drift within " + PlainNumber(rule_.drift_within);
    if (result.status == prover::ProofStatus::kProven) {
      report_.findings.push_back(within + " can be proven of such a network: of the baseline beside itself it is");
      return;
    }
    warnings.push_back("property '" + rule_.name + "': " + within +
                       " is not proven even of the baseline beside itself in " + PlainNumber(options_.seconds_max) +
                       " s, so hardly of any candidate: " + result.detail);
  }

  // Whether networks that nobody trained satisfy it as well.
  void CheckWeight(const model::Network& shape, std::vector<std::string>& warnings) {
    const RandomTrial trial = TryRandomNetworks({.shape = &shape,
                                                 .property = &property_,
                                                 .arithmetic = ArithmeticOf(rule_),
                                                 .networks = 100,
                                                 .seed = options_.seed,
                                                 .seconds_max = options_.seconds_max});
    if (trial.violated) {
      report_.findings.push_back("it says something: a network of this shape with random weights violates it");
      return;
    }
    warnings.push_back("property '" + rule_.name + "' says little: none of " + std::to_string(trial.sampled) +
                       " networks with random weights was seen to violate it (" + std::to_string(trial.proven) +
                       " were proven to satisfy it)");
  }

  const charter::Property& rule_;
  const CheckOptions& options_;
  model::Property property_;
  PropertyReport report_;
};

// What depends on this machine or on work still to do.
void CheckEvaluator(const warrant::CharterFiles& files, std::vector<std::string>& warnings) {
  const charter::Evaluation& evaluation = files.charter.evaluation;
  if (evaluation.command.empty()) return;
  if (Result<std::string> program = trial::ResolveEvaluator(evaluation.command); !program.ok()) {
    warnings.push_back("the evaluator cannot run on this machine: " + program.error().message);
  }
  for (const std::string& path : evaluation.closure) {
    std::error_code failure;
    if (!fs::exists(path, failure)) warnings.push_back("'" + path + "' of the closure does not exist on this machine");
  }
  for (const std::string& word : evaluation.command) {
    const subject::FileEntry* entry = files.manifest.Find(word);
    if (entry == nullptr) continue;
    Result<std::string> bytes = files.read(entry->digest, uint64_t{1} << 24);
    if (bytes.ok() && bytes->find(kPlaceholderMark) != std::string::npos) {
      warnings.push_back("'" + word + "' is still the placeholder, which gives every candidate the worst values: " +
                         "nothing can be accepted until it is replaced");
    }
  }
}

// What the evaluator in Python is made of has to be the charter's and the system's.
Result<void> CheckScorer(const warrant::CharterFiles& files, std::vector<std::string>& warnings) {
  const charter::Charter& charter = files.charter;
  // Nobody tries anything, or whoever does it does not see the subject's files.
  if (charter.evaluation.command.empty() || !charter.evaluation.subject_command.empty()) return {};
  Result<oversight::ScorerImports> imports = oversight::ReadScorerImports(files, charter.evaluation.command);
  if (!imports.ok()) return imports.error();
  for (const charter::SurfaceEntry& entry : charter.surface) {
    const std::string& path = entry.rule.path;
    const auto refuse = [&](const std::string& words, const std::string& advice) {
      return Refused("charter.scorer-import",
                     PositionPrefix(entry.position) + "'" + path + "' may change, and could answer " + words, advice);
    };
    if (imports->widened && oversight::IsPythonCode(path)) {
      return refuse(
          "any import of the evaluator's, which may look for modules beside the charter's: " + imports->widened->Text(),
          "start it as [\"python3\", \"FILE\"], a file of the charter with its modules beside it, and leave " +
              std::string("sys.path alone; or use evaluation.subject_command"));
    }
    for (const oversight::ScorerImport& import : imports->outside) {
      if (path.find_first_of("*?") != std::string::npos) continue;  // the gate looks at what comes
      if (!oversight::SuppliesModule(path, import.module)) continue;
      return refuse(
          "the evaluator's \"import " + import.module + "\" (" + import.file + ":" + std::to_string(import.line) + ")",
          "put the module into the charter, beside the evaluator (a folder with its __init__.py), rename " +
              std::string("the subject's file, or use subject_command"));
    }
  }
  for (const oversight::ScorerReach& reach : imports->reaches) {
    warnings.push_back(reach.Text() +
                       ": whatever of the subject it runs or loads can change its own score; read it, or use "
                       "evaluation.subject_command");
  }
  if (imports->widened) {
    warnings.push_back("every change of code is refused at the gate, because of " + imports->widened->Text() +
                       ": start the evaluator as [\"python3\", \"FILE\"], with its modules beside FILE");
  }
  if (!imports->unread.empty()) {
    warnings.push_back("what '" + imports->unread +
                       "' starts or brings in is not followed: see that nothing of it is " + "the subject's");
  }
  return {};
}

// Times of keys pass, while the charter stays what it is.
Result<void> CheckSignersNow(const charter::Charter& charter, int64_t now_s, std::vector<std::string>& warnings) {
  std::set<std::string> able;
  for (const crypto::AllowedSigner& signer : charter.approval.signers) {
    const std::string key =
        "the key of '" + signer.principal + "' in line " + std::to_string(signer.line) + " of the approvers' file ";
    if (signer.valid_before_s && *signer.valid_before_s < now_s) {
      warnings.push_back(key + "expired at " + encoding::TimeText(*signer.valid_before_s) + ": it approves nothing");
    } else if (signer.valid_after_s && *signer.valid_after_s > now_s) {
      warnings.push_back(key + "is valid from " + encoding::TimeText(*signer.valid_after_s) + " on, and not yet");
    } else {
      able.insert(signer.principal);
    }
  }
  const int64_t needed = std::max(charter.amendment.threshold, charter.approval.threshold);
  if (static_cast<int64_t>(able.size()) >= needed) return {};
  const std::string have = able.empty() ? "nobody" : "only " + std::to_string(able.size());
  return Refused("charter.expired-keys",
                 have + " of those who approve has a key that is valid now, and " + std::to_string(needed) +
                     (needed == 1 ? " is" : " are") + " needed" + (warnings.empty() ? "" : ": " + warnings.back()),
                 "give them keys that are valid now: valid-after and valid-before in the approvers' file");
}

// The same of reviewers, and of what will run out soon.
Result<void> CheckEndsNow(const charter::CharterFiles& files, int64_t now_s, std::vector<std::string>& warnings) {
  const Result<oversight::KeyTerms> terms = oversight::ReadKeyTerms(files);
  if (!terms.ok()) return terms.error();
  for (const charter::QuorumRule& rule : files.charter.quorum) {
    std::set<std::string> able;
    for (const charter::Reviewer& reviewer : files.charter.reviewers) {
      const auto term = terms->find(reviewer.name);
      if (reviewer.role == rule.role && (term == terms->end() || term->second >= now_s))
        able.insert(reviewer.principal);
    }
    if (static_cast<int64_t>(able.size()) >= rule.at_least) continue;
    return Refused("charter.expired-keys",
                   "the keys of role " + std::string(charter::RoleName(rule.role)) +
                       " that have not run out belong to " + std::to_string(able.size()) + " principals, and " +
                       std::to_string(rule.at_least) + " are needed",
                   "give them later ends in reviewers.toml, or other keys: pawl key rotate");
  }
  const Result<std::vector<oversight::KeyEnd>> ends = oversight::KeyEnds(files);
  if (!ends.ok()) return ends.error();
  for (const oversight::KeyEnd& end : *ends) {
    const bool is_said_already = end.is_person && end.at < now_s;
    const std::string warning = is_said_already ? "" : oversight::WarnOfEnd(end, now_s);
    if (!warning.empty()) warnings.push_back(warning);
  }
  return {};
}

void WarnOfKeys(const charter::Charter& charter, std::vector<std::string>& warnings) {
  const bool has_keys = std::any_of(charter.surface.begin(), charter.surface.end(),
                                    [](const charter::SurfaceEntry& entry) { return entry.keys_file.has_value(); });
  if (has_keys && charter.FindQuorum(charter::Role::kIntegrity) == nullptr) {
    warnings.push_back("keys of JSON files are checked by the gate alone: the quorum asks for no integrity reviewer");
  }
}

// Without trials whatever a charter leaves open is seen by nobody.
void WarnOfUntried(const charter::Charter& charter, std::vector<std::string>& warnings) {
  if (!charter.evaluation.command.empty()) return;
  warnings.push_back(
      "no trial is asked for: outside the boxes of the properties nothing is shown about a change, by anybody");
  for (const charter::SurfaceEntry& entry : charter.surface) {
    if (entry.rule.max_parameters || entry.rule.max_bytes) continue;
    warnings.push_back("'" + entry.rule.path + "' may grow to " +
                       std::to_string(charter.subject.limits.file_bytes_max) +
                       " bytes, and no trial would notice: give its rule max_parameters");
  }
  for (const charter::Property& property : charter.properties) {
    if (property.falsified_by) continue;
    warnings.push_back("property '" + property.name +
                       "' has no mutant that shows that it can fail, and no trial stands beside it: falsified_by");
  }
}

// A test suite that runs the candidate's code in its own process can be made to pass by it.
Result<void> WarnOfCode(const warrant::CharterFiles& files, const charter::CodeProperty& property,
                        std::vector<std::string>& warnings) {
  if (property.kind != charter::CodePropertyKind::kCommand) return {};
  Result<oversight::ScorerImports> imports = oversight::ReadScorerImports(files, property.command);
  if (!imports.ok()) return imports.error();
  if (imports->reaches.empty()) return {};
  const oversight::ScorerReach& reach = imports->reaches.front();
  warnings.push_back("property '" + property.name + "': " + reach.Text() +
                     ": code of the candidate that runs in the checker's own process can make it pass");
  return {};
}

}  // namespace

Result<void> CheckKeysNow(const charter::CharterFiles& files, int64_t now_s, std::vector<std::string>& warnings) {
  Result<void> signers = CheckSignersNow(files.charter, now_s, warnings);
  return signers.ok() ? CheckEndsNow(files, now_s, warnings) : signers;
}

Result<CharterReport> CheckCharter(const std::string& directory, const CheckOptions& options,
                                   const std::function<void(const std::string&)>& progress) {
  if (Result<void> plain = CheckByteOrderMarks(directory); !plain.ok()) return plain.error();
  if (Result<void> filled = CheckFilledIn(directory); !filled.ok()) return filled.error();
  Result<warrant::CharterFiles> files = warrant::ReadCharterFiles(directory);
  if (!files.ok()) return files.error();
  if (Result<void> keys = oversight::CheckReviewersFiles(*files); !keys.ok()) return keys.error();
  const charter::Charter& charter = files->charter;
  CharterReport report;
  report.digest = charter.digest.Text();
  Result<TrialSize> size = SizeOfTrial(*files);
  if (!size.ok()) return size.error();
  if (Result<void> fits = CheckGroupShares(charter, options.group_shares); !fits.ok()) return fits.error();
  Result<Feasibility> feasibility = CheckFeasibility(charter, *size, options.group_shares);
  if (!feasibility.ok()) return feasibility.error();
  report.feasibility = std::move(feasibility->lines);
  report.warnings = std::move(feasibility->warnings);
  CheckEvaluator(*files, report.warnings);
  if (Result<void> now = CheckKeysNow(*files, std::time(nullptr), report.warnings); !now.ok()) return now.error();
  if (Result<void> scorer = CheckScorer(*files, report.warnings); !scorer.ok()) return scorer.error();
  WarnOfKeys(charter, report.warnings);
  WarnOfUntried(charter, report.warnings);
  report.tolerance = TolerateFaults(charter);
  const std::vector<std::string>& points = report.tolerance.single_points;
  report.warnings.insert(report.warnings.end(), points.begin(), points.end());
  if (const charter::QuorumRule* critics = charter.FindQuorum(charter::Role::kCritic);
      critics && critics->at_least > 0) {
    report.warnings.push_back("critics' votes for are needed: whoever persuades the model has its vote");
  }
  Blobs baseline;
  if (!options.baseline.empty()) {
    Result<Blobs> read = ReadBaseline(charter, options.baseline);
    if (!read.ok()) return read.error();
    baseline = std::move(*read);
  }
  Result<charter::ProgramRules> programs = charter::ReadProgramRules(*files);
  if (!programs.ok()) return programs.error();
  report.sections = CharterWords(charter, programs->accepted);
  if (charter.properties.empty() && programs->properties.empty()) {
    report.warnings.push_back("no property is to be proven: everything rests on trial, reviewers and people");
  }
  for (const charter::Property& property : charter.properties) {
    if (progress) progress("property " + property.name);
    Result<PropertyReport> checked = PropertyChecker(property, options).Check(*files, baseline, report.warnings);
    if (!checked.ok()) return checked.error();
    report.properties.push_back(std::move(*checked));
  }
  for (const charter::CodeProperty& property : programs->properties) {
    if (Result<void> checked = WarnOfCode(*files, property, report.warnings); !checked.ok()) return checked.error();
    std::string command;
    for (const std::string& word : property.command) command += (command.empty() ? "" : " ") + word;
    report.properties.push_back(
        {.name = property.name,
         .words = {property.kind == charter::CodePropertyKind::kSmt
                       ? "z3 and cvc5 both say that " + property.spec + " cannot be satisfied"
                       : "`" + command + "` ends with status 0, in the sandbox"},
         .findings =
             {"not proven: it counts as checked by each prover that votes for a candidate, and no loader sees it"},
         .counterexample = {}});
  }
  return report;
}

}  // namespace pawl::authoring
