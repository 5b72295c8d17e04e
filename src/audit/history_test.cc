// The fold: what a log may say, in which order, by whom; and that nothing is believed after the first event that cannot
// be.
#include "audit/history.h"

#include <gtest/gtest.h>

#include <functional>

#include "encoding/json.h"
#include "warrant/path_for_test.h"

namespace pawl::audit {
namespace {

using namespace warrant;  // NOLINT

using encoding::Envelope;
using subject::RuleOf;

// Folds until something is refused.
std::string Fold(History& history, const std::vector<std::string>& entries) {
  for (size_t i = 0; i < entries.size(); ++i) {
    if (const Result<void> applied = history.Apply(i, entries[i]); !applied.ok()) return applied.error().rule;
  }
  return "ok";
}
std::string Rule(const Path& path) {
  History history(path.CharterReader());
  return Fold(history, path.entries());
}
// The log of `path` and then one event more.
std::string RuleAfter(const Path& path, const Envelope& event) {
  History history(path.CharterReader());
  EXPECT_EQ(Fold(history, path.entries()), "ok") << "before the event";
  const Result<void> applied = history.Apply(history.size(), encoding::SerializeEnvelope(event));
  return applied.ok() ? "ok" : applied.error().rule;
}

Envelope EnvelopeAt(const Path& path, size_t index) { return *encoding::ParseEnvelope(path.entries()[index]); }
StatementKind KindAt(const Path& path, size_t index) { return *KindOf(EnvelopeAt(path, index).payload); }
size_t LastOf(const Path& path, StatementKind kind) {
  for (size_t i = path.entries().size(); i > 0; --i) {
    if (KindAt(path, i - 1) == kind) return i - 1;
  }
  ADD_FAILURE() << "no " << StatementKindName(kind);
  return 0;
}

Finding FindingOf(const Path& path, const std::string& proposal, Step step, FindingOutcome outcome) {
  return {.about = {path.state.subject, path.third},
          .proposal = proposal,
          .step = step,
          .outcome = outcome,
          .rule = "",
          .summary = "seen",
          .evidence = {},
          .time = path.now};
}
Proposal ProposalOf(const Path& path, const std::string& name) {
  return {.about = {path.state.subject, path.third},
          .proposal = name,
          .action = Action::kRelease,
          .tree = path.third,
          .parent_tree = path.state.tree,
          .parent_warrant = path.state.warrant,
          .diff = crypto::Sha256("diff"),
          .note = "",
          .time = path.now};
}
Envelope RecordOf(const Path& path, const MadeWarrant& made, StatementKind kind, int64_t epoch = 3) {
  const About about{path.state.subject, made.candidate.tree};
  const Digest warrant = crypto::Sha256(made.bytes);
  const std::string& proposal = made.candidate.proposal;
  if (kind == StatementKind::kWarrant) {
    return path.BySomeone(
        WriteWarrantRecord({.about = about, .proposal = proposal, .epoch = epoch, .warrant = warrant}), "log");
  }
  return path.BySomeone(WriteReleaseRecord({.about = about,
                                            .proposal = proposal,
                                            .epoch = epoch,
                                            .warrant = warrant,
                                            .tree = made.candidate.tree,
                                            .time = path.now}),
                        "log");
}
Envelope OutcomeOf(const Path& path, const std::string& proposal, ProposalOutcome outcome) {
  return path.BySomeone(WriteOutcomeRecord({.about = {path.state.subject, path.third},
                                            .proposal = proposal,
                                            .outcome = outcome,
                                            .step = Step::kTrial,
                                            .rule = "trial.void",
                                            .reason = "nonsense",
                                            .time = path.now}),
                        "log");
}

TEST(History, FoldsAWholeLog) {
  const Path path = Path::WithTwoReleases();
  History history(path.CharterReader());
  EXPECT_FALSE(history.has_genesis());
  ASSERT_EQ(Fold(history, path.entries()), "ok");
  ASSERT_TRUE(history.has_genesis());
  EXPECT_EQ(history.size(), path.entries().size());
  EXPECT_EQ(history.charter().digest, path.charter().digest);
  EXPECT_EQ(history.epoch(), 2);
  EXPECT_EQ(history.budget_index(), 2);
  EXPECT_EQ(history.live_tree(), path.state.tree);
  EXPECT_EQ(history.last_warrant(), path.state.warrant);
  EXPECT_EQ(history.releases().size(), 2u);
  EXPECT_EQ(history.NextProposalName(), "p3");
  EXPECT_EQ(history.Find("p3"), nullptr);
  const ProposalHistory* second = history.Find("p2");
  ASSERT_NE(second, nullptr);
  EXPECT_EQ(second->votes.size(), 5u);
  EXPECT_EQ(second->closing_envelope.signatures.size(), 2u);
  EXPECT_EQ(second->approvers.size(), 2u);
  EXPECT_TRUE(second->approved_index.has_value());
  EXPECT_EQ(second->outcome->outcome, ProposalOutcome::kAccepted);
  EXPECT_TRUE(history.OpenHalts().empty());
}

TEST(History, BeginsWithGenesisAndHasNoGap) {
  const Path path = Path::WithTwoReleases();
  for (size_t first = 1; first < 10; ++first) {
    History history(path.CharterReader());
    EXPECT_FALSE(history.Apply(0, path.entries()[first]).ok()) << first;
    EXPECT_FALSE(history.has_genesis());
    EXPECT_EQ(RuleOf(history.Apply(0, path.entries()[0])), "history.impossible") << "a refused history stays refused";
  }
  History gap(path.CharterReader());
  EXPECT_EQ(RuleOf(gap.Apply(1, path.entries()[0])), "history.impossible");
  EXPECT_EQ(RuleAfter(path, path.genesis()), "history.impossible");
  const Path fresh;
  Decision forged = *ReadDecision(fresh.genesis().payload);
  History few(fresh.CharterReader());
  const Envelope two = fresh.ByPeople(WriteDecision(forged), {"ann", "bob"});
  EXPECT_EQ(RuleOf(few.Apply(0, encoding::SerializeEnvelope(two))), "genesis.threshold");
}

TEST(History, TakesNoEventFromAnybodyElse) {
  Path path = Path::WithTwoReleases();
  path.Append(path.ByPeople(WriteDecision(path.HaltDecision("smoke")), {"dee"}));
  ASSERT_EQ(Rule(path), "ok");
  size_t refused = 0;
  History before(path.CharterReader());
  for (size_t at = 1; at < path.entries().size(); ++at) {
    ASSERT_TRUE(before.Apply(at - 1, path.entries()[at - 1]).ok()) << at;
    for (const char* name : {"stranger", "clock", "integrity-c"}) {
      Envelope envelope = EnvelopeAt(path, at);
      if (envelope.signatures[0].keyid == name) continue;
      envelope.signatures[0].sig =
          Path::Key(name).Sign(encoding::PreAuthenticationEncoding(envelope.payload_type, envelope.payload));
      History history = before;
      EXPECT_FALSE(history.Apply(at, encoding::SerializeEnvelope(envelope)).ok())
          << at << " " << StatementKindName(KindAt(path, at)) << " by " << name;
      EXPECT_EQ(history.size(), at);
      EXPECT_FALSE(history.Apply(at, path.entries()[at]).ok()) << "refused from there on";
      ++refused;
    }
    Envelope unsigned_one = EnvelopeAt(path, at);
    unsigned_one.signatures.clear();
    History history = before;
    EXPECT_FALSE(history.Apply(at, encoding::SerializeEnvelope(unsigned_one)).ok()) << at;
  }
  EXPECT_GT(refused, 50u);
}

TEST(History, TakesNoEventTwiceThatHappensOnce) {
  const Path path = Path::WithTwoReleases();
  for (const StatementKind kind :
       {StatementKind::kProposal, StatementKind::kCandidate, StatementKind::kVote, StatementKind::kClosing,
        StatementKind::kDecision, StatementKind::kWarrant, StatementKind::kRelease, StatementKind::kOutcome}) {
    EXPECT_EQ(RuleAfter(path, EnvelopeAt(path, LastOf(path, kind))), "history.impossible") << StatementKindName(kind);
  }
}

TEST(History, TakesNoStepBeforeTheOneThatItFollows) {
  // Leaving out any event but a vote that the quorum can spare, an approval draft's repetition or an outcome is
  // noticed.
  const Path path = Path::WithTwoReleases();
  size_t noticed = 0;
  for (size_t left_out = 0; left_out < path.entries().size(); ++left_out) {
    const StatementKind kind = KindAt(path, left_out);
    if (kind == StatementKind::kVote || kind == StatementKind::kClosing || kind == StatementKind::kOutcome) continue;
    std::vector<std::string> entries = path.entries();
    entries.erase(entries.begin() + static_cast<ptrdiff_t>(left_out));
    History history(path.CharterReader());
    EXPECT_NE(Fold(history, entries), "ok") << left_out << " " << StatementKindName(kind);
    ++noticed;
  }
  EXPECT_GT(noticed, 10u);
}

TEST(History, TakesNothingThatIsNoStatement) {
  const Path path = Path::WithTwoReleases();
  Envelope other = EnvelopeAt(path, 1);
  other.payload_type = "text/plain";
  EXPECT_EQ(RuleAfter(path, other), "history.payload-type");
  other = path.BySomeone("{}", "log");
  EXPECT_NE(RuleAfter(path, other), "ok");
  for (const char* bytes : {"", "{}", "null", "\xFF"}) {
    History history(path.CharterReader());
    ASSERT_EQ(Fold(history, path.entries()), "ok");
    EXPECT_FALSE(history.Apply(history.size(), bytes).ok());
  }
}

// An event of a later format ends the reading there, for good: none is passed over.
TEST(History, StopsAtAVersionThatItDoesNotKnow) {
  const Path path = Path::WithTwoReleases();
  const Envelope known = path.BySomeone(WriteProposal(ProposalOf(path, "p3")), "log");
  std::string payload = known.payload;
  const size_t at = payload.find("urn:pawl:proposal:v1");
  ASSERT_NE(at, payload.npos);
  payload.replace(at, 20, "urn:pawl:proposal:v2");
  const Envelope later = path.BySomeone(payload, "log");
  EXPECT_NE(RuleAfter(path, later), "ok");
  History history(path.CharterReader());
  ASSERT_EQ(Fold(history, path.entries()), "ok");
  const uint64_t size = history.size();
  EXPECT_FALSE(history.Apply(size, encoding::SerializeEnvelope(later)).ok());
  EXPECT_FALSE(history.Apply(size + 1, encoding::SerializeEnvelope(known)).ok()) << "what follows has no place";
  EXPECT_EQ(history.size(), size);
}

TEST(History, NumbersProposals) {
  const Path path = Path::WithTwoReleases();
  const auto rule = [&](const char* name) {
    return RuleAfter(path, path.BySomeone(WriteProposal(ProposalOf(path, name)), "log"));
  };
  EXPECT_EQ(rule("p3"), "ok");
  EXPECT_EQ(rule("p2"), "history.impossible");
  EXPECT_EQ(rule("p4"), "history.impossible");
  EXPECT_EQ(rule("p03"), "history.impossible");
}

TEST(History, OrdersFindings) {
  Path path = Path::WithTwoReleases();
  path.Append(path.BySomeone(WriteProposal(ProposalOf(path, "p3")), "log"));
  const auto finding = [&](Step step, FindingOutcome outcome, const char* proposal = "p3") {
    return path.BySomeone(WriteFinding(FindingOf(path, proposal, step, outcome)), "log");
  };
  EXPECT_EQ(RuleAfter(path, finding(Step::kSurface, FindingOutcome::kPass)), "history.impossible") << "freeze is first";
  EXPECT_EQ(RuleAfter(path, finding(Step::kFreeze, FindingOutcome::kPass, "p9")), "history.impossible");
  path.Append(finding(Step::kFreeze, FindingOutcome::kPending));
  EXPECT_EQ(RuleAfter(path, finding(Step::kSurface, FindingOutcome::kPass)), "history.impossible") << "still pending";
  path.Append(finding(Step::kFreeze, FindingOutcome::kPass));
  EXPECT_EQ(RuleAfter(path, finding(Step::kFreeze, FindingOutcome::kPass)), "history.impossible") << "a second one";
  path.Append(finding(Step::kSurface, FindingOutcome::kOutsideCharter));
  EXPECT_EQ(RuleAfter(path, finding(Step::kSurface, FindingOutcome::kPass)), "history.impossible") << "is final";
  EXPECT_EQ(RuleAfter(path, finding(Step::kPace, FindingOutcome::kPass)), "history.impossible");
  path.Append(OutcomeOf(path, "p3", ProposalOutcome::kOutsideCharter));
  EXPECT_EQ(RuleAfter(path, finding(Step::kPace, FindingOutcome::kPass)), "history.impossible") << "after the outcome";

  History history(path.CharterReader());
  ASSERT_EQ(Fold(history, path.entries()), "ok");
  const uint64_t last = history.size() - 2;
  EXPECT_EQ(history.Find("p3")->IndexOf(Step::kSurface), last);
  EXPECT_EQ(history.Find("p3")->IndexOf(Step::kFreeze), last - 1) << "the latest one of the step";
  EXPECT_EQ(history.Find("p3")->IndexOf(Step::kPace), std::nullopt);
}

TEST(History, TakesACandidateThatFollowsFromTheLogAlone) {
  const Path path = Path::WithTwoReleases();
  const auto rule = [&](const std::function<void(Candidate&)>& change) {
    Path one = path;
    Tampering tampering;
    tampering.candidate = change;
    one.Make({.tree = one.third}, tampering);
    return Rule(one);
  };
  EXPECT_EQ(rule([](Candidate&) {}), "ok");
  EXPECT_EQ(rule([](Candidate& c) { c.epoch += 1; }), "history.impossible");
  EXPECT_EQ(rule([](Candidate& c) { c.budget_index -= 1; }), "history.impossible");
  EXPECT_EQ(rule([](Candidate& c) { c.parent_tree = c.baseline; }), "history.impossible");
  EXPECT_EQ(rule([](Candidate& c) { c.parent_warrant.reset(); }), "history.impossible");
  EXPECT_EQ(rule([](Candidate& c) { c.charter = crypto::Sha256("another"); }), "history.impossible");
  EXPECT_EQ(rule([](Candidate& c) { c.charter_epoch = 1; }), "history.impossible");
  EXPECT_EQ(rule([](Candidate& c) { c.tree = c.baseline; }), "history.impossible");
  EXPECT_EQ(rule([](Candidate& c) { c.action = Action::kRollback; }), "history.impossible");
  EXPECT_EQ(rule([](Candidate& c) { c.proposal = "p9"; }), "history.impossible");
}

TEST(History, CountsNoBudgetForARollbackAndEachReleaseOnce) {
  Path path = Path::WithTwoReleases();
  path.Go({.action = Action::kRollback, .tree = path.baseline, .signers = {"ann"}});
  History history(path.CharterReader());
  ASSERT_EQ(Fold(history, path.entries()), "ok");
  EXPECT_EQ(history.budget_index(), 2);
  EXPECT_EQ(history.releases().size(), 3u);
  path.Make({.tree = path.third});
  path.Append(OutcomeOf(path, "p4", ProposalOutcome::kRejected));
  History later(path.CharterReader());
  ASSERT_EQ(Fold(later, path.entries()), "ok");
  EXPECT_EQ(later.budget_index(), 3) << "a trial that failed has spent its share";
}

TEST(History, TakesOneVoteOfEachReviewerInItsRole) {
  const Path path = Path::WithTwoReleases();
  const auto rule = [&](const std::function<void(std::vector<Vote>&)>& change) {
    Path one = path;
    Tampering tampering;
    tampering.votes = change;
    one.Make({.tree = one.third}, tampering);
    return Rule(one);
  };
  EXPECT_EQ(rule([](std::vector<Vote>& votes) { votes.push_back(votes[0]), votes.back().host = "elsewhere"; }),
            "history.impossible");
  EXPECT_EQ(rule([](std::vector<Vote>& votes) { votes[0].role = "evaluator"; }), "history.signature");
  EXPECT_EQ(rule([](std::vector<Vote>& votes) { votes[0].reviewer = "stranger"; }), "history.signature");
  EXPECT_EQ(rule([](std::vector<Vote>& votes) { votes[0].candidate = crypto::Sha256("x"); }), "history.impossible");
}

// With its own key, and whatever it likes to say. Nothing of it folds, so that no honest program writes it.
TEST(History, NamesWhatALyingReviewerSends) {
  Path path = Path::WithTwoReleases();
  const Envelope old_vote = EnvelopeAt(path, LastOf(path, StatementKind::kVote));
  Tampering watched;
  std::vector<Vote> votes;
  size_t voted = 0;
  watched.votes = [&](std::vector<Vote>& all) { votes = all; };
  watched.closing = [&](Closing& closing) { voted = static_cast<size_t>(closing.size); };
  (void)path.Make({.tree = path.third}, watched);
  std::vector<std::string> entries = path.entries();
  entries.resize(voted);
  const auto answer = [&](const Envelope& event) {
    History history(path.CharterReader());
    EXPECT_EQ(Fold(history, entries), "ok");
    const Result<void> applied = history.Apply(voted, encoding::SerializeEnvelope(event));
    return applied.ok() ? "ok" : applied.error().rule + ": " + applied.error().message;
  };
  const auto says = [&](const std::function<void(Vote&)>& change, const char* signer = "prover-a") {
    Vote vote = votes[0];
    change(vote);
    return answer(path.BySomeone(WriteVote(vote), signer));
  };
  ASSERT_EQ(votes[0].reviewer, "prover-a");
  const std::string event = "event " + std::to_string(voted) + ": ";
  const std::string twice = "history.impossible: " + event + "'prover-a' votes twice on one candidate";
  EXPECT_EQ(says([](Vote& vote) { vote.time += 1; }), twice);
  EXPECT_EQ(says([](Vote& vote) { vote.verdict = VoteVerdict::kAgainst, vote.reasons = {"on second thoughts"}; }),
            twice);
  EXPECT_EQ(says([](Vote& vote) { vote.verdict = VoteVerdict::kAbstain, vote.reasons = {"after all"}; }), twice);
  EXPECT_EQ(says([](Vote& vote) { vote.candidate = crypto::Sha256("other bytes"); }),
            "history.impossible: " + event + "speaks of a candidate statement that nobody logged");
  EXPECT_EQ(answer(old_vote), "history.impossible: " + event + "'" + ReadVote(old_vote.payload)->reviewer +
                                  "' votes twice on one candidate");
  const auto forged = [&](const std::string& of) {
    return "history.signature: " + event + "is no vote of reviewer '" + of + "', signed by it, in its role";
  };
  // No loader takes a warrant with it (`vote.signature`): one reviewer could keep everything from going live.
  EXPECT_EQ(says([](Vote& vote) { vote.reviewer = "prover-a2", vote.about.subject = "another"; }, "prover-a2"),
            forged("prover-a2"));
  EXPECT_EQ(says([](Vote& vote) { vote.reviewer = "prover-a2"; }), forged("prover-a2")) << "in another's name";
  EXPECT_EQ(says([](Vote& vote) { vote.role = "evaluator"; }), forged("prover-a"));
  EXPECT_EQ(says([](Vote&) {}, "stranger"), forged("prover-a"));
  Envelope both = path.BySomeone(WriteVote(votes[0]), "prover-a");
  both.signatures.push_back(path.BySomeone(WriteVote(votes[0]), "prover-b").signatures.front());
  EXPECT_EQ(answer(both), forged("prover-a")) << "two at once";
}

// An amendment, which takes a reviewer out of the charter where it is to.
void AmendWithout(Path& path, bool prover_a2) {
  const auto edit = [&](charter::TestCharter& test) {
    std::string& text = test.files["charter.toml"];
    const size_t at = text.find("[[reviewer]]\nname = \"prover-a2\"");
    if (prover_a2) text.erase(at, text.find("[[reviewer]]", at + 1) - at);
  };
  path.Accept(MakeAmendment(path, path.PutCharter(edit), kThree));
  path.now += 60;
}

TEST(History, HearsNobodyWhoHasBeenRemoved) {
  const auto rule = [](bool removed) {
    Path path = Path::WithTwoReleases();
    AmendWithout(path, removed);
    Tampering late;
    late.votes = [](std::vector<Vote>& votes) {
      votes.push_back(votes[0]);
      votes.back().reviewer = "prover-a2";
    };
    path.Make({.tree = path.third}, late);
    return Rule(path);
  };
  EXPECT_EQ(rule(false), "ok");
  EXPECT_EQ(rule(true), "history.signature");
}

TEST(History, GathersTheAuditorsSignaturesUnderOneClosing) {
  Path path = Path::WithTwoReleases();
  Tampering one_auditor;
  one_auditor.closing_envelope = [](Envelope& envelope) { envelope.signatures.pop_back(); };
  const MadeWarrant made = path.Make({.tree = path.third}, one_auditor);
  Closing closing = *ReadClosing(made.parts.closing.payload);
  Envelope second = path.BySomeone(made.parts.closing.payload, "auditor-c");
  Path both = path;
  both.Append(second);
  both.Append(second);
  History history(both.CharterReader());
  ASSERT_EQ(Fold(history, both.entries()), "ok");
  EXPECT_EQ(history.Find("p3")->closing_envelope.signatures.size(), 2u);
  EXPECT_EQ(RuleAfter(path, path.BySomeone(made.parts.closing.payload, "evaluator-a")), "history.signature");
  closing.size += 1;
  EXPECT_EQ(RuleAfter(path, path.BySomeone(WriteClosing(closing), "auditor-c")), "history.impossible")
      << "another closing statement for the same candidate";
  path.Append(OutcomeOf(path, "p3", ProposalOutcome::kRejected));
  EXPECT_EQ(RuleAfter(path, second), "history.impossible") << "after the outcome";
}

TEST(History, TakesAnApprovalOfTheDraftAlone) {
  Path path = Path::WithTwoReleases();
  const MadeWarrant made = path.Make({.tree = path.third, .signers = {"ann"}});
  const std::string& payload = made.parts.decision.payload;
  EXPECT_EQ(RuleAfter(path, path.ByPeople(payload, {"bob"})), "ok");
  EXPECT_EQ(RuleAfter(path, path.ByPeople(payload, {"mallory"})), "approval.unknown-signer");
  EXPECT_EQ(RuleAfter(path, path.ByPeople(payload, {"ann-two"})), "approval.twice");
  EXPECT_EQ(RuleAfter(path, path.ByPeople(payload, {})), "history.signature");
  Decision other = *ReadDecision(payload);
  other.reason = "another";
  EXPECT_EQ(RuleAfter(path, path.ByPeople(WriteDecision(other), {"bob"})), "history.impossible");
  // A new draft voids what was signed under the old one.
  path.Append(path.BySomeone(WriteDecision(other), "log"));
  History history(path.CharterReader());
  ASSERT_EQ(Fold(history, path.entries()), "ok");
  EXPECT_TRUE(history.Find("p3")->approvers.empty());
  EXPECT_EQ(RuleAfter(path, path.ByPeople(payload, {"bob"})), "history.impossible");
  path.Append(OutcomeOf(path, "p3", ProposalOutcome::kRejected));
  EXPECT_EQ(RuleAfter(path, path.BySomeone(WriteDecision(other), "log")), "history.impossible") << "after the outcome";
  EXPECT_EQ(RuleAfter(path, path.ByPeople(WriteDecision(other), {"bob"})), "history.impossible");
}

TEST(History, MovesTheLiveReleaseOnlyWithApprovals) {
  Path path = Path::WithTwoReleases();
  const MadeWarrant one_short = path.Make({.tree = path.third, .signers = {"ann"}});
  EXPECT_EQ(RuleAfter(path, RecordOf(path, one_short, StatementKind::kRelease)), "history.impossible")
      << "release before warrant";
  path.Append(RecordOf(path, one_short, StatementKind::kWarrant));
  EXPECT_EQ(RuleAfter(path, RecordOf(path, one_short, StatementKind::kRelease)), "history.signature");
  path.Append(path.ByPeople(one_short.parts.decision.payload, {"bob"}));
  EXPECT_EQ(RuleAfter(path, RecordOf(path, one_short, StatementKind::kRelease)), "ok");
  EXPECT_EQ(RuleAfter(path, RecordOf(path, one_short, StatementKind::kRelease, 4)), "history.impossible");
  EXPECT_EQ(RuleAfter(path, RecordOf(path, one_short, StatementKind::kWarrant, 4)), "history.impossible");
  EXPECT_EQ(RuleAfter(path, OutcomeOf(path, "p3", ProposalOutcome::kAccepted)), "history.impossible")
      << "accepted without a release";
  path.Append(RecordOf(path, one_short, StatementKind::kRelease));
  EXPECT_EQ(RuleAfter(path, OutcomeOf(path, "p3", ProposalOutcome::kRejected)), "history.impossible")
      << "rejected after a release";
}

TEST(History, FollowsAnAmendmentOnlyWithThePeopleOfBothCharters) {
  const auto rule = [](const std::function<void(charter::TestCharter&)>& edit, const std::vector<std::string>& signers,
                       History* folded = nullptr) {
    Path path = Path::WithTwoReleases();
    const MadeWarrant made =
        path.Make({.action = Action::kAmendment, .tree = path.PutCharter(edit), .signers = signers});
    path.Append(RecordOf(path, made, StatementKind::kWarrant));
    path.Append(RecordOf(path, made, StatementKind::kRelease));
    History history(path.CharterReader());
    const std::string result = Fold(history, path.entries());
    if (folded != nullptr) *folded = history;
    return result;
  };
  const auto puppets = [](charter::TestCharter& test) {
    test.files["approvers"] = Path::SignerLine("ann") + Path::SignerLine("bob") + Path::SignerLine("cy") +
                              Path::SignerLine("fay") + Path::SignerLine("gus");
  };
  History history({});
  EXPECT_EQ(rule(puppets, {"ann", "bob", "cy"}, &history), "ok");
  EXPECT_EQ(history.charter_epoch(), 1);
  EXPECT_EQ(history.epoch(), 3);
  EXPECT_EQ(history.live_tree(), Path::WithTwoReleases().second) << "an amendment changes no tree";
  EXPECT_EQ(rule(puppets, {"ann", "bob"}), "history.signature");
  EXPECT_EQ(rule(puppets, {"ann", "bob", "fay", "gus"}), "history.signature") << "two people enrol their puppets";
  EXPECT_EQ(
      rule([](charter::TestCharter& test) { test.Replace("threshold = 3", "threshold = 4"); }, {"ann", "bob", "cy"}),
      "history.signature");
  EXPECT_NE(
      rule([](charter::TestCharter& test) { test.Replace("threshold = 2", "threshold = 9"); }, {"ann", "bob", "cy"}),
      "ok")
      << "no charter";
}

TEST(History, KeepsHaltsUntilEnoughPeopleLiftThem) {
  Path path = Path::WithTwoReleases();
  const Envelope halt = path.ByPeople(WriteDecision(path.HaltDecision("smoke")), {"dee"});
  const Digest digest = StatementDigest(halt.payload);
  const Envelope resume = path.ByPeople(WriteDecision(path.ResumeDecision({digest})), {"ann", "bob"});
  EXPECT_EQ(RuleAfter(path, path.ByPeople(halt.payload, {})), "history.signature");
  EXPECT_EQ(RuleAfter(path, path.ByPeople(halt.payload, {"mallory"})), "approval.unknown-signer");
  EXPECT_EQ(RuleAfter(path, path.BySomeone(halt.payload, "log")), "sshsig.malformed");
  Decision elsewhere = path.HaltDecision("smoke");
  elsewhere.resource = "https://example.org/another";
  EXPECT_EQ(RuleAfter(path, path.ByPeople(WriteDecision(elsewhere), {"dee"})), "history.impossible");
  EXPECT_EQ(RuleAfter(path, path.ByPeople(resume.payload, {"ann"})), "history.signature");

  Decision stale = path.ResumeDecision({digest});
  stale.issued -= 100 * 86'400;
  stale.expires -= 100 * 86'400;
  EXPECT_EQ(RuleAfter(path, path.ByPeople(WriteDecision(stale), {"ann", "bob"})), "history.impossible") << "expired";

  const auto open = [&](const std::vector<Envelope>& events) {
    Path one = path;
    for (const Envelope& event : events) one.Append(event);
    History history(one.CharterReader());
    EXPECT_EQ(Fold(history, one.entries()), "ok");
    return history.OpenHalts();
  };
  EXPECT_EQ(open({halt}), std::vector<Digest>{digest});
  EXPECT_EQ(open({halt, halt}), std::vector<Digest>{digest}) << "one halt by two ways";
  EXPECT_TRUE(open({halt, resume}).empty());
  EXPECT_TRUE(open({halt, resume, halt}).empty()) << "a lifted halt is not brought back by repeating it";
  EXPECT_TRUE(open({resume, halt}).empty()) << "the log may learn of them in any order";
  Decision early = path.ResumeDecision({digest});
  early.issued = 0;
  EXPECT_EQ(open({halt, path.ByPeople(WriteDecision(early), {"ann", "bob"})}), std::vector<Digest>{digest})
      << "dated back to before there was anything to lift";
  Decision second = path.HaltDecision("fire too");
  second.lifts = {digest};
  EXPECT_EQ(open({halt, path.ByPeople(WriteDecision(second), {"cy"})}).size(), 2u) << "a halt that names another";
  const Envelope fire = path.ByPeople(WriteDecision(path.HaltDecision("fire")), {"cy"});
  EXPECT_EQ(open({halt, resume, fire}), std::vector<Digest>{StatementDigest(fire.payload)});
}

// What a charter may ask for has to fit into the entries that say so, with the longest names.
TEST(History, HasRoomForWhatACharterMayAskFor) {
  Path path = Path::WithTwoReleases();
  const std::string name(64, 'n'), person(100, 'p');
  const auto size_with = [](const std::string& payload, int64_t signatures, size_t signature_bytes,
                            const std::string& signer) {
    Envelope envelope{.payload_type = std::string(kPayloadType), .payload = payload, .signatures = {}};
    for (int64_t i = 0; i < signatures; ++i) envelope.signatures.push_back({signer, std::string(signature_bytes, 's')});
    return encoding::SerializeEnvelope(envelope).size();
  };
  constexpr size_t kEntryBytesMax = 65'535;
  Candidate candidate;
  candidate.about = {name, Digest{}};
  candidate.resource = std::string(4'096, 'r');
  candidate.certificates.assign(charter::kPropertiesMax, {name, Digest{}, Digest{}});
  EXPECT_LE(size_with(WriteCandidate(candidate), 1, 64, name), kEntryBytesMax);
  Decision decision = path.HaltDecision(std::string(1'000, 'w'));
  for (size_t i = 0; i < charter::kReviewersMax; ++i) decision.votes.push_back(crypto::Sha256(std::to_string(i)));
  std::sort(decision.votes.begin(), decision.votes.end());
  constexpr size_t kPasskeySignatureBytes = 900;
  EXPECT_LE(size_with(WriteDecision(decision), charter::kThresholdMax, kPasskeySignatureBytes, person), kEntryBytesMax);
  Decision resume = path.ResumeDecision({});
  for (int i = 0; i < 256; ++i) resume.lifts.push_back(crypto::Sha256(std::to_string(i)));
  std::sort(resume.lifts.begin(), resume.lifts.end());
  EXPECT_LE(size_with(WriteDecision(resume), charter::kThresholdMax / 2, kPasskeySignatureBytes, person),
            kEntryBytesMax);
}

TEST(History, TakesARefusalOfTheOneWhoSignsIt) {
  Path path = Path::WithTwoReleases();
  const MadeWarrant made = path.Make({.tree = path.third, .signers = {"ann"}});
  const auto refusal = [&](const Digest& decision) {
    return WriteRefusal({.about = {path.state.subject, path.third},
                         .decision = decision,
                         .principal = Path::Principal("bob"),
                         .reason = "no",
                         .time = path.now});
  };
  const std::string of_draft = refusal(StatementDigest(made.parts.decision.payload));
  EXPECT_EQ(RuleAfter(path, path.ByPeople(of_draft, {"bob"})), "ok");
  EXPECT_EQ(RuleAfter(path, path.ByPeople(of_draft, {"cy"})), "history.signature");
  EXPECT_EQ(RuleAfter(path, path.ByPeople(of_draft, {"bob", "cy"})), "history.signature");
  EXPECT_EQ(RuleAfter(path, path.ByPeople(of_draft, {})), "history.signature");
  EXPECT_EQ(RuleAfter(path, path.ByPeople(refusal(crypto::Sha256("x")), {"bob"})), "history.impossible");
}

// One evaluator must not be able to log what nobody can fold afterwards.
TEST(History, TakesNoMeasurementThatCannotBeRead) {
  const Path path = Path::WithTwoReleases();
  const auto rule = [&](const encoding::Json& step) {
    Path one = path;
    Tampering tampering;
    tampering.votes = [&](std::vector<Vote>& votes) {
      for (Vote& vote : votes) {
        if (vote.role == "evaluator") vote.evidence["last_step"] = step;
      }
    };
    one.Make({.tree = one.third}, tampering);
    return Rule(one);
  };
  EXPECT_EQ(rule(nullptr), "ok");
  EXPECT_EQ(rule({{"epoch", 2}, {"gain", "0.01"}}), "ok");
  EXPECT_EQ(rule(5), "history.last-step");
  EXPECT_NE(rule({{"epoch", 2}}), "ok");
  EXPECT_NE(rule({{"epoch", 0}, {"gain", "0.01"}}), "ok");
  EXPECT_NE(rule({{"epoch", 2}, {"gain", "much"}}), "ok");
}

// One reviewer or approver with a wrong clock must not set everybody's: a gate decides nothing on a log that is ahead
// of its own clock.
TEST(History, TakesTheTimeFromTheGateAlone) {
  const auto time_of = [](const Tampering& tampering) {
    Path path = Path::WithTwoReleases();
    path.Make({.tree = path.third}, tampering);
    History history(path.CharterReader());
    EXPECT_EQ(Fold(history, path.entries()), "ok");
    return history.time() - path.now;
  };
  constexpr int64_t kAhead = 10 * 86'400;
  Tampering votes, closing, decision;
  votes.votes = [](std::vector<Vote>& all) { all[0].time += kAhead; };
  closing.closing = [](Closing& one) { one.time += kAhead; };
  decision.decision = [](Decision& one) { one.issued += kAhead; };
  EXPECT_LT(time_of(votes), kAhead / 2);
  EXPECT_LT(time_of(closing), kAhead / 2);
  EXPECT_GT(time_of(decision), kAhead / 2) << "the gate's own";
}

TEST(History, TakesNoReleaseOfAnAmendmentThatSomebodyVetoed) {
  const auto rule = [](const char* when) {
    Path path = Path::WithTwoReleases();
    const MadeWarrant made = path.Make({.action = Action::kAmendment,
                                        .tree = path.PutCharter([](charter::TestCharter&) {}),
                                        .signers = {"ann", "bob", "cy"}});
    const auto veto = [&] {
      path.Append(path.ByPeople(WriteRefusal({.about = {path.state.subject, path.third},
                                              .decision = StatementDigest(made.parts.decision.payload),
                                              .principal = Path::Principal("bob"),
                                              .reason = "not like this",
                                              .time = path.now}),
                                {"bob"}));
    };
    if (when == std::string("before the warrant")) veto();
    path.Append(RecordOf(path, made, StatementKind::kWarrant));
    if (when != std::string("never")) veto();
    if (when == std::string("before a second warrant")) path.Append(RecordOf(path, made, StatementKind::kWarrant));
    path.Append(RecordOf(path, made, StatementKind::kRelease));
    return Rule(path);
  };
  EXPECT_EQ(rule("never"), "ok");
  EXPECT_EQ(rule("before the warrant"), "history.impossible");
  EXPECT_EQ(rule("before a second warrant"), "history.impossible");
  // The gate honours it until its last look before the switch. One that comes between that look and the log must not
  // part the log from what is live.
  EXPECT_EQ(rule("after the warrant"), "ok");
}

// ---- complaints

// The path of a third release, decided and not yet released, and what was signed on the way.
struct Decided {
  Path path = Path::WithTwoReleases();
  std::vector<Vote> votes;  // as signed: prover-a's first
  MadeWarrant made;

  explicit Decided(const std::function<void(std::vector<Vote>&)>& change = {}) {
    Tampering watched;
    watched.votes = [&](std::vector<Vote>& all) {
      if (change) change(all);
      votes = all;
    };
    made = path.Make({.tree = path.third}, watched);
  }
  Digest Logged(size_t at) const { return StatementDigest(WriteVote(votes[at])); }
  Digest Closed() const { return StatementDigest(made.parts.closing.payload); }
  Envelope Other(const std::function<void(Vote&)>& change, const char* signer = "prover-a") const {
    Vote vote = votes[0];
    change(vote);
    return path.BySomeone(WriteVote(vote), signer);
  }
  Envelope Says(ComplaintRule rule, const std::string& accused, std::optional<Digest> entry,
                std::optional<Envelope> vote = std::nullopt, const std::string& complainant = "auditor-c",
                const std::string& signer = {}) const {
    return path.BySomeone(WriteComplaint({.about = {path.state.subject, made.candidate.tree},
                                          .complainant = complainant,
                                          .accused = accused,
                                          .candidate = StatementDigest(made.parts.candidate.payload),
                                          .rule = rule,
                                          .reason = "seen",
                                          .entry = entry,
                                          .vote = std::move(vote),
                                          .time = path.now}),
                          signer.empty() ? complainant : signer);
  }
};

void Against(Vote& vote) { vote.verdict = VoteVerdict::kAgainst, vote.reasons = {"on second thoughts"}; }
constexpr const char* kNotShown = "history.complaint";

TEST(Complaint, OfTwoVotesOfOneReviewerIsProven) {
  const Decided x;
  const auto rule = [&](const Envelope& vote, std::optional<Digest> entry, const std::string& accused = "prover-a") {
    return RuleAfter(x.path, x.Says(ComplaintRule::kEquivocation, accused, entry, vote));
  };
  const Envelope against = x.Other(Against);
  EXPECT_EQ(rule(against, x.Logged(0)), "ok");
  EXPECT_EQ(rule(x.Other([](Vote& vote) { vote.time += 1; }), x.Logged(0)), "ok") << "the same verdict, again";
  History history(x.path.CharterReader());
  Path path = x.path;
  path.Append(x.Says(ComplaintRule::kEquivocation, "prover-a", x.Logged(0), against));
  ASSERT_EQ(Fold(history, path.entries()), "ok");
  const ProposalHistory& proposal = *history.Find("p3");
  ASSERT_EQ(proposal.complaints.size(), 1u);
  EXPECT_EQ(proposal.complaints[0].complaint.accused, "prover-a");
  EXPECT_EQ(proposal.complaints[0].index, path.entries().size() - 1);
  EXPECT_FALSE(proposal.complaints[0].complaint.vote) << "it is in the entry";
  EXPECT_EQ(proposal.votes.size(), 5u) << "it decides nothing";
  // Nobody is framed: not with one vote, twice the same, another's, another candidate's, or what the accused did not
  // sign.
  EXPECT_EQ(rule(x.Other([](Vote&) {}), x.Logged(0)), kNotShown);
  EXPECT_EQ(RuleAfter(x.path, x.Says(ComplaintRule::kEquivocation, "prover-a", x.Logged(0))), kNotShown);
  EXPECT_EQ(rule(against, {}), kNotShown);
  EXPECT_EQ(rule(against, x.Logged(1)), kNotShown);
  EXPECT_EQ(rule(against, x.Closed()), kNotShown);
  EXPECT_EQ(rule(against, crypto::Sha256("nothing")), kNotShown);
  EXPECT_EQ(rule(against, x.Logged(0), "prover-b"), kNotShown);
  EXPECT_EQ(rule(x.Other(Against, "stranger"), x.Logged(0)), kNotShown);
  EXPECT_EQ(rule(x.Other(Against, "auditor-c"), x.Logged(0)), kNotShown);
  EXPECT_EQ(rule(x.Other([](Vote& vote) { vote.candidate = crypto::Sha256("another"); }), x.Logged(0)), kNotShown);
  Envelope forged = against;
  forged.signatures[0].sig[5] ^= 1;
  EXPECT_EQ(rule(forged, x.Logged(0)), kNotShown);
  forged = against;
  forged.signatures.push_back(x.Other(Against, "auditor-c").signatures[0]);
  EXPECT_EQ(rule(forged, x.Logged(0)), kNotShown) << "filled up";
  EXPECT_EQ(rule(x.made.parts.closing, x.Logged(0)), "statement.kind");
}

// An amendment gives prover-a another key while a candidate of before is still open: what is signed with the old one,
// which may be a thief's by now, contradicts nothing that is signed with the new one.
TEST(Complaint, OfTwoVotesIsOfOneKey) {
  const auto rule = [](const char* logged_with, const char* other_with) {
    Vote vote;
    Decided x([&](std::vector<Vote>& votes) {
      vote = votes[0];
      votes.erase(votes.begin());
    });
    const auto edit = [](charter::TestCharter& test) {
      test.Replace(charter::TestNoteKey("prover-a", '1'), charter::TestNoteKey("prover-a", '?'));
    };
    x.path.Accept(MakeAmendment(x.path, x.path.PutCharter(edit), kThree));
    const auto signed_with = [&](const char* key) {
      Envelope envelope = x.path.BySomeone(WriteVote(vote), key);
      envelope.signatures[0].keyid = "prover-a";
      return envelope;
    };
    x.path.Append(signed_with(logged_with));
    const Digest logged = StatementDigest(WriteVote(vote));
    vote.time += 1;
    return RuleAfter(x.path, x.Says(ComplaintRule::kEquivocation, "prover-a", logged, signed_with(other_with)));
  };
  EXPECT_EQ(rule("stranger", "prover-a"), kNotShown) << "two keys";
  EXPECT_EQ(rule("stranger", "stranger"), kNotShown) << "a key that the candidate's charter does not know";
}

TEST(Complaint, OfAVoteOnOtherBytesIsProven) {
  const auto elsewhere = [](Vote& vote) { vote.about.digest = crypto::Sha256("another tree"); };
  const Decided honest;
  const Decided lied([&](std::vector<Vote>& votes) { elsewhere(votes[0]); });
  const ComplaintRule rule = ComplaintRule::kOtherBytes;
  EXPECT_EQ(RuleAfter(lied.path, lied.Says(rule, "prover-a", lied.Logged(0))), "ok");
  EXPECT_EQ(RuleAfter(lied.path, lied.Says(rule, "prover-b", lied.Logged(0))), kNotShown);
  EXPECT_EQ(RuleAfter(honest.path, honest.Says(rule, "prover-a", honest.Logged(0))), kNotShown);
  EXPECT_EQ(RuleAfter(honest.path, honest.Says(rule, "prover-a", {}, honest.Other(elsewhere))), "ok");
  EXPECT_EQ(RuleAfter(honest.path, honest.Says(rule, "prover-a", {}, honest.Other(Against))), kNotShown);
  EXPECT_EQ(RuleAfter(honest.path, honest.Says(rule, "prover-a", {}, honest.Other(elsewhere, "stranger"))), kNotShown);
  EXPECT_EQ(RuleAfter(honest.path, honest.Says(rule, "prover-a", honest.Closed(), honest.Other(elsewhere))), kNotShown);
  EXPECT_EQ(RuleAfter(honest.path, honest.Says(rule, "prover-a", {})), kNotShown);
}

TEST(Complaint, OfAVoteAfterRemovalIsProven) {
  const auto rule = [](bool removed, const char* signer, const std::string& accused = "prover-a2",
                       const std::string& voter = "prover-a2") {
    Path path = Path::WithTwoReleases();
    AmendWithout(path, removed);
    Decided x;
    x.path = path;
    Tampering watched;
    watched.votes = [&](std::vector<Vote>& votes) { x.votes = votes; };
    x.made = x.path.Make({.tree = path.third}, watched);
    const Envelope vote = x.Other([&](Vote& late) { late.reviewer = voter; }, signer);
    return RuleAfter(x.path, x.Says(ComplaintRule::kAfterRemoval, accused, {}, vote));
  };
  EXPECT_EQ(rule(true, "prover-a2"), "ok");
  EXPECT_EQ(rule(false, "prover-a2"), kNotShown) << "it is a reviewer";
  EXPECT_EQ(rule(true, "stranger"), kNotShown);
  EXPECT_EQ(rule(true, "prover-a"), kNotShown) << "a key that the charter lists";
  EXPECT_EQ(rule(true, "prover-a2", "prover-b"), kNotShown);
  EXPECT_EQ(rule(true, "prover-a2", "prover-b", "prover-b"), kNotShown) << "in another's name";
  const Decided before;
  EXPECT_EQ(RuleAfter(before.path, before.Says(ComplaintRule::kAfterRemoval, "prover-a", {}, before.Other(Against))),
            kNotShown);
}

TEST(Complaint, IsOtherwiseAWordAboutOneEntry) {
  const Decided x;
  using R = ComplaintRule;
  for (const R rule : {R::kSeeds, R::kShares, R::kVerdict, R::kLastStep, R::kPeer, R::kEvidence}) {
    EXPECT_EQ(RuleAfter(x.path, x.Says(rule, "prover-a", x.Logged(0))), "ok");
    EXPECT_EQ(RuleAfter(x.path, x.Says(rule, "prover-b", x.Logged(0))), kNotShown);
    EXPECT_EQ(RuleAfter(x.path, x.Says(rule, "prover-a", {})), kNotShown);
    EXPECT_EQ(RuleAfter(x.path, x.Says(rule, "prover-a", x.Closed())), kNotShown);
    EXPECT_EQ(RuleAfter(x.path, x.Says(rule, "prover-a", x.Logged(0), x.Other(Against))), kNotShown)
        << "nobody fills the log with what is not asked for";
  }
  EXPECT_EQ(RuleAfter(x.path, x.Says(R::kClosing, "auditor-a", x.Closed())), "ok");
  EXPECT_EQ(RuleAfter(x.path, x.Says(R::kClosing, "prover-a", x.Closed())), kNotShown) << "who did not sign it";
  EXPECT_EQ(RuleAfter(x.path, x.Says(R::kClosing, "auditor-a", x.Logged(0))), kNotShown);
  const std::string log = x.path.charter().gate.log.name;
  EXPECT_EQ(RuleAfter(x.path, x.Says(R::kHeldBack, log, x.Closed(), x.Other(Against))), "ok");
  EXPECT_EQ(RuleAfter(x.path, x.Says(R::kHeldBack, log, x.Closed(), x.Other([](Vote&) {}))), kNotShown)
      << "the log had it";
  EXPECT_EQ(RuleAfter(x.path, x.Says(R::kHeldBack, log, x.Closed())), kNotShown);
  EXPECT_EQ(RuleAfter(x.path, x.Says(R::kHeldBack, log, {}, x.Other(Against))), kNotShown);
  EXPECT_EQ(RuleAfter(x.path, x.Says(R::kHeldBack, "prover-a", x.Closed(), x.Other(Against))), kNotShown);
  EXPECT_EQ(RuleAfter(x.path, x.Says(R::kHeldBack, log, x.Closed(), x.Other(Against, "stranger"))), kNotShown);
}

TEST(Complaint, IsOfSomebodyWhoSignsAndOnceOnly) {
  const Decided x;
  const std::string log = x.path.charter().gate.log.name;
  const auto by = [&](const std::string& complainant, const std::string& signer) {
    return RuleAfter(x.path, x.Says(ComplaintRule::kSeeds, "prover-a", x.Logged(0), std::nullopt, complainant, signer));
  };
  EXPECT_EQ(by("auditor-c", "auditor-c"), "ok");
  EXPECT_EQ(by("prover-b", "prover-b"), "ok");
  EXPECT_EQ(by(log, "log"), "ok");
  EXPECT_EQ(by("auditor-c", "auditor-a"), "history.signature");
  EXPECT_EQ(by("auditor-c", "log"), "history.signature");
  EXPECT_EQ(by(log, "auditor-c"), "history.signature");
  EXPECT_EQ(by("stranger", "stranger"), "history.signature");
  Envelope two = x.Says(ComplaintRule::kSeeds, "prover-a", x.Logged(0));
  two.signatures.push_back(two.signatures[0]);
  EXPECT_EQ(RuleAfter(x.path, two), "history.signature");
  const auto changed = [&](const std::function<void(Complaint&)>& change) {
    Complaint complaint = *ReadComplaint(x.Says(ComplaintRule::kSeeds, "prover-a", x.Logged(0)).payload);
    change(complaint);
    return RuleAfter(x.path, x.path.BySomeone(WriteComplaint(complaint), "auditor-c"));
  };
  EXPECT_EQ(changed([](Complaint& one) { one.about.subject = "another"; }), "history.signature");
  EXPECT_EQ(changed([](Complaint& one) { one.about.digest = crypto::Sha256("another"); }), kNotShown);
  EXPECT_EQ(changed([](Complaint& one) { one.candidate = crypto::Sha256("another"); }), "history.impossible");

  Decided said = x;
  said.path.Append(x.Says(ComplaintRule::kSeeds, "prover-a", x.Logged(0)));
  const auto after = [&](ComplaintRule rule, size_t vote, const std::string& who) {
    return RuleAfter(said.path, x.Says(rule, x.votes[vote].reviewer, x.Logged(vote), std::nullopt, who));
  };
  said.path.now += 1;
  EXPECT_EQ(after(ComplaintRule::kSeeds, 0, "auditor-c"), "history.impossible");
  EXPECT_EQ(after(ComplaintRule::kVerdict, 0, "auditor-c"), "ok");
  EXPECT_EQ(after(ComplaintRule::kSeeds, 1, "auditor-c"), "ok");
  EXPECT_EQ(after(ComplaintRule::kSeeds, 0, "auditor-a"), "ok");
  // What it is about may have ended.
  said.path.Append(OutcomeOf(said.path, "p3", ProposalOutcome::kRejected));
  EXPECT_EQ(after(ComplaintRule::kVerdict, 0, "auditor-c"), "ok");
}

}  // namespace
}  // namespace pawl::audit
