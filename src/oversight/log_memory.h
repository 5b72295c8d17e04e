// What a reviewer remembers of the log, in a file of its own that whoever keeps the log cannot write.
//
//   const Result<subject::FileDescriptor> lock = LockMemory(reviewer, log.subject());
//   if (!lock.ok()) return lock.error();
//   if (Result<void> grew = RememberLog(log, reviewer); !grew.ok()) return grew.error();   // nothing is signed
//
// An auditor asks it before it closes, so that no vote or halt is taken out again. An evaluator asks it before it signs
// seeds: a log that is taken back to before a commit could commit to the same candidate anew, under the same budget
// index and with other seeds, until a trial is lucky.
//
// Thread safety: whoever holds the lock.
#pragma once

#include <string>

#include "ledger/subject_log.h"
#include "oversight/review.h"
#include "result/result.h"
#include "subject/file_descriptor.h"

namespace pawl::oversight {

// Held as long as it lives: of two programs that are one reviewer, the one that writes last would forget what the other
// has seen. kPending "audit.busy" where another holds it.
Result<subject::FileDescriptor> LockMemory(const Reviewer& reviewer, const std::string& subject);

// The log extends what this reviewer saw last, and is remembered, durably, before this returns: its size and root in
// `memory_folder`/seen-SUBJECT.json. Refused "audit.log-shrank", "audit.log-rewritten". "audit.memory" where the file
// cannot be read or written; only where there is none has nothing been seen.
// kPending "audit.busy" where this log was read before another program of this reviewer read it.
Result<void> RememberLog(ledger::SubjectLog& log, const Reviewer& reviewer);

}  // namespace pawl::oversight
