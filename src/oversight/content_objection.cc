#include "oversight/content_objection.h"

#include <algorithm>
#include <array>
#include <span>

#include "model/protobuf.h"
#include "oversight/json_keys.h"
#include "oversight/json_twins.h"
#include "oversight/scorer_imports.h"
#include "subject/path.h"

namespace pawl::oversight {
namespace {

constexpr encoding::JsonLimits kJsonLimits{.bytes_max = size_t{4} << 20, .fractions = encoding::Fractions::kRounded};

std::optional<ContentObjection> FindCopyOfCharter(const subject::SurfaceReport& report,
                                                  const charter::CharterFiles& charter) {
  const crypto::Digest empty = crypto::Sha256("");
  for (const subject::SurfaceFinding& finding : report.findings) {
    if (!finding.change.after || *finding.change.after == empty) continue;
    for (const subject::FileEntry& file : charter.manifest.files) {
      const auto& properties = charter.charter.properties;
      const bool is_mutant = std::any_of(properties.begin(), properties.end(), [&](const charter::Property& property) {
        return property.falsified_by == file.path;
      });
      if (file.digest != *finding.change.after || is_mutant) continue;
      return ContentObjection{"surface.charter-copy",
                              finding.change.path + ": is a copy of the charter's " + file.path};
    }
  }
  return std::nullopt;
}

Result<std::optional<std::string>> RefusedKey(const charter::SurfaceEntry& entry, const subject::Change& change,
                                              const charter::CharterFiles& charter, const subject::BlobReader& read) {
  const Result<std::vector<KeyRule>> rules = ReadKeyRules(charter, entry);
  if (!rules.ok()) return std::optional(rules.error().message);
  encoding::Json sides[2];
  for (const bool is_after : {false, true}) {
    const std::optional<crypto::Digest>& digest = is_after ? change.after : change.before;
    if (!digest) return std::optional<std::string>("is new, and has no values that could stay as they were");
    Result<std::string> bytes = read(*digest, kJsonLimits.bytes_max);
    if (!bytes.ok() && bytes.error().code == ErrorCode::kLimit) return std::optional(bytes.error().message);
    if (!bytes.ok()) return bytes.error();
    Result<encoding::Json> json = encoding::ParseJson(*bytes, kJsonLimits);
    if (!json.ok()) return std::optional((is_after ? "" : "before the change, ") + json.error().message);
    sides[is_after ? 1 : 0] = std::move(*json);
  }
  return FindRefusedKey(*rules, sides[0], sides[1]);
}

Result<std::optional<ContentObjection>> FindKeyObjection(const subject::SurfaceReport& report,
                                                         const charter::CharterFiles& charter,
                                                         const subject::BlobReader& read) {
  for (const subject::SurfaceFinding& finding : report.findings) {
    if (!finding.rule_index || !finding.change.after) continue;
    const charter::SurfaceEntry& entry = charter.charter.surface.at(*finding.rule_index);
    if (!entry.keys_file) continue;
    Result<std::optional<std::string>> refused = RefusedKey(entry, finding.change, charter, read);
    if (!refused.ok()) return refused.error();
    if (*refused) return std::optional(ContentObjection{"surface.keys", finding.change.path + ": " + **refused});
  }
  return std::optional<ContentObjection>();
}

Result<std::optional<ContentObjection>> FindTwinObjection(const subject::SurfaceReport& report,
                                                          const charter::CharterFiles& charter,
                                                          const subject::BlobReader& read) {
  for (const subject::SurfaceFinding& finding : report.findings) {
    if (!finding.rule_index || !finding.change.after) continue;
    if (charter.charter.surface.at(*finding.rule_index).rule.kind != subject::SurfaceKind::kJson) continue;
    Result<std::string> bytes = read(*finding.change.after, subject::kFileBytesMax);
    if (!bytes.ok()) return bytes.error();
    if (const std::optional<std::string> twin = FindTwinName(*bytes)) {
      return std::optional(ContentObjection{
          "surface.json-twins", finding.change.path + ": an object has \"" + subject::Printable(*twin) + "\" twice"});
    }
  }
  return std::optional<ContentObjection>();
}

Result<std::optional<ContentObjection>> FindScorerImport(const subject::SurfaceReport& report,
                                                         const charter::CharterFiles& charter) {
  const charter::Evaluation& evaluation = charter.charter.evaluation;
  if (evaluation.command.empty() || !evaluation.subject_command.empty()) return std::optional<ContentObjection>();
  Result<ScorerImports> imports = ReadScorerImports(charter, evaluation.command);
  if (!imports.ok()) return imports.error();
  for (const subject::SurfaceFinding& finding : report.findings) {
    if (!finding.change.after) continue;
    for (const ScorerImport& import : imports->outside) {
      if (!SuppliesModule(finding.change.path, import.module)) continue;
      return std::optional(ContentObjection{
          "surface.scorer-import", finding.change.path + ": could answer the evaluator's \"import " + import.module +
                                       "\" (" + import.file + ":" + std::to_string(import.line) + ")"});
    }
    if (imports->widened && IsPythonCode(finding.change.path)) {
      return std::optional(ContentObjection{
          "surface.scorer-import", finding.change.path +
                                       ": could answer any import of the evaluator's or of a module " +
                                       "of the system's, because the evaluator may look for modules beside the " +
                                       "charter's (" + imports->widened->Text() + ")"});
    }
  }
  return std::optional<ContentObjection>();
}

// What an ONNX file says beside versions, nodes, tensors and shapes. What nodes and tensors say of themselves is left
// out: runtimes hand it to no program.
Result<void> AppendBesideGraph(std::span<const uint8_t> message, bool is_graph, std::string& beside) {
  constexpr std::array<uint32_t, 3> kOfModel = {1, 7, 8};
  constexpr std::array<uint32_t, 5> kOfGraph = {1, 5, 11, 12, 13};
  model::MessageReader reader(message);
  for (;;) {
    const Result<bool> more = reader.Next();
    if (!more.ok()) return more.error();
    if (!*more) return {};
    const model::Field& field = reader.field();
    const std::span<const uint32_t> known = is_graph ? std::span<const uint32_t>(kOfGraph) : kOfModel;
    if (!is_graph && field.number == 7) {
      if (Result<void> graph = AppendBesideGraph(field.bytes, true, beside); !graph.ok()) return graph;
    }
    if (std::ranges::find(known, field.number) != known.end()) continue;
    beside += (is_graph ? " graph " : " ") + std::to_string(field.number) + ":" + std::to_string(field.value) + ":" +
              std::to_string(field.bytes.size()) + ":" + std::string(field.text());
  }
}

// Without trials proofs alone speak for a change, and no certificate is about this part of a network's file.
Result<std::optional<ContentObjection>> FindChangeBesideGraph(const subject::SurfaceReport& report,
                                                              const charter::CharterFiles& charter,
                                                              const subject::BlobReader& read) {
  if (!charter.charter.evaluation.command.empty()) return std::optional<ContentObjection>();
  for (const subject::SurfaceFinding& finding : report.findings) {
    if (!finding.change.before || !finding.change.after) continue;
    std::string sides[2];
    for (const bool is_after : {false, true}) {
      Result<std::string> bytes =
          read(is_after ? *finding.change.after : *finding.change.before, subject::kFileBytesMax);
      if (!bytes.ok()) return bytes.error();
      const std::span<const uint8_t> message(reinterpret_cast<const uint8_t*>(bytes->data()), bytes->size());
      if (Result<void> done = AppendBesideGraph(message, false, sides[is_after ? 1 : 0]); !done.ok()) {
        return std::optional(
            ContentObjection{"surface.beside-graph", finding.change.path + ": " + done.error().message});
      }
    }
    if (sides[0] == sides[1]) continue;
    constexpr char kWords[] =
        ": says other things beside its graph than before (metadata_props, descriptions, producer), of which no "
        "certificate speaks, and there is no trial";
    return std::optional(ContentObjection{"surface.beside-graph", finding.change.path + kWords});
  }
  return std::optional<ContentObjection>();
}

}  // namespace

Result<std::optional<ContentObjection>> FindContentObjection(const subject::SurfaceReport& report,
                                                             const charter::CharterFiles& charter,
                                                             const subject::BlobReader& read) {
  if (auto copy = FindCopyOfCharter(report, charter)) return copy;
  Result<std::optional<ContentObjection>> key = FindKeyObjection(report, charter, read);
  if (!key.ok() || *key) return key;
  Result<std::optional<ContentObjection>> twin = FindTwinObjection(report, charter, read);
  if (!twin.ok() || *twin) return twin;
  Result<std::optional<ContentObjection>> beside = FindChangeBesideGraph(report, charter, read);
  if (!beside.ok() || *beside) return beside;
  return FindScorerImport(report, charter);
}

}  // namespace pawl::oversight
