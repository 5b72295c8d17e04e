#include "cli/release_tree.h"

#include <fcntl.h>
#include <linux/capability.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <optional>
#include <set>
#include <string_view>

namespace pawl::cli {
namespace {

using subject::FileDescriptor;

constexpr char kStageWord[] = "fill-release-tree";
constexpr int kWordsBeforeCommand = 6;  // program, kStageWord, two descriptors, form, "--"

// No more than one write() takes, whatever the size.
bool WriteAll(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t count = write(fd, bytes.data(), bytes.size());
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return false;
    bytes.remove_prefix(static_cast<size_t>(count));
  }
  return true;
}

// ---- inside

Error Failed(const char* rule, const std::string& what, const std::string& advice) {
  return SystemFailure(rule, what + ": " + std::strerror(errno), advice);
}

Error NotAReleaseFile() { return SystemFailure("exec.fill", "the file of memory does not hold a release", ""); }

// Walks over what SealRelease wrote: path, NUL, size in decimal digits, NUL, bytes; again and again.
class SealedFiles {
 public:
  explicit SealedFiles(std::string_view bytes) : rest_(bytes) {}
  bool AtEnd() const { return rest_.empty(); }
  struct File {
    std::string path;
    std::string_view bytes;
  };
  std::optional<File> Next() {
    const std::optional<std::string_view> path = Word();
    const std::optional<std::string_view> digits = Word();
    if (!path || !digits) return std::nullopt;
    size_t size = 0;
    const char* const end = digits->data() + digits->size();
    const auto [stopped, failure] = std::from_chars(digits->data(), end, size);
    if (failure != std::errc() || stopped != end || size > rest_.size()) return std::nullopt;
    File file{std::string(*path), rest_.substr(0, size)};
    rest_.remove_prefix(size);
    return file;
  }

 private:
  std::optional<std::string_view> Word() {
    const size_t end = rest_.find('\0');
    if (end == std::string_view::npos) return std::nullopt;
    const std::string_view word = rest_.substr(0, end);
    rest_.remove_prefix(end + 1);
    return word;
  }

  std::string_view rest_;
};

Result<void> WriteFile(int tree, const SealedFiles::File& file, std::set<std::string>& folders) {
  const std::string advice = "the tree is held in memory: see how much is left";
  for (size_t slash = file.path.find('/'); slash != std::string::npos; slash = file.path.find('/', slash + 1)) {
    const std::string folder = file.path.substr(0, slash);
    if (!folders.insert(folder).second) continue;
    if (mkdirat(tree, folder.c_str(), 0755) != 0) return Failed("exec.fill", "cannot make '" + folder + "'", advice);
  }
  const FileDescriptor out(openat(tree, file.path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0444));
  if (!out.valid() || !WriteAll(out.get(), file.bytes)) {
    return Failed("exec.fill", "cannot write '" + file.path + "'", advice);
  }
  return {};
}

// A file's bytes where they lie, as long as it lives.
class MappedFile {
 public:
  explicit MappedFile(int fd) {
    struct stat status {};
    if (fstat(fd, &status) != 0) return;
    size_ = static_cast<size_t>(status.st_size);
    if (size_ > 0) start_ = mmap(nullptr, size_, PROT_READ, MAP_PRIVATE, fd, 0);
    valid_ = start_ != MAP_FAILED;
  }
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;
  ~MappedFile() {
    if (valid_ && size_ > 0) munmap(start_, size_);
  }
  bool valid() const { return valid_; }
  std::string_view bytes() const { return {static_cast<const char*>(start_), size_}; }

 private:
  void* start_ = nullptr;
  size_t size_ = 0;
  bool valid_ = false;
};

Result<void> FillTree(int release) {
  const FileDescriptor tree(open(kReleaseTree, O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!tree.valid()) return Failed("exec.fill", "cannot open the release's tree", "");
  const MappedFile mapped(release);
  if (!mapped.valid()) return Failed("exec.fill", "cannot read the release", "");
  const mode_t mask = umask(0);
  std::set<std::string> folders;
  Result<void> filled;
  SealedFiles files(mapped.bytes());
  while (filled.ok() && !files.AtEnd()) {
    const std::optional<SealedFiles::File> file = files.Next();
    filled = file ? WriteFile(tree.get(), *file, folders) : Result<void>(NotAReleaseFile());
  }
  umask(mask);
  return filled;
}

// Asks the kernel afterwards: a tree that can be written to is never started on.
Result<void> MakeReadOnly() {
  constexpr unsigned long kFlags = MS_REMOUNT | MS_BIND | MS_RDONLY | MS_NOSUID | MS_NODEV;
  struct statvfs status {};
  if (mount(nullptr, kReleaseTree, nullptr, kFlags, nullptr) != 0 || statvfs(kReleaseTree, &status) != 0) {
    return Failed("exec.read-only", "cannot make the release's tree read-only",
                  "bubblewrap has to be able to hand on CAP_SYS_ADMIN in its own user namespace (docs/install.md)");
  }
  if ((status.f_flag & ST_RDONLY) == 0) {
    return SystemFailure("exec.read-only", "the release's tree can still be written to", "");
  }
  return {};
}

// Root keeps what it has everywhere else; anybody else was given capabilities for this stage alone.
Result<void> GiveUpCapabilities() {
  if (getuid() == 0) return {};
  const auto failed = [] { return Failed("exec.capabilities", "cannot give up capabilities", ""); };
  if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) != 0) return failed();
  for (unsigned long capability = 0; prctl(PR_CAPBSET_READ, capability, 0, 0, 0) >= 0; ++capability) {
    if (prctl(PR_CAPBSET_DROP, capability, 0, 0, 0) != 0) return failed();
  }
  __user_cap_header_struct header{.version = _LINUX_CAPABILITY_VERSION_3, .pid = 0};
  std::array<__user_cap_data_struct, _LINUX_CAPABILITY_U32S_3> sets{};
  if (syscall(SYS_capset, &header, sets.data()) != 0 || syscall(SYS_capget, &header, sets.data()) != 0) return failed();
  for (const __user_cap_data_struct& set : sets) {
    if ((set.effective | set.permitted | set.inheritable) != 0) {
      return SystemFailure("exec.capabilities", "capabilities are left that were to be given up", "");
    }
  }
  return {};
}

