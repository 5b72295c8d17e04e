// Lower bounds of many rows by backward substitution with slopes and split multipliers that are optimised by gradient:
// column = one row with phases, slopes and multipliers of its own, over one box and one set of hidden bounds.
//
//   DualBounds bounds(network, /*columns_max=*/96);
//   bounds.SetBox(lower, upper);
//   for (k = 0; k < relu layers; ++k) bounds.SetHidden(k, lower, upper);    // of layer k's operands, in order
//   bounds.Start(/*top=*/2, /*columns=*/16);                                // rows over the results of layer 1
//   bounds.SetRow(column, coefficients, constant);                         // every column
//   bounds.Evaluate();
//   bounds.Ascend(/*slope_rate=*/0.25f, /*multiplier_rate=*/0.1f);          // one step of Adam; then Evaluate again
//   if (bounds.bound(column) > 0) bounds.StoreSlopes(column, bytes);
//
// The bound is the Lagrange dual of the relaxed problem (Xu et al., "Fast and Complete", ICLR 2021; Wang et al.,
// "Beta-CROWN", NeurIPS 2021). Its gradient is the relaxed network's value at the point where the bound is reached, so
// an evaluation is one product with each weight matrix backward and one forward. Slopes and multipliers are rounded to
// the bytes that a certificate stores before they are used, so a bound found is one that can be written down.
//
// Numbers are single precision; bounds are heuristics, see prover.h. Thread safety: one object per thread; the network
// outlives it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "prover/flat_network.h"
#include "prover/instruction_set.h"

namespace pawl::prover {

// [rows][columns] of floats, aligned for every vector; columns are a multiple of 16.
class Matrix {
 public:
  Matrix() = default;
  Matrix(std::size_t rows, std::size_t columns);
  float* at(std::size_t row) { return data_.get() + row * columns_; }
  const float* at(std::size_t row) const { return data_.get() + row * columns_; }
  std::size_t rows() const { return rows_; }
  std::size_t stride() const { return columns_; }  // floats between rows

 private:
  std::size_t rows_ = 0, columns_ = 0;
  AlignedFloats data_;
};

struct DualLayer;  // beside the kernels

class DualBounds {
 public:
  // How a neuron's sign is fixed on a column's path.
  enum class Side : std::int8_t { kLow, kHigh };

  // Neurons of layer `layer`, by their number in the layer.
  struct Place {
    std::uint32_t layer = 0, neuron = 0;
    friend bool operator==(const Place&, const Place&) = default;
  };

  DualBounds(const FlatNetwork& network, std::size_t columns_max);
  ~DualBounds();
  DualBounds(const DualBounds&) = delete;
  DualBounds& operator=(const DualBounds&) = delete;
  static std::uint64_t MemoryBytes(const FlatNetwork& network, std::size_t columns_max);

  void SetBox(const std::vector<float>& lower, const std::vector<float>& upper);
  // Bounds of the operands of layer `layer`, which has a ReLU; layers before were set. Forgets the layers behind.
  void SetHidden(std::size_t layer, const std::vector<float>& lower, const std::vector<float>& upper);
  // Interval bounds of the operands of layer `layer` from those before.
  void IntervalBounds(std::size_t layer, std::vector<float>& lower, std::vector<float>& upper) const;
  // Neurons of layers before `top` whose sign is open, in order: what slopes belong to.
  std::vector<Place> OpenNeurons(std::size_t top) const;
  // Rounding radius of operand `neuron` of layer `layer` in the arithmetic of the proof. Requires layers before set.
  float Radius(std::size_t layer, std::size_t neuron) const;

  // A new batch: rows over the results of layer top − 1 (over the inputs where top is 0). Slopes are the default ones,
  // no phases.
  void Start(std::size_t top, std::size_t columns);
  void SetRow(std::size_t column, const float* coefficients, float constant);
  // The row that is sign times operand `neuron` of layer `top`.
  void SetNeuron(std::size_t column, std::size_t neuron, float sign);
  void SetPhase(std::size_t column, Place place, Side side, float multiplier);
  float Multiplier(std::size_t column, Place place) const;
  void LoadSlopes(std::size_t column, const std::uint8_t* slopes);  // of OpenNeurons(top)
  void StoreSlopes(std::size_t column, std::uint8_t* slopes) const;

  void Evaluate();
  float bound(std::size_t column) const { return constant_[column]; }
  // Requires Evaluate; uses up its results but for bounds.
  void Ascend(float slope_rate, float multiplier_rate);
  // After Evaluate and Ascend: how much is lost at an open neuron of a column, at most and at the point where the bound
  // is reached. 0 where a phase is set.
  struct Loss {
    float most = 0, here = 0;
  };
  Loss LossAt(std::size_t column, Place place) const;
  // The input where the bound is reached. Requires Ascend.
  void WorstInput(std::size_t column, float* input) const;

 private:
  std::size_t OpenIndex(Place place) const;

  const FlatNetwork& network_;
  std::size_t columns_max_, columns_ = 0, top_ = 0, relus_;
  std::uint64_t steps_ = 0;
  std::vector<float> box_lower_, box_upper_;
  std::vector<DualLayer> layers_;  // one a ReLU
  std::vector<float> start_, row_;
  Matrix input_row_, input_point_;  // [inputs]: coefficients over the inputs, and the minimising point
  Matrix lambda_;                   // [widest]
  AlignedFloats constant_;
};

// Bytes of certificates and what they stand for, as the kernels round: see checker/certificate.h.
std::uint8_t SlopeByte(float slope);
std::uint8_t WeightByte(float weight);
float RoundedWeight(float weight);

}  // namespace pawl::prover
