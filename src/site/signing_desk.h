// Statements that people sign on a page: drafted here, signed by a passkey elsewhere, and put on the ledger by the path
// of `pawl approve`, `pawl reject`, `pawl halt` and `pawl resume`.
//
//   Result<Json> draft = DraftStatement(log, R"({"action":"halt","proposal":"","principal":"…","reason":"…"})", now);
//   Result<ledger::SubjectLog> opened = …;           // for writing
//   Result<Json> taken = TakeSignature(log, opened, R"({"payload":…,"principal":…,"assertion":{…}})", terms, now);
//
// A passkey's challenge is the whole signed text of the SSHSIG, so that what is stored is a webauthn signature which
// ssh-keygen -Y verify and pawl-check read. Here it counts where a person was present and verified, on one of the
// charter's origins, for its relying party, whatever the charter asks of other keys.
//
// Nothing is remembered between the two calls: what comes back is judged as if anybody had written it.
//
// Thread safety: as the log's.
#pragma once

#include <cstdint>
#include <string_view>

#include "encoding/json.h"
#include "ledger/subject_log.h"
#include "result/result.h"

namespace pawl::site {

// So old, or so far ahead, a draft of a refusal or halt may be when its signature comes.
inline constexpr int64_t kDraftAgeMax_s = 600;

// A home's own setting, no charter key: loaders cannot check when somebody signed, so what they could not enforce is no
// rule of the charter. It keeps people who mean well from clicking through.
struct DeskTerms {
  int64_t approvals_a_day_max = 20;  // of releases, by one person on this page
};

// What is halted and who has signed a resume so far: {lifts, reason, signed_by, needed}; null where nothing is halted.
encoding::Json ResumeView(const ledger::SubjectLog& log, int64_t now_s);

// {"payload","digest","challenge"}. Refused "site.not-a-signer", and as FindDrafted refuses.
Result<encoding::Json> DraftStatement(const ledger::SubjectLog& log, std::string_view body, int64_t now_s);

// {"signed": "approval", "refusal", "halt" or "resume", "sentence": what is waited for now}. An approval has a member
// "reason" where others spoke against (gate/approval_reasons.h: usage "approve.reason"); more of a day than the terms
// take are pending "site.pace". `log` is what was read; `opened` the
// same opened for writing, which may have failed: a halt reaches the loader's folder all the same, and then says that
// the ledger does not know ("halt.ledger"). What had begun to start when a halt came is not waited for, and the
// sentence says so. Refused "site.passkey" (no passkey of this person made it), "site.presence", "site.statement"
// (nothing that is signed here), "site.draft-age", and as FindDrafted, VerifyApprovals and the ledger refuse.
Result<encoding::Json> TakeSignature(const ledger::SubjectLog& log, Result<ledger::SubjectLog>& opened,
                                     std::string_view body, const DeskTerms& terms, int64_t now_s);

}  // namespace pawl::site
