#include "mcp/http_endpoint.h"

#include <gtest/gtest.h>

namespace pawl::mcp {
namespace {

using server::HttpRequest;
using Fields = std::vector<std::pair<std::string, std::string>>;

class HttpEndpointTest : public ::testing::Test {
 protected:
  static Fields Good() {
    return {{"host", "127.0.0.1:8450"},
            {"authorization", "Bearer secret"},
            {"content-type", "application/json"},
            {"accept", "application/json, text/event-stream"}};
  }
  static Fields With(const std::string& name, const std::string& value) {
    Fields fields = Good();
    for (auto& field : fields) {
      if (field.first == name) {
        field.second = value;
        return fields;
      }
    }
    fields.emplace_back(name, value);
    return fields;
  }
  unsigned Status(Fields fields, const std::string& method = "POST", const std::string& target = "/mcp") {
    return endpoint_
        .Answer({.method = method,
                 .target = target,
                 .body = R"({"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-11-25"}})",
                 .fields = std::move(fields)})
        .status;
  }

  Server server_{{.tools = {}, .call = [](const auto&, const auto&) { return ToolAnswer{}; }}};
  HttpEndpoint endpoint_{server_, {.address = "127.0.0.1:8450", .token = "secret"}};
};

TEST_F(HttpEndpointTest, AnswersProgramsThatKnowTheToken) {
  EXPECT_EQ(Status(Good()), 200u);
  EXPECT_EQ(Status(With("host", "localhost:8450")), 200u);
  EXPECT_EQ(Status(With("content-type", "application/json; charset=utf-8")), 200u);
  for (const char* wrong : {"Bearer secre", "Bearer secret2", "Bearer ", "bearer secret", "secret", "Bearer secreT"}) {
    EXPECT_EQ(Status(With("authorization", wrong)), 401u) << wrong;
  }
  Fields twice = Good();
  twice.emplace_back("authorization", "Bearer secret");
  EXPECT_EQ(Status(twice), 401u);
}

TEST_F(HttpEndpointTest, TurnsPagesAwayWhateverTheyKnow) {
  EXPECT_EQ(Status(With("origin", "http://127.0.0.1:8450")), 403u);
  EXPECT_EQ(Status(With("origin", "null")), 403u);
  for (const char* host : {"attacker.example:8450", "127.0.0.1:1", "127.0.0.1", "", "localhost:8450.example"}) {
    EXPECT_EQ(Status(With("host", host)), 403u) << host;
  }
  Fields twice = Good();
  twice.emplace_back("host", "localhost:8450");
  EXPECT_EQ(Status(twice), 403u);
}

TEST_F(HttpEndpointTest, ServesOnePostAndNothingElse) {
  EXPECT_EQ(Status(Good(), "GET"), 405u);
  EXPECT_EQ(Status(Good(), "DELETE"), 405u);
  EXPECT_EQ(Status(Good(), "POST", "/"), 404u);
  EXPECT_EQ(Status(Good(), "POST", "/mcp?x"), 404u);
  EXPECT_EQ(Status(With("content-type", "text/plain")), 415u);
  EXPECT_EQ(Status(With("accept", "text/html")), 406u);
  EXPECT_EQ(Status(With("accept", "*/*")), 200u);
}

}  // namespace
}  // namespace pawl::mcp
