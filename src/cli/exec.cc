// pawl exec: the loader. Checks the live release again and starts a command on a private, read-only copy of it.
//
// The copy is made by bubblewrap inside a mount namespace of the command's own, from descriptors that hold the bytes
// that were hashed. It appears at kTree, in a root folder that belongs to that namespace and holds the machine's top
// level besides: no folder above it is one that anybody outside could rename, not even the store's owner. So nobody can
// change the bytes, or what $PAWL_EXEC_TREE names, between the check and the use or after it.
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <set>
#include <sstream>

#include "cli/live_release.h"
#include "cli/start_lock.h"
#include "subject/file_descriptor.h"

namespace pawl::cli {
namespace {

constexpr size_t kFilesMax = 1'700;  // five of the 9,000 words that bubblewrap takes for each, and some for folders
constexpr char kTree[] = "/pawl-exec";
constexpr int kStartsMax = 8;  // checks of one start, each overtaken by a release

// Bytes in a descriptor that nobody can change any more.
Result<subject::FileDescriptor> Sealed(const std::string& bytes) {
  subject::FileDescriptor file(memfd_create("pawl", MFD_ALLOW_SEALING));
  const int fd = file.get();
  if (fd < 0) return SystemFailure("exec.memory", std::string("memfd_create: ") + std::strerror(errno));
  for (size_t done = 0; done < bytes.size();) {
    const ssize_t count = write(fd, bytes.data() + done, bytes.size() - done);
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return SystemFailure("exec.memory", "cannot hold the release in memory");
    done += static_cast<size_t>(count);
  }
  fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL);
  lseek(fd, 0, SEEK_SET);
  return file;
}

// Arguments that make a root folder of the namespace's own, with everything in it that the machine has at its top.
Result<std::vector<std::string>> RootArguments() {
  std::vector<std::string> words;
  std::error_code failure;
  for (std::filesystem::directory_iterator at("/", failure), end; !failure && at != end; at.increment(failure)) {
    const std::string path = at->path().string();
    if (path == kTree) continue;
    std::error_code no_link;
    const std::filesystem::path target = std::filesystem::read_symlink(path, no_link);
    if (no_link) {
      words.insert(words.end(), {"--dev-bind-try", path, path});
    } else {
      words.insert(words.end(), {"--symlink", target.string(), path});
    }
  }
  if (failure) return SystemFailure("exec.root", "cannot list '/': " + failure.message());
  return words;
}

// A command that is not there is told apart from a release that may not be started. One that is named from within the
// release's tree is looked for there, by the kernel.
Result<void> RequireCommand(const std::string& command) {
  const size_t slash = command.find('/');
  if (slash != 0 && slash != std::string::npos) return {};
  const char* const path = std::getenv("PATH");
  std::istringstream folders(slash == 0 ? "" : path == nullptr ? "/usr/bin:/bin" : path);
  bool found = slash == 0 && access(command.c_str(), X_OK) == 0;
  for (std::string folder; !found && std::getline(folders, folder, ':');) {
    found = access((folder + "/" + command).c_str(), X_OK) == 0;
  }
  if (found) return {};
  return Error{ErrorCode::kNotFound, "exec.no-command", "there is no program '" + command + "' to start",
               "a program by its path, or one that $PATH has; what the release brings is given to an interpreter: "
               "pawl exec SUBJECT -- python3 FILE"};
}

constexpr size_t kBubblewrapWordsMax = 9'000;

// A descriptor a file: more than most shells allow.
Result<void> AllowDescriptors(size_t files) {
  constexpr rlim_t kOthers = 64;
  struct rlimit limit {};
  getrlimit(RLIMIT_NOFILE, &limit);
  const rlim_t needed = files + kOthers;
  if (limit.rlim_cur >= needed) return {};
  limit.rlim_cur = needed;
  if (needed <= limit.rlim_max && setrlimit(RLIMIT_NOFILE, &limit) == 0) return {};
  return LimitReached("exec.descriptors",
                      "a release of " + std::to_string(files) + " files needs " + std::to_string(needed) +
                          " open files to be started, more than this user may have",
                      "raise the hard limit: ulimit -Hn");
}

Error Execute(const Place& place, const LiveRelease& live, const std::vector<std::string>& command) {
  const std::string mount = kTree;
  if (live.manifest.files.size() > kFilesMax) {
    return LimitReached("exec.files", "a release that is started has at most " + std::to_string(kFilesMax) + " files",
                        "keep what is not needed at the start out of the subject, or in one archive");
  }
  if (Result<void> allowed = AllowDescriptors(live.manifest.files.size()); !allowed.ok()) return allowed.error();
  const Result<std::vector<std::string>> root = RootArguments();
  if (!root.ok()) return root.error();
  std::vector<std::string> words = {"bwrap", "--die-with-parent"};
  words.insert(words.end(), root->begin(), root->end());
  words.insert(words.end(), {"--tmpfs", mount});
  std::set<std::string> folders;
  std::vector<subject::FileDescriptor> held;
  for (const subject::FileEntry& file : live.manifest.files) {
    for (size_t slash = file.path.find('/'); slash != std::string::npos; slash = file.path.find('/', slash + 1)) {
      const std::string folder = file.path.substr(0, slash);
      if (folders.insert(folder).second) {
        words.insert(words.end(), {"--perms", "0755", "--dir", mount + "/" + folder});
      }
    }
    Result<std::string> bytes = ReadLiveFile(live, file.path);
    if (!bytes.ok()) return bytes.error();
    Result<subject::FileDescriptor> sealed = Sealed(*bytes);
    if (!sealed.ok()) return sealed.error();
    words.insert(words.end(),
                 {"--perms", "0444", "--ro-bind-data", std::to_string(sealed->get()), mount + "/" + file.path});
    held.push_back(std::move(*sealed));
  }
  words.insert(words.end(), {"--remount-ro", mount, "--remount-ro", "/", "--chdir", mount});
  words.insert(words.end(), {"--setenv", "PAWL_EXEC_TREE", mount, "--"});
  if (words.size() > kBubblewrapWordsMax) {
    return LimitReached("exec.files",
                        "a release of " + std::to_string(live.manifest.files.size()) + " files in " +
                            std::to_string(folders.size()) + " folders is more than can be started",
                        "keep what is not needed at the start out of the subject, or in "
                        "one archive");
  }
  words.insert(words.end(), command.begin(), command.end());
  std::vector<char*> argv;
  for (std::string& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);
  // The check may have taken long. A halt or a release that came meanwhile is seen here; a halt that comes later waits
  // for the lock, which ends where bubblewrap takes over.
  const Result<StartLock> lock = StartLock::Take(place.state_path, StartLock::By::kStart);
  if (!lock.ok()) return lock.error();
  if (Result<void> same = LookAgain(place, live); !same.ok()) return same.error();
  execvp("bwrap", argv.data());
  return SystemFailure("exec.bubblewrap", std::string("cannot run bubblewrap: ") + std::strerror(errno),
                       "install bubblewrap; pawl sandbox check tells what is missing");
}

// Returns only where nothing was started.
Error Start(const Globals& globals, const Place& place, const std::vector<std::string>& command) {
  if (const Result<void> there = RequireCommand(command.front()); !there.ok()) return there.error();
  const Result<LiveRelease> live = VerifyLiveRelease(place);
  if (!live.ok()) return live.error();
  for (const std::string& warning : live->warnings) {
    if (!globals.quiet) std::fprintf(stderr, "pawl: %s\n", Shown(warning).c_str());
  }
  return Execute(place, *live, command);
}

}  // namespace

void AddExec(CLI::App& app, Globals& globals) {
  auto subject = std::make_shared<std::string>();
  auto words = std::make_shared<std::vector<std::string>>();
  CLI::App* command = app.add_subcommand("exec", "check the live release again, and start a command on it");
  command->add_option("SUBJECT", *subject, "which subject")->required();
  command->add_option("COMMAND", *words, "after --: the command; it starts in the release's tree")->required();
  command->footer(
      "The command finds the tree in its working directory and in $PAWL_EXEC_TREE, read-only.\n"
      "At most 1,700 files, and fewer where there are hundreds of folders.\n"
      "example:\n  pawl exec collision-avoidance -- python3 controller.py");
  command->callback([=, &globals] {
    globals.subject = *subject;
    Result<Place> place = FindPlace(globals);
    if (!place.ok()) {
      globals.exit = Fail(globals, place.error());
      return;
    }
    Error error = Start(globals, *place, *words);
    for (int again = 1; error.rule == "exec.overtaken" && again < kStartsMax; ++again) {
      error = Start(globals, *place, *words);
    }
    globals.exit = Fail(globals, error);
  });
}

}  // namespace pawl::cli
