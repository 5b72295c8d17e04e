#include "warrant/evidence.h"

#include <gtest/gtest.h>

namespace pawl::warrant {
namespace {

using encoding::Json;

std::string RuleWith(const std::vector<Json>& evidences, uint64_t faults_max) {
  std::vector<Vote> votes(evidences.size());
  std::vector<const Vote*> pointers;
  for (size_t i = 0; i < votes.size(); ++i) {
    votes[i].evidence = evidences[i];
    pointers.push_back(&votes[i]);
  }
  const Result<void> shown = CheckShownTogether(pointers, faults_max);
  return shown.ok() ? "" : shown.error().rule;
}
Json Shares(int64_t harm, int64_t step) { return {{"shares", {{"harm x", harm}, {"step", step}}}}; }

TEST(ShareTogether, LeavesOutTheLargest) {
  EXPECT_EQ(ShareTogether({1, 5, 2}, 0), 8);
  EXPECT_EQ(ShareTogether({1, 5, 2}, 1), 3);
  EXPECT_EQ(ShareTogether({-7, 5, 2}, 2), -7);
  EXPECT_EQ(ShareTogether({1, 5}, 2), 0);
  EXPECT_EQ(ShareTogether({1}, 9), 0);
}

TEST(ShownTogether, AsksEveryConditionForAWhole) {
  EXPECT_EQ(RuleWith({Shares(500'000, 400'000), Shares(600'000, 600'000), Shares(500'000, 900'000)}, 1), "");
  EXPECT_EQ(RuleWith({Shares(500'000, 400'000), Shares(600'000, 599'999), Shares(500'000, 900'000)}, 1),
            "quorum.evidence");
  EXPECT_EQ(RuleWith({Shares(1'000'000, 1'000'000)}, 0), "");
}

TEST(ShownTogether, ALiarDecidesNothing) {
  const Json liar = Shares(1'000'000, 1'000'000);
  EXPECT_EQ(RuleWith({liar, Shares(400'000, 400'000), Shares(500'000, 500'000)}, 1), "quorum.evidence");
  EXPECT_EQ(RuleWith({liar, Shares(-1, 400'000), Shares(1'000'000, 700'000)}, 1), "quorum.evidence");
  EXPECT_EQ(RuleWith({liar, liar, Shares(0, 0), Shares(500'000, 500'000)}, 2), "quorum.evidence");
}

TEST(ShownTogether, WantsEveryConditionFromEveryVote) {
  const Json all = Shares(1'000'000, 1'000'000);
  const Json one = {{"shares", {{"harm x", 1'000'000}}}};
  const Json none = {{"shares", Json::object()}};
  EXPECT_EQ(RuleWith({all, one, all}, 1), "quorum.evidence");
  EXPECT_EQ(RuleWith({one, all, all}, 1), "quorum.evidence");
  EXPECT_EQ(RuleWith({none, none}, 1), "quorum.evidence");
  EXPECT_EQ(RuleWith({}, 1), "quorum.evidence");
}

TEST(ShownTogether, RefusesSharesThatAreNone) {
  const Json all = Shares(1'000'000, 1'000'000);
  EXPECT_EQ(RuleWith({all, Json::object()}, 1), "json.member-type");
  EXPECT_EQ(RuleWith({all, {{"shares", "much"}}}, 1), "json.member-type");
  EXPECT_EQ(RuleWith({all, {{"shares", {{"harm x", 1'000'001}, {"step", 0}}}}}, 1), "json.member-range");
  EXPECT_EQ(RuleWith({all, {{"shares", {{"harm x", "1"}, {"step", 0}}}}}, 1), "json.member-type");
  EXPECT_EQ(RuleWith({all, {{"shares", {{"harm x", 0.5}, {"step", 0}}}}}, 1), "json.member-type");
}

}  // namespace
}  // namespace pawl::warrant
