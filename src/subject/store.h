// A content-addressed store: a directory of blobs named by their SHA-256.
//
//   Result<Store> store = Store::Open(home + "/store", StoreAccess::kReadWrite);
//   Result<StoredTree> tree = store->PutTree("/home/me/candidate", TreeLimits{});
//   Result<std::string> view = store->Materialise(tree->digest);
//
// Layout below the directory:
//
//   blobs/<two hex digits>/<64 hex digits>   files of mode 0444; manifests are blobs like any other
//   trees/<64 hex digits>/                   read-only copies of whole trees, made by Materialise
//   temporary/                               what was being written; safe to delete when nobody writes
//
// Nothing is believed because of its name: every read hashes what it read. Every write goes to a temporary name, is
// flushed, renamed and its directory flushed, so after a crash a blob is whole or absent. A blob that is there but
// damaged is replaced by the next PutBlob of the same bytes.
//
// Errors of the disk are kSystem: "store.full", "store.read-only", "store.input-output". A damaged blob is kRefused,
// "store.damaged"; a missing one kNotFound, "store.missing".
//
// Thread safety: one Store may be used from many threads, and many processes may use one directory.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "subject/manifest.h"
#include "subject/tree_reader.h"

namespace pawl::subject {

enum class StoreAccess {
  kReadOnly,   // writes nothing, not even a missing directory
  kReadWrite,  // makes the directory and its parts where they are missing
};

struct StoredTree {
  Manifest manifest;
  crypto::Digest digest;  // of the manifest: the tree's name
};

class Store {
 public:
  static Result<Store> Open(const std::string& directory, StoreAccess access);

  // Durable on success.
  Result<crypto::Digest> PutBlob(std::string_view bytes);

  // The bytes, whose digest was checked; kLimit where there are more than size_max, before any is read.
  Result<std::string> ReadBlob(const crypto::Digest& digest, uint64_t size_max) const;

  // ReadBlob as a function; valid while the store lives.
  BlobReader Reader() const;

  // Copies a directory (tree_reader.h) and its manifest into the store.
  Result<StoredTree> PutTree(const std::string& directory, const TreeLimits& limits);

  // Stores a manifest whose blobs are already here; kNotFound where one is not.
  Result<crypto::Digest> PutManifest(const Manifest& manifest);

  // The manifest of a tree, with sizes as the blobs have them on disk (their bytes are checked when they are read).
  Result<Manifest> ReadManifest(const crypto::Digest& tree) const;

  // A directory with exactly the tree's files, of mode 0444 in directories of mode 0555; made where it is missing, from
  // checked bytes, under a temporary name. A copy that is there already is returned as it is: whoever starts something
  // from it calls VerifyMaterialised first.
  Result<std::string> Materialise(const crypto::Digest& tree);

  // Reads the copy again: it has exactly the tree's files with the tree's bytes ("store.view-altered").
  Result<void> VerifyMaterialised(const crypto::Digest& tree) const;

  const std::string& directory() const { return directory_; }
  std::string BlobPath(const crypto::Digest& digest) const;
  std::string ViewPath(const crypto::Digest& tree) const;

 private:
  Store(std::string directory, StoreAccess access) : directory_(std::move(directory)), access_(access) {}
  Result<void> RequireWritable() const;
  Result<void> FillView(const Manifest& manifest, const std::string& root) const;

  std::string directory_;
  StoreAccess access_;
};

}  // namespace pawl::subject
