// Askers and workers over a real PostgreSQL server.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <future>
#include <mutex>
#include <thread>

#include "checker/checker.h"
#include "encoding/base64.h"
#include "ledger/postgresql_for_test.h"
#include "prover/network_for_test.h"
#include "work/asker.h"
#include "work/part_answer.h"
#include "work/queue.h"
#include "work/worker.h"

namespace pawl::work {
namespace {

using ledger::PostgresqlServer;
using prover::ProofResult;
using prover::ProofStatus;
using std::chrono::milliseconds;
using testing::Contains;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Key;

struct Hand {
  explicit Hand(const std::string& name)
      : key(crypto::NoteKey::Of(name, crypto::NoteKeyType::kEd25519, secret.public_key())) {}
  signing::Ed25519PrivateKey secret = *signing::Ed25519PrivateKey::Generate();
  crypto::NoteKey key;
};

WorkOptions Options(std::stop_token cancel = {}) {
  WorkOptions options;
  options.url = PostgresqlServer::Shared().Url();
  options.cancel = std::move(cancel);
  return options;
}

// Works until it goes out of scope.
class Running {
 public:
  explicit Running(const Hand& hand)
      : thread_([&hand](std::stop_token stop) { ASSERT_TRUE(Work(Options(stop), hand.key, hand.secret).ok()); }) {}

 private:
  std::jthread thread_;
};

// The text of the property.
std::string VnnlibOf(const prover::TightProblem& problem) {
  prover::PlainProperty unsafe;
  unsafe.outputs = 2;
  unsafe.lower.assign(problem.plain.inputs(), "-0.1");
  unsafe.upper.assign(problem.plain.inputs(), "0.1");
  unsafe.rows.push_back({{1, -1}, problem.property.cases[0].unsafe[0][0].bound.ToString()});
  return unsafe.ToVnnlib();
}

// A proof that somebody asks for.
class Asking {
 public:
  Asking(const std::vector<const Hand*>& enrolled, prover::TightProblem problem, size_t parts_min = 8)
      : problem_(std::move(problem)),
        network_(problem_.plain.ToOnnx()),
        vnnlib_(VnnlibOf(problem_)),
        request_(problem_.Request()) {
    request_.network_digest = crypto::Sha256(network_).bytes;
    request_.property_digest = crypto::Sha256(vnnlib_).bytes;
    request_.keep_checkpoint = true;
    options_.url = PostgresqlServer::Shared().Url();
    for (const Hand* hand : enrolled) options_.enrolled.push_back(hand->key);
    options_.alone_s = 0;
    options_.parts_min = parts_min;
    options_.says = [this](const std::string&) { ++said_; };
  }
  ~Asking() {
    stop_.request_stop();
    if (result_.valid()) result_.wait();
  }
  Asking& Start(uint64_t timeout_ms = 60'000) {
    request_.timeout_ms = timeout_ms;
    request_.cancel = stop_.get_token();
    result_ = std::async(std::launch::async, [this] {
      return ProveWithWorkers(request_, {network_, vnnlib_}, options_, report_);
    });
    while (PostgresqlServer::Shared().Sql("SELECT count(*) FROM pg_class WHERE relname = 'pawl_work_parts'") != "1" ||
           PostgresqlServer::Shared().Sql("SELECT count(*) FROM pawl_work_parts") == "0") {
      if (result_.wait_for(milliseconds(10)) == std::future_status::ready) break;
    }
    return *this;
  }
  HelpedSearch Help(int64_t silence_ms, uint64_t timeout_ms, const ProveHere& here = prover::Prove) {
    request_.timeout_ms = timeout_ms;
    WorkerShare share;
    share.url = options_.url;
    share.enrolled = options_.enrolled;
    share.alone_s = 0;
    return ProveWithHelp(
        request_, {network_, vnnlib_}, share, here, [this](const std::string& line) { lines_ += line; }, silence_ms);
  }
  const std::string& lines() const { return lines_; }
  int said() const { return said_; }
  ProofResult Get() {
    Result<ProofResult> result = result_.get();
    EXPECT_TRUE(result.ok()) << result.error().rule << result.error().message;
    return result.ok() ? std::move(*result) : ProofResult();
  }
  Error GetError() {
    Result<ProofResult> result = result_.get();
    return result.ok() ? Error() : result.error();
  }
  void ExpectProven() {
    const ProofResult result = Get();
    ASSERT_EQ(result.status, ProofStatus::kProven) << result.detail;
    const Result<checker::Certificate> certificate = checker::ReadCertificate(result.certificate);
    ASSERT_TRUE(certificate.ok());
    EXPECT_TRUE(checker::Check(problem_.network, problem_.property, *certificate,
                               {request_.arithmetic, request_.network_digest, request_.property_digest})
                    .proven);
  }
  const AskReport& report() const { return report_; }
  const prover::ProofRequest& request() const { return request_; }
  AskOptions& options() { return options_; }

