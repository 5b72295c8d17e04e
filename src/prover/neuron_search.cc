#include "prover/neuron_search.h"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <condition_variable>
#include <limits>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>

#include "checker/leaf.h"
#include "checker/root_bounds.h"
#include "prover/checkpoint.h"
#include "prover/dual_bounds.h"
#include "prover/dual_rows.h"
#include "prover/neuron_tree.h"
#include "prover/root_section.h"

namespace pawl::prover {
namespace {

using Clock = std::chrono::steady_clock;
using Place = DualBounds::Place;
using Side = DualBounds::Side;

constexpr std::size_t kColumns = 96;
// Nodes that are split together; each has two children.
constexpr std::size_t kParents = kColumns / 2;
constexpr std::size_t kCandidates = 24;
// Steps of gradient ascent: for a row at the root, and for a node of the tree.
constexpr int kRootSteps = 40, kNodeSteps = 12;
// For the hidden bounds, where the default slopes did not do.
constexpr int kHiddenSteps = 60;
// Rates of ascent in the tree, and what they are multiplied by after each step.
constexpr float kSlopeRate = 0.25f, kWeightRate = 0.2f, kRateDecay = 0.93f;
// How much the better child of a split counts beside the worse one.
constexpr float kBetterChild = 0.7f;
// One batch in this many descends from the points where its worst bounds are reached.
constexpr std::uint64_t kAttackEvery = 8;
constexpr int kDescentSteps = 30;
// Rounds of sixteen descents for each conjunction that is open at the root, before the tree is begun.
constexpr int kAttackRounds = 6;

struct PhaseOf {
  Place place;
  Side side = Side::kLow;
  float weight = 0;
};

// A part of a conjunction's tree that is neither refuted nor split yet.
struct OpenNode {
  std::size_t conjunction = 0;
  NeuronTree::Id node = 0;
  float bound = -std::numeric_limits<float>::infinity();
  std::vector<std::uint8_t> slopes;  // of all open neurons
  std::vector<PhaseOf> phases;       // from the root down
  std::vector<Place> candidates;     // what to split next
};

// What the threads of one case share.
struct Board {
  std::mutex mutex;
  std::condition_variable changed;
  std::vector<OpenNode> open;     // guarded by mutex
  std::size_t busy = 0;           // nodes being worked on; guarded by mutex
  bool stop = false;              // guarded by mutex
  SearchOutcome outcome;          // guarded by mutex
  std::vector<NeuronTree> trees;  // one a conjunction; guarded by mutex
  std::uint64_t bytes = 0;        // of trees and open nodes; guarded by mutex
  std::atomic<std::uint64_t> boxes = 0, leaves = 0, refused = 0;
  std::atomic<double> volume = 0;
  // Wall time in the checker's routine over all threads, and for how many leaves it would have done.
  std::atomic<double> seconds_asking = 0;
  std::atomic<std::uint64_t> asked = 0;

  void End(SearchEnd end, const char* detail) {
    const std::lock_guard lock(mutex);
    if (!stop) outcome.end = end, outcome.detail = detail;
    stop = true;
    changed.notify_all();
  }
};

// The case as this search sees it; read-only while threads work.
struct Problem {
  const Query& query;
  const QueryCase& query_case;
  const checker::Claim& claim;
  const SearchOptions& options;
  std::size_t case_index = 0, top = 0;
  std::vector<float> box_lower, box_upper;
  std::vector<DualRow> rows;                     // of the case
  std::vector<std::uint32_t> chosen;             // per conjunction, the row to refute
  std::vector<std::vector<float>> lower, upper;  // of hidden operands, as the checker finds them
  std::vector<checker::RootLayer> section;
  std::optional<checker::RootBounds> root;
  double seconds_root = 0;                              // that the checker takes to bound it
  std::vector<checker::RefutationRow> refutation_rows;  // per conjunction, of its chosen row

