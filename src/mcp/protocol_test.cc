#include "mcp/protocol.h"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <random>
#include <thread>

#include "mcp/line_server.h"

namespace pawl::mcp {
namespace {

using encoding::Json;

class ProtocolTest : public ::testing::Test {
 protected:
  static Json Meta(const std::string& revision = "2026-07-28") {
    return {{"io.modelcontextprotocol/protocolVersion", revision},
            {"io.modelcontextprotocol/clientInfo", {{"name", "test"}, {"version", "1"}}},
            {"io.modelcontextprotocol/clientCapabilities", Json::object()}};
  }
  static std::string Message(const std::string& method, Json params = Json::object()) {
    return Json({{"jsonrpc", "2.0"}, {"id", 7}, {"method", method}, {"params", std::move(params)}}).dump();
  }
  static std::string Modern(const std::string& method, Json params = Json::object()) {
    params["_meta"] = Meta();
    return Message(method, std::move(params));
  }
  Json Answer(const std::string& message) { return Json::parse(server_.Answer(message)); }
  int Code(const std::string& message) { return Answer(message).at("error").at("code").get<int>(); }
  Reply Post(const std::string& message, PostHead head) { return server_.AnswerPost(message, head); }
  static Json Call(const std::string& name, Json arguments) {
    return {{"name", name}, {"arguments", std::move(arguments)}};
  }

