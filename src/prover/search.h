// Branch and bound over input boxes with a pool of workers.
//
//   SplitTree tree(query.cases.size());
//   Search search(query, claim, confirmer, tree, options);
//   SearchOutcome outcome = search.Run(RootBoxes(query));
//
// Each worker takes up to sixteen boxes from the end of its own queue (depth first, so that few boxes are open), bounds
// the children of their candidate splits together, closes those that are proven and tests points of the others as
// counterexamples; see worker.h. A worker without boxes steals the largest ones from the front of another's queue.
//
// Time for the check is kept free: a sample of the leaves is put to the checker during the search.
//
// Thread safety: Run starts and joins its own threads; a Search is used by one thread.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <stop_token>
#include <string>
#include <vector>

#include "checker/claim.h"
#include "prover/counterexample.h"
#include "prover/prover.h"
#include "prover/query.h"
#include "prover/split_tree.h"

namespace pawl::prover {

// A box that is neither proven nor split yet.
struct OpenBox {
  NodeId node = 0;
  std::uint32_t case_index = 0;
  std::uint32_t depth = 0;
  // The checker refused this box as a leaf: split it whatever the bounds say.
  bool must_split = false;
  std::vector<double> bounds;  // lower bounds, then upper bounds
  // Of boxes that were bounded: the margin by which the hardest conjunction is not refuted, and how much each input
  // matters to it. Empty: not bounded yet.
  float margin = 0;
  std::vector<float> smear;
  std::uint32_t split_input = 0;   // that the box came from
  std::uint32_t open_neurons = 0;  // whose sign the box leaves open
  std::uint32_t finish_depth = 0;  // at this depth the box may be finished by phases
  // Of a box of a parent's proof: the split that lies between two leaves, and the splits of neurons that finished it.
  bool replayed = false;
  std::optional<std::uint32_t> planned_split;
  std::shared_ptr<const checker::GroupProof> part;
  // Whether it is only tried as one leaf in the place of two that are proven: forgotten where that fails.
  bool merges = false;

  std::span<const double> lower() const { return {bounds.data(), bounds.size() / 2}; }
  std::span<const double> upper() const { return {bounds.data() + bounds.size() / 2, bounds.size() / 2}; }
  // The low (0) or high (1) child of a midpoint split of `input`; `low` is the low child's node.
  OpenBox Child(std::size_t side, NodeId low, std::size_t input) const;
};

// One box per case, with the root nodes of a SplitTree.
std::vector<OpenBox> RootBoxes(const Query& query);

class SharedWork;  // see shared_work.h

struct SearchOptions {
  unsigned threads = 1;
  std::optional<std::chrono::steady_clock::time_point> deadline;
  std::uint64_t memory_bytes_max = std::uint64_t{4096} << 20;
  std::uint64_t seed = 1;
  std::stop_token cancel;
  std::function<void(const Progress&)> progress;
  RecipeChoice recipe = RecipeChoice::kAuto;
  // Whether boxes may be finished by phases from the start, and not only in a long search.
  bool finish_at_once = false;
  // A run that has bounded so many boxes ends as one that is stuck; 0: no limit.
  std::uint64_t boxes_max = 0;
  // Where sections for bounds of hidden neurons are kept, or null: they are made anew.
  SharedWork* shared = nullptr;
};

enum class SearchEnd {
  kClosed,  // every node is a leaf or a split
  kViolated,
  kTimeout,
  kMemory,
  kStuck,
  kCancelled,
};

// What becomes of boxes that are neither proven nor violated.
enum class UnprovenBoxes {
  kSplit,
  kGiveBack,  // bounded as they are, not split but by a planned split
};

struct SearchOutcome {
  SearchEnd end = SearchEnd::kClosed;
  std::string detail;
  std::optional<Counterexample> counterexample;
  std::vector<OpenBox> given_back;  // see UnprovenBoxes
  std::uint64_t boxes = 0;
  std::uint64_t leaves = 0;
  std::uint64_t refused_leaves = 0;    // that the checker did not accept when asked during the search
  std::uint64_t kept = 0, merged = 0;  // of the parent's leaves; see ProofStatistics
  double best_margin = 0;  // smallest bound by which a leaf was closed, or failed to be where the end is kStuck
};

class Search {
 public:
  // All references must outlive it.
  Search(const Query& query, const checker::Claim& claim, const Confirmer& confirmer, SplitTree& tree,
         SearchOptions options);

  // Works until nothing is open. May be called again with further boxes; statistics are those of one call.
  SearchOutcome Run(std::vector<OpenBox> boxes, UnprovenBoxes unproven = UnprovenBoxes::kSplit);

 private:
  const Query& query_;
  const checker::Claim& claim_;
  const Confirmer& confirmer_;
  SplitTree& tree_;
  SearchOptions options_;
};

}  // namespace pawl::prover
