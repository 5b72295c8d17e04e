#include "gate/trace.h"

#include "warrant/statements.h"

namespace pawl::gate {
namespace {

constexpr size_t kTraceDigits = 32, kSpanDigits = 16;
constexpr size_t kLengthOfVersion00 = 55;

// Lower case alone, and not all zeros, which mean that there is none.
bool IsId(std::string_view text) {
  return text.find_first_not_of("0123456789abcdef") == text.npos && text.find_first_not_of('0') != text.npos;
}

}  // namespace

std::string TraceIdOf(const audit::Proposal& proposal) {
  return warrant::StatementDigest(audit::WriteProposal(proposal)).Hex().substr(0, kTraceDigits);
}

std::optional<TraceParent> ParseTraceParent(std::string_view text) {
  if (text.size() < kLengthOfVersion00 || text[2] != '-' || text[35] != '-' || text[52] != '-') return std::nullopt;
  const std::string_view version = text.substr(0, 2), flags = text.substr(53, 2);
  if (version == "ff" || (version == "00" && text.size() != kLengthOfVersion00) ||
      (text.size() > kLengthOfVersion00 && text[kLengthOfVersion00] != '-')) {
    return std::nullopt;
  }
  for (const std::string_view part : {version, flags}) {
    if (part.find_first_not_of("0123456789abcdef") != part.npos) return std::nullopt;
  }
  const TraceParent parent{std::string(text.substr(3, kTraceDigits)), std::string(text.substr(36, kSpanDigits))};
  if (!IsId(parent.trace_id) || !IsId(parent.span_id)) return std::nullopt;
  return parent;
}

}  // namespace pawl::gate
