#include "oversight/quorum.h"

#include <gtest/gtest.h>

#include "encoding/hex.h"
#include "oversight/charter_trial.h"

namespace pawl::oversight {
namespace {

using charter::Role;
using warrant::VoteVerdict;

crypto::NoteKey SomeKey(const std::string& name) {
  // A public key of RFC 8032 section 7.1; nothing here verifies a signature.
  const std::string raw = *encoding::DecodeHex("d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a");
  return crypto::NoteKey::Of(name, crypto::NoteKeyType::kEd25519, *crypto::Ed25519PublicKey::FromRaw(raw));
}

charter::Reviewer MakeReviewer(const std::string& name, const std::string& principal, Role role) {
  return charter::Reviewer{.name = name, .principal = principal, .role = role, .key = SomeKey(name), .position = {}};
}

// Reviewers of two principals in each voting role, and a quorum that wants both provers and both evaluators.
struct Case {
  std::vector<charter::Reviewer> reviewers = {
      MakeReviewer("prover-a", "lab-a", Role::kProver),       MakeReviewer("prover-b", "lab-b", Role::kProver),
      MakeReviewer("prover-c", "lab-a", Role::kProver),       MakeReviewer("evaluator-a", "lab-a", Role::kEvaluator),
      MakeReviewer("evaluator-b", "lab-b", Role::kEvaluator), MakeReviewer("integrity-a", "lab-c", Role::kIntegrity)};
  std::vector<charter::QuorumRule> quorum = {
      {Role::kProver, 2, 0, {}, {}}, {Role::kEvaluator, 2, 0, {}, {}}, {Role::kIntegrity, 1, 0, {}, {}}};
  audit::ProposalHistory proposal;

