#include "ledger/store_lock.h"

#include <fcntl.h>
#include <sys/file.h>

#include <cerrno>

#include "subject/store.h"

namespace pawl::ledger {

Result<StoreLock> StoreLock::Take(const Home& home, StoreUse use) {
  const std::string path = home.StorePath() + "/lock";
  subject::FileDescriptor fd(open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
  // On a disk that can only be read nothing is removed, and there may be no file to lock.
  if (!fd.valid() && errno == EROFS) {
    fd = subject::FileDescriptor(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
    if (!fd.valid() && errno == ENOENT) return StoreLock(std::move(fd));
  }
  if (!fd.valid()) return subject::DiskError("open", path, errno);
  if (flock(fd.get(), (use == StoreUse::kRead ? LOCK_SH : LOCK_EX) | LOCK_NB) == 0) return StoreLock(std::move(fd));
  return Error{ErrorCode::kPending, "store.busy", "the store is being copied, or blobs are being removed from it",
               "wait until it is done"};
}

}  // namespace pawl::ledger
