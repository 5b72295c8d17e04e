#include "oversight/subject_values.h"

#define TOML_EXCEPTIONS 0
#include <toml++/toml.h>

#include <charconv>
#include <cmath>

#include "charter/toml_reader.h"

namespace pawl::oversight {
namespace {

using encoding::Json;

constexpr encoding::JsonLimits kValueLimits{.bytes_max = size_t{4} << 20, .fractions = encoding::Fractions::kShort};
constexpr encoding::JsonLimits kTomlLimits;
constexpr size_t kFractionBytesMax = 16;

std::string FixedText(double number) {
  char buffer[400];
  const auto [end, error] = std::to_chars(buffer, buffer + sizeof buffer, number, std::chars_format::fixed);
  return std::string(buffer, end);
}

// Copies toml++'s values, with the limits of the JSON reader.
class TomlCopier {
 public:
  Result<Json> Copy(const toml::node& node, size_t depth) {
    if (++values_ > kTomlLimits.elements_max || depth > kTomlLimits.depth_max) {
      return LimitReached("toml.limit", "more than 50,000 values, or nested deeper than 16");
    }
    if (const toml::table* table = node.as_table()) {
      Json object = Json::object();
      for (const auto& [key, member] : *table) {
        Result<Json> value = Copy(member, depth + 1);
        if (!value.ok()) return value;
        object[std::string(key.str())] = std::move(*value);
      }
      return object;
    }
    if (const toml::array* elements = node.as_array()) {
      Json array = Json::array();
      for (const toml::node& element : *elements) {
        Result<Json> value = Copy(element, depth + 1);
        if (!value.ok()) return value;
        array.push_back(std::move(*value));
      }
      return array;
    }
    return Scalar(node);
  }

 private:
  static Result<Json> Scalar(const toml::node& node) {
    const auto bad = [&](const char* what) {
      return Malformed("toml.value", "line " + std::to_string(node.source().begin.line) + " has " + what);
    };
    if (const auto text = node.value_exact<std::string>()) return Json(*text);
    if (const auto truth = node.value_exact<bool>()) return Json(*truth);
    if (const auto whole = node.value_exact<int64_t>()) {
      const bool is_small = *whole <= encoding::kJsonIntegerMax && *whole >= -encoding::kJsonIntegerMax;
      return is_small ? Result<Json>(*whole) : bad("an integer beyond 2^53 - 1");
    }
    const auto number = node.value_exact<double>();
    if (!number) return bad("a date or a time, which is no value here");
    if (!std::isfinite(*number) || (*number == 0 && std::signbit(*number))) return bad("an infinity, NaN or -0");
    if (FixedText(*number).size() > kFractionBytesMax) return bad("a number of more than 16 characters");
    return Json(*number);
  }

  size_t values_ = 0;
};

}  // namespace

Result<Json> ReadSubjectValues(std::string_view path, std::string_view bytes) {
  if (!path.ends_with(".toml")) return encoding::ParseJson(bytes, kValueLimits);
  if (bytes.size() > kTomlLimits.bytes_max) return LimitReached("toml.limit", "more than 1 MiB");
  if (const uint32_t line = charter::FindUnreadableLine(bytes); line != 0) {
    return Malformed("toml.syntax", "line " + std::to_string(line) +
                                        " has a string that does not end on it, a control character, or a letter "
                                        "beyond ASCII outside strings and comments");
  }
  toml::parse_result parsed = toml::parse(charter::AsciiShape(bytes));
  if (!parsed.failed()) parsed = toml::parse(bytes);
  if (parsed.failed()) {
    return Malformed("toml.syntax", "line " + std::to_string(parsed.error().source().begin.line) + ": " +
                                        std::string(parsed.error().description()));
  }
  return TomlCopier().Copy(parsed.table(), 1);
}

std::string RealLiteral(const Json& number) {
  const double value = number.get<double>();  // exact: integers are below 2^53
  std::string text = FixedText(std::abs(value));
  if (text.find('.') == text.npos) text += ".0";
  return value < 0 ? "(- " + text + ")" : text;
}

}  // namespace pawl::oversight
