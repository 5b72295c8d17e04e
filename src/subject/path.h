// Which names a file of a tree may have.
//
//   if (Result<void> checked = CheckTreePath("improver/train.py"); !checked.ok()) return checked.error();
//
// A path is relative, its components are separated by one '/', and it means the same on every machine that a release
// may reach: no `.`, no `..`, no empty component, no backslash, no control, invisible or combining character, valid
// UTF-8, at most 255 bytes a component, 1,024 in all and 32 components. Directories of version control (.git, .hg,
// .svn, .bzr, CVS) are not part of a tree: their objects hold other versions, future ones included.
//
// Thread safety: pure functions.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "result/result.h"

namespace pawl::subject {

inline constexpr size_t kPathBytesMax = 1'024;
inline constexpr size_t kComponentBytesMax = 255;
inline constexpr size_t kPathDepthMax = 32;

// One component, without any '/'. Rules "path.…"; kRefused.
Result<void> CheckComponent(std::string_view component);

// A whole path.
Result<void> CheckTreePath(std::string_view path);

// Refuses paths that cannot stand side by side on every file system: the same path twice ("path.twice"), a path that
// is also a directory of another ("path.file-and-directory"), and files or directories that differ by letter case alone
// ("path.twins"). Letter case: ASCII, Latin, Greek, Cyrillic, Armenian and full-width letters.
Result<void> CheckDistinct(const std::vector<std::string>& sorted_paths);

// The path with letter case removed, for comparisons; never written anywhere. Requires valid UTF-8.
std::u32string FoldCase(std::string_view path);

// The components of a path or glob.
std::vector<std::string_view> SplitPath(std::string_view path);

// The path for a message: control characters and bytes beyond ASCII as \xNN, cut at 200 bytes.
std::string Printable(std::string_view path);
}  // namespace pawl::subject
