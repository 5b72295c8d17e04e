#include "charter/charter.h"

#include <algorithm>
#include <map>
#include <memory>
#include <set>

#include "charter/program_rules.h"
#include "charter/refusals.h"
#include "charter/toml_reader.h"
#include "encoding/utf8.h"

namespace pawl::charter {
namespace {

constexpr uint64_t kCharterBytesMax = uint64_t{1} << 20;
constexpr int64_t kDay_s = 86'400;
constexpr int64_t kYear_s = 365 * kDay_s;
constexpr IntegerRange kThreshold{1, kThresholdMax};
constexpr NumberRange kErrorRange{1e-12, 0.5};
constexpr NumberRange kAnyNumber{-1e12, 1e12};
constexpr char kUntried[] =
    "(harm, improvement, capability, drift, acceleration) is shown by trials alone, and there is no [evaluation]";
const std::vector<std::string_view> kRoles = {"prover", "evaluator", "integrity", "auditor", "critic", "peer"};

// Names appear in folders, commands, certificates and metrics.
std::string Name(TomlTable& table, const char* key) {
  const std::string name = table.String(key);
  if (!name.empty() && !encoding::IsName(name)) {
    table.Fail(key, "charter.name",
               "may have up to 64 of a-z, 0-9, '-', '_' and '.', beginning with a letter or digit");
  }
  return name;
}

crypto::NoteKey Key(TomlTable& table, const char* key, crypto::NoteKeyType type) {
  Result<crypto::NoteKey> parsed = crypto::NoteKey::Parse(table.String(key));
  if (parsed.ok() && parsed->type == type) return *parsed;
  table.Fail(key, "charter.key",
             type == crypto::NoteKeyType::kEd25519 ? "must be a verifier key of type 1 (Ed25519)"
                                                   : "must be a verifier key of type 4 (Ed25519 cosignature)",
             "copy the line that `pawl key new` printed: name+hash+base64");
  return NobodysKey();
}

Subject ReadSubject(TomlTable table) {
  Subject subject;
  subject.position = table.position();
  subject.name = Name(table, "name");
  subject.resource_uri = table.String("resource");
  subject.baseline = table.Digest("baseline");
  const subject::TreeLimits limits;
  const auto whole = [](uint64_t value) { return static_cast<int64_t>(value); };
  subject.limits.files_max = static_cast<uint64_t>(table.Integer("max_files", {1, 100'000}, whole(limits.files_max)));
  subject.limits.bytes_max =
      static_cast<uint64_t>(table.Integer("max_bytes", {1, int64_t{1} << 40}, whole(limits.bytes_max)));
  subject.limits.file_bytes_max =
      static_cast<uint64_t>(table.Integer("max_file_bytes", {1, int64_t{1} << 28}, whole(limits.file_bytes_max)));
  return subject;
}

SurfaceEntry ReadSurface(TomlTable table) {
  constexpr IntegerRange kCount{0, int64_t{1} << 40};
  SurfaceEntry entry;
  entry.position = table.position();
  entry.rule.path = table.String("path");
  if (const Result<void> glob = subject::CheckGlob(entry.rule.path); !glob.ok()) {
    table.Fail("path", "charter.surface-glob", "cannot match: " + glob.error().message, glob.error().advice);
  }
  const std::vector<std::string_view> kinds = {"network", "json", "text", "data", "any"};
  entry.rule.kind = static_cast<subject::SurfaceKind>(table.Word("kind", kinds));
  entry.rule.may_add = table.Boolean("may_add", false);
  entry.rule.may_remove = table.Boolean("may_remove", false);
  entry.rule.max_bytes = table.OptionalInteger("max_bytes", kCount);
  entry.rule.max_changed_lines = table.OptionalInteger("max_changed_lines", kCount);
  entry.rule.max_parameters = table.OptionalInteger("max_parameters", kCount);
  entry.rule.operators = table.Strings("operators", 200, Need::kOptional);
  entry.keys_file = table.OptionalString("keys");
  return entry;
}

// Properties of networks are the charter's; others go to `code`.
void ReadProperty(TomlTable table, std::vector<Property>& networks, std::vector<CodeProperty>& code) {
  const size_t kind = table.Word("kind", {"network", "command", "smt"}, 0);
  const std::string name = Name(table, "name");
  Property property;
  if (kind == 0) property.network = table.String("network");
  if (kind != 1) property.spec = table.String("spec");
  if (kind == 0) {
    property.arithmetic =
        table.Word("arithmetic", {"real", "float32"}, 1) == 0 ? Arithmetic::kReal : Arithmetic::kFloat32;
  }
  property.time_limit_s = table.Duration("time_limit", {1, 7 * kDay_s}, "10m");
  std::vector<std::string> command;
  if (kind == 1 || table.describing()) command = table.Strings("command", 64, Need::kRequired);
  if (kind != 0) {
    code.push_back({name, kind == 1 ? CodePropertyKind::kCommand : CodePropertyKind::kSmt, std::move(command),
                    property.spec, property.time_limit_s, table.position()});
    return;
  }
  property.falsified_by = table.OptionalString("falsified_by");
  property.drift_within = table.Number("drift_within", {1e-9, 1e9}, 0, "none");
  property.name = name;
  property.position = table.position();
  networks.push_back(std::move(property));
}

ProcessLimits ReadLimits(TomlTable table) {
  ProcessLimits limits;
  limits.wall_seconds = table.Integer("wall_seconds", {1, 7 * kDay_s});
  limits.cpu_seconds = table.Integer("cpu_seconds", {1, 7 * kDay_s}, limits.wall_seconds, "wall_seconds");
  limits.memory_mib = table.Integer("memory_mib", {16, 1 << 20});
  limits.processes = table.Integer("processes", {1, 4'096});
  limits.output_mib = table.Integer("output_mib", {1, 1 << 20}, 64);
  limits.files = table.Integer("files", {1, 100'000}, 1'000);
  return limits;
}

Improver ReadImprover(TomlTable table) {
  Improver improver;
  improver.position = table.position();
  improver.command = table.Strings("command", 100, Need::kRequired);
  improver.limits = ReadLimits(table.Table("limits", Need::kRequired));
  return improver;
}

Evaluation ReadEvaluation(TomlTable table) {
  Evaluation evaluation;
  evaluation.position = table.position();
  evaluation.command = table.Strings("command", 100, Need::kRequired);
  evaluation.subject_command = table.Strings("subject_command", 64, Need::kOptional);
  evaluation.limits = ReadLimits(table.Table("limits", Need::kRequired));
  evaluation.episodes = table.Integer("episodes", {1, 10'000'000});
  evaluation.probes = table.Integer("probes", {1, 10'000'000});
  evaluation.probes_file = table.OptionalString("probes_file");
  evaluation.closure = table.Strings("closure", 200, Need::kOptional);
  evaluation.groups = table.Strings("groups", 64, Need::kOptional);
  for (TomlTable& entry : table.Tables("metric", 64, Need::kRequired)) {
    Metric metric;
    metric.position = entry.position();
    metric.name = Name(entry, "name");
    metric.min = entry.Number("min", kAnyNumber, 0);
    metric.max = entry.Number("max", kAnyNumber, 1);
    metric.direction =
        entry.Word("better", {"higher", "lower"}) == 0 ? Direction::kHigherIsBetter : Direction::kLowerIsBetter;
    if (!(metric.min < metric.max)) entry.Fail("max", "charter.range", "must be larger than min");
    evaluation.metrics.push_back(std::move(metric));
  }
  return evaluation;
}

HarmBound ReadHarm(TomlTable table) {
  HarmBound harm;
  harm.position = table.position();
  harm.metric = table.String("metric");
  harm.group = table.OptionalString("group");
  harm.name = table.OptionalString("name").value_or(harm.metric + (harm.group ? " (" + *harm.group + ")" : ""));
  harm.limit = table.Number("limit", kAnyNumber);
  harm.lifetime_error = table.Number("lifetime_error", kErrorRange, 1e-3);
  return harm;
}

Bounds ReadBounds(TomlTable table) {
  Bounds bounds;
  // One kind of harm may stand as [bounds.harm], several as [[bounds.harm]].
  if (table.Has("harm") && !table.IsArray("harm") && !table.describing()) {
    bounds.harm.push_back(ReadHarm(table.Table("harm", Need::kRequired)));
  } else {
    for (TomlTable& entry : table.Tables("harm", 64, Need::kRequired)) bounds.harm.push_back(ReadHarm(entry));
  }
  TomlTable improvement = table.Table("improvement", Need::kRequired);
  bounds.improvement.position = improvement.position();
  bounds.improvement.metric = improvement.String("metric");
  bounds.improvement.lifetime_error = improvement.Number("lifetime_error", kErrorRange, 0.05);
  TomlTable capability = table.Table("capability", Need::kRequired);
  bounds.capability.position = capability.position();
  bounds.capability.metric = capability.String("metric");
  bounds.capability.max_step = capability.Number("max_step", {1e-9, 1e12});
  bounds.capability.ceiling = capability.Number("ceiling", kAnyNumber);
  bounds.capability.max_growth = capability.Number("max_growth", {1e-9, 1e12}, 0, "none");
  bounds.capability.lifetime_error = capability.Number("lifetime_error", kErrorRange, 1e-3);
  TomlTable drift = table.Table("drift", Need::kRequired);
  bounds.drift.position = drift.position();
  bounds.drift.limit = drift.Number("limit", {1e-6, 1});
  bounds.drift.energy_limit = drift.Number("energy_limit", {1e-6, 1}, 0, "none");
  bounds.drift.lifetime_error = drift.Number("lifetime_error", kErrorRange, 1e-3);
  TomlTable acceleration = table.Table("acceleration", Need::kRequired);
  bounds.acceleration.position = acceleration.position();
  bounds.acceleration.expected_step = acceleration.Number("expected_step", {1e-9, 1e12});
  bounds.acceleration.alarm_level = acceleration.Number("alarm_level", {1e-9, 0.1}, 1e-3);
  return bounds;
}

Pace ReadPace(TomlTable table) {
  Pace pace;
  pace.position = table.position();
  pace.min_interval_s = table.Duration("min_interval", {1, kYear_s});
  pace.max_releases = table.Integer("max_releases", {1, 10'000});
  pace.window_s = table.Duration("window", {1, kYear_s});
  pace.max_clock_skew_s = table.Duration("max_clock_skew", {1, kDay_s}, "5m");
  return pace;
}

Reviewer ReadReviewer(TomlTable table) {
  Reviewer reviewer;
  reviewer.position = table.position();
  reviewer.name = Name(table, "name");
  reviewer.principal = table.String("principal");
  reviewer.role = static_cast<Role>(table.Word("role", kRoles));
  reviewer.key = Key(table, "key", crypto::NoteKeyType::kEd25519);
  return reviewer;
}

std::vector<QuorumRule> ReadQuorum(TomlTable table) {
  std::vector<QuorumRule> quorum;
  for (TomlTable& entry : table.Tables("all", kRoles.size(), Need::kRequired)) {
    QuorumRule rule;
    rule.position = entry.position();
    rule.role = static_cast<Role>(entry.Word("role", kRoles));
    rule.at_least = entry.Integer("at_least", {IsOpinion(rule.role) ? 0 : 1, kThresholdMax});
    rule.against_max = entry.Integer("against_max", {0, kThresholdMax}, 0);
    rule.faults_max = entry.OptionalInteger("faults_max", {0, kThresholdMax - 1});
    quorum.push_back(rule);
  }
  return quorum;
}

Approval ReadApproval(TomlTable table) {
  Approval approval;
  approval.position = table.position();
  approval.threshold = table.Integer("threshold", kThreshold);
  approval.presence =
      table.Word("presence", {"required", "software"}, 0) == 0 ? Presence::kRequired : Presence::kSoftware;
  approval.signers_file = table.String("signers");
  approval.rp_id = table.OptionalString("rp_id").value_or("");
  approval.origins = table.Strings("origins", 16, Need::kOptional);
  approval.expiry_s = table.Duration("expiry", {60, kYear_s}, "7d");
  approval.checkpoint_age_max_s = table.Duration("checkpoint_age_max", {60, kYear_s}, "1d");
  return approval;
}

void ReadPeople(TomlTable& root, Charter& charter) {
  charter.approval = ReadApproval(root.Table("approval", Need::kRequired));
  const int64_t approvals = charter.approval.threshold;
  TomlTable rollback = root.Table("rollback", Need::kOptional);
  charter.rollback_threshold = rollback.Integer("threshold", kThreshold, approvals, "approval.threshold");
  TomlTable halt = root.Table("halt", Need::kOptional);
  charter.resume_threshold = halt.Integer("resume_threshold", kThreshold, approvals, "approval.threshold");
  TomlTable amendment = root.Table("amendment", Need::kRequired);
  charter.amendment.position = amendment.position();
  charter.amendment.threshold = amendment.Integer("threshold", kThreshold);
  charter.amendment.waiting_period_s = amendment.Duration("waiting_period", {1, kYear_s});
  TomlTable revocation = root.Table("revocation", Need::kOptional);
  for (const std::string& tree : revocation.Strings("trees", 1'000, Need::kOptional)) {
    const Result<crypto::Digest> digest = crypto::Digest::Parse(tree);
    if (!digest.ok()) revocation.Fail("trees", "charter.type", "must list digests: " + digest.error().message);
    if (digest.ok()) charter.revocation.trees.push_back(*digest);
  }
}

// Any two quorums have to share a witness that does not lie, so that no two logs of one size are both cosigned; and
// those that lie have to be less than half of a quorum, so that the median of its times is not theirs.
Witnesses ReadWitnesses(TomlTable table) {
  Witnesses witnesses;
  witnesses.position = table.position();
  witnesses.at_least = table.Integer("at_least", kThreshold);
  witnesses.faults_max = table.Integer("faults_max", {0, kThresholdMax - 1}, 0);
  for (TomlTable& entry : table.Tables("witness", kThresholdMax, Need::kRequired)) {
    witnesses.all.push_back({.principal = entry.String("principal"),
                             .key = Key(entry, "key", crypto::NoteKeyType::kEd25519Cosignature),
                             .url = entry.String("url"),
                             .position = entry.position()});
  }
  const auto count = static_cast<int64_t>(witnesses.all.size());
  if (witnesses.at_least > count || 2 * witnesses.at_least <= count + witnesses.faults_max ||
      witnesses.at_least <= 2 * witnesses.faults_max) {
    table.Fail("at_least", "charter.witness-quorum",
               "has to be at most the number of witnesses, more than half of their number and faults_max together, and "
               "more than twice faults_max",
               "3 of 4 witnesses let one lie, 2 of 3 none");
  }
  return witnesses;
}

Envelope ReadEnvelope(TomlTable table) {
  Envelope envelope;
  envelope.position = table.position();
  envelope.radius_max = table.Number("max_radius", {1e-12, 1e9});
  envelope.generations_max = table.Integer("max_generations", {1, 1'000});
  envelope.time_limit_s = table.Duration("time_limit", {1, 7 * 86'400}, "1m");
  return envelope;
}

// Everything that charter.toml says, without a look at other files or at what it amounts to.
Charter ReadTables(TomlTable root, ProgramRules& programs) {
  Charter charter;
  charter.subject = ReadSubject(root.Table("subject", Need::kRequired));
  for (TomlTable& table : root.Tables("surface", 500, Need::kRequired)) charter.surface.push_back(ReadSurface(table));
  for (TomlTable& table : root.Tables("property", kPropertiesMax, Need::kOptional))
    ReadProperty(table, charter.properties, programs.properties);
  if (root.Has("envelope")) charter.envelope = ReadEnvelope(root.Table("envelope", Need::kOptional));
  if (root.Has("improver")) charter.improver = ReadImprover(root.Table("improver", Need::kOptional));
  if (root.Has("evaluation")) {
    charter.evaluation = ReadEvaluation(root.Table("evaluation", Need::kRequired));
    charter.bounds = ReadBounds(root.Table("bounds", Need::kRequired));
  } else if (root.Has("bounds")) {
    root.Fail("bounds", "charter.untried", kUntried, "add [evaluation], or leave [bounds] out");
  }
  charter.pace = ReadPace(root.Table("pace", Need::kRequired));
  for (TomlTable& table : root.Tables("reviewer", kReviewersMax, Need::kRequired))
    charter.reviewers.push_back(ReadReviewer(table));
  charter.quorum = ReadQuorum(root.Table("quorum", Need::kRequired));
  ReadPeople(root, charter);
  TomlTable gate = root.Table("gate", Need::kRequired);
  charter.gate.position = gate.position();
  charter.gate.log = Key(gate, "log", crypto::NoteKeyType::kEd25519);
  charter.gate.clock = Key(gate, "clock", crypto::NoteKeyType::kEd25519Cosignature);
  TomlTable assurance = root.Table("assurance", Need::kOptional);
  charter.assurance = assurance.Word("level", {"standard", "single-operator"}, 0) == 0 ? Assurance::kStandard
                                                                                       : Assurance::kSingleOperator;
  TomlTable sandbox = root.Table("sandbox", Need::kOptional);
  for (const std::string& name : sandbox.Strings("accept", std::size(weakening::kNames), Need::kOptional)) {
    const auto at = std::ranges::find(weakening::kNames, name);
    if (at == std::end(weakening::kNames))
      sandbox.Fail("accept", "charter.sandbox", "has a name that spec/charter.md does not list under [sandbox]");
    programs.accepted.insert(static_cast<weakening::Weakening>(at - weakening::kNames));  // used if nothing has failed
  }
  if (root.Has("witnesses")) charter.witnesses = ReadWitnesses(root.Table("witnesses", Need::kOptional));
  return charter;
}

}  // namespace

crypto::NoteKey NobodysKey() {
  // A digest taken as a point: a number that nobody chose as the multiple of anything.
  return crypto::NoteKey::Of("nobody", crypto::NoteKeyType::kEd25519,
                             *crypto::Ed25519PublicKey::FromRaw(crypto::Sha256("pawl: nobody's key").Raw()));
}

std::string_view RoleName(Role role) { return kRoles[static_cast<size_t>(role)]; }

static auto FindIn(const auto& entries, const auto& key, auto member) {
  const auto at = std::ranges::find(entries, key, member);
  return at == entries.end() ? nullptr : &*at;
}

const Metric* Evaluation::Find(std::string_view name) const { return FindIn(metrics, name, &Metric::name); }

std::vector<subject::SurfaceRule> Charter::SurfaceRules() const {
  std::vector<subject::SurfaceRule> rules;
  for (const SurfaceEntry& entry : surface) rules.push_back(entry.rule);
  return rules;
}

const Reviewer* Charter::FindReviewer(std::string_view name) const { return FindIn(reviewers, name, &Reviewer::name); }

const QuorumRule* Charter::FindQuorum(Role role) const { return FindIn(quorum, role, &QuorumRule::role); }

size_t Charter::ApproverCount() const {
  std::set<std::string_view> principals;
  for (const crypto::AllowedSigner& signer : approval.signers) principals.insert(signer.principal);
  return principals.size();
}

// charter.toml alone.
static Result<Charter> ReadMainFile(const subject::Manifest& manifest, const subject::BlobReader& read,
                                    ProgramRules& programs) {
  const subject::FileEntry* main_file = manifest.Find(kCharterFile);
  if (main_file == nullptr) {
    return Malformed("charter.missing-file", std::string("the charter has no file ") + kCharterFile,
                     "name the directory that holds it");
  }
  Result<std::string> text = read(main_file->digest, kCharterBytesMax);
  if (!text.ok()) return text.error();
  Result<std::unique_ptr<TomlFile>> file = TomlFile::Parse(*text, kCharterFile);
  if (!file.ok()) return file.error();
  Charter charter = ReadTables((*file)->Root(), programs);
  if (Result<void> done = (*file)->Finish(); !done.ok()) return done.error();
  return charter;
}

Result<Charter> ReadCharter(const subject::Manifest& manifest, const subject::BlobReader& read) {
  ProgramRules programs;
  Result<Charter> charter = ReadMainFile(manifest, read, programs);
  if (!charter.ok()) return charter;
  charter->digest = subject::ManifestDigest(manifest);
  if (Result<void> files = ReadNamedFiles(manifest, read, *charter); !files.ok()) return files.error();
  if (Result<void> protects = CheckProtects(manifest, *charter, programs.properties); !protects.ok())
    return protects.error();
  return charter;
}

Result<ProgramRules> ReadProgramRules(const CharterFiles& files) {
  ProgramRules programs;
  const Result<Charter> charter = ReadMainFile(files.manifest, files.read, programs);
  return charter.ok() ? Result<ProgramRules>(std::move(programs)) : charter.error();
}

Result<CharterFiles> ReadCharterFiles(const std::string& directory) {
  auto blobs = std::make_shared<std::map<crypto::Digest, std::string>>();
  Result<subject::Manifest> manifest =
      subject::ReadTree(directory, subject::TreeLimits{}, [&](const std::string&, std::string_view bytes) {
        const crypto::Digest digest = crypto::Sha256(bytes);
        blobs->emplace(digest, bytes);
        return Result<crypto::Digest>(digest);
      });
  if (!manifest.ok()) return manifest.error();
  subject::BlobReader read = [blobs](const crypto::Digest& digest, uint64_t size_max) -> Result<std::string> {
    const auto found = blobs->find(digest);
    if (found == blobs->end()) return Error{ErrorCode::kNotFound, "store.missing", "no such file in the charter", ""};
    if (found->second.size() > size_max) return LimitReached("charter.file-size", "a file of the charter is too large");
    return found->second;
  };
  Result<Charter> charter = ReadCharter(*manifest, read);
  if (!charter.ok()) return charter.error();
  return CharterFiles{*std::move(charter), *std::move(manifest), std::move(read)};
}

Result<CharterFiles> ReadCharterFiles(const subject::Store& store, const crypto::Digest& digest) {
  Result<subject::Manifest> manifest = store.ReadManifest(digest);
  if (!manifest.ok()) return manifest.error();
  Result<Charter> charter = ReadCharter(*manifest, store.Reader());
  if (!charter.ok()) return charter.error();
  return CharterFiles{*std::move(charter), *std::move(manifest), store.Reader()};
}

Result<Charter> ReadCharterFromDirectory(const std::string& directory) {
  Result<CharterFiles> files = ReadCharterFiles(directory);
  return files.ok() ? Result<Charter>(std::move(files->charter)) : files.error();
}

Result<Charter> ReadCharterFromStore(const subject::Store& store, const crypto::Digest& digest) {
  Result<CharterFiles> files = ReadCharterFiles(store, digest);
  return files.ok() ? Result<Charter>(std::move(files->charter)) : files.error();
}

std::vector<KeyDescription> CharterKeys() {
  const std::unique_ptr<TomlFile> file = TomlFile::Describe();
  ProgramRules programs;
  ReadTables(file->Root(), programs);
  return file->keys();
}

}  // namespace pawl::charter
