// Whoever copies a whole store holds it against whoever removes from it. Nobody else needs a lock: blobs are written
// whole, and a name always means the same bytes.
//
// Thread safety: a StoreLock belongs to one thread; released by the destructor.
#pragma once

#include <utility>

#include "ledger/home.h"
#include "result/result.h"
#include "subject/file_descriptor.h"

namespace pawl::ledger {

enum class StoreUse {
  kRead,    // any number at a time
  kRemove,  // alone
};

class StoreLock {
 public:
  // Does not wait: kPending "store.busy".
  static Result<StoreLock> Take(const Home& home, StoreUse use);

 private:
  explicit StoreLock(subject::FileDescriptor fd) : fd_(std::move(fd)) {}
  subject::FileDescriptor fd_;
};

}  // namespace pawl::ledger
