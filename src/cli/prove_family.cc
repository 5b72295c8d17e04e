#include "cli/prove_family.h"

#include <chrono>
#include <cstdio>
#include <filesystem>
#include <map>
#include <vector>

#include "charter/charter.h"
#include "charter/program_rules.h"
#include "cli/family_bar.h"
#include "cli/proof_words.h"
#include "cli/property_words.h"
#include "prover/family.h"
#include "prover/parent.h"
#include "subject/tree_reader.h"

namespace pawl::cli {
namespace {

struct FamilyFiles {
  charter::CharterFiles charter;
  crypto::Digest tree;
  std::map<std::string, std::string> networks;  // that properties are about, by their paths
  size_t of_code = 0;                           // properties that are not for this command
};

Result<FamilyFiles> ReadFamilyFiles(const FamilyOptions& options) {
  FamilyFiles files;
  Result<charter::CharterFiles> charter = charter::ReadCharterFiles(options.charter);
  if (!charter.ok()) return charter.error();
  files.charter = std::move(*charter);
  Result<charter::ProgramRules> programs = charter::ReadProgramRules(files.charter);
  if (!programs.ok()) return programs.error();
  files.of_code = programs->properties.size();
  Result<subject::Manifest> tree =
      subject::ReadTree(options.candidate, files.charter.charter.subject.limits,
                        [&](const std::string& path, std::string_view bytes) -> Result<crypto::Digest> {
                          for (const charter::Property& property : files.charter.charter.properties)
                            if (property.network == path) files.networks[path] = std::string(bytes);
                          return crypto::Sha256(bytes);
                        });
  if (!tree.ok()) return tree.error();
  files.tree = subject::ManifestDigest(*tree);
  return files;
}

// One property's question and answer. The request points into it.
struct Member {
  const charter::Property* rule = nullptr;
  model::Property property;
  prover::ProofRequest request;
  std::optional<prover::Parent> parent;
  std::string parent_unfit;  // why the parent's certificate was not used
  prover::ProofResult result;
  std::optional<prover::WidestProof> widest;
  std::vector<checker::TensorRadius> radii;  // that were asked for, or found
};

std::string CertificatePath(const std::string& folder, const Member& member) {
  return folder + "/" + member.rule->name + ".cert";
}

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
  Result<const model::Network*> network = family.Read(member.request.network_digest, AsBytes(network_bytes->second));
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
  return {};
}

// No certificate in the folder, or one that does not fit, is no error: the search then begins with nothing.
void ReadFamilyParent(const FamilyOptions& options, Member& member) {
  std::error_code ignored;
  const std::string path = options.parents.empty() ? "" : CertificatePath(options.parents, member);
  if (path.empty() || !std::filesystem::exists(path, ignored)) return;
  Result<std::string> bytes = ReadWholeFile(path, checker::CertificateLimits().bytes_max);
  if (!bytes.ok()) {
    member.parent_unfit = bytes.error().message;
    return;
  }
  Result<prover::Parent> parent = prover::ReadParent(AsBytes(*bytes), member.request);
  if (!parent.ok()) {
    member.parent_unfit = parent.error().message;
    return;
  }
  member.parent = std::move(*parent);
  member.request.parent = &*member.parent;
}

Result<void> SearchMember(const std::optional<RadiusChoice>& radius, prover::Family& family, Member& member) {
  const std::string& name = member.rule->name;
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
  return WriteWholeFile(CertificatePath(options.certificates, member),
                        {reinterpret_cast<const char*>(bytes.data()), bytes.size()});
}

encoding::Json MemberJson(const Member& member) {
  const prover::ProofResult& result = member.result;
  encoding::Json json = {{"name", member.rule->name},
                         {"network_file", member.rule->network},
                         {"status", StatusName(result.status)},
                         {"arithmetic", ArithmeticName(member.request.arithmetic)},
                         {"network", crypto::Digest{member.request.network_digest}.Text()},
                         {"property", crypto::Digest{member.request.property_digest}.Text()},
                         {"boxes", result.statistics.boxes},
                         {"leaves", result.statistics.leaves},
                         {"seconds", result.statistics.seconds}};
  switch (result.status) {
    case prover::ProofStatus::kProven:
      json["certificate_bytes"] = result.certificate.size();
      break;
    case prover::ProofStatus::kViolated:
      json["inputs"] = result.counterexample.inputs;
      json["outputs"] = result.counterexample.outputs;
      json["table"] = CounterexampleTable(member.property, result.counterexample);
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
  std::printf("%-*s %-9s %9.3f s %10llu", static_cast<int>(name_width), Shown(member.rule->name).c_str(),
              std::string(StatusName(result.status)).c_str(), result.statistics.seconds,
              static_cast<unsigned long long>(result.statistics.leaves));
  if (member.parent) std::printf(", of the parent's %llu", static_cast<unsigned long long>(result.statistics.kept));
  if (member.widest && result.status == prover::ProofStatus::kProven)
    std::printf(", radius %s", PercentText(member.widest->share).c_str());
  std::puts("");
  if (!member.parent_unfit.empty()) std::printf("  searched from scratch: %s\n", Shown(member.parent_unfit).c_str());
  if (result.status == prover::ProofStatus::kUnknown)
    std::printf("  %s: %s\n", std::string(ReasonName(result.reason)).c_str(), Shown(result.detail).c_str());
  if (result.status == prover::ProofStatus::kViolated)
    for (const std::string& line : CounterexampleTable(member.property, result.counterexample))
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
  size_t name_width = 8;
  for (const charter::Property& rule : rules) name_width = std::max(name_width, rule.name.size());
  const FamilyBar bar(globals);
  prover::Family family(rules.size(), [&bar](const prover::FamilyProgress& progress) { bar.Show(progress); });
  ExitCode exit = ExitCode::kYes;
  size_t proven = 0;
  encoding::Json list = encoding::Json::array();
  for (const charter::Property& rule : rules) {
    Member member;
    member.rule = &rule;
    if (Result<void> read = ReadMember(options, *files, family, member); !read.ok())
      return Fail(globals, InProperty(rule, read.error()));
    ReadFamilyParent(options, member);
    if (Result<void> searched = SearchMember(radius, family, member); !searched.ok())
      return Fail(globals, InProperty(rule, searched.error()));
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
  std::printf("%zu of %zu properties proven; %.2f s\n", proven, rules.size(), seconds);
  if (files->of_code > 0)
    std::printf("%zu more are about code: reviewers run them, this command does not\n", files->of_code);
  return exit;
}

}  // namespace pawl::cli
