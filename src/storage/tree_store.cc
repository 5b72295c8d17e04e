#include "storage/tree_store.h"

#include <fcntl.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <set>
#include <utility>
#include <vector>

#include "storage/replace_file.h"
#include "subject/file_descriptor.h"
#include "subject/path.h"

namespace pawl::storage {
namespace {

using subject::DiskError;
using subject::FileDescriptor;
using subject::FileEntry;
using subject::Manifest;
using subject::Store;
using subject::TreeLimits;

Result<void> MakeDirectory(const std::string& path) {
  if (mkdir(path.c_str(), 0755) != 0 && errno != EEXIST) return DiskError("make", path, errno);
  return {};
}

// Many files are flushed together: all are written, then the disk is asked to begin with all, then each is waited for.
// The first wait brings most of the others along (one commit of the file system's journal), where flushing each before
// the next is written would wait for every one.
Result<void> FlushFiles(const std::vector<std::string>& paths) {
  for (const std::string& path : paths) {
    const FileDescriptor fd(open(path.c_str(), O_RDONLY | O_NOFOLLOW | O_CLOEXEC));
    if (fd.valid()) sync_file_range(fd.get(), 0, 0, SYNC_FILE_RANGE_WRITE);  // only a hint; what counts is fsync
  }
  for (const std::string& path : paths) {
    const FileDescriptor fd(open(path.c_str(), O_RDONLY | O_NOFOLLOW | O_CLOEXEC));
    if (!fd.valid() || fsync(fd.get()) != 0) return DiskError("flush", path, errno);
  }
  return {};
}

// A name below `directory` that no other writer has, in any process.
std::string TemporaryName(const std::string& directory) {
  static std::atomic<uint64_t> counter{0};
  uint64_t random = 0;
  if (getrandom(&random, sizeof random, 0) != sizeof random) random = 0;
  char name[80];
  std::snprintf(name, sizeof name, "/%ld-%016llx-%llu", static_cast<long>(getpid()),
                static_cast<unsigned long long>(random), static_cast<unsigned long long>(counter++));
  return directory + name;
}

// Sets the time of a file to now; false where it is gone or not ours, and then it is written anew.
bool MakeYoung(const std::string& path) { return utimensat(AT_FDCWD, path.c_str(), nullptr, AT_SYMLINK_NOFOLLOW) == 0; }

// Writes a new file of mode 0444, to be flushed by FlushFiles. On failure nothing of that name is left behind.
Result<void> WriteNew(const std::string& path, std::string_view bytes) {
  int error = 0;
  {
    const FileDescriptor fd(open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0444));
    if (!fd.valid()) return DiskError("make", path, errno);
    // The mode that open() gave is subject to the umask.
    if (!WriteAll(fd.get(), bytes) || fchmod(fd.get(), 0444) != 0) error = errno;
  }
  if (error == 0) return {};
  unlink(path.c_str());
  return DiskError("write", path, error);
}

// Removes a half-made view, whose directories may be of mode 0555. A remainder in temporary/ does no harm.
void Discard(const std::string& root) {
  std::error_code ignored;
  std::filesystem::permissions(root, std::filesystem::perms::owner_all, ignored);
  for (std::filesystem::recursive_directory_iterator at(root, ignored), end; at != end; at.increment(ignored)) {
    if (at->is_directory(ignored) && !at->is_symlink(ignored)) {
      std::filesystem::permissions(at->path(), std::filesystem::perms::owner_all, ignored);
    }
  }
  std::filesystem::remove_all(root, ignored);
}

}  // namespace

Result<void> TreeStore::RequireWritable() const {
  if (access_ == StoreAccess::kReadWrite) return {};
  return SystemFailure("store.read-only", "the store " + directory() + " was opened for reading alone");
}

Result<TreeStore> TreeStore::Open(const std::string& directory, StoreAccess access) {
  // "temporary" is made last, after the others are durable: where all of them are there, nothing has to be flushed.
  const auto is_there = [&directory](const char* part) { return ::access((directory + part).c_str(), F_OK) == 0; };
  if (access == StoreAccess::kReadWrite && !(is_there("/blobs") && is_there("/trees") && is_there("/temporary"))) {
    for (const char* part : {"", "/blobs", "/trees"}) {
      if (Result<void> made = MakeDirectory(directory + part); !made.ok()) return made.error();
    }
    if (Result<void> flushed = FlushDirectory(directory); !flushed.ok()) return flushed.error();
    if (Result<void> made = MakeDirectory(directory + "/temporary"); !made.ok()) return made.error();
  }
  Result<Store> store = Store::Open(directory);
  if (!store.ok()) return store.error();
  return TreeStore(std::move(*store), access);
}

