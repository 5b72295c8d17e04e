#include "oversight/scorer_imports.h"

#include <algorithm>
#include <array>
#include <deque>
#include <filesystem>
#include <set>
#include <utility>

#include "oversight/python_imports.h"
#include "subject/path.h"

namespace pawl::oversight {
namespace {

constexpr uint64_t kFileBytesMax = uint64_t{4} << 20;
constexpr size_t kFilesMax = 2'000;
constexpr char kCommand[] = "the command";

// Words that move where modules are looked for.
constexpr std::array<std::string_view, 10> kWidens = {"sys.path",    "sys.meta_path", "addsitedir",  "PYTHONPATH",
                                                      "PYTHONHOME",  "__path__",      "extend_path", "zipimport",
                                                      "pytest.main", ".discover("};
// Words that start code by a name that stands elsewhere: which file of the charter, the text does not say.
constexpr std::array<std::string_view, 10> kStarts = {"importlib",  "__import__", "runpy",   "exec(",    "execfile",
                                                      "subprocess", "os.system",  "os.exec", "os.spawn", "os.popen"};
constexpr std::array<std::string_view, 6> kOthers = {"sys.modules", "eval(",  "pickle",
                                                     "marshal",     "ctypes", "torch.load"};

std::string BaseName(std::string_view path) { return std::string(path.substr(path.rfind('/') + 1)); }

std::string Folder(std::string_view path) {
  return std::string(path.substr(0, path.rfind('/') == path.npos ? 0 : path.rfind('/') + 1));
}

bool IsInterpreter(std::string_view word) {
  const std::string name = BaseName(word);
  return name.starts_with("python") || name.starts_with("pypy");
}

// Below the charter, where a word of the command names something there: the working directory is the charter's.
std::string CharterPath(const std::string& word) {
  constexpr std::string_view kInside = "/in/charter/";
  const std::string path = (std::filesystem::path(kInside) / word).lexically_normal().string();
  return path.starts_with(kInside) ? path.substr(kInside.size()) : "";
}

template <size_t N>
void FindWords(const std::array<std::string_view, N>& words, std::string_view content, const std::string& file,
               size_t line, std::vector<ScorerReach>& found) {
  for (const std::string_view word : words) {
    if (content.find(word) != content.npos) found.push_back({std::string(word), file, line});
  }
}

class Closure {
 public:
  explicit Closure(const charter::CharterFiles& charter) : charter_(charter) {}

  Result<ScorerImports> Follow(const std::vector<std::string>& command) {
    if (command.empty()) return std::move(found_);
    if (Result<void> begun = IsInterpreter(command[0]) ? BeginPython(command) : BeginOther(command); !begun.ok()) {
      return begun.error();
    }
    while (!waiting_.empty()) {
      const std::string path = waiting_.front();
      waiting_.pop_front();
      found_.files.push_back(path);
      if (found_.files.size() > kFilesMax) {
        Widen("more than " + std::to_string(kFilesMax) + " files", path, 1);
        break;
      }
      if (!IsRead(path)) continue;
      Result<std::string> text = charter_.read(charter_.manifest.Find(path)->digest, kFileBytesMax);
      if (!text.ok()) return text.error();
      ReadText(path, *text);
    }
    for (ScorerImport& import : imports_) {
      if (!IsTheCharters(import.module)) found_.outside.push_back(std::move(import));
    }
    return std::move(found_);
  }

 private:
  void Widen(const std::string& word, const std::string& file, size_t line) {
    found_.reaches.push_back({word, file, line});
    if (!found_.widened) found_.widened = found_.reaches.back();
  }

  // ---- the command

  // python3 [options] FILE | -m MODULE | -c TEXT, as in "Command line and environment" of Python's manual.
  Result<void> BeginPython(const std::vector<std::string>& command) {
    size_t at = 1;
    bool begun = false;
    for (; at < command.size() && !begun; ++at) {
      const std::string& word = command[at];
      if (word == "--check-hash-based-pycs") ++at;
      if (word.starts_with("--")) continue;
      if (!word.starts_with('-') || word == "-") {
        BeginScript(word);
        begun = true;
        continue;
      }
      const size_t letter = word.find_first_of("mcWX", 1);
      if (letter == word.npos) continue;
      const bool has_value = letter + 1 < word.size();
      if (!has_value && ++at == command.size()) break;
      const std::string value = has_value ? word.substr(letter + 1) : command[at];
      if (word[letter] == 'm') BeginModule(value);
      if (word[letter] == 'c') BeginText(value);
      begun = word[letter] == 'm' || word[letter] == 'c';
    }
    if (!begun) Widen(command[0] + " alone", kCommand, 1);
    for (; at < command.size(); ++at) Reach(CharterPath(command[at]));
    return {};
  }

