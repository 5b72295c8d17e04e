// Reads a directory that somebody else may have written, and may still be writing to, from outside.
//
//   Result<Manifest> manifest = ReadTree("/home/me/candidate", TreeLimits{},
//       [&](const std::string& path, std::string_view bytes) { return store.PutBlob(bytes); });
//
// Every name is opened once, below the directory's own descriptor, without following links or crossing mounts; what is
// checked is what was opened, and what is read is what was checked. Refused by name: symbolic links, devices, pipes,
// sockets, files with more than one hard link, set-user-id, set-group-id and sticky bits, names that path.h refuses,
// and a file or directory whose status differs after the read from before ("tree.changed"). Empty directories are
// passed over.
//
// Thread safety: no shared state.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "subject/manifest.h"

namespace pawl::subject {

// Checked from the file's status, before anything is read.
struct TreeLimits {
  uint64_t files_max = 20'000;
  uint64_t directories_max = 5'000;
  uint64_t bytes_max = uint64_t{1} << 30;       // of all files
  uint64_t file_bytes_max = uint64_t{1} << 28;  // of one file, which is held in memory while it is read
};

// Takes one file's bytes, which are valid during the call alone, and names them. Called in order of directory entries.
using FileSink = std::function<Result<crypto::Digest>(const std::string& path, std::string_view bytes)>;

// Errors: "tree.…" and "path.…"; kRefused for what a tree may not contain, kLimit, kNotFound, kSystem.
Result<Manifest> ReadTree(const std::string& directory, const TreeLimits& limits, const FileSink& sink);

}  // namespace pawl::subject
