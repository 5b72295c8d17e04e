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
#include <string>

namespace pawl::server {

// Of what has come on a connection and is not parsed yet. Chunk extensions and trailers have no other limit.
inline constexpr size_t kUnparsedBytesMax = size_t{64} << 10;

struct HttpRequest {
  std::string method;  // "GET"
  std::string target;  // as it was sent, query included: "/log/engine/checkpoint"
  std::string body;
};

struct HttpResponse {
  unsigned status = 500;
  std::string content_type = "text/plain; charset=utf-8";
  std::string cache_control = "no-store";
  std::string allow = {};  // for 405: the methods that are served
  std::string body = {};

  static HttpResponse Text(unsigned status, std::string body) { return {.status = status, .body = std::move(body)}; }
};

}  // namespace pawl::server
