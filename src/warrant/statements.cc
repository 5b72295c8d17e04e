#include "warrant/statements.h"

#include <algorithm>
#include <initializer_list>
#include <utility>

#include "encoding/statement.h"
#include "encoding/time.h"
#include "encoding/utf8.h"

namespace pawl::warrant {
namespace {

using encoding::Json;
using encoding::JsonObject;
using encoding::kJsonIntegerMax;
using encoding::TimeText;

constexpr size_t kTextBytesMax = 4'096;
constexpr size_t kDigestsMax = 1'024;

template <typename T>
using Names = std::initializer_list<std::pair<std::string_view, T>>;

const Names<Action> kActions = {{"genesis", Action::kGenesis},   {"release", Action::kRelease},
                                {"rollback", Action::kRollback}, {"amendment", Action::kAmendment},
                                {"halt", Action::kHalt},         {"resume", Action::kResume}};
const Names<Action> kProposalActions = {
    {"release", Action::kRelease}, {"rollback", Action::kRollback}, {"amendment", Action::kAmendment}};
const Names<Step> kSteps = {{"freeze", Step::kFreeze},   {"surface", Step::kSurface},
                            {"pace", Step::kPace},       {"properties", Step::kProperties},
                            {"trial", Step::kTrial},     {"bounds", Step::kBounds},
                            {"quorum", Step::kQuorum},   {"approval", Step::kApproval},
                            {"warrant", Step::kWarrant}, {"release", Step::kRelease}};
const Names<FindingOutcome> kFindingOutcomes = {{"pass", FindingOutcome::kPass},
                                                {"rejected", FindingOutcome::kRejected},
                                                {"outside-charter", FindingOutcome::kOutsideCharter},
                                                {"pending", FindingOutcome::kPending}};
const Names<ProposalOutcome> kProposalOutcomes = {{"accepted", ProposalOutcome::kAccepted},
                                                  {"rejected", ProposalOutcome::kRejected},
                                                  {"outside-charter", ProposalOutcome::kOutsideCharter}};
const Names<VoteVerdict> kVoteVerdicts = {
    {"for", VoteVerdict::kFor}, {"against", VoteVerdict::kAgainst}, {"abstain", VoteVerdict::kAbstain}};
const Names<StatementKind> kKinds = {
    {"urn:pawl:proposal:v1", StatementKind::kProposal},   {"urn:pawl:finding:v1", StatementKind::kFinding},
    {"urn:pawl:candidate:v1", StatementKind::kCandidate}, {"urn:pawl:vote:v1", StatementKind::kVote},
    {"urn:pawl:closing:v1", StatementKind::kClosing},     {"urn:pawl:decision:v1", StatementKind::kDecision},
    {"urn:pawl:refusal:v1", StatementKind::kRefusal},     {"urn:pawl:warrant:v1", StatementKind::kWarrant},
    {"urn:pawl:release:v1", StatementKind::kRelease},     {"urn:pawl:outcome:v1", StatementKind::kOutcome}};

template <typename T>
std::string_view NameOf(Names<T> names, T value) {
  for (const auto& [name, candidate] : names) {
    if (candidate == value) return name;
  }
  return {};
}

bool IsText(std::string_view text) { return text.size() <= kTextBytesMax && encoding::IsPlainText(text); }

bool IsName(std::string_view name) {
  const auto is_inner = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' || c == '_' || c == '-';
  };
  return !name.empty() && name.size() <= 64 && std::all_of(name.begin(), name.end(), is_inner) && name[0] != '.' &&
         name[0] != '_' && name[0] != '-';
}

// ---- writing

Json OrNull(const std::optional<Digest>& digest) { return digest ? Json(digest->Text()) : Json(nullptr); }

Json Texts(const std::vector<Digest>& digests) {
  Json list = Json::array();
  for (const Digest& digest : digests) list.push_back(digest.Text());
  return list;
}

std::string Write(StatementKind kind, const About& about, Json predicate) {
  return encoding::SerializeStatement({.subjects = {{.name = about.subject, .digest = about.digest.Text()}},
                                       .predicate_type = std::string(NameOf(kKinds, kind)),
                                       .predicate = std::move(predicate)});
}

// ---- reading: JsonObject's getters for the types of spec/statements.md

class Fields {
 public:
  Fields(const Json& predicate, StatementKind kind) : object_(predicate, std::string(StatementKindName(kind))) {}

