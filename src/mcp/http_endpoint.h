// MCP over Streamable HTTP: one POST a message, one JSON answer; for programs on this machine that know a token.
//
//   HttpEndpoint endpoint(server, {.address = http.address(), .token = token});
//   HttpResponse response = endpoint.Answer(request);
//
// Neither sessions nor streams: 2026-07-28 has none, and 2025-11-25 lets a server do without (GET is answered with
// 405). A request from a page in a browser carries an Origin and gets 403, whatever the page; so does one whose Host is
// not this machine (a name that was made to point here). A request without the token gets 401.
//
// Source: modelcontextprotocol.io/specification/2026-07-28/basic/transports/streamable-http.
// Thread safety: one thread, the server's.
#pragma once

#include <string>

#include "mcp/protocol.h"
#include "server/http_message.h"

namespace pawl::mcp {

inline constexpr char kHttpPath[] = "/mcp";

struct HttpAccess {
  std::string address;  // where it listens, "127.0.0.1:8450"
  std::string token;    // what "Authorization: Bearer" has to say; not empty
};

class HttpEndpoint {
 public:
  // The server must outlive it.
  HttpEndpoint(Server& server, HttpAccess access);

  server::HttpResponse Answer(const server::HttpRequest& request);

 private:
  bool IsForThisMachine(const std::string& host) const;

  Server& server_;
  HttpAccess access_;
};

}  // namespace pawl::mcp
