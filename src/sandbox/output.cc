#include "sandbox/output.h"

#include <dirent.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/vfs.h>

#include <algorithm>
#include <array>
#include <memory>

#include "sandbox/descriptor.h"
#include "sandbox/system_error.h"

namespace pawl::sandbox {
namespace {

struct Entry {
  std::string path;
  bool directory = false;
  std::int64_t size_bytes = 0;
};

// A path without its middle, cut between characters, where it is long: names are the program's choice.
std::string Quoted(const std::string& path) {
  constexpr std::size_t kHead = 120, kTail = 40;
  std::size_t head = path.size(), tail = path.size();
  if (path.size() > kHead + kTail) {
    const auto continues = [&](std::size_t i) { return (static_cast<unsigned char>(path[i]) & 0xC0) == 0x80; };
    for (head = kHead; head > kHead - 3 && continues(head);) --head;
    for (tail = path.size() - kTail; tail < path.size() - kTail + 3 && continues(tail);) ++tail;
  }
  const std::string shown = DisplayableOnOneLine("out/" + path.substr(0, head));
  return "\"" + shown + (head < tail ? "…" + DisplayableOnOneLine(path.substr(tail)) : "") + "\"";
}

Error Bad(const char* rule, const std::string& path, const std::string& why) {
  return Refused(std::string("sandbox.output.") + rule, Quoted(path) + " " + why);
}

// An entry of /out that cannot be opened or looked at. What the errno says of the entry is the program's doing, however
// it did it; what it says of memory, descriptors or disks is the machine's.
Error CannotRead(const std::string& path, const std::string& what, int error_number = errno) {
  switch (error_number) {
    case EACCES:
    case EPERM:
      return Bad("mode", path, "may not be read by its owner");
    case ENAMETOOLONG:
      return Bad("name", path, "is too long a path");
    case ELOOP:
    case ENOENT:
    case ENOTDIR:
    case EISDIR:
    case ENXIO:
    case ENODEV:
    case EXDEV:
    case ETXTBSY:
      return Bad("changed", path, "is not what it was a moment ago: " + ErrorText(error_number));
    default:
      return SystemCallFailed("sandbox.output.read", "cannot " + what + " " + Quoted(path), {}, error_number);
  }
}

// A copy that cannot be made. The destination was empty: a name that is taken or not taken there is the program's.
Error CannotCreate(const std::string& path, int error_number = errno) {
  switch (error_number) {
    case EEXIST:
      return Bad("name", path, "is the same name as another where outputs are kept");
    case ENAMETOOLONG:
    case EILSEQ:
    case EINVAL:
      return Bad("name", path, "has a name that cannot be kept where outputs are kept: " + ErrorText(error_number));
    default:
      return SystemCallFailed("sandbox.output.write", "cannot create a copy of " + Quoted(path), {}, error_number);
  }
}

Error TooMuch(const char* rule, const std::string& message) {
  return LimitReached(std::string("sandbox.output.") + rule, message);
}

// No component may be a link of any kind or lead to another file system or out of `out`; opening never waits (a FIFO).
Descriptor OpenBeneath(int out, const std::string& path, std::uint64_t flags) {
  open_how how{};
  how.flags = flags | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY;
  how.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS | RESOLVE_NO_XDEV;
  return Descriptor(static_cast<int>(syscall(SYS_openat2, out, path.c_str(), &how, sizeof how)));
}

// This changes exactly what is not plain, so a name that it leaves alone is fit for a manifest.
bool IsPlainName(const std::string& name) { return name.size() <= 255 && DisplayableOnOneLine(name) == name; }

const char* KindOf(mode_t mode) {
  switch (mode & S_IFMT) {
    case S_IFLNK:
      return "is a symbolic link";
    case S_IFIFO:
      return "is a FIFO";
    case S_IFSOCK:
      return "is a socket";
    case S_IFCHR:
    case S_IFBLK:
      return "is a device";
    default:
      return "is of an unknown kind";
  }
}

class Walk {
 public:
  Walk(int out, const Limits& limits) : out_(out), limits_(limits) {}

  Result<std::vector<Entry>> All() {
    // The program owns /out too.
    struct stat status;
    if (fstat(out_, &status) != 0) return SystemCallFailed("sandbox.output.read", "cannot look at /out");
    if (!MayBeRead(status)) return Bad("mode", "", "may not be read by its owner");
    if (Result<void> walked = Below("", 0); !walked.ok()) return walked.error();
    std::sort(entries_.begin(), entries_.end(), [](const Entry& a, const Entry& b) { return a.path < b.path; });
    return std::move(entries_);
  }

 private:
  static bool MayBeRead(const struct stat& status) {
    const mode_t needed = S_ISDIR(status.st_mode) ? S_IRUSR | S_IXUSR : S_IRUSR;
    return (status.st_mode & needed) == needed;
  }

