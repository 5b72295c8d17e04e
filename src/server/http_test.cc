// The server and the client over real sockets on loopback.
#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <thread>

#include "server/http_client.h"
#include "server/http_server.h"
#include "subject/file_descriptor.h"

namespace pawl::server {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

HttpResponse Stream(std::function<std::optional<std::string>()> more) {
  return {.status = 200, .content_type = "text/event-stream", .body = "begin;", .more = std::move(more)};
}

class HttpTest : public ::testing::Test {
 protected:
  void Start(HttpLimits limits = {}) {
    limits.shutdown_ms_max = milliseconds(400);
    Result<HttpServer> server = HttpServer::Listen("127.0.0.1:0", limits, [this](const HttpRequest& request) {
      ++answered_;
      EXPECT_EQ(request.peer, "127.0.0.1");
      if (request.target == "/dear") std::this_thread::sleep_for(milliseconds(50));
      if (request.target == "/endless") return Stream([] { return std::optional<std::string>(""); });
      if (request.target == "/flood") return Stream([] { return std::optional(std::string(size_t{1} << 20, 'x')); });
      if (request.target == "/stream") {
        return Stream([turn = 0]() mutable -> std::optional<std::string> {
          ++turn;
          return turn == 1    ? std::optional("one;")
                 : turn < 12  ? std::optional("")
                 : turn == 12 ? std::optional("last;")
                              : std::nullopt;
        });
      }
      if (request.target == "/large") return HttpResponse::Text(200, std::string(size_t{8} << 20, 'x'));
      return HttpResponse::Text(200, request.method + " " + request.target + " " + request.body + "\n");
    });
    ASSERT_TRUE(server.ok()) << server.error().message;
    server_.emplace(std::move(*server));
    EXPECT_TRUE(server_->is_loopback());
    thread_ = std::jthread([this](const std::stop_token& stop) { server_->Run(stop); });
  }
  void Stop() {
    thread_.request_stop();
    thread_.join();
  }

