#include "oversight/key_terms.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "encoding/time.h"
#include "ledger/home.h"
#include "ledger/ledger.h"
#include "oversight/review.h"
#include "oversight/reviewers_files.h"
#include "warrant/path_for_test.h"

namespace pawl::oversight {
namespace {

using testing::HasSubstr;
using warrant::Action;
using warrant::Path;

std::string Term(const std::string& name, int64_t at) {
  return "[[reviewer]]\nname = \"" + name + "\"\nexpires = \"" + encoding::TimeText(at) + "\"\n";
}

std::function<void(charter::TestCharter&)> With(const std::string& text) {
  return [text](charter::TestCharter& test) { test.files["reviewers.toml"] = text; };
}

// ---- the file

TEST(KeyTerms, AreReadByReviewer) {
  const Path path(With(Term("prover-a", 100) + Term("auditor-c", 200)));
  const Result<KeyTerms> terms = ReadKeyTerms(path.charter_files());
  ASSERT_TRUE(terms.ok()) << terms.error().message;
  EXPECT_EQ(*terms, (KeyTerms{{"auditor-c", 200}, {"prover-a", 100}}));
  EXPECT_EQ(*ReadKeyTerms(Path().charter_files()), KeyTerms{});
}

TEST(KeyTerms, RefuseEveryMalformedShape) {
  const std::string good = Term("prover-a", 100);
  for (const auto& [text, rule] : std::vector<std::pair<std::string, std::string>>{
           {"", "charter.missing-key"},
           {"[[reviewer]]\nname = \"prover-a\"\n", "charter.missing-key"},
           {good + "until = 1\n", "charter.unknown-key"},
           {good + good, "reviewers.name"},
           {Term("prover-z", 100), "reviewers.name"},
           {Term("ann@example.org", 100), "reviewers.name"},
           {"[[reviewer]]\nname = \"prover-a\"\nexpires = \"tomorrow\"\n", "reviewers.expires"},
           {"[[reviewer]]\nname = \"prover-a\"\nexpires = \"2027-02-30T00:00:00Z\"\n", "reviewers.expires"},
           {"[[reviewer]]\nname = \"prover-a\"\nexpires = 2027-01-01T00:00:00Z\n", "charter.type"},
           {"[[reviewer", "charter.toml"}}) {
    const Path path(With(text));
    const Result<KeyTerms> terms = ReadKeyTerms(path.charter_files());
    ASSERT_FALSE(terms.ok()) << text;
    EXPECT_EQ(terms.error().rule, rule) << text << terms.error().message;
    EXPECT_FALSE(CheckReviewersFiles(path.charter_files()).ok()) << text;
  }
  EXPECT_FALSE(ReadKeyTerms(Path(With(std::string(300'000, '#'))).charter_files()).ok()) << "too large";
}

TEST(KeyTerms, WarnThirtyDaysBefore) {
  const Path path([](charter::TestCharter& test) {
    test.files["reviewers.toml"] = Term("prover-a", 1'800'000'000);
    test.files["approvers"] =
        Path::SignerLine("ann", ",valid-before=\"20270101Z\"") + Path::SignerLine("bob") + Path::SignerLine("cy");
  });
  const Result<std::vector<KeyEnd>> ends = KeyEnds(path.charter_files());
  ASSERT_TRUE(ends.ok());
  ASSERT_EQ(ends->size(), 2u);
  const KeyEnd& reviewer = ends->front();
  EXPECT_EQ(WarnOfEnd(reviewer, reviewer.at - kWarnBefore_s - 1), "");
  EXPECT_THAT(WarnOfEnd(reviewer, reviewer.at - kWarnBefore_s),
              HasSubstr("the key of reviewer 'prover-a' runs out at"));
  EXPECT_THAT(WarnOfEnd(reviewer, reviewer.at), HasSubstr("runs out at"));
  EXPECT_THAT(WarnOfEnd(reviewer, reviewer.at + 1), HasSubstr("ran out at"));
  EXPECT_THAT(WarnOfEnd(ends->back(), ends->back().at + 1), HasSubstr("'ann@example.org' in line 1"));
}

// ---- who still counts

// A proposal with every vote; the first of two auditors has closed it, or none.
class KeyTermsTest : public testing::Test {
 protected:
  void Begin(const std::string& terms, Action action = Action::kRollback) {
    path_ = Path::OfItsOwn(With(terms));
    const crypto::Digest target =
        action == Action::kRollback ? path_.baseline : path_.PutCharter([](charter::TestCharter& test) {
          test.Replace("max_releases = 3", "max_releases = 4");
        });
    int64_t closed_at = 0;
    warrant::Tampering tampering;
    tampering.closing = [&](warrant::Closing& closing) { closed_at = closing.size; };
    (void)path_.Make({.action = action, .tree = target}, tampering);
    std::vector<std::string> entries = path_.entries();
    entries.resize(static_cast<size_t>(closed_at));
    std::filesystem::copy(path_.store().directory(), home_.StorePath(),
                          std::filesystem::copy_options::recursive | std::filesystem::copy_options::skip_existing);
    ledger::Ledger ledger = *ledger::Ledger::Open(home_.LedgerPath("controller"), ledger::LedgerAccess::kReadWrite);
    ASSERT_TRUE(ledger.Append(0, entries).ok());
    ASSERT_TRUE(warrant::WriteStateFile(directory_ / "state.json", path_.state).ok());
  }
  // What a reviewer says about it `after` seconds from now on.
  std::string Says(const std::string& name, int64_t after) {
    ledger::SubjectLog log = *ledger::SubjectLog::Open(home_, "controller", ledger::LedgerAccess::kReadWrite);
    const Reviewer reviewer{.record = *log.charter().charter.FindReviewer(name),
                            .key = Path::Key(name),
                            .memory_folder = directory_.path(),
                            .state_path = directory_ / "state.json",
                            .now_s = path_.now + after,
                            .waiting = Waiting::kForQuorum,
                            .progress = {}};
    const Result<std::vector<ReviewReport>> reports = ReviewOpenProposals(log, reviewer);
    if (!reports.ok()) return reports.error().rule;
    return reports->empty() ? "nothing" : reports->front().summary;
  }

  Path path_;
  subject::TemporaryDirectory directory_;
  ledger::Home home_ = *ledger::Home::Open(directory_ / "home", ledger::HomeAccess::kCreate);
};

// Two provers vote and both are needed. To the last second of one's key the auditors close, and not after it, however
// early the vote was cast.
TEST_F(KeyTermsTest, AVoteCountsToTheLastSecondOfItsKey) {
  const int64_t end = Path::OfItsOwn().now + 100;
  Begin(Term("prover-b", end));
  const int64_t left = end - path_.now;
  EXPECT_THAT(Says("auditor-a", left + 1), HasSubstr("quorum not met: prover 1/2"));
  EXPECT_THAT(Says("auditor-a", left), HasSubstr("closed at log size"));
  EXPECT_THAT(Says("auditor-c", left + 1), HasSubstr("quorum not met: prover 1/2")) << "nor cosigns";
  EXPECT_THAT(Says("auditor-c", left), HasSubstr("closing statement signed"));
}

TEST_F(KeyTermsTest, AnAuditorClosesToTheLastSecondOfItsKey) {
  const int64_t end = Path::OfItsOwn().now + 100;
  Begin(Term("auditor-a", end));
  const int64_t left = end - path_.now;
  EXPECT_THAT(Says("auditor-a", left + 1), HasSubstr("reviewer.expired-key"));
  EXPECT_THAT(Says("auditor-a", left), HasSubstr("closed at log size"));
}

TEST_F(KeyTermsTest, AnAmendmentIsHowAKeyThatHasRunOutIsReplaced) {
  const int64_t long_ago = 1'000'000;
  Begin(Term("integrity-c", long_ago) + Term("auditor-a", long_ago), Action::kAmendment);
  EXPECT_THAT(Says("auditor-a", 1), HasSubstr("closed at log size"));
}

TEST_F(KeyTermsTest, AVoteAgainstCountsForEver) {
  Begin(Term("prover-b", 1'000'000));
  ledger::SubjectLog log = *ledger::SubjectLog::Open(home_, "controller", ledger::LedgerAccess::kReadWrite);
  audit::ProposalHistory proposal = log.history().proposals().back();
  const size_t votes = proposal.votes.size();
  const auto left = [&] { return (**WithoutExpired(log.charter(), proposal, path_.now)).votes.size(); };
  EXPECT_EQ(left(), votes - 1);
  for (audit::LoggedVote& logged : proposal.votes) {
    if (logged.vote.reviewer == "prover-b") logged.vote.verdict = warrant::VoteVerdict::kAgainst;
  }
  EXPECT_EQ(left(), votes);
  EXPECT_FALSE((*WithoutExpired(log.charter(), proposal, 1'000'000)).has_value()) << "at the last second all count";
}

}  // namespace
}  // namespace pawl::oversight
