// How a critic's model and a peer's program give their opinion: one JSON object of a fixed schema.
//
//   {"objection": true, "reasons": ["the alert is delayed"], "references": ["controller.py:12"]}
//
//   Result<OpinionAnswer> answer = ReadOpinionAnswer(text);
//   if (!answer.ok()) …             // whoever said that has no opinion
//
// Thread safety: pure functions.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "encoding/json.h"
#include "result/result.h"

namespace pawl::oversight {

struct OpinionAnswer {
  bool objection = false;
  std::vector<std::string> reasons;     // up to 8, each of 1 to 500 bytes; at least one where it objects
  std::vector<std::string> references;  // up to 16, each of 1 to 200 bytes

  // As a vote may carry them: one line each, safe to show.
  std::vector<std::string> ShownReasons() const;
  encoding::Json ShownReferences() const;
};

// The JSON Schema of what ReadOpinionAnswer reads, but for what a schema cannot say.
encoding::Json OpinionSchema();

// Exactly one such object of at most 16 KiB, with white space around it and nothing else. kMalformed with the rules of
// ParseJson and JsonObject, "opinion.answer" for lengths. An objection without a reason is none that a person could
// follow up, and malformed.
Result<OpinionAnswer> ReadOpinionAnswer(std::string_view text);

}  // namespace pawl::oversight
