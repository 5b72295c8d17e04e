#include "trial/elf_closure.h"

#include <glob.h>

#include <cstdint>
#include <cstring>
#include <fstream>
#include <type_traits>

namespace pawl::trial {

namespace {

namespace fs = std::filesystem;

constexpr std::size_t kProgramHeadersMax = 128;
constexpr std::size_t kDynamicEntriesMax = 16'384;
constexpr std::size_t kLibrariesMax = 1'024;
constexpr std::size_t kNameBytesMax = 4'096;

constexpr std::size_t kHeaderBytes = 64;
constexpr std::size_t kProgramHeaderBytes = 56;
constexpr std::size_t kDynamicEntryBytes = 16;
constexpr std::uint32_t kLoad = 1, kDynamic = 2, kInterpreter = 3;
constexpr std::uint64_t kNeeded = 1, kStringTable = 5, kRpath = 15, kRunpath = 29, kEnd = 0;

// A little-endian number at an offset. The caller has checked that it lies inside.
template <typename T>
T At(std::string_view bytes, std::size_t offset) {
  static_assert(std::is_unsigned_v<T>);
  T value = 0;
  for (std::size_t i = 0; i < sizeof(T); ++i) {
    value = static_cast<T>(value | (static_cast<T>(static_cast<unsigned char>(bytes[offset + i])) << (8 * i)));
  }
  return value;
}

bool Inside(std::string_view bytes, std::uint64_t offset, std::uint64_t size) {
  return offset <= bytes.size() && size <= bytes.size() - offset;
}

struct Segment {
  std::uint32_t type = 0;
  std::uint64_t offset = 0;
  std::uint64_t address = 0;
  std::uint64_t size = 0;
};

Result<std::vector<Segment>> ReadSegments(std::string_view bytes) {
  const auto at = At<std::uint64_t>(bytes, 32);
  const std::size_t entry_size = At<std::uint16_t>(bytes, 54);
  const std::size_t count = At<std::uint16_t>(bytes, 56);
  if (count > kProgramHeadersMax) return Malformed("elf.headers", "more than 128 program headers");
  if (count > 0 && (entry_size < kProgramHeaderBytes || !Inside(bytes, at, count * entry_size))) {
    return Malformed("elf.truncated", "the program headers lie outside the file");
  }
  std::vector<Segment> segments;
  for (std::size_t i = 0; i < count; ++i) {
    const std::size_t base = static_cast<std::size_t>(at) + i * entry_size;
    segments.push_back({At<std::uint32_t>(bytes, base), At<std::uint64_t>(bytes, base + 8),
                        At<std::uint64_t>(bytes, base + 16), At<std::uint64_t>(bytes, base + 32)});
  }
  return segments;
}

// The zero-terminated text at an offset.
Result<std::string> TextAt(std::string_view bytes, std::uint64_t offset) {
  if (offset >= bytes.size()) return Malformed("elf.truncated", "a name lies outside the file");
  const std::string_view rest = bytes.substr(static_cast<std::size_t>(offset), kNameBytesMax + 1);
  const std::size_t end = rest.find('\0');
  if (end == std::string_view::npos) return Malformed("elf.name", "a name is too long or does not end");
  return std::string(rest.substr(0, end));
}

struct DynamicEntry {
  std::uint64_t tag = 0;
  std::uint64_t value = 0;
};

Result<std::vector<DynamicEntry>> ReadDynamic(std::string_view bytes, const Segment& segment) {
  if (!Inside(bytes, segment.offset, segment.size)) {
    return Malformed("elf.truncated", "the dynamic section lies outside the file");
  }
  const std::uint64_t count = segment.size / kDynamicEntryBytes;
  if (count > kDynamicEntriesMax) return Malformed("elf.dynamic", "more than 16,384 dynamic entries");
  std::vector<DynamicEntry> entries;
  for (std::uint64_t i = 0; i < count; ++i) {
    const auto base = static_cast<std::size_t>(segment.offset + i * kDynamicEntryBytes);
    const DynamicEntry entry{At<std::uint64_t>(bytes, base), At<std::uint64_t>(bytes, base + 8)};
    if (entry.tag == kEnd) break;
    entries.push_back(entry);
  }
  return entries;
}

std::vector<std::string> SplitAtColons(const std::string& text) {
  std::vector<std::string> parts;
  for (std::size_t from = 0; from <= text.size();) {
    const std::size_t end = std::min(text.find(':', from), text.size());
    if (end > from) parts.push_back(text.substr(from, end - from));
    from = end + 1;
  }
  return parts;
}

// Where the string table lies in the file: its address, mapped back through the loaded segments.
std::optional<std::uint64_t> FileOffset(std::uint64_t address, const std::vector<Segment>& segments) {
  for (const Segment& segment : segments) {
    if (segment.type == kLoad && address >= segment.address && address - segment.address < segment.size) {
      return segment.offset + (address - segment.address);
    }
  }
  return std::nullopt;
}

Result<void> AddDynamic(std::string_view bytes, const std::vector<DynamicEntry>& entries,
                        const std::vector<Segment>& segments, ElfNeeds& needs) {
  std::optional<std::uint64_t> strings;
  for (const DynamicEntry& entry : entries) {
    if (entry.tag == kStringTable) strings = FileOffset(entry.value, segments);
  }
  std::optional<std::string> rpath;
  std::optional<std::string> runpath;
  for (const DynamicEntry& entry : entries) {
    if (entry.tag != kNeeded && entry.tag != kRpath && entry.tag != kRunpath) continue;
    if (!strings || entry.value > bytes.size()) return Malformed("elf.strings", "names without a string table");
    Result<std::string> text = TextAt(bytes, *strings + entry.value);
    if (!text.ok()) return text.error();
    if (entry.tag == kRpath)
      rpath = std::move(*text);
    else if (entry.tag == kRunpath)
      runpath = std::move(*text);
    else
      needs.libraries.push_back(std::move(*text));
    if (needs.libraries.size() > kLibrariesMax) return Malformed("elf.libraries", "more than 1,024 libraries");
  }
  if (runpath || rpath) needs.run_paths = SplitAtColons(runpath ? *runpath : *rpath);
  return {};
}

// Replaces $ORIGIN and ${ORIGIN}.
std::string Expanded(std::string text, const fs::path& origin) {
  for (const std::string_view word : {"${ORIGIN}", "$ORIGIN"}) {
    for (std::size_t at = text.find(word); at != std::string::npos; at = text.find(word, at + origin.string().size())) {
      text.replace(at, word.size(), origin.string());
    }
  }
  return text;
}

void AddConfigured(const fs::path& file, int depth, std::vector<fs::path>& directories) {
  constexpr int kDepthMax = 4;
  constexpr std::size_t kDirectoriesMax = 256;
  std::ifstream lines(file);
  for (std::string line; depth < kDepthMax && directories.size() < kDirectoriesMax && std::getline(lines, line);) {
    line.resize(std::min(line.find('#'), line.size()));
    const std::size_t from = line.find_first_not_of(" \t");
    if (from == std::string::npos) continue;
    line = line.substr(from, line.find_last_not_of(" \t\r") - from + 1);
    if (line.rfind("include ", 0) != 0) {
      directories.emplace_back(line);
      continue;
    }
    glob_t found{};
    if (glob(line.substr(8).c_str(), 0, nullptr, &found) == 0) {
      for (std::size_t i = 0; i < found.gl_pathc; ++i) AddConfigured(found.gl_pathv[i], depth + 1, directories);
    }
    globfree(&found);
  }
}

}  // namespace

Result<std::optional<ElfNeeds>> ReadElfNeeds(std::string_view bytes) {
  constexpr std::string_view kMagic(
      "\x7f"
      "ELF\x02\x01",
      6);  // 64-bit, little-endian
  if (bytes.size() < kHeaderBytes || bytes.substr(0, kMagic.size()) != kMagic) return std::optional<ElfNeeds>();
  const Result<std::vector<Segment>> segments = ReadSegments(bytes);
  if (!segments.ok()) return segments.error();
  ElfNeeds needs;
  for (const Segment& segment : *segments) {
    if (segment.type == kInterpreter) {
      Result<std::string> interpreter = TextAt(bytes, segment.offset);
      if (!interpreter.ok()) return interpreter.error();
      needs.interpreter = std::move(*interpreter);
    } else if (segment.type == kDynamic) {
      const Result<std::vector<DynamicEntry>> entries = ReadDynamic(bytes, segment);
      if (!entries.ok()) return entries.error();
      if (Result<void> added = AddDynamic(bytes, *entries, *segments, needs); !added.ok()) return added.error();
    }
  }
  return std::optional<ElfNeeds>(std::move(needs));
}

std::vector<fs::path> LoaderDirectories() {
  std::vector<fs::path> directories;
  AddConfigured("/etc/ld.so.conf", 0, directories);
#if defined(__x86_64__)
  for (const char* path : {"/lib/x86_64-linux-gnu", "/usr/lib/x86_64-linux-gnu"}) directories.emplace_back(path);
#elif defined(__aarch64__)
  for (const char* path : {"/lib/aarch64-linux-gnu", "/usr/lib/aarch64-linux-gnu"}) directories.emplace_back(path);
#endif
  for (const char* path : {"/lib64", "/usr/lib64", "/lib", "/usr/lib"}) directories.emplace_back(path);
  return directories;
}

std::optional<fs::path> FindLibrary(const std::string& library, const ElfNeeds& needs, const fs::path& asker,
                                    const std::vector<fs::path>& directories) {
  std::error_code error;
  const auto usable = [&](const fs::path& path) { return fs::is_regular_file(path, error); };
  if (library.find('/') != std::string::npos) {
    return usable(library) ? std::optional<fs::path>(library) : std::nullopt;
  }
  for (const std::string& run_path : needs.run_paths) {
    const fs::path path = fs::path(Expanded(run_path, asker.parent_path())) / library;
    if (usable(path)) return path;
  }
  for (const fs::path& directory : directories) {
    if (usable(directory / library)) return directory / library;
  }
  return std::nullopt;
}

}  // namespace pawl::trial
