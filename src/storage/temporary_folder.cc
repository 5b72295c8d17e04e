#include "storage/temporary_folder.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <ctime>
#include <filesystem>

namespace pawl::storage {
namespace {

namespace fs = std::filesystem;
using subject::FileDescriptor;

constexpr char kAdvice[] = "set TMPDIR to a folder with room that this user can write to";
constexpr size_t kRandomLetters = 6;  // of mkdtemp
constexpr time_t kYoung_s = 60;

FileDescriptor Lock(const std::string& folder) {
  FileDescriptor file(open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (file.valid() && flock(file.get(), LOCK_EX | LOCK_NB) == 0) return file;
  return FileDescriptor();
}

// Valid where the folder is nobody's; then it is ours as long as the descriptor lives.
FileDescriptor LockLeft(const std::string& folder) {
  FileDescriptor lock = Lock(folder);
  struct stat status {};
  const bool left = lock.valid() && fstat(lock.get(), &status) == 0 && status.st_uid == geteuid() &&
                    status.st_mtime + kYoung_s < std::time(nullptr);
  return left ? std::move(lock) : FileDescriptor();
}

std::vector<std::string> FoldersWith(const std::string& prefix) {
  const fs::path begin(prefix);
  const std::string name = begin.filename().string() + "-";
  std::vector<std::string> found;
  std::error_code failure;
  const fs::path parent = begin.parent_path().empty() ? "." : begin.parent_path();
  for (fs::directory_iterator at(parent, failure), end; !failure && at != end; at.increment(failure)) {
    const std::string entry = at->path().filename().string();
    if (entry.size() == name.size() + kRandomLetters && entry.starts_with(name)) found.push_back(at->path().string());
  }
  std::sort(found.begin(), found.end());
  return found;
}

}  // namespace

Result<std::string> TemporaryPrefix(const std::string& name) {
  std::error_code failure;
  const fs::path base = fs::temp_directory_path(failure);
  if (!failure) return (base / name).string();
  return SystemFailure("temporary.folder", "there is no folder for temporary files: " + failure.message(), kAdvice);
}

Result<std::string> MakeTemporaryFolder(const std::string& name) {
  const Result<std::string> prefix = TemporaryPrefix(name);
  if (!prefix.ok()) return prefix;
  std::string folder = *prefix + "-XXXXXX";
  if (mkdtemp(folder.data()) != nullptr) return folder;
  return SystemFailure("temporary.folder", "cannot make '" + folder + "': " + std::strerror(errno), kAdvice);
}

Result<HeldFolder> HeldFolder::Make(const std::string& prefix) {
  std::string folder = prefix + "-XXXXXX";
  if (mkdtemp(folder.data()) != nullptr) {
    if (FileDescriptor lock = Lock(folder); lock.valid()) return HeldFolder(folder, std::move(lock));
  }
  return SystemFailure("temporary.folder", "cannot make '" + folder + "': " + std::strerror(errno), kAdvice);
}

HeldFolder::~HeldFolder() {
  std::error_code ignored;
  if (!path_.empty()) fs::remove_all(path_, ignored);
}

std::vector<std::string> FindLeftFolders(const std::string& prefix) {
  std::vector<std::string> left;
  for (const std::string& folder : FoldersWith(prefix)) {
    if (LockLeft(folder).valid()) left.push_back(folder);
  }
  return left;
}

std::vector<std::string> RemoveLeftFolders(const std::string& prefix) {
  std::vector<std::string> removed;
  for (const std::string& folder : FoldersWith(prefix)) {
    const FileDescriptor lock = LockLeft(folder);
    std::error_code failure;
    if (!lock.valid()) continue;
    fs::remove_all(folder, failure);
    if (!failure) removed.push_back(folder);
  }
  return removed;
}

}  // namespace pawl::storage
