// Trials that are shared out, over a real PostgreSQL server and in real sandboxes.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <optional>
#include <set>
#include <thread>

#include "charter/program_rules.h"
#include "charter/testing.h"
#include "encoding/base64.h"
#include "ledger/postgresql_for_test.h"
#include "storage/tree_store.h"
#include "trial/run.h"
#include "work/queue.h"
#include "work/trial_asker.h"
#include "work/trial_at_work.h"
#include "work/trial_batch.h"
#include "work/worker.h"

namespace pawl::work {
namespace {

using ledger::PostgresqlServer;
using std::chrono::milliseconds;
using testing::Contains;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Key;
using testing::Not;
using trial::EpisodeTable;
using trial::Seed;

struct TrialHand {
  explicit TrialHand(const std::string& name)
      : key(crypto::NoteKey::Of(name, crypto::NoteKeyType::kEd25519, secret.public_key())) {}
  signing::Ed25519PrivateKey secret = *signing::Ed25519PrivateKey::Generate();
  crypto::NoteKey key;
};

std::string TrialSql(const std::string& statement) { return PostgresqlServer::Shared().Sql(statement); }

template <typename Condition>
bool AwaitTrial(Condition condition) {
  for (int waited_ms = 0; waited_ms < 30'000; waited_ms += 5) {
    if (condition()) return true;
    std::this_thread::sleep_for(milliseconds(5));
  }
  return false;
}

// A score that follows from the seed and the tree's one file, in awk's words. A run takes a moment, so that workers get
// their share.
std::string Evaluator(const std::string& score) {
  return "sleep 0.1\n"
         "noise=$(od -An -N1 -tu1 /dev/urandom)\n"
         "od -An -v -tu1 -w32 \"$5\" | awk -v gain=\"$(cat \"$3/gain\")\" -v noise=\"$noise\" '{ "
         "printf \"{\\\"episode\\\":%d,\\\"metrics\\\":{\\\"near_miss\\\":0,\\\"score\\\":%.6f}}\\n\", NR - 1, " +
         score + " }' > \"$7\"\n";
}
const char kBySeed[] = "$1 / 512 + gain";

template <typename T>
T Got(Result<T> result) {
  EXPECT_TRUE(result.ok()) << result.error().rule << ": " << result.error().message;
  return result.ok() ? std::move(*result) : T();
}

class TrialWorkTest : public testing::Test {
 protected:
  static constexpr size_t kEpisodes = 24, kBatch = 6, kFirstLook = 12;

  void SetUp() override {
    ASSERT_TRUE(Queue::Open(PostgresqlServer::Shared().Url(), QueueSide::kAsker).ok());  // the tables
    Prepare(kBySeed);
  }

  void Prepare(const std::string& score) {
    store_.emplace(*storage::TreeStore::Open(folder_ / "store", storage::StoreAccess::kReadWrite));
    charter::TestCharter test;
    test.files["evaluate.sh"] = Evaluator(score);
    test.Replace("command = [\"python3\", \"evaluate.py\"]", "command = [\"sh\", \"evaluate.sh\"]");
    charter_.emplace(*charter::ReadCharterFiles(*store_, Put("charter", test.files)));
    trees_ = {Put("candidate", {{"gain", "0.25"}}), Put("baseline", {{"gain", "0"}})};
    seeds_.resize(kEpisodes);
    for (size_t i = 0; i < kEpisodes; ++i) seeds_[i].fill(static_cast<uint8_t>(7 * i + 1));
    const std::string view = Got(oversight::VerifiedView(*store_, charter_->charter.digest));
    const auto environment = oversight::DescribeEvaluation(charter_->charter.evaluation, view);
    ASSERT_TRUE(environment.ok()) << environment.error().message;
    environment_ = *crypto::Digest::Parse(environment->digest);
    setting_.emplace(oversight::EvaluationSetting{charter_->charter.evaluation, view, folder_.path(),
                                                  charter::ReadProgramRules(*charter_)->accepted});
    rules_ = *oversight::MakeTrialRules(charter_->charter);
    share_.url = PostgresqlServer::Shared().Url();
    share_.batch_episodes = kBatch;
    report_ = {};
  }

