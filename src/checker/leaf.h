// Bounds of one leaf, by the recipes of spec/certificate.md, for kLanes leaves at once.
//
//   LeafEngine engine(*claim);                                   // one a thread; the claim outlives it
//   LeafTask tasks[2] = {{low_box.lower, low_box.upper, rows}, {high_box.lower, high_box.upper, rows}};
//   double margins[2];
//   engine.Margins(Recipe::kForward, tasks, margins);
//   if (margins[0] > 0) ...                                      // every conjunction is refuted in the low box
//
// The prover confirms a leaf with Margins before it writes it; Check calls the same function.
//
// Leaves of Recipe::kRoot need engine.SetRoot first, leaves with slopes SetListed or SetRoot.
//
// The method: forward, every neuron gets an affine function of the inputs below and one above its deployed value (as in
// symbolic interval propagation; Wang et al., USENIX Security 2018, and Singh et al., POPL 2019 for the relaxations);
// backward, a row is substituted through the relaxed network to the inputs; see relaxation.h.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "checker/box_walk.h"
#include "checker/certificate.h"
#include "checker/claim.h"
#include "checker/lanes.h"
#include "checker/relaxation.h"
#include "checker/root_bounds.h"

namespace pawl::checker {

struct LeafTask {
  std::span<const double> lower, upper;  // the leaf's box, one an input, lower ≤ upper, finite
  std::span<const RefutationRow> rows;   // one a conjunction; the same number in all tasks of a batch
  std::span<const Phase> phases = {};
  std::span<const std::uint8_t> weights = {};  // rows × phases, or none
  std::span<const SlopeTable> slopes = {};     // one a row, or none
};

class LeafEngine {
 public:
  // Allocates what Recipe::kRoot needs; the first batch of another recipe allocates the rest of ScratchBytes.
  explicit LeafEngine(const Claim& claim);
  static double ScratchBytes(const Claim& claim, Recipe recipe);
  // Multiplications and additions that bounding one leaf takes at most, with `conjunctions` rows; for limits of work.
  static double OperationsPerLeaf(const Claim& claim, Recipe recipe, std::size_t conjunctions);

  // The neurons that slopes belong to, and the bounds that Recipe::kRoot starts from; both outlive the engine's use.
  void SetListed(const std::vector<ListedNeuron>* listed) { listed_ = listed; }
  void SetRoot(const RootBounds* root);

  // Bounds 1 to kLanes leaves. margins[t] is the smallest, over task t's rows, of the lower bounds of the row over the
  // leaf; the leaf holds exactly where it is > 0. A leaf whose phases contradict its bounds has the largest finite
  // margin. Anything not finite on the way gives −infinity or NaN.
  void Margins(Recipe recipe, std::span<const LeafTask> tasks, std::span<double> margins);

  // Bounds of all values alone; then Value may be asked. `rows` of the tasks are ignored.
  void Bound(Recipe recipe, std::span<const LeafTask> tasks);
  // After Margins or Bound: what neuron `neuron` of value `value` (see Claim::steps) lies in for task `task`, in every
  // deployed evaluation of the leaf. {−infinity, +infinity} where the leaf could not be bounded (overflow is possible).
  Interval Value(std::size_t value, std::size_t neuron, std::size_t task) const;

 private:
  // The forward forms of one value in the current batch; arrays are indexed by neuron.
  struct Forms {
    std::vector<Lanes> below, above;    // neuron × width: affine forms in centred coordinates
    std::vector<Lanes> size;            // not below |either form| anywhere, nor |deployed value|
    std::vector<std::uint32_t> active;  // neurons that are not 0 in all lanes
  };

  // The whole of one batch, and the same compiled for larger vectors. Everything below is inlined into these.
  void BoundBody(Recipe recipe, std::span<const LeafTask> tasks);
  void MarginsBody(Recipe recipe, std::span<const LeafTask> tasks, std::span<double> margins);
  void Margins256(Recipe recipe, std::span<const LeafTask> tasks, std::span<double> margins);
  void Margins512(Recipe recipe, std::span<const LeafTask> tasks, std::span<double> margins);

  void AllocateForms();
  void LoadBoxes(std::span<const LeafTask> tasks);
  void LoadRoot(std::span<const LeafTask> tasks);
  void Forward(Recipe recipe, std::span<const LeafTask> tasks);
  void ForwardAffineStep(const Step& step, std::size_t v);
  void ForwardSparse(const Step& step, const Forms& from, Forms& to);
  void ForwardSum(const Step& step, std::size_t v);
  void ForwardSelect(const Step& step, std::size_t v);
  void ForwardMaximum(const Step& step, std::size_t v);
  void ForwardRelu(const Step& step, std::size_t v);
  void ForwardCurve(const Step& step, std::size_t v);
  void ChargeRow(const Step& step, std::size_t row, const Lanes& charge, const Lanes& operands, std::size_t v);
  void Concretise(std::size_t v);
  void TightenBackward(const Step& step);
  void Cut(std::span<const LeafTask> tasks, std::size_t v);
  void CutNeuron(const Neuron& neuron, std::size_t lane, bool positive);
  void StartRow(std::span<const LeafTask> tasks, std::size_t row);
  void SetSlopes(std::span<const LeafTask> tasks, std::size_t row);
  void AddWeights(std::span<const LeafTask> tasks, std::size_t row);
  Lanes ForwardRow() const;

  const Claim& claim_;
  std::size_t width_;  // inputs + 1
  double form_rounding_, row_rounding_;
  const std::vector<ListedNeuron>* listed_ = nullptr;
  const RootBounds* root_ = nullptr;
  Relaxation relaxation_;
  bool has_root_ = false;               // relaxation_ holds root_'s bounds, but for `touched_` and slopes of tables
  std::vector<Neuron> touched_;         // that differ from the root's
  std::vector<Forms> forms_;            // empty until needed
  std::vector<Lanes> centre_, spread_;  // of the boxes; the box lies in centre ± spread
  std::vector<Lanes> charges_, scratch_;
  std::vector<Lanes> output_row_, input_row_;  // the row to be shown positive
  Lanes row_constant_, row_charge_, row_size_;
  Lanes tiny_;    // above all underflow in forming a form
  Lanes poison_;  // 0 until something is not finite or may overflow, then NaN
  Lanes empty_;   // 1 where the phases contradict the bounds
};

}  // namespace pawl::checker
