#include "ledger/gate_lock.h"

#include <fcntl.h>
#include <sys/file.h>

#include <cerrno>
#include <cstring>
#include <string>

#include "ledger/postgresql_connection.h"

namespace pawl::ledger {
namespace {

Error Busy(std::string_view subject) {
  return {ErrorCode::kPending, "gate.busy", "another gate is at work on '" + std::string(subject) + "'",
          "wait until it is done, then type the command again"};
}

// The lock of this home's own.
Result<subject::FileDescriptor> LockFile(const Home& home, std::string_view subject) {
  const std::string path = home.LedgerPath(subject) + ".gate";
  subject::FileDescriptor fd(open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!fd.valid() && errno == EROFS)
    fd = subject::FileDescriptor(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
  if (!fd.valid()) {
    return SystemFailure("gate.lock", "cannot open '" + path + "': " + std::strerror(errno),
                         errno == ENOENT
                             ? "pawl doctor says whether there is a home"
                             : "check permissions and disk space, and that the disk is mounted for writing");
  }
  if (flock(fd.get(), LOCK_EX | LOCK_NB) != 0) return Busy(subject);
  return fd;
}

}  // namespace

Result<GateLock> GateLock::Take(const Home& home, std::string_view subject) {
  GateLock lock((subject::FileDescriptor()));
  if (Result<void> taken = lock.TakeAgain(home, subject); !taken.ok()) return taken.error();
  return lock;
}

void GateLock::Release() {
  if (shared_) shared_->Release();
  fd_ = subject::FileDescriptor();
}

Result<void> GateLock::TakeAgain(const Home& home, std::string_view subject) {
  Result<subject::FileDescriptor> fd = LockFile(home, subject);
  if (!fd.ok()) return fd.error();
  if (Result<void> taken = TakeShared(home, subject); !taken.ok()) return taken;
  fd_ = std::move(*fd);
  return {};
}

Result<void> GateLock::TakeShared(const Home& home, std::string_view subject) {
  Result<LedgerPlace> place = home.PlaceOfLedger(subject);
  if (!place.ok()) return place.error();
  if (place->url.starts_with("sqlite:") || (shared_ && shared_->url() != place->url)) shared_.reset();
  if (place->url.starts_with("sqlite:")) return {};
  if (shared_) {
    const Result<bool> taken = shared_->TakeAgain();
    if (taken.ok()) return *taken ? Result<void>() : Busy(subject);
    shared_.reset();  // its session was lost while nothing was held
  }
  Result<std::shared_ptr<PostgresqlLock>> shared = PostgresqlLock::Take(place->url, "pawl gate", subject);
  if (!shared.ok()) return shared.error();
  if (*shared == nullptr) return Busy(subject);
  shared_ = std::move(*shared);
  return {};
}

}  // namespace pawl::ledger
