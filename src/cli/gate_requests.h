// What a running gate does with the proposals and approvals that it takes from its standard input (request_lines.h):
//
//   Result<GateRequest> request = ParseRequest(line);
//   if (request.ok()) Result<std::string> proposal = Act(gate, *request);
//
// For whoever has many subjects: a process for each proposal and each approval costs more than all that the gate does
// for it. A request is what `pawl propose`, `pawl rollback` and `pawl approve` would do up to the point where the gate
// decides, no less: a person's signature is over the decision statement of one proposal, made wherever the person's key
// is (ssh-keygen, ssh-agent). There is none over several.
//
// Thread safety: one thread.
#pragma once

#include <string>

#include "cli/request_lines.h"
#include "gate/gate.h"
#include "result/result.h"

namespace pawl::cli {

// Puts it on the ledger; the proposal's name. Decides nothing. Fails as the commands do; kPending errors pass.
// Malformed "sshsig.malformed", Refused "sign.not-a-signer" and the rules of approvals for what nobody of the charter
// has signed.
Result<std::string> Act(gate::Gate& gate, const GateRequest& request);

// The tree to roll back to: by its digest, by the epoch of a release, or (empty) the one that was live before.
Result<crypto::Digest> RollbackTree(const std::string& target, const audit::History& history);

}  // namespace pawl::cli