 private:
  const prover::TightProblem problem_;
  const std::string network_, vnnlib_;
  prover::ProofRequest request_;
  AskOptions options_;
  AskReport report_;
  std::atomic<int> said_ = 0;
  std::string lines_;
  std::stop_source stop_;
  std::future<Result<ProofResult>> result_;
};

prover::TightProblem Hard() { return prover::TightProblem(6, {40, 40, 40}, 0.02); }

std::string Sql(const std::string& statement) { return PostgresqlServer::Shared().Sql(statement); }

template <typename Condition>
void Await(Condition condition) {
  for (int waited_ms = 0; waited_ms < 30'000 && !condition(); waited_ms += 5)
    std::this_thread::sleep_for(milliseconds(5));
}

TEST(WorkTest, WorkersProveWhatOneAsks) {
  const Hand a("worker-a"), b("worker-b");
  Asking asking({&a, &b}, Hard());
  asking.Start();
  {
    const Running first(a), second(b);
    asking.ExpectProven();
  }
  const AskReport& report = asking.report();
  EXPECT_TRUE(report.shared);
  EXPECT_GE(report.parts.size(), 8u);
  EXPECT_THAT(report.shut_out, IsEmpty());
  std::set<std::string> names;
  for (const PartRecord& part : report.parts) names.insert(part.worker);
  EXPECT_EQ(names.size(), 2u);
  EXPECT_EQ(Sql("SELECT count(*) FROM pawl_work_jobs"), "0");
  EXPECT_EQ(Sql("SELECT count(*) FROM pawl_work_parts"), "0");
}

TEST(WorkTest, WhatIsEasyIsNotSharedOut) {
  const Hand a("worker-a");
  Asking asking({&a}, prover::TightProblem(3, {5}, 0.5));
  asking.options().alone_s = 30;
  asking.Start();
  asking.ExpectProven();
  EXPECT_FALSE(asking.report().shared);
}

TEST(WorkTest, TwoAskAtOnce) {
  const Hand a("worker-a"), b("worker-b");
  Asking first({&a, &b}, Hard()), second({&a, &b}, prover::TightProblem(5, {40, 40}, 0.02));
  first.Start();
  second.Start();
  const Running one(a), other(b);
  first.ExpectProven();
  second.ExpectProven();
}

// Killed while it holds a part: its lease runs out, and another proves it.
TEST(WorkTest, AKilledWorkerLosesNothing) {
  const Hand a("worker-a"), b("worker-b");
  static_cast<void>(Queue::Open(PostgresqlServer::Shared().Url(), QueueSide::kAsker));  // the tables
  const pid_t child = fork();
  if (child == 0) {
    WorkOptions options = Options();
    options.lease_ms = 1'000;
    static_cast<void>(Work(options, a.key, a.secret));
    _exit(1);
  }
  Asking asking({&a, &b}, Hard(), 1);
  asking.Start();
  const auto held = [] {
    return Sql("SELECT count(*) FROM pawl_work_parts WHERE lease_until > clock_timestamp() AND answer = ''") != "0";
  };
  bool stopped = false;
  Await([&] {
    if (!held()) return false;
    kill(child, SIGSTOP);
    stopped = held();
    if (!stopped) kill(child, SIGCONT);
    return stopped;
  });
  EXPECT_TRUE(stopped) << "never seen with a part";
  kill(child, SIGKILL);
  EXPECT_EQ(waitpid(child, nullptr, 0), child);
  const Running other(b);
  asking.ExpectProven();
  EXPECT_THAT(asking.report().shut_out, IsEmpty());
}

// Told to stop while it holds a part, as by SIGTERM: it hands in what it has or gives the part back, at once and not
// when its lease runs out.
TEST(WorkTest, AStoppedWorkerHandsInWhatItHas) {
  const Hand a("worker-a"), b("worker-b");
  Asking asking({&a, &b}, Hard(), 1);
  asking.Start();
  const auto held = [] {
    return Sql("SELECT count(*) FROM pawl_work_parts WHERE lease_until > clock_timestamp() AND answer = ''") != "0";
  };
  std::optional<Running> one(std::in_place, a);
  Await(held);
  EXPECT_TRUE(held()) << "never seen with a part";
  one.reset();
  EXPECT_FALSE(held());
  const Running other(b);
  asking.ExpectProven();
  EXPECT_THAT(asking.report().shut_out, IsEmpty());
}

// Takes one part and answers it with whatever `lie` makes of the question.
void Lie(const Hand& hand, const std::function<Answer(const TakenPart&)>& lie) {
  Result<Queue> queue = Queue::Open(PostgresqlServer::Shared().Url(), QueueSide::kWorker);
  ASSERT_TRUE(queue.ok());
  std::optional<TakenPart> taken;
  Await([&] {
    Result<std::optional<TakenPart>> part = queue->Take(hand.key.Text(), {kProofKind}, 60'000, {});
    EXPECT_TRUE(part.ok()) << part.error().message;
    if (part.ok()) taken = *part;
    return taken.has_value();
  });
  ASSERT_TRUE(taken.has_value());
  Answer answer = lie(*taken);
  answer.worker = hand.key.name;
  const SignedAnswer sent = SignAnswer(answer, hand.secret);
  const Result<bool> there = queue->Answer(*taken, sent.bytes, sent.signature);
  ASSERT_TRUE(there.ok());
  EXPECT_TRUE(*there);
}

Answer AnswerTo(const TakenPart& taken) {
  Result<Queue> queue = Queue::Open(PostgresqlServer::Shared().Url(), QueueSide::kWorker);
  return {.job = taken.job,
          .part = taken.part,
          .asked = AskedDigest(queue->Read(taken.job)->claim, taken.question),
          .worker = {},
          .found = {}};
}

bool IsShutOut(const Hand& hand) {
  Result<Queue> queue = Queue::Open(PostgresqlServer::Shared().Url(), QueueSide::kWorker);
  return queue.ok() && queue->WhyShutOut(hand.key.Text())->has_value();
}

TEST(WorkTest, WhoAnswersGarbageIsNamedAndShutOut) {
  const Hand honest("honest"), noise("noise"), false_leaf("false-leaf"), no_counterexample("no-counterexample"),
      not_stuck("not-stuck");
  Asking asking({&honest, &noise, &false_leaf, &no_counterexample, &not_stuck}, Hard(), 16);
  asking.Start();
  Lie(noise, [](const TakenPart& taken) {
    Answer answer = AnswerTo(taken);
    answer.found.tree = {1, 2, 3};
    return answer;
  });
  // The part's whole box as one leaf.
  Lie(false_leaf, [&](const TakenPart& taken) {
    checker::CaseProof proof;
    proof.conjunctions = 1;
    proof.groups.push_back({.members = {0},
                            .arguments = {{checker::Recipe::kBackward, {{{0, checker::kUnitMultiplier}}}, {}}},
                            .nodes = {checker::Node::Leaf(0)},
                            .weights = {}});
    Answer answer = AnswerTo(taken);
    answer.found.tree = prover::WriteCheckpoint(asking.request(), {proof});
    return answer;
  });
  Lie(no_counterexample, [](const TakenPart& taken) {
    Answer answer = AnswerTo(taken);
    answer.found.kind = prover::PartAnswer::Kind::kViolated;
    answer.found.inputs.assign(6, 0.0);
    return answer;
  });
  Lie(not_stuck, [](const TakenPart& taken) {
    Answer answer = AnswerTo(taken);
    answer.found.kind = prover::PartAnswer::Kind::kStuck;
    return answer;
  });
  Await([&] { return asking.said() >= 4; });
  const Running last(honest);
  asking.ExpectProven();
  for (const char* name : {"noise", "false-leaf", "no-counterexample", "not-stuck"})
    EXPECT_THAT(asking.report().shut_out, Contains(Key(name)));
  EXPECT_EQ(asking.report().shut_out.size(), 4u);
  // It is told so, and gets nothing any more, whoever enrols it.
  const Result<WorkTally> again = Work(Options(), noise.key, noise.secret);
  ASSERT_FALSE(again.ok());
  EXPECT_EQ(again.error().rule, "work.shut-out");
  Asking next({&noise}, Hard());
  next.Start();
  EXPECT_EQ(next.GetError().rule, "work.no-worker");
  // What it has signed is kept for whoever wants to see it, who may let it in again.
  Result<Queue> queue = Queue::Open(PostgresqlServer::Shared().Url(), QueueSide::kAsker);
  ASSERT_TRUE(queue.ok());
  const Result<Evidence> evidence = queue->EvidenceAgainst(noise.key.Text());
  ASSERT_TRUE(evidence.ok());
  EXPECT_TRUE(SignerOf(AnswerKind::kProof, evidence->answer, evidence->signature, {{"noise", noise.key}}).ok());
  EXPECT_EQ(ReadAnswer(evidence->answer)->asked, AskedDigest(evidence->claim, evidence->question));
  ASSERT_TRUE(queue->Readmit(noise.key.Text()).ok());
  EXPECT_FALSE(IsShutOut(noise));
}

// One that proves next to nothing of any part holds the proof up no longer than it takes to see that.
TEST(WorkTest, WhoProvesNothingIsShutOut) {
  const Hand honest("honest"), idler("idler");
  Asking asking({&honest, &idler}, Hard(), 4);
  asking.Start();
  for (int i = 0; i < 10; ++i) {
    Lie(idler, [&](const TakenPart& taken) {
      Answer answer = AnswerTo(taken);
      answer.found.tree = prover::WriteCheckpoint(asking.request(), {{}});
      return answer;
    });
  }
  Await([&] { return asking.said() >= 1; });
  const Running last(honest);
  asking.ExpectProven();
  EXPECT_THAT(asking.report().shut_out, Contains(Key("idler")));
  // Of this proof alone: it has not lied.
  EXPECT_FALSE(IsShutOut(idler));
}

TEST(WorkTest, WhoIsNotEnrolledIsRefused) {
  const Hand a("worker-a"), stranger("stranger"), namesake("worker-a");
  Asking asking({&a}, Hard());
  asking.Start();
  for (const Hand* hand : {&stranger, &namesake}) {
    WorkOptions options = Options();
    options.until = WorkUntil::kOnePart;
    const Result<WorkTally> refused = Work(options, hand->key, hand->secret);
    ASSERT_FALSE(refused.ok());
    EXPECT_EQ(refused.error().rule, "work.not-enrolled");
  }
  // Whoever may write to the tables can take a part all the same; its answer is thrown away, and nobody is blamed.
  Result<Queue> queue = Queue::Open(PostgresqlServer::Shared().Url(), QueueSide::kWorker);
  ASSERT_TRUE(queue.ok());
  const Result<std::optional<TakenPart>> taken = queue->Take(a.key.Text(), {kProofKind}, 60'000, {});
  ASSERT_TRUE(taken.ok() && taken->has_value());
  Answer answer = AnswerTo(**taken);
  answer.worker = "worker-a";
  const SignedAnswer sent = SignAnswer(answer, namesake.secret);
  ASSERT_TRUE(*queue->Answer(**taken, sent.bytes, sent.signature));
  const Running last(a);
  asking.ExpectProven();
  EXPECT_EQ(asking.report().unsigned_answers, 1u);
  EXPECT_THAT(asking.report().shut_out, IsEmpty());
}

// A database that changes a question has the worker prove something else; it is not the worker that is blamed.
TEST(WorkTest, NobodyIsBlamedForAQuestionThatWasChanged) {
  const Hand a("worker-a");
  Asking asking({&a}, Hard());
  asking.Start();
  const std::string question = Sql("SELECT encode(question, 'hex') FROM pawl_work_parts WHERE part = 0");
  Sql("UPDATE pawl_work_parts SET question = (SELECT question FROM pawl_work_parts WHERE part = 1) WHERE part = 0");
  WorkOptions options = Options();
  options.until = WorkUntil::kOnePart;
  int64_t part = -1;
  options.worked = [&](const WorkedPart& worked) { part = worked.part; };
  ASSERT_TRUE(Work(options, a.key, a.secret).ok());
  EXPECT_EQ(part, 0);
  Await([] { return Sql("SELECT count(*) FROM pawl_work_parts WHERE part = 0 AND answer = ''") == "1"; });
  Sql("UPDATE pawl_work_parts SET question = decode('" + question + "', 'hex') WHERE part = 0");
  const Running last(a);
  asking.ExpectProven();
  EXPECT_GE(asking.report().unsigned_answers, 1u);
  EXPECT_THAT(asking.report().shut_out, IsEmpty());
}

// Whoever may write to the tables can put a worker's answer into the row of another part.
TEST(WorkTest, NobodyIsBlamedForAnAnswerThatWasMoved) {
  const Hand a("worker-a");
  Asking asking({&a}, Hard());
  asking.Start();
  for (int i = 0; i < 2; ++i) {
    Lie(a, [&](const TakenPart& taken) {
      Answer answer = AnswerTo(taken);
      if (i == 0)
        answer.part += 1;
      else
        answer.job = std::string(16, 'x');
      return answer;
    });
  }
  const Running last(a);
  asking.ExpectProven();
  EXPECT_THAT(asking.report().shut_out, IsEmpty());
  EXPECT_EQ(asking.report().unsigned_answers, 2u);
}

TEST(WorkTest, WithoutWorkersTheTimeRunsOutAndACheckpointIsLeft) {
  const Hand a("worker-a");
  Asking asking({&a}, Hard());
  asking.Start(500);
  const ProofResult result = asking.Get();
  EXPECT_EQ(result.status, ProofStatus::kUnknown);
  EXPECT_EQ(result.reason, prover::UnknownReason::kTimeout);
  EXPECT_TRUE(prover::ReadCheckpoint(result.checkpoint, asking.request()).ok());
  WorkOptions options = Options();
  options.until = WorkUntil::kOnePart;
  EXPECT_EQ(Work(options, a.key, a.secret).error().rule, "work.nothing");
}

// Nobody who is enrolled works, or the time is over before they have answered: what can be proven here is.
TEST(WorkTest, NoProofIsRefusedForItsWorkers) {
  const Hand a("worker-a");
  // Hardly anything of it is proven while it is divided.
  const prover::TightProblem hard(8, {40, 40, 40}, 0.02);
  Asking silent({&a}, hard), late({&a}, hard);
  const HelpedSearch found = silent.Help(300, 60'000);
  EXPECT_EQ(found.result.status, ProofStatus::kProven) << found.result.detail;
  EXPECT_EQ(found.parts, 0u);
  EXPECT_THAT(silent.lines(), HasSubstr("no worker has proven anything"));
  // Whether the last search ends in the time depends on the machine.
  const HelpedSearch after = late.Help(60'000, 1'000);
  EXPECT_THAT(late.lines(), HasSubstr("parts of the proof are open"));
  EXPECT_THAT(after.result.detail, testing::Not(HasSubstr("parts of the proof are open")));
  EXPECT_EQ(Sql("SELECT count(*) FROM pawl_work_jobs"), "0");
}

TEST(WorkTest, WhatIsNotSharedOutIsSearchedHereInOneGo) {
  const Hand a("worker-a");
  Asking asking({&a}, prover::TightProblem(30, {50, 50}, 1.2));
  std::vector<uint64_t> times;
  asking.Help(300, 50'000, [&](const prover::ProofRequest& request) {
    times.push_back(request.timeout_ms);
    return ProofResult();
  });
  EXPECT_EQ(times, std::vector<uint64_t>{50'000});
  EXPECT_THAT(asking.lines(), HasSubstr("not shared out"));
}

TEST(WorkTest, MorePartsThanFitAreNotKept) {
  const Hand a("worker-a");
  Asking asking({&a}, Hard());
  asking.options().open_max = 4;
  const ProofResult result = asking.Start().Get();
  EXPECT_EQ(result.status, ProofStatus::kUnknown);
  EXPECT_EQ(result.reason, prover::UnknownReason::kMemory);
  EXPECT_TRUE(prover::ReadCheckpoint(result.checkpoint, asking.request()).ok());
  Asking divided({&a}, Hard(), 1);
  divided.options().open_max = 4;
  divided.Start();
  Lie(a, [&](const TakenPart& taken) {
    Answer answer = AnswerTo(taken);
    answer.found.tree = prover::WriteCheckpoint(divided.request(), {{}});
    return answer;
  });
  EXPECT_EQ(divided.Get().reason, prover::UnknownReason::kMemory);
}

TEST(WorkTest, WhatAJobSaysWronglyIsLeftToOthers) {
  const Hand a("worker-a");
  Result<Queue> queue = Queue::Open(PostgresqlServer::Shared().Url(), QueueSide::kAsker);
  ASSERT_TRUE(queue.ok());
  const prover::TightProblem problem(3, {5}, 0.5);
  const std::string network = problem.plain.ToOnnx(), vnnlib = VnnlibOf(problem);
  Claim claim{.network = crypto::Sha256(network), .property = crypto::Sha256(vnnlib), .radii = {}};
  const Job right{std::string(16, 'r'), kProofKind, WriteClaim(claim), {network, vnnlib}, {a.key.Text()}};
  Job job = right;
  std::vector<Job> jobs;
  job.claim = "{}";
  jobs.push_back(job);
  job.claim = right.claim, job.files[0] += " ";
  jobs.push_back(job);
  claim.network = crypto::Sha256("no network");
  job.files[0] = "no network", job.claim = WriteClaim(claim);
  jobs.push_back(job);
  const prover::Part part{0, 0, 0, {-0.1, -0.1, -0.1, 0.1, 0.1, 0.1}};
  const auto outcome = [&](Job made, const std::string& question) {
    static char id = 'a';
    made.id.assign(16, id++);
    EXPECT_TRUE(queue->Begin(made).ok());
    EXPECT_TRUE(queue->Add(made.id, {{0, 0, question}}).ok());
    std::string said;
    WorkOptions options = Options();
    options.until = WorkUntil::kOnePart;
    options.worked = [&](const WorkedPart& worked) { said = worked.outcome; };
    EXPECT_TRUE(Work(options, a.key, a.secret).ok());
    EXPECT_TRUE(queue->End(made.id).ok());
    return said;
  };
  for (const Job& wrong : jobs) EXPECT_EQ(outcome(wrong, WriteQuestion(part)), "refused");
  prover::Part elsewhere = part;
  elsewhere.bounds[0] = -5;
  EXPECT_EQ(outcome(right, WriteQuestion(elsewhere)), "refused");
  EXPECT_EQ(outcome(right, "no question"), "refused");
  EXPECT_EQ(outcome(right, WriteQuestion(part)), "proven");
}

TEST(QueueTest, ALeaseThatRanOutIsAnothers) {
  Result<Queue> queue = Queue::Open(PostgresqlServer::Shared().Url(), QueueSide::kAsker);
  ASSERT_TRUE(queue.ok());
  const std::string id(16, 'q');
  ASSERT_TRUE(queue->Begin({id, "kind", "claim", {"file"}, {"a", "b"}}).ok());
  ASSERT_TRUE(queue->Add(id, {{0, 3, "small"}, {1, 2, "large"}}).ok());
  ASSERT_TRUE(queue->Add(id, {{1, 2, "again"}}).ok());  // as after a lost answer: nothing changes
  const auto take = [&](const std::string& key, int64_t lease_ms) { return *queue->Take(key, {"kind"}, lease_ms, {}); };
  EXPECT_FALSE(take("c", 60'000).has_value());
  EXPECT_FALSE(queue->Take("a", {"kind"}, 60'000, {id})->has_value());
  EXPECT_FALSE(queue->Take("a", {"other", "kinds"}, 60'000, {})->has_value());
  const std::optional<TakenPart> first = take("a", 1);
  ASSERT_TRUE(first.has_value());
  EXPECT_EQ(first->question, "large");
  std::this_thread::sleep_for(milliseconds(5));
  const std::optional<TakenPart> second = take("b", 60'000);
  ASSERT_TRUE(second.has_value());
  EXPECT_EQ(second->part, first->part);
  EXPECT_FALSE(*queue->Extend(*first, 60'000));
  EXPECT_FALSE(*queue->Answer(*first, "late", "s"));
  EXPECT_TRUE(*queue->Extend(*second, 60'000));
  EXPECT_EQ(take("a", 60'000)->question, "small");
  EXPECT_FALSE(take("a", 60'000).has_value());
  EXPECT_TRUE(*queue->Answer(*second, "answer", "s"));
  EXPECT_TRUE(*queue->Answer(*second, "answer", "s"));  // its answer was lost
  EXPECT_FALSE(*queue->Answer(*second, "another", "s"));
  EXPECT_EQ(queue->Answers(id, 10)->size(), 1u);
  EXPECT_EQ(queue->Answers(id, 10)->at(0).answer, "answer");
  ASSERT_TRUE(queue->PutBack(id, second->part).ok());
  EXPECT_THAT(*queue->Answers(id, 10), IsEmpty());
  // Held for too long, however long the lease.
  EXPECT_EQ(take("b", 600'000)->question, "large");
  std::this_thread::sleep_for(milliseconds(5));
  EXPECT_THAT(*queue->TakeFromHolders(id, 60'000), IsEmpty());
  EXPECT_FALSE(take("a", 60'000).has_value());
  EXPECT_THAT(*queue->TakeFromHolders(id, 1), testing::UnorderedElementsAre("a", "b"));
  const std::optional<TakenPart> large = take("a", 60'000);
  EXPECT_EQ(large->question, "large");
  // Whoever asks takes what waits, which is nobody's then, and afterwards what is held, which its holder may answer.
  const auto take_own = [&](int64_t held_ms) { return *queue->TakeOwn(id, held_ms); };
  EXPECT_EQ(take_own(60'000)->part, 0);
  EXPECT_FALSE(take_own(60'000).has_value());
  std::this_thread::sleep_for(milliseconds(5));
  const std::optional<OwnPart> held = take_own(1);
  ASSERT_TRUE(held.has_value());
  EXPECT_EQ(held->part, large->part);
  EXPECT_TRUE(held->held);
  EXPECT_TRUE(*queue->Extend(*large, 60'000));
  EXPECT_TRUE(*queue->Answer(*large, "late", "s"));
  ASSERT_TRUE(queue->PutBack(id, large->part).ok());
  // Nobody works for an asker that has not been heard of.
  Sql("UPDATE pawl_work_jobs SET alive_until = clock_timestamp() - interval '1 s'");
  Sql("UPDATE pawl_work_parts SET lease_until = '-infinity'");
  EXPECT_FALSE(take("a", 60'000).has_value());
  const auto whom = [&](const std::string& key, const std::string& kind) { return *queue->Whom(key, {kind}); };
  EXPECT_EQ(whom("a", "kind").whom, WhoIsAsked::Whom::kNobody);
  ASSERT_TRUE(queue->KeepAlive(id).ok());
  EXPECT_EQ(whom("a", "kind").whom, WhoIsAsked::Whom::kThisKey);
  EXPECT_EQ(whom("a", "other").whom, WhoIsAsked::Whom::kThisKeyOtherKinds);
  EXPECT_EQ(whom("a", "other").kind, "kind");
  EXPECT_EQ(whom("c", "kind").whom, WhoIsAsked::Whom::kOthers);
  ASSERT_TRUE(queue->AskNoMore(id, "a").ok());
  EXPECT_EQ(whom("a", "kind").whom, WhoIsAsked::Whom::kOthers);
  ASSERT_TRUE(queue->End(id).ok());
  EXPECT_EQ(queue->KeepAlive(id).error().rule, "work.job-gone");
  EXPECT_EQ(Sql("SELECT count(*) FROM pawl_work_parts"), "0");
}

TEST(QueueTest, LargeFilesComeWhole) {
  Result<Queue> queue = Queue::Open(PostgresqlServer::Shared().Url(), QueueSide::kAsker);
  ASSERT_TRUE(queue.ok());
  const std::string id(16, 'l');
  for (const size_t size : {size_t{0}, size_t{512} << 10, (size_t{512} << 10) + 1, size_t{3} << 20}) {
    std::string file(size, 'n');
    for (size_t i = 0; i < size; i += 1'000) file[i] = static_cast<char>(i / 1'000);
    ASSERT_TRUE(queue->Begin({id, "kind", "claim", {file, "property"}, {}}).ok());
    EXPECT_EQ(queue->Read(id)->claim, "claim");
    const Result<std::string> read = queue->ReadFile(id, crypto::Sha256(file), kFileBytesMax);
    ASSERT_TRUE(read.ok());
    EXPECT_TRUE(*read == file);
    EXPECT_EQ(*queue->ReadFile(id, crypto::Sha256("property"), 8), "property");
    EXPECT_EQ(queue->ReadFile(id, crypto::Sha256("property"), 7).error().rule, "work.too-large");
    EXPECT_EQ(queue->ReadFile(id, crypto::Sha256("none"), 8).error().rule, "work.job-gone");
    Sql("UPDATE pawl_work_files SET bytes = 'changed' WHERE bytes = 'property'");
    EXPECT_EQ(queue->ReadFile(id, crypto::Sha256("property"), 8).error().rule, "work.other-files");
    ASSERT_TRUE(queue->End(id).ok());
  }
  EXPECT_EQ(Sql("SELECT count(*) FROM pawl_work_files"), "0");
  EXPECT_EQ(queue->Read(id).error().rule, "work.job-gone");
  EXPECT_EQ(queue->Begin({id, "kind", "claim", {std::string(kFileBytesMax + 1, 'n')}, {}}).error().rule,
            "work.too-large");
}

TEST(QueueTest, PeopleSeeWhoHoldsWhatAndLetAWorkerInAgain) {
  Result<Queue> queue = Queue::Open(PostgresqlServer::Shared().Url(), QueueSide::kAsker);
  ASSERT_TRUE(queue.ok());
  const std::string id(16, 'p');
  ASSERT_TRUE(queue->Begin({id, "kind", "claim", {}, {"a", "b"}}).ok());
  ASSERT_TRUE(queue->Add(id, {{0, 0, "q"}, {1, 0, "q"}, {2, 0, "q"}, {3, 0, "q"}}).ok());
  const std::optional<TakenPart> answered = *queue->Take("a", {"kind"}, 60'000, {});
  ASSERT_TRUE(*queue->Answer(*answered, "answer", "s"));
  ASSERT_TRUE(queue->GiveBack(**queue->Take("b", {"kind"}, 60'000, {})).ok());
  ASSERT_TRUE(queue->Take("b", {"kind"}, 60'000, {})->has_value());
  const Evidence evidence{"claim", "question", std::string(600'000, 'x'), "signature"};
  ASSERT_TRUE(queue->ShutOut("shut-out", "garbage", evidence).ok());
  ASSERT_TRUE(queue->ShutOut("shut-out", "again", {}).ok());  // the first reason stays
  const Result<Listing> listing = queue->List();
  ASSERT_TRUE(listing.ok()) << listing.error().message;
  ASSERT_EQ(listing->jobs.size(), 1u);
  EXPECT_EQ(listing->jobs[0].kind, "kind");
  EXPECT_EQ(listing->jobs[0].waiting, 2u);
  EXPECT_EQ(listing->jobs[0].held, 1u);
  EXPECT_EQ(listing->jobs[0].answered, 1u);
  ASSERT_EQ(listing->held.size(), 1u);
  EXPECT_EQ(listing->held[0].holder, "b");
  EXPECT_EQ(listing->held[0].part, 1);
  EXPECT_LE(listing->held[0].held_ms, 60'000u);
  EXPECT_GT(listing->held[0].lease_ms, 0u);
  const auto is_shut_out = [](const ListedWorker& worker) {
    return worker.key == "shut-out" && worker.why == "garbage";
  };
  EXPECT_EQ(std::count_if(listing->shut_out.begin(), listing->shut_out.end(), is_shut_out), 1);
  EXPECT_EQ(queue->EvidenceAgainst("shut-out")->answer, evidence.answer);
  EXPECT_EQ(queue->EvidenceAgainst("shut-out")->signature, "signature");
  EXPECT_EQ(queue->EvidenceAgainst("other").error().rule, "work.not-shut-out");
  ASSERT_TRUE(queue->Readmit("shut-out").ok());
  EXPECT_FALSE(queue->WhyShutOut("shut-out")->has_value());
  EXPECT_EQ(queue->Readmit("shut-out").error().rule, "work.not-shut-out");
  ASSERT_TRUE(queue->End(id).ok());
}

// Nothing of it is migrated: a queue holds nothing that anybody would miss.
TEST(QueueTest, AnOlderPawlsQueueIsNamed) {
  Sql("CREATE DATABASE older");
  std::string url = PostgresqlServer::Shared().Url();
  url.replace(url.find("/postgres?"), 10, "/older?");
  Result<Queue> queue = Queue::Open(url, QueueSide::kAsker);
  ASSERT_TRUE(queue.ok()) << queue.error().message;
  Result<ledger::PostgresqlConnection> connection =
      ledger::PostgresqlConnection::Open(url, ledger::LedgerAccess::kReadWrite, {});
  ASSERT_TRUE(connection.ok() && connection->Ask("DROP TABLE pawl_work_files", {}, 1).ok());
  const Result<Queue> refused = Queue::Open(url, QueueSide::kAsker);
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().rule, "ledger.schema");
}

TEST(QueueTest, ADatabaseThatShowsAnAnswerTwiceIsNotBelieved) {
  Result<Queue> queue = Queue::Open(PostgresqlServer::Shared().Url(), QueueSide::kAsker);
  ASSERT_TRUE(queue.ok());
  const Job job{.id = std::string(16, 't'), .kind = "k", .claim = "c", .files = {}, .enrolled = {}};
  ASSERT_TRUE(queue->Begin(job).ok());
  ASSERT_TRUE(queue->Add(job.id, {{1, 0, "q"}, {2, 0, "q"}}).ok());
  // Too large to be read, so that it comes as an empty one.
  const std::string answered =
      "UPDATE pawl_work_parts SET answer = convert_to(repeat('x', 6291457), 'UTF8') WHERE job = '" + job.id + "'";
  Sql(answered);
  const Result<std::vector<AnsweredPart>> two = queue->Answers(job.id, 8);
  ASSERT_TRUE(two.ok()) << two.error().message;
  EXPECT_EQ(two->size(), 2u);
  Sql("ALTER TABLE pawl_work_parts DROP CONSTRAINT pawl_work_parts_pkey");
  Sql("INSERT INTO pawl_work_parts SELECT * FROM pawl_work_parts WHERE part = 1 AND job = '" + job.id + "'");
  const Result<std::vector<AnsweredPart>> twice = queue->Answers(job.id, 8);
  ASSERT_TRUE(queue->End(job.id).ok());
  Sql("ALTER TABLE pawl_work_parts ADD PRIMARY KEY (job, part)");
  ASSERT_FALSE(twice.ok());
  EXPECT_EQ(twice.error().rule, "work.damaged");
}

TEST(PartAnswerTest, WhatIsWrittenIsRead) {
  Claim claim{.arithmetic = checker::Arithmetic::kReal,
              .network = crypto::Sha256("n"),
              .property = crypto::Sha256("p"),
              .radii = {{"w", 0.125}},
              .part_ms = 250};
  const Result<Claim> read = ReadClaim(WriteClaim(claim));
  ASSERT_TRUE(read.ok()) << read.error().message;
  EXPECT_EQ(read->arithmetic, claim.arithmetic);
  EXPECT_EQ(read->network, claim.network);
  EXPECT_EQ(read->radii, claim.radii);
  EXPECT_EQ(read->part_ms, 250);
  const prover::Part part{7, 3, 5, {-0.0, 1e-300, 0.1, 2.5}};
  const Result<prover::Part> question = ReadQuestion(WriteQuestion(part));
  ASSERT_TRUE(question.ok());
  EXPECT_EQ(question->bounds, part.bounds);
  EXPECT_EQ(question->case_index, 3u);
  EXPECT_EQ(question->depth, 5u);
  const Hand hand("worker-a"), other("worker-a");
  Answer answer{.job = std::string(16, '\xff'),
                .part = 9,
                .asked = AskedDigest("claim", "question"),
                .worker = "worker-a",
                .found = {}};
  answer.found.tree = {0, 255, 7};
  answer.found.inputs = {0.5};
  const SignedAnswer sent = SignAnswer(answer, hand.secret);
  EXPECT_TRUE(SignerOf(AnswerKind::kProof, sent.bytes, sent.signature, {{"worker-a", hand.key}}).ok());
  EXPECT_EQ(SignerOf(AnswerKind::kProof, sent.bytes, sent.signature, {{"worker-a", other.key}}).error().rule,
            "work.not-enrolled");
  EXPECT_EQ(SignerOf(AnswerKind::kProof, sent.bytes, sent.signature, {{"worker-b", hand.key}}).error().rule,
            "work.not-enrolled");
  EXPECT_EQ(SignerOf(AnswerKind::kProof, sent.bytes, "", {{"worker-a", hand.key}}).error().rule, "work.not-enrolled");
  const Result<Answer> got = ReadAnswer(sent.bytes);
  ASSERT_TRUE(got.ok()) << got.error().message;
  EXPECT_EQ(got->found.tree, answer.found.tree);
  EXPECT_EQ(got->found.inputs, answer.found.inputs);
  EXPECT_EQ(got->asked, answer.asked);
  EXPECT_EQ(got->job, answer.job);
  EXPECT_EQ(got->part, 9);
}

TEST(PartAnswerTest, WhatIsMalformedIsRefused) {
  const std::string claim = WriteClaim({.network = {}, .property = {}, .radii = {{"w", 0.5}}});
  const std::string question = WriteQuestion({0, 0, 0, {0, 1}});
  const Hand hand("worker-a");
  const std::string answer =
      SignAnswer({.job = "j", .part = 1, .asked = {}, .worker = "worker-a", .found = {}}, hand.secret).bytes;
  for (size_t size = 0; size < claim.size(); ++size) EXPECT_FALSE(ReadClaim(claim.substr(0, size)).ok());
  for (size_t size = 0; size < question.size(); ++size) EXPECT_FALSE(ReadQuestion(question.substr(0, size)).ok());
  for (size_t size = 0; size < answer.size(); ++size) EXPECT_FALSE(ReadAnswer(answer.substr(0, size)).ok());
  const auto with = [](std::string text, const std::string& before, const std::string& after) {
    const size_t at = text.find(before);
    EXPECT_NE(at, text.npos) << before;
    return text.replace(at, before.size(), after);
  };
  EXPECT_FALSE(ReadClaim(with(claim, "float32", "float16")).ok());
  EXPECT_FALSE(ReadClaim(with(claim, "5000", "50")).ok());
  EXPECT_FALSE(ReadClaim(with(claim, "5000", "500000")).ok());
  EXPECT_FALSE(ReadClaim(with(claim, "\"0.5\"", "\"-0.5\"")).ok());
  EXPECT_FALSE(ReadClaim(with(claim, "\"0.5\"", "\"nan\"")).ok());
  EXPECT_FALSE(ReadQuestion(with(question, "\"depth\"", "\"death\"")).ok());
  EXPECT_FALSE(ReadQuestion(with(question, "\"case\":0", "\"case\":4294967296")).ok());
  EXPECT_FALSE(ReadQuestion("{\"bounds\":\"AAAA\",\"case\":0,\"depth\":0}").ok());  // three bytes are no doubles
  EXPECT_FALSE(ReadQuestion("[]").ok());
  EXPECT_FALSE(ReadAnswer(with(answer, "\"tree\":\"\"", "\"tree\":\"?\"")).ok());
  EXPECT_FALSE(ReadAnswer(with(answer, "\"outcome\":\"tree\"", "\"outcome\":\"yes\"")).ok());
  const std::string too_large = encoding::EncodeBase64(std::string(prover::kPartBytesMax + 1, 'x'));
  EXPECT_FALSE(ReadAnswer(with(answer, "\"tree\":\"\"", "\"tree\":\"" + too_large + "\"")).ok());
  for (const char* other : {"", "7", "[]", "{}", "{\"worker\":7}", "{\"worker\":\"worker-a\"}"})
    EXPECT_FALSE(SignerOf(AnswerKind::kProof, other, std::string(64, 's'), {{"worker-a", hand.key}}).ok());
}

}  // namespace
}  // namespace pawl::work
