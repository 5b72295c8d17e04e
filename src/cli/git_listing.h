// What git prints of a tree, read without believing it: git has run in the sandbox, over a repository of a stranger's.
//
//   Result<std::vector<GitFile>> files = ParseGitListing(listing, limits);      // git ls-tree -r -z -l --full-tree
//   Result<void> named = CheckGitCommit(name, commit, *files);                  // git cat-file commit NAME
//   Result<void> done = ReadGitBlobs(batch, *files, sink);                      // git cat-file --batch, same order
//
// Git names an object by the digest of "TYPE SIZE\0" and its bytes, and does not look again when it reads one. So every
// name is computed here: of the blobs, of the trees that the listing must have come from, and of the commit. Then the
// commit's name stands for these files whatever the repository holds, as far as its digest does: SHA-1, or SHA-256
// where names have 64 digits.
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

// Whether that is the name of that commit, and the commit is one of exactly these files, in the order of
// ParseGitListing. kMalformed "git.object": it is not, or its trees have modes or empty folders that git does not
// write; "git.listing": no name, or one of another digest than the files' are.
Result<void> CheckGitCommit(std::string_view name, std::string_view commit, const std::vector<GitFile>& files);

// Gives each file's bytes to the sink, in the order of `files`; they are valid during the call alone. kMalformed
// "git.blobs": the objects are not those, not of these sizes, or more or fewer than asked for; "git.object": a name is
// not that of its bytes.
using GitSink = std::function<Result<void>(const GitFile& file, std::string_view bytes)>;
Result<void> ReadGitBlobs(std::string_view batch, const std::vector<GitFile>& files, const GitSink& sink);

// The part of a revision that reads as the name of an object, whole or cut short to four digits or more: "0123abc" of
// "0123abc~1"; empty where it is none ("main~1"). A repository may have a branch of that name, or names of another
// digest, and git would take the branch.
std::string_view ObjectNameIn(std::string_view revision);

// Whether that part is the beginning of the name of what git took it for. kMalformed "git.other-object".
Result<void> CheckNamedObject(std::string_view revision, std::string_view taken);

// Whether a revision can be handed to git as one word: letters, digits and ._/~^@{}- , not beginning with '-'.
bool IsPlainRevision(std::string_view revision);

}  // namespace pawl::cli
