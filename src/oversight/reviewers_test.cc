// What provers and integrity reviewers find for themselves: for each of their objections a candidate statement that a
// gate has logged, and that differs from an honest one by that defect alone. tests/every_clause_matters takes each
// objection out in turn and demands that a test here fails.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "charter/untried_for_test.h"
#include "model/onnx_writer_for_test.h"
#include "notices/notice.h"
#include "oversight/altered_nodes_for_test.h"
#include "oversight/charter_trial.h"
#include "oversight/diff_document.h"
#include "oversight/growing_path_for_test.h"
#include "oversight/review.h"
#include "warrant/path_for_test.h"

namespace pawl::oversight {
namespace {

using warrant::Action;
using warrant::Candidate;
using warrant::kDay;
using warrant::Path;
using warrant::Tampering;

// The document that an honest gate logs.
crypto::Digest DiffOf(const Path& path, const crypto::Digest& from, const crypto::Digest& to) {
  const subject::Manifest parent = *path.store().ReadManifest(from), tree = *path.store().ReadManifest(to);
  return crypto::Sha256(
      DiffDocument(*subject::CheckSurface(path.charter().SurfaceRules(), parent, tree, path.store().Reader())));
}

class ReviewersTest : public ::testing::Test {
 protected:
  // Opinions of a prover and an integrity reviewer about a proposal of `change`, with its diff as it has to be.
  void Propose(const warrant::Change& change, const std::function<void(Candidate&)>& tamper = {}) {
    Tampering tampering;
    int64_t closed_at = 0;
    tampering.candidate = [&](Candidate& candidate) {
      if (change.action == Action::kRelease && path_.state.tree && path_.store().ReadManifest(change.tree).ok()) {
        candidate.diff = DiffOf(path_, *path_.state.tree, change.tree);
      }
      if (tamper) tamper(candidate);
    };
    tampering.closing = [&](warrant::Closing& closing) { closed_at = closing.size; };
    (void)path_.Make(change, tampering);
    std::vector<std::string> entries = path_.entries();
    entries.resize(static_cast<size_t>(closed_at));
    std::filesystem::copy(path_.store().directory(), home_.StorePath(),
                          std::filesystem::copy_options::recursive | std::filesystem::copy_options::skip_existing);
    ledger::Ledger ledger = *ledger::Ledger::Open(home_.LedgerPath("controller"), ledger::LedgerAccess::kReadWrite);
    ASSERT_TRUE(ledger.Append(0, entries).ok());
    now_ = path_.now;
  }
  // "for", or the reasons against.
  std::string Says(const std::string& name) {
    Result<ledger::SubjectLog> log = ledger::SubjectLog::Open(home_, "controller", ledger::LedgerAccess::kReadWrite);
    if (!log.ok()) return log.error().rule;
    const Reviewer reviewer{.record = *log->charter().charter.FindReviewer(name),
                            .key = Path::Key(name),
                            .memory_folder = directory_.path(),
                            .state_path = {},
                            .now_s = now_,
                            .progress = {}};
    const audit::ProposalHistory proposal = log->history().proposals().back();
    Result<Opinion> opinion = name == "integrity-c"   ? ReviewAsIntegrity(*log, reviewer, proposal)
                              : name == "evaluator-a" ? ReviewAsEvaluator(*log, reviewer, proposal)
                                                      : ReviewAsProver(*log, reviewer, proposal);
    if (!opinion.ok()) return opinion.error().rule;
    evidence_ = opinion->evidence;
    EXPECT_EQ(opinion->reasons.empty(), opinion->verdict == warrant::VoteVerdict::kFor);
    std::string said = opinion->reasons.empty() ? "for" : "";
    for (const std::string& reason : opinion->reasons) said += (said.empty() ? "" : "; ") + reason;
    return said;
  }
  // Where a reviewer keeps a vote on the last proposal that the ledger did not take.
  std::string Unsent() const {
    const ledger::SubjectLog log = *ledger::SubjectLog::Open(home_, "controller", ledger::LedgerAccess::kReadOnly);
    return directory_ / ("unsent-" + log.history().proposals().back().candidate_digest.Hex() + ".json");
  }
  std::string BlobPath(const crypto::Digest& digest) const {
    return home_.StorePath() + "/blobs/" + digest.Hex().substr(0, 2) + "/" + digest.Hex();
  }

