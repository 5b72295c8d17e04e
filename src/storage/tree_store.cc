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

Result<void> Flush(const std::string& directory) {
  const FileDescriptor fd(open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!fd.valid() || fsync(fd.get()) != 0) return DiskError("flush", directory, errno);
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

// Writes a new file of mode 0444 and flushes it. On failure nothing of that name is left behind.
Result<void> WriteNew(const std::string& path, std::string_view bytes) {
  int error = 0;
  {
    const FileDescriptor fd(open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0444));
    if (!fd.valid()) return DiskError("make", path, errno);
    while (!bytes.empty() && error == 0) {
      const ssize_t written = write(fd.get(), bytes.data(), bytes.size());
      if (written >= 0) {
        bytes.remove_prefix(static_cast<size_t>(written));
      } else if (errno != EINTR) {
        error = errno;
      }
    }
    // The mode that open() gave is subject to the umask.
    if (error == 0 && (fchmod(fd.get(), 0444) != 0 || fsync(fd.get()) != 0)) error = errno;
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
  if (access == StoreAccess::kReadWrite) {
    for (const char* part : {"", "/blobs", "/trees", "/temporary"}) {
      if (Result<void> made = MakeDirectory(directory + part); !made.ok()) return made.error();
    }
    if (Result<void> flushed = Flush(directory); !flushed.ok()) return flushed.error();
  }
  Result<Store> store = Store::Open(directory);
  if (!store.ok()) return store.error();
  return TreeStore(std::move(*store), access);
}

Result<crypto::Digest> TreeStore::PutBlob(std::string_view bytes) {
  if (Result<void> writable = RequireWritable(); !writable.ok()) return writable.error();
  const crypto::Digest digest = crypto::Sha256(bytes);
  const std::string path = BlobPath(digest);
  const std::string folder = std::filesystem::path(path).parent_path();
  if (Result<std::string> present = ReadBlob(digest, bytes.size()); present.ok()) {
    // Whoever wrote it may not have got as far as flushing its name.
    if (Result<void> flushed = Flush(folder); !flushed.ok()) return flushed.error();
    return digest;
  }
  if (Result<void> made = MakeDirectory(folder); !made.ok()) return made.error();
  const std::string temporary = TemporaryName(directory() + "/temporary");
  if (Result<void> written = WriteNew(temporary, bytes); !written.ok()) return written.error();
  if (rename(temporary.c_str(), path.c_str()) != 0) {
    const int error = errno;
    unlink(temporary.c_str());
    return DiskError("rename to", path, error);
  }
  for (const std::string& flushed : {folder, directory() + "/blobs"}) {
    if (Result<void> done = Flush(flushed); !done.ok()) return done.error();
  }
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

Result<StoredTree> TreeStore::PutTree(const std::string& directory, const TreeLimits& limits) {
  if (Result<void> writable = RequireWritable(); !writable.ok()) return writable.error();
  Result<Manifest> manifest = subject::ReadTree(
      directory, limits, [this](const std::string&, std::string_view bytes) { return PutBlob(bytes); });
  if (!manifest.ok()) return manifest.error();
  Result<crypto::Digest> digest = PutManifest(*manifest);
  if (!digest.ok()) return digest.error();
  return StoredTree{std::move(*manifest), *digest};
}

Result<void> TreeStore::FillView(const Manifest& manifest, const std::string& root) const {
  if (Result<void> made = MakeDirectory(root); !made.ok()) return made;
  std::set<std::string> directories;  // sorted: a directory comes before what is in it
  for (const FileEntry& entry : manifest.files) {
    for (size_t end = entry.path.find('/'); end != std::string::npos; end = entry.path.find('/', end + 1)) {
      const std::string directory = root + "/" + entry.path.substr(0, end);
      if (!directories.insert(directory).second) continue;
      if (Result<void> made = MakeDirectory(directory); !made.ok()) return made;
    }
    Result<std::string> bytes = ReadBlob(entry.digest, entry.size);
    if (!bytes.ok()) return bytes.error();
    if (Result<void> written = WriteNew(root + "/" + entry.path, *bytes); !written.ok()) return written;
  }
  for (auto directory = directories.rbegin(); directory != directories.rend(); ++directory) {
    if (chmod(directory->c_str(), 0555) != 0) return DiskError("chmod", *directory, errno);
    if (Result<void> flushed = Flush(*directory); !flushed.ok()) return flushed;
  }
  return Flush(root);
}

Result<std::string> TreeStore::Materialise(const crypto::Digest& tree) {
  const std::string view = ViewPath(tree);
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
  if (Result<void> flushed = Flush(directory() + "/trees"); !flushed.ok()) return flushed.error();
  return view;
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
                 "delete that directory; it is made again when it is next needed");
}

}  // namespace pawl::storage
