// The diff of a candidate against its parent as a document in the store: what changed, and what the surface says of it.
// Its digest stands in the candidate statement, and every integrity reviewer makes it again.
//
// Thread safety: pure functions.
#pragma once

#include <string>

#include "subject/surface.h"

namespace pawl::oversight {

// Canonical JSON: {"changes":[{"path","type","before","after","kind","changed_lines","allowed","rule","reason"}…]},
// sorted by path; absent facts are null.
std::string DiffDocument(const subject::SurfaceReport& report);

}  // namespace pawl::oversight
