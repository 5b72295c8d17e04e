#include "gate/waiting.h"

#include <gtest/gtest.h>

#include <filesystem>

#include "gate/drafted_decision.h"
#include "oversight/growing_path_for_test.h"
#include "subject/testing.h"

namespace pawl::gate {
namespace {

using warrant::Path;

// What `pawl status` says of such a log.
Wait WaitOfPath(const Path& path, const std::vector<std::string>& entries) {
  const subject::TemporaryDirectory directory;
  const ledger::Home home = *ledger::Home::Open(directory / "home", ledger::HomeAccess::kCreate);
  std::filesystem::copy(path.directory() + "/store", home.StorePath(),
                        std::filesystem::copy_options::recursive | std::filesystem::copy_options::skip_existing);
  ledger::Ledger ledger = *ledger::Ledger::Open(home.LedgerPath("controller"), ledger::LedgerAccess::kReadWrite);
  EXPECT_TRUE(ledger.Append(0, entries).ok());
  Result<ledger::SubjectLog> log = ledger::SubjectLog::Open(home, "controller", ledger::LedgerAccess::kReadWrite);
  EXPECT_TRUE(log.ok()) << (log.ok() ? "" : log.error().message);
  return log.ok() ? WaitOf(*log, {}, path.now) : Wait();
}
Wait WaitOfPath(const Path& path) { return WaitOfPath(path, path.entries()); }

TEST(WaitOf, AnAlarmNamesWhoRaisedItAndWhoLiftsIt) {
  EXPECT_EQ(WaitOfPath(oversight::GrowingPath(3, 0.02)).sentence.find("accelerate"), std::string::npos);
  const Wait wait = WaitOfPath(oversight::GrowingPath(4, 0.02));
  EXPECT_NE(wait.sentence.find("'evaluator-a' sees growth accelerate"), std::string::npos) << wait.sentence;
  EXPECT_NE(wait.sentence.find("waits for 2 of ann@example.org"), std::string::npos) << wait.sentence;
  EXPECT_EQ(wait.commands, std::vector<std::string>{"pawl resume -m WHY"});
}

TEST(WaitOf, ARollbackDoesNotWaitForTheAlarm) {
  Path path = oversight::GrowingPath(4, 0.02);
  path.Append(path.BySomeone(audit::WriteProposal({.about = {"controller", path.baseline},
                                                   .proposal = "p7",
                                                   .action = warrant::Action::kRollback,
                                                   .tree = path.baseline,
                                                   .parent_tree = path.state.tree,
                                                   .parent_warrant = path.state.warrant,
                                                   .diff = crypto::Sha256("diff"),
                                                   .note = "back",
                                                   .time = path.now}),
                             "log"));
  const Wait wait = WaitOfPath(path);
  EXPECT_EQ(wait.sentence.find("accelerate"), std::string::npos) << wait.sentence;
}

TEST(WaitOf, WhoDoesNotCloseSaysWhomItAccuses) {
  Path path = Path::WithTwoReleases();
  warrant::Tampering tampering;
  std::vector<warrant::Vote> votes;
  size_t voted = 0;
  tampering.votes = [&](std::vector<warrant::Vote>& all) {
    all.push_back(all[0]);
    all.back().reviewer = "prover-a2";
    votes = all;
  };
  tampering.closing = [&](warrant::Closing& closing) { voted = static_cast<size_t>(closing.size); };
  (void)path.Make({.action = warrant::Action::kRollback, .tree = path.baseline}, tampering);
  std::vector<std::string> entries = path.entries();
  entries.resize(voted);
  const std::string waits = "p3 waits for the closing of auditor-a (lab-a) and auditor-c (lab-c)";
  EXPECT_EQ(WaitOfPath(path, entries).sentence, waits + "; pawl review --as auditor-a");
  const std::string complaint = audit::WriteComplaint({.about = votes[0].about,
                                                       .complainant = "auditor-c",
                                                       .accused = "prover-a",
                                                       .candidate = votes[0].candidate,
                                                       .rule = audit::ComplaintRule::kEvidence,
                                                       .reason = "it cannot be read",
                                                       .entry = warrant::StatementDigest(warrant::WriteVote(votes[0])),
                                                       .vote = std::nullopt,
                                                       .time = path.now});
  entries.push_back(encoding::SerializeEnvelope(path.BySomeone(complaint, "auditor-c")));
  EXPECT_EQ(WaitOfPath(path, entries).sentence, waits + "; auditor-c accuses prover-a of audit.evidence (entry " +
                                                    std::to_string(voted) + "); pawl review --as auditor-a");
}

// An amendment or a release came into force since: whoever would still be asked would act in vain.
TEST(WaitOf, WhatWasOvertakenAsksNobody) {
  Path path = oversight::GrowingPath(2, 0.02);
  path.Append(path.BySomeone(audit::WriteProposal({.about = {"controller", path.third},
                                                   .proposal = "p5",
                                                   .action = warrant::Action::kRelease,
                                                   .tree = path.third,
                                                   .parent_tree = path.state.tree,
                                                   .parent_warrant = crypto::Sha256("an older one"),
                                                   .diff = crypto::Sha256("diff"),
                                                   .note = "late",
                                                   .time = path.now}),
                             "log"));
  const Wait wait = WaitOfPath(path);
  EXPECT_NE(wait.sentence.find("p5 was overtaken"), std::string::npos) << wait.sentence;
  EXPECT_TRUE(wait.who.empty());
  EXPECT_EQ(wait.commands, std::vector<std::string>{"pawl advance p5"});
}

// Somebody signs while the proposal ends. Nothing is wrong with the log, and nobody is told that there is.
TEST(AppendSigned, SaysThatAProposalHasEndedMeanwhile) {
  Path path = Path::WithTwoReleases();
  const warrant::MadeWarrant made = path.Make({.tree = path.third, .signers = {"ann"}});
  const subject::TemporaryDirectory directory;
  const ledger::Home home = *ledger::Home::Open(directory / "home", ledger::HomeAccess::kCreate);
  std::filesystem::copy(path.directory() + "/store", home.StorePath(),
                        std::filesystem::copy_options::recursive | std::filesystem::copy_options::skip_existing);
  ledger::Ledger ledger = *ledger::Ledger::Open(home.LedgerPath("controller"), ledger::LedgerAccess::kReadWrite);
  ASSERT_TRUE(ledger.Append(0, path.entries()).ok());
  const auto open = [&] { return ledger::SubjectLog::Open(home, "controller", ledger::LedgerAccess::kReadWrite); };
  Result<ledger::SubjectLog> signing = open(), other = open();
  ASSERT_TRUE(signing.ok() && other.ok());
  ASSERT_TRUE(other
                  ->Append({path.BySomeone(audit::WriteOutcomeRecord({.about = {"controller", path.third},
                                                                      .proposal = "p3",
                                                                      .outcome = audit::ProposalOutcome::kRejected,
                                                                      .step = audit::Step::kTrial,
                                                                      .rule = "pace.parent",
                                                                      .reason = "overtaken",
                                                                      .time = path.now}),
                                           "log")})
                  .ok());
  const Result<void> appended = AppendSigned(*signing, path.ByPeople(made.parts.decision.payload, {"bob"}), "p3");
  ASSERT_FALSE(appended.ok());
  EXPECT_EQ(appended.error().rule, "approve.decided") << appended.error().message;
  EXPECT_EQ(appended.error().message, "'p3' is rejected already");
}

}  // namespace
}  // namespace pawl::gate
