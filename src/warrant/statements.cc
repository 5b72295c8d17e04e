#include "warrant/statements.h"

#include "warrant/members.h"

namespace pawl::warrant {
namespace {

constexpr Named<Action> kActions[] = {{"genesis", Action::kGenesis},   {"release", Action::kRelease},
                                      {"rollback", Action::kRollback}, {"amendment", Action::kAmendment},
                                      {"halt", Action::kHalt},         {"resume", Action::kResume}};
constexpr Named<VoteVerdict> kVoteVerdicts[] = {
    {"for", VoteVerdict::kFor}, {"against", VoteVerdict::kAgainst}, {"abstain", VoteVerdict::kAbstain}};

// The subject's name again, inside what is signed about it.
struct OwnSubject {
  void Read(JsonObject& object, const char* name, const About& about) const { object.Expect(name, about.subject); }
  Json Write(const About& about) const { return about.subject; }
};

struct TextList {
  size_t count_max;
  void Read(JsonObject& object, const char* name, std::vector<std::string>& value) const {
    value = object.Strings(name, count_max);
    for (const std::string& text : value) RequireText(object, name, text);
  }
  Json Write(const std::vector<std::string>& value) const { return value; }
};

// An object that is not looked into here.
struct AnyObject {
  void Read(JsonObject& object, const char* name, Json& value) const {
    value = object.Any(name);
    if (!value.is_object()) object.Fail("json.member-type", name, "is not an object");
  }
  Json Write(const Json& value) const { return value; }
};

// ---- what each kind consists of

constexpr std::tuple kCertificate{
    Member{"property", &CertificateReference::property, Name{}},
    Member{"network", &CertificateReference::network, DigestText{}},
    Member{"certificate", &CertificateReference::certificate, DigestText{}},
};

constexpr std::tuple kCandidate{
    Member{"proposal", &Candidate::proposal, Name{}},
    Member{"action", &Candidate::action, Word{kProposalActions}},
    Member{"subject", &Candidate::about, OwnSubject{}},
    Member{"resource", &Candidate::resource, Text{}},
    Member{"epoch", &Candidate::epoch, Count{}},
    Member{"tree", &Candidate::tree, DigestText{}},
    Member{"parent_tree", &Candidate::parent_tree, DigestOrNull{}},
    Member{"parent_warrant", &Candidate::parent_warrant, DigestOrNull{}},
    Member{"baseline", &Candidate::baseline, DigestText{}},
    Member{"charter", &Candidate::charter, DigestText{}},
    Member{"charter_epoch", &Candidate::charter_epoch, Count{}},
    Member{"budget_index", &Candidate::budget_index, Count{}},
    Member{"diff", &Candidate::diff, DigestText{}},
    Member{"environment", &Candidate::environment, DigestOrNull{}},
    Member{"certificates", &Candidate::certificates, List{kCertificate, 1'024}},
    Member{"time", &Candidate::time, Time{}},
};

constexpr std::tuple kVote{
    Member{"candidate", &Vote::candidate, DigestText{}},
    Member{"reviewer", &Vote::reviewer, Name{}},
    Member{"role", &Vote::role, Name{}},
    Member{"verdict", &Vote::verdict, Word{kVoteVerdicts}},
    Member{"reasons", &Vote::reasons, TextList{64}},
    Member{"evidence", &Vote::evidence, AnyObject{}},
    Member{"host", &Vote::host, Text{}},
    Member{"user", &Vote::user, Text{}},
    Member{"time", &Vote::time, Time{}},
};

constexpr std::tuple kClosing{
    Member{"candidate", &Closing::candidate, DigestText{}},    Member{"size", &Closing::size, Count{}},
    Member{"root", &Closing::root, RootHex{"statement.root"}}, Member{"votes", &Closing::votes, DigestSet{}},
    Member{"open_halts", &Closing::open_halts, DigestSet{}},   Member{"time", &Closing::time, Time{}},
};

constexpr std::tuple kDecision{
    Member{"action", &Decision::action, Word{kActions}},
    Member{"subject", &Decision::about, OwnSubject{}},
    Member{"resource", &Decision::resource, Text{}},
    Member{"epoch", &Decision::epoch, Count{}},
    Member{"charter", &Decision::charter, DigestText{}},
    Member{"charter_epoch", &Decision::charter_epoch, Count{}},
    Member{"target", &Decision::target, DigestOrNull{}},
    Member{"previous", &Decision::previous, DigestOrNull{}},
    Member{"candidate", &Decision::candidate, DigestOrNull{}},
    Member{"closing", &Decision::closing, DigestOrNull{}},
    Member{"votes", &Decision::votes, DigestSet{}},
    Member{"results", &Decision::results, TextMap{}},
    Member{"lifts", &Decision::lifts, DigestSet{}},
    Member{"reason", &Decision::reason, Text{}},
    Member{"issued", &Decision::issued, Time{}},
    Member{"expires", &Decision::expires, Time{}},
};

}  // namespace

std::string_view ActionName(Action action) { return Word(kActions).Of(action); }
std::string_view VoteVerdictName(VoteVerdict verdict) { return Word(kVoteVerdicts).Of(verdict); }
Digest StatementDigest(std::string_view payload) { return crypto::Sha256(payload); }

std::string WriteCandidate(const Candidate& statement) { return WriteStatement("candidate", kCandidate, statement); }
std::string WriteVote(const Vote& statement) { return WriteStatement("vote", kVote, statement); }
std::string WriteClosing(const Closing& statement) { return WriteStatement("closing", kClosing, statement); }
std::string WriteDecision(const Decision& statement) { return WriteStatement("decision", kDecision, statement); }

Result<Candidate> ReadCandidate(std::string_view payload) {
  return ReadStatement<Candidate>("candidate", kCandidate, payload);
}

Result<Vote> ReadVote(std::string_view payload) {
  Result<Vote> vote = ReadStatement<Vote>("vote", kVote, payload);
  if (vote.ok() && vote->reasons.empty() && vote->verdict != VoteVerdict::kFor) {
    return Malformed("statement.reasons", "a vote that is not for says why");
  }
  return vote;
}

Result<Closing> ReadClosing(std::string_view payload) { return ReadStatement<Closing>("closing", kClosing, payload); }
Result<Decision> ReadDecision(std::string_view payload) {
  return ReadStatement<Decision>("decision", kDecision, payload);
}

}  // namespace pawl::warrant
