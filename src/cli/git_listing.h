// What git prints of a tree, read without believing it: git has run in the sandbox, over a repository of a stranger's.
//
//   Result<std::vector<GitFile>> files = ParseGitListing(listing, limits);      // git ls-tree -r -z -l --full-tree
//   Result<void> done = ReadGitBlobs(batch, *files, sink);                      // git cat-file --batch, same order
//
// Thread safety: pure functions but for the sink.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "result/result.h"
#include "subject/tree_reader.h"

namespace pawl::cli {

struct GitFile {
  std::string path;
  std::string object;  // hexadecimal name of the blob
  uint64_t size_bytes = 0;
  bool is_executable = false;
};

// Sorted by path. Refused by name: "git.submodule", "git.symlink", a mode that no file has ("git.mode"), the paths that
// no tree may have ("path.…"), more or larger files than the limits allow ("git.limit"). kMalformed "git.listing":
// nothing that git writes.
Result<std::vector<GitFile>> ParseGitListing(std::string_view listing, const subject::TreeLimits& limits);

// Gives each file's bytes to the sink, in the order of `files`; they are valid during the call alone. kMalformed
// "git.blobs": the objects are not those, not of these sizes, or more or fewer than asked for.
using GitSink = std::function<Result<void>(const GitFile& file, std::string_view bytes)>;
Result<void> ReadGitBlobs(std::string_view batch, const std::vector<GitFile>& files, const GitSink& sink);

// Whether a revision can be handed to git as one word: letters, digits and ._/~^@{}- , not beginning with '-'.
bool IsPlainRevision(std::string_view revision);

}  // namespace pawl::cli
