#include "oversight/change_text.h"

#include "oversight/line_diff.h"

namespace pawl::oversight {
namespace {

constexpr uint64_t kShownBytesMax = uint64_t{8} << 20;

std::string FactsWords(const std::optional<subject::FileFacts>& facts) {
  if (!facts) return "nothing";
  std::string words =
      std::string(subject::ContentKindName(facts->kind)) + " of " + std::to_string(facts->size) + " bytes";
  if (facts->parameter_count) words += ", " + std::to_string(*facts->parameter_count) + " parameters";
  return words;
}

// The bytes of a side that has lines; nothing for a side that is not there.
Result<std::string> SideText(const subject::Store& store, const std::optional<crypto::Digest>& digest) {
  return digest ? store.ReadBlob(*digest, kShownBytesMax) : Result<std::string>(std::string());
}

bool HasLines(const std::optional<subject::FileFacts>& facts) {
  return !facts || (facts->lines.has_value() && facts->size <= kShownBytesMax);
}

}  // namespace

Result<std::string> ChangeText(const subject::Store& store, const subject::Change& change, size_t context) {
  if (!HasLines(change.facts_before) || !HasLines(change.facts_after)) {
    return "  " + FactsWords(change.facts_after) + ", before: " + FactsWords(change.facts_before) + "\n";
  }
  Result<std::string> before = SideText(store, change.before);
  if (!before.ok()) return before.error();
  Result<std::string> after = SideText(store, change.after);
  if (!after.ok()) return after.error();
  return UnifiedDiff(*before, *after, {.context = context});
}

}  // namespace pawl::oversight
