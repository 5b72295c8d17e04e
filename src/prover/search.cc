#include "prover/search.h"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <condition_variable>
#include <deque>
#include <limits>
#include <map>
#include <memory>
#include <mutex>
#include <thread>
#include <utility>

#include "checker/leaf.h"
#include "prover/confirmation.h"

namespace pawl::prover {
namespace {

using Clock = std::chrono::steady_clock;

// A leaf's single precision bound must exceed zero by this much, relative to the threshold, to be tried as a leaf.
constexpr float kMargin = 1e-6f;
// Leaves with less than this much room are put to the checker during the search, not only at its end.
constexpr float kTight = 1e-4f;
// One batch in this many also runs a short descent from its worst points.
constexpr std::uint64_t kDescentEvery = 64;
constexpr int kDescentSteps = 12;
// How long a waiting worker sleeps before it looks again.
constexpr std::chrono::milliseconds kNap{1};
constexpr std::chrono::milliseconds kProgressPeriod{250};

// What the workers of one run share.
struct Shared {
  explicit Shared(unsigned workers) : queues(workers) {}

  struct Queue {
    std::mutex mutex;
    std::deque<OpenBox> boxes;  // guarded by mutex; the owner works at the back, thieves take from the front
  };
  std::deque<Queue> queues;
  std::atomic<std::uint64_t> unfinished = 0;  // boxes in queues or being bounded
  std::atomic<bool> stop = false;
  std::atomic<std::uint64_t> boxes = 0;
  std::atomic<std::uint64_t> forward_leaves = 0, backward_leaves = 0;
  std::atomic<std::uint64_t> refused = 0;
  std::atomic<double> volume = 0;  // share of the cases' boxes that leaves cover
  std::mutex mutex;
  SearchOutcome outcome;  // end, detail, counterexample and best_margin; guarded by mutex
  std::condition_variable changed;

  // The first to end the run says how.
  void End(SearchEnd end, std::string detail) {
    const std::lock_guard lock(mutex);
    if (!stop.exchange(true)) {
      outcome.end = end;
      outcome.detail = std::move(detail);
    }
    changed.notify_all();
  }
  void EndWith(Counterexample found) {
    const std::lock_guard lock(mutex);
    if (!stop.exchange(true)) {
      outcome.end = SearchEnd::kViolated;
      outcome.counterexample = std::move(found);
    }
    changed.notify_all();
  }
};

// What bounding found out about one box.
struct Judgement {
  bool proven = false;
  std::vector<std::uint32_t> rows;  // per conjunction the row with the largest lower bound, within the conjunction
  float margin = 0;                 // the smallest of these bounds
  float scale = 0;                  // magnitude of the threshold it belongs to
  std::size_t hardest_conjunction = 0;
  std::uint32_t hardest_row = 0;  // within the case
};

// An argument that this worker has used, with its number in the tree and its rows as the checker forms them.
struct KnownArgument {
  std::uint32_t number = 0;
  checker::Recipe recipe = checker::Recipe::kForward;
  std::vector<checker::RefutationRow> rows;
};

// A leaf that the checker is to be asked about.
struct DoubtfulLeaf {
  OpenBox box;
  const KnownArgument* argument = nullptr;
  float margin = 0;
};

class Worker {
 public:
  Worker(const Query& query, const checker::Claim& claim, const Confirmer& confirmer, SplitTree& tree,
         const SearchOptions& options, Shared& shared, unsigned index)
      : query_(query),
        claim_(claim),
        tree_(tree),
        options_(options),
        shared_(shared),
        index_(index),
        bounds_(query.network, query.rows_max),
        attacker_(query, confirmer, bounds_, options.seed * 1000003 + index),
        centre_(query.network.inputs),
        radius_(query.network.inputs) {}

