#include "storage/replace_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <filesystem>

#include "subject/file_descriptor.h"
#include "subject/store.h"

namespace pawl::storage {
namespace {

using subject::DiskError;
using subject::FileDescriptor;

// Makes the folder with those above it, each name flushed into the one above.
Result<void> MakeFolders(const std::filesystem::path& folder) {
  if (folder.empty() || mkdir(folder.c_str(), 0755) == 0) {
    return folder.empty() ? Result<void>() : FlushDirectory(folder.parent_path());
  }
  if (errno == EEXIST) return {};
  if (errno != ENOENT) return DiskError("make", folder, errno);
  if (Result<void> above = MakeFolders(folder.parent_path()); !above.ok()) return above;
  if (mkdir(folder.c_str(), 0755) != 0 && errno != EEXIST) return DiskError("make", folder, errno);
  return FlushDirectory(folder.parent_path());
}

}  // namespace

bool WriteAll(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t written = write(fd, bytes.data(), bytes.size());
    if (written < 0 && errno != EINTR) return false;
    if (written > 0) bytes.remove_prefix(static_cast<size_t>(written));
  }
  return true;
}

Result<void> FlushDirectory(const std::string& directory) {
  const FileDescriptor fd(open(directory.empty() ? "." : directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!fd.valid() || fsync(fd.get()) != 0) return DiskError("flush", directory, errno);
  return {};
}

Result<void> ReplaceFile(const std::string& path, std::string_view bytes) {
  const std::filesystem::path folder = std::filesystem::path(path).parent_path();
  if (Result<void> made = MakeFolders(folder); !made.ok()) return made;
  const std::string temporary = path + ".new";
  int error = 0;
  {
    const FileDescriptor fd(open(temporary.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600));
    if (!fd.valid()) return DiskError("make", temporary, errno);
    if (!WriteAll(fd.get(), bytes) || fsync(fd.get()) != 0) error = errno;
  }
  if (error == 0 && rename(temporary.c_str(), path.c_str()) != 0) error = errno;
  if (error != 0) {
    unlink(temporary.c_str());
    return DiskError("write", path, error);
  }
  return FlushDirectory(folder);
}

}  // namespace pawl::storage
