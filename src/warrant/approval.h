// Who has signed a statement: gate and reviewers with their keys, people with theirs.
//
//   Result<std::vector<Approver>> approvers = VerifyApprovals(envelope, charter, time);
//   if (approvers.ok() && approvers->size() >= charter.approval.threshold) …
//
// Thread safety: pure functions.
#pragma once

#include <cstdint>
#include <set>
#include <string>
#include <vector>

#include "charter/charter.h"
#include "crypto/sshsig.h"
#include "encoding/dsse.h"
#include "result/result.h"
#include "warrant/statements.h"

namespace pawl::warrant {

// Whether one of the envelope's signatures is this key's, under the key's name.
bool IsSignedBy(const encoding::Envelope& envelope, const crypto::NoteKey& key);

// The principals of the auditors who have signed. Refused ("closing.signature") where a signature is no auditor's.
Result<std::set<std::string>> VerifyAuditors(const encoding::Envelope& envelope, const charter::Charter& charter);

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

// The envelope without the signatures whose person or key this charter does not list, and without further ones of the
// same person; what cannot be read stays, to be refused. An amendment is signed by the people of two charters. One of
// them may have changed keys and sign with both, and each list is then verified by itself.
encoding::Envelope ListedApprovals(encoding::Envelope envelope, const charter::Charter& charter);

// Whether going to `tree` only takes back the last release, given what was live, oldest first. What a rollback left is
// no predecessor: going there would undo what people decided.
struct LiveTree {
  Digest tree;
  Action action = Action::kRelease;  // by which it became live: release or rollback
};
enum class RollbackTarget { kPredecessor, kOlder };
RollbackTarget TargetOf(const std::vector<LiveTree>& past, const Digest& tree);

// How many people have to sign a decision of this action under this charter. `target` matters to rollbacks alone.
int64_t ApprovalsNeeded(const charter::Charter& charter, Action action, RollbackTarget target);

}  // namespace pawl::warrant
