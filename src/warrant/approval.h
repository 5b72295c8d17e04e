// Which people have signed a decision.
//
//   Result<std::vector<Approver>> approvers = VerifyApprovals(envelope, charter, time);
//   if (approvers.ok() && approvers->size() >= charter.approval.threshold) …
//
// Thread safety: pure functions.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "charter/charter.h"
#include "crypto/sshsig.h"
#include "encoding/dsse.h"
#include "result/result.h"
#include "warrant/statements.h"

namespace pawl::warrant {

struct Approver {
  std::string principal;
  std::string key_fingerprint;
  crypto::SshsigFacts facts;
  bool presence_proven = false;
};

// Every signature of the envelope must be a valid SSHSIG (namespace approve@pawl, over the envelope's
// pre-authentication encoding) by the signer that its keyid names, with a key that is in force at `time_s`; one that is
// not refuses the whole envelope ("approval.signature", "approval.unknown-signer", "approval.expired-key"). Each
// principal and each underlying key counts once ("approval.twice"). Where the charter requires presence, each signature
// must show it
// ("approval.presence"). The result may be shorter than any threshold: the caller compares.
Result<std::vector<Approver>> VerifyApprovals(const encoding::Envelope& envelope, const charter::Charter& charter,
                                              int64_t time_s);

// The envelope without the signatures whose person or key this charter does not list; what cannot be read stays, to be
// refused. An amendment is signed by the people of two charters, where one person may have changed keys, and each list
// is then verified by itself.
encoding::Envelope ListedApprovals(const encoding::Envelope& envelope, const charter::Charter& charter);

// How many people have to sign a decision of this action under this charter. `target` matters to rollbacks alone.
enum class RollbackTarget { kPredecessor, kOlder };
int64_t ApprovalsNeeded(const charter::Charter& charter, Action action, RollbackTarget target);

}  // namespace pawl::warrant
