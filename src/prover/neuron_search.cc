#include "prover/neuron_search.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cmath>
#include <iterator>
#include <limits>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>

#include "checker/root_bounds.h"
#include "prover/checkpoint.h"
#include "prover/dual_bounds.h"
#include "prover/dual_rows.h"
#include "prover/neuron_replay.h"
#include "prover/neuron_tree.h"
#include "prover/neuron_worker.h"
#include "prover/root_section.h"
#include "prover/shared_work.h"

namespace pawl::prover {
namespace {

using Clock = std::chrono::steady_clock;
using Place = DualBounds::Place;
using Side = DualBounds::Side;

// How the hidden bounds are found, one way after the other until no conjunction is open: by default slopes, by slopes
// from gradient ascent, and by trees of splits.
struct HiddenBounding {
  int steps;
  std::size_t leaves_max;
};
constexpr HiddenBounding kHiddenBoundings[] = {{0, 1}, {60, 1}, {60, 16}, {60, 64}};
// Rounds of sixteen descents for each conjunction that is open at the root, before the tree is begun.
constexpr int kAttackRounds = 6;

// Has the checker bound the case by a root section, and takes over what it finds.
bool BoundHiddenBy(NeuronProblem& p, std::vector<checker::RootLayer> section) {
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

// Lists all neurons that are open by the checker's bounds, which may be a rounding wider than ours; false where the
// section does not allow it. No bound changes.
bool ListOpen(NeuronProblem& p) {
  p.section = ListAsWell(p.section, p.lower, p.upper);
  Result<std::vector<checker::ListedNeuron>> listed = checker::ListNeurons(p.claim, p.section);
  if (!listed.ok()) return false;
  p.root->listed = std::move(*listed);
  return true;
}

// What bounding by a section takes the checker, about: a substitution through the layers before for each bound, or for
// each leaf of its tree.
double SubstitutionWork(const checker::Claim& claim, const std::vector<checker::RootLayer>& section) {
  double backward = 0, work = 0;
  std::size_t layer = 0;
  for (const checker::Step& step : claim.steps) {
    if (step.is_rectifier() && layer < section.size()) {
      const checker::RootLayer& at = section[layer++];
      const auto leaves = at.mode == checker::RootMode::kBySplits
                              ? static_cast<std::size_t>(std::count(at.splits.begin(), at.splits.end(), 0u))
                              : 2 * at.listed_count();
      work += static_cast<double>(leaves) * backward;
    }
    backward += step.products;
  }
  return work;
}

// Whether the checker can bound by the section before the deadline, and once more when it checks the whole certificate;
// judged by how long it took for the section before.
bool HasTimeFor(const NeuronProblem& p, const std::vector<checker::RootLayer>& section) {
  const double before = SubstitutionWork(p.claim, p.section);
  if (!p.options.deadline.has_value() || before == 0) return true;
  const double seconds = p.seconds_root * SubstitutionWork(p.claim, section) / before;
  return Clock::now() + std::chrono::duration<double>(2 * seconds) < *p.options.deadline;
}

enum class Bounding { kDone, kFailed, kTooLate };

// Where it is too late, the bounds stay as they were.
Bounding BoundHidden(NeuronProblem& p, const HiddenBounding& by) {
  const RootOptions options{by.steps, by.leaves_max, p.options.threads, p.options.deadline};
  RootSection section = p.options.shared != nullptr
                            ? p.options.shared->RootOf(p.box_lower, p.box_upper, options)
                            : MakeRootSection(p.query.network, p.box_lower, p.box_upper, options);
  if (!section.complete) return Bounding::kFailed;
  if (!HasTimeFor(p, section.layers)) return Bounding::kTooLate;
  return BoundHiddenBy(p, std::move(section.layers)) && ListOpen(p) ? Bounding::kDone : Bounding::kFailed;
}

// Bounds the case by the parent's root section, with all neurons listed that are open now; false where it does not fit.
bool BoundHiddenByParent(NeuronProblem& p, const std::vector<checker::RootLayer>& section) {
  return !section.empty() && BoundHiddenBy(p, section) && ListOpen(p);
}

// For each conjunction the row with the best bound by the default slopes, or the one that was chosen before.
Result<void> ChooseRows(NeuronProblem& p, const std::vector<std::optional<std::uint32_t>>& before) {
  DualBounds bounds(p.query.network, kNodesTogether);
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
std::vector<OpenNode> Roots(const NeuronProblem& p, NeuronBoard& board) {
  board.trees.assign(p.chosen.size(), NeuronTree());
  std::vector<OpenNode> nodes;
  for (std::size_t c = 0; c < p.chosen.size(); ++c) nodes.push_back({c, 0, 0, {}, {}, {}});
  return nodes;
}

// Nodes that are not refuted at once are left on the board.
bool TryNodes(const NeuronProblem& p, const Confirmer& confirmer, NeuronBoard& board, std::vector<OpenNode> nodes) {
  board.open.clear();
  std::atomic<std::size_t> next = 0;
  std::atomic<bool> going = true;
  const auto work = [&](unsigned index) {
    NeuronWorker worker(p, confirmer, board, index);
    for (std::size_t first; going && !p.OutOfTime() && (first = next.fetch_add(kNodesTogether)) < nodes.size();) {
      const auto begin = nodes.begin() + static_cast<std::ptrdiff_t>(first);
      std::vector<OpenNode> some(
          std::make_move_iterator(begin),
          std::make_move_iterator(begin + static_cast<std::ptrdiff_t>(std::min(kNodesTogether, nodes.size() - first))));
      if (!worker.BoundRoots(some)) going = false;
    }
  };
  std::vector<std::jthread> threads;
  for (unsigned i = 1; i < p.options.threads && i * kNodesTogether < nodes.size(); ++i) threads.emplace_back(work, i);
  work(0);
  threads.clear();
  // What there was no time for stays open.
  for (std::size_t n = next; n < nodes.size(); ++n) board.open.push_back(std::move(nodes[n]));
  return going;
}

// Looks for counterexamples of the conjunctions on the board; each thread begins with other points.
bool AttackOpen(const NeuronProblem& p, const Confirmer& confirmer, NeuronBoard& board) {
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
std::optional<Place> OpenPlace(const NeuronProblem& p, std::uint32_t neuron) {
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
bool RestoreTree(const NeuronProblem& p, const checker::GroupProof& group, NeuronBoard& board,
                 std::vector<OpenNode>& open) {
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
                                              [&](const NeuronPhase& phase) { return phase.place == *place; });
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
std::optional<std::vector<OpenNode>> RestoreNodes(NeuronProblem& p, const checker::CaseProof& earlier,
                                                  NeuronBoard& board) {
  board.trees.assign(p.query_case.conjunctions(), NeuronTree());
  std::vector<OpenNode> open;
  for (const checker::GroupProof& group : earlier.groups) {
    if (group.members.size() != 1 || group.members[0] >= board.trees.size()) return std::nullopt;
    if (!RestoreTree(p, group, board, open)) return std::nullopt;
  }
  return open;
}

checker::CaseProof ToProof(const NeuronProblem& p, const NeuronBoard& board) {
  checker::CaseProof proof;
  proof.conjunctions = static_cast<std::uint32_t>(p.chosen.size());
  proof.root = p.section;
  for (std::uint32_t c = 0; c < p.chosen.size(); ++c) {
    proof.groups.push_back(board.trees[c].ToGroup(p.ChosenInConjunction(c)));
    proof.groups.back().members = {c};
  }
  return proof;
}

void Report(const NeuronProblem& p, const NeuronBoard& board, Clock::time_point start, std::size_t open) {
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

SearchOutcome NeuronSearch::Run(std::size_t case_index, checker::CaseProof& proof, const checker::CaseProof* parent) {
  const checker::CaseProof earlier = std::exchange(proof, {});
  const Clock::time_point start = Clock::now();
  NeuronProblem p{query_, query_.cases[case_index], claim_, options_, case_index, 0, {}, {}, {}, {}, {}, {}, {}, {}, 0,
                  {}};
  p.top = ReluLayers(query_.network);
  for (std::size_t j = 0; j < query_.network.inputs; ++j) {
    p.box_lower.push_back(RoundedDown(p.query_case.lower[j]));
    p.box_upper.push_back(RoundedUp(p.query_case.upper[j]));
  }
  NeuronBoard board;
  board.outcome.best_margin = std::numeric_limits<double>::infinity();
  const auto ended = [&](SearchEnd end, const char* detail) {
    if (!board.stop) board.outcome.end = end, board.outcome.detail = detail;
    board.outcome.boxes = board.boxes;
    board.outcome.leaves = board.leaves;
    board.outcome.refused_leaves = board.refused;
    return board.outcome;
  };
  const bool resumes = !earlier.root.empty();
  bool replays = !resumes && parent != nullptr && BoundHiddenByParent(p, parent->root);
  const std::vector<std::optional<std::uint32_t>> rows_before =
      RowsBefore(p.query_case, resumes   ? earlier
                               : replays ? *parent
                                         : checker::CaseProof());
  for (const HiddenBounding& by : kHiddenBoundings) {
    if (by.steps > 0 && (resumes || replays || board.open.empty() || p.OutOfTime())) break;
    const auto by_earlier = [&] { return BoundHiddenBy(p, earlier.root) ? Bounding::kDone : Bounding::kFailed; };
    const Bounding bounding = resumes ? by_earlier() : replays ? Bounding::kDone : BoundHidden(p, by);
    if (bounding == Bounding::kTooLate) break;
    board.leaves = 0;
    board.volume = 0;
    board.outcome.best_margin = std::numeric_limits<double>::infinity();
    if (bounding == Bounding::kFailed) {
      return p.OutOfTime() ? ended(SearchEnd::kTimeout, "the time limit was reached")
                           : ended(SearchEnd::kStuck, "the hidden neurons have no finite bounds");
    }
    if (const Result<void> rows = ChooseRows(p, rows_before); !rows.ok())
      return ended(SearchEnd::kStuck, "a row has no bounds");
    std::optional<std::vector<OpenNode>> nodes = resumes   ? RestoreNodes(p, earlier, board)
                                                 : replays ? ReplayTrees(p, *parent, board)
                                                           : Roots(p, board);
    const std::uint64_t parent_leaves = replays ? nodes->size() : 0;
    if (!nodes.has_value()) return ended(SearchEnd::kStuck, "the checkpoint does not fit this search");
    if (!TryNodes(p, confirmer_, board, std::move(*nodes)))
      return ended(SearchEnd::kMemory, "the memory limit was reached");
    board.outcome.kept = parent_leaves - std::min<std::uint64_t>(parent_leaves, board.open.size());
    // Bounds by default slopes are cheap: where they do not do, the next round begins anew.
    replays = replays && std::any_of(p.section.begin(), p.section.end(), [](const checker::RootLayer& layer) {
                return layer.mode != checker::RootMode::kDefault;
              });
    Report(p, board, start, board.open.size());
  }
  if (AttackOpen(p, confirmer_, board)) return ended(SearchEnd::kViolated, "");
  {
    std::vector<std::jthread> threads;
    for (unsigned i = 0; i < std::max(1u, options_.threads) && !board.open.empty(); ++i)
      threads.emplace_back([&, i] { NeuronWorker(p, confirmer_, board, i).Run(); });
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
