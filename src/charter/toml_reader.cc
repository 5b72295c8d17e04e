#include "charter/toml_reader.h"

#define TOML_EXCEPTIONS 0
#include <toml++/toml.h>

#include <algorithm>
#include <cctype>
#include <map>
#include <set>
#include <type_traits>

#include "encoding/number.h"
#include "encoding/time.h"

namespace pawl::charter {
namespace {

Position PositionFrom(const toml::source_region& region) { return {region.begin.line, region.begin.column}; }

// How many letters to insert, delete or replace (V. I. Levenshtein, 1966).
size_t EditDistance(std::string_view a, std::string_view b) {
  std::vector<size_t> row(b.size() + 1);
  for (size_t j = 0; j < row.size(); ++j) row[j] = j;
  for (size_t i = 0; i < a.size(); ++i) {
    size_t diagonal = std::exchange(row[0], i + 1);
    for (size_t j = 0; j < b.size(); ++j) {
      const size_t replaced = diagonal + (a[i] == b[j] ? 0 : 1);
      diagonal = row[j + 1];
      row[j + 1] = std::min({replaced, row[j] + 1, row[j + 1] + 1});
    }
  }
  return row.back();
}

template <typename T>
Need NeedOf(const std::optional<T>& fallback) {
  return fallback ? Need::kOptional : Need::kRequired;
}

bool Resembles(std::string_view typed, std::string_view known) {
  return typed.size() <= 100 && EditDistance(typed, known) <= 1 + known.size() / 5;
}

// Whether a line can be given to toml++. Version 3.3 asserts on a table header that does not begin with a key, such as
// `[[[a]]]` (mended upstream in 2026), and on `}` where an array has a value, and takes some control characters and
// Unicode's separators for line ends. A charter has no use for any of that, for letters beyond ASCII outside strings,
// nor for strings over several lines, and without those every line can be judged by itself, but for `last`: the
// character before it that was no blank and in no comment.
bool IsReadableLine(std::string_view line, char& last) {
  if (line.ends_with('\r')) line.remove_suffix(1);
  for (const char* separator : {"\xC2\x85", "\xE2\x80\xA8", "\xE2\x80\xA9", "\"\"\"", "\'\'\'"}) {
    if (line.find(separator) != line.npos) return false;
  }
  char quote = 0;
  bool is_comment = false;
  for (size_t i = 0; i < line.size(); ++i) {
    const auto c = static_cast<unsigned char>(line[i]);
    if ((c < 0x20 && c != '\t') || c == 0x7F) return false;
    if (is_comment) continue;
    if (quote == 0) {
      if (c >= 0x80 || (c == '}' && (last == '[' || last == ','))) return false;
      is_comment = c == '#';
      if (!is_comment && c != ' ' && c != '\t') last = line[i];
      if (c == '"' || c == '\'') quote = line[i];
    } else if (line[i] == quote) {
      quote = 0;
    } else if (c == '\\' && quote == '"') {
      ++i;
    }
  }
  if (quote != 0) return false;
  const auto after_blanks = [&](size_t from) { return std::min(line.find_first_not_of(" \t", from), line.size()); };
  size_t start = after_blanks(0);
  if (start == line.size() || line[start] != '[') return true;
  start = after_blanks(start + 1);
  if (start < line.size() && line[start] == '[') start = after_blanks(start + 1);
  return start < line.size() && (std::isalnum(static_cast<unsigned char>(line[start])) != 0 ||
                                 std::string_view("_-\"'").find(line[start]) != std::string_view::npos);
}

}  // namespace

uint32_t FindUnreadableLine(std::string_view text) {
  uint32_t line = 1;
  char last = 0;
  for (size_t at = 0; at < text.size(); ++line) {
    const size_t end = std::min(text.find('\n', at), text.size());
    if (!IsReadableLine(text.substr(at, end - at), last)) return line;
    at = end + 1;
  }
  return 0;
}

std::string AsciiShape(std::string_view text) {
  std::string shape(text);
  for (char& c : shape) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte >= 0x80) c = static_cast<char>('a' + byte % 26);
  }
  return shape;
}

