#include "mcp/http_endpoint.h"

#include <algorithm>
#include <cassert>

namespace pawl::mcp {
namespace {

using server::HttpRequest;
using server::HttpResponse;

constexpr int kTurnedAway = -32600;  // JSON-RPC: invalid request
constexpr std::string_view kBearer = "Bearer ";

HttpResponse Turned(unsigned status, std::string_view why) {
  return {.status = status, .content_type = "application/json", .body = TransportFailure(kTurnedAway, why)};
}

// Takes the same time wherever they differ.
bool IsSecret(std::string_view given, std::string_view secret) {
  unsigned difference = given.size() == secret.size() ? 0 : 1;
  for (size_t i = 0; i < given.size(); ++i) {
    difference |= static_cast<unsigned char>(given[i]) ^ static_cast<unsigned char>(secret[i % secret.size()]);
  }
  return difference == 0;
}

std::string_view WithoutParameters(std::string_view value) {
  value = value.substr(0, value.find(';'));
  while (value.ends_with(' ')) value.remove_suffix(1);
  return value;
}

bool TakesJson(const std::optional<std::string>& accept) {
  return !accept || accept->find("application/json") != std::string::npos || accept->find("*/*") != std::string::npos ||
         accept->find("application/*") != std::string::npos;
}

}  // namespace

HttpEndpoint::HttpEndpoint(Server& server, HttpAccess access) : server_(server), access_(std::move(access)) {
  assert(!access_.token.empty());
}

bool HttpEndpoint::IsForThisMachine(const std::string& host) const {
  const std::string port = access_.address.substr(access_.address.rfind(':'));
  return host == access_.address || host == "localhost" + port || host == "127.0.0.1" + port || host == "[::1]" + port;
}

HttpResponse HttpEndpoint::Answer(const HttpRequest& request) {
  if (request.HasField("origin") || !IsForThisMachine(request.Field("host").value_or(""))) {
    return Turned(403, "this server is for programs on this machine, and not for pages");
  }
  const std::string given = request.Field("authorization").value_or("");
  if (!given.starts_with(kBearer) || !IsSecret(std::string_view(given).substr(kBearer.size()), access_.token)) {
    return Turned(401, "the header Authorization has to be Bearer and the token that `pawl mcp` printed");
  }
  if (request.target != kHttpPath) return Turned(404, std::string("the endpoint is ") + kHttpPath);
  if (request.method != "POST") {
    HttpResponse response = Turned(405, "one POST for every message: there are no sessions and no streams");
    response.allow = "POST";
    return response;
  }
  if (WithoutParameters(request.Field("content-type").value_or("")) != "application/json") {
    return Turned(415, "a message is application/json");
  }
  if (!TakesJson(request.Field("accept"))) return Turned(406, "the answer is application/json");
  Reply reply = server_.AnswerPost(request.body, {.revision = request.Field("mcp-protocol-version"),
                                                  .method = request.Field("mcp-method"),
                                                  .name = request.Field("mcp-name")});
  return {.status = reply.http_status,
          .content_type = reply.body.empty() ? "text/plain; charset=utf-8" : "application/json",
          .body = std::move(reply.body)};
}

}  // namespace pawl::mcp
