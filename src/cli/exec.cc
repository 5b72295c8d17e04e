// pawl exec: the loader. Checks the live release again and starts a command on a private, read-only copy of it.
//
// The copy is made by bubblewrap inside a mount namespace of the command's own, from descriptors that hold the bytes
// that were hashed. Nobody can change them between the check and the use, and the place where they appear,
// $PAWL_EXEC_TREE, is seen by this command and its children alone.
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <set>

#include "cli/live_release.h"
#include "cli/start_lock.h"

namespace pawl::cli {
namespace {

constexpr size_t kFilesMax = 4'000;

// Bytes in a descriptor that nobody can change any more.
Result<int> Sealed(const std::string& bytes) {
  const int fd = memfd_create("pawl", MFD_ALLOW_SEALING);
  if (fd < 0) return SystemFailure("exec.memory", std::string("memfd_create: ") + std::strerror(errno));
  for (size_t done = 0; done < bytes.size();) {
    const ssize_t count = write(fd, bytes.data() + done, bytes.size() - done);
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return SystemFailure("exec.memory", "cannot hold the release in memory");
    done += static_cast<size_t>(count);
  }
  fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL);
  lseek(fd, 0, SEEK_SET);
  return fd;
}

Error Execute(const Place& place, const LiveRelease& live, const std::string& mount,
              const std::vector<std::string>& command) {
  if (live.manifest.files.size() > kFilesMax) {
    return LimitReached("exec.files", "a release that is started has at most " + std::to_string(kFilesMax) + " files");
  }
  std::vector<std::string> words = {"bwrap", "--dev-bind", "/", "/", "--die-with-parent", "--tmpfs", mount};
  std::set<std::string> folders;
  for (const subject::FileEntry& file : live.manifest.files) {
    for (size_t slash = file.path.find('/'); slash != std::string::npos; slash = file.path.find('/', slash + 1)) {
      const std::string folder = file.path.substr(0, slash);
      if (folders.insert(folder).second) {
        words.insert(words.end(), {"--perms", "0755", "--dir", mount + "/" + folder});
      }
    }
    Result<std::string> bytes = ReadLiveFile(live, file.path);
    if (!bytes.ok()) return bytes.error();
    Result<int> fd = Sealed(*bytes);
    if (!fd.ok()) return fd.error();
    words.insert(words.end(), {"--perms", "0444", "--ro-bind-data", std::to_string(*fd), mount + "/" + file.path});
  }
  words.insert(words.end(), {"--remount-ro", mount, "--chdir", mount, "--setenv", "PAWL_EXEC_TREE", mount, "--"});
  words.insert(words.end(), command.begin(), command.end());
  std::vector<char*> argv;
  for (std::string& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);
  // The check may have taken long. A halt that came meanwhile is seen here; one that comes later waits for the lock,
  // which ends where bubblewrap takes over.
  const Result<StartLock> lock = StartLock::Take(place.state_path, StartLock::By::kStart);
  if (!lock.ok()) return lock.error();
  if (Result<void> halts = LookAtHaltsAgain(place); !halts.ok()) return halts.error();
  execvp("bwrap", argv.data());
  return SystemFailure("exec.bubblewrap", std::string("cannot run bubblewrap: ") + std::strerror(errno),
                       "install bubblewrap; pawl sandbox check tells what is missing");
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
      "example:\n  pawl exec collision-avoidance -- python3 controller.py");
  command->callback([=, &globals] {
    globals.subject = *subject;
    Result<Place> place = FindPlace(globals);
    if (!place.ok()) {
      globals.exit = Fail(globals, place.error());
      return;
    }
    Result<LiveRelease> live = VerifyLiveRelease(*place);
    if (!live.ok()) {
      globals.exit = Fail(globals, live.error());
      return;
    }
    for (const std::string& warning : live->warnings) {
      if (!globals.quiet) std::fprintf(stderr, "pawl: %s\n", Shown(warning).c_str());
    }
    // The tree's own place in the store: a folder that exists, that only this command sees replaced.
    const std::string mount = live->store.ViewPath(*live->state.tree);
    globals.exit = Fail(globals, Execute(*place, *live, mount, *words));
  });
}

}  // namespace pawl::cli
