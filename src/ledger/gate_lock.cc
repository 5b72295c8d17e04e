#include "ledger/gate_lock.h"

#include <fcntl.h>
#include <sys/file.h>

#include <cerrno>
#include <cstring>
#include <string>

#include "ledger/postgresql_connection.h"

namespace pawl::ledger {

Result<GateLock> GateLock::Take(const Home& home, std::string_view subject) {
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
  const Error busy{ErrorCode::kPending, "gate.busy", "another gate is at work on '" + std::string(subject) + "'",
                   "wait until it is done, then type the command again"};
  if (flock(fd.get(), LOCK_EX | LOCK_NB) != 0) return busy;
  Result<LedgerPlace> place = home.PlaceOfLedger(subject);
  if (!place.ok()) return place.error();
  if (place->url.starts_with("sqlite:")) return GateLock(std::move(fd), nullptr);
  Result<std::shared_ptr<const PostgresqlLock>> shared = PostgresqlLock::Take(place->url, "pawl gate", subject);
  if (!shared.ok()) return shared.error();
  if (*shared == nullptr) return busy;
  return GateLock(std::move(fd), std::move(*shared));
}

}  // namespace pawl::ledger
