// Finishes a box by phases of ReLUs: a small tree of neuron splits below the box, whose leaves have slopes and split
// multipliers of their own.
//
//   BoxFinisher finisher(query);
//   if (std::optional<checker::GroupProof> part = finisher.Try(0, lower, upper, hidden, rows)) tree.Finish(node,
//   *part);
//
// In a small box few neurons are open, and what is left to prove is nearly a linear program for each choice of their
// phases. The dual bounds with multipliers reach it, where halving the box goes on for thousands of leaves.
//
// Bounds are single precision: the checker has to be asked, see BoxProofMargins in confirmation.h. Internal to
// src/prover. Thread safety: one object per thread; the query outlives it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "checker/certificate.h"
#include "prover/dual_bounds.h"
#include "prover/dual_rows.h"
#include "prover/query.h"

namespace pawl::prover {

// Bounds of the operands of each layer with a ReLU.
struct HiddenBox {
  std::vector<std::vector<float>> lower, upper;
};

// A root section that lists all neurons and has no tables: what the slopes of finished boxes refer to.
std::vector<checker::RootLayer> ListAllNeurons(const FlatNetwork& network);

class BoxFinisher {
 public:
  explicit BoxFinisher(const Query& query);

  // Whether boxes of the query can be finished at all.
  static bool Suits(const Query& query);
  static std::uint64_t MemoryBytes(const FlatNetwork& network);

  // The proof of a box, of all its conjunctions in one group; nothing where it would take too many leaves. Leaves take
  // the default slopes, or those of another leaf of this box or of one before it, where those do: a table of slopes is
  // what takes room in a certificate, and is written once.
  // `rows` has for each conjunction the row to refute, within the conjunction. Where an earlier proof of the box on
  // another network is given, its splits, slopes and multipliers are begun with.
  std::optional<checker::GroupProof> Try(std::size_t case_index, std::span<const double> lower,
                                         std::span<const double> upper, const HiddenBox& hidden,
                                         std::span<const std::uint32_t> rows,
                                         const checker::GroupProof* earlier = nullptr);

  // Of the last Try.
  std::uint64_t nodes_bounded() const { return nodes_bounded_; }

 private:
  using Place = DualBounds::Place;
  struct PhaseOf {
    Place place;
    DualBounds::Side side = DualBounds::Side::kLow;
  };
  // A part of the box. Slopes and weights are kept for each conjunction.
  struct Part {
    std::uint32_t node = 0;
    std::vector<PhaseOf> phases;                    // from the box down
    std::vector<std::vector<std::uint8_t>> slopes;  // of the open neurons; empty: the default ones
    std::vector<std::vector<float>> weights;        // one a phase
    std::optional<Place> split;                     // what to split next
  };
  using Tables = std::vector<checker::SlopeTable>;  // one a conjunction; none: the default slopes
  struct TreeNode {
    std::uint32_t neuron = 0, low = 0;  // of a split: low is not 0
    std::uint32_t leaf = 0;             // number of a leaf in leaves_
  };

  void Begin(const checker::GroupProof& earlier, const HiddenBox& hidden);
  bool Grow();
  bool BoundParts(std::vector<Part>& parts);
  void Record(Part& part, std::size_t conjunction, std::size_t column);
  void RecordWeights(Part& part, std::size_t conjunction, std::size_t column) const;
  std::optional<Place> ChooseSplit(const Part& part, std::size_t first_column, const std::vector<bool>& done) const;
  bool SplitPart(Part part);
  checker::GroupProof ToProof();
  std::optional<Tables> FindTables(Part& leaf);
  Tables TablesOf(Part& leaf);

  const Query& query_;
  DualBounds dual_;
  std::vector<std::uint32_t> first_neuron_;  // of a layer, in the certificate's numbering
  std::size_t top_;

  // Of leaves before, of the same case and rows; the one used last is the last.
  std::vector<Tables> known_;
  std::size_t known_case_ = 0;
  std::vector<std::uint32_t> known_rows_;

  // Of the box at hand.
  std::vector<DualRow> rows_;   // one a conjunction
  checker::Argument argument_;  // without slopes
  std::vector<Place> open_;
  checker::SlopeTable default_slopes_;
  std::vector<Part> parts_;  // open ones
  std::vector<Part> leaves_;
  std::vector<TreeNode> tree_;
  std::uint64_t nodes_bounded_ = 0;
};

}  // namespace pawl::prover
