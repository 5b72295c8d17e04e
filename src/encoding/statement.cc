#include "encoding/statement.h"

#include <cassert>

namespace pawl::encoding {

namespace {
constexpr char kStatementType[] = "https://in-toto.io/Statement/v1";
constexpr size_t kDigestPrefixBytes = sizeof "sha256:" - 1;
}  // namespace

std::string SerializeStatement(const Statement& statement) {
  assert(!statement.subjects.empty() && statement.subjects.size() <= kStatementSubjectsMax);
  assert(statement.predicate.is_object());
  Json subjects = Json::array();
  for (const ResourceDigest& subject : statement.subjects) {
    assert(IsDigestText(subject.digest));
    Json item = {{"digest", {{"sha256", subject.digest.substr(kDigestPrefixBytes)}}}};
    if (!subject.name.empty()) item["name"] = subject.name;
    subjects.push_back(std::move(item));
  }
  return CanonicalJson({{"_type", kStatementType},
                        {"predicate", statement.predicate},
                        {"predicateType", statement.predicate_type},
                        {"subject", std::move(subjects)}});
}

Result<Statement> ParseStatement(std::string_view bytes, const JsonLimits& limits) {
  Result<Json> json = ParseCanonicalJson(bytes, limits);
  if (!json.ok()) return json.error();
  JsonObject object(*json, "statement");
  object.Expect("_type", kStatementType);
  Statement statement;
  statement.predicate_type = object.String("predicateType", 1'024);
  if (!object.Any("predicate").is_object()) object.Fail("json.member-type", "predicate", "is not an object");
  for (JsonObject& item : object.Objects("subject", kStatementSubjectsMax)) {
    ResourceDigest subject{.name = {}, .digest = "sha256:" + item.Object("digest").String("sha256", 64)};
    if (item.Has("name") && (subject.name = item.String("name", 4'096)).empty()) {
      item.Fail("statement.subject", "name", "is empty");
    }
    if (!IsDigestText(subject.digest)) item.Fail("statement.subject", "digest", "is not SHA-256");
    statement.subjects.push_back(std::move(subject));
  }
  if (statement.subjects.empty()) object.Fail("statement.subject", "subject", "is empty");
  if (const Result<void> read = object.Finish(); !read.ok()) return read.error();
  statement.predicate = std::move((*json)["predicate"]);
  return statement;
}

}  // namespace pawl::encoding
