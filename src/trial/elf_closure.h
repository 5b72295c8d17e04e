// Which shared libraries an ELF file asks for, read from the file without running anything.
//
//   Result<std::optional<ElfNeeds>> needs = ReadElfNeeds(bytes);
//   if (needs.ok() && *needs) for (const std::string& name : (*needs)->libraries) FindLibrary(name, **needs, path);
//
// Layout: System V ABI, chapters 4 and 5 (64-bit, little-endian; the only kind that the supported machines load).
// Lookup: ld.so(8), without LD_LIBRARY_PATH (the sandbox sets none) and without the RPATH of the files that asked
// first.
//
// Thread safety: pure functions, and LoaderDirectories, which reads /etc/ld.so.conf.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "result/result.h"

namespace pawl::trial {

struct ElfNeeds {
  std::vector<std::string> libraries;  // DT_NEEDED, in order
  std::vector<std::string> run_paths;  // DT_RUNPATH, else DT_RPATH, split at ':', $ORIGIN not replaced
  std::string interpreter;             // PT_INTERP; empty for libraries
};

// No value for anything that is not a 64-bit little-endian ELF file. kMalformed ("elf.<reason>") for one that
// contradicts itself or exceeds 128 program headers, 16,384 dynamic entries or 1,024 libraries.
Result<std::optional<ElfNeeds>> ReadElfNeeds(std::string_view bytes);

// The loader's directories in its order, from /etc/ld.so.conf with its includes, then /lib, /usr/lib and their
// multiarch forms.
std::vector<std::filesystem::path> LoaderDirectories();

// The file that the loader would take for `library`, asked for by `asker`; no value where there is none.
std::optional<std::filesystem::path> FindLibrary(const std::string& library, const ElfNeeds& needs,
                                                 const std::filesystem::path& asker,
                                                 const std::vector<std::filesystem::path>& directories);

}  // namespace pawl::trial
