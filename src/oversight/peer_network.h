// The other subjects of a network as a reviewer on this machine knows them, and whether two of them have an origin in
// common.
//
//   Result<PeerLife> life = peers.life("adversary");
//   Result<std::string> shared = CommonOrigin(log, candidate.tree, *life);
//   if (shared.ok() && !shared->empty()) …       // the words say what they share
//
// Thread safety: as the log's and the functions'.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "ledger/subject_log.h"
#include "result/result.h"
#include "subject/surface.h"

namespace pawl::oversight {

struct PeerRelease {
  crypto::Digest tree;
  crypto::Digest warrant;
  int64_t epoch = 0;
};

// What a subject's log says about it.
struct PeerLife {
  crypto::Digest baseline;
  std::vector<PeerRelease> releases;  // in log order
  std::vector<subject::SurfaceRule> surface;
};

struct PeerNetwork {
  // Folded from its first event. kNotFound "peer.unknown" where this machine does not know the subject.
  std::function<Result<PeerLife>(const std::string& subject)> life;
  // What a loader on this machine would start now, its warrant checked again; errors as for `pawl current`.
  std::function<Result<PeerRelease>(const std::string& subject)> live;
};

// Words that say what the two have in common, or nothing. They have an origin in common where a file that is not empty
// and that both surfaces let change has the same bytes in a tree of the one and a tree of the other: its baseline, what
// has been live, and for the judged subject `candidate` as well. What neither can change (a library, a simulator) may
// be shared. A copy that was changed in every such file is not recognised. Errors are those of the store.
Result<std::string> CommonOrigin(const ledger::SubjectLog& judged, const crypto::Digest& candidate,
                                 const PeerLife& peer);

}  // namespace pawl::oversight
