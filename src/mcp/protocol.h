// The server's side of the Model Context Protocol, revisions 2026-07-28 and 2025-11-25, whatever carries the messages.
//
//   Server server({.tools = {{.name = "pawl_status", .title = "Status", .description = "what is waited for"}},
//                  .call = [](const std::string& name, const Json& arguments) { return Ask(name, arguments); }});
//   std::string line = server.Answer(message);                       // over stdio; empty: nothing to answer
//   Reply reply = server.AnswerPost(message, {.revision = "2026-07-28", .method = "tools/list"});   // over HTTP
//
// A request that carries its revision in _meta is served by 2026-07-28, without any memory of an earlier one; every
// other by 2025-11-25, whose `initialize` is answered and remembered nowhere. There are tools and nothing else: no
// prompts, no resources, no subscriptions (the list of tools never changes). A batch is refused, as both revisions want
// it.
//
// Messages are somebody else's: at most kMessageBytesMax, 24 deep, 10,000 values; arguments are held to the tool's
// parameters before it is called. Every message gets a well-formed answer or, if it is a notification, none.
//
// Sources: modelcontextprotocol.io/specification/2026-07-28 (basic, basic/versioning, basic/transports/streamable-http,
// server/tools) and /2025-11-25 (basic/lifecycle, basic/transports, server/tools).
// Thread safety: one thread; `call` runs on it.
#pragma once

#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "encoding/json.h"

namespace pawl::mcp {

inline constexpr std::string_view kModernRevision = "2026-07-28";
inline constexpr std::string_view kLegacyRevision = "2025-11-25";
inline constexpr size_t kMessageBytesMax = size_t{256} << 10;

enum class ParameterType { kText, kIndex };  // a string; an integer of at least 0
enum class Need { kRequired, kOptional };

struct Parameter {
  std::string name;
  std::string description;
  ParameterType type = ParameterType::kText;
  Need need = Need::kRequired;
  size_t bytes_max = 4'096;  // of text
};

enum class Effect { kReads, kActs };  // what clients tell the people who watch them

struct Tool {
  std::string name;
  std::string title;
  std::string description;
  std::vector<Parameter> parameters = {};  // and no others
  Effect effect = Effect::kReads;
};

enum class ToolOutcome { kDone, kFailed };

struct ToolAnswer {
  ToolOutcome outcome = ToolOutcome::kFailed;
  encoding::Json content = encoding::Json::object();  // an object
};

struct Offer {
  std::vector<Tool> tools;
  // Called with the name of one of the tools and arguments that fit its parameters.
  std::function<ToolAnswer(const std::string& name, const encoding::Json& arguments)> call;
  std::string instructions = {};  // for the model
  std::string version = {};       // of this server
};

// What 2026-07-28 wants to be said in the head of an HTTP request as well.
struct PostHead {
  std::optional<std::string> revision;  // MCP-Protocol-Version
  std::optional<std::string> method;    // Mcp-Method
  std::optional<std::string> name;      // Mcp-Name, as it was sent
};

struct Reply {
  unsigned http_status = 200;
  std::string body = {};  // JSON on one line; empty: nothing to answer
};

class Server {
 public:
  explicit Server(Offer offer) : offer_(std::move(offer)) {}

  // One message, as stdio carries it: the answer on one line without its end.
  std::string Answer(std::string_view message) { return AnswerMessage(message, nullptr).body; }
  // One message, as the body of a POST; what the head says is compared with it.
  Reply AnswerPost(std::string_view message, const PostHead& head) { return AnswerMessage(message, &head); }

 private:
  struct Failure;
  struct Request;
  Reply AnswerMessage(std::string_view message, const PostHead* head);
  Reply AnswerRequest(const Request& request, const PostHead* head);
  std::optional<Failure> Objection(const Request& request, const PostHead* head) const;
  Reply Succeed(const Request& request, encoding::Json result) const;
  Reply Fail(const encoding::Json& id, const Failure& failure, const PostHead* head) const;
  encoding::Json Initialized() const;
  encoding::Json Discovered() const;
  encoding::Json ListedTools() const;
  Reply CallTool(const Request& request, const PostHead* head);

  Offer offer_;
};

// A failure of the transport's own, as a message without an id.
std::string TransportFailure(int code, std::string_view message);

}  // namespace pawl::mcp
