// Bounds of a network over sixteen input boxes at once; lane = box.
//
//   BatchBounds bounds(network, rows.count());
//   bounds.SetBox(lane, centre, radius);     // all sixteen lanes; unused ones repeat a used one
//   bounds.Propagate(HiddenBounds::kForward);             // forms of every neuron
//   bounds.BoundRows(rows);                  // bounds.row_bound(row, lane): lower bound of row·y - threshold
//   bounds.Smear(rows, selection);           // bounds.smear(input, lane): how much an input matters to a row
//
// Forms. Each neuron has a lower and an upper affine function of the box-centred, radius-scaled inputs t in [-1, 1]^d,
// kept as mean and half difference, so that an affine layer is two matrix products, one with W and one with |W|. Each
// product has (d + 1)·16 columns, which is where the speed comes from.
//
// All numbers are single precision and round to nearest: bounds are heuristics, see prover.h.
// Thread safety: one object per thread; the network is shared and must outlive it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "prover/flat_network.h"

namespace pawl::prover {

inline constexpr std::size_t kLanes = 16;

// Rows of the unsafe set: row r is the set coefficient[r]·y + input_coefficient[r]·x - threshold[r] <= 0.
struct RowSet {
  std::size_t inputs = 0;
  std::size_t outputs = 0;
  std::vector<float> coefficient;        // [rows][outputs]
  std::vector<float> magnitude;          // |coefficient|
  std::vector<float> input_coefficient;  // [rows][inputs], or empty: all zero
  std::vector<float> threshold;          // [rows]

  std::size_t count() const { return threshold.size(); }
};

// How the operands of hidden activations are bounded: recipes 01 and 02 of spec/certificate.md.
enum class HiddenBounds { kForward, kBackward };

// What an object is for: points alone take much less memory where there are many inputs.
enum class BoundsUse { kBoxes, kPoints };

class BatchBounds {
 public:
  // For row sets of at most `rows_max` rows. With kPoints only SetPoint, Evaluate, output, Gradient and gradient may be
  // called.
  BatchBounds(const FlatNetwork& network, std::size_t rows_max, BoundsUse use = BoundsUse::kBoxes);
  ~BatchBounds();
  // Bytes that one object allocates.
  static std::uint64_t MemoryBytes(const FlatNetwork& network, std::size_t rows_max);
  BatchBounds(const BatchBounds&) = delete;
  BatchBounds& operator=(const BatchBounds&) = delete;

  // Sets box `lane`; both point to one number per input. Radii are not negative.
  void SetBox(std::size_t lane, const float* centre, const float* radius);
  void Propagate(HiddenBounds hidden);
  // Requires Propagate.
  void BoundRows(const RowSet& rows);
  float row_bound(std::size_t row, std::size_t lane) const;
  // Whether a slope was chosen by so little that the checker, which rounds differently, may choose the other one and
  // get other bounds. Requires Propagate.
  bool ambiguous(std::size_t lane) const;
  // Bounds of operand `neuron` of layer `layer` in box `lane`. Requires Propagate.
  float hidden_lower(std::size_t layer, std::size_t neuron, std::size_t lane) const;
  float hidden_upper(std::size_t layer, std::size_t neuron, std::size_t lane) const;
  // Gradient bounds of one row per lane. Requires Propagate.
  void Smear(const RowSet& rows, const std::uint32_t (&row)[kLanes]);
  float smear(std::size_t input, std::size_t lane) const;
  // In the box, the input of `lane` where the row's lower bound is reached: a good guess for a counterexample.
  // Requires BoundRows.
  void WorstInput(std::size_t row, std::size_t lane, float* input) const;

  // Sixteen points instead of boxes: point(lane) is one number per input. Evaluate fills in output and gradient().
  void SetPoint(std::size_t lane, const float* input);
  void Evaluate();
  float output(std::size_t index, std::size_t lane) const;
  // d(coefficients[lane]·y)/d(input) at the points; coefficients are [outputs][kLanes]. Requires Evaluate.
  void Gradient(const float* coefficients);
  float gradient(std::size_t input, std::size_t lane) const;

  struct Workspace;  // defined beside the kernels

 private:
  std::unique_ptr<Workspace> work_;
};

}  // namespace pawl::prover
