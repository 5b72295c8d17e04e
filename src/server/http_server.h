// An HTTP/1.1 server for answers that are at hand: one thread, many connections, limits on all of them.
//
//   Result<HttpServer> server = HttpServer::Listen("127.0.0.1:8440", {}, answer);
//   std::printf("http://%s\n", server->address().c_str());
//   server->Run(stop_token);               // until a stop is requested; then what has begun is finished
//
// `answer` is called on the thread that runs, one request at a time: it must not wait for anybody but the disk. What it
// is given is bounded by HttpLimits; a request that is malformed, too large or too slow, or whose body has no length,
// never reaches it (400, 411, 413, 431, or the connection is closed). There is no TLS: beyond loopback a proxy stands
// before it.
//
// Thread safety: Listen and Run belong to one thread; the stop may be requested from any.
#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <stop_token>
#include <string>

#include "result/result.h"
#include "server/http_message.h"

namespace pawl::server {

struct HttpLimits {
  size_t connections_max = 64;  // one more is closed at once
  size_t head_bytes_max = 8'192;
  size_t body_bytes_max = 0;                         // of a request
  size_t answers_bytes_max = size_t{64} << 20;       // of all answers that are being sent; beyond it 503
  std::chrono::milliseconds request_ms_max{10'000};  // from the connection, or from the answer before it
  std::chrono::milliseconds answer_ms_max{60'000};   // to take the answer
  std::chrono::milliseconds shutdown_ms_max{5'000};  // for what has begun when a stop is requested
};

class HttpServer {
 public:
  using Answer = std::function<HttpResponse(const HttpRequest&)>;

  // `where` is ADDRESS:PORT, an IPv6 address in brackets; port 0 takes a free one. Malformed: kUsage "serve.address";
  // kSystem "serve.listen" where the address cannot be had.
  static Result<HttpServer> Listen(const std::string& where, const HttpLimits& limits, Answer answer);
  HttpServer(HttpServer&&) noexcept;
  HttpServer& operator=(HttpServer&&) noexcept;
  ~HttpServer();

  std::string address() const;  // "127.0.0.1:8440", the port as it was given by the system
  bool is_loopback() const;
  void Run(const std::stop_token& stop);

 private:
  struct Loop;
  explicit HttpServer(std::unique_ptr<Loop> loop);
  std::unique_ptr<Loop> loop_;
};

}  // namespace pawl::server
