// A content-addressed store, to be read: a directory of blobs named by their SHA-256. storage/tree_store.h writes it.
//
//   Result<Store> store = Store::Open(home + "/store");
//   Result<Manifest> manifest = store->ReadManifest(tree);
//   Result<std::string> bytes = store->ReadBlob(manifest->files[0].digest, size_max);
//
// Layout below the directory:
//
//   blobs/<two hex digits>/<64 hex digits>   files of mode 0444; manifests are blobs like any other
//   trees/<64 hex digits>/                   read-only copies of whole trees
//   temporary/                               what was being written; safe to delete when nobody writes
//
// Nothing is believed because of its name: every read hashes what it read. Nothing here writes.
//
// Errors of the disk are kSystem: "store.full", "store.read-only", "store.input-output". A damaged blob is kRefused,
// "store.damaged"; a missing one kNotFound, "store.missing".
//
// Thread safety: one Store may be used from many threads, and many processes may use one directory.
#pragma once

#include <cstdint>
#include <string>

#include "subject/manifest.h"
#include "subject/tree_reader.h"

namespace pawl::subject {

class Store {
 public:
  // kNotFound where there is none.
  static Result<Store> Open(const std::string& directory);

  // The bytes, whose digest was checked; kLimit where there are more than size_max, before any is read.
  Result<std::string> ReadBlob(const crypto::Digest& digest, uint64_t size_max) const;

  // ReadBlob as a function; valid while the store lives.
  BlobReader Reader() const;

  // The manifest of a tree, with sizes as the blobs have them on disk (their bytes are checked when they are read).
  Result<Manifest> ReadManifest(const crypto::Digest& tree) const;

  const std::string& directory() const { return directory_; }
  std::string BlobPath(const crypto::Digest& digest) const;
  std::string ViewPath(const crypto::Digest& tree) const;

 private:
  explicit Store(std::string directory) : directory_(std::move(directory)) {}

  std::string directory_;
};

// `error` (an errno) as one of the errors of the disk.
Error DiskError(const std::string& what, const std::string& path, int error);

}  // namespace pawl::subject
