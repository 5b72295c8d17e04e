// A language model, as a critic asks it, without what carries question and answer.
//
//   LanguageModel model{.name = "qwen2.5-coder:32b", .ask = [&](const ModelQuestion& question) { … }};
//   Result<ModelAnswer> answer = model.ask(question);
//   if (!answer.ok()) …          // no answer: the critic abstains, and says why
//
// Thread safety: values; `ask` as whoever made it says.
#pragma once

#include <cstddef>
#include <functional>
#include <string>

#include "encoding/json.h"
#include "result/result.h"

namespace pawl::oversight {

struct ModelQuestion {
  std::string instructions;  // what the model is to do: the same for everybody, no word of it from a candidate
  std::string data;          // what it is to look at, written by strangers
  encoding::Json schema;     // JSON Schema of the answer
};

struct ModelAnswer {
  std::string text;   // as it came, to be distrusted
  std::string model;  // who answered, in the endpoint's words; may be empty
};

struct LanguageModel {
  std::string name;                     // as the endpoint calls it; stands in votes
  size_t question_bytes_max = 100'000;  // of ModelQuestion::data
  std::function<Result<ModelAnswer>(const ModelQuestion&)> ask;
};

}  // namespace pawl::oversight
