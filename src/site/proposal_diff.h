// What a proposal changes, as people read it, made from the store and not from anybody's patch: of the tree against
// what was live, or of an amendment's charter against the one in force.
//
//   Result<std::vector<ShownChange>> changes = DiffOfProposal(log, *proposal, {.context = 3});
//
// Thread safety: as the log's.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "audit/history.h"
#include "ledger/subject_log.h"
#include "result/result.h"
#include "subject/diff.h"

namespace pawl::site {

struct DiffTerms {
  size_t context = 3;                             // lines around each change
  uint64_t file_bytes_max = uint64_t{8} << 20;    // of a file whose lines are shown
  uint64_t shown_bytes_max = uint64_t{64} << 20;  // of all lines together; what comes after has none
};

enum class Shown { kLines, kFactsAlone, kTooLong };

struct ShownChange {
  subject::Change change;
  std::string refused{};  // why the surface or a content rule does not allow it; empty where they do, or are not asked
  Shown shown = Shown::kLines;
  std::string lines{};  // a unified diff; bytes of the candidate as they are: make them safe for whoever looks
};

// Sorted by path. Errors are the store's.
Result<std::vector<ShownChange>> DiffOfProposal(const ledger::SubjectLog& log, const audit::ProposalHistory& proposal,
                                                const DiffTerms& terms);

}  // namespace pawl::site
