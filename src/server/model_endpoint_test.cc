// Against a server of this test's own that speaks the protocol; no model is behind it.
#include "server/model_endpoint.h"

#include <gtest/gtest.h>

#include <mutex>
#include <thread>

#include "encoding/json.h"
#include "server/http_server.h"

namespace pawl::server {
namespace {

using encoding::Json;
using std::chrono::milliseconds;

std::string Completion(const std::string& content, const Json& more = Json::object()) {
  Json choice = {{"index", 0}, {"message", {{"role", "assistant"}, {"content", content}}}};
  choice.update(more);
  return Json{{"model", "stand-in-1"}, {"choices", Json::array({choice})}, {"usage", {{"cost", 0.25}}}}.dump();
}

class ModelEndpointTest : public ::testing::Test {
 protected:
  ModelEndpointTest() {
    Result<HttpServer> server =
        HttpServer::Listen("127.0.0.1:0", {.body_bytes_max = 100'000, .shutdown_ms_max = milliseconds(400)},
                           [this](const HttpRequest& request) { return Answer(request); });
    EXPECT_TRUE(server.ok());
    server_.emplace(std::move(*server));
    endpoint_ = {.base_url = "http://" + server_->address() + "/v1/", .model = "m", .api_key = "secret-key"};
    thread_ = std::jthread([this](const std::stop_token& stop) { server_->Run(stop); });
  }
  HttpResponse Answer(const HttpRequest& request) {
    std::this_thread::sleep_for(delay_);
    const std::lock_guard lock(mutex_);
    asked_ = request;
    return HttpResponse::Text(status_, reply_);
  }
  // The answer's text, or the rule of the error.
  std::string Ask() {
    const Result<oversight::ModelAnswer> answer = AskModel(endpoint_, {"judge", "| data", {{"type", "object"}}});
    return answer.ok() ? answer->text : answer.error().rule;
  }
  std::string AskOf(const std::string& reply) {
    reply_ = reply;
    return Ask();
  }

  std::mutex mutex_;
  HttpRequest asked_;
  unsigned status_ = 200;
  std::string reply_ = Completion("{}");
  milliseconds delay_{0};
  std::optional<HttpServer> server_;
  std::jthread thread_;
  ModelEndpoint endpoint_;
};

TEST_F(ModelEndpointTest, AsksAndReadsTheAnswer) {
  const Result<oversight::ModelAnswer> answer = AskModel(endpoint_, {"judge", "| data", {{"type", "object"}}});
  ASSERT_TRUE(answer.ok()) << answer.error().message;
  EXPECT_EQ(answer->text, "{}");
  EXPECT_EQ(answer->model, "stand-in-1");
  EXPECT_EQ(asked_.method + " " + asked_.target, "POST /v1/chat/completions");
  const Json body = Json::parse(asked_.body);
  EXPECT_EQ(body["model"], "m");
  EXPECT_EQ(body["messages"][0], Json({{"role", "system"}, {"content", "judge"}}));
  EXPECT_EQ(body["messages"][1], Json({{"role", "user"}, {"content", "| data"}}));
  EXPECT_EQ(body["response_format"]["json_schema"]["schema"], Json({{"type", "object"}}));
}

TEST_F(ModelEndpointTest, RefusesWhatIsNoCompletion) {
  for (const char* reply : {"", "nonsense", "[]", "{}", R"({"choices":[]})", R"({"choices":[{}]})", R"({"choices":{}})",
                            R"({"choices":[{"message":{"content":null}}]})", R"({"choices":[{"message":[]}]})",
                            R"({"choices":[{"message":{"content":"a"}},{"message":{"content":"b"}}]})",
                            R"({"choices":[{"message":{"content":"a","content":"b"}}]})"}) {
    EXPECT_EQ(AskOf(reply), "model.reply") << reply;
  }
  EXPECT_EQ(AskOf(Completion("cut o", {{"finish_reason", "length"}})), "model.reply");
  EXPECT_EQ(AskOf(std::string(60'000, '[')), "model.reply");
  EXPECT_EQ(AskOf(Completion(std::string(70'000, 'x'))), "http.unreachable");  // longer than is received
  EXPECT_EQ(AskOf(Completion("whole", {{"finish_reason", "stop"}})), "whole");
}

TEST_F(ModelEndpointTest, SaysWhyThereIsNoAnswer) {
  status_ = 503;
  EXPECT_EQ(Ask(), "model.status");
  status_ = 200;
  endpoint_.answer_ms_max = milliseconds(50);
  delay_ = milliseconds(300);
  EXPECT_EQ(Ask(), "http.unreachable");
  endpoint_.base_url = "http://127.0.0.1:1/v1";
  EXPECT_EQ(Ask(), "http.unreachable");
}

TEST_F(ModelEndpointTest, StaysOnThisMachine) {
  for (const char* url : {"http://192.0.2.1:8080/v1", "http://example.org/v1", "http://127.0.0.1.example.org/v1",
                          "http://localhost.example.org", "http://[2001:db8::1]:80/v1"}) {
    endpoint_.base_url = url;
    EXPECT_EQ(Ask(), "critic.endpoint") << url;
  }
  for (const char* url : {"https://127.0.0.1/v1", "file:///etc/passwd", "http://", "http://127.0.0.1@example.org/v1"}) {
    endpoint_.base_url = url;
    EXPECT_EQ(Ask(), "http.url") << url;
  }
  for (const char* url : {"http://localhost:1/v1", "http://127.9.9.9:1", "http://[::1]:1/v1"}) {
    endpoint_.base_url = url;
    EXPECT_TRUE(CheckModelEndpoint(endpoint_).ok()) << url;
  }
  endpoint_.api_key = "a\r\nHost: elsewhere";
  EXPECT_EQ(CheckModelEndpoint(endpoint_).error().rule, "critic.endpoint");
}

}  // namespace
}  // namespace pawl::server
