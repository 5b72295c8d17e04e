// What the API says of a subject as a whole: how it stands, its releases, its ledger.
//
// Thread safety: as the log's.
#pragma once

#include <cstdint>
#include <string>

#include "encoding/json.h"
#include "ledger/subject_log.h"
#include "result/result.h"

namespace pawl::site {

inline constexpr uint64_t kPageMax = 200;  // of a list, in one answer

// A part of a list: rows from `first` on, at most `count`.
struct Slice {
  uint64_t first = 0;
  uint64_t count = 50;
};

encoding::Json SubjectSummary(ledger::SubjectLog& log, int64_t now_s);
encoding::Json SubjectView(ledger::SubjectLog& log, int64_t now_s);
// Latest first.
encoding::Json ReleasesView(const ledger::SubjectLog& log, const Slice& slice);
// In log order.
Result<encoding::Json> LedgerView(ledger::SubjectLog& log, const Slice& slice);
// One entry with its proof of inclusion in the latest checkpoint: kNotFound "site.no-entry" where that does not cover
// it.
Result<encoding::Json> EntryView(ledger::SubjectLog& log, uint64_t index);

}  // namespace pawl::site
