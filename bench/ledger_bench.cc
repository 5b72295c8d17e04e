// The ledger: durable appends (goal: at least 5,000 a second in batches), and what opening and appending to a log of
// 10^4 events costs with every signature verified. PAWL_BENCH_POSTGRESQL, a URL, adds the same appends there. Files are
// made in $PAWL_BENCH_DIR, else in the working directory: a file system in memory would flush nothing.
#include <benchmark/benchmark.h>

#include <cstdlib>
#include <filesystem>

#include "ledger/ledger.h"
#include "ledger/place.h"
#include "ledger/subject_log.h"
#include "warrant/path_for_test.h"

namespace pawl::ledger {
namespace {

using audit::FindingOutcome;
using warrant::Path;

std::string BenchFolder() {
  const char* chosen = std::getenv("PAWL_BENCH_DIR");
  return chosen != nullptr ? chosen : ".";
}

void AppendDurably(benchmark::State& state, const LedgerPlace& place) {
  Result<Ledger> ledger = Ledger::Open(place, LedgerAccess::kReadWrite);
  if (!ledger.ok()) return state.SkipWithError(ledger.error().message.c_str());
  const auto batch = static_cast<uint64_t>(state.range(0));
  const uint64_t begun = ledger->Size().ok() ? *ledger->Size() : 0;
  uint64_t size = begun;
  for (auto _ : state) {
    state.PauseTiming();
    std::vector<std::string> entries;
    for (uint64_t i = 0; i < batch; ++i) entries.push_back(std::to_string(size + i) + std::string(1'000, '.'));
    state.ResumeTiming();
    if (!ledger->Append(size, entries).ok()) return state.SkipWithError("refused");
    size += batch;
  }
  state.SetItemsProcessed(static_cast<int64_t>(size - begun));
}

void DurableAppends(benchmark::State& state) {
  const subject::TemporaryDirectory directory(BenchFolder());
  AppendDurably(state, {"sqlite:" + (directory / "log.sqlite"), "bench"});
}
BENCHMARK(DurableAppends)->Arg(1)->Arg(16)->Arg(256)->UseRealTime()->Unit(benchmark::kMillisecond);

void DurableAppendsPostgresql(benchmark::State& state) {
  AppendDurably(state, {std::getenv("PAWL_BENCH_POSTGRESQL"), "bench"});
}
[[maybe_unused]] const auto* const kPostgresql =
    std::getenv("PAWL_BENCH_POSTGRESQL") == nullptr
        ? nullptr
        : benchmark::RegisterBenchmark("DurableAppendsPostgresql", DurableAppendsPostgresql) -> Arg(1) -> Arg(16)
              -> Arg(256) -> UseRealTime() -> Unit(benchmark::kMillisecond);

// A log of `events` events: proposals that pass seven steps and are rejected at the eighth, on top of two releases.
class LongLog {
 public:
  explicit LongLog(uint64_t events) {
    std::filesystem::copy(path_.store().directory(), home_.StorePath(),
                          std::filesystem::copy_options::recursive | std::filesystem::copy_options::skip_existing);
    const warrant::About about{"controller", path_.third};
    for (int number = 3; path_.entries().size() < events; ++number) {
      const std::string name = "p" + std::to_string(number);
      Log(audit::WriteProposal({.about = about,
                                .proposal = name,
                                .tree = path_.third,
                                .parent_tree = path_.state.tree,
                                .parent_warrant = path_.state.warrant,
                                .diff = crypto::Sha256("diff"),
                                .note = "better",
                                .time = path_.now}));
      for (int step = 0; step < 8; ++step) {
        Log(audit::WriteFinding({.about = about,
                                 .proposal = name,
                                 .step = static_cast<audit::Step>(step),
                                 .outcome = step < 7 ? FindingOutcome::kPass : FindingOutcome::kRejected,
                                 .rule = step < 7 ? "" : "approval.refused",
                                 .summary = "what this step has seen of proposal " + name,
                                 .evidence = {{"report", crypto::Sha256(name)}},
                                 .time = path_.now}));
      }
      Log(audit::WriteOutcomeRecord({.about = about,
                                     .proposal = name,
                                     .outcome = audit::ProposalOutcome::kRejected,
                                     .step = audit::Step::kApproval,
                                     .rule = "approval.refused",
                                     .reason = "somebody said no",
                                     .time = path_.now}));
    }
    Result<Ledger> ledger = Ledger::Open(home_.LedgerPath("controller"), LedgerAccess::kReadWrite);
    made_ = ledger.ok() && ledger->Append(0, path_.entries()).ok();
  }

  Result<SubjectLog> Open() const { return SubjectLog::Open(home_, "controller", LedgerAccess::kReadWrite); }
  bool made() const { return made_; }
  encoding::Envelope NextProposal(const std::string& name) const {
    return path_.BySomeone(audit::WriteProposal({.about = {"controller", path_.third},
                                                 .proposal = name,
                                                 .tree = path_.third,
                                                 .parent_tree = path_.state.tree,
                                                 .parent_warrant = path_.state.warrant,
                                                 .diff = crypto::Sha256("diff"),
                                                 .note = "better",
                                                 .time = path_.now}),
                           "log");
  }

 private:
  void Log(const std::string& payload) { path_.Append(path_.BySomeone(payload, "log")); }

  Path path_ = Path::WithTwoReleases();
  subject::TemporaryDirectory directory_{BenchFolder()};
  Home home_ = *Home::Open(directory_ / "home", HomeAccess::kCreate);
  bool made_ = false;
};

const LongLog& TenThousandEvents() {
  static const LongLog kLog(10'000);
  return kLog;
}

void OpenOf10000Events(benchmark::State& state) {
  const LongLog& log = TenThousandEvents();
  for (auto _ : state) {
    const Result<SubjectLog> opened = log.Open();
    if (!opened.ok() || !log.made()) return state.SkipWithError(opened.ok() ? "not made" : opened.error().rule.c_str());
    state.counters["events"] = static_cast<double>(opened->history().size());
  }
}
BENCHMARK(OpenOf10000Events)->UseRealTime()->Unit(benchmark::kMillisecond);

// One event after another, signing left out, flushing included.
void AppendTo10000Events(benchmark::State& state) {
  const LongLog& log = TenThousandEvents();
  Result<SubjectLog> opened = log.Open();
  if (!opened.ok() || !log.made()) return state.SkipWithError("not made");
  for (auto _ : state) {
    state.PauseTiming();
    const encoding::Envelope envelope = log.NextProposal(opened->history().NextProposalName());
    state.ResumeTiming();
    if (!opened->Append({envelope}).ok()) return state.SkipWithError("refused");
  }
}
BENCHMARK(AppendTo10000Events)->UseRealTime()->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace pawl::ledger

BENCHMARK_MAIN();