  void Run() {
    std::vector<OpenBox> batch;
    while (!shared_.stop.load(std::memory_order_relaxed)) {
      if (!TakeBatch(batch)) {
        for (std::vector<DoubtfulLeaf>& doubtful : doubtful_) AskChecker(doubtful);
        if (shared_.unfinished.load() == 0) break;
        if (!Steal()) std::this_thread::sleep_for(kNap);
        continue;
      }
      Process(batch);
      if (LimitReached()) break;
    }
    const std::lock_guard lock(shared_.mutex);
    shared_.outcome.best_margin = std::min(shared_.outcome.best_margin, static_cast<double>(best_margin_));
    shared_.changed.notify_all();
  }

 private:
  // Up to kLanes boxes of one case from the back of the own queue.
  bool TakeBatch(std::vector<OpenBox>& batch) {
    batch.clear();
    Shared::Queue& queue = shared_.queues[index_];
    const std::lock_guard lock(queue.mutex);
    while (!queue.boxes.empty() && batch.size() < kLanes) {
      if (!batch.empty() && queue.boxes.back().case_index != batch[0].case_index) break;
      batch.push_back(std::move(queue.boxes.back()));
      queue.boxes.pop_back();
    }
    return !batch.empty();
  }

  // Half of another worker's boxes, from the front.
  bool Steal() {
    for (std::size_t step = 1; step < shared_.queues.size(); ++step) {
      Shared::Queue& victim = shared_.queues[(index_ + step) % shared_.queues.size()];
      std::vector<OpenBox> loot;
      {
        const std::lock_guard lock(victim.mutex);
        for (std::size_t take = (victim.boxes.size() + 1) / 2; take > 0; --take) {
          loot.push_back(std::move(victim.boxes.front()));
          victim.boxes.pop_front();
        }
      }
      if (loot.empty()) continue;
      Shared::Queue& own = shared_.queues[index_];
      const std::lock_guard lock(own.mutex);
      std::move(loot.begin(), loot.end(), std::back_inserter(own.boxes));
      return true;
    }
    return false;
  }

  bool LimitReached() {
    if (options_.cancel.stop_requested()) {
      shared_.End(SearchEnd::kCancelled, "the search was cancelled");
      return true;
    }
    if (options_.deadline.has_value() && Clock::now() >= *options_.deadline) {
      shared_.End(SearchEnd::kTimeout, "the time limit was reached");
      return true;
    }
    if (options_.deadline.has_value()) {
      const LeafSeconds& cost = options_.leaf_seconds;
      const double check = (static_cast<double>(shared_.forward_leaves.load()) * cost.forward +
                            static_cast<double>(shared_.backward_leaves.load()) * cost.backward) /
                           std::max(1u, options_.threads);
      if (Clock::now() + std::chrono::duration<double>(check) >= *options_.deadline) {
        shared_.End(SearchEnd::kTimeout, "no time would be left to check the certificate");
        return true;
      }
    }
    const std::uint64_t box_bytes = sizeof(OpenBox) + 2 * query_.network.inputs * sizeof(double) + 32;
    // A certificate's node takes about as much again while it is being written.
    const std::uint64_t used = tree_.memory_bytes() * 5 + shared_.unfinished.load() * box_bytes;
    if (used > options_.memory_bytes_max) {
      shared_.End(SearchEnd::kMemory, "the memory limit was reached");
      return true;
    }
    return false;
  }

  void SetBoxes(const std::vector<OpenBox>& batch) {
    const std::size_t inputs = query_.network.inputs;
    for (std::size_t lane = 0; lane < kLanes; ++lane) {
      if (lane < batch.size()) {
        const std::vector<double>& bounds = batch[lane].bounds;
        for (std::size_t i = 0; i < inputs; ++i) {
          const float centre = static_cast<float>(checker::SplitMidpoint(bounds[i], bounds[inputs + i]));
          const double reach =
              std::max(bounds[inputs + i] - static_cast<double>(centre), static_cast<double>(centre) - bounds[i]);
          centre_[i] = centre;
          radius_[i] = static_cast<float>(reach * (1 + 0x1p-23));
        }
      }
      bounds_.SetBox(lane, centre_.data(), radius_.data());
    }
  }

