// The statements that Pawl records, as values. spec/statements.md is normative; this is its C++ form.
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

// The steps of the one path, in their order.
enum class Step { kFreeze, kSurface, kPace, kProperties, kTrial, kBounds, kQuorum, kApproval, kWarrant, kRelease };
std::string_view StepName(Step step);
inline constexpr int kStepCount = 10;

enum class FindingOutcome { kPass, kRejected, kOutsideCharter, kPending };
std::string_view FindingOutcomeName(FindingOutcome outcome);

enum class ProposalOutcome { kAccepted, kRejected, kOutsideCharter };
std::string_view ProposalOutcomeName(ProposalOutcome outcome);

enum class VoteVerdict { kFor, kAgainst, kAbstain };
std::string_view VoteVerdictName(VoteVerdict verdict);

// What a statement says of which tree or charter: the one entry of the in-toto subject list.
struct About {
  std::string subject;  // the subject's name
  Digest digest;
};

struct Proposal {
  About about;
  std::string proposal;
  Action action = Action::kRelease;  // release, rollback or amendment
  Digest tree;
  std::optional<Digest> parent_tree;
  std::optional<Digest> parent_warrant;
  Digest diff;
  std::string note;
  int64_t time = 0;  // POSIX seconds, here and below
};

struct Finding {
  About about;
  std::string proposal;
  Step step = Step::kFreeze;
  FindingOutcome outcome = FindingOutcome::kPending;
  std::string rule;
  std::string summary;
  std::map<std::string, Digest> evidence;
  int64_t time = 0;
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

struct Refusal {
  About about;
  Digest decision;
  std::string principal;
  std::string reason;
  int64_t time = 0;
};

struct WarrantRecord {
  About about;
  std::string proposal;
  int64_t epoch = 0;
  Digest warrant;
};

struct ReleaseRecord {
  About about;
  std::string proposal;
  int64_t epoch = 0;
  Digest warrant;
  Digest tree;
  int64_t time = 0;
};

struct OutcomeRecord {
  About about;
  std::string proposal;
  ProposalOutcome outcome = ProposalOutcome::kRejected;
  Step step = Step::kFreeze;
  std::string rule;
  std::string reason;
  int64_t time = 0;
};

std::string WriteProposal(const Proposal& statement);
std::string WriteFinding(const Finding& statement);
std::string WriteCandidate(const Candidate& statement);
std::string WriteVote(const Vote& statement);
std::string WriteClosing(const Closing& statement);
std::string WriteDecision(const Decision& statement);
std::string WriteRefusal(const Refusal& statement);
std::string WriteWarrantRecord(const WarrantRecord& statement);
std::string WriteReleaseRecord(const ReleaseRecord& statement);
std::string WriteOutcomeRecord(const OutcomeRecord& statement);

Result<Proposal> ReadProposal(std::string_view payload);
Result<Finding> ReadFinding(std::string_view payload);
Result<Candidate> ReadCandidate(std::string_view payload);
Result<Vote> ReadVote(std::string_view payload);
Result<Closing> ReadClosing(std::string_view payload);
Result<Decision> ReadDecision(std::string_view payload);
Result<Refusal> ReadRefusal(std::string_view payload);
Result<WarrantRecord> ReadWarrantRecord(std::string_view payload);
Result<ReleaseRecord> ReadReleaseRecord(std::string_view payload);
Result<OutcomeRecord> ReadOutcomeRecord(std::string_view payload);

// Which of the ten a payload is; malformed for anything else.
enum class StatementKind {
  kProposal,
  kFinding,
  kCandidate,
  kVote,
  kClosing,
  kDecision,
  kRefusal,
  kWarrant,
  kRelease,
  kOutcome
};
std::string_view StatementKindName(StatementKind kind);
Result<StatementKind> KindOf(std::string_view payload);

// The digest by which other statements name this one: SHA-256 of its payload.
Digest StatementDigest(std::string_view payload);

}  // namespace pawl::warrant
