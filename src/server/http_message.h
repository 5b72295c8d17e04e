// What goes over HTTP, without the library that carries it.
//
//   HttpResponse Answer(const HttpRequest& request) {
//     if (request.method != "GET") return HttpResponse::Text(405, "only GET here\n");
//     return {.status = 200, .content_type = "application/octet-stream", .body = bytes};
//   }
//
// Thread safety: values.
#pragma once

#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace pawl::server {

// Of what has come on a connection and is not parsed yet. Chunk extensions and trailers have no other limit.
inline constexpr size_t kUnparsedBytesMax = size_t{64} << 10;

struct HttpRequest {
  std::string method;  // "GET"
  std::string target;  // as it was sent, query included: "/log/engine/checkpoint"
  std::string body;
  std::vector<std::pair<std::string, std::string>> fields = {};  // of the head, names in lower case, in their order
  std::string peer = {};  // the address that it came from, "127.0.0.1"; of IPv6 the network, "2001:db8::"

  // One field of the head; none where it is missing or stands there twice, which two readers could read in two ways.
  std::optional<std::string> Field(std::string_view lower_name) const {
    std::optional<std::string> found;
    for (const auto& [name, value] : fields) {
      if (name != lower_name) continue;
      if (found) return std::nullopt;
      found = value;
    }
    return found;
  }
  bool HasField(std::string_view lower_name) const {
    for (const auto& field : fields) {
      if (field.first == lower_name) return true;
    }
    return false;
  }
};

// A request that acts, as against one that reads.
inline bool Acts(std::string_view method) { return method != "GET" && method != "HEAD"; }

struct HttpResponse {
  unsigned status = 500;
  std::string content_type = "text/plain; charset=utf-8";
  std::string cache_control = "no-store";
  std::string allow = {};  // for 405: the methods that are served
  std::string body = {};
  std::vector<std::pair<std::string, std::string>> headers = {};  // more of them
  // Where it is set the answer has no end: after `body` follows what this gives each time that it is asked, an empty
  // text where there is nothing new, and no text where it ends. It is asked only once the client has taken the last.
  std::function<std::optional<std::string>()> more = {};

  static HttpResponse Text(unsigned status, std::string body) { return {.status = status, .body = std::move(body)}; }
};

}  // namespace pawl::server
