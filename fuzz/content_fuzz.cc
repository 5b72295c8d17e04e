// Any bytes have a kind, and the facts fit the kind. The two halves of the input, as texts, have a line difference that
// is symmetric, zero only between equals, and at most the number of lines.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "subject/content_kind.h"
#include "subject/diff.h"

using namespace pawl::subject;  // NOLINT

namespace {

void Require(bool condition) {
  if (!condition) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  const FileFacts facts = InspectContent(bytes);
  const bool has_lines = facts.kind == ContentKind::kText || facts.kind == ContentKind::kJson;
  Require(facts.size == size && facts.lines.has_value() == has_lines);
  Require((facts.kind == ContentKind::kNetwork) == facts.parameter_count.has_value());
  const std::string_view a = bytes.substr(0, size / 2), b = bytes.substr(size / 2);
  const uint64_t changed = ChangedLines(a, b);
  Require(changed == ChangedLines(b, a));
  Require((changed == 0) == (a == b));
  Require(changed <= size);
  return 0;
}
