// One change of a tree as people and critics read it: its lines, or one sentence where it has none.
//
//   for (const subject::Change& change : changes) std::string text = *ChangeText(store, change, 3);
//
// Nothing is made safe for a terminal: that is for whoever shows it. Thread safety: as the store's.
#pragma once

#include <cstddef>
#include <string>

#include "result/result.h"
#include "subject/diff.h"
#include "subject/store.h"

namespace pawl::oversight {

// A unified diff with so many lines around each change, made here from the store's bytes; kinds and sizes where a side
// is no text or has more than 8 MiB. `change` has the facts of Detail::kLines. Errors are the store's.
Result<std::string> ChangeText(const subject::Store& store, const subject::Change& change, size_t context);

}  // namespace pawl::oversight
