// Why somebody approves although others spoke against: asked for wherever people approve, kept in the home, and put on
// the ledger by the gate when approval is complete.
//
//   if (Result<void> given = RequireReason(*proposal, "ada@example.org", reason); !given.ok()) return given.error();
//   KeepReason(home, log.subject(), decision, "ada@example.org", reason);       // then append the signature
//   KeptReason(home, log.subject(), decision, "ada@example.org");
//
// What a person signs is the decision statement, the same for everybody, so the words are not part of it: on the ledger
// they stand in the gate's finding, as words that nobody signed: whoever first sends a signature chooses them. A gate
// in another home does not see them, and says so in its finding.
//
// Thread safety: files, each written as a whole; no shared state.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "audit/history.h"
#include "ledger/home.h"
#include "result/result.h"

namespace pawl::gate {

// Reviewers who voted against, and people other than `principal` who refused: "prover-a2 voted against: …".
std::vector<std::string> SpokeAgainst(const audit::ProposalHistory& proposal, const std::string& principal);

// Usage "approve.reason" where somebody spoke against and `reason` says nothing.
Result<void> RequireReason(const audit::ProposalHistory& proposal, const std::string& principal,
                           const std::string& reason);

// Keeps it below HOME/reasons; the latest of a person about a decision stays. Nothing is kept of an empty one.
Result<void> KeepReason(const ledger::Home& home, const std::string& subject, const crypto::Digest& decision,
                        const std::string& principal, const std::string& reason);

// The same of an approval that comes as a signature alone, which anybody can read on the ledger and send again: where
// the proposal has it already, the words stay those that were given with it.
Result<void> KeepReasonOfNew(const ledger::Home& home, const std::string& subject,
                             const audit::ProposalHistory& proposal, const std::string& principal,
                             const std::string& reason);

// Nothing where none was given here, or what was kept cannot be read.
std::optional<std::string> KeptReason(const ledger::Home& home, const std::string& subject,
                                      const crypto::Digest& decision, const std::string& principal);

}  // namespace pawl::gate
