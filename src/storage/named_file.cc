#include "storage/named_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>

#include "subject/file_descriptor.h"

namespace pawl::storage {
namespace {

Result<void> SyncFolder(const std::filesystem::path& folder) {
  const int fd = open(folder.empty() ? "." : folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  const bool synced = fd >= 0 && fsync(fd) == 0;
  const int failure = errno;
  if (fd >= 0) close(fd);
  if (synced) return {};
  return SystemFailure("file.write", "cannot flush '" + folder.string() + "': " + std::strerror(failure),
                       "check disk space and permissions");
}

// Creates or empties the file, writes it and waits until the bytes are on disk.
bool WriteThrough(const std::string& path, std::string_view bytes) {
  const int fd = open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0666);
  if (fd < 0) return false;
  bool written = true;
  while (written && !bytes.empty()) {
    const ssize_t count = write(fd, bytes.data(), bytes.size());
    if (count < 0 && errno == EINTR) continue;
    written = count > 0;
    if (written) bytes.remove_prefix(static_cast<size_t>(count));
  }
  written = written && fsync(fd) == 0;
  return close(fd) == 0 && written;
}

}  // namespace

Result<std::string> ReadNamedFile(const std::string& path, size_t bytes_max) {
  // What a shell has opened has somebody at its other end; any other pipe or device may never say anything, or never
  // stop.
  const bool is_open = path == "-" || path == "/dev/stdin" || path.starts_with("/dev/fd/");
  if (!is_open) return subject::ReadRegularFile(path, bytes_max, "file", subject::Links::kFollow);
  const subject::FileDescriptor file(path == "-" ? fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 0)
                                                 : open(path.c_str(), O_RDONLY | O_CLOEXEC));
  std::string bytes;
  if (!file.valid() || !subject::ReadUpTo(file.get(), bytes_max + 1, bytes).ok()) {
    return Error{ErrorCode::kNotFound, "file.missing", "cannot read '" + path + "': " + std::strerror(errno), ""};
  }
  if (bytes.size() > bytes_max) {
    return LimitReached("file.too-large", "'" + path + "' has more than " + std::to_string(bytes_max) + " bytes");
  }
  return bytes;
}

Result<void> WriteNamedFile(const std::string& path, std::string_view bytes) {
  return WriteNamedFileBy(path + ".new", path, bytes);
}

Result<void> WriteNamedFileBy(const std::string& temporary, const std::string& path, std::string_view bytes) {
  if (!WriteThrough(temporary, bytes) || std::rename(temporary.c_str(), path.c_str()) != 0) {
    const int failure = errno;
    std::remove(temporary.c_str());
    return SystemFailure("file.write", "cannot write '" + path + "': " + std::strerror(failure),
                         "check disk space and permissions");
  }
  const std::filesystem::path from = std::filesystem::path(temporary).parent_path();
  const std::filesystem::path to = std::filesystem::path(path).parent_path();
  if (Result<void> synced = SyncFolder(to); !synced.ok() || from == to) return synced;
  return SyncFolder(from);
}

}  // namespace pawl::storage
