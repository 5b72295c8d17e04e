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

}  // namespace pawl::subject
