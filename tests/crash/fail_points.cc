// Makes a program die, or its disk fail, at one chosen call that changes files. Preloaded into the programs that people
// run, so that what is tested is what is used: no fail point is compiled into them, and a call that somebody adds is a
// fail point without anybody naming it.
//
//   PAWL_FAIL_ROOT=DIR                     only calls on files below DIR are points
//   PAWL_FAIL_TRACE=FILE                   appends the name of each point that is passed, one a line
//   PAWL_FAIL_AT=N  PAWL_FAIL_MODE=MODE    what happens at point number N, counted from 0
//
// MODE: kill-before and kill-after end the process with SIGKILL; kill-torn does so when half of a write is done;
// ENOSPC, EIO and EROFS fail that call and every later one that would ask the disk for the same. power-cut ends the
// process after it has taken back everything that this process had not flushed: bytes that no fsync of their file, and
// names that no fsync of their directory has followed, last first. power-cut-bytes takes back the bytes alone, as a
// file system may that writes its journal first. The end of the program is a point too: what it has answered by then is
// promised.
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
#include <filesystem>
#include <fstream>
#include <map>
#include <mutex>
#include <sstream>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace {

namespace fs = std::filesystem;

enum class Mode { kTrace, kKillBefore, kKillAfter, kKillTorn, kPowerCut, kPowerCutBytes, kError };
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
    if (mode == "power-cut") plan.mode = Mode::kPowerCut;
    if (mode == "power-cut-bytes") plan.mode = Mode::kPowerCutBytes;
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

// ---- what the disk would not have after a power cut

enum class NameChange { kMade, kMadeFolder, kMoved, kRemoved };

struct Name {
  NameChange change;
  std::string path;    // for kMoved the new one
  std::string from;    // kMoved
  bool had = false;    // kMoved: there was a file at `path`
  std::string before;  // kRemoved, kMoved over a file: its flushed bytes
};

struct Unflushed {
  std::string path;
  std::string before;  // flushed bytes
};

std::mutex mutex;
std::map<std::pair<dev_t, ino_t>, Unflushed> unflushed;
std::vector<Name> names;
thread_local bool inside = false;  // our own calls are no points

bool PlaysPowerCut() {
  const Mode mode = ThePlan().mode;
  return mode == Mode::kPowerCut || mode == Mode::kPowerCutBytes;
}

