#include "authoring/fault_tolerance.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "charter/testing.h"

namespace pawl::authoring {
namespace {

using charter::TestCharter;
using charter::TestNoteKey;

FaultTolerance ToleranceOf(const TestCharter& test) {
  const Result<charter::Charter> charter = test.Read();
  EXPECT_TRUE(charter.ok()) << (charter.ok() ? "" : charter.error().message);
  return charter.ok() ? TolerateFaults(*charter) : FaultTolerance();
}

std::string Reviewer(const std::string& name, const std::string& principal, const std::string& role, char seed) {
  return "\n[[reviewer]]\nname = \"" + name + "\"\nprincipal = \"" + principal + "\"\nrole = \"" + role +
         "\"\nkey = \"" + TestNoteKey(name, seed) + "\"\n";
}

std::string Witness(const std::string& principal, char seed) {
  return "\n[[witnesses.witness]]\nprincipal = \"" + principal + "\"\nkey = \"" +
         TestNoteKey(principal, seed, crypto::NoteKeyType::kEd25519Cosignature) + "\"\nurl = \"http://" + principal +
         "/\"\n";
}

// Two more of each mandatory role, of three organisations that are nobody's approver.
TestCharter WithThreeOfEach() {
  TestCharter test;
  char seed = 'a';
  for (const char* role : {"prover", "evaluator", "auditor"}) {
    for (const char* principal : {"lab-1", "lab-2"}) {
      test.Append(Reviewer(std::string(role) + "-" + principal, principal, role, seed++));
    }
    test.Replace("{ role = \"" + std::string(role) + "\", at_least = 1 }",
                 "{ role = \"" + std::string(role) + "\", at_least = 2 }");
  }
  return test;
}

const RoleTolerance& Of(const FaultTolerance& tolerance, const std::string& who) {
  const auto found = std::find_if(tolerance.roles.begin(), tolerance.roles.end(),
                                  [&](const RoleTolerance& role) { return role.who == who; });
  static const RoleTolerance none;
  if (found != tolerance.roles.end()) return *found;
  ADD_FAILURE() << "nothing about " << who;
  return none;
}

bool Names(const FaultTolerance& tolerance, const std::string& words) {
  return std::any_of(tolerance.single_points.begin(), tolerance.single_points.end(),
                     [&](const std::string& point) { return point.find(words) != point.npos; });
}

TEST(FaultTolerance, OneOfARoleIsNamed) {
  const FaultTolerance tolerance = ToleranceOf(TestCharter());
  for (const char* role : {"prover", "evaluator", "auditor"}) {
    EXPECT_EQ(Of(tolerance, role).Text(), std::string(role) + ": 1 of 1; 0 may lie, 0 may object, 0 may be silent");
  }
  EXPECT_TRUE(Names(tolerance, "'prover-a' of ann@example.org is the only prover"));
  EXPECT_TRUE(Names(tolerance, "'evaluator-a' of ann@example.org is the only evaluator"));
  EXPECT_TRUE(Names(tolerance, "'auditor-b' of bob@example.org is the only auditor"));
  EXPECT_TRUE(Names(tolerance, "no witness is asked"));
  EXPECT_TRUE(Names(tolerance, "every approver is needed for another charter"));  // 3 of 3
  EXPECT_FALSE(Names(tolerance, "for a release"));                                // 2 of 3
  // Ann is prover and evaluator, bob the auditor, and the two of them approve as well.
  EXPECT_EQ(tolerance.colluders, (std::vector<std::string>{"ann@example.org", "bob@example.org"}));
  EXPECT_EQ(tolerance.lying, 1);
  EXPECT_EQ(tolerance.silent, 0);
}

TEST(FaultTolerance, TwoOfThreeOfEachStandOneOfAnyKind) {
  TestCharter test = WithThreeOfEach();
  const FaultTolerance tolerance = ToleranceOf(test);
  for (const char* role : {"prover", "evaluator"}) {
    EXPECT_EQ(Of(tolerance, role).Text(), std::string(role) + ": 2 of 3; 1 may lie, 0 may object, 1 may be silent");
  }
  EXPECT_EQ(tolerance.silent, 1);
  for (const char* role : {"prover", "evaluator", "auditor"})
    EXPECT_FALSE(Names(tolerance, std::string(" ") + role)) << role;
  // Two who review, and two who approve: ann and bob are one of each, so a third suffices.
  EXPECT_EQ(tolerance.colluders.size(), 3u);
  EXPECT_EQ(tolerance.lying, 2);
  test.Replace("{ role = \"prover\", at_least = 2 }", "{ role = \"prover\", at_least = 2, against_max = 1 }");
  EXPECT_EQ(Of(ToleranceOf(test), "prover").objecting, 1);
}

// An amendment asks neither provers nor evaluators, and its charter need not have any but the liars'.
TEST(FaultTolerance, FewerThanAReleaseTakesCanBeEnoughForAnotherCharter) {
  const FaultTolerance tolerance =
      ToleranceOf(WithThreeOfEach()
                      .Replace("{ role = \"prover\", at_least = 2 }", "{ role = \"prover\", at_least = 3 }")
                      .Replace("{ role = \"auditor\", at_least = 2 }", "{ role = \"auditor\", at_least = 1 }"));
  EXPECT_EQ(tolerance.colluders.size(), 4u);  // ann and both of the laboratories prove, and another approves
  EXPECT_EQ(tolerance.amenders.size(), 3u);   // the approvers, of whom bob is an auditor
  EXPECT_EQ(tolerance.lying, 2);
}

TEST(FaultTolerance, OneOfSeveralIsEnoughOrAllAreNeeded) {
  const FaultTolerance one = ToleranceOf(
      WithThreeOfEach().Replace("{ role = \"prover\", at_least = 2 }", "{ role = \"prover\", at_least = 1 }"));
  EXPECT_TRUE(Names(one, "one prover of 3 is enough"));
  EXPECT_TRUE(Names(one, "'prover-lab-1' of lab-1"));
  const FaultTolerance all = ToleranceOf(
      WithThreeOfEach().Replace("{ role = \"prover\", at_least = 2 }", "{ role = \"prover\", at_least = 3 }"));
  EXPECT_TRUE(Names(all, "every prover is needed"));
  EXPECT_EQ(all.silent, 0);
  EXPECT_EQ(Of(all, "prover").lying, 2);
}

// Two keys of one principal fail together.
TEST(FaultTolerance, PrincipalsAreCountedAndNotKeys) {
  const FaultTolerance tolerance =
      ToleranceOf(TestCharter().Append(Reviewer("prover-b", "ann@example.org", "prover", 'a')));
  EXPECT_EQ(Of(tolerance, "prover").principals, 1);
  EXPECT_TRUE(Names(tolerance, "'prover-a' of ann@example.org, 'prover-b' of ann@example.org are of one principal"));
}

TEST(FaultTolerance, EvidenceThatDecidesTogetherStandsAsManyLiarsAsTheCharterSays) {
  const FaultTolerance tolerance = ToleranceOf(WithThreeOfEach().Replace(
      "{ role = \"evaluator\", at_least = 2 }", "{ role = \"evaluator\", at_least = 3, faults_max = 1 }"));
  EXPECT_EQ(Of(tolerance, "evaluator").Text(), "evaluator: 3 of 3; 1 may lie, 0 may object, 0 may be silent");
}

TEST(FaultTolerance, ObjectionsAloneCarryNothing) {
  const FaultTolerance tolerance =
      ToleranceOf(WithThreeOfEach()
                      .Replace("{ role = \"auditor\", at_least = 2 },",
                               "{ role = \"auditor\", at_least = 2 },\n  { role = \"critic\", at_least = 0 },")
                      .Append(Reviewer("critic-a", "ann@example.org", "critic", 'z')));
  EXPECT_EQ(Of(tolerance, "critic").Text(), "critic: objections alone count, of 1; all may be silent, 0 may object");
  EXPECT_FALSE(Names(tolerance, "critic"));
  EXPECT_EQ(tolerance.silent, 1);
}

TEST(FaultTolerance, WitnessesAreCounted) {
  TestCharter test = WithThreeOfEach();
  test.Append("\n[witnesses]\nat_least = 3\nfaults_max = 1\n");
  for (const char* principal : {"wit-1", "wit-2", "wit-3", "wit-4"})
    test.Append(Witness(principal, static_cast<char>(principal[4] + 64)));
  EXPECT_FALSE(Names(ToleranceOf(test), "witness"));
  EXPECT_EQ(Of(ToleranceOf(test), "witness").Text(), "witness: 3 of 4; 1 may lie, 1 may object, 1 may be silent");
}

TEST(FaultTolerance, ASingleOperatorIsEverybody) {
  TestCharter test;
  test.files["approvers"] = charter::TestSigner("ann@example.org", 'A');
  test.Replace("principal = \"bob@example.org\"", "principal = \"ann@example.org\"")
      .Replace("threshold = 2", "threshold = 1")
      .Replace("threshold = 3", "threshold = 1")
      .Append("\n[assurance]\nlevel = \"single-operator\"\n");
  const FaultTolerance tolerance = ToleranceOf(test);
  EXPECT_EQ(tolerance.lying, 0);
  EXPECT_TRUE(Names(tolerance, "ann@example.org is every yes that is asked for"));
  EXPECT_EQ(tolerance.single_points.size(), 2u);  // and no witness
}

// Colluders are as few as can be: found by trying every set.
TEST(FaultTolerance, NoSmallerGroupSuffices) {
  unsigned state = 1;
  const auto draw = [&](unsigned below) { return (state = state * 1'103'515'245 + 12'345) / 65'536 % below; };
  for (int round = 0; round < 60; ++round) {
    charter::Charter charter;
    const unsigned people = 2 + draw(4);
    const auto name = [](unsigned i) { return std::string(1, static_cast<char>('a' + i)); };
    for (const charter::Role role : {charter::Role::kProver, charter::Role::kEvaluator, charter::Role::kAuditor}) {
      unsigned members = 0;
      for (unsigned i = 0; i < people; ++i) {
        if (draw(3) == 0 && !(i + 1 == people && members == 0)) continue;
        ++members;
        charter.reviewers.push_back({.name = name(i), .principal = name(i), .role = role, .position = {}});
      }
      charter.quorum.push_back({.role = role, .at_least = 1 + draw(members), .position = {}});
    }
    for (unsigned i = 0; i < people; ++i) charter.approval.signers.emplace_back().principal = name(i);
    const unsigned threshold = 1 + draw(people);
    charter.approval.threshold = threshold;
    charter.amendment.threshold = threshold + draw(people + 1 - threshold);
    const auto suffices = [&](unsigned set, bool amends) {
      for (const charter::QuorumRule& rule : charter.quorum) {
        if (amends && rule.role != charter::Role::kAuditor) continue;
        int64_t votes = 0;
        for (const charter::Reviewer& reviewer : charter.reviewers) {
          if (reviewer.role == rule.role && (set >> (reviewer.principal[0] - 'a') & 1) != 0) ++votes;
        }
        if (votes < rule.at_least) return false;
      }
      return __builtin_popcount(set) >= (amends ? charter.amendment.threshold : charter.approval.threshold);
    };
    const FaultTolerance tolerance = TolerateFaults(charter);
    int fewest_of_both = static_cast<int>(people);
    for (const bool amends : {false, true}) {
      int fewest = static_cast<int>(people);
      for (unsigned set = 0; set < 1u << people; ++set) {
        if (suffices(set, amends)) fewest = std::min(fewest, __builtin_popcount(set));
      }
      const std::vector<std::string>& group = amends ? tolerance.amenders : tolerance.colluders;
      ASSERT_EQ(group.size(), static_cast<size_t>(fewest)) << round;
      unsigned set = 0;
      for (const std::string& who : group) set |= 1u << (who[0] - 'a');
      EXPECT_TRUE(suffices(set, amends)) << round;
      fewest_of_both = std::min(fewest_of_both, fewest);
    }
    EXPECT_EQ(tolerance.lying, fewest_of_both - 1);
  }
}

}  // namespace
}  // namespace pawl::authoring
