// Which language model a critic asks: model.toml in the reviewer's folder, which nobody but its user writes.
//
//   endpoint = "http://127.0.0.1:8080/v1"
//   model = "qwen2.5-coder:32b"
//   key_file = "/etc/pawl/model.key"   # optional: a bearer token
//   timeout = "2m"                     # to answer
//   max_question_bytes = 100_000       # longer changes are not asked about
//
// Thread safety: reads files.
#pragma once

#include <optional>
#include <string>

#include "oversight/language_model.h"
#include "result/result.h"

namespace pawl::cli {

// Nothing where there is no such file. Errors: those of the TOML reader, with file, line and column; kRefused
// "critic.endpoint"; those of reading the key's file.
Result<std::optional<oversight::LanguageModel>> ReadCriticModel(const std::string& reviewer_folder);

}  // namespace pawl::cli
