// What an auditor is asked to cosign by another auditor, and by a gate, that are not honest.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sqlite3.h>
#include <sys/file.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <optional>

#include "encoding/base64.h"
#include "encoding/time.h"
#include "merkle/checkpoint.h"
#include "notices/notice.h"
#include "oversight/altered_nodes_for_test.h"
#include "oversight/charter_trial.h"
#include "oversight/complaint.h"
#include "oversight/growing_path_for_test.h"
#include "oversight/review.h"
#include "signing/sign.h"
#include "warrant/path_for_test.h"

namespace pawl::oversight {
namespace {

using warrant::Action;
using warrant::Closing;
using warrant::kDay;
using warrant::Path;
using warrant::Tampering;

constexpr int64_t kHour = 3'600;

// A rollback that has been voted on, in a home of its own; auditor-a closes it, auditor-c is asked.
class CosigningTest : public ::testing::Test {
 protected:
  // Closes as auditor-a, with one change to an honest closing statement.
  void Close(const std::function<void(Closing&)>& change = {}, const Tampering& also = {},
             Action action = Action::kRollback) {
    Tampering tampering = also;
    Closing honest;
    tampering.closing = [&](Closing& closing) { honest = closing; };
    (void)path_.Make({.action = action, .tree = action == Action::kRollback ? path_.baseline : path_.third}, tampering);
    std::vector<std::string> entries = path_.entries();
    entries.resize(static_cast<size_t>(honest.size));
    std::filesystem::copy(path_.store().directory(), home_.StorePath(),
                          std::filesystem::copy_options::recursive | std::filesystem::copy_options::skip_existing);
    ledger::Ledger ledger = *ledger::Ledger::Open(home_.LedgerPath("controller"), ledger::LedgerAccess::kReadWrite);
    Closing closing = honest;
    if (change) change(closing);
    entries.push_back(encoding::SerializeEnvelope(path_.BySomeone(warrant::WriteClosing(closing), "auditor-a")));
    ASSERT_TRUE(ledger.Append(0, entries).ok());
    begun_ = entries;
    ASSERT_TRUE(warrant::WriteStateFile(state_path(), path_.state).ok());
    now_ = path_.now;
  }
  // What auditor-c makes of it: "signed", or the rule or reason for which it does not.
  std::string Answer() {
    Result<ledger::SubjectLog> log = ledger::SubjectLog::Open(home_, "controller", ledger::LedgerAccess::kReadWrite);
    return log.ok() ? Answer(*log) : log.error().rule;
  }
  std::string Answer(ledger::SubjectLog& log) {
    const Reviewer reviewer{.record = *log.charter().charter.FindReviewer("auditor-c"),
                            .key = Path::Key("auditor-c"),
                            .memory_folder = directory_.path(),
                            .state_path = state_path(),
                            .now_s = now_,
                            .waiting = waiting_,
                            .progress = {},
                            .post = post_};
    // A copy: appending folds into the history that the original lives in.
    const audit::ProposalHistory proposal = log.history().proposals().back();
    Result<ReviewReport> report = ReviewAsAuditor(log, reviewer, proposal);
    if (!report.ok()) return report.error().rule;
    return report->what == ReviewReport::What::kCosigned ? "signed" : report->summary;
  }
  // What is said on the ledger: "auditor-c accuses NAME of RULE", each with a line end.
  std::string Accused() {
    const ledger::SubjectLog log = *ledger::SubjectLog::Open(home_, "controller", ledger::LedgerAccess::kReadOnly);
    std::string all;
    for (const audit::LoggedComplaint& one : log.history().proposals().back().complaints) {
      all += one.complaint.complainant + " accuses " + one.complaint.accused + " of " +
             std::string(audit::ComplaintRuleName(one.complaint.rule)) + "\n";
    }
    return all;
  }
  void BeginAnew(const Path& path) {
    path_ = path;
    std::filesystem::remove(home_.LedgerPath("controller"));
    std::filesystem::remove(directory_ / "seen-controller.json");
  }
  // The same log without what this auditor has appended.
  void BeginAnewHere() {
    std::filesystem::remove(home_.LedgerPath("controller"));
    std::filesystem::remove(directory_ / "seen-controller.json");
    ledger::Ledger ledger = *ledger::Ledger::Open(home_.LedgerPath("controller"), ledger::LedgerAccess::kReadWrite);
    ASSERT_TRUE(ledger.Append(0, begun_).ok());
  }
  std::string state_path() const { return directory_ / "state.json"; }

