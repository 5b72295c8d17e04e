#include "cli/not_yet_signer.h"

#include <set>

namespace pawl::cli {

Error WhyNoSigner(const ledger::SubjectLog& log, const SignerChoice& choice, const Error& error) {
  if (error.rule != "sign.not-a-signer") return error;
  for (const audit::ProposalHistory& proposal : log.history().proposals()) {
    if (proposal.outcome || proposal.proposal.action != warrant::Action::kAmendment) continue;
    Result<charter::Charter> next = charter::ReadCharterFromStore(log.store(), proposal.proposal.tree);
    if (!next.ok() || !ResolveSigner(*next, choice).ok()) continue;
    std::set<std::string> people;
    for (const crypto::AllowedSigner& signer : log.charter().charter.approval.signers) people.insert(signer.principal);
    std::string names;
    for (const std::string& person : people) names += (names.empty() ? "" : ", ") + person;
    return Refused(
        "sign.not-yet-a-signer",
        "only the charter of " + proposal.proposal.proposal + " lists this key, and it is not in force",
        "until then it can approve " + proposal.proposal.proposal + " and nothing else; ask one of " + names);
  }
  return error;
}

}  // namespace pawl::cli
