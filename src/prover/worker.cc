#include "prover/worker.h"

#include <algorithm>
#include <cmath>
#include <optional>
#include <thread>
#include <utility>

#include "prover/confirmation.h"

namespace pawl::prover {
namespace {

using Clock = std::chrono::steady_clock;

// A leaf's single precision bound must exceed zero by this much, relative to the threshold, to be tried as a leaf.
constexpr float kMargin = 1e-6f;
// Leaves with less than this much room are put to the checker during the search, not only at its end.
constexpr float kTight = 1e-4f;
// Of every kSamplePeriod leaves, kSampleLength are put to the checker to learn how long it takes; not of the first
// kSampleFrom, which it checks in no time.
constexpr std::uint64_t kSampleFrom = 64, kSamplePeriod = 512, kSampleLength = checker::kLanes;
// At most so many doubtful leaves, of trees of at most so many nodes, are not put to the checker at the end of a run.
constexpr std::size_t kUnaskedMax = checker::kLanes / 2, kUnaskedNodesMax = 128;
// Smallest smear of a candidate, as a share of the largest.
constexpr float kCandidateShare = 0.2f;
// At most this many inputs are candidates.
constexpr std::size_t kCandidatesMax = 8;
// Parents that are worked on together.
constexpr std::size_t kParents = kLanes;
// One group of boxes in this many also descends from its worst points and from random ones.
constexpr std::uint64_t kDescentEvery = 100;
constexpr int kDescentSteps = 20;
// So many groups in which leaves of a parent's proof fail do so too: where a change broke the property, that finds it.
constexpr std::uint64_t kReplayDescents = 8;
// How the number of open neurons up to which a box is finished by phases moves with success and failure; levels of
// halving after a failure before the next try.
constexpr double kFinishRise = 1, kFinishFall = 1, kFinishOpenMin = 6;
constexpr std::uint32_t kFinishRest = 2;
// Boxes after which finishing begins: a question that boxes alone settle gets by with two bytes a leaf, without slopes
// and multipliers.
constexpr std::uint64_t kFinishAfterBoxes = 30'000;
// Longest path from a root; the checker's default limit is a little more.
constexpr std::uint32_t kDepthMax = 4000;
// How long a worker without boxes sleeps before it looks again.
constexpr std::chrono::milliseconds kNap{1};

// Whether input i of the box can be cut; below the resolution of single precision bounds do not get better.
bool Divisible(const OpenBox& box, std::size_t i) {
  const double lower = box.lower()[i], upper = box.upper()[i];
  const double middle = checker::SplitMidpoint(lower, upper);
  const double resolution = 0x1p-22 * std::max(std::abs(lower), std::abs(upper));
  return lower < middle && middle < upper && upper - lower >= resolution;
}

// The inputs worth trying, at least one where any can be cut.
std::vector<std::uint32_t> Candidates(const OpenBox& box) {
  std::vector<std::uint32_t> inputs;
  for (std::uint32_t i = 0; i < box.smear.size(); ++i) {
    if (Divisible(box, i)) inputs.push_back(i);
  }
  const auto larger = [&](std::uint32_t a, std::uint32_t b) { return box.smear[a] > box.smear[b]; };
  std::stable_sort(inputs.begin(), inputs.end(), larger);
  std::size_t count = 0;
  while (count < inputs.size() && count < kCandidatesMax &&
         box.smear[inputs[count]] >= kCandidateShare * box.smear[inputs[0]]) {
    ++count;
  }
  inputs.resize(count);
  return inputs;
}

}  // namespace

void Shared::End(SearchEnd end, std::string detail) {
  const std::lock_guard lock(mutex);
  if (!stop.exchange(true)) {
    outcome.end = end;
    outcome.detail = std::move(detail);
  }
  changed.notify_all();
}

void Shared::EndWith(Counterexample found) {
  const std::lock_guard lock(mutex);
  if (!stop.exchange(true)) {
    outcome.end = SearchEnd::kViolated;
    outcome.counterexample = std::move(found);
  }
  changed.notify_all();
}

Worker::Worker(const Query& query, const checker::Claim& claim, const Confirmer& confirmer, SplitTree& tree,
               const SearchOptions& options, Shared& shared, unsigned index)
    : query_(query),
      claim_(claim),
      listed_(ListedOf(claim, query.network)),
      tree_(tree),
      options_(options),
      shared_(shared),
      index_(index),
      hidden_(options.recipe == RecipeChoice::kForward ? HiddenBounds::kForward : HiddenBounds::kBackward),
      recipe_(options.recipe == RecipeChoice::kForward ? checker::Recipe::kForward : checker::Recipe::kBackward),
      bounds_(query.network, query.rows_max),
      attacker_(query, confirmer, bounds_, options.seed * 1000003 + index) {
  if (options.recipe == RecipeChoice::kAuto && BoxFinisher::Suits(query) && !listed_.empty())
    finisher_ = std::make_unique<BoxFinisher>(query);
}

void Worker::Run() {
  std::vector<OpenBox> batch;
  std::vector<Job> jobs;
  while (!shared_.stop.load(std::memory_order_relaxed)) {
    if (!TakeBatch(batch)) {
      SettleDoubtful();
      if (shared_.unfinished.load() == 0) break;
      if (!Steal()) std::this_thread::sleep_for(kNap);
      continue;
    }
    jobs.clear();
    const QueryCase& query_case = query_.cases[batch[0].case_index];
    if (batch[0].smear.empty()) {  // new boxes: not bounded yet
      for (OpenBox& box : batch) jobs.push_back({std::move(box), 0, {}});
      if (!BoundJobs(query_case, jobs) || !SettleNew(jobs)) break;
    } else {
      if (finisher_) FinishParents(query_case, batch);
      if (!batch.empty() && (!MakeJobs(batch, jobs) || !BoundJobs(query_case, jobs) || !TakeBestSplits(batch, jobs)))
        break;
    }
    if (LimitReached()) break;
  }
  const std::lock_guard lock(shared_.mutex);
  shared_.outcome.best_margin = std::min(shared_.outcome.best_margin, static_cast<double>(best_margin_));
  shared_.changed.notify_all();
}

// ---- Queues

// Up to kParents boxes of one case from the back of the own queue, all bounded or all new.
bool Worker::TakeBatch(std::vector<OpenBox>& batch) {
  batch.clear();
  Shared::Queue& queue = shared_.queues[index_];
  const std::lock_guard lock(queue.mutex);
  while (!queue.boxes.empty() && batch.size() < kParents) {
    const OpenBox& next = queue.boxes.back();
    if (!batch.empty() && (next.case_index != batch[0].case_index || next.smear.empty() != batch[0].smear.empty())) {
      break;
    }
    batch.push_back(std::move(queue.boxes.back()));
    queue.boxes.pop_back();
  }
  return !batch.empty();
}

// Half of another worker's boxes, from the front.
bool Worker::Steal() {
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

void Worker::Push(OpenBox box) {
  Shared::Queue& queue = shared_.queues[index_];
  const std::lock_guard lock(queue.mutex);
  queue.boxes.push_back(std::move(box));
}

void Worker::GiveBack(OpenBox box) {
  const std::lock_guard lock(shared_.mutex);
  shared_.outcome.given_back.push_back(std::move(box));
  shared_.unfinished.fetch_sub(1);
}

bool Worker::LimitReached() {
  if (options_.cancel.stop_requested()) {
    shared_.End(SearchEnd::kCancelled, "the search was cancelled");
    return true;
  }
  if (options_.deadline.has_value()) {
    const Clock::time_point now = Clock::now();
    const double each = shared_.seconds_asking.load() / static_cast<double>(std::max<std::uint64_t>(1, shared_.asked));
    const double check = each * static_cast<double>(shared_.leaves.load()) / std::max(1u, options_.threads);
    if (now >= *options_.deadline) {
      shared_.End(SearchEnd::kTimeout, "the time limit was reached");
      return true;
    }
    if (now + std::chrono::duration<double>(check) >= *options_.deadline) {
      shared_.End(SearchEnd::kTimeout, "no time would be left to check the certificate");
      return true;
    }
  }
  if (options_.boxes_max > 0 && shared_.boxes.load() >= options_.boxes_max) {
    shared_.End(SearchEnd::kStuck, "so many boxes as were allowed did not do");
    return true;
  }
  const std::uint64_t inputs = query_.network.inputs;
  const std::uint64_t box_bytes = sizeof(OpenBox) + inputs * (2 * sizeof(double) + sizeof(float)) + 64;
  // A certificate's nodes take about four times as much again while they are being written and checked.
  const std::uint64_t used = tree_.memory_bytes() * 5 + shared_.unfinished.load() * box_bytes;
  if (used > options_.memory_bytes_max) {
    shared_.End(SearchEnd::kMemory, "the memory limit was reached");
    return true;
  }
  return false;
}

// ---- Bounding

bool Worker::MakeJobs(std::vector<OpenBox>& parents, std::vector<Job>& jobs) {
  for (std::size_t p = 0; p < parents.size(); ++p) {
    const std::vector<std::uint32_t> candidates = Candidates(parents[p]);
    if (candidates.empty() || parents[p].depth >= kDepthMax) {
      best_margin_ = std::min(best_margin_, parents[p].margin);
      shared_.End(SearchEnd::kStuck, "a box of the size of single numbers is neither proven nor violated");
      return false;
    }
    for (const std::uint32_t input : candidates) {
      for (const std::size_t side : {0u, 1u}) {
        jobs.push_back({parents[p].Child(side, 0, input), p, {}});
        jobs.back().box.split_input = input;
      }
    }
  }
  return true;
}

bool Worker::BoundJobs(const QueryCase& query_case, std::vector<Job>& jobs) {
  for (std::size_t first = 0; first < jobs.size(); first += kLanes) {
    if (!BoundGroup(query_case, &jobs[first], std::min(kLanes, jobs.size() - first))) return false;
  }
  return true;
}

bool Worker::BoundGroup(const QueryCase& query_case, Job* jobs, std::size_t count) {
  SetBoxes(jobs, count);
  bounds_.Propagate(hidden_);
  bounds_.BoundRows(query_case.rows);
  shared_.boxes.fetch_add(count, std::memory_order_relaxed);
  ++groups_;
  std::uint32_t selected[kLanes] = {};
  bool any_open = false;
  for (std::size_t lane = 0; lane < count; ++lane) {
    Judgement& judgement = jobs[lane].judgement;
    judgement = Judge(query_case, lane);
    judgement.proven = judgement.proven && !jobs[lane].box.must_split;
    selected[lane] = judgement.hardest_row;
    any_open = any_open || !judgement.proven;
  }
  if (!any_open) return true;
  bounds_.Smear(query_case.rows, selected);
  for (std::size_t lane = 0; lane < count; ++lane) {
    if (jobs[lane].judgement.proven) continue;
    OpenBox& box = jobs[lane].box;
    box.margin = jobs[lane].judgement.margin;
    box.open_neurons = CountOpen(lane);
    box.smear.resize(query_.network.inputs);
    for (std::size_t i = 0; i < box.smear.size(); ++i) box.smear[i] = bounds_.smear(i, lane);
  }
  return !query_case.attackable() || !AttackOpen(query_case, jobs, count);
}

void Worker::SetBoxes(const Job* jobs, std::size_t count) {
  const std::size_t inputs = query_.network.inputs;
  std::vector<float> centre(inputs), radius(inputs);
  for (std::size_t lane = 0; lane < kLanes; ++lane) {
    if (lane < count) {
      const std::span<const double> lower = jobs[lane].box.lower(), upper = jobs[lane].box.upper();
      for (std::size_t i = 0; i < inputs; ++i) {
        centre[i] = static_cast<float>(checker::SplitMidpoint(lower[i], upper[i]));
        const double middle = static_cast<double>(centre[i]);
        radius[i] = static_cast<float>(std::max(upper[i] - middle, middle - lower[i]) * (1 + 0x1p-23));
      }
    }
    bounds_.SetBox(lane, centre.data(), radius.data());
  }
}

Worker::Judgement Worker::Judge(const QueryCase& query_case, std::size_t lane) const {
  Judgement judgement;
  judgement.proven = true;
  judgement.ambiguous = bounds_.ambiguous(lane);
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

// Tries the points where the open boxes' bounds are reached; true when one is a counterexample.
bool Worker::AttackOpen(const QueryCase& query_case, const Job* jobs, std::size_t count) {
  const std::size_t inputs = query_.network.inputs;
  std::vector<float> points(kLanes * inputs);
  std::size_t worst = 0;
  for (std::size_t lane = 0; lane < kLanes; ++lane) {
    const std::size_t source = lane < count ? lane : 0;
    bounds_.WorstInput(jobs[source].judgement.hardest_row, source, &points[lane * inputs]);
    if (jobs[source].judgement.margin < jobs[worst].judgement.margin) worst = source;
  }
  const std::size_t conjunction = jobs[worst].judgement.hardest_conjunction;
  const bool replay_failed = jobs[worst].box.replayed && !jobs[worst].box.planned_split.has_value();
  failed_replays_ += replay_failed ? 1 : 0;
  const bool descend = groups_ % kDescentEvery == 1 || (replay_failed && failed_replays_ <= kReplayDescents);
  std::optional<Counterexample> found =
      attacker_.FromPoints(query_case, conjunction, points, descend ? kDescentSteps : 0);
  if (descend && !found.has_value()) found = attacker_.FromRandomPoints(query_case, conjunction);
  if (!found.has_value()) return false;
  shared_.EndWith(std::move(*found));
  return true;
}

// ---- Finishing by phases

std::uint32_t Worker::CountOpen(std::size_t lane) const {
  std::uint32_t count = 0;
  for (std::size_t k = 0; k < query_.network.layers.size() && query_.network.layers[k].relu; ++k) {
    for (std::size_t i = 0; i < query_.network.layers[k].outputs; ++i)
      count += bounds_.hidden_lower(k, i, lane) < 0 && bounds_.hidden_upper(k, i, lane) > 0 ? 1 : 0;
  }
  return count;
}

HiddenBox Worker::Hidden(std::size_t lane) const {
  HiddenBox hidden;
  for (std::size_t k = 0; k < query_.network.layers.size() && query_.network.layers[k].relu; ++k) {
    std::vector<float>&lower = hidden.lower.emplace_back(), &upper = hidden.upper.emplace_back();
    for (std::size_t i = 0; i < query_.network.layers[k].outputs; ++i) {
      lower.push_back(bounds_.hidden_lower(k, i, lane));
      upper.push_back(bounds_.hidden_upper(k, i, lane));
    }
  }
  return hidden;
}

// A box that a parent's proof finished by phases is always tried: it starts from what was found then.
bool Worker::MayFinish(const OpenBox& box) const {
  if (box.part != nullptr) return true;
  return (options_.finish_at_once || shared_.boxes.load() >= kFinishAfterBoxes) && box.depth >= box.finish_depth &&
         box.open_neurons <= finish_open_max_;
}

// Which boxes are tried follows what came of it lately: the number of open neurons that is allowed rises with each box
// that was finished and falls with each that was not.
void Worker::FinishParents(const QueryCase& query_case, std::vector<OpenBox>& parents) {
  std::vector<Job> jobs;
  std::vector<OpenBox> others;
  for (OpenBox& box : parents) {
    if (MayFinish(box)) {
      jobs.push_back({std::move(box), 0, {}});
    } else {
      others.push_back(std::move(box));
    }
  }
  parents = std::move(others);
  if (jobs.empty()) return;
  SetBoxes(jobs.data(), jobs.size());
  bounds_.Propagate(hidden_);
  bounds_.BoundRows(query_case.rows);
  shared_.boxes.fetch_add(jobs.size(), std::memory_order_relaxed);
  std::vector<BoxProof> proofs;
  std::vector<std::size_t> finished;  // job of each proof
  for (std::size_t lane = 0; lane < jobs.size(); ++lane) {
    const OpenBox& box = jobs[lane].box;
    const Judgement judgement = Judge(query_case, lane);
    std::optional<checker::GroupProof> proof =
        finisher_->Try(box.case_index, box.lower(), box.upper(), Hidden(lane), judgement.rows, box.part.get());
    shared_.boxes.fetch_add(finisher_->nodes_bounded(), std::memory_order_relaxed);
    if (box.part == nullptr) finish_open_max_ += proof.has_value() ? kFinishRise : -kFinishFall;
    if (!proof.has_value()) continue;
    finished.push_back(lane);
    proofs.push_back({{{box.lower().begin(), box.lower().end()}, {box.upper().begin(), box.upper().end()}},
                      std::move(*proof),
                      ArgumentOf(box, judgement).rows});
  }
  finish_open_max_ = std::max(kFinishOpenMin, finish_open_max_);
  CloseFinished(jobs, finished, proofs);
  for (Job& job : jobs) {
    if (job.judgement.proven) continue;
    job.box.finish_depth = job.box.depth + (job.box.part == nullptr ? kFinishRest : 0);
    job.box.part.reset();
    parents.push_back(std::move(job.box));
  }
}

// Closes the boxes whose proofs the checker accepts, and marks their jobs as proven.
void Worker::CloseFinished(std::vector<Job>& jobs, const std::vector<std::size_t>& finished,
                           std::vector<BoxProof>& proofs) {
  if (proofs.empty()) return;
  const Clock::time_point start = Clock::now();
  std::uint64_t batches = 0;
  const std::vector<double> margins = BoxProofMargins(claim_, Engine(), proofs, batches);
  shared_.asked.fetch_add(batches * checker::kLanes);
  shared_.seconds_asking.fetch_add(std::chrono::duration<double>(Clock::now() - start).count());
  for (std::size_t i = 0; i < proofs.size(); ++i) {
    Job& job = jobs[finished[i]];
    job.judgement.proven = margins[i] > 0;
    if (!job.judgement.proven) {
      shared_.refused.fetch_add(1, std::memory_order_relaxed);
      continue;
    }
    const std::uint64_t leaves = proofs[i].proof.arguments.size();
    tree_.Finish(job.box.node, std::move(proofs[i].proof));
    if (job.box.part != nullptr) shared_.kept.fetch_add(leaves, std::memory_order_relaxed);
    best_margin_ = std::min(best_margin_, static_cast<float>(margins[i]));
    CountClosed(job.box, leaves);
  }
}

checker::LeafEngine& Worker::Engine() {
  if (!engine_) {
    engine_ = std::make_unique<checker::LeafEngine>(claim_);
    engine_->SetListed(&listed_);
  }
  return *engine_;
}

// ---- Splitting and closing

bool Worker::TakeBestSplits(std::vector<OpenBox>& parents, std::vector<Job>& jobs) {
  // What a child's bound gains on its parent's; a proven child has all there is to gain.
  const auto gain = [&](const Job& job) {
    const float before = parents[job.parent].margin;
    return std::max(0.0f, (job.judgement.proven ? 0.0f : std::min(job.judgement.margin, 0.0f)) - before);
  };
  std::vector<std::size_t> best(parents.size(), jobs.size());
  std::vector<float> best_gain(parents.size(), -1.0f);
  for (std::size_t j = 0; j < jobs.size(); j += 2) {
    const std::size_t p = jobs[j].parent;
    const float total = gain(jobs[j]) + gain(jobs[j + 1]);
    if (best[p] == jobs.size() || total > best_gain[p]) {
      best_gain[p] = total;
      best[p] = j;
    }
  }
  for (std::size_t p = 0; p < parents.size(); ++p) {
    const NodeId low = tree_.Split(parents[p].node, jobs[best[p]].box.split_input);
    if (low == 0) {
      shared_.End(SearchEnd::kMemory, "the search tree has too many nodes");
      return false;
    }
    shared_.unfinished.fetch_add(1);  // two children for one parent
    for (const std::size_t side : {1u, 0u}) {
      Job& child = jobs[best[p] + side];
      child.box.node = low + static_cast<NodeId>(side);
      Settle(child);
    }
  }
  return true;
}

bool Worker::SettleNew(std::vector<Job>& jobs) {
  bool going = true;
  for (Job& job : jobs) {
    if (job.judgement.proven)
      Settle(job);
    else if (job.box.merges)
      shared_.unfinished.fetch_sub(1);
    else if (job.box.planned_split.has_value())
      going = going && SplitAsPlanned(job.box);
    else if (shared_.unproven == UnprovenBoxes::kGiveBack)
      GiveBack(std::move(job.box));
    else
      Settle(job);
  }
  return going;
}

bool Worker::SplitAsPlanned(const OpenBox& box) {
  const NodeId low = tree_.Split(box.node, *box.planned_split);
  if (low == 0) {
    shared_.End(SearchEnd::kMemory, "the search tree has too many nodes");
    return false;
  }
  shared_.unfinished.fetch_add(1);  // two children for one parent
  for (const std::size_t side : {1u, 0u}) {
    OpenBox child = box.Child(side, low, *box.planned_split);
    child.replayed = true;
    Push(std::move(child));
  }
  return true;
}

void Worker::Settle(Job& job) {
  if (job.judgement.proven) {
    CloseBox(std::move(job.box), job.judgement);
  } else {
    Push(std::move(job.box));
  }
}

// A leaf with room is closed at once; one so near to its threshold that the checker may see it otherwise is put aside
// until there are enough of them to ask, and so is a sample of the others.
void Worker::CloseBox(OpenBox box, const Judgement& judgement) {
  const KnownArgument& argument = ArgumentOf(box, judgement);
  const bool clear = judgement.margin > kTight * (1 + judgement.scale) && !judgement.ambiguous;
  const bool sampled = closed_ >= kSampleFrom && (closed_ - kSampleFrom) % kSamplePeriod < kSampleLength;
  closed_ += clear ? 1 : 0;
  if (clear && !sampled) {
    Close(box, argument, judgement.margin);
    return;
  }
  if (!doubtful_.empty() && doubtful_[0].argument->rows.size() != argument.rows.size()) AskChecker();
  doubtful_.push_back({std::move(box), &argument, judgement.margin});
  if (doubtful_.size() == checker::kLanes) AskChecker();
}

const Worker::KnownArgument& Worker::ArgumentOf(const OpenBox& box, const Judgement& judgement) {
  std::vector<std::uint32_t> key = judgement.rows;
  key.push_back(box.case_index);
  const auto [where, is_new] = arguments_.try_emplace(std::move(key));
  if (is_new) {
    checker::Argument argument;
    argument.recipe = recipe_;
    for (const std::uint32_t row : judgement.rows) {
      argument.refutations.push_back({{row, checker::kUnitMultiplier}});
    }
    where->second.number = tree_.ArgumentNumber(argument);
    where->second.recipe = recipe_;
    if (auto rows = RowsOf(claim_, box.case_index, argument); rows.ok()) where->second.rows = std::move(*rows);
  }
  return where->second;
}

// At the end of a run. Boxes that are only tried are forgotten where it is in doubt that they hold. Of the others a few
// are left to the check of the whole certificate where that is short: a batch costs the checker as much with few leaves
// as with many.
void Worker::SettleDoubtful() {
  shared_.unfinished.fetch_sub(std::erase_if(doubtful_, [](const DoubtfulLeaf& leaf) { return leaf.box.merges; }));
  if (doubtful_.size() > kUnaskedMax || tree_.node_count() > kUnaskedNodesMax || shared_.refused.load() > 0)
    return AskChecker();
  for (const DoubtfulLeaf& leaf : doubtful_) Close(leaf.box, *leaf.argument, leaf.margin);
  doubtful_.clear();
}

// Closes the leaves that the checker accepts; the others are opened again, to be split.
void Worker::AskChecker() {
  if (doubtful_.empty()) return;
  std::vector<checker::LeafTask> tasks;
  for (const DoubtfulLeaf& leaf : doubtful_) tasks.push_back({leaf.box.lower(), leaf.box.upper(), leaf.argument->rows});
  std::vector<double> margins(tasks.size(), -1.0);
  const Clock::time_point start = Clock::now();
  if (!doubtful_[0].argument->rows.empty()) Engine().Margins(recipe_, tasks, margins);
  const double seconds = std::chrono::duration<double>(Clock::now() - start).count();
  // The engine takes as long for a few leaves as for all its lanes.
  shared_.asked.fetch_add(checker::kLanes);
  shared_.seconds_asking.fetch_add(seconds);
  for (std::size_t i = 0; i < doubtful_.size(); ++i) {
    DoubtfulLeaf& leaf = doubtful_[i];
    if (margins[i] > 0) {
      Close(leaf.box, *leaf.argument, leaf.margin);
      continue;
    }
    shared_.refused.fetch_add(1, std::memory_order_relaxed);
    leaf.box.must_split = true;
    Push(std::move(leaf.box));
  }
  doubtful_.clear();
}

void Worker::Close(const OpenBox& box, const KnownArgument& argument, float margin) {
  tree_.Close(box.node, argument.number);
  best_margin_ = std::min(best_margin_, margin);
  if (box.planned_split.has_value() || box.merges) shared_.merged.fetch_add(1, std::memory_order_relaxed);
  if (box.replayed) shared_.kept.fetch_add(1, std::memory_order_relaxed);
  CountClosed(box, 1);
}

void Worker::CountClosed(const OpenBox& box, std::uint64_t leaves) {
  shared_.leaves.fetch_add(leaves, std::memory_order_relaxed);
  const double share = std::ldexp(1.0, -static_cast<int>(box.depth)) / static_cast<double>(query_.cases.size());
  shared_.volume.fetch_add(share, std::memory_order_relaxed);
  shared_.unfinished.fetch_sub(1);
}

}  // namespace pawl::prover