  Judgement Judge(const QueryCase& query_case, std::size_t lane) const {
    Judgement judgement;
    judgement.margin = std::numeric_limits<float>::infinity();
    judgement.proven = true;
    for (std::size_t c = 0; c < query_case.conjunctions(); ++c) {
      float best = -std::numeric_limits<float>::infinity();
      std::uint32_t best_row = query_case.first_row[c];
      for (std::uint32_t r = query_case.first_row[c]; r < query_case.first_row[c + 1]; ++r) {
        const float slack = kMargin * (1 + std::abs(query_case.rows.threshold[r]));
        const float bound = bounds_.row_bound(r, lane) - slack;
        if (bound > best) {
          best = bound;
          best_row = r;
        }
      }
      judgement.rows.push_back(best_row - query_case.first_row[c]);
      if (!(best > 0)) judgement.proven = false;
      if (c == 0 || best < judgement.margin) {
        judgement.margin = best;
        judgement.scale = std::abs(query_case.rows.threshold[best_row]);
        judgement.hardest_conjunction = c;
        judgement.hardest_row = best_row;
      }
    }
    return judgement;
  }

  void Process(std::vector<OpenBox>& batch) {
    const QueryCase& query_case = query_.cases[batch[0].case_index];
    const bool backward = options_.recipe == RecipeChoice::kBackward;
    SetBoxes(batch);
    bounds_.Propagate(backward ? HiddenBounds::kBackward : HiddenBounds::kForward);
    bounds_.BoundRows(query_case.rows);
    const checker::Recipe recipe = backward ? checker::Recipe::kBackward : checker::Recipe::kForward;
    shared_.boxes.fetch_add(batch.size(), std::memory_order_relaxed);
    ++batches_;

    std::vector<Judgement> judgements;
    std::uint32_t selected[kLanes] = {};
    bool any_open = false;
    for (std::size_t lane = 0; lane < batch.size(); ++lane) {
      judgements.push_back(Judge(query_case, lane));
      selected[lane] = judgements.back().hardest_row;
      judgements.back().proven = judgements.back().proven && !batch[lane].must_split;
      any_open = any_open || !judgements.back().proven;
    }
    if (any_open) {
      bounds_.Smear(query_case.rows, selected);
      if (query_case.attackable() && AttackOpen(query_case, judgements)) return;
    }
    std::uint64_t finished = 0;
    for (std::size_t lane = 0; lane < batch.size(); ++lane) {
      if (judgements[lane].proven) {
        finished += CloseBox(batch[lane], recipe, judgements[lane]) ? 1 : 0;
      } else if (SplitBox(batch[lane], lane, judgements[lane])) {
        ++finished;
      } else {
        return;
      }
    }
    shared_.unfinished.fetch_sub(finished);
  }

  const KnownArgument& ArgumentOf(const OpenBox& box, checker::Recipe recipe, const Judgement& judgement) {
    std::vector<std::uint32_t> key = judgement.rows;
    key.push_back(static_cast<std::uint32_t>(recipe));
    key.push_back(box.case_index);
    auto [where, is_new] = arguments_.try_emplace(std::move(key));
    if (is_new) {
      checker::Argument argument;
      argument.recipe = recipe;
      for (const std::uint32_t row : judgement.rows) {
        argument.refutations.push_back({{row, checker::kUnitMultiplier}});
      }
      where->second.number = tree_.ArgumentNumber(argument);
      where->second.recipe = recipe;
      if (auto rows = RowsOf(claim_, box.case_index, argument); rows.ok()) where->second.rows = std::move(*rows);
    }
    return where->second;
  }

