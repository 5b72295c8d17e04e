// The report on a subject's life. `Report`: document, HTML and Markdown from figures that were read already. `Read`
// comes before it: the figures from the votes of a history, here of twenty releases; it grows with their number. The
// whole process is measured by life_bench.py.
#include <benchmark/benchmark.h>

#include <cstdint>
#include <string>

#include "charter/testing.h"
#include "report/change_control.h"
#include "report/report_for_test.h"
#include "warrant/path_for_test.h"

namespace pawl::report {
namespace {

// Trials of two evaluators, every second of which became a release.
Life LifeOfReleases(std::uint64_t releases) {
  Life life;
  life.subject = "controller";
  life.budget_index = 2 * releases;
  const Measure near_miss{.metric = "near_miss", .better = trial::Direction::kLowerIsBetter};
  for (std::uint64_t k = 1; k <= 2 * releases; ++k) {
    LifeEntry entry;
    entry.proposal = "p" + std::to_string(k);
    entry.note = "honest improvement " + std::to_string(k);
    entry.budget_index = k;
    entry.time = 1'780'000'000 + 3'600 * static_cast<std::int64_t>(k);
    entry.candidate_index = 10 * k;
    entry.vote_indices = {10 * k + 1, 10 * k + 2};
    entry.verdicts = {"evaluator-a: pass", "evaluator-b: pass"};
    const double score = 0.9 + 0.04 * static_cast<double>(k) / static_cast<double>(2 * releases);
    entry.conditions = {
        {"near_miss", trial::ConditionKind::kHarm, 0.01, 1e-4, 0.001, 0, 0.004, 8000, 1.5, near_miss},
        {"step", trial::ConditionKind::kStep, 0.02, 1e-4, 0.009, 0.007, 0.011, 8000, 2.0, {"score"}},
        {"ceiling",
         trial::ConditionKind::kCeiling,
         0.95,
         1e-4,
         score,
         score - 0.01,
         score + 0.01,
         8000,
         1.1,
         {"score"}},
        {"drift-fresh", trial::ConditionKind::kDrift, 0.1, 1e-4, 0.03, 0.02, 0.04, 4000, 1.25, {"decisions"}}};
    entry.outcome = k % 2 == 0 ? "accepted" : "rejected";
    if (k % 2 == 0) {
      entry.epoch = static_cast<std::int64_t>(k / 2);
      life.switches.push_back({entry.proposal, *entry.epoch, entry.time, entry.candidate_index});
    }
    life.entries.push_back(entry);
  }
  return life;
}

void Report(benchmark::State& state) {
  const Life life = LifeOfReleases(static_cast<std::uint64_t>(state.range(0)));
  const charter::Charter charter = *charter::TestCharter().Read();
  std::size_t bytes = 0;
  for (auto _ : state) {
    const Document document = ChangeControlReport(life, charter, {{"surface", {"policy.onnx may change"}}});
    bytes = WriteHtml(document).size() + WriteMarkdown(document).size();
    benchmark::DoNotOptimize(bytes);
  }
  state.SetItemsProcessed(static_cast<std::int64_t>(state.iterations()) * state.range(0));
  state.counters["MiB"] = static_cast<double>(bytes) / 1'048'576;
}
BENCHMARK(Report)->Arg(1'000)->Arg(10'000)->Unit(benchmark::kMillisecond);

void Read(benchmark::State& state) {
  warrant::Path path([](charter::TestCharter& test) { test.Replace("max_releases = 3", "max_releases = 100"); });
  warrant::Tampering tampering;
  std::uint64_t trials = 0;
  tampering.votes = [&](std::vector<warrant::Vote>& votes) {
    const trial::TrialTerms terms{.kind = trials++ == 0 ? trial::TrialKind::kFirstRelease : trial::TrialKind::kStep,
                                  .budget_index = trials};
    const encoding::Json report = trial::TrialReportToJson(SomeReport(path.charter(), terms, 0.05));
    for (warrant::Vote& vote : votes) {
      if (vote.role == "evaluator") vote.evidence["report"] = report;
    }
  };
  path.Go({.tree = path.baseline}, tampering);
  for (int i = 1; i < 20; ++i) path.Go({.tree = path.NetworkTree(1.0F + 0.01F * static_cast<float>(i))}, tampering);
  audit::History history(path.CharterReader());
  for (std::uint64_t index = 0; index < path.entries().size(); ++index) {
    if (!history.Apply(index, path.entries()[index]).ok()) state.SkipWithError("the history is none");
  }
  for (auto _ : state) {
    const Result<Life> life = LifeOf(history, path.store().Reader());
    if (!life.ok() || life->entries.size() != 20 || life->entries.back().conditions.empty())
      state.SkipWithError("the life is none");
    benchmark::DoNotOptimize(life);
  }
  state.SetItemsProcessed(static_cast<std::int64_t>(state.iterations()) * 40);  // votes
}
BENCHMARK(Read)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace pawl::report

BENCHMARK_MAIN();
