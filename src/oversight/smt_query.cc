#include "oversight/smt_query.h"

#include <algorithm>
#include <map>
#include <set>

#include "encoding/json.h"
#include "oversight/json_pointer.h"
#include "oversight/subject_values.h"

namespace pawl::oversight {
namespace {

using encoding::Json;

constexpr size_t kTemplateBytesMax = size_t{1} << 20;
constexpr size_t kQueryBytesMax = size_t{16} << 20;
constexpr std::string_view kMark = ";@";

Error TemplateError(size_t line, const std::string& message) {
  return Malformed("smt.template", "line " + std::to_string(line) + " of the template: " + message, "mend the charter");
}

// ---- words of a directive

// The next word, or the next parenthesised list as a whole.
std::string_view TakeWord(std::string_view& rest) {
  rest.remove_prefix(std::min(rest.find_first_not_of(" \t"), rest.size()));
  size_t end = 0;
  if (!rest.empty() && rest.front() == '(') {
    int depth = 0;
    do {
      depth += rest[end] == '(' ? 1 : rest[end] == ')' ? -1 : 0;
      ++end;
    } while (end < rest.size() && depth > 0);
    if (depth != 0) end = 0;
  } else {
    end = std::min(rest.find_first_of(" \t"), rest.size());
  }
  const std::string_view word = rest.substr(0, end);
  rest.remove_prefix(end);
  return word;
}

bool IsSymbol(std::string_view word) {
  const auto fits = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
  };
  return !word.empty() && word.size() <= 64 && !(word[0] >= '0' && word[0] <= '9') && word[0] != '-' &&
         std::all_of(word.begin(), word.end(), fits);
}

// ---- values

std::string Hex(uint32_t value) {
  std::string text;
  for (; value > 0 || text.empty(); value /= 16) text.insert(text.begin(), "0123456789abcdef"[value % 16]);
  return text;
}

// UTF-8, which the JSON reader has checked, as an SMT-LIB string: printable ASCII as it is, the rest as \u{…}.
Result<std::string> StringLiteral(const std::string& text) {
  std::string literal = "\"";
  for (size_t at = 0; at < text.size();) {
    const auto byte = static_cast<unsigned char>(text[at]);
    const size_t length = byte < 0x80 ? 1 : byte < 0xE0 ? 2 : byte < 0xF0 ? 3 : 4;
    uint32_t point = length == 1 ? byte : byte & (0x7Fu >> length);
    for (size_t i = 1; i < length; ++i) point = point << 6 | (static_cast<unsigned char>(text[at + i]) & 0x3Fu);
    at += length;
    if (point > 0x2FFFF) return Refused("smt.value", "a character beyond U+2FFFF has no place in SMT-LIB");
    if (point == '"') {
      literal += "\"\"";
    } else if (point >= 0x20 && point < 0x7F && point != '\\') {
      literal += static_cast<char>(point);
    } else {
      literal += "\\u{" + Hex(point) + "}";
    }
  }
  return literal + "\"";
}

Result<std::string> Literal(const Json& value) {
  if (value.is_string()) return StringLiteral(value.get_ref<const std::string&>());
  if (value.is_boolean()) return std::string(value.get<bool>() ? "true" : "false");
  if (value.is_number_float()) return RealLiteral(value);
  if (!value.is_number_integer()) return Refused("smt.value", "is no string, truth value or number");
  const auto number = value.get<int64_t>();
  return number < 0 ? "(- " + std::to_string(-number) + ")" : std::to_string(number);
}

bool HasSort(const Json& value, std::string_view sort) {
  return (sort == "Int" && value.is_number_integer()) || (sort == "Bool" && value.is_boolean()) ||
         (sort == "String" && value.is_string()) || (sort == "Real" && value.is_number());
}

// Of a value that has the sort.
Result<std::string> LiteralOfSort(const Json& value, std::string_view sort) {
  return sort == "Real" ? RealLiteral(value) : Literal(value);
}

// ---- pointers

struct Pointer {
  std::vector<std::string> tokens;
};

std::optional<Pointer> ParsePointer(std::string_view text) {
  std::optional<std::vector<std::string>> tokens = ParseJsonPointer(text);
  return tokens ? std::optional<Pointer>(Pointer{std::move(*tokens)}) : std::nullopt;
}

// Members of objects alone: a place in an array is no name.
const Json* Find(const Json& value, const Pointer& pointer) {
  const Json* at = &value;
  for (const std::string& token : pointer.tokens) {
    if (!at->is_object() || !at->contains(token)) return nullptr;
    at = &(*at)[token];
  }
  return at;
}

// Whether every member of every object is on the way to one of the pointers or below one.
bool LooksAtAll(const Json& value, const std::vector<Pointer>& pointers, size_t depth, std::string& unlooked) {
  const bool is_end = std::any_of(pointers.begin(), pointers.end(),
                                  [&](const Pointer& pointer) { return pointer.tokens.size() == depth; });
  if (is_end) return true;
  if (!value.is_object()) {
    unlooked += " (a value that no directive names)";
    return false;
  }
  for (const auto& [name, member] : value.items()) {
    std::vector<Pointer> on_the_way;
    std::copy_if(pointers.begin(), pointers.end(), std::back_inserter(on_the_way),
                 [&, &name = name](const Pointer& pointer) { return pointer.tokens[depth] == name; });
    const std::string before = unlooked;
    unlooked += "/" + name;
    if (on_the_way.empty() || !LooksAtAll(member, on_the_way, depth + 1, unlooked)) return false;
    unlooked = before;
  }
  return true;
}

// ---- the template

struct Place {
  SmtSide side = SmtSide::kCandidate;
  std::string path;
  Pointer pointer;
};

// A body with its places for values.
struct Body {
  std::vector<std::string> texts;  // one more than pointers
  std::vector<Pointer> pointers;
  std::vector<std::string> sorts;  // one for each pointer; empty: as the value has it
};

std::optional<Body> ParseBody(std::string_view text) {
  Body body;
  for (;;) {
    const size_t open = text.find('{');
    if (open == text.npos) {
      body.texts.emplace_back(text);
      return text.find('}') == text.npos ? std::optional(std::move(body)) : std::nullopt;
    }
    const size_t close = text.find('}', open);
    if (close == text.npos) return std::nullopt;
    std::string_view place = text.substr(open + 1, close - open - 1);
    const std::string_view sort = place.starts_with("Real ") ? "Real" : "";
    if (!sort.empty()) place.remove_prefix(sort.size() + 1);
    std::optional<Pointer> pointer = ParsePointer(place);
    if (!pointer) return std::nullopt;
    body.texts.emplace_back(text.substr(0, open));
    body.sorts.emplace_back(sort);
    body.pointers.push_back(std::move(*pointer));
    text.remove_prefix(close + 1);
  }
}

class QueryMaker {
 public:
  explicit QueryMaker(const SmtFileReader& read) : read_(read) {}

