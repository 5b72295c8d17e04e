#include "oversight/json_keys.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <set>

#include "charter/toml_reader.h"
#include "encoding/number.h"
#include "oversight/json_pointer.h"

namespace pawl::oversight {
namespace {

using charter::Need;
using encoding::Json;

constexpr uint64_t kKeysBytesMax = uint64_t{1} << 20;
constexpr size_t kKeysMax = 1'000;
constexpr charter::NumberRange kAnyNumber{-1e300, 1e300};
const std::vector<std::string_view> kTypeWords = {"integer", "number", "boolean", "string", "any"};

KeyRule ReadKey(charter::TomlTable table) {
  KeyRule rule;
  rule.pointer = table.String("pointer");
  std::optional<std::vector<std::string>> tokens = ParseJsonPointer(rule.pointer);
  if (!tokens || tokens->empty()) {
    table.Fail("pointer", "charter.type", "must be a JSON Pointer", "write it like \"/limits/seconds\"");
  } else {
    rule.tokens = std::move(*tokens);
  }
  rule.type = static_cast<KeyType>(table.Word("type", kTypeWords));
  if (table.Has("min")) rule.min = table.Number("min", kAnyNumber, 0);
  if (table.Has("max")) rule.max = table.Number("max", kAnyNumber, 0);
  rule.words = table.Strings("words", 1'000, Need::kOptional);
  rule.may_add = table.Boolean("may_add", false);
  rule.may_remove = table.Boolean("may_remove", false);
  const bool is_number = rule.type == KeyType::kInteger || rule.type == KeyType::kNumber;
  if ((rule.min || rule.max) && !is_number) table.Fail("type", "charter.range", "has no min and max");
  if (rule.min && rule.max && *rule.min > *rule.max) table.Fail("max", "charter.range", "is below min");
  if (!rule.words.empty() && rule.type != KeyType::kString) table.Fail("words", "charter.range", "is for strings");
  return rule;
}

std::string PointerText(const std::vector<std::string>& tokens) {
  std::string text;
  for (const std::string& token : tokens) text += "/" + token;
  return text.empty() ? "the whole value" : text;
}

bool Matches(const KeyRule& rule, const std::vector<std::string>& place) {
  const bool reaches =
      rule.type == KeyType::kAny ? rule.tokens.size() <= place.size() : rule.tokens.size() == place.size();
  return reaches &&
         std::equal(rule.tokens.begin(), rule.tokens.end(), place.begin(),
                    [](const std::string& token, const std::string& at) { return token == "*" || token == at; });
}

bool HasType(const Json& value, KeyType type) {
  switch (type) {
    case KeyType::kInteger:
      return value.is_number_integer();
    case KeyType::kNumber:
      return value.is_number();
    case KeyType::kBoolean:
      return value.is_boolean();
    case KeyType::kString:
      return value.is_string();
    case KeyType::kAny:
      return true;
  }
  return false;
}

std::string RangeWords(const KeyRule& rule) {
  std::string words(kTypeWords[static_cast<size_t>(rule.type)]);
  if (rule.min) words += " from " + encoding::NumberText(*rule.min);
  if (rule.max) words += " up to " + encoding::NumberText(*rule.max);
  for (size_t i = 0; i < rule.words.size(); ++i) words += (i == 0 ? " out of " : ", ") + rule.words[i];
  return words;
}

bool IsInRange(const KeyRule& rule, const Json& value) {
  if (!HasType(value, rule.type)) return false;
  if (rule.min && value.get<double>() < *rule.min) return false;
  if (rule.min && *rule.min == 0 && std::signbit(value.get<double>())) return false;  // -0.0, or what is rounded to it
  if (rule.max && value.get<double>() > *rule.max) return false;
  return rule.words.empty() ||
         std::find(rule.words.begin(), rule.words.end(), value.get_ref<const std::string&>()) != rule.words.end();
}

// The zeroes differ: a program can tell 0.0 and -0.0 apart, and == cannot.
bool IsSame(const Json& before, const Json& after) {
  return before == after &&
         (!before.is_number_float() || std::signbit(before.get<double>()) == std::signbit(after.get<double>()));
}

// Walks both values side by side; a side that has nothing at a place is null. Each place that differs is judged by its
// own first key: the members of a structure that comes, goes, or turns into something else, as well as itself.
class Comparison {
 public:
  explicit Comparison(const std::vector<KeyRule>& rules) : rules_(rules) {}

  std::optional<std::string> Compare(const Json* before, const Json* after) {
    if (before != nullptr && after != nullptr && before->type() == after->type()) {
      if (before->is_structured()) return Members(before, after);
      if (IsSame(*before, *after)) return std::nullopt;
    }
    if (auto refused = Judge(before, after)) return refused;
    if (auto refused = Members(before, nullptr)) return refused;
    return Members(nullptr, after);
  }

 private:
  // Of two values of one type, or of one value where the other side is null.
  std::optional<std::string> Members(const Json* before, const Json* after) {
    const Json* present = before != nullptr ? before : after;
    if (present == nullptr) return std::nullopt;
    if (present->is_object()) {
      std::set<std::string> names;
      for (const Json* side : {before, after}) {
        if (side == nullptr) continue;
        for (const auto& [name, member] : side->items()) names.insert(name);
      }
      for (const std::string& name : names) {
        const auto member = [&](const Json* side) {
          return side != nullptr && side->contains(name) ? &(*side)[name] : nullptr;
        };
        if (auto refused = Below(name, member(before), member(after))) return refused;
      }
    }
    if (present->is_array()) {
      const auto size = [](const Json* side) { return side == nullptr ? 0 : side->size(); };
      for (size_t i = 0; i < std::max(size(before), size(after)); ++i) {
        const auto element = [&](const Json* side) { return i < size(side) ? &(*side)[i] : nullptr; };
        if (auto refused = Below(std::to_string(i), element(before), element(after))) return refused;
      }
    }
    return std::nullopt;
  }

  std::optional<std::string> Below(const std::string& token, const Json* before, const Json* after) {
    place_.push_back(token);
    std::optional<std::string> refused = Compare(before, after);
    place_.pop_back();
    return refused;
  }

  std::optional<std::string> Judge(const Json* before, const Json* after) const {
    const auto rule =
        std::find_if(rules_.begin(), rules_.end(), [&](const KeyRule& key) { return Matches(key, place_); });
    const std::string where = PointerText(place_);
    if (rule == rules_.end()) return where + " differs, and no key of the charter lets it";
    const bool is_below = place_.size() > rule->tokens.size();
    if (before == nullptr && !rule->may_add && !is_below) return where + " is new, and its key has no may_add = true";
    if (after == nullptr && !rule->may_remove && !is_below) {
      return where + " is gone, and its key has no may_remove = true";
    }
    if (after == nullptr || IsInRange(*rule, *after)) return std::nullopt;
    std::string value = after->is_structured() ? "a structure" : after->dump().substr(0, 100);
    return where + " is " + value + ", and its key allows " + RangeWords(*rule);
  }

  const std::vector<KeyRule>& rules_;
  std::vector<std::string> place_;
};

}  // namespace

Result<std::vector<KeyRule>> ReadKeyRules(std::string_view toml, const std::string& name) {
  Result<std::unique_ptr<charter::TomlFile>> file = charter::TomlFile::Parse(toml, name);
  if (!file.ok()) return file.error();
  std::vector<KeyRule> rules;
  std::set<std::string> pointers;
  charter::TomlTable root = (*file)->Root();
  for (charter::TomlTable& table : root.Tables("key", kKeysMax, Need::kRequired)) {
    rules.push_back(ReadKey(table));
    if (!pointers.insert(rules.back().pointer).second) table.Fail("pointer", "charter.range", "stands there twice");
  }
  if (Result<void> done = (*file)->Finish(); !done.ok()) return done.error();
  return rules;
}

std::optional<std::string> FindRefusedKey(const std::vector<KeyRule>& rules, const Json& before, const Json& after) {
  return Comparison(rules).Compare(&before, &after);
}

Result<std::vector<KeyRule>> ReadKeyRules(const charter::CharterFiles& charter, const charter::SurfaceEntry& entry) {
  const std::string place = std::string(charter::kCharterFile) + ":" + std::to_string(entry.position.line) +
                            ": the surface rule '" + entry.rule.path + "'";
  const subject::FileEntry* file = charter.manifest.Find(*entry.keys_file);
  if (file == nullptr) {
    return Malformed("charter.file-missing",
                     place + " names '" + *entry.keys_file + "', which the charter does not have",
                     "add it, or mend the name");
  }
  if (entry.rule.kind != subject::SurfaceKind::kJson || entry.rule.may_add) {
    return Refused("charter.keys", place + " has keys, and is not of kind json or has may_add",
                   "keys are for a file of JSON that is there already");
  }
  Result<std::string> text = charter.read(file->digest, kKeysBytesMax);
  if (!text.ok()) return text.error();
  return ReadKeyRules(*text, *entry.keys_file);
}

Result<void> CheckKeyFiles(const charter::CharterFiles& charter) {
  for (const charter::SurfaceEntry& entry : charter.charter.surface) {
    if (!entry.keys_file) continue;
    if (Result<std::vector<KeyRule>> rules = ReadKeyRules(charter, entry); !rules.ok()) return rules.error();
  }
  return {};
}

}  // namespace pawl::oversight
