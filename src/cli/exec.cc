// pawl exec: the loader. Checks the live release again and starts a command on a private, read-only copy of it.
//
// The copy is made inside a mount namespace of the command's own, which bubblewrap sets up, from one sealed file of
// memory that holds the bytes that were hashed (release_tree.h). It appears at kReleaseTree, in a root folder that
// belongs to that namespace and holds the machine's top level besides: no folder above it is one that anybody outside
// could rename, not even the store's owner. So nobody can change the bytes, or what $PAWL_EXEC_TREE names, between the
// check and the use or after it.
#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <sstream>

#include "cli/live_release.h"
#include "cli/release_tree.h"
#include "halting/start_lock.h"
#include "subject/file_descriptor.h"

namespace pawl::cli {
namespace {

constexpr int kStartsMax = 8;  // checks of one start, each overtaken by a release

// Arguments that make a root folder of the namespace's own, with everything in it that the machine has at its top.
Result<std::vector<std::string>> RootArguments() {
  std::vector<std::string> words;
  std::error_code failure;
  for (std::filesystem::directory_iterator at("/", failure), end; !failure && at != end; at.increment(failure)) {
    const std::string path = at->path().string();
    if (path == kReleaseTree) continue;
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

// What the filling stage needs and the command does not get. Root has them, and bubblewrap leaves root what it has.
constexpr const char* kStageCapabilities[] = {"CAP_SYS_ADMIN", "CAP_SETPCAP"};

Error Execute(const Globals& globals, const Place& place, const LiveRelease& live,
              const std::vector<std::string>& command) {
  const Result<std::vector<std::string>> root = RootArguments();
  if (!root.ok()) return root.error();
  const subject::FileDescriptor self(open("/proc/self/exe", O_RDONLY));  // inherited, as the release is
  if (!self.valid()) return SystemFailure("exec.self", std::string("cannot open pawl: ") + std::strerror(errno));
  const Result<subject::FileDescriptor> release = SealRelease(live);
  if (!release.ok()) return release.error();
  std::vector<std::string> words = {"bwrap", "--die-with-parent"};
  words.insert(words.end(), root->begin(), root->end());
  words.insert(words.end(), {"--tmpfs", kReleaseTree, "--remount-ro", "/", "--chdir", kReleaseTree});
  words.insert(words.end(), {"--setenv", "PAWL_EXEC_TREE", kReleaseTree});
  if (getuid() != 0) {
    for (const char* capability : kStageCapabilities) words.insert(words.end(), {"--cap-add", capability});
  }
  words.push_back("--");
  const std::vector<std::string> stage =
      FillingStage(self, *release, globals.json ? ErrorForm::kJson : ErrorForm::kText);
  words.insert(words.end(), stage.begin(), stage.end());
  words.insert(words.end(), command.begin(), command.end());
  std::vector<char*> argv;
  for (std::string& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);
  // The check may have taken long. A halt or a release that came meanwhile is seen here; a halt that comes later waits
  // for the lock, which ends where bubblewrap takes over.
  const Result<halting::StartLock> lock = halting::StartLock::Take(place.state_path, halting::StartLock::By::kStart);
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
  return Execute(globals, place, *live, command);
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
    Error error = Start(globals, *place, *words);
    for (int again = 1; error.rule == "exec.overtaken" && again < kStartsMax; ++again) {
      error = Start(globals, *place, *words);
    }
    globals.exit = Fail(globals, error);
  });
}

}  // namespace pawl::cli
