// What people sign: the decision that the gate has drafted, looked at again before anybody signs it, and put on the
// ledger once somebody has.
//
//   Result<const audit::ProposalHistory*> proposal = FindDrafted(log, "p3", now_s);
//   envelope.payload = (*proposal)->decision_envelope.payload;   // signed elsewhere: ssh-keygen, a passkey
//   Result<std::vector<charter::Charter>> charters = ChartersOf(log, *(*proposal)->candidate);
//   if (VerifyUnder(*charters, envelope, now_s).ok()) AppendSigned(log, envelope);
//
// Nothing here holds a key, decides, or takes a proposal on: Decide does.
//
// Thread safety: as the log's.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "audit/history.h"
#include "charter/charter.h"
#include "encoding/dsse.h"
#include "ledger/subject_log.h"
#include "result/result.h"

namespace pawl::gate {

enum class Expiry { kMatters, kIgnored };  // a no may be said to a draft that has expired

// The open proposal with its drafted decision, which names exactly what the ledger shows: nobody signs what a gate has
// slipped in. Valid until the log folds more. Rules: kNotFound "approve.no-proposal", refused "approve.decided" and
// "approve.mismatch", kPending "approve.too-early" and "approve.expired".
Result<const audit::ProposalHistory*> FindDrafted(const ledger::SubjectLog& log, const std::string& proposal,
                                                  int64_t now_s, Expiry expiry = Expiry::kMatters);

// The charters whose people sign a decision on this candidate: the one in force and, for an amendment, the new one.
Result<std::vector<charter::Charter>> ChartersOf(const ledger::SubjectLog& log, const warrant::Candidate& candidate);

// The envelope's signatures are valid under every charter that lists their person and key; rules of VerifyApprovals.
Result<void> VerifyUnder(const std::vector<charter::Charter>& charters, const encoding::Envelope& envelope,
                         int64_t now_s);

// Appends to a log that was opened for writing, after whatever others have appended meanwhile. Where it is about a
// proposal that has ended by then, refused "approve.decided".
Result<void> AppendSigned(ledger::SubjectLog& log, const encoding::Envelope& envelope,
                          const std::string& proposal = {});

}  // namespace pawl::gate
