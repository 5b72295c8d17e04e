// Names are resolved by openat2(2) with RESOLVE_BENEATH, RESOLVE_NO_SYMLINKS, RESOLVE_NO_MAGICLINKS and
// RESOLVE_NO_XDEV, one component at a time, so neither a link nor a mount that is swapped in during the walk leads
// outside.
#include "subject/tree_reader.h"

#include <dirent.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <memory>

#include "subject/file_descriptor.h"
#include "subject/path.h"

namespace pawl::subject {
namespace {

constexpr mode_t kSpecialBits = S_ISUID | S_ISGID | S_ISVTX;

// What must not differ before and after a read.
bool SameStatus(const struct stat& a, const struct stat& b) {
  return a.st_dev == b.st_dev && a.st_ino == b.st_ino && a.st_mode == b.st_mode && a.st_nlink == b.st_nlink &&
         a.st_size == b.st_size && a.st_mtim.tv_sec == b.st_mtim.tv_sec && a.st_mtim.tv_nsec == b.st_mtim.tv_nsec &&
         a.st_ctim.tv_sec == b.st_ctim.tv_sec && a.st_ctim.tv_nsec == b.st_ctim.tv_nsec;
}

const char* TypeName(mode_t mode) {
  if (S_ISLNK(mode)) return "a symbolic link";
  if (S_ISFIFO(mode)) return "a pipe";
  if (S_ISSOCK(mode)) return "a socket";
  if (S_ISBLK(mode) || S_ISCHR(mode)) return "a device";
  return "of an unknown type";
}

class TreeWalk {
 public:
  TreeWalk(const TreeLimits& limits, const FileSink& sink) : limits_(limits), sink_(sink) {}

  Result<void> Directory(int fd, const std::string& prefix, size_t depth) {
    if (depth > kPathDepthMax) return Refused("path.too-deep", Quoted(prefix) + " is more than 32 directories deep");
    if (++directories_ > limits_.directories_max) return Limit("directories", limits_.directories_max);
    struct stat before;
    if (fstat(fd, &before) != 0) return Failed("fstat", prefix);
    if ((before.st_mode & kSpecialBits) != 0 && depth > 0) return SpecialBits(prefix);
    Result<std::vector<std::string>> names = Names(fd, prefix);
    if (!names.ok()) return names.error();
    for (const std::string& name : *names) {
      if (Result<void> entry = Entry(fd, prefix, name, depth); !entry.ok()) return entry;
    }
    struct stat after;
    if (fstat(fd, &after) != 0) return Failed("fstat", prefix);
    if (!SameStatus(before, after)) return Changed(prefix);
    return {};
  }

  std::vector<FileEntry> TakeFiles() { return std::move(files_); }

 private:
  Result<std::vector<std::string>> Names(int fd, const std::string& prefix) {
    const int own = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);  // closedir() closes it
    if (own < 0) return Failed("open", prefix);
    const std::unique_ptr<DIR, int (*)(DIR*)> stream(fdopendir(own), closedir);
    if (!stream) {
      close(own);
      return Failed("fdopendir", prefix);
    }
    std::vector<std::string> names;
    const uint64_t names_max = limits_.files_max + limits_.directories_max;
    for (errno = 0; const dirent* entry = readdir(stream.get()); errno = 0) {
      const std::string_view name = entry->d_name;
      if (name == "." || name == "..") continue;
      if (names.size() >= names_max) return Limit("files", limits_.files_max);
      if (Result<void> checked = CheckComponent(name); !checked.ok()) {
        Error error = checked.error();
        if (!prefix.empty()) error.message += " (in " + Quoted(prefix) + ")";
        return error;
      }
      names.emplace_back(name);
    }
    if (errno != 0) return Failed("readdir", prefix);
    std::sort(names.begin(), names.end());
    return names;
  }

  Result<void> Entry(int parent, const std::string& prefix, const std::string& name, size_t depth) {
    const std::string path = prefix.empty() ? name : prefix + "/" + name;
    // O_PATH opens anything without side effects; the type is then judged on what was opened.
    const FileDescriptor handle = Open(parent, name, O_PATH | O_NOFOLLOW);
    struct stat status;
    if (!handle.valid() || fstat(handle.get(), &status) != 0) return Failed("open", path);
    if (!S_ISREG(status.st_mode) && !S_ISDIR(status.st_mode)) {
      return Refused("tree.file-type", Quoted(path) + " is " + TypeName(status.st_mode),
                     "a tree has regular files only; replace it by a copy or leave it out");
    }
    const FileDescriptor file = Open(parent, name, O_RDONLY | O_NONBLOCK | (S_ISDIR(status.st_mode) ? O_DIRECTORY : 0));
    struct stat opened;
    if (!file.valid() || fstat(file.get(), &opened) != 0) return Failed("open", path);
    if (!SameStatus(status, opened)) return Changed(path);
    return S_ISDIR(opened.st_mode) ? Directory(file.get(), path, depth + 1) : File(file.get(), path, opened);
  }

