// Histories of measured steps: who raises the alarm, what it stops, and how people lift it.
#include "oversight/acceleration.h"

#include <gtest/gtest.h>

#include "encoding/base64.h"
#include "oversight/growing_path_for_test.h"
#include "oversight/pace.h"
#include "signing/sign.h"

namespace pawl::oversight {
namespace {

using warrant::Action;
using warrant::Path;

constexpr double kLargest = 0.02;

audit::History HistoryOf(const Path& path) {
  audit::History history(path.CharterReader());
  for (uint64_t index = 0; index < path.entries().size(); ++index) {
    const Result<void> applied = history.Apply(index, path.entries()[index]);
    EXPECT_TRUE(applied.ok()) << applied.error().message;
  }
  return history;
}
std::vector<AccelerationAlarm> Alarms(const Path& path) {
  const audit::History history = HistoryOf(path);
  Result<std::vector<AccelerationAlarm>> alarms = OpenAlarms(history);
  EXPECT_TRUE(alarms.ok());
  for (const audit::ProposalHistory& proposal : history.proposals()) {
    for (const audit::LoggedVote& vote : proposal.votes) {
      for (const AccelerationAlarm& alarm : *alarms) EXPECT_EQ(alarm.index == vote.index, alarm.vote == vote.digest);
    }
  }
  return alarms.ok() ? *alarms : std::vector<AccelerationAlarm>();
}
std::string Stops(const Path& path, Action action) { return CheckPace(HistoryOf(path), action, path.now).rule; }
void Resume(Path& path, const std::vector<crypto::Digest>& what) {
  path.Append(path.ByPeople(warrant::WriteDecision(path.ResumeDecision(what)), {"ann", "bob", "cy"}));
}

TEST(Acceleration, RingsAfterFourOfTheLargestSteps) {
  Path path = GrowingPath(3, kLargest);
  EXPECT_TRUE(Alarms(path).empty());
  EXPECT_EQ(Stops(path, Action::kRelease), "");
  const audit::History history = HistoryOf(path);
  EXPECT_TRUE(*WouldAlarm(history, "evaluator-a", {path.state.epoch, kLargest}));
  EXPECT_FALSE(*WouldAlarm(history, "evaluator-a", {path.state.epoch, 0}));
  EXPECT_FALSE(*WouldAlarm(history, "evaluator-a", {path.state.epoch - 1, kLargest})) << "counted already";
  EXPECT_FALSE(*WouldAlarm(history, "evaluator-b", {path.state.epoch, kLargest})) << "each by its own measurements";
  Grow(path, kLargest);
  ASSERT_EQ(Alarms(path).size(), 1U);
  EXPECT_EQ(Alarms(path)[0].reviewer, "evaluator-a");
  EXPECT_NE(Alarms(path)[0].reason.find("'evaluator-a' sees growth accelerate: last step 0.02"), std::string::npos);
  EXPECT_TRUE(*WouldAlarm(HistoryOf(path), "evaluator-a", {path.state.epoch, 0})) << "while it is open";
}

TEST(Acceleration, StaysSilentAtTheExpectedRate) { EXPECT_TRUE(Alarms(GrowingPath(6, 0.0005)).empty()); }

TEST(Acceleration, EveryVoteOnOneReleaseCountsOnce) {
  Path path = GrowingPath(3, kLargest);
  path.Go({.tree = path.NetworkTree(3)}, Measuring(path.state.epoch - 1, kLargest));
  EXPECT_TRUE(Alarms(path).empty());
}

TEST(Acceleration, AnAlarmStopsEverythingButTheWayBack) {
  Path path = GrowingPath(4, kLargest);
  EXPECT_EQ(Stops(path, Action::kRelease), "acceleration.alarm");
  EXPECT_EQ(Stops(path, Action::kAmendment), "acceleration.alarm");
  EXPECT_EQ(Stops(path, Action::kRollback), "");
  path.Append(path.ByPeople(warrant::WriteDecision(path.HaltDecision("look at it")), {"ann"}));
  EXPECT_EQ(Stops(path, Action::kRollback), "halt.in-force");
}

TEST(Acceleration, OnlyAResumeThatNamesTheVoteLiftsIt) {
  Path path = GrowingPath(4, kLargest);
  const crypto::Digest vote = Alarms(path)[0].vote;
  Resume(path, {crypto::Sha256("another vote")});
  EXPECT_EQ(Stops(path, Action::kRelease), "acceleration.alarm");
  Resume(path, {vote});
  EXPECT_EQ(Stops(path, Action::kRelease), "");
}

TEST(Acceleration, TheDetectorStartsAnewAfterAResume) {
  Path path = GrowingPath(4, kLargest);
  Resume(path, {Alarms(path)[0].vote});
  for (int i = 0; i < 3; ++i) Grow(path, kLargest);
  EXPECT_TRUE(Alarms(path).empty());
  Grow(path, kLargest);
  EXPECT_EQ(Alarms(path).size(), 1U);
}

TEST(Acceleration, AMeasurementThatWasMadeIsFoundAgain) {
  const Path path = GrowingPath(2, 0.01);
  const audit::History history = HistoryOf(path);
  ASSERT_TRUE(MeasuredBefore(history, "evaluator-a", 2));
  EXPECT_EQ(MeasuredBefore(history, "evaluator-a", 2)->gain, 0.01);
  EXPECT_FALSE(MeasuredBefore(history, "evaluator-b", 2));
  EXPECT_FALSE(MeasuredBefore(history, "evaluator-a", path.state.epoch));
}

// ---- amendments

void Amend(Path& path, const std::function<void(charter::TestCharter&)>& edit) {
  const crypto::Digest charter = path.PutCharter([&](charter::TestCharter& test) {
    ChartForGrowth(test);
    edit(test);
  });
  warrant::Tampering waiting;
  waiting.cosignature_time = [](int64_t& time) { time += warrant::kDay; };
  const auto made =
      path.Make({.action = Action::kAmendment, .tree = charter, .signers = {"ann", "bob", "cy"}}, waiting);
  path.now += warrant::kDay;
  path.Accept(made);
  path.now += warrant::kDay;
}

// Steps of 0.0005 were what the first charter expected. Under one that expects a tenth of that they accelerate; the
// past does not become an explosion by it, nor do new steps stay within what the old charter expected.
TEST(Acceleration, EachMeasurementIsFoldedByTheCharterThatItWasMadeUnder) {
  Path path = GrowingPath(0, 0);
  for (int i = 0; i < 5; ++i) Grow(path, 0.0005);
  Amend(path, [](charter::TestCharter& test) {
    test.Replace("expected_step = 0.0005", "expected_step = 0.00005").Replace("max_step = 0.02", "max_step = 0.001");
  });
  EXPECT_TRUE(Alarms(path).empty()) << "under the present charter alone, these five would ring";
  int more = 0;
  while (Alarms(path).empty() && more < 12) {
    Grow(path, 0.0005);
    ++more;
  }
  EXPECT_GT(more, 1);
  EXPECT_LT(more, 12);
}

TEST(Acceleration, AnAmendmentKeepsTheEvidence) {
  Path path = GrowingPath(3, kLargest);
  Amend(path, [](charter::TestCharter& test) { test.Replace("min_interval = \"24h\"", "min_interval = \"23h\""); });
  Grow(path, kLargest);
  EXPECT_EQ(Alarms(path).size(), 1U);
}

TEST(Acceleration, AnotherMetricStartsAnew) {
  Path path = GrowingPath(3, kLargest);
  Amend(path, [](charter::TestCharter& test) {
    test.Replace("[bounds.capability]\nmetric = \"score\"", "[bounds.capability]\nmetric = \"near_miss\"");
  });
  Grow(path, kLargest);
  EXPECT_TRUE(Alarms(path).empty());
}

TEST(Acceleration, AnotherKeyIsAnotherEvaluator) {
  Path path = GrowingPath(3, kLargest);
  Amend(path, [](charter::TestCharter& test) {
    test.Replace(charter::TestNoteKey("evaluator-a", '4'), charter::TestNoteKey("evaluator-a", 'X'));
  });
  const signing::Ed25519PrivateKey key = *signing::Ed25519PrivateKey::FromSeed(std::string(32, 'X'));
  warrant::Tampering tampering = Measuring(path.state.epoch, kLargest);
  tampering.votes = [&key, measure = tampering.votes](std::vector<warrant::Vote>& votes) {
    measure(votes);
    for (warrant::Vote& vote : votes) {
      if (vote.reviewer != "evaluator-a") continue;
      const std::string body = vote.evidence["checkpoint"].get<std::string>();
      const std::string signature = key.Sign(warrant::SeedMessage(vote.candidate, body));
      vote.evidence["seed_signature"] = encoding::EncodeBase64(signature);
    }
  };
  tampering.vote_envelopes = [&key](std::vector<encoding::Envelope>& votes) {
    for (encoding::Envelope& vote : votes) {
      encoding::Signature& signature = vote.signatures.front();
      if (signature.keyid == "evaluator-a") signature = signing::SignPayload(vote.payload, "evaluator-a", key);
    }
  };
  path.Go({.tree = path.third}, tampering);
  EXPECT_TRUE(Alarms(path).empty());
}

}  // namespace
}  // namespace pawl::oversight