  std::string Text(const char* name) {
    std::string text = object_.String(name, kTextBytesMax);
    if (!IsText(text)) object_.Fail("statement.text", name, "holds a control character");
    return text;
  }
  std::string Name(const char* name) {
    std::string text = object_.String(name, 64);
    if (!IsName(text)) object_.Fail("statement.name", name, "is not a name");
    return text;
  }
  Digest DigestOf(const char* name) { return Parsed(object_.DigestText(name)); }
  std::optional<Digest> DigestOrNull(const char* name) {
    if (object_.Has(name) && IsNull(name)) {
      object_.Any(name);
      return std::nullopt;
    }
    return DigestOf(name);
  }
  // A sorted list without repetition.
  std::vector<Digest> DigestSet(const char* name) {
    std::vector<Digest> digests;
    for (const std::string& text : object_.DigestTexts(name, kDigestsMax)) digests.push_back(Parsed(text));
    for (size_t i = 1; i < digests.size(); ++i) {
      if (!(digests[i - 1] < digests[i])) object_.Fail("statement.order", name, "is not sorted and distinct");
    }
    return digests;
  }
  int64_t Count(const char* name) { return object_.Integer(name, 0); }
  int64_t Time(const char* name) { return object_.Time(name); }
  template <typename T>
  T Word(const char* name, Names<T> words) {
    return object_.Choice(name, words);
  }
  std::map<std::string, std::string> TextMap(const char* name) {
    std::map<std::string, std::string> map;
    JsonObject object = object_.Object(name);
    for (const std::string& key : object.Names()) {
      map[key] = object.String(key.c_str(), kTextBytesMax);
      if (!IsText(key) || !IsText(map[key])) object.Fail("statement.text", key, "holds a control character");
    }
    return map;
  }
  std::map<std::string, Digest> DigestMap(const char* name) {
    std::map<std::string, Digest> map;
    JsonObject object = object_.Object(name);
    for (const std::string& key : object.Names()) {
      map[key] = Parsed(object.DigestText(key.c_str()));
      if (!IsText(key)) object.Fail("statement.text", key, "holds a control character");
    }
    return map;
  }
  JsonObject& object() { return object_; }
  Result<void> Finish() { return object_.Finish(); }

  static Digest Parsed(const std::string& text) {
    Result<Digest> digest = Digest::Parse(text);
    return digest.ok() ? *digest : Digest{};  // the getter has recorded the failure already
  }

 private:
  bool IsNull(const char* name) const { return raw_ != nullptr && raw_->at(name).is_null(); }
  friend struct Opened;
  JsonObject object_;
  const Json* raw_ = nullptr;
};

// The statement's frame, checked: one subject with a name, the expected predicate type.
struct Opened {
  encoding::Statement statement;
  About about;

  static Result<Opened> Open(std::string_view payload, StatementKind kind) {
    Result<encoding::Statement> statement = encoding::ParseStatement(payload);
    if (!statement.ok()) return statement.error();
    if (statement->predicate_type != NameOf(kKinds, kind)) {
      return Malformed("statement.kind", "expected a statement of type " + std::string(NameOf(kKinds, kind)) +
                                             ", found " + statement->predicate_type);
    }
    if (statement->subjects.size() != 1 || !IsName(statement->subjects[0].name)) {
      return Malformed("statement.subject", "a statement has one subject with a name");
    }
    Result<Digest> digest = Digest::Parse(statement->subjects[0].digest);
    if (!digest.ok()) return digest.error();
    About about{.subject = statement->subjects[0].name, .digest = *digest};
    return Opened{std::move(*statement), std::move(about)};
  }

  Fields PredicateFields(StatementKind kind) const {
    Fields fields(statement.predicate, kind);
    fields.raw_ = &statement.predicate;
    return fields;
  }
};

// Opens, lets `fill` read every member, and returns the value only if nothing was wrong.
template <typename T, typename Fill>
Result<T> Read(std::string_view payload, StatementKind kind, Fill fill) {
  Result<Opened> opened = Opened::Open(payload, kind);
  if (!opened.ok()) return opened.error();
  T value;
  value.about = opened->about;
  Fields fields = opened->PredicateFields(kind);
  fill(fields, value);
  if (Result<void> done = fields.Finish(); !done.ok()) return done.error();
  return value;
}

}  // namespace

