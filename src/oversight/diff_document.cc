#include "oversight/diff_document.h"

#include <algorithm>

#include "encoding/json.h"

namespace pawl::oversight {

std::string DiffDocument(const subject::SurfaceReport& report) {
  using encoding::Json;
  Json changes = Json::array();
  for (const subject::SurfaceFinding& finding : report.findings) {
    const subject::Change& change = finding.change;
    const std::optional<subject::FileFacts>& facts = change.facts_after ? change.facts_after : change.facts_before;
    changes.push_back({{"path", change.path},
                       {"type", subject::ChangeTypeName(change.type)},
                       {"before", change.before ? Json(change.before->Text()) : Json(nullptr)},
                       {"after", change.after ? Json(change.after->Text()) : Json(nullptr)},
                       {"kind", facts ? Json(subject::ContentKindName(facts->kind)) : Json(nullptr)},
                       {"changed_lines", change.changed_lines ? Json(*change.changed_lines) : Json(nullptr)},
                       {"allowed", finding.allowed},
                       {"rule", finding.rule},
                       {"reason", finding.reason}});
  }
  return encoding::CanonicalJson({{"changes", changes}});
}

std::optional<std::string> CopyOfCharter(const subject::SurfaceReport& report, const charter::CharterFiles& charter) {
  const crypto::Digest empty = crypto::Sha256("");
  for (const subject::SurfaceFinding& finding : report.findings) {
    if (!finding.change.after || *finding.change.after == empty) continue;
    for (const subject::FileEntry& file : charter.manifest.files) {
      const auto& properties = charter.charter.properties;
      const bool is_mutant = std::any_of(properties.begin(), properties.end(), [&](const charter::Property& property) {
        return property.falsified_by == file.path;
      });
      if (file.digest != *finding.change.after || is_mutant) continue;
      return finding.change.path + ": is a copy of the charter's " + file.path;
    }
  }
  return std::nullopt;
}

}  // namespace pawl::oversight
