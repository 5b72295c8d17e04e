// What the API says of a subject as a whole: how it stands, its releases, its ledger.
//
// Thread safety: as the log's.
#pragma once

#include <cstdint>
#include <string>

#include "encoding/json.h"
#include "ledger/subject_log.h"
#include "result/result.h"
#include "site/request.h"

namespace pawl::site {

encoding::Json SubjectSummary(ledger::SubjectLog& log, int64_t now_s);
encoding::Json SubjectView(ledger::SubjectLog& log, int64_t now_s);
// Latest first.
encoding::Json ReleasesView(const ledger::SubjectLog& log, const Slice& slice);
// What an entry is about, in one line of a list.
Result<encoding::Json> EntryRow(uint64_t index, const std::string& entry);
// In log order.
Result<encoding::Json> LedgerView(ledger::SubjectLog& log, const Slice& slice);
// One entry with its proof of inclusion in the latest checkpoint: kNotFound "site.no-entry" where that does not cover
// it.
Result<encoding::Json> EntryView(ledger::SubjectLog& log, uint64_t index);

}  // namespace pawl::site
