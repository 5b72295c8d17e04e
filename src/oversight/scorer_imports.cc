#include "oversight/scorer_imports.h"

#include <algorithm>
#include <array>
#include <deque>
#include <set>

#include "subject/path.h"

namespace pawl::oversight {
namespace {

constexpr uint64_t kFileBytesMax = uint64_t{4} << 20;
constexpr size_t kFilesMax = 2'000;
constexpr std::array<std::string_view, 17> kReaches = {
    "sys.path",   "sys.modules", "importlib",  "__import__", "exec(",   "eval(",
    "runpy",      "addsitedir",  "PYTHONPATH", "pickle",     "marshal", "ctypes",
    "torch.load", "subprocess",  "os.system",  "os.exec",    "os.spawn"};

bool IsWordCharacter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
         static_cast<unsigned char>(c) >= 0x80;
}

// A word with dots ("a.b", "..", ".x"), and what stands before it taken off.
std::string_view TakeName(std::string_view& rest) {
  rest.remove_prefix(std::min(rest.find_first_not_of(" \t\n()"), rest.size()));
  size_t end = 0;
  while (end < rest.size() && (IsWordCharacter(rest[end]) || rest[end] == '.')) ++end;
  const std::string_view name = rest.substr(0, end);
  rest.remove_prefix(end);
  return name;
}

bool TakeWord(std::string_view& rest, std::string_view word) {
  std::string_view tried = rest;
  if (TakeName(tried) != word) return false;
  rest = tried;
  return true;
}

// The names of "a.b as c, d", up to the end of the statement.
std::vector<std::string> TakeNames(std::string_view rest) {
  std::vector<std::string> names;
  for (;;) {
    const std::string_view name = TakeName(rest);
    if (name.empty()) return names;
    names.emplace_back(name);
    if (TakeWord(rest, "as")) TakeName(rest);
    rest.remove_prefix(std::min(rest.find_first_not_of(" \t\n"), rest.size()));
    if (rest.empty() || rest.front() != ',') return names;
    rest.remove_prefix(1);
  }
}

// What one statement imports: "a.b" of import a.b; "a" and "a.b" of from a import b.
std::vector<std::string> Imported(std::string_view statement) {
  if (TakeWord(statement, "import")) return TakeNames(statement);
  if (!TakeWord(statement, "from")) return {};
  const std::string from(TakeName(statement));
  if (from.empty() || !TakeWord(statement, "import")) return {};
  std::vector<std::string> modules = {from};
  for (const std::string& name : TakeNames(statement))
    modules.push_back(from + (from.ends_with('.') ? "" : ".") + name);
  return modules;
}

struct Statement {
  std::string text;
  size_t line = 0;
};

bool IsInBrackets(const std::string& statement) {
  return statement.find("import") != statement.npos && statement.find('(') != statement.npos &&
         statement.find(')') == statement.npos;
}

// Pieces that can begin an import: cut at ';', ':', '#', and at line ends that no backslash or bracket of a from-import
// takes back. Strings and comments are not recognised: words in them may be taken for imports, never the other way
// round.
std::vector<Statement> Statements(std::string_view text) {
  std::vector<Statement> statements;
  Statement now{{}, 1};
  size_t line = 1;
  const auto cut = [&] {
    statements.push_back(std::move(now));
    now = {{}, line};
  };
  for (size_t at = 0; at < text.size(); ++at) {
    const char c = text[at];
    if (c == '\n' || c == '\r') {
      if (c == '\n') ++line;
      const bool goes_on = now.text.ends_with('\\') || IsInBrackets(now.text);
      if (now.text.ends_with('\\')) now.text.pop_back();
      if (goes_on && now.text.size() < 100'000) {
        now.text += ' ';
      } else {
        cut();
      }
    } else if (c == '#' && IsInBrackets(now.text)) {
      at = std::min(text.find('\n', at), text.size()) - 1;
    } else if (c == ';' || c == ':' || c == '#') {
      cut();
    } else {
      now.text += c;
    }
  }
  cut();
  return statements;
}

class Closure {
 public:
  explicit Closure(const charter::CharterFiles& charter) : charter_(charter) {}

