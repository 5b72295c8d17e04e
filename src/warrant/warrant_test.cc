// The warrant's file: read as it is written, bounded, and in one way only.
#include "warrant/warrant.h"

#include <gtest/gtest.h>

#include <functional>

#include "encoding/base64.h"
#include "encoding/json.h"
#include "source_directory.h"
#include "warrant/path_for_test.h"
#include "warrant/verify.h"

namespace pawl::warrant {
namespace {

using encoding::Json;

const std::string& Bytes() {
  static const std::string kBytes = [] {
    Path path = Path::WithTwoReleases();
    return path.Make({.tree = path.third}).bytes;
  }();
  return kBytes;
}

std::string RuleOf(const std::string& bytes) {
  const Result<Warrant> warrant = ReadWarrant(bytes);
  return warrant.ok() ? "ok" : warrant.error().rule;
}
std::string RuleWithEdit(const std::function<void(Json&)>& change) {
  Json json = Json::parse(Bytes());
  change(json);
  return RuleOf(encoding::CanonicalJson(json));
}
std::string RuleReplaced(const std::string& from, const std::string& to) {
  std::string bytes = Bytes();
  const size_t at = bytes.find(from);
  EXPECT_NE(at, std::string::npos) << from;
  return RuleOf(bytes.replace(at, from.size(), to));
}

TEST(WarrantFile, IsReadAsItIsWritten) {
  const Result<Warrant> warrant = ReadWarrant(Bytes());
  ASSERT_TRUE(warrant.ok()) << warrant.error().message;
  EXPECT_EQ(warrant->votes.size(), 5u);
  EXPECT_EQ(WriteWarrant(*warrant), Bytes());
}

TEST(WarrantFile, HasEveryMemberAndNoOther) {
  const Json whole = Json::parse(Bytes());
  for (const auto& [name, value] : whole.items()) {
    const std::string key = name;
    EXPECT_NE(RuleWithEdit([&](Json& json) { json.erase(key); }), "ok") << key;
    EXPECT_NE(RuleWithEdit([&](Json& json) { json[key] = true; }), "ok") << key;
  }
  EXPECT_EQ(RuleWithEdit([](Json& json) { json["more"] = 1; }), "json.member-unknown");
  EXPECT_NE(RuleWithEdit([](Json& json) { json["format"] = "pawl-warrant/v2"; }), "ok");
  EXPECT_NE(RuleWithEdit([](Json& json) { json["candidate"]["more"] = 1; }), "ok");
  EXPECT_NE(RuleWithEdit([](Json& json) { json["votes"][0]["signatures"][0]["cert"] = ""; }), "ok");
}

TEST(WarrantFile, IsCanonical) {
  EXPECT_EQ(RuleOf(Bytes() + "\n"), "json.not-canonical");
  EXPECT_EQ(RuleOf(Bytes() + "{}"), "json.syntax");
  EXPECT_EQ(RuleOf(Bytes().substr(1)), "json.syntax");
  EXPECT_EQ(RuleOf(Bytes().substr(0, Bytes().size() / 2)), "json.syntax");
  EXPECT_EQ(RuleOf(""), "json.syntax");
  EXPECT_NE(RuleOf("null"), "ok");
  EXPECT_NE(RuleOf("[]"), "ok");
  EXPECT_EQ(RuleReplaced("\"format\":", "\"format\":\"\",\"format\":"), "json.duplicate");
  EXPECT_EQ(RuleReplaced("\"previous_size\":", "\"previous_size\":0"), "json.syntax") << "a leading zero";
  EXPECT_EQ(RuleReplaced("\"previous_size\":", "\"previous_size\":-"), "json.member-range");
  EXPECT_EQ(RuleReplaced("pawl-warrant", "pawl-\xFFwarrant"), "json.utf8");
  EXPECT_EQ(RuleReplaced("\"payload\":\"", "\"payload\":\"!"), "json.member-range");
}

TEST(WarrantFile, HoldsHashesOfTheirSizeAndNumber) {
  for (const char* name : {"closing_consistency", "commit_inclusion", "commit_consistency", "previous_consistency"}) {
    EXPECT_NE(
        RuleWithEdit([&](Json& json) { json[name] = Json::array({encoding::EncodeBase64(std::string(31, 'h'))}); }),
        "ok");
    EXPECT_NE(RuleWithEdit([&](Json& json) { json[name] = Json::array({"*"}); }), "ok");
    EXPECT_NE(RuleWithEdit([&](Json& json) { json[name] = Json::array({7}); }), "ok");
    const auto hashes = [&](size_t count) {
      return RuleWithEdit([&](Json& json) {
        json[name] = std::vector<std::string>(count, encoding::EncodeBase64(std::string(32, 'h')));
      });
    };
    EXPECT_EQ(hashes(63), "ok");
    EXPECT_NE(hashes(64), "ok");
  }
}

TEST(WarrantFile, IsBoundedBeforeAnythingIsDecoded) {
  EXPECT_EQ(RuleOf(std::string(kWarrantBytesMax + 1, ' ')), "warrant.too-large");
  EXPECT_EQ(RuleOf(std::string(kWarrantBytesMax, '[')), "json.too-deep");
  EXPECT_NE(RuleOf(std::string(1'000'000, '1')), "ok");
  std::string many = "[";
  for (int i = 0; i < 1'000'000; ++i) many += "1,";
  EXPECT_EQ(RuleOf(many + "1]"), "json.too-many");
  EXPECT_EQ(RuleWithEdit([](Json& json) { json["votes"] = std::vector<Json>(257, json["votes"][0]); }),
            "json.member-range");
  EXPECT_EQ(RuleWithEdit([](Json& json) {
              json["decision"]["signatures"] = std::vector<Json>(65, json["decision"]["signatures"][0]);
            }),
            "json.member-range");
  std::string signatures = "{\"closing\":{\"payload\":\"\",\"payloadType\":\"\",\"signatures\":[";
  for (int i = 0; i < 250'000; ++i) signatures += "{\"keyid\":\"\",\"sig\":\"\"},";
  EXPECT_EQ(RuleOf(signatures + "{}]}}"), "json.too-many") << "a million signatures' worth of bytes";
  EXPECT_NE(RuleWithEdit([](Json& json) { json["proof"] = std::string(600'000, 'p'); }), "ok");
}

TEST(WarrantSpecification, ListsEveryClause) {
  const std::string text = subject::ReadWholeFile(SourceDirectory() + "/spec/warrant.md");
  for (const std::string_view clause : ClauseNames()) {
    EXPECT_NE(text.find("`" + std::string(clause) + "`"), std::string::npos) << clause;
  }
}

TEST(WarrantFile, SurvivesEveryFlippedByte) {
  // Whatever a flipped byte makes of it: refused, or another file that is read as it is written.
  size_t refused = 0;
  for (size_t at = 0; at < Bytes().size(); at += 37) {
    std::string bytes = Bytes();
    bytes[at] = static_cast<char>(bytes[at] ^ 0x01);
    const Result<Warrant> warrant = ReadWarrant(bytes);
    if (warrant.ok()) {
      EXPECT_EQ(WriteWarrant(*warrant), bytes) << at;
    } else {
      ++refused;
    }
  }
  EXPECT_GT(refused, 0u);
}

}  // namespace
}  // namespace pawl::warrant
