// JSON, read strictly and written in one canonical form.
//
//   Result<Json> value = ParseCanonicalJson(bytes, {.bytes_max = 60'000});
//   if (!value.ok()) return value.error();
//   JsonObject object(*value, "vote");
//   Vote vote;
//   vote.epoch = object.Integer("epoch", 0, kJsonIntegerMax);
//   vote.candidate = object.DigestText("candidate");
//   if (object.Has("reason")) vote.reason = object.String("reason");
//   for (JsonObject& item : object.Objects("evidence", 64)) vote.evidence.push_back(item.String("name"));
//   if (Result<void> done = object.Finish(); !done.ok()) return done.error();
//
// Canonical form: UTF-8, members sorted by the bytes of their names, no white space, integers only with |n| < 2^53
// (numbers with fractions are decimal strings, number.h), the shortest escapes: \" \\ \b \f \n \r \t, \u00xx in lower
// case for the other characters below U+0020, and nothing else escaped. For what we write this is a subset of RFC 8785
// apart from the sort order (bytes, not UTF-16 units).
//
// Thread safety: pure functions; a JsonObject and its children belong to one thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <nlohmann/json.hpp>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "result/result.h"

namespace pawl::encoding {

using Json = nlohmann::json;

inline constexpr int64_t kJsonIntegerMax = (int64_t{1} << 53) - 1;

// What numbers with fractions are to a reader: nothing it takes; doubles where they are written without exponent in at
// most 16 characters, so that no two decimals are one double; or the nearest double, whatever its length.
enum class Fractions { kRefused, kShort, kRounded };

// What a reader spends at most. Size is checked before parsing; depth and elements before a value is stored.
struct JsonLimits {
  size_t bytes_max = size_t{1} << 20;
  size_t depth_max = 16;         // nested arrays and objects
  size_t elements_max = 50'000;  // values of any kind, the outermost included
  Fractions fractions = Fractions::kRefused;
};

// The canonical bytes. Requires (asserts) valid UTF-8, integers within range and no floating-point numbers: programmer
// errors, since ParseJson lets none of them in.
std::string CanonicalJson(const Json& value);

// Reads one JSON text of any layout. Refused, each with a rule of its own: too large, too deep or too many elements
// ("json.too-large", "json.too-deep", "json.too-many"), invalid UTF-8 ("json.utf8"), a name twice in one object
// ("json.duplicate"), fractions, exponents, -0 and integers beyond 2^53 - 1
// ("json.number"), and everything else that is not JSON, trailing bytes included ("json.syntax").
Result<Json> ParseJson(std::string_view text, const JsonLimits& limits = {});

// ParseJson, and in addition the bytes must be the canonical ones ("json.not-canonical").
Result<Json> ParseCanonicalJson(std::string_view text, const JsonLimits& limits = {});

// Reads the members of an object, each at most once, and keeps the first failure: a getter that fails returns an empty
// value, and Finish() reports what went wrong and where ("vote.evidence[3].digest"). Nothing that was read may be used
// before Finish() has succeeded.
//
// Children made by Object() and Objects() report to the same place, so that the root's Finish() speaks for all of them:
// the first failure, else any member of any of the objects that nobody read ("json.member-unknown").
//
// The Json must outlive the reader and its children.
class JsonObject {
 public:
  // `path` names the value in messages.
  JsonObject(const Json& value, std::string path);
  JsonObject(Json&& value, std::string path) = delete;  // it would be gone

  // Whether the member is present; for optional members. Does not count as reading it.
  bool Has(const char* name) const;

  // Required members. Rules: "json.member-missing", "json.member-type", "json.member-range".
  std::string String(const char* name, size_t bytes_max = 65'536);
  int64_t Integer(const char* name, int64_t min, int64_t max = kJsonIntegerMax);
  bool Boolean(const char* name);
  double Number(const char* name);                                  // a decimal string of number.h
  int64_t Time(const char* name);                                   // a time of time.h, in POSIX seconds
  int64_t Duration(const char* name);                               // a duration of time.h, in seconds
  std::string DigestText(const char* name);                         // "sha256:" and 64 lower-case hexadecimal digits
  std::string Base64(const char* name, size_t bytes_max = 65'536);  // decoded
  const Json& Any(const char* name);                                // whatever it is, not looked into
  JsonObject Object(const char* name);
  std::vector<JsonObject> Objects(const char* name, size_t count_max);
  std::vector<std::string> Strings(const char* name, size_t count_max);
  std::vector<std::string> DigestTexts(const char* name, size_t count_max);

  // Member names in order, for objects whose names are data. The caller reads each of them.
  std::vector<std::string> Names() const;

  // A string that must be one of the listed words, as the value beside it.
  template <typename T>
  T Choice(const char* name, std::span<const std::pair<std::string_view, T>> choices) {
    const std::string word = String(name);
    for (const auto& [text, value] : choices) {
      if (text == word) return value;
    }
    Fail("json.member-range", name, "is not one of the words allowed here");
    return choices.begin()->second;
  }
  template <typename T>
  T Choice(const char* name, std::initializer_list<std::pair<std::string_view, T>> choices) {
    return Choice(name, std::span(choices.begin(), choices.size()));
  }
  // The same for constants such as "_type".
  void Expect(const char* name, std::string_view constant);

  // Records a failure of the caller's own at the member `name` of this object, unless there is an earlier one.
  void Fail(std::string rule, std::string_view name, std::string message);

  // Call on the root, once, after everything was read.
  Result<void> Finish() const;

  const std::string& path() const;

 private:
  struct Visited;
  struct State;
  JsonObject(const Json& value, std::string path, std::shared_ptr<State> state);
  const Json* Take(const char* name, Json::value_t type, const char* type_name);
  template <typename T>
  T Parsed(const char* name, size_t bytes_max, Result<T> (*parse)(std::string_view));
  std::vector<std::pair<const Json*, std::string>> Elements(const char* name, size_t count_max);

  std::shared_ptr<State> state_;
  Visited* visited_;  // owned by state_
};

// Whether `text` is "sha256:" and 64 lower-case hexadecimal digits.
bool IsDigestText(std::string_view text);

}  // namespace pawl::encoding