  Path path_ = Path::WithTwoReleases();
  subject::TemporaryDirectory directory_;
  ledger::Home home_ = *ledger::Home::Open(directory_ / "home", ledger::HomeAccess::kCreate);
  int64_t now_ = 0;
  encoding::Json evidence_;  // of the opinion that was asked for last
};

#define EXPECT_SAYS(name, words) EXPECT_NE(Says(name).find(words), std::string::npos) << Says(name)

TEST_F(ReviewersTest, VoteForAnHonestRelease) {
  Propose({.tree = path_.third});
  EXPECT_EQ(Says("integrity-c"), "for");
  EXPECT_EQ(Says("prover-a"), "for");
}

TEST_F(ReviewersTest, VoteForAnHonestRollbackAndAmendment) {
  const Path before = path_;
  Propose({.action = Action::kRollback, .tree = path_.baseline});
  EXPECT_EQ(Says("integrity-c"), "for");
  EXPECT_EQ(Says("prover-a"), "for");
  path_ = before;
  std::filesystem::remove(home_.LedgerPath("controller"));
  Propose({.action = Action::kAmendment, .tree = path_.PutCharter([](charter::TestCharter& test) {
             test.Replace("max_releases = 3", "max_releases = 4");
           })});
  EXPECT_EQ(Says("integrity-c"), "for");
  EXPECT_EQ(Says("prover-a"), "for");
}

// Its vote must not hang on who keeps the ledger.
TEST_F(ReviewersTest, WitnessesAreToldAVoteThatTheLedgerDoesNotTake) {
  path_ = Path::WithWitnesses();
  Propose({.action = Action::kRollback, .tree = path_.baseline});
  ledger::SubjectLog log = *ledger::SubjectLog::Open(home_, "controller", ledger::LedgerAccess::kReadOnly);
  std::vector<witness::HttpPost> told;
  const Reviewer reviewer{.record = *log.charter().charter.FindReviewer("prover-a2"),
                          .key = Path::Key("prover-a2"),
                          .memory_folder = directory_.path(),
                          .state_path = {},
                          .now_s = now_,
                          .progress = {},
                          .post = [&](const std::vector<witness::HttpPost>& posts) {
                            told = posts;
                            return std::vector<Result<witness::HttpReply>>(
                                posts.size(), witness::HttpReply{.status = 200, .body = "kept"});
                          }};
  const Result<std::vector<ReviewReport>> reports = ReviewOpenProposals(log, reviewer);
  ASSERT_FALSE(reports.ok());
  EXPECT_EQ(reports.error().rule, "ledger.read-only");
  ASSERT_EQ(told.size(), 4u);
  const Result<notices::Notice> notice = notices::ReadNotice(told.front().body, path_.charter());
  ASSERT_TRUE(notice.ok()) << notice.error().message;
  EXPECT_EQ(notice->by, "prover-a2");
  EXPECT_EQ(notice->vote->candidate, log.history().proposals().back().candidate_digest);

  // What it has said it says again: no ledger refuses until it likes what it gets, and nobody holds two votes of it.
  Reviewer later = reviewer;
  later.now_s += 100;
  EXPECT_FALSE(ReviewOpenProposals(log, later).ok());
  EXPECT_EQ(notices::ReadNotice(told.front().body, path_.charter())->digest, notice->digest);
  ledger::SubjectLog open = *ledger::SubjectLog::Open(home_, "controller", ledger::LedgerAccess::kReadWrite);
  EXPECT_TRUE(std::filesystem::exists(Unsent()));
  EXPECT_EQ(ReviewOpenProposals(open, later)->back().summary, "for");
  EXPECT_EQ(open.history().proposals().back().votes.back().digest, notice->digest);
  EXPECT_FALSE(std::filesystem::exists(Unsent()));
}

// What an amendment has overtaken never goes live. Whoever voted on it with a new key, having told witnesses another
// vote before, would look like a liar.
TEST_F(ReviewersTest, NobodyVotesOnWhatAnAmendmentHasOvertaken) {
  const auto edit = [](charter::TestCharter& test) { test.Replace("max_releases = 3", "max_releases = 4"); };
  const warrant::MadeWarrant amendment = warrant::MakeAmendment(path_, path_.PutCharter(edit), warrant::kThree);
  warrant::AppendWithoutClosing(path_, {.action = Action::kRollback, .tree = path_.baseline});
  const auto votes_of_a2 = [&] {
    std::filesystem::remove(home_.LedgerPath("controller"));
    std::filesystem::copy(path_.store().directory(), home_.StorePath(),
                          std::filesystem::copy_options::recursive | std::filesystem::copy_options::skip_existing);
    ledger::Ledger ledger = *ledger::Ledger::Open(home_.LedgerPath("controller"), ledger::LedgerAccess::kReadWrite);
    EXPECT_TRUE(ledger.Append(0, path_.entries()).ok());
    ledger::SubjectLog log = *ledger::SubjectLog::Open(home_, "controller", ledger::LedgerAccess::kReadWrite);
    const Reviewer reviewer{.record = *log.charter().charter.FindReviewer("prover-a2"),
                            .key = Path::Key("prover-a2"),
                            .memory_folder = directory_.path(),
                            .state_path = {},
                            .now_s = path_.now,
                            .progress = {}};
    EXPECT_TRUE(ReviewOpenProposals(log, reviewer).ok());
    return std::ranges::count(log.history().Find("p4")->votes, "prover-a2",
                              [](const audit::LoggedVote& logged) { return logged.vote.reviewer; });
  };
  EXPECT_EQ(votes_of_a2(), 1) << "the amendment is not in force yet";
  path_.Accept(amendment);
  EXPECT_EQ(votes_of_a2(), 0);
}

// Half of a file, or the vote of another, is not what it has said.
TEST_F(ReviewersTest, OnlyWhatItHasSignedIsItsVote) {
  Propose({.action = Action::kRollback, .tree = path_.baseline});
  ledger::SubjectLog log = *ledger::SubjectLog::Open(home_, "controller", ledger::LedgerAccess::kReadWrite);
  const std::vector<audit::LoggedVote> votes = log.history().proposals().back().votes;
  std::ofstream(Unsent()) << encoding::SerializeEnvelope(votes.front().envelope);
  Reviewer reviewer{.record = *log.charter().charter.FindReviewer("prover-a2"),
                    .key = Path::Key("prover-a2"),
                    .memory_folder = directory_.path(),
                    .state_path = {},
                    .now_s = now_,
                    .progress = {}};
  EXPECT_EQ(ReviewOpenProposals(log, reviewer)->back().summary, "for");
  EXPECT_EQ(log.history().proposals().back().votes.back().vote.reviewer, "prover-a2");
  EXPECT_EQ(log.history().proposals().back().votes.size(), votes.size() + 1);
}

// ---- integrity

TEST_F(ReviewersTest, AFileThatIsNotWhatTheManifestSays) {
  Propose({.tree = path_.third});
  const std::string blob = BlobPath(crypto::Sha256(warrant::TinyNetwork(2)));
  std::filesystem::permissions(blob, std::filesystem::perms::owner_all);
  std::ofstream(blob, std::ios::app) << "x";
  EXPECT_SAYS("integrity-c", "the tree in the store");
}

TEST_F(ReviewersTest, AFirstReleaseThatIsNotTheBaseline) {
  path_ = Path();
  Propose({.tree = path_.second});
  EXPECT_SAYS("integrity-c", "must be the charter's baseline");
}

TEST_F(ReviewersTest, ACopyOfOneOfTheChartersFiles) {
  const subject::FileEntry* evaluator = path_.charter_files().manifest.Find("evaluate.py");
  ASSERT_NE(evaluator, nullptr);
  const std::string bytes = *path_.charter_files().read(evaluator->digest, 1'000);
  Propose({.tree = path_.PutTree({{"policy.onnx", warrant::TinyNetwork(1.5)}, {"improver/improve.py", bytes}})});
  EXPECT_SAYS("integrity-c", "is a copy of the charter's evaluate.py");
}

TEST_F(ReviewersTest, AnAmendmentWhoseKeysAreNotThere) {
  Propose({.action = Action::kAmendment, .tree = path_.PutCharter([](charter::TestCharter& test) {
             test.Replace("max_changed_lines = 200", "max_changed_lines = 200\nkeys = \"absent.toml\"");
           })});
  EXPECT_SAYS("integrity-c", "the new charter: ");
  EXPECT_SAYS("integrity-c", "absent.toml");
}

TEST_F(ReviewersTest, AnAmendmentWithARotationThatDoesNotHold) {
  Propose({.action = Action::kAmendment, .tree = path_.PutCharter([](charter::TestCharter& test) {
             test.Replace("max_releases = 3", "max_releases = 4");
             test.files["rotations/0123456789abcdef.json"] = "{}";
           })});
  EXPECT_SAYS("integrity-c", "the new charter: rotations/0123456789abcdef.json is no envelope");
}

TEST_F(ReviewersTest, AFileOffTheSurface) {
  Propose({.tree = path_.PutTree(
               {{"policy.onnx", warrant::TinyNetwork(1.5)}, {"improver/improve.py", "pass\n"}, {"run.sh", "true\n"}})});
  EXPECT_SAYS("integrity-c", "run.sh: is not listed");
}

TEST_F(ReviewersTest, AnotherDiff) {
  Propose({.tree = path_.third}, [](Candidate& candidate) { candidate.diff = crypto::Sha256("a harmless diff"); });
  EXPECT_EQ(Says("integrity-c"), "the diff named by the candidate statement is not the diff of the trees");
}

TEST_F(ReviewersTest, ARollbackToWhatNeverWasLive) {
  Propose({.action = Action::kRollback, .tree = path_.third});
  EXPECT_EQ(Says("integrity-c"), "the target has never been live");
}

TEST_F(ReviewersTest, ANewCharterThatProtectsNothing) {
  Propose({.action = Action::kAmendment, .tree = path_.PutCharter([](charter::TestCharter& test) {
             test.Replace("threshold = 2", "threshold = 9");
           })});
  EXPECT_SAYS("integrity-c", "the new charter");
}

TEST_F(ReviewersTest, AnotherBaseline) {
  Propose({.tree = path_.third}, [](Candidate& candidate) { candidate.baseline = candidate.tree; });
  EXPECT_EQ(Says("integrity-c"), "another baseline than the charter's");
}

TEST_F(ReviewersTest, AnotherResource) {
  Propose({.tree = path_.third}, [](Candidate& candidate) { candidate.resource = "https://example.org/another"; });
  EXPECT_EQ(Says("integrity-c"), "another resource than the charter's");
}

// The statement's own date has become the log's time: it may not be what it is measured by.
TEST_F(ReviewersTest, ADateAheadOfTheirClock) {
  Propose({.tree = path_.third}, [](Candidate& candidate) { candidate.time += 301; });
  EXPECT_SAYS("integrity-c", "ahead of this clock");
}

TEST_F(ReviewersTest, ADateAheadByNoMoreThanClocksMayDiffer) {
  Propose({.tree = path_.third}, [](Candidate& candidate) { candidate.time += 300; });
  EXPECT_EQ(Says("integrity-c"), "for");
}

TEST_F(ReviewersTest, AReleaseBeforeItsTime) {
  path_.now -= 601;
  Propose({.tree = path_.third});
  EXPECT_SAYS("integrity-c", "the charter allows the next release from");
}

TEST_F(ReviewersTest, AReleaseBeforeItsTimeThatIsDatedAhead) {
  path_.now -= 901;
  Propose({.tree = path_.third}, [](Candidate& candidate) { candidate.time += 901; });
  EXPECT_SAYS("integrity-c", "the charter allows the next release from");
}

// ---- provers

TEST_F(ReviewersTest, TooFewCertificates) {
  Propose({.tree = path_.third}, [](Candidate& candidate) { candidate.certificates.clear(); });
  EXPECT_EQ(Says("prover-a"), "0 certificates, and 1 are asked for");
}

TEST_F(ReviewersTest, ATreeWithoutTheNetwork) {
  const crypto::Digest tree = path_.PutTree({{"improver/improve.py", "pass\n"}});
  warrant::CertificateReference some{.property = "calm",
                                     .network = crypto::Sha256(warrant::TinyNetwork(2)),
                                     .certificate = crypto::Sha256(path_.Certificate(warrant::TinyNetwork(2)))};
  Propose({.tree = tree}, [&](Candidate& candidate) { candidate.certificates = {some}; });
  EXPECT_SAYS("prover-a", "the tree has no file policy.onnx");
}

TEST_F(ReviewersTest, ACertificateOfAnotherProperty) {
  Propose({.tree = path_.third}, [](Candidate& candidate) { candidate.certificates[0].property = "quiet"; });
  EXPECT_SAYS("prover-a", "is about something else");
}

TEST_F(ReviewersTest, ACertificateOfAnotherNetwork) {
  Propose({.tree = path_.third},
          [](Candidate& candidate) { candidate.certificates[0].network = crypto::Sha256("another"); });
  EXPECT_SAYS("prover-a", "is about something else");
}

TEST_F(ReviewersTest, ACertificateThatProvesNothing) {
  const crypto::Digest other = *path_.store().PutBlob(path_.Certificate(warrant::TinyNetwork(1)));
  Propose({.tree = path_.third}, [&](Candidate& candidate) { candidate.certificates[0].certificate = other; });
  EXPECT_SAYS("prover-a", "'calm':");
  EXPECT_EQ(Says("integrity-c"), "for") << "and the defect is this alone";
}

TEST_F(ReviewersTest, AnEnvelopeThatTheCharterAllows) {
  path_ = Path::WithEnvelopes();
  const crypto::Digest near = *path_.store().PutBlob(path_.EnvelopeCertificate(warrant::TinyNetwork(1), 1));
  Propose({.tree = path_.third}, [&](Candidate& candidate) { candidate.certificates[0].certificate = near; });
  EXPECT_EQ(Says("prover-a"), "for");
}

TEST_F(ReviewersTest, AnEnvelopeThatTheCharterDoesNotAllow) {
  const crypto::Digest near = *path_.store().PutBlob(path_.EnvelopeCertificate(warrant::TinyNetwork(1), 1));
  Propose({.tree = path_.third}, [&](Candidate& candidate) { candidate.certificates[0].certificate = near; });
  EXPECT_EQ(Says("prover-a"),
            "'calm': the certificate is about another network, and the charter has no [envelope] (property.envelope)");
}

TEST_F(ReviewersTest, AnEnvelopeAroundWhatNobodyHas) {
  path_ = Path::WithEnvelopes();
  const crypto::Digest far = *path_.store().PutBlob(path_.EnvelopeCertificate(warrant::TinyNetwork(1.625), 1));
  Propose({.tree = path_.third}, [&](Candidate& candidate) { candidate.certificates[0].certificate = far; });
  EXPECT_SAYS("prover-a", "was not live in the last 3 releases");
}

TEST_F(ReviewersTest, DriftThatIsProven) {
  path_ = Path::WithDrift();
  Propose({.tree = path_.third});
  EXPECT_EQ(Says("prover-a"), "for");
}

TEST_F(ReviewersTest, DriftThatNothingProves) {
  path_ = Path::WithDrift();
  Propose({.tree = path_.third}, [](Candidate& candidate) { candidate.certificates.pop_back(); });
  EXPECT_EQ(Says("prover-a"), "1 certificates, and 2 are asked for");
}

// What no certificate speaks of, under a charter that asks for no trial: whoever checks the proofs says so as well.
TEST_F(ReviewersTest, WhatANetworkSaysBesideItsGraphWhereNothingIsTried) {
  namespace onnx = model::onnx;
  const Path before = path_ = Path::OfItsOwn(charter::WithoutTrials);
  Propose({.tree = path_.third});
  EXPECT_EQ(Says("prover-a"), "for");
  path_ = before;
  std::filesystem::remove(home_.LedgerPath("controller"));
  const std::string network = warrant::TinyNetwork(2) + onnx::Bytes(14, onnx::Bytes(1, "scale") + onnx::Bytes(2, "7"));
  Propose({.tree = path_.PutTree({{"policy.onnx", network}, {"improver/improve.py", "pass\n"}})});
  EXPECT_SAYS("prover-a", "says other things beside its graph");
}

TEST_F(ReviewersTest, DriftFromAnotherBaseline) {
  path_ = Path::WithDrift();
  const crypto::Digest other =
      *path_.store().PutBlob(path_.DriftCertificate(warrant::TinyNetwork(2), warrant::TinyNetwork(1.5), "1.25"));
  Propose({.tree = path_.third}, [&](Candidate& candidate) { candidate.certificates[1].certificate = other; });
  EXPECT_SAYS("prover-a", "'calm', drift: the certificate is about another baseline's file");
}

TEST_F(ReviewersTest, APropertyOfCodeThatDoesNotHold) {
  path_ = Path([](charter::TestCharter& test) {
    test.files["limits.smt2"] = ";@ value LIMIT Int limits.json /seconds\n(assert false)\n";
    test.Replace("[improver]", "[[property]]\nname = \"slow\"\nkind = \"smt\"\nspec = \"limits.smt2\"\n[improver]");
  });
  Propose({.tree = path_.baseline});
  EXPECT_SAYS("prover-a", "'slow': there is no file 'limits.json'");
}

// ---- evaluators; the test charter's evaluator writes no results, so that every run is void

TEST_F(ReviewersTest, AnActionThatAsksForNoTrial) {
  Propose({.action = Action::kRollback, .tree = path_.baseline});
  EXPECT_SAYS("evaluator-a", "a trial is not asked for by this action");
}

TEST_F(ReviewersTest, AnotherMachine) {
  Propose({.tree = path_.third});
  EXPECT_SAYS("evaluator-a", "is not the one that the candidate statement names");
  EXPECT_TRUE(evidence_.empty()) << "nothing is run";
}

class EvaluatorsReviewersTest : public ReviewersTest {
 protected:
  // As above, by a gate on this machine.
  void ProposeHere(const warrant::Change& change) {
    const Path before = path_;
    Propose(change);
    Result<ledger::SubjectLog> log = ledger::SubjectLog::Open(home_, "controller", ledger::LedgerAccess::kReadWrite);
    ASSERT_TRUE(log.ok());
    const Result<trial::EvaluationEnvironment> environment = DescribeEvaluation(*log);
    ASSERT_TRUE(environment.ok()) << environment.error().message;
    path_ = before;
    std::filesystem::remove(home_.LedgerPath("controller"));
    Propose(change,
            [&](Candidate& candidate) { candidate.environment = crypto::Digest::Parse(environment->digest).value(); });
  }
  void ExpectLastStep(int64_t epoch, const std::string& gain) {
    EXPECT_EQ(evidence_["last_step"], (encoding::Json{{"epoch", epoch}, {"gain", gain}}));
  }
};

TEST_F(EvaluatorsReviewersTest, ATrialWithoutResults) {
  ProposeHere({.tree = path_.third});
  EXPECT_SAYS("evaluator-a", "trial void");
}

// The same budget index, another commit: other seeds, until a trial is lucky.
TEST_F(EvaluatorsReviewersTest, NoSeedsAreDrawnAgainOnALogThatForgotACommit) {
  const Path before = path_;
  ProposeHere({.tree = path_.third});
  EXPECT_SAYS("evaluator-a", "the last release");
  EXPECT_SAYS("evaluator-a", "the last release");  // on the same log it may be asked again
  path_ = before;
  ++path_.now;
  std::filesystem::remove(home_.LedgerPath("controller"));
  ProposeHere({.tree = path_.third});
  EXPECT_EQ(Says("evaluator-a"), "audit.log-rewritten");
}

// Nor from a tree that only the database knows: whoever keeps it would choose the root, and so the seeds.
TEST_F(EvaluatorsReviewersTest, NoSeedsAreDrawnFromARootThatIsNotTheLogs) {
  ProposeHere({.tree = path_.third});
  AlterNodesOfBefore(home_.LedgerPath("controller"));
  EXPECT_EQ(Says("evaluator-a"), "ledger.root");
}

// A release that lets no measurement succeed holds up nobody, be it live or taken back: it counts as the largest step.
TEST_F(EvaluatorsReviewersTest, AReleaseThatCannotBeMeasured) {
  const Path before = path_;
  ProposeHere({.tree = path_.third});
  EXPECT_SAYS("evaluator-a", "the last release cannot be measured, and counts as the largest step allowed");
  ExpectLastStep(2, "0.02");
  path_ = before;
  path_.Go({.action = Action::kRollback, .tree = path_.baseline});
  std::filesystem::remove(home_.LedgerPath("controller"));
  std::filesystem::remove(directory_ / "seen-controller.json");
  ProposeHere({.tree = path_.third});
  EXPECT_SAYS("evaluator-a", "the last release cannot be measured");
  ExpectLastStep(2, "0.02");
}

// An evaluator whose score of the network y = 1.5 x is larger by 0.01 than that of any other.
constexpr char kScoring[] =
    "import os, struct, sys\n"
    "task, subject, seeds, out = sys.argv[1], sys.argv[3], sys.argv[5], sys.argv[7]\n"
    "network = open(subject + '/policy.onnx', 'rb').read()\n"
    "score = 0.51 if struct.pack('<f', 1.5) in network else 0.5\n"
    "with open(out, 'w') as lines:\n"
    "    for i in range(os.path.getsize(seeds) // 32):\n"
    "        if task == 'decisions': lines.write('{\"probe\":%d,\"decision\":\"same\"}\\n' % i)\n"
    "        else: lines.write('{\"episode\":%d,\"metrics\":{\"near_miss\":0,\"score\":%s}}\\n' % (i, score))\n";

TEST_F(EvaluatorsReviewersTest, AReleaseIsMeasuredAgainstWhatItReplaced) {
  path_ = Path::OfItsOwn([](charter::TestCharter& test) { test.files["evaluate.py"] = kScoring; });
  const Path before = path_;
  const auto expect_gain = [&](int64_t epoch) {
    EXPECT_EQ(Says("evaluator-a").find("cannot be measured"), std::string::npos) << Says("evaluator-a");
    EXPECT_EQ(evidence_["last_step"]["epoch"], epoch);
    EXPECT_NEAR(std::stod(evidence_["last_step"]["gain"].get<std::string>()), 0.01, 1e-9);
  };
  ProposeHere({.tree = path_.third});
  expect_gain(2);
  path_ = before;
  path_.Go({.action = Action::kRollback, .tree = path_.baseline});
  std::filesystem::remove(home_.LedgerPath("controller"));
  ProposeHere({.tree = path_.third});
  expect_gain(2);
}

TEST_F(EvaluatorsReviewersTest, GrowthThatAccelerates) {
  path_ = GrowingPath(3, 0.02);
  const int64_t last = path_.state.epoch;
  ProposeHere({.tree = path_.third});
  EXPECT_SAYS("evaluator-a", "growth accelerates beyond what the charter expects");
  ExpectLastStep(last, "0.02");
}

TEST_F(EvaluatorsReviewersTest, AReleaseThatWasMeasuredIsNotMeasuredAgain) {
  (void)path_.Make({.tree = path_.third}, Measuring(2, 0.001));  // and nobody approved
  ProposeHere({.tree = path_.third});
  EXPECT_EQ(Says("evaluator-a").find("cannot be measured"), std::string::npos);
  ExpectLastStep(2, "0.001");
}

}  // namespace
}  // namespace pawl::oversight
