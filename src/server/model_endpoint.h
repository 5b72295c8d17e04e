// A language model behind an OpenAI-compatible endpoint: POST {base}/chat/completions, not streamed.
//
//   ModelEndpoint endpoint{.base_url = "http://127.0.0.1:8080/v1", .model = "qwen2.5-coder:32b"};
//   if (Result<void> fits = CheckModelEndpoint(endpoint); !fits.ok()) …
//   Result<ModelAnswer> answer = AskModel(endpoint, question);
//
// Nothing signs what a model says, so that the connection has to keep it as it is: plain http to this machine alone.
// A model elsewhere is reached through a proxy here that speaks TLS (stunnel, nginx, ssh -L).
//
// Thread safety: pure but for the network.
#pragma once

#include <chrono>
#include <string>

#include "oversight/language_model.h"
#include "result/result.h"

namespace pawl::server {

struct ModelEndpoint {
  std::string base_url;  // the part before /chat/completions
  std::string model;
  std::string api_key{};  // sent as a bearer token; empty: none
  std::chrono::milliseconds answer_ms_max{120'000};
};

// kUsage "http.url"; kRefused "critic.endpoint" where the endpoint is not on this machine, or the key has characters
// that a header cannot have.
Result<void> CheckModelEndpoint(const ModelEndpoint& endpoint);

// One request, not repeated; answers have up to 64 KiB, and the model is asked for up to 2,048 tokens at temperature 0
// in the question's schema. Errors: those of PostAll; kSystem "model.status" for a status other than 200; kMalformed
// "model.reply" for a reply that is no chat completion with one text, or one that was cut off.
Result<oversight::ModelAnswer> AskModel(const ModelEndpoint& endpoint, const oversight::ModelQuestion& question);

}  // namespace pawl::server
