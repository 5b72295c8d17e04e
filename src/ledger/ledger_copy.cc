#include "ledger/ledger_copy.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <vector>

#include "storage/replace_file.h"
#include "subject/file_descriptor.h"

namespace pawl::ledger {
namespace {

namespace fs = std::filesystem;
using subject::FileDescriptor;

FileMark LookAt(const std::string& path) {
  struct stat status;
  if (stat(path.c_str(), &status) != 0) return {};
  return {.device = status.st_dev,
          .inode = status.st_ino,
          .bytes = status.st_size,
          .changed_s = status.st_mtim.tv_sec,
          .changed_ns = status.st_mtim.tv_nsec};
}

Result<void> CopyFile(const std::string& from, const std::string& to) {
  const FileDescriptor source(open(from.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (!source.valid()) {
    return SystemFailure("ledger.read-only", "cannot read '" + from + "': " + std::strerror(errno),
                         "let this user read the ledger: docs/install.md, Who runs what");
  }
  const FileDescriptor target(open(to.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600));
  bool written = target.valid();
  std::vector<char> buffer(size_t{1} << 16);
  while (written) {
    const ssize_t count = read(source.get(), buffer.data(), buffer.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) {
      return SystemFailure("ledger.input-output", "cannot read '" + from + "': " + std::strerror(errno),
                           "look at the disk, then try again");
    }
    if (count == 0) return {};
    written = storage::WriteAll(target.get(), {buffer.data(), static_cast<size_t>(count)});
  }
  return SystemFailure("ledger.full", "cannot copy the ledger to '" + to + "' to read it: " + std::strerror(errno),
                       "set TMPDIR to a folder with room, on any disk");
}

// Read while nobody writes. Should a change have kept every mark: whoever opens the copy recomputes its root.
Result<void> CopyFiles(const std::string& path, const std::string& folder) {
  constexpr int kAttemptsMax = 20;
  constexpr int kPause_ms = 50;
  const std::string copy = folder + "/" + kCopiedLedger;
  for (int attempt = 0; attempt < kAttemptsMax; ++attempt) {
    const LedgerFiles before = LookAtLedger(path);
    if (Result<void> copied = CopyFile(path, copy); !copied.ok()) return copied;
    unlink((copy + "-wal").c_str());
    if (before.log.bytes > 0) {
      if (Result<void> copied = CopyFile(path + "-wal", copy + "-wal"); !copied.ok()) return copied;
    }
    if (LookAtLedger(path) == before) return {};
    usleep(kPause_ms * 1'000);
  }
  return SystemFailure("ledger.busy", "another process writes to the ledger without end", "try again");
}

}  // namespace

LedgerFiles LookAtLedger(const std::string& path) { return {.database = LookAt(path), .log = LookAt(path + "-wal")}; }

Result<std::string> CopyLedger(const std::string& path) {
  std::error_code failure;
  const fs::path temporary = fs::temp_directory_path(failure);
  Result<void> copied;
  for (const fs::path& base : {fs::path("/dev/shm"), failure ? fs::path("/tmp") : temporary}) {
    std::string folder = (base / "pawl-ledger-XXXXXX").string();
    if (mkdtemp(folder.data()) == nullptr) {
      copied = SystemFailure("ledger.full", "cannot make a folder in '" + base.string() + "': " + std::strerror(errno),
                             "set TMPDIR to a folder with room, on any disk");
      continue;
    }
    copied = CopyFiles(path, folder);
    if (copied.ok()) return folder;
    fs::remove_all(folder, failure);
    if (copied.error().rule != "ledger.full") break;
  }
  return copied.error();
}

}  // namespace pawl::ledger
