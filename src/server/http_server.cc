#include "server/http_server.h"

#include <algorithm>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http.hpp>
#include <deque>
#include <list>
#include <map>
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

using Clock = std::chrono::steady_clock;

const std::string kHeartbeat = ":\n\n";   // a comment, to those who read event streams
constexpr int kTurnsBetweenAnswers = 32;  // in each a connection may be accepted, and every byte that came is read
constexpr std::chrono::milliseconds kAcceptPause{100};  // where the system has no descriptors left
constexpr std::chrono::milliseconds kLinger{1'000};
constexpr size_t kLingerBytesMax = size_t{1} << 20;

// Whose connection it is: whoever has an address of IPv6 has all 2^64 of its network.
asio::ip::address PeerOf(const tcp::socket& socket) {
  Failure ignored;
  const asio::ip::address address = socket.remote_endpoint(ignored).address();
  if (!address.is_v6() || address.is_loopback()) return address;
  if (address.to_v6().is_v4_mapped()) return asio::ip::make_address_v4(asio::ip::v4_mapped, address.to_v6());
  asio::ip::address_v6::bytes_type bytes = address.to_v6().to_bytes();
  std::fill(bytes.begin() + 8, bytes.end(), uint8_t{0});
  return asio::ip::address_v6(bytes);
}

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

class Connection;
using ConnectionPtr = std::shared_ptr<Connection>;

// What connections share with the loop.
struct Shared {
  // Has the connection answered in its turn: those that act before those that read, and those before streams.
  void Queue(std::deque<ConnectionPtr>& line, ConnectionPtr connection);
  void Hear(int turns);
  void ServeNext();
  // Whether a large answer may be sent now; takes others back for it from who is slow to take them.
  bool HasRoomFor(size_t bytes);

  asio::io_context& io;
  HttpLimits limits;
  HttpServer::Answer answer;
  std::list<std::weak_ptr<Connection>> connections{};  // streams as well
  std::deque<ConnectionPtr> acting{}, reading{}, streaming{};
  bool is_serving = false;  // a turn of ServeNext is under way
  HttpCounts counts{};
  size_t answers_bytes = 0;
  bool is_ending = false;
  std::function<void()> on_last_end{};      // called where no connection is left
  std::function<void()> on_first_stream{};  // called where there was no stream
};

// One connection: reads a request, answers, and again. Kept alive by what it waits for.
class Connection : public std::enable_shared_from_this<Connection> {
 public:
  enum class Stage {
    kAsking,     // between two requests, or within one
    kInLine,     // has asked
    kTaking,     // takes its answer
    kLeaving,    // has it, and still sends
    kStreaming,  // takes what comes
  };

  Connection(Shared& shared, tcp::socket socket)
      : shared_(shared), stream_(std::move(socket)), peer_(PeerOf(stream_.socket())) {}
  void Begin();  // once
  void Read();
  void Serve();  // in its turn
  void AskForMore();
  // Closes where no request is under way; else it is closed after its answer.
  void Wind();
  void Close() { stream_.close(); }
  void End();

  Stage stage() const { return stage_; }
  Clock::time_point since() const { return since_; }
  const asio::ip::address& peer() const { return peer_; }
  size_t charged() const { return charged_; }  // bytes of a large answer that is being sent

 private:
  void Discharge() { shared_.answers_bytes -= std::exchange(charged_, 0); }
  void OnHead(Failure failure);
  void OnRead(Failure failure);
  void Send(HttpResponse answer);
  void OnSent(Failure failure);
  bool MayStream() const;
  void BeginStream();
  void WriteMore(std::string text);
  // What the client still sends is thrown away for a moment: closing on unread bytes would take the answer back.
  void Linger(size_t bytes);
  void Enter(Stage stage);
  bool CanGoOn() const { return keep_alive_ && !shared_.is_ending; }

  Shared& shared_;
  beast::tcp_stream stream_;
  asio::ip::address peer_;
  beast::flat_buffer buffer_{kUnparsedBytesMax};
  std::optional<http::request_parser<http::string_body>> parser_;
  http::response<http::string_body> response_;
  std::list<std::weak_ptr<Connection>>::iterator place_;
  Stage stage_ = Stage::kAsking;
  Clock::time_point since_ = Clock::now();  // in this stage
  bool is_idle_ = true;                     // no byte of the next request has come
  bool keep_alive_ = false;
  bool has_ended_ = false;
  size_t charged_ = 0;
  // Of a stream:
  std::function<std::optional<std::string>()> more_;
  std::string text_;
  bool is_writing_ = false, is_in_line_ = false;
  Clock::time_point last_sent_;
};

void Shared::Queue(std::deque<ConnectionPtr>& line, ConnectionPtr connection) {
  line.push_back(std::move(connection));
  if (is_serving) return;
  is_serving = true;
  Hear(kTurnsBetweenAnswers);
}

// Between two answers whoever comes and asks meanwhile is heard, so that who acts waits for one answer at most.
void Shared::Hear(int turns) {
  asio::post(io, [this, turns] { turns > 0 ? Hear(turns - 1) : ServeNext(); });
}

void Shared::ServeNext() {
  std::deque<ConnectionPtr>& line = !acting.empty() ? acting : !reading.empty() ? reading : streaming;
  const ConnectionPtr connection = std::move(line.front());
  line.pop_front();
  connection->Serve();
  is_serving = !acting.empty() || !reading.empty() || !streaming.empty();
  if (is_serving) Hear(kTurnsBetweenAnswers);
}

bool Shared::HasRoomFor(size_t bytes) {
  const auto fits = [&] { return answers_bytes + bytes <= limits.answers_bytes_max; };
  while (!fits()) {
    std::map<asio::ip::address, size_t> of_peer;
    std::vector<ConnectionPtr> slow;
    for (const std::weak_ptr<Connection>& one : connections) {
      const ConnectionPtr connection = one.lock();
      if (!connection || connection->charged() == 0) continue;
      of_peer[connection->peer()] += connection->charged();
      if (Clock::now() - connection->since() >= limits.taking_ms_min) slow.push_back(connection);
    }
    const auto order = [&](const ConnectionPtr& one) {
      return std::tuple(-static_cast<int64_t>(of_peer[one->peer()]), one->since());
    };
    const auto victim = std::ranges::min_element(slow, {}, order);
    if (victim == slow.end()) return false;
    ++counts.too_slow;
    (*victim)->End();
  }
  return true;
}

void Connection::Begin() {
  place_ = shared_.connections.insert(shared_.connections.end(), weak_from_this());
  ++shared_.counts.connections;
}

void Connection::Enter(Stage stage) {
  stage_ = stage;
  since_ = Clock::now();
}

void Connection::Read() {
  Enter(Stage::kAsking);
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
  if (has_ended_) return;
  keep_alive_ = !failure && parser_->get().keep_alive();
  if (failure == http::error::body_limit) return Send(HttpResponse::Text(413, "the request is too large\n"));
  if (failure == http::error::header_limit) return Send(HttpResponse::Text(431, "the request's head is too large\n"));
  if (failure && failure.category() == make_error_code(http::error::bad_method).category() &&
      failure != http::error::end_of_stream && failure != http::error::partial_message) {
    return Send(HttpResponse::Text(400, "not an HTTP request\n"));
  }
  if (failure) return OnSent(failure);
  Enter(Stage::kInLine);
  shared_.Queue(Acts(parser_->get().method_string()) ? shared_.acting : shared_.reading, shared_from_this());
}

void Connection::Serve() {
  if (has_ended_) return;
  if (stage_ == Stage::kStreaming) {
    is_in_line_ = false;
    if (is_writing_) return;
    std::optional<std::string> text = more_();
    if (!text) return End();
    const bool is_due = Clock::now() - last_sent_ >= shared_.limits.heartbeat_ms;
    if (!text->empty() || is_due) WriteMore(text->empty() ? kHeartbeat : std::move(*text));
    return;
  }
  const auto& request = parser_->get();
  Send(shared_.answer({.method = std::string(request.method_string()),
                       .target = std::string(request.target()),
                       .body = request.body(),
                       .fields = FieldsOf(request),
                       .peer = peer_.to_string()}));
}

bool Connection::MayStream() const {
  if (shared_.is_ending || shared_.counts.streams >= shared_.limits.streams_max) return false;
  if (peer_.is_loopback()) return true;  // a proxy's, or somebody who could take this program's processor anyway
  const auto mine = std::ranges::count_if(shared_.connections, [&](const std::weak_ptr<Connection>& one) {
    const ConnectionPtr other = one.lock();
    return other && other->stage_ == Stage::kStreaming && other->peer_ == peer_;
  });
  return static_cast<size_t>(mine) < shared_.limits.streams_per_peer_max;
}

void Connection::Send(HttpResponse answer) {
  const bool is_large = answer.body.size() > kSmallAnswerBytesMax;
  if (is_large && !shared_.HasRoomFor(answer.body.size())) {
    answer = HttpResponse::Text(503, "too many answers are being sent; ask again\n");
  }
  if (answer.more && !MayStream()) {
    answer = HttpResponse::Text(503, "too many event streams are open; ask for the state instead\n");
  }
  ++shared_.counts.answers;
  if (answer.status >= 500) ++shared_.counts.answers_failed;
  if (answer.status >= 400 && answer.status < 500) ++shared_.counts.answers_refused;
  response_ = {};
  response_.result(answer.status);
  response_.version(11);
  response_.set(http::field::content_type, answer.content_type);
  response_.set(http::field::cache_control, answer.cache_control);
  response_.set("X-Content-Type-Options", "nosniff");
  if (!answer.allow.empty()) response_.set(http::field::allow, answer.allow);
  for (const auto& [name, value] : answer.headers) response_.set(name, value);
  more_ = std::move(answer.more);
  keep_alive_ = CanGoOn() && !more_;
  response_.keep_alive(keep_alive_);
  // To HEAD, the length of what GET would give and no body.
  const bool head = parser_->is_header_done() && parser_->get().method() == http::verb::head;
  if (!more_) response_.content_length(answer.body.size());
  if (!head) response_.body() = std::move(answer.body);
  Enter(Stage::kTaking);
  charged_ = is_large ? response_.body().size() : 0;
  shared_.answers_bytes += charged_;
  if (more_) BeginStream();
  stream_.expires_after(more_ ? shared_.limits.stream_taken_ms_max : shared_.limits.answer_ms_max);
  http::async_write(stream_, response_, [self = shared_from_this()](Failure failure, size_t) {
    self->Discharge();
    self->response_.body() = {};
    if (!self->more_) return self->OnSent(failure);
    self->is_writing_ = false;
    failure ? self->End() : self->AskForMore();
  });
}

void Connection::OnSent(Failure failure) {
  if (failure == beast::error::timeout) ++shared_.counts.too_slow;
  if (!failure && CanGoOn() && !has_ended_) return Read();
  if (failure || parser_->is_done()) return End();
  Failure ignored;
  stream_.socket().shutdown(tcp::socket::shutdown_send, ignored);
  Enter(Stage::kLeaving);
  stream_.expires_after(kLinger);
  Linger(0);
}

// A stream is written to, and read from only to see that the client has gone: it has nothing more to say.
void Connection::BeginStream() {
  Enter(Stage::kStreaming);
  --shared_.counts.connections;
  if (shared_.counts.streams++ == 0) shared_.on_first_stream();
  is_writing_ = true;
  last_sent_ = Clock::now();
  buffer_.clear();
  stream_.expires_never();
  stream_.async_read_some(buffer_.prepare(512), [self = shared_from_this()](Failure, size_t) { self->End(); });
}

void Connection::AskForMore() {
  if (stage_ != Stage::kStreaming || has_ended_ || is_writing_ || is_in_line_) return;
  is_in_line_ = true;
  shared_.Queue(shared_.streaming, shared_from_this());
}

void Connection::WriteMore(std::string text) {
  text_ = std::move(text);
  is_writing_ = true;
  last_sent_ = Clock::now();
  stream_.expires_after(shared_.limits.stream_taken_ms_max);
  asio::async_write(stream_, asio::buffer(text_), [self = shared_from_this()](Failure failure, size_t) {
    self->is_writing_ = false;
    if (failure == beast::error::timeout) ++self->shared_.counts.too_slow;
    if (failure) return self->End();
    if (self->text_ != kHeartbeat) self->AskForMore();  // there may be more of what has been missed
  });
}

void Connection::Linger(size_t bytes) {
  buffer_.clear();
  if (bytes > kLingerBytesMax || shared_.is_ending) return End();
  stream_.async_read_some(buffer_.prepare(4'096), [self = shared_from_this(), bytes](Failure failure, size_t more) {
    failure ? self->End() : self->Linger(bytes + more);
  });
}

void Connection::End() {
  if (has_ended_) return;
  has_ended_ = true;
  Discharge();
  --(stage_ == Stage::kStreaming ? shared_.counts.streams : shared_.counts.connections);
  shared_.connections.erase(place_);
  stream_.close();
  if (shared_.connections.empty() && shared_.on_last_end) shared_.on_last_end();
}

void Connection::Wind() {
  if (stage_ == Stage::kStreaming) return End();
  if (is_idle_) stream_.cancel();
}

struct HttpServer::Loop {
  Loop(const HttpLimits& limits, Answer answer) : shared{.io = io, .limits = limits, .answer = std::move(answer)} {
    shared.on_first_stream = [this] { Tick(); };
  }

  void Accept() {
    acceptor.async_accept([this](Failure failure, tcp::socket socket) {
      if (!acceptor.is_open()) return;
      if (failure) {
        MakeRoom();  // no descriptor may be left
        pause.expires_after(kAcceptPause);
        pause.async_wait([this](Failure) {
          if (acceptor.is_open()) Accept();
        });
        return;
      }
      if (shared.counts.connections < shared.limits.connections_max || MakeRoom()) {
        const auto connection = std::make_shared<Connection>(shared, std::move(socket));
        connection->Begin();
        connection->Read();
      }
      Accept();
    });
  }

  // Ends one connection that waits, as the header says which; false where none does.
  bool MakeRoom() {
    using Stage = Connection::Stage;
    std::map<asio::ip::address, size_t> of_peer;
    std::vector<ConnectionPtr> waiting;
    for (const std::weak_ptr<Connection>& one : shared.connections) {
      const ConnectionPtr connection = one.lock();
      if (!connection || connection->stage() == Stage::kStreaming) continue;
      ++of_peer[connection->peer()];
      if (connection->stage() != Stage::kInLine) waiting.push_back(connection);
    }
    const auto order = [&](const ConnectionPtr& one) {
      return std::tuple(-static_cast<int64_t>(of_peer[one->peer()]), one->stage() == Stage::kTaking, one->since());
    };
    const auto victim = std::ranges::min_element(waiting, {}, order);
    if (victim == waiting.end()) return false;
    ++shared.counts.displaced;
    (*victim)->End();
    return true;
  }

  void Tick() {
    tick.expires_after(shared.limits.stream_poll_ms);
    tick.async_wait([this](Failure failure) {
      if (failure || shared.is_ending) return;
      ForEach(&Connection::AskForMore);
      if (shared.counts.streams > 0) Tick();
    });
  }

  // No more connections; those that wait for nothing go, and the others have a while to end.
  void End() {
    shared.is_ending = true;
    Failure ignored;
    acceptor.close(ignored);
    pause.cancel();
    tick.cancel();
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
  asio::steady_timer pause{io}, tick{io};
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

const HttpCounts& HttpServer::counts() const { return loop_->shared.counts; }

void HttpServer::Run(const std::stop_token& stop) {
  loop_->Accept();
  const std::stop_callback on_stop(stop, [this] { asio::post(loop_->io, [this] { loop_->End(); }); });
  loop_->io.run();
}

}  // namespace pawl::server
