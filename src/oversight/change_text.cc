#include "oversight/change_text.h"

#include "oversight/line_diff.h"

namespace pawl::oversight {
namespace {

constexpr uint64_t kShownBytesMax = uint64_t{8} << 20;

// The bytes of a side that has lines; nothing for a side that is not there.
Result<std::string> SideText(const subject::Store& store, const std::optional<crypto::Digest>& digest,
                             uint64_t bytes_max) {
  return digest ? store.ReadBlob(*digest, bytes_max) : Result<std::string>(std::string());
}

}  // namespace

std::string FactsWords(const std::optional<subject::FileFacts>& facts) {
  if (!facts) return "nothing";
  std::string words =
      std::string(subject::ContentKindName(facts->kind)) + " of " + std::to_string(facts->size) + " bytes";
  if (facts->parameter_count) words += ", " + std::to_string(*facts->parameter_count) + " parameters";
  return words;
}

bool HasLines(const subject::Change& change, uint64_t file_bytes_max) {
  const auto has_lines = [&](const std::optional<subject::FileFacts>& facts) {
    return !facts || (facts->lines.has_value() && facts->size <= file_bytes_max);
  };
  return has_lines(change.facts_before) && has_lines(change.facts_after);
}

Result<std::string> ChangedLines(const subject::Store& store, const subject::Change& change, uint64_t file_bytes_max,
                                 size_t context) {
  Result<std::string> before = SideText(store, change.before, file_bytes_max);
  if (!before.ok()) return before.error();
  Result<std::string> after = SideText(store, change.after, file_bytes_max);
  if (!after.ok()) return after.error();
  return UnifiedDiff(*before, *after, {.context = context});
}

Result<std::string> ChangeText(const subject::Store& store, const subject::Change& change, size_t context) {
  if (HasLines(change, kShownBytesMax)) return ChangedLines(store, change, kShownBytesMax, context);
  return "  " + FactsWords(change.facts_after) + ", before: " + FactsWords(change.facts_before) + "\n";
}

}  // namespace pawl::oversight
