// The subjects of one home as reviewers of each other.
//
//   const oversight::PeerNetwork peers = PeersOf(place);
//
// Thread safety: as the home's files.
#pragma once

#include "cli/command.h"
#include "oversight/peer_network.h"

namespace pawl::cli {

// Lives are folded from the first event of the log that this home has of a subject; what is live is what
// VerifyLiveRelease says of its loader here.
oversight::PeerNetwork PeersOf(const Place& place);

}  // namespace pawl::cli
