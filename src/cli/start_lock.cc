#include "cli/start_lock.h"

#include <fcntl.h>
#include <sys/file.h>

#include <cerrno>
#include <cstring>
#include <filesystem>

namespace pawl::cli {

Result<StartLock> StartLock::Take(const std::string& state_path, By by) {
  const std::string parent = std::filesystem::path(state_path).parent_path();
  const std::string path = parent.empty() ? "." : parent;
  const auto failed = [&](const char* what) {
    return SystemFailure("start.lock", std::string("cannot ") + what + " '" + path + "': " + std::strerror(errno),
                         "whoever starts or halts has to be able to read the folder of the state");
  };
  StartLock lock(subject::FileDescriptor(open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)));
  if (!lock.file_.valid()) return failed("open");
  while (flock(lock.file_.get(), by == By::kStart ? LOCK_SH : LOCK_EX) != 0) {
    if (errno != EINTR) return failed("lock");
  }
  return lock;
}

}  // namespace pawl::cli