// Blobs that become durable together: written under temporary names, flushed, renamed, and their folders flushed. Until
// Commit none of them has a name, so that after a crash each is whole or absent.
class TreeStore::Batch {
 public:
  // `flushed`: a tree whose blobs are known to be durable, or null.
  explicit Batch(TreeStore& store, const Manifest* flushed = nullptr) : store_(store) {
    if (flushed == nullptr) return;
    for (const FileEntry& entry : flushed->files) flushed_.insert(entry.digest);
  }
  ~Batch() {
    for (const Waiting& blob : waiting_) unlink(blob.temporary.c_str());
  }
  Batch(const Batch&) = delete;
  Batch& operator=(const Batch&) = delete;

  Result<crypto::Digest> Put(std::string_view bytes) {
    const crypto::Digest digest = crypto::Sha256(bytes);
    const std::string path = store_.BlobPath(digest);
    const bool is_there = put_.contains(digest) || (store_.ReadBlob(digest, bytes.size()).ok() && MakeYoung(path));
    if (is_there && flushed_.contains(digest)) return digest;
    // Also where the blob is there: whoever wrote it may not have got as far as flushing its name.
    folders_.insert(std::filesystem::path(path).parent_path());
    if (is_there) return digest;
    put_.insert(digest);
    const std::string temporary = TemporaryName(store_.directory() + "/temporary");
    if (Result<void> written = WriteNew(temporary, bytes); !written.ok()) return written.error();
    waiting_.push_back({temporary, path});
    return digest;
  }

  Result<void> Commit() {
    std::vector<std::string> written;
    for (const Waiting& blob : waiting_) written.push_back(blob.temporary);
    if (Result<void> flushed = FlushFiles(written); !flushed.ok()) return flushed;
    for (const std::string& folder : folders_) {
      if (Result<void> made = MakeDirectory(folder); !made.ok()) return made;
    }
    for (const Waiting& blob : waiting_) {
      if (rename(blob.temporary.c_str(), blob.path.c_str()) != 0) return DiskError("rename to", blob.path, errno);
    }
    waiting_.clear();
    folders_.insert(store_.directory() + "/blobs");
    for (const std::string& folder : folders_) {
      if (Result<void> flushed = FlushDirectory(folder); !flushed.ok()) return flushed;
    }
    return {};
  }

 private:
  struct Waiting {
    std::string temporary;
    std::string path;
  };
  TreeStore& store_;
  std::vector<Waiting> waiting_;
  std::set<crypto::Digest> flushed_;
  std::set<crypto::Digest> put_;
  std::set<std::string> folders_;  // of all blobs whose names may not be durable yet
};

Result<crypto::Digest> TreeStore::PutBlob(std::string_view bytes) {
  if (Result<void> writable = RequireWritable(); !writable.ok()) return writable.error();
  Batch batch(*this);
  Result<crypto::Digest> digest = batch.Put(bytes);
  if (!digest.ok()) return digest;
  if (Result<void> durable = batch.Commit(); !durable.ok()) return durable.error();
  return digest;
}

Result<crypto::Digest> TreeStore::PutManifest(const Manifest& manifest) {
  for (const FileEntry& entry : manifest.files) {
    if (access(BlobPath(entry.digest).c_str(), F_OK) != 0) {
      return Error{ErrorCode::kNotFound, "store.missing",
                   "the blob of \"" + subject::Printable(entry.path) + "\" is not in the store", "put the file first"};
    }
  }
  return PutBlob(subject::SerialiseManifest(manifest));
}

Result<StoredTree> TreeStore::PutTree(const std::string& directory, const TreeLimits& limits, const Manifest* flushed) {
  if (Result<void> writable = RequireWritable(); !writable.ok()) return writable.error();
  Batch batch(*this, flushed);
  Result<Manifest> manifest = subject::ReadTree(
      directory, limits, [&batch](const std::string&, std::string_view bytes) { return batch.Put(bytes); });
  if (!manifest.ok()) return manifest.error();
  Result<crypto::Digest> digest = batch.Put(subject::SerialiseManifest(*manifest));
  if (!digest.ok()) return digest.error();
  if (Result<void> durable = batch.Commit(); !durable.ok()) return durable.error();
  return StoredTree{std::move(*manifest), *digest};
}

