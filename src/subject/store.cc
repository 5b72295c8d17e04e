#include "subject/store.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <set>

#include "subject/file_descriptor.h"
#include "subject/path.h"

namespace pawl::subject {
namespace {

Error DiskError(const std::string& what, const std::string& path, int error) {
  const std::string message = "cannot " + what + " " + path + ": " + std::strerror(error);
  if (error == ENOSPC || error == EDQUOT || error == EFBIG) {
    return SystemFailure("store.full", message, "free space or raise the quota, then run the command again");
  }
  if (error == EROFS || error == EACCES || error == EPERM) {
    return SystemFailure("store.read-only", message,
                         "make the store writable for this user, then run the command again");
  }
  return SystemFailure("store.input-output", message, "check the disk, then run the command again");
}

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

std::string Store::BlobPath(const crypto::Digest& digest) const {
  const std::string hex = digest.Hex();
  return directory_ + "/blobs/" + hex.substr(0, 2) + "/" + hex;
}

std::string Store::ViewPath(const crypto::Digest& tree) const { return directory_ + "/trees/" + tree.Hex(); }

BlobReader Store::Reader() const {
  return [this](const crypto::Digest& digest, uint64_t size_max) { return ReadBlob(digest, size_max); };
}

Result<void> Store::RequireWritable() const {
  if (access_ == StoreAccess::kReadWrite) return {};
  return SystemFailure("store.read-only", "the store " + directory_ + " was opened for reading alone");
}

Result<Store> Store::Open(const std::string& directory, StoreAccess access) {
  if (access == StoreAccess::kReadWrite) {
    for (const char* part : {"", "/blobs", "/trees", "/temporary"}) {
      if (Result<void> made = MakeDirectory(directory + part); !made.ok()) return made.error();
    }
    if (Result<void> flushed = Flush(directory); !flushed.ok()) return flushed.error();
  }
  struct stat status;
  if (stat((directory + "/blobs").c_str(), &status) != 0 || !S_ISDIR(status.st_mode)) {
    return Error{ErrorCode::kNotFound, "store.missing", "there is no store at " + directory,
                 "name the right directory"};
  }
  return Store(directory, access);
}

Result<crypto::Digest> Store::PutBlob(std::string_view bytes) {
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
  const std::string temporary = TemporaryName(directory_ + "/temporary");
  if (Result<void> written = WriteNew(temporary, bytes); !written.ok()) return written.error();
  if (rename(temporary.c_str(), path.c_str()) != 0) {
    const int error = errno;
    unlink(temporary.c_str());
    return DiskError("rename to", path, error);
  }
  for (const std::string& flushed : {folder, directory_ + "/blobs"}) {
    if (Result<void> done = Flush(flushed); !done.ok()) return done.error();
  }
  return digest;
}

Result<std::string> Store::ReadBlob(const crypto::Digest& digest, uint64_t size_max) const {
  const std::string path = BlobPath(digest);
  const FileDescriptor fd(open(path.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
  if (!fd.valid()) {
    if (errno != ENOENT) return DiskError("read", path, errno);
    return Error{ErrorCode::kNotFound, "store.missing", "the store " + directory_ + " has no blob " + digest.Text(),
                 "restore it from a back-up or from whoever made it"};
  }
  struct stat status;
  if (fstat(fd.get(), &status) != 0) return DiskError("read", path, errno);
  if (!S_ISREG(status.st_mode)) return Refused("store.damaged", path + " is not a regular file");
  if (static_cast<uint64_t>(status.st_size) > size_max) {
    return LimitReached("store.blob-size", "the blob " + digest.Text() + " has " + std::to_string(status.st_size) +
                                               " bytes, more than the " + std::to_string(size_max) + " allowed here");
  }
  std::string bytes;
  if (Result<void> read = ReadUpTo(fd.get(), size_max, bytes); !read.ok()) return read.error();
  if (crypto::Sha256(bytes) != digest) {
    return Refused("store.damaged", "the blob " + path + " does not have the digest that its name says",
                   "restore it from a back-up; it was altered or the disk is failing");
  }
  return bytes;
}

Result<crypto::Digest> Store::PutManifest(const Manifest& manifest) {
  for (const FileEntry& entry : manifest.files) {
    if (access(BlobPath(entry.digest).c_str(), F_OK) != 0) {
      return Error{ErrorCode::kNotFound, "store.missing",
                   "the blob of \"" + Printable(entry.path) + "\" is not in the store", "put the file first"};
    }
  }
  return PutBlob(SerialiseManifest(manifest));
}

Result<StoredTree> Store::PutTree(const std::string& directory, const TreeLimits& limits) {
  if (Result<void> writable = RequireWritable(); !writable.ok()) return writable.error();
  Result<Manifest> manifest =
      ReadTree(directory, limits, [this](const std::string&, std::string_view bytes) { return PutBlob(bytes); });
  if (!manifest.ok()) return manifest.error();
  Result<crypto::Digest> digest = PutManifest(*manifest);
  if (!digest.ok()) return digest.error();
  return StoredTree{std::move(*manifest), *digest};
}

Result<Manifest> Store::ReadManifest(const crypto::Digest& tree) const {
  Result<std::string> bytes = ReadBlob(tree, kManifestBytesMax);
  if (!bytes.ok()) return bytes.error();
  Result<Manifest> manifest = ParseManifest(*bytes);
  if (!manifest.ok()) return manifest;
  for (FileEntry& entry : manifest->files) {
    struct stat status;
    if (lstat(BlobPath(entry.digest).c_str(), &status) != 0) {
      return Error{ErrorCode::kNotFound, "store.missing",
                   "the blob of \"" + Printable(entry.path) + "\" in tree " + tree.Text() + " is missing",
                   "restore it from a back-up"};
    }
    entry.size = static_cast<uint64_t>(status.st_size);
  }
  return manifest;
}

Result<void> Store::FillView(const Manifest& manifest, const std::string& root) const {
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

Result<std::string> Store::Materialise(const crypto::Digest& tree) {
  const std::string view = ViewPath(tree);
  struct stat status;
  if (lstat(view.c_str(), &status) == 0 && S_ISDIR(status.st_mode)) return view;
  if (Result<void> writable = RequireWritable(); !writable.ok()) return writable.error();
  Result<Manifest> manifest = ReadManifest(tree);
  if (!manifest.ok()) return manifest.error();
  const std::string temporary = TemporaryName(directory_ + "/temporary");
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
  if (Result<void> flushed = Flush(directory_ + "/trees"); !flushed.ok()) return flushed.error();
  return view;
}

Result<void> Store::VerifyMaterialised(const crypto::Digest& tree) const {
  Result<Manifest> wanted = ReadManifest(tree);
  if (!wanted.ok()) return wanted.error();
  TreeLimits limits{.files_max = wanted->files.size(), .directories_max = wanted->files.size() * kPathDepthMax + 1};
  limits.bytes_max = limits.file_bytes_max = 0;
  for (const FileEntry& entry : wanted->files) {
    limits.bytes_max += entry.size;
    limits.file_bytes_max = std::max(limits.file_bytes_max, entry.size);
  }
  const std::string view = ViewPath(tree);
  Result<Manifest> found = ReadTree(view, limits, [](const std::string&, std::string_view bytes) {
    return Result<crypto::Digest>(crypto::Sha256(bytes));
  });
  std::string reason;
  if (!found.ok()) {
    if (found.error().code == ErrorCode::kSystem || found.error().code == ErrorCode::kNotFound) return found.error();
    reason = found.error().message;
  } else if (ManifestDigest(*found) != tree) {
    reason = "its files are not those of the manifest";
  } else {
    return {};
  }
  return Refused("store.view-altered", "the copy " + view + " is not the tree that its name says: " + reason,
                 "delete that directory; it is made again when it is next needed");
}

}  // namespace pawl::subject
