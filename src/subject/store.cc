#include "subject/store.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "subject/file_descriptor.h"
#include "subject/path.h"

namespace pawl::subject {

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

std::string Store::BlobPath(const crypto::Digest& digest) const {
  const std::string hex = digest.Hex();
  return directory_ + "/blobs/" + hex.substr(0, 2) + "/" + hex;
}

std::string Store::ViewPath(const crypto::Digest& tree) const { return directory_ + "/trees/" + tree.Hex(); }

BlobReader Store::Reader() const {
  return [this](const crypto::Digest& digest, uint64_t size_max) { return ReadBlob(digest, size_max); };
}

Result<Store> Store::Open(const std::string& directory) {
  struct stat status;
  if (stat((directory + "/blobs").c_str(), &status) != 0 || !S_ISDIR(status.st_mode)) {
    return Error{ErrorCode::kNotFound, "store.missing", "there is no store at " + directory,
                 "name the right directory"};
  }
  return Store(directory);
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
  // One byte more than it had: a file that grew meanwhile has another digest.
  const uint64_t count = std::min(size_max, static_cast<uint64_t>(status.st_size) + 1);
  if (Result<void> read = ReadUpTo(fd.get(), count, bytes); !read.ok()) return read.error();
  if (crypto::Sha256(bytes) != digest) {
    return Refused("store.damaged", "the blob " + path + " does not have the digest that its name says",
                   "restore it from a back-up; it was altered or the disk is failing");
  }
  return bytes;
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

}  // namespace pawl::subject