struct TomlFile::Document {
  toml::table root;
  std::map<const toml::table*, std::set<std::string, std::less<>>> asked;
  std::map<const toml::table*, std::string> paths;
};

TomlFile::TomlFile(std::string name) : name_(std::move(name)), document_(std::make_unique<Document>()) {}
TomlFile::~TomlFile() = default;

Result<std::unique_ptr<TomlFile>> TomlFile::Parse(std::string_view text, std::string name) {
  std::unique_ptr<TomlFile> file(new TomlFile(std::move(name)));
  if (const uint32_t line = FindUnreadableLine(text); line != 0) {
    return Malformed(
        "charter.toml",
        file->Place({line, 1}) + "this line has a string that does not end on it, a control character, a letter " +
            "beyond ASCII outside strings and comments, a '[' that begins no table header, or a '}' where a " +
            "value belongs",
        "write table headers as [name] or [[name]], and strings on one line between \" or '");
  }
  toml::parse_result parsed = toml::parse(AsciiShape(text));
  if (!parsed.failed()) parsed = toml::parse(text);
  if (parsed.failed()) {
    const toml::parse_error& error = parsed.error();
    return Malformed("charter.toml", file->Place(PositionFrom(error.source())) + std::string(error.description()),
                     "mend the TOML there");
  }
  file->document_->root = std::move(parsed).table();
  return file;
}

std::unique_ptr<TomlFile> TomlFile::Describe() {
  std::unique_ptr<TomlFile> file(new TomlFile(""));
  file->describing_ = true;
  return file;
}

TomlTable TomlFile::Root() { return TomlTable(this, describing_ ? nullptr : &document_->root, ""); }

std::string TomlFile::Place(Position position) const {
  if (position.line == 0) return name_ + ": ";
  return name_ + ":" + std::to_string(position.line) + ":" + std::to_string(position.column) + ": ";
}

Result<void> TomlFile::Finish() {
  if (error_.has_value()) return *error_;
  for (const auto& [table, asked] : document_->asked) {
    for (const auto& [key, node] : *table) {
      if (asked.contains(key.str())) continue;
      std::string advice = "remove it, or look it up in spec/charter.md";
      for (const std::string& known : asked) {
        if (Resembles(key.str(), known)) advice = "did you mean \"" + known + "\"?";
      }
      const std::string& path = document_->paths[table];
      return Malformed("charter.unknown-key",
                       Place(PositionFrom(key.source())) + "unknown key \"" + std::string(key.str()) + "\"" +
                           (path.empty() ? "" : " in " + path),
                       std::move(advice));
    }
  }
  return {};
}

bool TomlTable::describing() const { return file_->describing_; }

bool TomlTable::Has(const char* key) const {
  if (file_->describing_) return true;
  return table_ != nullptr && static_cast<const toml::table*>(table_)->contains(key);
}

bool TomlTable::IsArray(const char* key) const {
  if (table_ == nullptr) return false;
  const toml::node* node = static_cast<const toml::table*>(table_)->get(key);
  return node != nullptr && node->is_array();
}

Position TomlTable::position() const {
  return table_ == nullptr ? Position{} : PositionFrom(static_cast<const toml::table*>(table_)->source());
}

Position TomlTable::PositionOf(const char* key) const {
  const toml::node* node = table_ == nullptr ? nullptr : static_cast<const toml::table*>(table_)->get(key);
  return node == nullptr ? position() : PositionFrom(node->source());
}

void TomlTable::Fail(const char* key, std::string rule, std::string message, std::string advice) {
  if (file_->error_.has_value() || file_->describing_) return;
  file_->error_ = Malformed(std::move(rule), file_->Place(PositionOf(key)) + FullKey(key) + " " + message, advice);
}

