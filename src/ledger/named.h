// Which blobs of the store a home's ledgers and loaders name: the roots of storage/garbage.h.
//
//   Result<std::set<crypto::Digest>> roots = DigestsNamedIn(home, EndedProposals::kKeep, {});
//
// Thread safety: reads files; no shared state.
#pragma once

#include <set>
#include <string>
#include <vector>

#include "crypto/digest.h"
#include "ledger/home.h"
#include "result/result.h"

namespace pawl::ledger {

// What becomes of proposals that ended as rejected or outside the charter. Charters are named in either case, also
// those of amendments that were refused: the log cannot be folded without them.
enum class EndedProposals {
  kKeep,   // everything that any event names
  kLetGo,  // what only they name may go: candidates, certificates, reports
};

// Digests in all events of all subjects, and in the loaders' states, warrants and halts; `states` are state files
// outside of the home. A ledger that does not open, or a file that cannot be read, ends it: what it names is unknown.
Result<std::set<crypto::Digest>> DigestsNamedIn(const Home& home, EndedProposals ended,
                                                const std::vector<std::string>& states);

}  // namespace pawl::ledger
