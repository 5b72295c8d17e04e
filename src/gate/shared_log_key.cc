#include "gate/shared_log_key.h"

#include "ledger/subject_log.h"

namespace pawl::gate {

std::optional<std::string> OtherSubjectOfLogKey(const ledger::Home& home, const charter::Charter& charter) {
  for (const std::string& other : home.Subjects()) {
    if (other == charter.subject.name) continue;
    // From its snapshot where there is one: a home may have many long logs.
    const Result<ledger::SubjectLog> log =
        ledger::SubjectLog::Open(home, other, ledger::LedgerAccess::kReadOnly, ledger::FoldFrom::kSnapshot);
    if (!log.ok() || !log->history().has_genesis()) continue;
    if (log->history().charter().gate.log.name == charter.gate.log.name) return other;
  }
  return std::nullopt;
}

}  // namespace pawl::gate
