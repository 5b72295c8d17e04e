// Statements of every kind: what is written is read, and nothing else is.
#include "audit/records.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <functional>

namespace pawl::audit {
namespace {

using namespace warrant;  // NOLINT

using encoding::Json;

Digest D(const char* text) { return crypto::Sha256(text); }

std::vector<Digest> Sorted(std::vector<Digest> digests) {
  std::sort(digests.begin(), digests.end());
  return digests;
}

// One of each kind, with every member set.
struct Sample {
  StatementKind kind;
  std::string payload;
  std::function<Result<std::string>(std::string_view)> rewrite;  // reads and writes again
};

template <typename T>
Sample Make(StatementKind kind, const T& value, std::string (*write)(const T&), Result<T> (*read)(std::string_view)) {
  return {kind, write(value), [=](std::string_view payload) -> Result<std::string> {
            Result<T> statement = read(payload);
            if (!statement.ok()) return statement.error();
            return write(*statement);
          }};
}

std::vector<Sample> Samples() {
  const About about{.subject = "controller", .digest = D("tree")};
  Vote vote{.about = about,
            .candidate = D("c"),
            .reviewer = "prover-a",
            .role = "prover",
            .verdict = VoteVerdict::kAgainst,
            .reasons = {"Größe"},
            .evidence = {{"checked", Json::array()}},
            .host = "host",
            .user = "user",
            .time = 5};
  Decision decision{.about = about,
                    .action = Action::kResume,
                    .resource = "https://example.org",
                    .epoch = 3,
                    .charter = D("charter"),
                    .charter_epoch = 2,
                    .target = D("tree"),
                    .previous = std::nullopt,
                    .candidate = D("c"),
                    .closing = D("closing"),
                    .votes = Sorted({D("1"), D("2")}),
                    .results = {{"surface", "one file"}},
                    .lifts = Sorted({D("3"), D("4")}),
                    .reason = "because",
                    .issued = 6,
                    .expires = 7};
  Candidate candidate{.about = about,
                      .proposal = "p1",
                      .action = Action::kRollback,
                      .resource = "https://example.org",
                      .epoch = 1,
                      .tree = D("tree"),
                      .parent_tree = D("parent"),
                      .parent_warrant = std::nullopt,
                      .baseline = D("baseline"),
                      .charter = D("charter"),
                      .charter_epoch = 0,
                      .budget_index = 9,
                      .diff = D("diff"),
                      .environment = std::nullopt,
                      .certificates = {{.property = "calm", .network = D("n"), .certificate = D("k")}},
                      .time = 8};
  return {
      Make(StatementKind::kProposal,
           Proposal{.about = about,
                    .proposal = "p1",
                    .action = Action::kAmendment,
                    .tree = D("tree"),
                    .parent_tree = D("parent"),
                    .parent_warrant = std::nullopt,
                    .diff = D("diff"),
                    .note = "note",
                    .time = 1},
           WriteProposal, ReadProposal),
      Make(StatementKind::kFinding,
           Finding{.about = about,
                   .proposal = "p1",
                   .step = Step::kBounds,
                   .outcome = FindingOutcome::kOutsideCharter,
                   .rule = "bounds.step",
                   .summary = "too far",
                   .evidence = {{"report", D("report")}},
                   .time = 2},
           WriteFinding, ReadFinding),
      Make(StatementKind::kCandidate, candidate, WriteCandidate, ReadCandidate),
      Make(StatementKind::kVote, vote, WriteVote, ReadVote),
      Make(StatementKind::kClosing,
           Closing{.about = about,
                   .candidate = D("c"),
                   .size = 7,
                   .root = D("root"),
                   .votes = Sorted({D("1"), D("2")}),
                   .open_halts = {D("h")},
                   .time = 3},
           WriteClosing, ReadClosing),
      Make(StatementKind::kDecision, decision, WriteDecision, ReadDecision),
      Make(StatementKind::kRefusal,
           Refusal{.about = about, .decision = D("d"), .principal = "ann@example.org", .reason = "no", .time = 4},
           WriteRefusal, ReadRefusal),
      Make(StatementKind::kWarrant, WarrantRecord{.about = about, .proposal = "p1", .epoch = 3, .warrant = D("w")},
           WriteWarrantRecord, ReadWarrantRecord),
      Make(StatementKind::kRelease,
           ReleaseRecord{.about = about, .proposal = "p1", .epoch = 3, .warrant = D("w"), .tree = D("tree"), .time = 5},
           WriteReleaseRecord, ReadReleaseRecord),
      Make(StatementKind::kOutcome,
           OutcomeRecord{.about = about,
                         .proposal = "p1",
                         .outcome = ProposalOutcome::kRejected,
                         .step = Step::kTrial,
                         .rule = "trial.void",
                         .reason = "nonsense",
                         .time = 6},
           WriteOutcomeRecord, ReadOutcomeRecord),
      Make(StatementKind::kComplaint,
           Complaint{.about = about,
                     .complainant = "auditor-a",
                     .accused = "prover-a",
                     .candidate = D("c"),
                     .rule = ComplaintRule::kEquivocation,
                     .reason = "two votes",
                     .entry = D("1"),
                     .vote = encoding::Envelope{.payload_type = std::string(kPayloadType),
                                                .payload = WriteVote(vote),
                                                .signatures = {{.keyid = "prover-a", .sig = "sig"}}},
                     .time = 7},
           WriteComplaint, ReadComplaint)};
}

std::string RuleOf(const Result<std::string>& result) { return result.ok() ? "ok" : result.error().rule; }

const Sample& Of(StatementKind kind) {
  static const std::vector<Sample> kSamples = Samples();
  return kSamples[static_cast<size_t>(kind)];
}

// The payload with its predicate changed, in canonical form again.
std::string With(const Sample& sample, const std::function<void(Json&)>& change) {
  Json json = Json::parse(sample.payload);
  change(json["predicate"]);
  return encoding::CanonicalJson(json);
}
std::string RuleWith(StatementKind kind, const std::function<void(Json&)>& change) {
  return RuleOf(Of(kind).rewrite(With(Of(kind), change)));
}
// The payload with the first occurrence of some bytes replaced.
std::string RuleReplaced(StatementKind kind, const std::string& from, const std::string& to) {
  std::string payload = Of(kind).payload;
  const size_t at = payload.find(from);
  EXPECT_NE(at, std::string::npos) << from;
  return RuleOf(Of(kind).rewrite(payload.replace(at, from.size(), to)));
}

TEST(Statements, AreReadAsTheyAreWritten) {
  const std::vector<Sample> samples = Samples();
  ASSERT_EQ(samples.size(), 11u);
  for (const Sample& sample : samples) {
    const Result<std::string> again = sample.rewrite(sample.payload);
    ASSERT_TRUE(again.ok()) << StatementKindName(sample.kind) << ": " << again.error().message;
    EXPECT_EQ(*again, sample.payload);
    ASSERT_TRUE(KindOf(sample.payload).ok());
    EXPECT_EQ(*KindOf(sample.payload), sample.kind);
    EXPECT_EQ(*KindToRead(sample.payload), sample.kind);
    EXPECT_EQ(StatementDigest(sample.payload), crypto::Sha256(sample.payload));
  }
}

TEST(Statements, AreNoneOfAnotherKind) {
  for (const Sample& sample : Samples()) {
    for (const Sample& other : Samples()) {
      EXPECT_EQ(RuleOf(sample.rewrite(other.payload)), sample.kind == other.kind ? "ok" : "statement.kind");
    }
  }
}

TEST(Statements, HaveEveryMemberAndNoOther) {
  for (const Sample& sample : Samples()) {
    const Json predicate = Json::parse(sample.payload)["predicate"];
    EXPECT_EQ(RuleOf(sample.rewrite(With(sample, [](Json& json) { json["more"] = 1; }))), "json.member-unknown");
    for (const auto& [name, value] : predicate.items()) {
      const std::string key = name;
      const std::string missing = RuleOf(sample.rewrite(With(sample, [&](Json& json) { json.erase(key); })));
      EXPECT_EQ(missing, "json.member-missing") << StatementKindName(sample.kind) << "." << key;
      const std::string wrong = RuleOf(sample.rewrite(With(sample, [&](Json& json) { json[key] = true; })));
      EXPECT_EQ(wrong, "json.member-type") << StatementKindName(sample.kind) << "." << key;
    }
  }
}

TEST(Statements, AreCanonicalJsonAndNothingAfterIt) {
  for (const Sample& sample : Samples()) {
    EXPECT_EQ(RuleOf(sample.rewrite(sample.payload + " ")), "json.not-canonical");
    EXPECT_EQ(RuleOf(sample.rewrite(sample.payload + "x")), "json.syntax");
    EXPECT_EQ(RuleOf(sample.rewrite(sample.payload.substr(0, sample.payload.size() - 1))), "json.syntax");
    EXPECT_EQ(RuleOf(sample.rewrite("")), "json.syntax");
    EXPECT_EQ(RuleOf(sample.rewrite("\xEF\xBB\xBF" + sample.payload)), "json.syntax");
  }
}

TEST(Statements, AreReadInOneWayOnly) {
  using K = StatementKind;
  EXPECT_EQ(RuleReplaced(K::kRelease, "\"epoch\":3", "\"epoch\":9007199254740991"), "ok");
  EXPECT_EQ(RuleReplaced(K::kRelease, "\"epoch\":3", "\"epoch\":9007199254740992"), "json.number");
  EXPECT_EQ(RuleReplaced(K::kRelease, "\"epoch\":3", "\"epoch\":9223372036854775808"), "json.number");
  EXPECT_EQ(RuleReplaced(K::kRelease, "\"epoch\":3", "\"epoch\":03"), "json.syntax");
  EXPECT_EQ(RuleReplaced(K::kRelease, "\"epoch\":3", "\"epoch\":3.0"), "json.number");
  EXPECT_EQ(RuleReplaced(K::kRelease, "\"epoch\":3", "\"epoch\":3e0"), "json.number");
  EXPECT_EQ(RuleReplaced(K::kRelease, "\"epoch\":3", "\"epoch\":-1"), "json.member-range");
  EXPECT_EQ(RuleReplaced(K::kRelease, "\"epoch\":3", "\"epoch\":3,\"epoch\":4"), "json.duplicate");
  EXPECT_EQ(RuleReplaced(K::kProposal, "\"note\":\"note\"", "\"note\":\"\\u006eote\""), "json.not-canonical");
  EXPECT_EQ(RuleReplaced(K::kProposal, "\"note\":\"note\"", "\"note\":\"\xC3\""), "json.utf8");
  EXPECT_EQ(RuleReplaced(K::kProposal, "\"note\":\"note\"", "\"note\":\"\xC0\x80\""), "json.utf8");
  EXPECT_EQ(RuleReplaced(K::kProposal, "\"note\":\"note\"", "\"note\":\"\xED\xA0\x80\""), "json.utf8");
}

TEST(Statements, HoldTextsNamesAndTimesOfTheirForm) {
  using K = StatementKind;
  const auto set = [](const char* key, Json value) { return [=](Json& json) { json[key] = value; }; };
  for (const char* text : {"a\nb", "\x1b[31m", "\x7f", "\xC2\x85",
                           "\xE2\x80\xAE"
                           "evil"}) {
    EXPECT_EQ(RuleWith(K::kProposal, set("note", text)), "statement.text") << text;
    EXPECT_EQ(RuleWith(K::kVote, set("reasons", Json::array({text}))), "statement.text") << text;
    EXPECT_EQ(RuleWith(K::kDecision, set("results", {{"surface", text}})), "statement.text") << text;
    EXPECT_EQ(RuleWith(K::kDecision, set("results", {{text, "fine"}})), "statement.text") << text;
    EXPECT_EQ(RuleWith(K::kFinding, set("evidence", {{text, D("x").Text()}})), "statement.text") << text;
  }
  EXPECT_EQ(RuleWith(K::kProposal, set("note", std::string(4'096, 'n'))), "ok");
  EXPECT_EQ(RuleWith(K::kProposal, set("note", std::string(4'097, 'n'))), "json.member-range");
  for (const char* name : {"", "P1", ".p", "-p", "_p", "p 1", "p/1", "../p"}) {
    EXPECT_EQ(RuleWith(K::kProposal, set("proposal", name)), "statement.name") << name;
  }
  EXPECT_EQ(RuleWith(K::kProposal, set("proposal", std::string(65, 'p'))), "json.member-range");
  for (const char* time : {"", "1970-01-01", "1970-01-01T00:00:00+00:00", "1970-02-30T00:00:00Z",
                           "1970-01-01t00:00:00z", "1970-01-01T00:00:60Z", " 1970-01-01T00:00:00Z"}) {
    EXPECT_NE(RuleWith(K::kProposal, set("time", time)), "ok") << time;
  }
  for (const char* digest : {"", "sha256:", "sha512:00", "SHA256:00"}) {
    EXPECT_NE(RuleWith(K::kProposal, set("tree", digest)), "ok") << digest;
  }
  EXPECT_NE(RuleWith(K::kProposal, set("tree", nullptr)), "ok") << "only what may be null may be null";
  EXPECT_EQ(RuleWith(K::kProposal, set("parent_tree", nullptr)), "ok");
  EXPECT_EQ(RuleWith(K::kClosing, set("root", D("root").Text())), "json.member-range");
  EXPECT_EQ(RuleWith(K::kClosing, set("root", std::string(64, 'G'))), "statement.root");
}

TEST(Statements, HoldWordsOfTheirListsAndSortedSets) {
  using K = StatementKind;
  const auto set = [](const char* key, Json value) { return [=](Json& json) { json[key] = value; }; };
  for (const char* action : {"halt", "resume", "genesis", "Release", ""}) {
    EXPECT_EQ(RuleWith(K::kCandidate, set("action", action)), "json.member-range") << action;
    EXPECT_EQ(RuleWith(K::kProposal, set("action", action)), "json.member-range") << action;
  }
  EXPECT_EQ(RuleWith(K::kVote, set("verdict", "maybe")), "json.member-range");
  EXPECT_EQ(RuleWith(K::kVote, set("reasons", Json::array())), "statement.reasons");
  EXPECT_EQ(RuleWith(K::kFinding, set("step", "skip")), "json.member-range");
  EXPECT_EQ(RuleWith(K::kOutcome, set("outcome", "pending")), "json.member-range");
  const auto reversed = [](const char* key) {
    return [=](Json& json) { std::reverse(json[key].begin(), json[key].end()); };
  };
  EXPECT_EQ(RuleWith(K::kClosing, reversed("votes")), "statement.order");
  EXPECT_EQ(RuleWith(K::kDecision, reversed("votes")), "statement.order");
  EXPECT_EQ(RuleWith(K::kDecision, reversed("lifts")), "statement.order");
  EXPECT_EQ(RuleWith(K::kClosing, [](Json& json) { json["votes"][1] = json["votes"][0]; }), "statement.order");
  Json many = Json::array();
  for (int i = 0; i < 1'025; ++i) many.push_back(D("x").Text());
  EXPECT_EQ(RuleWith(K::kClosing, set("votes", many)), "json.member-range");
  Json deep = Json::object();
  for (int i = 0; i < 30; ++i) deep = {{"in", deep}};
  EXPECT_EQ(RuleWith(K::kVote, set("evidence", deep)), "json.too-deep");
}

TEST(Statements, HoldEvidenceWithinItsLimits) {
  constexpr StatementKind kComplaint = StatementKind::kComplaint;
  const auto set = [](const char* key, Json value) { return [=](Json& json) { json[key] = value; }; };
  EXPECT_EQ(RuleWith(kComplaint, set("vote", nullptr)), "ok");
  EXPECT_EQ(RuleWith(kComplaint, set("vote", Json::object())), "json.member-missing");
  EXPECT_EQ(RuleWith(kComplaint, set("vote", Json::array())), "json.member-type");
  EXPECT_EQ(RuleWith(kComplaint, [](Json& json) { json["vote"]["more"] = 1; }), "json.member-unknown");
  EXPECT_EQ(RuleWith(kComplaint, [](Json& json) { json["vote"]["payload"] = "%"; }), "json.member-range");
  EXPECT_EQ(RuleWith(kComplaint, [](Json& json) { json["vote"]["signatures"] = "none"; }), "json.member-type");
  EXPECT_EQ(RuleWith(kComplaint, set("entry", nullptr)), "ok");
  EXPECT_EQ(RuleWith(kComplaint, set("entry", "sha256:12")), "json.member-range");
  for (const char* rule : {"", "vote.twice", "Vote.equivocation", "audit.log-shrank"}) {
    EXPECT_EQ(RuleWith(kComplaint, set("rule", rule)), "json.member-range") << rule;
  }
  EXPECT_EQ(RuleWith(kComplaint, set("reason", std::string(1'000, 'r'))), "ok");
  EXPECT_EQ(RuleWith(kComplaint, set("reason", std::string(1'001, 'r'))), "json.member-range");
  for (const char* key : {"reason", "accused", "complainant"}) {
    EXPECT_EQ(RuleWith(kComplaint, set(key, "a\nb")), "statement.text") << key;
  }
  EXPECT_EQ(RuleWith(kComplaint, set("candidate", nullptr)), "json.member-type");
  EXPECT_FALSE(RuleWith(kComplaint, set("time", "now")) == "ok");
  EXPECT_TRUE(IsProven(ComplaintRule::kAfterRemoval));
  EXPECT_FALSE(IsProven(ComplaintRule::kSeeds));
}

TEST(Statements, SpeakOfOneSubject) {
  const Sample& sample = Of(StatementKind::kDecision);
  const auto rule = [&](const std::function<void(Json&)>& change) {
    Json json = Json::parse(sample.payload);
    change(json);
    return RuleOf(sample.rewrite(encoding::CanonicalJson(json)));
  };
  EXPECT_EQ(rule([](Json& json) { json["subject"].push_back(json["subject"][0]); }), "statement.subject");
  EXPECT_EQ(rule([](Json& json) { json["subject"] = Json::array(); }), "statement.subject");
  EXPECT_EQ(rule([](Json& json) { json["subject"][0].erase("name"); }), "statement.subject");
  EXPECT_EQ(rule([](Json& json) { json["subject"][0]["name"] = "Con troller"; }), "statement.subject");
  EXPECT_NE(rule([](Json& json) { json["predicate"]["subject"] = "another"; }), "ok") << "both names agree";
  EXPECT_NE(rule([](Json& json) { json["_type"] = "https://in-toto.io/Statement/v2"; }), "ok");
  EXPECT_EQ(rule([](Json& json) { json["predicateType"] = "urn:pawl:decision:v2"; }), "statement.kind");
  Json json = Json::parse(sample.payload);
  json["predicateType"] = "urn:pawl:spell:v1";
  EXPECT_EQ(KindOf(encoding::CanonicalJson(json)).error().rule, "statement.kind");
  EXPECT_EQ(KindToRead(encoding::CanonicalJson(json)).error().rule, "statement.kind");
  EXPECT_FALSE(KindToRead("").ok());
}

TEST(Statements, AreReadAsTheirOwnKindWhateverTheyHold) {
  Json json = Json::parse(Of(StatementKind::kVote).payload);
  json["predicate"]["evidence"] = {{"predicateType", "urn:pawl:release:v1"},
                                   {"zz", {{"predicateType", "urn:pawl:finding:v1"}}}};
  json["predicate"]["reasons"] = {R"("predicateType":"urn:pawl:release:v1")",
                                  R"(\"predicateType":"urn:pawl:release:v1")"};
  json["subject"][0]["name"] = R"("predicateType":"urn:pawl:release:v1")";
  EXPECT_EQ(*KindToRead(encoding::CanonicalJson(json)), StatementKind::kVote);
}

}  // namespace
}  // namespace pawl::audit
