#include "gate/approval_reasons.h"

#include <algorithm>
#include <filesystem>

#include "encoding/json.h"
#include "gate/gate.h"
#include "oversight/complaint.h"
#include "storage/named_file.h"
#include "warrant/statements.h"

namespace pawl::gate {
namespace {

constexpr size_t kKeptBytesMax = size_t{16} << 10;

std::string FolderOfReasons(const ledger::Home& home, const std::string& subject, const crypto::Digest& decision) {
  return home.root() + "/reasons/" + subject + "/" + decision.Hex();
}

// A person's name may hold what no file name does.
std::string FileOfReason(const std::string& folder, const std::string& principal) {
  return folder + "/" + crypto::Sha256(principal).Hex() + ".json";
}

}  // namespace

std::vector<std::string> SpokeAgainst(const audit::ProposalHistory& proposal, const std::string& principal) {
  std::vector<std::string> who;
  for (const audit::LoggedVote& logged : proposal.votes) {
    if (logged.vote.verdict != warrant::VoteVerdict::kAgainst) continue;
    who.push_back(logged.vote.reviewer + " voted against" +
                  (logged.vote.reasons.empty() ? "" : ": " + logged.vote.reasons.front()));
  }
  for (const audit::LoggedComplaint& complaint : proposal.complaints) who.push_back(oversight::Text(complaint));
  for (const audit::Refusal& refusal : proposal.refusals) {
    if (refusal.principal != principal) who.push_back(refusal.principal + " refused: " + refusal.reason);
  }
  return who;
}

Result<void> RequireReason(const audit::ProposalHistory& proposal, const std::string& principal,
                           const std::string& reason) {
  if (reason.find_first_not_of(" \t\n") != std::string::npos) return {};
  const std::vector<std::string> against = SpokeAgainst(proposal, principal);
  if (against.empty()) return {};
  return Error{ErrorCode::kUsage, "approve.reason",
               PlainText(against.front()) + "; whoever approves all the same says why", "give a reason: -m WHY"};
}

Result<void> KeepReason(const ledger::Home& home, const std::string& subject, const crypto::Digest& decision,
                        const std::string& principal, const std::string& reason) {
  const std::string words = PlainText(reason);
  if (words.find_first_not_of(' ') == std::string::npos) return {};
  const std::string folder = FolderOfReasons(home, subject, decision);
  std::error_code failure;
  std::filesystem::create_directories(folder, failure);
  if (failure) return SystemFailure("approve.reason-kept", "cannot make '" + folder + "': " + failure.message());
  return storage::WriteNamedFile(FileOfReason(folder, principal),
                                 encoding::CanonicalJson({{"principal", principal}, {"reason", words}}));
}

Result<void> KeepReasonOfNew(const ledger::Home& home, const std::string& subject,
                             const audit::ProposalHistory& proposal, const std::string& principal,
                             const std::string& reason) {
  const std::vector<encoding::Signature>& there = proposal.decision_envelope.signatures;
  if (std::ranges::find(there, principal, &encoding::Signature::keyid) != there.end()) return {};
  return KeepReason(home, subject, warrant::StatementDigest(proposal.decision_envelope.payload), principal, reason);
}

std::optional<std::string> KeptReason(const ledger::Home& home, const std::string& subject,
                                      const crypto::Digest& decision, const std::string& principal) {
  Result<std::string> bytes =
      storage::ReadNamedFile(FileOfReason(FolderOfReasons(home, subject, decision), principal), kKeptBytesMax);
  if (!bytes.ok()) return std::nullopt;
  Result<encoding::Json> json = encoding::ParseJson(*bytes);
  if (!json.ok()) return std::nullopt;
  encoding::JsonObject object(*json, "reason");
  const std::string who = object.String("principal", 256);
  std::string reason = object.String("reason", kKeptBytesMax);
  if (!object.Finish().ok() || who != principal) return std::nullopt;
  return PlainText(std::move(reason));
}

}  // namespace pawl::gate
