// What a peer's vote has to say about who cast it, and who may cast none; auditors hold every such vote to it.
//
//   for (const audit::LoggedVote& logged : proposal.votes)
//     if (Result<void> checked = CheckPeerVote(log, proposal, logged, peers); !checked.ok()) return checked;
//
// Thread safety: as the log's.
#pragma once

#include <string>

#include "audit/history.h"
#include "ledger/subject_log.h"
#include "oversight/peer_network.h"
#include "oversight/peer_rules.h"
#include "result/result.h"

namespace pawl::oversight {

// The rule of one reviewer of role peer. Errors are those of ReadPeerRules.
Result<PeerRule> PeerRuleOf(const charter::CharterFiles& charter, const std::string& reviewer);

// What a peer's reviewer signs for its program's seed, which is the SHA-256 of the signature: nobody else foresees it,
// and everybody can check it.
std::string PeerSeedMessage(const crypto::Digest& candidate);

// kRefused "peer.descent": no vote by a system that has an origin in common with what it judges.
Error PeerDescends(const std::string& subject, const std::string& words);

// A vote for or against by a peer names the subject of its rule, a seed that its key signed, and, where this machine
// knows that subject, a release of it: tree, warrant and epoch as its log has them; and the two have no origin in
// common. kRefused "audit.peer", "peer.descent"; others are those of reading. What abstains is not looked at.
Result<void> CheckPeerVote(const ledger::SubjectLog& log, const audit::ProposalHistory& proposal,
                           const audit::LoggedVote& logged, const PeerNetwork& peers);

}  // namespace pawl::oversight
