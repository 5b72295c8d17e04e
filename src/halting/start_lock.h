// What keeps a start and the word "halted" apart. `pawl exec` holds it from its last look at the halts until the
// command takes over; `pawl halt` waits for it before it answers, so that nothing starts after that.
//
//   Result<StartLock> lock = StartLock::Take(state_path, StartLock::By::kStart);   // beside other starts
//
// It is a lock on the state's folder, so that a start needs no right to write there. Released by the destructor, and by
// the kernel where the process dies or becomes another program. Thread safety: a StartLock belongs to one thread.
#pragma once

#include <string>
#include <utility>

#include "result/result.h"
#include "subject/file_descriptor.h"

namespace pawl::halting {

class StartLock {
 public:
  enum class By { kStart, kHalt };
  // Waits: a halt for five seconds at most (kSystem "start.unclear"), a start for fifteen ("start.held"). kSystem
  // "start.lock" where the folder cannot be opened.
  static Result<StartLock> Take(const std::string& state_path, By by);

 private:
  explicit StartLock(subject::FileDescriptor folder) : folder_(std::move(folder)) {}
  subject::FileDescriptor folder_;
};

}  // namespace pawl::halting
