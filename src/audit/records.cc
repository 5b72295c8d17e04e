#include "audit/records.h"

#include "warrant/members.h"

namespace pawl::audit {
namespace {

using namespace warrant;  // NOLINT: the forms of members.h

constexpr Named<Step> kSteps[] = {{"freeze", Step::kFreeze},   {"surface", Step::kSurface},
                                  {"pace", Step::kPace},       {"properties", Step::kProperties},
                                  {"trial", Step::kTrial},     {"bounds", Step::kBounds},
                                  {"quorum", Step::kQuorum},   {"approval", Step::kApproval},
                                  {"warrant", Step::kWarrant}, {"release", Step::kRelease}};
constexpr Named<FindingOutcome> kFindingOutcomes[] = {{"pass", FindingOutcome::kPass},
                                                      {"rejected", FindingOutcome::kRejected},
                                                      {"outside-charter", FindingOutcome::kOutsideCharter},
                                                      {"pending", FindingOutcome::kPending}};
constexpr Named<ProposalOutcome> kProposalOutcomes[] = {{"accepted", ProposalOutcome::kAccepted},
                                                        {"rejected", ProposalOutcome::kRejected},
                                                        {"outside-charter", ProposalOutcome::kOutsideCharter}};
constexpr Named<StatementKind> kKinds[] = {
    {"proposal", StatementKind::kProposal},   {"finding", StatementKind::kFinding},
    {"candidate", StatementKind::kCandidate}, {"vote", StatementKind::kVote},
    {"closing", StatementKind::kClosing},     {"decision", StatementKind::kDecision},
    {"refusal", StatementKind::kRefusal},     {"warrant", StatementKind::kWarrant},
    {"release", StatementKind::kRelease},     {"outcome", StatementKind::kOutcome},
    {"complaint", StatementKind::kComplaint}};
constexpr Named<ComplaintRule> kComplaintRules[] = {{"vote.equivocation", ComplaintRule::kEquivocation},
                                                    {"vote.other-bytes", ComplaintRule::kOtherBytes},
                                                    {"vote.after-removal", ComplaintRule::kAfterRemoval},
                                                    {"audit.seeds", ComplaintRule::kSeeds},
                                                    {"audit.shares", ComplaintRule::kShares},
                                                    {"audit.verdict", ComplaintRule::kVerdict},
                                                    {"audit.last-step", ComplaintRule::kLastStep},
                                                    {"audit.peer", ComplaintRule::kPeer},
                                                    {"audit.evidence", ComplaintRule::kEvidence},
                                                    {"audit.closing", ComplaintRule::kClosing},
                                                    {"audit.held-back", ComplaintRule::kHeldBack}};

struct EnvelopeOrNull {
  void Read(JsonObject& object, const char* name, std::optional<encoding::Envelope>& value) const {
    if (!object.Any(name).is_null()) value = encoding::ReadEnvelope(object.Object(name));
  }
  Json Write(const std::optional<encoding::Envelope>& value) const {
    return value ? Json::parse(encoding::SerializeEnvelope(*value)) : Json(nullptr);
  }
};

constexpr std::tuple kProposal{
    Member{"proposal", &Proposal::proposal, Name{}},
    Member{"action", &Proposal::action, Word{kProposalActions}},
    Member{"tree", &Proposal::tree, DigestText{}},
    Member{"parent_tree", &Proposal::parent_tree, DigestOrNull{}},
    Member{"parent_warrant", &Proposal::parent_warrant, DigestOrNull{}},
    Member{"diff", &Proposal::diff, DigestText{}},
    Member{"note", &Proposal::note, Text{}},
    Member{"time", &Proposal::time, Time{}},
};

constexpr std::tuple kFinding{
    Member{"proposal", &Finding::proposal, Name{}},
    Member{"step", &Finding::step, Word{kSteps}},
    Member{"outcome", &Finding::outcome, Word{kFindingOutcomes}},
    Member{"rule", &Finding::rule, Text{}},
    Member{"summary", &Finding::summary, Text{}},
    Member{"evidence", &Finding::evidence, DigestMap{}},
    Member{"time", &Finding::time, Time{}},
};

constexpr std::tuple kRefusal{
    Member{"decision", &Refusal::decision, DigestText{}},
    Member{"principal", &Refusal::principal, Text{}},
    Member{"reason", &Refusal::reason, Text{}},
    Member{"time", &Refusal::time, Time{}},
};

constexpr std::tuple kWarrantRecord{
    Member{"proposal", &WarrantRecord::proposal, Name{}},
    Member{"epoch", &WarrantRecord::epoch, Count{}},
    Member{"warrant", &WarrantRecord::warrant, DigestText{}},
};

constexpr std::tuple kReleaseRecord{
    Member{"proposal", &ReleaseRecord::proposal, Name{}},
    Member{"epoch", &ReleaseRecord::epoch, Count{}},
    Member{"warrant", &ReleaseRecord::warrant, DigestText{}},
    Member{"tree", &ReleaseRecord::tree, DigestText{}},
    Member{"time", &ReleaseRecord::time, Time{}},
};

constexpr std::tuple kOutcomeRecord{
    Member{"proposal", &OutcomeRecord::proposal, Name{}},
    Member{"outcome", &OutcomeRecord::outcome, Word{kProposalOutcomes}},
    Member{"step", &OutcomeRecord::step, Word{kSteps}},
    Member{"rule", &OutcomeRecord::rule, Text{}},
    Member{"reason", &OutcomeRecord::reason, Text{}},
    Member{"time", &OutcomeRecord::time, Time{}},
};

constexpr std::tuple kComplaint{
    Member{"complainant", &Complaint::complainant, Text{}},   Member{"accused", &Complaint::accused, Text{}},
    Member{"candidate", &Complaint::candidate, DigestText{}}, Member{"rule", &Complaint::rule, Word{kComplaintRules}},
    Member{"reason", &Complaint::reason, Text{1'000}},        Member{"entry", &Complaint::entry, DigestOrNull{}},
    Member{"vote", &Complaint::vote, EnvelopeOrNull{}},       Member{"time", &Complaint::time, Time{}},
};

}  // namespace

std::string_view StepName(Step step) { return Word(kSteps).Of(step); }
std::string_view FindingOutcomeName(FindingOutcome outcome) { return Word(kFindingOutcomes).Of(outcome); }
std::string_view ProposalOutcomeName(ProposalOutcome outcome) { return Word(kProposalOutcomes).Of(outcome); }
std::string_view ComplaintRuleName(ComplaintRule rule) { return Word(kComplaintRules).Of(rule); }
std::string_view StatementKindName(StatementKind kind) { return Word(kKinds).Of(kind); }

bool IsProven(ComplaintRule rule) { return rule <= ComplaintRule::kAfterRemoval; }

Result<StatementKind> KindOf(std::string_view payload) {
  const Result<encoding::Statement> statement = encoding::ParseStatement(payload);
  if (!statement.ok()) return statement.error();
  for (const auto& [name, kind] : kKinds) {
    if (PredicateType(name) == statement->predicate_type) return kind;
  }
  return Malformed("statement.kind", "unknown predicate type " + statement->predicate_type,
                   "a newer Pawl may be needed to read this");
}

Result<StatementKind> KindToRead(std::string_view payload) {
  // A quotation mark within a string stands behind a backslash, and of all members the last with this name is the one
  // that is meant: only the statement's subject follows it, which has none.
  const size_t at = payload.rfind(R"("predicateType":")");
  const std::string_view member = payload.substr(at == payload.npos ? payload.size() : at);
  for (const auto& [name, kind] : kKinds) {
    if (member.starts_with(R"("predicateType":"urn:pawl:)" + std::string(name) + ":v1\"")) return kind;
  }
  return KindOf(payload);
}

std::string WriteProposal(const Proposal& statement) { return WriteStatement("proposal", kProposal, statement); }
std::string WriteFinding(const Finding& statement) { return WriteStatement("finding", kFinding, statement); }
std::string WriteRefusal(const Refusal& statement) { return WriteStatement("refusal", kRefusal, statement); }
std::string WriteWarrantRecord(const WarrantRecord& statement) {
  return WriteStatement("warrant", kWarrantRecord, statement);
}
std::string WriteReleaseRecord(const ReleaseRecord& statement) {
  return WriteStatement("release", kReleaseRecord, statement);
}
std::string WriteOutcomeRecord(const OutcomeRecord& statement) {
  return WriteStatement("outcome", kOutcomeRecord, statement);
}
std::string WriteComplaint(const Complaint& statement) { return WriteStatement("complaint", kComplaint, statement); }

Result<Proposal> ReadProposal(std::string_view payload) {
  return ReadStatement<Proposal>("proposal", kProposal, payload);
}
Result<Finding> ReadFinding(std::string_view payload) { return ReadStatement<Finding>("finding", kFinding, payload); }
Result<Refusal> ReadRefusal(std::string_view payload) { return ReadStatement<Refusal>("refusal", kRefusal, payload); }
Result<WarrantRecord> ReadWarrantRecord(std::string_view payload) {
  return ReadStatement<WarrantRecord>("warrant", kWarrantRecord, payload);
}
Result<ReleaseRecord> ReadReleaseRecord(std::string_view payload) {
  return ReadStatement<ReleaseRecord>("release", kReleaseRecord, payload);
}
Result<OutcomeRecord> ReadOutcomeRecord(std::string_view payload) {
  return ReadStatement<OutcomeRecord>("outcome", kOutcomeRecord, payload);
}
Result<Complaint> ReadComplaint(std::string_view payload) {
  return ReadStatement<Complaint>("complaint", kComplaint, payload);
}

}  // namespace pawl::audit
