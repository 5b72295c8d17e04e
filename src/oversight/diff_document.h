// The diff of a candidate against its parent as a document in the store: what changed, and what the surface says of it.
// Its digest stands in the candidate statement, and every integrity reviewer makes it again.
//
// Thread safety: pure functions.
#pragma once

#include <optional>
#include <string>

#include "charter/charter.h"
#include "subject/surface.h"

namespace pawl::oversight {

// Canonical JSON: {"changes":[{"path","type","before","after","kind","changed_lines","allowed","rule","reason"}…]},
// sorted by path; absent facts are null.
std::string DiffDocument(const subject::SurfaceReport& report);

// The first change that makes a file of the subject equal, byte for byte, to one of the charter's: a scorer, a
// reference or a key list that was copied. Nothing for the empty file, nor for a network that violates a property:
// whoever copies that fails by the property. The surface does not know the charter's files, so this stands beside it,
// under the rule "surface.charter-copy".
std::optional<std::string> CopyOfCharter(const subject::SurfaceReport& report, const charter::CharterFiles& charter);

}  // namespace pawl::oversight