  bool OutOfTime() const {
    return options.cancel.stop_requested() || (options.deadline.has_value() && Clock::now() >= *options.deadline);
  }
  std::uint32_t ChosenInConjunction(std::size_t c) const { return chosen[c] - query_case.first_row[c]; }
  // Sets box and hidden bounds.
  void Prepare(DualBounds& bounds) const {
    bounds.SetBox(box_lower, box_upper);
    for (std::size_t k = 0; k < top; ++k) bounds.SetHidden(k, lower[k], upper[k]);
  }
};

// ---- One thread

class NodeWorker {
 public:
  NodeWorker(const Problem& problem, const Confirmer& confirmer, Board& board, unsigned index)
      : p_(problem),
        board_(board),
        dual_(problem.query.network, kColumns),
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

  void Run() {
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

  // Bounds rows of the case at the root; true for those that are refuted. Fills in the nodes' bounds.
  bool BoundRoots(std::vector<OpenNode>& nodes) { return BoundNodes(nodes, kRootSteps); }

 private:
  // The worst nodes, at the end of the list.
  bool Take(std::vector<OpenNode>& parents) {
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

  // The whole certificate is checked at the end: the root section again, then each leaf, by all threads.
  bool NoTimeToCheck() const {
    if (!p_.options.deadline.has_value()) return false;
    const double each = board_.seconds_asking / static_cast<double>(std::max<std::uint64_t>(1, board_.asked));
    const double leaves = each * static_cast<double>(board_.leaves) / std::max(1u, p_.options.threads);
    return Clock::now() + std::chrono::duration<double>(1.2 * leaves + p_.seconds_root) >= *p_.options.deadline;
  }

  void SetColumn(std::size_t column, const OpenNode& node) {
    const DualRow& row = p_.rows[p_.chosen[node.conjunction]];
    dual_.SetRow(column, row.coefficients.data(), row.constant);
    if (!node.slopes.empty()) dual_.LoadSlopes(column, node.slopes.data());
    for (const PhaseOf& phase : node.phases) dual_.SetPhase(column, phase.place, phase.side, phase.weight);
  }

  // Splits each parent on the best of its candidates.
  bool Branch(std::vector<OpenNode>& parents, std::vector<OpenNode>& children) {
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
        OpenNode child{parent.conjunction, low + static_cast<NeuronTree::Id>(side),
                       parent.bound,       parent.slopes,
                       parent.phases,      {}};
        child.phases.push_back({place, side == 0 ? Side::kLow : Side::kHigh, 0});
        children.push_back(std::move(child));
      }
    }
    return true;
  }

  bool BoundChildren(std::vector<OpenNode>& children) {
    if (!BoundNodes(children, kNodeSteps)) return false;
    return ++batches_ % kAttackEvery != 1 || !Attack();
  }