  crypto::Digest Put(const std::string& name, const std::map<std::string, std::string>& files) {
    for (const auto& [path, bytes] : files) folder_.Write(name + "/" + path, bytes);
    return store_->PutTree(folder_ / name, {})->digest;
  }

  // As this machine finds it.
  EpisodeTable Here(const crypto::Digest& tree, std::span<const Seed> seeds) {
    const auto run =
        trial::RunEpisodes(setting_->RequestOf(Got(oversight::VerifiedView(*store_, tree)), seeds), rules_.metrics);
    EXPECT_TRUE(run.ok() && run->table) << (run.ok() ? run->void_reason : run.error()).message;
    return run.ok() && run->table ? *run->table : EpisodeTable();
  }

  // As RunTrialWithWorkers asks; both trees in two looks.
  std::map<crypto::Digest, EpisodeTable> Ask(TrialAsker& asker) {
    for (;;) {
      std::map<crypto::Digest, EpisodeTable> tables;
      const Result<void> asked = [&]() -> Result<void> {
        for (const auto& [from, to] : {std::pair{size_t{0}, kFirstLook}, std::pair{kFirstLook, kEpisodes}}) {
          Result<void> begun = asker.Begin(trees_, std::span(seeds_).subspan(from, to - from));
          if (!begun.ok()) return begun;
          for (const crypto::Digest& tree : trees_) {
            const auto run = asker.Run(tree);
            if (!run.ok()) return run.error();
            if (!run->table) return run->void_reason;
            tables[tree].Append(*run->table);
          }
        }
        return {};
      }();
      if (asked.ok()) return tables;
      EXPECT_EQ(asked.error().rule, "work.start-again") << asked.error().message;
      if (asked.error().rule != "work.start-again") return {};
      asker.StartAgain();
    }
  }
  std::map<crypto::Digest, EpisodeTable> Ask(const std::vector<const TrialHand*>& enrolled) {
    for (const TrialHand* hand : enrolled) share_.enrolled.push_back(hand->key);
    TrialAsker asker(Setting(), share_, report_);
    return Ask(asker);
  }
  TrialAsker::Setting Setting() {
    return {*store_, *charter_, environment_, [this](const std::string& line) { said_ += line + "\n"; }};
  }

  void ExpectTrue(const std::map<crypto::Digest, EpisodeTable>& tables) {
    for (const crypto::Digest& tree : trees_) {
      const EpisodeTable here = Here(tree, seeds_);
      ASSERT_TRUE(tables.contains(tree));
      ASSERT_EQ(tables.at(tree).episodes(), kEpisodes);
      for (size_t i = 0; i < kEpisodes; ++i) EXPECT_TRUE(SameEpisode(here, i, tables.at(tree), i)) << i;
    }
  }

  WorkOptions Options(std::stop_token stop = {}) {
    WorkOptions options;
    options.url = PostgresqlServer::Shared().Url();
    options.charters = {charter_->charter.digest};
    options.lease_ms = 1'000;
    options.cancel = std::move(stop);
    return options;
  }

