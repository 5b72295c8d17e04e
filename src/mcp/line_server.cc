#include "mcp/line_server.h"

#include <poll.h>
#include <unistd.h>

#include <array>
#include <cerrno>

namespace pawl::mcp {
namespace {

constexpr int kPollMs = 500;
constexpr int kTooLong = -32600;

Result<void> WriteLine(int out, std::string line) {
  line += '\n';
  for (size_t done = 0; done < line.size();) {
    const ssize_t wrote = write(out, line.data() + done, line.size() - done);
    if (wrote < 0 && errno == EINTR) continue;
    if (wrote <= 0) return SystemFailure("mcp.output", "the client takes no more answers");
    done += static_cast<size_t>(wrote);
  }
  return {};
}

}  // namespace

Result<void> ServeLines(int in, int out, Server& server, const std::stop_token& stop) {
  std::array<char, 16'384> chunk;
  std::string line;
  bool is_too_long = false;  // the line that is being read
  while (!stop.stop_requested()) {
    pollfd waited{in, POLLIN, 0};
    const int ready = poll(&waited, 1, kPollMs);
    if (ready == 0 || (ready < 0 && errno == EINTR)) continue;
    const ssize_t got = ready < 0 ? -1 : read(in, chunk.data(), chunk.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return SystemFailure("mcp.input", "cannot read from the client");
    if (got == 0) return {};
    for (const char byte : std::string_view(chunk.data(), static_cast<size_t>(got))) {
      if (byte != '\n') {
        is_too_long = is_too_long || line.size() == kMessageBytesMax;
        if (!is_too_long) line += byte;
        continue;
      }
      const std::string answer = is_too_long                    ? TransportFailure(kTooLong, "the message is too long")
                                 : line.empty() || line == "\r" ? std::string()
                                                                : server.Answer(line);
      line.clear();
      is_too_long = false;
      if (answer.empty()) continue;
      if (Result<void> written = WriteLine(out, answer); !written.ok()) return written;
    }
  }
  return {};
}

}  // namespace pawl::mcp
