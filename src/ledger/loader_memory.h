// Whether a ledger is the one that a loader has followed. The loader's memory lies beside it, and is newer than a
// ledger that was copied away, and copied back.
//
//   Result<void> same = RequireNotOlder(log, *state);      // before anything is appended
//
// Thread safety: as the log's.
#pragma once

#include "ledger/subject_log.h"
#include "result/result.h"
#include "warrant/state.h"

namespace pawl::ledger {

// The state was made from this log: it is about this subject, names the same beginning and a live tree that is in the
// store, and its checkpoint lies in the log. Refused "verify.state".
Result<void> VerifyState(SubjectLog& log, const warrant::State& state);

// The log holds every event that the loader has seen. kSystem "ledger.older" where it does not: what is appended to
// such a log forks it from what loaders, auditors and witnesses have seen. A state of another subject or beginning says
// nothing about this log.
Result<void> RequireNotOlder(SubjectLog& log, const warrant::State& state);
// The same with the state in a file. A state that is missing or unreadable says nothing; it starts nothing either.
Result<void> RequireNotOlder(SubjectLog& log, const std::string& state_path);

}  // namespace pawl::ledger
