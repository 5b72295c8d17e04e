#include "prover/neuron_worker.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <span>
#include <utility>

namespace pawl::prover {
namespace {

using Clock = std::chrono::steady_clock;
using Place = DualBounds::Place;
using Side = DualBounds::Side;

// Nodes that are split together; each has two children.
constexpr std::size_t kParents = kNodesTogether / 2;
constexpr std::size_t kCandidates = 24;
// Steps of gradient ascent: for a row at the root, and for a node of the tree.
constexpr int kRootSteps = 40, kNodeSteps = 12;
// Rates of ascent in the tree, and what they are multiplied by after each step.
constexpr float kSlopeRate = 0.25f, kWeightRate = 0.2f, kRateDecay = 0.93f;
// How much the better child of a split counts beside the worse one.
constexpr float kBetterChild = 0.7f;
// One batch in this many descends from the points where its worst bounds are reached.
constexpr std::uint64_t kAttackEvery = 8;
constexpr int kDescentSteps = 30;

}  // namespace

NeuronWorker::NeuronWorker(const NeuronProblem& problem, const Confirmer& confirmer, NeuronBoard& board, unsigned index)
    : p_(problem),
      board_(board),
      dual_(problem.query.network, kNodesTogether),
      points_(problem.query.network, problem.query.rows_max, BoundsUse::kPoints),
      attacker_(problem.query, confirmer, points_, problem.options.seed * 7919 + index),
      engine_(problem.claim) {
  p_.Prepare(dual_);
  open_ = dual_.OpenNeurons(p_.top);
  first_neuron_.push_back(0);
  for (const checker::RootLayer& layer : p_.section) first_neuron_.push_back(first_neuron_.back() + layer.neurons);
  std::size_t listed = 0, o = 0;
  for (std::uint32_t k = 0; k < p_.section.size(); ++k) {
    for (std::uint32_t i = 0; i < p_.section[k].neurons; ++i) {
      if (!p_.section[k].lists(i)) continue;
      if (o < open_.size() && open_[o] == Place{k, i}) in_table_.push_back(listed), ++o;
      ++listed;
    }
  }
  listed_count_ = listed;
  engine_.SetRoot(&*p_.root);
}

void NeuronWorker::Run() {
  std::vector<OpenNode> parents;
  while (Take(parents)) {
    const std::size_t count = parents.size();
    std::vector<OpenNode> children;
    const bool going = Branch(parents, children) && BoundChildren(children);
    const std::lock_guard lock(board_.mutex);
    board_.busy -= count;
    if (!going) board_.stop = true;
    board_.changed.notify_all();
  }
}

bool NeuronWorker::BoundRoots(std::vector<OpenNode>& nodes) {
  return BoundNodes(nodes, nodes[0].slopes.empty() ? kRootSteps : kNodeSteps);
}

bool NeuronWorker::Take(std::vector<OpenNode>& parents) {
  parents.clear();
  std::unique_lock lock(board_.mutex);
  while (!board_.stop) {
    if (p_.OutOfTime() || NoTimeToCheck()) {
      if (!board_.stop) {
        board_.outcome.end = p_.options.cancel.stop_requested() ? SearchEnd::kCancelled : SearchEnd::kTimeout;
        board_.outcome.detail =
            p_.OutOfTime() ? "the time limit was reached" : "no time would be left to check the certificate";
      }
      board_.stop = true;
      board_.changed.notify_all();
      return false;
    }
    if (!board_.open.empty()) {
      const std::size_t take = std::min(kParents, board_.open.size());
      for (std::size_t i = 0; i < take; ++i) {
        parents.push_back(std::move(board_.open.back()));
        board_.open.pop_back();
      }
      board_.busy += take;
      return true;
    }
    if (board_.busy == 0) {
      board_.changed.notify_all();
      return false;
    }
    board_.changed.wait_for(lock, std::chrono::milliseconds(20));
  }
  return false;
}

bool NeuronWorker::NoTimeToCheck() const {
  if (!p_.options.deadline.has_value()) return false;
  const double each = board_.seconds_asking / static_cast<double>(std::max<std::uint64_t>(1, board_.asked));
  const double leaves = each * static_cast<double>(board_.leaves) / std::max(1u, p_.options.threads);
  return Clock::now() + std::chrono::duration<double>(1.2 * leaves + p_.seconds_root) >= *p_.options.deadline;
}

void NeuronWorker::SetColumn(std::size_t column, const OpenNode& node) {
  const DualRow& row = p_.rows[p_.chosen[node.conjunction]];
  dual_.SetRow(column, row.coefficients.data(), row.constant);
  if (!node.slopes.empty()) dual_.LoadSlopes(column, node.slopes.data());
  for (const NeuronPhase& phase : node.phases) dual_.SetPhase(column, phase.place, phase.side, phase.weight);
}

bool NeuronWorker::Branch(std::vector<OpenNode>& parents, std::vector<OpenNode>& children) {
  struct Trial {
    std::size_t parent, candidate;
  };
  std::vector<Trial> trials;
  for (std::size_t i = 0; i < parents.size(); ++i) {
    if (parents[i].candidates.empty()) {
      board_.End(SearchEnd::kStuck, "all neurons of a node are fixed and its rows are not refuted");
      return false;
    }
    for (std::size_t c = 0; c < parents[i].candidates.size(); ++c) trials.push_back({i, c});
  }
  std::vector<std::pair<float, std::size_t>> best(parents.size(), {-HUGE_VALF, 0});
  for (std::size_t first = 0; first < trials.size(); first += kParents) {
    const std::size_t count = std::min(kParents, trials.size() - first);
    dual_.Start(p_.top, 2 * count);
    for (std::size_t t = 0; t < count; ++t) {
      const OpenNode& parent = parents[trials[first + t].parent];
      for (const std::size_t side : {0u, 1u}) {
        SetColumn(2 * t + side, parent);
        dual_.SetPhase(2 * t + side, parent.candidates[trials[first + t].candidate],
                       side == 0 ? Side::kLow : Side::kHigh, 0);
      }
    }
    dual_.Evaluate();
    board_.boxes.fetch_add(2 * count, std::memory_order_relaxed);
    for (std::size_t t = 0; t < count; ++t) {
      const Trial& trial = trials[first + t];
      const float bound = parents[trial.parent].bound;
      const float low = std::min(dual_.bound(2 * t), 0.0f) - bound;
      const float high = std::min(dual_.bound(2 * t + 1), 0.0f) - bound;
      const float score = std::min(low, high) + kBetterChild * std::max(low, high);
      if (score > best[trial.parent].first) best[trial.parent] = {score, trial.candidate};
    }
  }
  const std::lock_guard lock(board_.mutex);
  for (std::size_t i = 0; i < parents.size(); ++i) {
    OpenNode& parent = parents[i];
    const Place place = parent.candidates[best[i].second];
    NeuronTree& tree = board_.trees[parent.conjunction];
    const NeuronTree::Id low = tree.Split(parent.node, first_neuron_[place.layer] + place.neuron);
    for (const std::size_t side : {0u, 1u}) {
      OpenNode child{
          parent.conjunction, low + static_cast<NeuronTree::Id>(side), parent.bound, parent.slopes, parent.phases, {}};
      child.phases.push_back({place, side == 0 ? Side::kLow : Side::kHigh, 0});
      children.push_back(std::move(child));
    }
  }
  return true;
}

bool NeuronWorker::BoundChildren(std::vector<OpenNode>& children) {
  if (!BoundNodes(children, kNodeSteps)) return false;
  return ++batches_ % kAttackEvery != 1 || !Attack();
}

bool NeuronWorker::BoundNodes(std::vector<OpenNode>& nodes, int steps) {
  dual_.Start(p_.top, nodes.size());
  for (std::size_t c = 0; c < nodes.size(); ++c) SetColumn(c, nodes[c]);
  std::vector<bool> closed(nodes.size(), false), tried(nodes.size(), false);
  float slope_rate = nodes[0].slopes.empty() ? 0.3f : kSlopeRate, weight_rate = kWeightRate;
  std::size_t left = nodes.size();
  for (int s = 0; s <= steps && left > 0; ++s, slope_rate *= kRateDecay, weight_rate *= kRateDecay) {
    dual_.Evaluate();
    std::vector<std::size_t> ready;
    for (std::size_t c = 0; c < nodes.size(); ++c) {
      if (!closed[c] && (s == 0 || dual_.bound(c) > nodes[c].bound)) Keep(c, nodes[c]);
      if (!closed[c] && !tried[c] && dual_.bound(c) > p_.rows[p_.chosen[nodes[c].conjunction]].margin)
        ready.push_back(c);
    }
    left -= Confirm(nodes, ready, closed, tried);
    if (left > 0) dual_.Ascend(slope_rate, weight_rate);
  }
  board_.boxes.fetch_add(nodes.size(), std::memory_order_relaxed);
  worst_bound_ = HUGE_VALF;
  std::vector<OpenNode> open;
  for (std::size_t c = 0; c < nodes.size(); ++c) {
    if (closed[c]) continue;
    OpenNode& node = nodes[c];
    node.candidates = Candidates(c, node);
    if (node.bound < worst_bound_) {
      worst_bound_ = node.bound;
      worst_conjunction_ = node.conjunction;
      worst_point_.resize(p_.query.network.inputs);
      dual_.WorstInput(c, worst_point_.data());
    }
    open.push_back(std::move(node));
  }
  return Hand(std::move(open));
}

void NeuronWorker::Keep(std::size_t column, OpenNode& node) const {
  node.bound = dual_.bound(column);
  node.slopes.resize(open_.size());
  dual_.StoreSlopes(column, node.slopes.data());
  for (NeuronPhase& phase : node.phases) phase.weight = RoundedWeight(dual_.Multiplier(column, phase.place));
}

bool NeuronWorker::Hand(std::vector<OpenNode> open) {
  const std::lock_guard lock(board_.mutex);
  for (OpenNode& node : open) {
    board_.outcome.best_margin = std::min(board_.outcome.best_margin, static_cast<double>(node.bound));
    board_.open.push_back(std::move(node));
  }
  const std::uint64_t each = open_.size() + 64 * sizeof(NeuronPhase) + sizeof(OpenNode);
  if (board_.bytes + board_.open.size() * each > p_.options.memory_bytes_max) {
    board_.outcome.end = SearchEnd::kMemory;
    board_.outcome.detail = "the memory limit was reached";
    board_.stop = true;
  }
  return !board_.stop;
}

std::size_t NeuronWorker::Confirm(const std::vector<OpenNode>& nodes, const std::vector<std::size_t>& ready,
                                  std::vector<bool>& closed, std::vector<bool>& tried) {
  std::size_t accepted = 0;
  for (std::size_t first = 0; first < ready.size(); first += checker::kLanes) {
    const std::size_t count = std::min(checker::kLanes, ready.size() - first);
    NeuronTree::Leaf leaves[checker::kLanes];
    std::vector<checker::Phase> phases[checker::kLanes];
    std::vector<checker::LeafTask> tasks;
    for (std::size_t t = 0; t < count; ++t) {
      const std::size_t c = ready[first + t];
      leaves[t] = LeafOf(nodes[c], c, phases[t]);
      tasks.push_back({p_.claim.boxes[p_.case_index].lower,
                       p_.claim.boxes[p_.case_index].upper,
                       {&p_.refutation_rows[nodes[c].conjunction], 1},
                       phases[t],
                       leaves[t].weights,
                       {&leaves[t].slopes, listed_count_ > 0 ? 1u : 0u}});
    }
    double margins[checker::kLanes];
    const Clock::time_point start = Clock::now();
    engine_.Margins(checker::Recipe::kRoot, tasks, {margins, count});
    board_.seconds_asking.fetch_add(std::chrono::duration<double>(Clock::now() - start).count());
    board_.asked.fetch_add(checker::kLanes);
    for (std::size_t t = 0; t < count; ++t) {
      const std::size_t c = ready[first + t];
      if (!(margins[t] > 0)) {
        tried[c] = true;
        board_.refused.fetch_add(1, std::memory_order_relaxed);
        continue;
      }
      closed[c] = true;
      ++accepted;
      board_.leaves.fetch_add(1, std::memory_order_relaxed);
      const double share = std::ldexp(1.0, -static_cast<int>(nodes[c].phases.size()));
      board_.volume.fetch_add(share / static_cast<double>(p_.chosen.size()));
      const std::lock_guard lock(board_.mutex);
      board_.bytes += leaves[t].slopes.size() + leaves[t].weights.size() + 64;
      board_.trees[nodes[c].conjunction].Close(nodes[c].node, std::move(leaves[t]));
    }
  }
  return accepted;
}

NeuronTree::Leaf NeuronWorker::LeafOf(const OpenNode& node, std::size_t column, std::vector<checker::Phase>& phases) {
  NeuronTree::Leaf leaf;
  std::vector<std::uint8_t> slopes(open_.size());
  dual_.StoreSlopes(column, slopes.data());
  leaf.slopes.assign(listed_count_, 0);
  for (std::size_t o = 0; o < open_.size(); ++o) leaf.slopes[in_table_[o]] = slopes[o];
  for (const NeuronPhase& phase : node.phases) {
    const auto neuron = static_cast<std::uint32_t>(first_neuron_[phase.place.layer] + phase.place.neuron);
    phases.push_back({neuron, phase.side == Side::kHigh});
    leaf.weights.push_back(WeightByte(dual_.Multiplier(column, phase.place)));
  }
  return leaf;
}

std::vector<Place> NeuronWorker::Candidates(std::size_t column, const OpenNode& node) const {
  std::vector<std::pair<float, std::size_t>> most, here;
  for (std::size_t o = 0; o < open_.size(); ++o) {
    const DualBounds::Loss loss = dual_.LossAt(column, open_[o]);
    if (loss.most > 0) most.emplace_back(loss.most, o);
    if (loss.here > 0) here.emplace_back(loss.here, o);
  }
  std::vector<std::size_t> chosen;
  const auto add = [&](std::vector<std::pair<float, std::size_t>>& from, std::size_t count) {
    count = std::min(count, from.size());
    std::partial_sort(from.begin(), from.begin() + static_cast<std::ptrdiff_t>(count), from.end(), std::greater<>());
    for (std::size_t i = 0; i < count && chosen.size() < kCandidates; ++i)
      if (std::find(chosen.begin(), chosen.end(), from[i].second) == chosen.end()) chosen.push_back(from[i].second);
  };
  add(most, 1);
  add(here, kCandidates);
  add(most, kCandidates);
  std::vector<Place> places;
  for (const std::size_t o : chosen) places.push_back(open_[o]);
  if (!places.empty()) return places;
  // Nothing is lost by any one neuron; any that is not fixed will do.
  for (const Place& place : open_) {
    const bool fixed = std::any_of(node.phases.begin(), node.phases.end(),
                                   [&](const NeuronPhase& phase) { return phase.place == place; });
    if (!fixed) return {place};
  }
  return {};
}

bool NeuronWorker::Attack() {
  if (worst_point_.empty() || !p_.query_case.attackable()) return false;
  std::vector<float> points;
  for (std::size_t lane = 0; lane < kLanes; ++lane)
    points.insert(points.end(), worst_point_.begin(), worst_point_.end());
  // The point itself, and fifteen around it.
  std::uint64_t state = batches_ * 2654435761u + 1;
  for (std::size_t i = worst_point_.size(); i < points.size(); ++i) {
    state = state * 6364136223846793005u + 1442695040888963407u;
    const std::size_t j = i % worst_point_.size();
    const float share = static_cast<float>(state >> 40) * 0x1p-24f - 0.5f;
    points[i] += share * static_cast<float>(i / worst_point_.size()) / 16 * (p_.box_upper[j] - p_.box_lower[j]);
  }
  std::optional<Counterexample> found = attacker_.FromPoints(p_.query_case, worst_conjunction_, points, kDescentSteps);
  if (!found.has_value()) found = attacker_.FromRandomPoints(p_.query_case, worst_conjunction_);
  if (!found.has_value()) return false;
  const std::lock_guard lock(board_.mutex);
  if (!board_.stop) {
    board_.outcome.end = SearchEnd::kViolated;
    board_.outcome.counterexample = std::move(found);
  }
  board_.stop = true;
  return true;
}

}  // namespace pawl::prover
