// Whatever comes as a message of the Model Context Protocol, over a line or in a POST: the answer is one line of
// JSON-RPC or nothing, and no tool is called with what it does not take.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "mcp/http_endpoint.h"
#include "mcp/protocol.h"

using namespace pawl;  // NOLINT

namespace {

constexpr size_t kWhatBytesMax = 8;

void Require(bool condition) {
  if (!condition) std::abort();
}

mcp::ToolAnswer Call(const std::string& name, const encoding::Json& arguments) {
  Require(arguments.is_object());
  if (name == "look") {
    Require(arguments.empty());
  } else {
    Require(name == "ask" && arguments.contains("what") && arguments.size() <= 2);
    const std::string what = arguments["what"].get<std::string>();
    Require(!what.empty() && what.size() <= kWhatBytesMax && what.find('\0') == what.npos);
    if (arguments.size() == 2) Require(arguments["index"].is_number_integer() && arguments["index"] >= 0);
  }
  return {mcp::ToolOutcome::kDone, {{"said", "\xff\n"}}};
}

void CheckReply(std::string_view reply) {
  if (reply.empty()) return;
  Require(reply.find('\n') == reply.npos && reply.find('\r') == reply.npos);
  const encoding::Json json = encoding::Json::parse(reply);
  Require(json.is_object() && json["jsonrpc"] == "2.0" && json.contains("result") != json.contains("error"));
  if (json.contains("error"))
    Require(json["error"]["code"].is_number_integer() && json["error"]["message"].is_string());
}

}  // namespace

// The first two lines are the heads of a POST, what follows is the message.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static mcp::Server server(
      {.tools = {{.name = "look", .title = "Look", .description = "looks"},
                 {.name = "ask",
                  .title = "Ask",
                  .description = "asks",
                  .parameters = {{.name = "what", .description = "text", .bytes_max = kWhatBytesMax},
                                 {.name = "index",
                                  .description = "number",
                                  .type = mcp::ParameterType::kIndex,
                                  .need = mcp::Need::kOptional}}}},
       .call = Call});
  static mcp::HttpEndpoint endpoint(server, {.address = "127.0.0.1:8450", .token = "token"});
  std::string_view rest(reinterpret_cast<const char*>(data), size);
  const auto line = [&] {
    const std::string_view taken = rest.substr(0, rest.find('\n'));
    rest.remove_prefix(std::min(rest.size(), taken.size() + 1));
    return std::string(taken);
  };
  const std::string name = line(), value = line();
  CheckReply(server.Answer(rest));
  server::HttpRequest request{.method = "POST",
                              .target = mcp::kHttpPath,
                              .body = std::string(rest),
                              .fields = {{"host", "localhost:8450"},
                                         {"authorization", "Bearer token"},
                                         {"content-type", "application/json"},
                                         {"mcp-protocol-version", "2026-07-28"},
                                         {"mcp-method", "tools/call"},
                                         {"mcp-name", "ask"},
                                         {name, value}}};
  const server::HttpResponse answer = endpoint.Answer(request);
  Require(answer.status >= 200 && answer.status < 600 && !answer.more);
  CheckReply(answer.body);
  // Without the token nothing is answered but that.
  request.fields[1].second = "Bearer " + value;
  if (value != "token") Require(endpoint.Answer(request).status >= 400);
  return 0;
}
