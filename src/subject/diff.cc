#include "subject/diff.h"

#include <algorithm>
#include <array>
#include <unordered_map>

#include "subject/path.h"

namespace pawl::subject {
namespace {

// Lines as numbers: equal lines, line feed included, get equal ones.
std::vector<uint32_t> NumberLines(std::string_view text, std::unordered_map<std::string_view, uint32_t>& numbers) {
  std::vector<uint32_t> lines;
  for (size_t at = 0; at < text.size();) {
    const size_t end = std::min(text.find('\n', at), text.size() - 1) + 1;
    const auto next = static_cast<uint32_t>(numbers.size());
    lines.push_back(numbers.try_emplace(text.substr(at, end - at), next).first->second);
    at = end;
  }
  return lines;
}

Result<FileFacts> Inspect(const FileEntry& entry, const BlobReader& read, const DiffLimits& limits,
                          std::string& bytes) {
  Result<std::string> blob = read(entry.digest, limits.file_bytes_max);
  if (!blob.ok()) {
    Error error = blob.error();
    error.message += " (\"" + Printable(entry.path) + "\")";
    return error;
  }
  bytes = std::move(*blob);
  return InspectContent(bytes);
}

bool CanCount(const std::optional<FileFacts>& facts, const DiffLimits& limits) {
  return !facts.has_value() || (facts->lines.has_value() && facts->size <= limits.counted_bytes_max);
}

Result<void> AddDetail(Detail detail, const FileEntry* before, const FileEntry* after, const BlobReader& read,
                       const DiffLimits& limits, Change& change) {
  std::string old_bytes, new_bytes;
  if (before != nullptr && detail == Detail::kLines) {
    Result<FileFacts> facts = Inspect(*before, read, limits, old_bytes);
    if (!facts.ok()) return facts.error();
    change.facts_before = std::move(*facts);
  }
  if (after != nullptr && detail != Detail::kDigests) {
    Result<FileFacts> facts = Inspect(*after, read, limits, new_bytes);
    if (!facts.ok()) return facts.error();
    change.facts_after = std::move(*facts);
  }
  if (detail == Detail::kLines && CanCount(change.facts_before, limits) && CanCount(change.facts_after, limits)) {
    change.changed_lines = ChangedLines(old_bytes, new_bytes);
  }
  return {};
}

}  // namespace

std::string_view ChangeTypeName(ChangeType type) {
  constexpr std::array<std::string_view, 3> kNames = {"added", "removed", "changed"};
  return kNames[static_cast<size_t>(type)];
}

uint64_t ChangedLines(std::string_view before, std::string_view after) {
  std::unordered_map<std::string_view, uint32_t> numbers;
  const std::vector<uint32_t> a = NumberLines(before, numbers), b = NumberLines(after, numbers);
  const size_t shorter = std::min(a.size(), b.size());
  size_t head = 0, tail = 0;
  while (head < shorter && a[head] == b[head]) ++head;
  while (tail < shorter - head && a[a.size() - 1 - tail] == b[b.size() - 1 - tail]) ++tail;
  const auto n = static_cast<int64_t>(a.size() - head - tail), m = static_cast<int64_t>(b.size() - head - tail);
  const int64_t upper = n + m;
  const int64_t depth_max = std::min<int64_t>(upper, kExactLinesMax);
  // reach[k + depth_max + 1]: the furthest x on diagonal k = x - y with `depth` edits.
  std::vector<int64_t> reach(static_cast<size_t>(2 * depth_max + 3), 0);
  const auto at = [&](int64_t k) -> int64_t& { return reach[static_cast<size_t>(k + depth_max + 1)]; };
  uint64_t compared = 0;
  for (int64_t depth = 0; depth <= depth_max && compared <= kComparedLinesMax; ++depth) {
    for (int64_t k = -depth; k <= depth; k += 2) {
      const bool down = k == -depth || (k != depth && at(k - 1) < at(k + 1));
      int64_t x = down ? at(k + 1) : at(k - 1) + 1;
      const int64_t from = x;
      // Diagonals that leave the grid stay beyond its edge and never reach the corner.
      while (x < n && x - k < m && x - k >= 0 &&
             a[head + static_cast<size_t>(x)] == b[head + static_cast<size_t>(x - k)]) {
        ++x;
      }
      at(k) = x;
      compared += 1 + static_cast<uint64_t>(x - from);
      if (x >= n && x - k >= m) return static_cast<uint64_t>(depth);
    }
  }
  return static_cast<uint64_t>(upper);
}

Result<std::vector<Change>> DiffTrees(const Manifest& parent, const Manifest& candidate, const BlobReader& read,
                                      const DiffLimits& limits, const DetailChooser& detail_of) {
  std::vector<Change> changes;
  auto old_file = parent.files.begin();
  auto new_file = candidate.files.begin();
  while (old_file != parent.files.end() || new_file != candidate.files.end()) {
    const bool has_old =
        new_file == candidate.files.end() || (old_file != parent.files.end() && old_file->path <= new_file->path);
    const bool has_new =
        old_file == parent.files.end() || (new_file != candidate.files.end() && new_file->path <= old_file->path);
    const FileEntry* before = has_old ? &*old_file++ : nullptr;
    const FileEntry* after = has_new ? &*new_file++ : nullptr;
    if (before != nullptr && after != nullptr && before->digest == after->digest) continue;
    if (changes.size() >= limits.changes_max) {
      return LimitReached("diff.limit", "more than " + std::to_string(limits.changes_max) + " paths changed");
    }
    Change change;
    change.path = before != nullptr ? before->path : after->path;
    change.type = before == nullptr  ? ChangeType::kAdded
                  : after == nullptr ? ChangeType::kRemoved
                                     : ChangeType::kChanged;
    if (before != nullptr) change.before = before->digest;
    if (after != nullptr) {
      change.after = after->digest;
      change.bytes_after = after->size;
    }
    const Detail detail = detail_of ? detail_of(change) : Detail::kLines;
    if (Result<void> added = AddDetail(detail, before, after, read, limits, change); !added.ok()) return added.error();
    changes.push_back(std::move(change));
  }
  return changes;
}

}  // namespace pawl::subject
