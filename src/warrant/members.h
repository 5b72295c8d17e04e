// A struct's JSON object, declared once as the list of its members; one reader and one writer walk that list.
//
//   constexpr std::tuple kClosing{
//       Member{"candidate", &Closing::candidate, DigestText{}},
//       Member{"size", &Closing::size, Count{}},
//       Member{"votes", &Closing::votes, DigestSet{}},
//       Member{"time", &Closing::time, Time{}}};
//
//   std::string payload = WriteStatement("closing", kClosing, closing);
//   Result<Closing> read = ReadStatement<Closing>("closing", kClosing, payload);
//
// A form says how one value is written and what is accepted when it is read: its type and its limits.
// spec/statements.md describes the forms in the same words. Reading records the first failure in the JsonObject, as its
// own getters do, and nothing that was read may be used before Finish() has succeeded.
//
// Thread safety: constants and pure functions.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

#include "crypto/digest.h"
#include "encoding/json.h"
#include "encoding/statement.h"
#include "encoding/time.h"
#include "result/result.h"

namespace pawl::warrant {

using crypto::Digest;
using encoding::Json;
using encoding::JsonObject;

// ---- forms

// Up to `bytes_max` bytes without control or invisible characters.
void RequireText(JsonObject& object, std::string_view name, std::string_view text);
struct Text {
  size_t bytes_max = 4'096;
  void Read(JsonObject& object, const char* name, std::string& value) const;
  Json Write(const std::string& value) const { return value; }
};
struct Name {
  void Read(JsonObject& object, const char* name, std::string& value) const;
  Json Write(const std::string& value) const { return value; }
};

// An integer that is not below `min`.
struct Count {
  int64_t min = 0;
  template <typename Integer>
  void Read(JsonObject& object, const char* name, Integer& value) const {
    value = static_cast<Integer>(object.Integer(name, min));
  }
  template <typename Integer>
  Json Write(Integer value) const {
    return value;
  }
};

struct Time {
  void Read(JsonObject& object, const char* name, int64_t& value) const { value = object.Time(name); }
  Json Write(int64_t value) const { return encoding::TimeText(value); }
};

// One of the words of an enumeration. Their list is an array that outlives the form.
template <typename T>
using Named = std::pair<std::string_view, T>;

template <typename T>
struct Word {
  template <size_t count>
  explicit constexpr Word(const Named<T> (&list)[count]) : names(list) {}
  std::span<const Named<T>> names;
  std::string_view Of(T value) const {
    const auto named = std::find_if(names.begin(), names.end(), [&](const auto& one) { return one.second == value; });
    return named == names.end() ? std::string_view() : named->first;
  }
  void Read(JsonObject& object, const char* name, T& value) const { value = object.Choice(name, names); }
  Json Write(T value) const { return Of(value); }
};

// "sha256:" and 64 hexadecimal digits.
struct DigestText {
  void Read(JsonObject& object, const char* name, Digest& value) const;
  Json Write(const Digest& value) const { return value.Text(); }
};

struct DigestOrNull {
  void Read(JsonObject& object, const char* name, std::optional<Digest>& value) const;
  Json Write(const std::optional<Digest>& value) const { return value ? Json(value->Text()) : Json(nullptr); }
};

// The root of a log: the 64 digits alone. Fails with the rule given.
struct RootHex {
  const char* rule;
  void Read(JsonObject& object, const char* name, Digest& value) const;
  Json Write(const Digest& value) const { return value.Hex(); }
};

// Digests in ascending order, none twice. Fails with the rule given.
struct DigestSet {
  const char* rule = "statement.order";
  size_t count_max = 1'024;
  void Read(JsonObject& object, const char* name, std::vector<Digest>& value) const;
  Json Write(const std::vector<Digest>& value) const;
};

// An object whose member names are Text, and the values Text or digests.
struct TextMap {
  void Read(JsonObject& object, const char* name, std::map<std::string, std::string>& value) const;
  Json Write(const std::map<std::string, std::string>& value) const { return value; }
};
struct DigestMap {
  void Read(JsonObject& object, const char* name, std::map<std::string, Digest>& value) const;
  Json Write(const std::map<std::string, Digest>& value) const;
};

// ---- members

template <typename Struct, typename Value, typename Form>
struct Member {
  constexpr Member(const char* its_name, Value Struct::*its_place, Form its_form)
      : name(its_name), place(its_place), form(its_form) {}
  const char* name;
  Value Struct::*place;
  Form form;
};

template <typename Struct, typename Members>
void ReadMembers(const Members& members, JsonObject& object, Struct& value) {
  std::apply([&](const auto&... one) { (one.form.Read(object, one.name, value.*one.place), ...); }, members);
}

template <typename Struct, typename Members>
Json WriteMembers(const Members& members, const Struct& value) {
  Json json = Json::object();
  std::apply([&](const auto&... one) { ((json[one.name] = one.form.Write(value.*one.place)), ...); }, members);
  return json;
}

// A list of structs, each an object of these members.
template <typename Members>
struct List {
  constexpr List(const Members& members_of_each, size_t most) : members(members_of_each), count_max(most) {}
  Members members;
  size_t count_max;
  template <typename Struct>
  void Read(JsonObject& object, const char* name, std::vector<Struct>& value) const {
    for (JsonObject& item : object.Objects(name, count_max)) ReadMembers(members, item, value.emplace_back());
  }
  template <typename Struct>
  Json Write(const std::vector<Struct>& value) const {
    Json list = Json::array();
    for (const Struct& item : value) list.push_back(WriteMembers(members, item));
    return list;
  }
};

// ---- statements: a struct with a member `about`, as the predicate of an in-toto statement

inline std::string PredicateType(std::string_view kind) { return "urn:pawl:" + std::string(kind) + ":v1"; }

// One subject with a name and a digest, and the predicate type of that kind. Rules "statement.kind",
// "statement.subject" and those of json.h.
Result<encoding::Statement> OpenStatement(std::string_view kind, std::string_view payload);

template <typename Struct, typename Members>
Result<Struct> ReadStatement(std::string_view kind, const Members& members, std::string_view payload) {
  const Result<encoding::Statement> statement = OpenStatement(kind, payload);
  if (!statement.ok()) return statement.error();
  const encoding::ResourceDigest& subject = statement->subjects.front();
  Struct value;
  value.about = {.subject = subject.name, .digest = *Digest::Parse(subject.digest)};
  JsonObject object(statement->predicate, std::string(kind));
  ReadMembers(members, object, value);
  if (Result<void> done = object.Finish(); !done.ok()) return done.error();
  return value;
}

template <typename Struct, typename Members>
std::string WriteStatement(std::string_view kind, const Members& members, const Struct& value) {
  return encoding::SerializeStatement({.subjects = {{.name = value.about.subject, .digest = value.about.digest.Text()}},
                                       .predicate_type = PredicateType(kind),
                                       .predicate = WriteMembers(members, value)});
}

}  // namespace pawl::warrant