  std::vector<std::pair<std::string, Json>> called_;
  Server server_{{.tools = {{.name = "look", .title = "Look", .description = "looks"},
                            {.name = "ask",
                             .title = "Ask",
                             .description = "asks",
                             .parameters = {{.name = "what", .description = "text", .bytes_max = 5},
                                            {.name = "index",
                                             .description = "number",
                                             .type = ParameterType::kIndex,
                                             .need = Need::kOptional}},
                             .effect = Effect::kActs}},
                  .call =
                      [this](const std::string& name, const Json& arguments) {
                        called_.emplace_back(name, arguments);
                        return ToolAnswer{ToolOutcome::kDone, {{"said", "\xff"}}};
                      },
                  .instructions = "be careful",
                  .version = "1.2"}};
};

TEST_F(ProtocolTest, TheModernRevisionNeedsNoHandshake) {
  const Json found = Answer(Modern("server/discover")).at("result");
  EXPECT_EQ(found.at("supportedVersions"), Json({"2026-07-28", "2025-11-25"}));
  EXPECT_EQ(found.at("resultType"), "complete");
  EXPECT_EQ(found.at("capabilities"), Json({{"tools", Json::object()}}));
  EXPECT_EQ(found.at("_meta").at("io.modelcontextprotocol/serverInfo").at("version"), "1.2");
  const Json listed = Answer(Modern("tools/list")).at("result");
  EXPECT_EQ(listed.at("tools").size(), 2u);
  EXPECT_GE(listed.at("ttlMs"), 0);
  const Json schema = listed.at("tools").at(1).at("inputSchema");
  EXPECT_EQ(schema.at("required"), Json({"what"}));
  EXPECT_EQ(schema.at("additionalProperties"), false);
  EXPECT_EQ(listed.at("tools").at(0).at("annotations").at("readOnlyHint"), true);
  EXPECT_EQ(listed.at("tools").at(1).at("annotations").at("readOnlyHint"), false);
  EXPECT_EQ(Code(Modern("initialize")), -32601);
  EXPECT_EQ(Code(Modern("ping")), -32601);
  EXPECT_EQ(Code(Modern("subscriptions/listen")), -32601);
}

TEST_F(ProtocolTest, TheEarlierRevisionIsInitialised) {
  for (const char* offered : {"2025-11-25", "2024-11-05", "2099-01-01"}) {
    const Json result = Answer(Message("initialize", {{"protocolVersion", offered}})).at("result");
    EXPECT_EQ(result.at("protocolVersion"), "2025-11-25");
    EXPECT_EQ(result.at("serverInfo").at("name"), "pawl");
    EXPECT_FALSE(result.contains("resultType"));
  }
  EXPECT_EQ(Answer(Message("ping")).at("result"), Json::object());
  const Json listed = Answer(Message("tools/list")).at("result");
  EXPECT_EQ(listed.at("tools").size(), 2u);
  EXPECT_FALSE(listed.contains("ttlMs"));
  EXPECT_EQ(Code(Message("server/discover")), -32601);
  EXPECT_EQ(Code(Message("initialize")), -32602);
}

TEST_F(ProtocolTest, AnUnsupportedRevisionIsToldWhatThereIs) {
  Json params;
  params["_meta"] = Meta("1900-01-01");
  const Json error = Answer(Message("tools/list", params)).at("error");
  EXPECT_EQ(error.at("code"), -32022);
  EXPECT_EQ(error.at("data"), Json({{"supported", {"2026-07-28", "2025-11-25"}}, {"requested", "1900-01-01"}}));
  params["_meta"] = {{"io.modelcontextprotocol/protocolVersion", "2026-07-28"}};
  EXPECT_EQ(Code(Message("tools/list", params)), -32602);
  params["_meta"] = {{"io.modelcontextprotocol/protocolVersion", 7}};
  EXPECT_EQ(Code(Message("tools/list", params)), -32602);
}

TEST_F(ProtocolTest, CallsAToolWithWhatItTakes) {
  for (const std::string& message : {Modern("tools/call", Call("ask", {{"what", "now"}, {"index", 3}})),
                                     Message("tools/call", Call("ask", {{"what", "now"}, {"index", 3}}))}) {
    const Json result = Answer(message).at("result");
    EXPECT_EQ(result.at("isError"), false);
    EXPECT_EQ(result.at("structuredContent"), Json({{"said", "\uFFFD"}}));
    EXPECT_EQ(Json::parse(result.at("content").at(0).at("text").get<std::string>()), result.at("structuredContent"));
  }
  EXPECT_EQ(called_.size(), 2u);
  EXPECT_EQ(called_[0].second, Json({{"what", "now"}, {"index", 3}}));
}

TEST_F(ProtocolTest, WhatAToolDoesNotTakeNeverReachesIt) {
  const std::vector<Json> wrong = {
      Json::object(),
      {{"what", ""}},
      {{"what", "longer"}},
      {{"what", 1}},
      {{"what", std::string("a\0b", 3)}},
      {{"what", "now"}, {"index", -1}},
      {{"what", "now"}, {"index", "1"}},
      {{"what", "now"}, {"index", 1.5}},
      {{"what", "now"}, {"more", 1}},
  };
  for (const Json& arguments : wrong) {
    const Json result = Answer(Modern("tools/call", Call("ask", arguments))).at("result");
    EXPECT_EQ(result.at("isError"), true) << arguments;
    EXPECT_EQ(result.at("structuredContent").at("error").at("rule"), "mcp.arguments");
  }
  EXPECT_EQ(Code(Modern("tools/call", Call("approve", Json::object()))), -32602);
  EXPECT_EQ(Code(Modern("tools/call", {{"name", "look"}, {"arguments", 1}})), -32602);
  EXPECT_EQ(Code(Modern("tools/call")), -32602);
  EXPECT_TRUE(called_.empty());
}

TEST_F(ProtocolTest, EachMalformedShapeIsAnsweredOrIsNoRequest) {
  EXPECT_EQ(Code("{"), -32700);
  EXPECT_EQ(Code(std::string(kMessageBytesMax + 1, ' ')), -32700);
  EXPECT_EQ(Code(std::string(30, '[') + std::string(30, ']')), -32700);
  EXPECT_EQ(Code(R"({"jsonrpc":"2.0","id":1,"id":2,"method":"ping"})"), -32700);
  EXPECT_EQ(Code("[]"), -32600);
  EXPECT_EQ(Code("7"), -32600);
  EXPECT_EQ(Code(R"([{"jsonrpc":"2.0","id":1,"method":"ping"}])"), -32600);
  EXPECT_EQ(Code(R"({"id":1,"method":"ping"})"), -32600);
  EXPECT_EQ(Code(R"({"jsonrpc":"2.0","id":1})"), -32600);
  EXPECT_EQ(Code(R"({"jsonrpc":"2.0","id":null,"method":"ping"})"), -32600);
  EXPECT_EQ(Code(R"({"jsonrpc":"2.0","id":1.5,"method":"ping"})"), -32600);
  EXPECT_EQ(Code(R"({"jsonrpc":"2.0","id":1,"method":"ping","params":[]})"), -32602);
  EXPECT_EQ(Code(Message("tools/list", {{"cursor", "x"}})), -32602);
  EXPECT_EQ(server_.Answer(R"({"jsonrpc":"2.0","method":"notifications/initialized"})"), "");
  EXPECT_EQ(server_.Answer(R"({"jsonrpc":"2.0","id":1,"result":{}})"), "");
  EXPECT_EQ(Answer(R"({"jsonrpc":"2.0","id":"a","method":"ping"})").at("id"), "a");
}

TEST_F(ProtocolTest, OverHttpTheHeadHasToSayWhatTheBodySays) {
  const std::string call = Modern("tools/call", Call("look", Json::object()));
  const auto status = [&](PostHead head) { return Post(call, std::move(head)).http_status; };
  EXPECT_EQ(status({"2026-07-28", "tools/call", "look"}), 200u);
  EXPECT_EQ(status({"2026-07-28", "tools/call", "=?base64?bG9vaw==?="}), 200u);
  const std::vector<PostHead> wrong = {{"2026-07-28", "tools/call", std::nullopt},
                                       {"2026-07-28", "tools/call", "ask"},
                                       {"2026-07-28", "tools/call", "=?base64?bG9va?="},
                                       {"2026-07-28", "tools/call", "=?base64?="},
                                       {"2026-07-28", "tools/list", "look"},
                                       {"2026-07-28", std::nullopt, "look"},
                                       {"2025-11-25", "tools/call", "look"},
                                       {std::nullopt, "tools/call", "look"}};
  called_.clear();
  for (const PostHead& head : wrong) {
    const Reply reply = Post(call, head);
    EXPECT_EQ(reply.http_status, 400u);
    EXPECT_EQ(Json::parse(reply.body).at("error").at("code"), -32020);
  }
  EXPECT_TRUE(called_.empty());
  EXPECT_EQ(Post(Modern("no/such"), {"2026-07-28", "no/such", std::nullopt}).http_status, 404u);
}

TEST_F(ProtocolTest, OverHttpTheEarlierRevisionIsNamedAfterTheHandshake) {
  const auto status = [&](const std::string& message, std::optional<std::string> revision) {
    return Post(message, {std::move(revision), std::nullopt, std::nullopt}).http_status;
  };
  EXPECT_EQ(status(Message("initialize", {{"protocolVersion", "2025-11-25"}}), std::nullopt), 200u);
  EXPECT_EQ(status(Message("tools/list"), "2025-11-25"), 200u);
  EXPECT_EQ(status(Message("tools/list"), std::nullopt), 400u);
  EXPECT_EQ(status(Message("tools/list"), "2025-06-18"), 400u);
  EXPECT_EQ(status(Message("tools/list"), "2026-07-28"), 400u);
  EXPECT_EQ(status(R"({"jsonrpc":"2.0","method":"notifications/initialized"})", "2025-11-25"), 202u);
  EXPECT_EQ(status(R"({"jsonrpc":"2.0","id":1,"result":{}})", "2025-11-25"), 202u);
  EXPECT_EQ(status(R"({"jsonrpc":"2.0","id":1,"result":{}})", "2026-07-28"), 400u);
}

// Messages that were well-formed, with bytes and pieces of others put into them.
TEST_F(ProtocolTest, WhateverComesTheAnswerIsOneMessageOrNone) {
  const std::vector<std::string> seeds = {Modern("server/discover"), Modern("tools/list"),
                                          Modern("tools/call", Call("ask", {{"what", "now"}, {"index", 1}})),
                                          Message("initialize", {{"protocolVersion", "2025-11-25"}}),
                                          R"({"jsonrpc":"2.0","method":"notifications/cancelled"})"};
  std::mt19937 random(20'261'126);
  const auto below = [&](size_t bound) { return std::uniform_int_distribution<size_t>(0, bound - 1)(random); };
  size_t answered = 0, succeeded = 0;
  for (int i = 0; i < 2'000; ++i) {
    std::string message = seeds[below(seeds.size())];
    for (size_t changes = below(3); changes > 0; --changes) {
      const size_t at = below(message.size());
      const std::string& other = seeds[below(seeds.size())];
      switch (below(4)) {
        case 0:
          message[at] = static_cast<char>(below(256));
          break;
        case 1:
          message.erase(at, below(20));
          break;
        case 2:
          message.insert(at, other.substr(below(other.size()), below(30)));
          break;
        case 3:
          message.insert(at, 1, "{}[]\",:0"[below(8)]);
          break;
      }
      if (message.empty()) message = "x";
    }
    const std::string answer = server_.Answer(message);
    if (answer.empty()) continue;
    ASSERT_EQ(answer.find('\n'), std::string::npos);
    const Json said = Json::parse(answer, nullptr, /*allow_exceptions=*/false);
    ASSERT_TRUE(said.is_object() && said.at("jsonrpc") == "2.0") << message;
    ASSERT_NE(said.contains("result"), said.contains("error")) << message;
    ++answered;
    succeeded += said.contains("result") ? 1 : 0;
  }
  EXPECT_GT(answered, 1'000u);
  EXPECT_GT(succeeded, 300u);
  EXPECT_LT(succeeded, answered - 300u);
}

TEST_F(ProtocolTest, LinesAreServedInTheirOrderAndTooLongOnesThrownAway) {
  int in[2], out[2];
  ASSERT_EQ(pipe(in), 0);
  ASSERT_EQ(pipe(out), 0);
  std::jthread client([&] {
    const std::string lines = Message("ping") + "\r\n\n" + std::string(kMessageBytesMax + 100'000, 'x') + "\n" +
                              Modern("server/discover") + "\n" + Message("ping");  // the last one has no end
    for (size_t done = 0; done < lines.size();) {
      const ssize_t wrote = write(in[1], lines.data() + done, lines.size() - done);
      ASSERT_GT(wrote, 0);
      done += static_cast<size_t>(wrote);
    }
    close(in[1]);
  });
  EXPECT_TRUE(ServeLines(in[0], out[1], server_, {}).ok());
  close(out[1]);
  std::string said(100'000, '\0');
  said.resize(static_cast<size_t>(read(out[0], said.data(), said.size())));
  std::vector<Json> answers;
  for (size_t at = 0; at < said.size(); at = said.find('\n', at) + 1) {
    answers.push_back(Json::parse(said.substr(at, said.find('\n', at) - at)));
  }
  ASSERT_EQ(answers.size(), 3u);
  EXPECT_TRUE(answers[0].contains("result"));
  EXPECT_EQ(answers[1].at("error").at("code"), -32600);
  EXPECT_TRUE(answers[2].at("result").contains("supportedVersions"));
  close(in[0]);
  close(out[0]);
}

}  // namespace
}  // namespace pawl::mcp
