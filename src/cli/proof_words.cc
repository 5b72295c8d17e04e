#include "cli/proof_words.h"

#include <cstdio>
#include <cstdlib>

namespace pawl::cli {

std::string_view StatusName(prover::ProofStatus status) {
  switch (status) {
    case prover::ProofStatus::kProven:
      return "proven";
    case prover::ProofStatus::kViolated:
      return "violated";
    case prover::ProofStatus::kUnknown:
      return "unknown";
  }
  return "";
}

std::string_view ReasonName(prover::UnknownReason reason) {
  switch (reason) {
    case prover::UnknownReason::kNone:
      return "";
    case prover::UnknownReason::kTimeout:
      return "timeout";
    case prover::UnknownReason::kMemory:
      return "memory";
    case prover::UnknownReason::kStuck:
      return "stuck";
    case prover::UnknownReason::kUnsupported:
      return "unsupported";
    case prover::UnknownReason::kCancelled:
      return "cancelled";
  }
  return "";
}

ExitCode ExitOf(const prover::ProofResult& result) {
  switch (result.status) {
    case prover::ProofStatus::kProven:
      return ExitCode::kYes;
    case prover::ProofStatus::kViolated:
      return ExitCode::kNo;
    case prover::ProofStatus::kUnknown:
      break;
  }
  return ExitCode::kLimit;
}

Result<RadiusChoice> ParseRadius(const std::string& text) {
  if (text == "auto") return RadiusChoice{true, {}};
  const bool is_share = text.ends_with('%');
  const std::string number = text.substr(0, text.size() - (is_share ? 1 : 0));
  char* end = nullptr;
  const double value = std::strtod(number.c_str(), &end);
  if (number.empty() || *end != '\0' || !(value > 0 && value < 1e30))
    return Error{ErrorCode::kUsage, "prove.weight-radius", "--weight-radius is a number above 0, a percentage or auto",
                 "for example 0.001, or 0.1% of each tensor's largest weight"};
  const prover::RadiusUnit unit = is_share ? prover::RadiusUnit::kShare : prover::RadiusUnit::kAbsolute;
  return RadiusChoice{false, {is_share ? value / 100 : value, unit}};
}

std::string PercentText(double share) {
  char text[32];
  std::snprintf(text, sizeof text, "%.3g %%", 100 * share);
  return text;
}

encoding::Json RadiiJson(const std::vector<checker::TensorRadius>& radii, const prover::WidestProof* widest) {
  encoding::Json tensors = encoding::Json::object();
  for (const checker::TensorRadius& radius : radii) tensors[radius.tensor] = radius.radius;
  encoding::Json json = {{"tensors", tensors}};
  if (widest == nullptr) return json;
  json["share"] = widest->share;
  json["share_open"] = widest->share_open;
  json["trials"] = widest->trials;
  return json;
}

}  // namespace pawl::cli
