// nlohmann-json does the lexing; what is strict here is added by a handler of its events, so that every limit is
// checked before a value is stored. The library throws; ParseJson is the one place where that can happen on input.
#include "encoding/json.h"

#include <cassert>
#include <list>
#include <optional>
#include <set>

#include "encoding/base64.h"
#include "encoding/hex.h"
#include "encoding/number.h"
#include "encoding/time.h"
#include "encoding/utf8.h"

namespace pawl::encoding {
namespace {

// Builds the value from the lexer's events. Each event returns false to stop, with `error` set.
class Builder : public nlohmann::json_sax<Json> {
 public:
  explicit Builder(const JsonLimits& limits) : limits_(limits) {}

  bool null() override { return Add(nullptr) != nullptr; }
  bool boolean(bool value) override { return Add(value) != nullptr; }
  bool string(string_t& value) override { return Add(std::move(value)) != nullptr; }
  bool binary(binary_t&) override { return Stop(Malformed("json.syntax", "binary data")); }
  bool number_float(number_float_t value, const string_t& text) override {
    const bool is_short = text.size() <= 16 && text.find_first_of("eE") == text.npos && !(value == 0 && text[0] == '-');
    const Fractions needed = is_short ? Fractions::kShort : Fractions::kRounded;
    return limits_.fractions >= needed ? Add(value) != nullptr : BadNumber(text);
  }
  bool number_unsigned(number_unsigned_t value) override {
    if (value > static_cast<number_unsigned_t>(kJsonIntegerMax)) return BadNumber(std::to_string(value));
    return Add(static_cast<int64_t>(value)) != nullptr;
  }
  // Called for texts with a minus sign alone, so zero here was "-0".
  bool number_integer(number_integer_t value) override {
    if (value == 0 || value < -kJsonIntegerMax) return BadNumber(value == 0 ? "-0" : std::to_string(value));
    return Add(value) != nullptr;
  }
  bool start_object(std::size_t) override { return Open(Json::object()); }
  bool start_array(std::size_t) override { return Open(Json::array()); }
  bool end_object() override { return Close(); }
  bool end_array() override { return Close(); }
  bool key(string_t& name) override {
    if (open_.back()->contains(name)) return Stop(Malformed("json.duplicate", "the name \"" + name + "\" twice"));
    key_ = std::move(name);
    return true;
  }
  bool parse_error(std::size_t position, const std::string&, const nlohmann::detail::exception&) override {
    return Stop(Malformed("json.syntax", "not JSON at byte " + std::to_string(position)));
  }

  Json root;
  std::optional<Error> error;

 private:
  bool Stop(Error reason) {
    error = std::move(reason);
    return false;
  }
  bool BadNumber(const std::string& text) {
    return Stop(Malformed("json.number", text + " is not an integer between -(2^53 - 1) and 2^53 - 1",
                          "write numbers with fractions as decimal strings"));
  }
  // Stores a value where the parser stands; null if there were too many.
  Json* Add(Json value) {
    if (++elements_ > limits_.elements_max) {
      Stop(LimitReached("json.too-many", "more than " + std::to_string(limits_.elements_max) + " values"));
      return nullptr;
    }
    if (open_.empty()) return &(root = std::move(value));
    Json& parent = *open_.back();
    if (parent.is_object()) return &(parent[key_] = std::move(value));
    parent.push_back(std::move(value));
    return &parent.back();
  }
  bool Open(Json value) {
    if (open_.size() >= limits_.depth_max) {
      return Stop(LimitReached("json.too-deep", "nested deeper than " + std::to_string(limits_.depth_max)));
    }
    Json* stored = Add(std::move(value));
    if (stored != nullptr) open_.push_back(stored);
    return stored != nullptr;
  }
  bool Close() {
    open_.pop_back();
    return true;
  }

