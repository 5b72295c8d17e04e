// One test for each way in which a charter can parse and yet protect nothing. Each differs from an accepted charter by
// that defect alone.
#include "charter/refusals.h"

#include <gtest/gtest.h>

#include "charter/testing.h"
#include "charter/untried_for_test.h"

namespace pawl::charter {
namespace {

using subject::RuleOf;

// The rule broken, after a check that message and advice help.
std::string Rule(const Result<Charter>& charter) {
  if (charter.ok()) return "ok";
  EXPECT_NE(charter.error().message.find("charter.toml:"), std::string::npos) << charter.error().message;
  EXPECT_EQ(charter.error().message.find("charter.toml:0"), std::string::npos) << charter.error().message;
  return charter.error().rule;
}

std::string After(const std::string& from, const std::string& to) {
  return Rule(TestCharter().Replace(from, to).Read());
}

std::string Reviewer(const std::string& name, const std::string& principal, const std::string& role, char seed) {
  return "\n[[reviewer]]\nname = \"" + name + "\"\nprincipal = \"" + principal + "\"\nrole = \"" + role +
         "\"\nkey = \"" + TestNoteKey(name, seed) + "\"\n";
}

// Two evaluators, with so much in their quorum rule.
std::string WithEvaluators(const std::string& rule, const std::string& second = "bob@example.org") {
  TestCharter charter;
  charter.Replace("{ role = \"evaluator\", at_least = 1 }", "{ role = \"evaluator\", " + rule + " }");
  charter.Replace("\n[quorum]", Reviewer("evaluator-b", second, "evaluator", '7') + "\n[quorum]");
  return Rule(charter.Read());
}

TEST(Refusals, AProductThatIsNotOfEverybodyOnceOrThatOneDecides) {
  EXPECT_EQ(WithEvaluators("at_least = 2"), "ok");
  EXPECT_EQ(WithEvaluators("at_least = 2, faults_max = 1"), "ok");
  EXPECT_EQ(WithEvaluators("at_least = 1, faults_max = 1"), "charter.faults");
  EXPECT_EQ(WithEvaluators("at_least = 2, faults_max = 2"), "charter.faults");
  EXPECT_EQ(WithEvaluators("at_least = 2, faults_max = 0"), "charter.faults") << "one liar would decide";
  EXPECT_EQ(WithEvaluators("at_least = 2, against_max = 1, faults_max = 1"), "charter.faults");
  EXPECT_EQ(WithEvaluators("at_least = 1, faults_max = 0", "ann@example.org"), "charter.faults") << "one votes twice";
  EXPECT_EQ(WithEvaluators("at_least = 2, faults_max = -1"), "charter.range");
  EXPECT_EQ(After("{ role = \"prover\", at_least = 1 }", "{ role = \"prover\", at_least = 1, faults_max = 0 }"),
            "charter.faults");
  TestCharter alone;
  alone.Replace("{ role = \"evaluator\", at_least = 1 }", "{ role = \"evaluator\", at_least = 1, faults_max = 0 }");
  EXPECT_EQ(Rule(alone.Read()), "charter.faults");
  alone.Append("\n[assurance]\nlevel = \"single-operator\"\n");
  EXPECT_EQ(Rule(alone.Read()), "ok");
}

TEST(Refusals, TheCharterOfTheTestsIsAccepted) { EXPECT_EQ(Rule(TestCharter().Read()), "ok"); }

TEST(Refusals, FilesThatAreNotThere) {
  EXPECT_EQ(After("properties/calm.vnnlib", "properties/clam.vnnlib"), "charter.file-missing");
  EXPECT_EQ(After("mutants/loud.onnx", "mutants/lout.onnx"), "charter.file-missing");
  EXPECT_EQ(After("\"probes.bin\"", "\"probes.dat\""), "charter.file-missing");
  EXPECT_EQ(After("signers = \"approvers\"", "signers = \"nobody\""), "charter.file-missing");
}

TEST(Refusals, FilesThatAreNotWhatTheyAreSaidToBe) {
  TestCharter charter;
  charter.files["properties/calm.vnnlib"] = "(assert";
  EXPECT_EQ(Rule(charter.Read()), "charter.specification");
  charter = TestCharter();
  // An empty input set: no counterexample could exist.
  std::string& spec = charter.files["properties/calm.vnnlib"];
  spec.replace(spec.find("(<= X_0 1)"), 10, "(<= X_0 -1)");
  EXPECT_EQ(Rule(charter.Read()), "charter.specification");
  charter = TestCharter();
  charter.files["mutants/loud.onnx"] = "no network";
  EXPECT_EQ(Rule(charter.Read()), "charter.mutant");
  charter = TestCharter();
  charter.files["probes.bin"] = "too short";
  EXPECT_EQ(Rule(charter.Read()), "charter.probes");
  charter.files["probes.bin"] = std::string(32, 'p') + std::string(32, 'q') + std::string(32, 'p');
  EXPECT_EQ(Rule(charter.Read()), "charter.probes") << "one stands there twice";
  charter.files["probes.bin"] = "";
  EXPECT_EQ(Rule(charter.Read()), "charter.probes");
  charter = TestCharter();
  charter.files["approvers"] = "*@example.org ssh-ed25519 AAAA\n";
  EXPECT_EQ(Rule(charter.Read()), "charter.signers");
}

TEST(Refusals, DriftThatCannotBeProven) {
  const auto with = [](const std::string& value) {
    return TestCharter().Replace("falsified_by", "drift_within = " + value + "\nfalsified_by");
  };
  EXPECT_EQ(with("0.5").Read()->properties[0].drift_within, 0.5);
  EXPECT_EQ(TestCharter().Read()->properties[0].drift_within, 0);
  for (const char* value : {"0", "-0.5", "1e10", "inf", "nan"})
    EXPECT_EQ(Rule(with(value).Read()), "charter.range") << value;
  EXPECT_EQ(Rule(with("\"0.5\"").Read()), "charter.type");
  TestCharter sloped = with("0.5");
  sloped.files["properties/calm.vnnlib"] += "(assert (<= X_0 X_1))\n";
  EXPECT_EQ(Rule(sloped.Read()), "charter.drift-inputs");
  sloped.Replace("drift_within = 0.5\n", "");
  EXPECT_EQ(Rule(sloped.Read()), "ok") << "the property itself can be proven there";
  // No certificate speaks of code.
  EXPECT_EQ(Rule(TestCharter()
                     .Replace("[improver]",
                              "[[property]]\nname = \"slow\"\nkind = \"smt\"\nspec = \"properties/calm.vnnlib\"\n"
                              "drift_within = 0.5\n[improver]")
                     .Read()),
            "charter.unknown-key");
}

TEST(Refusals, MoreCertificatesThanAStatementHasRoomFor) {
  const auto with = [](int64_t others) {
    TestCharter charter;
    charter.Replace("falsified_by", "drift_within = 0.5\nfalsified_by");
    for (int64_t i = 0; i < others; ++i) {
      charter.Append("[[property]]\nname = \"p" + std::to_string(i) +
                     "\"\nnetwork = \"policy.onnx\"\nspec = \"properties/calm.vnnlib\"\n");
    }
    return Rule(charter.Read());
  };
  EXPECT_EQ(with(kPropertiesMax - 2), "ok");
  EXPECT_EQ(with(kPropertiesMax - 1), "charter.drift-count");
}

TEST(Refusals, EnvelopesWithoutUse) {
  const std::string section = "\n[envelope]\nmax_radius = 0.01\nmax_generations = 50\ntime_limit = \"10s\"\n";
  const Result<Charter> charter = TestCharter().Append(section).Read();
  ASSERT_TRUE(charter.ok()) << charter.error().message;
  EXPECT_EQ(charter->envelope->radius_max, 0.01);
  EXPECT_EQ(charter->envelope->generations_max, 50);
  EXPECT_EQ(charter->envelope->time_limit_s, 10);
  EXPECT_FALSE(TestCharter().Read()->envelope.has_value());
  const auto with = [&](const std::string& from, const std::string& to) {
    std::string text = section;
    text.replace(text.find(from), from.size(), to);
    return Rule(TestCharter().Append(text).Read());
  };
  EXPECT_EQ(with("0.01", "0"), "charter.range");
  EXPECT_EQ(with("0.01", "inf"), "charter.range");
  EXPECT_EQ(with("50", "0"), "charter.range");
  EXPECT_EQ(with("50", "1001"), "charter.range");
  EXPECT_EQ(with("10s", "0s"), "charter.range");
  EXPECT_EQ(with("max_radius = 0.01\n", ""), "charter.missing-key");
  EXPECT_EQ(with("max_generations = 50\n", ""), "charter.missing-key");
  EXPECT_EQ(with("time_limit = \"10s\"\n", ""), "ok") << "a minute";
  EXPECT_EQ(with("[envelope]\n", "[envelope]\nradius = 1\n"), "charter.unknown-key");
  TestCharter idle;
  std::string& text = idle.files.at("charter.toml");
  text.erase(text.find("[[property]]"), text.find("[improver]") - text.find("[[property]]"));
  EXPECT_EQ(Rule(idle.Read()), "ok");
  EXPECT_EQ(Rule(idle.Append(section).Read()), "charter.envelope-idle");
}

TEST(Refusals, ASurfaceThatLetsEverythingChange) {
  EXPECT_EQ(After("path = \"improver/**\"\nkind = \"text\"\nmay_add = true\nmax_changed_lines = 200",
                  "path = \"**\"\nkind = \"any\""),
            "charter.surface-everything");
  EXPECT_EQ(After("path = \"improver/**\"\nkind = \"text\"\nmay_add = true\nmax_changed_lines = 200",
                  "path = \"*/**/*\"\nkind = \"any\""),
            "charter.surface-everything");
  // Everything, but of a kind: allowed.
  EXPECT_EQ(After("path = \"improver/**\"", "path = \"**\""), "ok");
  EXPECT_EQ(After("path = \"improver/**\"", "path = \"policy.onnx\""), "charter.surface-twice");
  EXPECT_EQ(After("kind = \"text\"", "kind = \"data\""), "charter.surface-limit");
  EXPECT_EQ(After("kind = \"text\"", "kind = \"text\"\nmax_parameters = 3"), "charter.surface-limit");
  EXPECT_EQ(After("kind = \"text\"", "kind = \"text\"\noperators = [\"Relu\"]"), "charter.surface-limit");
}

TEST(Refusals, APropertyWhoseNetworkCouldBecomeSomethingElse) {
  EXPECT_EQ(After("kind = \"network\"\noperators = [\"Gemm\", \"Relu\"]\nmax_parameters = 20_000", "kind = \"any\""),
            "charter.property-network");
  EXPECT_EQ(After("kind = \"network\"", "kind = \"network\"\nmay_remove = true"), "charter.property-network");
  EXPECT_EQ(After("network = \"policy.onnx\"", "network = \"../policy.onnx\""), "charter.property-network");
  EXPECT_EQ(After("network = \"policy.onnx\"", "network = \"fixed.onnx\""), "ok");  // no rule: it cannot change
}

TEST(Refusals, TwoThingsOfOneName) {
  EXPECT_EQ(
      After("[improver]",
            "[[property]]\nname = \"calm\"\nnetwork = \"policy.onnx\"\nspec = \"properties/calm.vnnlib\"\n[improver]"),
      "charter.name-twice");
  EXPECT_EQ(After("name = \"score\"", "name = \"near_miss\""), "charter.name-twice");
  EXPECT_EQ(After("name = \"auditor-b\"", "name = \"prover-a\""), "charter.name-twice");
  EXPECT_EQ(After("[bounds.harm]\nmetric = \"near_miss\"\nlimit = 0.01",
                  "[[bounds.harm]]\nmetric = \"near_miss\"\nlimit = 0.01\n[[bounds.harm]]\nmetric = "
                  "\"near_miss\"\nlimit = 0.02"),
            "charter.name-twice");
}

// T2: the score and what is scored may not share a source that a change can reach.
TEST(Refusals, AnEvaluatorOutsideTheCharter) {
  const std::string ours = "command = [\"python3\", \"evaluate.py\"]";
  for (const char* path : {"/in/subject/evaluate.py", "../subject/evaluate.py", "/in/charter/../subject/evaluate.py",
                           "/proc/self/cwd/evaluate.py", "--path=/in/subject", "/tmp/evaluate.py"}) {
    EXPECT_EQ(After(ours, "command = [\"python3\", \"evaluate.py\", \"" + std::string(path) + "\"]"),
              "charter.evaluator-in-subject")
        << path;
  }
  EXPECT_EQ(After(ours, "command = [\"python3\", \"other.py\"]"), "charter.evaluator-missing");
  EXPECT_EQ(After(ours, "command = [\"python3\", \"-m\", \"scoring\"]"), "charter.evaluator-missing");
  EXPECT_EQ(After(ours, "command = [\"python3\", \"-c\", \"print(1)\"]"), "charter.evaluator-missing");
  EXPECT_EQ(After(ours, "command = [\"python3\"]"), "charter.evaluator-missing");
  EXPECT_EQ(After(ours, "command = [\"./evaluate.py\"]"), "charter.command");
  EXPECT_EQ(After(ours, ours + "\nsubject_command = [\"./answer.py\"]"), "charter.command");
  EXPECT_EQ(After(ours, ours + "\nsubject_command = [\"python3\", \"/in/subject/answer.py\"]"), "ok");
  EXPECT_EQ(After(ours, "command = [\"python3\", \"-m\", \"evaluate\"]"), "ok");
  EXPECT_EQ(After(ours, "command = [\"/usr/bin/python3\", \"-I\", \"./evaluate.py\", \"--level\", \"2\"]"), "ok");
  EXPECT_EQ(After("closure = [\"/usr/bin/python3\"]", "closure = [\"/in/subject/lib\"]"), "charter.closure");
  EXPECT_EQ(After("command = [\"python3\", \"improver/improve.py\"]", "command = [\"improver/improve.py\"]"),
            "charter.command");
}

TEST(Refusals, ProcessesWithoutLimits) {
  EXPECT_EQ(After("limits = { wall_seconds = 60, memory_mib = 1024, processes = 16 }", ""), "charter.missing-key");
  EXPECT_EQ(After("limits = { wall_seconds = 120, memory_mib = 1024, processes = 16 }", ""), "charter.missing-key");
  for (const char* limit : {"wall_seconds = 60, ", "memory_mib = 1024, ", ", processes = 16"}) {
    EXPECT_EQ(After(limit, ""), "charter.missing-key") << limit;
  }
}

TEST(Refusals, BoundsThatBindNothing) {
  EXPECT_EQ(After("metric = \"near_miss\"", "metric = \"near_hit\""), "charter.metric-unknown");
  EXPECT_EQ(After("[bounds.improvement]\nmetric = \"score\"", "[bounds.improvement]\nmetric = \"sore\""),
            "charter.metric-unknown");
  EXPECT_EQ(After("metric = \"score\"\nmax_step", "metric = \"sore\"\nmax_step"), "charter.metric-unknown");
  EXPECT_EQ(After("limit = 0.01", "limit = 1"), "charter.bound-vacuous");
  EXPECT_EQ(After("limit = 0.01", "limit = 0"), "charter.bound-vacuous");
  EXPECT_EQ(After("max_step = 0.02", "max_step = 1"), "charter.bound-vacuous");
  EXPECT_EQ(After("ceiling = 0.95", "ceiling = 1"), "charter.bound-vacuous");
  EXPECT_EQ(After("ceiling = 0.95", "ceiling = 0"), "charter.bound-vacuous");
  EXPECT_EQ(After("expected_step = 0.005", "expected_step = 0.02"), "charter.bound-vacuous");
  EXPECT_EQ(After("limit = 0.10", "limit = 1"), "charter.bound-vacuous");
  EXPECT_EQ(After("limit = 0.10", "limit = 0.10\nenergy_limit = 1"), "charter.bound-vacuous");
  EXPECT_EQ(After("max_step = 0.02", "max_step = 0.02\nmax_growth = 0.01"), "charter.bound-vacuous");
  EXPECT_EQ(After("max_step = 0.02", "max_step = 0.02\nmax_growth = 1"), "charter.bound-vacuous");
  EXPECT_EQ(After("limit = 0.01", "limit = 0.01\ngroup = \"night\""), "charter.group");
  EXPECT_EQ(After("probes = 2000", "probes = 2000\ngroups = [\"day\", \"day\"]"), "charter.group");
  EXPECT_EQ(After("probes = 2000", "probes = 2000\ngroups = [\"by day\"]"), "charter.group");
  EXPECT_EQ(After("probes = 2000", "probes = 2000\ngroups = [\"day\", \"night\"]"), "ok");
  EXPECT_EQ(After("max_step = 0.02", "max_step = 0.02\nmax_growth = 0.03"), "ok");
  EXPECT_EQ(After("[bounds.harm]\nmetric = \"near_miss\"\nlimit = 0.01",
                  "[[bounds.harm]]\nmetric = \"near_miss\"\nlimit = 0.01\nlifetime_error = 0.4\n"
                  "[[bounds.harm]]\nmetric = \"score\"\nlimit = 0.5\nlifetime_error = 0.4"),
            "charter.error-sum");
  for (const char* section :
       {"[bounds.harm]\nmetric = \"near_miss\"\nlimit = 0.01", "[bounds.improvement]\nmetric = \"score\"",
        "[bounds.drift]\nlimit = 0.10", "[bounds.acceleration]\nexpected_step = 0.005"}) {
    EXPECT_EQ(After(section, ""), "charter.missing-key") << section;
  }
}

TEST(Refusals, RulesThatNobodyButTheGateEnforces) {
  EXPECT_EQ(After("  { role = \"evaluator\", at_least = 1 },\n", ""), "charter.reviewer-unheard");
  // Without any evaluator: trial, bounds and drift would be the gate's word.
  TestCharter charter;
  charter.Replace("  { role = \"evaluator\", at_least = 1 },\n", "")
      .Replace("role = \"evaluator\"", "role = \"prover\"");
  EXPECT_EQ(Rule(charter.Read()), "charter.no-enforcer");
  charter = TestCharter();
  charter.Replace("  { role = \"auditor\", at_least = 1 },\n", "").Replace("role = \"auditor\"", "role = \"prover\"");
  EXPECT_EQ(Rule(charter.Read()), "charter.no-enforcer");
  EXPECT_EQ(After("{ role = \"auditor\", at_least = 1 }", "{ role = \"auditor\", at_least = 0 }"), "charter.range");
}

TEST(Refusals, QuorumsThatCannotBeMetOrMeanNothing) {
  EXPECT_EQ(After("{ role = \"prover\", at_least = 1 }", "{ role = \"prover\", at_least = 2 }"),
            "charter.quorum-unreachable");
  // Two reviewers of one principal count once.
  TestCharter twice;
  twice.Replace("{ role = \"prover\", at_least = 1 }", "{ role = \"prover\", at_least = 2 }");
  twice.Append(Reviewer("prover-b", "ann@example.org", "prover", '6'));
  EXPECT_EQ(Rule(twice.Read()), "charter.quorum-unreachable");
  twice.Append(Reviewer("prover-c", "cy@example.org", "prover", '7'));
  EXPECT_EQ(Rule(twice.Read()), "ok");
  EXPECT_EQ(After("{ role = \"prover\", at_least = 1 }", "{ role = \"prover\", at_least = 1, against_max = 1 }"),
            "charter.against-ignored");
  EXPECT_EQ(After("{ role = \"prover\", at_least = 1 }", "{ role = \"auditor\", at_least = 1 }"),
            "charter.reviewer-unheard");
  TestCharter listed;
  listed.Replace("role = \"prover\"\nkey", "role = \"auditor\"\nkey");
  listed.Replace("{ role = \"prover\", at_least = 1 }", "{ role = \"auditor\", at_least = 1 }");
  EXPECT_EQ(Rule(listed.Read()), "charter.quorum-twice");
}

TEST(Refusals, OpinionsMayBeHeardAloneAndNeverStandInForASecondPrincipal) {
  TestCharter charter;
  charter.Append(Reviewer("critic-d", "dee@example.org", "critic", '6'));
  EXPECT_EQ(Rule(charter.Read()), "charter.reviewer-unheard");
  charter.Replace("{ role = \"auditor\"", "{ role = \"critic\", at_least = 0 },\n  { role = \"auditor\"");
  ASSERT_EQ(Rule(charter.Read()), "ok");
  EXPECT_EQ(charter.Read()->FindQuorum(Role::kCritic)->at_least, 0);
  charter.Replace("principal = \"bob@example.org\"", "principal = \"ann@example.org\"");
  EXPECT_EQ(Rule(charter.Read()), "charter.quorum-one-principal");
  charter.Replace("{ role = \"critic\", at_least = 0 }", "{ role = \"critic\", at_least = 1 }");
  EXPECT_EQ(Rule(charter.Read()), "charter.quorum-one-principal");
}

TEST(Refusals, OnePrincipalAlone) {
  TestCharter charter;
  charter.Replace("principal = \"bob@example.org\"", "principal = \"ann@example.org\"");
  EXPECT_EQ(Rule(charter.Read()), "charter.quorum-one-principal");
  charter.Append("\n[assurance]\nlevel = \"single-operator\"\n");
  EXPECT_EQ(Rule(charter.Read()), "ok");

  charter = TestCharter();
  charter.Replace("threshold = 2", "threshold = 1");
  EXPECT_EQ(Rule(charter.Read()), "charter.one-approver");
  charter.Append("\n[assurance]\nlevel = \"single-operator\"\n");
  EXPECT_EQ(Rule(charter.Read()), "ok");
}

TEST(Refusals, ASingleOperatorNeedsOnlyOneKey) {
  TestCharter charter;
  charter.files["approvers"] = TestSigner("ann@example.org", 'A');
  charter.Replace("threshold = 2", "threshold = 1").Replace("threshold = 3", "threshold = 1");
  charter.Append("\n[assurance]\nlevel = \"single-operator\"\n");
  EXPECT_EQ(Rule(charter.Read()), "ok");
}

TEST(Refusals, KeysInTwoPlaces) {
  TestCharter charter;
  charter.Replace(TestNoteKey("prover-a", '1'), TestNoteKey("prover-a", 'A'));  // an approver's
  EXPECT_EQ(Rule(charter.Read()), "charter.key-shared");
  charter = TestCharter();
  charter.Replace(TestNoteKey("prover-a", '1'), TestNoteKey("prover-a", '4'));  // the gate's
  EXPECT_EQ(Rule(charter.Read()), "charter.key-shared");
  charter = TestCharter();
  charter.Replace(TestNoteKey("prover-a", '1'), TestNoteKey("prover-a", '2'));  // another reviewer's
  EXPECT_EQ(Rule(charter.Read()), "charter.key-shared");
  charter = TestCharter();
  charter.Replace(TestNoteKey("example.org/clock", '5', crypto::NoteKeyType::kEd25519Cosignature),
                  TestNoteKey("example.org/clock", '4', crypto::NoteKeyType::kEd25519Cosignature));
  EXPECT_EQ(Rule(charter.Read()), "charter.key-shared");
  charter = TestCharter();
  charter.files["approvers"] += TestSigner("dee@example.org", '5');  // the clock's
  EXPECT_EQ(Rule(charter.Read()), "charter.key-shared");
}

TEST(Refusals, ReviewersWhoseSignaturesWouldNotBeFound) {
  EXPECT_EQ(After(TestNoteKey("auditor-b", '3'), TestNoteKey("auditor-c", '3')), "charter.reviewer-key");
  EXPECT_EQ(After(TestNoteKey("auditor-b", '3'), TestNoteKey("Auditor-b", '3')), "charter.reviewer-key");
  EXPECT_EQ(After("name = \"prover-a\"", "name = \"prover\""), "charter.reviewer-key");
}

TEST(Refusals, ThresholdsThatCannotBeReached) {
  EXPECT_EQ(After("threshold = 3", "threshold = 4"), "charter.threshold-unreachable");
  EXPECT_EQ(After("[gate]", "[rollback]\nthreshold = 4\n[gate]"), "charter.threshold-unreachable");
  EXPECT_EQ(After("[gate]", "[halt]\nresume_threshold = 4\n[gate]"), "charter.threshold-unreachable");
  // One person with three keys is one principal.
  TestCharter charter;
  charter.files["approvers"] =
      TestSigner("ann@example.org", 'A') + TestSigner("ann@example.org", 'B') + TestSigner("bob@example.org", 'C');
  EXPECT_EQ(Rule(charter.Read()), "charter.threshold-unreachable");
  // Software keys do not count where presence is required; they do where it is not.
  charter.files["approvers"] = TestSigner("ann@example.org", 'A') + TestSigner("bob@example.org", 'B') +
                               TestSigner("cy@example.org", 'C', crypto::SshKeyType::kEd25519);
  EXPECT_EQ(Rule(charter.Read()), "charter.threshold-unreachable");
  charter.Replace("signers = \"approvers\"", "signers = \"approvers\"\npresence = \"software\"");
  EXPECT_EQ(Rule(charter.Read()), "ok");
  // A key that is for something else cannot approve.
  std::string& signers = charter.files["approvers"];
  signers.replace(signers.find("approve@pawl"), 12, "git@pawl");
  EXPECT_EQ(Rule(charter.Read()), "charter.threshold-unreachable");
}

TEST(Refusals, ThresholdsInTheWrongOrder) {
  EXPECT_EQ(After("threshold = 3", "threshold = 2"), "charter.amendment-threshold");
  EXPECT_EQ(After("[gate]", "[rollback]\nthreshold = 3\n[gate]"), "charter.threshold-order");
  EXPECT_EQ(After("[gate]", "[halt]\nresume_threshold = 1\n[gate]"), "charter.threshold-order");
  EXPECT_EQ(After("[gate]", "[rollback]\nthreshold = 1\n[halt]\nresume_threshold = 3\n[gate]"), "ok");
}

TEST(Refusals, HalfAPasskey) {
  EXPECT_EQ(After("signers = \"approvers\"", "signers = \"approvers\"\nrp_id = \"example.org\""), "charter.passkeys");
  EXPECT_EQ(After("signers = \"approvers\"", "signers = \"approvers\"\norigins = [\"https://example.org\"]"),
            "charter.passkeys");
  EXPECT_EQ(After("signers = \"approvers\"",
                  "signers = \"approvers\"\nrp_id = \"example.org\"\norigins = [\"https://example.org\"]"),
            "ok");
}

// A property of code beside the network's. The charter asks for one prover.
std::string WithCode(const std::string& keys) {
  TestCharter charter;
  charter.files["check.sh"] = "exit 0\n";
  charter.files["q.smt2"] = "(assert false)\n";
  return Rule(charter.Replace("[improver]", "[[property]]\nname = \"code\"\n" + keys + "\n[improver]").Read());
}

TEST(Refusals, PropertiesOfCodeThatNothingPins) {
  EXPECT_EQ(WithCode("kind = \"command\"\ncommand = [\"sh\", \"check.sh\"]"), "ok");
  EXPECT_EQ(WithCode("kind = \"command\"\ncommand = [\"./check.sh\"]"), "charter.command");
  EXPECT_EQ(WithCode("kind = \"command\"\ncommand = [\"sh\", \"/in/subject/check.sh\"]"),
            "charter.evaluator-in-subject");
  EXPECT_EQ(WithCode("kind = \"command\"\ncommand = [\"sh\", \"-c\", \"true\"]"), "charter.evaluator-missing");
  EXPECT_EQ(WithCode("kind = \"command\""), "charter.missing-key");
  EXPECT_EQ(WithCode("kind = \"command\"\ncommand = [\"sh\", \"check.sh\"]\nnetwork = \"policy.onnx\""),
            "charter.unknown-key");
  EXPECT_EQ(WithCode("kind = \"smt\"\nspec = \"absent.smt2\""), "charter.file-missing");
  EXPECT_EQ(WithCode("kind = \"proof\""), "charter.type");
}

TEST(Refusals, PropertiesOfCodeThatTooFewCheck) {
  EXPECT_EQ(WithCode("kind = \"smt\"\nspec = \"q.smt2\""), "charter.no-enforcer");
  TestCharter charter;
  charter.files["q.smt2"] = "(assert false)\n";
  charter.Replace("[improver]", "[[property]]\nname = \"calm\"\nkind = \"smt\"\nspec = \"q.smt2\"\n[improver]");
  EXPECT_EQ(Rule(charter.Read()), "charter.name-twice");
}

// A charter with so many witnesses, each of another principal.
TestCharter WithWitnesses(const std::string& quorum, int count) {
  TestCharter charter;
  charter.Append("\n[witnesses]\n" + quorum + "\n");
  for (int i = 0; i < count; ++i) {
    const std::string name = "w" + std::to_string(i);
    const auto type = crypto::NoteKeyType::kEd25519Cosignature;
    charter.Append("[[witnesses.witness]]\nprincipal = \"p-" + name + "\"\nkey = \"" +
                   TestNoteKey(name, static_cast<char>('a' + i), type) + "\"\nurl = \"http://" + name + "\"\n");
  }
  return charter;
}

TEST(Refusals, WitnessesOfWhichTwoQuorumsNeedNotMeet) {
  const auto rule = [](const std::string& quorum, int count) { return Rule(WithWitnesses(quorum, count).Read()); };
  for (const auto& [quorum, count] :
       {std::pair{"at_least = 1", 1}, std::pair{"at_least = 2", 2}, std::pair{"at_least = 2", 3},
        std::pair{"at_least = 3\nfaults_max = 1", 4}, std::pair{"at_least = 5\nfaults_max = 2", 7}}) {
    EXPECT_EQ(rule(quorum, count), "ok") << quorum << " of " << count;
  }
  for (const auto& [quorum, count] :
       {std::pair{"at_least = 1", 2}, std::pair{"at_least = 2", 4}, std::pair{"at_least = 2\nfaults_max = 1", 3},
        std::pair{"at_least = 3\nfaults_max = 1", 5}, std::pair{"at_least = 2\nfaults_max = 1", 2},
        std::pair{"at_least = 4", 3}}) {
    EXPECT_EQ(rule(quorum, count), "charter.witness-quorum") << quorum << " of " << count;
  }
  EXPECT_EQ(rule("at_least = 0", 1), "charter.range");
  EXPECT_EQ(rule("at_least = 33", 33), "charter.range");
  EXPECT_EQ(rule("faults_max = 0", 1), "charter.missing-key");
  EXPECT_EQ(rule("at_least = 1", 0), "charter.missing-key");
  const Result<Charter> charter = WithWitnesses("at_least = 2", 3).Read();
  ASSERT_EQ(charter->witnesses.all.size(), 3u);
  EXPECT_EQ(charter->witnesses.all[2].key.name, "w2");
  EXPECT_EQ(charter->witnesses.all[2].url, "http://w2");
}

TEST(Refusals, WitnessesThatCountTwice) {
  EXPECT_EQ(Rule(WithWitnesses("at_least = 2", 3).Replace("p-w2", "p-w0").Read()), "charter.witness-principal");
  const std::string first = TestNoteKey("w0", 'a', crypto::NoteKeyType::kEd25519Cosignature);
  const std::string renamed = TestNoteKey("w1", 'a', crypto::NoteKeyType::kEd25519Cosignature);
  const std::string second = TestNoteKey("w1", 'b', crypto::NoteKeyType::kEd25519Cosignature);
  EXPECT_EQ(Rule(WithWitnesses("at_least = 2", 2).Replace(second, renamed).Read()), "charter.key-shared");
  const std::string clock = TestNoteKey("example.org/clock", '5', crypto::NoteKeyType::kEd25519Cosignature);
  EXPECT_EQ(Rule(WithWitnesses("at_least = 2", 2).Replace(first, clock).Read()), "charter.key-shared");
  EXPECT_EQ(Rule(WithWitnesses("at_least = 2", 2).Replace(first, TestNoteKey("w0", 'a')).Read()), "charter.key");
}

TestCharter Untried() {
  TestCharter charter;
  WithoutTrials(charter);
  return charter;
}

TEST(Untried, ACharterWithoutEvaluationIsReadAsOneThatAsksForNoTrial) {
  const Result<Charter> charter = Untried().Read();
  ASSERT_EQ(Rule(charter), "ok");
  EXPECT_TRUE(charter->evaluation.command.empty() && charter->evaluation.metrics.empty());
  EXPECT_TRUE(charter->bounds.harm.empty());
  EXPECT_EQ(charter->evaluation.Find("score"), nullptr);
  EXPECT_EQ(charter->FindQuorum(Role::kEvaluator), nullptr);
}

TEST(Untried, NoBoundIsTakenThatATrialWouldShow) {
  for (const auto& [name, text] : {std::pair{"harm", "[[bounds.harm]]\nmetric = \"score\"\nlimit = 0.5\n"},
                                   std::pair{"harm", "[bounds.harm]\nmetric = \"score\"\nlimit = 0.5\n"},
                                   std::pair{"improvement", "[bounds.improvement]\nmetric = \"score\"\n"},
                                   std::pair{"capability", "[bounds.capability]\nceiling = 0.5\n"},
                                   std::pair{"drift", "[bounds.drift]\nlimit = 0.1\n"},
                                   std::pair{"acceleration", "[bounds.acceleration]\nexpected_step = 0.1\n"}}) {
    const Result<Charter> charter = Untried().Append(std::string("\n") + text).Read();
    ASSERT_EQ(Rule(charter), "charter.untried") << text;
    EXPECT_NE(charter.error().message.find(name), std::string::npos) << charter.error().message;
  }
  EXPECT_EQ(Rule(Untried().Append("\n[bounds]\nmore = 1\n").Read()), "charter.untried") << "not passed over";
  EXPECT_EQ(Rule(Untried().Append("\n[bounds]\n").Read()), "charter.untried");
  EXPECT_EQ(Rule(Untried().Append("\n[bounds]\nharms = 1\n").Read()), "charter.untried");
  EXPECT_EQ(Rule(Untried().Append("\n[bounds]\nharm = 1\n").Read()), "charter.untried");
}

TEST(Untried, AnEvaluationThatIsThereIsWhole) {
  EXPECT_EQ(Rule(Untried().Append("\n[evaluation]\n").Read()), "charter.missing-key");
  EXPECT_EQ(Rule(Untried().Append("\n[evaluation]\ncommand = []\n").Read()), "charter.type");
  TestCharter unbound;
  std::string& text = unbound.files["charter.toml"];
  text.erase(text.find("[bounds.harm]"), text.find("[pace]") - text.find("[bounds.harm]"));
  EXPECT_EQ(Rule(unbound.Read()), "charter.missing-key");
}

TEST(Untried, OnlyNetworksThatAreProvenToKeepNearTheBaselineMayChange) {
  const auto surface = [](const std::string& path, const std::string& kind) {
    return "[[surface]]\npath = \"" + path + "\"\nkind = \"" + kind + "\"\n\n[[property]]";
  };
  EXPECT_EQ(Rule(Untried().Replace("drift_within = 1.25\n", "").Read()), "charter.unproven");
  for (const auto& [path, kind] :
       {std::pair{"other.onnx", "network"}, std::pair{"settings.json", "json"}, std::pair{"notes.txt", "text"},
        std::pair{"*.onnx", "network"}, std::pair{"polic?.onnx", "network"}, std::pair{"**/policy.onnx", "network"}}) {
    EXPECT_EQ(Rule(Untried().Replace("[[property]]", surface(path, kind)).Read()), "charter.unproven") << path;
  }
  TestCharter first = Untried();
  first.Replace("[[surface]]", "[[surface]]\npath = \"pol*.onnx\"\nkind = \"network\"\n\n[[surface]]");
  EXPECT_EQ(Rule(first.Read()), "charter.unproven") << "whichever rule it is";
  // A network's name may have a star in it; as a glob it would cover others.
  TestCharter star = Untried();
  star.Replace("path = \"policy.onnx\"", "path = \"pol*.onnx\"");
  star.Replace("network = \"policy.onnx\"", "network = \"pol*.onnx\"");
  EXPECT_EQ(Rule(star.Read()), "charter.unproven");
  // One property of a network is enough to say how far it may get; others need not.
  TestCharter two = Untried();
  two.Append("\n[[property]]\nname = \"calmer\"\nnetwork = \"policy.onnx\"\nspec = \"properties/calm.vnnlib\"\n");
  EXPECT_EQ(Rule(two.Read()), "ok");
}

TEST(Untried, SomebodyBesideTheGateProvesAndNobodyIsToTry) {
  TestCharter evaluators = Untried();
  evaluators.Replace("  { role = \"auditor\"", "  { role = \"evaluator\", at_least = 1 },\n  { role = \"auditor\"");
  evaluators.Replace("\n[quorum]", Reviewer("evaluator-a", "ann@example.org", "evaluator", '2') + "\n[quorum]");
  EXPECT_EQ(Rule(evaluators.Read()), "charter.untried");
  TestCharter unheard = Untried();
  unheard.Replace("\n[quorum]", Reviewer("evaluator-a", "ann@example.org", "evaluator", '2') + "\n[quorum]");
  EXPECT_EQ(Rule(unheard.Read()), "charter.reviewer-unheard");
  TestCharter nobody = Untried();
  nobody.Replace("  { role = \"prover\", at_least = 1 },\n", "");
  nobody.Replace("role = \"prover\"", "role = \"auditor\"").Replace("at_least = 1", "at_least = 2");
  EXPECT_EQ(Rule(nobody.Read()), "charter.no-enforcer");
}

TEST(Refusals, RevokedTreesAreDigests) {
  EXPECT_EQ(After("[gate]", "[revocation]\ntrees = [\"old\"]\n[gate]"), "charter.type");
  const Result<Charter> charter =
      TestCharter().Replace("[gate]", "[revocation]\ntrees = [\"sha256:" + std::string(64, '0') + "\"]\n[gate]").Read();
  ASSERT_EQ(Rule(charter), "ok");
  EXPECT_EQ(charter->revocation.trees.size(), 1u);
}

}  // namespace
}  // namespace pawl::charter
