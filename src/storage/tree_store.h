// Putting trees into a store, and copying them out.
//
//   Result<TreeStore> store = TreeStore::Open(home + "/store", StoreAccess::kReadWrite);
//   Result<StoredTree> tree = store->PutTree("/home/me/candidate", TreeLimits{});
//   Result<std::string> view = store->Materialise(tree->digest);
//
// Layout and errors are those of subject/store.h. Every write goes to a temporary name, is flushed, renamed and its
// directory flushed, so after a crash a blob is whole or absent; the blobs of a tree are flushed together. A blob that
// is there but damaged is replaced by the next PutBlob of the same bytes.
//
// Thread safety: one TreeStore may be used from many threads, and many processes may use one directory.
#pragma once

#include <string>
#include <string_view>
#include <utility>

#include "subject/manifest.h"
#include "subject/store.h"
#include "subject/tree_reader.h"

namespace pawl::storage {

enum class StoreAccess {
  kReadOnly,   // writes nothing, not even a missing directory
  kReadWrite,  // makes the directory and its parts where they are missing
};

struct StoredTree {
  subject::Manifest manifest;
  crypto::Digest digest;  // of the manifest: the tree's name
};

class TreeStore : public subject::Store {
 public:
  static Result<TreeStore> Open(const std::string& directory, StoreAccess access);

  // Durable on success. A blob that is there already becomes young again (storage/garbage.h).
  Result<crypto::Digest> PutBlob(std::string_view bytes);

  // Copies a directory (subject/tree_reader.h) and its manifest into the store. Durable on success. What it shares with
  // `flushed`, a tree that is known to be durable here (the live release: its blobs were flushed before the ledger
  // named it), is not flushed again.
  Result<StoredTree> PutTree(const std::string& directory, const subject::TreeLimits& limits,
                             const subject::Manifest* flushed = nullptr);

  // Stores a manifest whose blobs are already here; kNotFound where one is not.
  Result<crypto::Digest> PutManifest(const subject::Manifest& manifest);

  // A directory with exactly the tree's files, of mode 0444 in directories of mode 0555; made where it is missing, from
  // checked bytes, under a temporary name. A copy that is there already is returned as it is: whoever starts something
  // from it calls VerifyMaterialised first.
  Result<std::string> Materialise(const crypto::Digest& tree);

  // Removes the copy, if there is one. Whoever runs on it would lose it; the next Materialise makes it anew.
  Result<void> RemoveView(const crypto::Digest& tree);
  // Removes what a writer has left in temporary/, as well as it can.
  void DiscardTemporary(const std::string& name);

  // Reads the copy again: it has exactly the tree's files with the tree's bytes ("store.view-altered").
  Result<void> VerifyMaterialised(const crypto::Digest& tree) const;

 private:
  class Batch;
  TreeStore(subject::Store store, StoreAccess access) : subject::Store(std::move(store)), access_(access) {}
  Result<void> RequireWritable() const;
  Result<void> FillView(const subject::Manifest& manifest, const std::string& root) const;

  StoreAccess access_;
};

}  // namespace pawl::storage