std::string_view ActionName(Action action) { return NameOf(kActions, action); }
std::string_view StepName(Step step) { return NameOf(kSteps, step); }
std::string_view FindingOutcomeName(FindingOutcome outcome) { return NameOf(kFindingOutcomes, outcome); }
std::string_view ProposalOutcomeName(ProposalOutcome outcome) { return NameOf(kProposalOutcomes, outcome); }
std::string_view VoteVerdictName(VoteVerdict verdict) { return NameOf(kVoteVerdicts, verdict); }

std::string_view StatementKindName(StatementKind kind) {
  std::string_view name = NameOf(kKinds, kind);
  name.remove_prefix(std::string_view("urn:pawl:").size());
  name.remove_suffix(std::string_view(":v1").size());
  return name;
}

Result<StatementKind> KindOf(std::string_view payload) {
  Result<encoding::Statement> statement = encoding::ParseStatement(payload);
  if (!statement.ok()) return statement.error();
  for (const auto& [name, kind] : kKinds) {
    if (name == statement->predicate_type) return kind;
  }
  return Malformed("statement.kind", "unknown predicate type " + statement->predicate_type,
                   "a newer Pawl may be needed to read this");
}

Digest StatementDigest(std::string_view payload) { return crypto::Sha256(payload); }

std::string WriteProposal(const Proposal& s) {
  return Write(StatementKind::kProposal, s.about,
               {{"proposal", s.proposal},
                {"action", ActionName(s.action)},
                {"tree", s.tree.Text()},
                {"parent_tree", OrNull(s.parent_tree)},
                {"parent_warrant", OrNull(s.parent_warrant)},
                {"diff", s.diff.Text()},
                {"note", s.note},
                {"time", TimeText(s.time)}});
}

Result<Proposal> ReadProposal(std::string_view payload) {
  return Read<Proposal>(payload, StatementKind::kProposal, [](Fields& fields, Proposal& s) {
    s.proposal = fields.Name("proposal");
    s.action = fields.Word("action", kProposalActions);
    s.tree = fields.DigestOf("tree");
    s.parent_tree = fields.DigestOrNull("parent_tree");
    s.parent_warrant = fields.DigestOrNull("parent_warrant");
    s.diff = fields.DigestOf("diff");
    s.note = fields.Text("note");
    s.time = fields.Time("time");
  });
}

std::string WriteFinding(const Finding& s) {
  Json evidence = Json::object();
  for (const auto& [name, digest] : s.evidence) evidence[name] = digest.Text();
  return Write(StatementKind::kFinding, s.about,
               {{"proposal", s.proposal},
                {"step", StepName(s.step)},
                {"outcome", FindingOutcomeName(s.outcome)},
                {"rule", s.rule},
                {"summary", s.summary},
                {"evidence", evidence},
                {"time", TimeText(s.time)}});
}

Result<Finding> ReadFinding(std::string_view payload) {
  return Read<Finding>(payload, StatementKind::kFinding, [](Fields& fields, Finding& s) {
    s.proposal = fields.Name("proposal");
    s.step = fields.Word("step", kSteps);
    s.outcome = fields.Word("outcome", kFindingOutcomes);
    s.rule = fields.Text("rule");
    s.summary = fields.Text("summary");
    s.evidence = fields.DigestMap("evidence");
    s.time = fields.Time("time");
  });
}

std::string WriteCandidate(const Candidate& s) {
  Json certificates = Json::array();
  for (const CertificateReference& reference : s.certificates) {
    certificates.push_back({{"property", reference.property},
                            {"network", reference.network.Text()},
                            {"certificate", reference.certificate.Text()}});
  }
  return Write(StatementKind::kCandidate, s.about,
               {{"proposal", s.proposal},
                {"action", ActionName(s.action)},
                {"subject", s.about.subject},
                {"resource", s.resource},
                {"epoch", s.epoch},
                {"tree", s.tree.Text()},
                {"parent_tree", OrNull(s.parent_tree)},
                {"parent_warrant", OrNull(s.parent_warrant)},
                {"baseline", s.baseline.Text()},
                {"charter", s.charter.Text()},
                {"charter_epoch", s.charter_epoch},
                {"budget_index", s.budget_index},
                {"diff", s.diff.Text()},
                {"environment", OrNull(s.environment)},
                {"certificates", certificates},
                {"time", TimeText(s.time)}});
}

