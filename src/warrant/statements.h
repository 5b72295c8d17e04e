// The statements that a warrant consists of, as values. spec/statements.md is normative; this is its C++ form.
// audit/records.h has those that stand in the log alone.
//
//   Candidate candidate = …;
//   std::string payload = WriteCandidate(candidate);
//   Result<Candidate> read = ReadCandidate(payload);   // refuses anything that WriteCandidate would not have written
//
// Writers return the payload of a DSSE envelope: canonical JSON of an in-toto Statement v1. Readers check every key,
// type, length and the canonical form. Neither checks signatures; see verify.h.
//
// Thread safety: values and pure functions.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "crypto/digest.h"
#include "encoding/json.h"
#include "encoding/statement.h"
#include "result/result.h"

namespace pawl::warrant {

using crypto::Digest;

using encoding::kPayloadType;
inline constexpr std::string_view kApprovalNamespace = "approve@pawl";

enum class Action { kGenesis, kRelease, kRollback, kAmendment, kHalt, kResume };
std::string_view ActionName(Action action);

// The actions that a proposal can have, by their words.
inline constexpr std::pair<std::string_view, Action> kProposalActions[] = {
    {"release", Action::kRelease}, {"rollback", Action::kRollback}, {"amendment", Action::kAmendment}};

enum class VoteVerdict { kFor, kAgainst, kAbstain };
std::string_view VoteVerdictName(VoteVerdict verdict);

// What a statement says of which tree or charter: the one entry of the in-toto subject list.
struct About {
  std::string subject;  // the subject's name
  Digest digest;
};

struct CertificateReference {
  std::string property;
  Digest network;
  Digest certificate;
  bool operator==(const CertificateReference&) const = default;
};

// The commit: what reviewers vote on.
struct Candidate {
  About about;
  std::string proposal;
  Action action = Action::kRelease;
  std::string resource;
  int64_t epoch = 0;
  Digest tree;
  std::optional<Digest> parent_tree;
  std::optional<Digest> parent_warrant;
  Digest baseline;
  Digest charter;
  int64_t charter_epoch = 0;
  int64_t budget_index = 0;
  Digest diff;
  std::optional<Digest> environment;
  std::vector<CertificateReference> certificates;
  int64_t time = 0;
};

struct Vote {
  About about;
  Digest candidate;
  std::string reviewer;
  std::string role;
  VoteVerdict verdict = VoteVerdict::kAbstain;
  std::vector<std::string> reasons;
  encoding::Json evidence = encoding::Json::object();
  std::string host;
  std::string user;
  int64_t time = 0;
};

struct Closing {
  About about;
  Digest candidate;
  int64_t size = 0;
  Digest root;
  std::vector<Digest> votes;       // sorted, distinct
  std::vector<Digest> open_halts;  // sorted, distinct
  int64_t time = 0;
};

// What people approve.
struct Decision {
  About about;
  Action action = Action::kRelease;
  std::string resource;
  int64_t epoch = 0;
  Digest charter;
  int64_t charter_epoch = 0;
  std::optional<Digest> target;
  std::optional<Digest> previous;
  std::optional<Digest> candidate;
  std::optional<Digest> closing;
  std::vector<Digest> votes;  // sorted, distinct
  std::map<std::string, std::string> results;
  std::vector<Digest> lifts;  // sorted, distinct
  std::string reason;
  int64_t issued = 0;
  int64_t expires = 0;
};

std::string WriteCandidate(const Candidate& statement);
std::string WriteVote(const Vote& statement);
std::string WriteClosing(const Closing& statement);
std::string WriteDecision(const Decision& statement);

Result<Candidate> ReadCandidate(std::string_view payload);
Result<Vote> ReadVote(std::string_view payload);
Result<Closing> ReadClosing(std::string_view payload);
Result<Decision> ReadDecision(std::string_view payload);

// The digest by which other statements name this one: SHA-256 of its payload.
Digest StatementDigest(std::string_view payload);

}  // namespace pawl::warrant
