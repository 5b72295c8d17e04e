#include "trial/environment.h"

#include <sys/utsname.h>

#include <algorithm>
#include <fstream>
#include <map>
#include <optional>
#include <set>
#include <sstream>
#include <utility>

#include "crypto/digest.h"
#include "encoding/json.h"
#include "encoding/utf8.h"
#include "trial/elf_closure.h"
#include "trial/run.h"

namespace pawl::trial {

namespace {

namespace fs = std::filesystem;

constexpr std::size_t kFilesMax = 100'000;
constexpr std::uint64_t kBytesMax = std::uint64_t{8} << 30;
constexpr std::uint64_t kFileBytesMax = std::uint64_t{1} << 30;
constexpr std::size_t kInterpreterDepthMax = 4;

Error Missing(const fs::path& path) {
  return SystemFailure("environment.missing", "cannot read " + path.string(),
                       "install what the evaluation needs, or mend its closure in the charter");
}

// Collects components; a file is hashed once, whatever the number of ways that lead to it.
class Collector {
 public:
  // Adds a regular file, links resolved, with everything that it needs to be loaded. `kind` names the first way to it.
  Result<void> AddFile(const std::string& kind, const fs::path& path);
  // Adds everything below a file or directory.
  Result<void> AddTree(const fs::path& path);
  // Adds what runs a program: itself unless it lies inside the charter, and its "#!" interpreter.
  Result<void> AddProgram(const fs::path& path, bool inside_charter, std::size_t depth);
  void AddText(const std::string& kind, const std::string& name, std::string_view text) {
    components_[{kind, name}] = crypto::Sha256(text).Text();
  }

  std::vector<EnvironmentComponent> Components() const {
    std::vector<EnvironmentComponent> list;
    for (const auto& [key, digest] : components_) list.push_back({key.first, key.second, digest});
    return list;
  }

 private:
  Result<std::string> Read(const fs::path& path);
  Result<void> AddLibraries(const fs::path& path, std::string_view bytes);

