#include "cli/start_lock.h"

#include <fcntl.h>
#include <sys/file.h>

#include <cerrno>
#include <cstring>

namespace pawl::cli {

Result<StartLock> StartLock::Take(const std::string& state_path, By by) {
  const std::string path = state_path + ".starts";
  const auto failed = [&](const char* what) {
    return SystemFailure("start.lock", std::string("cannot ") + what + " '" + path + "': " + std::strerror(errno),
                         "it belongs to whoever owns the loader's state");
  };
  StartLock lock(subject::FileDescriptor(open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600)));
  if (!lock.file_.valid()) return failed("open");
  while (flock(lock.file_.get(), by == By::kStart ? LOCK_SH : LOCK_EX) != 0) {
    if (errno != EINTR) return failed("lock");
  }
  return lock;
}

}  // namespace pawl::cli