  // A leaf with room is closed at once; one so near to its threshold that the checker may see it otherwise is put aside
  // until there are enough of them to ask. Returns whether the box is done with.
  bool CloseBox(OpenBox& box, checker::Recipe recipe, const Judgement& judgement) {
    const KnownArgument& argument = ArgumentOf(box, recipe, judgement);
    if (judgement.margin > kTight * (1 + judgement.scale)) {
      Close(box, argument, judgement.margin);
      return true;
    }
    std::vector<DoubtfulLeaf>& doubtful = doubtful_[recipe == checker::Recipe::kForward ? 0 : 1];
    if (!doubtful.empty() && doubtful[0].argument->rows.size() != argument.rows.size()) AskChecker(doubtful);
    doubtful.push_back({std::move(box), &argument, judgement.margin});
    if (doubtful.size() == checker::kLanes) AskChecker(doubtful);
    return false;
  }

  // Closes the leaves that the checker accepts; the others wait again, to be split.
  void AskChecker(std::vector<DoubtfulLeaf>& doubtful) {
    if (doubtful.empty()) return;
    if (!engine_) engine_ = std::make_unique<checker::LeafEngine>(claim_);
    std::vector<checker::LeafTask> tasks;
    for (const DoubtfulLeaf& leaf : doubtful)
      tasks.push_back({leaf.box.lower(), leaf.box.upper(), leaf.argument->rows});
    std::vector<double> margins(tasks.size(), -1.0);
    if (!doubtful[0].argument->rows.empty()) engine_->Margins(doubtful[0].argument->recipe, tasks, margins);
    for (std::size_t i = 0; i < doubtful.size(); ++i) {
      DoubtfulLeaf& leaf = doubtful[i];
      if (margins[i] > 0) {
        Close(leaf.box, *leaf.argument, leaf.margin);
        shared_.unfinished.fetch_sub(1);
        continue;
      }
      shared_.refused.fetch_add(1, std::memory_order_relaxed);
      leaf.box.must_split = true;
      Shared::Queue& queue = shared_.queues[index_];
      const std::lock_guard lock(queue.mutex);
      queue.boxes.push_back(std::move(leaf.box));
    }
    doubtful.clear();
  }

  void Close(const OpenBox& box, const KnownArgument& argument, float margin) {
    tree_.Close(box.node, argument.number);
    (argument.recipe == checker::Recipe::kForward ? shared_.forward_leaves : shared_.backward_leaves)
        .fetch_add(1, std::memory_order_relaxed);
    const double share = std::ldexp(1.0, -static_cast<int>(box.depth)) / static_cast<double>(query_.cases.size());
    shared_.volume.fetch_add(share, std::memory_order_relaxed);
    best_margin_ = std::min(best_margin_, margin);
  }

  // Splits the box of `lane` on the input with the largest smear that can be split; false when the run ended.
  bool SplitBox(OpenBox& box, std::size_t lane, const Judgement& judgement) {
    const std::size_t inputs = query_.network.inputs;
    std::size_t best = inputs;
    float best_score = -1;
    for (std::size_t i = 0; i < inputs; ++i) {
      const double lower = box.bounds[i], upper = box.bounds[inputs + i];
      const double middle = checker::SplitMidpoint(lower, upper);
      // Below the resolution of single precision bounds do not get better.
      const double resolution = 0x1p-22 * std::max(std::abs(lower), std::abs(upper));
      if (!(lower < middle && middle < upper) || upper - lower < resolution) continue;
      const float score = bounds_.smear(i, lane);
      if (score > best_score) {
        best_score = score;
        best = i;
      }
    }
    if (best == inputs || box.depth >= kDepthMax) {
      best_margin_ = std::min(best_margin_, judgement.margin);
      shared_.End(SearchEnd::kStuck, "a box of the size of single numbers is neither proven nor violated");
      return false;
    }
    const NodeId low = tree_.Split(box.node, static_cast<std::uint32_t>(best));
    if (low == 0) {
      shared_.End(SearchEnd::kMemory, "the search tree has too many nodes");
      return false;
    }
    shared_.unfinished.fetch_add(2);
    Shared::Queue& queue = shared_.queues[index_];
    const std::lock_guard lock(queue.mutex);
    queue.boxes.push_back(box.Child(1, low, best));
    queue.boxes.push_back(box.Child(0, low, best));
    return true;
  }