  int Connect() const {
    const std::string address = server_->address();
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(static_cast<uint16_t>(std::stoi(address.substr(address.rfind(':') + 1))));
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    EXPECT_EQ(connect(fd, reinterpret_cast<const sockaddr*>(&to), sizeof to), 0);
    timeval patience{.tv_sec = 5, .tv_usec = 0};
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    return fd;
  }
  static void Send(int fd, const std::string& bytes) {
    EXPECT_EQ(send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL), static_cast<ssize_t>(bytes.size()));
  }
  // All that comes until the server closes; what is missing after five seconds never comes.
  static std::string Rest(int fd) {
    std::string all;
    char buffer[65'536];
    for (ssize_t got; (got = recv(fd, buffer, sizeof buffer, 0)) > 0;) all.append(buffer, static_cast<size_t>(got));
    return all;
  }
  std::string Ask(const std::string& request) const {
    const subject::FileDescriptor fd(Connect());
    Send(fd.get(), request);
    return Rest(fd.get());
  }
  std::string Url(const std::string& path) const { return "http://" + server_->address() + path; }

  std::optional<HttpServer> server_;
  std::jthread thread_;
  std::atomic<int> answered_ = 0;
};

TEST_F(HttpTest, Answers) {
  Start({.body_bytes_max = 100});
  const std::string answer = Ask("GET /a?b HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
  EXPECT_TRUE(answer.starts_with("HTTP/1.1 200 OK\r\n")) << answer;
  EXPECT_TRUE(answer.ends_with("\r\n\r\nGET /a?b \n")) << answer;
  EXPECT_TRUE(Ask("POST /p HTTP/1.1\r\nContent-Length: 3\r\nConnection: close\r\n\r\nabc").ends_with("POST /p abc\n"));
  const std::string head = Ask("HEAD /a HTTP/1.1\r\nConnection: close\r\n\r\n");
  EXPECT_TRUE(head.find("Content-Length: 9\r\n") != head.npos && head.ends_with("\r\n\r\n")) << head;
}

TEST_F(HttpTest, KeepsAConnectionForSeveralRequests) {
  Start();
  const std::string answers =
      Ask("GET /1 HTTP/1.1\r\n\r\nGET /2 HTTP/1.1\r\n\r\nGET /3 HTTP/1.1\r\nConnection: close\r\n\r\n");
  EXPECT_TRUE(answers.find("GET /1") < answers.find("GET /2") && answers.find("GET /2") < answers.find("GET /3"));
  EXPECT_TRUE(answers.ends_with("GET /3 \n")) << answers;
}

TEST_F(HttpTest, RefusesWhatIsMalformedOrTooLarge) {
  Start({.head_bytes_max = 1'000, .body_bytes_max = 100});
  EXPECT_TRUE(Ask("nonsense\r\n\r\n").starts_with("HTTP/1.1 400"));
  EXPECT_TRUE(Ask("GET / HTTP/1.1\r\nX: " + std::string(2'000, 'x') + "\r\n\r\n").starts_with("HTTP/1.1 431"));
  EXPECT_TRUE(
      Ask("POST / HTTP/1.1\r\nContent-Length: 101\r\n\r\n" + std::string(101, 'x')).starts_with("HTTP/1.1 413"));
  EXPECT_TRUE(Ask("POST / HTTP/1.1\r\nContent-Length: 999999999999\r\n\r\n").starts_with("HTTP/1.1 413"));
  EXPECT_TRUE(Ask("POST / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab").starts_with("HTTP/1.1 400"));
  EXPECT_EQ(answered_, 0);
}

// Whatever the coding, and however the version is kept alive: one answer, and the connection ends.
TEST_F(HttpTest, RefusesBodiesWithoutALength) {
  Start({.body_bytes_max = 100});
  for (const char* request :
       {"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n",
        "GET /a HTTP/1.1\r\nTransfer-Encoding: chunked, identity\r\n\r\nGET /smuggled HTTP/1.1\r\n\r\n",
        "GET /a HTTP/1.0\r\nConnection: keep-alive\r\nTransfer-Encoding: chunked, gzip\r\n\r\nGET /b HTTP/1.1\r\n\r\n",
        "GET /a HTTP/1.1\r\nTransfer-Encoding: \r\n\r\n"}) {
    const std::string answer = Ask(request);
    EXPECT_TRUE(answer.starts_with("HTTP/1.1 411")) << request << answer;
    EXPECT_EQ(answer.find("HTTP/1.1", 1), answer.npos) << request << answer;
  }
  EXPECT_EQ(answered_, 0);
}

// Sends until the other side has had enough; gives how much it took.
size_t SendEndlessly(int fd) {
  const std::string block(size_t{64} << 10, 'x');
  size_t sent = 0;
  for (ssize_t taken; sent < (size_t{256} << 20) && (taken = send(fd, block.data(), block.size(), MSG_NOSIGNAL)) > 0;)
    sent += static_cast<size_t>(taken);
  return sent;
}
constexpr size_t kFarBelowEndless = size_t{32} << 20;  // what sockets and lingering hold

TEST_F(HttpTest, HoldsNoEndlessPartOfARequest) {
  Start({.request_ms_max = milliseconds(2'000)});
  for (const char* head : {"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n5;",
                           "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nA: ", "GET / HTTP/1.1\r\nA: "}) {
    const subject::FileDescriptor fd(Connect());
    Send(fd.get(), head);
    EXPECT_LT(SendEndlessly(fd.get()), kFarBelowEndless) << head;
  }
}

TEST(HttpClientTest, HoldsNoEndlessPartOfAnAnswer) {
  for (const std::string part : {"5;", "0\r\nA: "}) {
    const subject::FileDescriptor listener(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_in at{};
    at.sin_family = AF_INET;
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t length = sizeof at;
    ASSERT_EQ(bind(listener.get(), reinterpret_cast<sockaddr*>(&at), sizeof at), 0);
    ASSERT_EQ(listen(listener.get(), 1), 0);
    getsockname(listener.get(), reinterpret_cast<sockaddr*>(&at), &length);
    size_t taken = 0;
    std::jthread hostile([&] {
      const subject::FileDescriptor fd(accept(listener.get(), nullptr, nullptr));
      const std::string head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + part;
      send(fd.get(), head.data(), head.size(), MSG_NOSIGNAL);
      taken = SendEndlessly(fd.get());
    });
    const auto replies = PostAll({{.url = "http://127.0.0.1:" + std::to_string(ntohs(at.sin_port)) + "/", .body = ""}},
                                 {.exchange_ms_max = milliseconds(2'000), .reply_bytes_max = 1'000});
    EXPECT_EQ(replies[0].ok() ? "" : replies[0].error().rule, "http.unreachable");
    hostile.join();
    EXPECT_LT(taken, kFarBelowEndless) << part;
  }
}

TEST_F(HttpTest, CutsOffWhoIsSlowToAsk) {
  Start({.request_ms_max = milliseconds(300)});
  const auto start = steady_clock::now();
  const subject::FileDescriptor silent(Connect()), dripping(Connect());
  std::jthread drip([&](const std::stop_token& stop) {
    for (const char c :
         std::string("GET / HTTP/1.1\r\nX: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa")) {
      if (stop.stop_requested() || send(dripping.get(), &c, 1, MSG_NOSIGNAL) != 1) return;
      std::this_thread::sleep_for(milliseconds(50));
    }
  });
  EXPECT_EQ(Rest(silent.get()), "");
  Rest(dripping.get());
  EXPECT_LT(steady_clock::now() - start, milliseconds(3'000));
  EXPECT_GE(steady_clock::now() - start, milliseconds(250));
  EXPECT_EQ(answered_, 0);
}

TEST_F(HttpTest, CutsOffWhoIsSlowToListen) {
  Start({.answer_ms_max = milliseconds(300)});
  const subject::FileDescriptor fd(Connect());
  Send(fd.get(), "GET /large HTTP/1.1\r\n\r\n");
  std::this_thread::sleep_for(milliseconds(900));
  EXPECT_LT(Rest(fd.get()).size(), size_t{8} << 20);
}

// Who waits longest gives up its place: first one that has not asked, one that takes its answer last.
TEST_F(HttpTest, GivesTheirPlacesToWhoComes) {
  Start({.connections_max = 3});
  const subject::FileDescriptor taking(Connect()), first(Connect()), second(Connect());
  Send(taking.get(), "GET /large HTTP/1.1\r\nConnection: close\r\n\r\n");
  Send(first.get(), "GET /half HTTP/1.1\r\n");
  std::this_thread::sleep_for(milliseconds(100));
  EXPECT_TRUE(Ask("GET /3 HTTP/1.1\r\nConnection: close\r\n\r\n").ends_with("GET /3 \n"));
  EXPECT_EQ(Rest(first.get()), "");
  Send(second.get(), "GET /2 HTTP/1.1\r\nConnection: close\r\n\r\n");
  EXPECT_TRUE(Rest(second.get()).ends_with("GET /2 \n"));
  EXPECT_GT(Rest(taking.get()).size(), size_t{8} << 20);
}

// Of those who wait in line, who acts comes first, and after one answer at most.
TEST_F(HttpTest, AnswersWhoActsBeforeWhoReads) {
  Start({.body_bytes_max = 100});
  std::vector<subject::FileDescriptor> readers;
  for (int i = 0; i < 20; ++i) readers.emplace_back(Connect());
  for (const auto& reader : readers) Send(reader.get(), "GET /dear HTTP/1.1\r\nConnection: close\r\n\r\n");
  std::this_thread::sleep_for(milliseconds(60));
  const auto start = steady_clock::now();
  EXPECT_TRUE(Ask("POST /p HTTP/1.1\r\nContent-Length: 1\r\nConnection: close\r\n\r\n!").ends_with("POST /p !\n"));
  EXPECT_LT(steady_clock::now() - start, milliseconds(400));  // all twenty take a second
  EXPECT_LT(answered_, 15);
  for (const auto& reader : readers) EXPECT_TRUE(Rest(reader.get()).ends_with("GET /dear \n"));
}

TEST_F(HttpTest, StreamsUntilThereIsNoMore) {
  Start({.stream_poll_ms = milliseconds(20), .heartbeat_ms = milliseconds(100)});
  const std::string answer = Ask("GET /stream HTTP/1.1\r\n\r\n");
  EXPECT_TRUE(answer.starts_with("HTTP/1.1 200 OK\r\n")) << answer;
  EXPECT_EQ(answer.find("Content-Length"), answer.npos);
  const size_t first = answer.find("\r\n\r\nbegin;one;");
  EXPECT_NE(first, answer.npos) << answer;
  EXPECT_NE(answer.find(":\n\n", first), answer.npos) << "no heartbeat: " << answer;
  EXPECT_TRUE(answer.ends_with("last;")) << answer;
}

TEST_F(HttpTest, CountsStreamsApartAndEndsThemWithTheServer) {
  Start({.connections_max = 1, .streams_max = 2, .stream_poll_ms = milliseconds(20)});
  const subject::FileDescriptor first(Connect());
  Send(first.get(), "GET /endless HTTP/1.1\r\n\r\n");
  std::this_thread::sleep_for(milliseconds(100));
  {
    const subject::FileDescriptor second(Connect());
    Send(second.get(), "GET /endless HTTP/1.1\r\n\r\n");
    std::this_thread::sleep_for(milliseconds(100));
    EXPECT_TRUE(Ask("GET /endless HTTP/1.1\r\n\r\n").starts_with("HTTP/1.1 503"));
    EXPECT_TRUE(Ask("GET /a HTTP/1.1\r\nConnection: close\r\n\r\n").ends_with("GET /a \n"));
  }
  std::this_thread::sleep_for(milliseconds(100));  // the second has gone, and its place is free
  const subject::FileDescriptor third(Connect());
  Send(third.get(), "GET /endless HTTP/1.1\r\n\r\n");
  std::this_thread::sleep_for(milliseconds(100));
  const auto start = steady_clock::now();
  Stop();
  EXPECT_LT(steady_clock::now() - start, milliseconds(300));
  EXPECT_TRUE(Rest(third.get()).starts_with("HTTP/1.1 200"));
  EXPECT_EQ(server_->counts().streams, 0u);
  EXPECT_EQ(server_->counts().connections, 0u);
}

TEST_F(HttpTest, CutsOffWhoDoesNotTakeItsStream) {
  Start({.stream_poll_ms = milliseconds(20), .stream_taken_ms_max = milliseconds(300)});
  const subject::FileDescriptor fd(Connect());
  Send(fd.get(), "GET /flood HTTP/1.1\r\n\r\n");
  std::this_thread::sleep_for(milliseconds(1'000));
  EXPECT_LT(Rest(fd.get()).size(), kFarBelowEndless);
  Stop();
  EXPECT_EQ(server_->counts().too_slow, 1u);
}

TEST_F(HttpTest, SendsOnlySoMuchAtATime) {
  Start({.answers_bytes_max = size_t{9} << 20});
  const subject::FileDescriptor slow(Connect());
  Send(slow.get(), "GET /large HTTP/1.1\r\n\r\n");
  std::this_thread::sleep_for(milliseconds(200));
  EXPECT_TRUE(Ask("GET /large HTTP/1.1\r\nConnection: close\r\n\r\n").starts_with("HTTP/1.1 503"));
  EXPECT_TRUE(Ask("GET /small HTTP/1.1\r\nConnection: close\r\n\r\n").starts_with("HTTP/1.1 200"));
}

// Who asks for much and takes nothing does not keep it from the others.
TEST_F(HttpTest, TakesALargeAnswerBackFromWhoDoesNotTakeIt) {
  Start({.answers_bytes_max = size_t{17} << 20, .taking_ms_min = milliseconds(300)});
  const subject::FileDescriptor slow(Connect()), slower(Connect());
  for (const int fd : {slower.get(), slow.get()}) {
    Send(fd, "GET /large HTTP/1.1\r\n\r\n");
    std::this_thread::sleep_for(milliseconds(400));
  }
  const std::string whole = Ask("GET /large HTTP/1.1\r\nConnection: close\r\n\r\n");
  EXPECT_TRUE(whole.starts_with("HTTP/1.1 200")) << whole.substr(0, 80);
  EXPECT_GT(whole.size(), size_t{8} << 20);
  EXPECT_LT(Rest(slower.get()).size(), size_t{8} << 20);  // was cut off
  Send(slow.get(), "GET /2 HTTP/1.1\r\nConnection: close\r\n\r\n");
  EXPECT_GT(Rest(slow.get()).size(), size_t{8} << 20);
  EXPECT_EQ(server_->counts().too_slow, 1u);
}

TEST_F(HttpTest, EndsGracefully) {
  Start();
  const subject::FileDescriptor idle(Connect()), busy(Connect());
  Send(busy.get(), "GET /large HTTP/1.1\r\n\r\n");
  std::this_thread::sleep_for(milliseconds(100));
  thread_.request_stop();
  EXPECT_EQ(Rest(idle.get()), "");
  const std::string answer = Rest(busy.get());  // begun, and so finished
  EXPECT_GT(answer.size(), size_t{8} << 20);
  const auto start = steady_clock::now();
  thread_.join();
  EXPECT_LT(steady_clock::now() - start, milliseconds(300));
}

TEST_F(HttpTest, WaitsForNobodyForeverWhenItEnds) {
  Start();
  const subject::FileDescriptor half(Connect());
  Send(half.get(), "GET / HTTP/1.1\r\n");
  std::this_thread::sleep_for(milliseconds(100));
  const auto start = steady_clock::now();
  Stop();
  EXPECT_LT(steady_clock::now() - start, milliseconds(3'000));
}

TEST(HttpAddress, IsAnAddressAndAPort) {
  const auto nothing = [](const HttpRequest&) { return HttpResponse(); };
  for (const char* bad :
       {"", "8440", "localhost:8440", "127.0.0.1:", "127.0.0.1:65536", "127.0.0.1:x", "::1:8440", "[127.0.0.1]:1"}) {
    EXPECT_EQ(HttpServer::Listen(bad, {}, nothing).error().rule, "serve.address") << bad;
  }
  const Result<HttpServer> first = HttpServer::Listen("127.0.0.1:0", {}, nothing);
  ASSERT_TRUE(first.ok());
  EXPECT_EQ(HttpServer::Listen(first->address(), {}, nothing).error().rule, "serve.listen");
}

TEST_F(HttpTest, IsAskedBySeveralAtATime) {
  Start({.body_bytes_max = 100});
  const auto replies = PostAll({{.url = Url("/a"), .body = "1"}, {.url = Url("/b"), .body = "22"}}, {});
  ASSERT_TRUE(replies[0].ok() && replies[1].ok());
  EXPECT_EQ(replies[0]->body, "POST /a 1\n");
  EXPECT_EQ(replies[1]->body, "POST /b 22\n");
  EXPECT_EQ(PostAll({{.url = Url("/a"), .body = std::string(101, 'x')}}, {})[0]->status, 413u);
}

TEST_F(HttpTest, TheClientWaitsOnlySoLong) {
  const subject::FileDescriptor deaf(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in at{};
  at.sin_family = AF_INET;
  at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t length = sizeof at;
  ASSERT_EQ(bind(deaf.get(), reinterpret_cast<sockaddr*>(&at), sizeof at), 0);
  ASSERT_EQ(listen(deaf.get(), 1), 0);
  getsockname(deaf.get(), reinterpret_cast<sockaddr*>(&at), &length);
  Start();
  const auto start = steady_clock::now();
  const auto replies = PostAll({{.url = "http://127.0.0.1:" + std::to_string(ntohs(at.sin_port)) + "/x", .body = ""},
                                {.url = "http://127.0.0.1:1/x", .body = ""},
                                {.url = Url("/large"), .body = ""},
                                {.url = "https://127.0.0.1/x", .body = ""},
                                {.url = "ftp://x/", .body = ""},
                                {.url = "http:///x", .body = ""},
                                {.url = "http://a b/", .body = ""},
                                {.url = Url("/ok"), .body = ""}},
                               {.exchange_ms_max = milliseconds(500), .reply_bytes_max = 1'000});
  EXPECT_LT(steady_clock::now() - start, milliseconds(3'000));
  EXPECT_EQ(replies[0].error().rule, "http.unreachable");
  EXPECT_EQ(replies[1].error().rule, "http.unreachable");
  EXPECT_EQ(replies[2].error().rule, "http.unreachable");  // larger than what is read
  for (const size_t i : {3u, 4u, 5u, 6u}) EXPECT_EQ(replies[i].error().rule, "http.url") << i;
  EXPECT_TRUE(replies[7].ok());
}

}  // namespace
}  // namespace pawl::server
