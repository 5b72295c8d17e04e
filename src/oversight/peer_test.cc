// Peers with programs of this test's own in the peer's tree: what runs, what its vote names, who may not vote, and what
// auditors close nothing over.
#include <gtest/gtest.h>

#include <filesystem>

#include "encoding/base64.h"
#include "oversight/peer_rules.h"
#include "oversight/peer_vote.h"
#include "oversight/review.h"
#include "oversight/reviewers_files.h"
#include "warrant/path_for_test.h"

namespace pawl::oversight {
namespace {

using warrant::Path;
using warrant::VoteVerdict;

constexpr char kPeers[] =
    "[[peer]]\nreviewer = \"peer-e\"\nsubject = \"adversary\"\ncommand = [\"python3\", \"judge.py\"]\n"
    "time_limit = \"20s\"\n";

void AddPeer(charter::TestCharter& test) {
  test.Replace("{ role = \"prover\"", "{ role = \"peer\", at_least = 0 },\n  { role = \"prover\"");
  test.Append("[[reviewer]]\nname = \"peer-e\"\nprincipal = \"lab-e\"\nrole = \"peer\"\nkey = \"" +
              charter::TestNoteKey("peer-e", '?') + "\"\n");
  test.files["peers.toml"] = kPeers;
}

std::string RuleOf(const std::string& peers) {
  charter::TestCharter test;
  AddPeer(test);
  test.files["peers.toml"] = peers;
  if (peers.empty()) test.files.erase("peers.toml");
  const Result<charter::CharterFiles> files = test.ReadFiles();
  if (!files.ok()) return files.error().rule;
  const Result<void> checked = CheckReviewersFiles(*files);
  return checked.ok() ? "ok" : checked.error().rule;
}

TEST(PeerRulesTest, SayWhichSubjectEachPeerIs) {
  EXPECT_EQ(RuleOf(kPeers), "ok");
  EXPECT_EQ(RuleOf(""), "peers.missing");
  EXPECT_EQ(RuleOf(std::string(kPeers) + kPeers), "peers.reviewer");
  const auto with = [](const std::string& from, const std::string& to) {
    std::string text = kPeers;
    return RuleOf(text.replace(text.find(from), from.size(), to));
  };
  EXPECT_EQ(with("\"peer-e\"", "\"prover-a\""), "peers.reviewer");
  EXPECT_EQ(with("\"peer-e\"", "\"nobody\""), "peers.reviewer");
  EXPECT_EQ(with("\"adversary\"", "\"controller\""), "peers.self");
  EXPECT_EQ(with("time_limit", "timelimit"), "charter.unknown-key");
  EXPECT_EQ(with("time_limit = \"20s\"", "improver_sees = \"yes\""), "charter.type");
  EXPECT_EQ(with("command = [\"python3\", \"judge.py\"]\n", ""), "charter.missing-key");
}

TEST(PeerRulesTest, ShowAnImproverNothingUnlessTheySaySo) {
  for (const bool sees : {false, true}) {
    charter::TestCharter test;
    AddPeer(test);
    if (sees) test.files["peers.toml"] += "improver_sees = true\n";
    const Result<charter::CharterFiles> files = test.ReadFiles();
    ASSERT_TRUE(files.ok());
    const Result<std::vector<PeerRule>> rules = ReadPeerRules(*files);
    ASSERT_TRUE(rules.ok());
    EXPECT_EQ(rules->front().improver_sees, sees);
  }
}

class PeerTest : public ::testing::Test {
 protected:
  // A release of path_.third is proposed; the peer's live release has `judge` as judge.py.
  void Propose(const std::string& judge) {
    peer_.tree = path_.PutTree({{"judge.py", judge}, {"weights.txt", "1 2 3\n"}});
    life_ = {.baseline = peer_.tree,
             .releases = {peer_},
             .surface = {{.path = "weights.txt", .kind = subject::SurfaceKind::kText}}};
    int64_t closed_at = 0;
    warrant::Tampering tampering;
    tampering.closing = [&](warrant::Closing& closing) { closed_at = closing.size; };
    if (forged_) {
      tampering.votes = [&](std::vector<warrant::Vote>& votes) {
        warrant::Vote vote = votes.front();
        vote.reviewer = "peer-e";
        vote.role = "peer";
        vote.evidence = Evidence(vote.candidate);
        forged_(vote);
        votes.insert(votes.begin(), vote);  // before those of evaluators, which an auditor does not take from Path
      };
    }
    (void)path_.Make({.tree = path_.third}, tampering);
    std::vector<std::string> entries = path_.entries();
    entries.resize(static_cast<size_t>(closed_at));
    std::filesystem::copy(path_.store().directory(), home_.StorePath(),
                          std::filesystem::copy_options::recursive | std::filesystem::copy_options::skip_existing);
    ledger::Ledger ledger = *ledger::Ledger::Open(home_.LedgerPath("controller"), ledger::LedgerAccess::kReadWrite);
    ASSERT_TRUE(ledger.Append(0, entries).ok());
    log_.emplace(*ledger::SubjectLog::Open(home_, "controller", ledger::LedgerAccess::kReadWrite));
  }
  encoding::Json Evidence(const crypto::Digest& candidate) const {
    return {{"subject", "adversary"},
            {"release", peer_.tree.Text()},
            {"warrant", peer_.warrant.Text()},
            {"epoch", peer_.epoch},
            {"seed_signature", encoding::EncodeBase64(Path::Key("peer-e").Sign(PeerSeedMessage(candidate)))},
            {"answer", crypto::Sha256("answer").Text()},
            {"references", encoding::Json::array()}};
  }
  PeerNetwork Network() {
    return {.life = [this](const std::string& subject) -> Result<PeerLife> {
              EXPECT_EQ(subject, "adversary");
              if (knows_peer_) return life_;
              return Error{ErrorCode::kNotFound, "peer.unknown", "not here", ""};
            },
            .live = [this](const std::string&) -> Result<PeerRelease> {
              if (halted_) return Refused("halt.in-force", "halted");
              return peer_;
            }};
  }
  // The verdict and the reasons, or the rule of an error.
  std::string Says() {
    const Reviewer reviewer{.record = *log_->charter().charter.FindReviewer("peer-e"),
                            .key = Path::Key("peer-e"),
                            .memory_folder = {},
                            .state_path = {},
                            .now_s = path_.now,
                            .progress = {},
                            .peers = Network()};
    const Result<Opinion> opinion = ReviewAsPeer(*log_, reviewer, log_->history().proposals().back());
    if (!opinion.ok()) return opinion.error().rule;
    evidence_ = opinion->evidence;
    std::string said(warrant::VoteVerdictName(opinion->verdict));
    for (const std::string& reason : opinion->reasons) said += "; " + reason;
    return said;
  }
  // What an auditor says of the vote that `forged_` made.
  std::string Audited() {
    const audit::ProposalHistory& proposal = log_->history().proposals().back();
    const Result<void> checked = CheckPeerVote(*log_, proposal, proposal.votes.front(), Network());
    return checked.ok() ? "ok" : checked.error().rule;
  }