  // Optimises the nodes' bounds; closes those that are refuted and puts the others on the board. False when the run
  // has ended.
  bool BoundNodes(std::vector<OpenNode>& nodes, int steps) {
    dual_.Start(p_.top, nodes.size());
    for (std::size_t c = 0; c < nodes.size(); ++c) SetColumn(c, nodes[c]);
    std::vector<bool> closed(nodes.size(), false), tried(nodes.size(), false);
    float slope_rate = nodes[0].slopes.empty() ? 0.3f : kSlopeRate, weight_rate = kWeightRate;
    std::size_t left = nodes.size();
    for (int s = 0; s <= steps && left > 0; ++s, slope_rate *= kRateDecay, weight_rate *= kRateDecay) {
      dual_.Evaluate();
      std::vector<std::size_t> ready;
      for (std::size_t c = 0; c < nodes.size(); ++c) {
        nodes[c].bound = closed[c] ? nodes[c].bound : dual_.bound(c);
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
      node.slopes.resize(open_.size());
      dual_.StoreSlopes(c, node.slopes.data());
      for (PhaseOf& phase : node.phases) phase.weight = RoundedWeight(dual_.Multiplier(c, phase.place));
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

  bool Hand(std::vector<OpenNode> open) {
    const std::lock_guard lock(board_.mutex);
    for (OpenNode& node : open) {
      board_.outcome.best_margin = std::min(board_.outcome.best_margin, static_cast<double>(node.bound));
      board_.open.push_back(std::move(node));
    }
    const std::uint64_t each = open_.size() + 64 * sizeof(PhaseOf) + sizeof(OpenNode);
    if (board_.bytes + board_.open.size() * each > p_.options.memory_bytes_max) {
      board_.outcome.end = SearchEnd::kMemory;
      board_.outcome.detail = "the memory limit was reached";
      board_.stop = true;
    }
    return !board_.stop;
  }

  // Puts nodes that look refuted to the checker; returns how many it accepts.
  std::size_t Confirm(const std::vector<OpenNode>& nodes, const std::vector<std::size_t>& ready,
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

  NeuronTree::Leaf LeafOf(const OpenNode& node, std::size_t column, std::vector<checker::Phase>& phases) {
    NeuronTree::Leaf leaf;
    std::vector<std::uint8_t> slopes(open_.size());
    dual_.StoreSlopes(column, slopes.data());
    leaf.slopes.assign(listed_count_, 0);
    for (std::size_t o = 0; o < open_.size(); ++o) leaf.slopes[in_table_[o]] = slopes[o];
    for (const PhaseOf& phase : node.phases) {
      const auto neuron = static_cast<std::uint32_t>(first_neuron_[phase.place.layer] + phase.place.neuron);
      phases.push_back({neuron, phase.side == Side::kHigh});
      leaf.weights.push_back(WeightByte(dual_.Multiplier(column, phase.place)));
    }
    return leaf;
  }

  // The open neurons that lose most where the bound is reached, and the one that may lose most.
  std::vector<Place> Candidates(std::size_t column, const OpenNode& node) const {
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
                                     [&](const PhaseOf& phase) { return phase.place == place; });
      if (!fixed) return {place};
    }
    return {};
  }

  bool Attack() {
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
    std::optional<Counterexample> found =
        attacker_.FromPoints(p_.query_case, worst_conjunction_, points, kDescentSteps);
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

  const Problem& p_;
  Board& board_;
  DualBounds dual_;
  BatchBounds points_;
  Attacker attacker_;
  checker::LeafEngine engine_;
  std::vector<Place> open_;                // all open neurons
  std::vector<std::size_t> in_table_;      // of an open neuron in a slope table
  std::vector<std::size_t> first_neuron_;  // of a layer, in the certificate's numbering
  std::size_t listed_count_ = 0;
  std::uint64_t batches_ = 0;
  float worst_bound_ = 0;
  std::size_t worst_conjunction_ = 0;
  std::vector<float> worst_point_;
};

// ---- One case

// Has the checker bound the case by a root section, and takes over what it finds.
bool BoundHiddenBy(Problem& p, std::vector<checker::RootLayer> section) {
  p.section = std::move(section);
  const Clock::time_point start = Clock::now();
  Result<checker::RootBounds> root = checker::BoundRoot(p.claim, p.case_index, p.section, p.options.threads);
  if (!root.ok() || !root->usable) return false;
  p.seconds_root = std::chrono::duration<double>(Clock::now() - start).count();
  p.root.emplace(std::move(*root));
  p.lower.clear();
  p.upper.clear();
  for (const checker::Step& step : p.claim.steps) {
    if (step.kind != checker::StepKind::kRelu) continue;
    const checker::Relaxation::Value& operand = p.root->relaxation.value(step.input);
    std::vector<float>&lower = p.lower.emplace_back(), &upper = p.upper.emplace_back();
    for (std::size_t i = 0; i < step.rows; ++i) {
      lower.push_back(RoundedDown(operand.lower[i][0]));
      upper.push_back(RoundedUp(operand.upper[i][0]));
    }
  }
  return true;
}

bool BoundHidden(Problem& p, int steps) {
  RootSection section =
      MakeRootSection(p.query.network, p.box_lower, p.box_upper, {steps, p.options.threads, p.options.deadline});
  return section.complete && BoundHiddenBy(p, std::move(section.layers));
}

// For each conjunction the row with the best bound by the default slopes, or the one that was chosen before.
Result<void> ChooseRows(Problem& p, const std::vector<std::optional<std::uint32_t>>& before) {
  DualBounds bounds(p.query.network, kColumns);
  p.Prepare(bounds);
  p.rows = MakeDualRows(bounds, p.query.network, p.query_case.rows);
  p.chosen.clear();
  p.refutation_rows.clear();
  for (std::size_t c = 0; c < p.query_case.conjunctions(); ++c) {
    float best = -HUGE_VALF;
    p.chosen.push_back(p.query_case.first_row[c]);
    if (before[c]) p.chosen.back() += *before[c];
    for (std::uint32_t r = p.query_case.first_row[c]; !before[c] && r < p.query_case.first_row[c + 1]; ++r) {
      bounds.Start(p.top, 1);
      bounds.SetRow(0, p.rows[r].coefficients.data(), p.rows[r].constant);
      bounds.Evaluate();
      if (bounds.bound(0) > best) best = bounds.bound(0), p.chosen.back() = r;
    }
    Result<checker::RefutationRow> row =
        checker::MakeRefutationRow(p.claim, p.case_index, c, {{p.ChosenInConjunction(c), checker::kUnitMultiplier}});
    if (!row.ok()) return row.error();
    p.refutation_rows.push_back(std::move(*row));
  }
  return {};
}

// The roots of all conjunctions.
std::vector<OpenNode> Roots(const Problem& p, Board& board) {
  board.trees.assign(p.chosen.size(), NeuronTree());
  std::vector<OpenNode> nodes;
  for (std::size_t c = 0; c < p.chosen.size(); ++c) nodes.push_back({c, 0, 0, {}, {}, {}});
  return nodes;
}

// Nodes that the worker does not refute at once are left on the board.
bool TryNodes(const Problem& p, const Confirmer& confirmer, Board& board, std::vector<OpenNode> nodes) {
  NodeWorker worker(p, confirmer, board, 0);
  board.open.clear();
  for (std::size_t first = 0; first < nodes.size() && !p.OutOfTime(); first += kColumns) {
    const auto begin = nodes.begin() + static_cast<std::ptrdiff_t>(first);
    std::vector<OpenNode> some(
        std::make_move_iterator(begin),
        std::make_move_iterator(begin + static_cast<std::ptrdiff_t>(std::min(kColumns, nodes.size() - first))));
    if (!worker.BoundRoots(some)) return false;
  }
  return true;
}

// Looks for counterexamples of the conjunctions on the board; each thread begins with other points.
bool AttackOpen(const Problem& p, const Confirmer& confirmer, Board& board) {
  if (!p.query_case.attackable() || board.open.empty()) return false;
  std::atomic<bool> found = false;
  const auto attack = [&](unsigned index) {
    BatchBounds points(p.query.network, p.query.rows_max, BoundsUse::kPoints);
    Attacker attacker(p.query, confirmer, points, p.options.seed * 104729 + index);
    for (int round = static_cast<int>(index); round < kAttackRounds; round += static_cast<int>(p.options.threads)) {
      for (const OpenNode& node : board.open) {
        if (found || p.OutOfTime()) return;
        std::optional<Counterexample> counterexample = attacker.FromRandomPoints(p.query_case, node.conjunction);
        if (!counterexample.has_value()) continue;
        const std::lock_guard lock(board.mutex);
        found = board.stop = true;
        board.outcome.end = SearchEnd::kViolated;
        board.outcome.counterexample = std::move(counterexample);
        return;
      }
    }
  };
  std::vector<std::jthread> threads;
  for (unsigned i = 0; i < std::min<unsigned>(std::max(1u, p.options.threads), kAttackRounds); ++i)
    threads.emplace_back(attack, i);
  threads.clear();
  return found;
}

// ---- Going on from a checkpoint

// Of each conjunction, the row that the leaves of an earlier search refute; nothing where there are none.
std::vector<std::optional<std::uint32_t>> RowsBefore(const QueryCase& query_case, const checker::CaseProof& earlier) {
  std::vector<std::optional<std::uint32_t>> rows(query_case.conjunctions());
  for (const checker::GroupProof& group : earlier.groups) {
    const std::uint32_t c = group.members[0];
    for (const checker::Argument& argument : group.arguments) {
      if (IsOpen(argument)) continue;
      const std::uint32_t row = argument.refutations[0][0].row;
      if (row < query_case.first_row[c + 1] - query_case.first_row[c]) rows[c] = row;
      break;
    }
  }
  return rows;
}

// The neuron of the certificate's numbering, where its sign is open.
std::optional<Place> OpenPlace(const Problem& p, std::uint32_t neuron) {
  for (std::uint32_t k = 0; k < p.top; ++k) {
    if (neuron < p.lower[k].size()) {
      if (!(p.lower[k][neuron] < 0 && p.upper[k][neuron] > 0)) return std::nullopt;
      return Place{k, neuron};
    }
    neuron -= static_cast<std::uint32_t>(p.lower[k].size());
  }
  return std::nullopt;
}

// Grows the tree of one conjunction as an earlier search left it; false where it does not fit.
bool RestoreTree(const Problem& p, const checker::GroupProof& group, Board& board, std::vector<OpenNode>& open) {
  const std::size_t conjunction = group.members[0];
  NeuronTree& tree = board.trees[conjunction];
  std::vector<OpenNode> waiting = {{conjunction, 0, 0, {}, {}, {}}};
  std::size_t next_weight = 0;
  for (const checker::Node& node : group.nodes) {
    if (waiting.empty()) return false;
    OpenNode at = std::move(waiting.back());
    waiting.pop_back();
    if (node.kind == checker::NodeKind::kNeuronSplit) {
      const std::optional<Place> place = OpenPlace(p, node.index);
      const bool again = place && std::any_of(at.phases.begin(), at.phases.end(),
                                              [&](const PhaseOf& phase) { return phase.place == *place; });
      if (!place || again) return false;
      const NeuronTree::Id low = tree.Split(at.node, node.index);
      for (const std::uint32_t side : {1u, 0u}) {
        OpenNode& child = waiting.emplace_back(at);
        child.node = low + side;
        child.phases.push_back({*place, side == 0 ? Side::kLow : Side::kHigh, 0});
      }
      continue;
    }
    if (!checker::IsLeaf(node.kind) || node.index >= group.arguments.size()) return false;
    const checker::Argument& argument = group.arguments[node.index];
    if (IsOpen(argument)) {
      open.push_back(std::move(at));
      continue;
    }
    NeuronTree::Leaf leaf;
    leaf.weights.assign(at.phases.size(), 0);
    if (!argument.slopes.empty()) leaf.slopes = argument.slopes[0];
    if (node.kind == checker::NodeKind::kWeightedLeaf) {
      if (at.phases.size() > group.weights.size() - next_weight) return false;
      std::copy_n(group.weights.begin() + static_cast<std::ptrdiff_t>(next_weight), at.phases.size(),
                  leaf.weights.begin());
      next_weight += at.phases.size();
    }
    tree.Close(at.node, std::move(leaf));
    board.leaves.fetch_add(1);
  }
  return waiting.empty();
}

// What an earlier search left open; nothing where its proof does not fit.
std::optional<std::vector<OpenNode>> RestoreNodes(Problem& p, const checker::CaseProof& earlier, Board& board) {
  board.trees.assign(p.query_case.conjunctions(), NeuronTree());
  std::vector<OpenNode> open;
  for (const checker::GroupProof& group : earlier.groups) {
    if (group.members.size() != 1 || group.members[0] >= board.trees.size()) return std::nullopt;
    if (!RestoreTree(p, group, board, open)) return std::nullopt;
  }
  return open;
}

checker::CaseProof ToProof(const Problem& p, const Board& board) {
  checker::CaseProof proof;
  proof.conjunctions = static_cast<std::uint32_t>(p.chosen.size());
  proof.root = p.section;
  for (std::uint32_t c = 0; c < p.chosen.size(); ++c) {
    proof.groups.push_back(board.trees[c].ToGroup(p.ChosenInConjunction(c)));
    proof.groups.back().members = {c};
  }
  return proof;
}

void Report(const Problem& p, const Board& board, Clock::time_point start, std::size_t open) {
  if (!p.options.progress) return;
  Progress progress;
  progress.seconds = std::chrono::duration<double>(Clock::now() - start).count();
  progress.boxes = board.boxes;
  progress.open = open;
  progress.leaves = board.leaves;
  progress.volume_proven = std::min(1.0, board.volume.load());
  p.options.progress(progress);
}

}  // namespace

bool NeuronSearch::Suits(const Query& query) {
  return std::all_of(query.cases.begin(), query.cases.end(),
                     [&](const QueryCase& c) { return HasDualRows(query.network, c.rows); });
}

SearchOutcome NeuronSearch::Run(std::size_t case_index, checker::CaseProof& proof) {
  const checker::CaseProof earlier = std::exchange(proof, {});
  const Clock::time_point start = Clock::now();
  Problem p{query_, query_.cases[case_index], claim_, options_, case_index, 0, {}, {}, {}, {}, {}, {}, {}, {}, 0, {}};
  p.top = ReluLayers(query_.network);
  for (std::size_t j = 0; j < query_.network.inputs; ++j) {
    p.box_lower.push_back(RoundedDown(p.query_case.lower[j]));
    p.box_upper.push_back(RoundedUp(p.query_case.upper[j]));
  }
  Board board;
  board.outcome.best_margin = std::numeric_limits<double>::infinity();
  const auto ended = [&](SearchEnd end, const char* detail) {
    if (!board.stop) board.outcome.end = end, board.outcome.detail = detail;
    board.outcome.boxes = board.boxes;
    board.outcome.leaves = board.leaves;
    board.outcome.refused_leaves = board.refused;
    return board.outcome;
  };
  const bool resumes = !earlier.root.empty();
  const std::vector<std::optional<std::uint32_t>> rows_before =
      RowsBefore(p.query_case, resumes ? earlier : checker::CaseProof());
  for (const int steps : {0, kHiddenSteps}) {
    if (steps > 0 && (resumes || board.open.empty())) break;
    board.leaves = 0;
    board.volume = 0;
    board.outcome.best_margin = std::numeric_limits<double>::infinity();
    if (!(resumes ? BoundHiddenBy(p, earlier.root) : BoundHidden(p, steps))) {
      return p.OutOfTime() ? ended(SearchEnd::kTimeout, "the time limit was reached")
                           : ended(SearchEnd::kStuck, "the hidden neurons have no finite bounds");
    }
    if (const Result<void> rows = ChooseRows(p, rows_before); !rows.ok())
      return ended(SearchEnd::kStuck, "a row has no bounds");
    std::optional<std::vector<OpenNode>> nodes = resumes ? RestoreNodes(p, earlier, board) : Roots(p, board);
    if (!nodes.has_value()) return ended(SearchEnd::kStuck, "the checkpoint does not fit this search");
    if (!TryNodes(p, confirmer_, board, std::move(*nodes)))
      return ended(SearchEnd::kMemory, "the memory limit was reached");
    Report(p, board, start, board.open.size());
  }
  if (AttackOpen(p, confirmer_, board)) return ended(SearchEnd::kViolated, "");
  {
    std::vector<std::jthread> threads;
    for (unsigned i = 0; i < std::max(1u, options_.threads) && !board.open.empty(); ++i)
      threads.emplace_back([&, i] { NodeWorker(p, confirmer_, board, i).Run(); });
    std::unique_lock lock(board.mutex);
    while (!board.stop && (!board.open.empty() || board.busy > 0)) {
      board.changed.wait_for(lock, std::chrono::milliseconds(250));
      const std::size_t open = board.open.size() + board.busy;
      lock.unlock();
      Report(p, board, start, open);
      lock.lock();
    }
  }
  proof = ToProof(p, board);
  return ended(SearchEnd::kClosed, "");
}

}  // namespace pawl::prover
