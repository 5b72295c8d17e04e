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
constexpr char kMark[] = "-unfinished-";  // that people do not give a folder of theirs: what is left over is removed
constexpr size_t kRandomLetters = 6;      // of mkdtemp
constexpr time_t kYoung_s = 60;

FileDescriptor OpenFolder(const std::string& folder) {
  return FileDescriptor(open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
}

bool Lock(const FileDescriptor& folder) { return folder.valid() && flock(folder.get(), LOCK_EX | LOCK_NB) == 0; }

// Valid where the folder is nobody's; then it is ours as long as the descriptor lives. A young one is not locked even
// for a moment: its owner is about to.
FileDescriptor LockLeft(const std::string& folder) {
  FileDescriptor file = OpenFolder(folder);
  struct stat status {};
  const bool left = file.valid() && fstat(file.get(), &status) == 0 && status.st_uid == geteuid() &&
                    status.st_mtime + kYoung_s < std::time(nullptr) && Lock(file);
  return left ? std::move(file) : FileDescriptor();
}

// Programs in a sandbox may have left folders that nobody may enter or write to.
bool Remove(const std::string& folder) {
  std::error_code failure;
  fs::remove_all(folder, failure);
  if (!failure) return true;
  for (fs::recursive_directory_iterator at(folder, failure), end; !failure && at != end; at.increment(failure)) {
    if (fs::is_directory(at->symlink_status(failure))) {
      fs::permissions(at->path(), fs::perms::owner_all, fs::perm_options::add, failure);
    }
  }
  fs::remove_all(folder, failure);
  return !failure;
}

enum class Match { kWhole, kBeginning };

// Folders whose path is the prefix, or begins so, then the mark, and nothing after it but random letters.
std::vector<std::string> FoldersWith(const std::string& prefix, Match match) {
  const fs::path wanted(prefix), parent = wanted.parent_path().empty() ? "." : wanted.parent_path();
  const std::string begin = wanted.filename().string();
  std::vector<std::string> found;
  std::error_code failure;
  for (fs::directory_iterator at(parent, failure), end; !failure && at != end; at.increment(failure)) {
    const std::string name = at->path().filename().string();
    const size_t mark = name.rfind(kMark);
    if (mark == name.npos || name.size() != mark + std::strlen(kMark) + kRandomLetters) continue;
    const std::string owner = name.substr(0, mark);
    if (match == Match::kWhole ? owner == begin : owner.starts_with(begin)) found.push_back(at->path().string());
  }
  std::sort(found.begin(), found.end());
  return found;
}

std::vector<std::string> LeftAmong(const std::vector<std::string>& folders) {
  std::vector<std::string> left;
  for (const std::string& folder : folders) {
    if (LockLeft(folder).valid()) left.push_back(folder);
  }
  return left;
}

}  // namespace

Result<std::string> TemporaryPrefix(const std::string& name) {
  std::error_code failure;
  const fs::path base = fs::temp_directory_path(failure);
  if (!failure) return (base / name).string();
  return SystemFailure("temporary.folder", "there is no folder for temporary files: " + failure.message(), kAdvice);
}

Result<HeldFolder> HeldFolder::Make(const std::string& prefix) {
  std::string folder = prefix + kMark + "XXXXXX";
  if (mkdtemp(folder.data()) != nullptr) {
    if (FileDescriptor lock = OpenFolder(folder); Lock(lock)) return HeldFolder(folder, std::move(lock));
  }
  return SystemFailure("temporary.folder", "cannot make '" + folder + "': " + std::strerror(errno), kAdvice);
}

Result<HeldFolder> HeldFolder::MakeTemporary(const std::string& name) {
  const Result<std::string> prefix = TemporaryPrefix(name);
  if (!prefix.ok()) return prefix.error();
  RemoveLeftFolders(*prefix);
  return Make(*prefix);
}

HeldFolder::~HeldFolder() {
  if (!path_.empty()) Remove(path_);
}

std::vector<std::string> FindLeftFolders(const std::string& prefix) {
  return LeftAmong(FoldersWith(prefix, Match::kWhole));
}

std::vector<std::string> FindLeftTemporaryFolders() {
  const Result<std::string> prefix = TemporaryPrefix("pawl-");
  return prefix.ok() ? LeftAmong(FoldersWith(*prefix, Match::kBeginning)) : std::vector<std::string>();
}

std::vector<std::string> RemoveLeftFolders(const std::string& prefix) {
  std::vector<std::string> removed;
  for (const std::string& folder : FoldersWith(prefix, Match::kWhole)) {
    const FileDescriptor lock = LockLeft(folder);
    if (lock.valid() && Remove(folder)) removed.push_back(folder);
  }
  return removed;
}

}  // namespace pawl::storage