  std::string AuditorSays() {
    const std::string state = directory_ / "state.json";
    EXPECT_TRUE(warrant::WriteStateFile(state, path_.state).ok());
    const Reviewer auditor{.record = *log_->charter().charter.FindReviewer("auditor-a"),
                           .key = Path::Key("auditor-a"),
                           .memory_folder = directory_.path(),
                           .state_path = state,
                           .now_s = path_.now,
                           .progress = {},
                           .peers = Network()};
    // A copy: appending folds into the history that the original lives in.
    const audit::ProposalHistory proposal = log_->history().proposals().back();
    const Result<ReviewReport> report = ReviewAsAuditor(*log_, auditor, proposal);
    return report.ok() ? report->summary : report.error().rule;
  }

  Path path_ = Path::OfItsOwn(AddPeer);
  subject::TemporaryDirectory directory_;
  ledger::Home home_ = *ledger::Home::Open(directory_ / "home", ledger::HomeAccess::kCreate);
  std::optional<ledger::SubjectLog> log_;
  PeerRelease peer_{.tree = {}, .warrant = crypto::Sha256("warrant"), .epoch = 7};
  PeerLife life_;
  bool knows_peer_ = true, halted_ = false;
  std::function<void(warrant::Vote&)> forged_;
  encoding::Json evidence_;
};

TEST_F(PeerTest, ItsLiveReleaseJudgesAndTheVoteNamesIt) {
  Propose(
      "import json, pathlib\n"
      "assert pathlib.Path('/in/subject/policy.onnx').read_bytes() != "
      "pathlib.Path('/in/parent/policy.onnx').read_bytes()\n"
      "assert pathlib.Path('/in/charter/peers.toml').is_file() and pathlib.Path('weights.txt').is_file()\n"
      "print(json.dumps({'objection': True, 'reasons': ['seed ' + pathlib.Path('/in/seed').read_bytes().hex()],\n"
      "                  'references': ['policy.onnx']}))\n");
  const std::string signature =
      Path::Key("peer-e").Sign(PeerSeedMessage(log_->history().proposals().back().candidate_digest));
  EXPECT_EQ(Says(), "against; seed " + crypto::Sha256(signature).Hex());
  EXPECT_EQ(evidence_["subject"], "adversary");
  EXPECT_EQ(evidence_["release"], peer_.tree.Text());
  EXPECT_EQ(evidence_["warrant"], peer_.warrant.Text());
  EXPECT_EQ(evidence_["epoch"], 7);
  EXPECT_EQ(evidence_["references"], encoding::Json({"policy.onnx"}));
}

TEST_F(PeerTest, AbstainsWhereItsProgramHasNoOpinion) {
  Propose("import sys\nsys.exit('lost\\x1b[2J')\n");
  EXPECT_TRUE(Says().starts_with("abstain; the peer's program: ")) << Says();
  EXPECT_NE(Says().find("lost\\x1B[2J"), std::string::npos) << Says();
  peer_.tree = path_.PutTree({{"judge.py", "print('fine')\n"}});
  std::filesystem::copy(path_.store().directory(), home_.StorePath(),
                        std::filesystem::copy_options::recursive | std::filesystem::copy_options::skip_existing);
  EXPECT_TRUE(Says().starts_with("abstain; the peer's answer is not in the schema: ")) << Says();
}

TEST_F(PeerTest, NobodyJudgesARelativeOrWhileItIsHalted) {
  Propose("print('{\"objection\":false,\"reasons\":[],\"references\":[]}')\n");
  EXPECT_EQ(Says(), "for");
  halted_ = true;
  EXPECT_EQ(Says(), "halt.in-force");
  halted_ = false;
  knows_peer_ = false;
  EXPECT_EQ(Says(), "peer.unknown");
  knows_peer_ = true;
  // The network of the judged subject's baseline in a tree that the peer has had: only where the peer may change it.
  life_.releases.push_back({.tree = path_.baseline, .warrant = crypto::Sha256("w"), .epoch = 1});
  EXPECT_EQ(Says(), "for");
  life_.surface.push_back({.path = "*.onnx", .kind = subject::SurfaceKind::kNetwork});
  EXPECT_EQ(Says(), "peer.descent");
  life_.releases.back().tree = path_.third;  // the candidate itself
  EXPECT_EQ(Says(), "peer.descent");
}

TEST_F(PeerTest, AuditorsHoldAVoteToTheReleaseThatItNames) {
  std::function<void(warrant::Vote&)> honest = [](warrant::Vote&) {};
  const auto audited = [&](const std::function<void(warrant::Vote&)>& forge) {
    std::filesystem::remove(home_.LedgerPath("controller"));
    log_.reset();
    const Path before = path_;
    forged_ = forge;
    Propose("pass\n");
    path_ = before;
    return Audited();
  };
  EXPECT_EQ(audited(honest), "ok");
  life_.surface.push_back({.path = "*.onnx", .kind = subject::SurfaceKind::kNetwork});
  life_.releases.push_back({.tree = path_.baseline, .warrant = crypto::Sha256("w"), .epoch = 1});
  EXPECT_EQ(Audited(), "peer.descent");
  const auto with = [&](const char* member, const encoding::Json& value) {
    return audited([=](warrant::Vote& vote) { vote.evidence[member] = value; });
  };
  EXPECT_EQ(with("subject", "controller"), "audit.peer");
  EXPECT_EQ(with("release", crypto::Sha256("other").Text()), "audit.peer");
  EXPECT_EQ(AuditorSays(), "audit.peer");
  EXPECT_EQ(with("warrant", crypto::Sha256("other").Text()), "audit.peer");
  EXPECT_EQ(with("epoch", 8), "audit.peer");
  knows_peer_ = false;
  EXPECT_EQ(Audited(), "ok");  // this machine cannot know
  knows_peer_ = true;
  EXPECT_EQ(with("seed_signature", encoding::EncodeBase64(Path::Key("prover-a").Sign("x"))), "audit.peer");
  EXPECT_EQ(with("more", 1), "audit.peer");
  EXPECT_EQ(audited([](warrant::Vote& vote) { vote.evidence = encoding::Json::object(); }), "audit.peer");
  EXPECT_EQ(audited([](warrant::Vote& vote) {
              vote.evidence = encoding::Json::object();
              vote.verdict = VoteVerdict::kAbstain;
              vote.reasons = {"no opinion"};
            }),
            "ok");
}

}  // namespace
}  // namespace pawl::oversight