// The node of the key as const toml::node*, or null. Notes that the key is known.
const void* TomlTable::Take(const char* key, Need need, const std::string& type, const std::string& fallback) {
  if (file_->describing_) file_->keys_.push_back({FullKey(key), type, need == Need::kRequired ? "required" : fallback});
  if (table_ == nullptr) return nullptr;
  const auto* table = static_cast<const toml::table*>(table_);
  file_->document_->asked[table].insert(key);
  file_->document_->paths[table] = path_;
  const toml::node* node = table->get(key);
  if (node != nullptr || need == Need::kOptional || file_->error_.has_value()) return node;
  for (const auto& [other, value] : *table) {
    if (Resembles(other.str(), key) && !file_->document_->asked[table].contains(other.str())) {
      file_->error_ = Malformed("charter.unknown-key",
                                file_->Place(PositionFrom(other.source())) + "unknown key \"" +
                                    std::string(other.str()) + "\"" + (path_.empty() ? "" : " in " + path_),
                                "did you mean \"" + std::string(key) + "\"?");
      return nullptr;
    }
  }
  Fail(key, "charter.missing-key", "is missing", "add it (" + type + "); spec/charter.md says what it means");
  return nullptr;
}

// The value of the key, if it is there and has that type; else nothing, with the failure recorded.
template <typename T>
std::optional<T> TomlTable::Value(const char* key, Need need, const std::string& type, const std::string& fallback,
                                  const char* must, const char* advice) {
  const auto* node = static_cast<const toml::node*>(Take(key, need, type, fallback));
  if (node == nullptr) return std::nullopt;
  std::optional<T> value = node->value_exact<T>();
  if constexpr (std::is_same_v<T, double>) {
    if (const auto whole = node->value_exact<int64_t>()) value = static_cast<double>(*whole);
  }
  if (!value) Fail(key, "charter.type", must, advice);
  return value;
}

