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
// Room is kept for whoever has something to say. Requests that act (POST) are answered before those that read, and
// those before event streams. Where all connections are taken, a new one takes the place of one that waits: of the
// address that has most of them, the one that has waited longest, one between two requests or with half a request
// first, one that is slow to take its answer last. Where all room for large answers is taken, the one that has been
// taken longest gives it up, of the address that has most of it. Nobody locks others out by waiting. Streams
// (HttpResponse::more) are counted apart, and have an end with the server.
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
  size_t connections_max = 512;      // beside streams; one more takes the place of one that waits
  size_t streams_max = 256;          // one more gets 503
  size_t streams_per_peer_max = 64;  // of an address that is not this machine
  size_t head_bytes_max = 8'192;
  size_t body_bytes_max = 0;  // of a request
  // Of all large answers that are being sent. Beyond it, whoever has taken longest over one is cut off, or there is
  // 503.
  size_t answers_bytes_max = size_t{64} << 20;
  std::chrono::milliseconds taking_ms_min{2'000};         // that nobody is cut off within for that
  std::chrono::milliseconds request_ms_max{10'000};       // from the connection, or from the answer before it
  std::chrono::milliseconds answer_ms_max{60'000};        // to take the answer
  std::chrono::milliseconds stream_poll_ms{500};          // how often a stream is asked for more
  std::chrono::milliseconds heartbeat_ms{15'000};         // a stream with nothing to say sends ":" so often
  std::chrono::milliseconds stream_taken_ms_max{10'000};  // to take what a stream sends
  std::chrono::milliseconds shutdown_ms_max{5'000};       // for what has begun when a stop is requested
};

// An answer up to this size is sent whatever else is being sent.
inline constexpr size_t kSmallAnswerBytesMax = size_t{64} << 10;

// What has happened since the server began, for whoever watches it.
struct HttpCounts {
  uint64_t answers = 0;          // by status below
  uint64_t answers_refused = 0;  // 4xx
  uint64_t answers_failed = 0;   // 5xx
  uint64_t displaced = 0;        // connections that waited and gave their place to another
  uint64_t too_slow = 0;         // that were cut off for being slow to ask or to listen
  size_t connections = 0;        // now
  size_t streams = 0;            // now
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
  const HttpCounts& counts() const;  // on the thread that runs
  void Run(const std::stop_token& stop);

 private:
  struct Loop;
  explicit HttpServer(std::unique_ptr<Loop> loop);
  std::unique_ptr<Loop> loop_;
};

}  // namespace pawl::server