  Result<void> Directive(std::string_view rest, size_t line) {
    const std::string_view kind = TakeWord(rest);
    if (kind == "show") {
      for (std::string_view term = TakeWord(rest); !term.empty(); term = TakeWord(rest)) {
        if (!IsSymbol(term)) return TemplateError(line, "show lists names");
        query_.shown.emplace_back(term);
      }
      return {};
    }
    if (kind != "value" && kind != "any") return TemplateError(line, "a directive is value, any or show");
    const std::string name(TakeWord(rest)), form(TakeWord(rest));
    std::optional<Place> place = TakePlace(rest);
    if (!IsSymbol(name) || !place) return TemplateError(line, "NAME SORT [parent] FILE /POINTER is missing");
    looked_[{place->side, place->path}].push_back(place->pointer);
    return kind == "value" ? Value(name, form, *place, line) : Any(name, form, *place, rest, line);
  }

  void Text(std::string_view line) { query_.text.append(line).append("\n"); }

  Result<SmtQuery> Finish() {
    for (const auto& [where, pointers] : looked_) {
      std::string unlooked;
      if (LooksAtAll(files_.at(where), pointers, 0, unlooked)) continue;
      return Refused("smt.unlooked",
                     "'" + where.second + "' has " + unlooked + ", which the property does not look at");
    }
    query_.text += "(check-sat)\n";
    if (query_.text.size() > kQueryBytesMax)
      return Refused("smt.value", "the subject's values make too long a question");
    return std::move(query_);
  }

 private:
  using Where = std::pair<SmtSide, std::string>;

  static std::optional<Place> TakePlace(std::string_view& rest) {
    Place place;
    std::string_view word = TakeWord(rest);
    if (word == "parent") {
      place.side = SmtSide::kParent;
      word = TakeWord(rest);
    }
    place.path = word;
    std::optional<Pointer> pointer = ParsePointer(TakeWord(rest));
    if (place.path.empty() || !pointer || pointer->tokens.empty()) return std::nullopt;
    place.pointer = std::move(*pointer);
    return place;
  }