  void Vote(const std::string& reviewer, VoteVerdict verdict) {
    audit::LoggedVote logged;
    logged.vote.reviewer = reviewer;
    logged.vote.verdict = verdict;
    proposal.votes.push_back(logged);
  }
  void EveryoneFor() {
    for (const charter::Reviewer& reviewer : reviewers) Vote(reviewer.name, VoteVerdict::kFor);
  }
  QuorumReport Tally() const {
    return TallyQuorum(charter::Charter{.digest = {},
                                        .subject = {},
                                        .surface = {},
                                        .properties = {},
                                        .envelope = {},
                                        .improver = {},
                                        .evaluation = {},
                                        .bounds = {},
                                        .pace = {},
                                        .reviewers = reviewers,
                                        .quorum = quorum,
                                        .approval = {},
                                        .amendment = {},
                                        .revocation = {},
                                        .gate = {SomeKey("log"), SomeKey("clock"), {}},
                                        .witnesses = {}},
                       proposal);
  }
};

TEST(Quorum, IsMetWhenEveryRuleIs) {
  Case c;
  EXPECT_FALSE(c.Tally().met);
  EXPECT_FALSE(c.Tally().lost);
  EXPECT_EQ(c.Tally().missing.size(), c.reviewers.size());
  c.EveryoneFor();
  EXPECT_TRUE(c.Tally().met);
  EXPECT_TRUE(c.Tally().missing.empty());
}

TEST(Quorum, CountsPrincipalsAndNotReviewers) {
  Case c;
  c.Vote("prover-a", VoteVerdict::kFor);
  c.Vote("prover-c", VoteVerdict::kFor);  // the same principal as prover-a
  c.Vote("evaluator-a", VoteVerdict::kFor);
  c.Vote("evaluator-b", VoteVerdict::kFor);
  c.Vote("integrity-a", VoteVerdict::kFor);
  EXPECT_FALSE(c.Tally().met);
  EXPECT_FALSE(c.Tally().lost);
  c.Vote("prover-b", VoteVerdict::kFor);
  EXPECT_TRUE(c.Tally().met);
}

TEST(Quorum, OneVoteAgainstLosesWhereNoneIsAllowed) {
  for (const char* reviewer : {"prover-b", "evaluator-a", "integrity-a"}) {
    Case c;
    c.EveryoneFor();
    for (audit::LoggedVote& logged : c.proposal.votes) {
      if (logged.vote.reviewer == reviewer) logged.vote.verdict = VoteVerdict::kAgainst;
    }
    EXPECT_TRUE(c.Tally().lost) << reviewer;
    EXPECT_FALSE(c.Tally().met) << reviewer;
  }
}

TEST(Quorum, APrincipalWhoseReviewersDisagreeStandsAgainst) {
  Case c;
  c.quorum[0].against_max = 1;
  c.EveryoneFor();
  c.proposal.votes[2].vote.verdict = VoteVerdict::kAgainst;  // prover-c of lab-a, whose prover-a is for
  EXPECT_FALSE(c.Tally().met);
  EXPECT_TRUE(c.Tally().lost);  // lab-b alone cannot make two
}

TEST(Quorum, ADisagreementNamesBothSides) {
  Case c;
  EXPECT_FALSE(FindDisagreement(c.proposal));
  c.EveryoneFor();
  EXPECT_FALSE(FindDisagreement(c.proposal));
  c.proposal.votes[0].vote.verdict = VoteVerdict::kAbstain;
  EXPECT_FALSE(FindDisagreement(c.proposal)) << "who abstains contradicts nobody";
  c.proposal.votes[1].vote.verdict = VoteVerdict::kAgainst;
  EXPECT_EQ(FindDisagreement(c.proposal)->Text(),
            "reviewers disagree: against prover-b; for prover-c, evaluator-a, evaluator-b, integrity-a");
  for (audit::LoggedVote& logged : c.proposal.votes) logged.vote.verdict = VoteVerdict::kAgainst;
  EXPECT_FALSE(FindDisagreement(c.proposal)) << "all say no";
}

// Whatever those below the quorum say, and whoever else is silent: nothing is met by them alone, and where no vote
// against is allowed one honest no ends it.
TEST(Quorum, FewerThanAtLeastMeetNothingAlone) {
  for (int64_t n = 1; n <= 5; ++n) {
    for (int64_t at_least = 1; at_least <= n; ++at_least) {
      for (unsigned liars = 0; liars < 1u << n; ++liars) {
        const int64_t count = __builtin_popcount(liars);
        for (const bool others_speak : {false, true}) {
          Case c;
          c.reviewers.clear();
          c.quorum = {{Role::kProver, at_least, 0, {}, {}}};
          for (int64_t i = 0; i < n; ++i) {
            const std::string name = "prover-" + std::to_string(i);
            c.reviewers.push_back(MakeReviewer(name, "lab-" + std::to_string(i), Role::kProver));
            const bool lies = (liars >> i & 1) != 0;
            if (lies || others_speak) c.Vote(name, lies ? VoteVerdict::kFor : VoteVerdict::kAgainst);
          }
          const QuorumReport report = c.Tally();
          EXPECT_EQ(report.met, count >= at_least && (!others_speak || count == n)) << n << at_least << liars;
          EXPECT_EQ(report.lost, others_speak && count < n);
        }
      }
    }
  }
}

TEST(Quorum, AbstainingIsNoVoteFor) {
  Case c;
  c.EveryoneFor();
  c.proposal.votes[3].vote.verdict = VoteVerdict::kAbstain;
  EXPECT_FALSE(c.Tally().met);
  EXPECT_TRUE(c.Tally().lost);  // that evaluator has spoken; the other alone cannot make two
}

TEST(Quorum, ARollbackAsksNoEvaluatorButHearsOne) {
  Case c;
  c.proposal.proposal.action = warrant::Action::kRollback;
  c.Vote("prover-a", VoteVerdict::kFor);
  c.Vote("prover-b", VoteVerdict::kFor);
  c.Vote("integrity-a", VoteVerdict::kFor);
  EXPECT_TRUE(c.Tally().met);
  c.Vote("evaluator-a", VoteVerdict::kAgainst);
  EXPECT_TRUE(c.Tally().lost);
}

// ---- evaluators whose e-values decide together

Case Together(const std::vector<int64_t>& shares) {
  Case c;
  c.reviewers.push_back(MakeReviewer("evaluator-c", "lab-c", Role::kEvaluator));
  c.quorum[1] = {Role::kEvaluator, 3, 0, 1, {}};
  c.EveryoneFor();
  for (size_t i = 0; i < shares.size(); ++i) {
    const std::string name = std::string("evaluator-") + static_cast<char>('a' + i);
    for (audit::LoggedVote& logged : c.proposal.votes) {
      if (logged.vote.reviewer != name) continue;
      warrant::Vote whole = logged.vote;
      whole.about = {"controller", whole.candidate};
      whole.role = "evaluator";
      whole.host = whole.user = "someone";
      whole.evidence = {{"shares", {{"harm near_miss", shares[i]}}}};
      logged.envelope.payload = warrant::WriteVote(whole);
    }
  }
  return c;
}

TEST(Quorum, EvidenceIsAddedWithoutTheLargest) {
  EXPECT_TRUE(Together({500'000, 500'000, 500'000}).Tally().met);
  EXPECT_TRUE(Together({400'000, 1'000'000, 600'000}).Tally().met);
  const QuorumReport liar = Together({400'000, 599'999, 1'000'000}).Tally();
  EXPECT_FALSE(liar.met);
  EXPECT_TRUE(liar.lost);
  EXPECT_EQ(liar.not_shown, "the evaluators together do not show 'harm near_miss'");
  EXPECT_TRUE(Together({}).Tally().lost) << "votes without evidence show nothing";
}

TEST(Quorum, EvidenceOfAllIsWaitedFor) {
  Case c = Together({1'000'000, 1'000'000, 1'000'000});
  std::erase_if(c.proposal.votes,
                [](const audit::LoggedVote& logged) { return logged.vote.reviewer == "evaluator-b"; });
  EXPECT_FALSE(c.Tally().met);
  EXPECT_FALSE(c.Tally().lost);
  c.Vote("evaluator-b", VoteVerdict::kAbstain);
  EXPECT_TRUE(c.Tally().lost) << "whoever is silent counts as nothing shown";
}

// ---- growth

audit::ReleaseRecord Live(int64_t epoch, const std::string& tree, int64_t time) {
  audit::ReleaseRecord record;
  record.epoch = epoch;
  record.proposal = "release";
  record.tree = crypto::Sha256(tree);
  record.time = time;
  return record;
}
std::vector<crypto::Digest> Trees(const std::vector<std::string>& names) {
  std::vector<crypto::Digest> trees;
  for (const std::string& name : names) trees.push_back(crypto::Sha256(name));
  return trees;
}

TEST(WindowTrees, AreAllThatWereLiveWithinIt) {
  const std::vector<audit::ReleaseRecord> life = {Live(1, "a", 0), Live(2, "peak", 100), Live(3, "valley", 200),
                                                  Live(4, "b", 300), Live(5, "peak", 400)};
  EXPECT_EQ(WindowTrees(life, 200, 401), Trees({"valley", "b", "peak"}))
      << "valley went live before it and is its start";
  EXPECT_EQ(WindowTrees(life, 50, 401), Trees({"b", "peak"}));
  EXPECT_EQ(WindowTrees(life, 1, 401), Trees({"peak"}));
  EXPECT_EQ(WindowTrees(life, 1'000, 401), Trees({"a", "valley", "b", "peak"}));
}

TEST(LastGrowth, IsThatOfTheLastReleaseWhateverCameAfterIt) {
  const auto is_rollback = [](const audit::ReleaseRecord& record) { return record.proposal == "rollback"; };
  const auto back = [](int64_t epoch, const std::string& tree) {
    audit::ReleaseRecord record = Live(epoch, tree, 0);
    record.proposal = "rollback";
    return record;
  };
  std::vector<audit::ReleaseRecord> life = {Live(1, "a", 0)};
  EXPECT_FALSE(LastGrowth(life, is_rollback));
  life.push_back(Live(2, "b", 0));
  const auto expect_b = [&] {
    const std::optional<Growth> growth = LastGrowth(life, is_rollback);
    ASSERT_TRUE(growth);
    EXPECT_EQ(growth->epoch, 2);
    EXPECT_EQ(growth->tree, crypto::Sha256("b"));
    EXPECT_EQ(growth->before, crypto::Sha256("a"));
  };
  expect_b();
  // Down and up again: the last switch is one without gain, and the release before it is still measured.
  life.push_back(back(3, "a"));
  expect_b();
  life.push_back(back(4, "b"));
  expect_b();
  life.push_back(back(5, "b"));
  expect_b();
  life.push_back(Live(6, "c", 0));
  EXPECT_EQ(LastGrowth(life, is_rollback)->epoch, 6);
  EXPECT_EQ(LastGrowth(life, is_rollback)->before, crypto::Sha256("b"));
}

TEST(EvaluatorShare, IsWhatTheQuorumWantsOfThoseThereAre) {
  Case c;
  const charter::Charter charter{.digest = {},
                                 .subject = {},
                                 .surface = {},
                                 .properties = {},
                                 .envelope = {},
                                 .improver = {},
                                 .evaluation = {},
                                 .bounds = {},
                                 .pace = {},
                                 .reviewers = c.reviewers,
                                 .quorum = c.quorum,
                                 .approval = {},
                                 .amendment = {},
                                 .revocation = {},
                                 .gate = {SomeKey("log"), SomeKey("clock"), {}},
                                 .witnesses = {}};
  EXPECT_EQ(EvaluatorShareOf(charter), (trial::EvaluatorShare{.required = 2, .evaluators = 2}));
  charter::Charter together = charter;
  together.quorum[1].faults_max = 1;
  EXPECT_EQ(EvaluatorShareOf(together), (trial::EvaluatorShare{.required = 1, .evaluators = 1}));
}

}  // namespace
}  // namespace pawl::oversight
