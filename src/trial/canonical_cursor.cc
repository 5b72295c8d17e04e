#include "trial/canonical_cursor.h"

#include <charconv>

#include "encoding/number.h"

namespace pawl::trial {
namespace {

// What stands after a backslash in canonical JSON, without \u00xx, and what it means.
constexpr std::string_view kEscapes = "\"\\bfnrt", kEscaped = "\"\\\b\f\n\r\t";

bool Unescape(std::string_view quoted, std::string& text) {
  for (std::size_t i = 0; i < quoted.size(); ++i) {
    if (quoted[i] != '\\') {
      text += quoted[i];
    } else if (const std::size_t named = kEscapes.find(quoted[++i]); named != kEscapes.npos) {
      text += kEscaped[named];
    } else {
      unsigned char code = 0;
      const std::string_view digits = quoted.substr(i, 5);
      if (digits.size() != 5 || !digits.starts_with("u00")) return false;
      const auto [end, error] = std::from_chars(digits.data() + 3, digits.data() + 5, code, 16);
      if (error != std::errc() || end != digits.data() + 5) return false;
      text += static_cast<char>(code);
      i += 4;
    }
  }
  return true;
}

}  // namespace

void CanonicalCursor::Fail(const char* rule, std::string_view name) {
  if (rule_ != nullptr) return;
  rule_ = rule;
  where_ = "at byte " + std::to_string(at_) + ", where " + std::string(name) + " is expected";
  at_ = text_.size();
}

void CanonicalCursor::Expect(std::string_view expected) {
  if (text_.substr(at_).starts_with(expected)) {
    at_ += expected.size();
  } else {
    Fail("json.member", expected);
  }
}

// Between members and between elements.
void CanonicalCursor::Separate() {
  if (at_ > 0 && text_[at_ - 1] != '{' && text_[at_ - 1] != '[') Expect(",");
}

// Where the value of the next member begins, if it is called this; else npos.
std::size_t CanonicalCursor::ValueOf(std::string_view name) const {
  const bool first = at_ > 0 && text_[at_ - 1] == '{';
  std::string_view rest = text_.substr(at_);
  if (!first && !rest.starts_with(',')) return std::string_view::npos;
  rest.remove_prefix(first ? 0 : 1);
  if (rest.size() < name.size() + 3 || rest[0] != '"' || rest.compare(1, name.size(), name) != 0 ||
      rest[name.size() + 1] != '"' || rest[name.size() + 2] != ':') {
    return std::string_view::npos;
  }
  return at_ + (first ? 0 : 1) + name.size() + 3;
}

void CanonicalCursor::BeginMember(std::string_view name) {
  const std::size_t value = ValueOf(name);
  if (value == std::string_view::npos) return Fail("json.member", name);
  at_ = value;
}

void CanonicalCursor::BeginObject(std::string_view name) {
  BeginMember(name);
  BeginObject();
}

void CanonicalCursor::BeginArray(std::string_view name) {
  BeginMember(name);
  Expect("[");
}

bool CanonicalCursor::NextElement(std::size_t before, std::size_t count_max) {
  if (rule_ != nullptr) return false;
  if (Next() == ']') {
    ++at_;
    return false;
  }
  if (before >= count_max) Fail("json.member-range", "the end of a list");
  Separate();
  return rule_ == nullptr;
}

bool CanonicalCursor::Seek(std::string_view name) {
  while (rule_ == nullptr && Next() != '}') {
    Separate();
    const std::string_view found = Quoted();
    Expect(":");
    if (rule_ == nullptr && found == name) return true;
    PassValue();
  }
  return false;
}

std::string CanonicalCursor::String(std::string_view name, std::size_t bytes_max) {
  BeginMember(name);
  const std::string_view quoted = Quoted();
  std::string text;
  if (quoted.size() > 6 * bytes_max || !Unescape(quoted, text) || text.size() > bytes_max) {
    Fail("json.member-range", name);
    return {};
  }
  return text;
}

std::int64_t CanonicalCursor::Integer(std::string_view name, std::int64_t min, std::int64_t max) {
  BeginMember(name);
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text_.data() + at_, text_.data() + text_.size(), value);
  if (rule_ == nullptr && error != std::errc()) Fail("json.member", name);
  if (rule_ == nullptr && (value < min || value > max)) Fail("json.member-range", name);
  if (rule_ != nullptr) return 0;
  at_ = static_cast<std::size_t>(end - text_.data());
  return value;
}

double CanonicalCursor::Number(std::string_view name) {
  BeginMember(name);
  const std::string_view quoted = Quoted();
  if (rule_ != nullptr) return 0;
  const Result<double> value = encoding::ParseNumber(quoted);
  if (value.ok()) return *value;
  Fail("json.member-range", name);
  return 0;
}

std::string_view CanonicalCursor::Quoted() {
  Expect("\"");
  const std::size_t begin = at_;
  while (at_ < text_.size() && text_[at_] != '"') at_ += text_[at_] == '\\' ? 2 : 1;
  if (at_ >= text_.size()) {
    Fail("json.member", "the end of a string");
    return {};
  }
  return text_.substr(begin, at_++ - begin);
}

// Up to what separates it from the next, or ends what it stands in.
void CanonicalCursor::PassValue() {
  for (std::size_t depth = 0; at_ < text_.size();) {
    const char c = text_[at_];
    if (depth == 0 && (c == ',' || c == '}' || c == ']')) return;
    if (c == '"') {
      Quoted();
      continue;
    }
    if (c == '{' || c == '[') ++depth;
    if (c == '}' || c == ']') --depth;
    ++at_;
  }
}

Result<void> CanonicalCursor::SoFar() const {
  if (rule_ != nullptr) return Malformed(rule_, where_);
  return {};
}

Result<void> CanonicalCursor::Finish() const {
  if (rule_ == nullptr && at_ != text_.size()) return Malformed("json.member", "at byte " + std::to_string(at_));
  return SoFar();
}

}  // namespace pawl::trial
