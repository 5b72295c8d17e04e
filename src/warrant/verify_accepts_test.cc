// What the check of a warrant accepts, and what it says of it. What it refuses: verify_test.cc.
#include <gtest/gtest.h>

#include <algorithm>

#include "charter/untried_for_test.h"
#include "encoding/base64.h"
#include "signing/sign.h"
#include "warrant/path_for_test.h"
#include "warrant/verify.h"

namespace pawl::warrant {
namespace {

std::string Why(const WarrantVerdict& verdict) { return verdict.reason.rule + ": " + verdict.reason.message; }

TEST(Verify, AcceptsTheWholePath) {
  Path path = Path::WithTwoReleases();
  const MadeWarrant made = path.Make({.tree = path.third});
  const WarrantVerdict verdict = path.Ask(made);
  ASSERT_TRUE(verdict.accepted) << Why(verdict);
  EXPECT_EQ(verdict.action, Action::kRelease);
  EXPECT_EQ(verdict.epoch, 3);
  EXPECT_EQ(verdict.tree, path.third);
  EXPECT_EQ(verdict.warrant, crypto::Sha256(made.bytes));
  EXPECT_EQ(verdict.time, path.now);
  EXPECT_EQ(verdict.approvers, (std::vector<std::string>{"ann@example.org", "bob@example.org"}));
  const std::vector<std::string_view> names = ClauseNames();
  EXPECT_TRUE(std::equal(names.begin(), names.end(), verdict.clauses.begin(), verdict.clauses.end()));
  ASSERT_EQ(verdict.warnings.size(), 1u);
  EXPECT_NE(verdict.warnings[0].find("gate alone"), std::string::npos);
  State expected = path.state;
  expected.epoch = 3;
  expected.warrant = verdict.warrant;
  expected.tree = path.third;
  expected.checkpoint_size = made.checkpoint_size;
  expected.checkpoint_root = verdict.next.checkpoint_root;
  expected.time = path.now;
  expected.releases.push_back({.epoch = 3,
                               .tree = path.third,
                               .time = path.now,
                               .switched = path.now,
                               .warrant = verdict.warrant,
                               .action = Action::kRelease});
  EXPECT_EQ(verdict.next, expected);
}

TEST(Verify, AcceptsWhatIsProvenWhereTheCharterAsksForNoTrial) {
  Path path = Path::OfItsOwn(charter::WithoutTrials);
  const MadeWarrant made = path.Make({.tree = path.third});
  EXPECT_FALSE(made.candidate.environment);
  const WarrantVerdict verdict = path.Ask(made);
  ASSERT_TRUE(verdict.accepted) << Why(verdict);
  EXPECT_EQ(verdict.warnings.back(), "no trial: the charter has no evaluation") << "every verdict says so";
  path.Accept(made);
  EXPECT_TRUE(path.Ask(made, {}, Purpose::kRestart).accepted);
  path.now += kDay;
  EXPECT_TRUE(path.Ask(path.Make({.action = Action::kRollback, .tree = path.second})).accepted);
}

TEST(Verify, AsksForTrialsAsTheCharterInForceDoes) {
  Path path = Path::WithTwoReleases();
  const Digest tried = path.charter().digest;
  path.Accept(MakeAmendment(path, path.PutCharter(charter::WithoutTrials), kThree));
  path.now += kDay;
  EXPECT_TRUE(path.charter().evaluation.command.empty());
  path.Go({.tree = path.third});
  path.Accept(MakeAmendment(path, tried, kThree));
  path.now += 7 * kDay;
  EXPECT_FALSE(path.charter().evaluation.command.empty());
  Tampering untried;
  untried.candidate = [](Candidate& candidate) { candidate.environment.reset(); };
  EXPECT_EQ(path.Ask(path.Make({.tree = path.second}, untried)).reason.rule, "warrant.trial");
  EXPECT_TRUE(path.Ask(path.Make({.tree = path.second})).accepted);
}

TEST(Verify, FollowsAStaleLinkOfAChainAndSwitchesOnlyToTheLast) {
  Path path = Path::WithTwoReleases();
  const MadeWarrant made = path.Make({.tree = path.third});
  path.now += 2 * kDay;
  EXPECT_EQ(path.Ask(made).reason.rule, "time.stale");
  const WarrantVerdict followed = path.Ask(made, {}, Purpose::kFollow);
  EXPECT_TRUE(followed.accepted) << Why(followed);
  EXPECT_EQ(followed.next.releases.back().time, path.now - 2 * kDay) << "a link counts from the log's time";
}

TEST(Verify, LetsALoaderThatSwitchedLateFollowAChainByTheTimesOfTheLog) {
  Path path;
  path.Go({.tree = path.baseline});
  const MadeWarrant made = path.Make({.tree = path.second});
  path.now += 20 * 3'600;
  path.Accept(made);
  path.now += 5 * 3'600;
  const MadeWarrant next = path.Make({.tree = path.third});  // a day and an hour later by the log
  const WarrantVerdict followed = path.Ask(next, {}, Purpose::kFollow);
  EXPECT_TRUE(followed.accepted) << Why(followed);
  EXPECT_EQ(path.Ask(next).reason.rule, "pace.interval") << "it may not make both live within five hours";
}

TEST(Verify, RestartsTheLiveReleaseLongAfterItsWarrantIsTooOldToSwitchTo) {
  Path path = Path::WithTwoReleases();
  const MadeWarrant made = path.Make({.tree = path.third});
  path.Accept(made);
  path.now += 300 * kDay;
  const WarrantVerdict verdict = path.Ask(made, {}, Purpose::kRestart);
  ASSERT_TRUE(verdict.accepted) << Why(verdict);
  EXPECT_EQ(verdict.next, path.state) << "a restart changes nothing";
  EXPECT_EQ(path.Ask(made).reason.rule, "warrant.epoch");
}

TEST(Verify, TakesBackTheLastReleaseWithOneSignatureAndAnOlderOneWithTwo) {
  Path path = Path::WithTwoReleases();
  const MadeWarrant back = path.Make({.action = Action::kRollback, .tree = path.baseline, .signers = {"dee"}});
  ASSERT_TRUE(path.Ask(back).accepted) << Why(path.Ask(back));
  path.Accept(back);
  path.now += 60;  // pace holds no rollback back
  // What the rollback left is no predecessor.
  EXPECT_EQ(path.Ask(path.Make({.action = Action::kRollback, .tree = path.second, .signers = {"dee"}})).reason.rule,
            "approval.threshold");
  const WarrantVerdict two = path.Ask(path.Make({.action = Action::kRollback, .tree = path.second}));
  EXPECT_TRUE(two.accepted) << Why(two);
  EXPECT_EQ(two.next.releases.size(), 4u) << "a rollback is a release of its own and resets nothing";
}

TEST(Verify, NeedsNoEvaluatorForARollback) {
  Path path = Path::WithTwoReleases();
  Tampering without;
  without.votes = [](std::vector<Vote>& votes) {
    std::erase_if(votes, [](const Vote& vote) { return vote.role == "evaluator"; });
  };
  const WarrantVerdict verdict = path.Ask(path.Make({.action = Action::kRollback, .tree = path.baseline}, without));
  EXPECT_TRUE(verdict.accepted) << Why(verdict);
}

TEST(Verify, TakesTheTimeOfTheWitnesses) {
  const int64_t now = Path::WithWitnesses().now;
  const WarrantVerdict all = Witnessed([](merkle::SignedNote&) {});
  ASSERT_TRUE(all.accepted) << Why(all);
  EXPECT_TRUE(all.warnings.empty()) << all.warnings[0];
  EXPECT_EQ(all.time, now);
  // Whatever the gate's clock says, and without it.
  const WarrantVerdict early = Witnessed([now](merkle::SignedNote& note) {
    note.signatures[1] = signing::Cosign(note.text, "example.org/clock", Path::Key("clock"), now - kDay);
  });
  EXPECT_TRUE(early.accepted && early.time == now) << Why(early);
  EXPECT_TRUE(Witnessed([](merkle::SignedNote& note) { note.signatures.erase(note.signatures.begin() + 1); }).accepted);
  // The median, so that one of three that lies about the time changes nothing beyond the times of the others.
  const WarrantVerdict lie = Witnessed([now](merkle::SignedNote& note) {
    CosignAt(note, {{"witness-a", 5}, {"witness-b", now + 2}, {"witness-d", now + 4}});
  });
  ASSERT_TRUE(lie.accepted) << Why(lie);
  EXPECT_EQ(lie.time, now + 2);
  const WarrantVerdict late = Witnessed([now](merkle::SignedNote& note) {
    CosignAt(note, {{"witness-a", now + kDay}, {"witness-b", now + 2}, {"witness-d", now + 4}});
  });
  EXPECT_TRUE(late.accepted && late.time == now + 4) << Why(late);
}

TEST(Verify, FollowsAnAmendmentThatNamesWitnessesAndThenNeedsThem) {
  Path path = Path::WithTwoReleases();
  const Digest charter = path.PutCharter(Path::AddWitnesses);
  Tampering day_later;
  day_later.cosignature_time = [](int64_t& time) { time += kDay; };
  const MadeWarrant amendment =
      path.Make({.action = Action::kAmendment, .tree = charter, .signers = {"ann", "bob", "cy"}}, day_later);
  path.now += kDay;
  ASSERT_TRUE(path.Ask(amendment).accepted) << Why(path.Ask(amendment)) << ": the old charter has none";
  path.Accept(amendment);
  path.now += 60;
  Tampering alone;
  alone.note = [](merkle::SignedNote& note) { note.signatures.resize(2); };
  EXPECT_EQ(Path(path).Ask(Path(path).Make({.tree = path.third}, alone)).reason.rule, "log.signature");
  EXPECT_TRUE(path.Ask(path.Make({.tree = path.third})).accepted);
}

TEST(Verify, FollowsAnAmendmentAndThenTheNewCharterAlone) {
  Path path = Path::WithTwoReleases();
  const Digest charter =
      path.PutCharter([](charter::TestCharter& test) { test.Replace("max_releases = 3", "max_releases = 4"); });
  const MadeWarrant under_old = Path(path).Make({.tree = path.third});
  const MadeWarrant amendment = MakeAmendment(path, charter, kThree);
  const WarrantVerdict verdict = path.Ask(amendment);
  ASSERT_TRUE(verdict.accepted) << Why(verdict);
  EXPECT_EQ(verdict.next.charter, charter);
  EXPECT_EQ(verdict.next.charter_epoch, 1);
  EXPECT_EQ(verdict.next.tree, path.state.tree) << "an amendment changes no tree";
  EXPECT_EQ(verdict.next.releases, path.state.releases);
  path.Accept(amendment);
  EXPECT_EQ(path.Ask(under_old).reason.rule, "charter.not-current") << "pending proposals are void";
  path.now += 60;
  const WarrantVerdict next = path.Ask(path.Make({.tree = path.third}));
  EXPECT_TRUE(next.accepted) << Why(next);
}

TEST(Verify, RestartsUnderTheCharterThatTheLiveReleaseWasAcceptedUnder) {
  Path path = Path::WithTwoReleases();
  const MadeWarrant live = path.Make({.tree = path.third});
  path.Accept(live);
  const CharterFiles before = path.charter_files();
  path.Accept(MakeAmendment(
      path, path.PutCharter([](charter::TestCharter& test) { test.Replace("max_releases = 3", "max_releases = 4"); }),
      kThree));
  Tampering with_its_charter;
  with_its_charter.question = [&](WarrantQuestion& question) { question.charter = &before; };
  const WarrantVerdict verdict = path.Ask(live, with_its_charter, Purpose::kRestart);
  EXPECT_TRUE(verdict.accepted) << Why(verdict);
}

void Without(charter::TestCharter& test, const std::string& person) {
  std::string& signers = test.files["approvers"];
  const std::string line = Path::SignerLine(person);
  signers.erase(signers.find(line), line.size());
}

TEST(Verify, LetsAPersonChangeKeysBySigningWithBoth) {
  Path path = Path::OfItsOwn([](charter::TestCharter& test) { Without(test, "ann-two"); });
  const Digest charter = path.PutCharter([](charter::TestCharter& test) { Without(test, "ann"); });
  const MadeWarrant old_alone = MakeAmendment(path, charter, kThree);
  EXPECT_EQ(path.Ask(old_alone).reason.rule, "approval.threshold") << "the new key has to sign as well";
  const MadeWarrant both = MakeAmendment(path, charter, {"ann", "ann-two", "bob", "cy"});
  const WarrantVerdict verdict = path.Ask(both);
  EXPECT_TRUE(verdict.accepted) << Why(verdict);
}

TEST(Verify, AcceptsAClosingWithAHaltThatPeopleHaveLifted) {
  Path path = Path::WithTwoReleases();
  const Digest halt = crypto::Sha256("a halt");
  path.halts.lifted = {halt};
  Tampering open;
  open.closing = [&](Closing& closing) { closing.open_halts = {halt}; };
  const WarrantVerdict verdict = path.Ask(path.Make({.tree = path.third}, open));
  ASSERT_TRUE(verdict.accepted) << Why(verdict);
  EXPECT_EQ(verdict.next.lifted, path.halts.lifted);
}

TEST(Verify, LetsOneCertificateProveTheReleasesNearItsNetworkAsLongAsTheCharterSays) {
  Path path = Path::WithEnvelopes();  // 1·x is the centre, and 1.5·x was the first release after it
  Tampering by_envelope;
  by_envelope.candidate = [&](Candidate& candidate) {
    candidate.certificates[0].certificate = *path.store().PutBlob(path.EnvelopeCertificate(TinyNetwork(1), 1.25));
  };
  const auto ask = [&](Digest tree, Action action = Action::kRelease) {
    return path.Ask(path.Make({.action = action, .tree = tree}, by_envelope));
  };
  const Digest rim = path.NetworkTree(2.25), beyond = path.NetworkTree(2.2500002F);
  EXPECT_TRUE(ask(rim).accepted) << "on the very rim";
  EXPECT_EQ(ask(beyond).reason.rule, "property.certificate");
  EXPECT_TRUE(ask(path.baseline, Action::kRollback).accepted);
  path.Go({.tree = path.third}, by_envelope);
  path.Go({.tree = rim}, by_envelope);
  EXPECT_EQ(ask(path.third).reason.rule, "property.envelope") << "a fourth release by this certificate";
  const MadeWarrant own = path.Make({.tree = path.third});
  EXPECT_TRUE(path.Ask(own).accepted) << "by a certificate of its own";
  // Once the centre itself is live again, it counts anew.
  path.Go({.action = Action::kRollback, .tree = path.baseline});
  EXPECT_TRUE(ask(path.third).accepted);
}

TEST(Verify, SaysWhenNoHumanPresenceIsProven) {
  Path path = Path::OfItsOwn([](charter::TestCharter& test) {
    test.Replace("signers = \"approvers\"", "signers = \"approvers\"\npresence = \"software\"");
  });
  Tampering absent;
  absent.decision_envelope = [](encoding::Envelope& envelope) {
    envelope.signatures[0] = Path::Approve(envelope.payload, "ann", 0);
  };
  const WarrantVerdict verdict = path.Ask(path.Make({.tree = path.third}, absent));
  ASSERT_TRUE(verdict.accepted) << Why(verdict);
  ASSERT_EQ(verdict.warnings.size(), 2u);
  EXPECT_EQ(verdict.warnings[1], "no human presence proven: 'ann@example.org' signed with a software key");
}

TEST(Verify, DecidesNothingWithoutAState) {
  Path path = Path::WithTwoReleases();
  Tampering stateless;
  stateless.question = [](WarrantQuestion& question) { question.state = nullptr; };
  const WarrantVerdict verdict = path.Ask(path.Make({.tree = path.third}), stateless);
  EXPECT_FALSE(verdict.accepted);
  EXPECT_EQ(verdict.reason.rule, "state.missing");
  EXPECT_EQ(verdict.reason.code, ErrorCode::kPending);
  EXPECT_EQ(verdict.approvers.size(), 2u);
  const WarrantVerdict unsigned_one = path.Ask(path.Make({.tree = path.third, .signers = {"ann"}}), stateless);
  EXPECT_EQ(unsigned_one.reason.rule, "approval.threshold") << "signatures are what is checked without a state";
}

TEST(Verify, TellsThePredecessorFromWhatARollbackLeft) {
  const Digest a = crypto::Sha256("a"), b = crypto::Sha256("b");
  std::vector<LiveTree> past;
  const auto is_predecessor = [&](const Digest& tree) { return TargetOf(past, tree) == RollbackTarget::kPredecessor; };
  EXPECT_FALSE(is_predecessor(a));
  past = {{a, Action::kRelease}};
  EXPECT_FALSE(is_predecessor(a));
  past.push_back({b, Action::kRelease});
  EXPECT_TRUE(is_predecessor(a));
  EXPECT_FALSE(is_predecessor(b));
  past.push_back({a, Action::kRollback});
  EXPECT_FALSE(is_predecessor(b));
}

}  // namespace
}  // namespace pawl::warrant
