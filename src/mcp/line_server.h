// MCP over stdio: one message a line in, one answer a line out.
//
//   Result<void> ended = ServeLines(STDIN_FILENO, STDOUT_FILENO, server, stop_token);
//
// Source: modelcontextprotocol.io/specification/2026-07-28/basic/transports/stdio. Thread safety: one thread.
#pragma once

#include <stop_token>

#include "mcp/protocol.h"
#include "result/result.h"

namespace pawl::mcp {

// Until `in` ends or a stop is requested (looked at twice a second). A line that is longer than kMessageBytesMax is
// thrown away and answered as malformed; no more of it than that is ever held. kSystem "mcp.output" where nobody takes
// the answers any more, "mcp.input" where nothing can be read.
Result<void> ServeLines(int in, int out, Server& server, const std::stop_token& stop);

}  // namespace pawl::mcp
