// Whether a charter's log key is another subject's of the home as well. Witnesses know a log by its key: after one
// subject's checkpoint they would take another's for a second tree of the same log, and nothing of it would ever be
// complete. Asked where a charter has witnesses: at init, and of an amendment that brings the first.
//
//   if (const auto other = OtherSubjectOfLogKey(home, charter)) …  // its name
//
// Folds the log of every other subject of the home. Thread safety: reads; no shared state.
#pragma once

#include <optional>
#include <string>

#include "charter/charter.h"
#include "ledger/home.h"

namespace pawl::gate {

// Nothing where there is none, or no log of another can be read.
std::optional<std::string> OtherSubjectOfLogKey(const ledger::Home& home, const charter::Charter& charter);

}  // namespace pawl::gate
