#include "server/http_server.h"

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http.hpp>
#include <list>
#include <optional>
#include <utility>

#include "encoding/number.h"

namespace pawl::server {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;
using asio::ip::tcp;
using Failure = boost::system::error_code;

constexpr std::chrono::milliseconds kAcceptPause{100};  // where the system has no descriptors left
constexpr std::chrono::milliseconds kLinger{1'000};
constexpr size_t kLingerBytesMax = size_t{1} << 20;

std::vector<std::pair<std::string, std::string>> FieldsOf(const http::request<http::string_body>& request) {
  std::vector<std::pair<std::string, std::string>> fields;
  for (const auto& field : request) {
    std::string name(field.name_string());
    for (char& c : name) c = static_cast<char>(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
    fields.emplace_back(std::move(name), std::string(field.value()));
  }
  return fields;
}

}  // namespace

struct Shared;

// One connection: reads a request, answers, and again. Kept alive by what it waits for.
class Connection : public std::enable_shared_from_this<Connection> {
 public:
  Connection(Shared& shared, tcp::socket socket) : shared_(shared), stream_(std::move(socket)) {}
  void Begin();  // once
  void Read();
  // Closes where no request is under way; else it is closed after its answer.
  void Wind();
  void Close() { stream_.close(); }

 private:
  void OnHead(Failure failure);
  void OnRead(Failure failure);
  void Send(HttpResponse answer);
  void OnSent(Failure failure);
  // What the client still sends is thrown away for a moment: closing on unread bytes would take the answer back.
  void Linger(size_t bytes);
  void End();
  bool CanGoOn() const;

  Shared& shared_;
  beast::tcp_stream stream_;
  beast::flat_buffer buffer_{kUnparsedBytesMax};
  std::optional<http::request_parser<http::string_body>> parser_;
  http::response<http::string_body> response_;
  std::list<std::weak_ptr<Connection>>::iterator place_;
  bool is_idle_ = true;  // no byte of the next request has come
  bool keep_alive_ = false;
};

// What connections share with the loop.
struct Shared {
  HttpLimits limits;
  HttpServer::Answer answer;
  std::list<std::weak_ptr<Connection>> connections{};
  size_t answers_bytes = 0;
  bool is_ending = false;
  std::function<void()> on_last_end;  // called where no connection is left
};

void Connection::Begin() { place_ = shared_.connections.insert(shared_.connections.end(), weak_from_this()); }

bool Connection::CanGoOn() const { return keep_alive_ && !shared_.is_ending; }

void Connection::Read() {
  parser_.emplace();
  parser_->header_limit(static_cast<uint32_t>(shared_.limits.head_bytes_max));
  parser_->body_limit(shared_.limits.body_bytes_max);
  stream_.expires_after(shared_.limits.request_ms_max);
  is_idle_ = buffer_.size() == 0;
  // First some bytes, then the head: so that it is known who waits for nothing and may be sent away at a stop.
  http::async_read_some(stream_, buffer_, *parser_, [self = shared_from_this()](Failure failure, size_t) {
    self->is_idle_ = false;
    if (failure || self->parser_->is_header_done()) return self->OnHead(failure);
    http::async_read_header(self->stream_, self->buffer_, *self->parser_,
                            [self](Failure failed, size_t) { self->OnHead(failed); });
  });
}

void Connection::OnHead(Failure failure) {
  if (failure) return OnRead(failure);
  // A body has to say its length (RFC 9112, 6.3). Where another program before this one reads the codings of a body
  // otherwise, what is one request to it would be two here.
  if (parser_->get().count(http::field::transfer_encoding) > 0) {
    keep_alive_ = false;
    return Send(HttpResponse::Text(411, "a request says its Content-Length, and has no Transfer-Encoding\n"));
  }
  if (parser_->is_done()) return OnRead(failure);
  http::async_read(stream_, buffer_, *parser_,
                   [self = shared_from_this()](Failure failed, size_t) { self->OnRead(failed); });
}

void Connection::OnRead(Failure failure) {
  keep_alive_ = !failure && parser_->get().keep_alive();
  if (failure == http::error::body_limit) return Send(HttpResponse::Text(413, "the request is too large\n"));
  if (failure == http::error::header_limit) return Send(HttpResponse::Text(431, "the request's head is too large\n"));
  if (failure && failure.category() == make_error_code(http::error::bad_method).category() &&
      failure != http::error::end_of_stream && failure != http::error::partial_message) {
    return Send(HttpResponse::Text(400, "not an HTTP request\n"));
  }
  if (failure) return OnSent(failure);
  const auto& request = parser_->get();
  Send(shared_.answer({.method = std::string(request.method_string()),
                       .target = std::string(request.target()),
                       .body = request.body(),
                       .fields = FieldsOf(request)}));
}

void Connection::Send(HttpResponse answer) {
  if (shared_.answers_bytes + answer.body.size() > shared_.limits.answers_bytes_max) {
    answer = HttpResponse::Text(503, "too many answers are being sent; ask again\n");
  }
  response_ = {};
  response_.result(answer.status);
  response_.version(11);
  response_.set(http::field::content_type, answer.content_type);
  response_.set(http::field::cache_control, answer.cache_control);
  response_.set("X-Content-Type-Options", "nosniff");
  if (!answer.allow.empty()) response_.set(http::field::allow, answer.allow);
  for (const auto& [name, value] : answer.headers) response_.set(name, value);
  keep_alive_ = CanGoOn();
  response_.keep_alive(keep_alive_);
  // To HEAD, the length of what GET would give and no body.
  const bool head = parser_->is_header_done() && parser_->get().method() == http::verb::head;
  response_.content_length(answer.body.size());
  if (!head) response_.body() = std::move(answer.body);
  shared_.answers_bytes += response_.body().size();
  stream_.expires_after(shared_.limits.answer_ms_max);
  http::async_write(stream_, response_, [self = shared_from_this()](Failure failure, size_t) {
    self->shared_.answers_bytes -= self->response_.body().size();
    self->response_.body() = {};
    self->OnSent(failure);
  });
}

void Connection::OnSent(Failure failure) {
  if (!failure && CanGoOn()) return Read();
  if (failure || parser_->is_done()) return End();
  Failure ignored;
  stream_.socket().shutdown(tcp::socket::shutdown_send, ignored);
  stream_.expires_after(kLinger);
  Linger(0);
}

void Connection::Linger(size_t bytes) {
  buffer_.clear();
  if (bytes > kLingerBytesMax || shared_.is_ending) return End();
  stream_.async_read_some(buffer_.prepare(4'096), [self = shared_from_this(), bytes](Failure failure, size_t more) {
    failure ? self->End() : self->Linger(bytes + more);
  });
}

void Connection::End() {
  shared_.connections.erase(place_);
  stream_.close();
  if (shared_.connections.empty() && shared_.on_last_end) shared_.on_last_end();
}

void Connection::Wind() {
  if (is_idle_) stream_.cancel();
}

struct HttpServer::Loop {
  Loop(const HttpLimits& limits, Answer answer) {
    shared.limits = limits;
    shared.answer = std::move(answer);
  }

  void Accept() {
    acceptor.async_accept([this](Failure failure, tcp::socket socket) {
      if (!acceptor.is_open()) return;
      if (failure) {
        pause.expires_after(kAcceptPause);
        pause.async_wait([this](Failure) {
          if (acceptor.is_open()) Accept();
        });
        return;
      }
      if (shared.connections.size() < shared.limits.connections_max) {
        const auto connection = std::make_shared<Connection>(shared, std::move(socket));
        connection->Begin();
        connection->Read();
      }
      Accept();
    });
  }

  // No more connections; those that wait for nothing go, and the others have a while to end.
  void End() {
    shared.is_ending = true;
    Failure ignored;
    acceptor.close(ignored);
    pause.cancel();
    if (shared.connections.empty()) return;
    shared.on_last_end = [this] { pause.cancel(); };
    pause.expires_after(shared.limits.shutdown_ms_max);
    pause.async_wait([this](Failure failure) {
      if (!failure) ForEach(&Connection::Close);
    });
    ForEach(&Connection::Wind);
  }

  void ForEach(void (Connection::*act)()) {
    const auto connections = shared.connections;  // acting may remove some
    for (const std::weak_ptr<Connection>& one : connections) {
      if (const auto connection = one.lock()) (connection.get()->*act)();
    }
  }

  asio::io_context io{1};
  Shared shared;
  tcp::acceptor acceptor{io};
  asio::steady_timer pause{io};
};

HttpServer::HttpServer(std::unique_ptr<Loop> loop) : loop_(std::move(loop)) {}
HttpServer::HttpServer(HttpServer&&) noexcept = default;
HttpServer& HttpServer::operator=(HttpServer&&) noexcept = default;
HttpServer::~HttpServer() = default;

Result<HttpServer> HttpServer::Listen(const std::string& where, const HttpLimits& limits, Answer answer) {
  const auto usage = [&] {
    return Error{ErrorCode::kUsage, "serve.address", "'" + where + "' is not ADDRESS:PORT",
                 "name an address of this machine, such as 127.0.0.1:8440 or [::1]:8440"};
  };
  const size_t colon = where.rfind(':');
  if (colon == where.npos) return usage();
  std::string host = where.substr(0, colon);
  const bool bracketed = host.starts_with('[') && host.ends_with(']');
  if (bracketed) host = host.substr(1, host.size() - 2);
  Failure failure;
  const asio::ip::address address = asio::ip::make_address(host, failure);
  const Result<uint64_t> port = encoding::ParseUnsigned(where.substr(colon + 1), 65'535);
  if (failure || !port.ok() || address.is_v6() != bracketed) return usage();

  std::unique_ptr<Loop> loop;
  try {
    loop = std::make_unique<Loop>(limits, std::move(answer));
  } catch (const boost::system::system_error& error) {
    return SystemFailure("serve.listen", std::string("cannot wait for connections: ") + error.what());
  }
  const tcp::endpoint endpoint(address, static_cast<uint16_t>(*port));
  loop->acceptor.open(endpoint.protocol(), failure);
  if (!failure) loop->acceptor.set_option(asio::socket_base::reuse_address(true), failure);
  if (!failure) loop->acceptor.bind(endpoint, failure);
  if (!failure) loop->acceptor.listen(asio::socket_base::max_listen_connections, failure);
  if (failure) {
    return SystemFailure("serve.listen", "cannot listen at " + where + ": " + failure.message(),
                         "name a free port: --listen 127.0.0.1:0 takes one");
  }
  return HttpServer(std::move(loop));
}

std::string HttpServer::address() const {
  Failure ignored;
  const tcp::endpoint endpoint = loop_->acceptor.local_endpoint(ignored);
  const std::string host = endpoint.address().to_string();
  return (endpoint.address().is_v6() ? "[" + host + "]" : host) + ":" + std::to_string(endpoint.port());
}

bool HttpServer::is_loopback() const {
  Failure ignored;
  return loop_->acceptor.local_endpoint(ignored).address().is_loopback();
}

void HttpServer::Run(const std::stop_token& stop) {
  loop_->Accept();
  const std::stop_callback on_stop(stop, [this] { asio::post(loop_->io, [this] { loop_->End(); }); });
  loop_->io.run();
}

}  // namespace pawl::server
