#include "warrant/members.h"

#include "encoding/utf8.h"

namespace pawl::warrant {
namespace {

constexpr size_t kTextBytesMax = Text{}.bytes_max;

// The getter has recorded the failure where this is no digest.
Digest Parsed(const std::string& text) {
  const Result<Digest> digest = Digest::Parse(text);
  return digest.ok() ? *digest : Digest{};
}

}  // namespace

void RequireText(JsonObject& object, std::string_view name, std::string_view text) {
  if (text.size() <= kTextBytesMax && encoding::IsPlainText(text)) return;
  object.Fail("statement.text", name, "is too long or holds a control character");
}

void Text::Read(JsonObject& object, const char* name, std::string& value) const {
  value = object.String(name, bytes_max);
  RequireText(object, name, value);
}

void Name::Read(JsonObject& object, const char* name, std::string& value) const {
  value = object.String(name, 64);
  if (!encoding::IsName(value)) object.Fail("statement.name", name, "is not a name");
}

void DigestText::Read(JsonObject& object, const char* name, Digest& value) const {
  value = Parsed(object.DigestText(name));
}

void DigestOrNull::Read(JsonObject& object, const char* name, std::optional<Digest>& value) const {
  value.reset();
  if (object.Any(name).is_null()) return;
  value = Parsed(object.DigestText(name));
}

void RootHex::Read(JsonObject& object, const char* name, Digest& value) const {
  const Result<Digest> root = Digest::FromHex(object.String(name, 64));
  if (!root.ok()) return object.Fail(rule, name, "is not 64 hexadecimal digits");
  value = *root;
}

void DigestSet::Read(JsonObject& object, const char* name, std::vector<Digest>& value) const {
  for (const std::string& text : object.DigestTexts(name, count_max)) {
    value.push_back(Parsed(text));
    if (value.size() > 1 && !(value.end()[-2] < value.back())) object.Fail(rule, name, "is not sorted and distinct");
  }
}

Json DigestSet::Write(const std::vector<Digest>& value) const {
  Json list = Json::array();
  for (const Digest& digest : value) list.push_back(digest.Text());
  return list;
}

void TextMap::Read(JsonObject& object, const char* name, std::map<std::string, std::string>& value) const {
  JsonObject map = object.Object(name);
  for (const std::string& key : map.Names()) {
    RequireText(map, key, key);
    Text{}.Read(map, key.c_str(), value[key]);
  }
}

void DigestMap::Read(JsonObject& object, const char* name, std::map<std::string, Digest>& value) const {
  JsonObject map = object.Object(name);
  for (const std::string& key : map.Names()) {
    RequireText(map, key, key);
    DigestText{}.Read(map, key.c_str(), value[key]);
  }
}

Json DigestMap::Write(const std::map<std::string, Digest>& value) const {
  Json map = Json::object();
  for (const auto& [name, digest] : value) map[name] = digest.Text();
  return map;
}

Result<encoding::Statement> OpenStatement(std::string_view kind, std::string_view payload) {
  Result<encoding::Statement> statement = encoding::ParseStatement(payload);
  if (!statement.ok()) return statement;
  if (statement->predicate_type != PredicateType(kind)) {
    return Malformed("statement.kind",
                     "expected a statement of type " + PredicateType(kind) + ", found " + statement->predicate_type);
  }
  if (statement->subjects.size() != 1 || !encoding::IsName(statement->subjects[0].name)) {
    return Malformed("statement.subject", "a statement has one subject with a name");
  }
  return statement;
}

}  // namespace pawl::warrant
