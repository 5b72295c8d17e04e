#include "halting/start_lock.h"

#include <fcntl.h>
#include <sys/file.h>

#include <cerrno>
#include <chrono>
#include <cstring>
#include <filesystem>
#include <thread>

namespace pawl::halting {
namespace {

constexpr std::chrono::seconds kHaltWaits(5);
constexpr std::chrono::seconds kStartWaits(15);  // a halt holds it for a moment

}  // namespace

Result<StartLock> StartLock::Take(const std::string& state_path, By by) {
  // The folder is there already and need not be written to: a start must work where the state can only be read.
  const std::string parent = std::filesystem::path(state_path).parent_path().string();
  const std::string folder = parent.empty() ? "." : parent;
  const auto failed = [&](const char* what) {
    return SystemFailure("start.lock", std::string("cannot ") + what + " '" + folder + "': " + std::strerror(errno),
                         "the user who starts what is live has to be able to read the folder of the loader's state");
  };
  StartLock lock(subject::FileDescriptor(open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)));
  if (!lock.folder_.valid()) return failed("open");
  // Whoever can read the folder can hold the lock: nobody waits for ever.
  const bool is_start = by == By::kStart;
  const int operation = (is_start ? LOCK_SH : LOCK_EX) | LOCK_NB;
  const auto deadline = std::chrono::steady_clock::now() + (is_start ? kStartWaits : kHaltWaits);
  while (flock(lock.folder_.get(), operation) != 0) {
    if (errno == EINTR) continue;
    if (errno != EWOULDBLOCK) return failed("lock");
    if (std::chrono::steady_clock::now() > deadline) {
      return is_start
                 ? SystemFailure("start.held", "nothing was started: something holds '" + folder + "' as a halt does",
                                 "look for a pawl halt that does not end, or a program that locks the folder")
                 : SystemFailure("start.unclear",
                                 "the halt stands, but something holds '" + folder + "' as a start does",
                                 "look for a program that was started at this moment; then give the halt again");
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  return lock;
}

}  // namespace pawl::halting
