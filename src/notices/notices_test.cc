// What a board takes, keeps and shows, and what is believed of it.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "encoding/base64.h"
#include "encoding/json.h"
#include "notices/board.h"
#include "notices/heard.h"
#include "warrant/path_for_test.h"

namespace pawl::notices {
namespace {

namespace fs = std::filesystem;
using warrant::Decision;
using warrant::Path;
using warrant::Vote;
using warrant::WriteDecision;

class BoardTest : public ::testing::Test {
 protected:
  BoardTest() : charter_(path_.charter()), log_(charter_.gate.log.name) {
    const Result<std::string> copy = [&] {
      storage::TreeStore store = *storage::TreeStore::Open(path_.store().directory(), storage::StoreAccess::kReadWrite);
      return store.Materialise(charter_.digest);
    }();
    directory_of_charter_ = *copy;
    const Result<void> followed = FollowCharter(folder(), log_, directory_of_charter_);
    EXPECT_TRUE(followed.ok()) << followed.error().message;
    Restart();
  }
  std::string folder() const { return directory_ / "witness"; }
  void Restart() {
    Result<Boards> boards = Boards::Open(folder());
    ASSERT_TRUE(boards.ok()) << boards.error().message;
    boards_ = *std::move(boards);
  }
  Taken Add(const std::string& text, int64_t now_s = warrant::kGenesisTime) {
    return boards_.Add(BoardName(log_), text, now_s);
  }
  unsigned AddHalt(const std::string& reason, const std::string& person = "dee", int64_t later_s = 0) {
    return Add(Halt(reason, person, later_s)).status;
  }
  std::string Halt(const std::string& reason, const std::string& person = "dee", int64_t later_s = 0) const {
    Decision halt = path_.HaltDecision(reason);
    halt.issued += later_s;
    halt.expires += later_s;
    return encoding::SerializeEnvelope(path_.ByPeople(WriteDecision(halt), {person}));
  }
  std::string Resume(const std::vector<std::string>& halts, const std::vector<std::string>& people,
                     int64_t later_s = 0) const {
    std::vector<crypto::Digest> digests;
    for (const std::string& halt : halts) {
      digests.push_back(warrant::StatementDigest(encoding::ParseEnvelope(halt)->payload));
    }
    std::ranges::sort(digests);
    Decision resume = path_.ResumeDecision(digests);
    resume.issued += later_s;
    resume.expires += later_s;
    return encoding::SerializeEnvelope(path_.ByPeople(WriteDecision(resume), people));
  }
  std::string VoteOf(const std::string& reviewer, const std::string& candidate, int64_t time = warrant::kGenesisTime,
                     const std::string& signer = "") const {
    Vote vote;
    vote.about = {.subject = charter_.subject.name, .digest = path_.second};
    vote.candidate = crypto::Sha256(candidate);
    vote.reviewer = reviewer;
    vote.role = charter::RoleName(charter_.FindReviewer(reviewer)->role);
    vote.verdict = warrant::VoteVerdict::kAgainst;
    vote.reasons = {"it is not what it says"};
    vote.host = "host";
    vote.user = "user";
    vote.time = time;
    return encoding::SerializeEnvelope(path_.BySomeone(warrant::WriteVote(vote), signer.empty() ? reviewer : signer));
  }
  std::vector<std::string> Listed(const std::string& body) const {
    std::vector<std::string> texts;
    const Result<std::vector<HeardNotice>> notices = ReadNotices(body, charter_);
    EXPECT_TRUE(notices.ok());
    for (const HeardNotice& one : *notices) texts.push_back(one.notice.text);
    std::ranges::sort(texts);
    return texts;
  }
  std::vector<std::string> Stops() const { return Listed(*boards_.Stops(BoardName(log_))); }
  std::vector<std::string> Votes(const std::string& candidate) const {
    return Listed(*boards_.VotesOn(BoardName(log_), crypto::Sha256(candidate)));
  }