  Result<void> File(int fd, const std::string& path, const struct stat& before) {
    if ((before.st_mode & kSpecialBits) != 0) return SpecialBits(path);
    if (before.st_nlink != 1) {
      return Refused("tree.hard-link", Quoted(path) + " has " + std::to_string(before.st_nlink) + " hard links",
                     "replace it by a copy of its own");
    }
    if (Result<void> checked = CheckTreePath(path); !checked.ok()) return checked;
    const auto size = static_cast<uint64_t>(before.st_size);
    if (files_.size() >= limits_.files_max) return Limit("files", limits_.files_max);
    if (size > limits_.file_bytes_max) return Limit(Quoted(path) + ": bytes of one file", limits_.file_bytes_max);
    if (size > limits_.bytes_max - bytes_) return Limit("bytes of all files", limits_.bytes_max);
    bytes_ += size;
    std::string bytes;
    // One byte more than expected, to see that the file has not grown.
    if (Result<void> read = ReadUpTo(fd, size + 1, bytes); !read.ok()) return read;
    struct stat after;
    if (fstat(fd, &after) != 0) return Failed("fstat", path);
    if (bytes.size() != size || !SameStatus(before, after)) return Changed(path);
    Result<crypto::Digest> digest = sink_(path, bytes);
    if (!digest.ok()) return digest.error();
    files_.push_back({path, *digest, size});
    return {};
  }

  static FileDescriptor Open(int parent, const std::string& name, int flags) {
    struct open_how how {};
    how.flags = static_cast<uint64_t>(flags | O_CLOEXEC);
    how.resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS | RESOLVE_NO_XDEV;
    // With O_PATH | O_NOFOLLOW a link is opened as itself, which RESOLVE_NO_SYMLINKS would hide behind ELOOP.
    if ((flags & O_PATH) == 0) how.resolve |= RESOLVE_NO_SYMLINKS;
    return FileDescriptor(static_cast<int>(syscall(SYS_openat2, parent, name.c_str(), &how, sizeof how)));
  }

  static std::string Quoted(const std::string& path) {
    return path.empty() ? "the tree" : "\"" + Printable(path) + "\"";
  }
  static Error Changed(const std::string& path) {
    return Refused("tree.changed", Quoted(path) + " changed while it was read",
                   "stop whoever writes to it, then retry");
  }
  static Error SpecialBits(const std::string& path) {
    return Refused("tree.special-bits", Quoted(path) + " has a set-user-id, set-group-id or sticky bit",
                   "take it away: chmod ug-s,-t");
  }
  static Error Failed(const char* call, const std::string& path) {
    return SystemFailure("tree.unreadable",
                         Quoted(path) + " cannot be read (" + call + ": " + std::strerror(errno) + ")",
                         "check its permissions, and that nothing is mounted in the tree");
  }
  static Error Limit(const std::string& what, uint64_t max) {
    return LimitReached("tree.limit", "the tree exceeds a limit: " + what + ", at most " + std::to_string(max));
  }

  const TreeLimits& limits_;
  const FileSink& sink_;
  std::vector<FileEntry> files_;
  uint64_t directories_ = 0;
  uint64_t bytes_ = 0;
};

}  // namespace

Result<Manifest> ReadTree(const std::string& directory, const TreeLimits& limits, const FileSink& sink) {
  // The way to the tree is the caller's own and may contain links; the tree itself may not be one.
  const FileDescriptor root(open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (!root.valid()) {
    const std::string reason = std::strerror(errno);
    if (errno == ENOENT) return Error{ErrorCode::kNotFound, "tree.missing", "there is no directory " + directory, ""};
    return Malformed("tree.not-a-directory", directory + " cannot be opened as a directory: " + reason);
  }
  TreeWalk walk(limits, sink);
  if (Result<void> walked = walk.Directory(root.get(), "", 0); !walked.ok()) return walked.error();
  return MakeManifest(walk.TakeFiles());
}

}  // namespace pawl::subject
