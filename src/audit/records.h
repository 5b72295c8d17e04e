// The statements that stand in the log beside those of warrant/statements.h, as values: what was proposed, what each
// step found, who refused, what became of it. spec/statements.md is normative; this is its C++ form.
//
//   Result<Finding> finding = ReadFinding(payload);   // refuses anything that WriteFinding would not have written
//
// No warrant holds them and no loader reads them. Neither reader nor writer checks or makes signatures; see history.h.
//
// Thread safety: values and pure functions.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "encoding/dsse.h"
#include "result/result.h"
#include "warrant/statements.h"

namespace pawl::audit {

using crypto::Digest;
using warrant::About;
using warrant::Action;
using warrant::Candidate;
using warrant::Closing;
using warrant::Decision;
using warrant::Vote;

// The steps of the one path, in their order.
enum class Step { kFreeze, kSurface, kPace, kProperties, kTrial, kBounds, kQuorum, kApproval, kWarrant, kRelease };
std::string_view StepName(Step step);
inline constexpr int kStepCount = 10;

enum class FindingOutcome { kPass, kRejected, kOutsideCharter, kPending };
std::string_view FindingOutcomeName(FindingOutcome outcome);

enum class ProposalOutcome { kAccepted, kRejected, kOutsideCharter };
std::string_view ProposalOutcomeName(ProposalOutcome outcome);

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

// What somebody is accused of. The fold verifies the first three for itself, and takes no complaint that does not prove
// them; the others are the complainant's word.
enum class ComplaintRule {
  kEquivocation,  // two different votes on one candidate statement
  kOtherBytes,    // a vote that names another tree than the candidate statement that it is on
  kAfterRemoval,  // a vote with a key that the charter of its candidate statement no longer lists
  kSeeds,         // what auditors compute again of a vote, and of a closing statement
  kShares,
  kVerdict,
  kLastStep,
  kPeer,
  kEvidence,
  kClosing,
  kHeldBack,  // of the log: witnesses had a vote before voting closed, and the log did not have it by then
};
std::string_view ComplaintRuleName(ComplaintRule rule);
bool IsProven(ComplaintRule rule);

struct Complaint {
  About about;
  std::string complainant;  // a reviewer, or the name of the gate's log key
  std::string accused;      // likewise
  Digest candidate;
  ComplaintRule rule = ComplaintRule::kEvidence;
  std::string reason;
  std::optional<Digest> entry;             // of a vote or the closing statement in the log
  std::optional<encoding::Envelope> vote;  // one that the log does not have
  int64_t time = 0;
};

std::string WriteProposal(const Proposal& statement);
std::string WriteFinding(const Finding& statement);
std::string WriteRefusal(const Refusal& statement);
std::string WriteWarrantRecord(const WarrantRecord& statement);
std::string WriteReleaseRecord(const ReleaseRecord& statement);
std::string WriteOutcomeRecord(const OutcomeRecord& statement);
std::string WriteComplaint(const Complaint& statement);

Result<Proposal> ReadProposal(std::string_view payload);
Result<Finding> ReadFinding(std::string_view payload);
Result<Refusal> ReadRefusal(std::string_view payload);
Result<WarrantRecord> ReadWarrantRecord(std::string_view payload);
Result<ReleaseRecord> ReadReleaseRecord(std::string_view payload);
Result<OutcomeRecord> ReadOutcomeRecord(std::string_view payload);
Result<Complaint> ReadComplaint(std::string_view payload);

// Which of the eleven a payload is; malformed for anything else.
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
  kOutcome,
  kComplaint
};
std::string_view StatementKindName(StatementKind kind);
Result<StatementKind> KindOf(std::string_view payload);
// The same by what the text says alone, which is a guess at whose reader to ask: that one checks everything, and the
// kind with it. An error is KindOf's.
Result<StatementKind> KindToRead(std::string_view payload);

}  // namespace pawl::audit
