#include "ledger/subject_log.h"

#include <gtest/gtest.h>
#include <sqlite3.h>

#include <atomic>
#include <filesystem>
#include <thread>

#include "ledger/growth_watch.h"
#include "ledger/past_root.h"
#include "merkle/checkpoint.h"
#include "tlog/growing_tree.h"
#include "warrant/path_for_test.h"

namespace pawl::ledger {
namespace subject_log_test {

using warrant::Path;

template <typename T>
std::string RuleOf(const Result<T>& result) {
  return result.ok() ? "ok" : result.error().rule;
}

// A home with the log and the store of a path of two releases.
class SubjectLogTest : public ::testing::Test {
 protected:
  SubjectLogTest() {
    std::filesystem::copy(path_.store().directory(), home_.StorePath(),
                          std::filesystem::copy_options::recursive | std::filesystem::copy_options::skip_existing);
    Ledger ledger = *Ledger::Open(home_.LedgerPath(kSubject), LedgerAccess::kReadWrite);
    EXPECT_TRUE(ledger.Append(0, path_.entries()).ok());
  }
  SubjectLog Open(LedgerAccess access = LedgerAccess::kReadWrite) {
    Result<SubjectLog> log = SubjectLog::Open(home_, kSubject, access);
    EXPECT_TRUE(log.ok()) << (log.ok() ? "" : log.error().message);
    return std::move(*log);
  }
  std::string RuleOfOpening() const { return RuleOf(SubjectLog::Open(home_, kSubject, LedgerAccess::kReadOnly)); }
  void Sql(const std::string& statement) const {
    sqlite3* database = nullptr;
    ASSERT_EQ(sqlite3_open(home_.LedgerPath(kSubject).c_str(), &database), SQLITE_OK);
    EXPECT_EQ(sqlite3_exec(database, statement.c_str(), nullptr, nullptr, nullptr), SQLITE_OK)
        << sqlite3_errmsg(database);
    sqlite3_close(database);
  }
  encoding::Envelope Halt(const std::string& reason, const std::string& person = "ann") const {
    return path_.ByPeople(warrant::WriteDecision(path_.HaltDecision(reason)), {person});
  }
  uint64_t size() const { return path_.entries().size(); }

