#include "oversight/diff_document.h"

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

}  // namespace pawl::oversight
