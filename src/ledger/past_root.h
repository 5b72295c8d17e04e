// The root that a log had at an earlier size, shown to be this log's.
//
//   Result<crypto::Digest> root = PastRoot(log, candidate_index + 1);     // what seeds are drawn from
//
// A log's present root is computed from its entries (SubjectLog::root), but a root of before is read from nodes that
// the database keeps, and of these some are in no present root: whoever keeps the database can choose them. So what it
// says is proven against the present root (RFC 6962 section 2.1.2).
//
// Thread safety: as the log.
#pragma once

#include <cstdint>

#include "crypto/digest.h"
#include "ledger/subject_log.h"
#include "result/result.h"

namespace pawl::ledger {

// Root over the first `size` entries of those that were folded. Refused "ledger.root" where the database's tree is not
// that of the entries; other errors are those of the ledger, also for more entries than there are.
Result<crypto::Digest> PastRoot(SubjectLog& log, uint64_t size);

}  // namespace pawl::ledger
