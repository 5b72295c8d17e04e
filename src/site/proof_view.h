// What a proposal's proofs are about and what they hold, for the page: each property in words, the facts of the
// certificate that is named for it, which reviewers' checkers took it and in what time, and the counterexample where
// there is one, in the subject's own units.
//
//   Result<Json> proofs = ProofsView(log, *proposal);    // {"proofs": […]}
//
// Nothing here decides anything: certificates are read, and not checked. Facts come from the ledger and the store
// alone; what is not there is null.
//
// Thread safety: as the log's. Time: certificates of kProofBytesMax in all are read, and networks of
// kProofNetworkBytesMax.
#pragma once

#include "encoding/json.h"
#include "ledger/subject_log.h"
#include "result/result.h"

namespace pawl::site {

inline constexpr size_t kProofsMax = 200;                       // of a proposal
inline constexpr size_t kVariablesMax = 64;                     // shown of inputs, and of outputs
inline constexpr uint64_t kProofBytesMax = uint64_t{32} << 20;  // certificates of one proposal together
inline constexpr uint64_t kProofNodesMax = 4'000'000;  // of a certificate: a node takes two dozen bytes of memory
inline constexpr uint64_t kProofNetworkBytesMax = uint64_t{4} << 20;   // whose way out of the centre is measured
inline constexpr uint64_t kProofPropertyBytesMax = uint64_t{1} << 20;  // of a property file
inline constexpr uint64_t kCounterexampleBytesMax = uint64_t{4} << 20;

// In the order in which certificates are asked for: of the properties, then of drift. Empty for an amendment. Errors
// are those of charter and store; a file that is too large or cannot be read as what it should be is a row with
// "why_not".
Result<encoding::Json> ProofsView(const ledger::SubjectLog& log, const audit::ProposalHistory& proposal);

}  // namespace pawl::site
