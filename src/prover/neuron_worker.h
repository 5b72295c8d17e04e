// One thread of the search over phases, and what its threads share; see neuron_search.h.
//
//   NeuronWorker worker(problem, confirmer, board, /*index=*/0);
//   worker.BoundRoots(nodes);                                   // what it does not refute at once goes to the board
//   worker.Run();                                               // until no node is open, or the board says stop
//
// Internal to src/prover. Thread safety: a worker is used by one thread; the problem is read-only while workers run,
// and the board's members say what guards them.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <mutex>
#include <optional>
#include <vector>

#include "checker/claim.h"
#include "checker/leaf.h"
#include "checker/root_bounds.h"
#include "prover/batch_bounds.h"
#include "prover/counterexample.h"
#include "prover/dual_bounds.h"
#include "prover/dual_rows.h"
#include "prover/neuron_tree.h"
#include "prover/query.h"
#include "prover/search.h"

namespace pawl::prover {

// Nodes that one worker bounds together.
inline constexpr std::size_t kNodesTogether = 96;

// How a neuron's sign is fixed on the path to a node, and its split multiplier.
struct NeuronPhase {
  DualBounds::Place place;
  DualBounds::Side side = DualBounds::Side::kLow;
  float weight = 0;
};

// A part of a conjunction's tree that is neither refuted nor split yet.
struct OpenNode {
  std::size_t conjunction = 0;
  NeuronTree::Id node = 0;
  float bound = -std::numeric_limits<float>::infinity();
  std::vector<std::uint8_t> slopes;           // of all open neurons
  std::vector<NeuronPhase> phases;            // from the root down
  std::vector<DualBounds::Place> candidates;  // what to split next
};

// What the threads of one case share.
struct NeuronBoard {
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
struct NeuronProblem {
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
    return options.cancel.stop_requested() ||
           (options.deadline.has_value() && std::chrono::steady_clock::now() >= *options.deadline);
  }
  std::uint32_t ChosenInConjunction(std::size_t c) const { return chosen[c] - query_case.first_row[c]; }
  // Sets box and hidden bounds.
  void Prepare(DualBounds& bounds) const {
    bounds.SetBox(box_lower, box_upper);
    for (std::size_t k = 0; k < top; ++k) bounds.SetHidden(k, lower[k], upper[k]);
  }
};

class NeuronWorker {
 public:
  // All references must outlive it; `index` tells the workers of a problem apart.
  NeuronWorker(const NeuronProblem& problem, const Confirmer& confirmer, NeuronBoard& board, unsigned index);
  // Takes nodes from the board, splits them and bounds their children, until there are none or it says stop.
  void Run();
  // Bounds nodes at the root of trees, or of an earlier search; what is not refuted at once goes to the board. False
  // where the memory limit was reached.
  bool BoundRoots(std::vector<OpenNode>& nodes);

 private:
  // The nodes that came last, so that few are open at a time. False when the run has ended.
  bool Take(std::vector<OpenNode>& parents);
  // The whole certificate is checked at the end: the root section again, then each leaf, by all threads.
  bool NoTimeToCheck() const;
  void SetColumn(std::size_t column, const OpenNode& node);
  // Splits each parent on the best of its candidates.
  bool Branch(std::vector<OpenNode>& parents, std::vector<OpenNode>& children);
  bool BoundChildren(std::vector<OpenNode>& children);
  // Optimises the nodes' bounds; closes those that are refuted and puts the others on the board. False when the run
  // has ended.
  bool BoundNodes(std::vector<OpenNode>& nodes, int steps);
  // Takes a column's bound, with the slopes and multipliers that gave it.
  void Keep(std::size_t column, OpenNode& node) const;
  bool Hand(std::vector<OpenNode> open);
  // Puts nodes that look refuted to the checker; returns how many it accepts.
  std::size_t Confirm(const std::vector<OpenNode>& nodes, const std::vector<std::size_t>& ready,
                      std::vector<bool>& closed, std::vector<bool>& tried);
  NeuronTree::Leaf LeafOf(const OpenNode& node, std::size_t column, std::vector<checker::Phase>& phases);
  // The open neurons that lose most where the bound is reached, and the one that may lose most.
  std::vector<DualBounds::Place> Candidates(std::size_t column, const OpenNode& node) const;
  bool Attack();

  const NeuronProblem& p_;
  NeuronBoard& board_;
  DualBounds dual_;
  BatchBounds points_;
  Attacker attacker_;
  checker::LeafEngine engine_;
  std::vector<DualBounds::Place> open_;    // all open neurons
  std::vector<std::size_t> in_table_;      // of an open neuron in a slope table
  std::vector<std::size_t> first_neuron_;  // of a layer, in the certificate's numbering
  std::size_t listed_count_ = 0;
  std::uint64_t batches_ = 0;
  float worst_bound_ = 0;
  std::size_t worst_conjunction_ = 0;
  std::vector<float> worst_point_;
};

}  // namespace pawl::prover