std::optional<int> Descriptor(std::string_view digits) {
  int fd = -1;
  const auto [stopped, failure] = std::from_chars(digits.data(), digits.data() + digits.size(), fd);
  if (failure != std::errc() || stopped != digits.data() + digits.size() || fd <= STDERR_FILENO) return std::nullopt;
  return fd;
}

Result<void> PrepareTree(char** argv) {
  const std::optional<int> self = Descriptor(argv[2]), release = Descriptor(argv[3]);
  if (!self || !release) return NotAReleaseFile();
  Result<void> done = FillTree(*release);
  close(*release);
  close(*self);
  if (done.ok()) done = MakeReadOnly();
  if (done.ok()) done = GiveUpCapabilities();
  return done;
}

// ---- outside

// Other processes of this user can write to what this one has open, until it is sealed. So what is handed on is hashed
// once more, where it can change no longer: these very bytes fill the tree.
Result<void> RequireSealed(const FileDescriptor& memory, const subject::Manifest& manifest) {
  const MappedFile mapped(memory.get());
  if (!mapped.valid()) return Failed("exec.memory", "cannot read what was sealed", "");
  SealedFiles files(mapped.bytes());
  bool same = true;
  for (const subject::FileEntry& expected : manifest.files) {
    const std::optional<SealedFiles::File> file = same ? files.Next() : std::nullopt;
    same = file && file->path == expected.path && crypto::Sha256(file->bytes) == expected.digest;
  }
  if (same && files.AtEnd()) return {};
  return Refused("exec.altered", "the release was changed in memory, before it could be sealed",
                 "another process of this user did it: find out which, and do not start anything before");
}

}  // namespace

Result<FileDescriptor> SealRelease(const LiveRelease& live) {
  FileDescriptor memory(memfd_create("pawl-release", MFD_ALLOW_SEALING));
  const auto failed = [](const char* what) {
    return Failed("exec.memory", what, "see how much memory is left, and `ulimit -f`");
  };
  if (!memory.valid()) return failed("cannot make a file of memory");
  for (const subject::FileEntry& file : live.manifest.files) {
    const Result<std::string> bytes = ReadLiveFile(live, file.path);
    if (!bytes.ok()) return bytes.error();
    const std::string head = file.path + '\0' + std::to_string(bytes->size()) + '\0';
    if (!WriteAll(memory.get(), head) || !WriteAll(memory.get(), *bytes)) {
      return failed("cannot hold the release in memory");
    }
  }
  if (fcntl(memory.get(), F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL) != 0) {
    return failed("cannot seal the release in memory");
  }
  if (Result<void> same = RequireSealed(memory, live.manifest); !same.ok()) return same.error();
  return memory;
}

std::vector<std::string> FillingStage(const FileDescriptor& self, const FileDescriptor& release, ErrorForm form) {
  const std::string program = std::to_string(self.get());
  return {"/proc/self/fd/" + program,
          kStageWord,
          program,
          std::to_string(release.get()),
          form == ErrorForm::kJson ? "json" : "text",
          "--"};
}

bool IsFillingStage(int argc, char** argv) {
  return argc > kWordsBeforeCommand && std::string_view(argv[1]) == kStageWord;
}

int FillAndStart(int, char** argv) {
  Globals globals;
  globals.json = std::string_view(argv[4]) == "json";
  if (const Result<void> prepared = PrepareTree(argv); !prepared.ok()) {
    return static_cast<int>(Fail(globals, prepared.error()));
  }
  char** const command = argv + kWordsBeforeCommand;
  execvp(command[0], command);
  return static_cast<int>(Fail(globals, {ErrorCode::kNotFound, "exec.no-command",
                                         std::string("cannot start '") + command[0] + "': " + std::strerror(errno),
                                         "files of a release are not executable: they are given to an interpreter, "
                                         "pawl exec SUBJECT -- python3 FILE"}));
}

}  // namespace pawl::cli
