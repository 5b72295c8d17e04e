// Whoever holds every key of the charter but is one short of one threshold gets nothing: for each role, for people
// under each action, for witnesses. One more, and the same warrant is accepted.
#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "warrant/path_for_test.h"
#include "warrant/verify.h"

namespace pawl::warrant {
namespace {

std::string Reason(const WarrantVerdict& verdict) { return verdict.reason.rule + ": " + verdict.reason.message; }

// Keys of so many principals of a role sign; every other key does.
WarrantVerdict WithPrincipalsOf(charter::Role role, int64_t count) {
  Path path = Path::WithTwoReleases();
  std::set<std::string> kept;
  const auto is_left_out = [&](const std::string& name) {
    const charter::Reviewer* reviewer = path.charter().FindReviewer(name);
    if (reviewer == nullptr || reviewer->role != role || kept.contains(reviewer->principal)) return false;
    if (static_cast<int64_t>(kept.size()) == count) return true;
    kept.insert(reviewer->principal);
    return false;
  };
  Tampering tampering;
  tampering.votes = [&](std::vector<Vote>& votes) {
    std::erase_if(votes, [&](const Vote& vote) { return is_left_out(vote.reviewer); });
  };
  tampering.closing_envelope = [&](encoding::Envelope& closing) {
    std::erase_if(closing.signatures, [&](const encoding::Signature& one) { return is_left_out(one.keyid); });
  };
  const MadeWarrant made = path.Make({.tree = path.third, .signers = kThree}, tampering);
  return path.Ask(made);
}

TEST(StolenKeys, FewerThanTheThresholdOfAnyRoleReleaseNothing) {
  const Path path = Path::WithTwoReleases();
  ASSERT_EQ(path.charter().quorum.size(), 4u);
  for (const charter::QuorumRule& rule : path.charter().quorum) {
    const bool is_auditor = rule.role == charter::Role::kAuditor;
    const WarrantVerdict enough = WithPrincipalsOf(rule.role, rule.at_least);
    EXPECT_TRUE(enough.accepted) << RoleName(rule.role) << " " << Reason(enough);
    for (int64_t count = 0; count < rule.at_least; ++count) {
      const WarrantVerdict verdict = WithPrincipalsOf(rule.role, count);
      EXPECT_FALSE(verdict.accepted) << RoleName(rule.role) << " " << count;
      EXPECT_EQ(verdict.reason.rule, is_auditor ? "closing.signature" : "quorum.not-met") << RoleName(rule.role);
    }
  }
}

struct OfPeople {
  const char* what;
  Action action;
  int64_t threshold;
};

// Of fewer people than the threshold even every key that they have is not enough: one counts once.
TEST(StolenKeys, FewerPeopleThanTheThresholdDecideNothing) {
  const std::vector<std::string> people = {"ann", "bob", "cy", "dee"};
  for (const OfPeople& one : {OfPeople{"release", Action::kRelease, 2}, OfPeople{"rollback", Action::kRollback, 1},
                              OfPeople{"amendment", Action::kAmendment, 3}}) {
    for (int64_t count = 0; count <= one.threshold; ++count) {
      Path path = Path::WithTwoReleases();
      std::vector<std::string> signers(people.begin(), people.begin() + count);
      Digest target = one.action == Action::kRelease ? path.third : path.baseline;
      if (one.action == Action::kAmendment) {
        target =
            path.PutCharter([](charter::TestCharter& test) { test.Replace("max_releases = 3", "max_releases = 4"); });
      }
      const auto ask = [&](const std::vector<std::string>& by) {
        Path copy = path;
        const MadeWarrant made = one.action == Action::kAmendment
                                     ? MakeAmendment(copy, target, by)
                                     : copy.Make({.action = one.action, .tree = target, .signers = by});
        return copy.Ask(made);
      };
      const WarrantVerdict verdict = ask(signers);
      EXPECT_EQ(verdict.accepted, count == one.threshold) << one.what << " " << count << " " << Reason(verdict);
      if (count == one.threshold || count == 0) continue;
      EXPECT_EQ(verdict.reason.rule, "approval.threshold") << one.what;
      signers.push_back("ann-two");
      EXPECT_FALSE(ask(signers).accepted) << one.what << " with two keys of one person";
    }
  }
}

TEST(StolenKeys, FewerWitnessesThanTheQuorumReleaseNothing) {
  for (size_t count = 1; count <= 3; ++count) {
    // The log's signature and the clock's stand first.
    const WarrantVerdict verdict = Witnessed([count](merkle::SignedNote& note) { note.signatures.resize(2 + count); });
    EXPECT_EQ(verdict.accepted, count == 3) << count << " " << Reason(verdict);
    EXPECT_EQ(verdict.reason.rule, count < 3 ? "log.witnesses" : "") << count;
  }
}

// A stolen key's vote for does not outvote its owner's principal, and its vote against only ever stops.
TEST(StolenKeys, AVoteAgainstOnlyStops) {
  for (const char* name : {"prover-a", "evaluator-a", "integrity-c"}) {
    Path path = Path::WithTwoReleases();
    Tampering tampering;
    tampering.votes = [&](std::vector<Vote>& votes) {
      for (Vote& vote : votes) {
        if (vote.reviewer == name) vote.verdict = VoteVerdict::kAgainst, vote.reasons = {"stolen"};
      }
    };
    EXPECT_EQ(path.Ask(path.Make({.tree = path.third}, tampering)).reason.rule, "quorum.not-met") << name;
  }
}

}  // namespace
}  // namespace pawl::warrant
