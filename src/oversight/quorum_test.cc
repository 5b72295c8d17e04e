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
      {Role::kProver, 2, 0, {}}, {Role::kEvaluator, 2, 0, {}}, {Role::kIntegrity, 1, 0, {}}};
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
                                        .improver = {},
                                        .evaluation = {},
                                        .bounds = {},
                                        .pace = {},
                                        .reviewers = reviewers,
                                        .quorum = quorum,
                                        .approval = {},
                                        .amendment = {},
                                        .revocation = {},
                                        .gate = {SomeKey("log"), SomeKey("clock"), {}}},
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

TEST(EvaluatorShare, IsWhatTheQuorumWantsOfThoseThereAre) {
  Case c;
  const charter::Charter charter{.digest = {},
                                 .subject = {},
                                 .surface = {},
                                 .properties = {},
                                 .improver = {},
                                 .evaluation = {},
                                 .bounds = {},
                                 .pace = {},
                                 .reviewers = c.reviewers,
                                 .quorum = c.quorum,
                                 .approval = {},
                                 .amendment = {},
                                 .revocation = {},
                                 .gate = {SomeKey("log"), SomeKey("clock"), {}}};
  EXPECT_EQ(EvaluatorShareOf(charter), (trial::EvaluatorShare{.required = 2, .evaluators = 2}));
}

}  // namespace
}  // namespace pawl::oversight
