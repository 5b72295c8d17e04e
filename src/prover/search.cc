#include "prover/search.h"

#include <algorithm>
#include <limits>
#include <mutex>
#include <thread>
#include <utility>

#include "prover/worker.h"

namespace pawl::prover {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::chrono::milliseconds kProgressPeriod{250};

void ReportProgress(const SearchOptions& options, const Shared& shared, Clock::time_point start) {
  if (!options.progress) return;
  Progress progress;
  progress.seconds = std::chrono::duration<double>(Clock::now() - start).count();
  progress.boxes = shared.boxes.load();
  progress.open = shared.unfinished.load();
  progress.leaves = shared.leaves.load();
  progress.volume_proven = std::min(1.0, shared.volume.load());
  options.progress(progress);
}

}  // namespace

OpenBox OpenBox::Child(std::size_t side, NodeId low, std::size_t input) const {
  OpenBox child;
  child.node = low + static_cast<NodeId>(side);
  child.case_index = case_index;
  child.depth = depth + 1;
  child.finish_depth = finish_depth;
  child.bounds = bounds;
  const std::size_t inputs = bounds.size() / 2;
  const double middle = checker::SplitMidpoint(bounds[input], bounds[inputs + input]);
  child.bounds[side == 0 ? inputs + input : input] = middle;
  return child;
}

std::vector<OpenBox> RootBoxes(const Query& query) {
  std::vector<OpenBox> boxes;
  for (std::uint32_t i = 0; i < query.cases.size(); ++i) {
    OpenBox box;
    box.node = i;
    box.case_index = i;
    box.bounds = query.cases[i].lower;
    box.bounds.insert(box.bounds.end(), query.cases[i].upper.begin(), query.cases[i].upper.end());
    boxes.push_back(std::move(box));
  }
  return boxes;
}

Search::Search(const Query& query, const checker::Claim& claim, const Confirmer& confirmer, SplitTree& tree,
               SearchOptions options)
    : query_(query), claim_(claim), confirmer_(confirmer), tree_(tree), options_(std::move(options)) {}

SearchOutcome Search::Run(std::vector<OpenBox> boxes, UnprovenBoxes unproven) {
  const Clock::time_point start = Clock::now();
  const unsigned workers = boxes.empty() ? 0 : std::max(1u, options_.threads);
  Shared shared(workers, unproven);
  shared.outcome.best_margin = std::numeric_limits<double>::infinity();
  shared.unfinished = boxes.size();
  for (std::size_t i = boxes.size(); i-- > 0;) shared.queues[i % workers].boxes.push_back(std::move(boxes[i]));
  {
    std::vector<std::jthread> threads;
    for (unsigned i = 0; i < workers; ++i) {
      threads.emplace_back([&, i] { Worker(query_, claim_, confirmer_, tree_, options_, shared, i).Run(); });
    }
    std::unique_lock lock(shared.mutex);
    while (!shared.stop && shared.unfinished.load() != 0) {
      shared.changed.wait_for(lock, kProgressPeriod);
      lock.unlock();
      ReportProgress(options_, shared, start);
      lock.lock();
    }
  }
  SearchOutcome outcome = std::move(shared.outcome);
  outcome.boxes = shared.boxes;
  outcome.leaves = shared.leaves;
  outcome.refused_leaves = shared.refused;
  outcome.kept = shared.kept;
  outcome.merged = shared.merged;
  if (!shared.stop) outcome.end = SearchEnd::kClosed;
  return outcome;
}

}  // namespace pawl::prover