  Path path_ = Path::WithTwoReleases();
  subject::TemporaryDirectory directory_;
  ledger::Home home_ = *ledger::Home::Open(directory_ / "home", ledger::HomeAccess::kCreate);
  int64_t now_ = 0;
  std::vector<std::string> begun_;  // by Close
  Waiting waiting_ = Waiting::kForQuorum;
  witness::Transport post_;
};

TEST_F(CosigningTest, SignsWhatItSees) {
  Close();
  EXPECT_EQ(Answer(), "signed");
  EXPECT_EQ(Answer(), "closed already");
  EXPECT_EQ(Accused(), "");
}

TEST_F(CosigningTest, SignsHoursAfterTheFirst) {
  Close();
  now_ += 12 * kHour;
  EXPECT_EQ(Answer(), "signed");
}

TEST_F(CosigningTest, SignsWhereAReviewersClockRunsAhead) {
  Tampering ahead;
  ahead.votes = [](std::vector<warrant::Vote>& votes) { votes[0].time += 30 * kDay; };
  Close({}, ahead);
  EXPECT_EQ(Answer(), "signed") << "one vote cannot keep auditors from closing";
}

// By the time that the second auditor looks, that vote is of the past: either the closing statement was dated back or
// the vote was dated ahead, and nobody knows which.
TEST_F(CosigningTest, NamesNobodyForTheClockOfAThird) {
  Tampering ahead;
  ahead.votes = [](std::vector<warrant::Vote>& votes) { votes[0].time += 1'200; };
  Close({}, ahead);
  now_ += 1'800;
  EXPECT_EQ(Answer(), "audit.closing");
  EXPECT_EQ(Accused(), "");
}

// Two principals that say the same are not both wrong.
TEST_F(CosigningTest, RefusesOneThatIsOlderThanTheVotesOfTwo) {
  Tampering later;
  later.votes = [](std::vector<warrant::Vote>& votes) {
    votes[0].time += 1'200;
    votes[1].time += 1'200;
    ASSERT_NE(votes[0].reviewer, votes[1].reviewer);
  };
  Close({}, later);
  now_ += 1'800;
  EXPECT_EQ(Answer(), "audit.closing");
  EXPECT_EQ(Accused(), "auditor-c accuses auditor-a of audit.closing\n");
}

// A closing statement begins an amendment's waiting period. Dated back, it would end before anybody could veto.
TEST_F(CosigningTest, RefusesOneThatIsOlderThanItsVotes) {
  Close([](Closing& closing) { closing.time -= 12 * kHour; });
  EXPECT_EQ(Answer(), "audit.closing");
  EXPECT_EQ(Accused(), "auditor-c accuses auditor-a of audit.closing\n");
}

TEST_F(CosigningTest, RefusesOneThatIsOlderThanItsVotesByMoreThanTheSkew) {
  Close([](Closing& closing) { closing.time -= 301; });
  EXPECT_EQ(Answer(), "audit.closing");
  EXPECT_EQ(Accused(), "auditor-c accuses auditor-a of audit.closing\n");
}

TEST_F(CosigningTest, AllowsTheSkew) {
  Close([](Closing& closing) { closing.time -= 300; });
  EXPECT_EQ(Answer(), "signed");
}

TEST_F(CosigningTest, RefusesOneOfAnotherDay) {
  Tampering also;
  also.votes = [](std::vector<warrant::Vote>& votes) {
    for (warrant::Vote& vote : votes) vote.time -= 2 * kDay;
  };
  Close([](Closing& closing) { closing.time -= 2 * kDay; }, also);
  EXPECT_EQ(Answer(), "audit.closing");
  EXPECT_EQ(Accused(), "") << "it is late itself";
}

TEST_F(CosigningTest, RefusesOneFromTheFuture) {
  // The fold's time never goes back, so that a closing statement ahead of this clock would drag it along.
  Close([](Closing& closing) { closing.time += kDay; });
  EXPECT_EQ(Answer(), "audit.closing");
  EXPECT_EQ(Accused(), "auditor-c accuses auditor-a of audit.closing\n");
}

TEST_F(CosigningTest, RefusesOneThatLeavesOutAVote) {
  Close([](Closing& closing) { closing.votes.pop_back(); });
  EXPECT_EQ(Answer(), "audit.closing");
  EXPECT_EQ(Accused(), "auditor-c accuses auditor-a of audit.closing\n");
}

// A vote that comes between two auditors keeps the second from nothing: it may be the third of three where two suffice.
TEST_F(CosigningTest, SignsWhateverIsVotedAfterTheFirstHasClosed) {
  Tampering late;
  std::optional<warrant::Vote> held_back;
  late.votes = [&](std::vector<warrant::Vote>& votes) {
    const auto one =
        std::find_if(votes.begin(), votes.end(), [](const auto& vote) { return vote.role == "evaluator"; });
    held_back = *one;
    votes.erase(one);
  };
  Close({}, late);
  ledger::SubjectLog log = *ledger::SubjectLog::Open(home_, "controller", ledger::LedgerAccess::kReadWrite);
  held_back->time += kHour;
  now_ += 2 * kHour;
  ASSERT_TRUE(log.Append({path_.BySomeone(warrant::WriteVote(*held_back), held_back->reviewer)}).ok());
  EXPECT_EQ(Answer(), "signed");
  EXPECT_EQ(Accused(), "") << "it closes what there was when it was written";
}

// The same vote, cast before the statement was written: its author names an older size to leave it out.
TEST_F(CosigningTest, RefusesOneOverAnOlderLogThatLeavesOutAVote) {
  Close([&](Closing& closing) {
    closing.size -= 1;
    std::vector<crypto::Digest> leaves;
    for (size_t i = 0; i < static_cast<size_t>(closing.size); ++i)
      leaves.push_back(merkle::LeafHash(path_.entries()[i]));
    closing.root = tlog::RootOf(leaves);
    const std::string& last = path_.entries()[leaves.size()];
    std::erase(closing.votes, warrant::StatementDigest(encoding::ParseEnvelope(last)->payload));
  });
  EXPECT_EQ(Answer(), "audit.closing");
  EXPECT_EQ(Accused(), "auditor-c accuses auditor-a of audit.closing\n");
}

TEST_F(CosigningTest, RefusesOneThatCountsAVoteNobodyCast) {
  Close([](Closing& closing) {
    closing.votes.push_back(crypto::Sha256("a vote"));
    std::sort(closing.votes.begin(), closing.votes.end());
  });
  EXPECT_EQ(Answer(), "audit.closing");
  EXPECT_EQ(Accused(), "auditor-c accuses auditor-a of audit.closing\n");
}

TEST_F(CosigningTest, RefusesAnotherRoot) {
  Close([](Closing& closing) { closing.root = crypto::Sha256("another log"); });
  EXPECT_EQ(Answer(), "audit.closing");
  EXPECT_EQ(Accused(), "auditor-c accuses auditor-a of audit.closing\n");
}

// ---- what witnesses keep past the ledger

// A rollback that has been voted on under a charter with witnesses: what auditor-c makes of it where they show these
// notices, each received at the time given.
class HearingTest : public CosigningTest {
 protected:
  HearingTest() {
    path_ = Path::WithWitnesses();
    post_ = [this](const std::vector<witness::HttpPost>& posts) {
      std::vector<Result<witness::HttpReply>> replies;
      for (size_t i = 0; i < posts.size(); ++i) {
        const bool stops = posts[i].url.ends_with("/stops");
        if (i < away_) {
          replies.emplace_back(SystemFailure("http.unreachable", "no answer in time"));
        } else {
          replies.emplace_back(
              witness::HttpReply{.status = 200, .body = i >= 4 - boards_ ? List(stops ? stops_ : votes_) : List({})});
        }
      }
      return replies;
    };
  }
  static std::string List(const std::vector<std::pair<encoding::Envelope, int64_t>>& notices) {
    encoding::Json list = encoding::Json::array();
    for (const auto& [envelope, received] : notices) {
      list.push_back({{"received", encoding::TimeText(received)},
                      {"statement", encoding::EncodeBase64(encoding::SerializeEnvelope(envelope))}});
    }
    return encoding::CanonicalJson({{"format", "pawl-notices/v1"}, {"notices", list}});
  }
  // Without a vote that so many witnesses have.
  void CloseWithout(int64_t received_after_closing_s, size_t boards = 2) {
    boards_ = boards;
    Tampering tampering;
    std::optional<warrant::Vote> held_back;
    tampering.votes = [&](std::vector<warrant::Vote>& votes) {
      const auto one =
          std::find_if(votes.begin(), votes.end(), [](const auto& vote) { return vote.role == "evaluator"; });
      held_back = *one;
      votes.erase(one);
    };
    int64_t closed = 0;
    Close([&](Closing& closing) { closed = closing.time; }, tampering);
    votes_ = {
        {path_.BySomeone(warrant::WriteVote(*held_back), held_back->reviewer), closed + received_after_closing_s}};
  }
  void TakeBackTheClosing() {
    std::vector<std::string> entries = path_.entries();
    std::filesystem::remove(home_.LedgerPath("controller"));
    std::erase_if(entries, [](const std::string& entry) {
      const Result<encoding::Envelope> envelope = encoding::ParseEnvelope(entry);
      return entry.empty() || !envelope.ok();
    });
    // Everything up to the last vote: what comes after it is the closing statement.
    const auto is_vote = [](const std::string& entry) {
      return warrant::ReadVote(encoding::ParseEnvelope(entry)->payload).ok();
    };
    entries.erase(std::find_if(entries.rbegin(), entries.rend(), is_vote).base(), entries.end());
    {
      ledger::Ledger ledger = *ledger::Ledger::Open(home_.LedgerPath("controller"), ledger::LedgerAccess::kReadWrite);
      ASSERT_TRUE(ledger.Append(0, entries).ok());
    }
  }

  std::vector<std::pair<encoding::Envelope, int64_t>> stops_, votes_;
  size_t away_ = 0, boards_ = 1;
};

TEST_F(HearingTest, SignsWhereTheyKeepNothingElse) {
  Close();
  EXPECT_EQ(Answer(), "signed");
}

// Three of four have to, as for a warrant.
TEST_F(HearingTest, SignsNothingWhereTooFewAnswer) {
  Close();
  away_ = 2;
  EXPECT_EQ(Answer(), "2 of the 3 witnesses that have to answer do: a halt or a vote could be kept back");
  away_ = 1;
  EXPECT_EQ(Answer(), "signed");
}

TEST_F(HearingTest, AHaltThatTheLedgerKeepsBackGetsThere) {
  Close();
  stops_ = {{path_.ByPeople(warrant::WriteDecision(path_.HaltDecision("smoke")), {"dee"}), now_}};
  EXPECT_EQ(Answer(), "witnesses had a halt that the ledger did not have; it has it now");
  EXPECT_EQ(Answer(), "a halt is open; nothing is closed before people lift it");
}

// One approver and one witness, together.
TEST_F(HearingTest, AFloodOfHaltsDoesNotFillTheLedger) {
  Close();
  for (int i = 0; i < 100; ++i) {
    const warrant::Decision halt = path_.HaltDecision("smoke " + std::to_string(i));
    stops_.emplace_back(path_.ByPeople(warrant::WriteDecision(halt), {"dee"}), now_);
  }
  EXPECT_EQ(Answer(), "witnesses had a halt that the ledger did not have; it has it now");
  ledger::SubjectLog log = *ledger::SubjectLog::Open(home_, "controller", ledger::LedgerAccess::kReadOnly);
  EXPECT_EQ(log.history().OpenHalts().size(), 32u);
}

// The database answers "already there" to whoever appends an entry with this digest.
void SayThatItIsThere(const std::string& path, const crypto::Digest& digest) {
  sqlite3* database = nullptr;
  ASSERT_EQ(sqlite3_open(path.c_str(), &database), SQLITE_OK);
  const std::string change = "UPDATE events SET digest = x'" + digest.Hex() + "' WHERE seq = 0";
  EXPECT_EQ(sqlite3_exec(database, change.c_str(), nullptr, nullptr, nullptr), SQLITE_OK) << sqlite3_errmsg(database);
  sqlite3_close(database);
}

// What the database says of itself refutes no halt.
TEST_F(HearingTest, AHaltThatTheDatabaseClaimsToHaveIsStillMissing) {
  Close();
  const encoding::Envelope halt = path_.ByPeople(warrant::WriteDecision(path_.HaltDecision("smoke")), {"dee"});
  stops_ = {{halt, now_}};
  SayThatItIsThere(home_.LedgerPath("controller"), crypto::Sha256(encoding::SerializeEnvelope(halt)));
  EXPECT_EQ(Answer(), "ledger.duplicate");
}

TEST_F(HearingTest, AHaltThatWasLiftedIsNone) {
  Close();
  const std::string halt = warrant::WriteDecision(path_.HaltDecision("smoke"));
  stops_ = {
      {path_.ByPeople(halt, {"dee"}), now_},
      {path_.ByPeople(warrant::WriteDecision(path_.ResumeDecision({warrant::StatementDigest(halt)})), {"ann", "bob"}),
       now_}};
  EXPECT_EQ(Answer(), "signed");
}

TEST_F(HearingTest, AHaltOfNobodyHereIsNone) {
  Close();
  stops_ = {{path_.ByPeople(warrant::WriteDecision(path_.HaltDecision("smoke")), {"mallory"}), now_}};
  EXPECT_EQ(Answer(), "signed");
}

TEST_F(HearingTest, SignsNothingOverAVoteThatWasKeptBack) {
  CloseWithout(-301);
  EXPECT_EQ(Answer(), "audit.held-back");
  const std::string named = "auditor-c accuses " + path_.charter().gate.log.name + " of audit.held-back\n";
  EXPECT_EQ(Accused(), named);
  EXPECT_EQ(Answer(), "audit.held-back");
  EXPECT_EQ(Accused(), named);
}

// The ledger takes it once it can count no more.
TEST_F(HearingTest, SignsNothingOverAVoteThatWasKeptBackAndComesAfterwards) {
  CloseWithout(-301);
  {
    ledger::SubjectLog log = *ledger::SubjectLog::Open(home_, "controller", ledger::LedgerAccess::kReadWrite);
    ASSERT_TRUE(log.Append({votes_.front().first}).ok());
  }
  EXPECT_EQ(Answer(), "audit.held-back");
}

// As long before as clocks may differ by, or later: it came while whoever closed was asking.
TEST_F(HearingTest, ALateVoteWasNotKeptBack) {
  CloseWithout(-300);
  EXPECT_EQ(Answer(), "signed");
  EXPECT_EQ(Accused(), "");
}

// One of four may lie about when it had a vote.
TEST_F(HearingTest, OneWitnessAloneKeepsNobodyFromSigning) {
  CloseWithout(-kHour, 1);
  EXPECT_EQ(Answer(), "signed");
  EXPECT_EQ(Accused(), "");
}

// A reviewer that tells witnesses what no ledger can take keeps nobody from signing, and hides no vote behind it.
TEST_F(HearingTest, AVoteThatNoLedgerTakesIsNone) {
  CloseWithout(-kHour);
  const auto honest = votes_.front();
  warrant::Vote vote = *warrant::ReadVote(honest.first.payload);
  vote.evidence = {{"last_step", 5}};
  votes_ = {{path_.BySomeone(warrant::WriteVote(vote), vote.reviewer), honest.second}};
  EXPECT_EQ(Answer(), "signed");
  votes_.emplace_back(honest.first, honest.second + 1);
  TakeBackTheClosing();
  std::filesystem::remove(directory_ / "seen-controller.json");
  EXPECT_EQ(Answer(), "witnesses had votes that the ledger did not have; it has them now");
}

// Before voting is closed the ledger gets it, and it counts.
TEST_F(HearingTest, AVoteThatTheLedgerKeepsBackGetsThere) {
  CloseWithout(0);
  TakeBackTheClosing();
  EXPECT_EQ(Answer(), "witnesses had votes that the ledger did not have; it has them now");
  EXPECT_TRUE(Answer().starts_with("closed at log size ")) << Answer();
}

// The ledger gets one vote of a reviewer, which two would make contradict itself: the one that witnesses had first.
TEST_F(HearingTest, OfTwoVotesOneGetsToTheLedger) {
  CloseWithout(0);
  TakeBackTheClosing();
  warrant::Vote later = *warrant::ReadVote(votes_.front().first.payload);
  later.time += 1;
  votes_.emplace_back(path_.BySomeone(warrant::WriteVote(later), later.reviewer), votes_.front().second + 1);
  std::swap(votes_.front(), votes_.back());
  EXPECT_EQ(Answer(), "witnesses had votes that the ledger did not have; it has them now");
  const ledger::SubjectLog log = *ledger::SubjectLog::Open(home_, "controller", ledger::LedgerAccess::kReadOnly);
  std::vector<int64_t> times;
  for (const audit::LoggedVote& vote : log.history().proposals().back().votes) {
    if (vote.vote.reviewer == later.reviewer) times.push_back(vote.vote.time);
  }
  EXPECT_EQ(times, std::vector<int64_t>{later.time - 1});
  EXPECT_EQ(Accused(), "") << "the log has one so far";
  (void)Answer();
  EXPECT_EQ(Accused(), "auditor-c accuses " + later.reviewer + " of vote.equivocation\n");
}

// A reviewer that says one thing to the ledger and another to a witness keeps nobody from anything.
TEST_F(HearingTest, OfTwoVotesTheOneInTheLedgerCounts) {
  Tampering tampering;
  std::optional<warrant::Vote> another;
  tampering.votes = [&](std::vector<warrant::Vote>& votes) { another = votes.front(); };
  Close({}, tampering);
  another->time -= 1;
  votes_ = {{path_.BySomeone(warrant::WriteVote(*another), another->reviewer), now_ - kHour}};
  EXPECT_EQ(Answer(), "signed");
}

// Its verdict is the same or the opposite; the evidence is on the ledger, whole.
TEST_F(HearingTest, WhoHasSignedTwoVotesIsNamedWithBoth) {
  const Path before = path_;
  for (const warrant::VoteVerdict verdict : {warrant::VoteVerdict::kFor, warrant::VoteVerdict::kAgainst}) {
    BeginAnew(before);
    Tampering tampering;
    std::optional<warrant::Vote> another;
    tampering.votes = [&](std::vector<warrant::Vote>& votes) { another = votes.front(); };
    Close({}, tampering);
    another->time -= 1;
    another->verdict = verdict;
    another->reasons = {"as I told the witnesses"};
    const encoding::Envelope told = path_.BySomeone(warrant::WriteVote(*another), another->reviewer);
    votes_ = {{told, now_ - kHour}};
    EXPECT_EQ(Answer(), "signed") << "nobody is kept from anything";
    const std::string named = "auditor-c accuses " + another->reviewer + " of vote.equivocation\n";
    EXPECT_EQ(Accused(), named);
    EXPECT_EQ(Answer(), "closed already");
    EXPECT_EQ(Accused(), named);
    ledger::SubjectLog log = *ledger::SubjectLog::Open(home_, "controller", ledger::LedgerAccess::kReadOnly);
    const audit::LoggedComplaint& one = log.history().proposals().back().complaints.front();
    const std::string entry = log.ledger().Entries(one.index, 1)->front();
    const audit::Complaint written = *audit::ReadComplaint(encoding::ParseEnvelope(entry)->payload);
    EXPECT_EQ(written.vote, told);
    EXPECT_EQ(written.reason, "'" + another->reviewer + "' has signed two votes: for, which the log has, and " +
                                  std::string(warrant::VoteVerdictName(verdict)) + ", which witnesses have");
    EXPECT_EQ(Text(one), "auditor-c accuses " + another->reviewer + " of vote.equivocation (entry " +
                             std::to_string(one.index) + "), proven; it says: " + written.reason);
  }
}

// The largest that a board takes has room in an entry.
TEST_F(HearingTest, NobodyEscapesByALongVote) {
  Tampering tampering;
  std::optional<warrant::Vote> another;
  tampering.votes = [&](std::vector<warrant::Vote>& votes) { another = votes.front(); };
  Close({}, tampering);
  const auto sized = [&](size_t padding) {
    another->evidence = {{"padding", std::string(padding, '"')}};
    return path_.BySomeone(warrant::WriteVote(*another), another->reviewer);
  };
  // Each of these takes two bytes of the statement, which are eight of the entry to three.
  size_t padding = (notices::kVoteBytesMax - encoding::SerializeEnvelope(sized(0)).size()) / 8 * 3;
  while (encoding::SerializeEnvelope(sized(padding)).size() > notices::kVoteBytesMax) --padding;
  EXPECT_GT(encoding::SerializeEnvelope(sized(padding + 3)).size(), notices::kVoteBytesMax);
  votes_ = {{sized(padding), now_ - kHour}};
  EXPECT_EQ(Answer(), "signed");
  EXPECT_EQ(Accused(), "auditor-c accuses " + another->reviewer + " of vote.equivocation\n");
}

TEST_F(HearingTest, WhoVotesAfterItsRemovalIsNamed) {
  const auto without = [](charter::TestCharter& test) {
    Path::AddWitnesses(test);
    std::string& text = test.files["charter.toml"];
    const size_t at = text.find("[[reviewer]]\nname = \"prover-a2\"");
    text.erase(at, text.find("[[reviewer]]", at + 1) - at);
  };
  path_.Accept(warrant::MakeAmendment(path_, path_.PutCharter(without), warrant::kThree));
  path_.now += kHour;
  Tampering tampering;
  std::optional<warrant::Vote> late;
  tampering.votes = [&](std::vector<warrant::Vote>& votes) { late = votes.front(); };
  Close({}, tampering);
  late->reviewer = "prover-a2";
  const std::string vote = warrant::WriteVote(*late);
  // By whom it was never signed, nobody is named.
  votes_ = {{path_.BySomeone(vote, "stranger"), now_}, {path_.BySomeone(vote, "prover-a"), now_}};
  EXPECT_EQ(Answer(), "signed");
  EXPECT_EQ(Accused(), "");
  BeginAnewHere();
  votes_.emplace_back(path_.BySomeone(vote, "prover-a2"), now_);
  EXPECT_EQ(Answer(), "signed");
  EXPECT_EQ(Accused(), "auditor-c accuses prover-a2 of vote.after-removal\n");
}

// People are told to replace a key once, and not again when they have.
TEST_F(HearingTest, WhatIsProvenOfAKeyIsNotOfTheOneThatReplacesIt) {
  Tampering tampering;
  std::optional<warrant::Vote> other;
  tampering.votes = [&](std::vector<warrant::Vote>& votes) { other = votes.front(); };
  Close({}, tampering);
  other->time += 1;
  votes_ = {{path_.BySomeone(warrant::WriteVote(*other), "prover-a"), now_}};
  EXPECT_EQ(Answer(), "signed");
  const ledger::SubjectLog log = *ledger::SubjectLog::Open(home_, "controller", ledger::LedgerAccess::kReadOnly);
  const audit::ProposalHistory& proposal = log.history().proposals().back();
  ASSERT_EQ(proposal.complaints.size(), 1u);
  audit::Complaint complaint = proposal.complaints[0].complaint;
  EXPECT_TRUE(IsOfKeyInForce(log.history(), proposal, complaint));

  Path later = Path::WithWitnesses();
  const auto edit = [](charter::TestCharter& test) {
    Path::AddWitnesses(test);
    test.Replace(charter::TestNoteKey("prover-a", '1'), charter::TestNoteKey("prover-a", '?'));
  };
  later.Accept(warrant::MakeAmendment(later, later.PutCharter(edit), warrant::kThree));
  audit::History history(later.CharterReader());
  for (size_t at = 0; at < later.entries().size(); ++at) ASSERT_TRUE(history.Apply(at, later.entries()[at]).ok());
  EXPECT_FALSE(IsOfKeyInForce(history, proposal, complaint));
  complaint.accused = "prover-b";
  EXPECT_TRUE(IsOfKeyInForce(history, proposal, complaint)) << "its key is the same";
  complaint.rule = audit::ComplaintRule::kAfterRemoval;
  EXPECT_FALSE(IsOfKeyInForce(history, proposal, complaint)) << "a key that nobody has any more";
  complaint.rule = audit::ComplaintRule::kEquivocation;
  complaint.accused = "prover-z";
  EXPECT_FALSE(IsOfKeyInForce(history, proposal, complaint));
}

// Whatever witnesses show about somebody honest.
TEST_F(HearingTest, NobodyHonestIsNamed) {
  Tampering tampering;
  std::vector<warrant::Vote> all;
  tampering.votes = [&](std::vector<warrant::Vote>& votes) { all = votes; };
  Close({}, tampering);
  for (const warrant::Vote& vote : all) {
    warrant::Vote other = vote;
    other.time -= 1;
    votes_.emplace_back(path_.BySomeone(warrant::WriteVote(other), "stranger"), now_ - kHour);
    votes_.emplace_back(path_.BySomeone(warrant::WriteVote(vote), vote.reviewer), now_ - kHour);
    votes_.emplace_back(path_.BySomeone(warrant::WriteVote(other), "auditor-a"), now_ - kHour);
    other.candidate = crypto::Sha256("another log's");
    votes_.emplace_back(path_.BySomeone(warrant::WriteVote(other), vote.reviewer), now_ - kHour);
  }
  EXPECT_EQ(Answer(), "signed");
  EXPECT_EQ(Accused(), "");
}

// A vote is held to the charter that it was given under, and to no later one: else an amendment would make liars of all
// who had voted on what it has overtaken.
TEST_F(CosigningTest, WhoVotedBeforeAnAmendmentIsNotNamed) {
  const auto edit = [](charter::TestCharter& test) {
    test.Replace(charter::TestNoteKey("evaluator-a", '4'), charter::TestNoteKey("evaluator-a", '?'));
  };
  const warrant::MadeWarrant amendment = warrant::MakeAmendment(path_, path_.PutCharter(edit), warrant::kThree);
  warrant::AppendWithoutClosing(path_, {.tree = path_.third}, Measuring(2, 0.001));
  path_.Accept(amendment);
  std::filesystem::copy(path_.store().directory(), home_.StorePath(),
                        std::filesystem::copy_options::recursive | std::filesystem::copy_options::skip_existing);
  ASSERT_TRUE(warrant::WriteStateFile(state_path(), path_.state).ok());
  begun_ = path_.entries();
  BeginAnewHere();
  ledger::SubjectLog log = *ledger::SubjectLog::Open(home_, "controller", ledger::LedgerAccess::kReadWrite);
  const Reviewer reviewer{.record = *log.charter().charter.FindReviewer("auditor-c"),
                          .key = Path::Key("auditor-c"),
                          .memory_folder = directory_.path(),
                          .state_path = state_path(),
                          .now_s = path_.now,
                          .progress = {}};
  EXPECT_TRUE(ReviewOpenProposals(log, reviewer).ok());
  EXPECT_EQ(Accused(), "");
}

TEST_F(CosigningTest, WhoVotesOnOtherBytesIsNamed) {
  Tampering tampering;
  tampering.votes = [&](std::vector<warrant::Vote>& votes) { votes[0].about.digest = crypto::Sha256("other bytes"); };
  Close({}, tampering);
  EXPECT_EQ(Answer(), "signed") << "a vote counts for the candidate statement that it names";
  EXPECT_EQ(Accused(), "auditor-c accuses prover-a of vote.other-bytes\n");
}

// It is said at the next look, and whoever was at work goes on.
TEST_F(CosigningTest, ALedgerThatTakesNoComplaintKeepsNobodyFromAnything) {
  Close([](Closing& closing) { closing.root = crypto::Sha256("another log"); });
  ledger::SubjectLog early = *ledger::SubjectLog::Open(home_, "controller", ledger::LedgerAccess::kReadWrite);
  {
    ledger::SubjectLog other = *ledger::SubjectLog::Open(home_, "controller", ledger::LedgerAccess::kReadWrite);
    ASSERT_TRUE(other.Append({path_.ByPeople(warrant::WriteDecision(path_.HaltDecision("smoke")), {"dee"})}).ok());
    ASSERT_TRUE(
        other
            .Append({path_.ByPeople(
                warrant::WriteDecision(path_.ResumeDecision({other.history().halts().back().digest})), {"ann", "bob"})})
            .ok());
  }
  EXPECT_EQ(Answer(early), "audit.closing") << "others were a moment ahead";
  EXPECT_EQ(Accused(), "");
  ASSERT_TRUE(early.Refresh().ok());
  EXPECT_EQ(Answer(early), "audit.closing");
  EXPECT_EQ(Accused(), "auditor-c accuses auditor-a of audit.closing\n");
}

// With one event more or less, nodes of the tree that was closed over are in no present root.
TEST_F(CosigningTest, RefusesARootThatOnlyTheDatabaseKnows) {
  const Path before = path_;
  std::vector<std::string> answers;
  for (const bool one_less : {false, true}) {
    BeginAnew(before);
    Tampering also;
    also.votes = [&](std::vector<warrant::Vote>& votes) {
      const auto extra =
          std::find_if(votes.begin(), votes.end(), [](const auto& vote) { return vote.role == "evaluator"; });
      if (one_less) votes.erase(extra);
    };
    Close({}, also);
    AlterNodesOfBefore(home_.LedgerPath("controller"));
    answers.push_back(Answer());
  }
  std::sort(answers.begin(), answers.end());
  EXPECT_EQ(answers, (std::vector<std::string>{"ledger.root", "signed"}));
}

TEST_F(CosigningTest, RefusesASizeThatTheLogDidNotHave) {
  Close([](Closing& closing) { closing.size += 1'000; });
  EXPECT_EQ(Answer(), "audit.closing");
  EXPECT_EQ(Accused(), "auditor-c accuses auditor-a of audit.closing\n");
}

TEST_F(CosigningTest, RefusesOneThatAdmitsAHalt) {
  Close([](Closing& closing) { closing.open_halts = {crypto::Sha256("a halt")}; });
  EXPECT_EQ(Answer(), "audit.closing");
  EXPECT_EQ(Accused(), "auditor-c accuses auditor-a of audit.closing\n");
}

TEST_F(CosigningTest, WaitsForAHaltThatOnlyTheLoaderKnows) {
  Close();
  std::filesystem::create_directory(warrant::HaltFolder(state_path()));
  std::ofstream(warrant::HaltFolder(state_path()) + "/halt.json")
      << encoding::SerializeEnvelope(path_.ByPeople(warrant::WriteDecision(path_.HaltDecision("smoke")), {"ann"}));
  EXPECT_EQ(Answer(), "a halt is open; nothing is closed before people lift it");
}

TEST_F(CosigningTest, WaitsForEveryVoteUnlessToldOtherwise) {
  Close();
  waiting_ = Waiting::kForEveryVote;
  EXPECT_EQ(Answer(), "'prover-a2' has not voted");
}

TEST_F(CosigningTest, ClosesNothingThatTheQuorumHasNotVotedFor) {
  Tampering also;
  also.votes = [](std::vector<warrant::Vote>& votes) {
    std::erase_if(votes, [](const warrant::Vote& vote) { return vote.role == "integrity"; });
  };
  Close({}, also);
  EXPECT_EQ(Answer().substr(0, 14), "quorum not met");
}

TEST_F(CosigningTest, RefusesALogThatIsShorterThanWhatItSaw) {
  Close();
  std::ofstream(directory_ / "seen-controller.json")
      << encoding::CanonicalJson({{"size", 1'000}, {"root", crypto::Sha256("what it saw").Hex()}});
  EXPECT_EQ(Answer(), "audit.log-shrank");
}

TEST_F(CosigningTest, ClosesNothingOnALogThatItDoesNotRemember) {
  Close();
  std::ofstream(directory_ / "seen-controller.json")
      << encoding::CanonicalJson({{"size", 3}, {"root", crypto::Sha256("what it saw").Hex()}});
  EXPECT_EQ(Answer(), "audit.log-rewritten");
}

// A memory that cannot be read is not a memory of nothing.
TEST_F(CosigningTest, ClosesNothingWithAMemoryThatItCannotRead) {
  Close();
  std::filesystem::create_symlink("nowhere", directory_ / "seen-controller.json");
  EXPECT_EQ(Answer(), "audit.memory.input-output");
}

// Two processes of one auditor: the one that is late neither forgets what the other has seen nor takes it for an
// attack.
TEST_F(CosigningTest, IsOneProcessAtATime) {
  Close();
  const std::string memory = directory_ / "seen-controller.json";
  {
    const subject::FileDescriptor other(open((memory + ".lock").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
    ASSERT_EQ(flock(other.get(), LOCK_EX | LOCK_NB), 0);
    EXPECT_EQ(Answer(), "audit.busy");
    EXPECT_FALSE(std::filesystem::exists(memory));
  }
  ledger::SubjectLog early = *ledger::SubjectLog::Open(home_, "controller", ledger::LedgerAccess::kReadWrite);
  EXPECT_EQ(Answer(), "signed");
  EXPECT_EQ(Answer(), "closed already");
  const std::string remembered = *subject::ReadRegularFile(memory, 16'384, "test", subject::Links::kRefuse);
  EXPECT_EQ(Answer(early), "audit.busy");
  EXPECT_EQ(*subject::ReadRegularFile(memory, 16'384, "test", subject::Links::kRefuse), remembered);
  EXPECT_EQ(Answer(early), "closed already");
}

// A gate that grinds: it tries what it can vary after the commit (other entries, another checkpoint, another candidate
// statement) until the seeds suit it. Seeds count from the one checkpoint whose last entry is the commit.
TEST_F(CosigningTest, RefusesSeedsThatAreNotDrawnFromTheCommit) {
  const auto seeds = [](std::vector<warrant::Vote>& votes, const std::function<void(merkle::Checkpoint&)>& change) {
    for (warrant::Vote& vote : votes) {
      if (vote.role != "evaluator") continue;
      merkle::Checkpoint checkpoint = *merkle::Checkpoint::Parse(vote.evidence["checkpoint"].get<std::string>());
      change(checkpoint);
      const std::string body = checkpoint.Text();
      vote.evidence = {
          {"checkpoint", body},
          {"seed_signature",
           encoding::EncodeBase64(Path::Key(vote.reviewer).Sign(warrant::SeedMessage(vote.candidate, body)))},
          {"report", encoding::Json::object()},
          {"last_step", {{"epoch", 2}, {"gain", "0.001"}}}};
    }
  };
  const std::function<void(merkle::Checkpoint&)> changes[] = {
      [](merkle::Checkpoint& checkpoint) { checkpoint.root = crypto::Sha256("another log"); },
      [](merkle::Checkpoint& checkpoint) { checkpoint.size -= 1; },
      [](merkle::Checkpoint& checkpoint) { checkpoint.size += 1; },
  };
  const Path before = path_;
  for (const auto& change : changes) {
    BeginAnew(before);
    Tampering ground;
    ground.votes = [&](std::vector<warrant::Vote>& votes) { seeds(votes, change); };
    Close({}, ground, Action::kRelease);
    EXPECT_EQ(Answer(), "audit.seeds");
    const std::string each =
        "auditor-c accuses evaluator-a of audit.seeds\nauditor-c accuses evaluator-b of audit.seeds\n";
    EXPECT_EQ(Accused(), each);
    EXPECT_EQ(Answer(), "audit.seeds");
    EXPECT_EQ(Accused(), each) << "once, and not again by a process that has just begun";
  }
  BeginAnew(before);
  Tampering honest;
  honest.votes = [&](std::vector<warrant::Vote>& votes) { seeds(votes, [](merkle::Checkpoint&) {}); };
  Close({}, honest, Action::kRelease);
  EXPECT_EQ(Answer(), "json.member") << "the seeds are good, the report is what is looked at next";
}

// An evaluator that leaves a release out of what it measures, so that no alarm hears of it.
TEST_F(CosigningTest, RefusesAVoteThatDoesNotMeasureTheLastRelease) {
  const Path before = path_;
  const std::pair<encoding::Json, std::string> cases[] = {
      {nullptr, "audit.last-step"},
      {{{"epoch", 1}, {"gain", "0"}}, "audit.last-step"},
      {{{"epoch", 2}, {"gain", "0"}}, "json.member"},  // the report is what is looked at next
  };
  for (const auto& [step, rule] : cases) {
    BeginAnew(before);
    Tampering tampering;
    tampering.votes = [&](std::vector<warrant::Vote>& votes) {
      for (warrant::Vote& vote : votes) {
        if (vote.role == "evaluator") vote.evidence["last_step"] = step;
      }
    };
    Close({}, tampering, Action::kRelease);
    EXPECT_EQ(Answer(), rule);
    const std::string named = rule == "json.member" ? "audit.evidence" : rule;
    EXPECT_TRUE(Accused().starts_with("auditor-c accuses evaluator-a of " + named + "\n")) << Accused();
  }
}

TEST_F(CosigningTest, ClosesNoReleaseWhileGrowthAccelerates) {
  BeginAnew(GrowingPath(4, 0.02));
  const Path before = path_;
  Close({}, Measuring(path_.state.epoch, 0), Action::kRelease);
  EXPECT_NE(Answer().find("'evaluator-a' sees growth accelerate"), std::string::npos);
  BeginAnew(before);
  Close();
  EXPECT_EQ(Answer(), "signed") << "going back is possible";
}

// A report that the auditor can read and that passes nothing, with evidence claimed beside it.
TEST_F(CosigningTest, RefusesEvidenceThatIsNotThatOfTheReport) {
  const Path before = path_;
  for (const auto& [shares, rule] : {std::pair<encoding::Json, std::string>{{{"step", 1'000'000}}, "audit.shares"},
                                     {encoding::Json::object(), "audit.verdict"}}) {
    BeginAnew(before);
    Tampering tampering;
    tampering.votes = [&](std::vector<warrant::Vote>& votes) {
      const trial::TrialRules rules = *MakeTrialRules(path_.charter());
      const trial::TrialTerms terms{.budget_index = 3, .share = EvaluatorShareOf(path_.charter())};
      const trial::TrialReport report = trial::VoidTrial(rules, terms, Refused("episodes.count", "too few"));
      for (warrant::Vote& vote : votes) {
        if (vote.role != "evaluator") continue;
        vote.evidence["report"] = trial::TrialReportToJson(report);
        vote.evidence["shares"] = shares;
        vote.evidence["last_step"] = {{"epoch", 2}, {"gain", "0.001"}};
      }
    };
    Close({}, tampering, Action::kRelease);
    EXPECT_EQ(Answer(), rule);
  }
}

}  // namespace
}  // namespace pawl::oversight