std::string BytesAt(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

void PutBytes(const std::string& path, const std::string& bytes) {
  std::error_code ignored;
  fs::permissions(path, fs::perms::owner_write, fs::perm_options::add, ignored);
  std::ofstream(path, std::ios::binary | std::ios::trunc) << bytes;
}

std::string FlushedBytes(const std::string& path) {
  struct stat status;
  if (stat(path.c_str(), &status) != 0 || !S_ISREG(status.st_mode)) return {};
  const auto found = unflushed.find({status.st_dev, status.st_ino});
  return found == unflushed.end() ? BytesAt(path) : found->second.before;
}

// Before the bytes of a file change; `made` where the file did not exist.
void RememberBytes(const std::string& path, bool made) {
  struct stat status;
  if (!PlaysPowerCut() || stat(path.c_str(), &status) != 0 || !S_ISREG(status.st_mode)) return;
  const std::lock_guard lock(mutex);
  inside = true;
  const std::pair key(status.st_dev, status.st_ino);
  if (made || !unflushed.contains(key)) unflushed[key] = {path, made ? "" : BytesAt(path)};
  inside = false;
}

void RememberName(Name name) {
  if (!PlaysPowerCut()) return;
  const std::lock_guard lock(mutex);
  names.push_back(std::move(name));
}

// A rename takes what is unflushed along, and what it replaces may come back.
void RememberMove(const std::string& from, const std::string& to) {
  struct stat status;
  if (!PlaysPowerCut()) return;
  const std::lock_guard lock(mutex);
  inside = true;
  const bool had = stat(to.c_str(), &status) == 0 && S_ISREG(status.st_mode);
  names.push_back({NameChange::kMoved, to, from, had, had ? FlushedBytes(to) : ""});
  if (had) unflushed.erase({status.st_dev, status.st_ino});
  for (auto& [key, file] : unflushed) {
    if (file.path == from) file.path = to;
    if (file.path.rfind(from + "/", 0) == 0) file.path = to + file.path.substr(from.size());
  }
  inside = false;
}

void RememberRemoval(const std::string& path) {
  struct stat status;
  if (!PlaysPowerCut() || stat(path.c_str(), &status) != 0) return;
  const std::lock_guard lock(mutex);
  inside = true;
  names.push_back({NameChange::kRemoved, path, "", false, FlushedBytes(path)});
  unflushed.erase({status.st_dev, status.st_ino});
  inside = false;
}

void Flushed(int descriptor) {
  struct stat status;
  if (!PlaysPowerCut() || fstat(descriptor, &status) != 0) return;
  const std::lock_guard lock(mutex);
  unflushed.erase({status.st_dev, status.st_ino});
  if (!S_ISDIR(status.st_mode)) return;
  const std::string folder = PathOf(descriptor);
  std::erase_if(names, [&](const Name& name) { return fs::path(name.path).parent_path() == folder; });
}

void CutPower() {
  inside = true;
  for (const auto& [key, file] : unflushed) PutBytes(file.path, file.before);
  std::error_code ignored;
  if (ThePlan().mode == Mode::kPowerCut) {
    for (auto name = names.rbegin(); name != names.rend(); ++name) {
      switch (name->change) {
        case NameChange::kMade:
        case NameChange::kMadeFolder:
          fs::remove_all(name->path, ignored);
          break;
        case NameChange::kMoved:
          fs::rename(name->path, name->from, ignored);
          if (name->had) PutBytes(name->path, name->before);
          break;
        case NameChange::kRemoved:
          PutBytes(name->path, name->before);
          break;
      }
    }
  }
}

void Die() {
  kill(getpid(), SIGKILL);
  for (;;) pause();
}

// One passage of one point.
class Point {
 public:
  Point(Kind kind, const char* call, const std::string& path) {
    const std::string place = inside ? std::string() : PlaceOf(path);
    if (place.empty()) return;
    mine_ = true;
    const Plan& plan = ThePlan();
    const long number = next_point++;
    if (plan.trace >= 0) {
      const std::string line = std::string(call) + " " + place + "\n";
      static const auto kWrite = Real<ssize_t (*)(int, const void*, size_t)>("write");
      if (kWrite(plan.trace, line.data(), line.size()) < 0) Die();
    }
    chosen_ = number == plan.at;
    if (chosen_ && plan.mode == Mode::kKillBefore) Die();
    if (chosen_ && PlaysPowerCut()) {
      CutPower();
      Die();
    }
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
  // Whether the call is one whose effect is to be remembered.
  bool mine() const { return mine_; }
  size_t Portion(size_t size) const { return torn_ ? size / 2 : size; }

 private:
  bool mine_ = false, chosen_ = false, torn_ = false, after_ = false;
  int error_ = 0;
};

std::string Absolute(int directory, const char* path) {
  if (path[0] == '/') return path;
  char here[PATH_MAX];
  const std::string base =
      directory == AT_FDCWD ? (getcwd(here, sizeof here) != nullptr ? here : "") : PathOf(directory);
  return base + "/" + path;
}

int Open(int directory, const char* path, int flags, mode_t mode) {
  static const auto kOpen = Real<int (*)(int, const char*, int, ...)>("openat64");
  if ((flags & O_ACCMODE) == O_RDONLY && (flags & O_CREAT) == 0) return kOpen(directory, path, flags, mode);
  struct stat status;
  const bool there = fstatat(directory, path, &status, AT_SYMLINK_NOFOLLOW) == 0;
  const bool changes = ((flags & O_CREAT) != 0 && !there) || ((flags & O_TRUNC) != 0 && there);
  if (!changes) return kOpen(directory, path, flags, mode);
  const std::string whole = Absolute(directory, path);
  const Point point(Kind::kName, there ? "empty" : "create", whole);
  if (point.Fails()) return -1;
  if (point.mine() && there) RememberBytes(whole, false);
  const int descriptor = kOpen(directory, path, flags, mode);
  if (point.mine() && !there && descriptor >= 0) {
    RememberBytes(whole, true);
    RememberName({NameChange::kMade, whole, "", false, ""});
  }
  return descriptor;
}

__attribute__((destructor)) void End() { const Point point(Kind::kName, "end", ThePlan().root); }

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
  const std::string whole = Absolute(AT_FDCWD, path);
  struct stat status;
  const bool there = stat(path, &status) == 0;
  const Point point(Kind::kName, "create", whole);
  if (point.Fails()) return nullptr;
  if (point.mine() && there) RememberBytes(whole, false);
  FILE* file = kOpen(path, mode);
  if (point.mine() && !there && file != nullptr) {
    RememberBytes(whole, true);
    RememberName({NameChange::kMade, whole, "", false, ""});
  }
  return file;
}
FILE* fopen(const char* path, const char* mode) { return fopen64(path, mode); }

ssize_t write(int descriptor, const void* bytes, size_t size) {
  static const auto kWrite = Real<ssize_t (*)(int, const void*, size_t)>("write");
  const Point point(Kind::kWrite, "write", PathOf(descriptor));
  if (point.mine()) RememberBytes(PathOf(descriptor), false);
  return point.Fails() ? -1 : kWrite(descriptor, bytes, point.Portion(size));
}

ssize_t writev(int descriptor, const iovec* parts, int count) {
  static const auto kWrite = Real<ssize_t (*)(int, const iovec*, int)>("writev");
  const Point point(Kind::kWrite, "write", PathOf(descriptor));
  if (point.mine()) RememberBytes(PathOf(descriptor), false);
  return point.Fails() ? -1 : kWrite(descriptor, parts, static_cast<int>(point.Portion(static_cast<size_t>(count))));
}

ssize_t pwrite64(int descriptor, const void* bytes, size_t size, off64_t offset) {
  static const auto kWrite = Real<ssize_t (*)(int, const void*, size_t, off64_t)>("pwrite64");
  const Point point(Kind::kWrite, "write", PathOf(descriptor));
  if (point.mine()) RememberBytes(PathOf(descriptor), false);
  return point.Fails() ? -1 : kWrite(descriptor, bytes, point.Portion(size), offset);
}
ssize_t pwrite(int descriptor, const void* bytes, size_t size, off_t offset) {
  return pwrite64(descriptor, bytes, size, offset);
}

int fsync(int descriptor) {
  static const auto kFlush = Real<int (*)(int)>("fsync");
  const Point point(Kind::kFlush, "flush", PathOf(descriptor));
  if (point.Fails()) return -1;
  const int result = kFlush(descriptor);
  if (result == 0 && point.mine()) Flushed(descriptor);
  return result;
}

int fdatasync(int descriptor) {
  static const auto kFlush = Real<int (*)(int)>("fdatasync");
  const Point point(Kind::kFlush, "flush", PathOf(descriptor));
  if (point.Fails()) return -1;
  const int result = kFlush(descriptor);
  if (result == 0 && point.mine()) Flushed(descriptor);
  return result;
}

int syncfs(int descriptor) {
  static const auto kFlush = Real<int (*)(int)>("syncfs");
  const Point point(Kind::kFlush, "flush-all", PathOf(descriptor));
  if (point.Fails()) return -1;
  const int result = kFlush(descriptor);
  if (result == 0 && point.mine()) {
    const std::lock_guard lock(mutex);
    unflushed.clear();
    names.clear();
  }
  return result;
}

int ftruncate64(int descriptor, off64_t size) {
  static const auto kTruncate = Real<int (*)(int, off64_t)>("ftruncate64");
  const Point point(Kind::kName, "truncate", PathOf(descriptor));
  if (point.mine()) RememberBytes(PathOf(descriptor), false);
  return point.Fails() ? -1 : kTruncate(descriptor, size);
}
int ftruncate(int descriptor, off_t size) { return ftruncate64(descriptor, size); }

int rename(const char* from, const char* to) {
  static const auto kRename = Real<int (*)(const char*, const char*)>("rename");
  const Point point(Kind::kName, "rename", Absolute(AT_FDCWD, to));
  if (point.Fails()) return -1;
  if (point.mine()) RememberMove(Absolute(AT_FDCWD, from), Absolute(AT_FDCWD, to));
  return kRename(from, to);
}

int renameat2(int from_directory, const char* from, int to_directory, const char* to, unsigned flags) {
  static const auto kRename = Real<int (*)(int, const char*, int, const char*, unsigned)>("renameat2");
  const std::string whole_from = Absolute(from_directory, from), whole_to = Absolute(to_directory, to);
  const Point point(Kind::kName, "rename", whole_to);
  if (point.Fails()) return -1;
  struct stat status;
  const bool refused = (flags & RENAME_NOREPLACE) != 0 && lstat(whole_to.c_str(), &status) == 0;
  if (point.mine() && !refused) RememberMove(whole_from, whole_to);
  return kRename(from_directory, from, to_directory, to, flags);
}

int link(const char* from, const char* to) {
  static const auto kLink = Real<int (*)(const char*, const char*)>("link");
  const Point point(Kind::kName, "link", Absolute(AT_FDCWD, to));
  if (point.Fails()) return -1;
  const int result = kLink(from, to);
  if (result == 0 && point.mine()) RememberName({NameChange::kMade, Absolute(AT_FDCWD, to), "", false, ""});
  return result;
}

int unlink(const char* path) {
  static const auto kUnlink = Real<int (*)(const char*)>("unlink");
  const Point point(Kind::kName, "unlink", Absolute(AT_FDCWD, path));
  if (point.Fails()) return -1;
  if (point.mine()) RememberRemoval(Absolute(AT_FDCWD, path));
  return kUnlink(path);
}

int remove(const char* path) {
  static const auto kRemove = Real<int (*)(const char*)>("remove");
  const Point point(Kind::kName, "unlink", Absolute(AT_FDCWD, path));
  if (point.Fails()) return -1;
  if (point.mine()) RememberRemoval(Absolute(AT_FDCWD, path));
  return kRemove(path);
}

int mkdir(const char* path, mode_t mode) {
  static const auto kMake = Real<int (*)(const char*, mode_t)>("mkdir");
  struct stat status;
  if (stat(path, &status) == 0) return kMake(path, mode);  // changes nothing
  const Point point(Kind::kName, "mkdir", Absolute(AT_FDCWD, path));
  if (point.Fails()) return -1;
  const int result = kMake(path, mode);
  if (result == 0 && point.mine()) RememberName({NameChange::kMadeFolder, Absolute(AT_FDCWD, path), "", false, ""});
  return result;
}

int chmod(const char* path, mode_t mode) {
  static const auto kChange = Real<int (*)(const char*, mode_t)>("chmod");
  const Point point(Kind::kName, "chmod", Absolute(AT_FDCWD, path));
  return point.Fails() ? -1 : kChange(path, mode);
}

}  // extern "C"