std::string TomlTable::String(const char* key) {
  const auto value =
      Value<std::string>(key, Need::kRequired, "string", "", "must be a string", "write it between quotation marks");
  if (value && (value->empty() || value->size() > 4'096)) Fail(key, "charter.range", "must have 1 to 4,096 bytes");
  return value.value_or("");
}

std::optional<std::string> TomlTable::OptionalString(const char* key) {
  if (!file_->describing_ && Has(key)) return String(key);
  Take(key, Need::kOptional, "string", "none");
  return std::nullopt;
}

int64_t TomlTable::Integer(const char* key, IntegerRange range, std::optional<int64_t> fallback,
                           std::string fallback_text) {
  const std::string bounds = std::to_string(range.min) + " to " + std::to_string(range.max);
  if (fallback_text.empty() && fallback) fallback_text = std::to_string(*fallback);
  const auto value = Value<int64_t>(key, NeedOf(fallback), "integer, " + bounds, fallback_text, "must be an integer",
                                    "write a whole number without quotation marks");
  if (value && (*value < range.min || *value > range.max)) {
    Fail(key, "charter.range", "is " + std::to_string(*value) + ", outside " + bounds);
  }
  return value.value_or(fallback.value_or(range.min));
}

std::optional<uint64_t> TomlTable::OptionalInteger(const char* key, IntegerRange range) {
  const int64_t value = Integer(key, range, 0, "none");
  return Has(key) ? std::optional(static_cast<uint64_t>(value)) : std::nullopt;
}

double TomlTable::Number(const char* key, NumberRange range, std::optional<double> fallback,
                         std::string fallback_text) {
  const std::string bounds = encoding::NumberText(range.min) + " to " + encoding::NumberText(range.max);
  if (fallback_text.empty() && fallback) fallback_text = encoding::NumberText(*fallback);
  const auto value = Value<double>(key, NeedOf(fallback), "number, " + bounds, fallback_text, "must be a number",
                                   "write it without quotation marks");
  if (value && !(*value >= range.min && *value <= range.max)) Fail(key, "charter.range", "is outside " + bounds);
  return value.value_or(fallback.value_or(range.min));
}

bool TomlTable::Boolean(const char* key, bool fallback) {
  return Value<bool>(key, Need::kOptional, "boolean", fallback ? "true" : "false", "must be true or false", "")
      .value_or(fallback);
}

int64_t TomlTable::Duration(const char* key, IntegerRange range_s, std::optional<std::string> fallback) {
  constexpr const char* kAdvice = "write it like \"90s\", \"15m\", \"24h\", \"7d\"";
  const std::string bounds = encoding::DurationText(range_s.min) + " to " + encoding::DurationText(range_s.max);
  const auto text = Value<std::string>(key, NeedOf(fallback), "duration, " + bounds,
                                       "\"" + fallback.value_or("") + "\"", "must be a duration", kAdvice);
  if (!text && !fallback) return range_s.min;
  const Result<int64_t> value = encoding::ParseDuration(text ? *text : *fallback);
  if (!value.ok()) {
    Fail(key, "charter.type", "is no duration: " + value.error().message, kAdvice);
    return range_s.min;
  }
  if (*value < range_s.min || *value > range_s.max) Fail(key, "charter.range", "is outside " + bounds);
  return *value;
}

crypto::Digest TomlTable::Digest(const char* key) {
  constexpr const char* kMust = "must be a digest";
  constexpr const char* kAdvice = "write \"sha256:\" and 64 lower-case hexadecimal digits";
  const auto text = Value<std::string>(key, Need::kRequired, "digest", "", kMust, kAdvice);
  const Result<crypto::Digest> value = crypto::Digest::Parse(text.value_or(""));
  if (value.ok()) return *value;
  if (text) Fail(key, "charter.type", kMust, kAdvice);
  return {};
}

std::vector<std::string> TomlTable::Strings(const char* key, size_t count_max, Need need) {
  const auto* node =
      static_cast<const toml::node*>(Take(key, need, "array of 1 to " + std::to_string(count_max) + " strings", "[]"));
  std::vector<std::string> values;
  if (node == nullptr) return values;
  const toml::array* array = node->as_array();
  const bool fits = array != nullptr && !array->empty() && array->size() <= count_max;
  for (size_t i = 0; fits && i < array->size(); ++i) {
    const auto value = array->get(i)->value_exact<std::string>();
    if (value.has_value() && !value->empty() && value->size() <= 4'096) values.push_back(*value);
  }
  if (!fits || values.size() != array->size()) {
    Fail(key, "charter.type", "must be an array of 1 to " + std::to_string(count_max) + " strings, none of them empty",
         need == Need::kOptional ? "leave the key out where there is nothing to list" : "");
  }
  return values;
}

size_t TomlTable::Word(const char* key, const std::vector<std::string_view>& words, std::optional<size_t> fallback) {
  std::string type;
  for (const std::string_view word : words) type += (type.empty() ? "\"" : " or \"") + std::string(word) + "\"";
  const std::string must = "must be " + type;
  const auto value = Value<std::string>(key, NeedOf(fallback), type,
                                        fallback ? "\"" + std::string(words[*fallback]) + "\"" : "", must.c_str(), "");
  if (!value) return fallback.value_or(0);
  const auto at = std::find(words.begin(), words.end(), *value);
  if (at != words.end()) return static_cast<size_t>(at - words.begin());
  Fail(key, "charter.type", must);
  return 0;
}

TomlTable TomlTable::Table(const char* key, Need need) {
  const bool describing = std::exchange(file_->describing_, false);  // a table is no key of its own
  const auto* node = static_cast<const toml::node*>(Take(key, need, "table", ""));
  file_->describing_ = describing;
  if (node != nullptr && !node->is_table())
    Fail(key, "charter.type", "must be a table", "write [" + FullKey(key) + "]");
  return TomlTable(file_, node == nullptr ? nullptr : node->as_table(), FullKey(key));
}

std::vector<TomlTable> TomlTable::Tables(const char* key, size_t count_max, Need need) {
  if (file_->describing_) return {TomlTable(file_, nullptr, FullKey(key) + "[]")};
  const auto* node = static_cast<const toml::node*>(Take(key, need, "at least one table", ""));
  std::vector<TomlTable> tables;
  if (node == nullptr) return tables;
  const toml::array* array = node->as_array();
  if (array == nullptr || array->empty() || array->size() > count_max) {
    Fail(key, "charter.type", "must be an array of 1 to " + std::to_string(count_max) + " tables");
    return tables;
  }
  for (size_t i = 0; i < array->size(); ++i) {
    const toml::table* table = array->get(i)->as_table();
    if (table == nullptr) Fail(key, "charter.type", "must be an array of tables");
    tables.push_back(TomlTable(file_, table, FullKey(key) + "[" + std::to_string(i) + "]"));
  }
  return tables;
}

}  // namespace pawl::charter
