// What a loader gets of what witnesses show.
#include "halting/heard_stops.h"

#include <gtest/gtest.h>

#include "halting/halting.h"
#include "subject/testing.h"
#include "warrant/path_for_test.h"

namespace pawl::halting {
namespace {

using warrant::Decision;
using warrant::Path;

class HeardStopsTest : public ::testing::Test {
 protected:
  HeardStopsTest() { EXPECT_TRUE(warrant::WriteStateFile(state_path_, path_.state).ok()); }
  notices::Heard Heard(const std::vector<std::pair<Decision, std::vector<std::string>>>& decisions) const {
    notices::Heard heard;
    for (const auto& [decision, people] : decisions) {
      const std::string text = encoding::SerializeEnvelope(path_.ByPeople(WriteDecision(decision), people));
      heard.notices.push_back({*notices::ReadNotice(text, path_.charter()), {path_.now}});
    }
    return heard;
  }
  std::vector<std::string> News(const notices::Heard& heard) const {
    const Result<std::vector<std::string>> news = DeliverHeard(state_path_, path_.charter(), heard);
    EXPECT_TRUE(news.ok()) << news.error().message;
    return news.ok() ? *news : std::vector<std::string>();
  }
  size_t InForce() const { return warrant::ReadLocalHalts(state_path_, path_.charter(), path_.state)->in_force.size(); }
  static crypto::Digest DigestOf(const Decision& decision) { return warrant::StatementDigest(WriteDecision(decision)); }

  const Path path_ = Path::WithTwoReleases();
  const subject::TemporaryDirectory directory_;
  const std::string state_path_ = directory_ / "state.json";
};

TEST_F(HeardStopsTest, AHaltAndItsResumeGetThereOnce) {
  const Decision halt = path_.HaltDecision("smoke"), resume = path_.ResumeDecision({DigestOf(halt)});
  const notices::Heard halted = Heard({{halt, {"dee"}}});
  EXPECT_EQ(News(halted), std::vector<std::string>{"halted by dee@example.org: smoke"});
  EXPECT_TRUE(News(halted).empty());
  EXPECT_EQ(News(Heard({{resume, {"ann", "bob"}}, {halt, {"dee"}}})), std::vector<std::string>{"resumed: mended"});
  EXPECT_EQ(InForce(), 0u);
  EXPECT_TRUE(News(halted).empty()) << "a witness that lies brings it back to nobody who has heard of the resume";
  EXPECT_EQ(InForce(), 0u);
}

// A halt dated ahead, and a resume that is older for a loader that has gone on since.
TEST_F(HeardStopsTest, SaysThatAnotherResumeIsNeeded) {
  Decision halt = path_.HaltDecision("smoke");
  halt.issued = path_.state.time + 10;
  Decision resume = path_.ResumeDecision({DigestOf(halt)});
  resume.issued = path_.state.time - 10;
  const notices::Heard heard = Heard({{resume, {"ann", "bob"}}, {halt, {"dee"}}});
  EXPECT_EQ(News(heard), std::vector<std::string>{"halted by dee@example.org: smoke"});
  EXPECT_TRUE(News(heard).empty()) << "nothing was resumed";
  EXPECT_EQ(InForce(), 1u);
}

// A resume that is in the folder, of a halt that is not: it is lifted when it comes.
TEST_F(HeardStopsTest, AHaltThatIsLiftedWhenItComesIsNoNews) {
  Decision halt = path_.HaltDecision("smoke");
  halt.issued = path_.state.time - 20;
  Decision resume = path_.ResumeDecision({DigestOf(halt)});
  resume.issued = path_.state.time - 10;
  ASSERT_TRUE(DeliverToLoader(state_path_, path_.ByPeople(WriteDecision(resume), {"ann", "bob"})).ok());
  EXPECT_TRUE(News(Heard({{halt, {"dee"}}})).empty());
  EXPECT_EQ(InForce(), 0u);
}

// One person with a key, who goes on for as long as people do not notice.
TEST_F(HeardStopsTest, AFloodFillsNoFolder) {
  for (int round = 0; round < 2; ++round) {
    std::vector<std::pair<Decision, std::vector<std::string>>> flood;
    for (int i = 0; i < 20; ++i) {
      flood.push_back({path_.HaltDecision(std::to_string(round) + " " + std::to_string(i)), {"dee"}});
    }
    (void)News(Heard(flood));
  }
  EXPECT_EQ(InForce(), 32u);
}

}  // namespace
}  // namespace pawl::halting
