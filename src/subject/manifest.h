// The list of a tree's files. Its digest names the tree. spec/manifest.md is the format.
//
//   Result<Manifest> manifest = ParseManifest(bytes);
//   const FileEntry* policy = manifest->Find("policy.onnx");
//   crypto::Digest tree = ManifestDigest(*manifest);
//
// The canonical form has the shape of the predicate of an OpenSSF Model Signing statement (`serialization` and
// `resources`), so a release can be exported as `model.sig` without a second list. It holds paths and SHA-256 digests
// and nothing else: no sizes, modes, owners, times, links or empty directories.
//
// Thread safety: values.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "crypto/digest.h"
#include "result/result.h"

namespace pawl::subject {

struct FileEntry {
  std::string path;
  crypto::Digest digest;
  // Bytes. Not part of the canonical form: known where the files were read (ReadTree, Store), 0 after ParseManifest.
  uint64_t size = 0;
};

// Sorted by path, bytewise (for UTF-8 that is by code point); paths valid and distinct by path.h.
struct Manifest {
  std::vector<FileEntry> files;

  // The entry of that path, or null. Valid while the manifest lives unchanged.
  const FileEntry* Find(std::string_view path) const;
};

inline constexpr size_t kManifestBytesMax = size_t{32} << 20;
// Of a file whose content is looked at: compared, parsed, proven.
inline constexpr uint64_t kFileBytesMax = uint64_t{1} << 28;
inline constexpr size_t kManifestFilesMax = 100'000;

// Gives the bytes of a blob, verified against the digest, or an error where it is missing, altered or larger than
// size_max bytes. Store::ReadBlob is one.
using BlobReader = std::function<Result<std::string>(const crypto::Digest& digest, uint64_t size_max)>;

// Sorts the entries and checks every path and the paths together; at most kManifestFilesMax. kRefused or kLimit.
Result<Manifest> MakeManifest(std::vector<FileEntry> files);

// Accepts exactly what SerialiseManifest writes (it writes again and compares). Rules "manifest.…".
Result<Manifest> ParseManifest(std::string_view bytes);

std::string SerialiseManifest(const Manifest& manifest);

// SHA-256 of SerialiseManifest: the tree's name.
crypto::Digest ManifestDigest(const Manifest& manifest);

}  // namespace pawl::subject
