// Held by whoever moves a subject's proposals, and by what must not run beside that. One holder a subject; released by
// the destructor, and by the kernel where the process dies.
//
//   Result<GateLock> lock = GateLock::Take(home, "collision-avoidance");    // kPending "gate.busy"
//
// Thread safety: a GateLock belongs to one thread.
#pragma once

#include <string_view>
#include <utility>

#include "ledger/home.h"
#include "result/result.h"
#include "subject/file_descriptor.h"

namespace pawl::ledger {

class GateLock {
 public:
  // Does not wait. kSystem "gate.lock" where the ledger's folder cannot be written.
  static Result<GateLock> Take(const Home& home, std::string_view subject);

 private:
  explicit GateLock(subject::FileDescriptor fd) : fd_(std::move(fd)) {}
  subject::FileDescriptor fd_;
};

}  // namespace pawl::ledger