  Result<const Json*> At(const Place& place) {
    const Where where(place.side, place.path);
    auto known = files_.find(where);
    if (known == files_.end()) {
      Result<std::string> bytes = read_(place.side, place.path);
      if (!bytes.ok()) {
        if (bytes.error().code != ErrorCode::kNotFound) return bytes.error();
        return Refused("smt.file", "there is no file '" + place.path + "'");
      }
      Result<Json> json = ReadSubjectValues(place.path, *bytes);
      if (!json.ok()) return Refused("smt.file", "'" + place.path + "': " + json.error().message);
      known = files_.emplace(where, std::move(*json)).first;
    }
    const Json* found = Find(known->second, place.pointer);
    if (found == nullptr) {
      std::string text;
      for (const std::string& token : place.pointer.tokens) text += "/" + token;
      return Refused("smt.value", "'" + place.path + "' has no " + text);
    }
    return found;
  }

  Result<void> Value(const std::string& name, const std::string& sort, const Place& place, size_t line) {
    if (sort != "Int" && sort != "Bool" && sort != "String" && sort != "Real")
      return TemplateError(line, "a sort is Int, Real, Bool or String");
    Result<const Json*> value = At(place);
    if (!value.ok()) return value.error();
    if (!HasSort(**value, sort)) return Refused("smt.value", "'" + place.path + "': '" + name + "' is no " + sort);
    Result<std::string> literal = LiteralOfSort(**value, sort);
    if (!literal.ok()) return literal.error();
    query_.text += "(define-fun " + name + " () " + sort + " " + *literal + ")\n";
    return {};
  }

  Result<void> Any(const std::string& name, const std::string& parameters, const Place& place, std::string_view rest,
                   size_t line) {
    rest.remove_prefix(std::min(rest.find_first_not_of(" \t"), rest.size()));
    std::optional<Body> body = ParseBody(rest);
    if (parameters.empty() || parameters.front() != '(' || !body || rest.empty()) {
      return TemplateError(line, "any NAME ((x SORT) …) [parent] FILE /POINTER BODY is missing a part");
    }
    Result<const Json*> members = At(place);
    if (!members.ok()) return members.error();
    if (!(*members)->is_array()) return Refused("smt.value", "'" + place.path + "': '" + name + "' needs an array");
    query_.text += "(define-fun " + name + " " + parameters + " Bool (or false";
    for (const Json& member : **members) {
      std::string unlooked;
      if (!LooksAtAll(member, body->pointers, 0, unlooked)) {
        return Refused("smt.unlooked",
                       "'" + place.path + "' has " + unlooked + " in a member, which the property does not look at");
      }
      query_.text += "\n  " + body->texts.front();
      for (size_t i = 0; i < body->pointers.size(); ++i) {
        const Json* value = Find(member, body->pointers[i]);
        if (value == nullptr) return Refused("smt.value", "'" + place.path + "': a member lacks a value");
        const std::string& sort = body->sorts[i];
        if (!sort.empty() && !HasSort(*value, sort)) return Refused("smt.value", "'" + place.path + "': no " + sort);
        Result<std::string> literal = LiteralOfSort(*value, sort);
        if (!literal.ok()) return Refused("smt.value", "'" + place.path + "': a value " + literal.error().message);
        query_.text += *literal + body->texts[i + 1];
      }
      if (query_.text.size() > kQueryBytesMax) {
        return Refused("smt.value", "the subject's values make too long a question");
      }
    }
    query_.text += "))\n";
    return {};
  }

  const SmtFileReader& read_;
  SmtQuery query_{"(set-logic ALL)\n", {}};
  std::map<Where, Json> files_;
  std::map<Where, std::vector<Pointer>> looked_;
};

}  // namespace

Result<SmtQuery> MakeSmtQuery(std::string_view template_text, const SmtFileReader& read) {
  if (template_text.size() > kTemplateBytesMax) return TemplateError(1, "it has more than 1 MiB");
  QueryMaker maker(read);
  size_t number = 0;
  while (!template_text.empty()) {
    const size_t end = std::min(template_text.find('\n'), template_text.size());
    const std::string_view line = template_text.substr(0, end);
    template_text.remove_prefix(std::min(end + 1, template_text.size()));
    ++number;
    if (!line.starts_with(kMark)) {
      maker.Text(line);
      continue;
    }
    if (Result<void> done = maker.Directive(line.substr(kMark.size()), number); !done.ok()) return done.error();
  }
  return maker.Finish();
}

}  // namespace pawl::oversight
