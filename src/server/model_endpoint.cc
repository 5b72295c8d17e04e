#include "server/model_endpoint.h"

#include <algorithm>

#include "encoding/json.h"
#include "server/http_client.h"

namespace pawl::server {
namespace {

using encoding::Json;

constexpr size_t kReplyBytesMax = 65'536;
constexpr int kAnswerTokensMax = 2'048;

std::string RequestBody(const std::string& model, const oversight::ModelQuestion& question) {
  Json body = {{"model", model}, {"temperature", 0}, {"max_tokens", kAnswerTokensMax}, {"stream", false}};
  body["messages"] = Json::array(
      {{{"role", "system"}, {"content", question.instructions}}, {{"role", "user"}, {"content", question.data}}});
  body["response_format"] = {{"type", "json_schema"},
                             {"json_schema", {{"name", "review"}, {"strict", true}, {"schema", question.schema}}}};
  return encoding::CanonicalJson(body);
}

// Replies have many members that nobody asked for (usage, fingerprints, fractions among them): those are passed over.
const Json* Member(const Json* value, const char* name) {
  if (value == nullptr || !value->is_object()) return nullptr;
  const auto found = value->find(name);
  return found == value->end() ? nullptr : &*found;
}

Result<oversight::ModelAnswer> ReadReply(const std::string& body) {
  const Result<Json> json = encoding::ParseJson(body, {.bytes_max = kReplyBytesMax,
                                                       .depth_max = 16,
                                                       .elements_max = 5'000,
                                                       .fractions = encoding::Fractions::kRounded});
  if (!json.ok()) return Malformed("model.reply", "the reply is no JSON that is read here: " + json.error().message);
  const Json* choices = Member(&*json, "choices");
  if (choices == nullptr || !choices->is_array() || choices->size() != 1) {
    return Malformed("model.reply", "the reply does not have exactly one choice");
  }
  const Json* finish = Member(&choices->front(), "finish_reason");
  if (finish != nullptr && finish->is_string() && *finish == "length") {
    return Malformed("model.reply", "the answer was cut off at its greatest length");
  }
  const Json* content = Member(Member(&choices->front(), "message"), "content");
  if (content == nullptr || !content->is_string()) return Malformed("model.reply", "the reply's message has no text");
  const Json* model = Member(&*json, "model");
  return oversight::ModelAnswer{
      .text = content->get<std::string>(),
      .model = model != nullptr && model->is_string() ? model->get<std::string>() : std::string()};
}

}  // namespace

Result<void> CheckModelEndpoint(const ModelEndpoint& endpoint) {
  const Result<bool> here = IsOnThisMachine(endpoint.base_url);
  if (!here.ok()) return here.error();
  if (!*here) {
    return Refused("critic.endpoint",
                   "'" + endpoint.base_url + "' is not on this machine, and plain http can be changed on its way",
                   "run a proxy that speaks TLS here, and name it: http://127.0.0.1:PORT/v1");
  }
  const bool is_plain =
      std::all_of(endpoint.api_key.begin(), endpoint.api_key.end(), [](char c) { return c > ' ' && c < 0x7f; });
  if (!is_plain) return Refused("critic.endpoint", "the endpoint's key has characters that a header cannot have");
  return {};
}

Result<oversight::ModelAnswer> AskModel(const ModelEndpoint& endpoint, const oversight::ModelQuestion& question) {
  if (Result<void> fits = CheckModelEndpoint(endpoint); !fits.ok()) return fits.error();
  std::string url = endpoint.base_url;
  while (url.ends_with('/')) url.pop_back();
  const std::vector<Result<witness::HttpReply>> replies =
      PostAll({{.url = url + "/chat/completions",
                .body = RequestBody(endpoint.model, question),
                .content_type = "application/json",
                .authorization = endpoint.api_key.empty() ? "" : "Bearer " + endpoint.api_key}},
              {.exchange_ms_max = endpoint.answer_ms_max, .reply_bytes_max = kReplyBytesMax});
  if (!replies.front().ok()) return replies.front().error();
  const witness::HttpReply& reply = *replies.front();
  if (reply.status != 200)
    return SystemFailure("model.status", "the endpoint answered with status " + std::to_string(reply.status));
  return ReadReply(reply.body);
}

}  // namespace pawl::server
