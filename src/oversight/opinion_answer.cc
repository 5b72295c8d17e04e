#include "oversight/opinion_answer.h"

#include <algorithm>

#include "sandbox/sandbox.h"

namespace pawl::oversight {

using encoding::Json;

namespace {

constexpr size_t kAnswerBytesMax = 16'384;
constexpr size_t kReasonsMax = 8, kReasonBytesMax = 500;
constexpr size_t kReferencesMax = 16, kReferenceBytesMax = 200;

}  // namespace

std::vector<std::string> OpinionAnswer::ShownReasons() const {
  std::vector<std::string> shown;
  for (const std::string& reason : reasons) shown.push_back(sandbox::DisplayableOnOneLine(reason));
  return shown;
}

Json OpinionAnswer::ShownReferences() const {
  Json shown = Json::array();
  for (const std::string& reference : references) shown.push_back(sandbox::DisplayableOnOneLine(reference));
  return shown;
}

Json OpinionSchema() {
  const auto strings = [](size_t count_max, size_t length_max) {
    return Json{{"type", "array"}, {"maxItems", count_max}, {"items", {{"type", "string"}, {"maxLength", length_max}}}};
  };
  return {{"type", "object"},
          {"additionalProperties", false},
          {"required", {"objection", "reasons", "references"}},
          {"properties",
           {{"objection", {{"type", "boolean"}}},
            {"reasons", strings(kReasonsMax, kReasonBytesMax)},
            {"references", strings(kReferencesMax, kReferenceBytesMax)}}}};
}

Result<OpinionAnswer> ReadOpinionAnswer(std::string_view text) {
  const Result<Json> json =
      encoding::ParseJson(text, {.bytes_max = kAnswerBytesMax, .depth_max = 4, .elements_max = 64});
  if (!json.ok()) return json.error();
  if (!json->is_object()) return Malformed("opinion.answer", "is no JSON object");
  encoding::JsonObject object(*json, "answer");
  OpinionAnswer answer;
  answer.objection = object.Boolean("objection");
  answer.reasons = object.Strings("reasons", kReasonsMax);
  answer.references = object.Strings("references", kReferencesMax);
  if (Result<void> done = object.Finish(); !done.ok()) return done.error();
  const auto fits = [](const std::vector<std::string>& texts, size_t bytes_max) {
    return std::all_of(texts.begin(), texts.end(),
                       [&](const std::string& each) { return !each.empty() && each.size() <= bytes_max; });
  };
  if (!fits(answer.reasons, kReasonBytesMax) || !fits(answer.references, kReferenceBytesMax)) {
    return Malformed("opinion.answer", "has an empty or too long reason or reference");
  }
  if (answer.objection && answer.reasons.empty()) return Malformed("opinion.answer", "objects without a reason");
  return answer;
}

}  // namespace pawl::oversight