  Path path_ = Path::WithWitnesses();
  const charter::Charter charter_;
  const std::string log_;
  subject::TemporaryDirectory directory_;
  std::string directory_of_charter_;
  Boards boards_;
};

TEST_F(BoardTest, KeepsAHaltAcrossRestarts) {
  const std::string halt = Halt("smoke");
  EXPECT_EQ(Add(halt).status, 200u);
  EXPECT_EQ(Add(halt).words, "kept already");
  EXPECT_EQ(Stops(), std::vector<std::string>{halt});
  Restart();
  EXPECT_EQ(Stops(), std::vector<std::string>{halt});
  EXPECT_TRUE(Votes("one").empty());
}

TEST_F(BoardTest, TakesNothingFromAnybodyElse) {
  EXPECT_EQ(Add(Halt("smoke", "mallory")).status, 403u);
  EXPECT_EQ(Add(VoteOf("prover-a", "one", warrant::kGenesisTime, "prover-b")).status, 403u);
  Decision other = path_.HaltDecision("smoke");
  other.resource = "https://example.org/x";
  EXPECT_EQ(Add(encoding::SerializeEnvelope(path_.ByPeople(WriteDecision(other), {"dee"}))).status, 403u);
  other = path_.HaltDecision("smoke");
  other.about.subject = "another";
  EXPECT_EQ(Add(encoding::SerializeEnvelope(path_.ByPeople(WriteDecision(other), {"dee"}))).status, 403u);
  EXPECT_EQ(Add(encoding::SerializeEnvelope(path_.ByPeople(WriteDecision(path_.HaltDecision("x")), {}))).status, 403u);
  EXPECT_EQ(Add(Resume({Halt("smoke")}, {"ann"})).status, 403u) << "it takes two";
  EXPECT_EQ(boards_.Add(BoardName("another log"), Halt("smoke"), 0).status, 404u);
  EXPECT_FALSE(boards_.Stops(BoardName("another log")));
  EXPECT_TRUE(Stops().empty());
}

// A vote that contradicts another has to have room in a complaint.
TEST_F(BoardTest, TakesNoVoteThatNoComplaintHasRoomFor) {
  const auto sized = [&](size_t padding) {
    Vote vote = *warrant::ReadVote(encoding::ParseEnvelope(VoteOf("prover-a", "one"))->payload);
    vote.evidence = {{"padding", std::string(padding, 'x')}};
    return encoding::SerializeEnvelope(path_.BySomeone(warrant::WriteVote(vote), "prover-a"));
  };
  const size_t room = (kVoteBytesMax - sized(0).size()) / 4 * 3;
  EXPECT_EQ(Add(sized(room + 3)).status, 400u);
  EXPECT_TRUE(Votes("one").empty());
  EXPECT_EQ(Add(sized(room)).status, 200u);
}

// As a witness shows them that has an older charter, or lies.
TEST_F(BoardTest, VotesOfNobodyHereAreSetAside) {
  std::vector<std::string> texts;
  encoding::Json list = encoding::Json::array();
  const auto show = [&](const std::string& text) {
    list.push_back({{"received", "2026-11-27T00:00:00Z"}, {"statement", encoding::EncodeBase64(text)}});
  };
  show("{}");
  show(Halt("smoke", "mallory"));
  show(VoteOf("prover-a", "one"));
  for (int i = 0; i < 20; ++i) {
    texts.push_back(VoteOf("prover-a", "one", warrant::kGenesisTime + i, "stranger"));
    show(texts.back());
    show(texts.back());
  }
  const std::string body = encoding::CanonicalJson({{"format", "pawl-notices/v1"}, {"notices", list}});
  std::vector<encoding::Envelope> strange;
  const Result<std::vector<HeardNotice>> heard = ReadNotices(body, charter_, &strange);
  ASSERT_TRUE(heard.ok());
  EXPECT_EQ(heard->size(), 1u);
  ASSERT_EQ(strange.size(), kStrangeMax);
  for (size_t i = 0; i < strange.size(); ++i) EXPECT_EQ(encoding::SerializeEnvelope(strange[i]), texts[i]);
}

TEST_F(BoardTest, TakesNoOtherStatement) {
  EXPECT_EQ(Add("").status, 400u);
  EXPECT_EQ(Add("{}").status, 400u);
  EXPECT_EQ(Add(std::string(kNoticeBytesMax + 1, '{')).status, 400u);
  EXPECT_EQ(Add(encoding::SerializeEnvelope(path_.genesis())).status, 400u);
  encoding::Envelope envelope = *encoding::ParseEnvelope(Halt("smoke"));
  envelope.payload_type = "text/plain";
  EXPECT_EQ(Add(encoding::SerializeEnvelope(envelope)).status, 400u);
  EXPECT_EQ(Add(Halt(std::string(4'000, 'x'))).status, 200u);
  EXPECT_EQ(Stops().size(), 1u);
}

TEST_F(BoardTest, AResumeTakesThePlaceOfWhatItLifts) {
  const std::string first = Halt("first"), second = Halt("second"), resume = Resume({first}, {"ann", "bob"}, 1);
  EXPECT_EQ(Add(first).status, 200u);
  EXPECT_EQ(Add(second).status, 200u);
  EXPECT_EQ(Add(resume).status, 200u);
  std::vector<std::string> left = {second, resume};
  std::ranges::sort(left);
  EXPECT_EQ(Stops(), left);
  EXPECT_EQ(Add(first).words, "lifted already");
  EXPECT_EQ(Stops(), left);
  Restart();
  EXPECT_EQ(Stops(), left);
}

TEST_F(BoardTest, AResumeLiftsNoYoungerHalt) {
  const std::string halt = Halt("smoke", "dee", 100);
  EXPECT_EQ(Add(halt).status, 200u);
  EXPECT_EQ(Add(Resume({halt}, {"ann", "bob"}, 50)).status, 200u);
  EXPECT_EQ(Stops().size(), 2u);
}

// Nobody pushes out what another has said.
TEST_F(BoardTest, KeepsTheYoungestOfEach) {
  const std::string of_ann = Halt("look", "ann");
  EXPECT_EQ(Add(of_ann).status, 200u);
  for (int i = 1; i <= 20; ++i) EXPECT_EQ(AddHalt("noise " + std::to_string(i), "dee", i), 200u);
  EXPECT_EQ(AddHalt("too old", "dee", 1), 403u);
  EXPECT_EQ(Stops().size(), 1 + kHaltsOfEachMax);
  EXPECT_TRUE(std::ranges::count(Stops(), of_ann) == 1);
  const std::string of_b = VoteOf("prover-b", "one");
  EXPECT_EQ(Add(of_b).status, 200u);
  for (int i = 1; i <= 40; ++i) {
    EXPECT_EQ(Add(VoteOf("prover-a", "c" + std::to_string(i), warrant::kGenesisTime + i)).status, 200u);
  }
  EXPECT_EQ(Votes("one"), std::vector<std::string>{of_b});
  EXPECT_EQ(Votes("c40").size(), 1u);
  EXPECT_TRUE(Votes("c1").empty());
  for (int i = 1; i <= 9; ++i) Add(VoteOf("prover-a", "two", warrant::kGenesisTime + 100 + i));
  EXPECT_EQ(Votes("two").size(), kVotesOnEachMax);
  EXPECT_EQ(Votes("c40").size(), 1u);
  size_t files = 0;
  for ([[maybe_unused]] const auto& entry :
       fs::directory_iterator(folder() + "/notices/" + BoardName(log_) + "/posted"))
    ++files;
  EXPECT_EQ(files, 1 + kHaltsOfEachMax + 1 + kVotesOfEachMax);
}

TEST_F(BoardTest, IsKeptForTheCharterOfThisLogAlone) {
  EXPECT_EQ(FollowCharter(folder(), "another log", directory_of_charter_).error().rule, "notices.other-log");
  EXPECT_FALSE(FollowCharter(folder(), log_, directory_ / "nothing").ok());
  EXPECT_EQ(Boards::Open(directory_ / "nowhere")->size(), 0u);
}

TEST_F(BoardTest, StartsOverNothingThatItHasNotWritten) {
  AddHalt("smoke");
  const std::string board = folder() + "/notices/" + BoardName(log_), path = board + "/posted/x.json";
  const std::string own = fs::directory_iterator(board + "/posted")->path();
  for (const char* text : {"", "{}", "{\"format\":\"pawl-notice/v1\",\"received\":\"now\",\"statement\":\"\"}"}) {
    std::ofstream(path) << text;
    EXPECT_EQ(Boards::Open(folder()).error().rule, "notices.board") << text;
  }
  fs::remove(path);
  fs::create_symlink(own, path);
  EXPECT_EQ(Boards::Open(folder()).error().rule, "notices.board");
  fs::remove(path);
  std::ofstream(board + "/posted/x.json.new") << "half of";
  fs::create_symlink("loop", folder() + "/notices/loop");
  EXPECT_TRUE(Boards::Open(folder()).ok());
  for (const char* text : {"", "{}"}) {
    std::ofstream(board + "/charter.json") << text;
    EXPECT_EQ(Boards::Open(folder()).error().rule, "notices.board") << text;
  }
}

// ---- what is heard of four witnesses

class HearingTest : public BoardTest {
 protected:
  // Answers for witness-a to witness-d, whatever is asked.
  witness::Transport Answering(std::vector<Result<witness::HttpReply>> replies) {
    return [this, replies](const std::vector<witness::HttpPost>& posts) {
      asked_ = posts;
      return replies;
    };
  }
  static witness::HttpReply Reply(unsigned status, std::string body) {
    return {.status = status, .body = std::move(body)};
  }
  std::vector<witness::HttpPost> asked_;
  const Error away_ = SystemFailure("http.unreachable", "no answer in time");
};

TEST_F(HearingTest, OneHonestBoardIsEnough) {
  const std::string halt = Halt("smoke");
  Add(halt, 7);
  const std::string list = *boards_.Stops(BoardName(log_));
  const std::string none = R"({"format":"pawl-notices/v1","notices":[]})";
  const Heard heard =
      AskForStops(charter_, Answering({Reply(200, none), Reply(200, list), Reply(404, "none here\n"), away_}));
  ASSERT_EQ(heard.notices.size(), 1u);
  EXPECT_EQ(heard.notices[0].notice.text, halt);
  EXPECT_EQ(heard.notices[0].received_s, std::vector<int64_t>{7});
  EXPECT_EQ(heard.answered, 3u);
  EXPECT_EQ(heard.boards, 2u);
  ASSERT_EQ(heard.silent.size(), 1u);
  EXPECT_TRUE(heard.silent[0].starts_with("witness-d: "));
  ASSERT_EQ(asked_.size(), 4u);
  EXPECT_EQ(asked_[0].method, "GET");
  EXPECT_TRUE(asked_[0].url.ends_with("/notices/" + BoardName(log_) + "/stops")) << asked_[0].url;
}

TEST_F(HearingTest, WhatNobodySignedIsLeftOut) {
  const auto list = [](const std::vector<std::string>& texts) {
    encoding::Json notices = encoding::Json::array();
    for (const std::string& text : texts) {
      notices.push_back({{"received", "2026-01-01T00:00:00Z"}, {"statement", encoding::EncodeBase64(text)}});
    }
    return encoding::CanonicalJson({{"format", kListFormat}, {"notices", notices}});
  };
  const std::string halt = Halt("smoke"), vote = VoteOf("prover-a", "one");
  const std::string lies = list({Halt("smoke", "mallory"), "nonsense", vote, halt, halt});
  const Heard stops = AskForStops(charter_, Answering({Reply(200, lies), away_, away_, away_}));
  ASSERT_EQ(stops.notices.size(), 1u);
  EXPECT_EQ(stops.notices[0].notice.text, halt);
  const Heard votes = AskForVotes(charter_, crypto::Sha256("one"), Answering({Reply(200, lies), away_, away_, away_}));
  ASSERT_EQ(votes.notices.size(), 1u);
  EXPECT_EQ(votes.notices[0].notice.text, vote);
  EXPECT_TRUE(
      AskForVotes(charter_, crypto::Sha256("two"), Answering({Reply(200, lies), away_, away_, away_})).notices.empty());
}

TEST_F(HearingTest, AnAnswerThatIsNoListIsNone) {
  for (const std::string body : {"", "[]", "{}", R"({"format":"pawl-notices/v2","notices":[]})",
                                 R"({"format":"pawl-notices/v1","notices":[{"received":"x","statement":""}]})",
                                 R"({"format":"pawl-notices/v1","notices":{}})"}) {
    const Heard heard = AskForStops(charter_, Answering({Reply(200, body), Reply(500, body), away_, away_}));
    EXPECT_EQ(heard.answered, 0u) << body;
    EXPECT_EQ(heard.silent.size(), 4u) << body;
  }
}

TEST_F(HearingTest, SaysWhoKeepsWhatItTold) {
  const encoding::Envelope halt = *encoding::ParseEnvelope(Halt("smoke"));
  const Told told =
      Tell(charter_, halt, Answering({Reply(200, "kept\n"), Reply(200, "kept\n"), Reply(404, "no\n"), away_}));
  EXPECT_EQ(told.asked, 4u);
  EXPECT_EQ(told.kept, 2u);
  EXPECT_EQ(told.unreachable, 1u);
  EXPECT_TRUE(Words(told).starts_with("2 of 4 witnesses keep it (witness-c: 404 no ; witness-d: ")) << Words(told);
  EXPECT_EQ(asked_[3].method, "POST");
  EXPECT_EQ(asked_[3].body, Halt("smoke"));
  EXPECT_EQ(Words(Tell(Path::WithTwoReleases().charter(), halt, Answering({}))), "");
}

// One of four may lie that it keeps it: the others are told again until one more does, or none is left to tell.
TEST_F(HearingTest, OneThatMayLieIsNotEnoughToKeepIt) {
  const encoding::Envelope halt = *encoding::ParseEnvelope(Halt("smoke"));
  const auto is_kept = [&](std::vector<Result<witness::HttpReply>> replies) {
    return IsKept(Tell(charter_, halt, Answering(std::move(replies))), charter_);
  };
  const witness::HttpReply kept = Reply(200, "kept\n"), none = Reply(404, "none\n");
  EXPECT_FALSE(is_kept({kept, none, none, away_}));
  EXPECT_TRUE(is_kept({kept, kept, away_, away_}));
  EXPECT_TRUE(is_kept({none, none, none, none}));
}

}  // namespace
}  // namespace pawl::notices