  // Answers whatever comes with what `lie` makes of the truth, until it is told to stop.
  std::jthread Lying(const TrialHand& hand, const std::function<std::string(std::string)>& lie) {
    return std::jthread([this, &hand, lie](std::stop_token stop) {
      Result<Queue> queue = Queue::Open(PostgresqlServer::Shared().Url(), QueueSide::kWorker);
      ASSERT_TRUE(queue.ok());
      std::unique_ptr<TrialAtWork> work;
      while (!stop.stop_requested()) {
        const auto taken = *queue->Take(hand.key.Text(), {TrialKindOf(charter_->charter.digest)}, 60'000, {});
        if (!taken) {
          std::this_thread::sleep_for(milliseconds(5));
          continue;
        }
        if (!work || work->id() != taken->job) {
          work = std::move(*TrialAtWork::Read(*queue, *queue->Read(taken->job), {charter_->charter.digest}));
        }
        const SignedAnswer sent = SignTrialAnswer({.job = taken->job,
                                                   .part = taken->part,
                                                   .asked = AskedDigest(work->claim_text(), taken->question),
                                                   .worker = hand.key.name,
                                                   .episodes = lie(Got(work->Run(taken->question)))},
                                                  hand.secret);
        static_cast<void>(queue->Answer(*taken, sent.bytes, sent.signature));
        ++lies_;
      }
    });
  }

  bool IsShutOut(const TrialHand& hand) {
    Result<Queue> queue = Queue::Open(PostgresqlServer::Shared().Url(), QueueSide::kWorker);
    return queue.ok() && queue->WhyShutOut(hand.key.Text())->has_value();
  }

  subject::TemporaryDirectory folder_;
  std::optional<storage::TreeStore> store_;
  std::optional<charter::CharterFiles> charter_;
  std::vector<crypto::Digest> trees_;
  std::vector<Seed> seeds_;
  crypto::Digest environment_;
  std::optional<oversight::EvaluationSetting> setting_;
  trial::TrialRules rules_;
  WorkerShare share_;
  TrialShareReport report_;
  std::string said_;
  std::atomic<int> lies_ = 0;
};

// The score of one episode a little better.
std::string Better(std::string text) {
  const size_t at = text.find("\"score\":") + 8;
  return text.replace(at, text.find('}', at) - at, "0.875");
}

// One is killed while it has a batch, one lies, one is honest: the figures are the true ones, and the liar is named.
TEST_F(TrialWorkTest, OneIsKilledAndOneLiesAndNothingIsLost) {
  const TrialHand killed("killed"), liar("liar"), honest("honest");
  const pid_t child = fork();
  if (child == 0) {
    static_cast<void>(Work(Options(), killed.key, killed.secret));
    _exit(1);
  }
  std::jthread kills([&] {
    const std::string held =
        "SELECT count(*) FROM pawl_work_parts WHERE lease_until > clock_timestamp() AND answer = ''"
        " AND holder = '" +
        killed.key.Text() + "'";
    bool stopped = false;
    EXPECT_TRUE(AwaitTrial([&] {
      if (TrialSql(held) == "0") return false;
      kill(child, SIGSTOP);
      stopped = TrialSql(held) != "0";
      if (!stopped) kill(child, SIGCONT);
      return stopped;
    })) << "never seen with a batch";
    kill(child, SIGKILL);
    EXPECT_EQ(waitpid(child, nullptr, 0), child);
  });
  share_.rerun_share = 1;
  const std::jthread lies = Lying(liar, Better);
  const std::jthread works(
      [&](std::stop_token stop) { EXPECT_TRUE(Work(Options(stop), honest.key, honest.secret).ok()); });
  const auto tables = Ask({&killed, &liar, &honest});
  kills.join();
  ExpectTrue(tables);
  EXPECT_GT(lies_, 0);
  EXPECT_THAT(report_.shut_out, Contains(Key("liar")));
  EXPECT_EQ(report_.shut_out.size(), 1u) << said_;
  EXPECT_EQ(report_.results, 2 * kEpisodes);
  EXPECT_EQ(TrialSql("SELECT count(*) FROM pawl_work_jobs"), "0");
  // What it had signed is kept.
  Result<Queue> queue = Queue::Open(share_.url, QueueSide::kAsker);
  const Result<Evidence> evidence = queue->EvidenceAgainst(liar.key.Text());
  ASSERT_TRUE(evidence.ok());
  EXPECT_TRUE(SignerOf(AnswerKind::kTrial, evidence->answer, evidence->signature, {{"liar", liar.key}}).ok());
  EXPECT_THAT(ReadTrialAnswer(evidence->answer)->episodes, HasSubstr("0.875"));
}

// Whoever may write to the queue can shut anybody out of it, and puts no words into what the gate signs.
TEST_F(TrialWorkTest, TheQueueShutsOutInNoWordsOfItsOwn) {
  const TrialHand a("worker-a");
  Result<Queue> queue = Queue::Open(share_.url, QueueSide::kAsker);
  ASSERT_TRUE(queue->ShutOut(a.key.Text(), "so that every episode was run here twice", {}).ok());
  ExpectTrue(Ask({&a}));
  EXPECT_THAT(said_, HasSubstr("run here twice"));
  EXPECT_THAT(DescribeShare(report_), Not(HasSubstr("twice")));
  EXPECT_THAT(DescribeShare(report_), HasSubstr("so the queue says"));
}

TEST_F(TrialWorkTest, WhatWorkersGiveIsWhatIsFoundHere) {
  const TrialHand a("worker-a");
  std::jthread works([&](std::stop_token stop) { EXPECT_TRUE(Work(Options(stop), a.key, a.secret).ok()); });
  ExpectTrue(Ask({&a}));
  EXPECT_TRUE(report_.of_workers);
  EXPECT_TRUE(report_.alone.empty());
  EXPECT_GT(report_.worker_results, 0u);
  EXPECT_GT(report_.drawn, 0u);
  EXPECT_THAT(report_.shut_out, IsEmpty());
  EXPECT_THAT(DescribeShare(report_), HasSubstr("gave the same when run again here"));
}

TEST_F(TrialWorkTest, WithoutWorkersOrQueueEverythingIsRunHere) {
  const TrialHand a("worker-a");
  ExpectTrue(Ask({&a}));
  EXPECT_FALSE(report_.of_workers);
  EXPECT_EQ(report_.worker_results, 0u);
  share_.url = "postgresql://postgres@/postgres?host=/nonexistent";
  report_ = {};
  TrialAsker asker(Setting(), share_, report_);
  ExpectTrue(Ask(asker));
  EXPECT_THAT(report_.alone, HasSubstr("the queue of work"));
  EXPECT_THAT(DescribeShare(report_), HasSubstr("every episode was run here"));
}

// The last word is this machine's: a lie that no sample has seen counts for nothing where a proposal would end.
TEST_F(TrialWorkTest, WhatEndsAProposalIsRunHereAndALieIsSeenThen) {
  const TrialHand liar("liar");
  share_.rerun_share = 0;
  share_.rerun_min = 0;
  share_.enrolled = {liar.key};
  TrialAsker asker(Setting(), share_, report_);
  {
    const std::jthread lies = Lying(liar, Better);
    const auto tables = Ask(asker);
    ASSERT_GT(report_.worker_results, 0u);
    EXPECT_EQ(report_.unseen, 1);
    const auto& scores = tables.at(trees_[0]).column(1);
    const auto& others = tables.at(trees_[1]).column(1);
    EXPECT_GT(std::count(scores.begin(), scores.end(), 0.875) + std::count(others.begin(), others.end(), 0.875), 0);
  }
  asker.GoAlone("what ends a proposal is run here");
  ExpectTrue(Ask(asker));
  EXPECT_FALSE(report_.of_workers);
  EXPECT_THAT(report_.shut_out, Contains(Key("liar")));
  EXPECT_TRUE(IsShutOut(liar));
  // What it had signed is written again from what was taken of it.
  Result<Queue> queue = Queue::Open(share_.url, QueueSide::kAsker);
  const Evidence evidence = Got(queue->EvidenceAgainst(liar.key.Text()));
  EXPECT_TRUE(SignerOf(AnswerKind::kTrial, evidence.answer, evidence.signature, {{"liar", liar.key}}).ok());
  EXPECT_EQ(Got(ReadTrialAnswer(evidence.answer)).asked, AskedDigest(evidence.claim, evidence.question));
}

// Somebody holds two batches until they are taken from it, and answers then: nothing is drawn, and the lie is seen.
TEST_F(TrialWorkTest, WhatBothHaveRunIsCompared) {
  share_.rerun_share = 0;
  share_.rerun_min = 0;
  for (const bool lies : {true, false}) {
    const TrialHand slow(lies ? "liar" : "slow");
    share_.enrolled.clear();
    report_ = {};
    said_.clear();
    const std::jthread works([&](std::stop_token stop) {
      Result<Queue> queue = Queue::Open(PostgresqlServer::Shared().Url(), QueueSide::kWorker);
      ASSERT_TRUE(queue.ok());
      std::vector<std::pair<TakenPart, SignedAnswer>> held;
      std::unique_ptr<TrialAtWork> work;
      const auto until = [&](auto condition) {
        while (!stop.stop_requested() && !condition()) std::this_thread::sleep_for(milliseconds(5));
        return !stop.stop_requested();
      };
      while (held.size() < 2) {
        std::optional<TakenPart> taken;
        if (!until([&] {
              taken = *queue->Take(slow.key.Text(), {TrialKindOf(charter_->charter.digest)}, 600'000, {});
              return taken.has_value();
            })) {
          return;
        }
        if (!work) work = std::move(*TrialAtWork::Read(*queue, *queue->Read(taken->job), {charter_->charter.digest}));
        const std::string found = Got(work->Run(taken->question));
        held.emplace_back(*taken, SignTrialAnswer({.job = taken->job,
                                                   .part = taken->part,
                                                   .asked = AskedDigest(work->claim_text(), taken->question),
                                                   .worker = slow.key.name,
                                                   .us = 7,
                                                   .episodes = lies ? Better(found) : found},
                                                  slow.secret));
      }
      // What the gate takes to run itself, it takes for an hour.
      const std::string gone =
          "SELECT count(*) FROM pawl_work_parts WHERE lease_until > clock_timestamp() + interval '50 min'"
          " AND holder = '" +
          slow.key.Text() + "'";
      if (!until([&] { return TrialSql(gone) != "0"; })) return;
      EXPECT_TRUE(*queue->Extend(held[0].first, 600'000));
      for (const auto& [part, sent] : held) EXPECT_TRUE(*queue->Answer(part, sent.bytes, sent.signature));
    });
    ExpectTrue(Ask({&slow}));
    EXPECT_EQ(IsShutOut(slow), lies) << said_;
    EXPECT_EQ(report_.shut_out.contains("liar"), lies);
    EXPECT_EQ(report_.compared > 0, !lies) << said_;
    const auto says = HasSubstr("that both had run were the same");
    EXPECT_EQ(testing::Value(DescribeShare(report_), says), !lies);
  }
}

TEST_F(TrialWorkTest, WhoSignsNonsenseIsShutOut) {
  const std::function<std::string(std::string)> kinds[] = {
      [](const std::string&) { return ""; },
      [](const std::string&) { return "{\"episode\":0,\"metrics\":{\"near_miss\":0,\"score\":2}}\n"; },
      // True, in other words: what was signed could not be written again.
      [](std::string text) { return text.replace(text.find("0,\"score"), 1, "0.0"); },
  };
  for (const auto& nonsense : kinds) {
    const TrialHand liar("liar");
    share_.enrolled.clear();
    report_ = {};
    const std::jthread lies = Lying(liar, nonsense);
    ExpectTrue(Ask({&liar}));
    EXPECT_THAT(report_.shut_out, Contains(Key("liar")));
    EXPECT_EQ(report_.alone, "every enrolled worker is shut out");
  }
}

// An evaluator that finds something else each time: an honest worker is not blamed for that. One whose episodes depend
// on what runs beside them, by rounding, is repeated as it was run.
TEST_F(TrialWorkTest, NobodyIsBlamedForAnEvaluatorThatIsToBlame) {
  for (const char* score : {"NR / 100 + gain", "noise / 512 + gain"}) {
    Prepare(score);
    share_.enrolled.clear();
    share_.rerun_share = 1;
    said_.clear();
    const TrialHand a("worker-a");
    const std::jthread works([&](std::stop_token stop) { EXPECT_TRUE(Work(Options(stop), a.key, a.secret).ok()); });
    static_cast<void>(Ask({&a}));
    const bool is_noise = score[0] == 'n';
    EXPECT_THAT(report_.shut_out, IsEmpty()) << score << said_;
    EXPECT_EQ(report_.of_workers, !is_noise);
    if (is_noise) {
      EXPECT_THAT(report_.alone, HasSubstr("nobody is blamed"));
    }
  }
}

TEST_F(TrialWorkTest, AnswersOfOthersOrToOtherQuestionsBlameNobody) {
  const TrialHand a("worker-a"), namesake("worker-a");
  const std::jthread moves([&](std::stop_token stop) {
    Result<Queue> queue = Queue::Open(share_.url, QueueSide::kWorker);
    std::optional<TakenPart> taken[2];
    for (int i = 0; i < 2; ++i) {
      ASSERT_TRUE(AwaitTrial([&] {
        taken[i] = *queue->Take(a.key.Text(), {TrialKindOf(charter_->charter.digest)}, 60'000, {});
        return taken[i].has_value() || stop.stop_requested();
      }));
    }
    const TrialAnswer answer{.job = taken[0]->job,
                             .part = taken[0]->part + 1,
                             .asked = AskedDigest("claim", taken[0]->question),
                             .worker = "worker-a",
                             .episodes = "yes"};
    const SignedAnswer moved = SignTrialAnswer(answer, a.secret), forged = SignTrialAnswer(answer, namesake.secret);
    EXPECT_TRUE(*queue->Answer(*taken[0], moved.bytes, moved.signature));
    EXPECT_TRUE(*queue->Answer(*taken[1], forged.bytes, forged.signature));
  });
  ExpectTrue(Ask({&a}));
  EXPECT_THAT(report_.shut_out, IsEmpty());
  EXPECT_EQ(report_.unsigned_answers, 2u);
}

// A worker runs evaluators of the charters that it was told to, on the environment that was asked for, and no others.
TEST_F(TrialWorkTest, AWorkerRunsNoProgramThatItWasNotToldOf) {
  const TrialHand a("worker-a");
  Result<Queue> queue = Queue::Open(share_.url, QueueSide::kAsker);
  ASSERT_TRUE(queue.ok());
  const crypto::Digest charter = charter_->charter.digest;
  // A charter of subjects that are programs: which of them a worker would run is the queue's word.
  charter::TestCharter of_programs;
  of_programs.files["evaluate.sh"] = Evaluator(kBySeed);
  of_programs.Replace("command = [\"python3\", \"evaluate.py\"]",
                      "command = [\"sh\", \"evaluate.sh\"]\nsubject_command = [\"sh\", \"main.sh\"]");
  const crypto::Digest programs = Put("of-programs", of_programs.files);
  std::vector<std::string> files;
  for (const crypto::Digest& tree : {charter, programs, trees_[0]}) {
    files.push_back(Got(store_->ReadBlob(tree, 1 << 20)));
    const Result<subject::Manifest> manifest = store_->ReadManifest(tree);
    ASSERT_TRUE(manifest.ok());
    for (const subject::FileEntry& file : manifest->files) files.push_back(Got(store_->ReadBlob(file.digest, 1 << 20)));
  }
  const auto outcome = [&](const std::string& kind, const TrialClaim& claim, const TrialQuestion& question) {
    static char id = 'a';
    const std::string job(16, id++);
    EXPECT_TRUE(queue->Begin({job, kind, WriteTrialClaim(claim), files, {a.key.Text()}}).ok());
    EXPECT_TRUE(queue->Add(job, {{0, 0, WriteTrialQuestion(question)}}).ok());
    std::string said;
    WorkOptions options = Options();
    options.until = WorkUntil::kOnePart;
    options.charters = {charter, programs};
    options.worked = [&](const WorkedPart& worked) { said = worked.outcome + " " + worked.detail; };
    const Result<WorkTally> tally = Work(options, a.key, a.secret);
    EXPECT_TRUE(queue->End(job).ok());
    return tally.ok() ? said : tally.error().rule;
  };
  const TrialClaim claim{charter, environment_, {trees_[0]}};
  const TrialQuestion question{trees_[0], {seeds_[0]}};
  EXPECT_EQ(outcome(TrialKindOf(charter), claim, question), "run ");
  EXPECT_EQ(outcome(TrialKindOf(crypto::Sha256("other")), claim, question), "work.other-kind");
  EXPECT_THAT(outcome(TrialKindOf(charter), {crypto::Sha256("other"), environment_, {}}, question),
              HasSubstr("work.other-charter"));
  EXPECT_THAT(outcome(TrialKindOf(charter), {charter, crypto::Sha256("other"), {trees_[0]}}, question),
              HasSubstr("work.other-environment"));
  EXPECT_THAT(outcome(TrialKindOf(charter), claim, {trees_[1], {seeds_[0]}}), HasSubstr("work.other-tree"));
  EXPECT_THAT(outcome(TrialKindOf(programs), {programs, environment_, {trees_[0]}}, question),
              HasSubstr("work.subject-program"));
  EXPECT_THAT(outcome(TrialKindOf(charter), {charter, environment_, {trees_[1]}}, question),
              HasSubstr("work.job-gone"));  // a tree whose files the job has not
}

TEST(TrialBatchTest, WhatIsWrittenIsRead) {
  const TrialClaim claim{crypto::Sha256("c"), crypto::Sha256("e"), {crypto::Sha256("t")}, std::string(32, 'a')};
  const Result<TrialClaim> read = ReadTrialClaim(WriteTrialClaim(claim));
  ASSERT_TRUE(read.ok()) << read.error().message;
  EXPECT_EQ(read->charter, claim.charter);
  EXPECT_EQ(read->environment, claim.environment);
  EXPECT_EQ(read->trees, claim.trees);
  EXPECT_EQ(read->trace, claim.trace);
  TrialQuestion question{crypto::Sha256("t"), std::vector<Seed>(kBatchEpisodesMax)};
  question.seeds[3][7] = 9;
  const Result<TrialQuestion> asked = ReadTrialQuestion(WriteTrialQuestion(question));
  ASSERT_TRUE(asked.ok()) << asked.error().message;
  EXPECT_EQ(asked->tree, question.tree);
  EXPECT_EQ(asked->seeds, question.seeds);
  const std::vector<trial::MetricRange> metrics = {{"a", -10, 10}, {"b", 0, 1}};
  EpisodeTable table(metrics, 3, {-0.0, 1e-300, 0.1, 1.0 / 3, 5e-324, 1}, {0, 1, 0});
  table.Describe({"one", "", "three"});
  const std::vector<std::string> groups = {"calm", "busy"};
  const Result<EpisodeTable> again = trial::ReadEpisodes(EpisodesText(table, groups), metrics, 3, groups);
  ASSERT_TRUE(again.ok()) << again.error().message;
  for (size_t i = 0; i < 3; ++i) EXPECT_TRUE(SameEpisode(table, i, *again, i)) << i;
  EXPECT_EQ(EpisodesText(*again, groups), EpisodesText(table, groups));
  EXPECT_FALSE(SameEpisode(table, 0, *again, 2));
  const EpisodeTable values(metrics, 1, {0, 0.5}, {0}), group(metrics, 1, {0, 0.5}, {1});
  EXPECT_FALSE(SameEpisode(values, 0, group, 0));
  EpisodeTable input = values;
  input.Describe({"other"});
  EXPECT_FALSE(SameEpisode(values, 0, input, 0));
}

TEST(TrialBatchTest, WhatIsMalformedIsRefused) {
  const std::string claim = WriteTrialClaim({{}, {}, {crypto::Sha256("t")}, {}});
  const std::string question = WriteTrialQuestion({{}, {Seed()}});
  const TrialHand hand("worker-a");
  const SignedAnswer sent =
      SignTrialAnswer({.job = "j", .part = 1, .asked = {}, .worker = "worker-a", .episodes = "e"}, hand.secret);
  for (size_t size = 0; size < claim.size(); ++size) EXPECT_FALSE(ReadTrialClaim(claim.substr(0, size)).ok());
  for (size_t size = 0; size < question.size(); ++size) EXPECT_FALSE(ReadTrialQuestion(question.substr(0, size)).ok());
  for (size_t size = 0; size < sent.bytes.size(); ++size)
    EXPECT_FALSE(ReadTrialAnswer(sent.bytes.substr(0, size)).ok());
  EXPECT_TRUE(ReadTrialAnswer(sent.bytes).ok());
  EXPECT_FALSE(ReadTrialQuestion(WriteTrialQuestion({{}, {}})).ok());
  EXPECT_FALSE(ReadTrialQuestion(WriteTrialQuestion({{}, std::vector<Seed>(kBatchEpisodesMax + 1)})).ok());
  EXPECT_FALSE(ReadTrialClaim(WriteTrialClaim({{}, {}, std::vector<crypto::Digest>(kTrialTreesMax + 1), {}})).ok());
  for (const std::string& trace : {std::string(31, 'a'), std::string(32, 'A'), std::string(33, 'a')})
    EXPECT_FALSE(ReadTrialClaim(WriteTrialClaim({{}, {}, {}, trace})).ok()) << trace;
  const TrialAnswer large{
      .job = "j", .part = 1, .asked = {}, .worker = "w", .episodes = std::string(kEpisodesTextBytesMax + 1, 'x')};
  EXPECT_FALSE(ReadTrialAnswer(SignTrialAnswer(large, hand.secret).bytes).ok());
  // A signature of the one kind is none of the other.
  EXPECT_TRUE(SignerOf(AnswerKind::kTrial, sent.bytes, sent.signature, {{"worker-a", hand.key}}).ok());
  EXPECT_FALSE(SignerOf(AnswerKind::kProof, sent.bytes, sent.signature, {{"worker-a", hand.key}}).ok());
}

// By trying every sample.
TEST(TrialBatchTest, TheChanceOfALieToStayUnseenIsCounted) {
  for (unsigned all = 1; all <= 10; ++all) {
    for (unsigned drawn = 0; drawn <= all; ++drawn) {
      std::vector<double> unseen(all + 1, 0);
      double samples = 0;
      for (unsigned sample = 0; sample < 1u << all; ++sample) {
        if (static_cast<unsigned>(__builtin_popcount(sample)) != drawn) continue;
        ++samples;
        for (unsigned falsified = 0; falsified <= all; ++falsified)
          unseen[falsified] += (sample & ((1u << falsified) - 1)) == 0;
      }
      for (unsigned falsified = 0; falsified <= all; ++falsified) {
        EXPECT_NEAR(UnseenChance(all, drawn, falsified), unseen[falsified] / samples, 1e-12);
        EXPECT_LE(UnseenChance(all, drawn, falsified), std::pow(UnseenChance(all, drawn, 1), falsified) + 1e-12);
      }
    }
  }
}

}  // namespace
}  // namespace pawl::work