  const JsonLimits limits_;
  size_t elements_ = 0;
  std::vector<Json*> open_;  // from the root inward; stable, since a parent does not grow while a child is open
  std::string key_;
};

// What CanonicalJson requires of its argument.
bool HasCanonicalForm(const Json& value) {
  if (value.is_string()) return IsUtf8(value.get_ref<const std::string&>());
  if (value.is_number_unsigned()) return value.get<uint64_t>() <= static_cast<uint64_t>(kJsonIntegerMax);
  if (value.is_number_integer()) {
    return value.get<int64_t>() >= -kJsonIntegerMax && value.get<int64_t>() <= kJsonIntegerMax;
  }
  if (value.is_object() || value.is_array()) {
    for (const auto& [name, member] : value.items()) {
      if (!IsUtf8(name) || !HasCanonicalForm(member)) return false;
    }
    return true;
  }
  return value.is_null() || value.is_boolean();
}

}  // namespace

std::string CanonicalJson(const Json& value) {
  assert(HasCanonicalForm(value));
  return value.dump();  // std::map order is that of bytes, and dump() without arguments writes no white space
}

Result<Json> ParseJson(std::string_view text, const JsonLimits& limits) {
  if (text.size() > limits.bytes_max) {
    return LimitReached("json.too-large", std::to_string(text.size()) + " bytes where at most " +
                                              std::to_string(limits.bytes_max) + " are allowed");
  }
  if (!IsUtf8(text)) return Malformed("json.utf8", "not valid UTF-8");
  // The library would skip a byte order mark, and take a NUL byte for the end of the text.
  if (text.starts_with("\xef\xbb\xbf")) return Malformed("json.syntax", "a byte order mark");
  if (text.find('\0') != text.npos) return Malformed("json.syntax", "a NUL byte");
  try {
    Builder builder(limits);
    const bool parsed = Json::sax_parse(text.begin(), text.end(), &builder);
    if (builder.error.has_value()) return *builder.error;
    if (!parsed) return Malformed("json.syntax", "not JSON");
    return std::move(builder.root);
  } catch (const std::exception& exception) {
    return Malformed("json.syntax", exception.what());
  }
}

Result<Json> ParseCanonicalJson(std::string_view text, const JsonLimits& limits) {
  Result<Json> value = ParseJson(text, limits);
  if (value.ok() && value->dump() != text) {  // as CanonicalJson, whose demands a parsed value fulfils
    return Malformed("json.not-canonical", "the same value has another canonical text",
                     "sort the names, leave out white space and escape only what must be");
  }
  return value;
}

bool IsDigestText(std::string_view text) {
  constexpr std::string_view kPrefix = "sha256:";
  return text.size() == kPrefix.size() + 64 && text.starts_with(kPrefix) &&
         text.find_first_not_of("0123456789abcdef", kPrefix.size()) == text.npos;
}

struct JsonObject::Visited {
  const Json* value;  // an object
  std::string path;
  std::set<std::string_view> read;  // into `value`
};

struct JsonObject::State {
  std::optional<Error> error;
  std::list<Visited> objects;  // a list, since readers point into it
};

JsonObject::JsonObject(const Json& value, std::string path)
    : JsonObject(value, std::move(path), std::make_shared<State>()) {}

JsonObject::JsonObject(const Json& value, std::string path, std::shared_ptr<State> state) : state_(std::move(state)) {
  static const Json kEmpty = Json::object();
  if (!value.is_object() && !state_->error) state_->error = Malformed("json.member-type", path + " is not an object");
  visited_ = &state_->objects.emplace_back(Visited{value.is_object() ? &value : &kEmpty, std::move(path), {}});
}

const std::string& JsonObject::path() const { return visited_->path; }

bool JsonObject::Has(const char* name) const { return visited_->value->contains(name); }

std::vector<std::string> JsonObject::Names() const {
  std::vector<std::string> names;
  for (const auto& [name, member] : visited_->value->items()) names.push_back(name);
  return names;
}

void JsonObject::Fail(std::string rule, std::string_view name, std::string message) {
  if (!state_->error) {
    state_->error = Malformed(std::move(rule), visited_->path + "." + std::string(name) + " " + std::move(message));
  }
}

Result<void> JsonObject::Finish() const {
  if (state_->error) return *state_->error;
  for (const Visited& object : state_->objects) {
    for (const auto& [name, member] : object.value->items()) {
      if (!object.read.contains(name)) {
        return Malformed("json.member-unknown", object.path + "." + name + " is not known here");
      }
    }
  }
  return {};
}

const Json& JsonObject::Any(const char* name) {
  static const Json kNull;
  const auto member = visited_->value->find(name);
  if (member != visited_->value->end()) {
    visited_->read.insert(member.key());
    return *member;
  }
  Fail("json.member-missing", name, "is missing");
  return kNull;
}

// The member if it is there and has that type, else null.
const Json* JsonObject::Take(const char* name, Json::value_t type, const char* type_name) {
  const Json& member = Any(name);
  const bool integer = type == Json::value_t::number_integer && member.is_number_integer();
  if (member.type() == type || integer) return &member;
  Fail("json.member-type", name, std::string("is not ") + type_name);
  return nullptr;
}

std::string JsonObject::String(const char* name, size_t bytes_max) {
  const Json* member = Take(name, Json::value_t::string, "a string");
  if (member == nullptr) return {};
  const std::string& text = member->get_ref<const std::string&>();
  if (text.size() <= bytes_max) return text;
  Fail("json.member-range", name, "is longer than " + std::to_string(bytes_max) + " bytes");
  return {};
}

int64_t JsonObject::Integer(const char* name, int64_t min, int64_t max) {
  const Json* member = Take(name, Json::value_t::number_integer, "an integer");
  if (member == nullptr) return 0;
  const int64_t value = member->get<int64_t>();
  if (HasCanonicalForm(*member) && value >= min && value <= max) return value;
  Fail("json.member-range", name, "is not between " + std::to_string(min) + " and " + std::to_string(max));
  return 0;
}

bool JsonObject::Boolean(const char* name) {
  const Json* member = Take(name, Json::value_t::boolean, "true or false");
  return member != nullptr && member->get<bool>();
}

// A string that `parse` understands.
template <typename T>
T JsonObject::Parsed(const char* name, size_t bytes_max, Result<T> (*parse)(std::string_view)) {
  const Result<T> value = parse(String(name, bytes_max));
  if (value.ok()) return *value;
  Fail("json.member-range", name, "is " + value.error().message);
  return {};
}

double JsonObject::Number(const char* name) { return Parsed(name, 32, ParseNumber); }
int64_t JsonObject::Time(const char* name) { return Parsed(name, 32, ParseTime); }
int64_t JsonObject::Duration(const char* name) { return Parsed(name, 32, ParseDuration); }
std::string JsonObject::Base64(const char* name, size_t bytes_max) {
  std::string bytes = Parsed(name, (bytes_max + 2) / 3 * 4, DecodeBase64);
  if (bytes.size() > bytes_max)
    Fail("json.member-range", name, "is longer than " + std::to_string(bytes_max) + " bytes");
  return bytes;
}

std::string JsonObject::DigestText(const char* name) {
  std::string text = String(name);
  if (!IsDigestText(text)) Fail("json.member-range", name, "is not a SHA-256 digest");
  return text;
}

void JsonObject::Expect(const char* name, std::string_view constant) {
  if (String(name) != constant) Fail("json.member-range", name, "is not \"" + std::string(constant) + "\"");
}

JsonObject JsonObject::Object(const char* name) { return JsonObject(Any(name), path() + "." + name, state_); }

// The elements of an array and their paths.
std::vector<std::pair<const Json*, std::string>> JsonObject::Elements(const char* name, size_t count_max) {
  std::vector<std::pair<const Json*, std::string>> elements;
  const Json* member = Take(name, Json::value_t::array, "an array");
  if (member == nullptr) return elements;
  if (member->size() > count_max) {
    Fail("json.member-range", name, "has more than " + std::to_string(count_max) + " elements");
    return elements;
  }
  for (const Json& element : *member) {
    elements.emplace_back(&element, std::string(name) + "[" + std::to_string(elements.size()) + "]");
  }
  return elements;
}

std::vector<JsonObject> JsonObject::Objects(const char* name, size_t count_max) {
  std::vector<JsonObject> objects;
  for (const auto& [element, where] : Elements(name, count_max)) {
    objects.push_back(JsonObject(*element, path() + "." + where, state_));
  }
  return objects;
}

std::vector<std::string> JsonObject::Strings(const char* name, size_t count_max) {
  std::vector<std::string> strings;
  for (const auto& [element, where] : Elements(name, count_max)) {
    if (!element->is_string()) Fail("json.member-type", where, "is not a string");
    strings.push_back(element->is_string() ? element->get<std::string>() : std::string());
  }
  return strings;
}

std::vector<std::string> JsonObject::DigestTexts(const char* name, size_t count_max) {
  std::vector<std::string> digests = Strings(name, count_max);
  for (const std::string& digest : digests) {
    if (!IsDigestText(digest)) Fail("json.member-range", name, "holds something that is not a SHA-256 digest");
  }
  return digests;
}

}  // namespace pawl::encoding
