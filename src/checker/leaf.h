// Bounds of one leaf, by the two recipes of spec/certificate.md, for kLanes leaves at once.
//
//   LeafEngine engine(*claim);                                   // one a thread; the claim outlives it
//   LeafTask tasks[2] = {{low_box.lower, low_box.upper, rows}, {high_box.lower, high_box.upper, rows}};
//   double margins[2];
//   engine.Margins(Recipe::kForward, tasks, margins);
//   if (margins[0] > 0) ...                                      // every conjunction is refuted in the low box
//
// The prover confirms a leaf with Margins before it writes it; Check calls the same function.
//
// The method: forward, every neuron gets an affine function of the inputs below and one above its deployed value (as in
// symbolic interval propagation; Wang et al., USENIX Security 2018, and Singh et al., POPL 2019 for the relaxations);
// backward, a row is substituted through the relaxed network to the inputs (Singh et al., POPL 2019). All errors, the
// deployed network's and our own, are one radius a neuron: coefficients, once rounded, are taken as the chosen ones,
// and what they differ from the exact ones by is charged times the magnitude of what they multiply.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "checker/certificate.h"
#include "checker/claim.h"
#include "checker/lanes.h"

namespace pawl::checker {

struct LeafTask {
  std::span<const double> lower, upper;  // the leaf's box, one an input, lower ≤ upper, finite
  std::span<const RefutationRow> rows;   // one a conjunction; the same number in all tasks of a batch
};

struct Interval {
  double lower = 0, upper = 0;
};

class LeafEngine {
 public:
  // Allocates ScratchBytes(claim).
  explicit LeafEngine(const Claim& claim);
  static double ScratchBytes(const Claim& claim);
  // Multiplications and additions that bounding one leaf takes at most, with `conjunctions` rows; for limits of work.
  static double OperationsPerLeaf(const Claim& claim, Recipe recipe, std::size_t conjunctions);

  // Bounds 1 to kLanes leaves. margins[t] is the smallest, over task t's rows, of the lower bounds of the row over the
  // box; the leaf holds exactly where it is > 0. Anything not finite on the way gives −infinity or NaN.
  void Margins(Recipe recipe, std::span<const LeafTask> tasks, std::span<double> margins);

  // Bounds of all values alone; then Value may be asked. `rows` of the tasks are ignored.
  void Bound(Recipe recipe, std::span<const LeafTask> tasks);
  // After Margins or Bound: what neuron `neuron` of value `value` (see Claim::steps) lies in for task `task`, in every
  // deployed evaluation. {−infinity, +infinity} where the leaf could not be bounded (overflow is possible).
  Interval Value(std::size_t value, std::size_t neuron, std::size_t task) const;

 private:
  // Everything known of one value of the network in the current batch; arrays are indexed by neuron.
  struct ValueState {
    std::vector<Lanes> below, above;         // neuron × width: affine forms in centred coordinates
    std::vector<Lanes> lower, upper;         // of the deployed value
    std::vector<Lanes> form_size;            // not below |either form| anywhere, nor |deployed value|
    std::vector<Lanes> radius;               // of the step that made it: what its rows err by, deployed and our own
    std::vector<Lanes> slope, offset, keep;  // after a ReLU: x+ ≤ slope·x + offset, x+ ≥ keep·x
    std::vector<Lanes> coefficients;         // of the row being substituted backward
    std::vector<std::uint32_t> active;       // neurons that are not 0 in all lanes
    Lanes magnitude_sum;                     // Σ max |deployed value|, not below
    bool has_coefficients = false;
  };

  // The whole of one batch, and the same compiled for larger vectors. Everything below is inlined into these.
  void BoundBody(Recipe recipe, std::span<const LeafTask> tasks);
  void MarginsBody(Recipe recipe, std::span<const LeafTask> tasks, std::span<double> margins);
  void Margins256(Recipe recipe, std::span<const LeafTask> tasks, std::span<double> margins);
  void Margins512(Recipe recipe, std::span<const LeafTask> tasks, std::span<double> margins);

  void LoadBoxes(std::span<const LeafTask> tasks);
  void Forward(Recipe recipe);
  void ForwardAffineStep(const Step& step, const ValueState& in, ValueState& out);
  void ForwardElementwise(const Step& step, const ValueState& in, ValueState& out);
  void ForwardSum(const Step& step, const ValueState& a, const ValueState& b, ValueState& out);
  void ForwardRelu(const ValueState& in, ValueState& out);
  void ChargeRow(const Step& step, std::size_t row, const Lanes& charge, const Lanes& operands, ValueState& out);
  void Concretise(ValueState& value);
  void TightenBackward(std::size_t value);
  void StartRow(std::span<const LeafTask> tasks, std::size_t row);
  Lanes ForwardRow() const;
  Lanes Backward(std::size_t from);
  void BackwardThroughAffine(const Step& step, ValueState& from);
  void BackwardThroughElementwise(const Step& step, ValueState& from);
  void BackwardThroughSum(const Step& step, ValueState& from);
  void BackwardThroughRelu(const Step& step, ValueState& from);
  void AddCoefficients(std::size_t value, const Lanes* added);
  void ClearCoefficients();

  const Claim& claim_;
  std::size_t width_;  // inputs + 1
  double form_rounding_, backward_rounding_, row_rounding_;
  std::vector<ValueState> values_;
  std::vector<Lanes> centre_, spread_;  // of the boxes; the box lies in centre ± spread
  std::vector<Lanes> charges_, scratch_, added_;
  std::vector<std::uint32_t> rows_active_;
  std::vector<Lanes> output_row_, input_row_;  // the row to be shown positive
  Lanes row_constant_, row_charge_, row_size_;
  Lanes constant_, constant_size_;  // of the row being substituted backward; Σ of its parts' magnitudes
  Lanes tiny_;                      // above all underflow in forming a form
  Lanes poison_;                    // 0 until something is not finite or may overflow, then NaN
};

}  // namespace pawl::checker