  Result<void> Below(const std::string& directory, int depth) {
    if (depth > kOutputDepthMax) {
      return TooMuch("depth", Quoted(directory) + " lies deeper than " + std::to_string(kOutputDepthMax) + " levels");
    }
    Descriptor opened = OpenBeneath(out_, directory.empty() ? "." : directory, O_RDONLY | O_DIRECTORY);
    if (!opened.valid()) return CannotRead(directory, "open");
    const int number = fcntl(opened.get(), F_DUPFD_CLOEXEC, 0);
    const std::unique_ptr<DIR, int (*)(DIR*)> stream(number < 0 ? nullptr : fdopendir(number), closedir);
    if (stream == nullptr) return SystemCallFailed("sandbox.output.read", "cannot list " + Quoted(directory));
    for (;;) {
      errno = 0;
      const dirent* found = readdir(stream.get());
      if (found == nullptr && errno != 0)
        return SystemCallFailed("sandbox.output.read", "cannot list " + Quoted(directory));
      if (found == nullptr) return {};
      const std::string name = found->d_name;
      if (name == "." || name == "..") continue;
      const std::string path = directory.empty() ? name : directory + "/" + name;
      if (Result<void> looked = LookAt(opened.get(), name, path, depth); !looked.ok()) return looked;
    }
  }

  Result<void> LookAt(int directory, const std::string& name, const std::string& path, int depth) {
    if (static_cast<std::int64_t>(entries_.size()) >= limits_.output_files) {
      return TooMuch("count", "more than " + std::to_string(limits_.output_files) + " files and directories in /out");
    }
    if (!IsPlainName(name)) return Bad("name", path, "has a name that is not plain text");
    if (path.size() > kOutputPathBytesMax) {
      return Bad("name", path, "is a path of more than " + std::to_string(kOutputPathBytesMax) + " bytes");
    }
    struct stat status;
    if (fstatat(directory, name.c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0) return CannotRead(path, "look at");
    const bool is_directory = S_ISDIR(status.st_mode);
    if (!is_directory && !S_ISREG(status.st_mode)) return Bad("kind", path, KindOf(status.st_mode));
    if (!is_directory && status.st_nlink != 1) return Bad("kind", path, "has more than one name (hard link)");
    if (!MayBeRead(status)) return Bad("mode", path, "may not be read by its owner");
    entries_.push_back({path, is_directory, is_directory ? 0 : status.st_size});
    if (is_directory) return Below(path, depth + 1);
    // Both are at most 2^44, so the sum cannot overflow.
    if (status.st_size > limits_.output_bytes || (total_bytes_ += status.st_size) > limits_.output_bytes) {
      return TooMuch("size",
                     "more than " + std::to_string(limits_.output_bytes) + " bytes in /out, with " + Quoted(path));
    }
    return {};
  }

  int out_;
  const Limits& limits_;
  std::vector<Entry> entries_;
  std::int64_t total_bytes_ = 0;
};

Result<void> CopyBytes(int from, int to, const Entry& entry) {
  static thread_local std::array<char, 1 << 16> buffer;
  std::int64_t copied = 0;
  for (;;) {
    const ssize_t got = read(from, buffer.data(), buffer.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return SystemCallFailed("sandbox.output.read", "cannot read " + Quoted(entry.path));
    if (got == 0) break;
    copied += got;
    if (copied > entry.size_bytes) return Bad("changed", entry.path, "grew while it was collected");
    for (ssize_t done = 0; done < got;) {
      const ssize_t written = write(to, buffer.data() + done, static_cast<std::size_t>(got - done));
      if (written < 0 && errno == EINTR) continue;
      if (written <= 0) return SystemCallFailed("sandbox.output.write", "cannot write a copy of " + Quoted(entry.path));
      done += written;
    }
  }
  if (copied != entry.size_bytes) return Bad("changed", entry.path, "shrank while it was collected");
  return {};
}

Result<void> CopyFile(int out, int destination, const Entry& entry) {
  const Descriptor from = OpenBeneath(out, entry.path, O_RDONLY);
  struct stat status;
  if (!from.valid() || fstat(from.get(), &status) != 0) return CannotRead(entry.path, "open");
  if (!S_ISREG(status.st_mode) || status.st_nlink != 1) return Bad("changed", entry.path, "changed its kind");
  const Descriptor to(
      openat(destination, entry.path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644));
  if (!to.valid()) return CannotCreate(entry.path);
  return CopyBytes(from.get(), to.get(), entry);
}

}  // namespace

Result<std::vector<OutputFile>> CollectOutput(int out, int destination, const Limits& limits) {
  Result<std::vector<Entry>> entries = Walk(out, limits).All();
  if (!entries.ok()) return entries.error();
  std::vector<OutputFile> files;
  // In order of path, so a directory comes before what is in it.
  for (const Entry& entry : *entries) {
    if (entry.directory) {
      if (mkdirat(destination, entry.path.c_str(), 0755) != 0) return CannotCreate(entry.path);
      continue;
    }
    if (Result<void> copied = CopyFile(out, destination, entry); !copied.ok()) return copied.error();
    files.push_back({entry.path, entry.size_bytes});
  }
  return files;
}

bool IsFull(int out) {
  struct statfs status;
  return fstatfs(out, &status) == 0 && (status.f_bfree == 0 || status.f_ffree == 0);
}

}  // namespace pawl::sandbox
