// An open file that closes itself, and reading it whole.
//
// Thread safety: each belongs to one thread.
#pragma once

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <string>
#include <utility>

#include "result/result.h"

namespace pawl::subject {

class FileDescriptor {
 public:
  explicit FileDescriptor(int fd = -1) : fd_(fd) {}
  FileDescriptor(FileDescriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  FileDescriptor& operator=(FileDescriptor&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  ~FileDescriptor() {
    if (fd_ >= 0) close(fd_);
  }
  bool valid() const { return fd_ >= 0; }
  int get() const { return fd_; }

 private:
  int fd_;
};

// Reads until the end of the file or until `count` bytes were read, whichever comes first. The buffer grows with what
// is there, so a wrong size costs nothing.
inline Result<void> ReadUpTo(int fd, uint64_t count, std::string& bytes) {
  constexpr uint64_t kChunk = uint64_t{1} << 20;
  bytes.clear();
  while (bytes.size() < count) {
    const size_t have = bytes.size();
    bytes.resize(have + static_cast<size_t>(std::min(kChunk, count - have)));
    const ssize_t got = read(fd, bytes.data() + have, bytes.size() - have);
    bytes.resize(have + (got > 0 ? static_cast<size_t>(got) : 0));
    if (got == 0) break;
    if (got < 0 && errno != EINTR)
      return SystemFailure("file.read", std::string("cannot read: ") + std::strerror(errno));
  }
  return {};
}

// A whole regular file of at most `bytes_max` bytes, opened and read once. `area` begins the rules: "<area>.missing",
// "<area>.input-output", "<area>.not-a-file", "<area>.too-large".
enum class Links { kFollow, kRefuse };  // where the path's last component is a symbolic link
inline Result<std::string> ReadRegularFile(const std::string& path, uint64_t bytes_max, const std::string& area,
                                           Links links) {
  const auto failed = [&](const char* what) {
    if (errno == ENXIO) return Malformed(area + ".not-a-file", "'" + path + "' is a socket");
    const ErrorCode code = errno == ENOENT ? ErrorCode::kNotFound : ErrorCode::kSystem;
    return Error{code, area + (errno == ENOENT ? ".missing" : ".input-output"),
                 std::string("cannot ") + what + " '" + path + "': " + std::strerror(errno), ""};
  };
  const FileDescriptor file(
      open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | (links == Links::kRefuse ? O_NOFOLLOW : 0)));
  struct stat status {};
  if (!file.valid() || fstat(file.get(), &status) != 0) return failed("open");
  if (!S_ISREG(status.st_mode)) return Malformed(area + ".not-a-file", "'" + path + "' is not a regular file");
  const auto size = static_cast<uint64_t>(status.st_size);
  if (size > bytes_max) {
    return LimitReached(area + ".too-large", "'" + path + "' has more than " + std::to_string(bytes_max) + " bytes");
  }
  std::string bytes;
  // One byte more than it had, to see that it has not grown.
  if (Result<void> read = ReadUpTo(file.get(), size + 1, bytes); !read.ok()) return failed("read");
  if (bytes.size() > size) return LimitReached(area + ".too-large", "'" + path + "' grew while it was read");
  return bytes;
}

}  // namespace pawl::subject
