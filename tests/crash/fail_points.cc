// Makes a program die, or its disk fail, at one chosen call that changes files. Preloaded into the programs that people
// run, so that what is tested is what is used: no fail point is compiled into them, and a call that somebody adds is a
// fail point without anybody naming it.
//
//   PAWL_FAIL_ROOT=DIR                     only calls on files below DIR are points
//   PAWL_FAIL_TRACE=FILE                   appends the name of each point that is passed, one a line
//   PAWL_FAIL_AT=N  PAWL_FAIL_MODE=MODE    what happens at point number N, counted from 0
//
// MODE: kill-before and kill-after end the process with SIGKILL; kill-torn does so when half of a write is done;
// ENOSPC, EIO and EROFS fail that call and every later one that would ask the disk for the same.
//
// A point's name is its call and its file below DIR, with digests as '#' and numbers as '0': "rename store/blobs/#/#".
// Shared memory (SQLite's -shm file) is not on the disk's side of a crash and is no point.
//
// Thread safety: the counter is atomic; one point is chosen by one thread.
#include <dlfcn.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cctype>
#include <cerrno>
#include <climits>
#include <cstdarg>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <string_view>

namespace {

enum class Mode { kTrace, kKillBefore, kKillAfter, kKillTorn, kError };
enum class Kind { kWrite, kFlush, kName };  // what a full disk, a broken one and one for reading alone refuse

struct Plan {
  std::string root;
  int trace = -1;
  long at = -1;
  Mode mode = Mode::kTrace;
  int error = 0;
};

std::atomic<long> next_point{0};
std::atomic<bool> failing{false};

template <typename Function>
Function Real(const char* name) {
  return reinterpret_cast<Function>(dlsym(RTLD_NEXT, name));
}

std::string Environment(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

// Read once; children are started without it, so that only the program under test has points.
const Plan& ThePlan() {
  static const Plan kPlan = [] {
    Plan plan;
    plan.root = Environment("PAWL_FAIL_ROOT");
    const std::string trace = Environment("PAWL_FAIL_TRACE"), at = Environment("PAWL_FAIL_AT"),
                      mode = Environment("PAWL_FAIL_MODE");
    if (!trace.empty()) {
      plan.trace = Real<int (*)(const char*, int, ...)>("open64")(trace.c_str(),
                                                                  O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    }
    if (!at.empty()) plan.at = std::atol(at.c_str());
    if (mode == "kill-before") plan.mode = Mode::kKillBefore;
    if (mode == "kill-after") plan.mode = Mode::kKillAfter;
    if (mode == "kill-torn") plan.mode = Mode::kKillTorn;
    for (const auto& [name, number] : {std::pair("ENOSPC", ENOSPC), std::pair("EIO", EIO), std::pair("EROFS", EROFS)}) {
      if (mode != name) continue;
      plan.mode = Mode::kError;
      plan.error = number;
    }
    unsetenv("LD_PRELOAD");
    return plan;
  }();
  return kPlan;
}

__attribute__((constructor)) void ReadPlan() { ThePlan(); }

std::string PathOf(int descriptor) {
  char link[64], path[PATH_MAX];
  std::snprintf(link, sizeof link, "/proc/self/fd/%d", descriptor);
  const ssize_t size = readlink(link, path, sizeof path);
  return size > 0 ? std::string(path, static_cast<size_t>(size)) : std::string();
}

bool EndsWith(std::string_view text, std::string_view end) {
  return text.size() >= end.size() && text.substr(text.size() - end.size()) == end;
}

// "store/blobs/#/#" of a path below the root, or nothing.
std::string PlaceOf(const std::string& path) {
  const Plan& plan = ThePlan();
  if (plan.root.empty() || path.rfind(plan.root, 0) != 0 || EndsWith(path, "-shm")) return {};
  std::string place;
  for (size_t begin = plan.root.size(); begin < path.size();) {
    const size_t slash = std::min(path.find('/', begin), path.size());
    const std::string_view part(path.data() + begin, slash - begin);
    begin = slash + 1;
    if (part.empty()) continue;
    if (!place.empty()) place += '/';
    const auto hex = std::count_if(part.begin(), part.end(), [](unsigned char c) { return std::isxdigit(c) != 0; });
    if (static_cast<size_t>(hex) == part.size() || (part.size() > 20 && static_cast<size_t>(hex) + 3 > part.size())) {
      place += '#';
      continue;
    }
    for (const char c : part) {
      if (std::isdigit(static_cast<unsigned char>(c)) == 0) {
        place += c;
      } else if (place.empty() || place.back() != '0') {
        place += '0';
      }
    }
  }
  return place.empty() ? "." : place;
}

void Die() {
  kill(getpid(), SIGKILL);
  for (;;) pause();
}

// One passage of one point.
class Point {
 public:
  Point(Kind kind, const char* call, const std::string& path) {
    const std::string place = PlaceOf(path);
    if (place.empty()) return;
    const Plan& plan = ThePlan();
    const long number = next_point++;
    if (plan.trace >= 0) {
      const std::string line = std::string(call) + " " + place + "\n";
      static const auto kWrite = Real<ssize_t (*)(int, const void*, size_t)>("write");
      if (kWrite(plan.trace, line.data(), line.size()) < 0) Die();
    }
    chosen_ = number == plan.at;
    if (chosen_ && plan.mode == Mode::kKillBefore) Die();
    if (chosen_ && plan.mode == Mode::kError) failing = true;
    // A full disk still flushes and renames; a broken one does nothing more.
    if (failing && !(plan.error == ENOSPC && kind != Kind::kWrite)) error_ = plan.error;
    // It is the chosen call that fails, whatever it asks for.
    if (chosen_ && plan.mode == Mode::kError) error_ = plan.error;
    torn_ = chosen_ && plan.mode == Mode::kKillTorn;
    after_ = chosen_ && (plan.mode == Mode::kKillAfter || torn_);
  }
  // Not after a failure that the disk itself brought about: nothing happened then.
  ~Point() {
    if (after_) Die();
  }
  Point(const Point&) = delete;
  Point& operator=(const Point&) = delete;

  bool Fails() const {
    if (error_ != 0) errno = error_;
    return error_ != 0;
  }
  size_t Portion(size_t size) const { return torn_ ? size / 2 : size; }

 private:
  bool chosen_ = false, torn_ = false, after_ = false;
  int error_ = 0;
};

std::string Absolute(int directory, const char* path) {
  if (path[0] == '/') return path;
  char here[PATH_MAX];
  const std::string base = directory == AT_FDCWD ? (getcwd(here, sizeof here) != nullptr ? here : "") : PathOf(directory);
  return base + "/" + path;
}

int Open(int directory, const char* path, int flags, mode_t mode) {
  static const auto kOpen = Real<int (*)(int, const char*, int, ...)>("openat64");
  if ((flags & O_ACCMODE) == O_RDONLY && (flags & O_CREAT) == 0) return kOpen(directory, path, flags, mode);
  struct stat status;
  const bool there = fstatat(directory, path, &status, AT_SYMLINK_NOFOLLOW) == 0;
  const bool changes = ((flags & O_CREAT) != 0 && !there) || ((flags & O_TRUNC) != 0 && there);
  if (!changes) return kOpen(directory, path, flags, mode);
  const Point point(Kind::kName, there ? "empty" : "create", Absolute(directory, path));
  return point.Fails() ? -1 : kOpen(directory, path, flags, mode);
}

mode_t ModeOf(int flags, va_list arguments) {
  return (flags & (O_CREAT | O_TMPFILE)) != 0 ? va_arg(arguments, mode_t) : 0;
}

}  // namespace

extern "C" {

int open(const char* path, int flags, ...) {
  va_list arguments;
  va_start(arguments, flags);
  const mode_t mode = ModeOf(flags, arguments);
  va_end(arguments);
  return Open(AT_FDCWD, path, flags, mode);
}

int open64(const char* path, int flags, ...) {
  va_list arguments;
  va_start(arguments, flags);
  const mode_t mode = ModeOf(flags, arguments);
  va_end(arguments);
  return Open(AT_FDCWD, path, flags, mode);
}

int openat(int directory, const char* path, int flags, ...) {
  va_list arguments;
  va_start(arguments, flags);
  const mode_t mode = ModeOf(flags, arguments);
  va_end(arguments);
  return Open(directory, path, flags, mode);
}

int openat64(int directory, const char* path, int flags, ...) {
  va_list arguments;
  va_start(arguments, flags);
  const mode_t mode = ModeOf(flags, arguments);
  va_end(arguments);
  return Open(directory, path, flags, mode);
}

int __open_2(const char* path, int flags) { return Open(AT_FDCWD, path, flags, 0); }
int __open64_2(const char* path, int flags) { return Open(AT_FDCWD, path, flags, 0); }

FILE* fopen64(const char* path, const char* mode) {
  static const auto kOpen = Real<FILE* (*)(const char*, const char*)>("fopen64");
  if (mode[0] == 'r') return kOpen(path, mode);
  const Point point(Kind::kName, "create", Absolute(AT_FDCWD, path));
  return point.Fails() ? nullptr : kOpen(path, mode);
}
FILE* fopen(const char* path, const char* mode) { return fopen64(path, mode); }

ssize_t write(int descriptor, const void* bytes, size_t size) {
  static const auto kWrite = Real<ssize_t (*)(int, const void*, size_t)>("write");
  const Point point(Kind::kWrite, "write", PathOf(descriptor));
  return point.Fails() ? -1 : kWrite(descriptor, bytes, point.Portion(size));
}

ssize_t writev(int descriptor, const iovec* parts, int count) {
  static const auto kWrite = Real<ssize_t (*)(int, const iovec*, int)>("writev");
  const Point point(Kind::kWrite, "write", PathOf(descriptor));
  return point.Fails() ? -1 : kWrite(descriptor, parts, static_cast<int>(point.Portion(static_cast<size_t>(count))));
}

ssize_t pwrite64(int descriptor, const void* bytes, size_t size, off64_t offset) {
  static const auto kWrite = Real<ssize_t (*)(int, const void*, size_t, off64_t)>("pwrite64");
  const Point point(Kind::kWrite, "write", PathOf(descriptor));
  return point.Fails() ? -1 : kWrite(descriptor, bytes, point.Portion(size), offset);
}
ssize_t pwrite(int descriptor, const void* bytes, size_t size, off_t offset) {
  return pwrite64(descriptor, bytes, size, offset);
}

int fsync(int descriptor) {
  static const auto kFlush = Real<int (*)(int)>("fsync");
  const Point point(Kind::kFlush, "flush", PathOf(descriptor));
  return point.Fails() ? -1 : kFlush(descriptor);
}

int fdatasync(int descriptor) {
  static const auto kFlush = Real<int (*)(int)>("fdatasync");
  const Point point(Kind::kFlush, "flush", PathOf(descriptor));
  return point.Fails() ? -1 : kFlush(descriptor);
}

int syncfs(int descriptor) {
  static const auto kFlush = Real<int (*)(int)>("syncfs");
  const Point point(Kind::kFlush, "flush-all", PathOf(descriptor));
  return point.Fails() ? -1 : kFlush(descriptor);
}

int ftruncate64(int descriptor, off64_t size) {
  static const auto kTruncate = Real<int (*)(int, off64_t)>("ftruncate64");
  const Point point(Kind::kName, "truncate", PathOf(descriptor));
  return point.Fails() ? -1 : kTruncate(descriptor, size);
}
int ftruncate(int descriptor, off_t size) { return ftruncate64(descriptor, size); }

int rename(const char* from, const char* to) {
  static const auto kRename = Real<int (*)(const char*, const char*)>("rename");
  const Point point(Kind::kName, "rename", Absolute(AT_FDCWD, to));
  return point.Fails() ? -1 : kRename(from, to);
}

int link(const char* from, const char* to) {
  static const auto kLink = Real<int (*)(const char*, const char*)>("link");
  const Point point(Kind::kName, "link", Absolute(AT_FDCWD, to));
  return point.Fails() ? -1 : kLink(from, to);
}

int unlink(const char* path) {
  static const auto kUnlink = Real<int (*)(const char*)>("unlink");
  const Point point(Kind::kName, "unlink", Absolute(AT_FDCWD, path));
  return point.Fails() ? -1 : kUnlink(path);
}

int remove(const char* path) {
  static const auto kRemove = Real<int (*)(const char*)>("remove");
  const Point point(Kind::kName, "unlink", Absolute(AT_FDCWD, path));
  return point.Fails() ? -1 : kRemove(path);
}

int mkdir(const char* path, mode_t mode) {
  static const auto kMake = Real<int (*)(const char*, mode_t)>("mkdir");
  struct stat status;
  if (stat(path, &status) == 0) return kMake(path, mode);  // changes nothing
  const Point point(Kind::kName, "mkdir", Absolute(AT_FDCWD, path));
  return point.Fails() ? -1 : kMake(path, mode);
}

int chmod(const char* path, mode_t mode) {
  static const auto kChange = Real<int (*)(const char*, mode_t)>("chmod");
  const Point point(Kind::kName, "chmod", Absolute(AT_FDCWD, path));
  return point.Fails() ? -1 : kChange(path, mode);
}

}  // extern "C"
