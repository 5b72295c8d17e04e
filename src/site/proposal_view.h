// What the API says of proposals: the inbox, and everything about one.
//
// Thread safety: as the log's.
#pragma once

#include <cstdint>
#include <string>

#include "encoding/json.h"
#include "ledger/subject_log.h"
#include "result/result.h"
#include "site/subject_views.h"

namespace pawl::site {

// All proposals, those that wait for people first, then for reviewers, then for the machine, then those that have
// ended; the latest first among each.
encoding::Json InboxView(const ledger::SubjectLog& log, const Slice& slice, int64_t now_s);

// A row of it.
encoding::Json PositionView(const ledger::SubjectLog& log, const audit::ProposalHistory& proposal, int64_t now_s);

// kNotFound "site.no-proposal".
Result<const audit::ProposalHistory*> FindProposal(const ledger::SubjectLog& log, const std::string& name);

// With the votes against and abstentions first, and the statement that people sign.
encoding::Json ProposalView(const ledger::SubjectLog& log, const audit::ProposalHistory& proposal, int64_t now_s);

Result<encoding::Json> DiffView(const ledger::SubjectLog& log, const audit::ProposalHistory& proposal);

// What is signed, for whoever signs it: the payload, its digest, and the WebAuthn challenge, which is the SSHSIG's
// signed bytes.
encoding::Json SigningRequest(const std::string& payload);

}  // namespace pawl::site