  static constexpr char kSubject[] = "controller";
  Path path_ = Path::WithTwoReleases();
  subject::TemporaryDirectory directory_;
  Home home_ = *Home::Open(directory_ / "home", HomeAccess::kCreate);
};

TEST_F(SubjectLogTest, FoldsTheLogAndKnowsTheCharterInForce) {
  for (const LedgerAccess access : {LedgerAccess::kReadOnly, LedgerAccess::kReadWrite}) {
    SubjectLog log = Open(access);
    EXPECT_EQ(log.history().size(), size());
    EXPECT_EQ(log.history().releases().size(), 2u);
    EXPECT_EQ(log.history().live_tree(), path_.second);
    EXPECT_EQ(log.charter().charter.digest, path_.charter().digest);
    EXPECT_EQ(log.root(), path_.CheckpointNow().root);
  }
}

TEST_F(SubjectLogTest, AppendsAndFolds) {
  SubjectLog log = Open();
  const SubjectLog before = Open();
  ASSERT_TRUE(log.Append({Halt("one"), Halt("two")}).ok());
  EXPECT_EQ(log.history().halts().size(), 2u);
  ASSERT_TRUE(log.Append({Halt("three")}).ok());
  EXPECT_EQ(log.history().size(), size() + 3);
  EXPECT_EQ(log.history().OpenHalts().size(), 3u);
  const SubjectLog reopened = Open(LedgerAccess::kReadOnly);
  EXPECT_EQ(reopened.root(), log.root());
  EXPECT_EQ(reopened.history().OpenHalts(), log.history().OpenHalts());
  EXPECT_TRUE(before.history().halts().empty());
}

TEST_F(SubjectLogTest, WhatWouldNotFoldIsNeverWritten) {
  SubjectLog log = Open();
  encoding::Envelope altered = Halt("altered");
  altered.signatures[0].sig[90] ^= 1;
  const encoding::Envelope by_a_stranger = Halt("a stranger's", "mallory");
  const encoding::Envelope second_genesis = path_.genesis();
  for (const encoding::Envelope& bad : {altered, by_a_stranger, second_genesis}) {
    EXPECT_FALSE(log.Append({bad}).ok());
    EXPECT_FALSE(log.Append({Halt("good, in bad company"), bad}).ok());
    EXPECT_EQ(*log.ledger().Size(), size());
    EXPECT_EQ(log.history().size(), size());
    EXPECT_TRUE(log.history().halts().empty());
  }
  // And it closed the log for nobody.
  ASSERT_TRUE(log.Append({Halt("good")}).ok());
  EXPECT_EQ(log.history().halts().size(), 1u);
  EXPECT_EQ(RuleOfOpening(), "ok");
}

TEST_F(SubjectLogTest, TheSlowerOfTwoIsToldAndCanGoOn) {
  SubjectLog first = Open(), second = Open();
  ASSERT_TRUE(second.Append({Halt("mine too")}).ok());
  ASSERT_TRUE(first.Append({Halt("one")}).error().rule == "ledger.conflict");
  EXPECT_TRUE(first.history().halts().empty());
  ASSERT_TRUE(first.Refresh().ok());
  EXPECT_EQ(first.history().halts().size(), 1u);
  ASSERT_TRUE(first.Append({Halt("one")}).ok());
  EXPECT_EQ(first.history().halts().size(), 2u);
  EXPECT_EQ(RuleOf(second.Append({Halt("two")})), "ledger.conflict");
  ASSERT_TRUE(second.Refresh().ok());
  EXPECT_EQ(second.root(), first.root());
  ASSERT_TRUE(second.Append({Halt("two")}).ok());
  ASSERT_TRUE(first.Refresh().ok());
  EXPECT_EQ(second.root(), first.root());
  EXPECT_EQ(first.history().halts().size(), 3u);
}

TEST_F(SubjectLogTest, ARetryAfterALostAnswerIsFoldedOnce) {
  SubjectLog log = Open(), other = Open();
  ASSERT_TRUE(log.Append({Halt("one"), Halt("two")}).ok());
  for (const std::vector<encoding::Envelope>& again :
       {std::vector{Halt("one"), Halt("two")}, std::vector{Halt("one")}, std::vector{Halt("two")}}) {
    ASSERT_TRUE(log.Append(again).ok());    // this one has folded them
    ASSERT_TRUE(other.Append(again).ok());  // and this one has not
    for (const SubjectLog* each : {&log, &other}) {
      EXPECT_EQ(each->history().size(), size() + 2);
      EXPECT_EQ(each->history().halts().size(), 2u);
    }
  }
  ASSERT_TRUE(other.Append({Halt("three")}).ok());
  ASSERT_TRUE(log.Refresh().ok());
  EXPECT_EQ(log.root(), other.root());
  EXPECT_EQ(log.root(), Open().root());
}

TEST_F(SubjectLogTest, WhatHistoryPointsToOutlivesARefusedAppend) {
  SubjectLog log = Open();
  const audit::ProposalHistory* proposal = log.history().Find("p1");
  ASSERT_NE(proposal, nullptr);
  EXPECT_FALSE(log.Append({path_.genesis()}).ok());
  SubjectLog other = Open();
  ASSERT_TRUE(other.Append({Halt("other")}).ok());
  EXPECT_FALSE(log.Append({Halt("late")}).ok());
  EXPECT_EQ(log.history().Find("p1"), proposal);
  EXPECT_EQ(proposal->proposal.proposal, "p1");
}

TEST_F(SubjectLogTest, WhatIsHeldBackIsInThisHistoryAloneUntilAllOfItIsAppended) {
  SubjectLog log = Open();
  const crypto::Digest root = log.root();
  ASSERT_TRUE(log.Hold({Halt("one")}).ok());
  ASSERT_TRUE(log.Hold({}).ok());
  ASSERT_TRUE(log.Hold({Halt("two")}).ok());
  EXPECT_EQ(log.history().halts().size(), 2u);
  EXPECT_EQ(*log.ledger().Size(), size());
  ASSERT_TRUE(log.Settle().ok());
  EXPECT_EQ(*log.ledger().Size(), size() + 2);
  EXPECT_NE(log.root(), root);
  EXPECT_EQ(log.root(), Open().root());
  ASSERT_TRUE(log.Settle().ok());
  ASSERT_TRUE(log.Hold({Halt("three")}).ok());
  ASSERT_TRUE(log.Append({Halt("four")}).ok());
  ASSERT_TRUE(log.Hold({Halt("five")}).ok());
  ASSERT_TRUE(log.Refresh().ok());
  EXPECT_EQ(Open().history().halts().size(), 5u);
  EXPECT_EQ(log.root(), Open().root());
}

TEST_F(SubjectLogTest, WhatIsHeldBackIsAllForgottenWhereItCannotBeAppended) {
  SubjectLog log = Open(), other = Open();
  ASSERT_TRUE(log.Hold({Halt("one")}).ok());
  EXPECT_FALSE(log.Hold({Halt("two"), path_.genesis()}).ok());
  EXPECT_TRUE(log.history().halts().empty());
  ASSERT_TRUE(log.Settle().ok());
  EXPECT_EQ(*log.ledger().Size(), size());
  ASSERT_TRUE(log.Hold({Halt("one")}).ok());
  ASSERT_TRUE(log.Hold({Halt("two")}).ok());
  ASSERT_TRUE(other.Append({Halt("other")}).ok());
  EXPECT_EQ(RuleOf(log.Settle()), "ledger.conflict");
  EXPECT_TRUE(log.history().halts().empty());
  ASSERT_TRUE(log.Refresh().ok());
  EXPECT_EQ(log.history().halts().size(), 1u);
  EXPECT_EQ(log.root(), other.root());
}

// Nobody is told to read what is new where there is less than before: whoever did so would try for ever.
TEST_F(SubjectLogTest, ALogThatWasCutUnderItsWriterIsNoConflict) {
  SubjectLog log = Open();
  Sql("DELETE FROM events WHERE seq = " + std::to_string(size() - 1));
  EXPECT_EQ(RuleOf(log.Append({Halt("one")})), "ledger.root");
  EXPECT_TRUE(log.history().halts().empty());
}

TEST_F(SubjectLogTest, ATreeThatDoesNotBelongToItsEntriesIsRefused) {
  Sql("UPDATE nodes SET hash = zeroblob(32) WHERE level = (SELECT MAX(level) FROM nodes) AND position = 0");
  EXPECT_EQ(RuleOfOpening(), "ledger.root");
}

// Roots of before, from which seeds are drawn and which auditors sign, come from nodes that the present root is not
// computed from. Whoever keeps the database could choose them.
TEST_F(SubjectLogTest, RootsOfBeforeAreThoseOfTheEntries) {
  std::vector<crypto::Digest> leaves;
  for (const std::string& entry : path_.entries()) leaves.push_back(merkle::LeafHash(entry));
  const auto expected = [&](uint64_t size) { return tlog::RootOf(std::span(leaves).first(size)); };
  SubjectLog honest = Open();
  for (uint64_t size = 0; size <= this->size(); ++size) EXPECT_EQ(*PastRoot(honest, size), expected(size)) << size;
  // All nodes but those without a complete tree above them, which are all that opening looks at.
  Sql("UPDATE nodes SET hash = zeroblob(32) WHERE EXISTS (SELECT 1 FROM nodes AS above WHERE above.level = nodes.level "
      "+ 1 AND above.position = nodes.position / 2)");
  ASSERT_EQ(RuleOfOpening(), "ok");
  SubjectLog log = Open();
  int refused = 0;
  for (uint64_t size = 0; size <= this->size(); ++size) {
    const Result<crypto::Digest> root = PastRoot(log, size);
    EXPECT_TRUE(root.ok() ? *root == expected(size) : root.error().rule == "ledger.root") << size;
    refused += root.ok() ? 0 : 1;
  }
  EXPECT_GT(refused, 0);
  EXPECT_FALSE(PastRoot(log, size() + 1).ok());
}

TEST_F(SubjectLogTest, AMissingNodeIsRefused) {
  Sql("DELETE FROM nodes WHERE level = (SELECT MAX(level) FROM nodes)");
  EXPECT_EQ(RuleOfOpening(), "ledger.damaged");
}

LogKeys Keys() {
  return {.origin = "example.org/log",
          .log = Path::Key("log"),
          .clock_name = "example.org/clock",
          .clock = Path::Key("clock")};
}

TEST_F(SubjectLogTest, SignsWhatIsHeldBackAsItIsAppended) {
  SubjectLog log = Open();
  ASSERT_TRUE(log.Hold({Halt("one")}).ok());
  ASSERT_TRUE(log.Hold({Halt("two")}).ok());
  const Result<std::string> note = log.SettleAndSign(Keys(), warrant::kGenesisTime);
  ASSERT_TRUE(note.ok()) << note.error().message;
  EXPECT_EQ(log.history().size(), size() + 2);
  EXPECT_EQ(*log.ledger().LatestCheckpoint(), *note);
  const auto checkpoint = merkle::Checkpoint::Parse(merkle::SignedNote::Parse(*note)->text);
  EXPECT_EQ(checkpoint->size, size() + 2);
  EXPECT_EQ(checkpoint->root, Open().root());
  EXPECT_EQ(RuleOf(log.SettleAndSign(Keys(), warrant::kGenesisTime)), "ok") << "nothing is held back";
  // Others were faster: nothing is signed, and nothing of it is in the history.
  ASSERT_TRUE(log.Hold({Halt("three")}).ok());
  ASSERT_TRUE(Open().Append({Halt("theirs")}).ok());
  EXPECT_EQ(RuleOf(log.SettleAndSign(Keys(), warrant::kGenesisTime)), "ledger.conflict");
  EXPECT_EQ(log.history().size(), size() + 2);
  EXPECT_EQ(*log.ledger().LatestCheckpoint(), *note);
  ASSERT_TRUE(log.Refresh().ok());
  EXPECT_EQ(log.history().size(), size() + 3);
}

TEST_F(SubjectLogTest, ALogShorterThanItsCheckpointIsRefused) {
  const LogKeys keys = Keys();
  SubjectLog log = Open();
  ASSERT_TRUE(log.ledger().SignCheckpoint(keys, warrant::kGenesisTime, log.head()).ok());
  EXPECT_EQ(RuleOfOpening(), "ok");
  ASSERT_TRUE(Open().Append({Halt("after it")}).ok());
  EXPECT_EQ(RuleOfOpening(), "ok");
  Sql("DELETE FROM events WHERE seq >= " + std::to_string(size() - 1));
  EXPECT_EQ(RuleOfOpening(), "ledger.checkpoint");
}

// A checkpoint that comes while the log is read is about entries that the reader has not seen.
TEST_F(SubjectLogTest, OpensWhileOthersAppendAndSignCheckpoints) {
  const LogKeys keys{.origin = "example.org/log",
                     .log = Path::Key("log"),
                     .clock_name = "example.org/clock",
                     .clock = Path::Key("clock")};
  std::atomic<bool> over = false;
  std::thread others([&] {
    SubjectLog log = Open();
    for (int i = 0; !over; ++i) {
      EXPECT_TRUE(log.Append({Halt("look " + std::to_string(i))}).ok());
      EXPECT_TRUE(log.ledger().SignCheckpoint(keys, warrant::kGenesisTime, log.head()).ok());
    }
  });
  for (int i = 0; i < 15; ++i) EXPECT_EQ(RuleOfOpening(), "ok");
  over = true;
  others.join();
}

TEST_F(SubjectLogTest, ALogOfOtherEntriesThanItsCheckpointIsRefused) {
  Ledger other = *Ledger::Open(directory_ / "other.sqlite", LedgerAccess::kReadWrite);
  ASSERT_TRUE(other.Append(0, {"something else"}).ok());
  const LogKeys keys{.origin = "example.org/log",
                     .log = Path::Key("log"),
                     .clock_name = "example.org/clock",
                     .clock = Path::Key("clock")};
  ASSERT_TRUE(other.SignCheckpoint(keys, warrant::kGenesisTime, *other.StatedHead()).ok());
  Sql("ATTACH '" + (directory_ / "other.sqlite") +
      "' AS other; INSERT INTO checkpoints SELECT * FROM other.checkpoints");
  EXPECT_EQ(RuleOfOpening(), "ledger.checkpoint");
}

TEST_F(SubjectLogTest, AnAlteredEntryIsRefused) {
  Sql("UPDATE events SET entry = CAST(replace(CAST(entry AS TEXT), '\"sig\":\"', '\"sig\":\"AAAA') AS BLOB) WHERE seq "
      "= 3");
  const std::string rule = RuleOfOpening();
  EXPECT_TRUE(rule.starts_with("history.") || rule.starts_with("approval.")) << rule;
}

TEST_F(SubjectLogTest, SwappedEntriesAreRefused) {
  Sql("UPDATE events SET seq = 1000 WHERE seq = 4; UPDATE events SET seq = 4 WHERE seq = 3; "
      "UPDATE events SET seq = 3 WHERE seq = 1000");
  EXPECT_TRUE(RuleOfOpening() == "ledger.root" || RuleOfOpening() == "history.impossible") << RuleOfOpening();
}

TEST_F(SubjectLogTest, AStoreWithoutTheCharterIsRefused) {
  const crypto::Digest digest = path_.charter().digest;
  std::filesystem::remove(home_.StorePath() + "/blobs/" + digest.Hex().substr(0, 2) + "/" + digest.Hex());
  EXPECT_EQ(RuleOfOpening(), "store.missing");
}

TEST_F(SubjectLogTest, WhoeverWaitsLearnsWhichFilesWereWrittenTo) {
  SubjectLog log = Open();
  GrowthWatch watch({"sqlite:" + home_.LedgerPath("any"), ""});
  EXPECT_FALSE(watch.Wait()) << "what was written before is not known";
  EXPECT_EQ(watch.Wait(), std::set<std::string>());
  ASSERT_TRUE(log.Append({Halt("one")}).ok());
  ASSERT_TRUE(log.Append({Halt("two")}).ok());
  EXPECT_EQ(watch.Wait(), std::set<std::string>{kSubject});
  EXPECT_EQ(watch.Wait(), std::set<std::string>());
  Ledger other = *Ledger::Open(home_.LedgerPath("other.sqlite"), LedgerAccess::kReadWrite);
  EXPECT_EQ(watch.Wait(), std::set<std::string>{"other.sqlite"});
  int looked_at_all = 0;
  for (int i = 0; i < 12; ++i) looked_at_all += !watch.Wait();
  EXPECT_GE(looked_at_all, 1) << "a notice may be missing";
  EXPECT_LE(looked_at_all, 3);
  GrowthWatch nowhere({"sqlite:/nowhere/at.all", ""});
  for (int i = 0; i < 3; ++i) EXPECT_FALSE(nowhere.Wait()) << "nothing tells";
}

TEST_F(SubjectLogTest, ASubjectWithoutALogIsMissing) {
  EXPECT_EQ(RuleOf(SubjectLog::Open(home_, "other", LedgerAccess::kReadOnly)), "ledger.missing");
}

}  // namespace subject_log_test
}  // namespace pawl::ledger
