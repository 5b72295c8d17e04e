// Held by whoever moves a subject's proposals, and by what must not run beside that. One holder a subject; released by
// the destructor, and by the kernel where the process dies. Where the log is in PostgreSQL, one holder for all
// machines: a lock of the server's, which ends with its connection. That one saves work; should it be lost, two gates
// are kept apart by the log, where each can only append to what it has read ("ledger.conflict").
//
//   Result<GateLock> lock = GateLock::Take(home, "collision-avoidance");    // kPending "gate.busy"
//
// Thread safety: a GateLock belongs to one thread.
#pragma once

#include <memory>
#include <string_view>
#include <utility>

#include "ledger/home.h"
#include "result/result.h"
#include "subject/file_descriptor.h"

namespace pawl::ledger {

class PostgresqlLock;

class GateLock {
 public:
  // Does not wait. kSystem "gate.lock" where the ledger's folder cannot be written, "ledger.unreachable" and the like.
  static Result<GateLock> Take(const Home& home, std::string_view subject);

  // For who takes it again soon: others may have it between. TakeAgain fails as Take does, and then it is not held.
  void Release();
  Result<void> TakeAgain(const Home& home, std::string_view subject);

 private:
  explicit GateLock(subject::FileDescriptor fd) : fd_(std::move(fd)) {}
  Result<void> TakeShared(const Home& home, std::string_view subject);
  subject::FileDescriptor fd_;
  std::shared_ptr<PostgresqlLock> shared_;  // null where the log is a file of this home
};

}  // namespace pawl::ledger