Result<void> TreeStore::FillView(const Manifest& manifest, const std::string& root) const {
  if (Result<void> made = MakeDirectory(root); !made.ok()) return made;
  std::vector<std::string> written;
  std::set<std::string> directories;  // sorted: a directory comes before what is in it
  for (const FileEntry& entry : manifest.files) {
    for (size_t end = entry.path.find('/'); end != std::string::npos; end = entry.path.find('/', end + 1)) {
      const std::string directory = root + "/" + entry.path.substr(0, end);
      if (!directories.insert(directory).second) continue;
      if (Result<void> made = MakeDirectory(directory); !made.ok()) return made;
    }
    Result<std::string> bytes = ReadBlob(entry.digest, entry.size);
    if (!bytes.ok()) return bytes.error();
    if (Result<void> copied = WriteNew(root + "/" + entry.path, *bytes); !copied.ok()) return copied;
    written.push_back(root + "/" + entry.path);
  }
  if (Result<void> flushed = FlushFiles(written); !flushed.ok()) return flushed;
  for (auto directory = directories.rbegin(); directory != directories.rend(); ++directory) {
    if (chmod(directory->c_str(), 0555) != 0) return DiskError("chmod", *directory, errno);
    if (Result<void> flushed = FlushDirectory(*directory); !flushed.ok()) return flushed;
  }
  return FlushDirectory(root);
}

Result<std::string> TreeStore::Materialise(const crypto::Digest& tree) {
  const std::string view = ViewPath(tree);
  // An empty folder is none of ours: somebody needed a place to mount on. What holds anything cannot be removed so.
  if (access_ == StoreAccess::kReadWrite) rmdir(view.c_str());
  struct stat status;
  if (lstat(view.c_str(), &status) == 0 && S_ISDIR(status.st_mode)) return view;
  if (Result<void> writable = RequireWritable(); !writable.ok()) return writable.error();
  Result<Manifest> manifest = ReadManifest(tree);
  if (!manifest.ok()) return manifest.error();
  const std::string temporary = TemporaryName(directory() + "/temporary");
  if (Result<void> filled = FillView(*manifest, temporary); !filled.ok()) {
    Discard(temporary);
    return filled.error();
  }
  // The root becomes read-only after the move: moving a directory writes to it.
  if (rename(temporary.c_str(), view.c_str()) != 0) {
    const int error = errno;
    Discard(temporary);
    // Somebody else was faster; theirs is as good.
    if (error != EEXIST && error != ENOTEMPTY && error != EACCES) return DiskError("rename to", view, error);
    if (lstat(view.c_str(), &status) != 0) return DiskError("rename to", view, error);
    return view;
  }
  if (chmod(view.c_str(), 0555) != 0) return DiskError("chmod", view, errno);
  if (Result<void> flushed = FlushDirectory(directory() + "/trees"); !flushed.ok()) return flushed.error();
  return view;
}

Result<void> TreeStore::RemoveView(const crypto::Digest& tree) {
  if (Result<void> writable = RequireWritable(); !writable.ok()) return writable;
  const std::string view = ViewPath(tree);
  const std::string temporary = TemporaryName(directory() + "/temporary");
  // Moving a directory writes to it. It is moved first, so that nobody finds half a copy.
  if (chmod(view.c_str(), 0755) != 0 || rename(view.c_str(), temporary.c_str()) != 0) {
    if (errno == ENOENT) return {};
    return DiskError("move", view, errno);
  }
  Discard(temporary);
  return {};
}

void TreeStore::DiscardTemporary(const std::string& name) {
  if (RequireWritable().ok()) Discard(directory() + "/temporary/" + name);
}

Result<void> TreeStore::VerifyMaterialised(const crypto::Digest& tree) const {
  Result<Manifest> wanted = ReadManifest(tree);
  if (!wanted.ok()) return wanted.error();
  TreeLimits limits{.files_max = wanted->files.size(),
                    .directories_max = wanted->files.size() * subject::kPathDepthMax + 1};
  limits.bytes_max = limits.file_bytes_max = 0;
  for (const FileEntry& entry : wanted->files) {
    limits.bytes_max += entry.size;
    limits.file_bytes_max = std::max(limits.file_bytes_max, entry.size);
  }
  const std::string view = ViewPath(tree);
  Result<Manifest> found = subject::ReadTree(view, limits, [](const std::string&, std::string_view bytes) {
    return Result<crypto::Digest>(crypto::Sha256(bytes));
  });
  std::string reason;
  if (!found.ok()) {
    if (found.error().code == ErrorCode::kSystem || found.error().code == ErrorCode::kNotFound) return found.error();
    reason = found.error().message;
  } else if (subject::ManifestDigest(*found) != tree) {
    reason = "its files are not those of the manifest";
  } else {
    return {};
  }
  return Refused("store.view-altered", "the copy " + view + " is not the tree that its name says: " + reason,
                 "chmod -R u+w and remove that directory; it is made again when it is next needed");
}

}  // namespace pawl::storage
