#include "mcp/protocol.h"

#include <algorithm>

#include "encoding/base64.h"

namespace pawl::mcp {
namespace {

using encoding::Json;

constexpr int kParseError = -32700, kInvalidRequest = -32600, kMethodNotFound = -32601, kInvalidParams = -32602;
constexpr int kHeaderMismatch = -32020, kUnsupportedRevision = -32022;  // 2026-07-28, basic: error codes
constexpr char kRevisionKey[] = "io.modelcontextprotocol/protocolVersion";
constexpr char kCapabilitiesKey[] = "io.modelcontextprotocol/clientCapabilities";
constexpr char kServerInfoKey[] = "io.modelcontextprotocol/serverInfo";
constexpr size_t kIdBytesMax = 256;
constexpr int64_t kListLifetimeMs = 3'600'000;  // the list of tools is fixed while the server runs
constexpr std::string_view kSentinelBegin = "=?base64?", kSentinelEnd = "?=";

// Text of others may have bytes that are no UTF-8 in it: they are replaced.
std::string Line(const Json& value) { return value.dump(-1, ' ', false, Json::error_handler_t::replace); }

const Json* Member(const Json& object, const char* name) {
  const auto found = object.is_object() ? object.find(name) : object.end();
  return object.is_object() && found != object.end() ? &*found : nullptr;
}

std::optional<std::string> TextMember(const Json& object, const char* name) {
  const Json* member = Member(object, name);
  return member != nullptr && member->is_string() ? std::optional(member->get<std::string>()) : std::nullopt;
}

bool IsId(const Json& id) {
  return id.is_number_integer() || (id.is_string() && id.get_ref<const std::string&>().size() <= kIdBytesMax);
}

// A value of the head that may be in base64, because it could not stand there as it is.
std::optional<std::string> Decoded(const std::string& value) {
  if (!value.starts_with(kSentinelBegin) || !value.ends_with(kSentinelEnd) ||
      value.size() < kSentinelBegin.size() + kSentinelEnd.size()) {
    return value;
  }
  const std::string_view inner =
      std::string_view(value).substr(kSentinelBegin.size(), value.size() - kSentinelBegin.size() - kSentinelEnd.size());
  const Result<std::string> decoded = encoding::DecodeBase64(inner);
  return decoded.ok() ? std::optional(*decoded) : std::nullopt;
}

Json SchemaOf(const Tool& tool) {
  Json properties = Json::object(), required = Json::array();
  for (const Parameter& parameter : tool.parameters) {
    Json property = {{"description", parameter.description}};
    switch (parameter.type) {
      case ParameterType::kText:
        property.update({{"type", "string"}, {"minLength", 1}, {"maxLength", parameter.bytes_max}});
        break;
      case ParameterType::kIndex:
        property.update({{"type", "integer"}, {"minimum", 0}});
        break;
    }
    properties[parameter.name] = std::move(property);
    if (parameter.need == Need::kRequired) required.push_back(parameter.name);
  }
  Json schema = {{"type", "object"}, {"additionalProperties", false}, {"properties", properties}};
  if (!required.empty()) schema["required"] = std::move(required);
  return schema;
}

// What is wrong with arguments, for the model to mend.
std::optional<std::string> ArgumentObjection(const Tool& tool, const Json& arguments) {
  for (const auto& item : arguments.items()) {
    const std::string& name = item.key();
    const Json& value = item.value();
    const auto known = std::find_if(tool.parameters.begin(), tool.parameters.end(),
                                    [&](const Parameter& parameter) { return parameter.name == name; });
    if (known == tool.parameters.end()) return tool.name + " takes no argument '" + name.substr(0, 100) + "'";
    switch (known->type) {
      case ParameterType::kText: {
        const std::string* text = value.get_ptr<const std::string*>();
        if (text == nullptr || text->empty() || text->size() > known->bytes_max ||
            text->find('\0') != std::string::npos) {
          return name + " has to be text of 1 to " + std::to_string(known->bytes_max) + " bytes, none of them zero";
        }
        break;
      }
      case ParameterType::kIndex:
        if (!value.is_number_integer() || value < 0) return name + " has to be an integer of at least 0";
        break;
    }
  }
  for (const Parameter& parameter : tool.parameters) {
    if (parameter.need == Need::kRequired && !arguments.contains(parameter.name)) {
      return tool.name + " needs the argument '" + parameter.name + "'";
    }
  }
  return std::nullopt;
}

}  // namespace

struct Server::Failure {
  int code = 0;
  std::string message;
  Json data = nullptr;
  unsigned http_status = 400;
};

struct Server::Request {
  Json id;
  std::string method;
  Json params = Json::object();
  std::optional<std::string> revision = {};  // what _meta names; none: 2025-11-25 or before
  bool is_modern() const { return revision.has_value(); }
};

std::string TransportFailure(int code, std::string_view message) {
  return Line({{"jsonrpc", "2.0"}, {"error", {{"code", code}, {"message", message}}}});
}

Reply Server::AnswerMessage(std::string_view message, const PostHead* head) {
  Result<Json> parsed = encoding::ParseJson(message, {.bytes_max = kMessageBytesMax,
                                                      .depth_max = 24,
                                                      .elements_max = 10'000,
                                                      .fractions = encoding::Fractions::kRounded});
  if (!parsed.ok()) return Fail(nullptr, {kParseError, parsed.error().message}, head);
  const Json* id = Member(*parsed, "id");
  const Json known_id = id != nullptr && IsId(*id) ? *id : Json(nullptr);
  if (TextMember(*parsed, "jsonrpc") != "2.0") {
    return Fail(known_id, {kInvalidRequest, "not one JSON-RPC 2.0 message"}, head);
  }
  const std::optional<std::string> method = TextMember(*parsed, "method");
  if (!method) {
    const bool is_response = Member(*parsed, "result") != nullptr || Member(*parsed, "error") != nullptr;
    if (!is_response || (head != nullptr && head->revision == kModernRevision)) {
      return Fail(known_id, {kInvalidRequest, "neither a request nor a notification"}, head);
    }
    return {.http_status = 202};  // this server asks nothing, so no answer to it means anything
  }
  if (id == nullptr) return {.http_status = 202};  // a notification: none of them changes anything here
  if (known_id.is_null()) return Fail(nullptr, {kInvalidRequest, "an id is a string or an integer"}, head);
  Request request{known_id, *method};
  if (const Json* params = Member(*parsed, "params"); params != nullptr) {
    if (!params->is_object()) return Fail(known_id, {kInvalidParams, "params has to be an object"}, head);
    request.params = *params;
  }
  if (const Json* meta = Member(request.params, "_meta"); meta != nullptr && meta->contains(kRevisionKey)) {
    request.revision = TextMember(*meta, kRevisionKey);
    if (!request.revision) return Fail(known_id, {kInvalidParams, std::string(kRevisionKey) + " is a string"}, head);
  }
  return AnswerRequest(request, head);
}

std::optional<Server::Failure> Server::Objection(const Request& request, const PostHead* head) const {
  const auto unsupported = [](const std::string& requested) -> Failure {
    return {kUnsupportedRevision,
            "Unsupported protocol version",
            {{"supported", {kModernRevision, kLegacyRevision}}, {"requested", requested}}};
  };
  if (!request.is_modern()) {
    if (head == nullptr || request.method == "initialize") return std::nullopt;
    if (!head->revision) return Failure{kInvalidRequest, "the header MCP-Protocol-Version is missing"};
    if (*head->revision == kModernRevision) {
      return Failure{kInvalidParams, std::string("params._meta has no ") + kRevisionKey};
    }
    return *head->revision == kLegacyRevision ? std::nullopt : std::optional(unsupported(*head->revision));
  }
  if (head != nullptr) {
    const auto mismatch = [](const std::string& name) {
      return Failure{kHeaderMismatch, "Header mismatch: " + name + " is missing or is not what the body says"};
    };
    if (head->revision != request.revision) return mismatch("MCP-Protocol-Version");
    if (head->method != request.method) return mismatch("Mcp-Method");
    if (request.method == "tools/call" &&
        (!head->name || Decoded(*head->name) != TextMember(request.params, "name").value_or(""))) {
      return mismatch("Mcp-Name");
    }
  }
  if (*request.revision != kModernRevision) return unsupported(*request.revision);
  const Json* capabilities = Member(*Member(request.params, "_meta"), kCapabilitiesKey);
  if (capabilities == nullptr || !capabilities->is_object()) {
    return Failure{kInvalidParams, std::string("params._meta has no ") + kCapabilitiesKey};
  }
  return std::nullopt;
}

Reply Server::AnswerRequest(const Request& request, const PostHead* head) {
  if (const std::optional<Failure> objection = Objection(request, head)) return Fail(request.id, *objection, head);
  if (request.method == "tools/list") {
    if (Member(request.params, "cursor") != nullptr) {
      return Fail(request.id, {kInvalidParams, "there is one page of tools, and no cursor"}, head);
    }
    return Succeed(request, ListedTools());
  }
  if (request.method == "tools/call") return CallTool(request, head);
  if (request.is_modern() && request.method == "server/discover") return Succeed(request, Discovered());
  if (!request.is_modern() && request.method == "ping") return Succeed(request, Json::object());
  if (!request.is_modern() && request.method == "initialize") {
    if (!TextMember(request.params, "protocolVersion")) {
      return Fail(request.id, {kInvalidParams, "params has no protocolVersion"}, head);
    }
    return Succeed(request, Initialized());
  }
  return Fail(request.id, {kMethodNotFound, "Method not found: " + request.method.substr(0, 100), nullptr, 404}, head);
}

Reply Server::CallTool(const Request& request, const PostHead* head) {
  const std::optional<std::string> name = TextMember(request.params, "name");
  const auto tool =
      std::find_if(offer_.tools.begin(), offer_.tools.end(), [&](const Tool& offered) { return offered.name == name; });
  if (tool == offer_.tools.end()) {
    return Fail(request.id, {kInvalidParams, "Unknown tool: " + name.value_or("").substr(0, 100), nullptr, 200}, head);
  }
  const Json* given = Member(request.params, "arguments");
  const Json arguments = given == nullptr ? Json::object() : *given;
  if (!arguments.is_object()) return Fail(request.id, {kInvalidParams, "arguments has to be an object"}, head);
  const std::optional<std::string> objection = ArgumentObjection(*tool, arguments);
  const ToolAnswer answer =
      objection ? ToolAnswer{ToolOutcome::kFailed,
                             {{"error", {{"rule", "mcp.arguments"}, {"message", *objection}, {"advice", ""}}}}}
                : offer_.call(*name, arguments);
  return Succeed(request, {{"content", {{{"type", "text"}, {"text", Line(answer.content)}}}},
                           {"structuredContent", answer.content},
                           {"isError", answer.outcome == ToolOutcome::kFailed}});
}

Json Server::Initialized() const {
  return {{"protocolVersion", kLegacyRevision},
          {"capabilities", {{"tools", Json::object()}}},
          {"serverInfo", {{"name", "pawl"}, {"version", offer_.version}}},
          {"instructions", offer_.instructions}};
}

Json Server::Discovered() const {
  return {{"supportedVersions", {kModernRevision, kLegacyRevision}},
          {"capabilities", {{"tools", Json::object()}}},
          {"instructions", offer_.instructions},
          {"ttlMs", kListLifetimeMs},
          {"cacheScope", "private"}};
}

Json Server::ListedTools() const {
  Json tools = Json::array();
  for (const Tool& tool : offer_.tools) {
    tools.push_back(
        {{"name", tool.name},
         {"title", tool.title},
         {"description", tool.description},
         {"inputSchema", SchemaOf(tool)},
         {"annotations",
          {{"readOnlyHint", tool.effect == Effect::kReads}, {"destructiveHint", false}, {"openWorldHint", false}}}});
  }
  return {{"tools", tools}, {"ttlMs", kListLifetimeMs}, {"cacheScope", "private"}};
}

Reply Server::Succeed(const Request& request, Json result) const {
  if (request.is_modern()) {
    result["resultType"] = "complete";
    result["_meta"] = {{kServerInfoKey, {{"name", "pawl"}, {"version", offer_.version}}}};
  } else {
    result.erase("ttlMs");
    result.erase("cacheScope");
  }
  return {.body = Line({{"jsonrpc", "2.0"}, {"id", request.id}, {"result", std::move(result)}})};
}

Reply Server::Fail(const Json& id, const Failure& failure, const PostHead* head) const {
  Json error = {{"code", failure.code}, {"message", failure.message}};
  if (!failure.data.is_null()) error["data"] = failure.data;
  Json message = {{"jsonrpc", "2.0"}, {"error", std::move(error)}};
  if (!id.is_null()) message["id"] = id;
  return {.http_status = head == nullptr ? 200 : failure.http_status, .body = Line(message)};
}

}  // namespace pawl::mcp
