#include "cli/prove_family.h"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <map>
#include <vector>

#include "authoring/property_words.h"
#include "charter/charter.h"
#include "charter/program_rules.h"
#include "cli/family_bar.h"
#include "cli/proof_words.h"
#include "encoding/number.h"
#include "prover/family.h"
#include "prover/parent.h"
#include "storage/named_file.h"
#include "subject/tree_reader.h"

namespace pawl::cli {
namespace {

struct FamilyFiles {
  charter::CharterFiles charter;
  crypto::Digest tree;
  // That properties are about, by their paths: the candidate's and the baseline's.
  std::map<std::string, std::string> networks, baselines;
  size_t of_code = 0;  // properties that are not for this command
};

// Gives the tree's digest.
Result<crypto::Digest> ReadNetworks(const charter::Charter& charter, const std::string& folder,
                                    std::map<std::string, std::string>& networks) {
  Result<subject::Manifest> tree = subject::ReadTree(
      folder, charter.subject.limits, [&](const std::string& path, std::string_view bytes) -> Result<crypto::Digest> {
        for (const charter::Property& property : charter.properties)
          if (property.network == path) networks[path] = std::string(bytes);
        return crypto::Sha256(bytes);
      });
  return tree.ok() ? Result<crypto::Digest>(subject::ManifestDigest(*tree)) : tree.error();
}

// What the charter measures drift from; nothing where it asks for no proof of it.
Result<void> ReadFamilyBaseline(const FamilyOptions& options, FamilyFiles& files) {
  const charter::Charter& charter = files.charter.charter;
  const bool is_asked = std::any_of(charter.properties.begin(), charter.properties.end(),
                                    [](const charter::Property& property) { return property.drift_within > 0; });
  if (options.baseline.empty() && is_asked)
    return Error{ErrorCode::kUsage, "prove.baseline", "the charter wants drift from the baseline proven",
                 "give the first release's folder: --baseline DIR"};
  if (options.baseline.empty()) return {};
  const Result<crypto::Digest> tree = ReadNetworks(charter, options.baseline, files.baselines);
  if (!tree.ok()) return tree.error();
  if (*tree != charter.subject.baseline)
    return Refused("prove.baseline", "the charter's baseline is " + charter.subject.baseline.Text() + ", and '" +
                                         options.baseline + "' is " + tree->Text());
  return {};
}

Result<FamilyFiles> ReadFamilyFiles(const FamilyOptions& options) {
  FamilyFiles files;
  Result<charter::CharterFiles> charter = charter::ReadCharterFiles(options.charter);
  if (!charter.ok()) return charter.error();
  files.charter = std::move(*charter);
  Result<charter::ProgramRules> programs = charter::ReadProgramRules(files.charter);
  if (!programs.ok()) return programs.error();
  files.of_code = programs->properties.size();
  Result<crypto::Digest> tree = ReadNetworks(files.charter.charter, options.candidate, files.networks);
  if (!tree.ok()) return tree.error();
  files.tree = *tree;
  if (Result<void> baseline = ReadFamilyBaseline(options, files); !baseline.ok()) return baseline.error();
  return files;
}

// One property's question and answer. The request points into it.
struct Member {
  const charter::Property* rule = nullptr;
  bool is_drift = false;  // asked: drift from the baseline on the property's boxes
  model::Property property;
  prover::ProofRequest request;
  std::optional<prover::Parent> parent;
  std::string parent_unfit;  // why the parent's certificate was not used
  prover::ProofResult result;
  std::optional<prover::WidestProof> widest;
  std::vector<checker::TensorRadius> radii;  // that were asked for, or found
};

std::string CertificatePath(const std::string& folder, const Member& member) {
  return folder + "/" + member.rule->name + (member.is_drift ? ".drift.cert" : ".cert");
}

std::string MemberName(const Member& member) { return member.rule->name + (member.is_drift ? ", drift" : ""); }

Error InProperty(const charter::Property& rule, Error error) {
  error.message = "'" + rule.name + "': " + error.message;
  return error;
}

Result<void> ReadMember(const FamilyOptions& options, const FamilyFiles& files, prover::Family& family,
                        Member& member) {
  const charter::Property& rule = *member.rule;
  const auto network_bytes = files.networks.find(rule.network);
  if (network_bytes == files.networks.end())
    return Refused("prove.network", "the candidate has no file '" + rule.network + "'");
  const subject::FileEntry* spec = files.charter.manifest.Find(rule.spec);
  if (spec == nullptr) return Refused("charter.file-missing", "the charter has no file '" + rule.spec + "'");
  const Result<std::string> text = files.charter.read(spec->digest, model::PropertyLimits{}.bytes_max);
  if (!text.ok()) return text.error();
  Result<model::Property> property = model::ReadVnnlib(*text, model::PropertyLimits{});
  if (!property.ok()) return property.error();
  member.property = std::move(*property);
  member.request.network_digest = crypto::Sha256(network_bytes->second).bytes;
  Result<const model::Network*> network =
      family.Read(member.request.network_digest, storage::AsBytes(network_bytes->second));
  if (!network.ok()) return network.error();
  if (Result<void> fits = model::CheckFits(**network, member.property); !fits.ok()) return fits.error();
  member.request.network = *network;
  member.request.property = &member.property;
  member.request.property_digest = crypto::Sha256(*text).bytes;
  member.request.arithmetic =
      rule.arithmetic == charter::Arithmetic::kReal ? checker::Arithmetic::kReal : checker::Arithmetic::kFloat32;
  member.request.timeout_ms =
      static_cast<uint64_t>(1000 * options.timeout_s.value_or(static_cast<double>(rule.time_limit_s)));
  member.request.threads = options.threads;
  member.request.memory_mib_max = options.memory_mib;
  if (!member.is_drift) return {};
  const auto baseline_bytes = files.baselines.find(rule.network);
  if (baseline_bytes == files.baselines.end())
    return Refused("prove.network", "the baseline has no file '" + rule.network + "'");
  member.request.baseline_digest = crypto::Sha256(baseline_bytes->second).bytes;
  Result<const model::Network*> baseline =
      family.Read(member.request.baseline_digest, storage::AsBytes(baseline_bytes->second));
  if (!baseline.ok()) return baseline.error();
  if (Result<void> fits = model::CheckFits(**baseline, member.property); !fits.ok()) return fits.error();
  member.request.baseline = *baseline;
  Result<model::Decimal> within = model::Decimal::Parse(encoding::NumberText(rule.drift_within), 20);
  if (!within.ok()) return within.error();
  member.request.within = std::move(*within);
  return {};
}

// No certificate in the folder, or one that does not fit, is no error: the search then begins with nothing.
void ReadFamilyParent(const FamilyOptions& options, Member& member) {
  std::error_code ignored;
  const std::string path = options.parents.empty() || member.is_drift ? "" : CertificatePath(options.parents, member);
  if (path.empty() || !std::filesystem::exists(path, ignored)) return;
  Result<std::string> bytes = storage::ReadNamedFile(path, checker::CertificateLimits().bytes_max);
  if (!bytes.ok()) {
    member.parent_unfit = bytes.error().message;
    return;
  }
  Result<prover::Parent> parent = prover::ReadParent(storage::AsBytes(*bytes), member.request);
  if (!parent.ok()) {
    member.parent_unfit = parent.error().message;
    return;
  }
  member.parent = std::move(*parent);
  member.request.parent = &*member.parent;
}

Result<void> SearchMember(const std::optional<RadiusChoice>& radius, prover::Family& family, Member& member) {
  const std::string name = MemberName(member);
  if (member.is_drift) {
    member.result = family.Prove(name, member.request);
    return {};
  }
  if (radius && radius->widest) {
    member.widest = family.ProveWidest(name, member.request, {});
    member.result = std::move(member.widest->result);
    const prover::WeightRadius proven{member.widest->share, prover::RadiusUnit::kShare};
    if (proven.value > 0) member.radii = prover::RadiiFor(*member.request.network, proven);
    return {};
  }
  if (radius) {
    member.request.radii = member.radii = prover::RadiiFor(*member.request.network, radius->radius);
    if (member.radii.empty())
      return Refused("prove.weight-radius", "no tensor of the network can have a weight radius",
                     "weights and biases of Gemm, MatMul and Conv can, where the file holds them as raw data");
  }
  member.result = family.Prove(name, member.request);
  return {};
}

Result<void> WriteMember(const FamilyOptions& options, const Member& member) {
  if (options.certificates.empty() || member.result.status != prover::ProofStatus::kProven) return {};
  const std::vector<uint8_t>& bytes = member.result.certificate;
  return storage::WriteNamedFile(CertificatePath(options.certificates, member),
                                 {reinterpret_cast<const char*>(bytes.data()), bytes.size()});
}

encoding::Json MemberJson(const Member& member) {
  const prover::ProofResult& result = member.result;
  encoding::Json json = {{"name", member.rule->name},
                         {"network_file", member.rule->network},
                         {"status", StatusName(result.status)},
                         {"arithmetic", authoring::ArithmeticName(member.request.arithmetic)},
                         {"network", crypto::Digest{member.request.network_digest}.Text()},
                         {"property", crypto::Digest{member.request.property_digest}.Text()},
                         {"boxes", result.statistics.boxes},
                         {"leaves", result.statistics.leaves},
                         {"seconds", result.statistics.seconds}};
  if (member.is_drift) {
    json["baseline"] = crypto::Digest{member.request.baseline_digest}.Text();
    json["within"] = member.request.within.ToString();
  }
  switch (result.status) {
    case prover::ProofStatus::kProven:
      json["certificate_bytes"] = result.certificate.size();
      break;
    case prover::ProofStatus::kViolated:
      json["inputs"] = result.counterexample.inputs;
      json["outputs"] = result.counterexample.outputs;
      if (member.is_drift) json["baseline_outputs"] = result.counterexample.baseline_outputs;
      json["table"] = authoring::CounterexampleTable(member.property, result.counterexample);
      break;
    case prover::ProofStatus::kUnknown:
      json["reason"] = ReasonName(result.reason);
      json["detail"] = result.detail;
      break;
  }
  if (member.parent) json["parent"] = {{"leaves", result.statistics.parent_leaves}, {"kept", result.statistics.kept}};
  if (!member.parent_unfit.empty()) json["parent_unfit"] = member.parent_unfit;
  if (!member.radii.empty() || member.widest)
    json["weight_radius"] = RadiiJson(member.radii, member.widest ? &*member.widest : nullptr);
  return json;
}

void ShowMember(const Member& member, size_t name_width) {
  const prover::ProofResult& result = member.result;
  std::printf("%-*s %-9s %9.3f s %10llu", static_cast<int>(name_width), Shown(MemberName(member)).c_str(),
              std::string(StatusName(result.status)).c_str(), result.statistics.seconds,
              static_cast<unsigned long long>(result.statistics.leaves));
  if (member.parent)
    std::printf(", of the parent's %llu hold %llu", static_cast<unsigned long long>(result.statistics.parent_leaves),
                static_cast<unsigned long long>(result.statistics.kept));
  if (member.widest && result.status == prover::ProofStatus::kProven)
    std::printf(", radius %s", PercentText(member.widest->share).c_str());
  std::puts("");
  if (!member.parent_unfit.empty()) std::printf("  searched from scratch: %s\n", Shown(member.parent_unfit).c_str());
  if (result.status == prover::ProofStatus::kUnknown)
    std::printf("  %s: %s\n", std::string(ReasonName(result.reason)).c_str(), Shown(result.detail).c_str());
  if (result.status == prover::ProofStatus::kViolated)
    for (const std::string& line : authoring::CounterexampleTable(member.property, result.counterexample))
      std::printf("  %s\n", line.c_str());
  std::fflush(stdout);
}

}  // namespace

ExitCode ProveFamily(const Globals& globals, const FamilyOptions& options) {
  const auto start = std::chrono::steady_clock::now();
  std::optional<RadiusChoice> radius;
  if (options.weight_radius) {
    const Result<RadiusChoice> choice = ParseRadius(*options.weight_radius);
    if (!choice.ok()) return Fail(globals, choice.error());
    radius = *choice;
    if (radius->widest && options.timeout_s && *options.timeout_s == 0)
      return Fail(globals, {ErrorCode::kUsage, "prove.weight-radius",
                            "the largest radius is looked for until a time limit", "give a --timeout"});
  }
  const Result<FamilyFiles> files = ReadFamilyFiles(options);
  if (!files.ok()) return Fail(globals, files.error());
  const std::vector<charter::Property>& rules = files->charter.charter.properties;
  if (!options.certificates.empty()) {
    std::error_code failure;
    std::filesystem::create_directories(options.certificates, failure);
    if (failure)
      return Fail(globals, SystemFailure("prove.certificate", options.certificates + ": " + failure.message()));
  }
  // The charter's properties, then drift, as in a candidate statement.
  std::vector<std::pair<const charter::Property*, bool>> asked;
  for (const charter::Property& rule : rules) asked.emplace_back(&rule, false);
  for (const charter::Property& rule : rules) {
    const auto network = files->networks.find(rule.network), from = files->baselines.find(rule.network);
    const bool is_baseline =
        network != files->networks.end() && from != files->baselines.end() && network->second == from->second;
    if (rule.drift_within > 0 && !is_baseline) asked.emplace_back(&rule, true);
  }
  size_t name_width = 8;
  for (const auto& [rule, is_drift] : asked)
    name_width = std::max(name_width, rule->name.size() + (is_drift ? std::string_view(", drift").size() : 0));
  const FamilyBar bar(globals);
  prover::Family family(asked.size(), [&bar](const prover::FamilyProgress& progress) { bar.Show(progress); });
  ExitCode exit = ExitCode::kYes;
  size_t proven = 0;
  encoding::Json list = encoding::Json::array();
  for (const auto& [rule, is_drift] : asked) {
    Member member;
    member.rule = rule;
    member.is_drift = is_drift;
    if (Result<void> read = ReadMember(options, *files, family, member); !read.ok())
      return Fail(globals, InProperty(*rule, read.error()));
    ReadFamilyParent(options, member);
    if (Result<void> searched = SearchMember(radius, family, member); !searched.ok())
      return Fail(globals, InProperty(*rule, searched.error()));
    if (Result<void> written = WriteMember(options, member); !written.ok()) return Fail(globals, written.error());
    if (!globals.json) ShowMember(member, name_width);
    if (globals.json) list.push_back(MemberJson(member));
    proven += member.result.status == prover::ProofStatus::kProven ? 1 : 0;
    exit = Worst(exit, ExitOf(member.result));
  }
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  if (globals.json) {
    PrintJson({{"charter", files->charter.charter.digest.Text()},
               {"tree", files->tree.Text()},
               {"properties", list},
               {"properties_of_code", files->of_code},
               {"proven", proven},
               {"seconds", seconds}});
    return exit;
  }
  std::printf("%zu of %zu %s proven; %.2f s\n", proven, asked.size(),
              asked.size() == rules.size() ? "properties" : "properties and drifts", seconds);
  if (files->of_code > 0)
    std::printf("%zu more are about code: reviewers run them, this command does not\n", files->of_code);
  return exit;
}

}  // namespace pawl::cli