Result<Candidate> ReadCandidate(std::string_view payload) {
  return Read<Candidate>(payload, StatementKind::kCandidate, [](Fields& fields, Candidate& s) {
    s.proposal = fields.Name("proposal");
    s.action = fields.Word("action", kProposalActions);
    fields.object().Expect("subject", s.about.subject);
    s.resource = fields.Text("resource");
    s.epoch = fields.Count("epoch");
    s.tree = fields.DigestOf("tree");
    s.parent_tree = fields.DigestOrNull("parent_tree");
    s.parent_warrant = fields.DigestOrNull("parent_warrant");
    s.baseline = fields.DigestOf("baseline");
    s.charter = fields.DigestOf("charter");
    s.charter_epoch = fields.Count("charter_epoch");
    s.budget_index = fields.Count("budget_index");
    s.diff = fields.DigestOf("diff");
    s.environment = fields.DigestOrNull("environment");
    for (JsonObject& item : fields.object().Objects("certificates", kDigestsMax)) {
      s.certificates.push_back({.property = item.String("property", 64),
                                .network = Fields::Parsed(item.DigestText("network")),
                                .certificate = Fields::Parsed(item.DigestText("certificate"))});
      if (!IsName(s.certificates.back().property)) item.Fail("statement.name", "property", "is not a name");
    }
    s.time = fields.Time("time");
  });
}

std::string WriteVote(const Vote& s) {
  return Write(StatementKind::kVote, s.about,
               {{"candidate", s.candidate.Text()},
                {"reviewer", s.reviewer},
                {"role", s.role},
                {"verdict", VoteVerdictName(s.verdict)},
                {"reasons", s.reasons},
                {"evidence", s.evidence},
                {"host", s.host},
                {"user", s.user},
                {"time", TimeText(s.time)}});
}

Result<Vote> ReadVote(std::string_view payload) {
  return Read<Vote>(payload, StatementKind::kVote, [](Fields& fields, Vote& s) {
    s.candidate = fields.DigestOf("candidate");
    s.reviewer = fields.Name("reviewer");
    s.role = fields.Name("role");
    s.verdict = fields.Word("verdict", kVoteVerdicts);
    s.reasons = fields.object().Strings("reasons", 64);
    for (const std::string& reason : s.reasons) {
      if (!IsText(reason)) fields.object().Fail("statement.text", "reasons", "holds a control character");
    }
    if (s.reasons.empty() && s.verdict != VoteVerdict::kFor) {
      fields.object().Fail("statement.reasons", "reasons", "a vote that is not for says why");
    }
    s.evidence = fields.object().Any("evidence");
    if (!s.evidence.is_object()) fields.object().Fail("json.member-type", "evidence", "is not an object");
    s.host = fields.Text("host");
    s.user = fields.Text("user");
    s.time = fields.Time("time");
  });
}

std::string WriteClosing(const Closing& s) {
  return Write(StatementKind::kClosing, s.about,
               {{"candidate", s.candidate.Text()},
                {"size", s.size},
                {"root", s.root.Hex()},
                {"votes", Texts(s.votes)},
                {"open_halts", Texts(s.open_halts)},
                {"time", TimeText(s.time)}});
}

Result<Closing> ReadClosing(std::string_view payload) {
  return Read<Closing>(payload, StatementKind::kClosing, [](Fields& fields, Closing& s) {
    s.candidate = fields.DigestOf("candidate");
    s.size = fields.Count("size");
    const std::string hex = fields.object().String("root", 64);
    if (Result<Digest> root = Digest::FromHex(hex); root.ok()) {
      s.root = *root;
    } else {
      fields.object().Fail("statement.root", "root", "is not 64 hexadecimal digits");
    }
    s.votes = fields.DigestSet("votes");
    s.open_halts = fields.DigestSet("open_halts");
    s.time = fields.Time("time");
  });
}