  // Tries the points where the open boxes' bounds are reached; true when one is a counterexample.
  bool AttackOpen(const QueryCase& query_case, const std::vector<Judgement>& judgements) {
    const std::size_t inputs = query_.network.inputs;
    std::vector<float> points(kLanes * inputs);
    std::size_t worst = 0;
    for (std::size_t lane = 0; lane < kLanes; ++lane) {
      const std::size_t source = lane < judgements.size() ? lane : 0;
      bounds_.WorstInput(judgements[source].hardest_row, source, &points[lane * inputs]);
      if (judgements[source].margin < judgements[worst].margin) worst = source;
    }
    const int steps = batches_ % kDescentEvery == 1 ? kDescentSteps : 0;
    std::optional<Counterexample> found =
        attacker_.FromPoints(query_case, judgements[worst].hardest_conjunction, points, steps);
    if (!found.has_value()) return false;
    shared_.EndWith(std::move(*found));
    return true;
  }

  static constexpr std::uint32_t kDepthMax = 4000;

  const Query& query_;
  const checker::Claim& claim_;
  SplitTree& tree_;
  const SearchOptions& options_;
  Shared& shared_;
  const unsigned index_;
  BatchBounds bounds_;
  Attacker attacker_;
  std::vector<float> centre_, radius_;
  std::map<std::vector<std::uint32_t>, KnownArgument> arguments_;
  std::vector<DoubtfulLeaf> doubtful_[2];        // forward and backward
  std::unique_ptr<checker::LeafEngine> engine_;  // made when first needed
  std::uint64_t batches_ = 0;
  float best_margin_ = std::numeric_limits<float>::infinity();
};

void ReportProgress(const SearchOptions& options, const Shared& shared, Clock::time_point start) {
  if (!options.progress) return;
  Progress progress;
  progress.seconds = std::chrono::duration<double>(Clock::now() - start).count();
  progress.boxes = shared.boxes.load();
  progress.open = shared.unfinished.load();
  progress.leaves = shared.forward_leaves.load() + shared.backward_leaves.load();
  progress.volume_proven = shared.volume.load();
  options.progress(progress);
}

}  // namespace

std::vector<OpenBox> RootBoxes(const Query& query) {
  std::vector<OpenBox> boxes;
  for (std::uint32_t i = 0; i < query.cases.size(); ++i) {
    OpenBox box{i, i, 0, false, query.cases[i].lower};
    box.bounds.insert(box.bounds.end(), query.cases[i].upper.begin(), query.cases[i].upper.end());
    boxes.push_back(std::move(box));
  }
  return boxes;
}

OpenBox OpenBox::Child(std::size_t side, NodeId low, std::size_t input) const {
  OpenBox child{low + static_cast<NodeId>(side), case_index, depth + 1, false, bounds};
  const std::size_t inputs = bounds.size() / 2;
  const double middle = checker::SplitMidpoint(bounds[input], bounds[inputs + input]);
  child.bounds[side == 0 ? inputs + input : input] = middle;
  return child;
}

Search::Search(const Query& query, const checker::Claim& claim, const Confirmer& confirmer, SplitTree& tree,
               SearchOptions options)
    : query_(query), claim_(claim), confirmer_(confirmer), tree_(tree), options_(std::move(options)) {}

SearchOutcome Search::Run(std::vector<OpenBox> boxes) {
  const Clock::time_point start = Clock::now();
  const unsigned workers = std::max(1u, options_.threads);
  Shared shared(workers);
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
  outcome.leaves = shared.forward_leaves + shared.backward_leaves;
  outcome.refused_leaves = shared.refused;
  if (!shared.stop) outcome.end = SearchEnd::kClosed;
  return outcome;
}

}  // namespace pawl::prover
