// Saying on the ledger who did what no honest reviewer does, with the evidence.
//
//   const Result<void> checked = CheckEvaluatorVote(log, proposal, logged);
//   if (!checked.ok()) Complain(log, reviewer, proposal, AboutVote(logged, checked.error()));
//
// A complaint decides nothing: people read it, and the quorum is counted as before. What can be proven from its bytes
// the fold proves again (audit/history.h); the rest is shown as the complainant's word. Each is said once: what the log
// has is not said again, by this process or after a restart.
//
// Thread safety: belongs to the thread that has the log; the others are pure functions.
#pragma once

#include <optional>
#include <string>

#include "audit/history.h"
#include "encoding/dsse.h"
#include "ledger/subject_log.h"
#include "oversight/review.h"
#include "result/result.h"

namespace pawl::oversight {

// What somebody is accused of, before it is signed.
struct Charge {
  std::string accused;
  audit::ComplaintRule rule = audit::ComplaintRule::kEvidence;
  std::string reason;                           // a sentence
  std::optional<crypto::Digest> entry = {};     // of the vote or closing statement in the log
  std::optional<encoding::Envelope> vote = {};  // one that the log does not have
};

// What a check of a logged vote has found; nothing where the error says nothing about the reviewer: a machine that
// failed, a log that cannot be read.
std::optional<Charge> ChargeOf(const audit::LoggedVote& logged, const Error& error);

// Whether the log has it now and had not before. `proposal` may be older than the log. Nobody is kept from anything
// where the log does not take it: it is tried again at the next look.
bool Complain(ledger::SubjectLog& log, const Reviewer& reviewer, const audit::ProposalHistory& proposal,
              const Charge& charge);

// "auditor-c accuses prover-a of vote.equivocation (entry 41)".
std::string Heading(const audit::LoggedComplaint& complaint);
// "auditor-c accuses prover-a of vote.equivocation (entry 41), proven; it says: …", or "…, in its own word: …"; on one
// line.
std::string Text(const audit::LoggedComplaint& complaint);

// Whether the accused still has the key that this is about. What is signed with a key that an amendment has taken away,
// by a thief perhaps, is no reason to replace the one that came after it, nor a word about who came after its owner.
bool IsOfKeyInForce(const audit::History& history, const audit::ProposalHistory& proposal,
                    const audit::Complaint& complaint);

}  // namespace pawl::oversight