  void BeginAt(const std::vector<std::string>& command) {
    for (size_t i = 1; i < command.size(); ++i) {
      std::string path = command[i];
      while (path.starts_with("./")) path.erase(0, 2);
      if (path.starts_with("/in/charter/")) path.erase(0, 12);
      if (command[i - 1] == "-m") {
        Find("", path);
      } else {
        Reach(path);
      }
    }
  }

  Result<ScorerImports> Follow() {
    while (!waiting_.empty()) {
      const std::string path = waiting_.front();
      waiting_.pop_front();
      found_.files.push_back(path);
      if (!path.ends_with(".py") || found_.files.size() > kFilesMax) continue;
      Result<std::string> text = charter_.read(charter_.manifest.Find(path)->digest, kFileBytesMax);
      if (!text.ok()) return text.error();
      ReadFile(path, *text);
    }
    return std::move(found_);
  }

 private:
  bool Reach(const std::string& path) {
    if (charter_.manifest.Find(path) == nullptr) return false;
    if (reached_.insert(path).second) waiting_.push_back(path);
    return true;
  }

  // Below a folder of the charter ("" or "a/b/"): the module's file and its packages' __init__.py.
  bool Find(const std::string& folder, const std::string& module) {
    std::string place = folder;
    bool is_found = false;
    for (size_t at = 0; at < module.size();) {
      const size_t end = std::min(module.find('.', at), module.size());
      place += module.substr(at, end - at);
      is_found = Reach(place + ".py") || is_found;
      is_found = Reach(place + "/__init__.py") || is_found;
      place += "/";
      at = end + 1;
    }
    Reach(place + "__main__.py");
    // A package without __init__.py.
    const auto& files = charter_.manifest.files;
    const std::string top = folder + module.substr(0, module.find('.')) + "/";
    return is_found || std::any_of(files.begin(), files.end(),
                                   [&](const subject::FileEntry& file) { return file.path.starts_with(top); });
  }

  void ReadFile(const std::string& path, const std::string& text) {
    const std::string folder = path.substr(0, path.rfind('/') == path.npos ? 0 : path.rfind('/') + 1);
    for (const Statement& statement : Statements(text)) {
      for (const std::string& module : Imported(statement.text)) {
        const size_t dots = std::min(module.find_first_not_of('.'), module.size());
        if (dots > 0) {
          Relative(folder, dots, module.substr(dots));
        } else if (!Find(folder, module) && !Find("", module)) {
          found_.outside.push_back({module, path, statement.line});
        }
      }
    }
    size_t line = 1;
    for (size_t at = 0; at < text.size(); ++line) {
      const size_t end = std::min(text.find('\n', at), text.size());
      const std::string_view content = std::string_view(text).substr(at, end - at);
      for (const std::string_view word : kReaches) {
        if (content.find(word) != content.npos) found_.reaches.push_back({std::string(word), path, line});
      }
      at = end + 1;
    }
  }

  // "..x" is x in the folder above; what leaves the charter's directory is not there for Python either.
  void Relative(std::string folder, size_t dots, const std::string& module) {
    for (size_t up = 1; up < dots && !folder.empty(); ++up) {
      folder.pop_back();
      folder.resize(folder.rfind('/') == folder.npos ? 0 : folder.rfind('/') + 1);
    }
    Find(folder, module);
  }

  const charter::CharterFiles& charter_;
  std::deque<std::string> waiting_;
  std::set<std::string> reached_;
  ScorerImports found_;
};

}  // namespace

Result<ScorerImports> ReadScorerImports(const charter::CharterFiles& charter, const std::vector<std::string>& command) {
  Closure closure(charter);
  closure.BeginAt(command);
  return closure.Follow();
}

bool SuppliesModule(std::string_view path, std::string_view module) {
  const std::string_view top = module.substr(0, module.find('.'));
  const std::vector<std::string_view> components = subject::SplitPath(path);
  const std::string_view file = components.back();
  const std::string_view stem = file.substr(0, file.find('.'));
  const bool is_code =
      file.ends_with(".py") || file.ends_with(".so") || file.ends_with(".pyc") || file.ends_with(".pyd");
  return is_code && (stem == top || std::find(components.begin(), components.end() - 1, top) != components.end() - 1);
}

}  // namespace pawl::oversight