  void BeginScript(const std::string& word) {
    const std::string path = CharterPath(word);
    if (Reach(path)) {
      roots_.insert(Folder(path));
      scripts_.insert(path);
    } else if (Reach(path + "/__main__.py")) {
      roots_.insert(path + "/");
    } else {
      Widen(word, kCommand, 1);
    }
  }

  void BeginModule(const std::string& module) {
    roots_.insert("");
    Find("", module);
    if (!IsTheCharters(module)) Widen("-m " + module, kCommand, 1);
  }

  void BeginText(const std::string& text) {
    roots_.insert("");
    if (text.find("chdir") != text.npos) Widen("chdir", kCommand, 1);
    ReadText(kCommand, text);
  }

  // A program that is not Python: a script of the charter's, a shell, a compiled one. Whether it starts Python is told
  // by the words that it has.
  Result<void> BeginOther(const std::vector<std::string>& command) {
    const std::string program = command[0].find('/') == std::string::npos ? "" : CharterPath(command[0]);
    if (const subject::FileEntry* file = charter_.manifest.Find(program); file != nullptr) {
      Result<std::string> text = charter_.read(file->digest, kFileBytesMax);
      if (text.ok() && text->starts_with("#!") && text->substr(0, text->find('\n')).find("python") != text->npos) {
        BeginScript(program);
        for (size_t i = 1; i < command.size(); ++i) Reach(CharterPath(command[i]));
        return {};
      }
    }
    found_.unread = command[0];
    for (const std::string& word : command) {
      const bool is_pythons = word.find("python") != word.npos || word.find(".py") != word.npos ||
                              (&word == &command[0] && BaseName(word).starts_with("py"));
      if (is_pythons) Widen(word, kCommand, 1);
      if (Result<void> read = ReadOther(CharterPath(word)); !read.ok()) return read;
    }
    return {};
  }

  // And the files of the charter whose names it has.
  Result<void> ReadOther(const std::string& first) {
    std::deque<std::string> waiting = {first};
    for (; !waiting.empty() && found_.files.size() < kFilesMax; waiting.pop_front()) {
      const subject::FileEntry* file = charter_.manifest.Find(waiting.front());
      if (file == nullptr || !reached_.insert(file->path).second) continue;
      found_.files.push_back(file->path);
      Result<std::string> text = charter_.read(file->digest, kFileBytesMax);
      if (!text.ok() && text.error().code == ErrorCode::kLimit) continue;  // a compiled program, or data
      if (!text.ok()) return text.error();
      const bool is_text = text->find('\0') == text->npos;
      const size_t at = std::min(text->find("python"), is_text ? text->find(".py") : text->npos);
      if (at != text->npos) {
        Widen(text->substr(at, text->find_first_of(" \t\r\n\"';", at) - at), file->path,
              1 + static_cast<size_t>(std::count(text->begin(), text->begin() + static_cast<ptrdiff_t>(at), '\n')));
      }
      for (const subject::FileEntry& other : charter_.manifest.files) {
        if (is_text && text->find(BaseName(other.path)) != text->npos) waiting.push_back(other.path);
      }
    }
    return {};
  }

  // ---- files

  bool IsRead(const std::string& path) const { return path.ends_with(".py") || scripts_.contains(path); }

  bool Reach(const std::string& path) {
    if (charter_.manifest.Find(path) == nullptr) return false;
    if (reached_.insert(path).second) waiting_.push_back(path);
    return true;
  }

  // Which files start is not to be seen: each may, from its own folder.
  void ReachAll() {
    if (std::exchange(reaches_all_, true)) return;
    for (const subject::FileEntry& file : charter_.manifest.files) {
      if (!file.path.ends_with(".py")) continue;
      Reach(file.path);
      roots_.insert(Folder(file.path));
    }
  }

