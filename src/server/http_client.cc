#include "server/http_client.h"

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/address.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http.hpp>
#include <memory>
#include <optional>

#include "encoding/number.h"
#include "server/http_message.h"

namespace pawl::server {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;
using asio::ip::tcp;
using Failure = boost::system::error_code;

struct Url {
  std::string host, port, target;
};

Result<Url> ParseUrl(const std::string& text) {
  constexpr std::string_view kScheme = "http://";
  const auto refuse = [&](const char* why) {
    return Error{ErrorCode::kUsage, "http.url", "'" + text + "' " + why, "write http://HOST:PORT/PREFIX"};
  };
  if (text.starts_with("https://")) return refuse("needs TLS, which is left to a proxy on this machine");
  if (!text.starts_with(kScheme)) return refuse("is no http URL");
  const size_t slash = std::min(text.find('/', kScheme.size()), text.size());
  const std::string authority = text.substr(kScheme.size(), slash - kScheme.size());
  Url url{.host = authority, .port = "80", .target = slash == text.size() ? "/" : text.substr(slash)};
  const size_t colon = authority.rfind(':');
  if (colon != authority.npos && authority.find(']', colon) == authority.npos) {
    url.host = authority.substr(0, colon);
    url.port = authority.substr(colon + 1);
  }
  if (url.host.starts_with('[') && url.host.ends_with(']')) url.host = url.host.substr(1, url.host.size() - 2);
  const Result<uint64_t> port = encoding::ParseUnsigned(url.port, 65'535);
  for (const char c : url.host + url.target) {
    if (c <= ' ' || c == 0x7f || c == '@' || c == '#') return refuse("has characters that a URL here cannot have");
  }
  if (url.host.empty() || !port.ok()) return refuse("has no host, or no port");
  return url;
}

// One request: look up, connect, send, receive. `result` outlives it.
class Exchange : public std::enable_shared_from_this<Exchange> {
 public:
  Exchange(asio::io_context& io, const ClientLimits& limits, Result<witness::HttpReply>& result)
      : stream_(io), resolver_(io), limits_(limits), result_(result) {}

  void Begin(const Url& url, const witness::HttpPost& post) {
    where_ = (url.host.find(':') == url.host.npos ? url.host : "[" + url.host + "]") + ":" + url.port;
    const bool reads = post.method == "GET";
    request_.method(reads ? http::verb::get : http::verb::post);
    request_.target(url.target);
    request_.version(11);
    request_.set(http::field::host, where_);
    request_.set(http::field::user_agent, "pawl");
    if (!reads) request_.set(http::field::content_type, post.content_type);
    if (!post.authorization.empty()) request_.set(http::field::authorization, post.authorization);
    request_.keep_alive(false);
    if (!reads) request_.body() = post.body;
    request_.prepare_payload();
    resolver_.async_resolve(url.host, url.port,
                            [self = shared_from_this()](Failure failure, const tcp::resolver::results_type& found) {
                              if (failure) return self->Fail(failure);
                              self->Connect(found);
                            });
  }

 private:
  void Connect(const tcp::resolver::results_type& found) {
    stream_.expires_after(limits_.exchange_ms_max);
    stream_.async_connect(found, [self = shared_from_this()](Failure failure, const tcp::endpoint&) {
      if (failure) return self->Fail(failure);
      http::async_write(self->stream_, self->request_, [self](Failure failed, size_t) {
        if (failed) return self->Fail(failed);
        self->Receive();
      });
    });
  }

  void Receive() {
    parser_.body_limit(limits_.reply_bytes_max);
    parser_.header_limit(8'192);
    http::async_read(stream_, buffer_, parser_, [self = shared_from_this()](Failure failure, size_t) {
      if (failure) return self->Fail(failure);
      auto& response = self->parser_.get();
      self->result_ = witness::HttpReply{.status = response.result_int(), .body = response.body()};
      self->stream_.close();
    });
  }

  void Fail(Failure failure) {
    result_ = SystemFailure("http.unreachable", "no whole answer from " + where_ + ": " + failure.message());
    stream_.close();
  }

  beast::tcp_stream stream_;
  tcp::resolver resolver_;
  const ClientLimits limits_;
  Result<witness::HttpReply>& result_;
  std::string where_;
  http::request<http::string_body> request_;
  beast::flat_buffer buffer_{kUnparsedBytesMax};
  http::response_parser<http::string_body> parser_;
};

}  // namespace

Result<bool> IsOnThisMachine(const std::string& url) {
  const Result<Url> parsed = ParseUrl(url);
  if (!parsed.ok()) return parsed.error();
  if (parsed->host == "localhost") return true;
  boost::system::error_code failure;
  const asio::ip::address address = asio::ip::make_address(parsed->host, failure);
  return !failure && address.is_loopback();
}

std::vector<Result<witness::HttpReply>> PostAll(const std::vector<witness::HttpPost>& posts,
                                                const ClientLimits& limits) {
  const Error unreachable = SystemFailure("http.unreachable", "no answer in time");
  std::vector<Result<witness::HttpReply>> replies(posts.size(), unreachable);
  try {
    asio::io_context io{1};
    for (size_t i = 0; i < posts.size(); ++i) {
      const Result<Url> url = ParseUrl(posts[i].url);
      if (!url.ok()) {
        replies[i] = url.error();
        continue;
      }
      std::make_shared<Exchange>(io, limits, replies[i])->Begin(*url, posts[i]);
    }
    io.run();
  } catch (const boost::system::system_error& error) {
    return {posts.size(),
            SystemFailure("http.unreachable", std::string("no connections can be made: ") + error.what())};
  }
  return replies;
}

}  // namespace pawl::server