std::string WriteDecision(const Decision& s) {
  return Write(StatementKind::kDecision, s.about,
               {{"action", ActionName(s.action)},
                {"subject", s.about.subject},
                {"resource", s.resource},
                {"epoch", s.epoch},
                {"charter", s.charter.Text()},
                {"charter_epoch", s.charter_epoch},
                {"target", OrNull(s.target)},
                {"previous", OrNull(s.previous)},
                {"candidate", OrNull(s.candidate)},
                {"closing", OrNull(s.closing)},
                {"votes", Texts(s.votes)},
                {"results", s.results},
                {"lifts", Texts(s.lifts)},
                {"reason", s.reason},
                {"issued", TimeText(s.issued)},
                {"expires", TimeText(s.expires)}});
}

Result<Decision> ReadDecision(std::string_view payload) {
  return Read<Decision>(payload, StatementKind::kDecision, [](Fields& fields, Decision& s) {
    s.action = fields.Word("action", kActions);
    fields.object().Expect("subject", s.about.subject);
    s.resource = fields.Text("resource");
    s.epoch = fields.Count("epoch");
    s.charter = fields.DigestOf("charter");
    s.charter_epoch = fields.Count("charter_epoch");
    s.target = fields.DigestOrNull("target");
    s.previous = fields.DigestOrNull("previous");
    s.candidate = fields.DigestOrNull("candidate");
    s.closing = fields.DigestOrNull("closing");
    s.votes = fields.DigestSet("votes");
    s.results = fields.TextMap("results");
    s.lifts = fields.DigestSet("lifts");
    s.reason = fields.Text("reason");
    s.issued = fields.Time("issued");
    s.expires = fields.Time("expires");
  });
}

std::string WriteRefusal(const Refusal& s) {
  return Write(
      StatementKind::kRefusal, s.about,
      {{"decision", s.decision.Text()}, {"principal", s.principal}, {"reason", s.reason}, {"time", TimeText(s.time)}});
}

Result<Refusal> ReadRefusal(std::string_view payload) {
  return Read<Refusal>(payload, StatementKind::kRefusal, [](Fields& fields, Refusal& s) {
    s.decision = fields.DigestOf("decision");
    s.principal = fields.Text("principal");
    s.reason = fields.Text("reason");
    s.time = fields.Time("time");
  });
}

std::string WriteWarrantRecord(const WarrantRecord& s) {
  return Write(StatementKind::kWarrant, s.about,
               {{"proposal", s.proposal}, {"epoch", s.epoch}, {"warrant", s.warrant.Text()}});
}

Result<WarrantRecord> ReadWarrantRecord(std::string_view payload) {
  return Read<WarrantRecord>(payload, StatementKind::kWarrant, [](Fields& fields, WarrantRecord& s) {
    s.proposal = fields.Name("proposal");
    s.epoch = fields.Count("epoch");
    s.warrant = fields.DigestOf("warrant");
  });
}

std::string WriteReleaseRecord(const ReleaseRecord& s) {
  return Write(StatementKind::kRelease, s.about,
               {{"proposal", s.proposal},
                {"epoch", s.epoch},
                {"warrant", s.warrant.Text()},
                {"tree", s.tree.Text()},
                {"time", TimeText(s.time)}});
}

Result<ReleaseRecord> ReadReleaseRecord(std::string_view payload) {
  return Read<ReleaseRecord>(payload, StatementKind::kRelease, [](Fields& fields, ReleaseRecord& s) {
    s.proposal = fields.Name("proposal");
    s.epoch = fields.Count("epoch");
    s.warrant = fields.DigestOf("warrant");
    s.tree = fields.DigestOf("tree");
    s.time = fields.Time("time");
  });
}

std::string WriteOutcomeRecord(const OutcomeRecord& s) {
  return Write(StatementKind::kOutcome, s.about,
               {{"proposal", s.proposal},
                {"outcome", ProposalOutcomeName(s.outcome)},
                {"step", StepName(s.step)},
                {"rule", s.rule},
                {"reason", s.reason},
                {"time", TimeText(s.time)}});
}

Result<OutcomeRecord> ReadOutcomeRecord(std::string_view payload) {
  return Read<OutcomeRecord>(payload, StatementKind::kOutcome, [](Fields& fields, OutcomeRecord& s) {
    s.proposal = fields.Name("proposal");
    s.outcome = fields.Word("outcome", kProposalOutcomes);
    s.step = fields.Word("step", kSteps);
    s.rule = fields.Text("rule");
    s.reason = fields.Text("reason");
    s.time = fields.Time("time");
  });
}

}  // namespace pawl::warrant
