// A log from a home's SQLite file into PostgreSQL, whole or not at all: what `pawl restore --ledger` does.
//
//   Result<void> moved = UploadLog(home, "controller", {.size = events, .root = root}, "postgresql://…");
//   if (moved.ok()) Result<SubjectSummary> again = VerifySubject(home, "controller");   // now from the database
//
// Thread safety: as the home's files; others may read the database meanwhile.
#pragma once

#include <string>

#include "ledger/home.h"
#include "ledger/ledger.h"
#include "result/result.h"

namespace pawl::ledger {

// Whether the database at `url` can take that log: it has none of this name, or the very same one, as where an upload
// was cut off after it. Makes the tables where there are none and this user may. Refused "restore.ledger-exists";
// errors of Ledger::Open.
Result<void> RequireRoomForLog(const std::string& url, const std::string& subject, const LogHead& verified);

// Puts the blobs that the entries name, which are read from there again, then in one transaction all entries and the
// last checkpoint; then the home has the URL in the place of its file. `verified` is what the caller has computed from
// the entries: "ledger.root" where the file gives another. What is cut off leaves blobs at most, or the whole log, and
// can be asked for again.
Result<void> UploadLog(const Home& home, const std::string& subject, const LogHead& verified, const std::string& url);

}  // namespace pawl::ledger