  // Below a folder of the charter ("" or "a/b/"): the module's file and its packages' __init__.py.
  void Find(const std::string& folder, const std::string& module) {
    std::string place = folder;
    for (size_t at = 0; at < module.size();) {
      const size_t end = std::min(module.find('.', at), module.size());
      place += module.substr(at, end - at);
      Reach(place + ".py");
      Reach(place + "/__init__.py");
      place += "/";
      at = end + 1;
    }
    Reach(place + "__main__.py");
  }

  // A folder without __init__.py is no answer: one with it, anywhere on the search path, goes before.
  bool IsTheCharters(const std::string& module) const {
    const std::string top = module.substr(0, module.find('.'));
    return !roots_.empty() && std::all_of(roots_.begin(), roots_.end(), [&](const std::string& root) {
      return charter_.manifest.Find(root + top + ".py") != nullptr ||
             charter_.manifest.Find(root + top + "/__init__.py") != nullptr;
    });
  }

  void ReadText(const std::string& path, const std::string& text) {
    if (text.find('\0') != text.npos) Widen("a zero byte", path, 1);  // compiled, or an archive
    for (const PythonImport& import : ReadPythonImports(text)) Import(path, import);
    const std::string plain = WithPlainLines(text);
    size_t line = 1;
    for (size_t at = 0; at < plain.size(); ++line) {
      const size_t end = std::min(plain.find('\n', at), plain.size());
      const std::string_view content = std::string_view(plain).substr(at, end - at);
      std::vector<ScorerReach> widens, starts;
      FindWords(kWidens, content, path, line, widens);
      FindWords(kStarts, content, path, line, starts);
      for (const ScorerReach& reach : widens) Widen(reach.word, reach.file, reach.line);
      if (!starts.empty()) ReachAll();
      found_.reaches.insert(found_.reaches.end(), starts.begin(), starts.end());
      FindWords(kOthers, content, path, line, found_.reaches);
      at = end + 1;
    }
  }

  void Import(const std::string& path, const PythonImport& import) {
    const size_t dots = std::min(import.module.find_first_not_of('.'), import.module.size());
    if (dots > 0) return Relative(Folder(path), dots, import.module.substr(dots));
    // sys under another name, and names that Python would first put into another form (NFKC).
    const bool renames_sys = import.module == "sys" && !import.alias.empty() && import.alias != "sys";
    const bool has_other_letters = std::any_of(import.module.begin(), import.module.end(),
                                               [](char c) { return static_cast<unsigned char>(c) >= 0x80; });
    if (renames_sys) Widen("import sys as " + import.alias, path, import.line);
    for (const char* name : {"sys.path", "sys.meta_path", "sys.path_hooks", "sys.*"}) {
      if (import.module == name) Widen(std::string("from sys import ") + (name + 4), path, import.line);
    }
    if (has_other_letters) Widen(import.module, path, import.line);
    for (const std::string& root : std::set<std::string>(roots_)) Find(root, import.module);
    imports_.push_back({import.module, path, import.line});
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
  std::set<std::string> roots_;    // where sys.path begins: "" or "a/b/"
  std::set<std::string> scripts_;  // Python, whatever their names
  std::deque<std::string> waiting_;
  std::set<std::string> reached_;
  std::vector<ScorerImport> imports_;
  bool reaches_all_ = false;
  ScorerImports found_;
};

}  // namespace

std::string ScorerReach::Text() const { return file + ":" + std::to_string(line) + " has " + word; }

Result<ScorerImports> ReadScorerImports(const charter::CharterFiles& charter, const std::vector<std::string>& command) {
  return Closure(charter).Follow(command);
}

bool IsPythonCode(std::string_view path) {
  constexpr std::array<std::string_view, 9> kEndings = {".py",  ".pyc", ".pyd", ".pyw", ".so",
                                                        ".pth", ".zip", ".egg", ".whl"};
  return std::any_of(kEndings.begin(), kEndings.end(), [&](std::string_view end) { return path.ends_with(end); });
}

bool SuppliesModule(std::string_view path, std::string_view module) {
  const std::string_view top = module.substr(0, module.find('.'));
  const std::vector<std::string_view> components = subject::SplitPath(path);
  const std::string_view file = components.back();
  const std::string_view stem = file.substr(0, file.find('.'));
  return IsPythonCode(path) &&
         (stem == top || std::find(components.begin(), components.end() - 1, top) != components.end() - 1);
}

}  // namespace pawl::oversight