  std::map<std::pair<std::string, std::string>, std::string> components_;
  std::set<std::string> files_;  // resolved paths that were hashed
  std::uint64_t bytes_ = 0;
  const std::vector<fs::path> directories_ = LoaderDirectories();
};

Result<std::string> Collector::Read(const fs::path& path) {
  std::error_code error;
  const std::uint64_t size = fs::file_size(path, error);
  if (error) return Missing(path);
  if (size > kFileBytesMax || bytes_ + size > kBytesMax || files_.size() >= kFilesMax) {
    return LimitReached("environment.too-large", "the evaluation environment has over 100,000 files or 8 GiB",
                        "declare a smaller closure in the charter");
  }
  bytes_ += size;
  std::string bytes(static_cast<std::size_t>(size), '\0');
  std::ifstream file(path, std::ios::binary);
  file.read(bytes.data(), static_cast<std::streamsize>(size));
  if (!file) return Missing(path);
  return bytes;
}

Result<void> Collector::AddFile(const std::string& kind, const fs::path& path) {
  std::error_code error;
  const fs::path resolved = fs::canonical(path, error);
  if (error || !fs::is_regular_file(resolved, error)) return Missing(path);
  const std::string name = resolved.string();
  if (!encoding::IsPlainText(name)) {
    return SystemFailure("environment.name", "a file name is not plain UTF-8 text", "leave it out of the closure");
  }
  if (files_.contains(name)) return {};
  const Result<std::string> bytes = Read(resolved);
  if (!bytes.ok()) return bytes.error();
  files_.insert(name);
  AddText(kind, name, *bytes);
  return AddLibraries(resolved, *bytes);
}

Result<void> Collector::AddLibraries(const fs::path& path, std::string_view bytes) {
  const Result<std::optional<ElfNeeds>> needs = ReadElfNeeds(bytes);
  // A file that only looks like ELF is data; its digest is what counts.
  if (!needs.ok() || !*needs) return {};
  if (!(*needs)->interpreter.empty()) {
    if (Result<void> added = AddFile("library", (*needs)->interpreter); !added.ok()) return added;
  }
  for (const std::string& library : (*needs)->libraries) {
    const std::optional<fs::path> found = FindLibrary(library, **needs, path, directories_);
    if (!found) {
      if (encoding::IsPlainText(library)) AddText("missing", library, library);
      continue;
    }
    if (Result<void> added = AddFile("library", *found); !added.ok()) return added;
  }
  return {};
}

Result<void> Collector::AddTree(const fs::path& path) {
  std::error_code error;
  const fs::path root = fs::canonical(path, error);
  if (error) return Missing(path);
  if (!fs::is_directory(root, error)) return AddFile("closure", root);
  fs::recursive_directory_iterator entries(root, error);
  if (error) return Missing(root);
  for (; entries != fs::recursive_directory_iterator(); entries.increment(error)) {
    if (error) return Missing(root);
    const fs::file_status status = entries->symlink_status(error);
    if (error) return Missing(entries->path());
    if (fs::is_directory(status)) continue;
    if (fs::is_symlink(status)) {
      if (!encoding::IsPlainText(entries->path().string())) return Missing(entries->path());
      AddText("closure", entries->path().string(), "link to " + fs::read_symlink(entries->path(), error).string());
      if (error) return Missing(entries->path());
    } else if (Result<void> added = AddFile("closure", entries->path()); !added.ok()) {
      return added;
    }
  }
  if (error) return Missing(root);
  return {};
}

// The words of a "#!" line; none where there is no such line.
std::vector<std::string> InterpreterWords(const fs::path& path) {
  constexpr std::size_t kLineBytesMax = 256;  // as the kernel
  std::ifstream file(path, std::ios::binary);
  std::string line(kLineBytesMax, '\0');
  file.read(line.data(), static_cast<std::streamsize>(line.size()));
  line.resize(static_cast<std::size_t>(file.gcount()));
  line.resize(std::min(line.find('\n'), line.size()));
  std::vector<std::string> words;
  if (line.rfind("#!", 0) != 0) return words;
  std::istringstream stream(line.substr(2));
  for (std::string word; stream >> word;) words.push_back(word);
  return words;
}

Result<void> Collector::AddProgram(const fs::path& path, bool inside_charter, std::size_t depth) {
  if (depth > kInterpreterDepthMax) {
    return SystemFailure("environment.interpreter", "interpreters of interpreters without end at " + path.string());
  }
  std::error_code error;
  if (!fs::is_regular_file(path, error)) return Missing(path);
  if (!inside_charter) {
    if (Result<void> added = AddFile("program", path); !added.ok()) return added;
  }
  const std::vector<std::string> words = InterpreterWords(path);
  if (words.empty()) return {};
  if (Result<void> added = AddProgram(words[0], false, depth + 1); !added.ok()) return added;
  if (fs::path(words[0]).filename() != "env" || words.size() < 2) return {};
  const Result<std::string> program = ResolveEvaluator({words[1]});
  if (!program.ok()) return program.error();
  return AddProgram(*program, false, depth + 1);
}

Result<std::string> ProcessorText() {
  std::ifstream file("/proc/cpuinfo");
  std::ostringstream text;
  text << file.rdbuf();
  utsname system{};
  if (!file || uname(&system) != 0) return SystemFailure("environment.processor", "cannot read /proc/cpuinfo");
  return DescribeProcessor(text.str(), system.machine);
}

EvaluationEnvironment Finished(const Collector& collector) {
  EvaluationEnvironment environment;
  environment.components = collector.Components();
  encoding::Json list = encoding::Json::array();
  for (const EnvironmentComponent& component : environment.components) {
    list.push_back({{"digest", component.digest}, {"kind", component.kind}, {"name", component.name}});
  }
  environment.description = encoding::CanonicalJson({{"components", std::move(list)}, {"version", 1}});
  environment.digest = crypto::Sha256(environment.description).Text();
  return environment;
}

}  // namespace

Result<std::string> DescribeProcessor(std::string_view cpuinfo, std::string_view architecture) {
  std::map<std::string, std::string> found;
  std::istringstream lines{std::string(cpuinfo)};
  // The first processor speaks for all; its block ends at an empty line.
  for (std::string line; std::getline(lines, line) && !line.empty();) {
    const std::size_t colon = line.find(':');
    if (colon == std::string::npos) continue;
    const std::string key = line.substr(0, line.find_last_not_of(" \t", colon - 1) + 1);
    const std::size_t from = line.find_first_not_of(' ', colon + 1);
    found.emplace(key, from == std::string::npos ? "" : line.substr(from));
  }
  const auto features = found.contains("flags") ? found.find("flags") : found.find("Features");
  if (features == found.end()) {
    return SystemFailure("environment.processor", "/proc/cpuinfo lists no processor features");
  }
  std::set<std::string> sorted;
  std::istringstream words(features->second);
  for (std::string word; words >> word;) sorted.insert(word);
  std::string text = "architecture=" + std::string(architecture) + "\n";
  for (const char* key : {"vendor_id", "cpu family", "model", "CPU implementer", "CPU part"}) {
    if (found.contains(key)) text += std::string(key) + "=" + found[key] + "\n";
  }
  text += "features=";
  for (const std::string& word : sorted) text += word + " ";
  text.back() = '\n';
  return text;
}

Result<EvaluationEnvironment> DescribeEnvironment(const EnvironmentQuestion& question) {
  const Result<std::string> program = ResolveEvaluator(question.command);
  if (!program.ok()) return program.error();
  constexpr std::string_view kInside = "/in/charter/";
  const bool inside_charter = program->rfind(kInside, 0) == 0;
  const fs::path path =
      inside_charter ? question.charter_directory / program->substr(kInside.size()) : fs::path(*program);
  Collector collector;
  if (Result<void> added = collector.AddProgram(path, inside_charter, 0); !added.ok()) return added.error();
  if (!question.subject_command.empty()) {
    const Result<std::string> subject_program = ResolveSubjectProgram(question.subject_command);
    if (!subject_program.ok()) return subject_program.error();
    if (Result<void> added = collector.AddProgram(*subject_program, false, 0); !added.ok()) return added.error();
  }
  for (const fs::path& root : question.closure) {
    if (!root.is_absolute()) {
      return Error{ErrorCode::kUsage, "environment.closure", "a closure path is not absolute: " + root.string(),
                   "mend the charter's closure"};
    }
    if (Result<void> added = collector.AddTree(root); !added.ok()) return added.error();
  }
  const Result<std::string> processor = ProcessorText();
  if (!processor.ok()) return processor.error();
  collector.AddText("processor", "cpu", *processor);
  return Finished(collector);
}

}  // namespace pawl::trial
