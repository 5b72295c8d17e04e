#include "oversight/python_imports.h"

#include <algorithm>
#include <utility>

namespace pawl::oversight {
namespace {

bool IsWordCharacter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
         static_cast<unsigned char>(c) >= 0x80;
}

// Where one statement may begin, and what its words are.
class StatementReader {
 public:
  explicit StatementReader(std::string_view rest) : rest_(rest) {}

  // The next name, or "" where something else comes.
  std::string_view Word() {
    SkipSpace();
    size_t end = 0;
    while (end < rest_.size() && IsWordCharacter(rest_[end])) ++end;
    const std::string_view word = rest_.substr(0, end);
    rest_.remove_prefix(end);
    return word;
  }

  bool Take(char symbol) {
    SkipSpace();
    if (rest_.empty() || rest_.front() != symbol) return false;
    rest_.remove_prefix(1);
    return true;
  }

  bool TakeWord(std::string_view word) {
    const std::string_view before = rest_;
    if (Word() == word) return true;
    rest_ = before;
    return false;
  }

  // "a.b", "..", "..a": spaces may stand between the parts.
  std::string Module() {
    std::string module;
    while (Take('.')) module += '.';
    for (;;) {
      module += Word();
      if (!Take('.')) return module;
      module += '.';
    }
  }

  void OpenBrackets() { in_brackets_ = true; }

 private:
  void SkipSpace() {
    while (!rest_.empty()) {
      const char c = rest_.front();
      if (c == ' ' || c == '\t' || c == '\f' || c == '\v' || (in_brackets_ && c == '\n')) {
        rest_.remove_prefix(1);
      } else if (rest_.starts_with("\\\n")) {
        rest_.remove_prefix(2);
      } else if (in_brackets_ && c == '#') {
        rest_.remove_prefix(std::min(rest_.find('\n'), rest_.size()));
      } else {
        return;
      }
    }
  }

  std::string_view rest_;
  bool in_brackets_ = false;  // where line ends and comments are space
};

// import a.b as c, d
void ReadImport(StatementReader& reader, size_t line, std::vector<PythonImport>& imports) {
  do {
    PythonImport import{reader.Module(), {}, line};
    if (import.module.empty()) return;
    if (reader.TakeWord("as")) import.alias = reader.Word();
    imports.push_back(std::move(import));
  } while (reader.Take(','));
}

// from a.b import c as d, e
void ReadFrom(StatementReader& reader, size_t line, std::vector<PythonImport>& imports) {
  // "from . import a" has its word "import" where a module's name may stand.
  const std::string from = reader.Module();
  const bool is_dots_alone = from.ends_with("import") && from.find_first_not_of('.') == from.size() - 6;
  if (!is_dots_alone && !reader.TakeWord("import")) return;
  const std::string module = is_dots_alone ? from.substr(0, from.size() - 6) : from;
  if (module.empty()) return;
  imports.push_back({module, {}, line});
  if (reader.Take('(')) reader.OpenBrackets();
  do {
    const std::string name = reader.Take('*') ? "*" : std::string(reader.Word());
    if (name.empty()) return;
    imports.push_back({module + (module.ends_with('.') ? "" : ".") + name, {}, line});
    if (reader.TakeWord("as")) reader.Word();
  } while (reader.Take(','));
}

}  // namespace

std::string WithPlainLines(std::string_view text) {
  if (text.starts_with("\xEF\xBB\xBF")) text.remove_prefix(3);
  std::string plain;
  plain.reserve(text.size());
  for (size_t at = 0; at < text.size(); ++at) {
    if (text[at] == '\r' && at + 1 < text.size() && text[at + 1] == '\n') continue;
    plain += text[at] == '\r' ? '\n' : text[at];
  }
  return plain;
}

std::vector<PythonImport> ReadPythonImports(std::string_view text) {
  const std::string plain = WithPlainLines(text);
  std::vector<PythonImport> imports;
  size_t line = 1;
  for (size_t at = 0; at <= plain.size(); ++at) {
    if (at > 0 && plain[at - 1] == '\n') ++line;
    const bool begins = at == 0 || plain[at - 1] == '\n' || plain[at - 1] == ';' || plain[at - 1] == ':';
    if (!begins) continue;
    StatementReader reader(std::string_view(plain).substr(at));
    const std::string_view word = reader.Word();
    if (word == "import") ReadImport(reader, line, imports);
    if (word == "from") ReadFrom(reader, line, imports);
  }
  return imports;
}

}  // namespace pawl::oversight
