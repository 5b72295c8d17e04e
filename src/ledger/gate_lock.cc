#include "ledger/gate_lock.h"

#include <fcntl.h>
#include <sys/file.h>

#include <string>

namespace pawl::ledger {

Result<GateLock> GateLock::Take(const Home& home, std::string_view subject) {
  const std::string path = home.LedgerPath(subject) + ".gate";
  subject::FileDescriptor fd(open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!fd.valid()) return SystemFailure("gate.lock", "cannot open '" + path + "'", "pawl init makes the ledger");
  if (flock(fd.get(), LOCK_EX | LOCK_NB) != 0) {
    return Error{ErrorCode::kPending, "gate.busy", "another gate is at work on '" + std::string(subject) + "'",
                 "wait until it is done, then type the command again"};
  }
  return GateLock(std::move(fd));
}

}  // namespace pawl::ledger
