// DSSE envelopes and in-toto Statements.
#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include "encoding/base64.h"
#include "encoding/dsse.h"
#include "encoding/statement.h"

namespace pawl::encoding {
namespace {

std::string RuleOfEnvelope(const std::string& bytes, const EnvelopeLimits& limits = {}) {
  const Result<Envelope> envelope = ParseEnvelope(bytes, limits);
  return envelope.ok() ? "ok" : envelope.error().rule;
}

TEST(Dsse, PreAuthenticationEncodingOfTheProtocolText) {
  EXPECT_EQ(PreAuthenticationEncoding("http://example.com/HelloWorld", "hello world"),
            "DSSEv1 29 http://example.com/HelloWorld 11 hello world");
  EXPECT_EQ(PreAuthenticationEncoding("", ""), "DSSEv1 0  0 ");
}

TEST(Dsse, SerialisesCanonically) {
  const Envelope envelope{.payload_type = "t", .payload = "foo", .signatures = {{.keyid = "k", .sig = "f"}}};
  EXPECT_EQ(SerializeEnvelope(envelope),
            R"({"payload":"Zm9v","payloadType":"t","signatures":[{"keyid":"k","sig":"Zg=="}]})");
}

RC_GTEST_PROP(Dsse, RoundTrips, (const std::string& payload, const std::vector<std::string>& sigs)) {
  Envelope envelope{.payload_type = kInTotoPayloadType, .payload = payload, .signatures = {}};
  for (const std::string& sig : sigs) {
    if (envelope.signatures.size() < 64) envelope.signatures.push_back({.keyid = "key", .sig = sig});
  }
  const Result<Envelope> again = ParseEnvelope(SerializeEnvelope(envelope));
  RC_ASSERT(again.ok());
  RC_ASSERT(*again == envelope);
}

// Whatever is read, by whichever way, has one text.
RC_GTEST_PROP(Dsse, ReadsNoTextButTheOneThatItWrites, (const std::string& payload, std::string keyid, bool several)) {
  const Envelope envelope{.payload_type = kInTotoPayloadType,
                          .payload = payload,
                          .signatures = std::vector<Signature>(several ? 2 : 1, {.keyid = "key", .sig = keyid})};
  std::string text = SerializeEnvelope(envelope);
  const size_t at = *rc::gen::inRange<size_t>(0, text.size());
  switch (*rc::gen::inRange(0, 4)) {
    case 0:
      text[at] = *rc::gen::arbitrary<char>();
      break;
    case 1:
      text.insert(at, 1, *rc::gen::element(' ', '"', '\\', '=', 'A', '\0', '\xc3'));
      break;
    case 2:
      text.erase(at, 1);
      break;
    default:
      text.resize(at);
  }
  const Result<Envelope> read = ParseEnvelope(text);
  if (read.ok()) RC_ASSERT(SerializeEnvelope(*read) == text);
}

TEST(Dsse, ReadsLabelsWithEscapesAndLettersBeyondAscii) {
  for (const std::string label : {"a\"b", "a\\b", "\x01", "\x7f", "caf\xc3\xa9", "", "a/b+c"}) {
    const Envelope envelope{.payload_type = label, .payload = "p", .signatures = {{.keyid = label, .sig = "s"}}};
    const Result<Envelope> read = ParseEnvelope(SerializeEnvelope(envelope));
    ASSERT_TRUE(read.ok()) << label << ": " << read.error().message;
    EXPECT_EQ(*read, envelope);
  }
  EXPECT_EQ(RuleOfEnvelope(R"({"payload":"Zg==","payloadType":"a\/b","signatures":[{"keyid":"k","sig":"Zg=="}]})"),
            "json.not-canonical");
  EXPECT_EQ(RuleOfEnvelope(
                "{\"payload\":\"Zg==\",\"payloadType\":\"\xff\",\"signatures\":[{\"keyid\":\"k\",\"sig\":\"Zg==\"}]}"),
            "json.utf8");
}

TEST(Dsse, LimitsAreExact) {
  Envelope envelope{.payload_type = "t", .payload = std::string(60'000, '\xff'), .signatures = {}};
  EXPECT_EQ(RuleOfEnvelope(SerializeEnvelope(envelope)), "ok");
  envelope.payload += 'x';
  EXPECT_NE(RuleOfEnvelope(SerializeEnvelope(envelope)), "ok");
  envelope.payload = "p";
  envelope.signatures.assign(64, {.keyid = "k", .sig = std::string(8'192, 's')});
  EXPECT_EQ(RuleOfEnvelope(SerializeEnvelope(envelope)), "ok");
  envelope.signatures.assign(65, {.keyid = "k", .sig = "s"});
  EXPECT_EQ(RuleOfEnvelope(SerializeEnvelope(envelope)), "json.too-many");
  envelope.signatures.assign(1, {.keyid = "k", .sig = std::string(8'193, 's')});
  EXPECT_EQ(RuleOfEnvelope(SerializeEnvelope(envelope)), "json.member-range");
  envelope.signatures.assign(1, {.keyid = std::string(1'025, 'k'), .sig = "s"});
  EXPECT_EQ(RuleOfEnvelope(SerializeEnvelope(envelope)), "json.member-range");
  EXPECT_EQ(RuleOfEnvelope(std::string(10'000'000, '[')), "json.too-large");
}

TEST(Dsse, RefusesEveryMalformedShape) {
  EXPECT_EQ(RuleOfEnvelope(R"({"payload":"Zg","payloadType":"t","signatures":[]})"), "json.member-range");
  EXPECT_EQ(RuleOfEnvelope(R"({"payload":"Zg==","signatures":[]})"), "json.member-missing");
  EXPECT_EQ(RuleOfEnvelope(R"({"payload":"Zg==","payloadType":"t"})"), "json.member-missing");
  EXPECT_EQ(RuleOfEnvelope(R"({"payload":1,"payloadType":"t","signatures":[]})"), "json.member-type");
  EXPECT_EQ(RuleOfEnvelope(R"({"payload":"Zg==","payloadType":"t","signatures":{}})"), "json.member-type");
  EXPECT_EQ(RuleOfEnvelope(R"({"payload":"Zg==","payloadType":"t","signatures":[{"sig":"Zg=="}]})"),
            "json.member-missing");
  EXPECT_EQ(RuleOfEnvelope(R"({"extra":1,"payload":"Zg==","payloadType":"t","signatures":[]})"), "json.member-unknown");
  EXPECT_EQ(RuleOfEnvelope(R"({"payloadType":"t","payload":"Zg==","signatures":[]})"), "json.not-canonical");
  EXPECT_EQ(RuleOfEnvelope(R"({"payload":"Zg==","payloadType":"t","signatures":[]}x)"), "json.syntax");
  EXPECT_EQ(RuleOfEnvelope("[]"), "json.member-type");
}

Statement Example() {
  return {.subjects = {{.name = "candidate", .digest = "sha256:" + std::string(64, '1')},
                       {.name = "", .digest = "sha256:" + std::string(64, '2')}},
          .predicate_type = "urn:pawl:vote:v1",
          .predicate = {{"epoch", 3}}};
}

TEST(Statement, RoundTrips) {
  const std::string text = SerializeStatement(Example());
  EXPECT_EQ(text,
            R"({"_type":"https://in-toto.io/Statement/v1","predicate":{"epoch":3},"predicateType":"urn:pawl:vote:v1",)"
            R"("subject":[{"digest":{"sha256":")" +
                std::string(64, '1') + R"("},"name":"candidate"},{"digest":{"sha256":")" + std::string(64, '2') +
                R"("}}]})");
  const Result<Statement> again = ParseStatement(text);
  ASSERT_TRUE(again.ok()) << again.error().message;
  EXPECT_EQ(*again, Example());
}

TEST(Statement, RefusesEveryMalformedShape) {
  const auto rule = [](const std::function<void(Json&)>& change) {
    Json json = Json::parse(SerializeStatement(Example()));
    change(json);
    const Result<Statement> statement = ParseStatement(CanonicalJson(json));
    return statement.ok() ? "ok" : statement.error().rule;
  };
  EXPECT_EQ(rule([](Json&) {}), "ok");
  EXPECT_EQ(rule([](Json& j) { j["_type"] = "https://in-toto.io/Statement/v0.1"; }), "json.member-range");
  EXPECT_EQ(rule([](Json& j) { j["predicate"] = 1; }), "json.member-type");
  EXPECT_EQ(rule([](Json& j) { j.erase("predicate"); }), "json.member-missing");
  EXPECT_EQ(rule([](Json& j) { j.erase("predicateType"); }), "json.member-missing");
  EXPECT_EQ(rule([](Json& j) { j["more"] = 1; }), "json.member-unknown");
  EXPECT_EQ(rule([](Json& j) { j["subject"] = Json::array(); }), "statement.subject");
  EXPECT_EQ(rule([](Json& j) { j["subject"][0]["name"] = ""; }), "statement.subject");
  EXPECT_EQ(rule([](Json& j) { j["subject"][0]["uri"] = "x"; }), "json.member-unknown");
  EXPECT_EQ(rule([](Json& j) { j["subject"][0]["digest"]["sha512"] = "x"; }), "json.member-unknown");
  EXPECT_EQ(rule([](Json& j) { j["subject"][0]["digest"]["sha256"] = std::string(64, 'A'); }), "statement.subject");
  EXPECT_EQ(rule([](Json& j) { j["subject"][0]["digest"]["sha256"] = std::string(63, 'a'); }), "statement.subject");
  EXPECT_EQ(rule([](Json& j) {
              for (int i = 0; i < 63; ++i) j["subject"].push_back(j["subject"][0]);
            }),
            "json.member-range");
}

}  // namespace
}  // namespace pawl::encoding
