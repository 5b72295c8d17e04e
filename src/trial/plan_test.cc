#include "trial/plan.h"

#include <gtest/gtest.h>

#include <cmath>

#include "trial/assess.h"
#include "trial/budget.h"

namespace pawl::trial {
namespace {

TEST(Plan, KnowsHowManyCleanEpisodesAreNeeded) {
  EXPECT_EQ(EpisodesWithoutViolation(0.01, 1e-2, Bet::kVarianceAdaptive), 577U);
  EXPECT_EQ(EpisodesWithoutViolation(0.01, 1e-6, Bet::kVarianceAdaptive), 1595U);
  EXPECT_EQ(EpisodesWithoutViolation(1e-9, 1e-2), kPlanEpisodesMax);
}

// At a limit of 0.1, with the errors that a lifetime error of 1e-3 leaves to the 1st, 10th and 100th trial. One fewer
// shows nothing, in the judgement itself too.
TEST(Plan, KnowsHowManyFixedProbesAreNeeded) {
  const std::pair<std::uint64_t, std::uint64_t> cases[] = {{1, 71}, {10, 114}, {100, 158}};
  for (const auto& [index, needed] : cases) {
    const double alpha = *TrialAlpha(1e-3, index, {});
    EXPECT_EQ(FixedProbesNeeded(0, 0.1, alpha), needed) << index;
    EXPECT_TRUE(IsEnough(FixedProbesEvidence(0, 0.1, needed), alpha));
    EXPECT_FALSE(IsEnough(FixedProbesEvidence(0, 0.1, needed - 1), alpha));
  }
  EXPECT_GT(FixedProbesNeeded(0.05, 0.1, 1e-3), FixedProbesNeeded(0, 0.1, 1e-3));
  for (const double share : {0.0999999, 0.1, 0.2, 1.0}) {
    EXPECT_EQ(FixedProbesNeeded(share, 0.1, 1e-3), kPlanEpisodesMax + 1) << share;
  }
}

// Expectations for a paired step of 0.01 at alpha = 1e-3: about 1,970, 7,700 and 17,000 episodes at deviations of 0.1,
// 0.2 and 0.3. The means are a little lower here, what is needed for four chances in five is higher; both must be near,
// and above the floor that no bet can beat, 2 ln(1/alpha) (variance + step^2) / step^2.
TEST(Plan, KnowsHowManyEpisodesAStepNeeds) {
  const struct {
    double deviation;
    double expected;
  } cases[] = {{0.1, 1970}, {0.2, 7700}, {0.3, 17'000}};
  for (const auto& [deviation, expected] : cases) {
    StepQuestion question{.step = 0.01, .deviation = deviation, .alpha = 1e-3};
    const double mean = *MeanEpisodesToShowStep(question);
    const double often = static_cast<double>(*EpisodesToShowStep(question));
    EXPECT_NEAR(mean, expected, 0.2 * expected) << deviation;
    EXPECT_GT(often, mean);
    EXPECT_LT(often, 1.5 * expected);
    EXPECT_GT(mean, 2 * std::log(1e3) * (deviation * deviation + 1e-4) / 1e-4);
  }
}

TEST(Plan, LooksAtTheLastEpisodeToo) {
  const StepQuestion large{.step = 0.8, .deviation = 0, .alpha = 1e-2, .simulations = 1};
  const std::uint64_t needed = *EpisodesToShowStep(large);
  ASSERT_EQ(needed, 16U) << "it looks at every sixteenth";
  EXPECT_EQ(*ChanceToShowStep(large, 15), 1);
  EXPECT_EQ(*ChanceToShowStep(large, 3), 0);
}

TEST(Plan, AsksForMoreEpisodesWhereTheQuestionIsHarder) {
  const StepQuestion easy{.step = 0.02, .deviation = 0.1, .alpha = 1e-2, .simulations = 100};
  StepQuestion smaller = easy;
  smaller.step = 0.01;
  StepQuestion surer = easy;
  surer.alpha = 1e-6;
  StepQuestion likelier = easy;
  likelier.power = 0.95;
  for (const StepQuestion& harder : {smaller, surer, likelier}) {
    EXPECT_GT(*EpisodesToShowStep(harder), *EpisodesToShowStep(easy));
  }
  EXPECT_EQ(*EpisodesToShowStep(easy), *EpisodesToShowStep(easy));
}

TEST(Plan, SaysWhenNoNumberOfEpisodesIsEnough) {
  const StepQuestion hopeless{.step = 1e-5, .deviation = 0.5, .alpha = 1e-3, .simulations = 2};
  EXPECT_EQ(EpisodesToShowStep(hopeless).error().rule, "plan.too-many-episodes");
}

TEST(Plan, RefusesQuestionsThatMakeNoSense) {
  const StepQuestion good{.step = 0.01, .deviation = 0.1, .alpha = 1e-3, .simulations = 1};
  ASSERT_TRUE(EpisodesToShowStep(good).ok());
  StepQuestion bad[7] = {good, good, good, good, good, good, good};
  bad[0].step = 0;
  bad[1].step = std::nan("");
  bad[2].deviation = 1;
  bad[3].alpha = 1;
  bad[4].power = 1;
  bad[5].simulations = 0;
  bad[6].deviation = -1;
  for (const StepQuestion& question : bad) EXPECT_EQ(EpisodesToShowStep(question).error().rule, "plan.question");
  EXPECT_EQ(ChanceToShowBelow({.rate = 0.1, .limit = 0.2, .alpha = 0.1, .episodes = 0}).error().rule, "plan.question");
  EXPECT_EQ(ChanceToShowBelow({.rate = 1, .limit = 0.2, .alpha = 0.1, .episodes = 9}).error().rule, "plan.question");
}

// A limit of 0.01 and a true harm of 0.005 over 4,000 episodes: 29 % at k = 1 and 1 % at k = 100 where the lifetime
// error is 1e-2 and the bet is the variance-adaptive one.
TEST(Plan, KnowsTheChanceToShowARateBelowItsLimit) {
  RateQuestion question{.rate = 0.005, .limit = 0.01, .alpha = *TrialAlpha(1e-2, 1, {}), .episodes = 4000};
  question.bet = Bet::kVarianceAdaptive;
  EXPECT_NEAR(*ChanceToShowBelow(question), 0.29, 0.04);
  question.alpha = *TrialAlpha(1e-2, 100, {});
  EXPECT_NEAR(*ChanceToShowBelow(question), 0.01, 0.01);
  question.rate = 0.02;
  EXPECT_EQ(*ChanceToShowBelow(question), 0);
  question.rate = 0;
  EXPECT_EQ(*ChanceToShowBelow(question), 1);
}

TEST(Plan, CountsTheProposalsThatTheBudgetCarries) {
  const std::uint64_t carried = ProposalsCarried(0.01, 1e-3, 2000);
  ASSERT_GT(carried, 0U);
  EXPECT_LE(EpisodesWithoutViolation(0.01, *TrialAlpha(1e-3, carried, {})), 2000U);
  EXPECT_GT(EpisodesWithoutViolation(0.01, *TrialAlpha(1e-3, carried + 1, {})), 2000U);
  EXPECT_EQ(ProposalsCarried(0.01, 1e-3, 100), 0U);
}

TEST(EpisodesToShowBelow, AgreesWithTheChanceAtThatNumber) {
  const RateQuestion question{.rate = 0.002, .limit = 0.01, .alpha = 1e-3, .episodes = 20'000, .simulations = 1000};
  const Result<std::uint64_t> needed = EpisodesToShowBelow(question, 0.8);
  ASSERT_TRUE(needed.ok());
  RateQuestion again = question;
  again.episodes = *needed;
  again.seed = 2;
  EXPECT_NEAR(*ChanceToShowBelow(again), 0.8, 0.08);
  again.rate = 0.02;
  EXPECT_EQ(EpisodesToShowBelow(again, 0.8).error().rule, "plan.too-many-episodes");
  again.rate = 1;
  EXPECT_EQ(EpisodesToShowBelow(again, 0.8).error().rule, "plan.question");
}

TEST(ChanceToBoundBelow, IsOneFarBelowAndSmallAtTheLimit) {
  BoundQuestion question{.chance_of_high = 0.01, .limit = 0.1, .alpha = 1e-3, .episodes = 2000};
  EXPECT_EQ(*ChanceToBoundBelow(question), 1);
  question.chance_of_high = 0.1;
  EXPECT_LE(*ChanceToBoundBelow(question), 0.02);
  question.high = 2;
  EXPECT_EQ(ChanceToBoundBelow(question).error().rule, "plan.question");
}

}  // namespace
}  // namespace pawl::trial
