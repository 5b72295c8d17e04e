// What changed from one frozen tree to another, found by ourselves from manifests and blobs alone. A patch or list of
// changes that the proposer supplies is never looked at.
//
//   Result<std::vector<Change>> changes = DiffTrees(parent, candidate, store.Reader(), DiffLimits{});
//
// A renamed file is one removed and one added.
//
// Thread safety: as the reader's.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "subject/content_kind.h"
#include "subject/manifest.h"

namespace pawl::subject {

enum class ChangeType { kAdded, kRemoved, kChanged };

std::string_view ChangeTypeName(ChangeType type);  // "added", "removed", "changed"

struct Change {
  std::string path;
  ChangeType type = ChangeType::kChanged;
  std::optional<crypto::Digest> before, after;         // as the type has them
  uint64_t bytes_after = 0;                            // as the candidate's manifest knows it; 0 where it does not
  std::optional<FileFacts> facts_before, facts_after;  // of the sides that exist and that the detail asks for
  // Lines removed plus lines added, where the detail asks for it and each side that exists is text or JSON of at most
  // DiffLimits::counted_bytes_max. Never less than that of a shortest line diff; equal to it within the limits of
  // ChangedLines.
  std::optional<uint64_t> changed_lines;
};

// How closely a changed path is looked at; each reads what the one before it reads, and more.
enum class Detail {
  kDigests,  // no file is read
  kAfter,    // facts of the file after the change
  kLines,    // facts of both sides, and changed lines
};
// Given a change with path, type, digests and bytes_after.
using DetailChooser = std::function<Detail(const Change& change)>;

struct DiffLimits {
  uint64_t changes_max = 10'000;
  uint64_t file_bytes_max = kFileBytesMax;
  uint64_t counted_bytes_max = uint64_t{8} << 20;  // of a file whose changed lines are counted, on each side
};

// Sorted by path. Without a chooser every change gets kLines. Errors of the reader pass through; "diff.limit".
Result<std::vector<Change>> DiffTrees(const Manifest& parent, const Manifest& candidate, const BlobReader& read,
                                      const DiffLimits& limits, const DetailChooser& detail_of = {});

// The length of a shortest edit script of lines, insertions plus deletions (E. W. Myers, "An O(ND) Difference Algorithm
// and Its Variations", Algorithmica 1, 1986, the greedy algorithm). A line includes its line feed, so a missing one at
// the end is a change. Where the length exceeds kExactLinesMax, or finding it takes more than kComparedLinesMax steps
// and comparisons, the answer is the upper bound that remains when common lines at both ends are taken off: work is
// bounded and nothing is ever counted too low.
inline constexpr uint64_t kExactLinesMax = 4'096;
inline constexpr uint64_t kComparedLinesMax = uint64_t{1} << 28;
uint64_t ChangedLines(std::string_view before, std::string_view after);

}  // namespace pawl::subject
