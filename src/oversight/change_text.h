// One change of a tree as people and critics read it: its lines, or one sentence where it has none.
//
//   for (const subject::Change& change : changes) std::string text = *ChangeText(store, change, 3);
//
// Nothing is made safe for a terminal: that is for whoever shows it. Thread safety: as the store's.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

#include "result/result.h"
#include "subject/diff.h"
#include "subject/store.h"

namespace pawl::oversight {

// "text of 12 bytes": kind, size, and parameters where it has some; "nothing" for a side that is not there.
std::string FactsWords(const std::optional<subject::FileFacts>& facts);

// Whether both sides that there are have lines, and at most so many bytes each. `change` has the facts of
// Detail::kLines.
bool HasLines(const subject::Change& change, uint64_t file_bytes_max);

// A unified diff with so many lines around each change, made here from the store's bytes, of a change that HasLines
// with this limit. Errors are the store's.
Result<std::string> ChangedLines(const subject::Store& store, const subject::Change& change, uint64_t file_bytes_max,
                                 size_t context);

// ChangedLines of files of at most 8 MiB; kinds and sizes where it has none.
Result<std::string> ChangeText(const subject::Store& store, const subject::Change& change, size_t context);

}  // namespace pawl::oversight
